#!/usr/bin/perl

# The tree and `config` agree, names are unique, headers stand alone.

use strict;
use warnings;

use FindBin;
use Test::More;

my $root = "$FindBin::Bin/..";
my $build = $ENV{BUILD} || "$root/build";

chdir $root or die;

my $config = slurp('config');

is_deeply([ listed('ngx_module_srcs') ],
          [ sort(glob('src/*/*.c'), 'ngx_http_ai_gateway_module.c') ],
          'config lists every source file');
is_deeply([ listed('ngx_module_deps') ], [ sort(glob 'src/*/*.h') ],
          'config lists every header');
unlike($config, qr/\*\.[ch]/, 'no globbing');

# nginx's build keeps only the last folder of an object's path

for my $type (qw/ c h /) {
    my %seen;
    my @twice = grep { $seen{lc((split m{/})[-1])}++ }
        glob("*.$type"), glob "src/*/*.$type";
    is("@twice", '', "names of .$type files are unique");
}

# headers, one by one

my @nginx = nginx_includes();

for my $header (sort(glob 'src/*/*.h')) {
    my $glue = $header =~ m{/ngx_};

    SKIP: {
        skip "$header: no nginx headers here", 1 if $glue && !@nginx;

        my $name = $header;
        $name =~ s{^src/}{};
        my @flags = (qw/ -fsyntax-only -Wall -Wextra -Werror
                         -Wno-unused-parameter -Isrc /,
                     $glue ? @nginx : ());
        my $said = compile("#include <$name>\n", @flags);
        is($said, '', "$name compiles alone");
    }
}

done_testing();


sub listed {
    my ($name) = @_;

    my ($body) = $config =~ /^$name="(.*?)"/ms or return;
    return sort { $a cmp $b }
        map { s{^\$ngx_addon_dir/}{}r } grep { $_ ne '\\' } split ' ', $body;
}


# those of the build that is there: of the module, or of the sanitizer nginx

sub nginx_includes {
    for ([ "$build/nginx", "$build/nginx/objs" ],
         [ "$build/asan/src", "$build/asan/src/objs" ])
    {
        my ($src, $objs) = @$_;
        next if !-e "$objs/ngx_auto_config.h";
        return map { "-I$_" } (map { "$src/src/$_" } qw{ core event
            event/modules os/unix http http/modules http/v2 }), $objs;
    }
    return;
}


sub compile {
    my ($text, @flags) = @_;

    my $file = "$build/header-$$.c";
    mkdir $build;
    open my $fh, '>', $file or die "$file: $!\n";
    print $fh $text;
    close $fh;

    my $said = `gcc @flags '$file' 2>&1`;
    unlink $file;
    return $said;
}


sub slurp {
    my ($path) = @_;

    open my $fh, '<', $path or die "$path: $!\n";
    local $/;
    return scalar <$fh>;
}
