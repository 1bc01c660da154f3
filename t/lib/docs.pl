#!/usr/bin/perl

# Rewrites the index in README.md from the tables of the source; with --check
# only tells whether it is right, with --list prints what the tables have:
#   directive NAME, CONTEXTS, ROOM
#   line BLOCK NAME
#   variable NAME, ROOM

use strict;
use warnings;

use FindBin;

my $root = "$FindBin::Bin/../..";
my $mode = $ARGV[0] // '';

chdir $root or die "$root: $!\n";

my @directives = directives();
my %lines = (
    ai_provider => [ block('provider', 'ngx_http_ai_provider_lines') ],
    ai_role => [ block('auth', 'ngx_http_ai_role_lines') ],
    ai_route => [ block('route', 'ngx_http_ai_route_lines') ],
);
my @variables = variables();

if ($mode eq '--list') {
    print "directive $_->{name}, $_->{context}, $_->{room}\n" for @directives;
    for my $block (sort keys %lines) {
        print "line $block $_\n" for @{ $lines{$block} };
    }
    print "variable $_, observe\n" for map { @{ $_->{names} } } @variables;
    exit 0;
}

my $old = slurp('README.md');
my $new = $old;
my $index = index_text();

$new =~ s/(<!-- index: [^\n]*-->\n).*?(<!-- end of index -->\n)/$1$index$2/s
    or die "README.md: no markers of the index\n";

exit 0 if $new eq $old;

if ($mode eq '--check') {
    print "README.md: the index is not that of the source, "
        . "run: make -f Makefile.dist docs\n";
    exit 1;
}

# in place of a rename: keeps mode and owner of the file
open my $fh, '>', 'README.md' or die "README.md: $!\n";
print $fh $new;
close $fh or die "README.md: $!\n";

print "README.md: index rewritten\n";


# the command table of the top file; a comment line names the room

sub directives {
    my $text = slurp('ngx_http_ai_gateway_module.c');
    my ($table) = $text =~ /ngx_http_ai_commands\[\] = \{\n(.*?)^\};/ms
        or die "no table of commands\n";

    my @contexts = (
        NGX_HTTP_MAIN_CONF => 'http', NGX_HTTP_SRV_CONF => 'server',
        NGX_HTTP_LOC_CONF => 'location',
        NGX_HTTP_LIF_CONF => 'if in location',
        NGX_HTTP_LMT_CONF => 'limit_except');
    my ($room, @all);

    while ($table =~ m{/\*\s(\w+)\s\*/
                       |ngx_string\("(\w+)"\),\s+([A-Z0-9_|\s]+),}gx)
    {
        if ($1) {
            $room = $1;
            next;
        }

        my ($name, $flags) = ($2, $3);
        my %has = map { $_ => 1 } $flags =~ /\w+/g;
        my @where;

        for (my $i = 0; $i < @contexts; $i += 2) {
            push @where, $contexts[$i + 1] if $has{$contexts[$i]};
        }

        push @all, { name => $name, room => $room,
                     context => join(', ', @where),
                     block => $has{NGX_CONF_BLOCK} };
    }

    die "no directives\n" if !@all;
    return @all;
}


# the lines of a block's table, which is somewhere in its room

sub block {
    my ($room, $name) = @_;

    my $text = join '', map { slurp($_) } glob "src/$room/ngx_*.c";
    my ($table) = $text =~ /\Q$name\E\[\] = \{\n(.*?)^\};/ms
        or die "src/$room: no table $name\n";
    my @names = $table =~ /^\s*\{ ngx_string\("(\w+)"\)/gm
        or die "src/$room: nothing in $name\n";
    return @names;
}


# the variables by the comments of their table

sub variables {
    my $file = 'src/observe/ngx_http_ai_variables.c';
    my ($table) = slurp($file) =~ /ngx_http_ai_variables\[\] = \{\n(.*?)^\};/ms
        or die "$file: no table\n";
    my @groups;

    while ($table =~ m{/\* ([\w ]+) \*/|"(ai_\w+)"}g) {
        if ($1) {
            push @groups, { title => $1, names => [] };
            next;
        }
        my $name = $2;
        push @{ $groups[-1]{names} }, $name =~ /_$/ ? "${name}NAME" : $name;
    }

    return @groups;
}


sub index_text {
    my $out = "\n| directive | where | described in |\n| --- | --- | --- |\n";

    for my $d (sort { $a->{name} cmp $b->{name} } @directives) {
        my $name = $d->{block} ? "$d->{name} { }" : $d->{name};
        $out .= "| `$name` | $d->{context} | "
            . "[src/$d->{room}](src/$d->{room}/README) |\n";
    }

    for my $block (sort keys %lines) {
        $out .= "\n" . wrap("Lines of `$block`: ",
                            map { "`$_`" } @{ $lines{$block} });
    }

    $out .= "\nVariables, described in "
        . "[src/observe](src/observe/README):\n\n";

    for my $group (@variables) {
        $out .= wrap("- $group->{title}: ",
                     map { "`\$$_`" } @{ $group->{names} });
    }

    return "$out\n";
}


sub wrap {
    my ($line, @words) = @_;

    my $indent = $line =~ /^- / ? '  ' : '';
    my $out = '';

    for my $i (0 .. $#words) {
        my $word = $words[$i] . ($i < $#words ? ', ' : '');
        (my $seen = $word) =~ s/ $//;

        if (length($line) + length($seen) > 79) {
            $line =~ s/ +$//;
            $out .= "$line\n";
            $line = $indent;
        }
        $line .= $word;
    }

    return "$out$line\n";
}


sub slurp {
    my ($name) = @_;

    open my $in, '<', $name or die "$name: $!\n";
    local $/;
    return scalar <$in>;
}
