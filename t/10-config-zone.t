#!/usr/bin/perl

# ai_zone: what is refused, what is taken, and what a reload may change.

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
                      . "%%TEST_GLOBALS_HTTP%%\n");
my $line = 1 + ($head =~ tr/\n//);
my $provider = 'ai_provider openai { endpoint http://127.0.0.1:1; }';

my @refused = (
    [ 'ai_zone;', 'invalid number of arguments in "ai_zone" directive' ],
    [ 'ai_zone one;', '"ai_zone" needs a name and a size' ],
    [ 'ai_zone "a b" 1m;', 'invalid zone name "a b"' ],
    [ 'ai_zone one 1x;', 'invalid zone size "1x"' ],
    [ 'ai_zone one -1;', 'invalid zone size "-1"' ],
    [ 'ai_zone one 31k;', 'zone "one" is too small' ],
    [ 'ai_zone one 0;', 'zone "one" is too small' ],
    [ 'ai_zone one 1m redis=main;', 'there is no "ai_redis" "main"' ],
    [ 'ai_redis main 127.0.0.1; ai_zone one 1m redis=mian;',
      'there is no "ai_redis" "mian", did you mean "main"?' ],
    [ 'ai_zone one 1m redis=;', 'unknown parameter "redis=" of "ai_zone"' ],
    [ 'ai_zone one 1m redis=a redis=b;',
      'unknown parameter "redis=b" of "ai_zone"' ],
    [ 'ai_redis a 127.0.0.1; ai_redis b 127.0.0.1; ai_limit_zone $uri '
      . 'zone=t:1m redis=a; ai_zone one 1m redis=b;',
      'all zones must be shared by the same "ai_redis", "a" is used '
      . 'elsewhere' ],
    [ 'ai_zone one 1m nothing;', 'unknown parameter "nothing" of "ai_zone"' ],
    [ 'ai_zone one 1m state=;', 'unknown parameter "state=" of "ai_zone"' ],
    [ 'ai_zone one 1m state=a state=b;',
      'duplicate parameter "state=b" of "ai_zone"' ],
    [ 'ai_zone one 1m retain=1d;', 'invalid parameter "retain=1d" of '
      . '"ai_zone", it is a time of 2d or more' ],
    [ 'ai_zone one 1m retain=never;', 'invalid parameter "retain=never" of '
      . '"ai_zone", it is a time of 2d or more' ],
    [ 'ai_zone one 1m; ai_zone two 1m;',
      '"ai_zone" directive is duplicate' ],
    [ 'server { ai_zone one 1m; }',
      '"ai_zone" directive is not allowed here' ],
    [ 'limit_req_zone $uri zone=one:1m rate=1r/s; ai_zone one 1m;',
      'the shared memory zone "one" is already declared for a different use' ],
);

for my $case (@refused) {
    my ($text, $message) = @$case;
    my ($ok, $said) = check("$text $provider");

    my $want = "$message in $dir/nginx.conf:$line\n";

    ok(!$ok && $said =~ /\[emerg\] (?:\d+#\d+: )?\Q$want\E/, $message)
        or diag("said: $said");
}

for my $text ('', 'ai_zone one 32k;', 'ai_zone ai 8m;', 'ai_zone big 64m;') {
    my ($ok, $said) = check("$text $provider");
    ok($ok && $said !~ /\[(?:warn|error)\]/, "taken: \"$text\"")
        or diag($said);
}

# a zone that has no room for its targets is refused, not half used

my $routes = join "\n",
    map { "ai_route r$_ { target openai; }" } 1 .. 200;

my ($ok, $said) = check("ai_zone small 32k; $provider\n$routes");
ok(!$ok && $said =~ /ai_zone "small" is too small for 201 targets/,
   'too many targets') or diag($said);

($ok, $said) = check("ai_zone large 1m; $provider\n$routes");
ok($ok, 'enough room') or diag($said);

# reloads: the same, another size, another name, one that does not fit

config('ai_zone one 1m;');
$t->run;

ok($t->reload(wait_old => 1), 'the same zone');

config('ai_zone one 1m;', $routes);
ok($t->reload(wait_old => 1), 'more targets');

config('ai_zone one 2m;', $routes);
ok($t->reload(wait_old => 1), 'another size');

config('ai_zone two 2m;');
ok($t->reload(wait_old => 1), 'another name');

my @before = $t->workers;

config('ai_zone two 32k;', $routes);
ok(!$t->reload, 'one that does not fit is refused');
is_deeply([ $t->workers ], \@before, 'and the old workers go on');
is(http_get('/')->status, 200, 'and answer');

config('');
ok($t->reload(wait_old => 1), 'the default zone');


sub check {
    my ($text) = @_;

    $t->write_file('nginx.conf', "$head$text\n}\n");
    truncate "$dir/test.out", 0;

    return $t->test_config;
}


sub config {
    my ($zone, $more) = @_;

    $t->write_file_expand('nginx.conf', $head . "$zone\n$provider\n"
        . ($more // '') . <<'EOF');

    server {
        listen 127.0.0.1:%%PORT_8080%%;

        location / {
            return 200 up;
        }

        location /v1/ {
            ai_pass openai;
        }
    }
}
EOF
}
