#!/usr/bin/perl

# Reloads under load: no request fails, streams that are under way end as they
# would have, old workers go when the last of theirs has ended; a
# configuration that is refused changes nothing; new requests see the new one
# (P8, F28, F29).

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use POSIX ();
use Test::More;
use Time::HiRes qw/ time /;

use AI::Test;
use AI::Test::Chat;

my $t = AI::Test->new;

my $conf = <<'EOC';
%%TEST_GLOBALS%%

worker_processes 2;

events {
}

http {
    %%TEST_GLOBALS_HTTP%%

    keepalive_timeout 60s;

    ai_provider a {
        api openai;
        endpoint http://127.0.0.1:%%PORT_8081%%;
        set_header X-Generation GENERATION;
    }

    ai_provider b {
        api anthropic;
        endpoint http://127.0.0.1:%%PORT_8081%%;
    }

    ai_route r { target a; target b; }

    server {
        listen 127.0.0.1:%%PORT_8080%%;

        location /v1/ {
            ai_pass r;
        }

        location /GENERATION/v1/ {
            ai_pass a;
        }
    }
}
EOC


sub configure {
    my ($n) = @_;
    $t->write_file_expand('nginx.conf', $conf =~ s/GENERATION/g$n/gr);
}


configure(0);

my @texts = map { "w$_ " } 1 .. 40;
my $mock = $t->mock([
    { match => { path => '/v1/messages', body => '"stream":true' },
      reply => { sse => [ claude_events(@texts) ], gap => 0.01,
                 split => 'events' } },
    { match => { path => '/v1/messages' }, reply => { json => claude('ok') } },
    { match => { body => 'long' }, reply => { sse => [ chunks(@texts) ],
      done => 1, gap => 0.1, split => 'events' } },
    { match => { body => '"stream":true' }, reply => {
      sse => [ chunks(@texts) ], done => 1, gap => 0.01,
      split => 'events' } },
    { reply => { json => reply('ok') } },
], port => 8081);
$t->run;

my $uri = '/v1/chat/completions';
my @first = $t->workers;

# a stream of 4 seconds, over all of the reloads

my $body = json_encode(chat(stream => 1, user => 'long'));
my $s = http("POST /g0$uri HTTP/1.1\r\nHost: a\r\nContent-Length: "
    . length($body) . "\r\n\r\n$body", start => 1);
$mock->wait_ledger(1);

# load from four processes: requests, streams, keep-alive connections

my @load;

for my $n (1 .. 4) {
    my $out = $t->testdir . "/load-$n";

    push @load, $t->run_daemon(sub {
        my ($good, @bad, $sock) = 0;
        my $stop = $t->testdir . '/stop';
        my $want = join '', @texts;

        until (-e $stop) {
            my $stream = $n % 2;
            my $text = json_encode(chat($stream ? (stream => 1) : ()));
            my $ok = eval {
                my $r = http_post($uri, $text);
                text_of($r) eq ($stream ? $want : 'ok') && $r->complete
                    or die $r->status . ': ' . substr $r->raw, 0, 300;
            };
            $ok ? $good++ : push @bad, $@;
        }

        open my $fh, '>', "$out.new";
        print $fh json_encode({ good => $good, bad => \@bad });
        close $fh;
        rename "$out.new", $out;
    }, name => "load-$n");
}

$mock->wait_ledger(20);

for my $n (1 .. 5) {
    configure($n);
    ok($t->reload, "reload $n");
    is(http_post("/g$n$uri", chat())->status, 200, 'the new is in force');
}

# one that is refused

$t->write_file_expand('nginx.conf', $conf =~ s/target b/target nobody/r);
ok(!$t->reload, 'a bad configuration is refused');
$t->allow(qr/unknown ai_provider|nobody/);
is(http_post("/g5$uri", chat())->status, 200, 'the old one is in force');
is(http_post("/g0$uri", chat())->status, 404, 'and not an older one');

my $r = http_end($s);
is(text_of($r), join('', @texts), 'the stream over all of it is whole');
like($r->body, qr/data: \[DONE\]\n\n\z/, 'to its end');

$t->write_file('stop', '');

for my $n (1 .. 4) {
    my $file = "load-$n";
    my $text = $t->wait_for(sub { $t->read_file($file) }, 30);
    my $got = $text ? json_decode($text) : { good => 0, bad => [ 'lost' ] };
    cmp_ok($got->{good}, '>', 3, "load $n: requests");
    is(scalar @{ $got->{bad} }, 0, "load $n: none failed")
        or diag($got->{bad}[0]);
}

ok($t->wait_for(sub { !grep { kill 0, $_ } @first }, 20),
   'the first workers have gone');
is(scalar(grep { kill 0, $_ } $t->workers), 2, 'two workers are left');

# the generation a provider was told is of the request's configuration

my %seen = map { ($_->{h}{'x-generation'} // '') => 1 } $mock->ledger;
ok(!(grep { !$seen{"g$_"} } 0 .. 5), 'requests of every generation');

# USR1, and a quick stop with a stream under way

ok($t->signal('USR1'), 'logs are opened again');
$t->wait_log(qr/reopening logs/);
is(http_post($uri, chat())->status, 200, 'still served');
