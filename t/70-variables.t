#!/usr/bin/perl

# Every variable, in an access log of JSON: whole answers and streams of each
# provider, fallbacks and errors; in map, add_header and add_trailer.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use AI::Test;

my @texts = qw/ request_model model api operation stream user session_id
    key_id team project customer key_tier key_role key_color
    temperature max_tokens prompt prompt_class meta_project meta_nothing
    route provider target providers upstream_model fallback_reason
    usage_source finish_reason error_type response_id ttft tpot
    gateway_time cost cost_saved price_known redis_main
    limit_status limit_zone limit_remaining /;
my @numbers = qw/ message_count tool_count has_images prompt_tokens_est
    attempts fallbacks prompt_tokens completion_tokens total_tokens
    cached_tokens cache_write_tokens reasoning_tokens /;

my $format = join ",'\n        '",
    (map { qq("$_":"\$ai_$_") } @texts), (map { qq("$_":\$ai_$_) } @numbers),
    map { qq("$_":"\$$_") } qw/ uri status upstream_addr upstream_status
        request_time /;

my $early = join ' ', map { "\$ai_$_" } @texts, @numbers;

my $t = AI::Test->new;
my $lines = 0;            # of the log, read so far

# the providers: 8081 answers, 8082 fails

my ($delay, $gap) = (0.15, 0.05);

my $openai_usage = { prompt_tokens => 20, completion_tokens => 11,
    total_tokens => 31, prompt_tokens_details => { cached_tokens => 8 },
    completion_tokens_details => { reasoning_tokens => 4 } };
my $anthropic_usage = { input_tokens => 10, output_tokens => 7,
    cache_read_input_tokens => 5, cache_creation_input_tokens => 3 };
my $gemini_usage = { promptTokenCount => 12, candidatesTokenCount => 6,
    thoughtsTokenCount => 2, cachedContentTokenCount => 4,
    totalTokenCount => 20 };

my @chunks = map { { id => 'chatcmpl-7', object => 'chat.completion.chunk',
        created => 1, model => 'gpt-x', choices => [ { index => 0,
            delta => $_->[0], finish_reason => $_->[1] } ] } }
    [ { role => 'assistant', content => '' } ], [ { content => 'one ' } ],
    [ { content => 'two ' } ], [ { content => 'three' } ], [ {}, 'length' ];

my %stream = (path_re => 'chat/completions', body => '"stream":true');

my @answers = (
    { match => \%stream, reply => { ttft => $delay, gap => $gap,
        split => 'events', done => \1, sse => [ @chunks,
            { %{ $chunks[0] }, choices => [], usage => $openai_usage } ] } },
    { match => { path_re => 'chat/completions$' }, reply => {
        delay => $delay, json => { id => 'chatcmpl-6', created => 1,
            object => 'chat.completion', model => 'gpt-x',
            usage => $openai_usage, choices => [ { index => 0,
                finish_reason => 'stop', message => {
                    role => 'assistant', content => 'one two' } } ] } } },
    { match => { path_re => 'messages$', body => '"stream":true' },
      reply => { ttft => $delay, gap => $gap, split => 'events', sse => [
        map { { event => $_->{type}, data => $_ } }
        { type => 'message_start', message => { id => 'msg_7',
            type => 'message', role => 'assistant', model => 'claude-x',
            content => [], usage => { %$anthropic_usage,
                                      output_tokens => 1 } } },
        { type => 'content_block_start', index => 0,
          content_block => { type => 'text', text => '' } },
        (map { { type => 'content_block_delta', index => 0,
            delta => { type => 'text_delta', text => $_ } } } 'one ', 'two'),
        { type => 'content_block_stop', index => 0 },
        { type => 'message_delta', delta => { stop_reason => 'max_tokens' },
          usage => { output_tokens => 7 } },
        { type => 'message_stop' } ] } },
    { match => { path_re => 'messages$' }, reply => { delay => $delay,
        json => { id => 'msg_6', type => 'message', role => 'assistant',
            model => 'claude-x', stop_reason => 'end_turn',
            content => [ { type => 'text', text => 'one two' } ],
            usage => $anthropic_usage } } },
    { match => { path_re => ':stream' }, reply => { ttft => $delay,
        gap => $gap, split => 'events', sse => [
        map { { responseId => 'gem-7', modelVersion => 'gemini-x',
            usageMetadata => $gemini_usage, candidates => [ {
                content => { role => 'model', parts => [ {
                    text => $_->[0] } ] }, @$_ > 1 ? (
                finishReason => $_->[1]) : () } ] } }
        [ 'one ' ], [ 'two' ], [ '.', 'STOP' ] ] } },
    { match => { path_re => ':generate' }, reply => { delay => $delay,
        json => { responseId => 'gem-6', modelVersion => 'gemini-x',
            usageMetadata => $gemini_usage, candidates => [ {
                finishReason => 'STOP', content => { role => 'model',
                    parts => [ { text => 'one two' } ] } } ] } } },
);

