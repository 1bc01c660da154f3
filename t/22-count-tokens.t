#!/usr/bin/perl

# Counting tokens: the SDKs of Anthropic, Google and OpenAI against providers
# that count, those that do not, where the gateway estimates, and those that
# fail.  The steps are in t/lib/sdk_count.py; each of its cases is a test here.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use AI::Test;
use AI::Test::Calls;

my @names = qw/ anthropic gemini vertex vertex-claude openai bedrock /;
my @clients = qw/ anthropic genai openai /;
my %model = (anthropic => 'claude-sonnet-4-5', gemini => 'gemini-2.5-flash',
             openai => 'in-house-1',
             bedrock => 'eu.anthropic.claude-sonnet-4-5-20250929-v1:0');

# a provider each for what may be held against a provider

my @places = (@names, qw/ cohere mistral openai_compatible ollama /);

for my $client (@clients) {
    push @places, "anthropic-rec-$client", "bedrock-rec-$client";

    for my $status (qw/ 200 401 404 429 500 /) {
        push @places, map { "$_-$status-$client" } @names;
    }
}

my @routes = map { [ "renamed-$_", $_, $model{$_} ] } qw/ anthropic gemini
                                                          openai /;

for my $second (qw/ gemini bedrock openai /) {
    push @routes, map { [ "to-$second-$_", 'anthropic', $model{anthropic},
                          $second, $model{$second} ] } @clients;
}

my ($t, $mock) = calls('t/lib/sdk_count.py', \@places, @routes);

signed($t, $mock);
