#!/usr/bin/perl

# ai_pass and the settings of a location: what nginx -t refuses and where,
# which places ai_pass may be in, and what it does with names that are known
# only at run time.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use AI::Test;

my $t = AI::Test->new;
$t->allow(qr/\[emerg\].*(?:nginx\.conf:\d+|"no_such_variable" variable)/);

# --- refused: the line, what is said; "@" stands for the line's place

my $word = 'did you mean';

my @bad = (
    # ai_pass
    [ 'ai_pass opnai;', qr/unknown ai_route or ai_provider "opnai" in "ai_pass", $word "openai"\?/ ],
    [ 'ai_pass chatt;', qr/unknown ai_route or ai_provider "chatt" in "ai_pass", $word "chat"\?/ ],
    [ 'ai_pass zzzzzzzzz;', qr/unknown ai_route or ai_provider "zzzzzzzzz" in "ai_pass" in/ ],
    [ 'ai_pass "";', qr/"ai_pass" directive has an empty name/ ],
    [ 'ai_pass;', qr/invalid number of arguments in "ai_pass"/ ],
    [ 'ai_pass chat openai;', qr/invalid number of arguments in "ai_pass"/ ],
    [ 'ai_pass $no_such_variable;', qr/unknown "no_such_variable" variable/, 'anywhere' ],

    # ai_model
    [ 'ai_model;', qr/invalid number of arguments in "ai_model"/ ],
    [ 'ai_model $no_such_variable;', qr/unknown "no_such_variable" variable/, 'anywhere' ],

    # ai_next_upstream
    [ 'ai_next_upstream;', qr/invalid number of arguments/ ],
    [ 'ai_next_upstream eror;', qr/invalid value "eror" in "ai_next_upstream", $word "error"\?/ ],
    [ 'ai_next_upstream http_428;', qr/invalid value "http_428" in "ai_next_upstream", $word "http_4\d\d"\?/ ],
    [ 'ai_next_upstream error off;', qr/"off" conflicts with other values in "ai_next_upstream"/ ],
    [ 'ai_next_upstream_tries many;', qr/invalid number/ ],
    [ 'ai_next_upstream_tries -1;', qr/invalid number/ ],
    [ 'ai_next_upstream_timeout soon;', qr/invalid value/ ],

    # timeouts and sizes
    (map { [ "$_ soon;", qr/"$_" directive invalid value/ ],
           [ "$_;", qr/invalid number of arguments in "$_"/ ] }
        qw/ ai_connect_timeout ai_send_timeout ai_read_timeout
            ai_first_token_timeout ai_body_max_size /),

    # words
    [ 'ai_client_abort;', qr/invalid number of arguments in "ai_client_abort"/ ],
    [ 'ai_client_abort stay;', qr/invalid value "stay" in "ai_client_abort", it must be "drain" or "cut"/ ],
    [ 'ai_client_abort cut now;', qr/invalid parameter "now" in "ai_client_abort", "cut" has none/ ],
    [ 'ai_client_abort cut timeout=5s;', qr/invalid parameter "timeout=5s" in "ai_client_abort"/ ],
    [ 'ai_client_abort drain time=5s;', qr/unknown parameter "time=5s" of "ai_client_abort"/ ],
    [ 'ai_client_abort drain timeot=5s;', qr/unknown parameter "timeot=5s" of "ai_client_abort", $word "timeout"\?/ ],
    [ 'ai_client_abort drain timeout;', qr/unknown parameter "timeout" of "ai_client_abort"/ ],
    [ 'ai_client_abort drain timeout=soon;', qr/invalid time in "timeout=soon" of "ai_client_abort"/ ],
    [ 'ai_client_abort drain timeout=0;', qr/invalid time in "timeout=0"/ ],
    [ 'ai_client_abort drain timeout=1s timeout=2s;', qr/duplicate parameter "timeout=2s" of "ai_client_abort"/ ],
    [ 'ai_client_abort drain tokens=8k;', qr/invalid number in "tokens=8k" of "ai_client_abort", tokens are counted in plain numbers such as 8192/ ],
    [ 'ai_client_abort drain tokens=0;', qr/invalid number in "tokens=0"/ ],
    [ 'ai_client_abort drain tokens=-1;', qr/invalid number in "tokens=-1"/ ],
    [ 'ai_client_abort drain tokens=;', qr/invalid number in "tokens="/ ],
    [ 'ai_client_abort drain tokens=1 tokens=2;', qr/duplicate parameter "tokens=2"/ ],
    [ 'ai_error_format xml;', qr/invalid value "xml"/ ],
    [ 'ai_headers all;', qr/invalid value "all"/ ],
);

