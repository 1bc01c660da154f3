"""The two ends of a gateway under test: a client and a mock provider.

    GATEWAY       http://127.0.0.1:PORT
    MOCK, LEDGER  address and ledger of t/lib/mock.py
"""

import inspect
import json
import os
import re
import urllib.parse

import httpx
import openai

import wire

KNOWN = set(inspect.signature(
    openai.resources.chat.completions.Completions.create).parameters)


class Client:
    """The SDK, and the body it sent last.  place is the path before /v1."""

    def __init__(self):
        self.sent = None
        self.http = openai.DefaultHttpxClient(
            event_hooks={"request": [self.remember]}, trust_env=False)

    def remember(self, request):
        self.sent = json.loads(request.content) if request.content else None

    def at(self, place, timeout=30):
        return openai.OpenAI(
            base_url=os.environ["GATEWAY"] + place + "/v1", max_retries=0,
            api_key=wire.CLIENT_KEY, timeout=timeout, http_client=self.http)

    def ask(self, place, request):
        known = {k: v for k, v in request.items() if k in KNOWN}
        extra = {k: v for k, v in request.items() if k not in KNOWN}
        return self.at(place).chat.completions.create(
            **known, extra_body=extra or None)

    def raw(self, place, request):
        """Without the SDK: the answer's bytes."""
        self.sent = request
        with httpx.Client(trust_env=False, timeout=30, verify=False) as c:
            return c.post(os.environ["GATEWAY"] + place
                          + "/v1/chat/completions", json=request, headers={
                              "Authorization": "Bearer " + wire.CLIENT_KEY})


def script_mock(rules):
    r = httpx.put(os.environ["MOCK"] + "/__script", json=rules,
                  trust_env=False, verify=False)
    r.raise_for_status()


def ledger(start=0):
    """(requests the mock got, where its ledger ends)"""
    out = []
    with open(os.environ["LEDGER"], "rb") as f:
        f.seek(start)
        data = f.read()
    data = data[:data.rfind(b"\n") + 1]
    for line in data.splitlines():
        r = json.loads(line)
        if r["event"] == "request":
            out.append(r)
    return out, start + len(data)


def model_of(request):
    found = re.search(r"/models/([^/:?]+):", request["path"])
    if found:
        return urllib.parse.unquote(found.group(1))
    try:
        return json.loads(request["body"]).get("model")
    except (ValueError, KeyError, AttributeError):
        return None
