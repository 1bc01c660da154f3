#!/usr/bin/env python3
"""All recorded answers, each behind the gateway, as one kind of client sees
them.

    CLIENT        openai, responses, anthropic, genai or ollama
    GATEWAY       http://127.0.0.1:PORT; /API/ leads to a provider of that API
                  and /n7/ to one for the recording number 7 alone, which
                  would be held against the others' provider
    MOCK, LEDGER  address and ledger of t/lib/mock.py
    ONLY          a regular expression: run only these cases

The client is the SDK of that API's vendor.  What it hands out has to equal
reading.py's account of the recording, but for what NO_PLACE says.  The last
line of the output is JSON: [{"name", "api", "letters", "problems"}, ...].
"""

import base64
import collections
import json
import os
import re
import sys

import gateway
import matrix
import order
import reading
import wire

# What an answer of such an API cannot say.  Of "choices" the first is told,
# a "refusal" is text, or the reason to end; "cut" arguments are those of a
# call that ran into the limit, where arguments are no text; "numbers" are
# enums that another SDK asked for, and this one cannot read.  The field that
# an error is about ("param") is told in its text, if that does not name it.
NO_PLACE = {
    "openai": (),
    "responses": ("choices",),
    "anthropic": ("choices", "logprobs", "refusal", "pages", "cut"),
    "genai": ("refusal", "written", "cut", "numbers"),
    "ollama": ("choices", "refusal", "pages", "ids", "cached",
               "reasoning tokens", "written", "cut", "param"),
}

# the API whose recordings pass through to such a client
SAME = {"openai": ("openai", "completions"), "responses": ("responses",),
        "anthropic": ("anthropic",), "genai": ("gemini",),
        "ollama": ("ollama",)}

MODELS = {"anthropic": "claude-opus-4-5", "gemini": "gemini-2.5-flash",
          "vertex": "gemini-2.5-flash", "cohere": "command-a-03-2025",
          "bedrock": "eu.anthropic.claude-sonnet-4-5-20250929-v1:0",
          "groq": "openai/gpt-oss-20b", "mistral": "magistral-medium-2507",
          "xai": "grok-3-mini", "openai_responses": "gpt-5-mini"}

PATHS = {"openai": r"/chat/completions(\?.*)?", "completions": "/completions",
         "responses": r"/responses(\?.*)?",
         "anthropic": "/v1/messages"
                      "|/models/claude-[^/:]+:(r|streamR)awPredict",
         "gemini": r"/models/[^/:]+:(g|streamG)enerateContent(\?.*)?",
         "bedrock": "/model/[^/]+/converse(-stream)?", "cohere": "/v2/chat",
         "ollama": "/api/chat"}

TYPES = {"json": "application/json", "sse": "text/event-stream",
         "bin": "application/vnd.amazon.eventstream",
         "ndjson": "application/x-ndjson"}

# provider's status: what a client gets
STATUSES = {401: 502, 403: 502, 529: 503}
UNKNOWN_MODEL = rb"model_not_found|model identifier is invalid"

PIXEL = ("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAC"
         "hwGA60e6kgAAAABJRU5ErkJggg==")

SCHEMA = {"type": "object", "properties": {"zone": {"type": "string"}},
          "required": ["zone"], "additionalProperties": False}

BYTES_MAX = 8000            # longer streams are not cut into single bytes
SAMPLE = 4                  # one of so many streams of an API is cut


class Question:
    """What led to a recorded answer, as far as the answer shows."""

    def __init__(self, r, answer, stream):
        self.model = MODELS.get(r.form if r.row == "vertex claude"
                                else r.api, "some-model")
        self.stream = stream
        choices = list(answer.choices.values()) if answer else []
        self.tools = list(dict.fromkeys(
            k.name for c in choices for k in c.calls))
        self.custom = [k.name for c in choices for k in c.calls if k.custom]
        self.thinking = any(c.reasoning for c in choices)
        self.logprobs = any(c.logprobs for c in choices)
        self.schema = "json_schema" in r.tags and not self.tools
        self.image = "image" in r.tags and r.status < 400


# --- clients ----------------------------------------------------------------


