#!/usr/bin/perl

# The size of a prompt decides before anything is spent: min_prompt and
# max_prompt of targets, context of models, a map of $ai_prompt_class, the
# refusal in the client's API when nothing fits; and requests that only want
# to know the size.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use AI::Test;

my $t = AI::Test->new;

my $mock = $t->mock([
    { match => { path_re => 'messages/count_tokens$' },
      reply => { json => { input_tokens => 4711 } } },
    { match => { path_re => 'messages$' }, reply => { json => {
        id => 'msg_1', type => 'message', role => 'assistant',
        model => 'claude', stop_reason => 'end_turn',
        content => [ { type => 'text', text => 'hi' } ],
        usage => { input_tokens => 3, output_tokens => 2 } } } },
    { match => { path => '/silent' }, reply => { json => {
        id => 'chatcmpl-2', object => 'chat.completion', created => 1,
        model => 'gpt', choices => [ { index => 0,
            message => { role => 'assistant', content => 'hi' },
            finish_reason => 'stop' } ] } } },
    { match => { path_re => 'chat/completions$' }, reply => { json => {
        id => 'chatcmpl-1', object => 'chat.completion', created => 1,
        model => 'gpt', choices => [ { index => 0,
            message => { role => 'assistant', content => 'hi' },
            finish_reason => 'stop' } ],
        usage => { prompt_tokens => 3, completion_tokens => 2,
                   total_tokens => 5 } } } },
    { reply => { status => 404, json => {} } },
], port => 8081);

$t->write_file_expand('nginx.conf', <<'EOC');
%%TEST_GLOBALS%%

events {
}

http {
    %%TEST_GLOBALS_HTTP%%

    log_format size '$uri $ai_prompt_tokens_est $ai_prompt_class $ai_provider'
                    ' $ai_prompt_tokens $ai_error_type';
    access_log %%TESTDIR%%/size.log size;

    map $ai_prompt_class $by_class {
        tiny     nano;
        small    mini;
        medium   normal;
        large    long;
        default  longest;
    }

    ai_provider one {
        api openai;
        endpoint http://127.0.0.1:%%PORT_8081%%/one/v1;
    }

    ai_provider two {
        api openai;
        endpoint http://127.0.0.1:%%PORT_8081%%/two/v1;
    }

    ai_provider small {
        api openai;
        endpoint http://127.0.0.1:%%PORT_8081%%/small/v1;
        model gpt-4o context=200;
    }

    ai_provider large {
        api openai;
        endpoint http://127.0.0.1:%%PORT_8081%%/large/v1;
        model gpt-4o context=1000;
    }

    ai_provider claude {
        api anthropic;
        endpoint http://127.0.0.1:%%PORT_8081%%/claude/v1;
        model claude-sonnet-4-5 context=1000;
    }

    ai_provider silent {
        api openai;
        endpoint http://127.0.0.1:%%PORT_8081%%/silent/v1;
    }

    ai_provider own {
        api openai_compatible;
        endpoint http://127.0.0.1:%%PORT_8081%%/own/v1;
    }

    ai_route size {
        target one max_prompt=100;
        target two min_prompt=101 max_prompt=100007;
        priority;
    }

    ai_route context {
        target small;
        target large;
        priority;
    }

    server {
        listen 127.0.0.1:%%PORT_8080%%;
        client_max_body_size 8m;

        location /size/    { ai_pass size; }
        location /context/ { ai_pass context; }
        location /claude/  { ai_pass claude; }
        location /own/     { ai_pass own; }
        location /one/     { ai_pass one; }
        location /silent/  { ai_pass silent; }
        location /renamed/ { ai_model o3-mini; ai_pass silent; }
        location /class/   { ai_model $by_class; ai_pass one; }
        location /length/  { ai_token_count estimate; ai_pass size; }
        location /refuse/  { ai_token_count estimate; ai_pass context; }
    }
}
EOC

$t->run;

my $lines = 0;
my @words = qw/ one two three four five six seven eight nine ten /;


# by o200k_base each of the words with its blank is a token; OpenAI's chat has
# 3 for a message, one for its role, 3 for the answer

sub words { join ' ', map { $words[$_ % 10] } 0 .. $_[0] - 1 }

sub sized { words($_[0] - 7) }

# --- min_prompt, max_prompt: to the token

goes('size', 100, 'one', 'as many as fit');
goes('size', 101, 'two', 'one more');
goes('size', 100_007, 'two', 'half a megabyte that fits');
is(chat('size', sized(100_008))->status, 400, 'and one more');
is(logged()->[5], 'context_length_exceeded', 'its error');

# --- context of models

goes('context', 200, 'small', 'context: as many as fit');
goes('context', 201, 'large', 'context: too many for the first');
goes('context', 1000, 'large', 'context: as many as the second takes');

# --- refused here, in the client's API; the provider sees nothing

$mock->clear;

my $r = chat('context', sized(1001));
is($r->status, 400, 'OpenAI: refused');
is($r->json->{error}{code}, 'context_length_exceeded', 'OpenAI: its code');
is($r->json->{error}{type}, 'invalid_request_error', 'OpenAI: its type');
is(logged()->[1], 1001, 'OpenAI: the size');

$r = http_post('/context/v1/responses', { model => 'gpt-4o',
    input => words(1100) });
is($r->status, 400, 'Responses: refused');
is($r->json->{error}{code}, 'context_length_exceeded', 'Responses: its code');
logged();

$r = http_post('/context/v1/messages', { model => 'gpt-4o',
    max_tokens => 10, messages => [ { role => 'user',
                                      content => words(1100) } ] });
