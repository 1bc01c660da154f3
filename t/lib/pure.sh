#!/bin/bash

# Builds programs of pure code: pure.sh unit|replay|fuzz [name]

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
esac

mkdir -p "$out"
exec 9>"$out/.lock"
flock 9

exec make -s -f "$root/t/lib/unit.mk" -k -j"$(nproc)" ROOT="$root" \
    OUT="$out" CC="$cc" FLAGS="$flags" LINK="$link" KIND="$kind" ONLY="$only"