class OpenAI:
    def __init__(self):
        import openai
        self.errors = openai.APIStatusError
        self.broken = openai.APIError
        self.sdk = gateway.Client()

    def request(self, q):
        content = [{"type": "text", "text": "Hello"}]
        if q.image:
            content.append({"type": "image_url", "image_url": {
                "url": "data:image/png;base64," + PIXEL}})
        out = {"model": q.model, "max_completion_tokens": 4000, "messages": [
            {"role": "user", "content": content if q.image else "Hello"}]}
        if q.tools:
            out["tools"] = [{"type": "function", "function": {
                "name": n, "description": "Does it", "parameters": SCHEMA}}
                for n in q.tools]
        if q.schema:
            out["response_format"] = {"type": "json_schema", "json_schema": {
                "name": "place", "schema": SCHEMA}}
        if q.thinking:
            out["reasoning_effort"] = "low"
        if q.logprobs:
            out["logprobs"] = True
        if q.stream:
            out.update(stream=True, stream_options={"include_usage": True})
        return out

    def ask(self, r, place, q):
        if r.form == "completions":
            return self.complete(place, q)
        got = self.sdk.ask(place, self.request(q))
        if q.stream:
            self.seen = [c.to_dict(mode="json") for c in got]
            return reading.openai_chunks(self.seen)
        return reading.openai_json(got.to_dict(mode="json"))

    def order(self, case):
        case.problems += order.chunks(self.seen, True)

    def complete(self, place, q):
        got = self.sdk.at(place).completions.create(
            model=q.model, prompt="Hello", stream=q.stream,
            **({"stream_options": {"include_usage": True}} if q.stream
               else {}))
        return reading.completions_chunks(
            c.to_dict(mode="json") for c in (got if q.stream else [got]))

    @staticmethod
    def is_own(e):
        return is_of_status(e)

    @staticmethod
    def error(e):
        body = e.body if isinstance(e.body, dict) else {}
        return e.status_code, body.get("message")


class Responses(OpenAI):
    def request(self, q):
        content = [{"type": "input_text", "text": "Hello"}]
        if q.image:
            content.append({"type": "input_image", "detail": "auto",
                            "image_url": "data:image/png;base64," + PIXEL})
        out = {"model": q.model, "max_output_tokens": 4000,
               "stream": q.stream,
               "input": [{"role": "user", "content": content}]}
        if q.tools:
            out["tools"] = [
                {"type": "custom", "name": n} if n in q.custom else
                {"type": "function", "name": n, "description": "Does it",
                 "parameters": SCHEMA, "strict": False} for n in q.tools]
        if q.schema:
            out["text"] = {"format": {"type": "json_schema", "name": "place",
                                      "schema": SCHEMA}}
        if q.thinking:
            out["reasoning"] = {"effort": "low", "summary": "auto"}
        if q.logprobs:
            out["include"] = ["message.output_text.logprobs"]
        return out

    def ask(self, r, place, q):
        got = self.sdk.at(place).responses.create(**self.request(q))
        if q.stream:
            self.seen = list(got)
            return self.streamed(r, [e.to_dict(mode="json")
                                     for e in self.seen])
        return reading.responses_json(got.to_dict(mode="json"))

    def order(self, case):
        order.responses(case, self.seen)

    @staticmethod
    def streamed(r, events):
        """Where the events are the gateway's, the deltas make the items."""
        answer = reading.responses_events(events)
        choice = answer.choice()
        if r.form != "responses" and not answer.error:
            whole = [choice.text, choice.reasoning,
                     "".join(k.args for k in choice.calls)]
            assert reading.responses_deltas(events) == whole, "deltas"
            last = reading.responses_json(events[-1]["response"])
            unlike = reading.differences(answer, last, same_args=True)
            assert not unlike, "the last event: %s" % unlike
        return answer


