#!/usr/bin/env python3
"""What a program with the Anthropic SDK does, through the gateway.

Environment and output as of t/lib/recordings.py.  /openai/v1/,
/anthropic/v1/ and /gemini/v1/ of the gateway lead to a provider of that
kind; /API-NAME/v1/ to one more, for what may be held against a provider;
/over-API/v1/ to such a one and, should it fail, to one of the next kind;
/list/v1/ has one model, and so has /small/v1/, which takes little.
"""

import asyncio
import json
import os

import anthropic
import httpx
from openai.types.chat import completion_create_params

import gateway
import sdk_openai
import wire
from sdk_openai import (APIS, BIG, MODELS, PATHS, PIXEL, SIGNATURE,
                        error_body, pieces, sse)

NEXT = {"openai": "anthropic", "anthropic": "gemini", "gemini": "openai"}
BETA = "context-1m-2025-08-07"

USAGE = {"openai": (22, 8, 0, 12), "anthropic": (20, 8, 2, 12),
         "gemini": (22, 8, 0, 12)}

results = []


class Said(sdk_openai.Said):
    """With thoughts of OpenAI-like providers, and other ends."""

    # our stop_reason: what OpenAI and Gemini call it
    STOPS = {"max_tokens": ("length", "MAX_TOKENS"),
             "refusal": ("content_filter", "SAFETY")}

    def __init__(self, text="", calls=(), thinking="", stop=None,
                 sequence=None):
        super().__init__(text, calls, thinking)
        self.stop = stop or ("tool_use" if calls else "end_turn")
        self.sequence = sequence
        if stop in self.STOPS:
            self.finish = self.STOPS[stop][0]

    def openai_json(self):
        reply = super().openai_json()
        message = reply["json"]["choices"][0]["message"]
        if self.thinking:
            message["reasoning_content"] = self.thinking
        return reply

    def openai_stream(self):
        reply = super().openai_stream()
        reply["sse"][1:1] = [self.openai_chunk({"reasoning_content": t})
                             for t in pieces(self.thinking)]
        return reply

    def anthropic_stop(self):
        return self.stop

    def anthropic_message(self, content, stop, usage):
        message = super().anthropic_message(content, stop, usage)
        return dict(message, stop_sequence=stop and self.sequence)

    def anthropic_stream(self):
        reply = super().anthropic_stream()
        if self.sequence:
            e = json.loads(reply["sse"][-2]["data"])
            e["delta"]["stop_sequence"] = self.sequence
            reply["sse"][-2]["data"] = json.dumps(e)
        return reply

    def gemini_answer(self, parts, finish):
        text = super().gemini_answer(parts, finish)
        if self.stop in self.STOPS:
            text = text.replace('"STOP"', '"%s"' % self.STOPS[self.stop][1])
        return text


