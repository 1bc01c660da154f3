#!/usr/bin/perl

# TLS to providers: verified by name and chain unless switched off, SNI,
# keepalive, sessions; what must be refused gets neither key nor body (F20,
# S3).

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use AI::Test;
use AI::Test::Chat;

my $t = AI::Test->new;

my %mocks = (
    good => { cn => 'good.test', no_ip => 1 },
    expired => { cn => 'good.test', no_ip => 1, days => -1 },
    self => { cn => 'good.test', self_signed => 1, no_ip => 1 },
);
my $n = 8081;
$mocks{$_}{port} = $n++ for sort keys %mocks;

my $trust = 'ssl_trusted_certificate %%TESTDIR%%/ca.pem;';
my @providers = (
    [ 'good', 'good', "ssl_name good.test; $trust" ],
    [ 'wrongname', 'good', "ssl_name evil.test; $trust" ],
    [ 'noname', 'good', $trust ],
    [ 'expired', 'expired', "ssl_name good.test; $trust" ],
    [ 'selfsigned', 'self', "ssl_name good.test; $trust" ],
    [ 'system', 'good', 'ssl_name good.test;' ],
    [ 'off', 'self', 'ssl_verify off;' ],
    [ 'offname', 'expired', 'ssl_verify off; ssl_name sni.test;' ],
    [ 'session', 'good', "ssl_name good.test; keepalive 0; $trust" ],
    [ 'plain', 'plain', 'ssl_verify off;' ],
    [ 'garbage', 'good', "ssl_name good.test; keepalive 0; $trust" ],
    [ 'old', 'good', "ssl_name good.test; ssl_protocols TLSv1; $trust" ],
);
$mocks{plain} = { port => $n };

my $blocks = join '', map {
    my ($name, $mock, $lines) = @$_;
    "    ai_provider $name { api openai; key sk-canary-tls;\n"
        . "        endpoint https://127.0.0.1:%%PORT_$mocks{$mock}{port}%%;\n"
        . "        $lines }\n";
} @providers;

(my $conf = <<'EOC') =~ s/^PROVIDERS\n/$blocks/m;
%%TEST_GLOBALS%%

worker_processes 1;

events {
}

http {
    %%TEST_GLOBALS_HTTP%%

    ai_connect_timeout 5s;
    ai_read_timeout 5s;

PROVIDERS
    ai_provider clear {
        api openai;
        endpoint http://127.0.0.1:%%PORT_8081%%;
        key sk-canary-tls;
    }

    server {
        listen 127.0.0.1:%%PORT_8080%%;

        location / {
            ai_pass $arg_p;
        }
    }
}
EOC

$t->ca;
$t->write_file_expand('nginx.conf', $conf);
$t->secret('sk-canary-tls');

my $rules = [ { reply => { json => reply('secure') } } ];
for my $m (values %mocks) {
    $m->{mock} = $t->mock($rules, %$m, $m->{cn} ? (tls => 1) : ());
}
$t->run;


sub ask { return http_post("/v1/chat/completions?p=$_[0]", chat()) }


sub requests { return scalar map { $_->{mock}->ledger } values %mocks }


# accepted

is(text_of(ask('good')), 'secure', 'verified') for 1 .. 3;
my @got = $mocks{good}{mock}->ledger;
is($got[0]{sni}, 'good.test', 'SNI');
is($got[2]{conn}, $got[0]{conn}, 'one connection');
is($got[0]{h}{host}, '127.0.0.1:' . $t->port($mocks{good}{port}),
   'Host is of the endpoint');

is(text_of(ask('off')), 'secure', 'ssl_verify off: self-signed');
is(text_of(ask('offname')), 'secure', 'ssl_verify off: expired');
is((($mocks{expired}{mock}->ledger)[0]{sni}), 'sni.test', 'still with SNI');

is(text_of(ask('session')), 'secure', 'new connections, one session')
    for 1 .. 3;

# refused, and nothing is sent

my $before = requests();

for my $name (qw/ wrongname noname expired selfsigned system old /) {
    is_error(ask($name), 502, "$name: refused", code => qr/^upstream_error$/);
}

is(requests(), $before, 'no request was sent');
ok($t->error_log(qr/certificate does not match "evil\.test"/),
   'the log has the name') or diag($t->error_log(qr/error/));
ok($t->error_log(qr/certificate (?:verify error|has expired)/),
   'and the reason');

# no TLS at all

$mocks{plain}{mock}->script([ { match => { accept => 1 },
    reply => { raw => "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}" } } ]);
is_error(ask('plain'), 502, 'plain text on a TLS port');

my $good = $mocks{good}{mock};

for my $fault ({ garbage => \1 }, { reset => \1 }, { refuse => \1 },
               { raw => "\x16\x03\x01\xff\xff" })
{
    $good->script([ { match => { accept => 1 }, reply => $fault }, @$rules ]);
    is_error(ask('garbage'), 502, 'a fault in the handshake: '
             . (keys %$fault)[0]);
}

$good->script($rules);
is_error(ask('clear'), 502, 'HTTP to a TLS port');
is(text_of(ask('session')), 'secure', 'and all is well again');
