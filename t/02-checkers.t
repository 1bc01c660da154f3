#!/usr/bin/perl

# The checkers of the money protocol, themselves: they find nothing where all
# is well, and each of them what it is for when that is planted.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Time::HiRes qw/ sleep time /;

use AI::Test;
use AI::Test::Checks;
use AI::Test::HTTP qw/ http_connect /;
use AI::Test::Money;

my $t = AI::Test->new;


# --- C1 to C3 on accounts made by hand -------------------------------------

# Two keys of one team and one of another; a and c cost 2 and 10 nano a token,
# one request was refused, and one begun in the window before.

my @calls = (
    # tag key team  start prompt completion
    [ 1, 'a', 'red',   90, 100, 10 ],
    [ 2, 'a', 'red',  110, 200, 20 ],
    [ 3, 'b', 'red',  120, 300, 30 ],
    [ 4, 'c', 'blue', 130, 400, 40 ],
    [ 5, 'c', 'blue', 150, 500,  0 ],
);


sub usd { return sprintf '0.%09d', $_[0] }


sub log_line {
    my ($tag, $key, $team, $start, $in, $out) = @_;

    return { tag => "$tag", key => $key, team => $team, status => '200',
        attempts => '1', prompt => "$in", completion => "$out",
        cost => usd(2 * $in + 10 * $out), source => 'provider',
        msec => $start + 3, request_time => '3.000', model => 'm' };
}


sub usage_row {
    my ($dims, $n, $in, $out) = @_;

    return { %$dims, requests => $n, prompt_tokens => $in,
        completion_tokens => $out, cost => usd(2 * $in + 10 * $out) };
}


sub limit_row {
    my ($zone, $key, $unit, $limit, $used, $reserved) = @_;

    my $show = $unit eq 'cost' ? \&usd : sub { $_[0] };

    return { zone => $zone, key => $key, unit => $unit, period => 'd',
        window_start => 100, window_end => 200, limit => $show->($limit),
        used => $show->($used), reserved => $show->($reserved),
        remaining => $show->($limit - $used - $reserved), reset => 50 };
}


# all in order; what is changed of it is the fault

sub books {
    my $refused = { %{ log_line(6, 'a', 'red', 140, 0, 0) }, status => '429',
                    attempts => '0', source => '' };
    return {
        log => [ map({ log_line(@$_) } @calls), $refused ],
        usage => [
            { group_by => [ 'team' ], data => [
                usage_row({ team => 'red' }, 3, 600, 60),
                usage_row({ team => 'blue' }, 2, 900, 40) ] },
            { group_by => [ 'key', 'team' ], data => [
                usage_row({ key => 'a', team => 'red' }, 2, 300, 30),
                usage_row({ key => 'b', team => 'red' }, 1, 300, 30),
                usage_row({ key => 'c', team => 'blue' }, 1, 400, 40),
                usage_row({ key => 'c', team => 'blue' }, 1, 500, 0) ] },
        ],
        provider => [ map { { tag => $_->[0], model => 'm',
            prompt => $_->[4], completion => $_->[5], sure => \1 } } @calls ],
        prices => { m => [ 2, 10 ] },
        limits => [
            limit_row('team', 'red', 'cost', 5000, 1500, 0),
            limit_row('team', 'blue', 'tokens', 1000, 940, 0),
            limit_row('key', 'a', 'requests', 10, 1, 0),
            limit_row('key', 'b', 'output_tokens', 100, 30, 0),
            limit_row('other', 'x', 'requests', 10, 7, 0),
        ],
        zones => { team => 'team', key => 'key' },
    };
}


sub found {
    my ($change) = @_;

    my $books = books();
    $change->($books) if $change;
    return money_differences($t, %$books);
}


# what is found, and nothing besides

sub finds {
    my ($name, $change, @want) = @_;

    my @found = found($change);
    my @other = @found;

    for my $re (@want) {
        my $n = @other;
        @other = grep { !/$re/ } @other;
        ok(@other < $n, "$name: found") or diag("not $re: @found");
    }
    is("@other", '', "$name: nothing else");
}


is_deeply([ found() ], [], 'books that are in order');

finds('a doubled settle', sub {
    $_[0]{usage}[0]{data}[0] = usage_row({ team => 'red' }, 4, 800, 80);
}, qr/^C1 .*team=red: requests is 4, the log has 3/,
   qr/^C1 .*team=red: prompt_tokens is 800/,
   qr/^C1 .*team=red: completion_tokens is 80/,
   qr/^C1 .*team=red: cost is 2400, the log has 1800 \(\+600\)/);

