#!/usr/bin/perl

# Totals of two nodes under load, while Redis hangs, is killed, loses its
# memory, its scripts or its connections, workers are killed, a node is
# reloaded, and the other one's binary is exchanged: no request fails because
# of it, and afterwards each of them says what both have.  STORM=seconds: more
# often, in any order.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use POSIX ();
use Test::More;
use Time::HiRes qw/ sleep time /;

use AI::Test;
use AI::Test::Storm;

# a binary is exchanged only if it has left its parent: it becomes our child
plan(skip_all => 'x86_64 only') if (POSIX::uname())[4] ne 'x86_64';
syscall(157, 36, 1, 0, 0, 0);

my $storm = $ENV{STORM} || 0;
my $round = 0;
my @sums = qw/ requests failed_requests estimated_requests prompt_tokens
    cached_tokens completion_tokens reasoning_tokens cost saved /;

my $t = AI::Test->new;
my $other = AI::Test->new;
$_->without('C1 C2', 'the logs of both nodes are compared with the API here')
    for $t, $other;
my $redis = AI::Test::Redis->start($t, port => 'redis');

my %usage = (prompt_tokens => 100, completion_tokens => 50,
             total_tokens => 150);
$t->mock([ { reply => { delay => 0.01, json => { id => 'c1',
    object => 'chat.completion', created => 1, model => 'm',
    usage => \%usage, choices => [ { index => 0, finish_reason => 'stop',
        message => { role => 'assistant', content => 'Hello' } } ] } } } ],
    port => 8081);

conf($_) for $t, $other;
(my $conf = $other->read_file('nginx.conf')) =~ s/daemon off/daemon on/;
$other->write_file('nginx.conf',
                   "env ASAN_OPTIONS;\nenv UBSAN_OPTIONS;\n$conf");
$t->allow(qr/exited on signal 9/);

$t->run;
start();

my @faults = (
    [ 'nothing', sub { sleep 1 } ],
    [ 'hangs', sub { $redis->freeze; sleep 1.5; $redis->thaw } ],
    [ 'hangs again and again', sub {
        for (1 .. 6) {
            $redis->freeze; sleep 0.07; $redis->thaw; sleep 0.2;
        }
    } ],
    [ 'is killed', sub { $redis->kill; sleep 1; $redis->run } ],
    [ 'loses its memory', sub { sleep 0.5; $redis->command('FLUSHALL') } ],
    [ 'loses its scripts', sub { $redis->command('SCRIPT', 'FLUSH') } ],
    [ 'loses its connections', sub {
        for (1 .. 10) {
            $redis->command(qw/ CLIENT KILL TYPE normal SKIPME yes /);
            sleep 0.1;
        }
    } ],
    [ 'has an old memory', sub {
        my %was = map { $_ => $redis->command('DUMP', $_) } keys_of();
        sleep 1.5;
        $redis->command('FLUSHALL');
        $redis->command('RESTORE', $_, 0, $was{$_}) for keys %was;
    } ],
    [ 'workers are killed', sub {
        for (1 .. 4) {
            kill 'KILL', ($t->workers)[0];
            sleep 0.3;
        }
    }, 'bad' ],
    [ 'reload', sub { $t->reload; sleep 0.5; $t->reload; sleep 1 } ],
    [ 'reload, killed', sub {
        $t->reload;
        $redis->kill;
        sleep 0.5;
        $redis->run;
    } ],
    [ 'another binary', sub { exchange('new') } ],
    [ 'another binary, and back', sub { exchange('old') } ],
);

if ($storm) {
    my $end = time + $storm;
    fault($faults[rand @faults]) while time < $end;

} else {
    fault($_) for @faults;
}

quit($other->pid);
delete $other->{pid};
$other->discard;


