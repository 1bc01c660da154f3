#!/usr/bin/perl

# Rerank: Cohere's SDK, both versions of its API, and clients that speak as
# Jina's, Voyage's and TEI's do against providers of eight kinds.  The steps
# are in t/lib/sdk_rerank.py; each of its cases is a test here.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use AI::Test;
use AI::Test::Calls;

my @names = qw/ cohere jina voyage together vllm openai_compatible tei bedrock
                bedrock-amazon /;
my @clients = qw/ v2 v1 jina voyage tei /;
my %model = (cohere => 'rerank-v3.5', voyage => 'rerank-2.5', tei => 'bge',
             bedrock => 'cohere.rerank-v3-5:0');

# a provider each for what may be held against a provider

my @places = (@names, 'tei-one', map { "cohere-wrong-$_" } 0 .. 5);

for my $status (qw/ 200 401 404 429 500 /) {
    push @places, map { "$_-$status-v2" } @names;
    push @places, map { "cohere-$status-$_" } @clients[1 .. $#clients];
}

my @routes;

for my $second (qw/ voyage tei bedrock /) {
    push @routes, map { [ "to-$second-$_", 'cohere', $model{cohere},
                          $second, $model{$second} ] } @clients;
}

my ($t, $mock) = calls('t/lib/sdk_rerank.py', \@places, @routes);

signed($t, $mock);