my $good = $t->mock(\@answers, port => 8081);
my $bad = $t->mock([
    { match => { path => '/slow' }, reply => { hang => 1 } },
    { match => { path => '/e400' }, reply => { status => 400,
        json => { error => { message => 'max_tokens is too large',
            type => 'invalid_request_error', param => 'max_tokens',
            code => 'invalid_value' } } } },
    { match => { path => '/e503' }, reply => { status => 503,
        json => { error => { message => 'no', type => 'server_error' } } } },
    { match => { path => '/nousage' }, reply => { json => {
        id => 'chatcmpl-8', object => 'chat.completion', created => 1,
        model => 'gpt-x', choices => [ { index => 0,
            finish_reason => 'stop', message => {
                role => 'assistant', content => 'hi' } } ] } } },
    { match => { path => '/cut' }, reply => { split => 'events',
        gap => 0.01, sse => [ @chunks[0, 1] ], cut => 600 } },
    { reply => { status => 429, headers => { 'Retry-After' => 3 },
        json => { error => { message => 'slow down',
            type => 'rate_limit_error' } } } },
], port => 8082);

my %at = (map({ $_ => '8081' } qw/ openai anthropic gemini /),
    map { $_ => "8082/$_" } qw/ busy slow e400 e503 nousage cut /);
my $providers = join '', map { my ($port, $path) = split m{/}, $at{$_};
    my $api = $port == 8081 ? $_ : 'openai';
    my $more = $_ eq 'slow' ? "first_token_timeout 150ms;" : '';
    $path = $path ? "/$path/v1" : '';
    "    ai_provider $_ { api $api; $more "
        . "endpoint http://127.0.0.1:%%PORT_$port%%$path; }\n" }
    sort keys %at;
$providers .= "    ai_redis main 127.0.0.1:1;\n";
my $prices = join '', map {
    "    ai_price $_/gpt-x input=1 output=2 cached=0.5;\n" }
    qw/ openai anthropic gemini /;
my $locations = join '', map {
    "        location /$_/v1/ { ai_pass $_; }\n" } sort(keys %at);

$t->write_file_expand('nginx.conf', <<"EOF");
%%TEST_GLOBALS%%

events {
}

http {
    %%TEST_GLOBALS_HTTP%%

    log_format vars escape=json '{$format}';
    access_log %%TESTDIR%%/vars.log vars;

    map \$ai_prompt_class \$size { tiny small-one; default large-one; }
    map \$ai_request_model \$alias { fast gpt-fast; default \$ai_request_model; }
    map \$ai_total_tokens \$cost { volatile; 0 none; default some; }

$providers
$prices
    ai_route two   { target busy model=gpt-b; target openai model=gpt-x backup; }
    ai_route three { target busy model=gpt-b; target slow model=gpt-s;
                     target anthropic model=claude-x; priority; }
    ai_zone ai 2m state=%%TESTDIR%%/state;
    ai_limit_zone \$ai_team zone=team:64k;
    ai_limit_zone \$ai_model zone=model:64k;
    ai_price POST* input=1 output=2;

    ai_route none  { target e503 model=gpt-b; target busy model=gpt-c; priority; }

    server {
        listen 127.0.0.1:%%PORT_8080%%;

$locations
        location /two/v1/   { ai_pass two; }
        location /three/v1/ { ai_pass three; ai_next_upstream_tries 5; }
        location /none/v1/  { ai_pass none; }

        location /map/v1/ {
            ai_model \$alias;
            add_header X-Size \$size;
            add_header X-Prompt \$ai_prompt;
            add_header X-Project \$ai_meta_project always;
            add_header X-Early \$ai_attempts;
            add_trailer X-Tokens \$ai_total_tokens;
            add_trailer X-Cost \$cost;
            ai_pass openai;
        }

        # each variable is asked for early, too, and is what it is at the end
        location /limited/v1/ {
            ai_identity team \$http_x_team;
            ai_limit zone=team requests=2/h soft=80%;
            ai_limit zone=model cost=1.5/month;
            ai_model \$request_method\$ai_limit_status;
            add_header X-Early "$early" always;
            ai_pass openai;
        }

        location /plain/ { return 200 "plain\\n"; }
    }
}
EOF

