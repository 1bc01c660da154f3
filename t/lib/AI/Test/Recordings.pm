package AI::Test::Recordings;

# Replays the recordings of one provider: t/lib/recordings.py does the work,
# each of its cases is a test here.

use strict;
use warnings;

use Exporter qw/ import /;
use Test::More;

use AI::Test;

our @EXPORT = qw/ replay cases /;

use constant PLACES => 10;      # providers for answers that are held
                                # against their provider

my $conf = <<'EOF';
%%TEST_GLOBALS%%

worker_processes 1;

events {
}

http {
    %%TEST_GLOBALS_HTTP%%

    client_body_buffer_size 256k;
    client_max_body_size 8m;

PROVIDERS
    server {
        listen 127.0.0.1:%%PORT_8080%%;

LOCATIONS
    }
}
EOF


sub provider_block {
    my ($name, $api, $key) = @_;
    return <<"EOF";
    ai_provider $name {
        api $api;
        endpoint http://127.0.0.1:%%PORT_8081%%;
        key $key;
        model *;
    }

EOF
}


sub location_block {
    my ($name, $prefix) = @_;
    return <<"EOF";
        location $prefix/v1/ {
            ai_pass $name;
        }

EOF
}


sub replay {
    my ($api) = @_;

    # as in t/lib/wire.py
    my $key = "provider-credential-$api-77c2";
    my @names = ('main', map { "e$_" } 0 .. PLACES - 1);
    my %prefix = (main => '', map { ($_ => "/$_") } @names[1 .. $#names]);

    my $text = $conf;
    my $providers = join '', map { provider_block($_, $api, $key) } @names;
    my $locations = join '', map { location_block($_, $prefix{$_}) } @names;
    $text =~ s/^PROVIDERS\n/$providers/m;
    $text =~ s/^LOCATIONS\n/$locations/m;

    my $t = AI::Test->new;
    $t->secret($key, 'client-credential-5b1f');
    my $mock = $t->mock([], port => 8081);
    $t->write_file_expand('nginx.conf', $text);
    $t->run;

    my $cases = $t->sdk('t/lib/recordings.py', PROVIDER => $api,
        GATEWAY => 'http://127.0.0.1:' . $t->port(8080),
        MOCK => $mock->url, LEDGER => $mock->{log}, PLACES => PLACES);

    cmp_ok(scalar @$cases, '>', 0, 'there are recordings');

    cases($cases);

    return $t;
}


# Each case of a Python program as a test.

sub cases {
    my ($cases) = @_;

    for my $case (@$cases) {
        SKIP: {
            skip "$case->{name}: $case->{skip}", 1 if $case->{skip};

            ok(!@{ $case->{problems} }, $case->{name})
                or diag(map { "    $_\n" } @{ $case->{problems} });
        }
    }
}


1;
