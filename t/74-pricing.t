#!/usr/bin/perl

# The second calculation of usage and cost, t/lib/pricing.py, against sums
# made by hand: it is what the recordings' prices are compared with.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use AI::Test;

my $t = AI::Test->new;

$t->write_file('prices.json', <<'EOF');
{
"plain": {"litellm_provider": "openai",
    "input_cost_per_token": 2.5e-06, "output_cost_per_token": 1e-05,
    "cache_read_input_token_cost": 1.25e-06,
    "input_cost_per_token_flex": 1.25e-06,
    "output_cost_per_token_flex": 5e-06,
    "output_cost_per_reasoning_token": 2e-05},
"xai/plain": {
    "input_cost_per_token": 2.5e-06, "output_cost_per_token": 1e-05,
    "output_cost_per_reasoning_token": 2e-05},
"tiny": {"litellm_provider": "openai",
    "input_cost_per_token": 1.5e-10, "output_cost_per_token": 1e-10},
"claude": {"litellm_provider": "anthropic",
    "input_cost_per_token": 3e-06, "output_cost_per_token": 1.5e-05,
    "cache_read_input_token_cost": 3e-07,
    "cache_creation_input_token_cost": 3.75e-06,
    "cache_creation_input_token_cost_above_1hr": 6e-06,
    "search_context_cost_per_query": {"search_context_size_low": 0.02,
        "search_context_size_medium": 0.01}},
"bedrock/claude": {
    "input_cost_per_token": 3e-06, "output_cost_per_token": 1.5e-05,
    "cache_read_input_token_cost": 3e-07,
    "cache_creation_input_token_cost": 3.75e-06},
"gemini/long": {
    "input_cost_per_token": 1e-06, "output_cost_per_token": 2e-06,
    "input_cost_per_audio_token": 3e-06,
    "cache_read_input_token_cost": 1e-07,
    "input_cost_per_token_above_200k_tokens": 2e-06,
    "output_cost_per_token_above_200k_tokens": 3e-06},
"long": {"input_cost_per_token": 1, "output_cost_per_token": 1},
"alibaba/steps": {"tiered_pricing": [
    {"range": [0, 1000], "input_cost_per_token": 1e-06,
     "output_cost_per_token": 2e-06},
    {"range": [1000, 9000], "input_cost_per_token": 3e-06,
     "output_cost_per_token": 4e-06}]},
"half": {"litellm_provider": "openai", "input_cost_per_token": 1e-06}
}
EOF

my $chat = '{"usage":{"prompt_tokens":%d,"completion_tokens":%d,'
    . '"total_tokens":%d,"prompt_tokens_details":{"cached_tokens":%d},'
    . '"completion_tokens_details":{"reasoning_tokens":%d}}%s}';

# 60 * 2500 + 40 * 1250 + 15 * 10000 + 5 * 20000
is_cost('cached, thoughts', 'openai', 'openai', 'plain',
    sprintf($chat, 100, 20, 120, 40, 5, ''), 450000, 50000, 1);

# the thoughts of a tier cost what the tier's completion does:
# 60 * 1250 + 40 * 1250 + 20 * 5000
is_cost('flex', 'openai', 'openai', 'plain',
    sprintf($chat, 100, 20, 120, 40, 5, ',"service_tier":"flex"'),
    225000, 0, 1);

# thoughts beside the completion: 100 * 2500 + 20 * 10000 + 30 * 20000
is_cost('xAI', 'openai', 'xai', 'plain',
    sprintf($chat, 100, 20, 150, 0, 30, ''), 1050000, 0, 1, 'xai/plain');

# 3 * 0.15 + 1 * 0.1 = 0.55, 3 * 0.15 = 0.45, half a nano is one
is_cost('up', 'openai', 'openai', 'tiny', sprintf($chat, 3, 1, 4, 0, 0, ''),
    1, 0, 1);
is_cost('down', 'openai', 'openai', 'tiny', sprintf($chat, 3, 0, 3, 0, 0, ''),
    0, 0, 1);
is_cost('half', 'openai', 'openai', 'tiny', sprintf($chat, 0, 5, 5, 0, 0, ''),
    1, 0, 1);