$t->run;

# --- whole answers and streams of each provider

my %common = (model => 'gpt-x', request_model => 'gpt-x',
    api => 'openai.chat', operation => 'chat', attempts => 1, fallbacks => 0,
    fallback_reason => '', usage_source => 'provider', error_type => '',
    status => 200, upstream_status => 200, message_count => 1,
    tool_count => 0, has_images => 0, prompt_class => 'tiny',
    prompt => 'Hello', user => '', session_id => '', temperature => '',
    max_tokens => '', meta_project => '', meta_nothing => '',
    redis_main => 'down', upstream_model => 'gpt-x', limit_status => '',
    limit_zone => '', limit_remaining => '');

my %usage = (
    openai => { prompt_tokens => 20, completion_tokens => 11,
        total_tokens => 31, cached_tokens => 8, cache_write_tokens => 0,
        reasoning_tokens => 4, cost => '0.000038000',
        cost_saved => '0.000004000', price_known => 1 },
    anthropic => { prompt_tokens => 18, completion_tokens => 7,
        total_tokens => 25, cached_tokens => 5, cache_write_tokens => 3,
        reasoning_tokens => 0, cost => '0.000029500',
        cost_saved => '0.000002500', price_known => 1 },
    gemini => { prompt_tokens => 12, completion_tokens => 8,
        total_tokens => 20, cached_tokens => 4, cache_write_tokens => 0,
        reasoning_tokens => 2, cost => '0.000026000',
        cost_saved => '0.000002000', price_known => 1 },
);
my %id = (openai => 'chatcmpl-', anthropic => 'msg_', gemini => 'gem-');
my %finish = (openai => 'length', anthropic => 'length', gemini => 'stop');

for my $provider (qw/ openai anthropic gemini /) {
    for my $stream (0, 1) {
        my $v = ask("/$provider", $stream ? (stream => \1) : ());
        my $name = $provider . ($stream ? ', stream' : '');

        has($v, $name, %common, %{ $usage{$provider} }, stream => $stream,
            provider => $provider, providers => $provider,
            route => $provider, target => "$provider/gpt-x",
            finish_reason => $stream ? $finish{$provider} : 'stop',
            response_id => $id{$provider} . ($stream ? 7 : 6),
            upstream_addr => '127.0.0.1:' . $t->port(8081));

        between($v, 'ttft', $delay * 0.9, $delay + 0.5, $name);
        between($v, 'gateway_time', 0.000001, 0.1, $name);
        like($v->{gateway_time}, qr/^\d+\.\d{6}$/, "$name: microseconds");
        like($v->{ttft}, qr/^\d+\.\d{3}$/, "$name: milliseconds");

        if ($stream) {
            between($v, 'tpot', 0.001, 0.2, $name);

            # of the pieces that come after the first one
            my $n = $v->{completion_tokens} - 1;
            cmp_ok(abs($v->{ttft} + $n * $v->{tpot} - $v->{request_time}),
                   '<', 0.05 + $n * 0.001, "$name: ttft and tpot add up");
        } else {
            is($v->{tpot}, '', "$name: no tpot");
        }
    }
}

# --- what the request says

my $v = ask('/openai', temperature => 0.5, max_tokens => 50,
    user => 'ann "a" <x>', metadata => { project => 'rag', n => 5 },
    tools => [ map { { type => 'function', function => { name => $_ } } }
               'f', 'g' ],
    messages => [ { role => 'system', content => 'S' x 4000 },
        { role => 'user', content => [ { type => 'text',
                                         text => "two\nlines" },
            { type => 'image_url', image_url => {
                url => 'data:image/png;base64,' . 'A' x 400 } } ] } ]);

