#!/usr/bin/perl

# The rules of the tree that a compiler does not know: lines, includes,
# visibility.  Prints file:line: what; exit code 1 if there is something.

use strict;
use warnings;

use FindBin;

# another tree: for the test of this program
my $root = shift // "$FindBin::Bin/../..";

chdir $root or die "$root: $!\n";

# which rooms a file may include, besides its own; see the map in README
my @data = qw/ base codec api /;
my @rooms = qw/ base codec api provider token price core route auth limit
                guard cache observe store /;

my %pure = (
    base     => [],
    codec    => [qw/ base /],
    api      => [qw/ base codec /],
    provider => [@data],
    token    => [@data],
    price    => [@data],
    store    => [qw/ base codec /],
    limit    => [@data, 'store'],
    core     => [@data, qw/ token price provider /],
);

my @pure_all = (@data, qw/ token price provider /);

my %glue = (
    core  => [@rooms],
    store => [@pure_all, 'core'],
    limit => [@pure_all, qw/ core store /],
);

# libraries that only some rooms see; nginx's own headers bring in OpenSSL's,
# which is not meant here
my @libraries = (
    [ qr{^jansson},                 'jansson', qw/ codec / ],
    [ qr{^openssl/},                'OpenSSL', qw/ codec auth / ],
    [ qr{^(?:hiredis/|hiredis\.h)}, 'hiredis', qw/ store / ],
    [ qr{^pcre2},                   'PCRE2',   qw/ guard route / ],
);

my $problems = 0;

for my $file (source_files()) {
    my $text = slurp($file);
    check_lines($file, $text);
    next if $file !~ /\.[ch]$/;

    my $code = blank_comments($file, $text);
    check_includes($file, $code) if $file !~ m{^t/};
    check_visibility($file, $code) if $file =~ m{^src/.*\.h$};
}

for my $file (script_files()) {
    my $n = 0;
    for (split /\n/, slurp($file)) {
        $n++;
        report($file, $n, 'trailing blanks') if /[ \t]$/;
        report($file, $n, 'tab') if /\t/ && $file !~ /(?:\.mk|Makefile)/;
    }
}

exit($problems ? 1 : 0);


sub report {
    my ($file, $line, $what) = @_;
    print "$file:$line: $what\n";
    $problems++;
}


sub source_files {
    return sort(grep({ -e } 'config', 'src/probes'), glob('*.c'), glob('src/*/*.[ch]'),
                glob('t/unit/*.[ch]'), glob('t/fuzz/*.[ch]'));
}


sub script_files {
    return sort(glob('t/*.t'), glob('t/lib/*.*'), glob('t/lib/AI/*.pm'),
                glob('t/lib/AI/Test/*.pm'),
                grep { -e } 'Makefile.dist', '.ci/run');
}


sub slurp {
    my ($file) = @_;

    open my $fh, '<', $file or die "$file: $!\n";
    local $/;
    return scalar(<$fh>) // '';
}


sub check_lines {
    my ($file, $text) = @_;

    my $n = 0;
    for (split /\n/, $text) {
        $n++;
        my $chars = $_;
        utf8::decode($chars);
        report($file, $n, 'longer than 79 columns') if length $chars > 79;
        report($file, $n, 'tab') if /\t/;
        report($file, $n, 'trailing blanks') if / $/;
        report($file, $n, 'carriage return') if /\r/;
    }

    report($file, $n, 'no newline at the end') if $text !~ /\n\z/;
    report($file, $n, 'empty lines at the end') if $text =~ /\n\n\z/;
}


# The text with comments, strings and characters made blank (includes stay);
# complains about comments of the other kind on the way.

