#!/usr/bin/perl

# ai_set_param, set_param, drop_param: what is set, limited, removed, in whose
# words, and what nginx -t says of mistakes.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use AI::Test;

my $t = AI::Test->new;

$t->write_file_expand('nginx.conf', <<'EOC');
%%TEST_GLOBALS%%

events {
}

http {
    %%TEST_GLOBALS_HTTP%%

    client_body_buffer_size 64k;

    map $http_x_tier $most {
        gold    9000;
        default 100;
        none    '';
    }

    ai_provider openai {
        endpoint http://127.0.0.1:%%PORT_8081%%;
        set_param metadata.gateway "of $http_x_who";
        drop_param store logit_bias.50256;
    }

    ai_provider plain {
        api openai;
        endpoint http://127.0.0.1:%%PORT_8081%%;
    }

    ai_provider anthropic {
        endpoint http://127.0.0.1:%%PORT_8081%%;
        set_param top_k 40;
        set_param thinking '{"type":"disabled"}' default;
    }

    server {
        listen 127.0.0.1:%%PORT_8080%%;

        ai_set_param temperature 0.5 default;

        location /v1/ {
            ai_pass openai;
        }

        location /limits/v1/ {
            ai_set_param max_tokens $most max;
            ai_set_param n 1 set;
            ai_pass plain;
        }

        location /off/v1/ {
            ai_set_param off;
            ai_pass plain;
        }

        location /claude/v1/ {
            ai_set_param max_tokens 50 max;
            ai_pass anthropic;
        }

        location /deep/v1/ {
            ai_set_param messages.0.content x;
            ai_set_param a.b.c '[1, 2]';
            ai_pass plain;
        }
    }
}
EOC

my $mock = $t->mock([
    { match => { path_re => 'embeddings$' }, reply => { json => {
        object => 'list', model => 'e', data => [ { object => 'embedding',
        index => 0, embedding => [ 0.5 ] } ],
        usage => { prompt_tokens => 1, total_tokens => 1 } } } },
    { match => { path_re => 'messages$' }, reply => { json => {
        id => 'msg_1', type => 'message', role => 'assistant',
        model => 'claude', stop_reason => 'end_turn',
        content => [ { type => 'text', text => 'Hi' } ],
        usage => { input_tokens => 3, output_tokens => 2 } } } },
    { reply => { json => {
        id => 'c', object => 'chat.completion', created => 1, model => 'm',
        choices => [ { index => 0, finish_reason => 'stop', message => {
            role => 'assistant', content => 'Hi' } } ],
        usage => { prompt_tokens => 1, completion_tokens => 1,
                   total_tokens => 2 } } } },
], port => 8081);
$t->run;

my $messages = '"messages": [{"role":"user","content":"Hi"}]';


sub sent {
    my ($uri, $body, %headers) = @_;
    $mock->clear;
    my $r = http_post("$uri/chat/completions", $body, %headers);
    my ($q) = $mock->ledger;
    return ($r, $q);
}


my ($r, $q) = sent('/v1', "{\"model\":\"m\" , $messages,\"store\":true,"
    . "\"seed\":12345678901234567890,\"logit_bias\":{\"1\":2,\"50256\":-1}}",
    'X-Who' => 'me "too"');
is($r->status, 200, 'edited');
is($q->{json}{temperature}, 0.5, 'a default of the server');
ok(!exists $q->{json}{store}, 'removed');
is_deeply($q->{json}{logit_bias}, { 1 => 2 }, 'removed inside');
is_deeply($q->{json}{metadata}, { gateway => 'of me "too"' },
          'an object that was not there');
