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

# a binary is exchanged only if it has left its parent: it becomes our child
plan(skip_all => 'x86_64 only') if (POSIX::uname())[4] ne 'x86_64';
syscall(157, 36, 1, 0, 0, 0);

my $t = AI::Test->new;
my $mock = spend_mock($t);
my $cut = 0;

spend_conf($t);
(my $conf = $t->read_file('nginx.conf')) =~ s/daemon off/daemon on/;

# a new binary has of the environment only what is named
$t->write_file('nginx.conf', "env ASAN_OPTIONS;\nenv UBSAN_OPTIONS;\n$conf");
start();

sub pid_in {
    my ($name) = @_;
    my $text = -e $t->testdir . "/$name" ? $t->read_file($name) : '';
    return $text =~ /^(\d+)/ ? $1 : 0;
}

sub start {
    $t->{log_from} = -s $t->testdir . '/error.log' || 0;

    local @ENV{qw/ ASAN_OPTIONS UBSAN_OPTIONS /}
        = ($t->sanitizer_options) x 2;

    is(system($t->command), 0, 'start');
    $t->wait_for(sub { $t->workers_up && pid_in('nginx.pid') }, 20)
        or die "nginx did not start\n";
    $t->{pid} = pid_in('nginx.pid');
}

# the pid of the new master, once its workers run

sub exchange {
    my $old = $t->pid;
    my $from = -s $t->testdir . '/error.log';

    kill 'USR2', $old;
    $t->wait_for(sub {
        my $new = pid_in('nginx.pid');
        $new && $new != $old && pid_in('nginx.pid.oldbin') == $old
            && substr($t->read_file('error.log'), $from)
               =~ /start worker process \d/;
    }, 20) or die "no new binary\n";
    sleep 0.3;
    return pid_in('nginx.pid');
}

sub quit {
    my ($pid) = @_;
    kill 'QUIT', $pid;
    ok($t->wait_for(sub { is_gone($pid) }, 20), 'it has gone');
    waitpid $pid, 0;
}

for my $round (1 .. ($storm ? 10 : 2)) {

    # the old one goes at once

    my $load = load_start($t, CLIENTS, \&spend_ask);
    sleep 0.5;
    my $old = $t->pid;
    my $new = exchange();
    sleep 1.5;
    quit($old);
    delete $t->{exits}{$old};
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
    $new = exchange();
    kill 'WINCH', $old;
    sleep 1.5;
    kill 'HUP', $old;
    sleep 1;
    quit($new);
    ok($t->wait_for(sub { pid_in('nginx.pid') == $old }, 10), 'the old one');
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
my $new = exchange();
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
start();
load_stop($t, $load);
spend_check($t, $mock, $cut, 'both killed');
