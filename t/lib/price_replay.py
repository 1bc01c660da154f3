#!/usr/bin/env python3
"""All recorded answers through the gateway, and what it says they cost.

    price_replay.py --config    providers and locations
    price_replay.py --prices    a price file: LiteLLM's, and models that it
                                has for other rows only
    GATEWAY       http://127.0.0.1:PORT; as in matrix.py --config
    MOCK          address of t/lib/mock.py
    LOG           nginx's log of LOG_FORMAT
    PRICES        the price file
    ONLY          a regular expression: run only these cases

Each recording is asked for by a client of its own API, whose bytes pass
through, and by one of another, whose answer is translated; tokens and cost
have to be those of pricing.py.  The last line of the output is JSON:
[{"name": ..., "problems": [...]}, ...].
"""

import decimal
import json
import os
import re
import sys
import time

import httpx

import matrix
import pricing
import reading
import wire

DATA = os.path.join(matrix.ROOT, "t", "data")

FIELDS = ["prompt", "completion", "cached", "written", "reasoning"]

LOG_FORMAT = ("$http_x_case $status $ai_usage_source $ai_prompt_tokens "
              "$ai_completion_tokens $ai_cached_tokens "
              "$ai_cache_write_tokens $ai_reasoning_tokens "
              "$ai_cost $ai_cost_saved $ai_price_known")

# whose bytes go through, and to whom they are told in other words
CLIENTS = {"embeddings": ("openai",), "rerank": ("openai",),
           "openai": ("openai", "anthropic"), "completions": ("openai",),
           "responses": ("responses", "openai"),
           "anthropic": ("anthropic", "openai"),
           "gemini": ("genai", "openai"), "bedrock": ("anthropic", "openai"),
           "cohere": ("openai", "anthropic"),
           "ollama": ("ollama", "openai")}

TYPES = {"json": "application/json", "sse": "text/event-stream",
         "bin": "application/vnd.amazon.eventstream",
         "ndjson": "application/x-ndjson"}


class Service:
    """A recording that is no chat, as matrix.Recording has those that are."""

    def __init__(self, entry):
        self.name = entry["file"]
        self.form = entry["form"]
        self.row = entry["row"]
        self.file = os.path.join(matrix.DATA, entry["file"])
        self.stream = False

    def place(self, client):
        return "/" + self.row

    def api_for(self, client):
        return self.row


class Case:
    def __init__(self, number, recording, client, model):
        r = self.recording = recording
        self.client = client
        self.model = model
        self.row = r.api_for(client)
        self.mark = "case-%d;" % number
        self.name = "%s, %s" % (r.name, client)
        self.number = number
        self.problems = []

    def rule(self):
        kind = self.recording.file.rsplit(".", 1)[1]
        return {"match": {"body": self.mark}, "reply": {
            "file": self.recording.file, "status": 200,
            "headers": {"Content-Type": TYPES[kind]}}}

    def request(self):
        """(path, body)"""
        stream = self.recording.stream
        turn = [{"role": "user", "content": self.mark}]
        if self.recording.form == "embeddings":
            return "/v1/embeddings", {"model": self.model,
                                      "input": self.mark}
        if self.recording.form == "rerank":
            return "/v1/rerank", {"model": self.model, "query": self.mark,
                                  "documents": list("abcdefgh")}
        if self.recording.form == "completions":
            return "/v1/completions", self.openai({"prompt": self.mark})
        if self.client == "openai":
            return "/v1/chat/completions", self.openai({"messages": turn})
        if self.client == "responses":
            return "/v1/responses", {"model": self.model, "stream": stream,
                                     "input": self.mark}
        if self.client == "anthropic":
            return "/v1/messages", {"model": self.model, "stream": stream,
                                    "max_tokens": 1000, "messages": turn}
        if self.client == "ollama":
            return "/api/chat", {"model": self.model, "stream": stream,
                                 "messages": turn}
        verb = "streamGenerateContent?alt=sse" if stream \
            else "generateContent"
        return "/v1beta/models/%s:%s" % (self.model, verb), {
            "contents": [{"role": "user", "parts": [{"text": self.mark}]}]}

    def openai(self, body):
        body["model"] = self.model
        if self.recording.stream:
            body.update(stream=True, stream_options={"include_usage": True})
        return body

    def run(self, http):
        path, body = self.request()
        try:
            http.post(self.recording.place(self.client) + path, json=body,
                      headers={"x-case": str(self.number)})
        except httpx.HTTPError:
            pass                    # a stream that breaks off

    def breaks_off(self):
        r = self.recording
        if isinstance(r, Service):
            return False
        return reading.read(r.form, r.data, r.stream).error is not None

    def check(self, line, prices):
        if line is None:
            self.problems.append("it is not in the log")
            return
        status, source = line[:2]
        got = line[2:7] + [nano(v) for v in line[7:9]] + line[9:]
        try:
            told = pricing.calculate(prices, self.recording.form, self.row,
                                     self.model, self.recording.file)
        except ValueError:
            return                  # no JSON, no answer, no usage
        if not told["usage"]:
            if source == "provider":
                self.problems.append("a usage that nobody reported")
            return
        want = [str(told["usage"].get(f, "-")) for f in FIELDS]
        want += [told["cost"], told["saved"], "1" if told["known"] else "0"]
        names = FIELDS + ["cost", "saved", "known"]
        if "prompt" not in told["usage"]:
            want[:len(FIELDS)] = got[:len(FIELDS)]      # counted here
        elif source != "provider":
            if self.breaks_off():
                return          # it was counted here
            self.problems.append("usage is of the %s (status %s)"
                                 % (source, status))
        for name, w, g in zip(names, want, got):
            if name in FIELDS and (w, g) in (("0", "-"), ("-", "0")):
                continue            # none was seen
            if w != g:
                self.problems.append("%s is %s, not %s (%s at %s)" % (
                    name, g, w, told["price"], self.row))


