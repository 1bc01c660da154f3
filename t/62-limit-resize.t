#!/usr/bin/perl

# Zones that get another size at a reload keep what they have counted.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use AI::Test;
use AI::Test::Chat;

my $t = AI::Test->new;

$t->mock([ { reply => { json => { %{ reply('ok') }, usage => {
    prompt_tokens => 100, completion_tokens => 50, total_tokens => 150 } } } } ],
    port => 8081);

my $template = <<'EOC';
%%TEST_GLOBALS%%

worker_processes 2;

events {
}

http {
    %%TEST_GLOBALS_HTTP%%

    ai_zone ai SIZE state=%%TESTDIR%%/state;
    ai_limit_zone $http_x_team zone=team:TEAM;
    ai_limit_zone $ai_provider zone=provider:1m;

    ai_provider a { api openai; endpoint http://127.0.0.1:%%PORT_8081%%; }
    ai_price m input=1 output=1;

    server {
        listen 127.0.0.1:%%PORT_8080%%;

        location /v1/ {
            ai_limit zone=team cost=1/month tokens=9000/h;
            ai_limit zone=provider requests=900/d;
            ai_pass a;
        }
        location /api/ { allow 127.0.0.1; deny all; ai_api; }
    }
}
EOC

sized('2m', '1m');
$t->run;

my $n = 0;

ask() for 1 .. 5;
counted('at first');

for ([ '2m', '2m', 'a limit zone' ], [ '4m', '2m', 'ai_zone' ],
     [ '2m', '1m', 'both' ], [ '2m', '1m', 'none' ])
{
    my ($ai, $team, $name) = @$_;

    ask();
    sized($ai, $team);
    is($t->reload(wait_old => 1), 1, "$name: reload");
    counted("$name: kept");
    ask();
    counted("$name: and counted");
}

$t->stop;
$t->run;
counted('after a restart');


sub sized {
    my ($ai, $team) = @_;

    $t->write_file_expand('nginx.conf',
        $template =~ s/SIZE/$ai/r =~ s/TEAM/$team/r);
}


sub ask {
    my $r = http_post('/v1/chat/completions', { model => 'm',
        max_tokens => 50, messages => [ { role => 'user',
            content => 'word ' x 90 } ] }, 'X-Team' => 'red');
    die $r->raw if $r->status != 200;
    $n++;
}


sub counted {
    my ($name) = @_;

    my %want = ('team cost' => sprintf('%.9f', $n * 0.00015),
        'team tokens' => $n * 150, 'provider requests' => $n);
    my %l;

    # one worker answers, while the other one has yet to settle

    $t->wait_for(sub {
        %l = map { ("$_->{zone} $_->{unit}" => $_->{used}) }
            @{ http_get('/api/limits')->json->{data} };
        return !grep { ($l{$_} // '') ne $want{$_} } keys %want;
    }, 5);

    is_deeply(\%l, \%want, $name);
    is(http_get('/api/usage')->json->{data}[0]{requests}, $n,
       "$name: usage");
}
