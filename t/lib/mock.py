#!/usr/bin/env python3
"""A provider that does what a script says, and keeps a ledger of it.

    mock.py --port 0 --port 8001 --tls-port 0 --tls CERT KEY
            --script rules.json --log ledger.jsonl --ready ports.json

Port 0 means any free one; the ready file, written when all of them listen,
is {"plain": [..], "tls": [..]}.  t/README.md describes rules and replies.
"""

import argparse
import asyncio
import base64
import collections
import hashlib
import json
import os
import random
import re
import signal
import socket
import ssl
import struct
import sys
import time

BODY_MAX = 8 << 20          # longer request bodies are logged as a digest
PIECE = 64 << 10            # written at once when nothing else is asked for
FLUSH_WAIT = 0.05           # lets the peer read what a reset would discard


class Gone(Exception):
    """The peer has left."""


class Ended(Exception):
    """A fault of the script has ended the connection."""


# --- the script -----------------------------------------------------------


class Rule:
    def __init__(self, index, data):
        match = dict(data.get("match", {}))
        reply = data.get("reply", {})

        self.index = index
        self.match = match
        self.replies = reply if isinstance(reply, list) else [reply]
        self.accept = bool(match.get("accept")
                           or self.replies[0].get("refuse"))
        self.count = 0      # what matched all but nth
        self.used = 0       # what was answered

    def reply(self):
        n = min(self.used, len(self.replies) - 1)
        self.used += 1
        return self.replies[n]

    def fits(self, port, conn, req):
        m = self.match

        if "port" in m and port not in as_list(m["port"]):
            return False
        if req is None:
            return self.nth(None)

        if "method" in m and req.method not in as_list(m["method"]):
            return False
        if "path" in m and not req.path.startswith(m["path"]):
            return False
        if "path_re" in m and not re.search(m["path_re"], req.path):
            return False
        if "body" in m and m["body"].encode() not in req.body:
            return False
        if "body_re" in m and not re.search(m["body_re"].encode(), req.body):
            return False
        if "sni" in m and conn.sni != m["sni"]:
            return False
        for name, pattern in m.get("header", {}).items():
            values = [v for k, v in req.headers if k.lower() == name.lower()]
            if not any(re.search(pattern, v) for v in values):
                return False

        return self.nth(conn)

    def nth(self, conn):
        """Counts are of the rule, whether or not an earlier one answers."""
        self.count += 1
        m = self.match
        if "nth" in m and self.count not in as_list(m["nth"]):
            return False
        if conn is not None and "conn_nth" in m:
            return conn.requests in as_list(m["conn_nth"])
        return True


class Script:
    def __init__(self, path):
        self.path = path
        self.stamp = None
        self.rules = []

    def load(self, data):
        rules = data["rules"] if isinstance(data, dict) else data
        self.rules = [Rule(i, r) for i, r in enumerate(rules)]

    def refresh(self):
        if not self.path:
            return
        try:
            st = os.stat(self.path)
        except FileNotFoundError:
            return
        stamp = (st.st_mtime_ns, st.st_ino, st.st_size)
        if stamp != self.stamp:
            self.stamp = stamp
            with open(self.path, encoding="utf-8") as f:
                self.load(json.load(f))

    def find(self, port, conn, req):
        """The first rule that fits; all of them are asked, they count."""
        self.refresh()
        fits = [r for r in self.rules
                if r.accept == (req is None) and r.fits(port, conn, req)]
        return fits[0] if fits else None


def as_list(value):
    return value if isinstance(value, list) else [value]


# --- the ledger -----------------------------------------------------------


class Ledger:
    def __init__(self, path):
        # a line a write, so that a reader sees whole lines
        self.file = open(path, "a", buffering=1, encoding="utf-8") \
            if path else None
        self.stats = collections.Counter()

    def add(self, event, **fields):
        self.stats[event] += 1
        if self.file:
            line = {"event": event, "time": round(time.time(), 6), **fields}
            self.file.write(json.dumps(line) + "\n")


