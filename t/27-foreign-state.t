#!/usr/bin/perl

# A conversation that goes from one vendor to another and back.  What a model
# leaves with the client of another API, thoughts without a signature or state
# in our wrapping, is not sent to the vendor of that API, which would refuse
# it; a vendor's own state is, byte for byte; and back at its maker a wrapped
# one is what it was.  The same when one request goes from target to target.

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

    ai_next_upstream error timeout http_5xx;

    ai_provider deep {
        api openai_compatible;
        endpoint http://127.0.0.1:%%PORT_8081%%/deep/v1;
    }

    ai_provider claude {
        api anthropic;
        endpoint http://127.0.0.1:%%PORT_8081%%/claude/v1;
    }

    ai_provider other_claude {
        api anthropic;
        endpoint http://127.0.0.1:%%PORT_8081%%/claude/v1;
        model m as=real-name;
    }

    ai_provider gemini {
        api gemini;
        endpoint http://127.0.0.1:%%PORT_8081%%/gemini/v1beta;
        model m as=gemini-3-pro;
    }

    ai_provider openai {
        api openai;
        endpoint http://127.0.0.1:%%PORT_8081%%/openai/v1;
    }

    ai_provider no_claude {
        api anthropic;
        endpoint http://127.0.0.1:%%PORT_8081%%/broken/claude/v1;
    }

    ai_provider no_gemini {
        api gemini;
        endpoint http://127.0.0.1:%%PORT_8081%%/broken/gemini/v1beta;
    }

    ai_route claude_gemini { priority; target no_claude;
                             target gemini; }
    ai_route gemini_claude { priority; target no_gemini; target claude; }

    server {
        listen 127.0.0.1:%%PORT_8080%%;

        location /deep/ { ai_pass deep; }
        location /claude/ { ai_pass claude; }
        location /other/ { ai_pass other_claude; }
        location /gemini/ { ai_pass gemini; }
        location /openai/ { ai_pass openai; }
        location /claude-gemini/ { ai_pass claude_gemini; }
        location /gemini-claude/ { ai_pass gemini_claude; }
    }
}
EOC

my $anthropic = 'EqQBCgIYAhIk+/abc==';
my $google = 'CsQBAXLI2nw+/abc==';
my $encrypted = 'gAAAAABpb_-x==';

my $mock = $t->mock([
    { match => { path => '/broken/' }, reply => { status => 500 } },
    { match => { path_re => 'count_tokens' },
      reply => { json => { input_tokens => 7 } } },
    { match => { path => '/claude/' }, reply => { json => {
        id => 'msg_1', type => 'message', role => 'assistant',
        model => 'claude', stop_reason => 'tool_use', content => [
            { type => 'thinking', thinking => 'Hm.',
              signature => $anthropic },
            { type => 'redacted_thinking', data => $anthropic },
            { type => 'text', text => 'Well' },
            { type => 'tool_use', id => 'toolu_1', name => 'f',
              input => {} } ],
        usage => { input_tokens => 3, output_tokens => 2 } } } },
    { match => { path => '/gemini/' }, reply => { json => {
        candidates => [ { index => 0, finishReason => 'STOP', content => {
            role => 'model', parts => [
                { text => 'Hm.', thought => \1 },
                { functionCall => { name => 'f', args => {}, id => 'g1' },
                  thoughtSignature => $google } ] } } ],
        usageMetadata => { promptTokenCount => 3, candidatesTokenCount => 2,
                           totalTokenCount => 5 } } } },
    { match => { path_re => 'responses$' }, reply => { json => {
        id => 'resp_1', object => 'response', created_at => 1, model => 'gpt',
        status => 'completed', output => [
            { type => 'reasoning', id => 'rs_1', summary => [],
              encrypted_content => $encrypted },
            { type => 'message', id => 'msg_1', role => 'assistant',
              status => 'completed', content => [
                { type => 'output_text', text => 'Well',
                  annotations => [] } ] } ],
        usage => { input_tokens => 3, output_tokens => 2,
                   total_tokens => 5 } } } },
    { match => { path_re => 'completions$', body_re => '"stream": ?true' },
      reply => { sse => [
        (map { chunk($_) } { role => 'assistant', content => '' },
            { reasoning_content => 'H' }, { reasoning_content => 'm.' },
            { tool_calls => [ { index => 0, id => 'call_1',
                type => 'function', function => {
                    name => 'f', arguments => '{}' } } ] }),
        { %{ chunk({}) }, choices => [ { index => 0, delta => {},
            finish_reason => 'tool_calls' } ] } ], done => 1 } },
    { match => { path_re => 'completions$' }, reply => { json => {
        id => 'c', object => 'chat.completion', created => 1, model => 'm',
        choices => [ { index => 0, finish_reason => 'tool_calls',
            message => { role => 'assistant', content => undef,
                reasoning_content => 'Hm.', tool_calls => [ { id => 'call_1',
                    type => 'function', function => {
                        name => 'f', arguments => '{}' } } ] } } ],
        usage => { prompt_tokens => 1, completion_tokens => 1,
                   total_tokens => 2 } } } },
], port => 8081);
$t->run;


