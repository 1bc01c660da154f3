#!/usr/bin/perl

# /usage over three nodes with 3,000 series each, thirty days of two of them
# written into Redis by hand: what it says, how long it takes, and for how long
# the worker does nothing else.  Then what others have told is not what it
# should be.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use IO::Socket::INET;
use Math::BigInt;
use Test::More;
use Time::HiRes qw/ sleep time /;

use AI::Test;
use AI::Test::Checks;

my $series = $ENV{SERIES} || 3000;
my $days = 30;

my $t = AI::Test->new;
$t->without('C1', 'there are too many requests for a log');
my $redis = AI::Test::Redis->start($t, port => 'redis');

$t->write_file_expand('nginx.conf', <<'EOC');
%%TEST_GLOBALS%%

worker_processes 1;

events {
}

http {
    %%TEST_GLOBALS_HTTP%%

    keepalive_requests 100000;

    ai_redis main 127.0.0.1:%%PORT_redis%% prefix=gw1:;
    ai_zone ai 16m state=%%TESTDIR%%/state redis=main;

    ai_provider here {
        api openai_compatible;
        endpoint http://127.0.0.1:%%PORT_8081%%/v1;
        model m price_in=1 price_out=2;
    }

    server {
        listen 127.0.0.1:%%PORT_8080%%;

        location = /ping {
            access_log off;
            return 200 pong;
        }

        location /v1/ {
            access_log off;
            ai_identity key $http_x_key;
            ai_identity team $http_x_team;
            ai_pass here;
        }

        location /api/ {
            allow 127.0.0.1;
            deny all;
            ai_api;
        }
    }

    server {
        listen 127.0.0.1:%%PORT_8081%%;
        access_log off;
        default_type application/json;

        location / {
            return 200 '{"id":"c","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,"finish_reason":"stop","message":{"role":"assistant","content":"a"}}],"usage":{"prompt_tokens":3,"completion_tokens":2,"total_tokens":5}}';
        }
    }
}
EOC

$t->run;

# this node's, by requests

my $from = time;
ask(map { [ "key$_", 'team' . $_ % 10 ] } 1 .. $series);
note(sprintf '%d requests took %.1f s', $series, time - $from);

my $row = $t->wait_for(sub {
    my $r = http_get('/api/usage?scope=node')->json->{data}[0];
    $r->{requests} == $series ? $r : undef }, 10);
is($row->{requests}, $series, 'this node');

$from = time;
my ($day) = day(0);
my $node;

ok($t->wait_for(sub { told() == $series }, 30), 'Redis has all of it');
note(sprintf 'told within %.1f s', time - $from);

$redis->command('FLUSHALL');
$from = time;
ok($t->wait_for(sub { told() == $series }, 30), 'and again when it was lost');
note(sprintf 'told again within %.1f s', time - $from);

# those of others, by hand

my @others = ('b' x 32, 'c' x 32);
write_others();

my $want = { requests => $series + 2 * 7 * $series * $days,
             prompt => 3 * $series + 2 * 11 * $series * $days,
             cost => nano($row->{cost}) + 2 * 13 * $series * $days };

my $lag = lag_start($t, '/ping');

