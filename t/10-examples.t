#!/usr/bin/perl

# Every file of conf.examples/ starts and answers.  Ports, paths and the
# providers' addresses are exchanged for those of the test, nothing else.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Digest::SHA qw/ hmac_sha256_hex /;
use JSON::PP ();
use MIME::Base64;
use Test::More;

use AI::Test;

# the virtual key of clients, for those who ask for one

my @client = (Authorization => 'Bearer sk-test-client');
my $roles;

# the model to ask for, and where: file => [uri, model, answers ..]

my %ask = (
    'quickstart.conf' => [
        [ '/v1', 'gpt-4.1-mini', 'OpenAI' ],
        [ '/v1', 'claude-sonnet-4-5', 'Anthropic' ],
        [ '/v1', 'gemini-2.5-flash', 'Gemini' ] ],
    'demo.conf' => [
        [ '/v1', 'gpt-4.1-mini', 'OpenAI' ],
        [ '/v1', 'claude-sonnet-4-5', 'Anthropic' ],
        [ '/v1', 'gemini-2.5-flash', 'Gemini' ] ],
    'keys.conf' => [
        [ '/v1', 'gpt-4.1', 'OpenAI' ],
        [ '/teams/v1', 'claude-sonnet-4-5', 'Anthropic' ],
        [ '/near/v1', 'gpt-4.1', 'OpenAI' ],
        [ '/filed/v1', 'gpt-4.1', 'OpenAI' ],
        [ '/free/v1', 'gpt-4.1', 'OpenAI' ] ],
    'failover.conf' => [
        [ '/v1', 'assistant', 'OpenAI' ],
        [ '/strict/v1', 'gpt-4.1', 'OpenAI' ],
        [ '/patient/v1', 'gpt-4.1', 'OpenAI' ] ],
    'self-hosted.conf' => [
        [ '/v1', 'any', 'OpenAI' ],
        [ '/sticky/v1', 'any', 'OpenAI' ],
        [ '/busy/v1', 'any', 'OpenAI' ] ],
    'regions.conf' => [
        [ '/v1', 'any', 'OpenAI' ],
        [ '/approved/v1', 'any', 'OpenAI' ],
        [ '/anywhere/v1', 'any', 'OpenAI' ] ],
    'ab-split.conf' => [ [ '/v1', 'gpt-4', qr/OpenAI|Anthropic/ ] ],
    'json-log.conf' => [ [ '/v1', 'gpt-4.1', 'OpenAI' ] ],
    'prices.conf' => [
        [ '/v1', 'gpt-4.1', 'OpenAI' ],
        [ '/v1', 'claude-sonnet-4-5', 'Anthropic' ],
        [ '/v1', 'qwen3-32b', 'OpenAI' ] ],
    'tokens.conf' => [
        [ '/v1', 'any', 'OpenAI' ],
        [ '/class/v1', 'any', 'OpenAI' ],
        [ '/short/v1', 'gpt-4.1', 'OpenAI' ],
        [ '/rough/v1', 'any', 'OpenAI' ] ],
    'openai-compatible.conf' => [
        map { [ '/v1', "$_/some/model", 'OpenAI' ] }
            qw/ groq together deepseek xai mistral perplexity fireworks
                cerebras huggingface openrouter vllm ollama litellm lab / ],
    'clouds.conf' => [
        [ '/v1', 'gpt', 'OpenAI' ],
        [ '/v1', 'gemini', 'Gemini' ],
        [ '/v1', 'claude', 'Anthropic' ] ],
    'tls-options.conf' => [ [ '/v1', 'any', 'OpenAI' ] ],
    'redis.conf' => [ [ '/v1', 'gpt-4.1', 'OpenAI' ] ],
    'timeouts.conf' => [ [ '/v1', 'any', 'OpenAI' ] ],
    'metrics.conf' => [ [ '/v1', 'any', 'OpenAI' ] ],
    'meter.conf' => [ [ '/v1', 'gpt-4.1', 'OpenAI' ] ],
    'usage.conf' => [ [ '/v1', 'gpt-4.1', 'OpenAI' ] ],
    'budgets.conf' => [ [ '/v1', 'gpt-4.1', 'OpenAI' ] ],
    'limits.conf' => [
        [ '/v1', 'gpt-4.1', 'OpenAI' ],
        [ '/off/v1', 'any', 'OpenAI' ] ],
    'errors.conf' => [
        [ '/v1', 'gpt-4.1', 'OpenAI' ],
        [ '/branded/v1', 'gpt-4.1', 'OpenAI' ],
        [ '/plain/v1', 'gpt-4.1', 'OpenAI' ] ],
);

