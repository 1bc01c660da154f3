#!/usr/bin/perl

# Counting a megabyte does not keep others waiting: one worker, and a second
# connection that asks for next to nothing all the time.  How long an answer
# takes is measured in the worker's own time on a processor, so that what else
# the machine does is not in it.  And a reload that changes prices while
# requests run.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use POSIX ();
use Test::More;
use Time::HiRes qw/ sleep time /;

use AI::Test;
use AI::Test::HTTP qw/ http_connect /;

use constant SIZE  => 1_000_000;        # bytes of a prompt
use constant RUNS  => 3;
use constant BOUND => 0.030;            # seconds

my $t = AI::Test->new;

my %answer = (id => 'chatcmpl-1', object => 'chat.completion', created => 1,
    model => 'gpt-4o', choices => [ { index => 0, finish_reason => 'stop',
        message => { role => 'assistant', content => 'Hello.' } } ],
    usage => { prompt_tokens => 1000, completion_tokens => 0,
               total_tokens => 1000 });

my $mock = $t->mock([
    { match => { body => '"slow' },
      reply => { delay => 2, json => \%answer } },
    { match => { body => '"quick' },
      reply => { delay => 0.01, json => \%answer } },
    { match => { path_re => 'embeddings' }, reply => { json => {
        object => 'list', model => 'text-embedding-3-small', data => [ {
            object => 'embedding', index => 0, embedding => [ 1, 2 ] } ] } } },
    { reply => { json => { %answer, usage => undef } } },
], port => 8081);

prices(1);

$t->write_file_expand('nginx.conf', <<'EOC');
%%TEST_GLOBALS%%

worker_processes 1;

events {
}

http {
    %%TEST_GLOBALS_HTTP%%

    log_format lag '$status $ai_prompt_tokens_est $ai_cost $ai_prompt_tokens';
    access_log %%TESTDIR%%/lag.log lag;

    ai_price_file prices.json;

    ai_provider p {
        api openai;
        endpoint http://127.0.0.1:%%PORT_8081%%/v1;
    }

    server {
        listen 127.0.0.1:%%PORT_8080%%;
        client_max_body_size 8m;
        keepalive_requests 100000;

        location /v1/ { ai_pass p; }

        location /estimate/v1/ { ai_token_count estimate; ai_pass p; }

        location = /ping { access_log off; return 204; }
    }
}
EOC

$t->run;

my $lines = 0;
my @words = split / /, "The quick brown fox's 1234 jumps, over (the) lazy dog.";

# --- how long the worker is away, at least, with each kind of text

my $none = least('/estimate', 'prose', join ' ', @words);
diag(sprintf 'without counting: %.1f ms', $none * 1000);

my $bound = (BOUND + $none) * ($t->is_asan ? 20 : 1);

for my $text ([ prose => join ' ', @words ], [ 'one letter' => 'a' ],
              [ blanks => ' ' ], [ CJK => "\xe6\xbc\xa2\xe5\xad\x97" ],
              [ emoji => "\xf0\x9f\x98\x80" ], [ lines => "a\n" ])
{
    my ($name, $piece) = @$text;

    my $lag = least('', $name, $piece);
    cmp_ok($lag, '<', $bound, sprintf '%s: %.1f ms', $name, $lag * 1000);
}

# letters of a word that no vocabulary has

srand 1;
my $letters = join '', map { chr 97 + rand 26 } 1 .. SIZE;

for my $what ('random letters', 'embeddings') {
    my $lag = least('', $what, $letters);
    cmp_ok($lag, '<', $bound, sprintf '%s: %.1f ms', $what, $lag * 1000);
}

# --- clients that leave while it is counted

for my $wait (0, 0.002, 0.005, 0.01, 0.02) {
    my $socket = http_post('/v1/chat/completions', { model => 'gpt-4o',
        messages => [ { role => 'user', content => 'a' x SIZE } ] },
        -start => 1);
    sleep $wait;
    close $socket;
}

ok($t->wait_for(sub { my @all = logged(); @all == 5 }, 10),
   'clients that left are logged');
$lines += 5;

# --- other prices, while requests run

