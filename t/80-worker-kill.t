#!/usr/bin/perl

# A worker that is killed takes only its own connections with it: the others
# go on, it is started again, the targets' counts in shared memory do not keep
# what it held (P7, F22, F25, F26).

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

worker_processes 4;

events {
    accept_mutex off;
}

http {
    %%TEST_GLOBALS_HTTP%%

    ai_provider a {
        api openai;
        endpoint http://127.0.0.1:%%PORT_8081%%;
    }

    ai_provider b {
        api openai;
        endpoint http://127.0.0.1:%%PORT_8082%%;
    }

    ai_route r { least_conn; target a; target b if=$arg_b; }

    server {
        listen 127.0.0.1:%%PORT_8080%% reuseport;

        location /v1/ {
            add_header X-Worker $pid;
            ai_pass r;
        }
    }
}
EOC

my @texts = map { "w$_ " } 1 .. 60;
my $mock = $t->mock([
    { match => { body => '"stream":true' }, reply => {
      sse => [ chunks(@texts) ], done => 1, gap => 0.03,
      split => 'events' } },
    { reply => { json => reply('ok') } },
], port => [ 8081, 8082 ]);

$t->allow(qr/exited on signal (?:9|11|6)/);
$t->run;

my $body = json_encode(chat(stream => 1));
my $request = "POST /v1/chat/completions HTTP/1.1\r\nHost: a\r\n"
    . 'Content-Length: ' . length($body) . "\r\n\r\n$body";
my $want = join '', @texts;

# AddressSanitizer keeps the other signals for itself

for my $signal ('KILL', $t->is_asan ? () : ('SEGV', 'ABRT')) {

    # streams on all workers; the header tells on which

    my (@s, %on);

    for (1 .. 24) {
        my $s = http($request, start => 1);
        my $head = '';
        until ($head =~ /\r\n\r\n/) {
            sysread $s, $head, 4096, length $head or last;
        }
        my ($pid) = $head =~ /X-Worker: (\d+)/;
        push @{ $on{$pid} }, [ $s, $head ];
    }

    cmp_ok(scalar keys %on, '>', 1, "$signal: streams on several workers");

    my ($victim) = sort keys %on;
    my $before = $t->started_workers;
    kill $signal, $victim;

    my $served = 0;
    $served += http_post('/v1/chat/completions', chat())->status == 200
        for 1 .. 10;
    cmp_ok($served, '>=', 9, "$signal: requests meanwhile");

    my ($cut, $whole, $others) = (0, 0, 0);

    for my $pid (keys %on) {
        for (@{ $on{$pid} }) {
            my ($s, $text) = @$_;
            while (sysread $s, my $part, 65536) {
                $text .= $part;
                last if $text =~ /0\r\n\r\n\z/;
            }
            my $end = $text =~ /data: \[DONE\]/;
            $pid == $victim ? $cut++ : $others++;
            $whole++ if $end && $pid != $victim;
        }
    }

    cmp_ok($cut, '>', 0, "$signal: the victim had streams");
    is($whole, $others, "$signal: those of the others are whole");
    ok($t->wait_for(sub { () = $t->started_workers; $t->workers == 4 }),
       "$signal: four workers again");
    ok($t->wait_log(qr/worker process $victim exited on signal/),
       "$signal: log");
}

# all that was killed was with the first target: it holds nothing now, and
# requests are shared evenly

$mock->clear;
http_post('/v1/chat/completions?b=1', chat()) for 1 .. 40;
my %n;
$n{$_->{port}}++ for $mock->ledger;
cmp_ok($n{$mock->port($_)} // 0, '>', 5, "target $_ has its share") for 0, 1;
