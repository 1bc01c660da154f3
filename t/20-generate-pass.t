#!/usr/bin/perl

# Clients of Gemini with a provider of Gemini: recorded answers, whole ones
# and streams, go through byte for byte, and the log knows their tokens; the
# request as it was written; errors of the provider; the paths, the JSON array
# of a stream without alt=sse, and our own errors in Gemini's shape.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use File::Basename qw/ basename /;
use List::Util qw/ sum0 /;
use Test::More;

use AI::Test;

my $t = AI::Test->new;

$t->write_file_expand('nginx.conf', <<'EOC');
%%TEST_GLOBALS%%

events {
}

http {
    %%TEST_GLOBALS_HTTP%%

    log_format tokens '$ai_prompt_tokens|$ai_completion_tokens|'
                      '$ai_total_tokens|$ai_cached_tokens|'
                      '$ai_reasoning_tokens|$ai_finish_reason|$ai_api|'
                      '$ai_stream|$ai_response_id';
    access_log %%TESTDIR%%/tokens.log tokens;

    ai_provider p {
        api gemini;
        endpoint http://127.0.0.1:%%PORT_8081%%/v1beta;
        key key-canary-provider;
        model *;
        model renamed as=real-name;
    }

    ai_provider broken {
        api gemini;
        endpoint http://127.0.0.1:%%PORT_8081%%/v1beta;
        key key-canary-provider;
    }

    server {
        listen 127.0.0.1:%%PORT_8080%%;

        client_max_body_size 16m;

        location / {
            ai_pass p;
        }

        location /small/ {
            client_max_body_size 1k;
            ai_pass p;
        }

        location /broken/ {
            ai_pass broken;
        }

        location /format/ {
            ai_error_format openai;
            ai_pass p;
        }

        location /page/ {
            error_page 429 /429.html;
            ai_pass p;
        }

        location = /429.html {
            return 429 ours;
        }
    }
}
EOC

my $mock = $t->mock([], port => 8081);
my $lines = 0;

$t->secret('key-canary-provider', 'key-canary-client');
$t->run;


# the provider's answer, whatever is asked

sub answer {
    $mock->script([ { reply => { @_ } } ]);
    $mock->clear;
}


sub ask {
    my ($path, $body, @headers) = @_;

    $lines++;
    return http_post($path, $body, 'X-Goog-Api-Key' => 'key-canary-client',
                     @headers);
}


# the last line of the log, as a hash

sub logged {
    my %v;

    $t->wait_for(sub { (() = $t->log_lines('tokens.log'))
                       >= $lines }) or return {};
    @v{qw/ prompt completion total cached reasoning finish api stream id /} =
        split /\|/, ($t->log_lines('tokens.log'))[-1];
    return \%v;
}


# what usageMetadata stands for, by its arithmetic

