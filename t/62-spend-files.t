#!/usr/bin/perl

# Files of spend that are gone, damaged, of another version, or on a disk that
# is full or may not be written to: nginx says what is wrong, and what can be
# read is used.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Time::HiRes qw/ sleep time /;

use AI::Test;
use AI::Test::Money;
use AI::Test::Storm;

my $t = AI::Test->new;
$t->without('C1 C2', 'states of other moments are put in place of its own');
my $mock = spend_mock($t);
my $dir = $t->testdir;

# --- a state as a kill leaves it: a snapshot, the one before, records, and
# requests that had not ended

spend_conf($t);
$t->run;
my $load = load_start($t, 6, \&spend_ask);
sleep 5;
kill_all($t);
load_stop($t, $load);
is(system('cp', '-a', "$dir/state", "$dir/base"), 0, 'a state');
my ($base) = glob "$dir/base/ledger.*";

ok(-s "$dir/base/$_", $_) for qw/ snapshot snapshot.old /;
ok(-s $base, 'ledger');

sub total {
    my ($row) = @{ money_usage('/ai', [])->{data} };
    my %limit = map { $_->{unit} => $_->{used} }
        @{ money_limits('/ai') };
    return join ' ', map { $_ // 0 }
        @$row{qw/ requests failed_requests prompt_tokens completion_tokens
                  cost /}, @limit{qw/ requests tokens cost /};
}

# that state, changed, and what the books have then; undef: no start
sub with {
    my ($change, %o) = @_;

    $t->stop;
    system('rm', '-rf', "$dir/state");
    system('cp', '-a', $o{from} // "$dir/base", "$dir/state");
    my ($ledger) = glob "$dir/state/ledger.*";
    $change->($ledger, "$dir/state/snapshot");
    my $before = -s "$dir/error.log";
    my $up = eval { $t->run; 1 };
    my $said = substr $t->read_file('error.log'), $before;
    if (!$up) {
        delete $t->{$_} for qw/ failed pid /;
        return (undef, $said);
    }
    return (total(), $said);
}

sub edit {
    my ($file, $at, $text) = @_;
    open my $fh, '+<', $file or die "$file: $!\n";
    seek $fh, $at, 0;
    print $fh $text;
    close $fh;
}

sub flip {
    my ($file, $from, $to, $n) = @_;
    open my $fh, '+<', $file or die "$file: $!\n";
    for (1 .. $n) {
        my $at = $from + int rand($to - $from);
        seek $fh, $at, 0;
        read $fh, my $byte, 1;
        seek $fh, $at, 0;
        print $fh chr(ord($byte) ^ 1 << int rand 8);
    }
    close $fh;
}

$t->allow(qr/ai: .*(?:is damaged|are damaged|is empty|cannot be read)/);
$t->allow(qr/ai: .*(?:were overwritten|no room for the|could not create)/);

my ($want, $said) = with(sub { });
my ($requests) = $want =~ /^(\d+)/;
cmp_ok($requests, '>', 50, "what it is worth: $want");
unlike($said, qr/damaged/, 'nothing is damaged');

sleep 1.5;
is((with(sub { }))[0], $want, 'once more');

# --- the snapshot

for my $case (
    [ 'cut', sub { truncate $_[1], (-s $_[1]) / 2 } ],
    [ 'empty', sub { truncate $_[1], 0 } ],
    [ 'gone', sub { unlink $_[1] } ],
    [ 'with a bit flipped', sub { flip($_[1], 0, -s $_[1], 1) } ],
    [ 'of zeros', sub { edit($_[1], 0, "\0" x -s $_[1]) } ],
) {
    my ($what, $change) = @$case;
    (my $got, $said) = with($change);
    is($got, $want, "a snapshot that is $what: nothing is lost");
    like($said, qr/snapshot" is damaged or gone, the one before is used/,
         'and it is told');
}

(my $got, $said) = with(sub { unlink $_[1], "$_[1].old" });
is($got, $want, 'no snapshot at all: the ledger has everything so far');

# --- the ledger

my $size = -s $base;

($got, $said) = with(sub { unlink $_[0] });
my ($n) = $got =~ /^(\d+)/;
cmp_ok($n, '<=', $requests, "no ledger: $n of $requests");
cmp_ok($n, '>', 0, 'the snapshot is used');

for (1 .. ($ENV{STORM} ? 50 : 3)) {
    ($got, $said) = with(sub { flip($_[0], 4096, $size, 3000) });
    ok(defined $got, 'flipped bits') or diag($said);
    ($n) = ($got // '0') =~ /^(\d+)/;
    cmp_ok($n, '<=', $requests, "$n of $requests");
}

# records behind the snapshot only, and of these some
($got, $said) = with(sub { flip($_[0], $size - 32768 * 512,
    $size - 32768 * 512 + 512 * $requests, 200) });
like($said, qr/\d+ entries of ".*ledger\..*" are damaged and were left out/,
     'damaged records are counted');

($got, $said) = with(sub { truncate $_[0], $size - 4096 });
is($got, undef, 'a ledger that was cut is refused');
like($said, qr/\[emerg\].*ledger\.\w+" cannot be read: .*; move it away to start/,
     'with a reason');

($got, $said) = with(sub { edit($_[0], 8, pack 'V', 99) });
is($got, undef, 'so is one of another version');
like($said, qr/\[emerg\].*cannot be read: it is of another version; move/,
     'with a reason');

($got, $said) = with(sub { edit($_[0], 0, "\0" x $size) });
ok(defined $got, 'one that was never begun is not');
$t->wait_for(sub { my @l = glob "$dir/state/ledger.*"; @l == 1 }, 5);
my @ledgers = glob "$dir/state/ledger.*";
is(scalar @ledgers, 1, 'it is removed');

$t->allow(qr/\[emerg\].*cannot be read/);

# --- the folder

with(sub { });
spend_conf($t, state => 'other');
is($t->reload, 0, 'another folder at a reload is refused');
ok($t->wait_log(qr/\[emerg\].*"state=" cannot be changed by a reload/),
   'with a reason');
is(total(), $want, 'and all goes on');
$t->allow(qr/"state=" cannot be changed/);
spend_conf($t);

SKIP: {
    my $mount = "$dir/small";
    mkdir $mount;

    skip('no mount', 1)
        if $> != 0 || system("mount -t tmpfs -o size=26m none $mount 2>&1");

    END { system("umount -l $mount 2>/dev/null") if $mount }

    $t->stop;
    spend_conf($t, state => 'small');
    unlink "$dir/money.log";
    $mock->clear;
    $t->run;

    # no room for snapshots
    system("head -c 30m /dev/zero >$mount/big 2>/dev/null");
    $load = load_start($t, 4, \&spend_ask);
    ok($t->wait_log(qr/\[alert\].*write\(\) to ".*snapshot\.\d+" failed/),
       'a full disk is told');
    my $did = load_stop($t, $load);
    is($did->{bad}, 0, "all $did->{ok} requests are answered");
    $t->allow(qr/write\(\) to ".*snapshot\.\d+" failed/);
    spend_check($t, $mock, 0, 'full');

    kill_all($t);
    unlink "$mount/big";
    is(eval { $t->run; 1 }, undef, 'no room for a ledger: no start');
    delete $t->{$_} for qw/ failed pid /;
    like($t->read_file('error.log'),
         qr/\[emerg\].*no room for the \d+M of ".*" \(28: No space/,
         'with a reason');
    is(scalar(my @l = glob "$mount/ledger.*"), 1, 'nothing is left of it');

    system("mount -o remount,size=80m $mount");
    $t->run;
    spend_check($t, $mock, 0, 'with room');
    $t->stop;

    system("mount -o remount,ro $mount");
    is(eval { $t->run; 1 }, undef, 'a folder that is read-only: no start');
    delete $t->{$_} for qw/ failed pid /;
    like($t->read_file('error.log'),
         qr/\[emerg\].*could not create ".*ledger\.\w+" \(30: Read-only/,
         'with a reason');

    system("mount -o remount,rw $mount");
    $t->run;
    spend_check($t, $mock, 0, 'again');
}
