#!/usr/bin/perl

# Operations whose bytes are the client's: images, speech, transcripts,
# moderations, files, batches, stored responses, and paths that are none of
# ours.  The model is found and renamed, in JSON and in forms, in memory and
# in a file; answers of any type and size come as they are, and one that is
# cut does not look whole.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Digest::SHA qw/ sha256_hex /;
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

    client_max_body_size 64m;
    client_body_buffer_size 16k;

    log_format op '$ai_api $ai_operation $ai_model $ai_upstream_model '
                  '$ai_provider $ai_prompt_tokens $ai_completion_tokens '
                  '$status';
    access_log %%TESTDIR%%/op.log op;

    map $ai_request_model $renamed {
        default $ai_request_model;
        ours    theirs-and-longer;
    }

    ai_provider one {
        api openai;
        endpoint http://127.0.0.1:%%PORT_8081%%/v1;
        key sk-canary-provider-1;
        model *;
    }

    ai_provider two {
        api openai;
        endpoint http://127.0.0.1:%%PORT_8082%%/v1;
        key sk-canary-provider-2;
        passthrough on;
    }

    ai_provider claude {
        api anthropic;
        endpoint http://127.0.0.1:%%PORT_8081%%;
        key sk-canary-provider-1;
        model claude;
    }

    ai_route both {
        target claude;
        target one;
        target two backup;
    }

    ai_route stored {
        target claude model=claude backup;
        target one;
        target two;
    }

    server {
        listen 127.0.0.1:%%PORT_8080%%;

        ai_model $renamed;

        location /v1/ { ai_pass both; }
        location /stored/v1/ { ai_pass stored; }
        location /two/v1/ { ai_pass two; }
        location /claude/v1/ { ai_pass claude; }
        location /small/v1/ { ai_body_max_size 1k; ai_pass one; }
    }
}
EOC

my $one = $t->mock([], port => 8081, name => 'one');
my $two = $t->mock([], port => 8082, name => 'two');
$t->secret('sk-canary-client-1', 'sk-canary-provider-1',
           'sk-canary-provider-2');
$t->run;

my @auth = (Authorization => 'Bearer sk-canary-client-1');


sub script {
    my ($mock, %reply) = @_;
    $mock->script([ { reply => { %reply } } ]);
    $mock->clear;
}


sub form {
    my ($boundary, @parts) = @_;
    my $text = '';

    while (my ($head, $value) = splice @parts, 0, 2) {
        $text .= "--$boundary\r\nContent-Disposition: form-data; $head\r\n\r\n"
            . "$value\r\n";
    }

    return $text . "--$boundary--\r\n";
}


sub upload {
    my ($uri, $body, $boundary, %o) = @_;
    return http_post($uri, $body, @auth, 'Content-Type' =>
                     "multipart/form-data; boundary=$boundary", %o);
}


sub logged {
    my ($want, $name) = @_;
    $t->wait_for(sub { $t->read_file('op.log') =~ /^\Q$want\E$/m });
    like($t->read_file('op.log'), qr/^\Q$want\E$/m, $name);
}


# --- JSON in, JSON out ---------------------------------------------------

{
    my $answer = { id => 'modr-1', model => 'omni-moderation-latest',
                   results => [ { flagged => JSON::PP::false } ] };
    script($one, json => $answer);

    my $r = http_post('/v1/moderations', '{"input":"x"}', @auth);
    is_deeply($r->json, $answer, 'moderation without a model');
    my ($q) = $one->ledger;
    is($q->{path}, '/v1/moderations', 'its path');
    is($q->{body}, '{"input":"x"}', 'its body as it was');
    is($q->{h}{authorization}, 'Bearer sk-canary-provider-1', 'our key');
    logged('openai.moderations moderations omni-moderation-latest '
           . 'omni-moderation-latest one 0 0 200', 'moderation in the log');

    script($one, json => { created => 1, data => [ { b64_json => 'AAAA' } ],
                           usage => { input_tokens => 9, output_tokens => 7,
                                      total_tokens => 16 } });
    $r = http_post('/v1/images/generations',
                   '{"prompt":"a  b","model" : "ours","n":1}', @auth);
    is($r->status, 200, 'image');
    is(($one->ledger)[0]{body},
       '{"prompt":"a  b","model" : "theirs-and-longer","n":1}',
       'only the model is another');
    logged('openai.images images theirs-and-longer theirs-and-longer one 9 7 '
           . '200', 'tokens of an image');

    $r = http_post('/v1/images/generations', '{"prompt":"x"}', @auth);
    is($r->status, 400, 'no model');
    is($r->json->{error}{param}, 'model', 'says so');

    $r = http_post('/small/v1/moderations', '{"input":"' . 'x' x 2000 . '"}');
    is($r->status, 413, 'a JSON body above ai_body_max_size');
}

