package AI::Test::End;

# Checkers C1 to C6 as they run at the end of every test that has started
# nginx: on what any test leaves behind, without its help.  t/README.md says
# what each of them looks at, t/02-checkers.t plants what they are for.

use strict;
use warnings;

use Exporter qw/ import /;
use Time::HiRes qw/ sleep time /;

use AI::Test::Checks;

our @EXPORT = qw/ end_format end_left_open end_redis end_canaries end_lag
                  end_books end_log end_provider /;

use constant {
    FD_MOST => 2,               # of one kind, in a worker
    TEXT_LEAST => 24,           # of a prompt that is looked for
    KEY_LEAST => 12,
    TEXTS => 60,
    FILE_MOST => 16 << 20,
    KEYS => 500,                # of a Redis that are looked at
    LAG_RUN => 0.05,            # s
    LAG_AWAY => 1,
    LAG_SLOWER => 5,            # with sanitizers
    AMOUNTS => 10,              # of store/ai_amounts.h
    UNIT => 512,                # of store/ai_ledger.h
    SLOTS => 65,                # of limit/ai_window.h
    RECORDS => 10000,           # of a ledger that are read
};

my @amount = qw/ requests failed estimated prompt cached cache_write completion
                 reasoning cost saved /;


# The log that C1 compares with, of every request; on one line, since tests
# count those of their configurations.

sub end_format {
    my ($dir) = @_;

    my %fields = (attempts => '$ai_attempts', prompt => '$ai_prompt_tokens',
        completion => '$ai_completion_tokens', cost => '$ai_cost',
        source => '$ai_usage_source', status => '$status');

    return "log_format ai_end escape=json '{"
        . join(',', map { qq("$_":"$fields{$_}") } sort keys %fields)
        . "}'; access_log $dir/ai-end.log ai_end;";
}


# --- C4 -----------------------------------------------------------------------

# What workers have open and should not: connections that the other side has
# closed, and more than a few descriptors of the same file or kind.  Waits a
# while for it to go.

sub end_left_open {
    my (@pids) = @_;

    my $end = time + 2;

    while (1) {
        my @found = map { left_open($_) } @pids;
        return @found if !@found || time > $end;
        sleep 0.02;
    }
}