for (['one row', '', 1],
     ['of today', 'from=' . substr(iso(0), 0, 10), 1, $series * 15],
     ['by team', 'group_by=team', 10],
     ['by key and day', 'group_by=team&step=day', 10 * $days],
     ['as CSV', 'group_by=key&format=csv', undef])
{
    my ($name, $args, $rows, $requests) = @$_;

    $from = time;
    my $r = http_get("/api/usage?$args");
    my $took = time - $from;

    note(sprintf '%s: %.0f ms', $name, $took * 1000);
    is($r->status, 200, "$name: an answer");
    cmp_ok($took, '<', 10, "$name: soon");
    next if !defined $rows;

    my $sum = sum($r->json);
    is(scalar @{ $r->json->{data} }, $rows, "$name: rows");
    is($sum->{requests}, $requests // $want->{requests}, "$name: requests");
    next if $requests;
    is($sum->{prompt}, $want->{prompt}, "$name: tokens");
    is($sum->{cost}, $want->{cost}, "$name: cost");
}

$lag = lag_stop($t, $lag);
note(sprintf 'the loop was away for %.1f ms at most, %d looks',
     $lag->{max} * 1000, $lag->{n});
cmp_ok($lag->{max}, '<', 0.2, 'the worker did other things meanwhile');

my $r = http_get('/api/usage?group_by=key&step=day');
is($r->status, 400, 'too many rows');
like($r->json->{error}{message}, qr/more than 10000 rows/, 'which is told');

$r = http_get('/api/usage')->json;
is_deeply([ map { $_->{host} } @{ $r->{nodes} }[1, 2] ], [ 'hb', 'hc' ],
          'hosts');
is($r->{nodes}[1]{heard}, '2023-11-14T22:13:20Z', 'when one was heard');

# a client that leaves

for (1 .. 5) {
    my $s = IO::Socket::INET->new(PeerAddr => '127.0.0.1', Proto => 'tcp',
                                  PeerPort => $t->port(8080));
    print $s "GET /api/usage?group_by=team HTTP/1.1\r\nHost: a\r\n\r\n";
    sleep 0.02 * $_;
    close $s;
}

is(http_get('/api/usage')->status, 200, 'clients that leave do no harm');

# names that are lost, fields that are nothing

my ($month) = map { substr $day, 0, 6 } 1;
$redis->command('HDEL', "gw1:usage:series:$month", id(0, 16));
$redis->command('HSET', "gw1:usage:$day:$others[0]:0", id(0, 32), 'x,y',
                'no id', '1,2', '00000000000000', '3');
$redis->command('HSET', "gw1:usage:$day", 'nobody', '0123', 'd' x 32, 'zz',
                'e' x 32, '0f');
$redis->command('HSET', 'gw1:usage:nodes', 'x', 'y', 'f' x 32, '');

$r = http_get('/api/usage?group_by=team,provider&from='
              . substr(iso(0), 0, 10))->json;
my ($other) = grep { $_->{team} eq 'other' } @{ $r->{data} };
is($other->{requests}, 14, 'a series without names is "other"');
is(sum($r)->{requests}, $series * 15 - 7, 'what is no number is left out');
is(scalar @{ $r->{nodes} }, 6, 'nodes that are named somewhere');
is($r->{nodes}[3]{heard}, undef, 'one that was never heard');

# somebody else's key

$redis->command('SET', "gw1:usage:$day", 'mine');
$r = http_get('/api/usage');
is($r->status, 200, 'a key of another type: an answer');
is($r->json->{partial}, JSON::PP::true, 'of this node');
is($r->json->{data}[0]{requests}, $series, 'all of it');
ask([ 'key1', 'team1' ]);
ok($t->wait_log(qr/\[warn\].*refused totals: WRONGTYPE/, 5), 'it is logged');
$redis->command('DEL', "gw1:usage:$day");
ok($t->wait_for(sub { told() == $series }, 10), 'and told when it is gone');

$redis->command('DEL', 'gw1:usage:nodes');
$redis->command('SET', 'gw1:usage:nodes', 'mine');
ask([ 'key1', 'team1' ]);
sleep 2.5;
is(requests(), $series + 1, 'nothing is told');
$redis->command('DEL', 'gw1:usage:nodes');
ok($t->wait_for(sub { requests() == $series + 2 }, 10),
   'what was refused is told');
ok($t->wait_for(sub { !http_get('/api/usage')->json->{partial} }, 5),
   'an answer of all');

# an amount never gets less

my ($key) = grep { /:0$/ && /:\Q$node\E:/ && !/T\d\d:/ }
    @{ $redis->command('KEYS', "gw1:usage:$day:*") };
my ($id) = @{ $redis->command('HKEYS', $key) };
my $was = $redis->command('HGET', $key, $id);
(my $more = $was) =~ s/^\d+/99/;
$redis->command('HSET', $key, $id, $more);
$redis->command('DEL', grep { /usage:told/ }
    @{ $redis->command('KEYS', 'gw1:usage:told:*') });
$t->wait_for(sub { @{ $redis->command('KEYS', 'gw1:usage:told:*') } }, 10);
sleep 2;
is($redis->command('HGET', $key, $id), $more, 'the larger amount stays');

# another host with this node's name: a copy of the folder

$redis->command('HSET', 'gw1:usage:nodes', $node, int(time) . ' twin');
ok($t->wait_log(qr/\[crit\].*host "twin" has the name of this node/, 10),
   'a copy of the folder is noticed');

# switched off, with something that is not told, and on again

my $conf = $t->read_file('nginx.conf');
ask([ 'key1', 'team1' ]);
$t->write_file('nginx.conf', $conf =~ s/ redis=main;/;/r);
ok($t->reload(wait_old => 1), 'not shared any more');
$r = http_get('/api/usage')->json;
ok(!exists $r->{nodes} && !exists $r->{partial}, 'nothing of other nodes');
my $had = $r->{data}[0]{requests};
ask([ "off$_", 'team1' ]) for 1 .. 5;
sleep 1.5;
is(told(), $series, 'nothing is told');
$t->write_file('nginx.conf', $conf);
ok($t->reload(wait_old => 1), 'shared again');
ok($t->wait_for(sub { told() == $series + 5 }, 20), 'all is told')
    or diag(told());
is(http_get('/api/usage?scope=node')->json->{data}[0]{requests}, $had + 5,
   'and was not lost');


sub ask {
    my @of = @_;

    my $body = '{"model":"m","messages":[{"role":"user","content":"hi"}]}';
    my $s;

    for (@of) {
        $s ||= IO::Socket::INET->new(PeerAddr => '127.0.0.1', Proto => 'tcp',
            PeerPort => $t->port(8080)) or die;
        print $s "POST /v1/chat/completions HTTP/1.1\r\nHost: a\r\n"
            . "X-Key: $_->[0]\r\nX-Team: $_->[1]\r\n"
            . "Content-Type: application/json\r\nContent-Length: "
            . length($body) . "\r\n\r\n$body";

        my $in = '';
        until ($in =~ /\}\]?,"usage".*\}\}/s || $in =~ /0\r\n\r\n$/) {
            sysread $s, $in, 65536, length $in or last;
        }
        die $in if $in !~ m{^HTTP/1.1 200};
    }
}


