#!/usr/bin/perl

# Prices at nginx -t: ai_price_file, ai_price, and those of a model line; what
# is refused, with the exact message and place, and what is taken.

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

sub model { "ai_provider p { api openai; endpoint http://127.0.0.1:1; "
    . "model m $_[0]; \@\@ }" }

sub million { "invalid price \"$_[0]\", it is a number of USD a million" }

my @refused = (

    # ai_price

    [ 'ai_price; @@', 'invalid number of arguments in "ai_price" directive' ],
    [ 'ai_price gpt-4o; @@',
      'invalid number of arguments in "ai_price" directive' ],
    [ 'ai_price gpt-4o inptu=1; @@', 'unknown parameter "inptu=1" of '
      . '"ai_price", did you mean "input"?' ],
    [ 'ai_price gpt-4o input=1 outptu=2; @@', 'unknown parameter "outptu=2" '
      . 'of "ai_price", did you mean "output"?' ],
    [ 'ai_price gpt-4o something=1; @@',
      'unknown parameter "something=1" of "ai_price"' ],
    [ 'ai_price gpt-4o input; @@',
      'no value in parameter "input" of "ai_price"' ],
    [ 'ai_price gpt-4o input=1 input=2; @@', 'duplicate price "input=2"' ],
    map({ [ "ai_price gpt-4o input=$_; \@\@", million("input=$_") ] }
        '', 'x', '-1', '1x', '$1', '1,5', '0x10', '1e99', '1e-10', 'nan',
        '10k', '+1', '.5'),
    map({ [ "ai_price gpt-4o $_=free; \@\@", million("$_=free") ] }
        qw/ output cached cache_write cache_write_1h reasoning input_audio
            output_audio input_image output_image character /),
    map({ [ "ai_price gpt-4o $_=free; \@\@",
            "invalid price \"$_=free\", it is a number of USD" ] }
        qw/ request search image second /),
    map({ [ "ai_price $_ input=1; \@\@", "invalid model name \"$_\", "
            . '"*" may only be its last character' ] }
        'gpt-*-mini', '*-mini', '**'),
    [ 'ai_price "" input=1; @@', 'invalid model name "", "*" may only be its '
      . 'last character' ],
    [ "ai_price gpt-4o input=1;\nai_price gpt-4o output=2; \@\@",
      'duplicate price of "gpt-4o"' ],
    [ "ai_price gpt-4* input=1;\nai_price gpt-4* output=2; \@\@",
      'duplicate price of "gpt-4*"' ],
    [ 'server { ai_price gpt-4o input=1; @@ }',
      '"ai_price" directive is not allowed here' ],

    # the line of a provider's model

    [ model('price_in=x'), million('price_in=x') ],
    [ model('price_in=-1'), million('price_in=-1') ],
    [ model('price_cache_write='), million('price_cache_write=') ],
    [ model('price_in=1 price_in=1'), 'duplicate price "price_in=1"' ],
    [ model('price_ni=1'), 'unknown parameter "price_ni=1" of "model", did '
      . 'you mean "price_in"?' ],
    [ model('price_catched=1'), 'unknown parameter "price_catched=1" of '
      . '"model", did you mean "price_cached"?' ],
    [ model('price_=1'), 'unknown parameter "price_=1" of "model", did you '
      . 'mean "price_in"?' ],

    # ai_price_file

    [ 'ai_price_file; @@',
      'invalid number of arguments in "ai_price_file" directive' ],
    [ 'ai_price_file a.json b.json; @@',
      'invalid number of arguments in "ai_price_file" directive' ],
    [ 'ai_price_file none.json; @@',
      "open() \"$dir/none.json\" failed (2: No such file or directory)" ],
    [ 'ai_price_file ""; @@', 'invalid file name' ],
    map({ [ "ai_price_file $_; \@\@", "\"$dir/$_\" is no file, is empty, or "
            . 'is larger than 67108864 bytes' ] } 'empty.json', 'folder'),
    [ 'server { ai_price_file good.json; @@ }',
      '"ai_price_file" directive is not allowed here' ],
);

# what a file may have wrong: [ text, message, line ]