sub left_open {
    my ($pid) = @_;

    my (%n, %socket);

    for my $fd (glob "/proc/$pid/fd/*") {
        my $to = readlink $fd // next;
        $to =~ /^socket:\[(\d+)\]/ ? $socket{$1}++ : $n{$to =~ s/:\[\d+\]//r}++;
    }

    my @found = map { "worker $pid: $n{$_} times $_" }
        grep { $n{$_} > FD_MOST && !/^\/dev\// } sort keys %n;
    my $left = grep { $socket{$_} } closed_by_peer($pid);
    push @found, "worker $pid: $left sockets whose other side has closed them"
        if $left;

    return @found;
}


sub closed_by_peer {
    my ($pid) = @_;

    my @inodes;

    for my $file ("/proc/$pid/net/tcp", "/proc/$pid/net/tcp6") {
        open my $fh, '<', $file or next;
        while (my $line = <$fh>) {
            my @f = split ' ', $line;
            push @inodes, $f[9] if ($f[3] // '') eq '08';
        }
    }
    return @inodes;
}


# --- C5 -----------------------------------------------------------------------

# Credentials that clients have sent or providers got, in files that nginx
# wrote and in answers; prompts that providers got, in files.

sub end_canaries {
    my ($t) = @_;

    my (%key, %prompt);

    for my $raw (@{ $t->{asked} || [] }) {
        my ($head) = split /\r\n\r\n/, $raw, 2;
        $key{$_}++ for credentials(map { [ split /:[ \t]*/, $_, 2 ] }
                                   split /\r\n/, $head // '');
    }

    for my $mock (@{ $t->{mock_handles} || [] }) {
        for my $line ($mock->heads('request')) {
            $key{$_}++ for credentials(
                map { [ $_ ] } $line =~ /\["([\w-]+", "(?:[^"\\]|\\.)*)"\]/g);
            $prompt{$_}++ for prompts($line);
        }
    }

    # none of the tests' own names, and no token that stands for a text
    delete $key{$_} for grep { length > 512 } keys %key;

    my @keys = some(keys %key);
    my @prompts = some(keys %prompt);
    return if !@keys && !@prompts;

    my %redis = %{ $t->{redis_texts} || {} };
    my %files = map { $_ => nonzero($t->testdir . "/$_") } $t->written_files;
    my $n = 0;
    my %answers = map { 'answer ' . ++$n => $_ } @{ $t->{answers} };

    # ai_api shows a key that it makes, this once
    s/"key":"sk-ai-[0-9a-f]{48}"// for values %answers;

    # nginx itself, not we, shows header lines and queries at debug level
    $files{'error.log'} = $t->own_debug($files{'error.log'})
        if defined $files{'error.log'};

    return seen('credential', \@keys, %files, %answers, %redis),
           seen('prompt', \@prompts, %files, %redis);
}


# What Redis servers of a test have, while they run.

sub end_redis {
    my ($t) = @_;

    my %in;

    for my $r (@{ $t->{redises} || [] }) {
        next if !$t->alive($r->pid)
            || $t->slurp('/proc/' . $r->pid . '/stat') =~ /\) T/;
        my %has = eval { redis_texts(sub { $r->command(@_) }, KEYS) };
        $in{ $r->{name} . ": $_" } = "$_ $has{$_}" for keys %has;
    }
    return \%in;
}


sub credentials {
    my (@headers) = @_;

    my @found;

    for (@headers) {
        my ($name, $value) = @$_ > 1 ? @$_ : split /", "/, $_->[0] // '', 2;
        next if !defined $value;
        next if $name !~ /^(?:authorization|x-api-key|api-key|x-goog-api-key
                              |proxy-authorization|x-amz-security-token)$/xi;
        next if $value =~ /^AWS4/;
        $value =~ s/^(?:Bearer|Basic)[ ]+//i;
        push @found, $value if length $value >= KEY_LEAST;
    }
    return @found;
}


# the beginnings of texts that are long enough to be found by no chance, of a
# body as a JSON string

sub prompts {
    my ($line) = @_;

    my $most = TEXT_LEAST . ',200';
    return grep { !/^(.{1,8})\1+/ }
        $line =~ /\\"(?:content|text)\\": ?\\"([\w ,.:;!?()-]{$most})/g;
}


sub some {
    my @all = sort { length $b <=> length $a || $a cmp $b } @_;
    return @all > TEXTS ? @all[0 .. TEXTS - 1] : @all;
}


# a file without the blocks of it that are empty: ledgers are large; of others,
# such as what a test's clients have written, the first megabytes

sub nonzero {
    my ($path) = @_;

    open my $fh, '<:raw', $path or return '';
    my $text = '';
    my $none = "\0" x 65536;

    while (length $text < FILE_MOST && read $fh, my $block, 65536) {
        $text .= $block if $block ne $none;
    }
    return $text;
}


sub seen {
    my ($what, $texts, %in) = @_;

    return if !@$texts;

    my $any = join '|', map { quotemeta } @$texts;
    my @found;

    for my $name (sort keys %in) {
        push @found, "a $what (" . substr($1, 0, 6) . "...) in $name"
            if defined $in{$name} && $in{$name} =~ /($any)/;
    }
    return @found;
}


# --- C6 -----------------------------------------------------------------------

# t/lib/lag.c has looked: { n, run, away } in seconds, undef if it did not.

sub end_lag {
    my ($t) = @_;

    my $text = $t->read_file('ai-lag');
    return undef if length $text != 7 * 8;

    my @w = unpack 'q<7', $text;
    return { n => $w[0], run => $w[1] / 1e9, run_pid => $w[2],
             run_at => $w[3] / 1000, away => $w[4] / 1e9, away_pid => $w[5],
             away_at => $w[6] / 1000 };
}


sub AI::Test::lag_problems {
    my ($self) = @_;

    my $lag = end_lag($self) or return;
    my $slower = $self->is_asan ? LAG_SLOWER : 1;
    my $most = $self->{lag_most} || LAG_RUN;
    my @found;

    push @found, sprintf 'worker %d has worked for %.0f ms at a time, at %.3f',
        @$lag{qw/ run_pid /}, $lag->{run} * 1000, $lag->{run_at}
        if $lag->{run} > $most * $slower;
    push @found, sprintf 'worker %d was away for %.0f ms, at %.3f',
        $lag->{away_pid}, $lag->{away} * 1000, $lag->{away_at}
        if $lag->{away} > LAG_AWAY * $slower && !$self->{stands_still};

    return @found;
}


# --- C1, C3: the files of spend ------------------------------------------------

# What nginx leaves behind when it has stopped: [C1 ..], [C3 ..], of a folder
# of state=.  log: the rows of end_log(); begun: nothing was there before, and
# no ledger but one was ever made.

sub end_books {
    my ($dir, %o) = @_;

    my @ledgers = map { ledger($_) } glob "$dir/ledger.*";
    my $s = snapshot("$dir/snapshot");

    return ([], []) if !$s && !@ledgers;
    return ([], [ "$dir: no snapshot" ])
        if !$s && grep { $_->{head} > 1 } @ledgers;
    return ([], []) if !$s;

    my @c3 = @{ $s->{bad} };

    push @c3, "$_ is $s->{sum}{$_}" for grep { $s->{sum}{$_} < 0 } @amount;
    push @c3, "$s->{open} scopes are reserved in the snapshot" if $s->{open};

    for my $l (@ledgers) {
        push @c3, @{ $l->{bad} };
        push @c3, "$l->{open} requests are open in $l->{name}" if $l->{open};
        push @c3, "$l->{name}: the snapshot has it up to "
            . ($s->{mark}{ $l->{id} } // 'nothing') . ' of '
            . ($l->{head} - 1)
            if ($s->{mark}{ $l->{id} } // 0) != $l->{head} - 1;
    }

    # all records are there
    push @c3, whole($s, $ledgers[0])
        if @ledgers == 1 && $ledgers[0]{whole} && $o{begun};

    return (against_log($s, $o{log}), \@c3);
}


sub whole {
    my ($s, $l) = @_;

    my (@found, %sum, %used);
    my @final = @{ $l->{final} };

    for my $r (@final) {
        $sum{$_} += $r->{amounts}{$_} for @amount;

        for (@{ $r->{scopes} }) {
            my ($counter, $zone, $unit, $window) = @$_;
            next if $unit == 5;
            $used{"$zone $counter"}{$window} += used($unit, $r->{amounts});
        }
    }

    for (@amount) {
        push @found, "$_ is $s->{sum}{$_}, all records have " . ($sum{$_} // 0)
            if $s->{sum}{$_} != ($sum{$_} // 0);
    }

    for my $id (sort keys %{ $s->{quota} }) {
        my $q = $s->{quota}{$id};
        push @found, map {
            my $want = $used{$id}{$_} // 0;
            $q->{used}{$_} == $want ? ()
                : "$q->{key} $q->{what}, window $_: $q->{used}{$_}, all "
                  . "records have $want"
        } sort keys %{ $q->{used} };
    }
    return @found;
}


sub used {
    my ($unit, $a) = @_;

    return ($a->{requests}, $a->{prompt} + $a->{completion}, $a->{prompt},
            $a->{completion}, $a->{cost})[$unit];
}


sub against_log {
    my ($s, $log) = @_;

    return [] if !$log;

    my %sum = (requests => scalar @$log);
    for my $row (@$log) {
        $sum{$_} += $row->{$_} || 0 for qw/ prompt completion /;
        $sum{cost} += nano($row->{cost});
    }

    return [ map {
        my ($has, $want) = ($s->{sum}{$_}, $sum{$_} // 0);
        $has == $want ? () : "$_ is $has in the books, the log has $want"
    } qw/ requests prompt completion cost / ];
}


sub nano {
    my ($text) = @_;

    my ($whole, $part) = ($text // '') =~ /^(\d+)(?:\.(\d{1,9}))?$/
        or return 0;
    return $whole * 1_000_000_000 + substr(($part // '') . '0' x 9, 0, 9);
}


# rows of requests that went to a provider

sub end_log {
    my ($t) = @_;

    return grep { ($_->{attempts} || 0) > 0 }
        map { +{ /"(\w+)":"([^"]*)"/g } } $t->log_lines('ai-end.log');
}


# As src/store/ai_pack.c and those who use it say; read here independently.

sub snapshot {
    my ($path) = @_;

    open my $fh, '<:raw', $path or return undef;
    local $/;
    my $text = <$fh>;
    my %s = (mark => {}, quota => {}, open => 0, bad => [],
             sum => { map { $_ => 0 } @amount });
    my $at = 0;

    while ($at + 12 <= length $text) {
        my ($type, $len) = unpack "\@$at a4 V", $text;
        my $f = substr $text, $at + 12, $len;
        $at += 12 + $len;
        last if $at > length $text;

        if ($type eq 'mrk1') {
            my ($id, $applied) = unpack 'V/a q<', $f;
            $s{mark}{ unpack 'H*', $id } = $applied;

        } elsif ($type eq 'opn1') {
            $s{open}++ if (unpack 'q<5', $f)[4];

        } elsif ($type eq 'cel1') {
            my (undef, undef, undef, @a) = unpack 'q<*', $f;
            $s{sum}{ $amount[$_] } += $a[$_] for 0 .. AMOUNTS - 1;
            push @{ $s{bad} }, "a cell with $_" for grep { $_ < 0 } @a;

        } elsif ($type eq 'qua1') {
            quota(\%s, $f);
        }
    }

    push @{ $s{bad} }, 'the snapshot is cut' if $at != length $text;
    return \%s;
}


sub quota {
    my ($s, $f) = @_;

    my ($zone, $id, $key, $unit, $period, undef, undef, @w)
        = unpack 'q< Q< V/a q<*', $f;
    my %q = (key => "\"$key\"", what => "unit $unit period $period");

    if ($period > 0) {
        my $newest = shift @w;
        $q{used}{$_} = $w[$_ % SLOTS]
            for grep { $_ >= 0 } $newest - SLOTS + 1 .. $newest;
    } else {
        $q{used}{ $w[$_ * 3] } = $w[$_ * 3 + 2]
            for grep { $w[$_ * 3] } 0, 1;
    }

    push @{ $s->{bad} }, "$q{key} $q{what}: $_"
        for grep { $_ < 0 } values %{ $q{used} };
    $s->{quota}{"$zone $id"} = \%q;
}


# As src/store/ai_ledger.h says.

sub ledger {
    my ($path) = @_;

    my $size = -s $path or return;
    open my $fh, '<:raw', $path or return;
    my $get = sub {
        my ($at, $n) = @_;
        seek $fh, $at, 0;
        my $bytes;
        read $fh, $bytes, $n;
        return $bytes;
    };

    my ($magic, undef, undef, undef, $tickets, $records, $id, undef, undef,
        undef, undef, $head, undef, $tail)
        = unpack 'Q< V V Q< V V a16 V V q< q< q< q< q<', $get->(0, 104);
    return if !$magic;

    my %l = (name => $path =~ s{.*/}{}r, id => unpack('H*', $id), open => 0,
             head => $head, final => [], bad => []);
    my $first = 4096 + $tickets / 8;
    my $ring = $first + $tickets * UNIT;
    my $none = "\0" x (128 * UNIT);

    for (my $i = 0; $i < $tickets; $i += 128) {
        my $some = $get->($first + $i * UNIT, 128 * UNIT);
        next if $some eq $none;
        $l{open} += grep { unpack '@' . ($_ * UNIT + 360) . ' q<', $some }
            0 .. 127;
    }

    # reading more of them would take its time
    $l{whole} = $tail <= 1 && $head <= RECORDS;

    for my $seq ($l{whole} ? 1 .. $head - 1 : ()) {
        my $r = $get->($ring + $seq % $records * UNIT, UNIT);
        my (undef, $type, $n, $is) = unpack 'V v v q<', $r;
        push @{ $l{bad} }, "record $seq is $is" if $is != $seq;
        next if $type != 1;

        my @a = unpack '@48 q<10', $r;
        push @{ $l{final} }, {
            amounts => { map { $amount[$_] => $a[$_] } 0 .. $#amount },
            scopes => [ map { [ unpack 'Q< V V q< q<',
                                substr $r, 128 + $_ * 32, 32 ] } 0 .. $n - 1 ],
        };
    }
    return \%l;
}


# --- C2 -----------------------------------------------------------------------

# All that mocks have answered, in sum, and what the log has: nothing that was
# answered in full is missing, and no more is billed than there was.  all:
# whether the mocks are the only providers.

sub end_provider {
    my ($log, $mocks, %o) = @_;

    my (%sure, %most, %has, %sum);

    for my $mock (@$mocks) {
        for my $line ($mock->heads('reply')) {
            my %used = $line =~ /"(prompt|completion)": (\d+)/g;
            $o{all} = 0 if !%used;
            for (qw/ prompt completion /) {
                $most{$_} += $used{$_} // 0;
                $sure{$_} += $used{$_} // 0 if $line =~ /"why": "ok"/;
            }
        }
    }

    for my $row (@$log) {
        for (qw/ prompt completion /) {
            $sum{$_} += $row->{$_} || 0;
            $has{$_} += $row->{$_} || 0
                if ($row->{source} // '') eq 'provider';
        }
    }

    my @found;
    for (qw/ prompt completion /) {
        push @found, "$_: providers have told of $sure{$_}, the log has "
            . ($sum{$_} // 0) if ($sure{$_} // 0) > ($sum{$_} // 0);
        push @found, "$_: the log has $has{$_} by providers, who have told of "
            . ($most{$_} // 0)
            if $o{all} && ($has{$_} // 0) > ($most{$_} // 0);
    }
    return @found;
}


1;
