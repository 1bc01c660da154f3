#!/usr/bin/perl

# Two gateways that share limits, while their own processes are killed,
# reloaded, stopped, and clients leave.

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
my $proxy = AI::Test::Redis->proxy($A, $redis);

my %o = (mock => $mock, options => 'on_error=local timeout=1s', more => <<'EOC',
location /of/few/ {
            ai_limit zone=few requests=$http_x_requests/month;
            ai_limit zone=few concurrency=500;
            ai_pass a;
        }
EOC
         zones => [ 'few' ]);
my $B = node(%o, redis => $proxy);
node(%o, t => $A, redis => $redis);
my @nodes = ($A, $B);
$_->without('C1', 'requests are cut off, which nodes_check() knows')
    for @nodes;
$_->run for @nodes;
for my $node (@nodes) {
    $node->select;
    $node->wait_for(sub { http_get('/health')->body eq 'up' }, 5);
}
sleep 0.5;

sub few {
    my ($n, $nodes, $limit, $team) = @_;
    return passed(many($n, $nodes, '/of/few/chat/completions',
                       'X-Team' => $team, 'X-Requests' => $limit));
}

# --- a client leaves while its request waits for a lease

my @gone;
$proxy->fault('deaf');
for (1 .. 5) {
    $B->select;
    my $s = http_post('/of/few/chat/completions', chat(max_tokens => 50),
                      'X-Team' => 'gone', 'X-Requests' => 5, -start => 1);
    push @gone, $s;
}
sleep 0.2;
is(scalar($mock->ledger), 0, 'they wait');
close $_ for @gone;
sleep 0.3;
$proxy->fault('end');
$proxy->fault('plain');
sleep 0.5;
is(scalar($mock->ledger), 0, 'clients have left: nothing was asked');
for my $node (@nodes) {
    my $rows = nodes_limits($node, 'few', 'gone');
    my $of = join ' ', map { "$_: $rows->{$_}{used} $rows->{$_}{reserved}" }
        grep { $rows->{$_}{used} || $rows->{$_}{reserved} } keys %$rows;
    is($of, '', 'nothing is used or reserved');
}
$B->select;
ok($B->wait_for(sub { http_get('/health')->body eq 'up' }, 5), 'up again');
is(few(5, [ $A ], 5, 'gone'), 5, 'all five can be used by the other');
is(few(5, \@nodes, 5, 'gone'), 0, 'and no more');

# --- all of a node is killed: what it has told stays, its leases end

my $used = 0;
my $killed = time;
while ($used < 400 && time < $killed + 3) {
    $used += few(8, [ $B ], 4000, 'node');
}
cmp_ok($used, '>=', 40, "the one has used $used of 4000");
my $its = sub {
    my ($c) = grep { keys %{ $_->{fields} } && $_->{used} == $used }
        values %{ counters($redis) };
    return $c;
};
ok($A->wait_for($its, 2), 'and told it');
kill_all($B);
$killed = time;
my $leased = $its->()->{leased};
cmp_ok($leased, '>', 0, "it had leased $leased");
my $rest = 4000 - $used;
is(few(1, [ $A ], 4000, 'node'), 1, 'the other goes on');
my $row;
$A->wait_for(sub {
    $row = nodes_limits($A, 'few', 'node')->{'requests/month'};
    return $row && $row->{used} == $used + 1;
}, 4);
is($row->{used}, $used + 1, 'it knows what was used');

# meanwhile, by A alone

sub under {
    my ($what, $do, %o) = @_;

    my $load = nodes_load($o{nodes} // \@nodes, CLIENTS,
                          streams => $o{streams});
    sleep 0.4;
    $do->();
    my $did = load_stop($A, $load);
    cmp_ok($did->{bad}, '<=', $o{bad} // 0,
           "$what: all but $did->{bad} of " . ($did->{ok} + $did->{bad})
           . ' requests are answered');
    nodes_check($redis, $o{nodes} // \@nodes, $o{seconds} // 3, $what,
                cut => $o{cut});
}

under('reloads', sub {
    for (1 .. 4) { $A->reload or fail('reload'); sleep 0.2 }
}, nodes => [ $A ], streams => 1);