def nano(text):
    """Of what is written as USD."""
    try:
        return int(decimal.Decimal(text).scaleb(9))
    except decimal.InvalidOperation:
        return text


def cases():
    with open(os.path.join(DATA, "prices", "models.json"),
              encoding="utf-8") as f:
        entries = json.load(f)
    models = {os.path.join(matrix.DATA, m["file"]): m["model"]
              for m in entries}
    out = []
    for r in matrix.load() + [Service(e) for e in entries
                              if e["form"] in ("embeddings", "rerank")]:
        for client in CLIENTS[r.form] if r.file in models else ():
            out.append(Case(len(out), r, client, models[r.file]))
    return [c for c in out
            if re.search(os.environ.get("ONLY", ""), c.name)]


def config():
    names = {}
    for c in cases():
        names[c.recording.place(c.client)[1:]] = c.row
    return ["".join(matrix.BLOCK % (n, a, matrix.OTHER_KEYS.get(
                a, matrix.KEY)) for n, a in names.items()),
            "".join(matrix.LOCATION % (n, n) for n in names),
            LOG_FORMAT]


def prices():
    """Hosts of other people's models cost here what those do."""
    out = pricing.load(os.path.join(DATA, "prices", "recordings.json"))
    for c in cases():
        if c.model in out and pricing.find(out, c.row, c.model)[0] is None:
            out[c.row + "/" + c.model] = out[c.model]
    return reading.dumps(out)


def logged(want):
    """The lines, by case; they are written after the answer has gone."""
    end = time.monotonic() + 10
    while True:
        with open(os.environ["LOG"], encoding="utf-8") as f:
            lines = [line.split() for line in f if line.endswith("\n")]
        if len(lines) >= want or time.monotonic() > end:
            return {int(line[0]): line[1:] for line in lines}
        time.sleep(0.05)


def main():
    if sys.argv[1:] == ["--config"]:
        print(json.dumps(config()))
        return
    if sys.argv[1:] == ["--prices"]:
        print(prices())
        return
    todo = cases()
    with httpx.Client(trust_env=False, timeout=30) as http:
        http.put(os.environ["MOCK"] + "/__script",
                 json=[c.rule() for c in todo]).raise_for_status()
    with httpx.Client(trust_env=False, timeout=30,
                      base_url=os.environ["GATEWAY"],
                      headers={"Authorization": "Bearer " + wire.CLIENT_KEY,
                               "anthropic-version": "2023-06-01"}) as http:
        for c in todo:
            c.run(http)
    lines = logged(len(todo))
    table = pricing.load(os.environ["PRICES"])
    for c in todo:
        c.check(lines.get(c.number), table)
    print(json.dumps([{"name": c.name, "problems": c.problems[:8]}
                      for c in todo]))


if __name__ == "__main__":
    main()
