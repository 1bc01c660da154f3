"""Embeddings, rerank and counting: what the three programs share.

    GATEWAY, MOCK, LEDGER   as of t/lib/gateway.py
    LOG                     a line for each request: API, operation, tokens of
                            the prompt, status
"""

import json
import os
import re
import struct
import time

import httpx
from google import genai
from google.genai import types

import gateway
import sdk_openai
import wire

RECORDINGS = os.path.join(os.path.dirname(__file__), "..", "data",
                          "recordings")

# provider's status: what a client gets
STATUSES = {401: 502, 404: 404, 429: 429, 500: 500, 200: 502}

results = sdk_openai.results
mock = httpx.Client(trust_env=False, verify=False)
log_seen = 0


def api_of(name):
    """azure-old: azure"""
    return name.split("-")[0]


def recording(kind, name):
    """(the bytes, what is in them)"""
    with open(os.path.join(RECORDINGS, kind, name), "rb") as f:
        data = f.read()
    return data, json.loads(data)


def replay(data):
    return {"text": data.decode(),
            "headers": {"Content-Type": "application/json"}}


def log_line():
    """The next line of the log: it may come a moment after the answer."""
    global log_seen
    end = time.time() + 5
    while time.time() < end:
        with open(os.environ["LOG"], "rb") as f:
            f.seek(log_seen)
            data = f.read()
        at = data.find(b"\n")
        if at >= 0:
            log_seen += at + 1
            return data[:at].decode()
        time.sleep(0.002)
    return None


class Case(sdk_openai.Case):
    """One test.  name: of the provider, its location and what it speaks."""

    models = {}
    checks = {}             # name or API: f(problems, request, body, model)
    operation = None

    def __init__(self, title, name, place=None):
        super().__init__(title, "openai", place or "/" + name)
        self.name = "%s, %s" % (name, title)
        self.api = name
        self.model = self.models.get(name)

    def answers(self, *replies):
        self.rules([{"match": {}, "reply": [dict({"status": 200}, **r)
                                            for r in replies]}])

    def rules(self, rules):
        global log_seen
        log_seen = os.path.getsize(os.environ["LOG"])
        mock.put(os.environ["MOCK"] + "/__script",
                 json=rules).raise_for_status()
        self.ledger()

    def ledger(self):
        found, sdk_openai.seen = gateway.ledger(sdk_openai.seen)
        return found

    def got(self):
        """The body of the one request the provider got."""
        found = self.ledger()
        self.expect("number of requests", len(found), 1)
        return self.checked(self.api, found[-1])

    def checked(self, name, request):
        body = json.loads(request["body"])
        common(self.problems, name, request)
        check = self.checks.get(name) or self.checks[api_of(name)]
        check(self.problems, request, body, self.models[name])
        return body

    def nothing_got(self):
        self.expect("requests", len(self.ledger()), 0)

    def logged(self, api, tokens, status=200):
        """A line is written behind the answer: one of an earlier request may
        still come first.  Tokens None: the gateway's own count, not 0."""
        count = "[1-9][0-9]*" if tokens is None else str(tokens)
        want = "%s %s %s %d" % (re.escape(api), self.operation, count, status)
        lines = []
        while None not in lines:
            lines.append(log_line())
            if lines[-1] and re.fullmatch(want, lines[-1]):
                return
        self.problems.append("log is %r, not %r" % (lines[:-1], want))


def common(out, name, request):
    """What holds for a request to any provider."""
    api = api_of(name)
    head = {}
    for n, value in request["headers"]:
        head.setdefault(n.lower(), []).append(value)
    wire.expect(out, "method", request["method"], "POST")
    wire.expect(out, "content-type", head.get("content-type"),
                ["application/json"])
    wire.expect(out, "content-length", head.get("content-length"),
                [str(request["body_len"])])
    wire.expect(out, "hosts", len(head.get("host", [])), 1)
    if wire.CLIENT_KEY in json.dumps(request):
        out.append("the client's credential goes out")
    key = "provider-credential-%s-77c2" % api
    if key in request["path"] + request["body"]:
        out.append("the credential is in path or body")
    if api == "bedrock":
        wire.expect(out, "dates", len(head.get("x-amz-date", [])), 1)
        return
    where, value = {"azure": ("api-key", key), "anthropic": ("x-api-key", key),
                    "gemini": ("x-goog-api-key", key),
                    "vertex": ("x-goog-api-key", key)}.get(
                        api, ("authorization", "Bearer " + key))
    wire.only_credential(out, head, where, value)


