#!/usr/bin/perl

# Limits when all come at once: a thousand requests for the last ten places,
# in four workers; a limit shared by four scopes; a table that is too small;
# clients that leave.  Never one too many, never one refused without a reason,
# and nothing reserved when all is over (P4, P5, F56, F60).
#
# STORM=seconds goes on with mixed requests for so long.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use IO::Handle;
use IO::Poll qw/ POLLIN /;
use IO::Socket::INET;
use Test::More;
use Time::HiRes qw/ sleep time /;

use AI::Test;
use AI::Test::Chat;
use AI::Test::Money;

use constant CLIENTS => 4;              # processes
use constant STREAM => 12;              # events of text

my $t = AI::Test->new;

# what has no room is told so

$t->allow(qr/no room for what a request reserves/);

my $answer = json_encode({ %{ reply('ok') }, usage => { prompt_tokens => 5,
    completion_tokens => 50, total_tokens => 55 } });

my $conf = $t->expand(<<'EOC');
%%TEST_GLOBALS%%

worker_processes 4;
worker_rlimit_nofile 8192;

events {
    worker_connections 4096;
}

http {
    %%TEST_GLOBALS_HTTP%%

    %%LOG%%
    access_log %%TESTDIR%%/money.log money;

    ai_zone ai 4m state=%%TESTDIR%%/state;

    ai_limit_zone $http_x_key      zone=key:1m;
    ai_limit_zone $http_x_team     zone=team:1m;
    ai_limit_zone $http_x_customer zone=customer:1m;
    ai_limit_zone $ai_model        zone=model:1m;
    ai_limit_zone $http_x_key      zone=tiny:32k;

    # a request is a tenth of a cent

    ai_price * input=0 output=0 request=0.001;
    ai_price tok* input=1 output=1;

    map $http_x_value $value { default $http_x_value; }

    ai_provider quick {
        api openai;
        endpoint http://127.0.0.1:%%PORT_8083%%;
    }

    ai_provider slow {
        api openai;
        endpoint http://127.0.0.1:%%PORT_8081%%;
    }

    server {
        listen 127.0.0.1:%%PORT_8083%%;
        access_log off;
        keepalive_requests 100000;
        location / {
            default_type application/json;
            return 200 '%%ANSWER%%';
        }
    }

    server {
        listen 127.0.0.1:%%PORT_8080%% reuseport backlog=4096;
        keepalive_requests 100000;

        location /cost/ { ai_limit zone=key cost=0.01/d; ai_pass quick; }
        location /requests/ { ai_limit zone=key requests=10/m; ai_pass quick; }
        location /odd/ {
            access_log %%TESTDIR%%/ai-end.log ai_end;
            ai_limit zone=key requests=10/m;
            ai_pass quick;
        }
        location /output/ {
            ai_limit zone=key output_tokens=500/d;
            ai_pass quick;
        }
        location /tokens/ { ai_limit zone=key tokens=1000/d; ai_pass quick; }
        location /once/ { ai_limit zone=key concurrency=10; ai_pass slow; }
        location /enough/ {
            ai_limit zone=key cost=1.000/d requests=1000/h concurrency=1000
                     output_tokens=50000/d;
            ai_pass quick;
        }
        location /four/ {
            ai_limit zone=key cost=0.05/d;
            ai_limit zone=team cost=0.03/d;
            ai_limit zone=customer cost=0.01/d;
            ai_limit zone=model cost=0.02/d;
            ai_pass quick;
        }
        location /mixed/ {
            ai_limit zone=key cost=0.031/d requests=40/h;
            ai_limit zone=team cost=0.17/w;
            ai_limit zone=customer cost=0.1/month concurrency=300;
            ai_limit zone=model output_tokens=12000/d;
            ai_pass quick;
        }
        location /last/ {
            ai_limit zone=key requests=1000/h tokens=100000/d;
            ai_limit zone=team cost=10/d;
            ai_limit zone=customer concurrency=1000;
            ai_limit zone=model requests=1/h;
            ai_pass quick;
        }
        location /tiny-budget/ {
            ai_limit zone=tiny cost=0.003/d;
            ai_pass quick;
        }
        location /tiny/ { ai_limit zone=tiny requests=100/s; ai_pass quick; }
        location /value/ {
            ai_limit zone=key tokens=$value/d requests=$value/m;
            ai_pass quick;
        }
        location /huge/ {
            ai_limit zone=key tokens=9000000000000000/d
                     requests=9000000000000000/m soft=99%;
            ai_pass quick;
        }
        location /drain/ {
            ai_client_abort drain;
            ai_limit zone=team cost=9/d tokens=100000/d concurrency=100;
            ai_pass slow;
        }
        location /cut/ {
            ai_client_abort cut;
            ai_limit zone=customer cost=9/d tokens=100000/d concurrency=100;
            ai_pass slow;
        }
        location /api/ {
            access_log off;
            allow 127.0.0.1;
            deny all;
            ai_api;
        }
    }
}
EOC

