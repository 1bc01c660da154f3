#!/usr/bin/perl

# ai_headers: off, on, debug; whole answers, streams, fallbacks, errors, lists
# of models; what goes on from a provider's own headers and what does not.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use AI::Test;

my $t = AI::Test->new;

my %chunk = (id => 'chatcmpl-2', object => 'chat.completion.chunk',
             created => 1, model => 'gpt-x');
my $answer = { id => 'chatcmpl-1', object => 'chat.completion', created => 1,
    model => 'gpt-x', usage => { prompt_tokens => 3, completion_tokens => 4,
                                 total_tokens => 7 },
    choices => [ { index => 0, finish_reason => 'stop',
                   message => { role => 'assistant', content => 'hi' } } ] };

my $own = { 'X-Request-Id' => 'req-9', 'Set-Cookie' => 'a=b',
    'OpenAI-Organization' => 'org-secret', 'Server' => 'vendor' };

my $mock = $t->mock([
    { match => { path => '/busy' }, reply => { status => 429 } },
    { match => { path => '/bad' }, reply => { status => 400, json => { error =>
        { message => 'no', type => 'invalid_request_error' } } } },
    { match => { path_re => 'messages$' }, reply => { json => {
        id => 'msg_1', type => 'message', role => 'assistant',
        model => 'claude-x', stop_reason => 'end_turn',
        content => [ { type => 'text', text => 'hi' } ],
        usage => { input_tokens => 3, output_tokens => 4 } } } },
    { match => { body => '"stream":true' }, reply => { headers => $own,
        done => \1, sse => [
            { %chunk, choices => [ { index => 0,
                delta => { role => 'assistant', content => 'hi' } } ] },
            { %chunk, choices => [ { index => 0, delta => {},
                finish_reason => 'stop' } ] } ] } },
    { reply => { headers => $own, json => $answer } },
], port => 8081);

$t->write_file_expand('nginx.conf', <<'EOF');
%%TEST_GLOBALS%%

events {
}