def body_fields(body):
    out = {"body_len": len(body)}
    if len(body) > BODY_MAX:
        out["body_sha256"] = hashlib.sha256(body).hexdigest()
        return out
    try:
        out["body"] = body.decode("utf-8")
    except UnicodeDecodeError:
        out["body_base64"] = base64.b64encode(body).decode()
    return out


# --- one connection -------------------------------------------------------


class Request:
    def __init__(self, method, path, version, headers):
        self.method = method
        self.path = path
        self.version = version
        self.headers = headers
        self.body = b""

    def get(self, name):
        for k, v in self.headers:
            if k.lower() == name:
                return v
        return None


class Conn(asyncio.Protocol):
    """Bytes in and out, with what the kernel tells about the peer."""

    number = 0

    def __init__(self, mock, port, tls):
        self.mock = mock
        self.port = port
        self.tls = tls
        self.sni = None
        self.buf = bytearray()
        self.news = asyncio.Event()       # bytes, or the peer has left
        self.gone = asyncio.Event()
        self.why_gone = None
        self.can_write = asyncio.Event()
        self.can_write.set()
        self.sent = 0
        self.requests = 0
        self.transport = None

    # asyncio's side

    def connection_made(self, transport):
        first = self.transport is None
        self.transport = transport
        if not first:
            return                      # again, after TLS has started
        Conn.number += 1
        self.number = Conn.number
        self.sock = transport.get_extra_info("socket")
        transport.pause_reading()
        task = asyncio.ensure_future(self.run())
        self.mock.tasks.add(task)
        task.add_done_callback(self.mock.tasks.discard)

    def data_received(self, data):
        self.buf += data
        self.news.set()

    def eof_received(self):
        self.left("peer closed")
        return not self.tls

    def connection_lost(self, exc):
        self.left("peer reset" if exc else "peer closed")

    def pause_writing(self):
        self.can_write.clear()

    def resume_writing(self):
        self.can_write.set()

    def left(self, why):
        if self.why_gone is None:
            self.why_gone = why
        self.gone.set()
        self.news.set()
        self.can_write.set()

    # reading

    async def more(self):
        if self.gone.is_set():
            raise Gone()
        self.news.clear()
        await self.news.wait()

    async def upto(self, mark):
        start = 0
        while True:
            at = self.buf.find(mark, start)
            if at >= 0:
                data = bytes(self.buf[:at])
                del self.buf[:at + len(mark)]
                return data
            start = max(0, len(self.buf) - len(mark) + 1)
            await self.more()

    async def exactly(self, n):
        while len(self.buf) < n:
            await self.more()
        data = bytes(self.buf[:n])
        del self.buf[:n]
        return data

    async def request(self):
        head = (await self.upto(b"\r\n\r\n")).decode("latin-1")
        lines = head.split("\r\n")
        method, path, version = lines[0].split(" ", 2)
        headers = []
        for line in lines[1:]:
            name, _, value = line.partition(":")
            headers.append((name, value.strip()))
        req = Request(method, path, version, headers)

        if (req.get("expect") or "").lower() == "100-continue":
            self.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

        if "chunked" in (req.get("transfer-encoding") or "").lower():
            req.body = await self.chunked()
        else:
            req.body = await self.exactly(int(req.get("content-length") or 0))
        return req

    async def chunked(self):
        out = bytearray()
        while True:
            size = int((await self.upto(b"\r\n")).split(b";")[0], 16)
            if size == 0:
                while await self.upto(b"\r\n"):
                    pass
                return bytes(out)
            out += await self.exactly(size)
            await self.upto(b"\r\n")

    # writing

    async def write(self, data):
        if self.gone.is_set():
            raise Gone()
        self.transport.write(data)
        self.sent += len(data)
        if self.transport.is_closing():
            self.left("peer reset")     # asyncio would tell too late
        if not self.can_write.is_set():
            await self.can_write.wait()
        if self.gone.is_set():
            raise Gone()

    async def pause(self, seconds):
        """Sleeps, but not longer than the peer stays."""
        if seconds <= 0:
            await asyncio.sleep(0)
        else:
            try:
                await asyncio.wait_for(self.gone.wait(), seconds)
            except asyncio.TimeoutError:
                pass
        if self.gone.is_set():
            raise Gone()

    async def wait_gone(self):
        await self.gone.wait()
        raise Gone()

    async def flush(self):
        while self.transport.get_write_buffer_size() and \
                not self.gone.is_set():
            await asyncio.sleep(0.001)

    async def reset(self, why="reset"):
        await self.flush()
        await asyncio.sleep(FLUSH_WAIT)
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                             struct.pack("ii", 1, 0))
        self.transport.abort()
        raise Ended(why)

    # the course of a connection

    async def run(self):
        ledger = self.mock.ledger
        ledger.add("open", port=self.port, conn=self.number)
        why = "done"
        try:
            await self.at_accept()
            self.transport.resume_reading()
            while await self.serve():
                pass
        except Gone:
            why = self.why_gone
        except Ended as e:
            why = str(e)
        except (ssl.SSLError, ConnectionError, OSError) as e:
            why = "tls: %s" % e if self.tls else "error: %s" % e
        except Exception as e:                  # a fault of the test
            why = "mock error: %r" % e
            print("mock:", why, file=sys.stderr)
        ledger.add("close", port=self.port, conn=self.number, why=why,
                   requests=self.requests, sent=self.sent)
        self.transport.close()

    async def at_accept(self):
        rule = self.mock.script.find(self.port, self, None)
        if rule:
            await self.accept_fault(rule.reply())
        if self.tls:
            self.transport = await asyncio.get_event_loop().start_tls(
                self.transport, self, self.mock.context, server_side=True)
            sslobj = self.transport.get_extra_info("ssl_object")
            self.sni = getattr(sslobj, "mock_sni", None)

    async def accept_fault(self, reply):
        if reply.get("delay"):
            await self.pause(reply["delay"])
        if reply.get("hang"):
            self.transport.resume_reading()
            await self.wait_gone()
        if reply.get("garbage") or reply.get("raw"):
            await self.write(garbage(reply))
            if reply.get("go_on"):
                return
            await self.flush()
            raise Ended("garbage")
        if reply.get("reset"):
            await self.reset()
        if reply.get("refuse"):
            raise Ended("refused")

    async def serve(self):
        req = await self.request()
        if req.path.startswith("/__"):
            return await self.control(req)

        self.requests += 1
        rule = self.mock.script.find(self.port, self, req)

        self.mock.ledger.add(
            "request", port=self.port, conn=self.number, req=self.requests,
            sni=self.sni, rule=rule.index if rule else None,
            method=req.method, path=req.path, version=req.version,
            headers=req.headers, **body_fields(req.body))

        reply = rule.reply() if rule else {
            "status": 404, "json": {"error": {"message": "mock: no rule"}}}
        answer = Answer(self, req, reply)
        why = "?"
        try:
            await answer.play()
            why = "ok"
        except Gone:
            why = self.why_gone
            raise
        except Ended as e:
            why = str(e)
            raise
        finally:
            self.mock.ledger.add(
                "reply", port=self.port, conn=self.number, req=self.requests,
                rule=rule.index if rule else None, why=why,
                body_sent=answer.body_sent, usage=usage_in(reply))

        if answer.closes:
            await self.flush()
            raise Ended("closed after answer")
        return True

    async def control(self, req):
        status, out = 200, {}
        if req.path == "/__stats":
            out = dict(self.mock.ledger.stats)
            out["rules"] = [[r.count, r.used] for r in self.mock.script.rules]
        elif req.path == "/__script" and req.method == "PUT":
            try:
                self.mock.script.load(json.loads(req.body))
            except (ValueError, KeyError, AttributeError) as e:
                status, out = 400, {"error": repr(e)}
        else:
            status = 404
        data = json.dumps(out).encode()
        await self.write(b"HTTP/1.1 %d -\r\nContent-Type: application/json\r\n"
                         b"Content-Length: %d\r\n\r\n%s"
                         % (status, len(data), data))
        return True


