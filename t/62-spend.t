#!/usr/bin/perl

# What was spent survives: a stop, a kill of a worker or of everything, a
# reload, an exchange of the binary; with requests running all the time.
# STORM=seconds: for longer.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use JSON::PP ();
use Test::More;
use Time::HiRes qw/ sleep time /;

use AI::Test;
use AI::Test::Storm;

use constant CLIENTS => 6;

my $storm = $ENV{STORM} || 0;

my $t = AI::Test->new;
$t->without('C1 C2', 'requests are cut off by kills, which spend_check() knows');

my $mock = spend_mock($t);
my $cut = 0;                # requests that may have been cut off

sub conf { spend_conf($t, @_) }
sub ask { return spend_ask(@_) }
sub check { return spend_check($t, $mock, $cut, @_) }

sub seconds { return $storm ? $storm / 12 : $_[0] }

conf();
$t->run;

# --- stop and start

my $load = load_start($t, CLIENTS, \&ask);
sleep seconds(1);
my $did = load_stop($t, $load);
is($did->{bad}, 0, "without a fault all are answered, $did->{ok}");
my $b = check('at first');
is($b->{cut}, 0, 'and all are in the log');

$t->stop;
$t->run;
my $after = check('QUIT and start');
is_deeply([ @$after{qw/ requests cost /} ], [ @$b{qw/ requests cost /} ],
    'the same as before');

for my $signal (qw/ QUIT TERM /) {
    $load = load_start($t, CLIENTS, \&ask);
    sleep seconds(0.7);
    $t->stop(signal => $signal);
    $cut += CLIENTS if $signal eq 'TERM';
    $t->run;
    sleep seconds(0.5);
    load_stop($t, $load);
    check("$signal under load");
}

# --- everything is killed

for (1 .. ($storm ? 10 : 2)) {
    $load = load_start($t, CLIENTS, \&ask);
    sleep seconds(0.5) + rand 0.5;
    kill_all($t);
    $cut += CLIENTS;
    $t->run;
    load_stop($t, $load);
    check("kill -9 of all, $_");
}

# --- one of three workers is killed

$t->allow(qr/worker process \d+ exited on signal 9/);

# nginx says so when it takes the lock from a dead worker
$t->allow(qr/shared memory zone "\w+" was locked by/);

$load = load_start($t, CLIENTS, \&ask);

for (1 .. ($storm ? 100 : 20)) {
    my @workers = $t->workers;
    sleep 0.05 + rand 0.1;
    kill 'KILL', $workers[ rand @workers ];
    $t->wait_for(sub { $t->workers == 3 }, 10);
}

$did = load_stop($t, $load);
my $killed = $storm ? 100 : 20;
$cut += CLIENTS * $killed;
cmp_ok($did->{bad}, '<=', CLIENTS * $killed,
    "workers killed: $did->{bad} of " . ($did->{bad} + $did->{ok})
    . ' requests had an error');
my $since = time;
check('workers killed');
cmp_ok(time - $since, '<', 10, 'nothing is reserved, soon');

# --- how much of a stream that is cut off is known: what was noted of it, at
# most 100 ms before its last event

$t->wait_for(sub { $t->workers == 3 }, 10);
my $was = check('before streams are cut');
my @open;

for (1 .. 12) {
    my $s = http_post('/v1/chat/completions', { model => 'm', max_tokens => 60,
        stream => JSON::PP::true, messages => [ { role => 'user',
        content => 'hi' } ] }, 'X-Team' => 'a', -start => 1);
    push @open, { socket => $s, text => '', at => [] };
}

# what came and when, until so much time has gone
my $until = time + 0.7;
while ((my $left = $until - time) > 0) {
    my $bits = '';
    vec($bits, fileno $_->{socket}, 1) = 1 for @open;
    last if select($bits, undef, undef, $left) <= 0;
    for my $o (@open) {
        next if !vec($bits, fileno $o->{socket}, 1);
        sysread $o->{socket}, $o->{text}, 65536, length $o->{text};
        my $n = () = $o->{text} =~ /" the"/g;
        push @{ $o->{at} }, [ time, $n ];
    }
}

my @victims = $t->workers;
kill 'KILL', @victims;
$t->wait_for(sub { !grep { kill 0, $_ } @victims }, 10);
$t->wait_for(sub { $t->workers == 3 }, 10);
$cut += @open;

my ($least, $most) = (0, 0);
for my $o (@open) {
    sysread $o->{socket}, $o->{text}, 65536, length $o->{text};
    my $n = () = $o->{text} =~ /" the"/g;
    $most += $n;

    # a note is made at an event; this client may have seen it late
    my $last = @{ $o->{at} } ? $o->{at}[-1][0] : 0;
    my ($noted) = map { $_->[1] } grep { $_->[0] <= $last - 0.2 }
        reverse @{ $o->{at} };
    $least += $noted // 0;
}

my $now = check('streams cut');
my $known = $now->{completion} - $was->{completion};
is($now->{cut} - $was->{cut}, scalar @open, 'all of them are in the books');
cmp_ok($known, '>=', $least,
    "$known tokens are known; $least had come 200 ms before the end");
cmp_ok($known, '<=', 50 * @open, "and $most at the end");
cmp_ok($least, '>', 20, 'some had come');

# --- one of them stands still for longer than it may lead

$load = load_start($t, CLIENTS, \&ask);
for my $pid ($t->workers) {
    kill 'STOP', $pid;
    sleep 2.5;
    kill 'CONT', $pid;
    last if !$storm;
}
$did = load_stop($t, $load);
is($did->{bad}, 0, "SIGSTOP: all are answered, $did->{ok}");
check('SIGSTOP');

# --- reloads

sub reloads {
    my ($what, $n, @conf) = @_;

    my $before = $cut;
    my $from = check("before $what")->{cut};
    my $load = load_start($t, CLIENTS, \&ask);
    my $good = 0;

    for (1 .. $n) {
        conf(%{ $conf[$_ % @conf] });
        $good += $t->reload;
        sleep 0.05;
    }

    my $did = load_stop($t, $load);
    is($good, $n, "$what: $n reloads");
    is($did->{bad}, 0, "$what: all are answered, $did->{ok}");
    is(check($what)->{cut}, $from, "$what: none is cut");
}

reloads('limits change', $storm ? 100 : 20, { limit => 1000000 },
        { limit => 2000000 });
reloads('a limit zone changes its size', $storm ? 30 : 4, { zone => '1m' },
        { zone => '2m' });
reloads('ai_zone changes its size', $storm ? 30 : 2, { ai => '2m' },
        { ai => '3m' });

conf();
ok($t->reload(wait_old => 1), 'as at first');
ok($t->wait_for(sub { my @l = glob $t->testdir . '/state/ledger.*'; @l == 1 },
                10), 'ledgers of workers that are gone are closed');
check('and then');

# --- everything is killed right after a zone was made anew

for (1 .. ($storm ? 10 : 1)) {
    $load = load_start($t, CLIENTS, \&ask);
    sleep 0.3;
    conf(zone => $_ % 2 ? '2m' : '1m');
    $t->reload;
    sleep rand 0.5;
    kill_all($t);
    $cut += CLIENTS * 2;
    $t->run;
    load_stop($t, $load);
    check("a zone made anew, and kill -9 of all, $_");
}
