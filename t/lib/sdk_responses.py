#!/usr/bin/env python3
"""What a program with the OpenAI SDK's client.responses does.

Environment, places and output as of t/lib/sdk_genai.py.
"""

import json
import os

import httpx
import openai

import crossing
from sdk_openai import (APIS, BIG, CALLS, CLASSES, PATHS, PIXEL, SIGNATURE,
                        Place, Said, results)


class Case(crossing.Case):

    def ask(self, text="Hi", stream=False, **request):
        """The response; of a stream the events are checked as well."""
        got = self.sdk().responses.create(
            model=self.model, input=text, stream=stream, **request)
        if not stream:
            return got
        events = list(got)
        self.order(events)
        self.expect("last event", events[-1].type, "response.completed")
        return events[-1].response

    def order(self, events):
        order = Order(self)
        for e in events:
            order.take(e)
        order.end(events)

    def account(self, said, r, usage=True):
        self.expect("status", r.status, "completed")
        self.expect("text", r.output_text, said.text)
        self.expect("reasoning", thinking(r), said.thinking)
        self.expect("calls", [(k.name, json.loads(k.arguments))
                              for k in made(r)],
                    [(k[1], json.loads(k[2])) for k in said.calls])
        ids = [o.id for o in r.output]
        self.expect("ids", len(set(ids)), len(ids))
        if usage:
            u = r.usage
            self.expect("usage", (
                u.input_tokens, u.input_tokens_details.cached_tokens,
                u.output_tokens, u.total_tokens), (30, 8, 12, 42))


class Item:
    """What is known of an item from its events so far."""

    def __init__(self, item):
        self.id = item.id
        self.parts = 0
        self.part = None            # the text of the open one
        self.args = ""


class Order:
    """Follows the events of a stream as the API has them in order."""

    def __init__(self, c):
        self.c = c
        self.n = 0
        self.added = 0
        self.open = {}              # by output_index
        self.done = {}

    def take(self, e):
        self.c.expect("sequence_number", e.sequence_number, self.n)
        self.n += 1
        kind = e.type
        if kind in ("response.created", "response.in_progress"):
            self.c.expect("place of %s" % kind, self.n,
                          1 + (kind == "response.in_progress"))
            self.c.expect("status", e.response.status, "in_progress")
            self.c.expect("output", e.response.output, [])
        elif hasattr(e, "output_index"):
            self.item(kind.split(".", 1)[1], e)

    def item(self, kind, e):
        if kind == "output_item.added":
            self.c.expect("output_index", e.output_index, self.added)
            self.added += 1
            self.open[e.output_index] = Item(e.item)
            return
        item = self.open.get(e.output_index)
        if not item:
            self.c.problems.append("%s of no open item" % kind)
        elif kind == "output_item.done":
            self.c.expect("id", e.item.id, item.id)
            self.c.expect("open part", item.part, None)
            if e.item.type == "function_call":
                self.c.expect("arguments", e.item.arguments, item.args)
            self.done[e.output_index] = e.item
            del self.open[e.output_index]
        else:
            self.c.expect("item_id", e.item_id, item.id)
            self.piece(kind, e, item)

    def piece(self, kind, e, item):
        if kind == "function_call_arguments.delta":
            item.args += e.delta
            return
        if kind == "function_call_arguments.done":
            self.c.expect("arguments", e.arguments, item.args)
            return
        index = getattr(e, "content_index", getattr(e, "summary_index", None))
        self.c.expect("index of %s" % kind, index, item.parts)
        if kind.endswith("part.added"):
            self.c.expect("open part", item.part, None)
            item.part = ""
        elif kind.endswith(".delta"):
            item.part += e.delta
        elif kind == "output_text.annotation.added":
            self.c.ok("open part", item.part is not None, e)
        elif kind.endswith("text.done"):
            self.c.expect("text", e.text, item.part)
        elif kind == "refusal.done":
            self.c.expect("refusal", e.refusal, item.part)
        elif kind.endswith("part.done"):
            said = e.part.refusal if e.part.type == "refusal" else e.part.text
            self.c.expect("text of a part", said, item.part)
            item.part, item.parts = None, item.parts + 1
        else:
            self.c.problems.append("event %s" % kind)

    def end(self, events):
        last = events[-1]
        self.c.expect("begin", [e.type for e in events[:2]], [
            "response.created", "response.in_progress"])
        if last.type == "response.completed":
            self.c.expect("open items", self.open, {})
            self.c.expect("output", [o.to_dict() for o in
                                     last.response.output],
                          [self.done[i].to_dict() for i in
                           sorted(self.done)])
            self.c.ok("output is there", last.response.output, last)
        self.c.expect("id", last.response.id, events[0].response.id)
        self.c.expect("terminal events", len([
            e for e in events if e.type in (
                "response.completed", "response.failed",
                "response.incomplete")]), 1)