# --- steps ----------------------------------------------------------------
class Case(sdk_openai.Case):
    """One test: answers for the mock first, then what the client does."""

    def __init__(self, name, api, place=None):
        super().__init__(name, api, place)
        self.sent = None
        self.version = None
        self.http = anthropic.DefaultHttpxClient(
            event_hooks={"request": [self.remember]}, trust_env=False)

    def __exit__(self, kind, e, trace):
        self.http.close()
        good = super().__exit__(kind, e, trace)
        results.append(sdk_openai.results.pop())
        return good

    def remember(self, request):
        self.sent = request.content
        self.version = request.headers["anthropic-version"]

    def sdk(self, timeout=30):
        return anthropic.Anthropic(
            base_url=os.environ["GATEWAY"] + self.place, max_retries=0,
            api_key=wire.CLIENT_KEY, timeout=timeout, http_client=self.http)

    def ask(self, **request):
        return dict({"model": self.model, "max_tokens": 2000, "messages": [
            {"role": "user", "content": "Hi"}]}, **request)

    def create(self, **request):
        return self.sdk().messages.create(**self.ask(**request))

    def stream(self, **request):
        """(the final message, the names of its events)"""
        with self.sdk().messages.stream(**self.ask(**request)) as s:
            seen = list(s)
            in_order(self, seen)
            return s.get_final_message(), [e.type for e in seen]

    def arrived(self):
        found, sdk_openai.seen = gateway.ledger(sdk_openai.seen)
        return found

    def got(self):
        """The body of the one request the provider got."""
        found = self.arrived()
        self.expect("number of requests", len(found), 1)
        return self.read(self.api, found[0])

    def read(self, api, request):
        body = json.loads(request["body"])
        head = {}
        for name, value in request["headers"]:
            head.setdefault(name.lower(), []).append(value)
        wire.common(self.problems, api, request, head)
        getattr(self, "read_" + api)(request, head, body)
        return body

    def read_openai(self, request, head, body):
        self.expect("path", request["path"], PATHS["openai"])
        wire.only_credential(self.problems, head, "authorization",
                             "Bearer " + wire.KEYS["openai"])
        self.expect("anthropic-version", head.get("anthropic-version"), None)
        kind = completion_create_params.CompletionCreateParamsStreaming \
            if body.get("stream") \
            else completion_create_params.CompletionCreateParamsNonStreaming
        plain = dict(body, messages=[
            {k: v for k, v in m.items() if k != "reasoning_content"}
            for m in body["messages"]])
        wire.fits(self.problems, kind, plain, "body")
        if body.get("stream"):
            self.expect("stream_options", body.get("stream_options"),
                        {"include_usage": True})

    def read_anthropic(self, request, head, body):
        self.expect("path", request["path"], PATHS["anthropic"])
        wire.only_credential(self.problems, head, "x-api-key",
                             wire.KEYS["anthropic"])
        self.expect("anthropic-version", head.get("anthropic-version"),
                    [self.version])
        if self.api == "anthropic":
            self.expect("body", request["body"].encode(), self.sent)

    def read_gemini(self, request, head, body):
        stream = json.loads(self.sent).get("stream")
        self.expect("path", request["path"], "/v1beta/models/%s:%s" % (
            MODELS["gemini"], "streamGenerateContent?alt=sse" if stream
            else "generateContent"))
        wire.only_credential(self.problems, head, "x-goog-api-key",
                             wire.KEYS["gemini"])
        wire.gemini_types(self.problems, body)
        wire.gemini_turns(self.problems, body.get("contents") or [])

    def account(self, said, message, api=None):
        """The SDK's message against what was said."""
        blocks = message.content
        self.expect("role", (message.type, message.role),
                    ("message", "assistant"))
        self.ok("id", message.id.startswith("msg_"), message.id)
        self.expect("text", "".join(b.text for b in blocks
                                    if b.type == "text"), said.text)
        self.expect("thinking", "".join(b.thinking for b in blocks
                                        if b.type == "thinking"),
                    said.thinking)
        self.expect("calls", [(b.id, b.name, b.input) for b in blocks
                              if b.type == "tool_use"],
                    [(k[0], k[1], json.loads(k[2])) for k in said.calls])
        self.expect("stop", message.stop_reason, said.stop)
        self.expect("stop_sequence", message.stop_sequence, said.sequence)
        u = message.usage
        self.expect("usage", (u.input_tokens, u.cache_read_input_tokens or 0,
                              u.cache_creation_input_tokens or 0,
                              u.output_tokens), USAGE[api or self.api])


def in_order(c, seen):
    """Blocks come one after the other, counted from 0."""
    count, inside = 0, False
    for e in seen:
        if e.type == "content_block_start":
            c.expect("start inside a block", inside, False)
            c.expect("index", e.index, count)
            inside = True
        elif e.type == "content_block_delta":
            c.expect("delta of a block", (inside, e.index), (True, count))
        elif e.type == "content_block_stop":
            c.expect("stop of a block", (inside, e.index), (True, count))
            count, inside = count + 1, False
    c.expect("starts", [e.type for e in seen].count("message_start"), 1)


def tool(name, **properties):
    return {"name": name, "description": "Reads %s" % name, "input_schema": {
        "type": "object", "properties": properties or {
            "city": {"type": "string"}}}}