# what their comments promise: code for the running example

my %promise = (
    'failover.conf' => sub {
        my ($mock, $t) = @_;

        broken($mock, 'sk-test-openai');
        my $r = chat('/v1', 'assistant');
        like($r->body, qr/from Anthropic/, 'failover: the backup answers');
        is(chat('/strict/v1', 'gpt-4.1')->status, 503, 'failover: not here');
        ok($t->wait_for(sub { $t->read_file('ai.log') =~
            /providers="openai, anthropic".*"503, 200".*reason=http_5/ }, 5),
           'failover: the log');
    },

    'keys.conf' => sub {
        my ($mock, $t) = @_;

        my $r = chat('/v1', 'gpt-4.1', 'Hi', Authorization => 'Bearer no');
        is($r->status, 401, 'keys: another key');
        is(chat('/near/v1', 'gpt-4.1', 'Hi', Authorization => '')->status,
           200, 'keys: from near without one');
        is(chat('/free/v1', 'gpt-4.1', 'Hi', Authorization => '')->status,
           200, 'keys: without one');
        is(http_post('/v1/embeddings', { model => 'gpt-4.1', input => 'x' },
                     Authorization => 'Bearer sk-test-client')->status, 403,
           'keys: what the role has not');
        ok($t->wait_for(sub { $t->read_file('keys.json') =~
            /"key":"ci-bot","team":"search",.*"role":"developer",
             "cost_center":"42"/x }, 5), 'keys: the log');

        my $made = http_post('/api/keys', { id => 'made', role =>
                             'developer', rpm => 60 })->json->{key};
        is(chat('/v1', 'gpt-4.1', 'Hi', Authorization => "Bearer $made")
           ->status, 200, 'keys: one that was made');
        is(chat('/filed/v1', 'gpt-4.1', 'Hi', Authorization =>
                "Bearer $made")->status, 401, 'keys: not there');
        http_post('/api/keys/made/block', '');
        is(chat('/v1', 'gpt-4.1', 'Hi', Authorization => "Bearer $made")
           ->status, 401, 'keys: one that was blocked');
    },

    'demo.conf' => sub {
        my $r = http_post('/v1/responses',
                          { model => 'gpt-4.1-mini', input => 'Hello' });
        is($r->status, 200, 'demo: Responses too');
    },

    'self-hosted.conf' => sub {
        my ($mock) = @_;

        is(asked($mock, '/v1', 'x')->{json}{model}, 'llama3.2:3b',
           'self-hosted: a short prompt');
        is(asked($mock, '/v1', 'x', 'word ' x 4000)->{json}{model},
           'qwen3-32b', 'self-hosted: a long prompt');
        is(asked($mock, '/v1', 'x', 'word ' x 60_000)->{json}{model},
           'gpt-4.1-mini', 'self-hosted: too long for either');
    },

    'regions.conf' => sub {
        my ($mock) = @_;
        my %legal = ('X-Tenant' => 'legal');

        is(asked($mock, '/v1', 'x')->{h}{authorization},
           'Bearer sk-test-openai', 'regions: anybody');
        is(asked($mock, '/v1', 'x', 'Hi', %legal)->{h}{authorization},
           'Bearer sk-test-mistral', 'regions: a tenant in the EU');
        is(asked($mock, '/anywhere/v1', 'x', 'Hi', %legal)
           ->{h}{authorization}, 'Bearer sk-test-openai', 'regions: off');

        # nor as a fallback
        broken($mock, 'sk-test-mistral');
        is(chat('/v1', 'x', 'Hi', %legal)->status, 503, 'regions: closed');
    },

    'ab-split.conf' => sub {
        my ($mock) = @_;
        my %seen;

        for my $user (1 .. 60) {
            my $m = asked($mock, '/v1', 'gpt-3.5-turbo', 'Hi',
                          'X-User' => $user)->{json}{model};
            $seen{$m}++;
            next if $user != 1;
            is(asked($mock, '/v1', 'gpt-3.5-turbo', 'Hi',
                     'X-User' => $user)->{json}{model}, $m,
               'ab-split: a user stays');
        }

        is(join(' ', sort keys %seen), 'claude-haiku-4-5 gpt-4.1-mini',
           'ab-split: both, and an alias');
        cmp_ok($seen{'gpt-4.1-mini'}, '>', 40, 'ab-split: not by halves');

        my ($user) = grep { asked($mock, '/v1', 'gpt-3.5-turbo', 'Hi',
            'X-User' => $_)->{json}{model} =~ /^gpt/ } 1 .. 60;
        is(asked($mock, '/v1', 'gpt-3.5-turbo', "a\n```c\nint a;\n```\n",
                 'X-User' => $user)->{json}{model}, 'gpt-4.1',
           'ab-split: code goes to the large one');
    },

    'json-log.conf' => sub {
        my ($mock, $t) = @_;

        chat('/v1', '');
        my @lines;
        $t->wait_for(sub {
            @lines = $t->log_lines('ai.json');
            return @lines == 2;
        }, 5);

        my ($v, $error) = map { json_decode($_) } @lines;
        is("$v->{prompt_tokens} $v->{completion_tokens} $v->{model}",
           '3 2 gpt-4.1', 'json-log: a line');
        ok($error->{error}, 'json-log: an error');
    },

    'metrics.conf' => sub {
        my $page = http_get('/metrics')->body;
        like($page, qr/^nginx_ai_requests_total\{route="assistant",provider=
             "openai",model="gpt-4.1",operation="chat",code="200",
             team="none"\}\ \d/mx, 'metrics: requests');
        like($page, qr/^nginx_ai_cost_usd_total\{route="assistant",provider=
             "openai",model="gpt-4.1",team="none"\}\ 0\.0000/mx,
             'metrics: cost');
    },

    'meter.conf' => sub {
        my ($mock, $t) = @_;

        my $line = 'model=gpt-4.1 prompt=3 cached=0 completion=2 '
            . 'source=provider cost=0.000022000 ';
        ok($t->wait_for(sub { $t->read_file('tokens.log') =~ /\Q$line/ }, 5),
           'meter: the log');
    },

    'usage.conf' => sub {
        my $usage = http_get('/api/usage?group_by=team,model&step=day')->json;
        ok($usage->{data}, 'usage: the API');
    },

    'budgets.conf' => sub {
        my ($mock, $t) = @_;
        my ($r, @models);

        # 22 millionths of a USD each, of 200

        for (1 .. 40) {
            $r = chat('/v1', 'gpt-4.1', 'Hi', -body => { max_tokens => 2 });
            last if $r->status != 200;
        }

        @models = map { $_->{json}{model} }
            grep { $_->{path} =~ /completions/ } $mock->ledger;
        like("@models", qr/^(?:gpt-4\.1 ){4,9}(?:gpt-4\.1-mini ?){1,9}$/,
             'budgets: from 80 % on a cheaper model');
        is($r->status, 429, 'budgets: then refused');
        is($r->json->{error}{message}, 'The budget of team search is used up.',
           'budgets: with a message');
        is($r->header('x-should-retry'), 'false', 'budgets: for long');

        is(chat('/v1', 'nobody-knows')->status, 429, 'budgets: any model');

        my ($limit) = @{ http_get('/api/limits?zone=team&key=search')
                         ->json->{data} };
        is("@$limit{qw/ unit period limit /}", 'cost month 0.000200000',
           'budgets: the API');
        cmp_ok($limit->{used}, '>', 0.00018, 'budgets: what was used');

        ok($t->wait_for(sub { 2 == grep { $_->{path} eq '/hook'
            && $_->{json}{key} eq 'search'
            && $_->{json}{event} =~ /^(?:soft|exceeded)$/ } $mock->ledger },
            10), 'budgets: two alerts');
        like($t->read_file('budgets.json'), qr/"team":"search",.*"limit":
             "REJECTED","zone":"team"/x, 'budgets: the log');
        like(http_get('/metrics')->body, qr/^nginx_ai_limit_total\{zone="team",
             unit="cost",result="rejected"\}\ 2/mx, 'budgets: metrics');
        like(http_get('/metrics')->body, qr/^nginx_ai_limit_used_ratio\{
             zone="team",unit="cost",key="search"\}\ 0\.9[0-9]/mx,
             'budgets: how much of it');
    },

    'limits.conf' => sub {
        my ($mock, $t) = @_;

        my $r = chat('/v1', 'gpt-4.1');
        is($r->header('x-ratelimit-limit-requests'), 140, 'limits: a key');
        is($r->header('x-ratelimit-limit-tokens'), 400_000, 'limits: a plan');

        $r = chat('/agents/v1', 'gpt-4.1', 'Hi',
                  -body => { max_tokens => 32_000, stream => \1 });
        cmp_ok($r->header('x-ratelimit-remaining-tokens'), '>', 390_000,
               'limits: only 1000 of an answer');

        $mock->clear;
        chat('/v1', 'gpt-4.1', 'Hi', -body => { max_tokens => 2 })
            for 1 .. 2;
        is(chat('/always/v1', 'gpt-4.1')->status, 200, 'limits: in time');

        my @all = map { chat('/free/v1', 'any', 'Hi', Authorization => '') }
            1 .. 31;
        is(join('', map { $_->status != 200 } @all), ('') x 30 . '1',
           'limits: 30 of an address');
        is($all[30]->status, 503, 'limits: another status');
        is($all[30]->json->{error}{message},
           'Too many requests from 127.0.0.1', 'limits: a message');

        is(join(' ', map { chat('/trial/v1', 'x')->status } 1 .. 3),
           '200 200 200', 'limits: a trial');
        ok($t->wait_for(sub { $t->read_file('trial.log') =~
            /ci-bot REJECTED_DRY_RUN key 0$/m }, 5), 'limits: its log');
    },

    'prices.conf' => sub {
        my ($mock, $t) = @_;

        is(chat('/v1', 'gpt-4.1')->header('x-ai-cost'), '0.000019800',
           'prices: a line, in a header');
        chat('/v1', 'gpt-4.1-mini');
        chat('/v1', 'gpt-4o');
        chat('/v1', 'nobody');

        my @lines;
        $t->wait_for(sub {
            @lines = $t->log_lines('cost.json');
            return @lines == 8;
        }, 5);

        # a list of models is among them
        is(join(' ', map { /"cost":([\d.]+)/ } @lines), '0.000019800 '
           . '0.000039000 0.000000550 0.000000000 0.000019800 0.000104400 '
           . '0.000027500 0.000000000', 'prices: the log');
        is(json_decode($lines[-1])->{price_known}, 0, 'prices: unknown');
    },

    'tokens.conf' => sub {
        my ($mock) = @_;
        my $model = sub { asked($mock, @_)->{json}{model} };

        is($model->('/v1', 'x', words(1493)), 'llama-3.1-8b',
           'tokens: 1500 of them');
        is($model->('/v1', 'x', words(1494)),
           'meta-llama/Llama-3.3-70B-Instruct', 'tokens: one more');
        is($model->('/v1', 'llama-3.1-8b', 'a' x 1600),
           'meta-llama/Llama-3.3-70B-Instruct', 'tokens: an own vocabulary');
        is($model->('/v1', 'x', 'a' x 1600), 'llama-3.1-8b',
           'tokens: not the one of others');

        is($model->('/class/v1', 'x', words(2040)), 'gpt-4.1-mini',
           'tokens: a small one');
        is($model->('/class/v1', 'x', words(2041)), 'gpt-4.1',
           'tokens: a medium one');
        is(chat('/class/v1', 'x', 'Hi')->header('x-ai-prompt-tokens'), 8,
           'tokens: a header');

        my $r = chat('/short/v1', 'gpt-4.1', words(16_000));
        is($r->json->{error}{code}, 'context_length_exceeded',
           'tokens: nobody may');
        is($model->('/v1', 'x', 'word ' x 1220), 'llama-3.1-8b',
           'tokens: counted');
        is($model->('/rough/v1', 'x', 'word ' x 1220),
           'meta-llama/Llama-3.3-70B-Instruct', 'tokens: by length');
    },

    'openai-compatible.conf' => sub {
        my ($mock) = @_;

        my $q = asked($mock, '/v1', 'groq/meta/llama');
        is($q->{json}{model}, 'meta/llama', 'compatible: the model');
        is($q->{h}{authorization}, 'Bearer sk-test-groq', 'compatible: key');

        $q = asked($mock, '/v1', 'lab/m');
        is($q->{path}, '/llm/v2/chat/completions', 'compatible: a path');
        is($q->{h}{'x-lab-token'}, 'sk-test-lab', 'compatible: key_header');
        is($q->{h}{authorization}, undef, 'compatible: in no other');

        $q = asked($mock, '/v1', 'openrouter/m');
        is($q->{h}{'http-referer'}, 'https://www.example.com',
           'compatible: set_header');
        is(chat('/v1', 'nobody/m')->json->{error}{code}, 'model_not_found',
           'compatible: an unknown one');
    },

    'clouds.conf' => sub {
        my ($mock, $t) = @_;

        my $q = asked($mock, '/v1', 'gpt');
        is($q->{path}, '/openai/deployments/gpt-41/chat/completions'
           . '?api-version=2024-10-21', 'clouds: a deployment');
        is($q->{h}{'api-key'}, 'sk-test-azure', 'clouds: its key');
        is($q->{json}{max_tokens}, 4096, 'clouds: a limit');
        is($q->{json}{temperature}, 0.2, 'clouds: a default');

        $q = asked($mock, '/v1', 'claude');
        is($q->{path}, '/v1/projects/test/locations/europe-west1/publishers/'
           . 'anthropic/models/claude-sonnet-4-5@20250929:rawPredict',
           'clouds: a model at Vertex');
        is($q->{h}{authorization}, 'Bearer sk-test-token', 'clouds: token');

        broken($mock, 'Bearer sk-test-token');
        $mock->clear;
        like(chat('/v1', 'claude')->body, qr/from Bedrock/,
             'clouds: the backup');
        is(($mock->ledger)[-1]{path}, '/model/eu.anthropic.claude-sonnet-4-5-'
           . '20250929-v1%3A0/converse', 'clouds: its path');

        broken($mock, 'nobody');
        my $r = http_post('/api/chat', { model => 'gemini', messages => [
            { role => 'user', content => 'Hi' } ], stream =>
            JSON::PP::false });
        is($r->json->{message}{content}, 'from Gemini', 'clouds: Ollama');
        ok((grep { $_->{name} eq 'gemini' }
            @{ http_get('/api/tags')->json->{models} }), 'clouds: its list');
    },

    'redis.conf' => sub {
        my ($mock, $t) = @_;

        ok($t->wait_for(sub { http_get('/health')->body eq "redis: up\n" }, 5),
           'redis: up');
    },

    'errors.conf' => sub {
        my ($mock) = @_;

        broken($mock, 'sk-test-openai');
        is(chat('/v1', 'm')->json->{error}{type}, 'server_error',
           'errors: JSON');
        like(chat('/branded/v1', 'm')->body, qr/call the help desk/,
             'errors: error_page');
        like(chat('/plain/v1', 'm')->body, qr/^<html>/, 'errors: a page');

        my @all = map { chat('/v1', 'm') } 1 .. 30;
        my ($r) = grep { $_->status == 429 } @all;
        ok($r, 'errors: limit_req') or return;
        is($r->json->{error}{type}, 'rate_limit_error', 'errors: its JSON');
    },
);

