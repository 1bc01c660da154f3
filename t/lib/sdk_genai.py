#!/usr/bin/env python3
"""What a program with Google's SDK does, through the gateway.

Environment and output as of t/lib/recordings.py.  /openai/, /anthropic/ and
/gemini/ of the gateway lead to a provider of that kind; /API-NAME/ to one
more, for what may be held against a provider; /API-to-API/ to a route.
"""

import asyncio
import base64
import json
import os

import httpx
from google import genai
from google.genai import errors, types

import crossing
import gateway
import wire
from sdk_openai import (APIS, BIG, CALLS, MODELS, PATHS, PIXEL, SIGNATURE,
                        Place, Said, results)

WORDS = {400: "INVALID_ARGUMENT", 404: "NOT_FOUND",
         413: "INVALID_ARGUMENT", 429: "RESOURCE_EXHAUSTED",
         500: "INTERNAL", 502: "INTERNAL", 503: "UNAVAILABLE"}


class Case(crossing.Case):
    sent = None                     # the body the SDK sent last

    def remember(self, request):
        self.sent = request.content

    def checked(self, api, request, stream=False):
        """What a provider of Gemini gets is the client's own."""
        if (api, self.api) != ("gemini", "gemini"):
            return super().checked(api, request, stream)
        self.expect("path", request["path"], "%s%s:%s" % (
            PATHS[api], MODELS[api], "streamGenerateContent?alt=sse"
            if stream else "generateContent"))
        self.expect("body", request["body"].encode(), self.sent)
        return json.loads(request["body"])

    def sdk(self, timeout=30):
        # kept: its connections are closed when it goes
        self.client = genai.Client(
            vertexai=False, api_key=wire.CLIENT_KEY,
            http_options=types.HttpOptions(
                base_url=os.environ["GATEWAY"] + self.place,
                api_version="v1beta", timeout=timeout * 1000,
                retry_options=types.HttpRetryOptions(attempts=1),
                client_args={"trust_env": False, "event_hooks": {
                    "request": [self.remember]}}))
        return self.client

    def ask(self, contents="Hi", stream=False, **config):
        """The chunks of a stream, or the one answer, as a list."""
        request = {"model": self.model, "contents": contents,
                   "config": types.GenerateContentConfig(**config)}
        models = self.sdk().models
        if not stream:
            return [models.generate_content(**request)]
        return list(models.generate_content_stream(**request))

    def account(self, said, answers, usage=True):
        got = Answer(answers)
        self.expect("text", got.text, said.text)
        self.expect("thoughts", got.thoughts, said.thinking)
        self.expect("calls", got.calls,
                    [(k[1], json.loads(k[2])) for k in said.calls])
        self.expect("finish", got.finish, "STOP")
        if usage:
            u = answers[-1].usage_metadata
            self.expect("usage", (
                u.prompt_token_count, u.cached_content_token_count,
                (u.candidates_token_count or 0)
                + (u.thoughts_token_count or 0), u.total_token_count),
                (30, 8, 12, 42))
        self.ok("model", answers[-1].model_version, answers[-1])
        self.ok("id", answers[-1].response_id, answers[-1])


class Answer:

    def __init__(self, answers):
        self.text, self.thoughts, self.calls = "", "", []
        self.parts, self.finish = [], None
        for a in answers:
            for candidate in a.candidates or []:
                self.take(candidate)

    def take(self, candidate):
        if candidate.finish_reason:
            self.finish = candidate.finish_reason.value
        for p in (candidate.content and candidate.content.parts) or []:
            self.parts.append(p)
            if p.function_call:
                self.calls.append((p.function_call.name,
                                   p.function_call.args))
            elif p.text and p.thought:
                self.thoughts += p.text
            elif p.text:
                self.text += p.text


def declared(*names):
    return [types.Tool(function_declarations=[
        types.FunctionDeclaration(
            name=n, description="Reads %s" % n,
            parameters=types.Schema(type="OBJECT", properties={
                "city": types.Schema(type="STRING")})) for n in names])]


def user(*parts):
    return types.Content(role="user", parts=list(parts))