# 10 * 3000 + 1000 * 300 + 20 * 3750 + 30 * 6000 + 7 * 15000 + 2 * 10000000
is_cost('Anthropic', 'anthropic', 'anthropic', 'claude-20250101',
    '{"usage":{"input_tokens":10,"cache_read_input_tokens":1000,'
    . '"cache_creation_input_tokens":50,"cache_creation":{'
    . '"ephemeral_5m_input_tokens":20,"ephemeral_1h_input_tokens":30},'
    . '"output_tokens":7,"server_tool_use":{"web_search_requests":2}}}',
    20690000, 2700000, 1, 'claude');

# a stream: the last report of each number
is_cost('a stream', 'anthropic', 'anthropic', 'claude',
    qq(event: message_start\ndata: {"type":"message_start","message":{)
    . qq("usage":{"input_tokens":10,"output_tokens":1}}}\n\n)
    . qq(event: message_delta\ndata: {"type":"message_delta","usage":{)
    . qq("output_tokens":9}}\n\n), 165000, 0, 1, 'claude', 'sse');

# a name with the vendor in front wins; video is text, a film's sound is not:
# 50 * 1000 + 40 * 3000 + 10 * 100 + (6 + 4) * 2000
is_cost('Gemini', 'gemini', 'gemini', 'long',
    '{"usageMetadata":{"promptTokenCount":90,"toolUsePromptTokenCount":10,'
    . '"cachedContentTokenCount":10,"candidatesTokenCount":6,'
    . '"thoughtsTokenCount":4,"promptTokensDetails":['
    . '{"modality":"AUDIO","tokenCount":40},'
    . '{"modality":"VIDEO","tokenCount":50}]}}',
    191000, 9000, 1, 'gemini/long');

# all of it at the price of its length: 200001 * 2000 + 1 * 3000
is_cost('long', 'gemini', 'gemini', 'long',
    '{"usageMetadata":{"promptTokenCount":200001,"candidatesTokenCount":1}}',
    400005000, 0, 1, 'gemini/long');
is_cost('not yet long', 'gemini', 'gemini', 'long',
    '{"usageMetadata":{"promptTokenCount":200000,"candidatesTokenCount":1}}',
    200002000, 0, 1, 'gemini/long');

# 1000 is the end of the first step: 1000 * 1000 + 2000, 1001 * 3000 + 4000
is_cost('a step', 'openai', 'alibaba', 'steps',
    sprintf($chat, 1000, 1, 1001, 0, 0, ''), 1002000, 0, 1, 'alibaba/steps');
is_cost('the next step', 'openai', 'alibaba', 'steps',
    sprintf($chat, 1001, 1, 1002, 0, 0, ''), 3007000, 0, 1, 'alibaba/steps');

# Bedrock counts as Anthropic does: 10 * 3000 + 5 * 300 + 20 * 3750 + 30000
is_cost('Bedrock', 'bedrock', 'bedrock', 'claude',
    '{"usage":{"inputTokens":10,"outputTokens":2,"cacheReadInputTokens":5,'
    . '"cacheWriteInputTokens":20}}', 136500, 13500, 1, 'bedrock/claude');

# no price for what was made
# what is searched for is billed: 10 * 2500 + 10000
is_cost('searches without a price', 'openai', 'openai', 'plain',
    '{"usage":{"prompt_tokens":10,"completion_tokens":1,"server_tool_use":{'
    . '"web_search_requests":1}}}', 35000, 0, 0);

is_cost('half known', 'openai', 'openai', 'half',
    sprintf($chat, 10, 1, 11, 0, 0, ''), 10000, 0, 0);
is_cost('not known', 'openai', 'openai', 'nothing',
    sprintf($chat, 10, 1, 11, 0, 0, ''), 0, 0, 0, undef);

sub is_cost {
    my ($name, $form, $row, $model, $answer, $cost, $saved, $known, $key,
        $kind) = @_;

    my $file = 'answer.' . ($kind || 'json');
    $t->write_file($file, $answer);

    my ($code, $out, $err) = $t->capture([ 'python3',
        $t->root . '/t/lib/pricing.py', $t->testdir . '/prices.json', $form,
        $row, $model, $t->testdir . "/$file" ]);
    my $got = $code ? { price => $err } : json_decode($out);

    is_deeply([ @$got{qw/ price cost saved /}, $got->{known} ? 1 : 0 ],
              [ @_ > 8 ? $key : $model, $cost, $saved, $known ], $name);
}
