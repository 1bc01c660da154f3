#!/usr/bin/perl

# Keys made by ai_api: made, changed, rotated, blocked and deleted, they are
# good or not at once in every worker; over restarts, kill -9 and reloads; who
# may do so, and what is refused (F61, S6, S9, S10).

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Digest::SHA qw/ sha256_hex hmac_sha256_hex /;
use Test::More;
use Time::HiRes qw/ sleep time /;

use AI::Test;

# a file that is too large is an error of write(), in nginx too
$SIG{XFSZ} = 'IGNORE';

my $t = AI::Test->new;
$t->without('C1 C2', 'workers are killed, maybe before they write their log');
my $dir = $t->testdir;

my %key = map { $_ => $t->secret("sk-ai-canary-$_-0123456789abcdef") }
    qw/ admin viewer none filed capped other /;

$t->write_file('pepper', "a secret of the test\n");

sub hmac { 'hmac:' . hmac_sha256_hex($key{$_[0]}, 'a secret of the test') }

$t->write_file('keys', join "\n",
    hmac('admin') . ' id=root role=admin',
    hmac('viewer') . ' id=looker role=viewer',
    hmac('none') . ' id=plain',
    hmac('capped') . ' id=capped rpm=2',
    hmac('filed') . ' id=filed team=search rpm=5 budget=1.5/d models=m,n* '
    . 'color=red disabled', '');
$t->write_file('keys.other', 'sha256:' . sha256_hex($key{other})
               . " id=other\n");
chmod 0600, "$dir/keys", "$dir/keys.other";

my $conf = <<'EOC';
%%TEST_GLOBALS%%

worker_processes 4;

events {
}

http {
    %%TEST_GLOBALS_HTTP%%

    ai_zone ai 8m state=%%TESTDIR%%/state;

    log_format who '$status $ai_key_id $ai_team $ai_key_color';
    access_log %%TESTDIR%%/who.log who;

    client_body_buffer_size 1k;

    ai_provider p {
        api openai;
        endpoint http://127.0.0.1:%%PORT_8081%%;
        model m price_in=1 price_out=1;
        model n price_in=1 price_out=1;
    }

    ai_role admin { api write; }
    ai_role viewer { api read; }
    ai_role user { models m; providers *; routes *; operations *; tools *; }

    server {
        listen 127.0.0.1:%%PORT_8080%% reuseport;

        ai_key_file keys pepper=file:%%TESTDIR%%/pepper;

        location = /pid {
            ai_auth off;
            return 200 "$pid";
        }

        location /v1/ {
            ai_pass p;
        }

        location /other/ {
            ai_key_file keys.other;
            ai_auth on made=off;
            ai_pass p;
        }

        location /made/ {
            ai_key_file keys.other;
            ai_pass p;
        }

        location /api/ {
            ai_api write=on;
        }

        location /read/ {
            ai_api;
        }

        location /local/ {
            ai_auth off;
            allow 127.0.0.1;
            deny all;
            ai_api write=on;
        }
    }
}
EOC
$t->write_file_expand('nginx.conf', $conf);

my $mock = $t->mock([
    { match => { path => '/' }, reply => { json => {
        id => 'x', object => 'chat.completion', created => 1, model => 'm',
        choices => [ { index => 0, finish_reason => 'stop', message => {
            role => 'assistant', content => 'hello' } } ],
        usage => { prompt_tokens => 1, completion_tokens => 1,
                   total_tokens => 2 } } } },
], port => 8081);

$t->run;

my $state = "$dir/state/keys";
my @made;


# --- who may

my ($r, $id);

