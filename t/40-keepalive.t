#!/usr/bin/perl

# Connections to providers: reused per provider, never shared between two at
# one address, closed when an answer was odd; one that the provider closed
# while it was idle, or just as the request came, costs the client nothing.

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

    ai_read_timeout 5s;

    ai_provider a {
        api openai;
        endpoint http://127.0.0.1:%%PORT_8081%%;
        key key-of-a;
    }

    ai_provider b {
        api openai;
        endpoint http://127.0.0.1:%%PORT_8081%%;
        key key-of-b;
    }

    ai_provider off {
        api openai;
        endpoint http://127.0.0.1:%%PORT_8081%%;
        keepalive 0;
    }

    ai_provider two {
        api openai;
        endpoint http://127.0.0.1:%%PORT_8081%%;
        keepalive 2;
    }

    ai_provider brief {
        api openai;
        endpoint http://127.0.0.1:%%PORT_8081%%;
        keepalive_timeout 200ms;
    }

    server {
        listen 127.0.0.1:%%PORT_8080%%;

        location / {
            ai_pass $arg_p;
        }
    }
}
EOC

my $json = { json => reply('ok') };
my $sse = { sse => [ chunks('ok') ], done => 1 };
my $mock = $t->mock([], port => 8081);
$t->run;


sub ask {
    my ($p, %o) = @_;
    return http_post("/v1/chat/completions?p=$p", chat(%o));
}


# numbers of the connections that carried the requests, from 1

sub conns {
    my ($n, %seen) = 0;
    return join ' ', map { $seen{$_->{conn}} //= ++$n } $mock->ledger;
}


sub fresh { my ($rules) = @_; $mock->clear; $mock->script($rules) }


# reuse

fresh([ { match => { body => '"stream":true' }, reply => $sse },
        { reply => $json } ]);
is(text_of(ask('a')), 'ok', 'first') for 1 .. 3;
is(text_of(ask('a', stream => 1)), 'ok', 'a stream');
is(text_of(ask('a')), 'ok', 'behind it');
is(conns(), '1 1 1 1 1', 'one connection');

ask('b') for 1 .. 2;
ask('a');
is(conns(), '1 1 1 1 1 2 2 1', 'another provider has its own');
my %keys;
$keys{$_->{conn}}{ $_->{h}{authorization} } = 1 for $mock->ledger;
is(scalar(grep { keys %$_ > 1 } values %keys), 0, 'one key a connection');

$mock->clear;
ask('off') for 1 .. 3;
is(conns(), '1 2 3', 'keepalive 0');

# errors and other answers that leave a connection in order

fresh([ { match => { nth => 1 }, reply => { status => 429, json => {} } },
        { match => { nth => 2 }, reply => { status => 500, json => {},
                                            framing => 'chunked' } },
        { match => { nth => 3 }, reply => { %$json,
                                            interim => [ 100, 103 ] } },
        { match => { nth => 4 }, reply => { status => 500, text => '' } },
        { match => { nth => 5 }, reply => { %$sse, framing => 'length' } },
        { reply => $json } ]);
ask('a') for 1 .. 7;
is(conns(), '1 1 1 1 1 1 1', 'reused after errors');

# those that do not

for my $case ([ 'Connection: close', { %$json, close_after => \1 } ],
              [ 'extra bytes', { %$json, extra => 'x' } ],
              [ 'extra bytes behind chunks', { %$json, framing => 'chunked',
                extra => "HTTP/1.1 200 OK\r\n\r\n" } ],
              [ 'until close', { %$json, framing => 'close' } ],
              [ 'HTTP/1.0', { raw => "HTTP/1.0 500 x\r\nContent-Length: 0"
                              . "\r\n\r\n" } ],
              [ 'cut', { %$json, cut => 5 } ],
              [ 'lingers behind [DONE]', { %$sse, stall => 1000,
                text => join('', map { "data: $_\n\n" } (map { json_encode $_ }
                chunks('ok')), '[DONE]') . "\n" x 2000, headers =>
                { 'Content-Type' => 'text/event-stream' },
                framing => 'chunked' } ])
{
    my ($name, $reply) = @$case;
    delete $reply->{sse} if $reply->{text};
    fresh([ { match => { nth => 2 }, reply => $reply }, { reply => $json } ]);
    ask('a');
    my $r = ask('a', $name =~ /linger/ ? (stream => 1) : ());
    is(text_of(ask('a')), 'ok', "$name: the next is answered");
    like(conns(), qr/^1 1 2$/, "$name: on a new connection")
        or diag($r->raw);
}

# the provider closes

for my $how ({ close => \1 }, { reset => \1 }) {
    fresh([ { match => { conn_nth => 2 }, reply => $how },
            { reply => $json } ]);
    is(ask('brief')->status, 200, 'new connection');
    is(ask('brief')->status, 200, 'closed on the second request: again');
    is(conns(), '1 1 2', 'on a new one');
    $t->wait_for(sub { $mock->events('close') >= 2 });
}

fresh([ { match => { conn_nth => 1, nth => 1 }, reply => $json },
        { reply => { close => \1 } } ]);
ask('b') for 1 .. 2;
is_error(ask('b'), 502, 'a new connection that is closed is an error');
cmp_ok(scalar $mock->ledger, '<=', 4, 'and not tried for ever');

fresh([ { reply => $json } ]);
ask('brief');
is(expect_close($mock, 1), 'peer closed', 'keepalive_timeout');

fresh([ { reply => { %$json, close_after => \1, headers =>
                     { Connection => 'keep-alive' } } } ]);
ask('a');
$mock->wait_event('close');
is(ask('a')->status, 200, 'closed while idle');

# no more than allowed stay

fresh([ { reply => { %$json, delay => 0.3 } } ]);
my @s = map { http("POST /v1/chat/completions?p=two HTTP/1.0\r\n"
    . 'Content-Length: ' . length(json_encode(chat())) . "\r\n\r\n"
    . json_encode(chat()), start => 1) } 1 .. 5;
is(join(' ', map { http_end($_)->status } @s), '200 200 200 200 200',
   'five at once');
is(scalar $mock->wait_event('close', 3), 3, 'three are closed, two stay');
