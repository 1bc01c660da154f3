#!/usr/bin/perl

# What may send a request on: the words of ai_next_upstream in a location and
# in a route, off, the number of tries, the time; a model with a larger
# context; a provider that can carry what another cannot; the error that is
# told when all have failed.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use AI::Test;
use AI::Test::Chat;

# word => status of a provider's answer, its body

my %words = (
    http_403 => [ 403, { error => { message => 'no', type => 'x' } } ],
    http_404 => [ 404, { error => { message => 'model x', type => 'x' } } ],
    http_408 => [ 408, {} ],
    http_429 => [ 429, { error => { message => 'slow' } } ],
    http_500 => [ 500, {} ], http_502 => [ 502, {} ], http_503 => [ 503, {} ],
    http_504 => [ 504, {} ], http_529 => [ 529, {} ], http_5xx => [ 501, {} ],
    auth => [ 401, { error => { message => 'bad key',
                                code => 'invalid_api_key' } } ],
    quota => [ 429, { error => { message => 'no money', type =>
        'insufficient_quota', code => 'insufficient_quota' } } ],
    content_filter => [ 400, { error => { message => 'policy', code =>
        'content_filter' } } ],
    context_length => [ 400, { error => { message => 'maximum context length',
        code => 'context_length_exceeded' } } ],
    invalid_response => [ 200, {} ],
);

my @default = qw/ http_408 http_429 http_500 http_502 http_503 http_504
                  http_529 quota invalid_response /;

my $routes = '';
for my $word (sort keys %words, 'off', 'default') {
    my $line = $word eq 'default' ? '' : "next_upstream $word;";
    $routes .= "    ai_route $word { priority; target a; target b; $line }\n";
}

my $t = AI::Test->new;

(my $conf = <<'EOC') =~ s/^ROUTES\n/$routes/m;
%%TEST_GLOBALS%%

events {
}

http {
    %%TEST_GLOBALS_HTTP%%

    ai_read_timeout 10s;

    ai_provider a {
        api openai;
        endpoint http://127.0.0.1:%%PORT_8081%%;
        model m context=1000;
        model small context=1000;
    }

    ai_provider b {
        api openai;
        endpoint http://127.0.0.1:%%PORT_8082%%;
        model m context=9000;
        model small context=1000;
    }

    ai_provider c {
        api openai;
        endpoint http://127.0.0.1:%%PORT_8083%%;
        model m;
        model small context=50000;
    }

    ai_provider claude {
        api anthropic;
        endpoint http://127.0.0.1:%%PORT_8081%%;
    }

ROUTES
    ai_route three { priority; target a; target b; target c; }
    ai_route two   { priority; target a; target b; target c;
                     next_upstream_tries 2; }
    ai_route one   { priority; target a; target b; target c;
                     next_upstream_tries 1; }
    ai_route all   { priority; target a; target b; target c; target a;
                     target b; next_upstream_tries 0; }
    ai_route short { priority; target a; target b;
                     next_upstream_timeout 100ms; }
    ai_route big   { priority; target a; target b; target c;
                     next_upstream context_length; }
    ai_route mixed { priority; target claude; target b; }
    ai_route wrong { priority; target claude; }
    ai_route backs { target a; target b backup; target c backup; }

    server {
        listen 127.0.0.1:%%PORT_8080%%;

        location /v1/ {
            ai_pass $arg_r;
        }

        location /off/v1/ {
            ai_next_upstream off;
            ai_pass $arg_r;
        }

        location /tries/v1/ {
            ai_next_upstream_tries 2;
            ai_pass $arg_r;
        }

        location /404/v1/ {
            ai_next_upstream http_404;
            ai_pass $arg_r;
        }
    }
}
EOC

$t->write_file_expand('nginx.conf', $conf);

my @port = map { $t->port($_) } 8081 .. 8083;
my $mock = $t->mock([], port => [ 8081 .. 8083 ]);
$t->run;


# asks a route; replies by provider

sub ask {
    my ($route, $replies, %o) = @_;

    $mock->clear;
    $mock->script([ map { { match => { port => $port[$_] },
        reply => $replies->[$_] || { json => reply("from $_") } } } 0 .. 2 ]);
    my $place = delete $o{place} // '';
    return http_post("$place/v1/chat/completions?r=$route", chat(%o));
}


sub asked {
    my %n = map { $port[$_] => $_ } 0 .. 2;
    return join ' ', map { $n{$_->{port}} } $mock->ledger;
}