class Anthropic:
    def __init__(self):
        import anthropic
        self.errors = anthropic.APIStatusError
        self.broken = anthropic.APIError
        self.make = anthropic.Anthropic
        self.http = anthropic.DefaultHttpxClient(trust_env=False)

    def request(self, q):
        content = [{"type": "text", "text": "Hello"}]
        if q.image:
            content.append({"type": "image", "source": {
                "type": "base64", "media_type": "image/png", "data": PIXEL}})
        out = {"model": q.model, "max_tokens": 4000, "messages": [
            {"role": "user", "content": content}]}
        if q.tools:
            out["tools"] = [{"name": n, "description": "Does it",
                             "input_schema": SCHEMA} for n in q.tools]
        if q.schema:
            out["output_config"] = {"format": {"type": "json_schema",
                                               "schema": SCHEMA}}
        if q.thinking:
            out["thinking"] = {"type": "enabled", "budget_tokens": 1024}
        return out

    def ask(self, r, place, q):
        messages = self.make(
            base_url=os.environ["GATEWAY"] + place, max_retries=0,
            api_key=wire.CLIENT_KEY, timeout=30,
            http_client=self.http).messages
        if q.stream:
            return self.streamed(messages, q)
        got = messages.create(**self.request(q))
        return reading.anthropic_json(got.to_dict(mode="json"))

    def order(self, case):
        order.messages(case, self.seen)

    def streamed(self, messages, q):
        """The events; the SDK's own sum of them has the same blocks."""
        with messages.stream(**self.request(q)) as s:
            self.seen = list(s)
            events = [e.to_dict(mode="json") for e in self.seen]
            whole = s.get_final_message().to_dict(mode="json")
        answer = reading.anthropic_events(events)
        unlike = reading.differences(
            answer, reading.anthropic_json(whole), with_usage=False)
        assert not unlike, "the SDK's sum: %s" % unlike
        return answer

    @staticmethod
    def is_own(e):
        return is_of_status(e)

    @staticmethod
    def error(e):
        body = e.body if isinstance(e.body, dict) else {}
        return e.status_code, (body.get("error") or {}).get("message")


class GenAI:
    def __init__(self):
        from google import genai
        from google.genai import errors, types
        self.types = types
        self.errors = self.broken = errors.APIError
        self.make = genai.Client
        self.kept = {}              # clients, by place

    def config(self, q):
        t = self.types
        out = {"max_output_tokens": 4000}
        if q.tools:
            out["tools"] = [t.Tool(function_declarations=[
                t.FunctionDeclaration(
                    name=n, description="Does it",
                    parameters_json_schema=SCHEMA) for n in q.tools])]
            out["automatic_function_calling"] = \
                t.AutomaticFunctionCallingConfig(disable=True)
        if q.schema:
            out.update(response_mime_type="application/json",
                       response_json_schema=SCHEMA)
        if q.thinking:
            out["thinking_config"] = t.ThinkingConfig(include_thoughts=True)
        if q.logprobs:
            out["response_logprobs"] = True
        return t.GenerateContentConfig(**out)

    def at(self, place):
        t = self.types
        if place not in self.kept:
            self.kept[place] = self.make(
                vertexai=False, api_key=wire.CLIENT_KEY,
                http_options=t.HttpOptions(
                    base_url=os.environ["GATEWAY"] + place, timeout=30000,
                    api_version="v1beta",
                    retry_options=t.HttpRetryOptions(attempts=1),
                    client_args={"trust_env": False}))
        return self.kept[place]

    def ask(self, r, place, q):
        t = self.types
        parts = [t.Part.from_text(text="Hello")]
        if q.image:
            parts.append(t.Part.from_bytes(
                data=base64.b64decode(PIXEL), mime_type="image/png"))
        how = {"model": q.model, "config": self.config(q),
               "contents": t.Content(role="user", parts=parts)}
        models = self.at(place).models
        self.seen = list(models.generate_content_stream(**how)) \
            if q.stream else [models.generate_content(**how)]
        return reading.gemini_chunks(
            c.model_dump(mode="json", by_alias=True, exclude_none=True)
            for c in self.seen)

    def order(self, case):
        order.candidates(case, self.seen)

    @staticmethod
    def is_own(e):
        return type(e).__name__ == ("ServerError" if e.code >= 500
                                    else "ClientError")

    @staticmethod
    def error(e):
        return e.code, e.message


class Ollama:
    def __init__(self):
        import ollama
        self.errors = self.broken = ollama.ResponseError
        self.make = ollama.Client
        self.kept = {}

    def at(self, place):
        if place not in self.kept:
            self.kept[place] = self.make(
                host=os.environ["GATEWAY"] + place, timeout=30,
                trust_env=False,
                headers={"Authorization": "Bearer " + wire.CLIENT_KEY})
        return self.kept[place]

    def ask(self, r, place, q):
        message = {"role": "user", "content": "Hello"}
        if q.image:
            message["images"] = [PIXEL]
        got = self.at(place).chat(
            model=q.model, messages=[message], stream=q.stream,
            tools=[{"type": "function", "function": {
                "name": n, "description": "Does it", "parameters": SCHEMA}}
                for n in q.tools] or None,
            think=True if q.thinking else None,
            format=SCHEMA if q.schema else None,
            logprobs=True if q.logprobs else None)
        self.seen = list(got) if q.stream else [got]
        return reading.ollama_chunks(c.model_dump(mode="json")
                                     for c in self.seen)

    def order(self, case):
        order.lines(case, self.seen)

    @staticmethod
    def is_own(e):
        return True                 # it has one class for all

    @staticmethod
    def error(e):
        return e.status_code, e.error


