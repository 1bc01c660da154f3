"""Checks of requests as a provider would check them.

problems(provider, request, sent): a line for everything that the provider
would refuse, that leaks, or that is not what the client asked for.  request
is a line of the mock's ledger, sent the body that the client sent.

The types of the providers' own SDKs are used where they are installed:
unknown fields and wrong types are found by them.
"""

import collections.abc
import json
import re
import types
import typing
import urllib.parse
import warnings

try:
    import typing_extensions
    from anthropic.types import message_create_params
except ImportError:
    message_create_params = None

try:
    from google.genai import types as genai
except ImportError:
    genai = None

CLIENT_KEY = "client-credential-5b1f"
KEYS = {"openai": "provider-credential-openai-77c2",
        "anthropic": "provider-credential-anthropic-77c2",
        "gemini": "provider-credential-gemini-77c2"}


def skipped(provider):
    """A case that says so, when there are no types to check requests with."""
    package, there = {"anthropic": ("anthropic", message_create_params),
                      "gemini": ("google-genai", genai)}.get(
                          provider, ("openai", True))
    return [] if there else [{
        "name": "types of requests", "problems": [],
        "skip": "no %s in the Python environment" % package}]


def problems(provider, request, sent):
    out = []
    try:
        body = json.loads(request.get("body", ""))
    except ValueError:
        return ["the provider got no JSON: %.200r" % request.get("body")]
    head = {}
    for name, value in request["headers"]:
        head.setdefault(name.lower(), []).append(value)

    common(out, provider, request, head)
    {"openai": openai, "anthropic": anthropic, "gemini": gemini}[provider](
        out, request, head, body, sent)
    return out


def common(out, provider, request, head):
    expect(out, "method", request["method"], "POST")
    expect(out, "version", request["version"], "HTTP/1.1")
    expect(out, "content-type", head.get("content-type"),
           ["application/json"])
    expect(out, "content-length", head.get("content-length"),
           [str(request["body_len"])])
    if head.get("accept-encoding", ["identity"]) != ["identity"]:
        out.append("accept-encoding %s" % head["accept-encoding"])
    if len(head.get("host", [])) != 1:
        out.append("host %s" % head.get("host"))
    for what in ("headers", "path", "body"):
        if CLIENT_KEY in json.dumps(request.get(what)):
            out.append("the client's credential is in the %s" % what)
    if KEYS[provider] in request["path"] + request["body"]:
        out.append("the provider's credential is in path or body")
    for name, values in head.items():
        if len(values) > 1 and name in ("authorization", "x-api-key",
                                        "x-goog-api-key", "content-type"):
            out.append("%s comes %d times" % (name, len(values)))


def expect(out, what, got, want):
    if got != want:
        out.append("%s is %.300r, not %.300r" % (what, got, want))


def only_credential(out, head, name, value):
    for n in ("authorization", "x-api-key", "api-key", "x-goog-api-key"):
        expect(out, "header %s" % n, head.get(n),
               [value] if n == name else None)


# --- OpenAI: what the client sent, but for what has to change --------------


def openai(out, request, head, body, sent):
    expect(out, "path", request["path"], "/v1/chat/completions")
    only_credential(out, head, "authorization", "Bearer " + KEYS["openai"])
    if not sent.get("stream"):
        expect(out, "body", dump(body), dump(sent))
        return
    options = dict(sent.get("stream_options") or {}, include_usage=True)
    expect(out, "stream_options", body.pop("stream_options", None), options)
    rest = {k: v for k, v in sent.items() if k != "stream_options"}
    expect(out, "body", dump(body), dump(rest))


def dump(v):
    return json.dumps(v, ensure_ascii=False)        # the order counts


# --- Anthropic --------------------------------------------------------------


def anthropic(out, request, head, body, sent):
    expect(out, "path", request["path"], "/v1/messages")
    only_credential(out, head, "x-api-key", KEYS["anthropic"])
    expect(out, "anthropic-version", head.get("anthropic-version"),
           ["2023-06-01"])
    expect(out, "model", body.get("model"), sent["model"])
    expect(out, "stream", bool(body.get("stream")),
           bool(sent.get("stream")))
    anthropic_types(out, body)
    anthropic_turns(out, body.get("messages") or [])
    anthropic_limits(out, body, sent)
    anthropic_tools(out, body, sent)
    system(out, texts(body.get("system")), sent)
    expect(out, "texts", [t for m in body["messages"]
                          for t in texts(m["content"])], turn_texts(sent))


