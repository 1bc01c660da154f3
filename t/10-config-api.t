#!/usr/bin/perl

# ai_api at nginx -t: it must say who may ask, and where it cannot be.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use AI::Test;

my $t = AI::Test->new;
my $dir = $t->testdir;

$t->allow(qr/\[emerg\]/);

my $head = $t->expand("%%TEST_GLOBALS%%\nevents { }\nhttp {\n"
                      . "ai_zone ai 1m state=%%TESTDIR%%/state; "
                      . "%%TEST_GLOBALS_HTTP%%\n");

my $needs = ' needs "allow" or "deny", "auth_basic", "auth_request", '
    . '"ssl_verify_client on" or "ai_auth on" on the same level, or a server '
    . 'that listens on unix sockets only';
my $open = '"ai_api"' . $needs;
my $listen = $t->expand('listen 127.0.0.1:%%PORT_8080%%;');

my $cert = $t->cert('localhost');

# [ lines of http{}, message ]; the message's place is where @@ stands

my @refused = (

    [ "server { location /api/ {\n    ai_api; \@\@\n} }", $open ],
    [ 'server { location /api/ { ai_api write=on; @@ } }',
      '"ai_api write=on"' . $needs ],
    [ "server { location /a { ai_api; deny all; }\n"
      . "    location /b { ai_api; \@\@\n} }", $open ],

    # rules that are not in force there

    [ "server { location / { allow 127.0.0.1; deny all; }\n"
      . "    location /api/ { ai_api; \@\@ } }", $open ],
    [ 'server { location /api/ { ai_api; @@
          limit_except GET { deny all; } } }', $open ],
    [ 'server { auth_basic x; auth_basic_user_file u;
       location /api/ { auth_basic off; ai_api; @@ } }', $open ],
    [ 'server { location /api/ { auth_basic x; ai_api; @@ } }', $open ],
    [ 'server { auth_request /auth;
       location /api/ { auth_request off; ai_api; @@ } }', $open ],
    [ "server { $listen listen unix:$dir/a.sock;
       location /api/ { ai_api; \@\@ } }", $open ],
    [ "server { listen unix:$dir/a.sock; location /x/ { return 204; } }
       server { $listen location /api/ { ai_api; \@\@ } }", $open ],
    [ "server { listen 127.0.0.1:1 ssl; ssl_certificate $cert->{cert};
       ssl_certificate_key $cert->{key}; ssl_verify_client optional_no_ca;
       location /api/ { ai_api; \@\@ } }", $open ],
    [ 'server { location /api/ { satisfy any; ai_api; @@ } }', $open ],

    # where, and how

    [ 'ai_api; @@', '"ai_api" directive is not allowed here' ],
    [ 'server { ai_api; @@ }', '"ai_api" directive is not allowed here' ],
    [ 'server { location ~ ^/api/ { deny all; ai_api; @@ } }',
      '"ai_api" cannot be used in a location given by a regular expression: '
      . 'what is asked for follows the location\'s prefix' ],
    [ 'server { location @api { deny all; ai_api; @@ } }',
      '"ai_api" cannot be used in a named location' ],
    [ 'server { location / { deny all; ai_api; ai_api; @@ } }',
      '"ai_api" directive is duplicate' ],
    [ 'server { location / { deny all; ai_api write=yes; @@ } }',
      'invalid parameter "write=yes" of "ai_api", it may be "write=on" or '
      . '"write=off"' ],
    [ 'server { location / { deny all; ai_api on off; @@ } }',
      'invalid number of arguments in "ai_api" directive' ],
);

my @taken = (
    'location /api/ { allow 127.0.0.1; deny all; ai_api; }',
    'location /api/ { ai_api write=on; deny all; }',
    'location /api/ { ai_api write=off; allow ::1; }',
    'location /api/ { ai_api; allow unix:; }',
    'deny all; location /api/ { ai_api; }',
    'location /api/ { ai_api; auth_basic x; auth_basic_user_file u; }',
    'location /api/ { ai_api; auth_request /auth; }',
    "listen unix:$dir/a.sock; location /api/ { ai_api write=on; }",
    "listen 127.0.0.1:1 ssl; ssl_certificate $cert->{cert};
     ssl_certificate_key $cert->{key}; ssl_client_certificate " . $t->ca . ";
     ssl_verify_client on; location /api/ { ai_api; }",
    'location = /api { deny all; ai_api; }',
    'location ^~ /api/ { deny all; ai_api; location /api/x/ { ai_api; } }',
);

$t->plan(@refused + @taken);

for my $case (@refused) {
    my ($text, $message) = @$case;
    my ($ok, $said) = check($text);
    my $line = line_of($text);

    (my $name = $text) =~ s/\s+/ /g;

    ok(!$ok && $said =~ /\[emerg\] [^\n]*\Q$message\E in \S+:$line\n/,
       'refused: ' . substr $name, 0, 60)
        or diag("line $line, said: $said");
}

for my $text (@taken) {
    my ($ok, $said) = check("server { $text }");

    ok($ok && $said !~ /\[warn\]/, 'taken: ' . substr $text, 0, 60)
        or diag("said: $said");
}


sub check {
    my ($text) = @_;

    (my $config = $text) =~ s/ \@\@|\@\@//;

    $t->write_file('nginx.conf', "$head$config\n}\n");

    truncate "$dir/test.out", 0;
    return $t->test_config;
}


# the line of the mark

sub line_of {
    my ($text) = @_;

    my ($before) = $text =~ /^(.*?)\@\@/s or return 0;
    return 1 + ($head =~ tr/\n//) + ($before =~ tr/\n//);
}
