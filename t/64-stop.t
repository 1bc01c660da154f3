#!/usr/bin/perl

# A stream whose reservation cannot be extended ends validly, in the dialect
# of its caller: the reason is the length, the usage is what is billed, the
# terminator is there, and the provider's connection is closed.

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

    log_format usage '$ai_prompt_tokens $ai_completion_tokens '
                     '$ai_finish_reason $status';
    access_log %%TESTDIR%%/usage.log usage;

    ai_zone ai 8m state=%%TESTDIR%%/state;
    ai_limit_zone $http_x_key zone=stop:1m;

    ai_provider openai {
        api openai;
        endpoint http://127.0.0.1:%%PORT_8081%%;
    }

    ai_provider anthropic {
        api anthropic;
        endpoint http://127.0.0.1:%%PORT_8081%%;
    }

    server {
        listen 127.0.0.1:%%PORT_8080%%;

        ai_limit zone=stop output_tokens=8/d reserve=4;

        location /openai/ {
            ai_pass openai;
        }

        location /anthropic/ {
            ai_pass anthropic;
        }

        location /large/ {
            ai_limit zone=stop output_tokens=100000/d reserve=4;
            ai_pass openai;
        }
    }
}
EOC

my $mock = $t->mock([], port => 8081);
$t->run;

my @words = map { " word$_" } 'a' .. 'z';
my $key = 0;
my $lines = 0;


# --- what the provider would say -------------------------------------------

sub responses {
    my $n = 0;
    my $event = sub {
        my ($type, %o) = @_;
        return { event => "response.$type", data => {
            type => "response.$type", sequence_number => $n++, %o } };
    };
    my %response = (id => 'resp_1', object => 'response', created_at => 1,
        model => 'm', status => 'in_progress', output => [], tools => [],
        usage => undef);
    my %item = (id => 'msg_1', type => 'message', role => 'assistant',
        status => 'in_progress', content => []);
    my %place = (item_id => 'msg_1', output_index => 0, content_index => 0);
    my %part = (type => 'output_text', text => '', annotations => []);

    my @events = ($event->('created', response => \%response),
        $event->('output_item.added', output_index => 0, item => \%item),
        $event->('content_part.added', %place, part => \%part),
        map { $event->('output_text.delta', %place, delta => $_) } @words);

    my %done = (%part, text => join '', @words);

    return (@events,
        $event->('output_text.done', %place, text => $done{text}),
        $event->('content_part.done', %place, part => \%done),
        $event->('output_item.done', output_index => 0,
                 item => { %item, status => 'completed',
                           content => [ \%done ] }),
        $event->('completed', response => { %response,
            status => 'completed', output => [ { %item,
                status => 'completed', content => [ \%done ] } ],
            usage => { input_tokens => 1, output_tokens => 99,
                       total_tokens => 100 } }));
}


my %stream = (
    chat => [ chunks(@words) ],
    messages => [ claude_events(@words) ],
    responses => [ responses() ],
);


# --- how clients ask, and what they are told --------------------------------
# [ path, request, reader ]; a reader gives reason, input, output and text

my @turn = (messages => [ { role => 'user', content => 'hi' } ]);
my $contents = { contents => [ { role => 'user',
                                 parts => [ { text => 'hi' } ] } ] };

