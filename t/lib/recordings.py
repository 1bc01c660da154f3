#!/usr/bin/env python3
"""Replays recorded answers of a provider through the gateway.

    PROVIDER      openai, anthropic or gemini
    GATEWAY       http://127.0.0.1:PORT; /v1/ leads to the provider, and
                  /e0/v1/, /e1/v1/ ... to others of its kind (what is wrong
                  with one must not be held against the next)
    MOCK, LEDGER  address and ledger of t/lib/mock.py
    ONLY          a regular expression: run only these cases

Each recording is fetched with the OpenAI SDK, streams cut in several ways;
what the SDK hands out has to equal reading.py's account of the recording,
what the provider got has to pass wire.py.  The last line of the output is
JSON: [{"name": ..., "problems": [...]}, ...].
"""

import json
import os
import re

import openai

import gateway
import order
import reading
import wire

HERE = os.path.dirname(os.path.abspath(__file__))
DATA = os.path.join(HERE, "..", "data", "recordings")
PROVIDER = os.environ["PROVIDER"]
BYTES_MAX = 20000           # longer streams are not cut into single bytes

# answers that are none, though their status is 200; facade: an answer of
# Gemini's OpenAI endpoint
NO_ANSWER = ("agw-broken-sse", "compatible_api_with_tool_calls_without_id-1")

# a request that is wrong on purpose, which we may refuse ourselves
OWN_REQUEST = ("chat-bad-request",)

STREAM_TYPE = {"openai": "text/event-stream; charset=utf-8",
               "anthropic": "text/event-stream; charset=utf-8",
               "gemini": "text/event-stream"}

# provider's status: what the client gets (mapping of errors)
ERRORS = {400: (400, "invalid_request_error", None),
          401: (502, None, "upstream_auth"),
          403: (502, None, "upstream_auth"),
          404: (404, "invalid_request_error", "model_not_found"),
          429: (429, "rate_limit_error", "rate_limit_exceeded"),
          500: (500, "server_error", None),
          529: (503, "server_error", "overloaded")}

CLASSES = {400: openai.BadRequestError, 401: openai.AuthenticationError,
           403: openai.PermissionDeniedError, 404: openai.NotFoundError,
           422: openai.UnprocessableEntityError, 429: openai.RateLimitError}


class Recording:
    def __init__(self, entry):
        self.name = entry["name"]
        self.status = entry["status"]
        self.tags = entry["tags"]
        self.file = os.path.abspath(
            os.path.join(DATA, PROVIDER, entry["response"]))
        with open(self.file, "rb") as f:
            self.data = f.read()
        self.stream = self.file.endswith(".sse")
        self.error = self.status >= 400
        self.none = not self.error and (self.name in NO_ANSWER
                                        or "other_endpoint" in self.tags)
        self.request = self.recorded_request(entry["request"])

    def recorded_request(self, name):
        if PROVIDER != "openai" or not name or self.name in OWN_REQUEST \
                or "other_endpoint" in self.tags:
            return None
        with open(os.path.join(DATA, PROVIDER, name), encoding="utf-8") as f:
            return json.load(f)

    def headers(self):
        path = self.file.rsplit(".response.", 1)[0] + ".meta.json"
        with open(path, encoding="utf-8") as f:
            recorded = json.load(f).get("response_headers") or {}
        out = {k: v for k, v in recorded.items()
               if k not in ("transfer-encoding", "content-type")}
        kind = recorded.get("content-type")
        if self.stream:
            kind = STREAM_TYPE[PROVIDER]
        out["Content-Type"] = kind or "application/json"
        return out

    def answer(self):
        return reading.read(PROVIDER, self.data, self.stream)


def load():
    with open(os.path.join(DATA, "index.json"), encoding="utf-8") as f:
        entries = json.load(f)
    return [Recording(e) for e in entries if e["provider"] == PROVIDER]


# --- the mock's side --------------------------------------------------------


SPLITS = {"whole": {}, "bytes": {"split": "bytes"},
          "events": {"split": "events"},
          "random": {"split": "random", "split_max": 90}}


