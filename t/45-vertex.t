#!/usr/bin/perl

# Vertex AI: paths, bodies and access tokens, which an endpoint gives for
# assertions that openssl verifies.  One token for all workers and over
# reloads, renewed before its end and after a 401; an endpoint that is away,
# slow or wrong; clients that leave while a token is awaited.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use JSON::PP ();
use Test::More;
use Time::HiRes qw/ sleep time /;

use AI::Test;
use AI::Test::Chat;

my $t = AI::Test->new;

my @accounts = qw/ main many short refresh down hang garbage echo refused
                   refusing leave slow chunked killed reload /;

my $conf = <<'EOC';
%%TEST_GLOBALS%%

worker_processes 2;

events {
}

http {
    %%TEST_GLOBALS_HTTP%%

    resolver 127.0.0.1:%%PORT_8085%% ipv6=off;

    ai_provider meta {
        api vertex;
        endpoint http://127.0.0.1:%%PORT_8081%%;
        gcp credentials=metadata project=p2;
    }

    ai_provider user {
        api vertex;
        endpoint http://127.0.0.1:%%PORT_8081%%/own/base;
        gcp credentials=env:T_GCP_USER;
    }

    ai_provider tls {
        api vertex;
        endpoint http://127.0.0.1:%%PORT_8081%%;
        ssl_trusted_certificate %%TESTDIR%%/ca.pem;
        gcp credentials=file:%%TESTDIR%%/sa-tls.json;
    }

    ai_provider noname {
        api vertex;
        endpoint http://127.0.0.1:%%PORT_8081%%;
        gcp credentials=file:%%TESTDIR%%/sa-noname.json;
    }

    ai_provider badtls {
        api vertex;
        endpoint http://127.0.0.1:%%PORT_8081%%;
        gcp credentials=file:%%TESTDIR%%/sa-badtls.json;
    }

    ai_provider express {
        api vertex;
        endpoint http://127.0.0.1:%%PORT_8081%%;
        key sk-canary-express;
    }

    ai_provider other {
        api openai;
        endpoint http://127.0.0.1:%%PORT_8081%%/other;
    }

PROVIDERS
    server {
        listen 127.0.0.1:%%PORT_8080%% reuseport;

        location / {
            ai_pass $arg_p;
            add_header X-Pid $pid always;
        }
    }
}
EOC

# "ssl_trusted_certificate" is about the endpoint as well, which is none here

