#!/usr/bin/perl

# Totals of several nodes in a real Redis: /usage of any of them is the sum of
# all their access logs, to the nano-dollar, by every name, as JSON and CSV;
# after restarts, kill -9, FLUSHALL, a Redis that is restarted empty; and
# without it, or while it hangs, each node tells what it has itself.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Math::BigInt;
use Test::More;
use Time::HiRes qw/ sleep time /;

use AI::Test;
use AI::Test::Storm;

my @dims = qw/ key team project customer user model provider route /;
my @sums = qw/ requests prompt_tokens completion_tokens cached_tokens /;

my $t = AI::Test->new;
my $redis = AI::Test::Redis->start($t, port => 'redis');

$t->mock([ map { {
    match => { path_re => 'chat/completions$', body => qq("gpt-$_->[0]") },
    reply => { json => {
        id => 'c1', object => 'chat.completion', created => 1,
        model => "gpt-$_->[0]", usage => { prompt_tokens => $_->[1],
            completion_tokens => $_->[2],
            total_tokens => $_->[1] + $_->[2],
            prompt_tokens_details => { cached_tokens => $_->[3] } },
        choices => [ { index => 0, finish_reason => 'stop', message => {
            role => 'assistant', content => 'Hello' } } ] } }
} } [ 'a', 100, 50, 40 ], [ 'b', 7, 3, 0 ] ], port => 8081);

my $provider = $t->port(8081);
my @nodes = ($t, map { AI::Test->new } 1 .. 2);
my @all;                                    # those that have run
my $asked = 0;                              # requests of those

$_->without('C1 C2', 'the logs of all nodes are compared with the API here')
    for @nodes;
node($_) for @nodes;

# nothing is shared yet

$nodes[0]->run;
push @all, $nodes[0];

ok($t->wait_for(sub { !usage(0, '')->{partial} }, 5), 'not partial');
is(scalar @{ usage(0, '')->{nodes} }, 1, 'it is the only one');

$nodes[1]->run;
push @all, $nodes[1];

for my $n (0, 1) {
    ask($n, $_ % 3 ? 'a' : 'b', "team" . $_ % 2, "key$n",
        project => 'p', customer => $_ % 2 ? 'c' : "c$n", user => "u$_")
        for 1 .. 6;
}

same('two nodes');

my $r = usage(1, '');
is(scalar @{ $r->{nodes} }, 2, 'both are named');
is($r->{data}[0]{requests}, 12, 'all of their requests');
like($r->{nodes}[1]{heard}, qr/^20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ$/, 'heard');
ok(length $r->{nodes}[1]{host}, 'a host');
isnt($r->{nodes}[0]{node}, $r->{nodes}[1]{node}, 'two names');

is(usage(1, 'scope=node')->{data}[0]{requests}, 6, 'one of them only');
is(scalar @{ usage(1, 'scope=node')->{nodes} }, 1, 'and it is named');
is(get(0, '/api/usage?scope=none')->status, 400, 'another scope');

# by all names, and as CSV

for my $by (@dims, 'team,model', join ',', @dims) {
    for my $step ('none', 'hour', 'day') {
        rows_are(0, $by, $step);
    }
}

is(usage(0, 'team=team1&group_by=model,key')->{data}[0]{requests},
   expected([ 'model', 'key' ], sub { $_[0]{team} eq 'team1' })
       ->{'gpt-a|' . usage(0, 'team=team1&group_by=model,key')
              ->{data}[0]{key}}{requests}, 'a filter');
is(scalar @{ usage(0, 'team=nobody')->{data} }, 0, 'a filter for nobody');
csv(0);
csv(1);

# what is in Redis

my ($today) = map { sprintf '%04d%02d%02d', $_->[5] + 1900, $_->[4] + 1,
    $_->[3] } [ gmtime ];
my @keys = sort @{ $redis->command('KEYS', '*') };
my @mine = grep { /^ai:usage:\d{8}:/ } @keys;
ok(@mine >= 2, 'hashes of days');
my %ttl = map { $_ => $redis->command('TTL', $_) } @keys;
ok(!(grep { $ttl{$_} > 11 * 86400 || $ttl{$_} < 9 * 86400 } @mine),
   'they last as long as retain=');
ok(!(grep { /T\d\d(:|$)/ && ($ttl{$_} > 50 * 3600 || $ttl{$_} < 49 * 3600) }
     @keys), 'hours are kept for 50');
