#!/usr/bin/perl

# ai_api: what it lists, how questions are answered and refused, and that no
# secret is in it.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use AI::Test;

my $t = AI::Test->new->plan(60);

$t->write_file_expand('nginx.conf', <<'EOF');
%%TEST_GLOBALS%%

events {
}

http {
    %%TEST_GLOBALS_HTTP%%

    ai_zone ai 1m state=%%TESTDIR%%/state;

    ai_provider openai {
        endpoint http://127.0.0.1:%%PORT_8081%%;
        key file:%%TESTDIR%%/key;
        set_header X-Extra canary-header-1;
        model gpt-4.1 context=1000000 max_output=32768;
        model small as=gpt-4.1-mini;
        region eu us;
        tag retention=zero;
    }

    ai_provider local {
        api openai_compatible;
        endpoint http://127.0.0.1:%%PORT_8081%%/base;
    }

    ai_route chat {
        target openai model=gpt-4.1 weight=3 max_prompt=1000;
        target local model=$arg_m;
        target local model=m backup;
        least_conn;
    }

    server {
        listen 127.0.0.1:%%PORT_8080%%;

        location /api/ {
            allow 127.0.0.1;
            deny all;
            ai_api;
        }

        location /admin {
            allow 127.0.0.1;
            deny all;
            ai_api write=on;
        }

        location = /exact {
            allow 127.0.0.1;
            deny all;
            ai_api;
        }

        location /closed/ {
            deny all;
            ai_api;
        }

        location /v1/ {
            ai_pass chat;
        }
    }
}
EOF

$t->write_file('key', $t->secret('sk-canary-api-1'));
$t->secret('canary-header-1');

$t->run;

# the list

my $r = http_get('/api/');
is($r->status, 200, 'the list');
is($r->header('content-type'), 'application/json', 'as JSON');
is($r->header('cache-control'), 'no-store', 'not to be kept');
is($r->header('x-content-type-options'), 'nosniff', 'as what it is');

my @paths = map { $_->{path} } @{ $r->json->{data} };
is("@paths", 'usage limits keys config providers routes', 'what there is');

for my $path (@paths) {
    is(http_get("/api/$path")->status, 200, "$path is there");
    is(http_get("/admin/$path")->status, 200, 'in a location without slash');
}

is(http_get('/admin')->status, 200, 'the prefix itself');
is(http_get('/api/usage/')->status, 200, 'a slash at the end');
is(http_get('/exact')->status, 200, 'an exact location has the list');

# what there is not

for my $uri ('/api/nothing', '/api/usage/x', '/administrator',
             '/admin/x')
{
    $r = http_get($uri);
    is($r->status, 404, "$uri is not there");
    like($r->json->{error}{message}, qr/nothing/, 'and says so');
}

is(http_get('/closed/usage')->status, 403, 'rules of access come first');

$r = http_post('/api/usage', { });
is($r->status, 405, 'POST');
is($r->header('allow'), 'GET, HEAD', 'what is allowed');
is(http_post('/admin/usage', { })->status, 405, 'with write=on as well');

$r = http("HEAD /api/config HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
          head => 1);
is($r->status, 200, 'HEAD');
is($r->header('content-length'), length http_get('/api/config')->body,
   'with the length');
is($r->body // '', '', 'without a body');

# providers and routes

my ($openai, $local) = @{ http_get('/api/providers')->json->{data} };

is($openai->{name}, 'openai', 'a provider');
is($openai->{api}, 'openai', 'its API');
is($openai->{endpoint}, 'http://127.0.0.1:' . $t->port(8081) . '/v1',
   'its endpoint');
ok($openai->{credential}, 'has a credential');
ok(!$local->{credential}, 'another has none');
is_deeply($openai->{regions}, [ 'eu', 'us' ], 'regions');
is_deeply($openai->{tags}, { retention => 'zero' }, 'tags');
is_deeply($openai->{models}, [
    { object => 'model', name => 'gpt-4.1', context => 1000000,
      max_output => 32768 },
    { object => 'model', name => 'small', as => 'gpt-4.1-mini' } ], 'models');
is($local->{endpoint}, 'http://127.0.0.1:' . $t->port(8081) . '/base',
   'a path of its own');

my $routes = http_get('/api/routes')->json->{data};

is(scalar @$routes, 1, 'routes, not those that providers are');
is("@{ $routes->[0] }{qw/ name balance /}", 'chat least_conn', 'the route');
is_deeply([ map { [ @{$_}{qw/ provider model weight active /},
                    $_->{backup} ? 1 : 0, $_->{max_prompt} ] }
            @{ $routes->[0]{targets} } ],
          [ [ 'openai', 'gpt-4.1', 3, 0, 0, 1000 ],
            [ 'local', '$arg_m', 1, 0, 0, undef ],
            [ 'local', 'm', 1, 0, 1, undef ] ], 'and its targets');

my $config = http_get('/api/config')->json;

is_deeply($config->{routes}, $routes, 'config has the routes');
is_deeply($config->{providers}, [ $openai, $local ], 'and the providers');
is_deeply($config->{zone}, { object => 'zone', name => 'ai',
                             size => 1048576 }, 'and the zone');

# arguments

my %refused = (
    'usage?form=now' => qr/unknown argument "form", did you mean "from"/,
    'usage?xyzzy=1' => qr/unknown argument "xyzzy"$/,
    'usage?from=x' => qr/^"from" is a date such as/,
    'usage?from=2026-11-22&to=2026-11-22' => qr/^"from" has to be before/,
    'usage?group_by=team,colour' => qr/^cannot group by "colour"/,
    'usage?step=week' => qr/^"step" is/,
    'usage?format=xml' => qr/^"format" is/,
    'usage?limit=0' => qr/^"limit" is a number from 1 to 10000/,
    'usage?team=a&team=b' => qr/^"team" is given twice/,
    'routes?x=1' => qr/^unknown argument "x"$/,
);

for my $uri (sort keys %refused) {
    $r = http_get("/api/$uri");

    ok($r->status == 400 && $r->json->{error}{message} =~ $refused{$uri},
       "refused: $uri") or diag($r->raw);
}
