#!/usr/bin/perl

# What was spent while two binaries run: USR2, and then the old one goes, or
# the new one.  STORM=seconds: more often.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use POSIX ();
use Test::More;
use Time::HiRes qw/ sleep time /;

use AI::Test;
use AI::Test::Storm;

use constant CLIENTS => 6;

my $storm = $ENV{STORM} || 0;

my $t = AI::Test->new;
$t->without('C1 C2', 'requests are cut off by kills, which spend_check() knows');

my $mock = spend_mock($t);
my $cut = 0;

spend_conf($t);
daemon_conf($t);
ok(daemon_start($t), 'start');

for my $round (1 .. ($storm ? 10 : 2)) {

    # the old one goes at once

    my $load = load_start($t, CLIENTS, \&spend_ask);
    sleep 0.5;
    my $old = $t->pid;
    my $new = daemon_exchange($t);
    sleep 1.5;
    ok(daemon_quit($t, $old), 'it has gone');
    $t->{pid} = $new;
    sleep 1.2;
    my $did = load_stop($t, $load);
    is($did->{bad}, 0, "$round: all are answered, $did->{ok}");
    is(spend_check($t, $mock, $cut, "$round: exchanged")->{cut}, 0,
       'none is cut');

    # WINCH, and back: the new one goes

    $load = load_start($t, CLIENTS, \&spend_ask);
    sleep 0.3;
    $old = $t->pid;
    $new = daemon_exchange($t);
    kill 'WINCH', $old;
    sleep 1.5;
    kill 'HUP', $old;
    sleep 1;
    ok(daemon_quit($t, $new), 'it has gone');
    ok($t->wait_for(sub { daemon_pid($t) == $old }, 10), 'the old one');
    sleep 1.2;
    $did = load_stop($t, $load);
    is($did->{bad}, 0, "$round: all are answered, $did->{ok}");
    is(spend_check($t, $mock, $cut, "$round: back again")->{cut}, 0,
       'none is cut');

    $t->wait_for(sub { my @l = glob $t->testdir . '/state/ledger.*';
                       @l == 1 }, 10);
    my @ledgers = glob $t->testdir . '/state/ledger.*';
    is(scalar @ledgers, 1, 'one ledger is left');
}

# both are killed in the middle of it

my $load = load_start($t, CLIENTS, \&spend_ask);
sleep 0.5;
my $old = $t->pid;
my $new = daemon_exchange($t);
sleep rand 1;
my @all = ($old, $new, $t->workers);
kill 'KILL', @all;
$t->wait_for(sub { !grep { !is_gone($_) } @all }, 20);
1 while waitpid(-1, POSIX::WNOHANG()) > 0;
delete $t->{pid};
my $killed = join '|', @all;
$t->allow(qr/worker (?:$killed) never ended/);
unlink map { $t->testdir . "/nginx.pid$_" } '', '.oldbin';
$cut += 2 * CLIENTS;
ok(daemon_start($t), 'start');
load_stop($t, $load);
spend_check($t, $mock, $cut, 'both killed');