my $log = money_format('money', key => '$http_x_key', team => '$http_x_team',
    customer => '$http_x_customer', asked => '$ai_model', uri => '$uri');
$conf =~ s/%%LOG%%/$log/;
$conf =~ s/%%ANSWER%%/$answer/;
$t->write_file('nginx.conf', $conf);

my @words = map { "word$_ " } 1 .. STREAM;
my $mock = $t->mock([
    { match => { body => '"stream":true' }, reply => {
        sse => [ chunks(@words) ], done => 1, split => 'events',
        gap => 0.03 } },
    { reply => { json => json_decode($answer), delay => 6 } },
], port => 8081);

$t->run;


# --- what one request is, and a thousand at once ------------------------------

sub bytes {
    my ($where, $n, %h) = @_;

    my $model = delete $h{model} // 'm';
    my $body = json_encode({ model => $model, max_tokens => 50,
        messages => [ { role => 'user', content => 'hi' } ] });

    return "POST /$where/v1/chat/completions HTTP/1.1\r\nHost: t\r\n"
        . "Connection: close\r\nContent-Type: application/json\r\n"
        . "X-Tag: $where-$n\r\n" . join('', map { "$_: $h{$_}\r\n" } keys %h)
        . 'Content-Length: ' . length($body) . "\r\n\r\n$body";
}


# All connect, then all send; [ status, seconds ] of each.

sub storm {
    my ($n, $request) = @_;

    my ($ready_r, $ready_w, $go_r, $go_w, @child);
    pipe $ready_r, $ready_w or die $!;
    pipe $go_r, $go_w or die $!;

    for my $c (0 .. CLIENTS - 1) {
        pipe my $r, my $w or die $!;
        my $pid = fork // die "fork: $!\n";

        if ($pid == 0) {
            close $go_w;
            my @all = eval { client([ grep { $_ % CLIENTS == $c } 0 .. $n - 1 ],
                                    $request, $ready_w, $go_r) };
            print $w "$@\n" if $@;
            print $w "$_->[0] $_->[1] $_->[2]\n" for @all;
            close $w;
            require POSIX;
            POSIX::_exit(0);
        }
        close $w;
        push @child, [ $pid, $r ];
    }

    close $ready_w;
    my @waits = map { scalar <$ready_r> } 1 .. CLIENTS;
    close $go_w;

    my @got;
    for (@child) {
        my ($pid, $r) = @$_;
        while (<$r>) {
            my ($i, $status, $time) = /^(\d+) (\d+) (\S+)$/
                or die "a client: $_";
            $got[$i] = [ $status, $time ];
        }
        waitpid $pid, 0;
    }
    return @got;
}


sub client {
    my ($mine, $request, $ready, $go) = @_;

    my (%of, @got);
    my $poll = IO::Poll->new;

    for my $i (@$mine) {
        my $s = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
            PeerPort => $t->port(8080), Proto => 'tcp', Timeout => 60)
            or die "connect: $!\n";
        $of{ fileno $s } = [ $i, $s, '' ];
        $poll->mask($s => POLLIN);
    }

    my @bytes = map { [ $_->[1], $request->($_->[0]) ] } values %of;
    syswrite $ready, "ready\n";
    sysread $go, my $none, 1;

    my $from = time;
    syswrite $_->[0], $_->[1] for @bytes;

    while (%of) {
        $poll->poll(90) > 0 or die "no answer for 90 s\n";

        for my $s ($poll->handles(POLLIN)) {
            my $c = $of{ fileno $s };
            next if sysread $s, $c->[2], 65536, length $c->[2];

            $poll->remove($s);
            delete $of{ fileno $s };
            push @got, [ $c->[0],
                $c->[2] =~ m{^HTTP/1.1 (\d+)} ? $1 : 0, time - $from ];
        }
    }
    return @got;
}


