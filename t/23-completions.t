#!/usr/bin/perl

# Legacy completions with the OpenAI SDK: recordings of OpenAI pass through,
# other providers answer as if they had the API, and what they cannot do is
# refused.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use AI::Test;
use AI::Test::Recordings qw/ cases /;

my $t = AI::Test->new;

my @apis = qw/ openai openai_compatible groq anthropic gemini cohere
               ollama_native bedrock /;
my ($providers, $locations) = ('', '');

for my $api (@apis) {
    my $aws = $api eq 'bedrock'
        ? 'aws region=r access_key=AKIATEST secret_key=file:secret;'
        : 'key file:secret;';
    $providers .= "    ai_provider $api {\n"
        . "        endpoint http://127.0.0.1:%%PORT_8081%%;\n"
        . "        $aws\n    }\n";
    $locations .= "        location /$api/v1/ { ai_pass $api; }\n";
}

$t->write_file('secret', 'sk-canary-provider');
$t->secret('sk-canary-provider', 'sk-canary-client');

$t->write_file_expand('nginx.conf', <<"EOC");
%%TEST_GLOBALS%%

events {
}

http {
    %%TEST_GLOBALS_HTTP%%

    log_format api '\$ai_api \$ai_provider \$ai_prompt_tokens '
                   '\$ai_completion_tokens \$ai_finish_reason \$status';
    access_log %%TESTDIR%%/api.log api;

$providers
    server {
        listen 127.0.0.1:%%PORT_8080%%;

$locations
    }
}
EOC

my $mock = $t->mock([], port => 8081);
$t->run;

cases($t->sdk('t/lib/sdk_completions.py',
    GATEWAY => 'http://127.0.0.1:' . $t->port(8080), MOCK => $mock->url,
    LEDGER => $mock->{log}, APIS => join(' ', @apis)));

my $log = $t->read_file('api.log');
like($log, qr/^openai\.completions anthropic 12 5 stop 200$/m,
     'a translated answer in the log');
like($log, qr/^openai\.completions openai \d+ [1-9]\d* \w+ 200$/m,
     'one that passed through');