def anthropic_types(out, body):
    if not message_create_params:
        return
    kind = message_create_params.MessageCreateParamsStreaming \
        if body.get("stream") \
        else message_create_params.MessageCreateParamsNonStreaming
    body = dict(body)
    for name in ("temperature", "top_p", "top_k"):
        # documented for models before Opus 4.7, no longer typed
        if not isinstance(body.pop(name, 0), (int, float)):
            out.append("%s is no number" % name)
    fits(out, kind, body, "body")


def anthropic_limits(out, body, sent):
    limit = sent.get("max_completion_tokens", sent.get("max_tokens"))
    got = body.get("max_tokens")
    if limit is not None and "thinking" not in body:
        expect(out, "max_tokens", got, limit)
    if not isinstance(got, int) or got < 1:
        out.append("max_tokens is %r" % got)
    thinking = body.get("thinking") or {}
    if thinking.get("type") == "enabled":
        budget = thinking.get("budget_tokens", 0)
        if not 1024 <= budget < got:
            out.append("budget_tokens %r of max_tokens %r" % (budget, got))
        if body.get("temperature", 1) != 1 or "top_k" in body:
            out.append("sampling parameters beside thinking")
        if (body.get("tool_choice") or {}).get("type") in ("any", "tool"):
            out.append("a forced tool beside thinking")
    temperature = body.get("temperature")
    if temperature is not None and not 0 <= temperature <= 1:
        out.append("temperature is %r" % temperature)
    stop = sent.get("stop")
    if stop:
        expect(out, "stop_sequences", body.get("stop_sequences"),
               stop if isinstance(stop, list) else [stop])


def anthropic_turns(out, messages):
    roles = [m["role"] for m in messages]
    if roles[:1] != ["user"]:
        out.append("the first turn is of %s" % roles[:1])
    if any(a == b for a, b in zip(roles, roles[1:])):
        out.append("turns do not alternate: %s" % roles)
    for i, m in enumerate(messages):
        for text in texts(m["content"]):
            if not text.strip():
                out.append("turn %d: a blank text" % i)
        uses = ids_of(m, "tool_use", "id")
        after = messages[i + 1] if i + 1 < len(messages) else {}
        if uses:
            expect(out, "turn %d: results" % (i + 1),
                   sorted(ids_of(after, "tool_result", "tool_use_id")),
                   sorted(uses))
        kinds = [b["type"] for b in blocks(m)]
        last = max([n for n, k in enumerate(kinds) if k == "tool_result"],
                   default=-1)
        if any(k != "tool_result" for k in kinds[:last + 1]):
            out.append("turn %d: results are not first: %s" % (i, kinds))
        for name in uses:
            if not re.fullmatch("[a-zA-Z0-9_-]+", name):
                out.append("turn %d: id %r" % (i, name))
    if messages and messages[-1]["role"] == "assistant":
        tail = texts(messages[-1]["content"])
        if tail and tail[-1] != tail[-1].rstrip():
            out.append("the last text ends with white space")


def blocks(message):
    content = message.get("content")
    return content if isinstance(content, list) else []


def ids_of(message, kind, field):
    return [b[field] for b in blocks(message) if b["type"] == kind]


def anthropic_tools(out, body, sent):
    want = [(f["name"], f.get("description"),
             dump(f.get("parameters") or
                  {"type": "object", "properties": {}}))
            for f in functions(sent)]
    got = [(t.get("name"), t.get("description"), dump(t.get("input_schema")))
           for t in body.get("tools") or []]
    if want:
        expect(out, "tools", got, want)
    for name, _, schema in got:
        if not re.fullmatch("[a-zA-Z0-9_-]{1,128}", name or ""):
            out.append("tool name %r" % name)
        if json.loads(schema or "{}").get("type") != "object":
            out.append("schema of %s is %s" % (name, schema))

    choice = sent.get("tool_choice")
    got = dict(body.get("tool_choice") or {})
    parallel = not got.pop("disable_parallel_tool_use", False)
    if sent.get("parallel_tool_calls") is False and choice != "none":
        expect(out, "parallel", parallel, False)
    if isinstance(choice, dict):
        expect(out, "tool_choice", got,
               {"type": "tool", "name": choice["function"]["name"]})
    elif choice:
        expect(out, "tool_choice", got or {"type": "auto"},
               {"type": {"required": "any"}.get(choice, choice)})


# --- what the client said ---------------------------------------------------


def functions(sent):
    return [t["function"] for t in sent.get("tools") or []]


def texts(content):
    """Of a string, or of the text parts."""
    if isinstance(content, str):
        return [content]
    return [p["text"] for p in content or []
            if "text" in p and not p.get("thought")
            and p.get("type", "text") == "text"]


