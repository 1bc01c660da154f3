#!/usr/bin/env python3
"""What a program with the OpenAI SDK does, through the gateway.

Environment and output as of t/lib/recordings.py.  /openai/v1/,
/anthropic/v1/ and /gemini/v1/ of the gateway lead to a provider of that
kind; /API-NAME/v1/ to one more, for what may be held against a provider;
/list/v1/ has models.
"""

import asyncio
import json
import os
import time
import typing

import openai
import pydantic

import gateway
import reading
import wire

APIS = ("openai", "anthropic", "gemini")
MODELS = {"openai": "gpt-test", "anthropic": "claude-opus-4-6",
          "gemini": "gemini-2.5-flash"}
PATHS = {"openai": "/v1/chat/completions", "anthropic": "/v1/messages",
         "gemini": "/v1beta/models/"}

SIGNATURE = "RXJjQkNrZ0lCQkFCR0FJcVFMZz0="
BIG = "{\"id\":12345678901234567890,\"x\":1.10,\"a\":{\"z\":1,\"b\":[]}}"
PIXEL = ("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAC"
         "hwGA60e6kgAAAABJRU5ErkJggg==")

results = []
client = gateway.Client()
seen = 0


# --- answers of providers -------------------------------------------------
class Said:
    """An answer, to be written in any provider's way."""

    def __init__(self, text="", calls=(), thinking="", n=1, logprobs=False):
        self.text = text
        self.calls = calls          # (id, name, arguments as a text)
        self.thinking = thinking
        self.n = n
        self.logprobs = logprobs
        self.finish = "tool_calls" if calls else "stop"

    def reply(self, api, stream):
        make = getattr(self, api + ("_stream" if stream else "_json"))
        return make()

    # OpenAI

    def openai_json(self):
        message = {"role": "assistant", "content": self.text or None,
                   "refusal": None}
        if self.calls:
            message["tool_calls"] = [self.openai_call(c) for c in self.calls]
        return {"json": {
            "id": "chatcmpl-1", "object": "chat.completion",
            "created": 1700000000, "model": "gpt-test-1",
            "choices": [{"index": i, "message": message,
                         "logprobs": self.openai_logprobs(),
                         "finish_reason": self.finish}
                        for i in range(self.n)],
            "usage": self.openai_usage()}}

    def openai_logprobs(self):
        return self.logprobs and {"content": [
            {"token": self.text, "logprob": -0.25, "bytes": None,
             "top_logprobs": []}]} or None

    def openai_call(self, c):
        return {"id": c[0], "type": "function",
                "function": {"name": c[1], "arguments": c[2]}}

    def openai_usage(self):
        return {"prompt_tokens": 30, "completion_tokens": 12,
                "total_tokens": 42,
                "prompt_tokens_details": {"cached_tokens": 8}}

    def openai_stream(self):
        deltas = [{"role": "assistant", "content": ""}]
        deltas += [{"content": t} for t in pieces(self.text)]
        for i, c in enumerate(self.calls):
            deltas.append({"tool_calls": [dict(
                self.openai_call((c[0], c[1], "")), index=i)]})
            deltas += [{"tool_calls": [{"index": i, "function": {
                "arguments": a}}]} for a in pieces(c[2])]
        out = [self.openai_chunk(d) for d in deltas]
        out.append(self.openai_chunk({}, self.finish))
        out.append(dict(self.openai_chunk({}), choices=[],
                        usage=self.openai_usage()))
        return {"sse": out, "done": True}

    def openai_chunk(self, delta, finish=None):
        return {"id": "chatcmpl-1", "object": "chat.completion.chunk",
                "created": 1700000000, "model": "gpt-test-1",
                "choices": [{"index": 0, "delta": delta,
                             "finish_reason": finish}], "usage": None}

    # Anthropic

    def anthropic_blocks(self):
        out = []
        if self.thinking:
            out.append({"type": "thinking", "thinking": self.thinking,
                        "signature": SIGNATURE})
        if self.text:
            out.append({"type": "text", "text": self.text})
        return out + [{"type": "tool_use", "id": c[0], "name": c[1],
                       "input": Raw(c[2])} for c in self.calls]

    def anthropic_message(self, content, stop, usage):
        return {"id": "msg_1", "type": "message", "role": "assistant",
                "model": "claude-test-1", "content": content,
                "stop_reason": stop, "stop_sequence": None, "usage": usage}

    def anthropic_stop(self):
        return "tool_use" if self.calls else "end_turn"

    def anthropic_json(self):
        return {"text": Raw.dumps(self.anthropic_message(
            self.anthropic_blocks(), self.anthropic_stop(),
            {"input_tokens": 20, "cache_creation_input_tokens": 2,
             "cache_read_input_tokens": 8, "output_tokens": 12})),
            "headers": {"Content-Type": "application/json"}}

    def anthropic_stream(self):
        out = [event("message_start", message=self.anthropic_message(
            [], None, {"input_tokens": 20, "cache_creation_input_tokens": 2,
                       "cache_read_input_tokens": 8, "output_tokens": 1}))]
        for i, b in enumerate(self.anthropic_blocks()):
            out += anthropic_block(i, b)
        out.append(event("message_delta",
                         delta={"stop_reason": self.anthropic_stop(),
                                "stop_sequence": None},
                         usage={"output_tokens": 12}))
        return {"sse": out + [event("message_stop")]}

    # Gemini

    def gemini_parts(self):
        out = []
        if self.thinking:
            out.append({"text": self.thinking, "thought": True})
        if self.text:
            out.append({"text": self.text})
        for i, c in enumerate(self.calls):
            part = {"functionCall": {"id": c[0], "name": c[1],
                                     "args": Raw(c[2])}}
            if i == 0:
                part["thoughtSignature"] = SIGNATURE
            out.append(part)
        return out

    def gemini_answer(self, parts, finish):
        one = {"content": {"role": "model", "parts": parts}}
        if finish:
            one["finishReason"] = "STOP"
        return Raw.dumps({
            "candidates": [dict(one, index=i) for i in range(self.n)],
            "usageMetadata": {
                "promptTokenCount": 30, "candidatesTokenCount": 7,
                "thoughtsTokenCount": 5, "cachedContentTokenCount": 8,
                "totalTokenCount": 42},
            "modelVersion": "gemini-test-1", "responseId": "r1"})

    def gemini_json(self):
        return {"text": self.gemini_answer(self.gemini_parts(), True),
                "headers": {"Content-Type": "application/json"}}

    def gemini_stream(self):
        parts = self.gemini_parts()
        return {"sse": [self.gemini_answer([p], p is parts[-1])
                        for p in parts]}


