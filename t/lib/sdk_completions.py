"""Legacy completions with the OpenAI SDK through the gateway.

Recordings pass through and come out of the SDK as they went in; answers of
other APIs, written by hand here, come out as text_completion.  Prints a list
of {"name", "problems"}.
"""

import base64
import glob
import json
import os
import struct
import zlib

import openai

import gateway

ROOT = os.path.join(os.path.dirname(__file__), "..", "data", "recordings",
                    "completions")
TEXT = "Once upon a time"
seen = 0


def frame(kind, payload):
    """A message of AWS's event stream."""
    head = b""
    for name, value in ((":message-type", "event"), (":event-type", kind),
                        (":content-type", "application/json")):
        head += struct.pack("B", len(name)) + name.encode() + b"\x07"
        head += struct.pack(">H", len(value)) + value.encode()
    body = json.dumps(payload).encode()
    out = struct.pack(">II", 16 + len(head) + len(body), len(head))
    out += struct.pack(">I", zlib.crc32(out)) + head + body
    return out + struct.pack(">I", zlib.crc32(out))


def sse(events, named=False):
    lines = []
    for e in events:
        if named:
            lines.append("event: %s\n" % e["type"])
        lines.append("data: %s\n\n" % (e if isinstance(e, str)
                                       else json.dumps(e)))
    return "".join(lines).encode()


def chat(**more):
    return {"id": "c-1", "created": 1, "model": "m", **more}


USAGE = {"prompt_tokens": 12, "completion_tokens": 5, "total_tokens": 17}
PARTS = [TEXT[:4], TEXT[4:]]

JSON = {
    "openai": chat(object="chat.completion", usage=USAGE, choices=[{
        "index": 0, "finish_reason": "stop",
        "message": {"role": "assistant", "content": TEXT}}]),
    "anthropic": {
        "id": "msg_1", "type": "message", "role": "assistant", "model": "m",
        "stop_reason": "end_turn", "content": [
            {"type": "thinking", "thinking": "hm", "signature": "x"},
            {"type": "text", "text": TEXT}],
        "usage": {"input_tokens": 12, "output_tokens": 5}},
    "gemini": {
        "candidates": [{"finishReason": "STOP", "content": {
            "role": "model", "parts": [{"text": TEXT}]}}],
        "usageMetadata": {"promptTokenCount": 12, "candidatesTokenCount": 5,
                          "totalTokenCount": 17}},
    "cohere": {
        "id": "1", "finish_reason": "COMPLETE", "message": {
            "role": "assistant", "content": [{"type": "text",
                                              "text": TEXT}]},
        "usage": {"tokens": {"input_tokens": 12, "output_tokens": 5}}},
    "ollama_native": {
        "model": "m", "created_at": "2025-01-01T00:00:00Z", "done": True,
        "done_reason": "stop", "message": {"role": "assistant",
                                           "content": TEXT},
        "prompt_eval_count": 12, "eval_count": 5},
    "bedrock": {
        "output": {"message": {"role": "assistant",
                               "content": [{"text": TEXT}]}},
        "stopReason": "end_turn",
        "usage": {"inputTokens": 12, "outputTokens": 5, "totalTokens": 17}},
}

STREAM = {
    "openai": ("text/event-stream", sse(
        [chat(object="chat.completion.chunk", choices=[{
            "index": 0, "delta": {"content": p}, "finish_reason": None}])
         for p in PARTS]
        + [chat(object="chat.completion.chunk", choices=[{
            "index": 0, "delta": {}, "finish_reason": "stop"}]),
           chat(object="chat.completion.chunk", choices=[], usage=USAGE),
           "[DONE]"])),
    "anthropic": ("text/event-stream", sse(
        [{"type": "message_start", "message": dict(
            JSON["anthropic"], content=[], stop_reason=None,
            usage={"input_tokens": 12, "output_tokens": 1})},
         {"type": "content_block_start", "index": 0,
          "content_block": {"type": "text", "text": ""}}]
        + [{"type": "content_block_delta", "index": 0,
            "delta": {"type": "text_delta", "text": p}} for p in PARTS]
        + [{"type": "content_block_stop", "index": 0},
           {"type": "message_delta", "delta": {"stop_reason": "end_turn"},
            "usage": {"output_tokens": 5}},
           {"type": "message_stop"}], named=True)),
    "gemini": ("text/event-stream", sse(
        [{"candidates": [{"content": {"role": "model",
                                      "parts": [{"text": p}]}}]}
         for p in PARTS[:1]]
        + [{"candidates": [{"finishReason": "STOP", "content": {
            "role": "model", "parts": [{"text": PARTS[1]}]}}],
            "usageMetadata": JSON["gemini"]["usageMetadata"]}])),
    "cohere": ("text/event-stream", sse(
        [{"type": "message-start", "id": "1", "delta": {"message": {
            "role": "assistant"}}},
         {"type": "content-start", "index": 0, "delta": {"message": {
             "content": {"type": "text", "text": ""}}}}]
        + [{"type": "content-delta", "index": 0, "delta": {"message": {
            "content": {"text": p}}}} for p in PARTS]
        + [{"type": "content-end", "index": 0},
           {"type": "message-end", "delta": {
               "finish_reason": "COMPLETE",
               "usage": JSON["cohere"]["usage"]}}], named=True)),
    "ollama_native": ("application/x-ndjson", b"".join(
        json.dumps(e).encode() + b"\n" for e in
        [dict(JSON["ollama_native"], done=False,
              message={"role": "assistant", "content": p}) for p in PARTS]
        + [dict(JSON["ollama_native"],
                message={"role": "assistant", "content": ""})])),
    "bedrock": ("application/vnd.amazon.eventstream",
                frame("messageStart", {"role": "assistant"})
                + b"".join(frame("contentBlockDelta", {
                    "contentBlockIndex": 0, "delta": {"text": p}})
                    for p in PARTS)
                + frame("contentBlockStop", {"contentBlockIndex": 0})
                + frame("messageStop", {"stopReason": "end_turn"})
                + frame("metadata", {"usage": JSON["bedrock"]["usage"]})),
}

