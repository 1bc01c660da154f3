"""Cases of clients that speak one API to providers that speak another.

What sdk_openai.py has, for clients of other APIs: what a provider got is
checked by the provider's own rules and told in words common to all of them.
"""

import json

from openai.types.chat import completion_create_params

import gateway
import sdk_openai
import wire
from sdk_openai import MODELS, PATHS, Said, error_body, event, sse

TEXT = "It begins and goes on for a while."

# provider's status: what a client gets
STATUSES = {400: 400, 401: 502, 404: 404, 429: 429, 500: 500, 503: 503}


class Case(sdk_openai.Case):
    """One test; the verb of the client is of those who inherit."""

    def ledger(self):
        found, sdk_openai.seen = gateway.ledger(sdk_openai.seen)
        return found

    def got(self, stream=False):
        """The body of the one request the provider got."""
        found = self.ledger()
        self.expect("number of requests", len(found), 1)
        return self.checked(self.api, found[-1], stream)

    def checked(self, api, request, stream=False):
        body = json.loads(request["body"])
        head = {}
        for name, value in request["headers"]:
            head.setdefault(name.lower(), []).append(value)
        wire.common(self.problems, api, request, head)
        PROVIDERS[api](self.problems, request, head, body, stream)
        return body

    def nothing_got(self):
        self.expect("requests", len(self.ledger()), 0)


# --- requests of a provider, by its rules ---------------------------------
def openai_request(out, request, head, body, stream):
    wire.expect(out, "path", request["path"], PATHS["openai"])
    wire.only_credential(out, head, "authorization",
                         "Bearer " + wire.KEYS["openai"])
    wire.expect(out, "stream", bool(body.get("stream")), stream)
    if stream:
        wire.expect(out, "stream_options", body.get("stream_options"),
                    {"include_usage": True})
    wire.fits(out, completion_create_params.CompletionCreateParamsStreaming
              if stream else
              completion_create_params.CompletionCreateParamsNonStreaming,
              body, "body")
    open_calls = set()
    for i, m in enumerate(body["messages"]):
        if m["role"] == "tool":
            if m["tool_call_id"] not in open_calls:
                out.append("message %d: a result of no call" % i)
            open_calls.discard(m["tool_call_id"])
            continue
        if open_calls:
            out.append("message %d: calls without a result" % i)
        open_calls = {t["id"] for t in m.get("tool_calls") or []}


def anthropic_request(out, request, head, body, stream):
    wire.expect(out, "path", request["path"], PATHS["anthropic"])
    wire.only_credential(out, head, "x-api-key", wire.KEYS["anthropic"])
    wire.expect(out, "stream", bool(body.get("stream")), stream)
    wire.anthropic_types(out, body)
    wire.anthropic_turns(out, body["messages"])
    wire.anthropic_limits(out, body, {})


def gemini_request(out, request, head, body, stream):
    wire.expect(out, "path", request["path"], PATHS["gemini"] + (
        MODELS["gemini"] + (":streamGenerateContent?alt=sse" if stream
                            else ":generateContent")))
    wire.only_credential(out, head, "x-goog-api-key", wire.KEYS["gemini"])
    wire.gemini_types(out, body)
    wire.gemini_turns(out, body["contents"])
    wire.gemini_config(out, body.get("generationConfig") or {}, {})


PROVIDERS = {"openai": openai_request, "anthropic": anthropic_request,
             "gemini": gemini_request}


# --- what a provider was told, in words common to all ----------------------
def system(api, body):
    if api == "openai":
        found = [m["content"] for m in body["messages"]
                 if m["role"] in ("system", "developer")]
        return "".join(t for f in found for t in wire.texts(f))
    if api == "anthropic":
        return "".join(wire.texts(body.get("system")))
    return "".join(wire.texts(body["systemInstruction"]["parts"]))


def limit(api, body):
    if api == "openai":
        return body.get("max_completion_tokens", body.get("max_tokens"))
    if api == "anthropic":
        return body["max_tokens"]
    return body["generationConfig"].get("maxOutputTokens")


def schema(api, body):
    if api == "openai":
        return body["response_format"]["json_schema"]["schema"]
    if api == "anthropic":
        return body.get("output_config", {}).get("format", {}).get(
            "schema") or sdk_openai.forced_schema(body)
    config = body["generationConfig"]
    return config.get("responseJsonSchema") or config.get("responseSchema")


