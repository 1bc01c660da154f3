#!/usr/bin/perl

# ai_provider { ... } at nginx -t: what is refused, with the exact message and
# place, what is warned about, and what is taken.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use AI::Test;

my $t = AI::Test->new;
my $dir = $t->testdir;

$t->allow(qr/\[emerg\]/);

# none of these may be seen in a message
my @keys = $t->secret('sk-plain-71f3', "sk-file-\x01-9d2e", 'sk-env-55ab');

$t->write_file('key', "sk-in-a-file\n");
$t->write_file('key-ctl', "$keys[1]\n");
$t->write_file('key-empty', "\n");
$t->write_file('key-large', 'x' x 70000);
$t->write_file('part', "model from-a-part;\nregion eu;\n");
$t->write_file('bad-part', "model ok;\n\nmodle wrong;\n");
$t->write_file('ca-bad', "this is no certificate\n");

$ENV{AI_TEST_KEY} = $keys[2];
$ENV{AI_TEST_EMPTY} = '';
delete $ENV{AI_TEST_NONE};

my $head = $t->expand("%%TEST_GLOBALS%%\nevents { }\nhttp {\n"
                      . "%%TEST_GLOBALS_HTTP%%\n");

# [ lines of http{}, message ]; the message's place is where @@ stands

my @refused = (

    # the block

    [ 'ai_provider "a b" { @@', 'invalid name "a b" of ai_provider, it may '
      . 'have letters, digits, "_", "-" and "."' ],
    [ "ai_provider openai { }\nai_provider openai { \@\@",
      'duplicate ai_provider "openai"' ],
    [ 'ai_provider { @@ }',
      'invalid number of arguments in "ai_provider" directive' ],
    [ 'ai_provider openai { breaker max_fails=5; @@ }',
      'unknown directive "breaker" in ai_provider' ],
    [ 'ai_provider openai { max_conns 5; @@ }',
      'unknown directive "max_conns" in ai_provider' ],
    [ 'ai_provider openai { set_param a; @@ }',
      'invalid number of arguments in "set_param" directive' ],
    [ "ai_provider openai {\n    endpiont http://h; \@\@\n}",
      'unknown directive "endpiont" in ai_provider, did you mean "endpoint"?'
    ],
    [ "ai_provider openai {\n    read_timout 5s; \@\@\n}",
      'unknown directive "read_timout" in ai_provider, '
      . 'did you mean "read_timeout"?' ],
    [ 'ai_provider openai { model { @@ } }', 'unexpected "{"' ],
    [ 'ai_provider openai { api; @@ }',
      'invalid number of arguments in "api" directive' ],

    # api

    [ 'ai_provider x { api opnai; @@ }',
      'unknown api "opnai", did you mean "openai"?' ],
    [ 'ai_provider x { api Anthropic; @@ }',
      'unknown api "Anthropic", did you mean "anthropic"?' ],
    [ 'ai_provider x { api quite-another; @@ }',
      'unknown api "quite-another"' ],
    [ 'ai_provider x { api openai; api openai; @@ }', '"api" is duplicate' ],
    [ "ai_provider mine { \@\@\n    key file:key;\n}",
      'no "api" in ai_provider "mine", and its name is not the name of one' ],

    # endpoint

    map({ [ "ai_provider openai { endpoint $_->[0]; \@\@ }",
            "$_->[1] in endpoint \"$_->[0]\"" ] }
        [ 'ftp://h', 'no "http://" or "https://"' ],
        [ 'api.openai.com', 'no "http://" or "https://"' ],
        [ 'http://', 'no "http://" or "https://"' ],
        [ 'http:///v1', 'no host' ],
        [ 'unix:/tmp/s', 'unix sockets are not supported' ],
        [ 'http://unix:/tmp/s', 'unix sockets are not supported' ],
        [ 'https://h/v1?a=b', 'neither a query nor a fragment is allowed' ],
        [ 'https://h/v1#a', 'neither a query nor a fragment is allowed' ],
        [ 'https://$host/v1', 'variables are not supported' ],
        [ 'http://h:0', 'invalid port' ],
        [ 'http://h:65536', 'invalid port' ],
        [ 'http://h:80a', 'invalid port' ],
        [ 'http://h:', 'invalid port' ],
        [ 'http://h,i', 'invalid host' ],
        [ 'http://[::1', 'no "]"' ],
        [ 'http://[::1]8', 'invalid host' ],
        [ 'http://[1.2.3.4]', 'invalid IPv6 address' ],
        [ "http://h/\x{7f}", 'invalid character' ]),
    [ 'ai_provider openai { endpoint "http://h/a b"; @@ }',
      'invalid character in endpoint "http://h/a b"' ],
    [ 'ai_provider openai { endpoint https://me:sk-plain-71f3@h; @@ }',
      'user and password are not allowed in endpoint' ],
    [ 'ai_provider openai { endpoint http://h; endpoint http://i; @@ }',
      '"endpoint" is duplicate' ],
    [ 'ai_provider openai_compatible { @@ }',
      'no "endpoint" in ai_provider "openai_compatible", the api '
      . '"openai_compatible" has no usual one' ],
    [ "ai_provider openai { \@\@\n    endpoint http://pool:80;\n}\n"
      . 'upstream pool { server 127.0.0.1:1; }',
      'upstream "pool" may not have port 80' ],
    [ "ai_provider openai { \@\@\n    endpoint http://pool; keepalive 4;\n}\n"
      . 'upstream pool { server 127.0.0.1:1; }',
      '"keepalive" of ai_provider "openai" cannot take effect, its endpoint '
      . 'is the upstream "pool"' ],
    [ "ai_provider openai { \@\@\n    endpoint http://pool; resolve on;\n}\n"
      . 'upstream pool { server 127.0.0.1:1; }',
      '"resolve" of ai_provider "openai" cannot take effect, its endpoint '
      . 'is the upstream "pool"' ],

    # clouds

    [ 'ai_provider bedrock { @@ }', 'no "aws" in ai_provider "bedrock"' ],
    [ 'ai_provider bedrock { aws service=bedrock; @@ }',
      '"aws" needs "region="' ],
    [ 'ai_provider bedrock { aws regoin=b; @@ }',
      'unknown parameter "regoin" of "aws", did you mean "region"?' ],
    [ 'ai_provider bedrock { aws region=a region=b; @@ }',
      'duplicate parameter "region" of "aws"' ],
    [ 'ai_provider bedrock { aws region=a credentials=/etc/x; @@ }',
      '"credentials=" of "aws" must be "file:PATH"' ],
    [ "ai_provider bedrock { \@\@\n    aws region=a credentials=file:part;\n}",
      "no credentials of profile \"default\" in \"$dir/part\" of "
      . 'ai_provider "bedrock"' ],
    [ "ai_provider bedrock { \@\@\n    aws region=a profile=b\n"
      . "        access_key=file:key secret_key=file:key;\n}",
      '"profile=" of "aws" of ai_provider "bedrock" cannot take effect '
      . 'without "credentials="' ],
    [ "ai_provider bedrock { \@\@\n    key file:key; aws region=a\n"
      . "        access_key=file:key secret_key=file:key;\n}",
      '"key" and the keys of "aws" of ai_provider "bedrock" exclude each '
      . 'other' ],
    [ "ai_provider bedrock { \@\@\n    aws region=a;\n}",
      'no credentials for "aws" of ai_provider "bedrock": neither '
      . '"access_key=" and "secret_key=", nor "credentials=", nor '
      . 'AWS_ACCESS_KEY_ID in the environment' ],
    [ "ai_provider openai { \@\@\n    azure api_version=1;\n}",
      '"azure" of ai_provider "openai" cannot take effect, its api is '
      . '"openai"' ],
    [ 'ai_provider azure { azure deployment=d; @@ }',
      '"azure" needs "api_version=" beside "deployment="' ],
    [ 'ai_provider azure { azure model=d; @@ }',
      'unknown parameter "model" of "azure", it takes "deployment=" and '
      . '"api_version="' ],
    [ 'ai_provider azure { @@ }',
      'no "endpoint" in ai_provider "azure", the api "azure" has no usual '
      . 'one' ],

    # key

    [ 'ai_provider openai { key file:key; key env:AI_TEST_KEY; @@ }',
      '"key" is duplicate' ],
    [ 'ai_provider openai { key env:AI_TEST_NONE; @@ }',
      'environment variable "AI_TEST_NONE" is not set' ],
    [ 'ai_provider openai { key env:AI_TEST_EMPTY; @@ }',
      'environment variable "AI_TEST_EMPTY" is empty' ],
    [ 'ai_provider openai { key file:none; @@ }',
      "open() \"$dir/none\" failed (2: No such file or directory)" ],
    [ 'ai_provider openai { key file:; @@ }', 'no path after "file:"' ],
    [ "ai_provider openai { key file:$dir/key-empty; \@\@ }",
      "file \"$dir/key-empty\" is empty" ],
    [ 'ai_provider openai { key file:key-large; @@ }',
      "file \"$dir/key-large\" is too large for a secret" ],
    [ 'ai_provider openai { key file:key-ctl; @@ }',
      '"key" contains a control character' ],
    [ 'ai_provider openai { key ""; @@ }', '"key" is empty' ],
    [ 'ai_provider openai { key $http_x_key; @@ }',
      '"key" does not support variables' ],
    [ 'ai_provider openai { key file:key name=a; @@ }',
      'invalid number of arguments in "key" directive' ],
    [ 'ai_provider openai { key_header "a b"; @@ }',
      'invalid header name "a b" in "key_header"' ],
    [ 'ai_provider openai { key_header Connection; @@ }',
      'invalid header name "Connection" in "key_header"' ],
    [ "ai_provider openai { \@\@\n    key_header api-key;\n}",
      '"key_header" of ai_provider "openai" cannot take effect without "key"'
    ],

    # set_header

    map({ [ "ai_provider openai { set_header $_ x; \@\@ }",
            "header \"$_\" cannot be set with \"set_header\"" ] }
        'Content-Length', 'transfer-encoding', 'CONNECTION',
        'Accept-Encoding', 'Content-Type'),
    [ 'ai_provider openai { set_header "X Y" x; @@ }',
      'invalid header name "X Y" in "set_header"' ],
    [ 'ai_provider openai { set_header X:Y x; @@ }',
      'invalid header name "X:Y" in "set_header"' ],
    [ "ai_provider openai { set_header X \"a\r\nB: c\";\n\@\@ }",
      '"set_header" contains a control character', -1 ],
    [ 'ai_provider openai { set_header X $ai_no_such_thing; @@ }',
      'unknown "ai_no_such_thing" variable', 'anywhere' ],
    [ "ai_provider openai { \@\@\n"
      . "    key file:key; set_header authorization x;\n}",
      '"set_header Authorization" of ai_provider "openai" conflicts with '
      . '"key"' ],

    # model

    [ 'ai_provider openai { model a; model b; model a; @@ }',
      'duplicate model "a"' ],
    [ 'ai_provider openai { model a*b; @@ }',
      'invalid model name "a*b", "*" may only be its last character' ],
    [ 'ai_provider openai { model **; @@ }',
      'invalid model name "**", "*" may only be its last character' ],
    [ 'ai_provider openai { model ""; @@ }', 'invalid model name' ],
    [ 'ai_provider openai { model a context=100k; @@ }',
      'invalid number in "context=100k", tokens are counted in plain numbers '
      . 'such as 128000' ],
    [ 'ai_provider openai { model a context=0; @@ }',
      'invalid number in "context=0", tokens are counted in plain numbers '
      . 'such as 128000' ],
    [ 'ai_provider openai { model a max_output=-1; @@ }',
      'invalid number in "max_output=-1", tokens are counted in plain numbers '
      . 'such as 128000' ],
    [ 'ai_provider openai { model a context=9999999999999999; @@ }',
      'invalid number in "context=9999999999999999", tokens are counted in '
      . 'plain numbers such as 128000' ],
    [ 'ai_provider openai { model a context=1 context=2; @@ }',
      'duplicate parameter "context=2" of "model"' ],
    [ 'ai_provider openai { model a prices_in=1; @@ }',
      'unknown parameter "prices_in=1" of "model", did you mean "price_in"?' ],
    [ 'ai_provider openai { model a price_in=-1; @@ }',
      'invalid price "price_in=-1", it is a number of USD a million' ],
    [ 'ai_provider openai { model a price_out=1 price_out=2; @@ }',
      'duplicate price "price_out=2"' ],
    [ 'ai_provider openai { model a caps=tools; @@ }',
      'unknown parameter "caps=tools" of "model"' ],
    [ 'ai_provider openai { model a contxt=1; @@ }',
      'unknown parameter "contxt=1" of "model", did you mean "context"?' ],
    [ 'ai_provider openai { model a as=; @@ }',
      'invalid parameter "as=" of "model"' ],
    [ 'ai_provider openai { model a* as=b; @@ }',
      '"as=" cannot rename the models of "a*"' ],

    # region, tag

    [ 'ai_provider openai { region eu,us; @@ }', 'invalid region "eu,us"' ],
    [ 'ai_provider openai { tag zero; @@ }',
      'invalid tag "zero", it must be KEY=VALUE' ],
    [ 'ai_provider openai { tag a=; @@ }',
      'invalid tag "a=", it must be KEY=VALUE' ],

    # numbers, times, flags

    [ 'ai_provider openai { connect_timeout 5x; @@ }',
      'invalid time "5x" in "connect_timeout"' ],
    [ 'ai_provider openai { read_timeout 5s; read_timeout 6s; @@ }',
      '"read_timeout" is duplicate' ],
    [ 'ai_provider openai { keepalive -1; @@ }',
      'invalid number "-1" in "keepalive"' ],
    [ 'ai_provider openai { keepalive 1; keepalive 2; @@ }',
      '"keepalive" is duplicate' ],
    [ 'ai_provider openai { resolve maybe; @@ }',
      'invalid value "maybe" in "resolve", it must be "on" or "off"' ],

    # TLS

    [ 'ai_provider openai { ssl_protocols TLSv1.2 TLSv9; @@ }',
      'invalid value "TLSv9" in "ssl_protocols"' ],
    map({ [ "ai_provider openai { \@\@\n    endpoint http://127.0.0.1;\n"
            . "    $_;\n}",
            '"' . (split / /)[0] . '" cannot take effect with endpoint '
            . '"http://127.0.0.1" of ai_provider "openai"' ] }
        'ssl_verify off', 'ssl_name h', 'ssl_protocols TLSv1.2',
        'ssl_verify_depth 2', 'ssl_session_reuse off', 'ssl_ciphers ALL',
        'ssl_trusted_certificate f', 'ssl_crl f', 'ssl_certificate f',
        'ssl_certificate_key f', 'ssl_password_file f',
        'ssl_conf_command Options -SessionTicket'),
    [ "ai_provider openai { \@\@\n    ssl_name \$host;\n}",
      '"ssl_name" does not support variables' ],
    [ "ai_provider openai { \@\@\n    ssl_certificate f;\n}",
      'ai_provider "openai" has "ssl_certificate" without '
      . '"ssl_certificate_key"' ],
    [ "ai_provider openai { \@\@\n    ssl_certificate_key f;\n}",
      'ai_provider "openai" has "ssl_certificate_key" without '
      . '"ssl_certificate"' ],
    [ "ai_provider openai { \@\@\n    ssl_password_file f;\n}",
      '"ssl_password_file" of ai_provider "openai" cannot take effect '
      . 'without "ssl_certificate_key"' ],
    [ "ai_provider openai { \@\@\n    ssl_verify off; ssl_crl f;\n}",
      '"ssl_crl" of ai_provider "openai" cannot take effect with '
      . '"ssl_verify off"' ],
    map({ [ "resolver 127.0.0.1;\nai_provider openai { \@\@\n    $_;\n}",
            'cannot set up TLS for ai_provider "openai"' ] }
        'ssl_trusted_certificate ca-none', 'ssl_trusted_certificate ca-bad',
        'ssl_crl ca-none', 'ssl_ciphers no-such-cipher',
        'ssl_certificate ca-bad; ssl_certificate_key ca-bad',
        'ssl_conf_command NoSuch command'),
);

