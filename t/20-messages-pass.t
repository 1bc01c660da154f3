#!/usr/bin/perl

# Anthropic's Messages to Anthropic: requests, answers, streams and errors go
# through byte for byte, and what the log says of them is what they say.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use File::Basename qw/ basename /;
use MIME::Base64 qw/ encode_base64 /;
use Test::More;

use AI::Test;

my $t = AI::Test->new;

$t->write_file_expand('nginx.conf', <<'EOC');
%%TEST_GLOBALS%%

events {
}

http {
    %%TEST_GLOBALS_HTTP%%

    client_body_buffer_size 256k;
    client_max_body_size 8m;

    log_format usage '$ai_prompt_tokens $ai_completion_tokens '
                     '$ai_cached_tokens $ai_cache_write_tokens '
                     '$ai_finish_reason $ai_response_id $status';
    access_log %%TESTDIR%%/usage.log usage;

    ai_provider p {
        api anthropic;
        endpoint http://127.0.0.1:%%PORT_8081%%;
        key sk-canary-provider-1;
    }

    ai_provider as {
        api anthropic;
        endpoint http://127.0.0.1:%%PORT_8081%%/base/v1;
        key sk-canary-provider-1;
        model renamed as=real-name;
    }

    ai_provider refusing {
        api anthropic;
        endpoint http://127.0.0.1:%%PORT_8081%%;
        key sk-canary-provider-1;
    }

    server {
        listen 127.0.0.1:%%PORT_8080%%;

        location /v1/ {
            ai_pass p;
        }

        location /as/v1/ {
            ai_pass as;
        }

        location /refusing/v1/ {
            ai_pass refusing;
        }

        location /page/v1/ {
            error_page 429 =429 /busy;
            ai_pass refusing;
        }

        location = /busy {
            return 429 busy;
        }
    }
}
EOC

my $uri = '/v1/messages';
my $mock = $t->mock([], port => 8081);
$t->secret('sk-canary-client-1', 'sk-canary-provider-1', 'org-secret');
$t->run;

my $sse = { 'Content-Type' => 'text/event-stream; charset=utf-8' };
my $json = { 'Content-Type' => 'application/json' };
my $lines = 0;


sub answers {
    my ($text, %r) = @_;
    $mock->script([ { reply => { base64 => encode_base64($text, ''),
                                 headers => $json, %r } } ]);
    $mock->clear;
}


# the line that a request leaves in the log

sub logged {
    $lines++;
    $t->wait_for(sub {
        (() = $t->log_lines('usage.log')) >= $lines
    });
    return ($t->log_lines('usage.log'))[$lines - 1] // '';
}


# --- recordings ----------------------------------------------------------

my %finish = (end_turn => 'stop', stop_sequence => 'stop',
              max_tokens => 'length', tool_use => 'tool_calls',
              refusal => 'content_filter', pause_turn => 'length',
              model_context_window_exceeded => 'length');
my $recordings = 0;

