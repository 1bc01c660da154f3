#!/usr/bin/env python3
"""Between nginx and a Redis, and whatever may go wrong there.

    redis_proxy.py PORT CONTROL TARGET      ports on 127.0.0.1

A line to CONTROL changes what happens from now on, "ok" comes back:

    plain               nothing goes wrong
    delay SECONDS       each piece of an answer so much later, in order
    bytes               each byte of an answer by itself
    cut                 a part of an answer, then the end
    error TEXT          EVAL and EVALSHA are answered with -TEXT
    every TEXT          every command is
    garbage             bytes that are no answer
    hole                what is asked is passed on and done, the answer is lost
    deaf                what is asked is swallowed
    refuse              connections are ended at once
    to PORT             another target; connections are ended
    end                 connections are ended
    count               "ok N": commands with a script since the last count
"""

import asyncio
import random
import socket
import sys


class Proxy:
    def __init__(self, port, control, target):
        self.port, self.control, self.target = port, control, target
        self.mode, self.arg = "plain", ""
        self.open = set()
        self.scripts = 0

    async def run(self):
        await asyncio.start_server(self.client, "127.0.0.1", self.port,
                                   backlog=256)
        server = await asyncio.start_server(self.command, "127.0.0.1",
                                            self.control)
        await server.serve_forever()

    # --- what it is told

    async def command(self, reader, writer):
        while line := (await reader.readline()).decode().rstrip("\n"):
            word, _, arg = line.partition(" ")
            said = "ok"
            if word == "count":
                said, self.scripts = "ok %d" % self.scripts, 0
            elif word == "to":
                self.target = int(arg)
                self.end()
            elif word == "end":
                self.end()
            else:
                self.mode, self.arg = word, arg
                if word == "refuse":
                    self.end()
            writer.write((said + "\n").encode())
        writer.close()

    def end(self):
        for writer in list(self.open):
            writer.transport.abort()

    # --- a connection

    async def client(self, reader, writer):
        if self.mode == "refuse":
            writer.transport.abort()
            return
        try:
            back, out = await asyncio.open_connection("127.0.0.1",
                                                      self.target)
        except OSError:
            writer.transport.abort()
            return
        for w in (writer, out):
            s = w.get_extra_info("socket")
            s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.open.add(w)
        tasks = [asyncio.create_task(self.asks(reader, writer, out)),
                 asyncio.create_task(self.answers(back, writer))]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            for w in (writer, out):
                self.open.discard(w)
                w.transport.abort()

    async def asks(self, reader, writer, out):
        try:
            while True:
                raw, name = await self.read(reader)
                script = name in (b"EVAL", b"EVALSHA")
                self.scripts += script
                if self.mode == "every" or self.mode == "error" and script:
                    writer.write(b"-" + self.arg.encode() + b"\r\n")
                elif self.mode == "garbage":
                    writer.write(random.choice((
                        b"\0\xff\r\n", b"*-7\r\n", b"$5\r\nab\r\n\r\n",
                        b"*3\r\n+ok\r\n:0\r\n", b"HTTP/1.1 400\r\n",
                        b"*2\r\n$2\r\nok\r\n:0\r\n", b":1\r\n", b"*0\r\n",
                        b"*6\r\n" + b"$2\r\nok\r\n" * 6)))
                elif self.mode != "deaf":
                    out.write(raw)
                    await out.drain()
        except (OSError, EOFError, ValueError):
            pass

    async def answers(self, back, writer):
        try:
            while piece := await back.read(65536):
                if self.mode == "delay":
                    await asyncio.sleep(float(self.arg))
                if self.mode == "bytes":
                    for b in piece:
                        writer.write(bytes([b]))
                        await writer.drain()
                        await asyncio.sleep(0)
                elif self.mode == "cut" and len(piece) > 10:
                    writer.write(piece[:random.randrange(len(piece))])
                    await writer.drain()
                    return
                elif self.mode != "hole":
                    writer.write(piece)
        except OSError:
            pass

    @staticmethod
    async def read(reader):
        """A command: its bytes, its name."""
        raw = await reader.readuntil(b"\r\n")
        name = b""
        for i in range(int(raw[1:])):
            head = await reader.readuntil(b"\r\n")
            text = await reader.readexactly(int(head[1:]) + 2)
            raw += head + text
            if i == 0:
                name = text[:-2].upper()
        return raw, name


if __name__ == "__main__":
    try:
        asyncio.run(Proxy(*map(int, sys.argv[1:4])).run())
    except KeyboardInterrupt:
        pass
