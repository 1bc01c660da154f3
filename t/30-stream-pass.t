#!/usr/bin/perl

# Streams of a provider of the same API: byte identity at every split and
# framing, events as soon as they come, comments, CRLF, the hidden usage
# chunk, and what comes behind the last event (P14, E1..E8).

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use MIME::Base64 qw/ encode_base64 /;
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

    log_format usage '$ai_prompt_tokens/$ai_completion_tokens '
                     '$ai_finish_reason $upstream_status';
    access_log %%TESTDIR%%/usage.log usage;

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

my $mock = $t->mock([], port => 8081);
$t->run;

my $uri = '/v1/chat/completions';
my $ask = chat(stream => 1);
my $full = chat(stream => 1, stream_options => { include_usage => \1 });
my $sse = { 'Content-Type' => 'text/event-stream; charset=utf-8' };


sub stream {
    my ($reply, $request) = @_;

    # text is bytes
    my %r = %$reply;
    $r{base64} = encode_base64(delete $r{text}, '') if exists $r{text};
    $mock->script([ { reply => \%r } ]);
    return http_post($uri, $request || $full);
}


sub events { join '', map { "data: " . json_encode($_) . "\n\n" } @_ }


# a stream with all that a stream may have

my @all = chunks("\x{20ac}", 'b');
my $text = ": ping\n\n" . events($all[0]) . "event: x\nid: 7\n"
    . events($all[1]) . "\n\nretry: 5\n\n: a\n: b\n"
    . "data: {\"choices\":[],\n" . "data: \"x\":1}\n\n"
    . events(@all[2 .. 4]) . "data: [DONE]\n\n";
my $crlf = $text =~ s/\n/\r\n/gr;
my $cr = $text =~ s/\n/\r/gr;

for my $split ('bytes', 'events', 'random', 2, 3, 17, [ 100, 1, 1, 1 ],
               undef)
{
    my $r = stream({ text => $text, headers => $sse, framing => 'chunked',
                     split => $split, seed => 3 });
    ok($r->body eq $text, 'LF, split ' . name($split));
    ok($r->complete, 'complete');
}

for my $framing ('chunked', 'length', 'close') {
    my $r = stream({ text => $text, headers => $sse, framing => $framing });
    ok($r->body eq $text, "framing $framing");
    ok($r->complete, 'complete');

    $r = stream({ text => $crlf, headers => $sse, framing => $framing,
                  split => 'random', split_max => 9 });
    ok($r->body eq $crlf, "CRLF, framing $framing");
}

is(stream({ text => $cr, headers => $sse, split => 'bytes' })->body, $cr,
   'CR');

my $r = stream({ text => "\xef\xbb\xbf$text", headers => $sse });
ok($r->body =~ /\A(?:\xef\xbb\xbf)?\Q$text\E\z/, 'BOM');

# headers

is($r->status, 200, 'status');
is($r->header('content-type'), 'text/event-stream', 'type');
is($r->header('cache-control'), 'no-cache', 'not to be cached');
is($r->header('content-length'), undef, 'no length');

# who did not ask for the usage does not see it

$r = stream({ sse => \@all, done => 1 }, $ask);
ok($r->body !~ /total_tokens/, 'usage chunk is hidden');
is(text_of($r), "\x{20ac}b", 'the rest is not');
is(scalar(() = $r->body =~ /^data:/gm), 5, 'four chunks and the end');
like($t->wait_for(sub { ($t->log_lines('usage.log'))[-1] }),
     qr{^1/2 stop 200$}, 'but it is known');
$r = stream({ sse => \@all, done => 1 });
like($r->body, qr/total_tokens/, 'who asks sees it');

my @null = map { { %$_, usage => $_->{usage} } } @all;
$r = stream({ sse => \@null, done => 1 }, $ask);
ok($r->body !~ /total_tokens/, 'hidden also beside "usage": null');

# as it comes: the mock sends an event when the last one was read

my $gap = 0.15;
$r = stream({ text => $text, headers => $sse, split => 'events',
              framing => 'chunked', gap => $gap });
my @times = map { $_->[0] } grep { $_->[1] =~ /choices/ } @{ $r->pieces };
cmp_ok(scalar @times, '>=', 4, 'events come one by one');
cmp_ok($times[-1] - $times[0], '>=', $gap * 2, 'and not at the end');

# what is missing at the end, and what comes behind it

for my $framing ('chunked', 'close') {
    $r = stream({ sse => [ @all ], framing => $framing });
    like($r->body, qr/data: \[DONE\]\n\n\z/, "$framing: [DONE] is added");
    unlike($r->body, qr/"error"/, 'no error');
    ok($r->complete, 'complete');
}

$r = stream({ text => events(@all) =~ s/\n\n\z//r, headers => $sse });
is(scalar(() = $r->body =~ /\n\n/g), 6, 'last blank line is added');

$r = stream({ text => $text . events(chunks('late')) . "data: [DONE]\n\n",
              headers => $sse, framing => 'chunked' });
ok($r->body eq $text, 'nothing is read behind [DONE]');

$r = stream({ text => $text, repeat => 2, headers => $sse, split => 'events',
              framing => 'chunked', stall => length $text });
ok($r->complete, 'a provider that lingers');
ok($r->body eq $text, 'its answer is whole');
cmp_ok($r->time, '<', 10, 'and ends');

$r = stream({ text => events($all[0], $all[1]) . "data: [DONE]x\n\n"
              . events(@all[2 .. 4]) . "data: [DONE]\n\n", headers => $sse });
is(text_of($r), "\x{20ac}b", 'no end but [DONE] itself')
    or diag($r->body);

# much that is no content, before it and between

my $pings = ": ping\n\n" x 3000;
my $late = $pings . events($all[0]) . $pings . events($all[1]) . $pings
    . events(@all[2 .. 4]) . "data: [DONE]\n\n";
for my $split (4000, 30_000) {
    $r = stream({ text => $late, headers => $sse, framing => 'chunked',
                  split => $split, gap => 0.002 });
    ok($r->body eq $late, "pings of 24 KB, split $split");
}

my $flood = ": ping\n\n" x 50_000;
$r = stream({ text => "$flood$text", headers => $sse, split => 4000,
              framing => 'chunked' });
ok($r->body eq "$flood$text", 'pings of 400 KB');

# two choices, tool calls, an odd chunk: all of it passes

my $odd = events({ choices => [ { index => 1, delta => { tool_calls =>
    [ { index => 0, id => 'c', function => { name => 'f',
        arguments => '{"a":1.0}' } } ] } } ] })
    . "data: no JSON\n\n" . "data: []\n\n" . events({ x => 1 })
    . events({ choices => [ { index => 1, finish_reason => 'tool_calls' } ] })
    . "data: [DONE]\n\n";
$r = stream({ text => $odd, headers => $sse });
ok($r->body eq $odd, 'chunks that mean nothing to us') or diag($r->body);

# not a stream, and a stream nobody asked for

$r = stream({ json => reply('whole') });
is($r->header('content-type'), 'text/event-stream',
   'a JSON answer becomes a stream');
is(text_of($r), 'whole', 'its text');
like($r->body, qr/data: \[DONE\]\n\n\z/, 'its end');

$r = stream({ sse => \@all, done => 1 }, chat());
is($r->header('content-type'), 'application/json',
   'a stream becomes a JSON answer');
is($r->json->{choices}[0]{message}{content}, "\x{20ac}b", 'its text');
is($r->json->{usage}{total_tokens}, 3, 'its usage');
is($r->header('content-length'), length $r->body, 'its length');


sub name { my ($s) = @_; ref $s ? "@$s" : $s // 'none' }