for my $meta (sort glob $t->root . '/t/data/recordings/anthropic/*.meta.json')
{
    my $m = json_decode($t->slurp($meta));
    next if $m->{path} !~ m{^/v1/messages(?:\?|$)};
    replay($meta =~ s/\.meta\.json$//r, $m);
    $recordings++;
}

cmp_ok($recordings, '>', 50, 'there are recordings');


sub replay {
    my ($base, $m) = @_;

    my $name = basename($base);
    my $stream = -e "$base.response.sse";
    my $text = $t->slurp($stream ? "$base.response.sse"
                                 : "$base.response.json");
    my $body = -e "$base.request.json" ? $t->slurp("$base.request.json")
        : json_encode({ model => 'claude-x', max_tokens => 100,
                        stream => $stream ? \1 : \0, messages => [
                            { role => 'user', content => 'hi' } ] });

    # nothing belongs to an answer behind its last event
    $text =~ s/^(event: message_stop\ndata: [^\n]*\n\n).*/$1/ms if $stream;

    my $want = said($stream ? events($text) : json_decode($text));
    my @splits = !$stream ? undef
        : ('events', 'random', length $text < 3000 ? 'bytes' : ());

    for my $split (@splits) {
        my $how = $name . (defined $split ? ", $split" : '');

        answers($text, status => $m->{status},
              headers => $stream ? $sse : $json,
              defined $split ? (split => $split, split_max => 200) : ());

        my $r = http_post($uri, $body);
        my ($q) = $mock->ledger;
        is($r->status, $m->{status}, "$how: status");
        ok($r->body eq $text, "$how: answer is byte-identical");
        ok($r->complete, "$how: complete");
        ok($q->{body} eq text_bytes($body), "$how: and so is the request");
        is($q->{path}, $uri, "$how: path");
        is(logged(), "$want $m->{status}", "$how: log");
    }
}


# a ledger is text where a body is UTF-8

sub text_bytes {
    my ($text) = @_;
    utf8::decode($text);
    return $text;
}


# a stream as one message: what counts for the log

sub events {
    my ($text) = @_;

    my %m;

    for ($text =~ /^data: ?(.*)$/mg) {
        my $e = json_decode($_);
        my $more = $e->{type} eq 'message_start' ? $e->{message}
            : $e->{type} eq 'message_delta' ? { %{ $e->{delta} },
                                                usage => $e->{usage} }
            : next;
        my $usage = delete $more->{usage} || {};

        $m{id} //= $more->{id};
        $m{stop_reason} = $more->{stop_reason};
        $m{usage}{$_} = $usage->{$_}
            for grep { defined $usage->{$_} } keys %$usage;
    }

    push @{ $m{content} }, { type => 'tool_use' }
        if $text =~ /"content_block":\{"type":"tool_use"/;

    return \%m;
}


# Cached tokens are part of the prompt here.  Several runs behind one answer
# are listed, and the totals beside them leave some out.

sub said {
    my ($m) = @_;

    return '0 0 0 0  ' if ($m->{type} // '') eq 'error';

    my $usage = $m->{usage};
    my @runs = @{ $usage->{iterations} || [] };
    my %sum;

    for my $run (@runs ? @runs : $usage) {
        for (qw/ input_tokens output_tokens cache_read_input_tokens
                 cache_creation_input_tokens /)
        {
            $sum{$_} += $run->{$_} if defined $run->{$_};
        }
    }

    my ($in, $out, $read, $written) = @sum{qw/ input_tokens output_tokens
        cache_read_input_tokens cache_creation_input_tokens /};
    my $finish = $finish{$m->{stop_reason}} // $m->{stop_reason};

    $finish = 'tool_calls' if $finish eq 'stop'
        && grep { $_->{type} eq 'tool_use' } @{ $m->{content} };

    return join ' ', $in + ($read // 0) + ($written // 0), $out,
        $read // 0, $written // 0, $finish, $m->{id};
}


# --- requests ------------------------------------------------------------

my $answer = "{ \"id\":\"msg_1\", \"type\":\"message\",\"content\":[ {\"type\""
    . ":\"text\",\"text\":\"\\u00e9\\ud83d\\ude00\"} ],\"role\":\"assistant\","
    . "\"x\":1.0e+2,\"model\":\"claude\",\n\"stop_reason\":\"end_turn\","
    . "\"usage\":{\"input_tokens\":1,\"output_tokens\":2},\"x\":2 }\n";

my @bodies = (
    '{"model":"m","max_tokens":5,"messages":[{"role":"user",'
        . '"content":"hi"}]}',
    " {\r\n\t\"messages\" : [ { \"content\":\"\\u0068\\/\", \"role\":"
        . "\"user\" } ] , \"model\" : \"m\" , \"max_tokens\":5 }\r\n ",
    '{"unknown":{"a":[1,2,{"b":null}],"a":1},"model":"m","messages":[{}],'
        . '"max_tokens":5,"mcp_servers":[{"type":"url"}],"big":1e999}',
    '{"model":"m","messages":[{"role":"user","content":[{"type":'
        . '"brand_new","x":"' . "\xc3\xa9" . '"}]}]}',
);

for my $body (@bodies) {
    answers($answer);
    my $r = http_post($uri, $body);
    my ($q) = $mock->ledger;
    ok($q->{body} eq text_bytes($body), 'request is byte-identical');
    ok($r->body eq $answer, 'and so is the answer');
    is(logged(), '1 2 0 0 stop msg_1 200', 'log');
}

# another model

answers($answer);
http_post('/as/v1/messages', '{"x":"model","model" : "renamed", '
          . '"max_tokens":5, "messages":[{}]}');
my ($q) = $mock->ledger;
is($q->{body}, '{"x":"model","model" : "real-name", "max_tokens":5, '
   . '"messages":[{}]}', 'as= changes the name only');
is($q->{path}, '/base/v1/messages', 'path of the endpoint');
logged();

# headers

answers($answer, headers => {
    %$json, 'request-id' => 'req_1', 'Set-Cookie' => 'a=b',
    'anthropic-organization-id' => 'org-secret', 'X-Evil' => 'x',
    'X-Accel-Redirect' => '/etc',
    'anthropic-ratelimit-requests-remaining' => 7 });
my $r = http_post($uri, $bodies[0], 'X-Api-Key' => 'sk-canary-client-1',
    Authorization => 'Bearer sk-canary-client-1', Cookie => 'c=d',
    'anthropic-version' => '2024-01-01', 'anthropic-beta' => 'a-1,b-2',
    'anthropic-dangerous-direct-browser-access' => 'true',
    'User-Agent' => 'agent/1', 'Accept-Encoding' => 'gzip');
($q) = $mock->ledger;

is_deeply($q->{h}, {
    host => '127.0.0.1:' . $t->port(8081), accept => 'application/json',
    'x-api-key' => 'sk-canary-provider-1', 'user-agent' => 'agent/1',
    'content-type' => 'application/json',
    'content-length' => length $bodies[0],
    'anthropic-version' => '2024-01-01', 'anthropic-beta' => 'a-1,b-2',
}, 'headers to the provider are an allow-list');

for (qw/ set-cookie anthropic-organization-id x-evil x-accel-redirect /) {
    is($r->header($_), undef, "no $_ to the client");
}
is($r->header('anthropic-ratelimit-requests-remaining'), 7, 'its limits');
is($r->header('request-id'), 'req_1', 'its id of the request');
logged();

answers($answer);
http_post($uri, $bodies[0]);
($q) = $mock->ledger;
is($q->{h}{'anthropic-version'}, '2023-06-01', 'a version of our own');
is($q->{h}{'anthropic-beta'}, undef, 'and no betas');
logged();


# --- errors --------------------------------------------------------------

my %types = (400 => 'invalid_request_error', 404 => 'not_found_error',
             413 => 'request_too_large', 429 => 'rate_limit_error',
             500 => 'api_error', 503 => 'overloaded_error',
             529 => 'overloaded_error');

for my $status (sort keys %types) {
    my $error = "{ \"type\" : \"error\",\n \"error\":{\"type\":"
        . "\"$types{$status}\",\"message\":\"\\u0069t \xc3\xa9\"},"
        . "\"request_id\":\"req_2\" }\n";

    for my $stream (0, 1) {
        my $body = $stream ? $bodies[0] =~ s/\}$/,"stream":true}/r
            : $bodies[0];

        answers($error, status => $status,
              headers => { %$json, 'Retry-After' => 7 });
        my $r = http_post('/refusing/v1/messages', $body);

        is($r->status, $status, "$status, stream $stream");
        ok($r->body eq $error, "$status: error is byte-identical")
            or diag($r->body);
        is($r->header('content-type'), 'application/json', 'its type');
        is($r->header('retry-after'), 7, "$status: Retry-After")
            if $status == 429 || $status >= 503;
        is(scalar(my @all = $mock->ledger), 1, 'one request');
        like(logged(), qr/ $status$/, 'log');
    }
}

for my $status (401, 403) {
    answers('{"type":"error","error":{"type":"authentication_error",'
          . '"message":"org-secret"}}', status => $status);
    my $r = http_post('/refusing/v1/messages', $bodies[0]);
    is($r->status, 502, "a refused key, $status, is not the client's");
    is($r->json->{error}{type}, 'api_error', 'nor its words');
    logged();
}

answers('<html>busy</html>', status => 503,
      headers => { 'Content-Type' => 'text/html' });
$r = http_post('/refusing/v1/messages', $bodies[0]);
is($r->status, 503, 'a page');
is($r->json->{type}, 'error', 'becomes an error');
logged();

answers('{"type":"error","error":{"type":"api_error","message":"'
      . 'x' x 300000 . '"}}', status => 500);
$r = http_post('/refusing/v1/messages', $bodies[0]);
is($r->status, 500, 'an error without an end');
is($r->json->{type}, 'error', 'is whole JSON for the client');
logged();

answers('{"type":"error","error":{"type":"rate_limit_error"}}', status => 429);
$r = http_post('/page/v1/messages', $bodies[0]);
is($r->status, 429, 'error_page');
is($r->body, 'busy', "wins over the provider's body");
logged();


# --- what is not as it was asked for -------------------------------------

answers($answer);
$r = http_post($uri, $bodies[0] =~ s/\}$/,"stream":true}/r);
is($r->header('content-type'), 'text/event-stream', 'an object for a stream');
like($r->body, qr/\Aevent: message_start\n.*\nevent: message_stop\n.*\n\n\z/s,
     'becomes a stream');
