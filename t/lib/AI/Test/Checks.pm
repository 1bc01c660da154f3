package AI::Test::Checks;

# Checkers C4 to C6, as far as AI::Test's own checks at the end do not do them:
# file descriptors that are left open, canaries in files of any kind and in
# Redis, and how long a worker's loop was away.

use strict;
use warnings;

use Exporter qw/ import /;
use IO::Socket::INET;
use MIME::Base64 qw/ encode_base64 /;
use Time::HiRes qw/ sleep time /;

our @EXPORT = qw/ fd_mark fd_problems canaries redis_texts lag_start lag_stop /;

use constant PAUSE => 0.005;            # between two looks at the loop


# --- C4: file descriptors -------------------------------------------------

# What each worker has open: pid -> { kind -> number }.  Taken when nothing
# runs, but everything that stays has been used once; the least of half a
# second, since a connection that is over may be there for a while.

sub fd_mark {
    my ($t) = @_;

    my $mark = { map { $_ => fds($_) } $t->workers };

    for (1 .. 10) {
        sleep 0.05;

        for my $pid (keys %$mark) {
            my $now = fds($pid);
            my $was = $mark->{$pid};

            for my $kind (keys %$was) {
                my $n = $now->{$kind} || 0;
                $was->{$kind} = $n if $n < $was->{$kind};
            }
        }
    }
    return $mark;
}


sub fds {
    my ($pid) = @_;

    my %kinds;

    for my $fd (glob "/proc/$pid/fd/*") {
        my $to = readlink $fd // next;
        $to =~ s/:\[\d+\]$//;
        $kinds{$to}++;
    }
    return \%kinds;
}


# What workers have now and had not then, but for so many of each kind
# (kept-alive connections); waits a while for it to go.

sub fd_problems {
    my ($t, $mark, %o) = @_;

    my $end = time + ($o{wait} // 5);

    while (1) {
        my @more = fd_more($t, $mark, $o{slack} || 0);
        return @more if !@more || time > $end;
        sleep 0.05;
    }
}


sub fd_more {
    my ($t, $mark, $slack) = @_;

    my @more;

    for my $pid ($t->workers) {
        my $was = $mark->{$pid} or next;
        my $now = fds($pid);

        push @more, map {
            my $n = $now->{$_} - ($was->{$_} || 0);
            $n > $slack ? "worker $pid: $n more of $_" : ()
        } sort keys %$now;
    }
    return @more;
}


# --- C5: canaries ---------------------------------------------------------

# Texts (all that were given to $t->secret, if there are none) in files of the
# test's folder that it did not write itself, whatever they are, and in what
# Redis servers have: canaries($t, redis => [ports], texts => [..]).  Also
# when they are hidden as hex or base64.

sub canaries {
    my ($t, %o) = @_;

    my @texts = @{ $o{texts} || $t->{secrets} };
    my %in = map { $_ => $t->read_file($_) } all_files($t);

    for my $port (@{ $o{redis} || [] }) {
        my %has = redis_texts($port);
        $in{"redis $port: $_"} = "$_ $has{$_}" for keys %has;
    }

    my @found;

    for my $text (@texts) {
        my $spellings = join '|', map { quotemeta } spellings($text);
        push @found, map { 'canary ' . substr($text, 0, 6) . "... in $_" }
            grep { $in{$_} =~ /$spellings/ } sort keys %in;
    }
    return @found;
}


# As it is, in both kinds of hex, and base64 from each of three positions,
# without the ends that depend on what is around it.

sub spellings {
    my ($text) = @_;

    my $hex = unpack 'H*', $text;
    my @all = ($text, $hex, uc $hex);

    for my $before (0 .. 2) {
        my $coded = encode_base64('x' x $before . $text, '');
        my $from = $before ? 4 : 0;
        my $whole = int((length($text) + $before) / 3) * 4;
        push @all, substr $coded, $from, $whole - $from;
        (my $url = $all[-1]) =~ tr{+/}{-_};
        push @all, $url;
    }
    return grep { length >= 8 } @all;
}


sub all_files {
    my ($t) = @_;

    my (@found, @todo);
    my $dir = $t->testdir;
    @todo = ('');

    while (@todo) {
        my $sub = shift @todo;
        opendir my $dh, "$dir/$sub" or next;

        for (grep { !/^\.\.?$/ } readdir $dh) {
            my $name = $sub eq '' ? $_ : "$sub/$_";
            if (-d "$dir/$name") {
                push @todo, $name;
            } elsif (-f "$dir/$name" && !$t->{own}{$name}) {
                push @found, $name;
            }
        }
    }
    return @found;
}


my %reader = (string => [ 'GET' ], hash => [ 'HGETALL' ],
    list => [ 'LRANGE', 0, -1 ], set => [ 'SMEMBERS' ],
    zset => [ 'ZRANGE', 0, -1, 'WITHSCORES' ], stream => [ 'XRANGE', '-', '+' ]);


# All keys of the first database, and what they hold, as text; of a port, or of
# a sub that sends a command.  At most so many keys.

sub redis_texts {
    my ($port, $most) = @_;

    my $send = $port;
    if (ref $port ne 'CODE') {
        my $s = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
            PeerPort => $port, Proto => 'tcp', Timeout => 5)
            or die "redis $port: $!\n";
        $send = sub { redis($s, @_) };
    }

    my (%has, $cursor);

    do {
        ($cursor, my $keys) = @{ $send->('SCAN', $cursor // 0,
                                         'COUNT', 1000) };
        for my $key (@$keys) {
            last if $most && keys %has >= $most;
            my ($verb, @more) = @{ $reader{ $send->('TYPE', $key) } || [] };
            $has{$key} = defined $verb
                ? flat($send->($verb, $key, @more)) : '';
        }
    } while ($cursor ne '0' && !($most && keys %has >= $most));

    return %has;
}


