#!/usr/bin/perl

# ai_limit: what a key may use, and what a client is told of it.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use AI::Test;
use AI::Test::Chat;

my $t = AI::Test->new;

my %usage = (prompt_tokens => 100, completion_tokens => 50,
    total_tokens => 150);
my $answer = { %{ reply('ok') }, usage => \%usage };

my $mock = $t->mock([
    { match => { path_re => 'messages' }, reply => { json => {
        id => 'msg_1', type => 'message', role => 'assistant', model => 'c',
        content => [ { type => 'text', text => 'ok' } ],
        stop_reason => 'end_turn', usage => { input_tokens => 100,
                                              output_tokens => 50 } } } },
    { match => { body => '"user":"slow"' },
      reply => { json => $answer, delay => 1.2 } },
    { reply => { json => $answer, headers => {
        'x-ratelimit-limit-requests' => 9999, 'openai-version' => 1 } } },
], port => 8081);

my $bad = $t->mock([ { reply => { status => 500, json => {} } } ],
    port => 8082);

$t->write_file('keys', <<'EOK');
sha256:d8b3f0eef4e9a1c9d6d0e2a8b8a9b7f6c5d4e3f2a1b0c9d8e7f6a5b4c3d2e1f0 id=off disabled
EOK

# a dollar is a million tokens

$t->write_file_expand('nginx.conf', <<'EOC');
%%TEST_GLOBALS%%

events {
}

