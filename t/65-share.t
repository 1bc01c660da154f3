#!/usr/bin/perl

# Two gateways, each of two workers, that share limits through a Redis: what
# is allowed for all of them is never exceeded by them together, can be used
# to the last, and what one has used the other knows.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Digest::SHA qw/ sha256_hex /;
use Test::More;
use Time::HiRes qw/ sleep time /;

use AI::Test;
use AI::Test::Chat;
use AI::Test::Checks;
use AI::Test::Money;
use AI::Test::Nodes;
use AI::Test::Storm;

# requests at the same time
use constant N => AI::Test::is_asan() ? 200 : 1000;

my $A = AI::Test->new;
my $redis = AI::Test::Redis->start($A);

# without a usage: how many tokens the prompt is by our own count
my $mock = $A->mock([ { reply => { json => { %{ reply('ok') },
    usage => undef } } } ], port => 8081);

my $key = 'sk-shared-key-of-two-nodes';
$A->secret($key);

my %o = (
    mock => $mock, redis => $redis, zones => [ qw/ z1 z2 z3 z4 / ],
    keys => 'redis=main', limits => <<'EOC',
ai_limit zone=team cost=$http_x_cost/month tokens=$http_x_tokens/month;
            ai_limit zone=team requests=$http_x_requests/month;
            ai_limit zone=team requests=$http_x_slide/h;
            ai_limit zone=team concurrency=$http_x_conc;
EOC
    more => <<'EOC',
location /of/four/ {
            ai_limit zone=z1 cost=$http_x_cost/month;
            ai_limit zone=z2 cost=$http_x_cost/d;
            ai_limit zone=z3 tokens=$http_x_tokens/h;
            ai_limit zone=z4 requests=$http_x_requests/month;
            ai_pass a;
        }
        location /of/keys/ {
            ai_key_file keys;
            ai_pass a;
        }
EOC
);

my $B = node(%o);
node(%o, t => $A);
for my $node ($A, $B) {
    $node->write_file('keys', 'sha256:' . sha256_hex($key)
        . " id=shared rpm=10 tpm=1000000 budget=50.00/month\n");
    $node->run;
}
my @nodes = ($A, $B);

# both are up, and know the epoch
for my $node (@nodes) {
    $node->select;
    $node->wait_for(sub { http_get('/health')->body eq 'up' }, 5);
}
sleep 0.3;

# --- what a request takes

my ($probe) = many(1, [ $A ], '/v1/chat/completions');
is($probe->{status}, 200, 'a request without limits');
my ($line) = $A->wait_for(sub { @{ money_log($A, 'money.log') } }, 5)
    ? money_log($A, 'money.log')->[0] : {};
my $prompt = $line->{prompt};
cmp_ok($prompt, '>', 0, "its prompt has $prompt tokens");

my $cost = 1000 * $prompt + 2000 * 50;          # nano-USD
my $tokens = $prompt + 50;

my @say = ({ reply => { delay => 0.01, json => { %{ reply('ok') }, usage => {
    prompt_tokens => $prompt, completion_tokens => 50,
    total_tokens => $tokens } } } });
$mock->script(\@say);

sub usd { return sprintf '%d.%09d', $_[0] / 1e9, $_[0] % 1e9 }

# all say the same within two seconds: [ unit => amount ]..
sub seen {
    my ($what, $zone, $team, %want) = @_;

    my ($say, $start) = ('', time);
    $A->wait_for(sub {
        $say = '';
        for my $node (@nodes) {
            my $rows = nodes_limits($node, $zone, $team);
            for (sort keys %want) {
                my $used = $rows->{$_} ? $rows->{$_}{used} : 'nothing';
                $say .= "$_: $used, should be $want{$_}\n"
                    if $used ne $want{$_};
            }
        }
        return $say eq '';
    }, 4);
    my $took = time - $start;
    ok($say eq '' && $took < 2.2, "$what: both know what was used")
        or diag($say, $took);
}