sub flat {
    my ($v) = @_;
    return ref $v ? join ' ', map { flat($_) } @$v : $v // '';
}


sub redis {
    my ($s, @words) = @_;

    print $s '*' . @words . "\r\n",
        map { '$' . length($_) . "\r\n$_\r\n" } @words;
    return redis_reply($s);
}


sub redis_reply {
    my ($s) = @_;

    local $/ = "\r\n";
    my $line = <$s> // die "redis is gone\n";
    chomp $line;
    my ($kind, $rest) = $line =~ /^(.)(.*)/s;

    die "redis: $rest\n" if $kind eq '-';
    return [ map { redis_reply($s) } 1 .. $rest ] if $kind eq '*';
    return $rest if $kind ne '$';
    return undef if $rest < 0;

    read($s, my $text, $rest + 2) == $rest + 2 or die "redis is gone\n";
    return substr $text, 0, $rest;
}


# --- C6: how long a loop is away ------------------------------------------

# Asks for a small answer all the time, from another process, and looks how
# long it takes.  Time in which the worker, or this probe, was ready to run and
# the machine had no processor for it is taken off.  One worker only.
#
#     my $probe = lag_start($t, '/ping', port => 8080);
#     my $lag = lag_stop($t, $probe);         { max => seconds, n => looks }

sub lag_start {
    my ($t, $uri, %o) = @_;

    my $name = 'lag-' . ++$t->{lags};
    my $file = $t->testdir . "/$name.out";
    my ($worker) = $t->workers;
    my $port = $t->real_port($o{port});
    my $parent = $$;

    $t->{own}{"$name.out"} = 1;

    my $pid = $t->run_daemon(sub {
        my $stop = 0;
        $SIG{TERM} = sub { $stop = 1 };
        lag_run($worker, $port, $uri, $file,
                sub { $stop || getppid != $parent });
    });

    # the first look has been taken
    $t->wait_for(sub { -e $file }, 10) or die "no answer for $uri\n";

    return { pid => $pid, file => $file };
}


sub lag_run {
    my ($worker, $port, $uri, $file, $stop) = @_;

    my ($max, $n) = (0, 0);
    my $s;

    until ($stop->()) {
        $s ||= IO::Socket::INET->new(PeerAddr => '127.0.0.1', Proto => 'tcp',
                                     PeerPort => $port) or last;
        my $from = time;
        my @waited = map { waited($_) } $worker, $$;

        syswrite $s, "GET $uri HTTP/1.1\r\nHost: lag\r\n\r\n";

        # nginx closes it now and then, after an answer
        if (!sysread $s, my $answer, 65536) {
            $s = undef;
            next;
        }

        my $lag = time - $from;
        $lag -= waited($_) - shift @waited for $worker, $$;
        $max = $lag if $lag > $max;
        $n++;
        lag_write($file, $max, $n) if $n == 1;
        sleep PAUSE;
    }

    lag_write($file, $max, $n);
}


sub lag_write {
    my ($file, $max, $n) = @_;

    open my $fh, '>', "$file.new" or return;
    print $fh "$max $n\n";
    close $fh;
    rename "$file.new", $file;
}


# Seconds that a process was ready and did not run.

sub waited {
    my ($pid) = @_;

    open my $fh, '<', "/proc/$pid/schedstat" or return 0;
    my @n = split / /, <$fh> // '';
    return ($n[1] || 0) / 1e9;
}


sub lag_stop {
    my ($t, $probe) = @_;

    $t->stop_daemon($probe->{pid});
    my ($max, $n) = split / /, $t->slurp($probe->{file});

    return { max => $max, n => $n + 0 };
}


1;