finds('a dropped settle', sub { pop @{ $_[0]{usage}[1]{data} } },
   qr/^C1 .*key=c,team=blue: requests is 1, the log has 2/,
   qr/^C1 .*prompt_tokens is 400, the log has 900/,
   qr/^C1 .*cost is 1200, the log has 2200/);

finds('one of a series that is gone', sub {
    splice @{ $_[0]{usage}[1]{data} }, 1, 1;
}, qr/^C1 .*key=b,team=red: not there/);

finds('another is charged', sub { $_[0]{usage}[0]{data}[1]{team} = 'green' },
   qr/^C1 .*team=green: not in the log/, qr/^C1 .*team=blue: not there/);

finds('one nano too much', sub {
    $_[0]{usage}[0]{data}[1]{cost} = usd(2 * 900 + 10 * 40 + 1);
}, qr/^C1 .*blue: cost is 2201, the log has 2200 \(\+1\)/);

finds('an answer that is not billed', sub {
    $_[0]{log}[3]{completion} = '0';
    $_[0]{log}[3]{cost} = usd(800);
    $_[0]{usage} = [];
    $_[0]{limits} = [];
}, qr/^C2 request 4: completion is 0, should be 40/,
   qr/^C2 request 4: cost is 800, should be 1200/);

finds('an answer that is billed twice', sub {
    push @{ $_[0]{log} }, $_[0]{log}[1];
    $_[0]{usage} = [];
    $_[0]{limits} = [];
}, qr/^C2 request 2: 2 times in the log/, qr/^C2 request 2: prompt is 400/,
   qr/^C2 request 2: completion is 40/, qr/^C2 request 2: cost is 1200/);

finds('a request that was never sent', sub { shift @{ $_[0]{provider} } },
   qr/^C2 request 1: billed 300 nano, the provider was not asked/);

finds('a provider that was asked for nothing', sub {
    push @{ $_[0]{provider} }, { %{ $_[0]{provider}[0] }, tag => 'x' };
}, qr/^C2 request x: answered 1 times, not in the log/);

finds('an attempt that is forgotten', sub {
    push @{ $_[0]{provider} }, $_[0]{provider}[0];
}, qr/^C2 request 1: prompt is 100, should be 200/,
   qr/^C2 request 1: completion is 10, should be 20/,
   qr/^C2 request 1: cost is 300, should be 600/);

is_deeply([ found(sub { $_[0]{provider}[3]{sure} = \0 }) ], [],
          'an answer whose end may not have come');

finds('more than all of it', sub {
    $_[0]{provider}[3]{sure} = \0;
    $_[0]{provider}[3]{completion} = 39;
}, qr/^C2 request 4: completion is 40, should be 0 to 39/,
   qr/^C2 request 4: cost is 1200, should be 0 to 1190/);

finds('a reservation that stays', sub {
    $_[0]{limits}[0] = limit_row('team', 'red', 'cost', 5000, 1500, 1);
}, qr/^C3 team:red cost.*: 1 is reserved, requests that run have 0/);

is_deeply([ found(sub {
    $_[0]{limits}[0] = limit_row('team', 'red', 'cost', 5000, 1500, 70);
    $_[0]{open} = [ [ 'team', 'red', 'cost', 30 ],
                    [ 'team', 'red', 'cost', 40 ] ];
}) ], [], 'reservations of requests that run');

finds('a doubled settle in a limit', sub {
    $_[0]{limits}[0] = limit_row('team', 'red', 'cost', 5000, 2400, 0);
}, qr/^C3 team:red cost.*: used is 2400, should be 1500/);

finds('a request in the wrong window', sub {
    $_[0]{limits}[2] = limit_row('key', 'a', 'requests', 10, 2, 0);
}, qr/^C3 key:a requests.*: used is 2, should be 1/);

is_deeply([ found(sub {
    $_[0]{limits}[2] = limit_row('key', 'a', 'requests', 10, 2, 0);
    $_[0]{slack} = 11;
}) ], [], 'but near to its edge');

finds('a limit that was overrun', sub {
    $_[0]{limits}[1] = limit_row('team', 'blue', 'tokens', 939, 940, 0);
    $_[0]{limits}[1]{remaining} = 0;
}, qr/^C3 team:blue tokens.*: 940 of 939 used/);

