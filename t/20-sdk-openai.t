#!/usr/bin/perl

# Programs with the OpenAI SDK against providers of three kinds: answers and
# streams, tools over two turns, images, schemas, reasoning, errors, broken
# streams, models, many at once, timeouts.  The steps are in
# t/lib/sdk_openai.py; each of its cases is a test here.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use AI::Test;
use AI::Test::Recordings qw/ cases /;

my $conf = <<'EOF';
%%TEST_GLOBALS%%

worker_processes 1;

events {
}

http {
    %%TEST_GLOBALS_HTTP%%

    client_body_buffer_size 256k;

    ai_provider list {
        api openai;
        endpoint http://127.0.0.1:%%PORT_8081%%;
        key provider-credential-openai-77c2;
        model alpha;
        model beta;
    }

PROVIDERS
    server {
        listen 127.0.0.1:%%PORT_8080%%;

        location /list/v1/ {
            ai_pass list;
        }

LOCATIONS
    }
}
EOF

# a provider each for what may be held against a provider

my @apis = qw/ openai anthropic gemini /;
my @statuses = qw/ 400 401 403 404 413 429 500 503 529 /;
my @names = (@apis, 'openai-slow', 'openai-hang', 'openai-stall');

for my $api (@apis) {
    push @names, map { "$api-$_" } 'error', 'end', 'cut',
        map { ($_, $_ . 's') } @statuses;
}

my $providers = join '', map { provider_block($_) } @names;
my $locations = join '', map { location_block($_) } @names;
$conf =~ s/^PROVIDERS\n/$providers/m;
$conf =~ s/^LOCATIONS\n/$locations/m;

my $t = AI::Test->new;
$t->secret('client-credential-5b1f', map { "provider-credential-$_-77c2" }
    @apis);
my $mock = $t->mock([], port => 8081);
$t->write_file_expand('nginx.conf', $conf);
$t->run;

my $cases = $t->sdk('t/lib/sdk_openai.py',
    GATEWAY => 'http://127.0.0.1:' . $t->port(8080),
    MOCK => $mock->url, LEDGER => $mock->{log});

cases($cases);


sub provider_block {
    my ($name) = @_;

    my ($api) = $name =~ /^(\w+)/;
    my $timeout = $name =~ /hang|stall/ ? "\n        read_timeout 700ms;"
        : $name =~ /slow/ ? "\n        read_timeout 2s;" : '';

    return <<"EOF";
    ai_provider $name {
        api $api;
        endpoint http://127.0.0.1:%%PORT_8081%%;
        key provider-credential-$api-77c2;
        model *;$timeout
    }

EOF
}


sub location_block {
    my ($name) = @_;

    return <<"EOF";
        location /$name/v1/ {
            ai_pass $name;
        }

EOF
}