def raised(c, call, kind, status, name):
    """The exception of the SDK, and its body in Anthropic's shape."""
    try:
        got = call()
        c.problems.append("no error: %.200r" % (got,))
        return None
    except anthropic.APIStatusError as e:
        c.expect("class", type(e).__name__, kind.__name__)
        c.expect("status", e.status_code, status)
        shape(c, e.body, name)
        return e


def shape(c, body, name):
    if not isinstance(body, dict) or not isinstance(body.get("error"), dict):
        c.problems.append("not Anthropic's error: %.300r" % (body,))
        return
    c.expect("type", body.get("type"), "error")
    c.expect("fields", set(body) - {"type", "error", "request_id"}, set())
    c.expect("type of the error", body["error"].get("type"), name)
    c.ok("message", body["error"].get("message"), body)


# --- tests ----------------------------------------------------------------
def test_create(api):
    said = Said("Hello \u00e9\u4e2d\U0001f600 \"q\" \\ \n\t\u2028 end")
    with Case("create", api) as c:
        c.says(said)
        c.account(said, c.create())
        body = c.got()
        if api == "openai":
            c.expect("messages", body["messages"],
                     [{"role": "user", "content": "Hi"}])
            c.expect("limit", body.get("max_completion_tokens",
                                       body.get("max_tokens")), 2000)
        elif api == "gemini":
            c.expect("contents", body["contents"],
                     [{"role": "user", "parts": [{"text": "Hi"}]}])
            c.expect("limit", body["generationConfig"]["maxOutputTokens"],
                     2000)


def test_stream(api):
    said = Said("Hello \u00e9\u4e2d\U0001f600, in several pieces")
    for split in ("bytes", "events", "random"):
        with Case("stream in %s" % split, api) as c:
            c.says(said, True, split)
            message, kinds = c.stream()
            c.account(said, message)
            c.expect("first event", kinds[0], "message_start")
            c.expect("last events", kinds[-2:],
                     ["message_delta", "message_stop"])
            c.expect("blocks", kinds.count("content_block_start"), 1)
            c.ok("several deltas", kinds.count("content_block_delta") > 1
                 or api == "gemini", kinds)
            c.got()

    with Case("events of create with stream", api) as c:
        c.says(said, True)
        events = list(c.create(stream=True))
        c.expect("first event", events[0].type, "message_start")
        c.expect("content of the start", events[0].message.content, [])
        c.expect("deltas", "".join(e.delta.text for e in events
                                   if e.type == "content_block_delta"),
                 said.text)
        c.expect("stop", [e.delta.stop_reason for e in events
                          if e.type == "message_delta"], ["end_turn"])
        c.got()


CALLS = sdk_openai.CALLS
RESULTS = {"toolu_01A": "cold", "toolu_01B": "warm", "toolu_01C": "sum 1.50"}
ORDER = ("toolu_01B", "toolu_01C", "toolu_01A")


def test_tools(api):
    said = Said("I look.", CALLS)
    tools = [tool("weather"), tool("numbers", id={"type": "integer"})]
    messages = [{"role": "user", "content": "Weather?"}]
    with Case("parallel tools, both turns", api) as c:
        c.says(said)
        answer = c.create(messages=messages, tools=tools,
                          tool_choice={"type": "any"})
        c.account(said, answer)
        tools_sent(c, c.got())
        second_turn(c, tools, messages, answer)

    for split in ("bytes", "events", "random"):
        with Case("parallel tools in a stream in %s, both turns" % split,
                  api) as c:
            c.says(said, True, split)
            answer, kinds = c.stream(messages=messages, tools=tools,
                                     tool_choice={"type": "any"})
            c.account(said, answer)
            c.expect("blocks", kinds.count("content_block_start"),
                     kinds.count("content_block_stop"))
            tools_sent(c, c.got())
            second_turn(c, tools, messages, answer)