my @files = (
    [ "{\n  \"models\": {\n    \"m\": { \"input\": 1 \"output\": 2 }\n} }\n",
      qr/The text does not follow the JSON grammar/, 3 ],
    [ "{ \"models\": {\n", qr/The text ends too early/, 2 ],
    [ "[ 1 ]\n", qr/prices are a JSON object/, 1 ],
    [ "hello\n", qr/The text does not follow the JSON grammar/, 1 ],
    [ "{ \"unit\": \"1M\",\n  \"modles\": {} }\n", qr/unknown key "modles"/, 2 ],
    [ "{ \"models\": [] }\n", qr/"models" must be an object/, 1 ],
    [ "{ \"unit\": \"1G\", \"models\": {} }\n",
      qr/"unit" must be "1M", "1K" or "1"/, 1 ],
    [ "{ \"models\": {\n  \"m\": { \"input\": 1,\n  \"inptu\": 1 } } }\n",
      qr/unknown key "inptu"/, 3 ],
    [ "{ \"models\": { \"m\": { \"input\": -1 } } }\n",
      qr/a price is negative, too large, or no number/, 1 ],
    [ "{ \"models\": { \"m\": { \"input\": \"1\" } } }\n",
      qr/a price is negative, too large, or no number/, 1 ],
    [ "{ \"models\": { \"m\": 1 } }\n", qr/prices must be an object/, 1 ],
    [ "{ \"models\": { \"m\": { \"tiers\": [\n{ \"input\": 1 } ] } } }\n",
      qr/one of "tiers" has no "above"/, 2 ],
    [ "{ \"gpt-4o\": {\n  \"litellm_provider\": \"openai\",\n"
      . "  \"input_cost_per_token\": -1 } }\n",
      qr/a price is negative, too large, or no number/, 3 ],
);

$t->write_file('good.json', <<'EOF');
{ "models": { "gpt-4o": { "input": 2.5, "output": 10, "cached": 1.25 } } }
EOF
$t->write_file('litellm.json', <<'EOF');
{ "gpt-4o": { "litellm_provider": "openai", "mode": "chat",
    "input_cost_per_token": 2.5e-06, "output_cost_per_token": 1e-05 } }
EOF
$t->write_file('empty.json', '');
mkdir "$dir/folder";

for my $case (@refused) {
    my ($text, $message) = @$case;

    my ($ok, $said) = check($text);
    my $place = " in $dir/nginx.conf:" . line_of($text);

    ok(!$ok && $said =~ /\[emerg\] (?:\d+#\d+: )?\Q$message$place\E\n/,
       $message) or diag("config: $text\nsaid: $said");
}

for my $case (@files) {
    my ($text, $message, $line) = @$case;

    $t->write_file('bad.json', $text);
    my ($ok, $said) = check("ai_price_file good.json;\n"
                            . "ai_price_file bad.json; \@\@");
    my $place = " in \"$dir/bad.json\" line $line in $dir/nginx.conf:"
        . (line_of('@@') + 1);

    ok(!$ok && $said =~ /\[emerg\] (?:\d+#\d+: )?$message\Q$place\E\n/,
       "a file: $message, line $line") or diag("file: $text\nsaid: $said");
}

my @taken = (
    'ai_price gpt-4o input=2.5 output=10;',
    'ai_price gpt-4o input=0;',
    'ai_price gpt-4o input=2.5 output=10 cached=1.25 cache_write=3
              cache_write_1h=6 reasoning=10 input_audio=40 output_audio=80
              input_image=5 output_image=40 character=15 request=0.01
              search=0.025 image=0.04 second=0.0001;',
    'ai_price gpt-4o input=1e-3; ai_price gpt-4o* input=1;
     ai_price azure/gpt-4o input=1; ai_price * input=1;',
    'ai_price_file good.json;',
    'ai_price_file litellm.json; ai_price_file good.json;
     ai_price gpt-4o input=1;',
    "ai_price_file $dir/good.json;",
    model('as=n context=8000 max_output=100 price_in=1 price_out=2.5
           price_cached=0 price_cache_write=1.25'),
    model('price_in=0 price_out=0'),
);

for my $text (@taken) {
    my ($ok, $said) = check($text);

    (my $name = $text) =~ s/\s+/ /g;
    ok($ok && $said !~ /\[warn\]/, 'taken: ' . substr $name, 0, 60)
        or diag("said: $said");
}


sub check { return $t->check_config($head, @_) }
sub line_of { return $t->marked_line($head, @_) }
