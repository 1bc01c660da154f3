"""Inputs for tokenizers: Texts(seed, tokens) makes any number of them, the
same for the same seed; `every_character` has all of Unicode; `BENCH` are those
whose speed is measured.  They are bytes, and not all of them UTF-8.
"""

import glob
import random
import re
import string
from functools import lru_cache
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
DATA = ROOT / "t/data/token"

SPACES = [" ", " ", " ", "\n", "\n", "\t", "\r", "\r\n", "\x0b", "\x0c",
          "\x1c", "\x1f", "\x85", "\xa0", "\u1680", "\u180e", "\u2000",
          "\u2003", "\u2009", "\u200a", "\u200b", "\u2028", "\u2029",
          "\u202f", "\u205f", "\u2060", "\u3000", "\ufeff"]

APOSTROPHES = ["'", "'", "'", "'", "\u2019", "`", "\u02bc", "\uff07"]

ENDINGS = ["s", "t", "re", "ve", "m", "ll", "d", "\u017f", "\u212a", "l",
           "r", "v", "e", "st", "dd", "lll", "rE", "ta", "ss", "is"]

# characters of which each class of the patterns has several, of every length
# in UTF-8, first and last of their ranges among them
UPPER = list("ABSTDMLVRE") + ["\xc9", "\xd8", "\u0130", "\u0416", "\u1e9e",
                              "\u2c00", "\ua78d", "\uff21", "\U00010400",
                              "\U0001d49c", "\U0001e900"]
LOWER = list("abstdmlvre") + ["\xdf", "\xe9", "\u017f", "\u0131", "\u0436",
                              "\u1e9b", "\ua78e", "\uff41", "\ufb01",
                              "\U00010428", "\U0001d4d0", "\U0001e922"]
TITLE = list("\u01c5\u01c8\u01f2\u1f88\u1fbc\u1ffc")
MODIFIER = list("\u02b0\u02bc\u0374\u0559\u0640\u0e46\u10fc\u3005\u309d"
                "\u30fc\ua69c\uff70") + ["\U00010780", "\U0001e137"]
OTHER = list("\xaa\xba\u01bb\u05d0\u0627\u0e01\u1100\u3042\u30a2\u4e00\u9fff"
             "\ua000\uac00\ud7a3\uff66") + [
    "\U00010000", "\U00020000", "\U0002a6df", "\U00030000", "\U000323af"]
MARK = list("\u0300\u0301\u034f\u0488\u05b0\u064b\u0903\u093e\u0e31\u1ab0"
            "\u200d\u20dd\u20e3\u3099\ufe0e\ufe0f\ufe20") + [
    "\U0001e8d0", "\U0001d165", "\U000e0100", "\U000e01ef"]
NUMBER = list("0123456789\xb2\xbd\u0661\u06f4\u0967\u09ea\u0e53\u2160\u2182"
              "\u2460\u3007\u3021\u3192\uff11") + [
    "\U00010107", "\U00011de0", "\U0001d7d8", "\U0001f10b", "\U0001fbf0"]
PUNCTUATION = list("!\"#$%&()*+,-./:;<=>?@[\\]^_`{|}~//\xa1\xbf\u2014\u201c"
                   "\u2026\u20ac\u2192\u2588\u3001\u3002\uff0c\uff01")
EMOJI = ["\U0001f600", "\U0001f44d", "\U0001f3fd", "\U0001f3ff", "\u200d",
         "\U0001f469", "\U0001f4bb", "\u2764", "\ufe0f", "\U0001f1e9",
         "\U0001f1ea", "\U0001f3f3", "\U0001f308", "\u2640", "\u20e3",
         "\U0001f9d1\U0001f3ff\u200d\U0001f692",
         "\U0001f468\u200d\U0001f469\u200d\U0001f467"]
# control, format, private use, unassigned, not characters, added of late
STRANGE = list("\0\x01\x08\x1b\x7f\x80\x9f\xad\u0378\u0600\u061c\u200e\u2065"
               "\ue000\uf8ff\ufdd0\ufffd\ufffe\uffff\u088f\u0897\u1c89") + [
    "\U0001fae9", "\U00010ec5", "\U0003fffe", "\U000e0001", "\U000e0041",
    "\U000f0000", "\U0010fffd", "\U0010ffff"]

CLASSES = [UPPER, LOWER, TITLE, MODIFIER, OTHER, MARK, NUMBER, PUNCTUATION,
           EMOJI, STRANGE, SPACES, APOSTROPHES]

