#!/usr/bin/perl

# From one provider to the next, which has another API, address, path, key
# and model: each way of failing, for whole answers and for streams; what the
# second one gets, what is told to the client and to the log (P25, F11..F17).

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use IO::Socket::INET;
use Socket qw/ SOCK_STREAM /;
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

    log_format way '$upstream_addr|$upstream_status|$ai_providers|'
                   '$ai_attempts|$ai_fallbacks|$ai_fallback_reason|$status|'
                   '$ai_error_type';
    access_log %%TESTDIR%%/way.log way;

    ai_headers debug;
    ai_connect_timeout 300ms;
    ai_read_timeout 300ms;
    ai_next_upstream error timeout first_token_timeout invalid_response
                     http_429 http_5xx;

    ai_provider first {
        api openai;
        endpoint http://127.0.0.1:%%PORT_8081%%;
        key sk-canary-first;
    }

    ai_provider refused {
        api openai;
        endpoint http://127.0.0.1:%%PORT_8089%%;
        key sk-canary-first;
    }

    ai_provider full {
        api openai;
        endpoint http://127.0.0.1:%%PORT_8088%%;
        key sk-canary-first;
    }

    ai_provider slow {
        api openai;
        endpoint http://127.0.0.1:%%PORT_8081%%;
        key sk-canary-first;
        read_timeout 1500ms;
        first_token_timeout 300ms;
    }

    ai_provider second {
        api anthropic;
        endpoint http://127.0.0.1:%%PORT_8082%%/claude;
        key sk-canary-second;
        read_timeout 20s;
    }

    ai_route first   { priority; target first model=one;
                       target second model=two; }
    ai_route refused { priority; target refused; target second model=two; }
    ai_route full    { priority; target full; target second model=two; }
    ai_route slow    { priority; target slow; target second model=two; }

    server {
        listen 127.0.0.1:%%PORT_8080%%;

        location ~ ^/v1/ {
            ai_pass $arg_r;
        }
    }
}
EOC

# a listening socket whose queue is full: SYNs get no answer

my $full = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 1,
    LocalPort => $t->port(8088), Proto => 'tcp') or die;
listen $full, 0;
my @fill = map { IO::Socket::INET->new(PeerAddr => '127.0.0.1', Blocking => 0,
    PeerPort => $t->port(8088), Proto => 'tcp') } 1 .. 6;

my $good = [
    { match => { body => '"stream":true' },
      reply => { sse => [ claude_events('from ', 'second') ] } },
    { reply => { json => claude('from second') } },
];
my $first = $t->mock([], port => 8081);
my $second = $t->mock($good, port => 8082);
$t->secret('sk-canary-first', 'sk-canary-second');
$t->run;


# what the way through the providers was, of the last request

sub way {
    my $n = shift;

    $t->wait_for(sub { (() = $t->log_lines('way.log')) >= $n });
    return ($t->log_lines('way.log'))[-1];
}


my $n = 0;

# name => [ reply, what $upstream_status says, reason, route ]

