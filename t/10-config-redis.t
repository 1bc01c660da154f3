#!/usr/bin/perl

# ai_redis: what is refused, and what is taken.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use AI::Test;

my $t = AI::Test->new;
my $dir = $t->testdir;

$t->allow(qr/\[emerg\]/);
$t->secret('sk-canary-redis');
$t->write_file('pass', "sk-canary-redis\n");
$t->write_file('empty', '');

my $head = $t->expand("%%TEST_GLOBALS%%\nevents { }\nhttp {\n"
                      . "%%TEST_GLOBALS_HTTP%%\n");
my $line = 1 + ($head =~ tr/\n//);

my @refused = (
    [ 'ai_redis;', 'invalid number of arguments in "ai_redis" directive' ],
    [ 'ai_redis main;',
      'invalid number of arguments in "ai_redis" directive' ],
    [ 'ai_redis "a b" 127.0.0.1;', 'invalid name "a b" of "ai_redis"' ],
    [ 'ai_redis main db=1;', '"ai_redis" "main" has no address' ],
    [ 'ai_redis main 127.0.0.1; ai_redis main 127.0.0.1;',
      'duplicate "ai_redis" "main"' ],
    [ 'ai_redis main 127.0.0.1; ai_redis MAIN 127.0.0.1;',
      'duplicate "ai_redis" "MAIN"' ],
    [ 'ai_redis main 127.0.0.1 pasword=x;',
      'unknown parameter "pasword" of "ai_redis", did you mean "password"?' ],
    [ 'ai_redis main 127.0.0.1 colour=x;',
      'unknown parameter "colour" of "ai_redis"' ],
    [ 'ai_redis main 127.0.0.1 db=1 db=2;',
      'duplicate parameter "db" of "ai_redis"' ],
    [ 'ai_redis main 127.0.0.1:0;',
      'invalid port in address "127.0.0.1:0" of "ai_redis"' ],
    [ 'ai_redis main 127.0.0.1:70000;',
      'invalid port in address "127.0.0.1:70000" of "ai_redis"' ],
    [ 'ai_redis main "";', 'no host in address "" of "ai_redis"' ],
    [ 'ai_redis main unix:;',
      'no path in the unix domain socket in address "unix:" of "ai_redis"' ],
    [ 'ai_redis main nobody.invalid;',
      'host not found in address "nobody.invalid" of "ai_redis"' ],
    [ 'ai_redis main 127.0.0.1 db=x;',
      'invalid value "x" of "db" of "ai_redis", it must be from 0 to 65535' ],
    [ 'ai_redis main 127.0.0.1 db=-1;',
      'invalid value "-1" of "db" of "ai_redis", it must be from 0 to 65535' ],
    [ 'ai_redis main 127.0.0.1 pool=0;',
      'invalid value "0" of "pool" of "ai_redis", it must be from 1 to 64' ],
    [ 'ai_redis main 127.0.0.1 pool=65;',
      'invalid value "65" of "pool" of "ai_redis", it must be from 1 to 64' ],
    [ 'ai_redis main 127.0.0.1 timeout=0;', 'invalid time "0" of "timeout" '
      . 'of "ai_redis", it must be from 1ms to 60s' ],
    [ 'ai_redis main 127.0.0.1 timeout=2m;', 'invalid time "2m" of "timeout" '
      . 'of "ai_redis", it must be from 1ms to 60s' ],
    [ 'ai_redis main 127.0.0.1 connect_timeout=x;',
      'invalid time "x" of "connect_timeout" of "ai_redis", it must be from '
      . '1ms to 60s' ],
    [ 'ai_redis main 127.0.0.1 on_error=maybe;', 'invalid value "maybe" of '
      . '"on_error" of "ai_redis", it must be "local" or "deny"' ],
    [ 'ai_redis main 127.0.0.1 user=;', '"user" of "ai_redis" is empty' ],
    [ 'ai_redis main 127.0.0.1 user=me;',
      '"user" of "ai_redis" requires "password"' ],
    [ 'ai_redis main 127.0.0.1 password=;', '"password" is empty' ],
    [ 'ai_redis main 127.0.0.1 password=file:empty;',
      "file \"$dir/empty\" is empty" ],
    [ 'ai_redis main 127.0.0.1 password=file:none;',
      "open() \"$dir/none\" failed (2: No such file or directory)" ],
    [ 'ai_redis main 127.0.0.1 password=env:NO_SUCH_NAME;',
      'environment variable "NO_SUCH_NAME" is not set' ],
    [ 'ai_redis main 127.0.0.1 password=$secret;',
      '"password" does not support variables' ],
    [ "ai_redis main 127.0.0.1 \"prefix=a\tb\";",
      '"prefix" of "ai_redis" contains a control character' ],
    [ 'ai_redis main 127.0.0.1 sentinel=;',
      '"sentinel" of "ai_redis" is empty' ],
    [ 'ai_redis main 127.0.0.1 sentinel_password=file:pass;',
      '"sentinel_password" of "ai_redis" requires "sentinel"' ],
    [ 'ai_redis main 127.0.0.1 ssl=yes;', 'invalid value "yes" of "ssl" of '
      . '"ai_redis", it must be "on" or "off"' ],
    [ 'server { ai_redis main 127.0.0.1; }',
      '"ai_redis" directive is not allowed here' ],
);

push @refused, [ 'ai_redis main 127.0.0.1 ssl=on;',
    '"ssl" of "ai_redis": built without TLS, which hiredis has from 1.0 on; '
    . 'use a "unix:" socket or an address of a local stunnel' ]
    if `ldconfig -p 2>/dev/null` !~ /libhiredis_ssl/;

for my $case (@refused) {
    my ($text, $message) = @$case;
    my ($ok, $said) = check($text);

    my $want = "$message in $dir/nginx.conf:$line\n";

    ok(!$ok && $said =~ /\[emerg\] (?:\d+#\d+: )?\Q$want\E/, $message)
        or diag("said: $said");
}

my @taken = (
    'ai_redis main 127.0.0.1;', 'ai_redis main 127.0.0.1:6380;',
    'ai_redis main [::1]:6380;', 'ai_redis main localhost;',
    'ai_redis main unix:/nowhere/s;', 'ai_redis main unix:/a=b/s db=1;',
    'ai_redis main 127.0.0.1 127.0.0.2:1 unix:/s;',
    'ai_redis main 127.0.0.1 user=me password=file:pass db=3 prefix=x: '
        . 'connect_timeout=1s timeout=20ms pool=1 on_error=deny ssl=off;',
    'ai_redis main 127.0.0.1 127.0.0.2 sentinel=mymaster '
        . 'sentinel_password=file:pass password=file:pass;',
    'ai_redis main 127.0.0.1 prefix=;',
    'ai_redis a 127.0.0.1; ai_redis b 127.0.0.1;',
    'ai_redis main 127.0.0.1; '
        . 'server { location / { return 200 $ai_redis_main; } }',
    'ai_redis Main 127.0.0.1; '
        . 'server { location / { return 200 $ai_redis_Main; } }',
);

for my $text (@taken) {
    my ($ok, $said) = check($text);
    ok($ok && $said !~ /\[(?:warn|error)\]/, "taken: $text") or diag($said);
}

my ($ok, $said) = check('ai_redis main 127.0.0.1 password=sk-canary-redis;');
ok($ok, 'a password in plain text');
like($said, qr{\[warn\]\ .*"password"\ is\ in\ plain\ text\ in\ the
        \ configuration,\ use\ "file:PATH"\ or\ "env:NAME"
        \ in\ \Q$dir\E/nginx.conf:$line}x, 'but with a warning');
unlike($said, qr/sk-canary/, 'which does not show it');

# a variable of nobody

my $health = 'server { location / { return 200 $ai_redis_mian; } }';

($ok, $said) = check("ai_redis main 127.0.0.1; $health");
ok(!$ok, 'a variable with a wrong name');
like($said, qr/there is no "ai_redis" "mian" for variable "\$ai_redis_mian"/,
     'which one');
like($said, qr/, did you mean "main"\?/, 'and what was meant');
($ok, $said) = check($health);
ok(!$ok, 'a variable without any ai_redis') or diag($said);


sub check {
    my ($text) = @_;

    $t->write_file('nginx.conf', "$head$text\n}\n");
    truncate "$dir/test.out", 0;

    return $t->test_config;
}
