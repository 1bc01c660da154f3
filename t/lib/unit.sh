#!/bin/bash

# Runs the tests of pure code, or one of them: unit.sh [name]

set -eu

root=$(cd "$(dirname "$0")/../.." && pwd)

cd "$root"
UNIT_ONLY=${1:-} exec prove --timer t/00-unit.t ${1:+-v}
