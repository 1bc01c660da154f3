#!/usr/bin/perl

# The harness itself, on a plain nginx: its verbs, and that the checks at the
# end find what they are for.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Time::HiRes qw/ time /;

use AI::Test;

my $conf = <<'EOF';
%%TEST_GLOBALS%%

events {
}

http {
    %%TEST_GLOBALS_HTTP%%

    server {
        listen 127.0.0.1:%%PORT_8080%%;
        listen 127.0.0.1:%%PORT_8082%% http2;

        location / {
            return 200 "hello $request_method $http_x_test";
        }

        location /p/ {
            proxy_pass http://127.0.0.1:%%PORT_8081%%/;
            proxy_http_version 1.1;
            proxy_buffering off;
            proxy_set_header Connection "";
        }
    }
}
EOF


sub start {
    my $t = AI::Test->new->plain;
    $t->write_file_expand('nginx.conf', $conf);
    return $t->run;
}


# problems found by the check of a name

sub problems {
    my ($t, $name) = @_;

    my ($check) = grep { $_->[0] =~ /$name/ } $t->end_checks;
    my @problems = @$check[1 .. $#$check];
    return scalar @problems;
}


my $t = start();
my $mock = $t->mock([], port => 8081);

# clients

my $r = http_get('/', 'X-Test' => 'abc');
is($r->status, 200, 'status');
is($r->body, 'hello GET abc', 'body');
is($r->header('Content-Length'), 13, 'header');
ok($r->complete, 'complete');

my @two = parse("GET / HTTP/1.1\r\nHost: a\r\n\r\n" x 2);
is($two[1]->body, 'hello GET ', 'keep-alive, second answer');

is($t->curl('/', port => 8082, http2 => 1)->body, 'hello GET ', 'HTTP/2');

# mock

$mock->script([
    { match => { path => '/sse' },
      reply => { sse => [ { n => 1 }, { event => 'x', data => 'y' } ],
                 done => 1, split => 'bytes', gap => 0.001 } },
    { match => { path => '/nth', nth => 2 }, reply => { status => 429 } },
    { match => { path => '/nth' }, reply => { text => 'first' } },
    { match => { path => '/cut' }, reply => { text => 'abcdef', cut => 3 } },
    { match => { path => '/reset' }, reply => { reset => 1, text => 'x' } },
    { match => { path => '/hang' }, reply => { hang => 1 } },
    { match => { path => '/endless' }, reply => { endless => 20 } },
    { match => { path => '/json', body => '"k":1' },
      reply => { json => { ok => 1 } } },
]);

$r = http_get('/p/sse');
is_deeply([ map { $_->{data} } $r->events ], [ '{"n": 1}', 'y', '[DONE]' ],
          'events');
is(($r->events)[1]{event}, 'x', 'event name');
is(($r->event_data)[0]{n}, 1, 'event JSON');

is(http_get('/p/nth')->body, 'first', 'first of two');
is(http_get('/p/nth')->status, 429, 'second of two');
is(http_get('/p/cut')->complete, 0, 'cut is incomplete');
is(http_get('/p/cut')->body, 'abc', 'cut body');
cmp_ok(length http_get('/p/endless')->body, '>=', 20 << 20, 'bulk');

$mock->clear;
is_deeply(http_post('/p/json', { k => 1 })->json, { ok => 1 }, 'JSON');
my ($req) = $mock->ledger;
is($req->{json}{k}, 1, 'ledger: body');
is($req->{h}{'content-type'}, 'application/json', 'ledger: header');

$mock->clear;
my $s = http("GET /p/hang HTTP/1.0\r\n\r\n", start => 1);
is(scalar $mock->wait_ledger(1), 1, 'ledger: waits');
close $s;
is(($mock->wait_event('close', 1))[0]{why}, 'peer closed',
   'mock notices that nginx leaves');

# TLS

my $tls = $t->mock([ { reply => { text => 'secure' } } ], tls => 1);
my ($code, $out) = $t->capture([ 'curl', '-s', '--cacert', $tls->ca,
                                 $tls->url ]);
is($out, 'secure', 'TLS mock, verified');

# life of nginx

my @old = $t->workers;
ok($t->reload(wait_old => 1), 'reload');
isnt("@old", join(' ', $t->workers), 'other workers');

# planted faults must be found

my $bad = start();
kill 'KILL', $bad->workers;
$bad->wait_log(qr/exited on signal 9/);
cmp_ok(problems($bad, 'alerts'), '>', 0, 'finds an alert');
cmp_ok(problems($bad, 'cleanly'), '>', 0, 'finds a killed worker');
$bad->allow(qr/signal 9/);
is(problems($bad, 'alerts'), 0, 'allowed alert');
is(problems($bad, 'cleanly'), 0, 'allowed exit');
$bad->discard;

$bad = start();
my $fake = "2000/01/01 00:00:00 [notice] 1#1: worker process 1 exited with "
    . "code 1\n";
append($bad, 'error.log', $fake);
is(problems($bad, 'cleanly'), 1, 'finds an exit code');
is(problems($bad, 'sanitizer'), 0, 'no report');
append($bad, 'sanitizer.123', "ERROR: AddressSanitizer: planted\n");
is(problems($bad, 'sanitizer'), 1, 'finds a report');
$bad->discard;

$bad = start();
$bad->secret('sk-canary-1');
http_get('/');
is(problems($bad, 'secret'), 0, 'no secret');
$bad->discard;

$bad = start();
$bad->secret('sk-canary-2');
http_get('/?key=sk-canary-2');
is(problems($bad, 'secret'), 1, 'finds a secret in the access log');
$bad->discard;

$bad = start();
$bad->secret('sk-canary-3');
http_get('/', 'X-Test' => 'sk-canary-3');
cmp_ok(problems($bad, 'secret'), '>', 0, 'finds a secret in an answer');
$bad->discard;

# a configuration that is refused

$bad = AI::Test->new->plain;
$bad->write_file_expand('nginx.conf', "%%TEST_GLOBALS%%\nnonsense;\n");
my ($ok, $said) = $bad->test_config;
ok(!$ok, 'nginx -t refuses');
like($said, qr/unknown directive "nonsense"/, 'and says why');
$bad->discard;

$t->select;


sub append {
    my ($o, $name, $text) = @_;

    open my $fh, '>>', $o->testdir . "/$name" or die;
    print $fh $text;
    close $fh;
}


sub parse {
    my ($raw) = @_;

    my $sock = http($raw, start => 1);
    return map { http_end($sock) } 1 .. 2;
}