# --- tests ----------------------------------------------------------------
def test_create(api):
    said = Said("Hello \u00e9\u4e2d\U0001f600 \"q\" \\ \n\t\u2028 end")
    with Case("create", api) as c:
        c.says(said)
        c.account(said, c.ask(max_output_tokens=50, temperature=0.5,
                              system_instruction="Be brief."))
        body = c.got()
        c.expect("limit", crossing.limit(api, body), 50)
        c.expect("system", crossing.system(api, body), "Be brief.")


def test_stream(api):
    said = Said("Hello \u00e9\u4e2d\U0001f600, in several pieces")
    for split in ("bytes", "events", "random"):
        with Case("stream in %s" % split, api) as c:
            c.says(said, True, split)
            answers = c.ask(stream=True)
            c.account(said, answers)
            c.ok("in pieces", api == "gemini" or len(answers) > 3,
                 len(answers))
            c.got(stream=True)


def test_tools(api):
    said = Said("I look.", CALLS)
    for stream in (False, True):
        with Case("parallel tools, both turns%s" % (", stream" * stream),
                  api) as c:
            c.says(said, stream, "bytes")
            asked = user(types.Part(text="Weather?"))
            tools = declared("weather", "numbers")
            answers = c.ask([asked], stream, tools=tools)
            c.account(said, answers)
            body = c.got(stream)
            c.expect("tools", crossing.tools(api, body), [
                ("weather", "Reads weather", ["city"]),
                ("numbers", "Reads numbers", ["city"])])
            second_turn(c, asked, tools, Answer(answers).parts)


def second_turn(c, asked, tools, parts):
    made = [p.function_call for p in parts if p.function_call]
    answers = ("cold", "warm", "1.5")
    said = Said("Done.")
    c.says(said)
    c.account(said, c.ask([asked, types.Content(role="model", parts=parts),
                           user(*[types.Part(
                               function_response=types.FunctionResponse(
                                   id=m.id, name=m.name,
                                   response={"result": a}))
                               for m, a in zip(made, answers)])],
                          tools=tools))
    body = c.got()
    crossing.check_calls(c, body, [
        (k[1], json.loads(k[2]), a) for k, a in zip(CALLS, answers)])
    if c.api == "gemini":
        calls = [p for p in body["contents"][1]["parts"]
                 if "functionCall" in p]
        c.expect("signature", calls[0].get("thoughtSignature"), SIGNATURE)


def test_raw_numbers(api):
    """Arguments keep numbers and order as the provider spells them."""
    for stream in (False, True):
        with Case("spelling of arguments%s" % (", stream" * stream),
                  api) as c:
            c.says(Said("", CALLS[2:]), stream)
            with httpx.Client(trust_env=False, timeout=30, event_hooks={
                    "request": [c.remember]}) as h:
                r = h.post(os.environ["GATEWAY"] + "%s/v1beta/models/%s:%s" % (
                    c.place, c.model, "streamGenerateContent?alt=sse"
                    if stream else "generateContent"), json={
                        "contents": [{"parts": [{"text": "Hi"}]}],
                        "tools": [{"functionDeclarations": [
                            {"name": "numbers"}]}]})
            c.ok("arguments", BIG in "".join(r.text.split()), r.text)
            c.got(stream)


def test_tool_choice(api):
    with Case("a function that must be called", api) as c:
        c.says(Said("", CALLS[:1]))
        c.ask(tools=declared("weather", "numbers"),
              tool_config=types.ToolConfig(
                  function_calling_config=types.FunctionCallingConfig(
                      mode="ANY", allowed_function_names=["weather"])))
        body = c.got()
        if api == "anthropic":
            c.expect("tool_choice", {k: body["tool_choice"][k]
                                     for k in ("type", "name")},
                     {"type": "tool", "name": "weather"})
        elif api == "openai":
            c.expect("tool_choice", body["tool_choice"], {
                "type": "function", "function": {"name": "weather"}})


def test_images(api):
    with Case("images", api) as c:
        c.says(Said("A pixel."))
        c.ask([user(types.Part(text="What is it?"),
                    types.Part.from_bytes(data=base64.b64decode(PIXEL),
                                          mime_type="image/png"))])
        media, data = crossing.image(api, c.got())
        c.expect("image", (media, base64.urlsafe_b64decode(
            data.replace("+", "-").replace("/", "_"))),
            ("image/png", base64.b64decode(PIXEL)))


