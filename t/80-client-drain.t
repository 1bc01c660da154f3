#!/usr/bin/perl

# Clients that leave, "ai_client_abort drain": at every event of a stream and
# before an answer in one piece, by FIN, RST, half-close, HTTP/2's RST_STREAM,
# a closed connection, or by not reading.  What is billed is what the provider
# says it was, and nothing is written any more.  The limits: tokens, time, 256
# at once.  And "cut": what had come, and one event (F2..F7, F9, P2, P7).

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use IO::Socket::INET;
use Socket qw/ SOL_SOCKET SO_LINGER SO_RCVBUF /;
use Test::More;
use Time::HiRes qw/ sleep time /;

use AI::Test;
use AI::Test::Chat;

my $t = AI::Test->new;

my $conf = <<'EOC';
%%TEST_GLOBALS%%

worker_processes 1;

events {
    worker_connections 2048;
}

http {
    %%TEST_GLOBALS_HTTP%%

    %%LOG%%

    ai_connect_timeout 60s;

    ai_provider p {
        api openai;
        endpoint http://127.0.0.1:%%PORT_8081%%;
    }

    ai_provider claude {
        api anthropic;
        endpoint http://127.0.0.1:%%PORT_8081%%;
    }

    ai_provider gem {
        api gemini;
        endpoint http://127.0.0.1:%%PORT_8081%%;
    }

    ai_provider full {
        api openai;
        endpoint http://127.0.0.1:%%PORT_8088%%;
    }

    ai_route two { priority; target p; target claude; }

    server {
        listen 127.0.0.1:%%PORT_8080%% sndbuf=64k;
        listen 127.0.0.1:%%PORT_8082%% http2;

        location / {
            ai_pass $arg_p;
        }

        location /tokens/ {
            ai_client_abort drain tokens=50;
            ai_pass $arg_p;
        }

        location /time/ {
            ai_client_abort drain timeout=500ms;
            ai_pass $arg_p;
        }

        location /all/ {
            send_timeout 500ms;
            ai_client_abort drain tokens=1000000000;
            ai_pass $arg_p;
        }

        location /cut/ {
            ai_client_abort cut;
            ai_pass $arg_p;
        }
    }
}
EOC

my $format = '$status|$ai_provider|$ai_usage_source|$ai_prompt_tokens|'
    . '$ai_completion_tokens|$bytes_sent|$request_time';

sub conf {
    my ($t, $log, $main) = @_;
    $t->write_file_expand('nginx.conf', ($main // '')
                          . $conf =~ s/%%LOG%%/$log/r);
}

conf($t, "log_format way '$format'; access_log %%TESTDIR%%/way.log way;");

my $full = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 1,
    LocalPort => $t->port(8088), Proto => 'tcp') or die;
listen $full, 0;
my @fill = map { IO::Socket::INET->new(PeerAddr => '127.0.0.1', Blocking => 0,
    PeerPort => $t->port(8088), Proto => 'tcp') } 1 .. 6;

my $mock = $t->mock([], port => 8081);
$t->run;

my @words = map { " word$_" } 1 .. 6;
my $pace = { gap => 0.015, split => 'events' };


# --- what providers say, with so many tokens

sub usage { return { prompt_tokens => $_[0], completion_tokens => $_[1],
                     total_tokens => $_[0] + $_[1] } }

my %stream = (
    p => sub {
        my @events = chunks(@words);
        $events[-1]{usage} = usage(@_);
        return { sse => \@events, done => \1, %$pace };
    },
    claude => sub {
        my @events = claude_events(@words);
        $events[0]{data}{message}{usage}{input_tokens} = $_[0];
        $events[-2]{data}{usage}{output_tokens} = $_[1];
        return { sse => \@events, %$pace };
    },
    gem => sub {
        my $u = { promptTokenCount => $_[0], candidatesTokenCount => $_[1],
                  totalTokenCount => $_[0] + $_[1] };
        my @events = map { { candidates => [ { index => 0, content => {
            role => 'model', parts => [ { text => $_ } ] } } ] } } @words;
        $events[-1]{candidates}[0]{finishReason} = 'STOP';
        $events[-1]{usageMetadata} = $u;
        return { sse => \@events, %$pace };
    },
);

