#!/usr/bin/perl

# Errors that nginx itself makes in our locations have the caller's shape:
# sizes, slow bodies, limits, access rules; error_page and "off" win.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use AI::Test;
use AI::Test::Chat;

my $t = AI::Test->new;

$t->write_file('htpasswd', "u:{PLAIN}p\n");
$t->write_file_expand('nginx.conf', <<'EOC');
%%TEST_GLOBALS%%

events {
}

http {
    %%TEST_GLOBALS_HTTP%%

    limit_req_zone $server_port zone=one:64k rate=1r/m;
    limit_req_zone $uri zone=two:64k rate=1r/m;
    ai_client_abort cut;
    limit_conn_zone $server_port zone=conn:64k;

    ai_provider p {
        api openai;
        endpoint http://127.0.0.1:%%PORT_8081%%;
    }

    server {
        listen 127.0.0.1:%%PORT_8080%%;

        location /v1/ {
            ai_pass p;
        }

        location /small/v1/ {
            client_max_body_size 100;
            ai_pass p;
        }

        location /aismall/v1/ {
            ai_body_max_size 100;
            ai_pass p;
        }

        location /slow/v1/ {
            client_body_timeout 300ms;
            ai_pass p;
        }

        location /req/v1/ {
            limit_req zone=one;
            limit_req_status 429;
            ai_pass p;
        }

        location /req503/v1/ {
            limit_req zone=two;
            ai_pass p;
        }

        location /conn/v1/ {
            limit_conn conn 1;
            limit_conn_status 429;
            ai_pass p;
        }

        location /deny/v1/ {
            deny all;
            ai_pass p;
        }

        location /basic/v1/ {
            auth_basic realm;
            auth_basic_user_file %%TESTDIR%%/htpasswd;
            ai_pass p;
        }

        location /return/v1/ {
            return 418;
            ai_pass p;
        }

        location /limited/v1/ {
            limit_except GET {
                deny all;
            }
            ai_pass p;
        }

        location /page/v1/ {
            error_page 400 403 404 429 500 502 = /page.html;
            ai_pass p;
        }

        location /pagecode/v1/ {
            error_page 400 =299 /page.html;
            ai_pass p;
        }

        location /named/v1/ {
            error_page 502 @other;
            ai_pass p;
        }

        location @other {
            return 200 "other\n";
        }

        location /pagedeny/v1/ {
            error_page 403 /page.html;
            deny all;
            ai_pass p;
        }

        location /off/v1/ {
            ai_error_format off;
            ai_pass p;
        }

        location = /page.html {
            return 200 "my page\n";
        }

        location /plain/ {
            deny all;
        }
    }
}
EOC

my $mock = $t->mock([
    { match => { body => '"hang"' }, reply => { hang => 1 } },
    { match => { body => '"fail"' }, reply => { status => 500, text => 'x' } },
    { reply => { json => reply('ok') } },
], port => 8081);
$t->run;

my $c = 'v1/chat/completions';
my $large = chat(user => 'x' x 200);
my $r;

# sizes, known before the body and not

is_error(http_post("/small/$c", $large), 413, 'client_max_body_size');
is_error(http_post("/aismall/$c", $large), 413, 'ai_body_max_size',
         code => qr/^request_too_large$/);

for ('small', 'aismall') {
    my $text = json_encode($large);
    is_error(http("POST /$_/$c HTTP/1.1\r\nHost: a\r\nConnection: close\r\n"
        . "Transfer-Encoding: chunked\r\n\r\n"
        . sprintf("%x\r\n%s\r\n0\r\n\r\n", length $text, $text)),
        413, "$_, chunked");
}

is(http_post("/small/$c", '{"model":"m","messages":[{}]}')->status, 200,
   'small enough');

# slow bodies

$r = http("POST /slow/$c HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n{",
          read_all => 1, timeout => 10);
is_error($r, 408, 'slow body');
ok($r->closed, 'and the connection closes');

$r = http("POST /slow/$c HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n",
          timeout => 10);
is_error($r, 408, 'no body at all');

# paths, methods, types

is_error(http_get('/v1/nothing'), 404, 'unknown path');
is_error(http_post('/v1/chat/completions/', chat()), 404, 'trailing slash');
is_error(http_post('/v1/Chat/Completions', chat()), 404, 'case');
$r = http_get("/$c");
is_error($r, 405, 'GET');
is($r->header('allow'), 'POST', 'Allow');
is_error(http("PUT /$c HTTP/1.1\r\nHost: a\r\nConnection: close\r\n"
              . "Content-Length: 2\r\n\r\n{}"), 405, 'PUT');
is_error(http_post("/$c", chat(), 'Content-Encoding' => 'gzip'), 415, 'gzip');

for ('/v1/../v1/chat/completions', '/v1//chat/completions',
     '/v1/./chat/completions', '/v1/chat%2fcompletions')
{
    is(http_post($_, chat())->status, 200, "normalised by nginx: $_");
}

# limits and access rules

is(http_post("/req/$c", chat())->status, 200, 'limit_req: the first');
is_error(http_post("/req/$c", chat()), 429, 'limit_req_status 429',
         type => qr/^rate_limit_error$/);
is(http_post("/req503/$c", chat())->status, 200, 'limit_req: the first');
is_error(http_post("/req503/$c", chat()), 503, 'limit_req, 503');

my $s = http("POST /conn/$c HTTP/1.1\r\nHost: a\r\nContent-Length: "
    . length(json_encode(chat(user => 'hang'))) . "\r\n\r\n"
    . json_encode(chat(user => 'hang')), start => 1);
$t->wait_for(sub { grep { $_->{body} =~ /hang/ } $mock->ledger });
is_error(http_post("/conn/$c", chat()), 429, 'limit_conn');
close $s;

$mock->clear;
is_error(http_post("/deny/$c", chat()), 403, 'deny');
is_error(http_post("/limited/$c", chat()), 403, 'limit_except');
$r = http_post("/basic/$c", chat());
is_error($r, 401, 'auth_basic');
like($r->header('www-authenticate'), qr/^Basic/, 'its header stays');
is_error(http_post("/basic/$c", chat(), Authorization => 'Basic eDp5'), 401,
         'wrong password');
is_error(http_get('/return/v1/models'), 418, 'return 418');
is(scalar $mock->ledger, 0, 'nothing reached the provider');

is(http_post("/basic/$c", chat(), Authorization => 'Basic dTpw')->status,
   200, 'right password');
is((($mock->ledger)[0]{h}{authorization}), undef, 'which stays here');

# error_page wins

is(http_post("/page/$c", 'x')->body, "my page\n", 'error_page: ours');
is(http_post("/page/$c", chat(user => 'fail'))->body, "my page\n",
   'error_page: a provider');
is(http_post("/pagedeny/$c", chat())->body, "my page\n",
   "error_page: nginx's");
is(http_post("/pagecode/$c", 'x')->status, 299, 'error_page with a code');
is_error(http_get('/pagecode/v1/nothing'), 404, 'error_page: another code');
$mock->script([ { reply => { garbage => 1 } } ]);
is(http_post("/named/$c", chat())->body, "other\n", 'error_page: named');

# off, and locations that are not ours

$r = http_post("/off/$c", 'x');
is($r->status, 400, 'off: status');
like($r->body, qr/<html>/, "off: nginx's page");
like(http_post("/off/$c", chat())->body, qr/<html>/, 'off: a provider');
like(http_get('/plain/')->body, qr/<html>/, 'a location without ai_pass');
