#!/usr/bin/perl

# ai_meter: answers that proxy_pass and its like pass on are counted, and not
# a byte of them is another than without it.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use IO::Compress::Gzip qw/ gzip /;
use IO::Socket::INET;
use MIME::Base64 qw/ encode_base64 /;
use Test::More;

use AI::Test;
use AI::Test::Chat ();

my $t = AI::Test->new;
$t->without('C5', 'prompts are logged and cached by its configuration');

sub recording {
    return $t->slurp($t->root . "/t/data/recordings/$_[0]");
}

# --- recordings: where, request, answer, what its usage says

my @recordings = (
    [ 'chat', '/v1/chat/completions', 'openai/stop_settings-openai',
      'response.json', { model => 'o3-mini', provider => 'openai',
        prompt_tokens => 31, completion_tokens => 467, total_tokens => 498,
        reasoning_tokens => 448, stream => 0, api => 'openai.chat',
        cost => '0.005290000', price_known => 1 } ],
    [ 'chat stream', '/v1/chat/completions',
      'openai/chat-streaming-detailed-usage', 'response.sse', {
        model => 'gpt-5-nano', provider => 'openai', prompt_tokens => 12,
        completion_tokens => 100, total_tokens => 112,
        reasoning_tokens => 100, stream => 1, finish_reason => 'length',
        response_id => 'chatcmpl-C4Hq5a6K3RaPMymUv70btQNYv6SvY' } ],
    [ 'written to a cache', '/v1/chat/completions',
      'openai/openai_chat_prompt_cache_e2e', 'response.json', {
        model => 'gpt-5.6-sol', prompt_tokens => 4020,
        cache_write_tokens => 4012, completion_tokens => 4 } ],
    [ 'messages', '/v1/messages', 'anthropic/anthropic_opus_46_features-basic',
      'response.json', { model => 'claude-opus-4-6', provider => 'anthropic',
        prompt_tokens => 14, completion_tokens => 5, total_tokens => 19,
        api => 'anthropic.messages', operation => 'chat' } ],
    [ 'messages stream', '/v1/messages',
      'anthropic/anthropic_model_thinking_part_stream', 'response.sse', {
        model => 'claude-sonnet-4-0', provider => 'anthropic',
        prompt_tokens => 43, completion_tokens => 282, total_tokens => 325,
        stream => 1 } ],
    [ 'generateContent',
      '/v1beta/models/gemini-2.5-flash:generateContent',
      'gemini/google_model_max_tokens', 'response.json', {
        model => 'gemini-2.5-flash', provider => 'gemini',
        prompt_tokens => 15, completion_tokens => 5, total_tokens => 20 } ],
    [ 'streamGenerateContent',
      '/v1beta/models/gemini-2.0-flash:streamGenerateContent?alt=sse',
      'gemini/google_model_iter_stream', 'response.sse', {
        model => 'gemini-2.0-flash', provider => 'gemini',
        prompt_tokens => 52, completion_tokens => 5, total_tokens => 57,
        stream => 1 } ],
    [ 'responses stream', '/v1/responses',
      'responses/openai_responses_streaming_usage', 'response.sse', {
        model => 'gpt-5', provider => 'openai', prompt_tokens => 53,
        completion_tokens => 469, total_tokens => 522,
        reasoning_tokens => 448, api => 'openai.responses', stream => 1 } ],
    [ 'embeddings', '/v1/embeddings',
      'embeddings/openai--embeddings-dimensions', 'response.json', {
        model => 'text-embedding-3-small', provider => 'openai',
        prompt_tokens => 5, total_tokens => 5, operation => 'embeddings' } ],
);

# --- made up: ten tokens by o200k_base, each word with its blank is one

my @words = qw/ one two three four five six seven eight nine ten /;
my $ten = join ' ', @words;

sub chunk {
    my ($delta, $finish) = @_;

    return { id => 'chatcmpl-1', object => 'chat.completion.chunk',
        created => 1, model => 'gpt-4o-2024-08-06', choices => [ {
            index => 0, delta => $delta, finish_reason => $finish } ] };
}

