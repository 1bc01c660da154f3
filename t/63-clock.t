#!/usr/bin/perl

# A clock that is set, by an hour or a day, forwards and back, over the end of
# a month, while requests run: nothing is counted twice, nothing is negative,
# no limit holds for longer than its window, no stream is cut (F47); a request
# over the edge of a window belongs to the one it began in, also when it is
# read again the next day (F48).

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use POSIX qw/ strftime /;
use Test::More;
use Time::HiRes qw/ sleep time /;
use Time::Local qw/ timegm /;

use AI::Test;
use AI::Test::Chat;
use AI::Test::Money;
use AI::Test::Storm;

use constant {
    HOUR => 3600,
    DAY => 86400,
    BASE => timegm(0, 30, 10, 14, 2, 126),      # 2026-03-14T10:30:00Z
};

my $library = AI::Test::c_library('clock')
    or plan(skip_all => 'no C compiler');

my $t = AI::Test->new;
my $clock = $t->testdir . '/clock';

# nginx asks for the time once a turn of its loop; not by libfaketime, which
# the sanitizers' allocator waits for, and it for that

$t->{own}{clock} = 1;
$t->{preload} = [ $library ];
$t->{env} = { AI_CLOCK => $clock };
$t->{jumps} = 1;

# which a worker would not have else
my $env = join ' ', map { "env $_;" } sort keys %{ $t->{env} };

my $format = money_format('money', key => '$http_x_key', ttft => '$ai_ttft',
    gateway => '$ai_gateway_time');

$t->write_file_expand('nginx.conf', <<"EOC");
%%TEST_GLOBALS%%

$env
worker_processes 2;

events {
    accept_mutex off;
}