# how many series of this node Redis has of today

sub told {
    $node //= $t->read_file('state/node');

    my $n = 0;
    $n += $redis->command('HLEN', sprintf 'gw1:usage:%s:%s:%x', $day, $node,
                          $_) for 0 .. 15;
    return $n;
}


# and how many requests

sub requests {
    my $n = 0;

    for my $digit (0 .. 15) {
        /^(\d+)/ and $n += $1 for @{ $redis->command('HVALS',
            sprintf 'gw1:usage:%s:%s:%x', $day, $node, $digit) };
    }
    return $n;
}


sub day {
    my ($back) = @_;

    my @at = gmtime(time - 86400 * $back);
    return sprintf '%04d%02d%02d', $at[5] + 1900, $at[4] + 1, $at[3];
}


sub iso { return day($_[0]) =~ s/(....)(..)(..)/$1-$2-$3/r }


sub id { return sprintf '%016x', $_[0] << 60 | $_[1] }


# 7 requests, 11 tokens and 13 nano-dollars of each series a day

sub write_others {
    for my $k (0, 1) {
        my @commands = [ 'HSET', 'gw1:usage:nodes', $others[$k],
                         '1700000000 h' . substr $others[$k], 0, 1 ];

        for my $back (0 .. $days - 1) {
            my $d = day($back);
            my $m = substr $d, 0, 6;

            push @commands, [ 'HSET', "gw1:usage:$d", $others[$k],
                              '0123456789abcdef' ];

            for my $digit (0 .. 15) {
                my @mine = grep { $_ % 16 == $digit } 1 .. $series;

                push @commands, [ 'HSET', "gw1:usage:$d:$others[$k]:"
                    . sprintf('%x', $digit),
                    map { (id($digit, $_), '7,,,11,,,,,13') } @mine ];
                push @commands, [ 'HSET', "gw1:usage:series:$m",
                    map { (id($digit, $_), names("key$_",
                                                 'team' . $_ % 10)) } @mine ]
                    if !$k;
            }

            $redis->pipeline(splice @commands);
        }
    }
}


sub names {
    my ($key, $team) = @_;

    return join '', map { chr(length) . $_ } $key, $team, '', '', '', 'm',
        'here', 'here';
}


sub nano { return Math::BigInt->new($_[0] =~ s/\.//r) }


sub sum {
    my ($r) = @_;

    my %sum = (cost => Math::BigInt->new(0));

    for my $row (@{ $r->{data} }) {
        $sum{requests} += $row->{requests};
        $sum{prompt} += $row->{prompt_tokens};
        $sum{cost} += nano($row->{cost});
    }
    return \%sum;
}