my @stream = (chunk({ role => 'assistant', content => '' }),
    (map { chunk({ content => $_ }) } $words[0],
        map { " $_" } @words[1 .. 9]), chunk({}, 'stop'));

my %whole = (id => 'chatcmpl-2', object => 'chat.completion', created => 1,
    model => 'gpt-4o-2024-08-06', choices => [ { index => 0,
        finish_reason => 'stop', message => { role => 'assistant',
            content => $ten } } ]);

my %usage = (usage => { prompt_tokens => 1000, completion_tokens => 100,
    total_tokens => 1100, prompt_tokens_details => { cached_tokens => 400 } });

my @elements = map { {
    candidates => [ { index => 0, content => { role => 'model', parts =>
        [ { text => "$_ ]}\"" } ] }, $_ eq 'ten' ? (finishReason => 'STOP')
                                               : () } ],
    modelVersion => 'gemini-2.5-flash', responseId => 'r-1',
    $_ eq 'ten' ? (usageMetadata => { promptTokenCount => 7,
        candidatesTokenCount => 30, totalTokenCount => 37 }) : () } } @words;
my $array = "[" . join("\n,\r\n", map { JSON::PP->new->pretty->encode($_) }
    @elements) . "]\n";

my $json = json_encode({ %whole, %usage });
gzip(\$json => \my $zipped) or die;

my $big = json_encode({ %whole, %usage, pad => 'x' x (9 << 20) });
my $large = json_encode({ %whole, %usage, pad => 'x' x (3 << 20) });

my $is_stream = '"stream":true';
my $html = '<html>no</html>';

my @rules = (
    (map { my ($name, $uri, $file, $kind) = @$_;
        { match => { header => { 'x-case' => "^$name\$" } }, reply => {
            text => recording("$file.$kind"),
            split => 'random', split_max => 400, framing =>
                $kind =~ /sse/ ? 'chunked' : 'length',
            headers => { 'Content-Type' => $kind =~ /sse/
                    ? 'text/event-stream; charset=utf-8' : 'application/json',
                'X-Request-Id' => 'r-1', 'Set-Cookie' => [ 'a', 'b' ] } } } }
        @recordings),

    { match => { path => '/zip' }, reply => { base64 =>
        encode_base64($zipped, ''), headers => {
            'Content-Encoding' => 'gzip',
            'Content-Type' => 'application/json' } } },
    { match => { path => '/cut' }, reply => { split => 'events',
        gap => 0.005, sse => [ @stream[0 .. 5] ], cut => 700 } },
    { match => { path => '/slow' }, reply => { split => 'events',
        gap => 0.005, sse => [ @stream[0 .. 5] ], stall => 700 } },
    { match => { path => '/big' }, reply => { text => $big,
        headers => { 'Content-Type' => 'application/json' } } },
    { match => { path => '/chunked' }, reply => { text => $big, framing =>
        'chunked', headers => { 'Content-Type' => 'application/json' } } },
    { match => { path => '/large' }, reply => { text => $large,
        headers => { 'Content-Type' => 'application/json' } } },
    { match => { path => '/bad' }, reply => { status => 400, json => {
        error => { message => 'no', type => 'invalid_request_error' } } } },
    { match => { path => '/html' }, reply => { text => $html,
        headers => { 'Content-Type' => 'text/html' } } },
    { match => { path => '/empty' }, reply => { status => 204,
        text => '' } },
    { match => { path => '/failed' }, reply => { sse => [ @stream[0 .. 3],
        { error => { message => 'overloaded', type => 'server_error' } } ] } },
    { match => { path_re => ':stream' }, reply => { text => $array,
        split => 'random', split_max => 30, headers => {
            'Content-Type' => 'application/json; charset=UTF-8' } } },
    { match => { path_re => ':embedContent' }, reply => { json => {
        embedding => { values => [ 1, 2 ] },
        usageMetadata => { promptTokenCount => 9 } } } },
    { match => { path_re => 'embeddings' }, reply => { json => {
        object => 'list', model => 'text-embedding-3-small', data => [ {
            object => 'embedding', index => 0, embedding => [ 1, 2 ] } ] } } },
    { match => { path_re => 'count_tokens' }, reply => { json => {
        input_tokens => 14 } } },
    { match => { path_re => 'messages' }, reply => { sse => [
        map { { event => $_->{type}, data => $_ } }
        { type => 'message_start', message => { id => 'msg_7',
            type => 'message', role => 'assistant', model => 'claude-x',
            content => [], usage => { input_tokens => 25,
                                      output_tokens => 1 } } },
        { type => 'content_block_start', index => 0,
          content_block => { type => 'text', text => '' } },
        (map { { type => 'content_block_delta', index => 0,
            delta => { type => 'text_delta', text => " $_" } } } @words) ],
        framing => 'close' } },
    { match => { path => '/long', body => $is_stream },
      reply => { done => \1, sse => [ $stream[0],
          (map { chunk({ content => " $ten" }) } 1 .. 1000),
          chunk({}, 'stop') ] } },
    { match => { path => '/none', body => $is_stream },
      reply => { done => \1, sse => \@stream } },
    { match => { path => '/none' }, reply => { json => \%whole } },
    { match => { path_re => 'models' }, reply => { json => { data => [] } } },
    { match => { body => $is_stream }, reply => { done => \1, sse => [ @stream,
          { %{ $stream[0] }, choices => [], %usage } ] } },
    { reply => { json => { %whole, %usage } } },
);

