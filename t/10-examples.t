#!/usr/bin/perl

# Every file of conf.examples/ starts and answers.  Ports, paths and the
# providers' addresses are exchanged for those of the test, nothing else.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

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
    'openai-compatible.conf' => [
        map { [ '/v1', "$_/some/model", 'OpenAI' ] }
            qw/ groq together deepseek xai mistral perplexity fireworks
                cerebras huggingface openrouter vllm ollama litellm lab / ],
    'tls-options.conf' => [ [ '/v1', 'any', 'OpenAI' ] ],
    'timeouts.conf' => [ [ '/v1', 'any', 'OpenAI' ] ],
    'errors.conf' => [
        [ '/v1', 'gpt-4.1', 'OpenAI' ],
        [ '/branded/v1', 'gpt-4.1', 'OpenAI' ],
        [ '/plain/v1', 'gpt-4.1', 'OpenAI' ] ],
);

my $usage = { prompt_tokens => 3, completion_tokens => 2, total_tokens => 5 };
my @rules = (
    { match => { path_re => 'messages$' }, reply => { json => {
        id => 'msg_1', type => 'message', role => 'assistant',
        model => 'claude', stop_reason => 'end_turn',
        content => [ { type => 'text', text => 'from Anthropic' } ],
        usage => { input_tokens => 3, output_tokens => 2 } } } },
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

my @files = map { m{([^/]+)$} } sort glob "$FindBin::Bin/../conf.examples/*";
my @confs = grep { /\.conf$/ } @files;

is_deeply([ sort keys %ask ], [ @confs ], 'all examples are known here');
is_deeply(\@files, \@confs, 'and there is nothing else');

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

        my $r = http_post("$uri/chat/completions", { model => $model,
            messages => [ { role => 'user', content => 'Hello' } ] });
        is($r->status, 200, "$file: $uri, $model") or diag($r->body);
        like($r->body, qr/$from/, "$file: $uri, $model: who answered");
    }

    is(http_get('/v1/models')->json->{object}, 'list', "$file: models");
    $mock->stop;
    $tls->stop if $tls;
    $t->finish;
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

    if ($name eq 'ca.pem') {
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
