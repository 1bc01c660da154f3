#!/usr/bin/perl

# What was spent, when everything happens at once: workers that are killed or
# crash while nginx is reloaded again and again (F26, F28), old workers that
# live on with their streams over many reloads (F30), a master that is killed
# and its workers are not (F32).  The books are right to the nano-dollar.
# STORM=seconds: more of it.

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

# nginx says so when it takes the lock from a dead worker
$t->allow(qr/shared memory zone "\w+" was locked by/);
$t->allow(qr/worker process \d+ exited on signal (?:9|6|7|11)/);

my $mock = spend_mock($t);
my $cut = 0;                # requests that may have been cut off

spend_conf($t);
$t->run;

# AddressSanitizer keeps the other signals for itself
my @signals = ('KILL', $t->is_asan ? () : qw/ SEGV ABRT BUS /);


sub stream {
    return AI::Test::http_post('/v1/chat/completions', { model => 'm',
        max_tokens => 60, stream => JSON::PP::true,
        stream_options => { include_usage => JSON::PP::true },
        messages => [ { role => 'user', content => 'hi' } ] },
        'X-Team' => 'a', -start => 1);
}


# --- reloads and kills, at once

my $rounds = $storm ? 100 : 16;
my $load = load_start($t, CLIENTS, \&spend_ask);
my ($reloads, $kills) = (0, 0);

for my $n (1 .. $rounds) {
    spend_conf($t, limit => $n % 2 ? 2000000 : 1000000);
    $reloads += $t->reload;

    # of any generation
    my @workers = $t->workers;
    kill $signals[ $n % @signals ], $workers[ rand @workers ];
    $kills++;
    sleep 0.1 * rand;
}

my $did = load_stop($t, $load);
$cut += CLIENTS * $kills;
is($reloads, $rounds, "$reloads reloads and $kills kills at once");
cmp_ok($did->{bad}, '<=', CLIENTS * $kills,
       "$did->{bad} of " . ($did->{bad} + $did->{ok}) . ' had an error');
cmp_ok($did->{ok}, '>', 10, 'the others had none');
spend_check($t, $mock, $cut, 'reloads and kills');

# --- old workers with streams, over many reloads

$t->wait_for(sub { $t->workers == 3 }, 20);
my $was = spend_check($t, $mock, $cut, 'before streams over reloads');
my $generations = $storm ? 20 : 8;
my (@streams, @rss);

for (1 .. $generations) {
    push @streams, stream();

    # a new generation takes on no more than its share of a second's stream
    sleep 0.02;
    $t->signal('HUP');
    sleep 0.08;
    push @rss, [ private($t->workers) ];
}

my @many = sort { @$b <=> @$a } @rss;
cmp_ok(scalar @{ $many[0] }, '>', 6,
       @{ $many[0] } . ' workers of several generations at a time');
my ($most) = sort { $b <=> $a } map { @$_ } @rss;
cmp_ok($most, '<', ($t->is_asan ? 400 : 16) << 10,
       "no one has more than $most kB of its own");

my $whole = grep { http_end($_)->body =~ /data: \[DONE\]/ } @streams;
is($whole, $generations, 'all streams are whole');
ok($t->wait_for(sub { $t->workers == 3 }, 20), 'and old workers go');
my $now = spend_check($t, $mock, $cut, 'streams over reloads');
is($now->{completion} - $was->{completion}, 50 * $generations,
   'each is in the books');
is($now->{cut}, $was->{cut}, 'none is cut');


# kB that only this process has

sub private {
    return map {
        my $text = $t->slurp("/proc/$_/smaps_rollup");
        my $kb = 0;
        $kb += $1 while $text =~ /^Private_\w+: +(\d+)/mg;
        $kb ? $kb : ();
    } @_;
}


# --- a master that is killed

for my $how ('QUIT', 'KILL', 'TERM') {
    my $load = load_start($t, CLIENTS, \&spend_ask);
    my @workers = $t->workers;
    my $master = delete $t->{pid};
    my $gone = join '|', @workers;

    $t->allow(qr/worker (?:$gone) never ended/);
    adopt_orphans();
    sleep 0.3;
    kill 'KILL', $master;
    $t->wait_for(sub { !$t->alive($master) }, 10);

    # nginx's workers do not care

    my $since = lines();
    ok($t->wait_for(sub { lines() > $since + 10 }, 10),
       'master killed: its workers go on');

    if ($how eq 'QUIT') {
        is(load_stop($t, $load)->{bad}, 0, 'and answer all');
        spend_check($t, $mock, $cut, 'without a master');
        $load = load_start($t, CLIENTS, \&spend_ask);
        sleep 0.3;
    }

    # until they are told

    kill $how, @workers;
    $cut += CLIENTS if $how ne 'QUIT';
    ok($t->wait_for(sub { !grep { !is_gone($_) } @workers }, 20),
       "$how to the workers ends them");
    waitpid $_, 0 for @workers;
    unlink $t->testdir . '/nginx.pid';

    $t->run;
    load_stop($t, $load);
    spend_check($t, $mock, $cut, "master killed, $how, and a new start");
    ok($t->wait_for(sub { my @l = glob $t->testdir . '/state/ledger.*';
                          @l == 1 }, 10), 'the ledger before is closed');
}


sub lines { return scalar(my @l = $t->log_lines('money.log')) }
