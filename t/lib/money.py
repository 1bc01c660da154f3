#!/usr/bin/env python3
"""Whether the money adds up: checkers C1, C2 and C3.

    money.py <FILE        JSON of what is compared, see check(); prints a list
                          of differences, none if all is well; exit code 1 if
                          there are some

Three accounts of the same requests are held against each other: the access
log, what the provider has answered, and what the gateway says that it has
counted.  All sums are of integers; money is in nano-USD.
"""

import collections
import json
import re
import sys

NANO = 10 ** 9

# what a row of /usage has, and the field of the access log that it sums up
SUMS = (("requests", None), ("prompt_tokens", "prompt"),
        ("completion_tokens", "completion"), ("cost", "cost"))

SHOWN = 40              # differences; of more only the number is told


# --- reading ----------------------------------------------------------------

def nano(value):
    """"1.500000000" or a number of nano-USD; "", "-" and None are 0."""
    if value is None or value in ("", "-"):
        return 0
    if isinstance(value, bool) or isinstance(value, float):
        raise ValueError("money must be a string or an integer: %r" % value)
    if isinstance(value, int):
        return value
    m = re.fullmatch(r"(-?)(\d+)(?:\.(\d{1,9}))?", value)
    if m is None:
        raise ValueError("not money: %r" % value)
    n = int(m[2]) * NANO + int((m[3] or "").ljust(9, "0"))
    return -n if m[1] else n


def number(value):
    """A count as nginx logs it: "17", 17; "", "-" and None are 0."""
    if value is None or value in ("", "-"):
        return 0
    return int(value)


def name(value):
    return "" if value in (None, "-") else str(value)


class Line:
    """A line of the access log.  Fields (those of AI::Test::Money's format):
    dims by name; status attempts prompt completion cost source msec
    request_time tag."""

    def __init__(self, row):
        self.row = row
        self.tag = name(row.get("tag"))
        self.status = number(row.get("status"))
        self.prompt = number(row.get("prompt"))
        self.completion = number(row.get("completion"))
        self.cost = nano(row.get("cost"))
        self.source = name(row.get("source"))
        self.end = float(row.get("msec") or 0)
        self.start = self.end - float(row.get("request_time") or 0)

    def dim(self, dim):
        return name(self.row.get(dim))

    def counted(self):
        """Was a provider called?  Only such requests are in the books."""
        if "attempts" in self.row:
            return number(self.row["attempts"]) > 0
        return self.status < 400 or self.cost > 0

    def amount(self, unit):
        return {"requests": 1, "tokens": self.prompt + self.completion,
                "input_tokens": self.prompt, "cost": self.cost,
                "output_tokens": self.completion}[unit]


def lines(text):
    """Whole lines only: the last one may be being written."""
    return [json.loads(l) for l in text.split("\n")[:-1] if l]


# --- C1: the access log and /usage -------------------------------------------

def sums_of_log(log, dims):
    sums = collections.defaultdict(lambda: dict.fromkeys(
        (s[0] for s in SUMS), 0))
    for line in log:
        if not line.counted():
            continue
        row = sums[tuple(line.dim(d) for d in dims)]
        for what, field in SUMS:
            row[what] += getattr(line, field) if field else 1
    return sums


def sums_of_usage(rows, dims):
    sums = {}
    for row in rows:
        key = tuple(name(row.get(d)) for d in dims)
        into = sums.setdefault(key, dict.fromkeys((s[0] for s in SUMS), 0))
        for what, _ in SUMS:
            into[what] += nano(row[what]) if what == "cost" \
                else number(row[what])
    return sums


def c1(log, rows, dims, who="usage"):
    """rows: "data" of /usage?group_by=dims.  Rows of several hours are
    added up."""
    want, have = sums_of_log(log, dims), sums_of_usage(rows, dims)
    found = []
    for key in sorted(set(want) | set(have)):
        label = "C1 %s %s" % (who, ",".join(
            "%s=%s" % pair for pair in zip(dims, key)) or "all")
        if key not in have:
            found.append("%s: not there, the log has %s" % (label, want[key]))
        elif key not in want:
            if any(have[key].values()):
                found.append("%s: not in the log: %s" % (label, have[key]))
        else:
            found += ["%s: %s is %d, the log has %d (%+d)"
                      % (label, what, have[key][what], want[key][what],
                         have[key][what] - want[key][what])
                      for what, _ in SUMS
                      if have[key][what] != want[key][what]]
    return found


# --- C2: the provider's own books and the access log -------------------------