# twice on one level

push @bad, map { [ "$_ $_", qr/"@{[ (split)[0] ]}" directive is duplicate/ ] }
    'ai_next_upstream off;', 'ai_next_upstream_tries 2;',
    'ai_next_upstream_timeout 2s;', 'ai_connect_timeout 2s;',
    'ai_send_timeout 2s;', 'ai_read_timeout 2s;',
    'ai_first_token_timeout 2s;', 'ai_client_abort cut;',
    'ai_body_max_size 1m;', 'ai_error_format off;', 'ai_headers on;',
    'ai_model x;';

for my $case (@bad) {
    my ($line, $re, $where) = @$case;
    my $pass = $line =~ /^ai_pass/ ? '' : 'ai_pass chat;';

    $t->write_file_expand('nginx.conf', conf("$pass\n            $line"));
    my ($ok, $said) = $t->test_config;

    ok(!$ok, "refused: $line");
    like($said, $re, "what is said: $line");

    # a place in the file wherever nginx itself gives one
    my $n = line_of($t, $line);
    like($said, qr/nginx\.conf:$n$/m, "and where: $line") if !$where;
}

# directives of the wrong level

for my $case ([ 'main', 'ai_pass chat;' ], [ 'main', 'ai_provider x { }' ],
              [ 'http', 'ai_pass chat;' ], [ 'server', 'ai_pass chat;' ],
              [ 'server', 'ai_provider x { }' ],
              [ 'server', 'ai_route x { }' ], [ 'server', 'ai_zone x 1m;' ])
{
    my ($level, $line) = @$case;
    my ($name) = split ' ', $line;

    $t->write_file_expand('nginx.conf', conf('ai_pass chat;',
                                             $level => $line));
    my ($ok, $said) = $t->test_config;
    ok(!$ok && $said =~ /"$name" directive is not allowed here/,
       "$name is not allowed in $level") or diag($said);
}

# accepted: every form that the reference has

for my $line (
    'ai_next_upstream off;',
    'ai_next_upstream error timeout first_token_timeout invalid_response '
        . 'http_403 http_404 http_408 http_429 http_500 http_502 http_503 '
        . 'http_504 http_529 http_5xx context_length content_filter auth '
        . 'quota non_idempotent;',
    'ai_next_upstream_tries 0;', 'ai_next_upstream_timeout 0;',
    'ai_connect_timeout 200ms;', 'ai_send_timeout 1m;',
    'ai_read_timeout 1h;', 'ai_first_token_timeout 0;',
    'ai_client_abort cut;', 'ai_client_abort drain;',
    'ai_client_abort drain tokens=100 timeout=5s;',
    'ai_client_abort drain timeout=1m;', 'ai_body_max_size 64k;',
    'ai_error_format off;', 'ai_error_format auto;',
    'ai_error_format openai;', 'ai_headers off;', 'ai_headers on;',
    'ai_headers debug;', 'ai_model gpt-$arg_m;')
{
    for my $level ($line =~ /^ai_model/ ? 'location' : qw/ http server location /)
    {
        $t->write_file_expand('nginx.conf', $level eq 'location'
            ? conf("ai_pass chat;\n            $line")
            : conf('ai_pass chat;', $level => $line));
        my ($ok, $said) = $t->test_config;
        ok($ok, "$level: $line") or diag($said);
    }
}

# --- at run time

my $answer = { id => 'chatcmpl-1', object => 'chat.completion', created => 1,
    model => 'm', choices => [ { index => 0, finish_reason => 'stop',
        message => { role => 'assistant', content => 'hi' } } ],
    usage => { prompt_tokens => 1, completion_tokens => 1,
               total_tokens => 2 } };

my $mock = $t->mock([ { reply => { json => $answer } } ], port => 8081);

