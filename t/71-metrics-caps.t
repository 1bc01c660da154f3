#!/usr/bin/perl

# What clients make up makes no series: thousands of names of models and of
# values of labels; a zone that is full; and the page while all workers are
# busy.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Time::HiRes qw/ time sleep /;

use AI::Test;
use AI::Test::Chat;

srand 71;

for my $case ([ '8m', 5000, 'the cap' ], [ '160k', 1500, 'the zone' ]) {
    my ($size, $n, $what) = @$case;

    my $t = AI::Test->new;
    configure($t, $size);
    $t->run;

    # every request has a model and labels of its own

    my %failed;

    for (1 .. $n) {
        my $r = http_post('/v1/chat/completions?team=' . random() . '&tier='
                          . random(), chat(model => random()));
        $failed{$r->status}++ if $r->status != 200;
    }

    is_deeply(\%failed, {}, "$size: all are answered");

    my $page = scrape($t);
    is("@{ $page->{faults} }", '', "$size: a good page");
    is(total($page, 'requests_total'), $n, "$size: all are counted");
    is(total($page, 'tokens_total'), 3 * $n, "$size: their tokens");

    my (%seen, %series);
    for (@{ $page->{samples} }) {
        my ($name, $labels) = @$_;
        $series{$name}++;
        $seen{$_}{ $labels->{$_} }++ for keys %$labels;
    }

    is(join(' ', sort keys %{ $seen{model} }), 'other', "$size: models");
    cmp_ok(scalar keys %{ $seen{tier} }, '<=', 31, "$size: few tiers");
    ok($seen{tier}{other}, "$size: the others");
    cmp_ok($_, '<=', 1001, "$size: series of a family")
        for (sort { $b <=> $a } values %series)[0];
    cmp_ok(total($page, 'metrics_dropped_total'), '>', 0,
           "$size: $what is told of");
    ok((grep { $_->[0] eq 'nginx_ai_requests_total'
               && $_->[1]{route} eq 'other' } @{ $page->{samples} }),
       "$size: as other");

    load($t) if $size eq '8m';

    is(scalar($t->error_log(qr/no memory|crit/)), 0, "$size: the log is "
       . 'quiet');

    $t->finish;
}


# the page while two others send requests, and how long each of them takes

sub load {
    my ($t) = @_;

    my @pids = map {
        my $pid = fork // die "fork: $!\n";
        if (!$pid) {
            my ($end, $worst) = (time + 2.5, 0);
            while (time < $end) {
                my $before = time;
                my $r = http_post('/v1/chat/completions?team=red',
                                  chat(model => 'm'));
                $worst = time - $before if time - $before > $worst;
                $worst = 99 if $r->status != 200;
            }
            require POSIX;
            POSIX::_exit($worst > 2 ? 1 : 0);
        }
        $pid;
    } 1 .. 2;

    my ($pages, $worst, $bytes) = (0, 0, 0);
    my $end = time + 2;

    while (time < $end) {
        my $before = time;
        $bytes = length http_get('/metrics')->body;
        $worst = time - $before if time - $before > $worst;
        $pages++;
    }

    cmp_ok($pages, '>', 5, "$pages pages of $bytes bytes under load");
    cmp_ok($worst, '<', 1, sprintf 'the slowest in %.0f ms', $worst * 1000);

    for (@pids) {
        waitpid $_, 0;
        is($?, 0, 'requests go on meanwhile');
    }
}


sub random {
    return join '', map { ('a' .. 'z', 0 .. 9)[ rand 36 ] } 1 .. 8;
}


sub scrape {
    my ($t) = @_;

    $t->write_file('page', http_get('/metrics')->body);
    return $t->sdk('t/lib/metrics_read.py', FILE => $t->testdir . '/page',
                   FORMAT => 'prometheus');
}


sub total {
    my ($page, $name) = @_;
    my $sum = 0;

    $sum += $_->[2] for grep { $_->[0] eq "nginx_ai_$name" }
        @{ $page->{samples} };
    return $sum;
}


# nginx itself is the provider

sub configure {
    my ($t, $size) = @_;

    my $answer = json_encode(reply('hello'));

    $t->write_file_expand('nginx.conf', <<"EOC");
%%TEST_GLOBALS%%

worker_processes 2;

events {
}

http {
    %%TEST_GLOBALS_HTTP%%
    access_log off;
    keepalive_requests 100000;

    ai_zone ai $size;

    ai_provider self {
        api openai;
        endpoint http://127.0.0.1:%%PORT_8081%%/v1;
    }

    ai_metrics_label team \$arg_team max=2000;
    ai_metrics_label tier \$arg_tier max=30;

    server {
        listen 127.0.0.1:%%PORT_8080%%;

        location /v1/ { ai_pass self; }
        location = /metrics { ai_metrics; }
    }

    server {
        listen 127.0.0.1:%%PORT_8081%%;

        location / {
            default_type application/json;
            return 200 '$answer';
        }
    }
}
EOC
}
