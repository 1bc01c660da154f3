package AI::Test::HTTP;

# An HTTP/1.x client on raw sockets: sends exactly the bytes it is given,
# reads one response by its framing, and notes when the pieces came.

use strict;
use warnings;

use Exporter qw/ import /;
use IO::Select;
use IO::Socket::INET;
use JSON::PP ();
use Time::HiRes qw/ time sleep /;

our @EXPORT_OK = qw/ http_connect http_send http_read parse_all sse /;


sub http_connect {
    my ($port) = @_;

    my $s = IO::Socket::INET->new(
        PeerAddr => '127.0.0.1', PeerPort => $port, Proto => 'tcp',
        Timeout => 10) or die "connect to port $port: $!\n";

    $s->autoflush(1);
    return $s;
}


# send_size, send_gap: in pieces of so many bytes, with so many seconds between

sub http_send {
    my ($s, $data, %opts) = @_;

    local $SIG{PIPE} = 'IGNORE';
    utf8::encode($data) if utf8::is_utf8($data);

    my $size = $opts{send_size} || length($data) || 1;

    for (my $at = 0; $at < length $data; $at += $size) {
        sleep $opts{send_gap} if $at && $opts{send_gap};
        write_all($s, substr $data, $at, $size) or last;
    }

    shutdown $s, 1 if $opts{shut_wr};
}


sub write_all {
    my ($s, $data) = @_;

    while (length $data) {
        my $n = syswrite $s, $data;
        return 0 if !defined $n;        # the server has left: it may answer
        substr $data, 0, $n, '';
    }

    return 1;
}


# Reads until the response is complete by its framing, the server closes, or
# the time is over.

sub http_read {
    my ($s, %opts) = @_;

    my $start = time;
    my $end = $start + ($opts{timeout} || 30);
    my $select = IO::Select->new($s);
    my $buf = ${*$s}{ai_rest} // '';
    my (@pieces, $closed, $timeout);
    my $scan = { pos => 0, head => $opts{head} };

    ${*$s}{ai_rest} = '';

    while (1) {
        last if !$opts{read_all} && is_complete($scan, \$buf);

        my $left = $end - time;
        if ($left <= 0 || !$select->can_read($left)) {
            $timeout = 1;
            last;
        }

        my $n = sysread $s, my $data, 65536;
        if (!$n) {
            $closed = defined $n ? 1 : 2;
            last;
        }

        push @pieces, [ time - $start, $data ];
        $buf .= $data;
        last if $opts{until} && $buf =~ $opts{until};
    }

    my $res = parse($buf, head => $opts{head}, closed => $closed);
    ${*$s}{ai_rest} = $res->{rest};

    $res->{time} = time - $start;
    $res->{ttfb} = @pieces ? $pieces[0][0] : undef;
    $res->{pieces} = \@pieces;
    $res->{closed} = $closed || 0;
    $res->{reset} = ($closed || 0) == 2;
    $res->{timeout} = $timeout || 0;

    return $res;
}


# Looks only at what has come since the last call: streams may be long.

