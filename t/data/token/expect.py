#!/usr/bin/env python3

"""Writes words.txt and counts.txt: what tiktoken 0.14.0 makes of some texts.

    python3 -m venv v && v/bin/pip install tiktoken==0.14.0
    v/bin/python expect.py SOURCE

SOURCE is the folder that src/token/gen_vocab.py reads.  A line of words.txt is
a pattern and the words, parted by bars; one of counts.txt is a vocabulary, the
number of tokens, and the bytes of the text.  What is not printable, a bar, a
blank and a backslash are \\xHH.
"""

import base64
import json
import os
import random
import sys

import tiktoken
from tiktoken_ext import openai_public

HERE = os.path.dirname(os.path.abspath(__file__))

LLAMA3 = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+"
          r"|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+")
QWEN = LLAMA3.replace('{1,3}', '')

TEXTS = [
    'Hello, world! It\'s 2024 and don\'t they\'ve I\'LL WE\'RE he\'D i\'m',
    'camelCaseXMLHttpRequest ABCdef aBcDeF McDonald\'S x\'ll\'ve',
    'it\'\u017f \'\u017ft o\'\u017f DON\'T\'S \'sabc \'\'s a\'\'s \'re\'',
    '   leading\n  \n\n\ttabs\t\tx  \r\n\r\n  end  ',
    'a\n  ', 'a  \n  \n', ' \n a', '\n \n', ' ', '  ', '\n', '\r\n', '\t\n\t',
    '!\n/\n/x ?/\r\n//y ./ ,\n\n  /z', 'f(x){\n    return "a";\n}\n\n// c\n',
    '1234567 1,234.5 3x 12ab ½Ⅻ٣٤٥٦ 9\n99 999\u0301',
    '\u1d43AB \u1d43Ab A\u1d43B \u4e2dABC ABC\u4e2d ab\u4e2dCD \u4e2dABc',
    '\u0301 a\u0301b A\u0301B \u0301AB !\u0301a \u0301\u03011 \u0301\'s',
    '\u01c5x \u01c5 A\u01c5 x\u01c5 \u01c5\u01c5a',
    '\u4e2d\u6587\uff0c\u6d4b\u8bd5\u3002\u3000\u5168\u89d2 \u65e5\u672c\u8a9e'
    '\u3068\u30ab\u30bf\u30ab\u30ca\uff01\ud55c\uad6d\uc5b4',
    '\u0645\u0631\u062d\u0628\u0627 \u0928\u092e\u0938\u094d\u0924\u0947 '
    '\u0e2a\u0e27\u0e31\u0e2a\u0e14\u0e35 \u041f\u0420\u0438\u0432\u0435\u0442',
    '\U0001f600\U0001f468\u200d\U0001f469\u200d\U0001f467 \u2764\ufe0f!',
    'x\u00a0y\u3000\u3000z\u2003\n\u2028a\u0085\u0085b \u00a0!\u00a01',
    'caf\u00e9 na\u00efve \u00c9COLE STRA\u1e9eE stra\u00dfe \u0130i',
    '\x00\x01\x7f\u0080\ufeff\ufffd\U000e0100\U0010ffff\U000323b0a',
]


def escaped(data):
    return ''.join(chr(c) if 0x20 < c < 0x7f and c not in b'|\\'
                   else '\\x%02x' % c for c in data)


def words(pattern, text):
    """Every part of the text is a token: a word is one."""

    data = text.encode()
    ranks = {bytes([i]): i for i in range(256)}

    for i in range(len(data)):
        for j in range(i + 2, len(data) + 1):
            ranks.setdefault(data[i:j], len(ranks))

    encoding = tiktoken.Encoding('words', pat_str=pattern, special_tokens={},
                                 mergeable_ranks=ranks)

    return encoding.decode_tokens_bytes(encoding.encode_ordinary(text))


def random_texts(n):
    r = random.Random(5)
    ascii = list(' \n\r\t\'/!.aAbsSTlL1') + ['\r\n', '  ', '\'s']
    wide = list('\u4e2d\u1d43\u0301\u3000\u017f')

    return [''.join(r.choice(ascii if i % 5 == 0 else ascii + wide)
                    for _ in range(160 if i % 5 == 0 else r.randint(10, 90)))
            for i in range(n)]


def ranks_of(source, name):
    if name == 'tekken':
        tekken = json.load(open(os.path.join(source, 'tekken.json')))
        config = tekken['config']
        n = config['default_vocab_size'] - config['default_num_special_tokens']
        return {base64.b64decode(e['token_bytes']): e['rank']
                for e in tekken['vocab'][:n]}

    lines = open(os.path.join(source, name + '.tiktoken'), 'rb')
    return {base64.b64decode(t): int(r) for t, r in map(bytes.split, lines)}


def broken(texts):
    r = random.Random(6)

    for text in texts:
        data = bytearray(text.encode())

        for _ in range(1 + len(data) // 20):
            data[r.randrange(len(data))] = r.choice(
                [0x80, 0xc2, 0xe0, 0xed, 0xa0, 0xf0, 0x9f, 0xf4, 0xff])

        yield bytes(data)


def main(source):
    tekken = json.load(open(os.path.join(source, 'tekken.json')))

    patterns = {
        'cl100k_base': openai_public.cl100k_base,
        'o200k_base': openai_public.o200k_base,
    }

    # their patterns alone: the vocabularies are not fetched
    openai_public.load_tiktoken_bpe = lambda *a, **k: {}
    patterns = {name: f()['pat_str'] for name, f in patterns.items()}
    patterns['tekken'] = tekken['config']['pattern']
    patterns['qwen'] = QWEN
    patterns['llama3'] = LLAMA3

    with open(os.path.join(HERE, 'words.txt'), 'w') as f:
        for text in TEXTS + random_texts(60):
            for name, pattern in patterns.items():
                parts = '|'.join(map(escaped, words(pattern, text)))
                print(name, parts, file=f)

    texts = TEXTS + random_texts(10)
    data = [t.encode() for t in texts] + list(broken(texts))

    with open(os.path.join(HERE, 'counts.txt'), 'w') as f:
        for name in ('cl100k_base', 'o200k_base', 'tekken', 'qwen'):
            encoding = tiktoken.Encoding(
                name, pat_str=patterns[name], special_tokens={},
                mergeable_ranks=ranks_of(source, name))

            for d in data:
                n = len(encoding.encode_ordinary(d.decode(errors='replace')))
                print(name, n, escaped(d), file=f)


main(sys.argv[1])
