#!/usr/bin/perl

# Requests that must not reach a provider (J1..J9, J11, J12, H3, H6), those
# that look odd but must pass unchanged, and the files of JSONTestSuite: each
# as a whole body, and as the content of a message.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use AI::Test;
use AI::Test::Chat;

my $t = AI::Test->new;
$t->lag_most(0.25, 'a million of JSON values in a body are read at once');

$t->write_file_expand('nginx.conf', <<'EOC');
%%TEST_GLOBALS%%

events {
}

http {
    %%TEST_GLOBALS_HTTP%%

    ai_provider p {
        api openai;
        endpoint http://127.0.0.1:%%PORT_8081%%;
        model m;
        model a/b;
    }

    server {
        listen 127.0.0.1:%%PORT_8080%%;
        client_max_body_size 16m;
        client_body_buffer_size 1m;
        keepalive_requests 10000;

        location /v1/ {
            ai_body_max_size 16m;
            ai_pass p;
        }
    }
}
EOC

my $mock = $t->mock([ { reply => { json => reply('ok') } } ], port => 8081);
$t->run;

my $uri = '/v1/chat/completions';
my $s = http('', start => 1);


sub post {
    return http_post($uri, $_[0], -keepalive => 1, -socket => $s);
}


sub with { return qq({"model":"m","messages":[{"role":"user"}],$_[0]}) }


sub content { return qq({"model":"m","messages":[{"content":$_[0]}]}) }


# refused, name => body

