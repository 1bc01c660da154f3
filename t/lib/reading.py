"""What a provider's answer says, read after the providers' documentation.

Written apart from the module's decoders, so that the two can be compared:
one Answer per recording, and one per thing the SDK hands out.
"""

import decimal
import json
import re


class Call:
    def __init__(self, id=None, name="", args=""):
        self.id = id
        self.name = name
        self.args = args            # as a text
        self.signature = None       # Gemini's thoughtSignature


class Choice:
    def __init__(self):
        self.text = ""
        self.refusal = ""
        self.reasoning = ""
        self.calls = []
        self.finish = None
        self.logprobs = 0           # tokens that have them


class Answer:
    def __init__(self):
        self.choices = {}
        self.usage = None           # a dict

    def choice(self, index=0):
        return self.choices.setdefault(index, Choice())


def loads(text):
    """Numbers keep their spelling, objects their order (see value())."""
    return json.loads(text, parse_float=decimal.Decimal)


def value(args):
    """Arguments as something that is equal when they are: order included."""
    try:
        return repr(loads(args or "{}"))
    except ValueError:
        return args                 # cut short


def usage(prompt, completion, cached=None, reasoning=None, written=None):
    return {"prompt": prompt, "completion": completion,
            "cached": cached or 0, "reasoning": reasoning or 0,
            "written": written or 0}


# --- server-sent events ---------------------------------------------------


def events(data):
    """(event name, data) pairs of a stream's bytes, as HTML's standard
    reads them: any of three line ends, several data lines are joined."""
    out = []
    name, lines = "", []
    for line in re.split(r"\r\n|\n|\r", data.decode("utf-8")):
        if line == "":
            if lines:
                out.append((name, "\n".join(lines)))
            name, lines = "", []
            continue
        field, _, text = line.partition(":")
        text = text[1:] if text.startswith(" ") else text
        if field == "data":
            lines.append(text)
        elif field == "event":
            name = text
    return out


def payloads(data):
    return [text for _, text in events(data)]


# --- OpenAI ---------------------------------------------------------------


def openai_usage(u):
    if not u:
        return None
    prompt = u.get("prompt_tokens_details") or {}
    completion = u.get("completion_tokens_details") or {}
    return usage(u["prompt_tokens"], u["completion_tokens"],
                 prompt.get("cached_tokens"),
                 completion.get("reasoning_tokens"),
                 prompt.get("cache_write_tokens"))


def openai_calls(choice, fragments):
    """Fragments name their call by index; a whole message has no index."""
    for place, f in enumerate(fragments or []):
        index = f.get("index", place)
        while len(choice.calls) <= index:
            choice.calls.append(Call())
        call = choice.calls[index]
        function = f.get("function") or f.get("custom") or {}
        call.id = call.id or f.get("id")
        call.name += function.get("name") or ""
        call.args += function.get("arguments") or function.get("input") or ""
        google = (f.get("extra_content") or {}).get("google") or {}
        call.signature = call.signature or google.get("thought_signature")


def openai_part(choice, part):
    """A message or a delta."""
    choice.text += part.get("content") or ""
    choice.refusal += part.get("refusal") or ""
    choice.reasoning += part.get("reasoning_content") or ""
    openai_calls(choice, part.get("tool_calls"))


def openai_choice(answer, c, part):
    choice = answer.choice(c.get("index", 0))
    openai_part(choice, c.get(part) or {})
    choice.finish = c.get("finish_reason") or choice.finish
    logprobs = (c.get("logprobs") or {}).get("content")
    choice.logprobs += len(logprobs or [])


def openai_json(d):
    answer = Answer()
    for c in d["choices"]:
        openai_choice(answer, c, "message")
    answer.usage = openai_usage(d.get("usage"))
    return answer


def openai_chunks(chunks):
    answer = Answer()
    for d in chunks:
        for c in d.get("choices") or []:
            openai_choice(answer, c, "delta")
        answer.usage = openai_usage(d.get("usage")) or answer.usage
    return answer


def openai_sse(data):
    return openai_chunks(json.loads(p) for p in payloads(data)
                         if p != "[DONE]")


# --- Anthropic ------------------------------------------------------------


ANTHROPIC_STOP = {
    "end_turn": "stop", "stop_sequence": "stop", "tool_use": "tool_calls",
    "max_tokens": "length", "model_context_window_exceeded": "length",
    "compaction": "length", "refusal": "content_filter",
    "pause_turn": "length"}