sub chunk {
    my ($delta) = @_;
    return { id => 'c', object => 'chat.completion.chunk', created => 1,
             model => 'm', choices => [ { index => 0, delta => $delta,
                                          finish_reason => undef } ] };
}


# what the provider got, the last one of several

sub sent {
    my ($uri, $body) = @_;
    $mock->clear;
    my $r = http_post($uri, $body);
    is($r->status, 200, "$uri: status") or diag($r->body);
    return ($mock->ledger)[-1]{body};
}


# --- Messages ------------------------------------------------------------

my @tools = (tools => [ { name => 'f', input_schema => {
    type => 'object', properties => {} } } ]);


# one answer, or several, each with a result for its call

sub messages {
    my ($content, %more) = @_;
    my @answers = ref $content->[0] eq 'ARRAY' ? @$content : $content;

    return json_encode({ model => 'm', max_tokens => 5000, @tools, %more,
        messages => [ { role => 'user', content => 'q' },
            map { { role => 'assistant', content => $_ },
                  { role => 'user', content => [ {
                      type => 'tool_result', tool_use_id => $_->[-1]{id},
                      content => 'r' } ] } } @answers ] });
}


sub ask {
    my ($uri, %more) = @_;
    return http_post($uri, json_encode({ model => 'm', max_tokens => 5000,
        @tools, messages => [ { role => 'user', content => 'q' } ], %more }));
}


# a stream as the SDK puts it together

sub assembled {
    my ($r) = @_;
    my @content;

    for my $e (map { json_decode($_->{data}) } sse($r)) {
        my $i = $e->{index};
        if ($e->{type} eq 'content_block_start') {
            $content[$i] = $e->{content_block};
        }
        if ($e->{type} eq 'content_block_delta') {
            my $d = $e->{delta};
            $content[$i]{thinking} .= $d->{thinking} // '';
            $content[$i]{signature} .= $d->{signature} // '';
        }
    }
    delete @$_{qw/ thinking signature /}
        for grep { $_->{type} ne 'thinking' } @content;
    return \@content;
}


my $deep = ask('/deep/v1/messages')->json->{content};
my $claude = ask('/claude/v1/messages')->json->{content};
my $gemini = ask('/gemini/v1/messages')->json->{content};

is_deeply([ map { $_->{type} } @$deep ], [ 'thinking', 'tool_use' ],
          'thoughts of no signature, and a call');