def tools_sent(c, body):
    if c.api == "openai":
        c.expect("names", [t["function"]["name"] for t in body["tools"]],
                 ["weather", "numbers"])
        c.expect("schema", body["tools"][0]["function"]["parameters"],
                 tool("weather")["input_schema"])
        c.expect("choice", body["tool_choice"], "required")
    elif c.api == "gemini":
        found = [f for t in body["tools"]
                 for f in t["functionDeclarations"]]
        c.expect("names", [f["name"] for f in found], ["weather", "numbers"])
        c.expect("choice",
                 body["toolConfig"]["functionCallingConfig"]["mode"], "ANY")


def second_turn(c, tools, messages, message):
    """The results come in another order than the calls, a text follows."""
    turn = {"role": "assistant", "content": [
        b.to_dict(mode="json") for b in message.content]}
    for b in turn["content"]:
        for name in ("caller", "citations", "parsed_output"):
            b.pop(name, None)
    content = [{"type": "tool_result", "tool_use_id": i, "content": RESULTS[i]}
               for i in ORDER]
    content[1]["content"] = [{"type": "text", "text": RESULTS[ORDER[1]]}]
    content.append({"type": "text", "text": "Go on."})
    said = Said("Done.")
    c.says(said)
    c.account(said, c.create(tools=tools, messages=messages + [
        turn, {"role": "user", "content": content}]))
    body = c.got()
    if c.api == "openai":
        openai_second_turn(c, body)
    elif c.api == "gemini":
        gemini_second_turn(c, body)


def openai_second_turn(c, body):
    turns = body["messages"]
    c.expect("roles", [m["role"] for m in turns],
             ["user", "assistant", "tool", "tool", "tool", "user"])
    c.expect("text", turns[1]["content"], "I look.")
    c.expect("calls", [(k["id"], k["function"]["name"],
                        json.loads(k["function"]["arguments"]))
                       for k in turns[1]["tool_calls"]],
             [(k[0], k[1], json.loads(k[2])) for k in CALLS])
    c.expect("results", {m["tool_call_id"]: "".join(wire.texts(m["content"]))
                         for m in turns[2:5]}, RESULTS)
    c.expect("what follows", wire.texts(turns[5]["content"]), ["Go on."])


def gemini_second_turn(c, body):
    c.expect("roles", [t["role"] for t in body["contents"]],
             ["user", "model", "user"])
    calls = [p for p in body["contents"][1]["parts"] if "functionCall" in p]
    c.expect("calls", [(p["functionCall"]["name"], p["functionCall"]["args"])
                       for p in calls],
             [(k[1], json.loads(k[2])) for k in CALLS])
    c.expect("signature", calls[0].get("thoughtSignature"), SIGNATURE)
    parts = body["contents"][2]["parts"]
    found = [p["functionResponse"] for p in parts if "functionResponse" in p]
    c.expect("number of results", len(found), len(CALLS))
    ids = [p["functionCall"].get("id") for p in calls]
    for i, r in enumerate(found):
        # without ids the order is all there is
        where = ids.index(r.get("id")) if all(ids) else i
        c.expect("name", r["name"], CALLS[where][1])
        c.ok("result of %s" % CALLS[where][0],
             RESULTS[CALLS[where][0]] in json.dumps(r["response"]), r)
    c.expect("what follows", parts[-1], {"text": "Go on."})


def test_tool_errors(api):
    """A result that is an error, and one of nothing."""
    with Case("failed and empty results", api) as c:
        c.says(Said("Done."))
        c.create(tools=[tool("weather")], messages=[
            {"role": "user", "content": "Weather?"},
            {"role": "assistant", "content": [
                {"type": "tool_use", "id": k[0], "name": k[1],
                 "input": json.loads(k[2])} for k in CALLS[:2]]},
            {"role": "user", "content": [
                {"type": "tool_result", "tool_use_id": "toolu_01A",
                 "is_error": True, "content": "no such city"},
                {"type": "tool_result", "tool_use_id": "toolu_01B"}]}])
        body = c.got()
        if api == "openai":
            c.expect("ids", [m["tool_call_id"] for m in body["messages"][2:]],
                     ["toolu_01A", "toolu_01B"])
            c.ok("error", "no such city" in json.dumps(body["messages"][2]),
                 body["messages"][2])
        elif api == "gemini":
            c.ok("error", "no such city" in json.dumps(body["contents"][2]),
                 body["contents"][2])