def rules(recordings):
    """The model's name says which answer is wanted: rec-NAME~SPLIT~..."""
    out = []
    for n, r in enumerate(recordings):
        for split, how in SPLITS.items():
            mark = "rec-%s~%s~" % (r.name, split)
            match = {"body": '"%s' % mark}
            if PROVIDER == "gemini":
                match = {"path_re": "models/" + re.escape(mark).replace(
                    "\\~", "~").replace("~", "(?:~|%7E|%7e)")}
            out.append({"match": match, "reply": dict(
                how, file=r.file, status=r.status, headers=r.headers(),
                seed=n + 1)})
    return out


# --- the client's side ------------------------------------------------------


PIXEL = ("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAC"
         "hwGA60e6kgAAAABJRU5ErkJggg==")

SCHEMA = {"type": "object",
          "properties": {"zone": {"type": "string", "enum": ["b", "a"]},
                         "count": {"type": "integer"},
                         "at": {"type": "object", "properties": {
                             "x": {"type": "number"}}}},
          "required": ["zone"], "additionalProperties": False}


def tool(name):
    return {"type": "function", "function": {
        "name": name, "description": "Does \"%s\" \u2013 \U0001f600" % name,
        "parameters": SCHEMA}}


def call(id, name, args):
    return {"id": id, "type": "function",
            "function": {"name": name, "arguments": args}}


def conversations():
    """Ways to ask."""
    yield {"messages": [
        {"role": "system", "content": "Be brief."},
        {"role": "user",
         "content": "Hello \u00e9\u4e2d\U0001f600 \"quoted\""}],
        "max_completion_tokens": 2000}
    yield {"messages": [
        {"role": "developer", "content": "Be brief."},
        {"role": "user", "content": "One"},
        {"role": "assistant", "content": "Two"},
        {"role": "user", "content": "Three"}], "stop": ["END", "###"]}
    yield {"messages": [
        {"role": "system", "content": [{"type": "text", "text": "First."}]},
        {"role": "system", "content": "Second."},
        {"role": "user", "content": [
            {"type": "text", "text": "What is this?"},
            {"type": "image_url", "image_url": {
                "url": "data:image/png;base64," + PIXEL}}]}],
        "max_tokens": 300, "temperature": 0.5}
    yield {"messages": [
        {"role": "user", "content": "Look it up"},
        {"role": "assistant", "content": None, "tool_calls": [
            call("call_a1", "lookup", "{\"zone\":\"a\",\"count\":1}"),
            call("call_b2", "lookup", "{}")]},
        {"role": "tool", "tool_call_id": "call_b2", "content": "second"},
        {"role": "tool", "tool_call_id": "call_a1",
         "content": "{\"found\":true}"},
        {"role": "user", "content": "And now?"}], "tool_choice": "auto"}


CONVERSATIONS = list(conversations())


def plausible(n, recording):
    """A request of a client, that could have led to the answer."""
    out = dict(CONVERSATIONS[n % len(CONVERSATIONS)])
    answer = None if recording.error or recording.none else recording.answer()
    names = ["lookup"]
    for choice in (answer.choices.values() if answer else []):
        names += [c.name for c in choice.calls if c.name not in names]
    if len(names) > 1 or "tool_choice" in out:
        names = list(dict.fromkeys(names))
        out["tools"] = [tool(name) for name in names]
        out.setdefault("tool_choice", [
            "auto", "required",
            {"type": "function", "function": {"name": names[-1]}}][n % 3])
        if n % 2:
            out["parallel_tool_calls"] = False
    elif "json_schema" in recording.tags:
        out["response_format"] = {"type": "json_schema", "json_schema": {
            "name": "place", "strict": True, "schema": SCHEMA}}
    return out


def request_of(n, recording):
    out = dict(recording.request or plausible(n, recording))
    for name in ("model", "stream", "stream_options"):
        out.pop(name, None)
    return out


# --- cases ------------------------------------------------------------------