is(scalar(grep { $ttl{$_} < 0 && !/usage:nodes$|^ai:epoch$/ } @keys), 0,
   'nothing else stays');

# a restart, kill -9

$nodes[1]->stop;
same('a node is stopped', 0);
ask(0, 'a', 'team1', 'key0');
$nodes[1]->run;
ask(1, 'b', 'team1', 'key1');
same('and started');

kill_all($nodes[1]);
same('all of a node killed', 0);
$nodes[1]->run;
ask(1, 'a', 'team2', 'key1') for 1 .. 3;
same('and started');

kill 'KILL', ($nodes[0]->workers)[0];
$nodes[0]->allow(qr/exited on signal 9/);
ask(0, 'a', 'team2', 'key0') for 1 .. 3;
same('a worker killed');

ok($nodes[0]->reload(wait_old => 1), 'reload');
ask(0, 'a', 'team2', 'key0');
same('after a reload');

# a third one that goes for good

$nodes[2]->run;
push @all, $nodes[2];
ask(2, 'a', 'gone', 'key2') for 1 .. 2;
same('a third one');
ask(2, 'b', 'gone', 'key3') for 1 .. 2;
$nodes[2]->stop;
same('it is gone, what it has used is not', 0, 1);
$nodes[2]->run;
ask(2, 'b', 'term', 'key3') for 1 .. 2;
$nodes[2]->stop(signal => 'TERM');
same('nor with a fast stop', 0, 1);
is(scalar @{ usage(0, '')->{nodes} }, 3, 'and it is named');

# Redis loses everything, but for those who are there

pop @all;
$asked -= 6;
$redis->command('FLUSHALL');
same('flushed');
rows_are(1, 'team,model', 'hour');

$redis->restart;
$redis->up(5);
ask(1, 'b', 'team3', 'key1');
same('restarted empty');

# it hangs, it is away

$redis->freeze;
my $from = time;
my $f = get(0, '/api/usage?group_by=team');
cmp_ok(time - $from, '<', 4, 'frozen: an answer soon');
is($f->status, 200, 'which is one');
is($f->json->{partial}, JSON::PP::true, 'partial');
is($f->header('x-ai-partial'), 'true', 'said in the header as well');
is(total($f->json), total(usage(0, 'group_by=team&scope=node')),
   'what this node has itself');
ask(0, 'a', 'frozen', 'key0');
$redis->thaw;
same('it goes on');

$redis->kill;
ask(1, 'a', 'dead', 'key1');
$f = get(1, '/api/usage?format=csv');
is($f->status, 200, 'dead: CSV');
is($f->header('x-ai-partial'), 'true', 'partial');
$nodes[1]->stop;
$nodes[1]->run;
is(usage(1, '')->{partial}, JSON::PP::true, 'dead at start');
ask(1, 'a', 'dead', 'key1');
$redis->run;
same('back again');

$_->finish for reverse @nodes;


# --- what there is to be compared ----------------------------------------

sub node {
    my ($n) = @_;

    my $port = $redis->port;

    $n->write_file_expand('nginx.conf', <<"EOC");
%%TEST_GLOBALS%%

worker_processes 2;

events {
}

http {
    %%TEST_GLOBALS_HTTP%%

    log_format spend escape=json '{"key":"\$ai_key_id","team":"\$ai_team",'
        '"project":"\$ai_project","customer":"\$ai_customer",'
        '"user":"\$ai_user","model":"\$ai_upstream_model",'
        '"provider":"\$ai_provider","route":"\$ai_route",'
        '"cost":"\$ai_cost","prompt_tokens":"\$ai_prompt_tokens",'
        '"completion_tokens":"\$ai_completion_tokens",'
        '"cached_tokens":"\$ai_cached_tokens"}';

    ai_redis main 127.0.0.1:$port;
    ai_zone ai 4m state=%%TESTDIR%%/state redis=main retain=10d;

    ai_provider openai {
        endpoint http://127.0.0.1:$provider;
        model gpt-a price_in=2 price_cached=0.5 price_out=8;
        model gpt-b price_in=0.000001 price_out=0.000003;
    }

    server {
        listen 127.0.0.1:%%PORT_8080%%;

        location /v1/ {
            access_log %%TESTDIR%%/spend.log spend;

            ai_identity key \$http_x_key;
            ai_identity team \$http_x_team;
            ai_identity project \$http_x_project;
            ai_identity customer \$http_x_customer;
            ai_identity user \$http_x_user;
            ai_pass openai;
        }

        location /api/ {
            allow 127.0.0.1;
            deny all;
            ai_api;
        }

        location = /metrics {
            ai_metrics;
        }
    }
}
EOC
}


