package AI::Test::Money;

# Checkers C1 to C3, whether the money adds up: collects what t/lib/money.py
# compares.  The access log must be in money_format().

use strict;
use warnings;

use Cwd ();
use Exporter qw/ import /;
use File::Basename qw/ dirname /;
use JSON::PP ();

our @EXPORT = qw/ money_format money_log money_usage money_limits
                  money_provider money_differences /;

my $lib = Cwd::realpath(dirname(__FILE__) . '/../..');
my $json = JSON::PP->new->utf8->canonical->allow_nonref;


# The log_format, to be put into http {}: money_format('money', key =>
# '$ai_key_id', team => '$ai_team').  A request's tag is what tells it from
# all others.

sub money_format {
    my ($name, %dims) = @_;

    my %fields = (
        tag => '$http_x_tag', status => '$status', msec => '$msec',
        request_time => '$request_time', attempts => '$ai_attempts',
        prompt => '$ai_prompt_tokens', completion => '$ai_completion_tokens',
        cost => '$ai_cost', source => '$ai_usage_source',
        route => '$ai_route', provider => '$ai_provider',
        model => '$ai_upstream_model', %dims);

    return "log_format $name escape=json '{"
        . join(',', map { qq("$_":"$fields{$_}") } sort keys %fields)
        . "}';";
}


# Its rows.

sub money_log {
    my ($t, $name) = @_;
    return [ map { $json->decode($_) } $t->log_lines($name) ];
}


# Of ai_api: money_usage('/ai', ['key', 'team'], args => 'from=2026-01-01',
# -port => 8081); get is http_get() of AI::Test.

sub money_usage {
    my ($uri, $dims, %o) = @_;

    my $args = delete $o{args};
    my $data = get("$uri/usage?group_by=" . join(',', @$dims)
                   . ($args ? "&$args" : ''), %o);
    return { group_by => $dims, data => $data, node => $o{node} || 'usage' };
}


sub money_limits {
    my ($uri, %o) = @_;

    my $args = delete $o{args};
    return get("$uri/limits" . ($args ? "?$args" : ''), %o);
}


sub get {
    my ($uri, %o) = @_;

    delete $o{node};
    my $r = AI::Test::http_get($uri, %o);
    die "$uri: " . ($r->status // 'nothing') . "\n" if ($r->status // 0) != 200;
    return $r->json->{data};
}


# What a mock provider was asked, and what by its own account that is worth:
# rows for C2.  tag: sub (request) { .. }, else the header x-tag, or "user" in
# the body; usage: sub (request, reply) { { prompt, completion } }, else the
# "usage" of the rule that answered, nothing for answers that are none.

sub money_provider {
    my ($mock, %o) = @_;

    my $tag = $o{tag} || sub { $_[0]{h}{'x-tag'} // $_[0]{json}{user} };
    my $usage = $o{usage} || usage_of_rules($mock);
    my (%reply, @rows);

    $reply{"$_->{port} $_->{conn} $_->{req}"} = $_ for $mock->events('reply');

    for my $r ($mock->ledger) {
        my $reply = $reply{"$r->{port} $r->{conn} $r->{req}"};
        my $used = $usage->($r, $reply) || {};

        push @rows, { tag => $tag->($r) // '', model => $r->{json}{model},
            prompt => $used->{prompt} || 0,
            completion => $used->{completion} || 0,
            sure => $reply && $reply->{why} eq 'ok' ? \1 : \0 };
    }

    return \@rows;
}


sub usage_of_rules {
    my ($mock) = @_;

    my $rules = $json->decode($mock->{t}->slurp($mock->{file}));
    my @usage = map { usage_in($_->{reply}) } @$rules;

    return sub { defined $_[0]{rule} ? $usage[ $_[0]{rule} ] : undef };
}


# The last one in an answer.

sub usage_in {
    my ($reply) = @_;

    return undef if ref $reply ne 'HASH' || ($reply->{status} || 200) >= 400;

    my ($usage) = grep { ref eq 'HASH' } map { $_->{usage} }
        grep { ref eq 'HASH' } $reply->{json}, reverse @{ $reply->{sse} || [] };
    return undef if !$usage;

    return { prompt => $usage->{prompt_tokens},
             completion => $usage->{completion_tokens} };
}


# The differences, a sentence each: log, usage (a list), provider, limits and
# the options of money.py's check().

sub money_differences {
    my ($t, %what) = @_;

    my $file = $t->testdir . '/money.json';
    open my $fh, '>', $file or die "$file: $!\n";
    print $fh $json->encode(\%what);
    close $fh;
    $t->{own}{'money.json'} = 1;

    my ($code, $out, $err) = $t->capture([ 'sh', '-c',
        'exec python3 "$1" <"$2"', 'sh', "$lib/money.py", $file ]);
    die "money.py: $err\n" if $code > 1 || $out !~ /^\[/;

    return @{ $json->decode($out) };
}


1;