class Case:
    def __init__(self, recording, n, split, tag, stream, usage=False,
                 place=""):
        self.recording = recording
        self.name = "%s, %s%s%s" % (recording.name, split,
                                    ", raw" if tag == "raw" else "",
                                    ", usage" if usage else "")
        if stream != recording.stream:
            self.name += ", asked for a stream"
        self.model = "rec-%s~%s~%s" % (recording.name, split, tag)
        self.request = dict(request_of(n, recording), model=self.model)
        if stream:
            self.request["stream"] = True
            if usage:
                self.request["stream_options"] = {"include_usage": True}
        self.stream = stream
        self.usage = usage
        self.raw = tag == "raw"
        self.place = place
        self.problems = []
        self.sent = None

    def run(self, client):
        r = self.recording
        try:
            if r.error or r.none:
                self.run_error(client)
            elif self.raw:
                self.run_raw(client)
            elif self.stream:
                self.run_stream(client)
            else:
                self.run_whole(client)
        except openai.OpenAIError as e:
            self.problems.append("the SDK raised %s: %.300s"
                                 % (type(e).__name__, e))
        except Exception as e:
            self.problems.append("%s: %.300s" % (type(e).__name__, e))
        self.sent = client.sent
        client.sent = None

    def same_args(self):
        return PROVIDER == "openai"

    def run_whole(self, client):
        got = client.ask(self.place, self.request).to_dict(mode="json")
        if got.get("object") != "chat.completion" or not got.get("id") \
                or not got.get("model") or not got.get("created"):
            self.problems.append("head of the answer: %s" % {
                k: v for k, v in got.items() if k != "choices"})
        self.problems += reading.differences(
            self.recording.answer(), reading.openai_json(got),
            same_args=self.same_args())

    def run_stream(self, client):
        chunks = [c.to_dict(mode="json") for c in
                  client.ask(self.place, self.request)]
        with_usage = True if self.usage else None
        if PROVIDER == "openai" and not self.usage and any(
                c.get("usage") and c["choices"] for c in chunks):
            with_usage = False      # the provider's, in a chunk with content
        self.problems += reading.differences(
            self.recording.answer(), reading.openai_chunks(chunks),
            same_args=self.same_args(), with_usage=with_usage)
        if PROVIDER != "openai":
            self.problems += order.chunks(chunks, self.usage)

    def run_error(self, client):
        try:
            got = client.ask(self.place, self.request)
            if self.stream:
                got = [c.to_dict() for c in got]
            self.problems.append("no error: %.300r" % got)
        except openai.APIStatusError as e:
            self.problems += error_problems(self.recording, e)

    def run_raw(self, client):
        got = client.raw(self.place, self.request)
        if got.status_code != 200:
            self.problems.append("status %d: %.300s" % (got.status_code,
                                                        got.text))
            return
        kind = got.headers.get("content-type", "").split(";")[0]
        wire.expect(self.problems, "content-type", kind,
                    "text/event-stream" if self.stream
                    else "application/json")
        if not self.stream:
            if got.content != self.recording.data:
                self.problems.append("other bytes: %s"
                                     % apart(self.recording.data,
                                             got.content))
        elif PROVIDER == "openai":
            self.problems += payload_problems(self.recording.data,
                                              got.content, self.usage)
        else:
            self.problems += framing_problems(got.content)


def apart(want, got):
    n = next((i for i, (a, b) in enumerate(zip(want, got)) if a != b),
             min(len(want), len(got)))
    return "at %d of %d (%d): %r, not %r" % (
        n, len(want), len(got), got[n:n + 60], want[n:n + 60])


def payload_problems(want, got, usage):
    """What goes through is the same text; usage nobody asked for is gone."""
    want = [variants(p, usage) for p in reading.payloads(want)]
    got = reading.payloads(got)
    want = [v for v in want if v]
    if len(want) != len(got):
        return ["%d payloads, not %d" % (len(got), len(want))]
    return ["payload %d is %s, not %s" % (i, reading.short(g),
                                          reading.short(w[0]))
            for i, (g, w) in enumerate(zip(got, want)) if g not in w]


def variants(payload, usage):
    """The texts a payload may have become; none: it has to be gone."""
    if usage or payload == "[DONE]":
        return [payload]
    chunk = json.loads(payload)
    if "usage" not in chunk:
        return [payload]
    if chunk["usage"] is not None:
        if not chunk["choices"]:
            return []
        return [payload] + without_usage(payload)
    return without_usage(payload)


def without_usage(payload):
    """With one of the commas beside it; usage is an object or null."""
    out = []
    for found in re.finditer(r'"usage"\s*:\s*', payload):
        value, end = json.JSONDecoder().raw_decode(payload, found.end())
        start = found.start()
        before, after = payload[:start], payload[end:]
        if before.rstrip().endswith(","):
            out.append(before.rstrip()[:-1] + after)
        if after.lstrip().startswith(","):
            out.append(before + after.lstrip()[1:])
            out.append(before + after.lstrip()[1:].lstrip())
    return [p for p in out if is_json(p)]


