#!/usr/bin/perl

# Keys of providers and of clients are in no log at debug level, no answer, no
# "nginx -T" when they come from a file or the environment; also when a
# provider shows them in its errors (P20, S5, S11, S23).

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use AI::Test;
use AI::Test::Chat;

my $t = AI::Test->new(debug => 1);

my %key = (
    file => 'sk-canary-file-0123456789abcdefABCDEF',
    env => 'sk-canary-env-0123456789abcdefABCDEF',
    claude => 'sk-ant-canary-0123456789abcdefABCDEF',
    gemini => 'AIzaSyCanary0123456789abcdefABCDEF_-xyz',
    client => 'sk-canary-client-0123456789abcdefABCDEF',
);
my $prompt = 'canary-prompt-5d41402abc4b2a76';

$t->write_file('key.file', "$key{file}\n");
$t->write_file('key.claude', $key{claude});
$t->write_file('key.gemini', $key{gemini});
$ENV{AI_TEST_KEY} = $key{env};

$t->write_file_expand('nginx.conf', <<'EOC');
%%TEST_GLOBALS%%

env AI_TEST_KEY;
worker_processes 1;

events {
}

http {
    %%TEST_GLOBALS_HTTP%%

    ai_read_timeout 1s;
    ai_headers debug;

    ai_provider file {
        api openai;
        endpoint http://127.0.0.1:%%PORT_8081%%;
        key file:%%TESTDIR%%/key.file;
    }

    ai_provider env {
        api openai;
        endpoint http://127.0.0.1:%%PORT_8081%%;
        key env:AI_TEST_KEY;
    }

    ai_provider anthropic {
        endpoint http://127.0.0.1:%%PORT_8081%%;
        key file:%%TESTDIR%%/key.claude;
    }

    ai_provider gemini {
        endpoint http://127.0.0.1:%%PORT_8081%%;
        key file:%%TESTDIR%%/key.gemini;
    }

    ai_provider refused {
        api openai;
        endpoint http://127.0.0.1:%%PORT_8089%%;
        key file:%%TESTDIR%%/key.file;
    }

    server {
        listen 127.0.0.1:%%PORT_8080%%;

        location / {
            ai_pass $arg_p;
        }
    }
}
EOC

$t->secret(values %key, $prompt);

my $mock = $t->mock([], port => 8081);
$t->run;


sub ask {
    my ($p, %o) = @_;
    return http_post("/v1/chat/completions?p=$p",
        chat(messages => [ { role => 'user', content => $prompt } ], %o),
        Authorization => "Bearer $key{client}", 'X-Api-Key' => $key{client},
        'X-Goog-Api-Key' => $key{client}, 'Api-Key' => $key{client});
}


# each key goes where it belongs, and the client's nowhere

$mock->script([ { reply => { status => 500, json => {} } } ]);
my %header = (file => [ 'authorization', "Bearer $key{file}" ],
              env => [ 'authorization', "Bearer $key{env}" ],
              anthropic => [ 'x-api-key', $key{claude} ],
              gemini => [ 'x-goog-api-key', $key{gemini} ]);

for my $p (sort keys %header) {
    $mock->clear;
    ask($p);
    my ($q) = $mock->ledger;
    my ($name, $value) = @{ $header{$p} };
    is($q->{h}{$name}, $value, "$p: its key");
    my $all = json_encode([ $q->{path}, $q->{headers} ]);
    is(scalar(grep { index($all, $_) >= 0 } values %key), 1,
       "$p: and no other");
}

# errors that show what must not be seen; each status, JSON, HTML and events

my %own = (file => 'file', env => 'env', anthropic => 'claude',
           gemini => 'gemini');

for my $p (sort keys %own) {
    my $k = $key{ $own{$p} };
    my $say = "Incorrect API key provided: $k. You can find it at x";

    my $told = 0;

    for my $status (400, 401, 429, 500, 200) {
        for my $reply (
            { json => { error => { message => $say, type => 'x', param => $k,
                                   code => $k } } },
            { json => { type => 'error', error => { type => $k,
                                                    message => $say } } },
            { json => [ { error => { code => 400, status => 'X',
                                     message => "key=$k" } } ] },
            { text => "<html>$say</html>" },
            { json => { detail => $say } },
            { json => { message => "Bearer $k" } },
            { sse => [ { error => { message => $say } } ] },
        ) {
            $mock->script([ { reply => { status => $status, %$reply,
                headers => { 'X-Request-Id' => 'r', 'WWW-Authenticate' =>
                             "Bearer $k", Location => "/?key=$k",
                             'Set-Cookie' => $k } } } ]);
            my $r = ask($p, $reply->{sse} ? (stream => 1) : ());
            $told++ if $r->body =~ /You can find it at x/;
        }
    }
    cmp_ok($told, '>', 3, "$p: the rest of the text is told");
}

# other ways to fail

for my $reply ({ garbage => "HTTP $key{file}\r\n\r\n" }, { hang => \1 },
               { raw => "HTTP/1.1 200 OK\r\nX-A\0: $key{file}\r\n\r\n" },
               { json => { x => $key{file} } },
               { text => "data: {\"x\": \"$key{file}\n\n", headers =>
                 { 'Content-Type' => 'text/event-stream' } })
{
    $mock->script([ { reply => $reply } ]);
    is_error(ask('file'), $reply->{hang} ? 504 : 502,
             'a fault: ' . (keys %$reply)[0]);
}
is_error(ask('refused'), 502, 'no connection');

# requests that are refused: their text is not shown

for my $text ("{\"messages\":[\"$prompt\"", "{\"$prompt\":1,\"$prompt\":2}",
              "{\"model\":\"m\",\"messages\":\"$prompt\"}")
{
    is_error(http_post('/v1/chat/completions?p=file', $text), 400, 'bad');
}

# no names or addresses of the inside

my $r = ask('refused');
unlike($r->body, qr/127\.0\.0\.1|nginx|refused/, 'no address in an error');

# the configuration, printed

my ($code, $out, $err) = $t->capture([ AI::Test::nginx_binary(), '-T', '-p',
    $t->testdir, '-c', $t->testdir . '/nginx.conf', '-e', 'stderr' ],
    env => { ASAN_OPTIONS => 'detect_leaks=0' });
is($code, 0, 'nginx -T');
like($out, qr/key file:/, 'shows the file');
is(scalar(grep { index("$out$err", $_) >= 0 } values %key), 0,
   'and not the keys');
