#!/bin/bash

# Fuzzes each target for SECONDS_EACH seconds: fuzz.sh [name].  New inputs go
# to build/fuzz/corpus, what crashes to build/fuzz/found; its minimised form
# belongs in t/fuzz/corpus/<name>/.

set -eu

root=$(cd "$(dirname "$0")/../.." && pwd)
build=${BUILD:-$root/build}
out=$build/fuzz
seconds=${SECONDS_EACH:-25}
failed=()
count=0

"$root/t/lib/pure.sh" fuzz ${1:+fuzz_$1}
mkdir -p "$out/found"

export ASAN_OPTIONS=detect_leaks=1:allocator_may_return_null=1
export UBSAN_OPTIONS=print_stacktrace=1

for source in "$root"/t/fuzz/fuzz_*.c; do
    [ -f "$source" ] || break
    name=$(basename "$source" .c)
    name=${name#fuzz_}
    [ -z "${1:-}" ] || [ "$1" = "$name" ] || continue

    count=$((count + 1))
    seeds=$root/t/fuzz/corpus/$name
    mkdir -p "$out/corpus/$name"

    options=(-max_total_time="$seconds" -timeout=5 -rss_limit_mb=2048
             -print_final_stats=1 -artifact_prefix="$out/found/$name-")
    [ ! -f "$root/t/fuzz/$name.dict" ] \
        || options+=(-dict="$root/t/fuzz/$name.dict")
    [ ! -d "$seeds" ] || options+=("$seeds")

    if "$out/fuzz_$name" "${options[@]:0:5}" "$out/corpus/$name" \
        "${options[@]:5}" >"$out/$name.log" 2>&1 </dev/null
    then
        runs=$(sed -n 's/^stat::number_of_executed_units: *//p' \
               "$out/$name.log")
        echo "fuzz: $name ok, $runs runs"
    else
        failed+=("$name")
        echo "fuzz: $name FAILED, see build/fuzz/$name.log"
        tail -30 "$out/$name.log"
    fi
done

echo "fuzz: $((count - ${#failed[@]})) passed, ${#failed[@]} failed"
[ ${#failed[@]} = 0 ]
