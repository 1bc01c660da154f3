#!/bin/bash

# Builds programs of pure code: pure.sh unit|replay|fuzz [name], or those of
# t/token: pure.sh token (as fast as in nginx) | token-asan

set -eu

root=$(cd "$(dirname "$0")/../.." && pwd)
build=${BUILD:-$root/build}
kind=$1
only=${2:-}

sanitize=-fsanitize=address,undefined
always="-fno-sanitize-recover=all -fno-omit-frame-pointer"

case $kind in
    unit|replay)
        cc=${UNIT_CC:-gcc}
        flags="-O1 $sanitize $always"
        link=
        out=$build/unit
        [ "$kind" = unit ] || out=$build/replay
    ;;
    fuzz)
        cc=clang-14
        flags="-O1 -fsanitize=fuzzer-no-link,address,undefined $always"
        link="-fsanitize=fuzzer,address,undefined"
        out=$build/fuzz
    ;;
    token)
        cc=gcc
        flags="-O2 -fPIC -fstack-protector-strong -D_FORTIFY_SOURCE=2"
        link=
        out=$build/token
        only=token_count
    ;;
    token-asan)
        cc=${UNIT_CC:-gcc}
        flags="-O1 $sanitize $always"
        link=
        out=$build/token-asan
        only=token_count
    ;;
esac

mkdir -p "$out"
exec 9>"$out/.lock"
flock 9

exec make -s -f "$root/t/lib/unit.mk" -k -j"$(nproc)" ROOT="$root" \
    OUT="$out" CC="$cc" FLAGS="$flags" LINK="$link" KIND="${kind%-asan}" \
    ONLY="$only"
