"""A provider that a coding agent's whole task is played against.

It takes one request at a time, reads it in its own API's terms, checks that
the conversation is what was said so far, and says the script's next turn as a
stream.  What was wrong is in `problems`.

A script has steps; a step is a function that gets the names and schemas of
the tools that the agent offers, and returns a Turn.
"""

import http.server
import json
import threading

PATHS = {"openai": "/v1/chat/completions", "anthropic": "/v1/messages",
         "gemini": "/v1beta/models/"}
IDS = {"openai": "call_", "anthropic": "toolu_", "gemini": "g7x"}


class Call:
    def __init__(self, name, args, result=()):
        self.name = name
        self.args = args            # an object
        self.result = result        # texts that the result must have
        self.id = None


class Turn:
    def __init__(self, text="", calls=(), thinking=""):
        self.text = text
        self.calls = calls
        self.thinking = thinking
        self.signature = None


# --- what a request says ----------------------------------------------------


class Heard:
    """A request: system text, tools, and a flat list of what was said."""

    def __init__(self):
        self.system = []
        self.tools = {}             # name: (description, schema)
        self.items = []             # ("user", text), ("call", id, name, args)


def of_parts(content):
    if isinstance(content, str):
        return content
    return "".join(p.get("text") or "" for p in content or [])


def hear_openai(body):
    h = Heard()
    for t in body.get("tools") or []:
        f = t["function"]
        h.tools[f["name"]] = (f.get("description"), f.get("parameters"))
    for m in body["messages"]:
        role, text = m["role"], of_parts(m.get("content"))
        if role in ("system", "developer"):
            h.system.append(text)
            continue
        if role == "tool":
            h.items.append(("result", m["tool_call_id"], text))
            continue
        if m.get("reasoning_content"):
            h.items.append(("thinking", m["reasoning_content"], None))
        if text:
            h.items.append((role, text))
        for c in m.get("tool_calls") or []:
            h.items.append(("call", c["id"], c["function"]["name"],
                            json.loads(c["function"]["arguments"]), None))
    return h


def hear_anthropic(body):
    h = Heard()
    for t in body.get("tools") or []:
        h.tools[t["name"]] = (t.get("description"), t.get("input_schema"))
    system = body.get("system") or []
    h.system = [system] if isinstance(system, str) \
        else [b["text"] for b in system]
    for m in body["messages"]:
        blocks = m["content"]
        if isinstance(blocks, str):
            blocks = [{"type": "text", "text": blocks}]
        for b in blocks:
            kind = b["type"]
            if kind == "text":
                h.items.append((m["role"], b["text"]))
            elif kind == "thinking":
                h.items.append(("thinking", b["thinking"], b["signature"]))
            elif kind == "tool_use":
                h.items.append(("call", b["id"], b["name"], b["input"], None))
            elif kind == "tool_result":
                h.items.append(("result", b["tool_use_id"],
                                of_parts(b.get("content"))))
            else:
                h.items.append((kind, b))
    return h


def hear_gemini(body):
    """Ids may be missing: then a response is its function's next one."""
    h = Heard()
    for t in body.get("tools") or []:
        for f in t.get("functionDeclarations") or []:
            h.tools[f["name"]] = (f.get("description"),
                                  f.get("parametersJsonSchema",
                                        f.get("parameters")))
    h.system = [p["text"] for p in
                (body.get("systemInstruction") or {}).get("parts") or []]
    for c in body["contents"]:
        for p in c["parts"]:
            if "functionCall" in p:
                f = p["functionCall"]
                h.items.append(("call", f.get("id"), f["name"],
                                f.get("args", {}), p.get("thoughtSignature")))
            elif "functionResponse" in p:
                f = p["functionResponse"]
                h.items.append(("result", f.get("id", f["name"]),
                                said_by(f["response"])))
            elif p.get("thought"):
                h.items.append(("thinking", p["text"], None))
            else:
                h.items.append(("user" if c["role"] == "user"
                                else "assistant", p.get("text", "")))
    return h


def said_by(response):
    return "".join(v if isinstance(v, str) else json.dumps(v)
                   for v in response.values())


# --- what is answered -------------------------------------------------------


def pieces(text, n=11):
    return [text[i:i + n] for i in range(0, len(text), n)]


def data(value, event=None):
    return ("event: %s\n" % event if event else "") \
        + "data: %s\n\n" % json.dumps(value)


def say_openai(turn, number):
    def chunk(delta, finish=None, **more):
        return data(dict({
            "id": "chatcmpl-%d" % number, "object": "chat.completion.chunk",
            "created": 1700000000, "model": "gpt-test",
            "choices": [{"index": 0, "delta": delta,
                         "finish_reason": finish}]}, **more))

    yield chunk({"role": "assistant", "content": ""})
    for t in pieces(turn.thinking):
        yield chunk({"reasoning_content": t})
    for t in pieces(turn.text):
        yield chunk({"content": t})
    for i, c in enumerate(turn.calls):
        yield chunk({"tool_calls": [{
            "index": i, "id": c.id, "type": "function",
            "function": {"name": c.name, "arguments": ""}}]})
        for t in pieces(json.dumps(c.args)):
            yield chunk({"tool_calls": [{"index": i, "function": {
                "arguments": t}}]})
    yield chunk({}, "tool_calls" if turn.calls else "stop")
    yield chunk({}, choices=[], usage={
        "prompt_tokens": 1000 + number, "completion_tokens": 50,
        "total_tokens": 1050 + number,
        "prompt_tokens_details": {"cached_tokens": 600}})
    yield "data: [DONE]\n\n"


