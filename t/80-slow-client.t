#!/usr/bin/perl

# A client that stops reading a stream of 40 MB: the worker does not grow, the
# provider is held back; then the client reads on and gets all of it.  One
# that never reads again is closed by send_timeout (F7, P15).

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Digest::MD5 qw/ md5_hex /;
use Socket qw/ SOL_SOCKET SO_RCVBUF inet_aton pack_sockaddr_in PF_INET
               SOCK_STREAM /;
use Test::More;
use Time::HiRes qw/ sleep /;

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

    sendfile_max_chunk 1m;

    ai_read_timeout 2s;

    ai_provider p {
        api openai;
        endpoint http://127.0.0.1:%%PORT_8081%%;
    }

    ai_provider claude {
        api anthropic;
        endpoint http://127.0.0.1:%%PORT_8081%%;
    }

    server {
        listen 127.0.0.1:%%PORT_8080%% sndbuf=64k;

        location /v1/ {
            ai_pass p;
        }

        location /claude/v1/ {
            ai_pass claude;
        }

        location /short/v1/ {
            send_timeout 500ms;
            ai_pass p;
        }
    }
}
EOC

my $text = 'x' x 400;
my $events = join '', map { 'data: ' . json_encode($_) . "\n\n" }
    (chunks($text))[1];
my $claude = join '', map { "event: $_->{event}\ndata: "
    . json_encode($_->{data}) . "\n\n" } (claude_events($text))[2];
my $n = int((40 << 20) / length $events);

# the whole stream: an event many times, then its end

my $sse = { 'Content-Type' => 'text/event-stream' };
$t->write_file('stream', $events x $n . "data: [DONE]\n\n");
my @all = map { "event: $_->{event}\ndata: " . json_encode($_->{data})
                . "\n\n" } claude_events();
$t->write_file('claude', join '', @all[0, 1], $claude x $n, @all[2 .. 4]);

my $mock = $t->mock([
    { match => { path => '/v1/messages' }, reply => { headers => $sse,
      file => $t->testdir . '/claude', framing => 'chunked' } },
    { reply => { headers => $sse, file => $t->testdir . '/stream',
                 framing => 'chunked' } },
], port => 8081);
$t->run;

my ($worker) = $t->workers;


# a client with a small window

sub start {
    my ($uri) = @_;

    my $body = json_encode(chat(stream => 1));
    socket my $s, PF_INET, SOCK_STREAM, 6 or die;
    setsockopt $s, SOL_SOCKET, SO_RCVBUF, 16384;
    connect $s, pack_sockaddr_in($t->port(8080), inet_aton('127.0.0.1'))
        or die;
    syswrite $s, "POST $uri HTTP/1.0\r\nContent-Length: " . length($body)
        . "\r\n\r\n$body";
    return $s;
}


# the mock has not been able to send for a while

sub held {
    my ($pid) = @_;

    my $last = -1;
    return $t->wait_for(sub {
        my ($io) = $t->slurp("/proc/$pid/io") =~ /^wchar: (\d+)/m;
        my $same = $io == $last;
        $last = $io;
        sleep 0.3;
        return $same;
    }, 20);
}


my $ok = http_post('/v1/chat/completions', chat(stream => 1),
                   -until => qr/choices/);
my $before;

for my $way ([ '/v1', $events, 'passed through' ],
             [ '/claude/v1', undef, 'translated' ])
{
    my ($uri, $event, $name) = @$way;

    $before = rss_kb($worker);
    my $s = start("$uri/chat/completions");
    sysread $s, my $head, 2000;
    ok(held($mock->{pid} // 0), "$name: the provider is held");

    # longer than ai_read_timeout: who does not read does not time out either
    sleep 2.5;

    SKIP: {
        skip 'memory of a build with sanitizers', 1 if $t->is_asan;
        cmp_ok(rss_kb($worker) - $before, '<', 8192,
               "$name: the worker has not grown");
    }

    # the body as it came, or the ends of its events
    my ($md5, $ends, $tail) = (Digest::MD5->new, 0, '');
    $head =~ s/.*?\r\n\r\n//s;

    for (my $part = $head; length $part; ) {
        $md5->add($part);
        $ends += () = (substr($tail, -1) . $part) =~ /\n\n/g;
        $tail = substr $tail . $part, -600;
        sysread $s, $part, 1 << 18;
    }

    like($tail, qr/data: \[DONE\]\n\n\z/, "$name: then all of it comes");
    $event ? is($md5->hexdigest, md5_hex($t->read_file('stream')), 'unchanged')
        : cmp_ok(abs($ends - $n - 2), '<=', 2, "$name: all events");
}

# never again

$mock->clear;
my $s = start('/short/v1/chat/completions');
sysread $s, my $head, 1000;
like(expect_close($mock, 1, 20), qr/^peer/, 'send_timeout: provider closed');
ok($t->wait_log(qr/client timed out/), 'send_timeout: log');

SKIP: {
    skip 'memory of a build with sanitizers', 1 if $t->is_asan;
    cmp_ok(rss_kb($worker) - $before, '<', 8192, 'nothing is left');
}
