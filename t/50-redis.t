#!/usr/bin/perl

# ai_redis with real servers: up and down, as $ai_redis_NAME tells it, through
# wrong passwords, kill -9, SIGSTOP, restarts, a failover by Sentinel, and
# servers that answer nonsense; nobody ever waits for it.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use IO::Select;
use IO::Socket::INET;
use Test::More;
use Time::HiRes qw/ sleep time /;

use AI::Test;

my $t = AI::Test->new;
my $dir = $t->testdir;

my ($pass, $wrong) = $t->secret('sk-canary-redis', 'sk-canary-wrong');
$t->write_file('pass', $pass);
$t->write_file('wrong', $wrong);

my $redis = AI::Test::Redis->start($t, port => 'r1', unix => 1);
my $locked = AI::Test::Redis->start($t, port => 'r2', user => 'gw',
    password => $pass, options => [ '--user', 'gw',
    'on', ">$pass", '~*', '&*', '+@all', '--user', 'default', 'off' ]);
my $simple = AI::Test::Redis->start($t, port => 'r3', password => $pass,
    options => [ '--requirepass', $pass ]);
my $proxy = $t->port('proxy');

$t->write_file('mode', 'plain');
$t->run_daemon(sub { proxy($proxy, $redis->port) }, name => 'proxy');
$t->waitforsocket($proxy);

$t->write_file_expand('nginx.conf', <<'EOC');
%%TEST_GLOBALS%%

worker_processes 2;

events {
}

http {
    %%TEST_GLOBALS_HTTP%%

    ai_redis tcp 127.0.0.1:%%PORT_r1%%;
    ai_redis unix unix:%%UNIX%% db=3 pool=1;
    ai_redis acl 127.0.0.1:%%PORT_r2%% user=gw password=file:pass;
    ai_redis pass 127.0.0.1:%%PORT_r3%% password=file:pass pool=4;
    ai_redis second 127.0.0.1:1 127.0.0.1:%%PORT_r1%%;

    ai_redis nouser 127.0.0.1:%%PORT_r2%% user=me password=file:pass;
    ai_redis wrong 127.0.0.1:%%PORT_r3%% password=file:wrong;
    ai_redis none 127.0.0.1:%%PORT_r3%%;
    ai_redis needless 127.0.0.1:%%PORT_r1%% password=file:wrong;
    ai_redis db 127.0.0.1:%%PORT_r1%% db=99;
    ai_redis refused 127.0.0.1:1;
    ai_redis nosocket unix:%%TESTDIR%%/none;

    ai_redis proxy 127.0.0.1:%%PORT_proxy%% timeout=200ms pool=1;

    server {
        listen 127.0.0.1:%%PORT_8080%%;

        location / {
            return 200 fine;
        }

        location = /health {
            return 200 "pid=$pid tcp=$ai_redis_tcp unix=$ai_redis_unix acl=$ai_redis_acl pass=$ai_redis_pass second=$ai_redis_second nouser=$ai_redis_nouser wrong=$ai_redis_wrong none=$ai_redis_none needless=$ai_redis_needless db=$ai_redis_db refused=$ai_redis_refused nosocket=$ai_redis_nosocket proxy=$ai_redis_proxy";
        }
    }
}
EOC
my $conf = $t->read_file('nginx.conf');
$conf =~ s/%%UNIX%%/$redis->unix/e;
$t->write_file('nginx.conf', $conf);

$t->run;

# --- start

for my $name (qw/ tcp unix acl pass second proxy /) {
    ok(becomes($name, 'up'), "$name is up");
}

sleep 0.5;
for my $name (qw/ nouser wrong none needless db refused nosocket /) {
    is(state($name), 'down', "$name is down");
}

# each of two workers said so, once, however often it tried

for my $case ([ nouser => 'AUTH refused: WRONGPASS' ],
              [ wrong => 'AUTH refused: WRONGPASS' ],
              [ none => 'AUTH refused: NOAUTH' ],
              [ needless => 'AUTH refused: ERR' ],
              [ db => 'SELECT refused: ERR' ],
              [ refused => 'cannot connect: Connection refused' ],
              [ nosocket => 'cannot connect: No such file or directory' ])
{
    my ($name, $why) = @$case;
    my @lines = $t->error_log(qr/ai_redis "$name"/);
    is(scalar @lines, 2, "$name: said once") or diag(@lines);
    like($lines[0], qr/\[warn\] .* ai_redis "$name" is down: \Q$why\E, /,
         "$name: and why");
}

is_deeply([ map { /\bdb=(\d+)/ } grep { /addr=\S*unix|\bdb=3/ }
            $redis->clients ], [ 3, 3 ], 'unix: the database');
