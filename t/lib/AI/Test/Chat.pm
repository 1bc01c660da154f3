package AI::Test::Chat;

# Chat requests and answers as data, and the error body that every client
# must get.

use strict;
use warnings;

use Exporter qw/ import /;
use JSON::PP ();
use Test::More import => [qw( ok diag )];

our @EXPORT = qw/ chat reply chunks claude claude_events is_error text_of
                  rss_kb expect_close /;


# a request: chat(model => 'm', stream => 1)

sub chat {
    my (%o) = @_;

    $o{stream} = JSON::PP::true if $o{stream};
    return { model => 'm', messages => [ { role => 'user',
                                           content => 'hi' } ], %o };
}


# an answer of an OpenAI provider

sub reply {
    my ($text, %o) = @_;

    return { id => 'chatcmpl-1', object => 'chat.completion', created => 1,
        model => 'm', choices => [ { index => 0, finish_reason => 'stop',
            message => { role => 'assistant', content => $text } } ],
        usage => { prompt_tokens => 1, completion_tokens => 2,
                   total_tokens => 3 }, %o };
}


# chunks of a stream: the role, the texts, the finish, the usage

sub chunks {
    my (@texts) = @_;

    my $n = 0;
    my $chunk = sub {
        my ($delta, $finish) = @_;
        return { id => 'chatcmpl-1', object => 'chat.completion.chunk',
            created => 1, model => 'm', choices => [ { index => 0,
                delta => $delta, finish_reason => $finish } ] };
    };

    return ($chunk->({ role => 'assistant', content => '' }),
            (map { $chunk->({ content => $_ }) } @texts),
            $chunk->({}, 'stop'),
            { id => 'chatcmpl-1', object => 'chat.completion.chunk',
              created => 1, model => 'm', choices => [],
              usage => { prompt_tokens => 1, completion_tokens => 2,
                         total_tokens => 3 } });
}


# an answer of Anthropic, and its stream

sub claude {
    my ($text) = @_;

    return { id => 'msg_1', type => 'message', role => 'assistant',
        model => 'claude', stop_reason => 'end_turn', stop_sequence => undef,
        content => [ { type => 'text', text => $text } ],
        usage => { input_tokens => 1, output_tokens => 2 } };
}


sub claude_events {
    my (@texts) = @_;

    my $message = claude('');
    @$message{qw/ content stop_reason /} = ([], undef);

    my @events = (
        { type => 'message_start', message => $message },
        { type => 'content_block_start', index => 0,
          content_block => { type => 'text', text => '' } },
        (map { { type => 'content_block_delta', index => 0,
                 delta => { type => 'text_delta', text => $_ } } } @texts),
        { type => 'content_block_stop', index => 0 },
        { type => 'message_delta', delta => { stop_reason => 'end_turn' },
          usage => { output_tokens => 2 } },
        { type => 'message_stop' });

    return map { { event => $_->{type}, data => $_ } } @events;
}


# the text of an answer, or of all the chunks of a stream

sub text_of {
    my ($r) = @_;

    my $json = ($r->header('content-type') // '') =~ /json/ ? $r->json : undef;
    return $json->{choices}[0]{message}{content} if $json;

    return join '', map { ref $_ && ref $_->{choices} && @{ $_->{choices} }
                          ? $_->{choices}[0]{delta}{content} // '' : '' }
        $r->event_data;
}


# status and body are an error of OpenAI's shape; what => regex of its parts

sub is_error {
    my ($r, $status, $name, %what) = @_;

    local $Test::Builder::Level = $Test::Builder::Level + 1;

    my $e = ($r->json // {});
    $e = ref $e eq 'HASH' ? $e->{error} : undef;
    my @bad;

    push @bad, "status " . $r->status . ", not $status"
        if $r->status != $status;
    push @bad, 'incomplete' if !$r->complete;
    push @bad, 'content type ' . ($r->header('content-type') // 'none')
        if ($r->header('content-type') // '') !~ m{^application/json};

    if (ref $e ne 'HASH') {
        push @bad, 'no error object: ' . substr $r->body, 0, 200;

    } else {
        push @bad, "no $_" for grep { !exists $e->{$_} }
            qw/ message type param code /;
        push @bad, 'empty message' if !length($e->{message} // '');
        push @bad, map { "$_ is " . ($e->{$_} // 'null') }
            grep { ($e->{$_} // '') !~ $what{$_} } sort keys %what;
    }

    ok(!@bad, $name) or diag(join "\n", @bad);
}


# resident memory of a process, without file pages

sub rss_kb {
    my ($pid) = @_;

    open my $fh, '<', "/proc/$pid/status" or return 0;
    my ($kb) = join('', <$fh>) =~ /^RssAnon:\s+(\d+)/m;
    return $kb // 0;
}


# the mock sees a connection go, and why; '' if it never does

sub expect_close {
    my ($mock, $n, $seconds) = @_;

    my @close = $mock->wait_event('close', $n || 1, $seconds || 10);
    return @close >= ($n || 1) ? $close[-1]{why} : '';
}


1;
