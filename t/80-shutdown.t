#!/usr/bin/perl

# Workers that must go while requests are under way: worker_shutdown_timeout
# on reload, a quick stop, a graceful one; with calls that wait for a
# connection, a header, a token, and with clients that do not read (F33).

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use AI::Test;
use AI::Test::Chat;

for my $how ('HUP', 'TERM', 'QUIT', 'QUIT, finishing') {
    my $t = AI::Test->new;

    $t->write_file_expand('nginx.conf', conf($how =~ /finish/ ? '30s'
                                                              : '300ms'));

    my $mock = $t->mock([
        { match => { body => 'hang' }, reply => { hang => \1 } },
        { match => { body => 'bulk' }, reply => { sse => [ chunks('x' x 400) ],
          endless => \1 } },
        { match => { body => 'brief' }, reply => { sse => [ chunks('a', 'b',
          'c') ], done => 1, gap => 0.2, split => 'events' } },
        { match => { body => '"stream":true' }, reply => {
          sse => [ chunks('x') ], endless => \1, gap => 0.02 } },
        { reply => { json => reply('ok') } },
    ], port => 8081);
    $t->run;

    # idle connections, on both sides

    my @idle = map { my $s = http('', start => 1);
        http_post('/v1/chat/completions', chat(), -socket => $s,
                  -keepalive => 1); $s } 1 .. 3;

    my @kinds = $how =~ /finish/ ? ('brief') : ('hang', 'bulk', 'slow');
    my @s;

    for my $kind (@kinds) {
        my $body = json_encode(chat(stream => 1, user => $kind));
        push @s, http("POST /v1/chat/completions HTTP/1.1\r\nHost: a\r\n"
            . 'Content-Length: ' . length($body) . "\r\n\r\n$body",
            start => 1) for 1 .. 4;
    }
    $mock->wait_ledger(3 + @s);

    my @old = $t->workers;
    $how eq 'HUP' ? $t->reload : kill substr($how, 0, 4), $t->pid;

    if ($how =~ /finish/) {
        is(text_of(http_end($_)), 'abc', "$how: a stream is finished")
            for @s;
    }

    my $gone = $t->wait_for(sub {
        $t->alive($t->pid);
        !grep { kill 0, $_ } @old;
    }, 20);
    ok($gone, "$how: the workers have gone");

    if ($how eq 'HUP') {
        is(http_post('/v1/chat/completions', chat())->status, 200,
           'HUP: the new ones serve');
    }

    $mock->wait_event('close', scalar @s);
    my @left = grep { $_->{why} !~ /^peer/ } $mock->events('close');
    is(scalar @left, 0, "$how: providers are closed");

    $t->finish;
}


sub conf {
    my ($timeout) = @_;

    return <<"EOC";
%%TEST_GLOBALS%%

worker_processes 1;
worker_shutdown_timeout $timeout;

events {
}

http {
    %%TEST_GLOBALS_HTTP%%

    ai_provider p {
        api openai;
        endpoint http://127.0.0.1:%%PORT_8081%%;
    }

    server {
        listen 127.0.0.1:%%PORT_8080%%;

        location /v1/ {
            ai_pass p;
        }
    }
}
EOC
}
