#!/usr/bin/perl

# t/bench still works: everything once, for an instant.  The numbers say
# nothing then, so only their presence and their order are looked at.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use AI::Test;

plan(skip_all => 'not with sanitizers') if $ENV{TEST_NGINX_STATIC};

my $t = AI::Test->new;
my $bench = $t->root . '/t/bench';
my $build = ($ENV{BUILD} || $t->root . '/build') . '/bench';

my ($code, $out, $err) = $t->capture([ "$bench/run", 'smoke' ]);
is($code, 0, 'it runs') or diag($err);
unlike($err, qr/\[\w+\]/, 'nginx has nothing to say');

my (%row, $work);

for (grep { /^\|/ } split /\n/, $out) {
    my @cell = map { s/^ +| +$//gr } split /\|/;
    $work = $cell[1] || $work;
    $row{"$work: $cell[2]"} = [ map { s/ (?=\d)//gr } @cell[3 .. 9] ];
}

my @rows = map { ("$_: CPU", "$_: latency p50", "$_: latency p99") }
    'pass-through, 1 KB', 'pass-through, 100 KB';
push @rows, map { "$_: CPU an event" } 'stream of 200 events at once',
    'translated stream, 200 events', '50 events 10 ms apart, 128 streams';
push @rows, '50 events 10 ms apart, 128 streams: delay p99',
    'translated, 1 KB: CPU', 'memory: worker, idle', 'memory: an open stream',
    'a location without ai_pass: CPU',
    'limits shared by Redis, beside those of one node: CPU',
    'limits shared by Redis, beside those of one node: latency p99';

for (@rows) {
    like(join('|', @{ $row{$_} || [] }[0, 1]), qr/^[\d.]+ \w+\|[\d.]+ \w+$/,
         $_);
}

SKIP: {
    skip 'no valgrind', 3 if system('command -v valgrind >/dev/null') != 0;

    my $got = $row{'pass-through, 1 KB: instructions'};
    cmp_ok($got->[0], '>', 10_000, 'instructions of proxy_pass');
    cmp_ok($got->[1], '>', $got->[0], 'and of the module');
    like($got->[6], qr/^(?:met|missed)\??$/, 'beside a goal');
}

# the load generator sees what is wrong with an answer

$t->run_daemon([ "$build/mock", '-p', $t->port(8081) ], name => 'mock');
$t->waitforsocket($t->port(8081)) or die "mock did not start\n";

$t->write_file('stream', '{"model":"mock-c5","stream":true}');
$t->write_file('json', '{"model":"mock-b10"}');
$t->write_file('other', '{}');

is(load('stream', '-e', 9, '-m', '[DONE]'), 0, 'a stream as it should be');
is(load('stream', '-e', 8), 3, 'an event too many');
is(load('stream', '-m', '[DUNE]'), 3, 'not the right end');
is(load('json', '-m', 'fp_mock"}'), 0, 'JSON as it should be');
is(load('other'), 3, 'not 200');


sub load {
    my ($body, @options) = @_;

    my (undef, $said) = $t->capture([ "$build/load", '-n', 3, '-b',
        $t->testdir . "/$body", @options,
        'http://127.0.0.1:' . $t->port(8081) . '/v1/chat/completions' ]);
    return json_decode($said)->{bad};
}