finds('a wrong remainder', sub { $_[0]{limits}[1]{remaining} = 61 },
   qr/^C3 team:blue.*: remaining is 61 of 1000/);

finds('less than nothing', sub {
    $_[0]{limits}[4] = limit_row('other', 'x', 'requests', 10, -1, 0);
}, qr/^C3 other:x.*: negative: used -1/);

finds('a slot that is not given back', sub {
    push @{ $_[0]{limits} },
        limit_row('key', 'a', 'concurrency', 5, 1, 0);
}, qr/^C3 key:a concurrency.*: 1 is reserved/);

finds('a counter that is there twice', sub {
    push @{ $_[0]{limits} }, $_[0]{limits}[3];
}, qr/^C3 key:b.*: twice in the list/);


# --- C2 on a log and a ledger that were really written ----------------------

my %answer = (id => 'chatcmpl-1', object => 'chat.completion', created => 1,
    model => 'gpt-x', choices => [ { index => 0, finish_reason => 'stop',
        message => { role => 'assistant', content => 'Hello.' } } ],
    usage => { prompt_tokens => 1000, completion_tokens => 7,
               total_tokens => 1007 });

my $mock = $t->mock([
    { match => { body => 'fail', nth => 1 }, reply => { status => 500 } },
    { match => { body => 'cut' }, reply => { json => \%answer, cut => 50 } },
    { reply => { json => \%answer } },
], port => 8081);

my $redis = $t->redis;
my $format = money_format('money', tag => '$ai_user');

$t->write_file_expand('nginx.conf', <<"EOF");
%%TEST_GLOBALS%%

worker_processes 1;

events {
}

http {
    %%TEST_GLOBALS_HTTP%%

    $format
    access_log %%TESTDIR%%/money.log money;

    ai_price gpt-x input=2 output=10;

    ai_provider p {
        api openai;
        endpoint http://127.0.0.1:%%PORT_8081%%/v1;
    }

    server {
        listen 127.0.0.1:%%PORT_8080%%;

        location /v1/ { ai_pass p; }
        location = /ping { access_log off; return 204; }
    }
}
EOF

$t->run;


sub ask {
    my ($tag, $text) = @_;

    return http_post('/v1/chat/completions', { model => 'gpt-x',
        user => $tag, messages => [ { role => 'user', content => $text } ] });
}


ask("t$_", $_ == 2 ? 'fail' : $_ == 3 ? 'cut' : 'hello') for 1 .. 5;

$t->wait_for(sub { $t->log_lines('money.log') == 5 });
my $log = money_log($t, 'money.log');
my $rows = money_provider($mock);
my @prices = (prices => { 'gpt-x' => [ 2000, 10000 ] }, token_slack => 50);

is(@$rows, 5, 'what the provider was asked');
is_deeply([ map { $_->{prompt} } grep { $_->{tag} eq 't1' } @$rows ], [ 1000 ],
          'its own account');

is_deeply([ money_differences($t, log => $log, provider => $rows, @prices) ],
          [], 'a real log and a real ledger');

my @found = money_differences($t, log => [ @$log[0 .. 3] ],
                              provider => $rows, @prices);
is("@found", 'C2 request t5: answered 1 times, not in the log',
   'a line of the log is gone');

@found = money_differences($t, log => [ @$log, $log->[0] ],
                           provider => $rows, @prices);
like("@found", qr/^C2 request t1: 2 times in the log.*prompt is 2000/,
     'a line of the log is doubled');


# --- C4: file descriptors -----------------------------------------------------

ask('t6', 'hello');
my $mark = fd_mark($t);

ask("t$_", 'hello') for 7 .. 9;
is_deeply([ fd_problems($t, $mark) ], [], 'nothing is left open');

my $held = http_connect($t->port(8080));
$t->wait_for(sub { fd_problems($t, $mark, wait => 0) }, 5);
like(join(' ', fd_problems($t, $mark, wait => 0.2)),
     qr/^worker \d+: 1 more of socket$/, 'a connection is left open');
is_deeply([ fd_problems($t, $mark, wait => 0, slack => 1) ], [],
          'one may be');

close $held;
is_deeply([ fd_problems($t, $mark) ], [], 'and is gone');


# --- C5: canaries -------------------------------------------------------------

my @texts = ('sk-canary-0123456789', 'Lorem ipsum dolor sit amet');