def made(r):
    return [o for o in r.output if o.type == "function_call"]


def thinking(r):
    return "".join(s.text for o in r.output if o.type == "reasoning"
                   for s in o.summary)


def function(name):
    return {"type": "function", "name": name, "strict": False,
            "description": "Reads %s" % name, "parameters": {
                "type": "object",
                "properties": {"city": {"type": "string"}}}}


# --- tests ----------------------------------------------------------------
def test_create(api):
    said = Said("Hello \u00e9\u4e2d\U0001f600 \"q\" \\ \n\t\u2028 end")
    with Case("create", api) as c:
        c.says(said)
        r = c.ask(max_output_tokens=50, temperature=0.5, store=False,
                  instructions="Be brief.", metadata={"a": "b"})
        c.account(said, r)
        c.expect("object", (r.object, r.id[:5]), ("response", "resp_"))
        c.expect("settings", (r.max_output_tokens, r.temperature,
                              r.metadata), (50, 0.5, {"a": "b"}))
        body = c.got()
        c.expect("limit", crossing.limit(api, body), 50)
        c.expect("system", crossing.system(api, body), "Be brief.")


def test_stream(api):
    said = Said("Hello \u00e9\u4e2d\U0001f600, in several pieces")
    for split in ("bytes", "events", "random"):
        with Case("stream in %s" % split, api) as c:
            c.says(said, True, split)
            c.account(said, c.ask(stream=True, store=False))
            c.got(stream=True)


def test_helper(api):
    said = Said("Here.", CALLS[:1])
    with Case("responses.stream()", api) as c:
        c.says(said, True, "events")
        with c.sdk().responses.stream(
                model=c.model, input="Hi", tools=[function("weather")]) as s:
            text = "".join(e.delta for e in s
                           if e.type == "response.output_text.delta")
            c.account(said, s.get_final_response())
        c.expect("deltas", text, said.text)
        c.got(stream=True)


def test_tools(api):
    said = Said("I look.", CALLS)
    for stream in (False, True):
        with Case("parallel tools, both turns%s" % (", stream" * stream),
                  api) as c:
            c.says(said, True, "bytes") if stream else c.says(said)
            asked = [{"role": "user", "content": "Weather?"}]
            tools = [function("weather"), function("numbers")]
            r = c.ask(asked, stream, tools=tools)
            c.account(said, r)
            c.expect("arguments", "".join(made(r)[2].arguments.split()), BIG)
            body = c.got(stream)
            c.expect("tools", crossing.tools(api, body), [
                ("weather", "Reads weather", ["city"]),
                ("numbers", "Reads numbers", ["city"])])
            second_turn(c, asked, tools, r)


def second_turn(c, asked, tools, r):
    """The results come in another order than the calls."""
    ids = [k.call_id for k in made(r)]
    answers = dict(zip(ids, ("cold", "warm", "1.50")))
    said = Said("Done.")
    c.says(said)
    c.account(said, c.ask(asked + [o.to_dict() for o in r.output] + [
        {"type": "function_call_output", "call_id": i, "output": answers[i]}
        for i in (ids[1], ids[2], ids[0])], tools=tools))
    body = c.got()
    crossing.check_calls(c, body, [
        (k[1], json.loads(k[2]), a)
        for k, a in zip(CALLS, ("cold", "warm", "1.5"))])
    if c.api == "gemini":
        calls = [p for p in body["contents"][1]["parts"]
                 if "functionCall" in p]
        c.expect("signature", calls[0].get("thoughtSignature"), SIGNATURE)


def test_images(api):
    with Case("images", api) as c:
        c.says(Said("A pixel."))
        c.ask([{"role": "user", "content": [
            {"type": "input_text", "text": "What is it?"},
            {"type": "input_image", "detail": "auto",
             "image_url": "data:image/png;base64," + PIXEL}]}])
        c.expect("image", crossing.image(api, c.got()), ("image/png", PIXEL))


def test_parse(api):
    text = "{\"city\":\"Oslo\",\"people\":700000,\"tags\":[\"a\"]}"
    with Case("text_format of a class", api) as c:
        c.says(Said(text))
        got = c.sdk().responses.parse(model=c.model, input="Oslo?",
                                      text_format=Place)
        c.expect("parsed", got.output_parsed,
                 Place(city="Oslo", people=700000, tags=["a"]))
        schema = crossing.schema(api, c.got())
        c.ok("schema", schema and list(schema["properties"]) ==
             ["city", "people", "tags"], schema)


