#!/usr/bin/perl

# Rewrites the two file lists of `config` from the tree; with --check only
# tells whether they are right.  Sorted by room, one file a line.

use strict;
use warnings;

use FindBin;

my $root = "$FindBin::Bin/../..";
my $check = @ARGV && $ARGV[0] eq '--check';

chdir $root or die "$root: $!\n";

my %lists = (
    ngx_module_deps => [ sort(glob 'src/*/*.h') ],
    ngx_module_srcs => [ 'ngx_http_ai_gateway_module.c',
                         sort(glob 'src/*/*.c') ],
);

my $old = slurp('config');
my $new = $old;

for my $name (sort keys %lists) {
    my $body = join " \\\n",
        qq($name="), map { "    \$ngx_addon_dir/$_" } @{ $lists{$name} };

    $new =~ s/^$name="[^"]*"/$body"/m
        or die "config: no list \"$name\"\n";
}

exit 0 if $new eq $old;

if ($check) {
    print "config: the lists differ from the tree, "
        . "run: make -f Makefile.dist config-list\n";
    exit 1;
}

# in place of a rename: keeps mode and owner of the file
open my $fh, '>', 'config' or die "config: $!\n";
print $fh $new;
close $fh or die "config: $!\n";

print "config: lists rewritten\n";


sub slurp {
    my ($name) = @_;

    open my $in, '<', $name or die "$name: $!\n";
    local $/;
    return scalar <$in>;
}
