#!/usr/bin/env python3
"""Recorded answers of three providers, as the Node SDKs hand them out.

    GATEWAY       http://127.0.0.1:PORT; /openai/, /anthropic/ and /gemini/
                  lead to a provider of that kind
    MOCK, LEDGER  address and ledger of t/lib/mock.py
    NODE          folder of node_modules
    ONLY          a regular expression: run only these cases

t/lib/sdk_node.mjs asks; what it tells has to equal reading.py's account of
the recording.
"""

import json
import os
import re
import subprocess
import time

os.environ.setdefault("PROVIDER", "openai")

import gateway                                              # noqa: E402
import reading                                              # noqa: E402
import recordings                                           # noqa: E402
import sdk_openai                                           # noqa: E402
import wire                                                 # noqa: E402

HERE = os.path.dirname(os.path.abspath(__file__))
APIS = ("openai", "anthropic", "gemini")

# an SDK, and whether it shows reasoning
SDKS = {"openai-chat": True, "openai-responses": True, "anthropic": True,
        "genai": True, "ai-openai-chat": False, "ai-openai-responses": True,
        "ai-anthropic": True, "ai-google": True, "ai-compatible": True}

SLOW = 10

# what goes through as it is
OWN = {"openai": ("openai-chat", "ai-openai-chat", "ai-compatible"),
       "anthropic": ("anthropic", "ai-anthropic"),
       "gemini": ("genai", "ai-google")}

# answers that go through and that an SDK does not put together
NOT_READ = {("anthropic", "vercel-duplicate-message-start-stream"),
            ("genai", "vercel-google-stream-no-args-tool-call-stream"),
            ("genai", "vercel-google-stream-tool-call-arguments-stream")}

# the words of SDKs for the reasons of an end
FINISH = {"end_turn": "stop", "stop_sequence": "stop",
          "tool_use": "tool_calls", "tool-calls": "tool_calls",
          "max_tokens": "length", "refusal": "content_filter",
          "content-filter": "content_filter", "STOP": "stop",
          "MAX_TOKENS": "length", "SAFETY": "content_filter"}


class Node:
    def __init__(self):
        node = os.environ["NODE"]
        env = {"PATH": "/usr/bin:/bin", "HOME": "/nonexistent",
               "NODE_MODULES": node, "NO_PROXY": "*"}
        self.p = subprocess.Popen(
            [os.path.join(node, ".bin", "node"),
             os.path.join(HERE, "sdk_node.mjs")], env=env, text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def ask(self, question):
        self.p.stdin.write(json.dumps(question) + "\n")
        self.p.stdin.flush()
        line = self.p.stdout.readline()
        if not line:
            raise SystemExit("node has ended: %s" % self.p.wait())
        return json.loads(line)

    def close(self):
        self.p.stdin.close()
        return self.p.wait()


def usable(r):
    """One choice, whole, and nothing that has no place in another API."""
    if r.error or r.none:
        return False
    answer = r.answer()
    choice = answer.choices.get(0)
    return sorted(answer.choices) == [0] and not choice.refusal \
        and choice.finish is not None \
        and all(recordings.is_json(c.args or "{}") for c in choice.calls)


def loose(args):
    """JavaScript has one kind of number."""
    return json.loads(args or "{}", parse_int=float)


def case(node, api, r, sdk):
    problems = []
    started = time.time()
    want = r.answer()
    choice = want.choices[0]
    got = node.ask({
        "sdk": sdk, "stream": r.stream, "key": wire.CLIENT_KEY,
        "base": "%s/%s" % (os.environ["GATEWAY"], api),
        "model": "rec-%s~%s~n" % (r.name, "random" if r.stream else "whole"),
        "reasoning": bool(choice.reasoning),
        "tools": list(dict.fromkeys(c.name for c in choice.calls))})
    if "error" in got:
        problems.append("%.400s" % got["error"])
    else:
        compare(problems, api, r, sdk, want, got)
    if time.time() - started > SLOW:
        problems.append("it took %.1f seconds" % (time.time() - started))
    return {"name": "%s, %s%s: %s" % (sdk, api, ", stream" if r.stream
                                      else "", r.name),
            "problems": problems}


def ended(r):
    """The last reason that an answer of Anthropic's has."""
    found = re.findall(rb'"stop_reason":\s*"(\w+)"',
                       r.data.split(b'"message_stop"')[0])
    return found[-1] if found else None


def compare(problems, api, r, sdk, want, got):
    choice = want.choices[0]
    own = sdk in OWN[api]
    wire.expect(problems, "text", got["text"], choice.text)
    if SDKS[sdk]:
        wire.expect(problems, "reasoning", got["reasoning"],
                    choice.reasoning)
    wire.expect(problems, "calls", [c.get("name") for c in got["calls"]],
                [c.name for c in choice.calls])
    for a, b in zip(got["calls"], choice.calls):
        wire.expect(problems, "arguments", loose(a["args"]), loose(b.args))
        if b.id:
            wire.expect(problems, "id", a["id"], b.id)
        if a.get("invalid"):
            problems.append("the call is not valid")
    finish = FINISH.get(got["finish"], got["finish"])
    wanted = choice.finish
    if wanted == "tool_calls" and (sdk == "genai" or own
                                   and ended(r) == b"end_turn"):
        wanted = "stop"
    wire.expect(problems, "finish", finish, wanted)
    # an SDK of the provider's does not add up what several models used
    if want.usage and not (own and b'"iterations":' in r.data):
        wire.expect(problems, "usage", got["usage"], {
            k: want.usage[k] for k in ("prompt", "completion")})


def main():
    rules, found = [], []
    for api in APIS:
        recordings.PROVIDER = api
        mine = [r for r in recordings.load() if usable(r)]
        found += [(api, r) for r in mine]
        for rule in recordings.rules(mine):
            rule["match"].setdefault("path", sdk_openai.PATHS[api])
            rules.append(rule)
    gateway.script_mock(rules)

    node = Node()
    results = []
    for api, r in found:
        recordings.PROVIDER = api
        for sdk in SDKS:
            name = "%s, %s%s: %s" % (sdk, api, ", stream" if r.stream
                                     else "", r.name)
            if (sdk, r.name) in NOT_READ and sdk in OWN[api]:
                continue
            if re.search(os.environ.get("ONLY", ""), name):
                results.append(case(node, api, r, sdk))
    code = node.close()
    results.append({"name": "node ends", "problems": [] if code == 0 else
                    ["exit code %s" % code]})
    print(json.dumps(results))


if __name__ == "__main__":
    main()
