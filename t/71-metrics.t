#!/usr/bin/perl

# ai_metrics: what is counted of requests in many dialects, of streams, errors
# and fallbacks is what the access log's variables say; Prometheus' own parsers
# read it; it outlives a reload and a killed worker.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use AI::Test;
use AI::Test::Chat;

my $t = AI::Test->new;

my @texts = qw/ route provider upstream_model operation stream
    usage_source cost cost_saved price_known ttft tpot fallback_reason
    providers /;
my @numbers = qw/ prompt_tokens completion_tokens cached_tokens
    cache_write_tokens reasoning_tokens attempts fallbacks /;
my $format = join ",'\n        '",
    (map { qq("$_":"\$ai_$_") } @texts, @numbers),
    map { qq("$_":"\$$_") } qw/ status request_time arg_team uri /;

my $head = <<"EOC";
%%TEST_GLOBALS%%

worker_processes 2;

events {
    accept_mutex off;
}

http {
    %%TEST_GLOBALS_HTTP%%

    log_format all escape=json '{$format}';
    access_log %%TESTDIR%%/all.log all;

    ai_metrics_label team \$arg_team max=3;

    ai_price gpt-x input=1 output=2 cached=0.5;
    ai_price claude-x input=3.3 output=15.123456 cached=0.3;
    ai_price bulk* input=1;
EOC

my $config = $head . <<'EOC';

    ai_client_abort cut;
    ai_provider openai {
        api openai;
        endpoint http://127.0.0.1:%%PORT_8081%%/v1;
    }

    ai_provider anthropic {
        api anthropic;
        endpoint http://127.0.0.1:%%PORT_8081%%/v1;
        model claude-x;
        model *;
    }

    ai_provider busy {
        api openai;
        endpoint http://127.0.0.1:%%PORT_8082%%/busy/v1;
    }

    ai_provider broken {
        api openai;
        endpoint http://127.0.0.1:%%PORT_8082%%/broken/v1;
    }

    ai_provider bad {
        api openai;
        endpoint http://127.0.0.1:%%PORT_8082%%/bad/v1;
    }

    ai_provider slow {
        api openai;
        endpoint http://127.0.0.1:%%PORT_8082%%/slow/v1;
        first_token_timeout 150ms;
    }

    ai_provider cut {
        api openai;
        endpoint http://127.0.0.1:%%PORT_8082%%/cut/v1;
    }

    ai_provider nousage {
        api openai;
        endpoint http://127.0.0.1:%%PORT_8082%%/nousage/v1;
    }

    ai_route two   { priority; target busy model=gpt-b;
                     target openai model=gpt-x; }
    ai_route three { priority; target broken model=gpt-b;
                     target slow model=gpt-s;
                     target anthropic model=claude-x; }
    ai_route none  { priority; target broken model=gpt-b;
                     target busy model=gpt-c; }

    server {
        listen 127.0.0.1:%%PORT_8080%% reuseport;

        location /openai/v1/    { ai_pass openai; }
        location /anthropic/v1/ { ai_pass anthropic; }
        location /two/v1/       { ai_pass two; }
        location /three/v1/     { ai_pass three; ai_next_upstream_tries 5; }
        location /none/v1/      { ai_pass none; }
        location /bad/v1/       { ai_pass bad; }
        location /cut/v1/       { ai_pass cut; }
        location /nousage/v1/   { ai_pass nousage; }

        location /denied/v1/    { ai_pass openai; deny all; }
        location /early/v1/     { ai_pass openai; return 403; }
        location /page/v1/      { ai_pass none; error_page 429 /sorry; }
        location /sorry         { return 200 "sorry\n"; }

        location /meter/ {
            ai_meter on;
            proxy_pass http://127.0.0.1:%%PORT_8081%%/;
        }

        location = /metrics {
            access_log off;
            ai_metrics;
        }

        location = /open { access_log off; ai_metrics format=openmetrics; }
        location = /text { access_log off; ai_metrics format=prometheus; }
    }
}
EOC