class Raw:
    """A JSON text that is not to be spelled again."""

    def __init__(self, text):
        self.text = text

    @staticmethod
    def dumps(value):
        raws = []

        def take(raw):
            raws.append(raw.text)
            return "@raw%d@" % (len(raws) - 1)

        text = json.dumps(value, default=take, ensure_ascii=False)
        for i, raw in enumerate(raws):
            text = text.replace('"@raw%d@"' % i, raw)
        return text


def pieces(text, n=7):
    return [text[i:i + n] for i in range(0, len(text), n)]


def event(kind, **fields):
    return {"event": kind, "data": json.dumps(dict(type=kind, **fields),
                                              ensure_ascii=False)}


def anthropic_block(i, b):
    kind = b["type"]
    field, delta = {"text": ("text", "text_delta"),
                    "thinking": ("thinking", "thinking_delta"),
                    "tool_use": ("partial_json", "input_json_delta")}[kind]
    text = b["input"].text if kind == "tool_use" else b[field]
    start = dict(b, signature="") if kind == "thinking" else dict(b)
    start["input" if kind == "tool_use" else field] = \
        {} if kind == "tool_use" else ""
    out = [event("content_block_start", index=i, content_block=start)]
    out += [event("content_block_delta", index=i,
                  delta={"type": delta, field: t}) for t in pieces(text)]
    if kind == "thinking":
        out.append(event("content_block_delta", index=i, delta={
            "type": "signature_delta", "signature": SIGNATURE}))
    return out + [event("content_block_stop", index=i)]