my $usage = { prompt_tokens => 3, completion_tokens => 2, total_tokens => 5 };
my @rules = (
    { match => { path_re => '/token$' }, reply => { json => {
        access_token => 'sk-test-token', expires_in => 3600 } } },
    { match => { path_re => '/converse$' }, reply => { json => {
        output => { message => { role => 'assistant',
            content => [ { text => 'from Bedrock' } ] } },
        stopReason => 'end_turn', usage => { inputTokens => 3,
            outputTokens => 2, totalTokens => 5 } } } },
    { match => { path_re => '(?:messages|:rawPredict)$' }, reply => { json => {
        id => 'msg_1', type => 'message', role => 'assistant',
        model => 'claude', stop_reason => 'end_turn',
        content => [ { type => 'text', text => 'from Anthropic' } ],
        usage => { input_tokens => 3, output_tokens => 2 } } } },
    { match => { path_re => '/models$' }, reply => { json => {
        object => 'list', data => [] } } },
    { match => { path_re => ':generateContent' }, reply => { json => {
        candidates => [ { finishReason => 'STOP', content => {
            role => 'model', parts => [ { text => 'from Gemini' } ] } } ],
        usageMetadata => { promptTokenCount => 3, candidatesTokenCount => 2,
                           totalTokenCount => 5 } } } },
    { reply => { json => {
        id => 'chatcmpl-1', object => 'chat.completion', created => 1,
        model => 'gpt', usage => $usage, choices => [ { index => 0,
            message => { role => 'assistant', content => 'from OpenAI' },
            finish_reason => 'stop' } ] } } },
);