is(scalar(grep { /user=gw/ } $locked->clients), 4, 'acl: a pool of two');
is(scalar($simple->clients), 8 + grep({ /cmd=NULL/ } $simple->clients),
   'pass: a pool of four');

# --- kill -9 and back

$redis->kill;
ok(becomes('tcp', 'down', 1), 'killed: down');
is(scalar($t->error_log(qr/\[warn\] .*"tcp" is down: connection closed/)), 2,
   'killed: said once');
my $quick = slowest(sub { sleep 0.5 });
cmp_ok($quick, '<', 0.1, 'killed: nobody waits');
$redis->run;
ok(becomes('tcp', 'up', 4), 'started again: up');
sleep 0.2;
is(scalar($t->error_log(qr/\[warn\] .*"tcp" is up/)), 2, 'and said once');

# --- frozen: the kernel accepts connections, nobody answers

my $lines = () = $t->error_log(qr/ai_redis "tcp"/);
$redis->freeze;
my $begin = time;
ok(becomes('tcp', 'down', 3), 'frozen: down');
cmp_ok(time - $begin, '<', 1.5, 'frozen: within a second and a bit');
$quick = slowest(sub { sleep 3 });
cmp_ok($quick, '<', 0.1, 'frozen: nobody waits');
is(state('tcp'), 'down', 'frozen: stays down');
my @said = ($t->error_log(qr/ai_redis "tcp"/))[$lines .. $lines + 20];
is(scalar(grep { $_ && /is down: no answer in time/ } @said), 2,
   'frozen: said once') or diag(grep { defined } @said);
is(scalar(grep { $_ && /is up/ } @said), 0, 'frozen: never up');
$redis->thaw;
ok(becomes('tcp', 'up', 4), 'thawed: up');

# --- restarts

for my $i (1 .. 5) {
    $redis->restart;
    sleep 0.1 * $i;
}
ok(becomes('tcp', 'up', 5), 'restarts: up in the end');
ok(becomes($_, 'up', 5), "restarts: $_ too") for qw/ unix second proxy /;

# --- a server that says odd things

for my $case ([ split => undef ], [ slow => 'no answer in time' ],
              [ garbage => 'protocol error' ], [ echo => 'protocol error' ],
              [ double => 'protocol error: unexpected reply' ],
              [ nonsense => 'protocol error' ],
              [ list => 'protocol error: unexpected reply' ],
              [ nested => 'protocol error' ],
              [ long => 'no answer in time' ], [ close => 'connection closed' ],
              [ loading => 'it is loading: LOADING' ],
              [ noauth => 'AUTH refused: NOAUTH' ],
              [ masterdown => 'PING refused: MASTERDOWN' ],
              [ misconf => undef ], [ busy => undef ],
              [ leak => 'PING refused: ERR' ],
              [ silent => 'no answer in time' ])
{
    my ($mode, $why) = @$case;

    mode('plain');
    becomes('proxy', 'up', 6) or fail("$mode: up before");
    my $from = -s "$dir/error.log";

    # the connections that are there are cut, so that it starts with it
    mode($mode);

    if (!$why) {
        sleep 0.3;
        ok(becomes('proxy', 'up', 5), "$mode: up");
        next;
    }

    ok(becomes('proxy', 'down', 5), "$mode: down");
    my $new = sub { substr $t->read_file('error.log'), $from };
    ok($t->wait_for(sub { $new->() =~ /"proxy" is down: \Q$why\E, / }, 5),
       "$mode: $why") or diag($new->());
    cmp_ok(slowest(sub { sleep 0.1 }), '<', 0.1, "$mode: nobody waits");
}

# whatever it is, a reply or not, nobody waits and nobody dies

mode('random');
cmp_ok(slowest(sub { sleep 4 }), '<', 0.1, 'random: nobody waits');

mode('plain');
ok(becomes('proxy', 'up', 6), 'plain again: up');
is(scalar(my @started = $t->started_workers), 2, 'no worker has died of it');

# --- reloads

for my $i (1 .. 20) {
    $t->reload or fail("reload $i");
}
$t->wait_for(sub { $t->workers == 2 }, 20);
ok(becomes($_, 'up', 5), "reloaded: $_ is up") for qw/ tcp unix acl pass /;

# 2 workers: tcp 2, unix 1, second 2, proxy 1, and those that must not be there
my $have;
$t->wait_for(sub { $have = () = $redis->clients; $have == 12 }, 5);
is($have, 12, 'reloaded: no connection is left behind')
    or diag($redis->clients);

# --- the end

