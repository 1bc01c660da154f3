#!/usr/bin/perl

# What a key and its role permit: models, aliases, routes, providers as
# fallbacks too, regions, operations, tools; lists of models; ai_identity
# (S9, S16).

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Digest::SHA qw/ sha256_hex /;
use Test::More;

use AI::Test;
use AI::Test::Chat;

my $t = AI::Test->new;

my %line = (
    free => '',
    mini => 'models=mini*,cheap',
    smart => 'models=smart',
    'chat' => 'operations=chat',
    eu => 'regions=eu',
    one => 'providers=first',
    second => 'providers=second',
    tools => 'tools=get_*',
    route => 'routes=other',
    dev => 'role=dev',
    narrow => 'role=dev models=mini-1,smart-1',
    wide => 'role=dev models=* operations=* providers=* routes=* tools=*',
    nothing => 'role=nothing',
    files => 'models=mini* operations=files,chat',
);

$t->write_file('keys', join '', map { 'sha256:' . sha256_hex("sk-ai-$_")
    . " id=$_ team=t-$_ $line{$_}\n" } sort keys %line);
chmod 0600, $t->testdir . '/keys';

$t->write_file_expand('nginx.conf', <<'EOC');
%%TEST_GLOBALS%%

events {
}

http {
    %%TEST_GLOBALS_HTTP%%

    log_format who '$status $ai_key_id/$ai_team/$ai_project/$ai_customer/'
                   '$ai_user/$ai_session_id/$ai_key_role $ai_providers';
    access_log %%TESTDIR%%/who.log who;

    map $ai_request_model $alias { cheap mini-1; clever smart-1;
                                   default $ai_request_model; }

    ai_provider first {
        api openai;
        endpoint http://127.0.0.1:%%PORT_8081%%;
        region us;
        passthrough on;
        model mini-1; model mini-2; model smart-1; model smart-*;
    }

    ai_provider second {
        api openai;
        endpoint http://127.0.0.1:%%PORT_8082%%;
        region eu;
        model mini-1; model smart-1; model extra;
    }

    ai_route both {
        target first;
        target second backup;
    }

    ai_route other {
        target second;
    }

    ai_role dev {
        models mini* cheap;
        providers first;
        routes both;
        operations chat models;
        tools get_weather;
    }

    ai_role nothing {
        api read;
    }

    server {
        listen 127.0.0.1:%%PORT_8080%%;

        ai_key_file keys;

        location / {
            ai_pass both;
        }

        location /alias/ {
            ai_model $alias;
            ai_pass both;
        }

        location /var/ {
            ai_pass $arg_to;
        }

        location /any/ {
            satisfy any;
            allow all;
            ai_pass both;
        }

        location /identity/ {
            ai_identity key $http_x_key;
            ai_identity team $http_x_team;
            ai_identity project fixed;
            ai_identity customer $ai_meta_customer;
            ai_identity user $http_x_user;
            ai_identity session $http_x_session;
            ai_identity role $http_x_role;
            ai_pass both;
        }

        location /identity/off/ {
            ai_identity off;
            ai_pass both;
        }

        location /self/ {
            ai_auth off;
            ai_identity team $ai_team;
            ai_identity user u-$ai_user;
            ai_pass both;
        }

        location /subrequest/ {
            ai_auth off;
            auth_request /check;
            auth_request_set $who $upstream_http_x_who;
            ai_identity key $who;
            ai_identity role $sent_role;
            auth_request_set $sent_role $upstream_http_x_role;
            ai_pass both;
        }

        location = /check {
            ai_auth off;
            proxy_pass http://127.0.0.1:%%PORT_8080%%/who;
            proxy_pass_request_body off;
            proxy_set_header Content-Length "";
        }

        location = /who {
            ai_auth off;
            add_header X-Who somebody;
            add_header X-Role $http_x_role;
            return 204;
        }
    }
}
EOC

my $mock = $t->mock([
    { match => { path => '/v1/chat/completions', body => 'fail' },
      reply => { status => 503, json => { error => { message => 'no' } } } },
    { match => { path => '/v1/chat/completions' },
      reply => { json => reply('hello') } },
    { match => { path => '/' }, reply => { json => { object => 'list',
                                                     data => [] } } },
], port => [ 8081, 8082 ]);

$t->run;

# --- models

is(ask('free', model => 'smart-1')->status, 200, 'a key without lists');
is(ask('mini', model => 'mini-1')->status, 200, 'a model of the key');
is(ask('mini', model => 'mini-2')->status, 200, 'by pattern');
denied(ask('mini', model => 'smart-1'), 'model', 'another model');
denied(ask('mini', model => 'unknown'), 'model', 'one that does not exist');
is(ask('mini', model => 'mini-9')->status, 404, 'permitted, but not there');