$t->write_file('own.txt', $texts[0]);
is_deeply([ canaries($t, texts => \@texts, redis => [ $redis ]) ], [],
          'no canary anywhere');


sub leave {
    my ($name, $bytes) = @_;

    $t->write_file($name, $bytes);
    delete $t->{own}{$name};
    my @seen = canaries($t, texts => \@texts);
    unlink $t->testdir . "/$name";
    return "@seen";
}


is(leave('x.bin', "\0\1$texts[0]\xff"), 'canary sk-can... in x.bin',
   'in a binary file');
is(leave('a_temp/b/c', "xx$texts[1]"), 'canary Lorem ... in a_temp/b/c',
   'in a temporary folder');
is(leave('hex', uc unpack 'H*', "abc$texts[0]"), 'canary sk-can... in hex',
   'in hex');

for my $before (0 .. 3) {
    my $text = MIME::Base64::encode_base64('"' x $before . "$texts[1]\"", '');
    is(leave('base64', "{$text}"), 'canary Lorem ... in base64',
       "in base64, $before bytes before it");
}

for my $command ([ 'SET', "k:$texts[0]", 1 ], [ 'SET', 'k', $texts[0] ],
                 [ 'HSET', 'k', 'f', $texts[0] ],
                 [ 'RPUSH', 'k', 1, $texts[0] ], [ 'SADD', 'k', $texts[0] ],
                 [ 'ZADD', 'k', 1, $texts[0] ],
                 [ 'XADD', 'k', '*', 'f', $texts[0] ])
{
    redis_do(@$command);
    like(join(' ', canaries($t, texts => \@texts, redis => [ $redis ])),
         qr/^canary sk-can... in redis $redis: k[^ ]*$/,
         "in Redis, by $command->[0]");
    redis_do('FLUSHALL');
}


sub redis_do {
    my $s = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
                                  PeerPort => $redis, Proto => 'tcp');
    AI::Test::Checks::redis($s, @_);
}


# --- C6: the loop ---------------------------------------------------------------

my $probe = lag_start($t, '/ping');
sleep 0.5;
my $lag = lag_stop($t, $probe);

cmp_ok($lag->{n}, '>', 5, "$lag->{n} looks");
cmp_ok($lag->{max}, '<', 0.2, sprintf 'lag of %.1f ms', $lag->{max} * 1000);

$probe = lag_start($t, '/ping');
my ($worker) = $t->workers;

kill 'STOP', $worker;
sleep 0.4;
kill 'CONT', $worker;
sleep 0.2;
$lag = lag_stop($t, $probe);

cmp_ok($lag->{max}, '>', 0.3, sprintf 'a loop that stood still: %.0f ms',
       $lag->{max} * 1000);


# --- at the end of every test ---------------------------------------------------

# C1 to C6 as AI::Test has them: on files that a test leaves behind.  A planted
# fault is found by its checker, and by no other.

# what a check says of an object; all of them: a hash

sub said {
    my ($o, @names) = @_;

    my %all;
    for ($o->checkers) {
        my ($name, @problems) = @$_;
        $all{ substr $name, 0, 2 } = "@problems" if @problems;
    }
    return @names ? $all{ $names[0] } // '' : \%all;
}


sub object {
    my ($lines, $format) = @_;

    my $o = AI::Test->new;
    my $m = $o->mock([ { reply => { json => \%answer } } ], port => 8081);

    $o->write_file_expand('nginx.conf', <<"EOF2");
%%TEST_GLOBALS%%

worker_processes 2;

events {
}

http {
    %%TEST_GLOBALS_HTTP%%

    log_format other '$format';
    access_log %%TESTDIR%%/other.log other;

    ai_zone ai 1m state=%%TESTDIR%%/state;
    ai_limit_zone \$http_x_key zone=key:256k;
    ai_price * input=2 output=10;

    ai_provider p {
        api openai;
        endpoint http://127.0.0.1:%%PORT_8081%%/v1;
        key sk-provider-0123456789;
    }

    server {
        listen 127.0.0.1:%%PORT_8080%%;

        location /v1/ {
            ai_limit zone=key cost=100/d requests=1000/m tokens=9000000/h;
            ai_pass p;
        }
        $lines
    }
}
EOF2
    $o->run;
    $o->select;

    http_post('/v1/chat/completions', { model => 'gpt-x', messages => [
        { role => 'user', content => "A question of some length, number $_." }
    ] }, 'X-Key' => "k$_", Authorization => 'Bearer sk-client-9876543210')
        for 1 .. 4;
    return $o;
}