is(logged(), '1 2 0 0 stop msg_1 200', 'log');

my $events = join '', map {
    "event: $_->{type}\ndata: " . json_encode($_) . "\n\n"
} message_events();
answers($events, headers => $sse);
$r = http_post($uri, $bodies[0]);
is($r->json->{content}[0]{text}, 'Hello', 'a stream becomes an object');
is($r->json->{stop_reason}, 'end_turn', 'with its end');
logged();

# comments, fields, and events that nobody knows

my $odd = ": c\n\n" . $events =~ s/(event: message_stop)/event: new_one
data: {"type":"new_one","x":1.50}

event: ping
data: {"type": "ping"}

$1/r;

for my $text ($odd, $odd =~ s/\n/\r\n/gr) {
    for my $split ('bytes', 'events', 'random') {
        answers($text, headers => $sse, split => $split);
        $r = http_post($uri, $bodies[0] =~ s/\}$/,"stream":true}/r);

        # a CR is an end already: its LF may come too late
        my $late = $text =~ s/\r\n\z/\r/r;
        ok($r->body eq $text || $r->body eq $late, "odd stream, $split");
        ok($r->complete, 'complete');
        is(logged(), '1 2 0 0 stop msg_1 200', 'log');
    }
}

# streams that do not end

my ($begin) = $events =~ /\A(.*?)event: content_block_stop/s;
my $error = "event: error\ndata: {\"type\":\"error\", \"error\":{\"type\":"
    . "\"overloaded_error\",\"message\":\"it broke\"}}\n\n";
