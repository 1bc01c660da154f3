#!/usr/bin/perl

# The tests of pure code, t/unit/test_*.c: each is a program built with the
# sanitizers, its TAP becomes a subtest here.  UNIT_ONLY=name runs one.

use strict;
use warnings;

use FindBin;
use Test::More;

my $root = "$FindBin::Bin/..";
my $out = ($ENV{BUILD} || "$root/build") . '/unit';
my $only = $ENV{UNIT_ONLY} ? "test_$ENV{UNIT_ONLY}" : '';

my @names = sort map { m{([^/]+)\.c$} } glob "$root/t/unit/test_*.c";
@names = grep { $_ eq $only } @names if $only;
plan skip_all => 'no t/unit/test_*.c' . ($only && " called $only") if !@names;

# the object files are shared: only what can be built is run, the rest fails
my $log = `'$root/t/lib/pure.sh' unit $only 2>&1`;
is($?, 0, 'builds') or diag($log);

$ENV{ASAN_OPTIONS} = 'detect_leaks=1:abort_on_error=0:'
    . 'allocator_may_return_null=1';
$ENV{UBSAN_OPTIONS} = 'print_stacktrace=1';

chdir $root;

for my $name (@names) {
    subtest $name => sub { relay($name) };
}

done_testing();


# The lines of the program as tests of ours: a failed one takes its comments
# with it, and a program that dies or says nothing fails.

sub relay {
    my ($name) = @_;

    if (!-x "$out/$name") {
        fail('builds');
        return done_testing();
    }

    open my $fh, '-|', "timeout 300 '$out/$name' 2>'$out/$name.err'"
        or return fail("runs: $!");

    my ($run, $plan, $failed, $noted) = (0, undef, 0, 0);

    while (<$fh>) {
        if (/^(not )?ok (\d+)(?: - (.*))?/) {
            $run++;
            $failed = $1 ? 1 : 0;
            my $what = $3 // "";
            $what = "= $what" if $what =~ /^[\d\s]+$/;
            $failed ? fail($what) : pass($what);

        } elsif (/^1\.\.(\d+)/) {
            $plan = $1;

        } elsif (/^# ?(.*)/) {
            $failed ? diag($1) : note($1);
        }
    }

    close $fh;
    my $status = $?;
    my $failures = grep { !$_ } Test::More->builder->summary;

    is($plan, $run, "ran what it planned");
    ok($status == 0 || $failures, "exit status $status")
        if $status != 256 || !$failures;

    my $err = slurp("$out/$name.err");
    diag($err) if $err ne '';

    done_testing();
}


sub slurp {
    my ($path) = @_;

    open my $fh, '<', $path or return '';
    local $/;
    return scalar(<$fh>) // '';
}