$t->write_file_expand('nginx.conf', $config);

my $usage = { prompt_tokens => 20, completion_tokens => 11,
    total_tokens => 31, prompt_tokens_details => { cached_tokens => 8 },
    completion_tokens_details => { reasoning_tokens => 4 } };
my @stream = chunks('one ', 'two ', 'three');
$stream[-1]{usage} = $usage;
my %claude_usage = (input_tokens => 10, output_tokens => 7,
    cache_read_input_tokens => 5, cache_creation_input_tokens => 3);

my $good = $t->mock([
    { match => { path_re => 'messages$' }, reply => { json => {
        id => 'msg_6', type => 'message', role => 'assistant',
        model => 'claude-x', stop_reason => 'end_turn',
        content => [ { type => 'text', text => 'one two' } ],
        usage => \%claude_usage } } },
    { match => { path_re => 'embeddings$' }, reply => { json => {
        object => 'list', model => 'e', data => [ { object => 'embedding',
            index => 0, embedding => [ 0.5, 0.25 ] } ],
        usage => { prompt_tokens => 6, total_tokens => 6 } } } },
    { match => { body => '"stream":true' }, reply => { ttft => 0.03,
        gap => 0.03, split => 'events', done => 1, sse => \@stream } },
    { reply => { json => reply('one two', usage => $usage) } },
], port => 8081);

$t->mock([
    { match => { path => '/busy' }, reply => { status => 429,
        json => { error => { message => 'slow down' } } } },
    { match => { path => '/broken' }, reply => { status => 503,
        json => { error => { message => 'no' } } } },
    { match => { path => '/bad' }, reply => { status => 400,
        json => { error => { message => 'no', type =>
            'invalid_request_error' } } } },
    { match => { path => '/slow' }, reply => { hang => 1 } },
    { match => { path => '/cut' }, reply => { split => 'events',
        gap => 0.01, sse => [ @stream[0, 1] ], cut => 250 } },
    { match => { path => '/nousage' }, reply => { json =>
        reply('nine words or so, and some more of them', usage => undef) } },
], port => 8082);

$t->allow(qr/exited on signal 9/);
$t->run;

# --- nothing yet: what is known without requests

my $r = http_get('/metrics');
is($r->status, 200, 'a page');
is($r->header('Content-Type'), 'text/plain; version=0.0.4; charset=utf-8',
   'its type');
is($r->header('Cache-Control'), 'no-store', 'is not kept');
like($r->body, qr/^nginx_ai_zone_bytes\{zone="ai",state="free"\} \d+$/m,
     'the zone');
unlike($r->body, qr/nginx_ai_(?:requests|limit|auth|redis)/,
       'nothing of what did not happen');
is(http_post('/metrics', 'x')->status, 405, 'POST is refused');
my $head_of = http("HEAD /metrics HTTP/1.1\r\nHost: a\r\n"
    . "Connection: close\r\n\r\n", head => 1);
is($head_of->status, 200, 'HEAD');
is($head_of->body, '', '... without a body');

for ([ 'text/plain', 'text' ], [ '*/*', 'text' ],
     [ 'application/openmetrics-text', 'open' ],
     [ 'application/openmetrics-text;version=1.0.0;q=0.5,text/plain;q=0.9',
       'text' ],
     [ 'application/vnd.google.protobuf;q=0.8, application/openmetrics-text;'
       . 'version=1.0.0;escaping=allow-utf-8;q=0.6,text/plain;version=0.0.4;'
       . 'q=0.3,*/*;q=0.2', 'open' ])
{
    my ($accept, $want) = @$_;
    my $type = http_get('/metrics', Accept => $accept)
        ->header('Content-Type');
    my $got = $type eq 'application/openmetrics-text; version=1.0.0; '
        . 'charset=utf-8' ? 'open' : $type =~ /^text/ ? 'text' : $type;
    is($got, $want, "Accept: $accept");
}

