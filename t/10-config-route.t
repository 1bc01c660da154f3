#!/usr/bin/perl

# ai_route { ... } and ai_require at nginx -t: what is refused, with the exact
# message and place, and what is taken.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use AI::Test;

my $t = AI::Test->new;
my $dir = $t->testdir;

$t->allow(qr/\[emerg\]/);

my $head = $t->expand("%%TEST_GLOBALS%%\nevents { }\nhttp {\n"
                      . "%%TEST_GLOBALS_HTTP%%\n");

# behind every case, so that routes name what comes later in the file

my $providers = <<'EOF';
ai_provider openai { endpoint http://127.0.0.1:1; }
ai_provider local {
    api openai_compatible;
    endpoint http://127.0.0.1:1;
    model llama-3 as=llama-3-70b;
    model qwen*;
}
EOF

# [ lines of http{}, message ]; the message's place is where @@ stands

my @refused = (

    # the block

    [ 'ai_route "a/b" { @@', 'invalid name "a/b" of ai_route, it may have '
      . 'letters, digits, "_", "-" and "."' ],
    [ "ai_route r { target openai; }\nai_route r { \@\@",
      'duplicate ai_route "r"' ],
    [ "ai_route r { \@\@\n}", 'no "target" in ai_route "r"' ],
    [ "ai_route r { \@\@\n    least_conn;\n}",
      'no "target" in ai_route "r"' ],
    [ "ai_route r { \@\@\n    target openai backup;\n"
      . "    target local down;\n}",
      'all targets of ai_route "r" are "backup" or "down"' ],
    [ 'server { ai_route r { @@ } }',
      '"ai_route" directive is not allowed here' ],

    # what other versions have

    map({ [ "ai_route r { $_; \@\@ }",
            'unknown directive "' . (split)[0] . '" in ai_route' ] }
        'sticky $arg_a', 'hedge 1s', 'cascade $arg_a', 'random two',
        'least_time first_token', 'shadow openai'),
    [ 'ai_route r { least_cost; @@ }', 'unknown directive "least_cost" in '
      . 'ai_route, did you mean "least_conn"?' ],
    [ 'ai_route r { targte openai; @@ }',
      'unknown directive "targte" in ai_route, did you mean "target"?' ],

    # target

    [ "ai_route r {\n    target openai;\n    target opnai; \@\@\n}",
      'unknown ai_provider "opnai", did you mean "openai"?' ],
    [ "ai_route r {\n    target nothing-like-it; \@\@\n}",
      'unknown ai_provider "nothing-like-it"' ],
    [ 'ai_route r { target; @@ }',
      'invalid number of arguments in "target" directive' ],
    [ "ai_route r {\n    target local model=llama3; \@\@\n}",
      'ai_provider "local" does not offer the model "llama3", '
      . 'did you mean "llama-3"?' ],
    [ "ai_route r {\n    target local model=gpt-4o; \@\@\n}",
      'ai_provider "local" does not offer the model "gpt-4o"' ],
    [ 'ai_route r { target openai model=; @@ }',
      'invalid parameter "model=" of "target"' ],
    [ 'ai_route r { target openai model=a model=b; @@ }',
      'duplicate parameter "model=b" of "target"' ],
    map({ [ "ai_route r { target openai weight=$_; \@\@ }",
            "invalid parameter \"weight=$_\" of \"target\"" ] }
        '0', '-1', '1.5', 'x', '', '1000001'),
    [ 'ai_route r { target openai weight=1 weight=2; @@ }',
      'duplicate parameter "weight=2" of "target"' ],
    [ 'ai_route r { target openai backup backup; @@ }',
      'duplicate parameter "backup" of "target"' ],
    [ 'ai_route r { target openai down down; @@ }',
      'duplicate parameter "down" of "target"' ],
    [ 'ai_route r { target openai max_prompt=8k; @@ }',
      'invalid number in "max_prompt=8k", tokens are counted in plain '
      . 'numbers such as 128000' ],
    [ 'ai_route r { target openai min_prompt=1 min_prompt=1; @@ }',
      'duplicate parameter "min_prompt=1" of "target"' ],
    [ 'ai_route r { target openai min_prompt=9 max_prompt=8; @@ }',
      '"min_prompt" of target "openai" is above its "max_prompt"' ],
    [ 'ai_route r { target openai if=1; @@ }',
      'no variable in parameter "if=1" of "target"' ],
    [ 'ai_route r { target openai if=$a if=$b; @@ }',
      'duplicate parameter "if=$b" of "target"' ],
    [ 'ai_route r { target openai wieght=3; @@ }',
      'unknown parameter "wieght=3" of "target", did you mean "weight"?' ],
    [ 'ai_route r { target openai require=tools; @@ }',
      'unknown parameter "require=tools" of "target"' ],
    [ 'ai_route r { target openai price_max=1; @@ }',
      'unknown parameter "price_max=1" of "target"' ],
    [ 'ai_route r { target openai if=$ai_no_such_thing; @@ }',
      'unknown "ai_no_such_thing" variable', 'anywhere' ],

    # what cannot take effect

    [ "ai_route r {\n    priority;\n    target openai weight=2; \@\@\n}",
      '"weight" of target "openai" cannot take effect with "priority"' ],
    [ "ai_route r {\n    target openai;\n"
      . "    target local backup weight=2; \@\@\n}",
      '"weight" of target "local" cannot take effect with "backup"' ],

    # balancing

    [ 'ai_route r { least_conn; priority; @@ }',
      '"priority" conflicts with "least_conn"' ],
    [ 'ai_route r { hash $arg_a; least_conn; @@ }',
      '"least_conn" conflicts with "hash"' ],
    [ 'ai_route r { priority; hash $arg_a; @@ }',
      '"hash" conflicts with "priority"' ],
    [ 'ai_route r { priority; priority; @@ }', '"priority" is duplicate' ],
    [ 'ai_route r { hash $arg_a; hash $arg_b; @@ }', '"hash" is duplicate' ],
    [ 'ai_route r { hash abc; @@ }', 'no variable in the key "abc" of "hash"'
    ],
    [ 'ai_route r { hash $arg_a consistant; @@ }',
      'unknown parameter "consistant" of "hash"' ],
    [ 'ai_route r { least_conn on; @@ }',
      'invalid number of arguments in "least_conn" directive' ],

    # next_upstream

    [ 'ai_route r { next_upstream error http_501; @@ }',
      'invalid value "http_501" in "next_upstream", did you mean "http_500"?'
    ],
    [ 'ai_route r { next_upstream errors; @@ }',
      'invalid value "errors" in "next_upstream", did you mean "error"?' ],
    [ 'ai_route r { next_upstream off error; @@ }',
      '"off" conflicts with other values in "next_upstream"' ],
    [ 'ai_route r { next_upstream error; next_upstream off; @@ }',
      '"next_upstream" is duplicate' ],
    [ 'ai_route r { next_upstream_tries x; @@ }',
      'invalid number "x" in "next_upstream_tries"' ],
    [ 'ai_route r { next_upstream_timeout x; @@ }',
      'invalid time "x" in "next_upstream_timeout"' ],
    [ 'ai_next_upstream error http_999; @@',
      'invalid value "http_999" in "ai_next_upstream", '
      . 'did you mean "http_429"?' ],

    # ai_require

    [ 'ai_require caps tools; @@',
      'unknown parameter "caps" of "ai_require", it must be "region", '
      . '"provider" or "tag:KEY"' ],
    [ 'ai_require tag: a; @@', 'invalid tag in "tag:" of "ai_require"' ],
    [ 'ai_require region; @@',
      'invalid number of arguments in "ai_require" directive' ],
    [ 'ai_require off; ai_require region eu; @@',
      '"ai_require" directive conflicts with "ai_require off" of this level'
    ],
    [ 'ai_require region eu; ai_require off; @@',
      '"ai_require" directive conflicts with "ai_require off" of this level'
    ],
    [ 'ai_require off; ai_require off; @@',
      '"ai_require" directive is duplicate' ],
);

for my $case (@refused) {
    my ($text, $message, $where) = @$case;

    my ($ok, $said) = check($text);
    my $place = $where ? '' : " in $dir/nginx.conf:" . line_of($text);

    ok(!$ok && $said =~ /\[emerg\] (?:\d+#\d+: )?\Q$message$place\E\n/,
       $message) or diag("config: $text\nsaid: $said");
}

# without any provider a route has nothing to name

{
    my ($ok, $said) = check("ai_route r {\n    target openai;\n}", '');
    ok(!$ok && index($said, 'unknown ai_provider "openai" in '
                     . "$dir/nginx.conf:" . (2 + $head =~ tr/\n//)) > 0,
       'no providers') or diag($said);
}

my @taken = (
    'ai_route r { target openai; }',
    'ai_route openai { target local; target openai backup; }',
    'ai_route r { target openai weight=1000000; target local weight=1;
                  least_conn; }',
    'ai_route r { priority; target openai max_prompt=1500;
                  target local min_prompt=1 max_prompt=1; }',
    'ai_route r { target openai; target openai; target openai model=a; }',
    'ai_route r { hash $http_x_user consistent; target openai down;
                  target local if=$arg_local; target openai backup; }',
    'ai_route r { target local model=$arg_model; target local model=qwen3; }',
    'ai_route r { target openai; next_upstream off; next_upstream_tries 0;
                  next_upstream_timeout 20s; }',
    'ai_route r { target openai; next_upstream error timeout http_5xx quota
                  auth context_length content_filter non_idempotent
                  invalid_response first_token_timeout http_408; }',
    'ai_require region $arg_r; ai_require provider "openai, local";
     server { ai_require off;
              location / { ai_require tag:retention zero; } }',
);

for my $text (@taken) {
    my ($ok, $said) = check($text);

    (my $name = $text) =~ s/\s+/ /g;
    ok($ok && $said !~ /\[warn\]/, 'taken: ' . substr $name, 0, 60)
        or diag("said: $said");
}

{
    my ($ok, $said) = check('ai_route r { target openai;
        next_upstream error error; @@ }');
    ok($ok && $said =~ /\[warn\].* duplicate value "error" in "next_upstream"/,
       'a word twice is warned about') or diag($said);
}


sub check {
    my ($text, $more) = @_;

    # the braces of a case may be left open where it is refused before them
    (my $config = $text) =~ s/\@\@//;
    my $open = () = $config =~ /\{/g;
    my $shut = () = $config =~ /\}/g;
    $config .= ' }' x ($open - $shut);

    $config .= "\n" . ($more // $providers);
    $t->write_file('nginx.conf', "$head$config}\n");

    truncate "$dir/test.out", 0;
    return $t->test_config;
}


# the line of the mark

sub line_of {
    my ($text) = @_;

    my ($before) = $text =~ /^(.*?)\@\@/s or return 0;
    return 1 + ($head =~ tr/\n//) + ($before =~ tr/\n//);
}
