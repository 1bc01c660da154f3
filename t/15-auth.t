#!/usr/bin/perl

# ai_auth: every form of a credential, in every dialect, good and bad; what a
# client is told, what a provider gets, and what is read of a body (P22, S5,
# S6, H4).

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Digest::SHA qw/ sha256_hex hmac_sha256_hex /;
use MIME::Base64;
use Test::More;

use AI::Test;
use AI::Test::Chat;

my $t = AI::Test->new(debug => 1);

my %key = map { $_ => $t->secret("sk-ai-canary-$_-0123456789abcdef") }
    qw/ good expired disabled unknown old plain /;

# not a secret: nginx shows values of scripts in its debug log
$key{sourced} = 'sk-ai-sourced-0123456789abcdef';

$t->write_file('pepper', "new secret\n");
$t->write_file('pepper.old', "old secret\n");

sub hmac { 'hmac:' . hmac_sha256_hex($key{$_[0]}, $_[1] // 'new secret') }

$t->write_file('keys', join "\n",
    '# the keys',
    hmac('good') . ' id=ci-bot team=search project=rag customer=acme '
    . 'tier=gold color="light blue" user=u1',
    hmac('expired') . ' id=late expires=2020-01-01',
    hmac('disabled') . ' id=gone disabled',
    hmac('sourced') . ' id=sourced',
    'sha256:' . sha256_hex($key{plain}) . ' id=plain # no pepper', '');
$t->write_file('keys.old', hmac('old', 'old secret') . " id=old\n");
$t->write_file('htpasswd', "u:{PLAIN}p\n");
chmod 0600, map { $t->testdir . "/$_" } qw/ keys keys.old /;

$t->write_file_expand('nginx.conf', <<'EOC');
%%TEST_GLOBALS%%

events {
}

http {
    %%TEST_GLOBALS_HTTP%%

    log_format who escape=json '$status key=$ai_key_id team=$ai_team '
        'project=$ai_project customer=$ai_customer tier=$ai_key_tier '
        'color=$ai_key_color none=$ai_key_none user=$ai_user '
        'role=$ai_key_role error=$ai_error_type';
    log_format line '$request';
    access_log %%TESTDIR%%/who.log who;
    access_log %%TESTDIR%%/line.log line;

    limit_req_zone $ai_key_id zone=key:64k rate=1r/m;
    map $ai_team $is_search { search yes; default no; }

    ai_provider p {
        api openai;
        endpoint http://127.0.0.1:%%PORT_8081%%;
        passthrough on;
        model m;
        model embed;
    }

    log_format metered '$ai_key_id $ai_provider $ai_total_tokens';

    server {
        listen 127.0.0.1:%%PORT_8080%%;
        listen 127.0.0.1:%%PORT_8083%% http2;

        ai_key_file keys pepper=file:%%TESTDIR%%/pepper;
        ai_key_file keys.old pepper=file:%%TESTDIR%%/pepper.old;

        location / {
            ai_pass p;
        }

        location /open/ {
            ai_auth off;
            ai_pass p;
        }

        location /optional/ {
            ai_auth optional;
            ai_pass p;
        }

        location /source/ {
            ai_auth on source=$http_x_my_token;
            ai_pass p;
        }

        location /other/ {
            ai_key_file keys.old pepper=file:%%TESTDIR%%/pepper.old;
            ai_pass p;
        }

        location /any/ {
            satisfy any;
            auth_basic "who";
            auth_basic_user_file htpasswd;
            ai_pass p;
        }

        location /anyway/ {
            satisfy any;
            allow 127.0.0.1;
            deny all;
            ai_pass p;
        }

        location /limited/ {
            limit_req zone=key;
            ai_pass p;
        }

        location /mapped/ {
            add_header X-Search $is_search always;
            ai_pass p;
        }

        location /plain/ {
            add_header X-Key $ai_key_id always;
            alias %%TESTDIR%%/html/;
        }

        location /metered/ {
            ai_meter on;
            access_log %%TESTDIR%%/metered.log metered;
            proxy_set_header Authorization "";
            proxy_pass http://127.0.0.1:%%PORT_8081%%/;
        }

        location /page/ {
            ai_error_format off;
            ai_pass p;
        }

        location /tried/ {
            error_page 418 = /v1beta/models;
            set $early $ai_key_id;
            return 418;
        }

        location /rewritten/ {
            set $early $ai_key_id;
            rewrite ^/rewritten/(.*) /other/$1 last;
        }
    }
}
EOC

mkdir $t->testdir . '/html';
$t->write_file('html/file', 'a file');

my $mock = $t->mock([
    { match => { path => '/v1/chat/completions', body => '"stream":true' },
      reply => { sse => [ chunks('hello') ], done => 1 } },
    { match => { path => '/v1/chat/completions' },
      reply => { json => reply('hello') } },
    { match => { path => '/v1/embeddings' },
      reply => { json => { object => 'list', model => 'embed',
                           data => [ { object => 'embedding', index => 0,
                                       embedding => [ 0.5 ] } ],
                           usage => { prompt_tokens => 1,
                                      total_tokens => 1 } } } },
    { match => { path => '/v1/responses' },
      reply => { json => { id => 'resp_1', object => 'response',
          created_at => 1, status => 'completed', model => 'm',
          output => [ { type => 'message', id => 'msg_1',
                        status => 'completed', role => 'assistant',
                        content => [ { type => 'output_text', text => 'hi',
                                       annotations => [] } ] } ],
          usage => { input_tokens => 1, output_tokens => 1,
                     total_tokens => 2 } } } },
    { match => { path => '/' }, reply => { json => { ok => 1 } } },
], port => 8081);

$t->run;

# --- every form x every dialect x every state

my $turn = [ { role => 'user', content => 'hi' } ];
my @dialects = (
    [ openai => '/v1/chat/completions', { model => 'm', messages => $turn } ],
    [ openai => '/v1/responses', { model => 'm', input => 'hi' } ],
    [ openai => '/v1/embeddings', { model => 'embed', input => 'hi' } ],
    [ openai => '/v1/moderations', { model => 'm', input => 'hi' } ],
    [ openai => '/v1/models' ],
    [ openai => '/v1/files' ],
    [ openai => '/v1/something/else' ],
    [ anthropic => '/v1/messages',
      { model => 'm', max_tokens => 9, messages => $turn } ],
    [ gemini => '/v1beta/models/m:generateContent',
      { contents => [ { role => 'user', parts => [ { text => 'hi' } ] } ] } ],
    [ gemini => '/v1beta/models' ],
    [ ollama => '/api/chat',
      { model => 'm', stream => JSON::PP::false, messages => $turn } ],
    [ ollama => '/api/tags' ],
);

my %shape = (
    openai => sub { $_[0]{error}{type} eq 'authentication_error'
                    && $_[0]{error}{code} eq 'invalid_api_key' },
    anthropic => sub { $_[0]{type} eq 'error'
                       && $_[0]{error}{type} eq 'authentication_error' },
    gemini => sub { $_[0]{error}{code} == 401
                    && $_[0]{error}{status} eq 'UNAUTHENTICATED' },
    ollama => sub { !ref $_[0]{error} && $_[0]{error} =~ /key/ },
);

my @forms = (
    [ 'bearer' => sub { Authorization => "Bearer $_[0]" } ],
    [ 'scheme in capitals' => sub { authorization => "BEARER   $_[0]" } ],
    [ 'x-api-key' => sub { 'x-api-key' => $_[0] } ],
    [ 'api-key' => sub { 'Api-Key' => $_[0] } ],
    [ 'x-goog-api-key' => sub { 'x-goog-api-key' => $_[0] } ],
    [ 'query' => sub { '?' => $_[0] } ],
);

my %body;

for my $dialect (@dialects) {
    my ($name, $uri, $json) = @$dialect;

    for my $form (@forms) {
        my ($how, $with) = @$form;
        my @bad;

        $mock->clear;

        for my $state (qw/ good unknown expired disabled /) {
            my $r = ask($uri, $json, $with->($key{$state}));

            push @bad, "$state: " . $r->status
                if $state eq 'good' ? $r->status != 200 : !is_401($name, $r);
            push @bad, "$state: another body"
                if $state ne 'good'
                   && ($body{$uri} //= $r->body) ne $r->body;
        }

        is("@bad", '', "$uri, $how");

        my @seen = grep { JSON::PP->new->encode($_) =~ /sk-ai-canary/ }
            $mock->ledger;
        is(@seen, 0, "$uri, $how: no provider sees it");
        cmp_ok(scalar($mock->ledger), '<=', 1, "$uri, $how: one went through");
    }

    # none, and several

    my @bad;
    for my $case ([ none => ], [ empty => 'x-api-key', '' ],
                  [ basic => Authorization => 'Basic dTpw' ],
                  [ 'bearer of nothing' => Authorization => 'Bearer ' ],
                  [ no_scheme => Authorization => $key{good} ],
                  [ two => Authorization => "Bearer $key{good}",
                    'x-api-key' => $key{plain} ],
                  [ twice => 'x-api-key' => [ $key{good}, $key{plain} ] ],
                  [ queries => '?' => "$key{good}&key=$key{plain}" ],
                  [ header_and_query => 'api-key' => $key{good},
                    '?' => $key{plain} ],
                  [ good_and_bad => Authorization => "Bearer $key{good}",
                    'x-goog-api-key' => $key{unknown} ])
    {
        my ($what, @headers) = @$case;
        my $r = ask($uri, $json, @headers);
        push @bad, "$what: " . $r->status if !is_401($name, $r);
        push @bad, "$what: another body" if $r->body ne $body{$uri};
    }
    is("@bad", '', "$uri: none, or several that differ");

    is(ask($uri, $json, Authorization => "Bearer $key{good}",
           'x-api-key' => $key{good}, '?' => $key{good})->status, 200,
       "$uri: the same one several times");
}

# --- peppers, levels, sources

my @chat = ('chat/completions', chat());

is(ask("/v1/$chat[0]", $chat[1], bearer('old'))->status, 200,
   'a key of the old pepper');
is(ask("/v1/$chat[0]", $chat[1], bearer('plain'))->status, 200,
   'a key without pepper');
is(ask("/other/v1/$chat[0]", $chat[1], bearer('old'))->status, 200,
   'the key of a location');
is(ask("/other/v1/$chat[0]", $chat[1], bearer('good'))->status, 401,
   '... which replaces those of the server');
is(ask("/open/v1/$chat[0]", $chat[1], bearer('unknown'))->status, 200, 'off');
is(ask("/optional/v1/$chat[0]", $chat[1])->status, 200, 'optional: none');
is(ask("/optional/v1/$chat[0]", $chat[1], bearer('good'))->status, 200,
   'optional: a good one');
is(ask("/optional/v1/$chat[0]", $chat[1], bearer('unknown'))->status, 401,
   'optional: a bad one');
is(ask("/source/v1/$chat[0]", $chat[1], 'X-My-Token' => $key{sourced})
   ->status, 200, 'source');
is(ask("/source/v1/$chat[0]", $chat[1],
       'X-My-Token' => "Bearer $key{sourced}")->status, 200,
   'source with the scheme');
is(ask("/source/v1/$chat[0]", $chat[1], bearer('good'))->status, 401,
   'source, and a key elsewhere');

# --- who it is

$t->wait_for(sub { 0 }, 0.2);
ask("/v1/$chat[0]", $chat[1], bearer('good'));
is(last_line('who.log'), '200 key=ci-bot team=search project=rag '
   . 'customer=acme tier=gold color=light blue none= user=u1 role= error=',
   'the variables');
ask("/v1/$chat[0]", $chat[1], bearer('expired'));
is(last_line('who.log'), '401 key= team= project= customer= tier= color= '
   . 'none= user= role= error=invalid_api_key', '... of a refused one');

my $r = ask("/mapped/v1/$chat[0]", $chat[1], bearer('good'));
is($r->header('x-search'), 'yes', 'a map of the team');
is(ask("/limited/v1/$chat[0]", $chat[1], bearer('good'))->status, 200,
   'limit_req by key');
is(ask("/limited/v1/$chat[0]", $chat[1], bearer('good'))->status, 503,
   '... its second');
is(ask("/limited/v1/$chat[0]", $chat[1], bearer('old'))->status, 200,
   '... another key');
is(ask("/rewritten/v1/$chat[0]", $chat[1], bearer('old'))->status, 200,
   'asked for before the location changed');
is(ask("/rewritten/v1/$chat[0]", $chat[1], bearer('good'))->status, 401,
   '... where another file holds');

# --- a key in the query is in no log, and still good elsewhere

$r = ask('/v1beta/models', undef, '?' => "$key{good}&alt=x");
is(last_line('line.log'), 'GET /v1beta/models?key=' . '*' x length($key{good})
   . '&alt=x HTTP/1.1', 'the line of the request');
is($t->curl("/v1beta/models?a=b&key=$key{good}", http2 => 1, port => 8083)
   ->status, 200, 'HTTP/2');
is(last_line('line.log'), 'GET /v1beta/models?a=b&key='
   . '*' x length($key{good}) . ' HTTP/2.0', '... and its line');
is(ask('/tried/v1beta/models', undef, '?' => $key{good})->status, 200,
   'behind an internal redirect');

# --- with others

is(ask("/any/v1/$chat[0]", $chat[1], bearer('good'))->status, 200,
   'satisfy any: the key');
$r = ask("/any/v1/$chat[0]", $chat[1],
         Authorization => 'Basic ' . encode_base64('u:p', ''));
is($r->status, 200, 'satisfy any: the password');
is($r->header('www-authenticate'), undef, '... and no challenge');
$r = ask("/any/v1/$chat[0]", $chat[1]);
is($r->status, 401, 'satisfy any: neither');
like(join(' ', @{ $r->headers->{'www-authenticate'} }), qr/Bearer.*Basic/,
     '... and both challenges');
is(ask("/anyway/v1/$chat[0]", $chat[1], bearer('unknown'))->status, 200,
   'satisfy any: the address');

# --- other locations

is(http_get('/plain/file', bearer('good'))->body, 'a file',
   'a location without ai_pass');
is(http_get('/plain/file', bearer('good'))->header('x-key'), 'ci-bot',
   '... and its variables');
$r = http_get('/plain/file');
is($r->status, 401, '... is protected');
is($r->json->{error}{code}, 'invalid_api_key', '... with a body of ours');
$r = ask("/page/v1/$chat[0]", $chat[1]);
is($r->status, 401, 'ai_error_format off');
like($r->body, qr/<html>/, '... is a page of nginx');

# --- what is metered has a name as well

ask("/metered/v1/$chat[0]", $chat[1], bearer('good'));
is(last_line('metered.log'), 'ci-bot openai 3', 'ai_meter');
ask('/metered/v1/models', undef, bearer('good'));
is(last_line('metered.log'), 'ci-bot - -', '... of what is not counted');
is(ask("/metered/v1/$chat[0]", $chat[1])->status, 401, '... is protected');

# --- a body that nobody wants is not read

my $s = http("POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\n"
             . "Content-Length: 1000000\r\nExpect: 100-continue\r\n"
             . "Connection: close\r\n\r\n", start => 1);
$r = http_end($s, timeout => 5);
is($r->status, 401, 'answered before the body');
is(scalar @{ $r->interim || [] }, 0, '... which is not asked for');


sub ask {
    my ($uri, $json, @headers) = @_;

    my %h;
    while (my ($n, $v) = splice @headers, 0, 2) {
        if ($n eq '?') { $uri .= "?key=$v" } else { $h{$n} = $v }
    }

    return $json ? http_post($uri, $json, %h) : http_get($uri, %h);
}


sub bearer { return (Authorization => "Bearer $key{$_[0]}") }


sub is_401 {
    my ($name, $r) = @_;

    return $r->status == 401
        && ($r->header('www-authenticate') // '') =~ /^Bearer realm="/
        && ref($r->json) eq 'HASH' && $shape{$name}->($r->json);
}


sub last_line {
    my ($file) = @_;

    my $n = 0;
    $t->wait_for(sub { my $was = $n; $n = () = $t->log_lines($file);
                       $was && $was == $n }, 2);
    my @lines = $t->log_lines($file);
    chomp(my $line = $lines[-1] // '');
    return $line;
}