is($deep->[0]{signature}, '', 'no signature');
is($claude->[0]{signature}, $anthropic, 'one of its own');
is(scalar(grep { ($_->{signature} // '') =~ /^gemini:call:/ } @$gemini), 1,
   "Gemini's, wrapped");

is_deeply(assembled(ask('/deep/v1/messages', stream => \1)), $deep,
          'the same from a stream');

# an answer without its thoughts

sub bare {
    return [ grep { $_->{type} !~ /thinking/ } @{ $_[0] } ];
}


for (
    [ 'thoughts of no signature', $deep ], [ 'wrapped state', $gemini ],
) {
    my ($name, $content) = @$_;

    is(sent('/claude/v1/messages', messages($content)),
       messages(bare($content)), "$name: not sent");

    is(sent('/claude/v1/messages', messages([ $claude, $content ])),
       messages([ $claude, bare($content) ]), "$name: nor among its own");

    is(sent('/claude/v1/messages', messages([ $content, $claude ],
            thinking => { type => 'enabled', budget_tokens => 1024 })),
       messages([ bare($content), $claude ],
            thinking => { type => 'enabled', budget_tokens => 1024 }),
       "$name: before its own thoughts");

    is(sent('/claude/v1/messages', messages([ $claude, $content ],
            thinking => { type => 'enabled', budget_tokens => 1024 })),
       messages([ $claude, bare($content) ]),
       "$name: no thinking in the middle of an answer that has none");

    is(sent('/claude/v1/messages/count_tokens', messages($content)),
       messages(bare($content)), "$name: not counted");

    is(sent('/other/v1/messages', messages($content)),
       messages(bare($content)) =~ s/"model":"m"/"model":"real-name"/r,
       "$name: with another model");
}

my $own = messages($claude) =~ s/,/ , /gr;
is(sent('/claude/v1/messages', $own), $own, 'its own state, byte for byte');

# back to Gemini the signature is what it was

like(sent('/gemini/v1/messages', messages($gemini)),
     qr/"thoughtSignature":"\Q$google\E"/, 'unwrapped for its maker');

# from target to target

my $body = messages([ $claude, $gemini ]);
my $at_gemini = sent('/claude-gemini/v1/messages', $body);
my @all = $mock->ledger;
is(scalar(@all), 2, 'two attempts');
is($all[0]{body}, messages([ $claude, bare($gemini) ]), 'the first, as it is');
like($at_gemini, qr/"thoughtSignature":"\Q$google\E"/, 'then translated');
unlike($at_gemini, qr/\Q$anthropic\E/, "without the other's");

is(sent('/gemini-claude/v1/messages', $body),
   messages([ $claude, bare($gemini) ]), 'the other way round');
@all = $mock->ledger;
is(scalar(@all), 2, 'two attempts');
like($all[0]{body}, qr/"thoughtSignature":"\Q$google\E"/, 'translated');


# --- generateContent -----------------------------------------------------

my $path = 'v1beta/models/m:generateContent';
my %asks = (role => 'user', parts => [ { text => 'q' } ]);
my @functions = (tools => [ { functionDeclarations => [ { name => 'f' } ] } ]);


sub contents {
    return json_encode({ @functions, contents => [ \%asks,
        map { $_, { role => 'user', parts => [ { functionResponse => {
            name => 'f', response => { r => 1 } } } ] } } @_ ] });
}


sub generate {
    my ($place) = @_;
    my $r = http_post("/$place/$path", json_encode({ @functions,
        contents => [ \%asks ], generationConfig => {
            thinkingConfig => { includeThoughts => \1 } } }));
    return $r->json->{candidates}[0]{content};
}


$deep = generate('deep');
$claude = generate('claude');
$gemini = generate('gemini');

is(scalar(grep { $_->{thoughtSignature} } @{ $claude->{parts} }), 2,
   "Anthropic's, wrapped") or diag(json_encode($claude));
is($gemini->{parts}[1]{thoughtSignature}, $google, 'one of its own');

my @left;

for my $part (@{ $claude->{parts} }) {
    my %copy = %$part;
    delete $copy{thoughtSignature};
    push @left, \%copy if length($copy{text} // '') || $copy{functionCall};
}

my $bare = { %$claude, parts => \@left };

is(sent("/gemini/$path", contents($claude)), contents($bare),
   'wrapped state is not sent');
is(sent("/gemini/$path", contents($gemini, $claude)),
   contents($gemini, $bare), 'nor among its own');
is(sent("/gemini/$path", contents($deep)), contents($deep),
   'thoughts without state are');
$own = contents($gemini) =~ s/:/ : /gr;
is(sent("/gemini/$path", $own), $own, 'its own state, byte for byte');
like(sent("/claude/$path", contents($claude)),
     qr/"signature":"\Q$anthropic\E".*"data":"\Q$anthropic\E"/,
     'unwrapped for its maker');
is(sent("/gemini-claude/$path", contents($claude)) =~ /\Q$anthropic\E/, 1,
   'passed first, then translated');
is(($mock->ledger)[0]{body}, contents($bare), 'without it at first');


# --- Responses -----------------------------------------------------------

sub input {
    return json_encode({ model => 'm', store => \0, input => [
        { role => 'user', content => 'q' }, @_,
        { role => 'user', content => 'r' } ] });
}


sub respond {
    my ($place) = @_;
    return @{ http_post("/$place/v1/responses", input())->json->{output} };
}


my @deep = respond('deep');
my @claude = respond('claude');
my @openai = respond('openai');

is((grep { $_->{type} eq 'reasoning' } @deep), 1, 'thoughts of no state');
is((grep { $_->{type} eq 'reasoning' && $_->{encrypted_content} } @claude), 2,
   "Anthropic's, wrapped");

for ([ 'thoughts of no state', \@deep ], [ 'wrapped state', \@claude ]) {
    my ($name, $list) = @$_;
    my @other = grep { $_->{type} ne 'reasoning' } @$list;

    is(sent('/openai/v1/responses', input(@$list)), input(@other),
       "$name: not sent");
    is(sent('/openai/v1/responses', input(@openai, @$list)),
       input(@openai, @other), "$name: nor among its own");
}

$own = input(@openai) =~ s/,/ ,/gr;
is(sent('/openai/v1/responses', $own), $own, 'its own state, byte for byte');
like(sent('/claude/v1/responses', input(@claude)),
     qr/"signature":"\Q$anthropic\E".*"data":"\Q$anthropic\E"/,
     'unwrapped for its maker');


# --- chat completions ----------------------------------------------------

sub chat {
    return json_encode({ model => 'm', messages => [
        { role => 'user', content => 'q' }, @_,
        { role => 'user', content => 'r' } ] });
}


my ($said, $signed) = map {
    http_post("/$_/v1/chat/completions", chat())->json->{choices}[0]{message}
} qw/ claude gemini /;

ok($said->{thinking_blocks} && $said->{reasoning_content},
   "Anthropic's thoughts");
is($signed->{tool_calls}[0]{extra_content}{google}{thought_signature},
   $google, "Gemini's signature");

my @plain = map { json_decode(json_encode($_)) } $said, $signed;
for my $m (@plain) {
    delete @$m{qw/ thinking_blocks reasoning_content /};
    delete $_->{extra_content} for @{ $m->{tool_calls} };
}

is(sent('/openai/v1/chat/completions', chat($said, $signed)), chat(@plain),
   'nothing of it to OpenAI');
is(sent('/deep/v1/chat/completions', chat($said, $signed)),
   chat($said, $signed), 'a host that nobody knows gets what there is');
like(sent('/claude/v1/chat/completions', chat($said)),
     qr/"signature":"\Q$anthropic\E"/, 'as does its maker');
