#!/usr/bin/perl

# Names of providers are looked up while nginx runs: kept for their time to
# live, changed when that is over, the last good address kept when nobody
# answers; a name that does not exist is a reason for the next provider (F21).

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use AI::Test;
use AI::Test::Chat;

my $t = AI::Test->new;

my @names = qw/ stable brief gone slow drop late two abort /;
my $blocks = join '', map {
    "    ai_provider $_ { api openai; endpoint "
        . "http://$_.test:%%PORT_8081%%; keepalive 0; }\n"
        . "    ai_route $_-next { priority; target $_; target sure; }\n"
} @names;

(my $conf = <<'EOC') =~ s/^PROVIDERS\n/$blocks/m;
%%TEST_GLOBALS%%

worker_processes 1;

events {
}

http {
    %%TEST_GLOBALS_HTTP%%

    resolver 127.0.0.1:%%PORT_5353%% ipv6=off;
    resolver_timeout 500ms;
    ai_connect_timeout 1s;

    ai_provider sure {
        api openai;
        endpoint http://127.0.0.1:%%PORT_8082%%;
    }

PROVIDERS
    server {
        listen 127.0.0.1:%%PORT_8080%%;

        location / {
            ai_pass $arg_p;
        }
    }
}
EOC

$t->write_file_expand('nginx.conf', $conf);

my %zone = (
    'stable.test' => { ip => [ '127.0.0.1' ], ttl => 60 },
    'brief.test' => { ip => [ '127.0.0.1' ], ttl => 1 },
    'late.test' => { ip => [ '127.0.0.1' ], ttl => 0, delay => 0.1 },
    'slow.test' => { ip => [ '127.0.0.1' ], delay => 5 },
    'drop.test' => { drop => \1 },
    'two.test' => { ip => [ '127.0.0.3', '127.0.0.1' ], ttl => 60 },
    'abort.test' => { ip => [ '127.0.0.1' ], delay => 1 },
);


sub zone {
    %zone = (%zone, @_);
    $t->write_file('zone.new', json_encode(\%zone));
    rename $t->testdir . '/zone.new', $t->testdir . '/zone.json' or die;
}


zone();
$t->run_daemon([ '/usr/bin/python3', $t->root . '/t/lib/dns.py', '--port',
    $t->port(5353),
    '--script', $t->testdir . '/zone.json', '--log',
    $t->testdir . '/queries', '--ready', $t->testdir . '/ready' ],
    name => 'dns');
$t->wait_for(sub { -e $t->testdir . '/ready' });

my $mock = $t->mock([ { reply => { json => reply('by name') } } ],
                    port => 8081);
my $sure = $t->mock([ { reply => { json => reply('sure') } } ], port => 8082);
$t->run;


sub ask { return http_post("/v1/chat/completions?p=$_[0]", chat()) }


sub queries {
    my ($name) = @_;
    return scalar(() = $t->read_file('queries') =~ /"\Q$name\E\.test"/g);
}


# looked up once, kept

is(queries('stable'), 0, 'not looked up at start');
is(text_of(ask('stable')), 'by name', 'a name') for 1 .. 5;
is(queries('stable'), 1, 'one query');
is((($mock->ledger)[0]{h}{host}), 'stable.test:' . $t->port(8081), 'Host');

# the time to live

is(text_of(ask('brief')), 'by name', 'for a second');
zone('brief.test' => { ip => [ '127.0.0.2' ], ttl => 1 });
ok($t->wait_for(sub { ask('brief')->status == 502 }),
   'then at another address, where nobody listens');
cmp_ok(queries('brief'), '>=', 2, 'which was looked up');
is(text_of(ask('brief-next')), 'sure', 'the next provider');
zone('brief.test' => { ip => [ '127.0.0.1' ], ttl => 1 });
ok($t->wait_for(sub { ask('brief')->status == 200 }), 'and back');

is(text_of(ask('late')), 'by name', 'a TTL of 0') for 1 .. 3;

# the last good address is kept

for my $fault ({ rcode => 2 }, { rcode => 3 }, { drop => \1 }, { ip => [] }) {
    my $before = queries('brief');
    zone('brief.test' => $fault);
    ok($t->wait_for(sub { ask('brief'); queries('brief') > $before }, 15),
       'looked up again');
    is(text_of(ask('brief')), 'by name', 'and kept: '
       . join ' ', %$fault);
}
ok($t->error_log(qr/could not be resolved .*going on with the last/),
   'the log tells');

# names without an address

is_error(ask('gone'), 502, 'NXDOMAIN');
is(text_of(ask('gone-next')), 'sure', 'the next provider');
is_error(ask('drop'), 502, 'no answer');
is(text_of(ask('drop-next')), 'sure', 'the next provider');
is(text_of(ask('slow-next')), 'sure', 'a slow answer');

# of two addresses one is dead: nothing was sent, so the other is tried

is(text_of(ask('two')), 'by name', 'one of two addresses') for 1 .. 6;

# a client that leaves while its name is looked up, alone and with others

my $body = json_encode(chat());
my $request = "POST /v1/chat/completions?p=abort HTTP/1.1\r\nHost: a\r\n"
    . 'Content-Length: ' . length($body) . "\r\n\r\n$body";

my @s = map { http($request, start => 1) } 1 .. 4;
ok($t->wait_for(sub { queries('abort') }), 'asked');
close $_ for @s[0 .. 2];
ok($t->wait_for(sub {
    my @left = $t->error_log(qr/client prematurely closed/);
    @left >= 3;
}), 'three have left');
my $r = http_end($s[3], timeout => 10);
ok($r->status == 200 || $r->status == 502, 'the fourth has an answer');

@s = map { http($request =~ s/abort/drop/r, start => 1) } 1 .. 5;
close $_ for @s;
is(text_of(ask('stable')), 'by name', 'all is well');
