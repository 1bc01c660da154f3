#!/bin/bash

# nginx with the quickstart configuration, in the foreground; everything it
# writes goes to build/run.

set -eu

root=$(cd "$(dirname "$0")/../.." && pwd)
build=${BUILD:-$root/build}
run=$build/run

mkdir -p "$run/logs"

export AI_ROOT=$root AI_RUN=$run AI_MODULE=$build/ngx_http_ai_gateway_module.so

if [ -x "$root/conf.examples/run.sh" ]; then
    exec "$root/conf.examples/run.sh"
fi

conf=$root/conf.examples/quickstart.conf

if [ ! -f "$conf" ]; then
    echo "run: no conf.examples/quickstart.conf here" >&2
    exit 1
fi

# The example is a whole configuration as a user would install it; only the
# place of the module is another here.
cp -r "$root/conf.examples/." "$run/"
sed "s,^\( *load_module\) .*;,\1 $AI_MODULE;," "$conf" >"$run/nginx.conf"

nginx=${TEST_NGINX_BINARY:-$(PATH=$PATH:/usr/sbin command -v nginx)}

echo "run: http://127.0.0.1:8080, stop with ^C"
exec "$nginx" -p "$run/" -c "$run/nginx.conf" -e stderr \
    -g "daemon off; pid $run/nginx.pid;"
