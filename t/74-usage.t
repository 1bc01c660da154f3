#!/usr/bin/perl

# What a request has used where the provider does not say, and what it costs:
# whole answers and streams, passed through and translated, broken off, left by
# the client; prices of files and lines.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use AI::Test;

my $t = AI::Test->new;

# ten tokens by o200k_base: each word with its blank is one

my @words = qw/ one two three four five six seven eight nine ten /;
my $ten = join ' ', @words;

sub chunk {
    my ($delta, $finish) = @_;

    return { id => 'chatcmpl-1', object => 'chat.completion.chunk',
        created => 1, model => 'gpt-4o', choices => [ { index => 0,
            delta => $delta, finish_reason => $finish } ] };
}

my @stream = (chunk({ role => 'assistant', content => '' }),
    (map { chunk({ content => $_ }) } $words[0],
        map { " $_" } @words[1 .. 9]), chunk({}, 'stop'));

my %whole = (id => 'chatcmpl-2', object => 'chat.completion', created => 1,
    model => 'gpt-4o', choices => [ { index => 0, finish_reason => 'stop',
        message => { role => 'assistant', content => $ten } } ]);

my $usage = { prompt_tokens => 1000, completion_tokens => 100,
    total_tokens => 1100, prompt_tokens_details => { cached_tokens => 400 } };

my $is_stream = '"stream":true';

my $mock = $t->mock([
    { match => { path => '/full', body => $is_stream },
      reply => { done => \1, sse => [ @stream,
          { %{ $stream[0] }, choices => [], usage => $usage } ] } },
    { match => { path => '/full' },
      reply => { json => { %whole, usage => $usage } } },
    { match => { path => '/cut' }, reply => { split => 'events',
        gap => 0.005, sse => [ @stream[0 .. 5] ], cut => 700 } },
    { match => { path => '/slow' }, reply => { split => 'events',
        gap => 0.005, sse => [ @stream[0 .. 5] ], stall => 700 } },
    { match => { path => '/long', body => $is_stream },
      reply => { done => \1, sse => [ $stream[0],
          (map { chunk({ content => " $ten" }) } 1 .. 1000),
          chunk({}, 'stop') ] } },
    { match => { path => '/claude', body => $is_stream },
      reply => { split => 'events', gap => 0.005, cut => 900, sse => [
        map { { event => $_->{type}, data => $_ } }
        { type => 'message_start', message => { id => 'msg_7',
            type => 'message', role => 'assistant', model => 'claude-x',
            content => [], usage => { input_tokens => 25,
                                      output_tokens => 1 } } },
        { type => 'content_block_start', index => 0,
          content_block => { type => 'text', text => '' } },
        (map { { type => 'content_block_delta', index => 0,
            delta => { type => 'text_delta', text => " $_" } } } @words),
    ] } },
    { match => { path_re => 'embeddings' }, reply => { json => {
        object => 'list', model => 'text-embedding-3-small', data => [ {
            object => 'embedding', index => 0, embedding => [ 1, 2 ] } ] } } },
    { match => { body => $is_stream },
      reply => { done => \1, sse => \@stream } },
    { reply => { json => \%whole } },
], port => 8081);

my @fields = qw/ prompt_tokens completion_tokens total_tokens cached_tokens
    usage_source cost cost_saved price_known prompt_tokens_est prompt_class /;
my $format = join ',', map { qq("$_":"\$ai_$_") } @fields;

$t->write_file('prices.json', <<'EOF');
{ "unit": "1M", "models": {
    "gpt-4o": { "input": 2.5, "output": 10, "cached": 1.25 },
    "line": { "input": 1, "output": 1 },
    "model-line": { "input": 1, "output": 1 }
} }
EOF

$t->write_file_expand('nginx.conf', <<"EOF");
%%TEST_GLOBALS%%

events {
}

http {
    %%TEST_GLOBALS_HTTP%%

    log_format usage '{"uri":"\$uri",$format}';
    access_log %%TESTDIR%%/usage.log usage;

    ai_client_abort cut;
    ai_price_file prices.json;
    ai_price line input=0.1 output=0.3 request=0.01;

@{[ join '', map { qq(
    ai_provider $_ {
        api openai;
        endpoint http://127.0.0.1:%%PORT_8081%%/$_/v1;
        model model-line price_in=4 price_out=8 price_cached=2;
        model *;
    }) } qw/ full none cut slow long / ]}

    ai_provider claude {
        api anthropic;
        endpoint http://127.0.0.1:%%PORT_8081%%/claude/v1;
    }

    server {
        listen 127.0.0.1:%%PORT_8080%%;
        client_max_body_size 8m;

@{[ join '', map { qq(
        location /$_/v1/ { ai_pass $_; ai_headers on;
            add_trailer X-AI-Cost \$ai_cost; }
        location /estimate/$_/v1/ { ai_pass $_; ai_token_count estimate; }
) } qw/ full none cut slow long claude / ]}
    }
}
EOF

$t->run;

my $lines = 0;

