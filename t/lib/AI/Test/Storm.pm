package AI::Test::Storm;

# Load that goes on while nginx is killed, reloaded or exchanged, and whether
# the books are right afterwards.

use strict;
use warnings;

use Exporter qw/ import /;
use POSIX ();
use Time::HiRes qw/ sleep time /;

use Test::More import => [qw( ok diag note )];

use AI::Test::Chat;
use AI::Test::Money;

our @EXPORT = qw/ load_start load_stop kill_all adopt_orphans books is_gone
                  spend_mock spend_conf spend_ask spend_check
                  daemon_conf daemon_start daemon_pid daemon_exchange
                  daemon_quit /;


# A provider whose answers cost 100 and 50 tokens; a model for 1 and 2 USD a
# million; limits of all units.

sub spend_mock {
    my ($t) = @_;

    my %usage = (prompt_tokens => 100, completion_tokens => 50,
                 total_tokens => 150);

    # a token each, also by our own count
    my @stream = chunks((' the') x 50);
    $stream[-1]{usage} = \%usage;

    return $t->mock([
        { match => { body => '"stream":true' }, reply => {
          sse => \@stream, done => 1, gap => 0.02, split => 'events' } },
        { reply => { delay => 0.02, json => { %{ reply('ok') },
                                             usage => \%usage } } },
    ], port => 8081);
}