def test_schema(api):
    text = "{\"city\":\"Oslo\",\"people\":700000,\"tags\":[\"a\"]}"
    for how in ("response_schema", "response_json_schema"):
        with Case(how, api) as c:
            c.says(Said(text))
            kind = Place if how == "response_schema" \
                else Place.model_json_schema()
            got = c.ask(response_mime_type="application/json",
                        **{how: kind})[0]
            if how == "response_schema":
                c.expect("parsed", got.parsed, Place(
                    city="Oslo", people=700000, tags=["a"]))
            else:
                c.expect("text", got.text, text)
            schema = crossing.schema(api, c.got())
            c.ok("schema", schema and sorted(schema["properties"]) ==
                 ["city", "people", "tags"], schema)


def test_thoughts(api):
    said = Said("Four.", CALLS[:1],
                thinking="" if api == "openai" else "Two and two...")
    for stream in (False, True):
        with Case("thoughts%s" % (", stream" * stream), api) as c:
            c.says(said, stream)
            asked = user(types.Part(text="2+2?"))
            config = {"tools": declared("weather"),
                      "thinking_config": types.ThinkingConfig(
                          include_thoughts=True, thinking_budget=2048)}
            answers = c.ask([asked], stream, **config)
            c.account(said, answers)
            body = c.got(stream)
            if api == "anthropic":
                c.ok("thinking", body.get("thinking", {}).get("type")
                     in ("enabled", "adaptive"), body)
            elif api == "openai":
                c.ok("effort", body.get("reasoning_effort"), body)
            if api == "anthropic":
                replay(c, asked, config, Answer(answers).parts)


def replay(c, asked, config, parts):
    """The signed thinking goes back to the provider that signed it."""
    made = [p.function_call for p in parts if p.function_call][0]
    c.says(Said("Done."))
    c.ask([asked, types.Content(role="model", parts=parts), user(types.Part(
        function_response=types.FunctionResponse(
            id=made.id, name=made.name, response={"result": "cold"})))],
        **config)
    c.expect("thinking sent back", c.got()["messages"][1]["content"][0], {
        "type": "thinking", "thinking": "Two and two...",
        "signature": SIGNATURE})


def test_finish(api):
    for stream in (False, True):
        with Case("the limit reached%s" % (", stream" * stream), api) as c:
            c.answers(crossing.cut_at_limit(Said("Half a"), api, stream))
            got = Answer(c.ask(stream=stream, max_output_tokens=5))
            c.expect("finish", (got.text, got.finish),
                     ("Half a", "MAX_TOKENS"))
            c.got(stream)


# --- errors ---------------------------------------------------------------
def refused(c, status, ask, message=None):
    kind = errors.ClientError if status < 500 else errors.ServerError
    try:
        got = ask()
        c.problems.append("no error: %.200r" % (got,))
        return None
    except errors.APIError as e:
        c.expect("class", type(e), kind)
        c.expect("code", e.code, status)
        c.expect("status", e.status, WORDS[status])
        c.ok("message", e.message, e.details)
        if message:
            c.expect("message", e.message, message)
        return e


def test_errors(api):
    for status, want in crossing.STATUSES.items():
        for stream in (False, True):
            with Case("provider's %d%s" % (status, ", stream" * stream), api,
                      "/%s-%d%s" % (api, status, "s" * stream)) as c:
                c.answers(crossing.refusal(api, status))
                e = refused(c, want, lambda: c.ask(stream=stream),
                            want == status and "it went wrong")
                if status in (429, 503) and e:
                    c.expect("retry-after",
                             e.response.headers.get("retry-after"), "7")


def test_own_errors(api):
    with Case("an unknown verb", api) as c:
        c.says(Said("no"))
        refused(c, 404, lambda: c.sdk().caches.create(model=c.model))
        r = httpx.post(os.environ["GATEWAY"] + c.place
                       + "/v1beta/models/m:guessContent", content="{}",
                       trust_env=False)
        c.expect("error", (r.status_code, r.json()["error"]["status"]),
                 (404, "NOT_FOUND"))
        c.nothing_got()
    with Case("bad JSON", api) as c:
        c.says(Said("no"))
        for body in ('{"contents":', "[]", ""):
            r = httpx.post(os.environ["GATEWAY"] + c.place
                           + "/v1beta/models/m:generateContent", content=body,
                           trust_env=False)
            error = r.json()["error"]
            c.expect("error", (r.status_code, error["code"],
                               error["status"]),
                     (400, 400, "INVALID_ARGUMENT"))
        c.nothing_got()
    if api == "openai":
        with Case("a body too large", api, "/small") as c:
            c.says(Said("no"))
            refused(c, 413, lambda: c.ask("x" * 5000))
            c.nothing_got()