def test_tool_choice(api):
    want = {"auto": ("auto", {"mode": "AUTO"}),
            "none": ("none", {"mode": "NONE"}),
            "tool": ({"type": "function", "function": {"name": "weather"}},
                     {"mode": "ANY", "allowedFunctionNames": ["weather"]})}
    for kind, (openai, gemini) in want.items():
        with Case("tool_choice %s" % kind, api) as c:
            c.says(Said("Yes."))
            choice = {"type": kind}
            if kind == "tool":
                choice["name"] = "weather"
            if kind != "none":
                choice["disable_parallel_tool_use"] = True
            c.create(tools=[tool("weather")], tool_choice=choice)
            body = c.got()
            if api == "openai":
                c.expect("choice", body.get("tool_choice", "auto"), openai)
                if kind != "none":
                    c.expect("parallel", body["parallel_tool_calls"], False)
            elif api == "gemini":
                c.expect("choice", (body.get("toolConfig") or {}).get(
                    "functionCallingConfig", {"mode": "AUTO"}), gemini)


def test_raw_numbers(api):
    """Inputs keep numbers and order as the provider spells them."""
    for stream in (False, True):
        with Case("spelling of inputs%s" % (", stream" * stream), api) as c:
            c.says(Said("", CALLS[2:]), stream)
            text = c.sdk().messages.with_raw_response.create(**c.ask(
                tools=[tool("numbers")], stream=stream)).http_response
            text = text.read().decode()
            if stream:
                text = "".join(
                    json.loads(line[6:])["delta"]["partial_json"]
                    for line in text.splitlines()
                    if line.startswith("data: ")
                    and "input_json_delta" in line)
            c.ok("input", BIG in "".join(text.split()), text)
            c.got()


def test_thinking(api):
    said = Said("Four.", thinking="Two and two \u2028 are four.")
    ask = {"type": "enabled", "budget_tokens": 1024}
    messages = [{"role": "user", "content": "2 + 2?"}]
    for stream in (False, True):
        with Case("thinking%s, both turns" % (", stream" * stream), api) as c:
            c.says(said, stream)
            answer = c.stream(messages=messages, thinking=ask)[0] if stream \
                else c.create(messages=messages, thinking=ask)
            c.account(said, answer)
            c.expect("blocks", [b.type for b in answer.content],
                     ["thinking", "text"])
            if api == "anthropic":
                c.expect("signature", answer.content[0].signature, SIGNATURE)
            thinking_sent(c, c.got())

            c.says(Said("Eight."))
            c.create(thinking=ask, messages=messages + [
                {"role": "assistant", "content": [
                    b.to_dict(mode="json") for b in answer.content]},
                {"role": "user", "content": "Twice that?"}])
            body = c.got()
            if api == "openai":
                c.expect("texts", [t for m in body["messages"]
                                   for t in wire.texts(m["content"])],
                         ["2 + 2?", "Four.", "Twice that?"])
            elif api == "gemini":
                c.expect("texts", [t for m in body["contents"]
                                   for t in wire.texts(m["parts"])],
                         ["2 + 2?", "Four.", "Twice that?"])


def thinking_sent(c, body):
    if c.api == "openai":
        c.ok("effort", body.get("reasoning_effort"), body)
    elif c.api == "gemini":
        config = body["generationConfig"]["thinkingConfig"]
        c.expect("thoughts", config.get("includeThoughts"), True)
        c.expect("budget", config.get("thinkingBudget"), 1024)


def test_stops(api):
    stops = ["max_tokens", "refusal"]
    if api == "anthropic":
        stops += ["stop_sequence", "pause_turn"]
    for stop in stops:
        for stream in (False, True):
            name = "stop_reason %s%s" % (stop, ", stream" * stream)
            with Case(name, api) as c:
                said = Said("It ends", stop=stop, sequence="END"
                            if stop == "stop_sequence" else None)
                c.says(said, stream)
                c.account(said, c.stream()[0] if stream else c.create())
                c.got()


