#!/usr/bin/perl

# ai_metrics and ai_metrics_label: what "nginx -t" says.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use AI::Test;

my $t = AI::Test->new;

# [ lines of http, words of ai_metrics, message ]; "@@" is on the line named

my @refused = (
    [ '', 'fromat=auto', 'unknown parameter "fromat=auto" of "ai_metrics"' ],
    [ '', 'format=json', 'invalid parameter "format=json" of "ai_metrics", '
      . 'the format is "prometheus", "openmetrics" or "auto"' ],
    [ '', 'format=auto format=auto',
      'duplicate parameter "format=auto" of "ai_metrics"' ],
    [ '', 'gen_ai=on', '"gen_ai=on" of "ai_metrics" is not supported yet' ],
    [ '', 'gen_ai=1', 'invalid parameter "gen_ai=1" of "ai_metrics"' ],
    [ '', '; ai_metrics', '"ai_metrics" directive is duplicate' ],
    [ 'ai_metrics;', '', '"ai_metrics" directive is not allowed here' ],
    map({ [ "ai_metrics_label $_->[0];", '', $_->[1] ] }
        [ 'team', 'invalid number of arguments in "ai_metrics_label"' ],
        [ '1team a', 'invalid label "1team" in "ai_metrics_label"' ],
        [ 'my-team a', 'invalid label "my-team" in "ai_metrics_label"' ],
        [ '"" a', 'invalid label "" in "ai_metrics_label"' ],
        [ '__team a', 'invalid label "__team" in "ai_metrics_label"' ],
        [ 'x' x 65 . ' a', 'invalid label "' . 'x' x 65 . '"' ],
        [ 'model a', 'label "model" in "ai_metrics_label" is one that '
          . 'metrics have' ],
        [ 'le a', 'label "le" in "ai_metrics_label" is Prometheus\' own' ],
        [ 'team a max=0', 'invalid parameter "max=0" of "ai_metrics_label"' ],
        [ 'team a max=', 'invalid parameter "max=" of "ai_metrics_label"' ],
        [ 'team a mx=1', 'unknown parameter "mx=1" of "ai_metrics_label"' ]),
    [ 'ai_metrics_label team a; ai_metrics_label team b;', '',
      'duplicate label "team" in "ai_metrics_label"' ],
    [ join(' ', map { "ai_metrics_label l$_ a;" } 1 .. 9), '',
      'more than 8 "ai_metrics_label"' ],
);

for my $case (@refused) {
    my ($http, $words, $message) = @$case;

    configure($http, $words);
    my ($ok, $said) = $t->test_config;
    ok(!$ok, "refused: $http $words") or next;
    like($said, qr/\Q$message\E.* in \S+nginx\.conf:\d+/, "... $message");
}

for my $case ([ '', '' ], [ '', 'format=auto gen_ai=off' ],
              [ '', 'format=openmetrics' ], [ '', 'format=prometheus' ],
              [ 'ai_metrics_label team $remote_addr max=5;', '' ])
{
    configure(@$case);
    my ($ok, $said) = $t->test_config;
    ok($ok, "taken: @$case") or diag($said);
}

# a zone that has no room for it

configure('ai_zone small 32k;', '');
my ($ok, $said) = $t->test_config;
ok($ok || $said =~ /too small/, 'a small zone is refused, or does');

# it needs no provider

configure('', '');
$t->run;
my $r = http_get('/metrics');
is($r->status, 200, 'without a provider: a page');
like($r->body, qr/^nginx_ai_build_info\{version="[\d.]+",nginx_version="/m,
     '... says what runs');

$t->finish;


# what "nginx -t" said so far is no fault of the server's

sub configure {
    my ($http, $words) = @_;

    truncate $t->testdir . "/$_", 0 for qw/ test.out error.log /;
    $t->write_file_expand('nginx.conf', <<"EOC");
%%TEST_GLOBALS%%

events {
}

http {
    %%TEST_GLOBALS_HTTP%%
    $http

    server {
        listen 127.0.0.1:%%PORT_8080%%;

        location /metrics { ai_metrics $words; }
    }
}
EOC
}
