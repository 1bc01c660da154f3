package AI::Test::Nodes;

# Several gateways that share a Redis: their configuration, clients for all of
# them, and whether what they, their logs and Redis say is the same.

use strict;
use warnings;

use Exporter qw/ import /;
use IO::Poll qw/ POLLIN POLLOUT POLLERR POLLHUP /;
use JSON::PP ();
use POSIX ();
use Socket qw/ pack_sockaddr_in inet_aton PF_INET SOCK_STREAM /;
use Test::More import => [qw( ok diag note )];
use Time::HiRes qw/ sleep time /;

use AI::Test ();
use AI::Test::Chat;
use AI::Test::Money;
use AI::Test::Storm;

our @EXPORT = qw/ node nodes_load node_ask burst many passed counters leased
                  nodes_limits nodes_found nodes_check /;

my $json = JSON::PP->new->canonical;


# A gateway, not started: mock and redis are "ADDRESS:PORT" or objects; limits
# stands in the location of /v1/, more and http in the server, and before it.

sub node {
    my (%o) = @_;

    my $t = $o{t} || AI::Test->new;
    $t->without('C2', 'the provider is that of other nodes, too');

    my $format = money_format('money', team => '$http_x_team');
    my $mock = ref $o{mock} ? 'http://127.0.0.1:' . $o{mock}->port : $o{mock};
    my $redis = ref $o{redis} ? $o{redis}->url : $o{redis};
    my $line = defined $redis ? "ai_redis main $redis "
        . ($o{options} // 'on_error=local') . ';' : '';
    my $use = defined $redis ? 'redis=main' : '';
    my $zones = join "\n    ", map {
        "ai_limit_zone \$http_x_team zone=$_:1m $use;"
    } @{ $o{zones} || [] };
    my $limits = $o{limits} // 'ai_limit zone=team cost=100000/month '
        . 'tokens=100000000/h requests=1000000/h concurrency=1000;';
    my $workers = $o{workers} // 2;
    my $keys = $o{keys} // '';
    my $health = defined $redis
        ? 'location = /health { access_log off; return 200 $ai_redis_main; }'
        : '';
    my $http = $o{http} // '';
    my $more = $o{more} // '';

    $t->write_file_expand('nginx.conf', <<"EOC");
%%TEST_GLOBALS%%

worker_processes $workers;
worker_rlimit_nofile 8192;

events {
    worker_connections 3000;
    accept_mutex off;
}

http {
    %%TEST_GLOBALS_HTTP%%

    $format
    access_log %%TESTDIR%%/money.log money if=\$uri_is_ai;
    map \$uri \$uri_is_ai { ~^/(v1|of)/ 1; default 0; }

    $line
    ai_zone ai 8m state=%%TESTDIR%%/state $keys;
    ai_limit_zone \$http_x_team zone=team:1m $use;
    $zones
    ai_price m input=1 output=2;

    ai_provider a { api openai; endpoint $mock; }
    $http

    server {
        listen 127.0.0.1:%%PORT_8080%% backlog=2048;

        location /v1/ {
            $limits
            ai_pass a;
        }

        $health
        $more

        location /ai/ {
            allow 127.0.0.1;
            deny all;
            access_log off;
            ai_api;
        }
    }
}
EOC
    return $t;
}


# A request of load_start(): clients take the nodes in turn.  Right away, with
# a gap of a few ms.

sub node_ask {
    my ($nodes, %o) = @_;

    return sub {
        my ($client, $n) = @_;
        my $node = $nodes->[ $client % @$nodes ];
        $node->select;
        return spend_ask($client, $n) if $o{streams};

        sleep 0.005;
        my $r = AI::Test::http_post($o{uri} // '/v1/chat/completions',
            chat(max_tokens => 60), 'X-Team' => $o{team} // 'a',
            'X-Tag' => "$$-$n");
        return $r && ($r->status // 0) == 200 && $r->complete;
    };
}


sub nodes_load {
    my ($nodes, $clients, %o) = @_;
    return load_start($nodes->[0], $clients, node_ask($nodes, %o));
}


# Requests at the same time, a connection each: burst({ port, uri, body,
# headers => {} }, ..).  For each { status, time (seconds), body, head }.

sub burst {
    my (@requests) = @_;

    my $poll = IO::Poll->new;
    my (%of, @r);
    my $left = 0;

    for my $q (@requests) {
        my $body = ref $q->{body} ? $json->encode($q->{body})
            : $q->{body} // $json->encode(chat(max_tokens => 50));
        my %h = (Host => 'localhost', Connection => 'close',
                 'Content-Type' => 'application/json',
                 'Content-Length' => length $body, %{ $q->{headers} || {} });
        my $out = "POST $q->{uri} HTTP/1.1\r\n"
            . join('', map { "$_: $h{$_}\r\n" } sort keys %h) . "\r\n$body";

        socket my $s, PF_INET, SOCK_STREAM, 0 or die "socket: $!\n";
        $s->blocking(0);
        my $r = { out => $out, in => '', start => time, status => 0,
                  body => '', head => '', time => 0 };
        connect $s, pack_sockaddr_in($q->{port}, inet_aton('127.0.0.1'));
        $of{ fileno $s } = [ $s, $r ];
        $poll->mask($s => POLLOUT);
        push @r, $r;
        $left++;
    }

    my $until = time + 60;
    while ($left && time < $until) {
        $poll->poll(1);
        for my $s ($poll->handles(POLLOUT), $poll->handles(POLLIN | POLLHUP
                                                            | POLLERR))
        {
            my $r = $of{ fileno $s } && $of{ fileno $s }[1] or next;
            if (length $r->{out}) {
                my $n = syswrite $s, $r->{out};
                substr $r->{out}, 0, $n, '' if $n;
                next if !defined $n && $!{EAGAIN};
                $poll->mask($s => POLLIN) if !length $r->{out} || !defined $n;
                $r->{out} = '' if !defined $n;
                next;
            }
            my $n = sysread $s, $r->{in}, 65536, length $r->{in};
            next if !defined $n && $!{EAGAIN};
            next if $n;
            $r->{time} = time - $r->{start};
            @$r{qw/ head body /} = split /\r\n\r\n/, $r->{in}, 2;
            ($r->{status}) = ($r->{head} // '') =~ m{^HTTP/1\.1 (\d+)};
            $r->{status} //= 0;
            $poll->remove($s);
            delete $of{ fileno $s };
            close $s;
            $left--;
        }
    }

    return @r;
}


# So many to each of the nodes in turn: many($n, \@nodes, uri, %headers).

sub many {
    my ($n, $nodes, $uri, %headers) = @_;

    return burst(map { {
        port => $nodes->[ $_ % @$nodes ]->port(8080), uri => $uri,
        headers => { 'X-Tag' => "b$_-" . rand, %headers },
    } } 1 .. $n);
}


sub passed { return scalar grep { $_->{status} == 200 } @_ }


# What is in Redis: { key => { used, leased, fields => {}, bad } }; leased is
# without leases that have ended.

sub counters {
    my ($redis) = @_;

    my %c;
    my $now = 1000 * time;
    for my $key (@{ $redis->command('KEYS', 'ai:c:*') }) {
        my $r = $redis->command('HGETALL', $key);
        if (ref $r ne 'ARRAY') {
            $c{$key} = { bad => 1, used => 0, leased => 0, fields => {} };
            next;
        }
        my %f = @$r;
        my $of = $c{$key} = { used => 0, leased => 0, fields => \%f };

        for (keys %f) {
            my ($n, $till) = split / /, $f{$_};
            if (/^[us]:/) {
                $of->{used} += $n =~ /^\d+$/ ? $n : 0;
            } elsif (/^l:/ && ($till // 0) > $now) {
                $of->{leased} += $n;
            }
        }
    }
    return \%c;
}


sub leased {
    my ($redis) = @_;
    my $sum = 0;
    $sum += $_->{leased} for values %{ counters($redis) };
    return $sum;
}


# { "unit/period" => row } of a zone's key, as a node tells it; cost in nano.

sub nodes_limits {
    my ($node, $zone, $key) = @_;

    $node->select;
    my %rows;
    for my $row (@{ money_limits('/ai') }) {
        next if $row->{zone} ne $zone || ($row->{key} // '') ne ($key // 'a');
        if ($row->{unit} eq 'cost') {
            $row->{$_} = AI::Test::Storm::nano($row->{$_})
                for grep { defined $row->{$_} } qw/ used reserved /;
        }
        $rows{"$row->{unit}/" . ($row->{period} // '')} = $row;
    }
    return \%rows;
}


# In which way the books are wrong, sentences: the sums of all access logs are
# what Redis has, and what each node says.
#
#     idle       nothing is reserved or leased either
#     zone, key  the limits
#     cut        so many requests at most were cut off by a kill: of those the
#                books have what they may have used, and the logs nothing
#     most       [prompt, completion] tokens of a request
#     logs       of nodes that do not run
#     units      what nodes say is not asked for, only Redis: for these units

sub nodes_found {
    my ($redis, $nodes, %o) = @_;

    my $zone = $o{zone} // 'team';
    my $key = $o{key} // 'a';
    my %sum = (requests => 0, tokens => 0, input_tokens => 0,
               output_tokens => 0, cost => 0);

    for my $node (@$nodes, @{ $o{logs} || [] }) {
        for (@{ money_log($node, 'money.log') }) {
            next if ($_->{team} // '') ne $key || !$_->{attempts};
            $sum{requests}++;
            $sum{input_tokens} += $_->{prompt};
            $sum{output_tokens} += $_->{completion};
            $sum{cost} += AI::Test::Storm::nano($_->{cost});
        }
    }
    $sum{tokens} = $sum{input_tokens} + $sum{output_tokens};
    $sum{concurrency} = 0;

    my ($in, $out) = @{ $o{most} || [ 100, 60 ] };
    my $cut = $o{cut} || 0;
    my %more = (requests => $cut, input_tokens => $cut * $in, concurrency => 0,
        output_tokens => $cut * $out, tokens => $cut * ($in + $out),
        cost => $cut * (1000 * $in + 2000 * $out));

    # what the first of them says must be true, and be the same everywhere
    my (@found, %say);
    %say = map { ($_ => $sum{$_}) } @{ $o{units} || [] };
    for my $node (grep { $_->pid && !$o{units} } @$nodes) {
        my $name = $node == $nodes->[0] ? 'A' : 'B';
        my $rows = nodes_limits($node, $zone, $key);
        push @found, "$name has no limits" if !%$rows;

        for my $what (sort keys %$rows) {
            my $row = $rows->{$what};
            my $unit = $row->{unit};
            my $want = $say{$what} //= $row->{used} < $sum{$unit}
                ? $sum{$unit} : $row->{used} > $sum{$unit} + $more{$unit}
                ? $sum{$unit} : $row->{used};
            push @found, "$name: $what: $row->{used}, should be $want"
                if $row->{used} != $want;
            push @found, "$name: $what: $row->{reserved} is reserved"
                if $o{idle} && $row->{reserved};
        }
    }

    my $c = counters($redis);
    for my $what (grep { !/^concurrency/ && $say{$_} } sort keys %say) {
        next if grep { $_->{used} == $say{$what} } values %$c;
        push @found, "Redis: $what is not $say{$what}: "
            . join ', ', map { "$_ $c->{$_}{used}" } sort keys %$c;
    }

    push @found, map { "Redis: $_: $c->{$_}{leased} is leased" }
        grep { $c->{$_}{leased} } sort keys %$c if $o{idle};

    return (\%sum, @found);
}


# As a test: so many seconds it may take for Redis, and two more until all
# nodes have heard of it.

sub nodes_check {
    my ($redis, $nodes, $seconds, $what, %o) = @_;

    $seconds *= 2 if AI::Test::is_asan();
    my ($sum, @found, $told);
    my $start = time;

    # the last lines of the logs are being written
    sleep 0.1;
    while (1) {
        my $ok = eval { ($sum, @found) = nodes_found($redis, $nodes, %o); 1 };
        @found = ($@) if !$ok;
        $told //= time - $start if !grep { /Redis/ } @found;
        last if !@found || time > $start + $seconds + (defined $told ? 2 : 0);
        sleep 0.05;
    }

    local $Test::Builder::Level = $Test::Builder::Level + 1;
    ok(!@found, "$what: the books are right") or diag(join "\n", @found);
    note(sprintf '%s: Redis %.1f s, nodes %.1f s, %d requests, %d nano-USD',
         $what, $told // -1, time - $start, $sum->{requests} // 0,
         $sum->{cost} // 0);
    return $sum;
}


1;