# --- steps ----------------------------------------------------------------
class Case:
    """One test: answers for the mock first, then what the client does."""

    def __init__(self, name, api, place=None):
        self.name = "%s, %s" % (api, name)
        self.api = api
        self.place = place or "/" + api
        self.model = MODELS[api]
        self.problems = []
        self.requests = []

    def __enter__(self):
        return self

    def __exit__(self, kind, e, trace):
        if isinstance(e, Exception):
            line = trace.tb_lineno
            self.problems.append("line %d: %s: %.300s"
                                 % (line, kind.__name__, e))
        results.append({"name": self.name, "problems": self.problems[:8]})
        return isinstance(e, Exception)

    def answers(self, *replies):
        global seen
        gateway.script_mock([{"match": {"path": PATHS[self.api]},
                              "reply": [dict({"status": 200}, **r)
                                        for r in replies]}])
        seen = gateway.ledger(seen)[1]

    def says(self, said, stream=False, split="events"):
        reply = said.reply(self.api, stream)
        self.answers(dict(reply, split=split) if stream else reply)

    def got(self, checked=True):
        """The body of the one request the provider got."""
        global seen
        found, seen = gateway.ledger(seen)
        self.expect("number of requests", len(found), 1)
        if checked:
            self.problems += wire.problems(self.api, found[0], client.sent)
        return json.loads(found[0]["body"])

    def expect(self, what, got, want):
        wire.expect(self.problems, what, got, want)

    def ok(self, what, good, detail=None):
        if not good:
            self.problems.append("%s: %.300r" % (what, detail))

    def sdk(self, timeout=30):
        return client.at(self.place, timeout)

    def create(self, **request):
        return client.ask(self.place, dict({
            "model": self.model,
            "messages": [{"role": "user", "content": "Hi"}]}, **request))

    def account(self, said, answer, usage=True):
        """The SDK's answer, as reading.py reads it, against what was said."""
        self.expect("choices", sorted(answer.choices), list(range(said.n)))
        c = answer.choices[0]
        self.expect("text", c.text, said.text)
        self.expect("thinking", c.reasoning, said.thinking)
        self.expect("finish", c.finish, said.finish)
        self.expect("calls", [(k.id, k.name, reading.value(k.args))
                              for k in c.calls],
                    [(k[0], k[1], reading.value(k[2])) for k in said.calls])
        if usage is None:
            self.expect("usage", answer.usage, None)
        elif usage:
            self.expect("usage", {k: answer.usage[k] for k in (
                "prompt", "completion", "cached")},
                {"prompt": 30, "completion": 12, "cached": 8})


def whole(completion):
    return reading.openai_json(completion.to_dict(mode="json"))


def streamed(chunks):
    return reading.openai_chunks([c.to_dict(mode="json") for c in chunks])


def tool(name, **properties):
    return {"type": "function", "function": {
        "name": name, "description": "Reads %s" % name,
        "parameters": {"type": "object", "properties": properties or {
            "city": {"type": "string"}}}}}


# --- tests ----------------------------------------------------------------
def test_create(api):
    said = Said("Hello \u00e9\u4e2d\U0001f600 \"q\" \\ \n\t\u2028 end")
    with Case("create", api) as c:
        c.says(said)
        c.account(said, whole(c.create(max_completion_tokens=50)))
        c.got()


def test_stream(api):
    said = Said("Hello \u00e9\u4e2d\U0001f600, in several pieces")
    for split in ("bytes", "events", "random"):
        with Case("stream in %s, with usage" % split, api) as c:
            c.says(said, True, split)
            c.account(said, streamed(c.create(
                stream=True, stream_options={"include_usage": True})))
            c.got()
        with Case("stream in %s" % split, api) as c:
            c.says(said, True, split)
            c.account(said, streamed(c.create(stream=True)), usage=None)
            c.got()


CALLS = [("toolu_01A", "weather", "{\"city\":\"Oslo\"}"),
         ("toolu_01B", "weather", "{\"city\":\"Rome\"}"),
         ("toolu_01C", "numbers", BIG)]


def test_tools(api):
    said = Said("I look.", CALLS)
    tools = [tool("weather"), tool("numbers", id={"type": "integer"})]
    messages = [{"role": "user", "content": "Weather?"}]
    with Case("parallel tools, both turns", api) as c:
        c.says(said)
        answer = c.create(messages=messages, tools=tools)
        c.account(said, whole(answer))
        c.got()
        second_turn(c, tools, messages, answer.choices[0].message)

    with Case("parallel tools in a stream, both turns", api) as c:
        c.says(said, True, "bytes")
        with c.sdk().chat.completions.stream(
                model=c.model, messages=messages, tools=tools,
                stream_options={"include_usage": True}) as s:
            for _ in s:
                pass
            answer = s.get_final_completion()
        c.account(said, whole(answer))
        c.got()
        second_turn(c, tools, messages, answer.choices[0].message)


