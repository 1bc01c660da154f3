#!/usr/bin/perl

# An endpoint that names an upstream{} of the configuration: its servers and
# their balancing, keepalive, a server that is down, Host and path of the
# endpoint, and the way to the next provider when all are gone.

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

    log_format way '$upstream_addr $upstream_status';
    access_log %%TESTDIR%%/way.log way;

    ai_provider pair {
        api openai;
        endpoint http://pair_of_two/base;
        key k;
    }

    ai_provider half {
        api openai;
        endpoint http://half;
    }

    ai_provider gone {
        api openai;
        endpoint http://gone;
    }

    ai_provider keep {
        api anthropic;
        endpoint http://keep;
    }

    ai_provider tls {
        api openai;
        endpoint https://secure;
        ssl_name provider.test;
        ssl_trusted_certificate %%TESTDIR%%/ca.pem;
    }

    ai_route next { priority; target gone; target pair; }

    upstream pair_of_two {
        server 127.0.0.1:%%PORT_8081%%;
        server 127.0.0.1:%%PORT_8082%%;
    }

    upstream half {
        server 127.0.0.1:%%PORT_8089%% max_fails=0;
        server 127.0.0.1:%%PORT_8081%%;
    }

    upstream gone {
        server 127.0.0.1:%%PORT_8089%%;
    }

    upstream keep {
        server 127.0.0.1:%%PORT_8081%%;
        keepalive 4;
    }

    upstream secure {
        server 127.0.0.1:%%PORT_8443%%;
        keepalive 4;
    }

    server {
        listen 127.0.0.1:%%PORT_8080%%;

        location / {
            ai_pass $arg_p;
        }
    }
}
EOC

my $mock = $t->mock([ { match => { path => '/v1/messages' },
                        reply => { json => claude('ok') } },
                      { match => { body => 'fail' }, reply => {
                        status => 500, json => {} } },
                      { match => { body => '"stream":true' }, reply =>
                        { sse => [ chunks('o', 'k') ], done => 1 } },
                      { reply => { json => reply('ok') } } ],
                    port => [ 8081, 8082 ]);
my $tls = $t->mock([ { reply => { json => reply('secure') } } ],
                   port => 8443, tls => 1, cn => 'provider.test',
                   no_ip => 1);
$t->run;


sub ask {
    my ($p, %o) = @_;
    return http_post("/v1/chat/completions?p=$p", chat(%o));
}


is(text_of(ask('pair')), 'ok', 'JSON') for 1 .. 4;
is(text_of(ask('pair', stream => 1)), 'ok', 'stream') for 1 .. 4;

my @got = $mock->ledger;
my %port;
$port{$_->{port}}++ for @got;
is_deeply([ sort values %port ], [ 4, 4 ], 'both servers, in turn');
is($got[0]{path}, '/base/chat/completions', 'path of the endpoint');
is($got[0]{h}{host}, 'pair_of_two', 'host of the endpoint');
is($got[0]{h}{authorization}, 'Bearer k', 'key');

# one of two does not listen: nothing was sent, so the other one may

is(ask('half')->status, 200, 'one server is gone') for 1 .. 6;

# none does

is_error(ask('gone'), 502, 'all servers are gone');
is(text_of(ask('next')), 'ok', 'the next provider');
like($t->wait_for(sub { ($t->read_file('way.log') =~ /(.*200)\n\z/)[0] }),
     qr/^(?:\S+ : )?\S+:\d+, \S+:\d+ 502, 200$|^gone, \S+:\d+ 502, 200$/,
     'both in the log');

# an answer with an error is the provider's, not a reason for its next server

$mock->clear;
is_error(ask('pair', user => 'fail'), 500, 'an error');
is(scalar $mock->ledger, 1, 'one call');

# its own keepalive

$mock->clear;
is(text_of(ask('keep')), 'ok', 'kept') for 1 .. 4;
my %conns = map { $_->{conn} => 1 } $mock->ledger;
is(scalar keys %conns, 1, 'one connection');

is(text_of(ask('tls')), 'secure', 'TLS: by ssl_name') for 1 .. 2;
@got = $tls->ledger;
is($got[0]{sni}, 'provider.test', 'SNI');
is($got[0]{conn}, $got[1]{conn}, 'kept');
