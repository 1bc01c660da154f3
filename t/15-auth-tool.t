#!/usr/bin/perl

# src/auth/ai-key and "make key": what it prints is a key that works, with each
# kind of pepper; and no two are the same (S6).

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use AI::Test;
use AI::Test::Chat;

my $t = AI::Test->new;
my $dir = $t->testdir;
my $tool = $t->root . '/src/auth/ai-key';

$t->write_file('pepper', "a pepper\n");
$ENV{AI_TEST_PEPPER} = 'another pepper';

my @keys;

for my $pepper ("file:$dir/pepper", 'env:AI_TEST_PEPPER', '') {
    my ($code, $out) = $t->capture([ $^X, $tool, 'k' . @keys, $pepper,
                                     'team=x', 'project=a b' ]);
    is($code, 0, "a key with \"$pepper\"");
    like($out, qr/\Ask-ai-[0-9a-f]{48}\n\w+:[0-9a-f]{64}[ ]id=k\d[ ]team=x
                  [ ]project="a[ ]b"\n\z/x, '... and its line');
    push @keys, [ split /\n/, $out ];
}

my ($code, $out) = $t->capture([ 'make', '-s', '-f',
    $t->root . '/Makefile.dist', 'key', 'ID=made', 'ARGS=team=y tier=gold' ]);
is($code, 0, 'make key');
push @keys, [ split /\n/, $out ];
like($keys[3][1], qr/^sha256:\S+ id=made team=y tier=gold$/, '... its line');

my %seen = map { $_->[0] => 1 } @keys;
is(scalar(keys %seen), 4, 'each is another one');
isnt(scalar($t->capture([ $^X, $tool ])), 0, 'an id is needed');
isnt(($t->capture([ $^X, $tool, 'x', 'file:/no/such/file' ]))[0], 0,
     'a pepper that is not there');

$t->secret($_->[0]) for @keys;
$t->write_file("keys.$_", "$keys[$_][1]\n") for 0 .. 3;
chmod 0600, glob "$dir/keys.*";

$t->write_file_expand('nginx.conf', <<'EOC');
%%TEST_GLOBALS%%

env AI_TEST_PEPPER;

events {
}

http {
    %%TEST_GLOBALS_HTTP%%

    ai_provider p {
        api openai;
        endpoint http://127.0.0.1:%%PORT_8081%%;
    }

    server {
        listen 127.0.0.1:%%PORT_8080%%;

        ai_key_file keys.0 pepper=file:pepper;
        ai_key_file keys.1 pepper=env:AI_TEST_PEPPER;
        ai_key_file keys.2;
        ai_key_file keys.3 pepper=file:pepper;

        location / {
            add_header X-Who "$ai_key_id $ai_team" always;
            ai_pass p;
        }
    }
}
EOC

$t->run;

for my $i (0 .. 3) {
    my $r = http_get('/v1/models', Authorization => "Bearer $keys[$i][0]");
    is($r->status, 200, "key $i works");
    is($r->header('x-who'), $i == 3 ? 'made y' : "k$i x", '... and is named');
}

my $wrong = $keys[0][0];
$wrong =~ s/(.)$/$1 eq '0' ? '1' : '0'/e;
is(http_get('/v1/models', Authorization => "Bearer $wrong")->status, 401,
   'one digit off');

# a key that is taken out is refused from the reload on

$t->write_file('keys.0', "# nobody\n");
chmod 0600, "$dir/keys.0";
ok($t->reload(wait_old => 1), 'reload');
is(http_get('/v1/models', Authorization => "Bearer $keys[0][0]")->status, 401,
   'a key that was taken out');
is(http_get('/v1/models', Authorization => "Bearer $keys[1][0]")->status, 200,
   '... and another one');