my %whole = (
    p => sub { return { json => reply('hi', usage => usage(@_)) } },
    claude => sub {
        my $json = claude('hi');
        $json->{usage} = { input_tokens => $_[0], output_tokens => $_[1] };
        return { json => $json };
    },
    gem => sub { return { json => { candidates => [ { index => 0,
        finishReason => 'STOP', content => { role => 'model',
        parts => [ { text => 'hi' } ] } } ], usageMetadata => {
        promptTokenCount => $_[0], candidatesTokenCount => $_[1],
        totalTokenCount => $_[0] + $_[1] } } } },
);


# --- clients

sub request {
    my ($where, $stream) = @_;

    my $body = json_encode(chat($stream ? (stream => 1) : ()));
    my ($place, $route) = $where =~ m{(?:(\w+)/)?(\w+)};
    my $uri = ($place ? "/$place" : '') . "/v1/chat/completions?p=$route";
    return "POST $uri HTTP/1.1\r\nHost: a\r\n"
        . 'Content-Length: ' . length($body) . "\r\n\r\n$body";
}


sub hang_up {
    my ($s, $reset) = @_;

    setsockopt $s, SOL_SOCKET, SO_LINGER, pack 'II', 1, 0 if $reset;
    close $s;
}


# the bytes until there were so many events with data

sub read_events {
    my ($s, $n) = @_;

    my $got = '';
    while ((() = $got =~ /^data: /mg) < $n) {
        sysread $s, $got, 4096, length $got or last;
    }
    return $got;
}


# HTTP/2 by hand: a connection, a request on a stream of it, a frame

sub frame {
    my ($type, $flags, $id, $text) = @_;
    return substr(pack('N', length $text), 1) . pack('CCN', $type, $flags,
                                                     $id) . $text;
}


sub h2_connect {
    my $s = IO::Socket::INET->new(PeerAddr => '127.0.0.1', Proto => 'tcp',
        PeerPort => $t->port(8082)) or die;
    syswrite $s, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" . frame(4, 0, 0, '');
    return $s;
}


sub h2_request {
    my ($s, $id, $where, $stream) = @_;

    my ($uri, $body) = request($where, $stream) =~ m{POST (\S+).*\r\n\r\n(.*)}s;
    syswrite $s, frame(1, 4, $id, "\x83\x86\x01\x01a\x04" . chr(length $uri)
        . $uri) . frame(0, 1, $id, $body);
}


# the payload of the next frame of this type, '' if there is none

sub h2_read {
    my ($s, $want, $in) = @_;

    for ( ;; ) {
        if (length $$in >= 9) {
            my ($a, $b, $type) = unpack 'CnC', $$in;
            my $len = $a << 16 | $b;
            if (length $$in >= 9 + $len) {
                my $text = substr substr($$in, 0, 9 + $len, ''), 9;
                return $text if $type == $want;
                next;
            }
        }
        sysread $s, $$in, 4096, length $$in or return '';
    }
}


sub h2_events {
    my ($s, $n) = @_;

    my ($in, $got) = ('', '');
    while ((() = $got =~ /^data: /mg) < $n) {
        my $text = h2_read($s, 0, \$in);
        last if $text eq '';
        $got .= $text;
    }
}


# --- what was logged

my $seen = 0;

