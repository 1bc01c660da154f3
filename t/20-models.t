#!/usr/bin/perl

# GET models, models/{id} and the base: what a route offers, each name once;
# wildcards and names with variables have no end and are left out.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use AI::Test;
use AI::Test::Chat;

my $t = AI::Test->new;

$t->write_file_expand('nginx.conf', <<'EOC');
%%TEST_GLOBALS%%

events {
}

http {
    %%TEST_GLOBALS_HTTP%%

    ai_provider one {
        api openai;
        endpoint http://127.0.0.1:%%PORT_8081%%;
        model a;
        model b as=real-b;
        model c*;
        model "org/name:x y";
    }

    ai_provider two {
        api anthropic;
        endpoint http://127.0.0.1:%%PORT_8081%%;
        model b;
        model d;
    }

    ai_provider any {
        api openai;
        endpoint http://127.0.0.1:%%PORT_8081%%;
    }

    ai_route both {
        target one;
        target two;
        target any model=fixed;
        target one model=$arg_m;
        target any down model=hidden;
    }

    map $arg_route $route {
        default "";
        one     one;
    }

    server {
        listen 127.0.0.1:%%PORT_8080%%;

        location /v1/ {
            ai_pass both;
        }

        location /v1beta/ {
            ai_pass both;
        }

        location /api/ {
            ai_pass both;
        }

        location /one {
            ai_pass one;
        }

        location /any/v1/ {
            ai_pass any;
        }

        location /var/v1/ {
            ai_pass $route;
        }

        location = /v1/models/only {
            ai_pass one;
        }
    }
}
EOC

$t->run;


sub ids { join ' ', map { $_->{id} } @{ http_get($_[0])->json->{data} } }

my $r = http_get('/v1/models?limit=1000');
my $json = $r->json;
my @data = @{ $json->{data} };

is($r->status, 200, 'status');
is($r->header('content-type'), 'application/json', 'type');
is(join('|', map { $_->{id} } @data), 'a|b|org/name:x y|d|fixed',
   'names, each once');
is($json->{object}, 'list', 'list');
is($json->{has_more}, JSON::PP::false, 'has_more');
is($json->{first_id}, 'a', 'first_id');
is($json->{last_id}, 'fixed', 'last_id');
is(join(' ', map { "$_->{object}/$_->{type}" } @data[0, 1]),
   'model/model model/model', 'both families');
is($data[0]{owned_by}, 'one', 'owner');
is($data[3]{owned_by}, 'two', 'owner of another');
like($data[0]{created_at}, qr/^\d{4}-\d\d-\d\dT[\d:.]+Z$/, 'created_at');
like($data[0]{created}, qr/^\d+$/, 'created');
ok(length $data[0]{display_name}, 'display_name');

# as other clients read them

$json = http_get('/v1beta/models')->json;
is(join('|', map { $_->{name} } @{ $json->{models} }),
   'models/a|models/b|models/org/name:x y|models/d|models/fixed', 'Gemini');
is(http_get('/v1beta/models/d')->json->{name}, 'models/d', 'Gemini, one');
is(http_get('/v1beta/models/none')->json->{error}{status}, 'NOT_FOUND',
   'Gemini, none');
$json = http_get('/api/tags')->json;
is(join('|', map { $_->{model} } @{ $json->{models} }),
   'a|b|org/name:x y|d|fixed', 'Ollama');

# one model

is_deeply(http_get('/v1/models/d')->json, $data[3], 'one');
is(http_get('/v1/models/org/name%3Ax%20y')->json->{id}, 'org/name:x y',
   'with a slash, escaped');
is(http_get('/v1/models/org%2Fname:x%20y')->json->{id}, 'org/name:x y',
   'with an escaped slash');

for ('zzz', '%0d%0aX-Y:z', 'A', 'a/', 'cc', '%ff', 'hidden') {
    is_error(http_get("/v1/models/$_"), 404, "none: $_",
             code => qr/^model_not_found$|^$/);
}

# HEAD, the base

$r = http("HEAD /v1/models HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
          head => 1);
is($r->status, 200, 'HEAD models');
is($r->raw =~ /\r\n\r\n(.*)\z/s && $1, '', 'no body');

for my $path ('/v1/', '/one', '/one/', '/one/v1', '/one/v1/') {
    is(http_get($path)->status, 200, "GET $path");
    is(http("HEAD $path HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
            head => 1)->status, 200, "HEAD $path");
}

# the rooms of a configuration

is(ids('/one/models'), 'a b org/name:x y', 'prefix without a slash');
is(ids('/one/v1/models'), 'a b org/name:x y', 'with a version');
is(ids('/any/v1/models'), '', 'all models: an empty list');
is(ids('/var/v1/models?route=one'), 'a b org/name:x y', 'by variable');
is(ids('/var/v1/models'), '', 'an unknown route has none');
is_error(http_get('/v1/models/only'), 404, 'exact location: a whole path');

# wrong methods and paths

$r = http_post('/v1/models', {});
is_error($r, 405, 'POST models');
is($r->header('allow'), 'GET, HEAD', 'Allow');
is_error(http_get('/v1/modelsx'), 404, 'modelsx');
is_error(http_get('/v1/models/'), 404, 'an empty name');