like($q->{body}, qr/"model":"m" , "messages": \[/, 'the rest as it was');
like($q->{body}, qr/"seed":12345678901234567890/, 'numbers too');
is($q->{h}{'content-length'}, length $q->{body}, 'its length');

(undef, $q) = sent('/v1', "{\"model\":\"m\",$messages,\"temperature\":1}");
is($q->{json}{temperature}, 1, 'a default changes nothing');
is_deeply($q->{json}{metadata}, { gateway => 'of ' }, 'an empty variable');

(undef, $q) = sent('/limits/v1', "{\"model\":\"m\",$messages,"
                   . '"max_tokens":500,"n":3}');
is($q->{json}{max_tokens}, 100, 'a limit');
is($q->{json}{n}, 1, 'set whatever it was');
ok(!exists $q->{json}{temperature}, 'a level with its own inherits none');

(undef, $q) = sent('/limits/v1', "{\"model\":\"m\",$messages,"
                   . '"max_tokens":500}', 'X-Tier' => 'gold');
is($q->{json}{max_tokens}, 500, 'below a limit of a variable');
(undef, $q) = sent('/limits/v1', "{\"model\":\"m\",$messages}");
is($q->{json}{max_tokens}, 100, 'a limit for what is absent');
(undef, $q) = sent('/limits/v1', "{\"model\":\"m\",$messages}",
                   'X-Tier' => 'none');
ok(!exists $q->{json}{max_tokens}, 'an empty value changes nothing');

(undef, $q) = sent('/off/v1', "{\"model\":\"m\",$messages}");
is($q->{body}, "{\"model\":\"m\",$messages}", 'off');

# translated: in the words of the provider

(undef, $q) = sent('/claude/v1', "{\"model\":\"claude-x\",$messages,"
                   . '"max_tokens":500,"temperature":0.1}');
is($q->{json}{max_tokens}, 50, "a provider's limit");
is($q->{json}{top_k}, 40, 'and its own parameter');
is_deeply($q->{json}{thinking}, { type => 'disabled' }, 'JSON for a value');

# paths

(undef, $q) = sent('/deep/v1', "{\"model\":\"m\",$messages}");
is($q->{json}{messages}[0]{content}, 'x', 'into an array');
is_deeply($q->{json}{a}, { b => { c => [ 1, 2 ] } }, 'objects are made');

$mock->clear;
($r) = sent('/deep/v1', "{\"model\":\"m\",$messages,\"a\":1}");
is($r->status, 400, 'no way through a number');
is($r->json->{error}{param}, 'a.b.c', 'the path is told');
is(scalar(my @l = $mock->ledger), 0, 'nothing was sent');

($r) = sent('/limits/v1', "{\"model\":\"m\",$messages,\"max_tokens\":\"5\"}");
is($r->status, 400, 'a limit for a string');

# other operations

$mock->clear;
http_post('/v1/embeddings', '{"model":"e","input":"x"}');
is(($mock->ledger)[0]{json}{metadata}{gateway}, 'of ', 'embeddings too');

# mistakes

for my $case (
    [ 'ai_set_param a..b 1;', 'invalid path "a..b"' ],
    [ 'ai_set_param "" 1;', 'invalid path ""' ],
    [ 'ai_set_param a x max;', 'invalid value "x" of "ai_set_param"' ],
    [ 'ai_set_param a "";', 'invalid value "" of "ai_set_param"' ],
    [ 'ai_set_param a 1 most;', 'invalid mode "most" of "ai_set_param"' ],
    [ 'ai_set_param on;', 'needs a path and a value, or "off"' ],
    [ 'ai_set_param off; ai_set_param a 1;', 'beside others' ],
    [ 'ai_set_param a 1; ai_set_param off;', 'beside others' ],
    [ 'ai_provider x { api openai; set_param a 1 least; }',
      'invalid mode "least" of "set_param"' ],
    [ 'ai_provider x { api openai; drop_param a .; }', 'invalid path "."' ],
) {
    my ($text, $message) = @$case;
    my $other = AI::Test->new;
    $other->write_file_expand('nginx.conf', "%%TEST_GLOBALS%%\nevents { }\n"
        . "http {\n    %%TEST_GLOBALS_HTTP%%\n    $text\n}\n");
    my ($ok, $said) = $other->test_config;
    ok(!$ok && index($said, $message) >= 0, $message) or diag($said);
    $other->allow(qr/\[emerg\]/);
    $other->finish;
}

$t->select;
