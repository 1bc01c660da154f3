#!/usr/bin/perl

# Coding agents do a whole task through the gateway, against providers of
# another family than the one they were written for: Claude Code and Codex,
# as npm installs them, with a provider that plays a script.  The steps are in
# t/lib/agents.py, the provider is t/lib/agent_provider.py.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Socket;
use Test::More;

use AI::Test;
use AI::Test::Recordings qw/ cases /;

# a network with nothing in it but loopback, where one may be had

if (!$ENV{TEST_AGENTS_ALONE} && $> == 0
    && system('unshare -n true 2>/dev/null') == 0)
{
    $ENV{TEST_AGENTS_ALONE} = 1;
    exec 'unshare', '-n', $^X, "$FindBin::Bin/$FindBin::Script";
}

loopback_up() if $ENV{TEST_AGENTS_ALONE};

my $node = ($ENV{BUILD} || "$FindBin::Bin/../build") . '/node/node_modules';
die "no $node, run: make -f Makefile.dist npm\n" if !-d $node;

my $t = AI::Test->new;

my @apis = qw/ openai anthropic gemini /;
my %model = (openai => 'gpt-test', anthropic => 'claude-opus-4-6',
             gemini => 'gemini-2.5-flash');

my $providers = join '', map { provider_block($_) } @apis;
my $locations = join '', map { location_block($_) } @apis;

$t->secret('client-credential-5b1f', map { "provider-credential-$_-77c2" }
    @apis);

$t->write_file_expand('nginx.conf', <<"EOF");
%%TEST_GLOBALS%%

worker_processes 1;

events {
}

http {
    %%TEST_GLOBALS_HTTP%%

    client_body_buffer_size 8m;
    client_max_body_size 8m;

    log_format seen escape=json
        '{"method":"\$request_method","uri":"\$request_uri",'
        '"status":\$status,"dropped":"\$sent_http_x_ai_dropped_params",'
        '"user_agent":"\$http_user_agent","body":"\$request_body"}';

$providers
    server {
        listen 127.0.0.1:%%PORT_8080%%;

        access_log %%TESTDIR%%/seen.log seen;

$locations
    }
}
EOF

$t->run;

cases($t->sdk('t/lib/agents.py',
    GATEWAY => 'http://127.0.0.1:' . $t->port(8080),
    PROVIDER_PORT => $t->port(8081), NODE => $node, WORK => $t->testdir,
    ACCESS => $t->testdir . '/seen.log'));


sub provider_block {
    my ($api) = @_;

    # chat completions only: OpenAI's own has the API of Codex as well
    my $row = $api eq 'openai' ? 'together' : $api;

    return <<"EOF";
    ai_provider $api {
        api $row;
        endpoint http://127.0.0.1:%%PORT_8081%%;
        key provider-credential-$api-77c2;
        model *;
    }

    ai_route to-$api {
        target $api model=$model{$api};
    }

EOF
}


sub location_block {
    my ($api) = @_;

    return <<"EOF";
        location /$api/ {
            ai_pass to-$api;
        }

EOF
}


sub loopback_up {
    socket(my $s, AF_INET, SOCK_DGRAM, 0) or die "socket: $!\n";

    # SIOCSIFFLAGS: IFF_UP | IFF_RUNNING
    my $lo = pack 'a16 s x22', 'lo', 0x41;
    ioctl $s, 0x8914, $lo or die "lo: $!\n";
}