my $cut = 0;
$_->allow(qr/worker process \d+ exited on signal 9/,
          qr/shared memory zone "\w+" was locked by/) for @nodes;
under('workers are killed', sub {
    for (1 .. 4) {
        sleep 0.3;
        my @w = $A->workers;
        kill 'KILL', $w[ rand @w ];
        $A->wait_for(sub { $A->workers == 2 }, 5);
        $cut += CLIENTS;
    }
}, nodes => [ $A ], bad => 4 * CLIENTS, cut => 4 * CLIENTS);

# all that is left can be had when its leases have ended, and not before: asks
# for as much as is free without them

sleep 0.1 while time < $killed + 26;
my $c = $its->() // (grep { $_->{used} == $used + 1 } values %{
    counters($redis) })[0];
is($c->{leased}, $leased, 'after 26 s it is still leased');
sleep 0.1 while time < $killed + 31.5;
($c) = grep { $_->{used} == $used + 1 } values %{ counters($redis) };
is($c->{leased}, 0, 'after 31 s it is not');

$B->run;
$B->select;
$B->wait_for(sub { http_get('/health')->body eq 'up' }, 5);
many(2, \@nodes, '/of/few/chat/completions', 'X-Team' => 'node',
     'X-Requests' => 4000);
for my $node (@nodes) {
    ok($node->wait_for(sub {
        my $row = nodes_limits($node, 'few', 'node')->{'requests/month'};
        $row && $row->{used} == $used + 3;
    }, 4), 'it is back: what it has used counts once');
}
($c) = grep { $_->{used} == $used + 3 } values %{ counters($redis) };
is(join(' ', sort { $a <=> $b } map { $c->{fields}{$_} }
        grep { /^u:/ } keys %{ $c->{fields} }), '2 ' . ($used + 1),
   'Redis: so much of one, and two of the other');

# --- a worker is killed while requests wait for Redis

$proxy->fault('deaf');
my $pid = fork // die;
if (!$pid) {
    my @r = many(20, [ $B ], '/v1/chat/completions', 'X-Team' => 'w');
    $B->write_file('waited', passed(@r));
    POSIX::_exit(0);
}
$B->{own}{waited} = 1;
sleep 0.3;
my @w = $B->workers;
kill 'KILL', $w[0];
waitpid $pid, 0;
my $waited = $B->read_file('waited');
cmp_ok($waited, '<=', 20, "$waited of 20 waited at the other worker");
$B->wait_for(sub { $B->workers == 2 }, 5);
$proxy->fault('end');
$proxy->fault('plain');
many(2, \@nodes, '/v1/chat/completions', 'X-Team' => 'w');
nodes_check($redis, \@nodes, 5, 'a worker was killed while they waited',
            key => 'w');

# --- a limit holds while all of this happens: Redis was always there

$mock->clear;
my $load = load_start($A, CLIENTS, sub {
    my ($client, $n) = @_;
    $nodes[ $client % 2 ]->select;
    my $r = http_post('/of/few/chat/completions', chat(max_tokens => 50,
        user => 'exact'), 'X-Team' => 'exact', 'X-Requests' => 150);
    return ($r->status // 0) == 200;
});
for (1 .. 3) {
    sleep 0.2;
    $_->reload for @nodes;
    my $node = $nodes[ $_ % 2 ];
    my @w = $node->workers;
    kill 'KILL', $w[ rand @w ];
    $cut += CLIENTS;
}
my $deadline = time + 8;
sleep 0.2 while time < $deadline && 140 > grep {
    ($_->{json}{user} // '') eq 'exact' } $mock->ledger;
sleep 1;
load_stop($A, $load);
my $asked = grep { ($_->{json}{user} // '') eq 'exact' } $mock->ledger;
cmp_ok($asked, '<=', 150, "kills and reloads: $asked of 150");
cmp_ok($asked, '>=', 110, 'kills and reloads: most of them');

# --- with both

under('both are reloaded', sub {
    for (1 .. 2) {
        for my $node (@nodes) { $node->reload or fail('reload'); sleep 0.1 }
    }
}, streams => 1, cut => $cut);

under('one stops and starts', sub {
    sleep 0.3;
}, cut => $cut);
$B->stop;
$B->run;
nodes_check($redis, \@nodes, 4, 'stopped and started', cut => $cut);
