#!/usr/bin/perl

# Time zones and calendar windows, from 1970 to 2100, as Python's zoneinfo has
# them: t/lib/tz_oracle.py asks t/limit/tz.c.

use strict;
use warnings;

use FindBin;
use Test::More;

my $root = "$FindBin::Bin/..";
my $build = $ENV{BUILD} || "$root/build";
my $python = "$build/venv/bin/python";
my $out = "$build/limit";

plan(skip_all => 'the same whichever nginx') if $ENV{TEST_NGINX_STATIC};
plan(skip_all => 'no time zones in /usr/share/zoneinfo')
    if !-e '/usr/share/zoneinfo/Europe/Berlin';
die "no $python, run: make -f Makefile.dist venv\n" if !-x $python;

my $sources = join ' ', map { "'$root/$_'" }
    qw( t/limit/tz.c src/base/ai_base.c src/base/ai_limit.c src/limit/ai_tz.c
        src/limit/ai_tz_rule.c src/limit/ai_window.c );

my $log = `mkdir -p '$out' && gcc -g -O1 -Wall -Wextra -Werror \\
    -fsanitize=address,undefined -fno-sanitize-recover=all \\
    -I'$root/src' -I'$root/t/unit' -o '$out/tz' $sources 2>&1`;
is($?, 0, 'builds') or do { diag($log); done_testing(); exit 1 };

my ($run, $plan) = (0, 0);

open my $fh, '-|', "timeout 600 '$python' '$root/t/lib/tz_oracle.py' '$out/tz'"
    or die "tz_oracle.py: $!\n";

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

done_testing();