for my $case (@refused) {
    my ($text, $message, $where) = @$case;

    my ($ok, $said) = check($text);
    my $place = " in $dir/nginx.conf:" . line_of($text, $where);
    $place = '' if $where && $where eq 'anywhere';

    ok(!$ok && index($said, "[emerg] $message$place\n") >= 0
       || !$ok && $said =~ /\[emerg\] \d+#\d+: \Q$message$place\E\n/,
       $message) or diag("config: $text\nsaid: $said");
}

# a mistake in a part is reported there

{
    my ($ok, $said) = check('ai_provider openai { include bad-part; }');
    ok(!$ok && index($said, 'unknown directive "modle" in ai_provider, '
                     . "did you mean \"model\"? in $dir/bad-part:3\n") > 0,
       'file and line of an included part') or diag($said);
}

# [ text, what is warned about, or undef for silence ]

my @taken = (
    [ 'resolver 127.0.0.1; ai_provider openai { key file:key; }' ],
    [ "resolver 127.0.0.1; ai_provider openai { key env:AI_TEST_KEY; }" ],
    [ 'resolver 127.0.0.1;
       ai_provider openai { key sk-plain-71f3; @@ }',
      '"key" is in plain text in the configuration, use "file:PATH" or '
      . '"env:NAME"' ],
    [ 'ai_provider openai { include part; include key*none;
                            endpoint http://127.0.0.1; }' ],
    [ 'ai_provider openai { endpoint http://[::1]:8000/base/; }' ],
    [ 'ai_provider openai { endpoint HTTP://127.0.0.1/; }' ],
    [ 'ai_provider openai { endpoint http://127.0.0.1:80;
                            model gpt-4o context=128000 max_output=16384;
                            model small as=gpt-4o-mini;
                            model gpt-5*; model *;
                            region eu us; region ch; tag a=b retention=zero;
                            key_header api-key; key file:key;
                            set_header X-Team $http_x_team;
                            set_header Host api.example.com;
                            connect_timeout 1s; send_timeout 1m;
                            read_timeout 10m; first_token_timeout 0;
                            keepalive 0; keepalive_timeout 5s; resolve off;
       }' ],
    [ 'ai_provider gemini { endpoint http://pool; key file:key; }
       upstream pool { server 127.0.0.1:1; keepalive 2; }' ],
    [ 'ai_provider anthropic { endpoint https://POOL; ssl_name h; }
       upstream pool { server 127.0.0.1:1; }' ],
    [ 'resolver 127.0.0.1;
       ai_provider openai { ssl_protocols TLSv1.2 TLSv1.3; ssl_ciphers HIGH;
                            ssl_verify_depth 2; ssl_session_reuse off;
                            ssl_conf_command Options -SessionTicket; }' ],
    [ 'resolver 127.0.0.1;
       ai_provider openai { @@ ssl_verify off; }',
      '"ssl_verify off": anybody on the way to ai_provider "openai" can read '
      . 'its key and all requests' ],
    [ 'ai_provider openai { @@ endpoint https://127.0.0.1; }',
      'the certificate of an address cannot be verified, set "ssl_name" of '
      . 'ai_provider "openai"' ],
    [ 'ai_provider openai { endpoint https://127.0.0.1; ssl_name h; }' ],
    [ 'resolver 127.0.0.1;
       ai_provider openai { @@ endpoint http://api.example.com; key file:key;
       }', 'the key of ai_provider "openai" goes in clear text to '
      . '"http://api.example.com"' ],
    [ 'ai_provider openai { @@ endpoint http://203.0.113.1; key file:key; }',
      'the key of ai_provider "openai" goes in clear text to '
      . '"http://203.0.113.1"' ],
    map({ [ "ai_provider openai { endpoint http://$_; key file:key; }" ] }
        '10.1.2.3', '172.31.0.1', '192.168.0.1', '127.9.9.9', '169.254.1.1',
        '100.64.0.1', '[fd00::1]', '[fe80::1]', '[::1]'),
    map({ [ "ai_provider openai { \@\@ endpoint http://$_; key file:key; }",
            'the key of ai_provider "openai" goes in clear text to '
            . "\"http://$_\"" ] }
        '172.32.0.1', '100.128.0.1', '[2001:db8::1]'),

    # a name that is not found must not keep nginx from starting
    [ 'ai_provider openai { @@ endpoint http://nosuch.invalid; }',
      'host not found in endpoint "http://nosuch.invalid" of ai_provider '
      . '"openai", and there is no "resolver" to look for it later' ],
    [ 'resolver 127.0.0.1;
       ai_provider openai { @@ endpoint http://nosuch.invalid; resolve off; }',
      'host not found in endpoint "http://nosuch.invalid" of ai_provider '
      . '"openai"' ],
    [ 'resolver 127.0.0.1;
       ai_provider openai { endpoint http://nosuch.invalid; }' ],
    [ 'ai_provider openai { endpoint http://nosuch.invalid; }
       server { listen 127.0.0.1:%%PORT_8080%%; resolver 127.0.0.1; }' ],
);

for my $case (@taken) {
    my ($text, $warning) = @$case;

    my ($ok, $said) = check($text);
    my @warned = $said =~ /\[warn\] (?:\d+#\d+: )?(.*)/g;
    my $want = defined $warning
        ? "$warning in $dir/nginx.conf:" . line_of($text) : '';

    (my $name = $text) =~ s/\s+/ /g;
    ok($ok && "@warned" eq $want, 'taken: ' . substr $name, 0, 60)
        or diag("said: $said");
}


sub check { return $t->check_config($head, @_) }


# the line of the mark

sub line_of {
    my ($text, $more) = @_;

    my $line = $t->marked_line($head, $text) or return 0;
    return $line + ($more && $more =~ /^-?\d+$/ ? $more : 0);
}
