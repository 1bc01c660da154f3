#!/usr/bin/perl

# Keys made by ai_api on several nodes that share a Redis: what one of them
# does holds in all workers of the others within a second; with Redis killed,
# wiped, frozen, or spoilt, nobody who has a key is refused (F61).

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Digest::SHA qw/ sha256_hex /;
use Test::More;
use Time::HiRes qw/ sleep time /;

use AI::Test;

my $first = AI::Test->new;
my $redis = AI::Test::Redis->start($first, port => 'redis');
my $mock = $first->mock([
    { match => { path => '/' }, reply => { json => {
        id => 'x', object => 'chat.completion', created => 1, model => 'm',
        choices => [ { index => 0, finish_reason => 'stop', message => {
            role => 'assistant', content => 'hello' } } ],
        usage => { prompt_tokens => 1, completion_tokens => 1,
                   total_tokens => 2 } } } },
], port => 8081);

my @made;
my $body = json_encode({ model => 'm', messages => [
    { role => 'user', content => 'hi' } ] });

# --- a node without Redis makes a key, which it brings along

my ($a, $b) = ($first, AI::Test->new);
$_->without('C2', 'the provider is that of both nodes') for $a, $b;
configure($a, '');
$a->run;
my $old = make($a, { id => 'old', team => 'before' });
my $gone = make($a, { id => 'gone' });
is(api($a, DELETE => 'keys/gone')->status, 200, 'one of them is deleted');
$a->stop;

configure($_, 'redis=shared') for $a, $b;
$a->run;
ok($a->wait_log(qr/1 keys of this node are put together with .*"shared"/, 3),
   'it brings its keys along');
$b->run;
ok(within(1.2, sub { good($b, $old) }), 'another node has them');
good($a, $old, 'and it has');

# --- changes reach the other node's workers, all of them

my $bot = make($a, { id => 'bot', team => 'search', rpm => 10000 });
ok(good($a, $bot), 'made: good here at once');
my $took = reach($b, $bot, 200);
cmp_ok($took, '<', 1, sprintf 'good there after %.2f s', $took);

is(api($b, POST => 'keys/bot/block')->status, 200, 'blocked by the other');
is_deeply(everywhere($b, $bot), { 401 => 2 }, 'no good there at once');
$took = reach($a, $bot, 401);
cmp_ok($took, '<', 1, sprintf 'no good here after %.2f s', $took);

is(api($a, POST => 'keys/bot/unblock')->status, 200, 'unblocked');
cmp_ok(reach($b, $bot, 200), '<', 1, 'good there');

my $was = $bot;
$bot = api($a, POST => 'keys/bot/rotate')->json->{key};
push @made, $bot;
cmp_ok(reach($b, $was, 401), '<', 1, 'rotated: the old secret');
ok(good($b, $bot), 'and the new one');

is(api($b, PATCH => 'keys/bot', { team => 'found' })->status, 200, 'changed');
ok(within(1, sub { api($a, GET => 'keys/bot')->json->{team} eq 'found' }),
   'here too');

# a node that has not heard of a key yet asks first

my $quick = make($a, { id => 'quick' });
is(api($b, DELETE => 'keys/quick')->status, 200, 'deleted by the other');
cmp_ok(reach($a, $quick, 401), '<', 1, 'no good here');
is(api($a, POST => 'keys', { id => 'old' })->status, 409, 'an id is once');
is(api($b, POST => 'keys', { id => 'old' })->status, 409, 'on all nodes');

# many at once, by both

