package AI::Test::Redis;

# A redis-server of its own on a loopback port, or a sentinel, and a client
# that speaks RESP.  t/README.md has the table of verbs.

use strict;
use warnings;

use Digest::SHA ();
use File::Path qw/ make_path /;
use IO::Socket::INET;
use IO::Socket::UNIX;
use Time::HiRes qw/ sleep time /;

my $count = 0;


# start($t, port => label or number, aof => 1, unix => 1, options => [..]).
# Nothing is stored but with aof.  sentinel() is the other way to make one.

sub start {
    my ($class, $t, %o) = @_;

    my $self = bless {
        t => $t, name => $o{name} || 'redis-' . ++$count,
        options => $o{options} || [], aof => $o{aof},
        password => $o{password}, user => $o{user},
    }, $class;

    $self->{port} = $t->port($o{port} // $self->{name});
    $self->{dir} = $t->testdir . "/$self->{name}.d";
    $self->{unix} = "$self->{dir}/s" if $o{unix};
    make_path($self->{dir});
    push @{ $t->{redises} }, $self;

    return $self->run;
}


# A sentinel that watches master, an object of this class.

sub sentinel {
    my ($class, $t, $name, $master, %o) = @_;

    my $self = bless {
        t => $t, name => 'sentinel-' . ++$count, sentinel => 1,
        options => $o{options} || [],
    }, $class;

    $self->{port} = $t->port($self->{name});
    $self->{dir} = $t->testdir . "/$self->{name}.d";
    make_path($self->{dir});

    # it writes into its file
    my $port = $master->port;
    my $quorum = $o{quorum} || 1;
    my $down = $o{down_after} || 300;

    open my $fh, '>', "$self->{dir}/sentinel.conf" or die;
    print $fh <<"END";
port $self->{port}
bind 127.0.0.1
dir $self->{dir}
sentinel monitor $name 127.0.0.1 $port $quorum
sentinel down-after-milliseconds $name $down
sentinel failover-timeout $name 2000
END
    print $fh "$_\n" for @{ $o{lines} || [] };
    close $fh;

    return $self->run;
}


# t/lib/redis_proxy.py before it, on a port of its own: port, url, and
# fault(words) as that file has them.

sub proxy {
    my ($class, $t, $redis, %o) = @_;

    my $name = 'redis-proxy-' . ++$count;
    my $self = bless { t => $t, name => $name, port => $t->port($name),
                       control => $t->port("$name-control") }, $class;

    $self->{pid} = $t->run_daemon([ 'python3', $t->root
        . '/t/lib/redis_proxy.py', $self->{port}, $self->{control},
        $redis->port ], name => $name);
    $t->waitforsocket($self->{control}, 10) or die "$name did not start\n";
    return $self;
}


sub fault {
    my ($self, $words) = @_;

    my $s = IO::Socket::INET->new(PeerAddr => '127.0.0.1', Proto => 'tcp',
                                  PeerPort => $self->{control})
        or die "$self->{name}: $!\n";
    syswrite $s, "$words\n";
    my $said = <$s> // die "$self->{name}: no answer\n";
    return $said =~ /(\d+)/ ? $1 : $self;
}


sub program {
    my ($found) = grep { -x } map { "$_/redis-server" }
        qw( /usr/bin /usr/local/bin );

    AI::Test::plan_skip('no redis-server') if !$found;
    return $found;
}


sub run {
    my ($self) = @_;

    my @command = (program());

    if ($self->{sentinel}) {
        push @command, "$self->{dir}/sentinel.conf", '--sentinel';

    } else {
        push @command, '--port', $self->{port}, '--bind', '127.0.0.1',
            '--dir', $self->{dir}, '--save', '', '--appendonly',
            $self->{aof} ? 'yes' : 'no', '--appendfsync', 'always';
        push @command, '--unixsocket', $self->{unix} if $self->{unix};
        push @command, @{ $self->{options} };
    }

    $self->{pid} = $self->{t}->run_daemon(\@command, name => $self->{name});

    $self->up(10) or die "$self->{name} did not start\n";
    return $self;
}


# Waits until it answers anything.

sub up {
    my ($self, $seconds) = @_;

    return $self->{t}->wait_for(sub {
        delete $self->{socket};
        my $r = eval { $self->command('PING') };
        return defined $r && (!ref $r || $r->{error} !~ /^LOADING/);
    }, $seconds);
}


sub port { return $_[0]{port} }
sub pid { return $_[0]{pid} }
sub unix { return $_[0]{unix} }

sub url { return "127.0.0.1:$_[0]{port}" }


# --- what happens to it --------------------------------------------------

sub stop {
    my ($self, $signal) = @_;

    delete $self->{socket};
    $self->{t}->stop_daemon(delete $self->{pid}, $signal || 'TERM')
        if $self->{pid};
    return $self;
}


sub kill { return $_[0]->stop('KILL') }

sub restart { return $_[0]->kill->run }

sub freeze { CORE::kill 'STOP', $_[0]{pid}; return $_[0] }

sub thaw { CORE::kill 'CONT', $_[0]{pid}; return $_[0] }


# The connections of others: lines of CLIENT LIST.

sub clients {
    my ($self) = @_;

    my $mine = $self->command(qw/ CLIENT ID /);
    return grep { !/^id=$mine / && !/flags=[SM] / } split /\n/,
        $self->command(qw/ CLIENT LIST /);
}


# --- the client ----------------------------------------------------------

sub connect {
    my ($self) = @_;

    my $s = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
                                  PeerPort => $self->{port}, Proto => 'tcp')
        or die "$self->{name}: $!\n";
    $self->{socket} = $s;
    $self->{in} = '';

    if (defined $self->{password}) {
        $self->send([ 'AUTH', $self->{user} // (), $self->{password} ]);
        $self->reply;
    }
    return $s;
}


# One command; a reply as reply() gives it.  A connection that was closed
# meanwhile, as Sentinel does with all of them, is made again.

sub command {
    my ($self, @argv) = @_;

    if ($self->{socket}) {
        my @r = eval { $self->pipeline(\@argv) };
        return $r[0] if @r;
    }
    return ($self->pipeline(\@argv))[0];
}


# Many at once; their replies.

sub pipeline {
    my ($self, @commands) = @_;

    $self->connect if !$self->{socket};
    $self->send(@commands);
    return map { $self->reply } @commands;
}


sub send {
    my ($self, @commands) = @_;

    my $out = join '', map {
        join '', '*' . @$_ . "\r\n", map { '$' . length($_) . "\r\n$_\r\n" }
            @$_
    } @commands;

    local $SIG{PIPE} = 'IGNORE';
    while (length $out) {
        my $n = syswrite $self->{socket}, $out or $self->lost;
        substr($out, 0, $n, '');
    }
}


# A text or a number as it is, undef, a list, or { error => text }.

sub reply {
    my ($self) = @_;

    my $line = $self->line;
    my $type = substr $line, 0, 1, '';

    return $line if $type eq '+' || $type eq ':';
    return { error => $line } if $type eq '-';
    return [ map { $self->reply } 1 .. $line ] if $type eq '*' && $line >= 0;
    return undef if $line == -1;

    $self->more while length $self->{in} < $line + 2;
    my $text = substr $self->{in}, 0, $line, '';
    substr $self->{in}, 0, 2, '';
    return $text;
}


sub line {
    my ($self) = @_;

    $self->more while $self->{in} !~ /\n/;
    $self->{in} =~ s/^(.*?)\r\n//s;
    return $1;
}


sub more {
    my ($self) = @_;

    my $in = '';
    vec($in, fileno $self->{socket}, 1) = 1;
    select($in, undef, undef, 20) or $self->lost;
    sysread $self->{socket}, $self->{in}, 65536, length $self->{in}
        or $self->lost;
}


sub lost {
    my ($self) = @_;

    delete $self->{socket};
    die "$self->{name}: connection lost\n";
}


# A script by its text: EVALSHA, and EVAL where it is not known.

sub script {
    my ($self, $text, $keys, @argv) = @_;

    my $sha = Digest::SHA::sha1_hex($text);
    my @rest = (scalar @$keys, @$keys, @argv);

    my $r = $self->command('EVALSHA', $sha, @rest);
    return $r if ref $r ne 'HASH' || $r->{error} !~ /^NOSCRIPT/;
    return $self->command('EVAL', $text, @rest);
}


1;