sub logged {
    my $line = $t->wait_for(sub {
        my @all = $t->log_lines('usage.log');
        return @all > $lines ? $all[$lines++] : undef;
    }, 10);
    return json_decode($line);
}

sub ask {
    my ($where, %more) = @_;

    my $r = http_post("/$where/v1/chat/completions", {
        model => 'gpt-4o', messages => [ { role => 'user',
            content => 'Say hello.' } ], %more });
    return ($r, logged());
}

sub used {
    my ($got, $want, $name) = @_;
    is_deeply({ map { $_ => $got->{$_} } keys %$want }, $want, $name);
}

# what the provider reports is what counts

my %full = (prompt_tokens => 1000, completion_tokens => 100,
    total_tokens => 1100, cached_tokens => 400, usage_source => 'provider',
    cost => '0.003000000', cost_saved => '0.000500000', price_known => 1);

my ($r, $got) = ask('full');
used($got, \%full, 'whole');
is($r->header('x-ai-cost'), '0.003000000', 'cost in a header');

($r, $got) = ask('full', stream => \1);
used($got, \%full, 'stream');
like($r->raw, qr/^X-AI-Cost: 0.003000000\r?$/m, 'cost in a trailer');

# where it does not, the model's own vocabulary does: 3 a message, "user",
# "Say hello." (3), 3 for the answer

my %counted = (prompt_tokens => 10, completion_tokens => 10,
    total_tokens => 20, usage_source => 'tokenizer', price_known => 1,
    cost => '0.000125000');

(undef, $got) = ask('none');
used($got, \%counted, 'whole without usage');

($r, $got) = ask('none', stream => \1);
used($got, \%counted, 'stream without usage');
like($r->raw, qr/^X-AI-Cost: 0.000125000\r?$/m, 'and its cost in a trailer');

(undef, $got) = ask('long', stream => \1);
used($got, { completion_tokens => 10000, usage_source => 'tokenizer' },
    'a long stream, counted as it came');

(undef, $got) = ask('none', model => 'no-such', stream => \1);
used($got, { usage_source => 'estimate', price_known => 0,
    cost => '0.000000000' }, 'an unknown model');
ok($got->{completion_tokens} >= 9 && $got->{completion_tokens} <= 13,
    "about right: $got->{completion_tokens}");
(undef, $got) = ask('none', model => 'no-such');
my @warned = $t->error_log(qr/no price is known of model "no-such"/);
is(scalar(@warned), 1, 'warned of once');

# streams that end too early

(undef, $got) = ask('cut', stream => \1);
used($got, { prompt_tokens => 10, usage_source => 'tokenizer' }, 'cut');
ok($got->{completion_tokens} >= 2 && $got->{completion_tokens} <= 5,
    "what had come: $got->{completion_tokens}");

my $s = http_post('/slow/v1/chat/completions', { model => 'gpt-4o',
    stream => \1, messages => [ { role => 'user', content => 'Say hello.' } ]
    }, -start => 1);
http_end($s, until => qr/two/);
close $s;
$got = logged();
used($got, { prompt_tokens => 10, usage_source => 'tokenizer' },
    'left by the client');
ok($got->{completion_tokens} >= 2 && $got->{completion_tokens} <= 5,
    "what had come: $got->{completion_tokens}");

(undef, $got) = ask('claude', stream => \1, model => 'claude-sonnet-4-5');
used($got, { prompt_tokens => 25, usage_source => 'estimate' },
    'a report at the start is not the last word');
ok($got->{completion_tokens} >= 3, "output: $got->{completion_tokens}");

# prices of lines go before the file's

(undef, $got) = ask('full', model => 'line');
used($got, { cost => '0.010130000', price_known => 1 },
    'ai_price, with one for the request');
(undef, $got) = ask('full', model => 'model-line');
used($got, { cost => '0.004000000', cost_saved => '0.000800000' },
    'the model line');

# without a vocabulary: never 0

(undef, $got) = ask('estimate/none');
ok($got->{$_} > 0, "estimate: $_ $got->{$_}")
    for qw/ prompt_tokens completion_tokens /;
is($got->{usage_source}, 'estimate', 'flagged');
(undef, $got) = ask('estimate/none', stream => \1);
ok($got->{$_} > 0, "estimate of a stream: $_ $got->{$_}")
    for qw/ prompt_tokens completion_tokens /;

# embeddings

$r = http_post('/none/v1/embeddings', { model => 'text-embedding-3-small',
    input => $ten });
$got = logged();
used($got, { prompt_tokens => 10, usage_source => 'tokenizer' },
    'embeddings without usage');

# the size of a prompt is known before

(undef, $got) = ask('full');
used($got, { prompt_tokens_est => 10, prompt_class => 'tiny' }, 'its size');

# a large prompt is counted in slices: as much as in one go

my $big = "$ten " x 40000;
(undef, $got) = ask('none', messages => [ { role => 'user',
    content => $big } ]);
used($got, { prompt_tokens_est => 400008, prompt_tokens => 400008,
    prompt_class => 'huge' }, '2 MB');
