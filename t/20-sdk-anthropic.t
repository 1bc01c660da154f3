#!/usr/bin/perl

# Programs with the Anthropic SDK against providers of three kinds: answers
# and streams, tools over two turns, thinking, images, errors, broken streams,
# failover.  The steps are in t/lib/sdk_anthropic.py; each of its cases is a
# test here.

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
ROUTES
    server {
        listen 127.0.0.1:%%PORT_8080%%;

        location /list/v1/ {
            ai_pass list;
        }

        location /small/v1/ {
            client_max_body_size 1k;
            ai_pass list;
        }

LOCATIONS
    }
}
EOF

# a provider each for what may be held against a provider

my @apis = qw/ openai anthropic gemini /;
my @statuses = qw/ 400 401 403 404 413 429 500 503 529 /;
my @names = (@apis, 'openai-hang', map { "$_-stall" } @apis);

for my $api (@apis) {
    push @names, map { "$api-$_" } 'error', 'end', 'cut', 'over',
        map { ($_, $_ . 's') } @statuses;
}

# from the first API to the second

my %over = (openai => 'anthropic', anthropic => 'gemini', gemini => 'openai');
my %model = (openai => 'gpt-test', anthropic => 'claude-opus-4-6',
             gemini => 'gemini-2.5-flash');

my $providers = join '', map { provider_block($_) } @names;
my $routes = join '', map { route_block($_) } sort keys %over;
my $locations = join '', map { location_block($_) } @names,
    map { "over-$_" } sort keys %over;
$conf =~ s/^PROVIDERS\n/list_block() . $providers/me;
$conf =~ s/^ROUTES\n/$routes/m;
$conf =~ s/^LOCATIONS\n/$locations/m;

my $t = AI::Test->new;
$t->secret('client-credential-5b1f', map { "provider-credential-$_-77c2" }
    @apis);
my $mock = $t->mock([], port => 8081);
$t->write_file_expand('nginx.conf', $conf);
$t->run;

my $cases = $t->sdk('t/lib/sdk_anthropic.py',
    GATEWAY => 'http://127.0.0.1:' . $t->port(8080),
    MOCK => $mock->url, LEDGER => $mock->{log});

cases($cases);


sub list_block {
    return <<'EOF';
    ai_provider list {
        api openai;
        endpoint http://127.0.0.1:%%PORT_8081%%;
        key provider-credential-openai-77c2;
        model alpha;
    }

EOF
}


sub provider_block {
    my ($name) = @_;

    my ($api) = $name =~ /^(\w+)/;
    my $timeout = $name =~ /hang|stall/ ? "\n        read_timeout 700ms;"
        : '';

    return <<"EOF";
    ai_provider $name {
        api $api;
        endpoint http://127.0.0.1:%%PORT_8081%%;
        key provider-credential-$api-77c2;
        model *;$timeout
    }

EOF
}


sub route_block {
    my ($api) = @_;

    my $next = $over{$api};

    return <<"EOF";
    ai_route over-$api {
        priority;
        target $api-over model=$model{$api};
        target $next model=$model{$next};
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