def second_turn(c, tools, messages, message):
    """The results come in another order than the calls."""
    turn = message.to_dict(mode="json")
    turn = {k: v for k, v in turn.items() if v is not None and k != "parsed"}
    for call in turn["tool_calls"]:
        call["function"].pop("parsed_arguments", None)
        call.pop("index", None)
    ids = [t["id"] for t in turn["tool_calls"]]
    results = dict(zip(ids, ["cold", "warm", "{\"sum\":1.50}"]))
    said = Said("Done.")
    c.says(said)
    c.account(said, whole(c.create(tools=tools, messages=messages + [turn] + [
        {"role": "tool", "tool_call_id": i, "content": results[i]}
        for i in (ids[1], ids[2], ids[0])])))
    body = c.got()
    if c.api == "anthropic":
        anthropic_second_turn(c, body, results)
    elif c.api == "gemini":
        gemini_second_turn(c, body)


def anthropic_second_turn(c, body, results):
    c.expect("roles", [m["role"] for m in body["messages"]],
             ["user", "assistant", "user"])
    blocks = body["messages"][1]["content"]
    uses = [b for b in blocks if b["type"] == "tool_use"]
    c.expect("calls", [(b["id"], b["name"], b["input"]) for b in uses],
             [(k[0], k[1], json.loads(k[2])) for k in CALLS])
    got = {}
    for b in body["messages"][2]["content"]:
        text = b["content"]
        got[b["tool_use_id"]] = text if isinstance(text, str) \
            else "".join(t["text"] for t in text)
    c.expect("results", got, results)


def gemini_second_turn(c, body):
    c.expect("roles", [t["role"] for t in body["contents"]],
             ["user", "model", "user"])
    calls = [p for p in body["contents"][1]["parts"] if "functionCall" in p]
    c.expect("calls", [(p["functionCall"]["name"], p["functionCall"]["args"])
                       for p in calls],
             [(k[1], json.loads(k[2])) for k in CALLS])
    c.expect("signature", calls[0].get("thoughtSignature"), SIGNATURE)
    results = [p["functionResponse"] for p in body["contents"][2]["parts"]]
    by_id = {k[0]: v for k, v in zip(CALLS, ("cold", "warm", "1.5"))}
    ids = [p["functionCall"].get("id") for p in calls]
    if all(ids):
        for r in results:
            where = ids.index(r.get("id"))
            c.ok("result of %s" % r.get("id"),
                 by_id[CALLS[where][0]] in json.dumps(r["response"]), r)
    else:
        # without ids the order is all there is
        for r, text in zip(results, ("cold", "warm", "1.5")):
            c.ok("result", text in json.dumps(r["response"]), r)


def test_raw_numbers(api):
    """Arguments keep numbers and order as the provider spells them."""
    with Case("spelling of arguments", api) as c:
        c.says(Said("", CALLS[2:]))
        answer = c.create(tools=[tool("numbers")])
        args = answer.choices[0].message.tool_calls[0].function.arguments
        c.expect("arguments", "".join(args.split()), BIG)
        c.got()


def test_images(api):
    with Case("images", api) as c:
        c.says(Said("A pixel."))
        c.create(max_tokens=100, messages=[{"role": "user", "content": [
            {"type": "text", "text": "What is it?"},
            {"type": "image_url", "image_url": {
                "url": "data:image/png;base64," + PIXEL,
                "detail": "low"}}]}])
        body = c.got()
        if api == "anthropic":
            c.expect("image", body["messages"][0]["content"][1],
                     {"type": "image", "source": {
                         "type": "base64", "media_type": "image/png",
                         "data": PIXEL}})
        elif api == "gemini":
            part = dict(body["contents"][0]["parts"][1])
            part.pop("mediaResolution", None)
            c.expect("image", part, {"inlineData": {
                "mimeType": "image/png", "data": PIXEL}})


class Place(pydantic.BaseModel):
    city: str
    people: int
    tags: typing.List[str]