my $slow = http_post('/v1/chat/completions', body('slow'), -start => 1);
my @clients = map { client() } 1 .. 4;

sleep 0.3;
prices(2);
ok($t->reload, 'a reload');

waitpid $_, 0 for @clients;
is(http_post('/v1/chat/completions', body('quick'))->status, 200,
   'a request after it');
is(http_end($slow)->status, 200, 'one that had begun before');

my @log = $t->wait_for(sub {
    my @all = logged();
    return @all == 4 * 40 + 2 ? \@all : undef;
}, 10);
@log = @{ $log[0] // [] };

my %seen;
$seen{ join ' ', (split)[0, 2] }++ for @log;

is(join(', ', sort keys %seen), '200 0.001000000, 200 0.002000000',
   'all are answered, at one of the two prices');
cmp_ok($seen{'200 0.002000000'} // 0, '>', 1, 'the new one is used');
is((split ' ', $log[-1])[2], '0.001000000',
   'what had begun before has the old one');


# The longest wait for a ping.  One is always on its way, or will be in two
# milliseconds; what counting costs is in every run, chance is not.

sub least {
    my ($where, $name, $piece) = @_;

    my $text = $piece x (SIZE / length $piece);
    my ($uri, $json) = $name eq 'embeddings'
        ? ('embeddings', json_encode({ model => 'text-embedding-3-small',
            input => 'TEXT' }))
        : ('chat/completions', json_encode({ model => 'gpt-4o',
            messages => [ { role => 'user', content => 'TEXT' } ] }));
    (my $escaped = $text) =~ s/\n/\\n/g;
    $json =~ s/TEXT/$escaped/;

    my $least;

    for (1 .. RUNS) {
        my $longest = waits("$where/v1/$uri", $json);
        $least = $longest if !defined $least || $longest < $least;
        last if $least < BOUND / 2;
    }

    my ($status, $est, undef, $counted) = split ' ', (logged())[-1] // '';
    is($status, 200, "$name: answered");
    cmp_ok($est, '>', SIZE / 200, "$name: $est tokens");
    is($counted, $est, "$name: and no other number after") if !$where;

    $lines = () = logged(1);

    return $least;
}


# the longest answer to a ping while this is sent and answered

sub waits {
    my ($uri, $json) = @_;

    my $socket = http_connect($t->port(8080));
    my ($worker) = $t->workers;
    my $pid = fork // die "fork: $!\n";

    if ($pid == 0) {
        http_post($uri, $json);
        POSIX::_exit(0);
    }

    my ($longest, $done) = (0, 0);

    while (!$done) {
        $done = waitpid $pid, POSIX::WNOHANG();

        my $start = busy($worker);
        ping($socket);
        my $wait = busy($worker) - $start;

        $longest = $wait if $wait > $longest;
        sleep 0.002;
    }

    return $longest;
}


sub ping {
    my ($socket) = @_;

    syswrite $socket, "GET /ping HTTP/1.1\r\nHost: localhost\r\n\r\n";

    my $answer = '';
    while ($answer !~ /\r\n\r\n/) {
        sysread $socket, $answer, 4096, length $answer or die "no answer\n";
    }
}


# seconds that a process has run; where the kernel does not tell, it is the
# time of day

sub busy {
    my ($pid) = @_;

    my ($ns) = $t->slurp("/proc/$pid/schedstat") =~ /^(\d+) /;
    return defined $ns ? $ns / 1e9 : time;
}


# a process that asks again and again

sub client {
    my $pid = fork // die "fork: $!\n";
    return $pid if $pid;

    http_post('/v1/chat/completions', body('quick')) for 1 .. 40;
    POSIX::_exit(0);
}


sub body {
    my ($word) = @_;

    return { model => 'gpt-4o', messages => [ { role => 'user',
        content => "$word request" } ] };
}


sub prices {
    my ($usd) = @_;

    $t->write_file('prices.json', json_encode({ models => {
        'gpt-4o' => { input => $usd, output => 1 } } }));
}


# the lines of the log since the last measurement, or all

sub logged {
    my ($all) = @_;

    my @lines = $t->log_lines('lag.log');
    return $all ? @lines : @lines[$lines .. $#lines];
}