for my $case ([ viewer => 403 ], [ none => 403 ], [ undef, 401 ]) {
    my ($who, $status) = @$case;
    is(api(POST => 'keys', {}, $who)->status, $status,
       ($who // 'nobody') . ' may not make keys');
}
is(api(GET => 'keys', undef, 'viewer')->status, 200, 'a viewer lists them');
is(api(GET => 'keys', undef, 'none')->status, 403, 'and not who has no role');

$r = request('POST', '/read/keys', {}, Authorization => "Bearer $key{admin}");
is($r->status, 405, 'without write=on nobody makes keys');
is($r->header('allow'), 'GET, HEAD', 'and is told so');

$r = request('POST', '/local/keys', {}, Origin => 'http://evil.example');
is($r->status, 403, 'a page of another site does not');
$r = request('POST', '/local/keys', { id => 'by-page' }, Origin
             => 'http://127.0.0.1:' . $t->port(8080), Host
             => '127.0.0.1:' . $t->port(8080));
is($r->status, 201, 'one of this host does');
is($t->error_log(qr/key "by-page" was made by somebody without a key/), 1,
   'and the log says who');
ok(!-e "$dir/state/keys.tmp" && -f $state, 'there is a file');
is(sprintf('%o', (stat $state)[2] & 07777), '600', 'for its owner');

# --- a key

$r = api(POST => 'keys', { id => 'ci-bot', team => 'search', rpm => 1000,
    models => [ 'm', 'x*' ], budget => '50.00/month', project => 'Old "',
    });
is($r->status, 400, 'a quote is refused');

$r = api(POST => 'keys', { id => 'ci-bot', team => 'search team', rpm => 1000,
    models => [ 'm', 'x*' ], budget => '50.25/month', color => 'blue',
    meta => { cost_center => '4711' }, expires => '2037-01-31' });
is($r->status, 201, 'made');
is($r->header('cache-control'), 'no-store', 'not to be kept');
my $made = $r->json;
my $bot = secret($made);
like($bot, qr/^sk-ai-[0-9a-f]{48}$/, 'a secret of 192 bits');
is_deeply({ map { $_ => $made->{$_} } grep { !/^(key|created)$/ }
            keys %$made },
          { object => 'key', id => 'ci-bot', source => 'api',
            disabled => JSON::PP::false(), expired => JSON::PP::false(),
            team => 'search team', models => [ 'm', 'x*' ], rpm => 1000,
            budget => '50.25/month', expires => '2037-01-31T00:00:00Z',
            meta => { color => 'blue', cost_center => '4711' } },
          'what it is');
like($made->{created}, qr/^20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ$/, 'and since');

is_deeply(everywhere($bot), { 200 => 4 }, 'good in every worker, at once');
ok(logged('200 ci-bot search team blue'), 'who it is');
is(chat($bot, 'n')->status, 403, 'for its models only');
is(chat($bot, 'm', '/other/')->status, 401, 'made=off');
is(chat($bot, 'm', '/made/')->status, 200, 'another level');
is(chat($key{other}, 'm', '/made/')->status, 200, 'beside its file');
is(chat($key{other})->status, 401, 'which is not that of others');

is($t->sdk(<<'EOF', OPENAI_API_KEY => $bot), 'hello', 'the SDK');
import json, openai
c = openai.OpenAI()
r = c.chat.completions.create(model='m',
                              messages=[{'role': 'user', 'content': 'hi'}])
print(json.dumps(r.choices[0].message.content))
EOF

# --- what it is, without its secret

$r = api(GET => 'keys/ci-bot');
is($r->status, 200, 'one');
delete @$made{qw/ key /};
is_deeply($r->json, $made, 'is the same, without the secret');

$r = api(GET => 'keys', undef, 'viewer');
my %list = map { $_->{id} => $_ } @{ $r->json->{data} };
is(join(' ', sort keys %list), 'by-page capped ci-bot filed looker other plain root',
   'all keys');
is_deeply($list{filed}, { object => 'key', id => 'filed', source => 'file',
    disabled => JSON::PP::true(), team => 'search', rpm => 5,
    budget => '1.50/d', models => [ 'm', 'n*' ], meta => { color => 'red' } },
    'one of a file');
unlike($r->raw, qr/[0-9a-f]{64}/, 'no digests');
is(ids(api(GET => 'keys?limit=2')), 'root looker', 'some');
ok(api(GET => 'keys?limit=2')->json->{truncated}, 'and that there are more');
is(ids(api(GET => 'keys?after=filed')), 'other by-page ci-bot', 'the rest');
is(api(GET => 'keys?limit=x')->status, 400, 'an argument that is none');
is(api(GET => 'keys/none')->status, 404, 'one that there is not');

unlike($t->read_file('state/keys'), qr/\Q$bot\E/, 'no secret in the file');
like($t->read_file('state/keys'), qr/ hmac:[0-9a-f]{64} id=ci-bot /,
     'but a digest with the pepper');

# --- what is refused

for my $case (
    [ { id => 'ci-bot' }, 409, 'there is a key of this id' ],
    [ { id => 'root' }, 409, 'there is a key of this id' ],
    [ { id => 'a/b' }, 400, 'an "id" has up to 128' ],
    [ { id => '' }, 400, '"id" is a text' ],
    [ { id => 7 }, 400, '"id" is a text' ],
    [ { taem => 'x' }, 400,
      'unknown attribute "taem", did you mean "team"?' ],
    [ { rpm => 'many' }, 400, 'invalid "rpm", it is a plain number' ],
    [ { budget => '50' }, 400, 'invalid "budget"' ],
    [ { expires => 'soon' }, 400, 'invalid date in "expires"' ],
    [ { role => 'amdin' }, 400, 'unknown role "amdin", did you mean "admin"' ],
    [ { operations => [ 'chta' ] }, 400, 'did you mean "chat"' ],
    [ { team => "a\nb" }, 400, 'control character' ],
    [ { 'a b' => 'x' }, 400, 'a name has other characters' ],
    [ { models => [] }, 400, '"models" is empty' ],
    [ { models => [ 'a,b' ] }, 400, '"models" is no text, number or list' ],
    [ { team => { } }, 400, '"team" is no text, number or list' ],
    [ { meta => { id => 'x' } }, 400, '"id" is nothing of "meta"' ],
    [ { disabled => 'no' }, 400, '"disabled" is true or false' ],
    [ { team => 'x' x 20000 }, 400, 'a line is too long' ],
    [ { team => 'x' x 70000 }, 413, 'the body has more than 65536' ],
    [ [ ], 400, 'no JSON object' ],
    [ '{"team":"a","team":"b"}', 400, 'has a name twice' ],
    [ '{"team":', 400, 'the body is no JSON' ])
{
    my ($body, $status, $text) = @$case;
    $r = api(POST => 'keys', $body);
    my $name = ref $body ? json_encode($body) : $body;
    is($r->status, $status, 'refused: ' . substr $name, 0, 50);
    like($r->json->{error}{message}, qr/\Q$text\E/, 'and why');
}

for my $case ([ DELETE => 'keys/filed' ], [ PATCH => 'keys/filed', {} ],
              [ POST => 'keys/root/rotate' ], [ POST => 'keys/root/block' ])
{
    $r = api(@$case);
    is($r->status, 409, "@$case[0, 1]: not one of a file");
    like($r->json->{error}{message}, qr/can only be changed there/, 'says so');
}
for my $case ([ DELETE => 'keys/no' ], [ PATCH => 'keys/no', {} ],
              [ POST => 'keys/no/rotate' ], [ POST => 'keys/no/unblock' ])
{
    is(api(@$case)->status, 404, "@$case[0, 1]: there is none");
}
$r = api(PUT => 'keys/ci-bot');
is($r->status, 405, 'PUT');
is($r->header('allow'), 'GET, HEAD, PATCH, DELETE', 'what there is');
is(api(DELETE => 'keys')->status, 405, 'not all of them');
is(api(POST => 'usage', {})->status, 405, 'others are read only');
is(api(POST => 'keys/ci-bot/rotate', { grace => 'x' })->status, 400,
   'a grace that is none');
is(ids(api(GET => 'keys?after=filed')), 'other by-page ci-bot',
   'nothing of this made a key');

# --- bodies in a file, in pieces, too long in chunks

is(api(POST => 'keys', { id => 'long', team => 'x' x 15000 })->status, 201,
   'a long one');
is(api(DELETE => 'keys/long')->status, 200, 'goes');
is(chunked('{"id":"pieces","team":"x"}', 7, send_size => 50,
           send_gap => 0.002)->status, 201, 'in pieces');
is(api(DELETE => 'keys/pieces')->status, 200, 'goes');
is(chunked('{"team":"' . 'x' x 80000 . '"}', 7000)->status, 413,
   'one whose length nobody knew');

# --- changes

my $other = secret(api(POST => 'keys')->json);
is_deeply(everywhere($other), { 200 => 4 }, 'one of which nothing is said');

is(api(PATCH => 'keys/ci-bot', { team => 'found', color => undef,
       models => [ 'm', 'n' ], id => 'ci-bot' })->status, 200, 'changed');
is(chat($bot, 'n')->status, 200, 'it has another model');
ok(logged('200 ci-bot found -'), 'and team');
is(api(GET => 'keys/ci-bot')->json->{meta}{cost_center}, 4711, 'the others');
is(api(PATCH => 'keys/ci-bot', { id => 'x' })->status, 400, 'not its id');

is(api(POST => 'keys/ci-bot/block')->status, 200, 'blocked');
is_deeply(everywhere($bot), { 401 => 4 }, 'no good in any worker, at once');
is_deeply(everywhere($other), { 200 => 4 }, 'another one is');
like(api(GET => 'keys/ci-bot')->raw, qr/"blocked":"20.*"disabled":true/,
     'is shown');
is(api(POST => 'keys/ci-bot/unblock')->status, 200, 'unblocked');
is_deeply(everywhere($bot), { 200 => 4 }, 'good again');
is(api(PATCH => 'keys/ci-bot', { disabled => JSON::PP::true() })->status, 200,
   'the same with an attribute');
is_deeply(everywhere($bot), { 401 => 4 }, 'no good');
api(PATCH => 'keys/ci-bot', { disabled => JSON::PP::false() });

$r = api(POST => 'keys/ci-bot/rotate', { grace => '2s' });
is($r->status, 200, 'rotated');
my $next = secret($r->json);
isnt($next, $bot, 'another secret');
is_deeply(everywhere($next), { 200 => 4 }, 'the new one is good');
is_deeply(everywhere($bot), { 200 => 4 }, 'the old one still is');
ok(logged('200 ci-bot found -'), 'for the same');
ok($t->wait_for(sub { everywhere($bot)->{401} // 0 == 4 }, 4),
   'until its time is over');
is_deeply(everywhere($next), { 200 => 4 }, 'the new one stays');

$bot = secret(api(POST => 'keys/ci-bot/rotate')->json);
is_deeply(everywhere($next), { 401 => 4 }, 'without grace: at once');
is_deeply(everywhere($bot), { 200 => 4 }, 'and the new one');

is(api(DELETE => 'keys/ci-bot')->json->{deleted}, JSON::PP::true(), 'deleted');
is_deeply(everywhere($bot), { 401 => 4 }, 'no good in any worker, at once');
is(api(GET => 'keys/ci-bot')->status, 404, 'gone');
is(api(POST => 'keys', { id => 'ci-bot' })->status, 201, 'its id is free');

# --- limits of its own

my $tight = secret(api(POST => 'keys', { id => 'tight', rpm => 2 })->json);
is(join(' ', map { chat($key{capped})->status } 1 .. 3), '200 200 429',
   'the limit of one of a file');
is(join(' ', map { chat($tight)->status } 1 .. 3), '200 200 429',
   'its own limit, in all workers');

my $user = secret(api(POST => 'keys', { id => 'u', role => 'user' })->json);
is(chat($user, 'n')->status, 403, 'its role');
is(chat($user, 'm')->status, 200, 'has a model');

# --- workers that are killed, and more of them at once

my @before = $t->workers;
kill 'KILL', @before;
$t->allow(qr/exited on signal 9|signal 9 /);
ok($t->wait_for(sub { my @w = $t->workers; @w == 4 && $w[0] != $before[0] },
                5), 'kill -9');
is_deeply(everywhere($other), { 200 => 4 }, 'keys are good');
is_deeply(everywhere($bot), { 401 => 4 }, 'and those that are not');

# --- a reload: roles are those of the new configuration

(my $without = $conf) =~ s/ai_role user .*\n//;
$t->write_file_expand('nginx.conf', $without);
ok($t->reload(wait_old => 1), 'reload without a role');
is(chat($user, 'm')->status, 403, 'who has it may do nothing');
is_deeply(everywhere($other), { 200 => 4 }, 'others may');

$t->write_file_expand('nginx.conf', $conf);
ok($t->reload(wait_old => 1), 'and with it');
is(chat($user, 'm')->status, 200, 'may again');

# --- a pepper that is gone

$t->write_file('pepper', "another secret\n");
$t->quiet_log;
ok($t->reload(wait_old => 1), 'another pepper');
is(chat($other)->status, 401, 'no good without it');
like(($t->error_log(qr/\[warn\].*are no good without/))[0],
     qr/ 5 keys in "\S+state\/keys" are no good without the "pepper="/,
     'and nginx says so');
like(request('GET', '/local/keys/u')->raw, qr/"pepper":"missing"/,
     'and shows it');
$t->write_file('pepper', "a secret of the test\n");
ok($t->reload(wait_old => 1), 'the former one');
is_deeply(everywhere($other), { 200 => 4 }, 'all is well');

# --- a restart; many changes make the file anew

$t->stop;
is(-s $state, length $t->read_file('state/keys'), 'the file stays');

# somebody was killed in the middle of a line

open my $fh, '>>', $state or die;
print $fh '+ 01234567 99 created=1';
close $fh;

$t->run;
is_deeply(everywhere($other), { 200 => 4 }, 'after a restart');
my $size = -s $state;
is(api(POST => 'keys/ci-bot/block')->status, 200, 'a change behind the ruins');
my $content = $t->read_file('state/keys');
is($content =~ /created=1$/m, '', 'which are gone');
is_deeply(everywhere($other), { 200 => 4 }, 'still good');

my $inode = (stat $state)[1];
for (1 .. 520) {
    api(POST => 'keys/u/block');
    api(POST => 'keys/u/unblock');
}
isnt((stat $state)[1], $inode, 'many changes: another file');
my $lines = () = $t->read_file('state/keys') =~ /\n/g;
cmp_ok($lines, '<', 1100, 'that is small');
is_deeply(everywhere($other), { 200 => 4 }, 'keys are good');
is_deeply(everywhere($user), { 200 => 4 }, 'this one too');
my $late = secret(api(POST => 'keys', { id => 'late' })->json);
is_deeply(everywhere($late), { 200 => 4 }, 'and new ones');

# --- a file that is damaged: workers go on, nginx does not start

my $good = $t->read_file('state/keys');
(my $bad = $good) =~ s/id=u role="user"/id=u role="root"/;
isnt($bad, $good, 'a line is changed');
my ($line) = grep { (split /\n/, $bad)[$_ - 1] =~ /role="root"/ }
    1 .. ($bad =~ tr/\n//);
$t->write_file('state/keys', $bad);
sleep 0.6;
is_deeply(everywhere($other), { 200 => 4 }, 'damaged: workers go on');
is(chat($user, 'n')->status, 403, 'with what they know');
$r = api(POST => 'keys', {});
is($r->status, 500, 'nothing is changed');
like($r->json->{error}{message}, qr/file of keys cannot be read/, 'says so');
is($t->read_file('state/keys'), $bad, 'and the file stays as it is');

$t->allow(qr/\[emerg\]/);
ok(!$t->reload, 'a reload is refused');
ok($t->wait_log(qr/\[emerg\].*a line is not as it was written in \S+keys:$line$/,
                2), 'and says where');
my ($ok, $said) = $t->test_config;
ok(!$ok && $said =~ /a line is not as it was written in \S+keys:$line\n/,
   'as nginx -t does') or diag($said);

$t->write_file('state/keys', $good);
ok($t->reload(wait_old => 1), 'mended');
is_deeply(everywhere($late), { 200 => 4 }, 'all is well');

# --- a file that is taken away comes back with the next change

unlink $state;
sleep 0.6;
is_deeply(everywhere($late), { 200 => 4 }, 'gone: workers go on');
is(api(DELETE => 'keys/late')->status, 200, 'a change');
is_deeply(everywhere($late), { 401 => 4 }, 'holds');
is_deeply(everywhere($other), { 200 => 4 }, 'with all others');
$t->stop;
$t->run;
is_deeply(everywhere($other), { 200 => 4 }, 'after a restart');

# --- a disk that is full

SKIP: {
    skip('no limit of files as root without prlimit', 3)
        if system('prlimit --version >/dev/null 2>&1');

    my $was = -s $state;
    system('prlimit', "--pid=$_", "--fsize=$was:unlimited") for $t->workers;
    $r = api(POST => 'keys', { id => 'full' });
    is($r->status // 0, 500, 'no room');
    is(-s $state, $was, 'nothing is written');
    system('prlimit', "--pid=$_", '--fsize=unlimited:unlimited') for $t->workers;
    is(api(POST => 'keys', { id => 'full' })->status, 201, 'room again');
}

# --- many

my $text = "# keys\n";
my @many = map { sprintf 'sk-ai-%048x', $_ } 1 .. 10000;
for my $i (1 .. 10000) {
    $text .= line('+', "$i created=1700000000 sha256:"
        . sha256_hex($many[$i - 1]) . " id=k$i team=t$i models=m,gpt-4o* "
        . "rpm=1000 budget=50.00/month cost_center=$i");
}
$t->write_file('state/keys', $text);
sleep 0.6;
my $begin = time;
is(chat($many[0])->status, 200, '10000 keys: read by one worker');
my $took = time - $begin;
diag(sprintf 'read and answered in %.0f ms', $took * 1000);
cmp_ok($took, '<', $t->is_asan ? 5 : 1, 'quickly');
is_deeply(everywhere($many[9999]), { 200 => 4 }, 'by all of them');
$begin = time;
secret(api(POST => 'keys', { id => 'one-more' })->json);
$took = time - $begin;
cmp_ok($took, '<', 1, 'one more');
$r = api(GET => 'keys?after=k9990');
is(scalar @{ $r->json->{data} }, 11, 'listed');

# no secret anywhere

my @files = grep { -f } glob "$dir/state/* $dir/*.log";
my $all = join '', map { $t->read_file(substr $_, 1 + length $dir) }
    grep { !/ledger/ } @files;
is(scalar(grep { index($all, $_) >= 0 } @made), 0, 'no secret in any file');


sub api {
    my ($method, $path, $body, $who) = @_;

    my @key = @_ > 3 ? defined $who ? (Authorization => "Bearer $key{$who}")
                                    : ()
                     : (Authorization => "Bearer $key{admin}");
    return request($method, "/api/$path", $body, @key);
}


sub request {
    my ($method, $uri, $body, %h) = @_;

    $body = ref $body ? json_encode($body) : $body // '';
    my $host = delete $h{Host} // 'a';
    my $head = join '', map { "$_: $h{$_}\r\n" } keys %h;
    $head .= 'Content-Length: ' . length($body) . "\r\n" if length $body;

    return http("$method $uri HTTP/1.1\r\nHost: $host\r\n"
                . "Connection: close\r\n$head\r\n$body");
}


sub chunked {
    my ($body, $size, %o) = @_;

    return http("POST /api/keys HTTP/1.1\r\nHost: a\r\nConnection: close\r\n"
        . "Authorization: Bearer $key{admin}\r\n"
        . "Transfer-Encoding: chunked\r\n\r\n"
        . join('', map { sprintf "%x\r\n%s\r\n", length $_, $_ }
               unpack "(a$size)*", $body) . "0\r\n\r\n", %o);
}


sub chat {
    my ($key, $model, $prefix) = @_;

    return http_post(($prefix // '/v1/') . 'chat/completions',
        { model => $model // 'm',
          messages => [ { role => 'user', content => 'hi' } ] },
        Authorization => "Bearer $key");
}


# what the key gets in each of the workers

sub everywhere {
    my ($key) = @_;

    my %status;
    for (1 .. 400) {
        my $s = http("GET /pid HTTP/1.1\r\nHost: a\r\n\r\n", start => 1)
            or next;
        my $pid = http_end($s, until => qr/\r\n\r\n\d+/)->body;
        if (!$status{$pid}) {
            my $body = json_encode({ model => 'm', messages => [
                { role => 'user', content => 'hi' } ] });
            $status{$pid} = http("POST /v1/chat/completions HTTP/1.1\r\n"
                . "Host: a\r\nConnection: close\r\n"
                . "Authorization: Bearer $key\r\n"
                . 'Content-Length: ' . length($body) . "\r\n\r\n$body",
                socket => $s)->status;
        }
        close $s;
        last if keys %status == 4;
    }
    my %n;
    $n{$_}++ for values %status;
    return \%n;
}


sub secret {
    my ($made) = @_;

    push @made, $made->{key} // die 'no key: ' . json_encode($made);
    return $made->{key};
}


sub ids { return join ' ', map { $_->{id} } @{ $_[0]->json->{data} } }

# one of the last requests

sub logged {
    my ($line) = @_;

    return $t->wait_for(sub {
        my @lines = grep { !/^\d+ (root)? / } $t->log_lines('who.log');
        return @lines && $lines[-1] eq $line;
    }, 2);
}


sub line {
    my ($type, $text) = @_;
    return sprintf "%s %08x %s\n", $type, crc32($text), $text;
}


sub crc32 {
    my ($text) = @_;
    my $crc = 0xffffffff;
    for my $c (unpack 'C*', $text) {
        $crc ^= $c;
        $crc = $crc & 1 ? ($crc >> 1) ^ 0xedb88320 : $crc >> 1 for 1 .. 8;
    }
    return $crc ^ 0xffffffff;
}