# groq has no completions of its own, and chat in OpenAI's form
JSON["groq"], STREAM["groq"] = JSON["openai"], STREAM["openai"]


class Case:
    def __init__(self, name, client):
        self.name = name
        self.client = client
        self.problems = []

    def expect(self, what, got, want):
        if got != want:
            self.problems.append("%s: %r, not %r" % (what, got, want))

    def result(self):
        return {"name": self.name, "problems": self.problems}


def reply(data, kind="application/json", **more):
    gateway.script_mock([{"reply": {
        "base64": base64.b64encode(data).decode(),
        "headers": {"Content-Type": kind}, **more}}])


def got():
    global seen
    found, seen = gateway.ledger(seen)
    return [json.loads(r["body"]) for r in found], found


def recording(case, file, api):
    """OpenAI's own answer, to a client of OpenAI's."""
    with open(file, "rb") as f:
        data = f.read()
    stream = file.endswith(".sse")
    reply(data, "text/event-stream" if stream else "application/json",
          **({"split": "bytes"} if stream else {}))
    request = {"model": "gpt-3.5-turbo-instruct", "prompt": ["a", [1, 2]][0]}
    client = case.client.at("/" + api).completions

    if not stream:
        answer = client.create(**request)
        want = json.loads(data)
        case.expect("texts", [c.text for c in answer.choices],
                    [c["text"] for c in want["choices"]])
        case.expect("usage", answer.usage.total_tokens,
                    want["usage"]["total_tokens"])
    else:
        answers = list(client.create(stream=True, **request))
        want = [json.loads(line[5:]) for line in data.decode().split("\n")
                if line.startswith("data:") and "[DONE]" not in line]
        case.expect("chunks", [c.id for c in answers],
                    [w["id"] for w in want])
        case.expect("text", "".join(c.choices[0].text for c in answers
                                    if c.choices),
                    "".join(w["choices"][0]["text"] for w in want
                            if w["choices"]))
    case.expect("request", got()[0], [case.client.sent])


def answered(case, api, stream):
    kind, data = STREAM[api] if stream else (
        "application/json", json.dumps(JSON[api]).encode())
    reply(data, kind)
    client = case.client.at("/" + api).completions
    request = {"model": "m", "prompt": "Tell me", "max_tokens": 9,
               "stop": ["END"], "temperature": 0.5}

    if stream:
        chunks = list(client.create(
            stream=True, stream_options={"include_usage": True}, **request))
        case.expect("objects", {c.object for c in chunks},
                    {"text_completion"})
        text = "".join(c.choices[0].text for c in chunks if c.choices)
        finish = [c.choices[0].finish_reason for c in chunks
                  if c.choices and c.choices[0].finish_reason]
        usage = chunks[-1].usage
    else:
        answer = client.create(**request)
        case.expect("object", answer.object, "text_completion")
        text, usage = answer.choices[0].text, answer.usage
        finish = [answer.choices[0].finish_reason]

    case.expect("text", text, TEXT)
    case.expect("finish", finish, ["stop"])
    case.expect("usage", (usage.prompt_tokens, usage.completion_tokens),
                (12, 5))
    bodies, requests = got()
    case.expect("requests", len(bodies), 1)
    case.expect("prompt", "Tell me" in requests[0]["body"], True)
    case.expect("limit", 9 in list(numbers(bodies[0])), True)
    case.expect("stop", "END" in requests[0]["body"], True)


def numbers(v):
    if isinstance(v, dict):
        v = list(v.values())
    if isinstance(v, list):
        for x in v:
            yield from numbers(x)
    elif isinstance(v, int):
        yield v


def refused(case, api, field, value):
    client = case.client.at("/" + api).completions
    request = {"model": "m", "prompt": "x", field: value}
    try:
        client.create(**request)
        case.problems.append("not refused")
    except openai.BadRequestError as e:
        case.expect("param", (e.param or "").split("[")[0], field)
    case.expect("requests", got()[0], [])


def main():
    client = gateway.Client()
    results = []

    def run(name, step, *args):
        case = Case(name, client)
        try:
            step(case, *args)
        except Exception as e:              # told as a failed test
            case.problems.append("%s: %s" % (type(e).__name__, e))
            got()
        results.append(case.result())

    for file in sorted(glob.glob(ROOT + "/*.response.*")):
        name = os.path.basename(file)
        if "bad-request" in name or "unknown-model" in name:
            continue
        for api in "openai", "openai_compatible":
            run("%s: %s" % (api, name), recording, file, api)

    for api in os.environ["APIS"].split():
        if api in JSON and api != "openai":
            run(api + ", JSON", answered, api, False)
            run(api + ", stream", answered, api, True)

    for field, value in (("echo", True), ("suffix", "x"), ("logprobs", 2),
                         ("best_of", 3), ("prompt", [1, 2, 3]),
                         ("prompt", ["a", "b"])):
        run("anthropic: no %s %r" % (field, value), refused, "anthropic",
            field, value)

    print(json.dumps(results))


if __name__ == "__main__":
    main()