sub tally {
    my %n;
    $n{ $_->[0] }++ for @_;
    return join ' ', map { "$n{$_}x$_" } sort keys %n;
}


sub took { note(sprintf '%.1f s: %s', time - $^T, $_[0]) }


sub limits { return money_limits('/api') }


sub limit {
    my ($zone, $key, $unit) = @_;
    my @row = grep { $_->{zone} eq $zone && $_->{key} eq $key
                     && $_->{unit} eq $unit } @{ limits() };
    return @row == 1 ? $row[0] : { used => scalar(@row) . ' rows' };
}


sub idle {
    my ($what) = @_;

    my @held;
    $t->wait_for(sub {
        @held = grep { $_->{reserved} != 0 } @{ limits() };
        return !@held;
    }, 20);
    took($what);
    is_deeply(\@held, [], "$what: nothing is reserved any more");
}


# --- a thousand for ten places ------------------------------------------------

for my $case ([ cost => 'cost', '0.010000000' ], [ requests => 'requests', 10 ],
              [ output => 'output_tokens', 500 ])
{
    my ($where, $unit, $used) = @$case;
    my @got = storm(1000, sub { bytes($where, $_[0], 'X-Key' => "k-$where") });

    is(tally(@got), '10x200 990x429', "$where: ten of a thousand");
    took($where);
    is(limit('key', "k-$where", $unit)->{used} + 0, $used + 0, 'are counted');
    my @slow = grep { $_->[0] == 429 && $_->[1] > 20 } @got;
    is(scalar(@slow), 0, 'the others know at once');
}

idle('budgets');