$t->stop;
$t->wait_for(sub { !$redis->clients }, 3);
is(scalar(my @left = $redis->clients), 0, 'stopped: no connection is left');

failover();
single();


# One process that is master and worker.

sub single {
    my $s = AI::Test->new->quiet_log;
    my $r = AI::Test::Redis->start($s);
    my $port = $r->port;

    $s->write_file_expand('nginx.conf', <<"EOC");
%%TEST_GLOBALS%%

master_process off;

events {
}

http {
    %%TEST_GLOBALS_HTTP%%

    ai_redis main 127.0.0.1:$port;

    server {
        listen 127.0.0.1:%%PORT_8080%%;

        location / {
            return 200 "main=\$ai_redis_main";
        }
    }
}
EOC
    $s->run;
    $s->waitforsocket($s->port(8080));
    ok($s->wait_for(sub { http_get('/')->body eq 'main=up' }, 3),
       'one process: up');
    $r->kill;
    ok($s->wait_for(sub { http_get('/')->body eq 'main=down' }, 3),
       'one process: down');
    $r->run;
    ok($s->wait_for(sub { http_get('/')->body eq 'main=up' }, 4),
       'one process: up again');
    $s->finish;
}


# Two servers and two sentinels, one of which is dead; the master is killed.

sub failover {
    my $s = AI::Test->new;

    my $one = AI::Test::Redis->start($s);
    my $two = AI::Test::Redis->start($s, options => [ '--replicaof',
        '127.0.0.1', $one->port ]);
    my $watch = AI::Test::Redis->sentinel($s, 'mymaster', $one);
    my $watch_port = $watch->port;

    $s->wait_for(sub { $two->command('INFO') =~ /master_link_status:up/ }, 10);
    $s->wait_for(sub { $watch->command('INFO') =~ /slaves=1/ }, 15)
        or diag('Sentinel does not see the replica');

    $s->write_file_expand('nginx.conf', <<"EOC");
%%TEST_GLOBALS%%

events {
}

http {
    %%TEST_GLOBALS_HTTP%%

    ai_redis main 127.0.0.1:1 127.0.0.1:$watch_port sentinel=mymaster;
    ai_redis nobody 127.0.0.1:$watch_port sentinel=nobody;

    server {
        listen 127.0.0.1:%%PORT_8080%%;

        location / {
            return 200 "main=\$ai_redis_main nobody=\$ai_redis_nobody";
        }
    }
}
EOC
    $s->run;

    my $is = sub { http_get('/')->body =~ /main=$_[0]/ };

    ok($s->wait_for(sub { $is->('up') }, 5), 'sentinel: up');
    like(http_get('/')->body, qr/nobody=down/, 'sentinel: no such master');
    is(scalar($s->error_log(qr/"nobody" is down: no master known to Sentinel/)),
       1, 'sentinel: and it is said');
    is(scalar(my @no = $s->error_log(qr/"main" is down/)), 0,
       'sentinel: the first that answers will do');
    my $p = $one->port;
    ok($s->error_log(qr/"main" is up, 127\.0\.0\.1:$p\b/), 'at the master');

    $one->kill;
    ok($s->wait_for(sub { $is->('down') }, 3), 'sentinel: master killed');
    $p = $two->port;
    ok($s->wait_log(qr/"main" is up, 127\.0\.0\.1:$p\b/, 20),
       'sentinel: the promoted one is found');
    is($two->command('ROLE')->[0], 'master', 'which is the master');
    ok($is->('up'), 'sentinel: up');

    # as Sentinel does where it makes a master a replica
    my $from = -s "$s->{dir}/error.log";
    $two->command(qw/ CLIENT KILL TYPE normal /);
    ok($s->wait_for(sub {
        substr($s->read_file('error.log'), $from) =~ /"main" is up/
    }, 5), 'sentinel: connections are cut');

    # without any sentinel what is connected goes on
    cmp_ok(scalar(my @all = $two->clients), '<', 8,
           'sentinel: no connection too many');
    $watch->kill;
    sleep 0.5;
    ok($is->('up'), 'sentinel dead: still up');

    $s->finish;
}


sub state {
    my ($name) = @_;
    my ($state) = http_get('/health')->body =~ /\b$name=(\w*)/;
    return $state;
}


# all workers say so: in some number of answers there are some of each

sub becomes {
    my ($name, $want, $seconds) = @_;

    return $t->wait_for(sub {
        my %seen;
        for (1 .. 200) {
            my ($pid, $is) = http_get('/health')->body
                =~ /^pid=(\d+) .*\b$name=(\w*)/ or return 0;
            return 0 if $is ne $want;
            $seen{$pid} = 1;
            return 1 if keys %seen == 2;
        }
        return 0;
    }, $seconds || 3);
}