def test_parse(api):
    text = "{\"city\":\"Oslo\",\"people\":700000,\"tags\":[\"a\"]}"
    with Case("response_format of a class", api) as c:
        c.says(Said(text))
        got = c.sdk().chat.completions.parse(
            model=c.model, response_format=Place,
            messages=[{"role": "user", "content": "Oslo?"}])
        c.expect("parsed", got.choices[0].message.parsed,
                 Place(city="Oslo", people=700000, tags=["a"]))
        body = c.got()
        if api == "anthropic":
            schema_sent(c, body.get("output_config", {}).get("format", {})
                        .get("schema") or forced_schema(body))
        elif api == "gemini":
            config = body["generationConfig"]
            schema_sent(c, config.get("responseJsonSchema")
                        or config.get("responseSchema"))


def forced_schema(body):
    """Of a tool that stands for the answer."""
    name = (body.get("tool_choice") or {}).get("name")
    return next((t["input_schema"] for t in body.get("tools") or []
                 if t["name"] == name), None)


def schema_sent(c, schema):
    c.ok("schema", schema and list(schema["properties"]) ==
         ["city", "people", "tags"] and schema["required"] ==
         ["city", "people", "tags"], schema)


def test_reasoning(api):
    said = Said("Four.", [("toolu_9", "weather", "{\"city\":\"Oslo\"}")],
                thinking="" if api == "openai" else "Two and two...")
    messages = [{"role": "user", "content": "2+2?"}]
    tools = [tool("weather")]
    for stream in (False, True):
        with Case("reasoning_effort%s" % (", stream" if stream else ""),
                  api) as c:
            c.says(said, stream)
            got = c.create(messages=messages, reasoning_effort="medium",
                           tools=tools, stream=stream, **(
                               {"stream_options": {"include_usage": True}}
                               if stream else {}))
            chunks = list(got) if stream else None
            c.account(said, streamed(chunks) if stream else whole(got))
            body = c.got()
            if api == "anthropic":
                effort = (body.get("output_config") or {}).get("effort")
                budget = (body.get("thinking") or {}).get("budget_tokens")
                c.ok("effort", effort == "medium" or budget, body)
                c.ok("thinking", "thinking" in body, body)
            elif api == "gemini":
                thinking = body["generationConfig"]["thinkingConfig"]
                c.ok("thinkingConfig", thinking.get("includeThoughts")
                     and ("thinkingBudget" in thinking
                          or "thinkingLevel" in thinking), thinking)
            if not stream and api == "anthropic":
                replay_thinking(c, messages, tools, got.choices[0].message)


def replay_thinking(c, messages, tools, message):
    """The signed thinking goes back to the provider that signed it."""
    turn = {k: v for k, v in message.to_dict(mode="json").items()
            if v is not None}
    c.says(Said("Done."))
    c.create(tools=tools, reasoning_effort="medium",
             messages=messages + [turn, {
                 "role": "tool", "tool_call_id": "toolu_9",
                 "content": "cold"}])
    first = c.got()["messages"][1]["content"][0]
    c.expect("thinking sent back", first, {
        "type": "thinking", "thinking": "Two and two...",
        "signature": SIGNATURE})


def test_n(api):
    with Case("n=2", api) as c:
        said = Said("One of two.", n=2)
        c.says(said)
        if api == "anthropic":
            refused(c, "n", n=2)
        else:
            c.account(said, whole(c.create(n=2)))
            body = c.got()
            if api == "gemini":
                c.expect("candidateCount", body["generationConfig"].get(
                    "candidateCount"), 2)


def refused(c, param, **request):
    """400 from the gateway itself, which names the field."""
    try:
        c.create(**request)
        c.problems.append("not refused")
    except openai.BadRequestError as e:
        c.expect("param", e.body["param"], param)
        c.expect("type", e.body["type"], "invalid_request_error")
    c.expect("requests", len(gateway.ledger(seen)[0]), 0)


def test_logprobs(api):
    with Case("logprobs", api) as c:
        if api == "openai":
            said = Said("Yes", logprobs=True)
            c.says(said)
            got = c.create(logprobs=True, top_logprobs=2)
            c.account(said, whole(got))
            c.expect("logprob", got.choices[0].logprobs.content[0].logprob,
                     -0.25)
            c.got()
        elif api == "anthropic":
            c.says(Said("Yes"))
            refused(c, "logprobs", logprobs=True)


