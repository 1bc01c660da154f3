#!/usr/bin/perl

# ai_limit_zone, ai_limit, ai_limit_status, ai_limit_dry_run: what nginx -t
# says of lines that are wrong, and where.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use AI::Test;

my $t = AI::Test->new;
my $dir = $t->testdir;

$t->allow(qr/\[emerg\]/);

my $head = $t->expand("%%TEST_GLOBALS%%\nevents { }\nhttp {\n"
    . "%%TEST_GLOBALS_HTTP%%\nai_zone ai 1m state=%%TESTDIR%%/state;\n"
    . "ai_provider p { api openai; endpoint http://127.0.0.1:1; }\n");
my $line = 1 + ($head =~ tr/\n//);

my $zone = 'ai_limit_zone $remote_addr zone=team:1m;';
my $period = 'it is "/s", "/m", "/h", "/d", "/w", "/month" or a time as in '
    . '"/10s"';
my $number = 'it is a plain number above 0, without a suffix';
my $usd = 'it is USD, above 0 and at most 9000000';

# [ a line of http, what is said ]

my @http = (
    [ 'ai_limit_zone $uri;',
      'invalid number of arguments in "ai_limit_zone" directive' ],
    [ 'ai_limit_zone $uri zone=team;', 'invalid zone size "zone=team"' ],
    [ 'ai_limit_zone $uri zone=team:;', 'invalid zone size "zone=team:"' ],
    [ 'ai_limit_zone $uri zone=team:1x;', 'invalid zone size "zone=team:1x"' ],
    [ 'ai_limit_zone $uri zone=team:-1;', 'invalid zone size "zone=team:-1"' ],
    [ 'ai_limit_zone $uri zone=team:31k;', 'zone "team" is too small' ],
    [ 'ai_limit_zone $uri zone=:1m;', '"ai_limit_zone" must have a "zone" '
      . 'parameter with a name' ],
    [ 'ai_limit_zone $uri "zone=a b:1m";', '"ai_limit_zone" must have a '
      . '"zone" parameter with a name' ],
    [ 'ai_limit_zone $uri size=1m;',
      'invalid parameter "size=1m" of "ai_limit_zone"' ],
    [ 'ai_limit_zone $uri zone=team:1m zone=b:1m;',
      'invalid parameter "zone=b:1m" of "ai_limit_zone"' ],
    [ 'ai_limit_zone $uri zone=team:1m redis=;',
      'empty parameter "redis=" of "ai_limit_zone"' ],
    [ 'ai_limit_zone $uri redis=a redis=b;',
      'invalid parameter "redis=b" of "ai_limit_zone"' ],
    [ 'ai_redis main 127.0.0.1; ai_limit_zone $uri zone=team:1m redis=mein;',
      'there is no "ai_redis" "mein", did you mean "main"?' ],
    [ 'ai_redis a 127.0.0.1; ai_redis b 127.0.0.1; ai_limit_zone $uri '
      . 'zone=t:1m redis=a; ai_limit_zone $uri zone=u:1m redis=b;',
      'all zones must be shared by the same "ai_redis", "a" is used '
      . 'elsewhere' ],
    [ 'ai_limit_zone $uri zone=keys:1m;',
      'the name "keys" is that of the limits in key files' ],
    [ "$zone $zone", 'duplicate zone "team"' ],
    [ 'ai_limit_zone $uri zone=ai:1m;', 'the size 1048576 of shared memory '
      . 'zone "ai" conflicts|zone "ai" is that of "ai_zone"' ],
    [ "$zone server { ai_limit_zone \$uri zone=b:1m; }",
      '"ai_limit_zone" directive is not allowed here' ],
);

# [ the arguments of ai_limit, what is said ]

my @limit = (
    [ '', 'invalid number of arguments in "ai_limit" directive' ],
    [ 'requests=1/m', '"ai_limit" must have a "zone" parameter' ],
    [ 'zone=team', '"ai_limit" limits nothing: it wants "requests=", '
      . '"tokens=", "input_tokens=", "output_tokens=", "cost=" or '
      . '"concurrency="' ],
    [ 'zone=teem requests=1/m', 'unknown ai_limit_zone "teem" in "ai_limit", '
      . 'did you mean "team"?' ],
    [ 'zone=team zone=team requests=1/m',
      'invalid parameter "zone=team" of "ai_limit"' ],
    [ 'zone=team reqests=1/m', 'unknown parameter "reqests=1/m" of '
      . '"ai_limit", did you mean "requests"?' ],
    [ 'zone=team onexceed=log requests=1/m', 'unknown parameter '
      . '"onexceed=log" of "ai_limit", did you mean "on_exceed"?' ],
    (map { [ "zone=team $_", "invalid period in \"$_\", $period" ] }
        'requests=1', 'requests=1/', 'requests=/m', 'requests=1/y',
        'requests=1/0s', 'requests=1/32x', 'tokens=100', 'cost=5',
        'requests=1/-1s', 'cost=5/M'),
    (map { [ "zone=team $_/d", "invalid number in \"$_/d\", $number" ] }
        'requests=0', 'requests=-1', 'requests=1.5', 'tokens=1e3',
        'tokens=100k', 'output_tokens=9000000000000001', 'input_tokens=x',
        'requests=99999999999999999999'),
    (map { [ "zone=team cost=$_/d", "invalid number in \"cost=$_/d\", $usd" ] }
        '0', '-1', '1e3', '9000001', '$1.00x' =~ s/^\$//r, '0.0000000001'),
    [ 'zone=team concurrency=1/m',
      "invalid number in \"concurrency=1/m\", $number" ],
    [ 'zone=team concurrency=0', "invalid number in \"concurrency=0\", "
      . $number ],
    (map { [ "zone=team requests=1/m $_",
             "invalid parameter \"$_\" of \"ai_limit\"" ] }
        'soft=0', 'soft=0%', 'soft=101%', 'soft=1.1', 'soft=x', 'soft=',
        'burst=0', 'burst=-1', 'burst=x', 'reserve=0', 'reserve=all',
        'on_exceed=', 'on_exceed=drop', 'on_exceed=route:', 'message=',
        'tz=', 'tz=../etc/passwd', 'requests', 'zone'),
    [ 'zone=team tokens=1/m burst=5', '"burst" of "ai_limit" is for '
      . '"requests=" in /s, /m, /h or a time' ],
    [ 'zone=team tokens=1/m tz=Europe/Berlin',
      '"tz" of "ai_limit" is for limits in /d, /w or /month' ],
    [ 'zone=team tokens=1/d tz=Europe/Nowhere', 'Europe/Nowhere' ],
    [ 'zone=team tokens=1/d tz=tzdata.zi', 'invalid parameter '
      . '"tz=tzdata.zi" of "ai_limit"' ],
    [ 'zone=team tokens=1/d \'message="no"\'', 'quotes are around all of a '
      . 'parameter, as in "message=No more for $ai_team"' ],
    [ 'zone=team requests=1/m on_exceed=route:none',
      'unknown ai_route or ai_provider "none" in "ai_limit"' ],
    [ 'off zone=team', '"ai_limit"' ],
    [ 'zone=team requests=1/m; ai_limit off', '"ai_limit" directive is '
      . 'duplicate' ],
    [ 'off; ai_limit zone=team requests=1/m', '"ai_limit" directive is '
      . 'duplicate' ],
);

# other lines of a location

my @more = (
    (map { [ "ai_limit_status $_;", 'ai_limit_status|value' ] }
        'x', '200', '399', '600', '-1'),
    [ 'ai_limit_dry_run maybe;', 'invalid value "maybe" in '
      . '"ai_limit_dry_run" directive, it must be "on" or "off"' ],
    [ 'ai_limit_status 429; ai_limit_status 503;',
      '"ai_limit_status" directive is duplicate' ],
    [ 'ai_limit_dry_run on; ai_limit_dry_run on;',
      '"ai_limit_dry_run" directive is duplicate' ],
);

refused(@$_) for @http;
refused("$zone server { location / { ai_pass p; ai_limit $_->[0]; } }",
        $_->[1]) for @limit;
refused("server { location / { ai_pass p; $_->[0] } }", $_->[1]) for @more;

# nginx finds out about variables when all is read, and has no line then

for ('ai_limit_zone $no_such zone=team:1m;', "$zone server { location / { "
     . 'ai_pass p; ai_limit zone=team tokens=$no_such/d; } }')
{
    my ($good, $all) = check($_);
    ok(!$good && $all =~ /unknown "no_such" variable/, $_) or diag($all);
}

taken("$zone server { location / { ai_pass p; ai_limit zone=team $_; } }")
    for 'requests=1/m', 'requests=9000000000000000/s', 'cost=9000000/month',
        'cost=0.000000001/d', 'tokens=1/10s input_tokens=2/m '
        . 'output_tokens=3/h cost=4/w concurrency=5', 'requests=1/m burst=9',
        'tokens=$uri/d soft=80%', 'tokens=1/d soft=0.8 reserve=full',
        'tokens=1/d reserve=100 on_exceed=next', 'cost=1/d tz=Europe/Berlin',
        'cost=1/d tz=UTC', 'requests=1/m on_exceed=route:p',
        'requests=1/m "message=No $uri"';

# keys may have three limits of their own: in a file, or made by ai_api

my $many = 'ai_limit zone=team requests=1/m requests=1/h tokens=1/m '
    . 'tokens=1/h tokens=1/d cost=1/d cost=1/w;';
my $more = 'ai_limit zone=team cost=1/month concurrency=3;';
my $api = 'location /api/ { deny all; ai_api write=on; }';

$t->write_file('limited', 'sha256:' . '0' x 64 . " id=a tpm=7\n");
chmod 0600, "$dir/limited";

taken("$zone server { location / { ai_pass p; $many $more } }");
taken("$zone server { location / { ai_pass p; $many } $api }");
taken("$zone server { location / { ai_key_file limited; ai_pass p; $many } }");
refused("$zone server { location / { ai_pass p; $many $more } $api }",
        '9 limits on one level, 7 are the most');
refused("$zone server { location / { ai_key_file limited; ai_pass p; "
        . "$many $more } }", '9 limits on one level, 7 are the most');

my ($ok, $said) = check("$zone server { location / { ai_pass p; } }");
ok($ok && $said =~ /\[warn\] .*no "ai_limit" uses ai_limit_zone "team"/,
   'a zone that nobody uses') or diag($said);

$t->discard;
done_testing();


sub refused {
    my ($text, $message) = @_;

    my ($good, $all) = check($text);
    my $want = join '|', map { quotemeta } split /\|/, $message;

    ok(!$good && $all =~ /\[emerg\] [^\n]*(?:$want)[^\n]*
                          \ in\ \Q$dir\E\/nginx\.conf:$line\n/x, $text)
        or diag("said: $all");
}


sub taken {
    my ($text) = @_;
    my ($good, $all) = check($text);
    ok($good && $all !~ /\[(?:warn|error)\]/, "taken: $text") or diag($all);
}


sub check {
    my ($text) = @_;

    $t->write_file('nginx.conf', "$head$text\n}\n");
    truncate "$dir/test.out", 0;
    return $t->test_config;
}