# --- failover, and APIs that do not have the operation ---------------------

{
    script($one, status => 500, json => { error => { message => 'no' } });
    script($two, json => { results => [] });

    my $r = http_post('/v1/moderations', '{"input":"x"}', @auth);
    is($r->status, 200, 'the next target has it');
    is(scalar(my @l = $two->ledger), 1, 'and was asked once');

    $one->clear;
    $r = http_post('/claude/v1/images/generations',
                   '{"prompt":"x","model":"claude"}', @auth);
    is($r->status, 400, 'no images at Anthropic');
    like($r->json->{error}{message}, qr/does not have this operation/, 'why');
    is(scalar(@l = $one->ledger), 0, 'nothing was sent');

    script($one, text => '<html>no</html>');
    $r = http_post('/v1/moderations', '{"input":"x"}', @auth);
    is($r->header('Content-Type'), 'text/plain', 'another type goes through');
}

# --- bytes out ------------------------------------------------------------

{
    my $bytes = join '', map { pack 'N', $_ * 2654435761 % 2**32 } 1 .. 300000;

    script($one, base64 => encode_base64($bytes, ''), split => 50000,
           headers => { 'Content-Type' => 'audio/mpeg' });
    my $r = http_post('/v1/audio/speech',
                      '{"model":"tts","input":"x","voice":"a"}', @auth);
    is($r->header('Content-Type'), 'audio/mpeg', 'type of speech');
    is($r->header('Content-Length'), length $bytes, 'and length');
    is(sha256_hex($r->body), sha256_hex($bytes), 'and its bytes');

    script($one, base64 => encode_base64($bytes, ''), split => 50000,
           framing => 'chunked', headers => { 'Content-Type' => 'audio/aac' });
    $r = http_post('/v1/audio/speech',
                   '{"model":"tts","input":"x","voice":"a"}', @auth);
    is(sha256_hex($r->body), sha256_hex($bytes), 'in chunks');
    ok($r->complete, 'with their end');

    for my $framing (qw/ chunked length /) {
        script($one, base64 => encode_base64($bytes, ''), framing => $framing,
               headers => { 'Content-Type' => 'audio/aac' }, cut => 200000);
        $r = http_post('/v1/audio/speech',
                       '{"model":"tts","input":"x","voice":"a"}', @auth);
        is($r->status, 200, "cut, $framing");
        ok(!$r->complete, 'does not look whole');
        $t->allow(qr/prematurely closed connection/);
    }

    script($one, sse => [ '{"type":"speech.audio.delta","audio":"AAAA"}',
           '{"type":"speech.audio.done","usage":{"input_tokens":3,'
           . '"output_tokens":5,"total_tokens":8}}' ]);
    $r = http_post('/v1/audio/speech', '{"model":"tts","input":"x",'
                   . '"voice":"a","stream_format":"sse"}', @auth);
    is(scalar(my @e = $r->events), 2, 'events of speech');
    logged('openai.audio speech tts tts one 3 5 200', 'tokens of a stream');

    script($one, status => 400, json => { error => { message => 'bad voice',
           type => 'invalid_request_error', param => 'voice' } });
    $r = http_post('/v1/audio/speech',
                   '{"model":"tts","input":"x","voice":"q"}', @auth);
    is($r->status, 400, "a provider's refusal");
    is($r->json->{error}{message}, 'bad voice', 'in its words');
}

# --- forms ------------------------------------------------------------------

