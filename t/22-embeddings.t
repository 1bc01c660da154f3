#!/usr/bin/perl

# Embeddings: the SDKs of OpenAI, Google, Cohere and Ollama against providers
# of eleven kinds.  Vectors to the last bit of a float32, what each provider
# is sent, sizes, purposes, refusals, another provider when one fails; an
# answer with three million numbers.  The steps are in t/lib/sdk_embed.py;
# each of its cases is a test here.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use AI::Test;
use AI::Test::Calls;

my @names = qw/ openai azure azure-old mistral gemini vertex vertex-content
                cohere bedrock bedrock-cohere ollama voyage jina tei /;
my @clients = qw/ openai floats genai single cohere ollama /;
my %model = (openai => 'text-embedding-3-small',
             gemini => 'gemini-embedding-001', cohere => 'embed-v4.0',
             voyage => 'voyage-3.5');

# a provider each for what may be held against a provider

my @places = (@names, 'bedrock-v1', 'anthropic');

for my $status (qw/ 200 401 404 429 500 /) {
    push @places, map { "$_-$status-openai" } @names;
    push @places, map { "openai-$status-$_" } @clients[2 .. $#clients];
}

push @places, map { ("openai-wrong-$_", "voyage-wrong-$_") } 0 .. 5;

my @routes;

for my $second (qw/ gemini cohere voyage /) {
    push @routes, map { [ "to-$second-$_", 'openai', $model{openai},
                          $second, $model{$second} ] } @clients;
}

push @routes, [ 'past-anthropic', 'anthropic', 'claude-opus-4-6',
                'gemini', $model{gemini} ];

my ($t, $mock) = calls('t/lib/sdk_embed.py', \@places, @routes);
$t->lag_most(0.4, 'an answer of 18 MB in one piece is translated at once');

signed($t, $mock);
note($_) for split /\n/, $t->read_file('large.txt');
