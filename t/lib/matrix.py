#!/usr/bin/env python3
"""Which recordings there are, and what is known to work.

    matrix.py --config CLIENT   providers and locations for that client
    matrix.py --write           the table in src/provider/README, from the
                                results of t/21-matrix-*.t
    matrix.py --check RESULT    what the README claims beyond this result
"""

import json
import os
import sys

import reading

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
DATA = os.path.join(ROOT, "t", "data", "recordings")
README = os.path.join(ROOT, "src", "provider", "README")
RESULTS = os.path.join(os.environ.get("BUILD", os.path.join(ROOT, "build")),
                       "matrix")

BEGIN = "    [matrix: rewritten by \"make -f Makefile.dist matrix\"]\n"
END = "    [end of matrix]\n"

# as the SDKs are called in t/lib/matrix_client.py: as they are in the table
COLUMNS = {"openai": "chat", "responses": "responses",
           "anthropic": "messages", "genai": "gemini", "ollama": "ollama"}

# the first rows of the table; the others are vendors of OpenAI's chat
ROWS = ["openai", "openai_responses", "completions", "azure", "anthropic",
        "gemini", "vertex", "vertex claude", "bedrock", "cohere",
        "ollama_native"]

LETTERS = {
    "t": "text with its usage", "s": "streams",
    "c": "calls of tools", "p": "several of them at once", "r": "thoughts",
    "h": "cache hits", "w": "pages it cites", "l": "cut at the limit",
    "f": "filtered or refused", "n": "several choices",
    "j": "a JSON schema asked for", "i": "an image asked about",
    "e": "errors"}

# vendors whose other APIs such a client has its bytes go to
OWN_API = {"responses": ("openai", "groq", "xai", "openrouter", "ollama",
                         "huggingface", "azure"),
           "ollama": ("ollama",)}
OWN_RESPONSES = {"openai": "openai", "openai-responses": "openai",
                 "azure": "azure", "xai": "xai", "openrouter": "openrouter"}

BLOCK = """\
    ai_provider %s {
        api %s;
        endpoint http://127.0.0.1:%%%%PORT_8081%%%%;
%s        model *;
    }

"""

LOCATION = """\
        location /%s/ {
            ai_pass %s;
        }

"""

KEY = "        key provider-credential-77c2;\n"
OTHER_KEYS = {
    "bedrock": "        aws region=eu-central-1 access_key=AKIAMATRIX\n"
               "            secret_key=provider-credential-77c2;\n",
    "azure": KEY + "        azure api_version=2024-10-21;\n"}


class Recording:
    def __init__(self, number, entry):
        self.number = number
        self.name = entry["name"]
        self.api = entry["api"]
        self.form = entry["form"]
        self.status = entry["status"]
        self.tags = entry["tags"]
        self.file = os.path.join(DATA, entry["file"])
        with open(self.file, "rb") as f:
            self.data = f.read()
        self.stream = not self.file.endswith(".json")
        self.row = {"completions": "completions",
                    "anthropic": "vertex claude" if self.api == "vertex"
                    else self.api}.get(self.form, self.api)

    def place(self, client):
        return "/" + (self.own() or self.api_for(client))

    def own(self):
        """The name of a provider for this one, where there is no answer."""
        if self.status < 400:
            try:
                answer = reading.read(self.form, self.data, self.stream)
                if not answer.error and all(
                        c.finish for c in answer.choices.values()):
                    return None
            except ValueError:
                pass
        return "n%d" % self.number

    def api_for(self, client):
        if self.form == "responses" and client == "responses":
            return OWN_RESPONSES.get(self.name.split("/")[0], self.api)
        if self.form == "openai" and self.api in OWN_API.get(client, ()):
            return "openai_compatible"
        return self.api


def load():
    with open(os.path.join(DATA, "matrix.json"), encoding="utf-8") as f:
        entries = json.load(f)
    # Vertex AI has Anthropic's API under paths of its own
    entries += [dict(e, name=e["name"] + ", vertex", api="vertex")
                for e in entries if e["form"] == "anthropic"][::4]
    return [Recording(n, e) for n, e in enumerate(entries)]