my $o = object('', '$status');
is(scalar($o->workers), 2, 'an object with money');
my @names = map { substr $_->[0], 0, 2 } $o->end_checks;
is("@names[-6 .. -1]", 'C1 C2 C3 C4 C5 C6', 'has all checks at its end');
is_deeply(said($o), {}, 'where all is well they find nothing');

my ($book) = glob $o->testdir . '/state/ledger.*';
my $snapshot = $o->testdir . '/state/snapshot';
my $log_file = $o->testdir . '/ai-end.log';
my ($mock_log) = glob $o->testdir . '/mock-1.jsonl';


# a file for a while: what is found then

sub with {
    my ($file, $change) = @_;

    my $was = $o->slurp($file);
    my $bytes = $was;
    $change->($bytes) for $bytes;
    put($file, $bytes);
    my $found = said($o);
    put($file, $was);
    return $found;
}


sub put {
    my ($file, $bytes) = @_;

    open my $fh, '>', $file or die "$file: $!\n";
    binmode $fh;
    print $fh $bytes;
    close $fh;
}


# where the n-th chunk of a type begins in a snapshot, its fields

sub chunk {
    my ($bytes, $type, $n) = @_;

    for (my $at = 0; $at < length $_[0]; ) {
        my ($is, $len) = unpack "\@$at a4 V", $_[0];
        return $at + 12 if $is eq $type && !$n--;
        $at += 12 + $len;
    }
    die "no $type";
}


sub add {
    my ($at, $n) = @_;
    substr($_, $at, 8) = pack 'q<', $n + unpack "\@$at q<", $_;
}


