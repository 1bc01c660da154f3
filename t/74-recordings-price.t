#!/usr/bin/perl

# What the recorded answers cost: each goes through nginx twice, to a client
# of its own API and to one of another, and the tokens and the cost in the log
# have to be those that t/lib/pricing.py works out of the recording itself, to
# the nano-dollar.

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

    ai_price_file %%TESTDIR%%/prices.json;

    log_format price 'FORMAT';

PROVIDERS
    server {
        listen 127.0.0.1:%%PORT_8080%%;

        access_log %%TESTDIR%%/price.log price;

LOCATIONS
    }
}
EOF

my $t = AI::Test->new;
my $build = $ENV{BUILD} || $t->root . '/build';
my @program = ("$build/venv/bin/python",
    $t->root . '/t/lib/price_replay.py');

my ($code, $out, $err) = $t->capture([ @program, '--config' ]);
die "price_replay.py: $err\n" if $code;
my ($providers, $locations, $format) = @{ json_decode($out) };

($code, $out, $err) = $t->capture([ @program, '--prices' ]);
die "price_replay.py: $err\n" if $code;
$t->write_file('prices.json', $out);

$conf =~ s/FORMAT/$format/;
$conf =~ s/^PROVIDERS\n/$providers/m;
$conf =~ s/^LOCATIONS\n/$locations/m;

$t->secret('provider-credential-77c2', 'client-credential-5b1f');
my $mock = $t->mock([], port => 8081);
$t->write_file_expand('nginx.conf', $conf);
$t->run;

my $cases = $t->sdk('t/lib/price_replay.py',
    GATEWAY => 'http://127.0.0.1:' . $t->port(8080), MOCK => $mock->url,
    LOG => $t->testdir . '/price.log', PRICES => $t->testdir . '/prices.json');

cmp_ok(scalar @$cases, '>', $ENV{ONLY} ? 0 : 600, 'there are recordings');
cases($cases);