my $ask = $bodies[0] =~ s/\}$/,"stream":true}/r;

answers($begin . $error, headers => $sse);
$r = http_post('/refusing/v1/messages', $ask);
ok($r->body eq $begin . $error, "an error's event is byte-identical");
logged();

answers($begin, headers => $sse);
$r = http_post('/refusing/v1/messages', $ask);
like($r->body, qr/\A\Q$begin\Eevent: error\ndata: (\{.*\})\n\n\z/,
     'a cut ends with an error');
is((sse($r))[-1]{event}, 'error', 'which is an event');
is(json_decode((sse($r))[-1]{data})->{error}{type}, 'api_error', 'of ours');
logged();

answers($error, headers => $sse);
$r = http_post('/refusing/v1/messages', $ask);
cmp_ok($r->status, '>=', 500, 'an error before all content is a status');
is($r->json->{error}{type}, 'overloaded_error', 'and its type');
is(scalar(my @one = $mock->ledger), 1, 'one request');
logged();


sub message_events {
    my $message = json_decode($answer);
    @$message{qw/ content stop_reason /} = ([], undef);

    return ({ type => 'message_start', message => $message },
        { type => 'content_block_start', index => 0,
          content_block => { type => 'text', text => '' } },
        { type => 'content_block_delta', index => 0,
          delta => { type => 'text_delta', text => 'Hello' } },
        { type => 'content_block_stop', index => 0 },
        { type => 'message_delta', delta => { stop_reason => 'end_turn' },
          usage => { output_tokens => 2 } },
        { type => 'message_stop' });
}