# it is in Redis, and nothing is leased any more
sub settled {
    my ($what, $used, $seconds) = @_;

    my $there = $A->wait_for(sub {
        grep { $_->{used} == $used } values %{ counters($redis) };
    }, 2);
    ok($there, "$what: Redis has it") or diag(explain(counters($redis)));
}

# --- exactly ten, of a thousand at once

for my $case ([ cost => 'cost/month', $cost, 'X-Cost', usd(10 * $cost) ],
              [ tokens => 'tokens/month', $tokens, 'X-Tokens',
                10 * $tokens ],
              [ requests => 'requests/month', 1, 'X-Requests', 10 ],
              [ slide => 'requests/h', 1, 'X-Slide', 10 ],
              [ rest => 'cost/month', $cost, 'X-Cost',
                usd(11 * $cost - 1), 200 ],
              [ one => 'tokens/month', $tokens, 'X-Tokens', $tokens, 200 ],
              [ less => 'tokens/month', $tokens, 'X-Tokens', $tokens - 1,
                100 ])
{
    my ($name, $unit, $each, $header, $limit, $n) = @$case;
    # one that needs more than there is gets all of it
    my $ten = { one => 1, less => 1 }->{$name} // 10;
    $n ||= N;

    $mock->clear;
    my @r = many($n, \@nodes, '/v1/chat/completions', 'X-Team' => $name,
                 $header => $limit);

    is(passed(@r), $ten, "$name: $ten of $n pass");
    is(scalar(grep { $_->{status} == 429 } @r), $n - $ten,
       "$name: all others are refused");
    is(scalar($mock->ledger), $ten, "$name: the provider was asked as often");
    seen($name, 'team', $name, $unit => $ten * $each);
    settled($name, $ten * $each);

    # more does not go through afterwards
    @r = many(6, \@nodes, '/v1/chat/completions', 'X-Team' => $name,
              $header => $limit);
    is(passed(@r), 0, "$name: no more");
}

ok($A->wait_for(sub { leased($redis) == 0 }, 6), 'nothing is leased at last')
    or diag(explain(counters($redis)));

# --- what is left of a limit is not kept by one that does not need it

$mock->clear;
my @r = many(5, [ $A ], '/v1/chat/completions', 'X-Team' => 'left',
             'X-Requests' => 10);
is(passed(@r), 5, 'five of ten by one node');
my $passed = 0;
my $start = time;
while ($passed < 5 && time < $start + 6) {
    $passed += passed(many(1, [ $B ], '/v1/chat/completions',
                           'X-Team' => 'left', 'X-Requests' => 10));
    sleep 0.1;
}
is($passed, 5, 'and five by the other one');
cmp_ok(time - $start, '<', 4.5, 'within what an idle lease lasts');
is(passed(many(10, \@nodes, '/v1/chat/completions', 'X-Team' => 'left',
               'X-Requests' => 10)), 0, 'and no more');

# --- the last of four scopes

for my $round (1 .. 3) {
    my @r = many(N / 2, \@nodes, '/of/four/chat/completions',
                 'X-Team' => "four$round", 'X-Cost' => usd(10 * $cost),
                 'X-Tokens' => 10 * $tokens, 'X-Requests' => 10);
    is(passed(@r), 10, 'four scopes: ten of ' . N / 2);
}
seen('four scopes, z1', 'z1', 'four1', 'cost/month' => 10 * $cost);
seen('four scopes, z3', 'z3', 'four1', 'tokens/h' => 10 * $tokens);

# one of them is used up: the others get back what was taken of them
@r = many(200, \@nodes, '/of/four/chat/completions', 'X-Team' => 'fewer',
          'X-Cost' => usd(10 * $cost), 'X-Tokens' => 10 * $tokens,
          'X-Requests' => 4);
