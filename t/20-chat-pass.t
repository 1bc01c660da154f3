#!/usr/bin/perl

# Pass-through: what a client wrote reaches a provider of the same API byte
# for byte, but for the few spans that must change; the answer comes back as
# it was sent, with an allow-list of headers both ways (P13, S5, H2).

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

    ai_provider p {
        api openai;
        endpoint http://127.0.0.1:%%PORT_8081%%/base/v1;
        key sk-canary-provider-1;
        set_header X-Tenant $http_x_tenant;
        set_header X-Fixed fixed;
        model m;
        model renamed as=real-name;
    }

    server {
        listen 127.0.0.1:%%PORT_8080%%;

        client_max_body_size 16m;

        location /v1/ {
            ai_pass p;
        }

        location /mem/v1/ {
            client_body_buffer_size 8m;
            ai_pass p;
        }

        location /alias/ {
            ai_model renamed;
            ai_pass p;
        }
    }
}
EOC

my $uri = '/v1/chat/completions';
my $mock = $t->mock([], port => 8081);
my $answer = '{ "choices" : [ {"index":0,"message":{"role":"assistant",'
    . '"content":"\u00e9\ud83d\ude00 1"},"finish_reason":"stop"} ],'
    . "\n \"x\":1.0e+2,\"big\":123456789012345678901234567890,\"x\":2 }\n";

$mock->script([ { reply => { text => $answer, headers => {
    'Content-Type' => 'application/json', 'Set-Cookie' => 'a=b',
    'OpenAI-Organization' => 'org-secret', 'OpenAI-Version' => '2020-10-01',
    'OpenAI-Processing-Ms' => 12, 'X-Request-Id' => 'req-1',
    'X-RateLimit-Remaining-Requests' => 7, 'X-Evil' => 'x',
    'X-Accel-Redirect' => '/etc', 'Retry-After' => 9, Server => 'mock',
    'Strict-Transport-Security' => 'x', 'Alt-Svc' => 'h3=":443"' } } } ]);

$t->secret('sk-canary-client-1', 'sk-canary-provider-1', 'org-secret');
$t->run;

# the body, whatever its spelling

my @bodies = (
    '{"model":"m","messages":[{"role":"user","content":"hi"}]}',
    " {\r\n\t\"messages\" : [ { \"content\":\"\\u0068\\/\", \"role\":"
        . "\"user\" } ] , \"model\" : \"m\" , \"seed\":1.50E+3 }\r\n ",
    '{"unknown":{"a":[1,2,{"b":null}],"a":1},"model":"m","messages":[{}],'
        . '"n":1,"max_tokens":5,"big":1e999}',
    '{"model":"\u006d","messages":[{"role":"user","content":"'
        . "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80" . '\ud800"}]}',
    '{"model":"m","stream":false,"stream_options":null,"messages":[1]}',
);

for (@bodies) {
    $mock->clear;
    my $r = http_post($uri, $_);
    my ($q) = $mock->ledger;
    is($q->{body}, utf8($_), 'request is byte-identical');
    is($r->body, $answer, 'and so is the answer');
}

# headers

$mock->clear;
my $r = http_post($uri, $bodies[0], Authorization =>
    'Bearer sk-canary-client-1', 'X-Api-Key' => 'sk-canary-client-1',
    'Api-Key' => 'sk-canary-client-1', Cookie => 'c=d', 'X-Tenant' => 't1',
    'X-Forwarded-For' => '9.9.9.9', 'User-Agent' => 'agent/1',
    'OpenAI-Organization' => 'org-client', 'OpenAI-Beta' => 'b=1',
    'Idempotency-Key' => 'k1', 'Accept-Encoding' => 'gzip', TE => 'trailers',
    Host => 'evil.example', 'Content-Type' => 'text/weird');
my ($q) = $mock->ledger;

is_deeply($q->{h}, {
    host => '127.0.0.1:' . $t->port(8081),
    authorization => 'Bearer sk-canary-provider-1',
    'content-type' => 'application/json', 'content-length' => 57,
    accept => 'application/json', 'user-agent' => 'agent/1',
    'openai-beta' => 'b=1', 'idempotency-key' => 'k1', 'x-tenant' => 't1',
    'x-fixed' => 'fixed',
}, 'headers to the provider are an allow-list');
is("$q->{method} $q->{path} $q->{version}",
   'POST /base/v1/chat/completions HTTP/1.1', 'request line');

delete $r->headers->{$_} for qw/ date server connection /;
is_deeply($r->headers, {
    'content-type' => [ 'application/json' ],
    'content-length' => [ length $answer ], 'x-request-id' => [ 'req-1' ],
    'openai-version' => [ '2020-10-01' ], 'openai-processing-ms' => [ 12 ],
    'x-ratelimit-remaining-requests' => [ 7 ],
}, 'headers to the client are an allow-list');

$mock->clear;
http_post($uri, $bodies[0], 'X-Tenant' => "a\x01b");
is((($mock->ledger)[0]{h}{'x-tenant'}), undef, 'no control character goes on');

# renaming

$mock->clear;
http_post($uri, '{"x":"model","model" : "renamed", "messages":[{}]}');
http_post('/alias/v1/chat/completions', $bodies[1]);
($q, my $p) = $mock->ledger;
is($q->{body}, '{"x":"model","model" : "real-name", "messages":[{}]}',
   'as= changes the name only');
(my $want = utf8($bodies[1])) =~ s/"m"/"real-name"/;
is($p->{body}, $want, 'ai_model changes the name only');

# stream_options

my %options = (
    '"stream":true' => '"stream_options":{"include_usage":true}',
    '"stream":true,"stream_options":{"include_usage":false}' => 1,
    '"stream":true,"stream_options":{"x":[1]}' => 1,
    '"stream":true,"stream_options":null' => 1,
    '"stream":true,"stream_options":{"include_usage":true}' => 1,
);

for my $o (sort keys %options) {
    $mock->clear;
    http_post($uri, qq({"model":"m",$o,"messages":[{"c":1.0}]}));
    ($q) = $mock->ledger;
    ok($q->{json}{stream_options}{include_usage}, "usage asked for: $o");
    like($q->{body}, qr/"model":"m","stream":true,.*"c":1\.0/, 'rest kept');
    is($q->{h}{accept}, 'text/event-stream', 'accept');
}

# large bodies, from a file and from memory

my $big = '{"model":"renamed","messages":[{"role":"user","content":"'
    . ('0123456789abcde\n' x 200_000) . '"}],"n":1}';
(my $renamed = $big) =~ s/renamed/real-name/;

for my $where ('/v1/', '/mem/v1/') {
    $mock->clear;
    is(http_post("${where}chat/completions", $big)->body, $answer,
       "3 MB to $where");
    ok(($mock->events('request'))[0]{body} eq $renamed, 'unchanged');
}


sub utf8 {
    my ($bytes) = @_;
    utf8::decode($bytes);
    return $bytes;
}
