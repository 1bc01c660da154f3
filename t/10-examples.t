#!/usr/bin/perl

# Every file of conf.examples/ starts and answers.  Ports, paths and the
# providers' addresses are exchanged for those of the test, nothing else.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use JSON::PP ();
use MIME::Base64;
use Test::More;

use AI::Test;

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
    'timeouts.conf' => [ [ '/v1', 'any', 'OpenAI' ] ],
    'meter.conf' => [ [ '/v1', 'gpt-4.1', 'OpenAI' ] ],
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

    'meter.conf' => sub {
        my ($mock, $t) = @_;

        my $line = 'model=gpt-4.1 prompt=3 cached=0 completion=2 '
            . 'source=provider cost=0.000022000 ';
        ok($t->wait_for(sub { $t->read_file('tokens.log') =~ /\Q$line/ }, 5),
           'meter: the log');
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

    like($conf, qr/\A(?:#.*\n){3,}\n/, "$file says what it is for");

    my $mock = $t->mock(\@rules, port => 8081);
    my $tls = $conf =~ /^ +ssl_/m
        ? $t->mock(\@rules, port => 8443, tls => 1, cn => 'llm.example.com')
        : undef;

    $t->write_file_expand('nginx.conf', rewritten($t, $conf));
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

    is(http_get('/v1/models')->json->{object}, 'list', "$file: models");
    $promise{$file}->($mock, $t) if $promise{$file};

    $mock->stop;
    $tls->stop if $tls;
    $t->finish;
}


sub chat {
    my ($uri, $model, $text, %headers) = @_;

    return http_post("$uri/chat/completions", { model => $model,
        messages => [ { role => 'user', content => $text // 'Hello' } ] },
        %headers);
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
        s/127\.0\.0\.1:8080/127.0.0.1:%%PORT_8080%%/g;
        s{^( +)server 10\.[\d.]+:\d+}{$1server 127.0.0.1:%%PORT_8081%%}gm;
        s{/var/log/nginx/}{$dir/}g;
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
