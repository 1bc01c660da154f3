#!/usr/bin/perl

# ai_alert: what is posted when a limit is nearly and quite used up, and when a
# key spends more than it is used to; once, whoever sees it, and again when the
# other side had failed.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Time::HiRes qw/ sleep time /;

use AI::Test;

my $t = AI::Test->new->plan(21);

$t->write_file('hook', 'http://127.0.0.1:' . $t->port(8082) . "/hook\n");

$t->write_file_expand('nginx.conf', <<'EOC');
%%TEST_GLOBALS%%

worker_processes 2;

events {
}

http {
    %%TEST_GLOBALS_HTTP%%

    ai_zone ai 8m state=%%TESTDIR%%/state;

    ai_limit_zone $http_x_team zone=team:1m;
    ai_limit_zone $http_x_user zone=user:1m;

    ai_alert soft on=soft zone=team url=file:hook
             "header=X-Token: secret-of-the-hook";
    ai_alert full on=exceeded zone=team cooldown=4s url=file:hook;
    ai_alert other on=exceeded zone=user
             url=http://127.0.0.1:%%PORT_8082%%/other;
    ai_alert dead on=exceeded zone=team
             url=http://127.0.0.1:%%PORT_8089%%/dead;
    ai_alert rate on=spend_rate zone=user window=1s
             url=http://127.0.0.1:%%PORT_8082%%/rate;

    ai_price m input=1000 output=0;

    ai_provider p {
        api openai;
        endpoint http://127.0.0.1:%%PORT_8081%%/v1;
        model m;
    }

    server {
        listen 127.0.0.1:%%PORT_8080%%;

        location /v1/ {
            ai_limit zone=team requests=10/h soft=80%;
            ai_pass p;
        }

        location /cost/ {
            ai_limit zone=user cost=1000/h;
            rewrite ^/cost(/.*) $1 break;
            ai_pass p;
        }
    }
}
EOC

my $mock = $t->mock([
    { match => { path => '/hook', header => { 'x-token' => '.' } },
      reply => [ { status => 503 }, { text => 'ok' } ] },
    { match => { path => '/hook' }, reply => { text => 'ok' } },
    { match => { path => '/rate' }, reply => { status => 404 } },
    { match => { path => '/v1/' }, reply => { json => {
        id => 'x', object => 'chat.completion', model => 'm',
        choices => [ { index => 0, finish_reason => 'stop',
                       message => { role => 'assistant', content => 'Hi' } } ],
        usage => { prompt_tokens => 1000, completion_tokens => 1,
                   total_tokens => 1001 } } } },
], port => [ 8081, 8082 ]);

$t->secret('secret-of-the-hook');
$t->run;

# soft at 8 of 10, by whichever worker; the first try fails

chat('/v1', 'X-Team' => '<!here>') for 1 .. 7;
sleep 0.5;
is(posts('/hook'), 0, 'below the threshold nothing is told');

my $began = time;
chat('/v1', 'X-Team' => '<!here>') for 8 .. 10;

ok($t->wait_for(sub { posts('/hook') == 2 }, 10), 'told, and once more');
cmp_ok(time - $began, '>', 0.9, 'a second later');

my ($first, $again) = grep { $_->{path} eq '/hook' } $mock->ledger;
is($first->{method}, 'POST', 'a POST');
is($first->{h}{'content-type'}, 'application/json', 'of JSON');
is($first->{h}{'x-token'}, 'secret-of-the-hook', 'with its header');
is($first->{body}, $again->{body}, 'the same again');

my $told = $first->{json};
is($told->{event}, 'soft', 'the event');
is("@$told{qw/ alert zone key unit limit used remaining period /}",
   'soft team <!here> requests 10 8 2 h', 'its fields');
like($told->{text}, qr/^soft: &lt;!here&gt; \(team\) has used 8 of 10 /,
     'its text');
like($told->{time}, qr/^20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ$/, 'the time');

# exceeded: 20 refusals in two workers are one alert

my @status = map { chat('/v1', 'X-Team' => '<!here>')->status } 1 .. 20;
is("@status", join(' ', (429) x 20), 'all are refused at once');

ok($t->wait_for(sub { full() == 1 }, 10), 'told once');
sleep 0.5;
is(full(), 1, 'and not again');
is(posts('/other'), 0, 'an alert of another zone is not told');

sleep 4;
chat('/v1', 'X-Team' => '<!here>') for 1 .. 5;
ok($t->wait_for(sub { full() == 2 }, 10), 'after the cool-down it is');

chat('/v1', 'X-Team' => 'two') for 1 .. 11;
ok($t->wait_for(sub { full() == 3 }, 10), 'another key has its own');

# a dollar a second, then many

for (1 .. 6) {
    chat('/cost/v1', 'X-User' => 'ann');
    sleep 1;
}

is(posts('/rate'), 0, 'as usual');
chat('/cost/v1', 'X-User' => 'ann') for 1 .. 20;
ok($t->wait_for(sub { posts('/rate') }, 10), 'more than usual');
ok($t->wait_log(qr/ai: alert "rate" was not taken by .*, status 404/, 10),
   'a refusal is logged');

# nobody listens there; requests were served nevertheless

ok($t->wait_log(qr/ai: alert "dead" could not be posted/, 40), 'given up');


sub chat {
    my ($where, %headers) = @_;

    return http_post("$where/chat/completions", { model => 'm',
        messages => [ { role => 'user', content => 'x' } ] }, %headers);
}

sub posts {
    my ($path) = @_;

    return scalar grep { $_->{path} eq $path } $mock->ledger;
}

sub full {
    return scalar grep { $_->{path} eq '/hook' && $_->{json}{alert} eq 'full' }
        $mock->ledger;
}
