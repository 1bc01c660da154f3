#!/usr/bin/perl

# A ledger whose records are in no snapshot, since none can be written, until
# no more fit in: requests go on and are counted in memory, an alert tells of
# each; once snapshots can be written nothing is missing, and what is killed
# before that has lost just those (P24, F50, src/store/README).

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Time::HiRes qw/ sleep time /;

use AI::Test;
use AI::Test::Chat;
use AI::Test::HTTP qw/ http_connect /;
use AI::Test::Money;
use AI::Test::Storm;

use constant {
    RECORDS => 32768,
    LIMITS => 7,                # a new key defines so many counters
    CLIENTS => 4,
    BATCH => 20,
};

my $t = AI::Test->new;
$t->without('C1 C2', 'what was counted in memory only is lost by a kill');

my $answer = json_encode({ %{ reply('ok') }, usage => { prompt_tokens => 5,
    completion_tokens => 3, total_tokens => 8 } });
my $format = money_format('money', key => '$http_x_key');

$t->write_file('nginx.conf', $t->expand(<<"EOC") =~ s/ANSWER/$answer/r);
%%TEST_GLOBALS%%

worker_processes 2;

events {
    accept_mutex off;
}

http {
    %%TEST_GLOBALS_HTTP%%

    $format

    ai_zone ai 4m state=%%TESTDIR%%/state;
    ai_limit_zone \$http_x_key zone=key:16m;
    ai_price * input=1 output=2;

    ai_provider quick { api openai; endpoint http://127.0.0.1:%%PORT_8083%%; }

    server {
        listen 127.0.0.1:%%PORT_8083%%;
        access_log off;
        keepalive_requests 1000000;
        location / { default_type application/json; return 200 'ANSWER'; }
    }

    server {
        listen 127.0.0.1:%%PORT_8080%%;
        keepalive_requests 1000000;
        access_log %%TESTDIR%%/money.log money;

        location /v1/ {
            ai_limit zone=key cost=9000/d requests=900000/d tokens=9000000/d;
            ai_limit zone=key cost=9000/w requests=900000/w;
            ai_limit zone=key cost=9000/month requests=900000/month;
            ai_pass quick;
        }

        location /ai/ {
            access_log off;
            allow 127.0.0.1;
            deny all;
            ai_api;
        }
    }
}
EOC

$t->run;

my $keys = 0;


# So many requests, by a few clients, each of a new key but for every tenth;
# how many were answered.

sub ask {
    my ($n) = @_;

    my $each = int($n / CLIENTS / BATCH) + 1;
    my $from = $keys;
    $keys += $each * CLIENTS * BATCH;
    my $load = load_start($t, CLIENTS, sub {
        my ($client, $n) = @_;

        return 1 if $n > 1;
        my $first = $from + ($client - 1) * $each * BATCH;
        my $good = 0;
        my $s = http_connect($t->port(8080));

        for my $batch (0 .. $each - 1) {
            print $s map {
                my $i = $first + $batch * BATCH + $_;
                one($i % 10 ? "key$i" : 'same');
            } 0 .. BATCH - 1;
            $s->flush;
            $good += http('', socket => $s)->status == 200 for 1 .. BATCH;
        }
        open my $fh, '>', $t->testdir . "/good-$from-$client" or die;
        print $fh $good;
        close $fh;
        return 1;
    });

    my @files = map { $t->testdir . "/good-$from-$_" } 1 .. CLIENTS;
    $t->wait_for(sub { !grep { !-s } @files }, 180);
    load_stop($t, $load);

    my $good = 0;
    $good += $t->slurp($_) for @files;
    return $each * CLIENTS * BATCH == $good ? $good : "$good were good";
}


sub one {
    my ($key) = @_;

    my $body = json_encode(chat(max_tokens => 5));
    return "POST /v1/chat/completions HTTP/1.1\r\nHost: t\r\nX-Key: $key\r\n"
        . 'Content-Type: application/json' . "\r\nContent-Length: "
        . length($body) . "\r\n\r\n$body";
}


sub has {
    my ($row) = @{ money_usage('/ai', [])->{data} };
    my %same = map { ("$_->{unit}/$_->{period}" => $_->{used} + 0) }
        @{ money_limits('/ai', args => 'key=same') };
    return { %$row{qw/ requests prompt_tokens completion_tokens cost /},
             map { ($_ => $same{$_} // 0) } 'requests/d', 'requests/month' };
}


sub worth {
    my ($n, $same) = @_;

    return { requests => $n, prompt_tokens => 5 * $n,
        completion_tokens => 3 * $n, cost => sprintf('%.9f', $n * 11e-6),
        'requests/d' => $same, 'requests/month' => $same };
}


# snapshots of these workers and of their master cannot be made

sub block { mkdir $t->testdir . "/state/snapshot.$_" for $t->workers, $t->pid }

sub unblock { rmdir $_ for glob $t->testdir . '/state/snapshot.*' }

sub unsaved {
    return scalar(my @l = $t->error_log(
        qr/the ledger in ".*" is full, a request is counted in memory only/));
}


$t->allow(qr/the ledger in ".*" is full/);
$t->allow(qr/could not create ".*snapshot\.\d+" \(21: Is a directory\)/);

# --- full

my $n = ask(100);
is($n, 160, 'some requests');
ok($t->wait_for(sub { -s $t->testdir . '/state/snapshot' }, 5), 'a snapshot');
sleep 2.2;
block();

my $from = time;
my $more = ask(1.1 * RECORDS / (LIMITS + 1));
cmp_ok($more, '>', 4000, sprintf 'with no snapshot all %d are answered, '
       . 'in %.1f s', $more, time - $from);
my $lost = unsaved();
cmp_ok($lost, '>', 20, "$lost of them in memory only");
cmp_ok($lost, '<', $more / 3, 'not before it was full');
my @tries = $t->error_log(qr/could not create/);
cmp_ok(scalar @tries, '<', 60, @tries . ' tries: not one for each');
my $total = $n + $more;
is_deeply(has(), worth($total, $total / 10), 'the books have all');

# --- and room again

unblock();
ok($t->wait_for(sub { -s $t->testdir . '/state/snapshot' > 300000 }, 10),
   'a snapshot has it');
my $before = unsaved();
is(ask(100), 160, 'requests');
$total += 160;
is(unsaved(), $before, 'none in memory only');
is_deeply(has(), worth($total, $total / 10), 'the books have these');
sleep 0.5;
kill_all($t);
$t->run;
is_deeply(has(), worth($total, $total / 10), 'killed, started: all is there');

# --- full, and killed

sleep 2.2;
block();
$more = ask(1.1 * RECORDS / (LIMITS + 1));
$total += $more;
$lost = unsaved() - $before;
cmp_ok($lost, '>', 20, "full again: $lost in memory only");
is_deeply(has(), worth($total, $total / 10), 'the books have all');
kill_all($t);
unblock();
$t->run;

my $now = has();
is($now->{requests}, $total - $lost, "killed: those $lost are lost");
is_deeply({ %$now, 'requests/d' => 0, 'requests/month' => 0 },
          worth($total - $lost, 0), 'and nothing else');
cmp_ok($now->{'requests/d'}, '<=', $total / 10, 'nothing is doubled');
cmp_ok($now->{'requests/d'}, '>=', $total / 10 - $lost, 'in a counter');
