#!/usr/bin/perl

# Every input of t/fuzz/corpus/<name>/ through its target t/fuzz/fuzz_<name>.c
# with the sanitizers, without a fuzzer.  A bug found by fuzzing leaves its
# input there.

use strict;
use warnings;

use FindBin;
use Test::More;

my $root = "$FindBin::Bin/..";
my $out = ($ENV{BUILD} || "$root/build") . '/replay';

my @names = sort map { m{fuzz_(\w+)\.c$} } glob "$root/t/fuzz/fuzz_*.c";
plan skip_all => 'no t/fuzz/fuzz_*.c' if !@names;

my $log = `'$root/t/lib/pure.sh' replay 2>&1`;
is($?, 0, 'builds') or diag($log);

$ENV{ASAN_OPTIONS} = 'detect_leaks=1:allocator_may_return_null=1';
$ENV{UBSAN_OPTIONS} = 'print_stacktrace=1';

for my $name (@names) {
    my $corpus = "$root/t/fuzz/corpus/$name";
    my @files = grep { -f } glob "$corpus/*";

    if (!-x "$out/fuzz_$name") {
        fail("$name builds");
        next;
    }

    ok(@files > 0, "$name has a corpus");
    next if !@files;

    my $said = `timeout 300 '$out/fuzz_$name' '$corpus' 2>&1`;
    my $status = $?;
    is($status, 0, "$name: " . @files . ' inputs')
        or diag(substr $said, -6000);
}

done_testing();