my @bad = (
    [ 'J1 empty', '' ], [ 'J1 white space', " \r\n\t " ], [ 'J1 array', '[]' ],
    [ 'J1 string', '"x"' ], [ 'J1 number', '1' ], [ 'J1 null', 'null' ],
    [ 'J1 empty object', '{}' ], [ 'J1 no model', '{"messages":[{}]}' ],
    [ 'J1 no messages', '{"model":"m"}' ],
    [ 'J1 messages empty', '{"model":"m","messages":[]}' ],
    [ 'J1 messages object', '{"model":"m","messages":{}}' ],
    [ 'J2 BOM', "\xef\xbb\xbf" . content(1) ],
    [ 'J2 UTF-16', join('', map { "$_\0" } split //, content(1)) ],
    [ 'J2 latin-1', content("\"\xe9\"") ],
    [ 'J2 overlong', content("\"\xc0\xaf\"") ],
    [ 'J2 raw surrogate', content("\"\xed\xa0\x80\"") ],
    [ 'J2 beyond', content("\"\xf4\x90\x80\x80\"") ],
    [ 'J2 gzip', "\x1f\x8b\x08\x00{}" ],
    [ 'J3 surrogate in the model', '{"model":"m\ud800","messages":[{}]}' ],
    [ 'J3 NUL in the model', '{"model":"m\u0000","messages":[{}]}' ],
    [ 'J3 NUL in a key', with('"a\u0000":1') ],
    [ 'J4 huge n', with('"n":1e400') ], [ 'J4 fraction', with('"n":1.5') ],
    [ 'J4 long', with('"n":' . '1' x 100) ],
    [ 'J5 deep', content('[' x 200 . ']' x 200) ],
    [ 'J5 very deep', content('[' x 200_000 . ']' x 200_000) ],
    [ 'J5 deep, open', '[' x 100_000 ],
    [ 'J5 nodes', content('[' . '0,' x 1_000_001 . '0]') ],
    [ 'J5 keys', content('{' . join(',', map { qq("k$_":1) } 0 .. 65_537)
                         . '}') ],
    [ 'J5 long key', with('"' . 'k' x 1100 . '":1') ],
    [ 'J6 twice', with('"model":"n"') ],
    [ 'J6 twice, escaped', with('"mod\u0065l":"n"') ],
    [ 'J6 any root key twice', with('"x":1,"x":2') ],
    [ 'J6 stream_options twice', with('"stream_options":{"include_usage":true,'
                                      . '"include_usage":false}') ],
    [ 'J7 Model', with('"Model":"n"') ], [ 'J7 STREAM', with('"STREAM":1') ],
    [ 'J7 MAX_TOKENS', with('"MAX_TOKENS":1') ],
    [ 'J7 escaped', with('"\u004dodel":"n"') ],
    [ 'J8 two limits', with('"max_tokens":1,"max_completion_tokens":2') ],
    [ 'J8 n = 0', with('"n":0') ], [ 'J8 n = -1', with('"n":-1') ],
    [ 'J8 n = 1e6', with('"n":1000000') ], [ 'J8 n = "1"', with('"n":"1"') ],
    [ 'J8 n = true', with('"n":true') ],
    [ 'J8 max_tokens', with('"max_tokens":-5') ],
    [ 'J8 stream', with('"stream":"yes"') ], [ 'J8 stream 1',
                                              with('"stream":1') ],
    [ 'J8 stream_options', with('"stream":true,"stream_options":[]') ],
    [ 'J9 trailing', content(1) . 'x' ], [ 'J9 two', content(1) x 2 ],
    [ 'J9 NUL', content(1) . "\0" ], [ 'J9 comma', content(1) . ',' ],
    [ 'J11 model number', '{"model":1,"messages":[{}]}' ],
    [ 'J11 model null', '{"model":null,"messages":[{}]}' ],
    [ 'J11 model list', '{"model":["m"],"messages":[{}]}' ],
    [ 'J11 model long', '{"model":"' . 'm' x 10_240 . '","messages":[{}]}' ],
    [ 'J11 model CRLF', '{"model":"m\r\nX: y","messages":[{}]}' ],
);

for (@bad) {
    my ($name, $text) = @$_;
    is_error(post($text), 400, $name, type => qr/^invalid_request_error$/);
}

# a name that is none of the configured is 404

for my $model ('', ' ', 'x', 'M', 'm ', '../m', 'm%2f', 'a%2Fb', 'm?x=1',
               'm#', 'm@', 'm\\\\', 'a//b', '\u00e9', '*', 'm*')
{
    my $r = post(qq({"model":"$model","messages":[{}]}));
    is_error($r, $r->status == 400 ? 400 : 404, "J11 model '$model'");
}

is_error(http_post($uri, content(1), 'Content-Encoding' => 'gzip'), 415,
         'H6 content-encoding');
is_error(http_post($uri, content(1), 'Content-Encoding' => 'br'), 415, 'H6');

my @got = $mock->ledger;
is(scalar @got, 0, 'nothing reached the provider')
    or diag(substr $got[0]{body} // '', 0, 200);

# passed as they came

my @good = (
    [ 'J3 lone surrogate', content('"\ud800 \u0000"') ],
    [ 'J4 numbers', with('"a":1e999,"b":-0,"c":1' . '0' x 500) ],
    [ 'J5 deep enough', content('[' x 100 . ']' x 100) ],
    [ 'J6 twice deeper', content('{"a":1,"a":2}') ],
    [ 'J8 same limits', with('"max_tokens":2,"max_completion_tokens":2') ],
    [ 'J8 nulls', with('"n":null,"max_tokens":null,"stream":null') ],
    [ 'J9 blanks', ' ' . content(1) . "\n\n" ],
    [ 'J11 slash in a name', '{"model":"a\/b","messages":[{}]}' ],
    [ 'J12 odd content', content('[{"type":"new_kind"},null,7]') ],
    [ 'H3 text with anything', content('"\r\n$request ${x} %s\u001b"') ],
    [ 'J12 many', '{"model":"m","messages":[' . '{"role":"user"},' x 20_000
                  . '{}]}' ],
);

for (@good) {
    my ($name, $text) = @$_;
    $mock->clear;
    is(post($text)->status, 200, $name);
    ok((($mock->events('request'))[0]{body} // '') eq $text, 'unchanged');
}

# JSONTestSuite

my (%whole, %value);

for my $file (glob $t->root . '/t/data/jsontestsuite/test_parsing/*.json') {
    my $text = $t->slurp($file);
    my ($name) = $file =~ m{([^/]+)\.json$};
    my $kind = substr $name, 0, 1;
    my $long = length $text > 10_000;

    # a whole body is never a valid request; the mock tells "forwarded"
    my $r = post($text);
    push @{ $whole{bad} }, $name if $r->status != 400 || !$r->json->{error};

    next if $long && $kind ne 'n';
    $r = post(content($text));
    $s = http('', start => 1) if $r->closed;

    # NUL in a key is refused everywhere (J3)
    $kind = 'n' if $name eq 'y_object_escaped_null_in_key';

    my $ok = $kind eq 'y' ? $r->status == 200
        : $kind eq 'n' ? $r->status == 400
        : $r->status == 200 || $r->status == 400;
    push @{ $value{$kind} }, $name if !$ok;
}

is_deeply($whole{bad} // [], [], 'JSONTestSuite: no body is taken');
is_deeply($value{y} // [], [], 'y_ is accepted as a value');
is_deeply($value{n} // [], [], 'n_ is refused as a value');
is_deeply($value{i} // [], [], 'i_ has an answer of ours');
