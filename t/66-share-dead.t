#!/usr/bin/perl

# A gateway whose Redis is dead or hangs: with on_error=local requests do not
# become slower, with on_error=deny they are refused at once, in words that the
# client understands; and all is well again by itself.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Time::HiRes qw/ sleep time /;

use AI::Test;
use AI::Test::Chat;
use AI::Test::Nodes;

# with sanitizers all is slower
my $slow = AI::Test::is_asan() ? 4 : 1;

my $A = AI::Test->new;
my $redis = AI::Test::Redis->start($A);

my $fast = $A->mock([ { reply => { json => reply('ok') } } ], port => 8082);

# with the Redis and without, for comparison
my %o = (mock => $fast, http => 'ai_limit_zone $http_x_team zone=local:1m; '
    . 'ai_provider b { api openai; endpoint http://127.0.0.1:' . $fast->port
    . '; }', more => join("\n        ", map { <<"EOC"
location /of/$_/ {
            ai_limit zone=$_ cost=100000/month tokens=100000000/h
                     requests=1000000/h concurrency=1000;
            ai_pass b;
        }
EOC
} qw/ team local /));
my $C = node(%o, redis => $redis, options => 'on_error=deny');
node(%o, t => $A, redis => $redis);
$_->run for $A, $C;

sub up {
    my ($node, $want) = @_;

    $node->select;
    return $node->wait_for(sub { http_get('/health')->body eq $want }, 5);
}

ok(up($_, 'up'), 'it is up') for $A, $C;

# --- how long requests take while it is dead

for my $how (qw/ dead frozen /) {
    $how eq 'dead' ? $redis->kill : $redis->freeze;
    ok(up($_, 'down'), "$how: it is down") for $A, $C;
    my ($best, $mean) = (1e9, 1e9);
    for (1 .. 5) {
        my ($p99, $p50) = added($A, 150);
        $best = $p99 if $p99 < $best;
        $mean = $p50 if $p50 < $mean;
        last if $best <= 0.001 * $slow && $mean <= 0.0005 * $slow;
    }
    cmp_ok($best, '<=', 0.001 * $slow, sprintf "$how: p99 is %.2f ms more",
           1000 * $best);
    cmp_ok($mean, '<=', 0.0005 * $slow, sprintf "$how: half: %.2f ms more",
           1000 * $mean);

    # --- and what is refused
    my ($late, $r) = (1e9);
    for (1 .. 4) {
        my $max = 0;
        for (1 .. 10) {
            my $start = time;
            $C->select;
            $r = http_post('/v1/chat/completions', chat(max_tokens => 9),
                           'X-Team' => 'a');
            my $took = time - $start;
            $max = $took if $took > $max;
            last if $r->status != 503;
        }
        $late = $max if $max < $late;
        last if $late <= 0.1 * $slow;
    }
    is_error($r, 503, "$how: deny: refused");
    like($r->header('retry-after') // '', qr/^[1-9]\d*$/,
         "$how: deny: retry-after");
    cmp_ok($late, '<=', 0.1 * $slow, sprintf "$how: deny: within %d ms",
           1000 * $late);

    $C->select;
    $r = http_post('/v1/messages', { model => 'm', max_tokens => 9,
        messages => [ { role => 'user', content => 'hi' } ] },
        'X-Team' => 'a', 'anthropic-version' => '2023-06-01');
    is($r->status, 503, "$how: deny: refused in another API");
    is(($r->json // {})->{type} // '', 'error', "$how: deny: in its words");
    like($r->header('retry-after') // '', qr/^[1-9]\d*$/,
         "$how: deny: its retry-after");
    my $local = http_post('/of/local/chat/completions',
                          chat(max_tokens => 9), 'X-Team' => 'a');
    is($local->status, 200, "$how: deny: not what needs no Redis");

    $how eq 'dead' ? $redis->run : $redis->thaw;
    ok(up($C, 'up'), "$how: it is up again");
    my $start = time;
    $C->wait_for(sub {
        http_post('/v1/chat/completions', chat(max_tokens => 9),
                  'X-Team' => 'c')->status == 200;
    }, 5);
    cmp_ok(time - $start, '<', 4, "$how: deny: allowed again");
}

# what has begun in the moment of its death: nobody waits longer than timeout
$redis->freeze;
$C->select;
my $start = time;
my $r = http_post('/v1/chat/completions', chat(max_tokens => 9),
                  'X-Team' => 'fresh');
my $took = time - $start;
$redis->thaw;
is($r->status, 503, 'deny: the first one');
cmp_ok($took, '<', 0.25 * $slow, sprintf 'deny: within %d ms', 1000 * $took);
nodes_check($redis, [ $A ], 3, 'at the end', key => 'b');


# p99 and p50 of requests that need Redis, without those of requests that do
# not; in turn.

sub added {
    my ($node, $n) = @_;

    $node->select;
    my %took = ('of/team' => [], 'of/local' => []);
    for (1 .. $n) {
        for my $path (keys %took) {
            my $start = time;
            http_post("/$path/chat/completions", chat(max_tokens => 9),
                      'X-Team' => $path eq 'of/team' ? 'b' : 'c');
            push @{ $took{$path} }, time - $start;
        }
    }
    my @sorted = map { [ sort { $a <=> $b } @$_ ] }
        @took{qw( of/team of/local )};
    return map { $sorted[0][$n * $_ - 1] - $sorted[1][$n * $_ - 1] } 0.99,
        0.5;
}
