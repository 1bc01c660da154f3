#!/usr/bin/perl

# ai_pass beside other modules of nginx in one location: auth_request, mirror,
# gzip, trailers, limit_rate, sub_filter, bodies in files, "if" and
# limit_except, satisfy, an error_page that leads to another ai_pass.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use AI::Test;
use AI::Test::Chat;

my $t = AI::Test->new;

$t->write_file_expand('nginx.conf', <<'EOC');
%%TEST_GLOBALS%%

worker_processes 1;

events {
}

http {
    %%TEST_GLOBALS_HTTP%%

    map $ai_request_model $allowed {
        default 0;
        m       1;
    }

    ai_provider p {
        api openai;
        endpoint http://127.0.0.1:%%PORT_8081%%;
    }

    ai_provider q {
        api anthropic;
        endpoint http://127.0.0.1:%%PORT_8082%%;
    }

    server {
        listen 127.0.0.1:%%PORT_8080%%;

        location /v1/ {
            ai_pass p;
        }

        location /auth/v1/ {
            auth_request /check;
            auth_request_set $who $upstream_http_x_who;
            add_header X-Who $who;
            ai_pass p;
        }

        location = /check {
            internal;
            proxy_pass http://127.0.0.1:%%PORT_8083%%/check/$allowed;
            proxy_pass_request_body off;
            proxy_set_header Content-Length "";
        }

        location /mirror/v1/ {
            mirror /copy;
            ai_pass p;
        }

        location = /copy {
            internal;
            proxy_pass http://127.0.0.1:%%PORT_8083%%/copy;
        }

        location /gzip/v1/ {
            gzip on;
            gzip_min_length 1;
            gzip_types application/json text/event-stream;
            ai_pass p;
        }

        location /trailer/v1/ {
            add_trailer X-Tokens $ai_total_tokens;
            ai_pass p;
        }

        location /rate/v1/ {
            limit_rate 20k;
            ai_pass p;
        }

        location /sub/v1/ {
            sub_filter_types application/json text/event-stream;
            sub_filter hello goodbye;
            ai_pass p;
        }

        location /file/v1/ {
            client_body_in_file_only clean;
            ai_pass p;
        }

        location /if/v1/ {
            if ($arg_x) {
                add_header X-If yes;
            }
            ai_pass p;
        }

        location /satisfy/v1/ {
            satisfy any;
            allow 127.0.0.1;
            deny all;
            auth_request /check;
            ai_pass p;
        }

        location /error/v1/ {
            error_page 500 502 = @second;
            ai_pass p;
        }

        location @second {
            ai_pass q;
        }

        location /rewrite/ {
            rewrite ^/rewrite/(.*) /v1/$1 last;
        }
    }
}
EOC

my $long = 'l' x 20_000;
my $many = 'm' x 200;
my $mock = $t->mock([
    { match => { body => 'fail' }, reply => { status => 500, json => {} } },
    { match => { body => 'long' }, reply => { json => reply($long) } },
    { match => { body => 'many' }, reply => { sse => [ chunks(($many) x 150)
      ], done => 1, split => 'events', gap => 0.002 } },
    { match => { body => '"stream":true' }, reply => {
      sse => [ chunks('hello ', 'you') ], done => 1, split => 'events',
      gap => 0.05 } },
    { reply => { json => reply('hello') } },
], port => 8081);
my $second = $t->mock([ { reply => { json => claude('second') } } ],
                      port => 8082);
my $other = $t->mock([
    { match => { path => '/check/1' }, reply => { status => 204,
      headers => { 'X-Who' => 'me' } } },
    { match => { path => '/check' }, reply => { status => 403 } },
    { match => { path => '/copy' }, reply => { text => 'copied' } },
], port => 8083);
$t->run;

my $c = 'v1/chat/completions';

# auth_request sees the model; a refusal has the caller's shape

my $r = http_post("/auth/$c", chat());
is(text_of($r), 'hello', 'auth_request: allowed');
is($r->header('x-who'), 'me', 'auth_request: a variable');
is_error(http_post("/auth/$c", chat(model => 'x')), 403,
         'auth_request: refused');
is_error(http_post("/auth/$c", '{bad'), 403, 'before a bad body is told');
is(text_of(http_post("/auth/$c", chat(stream => 1))), 'hello you',
   'auth_request: a stream');

# mirror

$other->clear;
is(text_of(http_post("/mirror/$c", chat(user => 'copy'))), 'hello', 'mirror');
my ($copy) = $other->wait_ledger(1);
is($copy->{json}{user}, 'copy', 'mirror: the body');
is(text_of(http_post("/mirror/$c", chat(stream => 1))), 'hello you',
   'mirror: a stream');

# filters

for my $stream (0, 1) {
    my $ask = chat($stream ? (stream => 1) : ());
    my ($code, $out) = $t->capture([ 'curl', '-sS', '--compressed', '-D',
        $t->testdir . '/head', '--data-binary', json_encode($ask),
        'http://127.0.0.1:' . $t->port(8080) . "/gzip/$c" ]);
    like($out, $stream ? qr/\[DONE\]\n\n\z/ : qr/hello/, "gzip $stream");
    like($t->read_file('head'), qr/content-encoding: gzip/i,
         "gzip $stream: header");

    $r = http_post("/trailer/$c", $ask);
    is(text_of($r), $stream ? 'hello you' : 'hello', "trailer $stream: text");
    like($r->raw, qr/X-Tokens: 3\r\n/, 'trailer') if $stream;

    like(text_of(http_post("/sub/$c", $ask)), qr/^goodbye/,
         "sub_filter $stream");
    like(text_of(http_post("/file/$c", $ask)), qr/^hello/,
         "body in a file $stream");
    like(text_of(http_post("/satisfy/$c", $ask)), qr/^hello/,
         "satisfy any $stream");
    like(text_of(http_post("/rewrite/chat/completions", $ask)), qr/^hello/,
         "rewrite $stream");

    $r = http_post("/if/$c?x=1", $ask);
    like(text_of($r), qr/^hello/, "if $stream");
    is($r->header('x-if'), 'yes', 'if: its own header');
}

$r = http_post("/rate/$c", chat(user => 'long'), -timeout => 20);
is(text_of($r), $long, 'limit_rate');
$r = http_post("/rate/$c", chat(user => 'many', stream => 1),
               -timeout => 20);
is(text_of($r), $many x 150, 'limit_rate: a stream');
cmp_ok($r->time, '>', 1, 'limit_rate: takes its time');

# an error_page that leads to another ai_pass

is(text_of(http_post("/error/$c", chat(user => 'fail'))), 'second',
   'error_page to another ai_pass');
is(text_of(http_post("/error/$c", chat())), 'hello', 'not without an error');
like(($second->ledger)[0]{body}, qr/"hi"/, 'with its body');
is(scalar $second->ledger, 1, 'once');
is(http_post("/error/$c", '{bad')->status, 400, 'another error');