sub spend_conf {
    my ($t, %o) = @_;

    my $zone = $o{zone} // '1m';
    my $ai = $o{ai} // '2m';
    my $limit = $o{limit} // 1000000;
    my $state = $o{state} // 'state';
    my $format = money_format('money', team => '$http_x_team');

    $t->write_file_expand('nginx.conf', <<"EOC");
%%TEST_GLOBALS%%

worker_processes 3;

events {
    accept_mutex off;
}

http {
    %%TEST_GLOBALS_HTTP%%

    $format
    access_log %%TESTDIR%%/money.log money if=\$uri_is_ai;
    map \$uri \$uri_is_ai { ~^/v1/ 1; default 0; }

    ai_zone ai $ai state=%%TESTDIR%%/$state;
    ai_limit_zone \$http_x_team zone=team:$zone;
    ai_price m input=1 output=2;

    ai_provider a { api openai; endpoint http://127.0.0.1:%%PORT_8081%%; }

    server {
        listen 127.0.0.1:%%PORT_8080%%;

        location /v1/ {
            ai_limit zone=team cost=$limit/month tokens=${limit}000/h
                     requests=$limit/h concurrency=1000;
            ai_pass a;
        }

        location /ai/ {
            allow 127.0.0.1;
            deny all;
            access_log off;
            ai_api;
        }
    }
}
EOC
}


# A request of load_start(): every fourth one is a stream of a second.

sub spend_ask {
    my ($client, $n) = @_;

    my $stream = $n % 4 == 0;
    my $r = AI::Test::http_post('/v1/chat/completions',
        chat(max_tokens => 60, $stream ? (stream => 1,
             stream_options => { include_usage => JSON::PP::true() }) : ()),
        'X-Team' => 'a', 'X-Tag' => "$$-$n");

    return $r && ($r->status // 0) == 200 && $r->complete
        && (!$stream || $r->body =~ /data: \[DONE\]/);
}


# The books, as a test: at most so many requests were cut by now.

sub spend_check {
    my ($t, $mock, $cut, $what) = @_;

    # the last lines of the log are being written
    sleep 0.2;
    my $b = books($t, log => 'money.log', zone => 'team', price => [ 1000,
        2000 ], most => [ 100, 50 ], cut => $cut, mocks => [ $mock ]);

    ok(!@{ $b->{found} }, "$what: the books are right")
        or diag(join "\n", @{ $b->{found} });
    note("$what: $b->{requests} requests, $b->{cut} of them cut off "
         . "($b->{recovered} recovered), $b->{cost} nano-USD");
    return $b;
}


# So many clients, each of which asks one thing after the other until it is
# told to stop, and then ends the one it is at: load_start($t, 6, sub { my
# ($client, $n) = @_; ...; true if it was answered in full }).

sub load_start {
    my ($t, $clients, $ask) = @_;

    my $name = 'load-' . ++$t->{loads};
    my @pids;

    for my $client (1 .. $clients) {
        my $file = $t->testdir . "/$name-$client.out";
        $t->{own}{"$name-$client.out"} = 1;

        push @pids, $t->run_daemon(sub {
            my ($ok, $bad, $n) = (0, 0, 0);
            my $parent = getppid;

            until (-e "$file.stop" || getppid != $parent) {
                my $good = eval { $ask->($client, ++$n) };
                $good ? $ok++ : $bad++;
                sleep 0.02 if !$good;
            }

            open my $fh, '>', "$file.new" or die "$file: $!\n";
            print $fh "$ok $bad\n";
            close $fh;
            rename "$file.new", $file;
        });
    }

    return { pids => \@pids, name => $name, clients => $clients };
}


# { ok, bad }: how many were answered, and how many were not.

sub load_stop {
    my ($t, $load) = @_;

    my %sum = (ok => 0, bad => 0);
    my @files = map { $t->testdir . "/$load->{name}-$_.out" }
        1 .. $load->{clients};

    for my $file (@files) {
        open my $fh, '>', "$file.stop" or die "$file: $!\n";
    }

    for my $file (@files) {
        $t->wait_for(sub { -s $file }, 60) or die "a client hangs\n";
        my ($ok, $bad) = split / /, $t->slurp($file);
        $sum{ok} += $ok;
        $sum{bad} += $bad;
    }

    $t->stop_daemon($_) for @{ $load->{pids} };
    return \%sum;
}


# kill -9 of the master and all workers at one time; waits until all are gone.

sub kill_all {
    my ($t) = @_;

    my $master = delete $t->{pid};
    my @workers = $t->workers;

    adopt_orphans();
    kill 'KILL', $master, @workers;

    my $killed = join '|', $master, @workers;
    $t->allow(qr/worker (?:$killed) never ended/);

    $t->wait_for(sub { !$t->alive($master) && !grep { !is_gone($_) } @workers },
                 20) or die "nginx is not gone\n";
    waitpid $_, 0 for @workers;
    unlink $t->testdir . '/nginx.pid';
}


# They become our children: nobody else may look how they ended.

sub adopt_orphans {
    syscall(157, 36, 1, 0, 0, 0) if (POSIX::uname())[4] eq 'x86_64';
}


# A binary is exchanged only if it has left its parent: here it becomes our
# child.  The configuration is there already; what a new binary has of the
# environment is only what is named.

sub daemon_conf {
    my ($t) = @_;

    Test::More::plan(skip_all => 'x86_64 only')
        if (POSIX::uname())[4] ne 'x86_64';
    adopt_orphans();

    (my $conf = $t->read_file('nginx.conf')) =~ s/daemon off/daemon on/;
    $t->write_file('nginx.conf', join '', (map { "env $_;\n" }
        qw/ ASAN_OPTIONS UBSAN_OPTIONS LD_PRELOAD AI_LAG /), $conf);
}


# As $t->run; false if nginx does not want to.

sub daemon_start {
    my ($t) = @_;

    $t->{log_from} = -s $t->testdir . '/error.log' || 0;

    local @ENV{qw/ ASAN_OPTIONS UBSAN_OPTIONS /}
        = ($t->sanitizer_options) x 2;
    my %env = $t->preload;
    local @ENV{keys %env} = values %env;

    $t->{runs}++;
    return 0 if system($t->command) != 0;
    $t->wait_for(sub { $t->workers_up && daemon_pid($t) }, 20)
        or die "nginx did not start\n";
    $t->{pid} = daemon_pid($t);
    return 1;
}


sub daemon_pid {
    my ($t, $name) = @_;

    $name //= 'nginx.pid';
    my $text = -e $t->testdir . "/$name" ? $t->read_file($name) : '';
    return $text =~ /^(\d+)/ ? $1 : 0;
}


# USR2: the pid of the new master, once its workers run.

sub daemon_exchange {
    my ($t) = @_;

    my $old = $t->pid;
    my $from = -s $t->testdir . '/error.log';

    # another ledger is made
    $t->{runs}++;

    kill 'USR2', $old;
    $t->wait_for(sub {
        my $new = daemon_pid($t);
        $new && $new != $old && daemon_pid($t, 'nginx.pid.oldbin') == $old
            && substr($t->read_file('error.log'), $from)
               =~ /start worker process \d/;
    }, 20) or die "no new binary\n";
    sleep 0.3;
    return daemon_pid($t);
}


# One of the masters goes; true if it has gone.

sub daemon_quit {
    my ($t, $pid) = @_;

    kill 'QUIT', $pid;
    my $gone = $t->wait_for(sub { is_gone($pid) }, 20);
    waitpid $pid, 0;
    delete $t->{exits}{$pid};
    return $gone;
}


# A process that has ended, whether somebody has looked at its status or not.

sub is_gone {
    my ($pid) = @_;

    open my $fh, '<', "/proc/$pid/stat" or return 1;
    my ($state) = (<$fh> // '') =~ /\) (\S)/;
    return !defined $state || $state =~ /[ZX]/;
}


# What the books say, and in which way they are wrong: sentences.  A request
# that was cut off by a kill is not in the access log; it is in the books once,
# with at most what it could have used, as failed, unless it had come to its
# end and only the line was missing.
#
#     log        name of the access log
#     zone, key  limits of this one: all of them count all requests
#     price      [in, out], nano-USD a token
#     most       [prompt, completion] tokens of a request
#     cut        at most so many requests were cut
#     mocks      [..]: each of their requests is in the books

sub books {
    my ($t, %o) = @_;

    my @limits;
    my $same = sub {
        @limits = grep { $_->{zone} eq $o{zone} } @{ money_limits('/ai') };
        return !grep { $_->{reserved} != 0
                       || $_->{unit} eq 'concurrency' && $_->{used} != 0 }
            @limits;
    };

    my @found;
    $t->wait_for($same, $o{wait} // 15)
        or push @found, map { "$_->{unit}: $_->{reserved} is reserved" }
               grep { $_->{reserved} != 0 } @limits;

    # after the limits: now nothing is under way that would change them
    my ($total) = @{ money_usage('/ai', [])->{data} };

    # a row is there before its line in the log
    my @log = grep { $_->{attempts} > 0 } @{ money_log($t, $o{log}) };

    my %log = (requests => scalar @log, prompt => 0, completion => 0,
               cost => 0);
    for (@log) {
        $log{prompt} += $_->{prompt};
        $log{completion} += $_->{completion};
        $log{cost} += nano($_->{cost});
    }

    my %has = (requests => $total->{requests} // 0,
        prompt => $total->{prompt_tokens} // 0,
        completion => $total->{completion_tokens} // 0,
        cost => nano($total->{cost} // 0));

    my $cut = $has{requests} - $log{requests};
    my $asked = 0;
    $asked += () = $_->ledger for @{ $o{mocks} || [] };

    push @found, "$has{requests} requests in the books, $log{requests} in the "
        . 'log, at most ' . ($o{cut} // 0) . ' were cut'
        if $cut < 0 || $cut > ($o{cut} // 0);
    push @found, "the provider was asked $asked times, $has{requests} are in "
        . 'the books'
        if $o{mocks} && ($asked > $has{requests} || $asked < $log{requests});

    my $failed = grep { $_->{status} != 200 } @log;
    my $recovered = ($total->{failed_requests} // 0) - $failed;
    push @found, "$recovered failed that are not in the log, $cut were cut"
        if $recovered < 0 || $recovered > $cut;

    my @most = @{ $o{most} };
    for ([ prompt => $most[0] ], [ completion => $most[1] ]) {
        my ($what, $most) = @$_;
        my $more = $has{$what} - $log{$what};
        push @found, "$what: $has{$what} in the books, $log{$what} in the log,"
            . " and $cut requests of at most $most"
            if $more < 0 || $more > $cut * $most;
    }

    my $worth = $has{prompt} * $o{price}[0] + $has{completion} * $o{price}[1];
    push @found, "cost: $has{cost}, should be $worth" if $has{cost} != $worth;

    my %used = (requests => $has{requests}, cost => $has{cost},
        tokens => $has{prompt} + $has{completion},
        input_tokens => $has{prompt}, output_tokens => $has{completion},
        concurrency => 0);

    for my $row (@limits) {
        my $n = $row->{unit} eq 'cost' ? nano($row->{used}) : $row->{used};
        push @found, "limit $row->{unit}/" . ($row->{period} // '')
            . ": $n, should be $used{$row->{unit}}"
            if $n != $used{$row->{unit}};
    }

    push @found, 'no limits are there' if !@limits;

    return { cut => $cut, recovered => $recovered, asked => $asked, %has, log => \%log,
             found => \@found };
}


sub nano {
    my ($text) = @_;

    return 0 if ($text // '') eq '' || $text eq '-';
    my ($whole, $part) = $text =~ /^(\d+)(?:\.(\d{1,9}))?$/
        or die "not money: $text\n";
    return $whole * 1_000_000_000 + substr(($part // '') . '0' x 9, 0, 9);
}


1;