my @got = storm(1000, sub { bytes('tokens', $_[0], 'X-Key' => 'k-tokens') });
my ($passed) = tally(@got) =~ /^(\d+)x200 \d+x429$/;
ok($passed >= 16 && $passed <= 18, 'tokens: ' . tally(@got));
is(limit('key', 'k-tokens', 'tokens')->{used}, 55 * ($passed // 0),
   'are counted');
cmp_ok(limit('key', 'k-tokens', 'tokens')->{used}, '<=', 1000, 'not too many');

@got = storm(1000, sub { bytes('enough', $_[0], 'X-Key' => 'k-all') });
is(tally(@got), '1000x200', 'a thousand for a thousand places: all');
is(limit('key', 'k-all', 'cost')->{used} + 0, 1, 'are counted');
is(limit('key', 'k-all', 'requests')->{used}, 1000, 'in every unit');
is(limit('key', 'k-all', 'output_tokens')->{used}, 50000, 'of them');
is(http_post('/enough/v1/chat/completions', chat(),
             'X-Key' => 'k-all')->status, 429, 'and one more has none');

# ten at once: as long as the first ones run

@got = storm(1000, sub { bytes('once', $_[0], 'X-Key' => 'k-once') });
ok(tally(@got) =~ /^(\d+)x200 \d+x429$/ && $1 >= 10,
   'at once: ' . tally(@got));
is(peak($mock), 10, 'ten at a time');
idle('at once');


# the most that a provider had before it at a time

sub peak {
    my ($m) = @_;

    my @all = ((map { [ $_->{time}, 1 ] } $m->ledger),
               (map { [ $_->{time}, -1 ] } $m->events('reply')));
    my ($now, $max) = (0, 0);

    for (sort { $a->[0] <=> $b->[0] || $a->[1] <=> $b->[1] } @all) {
        $now += $_->[1];
        $max = $now if $now > $max;
    }
    return $max;
}


# --- several scopes -----------------------------------------------------------

@got = storm(1000, sub { bytes('four', $_[0], 'X-Key' => 'f', 'X-Team' => 'f',
                               'X-Customer' => 'f', model => 'four') });
is(tally(@got), '10x200 990x429', 'the last cent of four scopes');
is_deeply([ map { limit($_, $_ eq 'model' ? 'four' : 'f', 'cost')->{used} + 0 }
            qw/ key team customer model / ], [ (0.01) x 4 ],
    'all have the same: what was refused took nothing');

@got = storm(300, sub { bytes('last', $_[0], 'X-Key' => 'l', 'X-Team' => 'l',
                              'X-Customer' => 'l', model => 'last') });
is(tally(@got), '1x200 299x429', 'the last of five refuses');
is(limit('key', 'l', 'requests')->{used}, 1, 'then none has taken any');
is(limit('key', 'l', 'tokens')->{used}, 55, 'tokens');
is(limit('team', 'l', 'cost')->{used} + 0, 0.001, 'cost');


# Everybody in four scopes of several each: all are full in the end or have
# what passed, and who was refused was so by one that is full.

sub mixed {
    my ($round, $n) = @_;

    my @who = map { [ "m$round-" . int(rand 20), "m$round-" . int(rand 5),
                      "m$round-" . int(rand 3), "mixed$round-" . int(rand 4) ] }
        0 .. $n - 1;
    my @all = storm($n, sub {
        my $w = $who[ $_[0] ];
        bytes('mixed', "$round-$_[0]", 'X-Key' => $w->[0],
              'X-Team' => $w->[1], 'X-Customer' => $w->[2],
              model => $w->[3]);
    });

    my %max = (key => 31, team => 170, customer => 100, model => 240);
    my @zone = qw/ key team customer model /;
    my (%have, @over, @phantom, @wrong);

    for my $i (0 .. $n - 1) {
        next if $all[$i][0] != 200;
        $have{ $zone[$_] }{ $who[$i][$_] }++ for 0 .. 3;
    }

    for my $z (@zone) {
        push @over, grep { $have{$z}{$_} > $max{$z} } keys %{ $have{$z} };
    }

    for my $i (grep { $all[$_][0] != 200 } 0 .. $n - 1) {
        push @phantom, $i if $all[$i][0] != 429
            || !grep { ($have{ $zone[$_] }{ $who[$i][$_] } // 0)
                       >= $max{ $zone[$_] } } 0 .. 3;
    }

    for my $row (grep { $_->{key} =~ /^m(?:ixed)?$round-/ } @{ limits() }) {
        my $n = $have{ $row->{zone} }{ $row->{key} } // 0;
        my $want = $row->{unit} eq 'cost' ? $n / 1000
            : $row->{unit} eq 'output_tokens' ? $n * 50
            : $row->{unit} eq 'requests' ? $n : 0;
        push @wrong, "$row->{zone} $row->{key} $row->{unit} $row->{used}"
            if abs($row->{used} - $want) > 1e-9;
    }

    is_deeply([ \@over, \@phantom, \@wrong ], [ [], [], [] ],
        "mixed scopes, round $round: " . tally(@all));
}

mixed($_, 1000) for 1 .. 2;
idle('scopes');

if ($ENV{STORM}) {
    my $end = time + $ENV{STORM};
    for (my $round = 3; time < $end; $round++) {
        mixed($round, 1000);
    }
    idle('the long storm');
}


# --- a table that is too small ------------------------------------------------

is(tally(map { [ http_post('/tiny-budget/v1/chat/completions', chat(),
    'X-Key' => $_)->status ] } ('one', 'two', 'three') x 3), '9x200',
    'three budgets');

my %sum;
for my $part (0 .. 9) {
    $sum{ $_->[0] }++ for storm(1000, sub {
        bytes('tiny', "$part-$_[0]", 'X-Key' => "r$part-$_[0]-" . rand) });
}
is(join(' ', sort keys %sum), join(' ', sort grep { $sum{$_} } 200, 503),
   'ten thousand keys: ' . join ' ', map { "$sum{$_}x$_" } sort keys %sum);
cmp_ok($sum{200} // 0, '>=', 20, 'some find room');

my @full = $t->error_log(qr/no room for what a request reserves/);
is(scalar(@full), $sum{503} ? 1 : 0, 'one alert for all of them');
like($full[0] // '', qr/ai_limit_zone "tiny" .* \d+ requests were refused/,
     'of this zone');

is(tally(map { [ http_post('/tiny-budget/v1/chat/completions', chat(),
    'X-Key' => $_)->status ] } 'one', 'two', 'three'), '3x429',
    'no budget is forgotten');
sleep 2.2;
is(tally(map { [ http_post('/tiny/v1/chat/completions', chat(),
    'X-Key' => "late-$_")->status ] } 1 .. 5), '5x200',
    'and what is over makes room');


took('a small table');


# --- hostile values -----------------------------------------------------------

sub value {
    my ($value, %h) = @_;
    return http_post('/value/v1/chat/completions', chat(max_tokens => 5),
        'X-Key' => "v-$value", 'X-Value' => $value, %h)->status;
}

is(value(''), 200, 'no value is no limit');
is(value($_), 429, "\"$_\" allows nothing")
    for '0', '-1', '1e3', '1.5', '0x10', '9000000000000001',
        '99999999999999999999999999', '9' x 1000, "\x01", 'NaN';
is(value('9000000000000000'), 200, 'the largest');
is(value('1000'), 200, 'a thousand');
is(http_post('/huge/v1/chat/completions', chat(max_tokens => $_),
    'X-Key' => 'huge')->status, 200, "max_tokens $_ of the largest limit")
    for 1, 1000000;

for my $key ("a\tb", "\x{7f}", "\xff\xfe", '"\\', 'x' x 7000, '%00', '../..') {
    is(join(' ', map { http_post('/odd/v1/chat/completions', chat(model => 'odd'),
        'X-Key' => $key)->status } 1 .. 11), join(' ', (200) x 10, 429),
        'a key of ' . length($key) . ' bytes');
}

is(http_post('/odd/v1/chat/completions', chat(model => 'odd'),
    'X-Key' => 'x' x 7000 . 'y')->status, 429,
    'what differs far behind is the same key');
is(http_post('/odd/v1/chat/completions', chat(model => 'odd'),
    'X-Key' => 'x' x 4000 . 'y')->status, 200, 'another one is not');
is(http_post('/odd/v1/chat/completions', chat(model => 'odd'),
    'X-Key' => 'x' x 65536)->status, 400, '64 KB are too much for nginx');
is(ref limits(), 'ARRAY', 'the list can be read');


took('values');


# --- clients that leave at every event ----------------------------------------

for my $how ('drain', 'cut') {
    my ($zone, $field) = $how eq 'drain' ? ('team', 'X-Team')
                                         : ('customer', 'X-Customer');
    my @open;

    for my $n (0 .. STREAM) {
        my $s = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
            PeerPort => $t->port(8080), Proto => 'tcp') or die $!;
        my $body = json_encode(chat(stream => 1, max_tokens => 50,
            model => 'tok', stream_options => { include_usage => \1 }));
        print $s "POST /$how/v1/chat/completions HTTP/1.1\r\nHost: t\r\n"
            . "$field: leave\r\nX-Tag: $how-$n\r\n"
            . "Content-Type: application/json\r\nContent-Length: "
            . length($body) . "\r\n\r\n$body";
        $s->flush;
        push @open, [ $s, $n, '' ];
    }

    while (@open) {
        for my $c (@open) {
            my $in = '';
            vec($in, fileno $c->[0], 1) = 1;
            select $in, undef, undef, 0.005 or next if $c->[1];
            my $n = $c->[1] ? sysread $c->[0], $c->[2], 65536, length $c->[2]
                            : 1;
            my $events = () = $c->[2] =~ /"content":"word/g;
            if (!$n || $events >= $c->[1] || $c->[2] =~ /\[DONE\]/) {
                sleep 0.05 if !$c->[1];
                close $c->[0];
                $c = undef;
            }
        }
        @open = grep { defined } @open;
    }

    $t->wait_for(sub {
        my @l = grep { /"tag":"$how-/ } $t->log_lines('money.log');
        return @l > STREAM;
    }, 30);
    idle("$how, at every event");

    my @l = grep { $_->{tag} =~ /^$how-/ } @{ money_log($t, 'money.log') };
    my ($tokens, $cost) = (0, 0);
    $tokens += $_->{prompt} + $_->{completion}, $cost += $_->{cost} for @l;

    is(scalar(@l), STREAM + 1, 'all are in the log');
    is(limit($zone, 'leave', 'tokens')->{used}, $tokens, 'tokens as there');
    ok(abs(limit($zone, 'leave', 'cost')->{used} - $cost) < 1e-9,
       'cost as there');
    is_deeply([ grep { $_->{source} ne 'provider' } @l ], [],
        "$how: what the provider said") if $how eq 'drain';
}

# --- the books ---------------------------------------------------------------

# without those of odd keys, which are not in it

my $usage = money_usage('/api', [ 'model' ]);
@{ $usage->{data} } = grep { $_->{model} ne 'odd' } @{ $usage->{data} };

is_deeply([ money_differences($t, log => money_log($t, 'money.log'),
    limits => [ grep { length $_->{key} < 200 } @{ limits() } ],
    usage => [ $usage ]) ], [],
    'C1, C3: log, sums and limits agree');
took('books');