sub logged {
    my ($n, $seconds) = @_;

    $n //= 1;
    $t->wait_for(sub { my @all = $t->log_lines('way.log');
                       @all >= $seen + $n }, $seconds // 10);
    my @lines = map { chomp; my %h; @h{qw/ status provider source prompt
        completion sent time /} = split /\|/; \%h } $t->log_lines('way.log');
    @lines = @lines[$seen .. $#lines];
    $seen += @lines;
    return $n == 1 ? $lines[0] // {} : @lines;
}


sub billed {
    my ($got, $source, $prompt, $completion, $what) = @_;

    local $Test::Builder::Level = $Test::Builder::Level + 1;
    is(join(' ', map { $_ // 'undef' } @$got{qw/ status source prompt
        completion /}), "499 $source $prompt $completion", $what);
}


sub play { $mock->clear; $mock->script([ map { { reply => $_ } } @_ ]) }


# the mock has sent the whole answer, or why not

sub sent { return join ' ', map { $_->{why} } $mock->wait_event('reply', 1) }


# --- at every event of a stream

my $id = 100;

for my $case ([ 'p', 'FIN' ], [ 'p', 'RST' ], [ 'p', 'RST_STREAM' ],
    [ 'claude', 'FIN' ], [ 'claude', 'RST' ], [ 'claude', 'RST_STREAM' ],
    [ 'gem', 'FIN' ], [ 'gem', 'RST' ])
{
    my ($route, $how) = @$case;
    my $all = @words + ($route eq 'p' ? 3 : 1);

    for my $k (0 .. $all) {
        my ($s, $in) = (undef, '');
        my ($prompt, $completion) = ($id++, $id++);

        play($stream{$route}->($prompt, $completion));

        if ($how eq 'RST_STREAM') {
            $s = h2_connect();
            h2_request($s, 1, $route, 1);
            $mock->wait_ledger(1);
            h2_events($s, $k);
            syswrite $s, frame(3, 0, 1, pack 'N', 8);

        } else {
            $s = http(request($route, 1), start => 1);
            $mock->wait_ledger(1);
            read_events($s, $k);
            hang_up($s, $how eq 'RST');
        }

        # near its end the whole may be in the socket's buffer already

        my $got = logged();
        my $what = "$route, $how after $k events";

        $got->{status} = 499 if $k > @words && $got->{status} == 200;
        billed($got, 'provider', $prompt, $completion, $what);
        is(sent(), 'ok', "$what: read to its end") if $k < @words;
    }
}

# --- an answer in one piece

for my $route (sort keys %whole) {
    for my $how ('FIN', 'RST', 'RST_STREAM', 'close') {
        my $s;
        my ($prompt, $completion) = ($id++, $id++);

        play({ %{ $whole{$route}->($prompt, $completion) }, delay => 0.2 });

        if ($how =~ /^[FR]..$/) {
            $s = http(request($route), start => 1);
            $mock->wait_ledger(1);
            hang_up($s, $how eq 'RST');

        } else {
            $s = h2_connect();
            h2_request($s, 1, $route);
            $mock->wait_ledger(1);
            $how eq 'close' ? close $s
                            : syswrite $s, frame(3, 0, 1, pack 'N', 8);
        }

        billed(logged(), 'provider', $prompt, $completion,
               "$route, in one piece, $how");
    }
}

# --- one that closes its side only has left too, and is sent nothing more

{
    my $reply = $stream{p}->(7, 8);
    $reply->{sse} = [ (chunks(@words, map { " w$_" } 1 .. 30))[0 .. 36],
                      $reply->{sse}[-1] ];
    play($reply);

    my $s = http(request('p', 1), start => 1);
    my $in = read_events($s, 3);
    shutdown $s, 1;
    1 while sysread $s, $in, 4096, length $in;

    my $got = logged();
    billed($got, 'provider', 7, 8, 'half-closed');
    is($got->{sent}, length $in, 'all that was sent was read');
    cmp_ok(scalar(() = $in =~ /^data: /mg), '<', 12, 'no event came later');
    cmp_ok($got->{time}, '>', 0.4, 'while the provider went on');
}

# --- HTTP/2: several streams of a connection that closes, after a GOAWAY

for my $goaway (0, 1) {
    play($stream{p}->(30, 40));
    my $s = h2_connect();
    h2_request($s, 1 + 2 * $_, 'p', 1) for 0 .. 4;
    $mock->wait_ledger(5);
    h2_events($s, 3);
    syswrite $s, frame(7, 0, 0, pack 'NN', 0, 0) if $goaway;
    close $s;

    my @got = grep { "@$_{qw/ status source prompt completion /}"
                     eq '499 provider 30 40' } logged(5);
    is(scalar @got, 5, 'five streams of a connection'
       . ($goaway ? ' that said good-bye' : ''));
}

# --- one of several goes, the others stay

{
    play($stream{p}->(50, 60));
    my $s = h2_connect();
    h2_request($s, 1 + 2 * $_, 'p', 1) for 0 .. 1;
    $mock->wait_ledger(2);
    syswrite $s, frame(3, 0, 1, pack 'N', 8);
    my @got = logged(2);
    is(join(' ', sort map { $_->{status} } @got), '200 499',
       'the other stream is served');
    is(scalar(grep { "$_->{prompt} $_->{completion}" eq '50 60' } @got), 2,
       'both are billed');
    close $s;
}

# --- who was not asked yet is not asked, and costs nothing

play($whole{p}->(1, 1));
my ($worker) = $t->workers;
kill 'STOP', $worker;
my $s = http(request('p'), start => 1);
close $s;
kill 'CONT', $worker;
billed(logged(), 'none', 0, 0, 'before it was read');
is(scalar $mock->ledger, 0, 'nobody was asked');

$s = http(request('full'), start => 1);
sleep 0.1;
hang_up($s, 0);
billed(logged(), 'none', 0, 0, 'while connecting');

# --- no other provider is asked

play({ delay => 0.2, status => 500, json => {} });
$s = http(request('two'), start => 1);
$mock->wait_ledger(1);
hang_up($s, 0);
billed(logged(), 'none', 0, 0, 'failed behind its client');
is(scalar $mock->ledger, 1, 'no other was asked');

# --- a provider that breaks off behind its client

play({ %{ $stream{p}->(1, 1) }, cut => 1200 });
$s = http(request('p', 1), start => 1);
read_events($s, 2);
hang_up($s, 0);
my $got = logged();
is("$got->{status} $got->{source}", '499 estimate', 'broken off: counted');
cmp_ok($got->{completion}, '>=', 2, "what had come: $got->{completion}");

# --- limits: tokens

my %endless = (sse => [ map { (chunks(" $_"))[1] } qw/ one two three / ],
               split => 'events', endless => \1, gap => 0.002);

play({ %endless });
$s = http(request('tokens/p', 1), start => 1);
read_events($s, 5);
hang_up($s, 0);
$got = logged();
is($got->{status}, 499, 'endless: ended');
cmp_ok($got->{completion}, '>', 50, 'endless: not before its limit');
cmp_ok($got->{completion}, '<', 110, 'endless: soon after it');
like(expect_close($mock, 1, 1), qr/^peer/, 'endless: provider is closed');

for my $reset (0, 1) {
    play({ %endless, gap => 0, sse => [ (chunks('x ' x 500))[1] ] });
    $s = http(request('p', 1), start => 1);
    sysread $s, my $part, 4096;
    sleep 0.2;
    hang_up($s, $reset);
    $got = logged();
    is($got->{status}, 499, 'endless and fast: ended');
    like(expect_close($mock, 1, 1), qr/^peer/, 'and closed');
}

# --- limits: time

for my $rule ({ %endless, stall => 500 }, { hang => \1 }) {
    play($rule);
    $s = http(request('time/p', 1), start => 1);
    $mock->wait_ledger(1);
    read_events($s, 1) if $rule->{stall};
    my $left = time;
    hang_up($s, 0);
    like(expect_close($mock, 1, 5), qr/^peer/, 'silent: closed');
    cmp_ok(time - $left, '>', 0.4, 'silent: not at once');
    cmp_ok(time - $left, '<', 2, 'silent: by its limit');
    $got = logged();
    is($got->{status}, 499, 'silent: logged');
    cmp_ok($got->{prompt}, '>', 0, "silent: prompt of $got->{prompt}");
    is($got->{completion}, 0, 'silent: no answer') if $rule->{hang};
}

# --- limits: at once

{
    my $n = 300;

    play({ %{ $whole{p}->(70, 80) }, delay => 4 });
    my @s = map { http(request('p'), start => 1) } 1 .. $n;
    is(scalar(() = $mock->wait_ledger($n, 4)), $n, "$n at once");
    hang_up($s[$_], $_ % 2) for 0 .. $#s;

    my @got = logged($n, 20);
    is(scalar(grep { $_->{status} == 499 } @got), $n, 'all are logged');
    is(scalar(grep { "$_->{source} $_->{prompt} $_->{completion}"
                     eq 'provider 70 80' } @got), 256, '256 are drained');
    is(scalar(grep { $_->{source} ne 'provider' && $_->{prompt} > 0
                     && $_->{completion} == 0 } @got), $n - 256,
       'the others are cut, and settled');

    play({ %{ $whole{p}->(90, 91) }, delay => 0.1 });
    $s = http(request('p'), start => 1);
    $mock->wait_ledger(1);
    hang_up($s, 0);
    billed(logged(), 'provider', 90, 91, 'there is room again');
}

# --- 20 MB more, of a client that left and one that does not read

my $event = 'data: ' . json_encode((chunks('x' x 400))[1]) . "\n\n";
my $tail = join '', map { "data: $_\n\n" } json_encode({ %{ (chunks())[-1] },
    usage => usage(1000, 2000) }), '[DONE]';

$t->write_file('stream', $event x int((20 << 20) / length $event) . $tail);

my %long = (file => $t->testdir . '/stream',
            headers => { 'Content-Type' => 'text/event-stream' });

for my $how ('leaves', 'does not read', 'HTTP/2, does not read') {
    play(\%long);
    my $before = rss_kb($worker);

    if ($how =~ /HTTP/) {
        $s = h2_connect();
        h2_request($s, 1, 'all/p', 1);

    } else {
        $s = IO::Socket::INET->new(Proto => 'tcp') or die;
        $s = IO::Socket::INET->new(PeerAddr => '127.0.0.1', Proto => 'tcp',
            PeerPort => $t->port(8080),
            Sockopts => [ [ SOL_SOCKET, SO_RCVBUF, 8192 ] ]) or die;
        syswrite $s, request('all/p', 1);
        read_events($s, 3);
        hang_up($s, 0) if $how eq 'leaves';
    }

    my $got = logged(1, 30);
    billed($got, 'provider', 1000, 2000, "20 MB, client $how");
    cmp_ok($got->{sent}, '<', 4 << 20, "$how: not to the client");

    SKIP: {
        skip 'sanitizers keep memory', 1 if $t->is_asan;
        cmp_ok(rss_kb($worker) - $before, '<', 2048, "$how: no memory");
    }

    close $s;
}

# --- cut

for my $k (1, 3, 5) {
    play({ %endless, gap => 0.02 });
    $s = http(request('cut/p', 1), start => 1);
    read_events($s, $k);
    my $left = time;
    hang_up($s, $k == 3);
    like(expect_close($mock, 1, 1), qr/^peer/, 'cut: provider is closed');
    cmp_ok(time - $left, '<', 1, 'cut: at once');
    $got = logged();
    is($got->{status}, 499, 'cut: status');
    cmp_ok($got->{completion}, '>', $k, "cut: what had come, and more");

    # the frame of an answer is three tokens

    cmp_ok($got->{completion}, '<', $k + 8, "cut: $got->{completion}");
}

play({ %{ $whole{p}->(1, 1) }, delay => 60 });
$s = http(request('cut/p'), start => 1);
$mock->wait_ledger(1);
hang_up($s, 0);
like(expect_close($mock, 1, 1), qr/^peer/, 'cut, in one piece: closed');
$got = logged();
cmp_ok($got->{prompt}, '>', 0, "cut, in one piece: $got->{prompt}");
billed($got, 'estimate', $got->{prompt}, 0, 'and no answer');

# --- workers that are to go finish it

play({ %{ $stream{p}->(11, 12) }, gap => 0.15 });
$s = http(request('p', 1), start => 1);
read_events($s, 2);
hang_up($s, 0);
sleep 0.1;
$t->reload;
billed(logged(), 'provider', 11, 12, 'reloaded meanwhile');

play({ json => reply('ok') });
is(text_of(http_post('/v1/chat/completions?p=p', chat())), 'ok',
   'served as ever');
$t->finish;

# --- worker_shutdown_timeout ends it before

$t = AI::Test->new;
conf($t, "log_format way '$format'; access_log %%TESTDIR%%/way.log way;",
     'worker_shutdown_timeout 300ms;');
$mock = $t->mock([], port => 8081);
$t->run;
$seen = 0;

play({ hang => \1 });
$s = http(request('p'), start => 1);
$mock->wait_ledger(1);
hang_up($s, 0);
sleep 0.1;
$t->reload;
like(expect_close($mock, 1, 5), qr/^peer/, 'the worker must go: closed');
$got = logged();
cmp_ok($got->{prompt}, '>', 0, "the worker must go: $got->{prompt}");
billed($got, 'estimate', $got->{prompt}, 0, 'and no answer');
$t->finish;

# --- where nothing asks for a count, bytes are the measure

$t = AI::Test->new;
conf($t, '');
$mock = $t->mock([], port => 8081);
$t->run;

play({ %endless });
$s = http(request('tokens/p', 1), start => 1);
my $in = read_events($s, 3);
hang_up($s, 0);
like(expect_close($mock, 1, 5), qr/^peer/, 'not counted: closed');
my ($reply) = $mock->wait_event('reply', 1);
cmp_ok($reply->{body_sent}, '>=', 200, 'not before its limit');
cmp_ok($reply->{body_sent}, '<', length($in) + 200 + 4000, 'soon after it');
$t->finish;
