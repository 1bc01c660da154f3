#!/usr/bin/perl

# `make run`: what it starts with and without keys, the first curl, the first
# program with the SDK, and what it says when the port is taken.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use AI::Test;

my $t = AI::Test->new;
my $run = $t->root . '/t/lib/run.sh';
my $port = $t->port(8080);
my $url = "http://127.0.0.1:$port/v1";
my @keys = map { "${_}_API_KEY" } qw/ OPENAI ANTHROPIC GEMINI /;

delete @ENV{@keys};

# the module of this build, everything else in the test's folder
$ENV{TEST_NGINX_MODULE} ||= ($ENV{BUILD} || $t->root . '/build')
    . '/ngx_http_ai_gateway_module.so';

my %env = (BUILD => $t->testdir . '/build', PORT => $port);

# --- no keys: the demo

my $pid = $t->run_daemon([ $run ], name => 'run', env => \%env);
ok($t->waitforsocket($port), 'it starts');

my $said = $t->read_file('run.out');
like($said, qr/the answers\s+are canned/, 'it says that this is a demo');

# the command that it prints

my ($curl) = $said =~ /^ +(curl .*?'\{.*?\}')$/ms;
ok($curl, 'it prints a command to try');
my ($code, $out) = $t->capture([ 'sh', '-c', "$curl -s" ]);
is($code, 0, 'the command works');
like($out, qr/Hello! This is the demo OpenAI/, 'and prints an answer');

for my $case ([ 'gpt-4.1-mini', 'OpenAI', 12 ],
              [ 'claude-sonnet-4-5', 'Anthropic', 13 ],
              [ 'gemini-2.5-flash', 'Gemini', 12 ])
{
    my ($model, $who, $tokens) = @$case;
    my $text = "Hello! This is the demo $who, played by nginx.";
    my %body = (model => $model,
                messages => [ { role => 'user', content => 'Hello' } ]);

    my $r = http_post('/v1/chat/completions', \%body);
    is($r->status, 200, "$model: answered");
    is($r->json->{choices}[0]{message}{content}, $text, "$model: its text");
    is($r->json->{usage}{completion_tokens}, $tokens, "$model: its tokens");
    is($r->header('x-ai-provider'), lc $who, "$model: who answered");

    $r = http_post('/v1/chat/completions', { %body, stream => \1,
        stream_options => { include_usage => \1 } });
    my @events = grep { ref } $r->event_data;
    is(join('', map { $_->{choices}[0]{delta}{content} // '' } @events),
       $text, "$model: its stream");
    is($events[-1]{usage}{completion_tokens}, $tokens,
       "$model: the stream's tokens");
    like($r->body, qr/data: \[DONE\]\n\n\z/, "$model: the stream's end");
    cmp_ok($r->time - $r->ttfb, '>', 0.1, "$model: it is not all at once");

    my $got = $t->sdk(<<"END", OPENAI_BASE_URL => $url);
import json
from openai import OpenAI

client = OpenAI()
ask = dict(model="$model", messages=[{"role": "user", "content": "Hello"}])
whole = client.chat.completions.create(**ask).choices[0].message.content
pieces = [c.choices[0].delta.content or ""
          for c in client.chat.completions.create(**ask, stream=True)
          if c.choices]
print(json.dumps([whole, "".join(pieces)]))
END
    is_deeply($got, [ $text, $text ], "$model: the SDK, whole and stream");
}

my @models = map { $_->{id} } @{ http_get('/v1/models')->json->{data} };
is_deeply([ sort @models ],
          [ qw/ claude-sonnet-4-5 gemini-2.5-flash gpt-4.1-mini / ],
          'the models of the demo');

my $log = $t->read_file('run.out');
like($log, qr/ 200 anthropic claude-sonnet-4-5 stream=1 in=9 out=13 ttft=\d/,
     'requests are shown');
my $n = () = $log =~ /stream=/g;
is($n, 1 + 3 * 4, 'one line a request');

# --- the port is taken

($code, $out, my $err) = $t->capture([ $run ], env => \%env);
is($code, 1, 'a second one does not start');
like($err, qr/port $port is taken.*PORT=@{[ $port + 1 ]}/s, 'and says why');

# --- the end

kill 'INT', $pid;
ok($t->wait_exit($pid, 5), '^C ends it');
is($t->{exits}{$pid}, 0, 'cleanly');
unlike($t->read_file('run.out'), qr/\[(?:alert|emerg|crit|error)\]/,
       'without an error');

# --- keys: the providers that have one

$pid = $t->run_daemon([ $run ], name => 'keys', env => { %env,
    ANTHROPIC_API_KEY => $t->secret('sk-ant-canary-51'),
    GEMINI_API_KEY => $t->secret('AIza-canary-52') });
ok($t->waitforsocket($port), 'with keys');

my $conf = $t->read_file('build/run/nginx.conf');
like($conf, qr/ai_provider anthropic .*target anthropic;/s,
     'a provider with a key is there');
like($conf, qr/ai_provider gemini .*target gemini;/s, 'and another one');
unlike($conf, qr/openai /, 'one without is not');
like($t->read_file('keys.out'), qr/"model":"claude-sonnet-4-5"/,
     'the command asks for a model of theirs');

$t->stop_daemon($pid, 'INT');

# --- not as root

SKIP: {
    my @as = qw/ setpriv --reuid=nobody --regid=nogroup --clear-groups /;
    my ($fails) = $> == 0 ? $t->capture([ @as, 'head', '-c1', $run,
                                          $ENV{TEST_NGINX_MODULE} ]) : 1;
    skip 'needs root, and a tree that others can read', 3 if $fails;

    my $dir = $t->testdir . '/nobody';
    mkdir $dir or die "$dir: $!\n";
    chown +(getpwnam 'nobody')[2, 3], $dir;

    $pid = $t->run_daemon([ @as, $run ], name => 'nobody',
                          env => { %env, BUILD => $dir });
    ok($t->waitforsocket($port), 'not as root');
    is(http_get('/v1/models')->status, 200, 'not as root: answered');
    $t->stop_daemon($pid, 'INT');
    unlike($t->read_file('nobody.out'), qr/\[(?:alert|emerg|crit|error)\]/,
           'not as root: no error');
}