# ill-formed: alone, overlong, surrogates, too large, cut off, never used
BROKEN = [b"\x80", b"\xbf", b"\xc0\xaf", b"\xc1", b"\xc3", b"\xe0\x80\x80",
          b"\xe0\x9f", b"\xe2\x82", b"\xe2\x28\xa1", b"\xed\xa0\xbd",
          b"\xed\xa0\xbd\xed\xb8\x80", b"\xed\x9f", b"\xef\xbf",
          b"\xf0\x80\x80\x80", b"\xf0\x8f", b"\xf0\x9f", b"\xf0\x9f\x98",
          b"\xf4\x8f\xbf", b"\xf4\x90\x80\x80", b"\xf5\x80\x80\x80",
          b"\xf8\x88\x80\x80\x80", b"\xfe", b"\xff\xff", b"\xf1\x80\x80",
          b"\xf1\x80\xe1\x80\xc2", b"\xe1\x80\xe2\xf0\x91\x92\xf1\xbf\x41"]


@lru_cache
def sample(name):
    return (DATA / f"{name}.txt").read_text(encoding="utf-8")


@lru_cache
def code():
    """The tree's own sources, of several languages."""
    files = [f for pattern in ("src/core/*.c", "src/codec/*.c", "t/lib/*.py",
                               "t/*.t", "t/lib/*.json", "*.md")
             for f in sorted(glob.glob(str(ROOT / pattern)))]
    return "\n".join(Path(f).read_text(encoding="utf-8", errors="replace")
                     for f in files)


