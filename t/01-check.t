#!/usr/bin/perl

# The checker of the tree finds what it is for, and is silent about the rest.

use strict;
use warnings;

use File::Path qw/ make_path /;
use File::Temp ();
use FindBin;
use Test::More;

my $pre = "#pragma GCC visibility push(hidden)\n";
my $post = "#pragma GCC visibility pop\n";

my @cases = (
    [ 'long line', 'src/base/ai_a.c', 'int  a;' . ' ' x 73 . "\n",
      qr/longer than 79/ ],
    [ '79 columns', 'src/base/ai_a.c', 'int  ' . 'a' x 73 . ";\n", undef ],
    [ 'tab', 'src/base/ai_a.c', "\tint a;\n", qr/tab/ ],
    [ 'blanks', 'src/base/ai_a.c', "int a; \n", qr/trailing blanks/ ],
    [ 'comment', 'src/base/ai_a.c', "int a; // no\n", qr{comment with //} ],
    [ 'URL in a string', 'src/base/ai_a.c',
      "char *a = \"http://a\"; /* http://b */\n", undef ],
    [ 'name', 'src/base/buf.c', "int a;\n", qr/name is neither/ ],
    [ 'nginx in a pure file', 'src/base/ai_a.c',
      "#include <ngx_core.h>\n", qr/pure file includes ngx_core/ ],
    [ 'glue in a pure file', 'src/limit/ai_a.c',
      "#include <core/ngx_http_ai.h>\n", qr/pure file includes core/ ],
    [ 'room upwards', 'src/base/ai_a.c', "#include <codec/ai_json.h>\n",
      qr/base may not include codec/ ],
    [ 'pure half', 'src/limit/ai_a.c', "#include <codec/ai_json.h>\n",
      undef ],
    [ 'feature of another', 'src/limit/ngx_http_ai_a.c',
      "#include <guard/ngx_http_ai_guard.h>\n",
      qr/limit may not include guard/ ],
    [ 'feature of core', 'src/limit/ngx_http_ai_a.c',
      "#include <core/ngx_http_ai.h>\n", undef ],
    [ 'core', 'src/core/ngx_http_ai_a.c',
      "#include <guard/ngx_http_ai_guard.h>\n", undef ],
    [ 'private header', 'src/core/ngx_http_ai_a.c',
      "#include <codec/ai_json_int.h>\n", qr/private to codec/ ],
    [ 'quotes', 'src/base/ai_a.c', "#include \"ai_b.h\"\n", qr/write </ ],
    [ 'jansson', 'src/api/ai_a.c', "#include <jansson.h>\n",
      qr/only codec may include jansson/ ],
    [ 'jansson in codec', 'src/codec/ai_a.c', "#include <jansson.h>\n",
      undef ],
    [ 'OpenSSL', 'src/limit/ai_a.c', "#include <openssl/evp.h>\n",
      qr/include OpenSSL/ ],
    [ 'hiredis', 'src/limit/ngx_http_ai_a.c',
      "#include <hiredis/async.h>\n", qr/include hiredis/ ],
    [ 'PCRE2', 'src/token/ai_a.c', "#include <pcre2.h>\n",
      qr/include PCRE2/ ],
    [ 'open prototype', 'src/base/ai_a.h', "int f(int a,\n    int b);\n",
      qr/:1: prototype outside/ ],
    [ 'hidden prototype', 'src/base/ai_a.h', "${pre}int f(void);\n$post",
      undef ],
    [ 'pragma left open', 'src/base/ai_a.h', "${pre}int f(void);\n",
      qr/not closed/ ],
    [ 'variable', 'src/base/ai_a.h', "extern int  a;\n",
      qr/prototype outside/ ],
    [ 'types, macros, inline', 'src/base/ai_a.h',
      "typedef int (*f_pt)(void);\nstruct s_s {\n    int (*f)(void);\n};\n"
      . "#define X(a) \\\n    f(a); \\\n    g(a);\n"
      . "static inline int\nf(void)\n{\n    return 1;\n}\n"
      . "extern ngx_module_t  ngx_http_ai_gateway_module;\n", undef ],
);

for my $case (@cases) {
    my ($name, $file, $text, $want) = @$case;
    my $said = check($file, $text);

    defined $want ? like($said, $want, $name) : is($said, '', $name);
}

done_testing();


sub check {
    my ($file, $text) = @_;

    my $dir = File::Temp->newdir;
    my ($sub) = $file =~ m{(.*)/};
    make_path("$dir/$sub");
    open my $fh, '>', "$dir/$file" or die "$file: $!\n";
    print $fh $text;
    close $fh;

    return scalar `perl '$FindBin::Bin/lib/check.pl' $dir 2>&1`;
}
