#!/usr/bin/perl

# ai_token_count and ai_tokenizer at nginx -t: what is refused, with the exact
# message and place, and what is taken.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use MIME::Base64;
use Test::More;

use AI::Test;

my $t = AI::Test->new;
my $dir = $t->testdir;

$t->allow(qr/\[emerg\]/);

my $head = $t->expand("%%TEST_GLOBALS%%\nevents { }\nhttp {\n"
                      . "%%TEST_GLOBALS_HTTP%%\n");

my $model = '"*" may only be its last character';
my $number = 'invalid number of arguments in "ai_tokenizer" directive';

my @refused = (

    # ai_token_count

    [ 'ai_token_count; @@',
      'invalid number of arguments in "ai_token_count" directive' ],
    [ 'ai_token_count auto estimate; @@',
      'invalid number of arguments in "ai_token_count" directive' ],
    map({ [ "ai_token_count $_; \@\@", "invalid value \"$_\"" ] }
        'on', 'off', 'tokenizers', 'exact'),
    [ 'ai_token_count auto; ai_token_count auto; @@',
      '"ai_token_count" directive is duplicate' ],

    # ai_tokenizer

    [ 'ai_tokenizer; @@', $number ],
    [ 'ai_tokenizer good.tiktoken; @@', $number ],
    [ 'ai_tokenizer good.tiktoken pattern=llama3; @@',
      '"ai_tokenizer" directive names no model' ],
    [ 'ai_tokenizer good.tiktoken pattern=llama4 m; @@', 'unknown pattern '
      . '"llama4" of "ai_tokenizer", did you mean "llama3"?' ],
    [ 'ai_tokenizer good.tiktoken m pattern=cl100k; @@', 'unknown pattern '
      . '"cl100k" of "ai_tokenizer"' ],
    [ 'ai_tokenizer good.tiktoken pattern= m; @@', 'unknown pattern "" of '
      . '"ai_tokenizer"' ],
    [ 'ai_tokenizer good.tiktoken pattern=qwen pattern=qwen m; @@',
      'duplicate parameter "pattern=qwen" of "ai_tokenizer"' ],
    [ 'ai_tokenizer good.tiktoken patern=qwen m; @@', 'unknown parameter '
      . '"patern=qwen" of "ai_tokenizer", it has "pattern"' ],
    map({ [ "ai_tokenizer good.tiktoken m $_; \@\@",
            "invalid model name \"$_\", $model" ] }
        'llama-*-8b', '*-8b', '**'),
    [ 'ai_tokenizer good.tiktoken ""; @@',
      "invalid model name \"\", $model" ],
    [ 'ai_tokenizer good.tiktoken m n m; @@',
      'duplicate model "m" of "ai_tokenizer"' ],
    [ "ai_tokenizer good.tiktoken m;\nai_tokenizer good.tiktoken n m; \@\@",
      'duplicate model "m" of "ai_tokenizer"' ],
    [ 'ai_tokenizer none.tiktoken m; @@',
      "open() \"$dir/none.tiktoken\" failed (2: No such file or directory)"
    ],
    [ 'ai_tokenizer "" m; @@', 'invalid file name' ],
    map({ [ "ai_tokenizer $_ m; \@\@", "\"$dir/$_\" is no file, is empty, or "
            . 'is larger than 67108864 bytes' ] } 'empty.tiktoken',
        'folder'),
    [ 'server { ai_tokenizer good.tiktoken m; @@ }',
      '"ai_tokenizer" directive is not allowed here' ],
);

# a vocabulary of the bytes and some words; what may be wrong with its lines

my @lines = map { encode_base64($_->[1], '') . " $_->[0]\n" }
    do { my $n = 0; map { [ $n++, $_ ] } map({ chr } 0 .. 255),
         ' t', ' th', 'he', ' the' };

my @files = (
    [ sub { $_[2] = "hello\n" }, 3,
      'no token and rank with a space between them' ],
    [ sub { $_[2] = "AA==\t2\n" }, 3,
      'no token and rank with a space between them' ],
    [ sub { $_[9] =~ s/ \d+/ x/ }, 10, 'the rank is no number' ],
    [ sub { $_[9] =~ s/ \d+/ -1/ }, 10, 'the rank is no number' ],
    [ sub { $_[4] =~ s/^../!!/ }, 5, 'the token is no base64' ],
    [ sub { $_[0] = "{ \"model\": {\n" }, 1, 'the rank is no number' ],
    [ sub { $_[7] =~ s/ \d+/ 1000/ }, 8,
      'the ranks are not 0 to the number of lines' ],
    [ sub { $_[7] =~ s/ \d+/ 6/ }, 8, 'the rank is there twice' ],
    [ sub { my $n = 0; $_ = '' for @_[0 .. 255];
            s/ \d+/' ' . $n++/e for @_ }, undef,
      'not all single bytes are tokens' ],
);

$t->write_file('good.tiktoken', join '', @lines);
$t->write_file('empty.tiktoken', '');
mkdir "$dir/folder";

for my $case (@refused) {
    my ($text, $message) = @$case;

    my ($ok, $said) = check($text);
    my $place = " in $dir/nginx.conf:" . line_of($text);

    ok(!$ok && $said =~ /\[emerg\] (?:\d+#\d+: )?\Q$message$place\E\n/,
       $message) or diag("config: $text\nsaid: $said");
}

for my $case (@files) {
    my ($spoil, $line, $message) = @$case;

    my @bad = @lines;
    $spoil->(@bad);
    $t->write_file('bad.tiktoken', join '', @bad);

    my $text = "ai_tokenizer good.tiktoken a;\n"
        . 'ai_tokenizer bad.tiktoken b; @@';
    my ($ok, $said) = check($text);
    my $place = " in \"$dir/bad.tiktoken\""
        . (defined $line ? " line $line" : '')
        . " in $dir/nginx.conf:" . line_of($text);

    ok(!$ok && $said =~ /\[emerg\] (?:\d+#\d+: )?\Q$message$place\E\n/,
       "a file: $message") or diag("said: $said");
}

my @taken = (
    'ai_token_count auto;', 'ai_token_count tokenizer;',
    'ai_token_count estimate;
     server { ai_token_count auto;
              location / { ai_token_count tokenizer; } }',
    'ai_tokenizer good.tiktoken m;',
    "ai_tokenizer $dir/good.tiktoken m n* *;",
    map({ "ai_tokenizer good.tiktoken pattern=$_ m;" }
        qw/ cl100k_base o200k_base tekken qwen llama3 /),
    'ai_tokenizer good.tiktoken m; ai_tokenizer good.tiktoken m*;',
);

for my $text (@taken) {
    my ($ok, $said) = check($text);

    (my $name = $text) =~ s/\s+/ /g;
    ok($ok && $said !~ /\[warn\]/, 'taken: ' . substr $name, 0, 60)
        or diag("said: $said");
}


sub check { return $t->check_config($head, @_) }
sub line_of { return $t->marked_line($head, @_) }
