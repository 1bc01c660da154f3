package AI::Test::Mock;

# Handle of a running t/lib/mock.py.

use strict;
use warnings;

use JSON::PP ();
use Time::HiRes qw/ sleep time /;

my $json = JSON::PP->new->utf8->canonical->allow_nonref;


# Made by AI::Test->mock(): dir, name, ports => [..], tls => 0|1, ca, script

sub start {
    my ($class, $t, %o) = @_;

    my $self = bless { %o, t => $t }, $class;
    my $base = "$o{dir}/$o{name}";

    @$self{qw/ file log ready /} = ("$base.json", "$base.jsonl",
                                    "$base.ports");
    $self->script($o{script} || []);

    my $flag = $o{tls} ? '--tls-port' : '--port';
    my @args = map { ($flag, $_) } @{ $o{ports} };
    push @args, '--tls', @o{qw/ cert key /} if $o{tls};

    $self->{pid} = $t->run_daemon(
        [ '/usr/bin/python3', $o{program}, @args, '--script', $self->{file},
          '--log', $self->{log}, '--ready', $self->{ready},
          '--parent', $$ ],
        name => $o{name});

    my $end = time + 15;
    until (-e $self->{ready}) {
        die "mock $o{name} did not start: "
            . $t->slurp("$o{dir}/$o{name}.out") . "\n"
            if time > $end || !$t->alive($self->{pid});
        sleep 0.01;
    }

    my $ports = $json->decode($t->slurp($self->{ready}));
    $self->{listens} = [ @{ $ports->{plain} }, @{ $ports->{tls} } ];

    return $self;
}


# the (n-th) port

sub port { return $_[0]{listens}[ $_[1] || 0 ] }

sub url {
    my ($self, $n) = @_;
    return ($self->{tls} ? 'https' : 'http') . '://127.0.0.1:'
        . $self->port($n);
}


# Other rules, from the next request on; their counts start again.

sub script {
    my ($self, $rules) = @_;

    open my $fh, '>', "$self->{file}.new" or die "$self->{file}.new: $!\n";
    print $fh ref $rules ? $json->encode($rules) : $rules;
    close $fh;
    rename "$self->{file}.new", $self->{file} or die "$self->{file}: $!\n";

    return $self;
}


# All lines since the last clear(): { event, time, port, conn, ... }

sub events {
    my ($self, $event) = @_;

    my $text = -e $self->{log} ? $self->{t}->slurp($self->{log}) : '';
    $text = substr $text, $self->{from} || 0;
    my @all = map { $json->decode($_) } $text =~ /^(.+)\n/gm;

    return grep { !defined $event || $_->{event} eq $event } @all;
}


# How the lines of all begin, also of those before a clear(): headers are in it,
# and the first of a body.

sub heads {
    my ($self, $event) = @_;

    open my $fh, '<', $self->{log} or return;
    my @found;
    while (my $line = <$fh>) {
        my $head = substr $line, 0, 8192;
        push @found, $head if $head =~ /"event": "$event"/;
    }
    return @found;
}


# The requests.  Each has also {h}: headers by lower-case name (the last one
# wins), and {json}: the decoded body, if it is JSON.

sub ledger {
    my ($self) = @_;

    my @all = $self->events('request');

    for my $r (@all) {
        $r->{h} = { map { lc $_->[0] => $_->[1] } @{ $r->{headers} } };
        next if !defined $r->{body};
        my $bytes = $r->{body};
        utf8::encode($bytes);
        $r->{json} = eval { $json->decode($bytes) };
    }

    return @all;
}


# Waits until there are n requests (or events of another kind); returns them.

sub wait_ledger {
    my ($self, $n, $seconds, $event) = @_;

    my $end = time + ($seconds || 10);
    $event ||= 'request';

    while (1) {
        my @all = $self->events($event);
        if (@all >= $n || time > $end) {
            return $event eq 'request' ? $self->ledger : @all;
        }
        sleep 0.02;
    }
}


sub wait_event {
    my ($self, $event, $n, $seconds) = @_;
    return $self->wait_ledger($n || 1, $seconds, $event);
}


sub clear {
    my ($self) = @_;

    $self->{from} = -s $self->{log} || 0;
    return $self;
}


sub ca { return $_[0]{ca} }

sub stop { my ($self) = @_; $self->{t}->stop_daemon($self->{pid}) }


1;