# --- types of a body, where no SDK has them -------------------------------
def shaped(out, body, where="body", **fields):
    """fields: a type, a list of values, or a function; one with a leading
    underscore must be there."""
    kinds = {n.lstrip("_"): k for n, k in fields.items()}
    for name in fields:
        if name.startswith("_") and name[1:] not in body:
            out.append("%s: no %s" % (where, name[1:]))
    for name, value in body.items():
        if name not in kinds:
            out.append("%s.%s: unknown field" % (where, name))
        elif not is_of(kinds[name], value):
            out.append("%s.%s is %.100r" % (where, name, value))


def is_of(kind, value):
    if isinstance(kind, (list, tuple)):
        return value in kind
    return type(value) is kind if isinstance(kind, type) else kind(value)


def strings(value):
    return isinstance(value, list) and value \
        and all(type(v) is str for v in value)


def tokens(value):
    return isinstance(value, list) and value \
        and all(type(v) is int for v in value)


def positive(value):
    return type(value) is int and value > 0


def inputs(value):
    """OpenAI's: a text, texts, tokens, lists of tokens."""
    return type(value) is str or strings(value) or tokens(value) \
        or isinstance(value, list) and value and all(map(tokens, value))


def f32(values):
    """As float32 has them."""
    return list(struct.unpack("<%df" % len(values),
                              struct.pack("<%df" % len(values), *values)))


class Google:
    """Google's SDK: one for all places, as it takes a while to make."""
    client = None

    def remember(self, request):
        self.url = str(request.url)
        self.sent = request.content

    def sdk(self):
        if not self.client:
            self.client = genai.Client(
                vertexai=False, api_key=wire.CLIENT_KEY,
                http_options=types.HttpOptions(
                    api_version="v1beta", timeout=30000,
                    retry_options=types.HttpRetryOptions(attempts=1),
                    client_args={"trust_env": False, "verify": False,
                                 "event_hooks": {
                                     "request": [self.remember]}}))
        return self.client.models

    def at(self, c):
        return types.HttpOptions(base_url=os.environ["GATEWAY"] + c.place)


# --- refusals ---------------------------------------------------------------
WORDS = {401: ("UNAUTHENTICATED", "authentication_error"),
         404: ("NOT_FOUND", "not_found_error"),
         429: ("RESOURCE_EXHAUSTED", "rate_limit_error"),
         500: ("INTERNAL", "api_error")}


def refusal(name, status):
    """A provider's, in its own words; 200: what is no answer."""
    if status == 200:
        return {"text": "<html>200</html>",
                "headers": {"Content-Type": "text/html"}}
    said = "it went wrong"
    openai = {"error": {"message": said, "type": "error", "param": None,
                        "code": None}}
    google = {"error": {"code": status, "message": said,
                        "status": WORDS[status][0]}}
    return {"status": status, "json": {
        "gemini": google, "vertex": google, "cohere": {"message": said},
        "bedrock": {"message": said}, "voyage": {"detail": said},
        "jina": {"detail": said}, "ollama": {"error": said},
        "tei": {"error": said, "error_type": "Backend"},
        "anthropic": {"type": "error", "error": {
            "type": WORDS[status][1], "message": said}},
        "mistral": {"object": "error", "message": said, "type": "error",
                    "param": None, "code": None}}.get(api_of(name), openai)}


def main(tests):
    for name, test in sorted(tests.items()):
        if name.startswith("test_"):
            test()
    print(json.dumps(results))