# --- requests of many kinds

my $chat = '/v1/chat/completions';
my @teams = ('', '?team=red', '?team=blue');

sub ask {
    my ($where, %o) = @_;
    return http_post($where, chat(%o), -timeout => 10);
}

for my $n (0 .. 5) {
    ask("/openai$chat$teams[$n % 3]", model => 'gpt-x');
    ask("/openai$chat", model => 'gpt-x', stream => 1);
    ask("/anthropic$chat$teams[$n % 3]", model => 'claude-x');
    ask("/two$chat", model => 'any');
}

ask("/openai$chat", model => "made-up-$_") for 1 .. 3;
ask("/openai$chat", model => 'bulk-1');
ask("/anthropic$chat", model => 'claude-made-up');
http_post('/anthropic/v1/messages', { model => 'claude-x', max_tokens => 9,
    messages => [ { role => 'user', content => 'hi' } ] });
http_post('/openai/v1/embeddings', { model => 'gpt-x', input => 'hi' });
ask("/three$chat", model => 'any', stream => 1);
ask("/none$chat", model => 'any');
ask("/bad$chat", model => 'gpt-x');
ask("/cut$chat", model => 'gpt-x', stream => 1);
ask("/nousage$chat", model => 'gpt-x');
ask("/denied$chat", model => 'gpt-x');
ask("/early$chat", model => 'gpt-x');
ask("/meter$chat", model => 'gpt-x');
ask("/meter$chat", model => 'gpt-x', stream => 1);
ask("/page$chat", model => 'any');
http_post("/openai$chat", '{"model":');
http_get('/openai/v1/models');
http_get('/openai/v1/nothing');

# a client that leaves

my $s = http(post("/openai$chat", chat(model => 'gpt-x', stream => 1)),
             start => 1);
sysread $s, my $some, 200;
close $s;

my $count = 24 + 7 + 7 + 3 + 3 + 1;
my @log = @{ $t->wait_for(sub {
    my @lines = $t->log_lines('all.log');
    @lines >= $count ? \@lines : undef }, 10) || [] };
is(scalar @log, $count, 'all are in the log');
@log = map { json_decode($_) } @log;

my ($page, $open) = (scrape('/text', 'prometheus'),
                     scrape('/open', 'openmetrics'));

is_deeply({ map { key($_) => $_->[2] } grep { $_->[0] =~ /_total$/ }
                @{ $open->{samples} } },
          { map { key($_) => $_->[2] } grep { $_->[0] =~ /_total$/ }
                @{ $page->{samples} } }, 'both formats say the same');

# --- requests, by everything

my %known = map { $_ => 1 }
    qw/ gpt-x gpt-b gpt-c gpt-s claude-x /;

sub model_of {
    my ($model) = @_;
    return $model eq '' ? '' : $known{$model} ? $model : 'other';
}

my %want;
for (@log) {

    # the page in the place of an error: the variables are those of the page

    @$_{qw/ route provider upstream_model operation /}
        = qw/ none busy gpt-c chat / if $_->{uri} =~ /sorry/;

    # where the location names a route, it is known from the start

    $_->{route} ||= 'openai' if $_->{uri} =~ m{^/(?:openai|denied|early)/};

    $want{join '|', $_->{route}, $_->{provider}, model_of($_->{upstream_model}),
        $_->{operation}, $_->{status}, $_->{arg_team}}++;
}

is_deeply(by('requests_total', qw/ route provider model operation code
                                   team /),
          \%want, 'requests are those of the log');
cmp_ok(scalar keys %want, '>', 15, '... of many kinds');

# --- tokens and money, by provider and model