def is_of_status(e):
    """The SDKs of OpenAI and Anthropic have a class for each status, and one
    for those from 500 on."""
    if type(e).__name__ == "InternalServerError":
        return e.status_code >= 500
    return getattr(type(e), "status_code", None) == e.status_code


CLIENTS = {"openai": OpenAI, "responses": Responses, "anthropic": Anthropic,
           "genai": GenAI, "ollama": Ollama}


# --- cases ------------------------------------------------------------------


class Case:
    """One recording, sent in one way."""

    def __init__(self, client, r, split="whole", stream=None):
        self.client = client
        self.r = r
        self.split = split
        self.stream = r.stream if stream is None else stream
        self.problems = []
        self.letters = ""
        self.answer = self.read()
        self.fails = self.answer is None or bool(self.answer.error)
        self.same = r.form in SAME[client]
        self.no_place = () if self.same else NO_PLACE[client]
        self.name = r.name + ("" if split == "whole" else ", " + split)

    def read(self):
        """None: an error, or no answer of its API."""
        if self.r.status >= 400:
            return None
        try:
            return reading.read(self.r.form, self.r.data, self.r.stream)
        except ValueError:
            return None

    def run(self, sdk):
        q = Question(self.r, self.answer, self.stream)
        self.script()
        try:
            got = sdk.ask(self.r, self.r.place(self.client), q)
            self.compare(got)
            if q.stream and not self.same and not self.fails:
                sdk.order(self)
        except sdk.broken as e:
            self.refused(sdk, e)
        except Exception as e:
            self.problems.append("%s: %.300s" % (type(e).__name__, e))
        self.check_request(q)
        self.letters = matrix.letters(self.r, self.answer, q, self.no_place)

    def script(self):
        how = {"bytes": {"split": "bytes"}, "random": {
            "split": "random", "split_max": 90, "seed": self.r.number}}
        reply = dict(how.get(self.split, {}), file=self.r.file,
                     status=self.r.status, headers={
                         "Content-Type": TYPES[self.r.file.rsplit(".")[-1]]})
        gateway.script_mock([{"match": {}, "reply": reply}])

    def compare(self, got):
        if self.fails:
            if not got.error:
                self.problems.append("no error")
            return
        if got.error:
            self.problems.append("error: %.300s" % got.error)
        want = {0: self.answer.choice(0)} if "choices" in self.no_place \
            else self.answer.choices
        if sorted(want) != sorted(got.choices):
            self.problems.append("choices %s, not %s" % (
                sorted(got.choices), sorted(want)))
            return
        for i in want:
            self.compare_choice(want[i], got.choices[i])
        self.compare_usage(got)

    def compare_choice(self, want, got):
        text, refusal, finish = want.text, want.refusal, self.finish(want)
        if refusal and "refusal" in self.no_place:
            text, refusal = text + refusal, got.refusal
            finish = finish if self.finish(got) == finish \
                else "content_filter"
        self.expect("text", got.text, text)
        self.expect("refusal", got.refusal, refusal)
        self.expect("reasoning", got.reasoning, want.reasoning)
        self.expect("finish", self.finish(got), finish)
        if "pages" not in self.no_place:
            self.expect("pages", sorted(got.pages), sorted(want.pages))
        if "logprobs" not in self.no_place:
            self.expect("logprobs", got.logprobs, want.logprobs)
        if any(self.is_cut(k) for k in want.calls) \
                and "cut" in self.no_place:
            return
        self.expect("calls", [(k.name, self.args(k)) for k in got.calls],
                    [(k.name, self.args(k)) for k in want.calls])
        if "ids" not in self.no_place:
            self.compare_ids(want, got)

    def args(self, call):
        """A text stands for itself, or is the one argument of a call."""
        if call.custom:
            return json.dumps({"input": call.args})
        try:
            return json.dumps(json.loads(call.args or "{}"))
        except ValueError:
            return call.args

    @staticmethod
    def is_cut(call):
        try:
            json.loads(call.args or "{}")
        except ValueError:
            return not call.custom
        return False

    def finish(self, choice):
        """As it is between APIs: "stop" after a call is its end."""
        found = choice.finish
        if self.same:
            return found
        if found in (None, "stop", "tool_calls"):
            return "tool_calls" if choice.calls else "stop"
        return "stop" if found in self.no_place else found

    def compare_ids(self, want, got):
        ids = [k.id for k in got.calls]
        if len(set(ids)) != len(ids) or not all(ids):
            if self.same and ids == [k.id for k in want.calls]:
                return
            self.problems.append("ids of calls: %s" % ids)
        given = [k.id for k in want.calls]
        if len(set(given)) == len(given):
            self.expect("ids", ids, [a or b for a, b in zip(given, ids)])

    def compare_usage(self, got):
        fields = {"prompt": "prompt", "completion": "completion",
                  "cached": "cached", "reasoning": "reasoning tokens",
                  "written": "written"}
        want = self.answer.usage
        for field, place in fields.items() if want else ():
            if place not in self.no_place:
                self.expect("%s tokens" % field,
                            (got.usage or {}).get(field), want[field])

    def expect(self, what, got, want):
        if got != want:
            self.problems.append("%s: %s, not %s" % (
                what, reading.short(got), reading.short(want)))

    def ok(self, what, good, detail=None):
        if not good:
            self.problems.append("%s: %.300r" % (what, detail))

    def refused(self, sdk, e):
        if not self.fails:
            self.problems.append("%s: %.300s" % (type(e).__name__, e))
            return
        if "Connection" in type(e).__name__:
            self.problems.append("no error but an end: %.300s" % e)
            return
        if self.r.status < 400:
            return
        if not isinstance(e, sdk.errors):
            self.problems.append("raised %s" % type(e).__name__)
            return
        status, message = sdk.error(e)
        self.expect("class of %s" % type(e).__name__, sdk.is_own(e), True)
        want = STATUSES.get(self.r.status, self.r.status)
        if re.search(UNKNOWN_MODEL, self.r.data):
            want = 404
        self.expect("status", status, want)
        theirs, param = message_of(json.loads(self.r.data))
        told = scrubbed(theirs)
        if param and param not in told and "param" in self.no_place:
            told = "'%s': %s" % (param, told)
        if self.same and message == theirs:
            told = theirs               # the provider's own words
        if self.same or self.r.status not in (401, 403):
            self.expect("message", message, told)

    def check_request(self, q):
        found, Case.seen = gateway.ledger(Case.seen)
        if len(found) != 1:
            self.problems.append("the provider got %d requests" % len(found))
            return
        path, body = found[0]["path"], found[0].get("body", "")
        if not re.search("(%s)$" % PATHS[self.r.form], path):
            self.problems.append("path %s" % path)
        if wire.CLIENT_KEY in json.dumps(found[0]):
            self.problems.append("the client's credential")
        words = [json.dumps(n) for n in q.tools]
        words += ["zone"] if q.schema or len(q.tools) > len(q.custom) else []
        words += [PIXEL] if q.image else []
        for word in words if self.r.form != "completions" else []:
            if word not in body:
                self.problems.append("not in the request: %s" % word)

    seen = 0