def anthropic_usage(answer, u):
    """Cached tokens are not part of input_tokens.  When several runs of a
    model are behind an answer (fallback, advisor), they are listed and the
    totals beside them leave some out: the sum is what was used."""
    def of(r):
        read = r.get("cache_read_input_tokens") or 0
        written = r.get("cache_creation_input_tokens") or 0
        thinking = (u.get("output_tokens_details") or {})
        return usage((r.get("input_tokens") or 0) + read + written,
                     r.get("output_tokens") or 0, read,
                     thinking.get("thinking_tokens"), written)

    answer.usage = of(u)
    rounds = [of(r) for r in u.get("iterations") or []]
    if rounds:
        total = {k: sum(r[k] for r in rounds) for k in rounds[0]}
        total["reasoning"] = answer.usage["reasoning"]
        answer.usage = total


def anthropic_finish(choice, delta):
    choice.finish = ANTHROPIC_STOP[delta["stop_reason"]]
    if choice.finish == "stop" and choice.calls:
        choice.finish = "tool_calls"
    details = delta.get("stop_details") or {}
    if choice.finish == "content_filter":
        choice.refusal = details.get("explanation") or ""


def anthropic_json(d):
    """Tools that the provider runs itself are no calls of the client's."""
    answer = Answer()
    choice = answer.choice()
    for b in d["content"]:
        if b["type"] == "text":
            choice.text += b["text"]
        elif b["type"] == "thinking":
            choice.reasoning += b["thinking"]
        elif b["type"] == "tool_use":
            choice.calls.append(Call(b["id"], b["name"], dumps(b["input"])))
    anthropic_finish(choice, d)
    anthropic_usage(answer, d["usage"])
    return answer


def dumps(v):
    """Back to a text that value() reads as equal."""
    if isinstance(v, dict):
        return "{%s}" % ",".join("%s:%s" % (json.dumps(k), dumps(x))
                                 for k, x in v.items())
    if isinstance(v, list):
        return "[%s]" % ",".join(dumps(x) for x in v)
    return str(v) if isinstance(v, decimal.Decimal) else json.dumps(v)


def anthropic_sse(data):
    """One message: what comes after message_stop is none of it."""
    answer = Answer()
    choice = answer.choice()
    calls, report = {}, {}
    for _, text in events(data):
        e = loads(text)
        kind = e["type"]
        if kind == "message_start":
            report.update(said(e["message"]["usage"]))
        elif kind == "content_block_start":
            anthropic_block(choice, calls, e)
        elif kind == "content_block_delta":
            anthropic_delta(choice, calls, e)
        elif kind == "message_delta":
            report.update(said(e.get("usage") or {}))
            stop = e["delta"]
        elif kind == "message_stop":
            break
    for call, first in calls.values():
        call.args = call.args or dumps(first)
    anthropic_finish(choice, stop)
    anthropic_usage(answer, report)
    return answer


def said(report):
    return {k: v for k, v in report.items() if v is not None}


def anthropic_block(choice, calls, e):
    b = e["content_block"]
    if b["type"] == "text":
        choice.text += b["text"]
    elif b["type"] == "thinking":
        choice.reasoning += b["thinking"]
    elif b["type"] == "tool_use":
        call = Call(b["id"], b["name"])
        choice.calls.append(call)
        calls[e["index"]] = call, b.get("input") or {}


def anthropic_delta(choice, calls, e):
    d = e["delta"]
    if d["type"] == "text_delta":
        choice.text += d["text"]
    elif d["type"] == "thinking_delta":
        choice.reasoning += d["thinking"]
    elif d["type"] == "input_json_delta" and e["index"] in calls:
        calls[e["index"]][0].args += d["partial_json"]


# --- Gemini ---------------------------------------------------------------


GEMINI_STOP = {
    "STOP": "stop", "MAX_TOKENS": "length", "MALFORMED_FUNCTION_CALL": "stop",
    "UNEXPECTED_TOOL_CALL": "stop", "TOO_MANY_TOOL_CALLS": "stop",
    "MISSING_THOUGHT_SIGNATURE": "stop"}


def gemini_chunks(chunks):
    answer = Answer()
    report, open_calls = {}, {}
    for d in chunks:
        report.update({k: v for k, v in said(d.get("usageMetadata")
                                             or {}).items()
                       if k.endswith("TokenCount")})
        blocked = (d.get("promptFeedback") or {}).get("blockReason")
        if blocked:
            answer.choice().finish = "content_filter"
        for c in d.get("candidates") or []:
            index = c.get("index", 0)
            choice = answer.choice(index)
            for p in (c.get("content") or {}).get("parts") or []:
                gemini_part(choice, p, open_calls, index)
            if c.get("finishReason"):
                choice.finish = GEMINI_STOP.get(c["finishReason"],
                                                "content_filter")
    for choice in answer.choices.values():
        if choice.finish == "stop" and choice.calls:
            choice.finish = "tool_calls"
    answer.usage = gemini_usage(report)
    return answer