for (['input', 'prompt_tokens'], ['output', 'completion_tokens'],
     ['cached_input', 'cached_tokens'],
     ['cache_write', 'cache_write_tokens'],
     ['reasoning', 'reasoning_tokens'])
{
    my ($type, $variable) = @$_;
    my %sum;

    for (@log) {
        $sum{join '|', $_->{route}, $_->{provider},
            model_of($_->{upstream_model}), $_->{arg_team}}
            += $_->{$variable} if $_->{$variable};
    }

    is_deeply(by('tokens_total', qw/ route provider model team /,
                 { type => $type }), \%sum, "$type are those of the log");
    cmp_ok(scalar keys %sum, '>', 0, '... of some');
}

my %cost;
for (@log) {
    my $nano = nano($_->{cost}) or next;
    $cost{join '|', $_->{route}, $_->{provider},
        model_of($_->{upstream_model}), $_->{arg_team}} += $nano;
}
is_deeply(by('cost_usd_total', qw/ route provider model team /), \%cost,
          'cost is that of the log, to the nano-dollar');
cmp_ok(scalar keys %cost, '>', 5, '... of some');

my %saved;
for (@log) {
    my $nano = nano($_->{cost_saved}) or next;
    $saved{"$_->{route}|provider"} += $nano;
}
is_deeply(by('cost_saved_usd_total', qw/ route cache /), \%saved,
          'saved, too');

my ($row) = grep { $_->{uri} =~ /nousage/ } @log;
is_deeply(by('tokens_estimated_total', qw/ type /,
             { provider => 'nousage' }),
          { input => $row->{prompt_tokens},
            output => $row->{completion_tokens} }, 'estimates');
is(sum('tokens_estimated_total', provider => 'openai')
       - sum('tokens_estimated_total', provider => 'openai', route => ''),
   sum('tokens_estimated_total', provider => 'openai', route => 'openai'),
   'only where a stream broke off');

# --- attempts and fallbacks

my $attempts = 0;
$attempts += $_->{attempts} || 0 for @log;
is(sum('upstream_attempts_total'), $attempts + 2,
   'attempts, and those of the page that took the place of an error');
is_deeply(by('upstream_attempts_total', 'outcome', { route => 'three' }),
          { http_5xx => 1, first_token_timeout => 1, ok => 1 },
          'how attempts end');
is(sum('upstream_attempts_total', route => 'bad', outcome => 'http_4xx'), 1,
   '... refused');
is(sum('upstream_attempts_total', route => 'cut', outcome => 'error')
   + sum('upstream_attempts_total', route => 'cut', outcome => 'invalid'), 1,
   '... cut off');
is(sum('upstream_attempts_total', route => 'openai',
       outcome => 'cancelled'), 1, '... left by the client');
is_deeply(by('fallbacks_total', qw/ route from to reason /),
          { 'two|busy|openai|http_429' => 6,
            'three|broken|slow|http_503' => 1,
            'three|slow|anthropic|first_token_timeout' => 1,
            'none|broken|busy|http_503' => 2 }, 'fallbacks');

# --- times

my ($n, $time) = (0, 0);
$n++, $time += 1000 * $_->{request_time} for @log;
is(sum('request_duration_seconds_count'), $n, 'durations of all');
cmp_ok(abs(1000 * sum('request_duration_seconds_sum') - $time), '<', 3,
       '... in sum those of the log');

my @streams = grep { $_->{stream} eq '1' && $_->{ttft} ne '' } @log;
is(sum('time_to_first_token_seconds_count'), scalar @streams,
   'first tokens of streams');
$time = 0;
$time += $_->{ttft} for @streams;
cmp_ok(abs(sum('time_to_first_token_seconds_sum') - $time), '<',
       0.001 * @streams + 0.001, '... in sum those of the log');
is(sum('time_per_output_token_seconds_count'),
   scalar(grep { $_->{tpot} ne '' } @log), 'times of tokens');
cmp_ok(sum('upstream_duration_seconds_count'), '>=',
       scalar(grep { $_->{attempts} } @log), 'durations of attempts');