def message_of(d):
    """That of an error body, in whatever API, and the field it is about."""
    if isinstance(d, list):
        d = d[0]
    error = d.get("error", d)
    if isinstance(error, str):
        return error, None
    raw = (error.get("metadata") or {}).get("raw")      # OpenRouter's
    return (raw or error.get("message") or error.get("Message"),
            error.get("param"))


def scrubbed(message):
    """The operator's accounts are no business of the client's."""
    return re.sub(r"\bprojects/[^/]+", "projects/***", message)


def cases_of(client, r, cut):
    if r.form == "completions" and client != "openai":
        return
    if re.search(rb'"finishReason": *\d', r.data) \
            and "numbers" in NO_PLACE[client]:
        return
    if r.status >= 400:
        yield Case(client, r, stream=False)
    elif cut:
        yield Case(client, r, "random")
        if len(r.data) <= BYTES_MAX:
            yield Case(client, r, "bytes")
    else:
        yield Case(client, r)


def main():
    client = os.environ["CLIENT"]
    sdk = CLIENTS[client]()
    out = []
    streams = collections.Counter()
    for r in matrix.load():
        cut = r.stream and streams[r.row] % SAMPLE == 0
        streams[r.row] += r.stream
        for case in cases_of(client, r, cut):
            if re.search(os.environ.get("ONLY", ""), case.name):
                case.run(sdk)
                out.append({"name": case.name, "api": r.row,
                            "letters": case.letters,
                            "problems": case.problems[:8]})
    sys.stdout.flush()
    print(json.dumps(out))


if __name__ == "__main__":
    main()
