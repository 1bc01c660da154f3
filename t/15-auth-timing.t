#!/usr/bin/perl

# No answer tells by its time whether a key is unknown, expired or disabled:
# means over many requests are alike (S7).  And how long a look-up takes does
# not grow with the number of keys.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Digest::SHA qw/ hmac_sha256_hex /;
use IO::Socket::INET;
use Test::More;
use Time::HiRes qw/ time /;

use AI::Test;

use constant KEYS => 5000;
use constant ROUNDS => 1500;

my $t = AI::Test->new;

sub hmac { 'hmac:' . hmac_sha256_hex($_[0], 'pepper') }

my %state = (
    unknown => sub { "sk-ai-unknown-$_[0]" },
    expired => sub { 'sk-ai-expired-' . $_[0] % KEYS },
    disabled => sub { 'sk-ai-disabled-' . $_[0] % KEYS },
);

$t->write_file('pepper', 'pepper');
$t->write_file('keys', join '', map {
    hmac("sk-ai-expired-$_") . " id=e$_ expires=2020-01-01\n"
    . hmac("sk-ai-disabled-$_") . " id=d$_ disabled\n" } 0 .. KEYS - 1);
chmod 0600, $t->testdir . '/keys';

$t->write_file_expand('nginx.conf', <<'EOC');
%%TEST_GLOBALS%%

worker_processes 1;

events {
}

http {
    %%TEST_GLOBALS_HTTP%%

    keepalive_requests 1000000;

    ai_provider p {
        api openai;
        endpoint http://127.0.0.1:%%PORT_8089%%;
    }

    server {
        listen 127.0.0.1:%%PORT_8080%%;

        ai_key_file keys pepper=file:pepper;

        location / {
            ai_pass p;
        }
    }
}
EOC

$t->run;

my $socket = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
    PeerPort => $t->port(8080), Timeout => 5) or die "connect: $!";
$socket->setsockopt(6, 1, 1);

my (%time, %body);
my @names = sort keys %state;

# in turns, so that whatever else the machine does meets them alike

for my $i (1 .. ROUNDS) {
    for my $name (@names[map { ($_ + $i) % @names } 0 .. $#names]) {
        my ($seconds, $answer) = once($state{$name}->($i * 7919));
        push @{ $time{$name} }, $seconds;
        $answer =~ s/^Date: .*?\r\n//m;
        $body{$answer}++;
    }
}

is(scalar(keys %body), 1, 'one answer, byte for byte') or diag(keys %body);
like((keys %body)[0], qr/^HTTP\/1.1 401 /, '... which is 401');

# the mean of the middle, as single slow ones are the machine's

my %mean = map { $_ => mean($time{$_}) } @names;
my $all = mean([ map { @$_ } values %time ]);

for my $name (@names) {
    cmp_ok(abs($mean{$name} - $all), '<', 0.05 * $all + 2e-6,
           sprintf '%s: %.1f of %.1f us', $name, $mean{$name} * 1e6,
               $all * 1e6);
}

close $socket;


sub once {
    my ($key) = @_;

    my $request = "GET /v1/models HTTP/1.1\r\nHost: x\r\n"
        . sprintf("Authorization: Bearer %-30s\r\n\r\n", $key);
    my $from = time;

    $socket->syswrite($request);
    my $got = '';

    while ($got !~ /\r\n\r\n/ || length($got) < length_of($got)) {
        $socket->sysread($got, 8192, length $got) or die 'closed';
    }

    return (time - $from, $got);
}


sub length_of {
    my ($head, $length) = $_[0] =~ /^(.*?Content-Length: (\d+).*?\r\n\r\n)/s;
    return length($head) + $length;
}


sub mean {
    my @sorted = sort { $a <=> $b } @{ $_[0] };
    my @middle = @sorted[@sorted / 10 .. @sorted * 6 / 10];
    my $sum = 0;
    $sum += $_ for @middle;
    return $sum / @middle;
}