sub fault {
    my ($name, $happens, $bad) = @{ $_[0] };

    # names that are not used again: what gets lost of them stays lost
    $round++;

    my @load = map {
        my $n = $_;
        load_start($n, 2, sub { ask($n, @_) })
    } $t, $other;

    sleep 0.3;
    $happens->();
    sleep 0.3;

    my @did = map { load_stop($_, shift @load) } $t, $other;

    is($did[0]{bad} + $did[1]{bad}, 0, "$name: all are answered, "
       . ($did[0]{ok} + $did[1]{ok})) if !$bad;

    my ($is, $want) = ([ 0, 1 ], '');

    $t->wait_for(sub {
        $want = text(map { @{ usage($_, 'scope=node')->{data} } }
                         $t, $other);
        my @all = map { usage($_, 'scope=all') } $t, $other;
        $is = [ map { $_->{partial} ? 'partial' : text(@{ $_->{data} }) }
                    @all ];
        return $is->[0] eq $want && $is->[1] eq $want;
    }, 20);

    is($is->[0], $want, "$name: what one says");
    is($is->[1], $want, "$name: what the other says");
}


sub conf {
    my ($n) = @_;

    my $port = $redis->port;
    my $provider = $t->port(8081);

    $n->write_file_expand('nginx.conf', <<"EOC");
%%TEST_GLOBALS%%

worker_processes 2;

events {
    accept_mutex off;
}

http {
    %%TEST_GLOBALS_HTTP%%

    access_log off;

    ai_redis main 127.0.0.1:$port;
    ai_zone ai 16m state=%%TESTDIR%%/state redis=main;

    ai_provider openai {
        endpoint http://127.0.0.1:$provider;
        model m price_in=1 price_out=2;
    }

    server {
        listen 127.0.0.1:%%PORT_8080%%;

        location /v1/ {
            ai_identity team \$http_x_team;
            ai_identity user \$http_x_user;
            ai_pass openai;
        }

        location /api/ {
            allow 127.0.0.1;
            deny all;
            ai_api;
        }
    }
}
EOC
}


sub ask {
    my ($n, $client, $i) = @_;

    my $r = http_post('/v1/chat/completions', { model => 'm',
        messages => [ { role => 'user', content => 'Hi' } ] },
        'X-Team' => "team$client",
        'X-User' => $i % 3 ? 'user' . $i % 17 : "once$round-$i",
        -port => $n->port(8080), -timeout => 20);

    return $r && ($r->status // 0) == 200;
}


sub usage {
    my ($n, $args) = @_;

    my $r = http_get("/api/usage?group_by=team,user&step=hour&$args",
                     -port => $n->port(8080));
    return eval { $r->json } || { data => [], partial => 1 };
}


sub text {
    my %sum;

    for my $row (@_) {
        my $k = "$row->{team} $row->{user} $row->{start}";
        ($sum{$k}{$_} //= 0) += $row->{$_} =~ s/^(\d+)\.(\d{9})$/$1$2/r
            for @sums;
    }

    return join "\n", map { my $k = $_;
        "$k: " . join ' ', map { $sum{$k}{$_} } @sums } sort keys %sum;
}


sub keys_of {
    return @{ $redis->command('KEYS', '*') };
}


# --- a binary that is exchanged -------------------------------------------

sub pid_in {
    my ($name) = @_;
    my $text = -e $other->testdir . "/$name" ? $other->read_file($name) : '';
    return $text =~ /^(\d+)/ ? $1 : 0;
}


sub start {
    $other->{log_from} = 0;

    local @ENV{qw/ ASAN_OPTIONS UBSAN_OPTIONS /}
        = ($other->sanitizer_options) x 2;

    is(system($other->command), 0, 'start');
    $other->wait_for(sub { $other->workers_up && pid_in('nginx.pid') }, 20)
        or die "nginx did not start\n";
    $other->{pid} = pid_in('nginx.pid');
}


sub exchange {
    my ($stays) = @_;

    my $old = $other->pid;
    my $from = -s $other->testdir . '/error.log';

    kill 'USR2', $old;
    $other->wait_for(sub {
        my $new = pid_in('nginx.pid');
        $new && $new != $old && pid_in('nginx.pid.oldbin') == $old
            && substr($other->read_file('error.log'), $from)
               =~ /start worker process \d/;
    }, 20) or die "no new binary\n";

    my $new = pid_in('nginx.pid');
    sleep 2;

    if ($stays eq 'new') {
        quit($old);
        $other->{pid} = $new;
        return;
    }

    quit($new);
    $other->wait_for(sub { pid_in('nginx.pid') == $old }, 10);
}


sub quit {
    my ($pid) = @_;

    kill 'QUIT', $pid;
    $other->wait_for(sub { is_gone($pid) }, 20) or die "it does not go\n";
    waitpid $pid, 0;
}