def config(client):
    names = {}
    for r in load():
        names[r.place(client)[1:]] = r.api_for(client)
    blocks = [BLOCK % (n, a, OTHER_KEYS.get(a, KEY))
              for n, a in names.items()]
    return "".join(blocks), "".join(LOCATION % (n, n) for n in names)


def letters(r, answer, q, no_place):
    """What a case is about."""
    if r.status >= 400 or answer is None or answer.error:
        return "e"
    choices = list(answer.choices.values())
    calls = [len(c.calls) for c in choices]
    u = answer.usage or {}
    found = {"t": u and any(c.text for c in choices), "s": q.stream,
             "c": any(calls), "p": max(calls, default=0) > 1,
             "r": any(c.reasoning for c in choices),
             "w": any(c.pages for c in choices) and "pages" not in no_place,
             "h": u.get("cached") and "cached" not in no_place,
             "l": any(c.finish == "length" for c in choices),
             "f": any(c.refusal or c.finish == "content_filter"
                      for c in choices) and "content_filter" not in no_place,
             "n": len(choices) > 1 and "choices" not in no_place,
             "j": q.schema, "i": q.image}
    return "".join(k for k in LETTERS if found.get(k))


# --- the table --------------------------------------------------------------


def cells(cases):
    """By API: what at least one case is about, and none failed in."""
    good, bad = {}, {}
    for c in cases:
        which = bad if c["problems"] else good
        which.setdefault(c["api"], set()).update(c["letters"])
        good.setdefault(c["api"], set())
    return {api: "".join(k for k in LETTERS
                         if k in good[api] - bad.get(api, set()))
            for api in good}


def result(client):
    with open(os.path.join(RESULTS, client + ".json"),
              encoding="utf-8") as f:
        return cells(json.load(f))


def table(columns):
    """columns: client to its cells."""
    rows = {r.row for r in load()}
    rows = [r for r in ROWS if r in rows] + sorted(rows.difference(ROWS))
    lines = [["api"] + [COLUMNS[c] for c in columns]]
    for row in rows:
        lines.append([row] + [columns[c].get(row) or "-" for c in columns])
    width = [max(len(line[i]) for line in lines)
             for i in range(len(lines[0]))]
    return "".join("    " + " ".join(
        cell.ljust(w) for cell, w in zip(line, width)).rstrip() + "\n"
        for line in lines)


def legend():
    out, line = "", "   "
    for i, (k, what) in enumerate(LETTERS.items()):
        word = " %s %s%s" % (k, what, "," if i + 1 < len(LETTERS) else "")
        if len(line + word) > 78:
            out, line = out + line + "\n", "   "
        line += word
    return out + line + "\n"


def sections():
    """README: (before, the table, after)"""
    with open(README, encoding="utf-8") as f:
        text = f.read()
    before, rest = text.split(BEGIN)
    inside, after = rest.split(END)
    return before + BEGIN, inside, END + after


def write():
    before, _, after = sections()
    columns = {c: result(c) for c in COLUMNS}
    text = before + "\n" + legend() + "\n" + table(columns) + "\n" + after
    with open(README, "w", encoding="utf-8") as f:
        f.write(text)
    print("src/provider/README: matrix rewritten")


def claims(client):
    """The client's column of the README: API to letters."""
    _, inside, _ = sections()
    lines = inside.splitlines()
    head = next(i for i, line in enumerate(lines)
                if line.startswith("    api "))
    column = list(COLUMNS).index(client)
    out = {}
    for line in lines[head + 1:]:
        if line:
            words = line.split()
            row, cell = " ".join(words[:-len(COLUMNS)]), words[
                column - len(COLUMNS)]
            out[row] = cell.replace("-", "")
    return out


def check(path):
    client = os.path.basename(path).split(".")[0]
    with open(path, encoding="utf-8") as f:
        got = cells(json.load(f))
    for api, claimed in claims(client).items():
        more = [k for k in claimed if k not in got.get(api, "")]
        if more:
            print("%s, %s: %s" % (api, client, "".join(more)))


def main():
    mode = sys.argv[1]
    if mode == "--config":
        print(json.dumps(config(sys.argv[2])))
    elif mode == "--check":
        check(sys.argv[2])
    else:
        write()


if __name__ == "__main__":
    main()