def say_anthropic(turn, number):
    def event(kind, **fields):
        return data(dict(type=kind, **fields), kind)

    def block(i, start, deltas):
        yield event("content_block_start", index=i, content_block=start)
        for d in deltas:
            yield event("content_block_delta", index=i, delta=d)
        yield event("content_block_stop", index=i)

    yield event("message_start", message={
        "id": "msg_%d" % number, "type": "message", "role": "assistant",
        "model": "claude-test", "content": [], "stop_reason": None,
        "stop_sequence": None, "usage": {
            "input_tokens": 400 + number, "cache_read_input_tokens": 600,
            "cache_creation_input_tokens": 0, "output_tokens": 1}})
    yield event("ping")
    i = 0
    if turn.thinking:
        yield from block(i, {"type": "thinking", "thinking": "",
                             "signature": ""},
                         [{"type": "thinking_delta", "thinking": t}
                          for t in pieces(turn.thinking)]
                         + [{"type": "signature_delta",
                             "signature": turn.signature}])
        i += 1
    if turn.text:
        yield from block(i, {"type": "text", "text": ""},
                         [{"type": "text_delta", "text": t}
                          for t in pieces(turn.text)])
        i += 1
    for c in turn.calls:
        yield from block(i, {"type": "tool_use", "id": c.id, "name": c.name,
                             "input": {}},
                         [{"type": "input_json_delta", "partial_json": t}
                          for t in [""] + pieces(json.dumps(c.args))])
        i += 1
    yield event("message_delta", delta={
        "stop_reason": "tool_use" if turn.calls else "end_turn",
        "stop_sequence": None}, usage={"output_tokens": 50})
    yield event("message_stop")


def say_gemini(turn, number):
    parts = [{"text": t, "thought": True} for t in pieces(turn.thinking, 40)]
    parts += [{"text": t} for t in pieces(turn.text, 40)]
    for i, c in enumerate(turn.calls):
        f = {"name": c.name, "args": c.args}
        if c.id:
            f["id"] = c.id
        # only the first of parallel calls is signed
        parts.append(dict({"functionCall": f}, **(
            {"thoughtSignature": turn.signature} if i == 0 else {})))
    for p in parts:
        one = {"content": {"role": "model", "parts": [p]}, "index": 0}
        if p is parts[-1]:
            one["finishReason"] = "STOP"
        yield data({"candidates": [one], "usageMetadata": {
            "promptTokenCount": 1000 + number, "candidatesTokenCount": 40,
            "thoughtsTokenCount": 10, "cachedContentTokenCount": 600,
            "totalTokenCount": 1050 + number},
            "modelVersion": "gemini-test", "responseId": "r%d" % number})


# --- the script -------------------------------------------------------------