# an alias or what it stands for
is(ask('mini', model => 'cheap', '-at' => '/alias/v1')->status, 200,
   'the model behind an alias, and the alias');
is(ask('smart', model => 'clever', '-at' => '/alias/v1')->status, 403,
   'neither the alias nor the model');
is(ask('narrow', model => 'cheap', '-at' => '/alias/v1')->status, 200,
   'the role has the alias, the key the model');
denied(ask('narrow', model => 'clever', '-at' => '/alias/v1'), 'model',
       'the key has the model, the role neither');

# --- roles: both have to permit

is(ask('dev', model => 'mini-2')->status, 200, 'a role');
denied(ask('dev', model => 'smart-1'), 'model', '... what it does not list');
is(ask('narrow', model => 'mini-1')->status, 200, 'a key of it');
denied(ask('narrow', model => 'mini-2'), 'model', '... narrows it');
denied(ask('narrow', model => 'smart-1'), 'model', '... and cannot widen it');
denied(ask('wide', model => 'smart-1'), 'model', 'not with * either');
is(ask('wide', model => 'mini-2')->status, 200, '* is no narrowing');
denied(ask('nothing', model => 'mini-1'), 'operation', 'an empty role');

# --- operations

is(ask('chat', model => 'mini-1')->status, 200, 'an operation of the key');
denied(post('chat', '/v1/embeddings', { model => 'mini-1', input => 'x' }),
       'operation', 'another one');
denied(post('dev', '/v1/embeddings', { model => 'mini-1', input => 'x' }),
       'operation', 'another one than those of the role');
denied(get('chat', '/v1/models'), 'operation', 'a list of models is one');
is(post('chat', '/v1/messages', { model => 'mini-1', max_tokens => 9,
        messages => [ { role => 'user', content => 'x' } ] })->status, 200,
   'in another dialect');
is(post('mini', '/v1/messages', { model => 'smart-1', max_tokens => 9,
        messages => [ { role => 'user', content => 'x' } ] })
   ->json->{error}{type}, 'permission_error', '... with its errors');
is(post('mini', '/v1beta/models/smart-1:generateContent',
        { contents => [ { parts => [ { text => 'x' } ] } ] })
   ->json->{error}{status}, 'PERMISSION_DENIED', '... and those of Gemini');

# without a model
is(get('free', '/v1/files')->status, 200, 'files');
denied(get('mini', '/v1/files'), 'operation',
       'no model is named, and models are limited');
is(get('files', '/v1/files')->status, 200, '... unless it is named itself');
denied(get('mini', '/v1/what/ever'), 'operation', 'passed through');

# --- tools

my @tool = map { { type => 'function', function => { name => $_,
                   parameters => { type => 'object' } } } }
    qw/ get_weather get_time send_mail /;

is(ask('tools', model => 'mini-1', tools => [ @tool[0, 1] ])->status, 200,
   'tools of the key');
denied(ask('tools', model => 'mini-1', tools => \@tool), 'tool', 'another');
is(ask('dev', model => 'mini-1', tools => [ $tool[0] ])->status, 200,
   'a tool of the role');
denied(ask('dev', model => 'mini-1', tools => [ @tool[0, 1] ]), 'tool',
       'another');
is(ask('free', model => 'mini-1', tools => \@tool)->status, 200, 'any');

# --- routes, providers, regions

denied(ask('route', model => 'mini-1'), 'route', 'another route');
is(ask('route', model => 'mini-1', '-at' => '/var/v1', '-to' => 'other')
   ->status, 200, 'the route of the key');
denied(ask('route', model => 'mini-1', '-at' => '/var/v1', '-to' => 'first'),
       'route', 'a provider as a route');

is(failing('free')->status, 503, 'both fail');
is(tried(), 'first second', '... both were tried');
is(failing('one')->status, 503, 'a provider of the key');
is(tried(), 'first', '... is no reason to try another');
is(failing('dev')->status, 503, 'a provider of the role');
is(tried(), 'first', '... is none either');
is(failing('eu')->status, 503, 'a region of the key');
is(tried(), 'second', '... leaves one');
is(ask('second', model => 'mini-2')->status, 403,
   'the provider that has it is not permitted');
denied(ask('one', model => 'extra'), undef, 'the other way round');

# --- lists of models show what may be used