sub blank_comments {
    my ($file, $text) = @_;

    my $out = '';

    while ($text =~ m{
        \G (?: (?<include> ^[ ]*\#[ ]*include[^\n]*)
             | (?<comment> /\*.*?\*/)
             | (?<line>    //[^\n]*)
             | (?<string>  "(?:\\.|[^"\\\n])*" | '(?:\\.|[^'\\\n])*')
             | (?<other>   .) )
        }gsxm)
    {
        if (defined $+{comment} || defined $+{string}) {
            my $blank = $+{comment} // $+{string};
            $blank =~ s/[^\n]/ /g;
            $out .= $blank;

        } elsif (defined $+{line}) {
            my $n = 1 + ($out =~ tr/\n//);
            report($file, $n, 'comment with //');

        } else {
            $out .= $+{include} // $+{other};
        }
    }

    return $out;
}


sub check_includes {
    my ($file, $code) = @_;

    my ($room, $name) = $file =~ m{^src/([^/]+)/(.+)$};
    my $top = !defined $room;
    my $pure = !$top && $name =~ /^ai_/;

    if (!$top && !$pure && $name !~ /^ngx_http_ai_|^ngx_http_ai\./) {
        report($file, 1, 'name is neither ai_* nor ngx_http_ai_*');
    }

    if (!$top && !grep { $_ eq $room } @rooms) {
        report($file, 1, "room $room is not on the map");
    }

    my $n = 0;

    for (split /\n/, $code) {
        $n++;
        my ($q, $what) = /^\s*#\s*include\s*([<"])([^>"]+)/ or next;

        report($file, $n, "include \"$what\": write <room/file.h>")
            if $q eq '"';

        check_library($file, $n, $room, $what) if !$top;

        if ($what =~ m{^(\w+)/((?:ngx_http_)?ai[_.].*)$}) {
            next if $top;
            check_room($file, $n, $room, $pure, $1, $2);

        } elsif ($what =~ /^ngx_|^nginx\.h/ && $pure) {
            report($file, $n, "pure file includes $what");
        }
    }
}


sub check_library {
    my ($file, $n, $room, $what) = @_;

    for my $lib (@libraries) {
        my ($re, $title, @allowed) = @$lib;
        next if $what !~ $re || grep { $_ eq $room } @allowed;
        report($file, $n, "only @allowed may include $title");
    }
}


sub check_room {
    my ($file, $n, $room, $pure, $other, $name) = @_;

    if ($pure && $name =~ /^ngx_/) {
        report($file, $n, "pure file includes $other/$name");
        return;
    }

    return if $other eq $room;

    report($file, $n, "$other/$name is private to $other")
        if $name =~ /_int\.h$/;

    my $may = $pure ? $pure{$room} || [@pure_all]
                    : $glue{$room} || [@pure_all, qw/ core store /];

    report($file, $n, "$room may not include $other")
        if !grep { $_ eq $other } @$may;
}


# Prototypes and variables of a header stand between push(hidden) and pop;
# nginx's module structures are the exception, nginx must find them.

sub check_visibility {
    my ($file, $code) = @_;

    my ($depth, $hidden, $n, $start, $text) = (0, 0, 0, 0, '');

    for my $line (split /\n/, first_lines($code)) {
        $n++;

        if ($line =~ /^\s*#/) {
            $hidden++ if $line =~ /pragma GCC visibility push\(hidden\)/;
            $hidden-- if $line =~ /pragma GCC visibility pop/;
            next;
        }

        for my $part ($line =~ /[{};]|[^{};]+/g) {
            if ($part eq '{') {
                $depth++;

            } elsif ($part eq '}') {
                # a function's body ends here, a structure's goes on to ;
                $text = '' if --$depth == 0 && $text =~ /^\s*static\b.*\)/s;

            } elsif ($part eq ';' && $depth == 0) {
                report($file, $start, 'prototype outside of '
                       . '"#pragma GCC visibility push(hidden)"')
                    if !$hidden && is_symbol($text);
                $text = '';

            } elsif ($depth == 0) {
                $start = $n if $text !~ /\S/;
                $text .= "$part ";
            }
        }
    }

    report($file, $n, 'visibility pragma is not closed') if $hidden;
}


sub is_symbol {
    my ($text) = @_;

    return 0 if $text =~ /^\s*(?:typedef|static|struct\s+\w+\s*$)/;
    return 0 if $text =~ /\bngx_module_t\b/;
    return 1 if $text =~ /^\s*extern\b/;
    return $text =~ /\w\s*\(/ ? 1 : 0;
}


# A macro over several lines is blanked but for its first; the count stays.

sub first_lines {
    my ($code) = @_;

    my ($out, $macro) = ('', 0);

    for my $line (split /\n/, $code) {
        my $more = $line =~ /\\$/;
        $out .= $macro ? "\n" : "$line\n";
        $macro = ($macro || $line =~ /^\s*#/) && $more;
    }
    return $out;
}