def system_texts(sent):
    return [t for m in sent["messages"] if m["role"] in ("system", "developer")
            for t in texts(m["content"])]


def system(out, got, sent):
    """As blocks or as one text; a hint that JSON is wanted may follow."""
    want = "\n\n".join(system_texts(sent))
    got = "\n\n".join(got)
    if sent.get("response_format") and got.startswith(want):
        return
    expect(out, "system", got, want)


def turn_texts(sent):
    return [t for m in sent["messages"] if m["role"] in ("user", "assistant")
            for t in texts(m.get("content")) if t]


# --- Gemini -----------------------------------------------------------------


GEMINI_FIELDS = {
    "contents": "Content", "systemInstruction": "Content", "tools": "Tool",
    "toolConfig": "ToolConfig", "generationConfig": "GenerationConfig",
    "safetySettings": "SafetySetting", "cachedContent": None,
    "serviceTier": None}


def gemini(out, request, head, body, sent):
    path, _, query = request["path"].partition("?")
    stream = bool(sent.get("stream"))
    verb = "streamGenerateContent" if stream else "generateContent"
    expect(out, "path", urllib.parse.unquote(path),
           "/v1beta/models/%s:%s" % (sent["model"], verb))
    expect(out, "query", query, "alt=sse" if stream else "")
    only_credential(out, head, "x-goog-api-key", KEYS["gemini"])
    gemini_types(out, body)
    gemini_turns(out, body.get("contents") or [])
    gemini_tools(out, body, sent)
    gemini_config(out, body.get("generationConfig") or {}, sent)
    system(out, texts((body.get("systemInstruction") or {}).get("parts")),
           sent)
    expect(out, "texts", [t for c in body["contents"]
                          for t in texts(c["parts"])], turn_texts(sent))


def gemini_types(out, body):
    for name, value in body.items():
        if name not in GEMINI_FIELDS:
            out.append("unknown field %r" % name)
            continue
        kind = GEMINI_FIELDS[name]
        if not kind or not genai:
            continue
        for v in value if isinstance(value, list) else [value]:
            model_fits(out, kind, v, name)
        snake(out, value, name)


def model_fits(out, kind, value, where):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            getattr(genai, kind).model_validate_json(json.dumps(value),
                                                     strict=True)
        except (ValueError, TypeError, UserWarning) as e:
            out.append("%s: %s" % (where, str(e)[:400]))


def snake(out, value, where):
    """The answer's spelling is camelCase; what belongs to users is theirs."""
    if isinstance(value, list):
        for v in value:
            snake(out, v, where)
    elif isinstance(value, dict):
        for k, v in value.items():
            if "_" in k:
                out.append("%s.%s" % (where, k))
            if k not in ("args", "response", "parametersJsonSchema",
                         "parameters", "responseJsonSchema",
                         "responseSchema"):
                snake(out, v, "%s.%s" % (where, k))


def gemini_turns(out, contents):
    roles = [c.get("role") for c in contents]
    if roles[:1] != ["user"] or set(roles) - {"user", "model"}:
        out.append("roles %s" % roles)
    if any(a == b for a, b in zip(roles, roles[1:])):
        out.append("turns do not alternate: %s" % roles)
    for i, c in enumerate(contents):
        if not c.get("parts"):
            out.append("turn %d has no parts" % i)
        calls = [p["functionCall"]["name"] for p in c["parts"]
                 if "functionCall" in p]
        after = contents[i + 1]["parts"] if i + 1 < len(contents) else []
        results = [p["functionResponse"] for p in after
                   if "functionResponse" in p]
        if calls:
            expect(out, "turn %d: results" % (i + 1),
                   sorted(r.get("name", "") for r in results), sorted(calls))
        for p in c["parts"]:
            if len(set(p) - {"thoughtSignature", "thought",
                             "mediaResolution"}) != 1:
                out.append("turn %d: part with %s" % (i, sorted(p)))
        for r in results:
            if not isinstance(r.get("response"), dict):
                out.append("turn %d: response %r" % (i, r.get("response")))


def gemini_tools(out, body, sent):
    tools = body.get("tools") or []
    if len([t for t in tools if "functionDeclarations" in t]) > 1:
        out.append("functions are in %d tools" % len(tools))
    want = [(f["name"], f.get("description")) for f in functions(sent)]
    got = [(f.get("name"), f.get("description")) for t in tools
           for f in t.get("functionDeclarations") or []]
    expect(out, "tools", got, want)

    choice = sent.get("tool_choice")
    got = (body.get("toolConfig") or {}).get("functionCallingConfig") or {}
    if isinstance(choice, dict):
        expect(out, "tool_choice", got, {
            "mode": "ANY",
            "allowedFunctionNames": [choice["function"]["name"]]})
    elif choice:
        expect(out, "tool_choice", got or {"mode": "AUTO"},
               {"mode": {"required": "ANY"}.get(choice, choice.upper())})