$t->write_file_expand('nginx.conf', conf('ai_pass chat;', server => <<'EOC'));
        location /var/ {
            ai_pass $arg_to;
        }

        location /part/ {
            ai_pass "${arg_to}ai";
        }

        location /if/ {
            if ($arg_alias) {
                ai_pass other;
            }
            if ($arg_plain) {
                set $dummy 1;
            }
            ai_pass chat;
        }

        location /limit/ {
            limit_except GET {
                allow 127.0.0.1;
                deny all;
            }
            ai_pass chat;
        }

        location /nested/ {
            ai_pass chat;
            ai_model outer;

            location /nested/inner/ {
                ai_pass chat;
            }

            location /nested/own/ {
                ai_pass chat;
                ai_model inner;
            }

            location /nested/static/ {
                return 200 "static\n";
            }
        }

        location ~ ^/re/(?<tenant>\w+)/ {
            ai_model $tenant-$ai_request_model;
            ai_pass chat;
        }

        location = /exact/v1/chat/completions {
            ai_pass chat;
        }

        location /empty/ {
            ai_model $arg_none;
            ai_pass chat;
        }

        location /off/ {
            ai_error_format off;
            ai_pass $arg_to;
        }
EOC
$t->run;

is(chat('/v1')->status, 200, 'a literal name');
is(asked('/v1'), 'm', 'the client\'s model goes on');

for my $place ('/var', '/part') {
    my $name = $place eq '/part' ? 'open' : 'openai';
    is(chat($place, "to=$name")->status, 200, "$place: a provider");
    my $r = chat($place, 'to=nobody');
    is($r->status, 404, "$place: an unknown name");
    is_deeply($r->json->{error}, { type => 'invalid_request_error',
        code => 'model_not_found', param => 'model',
        message => 'The model does not exist or you do not have access to it.'
    }, "$place: its error");
}

is(chat('/var', 'to=chat')->status, 200, 'a route in a variable');
is(chat('/var')->status, 404, 'an empty variable');
ok($t->wait_log(qr/"ai_pass" gave "nobody", which is no ai_route and no/),
   'the operator is told the name');
is(http_get('/var/v1/models?to=nobody')->status, 200,
   'models of an unknown name');
is_deeply(http_get('/var/v1/models?to=nobody')->json->{data}, [],
          'there are none');

is(asked('/if'), 'm', 'if: not taken');
is(asked('/if', 'alias=1'), 'fixed', 'if: its own ai_pass');
is(asked('/if', 'plain=1'), 'm', 'if: inherits ai_pass');
is(asked('/limit'), 'm', 'limit_except keeps ai_pass');

is(asked('/nested'), 'outer', 'ai_model of a location');
is(asked('/nested/inner'), 'outer', 'is inherited');
is(asked('/nested/own'), 'inner', 'and replaced');
is(http_get('/nested/static/')->body, "static\n",
   'ai_pass is not inherited by locations');

is(asked('/re/acme'), 'acme-m', 'ai_model with a capture');
is(asked('/exact'), 'm', 'an exact location');

my $r = chat('/empty');
is($r->status, 404, 'ai_model gives an empty name');
is($r->json->{error}{code}, 'model_not_found', 'its error');

$r = chat('/off', 'to=nobody');
is($r->status, 404, 'ai_error_format off: status');
like($r->header('content-type'), qr{^text/html}, 'nginx\'s own page');


sub chat {
    my ($place, $args) = @_;

    my $uri = ($place eq "/v1" ? "" : $place) . "/v1/chat/completions";
    $uri .= "?$args" if $args;

    return http_post($uri, { model => 'm',
        messages => [ { role => 'user', content => 'Hello' } ] });
}


# the model that the provider was asked for

sub asked {
    my ($place, $args) = @_;

    $mock->clear;
    my $r = chat($place, $args);
    return $r->status . ' ' . $r->body if $r->status != 200;
    return ($mock->wait_ledger(1, 5))[0]{json}{model};
}


# a location's lines, and those of other levels; without http or server the
# providers are there all the same

sub conf {
    my ($location, %at) = @_;

    $_ //= '' for @at{qw/ main http server /};

    return <<"EOC";
%%TEST_GLOBALS%%
$at{main}

events {
}

http {
    %%TEST_GLOBALS_HTTP%%
    $at{http}

    ai_provider openai {
        endpoint http://127.0.0.1:%%PORT_8081%%;
    }

    ai_route chat {
        target openai;
    }

    ai_route other {
        target openai model=fixed;
    }

    server {
        listen 127.0.0.1:%%PORT_8080%%;
        $at{server}

        location /v1/ {
            $location
        }
    }
}
EOC
}


sub line_of {
    my ($t, $text) = @_;

    my $n = 0;
    for (split /\n/, $t->read_file('nginx.conf')) {
        $n++;
        return $n if index($_, $text) >= 0;
    }
    return -1;
}
