#!/usr/bin/perl

# A Redis that forgets: flushed, restored from an old file, failed over to a
# replica that had not heard of all, keys that are evicted, keys that hold what
# nobody expects.  Two gateways make the sums right again.

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

use constant CLIENTS => 4;

my $A = AI::Test->new;
my $mock = spend_mock($A);
my $redis = AI::Test::Redis->start($A);
my $B = node(mock => $mock, redis => $redis);
node(t => $A, mock => $mock, redis => $redis);
my @nodes = ($A, $B);
$_->run for @nodes;

sub R { return $redis->command(@_) }

sub under {
    my ($what, $do, %o) = @_;

    my $load = nodes_load(\@nodes, CLIENTS);
    sleep 0.4;
    $do->();
    my $did = load_stop($A, $load);
    is($did->{bad}, 0, "$what: all $did->{ok} requests are answered");
    cmp_ok($did->{ok}, '>', 10, "$what: so many");
    nodes_check($o{redis} // $redis, $o{nodes} // \@nodes, $o{seconds} // 3,
                $what);
}

under('at first', sub { sleep 0.5 });

# --- flushed

under('flushed', sub { R('FLUSHALL'); sleep 0.3 });
under('flushed, five times', sub {
    for (1 .. 5) { R('FLUSHALL'); sleep 0.25 }
});
like(join("\n", map { $_->error_log(qr/told anew/) } @nodes), qr/flushed/,
     'the log says so');

# nobody asks for anything
R('FLUSHALL');
nodes_check($redis, \@nodes, 4, 'flushed, idle');

# --- restored

under('saved', sub { R('SAVE'); sleep 0.3 });
under('restored by a restart', sub { $redis->restart; sleep 0.3 });
$redis->restart;
nodes_check($redis, \@nodes, 4, 'restored, idle');

my @keys = @{ R('KEYS', '*') };
my %dump = map { ($_ => R('DUMP', $_)) } @keys;
under('of an old time', sub {
    for my $key (sort keys %dump) {
        R('RESTORE', $key, 0, $dump{$key}, 'REPLACE');
    }
    sleep 0.3;
});

# one that is of an epoch before
under('of an epoch before', sub {
    my $file = R('DUMP', 'ai:epoch');
    R('DEL', 'ai:epoch');
    sleep 0.8;
    R('RESTORE', 'ai:epoch', 0, $file, 'REPLACE');
    sleep 0.3;
});

# --- evicted

under('evicted', sub {
    for my $key (@{ R('KEYS', 'ai:c:*') }) { R('DEL', $key); sleep 0.1 }
});
under('expired', sub {
    for my $key (@{ R('KEYS', '*') }) { R('PEXPIRE', $key, 1); sleep 0.1 }
});
under('a field is gone', sub {
    for my $key (@{ R('KEYS', 'ai:c:*') }) {
        my %h = @{ R('HGETALL', $key) };
        R('HDEL', $key, $_) for (keys %h)[0];
        sleep 0.1;
    }
});

# --- poisoned: others go on, the alert says so, and it is right again when
# somebody has removed it

$_->allow(qr/under the key "ai:c:.*is no counter/) for @nodes;
my $alerts = 0;

for my $case ([ 'another type' => sub { R('DEL', $_[0]);
                                        R('SET', $_[0], 5) } ],
              [ 'a text' => sub { R('HSET', $_[0], 'u:1', 'many') } ],
              [ 'a huge number' => sub { R('HSET', $_[0], 'u:1',
                                           '9223372036854775807') } ],
              [ 'another field' => sub { R('HSET', $_[0], 'x', 1) } ])
{
    my ($name, $do) = @$case;
    my %from = map { ($_ => -s $_->testdir . '/error.log') } @nodes;

    my $load = nodes_load(\@nodes, CLIENTS);
    sleep 0.3;

    # that of the costs
    my $c = counters($redis);
    my ($key) = sort { $c->{$b}{used} <=> $c->{$a}{used} } keys %$c;
    $do->($key);
    sleep 0.4;

    my @r = many(20, \@nodes, '/v1/chat/completions', 'X-Team' => 'other');
    is(passed(@r), 20, "poisoned, $name: others go on");

    # once a minute and worker
    $alerts++ if $A->wait_for(sub {
        grep { substr($_->read_file('error.log'), $from{$_})
               =~ /\[alert\].*\Q$key\E/ } @nodes;
    }, $alerts ? 0.1 : 3);

    load_stop($A, $load);
    R('DEL', $key);
    nodes_check($redis, \@nodes, 3, "poisoned, $name: removed");
}

cmp_ok($alerts, '>', 0, 'poisoned: an alert names it');

# --- a failover that loses what was acknowledged

$_->stop for @nodes;
my $one = AI::Test::Redis->start($A, name => 'one');
my $two = AI::Test::Redis->start($A, name => 'two', options => [
    '--replicaof', '127.0.0.1 ' . $one->port ]);
$A->wait_for(sub { $two->command('INFO', 'replication')
                   =~ /master_link_status:up/ }, 10);
my $sentinel = AI::Test::Redis->sentinel($A, 'ours', $one);
$A->wait_for(sub { $sentinel->command('SENTINEL', 'replicas', 'ours')->[0] },
             15) or diag('the sentinel knows no replica');

for my $node (@nodes) {
    node(t => $node, mock => 'http://127.0.0.1:' . $mock->port,
         redis => $sentinel, options => 'on_error=local sentinel=ours');
    $node->run;
    $node->select;
    ok($node->wait_for(sub { http_get('/health')->body eq 'up' }, 8),
       'up by the sentinel');
}

# who has not been asked does not ask
many(2, \@nodes, '/v1/chat/completions', 'X-Team' => 'a');
nodes_check($one, \@nodes, 4, 'another Redis: all is told');

my $load = nodes_load(\@nodes, CLIENTS);
sleep 0.5;
$two->freeze;
$one->command(qw/ CLIENT KILL TYPE replica /);
sleep 0.7;
my $had = counters($one);
$one->kill;
$two->thaw;
ok($A->wait_for(sub { $two->command('INFO', 'replication') =~ /role:master/ },
                20), 'the other one is the master');
my $since = time;
sleep 0.5;
my $did = load_stop($A, $load);
is($did->{bad}, 0, "failover: all $did->{ok} requests are answered");
nodes_check($two, \@nodes, 4, 'failover');
note(sprintf 'failover: %.1f s after it is the master', time - $since);
ok(keys %$had, 'something was there');
