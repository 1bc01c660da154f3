#!/usr/bin/perl

# Two gateways and their Redis, which is not there, dies, hangs, answers late,
# in pieces or with nonsense: no request notices, nothing is lost or counted
# twice, and nobody has to do anything when it is back.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Time::HiRes qw/ sleep time /;

use AI::Test;
use AI::Test::Chat;
use AI::Test::Checks;
use AI::Test::Nodes;
use AI::Test::Storm;

use constant CLIENTS => 4;

my $A = AI::Test->new;
my $mock = spend_mock($A);
my $redis = AI::Test::Redis->start($A);
my $proxy = AI::Test::Redis->proxy($A, $redis);

my $B = node(mock => $mock, redis => $proxy);
node(t => $A, mock => $mock, redis => $redis);
my @nodes = ($A, $B);

sub up {
    my ($node, $want) = @_;

    $node->select;
    return $node->wait_for(sub { http_get('/health')->body eq $want }, 5);
}

# requests go on while something happens; all are answered
sub under {
    my ($what, $do, %o) = @_;

    my $load = nodes_load(\@nodes, CLIENTS);
    sleep 0.3;
    $do->();
    my $did = load_stop($A, $load);
    is($did->{bad}, 0, "$what: all $did->{ok} requests are answered");
    cmp_ok($did->{ok}, '>', 10, "$what: so many");
    nodes_check($redis, \@nodes, 3, $what, %o);
}

# what both say is looked at in some cases
my @redis = (units => [ qw/ cost tokens requests / ]);

# --- not there when nginx starts

$redis->kill;
$_->run for @nodes;
under('absent at start', sub { sleep 0.7; $redis->run });
ok(up($_, 'up'), 'it is up') for @nodes;
my @marks = map { fd_mark($_) } @nodes;

# --- it dies, and is empty when it is back

under('killed', sub { $redis->kill; sleep 1.2; $redis->run });
under('killed, at once there again', sub { $redis->restart; sleep 0.5 },
      @redis);
under('again and again', sub {
    for (1 .. 2) { $redis->restart; sleep 2 }
}, @redis);

# --- it hangs

under('frozen', sub { $redis->freeze; sleep 1.5; $redis->thaw });
under('frozen for a moment', sub {
    for (1 .. 5) { $redis->freeze; sleep 0.1; $redis->thaw; sleep 0.2 }
}, @redis);

# --- what happens on the way to one of the two

for my $faults ([ 'delay 0.2', 'delay 0.03', 'bytes', 'cut' ],
                [ 'garbage', 'hole', 'deaf', 'refuse', 'end' ],
                [ 'error LOADING Redis is loading the dataset in memory',
                  'error READONLY You can\'t write against a replica.',
                  'error OOM command not allowed', 'error BUSY',
                  'error NOSCRIPT No matching script.',
                  'error NOAUTH Authentication required.',
                  'error MOVED 1234 127.0.0.1:6381',
                  'error MISCONF Redis is configured to save snapshots',
                  'error ERR invalid scope', 'error NOPERM this user has none',
                ],
                [ 'every NOAUTH Authentication required.',
                  'every LOADING Redis is loading the dataset in memory' ])
{
    under(join(', ', map { /^(\w+ ?[\w.]*)/ } @$faults), sub {
        for my $fault (@$faults) {
            $proxy->fault($fault);
            sleep 0.35;
            $proxy->fault('plain');
            sleep 0.05;
        }
    }, @redis);
}

# the answer of what was done is lost, then the connection
under('unknown outcome', sub {
    for (1 .. 4) {
        $proxy->fault('hole');
        sleep 0.08;
        $proxy->fault('end');
        $proxy->fault('plain');
        sleep 0.2;
    }
}, @redis);

# --- two that are one no longer: each node has a server of its own for a while

my $other = AI::Test::Redis->start($A, options => [ '--replicaof',
                                                    '127.0.0.1 '
                                                    . $redis->port ]);
$A->wait_for(sub { $other->command('INFO', 'replication')
                   =~ /master_link_status:up/ }, 10);
under('split', sub {
    $other->command(qw/ REPLICAOF NO ONE /);
    $proxy->fault('to ' . $other->port);
    sleep 1.5;
    $proxy->fault('to ' . $redis->port);
    sleep 0.2;
});
$other->stop;

# --- at the end

nodes_check($redis, \@nodes, 8, 'idle', idle => 1);
my $asked = $mock->ledger;
my $sum = nodes_check($redis, \@nodes, 0, 'still');
is($asked, $sum->{requests}, 'the provider was asked as often');

# two connections of a worker, and those to the provider
is_deeply([ map { fd_problems($nodes[$_], $marks[$_], slack => CLIENTS) }
            0, 1 ], [], 'nothing is left open');