def test_settings(api):
    system = [{"type": "text", "text": "Be brief.", "cache_control": {
        "type": "ephemeral"}}, {"type": "text", "text": "Be kind."}]
    for name, given, want in (("a text", "Be brief.", ["Be brief."]),
                              ("blocks", system, ["Be brief.", "Be kind."])):
        with Case("system prompt of %s, settings" % name, api) as c:
            c.says(Said("Yes"))
            settings = {"temperature": 0.5, "top_p": 0.9}
            if api != "openai":
                settings["top_k"] = 40
            c.create(system=given, stop_sequences=["END", "STOP"],
                     metadata={"user_id": "u-1"}, extra_body=settings)
            body = c.got()
            if api == "openai":
                first = body["messages"][0]
                c.ok("role", first["role"] in ("system", "developer"), first)
                c.expect("system", "\n\n".join(wire.texts(first["content"])),
                         "\n\n".join(want))
                c.expect("turns", body["messages"][1:],
                         [{"role": "user", "content": "Hi"}])
                c.expect("settings", (body["temperature"], body["top_p"],
                                      body["stop"]),
                         (0.5, 0.9, ["END", "STOP"]))
            elif api == "gemini":
                c.expect("system", "\n\n".join(wire.texts(
                    body["systemInstruction"]["parts"])), "\n\n".join(want))
                config = body["generationConfig"]
                c.expect("settings", (
                    config["temperature"], config["topP"], config["topK"],
                    config["stopSequences"]),
                    (0.5, 0.9, 40, ["END", "STOP"]))


def test_images(api):
    with Case("images", api) as c:
        c.says(Said("A pixel."))
        c.create(messages=[{"role": "user", "content": [
            {"type": "text", "text": "What is it?"},
            {"type": "image", "source": {
                "type": "base64", "media_type": "image/png",
                "data": PIXEL}}]}])
        body = c.got()
        if api == "openai":
            part = body["messages"][0]["content"][1]
            c.expect("image", (part["type"], part["image_url"]["url"]),
                     ("image_url", "data:image/png;base64," + PIXEL))
        elif api == "gemini":
            c.expect("image", body["contents"][0]["parts"][1], {
                "inlineData": {"mimeType": "image/png", "data": PIXEL}})


def test_headers(api):
    """Only Anthropic is told what is meant for Anthropic."""
    with Case("version and betas", api) as c:
        c.says(Said("Yes"))
        c.sdk().messages.create(
            extra_headers={"anthropic-beta": BETA}, **c.ask())
        found = c.arrived()
        head = {k.lower(): v for k, v in found[0]["headers"]}
        c.expect("beta", head.get("anthropic-beta"),
                 BETA if api == "anthropic" else None)
        c.expect("version", head.get("anthropic-version"),
                 c.version if api == "anthropic" else None)


# --- errors ---------------------------------------------------------------
# provider's status: class, status and type of the client.  A refused key is
# the gateway's; 529 is a status of Anthropic's
STATUSES = {
    400: (anthropic.BadRequestError, 400, "invalid_request_error"),
    401: (anthropic.InternalServerError, 502, "api_error"),
    403: (anthropic.InternalServerError, 502, "api_error"),
    404: (anthropic.NotFoundError, 404, "not_found_error"),
    413: (anthropic.ContentTooLargeError, 413, "request_too_large"),
    429: (anthropic.RateLimitError, 429, "rate_limit_error"),
    500: (anthropic.InternalServerError, 500, "api_error"),
    503: (anthropic.ServiceUnavailableError, 503, "overloaded_error"),
    529: (anthropic.ServiceUnavailableError, 503, "overloaded_error")}


