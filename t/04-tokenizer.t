#!/usr/bin/perl

# Tokens as tiktoken and a second implementation count them, of a fixed set of
# texts; t/lib/token_fuzz.py says which.

use strict;
use warnings;

use FindBin;
use Test::More;

my $root = "$FindBin::Bin/..";
my $build = $ENV{BUILD} || "$root/build";
my $python = "$build/venv/bin/python";

plan(skip_all => 'the same whichever nginx') if $ENV{TEST_NGINX_STATIC};
die "no $python, run: make -f Makefile.dist venv\n" if !-x $python;

my ($run, $plan) = (0, 0);

open my $fh, '-|', "timeout 600 '$python' '$root/t/lib/token_fuzz.py' test"
    or die "token_fuzz.py: $!\n";

while (<$fh>) {
    if (/^(not )?ok \d+ - (.*)/) {
        $run++;
        $1 ? fail($2) : pass($2);

    } elsif (/^1\.\.(\d+)/) {
        $plan = $1;

    } elsif (/^# (.*)/) {
        diag($1);
    }
}

close $fh;
my $status = $?;

ok($run && $run == $plan, "ran what it planned, exit status $status");

# the table of speeds, for an instant

my $table = `'$python' '$root/t/bench/tokens' smoke 2>&1`;
is($?, 0, 'the benchmark runs') or diag($table);
like($table, qr/^\| prose \|(?: [\d.]+ \|){3} [\d.]+ x \| >= 124 \| \w+ \|$/m,
     'and has a speed and a goal, and all counts agree') or diag($table);
like($table, qr/^\| qwen \| [\d.]+ ms \|/m, 'and how long a start takes');

done_testing();