class Texts:
    """tokens: of the vocabulary, for texts that are hard to merge."""

    def __init__(self, seed, tokens=()):
        self.random = random.Random(seed)
        self.tokens = tokens
        self.words = [t for t in tokens if t.isalpha() and t.isascii()]
        self.long = [t for t in tokens if len(t) > 12]
        self.kinds = [getattr(self, name) for name in dir(self)
                      if name.startswith("make_") and name != "make_large"]

    def next(self):
        """(name of the kind, bytes)"""
        make = (self.random.choice(self.kinds)
                if self.random.random() < 0.985 else self.make_large)
        text = make()
        if isinstance(text, str):
            text = text.encode("utf-8", "surrogatepass")
        if self.random.random() < 0.06:
            text = self.mutated(text)
        return make.__name__[5:], text

    # parts

    def length(self, most=400):
        """Most are short; some are not."""
        r = self.random
        return r.randint(1, r.choice((3, 8, 20, 60, most)))

    def one(self):
        return self.random.choice(self.random.choice(CLASSES))

    def any_character(self):
        r = self.random
        c = r.choice((r.randrange(0x80), r.randrange(0x800),
                      r.randrange(0x3000), r.randrange(0x10000),
                      r.randrange(0x20000), r.randrange(0x110000)))
        return chr(c) if not 0xd800 <= c < 0xe000 else "\ufffd"

    def excerpt(self, text, most=3000):
        r = self.random
        n = r.randint(1, r.choice((30, 200, most)))
        start = r.randrange(max(1, len(text) - n))
        return text[start:start + n]

    def word(self):
        r = self.random
        word = "".join(r.choice(string.ascii_lowercase)
                       for _ in range(r.randint(1, 9)))
        return r.choice((word, word.title(), word.upper(), word + "Es"))

    # kinds

    def make_prose(self):
        return self.excerpt(sample("prose"))

    def make_code(self):
        return self.excerpt(code(), 6000)

    def make_cjk(self):
        return self.excerpt(sample("cjk"), 800)

    def make_scripts(self):
        return self.excerpt(sample("scripts"), 700)

    def make_emoji(self):
        r = self.random
        if r.random() < 0.3:
            return self.excerpt(sample("emoji"), 150)
        return "".join(r.choice(EMOJI) for _ in range(self.length()))

    def make_spaces(self):
        """Runs of white space between words of all kinds."""
        r = self.random
        out, few = [], r.sample(SPACES, r.randint(1, 4))
        for _ in range(self.length(60)):
            out.append("".join(r.choice(few) for _ in range(self.length(9))))
            out.append(r.choice((self.word(), self.one(), "", "/", "7")))
        return "".join(out)

    def make_runs(self):
        """A few characters many times."""
        r = self.random
        out = []
        for _ in range(r.randint(1, 4)):
            some = "".join(self.one() for _ in range(r.choice((1, 1, 2, 3))))
            out.append(some * r.choice((r.randint(1, 40), r.randint(1, 40),
                                        r.randint(1, 600))))
        return "".join(out)

    def make_contractions(self):
        r = self.random
        out = []
        for _ in range(self.length(40)):
            end = r.choice(ENDINGS)
            # " I'" is a token of o200k_base
            out += [r.choice((self.word(), self.word(), "\u017f", "5", "\xe9",
                              "\n", "\u0301", "", " ", "!", "d", " I",
                              " I", "\"")),
                    r.choice(APOSTROPHES),
                    r.choice((end, end.upper(), end.title(), end.swapcase())),
                    r.choice((" ", "", "", "x", "'s", "\u0301", "9", "."))]
        return "".join(out)

    def make_digits(self):
        r = self.random
        digits = r.choice((string.digits, NUMBER, NUMBER))
        return "".join(
            "".join(r.choice(digits) for _ in range(self.length(30)))
            + r.choice((" ", ",", ".", "", "a", "\n", "'s", "/", "\u0301"))
            for _ in range(self.length(30)))

    def make_classes(self):
        """One character of any class after the other: what parts words."""
        return "".join(self.one() for _ in range(self.length()))

    def make_few_classes(self):
        some = self.random.sample(CLASSES, self.random.randint(2, 3))
        return "".join(self.random.choice(self.random.choice(some))
                       for _ in range(self.length()))

    def make_case(self):
        """upperLower in every mixture, with marks and what is neither."""
        r = self.random
        some = [UPPER, LOWER, UPPER, LOWER, MARK, TITLE, OTHER, MODIFIER]
        return "".join(r.choice(r.choice(some)) if r.random() < 0.95
                       else r.choice("' 1-") for _ in range(self.length()))

    def make_characters(self):
        return "".join(self.any_character() for _ in range(self.length()))

    def make_random_word(self):
        """Letters at random, one word: many merges compete."""
        r = self.random
        letters = r.choice((string.ascii_lowercase, string.ascii_letters,
                            "ab", "etaoin", "aeiou\xe9\xe8", "xyz",
                            string.ascii_letters + string.digits + "+/="))
        n = r.choice((self.length(), self.length(3000)))
        return "".join(r.choice(letters) for _ in range(n))

    def make_tokens(self):
        """Tokens one behind the other, also in pieces of characters."""
        if not self.tokens:
            return self.make_random_word()
        some = self.random.choice((self.tokens, self.words, self.words,
                                   self.long))
        return b"".join(self.random.choices(some, k=self.length(120)))

    def make_token_parts(self):
        """Tokens without their ends, and with a letter too many."""
        if not self.tokens:
            return self.make_random_word()
        r = self.random
        out = []
        for _ in range(self.length(50)):
            token = r.choice(r.choice((self.words, self.long, self.tokens)))
            a = r.choice((0, 0, 1, r.randrange(len(token))))
            b = len(token) - r.choice((0, 0, 1, r.randrange(len(token))))
            out.append(token[a:b] + r.choice((b"", b"", b"e", b"s", b" ")))
        return b"".join(out)

    def make_markup(self):
        r = self.random
        parts = ["{\"", "\": ", "\",\n  ", "</", ">", "<div class=\"", "| ",
                 "---|", "```\n", "](https://", "/", "?q=", "&amp;", "\\n",
                 "\\u00e9", "//", "/*", "*/\r\n", "#", "  - ", "====", "\t\t",
                 "%20", "0x", "$", "()", "();\n", "}\n\n", "\x1b[0m", "...",
                 "<|endoftext|>", "<|im_start|>", "[INST]", "<s>"]
        return "".join(r.choice(parts) if r.random() < 0.6 else self.word()
                       for _ in range(self.length(150)))

    def make_bytes(self):
        return self.random.randbytes(self.length())

    def make_broken(self):
        r = self.random
        return b"".join(r.choice(BROKEN) if r.random() < 0.5 else
                        self.one().encode() for _ in range(self.length()))

    def make_splice(self):
        """Pieces of other texts, wherever they break."""
        r = self.random
        out = []
        for _ in range(r.randint(2, 6)):
            text = r.choice(self.kinds)() if r.random() < 0.9 else "\n"
            if isinstance(text, str):
                text = text.encode()
            a = r.choice((0, r.randrange(len(text) + 1)))
            out.append(text[a:a + r.choice((5, 50, 500))])
        return b"".join(out)

    def make_large(self):
        """So much that the counter counts it in several goes."""
        r = self.random
        out, size = [], 0
        most = r.choice((5_000, 10_000, 20_000, 90_000))
        while size < most:
            text = r.choice(self.kinds)() if r.random() < 0.9 else \
                self.make_code()
            if isinstance(text, str):
                text = text.encode()
            out.append(text + r.choice((b"", b" a b", b"\n", b". And ")))
            size += len(out[-1])
        return b"".join(out)[:120_000]

    def mutated(self, text):
        r = self.random
        text = bytearray(text)
        for _ in range(r.randint(1, 4)):
            at = r.randrange(len(text) + 1)
            what = r.randrange(6)
            if what == 0 and at < len(text):
                text[at] = r.randrange(256)
            elif what == 1:
                del text[at:at + r.choice((1, 1, 2, 10))]
            elif what == 2:
                text[at:at] = self.one().encode()
            elif what == 3:
                text[at:at] = r.choice(BROKEN)
            elif what == 4:
                text[at:at] = text[at:at + r.randint(1, 20)] * r.randint(1, 9)
            else:
                del text[at:]
        return bytes(text)


