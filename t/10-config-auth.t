#!/usr/bin/perl

# ai_key_file, ai_auth, ai_identity, ai_role at nginx -t: what is refused, with
# the exact message and place, and what is taken.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Digest::SHA qw/ sha256_hex /;
use Test::More;

use AI::Test;

my $t = AI::Test->new;
my $dir = $t->testdir;

$t->allow(qr/\[emerg\]/);

my $head = $t->expand("%%TEST_GLOBALS%%\nevents { }\nhttp {\n"
                      . "%%TEST_GLOBALS_HTTP%%\n");

my $hash = 'sha256:' . sha256_hex('sk-ai-1');
my $hash2 = 'sha256:' . sha256_hex('sk-ai-2');
my $hmac = 'hmac:' . sha256_hex('x');

my $provider = 'ai_provider p { api openai; endpoint http://127.0.0.1:1; }';

file('good', "$hash id=a\n");
file('more', "$hash2 id=b\n");
file('peppered', "$hmac id=c\n");
file('pepper', "a secret\n");
file('empty', '');
file('of.role', "$hash id=a\n\n$hash2 id=b role=devs\n");
mkdir "$dir/folder";
$t->write_file('open', "$hash id=a\n");
chmod 0644, "$dir/open";

my @refused = (

    # ai_key_file

    [ 'ai_key_file; @@',
      'invalid number of arguments in "ai_key_file" directive' ],
    [ 'ai_key_file good pepper=x y; @@',
      'invalid number of arguments in "ai_key_file" directive' ],
    [ 'ai_key_file none; @@',
      "open() \"$dir/none\" failed (2: No such file or directory)" ],
    map({ [ "ai_key_file $_; \@\@", "\"$dir/$_\" is no file, is empty, or is "
            . 'larger than 67108864 bytes' ] } 'empty', 'folder'),
    [ 'ai_key_file good peper=x; @@', 'unknown parameter "peper=x" of '
      . '"ai_key_file", did you mean "pepper"?' ],
    [ 'ai_key_file good x; @@', 'unknown parameter "x" of "ai_key_file"' ],
    [ 'ai_key_file good pepper=; @@', '"pepper" is empty' ],
    [ "ai_key_file good pepper=x;\nai_key_file more pepper=; \@\@",
      '"pepper" is empty' ],
    [ 'ai_key_file good pepper=$x; @@',
      '"pepper" does not support variables' ],
    [ 'ai_key_file good pepper=file:empty; @@',
      "file \"$dir/empty\" is empty" ],
    [ 'ai_key_file good pepper=env:AI_NO_SUCH; @@',
      'environment variable "AI_NO_SUCH" is not set' ],
    [ 'ai_key_file peppered; @@', '"hmac:" needs "pepper=" of "ai_key_file" '
      . "in $dir/peppered:1" ],
    [ "ai_key_file good;\nai_key_file good; \@\@",
      "the key of \"a\" is that of \"a\" in $dir/good:1" ],
    [ 'server { location / { if ($uri) { ai_key_file good; @@ } } }',
      '"ai_key_file" directive is not allowed here' ],

    # ai_auth

    [ 'ai_auth; @@', 'invalid number of arguments in "ai_auth" directive' ],
    [ 'ai_auth yes; @@', 'invalid value "yes" in "ai_auth", it must be "on", '
      . '"off" or "optional"' ],
    [ "ai_auth off;\nai_auth off; \@\@", '"ai_auth" directive is duplicate' ],
    [ 'ai_auth on redis=main; @@', 'unknown ai_redis "main" in "ai_auth"' ],
    [ "ai_redis main 127.0.0.1:1;\nai_auth on redis=mian; \@\@",
      'unknown ai_redis "mian" in "ai_auth", did you mean "main"?' ],
    [ "ai_redis a 127.0.0.1:1; ai_redis b 127.0.0.1:1;\n"
      . "server { ai_auth on redis=a;\nlocation / { ai_auth on redis=b; \@\@ "
      . "} }", '"redis=b" of "ai_auth" conflicts with "redis=a" in '
      . "$dir/nginx.conf:" . (2 + $head =~ tr/\n//) ],
    [ 'ai_auth on made=yes; @@', 'invalid parameter "made=yes" of "ai_auth", '
      . 'it may be "made=on" or "made=off"' ],
    [ 'ai_auth on made=on made=off; @@',
      'duplicate parameter "made=off" of "ai_auth"' ],
    [ "server { deny all; location / { ai_api write=on; }\n"
      . "location /b { ai_auth on made=off; \@\@ } }",
      '"ai_auth" needs an "ai_key_file", or keys made by '
      . '"ai_api write=on"' ],
    [ 'ai_auth on sorce=auto; @@',
      'unknown parameter "sorce=auto" of "ai_auth"' ],
    [ 'ai_auth on source=cookie; @@', 'invalid parameter "source=cookie" of '
      . '"ai_auth", it must be "auto" or have a variable' ],
    [ 'ai_auth on source=$http_a source=$http_b; @@',
      'duplicate parameter "source=$http_b" of "ai_auth"' ],
    [ "server { location /a { }\nlocation /b {\nai_auth on; \@\@ } }",
      '"ai_auth" needs an "ai_key_file", or '
      . 'keys made by "ai_api write=on"' ],
    [ 'server { ai_auth optional; @@ }',
      '"ai_auth" needs an "ai_key_file", or '
      . 'keys made by "ai_api write=on"' ],
    [ "ai_auth on; \@\@\nserver { }", '"ai_auth" needs an "ai_key_file", or '
      . 'keys made by "ai_api write=on"' ],

    # ai_identity

    [ 'ai_identity; @@',
      'invalid number of arguments in "ai_identity" directive' ],
    [ 'ai_identity team; @@', 'no value for "team" in "ai_identity"' ],
    [ 'ai_identity taem $x; @@', 'unknown name "taem" in "ai_identity", did '
      . 'you mean "team"?' ],
    [ 'ai_identity colour $x; @@', 'unknown name "colour" in "ai_identity"' ],
    [ "ai_identity team a;\nai_identity team b; \@\@",
      'duplicate "team" in "ai_identity"' ],
    [ "ai_identity team a;\nai_identity off; \@\@",
      '"ai_identity" directive is duplicate' ],
    [ "ai_identity off;\nai_identity team a; \@\@",
      '"ai_identity" directive is duplicate' ],
    [ 'ai_identity team $no_such_variable_here; @@ server { }',
      'unknown "no_such_variable_here" variable', 'no place' ],

    # ai_role

    [ 'ai_role; @@', 'directive "ai_role" has no opening "{"' ],
    [ 'ai_role { @@ }',
      'invalid number of arguments in "ai_role" directive' ],
    [ 'ai_role "a b" { @@ }', 'invalid name of ai_role "a b"' ],
    [ "ai_role a { }\nai_role a { \@\@ }", 'duplicate ai_role "a"' ],
    [ 'ai_role a { modles *; @@ }', 'unknown directive "modles" in ai_role, '
      . 'did you mean "models"?' ],
    [ 'ai_role a { models; @@ }',
      'invalid number of arguments in "models" directive' ],
    [ 'ai_role a { models *-mini; @@ }', 'invalid name "*-mini" in "models", '
      . '"*" may only be its last character' ],
    [ "ai_role a { models a;\nmodels b; \@\@ }", '"models" is duplicate' ],
    [ 'ai_role a { operations caht; @@ }', 'unknown operation "caht" in '
      . '"operations", did you mean "chat"?' ],
    [ 'ai_role a { operations swim; @@ }',
      'unknown operation "swim" in "operations"' ],
    [ 'ai_role a { api all; @@ }', 'invalid value "all" in "api", it must be '
      . '"none", "read" or "write"' ],
    [ "ai_role a { api read;\napi read; \@\@ }", '"api" is duplicate' ],
    [ "ai_provider openai { }\nai_role a { \@\@ providers opnai; }",
      'unknown ai_provider "opnai" in ai_role "a", did you mean "openai"?' ],
    [ "$provider\nai_role a { \@\@ routes q; }",
      'unknown ai_route "q" in ai_role "a"' ],
    [ "ai_role dev { }\nai_key_file of.role; \@\@", 'unknown ai_role "devs", '
      . "did you mean \"dev\"? in $dir/of.role:3" ],
    [ 'ai_key_file of.role; @@',
      "unknown ai_role \"devs\" in $dir/of.role:3" ],
    [ 'server { ai_role a { @@ } }',
      '"ai_role" directive is not allowed here' ],
);

# what a file may have wrong, in its third line

my @lines = (
    [ 'sk-ai-plain id=x', 'a line begins with neither "hmac:" nor '
      . '"sha256:"' ],
    [ 'sha256:abc id=x', 'a digest is not 64 hexadecimal digits' ],
    [ "$hash2 team=x", 'a key has no "id"' ],
    [ "$hash2 id=a", 'duplicate id "a"' ],
    [ "$hash id=b", 'the key of "b" is that of "a"' ],
    [ "$hash2 id=b modles=x", 'unknown attribute "modles", did you mean '
      . '"models"?' ],
    [ "$hash2 id=b models=a*b", 'invalid name in "models": it is empty, or '
      . 'has a "*" that is not its last character' ],
    [ "$hash2 id=b expires=31.1.2027", 'invalid date in "expires", it is '
      . 'YYYY-MM-DD or YYYY-MM-DDThh:mm:ssZ' ],
    [ "$hash2 id=b budget=50", 'invalid "budget", it is USD in a period, '
      . 'such as "50.00/month"' ],
    [ "$hash2 id=b tpm=100k", 'invalid "tpm", it is a plain number' ],
);

for my $case (@refused) {
    my ($text, $message, $no_place) = @$case;

    my ($ok, $said) = check($text);
    my $place = $no_place ? '' : " in $dir/nginx.conf:" . line_of($text);

    ok(!$ok && $said =~ /\[emerg\] (?:\d+#\d+: )?\Q$message$place\E\n/,
       $message) or diag("config: $text\nsaid: $said");
}

for my $case (@lines) {
    my ($line, $message) = @$case;

    file('bad', "# keys\n$hash id=a\n$line\n");
    my ($ok, $said) = check('ai_key_file bad; @@');

    my $want = "$message in $dir/bad:3 in $dir/nginx.conf:";
    ok(!$ok && $said =~ /\[emerg\] (?:\d+#\d+: )?\Q$want\E\d+\n/,
       "a file: $message") or diag("line: $line\nsaid: $said");
    unlike($said, qr/sk-ai-plain/, '... without the line')
        if $line =~ /plain/;
}

my @taken = (
    'ai_key_file good;',
    "ai_key_file $dir/good; ai_key_file more;",
    'ai_key_file good pepper=file:pepper; ai_key_file peppered
        pepper=file:pepper;',
    'ai_key_file good; server { ai_auth optional source=$http_x; }',
    'ai_auth off; server { ai_key_file good; location / { ai_auth on
        source=auto; } }',
    'server { location / { ai_key_file good; ai_auth on; } }',
    'ai_identity team $http_x_team; ai_identity user "$http_x_user";
     server { ai_identity off; location / { ai_identity key a; } }',
    'ai_role a { }',
    "$provider ai_role a { models gpt-4o* claude-*; providers p q*;
        routes p *; operations chat models embed*; tools search_*; api read; }
     ai_role b { api write; }",
    "ai_key_file of.role; ai_role devs { models *; }",
    "ai_zone ai 1m state=$dir/state; ai_auth on;
     server { location / { deny all; ai_api write=on; } }",
    "ai_zone ai 1m state=$dir/state; ai_redis main 127.0.0.1:1;
     ai_auth on redis=main source=\$http_x made=on;
     server { location / { ai_auth on redis=MAIN; } }",
    'ai_key_file good; server { ai_auth on made=off; }',
);

for my $text (@taken) {
    my ($ok, $said) = check($text);

    (my $name = $text) =~ s/\s+/ /g;
    ok($ok && $said !~ /\[warn\]/, 'taken: ' . substr $name, 0, 60)
        or diag("said: $said");
}

# warnings

my ($ok, $said) = check('ai_key_file open; @@');
ok($ok, 'a file that others may read is taken');
my $want = "\"$dir/open\" can be read by others than its owner in $dir/";
like($said, qr/\[warn\].*\Q$want\E/, '... with a warning');

($ok, $said) = check('ai_key_file good pepper=salt-canary; @@');
ok($ok, 'a pepper in the configuration is taken');
like($said, qr/\[warn\].*"pepper" is in plain text/, '... with a warning');
unlike($said, qr/salt-canary/, '... that does not show it');


sub file {
    my ($name, $text) = @_;

    $t->write_file($name, $text);
    chmod 0600, "$dir/$name";
}


sub check {
    my ($text) = @_;

    (my $config = $text) =~ s/\@\@//;
    my $open = () = $config =~ /\{/g;
    my $shut = () = $config =~ /\}/g;
    $config .= ' }' x ($open - $shut);

    $t->write_file('nginx.conf', "$head$config\n}\n");

    truncate "$dir/test.out", 0;
    return $t->test_config;
}


# the line of the mark

sub line_of {
    my ($text) = @_;

    my ($before) = $text =~ /^(.*?)\@\@/s;
    return ($head =~ tr/\n//) + 1 + ($before =~ tr/\n//);
}