# the keys of conf.examples that come from the environment

$ENV{"${_}_API_KEY"} = "sk-test-\L$_" for qw/ OPENAI ANTHROPIC GEMINI /;
$ENV{AWS_ACCESS_KEY_ID} = 'AKIATEST';
$ENV{AWS_SECRET_ACCESS_KEY} = 'sk-test-aws';

my @files = map { m{([^/]+)$} } sort glob "$FindBin::Bin/../conf.examples/*";
my @confs = grep { /\.conf$/ } @files;
my @more = grep { !/\.conf$/ } @files;

is_deeply([ sort keys %ask ], [ @confs ], 'all examples are known here');
is("@more", 'prices.json', 'and there is nothing else, but what they read');

example($_) for @confs;


sub example {
    my ($file) = @_;

    my $t = AI::Test->new;
    my $conf = $t->slurp($t->root . "/conf.examples/$file");
    $t->without('C1 C2', 'some of its requests go to logs of their own')
        if $conf =~ /^ {8,}access_log \//m;

    like($conf, qr/\A(?:#.*\n){3,}\n/, "$file says what it is for");

    my $mock = $t->mock(\@rules, port => 8081);
    my $tls = $conf =~ /^ +ssl_/m
        ? $t->mock(\@rules, port => 8443, tls => 1, cn => 'llm.example.com')
        : undef;

    AI::Test::Redis->start($t, port => 6379, password => 'sk-test-redis',
        options => [ '--requirepass', 'sk-test-redis' ])
        if $conf =~ /^ +ai_redis /m;

    $roles = $conf =~ /^ +ai_role /m ? ' role=developer' : '';
    $t->write_file_expand('nginx.conf', rewritten($t, $conf));
    unlike($t->read_file('nginx.conf'), qr{/var/(?:lib|log)/|/etc/nginx/},
           "$file: nothing is outside of the test");
    my ($ok, $said) = $t->test_config;
    ok($ok, "$file: nginx -t") or diag($said);
    unlike($said, qr/\[warn\]/, "$file: no warning");
    return if !$ok;

    $t->quiet_log->run;
    $t->waitforsocket($t->port(8080));

    for my $ask (@{ $ask{$file} }) {
        my ($uri, $model, $from) = @$ask;

        my $r = chat($uri, $model);
        is($r->status, 200, "$file: $uri, $model") or diag($r->body);
        like($r->body, qr/$from/, "$file: $uri, $model: who answered");
    }

    is(http_get('/v1/models', @client)->json->{object}, 'list',
       "$file: models");
    $promise{$file}->($mock, $t) if $promise{$file};

    $mock->stop;
    $tls->stop if $tls;
    $t->finish;
}


sub chat {
    my ($uri, $model, $text, %headers) = @_;

    my $more = delete $headers{-body} // {};

    return http_post("$uri/chat/completions", { model => $model,
        messages => [ { role => 'user', content => $text // 'Hello' } ],
        %$more }, @client, %headers);
}


# what the mock was asked

sub asked {
    my ($mock, @ask) = @_;

    $mock->clear;
    my $r = chat(@ask);
    diag($r->body) if $r->status != 200;
    return ($mock->wait_ledger(1, 5))[0];
}


# each of them is a token

sub words { 'one ' . join ' ', ('two') x ($_[0] - 1) }


# the mock refuses this key

sub broken {
    my ($mock, $key) = @_;

    $mock->script([ { match => { header => { authorization => $key } },
                      reply => { status => 503 } }, @rules ]);
}


sub rewritten {
    my ($t, $conf) = @_;

    my $dir = $t->testdir;

    for ($conf) {
        s/^load_module .*\n/%%TEST_GLOBALS%%/m;
        s/^http \{\n/http {\n    %%TEST_GLOBALS_HTTP%%\n/m;
        s/^ *error_log .*\n//gm;
        s/127\.0\.0\.1:(8080|6379)/127.0.0.1:%%PORT_$1%%/g;
        s{^( +)server 10\.[\d.]+:\d+}{$1server 127.0.0.1:%%PORT_8081%%}gm;
        s{/var/log/nginx/}{$dir/}g;
        s{/var/lib/nginx/ai\b}{$dir/state}g;
        s{/etc/nginx/ai/([\w.-]+)}{ secret($t, $1) }ge;
        s{^ +ai_provider (\S+) +\{.*?\}\n}{ provider($1, $&) }gmse;
    }

    return $conf;
}


# the same block, with the mock as its endpoint

sub provider {
    my ($name, $block) = @_;

    return $block if $block =~ m{127\.0\.0\.1:%%PORT_8080%%};

    my $mock = $block =~ /^ +ssl_/m ? 'https://127.0.0.1:%%PORT_8443%%'
        : 'http://127.0.0.1:%%PORT_8081%%';

    # an endpoint's path stays, and so does one that names an upstream
    return $block if $block =~ m{endpoint http://\w+;};

    $block =~ s{endpoint https?://[^/;]+}{endpoint $mock}
        or $block =~ s/\{/{ endpoint $mock;/;
    return $block;
}


# a file that an example takes from /etc/nginx/ai

sub secret {
    my ($t, $name) = @_;

    my $path = "ai/$name";
    my $dir = $t->testdir;

    if (-e (my $file = $t->root . "/conf.examples/$name")) {
        $t->write_file($path, $t->slurp($file));

    } elsif ($name =~ /\.tiktoken$/) {
        $t->write_file($path, join '', map {
            encode_base64(chr, '') . " $_\n" } 0 .. 255);

    } elsif ($name eq 'keys') {
        $t->write_file($path, 'hmac:' . hmac_sha256_hex('sk-test-client',
            'sk-test-pepper') . " id=ci-bot team=search tier=gold "
            . "customer=acme cost_center=42$roles\n");
        chmod 0600, "$dir/$path";

    } elsif ($name eq 'budgets.map') {
        $t->write_file($path, "search 0.0002;\n");

    } elsif ($name eq 'hook.url') {
        $t->write_file($path, 'http://127.0.0.1:' . $t->port(8081)
            . "/hook\n");

    } elsif ($name eq 'ca.pem') {
        $t->write_file($path, $t->slurp($t->ca));

    } elsif ($name eq 'crl.pem') {
        $t->write_file('crl.index', '');
        $t->write_file('crl.cnf', "[ca]\ndefault_ca = test\n[test]\n"
            . "database = $dir/crl.index\ndefault_md = sha256\n"
            . "default_crl_days = 2\n");
        $t->openssl('ca', '-gencrl', '-config', "$dir/crl.cnf",
            '-cert', $t->ca, '-keyfile', "$dir/ca.key",
            '-out', "$dir/crl.out");
        $t->write_file($path, $t->slurp("$dir/crl.out"));

    } elsif ($name eq 'vertex.json') {
        $t->openssl(qw/ genpkey -algorithm RSA -out /, "$dir/account.key");
        $t->write_file($path, json_encode({ type => 'service_account',
            project_id => 'test', private_key_id => '1',
            client_email => 'test@example.com',
            token_uri => 'http://127.0.0.1:' . $t->port(8081) . '/token',
            private_key => $t->slurp("$dir/account.key") }));

    } elsif ($name =~ /^client/) {
        my $pair = $t->{client_pair} //= $t->cert('client');
        $t->write_file($path, $name =~ /pass/ ? "unused\n"
            : $t->slurp($pair->{$name =~ /key/ ? 'key' : 'cert'}));

    } else {
        my ($who) = $name =~ /^([\w-]+)/;
        $t->secret("sk-test-$who");
        $t->write_file($path, "sk-test-$who\n");
    }

    return "$dir/$path";
}
