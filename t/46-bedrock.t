#!/usr/bin/perl

# Amazon Bedrock: what is sent is signed and shaped as botocore would have it,
# binary streams come out as streams of the client's API whatever the pieces
# they arrive in, and credentials come from where the operator says.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use IPC::Open2;
use JSON::PP qw/ decode_json encode_json /;
use MIME::Base64 qw/ encode_base64 /;
use Test::More;

use AI::Test;

my $t = AI::Test->new;

$ENV{AWS_ACCESS_KEY_ID} = 'AKIACANARYENV';
$ENV{AWS_SECRET_ACCESS_KEY} = 'canary-secret-env';
delete $ENV{AWS_SESSION_TOKEN};

$t->write_file('secret', "canary-secret-file\n");
$t->write_file('credentials', profile('AKIAONE', 'canary-secret-one', 'tok1'));

$t->write_file_expand('nginx.conf', <<'EOC');
%%TEST_GLOBALS%%

worker_processes 1;

events {
}

http {
    %%TEST_GLOBALS_HTTP%%

    client_body_buffer_size 256k;

    log_format usage '$ai_api $ai_provider $ai_prompt_tokens '
                     '$ai_completion_tokens $ai_finish_reason $status';
    access_log %%TESTDIR%%/usage.log usage;

    ai_provider bedrock {
        endpoint http://127.0.0.1:%%PORT_8081%%;
        aws region=eu-central-1 access_key=AKIACANARYCONF
            secret_key=file:secret session_token=canary-session;
    }

    ai_provider env {
        api bedrock;
        endpoint http://127.0.0.1:%%PORT_8081%%;
        aws region=us-east-1;
    }

    ai_provider file {
        api bedrock;
        endpoint http://127.0.0.1:%%PORT_8081%%;
        aws region=us-west-2 credentials=file:credentials profile=team;
    }

    ai_provider key {
        api bedrock;
        endpoint http://127.0.0.1:%%PORT_8081%%;
        key sk-canary-bedrock;
        aws region=us-east-1;
    }

    ai_provider next {
        api openai;
        endpoint http://127.0.0.1:%%PORT_8082%%;
    }

    ai_route two {
        target bedrock model=m;
        target next model=gpt backup;
    }

    server {
        listen 127.0.0.1:%%PORT_8080%%;

        location /v1/ { ai_pass bedrock; }
        location /env/v1/ { ai_pass env; }
        location /file/v1/ { ai_pass file; }
        location /key/v1/ { ai_pass key; }
        location /two/v1/ { ai_pass two; }
    }
}
EOC

my $mock = $t->mock([], port => 8081);
my $next = $t->mock([], port => 8082, name => 'next');
$t->secret('canary-secret-file', 'canary-secret-env', 'canary-secret-one',
           'canary-secret-two', 'canary-session', 'sk-canary-bedrock');
$t->run;

my $root = $t->root . '/t/data/recordings/bedrock';
my $claude = 'eu.anthropic.claude-sonnet-4-5-20250929-v1:0';
my $encoded = 'eu.anthropic.claude-sonnet-4-5-20250929-v1%3A0';


sub profile {
    my ($id, $secret, $token) = @_;
    return "# renewed\n[default]\naws_access_key_id=AKIAWRONG\n"
        . "aws_secret_access_key=wrong\n\n[team]\n"
        . "aws_access_key_id = $id\naws_secret_access_key = $secret\n"
        . "aws_session_token = $token\n";
}


sub slurp {
    my ($file) = @_;
    open my $fh, '<:raw', $file or die "$file: $!\n";
    local $/;
    return <$fh>;
}


sub answers {
    my ($name, %r) = @_;
    my $file = (glob "$root/$name.response.*")[0];
    my $type = $file =~ /\.bin$/ ? 'application/vnd.amazon.eventstream'
                                 : 'application/json';
    $mock->script([ { reply => { base64 => encode_base64(slurp($file), ''),
                                 headers => { 'Content-Type' => $type },
                                 %r } } ]);
    $mock->clear;
}


sub chat {
    my ($prefix, %body) = @_;
    return http_post("$prefix/v1/chat/completions", {
        model => $claude, messages => [ { role => 'user', content => 'Hi' } ],
        %body });
}


sub checked {
    my ($keys, $region, $name) = @_;

    my $pid = open2(my $out, my $in, $t->root . '/build/venv/bin/python',
                    $t->root . '/t/lib/aws_check.py', @$keys, $region);
    for my $r ($mock->events('request')) {
        print $in encode_json($r), "\n";
    }
    close $in;
    my @found = map { decode_json($_) } <$out>;
    waitpid $pid, 0;

    ok(@found && !grep({ @{ $_->{problems} } } @found), $name)
        or diag(encode_json(\@found));
    return @found;
}


