#!/usr/bin/perl

# Two gateways share limits, and one of them exchanges its binary: while both
# masters run they are one node, and afterwards the sums are right.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Time::HiRes qw/ sleep time /;

use AI::Test;
use AI::Test::Nodes;
use AI::Test::Storm;

use constant CLIENTS => 4;

my $A = AI::Test->new;
my $mock = spend_mock($A);
my $redis = AI::Test::Redis->start($A);
my %o = (mock => $mock, redis => $redis, more => <<'EOC');
location /of/few/ {
            ai_limit zone=team requests=$http_x_requests/month;
            ai_pass a;
        }
EOC
my $B = node(%o);
node(%o, t => $A);
my @nodes = ($A, $B);
$B->run;

daemon_conf($A);

sub few {
    my ($n, $team) = @_;
    return passed(many($n, \@nodes, '/of/few/chat/completions',
                       'X-Team' => $team, 'X-Requests' => 10));
}

ok(daemon_start($A), 'start');
sleep 0.5;

my $load = nodes_load(\@nodes, CLIENTS, streams => 1);
sleep 0.6;
my $old = $A->pid;
my $new = daemon_exchange($A);
sleep 1.5;
is(few(40, 'both'), 10, 'two masters of one node, and another node: ten');
is(few(40, 'both'), 0, 'and no more');
ok(daemon_quit($A, $old), 'it has gone');
$A->{pid} = $new;
sleep 1;
my $did = load_stop($A, $load);
is($did->{bad}, 0, "all are answered, $did->{ok}");
nodes_check($redis, \@nodes, 3, 'exchanged');
is(few(20, 'both'), 0, 'still no more');
is(few(40, 'new'), 10, 'another ten');

# and back

$load = nodes_load(\@nodes, CLIENTS, streams => 1);
sleep 0.3;
$old = $A->pid;
$new = daemon_exchange($A);
kill 'WINCH', $old;
sleep 1.5;
kill 'HUP', $old;
sleep 1;
ok(daemon_quit($A, $new), 'it has gone');
ok($A->wait_for(sub { daemon_pid($A) == $old }, 10), 'the old one');
sleep 1;
$did = load_stop($A, $load);
is($did->{bad}, 0, "all are answered, $did->{ok}");
nodes_check($redis, \@nodes, 3, 'back again');
is(few(20, 'new'), 0, 'no more than the ten');
nodes_check($redis, \@nodes, 8, 'idle', idle => 1);