cmp_ok(sum('gateway_seconds_sum'), '<', 1, 'our own time');

is(sum('metrics_dropped_total'), 0, 'nothing was dropped');
is(sum('active_requests'), 0, 'nothing is active');
like(join(' ', map { @{ $_->[1] }{qw/ route /} }
          grep { $_->[0] eq 'nginx_ai_active_requests' }
          @{ $page->{samples} }), qr/three/, '... of the routes in use');

unlike(json_encode($page), qr/made-up/, 'no name of a client');

# --- a reload keeps it all

$t->reload(wait_old => 1);
ask("/bad$chat", model => 'gpt-x');
my $before = $page;
$page = scrape('/text', 'prometheus');
is(sum('requests_total', route => 'bad'), 2, 'counts go on over a reload');
is(sum('tokens_total'), total($before, 'tokens_total'), '... others stay');

# --- a worker that is killed leaves no active requests

my @s = map { http(post("/openai$chat", chat(model => 'gpt-x',
    stream => 1)), start => 1) } 1 .. 12;
ok($t->wait_for(sub { $page = scrape('/text', 'prometheus');
    sum('active_requests', route => 'openai') >= 1 }, 5),
   'streams are active');
kill 'KILL', $_ for $t->workers;
close $_ for @s;
ok($t->wait_for(sub { my $r = eval { http_get('/text', -timeout => 2) };
    $r && $r->status == 200
        && $r->body =~ /active_requests\{route="openai"\} 0$/m }, 10),
   'those of killed workers are not');
$page = scrape('/text', 'prometheus');
is(sum('requests_total', route => 'bad'), 2, 'nor are counts lost');

$t->finish;


sub post {
    my ($uri, $body) = @_;

    $body = json_encode($body);
    return "POST $uri HTTP/1.1\r\nHost: a\r\nContent-Length: "
        . length($body) . "\r\n\r\n$body";
}


sub scrape {
    my ($uri, $form) = @_;

    my $body = http_get($uri)->body;
    $t->write_file('page', $body);
    my $page = $t->sdk('t/lib/metrics_read.py', FILE => $t->testdir
        . '/page', FORMAT => $form);
    is("@{ $page->{faults} }", '', "$form: by the rules")
        if @{ $page->{faults} } || $form ne ($main::form // '');
    $main::form = $form;
    return $page;
}


sub key {
    my ($sample) = @_;
    my ($name, $labels) = @$sample;
    return join '|', $name, map { "$_=$labels->{$_}" } sort keys %$labels;
}


# whole numbers of 10^-9 for money, so that nothing is rounded here

sub nano {
    my ($usd) = @_;
    return 0 if ($usd // '') !~ /^(\d+)\.(\d{9})$/;
    return $1 * 1_000_000_000 + $2;
}


sub number {
    my ($name, $value) = @_;
    return $name =~ /usd/ ? nano($value) : $value;
}


# sums by the values of labels

sub by {
    my ($name, @labels) = @_;
    my $only = ref $labels[-1] ? pop @labels : {};
    my %sum;

    for (@{ $page->{samples} }) {
        my ($n, $l, $value) = @$_;
        next if $n ne "nginx_ai_$name";
        next if grep { ($l->{$_} // '') ne $only->{$_} } keys %$only;
        $sum{join '|', map { $l->{$_} // '' } @labels} += number($n, $value);
    }

    return \%sum;
}


sub sum {
    my ($name, %only) = @_;
    return total($page, $name, %only);
}


sub total {
    my ($from, $name, %only) = @_;
    my $sum = 0;

    for (@{ $from->{samples} }) {
        my ($n, $l, $value) = @$_;
        next if $n ne "nginx_ai_$name";
        next if grep { ($l->{$_} // '') ne $only{$_} } keys %only;
        $sum += number($n, $value);
    }

    return $sum;
}
