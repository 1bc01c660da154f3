#!/usr/bin/perl

# Which target of an ai_route gets a request: shares, order, stickiness, and
# what takes a target out.  Three providers, told apart by the answer's id.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use AI::Test;

my $t = AI::Test->new->plan(61);

$t->write_file_expand('nginx.conf', <<'EOF');
%%TEST_GLOBALS%%

worker_processes 2;

events {
}

http {
    %%TEST_GLOBALS_HTTP%%

    ai_provider a {
        api openai;
        endpoint http://127.0.0.1:%%PORT_8081%%;
        region eu;
        tag retention=zero;
    }

    ai_provider b {
        api openai;
        endpoint http://127.0.0.1:%%PORT_8082%%;
        region us;
    }

    ai_provider c {
        api openai;
        endpoint http://127.0.0.1:%%PORT_8083%%;
        region eu us;
    }

    ai_provider small {
        api openai;
        endpoint http://127.0.0.1:%%PORT_8081%%;
        model alpha context=200;
        model beta as=beta-real;
        model gam*;
    }

    ai_provider large {
        api openai;
        endpoint http://127.0.0.1:%%PORT_8082%%;
        model alpha context=100000;
        model gamma;
    }

    ai_route rr     { target a weight=3; target b; }
    ai_route first  { priority; target b; target a; target c; }
    ai_route backup { target c backup; target a; target b backup; }
    ai_route least  { least_conn; target a; target b; }
    ai_route hash   { hash $http_x_user; target a; target b; target c; }
    ai_route same   { hash $http_x_user consistent;
                      target a; target b; target c; }
    ai_route less   { hash $http_x_user consistent; target a; target c; }
    ai_route cond   { priority; target a if=$http_x_a; target b; }
    ai_route down   { target a down; target b; }
    ai_route off    { target a if=$http_x_a; target b if=$http_x_b; }
    ai_route sized  { target a max_prompt=100; target b min_prompt=101; }
    ai_route only   { target a max_prompt=100; }
    ai_route models { priority; target small; target large; }
    ai_route named  { priority; target a model=$http_x_model;
                      target b model=fixed; }
    ai_route all    { target a; target b; target c; }
    ai_route b      { target c; }

    map $http_x_route $route { default $http_x_route; }

    server {
        listen 127.0.0.1:%%PORT_8080%% reuseport;
        add_header X-Pid $pid;

        location /v1/ {
            ai_pass $route;
        }

        location /region/v1/ {
            ai_require region $http_x_region;
            ai_require tag:retention $http_x_retention;
            ai_pass all;

            location /region/v1/free/ {
                ai_require off;
                ai_pass all;
            }
        }

        location /provider/v1/ {
            ai_require provider "b, c";
            ai_pass first;
        }
    }
}
EOF

my @names = qw/ a b c /;
my %port = map { $names[$_] => $t->port(8081 + $_) } 0 .. 2;

my $mock = $t->mock([
    (map { { match => { port => $port{$_}, body => "fail-$_" },
             reply => { status => 500, json => { error => { message => 'x' },
                        } } } } @names),
    { match => { port => $port{a}, body => 'slow' },
      reply => { delay => 1.5, json => answer('a') } },
    (map { { match => { port => $port{$_} },
             reply => { json => answer($_) } } } @names),
], port => [ 8081 .. 8083 ]);

$t->run;

# weighted round robin, shared by the workers

my (%got, %pids);

