#!/usr/bin/perl

# Framing of a client's request: HTTP/1.0, chunked bodies, split anywhere,
# keep-alive after each kind of answer, pipelining, Expect, half-closed
# connections.  What leaves has exactly one framing (H1, F6, F8).

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
        listen 127.0.0.1:%%PORT_8080%%;
        client_max_body_size 8m;

        location /v1/ {
            ai_pass p;
        }
    }
}
EOC

my $mock = $t->mock([
    { match => { body => '"stream":true' },
      reply => { sse => [ chunks('a', 'b') ], done => 1 } },
    { match => { body => 'fail-429' },
      reply => { status => 429, json => { error => { message => 'slow' } } } },
    { reply => { json => reply('hello') } },
], port => 8081);

$t->run;

my $uri = '/v1/chat/completions';
my $body = json_encode(chat());
my $stream = json_encode(chat(stream => 1));
my $limited = json_encode(chat(user => 'fail-429'));


sub post {
    my ($text, @headers) = @_;

    return join "\r\n", "POST $uri HTTP/1.1", 'Host: a', @headers,
        'Content-Length: ' . length $text, '', $text;
}

# HTTP/1.0

my $r = http("POST $uri HTTP/1.0\r\nContent-Length: " . length($body)
             . "\r\n\r\n$body");
is(text_of($r), 'hello', 'HTTP/1.0: JSON');
is($r->header('transfer-encoding'), undef, 'not chunked');

$r = http("POST $uri HTTP/1.0\r\nContent-Length: " . length($stream)
          . "\r\n\r\n$stream");
is(text_of($r), 'ab', 'HTTP/1.0: a stream until close');
is($r->header('transfer-encoding'), undef, 'not chunked');
like($r->body, qr/data: \[DONE\]\n\n\z/, 'to its end');

# chunked request bodies

for my $size (1, 7, 4096) {
    $mock->clear;
    my $chunks = join '', map { sprintf "%x;x=y\r\n%s\r\n", length, $_ }
        $body =~ /(.{1,$size})/gs;
    $r = http("POST $uri HTTP/1.1\r\nHost: a\r\nConnection: close\r\n"
        . "Transfer-Encoding: chunked\r\n\r\n${chunks}0\r\nX: y\r\n\r\n");
    is(text_of($r), 'hello', "chunks of $size");
    my ($q) = $mock->ledger;
    is($q->{body}, $body, 'same body');
    is($q->{h}{'content-length'}, length $body, 'one framing');
    is($q->{h}{'transfer-encoding'}, undef, 'not two');
}

# a request in pieces

$r = http(post($body, 'Connection: close'), send_size => 13,
          send_gap => 0.002);
is(text_of($r), 'hello', 'pieces of 13 bytes');

# a half-closed connection counts as closed, as everywhere in nginx: nothing
# else tells that a client has left

$r = http(post($body), shut_wr => 1);
is($r->status, 0, 'half-closed: gone');
like($t->wait_for(sub { $t->read_file('access.log') =~ /" (499) / && $1 }),
     qr/499/, 'and logged so');

# keep-alive after every kind of answer

my $s = http('', start => 1);
my @kinds = (
    [ $body, 200 ], [ $stream, 200 ], [ $limited, 429 ], [ '{bad', 400 ],
    [ '', 400 ], [ '[]', 400 ], [ json_encode(chat(model => 'x')), 404 ],
    [ $stream, 200 ], [ $body, 200 ] );

for (@kinds) {
    my ($text, $status) = @$_;
    $r = http(post($text), socket => $s);
    is($r->status, $status, "one connection: $status");
    ok($r->complete && !$r->closed, 'complete, stays');
}

$r = http("GET /v1/models HTTP/1.1\r\nHost: a\r\n\r\n", socket => $s);
is($r->json->{data}[0]{id}, 'm', 'models on the same connection');
close $s;

# pipelining: JSON, stream, error, models in one write

$s = http(post($body) . post($stream) . post('{bad') . post($limited)
    . "GET /v1/models HTTP/1.1\r\nHost: a\r\n\r\n"
    . post($body, 'Connection: close'), start => 1);
my @all = map { http_end($s) } 1 .. 6;
is(join(' ', map { $_->status } @all), '200 200 400 429 200 200',
   'pipelined, in order');
is(text_of($all[1]), 'ab', 'the stream');
is(text_of($all[5]), 'hello', 'the last');

# Expect

$mock->clear;
$s = http("POST $uri HTTP/1.1\r\nHost: a\r\nConnection: close\r\n"
    . "Expect: 100-continue\r\nContent-Length: " . length($body)
    . "\r\n\r\n", start => 1);
sysread $s, my $interim, 25;
like($interim, qr{^HTTP/1.1 100 }, '100 Continue');
$r = http($body, socket => $s);
is(text_of($r), 'hello', 'then the answer');
is((($mock->ledger)[0]{h}{expect}), undef, 'Expect stays here');

# what must not be taken for a body

my @odd = (
    [ 'Content-Length: 5', 'Content-Length: 6' ],
    [ 'Transfer-Encoding: chunked', 'Content-Length: 5' ],
    [ 'Transfer-Encoding: gzip, chunked' ], [ 'Content-Length: -1' ],
    [ 'Content-Length: 99999999999999999999' ],
);

$mock->clear;
for (@odd) {
    $r = http(join("\r\n", "POST $uri HTTP/1.1", 'Host: a', @$_, '', "0\r\n"),
              timeout => 5);
    cmp_ok($r->status, '>=', 400, "refused: @$_");
}
is(scalar $mock->ledger, 0, 'nothing reached the provider');

$r = http("POST $uri HTTP/1.1\r\nHost: a\r\nConnection: close\r\n"
    . "Transfer-Encoding: chunked\r\n\r\nzz\r\n");
is_error($r, 400, 'bad chunk');
