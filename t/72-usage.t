#!/usr/bin/perl

# What requests have used is found by ai_api's /usage: by every name, in hours
# and days, as JSON and CSV; and what is left for them by /limits.  It is what
# the access log has, to the nano-dollar, also after a reload, a killed worker
# and a restart.  And who may ask.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Math::BigInt;
use Test::More;

use AI::Test;

my $t = AI::Test->new->plan(55);

my %team = (search => 3, sales => 2, '=ops' => 1);
my $usage = { prompt_tokens => 100, completion_tokens => 50,
    total_tokens => 150, prompt_tokens_details => { cached_tokens => 40 },
    completion_tokens_details => { reasoning_tokens => 5 } };

$t->mock([
    { match => { path_re => 'chat/completions$', body => '"fail"' },
      reply => { status => 400, json => { error => { message => 'no',
          type => 'invalid_request_error' } } } },
    { match => { path_re => 'chat/completions$' }, reply => { json => {
        id => 'c1', object => 'chat.completion', created => 1,
        model => 'gpt-x', usage => $usage, choices => [ { index => 0,
            finish_reason => 'stop', message => { role => 'assistant',
                content => 'Hello' } } ] } } },
], port => 8081);

my $reader = $t->secret('sk-test-reader-0123456789abcdef');
my $nobody = $t->secret('sk-test-nobody-0123456789abcdef');

$t->write_file('keys', join '', map {
    require Digest::SHA;
    'sha256:' . Digest::SHA::sha256_hex($_->[0]) . "  $_->[1]\n";
} [ $reader, 'id=reader role=viewer' ], [ $nobody, 'id=nobody role=plain' ]);

mkdir $t->testdir . '/state';

$t->write_file_expand('nginx.conf', <<'EOF');
%%TEST_GLOBALS%%

worker_processes 2;

events {
}

http {
    %%TEST_GLOBALS_HTTP%%

    log_format spend '$ai_team $ai_cost $ai_cost_saved $ai_prompt_tokens '
                     '$ai_completion_tokens';

    ai_zone ai 4m state=%%TESTDIR%%/state;
    ai_limit_zone $ai_team zone=team:1m;
    ai_limit_zone $ai_key_id zone=key:1m;

    ai_provider openai {
        endpoint http://127.0.0.1:%%PORT_8081%%;
        model gpt-a price_in=2 price_cached=0.5 price_out=8;
        model gpt-b price_in=0.000001 price_out=0.000003;
    }

    ai_role viewer { api read; }
    ai_role plain { api none; }

    server {
        listen 127.0.0.1:%%PORT_8080%%;

        location /v1/ {
            access_log %%TESTDIR%%/spend.log spend;
            access_log %%TESTDIR%%/ai-end.log ai_end;

            ai_identity key $http_x_key;
            ai_identity team $http_x_team;
            ai_identity project $http_x_project;
            ai_identity customer $http_x_customer;

            ai_limit zone=team cost=50/month requests=1000/h concurrency=9;
            ai_limit zone=key tokens=100000/d tz=Asia/Tokyo;
            ai_pass openai;
        }

        location /api/ {
            allow 127.0.0.1;
            deny all;
            ai_api;
        }

        location /keyed/ {
            ai_key_file %%TESTDIR%%/keys;
            ai_auth on;
            ai_api;
        }

        location /either/ {
            satisfy any;
            allow 127.0.0.1;
            deny all;
            ai_key_file %%TESTDIR%%/keys;
            ai_auth on;
            ai_api;
        }
    }
}
EOF

$t->run;

# 6 requests for each of two models, and one that fails

for my $model (qw/ gpt-a gpt-b /) {
    for my $team (sort keys %team) {
        ask($model, $team, "k$_") for 1 .. $team{$team};
    }
}

is(http_post('/v1/chat/completions', { model => 'gpt-a',
       messages => [ { role => 'user', content => 'fail' } ] },
   'X-Team' => 'search')->status, 400, 'one fails');

my $all = usage('');
is(scalar @$all, 1, 'all in one row');
is($all->[0]{requests}, 13, 'requests');
is($all->[0]{failed_requests}, 1, 'one without an answer');
is($all->[0]{prompt_tokens}, 1200, 'tokens of prompts');
is($all->[0]{cached_tokens}, 480, 'from a cache');
is($all->[0]{completion_tokens}, 600, 'of answers');
is($all->[0]{reasoning_tokens}, 60, 'reasoning');
is($all->[0]{total_tokens}, 1800, 'both');

# gpt-a: 60 * 2000 + 40 * 500 + 50 * 8000 nano-USD a request, saved 40 * 1500;
# gpt-b: 100 * 1 + 50 * 3 thousandths of one, rounded

is($all->[0]{saved}, '0.000360000', 'what the cache has saved');
conserved('the log has the same cost');

my $teams = usage('group_by=team&step=day');
is(join(' ', map { $_->{team} } @$teams), 'search sales =ops',
   'teams, the dearest first');
is(join(' ', map { $_->{requests} } @$teams), '7 4 2', 'their requests');
like($teams->[0]{start}, qr/^20\d\d-\d\d-\d\dT00:00:00Z$/, 'of a day');

my $models = usage('group_by=model,provider,route');
is(join(' ', map { join '/', @{$_}{qw/ provider route model /} } @$models),
   'openai/openai/gpt-a openai/openai/gpt-b', 'models, providers and routes');

is(join(' ', map { $_->{key} } @{ usage('group_by=key&team=search&limit=1') }),
   'k1', 'keys of a team, the first one');
