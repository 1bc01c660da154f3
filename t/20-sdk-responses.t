#!/usr/bin/perl

# Programs with client.responses of the OpenAI SDK against providers of three
# kinds: answers and streams, the order of events, tools over two turns,
# reasoning, images, schemas, errors, broken streams, another provider's turn.
# The steps are in t/lib/sdk_responses.py; each of its cases is a test here.

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

PROVIDERS
    server {
        listen 127.0.0.1:%%PORT_8080%%;

        location /small/ {
            client_max_body_size 1k;
            ai_pass openai;
        }

LOCATIONS
    }
}
EOF

# a provider each for what may be held against a provider

my @apis = qw/ openai anthropic gemini /;
my @statuses = qw/ 400 401 404 429 500 503 /;
my @names = @apis;

for my $api (@apis) {
    push @names, map { "$api-$_" } 'error', 'end', 'cut',
        map { ($_, $_ . 's') } @statuses;
}

my $providers = join '', map { provider_block($_) } @names;
my $locations = join '', map { location_block($_) } @names;

for my $api (@apis) {
    for my $next (grep { $_ ne $api } @apis) {
        for my $name ("$api-to-$next", "$api-to-$next-s") {
            $providers .= route_block($name, $api, $next);
            $locations .= location_block($name);
        }
    }
}

$conf =~ s/^PROVIDERS\n/$providers/m;
$conf =~ s/^LOCATIONS\n/$locations/m;

my $t = AI::Test->new;
$t->secret('client-credential-5b1f', map { "provider-credential-$_-77c2" }
    @apis);
my $mock = $t->mock([], port => 8081);
$t->write_file_expand('nginx.conf', $conf);
$t->run;

my $cases = $t->sdk('t/lib/sdk_responses.py',
    GATEWAY => 'http://127.0.0.1:' . $t->port(8080),
    MOCK => $mock->url, LEDGER => $mock->{log});

cases($cases);


sub provider_block {
    my ($name) = @_;

    my ($api) = $name =~ /^(\w+)/;

    # one that has no Responses of its own

    my $row = $api eq 'openai' ? 'openai_compatible' : $api;

    return <<"EOF";
    ai_provider $name {
        api $row;
        endpoint http://127.0.0.1:%%PORT_8081%%;
        key provider-credential-$api-77c2;
        model *;
    }

EOF
}


# the first one is the route's own: its faults are not held against others

sub route_block {
    my ($name, $api, $next) = @_;

    my $model = { openai => 'gpt-test', anthropic => 'claude-opus-4-6',
                  gemini => 'gemini-2.5-flash' };

    return provider_block("$api-of-$name") . <<"EOF";
    ai_route $name {
        priority;
        target $api-of-$name model=$model->{$api};
        target $next model=$model->{$next};
    }

EOF
}


sub location_block {
    my ($name) = @_;

    return <<"EOF";
        location /$name/ {
            ai_pass $name;
        }

EOF
}
