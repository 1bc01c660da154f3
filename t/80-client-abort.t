#!/usr/bin/perl

# Clients that leave, "ai_client_abort cut": before the provider is connected, while it is, before
# its header, in the middle of a stream, with a reset, many at once, over
# HTTP/2.  The provider's connection closes soon, the targets' counts go back
# to zero, and the next request is served (F2..F5, F9, S26).

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use IO::Socket::INET;
use Socket qw/ SOL_SOCKET SO_LINGER /;
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

    ai_connect_timeout 60s;
    ai_client_abort cut;

    log_format way '$status $ai_provider';
    access_log %%TESTDIR%%/way.log way;

    ai_provider p {
        api openai;
        endpoint http://127.0.0.1:%%PORT_8081%%;
    }

    ai_provider claude {
        api anthropic;
        endpoint http://127.0.0.1:%%PORT_8081%%;
    }

    ai_provider full {
        api openai;
        endpoint http://127.0.0.1:%%PORT_8088%%;
    }

    ai_route p      { priority; target p; }
    ai_route claude { priority; target claude; }
    ai_route full   { priority; target full; target p; }
    ai_route fail   { priority; target p; target full; }

    server {
        listen 127.0.0.1:%%PORT_8080%%;
        listen 127.0.0.1:%%PORT_8082%% http2;

        location / {
            ai_pass $arg_p;
        }
    }
}
EOC

my $full = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 1,
    LocalPort => $t->port(8088), Proto => 'tcp') or die;
listen $full, 0;
my @fill = map { IO::Socket::INET->new(PeerAddr => '127.0.0.1', Blocking => 0,
    PeerPort => $t->port(8088), Proto => 'tcp') } 1 .. 6;

my $mock = $t->mock([], port => 8081);
$t->run;

my $text = 'x' x 500;
my $slow = { gap => 0.01, split => 'events', endless => \1 };
my %rules = (
    hang => { reply => { hang => \1 } },
    status => { reply => { status => 200, json => reply($text),
                           ttft => 60 } },
    stream => { reply => { sse => [ chunks($text) ], %$slow } },
    claude => { reply => { sse => [ (claude_events(($text) x 5))[0 .. 5] ],
                           gap => 0.01, split => 'events', repeat => 999 } },
    bulk => { reply => { sse => [ chunks($text) ], endless => \1 } },
    fail => { reply => { status => 500, json => {} } },
    pings => { reply => { text => ": ping\n\n", endless => \1, gap => 0.01,
               headers => { 'Content-Type' => 'text/event-stream' } } },
);


sub request {
    my ($route, $stream) = @_;

    my $body = json_encode(chat($stream ? (stream => 1) : ()));
    return "POST /v1/chat/completions?p=$route HTTP/1.1\r\nHost: a\r\n"
        . 'Content-Length: ' . length($body) . "\r\n\r\n$body";
}


sub hang_up {
    my ($s, $reset) = @_;

    setsockopt $s, SOL_SOCKET, SO_LINGER, pack 'II', 1, 0 if $reset;
    close $s;
}


sub lines { return scalar(() = $t->log_lines('way.log')) }


# name => rule, route, stream, how much to read before leaving

my @cases = (
    [ 'while connecting', 'hang', 'full', 0, undef ],
    [ 'while connecting to the second', 'fail', 'fail', 0, undef ],
    [ 'before the header', 'hang', 'p', 0, undef ],
    [ 'before the header of a stream', 'hang', 'p', 1, undef ],
    [ 'before the body', 'status', 'p', 0, undef ],
    [ 'before the first token', 'pings', 'p', 1, undef ],
    [ 'after the first token', 'stream', 'p', 1, 1 ],
    [ 'in the middle', 'stream', 'p', 1, 3000 ],
    [ 'in the middle, translated', 'claude', 'claude', 1, 1000 ],
    [ 'in a fast stream', 'bulk', 'p', 1, 100_000 ],
);

for my $case (@cases) {
    my ($name, $rule, $route, $stream, $read) = @$case;

    for my $reset (0, 1) {
        my $what = $name . ($reset ? ', reset' : '');
        my $before = lines();

        $mock->clear;
        $mock->script([ $rules{$rule} ]);

        my $s = http(request($route, $stream), start => 1);

        if ($read) {
            my $got = 0;
            $got += sysread $s, my $part, 4096 while $got < $read;
        } elsif ($route ne 'full') {
            $mock->wait_ledger(1);
        } else {
            $t->wait_for(sub { $t->error_log(qr/x/) || 1 }, 1);
        }

        hang_up($s, $reset);

        ok($t->wait_for(sub { lines() > $before }), "$what: logged");
        my ($status) = $t->read_file('way.log') =~ /(\d+) \S*\n\z/;
        is($status, 499, "$what: status");

        next if $route eq 'full' || $rule eq 'fail';
        like(expect_close($mock, 1), qr/^peer/, "$what: provider is closed");
        is(scalar $mock->ledger, 1, "$what: one call");
    }
}

# many at once, at any time

$mock->clear;
$mock->script([ $rules{stream} ]);
my @s = map { http(request('p', 1), start => 1) } 1 .. 60;
$mock->wait_ledger(60);

for my $i (0 .. $#s) {
    sysread $s[$i], my $part, 1 + $i * 37 if $i % 3;
    hang_up($s[$i], $i % 2);
}
is(scalar(grep { $_->{why} =~ /^peer/ } $mock->wait_event('close', 60)), 60,
   '60 at once');

# HTTP/2: streams are reset, the connection too

for my $rule (qw/ hang pings stream bulk /) {
    $mock->clear;
    $mock->script([ $rules{$rule} ]);
    my ($code) = $t->capture([ 'curl', '-s', '--http2-prior-knowledge',
        '--max-time', 1, '-o', '/dev/null', '--data-binary',
        json_encode(chat(stream => 1)), 'http://127.0.0.1:' . $t->port(8082)
        . '/v1/chat/completions?p=p' ]);
    is($code, 28, "HTTP/2, $rule: left");
    like(expect_close($mock, 1), qr/^peer/, "HTTP/2, $rule: closed");
}

$mock->script([ { reply => { json => reply('ok') } } ]);
is(text_of(http_post('/v1/chat/completions?p=p', chat())), 'ok',
   'served as ever');
