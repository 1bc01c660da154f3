#!/usr/bin/perl

# Keys made by ai_api while two binaries run (USR2): what one master's workers
# do holds in those of the other, within a second.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use POSIX ();
use Test::More;
use Time::HiRes qw/ sleep time /;

use AI::Test;

# a binary is exchanged only if it has left its parent: it becomes our child
plan(skip_all => 'x86_64 only') if (POSIX::uname())[4] ne 'x86_64';
syscall(157, 36, 1, 0, 0, 0);

my $t = AI::Test->new;

$t->write_file_expand('nginx.conf', <<'EOC');
%%TEST_GLOBALS%%

worker_processes 2;

events {
}

http {
    %%TEST_GLOBALS_HTTP%%

    ai_zone ai 1m state=%%TESTDIR%%/state;

    server {
        listen 127.0.0.1:%%PORT_8080%%;
        keepalive_timeout 60s;

        location /pid {
            return 200 "$pid\n";
        }

        location /key/ {
            ai_auth on;
            root %%TESTDIR%%;
            try_files /none =404;
        }

        location /api/ {
            allow 127.0.0.1;
            deny all;
            ai_api write=on;
        }
    }
}
EOC

(my $conf = $t->read_file('nginx.conf')) =~ s/daemon off/daemon on/;
$t->write_file('nginx.conf', "env ASAN_OPTIONS;\nenv UBSAN_OPTIONS;\n$conf");

{
    local @ENV{qw/ ASAN_OPTIONS UBSAN_OPTIONS /}
        = ($t->sanitizer_options) x 2;

    $t->{log_from} = 0;
    is(system($t->command), 0, 'start');
    $t->wait_for(sub { $t->workers_up && pid_in('nginx.pid') }, 20)
        or die "nginx did not start\n";
    $t->{pid} = pid_in('nginx.pid');
}

my $old = $t->pid;
my @old = $t->workers;
my $first = make('first');
is(key($first), 404, 'a key');

# connections of the old workers, which are kept

my %kept;
for (1 .. 100) {
    my $s = http("GET /pid HTTP/1.1\r\nHost: a\r\n\r\n", start => 1);
    my $pid = http_end($s)->body + 0;
    $kept{$pid} //= $s;
    last if keys %kept == 2;
}

my $from = -s $t->testdir . '/error.log';
kill 'USR2', $old;
ok($t->wait_for(sub {
    my $new = pid_in('nginx.pid');
    $new && $new != $old
        && substr($t->read_file('error.log'), $from)
           =~ /start worker process \d.*start worker process \d/s;
}, 20), 'another binary');
sleep 0.3;
my $new = pid_in('nginx.pid');

# and of the new ones

my %fresh;
for (1 .. 300) {
    my $s = http("GET /pid HTTP/1.1\r\nHost: a\r\n\r\n", start => 1);
    my $pid = http_end($s)->body + 0;
    $fresh{$pid} //= $s if !grep { $_ == $pid } @old;
    last if keys %fresh == 2;
}
is(keys %fresh, 2, 'new workers');

my ($before) = values %kept;
my ($after) = values %fresh;

my $second = make('second', $before);
cmp_ok(reach($second, 404), '<', 1, 'made by an old worker');
my $third = make('third', $after);
cmp_ok(reach($third, 404), '<', 1, 'made by a new worker');
api('POST', 'keys/first/block', $before);
cmp_ok(reach($first, 401), '<', 1, 'blocked by an old worker');
api('POST', 'keys/first/unblock', $after);
cmp_ok(reach($first, 404), '<', 1, 'unblocked by a new worker');

close $_ for values %kept;
kill 'QUIT', $old;
ok($t->wait_for(sub { !kill 0, $old or waitpid($old, POSIX::WNOHANG()) }, 20),
   'the old one goes');
delete $t->{exits}{$old};
$t->{pid} = $new;
is(key($_), 404, 'keys stay') for $first, $second, $third;


sub pid_in {
    my ($name) = @_;
    my $text = -e $t->testdir . "/$name" ? $t->read_file($name) : '';
    return $text =~ /^(\d+)/ ? $1 : 0;
}


sub api {
    my ($method, $path, $socket) = @_;
    return http("$method /api/$path HTTP/1.1\r\nHost: a\r\n"
                . "Content-Length: 0\r\n\r\n", socket => $socket);
}


sub make {
    my ($id, $socket) = @_;
    my $body = qq({"id":"$id"});
    my $r = http("POST /api/keys HTTP/1.1\r\nHost: a\r\nContent-Length: "
        . length($body) . "\r\n\r\n$body", $socket ? (socket => $socket) : ());
    return $r->json->{key};
}


sub key {
    my ($key, $socket) = @_;
    return http("GET /key/ HTTP/1.1\r\nHost: a\r\n"
        . "Authorization: Bearer $key\r\n\r\n",
        $socket ? (socket => $socket) : ())->status;
}


# seconds until all workers of both say so

sub reach {
    my ($key, $status) = @_;

    my $begin = time;
    for my $s (values %kept, values %fresh) {
        $t->wait_for(sub { key($key, $s) == $status }, 4);
    }
    return time - $begin;
}