def test_broken_streams(api):
    """No stream may end as if it were whole."""
    for name, reply in crossing.broken(api).items():
        with Case("stream with %s in mid-text" % name, api,
                  "/%s-%s" % (api, name)) as c:
            c.answers(dict(reply, split="events"))
            broken_stream(c, name)


def broken_stream(c, name):
    answers = []
    try:
        for chunk in c.sdk().models.generate_content_stream(
                model=c.model, contents="Hi"):
            answers.append(chunk)
        c.problems.append("ended without an error")
    except errors.APIError as e:
        c.expect("class", type(e), errors.ServerError)
        if name == "error":
            c.ok("message", "it broke" in str(e.message), e)
    got = Answer(answers)
    c.ok("text before it", got.text and crossing.TEXT.startswith(got.text),
         got.text)
    c.expect("finish", got.finish, None)


def test_array(api):
    """A stream without alt=sse is one JSON array, whatever happens."""
    url = "/v1beta/models/%s:streamGenerateContent" % MODELS[api]
    ways = dict(crossing.broken(api), whole=Said(crossing.TEXT).reply(
        api, True))
    for name, reply in ways.items():
        with Case("array, %s" % name, api, "/%s-array" % api) as c:
            c.answers(dict(reply, split="events"))
            r = httpx.post(os.environ["GATEWAY"] + c.place + url, json={
                "contents": [{"role": "user", "parts": [{"text": "Hi"}]}]},
                trust_env=False, timeout=30)
            c.expect("type", r.headers["content-type"], "application/json")
            found = r.json()
            c.ok("list", isinstance(found, list), found)
            c.expect("errors", [i for i, e in enumerate(found)
                                if "error" in e],
                     [] if name == "whole" else [len(found) - 1])
            if name != "whole":
                found.pop()
            text = Answer([types.GenerateContentResponse.model_validate(e)
                           for e in found]).text
            c.ok("text", text and crossing.TEXT.startswith(text), text)


def test_failover(api):
    for second in [a for a in APIS if a != api]:
        for stream in (False, True):
            with Case("fails, %s answers%s" % (second, ", stream" * stream),
                      api, "/%s-to-%s%s" % (api, second,
                                            "-s" * stream)) as c:
                c.model = "any"
                said = Said("The second one.")
                crossing.fails_over(c, api, second, said, stream)
                c.account(said, c.ask(stream=stream))
                found = c.ledger()
                c.expect("requests", [p for r in found for a, p
                                      in PATHS.items()
                                      if r["path"].startswith(p)],
                         [PATHS[api], PATHS[second]])
                for a, r in zip((api, second), found):
                    c.checked(a, r, stream)


def test_async(api):
    async def one(models, c, i):
        if i % 2:
            return [await models.generate_content(model=c.model,
                                                  contents="x")]
        return [chunk async for chunk in
                await models.generate_content_stream(model=c.model,
                                                     contents="x")]

    async def many(c):
        models = c.sdk().aio.models
        return await asyncio.gather(*[one(models, c, i) for i in range(10)])

    with Case("10 at once, asynchronous", api) as c:
        said = Said("Many at once.")
        stream = {"path_re": ":stream"} if api == "gemini" \
            else {"body_re": '"stream":\\s*true'}
        gateway.script_mock([
            {"match": dict(stream, path=PATHS[api]), "reply": dict(
                said.reply(api, True), split="events", gap=0.005)},
            {"match": {"path": PATHS[api]},
             "reply": said.reply(api, False)}])
        for answers in asyncio.run(many(c)):
            c.account(said, answers)


def main():
    for name, test in sorted(globals().items()):
        if name.startswith("test_"):
            for api in APIS:
                test(api)
    print(json.dumps(results))


if __name__ == "__main__":
    main()
