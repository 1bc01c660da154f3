#!/usr/bin/perl

# What ai_metrics says of ai_redis: durations are as many as the calls that
# Redis has answered, whichever worker is asked; failures by reason; and what
# was not told yet.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Time::HiRes qw/ sleep /;

use AI::Test;

my $t = AI::Test->new;
my $redis = AI::Test::Redis->start($t, port => 'redis');

$t->write_file_expand('nginx.conf', <<'EOC');
%%TEST_GLOBALS%%

worker_processes 2;

events {
    accept_mutex off;
}

http {
    %%TEST_GLOBALS_HTTP%%

    ai_redis main 127.0.0.1:%%PORT_redis%%;
    ai_redis away 127.0.0.1:1;
    ai_zone ai 4m state=%%TESTDIR%%/state redis=main;

    ai_provider openai {
        endpoint http://127.0.0.1:%%PORT_8081%%;
    }

    server {
        listen 127.0.0.1:%%PORT_8080%% reuseport;

        location /v1/ {
            ai_identity key $http_x_key;
            ai_pass openai;
        }

        location /api/ {
            allow 127.0.0.1;
            deny all;
            ai_api;
        }

        location = /text { ai_metrics format=prometheus; }
        location = /open { ai_metrics format=openmetrics; }
    }
}
EOC

$t->mock([ { reply => { json => { id => 'c1', object => 'chat.completion',
    created => 1, model => 'm', usage => { prompt_tokens => 1,
        completion_tokens => 1, total_tokens => 2 },
    choices => [ { index => 0, finish_reason => 'stop', message => {
        role => 'assistant', content => 'Hello' } } ] } } } ], port => 8081);

$t->run;

my $page = scrape('/text', 'prometheus');

is(value($page, 'redis_errors_total', redis => 'main', reason => $_), 0,
   "no failure yet: $_") for qw/ down timeout lost refused /;
is(value($page, 'redis_errors_total', redis => 'away', reason => 'down'), 0,
   'of another line');

ask($_) for 1 .. 20;

# EVALSHA is sent once for each call, whatever it does then

my ($calls, $seen);
ok($t->wait_for(sub {
    ($calls) = $redis->command('INFO', 'commandstats')
        =~ /cmdstat_evalsha:calls=(\d+)/;
    $page = scrape('/text', 'prometheus');
    $seen = value($page, 'redis_duration_seconds_count', redis => 'main');
    $calls && $calls >= 2 && $seen == $calls && pending($page) == 0
}, 10), 'calls are those that Redis has answered');
is($seen, $calls, 'as many');

ok(value($page, 'redis_duration_seconds_sum', redis => 'main') > 0, 'a sum');
is(value($page, 'redis_duration_seconds_bucket', redis => 'main',
         le => '+Inf'), $seen, 'buckets');
is(value($page, 'redis_duration_seconds_count', redis => 'away'), 0,
   'of another line none');

# any worker says the same, in both formats

my %said;
for (1 .. 12) {
    my $open = scrape('/open', 'openmetrics');
    $said{value($open, 'redis_errors_total', redis => 'main',
                reason => 'down')}++;
}
is_deeply(\%said, { 0 => 12 }, 'any worker');

# what fails

$redis->freeze;
is(http_get('/api/usage')->json->{partial}, JSON::PP::true, 'frozen');
$page = scrape('/text', 'prometheus');
my $failed = value($page, 'redis_errors_total', redis => 'main',
                   reason => 'timeout')
             + value($page, 'redis_errors_total', redis => 'main',
                     reason => 'lost');
cmp_ok($failed, '>=', 1, 'a timeout');
$redis->thaw;

$t->wait_for(sub { !http_get('/api/usage')->json->{partial} }, 10);

$redis->kill;
sleep 0.5;
ask("new$_") for 1 .. 7;
is(pending(scrape('/text', 'prometheus')), 7, 'what is not told');
$redis->run;
ok($t->wait_for(sub { pending(scrape('/text', 'prometheus')) == 0 }, 10),
   'told');

# what the server refuses

$redis->command('SET', 'ai:usage:nodes', 'x');
ok($t->wait_for(sub {
    value(scrape('/text', 'prometheus'), 'redis_errors_total',
          redis => 'main', reason => 'refused') }, 12), 'refused');
$t->reload(wait_old => 1);
cmp_ok(value(scrape('/text', 'prometheus'), 'redis_duration_seconds_count',
             redis => 'main'), '>=', $seen, 'counts outlive a reload');


sub ask {
    my $r = http_post('/v1/chat/completions', { model => 'm',
        messages => [ { role => 'user', content => 'Hi' } ] },
        'X-Key' => "key$_[0]");
    die $r->raw if $r->status != 200;
}


sub scrape {
    my ($uri, $format) = @_;

    $t->write_file('page', http_get($uri)->body);
    my $page = $t->sdk('t/lib/metrics_read.py', FILE => $t->testdir . '/page',
                       FORMAT => $format);
    if (my @faults = @{ $page->{faults} }) {
        fail("faults of $uri");
        diag("$_") for @faults;
    }
    return $page;
}


sub value {
    my ($page, $name, %labels) = @_;

    my ($found) = grep {
        my $s = $_;
        $s->[0] eq "nginx_ai_$name"
            && keys %{ $s->[1] } == keys %labels
            && !grep { ($s->[1]{$_} // '') ne $labels{$_} } keys %labels
    } @{ $page->{samples} };

    return $found ? $found->[2] : undef;
}


sub pending { return value($_[0], 'redis_pending', redis => 'main') // -1 }
