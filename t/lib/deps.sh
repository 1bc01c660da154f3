#!/bin/bash

# Installs the Debian packages a target needs, when they are missing:
#   t/lib/deps.sh build test npm asan check fuzz bench
# Quiet when there is nothing to do.

set -eu

declare -A packages=(
    [build]="gcc libc6-dev make perl nginx nginx-dev libjansson-dev
             libpcre2-dev libhiredis-dev libssl-dev zlib1g-dev"
    [test]="perl python3 python3-venv curl openssl redis-server
            ca-certificates tzdata"
    [npm]="npm git ca-certificates"
    [asan]="clang-14 libclang-rt-14-dev dpkg-dev llvm-14"
    [check]="clang-tidy-14 binutils"
    [fuzz]="clang-14 libclang-rt-14-dev"
    [bench]="git python3 valgrind"
)

missing=()

for group in "$@"; do
    for name in ${packages[$group]}; do
        # also comes with Node.js from elsewhere
        [ "$name" != npm ] || ! command -v npm >/dev/null || continue

        state=$(dpkg-query -W -f '${db:Status-Status}' "$name" 2>/dev/null) \
            || state=
        [ "$state" = installed ] || missing+=("$name")
    done
done

[ ${#missing[@]} -gt 0 ] || exit 0

echo "installing: ${missing[*]}"

sudo=
[ "$(id -u)" = 0 ] || sudo=sudo

export DEBIAN_FRONTEND=noninteractive
log=$(mktemp)

# the packages' own services are not wanted here: a policy file that says no
# for the time of the installation, unless the machine has one
policy=/usr/sbin/policy-rc.d
if [ ! -e $policy ]; then
    printf '#!/bin/sh\nexit 101\n' | $sudo tee $policy >/dev/null
    $sudo chmod 755 $policy
    trap '$sudo rm -f $policy; rm -f "$log"' EXIT
else
    trap 'rm -f "$log"' EXIT
fi

if ! { $sudo apt-get -q update \
       && $sudo apt-get -q install -y --no-install-recommends "${missing[@]}"
     } >"$log" 2>&1 </dev/null
then
    tail -40 "$log" >&2
    exit 1
fi
