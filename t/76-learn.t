#!/usr/bin/perl

# Where a vocabulary is secret, the sizes told before a request come near to
# what the provider reports after it: learned from a few requests, shared by
# workers, kept over a reload, and hard to spoil.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use AI::Test;

my $t = AI::Test->new;

my @words = qw/ one two three four five six seven eight nine ten /;

# a word is a token by o200k_base, of which this provider would make more

use constant RATIO => 1.3;

sub words { join ' ', map { $words[$_ % 10] } 0 .. $_[0] - 1 }

sub message {
    my ($input) = @_;

    return { json => { id => 'msg_1', type => 'message', role => 'assistant',
        model => 'claude', stop_reason => 'end_turn',
        content => [ { type => 'text', text => 'hi' } ],
        usage => { input_tokens => $input, output_tokens => 2 } } };
}

sub chunk {
    my ($delta, $finish) = @_;

    return { id => 'chatcmpl-1', object => 'chat.completion.chunk',
        created => 1, model => 'secret', choices => [ { index => 0,
            delta => $delta, finish_reason => $finish } ] };
}

my @sizes = (200, 300, 500, 800, 1300);
my $ten = join ' ', @words;
my @stream = (chunk({ role => 'assistant', content => '' }),
    (map { chunk({ content => " $ten" }) } 1 .. 1000), chunk({}, 'stop'));
my $usage = { prompt_tokens => 10, completion_tokens => 15_000,
              total_tokens => 15_010 };

my @rules = (
    (map { { match => { path => '/claude', body => "size $_ " },
             reply => message(int($_ * RATIO + 10)) } } @sizes),
    { match => { path => '/claude', body => 'a million' },
      reply => message(1_000_000) },
    { match => { path => '/claude', body => 'nothing' },
      reply => message(1) },
    { match => { path => '/silent' },
      reply => { done => \1, sse => \@stream } },
    { match => { path => '/secret' }, reply => { done => \1,
        sse => [ @stream, { %{ $stream[0] }, choices => [],
                            usage => $usage } ] } },
);

my $mock = $t->mock(\@rules, port => 8081);

$t->write_file_expand('nginx.conf', <<'EOC');
%%TEST_GLOBALS%%

worker_processes 2;

events {
}

http {
    %%TEST_GLOBALS_HTTP%%

    log_format learn '$ai_prompt_tokens_est $ai_prompt_tokens '
                     '$ai_completion_tokens $ai_usage_source';
    access_log %%TESTDIR%%/learn.log learn;

    ai_zone ai 8m;

    ai_provider claude {
        api anthropic;
        endpoint http://127.0.0.1:%%PORT_8081%%/claude/v1;
    }

    ai_provider secret {
        api openai_compatible;
        endpoint http://127.0.0.1:%%PORT_8081%%/secret/v1;
    }

    ai_provider silent {
        api openai_compatible;
        endpoint http://127.0.0.1:%%PORT_8081%%/silent/v1;
    }

    server {
        listen 127.0.0.1:%%PORT_8080%%;

        location /claude/ { ai_pass claude; }
        location /secret/ { ai_pass secret; }
        location /silent/ { ai_pass silent; }
    }
}
EOC

$t->run;

my $lines = 0;

# --- prompts

my ($est, $told) = ask(500);
ok(off($est, $told) > 0.05, "unknown: $est is not $told");

ask($_) for @sizes;
near(ask(800), 'after some requests');
near(ask(300), 'a short one');

($est) = ask(1300, 'claude-haiku-4-5');
ok(off($est, 1300 * RATIO) > 0.05, "another model has its own: $est");

ok($t->reload(wait_old => 1), 'a reload');
near(ask(1300), 'after a reload');

# --- reports that cannot be

my ($before) = ask(800);

ask('a million');
my ($after) = ask(800);
ok($after > $before, "one absurd report says something: $before, $after");
ok(off($after, $before) < 0.14, 'but little');

ask($sizes[$_ % 5]) for 1 .. 30;
near(ask(800), 'forgotten', 0.05);

ask('nothing') for 1 .. 3;
near(ask(800), 'a provider that says 1', 0.05);

# --- answers

my $first = (stream('silent'))[2];
ok($first >= 9_900 && $first <= 10_100, "an answer, unknown: $first");

stream('secret') for 1 .. 5;
my ($source, $learned) = (stream('silent'))[3, 2];
ok(off($learned, 15_000) < 0.02, "an answer, learned: $learned");
is($source, 'estimate', 'and still called an estimate');

$mock->stop;
$t->finish;

# --- where nothing but a route asks for the size, and nothing shows it

$t = AI::Test->new;
$mock = $t->mock(\@rules, port => 8081);

$t->write_file_expand('nginx.conf', <<'EOC');
%%TEST_GLOBALS%%

events {
}

http {
    %%TEST_GLOBALS_HTTP%%

    ai_provider claude {
        api anthropic;
        endpoint http://127.0.0.1:%%PORT_8081%%/claude/v1;
    }

    ai_provider other {
        api anthropic;
        endpoint http://127.0.0.1:%%PORT_8081%%/claude/other/v1;
    }

    ai_route by-size {
        target claude max_prompt=1600;
        target other;
        priority;
    }

    server {
        listen 127.0.0.1:%%PORT_8080%%;

        location / { ai_pass by-size; }

        # counted for the model that the client names
        location /renamed/ { ai_model claude-opus-4-1; ai_pass by-size; }
    }
}
EOC

$t->run;

is(target(1300), 'claude', '1300 words are thought to fit');
target(800) for 1 .. 5;
is(target(1300), 'other', 'and known not to');

is(target(1300, 'claude-opus-4-1'), 'claude', 'of a second model, too');
target(800, 'gpt-4o', '/renamed') for 1 .. 5;
is(target(1300, 'claude-opus-4-1'), 'other',
   'which learned behind the name of another');


# who is asked

sub target {
    my ($size, $model, $where) = @_;

    $mock->clear;
    http_post(($where // '') . '/v1/messages', {
        model => $model // 'claude-sonnet-4-5',
        max_tokens => 10, messages => [ { role => 'user',
            content => "size $size " . words($size - 3) } ] });
    return ($mock->wait_ledger(1, 5))[0]{path} =~ /other/ ? 'other' : 'claude';
}


sub near {
    my ($est, $told, $name, $most) = @_;

    ok(off($est, $told) < ($most // 0.02), "$name: $est for $told");
}


sub off { abs($_[0] - $_[1]) / $_[1] }


# what was told before, and what the provider said

sub ask {
    my ($size, $model) = @_;

    my $text = $size =~ /^\d+$/ ? "size $size " . words($size - 3)
        : "$size " . words(798);

    my $r = http_post('/claude/v1/messages', {
        model => $model // 'claude-sonnet-4-5', max_tokens => 10,
        messages => [ { role => 'user', content => $text } ] });
    is($r->status, 200, 'answered') if $r->status != 200;

    return (logged())[0, 1];
}


sub stream {
    my ($where) = @_;

    http_post("/$where/v1/chat/completions", { model => 'secret-model',
        stream => \1, messages => [ { role => 'user', content => 'Hi' } ] });

    return logged();
}


sub logged {
    my $line = $t->wait_for(sub {
        my @all = $t->log_lines('learn.log');
        return @all > $lines ? $all[$lines++] : undef;
    }, 10);
    return split / /, $line;
}