my @pids;
for my $node ($a, $b) {
    for my $n (1 .. 20) {
        push @made, api($node, POST => 'keys',
            { id => "n$n-" . ($node == $a ? 'a' : 'b') })->json->{key};
    }
}
ok(within(1, sub {
    my @lists = map { join ' ', sort map { $_->{id} }
                      @{ api($_, GET => 'keys')->json->{data} } } $a, $b;
    return $lists[0] eq $lists[1] && ($lists[0] =~ tr/ //) == 41;
}), 'both have the same keys');

# --- Redis: what is there

is_deeply([ sort @{ $redis->command(qw/ KEYS * /) } ],
          [ map { "ai:$_" } qw/ keys keys:order keys:state / ],
          'what is in Redis');
my %there = @{ $redis->command(qw/ HGETALL ai:keys /) };
like($there{old}, qr/^\d+ created=\d+ .*sha256:[0-9a-f]{64} id=old /,
     'a digest');
like($there{quick}, qr/^\d+ $/, 'of one that was deleted its version');

# --- spoilt: others' keys go on

$redis->command(qw/ HSET ai:keys spoilt nonsense /);
$redis->command(qw/ HSET ai:keys bad /, '7 created=x sha256:00 id=bad');
$redis->command(qw/ HSET ai:keys twin /, $there{old} =~ s/id=old/id=twin/r);
my $seq = $redis->command(qw/ HINCRBY ai:keys:state seq 3 /);
$redis->command('ZADD', 'ai:keys:order', $seq - 2, 'spoilt', $seq - 1, 'bad',
                $seq, 'twin');
for my $text ('is no key of this module', 'cannot be used: what describes',
              'cannot be used: two keys have the same secret')
{
    ok($b->wait_log(qr/\[warn\].*ai_redis "shared" $text/, 2),
       "spoilt: $text");
}
ok(good($b, $bot), 'others are good');
$redis->command(qw/ HDEL ai:keys spoilt bad twin /);
$redis->command(qw/ ZREM ai:keys:order spoilt bad twin /);
my $after = make($a, { id => 'after' });
cmp_ok(reach($b, $after, 200), '<', 1, 'and later ones come');

# what stands there is nothing of ours

$redis->command(qw/ RENAME ai:keys:order away /);
$redis->command(qw/ SET ai:keys:order x /);
ok($b->wait_log(qr/\[error\].*keys cannot be read from ai_redis "shared": /,
                2), 'another type: said');
is(api($a, POST => 'keys/bot/block')->status, 503, 'and nothing is changed');
ok(good($_, $bot), 'keys are good') for $a, $b;
sleep 1;
cmp_ok(scalar($b->error_log(qr/keys cannot be read/)), '<=', 2,
       'said once by a worker');
$redis->command(qw/ RENAME away ai:keys:order /);
is(api($a, POST => 'keys/bot/unblock')->status, 200, 'put right');

# the last change, of which the other node does not hear before all is lost,
# does not stand in the way of later ones

is(api($a, PATCH => 'keys/bot', { project => 'x' })->status, 200, 'one more');

# --- killed: keys go on, changes are refused, restarts do no harm

$redis->kill;
ok(good($_, $bot), 'killed: keys are good') for $a, $b;
my $r = api($a, POST => 'keys', { id => 'never' });
is($r->status, 503, 'none is made');
like($r->json->{error}{message}, qr/^Redis is down/, 'and why');
is(api($a, POST => 'keys/bot/block')->status, 503, 'none is blocked');
is(api($a, GET => 'keys/bot')->json->{team}, 'found', 'they are shown');
ok(good($a, $bot), 'it is good');

$b->stop;
$b->run;
ok(good($b, $bot), 'a node that starts without Redis has them');
is(chat($b, $was)->status, 401, 'and not those that are no good');

# --- it comes back empty: nodes fill it

$redis->run;
ok(within(4, sub { ($redis->command(qw/ HLEN ai:keys /) || 0) > 40 }),
   'back, and empty: nodes fill it');
ok($b->wait_for(sub {
    my $r = api($b, POST => 'keys/bot/block');
    return $r->status == 200;
}, 4), 'changes are made again');
cmp_ok(reach($a, $bot, 401), '<', 4, 'and reach the others');
like($redis->command(qw/ HGET ai:keys quick /), qr/^\d+ $/,
     'what was deleted still is');
ok(within(4, sub { api($b, POST => 'keys/bot/unblock')->status == 200 }),
   'and unblocked');
cmp_ok(reach($a, $bot, 200), '<', 1, 'good again');

# a node that slept meanwhile does not bring back what was deleted

$a->stop;
ok(within(4, sub { api($b, DELETE => 'keys/after')->status == 200 }),
   'deleted while one is down');
$redis->command('FLUSHALL');
ok(within(2, sub { ($redis->command(qw/ HLEN ai:keys /) || 0) > 40 }),
   'and all is lost');
$a->run;
ok(within(2, sub { chat($a, $after)->status == 401 }), 'it is not back');
ok(within(2, sub { chat($b, $after)->status == 401 }), 'there neither');
ok(good($_, $bot), 'others are good') for $a, $b;

# --- frozen: nobody waits

$redis->freeze;
my $begin = time;
ok(good($_, $bot), 'frozen: keys are good') for $a, $b;
cmp_ok(time - $begin, '<', 1, 'and nobody waits');
$r = api($a, POST => 'keys', { id => 'never' });
is($r->status, 503, 'none is made');
$redis->thaw;
for my $node ($a, $b) {
    ok(within(5, sub {
        return api($node, POST => 'keys',
                   { id => 'late' })->status =~ /201|409/
    }), 'thawed: one is');
}

# --- workers that are killed

$_->allow(qr/signal 9/) for $a, $b;
CORE::kill 'KILL', $b->workers;
my $last = make($a, { id => 'last' });
cmp_ok(reach($b, $last, 200), '<', 2.5, 'kill -9: new workers hear of it');

# --- a worker without a request of its own is not asked about a request that
# has ended

my $s = http("POST /api/keys HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n"
             . '{}', start => 1, port => $a->port(8080));
close $s;
sleep 0.3;
ok(good($a, $bot), 'somebody hung up');

# --- many

my @pipe;
my $base = $redis->command(qw/ HINCRBY ai:keys:state seq 10000 /) - 10000;
for my $i (1 .. 10000) {
    push @pipe, [ 'HSET', 'ai:keys', "k$i", sprintf
        '1 created=1700000000 sha256:%s id=k%d team=t%d models=m,gpt-4o* '
        . 'rpm=1000 budget=50.00/month', sha256_hex($i), $i, $i % 100 ];
    push @pipe, [ 'ZADD', 'ai:keys:order', $base + $i, "k$i" ];
}
$begin = time;
$redis->pipeline(splice @pipe, 0, 500) while @pipe;
ok(within(3, sub { api($_, GET => 'keys/k10000')->status == 200 }),
   'many keys') for $a, $b;
diag(sprintf '10000 keys in two nodes after %.1f s', time - $begin);
ok(good($a, $bot), 'others are good');

my $all = join '', map { my $n = $_; map { $n->read_file($_) }
    qw( error.log state/keys ) } $a, $b;
is(scalar(grep { index($all, $_) >= 0 } @made), 0, 'no secret in any file');


sub configure {
    my ($node, $param) = @_;

    my $provider = $first->port(8081);
    my $port = $redis->port;
    $node->write_file_expand('nginx.conf', <<"EOC");
%%TEST_GLOBALS%%

worker_processes 2;

events {
}

http {
    %%TEST_GLOBALS_HTTP%%

    ai_zone ai 8m state=%%TESTDIR%%/state;
    ai_redis shared 127.0.0.1:$port;

    ai_provider p {
        api openai;
        endpoint http://127.0.0.1:$provider;
        model m price_in=1 price_out=1;
    }

    server {
        listen 127.0.0.1:%%PORT_8080%% reuseport;

        ai_auth on $param;

        location = /pid {
            ai_auth off;
            return 200 "\$pid";
        }

        location /v1/ {
            ai_pass p;
        }

        location /api/ {
            ai_auth off;
            allow 127.0.0.1;
            deny all;
            ai_api write=on;
        }
    }
}
EOC
}


sub api {
    my ($node, $method, $path, $data) = @_;

    $data = $data ? json_encode($data) : '';
    return http("$method /api/$path HTTP/1.1\r\nHost: a\r\n"
        . "Connection: close\r\nContent-Length: " . length($data)
        . "\r\n\r\n$data", port => $node->port(8080));
}


# every worker has a connection of its own, which may come back later than
# those of others

sub make {
    my ($node, $data) = @_;

    my $r;
    within(4, sub {
        $r = api($node, POST => 'keys', $data);
        return $r->status != 503;
    });
    my $key = eval { $r->json->{key} } // die 'not made: ' . $r->raw;
    push @made, $key;
    return $key;
}


sub chat {
    my ($node, $key) = @_;

    return http_post('/v1/chat/completions', $body,
        Authorization => "Bearer $key", -port => $node->port(8080));
}


sub good { return chat(@_[0, 1])->status == 200 }


# what the key gets in each of the workers

sub everywhere {
    my ($node, $key) = @_;

    my (%status, %n);
    for (1 .. 200) {
        my $s = http("GET /pid HTTP/1.1\r\nHost: a\r\n\r\n", start => 1,
                     port => $node->port(8080));
        my $pid = http_end($s, until => qr/\r\n\r\n\d+/)->body;
        $status{$pid} //= http("POST /v1/chat/completions HTTP/1.1\r\n"
            . "Host: a\r\nConnection: close\r\n"
            . "Authorization: Bearer $key\r\n"
            . 'Content-Length: ' . length($body) . "\r\n\r\n$body",
            socket => $s)->status;
        close $s;
        last if keys %status == 2;
    }
    $n{$_}++ for values %status;
    return \%n;
}


# seconds until all workers of a node say so

sub reach {
    my ($node, $key, $status) = @_;

    my $begin = time;
    within(4, sub { (everywhere($node, $key)->{$status} // 0) == 2 });
    return time - $begin;
}


sub within {
    my ($seconds, $code) = @_;

    my $end = time + $seconds;
    while (time < $end) {
        return 1 if eval { $code->() };
        sleep 0.03;
    }
    return 0;
}
