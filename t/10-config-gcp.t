#!/usr/bin/perl

# "gcp" in ai_provider { ... } at nginx -t: what is refused, with the message
# and its place, and what is taken.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use AI::Test;

my $t = AI::Test->new;
my $dir = $t->testdir;

$t->allow(qr/\[emerg\]/);

$t->openssl(qw/ genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out /,
            "$dir/rsa.key");
$t->openssl(qw/ genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out /,
            "$dir/ec.key");
my %pem = map { $_ => $t->read_file("$_.key") } qw/ rsa ec /;
$t->write_file("$_.key", $pem{$_}) for keys %pem;

$t->secret((split /\n/, $pem{rsa})[2], 'sk-plain-71f3');


sub account {
    my ($name, %o) = @_;

    my %all = (type => 'service_account', project_id => 'proj-1',
        private_key_id => 'k', private_key => $pem{rsa},
        client_email => 'a@b', token_uri => 'http://127.0.0.1:1/token', %o);
    delete $all{$_} for grep { !defined $all{$_} } keys %all;
    $t->write_file("$name.json", json_encode(\%all));
}


account('good');
account('noproject', project_id => undef);
account('nomail', client_email => undef);
account('nokey', private_key => undef);
account('badkey', private_key => 'AAAA');
account('eckey', private_key => $pem{ec});
account('cut', private_key => substr $pem{rsa}, 0, 900);
account('workload', type => 'external_account');
account('ftp', token_uri => 'ftp://h/');
account('clear', token_uri => 'http://192.0.2.1/token');
account('query', token_uri => 'https://h?token');
account('https', token_uri => 'https://oauth2.googleapis.com/token');
$t->write_file('garbage.json', "{\"type\": \"service_account\",\n");
$t->write_file('empty.json', '');

$ENV{T_GCP} = $t->read_file('good.json');
$t->write_file('good.json', $ENV{T_GCP});
delete $ENV{T_GCP_NONE};

my $head = $t->expand("%%TEST_GLOBALS%%\nevents { }\nhttp {\n"
                      . "%%TEST_GLOBALS_HTTP%%\nresolver 127.0.0.1;\n");


sub check {
    my ($text) = @_;

    (my $conf = $text) =~ s/\@\@//;
    $t->write_file('nginx.conf', "$head$conf\n}\n");
    truncate "$dir/test.out", 0;
    return $t->test_config;
}


sub line_of {
    my ($text) = @_;
    return 1 + (() = ($head . substr $text, 0, index $text, '@@') =~ /\n/g);
}


# [ lines of the block, message ], its place is that of the line ...

my @lines = (
    [ 'gcp;', 'invalid number of arguments in "gcp" directive' ],
    [ 'gcp project=p;', 'no "credentials=" in "gcp"' ],
    [ 'gcp credential=metadata;', 'unknown parameter "credential" of "gcp", '
      . 'did you mean "credentials"?' ],
    [ 'gcp metadata;', 'unknown parameter "metadata" of "gcp"' ],
    [ 'gcp credentials=metadata credentials=metadata;',
      'duplicate parameter "credentials=" of "gcp"' ],
    [ 'gcp credentials=metadata project=a project=b;',
      'duplicate parameter "project=b" of "gcp"' ],
    [ 'gcp credentials=metadata; gcp credentials=metadata;',
      '"gcp" is duplicate' ],
    [ 'gcp credentials=sk-plain-71f3;', '"credentials=" of "gcp" must be '
      . '"file:PATH", "env:NAME" or "metadata"' ],
    [ 'gcp credentials=file:;', '"credentials=" of "gcp" must be '
      . '"file:PATH", "env:NAME" or "metadata"' ],
    map({ [ "gcp credentials=metadata project=p $_;",
            "invalid parameter \"$_\" of \"gcp\"" ] }
        'location=', 'location=a/b', 'location=a.b', 'location=EU'),
    [ 'gcp credentials=metadata project=a/../b;',
      'invalid parameter "project=a/../b" of "gcp"' ],
    [ 'gcp credentials=env:T_GCP_NONE;',
      'environment variable "T_GCP_NONE" is not set' ],
    [ 'gcp credentials=file:none.json;',
      "open() \"$dir/none.json\" failed (2: No such file or directory)" ],
    [ 'gcp credentials=file:empty.json;',
      "file \"$dir/empty.json\" is empty" ],
    map({ [ "gcp credentials=file:$_->[0].json;",
            "\"credentials=file:$_->[0].json\" of \"gcp\" $_->[1]" ] }
        [ garbage => 'is not valid JSON' ],
        [ nomail => 'has no "client_email"' ],
        [ nokey => 'has no "private_key"' ],
        [ workload => 'has a "type" other than "service_account" and '
          . '"authorized_user"' ]),
    map({ [ "gcp credentials=file:$_->[0].json;", '"private_key" in '
            . "\"credentials=file:$_->[0].json\" of \"gcp\" $_->[1]" ] }
        [ badkey => 'is no private key in PEM' ],
        [ cut => 'is no private key in PEM' ],
        [ eckey => 'is no RSA key' ]),
);