my @conf = ('AKIACANARYCONF', 'canary-secret-file', 'canary-session');

# --- JSON ----------------------------------------------------------------

{
    answers('bedrock_cache_write_and_read');
    my $r = chat('', max_tokens => 50, temperature => 0.5,
                 tools => [ { type => 'function', function => {
                     name => 'look', description => 'Looks.',
                     parameters => { type => 'object',
                                     properties => {} } } } ]);
    my $want = decode_json(slurp(
        "$root/bedrock_cache_write_and_read.response.json"));

    is($r->status, 200, 'Converse');
    is($r->json->{choices}[0]{message}{content},
       join('', map { $_->{text} // () }
            @{ $want->{output}{message}{content} }), 'text of an answer');

    my $u = $want->{usage};
    is($r->json->{usage}{prompt_tokens},
       $u->{inputTokens} + ($u->{cacheReadInputTokens} // 0)
       + ($u->{cacheWriteInputTokens} // 0), 'cached tokens are counted once');

    my ($got) = checked(\@conf, 'eu-central-1', 'signed and shaped');
    is($got->{path}, "/model/$encoded/converse", 'path of a model');
}

# --- streams -------------------------------------------------------------

for my $name (map { m{([^/]+)\.response\.eventstream\.bin$} }
              sort glob "$root/*.eventstream.bin")
{
    next if $name =~ /invoke/;

    my %seen;

    for my $size (1, 7, 0) {
        answers($name, $size ? (split => $size) : ());
        my $r = chat('', stream => JSON::PP::true,
                     stream_options => { include_usage => JSON::PP::true });
        my @events = $r->events;
        my $text = '';
        my %call;
        my $last = '';

        for my $e (@events) {
            $last = $e->{data};
            next if $e->{data} eq '[DONE]';
            my $c = decode_json($e->{data})->{choices}[0] or next;
            $text .= $c->{delta}{content} // '';
            $call{$_->{index}} .= $_->{function}{arguments} // ''
                for @{ $c->{delta}{tool_calls} || [] };
        }

        $seen{JSON::PP->new->canonical->encode([ $text, \%call, $last ])}++;
        is($r->status, 200, "$name in pieces of " . ($size || 'any size'));
    }

    is(scalar keys %seen, 1, "$name: the same in any pieces")
        or diag(join "\n", keys %seen);
}

checked(\@conf, 'eu-central-1', 'a stream is signed and shaped');

{
    answers('converse_stream_with_content', cut => 200);
    my $r = chat('/two', stream => JSON::PP::true);
    isnt(($r->events)[-1]{data} // '', '[DONE]', 'a cut stream has no end');
}

# --- credentials ---------------------------------------------------------

answers('bedrock_model_max_tokens');
chat('/env');
checked([ 'AKIACANARYENV', 'canary-secret-env', '' ], 'us-east-1',
        'keys of the environment');

answers('bedrock_model_max_tokens');
chat('/file');
checked([ 'AKIAONE', 'canary-secret-one', 'tok1' ], 'us-west-2',
        'keys of a profile in a file');

sleep 1.1;
$t->write_file('credentials', profile('AKIATWO', 'canary-secret-two', 'tok2'));
sleep 1.1;
answers('bedrock_model_max_tokens');
chat('/file');
checked([ 'AKIATWO', 'canary-secret-two', 'tok2' ], 'us-west-2',
        'keys that were renewed');

$t->write_file('credentials', "[team]\naws_access_key_id = AKIATHREE\n");
sleep 1.1;
answers('bedrock_model_max_tokens');
chat('/file');
checked([ 'AKIATWO', 'canary-secret-two', 'tok2' ], 'us-west-2',
        'half a file changes nothing');
ok($t->error_log(qr/no credentials of profile "team"/), 'which is logged');

answers('bedrock_model_max_tokens');
chat('/key');
is(($mock->ledger)[0]{h}{authorization}, 'Bearer sk-canary-bedrock',
   'a Bedrock key');

# --- errors --------------------------------------------------------------

{
    $mock->script([ { reply => { status => 429, headers => {
        'x-amzn-errortype' => 'ThrottlingException' },
        json => { message => 'Too many requests' } } } ]);
    $next->script([ { reply => { json => {
        id => 'x', object => 'chat.completion', created => 1, model => 'gpt',
        choices => [ { index => 0, finish_reason => 'stop', message => {
            role => 'assistant', content => 'next' } } ],
        usage => { prompt_tokens => 1, completion_tokens => 1,
                   total_tokens => 2 } } } } ]);

    is(chat('/two')->json->{choices}[0]{message}{content}, 'next',
       'throttled: the next target');

    my $r = chat('');
    is($r->status, 429, 'throttled');
    is($r->json->{error}{code}, 'rate_limit_exceeded', 'as OpenAI says it');
}