has($v, 'a request', user => 'ann "a" <x>', session_id => 'ann "a" <x>',
    max_tokens => 50, temperature => '0.5', meta_project => 'rag',
    meta_nothing => '', message_count => 2, tool_count => 2, has_images => 1,
    prompt => "two\nlines");
between($v, 'prompt_tokens_est', 600, 6000, 'a request');

$v = ask('/openai', prompt_cache_key => 'cache-1', user => 'ann');
is($v->{session_id}, 'cache-1', 'session: the cache key before the user');

$v = ask('/openai', -headers => [ 'Session-Id' => 's-2' ], user => 'ann');
is($v->{session_id}, 's-2', 'session: a header before all');

$v = ask('/openai',
         -headers => [ 'X-Claude-Code-Session-Id' => 's-3' ]);
is($v->{session_id}, 's-3', 'session: the other header');

for my $class ([ tiny => 10 ], [ small => 4000 ], [ medium => 20_000 ],
               [ large => 200_000 ])
{
    my ($word, $chars) = @$class;
    $v = ask('/openai', messages => [ { role => 'user',
        content => join ' ', ('word') x ($chars / 5) } ]);
    is($v->{prompt_class}, $word, "$chars characters are $word");
}

$v = ask('/openai', messages => [ { role => 'user',
    content => 'x' x 5000 } ]);
is(length $v->{prompt}, 4096, '$ai_prompt has an end');

# --- fallbacks

my ($p1, $p2) = map { '127.0.0.1:' . $t->port($_) } 8081, 8082;

$v = ask('/two');
has($v, 'a fallback', providers => 'busy, openai', provider => 'openai',
    attempts => 2, fallbacks => 1, fallback_reason => 'http_429',
    route => 'two', target => 'openai/gpt-x', upstream_model => 'gpt-x',
    upstream_addr => "$p2, $p1", upstream_status => '429, 200',
    error_type => '', status => 200, total_tokens => 31,
    cost => '0.000038000', price_known => 1);

$v = ask('/three', stream => \1);
has($v, 'two fallbacks', providers => 'busy, slow, anthropic',
    attempts => 3, fallbacks => 2, fallback_reason => 'first_token_timeout',
    target => 'anthropic/claude-x', upstream_addr => "$p2, $p2, $p1",
    finish_reason => 'length', total_tokens => 25);
between($v, 'ttft', $delay + 0.14, 2, 'two fallbacks: from the request on');

# --- errors

$v = ask('/none');
has($v, 'all fail', status => 429, providers => 'e503, busy', attempts => 2,
    fallbacks => 1, fallback_reason => 'http_503', provider => 'busy',
    error_type => 'rate_limit_exceeded', upstream_status => '503, 429',
    finish_reason => '', usage_source => 'none', total_tokens => 0,
    cost => '0.000000000', price_known => 1,
    ttft => '', tpot => '');

$v = ask('/e400');
has($v, 'refused by the provider', status => 400, attempts => 1,
    upstream_status => 400, finish_reason => '', prompt_tokens => 0);
like($v->{error_type}, qr/^(?:invalid_request_error|invalid_value)$/,
     'refused by the provider: error_type');

$v = ask('/slow', stream => \1);
has($v, 'too slow', status => 504, error_type => 'upstream_timeout',
    attempts => 1, fallbacks => 0, ttft => '');

$v = ask('/nousage');
has($v, 'no usage', status => 200, finish_reason => 'stop',
    cost => '0.000000000', cost_saved => '0.000000000', price_known => 0);
between($v, 'prompt_tokens', 5, 12, 'no usage');
between($v, 'completion_tokens', 1, 2, 'no usage');
like($v->{usage_source}, qr/^(?:tokenizer|estimate)$/, 'counted here');

$v = ask('/cut', stream => \1);
has($v, 'a broken stream', status => 200, error_type => 'upstream_cut',
    finish_reason => '', provider => 'cut');