my $found = with($log_file, sub { s/^.*\n// });
like($found->{C1}, qr/^requests is 4 in the books, the log has 3 .*prompt is 4000 .*cost is 8280000 /,
     'C1: a request that is not in the log');
is_deeply([ sort keys %$found ], [ 'C1', 'C2' ], 'which the provider knows of');

$found = with($log_file, sub { s/^(.*\n)/$1$1/ });
like($found->{C1}, qr/^requests is 4 in the books, the log has 5 /,
     'C1: one that is in the log twice');
like($found->{C2}, qr/^prompt: the log has 5000 by providers, who have told of 4000 /,
     'C2: more than the provider has told of');

$found = with($log_file, sub { s/"cost":"0.00207/"cost":"0.00208/ });
is_deeply($found, { C1 => 'cost is 8280000 in the books, the log has 8290000' },
          'C1: money');

$found = with($mock_log, sub { s/^(.*"event": "reply".*\n)/$1$1/m });
like($found->{C2}, qr/^prompt: providers have told of 5000, the log has 4000/,
     'C2: an answer that was not billed');
is_deeply([ keys %$found ], [ 'C2' ], 'which no other check sees');

$found = with($snapshot, sub { add(chunk($_, 'cel1') + 8 * 11, 1) });
is($found->{C1}, 'cost is 8280001 in the books, the log has 8280000',
   'C1: a nano too much in the books');
is($found->{C3}, 'cost is 8280001, all records have 8280000',
   'C3: which no record has');

$found = with($snapshot, sub { add(chunk($_, 'qua1') + length($_) * 0
    + quota_used($_), 7) });
like($found->{C3}, qr/^"k\d" unit \d period -?\d+, window \d+: \d+, all records have \d+$/,
     'C3: a counter that no record tells of');
is_deeply([ keys %$found ], [ 'C3' ], 'which no other check sees');

$found = with($snapshot, sub { add(chunk($_, 'cel1') + 8 * 3, -9) });
like($found->{C3}, qr/a cell with -\d.*requests is -5/, 'C3: less than nothing');

$found = with($book, sub { substr($_, 4096 + 2048 + 5 * 512 + 360, 8) =
                               pack 'q<', 1 });
like($found->{C3}, qr/^1 requests are open in ledger\./,
     'C3: a reservation that stays');

$found = with($snapshot, sub {
    my $at = chunk($_, 'mrk1') + 4 + 16;
    add($at, -1);
});
like($found->{C3}, qr/^ledger\.\w+: the snapshot has it up to \d+ of \d+$/,
     'C3: a record that is not in the snapshot');

$found = with($book, sub {
    my $at = 4096 + 2048 + 16384 * 512 + 3 * 512 + 8;
    substr($_, $at, 8) = pack 'q<', 77;
});
like($found->{C3}, qr/^record 3 is 77/, 'C3: a record that is none');

$found = with($snapshot, sub { $_ = substr $_, 0, -5 });
like($found->{C3}, qr/the snapshot is cut/, 'C3: a snapshot that is cut');


# the first number that a quota has used, from its start

sub quota_used {
    my $at = chunk($_[0], 'qua1');
    my $key = unpack '@' . ($at + 16) . ' V', $_[0];
    my $period = unpack '@' . ($at + 20 + $key + 8) . ' q<', $_[0];
    my $first = 20 + $key + 4 * 8;
    return $period < 0 ? $first + 16
        : $first + 8 + 8 * ((unpack '@' . ($at + $first) . ' q<', $_[0]) % 65);
}


is(eval { $o->without('C1', ''); 1 }, undef, 'no check is left out silently');
is(eval { $o->without('C7', 'there is none'); 1 }, undef, 'nor an unknown one');
$o->without('C1 C2', 'the log is tampered with');
is_deeply(with($log_file, sub { s/^.*\n// }), {}, 'but for a reason');
$o->discard;

# C4: what is open, at the end of a test and by itself

my $child = $t->run_daemon(sub {
    my @held = map { open my $fh, '<', $0; $fh } 1 .. 3;
    sleep 60;
});
$t->wait_for(sub { glob("/proc/$child/fd/*") && !!grep {
    (readlink $_ // '') =~ /02-checkers/ } glob "/proc/$child/fd/*" });
like(join(' ', AI::Test::End::left_open($child)),
     qr/^worker $child: 3 times .*02-checkers\.t/, 'C4: a file is left open');
$t->stop_daemon($child, 'KILL');

$o = object('', '$status');
my $client = http_connect($o->port(8080));
sleep 0.1;
my @stopped = $o->workers;
kill 'STOP', @stopped;
close $client;
like(join(' ', AI::Test::End::end_left_open(@stopped)),
     qr/worker \d+: 1 sockets whose other side has closed them/,
     'C4: a connection that nobody closes');
kill 'CONT', @stopped;
is_deeply([ AI::Test::End::end_left_open(@stopped) ], [], 'and when it is');
$o->discard;

# C5: what a log must not have

for my $case ([ '$http_authorization', 'credential (sk-cli...)' ],
              [ '$request_body', 'prompt (A ques...)' ])
{
    my ($variable, $what) = @$case;
    $o = object('', $variable);
    $o->end_checks;
    is(said($o, 'C5'), "a $what in other.log", "C5: $variable in a log");
    $o->discard;
}

$o = object('location = /key { return 200 $http_x_key; }', '$status');
http_get('/key', 'X-Key' => 'sk-provider-0123456789');
$o->end_checks;
like(said($o, 'C5'), qr/^a credential \(sk-pro\.\.\.\) in answer \d+/,
     'C5: the key of a provider in an answer');
$o->discard;

$o = object('', '$status');
my $store = AI::Test::Redis->start($o, password => 'sk-redis-0123456789',
    options => [ '--requirepass', 'sk-redis-0123456789' ]);
$store->command('HSET', 'k', 'f', 'Bearer sk-client-9876543210');
$o->end_checks;
like(said($o, 'C5'), qr/^a credential \(sk-cli\.\.\.\) in redis-\d+: k$/,
     'C5: a credential in Redis');
$o->discard;

# C6: a loop that was busy, and one that was away

my $slower = $t->is_asan ? 5 : 1;

for my $case ([ "end = time.thread_time() + 0.1 * $slower
while time.thread_time() < end: pass", qr/^worker \d+ has worked for \d+ ms/ ],
              [ "time.sleep(1.3 * $slower)", qr/^worker \d+ was away for \d+ ms/ ],
              [ 'time.sleep(0.01)', qr/^$/ ])
{
    my ($code, $want) = @$case;

    $o = AI::Test->new;
    $o->write_file('lag.py', "import select, time\ne = select.epoll()\n"
        . "for i in range(3): e.poll(0.01)\n$code\ne.poll(0.01)\n");
    $o->{runs} = 1;
    my ($rc, undef, $err) = $o->capture([ 'python3', $o->testdir . '/lag.py' ],
                                        env => { $o->preload });
    is($rc, 0, 'a loop') or diag($err);
    like(said($o, 'C6'), $want, 'C6: ' . ($code =~ s/\n.*//sr));
    $o->discard;
}

$t->select;