is(usage('key=k3')->[0]{requests}, 2, 'one key');
is(usage('project=p&customer=c')->[0]{requests}, 12, 'project, customer');
is(scalar @{ usage('team=nobody') }, 0, 'one there is not');
is(scalar @{ usage('to=2026-01-01&from=2025-12-01') }, 0, 'another time');
is(usage('step=hour')->[0]{start} =~ /T\d\d:00:00Z$/ ? 1 : 0, 1, 'an hour');

my $csv = http_get('/api/usage?group_by=team,model&format=csv');
like($csv->header('content-type'), qr{^text/csv}, 'CSV');
my @lines = split /\r\n/, $csv->body;
is(scalar @lines, 7, 'a line of names, and six');
like($lines[0], qr/^ChargePeriodStart,ChargePeriodEnd,ProviderName,/, 'FOCUS');
is(scalar(grep { /,"'=ops",/ } @lines), 2, 'a formula is none');

my %column;
my @names = split /,/, $lines[0];
@column{@names} = (0) x @names;

for my $line (@lines[1 .. $#lines]) {
    my @cells = $line =~ /\G((?:[^,"]|"(?:[^"]|"")*")*)(?:,|\z)/g;
    $column{$names[$_]} += $cells[$_] =~ /^[\d.]+$/ ? $cells[$_] : 0
        for 0 .. $#names;
}

is(sprintf('%.9f', $column{BilledCost}), $all->[0]{cost}, 'CSV: the cost');
is($column{x_Requests}, 13, 'CSV: requests');
is($column{x_InputTokens} + $column{x_OutputTokens}, 1800, 'CSV: tokens');

# what is left

my %left = map { ("$_->{zone} $_->{key} $_->{unit}" => $_) } @{ limits('') };
is(scalar keys %left, 12, 'three counters a team, one a key');

my $l = $left{'team search cost'};
is($l->{used}, $teams->[0]{cost}, 'a budget has used what the team has');
is($l->{limit}, '50.000000000', 'of so much');
is(nano($l->{limit}) - nano($l->{used}), nano($l->{remaining}), 'the rest');
is($l->{reserved}, '0.000000000', 'and nothing runs');
is($l->{period}, 'month', 'a month');
like($l->{reset}, qr/^20\d\d-\d\d-01T00:00:00Z$/, 'until the next one');

$l = $left{'team =ops requests'};
is("@$l{qw/ used limit remaining period /}", '2 1000 998 h', 'requests');
ok(!exists $l->{reset}, 'slide, and have no end');

$l = $left{'team sales concurrency'};
is("@$l{qw/ used reserved limit /}", '0 0 9', 'concurrency');

$l = $left{'key k1 tokens'};
is($l->{used}, 900, 'tokens of a key');
like($l->{reset}, qr/T15:00:00Z$/, 'until midnight in Tokyo');

is(join(' ', map { $_->{unit} } @{ limits('zone=key&key=k2') }), 'tokens',
   'one of them');
is(scalar @{ limits('zone=nobody') }, 0, 'of none');

# who may ask

is(http_get('/keyed/usage')->status, 401, 'no key');
is(http_get('/keyed/usage', Authorization => "Bearer $reader")->status, 200,
   'a key whose role may read');
is(http_get('/keyed/usage', Authorization => "Bearer $nobody")->status, 403,
   'a key whose role may not');
is(http_get('/either/usage')->status, 200, 'let in by the address');
is(http_get('/either/usage', Authorization => "Bearer $nobody")->status, 403,
   'a key counts all the same');

# it stays

ok($t->reload(wait_old => 1), 'reload');
ask('gpt-a', 'search', 'k1');
conserved('after a reload');

kill 'KILL', ($t->workers)[0];
$t->wait_for(sub { $t->workers == 2 }, 5);
ask('gpt-a', 'search', 'k1') for 1 .. 4;
conserved('after a worker was killed');

$t->allow(qr/exited on signal 9/);

my $before = usage('')->[0]{cost};
$t->stop;
$t->run;
is(usage('')->[0]{cost}, $before, 'after a restart');
ask('gpt-b', 'sales', 'k1');
conserved('and more is added');
is(limits('zone=team&key=search')->[$_]{used},
   { requests => 12, cost => usage('team=search')->[0]{cost} }
       ->{limits('zone=team&key=search')->[$_]{unit}}, 'limits go on')
    for 0, 1;
is(usage('group_by=team')->[0]{team}, 'search', 'under the same names');


sub ask {
    my ($model, $team, $key) = @_;

    my $r = http_post('/v1/chat/completions', { model => $model,
        messages => [ { role => 'user', content => 'Hi' } ] },
        'X-Team' => $team, 'X-Key' => $key, 'X-Project' => 'p',
        'X-Customer' => 'c');

    die $r->raw if $r->status != 200;
}


sub usage {
    my ($args) = @_;

    return http_get("/api/usage?$args")->json->{data};
}


sub limits {
    my ($args) = @_;

    return http_get("/api/limits?$args")->json->{data};
}


sub nano { return Math::BigInt->new($_[0] =~ s/\.//r) }


# the sum of the log is the sum of all teams

sub conserved {
    my ($name) = @_;

    my $row = usage('')->[0];
    my $sum = Math::BigInt->new(0);
    my $lines = 0;

    $t->wait_for(sub {
        my @lines = $t->log_lines('spend.log');
        $lines = @lines;
        $sum = Math::BigInt->new(0);
        $sum += Math::BigInt->new((split)[1] =~ s/\.//r) for @lines;

        return $lines == $row->{requests};
    }, 5);

    is(Math::BigInt->new($row->{cost} =~ s/\.//r), $sum, $name);
}