http {
    %%TEST_GLOBALS_HTTP%%

    $format
    access_log %%TESTDIR%%/money.log money;

    ai_zone ai 2m state=%%TESTDIR%%/state;
    ai_limit_zone \$http_x_key zone=key:1m;
    ai_price m input=1 output=2;

    ai_provider a { api openai; endpoint http://127.0.0.1:%%PORT_8081%%; }

    server {
        listen 127.0.0.1:%%PORT_8080%%;

        location /m/ { ai_limit zone=key requests=3/m; ai_pass a; }
        location /h/ { ai_limit zone=key requests=3/h; ai_pass a; }
        location /d/ { ai_limit zone=key requests=3/d; ai_pass a; }
        location /w/ { ai_limit zone=key requests=3/w; ai_pass a; }
        location /month/ { ai_limit zone=key requests=3/month; ai_pass a; }
        location /tz/ {
            ai_limit zone=key requests=3/month tz=America/New_York;
            ai_pass a;
        }
        location /cost/ {
            ai_limit zone=key cost=0.5/d tokens=100000/month
                     output_tokens=90000/h concurrency=50;
            ai_pass a;
        }
        location /all/ {
            ai_limit zone=key requests=900000/s tokens=900000/m
                     cost=9000/h input_tokens=900000/d
                     output_tokens=900000/w concurrency=500;
            ai_limit zone=key cost=9000/month tz=Asia/Kolkata;
            ai_pass a;
        }
        location /ai/ {
            access_log off;
            allow 127.0.0.1;
            deny all;
            ai_api;
        }
    }
}
EOC

my $mock = spend_mock($t);
my $now;
set_clock(BASE);
$t->run;


# nginx's clock, as seconds since 1970

sub set_clock {
    ($now) = @_;

    my $offset = $now - time;
    open my $fh, '>', "$clock.new" or die "$clock: $!\n";
    printf $fh "%+.6f\n", $offset;
    close $fh;
    rename "$clock.new", $clock or die "$clock: $!\n";
}


sub ask {
    my ($where, $key, %o) = @_;
    return http_post("/$where/v1/chat/completions", chat(max_tokens => 60, %o),
                     'X-Key' => $key);
}


# how many of five are admitted

sub admitted {
    my ($where, $key) = @_;
    return scalar grep { ask($where, $key)->status == 200 } 1 .. 5;
}


sub limit {
    my ($key, $unit, $period) = @_;

    my @row = grep { $_->{key} eq $key && $_->{unit} eq $unit
                     && (!$period || $_->{period} eq $period) }
        @{ money_limits('/ai') };
    return @row == 1 ? $row[0] : { used => @row . ' rows' };
}


# all days of this test

sub range { return (args => 'from=2026-01-01&to=2027-01-01') }


# --- the clock is the one that we set ------------------------------------------

set_clock(BASE);
like(ask('all', 'clock')->header('Date'),
     qr/^\Q${\ strftime('%a, %d %b %Y %H:%M:', gmtime BASE)}\E/,
     'nginx has our clock');

# --- windows that slide: never longer than they are ----------------------------

for my $case ([ m => 60 ], [ h => HOUR ]) {
    my ($where, $window) = @$case;

    for my $jump (HOUR, -(HOUR), DAY, -(DAY), 40 * DAY, -40 * DAY) {
        my $key = "$where$jump";
        my $what = sprintf '%s, clock %+d h', $where, $jump / HOUR;

        set_clock(BASE);
        is(admitted($where, $key), 3, "$what: three before");

        set_clock(BASE + $jump);
        my $passed = admitted($where, $key);
        my $r = ask($where, $key);
        is($r->status, 429, "$what: not more than three");
        cmp_ok($passed, $jump > $window ? '==' : '<=', 3,
               "$what: $passed behind it");
        cmp_ok($r->header('Retry-After'), '<=', $window + $window / 64 + 1,
               "$what: back in a window");

        my $used = limit($key, 'requests');
        cmp_ok($used->{used}, '<=', 3, "$what: $used->{used} used");
        cmp_ok($used->{used}, '>=', 0, "$what: not negative");

        set_clock(BASE + $jump + $window * 1.02 + 1);
        is(admitted($where, $key), 3, "$what: three a window later");

        # and back where we were: an eighth of a window may be taken for the
        # clocks of two workers
        set_clock(BASE + 5);
        cmp_ok(admitted($where, $key), '<=', 3, "$what: back again");
        set_clock(BASE + 5 + $window * 1.15 + 1);
        is(admitted($where, $key), 3, "$what: free again in a window");
    }
}

# --- windows of the calendar: each has its own, once ----------------------------

for my $case ([ d => DAY ], [ w => 7 * DAY ], [ month => 31 * DAY ],
              [ tz => 31 * DAY ])
{
    my ($where, $step) = @$case;
    my $key = "c-$where";

    set_clock(BASE);
    is(admitted($where, $key), 3, "$where: three");
    my $r = ask($where, $key);
    cmp_ok($r->header('Retry-After'), '<=', $step, "$where: until its end");
    is($r->header('x-should-retry'), 'false', "$where: which is told");

    for my $jump (HOUR, -(HOUR)) {
        set_clock(BASE + $jump);
        is(admitted($where, $key), 0, "$where: none, clock $jump s");
    }

    set_clock(BASE + $step);
    is(admitted($where, $key), 3, "$where: three in the next one");
    is(limit($key, 'requests')->{used}, 3, "$where: which has three");

    for (1 .. 3) {
        set_clock(BASE);
        is(admitted($where, $key), 0, "$where: none, back in the first");
        is(limit($key, 'requests')->{used}, 3, "$where: which has three");
        set_clock(BASE + $step);
        is(admitted($where, $key), 0, "$where: none, again in the next one");
        is(limit($key, 'requests')->{used}, 3, "$where: which has three");
    }

    # a day that nobody has seen, before both: what is used stays used
    set_clock(BASE - $step);
    is(admitted($where, $key), 0, "$where: none in the one before");
    is(limit($key, 'requests')->{used}, 6, "$where: which has all of it");
    set_clock(BASE + 3 * $step);
    is(admitted($where, $key), 3, "$where: later it has its own");
}

# --- over the edge of a window ----------------------------------------------------


# a stream that begins before a moment and ends behind it

sub across {
    my ($key, $edge, $to) = @_;

    set_clock($edge - 5);
    my $s = http_post('/cost/v1/chat/completions',
        chat(max_tokens => 60, stream => 1, stream_options =>
             { include_usage => JSON::PP::true() }),
        'X-Key' => $key, 'X-Tag' => $key, -start => 1);
    sleep 0.3;
    set_clock($to);
    my $r = http_end($s);
    like($r->body, qr/data: \[DONE\]/, "$key: the stream is whole");
    $t->wait_for(sub { limit($key, 'concurrency')->{used} == 0 });
}


my $april = timegm(0, 0, 0, 1, 3, 126);

across('edge', $april, $april + 1);
is(limit('edge', 'cost')->{used} + 0, 0, 'the new day has nothing');
is(limit('edge', 'tokens')->{used}, 0, 'nor has the new month');
is(limit('edge', 'output_tokens')->{used}, 50, 'the hour, which slides, has');
is(limit('edge', 'cost')->{reserved} + 0, 0, 'nothing is reserved');
set_clock($april - 60);
is(limit('edge', 'cost')->{used} + 0, 0.0002, 'the old one has it');

# whoever asks in the old window finds it

is(ask('cost', 'edge')->status, 200, 'a request in the old month');
is(limit('edge', 'tokens')->{used}, 300, 'which has both');
is(limit('edge', 'cost')->{used} + 0, 0.0004, 'the old day as well');
set_clock($april + 3);
is(ask('cost', 'edge')->status, 200, 'one in the new month');
is(limit('edge', 'tokens')->{used}, 150, 'which has one');

for my $jump (HOUR, -(HOUR), DAY, -(DAY), 3 * DAY, -3 * DAY) {
    my $key = "jump$jump";

    across($key, $april + 15 * DAY, $april + 15 * DAY + $jump);

    my @rows = grep { $_->{key} eq $key } @{ money_limits('/ai') };
    is(scalar(@rows), 4, "$key: four counters");
    is_deeply([ grep { $_->{used} < 0 || $_->{reserved} != 0
                       || $_->{remaining} < 0 } @rows ], [],
        "$key: nothing negative, nothing reserved");

    # the day it began in
    set_clock($april + 15 * DAY - 60);
    ask('cost', $key);
    is(limit($key, 'cost')->{used} + 0, 0.0004, "$key: booked where it began");
}

# --- read again the next day -------------------------------------------------------

set_clock($april + 20 * DAY);
is(admitted('d', 'replay'), 3, 'three on a day');
is(admitted('month', 'replay'), 3, 'three in a month');
kill_all($t);
set_clock($april + 21 * DAY);
$t->run;
is(admitted('d', 'replay'), 3, 'killed, and started on the next: three');
is(admitted('month', 'replay'), 0, 'none: it is the same month');
set_clock($april + 20 * DAY + 60);
is(admitted('d', 'replay'), 0, 'none: the day before has had its own');
set_clock($april + 50 * DAY);
is(admitted('month', 'replay'), 3, 'three in the next month');

# --- under load ------------------------------------------------------------------------

set_clock(BASE);
my $load = load_start($t, 6, sub {
    my ($client, $n) = @_;

    my $r = http_post('/all/v1/chat/completions', chat(max_tokens => 60,
        $n % 3 ? () : (stream => 1, stream_options =>
                       { include_usage => JSON::PP::true() })),
        'X-Key' => 'load', 'X-Tag' => "$$-$n");
    return $r && ($r->status // 0) == 200 && $r->complete
        && ($n % 3 || $r->body =~ /data: \[DONE\]/);
});

my @jumps = (HOUR, -(HOUR), DAY, -(DAY), 2 * DAY, -2 * DAY, 0.5, -0.5, 5, -5,
             $april - BASE - 1, $april - BASE + 1, 0);
my $until = time + ($ENV{STORM} || 6);

for (my $i = 0; time < $until; $i++) {
    set_clock(BASE + $jumps[ $i % @jumps ]);
    sleep 0.2;
}

my $did = load_stop($t, $load);
is($did->{bad}, 0, "all $did->{ok} are answered, whatever the time");

set_clock($april + 60 * DAY);

my @held;
$t->wait_for(sub {
    @held = grep { $_->{reserved} != 0
                   || $_->{unit} eq 'concurrency' && $_->{used} != 0 }
        @{ money_limits('/ai') };
    return !@held;
}, 15);
is_deeply(\@held, [], 'nothing is reserved');
is_deeply([ grep { $_->{used} < 0 || ($_->{remaining} // 0) < 0 }
            @{ money_limits('/ai') } ], [], 'nothing is negative');

my @log = grep { $_->{attempts} > 0 } @{ money_log($t, 'money.log') };
is_deeply([ money_differences($t, log => \@log,
    usage => [ money_usage('/ai', [ 'model' ], range()) ]) ], [],
    'C1: all is in the books once');

is_deeply([ grep { $_->{ttft} ne '' && ($_->{ttft} > 20 || $_->{ttft} < 0)
                   || $_->{gateway} ne '' && ($_->{gateway} > 20
                                              || $_->{gateway} < 0) } @log ],
    [], 'durations are those of a clock that nobody sets');

# windows that were ahead are not for ever

set_clock($april + 61 * DAY);
is(ask('all', 'load')->status, 200, 'and it goes on');
my %used = map { ("$_->{unit}/" . ($_->{period} // '') => $_->{used} + 0) }
    grep { $_->{key} eq 'load' } @{ money_limits('/ai') };
cmp_ok($used{'requests/s'}, '<=', 1, 'a second has one');
is($used{'tokens/m'}, 150, 'a minute has one');
is($used{'input_tokens/d'}, 100, 'a day has one');
