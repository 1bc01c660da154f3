#!/usr/bin/perl

# What is written about the tree holds: the index is that of the source, and
# each directive, line of a block and variable is described, shown and tested.

use strict;
use warnings;

use FindBin;
use Test::More;

my $root = "$FindBin::Bin/..";

chdir $root or die;

is(`perl t/lib/docs.pl --check 2>&1`, '', 'the index in README.md');

my @list = split /\n/, `perl t/lib/docs.pl --list`;
cmp_ok(scalar @list, '>', 50, 'the tables of the source are read');

my %readme = map { m{^src/(\w+)/} => slurp($_) } glob 'src/*/README';
my $examples = join "\n", map { without_comments(slurp($_)) }
    glob 'conf.examples/*.conf';
my $tests = join "\n", map { slurp($_) } grep { !/01-docs/ } glob 't/*.t';

# --- directives: a block of nginx.org's form, an example, a test

for (grep { /^directive / } @list) {
    my ($name, $where, $room) = /^directive (\w+), (.*), (\w+)$/;

    my ($block) = ($readme{$room} // '') =~
        /^(Syntax:   $name\b.*?)(?=^Syntax:   |^[A-Z]\w+\n\n|\z)/ms;

    ok($block, "$name: described in src/$room/README") or next;
    like($block, qr/^Default:  \S/m, "$name: its default");
    my ($context) = $block =~ /^Context:  (.*)/m;
    is($context, $where, "$name: its context");
    like($block, qr/^Context: .*\n\n\S/m, "$name: what it does");

    shown($name, $name);
}

# --- lines of blocks: in the block's README

for (grep { /^line / } @list) {
    my ($block, $name) = /^line (\w+) (\w+)$/;
    my ($room) = $block eq 'ai_role' ? 'auth' : $block =~ /^ai_(\w+)/;

    my ($text) = $readme{$room} =~
        /^(Syntax:   $block \w+ \{.*?)(?=^Syntax:   |\z)/ms;

    like($text // '', qr/^ *(?:.*[ ;,])?$name\b/m,
         "$name of $block: described in src/$room/README");
    shown("$name of $block", $name);
}

# --- variables

for (grep { /^variable / } @list) {
    my ($name) = /^variable (\w+),/;

    (my $stem = $name) =~ s/NAME$//;
    like($readme{observe}, qr/^ +\$$name +(?:body|target|end) /m,
         "\$$name: described in src/observe/README");
    like($examples, $stem eq $name ? qr/\$$name\b/ : qr/\$$stem\w/,
         "\$$name: in an example");

    # the log of that test names them without the prefix
    my ($short) = $stem =~ /^ai_(\w+)/;
    like(slurp('t/70-variables.t'), qr/\b$short/, "\$$name: in a test");
}

# nothing is described that is not there

my %known = map { /^variable (\w+)/ ? ($1 => 1) : () } @list;
my @more = grep { !$known{$_} } $readme{observe} =~ /^ +\$(ai_\w+)/gm;
is("@more", '', 'no variable is described that is not there');

%known = map { /^directive (\w+)/ ? ($1 => 1) : () } @list;
@more = grep { !$known{$_} } map { /^Syntax:   (\w+)/gm } values %readme;
is("@more", '', 'no directive is described that is not there');

# --- README.md: links, examples, rooms

my $readme = slurp('README.md');
my @links = grep { !/^https?:/ } $readme =~ /\]\(([^)#]+)\)/g;
is(join(' ', grep { !-e } @links), '', 'links of README.md lead somewhere');

my %linked = map { $_ => 1 } @links;
is(join(' ', grep { !$linked{$_} } glob 'conf.examples/*.conf'), '',
   'README.md names every example');
is(join(' ', grep { $readme !~ /`\Q$_\E`/ } grep { -d } glob 'src/*'), '',
   'README.md names every room');
is(join(' ', grep { !-f "$_/README" } grep { -d } glob 'src/*'), '',
   'every room has a README');

# its targets of make are there

my $makefile = slurp('Makefile.dist');
my %targets = map { $_ => 1 } $makefile =~ /^([a-z][\w-]*):/gm;
my @used = map { m{make -f Makefile\.dist ([\w-]+)}g }
    $readme, slurp('t/README.md'), $makefile, values %readme;
is(join(' ', grep { !$targets{$_} && $_ ne 'TARGET' } @used), '',
   'targets that are named are there');
is(join(' ', grep { $makefile !~ /echo '  $_ / && $_ !~ /^(?:help|venv)$/ }
             sort keys %targets), '', 'help names every target');

# --- the tree stands for itself: no paths of a machine, no private hosts

my @files = grep { -f && -T && !m{^t/(?:data|fuzz/corpus)/} }
    split /\0/, `git ls-files -zco --exclude-standard 2>/dev/null`;
@files = grep { -f } glob '*.md *.c Makefile.dist config src/*/* conf.examples/*'
    if !@files;

my $place = qr{(?<![\w.])/(?:work|home|root|Users)/\w
               |https?://[\w.-]*\b(?:artifactory|nexus|registry|proxy|mirror)
                   \b[\w.-]*
               |--(?:extra-)?index-url|\b(?:10|192)\.\d+\.\d+\.\d+.{0,20}/simple
              }x;

for my $file (@files) {
    next if $file eq 't/01-docs.t';
    my $n = 0;
    my @bad = map { "$file:$_->[0]: $_->[1]" } grep { $_->[1] =~ $place }
        map { [ ++$n, $_ ] } split /\n/, slurp($file);
    is("@bad", '', "$file: no path or host of a machine") if @bad;
}
pass(@files . ' files stand for themselves');

done_testing();


sub shown {
    my ($what, $word) = @_;

    like($examples, qr/(?:^|[\s{;])$word\b/, "$what: in an example");
    like($tests, qr/\b$word\b/, "$what: in a test");
}


sub without_comments {
    my ($text) = @_;
    $text =~ s/^\s*#.*//gm;
    return $text;
}


sub slurp {
    my ($path) = @_;

    open my $fh, '<', $path or die "$path: $!\n";
    local $/;
    return scalar <$fh>;
}
