#!/usr/bin/perl

# Streams that break: errors, cuts, stalls, garbage, before the first content
# and behind it, of providers of two APIs.  Before it the client gets an
# error; behind it the last event is one, and the answer ends well (P26, F12,
# F14, F19).

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

events {
}

http {
    %%TEST_GLOBALS_HTTP%%

    ai_read_timeout 400ms;

    ai_provider openai {
        endpoint http://127.0.0.1:%%PORT_8081%%;
    }

    ai_provider anthropic {
        endpoint http://127.0.0.1:%%PORT_8081%%;
    }

    server {
        listen 127.0.0.1:%%PORT_8080%%;

        location /openai/v1/ {
            ai_pass openai;
        }

        location /anthropic/v1/ {
            ai_pass anthropic;
        }
    }
}
EOC

my $mock = $t->mock([], port => 8081);
$t->run;

my @openai = map { [ undef, $_ ] } chunks('one', 'two');
my @claude = map { [ $_->{event}, $_->{data} ] } claude_events('one', 'two');

my %apis = (
    openai => { events => [ @openai, [ undef, '[DONE]' ] ], content => 2,
        error => [ undef, { error => { message => 'over capacity',
            type => 'server_error', code => undef, param => undef } } ] },
    anthropic => { events => \@claude, content => 3,
        error => [ 'error', { type => 'error', error => {
            type => 'overloaded_error', message => 'over capacity' } } ] },
);


sub wire {
    return join '', map {
        my ($name, $data) = @$_;
        (defined $name ? "event: $name\n" : '')
            . 'data: ' . (ref $data ? json_encode($data) : $data) . "\n\n";
    } @_;
}


sub stream {
    my ($api, $text, %o) = @_;

    $mock->clear;
    $mock->script([ { reply => { text => $text, framing => 'chunked',
        headers => { 'Content-Type' => 'text/event-stream' }, %o } } ]);
    return http_post("/$api/v1/chat/completions", chat(stream => 1));
}


# the answer has begun: it ends well, and says why

sub broken {
    my ($r, $text, $code, $name) = @_;

    local $Test::Builder::Level = $Test::Builder::Level + 1;

    my @data = $r->event_data;
    my $last = $data[-1];
    my $error = ref $last ? $last->{error} : undef;

    ok($r->complete, "$name: ends well");
    is(text_of($r), $text, "$name: what came is there");
    like(($error->{code} // $error->{type}) // '', qr/^(?:$code)$/,
         "$name: an error event") or diag($r->body);
    is(scalar(grep { !ref && $_ eq '[DONE]' } @data), 0, "$name: no [DONE]");
    is(scalar $mock->ledger, 1, "$name: one call");
}


for my $api (sort keys %apis) {
    my $events = $apis{$api}{events};
    my $n = $apis{$api}{content};
    my $head = wire(@$events[0 .. $n - 2]);         # no content yet
    my $one = wire(@$events[0 .. $n - 1]);          # one piece of text
    my $most = wire(@$events[0 .. $n]);             # both, no end
    my $error = wire($apis{$api}{error});
    my $r;

    is(text_of(stream($api, wire(@$events))), 'onetwo', "$api: whole");

    # before the first content

    is_error(stream($api, $head), 502, "$api: no content", code => qr/cut/);
    is_error(stream($api, $head, cut => length $head), 502,
             "$api: cut early", code => qr/cut/);
    is_error(stream($api, $head . $error, repeat => 1), 503,
             "$api: error first", message => qr/over capacity/)
        if $api eq 'anthropic';
    $r = stream($api, $head . $error);
    cmp_ok($r->status, '>=', 500, "$api: error first");
    is($r->json->{error}{message}, 'over capacity', 'its text');
    is_error(stream($api, $error), $r->status, "$api: only an error");
    is_error(stream($api, $one, stall => length $head), 504,
             "$api: stall early", code => qr/timeout/);
    is_error(stream($api, ''), 502, "$api: an empty stream");
    is_error(stream($api, ": ping\n\n" x 3), 502, "$api: only pings");
    is_error(stream($api, $one, cut_wire => 150), 502,
             "$api: cut in the header");

    # behind it

    broken(stream($api, $one . $error), 'one', 'upstream_error|overloaded',
           "$api: error in the middle");
    broken(stream($api, $most), 'onetwo', 'upstream_cut', "$api: no finish");
    broken(stream($api, $most, framing => 'close'), 'onetwo', 'upstream_cut',
           "$api: no finish, until close");
    broken(stream($api, $most, cut => length $one), 'one', 'upstream_cut',
           "$api: cut");
    broken(stream($api, $most, cut => length($one) + 20), 'one',
           'upstream_cut', "$api: cut in an event");
    broken(stream($api, $most, split => 'events', reset => length $one),
           'one', 'upstream_cut', "$api: reset");
    broken(stream($api, $most, stall => length $one), 'one',
           'upstream_timeout', "$api: stall");
    broken(stream($api, $most, split => [ length $one ], badchunk => 1),
           'one', 'upstream_cut|upstream_invalid', "$api: bad chunk");
    broken(stream($api, $one, framing => 'length', long => 50), 'one',
           'upstream_cut', "$api: length too large");
    broken(stream($api, $most, framing => 'length',
                  short => length($most) - length($one)), 'one',
           'upstream_cut', "$api: length too small");
}

# translated streams are read; what is none of the API is an error

for my $bad ("data: {broken\n\n", "data: []\n\n",
             "event: content_block_delta\ndata: 7\n\n")
{
    my $r = stream('anthropic', wire(@claude[0 .. 2]) . $bad
                   . wire(@claude[3 .. $#claude]));
    broken($r, 'one', 'upstream_invalid', 'no event: ' . substr $bad, 0, 14);
}

# the same text cut at every place: one answer, or an error

my $text = wire(@{ $apis{openai}{events} });
my @wrong;

for (my $at = 1; $at < length $text; $at += $t->is_asan ? 23 : 11) {
    my $r = stream('openai', $text, cut => $at);
    my $ok = $r->complete
        && ($r->status == 502 ? $r->json && $r->json->{error}
            : $r->body =~ /"error"|\[DONE\]/);
    push @wrong, $at if !$ok;
}
is("@wrong", '', 'cut anywhere');