def test_reasoning(api):
    said = Said("Four.", CALLS[:1],
                thinking="" if api == "openai" else "Two and two...")
    asked = [{"role": "user", "content": "2+2?"}]
    config = {"tools": [function("weather")], "store": False,
              "include": ["reasoning.encrypted_content"],
              "reasoning": {"effort": "medium", "summary": "auto"}}
    for stream in (False, True):
        with Case("reasoning%s" % (", stream" * stream), api) as c:
            c.says(said, stream)
            r = c.ask(asked, stream, **config)
            c.account(said, r)
            body = c.got(stream)
            if api == "openai":
                c.expect("effort", body.get("reasoning_effort"), "medium")
            elif api == "anthropic":
                c.ok("thinking", "thinking" in body, body)
                replay(c, asked, config, r)
            else:
                c.ok("thinkingConfig", body["generationConfig"][
                    "thinkingConfig"].get("includeThoughts"), body)


def replay(c, asked, config, r):
    """The signed thinking goes back to the provider that signed it."""
    c.says(Said("Done."))
    c.ask(asked + [o.to_dict() for o in r.output] + [
        {"type": "function_call_output", "call_id": made(r)[0].call_id,
         "output": "cold"}], **config)
    c.expect("thinking sent back", c.got()["messages"][1]["content"][0], {
        "type": "thinking", "thinking": "Two and two...",
        "signature": SIGNATURE})


def test_finish(api):
    for stream in (False, True):
        with Case("the limit reached%s" % (", stream" * stream), api) as c:
            c.answers(crossing.cut_at_limit(Said("Half a"), api, stream))
            got = c.sdk().responses.create(model=c.model, input="x",
                                           stream=stream)
            if stream:
                events = list(got)
                c.order(events)
                c.expect("last", events[-1].type, "response.incomplete")
                got = events[-1].response
            c.expect("finish", (got.output_text, got.status,
                                got.incomplete_details.reason),
                     ("Half a", "incomplete", "max_output_tokens"))
            c.got(stream)


# --- errors ---------------------------------------------------------------
def refused(c, status, ask, message=None, param=None):
    try:
        got = ask()
        c.problems.append("no error: %.200r" % (got,))
        return None
    except openai.APIStatusError as e:
        c.expect("status", e.status_code, status)
        c.ok("class", isinstance(e, CLASSES.get(
            status, openai.InternalServerError)), type(e))
        body = e.body if isinstance(e.body, dict) else {}
        c.ok("type", body.get("type"), e.body)
        c.ok("message", body.get("message"), e.body)
        if message:
            c.expect("message", body.get("message"), message)
        if param:
            c.expect("param", body.get("param"), param)
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
    with Case("previous_response_id", api) as c:
        c.says(Said("no"))
        refused(c, 400, lambda: c.ask(previous_response_id="resp_1"),
                param="previous_response_id")
        refused(c, 400, lambda: c.ask(conversation="conv_1"),
                param="conversation")
        c.nothing_got()
    with Case("bad JSON", api) as c:
        c.says(Said("no"))
        for body in ('{"model":', "[]", ""):
            r = httpx.post(os.environ["GATEWAY"] + c.place + "/v1/responses",
                           content=body, trust_env=False)
            c.expect("status", r.status_code, 400)
            c.expect("type", r.json()["error"]["type"],
                     "invalid_request_error")
        c.nothing_got()
    with Case("not POST", api) as c:
        for head, want in (({}, 405), ({"Upgrade": "websocket",
                                        "Connection": "Upgrade"}, 426)):
            r = httpx.get(os.environ["GATEWAY"] + c.place + "/v1/responses",
                          headers=head, trust_env=False)
            c.expect("status", r.status_code, want)
            c.ok("error", r.json()["error"]["message"], r.text)
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
    events = list(c.sdk().responses.create(model=c.model, input="x",
                                           stream=True))
    c.order(events)
    c.expect("end", [e.type for e in events[-2:]],
             ["error", "response.failed"])
    error, failed = events[-2], events[-1].response
    c.expect("status", failed.status, "failed")
    c.ok("error", error.message and error.code, error)
    c.expect("error of the response", (failed.error.code,
                                       failed.error.message),
             (error.code, error.message))
    if name == "error":
        c.ok("message", "it broke" in error.message, error)
    text = "".join(e.delta for e in events
                   if e.type == "response.output_text.delta")
    c.ok("text before it", text and crossing.TEXT.startswith(text), text)


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


def main():
    for name, test in sorted(globals().items()):
        if name.startswith("test_"):
            for api in APIS:
                test(api)
    print(json.dumps(results))


if __name__ == "__main__":
    main()
