#!/usr/bin/env python3

"""src/token against other implementations.

    token_fuzz.py SECONDS [SEED]    texts at random, until the time is over or
                                    something is found; NAMES="qwen tekken"
                                    for some tokenizers only
    token_fuzz.py test              a fixed set (t/04-tokenizer.t), as TAP
    token_fuzz.py text FILE         all counts of one text

Every text goes through two builds of ours, one with the sanitizers, each time
whole, in pieces, in pieces of JSON's spelling, and in two parts at the places
that ai_tokenizer_cut() names; and through tiktoken, some also through a second
implementation.  What differs is made as small as possible, shown, and kept in
build/token/found.
"""

import os
import random
import sys
import time
from collections import Counter

import token_oracle as oracle
import token_texts

# `what` of t/token/count.c: its number, in what it finds
WAYS = {"c": "whole", "p": "in pieces", "e": "in pieces, escaped",
        "k": "in two parts"}
CUTS = 6

# the second implementation, which is slower, sees some of the texts
SECOND = 0.25

# what the counter holds at most: AI_COUNTER_MAX
HELD = 64 * 1024


class Finding(Exception):
    pass


class Comparison:
    def __init__(self, names=oracle.NAMES):
        self.names = names
        oracle.build("token", "token-asan")
        self.start()
        self.first = {name: oracle.first(name) for name in names}
        self.second = {name: oracle.second(name) for name in names}
        self.texts = Counter()
        self.bytes = Counter()

    def start(self):
        self.ours = [oracle.Ours("token"), oracle.Ours("token-asan")]

    def ways(self, name, data, number):
        """(what it is, its count) of ours."""
        for ours in self.ours:
            for way, title in WAYS.items():
                n = CUTS if way == "k" else number
                count = ours.ask(way, name, data, n)
                yield f"{ours.variant} {title} ({n})", \
                    oracle.ERRORS.get(count, count)

    def differs(self, name, data, number, second):
        """What is wrong with this text, or None."""
        text = oracle.text_of(data)
        want = self.first[name](text)
        if second:
            other = self.second[name](text)
            if other != want:
                return f"second implementation: {other}, tiktoken: {want}"
        try:
            for what, count in self.ways(name, data, number):
                if count != want:
                    return f"{what}: {count}, tiktoken: {want}"
        except oracle.Died as error:
            self.start()
            return str(error)
        return None

    def check(self, name, data, number=1, second=False):
        self.texts[name] += 1
        self.bytes[name] += len(data)
        what = self.differs(name, data, number, second)
        if what is None:
            return
        small = minimised(data, lambda d: self.differs(name, d, number,
                                                       second) is not None)
        raise Finding(report(name, data, small, what,
                             self.differs(name, small, number, second)))

    def whole(self, name, data):
        """Only the count, for very many texts."""
        self.texts[name] += 1
        self.bytes[name] += len(data)
        want = self.first[name](oracle.text_of(data))
        count = self.ours[0].ask("c", name, data)
        if count != want:
            self.check(name, data)
            raise Finding(f"{name}: {count}, tiktoken: {want}: "
                          f"{data[:160]!r}")

    def close(self):
        return [ours.close() for ours in self.ours]


def minimised(data, wrong):
    """Parts left out, ever smaller ones, as long as it stays wrong."""
    deadline = time.monotonic() + 10
    size = len(data) // 2
    while size:
        at, shorter = 0, False
        while at < len(data) and time.monotonic() < deadline:
            without = data[:at] + data[at + size:]
            if wrong(without):
                data, shorter = without, True
            else:
                at += size
        if not shorter or size > len(data) // 2:
            size //= 2
    return data


def report(name, data, small, what, what_small):
    folder = oracle.BUILD / "token/found"
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{name}-{time.time_ns()}"
    file.write_bytes(small)
    file.with_suffix(".whole").write_bytes(data)
    return (f"{name}: {what_small} (before it was made small: {what})\n"
            f"  {len(small)} bytes: {small[:160]!r}\n"
            f"  {ascii(oracle.text_of(small[:160]))}\n  {file}")


# --- for some time --------------------------------------------------------

def fuzz(seconds, seed):
    names = os.environ.get("NAMES", "").split() or oracle.NAMES
    comparison = Comparison(names)
    rnd = random.Random(seed)
    end = time.monotonic() + seconds
    found = 0

    makers = {name: token_texts.Texts(f"{seed} {name}",
                                      list(oracle.table(name)[1]))
              for name in names}

    if seconds >= 300:
        for problem in findings(comparison.whole, (
                (name, data) for name in names for shape in token_texts.SHAPES
                for data in token_texts.every_character(shape, True))):
            found += 1
            print(f"token_fuzz: {problem}", flush=True)

    while time.monotonic() < end and found < 10:
        for name, maker in makers.items():
            kind, data = maker.next()
            try:
                comparison.check(name, data, rnd.randrange(1 << 30),
                                 rnd.random() < SECOND)
            except Finding as finding:
                found += 1
                print(f"token_fuzz: {kind}, {finding}", flush=True)

    if any(comparison.close()):
        found += 1
        print("token_fuzz: a program did not end well")

    print(f"token_fuzz: seed {seed}: {comparison.texts.total()} texts,",
          f"{comparison.bytes.total() / 1e6:.1f} MB;",
          ", ".join(f"{name} {n}" for name, n in comparison.texts.items()))
    print(f"token_fuzz: {comparison.texts.total() - found} passed,",
          f"{found} failed")
    return found > 0


