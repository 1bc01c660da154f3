#!/usr/bin/perl

# What else limits can do, by two gateways that share them: streams that take
# as they go, on_exceed=, dry runs, soft thresholds, many counters at once, an
# exchange of the binary, a zone of another size.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use JSON::PP ();
use POSIX ();
use Test::More;
use Time::HiRes qw/ sleep time /;

use AI::Test;
use AI::Test::Chat;
use AI::Test::Nodes;
use AI::Test::Storm;

my $A = AI::Test->new;
my $mock = spend_mock($A);
my $redis = AI::Test::Redis->start($A);

my %o = (mock => $mock, redis => $redis, zones => [ qw/ many mine / ],
         more => <<'EOC', http => <<'EOC2');
location /of/stream/ {
            ai_limit zone=mine tokens=$http_x_tokens/month reserve=5;
            ai_pass a;
        }
        location /of/log/ {
            ai_limit zone=mine requests=3/month on_exceed=log;
            ai_pass a;
        }
        location /of/dry/ {
            ai_limit_dry_run on;
            ai_limit zone=mine requests=4/w;
            ai_pass a;
        }
        location /of/next/ {
            ai_limit zone=by requests=5/month on_exceed=next;
            ai_pass two;
        }
        location /of/soft/ {
            ai_limit zone=mine requests=10/d soft=50%;
            ai_pass a;
        }
        location = /soft {
            return 200 $ai_limit_status;
        }
        location /of/many/ {
            ai_limit zone=many requests=1000/month tokens=1000000/h
                     cost=10/month;
            ai_pass a;
        }
EOC
    ai_limit_zone "$ai_provider/$http_x_team" zone=by:1m redis=main;
    ai_provider b { api openai; endpoint %%MOCK%%; }
    ai_route two { target a; target b; priority; }
    log_format limits '$http_x_team $ai_limit_status $ai_provider';
    access_log %%TESTDIR%%/limits.log limits if=$uri_is_ai;
EOC2
$o{http} =~ s/%%MOCK%%/'http:\/\/127.0.0.1:' . $mock->port/e;

my $B = node(%o);
node(%o, t => $A);
my @nodes = ($A, $B);
$_->run for @nodes;
for my $node (@nodes) {
    $node->select;
    $node->wait_for(sub { http_get('/health')->body eq 'up' }, 5);
}
sleep 0.5;

sub statuses {
    my ($team) = @_;
    my %n;
    for my $node (@nodes) {
        $n{$_}++ for map { /^\Q$team\E (.*)/ ? $1 : () }
            $node->log_lines('limits.log');
    }
    return \%n;
}

# --- streams that take five tokens at a time: of 150 for four that want 58
# each all can be used, and not more

my @s = map {
    $nodes[ $_ % 2 ]->select;
    http_post('/of/stream/chat/completions', chat(max_tokens => 50,
        stream => 1), 'X-Team' => 'stream', 'X-Tokens' => 150, -start => 1,
        'X-Tag' => "s$_");
} 1 .. 4;
my ($ended, $cut) = (0, 0);
for (@s) {
    my $r = http_end($_);
    $ended++ if $r->status == 429 || $r->body =~ /data: \[DONE\]/;
    $cut++ if $r->status == 429 || $r->body =~ /"finish_reason":\s*"length"/;
}
is($ended, 4, 'streams: all have come to their end');
cmp_ok($cut, '>=', 1, 'streams: some by the limit');
sleep 1.5;
my $used = nodes_limits($A, 'mine', 'stream')->{'tokens/month'}{used};
cmp_ok($used, '<=', 150 + 4 * 100, 'streams: used but for prompts');
note("streams: $used of 150; a prompt is 100 and was estimated as 8");

# --- what is not refused is counted all the same

my @r = many(12, \@nodes, '/of/log/chat/completions', 'X-Team' => 'log');
is(passed(@r), 12, 'on_exceed=log: all pass');

# nobody waits for an answer that changes nothing: each has heard of the other
# a second after it was asked first
my $dry = sub {
    my ($n, $nodes) = @_;
    return passed(many($n, $nodes, '/of/dry/chat/completions',
                       'X-Team' => 'dry'));
};
is($dry->(2, \@nodes), 2, 'a dry run: one each');
sleep 2;
is($dry->(4, [ $A ]), 4, 'a dry run: all pass');
sleep 2;
is($dry->(6, [ $B ]), 6, 'a dry run: also of the other');
sleep 0.2;
is(nodes_limits($_, 'mine', 'log')->{'requests/month'}{used}, 12,
   'on_exceed=log: all are counted') for @nodes;
