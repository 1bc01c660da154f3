package AI::Test::Matrix;

# Every recording of every provider, and one kind of client: the work is done
# by t/lib/matrix_client.py, each of its cases is a test here.  The result is
# left in BUILD/matrix for t/lib/matrix.py, and what src/provider/README
# claims has to be in it.

use strict;
use warnings;

use Exporter qw/ import /;
use Test::More;

use AI::Test;
use AI::Test::Recordings qw/ cases /;

our @EXPORT = qw/ matrix /;

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

LOCATIONS
    }
}
EOF


sub matrix {
    my ($client) = @_;

    my $t = AI::Test->new;
    my $build = $ENV{BUILD} || $t->root . '/build';
    my @program = ("$build/venv/bin/python", $t->root . '/t/lib/matrix.py');

    my ($code, $out, $err) = $t->capture([ @program, '--config', $client ]);
    die "matrix.py: $err\n" if $code;
    my ($providers, $locations) = @{ json_decode($out) };

    (my $text = $conf) =~ s/^PROVIDERS\n/$providers/m;
    $text =~ s/^LOCATIONS\n/$locations/m;

    $t->secret('provider-credential-77c2', 'client-credential-5b1f');
    my $mock = $t->mock([], port => 8081);
    $t->write_file_expand('nginx.conf', $text);
    $t->run;

    my $cases = $t->sdk('t/lib/matrix_client.py', CLIENT => $client,
        GATEWAY => 'http://127.0.0.1:' . $t->port(8080),
        MOCK => $mock->url, LEDGER => $mock->{log});

    cmp_ok(scalar @$cases, '>', 0, 'there are recordings');
    cases($cases);

    return if $ENV{ONLY};

    mkdir "$build/matrix";
    my $file = "$build/matrix/$client.json";
    open my $fh, '>', "$file.$$" or die "$file: $!\n";
    print $fh json_encode($cases);
    close $fh or die "$file: $!\n";
    rename "$file.$$", $file or die "$file: $!\n";

    # the table is about to be written anew

    return if $ENV{MATRIX_WRITE};

    ($code, $out, $err) = $t->capture([ @program, '--check', $file ]);
    is("$out$err", '', 'src/provider/README claims what has passed');

    return;
}


1;