{
    my $audio = join '', map { chr($_ * 7919 % 256) } 1 .. 100000;

    for my $size (1000, 100000) {
        my $file = substr $audio, 0, $size;
        my @order = ([ 'name="model"', 'ours' ],
                     [ 'name="file"; filename="a.mp3"', $file ],
                     [ 'name="temperature"', '0' ]);

        for my $n (0, 1) {
            my @parts = map { @$_ } $n ? reverse @order : @order;
            my $want = form('xyz', map { $_ eq 'ours' ? 'theirs-and-longer'
                                                      : $_ } @parts);
            script($one, json => { text => 'said', usage => {
                type => 'tokens', input_tokens => 4, output_tokens => 2,
                total_tokens => 6 } });
            my $r = upload('/v1/audio/transcriptions', form('xyz', @parts),
                           'xyz');
            is($r->json->{text}, 'said', "form of $size bytes, order $n");

            my ($q) = $one->ledger;
            is($q->{h}{'content-type'}, 'multipart/form-data; boundary=xyz',
               'type with its boundary');
            is($q->{path}, '/v1/audio/transcriptions', 'path');
            my $got = $q->{body} // MIME::Base64::decode($q->{body_base64});
            is(sha256_hex($got), sha256_hex($want), 'only the model differs');
        }
    }

    logged('openai.audio transcriptions theirs-and-longer theirs-and-longer '
           . 'one 4 2 200', 'tokens of a transcript');

    script($one, text => "1\n00:00:00,000 --> 00:00:01,000\nsaid\n");
    my $r = upload('/v1/audio/translations',
                   form('b', 'name="model"', 'w', 'name="file"; filename=a',
                        'x'), 'b');
    like($r->body, qr/-->/, 'a transcript in text');

    script($one, json => { data => [] });
    $r = upload('/v1/images/edits',
                form('b', 'name="model"', 'w', 'name="image"; filename=a',
                     'x'), 'b');
    is($r->status, 200, 'image edit');

    $one->clear;

    for my $case (
        [ 'no model', 'b', form('b', 'name="file"; filename=a', 'x') ],
        [ 'model twice', 'b', form('b', 'name="model"', 'w', 'name="model"',
                                   'v') ],
        [ 'no end', 'b', "--b\r\nContent-Disposition: form-data; "
          . "name=\"model\"\r\n\r\nw\r\n" ],
        [ 'no boundary', '', form('b', 'name="model"', 'w') ],
        [ 'long boundary', 'b' x 71, form('b' x 71, 'name="model"', 'w') ],
        [ 'a folded header', 'b', "--b\r\nContent-Disposition: form-data;\r\n "
          . "name=\"model\"\r\n\r\nw\r\n--b--\r\n" ],
    ) {
        my ($name, $boundary, $body) = @$case;
        $r = upload('/v1/audio/transcriptions', $body, $boundary);
        is($r->status, 400, $name);
        is($r->json->{error}{type}, 'invalid_request_error', "$name: type");
    }

    $r = http_post('/v1/audio/transcriptions', '{"model":"w"}', @auth);
    is($r->status, 400, 'JSON where a form is due');
    is(scalar(my @l = $one->ledger), 0, 'none of these was sent');
}

# --- files, batches -----------------------------------------------------------