sub tokens {
    my ($u) = @_;

    my $sum = sub {
        my @n = grep { defined } @$u{@_};
        return @n ? sum0(@n) : '-';
    };

    my %v = (prompt => $sum->(qw/ promptTokenCount
                                  toolUsePromptTokenCount /),
             completion => sum0(map { $_ // 0 }
                 @$u{qw/ candidatesTokenCount thoughtsTokenCount /}),
             total => $u->{totalTokenCount} // '-',
             cached => $u->{cachedContentTokenCount} // 0,
             reasoning => $u->{thoughtsTokenCount} // 0);
    return \%v;
}


sub is_tokens {
    my ($u, $name) = @_;

    local $Test::Builder::Level = $Test::Builder::Level + 1;

    my $got = logged();
    my $want = tokens($u);
    is_deeply({ map { ($_ => $got->{$_}) } keys %$want }, $want,
              "tokens: $name");
}


sub is_google_error {
    my ($r, $status, $word, $name) = @_;

    local $Test::Builder::Level = $Test::Builder::Level + 1;

    my $e = ref $r->json eq 'HASH' ? $r->json->{error} : undef;
    $e = {} if ref $e ne 'HASH';
    is_deeply([ $r->status, @$e{qw/ code status /} ],
              [ $status, $status, $word ], $name)
        or diag(substr $r->body, 0, 300);
    ok(length($e->{message} // ''), 'with a message');
}


# --- recordings ---

my $dir = $t->root . '/t/data/recordings/gemini';
my @metas = grep { !/embed/ } sort glob "$dir/*.meta.json";
my $replayed = 0;

for my $file (@metas) {
    my $meta = json_decode(slurp($file));
    my $name = basename($file, '.meta.json');
    my ($verb) = $meta->{path} =~ m{(models/[^/]+:(?:streamG|g)enerateContent)}
        or next;
    my $stream = $verb =~ /stream/;
    my $body = -f "$dir/$name.request.json" ? slurp("$dir/$name.request.json")
        : '{"contents":[{"parts":[{"text":"Hi"}]}]}';
    my $text = slurp("$dir/$name.response." . ($stream ? 'sse' : 'json'));

    next if $stream && $meta->{status} == 200
            && $meta->{path} !~ /alt=sse/;

    answer(status => $meta->{status}, file =>
           "$dir/$name.response." . ($stream ? 'sse' : 'json'),
           headers => { 'Content-Type' => $stream && $meta->{status} == 200
                        ? 'text/event-stream' : 'application/json' },
           $stream ? (split => 'random', seed => 7) : ());

    my $path = "$verb" . ($stream ? '?alt=sse' : '');
    my $r = ask("/v1beta/$path", $body);
    my ($q) = $mock->events('request');
    $replayed++;

    is($r->status, $meta->{status}, "$name: status");
    ok($r->body eq $text, "$name: answer") or diag(substr $r->body, 0, 400);
    is($q && $q->{path}, "/v1beta/$path", 'path');
    is(length($q->{body} // ''), length(as_text($body)), 'length of request');
    ok(($q->{body} // '') eq as_text($body), 'request')
        if defined $q->{body};

    next if $meta->{status} != 200;

    my @said = map { ref $_ eq 'HASH' ? $_->{usageMetadata} // () : () }
        $stream ? $r->event_data : $r->json;
    my %usage = map { %$_ } @said;
    is_tokens(\%usage, $name) if %usage;
}

cmp_ok($replayed, '>', 20, 'recordings were replayed');

# all the numbers there are

my %usage = (promptTokenCount => 30, toolUsePromptTokenCount => 4,
             candidatesTokenCount => 7, thoughtsTokenCount => 5,
             cachedContentTokenCount => 8, totalTokenCount => 46);
my $said = { candidates => [ { content => { role => 'model', parts => [
    { text => 'Hi.' } ] }, finishReason => 'STOP', index => 0 } ],
    usageMetadata => \%usage, modelVersion => 'g-1', responseId => 'r-1' };
my $uri = '/v1beta/models/g:generateContent';
my $hi = '{"contents":[{"parts":[{"text":"Hi"}],"role":"user"}]}';

answer(json => $said);
ask($uri, $hi);
is_tokens(\%usage, 'all kinds');
is(logged()->{finish}, 'stop', '$ai_finish_reason');
is(logged()->{api}, 'gemini.generate_content', '$ai_api');
is(logged()->{id}, 'r-1', '$ai_response_id');

# --- requests ---

my @bodies = (
    $hi,
    " {\r\n\t\"contents\" : [ {\"parts\":[{\"text\":\"\\u0068\\/\"}]} ] ,"
        . " \"generation_config\" : { \"top_p\":1.50E-1 } }\r\n ",
    '{"unknown":{"a":[1,{"b":null}]},"contents":[{"parts":[{"text":"a"}]}],'
        . '"big":12345678901234567890}',
    '{"contents":"Hi"}',
);

for my $body (@bodies) {
    answer(json => $said);
    my $r = ask($uri, $body);
    is($r->status, 200, 'a spelling') or diag($r->body);
    is((($mock->ledger)[0] // {})->{body}, $body, 'goes on as it is');
}

answer(json => $said);
ask('/v1/models/renamed:generateContent?key=k-1&x=1', $hi,
    Authorization => 'Bearer key-canary-client');
my ($q) = $mock->ledger;
is($q->{path}, '/v1beta/models/real-name:generateContent',
   'as= changes the path, and no argument goes on');
is($q->{h}{'x-goog-api-key'}, 'key-canary-provider', "the provider's key");
is($q->{h}{authorization}, undef, "not the client's");
is($q->{body}, $hi, 'the body is not touched');

# names that are no part of a path by themselves stay one

for my $name ('a%3Fx=1', 'a%23b', 'a%20b', 'a%25b', 'a%3Ab', 'org/m',
              'a%0D%0AX:%20y')
{
    answer(json => $said);
    my $r = ask("/v1beta/models/$name:generateContent", $hi);
    my ($q) = $mock->ledger;

    if ($r->status != 200) {
        is_google_error($r, $r->status, $r->status == 400
                        ? 'INVALID_ARGUMENT' : 'NOT_FOUND', "model $name");
        ok(!$q, 'nothing is sent');
        next;
    }

    my ($sent) = ($q->{path} // '')
        =~ m{^/v1beta/models/([^?#\s]+):generateContent\z};
    s/%(..)/chr hex $1/ge for $sent, (my $want = $name);
    is($sent, $want, "model $name");
    ok(!exists $q->{h}{x}, 'no header of its own');
}

# --- a stream without alt=sse ---

my @chunks = map { { candidates => [ { content => { role => 'model',
    parts => [ { text => $_ } ] }, index => 0 } ] } } 'One, ', 'two.';
$chunks[1]{candidates}[0]{finishReason} = 'STOP';
$chunks[1]{usageMetadata} = \%usage;

answer(sse => \@chunks);
my $r = ask('/v1beta/models/g:streamGenerateContent', $hi);
like($r->header('content-type'), qr{^application/json}, 'array: type');
is(ref $r->json, 'ARRAY', 'array') or diag($r->body);
is(join('', map { $_->{candidates}[0]{content}{parts}[0]{text} // '' }
        ref $r->json eq 'ARRAY' ? @{ $r->json } : ()), 'One, two.',
   'array: text');
ok($r->complete, 'array: to its end');
is_tokens(\%usage, 'array');
like((($mock->ledger)[0] // {})->{path}, qr/:streamGenerateContent\?alt=sse$/,
     'the provider is asked for events');

for my $way ('error', 'end') {
    answer(sse => [ $chunks[0], $way eq 'error' ? { error => { code => 503,
        message => 'it broke', status => 'UNAVAILABLE' } } : () ]);
    $r = ask('/broken/v1beta/models/g:streamGenerateContent', $hi);
    my $list = $r->json;
    is(ref $list, 'ARRAY', "array with $way in mid-text is JSON")
        or diag($r->body);
    ok(ref $list eq 'ARRAY' && @$list > 1 && $list->[-1]{error}{code},
       'and ends with an error') or diag($r->body);
}

# --- streams that break ---

answer(sse => [ $chunks[0], { error => { code => 503, message => 'it broke',
    status => 'UNAVAILABLE' } } ]);
$r = ask('/broken/v1beta/models/g:streamGenerateContent?alt=sse', $hi);
my @data = $r->event_data;
is(scalar @data, 2, "the provider's error event is the last one");
is($data[-1]{error}{message}, 'it broke', 'as it was sent');

answer(sse => [ $chunks[0] ]);
$r = ask('/broken/v1beta/models/g:streamGenerateContent?alt=sse', $hi);
@data = $r->event_data;
is($data[-1]{error}{code}, 502, 'a stream without an end gets an error')
    or diag($r->body);
is($data[-1]{error}{status}, 'INTERNAL', 'in the shape of the API');

# --- errors of the provider ---

my $odd = "{\n  \"error\": {\n    \"code\": %d, \"message\": \"\\u0061 b\","
    . " \"status\": \"X\", \"details\": [ 1.0 ]\n  }\n}\n";

for my $status (400, 404, 429, 500, 503) {
    my $text = sprintf $odd, $status;

    for my $verb ('generateContent', 'streamGenerateContent?alt=sse') {
        answer(status => $status, text => $text, headers => {
            'Content-Type' => 'application/json', 'Retry-After' => 7 });
        $r = ask("/v1beta/models/e$status:$verb", $hi);
        is($r->status, $status, "status $status, $verb");
        is($r->body, $text, 'body unchanged');
        is($r->header('retry-after'), 7, 'retry-after') if $status == 429;
    }
}

answer(status => 429, text => sprintf($odd, 429));
$r = ask('/format/v1beta/models/e429:generateContent', $hi);
is($r->status, 429, 'ai_error_format: status');
is(($r->json // {})->{error}{type}, 'rate_limit_error', 'and its shape')
    or diag($r->body);
is(ask('/page/v1beta/models/e429p:generateContent', $hi)->body, 'ours',
   "the operator's error_page");

answer(status => 401, text => sprintf($odd, 401));
is_google_error(ask($uri, $hi), 502, 'INTERNAL', "our key's fault is ours");

# --- our own errors ---

answer(json => $said);

for my $bad ('{"contents":', '[]', '{"contents":[]}x', '') {
    is_google_error(ask($uri, $bad), 400, 'INVALID_ARGUMENT', "'$bad'");
}

is_google_error(ask("/small$uri", $hi . ' ' x 2000), 413, 'INVALID_ARGUMENT',
                'too large');
is_google_error(ask("/v1beta/models/g:$_", $hi), 404, 'NOT_FOUND',
                "verb $_") for qw/ countToken generateContents embed /;
is_google_error(ask('/v1beta/models/g', $hi), 404, 'NOT_FOUND', 'no verb');
is_google_error(ask('/v1beta/models/:generateContent', $hi), 404,
                'NOT_FOUND', 'no model');
is(scalar $mock->ledger, 0, 'nothing of it reached the provider');


sub slurp {
    my ($file) = @_;

    open my $fh, '<:raw', $file or die "$file: $!\n";
    local $/;
    return <$fh>;
}


# what the mock's ledger makes of bytes

sub as_text {
    my ($bytes) = @_;

    utf8::decode($bytes);
    return $bytes;
}