http {
    %%TEST_GLOBALS_HTTP%%

    log_format ids '$request_id';
    access_log %%TESTDIR%%/ids.log ids;

    ai_provider openai    { endpoint http://127.0.0.1:%%PORT_8081%%; }
    ai_provider anthropic { endpoint http://127.0.0.1:%%PORT_8081%%; }
    ai_provider busy      { api openai; endpoint http://127.0.0.1:%%PORT_8081%%/busy; }
    ai_provider bad       { api openai; endpoint http://127.0.0.1:%%PORT_8081%%/bad; }

    ai_provider named {
        api openai;
        endpoint http://127.0.0.1:%%PORT_8081%%;
        set_header X-Title "from $server_port";
        set_header User-Agent "";
    }

    ai_route two { target busy model=gpt-b; target openai model=gpt-x; priority; }

    server {
        listen 127.0.0.1:%%PORT_8080%%;

        location /off/v1/    { ai_pass two; }

        location /on/v1/     { ai_headers on; ai_pass openai; }
        location /two/v1/    { ai_headers on; ai_pass two; }
        location /claude/v1/ { ai_headers on; ai_pass anthropic; }
        location /bad/v1/    { ai_headers on; ai_pass bad; }

        location /named/v1/  { ai_pass named; }

        location /debug/v1/  { ai_headers debug; ai_pass two; }
        location /dbad/v1/   { ai_headers debug; ai_pass bad; }

    }
}
EOF

$t->run;

# --- off

my $r = chat('/off');
is($r->status, 200, 'off: answered');
is_deeply([ ours($r) ], [], 'off: no header of ours');

# --- on

$r = chat('/on');
is_deeply([ ours($r) ], [ qw/ x-ai-attempts x-ai-model x-ai-provider
                              x-ai-request-id x-ai-tokens / ], 'on');
is($r->header('x-ai-provider'), 'openai', 'on: provider');
is($r->header('x-ai-model'), 'm', 'on: model');
is($r->header('x-ai-attempts'), 1, 'on: attempts');
is($r->header('x-ai-tokens'), 7, 'on: tokens');
my ($id) = $r->header('x-ai-request-id');
like($id, qr/^[0-9a-f]{32}$/, 'on: request id');
ok($t->wait_for(sub { $t->read_file('ids.log') =~ /^\Q$id\E$/m }, 5),
   'on: it is the one of the log');

# those of the provider

is($r->header('x-request-id'), 'req-9', 'the provider\'s request id goes on');
is($r->header($_), undef, "$_ does not") for qw/ set-cookie
    openai-organization /;
unlike($r->header('server'), qr/vendor/, 'nor its name');

$r = chat('/on', stream => \1);
is_deeply([ ours($r) ], [ qw/ x-ai-attempts x-ai-model x-ai-provider
                              x-ai-request-id / ],
          'on, stream: tokens are not known yet');

$r = chat('/two');
is($r->header('x-ai-attempts'), 2, 'fallback: attempts');
is($r->header('x-ai-provider'), 'openai', 'fallback: who answered');
is($r->header('x-ai-model'), 'gpt-x', 'fallback: the model');

# a translated request

$r = chat('/claude', seed => 5, logit_bias => { 5 => 1 }, n => 1);
is($r->status, 200, 'translated: answered');
is($r->header('x-ai-tokens'), 7, 'translated: tokens');
is_deeply([ sort split /,/, $r->header('x-ai-dropped-params') // '' ],
          [ qw/ logit_bias seed / ], 'translated: what was left out');
is($r->header('x-request-id'), undef, 'translated: none of a provider');

# --- errors

$r = chat('/bad');
is($r->status, 400, 'error');
is_deeply([ ours($r) ], [ qw/ x-ai-attempts x-ai-model x-ai-provider
                              x-ai-request-id / ], 'error: headers');
is($r->header('x-ai-provider'), 'bad', 'error: who refused it');

$r = http_post('/on/v1/chat/completions', '{');
is($r->status, 400, 'bad JSON');
is_deeply([ ours($r) ], [ 'x-ai-request-id' ], 'bad JSON: the id alone');

$r = http_get('/on/v1/models');
is_deeply([ ours($r) ], [ 'x-ai-request-id' ], 'models: the id alone');

# --- debug

$r = chat('/debug');
is($r->header('x-ai-route'), 'two', 'debug: route');
is($r->header('x-ai-upstream-status'), 200, 'debug: status');
is($r->header('x-ai-fallback-reason'), 'http_429', 'debug: reason');

$r = chat('/dbad');
is($r->header('x-ai-upstream-status'), 400, 'debug, error: status');
is($r->header('x-ai-fallback-reason'), undef, 'debug, error: no fallback');

# --- to the provider: the client's headers, and those that are set instead

for my $place ('/on', '/named') {
    $mock->clear;
    http_post("$place/v1/chat/completions", { model => 'm',
        messages => [ { role => 'user', content => 'Hello' } ] },
        'User-Agent' => 'sdk/1', 'X-Title' => 'client', 'X-Other' => 1,
        Authorization => 'Bearer ' . $t->secret('sk-client-3141'));
    my ($h) = map { $_->{headers} } $mock->wait_ledger(1, 5);
    my @got = map { "@$_" } grep { $_->[0] =~ /^(?:user-agent|x-|auth)/i } @$h;

    is_deeply([ sort @got ], $place eq '/on'
        ? [ 'User-Agent sdk/1', 'X-Title client' ]
        : [ 'X-Title from ' . $t->port(8080) ], "$place: headers sent");
}

# --- names from clients do not become headers of their own

$r = http_post('/on/v1/chat/completions', { model => "m\r\nX-Evil: 1",
    messages => [ { role => 'user', content => 'Hello' } ] });
is($r->header('x-evil'), undef, 'a line break in a model');
is($r->header('x-ai-model'), undef, 'such a model is not shown');

$r = chat('/claude', "x\r\nX-Evil: 1" => 1, "y,z" => 2);
is($r->header('x-evil'), undef, 'a line break in a field');


sub chat {
    my ($place, %body) = @_;

    return http_post("$place/v1/chat/completions", { model => 'm',
        messages => [ { role => 'user', content => 'Hello' } ], %body });
}


sub ours {
    my ($r) = @_;
    return sort grep { /^x-ai-/ } keys %{ $r->headers };
}