my $sse = { 'Content-Type' => 'text/event-stream' };
my $whole = json_encode(reply('from first'));
my @cases = (
    [ 'refused', {}, 502, 'error', 'refused' ],
    [ 'connect timeout', {}, 504, 'timeout', 'full' ],
    [ 'read timeout', { hang => 1 }, 504, 'timeout' ],
    # only a stream has a first token
    [ 'first token', { hang => 1 }, '\d+|-', 'first_token_timeout|timeout',
      'slow' ],
    [ 'first token, after the header', { sse => [ chunks('x') ],
      stall => 100 }, 200, 'first_token_timeout|timeout', 'slow' ],
    [ 'closed', { close => 1 }, 502, 'error' ],
    [ 'reset', { reset => \1 }, 502, 'error' ],
    (map { [ "status $_", { status => $_, json => { error =>
        { message => "m$_" } } }, $_, $_ == 501 ? 'http_5xx' : "http_$_" ] }
        429, 500, 501, 502, 503, 504, 529),
    [ '503 HTML', { status => 503, text => '<html>', headers =>
      { 'Content-Type' => 'text/html' } }, 503, 'http_503' ],
    [ '500 cut', { status => 500, json => {}, cut => 1 }, 500,
      'http_500|error' ],
    [ 'garbage', { garbage => \1 }, 502, 'invalid_response' ],
    [ 'an HTTP/0.9 answer', { garbage => '<html>hi</html>' }, 502,
      'invalid_response' ],
    [ 'bad header', { raw => "HTTP/1.1 200 OK\r\nA\0b: c\r\n\r\n" }, 502,
      'invalid_response' ],
    [ 'two lengths', { text => $whole, headers =>
      [ [ 'Content-Length', 5 ], [ 'Content-Length', 6 ] ] }, 502,
      'invalid_response' ],
    [ 'length and chunks', { text => $whole, framing => 'chunked', headers =>
      { 'Content-Length' => 5 } }, 502, 'invalid_response' ],
    [ 'empty 200', { text => '' }, 200, 'invalid_response' ],
    [ 'HTML 200', { text => '<html>', headers =>
      { 'Content-Type' => 'text/html' } }, 200, 'invalid_response' ],
    [ 'JSON, no answer', { json => { hello => 1 } }, 200,
      'invalid_response' ],
    [ 'JSON array', { json => [] }, 200, 'invalid_response' ],
    [ 'error in 200', { json => { error => { message => 'x',
      type => 'server_error' } } }, 200, 'http_500|http_5xx' ],
    [ 'truncated JSON', { text => substr $whole, 0, 100 }, 200,
      'invalid_response' ],
    [ 'cut', { text => $whole, cut => 60 }, '\d+', 'error' ],
    [ 'length too large', { text => $whole, long => 5 }, '\d+', 'error' ],
    [ 'length too small', { text => $whole, short => 9 }, 200,
      'invalid_response' ],
    [ 'bad chunk', { text => $whole, framing => 'chunked', badchunk => \1,
      split => 50 }, '\d+', 'error|invalid_response' ],
    [ 'stall', { text => $whole, stall => 60 }, '\d+', 'timeout' ],
    [ 'gzip', { text => $whole, headers => { 'Content-Encoding' => 'gzip' } },
      502, 'invalid_response' ],
    [ 'switching protocols', { status => 101 }, 502, 'invalid_response' ],
    [ 'many interim', { interim => [ (100) x 20 ], json => reply('x') }, 502,
      'invalid_response' ],
    [ 'redirect', { status => 302, headers => { Location => '/x' } }, 302,
      'invalid_response' ],
    [ 'error event first', { sse => [ { error => { message => 'x' } } ] },
      200, 'http_5\w+' ],
    [ 'no [DONE], no finish', { sse => [ (chunks())[0] ] }, 200, 'error' ],
    [ 'stream of garbage', { text => "x\n" x 9, headers => $sse }, 200,
      'error|invalid_response' ],
);

for my $case (@cases) {
    my ($name, $reply, $status, $reason, $route) = @$case;
    $route ||= 'first';

    for my $stream (0, 1) {
        $_->clear for $first, $second;
        $first->script([ { reply => $reply } ]);

        my $r = http_post("/v1/chat/completions?r=$route",
                          chat($stream ? (stream => 1) : ()));
        my $way = way(++$n);
        my $what = $name . ($stream ? ', stream' : '');

        is(text_of($r), 'from second', "$what: second answers")
            or diag($r->body);
        like($way, qr/^127[^|]+,\ 127[^|]+\|(?:$status),\ 200\|\w+,\ second
                      \|2\|1\|(?:$reason)\|200\|$/x, "$what: log");
        unlike($way, qr/\|timeout\|/, "$what: in its own time")
            if $stream && $route eq 'slow';
        cmp_ok(scalar $first->ledger, '<=', 1, "$what: one call");
    }
}

# what the second one gets

my ($q) = $second->ledger;
is($q->{path}, '/claude/messages', 'its path');
is($q->{h}{'x-api-key'}, 'sk-canary-second', 'its key');
is($q->{h}{authorization}, undef, "not the other's");
is($q->{h}{host}, '127.0.0.1:' . $t->port(8082), 'its host');
is($q->{json}{model}, 'two', 'its model');
ok($q->{json}{max_tokens}, 'its API');

# once a client has content nobody else is asked

for my $reply ({ sse => [ chunks('a', 'b') ], cut => 480 },
               { sse => [ chunks('a', 'b') ], stall => 480 },
               { sse => [ (chunks('a'))[0, 1], { error => { message => 'x' } }
                        ] })
{
    $_->clear for $first, $second;
    $first->script([ { reply => $reply } ]);
    my $r = http_post('/v1/chat/completions?r=first', chat(stream => 1));
    like(text_of($r), qr/^ab?$/, 'committed: no second text');
    ok((grep { ref && $_->{error} } $r->event_data), 'but an error');
    is(scalar $second->ledger, 0, 'and no second call');
    like(way(++$n), qr/\|first\|1\|0\|\|200\|\w/, 'log');
}

# a provider that failed is told of, not the one that cannot take its place

$_->clear for $first, $second;
$first->script([ { reply => { status => 503, json => {
    error => { message => 'too busy' } } } } ]);
my $r = http_post('/v1/chat/completions?r=first', chat(n => 2));
is($r->status, 503, "the first one's error");
like($r->json->{error}{message}, qr/too busy/, 'in its words');
is(scalar $second->ledger, 0, 'two answers at once are none of its API');