$conf =~ s{endpoint http://127\.0\.0\.1:%%PORT_8081%%;\n(\s+ssl_trusted)}
          {endpoint https://localhost:%%PORT_8083%%;\n$1};

my $providers = '';

for my $name (@accounts) {
    $providers .= <<"EOC";
    ai_provider $name {
        api vertex;
        endpoint http://127.0.0.1:%%PORT_8081%%;
        gcp credentials=file:%%TESTDIR%%/sa-$name.json location=europe-west4;
    }

    ai_route r-$name { target $name; target other; }

EOC
}

$conf =~ s/^PROVIDERS\n/$providers/m;

# keys and files

$t->ca;
$t->openssl(qw/ genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out /,
            $t->testdir . '/sa.key');
$t->openssl('pkey', '-in', $t->testdir . '/sa.key', '-pubout',
            '-out', $t->testdir . '/sa.pub');
$t->write_file('sa.key', my $pem = $t->read_file('sa.key'));
my $cert = $t->cert('tokens.test');

my $tokens_port = $t->port(8082);
my $url = "http://127.0.0.1:$tokens_port/token";
my $tls_url = 'https://tokens.test:' . $t->port(8084) . '/token';


sub account {
    my ($name, %o) = @_;

    $t->write_file("sa-$name.json", JSON::PP->new->pretty->encode({
        type => 'service_account', project_id => 'proj-1',
        private_key_id => 'key-1', private_key => $pem,
        client_email => "$name\@proj-1.iam.gserviceaccount.com",
        token_uri => $url, %o }));
}


account($_) for @accounts;
account('tls', token_uri => $tls_url);
account('badtls', token_uri => $tls_url);
account('noname', token_uri => 'https://none.test/token');

$ENV{T_GCP_USER} = json_encode({ type => 'authorized_user',
    client_id => 'id 1', client_secret => 's&cret',
    refresh_token => '1//r+t', token_uri => $url });
$ENV{GCE_METADATA_HOST} = "127.0.0.1:$tokens_port";

$t->secret('ya29.', 'sk-canary-express', '1//r+t', 's&cret',
           (split /\n/, $pem)[3], 'eyJ');

$t->run_daemon([ '/usr/bin/python3', $t->root . '/t/lib/tokens.py',
                 $tokens_port, $t->testdir . '/sa.pub', $url ],
               name => 'tokens');
$t->run_daemon([ '/usr/bin/python3', $t->root . '/t/lib/tokens.py',
                 $t->port(8084), $t->testdir . '/sa.pub', $tls_url,
                 @$cert{qw/ cert key /} ],
               name => 'tokens-tls');
$t->waitforsocket($_, 10) for $tokens_port, $t->port(8084);

# nobody listens on the first address

$t->write_file('names.json', json_encode({
    localhost => { ip => [ '127.0.0.1' ] },
    'tokens.test' => { ip => [ '127.0.0.2', '127.0.0.1' ], delay => 0.1 } }));
$t->run_daemon([ '/usr/bin/python3', $t->root . '/t/lib/dns.py', '--port',
                 $t->port(8085), '--script', $t->testdir . '/names.json',
                 '--log', $t->testdir . '/queries.jsonl', '--ready',
                 $t->testdir . '/dns.ready' ], name => 'dns');
$t->wait_for(sub { -e $t->testdir . '/dns.ready' }, 10);


sub mode {
    my ($name, %o) = @_;
    http_post('/mode', { $name => \%o }, -port => 8082);
}


sub asked {
    my ($name) = @_;
    return grep { $_->{account} eq $name }
        @{ http_get('/ledger', -port => 8082)->json };
}


# the provider

sub gemini {
    my ($text, $more) = @_;
    return { candidates => [ { index => 0,
            $more ? () : (finishReason => 'STOP'),
            content => { role => 'model', parts => [ { text => $text } ] } } ],
        usageMetadata => { promptTokenCount => 1, candidatesTokenCount => 2,
                           totalTokenCount => 3 },
        modelVersion => 'gemini-2.5-flash' };
}


my @rules = (
    { match => { path => '/other' }, reply => { json => reply('other') } },
    { match => { path => '/v1/publishers/google/models/',
                 header => { 'x-goog-api-key' => '^sk-canary-express$' } },
      reply => { json => gemini('express') } },
    { match => { header => { authorization => 'ya29\.refused\.1$' } },
      reply => { status => 401, json => { error => { code => 401,
          status => 'UNAUTHENTICATED', message => 'no' } } } },
    { match => { header => { authorization => 'ya29\.refusing\.' } },
      reply => { status => 401, json => { error => { code => 401,
          status => 'UNAUTHENTICATED', message => 'no' } } } },
    { match => { path_re => 'claude-[^/]*:rawPredict$',
                 header => { authorization => '^Bearer ya29\.' } },
      reply => { json => claude('from claude') } },
    { match => { path_re => 'claude-[^/]*:streamRawPredict$',
                 header => { authorization => '^Bearer ya29\.' } },
      reply => { sse => [ claude_events('from ', 'claude') ] } },
    { match => { path_re => ':generateContent$',
                 header => { authorization => '^Bearer ya29\.' } },
      reply => { json => gemini('from gemini') } },
    { match => { path_re => ':streamGenerateContent\?alt=sse$',
                 header => { authorization => '^Bearer ya29\.' } },
      reply => { sse => [ gemini('from ', 1), gemini('gemini') ] } },
    { reply => { status => 403, json => { error => { code => 403,
        status => 'PERMISSION_DENIED', message => 'no token' } } } },
);

my $mock = $t->mock(\@rules, port => 8081);
my $secure = $t->mock(\@rules, port => 8083, tls => 1);

$t->write_file_expand('nginx.conf', $conf);
$t->run;


sub ask {
    my ($p, %o) = @_;
    return http_post("/v1/chat/completions?p=$p",
                     chat(model => 'gemini-2.5-flash', %o));
}


sub last_request { return ($mock->ledger)[-1] }


# --- dialects ---

my $base = '/v1/projects/proj-1/locations/europe-west4/publishers';

my $r = ask('main');
is($r->status, 200, 'OpenAI to Gemini');
is(text_of($r), 'from gemini', 'its text');

my $q = last_request();
is($q->{path}, "$base/google/models/gemini-2.5-flash:generateContent",
   'path');
is($q->{h}{authorization}, 'Bearer ya29.main.1', 'token');
is(scalar(grep { lc $_->[0] eq 'authorization' } @{ $q->{headers} }), 1,
   'one credential');
is_deeply($q->{json}{contents},
          [ { role => 'user', parts => [ { text => 'hi' } ] } ], 'body');

my @asked = asked('main');
is(scalar @asked, 1, 'one token was asked for');
is($asked[0]{wrong}, '', 'by an assertion that holds');

$r = ask('main', stream => 1);
is(text_of($r), 'from gemini', 'a stream');
is(last_request()->{path},
   "$base/google/models/gemini-2.5-flash:streamGenerateContent?alt=sse",
   'its path');

my $native = { contents => [ { role => 'user',
                               parts => [ { text => 'hi' } ] } ],
               labels => { team => 'a' } };
$r = http_post('/v1beta/models/gemini-2.5-pro:generateContent?p=main',
               $native, 'x-goog-api-key' => 'sk-client');
is_deeply($r->json, gemini('from gemini'), 'Gemini clients pass through');
$q = last_request();
is($q->{path}, "$base/google/models/gemini-2.5-pro:generateContent",
   'model of the URI');
is_deeply($q->{json}, $native, 'body as it was');
ok(!$q->{h}{'x-goog-api-key'}, 'without the key of the client');

my $messages = { model => 'claude-sonnet-4-5@20250929', max_tokens => 9,
                 messages => [ { role => 'user', content => 'hi' } ] };
$r = http_post('/v1/messages?p=main', $messages,
               'anthropic-beta' => 'b-1', 'x-api-key' => 'sk-client');
is_deeply($r->json, claude('from claude'), 'Anthropic clients pass through');
$q = last_request();
is($q->{path},
   "$base/anthropic/models/claude-sonnet-4-5\@20250929:rawPredict",
   'model in the path');
is_deeply($q->{json}, { anthropic_version => 'vertex-2023-10-16',
                        max_tokens => 9, messages => $messages->{messages} },
          'version in the body, no model');
is($q->{h}{'anthropic-beta'}, 'b-1', 'their betas');
is($q->{h}{authorization}, 'Bearer ya29.main.1', 'the token of before');

$r = http_post('/v1/messages?p=main',
               { %$messages, stream => JSON::PP::true,
                 anthropic_version => 'vertex-2024-01-01' });
is(join('', map { $_->{delta}{text} // '' } $r->event_data), 'from claude',
   'and their streams');
$q = last_request();
like($q->{path}, qr/:streamRawPredict$/, 'path of a stream');
is_deeply([ @{ $q->{json} }{qw/ stream anthropic_version /} ],
          [ JSON::PP::true, 'vertex-2024-01-01' ],
          'which is told in the body, too; their own version stays');

$r = ask('main', model => 'claude-haiku-4-5');
is(text_of($r), 'from claude', 'OpenAI to Claude');
$q = last_request();
is($q->{path}, "$base/anthropic/models/claude-haiku-4-5:rawPredict", 'path');
is($q->{json}{anthropic_version}, 'vertex-2023-10-16', 'version');
ok(!exists $q->{json}{model}, 'no model');

is(scalar asked('main'), 1, 'all with one token');

# --- other credentials ---

is(text_of(ask('meta')), 'from gemini', 'metadata server');
is(last_request()->{h}{authorization}, 'Bearer ya29.metadata.1', 'its token');
is(last_request()->{path}, '/v1/projects/p2/locations/global/publishers'
   . '/google/models/gemini-2.5-flash:generateContent', 'project, location');
is((asked('metadata'))[0]{wrong}, '', 'asked as it wants');

is(text_of(ask('user')), 'from gemini', 'a refresh token');
is(last_request()->{path},
   '/own/base/google/models/gemini-2.5-flash:generateContent',
   'a base of its own');
is((asked('user'))[0]{wrong}, '', 'asked as it wants');

is(text_of(ask('express')), 'express', 'a key');

is(text_of(ask('tls')), 'from gemini', 'endpoint behind TLS, found by DNS');
is_error(ask('noname'), 502, 'one that is not', code => qr/^upstream_auth$/);
like($t->wait_log(qr/no new access token for provider "noname"/, 5) // '',
     qr/its host could not be resolved/, 'which is in the log');
is_error(ask('badtls'), 502, 'of an unknown CA', code => qr/^upstream_auth$/);
like($t->wait_log(qr/no new access token for provider "badtls"/, 5) // '',
     qr/its certificate cannot be verified/, 'is refused');

mode('chunked', chunked => 1);
is(text_of(ask('chunked')), 'from gemini', 'a chunked answer of it');

# --- one token for many ---

mode('many', delay => 0.5);
my @sockets = map {
    http_post('/v1/chat/completions?p=many',
              chat(model => 'gemini-2.5-flash'), -start => 1)
} 1 .. 50;
my @all = map { http_end($_) } @sockets;
is(scalar(grep { $_->status == 200 && text_of($_) eq 'from gemini' } @all),
   50, '50 requests at a time');
my %pids = map { $_->header('x-pid') => 1 } @all;
is(scalar keys %pids, 2, 'in two workers');
is(scalar asked('many'), 1, 'one token');

# --- expiry ---

mode('short', expires => 3);
is(text_of(ask('short')), 'from gemini', 'a token of three seconds');
ask('short') for 1 .. 5;
is(scalar asked('short'), 1, 'is used');
sleep 1.7;
ask('short');
ok($t->wait_for(sub { asked('short') == 2 }, 3),
   'is renewed in the background when half of its life is over');
sleep 0.1;
ask('short');
is(last_request()->{h}{authorization}, 'Bearer ya29.short.2',
   'and then the new one is used');

mode('refresh', expires => 4);
is(text_of(ask('refresh')), 'from gemini', 'another one');
mode('refresh', status => 500, body => 'oops');
sleep 2.2;
is(text_of(ask('refresh')), 'from gemini',
   'works while its renewal fails');
like($t->wait_log(qr/no new access token for provider "refresh"/, 5) // '',
     qr/\[warn\].*status 500/, 'which is a warning');
sleep 1.6;
is_error(ask('refresh'), 502, 'and not beyond its end',
         code => qr/^upstream_auth$/);
mode('refresh', expires => 60);
sleep 4.1;
is(text_of(ask('refresh')), 'from gemini', 'it comes back');

# --- an endpoint that fails ---

my %bad = (
    down => [ { close => 1 }, qr/closed the connection/ ],
    garbage => [ { body => '<html>' }, qr/no JSON object/ ],
    echo => [ { echo => 1 }, qr/status 400, invalid_grant, got,/ ],
);

for my $name (sort keys %bad) {
    mode($name, %{ $bad{$name}[0] });
    is(text_of(ask("r-$name")), 'other', "$name: the next target serves");
    like($t->wait_log(qr/no new access token for provider "$name"/, 5) // '',
         $bad{$name}[1], "$name: the log says why");
    my $n = asked($name);
    is(text_of(ask("r-$name")), 'other', "$name: again");
    is(scalar asked($name), $n, "$name: without asking again so soon");
}

is_error(ask('down'), 502, 'alone: 502', code => qr/^upstream_auth$/);
mode('down', expires => 60);
sleep 1.1;
is(text_of(ask('r-down')), 'from gemini', 'later it is asked again');

mode('hang', hang => 1);
my $start = time;
$r = http_post('/v1/chat/completions?p=r-hang',
               chat(model => 'gemini-2.5-flash'), -timeout => 40);
is(text_of($r), 'other', 'an endpoint that hangs');
my $took = time - $start;
ok($took > 8 && $took < 25, "ends after its time: $took s");

# --- clients that leave ---

mode('leave', delay => 1);
my $s = http_post('/v1/chat/completions?p=leave',
                  chat(model => 'gemini-2.5-flash'), -start => 1);
sleep 0.3;
close $s;
sleep 0.2;
$s = http_post('/v1/chat/completions?p=leave',
               chat(model => 'gemini-2.5-flash'), -start => 1);
is(text_of(http_end($s)), 'from gemini', 'who stays is served');
is(scalar asked('leave'), 1, 'with the token that the one who left wanted');

mode('slow', delay => 1);
@sockets = map {
    http_post('/v1/chat/completions?p=slow',
              chat(model => 'gemini-2.5-flash'), -start => 1)
} 1 .. 8;
sleep 0.3;
close $_ for splice @sockets, 0, 8;
sleep 1.2;
is(text_of(ask('slow')), 'from gemini', 'all left: the token is kept');
is(scalar asked('slow'), 1, 'it was asked for once');

# --- 401 ---

is(ask('refused')->status, 502, 'the provider refuses the token');
is(text_of(ask('refused')), 'from gemini', 'the next request has a new one');
is(scalar asked('refused'), 2, 'which was asked for');

is(ask('refusing')->status, 502, 'a provider that refuses all') for 1 .. 5;
ok(asked('refusing') <= 2, 'does not make us ask for each request');

# --- the worker that asks is killed ---

$t->allow(qr/exited on signal 9/);
mode('killed', delay => 30);
$s = http_post('/v1/chat/completions?p=killed',
               chat(model => 'gemini-2.5-flash'), -start => 1);
ok($t->wait_for(sub { asked('killed') == 1 }, 3), 'a worker asks');
mode('killed', delay => 0);
my @before = $t->started_workers;
kill 9, $t->workers;
close $s;
ok($t->wait_for(sub { my @now = $t->started_workers; @now >= @before + 2 },
                10), 'and is gone');
$start = time;
is(text_of(ask('killed')), 'from gemini', 'another one asks');
ok(time - $start < 5, 'at once');

# --- reload ---

is(text_of(ask('reload')), 'from gemini', 'before a reload');
account('main');
account('reload', private_key_id => 'key-2');
ok($t->reload(wait_old => 1), 'reload');
is(text_of(ask('main')), 'from gemini', 'after it');
is(scalar asked('main'), 1, 'the token is kept');
ask('reload');
is(scalar asked('reload'), 2, 'but not that of another key');

mode('reload', delay => 0);
$t->write_file('sa-main.json', '{"type":"service_account"}');
$t->allow(qr/"credentials=file:.*" of "gcp" has no "client_email"/);
ok(!$t->reload, 'credentials that are none');
is(text_of(ask('main')), 'from gemini', 'change nothing');