def usage_in(reply):
    """What an answer says that it was worth, in the words of OpenAI's chat or
    of Anthropic's messages; None: who knows."""
    if reply.get("status", 200) >= 400:
        return {"prompt": 0, "completion": 0}
    for data in [reply.get("json")] + list(reversed(reply.get("sse") or [])):
        usage = data.get("usage") if isinstance(data, dict) else None
        for names in ("prompt_tokens", "completion_tokens"), (
                "input_tokens", "output_tokens"):
            tokens = [isinstance(usage, dict) and usage.get(n) for n in names]
            if all(type(n) is int and n >= 0 for n in tokens):
                return {"prompt": tokens[0] + sum(
                            usage.get("cache_%s_input_tokens" % n) or 0
                            for n in ("read", "creation")),
                        "completion": tokens[1]}
    return None


# --- one answer -----------------------------------------------------------


REASONS = {200: "OK", 201: "Created", 204: "No Content", 304: "Not Modified",
           400: "Bad Request", 401: "Unauthorized", 403: "Forbidden",
           404: "Not Found", 429: "Too Many Requests",
           500: "Internal Server Error", 502: "Bad Gateway",
           503: "Service Unavailable", 529: "Overloaded"}


def garbage(reply):
    what = reply.get("raw", reply.get("garbage"))
    if what is True:
        what = "\x00\x01\xfegarbage, not HTTP\r\n\r\n" * 4
    return what.encode("latin-1", "replace")


