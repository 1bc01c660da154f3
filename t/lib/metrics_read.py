"""Reads a page of ai_metrics as Prometheus does, with the parsers of its own
client library, and holds it against the rules of promtool's linter and of the
formats that those parsers let pass.

    FILE=page FORMAT=prometheus|openmetrics metrics_read.py

The last line written is JSON: samples, a list of [name, labels, value as it
was written], types, and faults, a list of texts.
"""

import io
import json
import math
import os
import re
import sys

from prometheus_client.openmetrics import parser as om
from prometheus_client import parser as text

NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
VALUE = r'"(?:[^"\\\n]|\\[\\"n])*"'
LABEL = r"[a-zA-Z_][a-zA-Z0-9_]*=" + VALUE
SAMPLE = re.compile(r"(%s)(?:\{(%s(?:,%s)*)\})? (-?\d+(?:\.\d+)?)$"
                    % (NAME, LABEL, LABEL))
UNESCAPE = {"\\\\": "\\", '\\"': '"', "\\n": "\n"}
SUFFIXES = {"histogram": ("_bucket", "_sum", "_count"), "gauge": ("",),
            "counter": ("",)}
BAD_UNITS = ("milliseconds", "microseconds", "ms", "us", "minutes", "hours",
             "kilobytes", "megabytes", "kb", "mb", "percent", "cents")


def labels_of(source):
    pairs = re.findall(r"(\w+)=(%s)" % VALUE, source or "")
    names = [name for name, _ in pairs]
    if len(names) != len(set(names)):
        raise ValueError("a label twice: " + source)
    return {name: re.sub(r'\\[\\"n]', lambda m: UNESCAPE[m.group()],
                         value[1:-1])
            for name, value in pairs}


class Page:
    """A reading of our own, line by line."""

    def __init__(self, page, form):
        self.faults = []
        self.types = {}
        self.helps = {}
        self.samples = []
        self.form = form
        self.current = None
        self.seen = set()

        if "\r" in page:
            self.fault("a carriage return")
        if not page.endswith("\n"):
            self.fault("no newline at the end")

        lines = page.split("\n")[:-1]

        if form == "openmetrics":
            if not lines or lines.pop() != "# EOF":
                self.fault("no EOF")

        for line in lines:
            self.line(line)

        self.lint()
        self.histograms()

    def fault(self, said):
        self.faults.append(said)

    def line(self, line):
        m = re.match(r"# (HELP|TYPE) (%s) (.+)$" % NAME, line)

        if m:
            what, name, rest = m.groups()
            table = self.helps if what == "HELP" else self.types
            if name in table:
                self.fault("%s of %s twice" % (what, name))
            table[name] = rest
            self.current = name
            return

        m = SAMPLE.match(line)
        if not m:
            self.fault("not a sample: " + line[:120])
            return

        name, source, value = m.groups()
        base = self.base(name)

        if base != self.current:
            self.fault("%s is not below its heading" % name)

        key = (name, tuple(sorted(labels_of(source).items())))
        if key in self.seen:
            self.fault("twice: %s{%s}" % (name, source))
        self.seen.add(key)
        self.samples.append([name, labels_of(source), value])

    def base(self, name):
        for base in (self.current or "",):
            kind = self.types.get(base)
            if self.form == "openmetrics" and kind == "counter":
                if name == base + "_total":
                    return base
            elif kind and name in [base + s for s in SUFFIXES[kind]]:
                return base
        return None

    def lint(self):
        for name, kind in self.types.items():
            if not self.helps.get(name, "").strip():
                self.fault("no help: " + name)
            total = name.endswith("_total")
            if kind == "counter" and total != (self.form == "prometheus"):
                self.fault("name of a counter: " + name)
            if kind != "counter" and total:
                self.fault("not a counter: " + name)
            if re.search(r"(_count|_sum|_bucket|_info)$", name) \
                    and name != "nginx_ai_build_info":
                self.fault("reserved suffix: " + name)
            if re.search(r"[A-Z:]", name) or not name.startswith("nginx_ai_"):
                self.fault("spelling: " + name)
            for word in name.split("_"):
                if word in BAD_UNITS or word in SUFFIXES:
                    self.fault("word %s in %s" % (word, name))
        for name in set(self.helps) ^ set(self.types):
            self.fault("half a heading: " + name)
        for name, labels, value in self.samples:
            if ("le" in labels) != name.endswith("_bucket"):
                self.fault("le of " + name)
            if "quantile" in labels:
                self.fault("quantile of " + name)
            if value.startswith("-"):
                self.fault("negative: " + name)
            for label in labels:
                if re.search(r"[A-Z]", label) or label.startswith("__"):
                    self.fault("label %s of %s" % (label, name))

    def histograms(self):
        for base, kind in self.types.items():
            if kind != "histogram":
                continue
            buckets, counts, sums = {}, {}, {}
            for name, labels, value in self.samples:
                rest = {k: v for k, v in labels.items() if k != "le"}
                key = tuple(sorted(rest.items()))
                if name == base + "_bucket":
                    buckets.setdefault(key, []).append(
                        (float(labels["le"]), int(value)))
                elif name == base + "_count":
                    counts[key] = int(value)
                elif name == base + "_sum":
                    sums[key] = float(value)
            if not set(buckets) == set(counts) == set(sums):
                self.fault("parts missing: " + base)
            for key, list_ in buckets.items():
                if list_ != sorted(list_) or not math.isinf(list_[-1][0]):
                    self.fault("order of the buckets: " + base)
                if [n for _, n in list_] != sorted(n for _, n in list_):
                    self.fault("not cumulative: " + base)
                if list_[-1][1] != counts.get(key):
                    self.fault("+Inf is not the count: " + base)


def parsed(page, form):
    """What the library's parser makes of it, as {(name, labels): value}."""

    parser = om if form == "openmetrics" else text
    found = {}

    for family in parser.text_fd_to_metric_families(io.StringIO(page)):
        for s in family.samples:
            found[(s.name, tuple(sorted(s.labels.items())))] = s.value

    return found


def main():
    form = os.environ["FORMAT"]
    with open(os.environ["FILE"], encoding="utf-8", newline="") as f:
        source = f.read()

    page = Page(source, form)

    try:
        library = parsed(source, form)
    except ValueError as e:
        page.fault("prometheus_client: %s" % e)
        library = {}

    own = {(name, tuple(sorted(labels.items()))): float(value)
           for name, labels, value in page.samples}

    if library != own:
        page.fault("prometheus_client reads it otherwise: %s"
                   % sorted(set(library.items()) ^ set(own.items()))[:4])

    json.dump({"samples": page.samples, "types": page.types,
               "faults": page.faults[:20]}, sys.stdout)
    print()


main()