is(models('free'), 'extra mini-1 mini-2 smart-1', 'all');
is(models('mini'), 'mini-1 mini-2', 'those of the key');
is(models('eu'), 'extra mini-1 smart-1', 'those of the region');
is(models('one'), 'mini-1 mini-2 smart-1', 'those of the provider');
is(models('dev'), 'mini-1 mini-2', 'those of the role');
is(models('narrow'), 'mini-1', 'those of both');
is(get('mini', '/v1/models/mini-1')->status, 200, 'one of them');
is(get('mini', '/v1/models/smart-1')->status, 404, 'one that is hidden');
is(join(' ', sort map { $_->{name} }
        @{ get('mini', '/api/tags')->json->{models} }), 'mini-1 mini-2',
   "Ollama's list");
denied(get('route', '/v1/models'), undef, 'of a route that is not permitted');

# --- who was let in by an address still has only what the key has

is(http_post('/any/v1/chat/completions', chat(model => 'smart-1'))->status,
   200, 'satisfy any: nobody');
denied(ask('mini', model => 'smart-1', '-at' => '/any/v1'), undef,
       'satisfy any: a key');
is(ask('mini', model => 'mini-1', '-at' => '/any/v1')->status, 200,
   '... and its model');

# --- ai_identity

my %h = ('X-Key' => 'k', 'X-Team' => 't', 'X-User' => 'u',
         'X-Session' => 's');
ask('free', model => 'mini-1', '-at' => '/identity/v1', '-headers' => \%h,
    metadata => { customer => 'c' });
is(who(), '200 k/t/fixed/c/u/s/ first', 'ai_identity');
ask('free', model => 'mini-1', '-at' => '/identity/v1', user => 'body');
is(who(), '200 free/t-free/fixed//body/body/ first',
   '... where it has no value the key holds');
ask('free', model => 'mini-1', '-at' => '/identity/v1',
    '-headers' => { 'X-Role' => 'dev' });
is(who(), '200 free/t-free/fixed////dev first', '... a role');
denied(ask('free', model => 'smart-1', '-at' => '/identity/v1',
           '-headers' => { 'X-Role' => 'dev' }), 'model', '... that holds');
denied(ask('free', model => 'mini-1', '-at' => '/identity/v1',
           '-headers' => { 'X-Role' => 'boss' }), 'role',
       '... and one that there is not');
ask('free', model => 'mini-1', '-at' => '/identity/off/v1');
is(who(), '200 free/t-free///// first', 'ai_identity off');
http_post('/self/v1/chat/completions', chat(model => 'mini-1', user => 'me'));
is(who(), '200 ////u-me/me/ first', 'of itself');

http_post('/subrequest/v1/chat/completions', chat(model => 'mini-1'));
is(who(), '200 somebody////// first', 'of auth_request');
denied(http_post('/subrequest/v1/chat/completions', chat(model => 'smart-1'),
                 'X-Role' => 'dev'), undef, '... with a role');


sub ask {
    my ($key, %o) = @_;

    my $at = delete $o{-at} // '/v1';
    my $headers = delete $o{-headers} // {};
    my $to = delete $o{-to};

    return post($key, "$at/chat/completions" . ($to ? "?to=$to" : ''),
                chat(%o), %$headers);
}


sub post {
    my ($key, $uri, $json, %h) = @_;
    return http_post($uri, $json, Authorization => "Bearer sk-ai-$key", %h);
}


sub get {
    my ($key, $uri) = @_;
    return http_get($uri, Authorization => "Bearer sk-ai-$key");
}


sub failing {
    my ($key) = @_;
    return ask($key, model => 'mini-1', user => 'fail');
}


sub who {
    my $n = 0;
    $t->wait_for(sub { my $was = $n; $n = () = $t->log_lines('who.log');
                       $was && $was == $n }, 2);
    my @lines = $t->log_lines('who.log');
    chomp(my $line = $lines[-1] // '');
    return $line;
}


sub tried { return join ' ', (split / /, who() =~ s/,//gr, 3)[2] }


sub models {
    my ($key) = @_;
    return join ' ', sort map { $_->{id} }
        @{ get($key, '/v1/models')->json->{data} };
}


# 403, in words that tell nothing of what would be allowed

sub denied {
    my ($r, $what, $name) = @_;

    local $Test::Builder::Level = $Test::Builder::Level + 1;

    my $message = eval { $r->json->{error}{message} } // '';

    ok($r->status == 403 && $message =~ /not allowed/
       && $message !~ /mini|first|both|dev|get_/, "denied: $name")
        or diag($r->status . ' ' . $r->body);
    ok(scalar $t->wait_log(qr/is not allowed to use this $what,/, 2),
       "... the log: this $what") if $what;
}