def c2(log, provider, prices=None, slack=0):
    """provider: what it was asked and has answered, a row each: tag, prompt,
    completion (tokens), model, and "sure": false if the end of the answer did
    not reach the gateway, or may not have; such a one may be billed less, down
    to nothing.  prices: model -> [in, out], nano-USD a token.  slack: so many
    tokens may be missing or too much where they are counted and not reported.
    """
    found = []
    lines_of = collections.defaultdict(list)
    for line in log:
        lines_of[line.tag].append(line)
    asked = collections.defaultdict(list)
    for row in provider:
        asked[name(row.get("tag"))].append(row)

    for tag in sorted(set(lines_of) | set(asked)):
        label = "C2 request %s" % tag
        mine, theirs = lines_of.get(tag, []), asked.get(tag, [])
        if not mine:
            found.append("%s: answered %d times, not in the log"
                         % (label, len(theirs)))
            continue
        if len(mine) > 1 and tag:
            found.append("%s: %d times in the log" % (label, len(mine)))
        if not theirs:
            found += ["%s: billed %d nano, the provider was not asked"
                      % (label, l.cost) for l in mine
                      if l.cost or l.counted()]
            continue

        loose = slack if any(l.source not in ("", "provider")
                             for l in mine) else 0
        for what in ("prompt", "completion"):
            found += between(label, what, sum(getattr(l, what) for l in mine),
                             sum(r[what] for r in theirs
                                 if r.get("sure", True)) - loose,
                             sum(r[what] for r in theirs) + loose)
        if prices is not None:
            low = sum(price(r, prices) for r in theirs if r.get("sure", True))
            high = sum(price(r, prices) for r in theirs)
            more = loose * max((max(p) for p in prices.values()), default=0)
            found += between(label, "cost", sum(l.cost for l in mine),
                             low - more, high + more)
    return found


def price(row, prices):
    read, made = prices.get(row.get("model"), (0, 0))
    return row["prompt"] * read + row["completion"] * made


def between(label, what, have, low, high):
    if low <= have <= high:
        return []
    want = str(low) if low == high else "%d to %d" % (low, high)
    return ["%s: %s is %d, should be %s" % (label, what, have, want)]


# --- C3: limits ---------------------------------------------------------------

def value(row, field):
    return nano(row.get(field)) if row["unit"] == "cost" \
        else number(row.get(field))


def seconds(text):
    """s since 1970, or "2026-11-22T15:00:00Z"."""
    if text in (None, ""):
        return None
    if isinstance(text, (int, float)):
        return float(text)
    import datetime
    return datetime.datetime.fromisoformat(
        text.replace("Z", "+00:00")).timestamp()


def c3(log, limits, zones, opened=None, slack=0.0, over=0):
    """limits: "data" of /limits.  zones: zone -> the field of the log that it
    is keyed by (others are not compared with the log).  opened: [zone, key,
    unit, amount] of requests that run; None: none do.  slack: seconds; what
    began so near to the edge of a window may be in either.  over: by so much
    may a limit be overrun."""
    found = []
    reserved = collections.Counter()
    for zone, key, unit, amount in opened or []:
        reserved[zone, key, unit] += amount

    seen = set()
    for row in limits:
        zone, key, unit = row["zone"], name(row.get("key")), row["unit"]
        label = "C3 %s:%s %s/%s" % (zone, key, unit, row.get("period", ""))
        place = (zone, key, unit, row.get("period"), row.get("window_start"))
        if place in seen:
            found.append("%s: twice in the list" % label)
        seen.add(place)

        limit, used, held, left = (value(row, f) for f in (
            "limit", "used", "reserved", "remaining"))
        if used < 0 or held < 0 or left < 0:
            found.append("%s: negative: used %d, reserved %d, remaining %d"
                         % (label, used, held, left))
        if left != max(0, limit - used - held):
            found.append("%s: remaining is %d of %d, with %d used and %d "
                         "reserved" % (label, left, limit, used, held))
        if used > limit + over:
            found.append("%s: %d of %d used" % (label, used, limit))

        if unit == "concurrency":
            held, used = held + used, 0
        if held != reserved[zone, key, unit]:
            found.append("%s: %d is reserved, requests that run have %d"
                         % (label, held, reserved[zone, key, unit]))
        if unit != "concurrency" and zone in zones:
            found += used_in(label, row, used, [
                l for l in log if l.counted() and l.dim(zones[zone]) == key],
                slack)
    return found


def used_in(label, row, used, log, slack):
    start = seconds(row.get("window_start"))
    end = seconds(row.get("window_end"))
    low = high = 0
    for line in log:
        amount = line.amount(row["unit"])
        at = line.start
        if (start is None or at >= start - slack) \
           and (end is None or at < end + slack):
            high += amount
            if (start is None or at >= start + slack) \
               and (end is None or at < end - slack):
                low += amount
    return between(label, "used", used, low, high)


# --- all ------------------------------------------------------------------------

def check(what):
    """log: rows; usage: [{group_by: [..], data: [..]}]; provider: rows, or
    absent; limits: rows, or absent; and the options of c2 and c3."""
    log = [Line(row) for row in what.get("log", [])]
    found = []
    for n, usage in enumerate(what.get("usage", [])):
        found += c1(log, usage["data"], usage.get("group_by", []),
                    usage.get("node", "usage"))
    if "provider" in what:
        found += c2(log, what["provider"], what.get("prices"),
                    what.get("token_slack", 0))
    if "limits" in what:
        found += c3(log, what["limits"], what.get("zones", {}),
                    what.get("open"), what.get("slack", 0.0),
                    what.get("over", 0))
    if len(found) > SHOWN:
        found[SHOWN:] = ["and %d more" % (len(found) - SHOWN)]
    return found


def main():
    found = check(json.load(sys.stdin))
    print(json.dumps(found))
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
