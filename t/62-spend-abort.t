#!/usr/bin/perl

# A worker is killed between any two steps of what is done for the books: it is
# the same as if it had been killed before, or after.  Only builds for tests
# have these points, as the one with sanitizers has.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Time::HiRes qw/ sleep time /;

use AI::Test;
use AI::Test::Storm;

use constant CLIENTS => 4;

my $t = AI::Test->new;
$t->without('C1 C2', 'requests are cut off by kills, which spend_check() knows');

my $program = $t->is_asan ? AI::Test::nginx_binary() : AI::Test::module_path();

if (system('grep', '-q', 'settle-staged', $program)) {
    $t->discard;
    AI::Test::plan_skip('not a build for tests');
}

my $mock = spend_mock($t);
my $cut = 0;
my $file = $t->testdir . '/state/abort';

spend_conf($t);
$t->allow(qr/worker process \d+ exited on signal 9/);

# nginx says so when it takes the lock from a dead worker
$t->allow(qr/shared memory zone "\w+" was locked by/);
$t->run;

my @steps = qw/ series-defined admit-locked admit-staged admit-done send sent
    settle-locked settle-staged settle-done settle-unlocked snapshot-written
    snapshot-there /;

for my $round (1 .. ($ENV{STORM} ? 10 : 1)) {
    for my $step (@steps) {
        next if $round > 1 && $step eq 'series-defined';

        my $before = () = $t->error_log(qr/exited on signal 9/);

        open my $fh, '>', "$file.new" or die "$file: $!\n";
        print $fh $step;
        close $fh;
        rename "$file.new", $file;

        my $load = load_start($t, CLIENTS, \&spend_ask);
        ok($t->wait_for(sub { !-e $file
            && $before < (() = $t->error_log(qr/exited on signal 9/)) }, 30),
           "$step: killed");
        sleep 0.3;
        load_stop($t, $load);
        $cut += CLIENTS;
        spend_check($t, $mock, $cut, $step);
    }
}
