#!/usr/bin/perl

# Programs with Node SDKs against providers of three kinds: the SDKs of
# OpenAI, Anthropic and Google and Vercel's ai with its providers fetch
# recorded answers.  t/lib/sdk_node.mjs asks, t/lib/sdk_node.py compares; each
# of its cases is a test here.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use AI::Test;
use AI::Test::Recordings qw/ cases /;

my $node = ($ENV{BUILD} || "$FindBin::Bin/../build") . '/node/node_modules';
die "no $node, run: make -f Makefile.dist npm\n" if !-d $node;

my $t = AI::Test->new;

my @apis = qw/ openai anthropic gemini /;
my $providers = join '', map { provider_block($_) } @apis;
my $locations = join '', map { location_block($_) } @apis;

$t->secret('client-credential-5b1f', map { "provider-credential-$_-77c2" }
    @apis);

my $mock = $t->mock([], port => 8081);

$t->write_file_expand('nginx.conf', <<"EOF");
%%TEST_GLOBALS%%

worker_processes 1;

events {
}

http {
    %%TEST_GLOBALS_HTTP%%

    client_body_buffer_size 256k;

$providers
    server {
        listen 127.0.0.1:%%PORT_8080%%;

$locations
    }
}
EOF

$t->run;

cases($t->sdk('t/lib/sdk_node.py',
    GATEWAY => 'http://127.0.0.1:' . $t->port(8080), NODE => $node,
    MOCK => $mock->url, LEDGER => $mock->{log}));


sub provider_block {
    my ($api) = @_;

    # chat completions only: OpenAI's own has Responses as well
    my $row = $api eq 'openai' ? 'together' : $api;

    return <<"EOF";
    ai_provider $api {
        api $row;
        endpoint http://127.0.0.1:%%PORT_8081%%;
        key provider-credential-$api-77c2;
        model *;
    }

EOF
}


sub location_block {
    my ($api) = @_;

    return <<"EOF";
        location /$api/ {
            ai_pass $api;
        }

EOF
}