def test_settings(api):
    with Case("settings", api) as c:
        c.says(Said("Yes"))
        c.create(temperature=1.7, top_p=0.5, stop="END", user="u-1",
                 max_completion_tokens=77)
        body = c.got(checked=True)
        if api == "anthropic":
            c.expect("temperature", body["temperature"], 1)
            c.expect("max_tokens", body["max_tokens"], 77)
        elif api == "gemini":
            c.expect("maxOutputTokens",
                     body["generationConfig"]["maxOutputTokens"], 77)
    with Case("no limit given", api) as c:
        c.says(Said("Yes"))
        c.create()
        body = c.got()
        if api == "anthropic":
            c.ok("max_tokens", body["max_tokens"] >= 1024,
                 body["max_tokens"])


# --- errors ---------------------------------------------------------------
# provider's status: status and code of the client, for providers of another
# dialect; OpenAI's go through, but for 401 and 403
STATUSES = {400: (400, None), 401: (502, "upstream_auth"),
            403: (502, "upstream_auth"), 404: (404, "model_not_found"),
            413: (413, "request_too_large"),
            429: (429, "rate_limit_exceeded"), 500: (500, None),
            503: (503, None), 529: (503, None)}

CLASSES = {400: openai.BadRequestError, 404: openai.NotFoundError,
           413: openai.APIStatusError, 429: openai.RateLimitError}

KINDS = {400: ("invalid_request_error", "INVALID_ARGUMENT"),
         401: ("authentication_error", "UNAUTHENTICATED"),
         403: ("permission_error", "PERMISSION_DENIED"),
         404: ("not_found_error", "NOT_FOUND"),
         413: ("request_too_large", "INVALID_ARGUMENT"),
         429: ("rate_limit_error", "RESOURCE_EXHAUSTED"),
         500: ("api_error", "INTERNAL"),
         503: ("overloaded_error", "UNAVAILABLE"),
         529: ("overloaded_error", "UNAVAILABLE")}


def error_body(api, status, message):
    if api == "openai":
        return {"error": {"message": message, "type": KINDS[status][0],
                          "param": None, "code": "code_%d" % status}}
    if api == "anthropic":
        return {"type": "error", "error": {"type": KINDS[status][0],
                                           "message": message}}
    return {"error": {"code": status, "message": message,
                      "status": KINDS[status][1]}}


def test_errors(api):
    for status, (want, code) in STATUSES.items():
        if api == "openai" and status == 529:
            continue            # not a status of theirs
        for stream in (False, True):
            name = "provider's %d%s" % (status, ", stream" * stream)
            place = "/%s-%d%s" % (api, status, "s" * stream)
            with Case(name, api, place) as c:
                c.answers({"status": status, "json": error_body(
                    api, status, "it went wrong"),
                    "headers": {"Content-Type": "application/json"}})
                one_error(c, status, want, code, stream)


def one_error(c, status, want, code, stream):
    if c.api == "openai" and status not in (401, 403):
        want, code = status, "code_%d" % status
    try:
        got = c.create(stream=stream)
        c.problems.append("no error: %.200r" % (list(got) if stream else got))
        return
    except openai.APIStatusError as e:
        c.expect("status", e.status_code, want)
        c.ok("class", isinstance(e, CLASSES.get(
            want, openai.InternalServerError)), type(e))
        body = e.body if isinstance(e.body, dict) else {}
        if code:
            c.expect("code", body.get("code"), code)
        if status not in (401, 403):
            c.expect("message", body.get("message"), "it went wrong")
        c.ok("type", body.get("type"), e.body)


def test_broken_streams(api):
    """No stream may end as if it were whole."""
    said = Said("It begins and goes on for a while.").reply(api, True)
    events = said["sse"]
    error = {"openai": error_body("openai", 500, "it broke"),
             "anthropic": event("error", error={
                 "type": "overloaded_error", "message": "it broke"}),
             "gemini": error_body("gemini", 503, "it broke")}[api]
    if api == "gemini":
        first = json.loads(events[0])
        del first["candidates"][0]["finishReason"]
        events = [first]
    ways = {"error": {"sse": events[:4] + [error]},
            "end": {"sse": events[:4]},
            "cut": {"sse": events[:4] + [{"x": 1}], "cut": sum(
                len(sse(e)) for e in events[:4])}}
    for name, reply in ways.items():
        with Case("stream with %s in mid-text" % name, api,
                  "/%s-%s" % (api, name)) as c:
            c.answers(dict(reply, split="events"))
            broken_stream(c, name)


