#!/bin/bash

# nginx in the foreground on 127.0.0.1, PORT=8080, until ^C: with
# conf.examples/quickstart.conf and the providers whose key is set, or with
# conf.examples/demo.conf.  Everything it writes goes to build/run.

set -eu

root=$(cd "$(dirname "$0")/../.." && pwd)
build=${BUILD:-$root/build}
run=$build/run
port=${PORT:-8080}
module=${TEST_NGINX_MODULE:-$build/ngx_http_ai_gateway_module.so}
nginx=${TEST_NGINX_BINARY:-$(PATH=$PATH:/usr/sbin command -v nginx)} || {
    echo "run: there is no nginx in PATH" >&2
    exit 1
}

case $port in
    '' | *[!0-9]*) echo "run: PORT=$port is not a number" >&2; exit 1 ;;
esac

if (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then
    echo "run: port $port is taken, choose another one:" >&2
    echo "    make -f Makefile.dist run PORT=$((port + 1))" >&2
    exit 1
fi

# In the example every provider has a line, and a line as a target: those
# without a key are left out.

drop=() model=

for name in gemini anthropic openai; do
    key=${name^^}_API_KEY

    if [ -n "${!key:-}" ]; then
        case $name in
            openai)    model=gpt-4.1-mini ;;
            anthropic) model=claude-sonnet-4-5 ;;
            gemini)    model=gemini-2.5-flash ;;
        esac
    else
        drop+=(-e "/^ *ai_provider $name /d" -e "/^ *target $name;/d")
    fi
done

if [ -n "$model" ]; then
    conf=quickstart.conf
else
    conf=demo.conf drop=() model=gpt-4.1-mini
fi

# What an installed nginx has elsewhere: module, port, logs, temporary files.

mkdir -p "$run/temp"

# whoever may not write to the terminal by its name gets a file
log=/dev/stdout
(: >>$log) 2>/dev/null || log=$run/access.log

cat >"$run/http.conf" <<END
log_format run '\$time_local \$status \$ai_provider \$ai_upstream_model '
               'stream=\$ai_stream in=\$ai_prompt_tokens '
               'out=\$ai_completion_tokens ttft=\$ai_ttft '
               'gateway=\$ai_gateway_time';
map \$ai_operation \$run_log { chat 1; default 0; }
access_log $log run if=\$run_log;
client_body_temp_path $run/temp/body;
proxy_temp_path $run/temp/proxy;
fastcgi_temp_path $run/temp/fastcgi;
uwsgi_temp_path $run/temp/uwsgi;
scgi_temp_path $run/temp/scgi;
END

load="load_module $module;"
[ -z "${TEST_NGINX_STATIC:-}" ] || load=

sed ${drop[@]+"${drop[@]}"} \
    -e "s,^load_module .*,$load," \
    -e "s,^http {,&\n    include $run/http.conf;," \
    -e "s,127\.0\.0\.1:8080,127.0.0.1:$port,g" \
    "$root/conf.examples/$conf" >"$run/nginx.conf"

cat <<END

conf.examples/$conf on http://127.0.0.1:$port, stop with ^C.

    curl http://127.0.0.1:$port/v1/chat/completions \\
        -H 'Content-Type: application/json' \\
        -d '{"model":"$model","messages":[{"role":"user","content":"Hello"}]}'

A stream: curl -N, and "stream":true in the body.  The OpenAI SDK, and most
programs that use it, in another terminal:

    export OPENAI_BASE_URL=http://127.0.0.1:$port/v1
    export OPENAI_API_KEY=unused

END

if [ "$log" != /dev/stdout ]; then
    echo "Requests are shown in $log."
    echo
fi

if [ $conf = demo.conf ]; then
    cat <<END
No OPENAI_API_KEY, ANTHROPIC_API_KEY or GEMINI_API_KEY is set, so the answers
are canned.  Models: gpt-4.1-mini, claude-sonnet-4-5, gemini-2.5-flash.

END
fi

exec "$nginx" -p "$run/" -c "$run/nginx.conf" -e stderr \
    -g "daemon off; pid $run/nginx.pid;"