def every_character(shape, rest=False, step=2048):
    """Texts with all characters, in order, formatted as `shape`.  Planes that
    have no characters yet, and private ones, are in the rest."""
    for start in range(0, 0x110000, step):
        if 0xd800 <= start < 0xe000:
            continue
        used = start < 0x34000 or 0xe0000 <= start < 0xe1000
        if rest or used or (start + step) % 0x10000 == 0:
            yield "".join(shape.format(chr(c))
                          for c in range(start, start + step)).encode()


# next to a letter, to itself, to digits, marks, blanks, line ends, in a
# contraction
SHAPES = ["{0}", "a{0}", " {0} ", "{0}'s", "A{0}b'{0}", " I'{0}", "1{0}",
          "\n{0}\n ", "{0}{0}", "\u0301{0}a"]


# --- what is measured -----------------------------------------------------

@lru_cache
def documents():
    """The documentation of Perl's modules, which every Debian has: English
    paragraphs without the marks for fonts."""
    out, size = [], 0
    for file in sorted(glob.glob("/usr/share/perl/5.*/**/*.p[mo]*",
                                 recursive=True)):
        pod = False
        for part in re.split(r"\n\s*\n", Path(file).read_text("latin-1")):
            if part.startswith("="):
                pod = not part.startswith("=cut")
            elif pod and len(part) > 200 and not part[0].isspace():
                part = re.sub(r"\b[A-Z]<+\s*([^<>]*?)\s*>+", r"\1", part)
                out.append(part)
                size += len(part)
        if size > 1_100_000:
            break
    return "\n\n".join(out)


def prose():
    return documents()[:1_000_000]


def sources():
    files = sorted(glob.glob(str(ROOT / "src/*/*.c")))
    return "".join(Path(f).read_text(encoding="utf-8") for f in files
                   if "/token/" not in f)[:1_000_000]


def cjk(ranks):
    """Han text without repeats, of the vocabulary's own Han tokens."""
    rnd = random.Random(7)
    han = []
    for token, _ in sorted(ranks.items(), key=lambda item: item[1]):
        try:
            text = token.decode()
        except UnicodeDecodeError:
            continue
        if all("\u4e00" <= c <= "\u9fff" for c in text):
            han.append(text)
    weights = [1 / (i + 20) for i in range(len(han))]
    parts, size, run = [], 0, 0
    for text in rnd.choices(han, weights, k=400_000):
        parts.append(text)
        size += len(text.encode())
        run += len(text)
        if run > rnd.randint(8, 22):
            parts.append(rnd.choice("\uff0c\uff0c\uff0c\u3002\u3002\u3001"
                                    "\uff1a"))
            size, run = size + 3, 0
        if size > 500_000:
            break
    return "".join(parts)


def emoji():
    rnd = random.Random(7)
    return "".join(rnd.choice("\U0001f600\U0001f603\U0001f389\U0001f680"
                              "\U0001f525\u2728\U0001f916\U0001f4a1")
                   for _ in range(250_000))


def letters(n=1_000_000):
    rnd = random.Random(7)
    return "".join(rnd.choice(string.ascii_lowercase) for _ in range(n))


# name, goal in MB/s, text; `ranks` are those of o200k_base
BENCH = [
    ("prose", 124, lambda ranks: prose()),
    ("code", 138, lambda ranks: sources()),
    ("CJK", 33, cjk),
    ("one letter", 45, lambda ranks: "a" * 1_000_000),
    ("one emoji", 45, lambda ranks: "\U0001f600" * 250_000),
    ("eight emoji", 45, lambda ranks: emoji()),
    ("spaces", 45, lambda ranks: " " * 1_000_000),
    ("line ends", 45, lambda ranks: "\n" * 1_000_000),
    ("random letters, one word", 45, lambda ranks: letters()),
    ("random bytes", 45,
     lambda ranks: random.Random(7).randbytes(1_000_000)),
]