my $mock = $t->mock(\@rules, port => 8081);

my @fields = qw/ prompt_tokens completion_tokens total_tokens cached_tokens
    cache_write_tokens reasoning_tokens usage_source cost cost_saved
    price_known model request_model upstream_model provider providers attempts
    fallbacks route api operation stream finish_reason error_type response_id
    ttft gateway_time message_count prompt /;
my $format = join ',', map { qq("$_":"\$ai_$_") } @fields;

$t->write_file('prices.json', <<'EOP');
{ "unit": "1M", "models": {
    "gpt-4o": { "input": 2.5, "output": 10, "cached": 1.25 },
    "gpt-4o-2024-08-06": { "input": 5, "output": 20, "cached": 2.5 },
    "text-embedding-3-small": { "input": 0.02 }
} }
EOP

# no ai_provider: what is counted needs none

my $conf = <<"EOC";
%%TEST_GLOBALS%%

events {
}

http {
    %%TEST_GLOBALS_HTTP%%

    log_format usage escape=json '{"uri":"\$uri",$format}';
    access_log %%TESTDIR%%/usage.log usage;

    ai_price_file prices.json;
    ai_price o3-mini input=20 output=10;

    proxy_cache_path %%TESTDIR%%/cache keys_zone=cache:1m;
    client_max_body_size 8m;

    upstream llm {
        server 127.0.0.1:%%PORT_8081%%;
    }

    ai_meter on;

    server {
        listen 127.0.0.1:%%PORT_8080%%;

        location / {
            proxy_pass http://llm;
        }

        location /trailer/ {
            proxy_pass http://llm/;
            add_trailer X-AI-Tokens \$ai_total_tokens;
        }

        location /off/ {
            ai_meter off;
            proxy_pass http://llm/;

            location /off/on/ {
                ai_meter on;
                proxy_pass http://llm/;
            }
        }

@{[ join '', map { qq(
        location /$_/ { proxy_pass http://llm; }
) } qw/ none long zip cut big chunked large bad html empty failed / ]}
        location /slow/ { proxy_pass http://llm; proxy_buffering off; }


        location /unread/ {
            proxy_pass http://llm/none/;
            proxy_request_buffering off;
            proxy_http_version 1.1;
        }

        location /unread-usage/ {
            proxy_pass http://llm/;
            proxy_request_buffering off;
            proxy_http_version 1.1;
        }

        location /at-once/ {
            proxy_pass http://llm/none/;
            proxy_buffering off;
            gzip on;
            gzip_types application/json text/event-stream;
            gzip_min_length 1;
            sub_filter_types *;
            sub_filter seven 7;
        }

        location /scgi/ {
            scgi_pass 127.0.0.1:%%PORT_8084%%;
        }

        location /cached/ {
            proxy_pass http://llm/large/;
            proxy_cache cache;
            proxy_cache_methods POST;
            proxy_cache_key \$uri;
            proxy_cache_valid 1h;
            add_header X-Cache \$upstream_cache_status;
            sendfile on;
        }

        location /temp/ {
            proxy_pass http://llm/large/;
            proxy_buffers 4 4k;
            proxy_buffer_size 4k;
            proxy_busy_buffers_size 8k;
            sendfile on;
        }

        location = /page {
            return 200 '{"page":1}';
        }

        location /intercepted/ {
            proxy_pass http://llm/bad/;
            proxy_intercept_errors on;
            error_page 400 = \@other;
        }

        location \@other {
            proxy_pass http://llm;
        }

        location /rewritten/ {
            rewrite ^/rewritten/(.*) /v1/\$1 break;
            proxy_pass http://llm;
        }

        location /moved/ {
            rewrite ^/moved/(.*) /off/\$1 last;
        }

        location /sub/ {
            auth_request /auth/v1/chat/completions;
            ai_meter off;
            proxy_pass http://llm/;
        }

        location /auth/ {
            internal;
            proxy_pass http://llm;
            proxy_pass_request_body off;
            proxy_set_header Content-Length "";
        }

        location /mirrored/ {
            mirror /v1/chat/completions;
            ai_meter off;
            proxy_pass http://llm/;
        }
    }

@{[ $t->has_feature('http_v2') ? qq(
    server {
        listen 127.0.0.1:%%PORT_8083%% http2;

        location / {
            proxy_pass http://llm;
        }
    }
) : '' ]}

    server {
        listen 127.0.0.1:%%PORT_8082%%;
        ai_meter off;

        location / {
            proxy_pass http://llm;
        }
    }
}
EOC

$t->write_file_expand('nginx.conf', $conf);

my $lines = 0;

# answers every request with the same

$t->run_daemon(sub {
    my $l = IO::Socket::INET->new(Listen => 5, ReuseAddr => 1,
        LocalAddr => '127.0.0.1:' . $t->port(8084)) or die;

    local $SIG{PIPE} = 'IGNORE';

    while (my $c = $l->accept) {
        my $in = '';

        while (sysread $c, $in, 65536, length $in) {
            my ($len) = $in =~ /^(\d+):/ or next;
            my ($body) = $in =~ /CONTENT_LENGTH\0(\d+)/ or next;
            last if length $in >= length("$len:") + $len + 1 + $body;
        }

        syswrite $c, "Status: 200 OK\r\nContent-Type: application/json\r\n"
            . "\r\n$json";
        close $c;
    }
});

$t->run;
$t->waitforsocket($t->port(8084));

sub logged {
    my $line = $t->wait_for(sub {
        my @all = $t->log_lines('usage.log');
        return @all > $lines ? $all[$lines++] : undef;
    }, 10);
    return json_decode($line // '{}');
}

sub ask {
    my ($where, %more) = @_;

    my %opt = map { $_ => delete $more{$_} } grep { /^-|^[A-Z]/ } keys %more;
    my $r = http_post("$where/chat/completions", {
        model => 'gpt-4o', messages => [ { role => 'user',
            content => 'Say hello.' } ], %more }, %opt);
    return ($r, logged());
}

sub used {
    my ($got, $want, $name) = @_;
    is_deeply({ map { $_ => $got->{$_} } keys %$want }, $want, $name);
}

# the header but for what is never the same

sub head {
    my ($r) = @_;
    my ($head) = $r->raw =~ /\A(.*?)\r\n\r\n/s;
    $head =~ s/^Date: .*\r\n//m;
    return $head;
}

# --- recordings

for my $case (@recordings) {
    my ($name, $uri, $file, $kind, $want) = @$case;

    my $body = recording("$file.request.json");

    my $r = http_post($uri, $body, 'X-Case' => $name);
    my $got = logged();

    my $plain = http_post($uri, $body, 'X-Case' => $name, -port => 8082);
    my $not = logged();

    is($r->body, recording("$file.$kind"), "$name: the bytes");
    is(head($r), head($plain), "$name: the header");

    used($got, { attempts => 1, usage_source => 'provider', error_type => '',
        request_model => $want->{model}, upstream_model => $want->{model},
        fallbacks => 0, route => '', %$want }, "$name: what it has used");
    used($not, { map { $_ => '' } keys %$want }, "$name: not where it is off");
}

# --- usage and prices

my %full = (prompt_tokens => 1000, completion_tokens => 100,
    total_tokens => 1100, cached_tokens => 400, usage_source => 'provider',
    cost => '0.003000000', cost_saved => '0.000500000', price_known => 1,
    model => 'gpt-4o', message_count => 1, prompt => 'Say hello.');

my ($r, $got) = ask('/v1');
used($got, { %full, stream => 0, finish_reason => 'stop',
    response_id => 'chatcmpl-2' }, 'whole');

($r, $got) = ask('/trailer/v1', stream => \1);
used($got, { %full, stream => 1, response_id => 'chatcmpl-1' }, 'stream');
like($r->raw, qr/^X-AI-Tokens: 1100\r?$/m, 'known at its end');
like($got->{ttft}, qr/^\d\.\d{3}$/, "ttft $got->{ttft}");
like($got->{gateway_time}, qr/^0\.\d{6}$/, "time $got->{gateway_time}");

# where it is not reported: 3 a message, "user", "Say hello." (3), 3 for the
# answer

my %counted = (prompt_tokens => 10, completion_tokens => 10,
    total_tokens => 20, usage_source => 'tokenizer', price_known => 1,
    cost => '0.000125000');

(undef, $got) = ask('/none/v1');
used($got, \%counted, 'whole without usage');
(undef, $got) = ask('/none/v1', stream => \1);
used($got, \%counted, 'stream without usage');
(undef, $got) = ask('/long/v1', stream => \1);
used($got, { completion_tokens => 10000 }, 'a long one, counted as it came');

http_post('/v1/embeddings', { model => 'text-embedding-3-small',
    input => $ten });
used(logged(), { prompt_tokens => 10, usage_source => 'tokenizer',
    cost => '0.000000200', operation => 'embeddings' },
    'embeddings without usage');

http_post('/v1/messages/count_tokens', { model => 'claude-opus-4-6',
    messages => [ { role => 'user', content => 'Hi' } ] });
used(logged(), { prompt_tokens => 0, usage_source => 'none',
    cost => '0.000000000', operation => 'count_tokens' }, 'counting is free');

http_post('/v1beta/models/gemini-embedding-001:embedContent', { content =>
    { parts => [ { text => $ten } ] } });
used(logged(), { prompt_tokens => 9, model => 'gemini-embedding-001',
    usage_source => 'provider', provider => 'gemini' }, 'embedContent');

# Gemini's stream as one array

my $uri = '/v1beta/models/gemini-2.5-flash:streamGenerateContent';
$r = http_post($uri, { contents => [ { role => 'user', parts =>
    [ { text => 'Hi' } ] } ] });
is($r->body, $array, 'an array: the bytes');
used(logged(), { prompt_tokens => 7, completion_tokens => 30, stream => 1,
    response_id => 'r-1', finish_reason => 'stop', error_type => '',
    model => 'gemini-2.5-flash' }, 'an array');

# --- where it is

(undef, $got) = ask('/off/v1');
used($got, { model => '', prompt_tokens => '', usage_source => '' }, 'off');
(undef, $got) = ask('/off/on/v1');
used($got, \%full, 'on again');
(undef, $got) = ask('/rewritten');
used($got, \%full, 'a rewritten URI');
(undef, $got) = ask('/moved/v1');
used($got, { model => '' }, 'moved to where it is off');

($r, $got) = ask('/intercepted/v1');
is($r->status, 200, 'error_page');
used($got, \%full, 'error_page: what was answered in the end');

($r, $got) = ask('/sub/v1');
is($r->status, 200, 'a subrequest');
used($got, { model => '' }, 'a subrequest is not metered');
($r, $got) = ask('/mirrored/v1');
is($r->status, 200, 'a mirror');
used($got, { model => '' }, 'a mirror is not metered');

http_get('/v1/models');
used(logged(), { model => '', operation => '' }, 'a list of models');
http_post('/v1/files', 'x');
used(logged(), { model => '', operation => '' }, 'nothing that is counted');
http_post('/page', '{}');
used(logged(), { model => '' }, 'nothing that is known');

($r, $got) = ask('/bad/v1');
is($r->status, 400, 'an error');
used($got, { model => '', usage_source => '' }, 'an error is not metered');
($r, $got) = ask('/empty/v1');
used($got, { model => '' }, 'an answer without a body');

# --- the request was not read

my %unread = (request_model => '', model => 'gpt-4o-2024-08-06',
    completion_tokens => 10, prompt_tokens => 0, price_known => 1,
    cost => '0.000200000', usage_source => 'tokenizer', message_count => 0);

# it comes in pieces, of which the first are sent on before the last is there

my %slowly = (-send_size => 160, -send_gap => 0.05);

(undef, $got) = ask('/unread/v1', %slowly);
used($got, { %unread, stream => 0 }, 'unread');
(undef, $got) = ask('/unread/v1', stream => \1, %slowly);
used($got, { %unread, stream => 1 }, 'unread, a stream');
(undef, $got) = ask('/unread-usage/v1', %slowly);
used($got, { model => 'gpt-4o-2024-08-06', prompt_tokens => 1000,
    cost => '0.006000000', usage_source => 'provider' }, 'unread, usage');

$r = http_post('/unread-usage/v1/messages', { model => 'claude-y',
    max_tokens => 10, messages => [ { role => 'user', content => 'Hi' } ] },
    %slowly);
$got = logged();
used($got, { model => 'claude-x', prompt_tokens => 25,
    error_type => 'upstream_cut' }, 'unread, the model of a START');
ok($got->{completion_tokens} >= 8, "output: $got->{completion_tokens}");

# nor does the answer tell

my @nameless = map { my %e = %$_; delete $e{model}; \%e } @stream;
$mock->script([ { reply => { done => \1, sse => \@nameless, split => 7 } } ]);
(undef, $got) = ask('/unread/v1', stream => \1, %slowly);
used($got, { model => '', price_known => 0, usage_source => 'estimate' },
    'unread, and no model');
ok($got->{completion_tokens} >= 8, "output: $got->{completion_tokens}");
$mock->script(\@rules);

# a body that is in a file

(undef, $got) = ask('/v1', messages => [ { role => 'user',
    content => 'word ' x 50_000 } ]);
used($got, { prompt_tokens => 1000, model => 'gpt-4o' }, 'a large request');

# ... or is no JSON at all

$r = http_post('/v1/chat/completions', '{"model":');
is($r->status, 200, 'a broken request');
used(logged(), { model => 'gpt-4o-2024-08-06', prompt_tokens => 1000 },
    'and its answer');

# --- answers that cannot be read

($r, $got) = ask('/zip/v1');
is($r->body, $zipped, 'gzip: the bytes');
is($r->header('content-encoding'), 'gzip', 'gzip: the header');
used($got, { model => 'gpt-4o', prompt_tokens => 0, usage_source => 'none',
    attempts => 1, price_known => 0 }, 'gzip: not metered');
is(scalar($t->error_log(qr/\[info\].*not metered: it is compressed/)), 1,
    'gzip: told');

for my $how (qw/ big chunked /) {
    ($r, $got) = ask("/$how/v1");
    ok($r->body eq $big, "$how: the bytes");
    used($got, { usage_source => 'none', prompt_tokens => 0,
        model => 'gpt-4o' }, "$how: not metered");
}
is(scalar($t->error_log(qr/\[info\].*not metered: it is longer than 8m/)), 2,
    'too long: told');

($r, $got) = ask('/html/v1');
is($r->body, $html, 'no JSON: the bytes');
used($got, { usage_source => 'none', model => 'gpt-4o',
    completion_tokens => 0 }, 'no JSON');

# --- filters, files, caches

for my $stream (0, 1) {
    my $body = { model => 'gpt-4o', messages => [ { role => 'user',
        content => 'Say hello.' } ], stream => $stream ? \1 : \0 };
    my $res = $t->curl('/at-once/v1/chat/completions',
        data => json_encode($body), args => [ '--compressed', '-H',
            'Content-Type: application/json' ]);
    like($res->body, $stream ? qr/" 7"/ : qr/ 7 /, "stream=$stream: filters");
    used(logged(), \%counted, "stream=$stream: before other filters");
}

for my $how (qw/ MISS HIT /) {
    ($r, $got) = ask('/cached/v1');
    is($r->header('x-cache'), $how, "cache: $how");
    ok($r->body eq $large, "cache: $how: the bytes");
    used($got, \%full, "cache: $how: what it has used");
}

($r, $got) = ask('/temp/v1');
ok($r->body eq $large, 'temporary file: the bytes');
used($got, \%full, 'temporary file');

SKIP: {
    skip 'no http_v2', 2 if !$t->has_feature('http_v2');

    my $res = $t->curl('/v1/chat/completions', http2 => 1, port => 8083,
        data => json_encode({ model => 'gpt-4o', stream => \1, messages =>
            [ { role => 'user', content => 'Say hello.' } ] }));
    like($res->body, qr/\[DONE\]\n\n\z/, 'HTTP/2: the bytes');
    used(logged(), \%full, 'HTTP/2');
}

# --- not only proxy_pass

($r, $got) = ask('/scgi/v1');
is($r->body, $json, 'scgi: the bytes');
used($got, \%full, 'scgi');

# --- answers that are none, of any type and API

my $huge = 'data: {"a":"' . 'x' x (5 << 20) . '"}' . "\n\n";
my @odd = ('', ' ', '[', ']', '}', '[[[[', '{"a":' x 3000, 'null', '"', '"\\',
    "data: [DONE]\n\n", "data: {\n\ndata: }\n\n", "event: error\ndata: x\n\n",
    "[{\"candidates\":[{\"content\":{}}]},\n{]", "\x{1f}\x{8b}\x{8}\0\xff",
    "data: [1]\n\ndata: {\"choices\":[{\"delta\":7}],\"usage\":[]}\n\n",
    '{"usage":{"prompt_tokens":-5,"completion_tokens":1e300}}', $huge,
    '[{"a":"' . 'x' x (9 << 20) . '"}]');
my @kinds = (map { [ $_, 'application/json' ], [ $_, 'text/event-stream' ] }
    '/v1/chat/completions', '/v1/messages', '/v1/responses', '/v1/completions',
    '/v1/embeddings', '/v1beta/models/g:streamGenerateContent',
    '/v1beta/models/g:batchEmbedContents');
my @wrong;

for my $odd (@odd) {
    for my $kind (@kinds) {
        next if length $odd > 1000 && $kind->[0] !~ /chat|stream/;

        $mock->script([ { reply => { base64 => encode_base64($odd, ''),
            split => length $odd > 1000 ? undef : 3,
            headers => { 'Content-Type' => $kind->[1] } } } ]);
        my $res = http_post($kind->[0], { model => 'm', messages => [],
            input => 'x', requests => [], contents => [] });
        logged();
        push @wrong, "$kind->[0] $kind->[1] " . substr $odd, 0, 20
            if $res->status != 200 || $res->body ne $odd;
    }
}

is("@wrong", '', @odd . ' odd answers pass as they are');

# --- a stream may be long

SKIP: {
    skip 'memory of a build with sanitizers', 2 if $t->is_asan;

    my $event = 'data: ' . json_encode($stream[3]) . "\n\n";
    my $n = int((20 << 20) / length $event);
    $t->write_file('stream', $event x $n . "data: [DONE]\n\n");

    my @rss;
    my ($worker) = $t->workers;

    for my $reply ({ done => \1, sse => \@stream },
        { file => $t->testdir . '/stream', framing => 'chunked',
          headers => { 'Content-Type' => 'text/event-stream' } })
    {
        $mock->script([ { reply => $reply } ]);
        $t->capture([ 'curl', '-sS', '-o', '/dev/null', '--data-binary',
            json_encode({ model => 'gpt-4o', stream => \1, messages => [] }),
            'http://127.0.0.1:' . $t->port(8080)
            . '/slow/v1/chat/completions' ]);
        $got = logged();
        push @rss, AI::Test::Chat::rss_kb($worker);
    }

    is($got->{completion_tokens}, $n, '20 MB are counted');
    cmp_ok($rss[1] - $rss[0], '<', 4096, 'memory is flat');
}

$mock->script(\@rules);

# --- answers that break off

(undef, $got) = ask('/cut/v1', stream => \1);
used($got, { prompt_tokens => 10, usage_source => 'tokenizer' }, 'cut');
ok($got->{completion_tokens} >= 2 && $got->{completion_tokens} <= 5,
    "what had come: $got->{completion_tokens}");
like($got->{error_type}, qr/\w/, "error: $got->{error_type}");

(undef, $got) = ask('/failed/v1', stream => \1);
used($got, { prompt_tokens => 10, completion_tokens => 3,
    error_type => 'upstream_error' }, 'an error in a stream');

my $s = http_post('/slow/v1/chat/completions', { model => 'gpt-4o',
    stream => \1, messages => [ { role => 'user', content => 'Say hello.' } ]
    }, -start => 1);
http_end($s, until => qr/two/);
close $s;
$got = logged();
used($got, { prompt_tokens => 10, usage_source => 'tokenizer',
    error_type => '' }, 'left by the client');
ok($got->{completion_tokens} >= 2 && $got->{completion_tokens} <= 5,
    "what had come: $got->{completion_tokens}");

# --- a reload

is($t->reload(wait_old => 1), 1, 'reload');
(undef, $got) = ask('/v1');
used($got, \%full, 'after a reload');

# --- keepalive: the next request of a connection is its own

my $first = http_post('/v1/chat/completions', { model => 'gpt-4o',
    messages => [] }, -keepalive => 1, -start => 1);
http_end($first);
http_post('/off/v1/chat/completions', { model => 'gpt-4o' },
    -socket => $first);
used(logged(), { prompt_tokens => 1000 }, 'the first of a connection');
used(logged(), { prompt_tokens => '' }, 'the next one');

# --- what nginx -t says

sub refused {
    my ($server, $http) = @_;

    my $t = AI::Test->new;
    $t->write_file_expand('nginx.conf', <<"EOC");
%%TEST_GLOBALS%%
events {
}
http {
    %%TEST_GLOBALS_HTTP%%
    ai_provider p { api openai; endpoint http://127.0.0.1:%%PORT_8081%%; }
    @{[ $http // '' ]}
    server {
        listen 127.0.0.1:%%PORT_8080%%;
        $server
    }
}
EOC
    my ($ok, $said) = $t->test_config;
    $t->discard;
    return $ok ? 'ok' : $said;
}

like(refused('location /v1/ { ai_meter on; ai_pass p; }'),
    qr/"ai_meter" is not for a location with "ai_pass" in .*:\d+/, 'both');
like(refused('location /v1/ { ai_pass p; ai_meter on; }'),
    qr/"ai_meter" is not for a location with "ai_pass"/, 'both, otherwise');
is(refused('location /v1/ { ai_pass p; } location / { return 200; }',
    'ai_meter on;'), 'ok', 'inherited beside ai_pass');
is(refused('location /v1/ { ai_pass p; ai_meter off; }', 'ai_meter on;'), 'ok',
    'off beside ai_pass');
like(refused('ai_meter maybe;'), qr/invalid value "maybe"/, 'a word');
like(refused('ai_meter on; ai_meter on;'), qr/is duplicate/, 'twice');