def gemini_usage(r):
    if "promptTokenCount" not in r:
        return None
    thoughts = r.get("thoughtsTokenCount", 0)
    return usage(r["promptTokenCount"] + r.get("toolUsePromptTokenCount", 0),
                 r.get("candidatesTokenCount", 0) + thoughts,
                 r.get("cachedContentTokenCount"), thoughts)


def gemini_part(choice, p, open_calls, index):
    if "text" in p:
        if p.get("thought"):
            choice.reasoning += p["text"]
        else:
            choice.text += p["text"]
    elif "functionCall" in p:
        gemini_call(choice, p, open_calls, index)


def gemini_call(choice, p, open_calls, index):
    """A call comes whole, or (streamFunctionCallArguments) as its name, then
    pieces, then one without willContinue."""
    f = p["functionCall"]
    if index not in open_calls:
        call = Call(f.get("id"), f["name"])
        choice.calls.append(call)
        open_calls[index] = call, dict(f.get("args") or {})
    call, args = open_calls[index]
    call.signature = call.signature or p.get("thoughtSignature")
    for piece in f.get("partialArgs") or []:
        key = re.fullmatch(r"\$\.(\w+)", piece["jsonPath"]).group(1)
        if "stringValue" in piece:
            args[key] = args.get(key, "") + piece["stringValue"]
        else:
            args[key] = piece.get("numberValue", piece.get("boolValue"))
    call.args = dumps(args)
    if not f.get("willContinue"):
        del open_calls[index]


def gemini_json(d):
    return gemini_chunks([d])


def gemini_sse(data):
    return gemini_chunks(loads(p) for p in payloads(data))


# --- comparing ------------------------------------------------------------


READERS = {
    "openai": (openai_json, openai_sse),
    "anthropic": (anthropic_json, anthropic_sse),
    "gemini": (gemini_json, gemini_sse)}


def read(provider, data, stream):
    """The Answer of an answer's bytes."""
    whole, streamed = READERS[provider]
    return streamed(data) if stream else whole(loads(data.decode("utf-8")))


def differences(want, got, same_args=False, with_usage=True):
    """What differs, as lines.  same_args: byte for byte."""
    out = []
    if sorted(want.choices) != sorted(got.choices):
        return ["choices %s, not %s" % (sorted(got.choices),
                                        sorted(want.choices))]
    for i in want.choices:
        out += choice_differences(i, want.choices[i], got.choices[i],
                                  same_args)
    if with_usage and want.usage and got.usage != want.usage:
        out.append("usage %r, not %r" % (got.usage, want.usage))
    if with_usage is None and got.usage:
        out.append("usage %r, not asked for" % got.usage)
    return out


def choice_differences(i, want, got, same_args):
    out = []
    for field in ("text", "refusal", "reasoning", "finish", "logprobs"):
        a, b = getattr(want, field), getattr(got, field)
        if a != b:
            out.append("choice %d: %s is %s, not %s"
                       % (i, field, short(b), short(a)))
    if [c.name for c in want.calls] != [c.name for c in got.calls]:
        return out + ["choice %d: calls %s, not %s"
                      % (i, [c.name for c in got.calls],
                         [c.name for c in want.calls])]
    for a, b in zip(want.calls, got.calls):
        out += call_differences(i, a, b, same_args)
    ids = [c.id for c in got.calls]
    if len(set(ids)) != len(ids) or not all(ids):
        out.append("choice %d: ids of calls %s" % (i, ids))
    return out


def call_differences(i, want, got, same_args):
    out = []
    where = "choice %d: %s" % (i, want.name)
    if same_args and want.args != got.args:
        out.append("%s: arguments %s, not %s"
                   % (where, short(got.args), short(want.args)))
    if not same_args and not got.args.startswith("{"):
        out.append("%s: arguments %s are no object" % (where,
                                                       short(got.args)))
    if value(want.args) != value(got.args):
        out.append("%s: arguments %s, not %s"
                   % (where, short(got.args), short(want.args)))
    if want.id and want.id != got.id:
        out.append("%s: id %s, not %s" % (where, got.id, want.id))
    if want.signature != got.signature:
        out.append("%s: signature %s, not %s"
                   % (where, short(got.signature), short(want.signature)))
    return out


def short(text):
    text = repr(text)
    return text if len(text) < 120 else "%s...%s (%d)" % (
        text[:60], text[-50:], len(text))