for (1 .. 40) {
    my $r = ask('rr');
    $got{id($r)}++;
    $pids{$r->header('X-Pid') // ''}++;
}

is_deeply(\%got, { a => 30, b => 10 }, '3:1 over 40 requests');
is(keys %pids, 2, 'of two workers');

is(join('', map { id(ask('rr')) } 1 .. 8) =~ tr/a//, 6, 'spread: 6 of 8');

# priority and what comes behind

is(join('', map { id(ask('first')) } 1 .. 5), 'bbbbb', 'priority: the first');
is(id(ask('first', text => 'fail-b')), 'a', 'priority: then the second');
is(id(ask('first', text => 'fail-b fail-a')), 'c', 'then the third');

is(join('', map { id(ask('backup')) } 1 .. 5), 'aaaaa',
   'backups get nothing while there is a primary');

$mock->clear;
is(id(ask('backup', text => 'fail-a fail-c')), 'b', 'the last backup');
is(order(), 'acb', 'backups in the order of the file');

$mock->clear;
my $r = ask('backup', text => 'fail-a fail-b fail-c');
ok($r->status >= 500, 'none is left');
is(order(), 'acb', 'each was tried once');

$mock->clear;
$r = ask('all', text => 'fail-a fail-b fail-c');
is(join('', sort split //, order()), 'abc', 'round robin tries each once too');

# least_conn: while a is busy all go to b, whichever worker asks

my %first;
$first{id(ask('least'))}++ for 1 .. 4;
is_deeply(\%first, { a => 2, b => 2 }, 'least_conn: equal ones take turns');

my $slow = slow();
is(join('', map { id(ask('least')) } 1 .. 8), 'bbbbbbbb',
   'least_conn: the one that is not busy');
is(id(http_end($slow)), 'a', 'the busy one answers');

%first = ();
$first{id(ask('least'))}++ for 1 .. 4;
is_deeply(\%first, { a => 2, b => 2 }, 'equal again');

# an old worker's request counts for the new workers

$slow = slow();
$t->reload;
is(join('', map { id(ask('least')) } 1 .. 4), 'bbbb',
   'the count survives a reload');
is(id(http_end($slow)), 'a', 'the old worker answers');

# a worker that is killed leaves no count behind

$t->allow(qr/exited on signal 9/);
$slow = slow();

my ($victim) = grep { connected($_, $port{a}) } $t->workers;
ok($victim, 'the worker with the busy connection');

my $started = () = $t->started_workers;
kill 'KILL', $victim if $victim;
$t->wait_for(sub { my $n = () = $t->started_workers; $n > $started });
close $slow;

%first = ();
$first{id(ask('least'))}++ for 1 .. 6;
is_deeply(\%first, { a => 3, b => 3 }, 'a killed worker leaves no count');

# hash: the same value, the same target; all targets have some

for my $route (qw/ hash same /) {
    my %by;
    my $moved = 0;

    for my $user (map { "user-$_" } 1 .. 30) {
        $by{$user} = id(ask($route, user => $user));
        $moved++ if id(ask($route, user => $user)) ne $by{$user};
    }

    my %used = map { $_ => 1 } values %by;
    is($moved, 0, "$route: the same target each time");
    is(join('', sort keys %used), 'abc', "$route: all targets are used");

    next if $route eq 'hash';

    my ($kept, $of) = (0, 0);
    for my $user (sort keys %by) {
        next if $by{$user} eq 'b';
        $of++;
        $kept++ if id(ask($route, user => $user, text => 'fail-b'))
            eq $by{$user};
    }
    is($kept, $of, 'a target that fails moves only its own values');

    my ($user) = grep { $by{$_} eq 'b' } sort keys %by;
    my %then = map { id(ask($route, user => $user, text => 'fail-b')) => 1 }
        1 .. 3;
    is(keys %then, 1, 'which move to one and the same other');
}

my %without;
$without{id(ask('hash'))}++ for 1 .. 6;
is_deeply(\%without, { a => 2, b => 2, c => 2 },
          'without a value: round robin');

# what takes a target out

is(id(ask('cond')), 'b', 'if= without a value');
is(id(ask('cond', 'X-A' => '0')), 'b', 'if= with 0');
is(id(ask('cond', 'X-A' => '1')), 'a', 'if= with 1');
is(id(ask('cond', 'X-A' => 'no')), 'a', 'if= with any text');
is(join('', map { id(ask('down')) } 1 .. 4), 'bbbb', 'down');

$r = ask('off');
is($r->status, 503, 'all are switched off');
is(id(ask('off', 'X-B' => 1)), 'b', 'but for one');

is(id(ask('sized', text => 'short')), 'a', 'max_prompt: a short one');
is(id(ask('sized', text => 'word ' x 2000)), 'b', 'a long one');
$r = ask('only', text => 'word ' x 2000);
is($r->status, 400, 'too long for all');
is($r->json->{error}{code}, 'context_length_exceeded', 'is said');

# models

is(id(ask('models', model => 'alpha')), 'a', 'offered by the first');
is(id(ask('models', model => 'alpha', text => 'word ' x 2000)), 'b',
   'context: the one that is large enough');

$mock->clear;
is(id(ask('models', model => 'beta')), 'a', 'offered by one');
is(($mock->ledger)[0]{json}{model}, 'beta-real', 'as= names it there');

$mock->clear;
is(id(ask('models', model => 'gamma-2')), 'a', 'a wildcard');
is(($mock->ledger)[0]{json}{model}, 'gamma-2', 'keeps the name');

$r = ask('models', model => 'delta');
is($r->status, 404, 'offered by none');
is($r->json->{error}{code}, 'model_not_found', 'its code');
is($r->json->{error}{message},
   'The model `delta` does not exist or is not offered here.', 'its message');
is($r->json->{error}{param}, 'model', 'its param');

$mock->clear;
ask('named', 'X-Model' => 'chosen');
ask('named');
ask('named', text => 'fail-a');
is(join(' ', map { $_->{json}{model} } $mock->ledger), 'chosen m m fixed',
   'model= of a target: a variable, an empty one, a text');

is(id(ask('b')), 'c', 'a route goes before a provider of its name');
is(id(ask('a')), 'a', 'a provider is a route of its own');

# ai_require

is(spread('/region'), 'abc', 'no constraint');
is(spread('/region', 'X-Region' => 'eu'), 'ac', 'region');
is(spread('/region', 'X-Region' => 'us, ch'), 'bc', 'one of a list');
is(spread('/region', 'X-Region' => 'eu', 'X-Retention' => 'zero'), 'a',
   'region and tag');
is(spread('/provider'), 'b', 'provider');

$r = ask('', prefix => '/region', 'X-Region' => 'mars');
is($r->status, 403, 'no target in the region');
is($r->json->{error}{code}, 'region_not_allowed', 'its code');
is(ask('', prefix => '/region', 'X-Region' => ',')->status, 403,
   'a list of nothing is no way around');
is(ask('', prefix => '/region', 'X-Retention' => 'long')->status, 403,
   'no target with the tag');

$mock->clear;
$r = ask('', prefix => '/region', 'X-Region' => 'eu',
         text => 'fail-a fail-c');
is(join('', sort split //, order()), 'ac',
   'fallback does not leave the region');


sub answer {
    my ($name) = @_;

    return { id => $name, object => 'chat.completion', created => 1,
             model => 'm', choices => [ { index => 0, finish_reason => 'stop',
                 message => { role => 'assistant', content => 'hi' } } ],
             usage => { prompt_tokens => 1, completion_tokens => 1,
                        total_tokens => 2 } };
}


sub ask {
    my ($route, %o) = @_;

    my $text = delete $o{text} // 'hello';
    my $model = delete $o{model} // 'm';
    my $prefix = delete $o{prefix} // '';
    my $user = delete $o{user};
    $o{'X-User'} = $user if defined $user;
    $o{'X-Route'} = $route if length $route;

    return http_post("$prefix/v1/chat/completions",
                     { model => $model, messages => [
                         { role => 'user', content => $text } ] }, %o);
}


sub id {
    my ($r) = @_;
    return $r->status == 200 ? $r->json->{id} : 'status ' . $r->status;
}


# a request of the route "least" that a answers late; returns its socket

sub slow {
    my $s;

    for (1 .. 3) {
        $mock->clear;
        $s = ask('least', text => 'slow', -start => 1);
        my ($got) = $mock->wait_ledger(1);
        return $s if $got->{port} == $port{a};
        http_end($s);
    }

    die "no request came to a\n";
}


# the providers that were asked, in order

sub order {
    my %name = reverse %port;
    return join '', map { $name{$_->{port}} } $mock->ledger;
}


# the providers that six requests reach

sub spread {
    my ($prefix, @headers) = @_;

    my %seen = map { id(ask('', prefix => $prefix, @headers)) => 1 } 1 .. 6;
    return join '', sort keys %seen;
}


# does a process have a connection to the port?

sub connected {
    my ($pid, $port) = @_;

    my %inodes;
    my $hex = sprintf ':%04X', $port;

    open my $tcp, '<', '/proc/net/tcp' or return 0;
    while (my $line = <$tcp>) {
        my @f = split ' ', $line;
        $inodes{$f[9]} = 1 if $f[2] =~ /\Q$hex\E$/ && $f[3] eq '01';
    }

    for my $fd (glob "/proc/$pid/fd/*") {
        my $to = readlink($fd) // '';
        return 1 if $to =~ /^socket:\[(\d+)\]$/ && $inodes{$1};
    }
    return 0;
}
