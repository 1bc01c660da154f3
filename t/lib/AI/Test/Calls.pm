package AI::Test::Calls;

# Embeddings, rerank and counting: an ai_provider of each API at /NAME/, a
# mock that plays all of them, and a Python program whose cases are tests.

use strict;
use warnings;

use Exporter qw/ import /;
use IPC::Open2;
use JSON::PP qw/ decode_json encode_json /;
use Test::More;

use AI::Test;
use AI::Test::Recordings qw/ cases /;

our @EXPORT = qw/ calls signed /;

my @aws = qw/ AKIACANARYCALLS canary-secret-calls /;

# of a name the part before the first hyphen is the API
my %more = (
    'azure-old' => 'azure api_version=2024-10-21;',
    bedrock => "aws region=eu-central-1 access_key=$aws[0]"
        . " secret_key=$aws[1];",
);

my $conf = <<'EOF';
%%TEST_GLOBALS%%

worker_processes 1;

events {
}

http {
    %%TEST_GLOBALS_HTTP%%

    client_body_buffer_size 256k;
    client_max_body_size 8m;

    log_format calls '$ai_api $ai_operation $ai_prompt_tokens $status';
    access_log %%TESTDIR%%/calls.log calls;

PROVIDERS
    server {
        listen 127.0.0.1:%%PORT_8080%%;

        location = /ping {
            access_log off;
            return 204;
        }

LOCATIONS
    }
}
EOF


sub provider_block {
    my ($name) = @_;

    my ($api) = $name =~ /^([a-z_]+)/;
    my @lines = "api $api;";

    push @lines, 'endpoint http://127.0.0.1:%%PORT_8081%%;', 'model *;';
    push @lines, "key provider-credential-$api-77c2;" if $api ne 'bedrock';

    my $more = $more{ $name =~ /^(azure-old)/ ? $1 : $api };
    push @lines, $more if $more;

    return "    ai_provider $name {\n" . join('', map { "        $_\n" } @lines)
        . "    }\n\n";
}


# [name, first, its model, second, its model], the latter may be left out: the
# first one is the route's own, its faults are not held against others

sub route_block {
    my ($name, $first, $model, $second, $other) = @_;

    my $last = $second ? "\n        target $second model=$other;" : '';

    return provider_block("$first-of-$name") . <<"EOF";
    ai_route $name {
        priority;
        target $first-of-$name model=$model;$last
    }

EOF
}


# -one: clients that name no model

sub location_block {
    my ($name) = @_;

    my $model = $name =~ /-one$/ ? "\n            ai_model one;" : '';

    return <<"EOF";
        location /$name/ {
            ai_pass $name;$model
        }

EOF
}


sub calls {
    my ($script, $names, @routes) = @_;

    my $providers = join '', map({ provider_block($_) } @$names),
        map { route_block(@$_) } @routes;
    my $locations = join '', map { location_block($_) } @$names,
        map { $_->[0] } @routes;

    my $text = $conf;
    $text =~ s/^PROVIDERS\n/$providers/m;
    $text =~ s/^LOCATIONS\n/$locations/m;

    my %apis = map { /^([a-z_]+)/ ? ($1 => 1) : () } @$names;

    my $t = AI::Test->new;
    $t->secret('client-credential-5b1f', $aws[1],
               map { "provider-credential-$_-77c2" } keys %apis);
    my $mock = $t->mock([], port => 8081);
    $t->write_file_expand('nginx.conf', $text);
    $t->run;

    cases($t->sdk($script, GATEWAY => 'http://127.0.0.1:' . $t->port(8080),
        MOCK => $mock->url, LEDGER => $mock->{log},
        LOG => $t->testdir . '/calls.log', TESTDIR => $t->testdir));

    return ($t, $mock);
}


# What Bedrock got, signed as botocore would have signed it.

sub signed {
    my ($t, $mock) = @_;

    my $pid = open2(my $out, my $in, $t->root . '/build/venv/bin/python',
                    $t->root . '/t/lib/aws_check.py', @aws, '',
                    'eu-central-1');

    print $in encode_json($_), "\n"
        for grep { $_->{path} =~ m{^/model/} } $mock->events('request');

    close $in;
    my @found = map { decode_json($_) } <$out>;
    waitpid $pid, 0;

    my @bad = grep { @{ $_->{problems} } } @found;
    ok(@found && !@bad, 'requests of Bedrock are signed')
        or diag(scalar @found, ' of them, ', encode_json(\@bad));
}


1;
