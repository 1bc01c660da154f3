#!/usr/bin/perl

# Memory does not depend on how long a stream is: 40 MB to a client that reads
# along, passed through, translated, in one endless event; and a hundred
# streams at once give back what they took (P15, F13, P19).

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use AI::Test;
use AI::Test::Chat;

my $t = AI::Test->new;
$t->lag_most(0.25, 'nginx reads on as long as a provider has more');

if ($t->is_asan) {
    $t->discard;
    plan(skip_all => 'memory of a build with sanitizers');
}

$t->write_file_expand('nginx.conf', <<'EOC');
%%TEST_GLOBALS%%

worker_processes 1;

events {
    worker_connections 1024;
}

http {
    %%TEST_GLOBALS_HTTP%%

    ai_provider p {
        api openai;
        endpoint http://127.0.0.1:%%PORT_8081%%;
    }

    ai_provider claude {
        api anthropic;
        endpoint http://127.0.0.1:%%PORT_8081%%;
    }

    server {
        listen 127.0.0.1:%%PORT_8080%%;

        location /v1/ {
            ai_pass p;
        }

        location /claude/v1/ {
            ai_pass claude;
        }
    }
}
EOC

my $sse = { 'Content-Type' => 'text/event-stream' };
my $text = 'y' x 100;
my $event = 'data: ' . json_encode((chunks($text))[1]) . "\n\n";
my $claude = "event: content_block_delta\ndata: "
    . json_encode((claude_events($text))[2]{data}) . "\n\n";

sub big {
    my ($name, $start, $piece, $end) = @_;
    my $n = int((40 << 20) / length $piece);
    $t->write_file($name, $start . $piece x $n . $end);
    return { file => $t->testdir . "/$name", headers => $sse,
             framing => 'chunked' };
}

my @named = map { "event: $_->{event}\ndata: " . json_encode($_->{data})
                  . "\n\n" } claude_events();
my $done = "data: [DONE]\n\n";
my %rules = (
    pass => big('pass', '', $event, $done),
    claude => big('claude', join('', @named[0, 1]), $claude,
                  join('', @named[2 .. 4])),
    comments => big('comments', $event, ": ping\n\n", $done),
    tiny => big('tiny', $event, "data: {}\n\n", $done),
);

my $mock = $t->mock([], port => 8081);
$t->run;

my ($worker) = $t->workers;


# reads a stream to its end, and throws it away

sub drain {
    my ($uri) = @_;

    my ($code, $out) = $t->capture([ 'curl', '-sS', '--max-time', 60, '-o',
        '/dev/null', '-w', '%{http_code} %{size_download}', '-H', 'Expect:',
        '--data-binary', json_encode(chat(stream => 1)),
        'http://127.0.0.1:' . $t->port(8080) . "$uri/chat/completions" ]);
    return "$code $out";
}

# the first request of a kind may take what stays

for my $name (sort keys %rules) {
    my $uri = $name eq 'claude' ? '/claude/v1' : '/v1';

    $mock->script([ { reply => { sse => $name eq 'claude'
        ? [ claude_events('a') ] : [ chunks('a') ], done => 1 } } ]);
    drain($uri);

    my $before = rss_kb($worker);
    $mock->script([ { reply => $rules{$name} } ]);
    my $got = drain($uri);
    like($got, qr/^0 200 [1-9]\d{7}$/, "$name: 40 MB");
    cmp_ok(rss_kb($worker) - $before, '<', 4096, "$name: memory is flat");
}

# one event without an end

my $before = rss_kb($worker);
$mock->script([ { reply => { text => 'data: ' . 'z' x 65_000,
    headers => $sse, framing => 'chunked', repeat => 640 } } ]);
like(drain('/v1'), qr/^0 (?:200|502) \d+$/, 'an endless event ends');
cmp_ok(rss_kb($worker) - $before, '<', 32_768, 'and is bounded');

# an answer without an end, where a whole one is wanted

$mock->script([ { reply => { text => '{"a":"' . 'z' x 65_000,
    framing => 'chunked', repeat => 2000 } } ]);
is_error(http_post('/v1/chat/completions', chat()), 502,
         'an endless JSON answer');
cmp_ok(rss_kb($worker) - $before, '<', 160_000, 'and is bounded');

# a hundred at once, again and again: the heap settles, a stream costs less
# than 64 KB

$mock->script([ { reply => { sse => [ chunks(($text) x 50) ], done => 1,
    split => 'events', gap => 0.01 } } ]);

my @rss = rss_kb($worker);
my $body = json_encode(chat(stream => 1));

for my $round (1 .. 5) {
    my @s = map { http("POST /v1/chat/completions HTTP/1.0\r\n"
        . 'Content-Length: ' . length($body) . "\r\n\r\n$body", start => 1)
    } 1 .. 100;
    my $good = grep { http_end($_)->body =~ /\Q$done\E\z/ } @s;
    is($good, 100, "round $round: 100 streams");
    push @rss, rss_kb($worker);
}

cmp_ok($rss[-1] - $rss[0], '<', 100 * 64, 'and is bounded') or diag("@rss");