for my $case (@lines) {
    my ($text, $message) = @$case;
    $text = "ai_provider vertex {\n    $text \@\@\n}";

    my ($ok, $said) = check($text);
    my $place = " in $dir/nginx.conf:" . line_of($text);
    ok(!$ok && index($said, "$message$place\n") >= 0, $message)
        or diag("config: $text\nsaid: $said");
}

# ... or that of the block

my @blocks = (
    [ 'vertex { @@ }', 'no "gcp" and no "key" in ai_provider "vertex"' ],
    [ 'vertex { @@ gcp credentials=metadata; }', 'no "project=" in "gcp" of '
      . 'ai_provider "vertex", and its credentials name none' ],
    [ 'vertex { @@ gcp credentials=file:noproject.json; }',
      'no "project=" in "gcp" of ai_provider "vertex", and its credentials '
      . 'name none' ],
    [ 'vertex { @@ gcp credentials=file:good.json; key sk-plain-71f3; }',
      '"gcp" and "key" in ai_provider "vertex" exclude each other' ],
    [ 'vertex { @@ gcp credentials=file:good.json; '
      . 'set_header authorization x; }', '"set_header Authorization" of '
      . 'ai_provider "vertex" conflicts with "gcp"' ],
    [ 'vertex { @@ gcp credentials=file:good.json; key_header X-K; }',
      '"key_header" of ai_provider "vertex" cannot take effect without '
      . '"key"' ],
    [ 'openai { @@ gcp credentials=file:good.json; }', '"gcp" of ai_provider '
      . '"openai" needs "api vertex" or an "endpoint"' ],
    [ 'vertex { @@ gcp credentials=file:ftp.json; }',
      'no "http://" or "https://" in "ftp://h/"' ],
    [ 'vertex { @@ gcp credentials=file:query.json; }',
      'no path in "https://h?token"' ],
    [ 'vertex { @@ gcp credentials=file:clear.json; }', '"token_uri" in the '
      . 'credentials of ai_provider "vertex" is not https://' ],
);

for my $case (@blocks) {
    my ($text, $message) = @$case;
    $text = "ai_provider $text";

    my ($ok, $said) = check($text);
    my $place = " in $dir/nginx.conf:" . line_of($text);
    ok(!$ok && index($said, "$message$place\n") >= 0, $message)
        or diag("config: $text\nsaid: $said");
}

# what is taken, and silently

my @taken = (
    'vertex { gcp credentials=file:good.json; }',
    'vertex { gcp credentials=file:https.json location=us; }',
    'vertex { gcp credentials=env:T_GCP project=other location=eu; }',
    'vertex { gcp credentials=metadata project=example.com:p; }',
    'vertex { gcp credentials=file:noproject.json project=p; }',
    'vertex { gcp credentials=file:noproject.json;
              endpoint https://vpc.example.com/v1beta1/x/publishers; }',
    'vertex { key file:key; }',
    'x { api vertex; key file:key; key_header Authorization Bearer; }',
    'x { api openai; endpoint https://aiplatform.googleapis.com/v1/p/openapi;
         gcp credentials=file:good.json; }',
);

$t->write_file('key', "sk-in-a-file\n");

for my $text (@taken) {
    my ($ok, $said) = check("ai_provider $text");
    ok($ok, "taken: $text") or diag($said);
    unlike($said, qr/\[warn\]/, 'silently') or diag($said);
}