is(passed(@r), 4, 'four scopes: the least of them holds');
seen('four scopes, the others', 'z1', 'fewer', 'cost/month' => 4 * $cost);
sleep 2.5;
@r = many(200, \@nodes, '/of/four/chat/completions', 'X-Team' => 'fewer',
          'X-Cost' => usd(10 * $cost), 'X-Tokens' => 10 * $tokens,
          'X-Requests' => 100);
is(passed(@r), 6, 'four scopes: all of the others can be used');

# --- requests of several sizes: what is left at last is too little for any

my %size = (10 => 'ten', 60 => 'sixty', 150 => 'more', 200 => 'most');
$mock->script([ (map { { match => { body => "\"max_tokens\":$_," }, reply => {
    json => { %{ reply('ok') }, usage => { prompt_tokens => $prompt,
    completion_tokens => $_, total_tokens => $prompt + $_ } } } } }
    sort keys %size), @say ]);
my $limit = 5003;
my $small = $prompt + 10;
my $sized = sub {
    my ($n, @sizes) = @_;
    my @r = burst(map { {
        port => $nodes[ rand 2 ]->port(8080), uri => '/v1/chat/completions',
        headers => { 'X-Team' => 'sizes', 'X-Tokens' => $limit },
        body => '{"max_tokens":' . $sizes[ rand @sizes ] . ',"model":"m",'
            . '"messages":[{"role":"user","content":"hi"}]}',
    } } 1 .. $n);
    return passed(@r);
};
$sized->(300, keys %size);
my $until = time + 8;
my $last = time;
while (time < $until && time - $last < 3.5) {
    $last = time if $sized->(4, 10);
    sleep 0.1;
}
sleep 1.2;
my $rows = nodes_limits($A, 'team', 'sizes');
my $all = $rows->{'tokens/month'}{used};
cmp_ok($all, '<=', $limit, "several sizes: $all of $limit");
cmp_ok($all, '>', $limit - $small, 'what is left is too little for any');
settled('several sizes', $all);
$mock->script(\@say);

# --- at the same time

$mock->script([ { reply => { %{ $say[0]{reply} }, delay => 0.15 } } ]);
$mock->clear;
my %sum;
$until = time + 3;
while (time < $until) {
    my @r = many(40, \@nodes, '/v1/chat/completions', 'X-Team' => 'conc',
                 'X-Conc' => 10);
    $sum{ $_->{status} }++ for @r;
}
my $at_once = at_once($mock);
cmp_ok($at_once, '<=', 10, 'never more than ten at the same time');
cmp_ok($at_once, '>=', 8, "but $at_once");
is(join(' ', sort keys %sum), '200 429', 'all were answered or refused');
$mock->script(\@say);
$A->wait_for(sub { leased($redis) == 0 }, 6);
is(leased($redis), 0, 'nothing is leased afterwards');

# --- limits of a key

@r = many(100, \@nodes, '/of/keys/chat/completions',
          Authorization => "Bearer $key");
is(passed(@r), 10, 'rpm= of a key: ten of both');
is(scalar(grep { $_->{status} == 429 } @r), 90, 'the others are refused');
seen('a key', 'keys', 'shared', 'cost/month' => 10 * $cost);

is_deeply([ canaries($A, redis => [ $redis->port ]) ], [],
          'a key is nowhere in Redis');
is_deeply([ grep { /shared|team|four/ } @{ $redis->command('KEYS', '*') } ],
          [], 'nor are names');


# How many requests the provider had at the same time.

sub at_once {
    my ($mock) = @_;

    my @at = ((map { [ $_->{time}, 1 ] } $mock->ledger),
              (map { [ $_->{time}, -1 ] } $mock->events('reply')));
    my ($now, $most) = (0, 0);

    for (sort { $a->[0] <=> $b->[0] || $a->[1] <=> $b->[1] } @at) {
        $now += $_->[1];
        $most = $now if $now > $most;
    }
    return $most;
}