{
    my $file = join "\n", map { "{\"custom_id\":\"$_\"}" } 1 .. 20000;
    my $body = form('q', 'name="purpose"', 'batch',
                    'name="file"; filename="f.jsonl"', $file);

    script($one, json => { id => 'file-1', object => 'file' });
    my $r = upload('/v1/files', $body, 'q');
    is($r->json->{id}, 'file-1', 'a file goes to the first target that has '
       . 'files');
    is(sha256_hex(($one->ledger)[0]{body}), sha256_hex($body), 'as it is');

    script($one, text => $file, headers => {
        'Content-Type' => 'application/jsonl',
        'Content-Disposition' => 'attachment; filename="f"' });
    $r = http_get('/v1/files/file-1/content?after=a%20b&key=sk-x&n=1', @auth);
    is(($one->ledger)[0]{path}, '/v1/files/file-1/content?after=a%20b&n=1',
       'path and query, without a key');
    is(sha256_hex($r->body), sha256_hex($file), 'what was asked for');
    is($r->header('Content-Type'), 'application/jsonl', 'and its type');
    is($r->header('Content-Disposition'), 'attachment; filename="f"',
       'and its name');

    script($one, json => { id => 'file-1', deleted => JSON::PP::true });
    $r = http("DELETE /v1/files/file-1 HTTP/1.1\r\nHost: l\r\n"
              . "Connection: close\r\n\r\n");
    is(($one->ledger)[0]{method}, 'DELETE', 'another method');
    is($r->json->{deleted}, 1, 'and its answer');

    script($one, status => 404, json => { error => { message => 'No such',
           type => 'invalid_request_error' } });
    $r = http_get('/v1/files/file-2', @auth);
    is($r->status, 404, 'what is not there');
    is($r->json->{error}{message}, 'No such', 'in its words');
    is(scalar(my @l = $two->ledger), 1, 'nobody else is asked');

    script($one, json => { id => 'batch-1', status => 'validating' });
    $r = http_post('/v1/batches', '{"input_file_id":"file-1"}', @auth);
    is($r->json->{id}, 'batch-1', 'a batch');
    logged('openai.batches batches   one 0 0 200', 'in the log');

    $r = http("PUT /v1/files HTTP/1.1\r\nHost: l\r\nConnection: close\r\n"
              . "Content-Length: 0\r\n\r\n");
    is($r->status, 405, 'a method that files do not have');
    is($r->header('Allow'), 'GET, POST, DELETE', 'what they have');
}

# --- paths that are none of ours -------------------------------------------

{
    script($two, status => 201, json => { ok => 1 });
    my $r = http_post('/two/v1/fine_tuning/jobs?x=1', '{"a": 1}', @auth);
    is($r->status, 201, 'passthrough: status');
    my ($q) = $two->ledger;
    is($q->{path}, '/v1/fine_tuning/jobs?x=1', 'path');
    is($q->{body}, '{"a": 1}', 'body');
    is($q->{h}{authorization}, 'Bearer sk-canary-provider-2', 'our key');

    script($two, status => 409, json => { detail => 'own words' });
    $r = http_get('/two/v1/anything', @auth);
    is($r->status, 409, 'a refusal');
    is($r->json->{detail}, 'own words', 'as it is');

    $r = http_get('/claude/v1/anything', @auth);
    is($r->status, 404, 'not where it is not allowed');
}

# --- stored responses ---------------------------------------------------------

{
    my $answer = sub {
        return (json => { id => $_[0], object => 'response', created_at => 1,
                          status => 'completed', model => 'm', output => [
            { type => 'message', id => 'msg_1', role => 'assistant',
              status => 'completed', content => [ { type => 'output_text',
                  text => 'Hi', annotations => [] } ] } ],
            usage => { input_tokens => 1, output_tokens => 1,
                       total_tokens => 2 } });
    };

    script($one, $answer->('resp_one'));
    script($two, $answer->('resp_two'));

    my %at;

    for (1 .. 2) {
        my $r = http_post('/stored/v1/responses',
                          { model => 'm', input => 'x' }, @auth);
        $at{$r->json->{id}}++;
    }

    is_deeply(\%at, { resp_one => 1, resp_two => 1 }, 'two answers, of two');

    for my $name (qw/ one two two one one two /) {
        $_->clear for $one, $two;
        http_post('/stored/v1/responses', { model => 'm', input => 'y',
                  previous_response_id => "resp_$name" }, @auth);
        http_get("/stored/v1/responses/resp_$name", @auth);
        http("DELETE /stored/v1/responses/resp_$name HTTP/1.1\r\nHost: l\r\n"
             . "Connection: close\r\n\r\n");
        my ($mine, $other) = $name eq 'one' ? ($one, $two) : ($two, $one);
        is(join(' ', map { "$_->{method} $_->{path}" } $mine->ledger),
           "POST /v1/responses GET /v1/responses/resp_$name "
           . "DELETE /v1/responses/resp_$name", "$name: where it was made");
        is(scalar(my @l = $other->ledger), 0, 'and nowhere else');
    }

    my $r = http_post('/claude/v1/responses', { model => 'claude',
                      input => 'x', previous_response_id => 'resp_9' }, @auth);
    is($r->status, 400, 'no stored answers at Anthropic');
    is($r->json->{error}{param}, 'previous_response_id', 'says which field');
    $r = http_get('/claude/v1/responses/resp_9', @auth);
    is($r->status, 404, 'nor any to fetch');
}
