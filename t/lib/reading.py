"""What a provider's answer says, read after the providers' documentation.

Written apart from the module's decoders, so that the two can be compared:
one Answer per recording, and one per thing the SDK hands out.
"""

import decimal
import json
import re
import struct
import zlib


class Call:
    def __init__(self, id=None, name="", args=""):
        self.id = id
        self.name = name
        self.args = args            # as a text
        self.signature = None       # Gemini's thoughtSignature
        self.custom = False         # args are a text, no object


class Choice:
    def __init__(self):
        self.text = ""
        self.refusal = ""
        self.reasoning = ""
        self.calls = []
        self.finish = None
        self.logprobs = 0           # tokens that have them
        self.pages = set()          # that it cites, their URLs


class Answer:
    def __init__(self):
        self.choices = {}
        self.usage = None           # a dict
        self.error = None           # a text: it is no answer, or breaks off

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
    """Some vendors do not count thoughts into completion_tokens: the total
    tells.  What came from a cache has many names."""
    if not u:
        return None
    prompt = u.get("prompt_tokens_details") or {}
    details = u.get("completion_tokens_details") or {}
    cached = [prompt.get("cached_tokens"), u.get("prompt_cache_hit_tokens"),
              u.get("cached_tokens"), u.get("num_cached_tokens")]
    completion = u["completion_tokens"]
    thoughts = details.get("reasoning_tokens") or 0
    if thoughts and u["prompt_tokens"] + completion + thoughts \
            == u.get("total_tokens"):
        completion += thoughts
    return usage(u["prompt_tokens"], completion,
                 next((n for n in cached if n is not None), None), thoughts,
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
        if function.get("name") != call.name:       # some repeat it
            call.name += function.get("name") or ""
        call.args += function.get("arguments") or function.get("input") or ""
        google = (f.get("extra_content") or {}).get("google") or {}
        call.signature = call.signature or google.get("thought_signature")


def openai_part(choice, part):
    """A message or a delta."""
    content = part.get("content") or ""
    for p in content if isinstance(content, list) else []:
        if p["type"] == "thinking":
            choice.reasoning += "".join(t["text"] for t in p["thinking"])
        else:
            choice.text += p["text"]
    choice.text += content if isinstance(content, str) else ""
    choice.refusal += part.get("refusal") or ""
    choice.reasoning += part.get("reasoning_content") \
        or part.get("reasoning") or ""
    for a in part.get("annotations") or []:
        choice.pages.add(a["url_citation"]["url"])
    openai_calls(choice, part.get("tool_calls"))


def openai_choice(answer, c, part):
    choice = answer.choice(c.get("index", 0))
    openai_part(choice, c.get(part) or {})
    choice.finish = c.get("finish_reason") or choice.finish
    logprobs = (c.get("logprobs") or {}).get("content")
    choice.logprobs += len(logprobs or [])


def openai_json(d):
    answer = Answer()
    answer.error = message_of(d)
    for c in d.get("choices") or []:
        openai_choice(answer, c, "message")
    answer.choice().pages.update(d.get("citations") or [])  # Perplexity's
    answer.usage = openai_usage(d.get("usage"))
    return answer


def message_of(d):
    """That of an error, in whatever API."""
    error = d.get("error") or (d if d.get("type") == "error" else {})
    return error.get("message") if isinstance(error, dict) else str(error)


def openai_chunks(chunks):
    answer = Answer()
    for d in chunks:
        answer.error = answer.error or message_of(d)
        for c in d.get("choices") or []:
            openai_choice(answer, c, "delta")
        if d.get("citations"):
            answer.choice().pages.update(d["citations"])
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
            choice.pages.update(c["url"] for c in b.get("citations") or []
                                if c.get("url"))
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
    return anthropic_events(loads(text) for _, text in events(data))


def anthropic_events(found):
    """One message: what comes after message_stop is none of it."""
    answer = Answer()
    choice = answer.choice()
    calls, report = {}, {}
    stop = None
    for e in found:
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
    elif d["type"] == "citations_delta" and d["citation"].get("url"):
        choice.pages.add(d["citation"]["url"])
    elif d["type"] == "thinking_delta":
        choice.reasoning += d["thinking"]
    elif d["type"] == "input_json_delta" and e["index"] in calls:
        calls[e["index"]][0].args += d["partial_json"]


# --- Gemini ---------------------------------------------------------------


GEMINI_STOP = {
    "STOP": "stop", "MAX_TOKENS": "length", "MALFORMED_FUNCTION_CALL": "stop",
    "UNEXPECTED_TOOL_CALL": "stop", "TOO_MANY_TOOL_CALLS": "stop",
    "MISSING_THOUGHT_SIGNATURE": "stop",
    1: "stop", 2: "length"}     # of clients that ask for numbers


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
            grounds = c.get("groundingMetadata") or {}
            choice.pages.update(g["web"]["uri"] for g in grounds.get(
                "groundingChunks") or [] if "web" in g)
            chosen = (c.get("logprobsResult") or {}).get("chosenCandidates")
            choice.logprobs += len(chosen or [])
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


# --- OpenAI's older completions ------------------------------------------


def completions_chunks(chunks):
    answer = Answer()
    for d in chunks:
        answer.error = answer.error or message_of(d)
        for c in d.get("choices") or []:
            choice = answer.choice(c["index"])
            choice.text += c.get("text") or ""
            choice.finish = c.get("finish_reason") or choice.finish
            logprobs = c.get("logprobs") or {}
            choice.logprobs += len(logprobs.get("tokens") or [])
        answer.usage = openai_usage(d.get("usage")) or answer.usage
    return answer


def completions_json(d):
    return completions_chunks([d])


def completions_sse(data):
    return completions_chunks(json.loads(p) for p in payloads(data)
                              if p != "[DONE]")


# --- OpenAI's Responses ---------------------------------------------------


# calls of tools that the client runs; all other items but messages and
# thoughts are about what the provider does itself
CALLS = {"function_call": "arguments", "custom_tool_call": "input"}


def responses_usage(u):
    if not u:
        return None
    read = u.get("input_tokens_details") or {}
    details = u.get("output_tokens_details") or {}
    return usage(u["input_tokens"], u["output_tokens"],
                 read.get("cached_tokens"), details.get("reasoning_tokens"),
                 read.get("cache_write_tokens"))


def responses_item(choice, item):
    kind = item["type"]
    if kind == "message":
        for p in item["content"]:
            choice.text += p.get("text") or ""
            choice.refusal += p.get("refusal") or ""
            choice.logprobs += len(p.get("logprobs") or [])
            choice.pages.update(a["url"] for a in p.get("annotations") or []
                                if a["type"] == "url_citation")
    elif kind == "reasoning":
        for p in (item.get("summary") or []) + (item.get("content") or []):
            choice.reasoning += p["text"]
    elif kind in CALLS:
        call = Call(item["call_id"], item["name"], item[CALLS[kind]])
        call.custom = kind == "custom_tool_call"
        choice.calls.append(call)


def responses_end(answer, d):
    """Status and usage of a response object."""
    choice = answer.choice()
    if d.get("error"):
        answer.error = d["error"].get("message")
    why = (d.get("incomplete_details") or {}).get("reason")
    if d.get("status") in ("queued", "in_progress"):
        why = "max_output_tokens"       # there is more, but not here
    choice.finish = {"max_output_tokens": "length",
                     "content_filter": "content_filter"}.get(
                         why, "tool_calls" if choice.calls else "stop")
    answer.usage = responses_usage(d.get("usage"))


def responses_json(d):
    answer = Answer()
    for item in d.get("output") or []:
        responses_item(answer.choice(), item)
    responses_end(answer, d)
    return answer


def responses_events(found):
    """Items that are done say what they are, deltas what an open one is.
    One response: what comes after its end is none of it."""
    answer = Answer()
    choice = answer.choice()
    items = {}
    for e in found:
        kind = e["type"]
        if kind == "response.output_item.added":
            items[e["output_index"]] = Choice()
        elif kind.endswith(".delta"):
            responses_delta(items[e["output_index"]], e)
        elif kind == "response.output_item.done":
            item = Choice()
            responses_item(item, e["item"])
            items[e["output_index"]] = item
        elif kind in ("response.completed", "response.incomplete",
                      "response.failed"):
            for i in sorted(items):
                join(choice, items[i])
            responses_end(answer, e["response"])
            break
        elif kind == "error":
            answer.error = message_of(e)
    return answer


def responses_delta(item, e):
    kind = e["type"].split(".")[1]
    if kind == "output_text":
        item.text += e["delta"]
        item.logprobs += len(e.get("logprobs") or [])
    elif kind == "refusal":
        item.refusal += e["delta"]
    elif kind in ("reasoning_text", "reasoning_summary_text"):
        item.reasoning += e["delta"]


def responses_deltas(found):
    """(text, thoughts, arguments), as an SDK's reader would join them."""
    out = ["", "", ""]
    places = {"output_text": 0, "reasoning_text": 1,
              "reasoning_summary_text": 1, "function_call_arguments": 2,
              "custom_tool_call_input": 2}
    for e in found:
        kind = e["type"].split(".")
        if kind[-1] == "delta" and kind[1] in places:
            out[places[kind[1]]] += e["delta"]
    return out


def join(choice, more):
    choice.text += more.text
    choice.refusal += more.refusal
    choice.reasoning += more.reasoning
    choice.calls += more.calls
    choice.logprobs += more.logprobs
    choice.pages |= more.pages


def responses_sse(data):
    return responses_events(json.loads(p) for p in payloads(data)
                            if p != "[DONE]")


# --- Bedrock's Converse ---------------------------------------------------


BEDROCK_STOP = {
    "end_turn": "stop", "stop_sequence": "stop", "tool_use": "tool_calls",
    "max_tokens": "length", "model_context_window_exceeded": "length",
    "guardrail_intervened": "content_filter",
    "content_filtered": "content_filter"}


def frames(data):
    """(headers, payload) of application/vnd.amazon.eventstream."""
    out, at = [], 0
    while at < len(data):
        total, length, crc = struct.unpack_from(">III", data, at)
        frame = data[at:at + total]
        assert zlib.crc32(frame[:8]) == crc, "crc of a prelude"
        assert struct.pack(">I", zlib.crc32(frame[:-4])) == frame[-4:], \
            "crc of a message"
        out.append((frame_headers(frame[12:12 + length]),
                    frame[12 + length:-4]))
        at += total
    return out


def frame_headers(data):
    out = {}
    while data:
        n = data[0]
        name, kind = data[1:1 + n].decode(), data[1 + n]
        assert kind == 7, "a header that is no string"
        size = struct.unpack_from(">H", data, 2 + n)[0]
        out[name] = data[4 + n:4 + n + size].decode()
        data = data[4 + n + size:]
    return out


def bedrock_usage(u):
    read = u.get("cacheReadInputTokens") or 0
    written = u.get("cacheWriteInputTokens") or 0
    return usage(u["inputTokens"] + read + written, u["outputTokens"], read,
                 None, written)


def bedrock_finish(choice, reason):
    choice.finish = BEDROCK_STOP[reason]
    if choice.finish == "stop" and choice.calls:
        choice.finish = "tool_calls"


def bedrock_json(d):
    answer = Answer()
    choice = answer.choice()
    for b in d["output"]["message"]["content"]:
        use = b.get("toolUse")
        thought = b.get("reasoningContent") or {}
        choice.text += b.get("text") or ""
        choice.text += "".join(c["text"] for c in (
            b.get("citationsContent") or {}).get("content") or [])
        choice.reasoning += (thought.get("reasoningText") or {}).get(
            "text") or ""
        if use and use.get("type") != "server_tool_use":
            choice.calls.append(Call(use["toolUseId"], use["name"],
                                     dumps(use["input"])))
    bedrock_finish(choice, d["stopReason"])
    answer.usage = bedrock_usage(d["usage"])
    return answer


def bedrock_frames(data):
    answer = Answer()
    choice = answer.choice()
    calls = {}
    for head, payload in frames(data):
        e = loads(payload.decode())
        kind = head.get(":event-type")
        if head[":message-type"] != "event":
            answer.error = e.get("message") or head.get(":exception-type")
        elif kind == "contentBlockStart":
            use = e["start"].get("toolUse")
            if use and use.get("type") != "server_tool_use":
                call = Call(use["toolUseId"], use["name"])
                choice.calls.append(call)
                calls[e["contentBlockIndex"]] = call
        elif kind == "contentBlockDelta":
            bedrock_delta(choice, calls.get(e["contentBlockIndex"]),
                          e["delta"])
        elif kind == "messageStop":
            bedrock_finish(choice, e["stopReason"])
        elif kind == "metadata":
            answer.usage = bedrock_usage(e["usage"])
    return answer


def bedrock_delta(choice, call, delta):
    choice.text += delta.get("text") or ""
    choice.reasoning += (delta.get("reasoningContent") or {}).get(
        "text") or ""
    if call and "toolUse" in delta:
        call.args += delta["toolUse"]["input"]


# --- Cohere's chat, version 2 ---------------------------------------------


COHERE_STOP = {"COMPLETE": "stop", "STOP_SEQUENCE": "stop",
               "MAX_TOKENS": "length", "TOOL_CALL": "tool_calls"}


def cohere_usage(u):
    return usage(u["tokens"]["input_tokens"], u["tokens"]["output_tokens"],
                 u.get("cached_tokens"))


def cohere_call(f):
    return Call(f["id"], f["function"]["name"],
                f["function"].get("arguments") or "")


def cohere_json(d):
    """What the model plans before its calls is text."""
    answer = Answer()
    choice = answer.choice()
    m = d["message"]
    choice.text = m.get("tool_plan") or ""
    for p in m.get("content") or []:
        choice.text += p.get("text") or ""
        choice.reasoning += p.get("thinking") or ""
    choice.calls = [cohere_call(f) for f in m.get("tool_calls") or []]
    choice.finish = COHERE_STOP[d["finish_reason"]]
    answer.usage = cohere_usage(d["usage"])
    return answer


def cohere_sse(data):
    answer = Answer()
    choice = answer.choice()
    for text in payloads(data):
        e = loads(text)
        m = (e.get("delta") or {}).get("message") or {}
        kind = e["type"]
        if kind == "tool-plan-delta":
            choice.text += m["tool_plan"]
        elif kind in ("content-start", "content-delta"):
            choice.text += m["content"].get("text") or ""
            choice.reasoning += m["content"].get("thinking") or ""
        elif kind == "tool-call-start":
            choice.calls.append(cohere_call(m["tool_calls"]))
        elif kind == "tool-call-delta":
            choice.calls[-1].args += m["tool_calls"]["function"]["arguments"]
        elif kind == "message-end":
            choice.finish = COHERE_STOP[e["delta"]["finish_reason"]]
            answer.usage = cohere_usage(e["delta"]["usage"])
    return answer


# --- Ollama ---------------------------------------------------------------


def ollama_chunks(chunks):
    answer = Answer()
    choice = answer.choice()
    for d in chunks:
        answer.error = answer.error or d.get("error")
        m = d.get("message") or {}
        choice.text += m.get("content") or ""
        choice.reasoning += m.get("thinking") or ""
        choice.logprobs += len(d.get("logprobs") or [])
        choice.calls += [Call(f.get("id"), f["function"]["name"],
                              dumps(f["function"]["arguments"]))
                         for f in m.get("tool_calls") or []]
        if d.get("done"):
            choice.finish = d["done_reason"]
            if choice.finish == "stop" and choice.calls:
                choice.finish = "tool_calls"
            answer.usage = usage(d.get("prompt_eval_count") or 0,
                                 d.get("eval_count") or 0)
    return answer


def ollama_json(d):
    return ollama_chunks([d])


def ollama_lines(data):
    return ollama_chunks(loads(line) for line in data.decode().splitlines()
                         if line)


# --- comparing ------------------------------------------------------------


READERS = {
    "openai": (openai_json, openai_sse),
    "anthropic": (anthropic_json, anthropic_sse),
    "gemini": (gemini_json, gemini_sse),
    "completions": (completions_json, completions_sse),
    "responses": (responses_json, responses_sse),
    "bedrock": (bedrock_json, bedrock_frames),
    "cohere": (cohere_json, cohere_sse),
    "ollama": (ollama_json, ollama_lines)}


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