sub is_complete {
    my ($st, $buf) = @_;

    while (!$st->{kind}) {
        my $mark = index $$buf, "\r\n\r\n", $st->{pos};
        return 0 if $mark < 0;

        my $r = bless {}, 'AI::Test::Response';
        parse_head($r, substr $$buf, $st->{pos}, $mark - $st->{pos});
        $st->{pos} = $mark + 4;
        next if $r->{status} && $r->{status} < 200 && $r->{status} != 101;

        my $len = $r->header('content-length');
        my $te = lc($r->header('transfer-encoding') // '');
        ($st->{kind}, $st->{need})
            = has_no_body($r, $st) ? ('length', 0)
            : $te eq 'chunked' ? ('chunked', 0)
            : defined $len ? ('length', $len) : ('close', 0);
    }

    return length $$buf >= $st->{pos} + $st->{need}
        if $st->{kind} eq 'length';
    return 0 if $st->{kind} eq 'close';

    pos($$buf) = $st->{pos};

    while ($$buf =~ /\G([0-9a-fA-F]+)[^\r\n]*\r\n/gc) {
        return $$buf =~ /\G(?:.+\r\n)*\r\n/gc ? 1 : 0 if hex $1 == 0;
        my $next = pos($$buf) + 2 + hex $1;
        return 0 if length $$buf < $next;
        pos($$buf) = $st->{pos} = $next;
    }

    return 0;
}


sub has_no_body {
    my ($r, $o) = @_;
    return $o->{head} || $r->{status} =~ /^(?:204|304|101)$/;
}


# One response at the start of the bytes; what is behind it is {rest}.

sub parse {
    my ($raw, %opts) = @_;

    my $r = bless { status => 0, reason => '', headers => {}, body => '',
                    raw => $raw, complete => 0, interim => [], rest => '' },
                  'AI::Test::Response';
    my $at = 0;

    while (1) {
        my $mark = index $raw, "\r\n\r\n", $at;
        return $r if $mark < 0;

        parse_head($r, substr $raw, $at, $mark - $at);
        $at = $mark + 4;
        last if $r->{status} >= 200 || $r->{status} == 101 || !$r->{status};
        push @{ $r->{interim} }, $r->{status};
    }

    my $body = substr $raw, $at;
    my $len = $r->header('content-length');
    my $used;

    if (has_no_body($r, \%opts)) {
        @$r{qw/ complete body /} = (1, '');
        $used = 0;

    } elsif (lc($r->header('transfer-encoding') // '') eq 'chunked') {
        ($r->{body}, $r->{complete}, $used) = dechunk($body);

    } elsif (defined $len) {
        $r->{body} = substr $body, 0, $len;
        $r->{complete} = length $body >= $len ? 1 : 0;
        $used = $len;

    } else {
        $r->{body} = $body;
        $r->{complete} = ($opts{closed} || 0) == 1 ? 1 : 0;
        $used = length $body;
    }

    if ($r->{complete} && $used < length $body) {
        $r->{rest} = substr $body, $used;
        $r->{raw} = substr $raw, 0, $at + $used;
    }

    return $r;
}


sub parse_head {
    my ($r, $head) = @_;

    my ($first, @lines) = split /\r\n/, $head;
    @$r{qw/ status reason /} = (0, '');
    $r->{headers} = {};

    if ($first =~ m{^HTTP/[\d.]+ (\d\d\d) ?(.*)}) {
        @$r{qw/ status reason /} = ($1, $2);
    }

    for (@lines) {
        my ($name, $value) = /^([^:]+):\s*(.*)$/ or next;
        push @{ $r->{headers}{lc $name} }, $value;
    }
}


sub dechunk {
    my ($data) = @_;

    my ($out, $at) = ('', 0);
    pos($data) = 0;

    while ($data =~ /\G([0-9a-fA-F]+)[^\r\n]*\r\n/gc) {
        my $n = hex $1;
        $at = pos $data;

        if ($n == 0) {
            return ($out, 0, length $data) if $data !~ /\G(?:.+\r\n)*\r\n/gc;
            return ($out, 1, pos $data);
        }

        $out .= substr $data, $at, $n;
        return ($out, 0, length $data) if length $data < $at + $n + 2;
        pos($data) = $at + $n + 2;
    }

    return ($out, 0, length $data);
}


# All the responses in some bytes, as of a pipeline.

sub parse_all {
    my ($raw) = @_;

    my @all;
    while (length $raw) {
        my $r = parse($raw, closed => 1);
        $raw = $r->{rest};
        push @all, $r;
    }
    return @all;
}


# The events of a stream: { event, data, id }; comments are { comment }.

sub sse {
    my ($body) = @_;

    $body = $body->{body} if ref $body;
    my @events;

    for my $block (split /(?:\r\n|\n|\r){2}/, $body) {
        my (%e, @data);

        for (split /\r\n|\n|\r/, $block) {
            if (/^:\s?(.*)/) {
                $e{comment} = $1;
            } elsif (/^([^:]+):?\s?(.*)$/s) {
                $1 eq 'data' ? push @data, $2 : ($e{$1} = $2);
            }
        }

        $e{data} = join "\n", @data if @data;
        push @events, \%e if %e;
    }

    return @events;
}


package AI::Test::Response;

use strict;
use warnings;


# all values of a header, joined

sub header {
    my ($self, $name) = @_;

    my $list = $self->{headers}{lc $name} or return;
    return join ', ', @$list;
}


sub json {
    my ($self) = @_;

    return eval { JSON::PP->new->utf8->allow_nonref->decode($self->{body}) };
}


sub events { return AI::Test::HTTP::sse($_[0]{body}) }


# data of the stream's events, decoded; [DONE] and the like stay text

sub event_data {
    my ($self) = @_;

    my $json = JSON::PP->new->utf8->allow_nonref;
    return map { my $d = $_->{data}; eval { $json->decode($d) } // $d }
        grep { defined $_->{data} } $self->events;
}


for my $name (qw/ status reason body raw time ttfb pieces complete closed
                  reset timeout interim headers /)
{
    no strict 'refs';
    *$name = sub { $_[0]{$name} };
}


1;