sub get {
    my ($n, $uri) = @_;

    $nodes[$n]->select;
    return http_get($uri);
}


sub usage { return get($_[0], "/api/usage?$_[1]")->json }


sub ask {
    my ($n, $model, $team, $key, %more) = @_;

    $nodes[$n]->select;

    my $r = http_post('/v1/chat/completions', { model => "gpt-$model",
        messages => [ { role => 'user', content => 'Hi' } ] },
        'X-Team' => $team, 'X-Key' => $key,
        map { ('X-' . ucfirst, $more{$_}) } keys %more);

    die $r->raw if $r->status != 200;
    $asked++;
}


sub nano { return Math::BigInt->new($_[0] =~ s/\.//r) }


# sums of the logs, by names

sub expected {
    my ($by, $filter) = @_;

    my %sum;

    for my $node (@all) {
        for my $line ($node->log_lines('spend.log')) {
            my $row = json_decode($line);
            next if $filter && !$filter->($row);

            my $s = $sum{join '|', map { $row->{$_} } @$by} ||= {};
            $s->{requests}++;
            $s->{$_} += $row->{$_} for @sums[1 .. $#sums];
            $s->{cost} = ($s->{cost} // 0) + nano($row->{cost});
        }
    }
    return \%sum;
}


sub text {
    my ($rows) = @_;

    return join "\n", map { my $k = $_;
        "$k: " . join ' ', map { "$_=" . ($rows->{$k}{$_} // 0) } @sums, 'cost'
    } sort keys %$rows;
}


# the same of an answer

sub answered {
    my ($r, $by) = @_;

    my %sum;

    for my $row (@{ $r->{data} }) {
        my $s = $sum{join '|', map { $row->{$_} } @$by} ||= {};
        $s->{$_} += $row->{$_} for @sums;
        $s->{cost} = ($s->{cost} // 0) + nano($row->{cost});
    }
    return \%sum;
}


sub total { return text(answered($_[0], [])) }


# soon all nodes that run say the same

sub same {
    my ($name, @which) = @_;

    my @by = qw/ team key model /;

    # a line of the log comes after the answer

    $t->wait_for(sub {
        my $lines = 0;
        $lines += () = $_->log_lines('spend.log') for @all;
        return $lines == $asked;
    }, 10) or die "the logs do not have all requests\n";

    @which = grep { $nodes[$_]->pid } 0 .. $#nodes if !@which;

    for my $n (@which) {
        my ($is, $want) = ('', 'nothing');

        $nodes[0]->wait_for(sub {
            $want = text(expected(\@by));
            $r = usage($n, 'group_by=' . join ',', @by);
            $is = text(answered($r, \@by));
            return !$r->{partial} && $is eq $want;
        }, 10);

        is($is, $want, "$name: node $n");
    }
}


sub rows_are {
    my ($n, $by, $step) = @_;

    my @by = split /,/, $by;
    is(text(answered(usage($n, "group_by=$by&step=$step"), \@by)),
       text(expected(\@by)), "node $n by $by, $step");
}


sub csv {
    my ($n) = @_;

    my @lines = split /\r\n/,
        get($n, '/api/usage?group_by=team,model,user&format=csv')->body;
    my @names = split /,/, shift @lines;
    my (%sum, $cost);

    for my $line (@lines) {
        my @cells = $line =~ /\G((?:[^,"]|"(?:[^"]|"")*")*)(?:,|\z)/g;
        $sum{$names[$_]} += $cells[$_] =~ /^\d+$/ ? $cells[$_] : 0
            for 0 .. $#names;
        my ($i) = grep { $names[$_] eq 'BilledCost' } 0 .. $#names;
        $cost = ($cost // 0) + nano($cells[$i]);
    }

    my ($want) = values %{ expected([]) };
    is($sum{x_Requests}, $want->{requests}, "CSV of node $n: requests");
    is($cost, $want->{cost}, "CSV of node $n: cost");
    is($sum{x_InputTokens}, $want->{prompt_tokens}, "CSV of node $n: tokens");
}