# --- a fixed set ----------------------------------------------------------

TEXTS = 700                 # at random, for each tokenizer
GROUP = 40                  # tokens of a vocabulary in one text


class Tap:
    def __init__(self):
        self.n = self.failed = 0
        self.time = time.monotonic()

    def ok(self, what, problems):
        self.n += 1
        self.failed += bool(problems)
        now = time.monotonic()
        spent, self.time = now - self.time, now
        print(f"{'not ' if problems else ''}ok {self.n} - {what},",
              f"{spent:.1f} s")
        for problem in problems:
            for line in str(problem).splitlines():
                print(f"# {line}")
        sys.stdout.flush()

    def done(self):
        print(f"1..{self.n}")
        return self.failed > 0


def findings(check, items, most=3):
    """What is wrong with these, the first few."""
    found = []
    for item in items:
        try:
            check(*item)
        except Finding as finding:
            found.append(finding)
            if len(found) == most:
                break
    return found


def groups(ranks):
    tokens = list(ranks)
    for separator in (b"\n", b""):
        for at in range(0, len(tokens), GROUP):
            yield separator.join(tokens[at:at + GROUP])


def samples():
    for file in sorted(token_texts.DATA.glob("*.txt")):
        yield file.read_bytes()
        yield file.read_bytes().replace(b"\n", b"\r\n")
        yield file.read_text("utf-8").upper().encode()
    yield b""


def large(ranks, size=60_000):
    for _, _, make in token_texts.BENCH:
        data = make(ranks)
        yield (data if isinstance(data, bytes) else data.encode())[:size]


def loaded(comparison, name, ranks):
    """A vocabulary from a file, with the words of another."""
    problems = []
    table = oracle.table(ranks)[1]
    for tokens in (table, dict(sorted(table.items())[::-1])):
        file = oracle.file_of(tokens)
        answer = comparison.ours[1].ask("l", name, file)
        if answer:
            return [f"the file is not read: {answer}"]
        count = oracle.first(name, ranks)
        maker = token_texts.Texts("loaded", list(table))
        for _ in range(150):
            data = maker.next()[1]
            want = count(oracle.text_of(data))
            for way in "cp":
                got = comparison.ours[1].ask(way, "loaded", data, len(data))
                if got != want:
                    problems.append(f"{got}, tiktoken: {want}: {data[:99]!r}")
    return problems[:5]


# a word that is longer than what the counter holds is cut by it
LONG = [b"a" * 150_000, b" " * 150_000 + b"x", b"\n" * 150_000,
        "\U0001f600".encode() * 40_000, b"ab" * 70_000, b"\x80" * 150_000,
        token_texts.letters(150_000).encode(), b"=-" * 70_000 + b"\n"]


def held(comparison, name, data):
    """In pieces: nearly the same, whatever comes."""
    want = comparison.ours[0].ask("c", name, data)
    for ours in comparison.ours:
        for way in "pe":
            for number in range(2):
                count = ours.ask(way, name, data, number)
                if abs(count - want) > 2 + 8 * len(data) / HELD:
                    raise Finding(f"{name}, {WAYS[way]}: {count}, whole: "
                                  f"{want}: {data[:20]!r} ..")


def test():
    tap = Tap()
    comparison = Comparison()

    def check(name, data):
        comparison.check(name, data, number=len(data), second=True)

    for name in oracle.NAMES:
        ranks = oracle.table(name)[1]
        maker = token_texts.Texts(name, list(ranks))

        tap.ok(f"{name}: samples", findings(
            check, ((name, data) for data in samples())))
        tap.ok(f"{name}: {TEXTS} texts at random", findings(
            check, ((name, maker.next()[1]) for _ in range(TEXTS))))
        tap.ok(f"{name}: every token of the vocabulary", findings(
            comparison.whole, ((name, data) for data in groups(ranks))))
        tap.ok(f"{name}: every character of Unicode", findings(
            comparison.whole,
            ((name, data) for shape in token_texts.SHAPES
             for data in token_texts.every_character(shape))))
        tap.ok(f"{name}: large texts", findings(
            check, ((name, data) for data in large(ranks))))
        tap.ok(f"{name}: words that do not fit into the counter", findings(
            lambda *item: held(comparison, *item),
            ((name, data) for data in LONG)))

    tap.ok("a vocabulary from a file", loaded(comparison, "cl100k_base",
                                              "cl100k_base"))
    tap.ok("the same with another's words", loaded(comparison, "cl100k_base",
                                                   "qwen"))
    tap.ok("the programs end well", [code for code in comparison.close()
                                     if code])
    return tap.done()


def show(path):
    with open(path, "rb") as file:
        data = file.read()
    comparison = Comparison()
    for name in comparison.names:
        text = oracle.text_of(data)
        print(name, "tiktoken", comparison.first[name](text), "second",
              comparison.second[name](text))
        for number in range(8):
            for what, count in comparison.ways(name, data, number):
                print(f"  {what}: {count}")
    return any(comparison.close())


def main():
    command = sys.argv[1] if len(sys.argv) > 1 else ""

    if command == "test":
        return test()

    if command == "text" and len(sys.argv) == 3:
        return show(sys.argv[2])

    if command.isdigit():
        seed = int(sys.argv[2]) if len(sys.argv) > 2 else time.time_ns()
        return fuzz(int(command), seed)

    raise SystemExit(__doc__)


if __name__ == "__main__":
    sys.exit(main())
