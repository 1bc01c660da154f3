#!/usr/bin/env python3

"""Writes data/*.inc, the vocabularies that are compiled in.

    gen_vocab.py SOURCE NAME

SOURCE has o200k_base.tiktoken, cl100k_base.tiktoken, qwen.tiktoken (lines of
base64, blank, rank) and tekken.json; where they are from is in data/SOURCE.
NAME is that of one of them, or all.  The result depends on nothing else.

Tokens are numbered: the 256 single bytes first, then all others as they are
ranked.  A file is a string of C of digits to base 64, those of RFC 4648, the
highest one first:

    4 digits      n, how many tokens there are
    4 digits      the sum of their lengths
    3 and 3       for each token from 256 on the two that are merged last when
                  its bytes are a word; both have lower numbers
"""

import base64
import json
import os
import string
import sys

DIGITS = string.ascii_uppercase + string.ascii_lowercase + '0123456789+/'
NAMES = ('o200k_base', 'cl100k_base', 'tekken', 'qwen')


def tokens_of_tiktoken(path):
    tokens = []
    with open(path, 'rb') as f:
        for line in f:
            token, rank = line.split()
            if int(rank) != len(tokens):
                sys.exit(f'{path}: rank {int(rank)} is out of order')
            tokens.append(base64.b64decode(token))
    return tokens


def tokens_of_tekken(path):
    """The first ones: the identifiers below are those of special tokens, so
    that as many at the end are not used."""

    with open(path, encoding='utf-8') as f:
        tekken = json.load(f)

    config = tekken['config']
    n = config['default_vocab_size'] - config['default_num_special_tokens']
    tokens = []

    for entry in tekken['vocab'][:n]:
        if entry['rank'] != len(tokens):
            sys.exit(f'{path}: rank {entry["rank"]} is out of order')
        tokens.append(base64.b64decode(entry['token_bytes']))
    return tokens


def merge(word, ranks):
    """The pieces of a word when two of them are left, or all that cannot be
    merged."""

    parts = [word[i:i + 1] for i in range(len(word))]

    while len(parts) > 2:
        best = None
        for i in range(len(parts) - 1):
            rank = ranks.get(parts[i] + parts[i + 1])
            if rank is not None and (best is None or rank < best):
                best, at = rank, i
        if best is None:
            break
        parts[at:at + 2] = [parts[at] + parts[at + 1]]

    return parts


def digits(number, count):
    return ''.join(DIGITS[number >> 6 * i & 63]
                   for i in reversed(range(count)))


def encode(tokens):
    ranks = {token: rank for rank, token in enumerate(tokens)}
    order = [bytes([i]) for i in range(256)]
    if len(ranks) != len(tokens) or not all(byte in ranks for byte in order):
        sys.exit('a token is there twice, or a byte is not')

    order += [token for token in tokens if len(token) > 1]
    number = {token: i for i, token in enumerate(order)}

    if len(order) > 1 << 18:
        sys.exit('more tokens than three digits can number')

    text = digits(len(order), 4) + digits(sum(map(len, order)), 4)

    for token in order[256:]:
        parts = merge(token, ranks)
        if len(parts) > 2 or max(number[part] for part in parts) >= \
                number[token]:
            sys.exit(f'no merge leads to {token}, or a later one')
        text += ''.join(digits(number[part], 3) for part in parts)

    return ''.join(f'"{text[i:i + 76]}"\n' for i in range(0, len(text), 76))


def main():
    if len(sys.argv) != 3 or sys.argv[2] not in NAMES + ('all',):
        sys.exit(__doc__)

    source, name = sys.argv[1:]
    data = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'data')

    for name in NAMES if name == 'all' else (name,):
        if name == 'tekken':
            tokens = tokens_of_tekken(os.path.join(source, 'tekken.json'))
        else:
            tokens = tokens_of_tiktoken(os.path.join(source,
                                                     name + '.tiktoken'))
        with open(os.path.join(data, name + '.inc'), 'w') as f:
            f.write(encode(tokens))


if __name__ == '__main__':
    main()