$v = ask('/openai', -raw => '{"model":');
has($v, 'bad JSON', status => 400, error_type => 'invalid_request_error',
    attempts => 0, fallbacks => 0, provider => '', providers => '',
    target => '', upstream_addr => '', operation => 'chat', model => '',
    prompt_tokens => 0, message_count => 0, prompt => '');

$v = ask('/openai', -raw => '{}');
has($v, 'no model', status => 400, attempts => 0, request_model => '');

# --- limits

my @limited = map { ask('/limited', -headers => [ 'X-Team' => 'red' ]) }
    1 .. 3;
is(join(' ', map { $_->{limit_status} } @limited), 'PASSED SOFT REJECTED',
   'a limit: its status');
is(join(' ', map { $_->{limit_remaining} } @limited), '1 0 0',
   'a limit: what is left');
is(join(' ', map { $_->{limit_zone} } @limited), 'team team team',
   'a limit: its zone');
is(join(' ', map { $_->{model} } @limited), 'POSTPASSED POSTPASSED POSTSOFT',
   'a limit: before the target is chosen');
has($limited[2], 'refused', status => 429, provider => '', attempts => 0,
    team => 'red', error_type => 'rate_limit_exceeded');

# a log has final values, whoever has asked before

$v = ask('/limited', stream => \1, -headers => [ 'X-Team' => 'blue' ]);
has($v, 'asked for early', %{ $usage{openai} }, cost => '0.000042000',
    cost_saved => '0.000000000', usage_source => 'provider',
    finish_reason => 'length', response_id => 'chatcmpl-7', attempts => 1,
    provider => 'openai', upstream_model => 'POSTPASSED', price_known => 1,
    limit_zone => 'model');
cmp_ok($v->{tpot}, '>', 0, 'asked for early: tpot');

# --- other requests

http_get('/openai/v1/models');
has(logged(), 'models', operation => 'models', api => '', attempts => 0,
    status => 200, total_tokens => 0, ttft => '');

http_get('/plain/');
my $line = last_line();
like($line, qr/"provider":"","/, 'elsewhere texts are empty');
like($line, qr/"total_tokens":,/, 'and numbers are not there');

# --- in map, add_header, add_trailer

my $r = post('/map', model => 'fast', metadata => { project => 'p1' },
             stream => \1);
is($r->header('x-size'), 'small-one', 'map in add_header');
is($r->header('x-prompt'), 'Hello', '$ai_prompt in add_header');
is($r->header('x-project'), 'p1', '$ai_meta_ in add_header');
is($r->header('x-early'), 1, 'attempts when the header is sent');
is(logged()->{upstream_model}, 'gpt-fast', 'map in ai_model');

$r = http_post('/map/v1/chat/completions', { model => 'fast', stream => \1,
    messages => [ { role => 'user', content => 'Hello' } ] }, TE => 'trailers');
like($r->raw, qr/\r\n0\r\nX-Tokens: 31\r\nX-Cost: some\r\n\r\n/,
     'trailers: final values, volatile map');


# Asks at a location and returns what was logged.

sub ask {
    my ($place, %body) = @_;

    post($place, %body);
    return logged();
}


sub post {
    my ($place, %body) = @_;

    my $headers = delete $body{-headers} || [];
    my $raw = delete $body{-raw};
    return http_post("$place/v1/chat/completions", $raw // { model => 'gpt-x',
        messages => [ { role => 'user', content => 'Hello' } ], %body },
        @$headers);
}


sub last_line {
    my @all;

    $t->wait_for(sub {
        @all = $t->log_lines('vars.log');
        return @all > $lines;
    }, 5);

    $lines = @all;
    return $all[-1];
}


sub logged {
    my $line = last_line();
    my $v = eval { json_decode($line) };
    ok(0, "not JSON: $line") if !$v;
    return $v || {};
}


sub has {
    my ($v, $name, %want) = @_;

    my %got = map { $_ => $v->{$_} } keys %want;
    is_deeply(\%got, \%want, $name);
}


sub between {
    my ($v, $key, $from, $to, $name) = @_;

    my $got = ($v->{$key} // '') eq '' ? -1 : $v->{$key};
    ok($got >= $from && $got <= $to, "$name: $key is plausible")
        or diag("$key is $v->{$key}, not in $from .. $to");
}
