package AI::Test::Port;

# Free loopback ports.  A port is ours while we hold the lock on its file, so
# that test files running at the same time never get the same one; it is below
# the range the kernel takes client ports from.

use strict;
use warnings;

use Fcntl qw/ :flock /;
use File::Spec;
use IO::Socket::INET;

use constant { FIRST => 18000, COUNT => 12000 };

my @locks;      # held until the process ends
my $next;


sub take {
    my $dir = File::Spec->catdir(File::Spec->tmpdir, "ai-test-ports-$<");
    mkdir $dir;

    # the same test file starts at the same place, for readable logs
    $next = FIRST + unpack('%32C*', $0) * 97 % COUNT if !defined $next;

    for (1 .. COUNT) {
        my $port = $next++;
        $next = FIRST if $next >= FIRST + COUNT;

        open my $fh, '>>', "$dir/$port" or next;
        flock($fh, LOCK_EX | LOCK_NB) or next;
        is_free($port) or next;

        push @locks, $fh;
        return $port;
    }

    die "no free port\n";
}


sub is_free {
    my ($port) = @_;

    return defined IO::Socket::INET->new(
        LocalAddr => '127.0.0.1', LocalPort => $port,
        Proto => 'tcp', Listen => 1, ReuseAddr => 1);
}


1;