def test_errors(api):
    for status, (kind, want, name) in STATUSES.items():
        if api == "openai" and status == 529:
            continue            # not a status of theirs
        if api == "anthropic" and status == 529:
            kind, want = anthropic.OverloadedError, 529
        for stream in (False, True):
            title = "provider's %d%s" % (status, ", stream" * stream)
            place = "/%s-%d%s" % (api, status, "s" * stream)
            with Case(title, api, place) as c:
                c.answers({"status": status, "json": error_body(
                    api, status, "it went wrong"), "headers": {
                        "Content-Type": "application/json",
                        "Retry-After": "7"}})
                e = raised(c, lambda: c.create(stream=stream), kind, want,
                           name)
                if e is None:
                    continue
                c.ok("message", status in (401, 403)
                     or "it went wrong" in e.message, e.message)
                if status in (429, 503, 529):
                    c.expect("retry-after",
                             e.response.headers.get("retry-after"), "7")
                c.expect("requests", len(c.arrived()), 1)


def error_event(api):
    if api == "anthropic":
        return sdk_openai.event("error", error={
            "type": "overloaded_error", "message": "it broke"})
    return error_body(api, 500 if api == "openai" else 503, "it broke")


def test_broken_streams(api):
    """No stream may end as if it were whole."""
    events = Said("It begins and goes on for a while.").reply(
        api, True)["sse"]
    error = error_event(api)
    if api == "gemini":
        first = json.loads(events[0])
        del first["candidates"][0]["finishReason"]
        events = [first]
    begin = sum(len(sse(e)) for e in events[:4])
    ways = {"error": {"sse": events[:4] + [error]},
            "end": {"sse": events[:4]},
            "cut": {"sse": events[:4] + [{"x": 1}], "cut": begin},
            "stall": {"sse": events[:4] + [{"x": 1}], "stall": begin}}
    types = {"error": "api_error" if api == "openai"
             else "overloaded_error"}
    for name, reply in ways.items():
        with Case("stream with %s in mid-text" % name, api,
                  "/%s-%s" % (api, name)) as c:
            c.answers(dict(reply, split="events"))
            broken_stream(c, name, types.get(name))


def broken_stream(c, name, kind):
    text, seen = "", []
    try:
        for e in c.create(stream=True):
            seen.append(e.type)
            if e.type == "content_block_delta":
                text += e.delta.text
        c.problems.append("ended without an error: %s" % seen[-4:])
    except anthropic.APIStatusError as e:
        c.expect("status", e.status_code, 200)
        body = e.body if isinstance(e.body, dict) else {}
        shape(c, e.body, kind or (body.get("error") or {}).get("type"))
        c.ok("message", name != "error" or "it broke" in str(e), e)
        c.ok("type of error", kind or body["error"]["type"] in (
            "api_error", "timeout_error"), e.body)
    c.ok("text before it", text and "It begins and goes on".startswith(
        text[:20]), text)
    c.ok("no end", "message_delta" not in seen and "message_stop" not in seen,
         seen)
    c.expect("requests", len(c.arrived()), 1)


def test_failover(api):
    """Another API answers, before the first content."""
    other = NEXT[api]
    said = Said("From the second.", CALLS[:1])
    first = Said("Never told.").reply(api, True)["sse"]
    start = 1 if api != "gemini" else 0
    ways = [("a status", False, {"status": 503, "json": error_body(
        api, 503, "it went wrong")}),
        ("a status, stream", True, {"status": 503, "json": error_body(
            api, 503, "it went wrong")}),
        ("an end before the content", True, {"sse": first[:start] + [{
            "x": 1}], "cut": sum(len(sse(e)) for e in first[:start])})]
    error = error_event(api)
    ways.append(("an error event before the content", True,
                 {"sse": first[:start] + [error]}))
    for name, stream, reply in ways:
        with Case("failover after %s" % name, api, "/over-" + api) as c:
            gateway.script_mock([
                {"match": {"path": PATHS[api]}, "reply": dict(
                    {"status": 200}, **reply)},
                {"match": {"path": PATHS[other]}, "reply": dict(
                    {"status": 200}, **said.reply(other, stream))}])
            c.arrived()
            answer = c.stream(tools=[tool("weather")])[0] if stream \
                else c.create(tools=[tool("weather")])
            c.account(said, answer, other)
            found = c.arrived()
            c.expect("ways", [PATHS[a] for a in (api, other)], [
                r["path"][:len(PATHS[a])]
                for r, a in zip(found, (api, other))])
            c.expect("requests", len(found), 2)
            c.read(api, found[0])
            body = c.read(other, found[1])
            c.expect("model", MODELS[other] if other == "gemini"
                     else body["model"], MODELS[other])