class Answer:
    def __init__(self, conn, req, reply):
        self.conn = conn
        self.req = req
        self.reply = reply
        self.body_sent = 0
        self.wire = 0
        self.closes = bool(reply.get("close_after"))
        self.rng = random.Random(reply.get("seed", 1))

    async def play(self):
        r, c = self.reply, self.conn

        if r.get("delay"):
            await c.pause(r["delay"])
        if r.get("hang"):
            await c.wait_gone()
        if r.get("close"):
            raise Ended("closed without answer")
        if r.get("reset") is True:
            await c.reset()
        if r.get("garbage") or "raw" in r:
            await self.out(garbage(r))
            self.closes = self.closes or "raw" not in r
            return

        for status in r.get("interim", []):
            await self.out(b"HTTP/1.1 %d Interim\r\n\r\n" % status)

        body = self.body()
        self.framing(body)
        await self.out(self.head(body))
        if r.get("ttft"):
            await c.pause(r["ttft"])
        if self.req.method == "HEAD" and not r.get("force_body"):
            return

        await self.send_body(body)
        await self.end_body()

    # what is sent

    def body(self):
        r = self.reply
        if "file" in r:
            with open(r["file"], "rb") as f:
                data = f.read()
        elif "base64" in r:
            data = base64.b64decode(r["base64"])
        elif "json" in r:
            data = json.dumps(r["json"], ensure_ascii=False).encode()
        elif "sse" in r:
            data = b"".join(sse_event(e) for e in r["sse"])
            if r.get("done"):
                data += b"data: [DONE]\n\n"
        elif "text" in r:
            data = r["text"].encode("utf-8", "surrogatepass")
        elif r.get("echo"):
            data = self.req.body
        else:
            data = b""
        return data

    def framing(self, body):
        r = self.reply
        self.stream = self.is_sse() or r.get("endless") is not None
        kind = r.get("framing") or ("chunked" if self.stream else "length")
        if kind == "chunked" and self.req.version == "HTTP/1.0":
            kind = "close"
        self.kind = kind
        if kind == "close":
            self.closes = True

    def is_sse(self):
        return "sse" in self.reply or any(
            k.lower() == "content-type" and "event-stream" in v
            for k, v in self.header_pairs())

    def header_pairs(self):
        h = self.reply.get("headers", [])
        pairs = list(h.items()) if isinstance(h, dict) else h
        return [(k, v) for k, vs in pairs for v in as_list(str(vs)
                if not isinstance(vs, list) else vs)]

    def head(self, body):
        r = self.reply
        status = r.get("status", 200)
        reason = r.get("reason", REASONS.get(status, "Status"))
        pairs = self.header_pairs()
        names = {k.lower() for k, _ in pairs}
        lines = ["HTTP/1.1 %s %s" % (status, reason)]

        if "content-type" not in names and status not in (204, 304):
            kind = "text/event-stream" if self.stream else \
                "text/plain" if "text" in r else "application/json"
            lines.append("Content-Type: " + kind)
        lines += ["%s: %s" % p for p in pairs]

        if self.kind == "chunked":
            lines.append("Transfer-Encoding: chunked")
        elif self.kind == "length" and "content-length" not in names \
                and status not in (204, 304):
            n = len(body) * int(r.get("repeat", 1))
            n += int(r.get("long", 0)) - int(r.get("short", 0))
            lines.append("Content-Length: %d" % n)
        if self.closes and "connection" not in names:
            lines.append("Connection: close")
        return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1", "replace")

    # how it is cut in pieces

    def pieces(self, body):
        r = self.reply
        split = r.get("split")

        if "drip" in r:
            return sliced(body, 1)
        if split is None:
            return sliced(body, PIECE)
        if split == "bytes":
            return sliced(body, 1)
        if split == "events":
            return iter(re.findall(rb"(?s).*?(?:\r\n\r\n|\n\n|\r\r)|.+$",
                                   body))
        if split == "random":
            return self.random_pieces(body, int(r.get("split_max", 64)))
        if isinstance(split, list):
            return listed(body, split)
        return sliced(body, int(split))

    def random_pieces(self, body, most):
        at = 0
        while at < len(body):
            n = self.rng.randint(1, most)
            yield body[at:at + n]
            at += n

    def stream_of(self, body):
        r = self.reply
        if r.get("endless") is None:
            for _ in range(int(r.get("repeat", 1))):
                yield from self.pieces(body)
            return

        most = float("inf") if r["endless"] is True \
            else int(r["endless"] * (1 << 20))
        body = body or b'data: {"choices":[{"delta":{"content":"x"}}]}\n\n'
        if "split" not in r and "gap" not in r and "drip" not in r:
            body = body * max(1, PIECE // len(body))
        sent = 0
        while sent < most:
            for piece in self.pieces(body):
                sent += len(piece)
                yield piece

    async def send_body(self, body):
        r = self.reply
        gap = 1.0 / r["drip"] if "drip" in r else r.get("gap", 0)
        apart = gap or "split" in r
        limit, fault = self.fault()
        first = True
        left = r.get("badchunk")
        left = 1 if left is True else left

        for piece in self.stream_of(body):
            if apart and not first:
                await self.conn.pause(gap)
            first = False
            stop = self.body_sent + len(piece) >= limit
            if stop:
                piece = piece[:limit - self.body_sent]
            if left is not None and self.kind == "chunked":
                left -= 1
                if left < 0:
                    await self.out(b"zz\r\n" + piece + b"\r\n")
                    self.closes = True
                    raise Ended("bad chunk")
            if piece:
                await self.out(self.framed(piece))
                self.body_sent += len(piece)
            if stop:
                await fault()

        if limit == self.body_sent:
            await fault()           # of an empty body

    def framed(self, piece):
        if self.kind != "chunked":
            return piece
        return b"%x\r\n%s\r\n" % (len(piece), piece)

    async def end_body(self):
        r = self.reply
        if self.kind == "chunked":
            if r.get("badchunk"):
                await self.out(b"zz\r\n")
                raise Ended("bad chunk")
            await self.out(b"0\r\n\r\n")
        if "extra" in r:
            await self.out(r["extra"].encode("latin-1", "replace"))
        if r.get("long") or r.get("cut_end"):
            self.closes = True

    # faults at a place

    def fault(self):
        """(number of body bytes, what happens after them)"""
        r = self.reply
        for name in ("cut", "reset", "stall"):
            if name in r and r[name] is not True:
                return int(r[name]), getattr(self, "do_" + name)
        return float("inf"), None

    async def do_cut(self):
        await self.conn.flush()
        raise Ended("cut")

    async def do_reset(self):
        await self.conn.reset()

    async def do_stall(self):
        await self.conn.wait_gone()

    async def out(self, data):
        """Bytes of the answer, header and framing included."""
        most = self.reply.get("cut_wire")
        if most is not None and self.wire + len(data) >= most:
            data = data[:most - self.wire]
            if data:
                await self.conn.write(data)
            await self.conn.flush()
            raise Ended("cut")
        self.wire += len(data)
        await self.conn.write(data)


def sse_event(e):
    """A string is data; an object with "data" may name its event."""
    if isinstance(e, str):
        return b"data: %s\n\n" % e.encode()
    if isinstance(e, dict) and "data" in e and set(e) <= {"event", "data"}:
        data = e["data"]
        text = data if isinstance(data, str) \
            else json.dumps(data, ensure_ascii=False)
        name = "event: %s\n" % e["event"] if "event" in e else ""
        return ("%sdata: %s\n\n" % (name, text)).encode()
    return b"data: %s\n\n" % json.dumps(e, ensure_ascii=False).encode()


def sliced(body, n):
    for at in range(0, len(body), n):
        yield body[at:at + n]


def listed(body, sizes):
    """Sizes in turn, then the rest."""
    at = 0
    for n in sizes:
        if at < len(body):
            yield body[at:at + n]
        at += n
    if at < len(body):
        yield body[at:]


# --- the process ----------------------------------------------------------


class Mock:
    def __init__(self, args):
        self.script = Script(args.script)
        self.ledger = Ledger(args.log)
        self.context = None
        self.tasks = set()
        if args.tls:
            self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.context.load_cert_chain(*args.tls)
            self.context.sni_callback = remember_sni

    async def listen(self, port, tls):
        sock = socket.socket()
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(("127.0.0.1", port))
        port = sock.getsockname()[1]
        await asyncio.get_event_loop().create_server(
            lambda: Conn(self, port, tls), sock=sock, backlog=4096)
        return port


def remember_sni(sslobj, name, context):
    sslobj.mock_sni = name


def parse():
    p = argparse.ArgumentParser()
    p.add_argument("--port", type=int, action="append", default=[])
    p.add_argument("--tls-port", type=int, action="append", default=[])
    p.add_argument("--tls", nargs=2, metavar=("CERT", "KEY"))
    p.add_argument("--script")
    p.add_argument("--log")
    p.add_argument("--ready")
    p.add_argument("--parent", type=int, default=os.getppid())
    return p.parse_args()


async def main(args):
    mock = Mock(args)
    stop = asyncio.Event()
    loop = asyncio.get_event_loop()
    for sig in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(sig, stop.set)

    ports = {"plain": [await mock.listen(p, False) for p in args.port],
             "tls": [await mock.listen(p, True) for p in args.tls_port]}
    if args.ready:
        with open(args.ready + ".new", "w", encoding="utf-8") as f:
            json.dump(ports, f)
        os.rename(args.ready + ".new", args.ready)
    else:
        print(json.dumps(ports), flush=True)

    while not stop.is_set() and os.getppid() == args.parent:
        try:
            await asyncio.wait_for(stop.wait(), 0.5)
        except asyncio.TimeoutError:
            pass


if __name__ == "__main__":
    asyncio.run(main(parse()))
