#!/usr/bin/env python3
"""A name server on loopback that does what a script says.

    dns.py --port N --script names.json --log queries.jsonl --ready FILE

The script is {"name": {"ip": [..], "ttl": 5, "delay": 0, "rcode": 0,
"drop": false}}, read again when it has changed; names that it does not have
do not exist.  A line of the log is {"name", "type", "time"}.
"""

import argparse
import asyncio
import json
import os
import signal
import socket
import struct
import time

NXDOMAIN = 3
TYPE_A = 1


class Server(asyncio.DatagramProtocol):
    def __init__(self, args):
        self.path = args.script
        self.log = open(args.log, "a", buffering=1, encoding="utf-8")
        self.transport = None

    def connection_made(self, transport):
        self.transport = transport

    def datagram_received(self, data, addr):
        at, labels = 12, []
        while data[at]:
            labels.append(data[at + 1:at + 1 + data[at]].decode("latin-1"))
            at += data[at] + 1
        name = ".".join(labels).lower()
        kind = struct.unpack_from("!H", data, at + 1)[0]
        self.log.write(json.dumps({"name": name, "type": kind,
                                   "time": time.time()}) + "\n")

        with open(self.path, encoding="utf-8") as f:
            entry = json.load(f).get(name, {"rcode": NXDOMAIN})
        if entry.get("drop"):
            return

        answer = self.answer(data, data[12:at + 5], kind, entry)
        asyncio.get_event_loop().call_later(
            entry.get("delay", 0), self.transport.sendto, answer, addr)

    @staticmethod
    def answer(data, question, kind, entry):
        addrs = entry.get("ip", []) if kind == TYPE_A else []
        head = struct.pack("!2sHHHHH", data[:2],
                           0x8180 | entry.get("rcode", 0), 1, len(addrs), 0,
                           0)
        records = b"".join(
            struct.pack("!HHHIH4s", 0xc00c, TYPE_A, 1, entry.get("ttl", 60),
                        4, socket.inet_aton(ip)) for ip in addrs)
        return head + question + records


async def main():
    p = argparse.ArgumentParser()
    p.add_argument("--port", type=int, required=True)
    p.add_argument("--script", required=True)
    p.add_argument("--log", required=True)
    p.add_argument("--ready", required=True)
    args = p.parse_args()

    loop = asyncio.get_event_loop()
    stop = asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, stop.set)
    await loop.create_datagram_endpoint(
        lambda: Server(args), local_addr=("127.0.0.1", args.port))

    with open(args.ready + ".new", "w", encoding="utf-8") as f:
        f.write("up")
    os.rename(args.ready + ".new", args.ready)

    parent = os.getppid()
    while not stop.is_set() and os.getppid() == parent:
        try:
            await asyncio.wait_for(stop.wait(), 0.5)
        except asyncio.TimeoutError:
            pass


asyncio.run(main())