my $n = statuses('dry');
my $would = 0;
$would += $n->{$_} for grep { /^REJECTED_DRY_RUN/ } keys %$n;
is($would, 8, 'a dry run: eight would be refused') or diag(explain($n));

# --- to the next target, by the key of each

@r = many(20, \@nodes, '/of/next/chat/completions', 'X-Team' => 'next');
is(passed(@r), 10, 'on_exceed=next: five of each target');
$A->wait_for(sub { (statuses('next')->{'PASSED b'} // 0) == 5 }, 2);
$n = statuses('next');
is(join(' ', map { $n->{"PASSED $_"} // 0 } qw/ a b /), '5 5',
   'five by each provider') or diag(explain($n));

# --- a soft threshold is that of both

is(passed(many(4, [ $A ], '/of/soft/chat/completions', 'X-Team' => 'soft')),
   4, 'soft: four of the one');
sleep 1.5;
is(passed(many(3, [ $B ], '/of/soft/chat/completions', 'X-Team' => 'soft')),
   3, 'soft: three of the other');
$n = {};
$A->wait_for(sub { $n = statuses('soft'); 7 == eval { my $s = 0;
                   $s += $_ for values %$n; $s } }, 2);
is($n->{'SOFT a'} // 0, 3, 'soft: the other is beyond it')
    or diag(explain($n));

# --- a thousand counters: all are told again

for my $part (0 .. 9) {
    my @r = burst(map { {
        port => $nodes[ $_ % 2 ]->port(8080),
        uri => '/of/many/chat/completions',
        headers => { 'X-Team' => "m$_", 'X-Tag' => "m$_" },
        body => chat(max_tokens => 50),
    } } map { ($part * 30 + $_) x 2 } 1 .. 30);
    is(passed(@r), 60, 'many: all pass');
}
my $total = sub {
    my $sum = 0;
    $sum += $_->{used} for values %{ counters($redis) };
    return $sum;
};
my $was;
my $want = 600 * (1 + 150 + 200_000);
$A->wait_for(sub { $was = $total->(); sleep 0.5; $was > $want
                   && $was == $total->() }, 5);
cmp_ok($was, '>', $want, 'many: Redis has all');
$redis->command('FLUSHALL');
my $start = time;
my $same = $A->wait_for(sub { $total->() == $was }, 8);
my $took = time - $start;
ok($same, sprintf 'many: all is told again, %.1f s', $took)
    or diag($total->() . " of $was");
cmp_ok($took, '<', 4, 'many: soon');

# --- a zone of another size: the counters are made anew from the ledger

# the pause after it was flushed is over
sleep 2;
my $conf = $A->read_file('nginx.conf');
(my $other = $conf) =~ s/zone=mine:1m/zone=mine:2m/;
$A->write_file('nginx.conf', $other);
ok($A->reload(wait_old => 1), 'a reload with a zone of another size');
is(passed(many(20, \@nodes, '/of/next/chat/completions', 'X-Team' => 'next')),
   0, 'what was used up stays so');
is(passed(many(2, \@nodes, '/of/log/chat/completions', 'X-Team' => 'log')), 2,
   'and others go on');
ok($A->wait_for(sub {
    2 == grep { (nodes_limits($_, 'mine', 'log')->{'requests/month'}{used}
                 // 0) == 14 } @nodes;
}, 4), 'from where they were');

# --- Redis has no room, or is a replica by now

for my $case ([ 'no room' => [ qw/ CONFIG SET maxmemory 1 / ],
                [ qw/ CONFIG SET maxmemory 0 / ] ],
              [ 'a replica' => [ qw/ REPLICAOF 127.0.0.1 1 / ],
                [ qw/ REPLICAOF NO ONE / ] ],
              [ 'no writes' => [ qw/ CONFIG SET min-replicas-to-write 3 / ],
                [ qw/ CONFIG SET min-replicas-to-write 0 / ] ],
              [ 'paused' => [ qw/ CLIENT PAUSE 700 / ], [ 'PING' ] ])
{
    my ($what, $do, $undo) = @$case;
    my $load = nodes_load(\@nodes, 4);
    sleep 0.3;
    $redis->command(@$do);
    sleep 0.8;
    $redis->command(@$undo);
    my $did = load_stop($A, $load);
    is($did->{bad}, 0, "$what: all $did->{ok} requests are answered");
    nodes_check($redis, \@nodes, 3, $what);
}
