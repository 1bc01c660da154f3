#!/bin/bash

# make check: everything about the sources that needs no running nginx.  All
# steps run; what failed is said at the end.

set -u

root=$(cd "$(dirname "$0")/../.." && pwd)
build=${BUILD:-$root/build}
lib=$root/t/lib
out=$build/check
failed=()

mkdir -p "$out"
cd "$root" || exit 1


step() {
    local name=$1
    shift

    if "$@"; then
        echo "check: $name: ok"
    else
        echo "check: $name: FAILED"
        failed+=("$name")
    fi
}


# What the .so shows to the rest of nginx: one symbol space for all modules.

symbols() {
    local bad

    [ -f "$build/ngx_http_ai_gateway_module.so" ] || return 1

    bad=$(nm -D --defined-only "$build/ngx_http_ai_gateway_module.so" \
          | awk '{ print $3 }' \
          | grep -vxE 'ngx_module(s|_names|_order)|ngx_http_ai_\w+_module')

    [ -z "$bad" ] && return 0
    echo "symbols that other modules would see:"
    echo "$bad"
    return 1
}


hardening() {
    local so=$build/ngx_http_ai_gateway_module.so

    readelf -lW "$so" | grep -q GNU_RELRO || { echo 'no RELRO'; return 1; }
    readelf -dW "$so" | grep -q 'BIND_NOW\|NOW' || { echo 'lazy'; return 1; }
    ! readelf -lW "$so" | grep 'GNU_STACK' | grep -q 'RWE' \
        || { echo 'executable stack'; return 1; }
}


# One pure file: warnings as errors, then clang-tidy.  What was found clean
# is remembered by the preprocessed text and the list of checks.

pure_file() {
    local file=$1 key stamp
    local flags=(-Isrc -O2 -Wall -Wextra -Werror -Wno-unused-parameter
                 -Wpointer-arith -Wwrite-strings -Wshadow -Wvla
                 -Wstrict-prototypes -Wmissing-prototypes)

    stamp=$out/$(basename "$file").ok
    key=$( { gcc -E "${flags[@]}" "$file" 2>&1
             cat "$file" "$lib/check.sh"; } | sha256sum)
    [ "$(cat "$stamp" 2>/dev/null)" != "$key" ] || return 0

    gcc "${flags[@]}" -c -o /dev/null "$file" || return 1
    clang-tidy-14 --quiet --warnings-as-errors='*' --checks="$TIDY" "$file" \
        -- -Isrc -D_GNU_SOURCE 2>"$stamp.err" >"$stamp.out" || {
        cat "$stamp.out"
        grep -E 'error:' "$stamp.err"
        return 1
    }

    echo "$key" >"$stamp"
}


# Left out, each because it says nothing here: swappable parameters and
# narrowing (every length), branch-clone (tables written as a switch),
# reserved names (_GNU_SOURCE), the *_s functions that libc does not have, and
# not-null-terminated (our strings are counted, no byte is wanted behind them).
TIDY='-*,bugprone-*,clang-analyzer-*'
TIDY+=',-bugprone-easily-swappable-parameters'
TIDY+=',-bugprone-narrowing-conversions'
TIDY+=',-bugprone-implicit-widening-of-multiplication-result'
TIDY+=',-bugprone-branch-clone'
TIDY+=',-bugprone-reserved-identifier'
TIDY+=',-bugprone-macro-parentheses'
TIDY+=',-bugprone-not-null-terminated-result'
TIDY+=',-clang-analyzer-security.insecureAPI.DeprecatedOrUnsafeBufferHandling'

export -f pure_file
export TIDY out lib

pure_files() {
    printf '%s\n' src/*/ai_*.c | grep -vF '*' \
        | xargs -r -P "$(nproc)" -I{} bash -c 'pure_file {}'
}


step 'lines, includes, visibility' perl "$lib/check.pl"
step 'config' perl "$lib/config-list.pl" --check
step 'symbols' symbols
step 'hardening' hardening
step 'warnings, clang-tidy' pure_files

if [ ${#failed[@]} -gt 0 ]; then
    echo "check: FAILED: ${failed[*]}"
    exit 1
fi

echo 'check: passed'
