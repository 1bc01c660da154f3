#!/usr/bin/perl

# HTTP/2 clients: JSON, streams, errors, large bodies, resets, many at once.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use AI::Test;
use AI::Test::Chat;

my $t = AI::Test->new->has('http_v2');

$t->write_file_expand('nginx.conf', <<'EOC');
%%TEST_GLOBALS%%

events {
}

http {
    %%TEST_GLOBALS_HTTP%%

    ai_provider p {
        api openai;
        endpoint http://127.0.0.1:%%PORT_8081%%;
        model m;
    }

    server {
        listen 127.0.0.1:%%PORT_8080%% http2;
        listen 127.0.0.1:%%PORT_8443%% ssl http2;
        ssl_certificate %%TESTDIR%%/cert-1.pem;
        ssl_certificate_key %%TESTDIR%%/cert-1.key;
        client_max_body_size 16m;

        location /v1/ {
            ai_pass p;
        }

        location /small/v1/ {
            client_max_body_size 10;
            ai_pass p;
        }
    }
}
EOC

$t->cert('localhost');

my $mock = $t->mock([
    { match => { body => '"cut"' },
      reply => { sse => [ chunks('a', 'b') ], cut => 450 } },
    { match => { body => '"slow"' },
      reply => { sse => [ chunks('x' x 100) ], endless => \1, gap => 0.005 } },
    { match => { body => '"429"' }, reply => { status => 429,
      headers => { 'Retry-After' => 7 },
      json => { error => { message => 'slow down' } } } },
    { match => { body => '"stream":true' },
      reply => { sse => [ chunks(map { "t$_ " } 1 .. 50) ], done => 1,
                 split => 'random' } },
    { reply => { json => reply('hello') } },
], port => 8081);
$t->run;

my $uri = '/v1/chat/completions';


sub post {
    my ($data, %o) = @_;
    return $t->curl($o{uri} || $uri, http2 => 1, data => $data, %o);
}

my $r = post(chat());
is($r->{exit}, 0, 'curl is content');
is($r->status, 200, 'JSON');
is(text_of($r), 'hello', 'its text');
like($r->{raw}, qr/^HTTP\/2 200/, 'over HTTP/2');

$r = post(chat(stream => 1));
is($r->{exit}, 0, 'stream: exit');
is(text_of($r), join('', map { "t$_ " } 1 .. 50), 'stream: text');
like($r->body, qr/data: \[DONE\]\n\n\z/, 'stream: its end');
is($r->header('content-type'), 'text/event-stream', 'stream: type');

is_error(post('{'), 400, 'bad JSON');
is_error(post(chat(model => 'x')), 404, 'unknown model');
is_error($t->curl('/v1/nothing', http2 => 1), 404, 'unknown path');

# curl often takes an answer that comes before its body was read for a broken
# connection (16, 92)

for (1 .. 50) {
    local $SIG{__WARN__} = sub { };
    $r = post(chat(), uri => '/small/v1/chat/completions');
    last if $r->{exit} == 0;
}
is_error($r, 413, 'too large');

$r = post(chat(user => '429'));
is_error($r, 429, "a provider's error", message => qr/slow down/);
is($r->header('retry-after'), 7, 'Retry-After');

$r = post(chat(user => 'cut', stream => 1));
is($r->{exit}, 0, 'cut stream: ends well');
is((($r->event_data)[-1]{error}{code}), 'upstream_cut', 'and says why');

# 3 MB

$mock->clear;
my $big = json_encode(chat(user => 'x' x 3_000_000));
is(text_of(post($big)), 'hello', '3 MB');
ok(($mock->events('request'))[0]{body} eq $big, 'unchanged');

# clients that reset

for my $n (1, 3) {
    $mock->clear;
    $r = post(chat(user => 'slow', stream => 1), timeout => 1,
              args => [ '--parallel-max', 1 ]);
    is($r->{exit}, 28, "reset $n: in the middle of a stream");
    like(expect_close($mock, 1), qr/^peer (?:closed|reset)$/,
         'the provider is told');
}

# many on one connection

my $url = 'https://localhost:' . $t->port(8443) . $uri;
$t->write_file('many.json', json_encode(chat(stream => 1)));
my ($code, $out, $err) = $t->capture([ 'curl', '-sS', '-Z', '--http2',
    '--max-time', 60, '--cacert', $t->ca, '--resolve',
    'localhost:' . $t->port(8443) . ':127.0.0.1', '--data-binary',
    '@' . $t->testdir . '/many.json', ($url) x 40 ]);
my $done = () = $out =~ /data: \[DONE\]/g;
is($done, 40, '40 streams at once') or diag($err);
