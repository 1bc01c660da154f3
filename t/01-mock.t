#!/usr/bin/perl

# The mock provider, each fault of it, seen by a plain client.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use AI::Test;

my $t = AI::Test->new;
my $mock = $t->mock([], port => 8080);
my $r;


# one rule, one GET

sub get {
    my ($reply, %o) = @_;

    $mock->script([ { reply => $reply } ]);
    $mock->clear;
    return $r = http_get('/', -timeout => 5, -keepalive => 1, %o);
}


sub why {
    my ($kind) = @_;

    # of this connection: the one before may be told of later

    my $conn = ($mock->wait_event('request', 1, 3))[-1]{conn};
    my $mine = sub { grep { $_->{conn} == $conn }
                     $mock->events($kind || 'reply') };

    $t->wait_for(sub { scalar $mine->() }, 3);
    return ($mine->())[0]{why};
}


my $text = join '', map { chr(97 + $_ % 26) } 0 .. 299;

for my $framing (qw/ length chunked close /) {
    for my $split ('bytes', 7, [ 1, 2, 100 ], 'random', undef) {
        get({ text => $text, framing => $framing,
              defined $split ? (split => $split) : () });
        is($r->body, $text, "$framing, split "
           . (ref $split ? 'list' : $split // 'none'));
    }
}

get({ text => 'x', status => 418, reason => 'Tea',
      headers => { 'X-A' => [ 1, 2 ], 'Content-Type' => 'a/b' } });
is($r->status . $r->reason, '418Tea', 'status');
is($r->header('X-A'), '1, 2', 'header twice');
is($r->header('Content-Type'), 'a/b', 'content type');

get({ text => 'ab', repeat => 3 });
is($r->body, 'ababab', 'repeat');

get({ text => 'ab', interim => [ 100, 103 ] });
is_deeply($r->interim, [ 100, 103 ], 'interim');
is($r->body, 'ab', 'body after interim');

get({ text => 'abcdef', delay => 0.1, ttft => 0.1 });
cmp_ok($r->time, '>', 0.19, 'delays');

get({ text => 'abcdef', drip => 50 });
cmp_ok(@{ $r->pieces }, '>', 3, 'drip');

get({ sse => [ 'a', 'b', 'c' ], split => 'events', gap => 0.03 });
is(scalar @{ $r->pieces } >= 3, 1, 'an event a write');

is(http_post('/', { a => 1 }, -port => 8080)->status, 200, 'any rule');

# faults

get({ text => $text, cut => 100 });
is(length $r->body, 100, 'cut');
ok(!$r->complete && $r->closed, 'cut closes');
is(why(), 'cut', 'cut in the ledger');

get({ text => $text, cut => 0 });
is($r->status . $r->body, '200', 'cut at 0');

get({ text => $text, cut_wire => 10 });
is($r->raw, 'HTTP/1.1 2', 'cut in the header');

get({ text => $text, reset => 100 });
is(length $r->body, 100, 'reset after bytes');
ok($r->reset, 'reset');

get({ text => $text, reset => \1 });
is($r->raw, '', 'reset instead of an answer');

get({ text => $text, stall => 100 }, -timeout => 0.3);
is(length $r->body, 100, 'stall');
ok($r->timeout, 'stall waits');

get({ hang => \1 }, -timeout => 0.3);
ok($r->timeout && $r->raw eq '', 'hang');

get({ close => \1 });
is($r->raw . $r->closed, '1', 'close');

get({ garbage => \1 });
is($r->status, 0, 'garbage');

get({ raw => "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nZ" });
is($r->body, 'Z', 'raw');

get({ text => 'abc', short => 1 });
is($r->header('Content-Length') . $r->body, '2ab', 'short');

get({ text => 'abc', long => 1 });
is($r->header('Content-Length') . $r->complete, '40', 'long');

get({ sse => [ 'a', 'b' ], split => 'events', badchunk => 1 });
is($r->complete . $r->body, "0data: a\n\n", 'bad chunk');

get({ text => 'a', extra => 'MORE' }, -timeout => 0.3, -read_all => 1);
is($r->body . $r->{rest}, 'aMORE', 'extra');

get({ text => 'a', close_after => \1 });
is($r->header('Connection'), 'close', 'close after');
is(why('close'), 'closed after answer', 'in the ledger');

get({ endless => 1, sse => [ 'x' ] });
cmp_ok(length $r->body, '>=', 1 << 20, 'endless');

# rules

$mock->script([
    { match => { accept => \1, nth => 2 }, reply => { refuse => \1 } },
    { match => { conn_nth => 2 }, reply => { text => 'second' } },
    { match => { header => { 'x-a' => '^y' } }, reply => { text => 'h' } },
    { match => { method => 'POST' },
      reply => [ { text => 'p1' }, { text => 'p2' } ] },
    { reply => { text => 'first' } },
]);

my $s = http("GET / HTTP/1.1\r\nHost: a\r\n\r\n" x 2, start => 1);
is(http_end($s)->body, 'first', 'first on a connection');
is(http_end($s)->body, 'second', 'second on a connection');
is(http_get('/')->status, 0, 'refused');
is(http_get('/', 'X-A' => 'yes')->body, 'h', 'header');
is(join(' ', map { http_post('/', '')->body } 1 .. 3), 'p1 p2 p2',
   'replies in turn');

$r = http("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n"
          . "Connection: close\r\n\r\n3\r\nabc\r\n0\r\n\r\n");
is(($mock->ledger)[-1]{body}, 'abc', 'chunked request');

# TLS

my $tls = $t->mock([ { reply => { text => $text, cut => 10 } } ], tls => 1);

is_deeply([ curl($tls) ], [ 18, substr $text, 0, 10 ], 'TLS, cut');
is(($tls->ledger)[0]{sni}, 'localhost', 'SNI');

$tls->script([ { match => { accept => \1 },
                 reply => { raw => "plain text\r\n" } } ]);
is((curl($tls))[0], 35, 'plain text on a TLS port');

$tls->script([ { match => { accept => \1 }, reply => { reset => \1 } } ]);
is((curl($tls))[0], 35, 'reset before the handshake');

my $old = $t->mock([], tls => 1, days => -1);
is((curl($old))[0], 60, 'expired certificate');


sub curl {
    my ($m) = @_;

    my $port = $m->port;
    my ($code, $out) = $t->capture([ 'curl', '-s', '--max-time', 5,
        '--cacert', $m->ca, '--resolve', "localhost:$port:127.0.0.1",
        "https://localhost:$port/" ]);
    return ($code, $out);
}