# the slowest answer to others while something goes on

sub slowest {
    my ($code) = @_;

    my $pid = $t->run_daemon($code, name => 'slowest');
    my $most = 0;

    while ($t->alive($pid)) {
        my $start = time;
        http_get('/')->body eq 'fine' or return 99;
        my $took = time - $start;
        $most = $took if $took > $most;
        sleep 0.005;
    }

    return $most;
}


sub mode {
    my ($mode) = @_;

    $t->write_file('mode.new', $mode);
    rename "$dir/mode.new", "$dir/mode";
}


# Between nginx and Redis; the mode is read for each piece.  A change of the
# mode ends the connections.

sub proxy {
    my ($port, $to) = @_;

    my %say = (
        garbage => "\0\xff garbage\r\n", nonsense => "+PING\r\n",
        list => "*2147483647\r\n", long => "\$1000000000\r\nabc",
        nested => "*1\r\n" x 12 . "+PONG\r\n",
        loading => "-LOADING Redis is loading the dataset in memory\r\n",
        noauth => "-NOAUTH Authentication required.\r\n",
        masterdown => "-MASTERDOWN Link with MASTER is down\r\n",
        misconf => "-MISCONF Redis is configured to save snapshots\r\n",
        busy => "-BUSY Redis is busy running a script.\r\n",
        leak => "-ERR unknown command, with args: 'sk-canary-redis'\r\n",
        silent => '',
    );
    my $listen = IO::Socket::INET->new(LocalAddr => '127.0.0.1',
        LocalPort => $port, Listen => 64, ReuseAddr => 1) or die;
    my $set = IO::Select->new($listen);
    my (%peer, %server);
    my $mode = 'plain';

    my $end = sub {
        my ($s) = @_;
        my $p = delete $peer{$s};
        for (grep { defined } $s, $p) {
            $set->remove($_);
            delete $peer{$_};
            delete $server{$_};
            close $_;
        }
    };

    while (1) {
        my @ready = $set->can_read(0.02);

        open my $fh, '<', "$dir/mode";
        my $now = <$fh> // $mode;
        if ($now ne $mode) {
            $mode = $now;
            $end->($_) for grep { $_ != $listen } $set->handles;
            next;
        }

        for my $s (@ready) {
            if ($s == $listen) {
                my $c = $listen->accept or next;
                my $r = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
                                              PeerPort => $to);
                if (!$r) { close $c; next }
                @peer{$c, $r} = ($r, $c);
                $server{$r} = 1;
                $set->add($c, $r);
                next;
            }

            next if !$peer{$s};
            my $n = sysread $s, my $data, 65536;
            if (!$n) { $end->($s); next }

            my $p = $peer{$s};
            if ($server{$s}) {
                if ($mode eq 'split') {
                    for (split //, $data) { syswrite $p, $_; sleep 0.001 }
                } elsif ($mode eq 'slow') {
                    sleep 0.6;
                    syswrite $p, $data;
                } elsif ($mode eq 'double') {
                    syswrite $p, $data . $data;
                } else {
                    syswrite $p, $data;
                }

            } elsif ($mode eq 'echo') {
                syswrite $s, $data;

            } elsif ($mode eq 'random') {
                my $out = join '', map { random_bytes() } 0 .. rand 4;
                syswrite $s, $out;
                $end->($s) if rand() < 0.2;

            } elsif ($mode eq 'close') {
                $end->($s);

            } elsif (defined $say{$mode}) {
                syswrite $s, $say{$mode};

            } else {
                syswrite $p, $data;
            }
        }
    }
}


# pieces of the protocol, whole or damaged

sub random_bytes {
    my @pieces = ("+PONG\r\n", "+OK\r\n", ":7\r\n", ":-\r\n", "\$-1\r\n",
                  "\$-2\r\n", "\$4\r\nPONG\r\n", "\$4\r\nPONGxx", "*-1\r\n",
                  "*0\r\n", "*2\r\n:1\r\n+a\r\n", "*1\r\n*1\r\n*0\r\n",
                  "-ERR x\r\n", "-\r\n", "+\r\n", "\$99999999999999999999\r\n",
                  "*99999999999999999999\r\n", "*1000000\r\n", "\r\n", "\n",
                  "%1\r\n+a\r\n+b\r\n", ">1\r\n+a\r\n", "_\r\n", "#t\r\n");
    my $s = $pieces[rand @pieces];

    substr $s, rand length $s, 1, chr rand 256 if rand() < 0.3;
    $s = substr $s, 0, rand length $s if rand() < 0.1;
    return $s;
}