my %dialect = (
    chat => [ 'v1/chat/completions',
        chat(stream => 1, stream_options => { include_usage => \1 }),
        sub {
            my ($r) = @_;
            my @d = $r->event_data;
            my $done = pop @d;
            my $usage = pop(@d)->{usage};
            return if $done ne '[DONE]';
            return ($d[-1]{choices}[0]{finish_reason},
                    @$usage{qw/ prompt_tokens completion_tokens /},
                    join '', map { $_->{choices}[0]{delta}{content} // '' }
                        @d);
        } ],

    messages => [ 'v1/messages',
        { model => 'm', max_tokens => 1000, stream => \1, @turn },
        sub {
            my ($r) = @_;
            my @d = $r->event_data;
            my %start = %{ $d[0]{message}{usage} };
            my ($stop, $delta, $over) = @d[-3 .. -1];
            return if "$stop->{type} $over->{type}"
                ne 'content_block_stop message_stop';
            return ($delta->{delta}{stop_reason},
                    $delta->{usage}{input_tokens} // $start{input_tokens},
                    $delta->{usage}{output_tokens},
                    join '', map { $_->{delta}{text} // '' } @d);
        } ],

    responses => [ 'v1/responses',
        { model => 'm', stream => \1, input => 'hi' },
        sub {
            my ($r) = @_;
            my @d = $r->event_data;
            my $n = $d[0]{sequence_number};
            return if grep { $_->{sequence_number} != $n++ } @d;
            my $end = $d[-1]{response};
            my $text = join '', map { $_->{delta} // '' } @d;
            return if $d[-1]{type} ne 'response.incomplete'
                || $end->{output}[0]{content}[0]{text} ne $text
                || $end->{output}[0]{status} ne 'incomplete';
            return ($end->{incomplete_details}{reason},
                    @{ $end->{usage} }{qw/ input_tokens output_tokens /},
                    $text);
        } ],

    gemini => [ 'v1beta/models/m:streamGenerateContent?alt=sse', $contents,
        sub { gemini($_[0]->event_data) } ],

    array => [ 'v1beta/models/m:streamGenerateContent', $contents,
        sub { gemini(@{ $_[0]->json }) } ],

    ollama => [ 'api/chat', { model => 'm', stream => \1, @turn },
        sub {
            my ($r) = @_;
            my @d = map { json_decode($_) } split /\n/, $r->body;
            return if !$d[-1]{done};
            return (@{ $d[-1] }{qw/ done_reason prompt_eval_count
                                    eval_count /},
                    join '', map { $_->{message}{content} // '' } @d);
        } ],
);


sub gemini {
    my (@d) = @_;
    my $end = $d[-1];
    return ($end->{candidates}[0]{finishReason},
            @{ $end->{usageMetadata} }{qw/ promptTokenCount
                                           candidatesTokenCount /},
            join '', map { $_->{candidates}[0]{content}{parts}[0]{text} // '' }
                @d);
}


my %reason = (chat => 'length', messages => 'max_tokens',
              responses => 'max_output_tokens', gemini => 'MAX_TOKENS',
              array => 'MAX_TOKENS', ollama => 'length');


sub ask {
    my ($where, $dialect, $stream, %o) = @_;

    $mock->script([ { reply => { sse => $stream{$stream},
        $o{whole} ? () : (gap => 0.01, split => 'events'),
        framing => $o{framing} // 'chunked',
        $stream eq 'chat' ? (done => 1) : () } } ]);

    my ($path, $request) = @{ $dialect{$dialect} };
    my $r = http_post("/$where/$path", $request, 'X-Key' => "k$key");
    my $log = $t->wait_for(sub {
        my @l = $t->log_lines('usage.log');
        return @l > $lines ? $l[-1] : undef;
    });
    $lines++;

    return ($r, $log // '');
}


# --- every dialect, from either provider -------------------------------------

my $closed = 0;

for my $case (map { [ openai => $_ ], [ anthropic => $_ ] }
              qw/ chat messages responses gemini array ollama /)
{
    my ($where, $dialect) = @$case;
    my $stream = $where eq 'anthropic' ? 'messages'
        : $dialect eq 'responses' ? 'responses' : 'chat';

    $key++;

    my ($r, $log) = ask($where, $dialect, $stream);
    my ($reason, $in, $out, $text) = eval { $dialect{$dialect}[2]->($r) };

    is($r->status, 200, "$where, $dialect");
    ok($r->complete, 'a whole answer');
    is($reason, $reason{$dialect}, 'for its length') or diag($r->body);
    cmp_ok($out // 0, '>=', 8, 'what was reserved');
    cmp_ok($out // 99, '<=', 12, 'is not much exceeded');
    is($log, join(' ', $in // '', $out // '', 'budget 200'),
       'what is told is what is billed');
    is($text, substr(join('', @words), 0, length($text // '')), 'the text');
    is(expect_close($mock, ++$closed), 'peer closed', 'the provider is left');
}

# every framing; what is left of the stream is not read

for my $framing ('length', 'close') {
    $key++;
    my ($r, $log) = ask('openai', 'chat', 'chat', framing => $framing);
    is(($dialect{chat}[2]->($r))[0], 'length', "framing $framing");
    is(expect_close($mock, ++$closed), 'peer closed', 'closed');
}

# all of it in one read

for my $dialect (qw/ chat messages responses /) {
    $key++;
    my ($r, $log) = ask('openai', $dialect,
        $dialect eq 'responses' ? 'responses' : 'chat', whole => 1);
    my ($reason, $in, $out) = $dialect{$dialect}[2]->($r);
    is($reason, $reason{$dialect}, "$dialect at once");
    cmp_ok($out, '<=', 12, 'is not much exceeded either');
}

# nothing is left of that key's day, and much of another's

my ($r) = http_post('/openai/v1/chat/completions', chat(),
                    'X-Key' => "k$key");
is($r->status, 429, 'no more today');
$lines++;

$key++;
my ($all, $log) = ask('large', 'chat', 'chat');
is(text_of($all), join('', @words), 'what can be extended goes on');
is($log, '1 2 stop 200', 'to what the provider reports');