is($r->status, 400, 'Anthropic: refused');
is($r->json->{type}, 'error', 'Anthropic: an error');
is($r->json->{error}{type}, 'invalid_request_error', 'Anthropic: its type');
like($r->json->{error}{message}, qr/prompt is too long/i,
     'Anthropic: its words');
logged();

my $contents = [ { role => 'user', parts => [ { text => words(1100) } ] } ];

$r = http_post('/context/v1beta/models/gpt-4o:generateContent',
               { contents => $contents });
is($r->status, 400, 'Gemini: refused');
is($r->json->{error}{status}, 'INVALID_ARGUMENT', 'Gemini: its status');
logged();

$r = http_post('/claude/v1/messages', { model => 'claude-sonnet-4-5',
    max_tokens => 10, messages => [ { role => 'user',
                                      content => words(1500) } ] });
is($r->status, 400, 'Claude: far too long by any estimate');
logged();

$r = chat('context', sized(1001), stream => \1);
is($r->status, 400, 'a stream: refused');
is($r->header('content-type'), 'application/json', 'a stream: with JSON');
logged();

is(scalar($mock->ledger), 0, 'nothing was sent');

# --- classes

for my $case ([ 255, 'tiny', 'nano' ], [ 256, 'small', 'mini' ],
              [ 2047, 'small', 'mini' ], [ 2048, 'medium', 'normal' ],
              [ 16_383, 'medium', 'normal' ], [ 16_384, 'large', 'long' ],
              [ 131_071, 'large', 'long' ], [ 131_072, 'huge', 'longest' ])
{
    my ($tokens, $class, $model) = @$case;

    $mock->clear;
    chat('class', sized($tokens));
    is(join(' ', @{ logged() }[1, 2]), "$tokens $class", "$tokens: $class");
    is(($mock->wait_ledger(1, 5))[0]{json}{model}, $model,
       "$tokens: the model of a map");
}

# --- by length, where a location asks for no more

goes('length', 150, 'two', 'estimate: half more', qr/^1[0-9][0-9]$/);
$r = chat('length', 'a ' x 150);
my $got = logged();
like("$got->[1] $got->[3]", qr/^7[5-9] one$/,
     'estimate: a fourth of the bytes');
is(chat('refuse', 'a ' x 5000)->status, 400, 'estimate: too long');
logged();

# --- before, for the model that is asked for; after, for the one it was

chat('silent', sized(100));
is(join(' ', @{ logged() }[1, 4]), '100 100', 'the same model');
chat('renamed', sized(100));
is(join(' ', @{ logged() }[1, 4]), '100 99',
   'one that has a token less around a text');

# --- what is not text counts as well

$mock->clear;
chat('size', 'Hi', tools => [ { type => 'function', function => {
    name => 'search', description => words(120), parameters => {
        type => 'object', properties => {} } } } ]);
is(logged()->[3], 'two', 'a tool that is described at length');
chat('size', [ { type => 'text', text => 'Hi' }, { type => 'image_url',
    image_url => { url => 'https://example.com/a.png' } } ]);
is(logged()->[3], 'two', 'an image');

# --- counting endpoints

$mock->clear;

for my $n (1, 50, 30_000) {
    is(count_messages('one', 'gpt-4o', words($n)), $n + 7,
       "counted here, as Anthropic has it: $n words");
}

$r = http_post('/one/v1/responses/input_tokens',
               { model => 'gpt-4o', input => words(50) });
is($r->json->{object}, 'response.input_tokens', 'as OpenAI has it: an object');
is($r->json->{input_tokens}, 57, 'as OpenAI has it');
logged();

$contents->[0]{parts}[0]{text} = words(50);
$r = http_post('/one/v1beta/models/gpt-4o:countTokens',
               { contents => $contents });
is($r->json->{totalTokens}, 57, 'as Gemini has it');
logged();

is(scalar($mock->ledger), 0, 'nobody was asked');

is(count_messages('claude', 'claude-sonnet-4-5', words(50)), 4711,
   'a secret vocabulary: the provider is asked');
like(($mock->wait_ledger(1, 5))[0]{path}, qr{/messages/count_tokens$},
     'a secret vocabulary: where it counts');

my $n = count_messages('own', 'some-model', words(50));
ok($n > 30 && $n < 90, "nobody counts: an estimate, $n");


# a prompt of so many tokens, and who gets it

sub goes {
    my ($route, $tokens, $want, $name, $size) = @_;

    my $r = chat($route, sized($tokens));
    is($r->status, 200, "$name: answered") or diag($r->body);

    my $got = logged();
    $size ? like($got->[1], $size, "$name: about $tokens")
        : is($got->[1], $tokens, "$name: $tokens");
    is($got->[3], $want, "$name: goes to $want");
}


sub chat {
    my ($where, $text, %more) = @_;

    return http_post("/$where/v1/chat/completions", { model => 'gpt-4o',
        messages => [ { role => 'user', content => $text } ], %more });
}


sub count_messages {
    my ($where, $model, $text) = @_;

    my $r = http_post("/$where/v1/messages/count_tokens", { model => $model,
        messages => [ { role => 'user', content => $text } ] });
    logged();
    return $r->json->{input_tokens};
}


# the fields of the next line of the log

sub logged {
    my $line = $t->wait_for(sub {
        my @all = $t->log_lines('size.log');
        return @all > $lines ? $all[$lines++] : undef;
    }, 10);
    return [ split / /, $line ];
}
