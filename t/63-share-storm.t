#!/usr/bin/perl

# Two gateways that share limits, and all that can happen to them and to their
# Redis, at random, while requests run: the books are right afterwards.  Short
# in the suite; STORM=seconds goes on for so long, TEST_SEED says what happens.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Time::HiRes qw/ sleep time /;

use AI::Test;
use AI::Test::Chat;
use AI::Test::Nodes;
use AI::Test::Storm;

use constant CLIENTS => 6;

my $storm = $ENV{STORM} || 0;
my $seed = $ENV{TEST_SEED} // ($storm ? int rand 1e6 : 1);
srand $seed;

my $A = AI::Test->new;
my $mock = spend_mock($A);
my $redis = AI::Test::Redis->start($A);
my $proxy = AI::Test::Redis->proxy($A, $redis);
my $B = node(mock => $mock, redis => $proxy);
node(t => $A, mock => $mock, redis => $redis);
my @nodes = ($A, $B);
$_->without('C1', 'requests are cut off, which nodes_check() knows')
    for @nodes;

for my $node (@nodes) {
    $node->allow(qr/worker process \d+ exited on signal 9/,
                 qr/shared memory zone "\w+" was locked by/);
    $node->run;
}

my $cut = 0;                # requests that may have been cut off
my @did;

my @faults = (
    [ restart => sub { $redis->restart } ],
    [ away => sub { $redis->kill; sleep rand 1.5; $redis->run } ],
    [ freeze => sub { $redis->freeze; sleep rand 1; $redis->thaw } ],
    [ flush => sub { $redis->command('FLUSHALL') } ],
    [ save => sub { $redis->command('SAVE') } ],
    [ evict => sub {
        my @keys = @{ $redis->command('KEYS', '*') };
        $redis->command('DEL', $keys[ rand @keys ]) if @keys;
    } ],
    [ script => sub { $redis->command('SCRIPT', 'FLUSH') } ],
    [ clients => sub { $redis->command(qw/ CLIENT KILL TYPE normal /) } ],
    (map { my $fault = $_; [ $fault => sub {
        $proxy->fault($fault);
        sleep rand 0.6;
        $proxy->fault('end') if rand() < 0.5;
        $proxy->fault('plain');
    } ] } 'delay 0.03', 'delay 0.3', 'bytes', 'cut', 'garbage', 'hole',
          'deaf', 'refuse', 'error LOADING x', 'error OOM x',
          'error NOSCRIPT x', 'every READONLY x'),
    [ reload => sub { $nodes[ rand 2 ]->reload } ],
    [ worker => sub {
        my $node = $nodes[ rand 2 ];
        my @w = $node->workers;
        $cut += CLIENTS;
        kill 'KILL', $w[ rand @w ] if @w;
    } ],
    [ node => sub {
        my $node = $nodes[ rand 2 ];
        $cut += CLIENTS;
        kill_all($node);
        sleep rand 0.5;
        $node->run;
    } ],
    [ stop => sub {
        my $node = $nodes[ rand 2 ];
        $node->stop;
        $node->run;
    } ],
);

my $rounds = 0;
my $until = time + ($storm || 14);

while (time < $until) {
    my $load = nodes_load(\@nodes, CLIENTS, streams => 1);
    my $end = time + ($storm ? 8 : 6);
    @did = ();

    while (time < $end) {
        my $fault = $faults[ rand @faults ];
        push @did, $fault->[0];
        $fault->[1]->();
        sleep rand 0.6;
    }

    my $did = load_stop($A, $load);
    $rounds++;

    # of what was lost only those hear that are used
    many(4, \@nodes, '/v1/chat/completions', 'X-Team' => 'a');
    nodes_check($redis, \@nodes, 5, "round $rounds", cut => $cut);
    note("@did; $did->{ok} answered, $did->{bad} not");
}

cmp_ok($rounds, '>', 1, "seed $seed");
nodes_check($redis, \@nodes, 10, 'idle', cut => $cut, idle => 1);