class Script:
    """One task.  with_ids: whether Gemini's calls have ids."""

    def __init__(self, api, steps, secret, with_ids=True):
        self.api = api
        self.steps = steps
        self.secret = secret
        self.with_ids = with_ids
        self.turns = []             # said so far
        self.problems = []
        self.requests = []          # (path, headers, body)
        self.aside = []             # bodies of requests beside the task
        self.first = None           # Heard

    def answer(self, path, headers, body):
        self.requests.append((path, headers, body))
        if not path.startswith(PATHS[self.api]):
            self.problem("path %s", path)
        self.credential(headers)
        heard = {"openai": hear_openai, "anthropic": hear_anthropic,
                 "gemini": hear_gemini}[self.api](body)

        if not heard.tools:
            # a title for the session, and the like
            self.aside.append(body)
            return Turn("Fix of add")

        self.first = self.first or heard
        self.check(heard)
        n = len(self.turns)
        if n >= len(self.steps):
            self.problem("request %d, after the end", n + 1)
            return Turn("There is nothing more to do.")
        turn = self.steps[n](heard.tools)
        turn.signature = self.signature(n)
        for i, c in enumerate(turn.calls):
            if self.with_ids:
                c.id = "%s%02d%c" % (IDS[self.api], n, "ab"[i])
        self.turns.append(turn)
        return turn

    def signature(self, n):
        # base64, as providers' are
        return "U2lnbmF0dXJl%04d" % n

    def problem(self, text, *args):
        self.problems.append("turn %d: %s" % (len(self.turns) + 1,
                                              text % args))

    def credential(self, headers):
        name, value = {"openai": ("authorization", "Bearer " + self.secret),
                       "anthropic": ("x-api-key", self.secret),
                       "gemini": ("x-goog-api-key", self.secret)}[self.api]
        if headers.get(name) != value:
            self.problem("%s is %r", name, headers.get(name))

    # the conversation against what was said

    def check(self, heard):
        if len("".join(heard.system)) < 200:
            self.problem("no system prompt: %.100r", heard.system)
        items = [i for i in heard.items if i[0] in ("call", "result")]
        want = []
        for turn in self.turns:
            want += [("call", c) for c in turn.calls]
            want += [("result", c) for c in turn.calls]
        if len(items) != len(want):
            self.problem("calls and results: %s, not %s",
                         [i[:3] for i in items],
                         [(k, c.name) for k, c in want])
            return
        for got, (kind, call) in zip(items, want):
            if got[0] != kind:
                self.problem("a %s, not the %s of %s", got[0], kind,
                             call.name)
                return
            getattr(self, "check_" + kind)(got, call)
        self.check_thinking(heard)
        self.check_texts(heard)

    def check_call(self, got, call):
        _, name, args = got[1:4]
        self.check_id(got[1], call)
        if (name, args) != (call.name, call.args):
            self.problem("call of %s with %r came back as %s with %r",
                         call.name, call.args, name, args)

    def check_id(self, got, call):
        """Without an id of our own it may be any, or the function's name."""
        if call.id and got != call.id:
            self.problem("id %r, not %r", got, call.id)

    def check_result(self, got, call):
        self.check_id(got[1], call)
        for text in call.result:
            if text not in got[2]:
                self.problem("result of %s %r has no %r: %.300r", call.name,
                             call.args, text, got[2])

    def check_thinking(self, heard):
        """What was signed is back, at its place and unchanged."""
        if self.api == "gemini":
            got = [i[4] for i in heard.items if i[0] == "call"]
            want = [t.signature if i == 0 else None
                    for t in self.turns for i in range(len(t.calls))]
            if got != want:
                self.problem("signatures of calls: %s, not %s", got, want)
            return
        got = [(at, i[1], i[2]) for at, i in enumerate(heard.items)
               if i[0] == "thinking"]
        if self.api == "anthropic":
            want = [(t.thinking, t.signature) for t in self.turns
                    if t.thinking]
            if [g[1:] for g in got] != want:
                self.problem("thinking: %s, not %s", [g[1:] for g in got],
                             want)
            self.check_place(heard)

    def check_place(self, heard):
        """Thinking, then text and calls of its turn."""
        kinds = [i[0] for i in heard.items]
        for at, kind in enumerate(kinds):
            if kind == "thinking" and kinds[at + 1:at + 2] not in (
                    ["assistant"], ["call"]):
                self.problem("behind thinking: %s", kinds[at + 1:at + 2])

    def check_texts(self, heard):
        said = [t.text for t in self.turns if t.text]
        got = [i[1] for i in heard.items if i[0] == "assistant"]
        if got != said:
            self.problem("texts: %s, not %s", got, said)
        everything = "".join(heard.system) + "".join(
            i[-1] for i in heard.items
            if i[0] in ("user", "assistant", "result"))
        for t in self.turns:
            if t.thinking and t.thinking in everything:
                self.problem("thinking has become text")
            if t.signature and t.signature in everything:
                self.problem("a signature has become text")


# --- the server -------------------------------------------------------------


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.body()
        script = self.server.script
        headers = {k.lower(): v for k, v in self.headers.items()}
        with self.server.lock:
            try:
                turn = script.answer(self.path, headers, json.loads(body))
                out = list(self.said(turn, json.loads(body), script))
            except (KeyError, TypeError, ValueError, IndexError,
                    AttributeError) as e:
                script.problem("cannot read the request: %r", e)
                # an agent would repeat after a 500
                return self.give(400, "application/json", [json.dumps(
                    {"error": {"message": "the script has failed"}})])
        self.give(200, "text/event-stream", out)

    def said(self, turn, body, script):
        stream = body.get("stream") or ":stream" in self.path
        if not stream:
            script.problem("a request without stream")
        return {"openai": say_openai, "anthropic": say_anthropic,
                "gemini": say_gemini}[script.api](turn, len(script.requests))

    def body(self):
        if "chunked" not in self.headers.get("Transfer-Encoding", ""):
            return self.rfile.read(int(self.headers["Content-Length"] or 0))
        out = b""
        while True:
            n = int(self.rfile.readline(), 16)
            out += self.rfile.read(n)
            self.rfile.readline()
            if n == 0:
                return out

    def give(self, status, kind, pieces):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for p in pieces + [""]:
            p = p.encode()
            self.wfile.write(b"%x\r\n%s\r\n" % (len(p), p))
            self.wfile.flush()

    def log_message(self, *args):
        pass


class Trap(http.server.BaseHTTPRequestHandler):
    """A proxy for everything that is not for the gateway."""

    def refuse(self):
        self.server.caught.append("%s %s" % (self.command, self.path))
        self.send_error(403)

    do_CONNECT = do_GET = do_POST = do_HEAD = do_PUT = refuse

    def log_message(self, *args):
        pass


def serve(handler, port=0, **fields):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", port), handler)
    server.daemon_threads = True
    server.lock = threading.Lock()
    for name, value in fields.items():
        setattr(server, name, value)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server
