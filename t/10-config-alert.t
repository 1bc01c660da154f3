#!/usr/bin/perl

# ai_alert at nginx -t: what is refused, with the exact message and place, and
# what is taken.

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
    . "%%TEST_GLOBALS_HTTP%%\nai_provider p { api openai; "
    . "endpoint http://127.0.0.1:1; model m; }\n");

my $url = 'url=http://127.0.0.1:1/x';

sub alert { "ai_alert a $_[0]; \@\@" }

my @refused = (
    [ 'ai_alert; @@', 'invalid number of arguments in "ai_alert" directive' ],
    [ alert(''), 'invalid number of arguments in "ai_alert" directive' ],
    [ "server { ai_alert a on=soft $url; \@\@ }",
      '"ai_alert" directive is not allowed here' ],
    [ "ai_alert a/b on=soft $url; \@\@", 'invalid alert name "a/b"' ],
    [ "ai_alert a on=soft $url;\nai_alert a on=exceeded $url; \@\@",
      'duplicate ai_alert "a"' ],

    [ alert($url), 'no parameter "on" in ai_alert "a"' ],
    [ alert('on=soft'), 'no parameter "url" in ai_alert "a"' ],
    map({ [ alert("$_="), "no value in parameter \"$_=\" of \"ai_alert\"" ],
          [ alert($_), "no value in parameter \"$_\" of \"ai_alert\"" ] }
        qw/ on zone factor window cooldown url header /),

    [ alert('no=soft'), 'unknown parameter "no=soft" of "ai_alert"' ],
    [ alert('colddown=1h'), 'unknown parameter "colddown=1h" of "ai_alert", '
      . 'did you mean "cooldown"?' ],
    [ alert('on=exceded'), 'unknown event "on=exceded" of "ai_alert", did you '
      . 'mean "exceeded"?' ],
    [ alert('on=anything'), 'unknown event "on=anything" of "ai_alert"' ],
    map({ [ alert("on=$_ $url"), "event \"on=$_\" of \"ai_alert\" is not "
            . 'supported yet' ] } qw/ breaker error_rate /),
    [ alert('on=soft on=exceeded'),
      'duplicate parameter "on=exceeded" of "ai_alert"' ],

    [ alert('zone=a/b'), 'invalid "zone=a/b" of "ai_alert"' ],
    [ alert('zone=a zone=b'), 'duplicate parameter "zone=b" of "ai_alert"' ],
    map({ [ alert("factor=$_"), "invalid \"factor=$_\" of \"ai_alert\", it is "
            . 'a number above 1 and at most 1000' ] }
        qw/ x 0 1 -2 1000.1 1001 1.0001 1e3 2x /),
    [ alert('factor=2 factor=2'),
      'duplicate parameter "factor=2" of "ai_alert"' ],
    map({ my $name = $_;
          map({ [ alert("$name=$_"), "invalid \"$name=$_\" of \"ai_alert\", it "
                  . 'is a time from 1s to 31d' ] } qw/ x 0 -1 32d 10q /),
          [ alert("$name=1m $name=1m"),
            "duplicate parameter \"$name=1m\" of \"ai_alert\"" ] }
        qw/ window cooldown /),
    [ alert("on=soft factor=2 $url"), '"factor" of ai_alert "a" requires '
      . '"on=spend_rate"' ],
    [ alert("on=exceeded window=1m $url"), '"window" of ai_alert "a" requires '
      . '"on=spend_rate"' ],

    [ alert("on=soft $url $url"), 'duplicate parameter "url" of "ai_alert"' ],
    [ alert('on=soft url=ftp://h/'), 'no "http://" or "https://" in '
      . '"ftp://h/"' ],
    [ alert('on=soft url=/x'), 'no "http://" or "https://" in "/x"' ],
    [ alert('on=soft url=http:///x'), 'no host in "http:///x"' ],
    [ alert('on=soft url=http://u:p@h/'), 'user and password are not allowed '
      . 'in "http://u:p@h/"' ],
    [ alert('url=env:AI_NO_SUCH'), 'environment variable "AI_NO_SUCH" is not '
      . 'set' ],

    map({ [ alert("'header=$_'"), "invalid \"header=$_\" of \"ai_alert\", it "
            . 'is "NAME: VALUE"' ] } 'X', 'X Y'),
    map({ [ alert("'header=$_: x'"), "invalid \"header=$_\" of \"ai_alert\", "
            . 'it is "NAME: VALUE"' ] }
        'X Y', 'Host', 'content-length', 'Transfer-Encoding', 'Content-Type'),
    [ alert("'header=X: a\nb'"), 'control character in "header=X" of '
      . '"ai_alert"' ],
);

$t->write_file('hook', "http://127.0.0.1:1/secret\n");

for my $case (@refused) {
    my ($text, $message) = @$case;

    my ($ok, $said) = check($text);
    my $place = " in $dir/nginx.conf:" . line_of($text);

    ok(!$ok && $said =~ /\[emerg\] (?:\d+#\d+: )?\Q$message$place\E\n/,
       $message) or diag("config: $text\nsaid: $said");
}

my @taken = (
    "ai_alert a on=soft $url;",
    "ai_alert a on=soft $url; ai_alert b on=exceeded cooldown=1d $url;",
    "ai_alert a on=spend_rate factor=2.5 window=1m cooldown=31d $url;",
    "ai_alert a on=soft $url header=X-Token:abc 'header=Authorization: "
        . "file:hook';",
    "ai_alert a on=exceeded url=file:hook;",
    "ai_alert a on=exceeded url=http://localhost:1;",
);

for my $text (@taken) {
    my ($ok, $said) = check($text);

    ok($ok && $said !~ /\[warn\]/, 'taken: ' . substr $text, 0, 60)
        or diag("said: $said");
}


sub check { return $t->check_config($head, @_) }
sub line_of { return $t->marked_line($head, @_) }