sub failing {
    my ($word) = @_;
    return { status => $words{$word}[0], json => $words{$word}[1] };
}


# each word alone, none of the others, and the default

for my $word (sort keys %words) {
    my $bad = failing($word);
    my $usual = grep { $_ eq $word } @default;

    is(text_of(ask($word, [ $bad ])), 'from 1', "$word: goes on");
    cmp_ok(ask('off', [ $bad ])->status, '>=', 400, "$word: off");
    is(asked(), '0', 'one call');
    is(ask('default', [ $bad ])->status == 200 ? 1 : 0, $usual ? 1 : 0,
       "$word: default");
}

isnt(ask('http_500', [ failing('http_502') ])->status, 200, 'another word');
isnt(ask('http_500', [ failing('http_5xx') ])->status, 200, '501 is not 500');
isnt(ask('quota', [ failing('http_429') ])->status, 200,
     'a limit is no quota');
is(ask('http_5xx', [ failing('http_529') ])->status, 200, '529 is 5xx');

# route and location

my $bad = failing('http_500');
is(ask('default', [ $bad ], place => '/off')->status, 500, 'location: off');
is(ask('http_500', [ $bad ], place => '/off')->status, 200, 'route wins');
is(ask('default', [ failing('http_404') ], place => '/404')->status, 200,
   'location: a word');

# tries

ask('three', [ ($bad) x 3 ]);
is(asked(), '0 1 2', 'three tries');
ask('two', [ ($bad) x 3 ]);
is(asked(), '0 1', 'two, of the route');
ask('one', [ ($bad) x 3 ]);
is(asked(), '0', 'one');
ask('three', [ ($bad) x 3 ], place => '/tries');
is(asked(), '0 1', 'two, of the location');
ask('all', [ ($bad) x 3 ]);
is(asked(), '0 1 2 0 1', 'all of them');
is(text_of(ask('backs', [ $bad, $bad ])), 'from 2', 'the last backup');

# time

my $r = ask('short', [ { %$bad, delay => 0.3 } ]);
is($r->status, 500, 'too late for another');
is(asked(), '0', 'one call');
is(ask('short', [ $bad ])->status, 200, 'early enough');

# the last error is the client's, with its Retry-After

$r = ask('three', [ $bad, $bad, { status => 429, headers =>
    { 'Retry-After' => 17 }, json => { error => { message => 'last one',
      code => 'rate_limit_exceeded' } } } ]);
is_error($r, 429, 'the last error', message => qr/last one/);
is($r->header('retry-after'), 17, 'its Retry-After');

$r = ask('three', [ $bad, { status => 429, headers => { 'Retry-After' => 5 },
    json => {} }, { status => 503, json => { error => { message => 'end' } },
    headers => { 'Retry-After-Ms' => 1500 } } ]);
is_error($r, 503, 'another', message => qr/end/);
is($r->header('retry-after'), 2, 'Retry-After-Ms, rounded up');

for (' ', 'soon', '-5', '1e9', '999999999999999999999') {
    $r = ask('one', [ { status => 429, json => {}, headers =>
                        { 'Retry-After' => $_ } } ]);
    like($r->header('retry-after') // '', qr/^\d{0,10}$/,
         "Retry-After: $_");
}

is_error(ask('default', [ failing('auth') ]), 502, "a provider's refusal",
         code => qr/^upstream_auth$/);

# a larger context, known to be larger

my $long = failing('context_length');
is(text_of(ask('big', [ $long ])), 'from 1', 'to the larger model');
is_error(ask('big', [ $long, $long ]), 400, 'then none is known to be larger',
         code => qr/^context_length_exceeded$/);
is(asked(), '0 1', 'two calls');
is(text_of(ask('big', [ $long, $long ], model => 'small')), 'from 2',
   'one of equal size is left out');
is(asked(), '0 2', 'not asked');

# what an API cannot carry goes to the next that can

is(text_of(ask('mixed', [], n => 2)), 'from 1', 'n=2 to the one that can');
is(asked(), '1', 'the other one is not asked');
is(text_of(ask('mixed', [ { json => claude('from 0') } ])), 'from 0',
   'what it can carry it gets');
is_error(ask('wrong', [], n => 2), 400, 'none can', param => qr/^n$/);
is(asked(), '', 'no call');
is_error(ask('nothing', []), 404, 'no such route');