def test_async(api):
    async def one(sdk, c, i):
        if i % 2:
            return await sdk.messages.create(**c.ask())
        async with sdk.messages.stream(**c.ask()) as s:
            return await s.get_final_message()

    async def many(c):
        async with anthropic.AsyncAnthropic(
                base_url=os.environ["GATEWAY"] + c.place, max_retries=0,
                api_key=wire.CLIENT_KEY, timeout=30) as sdk:
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
        c.arrived()
        for answer in asyncio.run(many(c)):
            c.account(said, answer)
        c.expect("requests", len(c.arrived()), 20)


# --- the gateway's own ----------------------------------------------------
def post(place, path, content, method="POST"):
    return httpx.request(method, os.environ["GATEWAY"] + place + path,
                         content=content, trust_env=False, headers={
                             "Content-Type": "application/json",
                             "x-api-key": wire.CLIENT_KEY})


OURS = (
    ("no JSON", "POST", "/v1/messages", b"{\"model\":", 400,
     "invalid_request_error"),
    ("an array", "POST", "/v1/messages", b"[]", 400,
     "invalid_request_error"),
    ("no messages", "POST", "/v1/messages", b"{\"model\":\"m\"}", 400,
     "invalid_request_error"),
    ("an unknown path", "POST", "/v1/messages/m/x", b"{}", 404,
     "not_found_error"),
    ("a method", "GET", "/v1/messages", None, 405, "invalid_request_error"))


def test_ours(api):
    for name, method, path, content, status, kind in OURS:
        with Case("our own error: %s" % name, api) as c:
            c.says(Said("no"))
            r = post("/" + api, path, content, method)
            c.expect("status", r.status_code, status)
            c.expect("type", r.headers["content-type"], "application/json")
            shape(c, r.json(), kind)
            c.expect("requests", len(c.arrived()), 0)

    if api != "anthropic":
        with Case("our own error: no max_tokens", api) as c:
            c.says(Said("no"))
            r = post("/" + api, "/v1/messages", json.dumps(
                {"model": c.model, "messages": [
                    {"role": "user", "content": "Hi"}]}))
            c.expect("status", r.status_code, 400)
            shape(c, r.json(), "invalid_request_error")
            c.ok("its name", "max_tokens" in r.text, r.text)
            c.expect("requests", len(c.arrived()), 0)


def test_ours_once():
    with Case("a model nobody has", "openai", "/list") as c:
        c.says(Said("no"))
        for stream in (False, True):
            raised(c, lambda: c.create(stream=stream),
                   anthropic.NotFoundError, 404, "not_found_error")
        c.expect("requests", len(c.arrived()), 0)

    with Case("a body that is too large", "openai", "/small") as c:
        c.says(Said("no"))
        raised(c, lambda: c.create(model="alpha", system="x" * 4000),
               anthropic.ContentTooLargeError, 413, "request_too_large")
        c.expect("requests", len(c.arrived()), 0)

    with Case("the provider's timeout", "openai", "/openai-hang") as c:
        c.answers({"hang": True})
        raised(c, c.create, anthropic.GatewayTimeoutError, 504,
               "timeout_error")

    with Case("after all that", "openai") as c:
        said = Said("Fine.")
        c.says(said)
        c.account(said, c.create())
        c.got()


def main():
    for name, test in sorted(globals().items()):
        if not name.startswith("test_"):
            continue
        if name == "test_ours_once":
            test()
        else:
            for api in APIS:
                test(api)
    print(json.dumps(results))


if __name__ == "__main__":
    main()