def image(api, body):
    """(media type, data) of the last part of the first turn."""
    if api == "openai":
        part = [m for m in body["messages"] if m["role"] == "user"][0]
        url = part["content"][-1]["image_url"]["url"]
        return tuple(url[len("data:"):].split(";base64,"))
    if api == "anthropic":
        source = body["messages"][0]["content"][-1]["source"]
        return source["media_type"], source["data"]
    data = body["contents"][0]["parts"][-1]["inlineData"]
    return data.get("mimeType") or data["mime_type"], data["data"]


def tools(api, body):
    """[(name, description, names of parameters)]"""
    if api == "openai":
        found = [dict(t["function"]) for t in body["tools"]]
    elif api == "anthropic":
        found = [dict(t, parameters=t["input_schema"]) for t in body["tools"]]
    else:
        found = [dict(f, parameters=f.get("parametersJsonSchema")
                      or f.get("parameters"))
                 for t in body["tools"] for f in t["functionDeclarations"]]
    return [(f["name"], f.get("description"),
             list(f["parameters"]["properties"])) for f in found]


def calls(api, body):
    """[(name, arguments, result as a text)], in the order of the calls."""
    return {"openai": openai_calls, "anthropic": anthropic_calls,
            "gemini": gemini_calls}[api](body)


def openai_calls(body):
    made = [t for m in body["messages"] for t in m.get("tool_calls") or []]
    results = {m["tool_call_id"]: "".join(wire.texts(m["content"]))
               for m in body["messages"] if m["role"] == "tool"}
    return [(t["function"]["name"], json.loads(t["function"]["arguments"]),
             results.get(t["id"])) for t in made]


def anthropic_calls(body):
    blocks = [b for m in body["messages"] for b in wire.blocks(m)]
    results = {b["tool_use_id"]: "".join(wire.texts(b["content"]))
               for b in blocks if b["type"] == "tool_result"}
    return [(b["name"], b["input"], results.get(b["id"])) for b in blocks
            if b["type"] == "tool_use"]


def gemini_calls(body):
    parts = [p for t in body["contents"] for p in t["parts"]]
    made = [p["functionCall"] for p in parts if "functionCall" in p]
    results = [p["functionResponse"] for p in parts
               if "functionResponse" in p]
    by_id = {r["id"]: r for r in results if r.get("id")}
    return [(m["name"], m["args"], json.dumps((
        by_id.get(m.get("id")) or results[i])["response"]))
            for i, m in enumerate(made)]


def check_calls(c, body, want):
    """want: (name, arguments, what the result has in it)"""
    got = calls(c.api, body)
    c.expect("calls", [g[:2] for g in got], [w[:2] for w in want])
    for g, w in zip(got, want):
        c.ok("result of %s %s" % g[:2], w[2] in (g[2] or ""), g[2])


# --- answers that are none ------------------------------------------------
def broken(api):
    """Ways a stream may break in mid-text: name to reply."""
    events = Said(TEXT).reply(api, True)["sse"]
    error = {"openai": error_body("openai", 500, "it broke"),
             "anthropic": event("error", error={
                 "type": "overloaded_error", "message": "it broke"}),
             "gemini": error_body("gemini", 503, "it broke")}[api]
    if api == "gemini":
        first = json.loads(events[0])
        del first["candidates"][0]["finishReason"]
        events = [first]
    events = events[:4]
    return {"error": {"sse": events + [error]}, "end": {"sse": events},
            "cut": {"sse": events + [{"x": 1}],
                    "cut": sum(len(sse(e)) for e in events)}}


def refusal(api, status):
    return {"status": status, "json": error_body(api, status, "it went wrong"),
            "headers": {"Content-Type": "application/json",
                        "Retry-After": "7"}}


def failing(api, stream):
    """Before the first content: a status, or an error inside a stream."""
    if not stream:
        return refusal(api, 503)
    error = {"openai": error_body("openai", 503, "it broke"),
             "anthropic": event("error", error={
                 "type": "overloaded_error", "message": "it broke"}),
             "gemini": error_body("gemini", 503, "it broke")}[api]
    first = Said(TEXT).reply(api, True)["sse"][:1]
    return {"sse": ([] if api == "gemini" else first) + [error]}


def fails_over(c, first, second, said, stream):
    """The rules for a mock where one fails and the other one answers."""
    gateway.script_mock([
        {"match": {"path": PATHS[first]}, "reply": failing(first, stream)},
        {"match": {"path": PATHS[second]},
         "reply": said.reply(second, stream)}])
    c.ledger()


def cut_at_limit(said, api, stream):
    """The reply of a provider that ran into the limit."""
    text = json.dumps(said.reply(api, stream))
    for a, b in (('"stop"', '"length"'), ("end_turn", "max_tokens"),
                 ("STOP", "MAX_TOKENS")):
        text = text.replace(a, b)
    return json.loads(text)