def is_json(text):
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


def framing_problems(data):
    """A stream of ours, on the wire."""
    out = []
    found = reading.events(data)
    names = {name for name, _ in found}
    if names - {""}:
        out.append("named events: %s" % names)
    if not found or found[-1][1] != "[DONE]":
        out.append("the end is %.200r" % (found[-1:],))
    if not data.endswith(b"\n\n") or b"\r" in data:
        out.append("the framing is not OpenAI's")
    for _, text in found[:-1]:
        if not is_json(text):
            out.append("no JSON: %.200r" % text)
        elif json.loads(text).get("usage"):
            out.append("usage nobody asked for")
    return out


def error_problems(recording, e):
    out = []
    body = e.body if isinstance(e.body, dict) else {}
    if recording.none:
        wire.expect(out, "status", e.status_code, 502)
        if not body.get("message") or not body.get("type"):
            out.append("error object: %.300r" % e.body)
        return out

    theirs = json.loads(recording.data)["error"]
    if PROVIDER == "openai" and recording.status not in (401, 403):
        status = recording.status
        for name in ("message", "type", "code", "param"):
            wire.expect(out, name, body.get(name), theirs.get(name))
    else:
        status, kind, code = ERRORS[recording.status]
        wire.expect(out, "message", body.get("message"), theirs["message"])
        if kind:
            wire.expect(out, "type", body.get("type"), kind)
        if code:
            wire.expect(out, "code", body.get("code"), code)
    wire.expect(out, "status", e.status_code, status)
    wanted = CLASSES.get(status, openai.InternalServerError)
    wire.expect(out, "class", type(e).__name__, wanted.__name__)
    if b"retryDelay" in recording.data:
        out += retry_problems(recording, e.response.headers)
    return out


def retry_problems(recording, headers):
    delay = float(re.search(rb'"retryDelay":\s*"([\d.]+)s"',
                            recording.data).group(1))
    got = headers.get("retry-after")
    if got is None or not delay - 1 <= float(got) <= delay + 1:
        return ["retry-after is %r, not %s" % (got, delay)]
    return []


def cases_of(n, r, places):
    """Cases of a recording; what a gateway may hold against a provider goes
    to a place of its own."""
    if r.error or r.none:
        hurts = r.none or r.status >= 429
        for stream in (False, True):
            if r.stream and not stream:
                continue
            yield Case(r, n, "whole", "s" if stream else "w", stream,
                       place=next(places) if hurts else "")
    elif r.stream:
        if len(r.data) <= BYTES_MAX:
            yield Case(r, n, "bytes", "u", True, usage=True)
        yield Case(r, n, "random", "n", True)
        yield Case(r, n, "events", "u", True, usage=True)
        yield Case(r, n, "random", "raw", True)
        if PROVIDER == "openai":
            yield Case(r, n, "events", "raw", True, usage=True)
    else:
        yield Case(r, n, "whole", "w", False)
        yield Case(r, n, "random", "w", False)
        if PROVIDER == "openai":
            yield Case(r, n, "whole", "raw", False)


def main():
    recordings = load()
    gateway.script_mock(rules(recordings))
    places = ("/e%d" % i for i in range(int(os.environ["PLACES"])))
    cases = [c for n, r in enumerate(recordings)
             for c in cases_of(n, r, places)]
    cases = [c for c in cases if re.search(os.environ.get("ONLY", ""),
                                           c.name)]
    client = gateway.Client()
    for case in cases:
        case.run(client)

    seen = {}
    for request in gateway.ledger()[0]:
        seen.setdefault(gateway.model_of(request), []).append(request)

    for case in cases:
        got = seen.get(case.model, [])
        if len(got) != 1:
            case.problems.append("the provider got %d requests" % len(got))
        for request in got[:1]:
            case.problems += wire.problems(PROVIDER, request, case.sent)

    print(json.dumps([{"name": c.name, "problems": c.problems[:8]}
                      for c in cases] + wire.skipped(PROVIDER)))


if __name__ == "__main__":
    main()