http {
    %%TEST_GLOBALS_HTTP%%

    log_format limits escape=json '{"status":"$status","uri":"$uri",'
        '"limit":"$ai_limit_status","zone":"$ai_limit_zone",'
        '"left":"$ai_limit_remaining","cost":"$ai_cost",'
        '"provider":"$ai_provider","error":"$ai_error_type",'
        '"model":"$ai_upstream_model"}';
    access_log %%TESTDIR%%/limit.log limits;

    ai_zone ai 2m state=%%TESTDIR%%/state;

    ai_limit_zone $http_x_team     zone=team:1m;
    ai_limit_zone $http_x_customer zone=customer:1m;
    ai_limit_zone $ai_provider     zone=provider:1m;
    ai_limit_zone $ai_model        zone=model:1m;

    ai_price dear* input=1 output=1;
    ai_price cheap input=0 output=0;

    map $http_x_plan $tpm { gold 1000; none ""; bad 12x; default 300; }
    map $ai_limit_status $budget_model { SOFT cheap; default dear; volatile; }

    ai_provider a { api openai; endpoint http://127.0.0.1:%%PORT_8081%%; }
    ai_provider b { api openai; endpoint http://127.0.0.1:%%PORT_8081%%; }
    ai_provider anthropic { endpoint http://127.0.0.1:%%PORT_8081%%; }
    ai_provider broken { api openai; endpoint http://127.0.0.1:%%PORT_8082%%; }

    ai_route two { target a model=dear; target b model=cheap; priority; }
    ai_route free { target b model=cheap; }
    ai_route next { target broken; target a; priority; }

    server {
        listen 127.0.0.1:%%PORT_8080%%;
        ai_limit zone=team requests=1000/h;

        location /requests/ { ai_limit zone=team requests=3/m; ai_pass a; }
        location /burst/ { ai_limit zone=team requests=3/m burst=2; ai_pass a; }
        location /second/ { ai_limit zone=team requests=2/s; ai_pass a; }
        location /tokens/ { ai_limit zone=team tokens=1000/h; ai_pass a; }
        location /input/ { ai_limit zone=team input_tokens=250/h; ai_pass a; }
        location /output/ { ai_limit zone=team output_tokens=120/h; ai_pass a; }
        location /plan/ { ai_limit zone=team tokens=$tpm/h; ai_pass a; }
        location /day/ {
            ai_limit zone=team cost=0.000400/d tz=Europe/Berlin
                     "message=Team $http_x_team has used its budget";
            ai_pass a;
        }
        location /month/ { ai_limit zone=team cost=0.0004/month; ai_pass a; }
        location /once/ { ai_limit zone=team concurrency=2; ai_pass a; }
        location /several/ {
            ai_limit zone=team requests=100/m;
            ai_limit zone=customer requests=2/m tokens=100000/d;
            ai_pass a;
        }
        location /soft/ {
            ai_limit zone=team cost=0.001/w soft=30%;
            ai_model $budget_model;
            ai_pass a;
        }
        location /log/ {
            ai_limit zone=team requests=1/m on_exceed=log;
            ai_pass a;
        }
        location /dry/ {
            ai_limit_dry_run on;
            ai_limit zone=team requests=1/m;
            ai_pass a;
        }
        location /next/ {
            ai_limit zone=team cost=0.0003/month on_exceed=next;
            ai_pass two;
        }
        location /route/ {
            ai_limit zone=team requests=1/m on_exceed=route:free;
            ai_pass a;
        }
        location /provider/ {
            ai_limit zone=provider requests=1/m on_exceed=next;
            ai_pass two;
        }
        location /model/ {
            ai_limit zone=model requests=1/m;
            ai_pass a;
        }
        location /status/ {
            ai_limit_status 503;
            ai_limit zone=team requests=1/m;
            ai_pass a;
        }
        location /inherits/ { ai_pass a; }
        location /off/ { ai_limit off; ai_pass a; }
        location /unpriced/ { ai_limit zone=team cost=1/d; ai_pass a; }
        location /fails/ { ai_limit zone=team tokens=1000/h; ai_pass next; }
        location /fails-all/ {
            ai_limit zone=team tokens=1000/h requests=10/h;
            ai_pass broken;
        }
        location /anthropic/ {
            ai_limit zone=team requests=1/m tokens=100000/d;
            ai_pass anthropic;
        }
        location /large/ { ai_limit zone=team tokens=100/h; ai_pass a; }
    }
}
EOC

$t->run;

my $asked = 0;

sub ask {
    my ($where, $team, %more) = @_;

    my %opt = map { $_ => delete $more{$_} } grep { /^-|^[A-Z]/ } keys %more;

    $asked++;
    return http_post("/$where/v1/chat/completions", { model => 'dear',
        max_tokens => 50, messages => [ { role => 'user',
            content => 'word ' x 90 } ], %more },
        (defined $team ? ('X-Team' => $team) : ()), %opt);
}

# The line of the last one; it comes after its answer.

sub logged {
    my @all;
    $t->wait_for(sub {
        @all = $t->log_lines('limit.log');
        return @all >= $asked;
    }, 3);
    return json_decode($all[-1]);
}

sub statuses { return join ' ', map { $_->status } @_ }

my $r;

# --- requests

is(statuses(map { ask('requests', 'a') } 1 .. 4), '200 200 200 429',
    'requests: three a minute');
is(ask('requests', 'b')->status, 200, 'another key');
is(statuses(map { ask('requests', undef) } 1 .. 4), '200 200 200 200',
    'without a key nothing is counted');
is(statuses(map { ask('burst', 'a2') } 1 .. 6), '200 200 200 200 200 429',
    'burst');

$r = ask('requests', 'a');
is($r->status, 429, 'still');
is_deeply($r->json, { error => { message =>
    'The limit of 3 requests per minute is reached.',
    type => 'rate_limit_error', param => undef,
    code => 'rate_limit_exceeded' } }, 'what is told');
ok($r->header('retry-after') >= 50 && $r->header('retry-after') <= 62,
    'Retry-After: ' . $r->header('retry-after'));
is($r->header('x-ratelimit-limit-requests'), 3, 'the limit');
is($r->header('x-ratelimit-remaining-requests'), 0, 'what is left');
like($r->header('x-ratelimit-reset-requests'), qr/^(?:5\d|60)\.\d{3}s$/,
    'the reset');
is($r->header('x-should-retry'), undef, 'it may be tried again');
is_deeply([ @{ logged() }{qw/ limit zone left error provider /} ],
    [ 'REJECTED', 'team', 0, 'rate_limit_exceeded', '' ], 'variables');

$r = ask('requests', 'c');
is($r->header('x-ratelimit-remaining-requests'), 2, 'after the first one');
is($r->header('x-ratelimit-limit-requests'), 3,
    "the provider's own limits are not shown");
is($r->header('openai-version'), 1, 'other headers of it are');
is_deeply([ @{ logged() }{qw/ limit left /} ], [ 'PASSED', 2 ], 'PASSED');

is(statuses(map { ask('second', 'a') } 1 .. 3), '200 200 429', 'a second');
select undef, undef, undef, 1.1;
is(ask('second', 'a')->status, 200, 'a second later');

# --- tokens: 100 and 50 are reported, a little less is reserved

is(statuses(map { ask('tokens', 'a') } 1 .. 7), '200 200 200 200 200 200 429',
    'tokens: six of 150 of 1000');
$r = ask('tokens', 'b');
is($r->header('x-ratelimit-limit-tokens'), 1000, 'limit');
my $left = $r->header('x-ratelimit-remaining-tokens');
ok($left > 840 && $left < 870, "what was reserved: $left left");
$r = ask('tokens', 'b');
$left = $r->header('x-ratelimit-remaining-tokens');
ok($left > 690 && $left < 720, "and what was used: $left left");
is(statuses(map { ask('input', 'a') } 1 .. 3), '200 200 429', 'input tokens');
is(statuses(map { ask('output', 'a') } 1 .. 3), '200 200 429',
    'output tokens');

# --- values that are variables

is(statuses(map { ask('plan', 'p', 'X-Plan' => 'silver') } 1 .. 3),
    '200 200 429', 'a value');
is(statuses(map { ask('plan', 'p', 'X-Plan' => 'gold') } 1 .. 3),
    '200 200 200', 'another value for the same counter');
is(statuses(map { ask('plan', 'p', 'X-Plan' => 'none') } 1 .. 3),
    '200 200 200', 'an empty one is no limit');
is(ask('plan', 'p', 'X-Plan' => 'bad')->status, 429, 'what is no number');
is(scalar($t->error_log(qr/"12x" is no number for a limit/)), 1, 'is told');

# --- money

is(statuses(map { ask('month', 'm') } 1 .. 3), '200 200 429',
    'two of 150 of 400 micro-dollars');
$r = ask('month', 'm');
is_deeply($r->json->{error}, { message =>
    'The limit of 0.0004 USD per month is reached.',
    type => 'insufficient_quota', param => undef,
    code => 'insufficient_quota' }, 'a budget is used up');
is($r->header('x-should-retry'), 'false', 'and is so for long');
ok($r->header('retry-after') > 0, 'Retry-After');
is_deeply([ @{ logged() }{qw/ limit zone left /} ],
    [ 'REJECTED', 'team', '0.000100000' ], 'what is left');

ask('day', 'd') for 1 .. 2;
$r = ask('day', 'd');
is($r->json->{error}{message}, 'Team d has used its budget', 'message=');
ok($r->header('retry-after') <= 25 * 3600, 'until midnight');

$r = ask('unpriced', 'u', model => 'nobody-knows');
is($r->status, 403, 'a model without a price under a budget');
like($r->json->{error}{message}, qr/no price/, 'is told');
is(ask('unpriced', 'u')->status, 200, 'one with a price');

# --- at once

my @open = map { ask('once', 'o', user => 'slow', -start => 1) } 1 .. 2;
select undef, undef, undef, 0.4;
$r = ask('once', 'o');
is($r->status, 429, 'a third one at once');
is($r->json->{error}{message}, 'Only 2 requests at a time are allowed.',
    'is told');
is($r->header('retry-after'), 1, 'soon');
is(ask('once', 'o2')->status, 200, "another key's");
is(statuses(map { http_end($_) } @open), '200 200', 'the two');
is(ask('once', 'o')->status, 200, 'then the next');

# --- several

is(statuses(map { ask('several', 's', 'X-Customer' => 'x') } 1 .. 3),
    '200 200 429', 'the tighter of two zones');
is(logged()->{zone}, 'customer', 'that zone');
$r = ask('several', 's', 'X-Customer' => 'y');
is($r->header('x-ratelimit-remaining-requests'), 1,
    'a refused request has taken nothing, the tighter one is told');

# --- soft

my @models = map { ask('soft', 'soft'); logged() } 1 .. 5;
is(join(' ', map { $_->{model} } @models), 'dear dear cheap cheap cheap',
    'a cheaper model from 30 % on');
is($models[2]{limit}, 'SOFT', 'the one that crosses it');
is($models[0]{limit}, 'PASSED', 'before');

# --- on_exceed

is(statuses(map { ask('log', 'l') } 1 .. 3), '200 200 200', 'log');
is(logged()->{limit}, 'REJECTED_DRY_RUN', 'its status');
is(statuses(map { ask('dry', 'l') } 1 .. 3), '200 200 200', 'dry run');
is(logged()->{limit}, 'REJECTED_DRY_RUN', 'its status');

my @way = map { ask('next', 'n'); logged() } 1 .. 4;
is(join(' ', map { "$_->{status} $_->{provider}" } @way),
    '200 a 200 a 200 b 200 b', 'next: a target that costs less');

@way = map { ask('route', 'r'); logged() } 1 .. 3;
is(join(' ', map { "$_->{status} $_->{provider}" } @way),
    '200 a 200 b 200 b', 'route:');

@way = map { ask('provider', 'p'); logged() } 1 .. 3;
is(join(' ', map { "$_->{status} $_->{provider}" } @way),
    '200 a 200 b 429 ', 'a limit of providers');

is(statuses(ask('model', 'x'), ask('model', 'y'), ask('model', 'x',
    model => 'dearer')), '200 429 200', 'a limit of models');

is(statuses(map { ask('status', 'z') } 1 .. 2), '200 503', 'ai_limit_status');
is(ask('inherits', 'i')->header('x-ratelimit-limit-requests'), 1000,
    'inherited');
is(ask('off', 'i')->header('x-ratelimit-limit-requests'), 9999,
    'off: those of the provider');

# --- what fails gives back what it had reserved

is(statuses(map { ask('fails', 'f') } 1 .. 7), '200 200 200 200 200 200 429',
    'with a fallback');
is(statuses(map { ask('fails-all', 'f2') } 1 .. 11),
    join(' ', ('500') x 10, '429'), 'without: requests count, tokens do not');
is(ask('large', 'x', max_tokens => 5000)->status, 200,
    'the first request of a limit that is smaller');
is(ask('large', 'x')->status, 429, 'and no second one');

# --- Anthropic's own

sub message {
    $asked++;
    return http_post('/anthropic/v1/messages', { model => 'dear',
        max_tokens => 50, messages => [ { role => 'user',
            content => 'word' } ] }, 'X-Team' => 'ant');
}

$r = message();
is($r->status, 200, 'Messages');
is($r->header('anthropic-ratelimit-requests-limit'), 1, 'limit');
is($r->header('anthropic-ratelimit-requests-remaining'), 0, 'remaining');
like($r->header('anthropic-ratelimit-requests-reset'),
    qr/^20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ$/, 'reset');
like($r->header('anthropic-ratelimit-tokens-remaining'), qr/^9\d{4}$/,
    'tokens');
$r = message();
is($r->status, 429, 'the second one');
is_deeply($r->json, { type => 'error', error => {
    type => 'rate_limit_error', message =>
    'The limit of 1 requests per minute is reached.' } }, 'is told');

# --- a reload keeps all counts

is($t->reload(wait_old => 1), 1, 'reload');
is(ask('requests', 'a')->status, 429, 'requests');
is(ask('tokens', 'a')->status, 429, 'tokens');
is(ask('month', 'm')->status, 429, 'money');

# --- so does a restart

$t->stop;
$t->run;
is(ask('requests', 'a')->status, 429, 'after a restart: requests');
is(ask('tokens', 'a')->status, 429, 'tokens');
is(ask('month', 'm')->status, 429, 'money');
is(ask('month', 'm3')->status, 200, 'others may');