def sse(e):
    if isinstance(e, dict) and "event" in e:
        return "event: %s\ndata: %s\n\n" % (e["event"], e["data"])
    return "data: %s\n\n" % (e if isinstance(e, str) else json.dumps(
        e, ensure_ascii=False))


def broken_stream(c, name):
    text, finish = "", None
    try:
        for chunk in c.create(stream=True):
            for choice in chunk.choices:
                text += choice.delta.content or ""
                finish = choice.finish_reason or finish
        c.problems.append("ended without an error")
    except openai.APIError as e:
        c.ok("type of error", not isinstance(e, openai.APIStatusError), e)
        if name == "error":
            c.ok("message", "it broke" in str(e), e)
    c.ok("text before it", text and "It begins and goes on".startswith(
        text[:20]), text)
    c.expect("finish", finish, None)


# --- the rest -------------------------------------------------------------
def test_models():
    with Case("models", "openai", "/list") as c:
        ids = [m.id for m in c.sdk().models.list()]
        c.expect("ids", sorted(ids), ["alpha", "beta"])
        one = c.sdk().models.retrieve("beta")
        c.expect("model", (one.id, one.object), ("beta", "model"))
        try:
            c.sdk().models.retrieve("gamma")
            c.problems.append("found a model that is not there")
        except openai.NotFoundError as e:
            c.expect("code", e.body["code"], "model_not_found")
    with Case("a model nobody has", "openai", "/list") as c:
        c.says(Said("no"))
        try:
            c.model = "gamma"
            c.create()
            c.problems.append("answered")
        except openai.NotFoundError as e:
            c.expect("code", e.body["code"], "model_not_found")
        c.expect("requests", len(gateway.ledger(seen)[0]), 0)


def test_async(api):
    async def one(sdk, c, i):
        if i % 2:
            return whole(await sdk.chat.completions.create(
                model=c.model, messages=[{"role": "user", "content": "x"}]))
        stream = await sdk.chat.completions.create(
            model=c.model, stream=True,
            messages=[{"role": "user", "content": "x"}])
        return streamed([chunk async for chunk in stream])

    async def many(c):
        async with openai.AsyncOpenAI(
                base_url=os.environ["GATEWAY"] + c.place + "/v1",
                api_key=wire.CLIENT_KEY, max_retries=0, timeout=30) as sdk:
            return await asyncio.gather(*[one(sdk, c, i) for i in range(20)])

    with Case("20 at once, asynchronous", api) as c:
        said = Said("Many at once.")
        match = {"path": PATHS[api]}
        stream = {"path_re": ":stream"} if api == "gemini" \
            else {"body_re": '"stream":\\s*true'}
        gateway.script_mock([
            {"match": dict(match, **stream), "reply": dict(
                said.reply(api, True), split="events", gap=0.005)},
            {"match": match, "reply": said.reply(api, False)}])
        for answer in asyncio.run(many(c)):
            c.account(said, answer, usage=False)


def test_timeouts():
    with Case("the client's timeout", "openai", "/openai-slow") as c:
        c.answers({"hang": True})
        start = time.monotonic()
        try:
            c.sdk(timeout=0.3).chat.completions.create(
                model=c.model, messages=[{"role": "user", "content": "x"}])
            c.problems.append("answered")
        except openai.APITimeoutError:
            c.ok("soon", time.monotonic() - start < 3)

    with Case("the provider's timeout", "openai", "/openai-hang") as c:
        c.answers({"hang": True})
        try:
            c.create()
            c.problems.append("answered")
        except openai.InternalServerError as e:
            c.expect("status", e.status_code, 504)
            c.ok("error object", e.body and e.body["message"], e.body)

    with Case("a pause inside a stream", "openai", "/openai-stall") as c:
        said = Said("It begins and goes on for a while.")
        reply = said.reply("openai", True)
        c.answers(dict(reply, stall=sum(len(sse(e))
                                        for e in reply["sse"][:4])))
        broken_stream(c, "stall")

    with Case("after the timeouts", "openai") as c:
        said = Said("Fine.")
        c.says(said)
        c.account(said, whole(c.create()))
        c.got()


def main():
    for name, test in sorted(globals().items()):
        if not name.startswith("test_"):
            continue
        if name in ("test_models", "test_timeouts"):
            test()
        else:
            for api in APIS:
                test(api)
    results.extend(c for api in APIS for c in wire.skipped(api))
    print(json.dumps(results))


if __name__ == "__main__":
    main()