def gemini_config(out, config, sent):
    limit = sent.get("max_completion_tokens", sent.get("max_tokens"))
    if limit is not None:
        expect(out, "maxOutputTokens", config.get("maxOutputTokens"), limit)
    for ours, theirs in (("temperature", "temperature"), ("top_p", "topP"),
                         ("seed", "seed"),
                         ("presence_penalty", "presencePenalty"),
                         ("frequency_penalty", "frequencyPenalty")):
        if sent.get(ours) is not None:
            expect(out, theirs, config.get(theirs), sent[ours])
    stop = sent.get("stop")
    if stop:
        expect(out, "stopSequences", config.get("stopSequences"),
               stop if isinstance(stop, list) else [stop])
    thinking = config.get("thinkingConfig") or {}
    if "thinkingBudget" in thinking and "thinkingLevel" in thinking:
        out.append("thinkingBudget and thinkingLevel")
    kind = (sent.get("response_format") or {}).get("type")
    if kind in ("json_object", "json_schema"):
        expect(out, "responseMimeType", config.get("responseMimeType"),
               "application/json")
    if kind == "json_schema" and not ({"responseSchema", "responseJsonSchema"}
                                      & set(config)):
        out.append("no schema for the answer")


# --- a value against a type of the Anthropic SDK ----------------------------


def fits(out, kind, value, where):
    """Appends what is wrong; no unknown keys, no wrong types."""
    found = misfit(kind, value, where)
    if found:
        out.append(found)


def misfit(kind, value, where):
    """A text, or nothing.  Of a union, the complaint that came furthest."""
    origin = typing.get_origin(kind)

    if origin in (typing_extensions.Required, typing_extensions.NotRequired,
                  typing_extensions.Annotated):
        return misfit(typing.get_args(kind)[0], value, where)
    if kind in (typing.Any, object):
        return None
    if origin in (typing.Union, types.UnionType):
        return misfit_union(typing.get_args(kind), value, where)
    if origin in (typing.Literal, typing_extensions.Literal):
        if any(value == a and type(value) is type(a)
               for a in typing.get_args(kind)):
            return None
        return "%s: %.80r is none of %s" % (where, value,
                                            typing.get_args(kind)[:6])
    if typing_extensions.is_typeddict(kind):
        return misfit_dict(kind, value, where)
    if origin and issubclass(origin, collections.abc.Mapping):
        if not isinstance(value, dict):
            return "%s: %.80r is no object" % (where, value)
        return first(misfit(typing.get_args(kind)[1], v, "%s.%s" % (where, k))
                     for k, v in value.items())
    if origin and issubclass(origin, collections.abc.Iterable):
        if not isinstance(value, list):
            return "%s: %.80r is no array" % (where, value)
        return first(misfit(typing.get_args(kind)[0], v, "%s[%d]" % (where, i))
                     for i, v in enumerate(value))
    if kind is type(None):
        return None if value is None else "%s: not null" % where
    if kind is float and type(value) in (int, float):
        return None
    if kind in (str, int, bool) and type(value) is kind:
        return None
    return "%s: %.80r is no %s" % (where, value,
                                   getattr(kind, "__name__", kind))


def first(found):
    return next((f for f in found if f), None)


def misfit_union(kinds, value, where):
    found = []
    for kind in kinds:
        text = misfit(kind, value, where)
        if text is None:
            return None
        found.append(text)
    # where the "type" is right, the complaint lies deeper
    return max(found, key=lambda t: (len(t.split(":")[0]),
                                     "unknown" in t))


def misfit_dict(kind, value, where):
    if not isinstance(value, dict):
        return "%s: %.80r is no object" % (where, value)
    hints = typing_extensions.get_type_hints(kind, include_extras=True)
    tag = hints.get("type")
    if tag and "type" in value:
        text = misfit(tag, value["type"], where)
        if text:
            return text
    for name, hint in hints.items():
        required = typing.get_origin(hint) is typing_extensions.Required
        if required and name not in value:
            return "%s: no %s" % (where, name)
    for name, v in value.items():
        if name not in hints:
            return "%s.%s: unknown field" % (where, name)
        text = misfit(hints[name], v, "%s.%s" % (where, name))
        if text:
            return text
    return None
