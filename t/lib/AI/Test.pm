package AI::Test;

# Test harness: an nginx of its own in a folder of its own, mock providers,
# clients, and the checks that every test ends with.  t/README.md has the
# table of verbs.  Core Perl modules only.

use strict;
use warnings;

use Cwd ();
use Exporter qw/ import /;
use File::Basename qw/ basename dirname /;
use File::Path qw/ rmtree make_path /;
use File::Temp ();
use JSON::PP ();
use POSIX ();
use Test::More import => [qw( ok is diag note done_testing )];
use Time::HiRes qw/ sleep time /;

use AI::Test::End;
use AI::Test::HTTP qw/ http_connect http_send http_read parse_all sse /;
use AI::Test::Mock;
use AI::Test::Port;
use AI::Test::Redis;

our @EXPORT = qw/ http http_get http_post http_end sse json_encode
                  json_decode /;

use constant ANSWER_MAX => 4 << 20;     # of an answer kept for the key check

my $root = Cwd::realpath(dirname(__FILE__) . '/../../..');
my $build = $ENV{BUILD} || "$root/build";
my $json = JSON::PP->new->utf8->canonical->allow_nonref;

my @live;           # objects whose end checks are still to come
my $current;        # the one that http() and friends speak to
my $used;           # this process is a test that made an object
my $owner = $$;     # children must not run the END block
my $plan;
my $added = 0;      # tests made by finish()


# --- the object ----------------------------------------------------------

# new(debug => 1): error_log at debug level

sub new {
    my ($class, %o) = @_;

    my $name = basename($0);
    $name =~ s/\.t$//;

    my $self = bless {
        name => $name,
        debug => $o{debug} // $ENV{TEST_NGINX_DEBUG} // 0,
        dir => File::Temp::tempdir("ai-$name-XXXXXX", TMPDIR => 1),
        ports => {}, daemons => [], own => {}, secrets => [], answers => [],
        allowed => [], mocks => 0, asked => [], mock_handles => [],
        without => {},
    }, $class;

    $self->{dir} = Cwd::realpath($self->{dir});

    # a worker that is not root must reach its files
    chmod 0755, $self->{dir};

    push @live, $self;
    $current = $self;
    $used = 1;
    $SIG{PIPE} = 'IGNORE';

    # through END, which stops what was started
    $SIG{$_} ||= sub { exit 130 } for qw/ INT TERM HUP /;

    return $self;
}


sub testdir { return $_[0]{dir} }

sub root { return $root }

sub is_asan { return $ENV{TEST_NGINX_STATIC} ? 1 : 0 }


# The number of the test's own tests; those added at the end are not in it.

sub plan {
    my ($self, $n) = @_;
    $plan = $n;
    return $self;
}


# Skips the whole file when nginx lacks something: parts of configure's
# argument names (http_v2, threads), or a version (">= 1.25.1").

sub has {
    my ($self, @features) = @_;

    for (@features) {
        next if $self->has_feature($_);
        $self->discard;
        plan_skip("nginx lacks $_");
    }
    return $self;
}


sub has_feature {
    my ($self, $feature) = @_;

    my $v = nginx_version();
    return version_at_least($1) if $feature =~ /^>= ([\d.]+)$/;
    return $v =~ /--with-(?:http_)?\Q$feature\E(?:_module)?\b/;
}


sub has_version { return version_at_least($_[1]) }


sub plan_skip {
    Test::More::plan(skip_all => $_[0]);
}


{
    my $text;

    sub nginx_version {
        my $binary = nginx_binary();
        return $text //= `$binary -V 2>&1`;
    }
}


sub version_at_least {
    my ($want) = @_;

    my ($have) = nginx_version() =~ m{nginx/([\d.]+)} or return 0;
    return sprintf('%03d%03d%03d', split /\./, $have)
        ge sprintf('%03d%03d%03d', split /\./, $want);
}


sub nginx_binary {
    return $ENV{TEST_NGINX_BINARY} if $ENV{TEST_NGINX_BINARY};
    for (split(/:/, $ENV{PATH}), '/usr/sbin', '/usr/local/sbin') {
        return "$_/nginx" if -x "$_/nginx";
    }
    return 'nginx';
}


# --- files ---------------------------------------------------------------

sub write_file {
    my ($self, $name, $content) = @_;

    my $path = "$self->{dir}/$name";
    make_path(dirname($path));
    open my $fh, '>', $path or die "$path: $!\n";
    binmode $fh;
    utf8::encode($content) if utf8::is_utf8($content);
    print $fh $content;
    close $fh or die "$path: $!\n";

    $self->{own}{$name} = 1;
    return $self;
}


sub write_file_expand {
    my ($self, $name, $content) = @_;
    return $self->write_file($name, $self->expand($content));
}


# nginx.conf, or any other text with the same words

sub expand {
    my ($self, $text) = @_;

    $text =~ s/%%TEST_GLOBALS%%/$self->globals/ge;
    $text =~ s/%%TEST_GLOBALS_HTTP%%/$self->globals_http($text)/ge;
    $text =~ s/%%TESTDIR%%/$self->{dir}/g;
    $text =~ s/%%ROOT%%/$root/g;
    $text =~ s/%%PORT_(\w+)%%/$self->port($1)/ge;
    return $text;
}


sub globals {
    my ($self) = @_;

    my $level = $self->{debug} ? 'debug' : 'info';
    my @lines = ("daemon off;", "pid $self->{dir}/nginx.pid;",
                 "error_log $self->{dir}/error.log $level;");

    # what a worker writes (sanitizer reports too) goes to the test's folder
    push @lines, 'user root;' if $> == 0;
    push @lines, "load_module " . module_path() . ";"
        if !$ENV{TEST_NGINX_STATIC} && !$self->{plain};

    return join "\n", @lines, '';
}


sub module_path {
    return $ENV{TEST_NGINX_MODULE} || "$build/ngx_http_ai_gateway_module.so";
}


sub globals_http {
    my ($self, $text) = @_;

    my @temp = qw/ client_body proxy fastcgi uwsgi scgi /;
    my $log = "access_log $self->{dir}/access.log;";

    # where money is counted the checks at the end count as well
    if (($text // '') =~ /^\s*ai_(?:limit_zone|api)\b|\bstate=/m
        && !$self->{plain})
    {
        $log .= ' ' . end_format($self->{dir});
        $self->{own}{'ai-end.log'} = 1;
    }

    return join "\n    ",
        "root $self->{dir};", $log,
        map({ "${_}_temp_path $self->{dir}/${_}_temp;" } @temp), '';
}


# An nginx without the module, for the harness's own test.

sub plain { my ($self) = @_; $self->{plain} = 1; return $self }


sub read_file {
    my ($self, $name) = @_;
    return $self->slurp("$self->{dir}/$name");
}


# The whole lines of a log that is being written: the last one may be there in
# part, since nginx's one write() becomes visible page by page.

sub log_lines {
    my ($self, $name) = @_;
    return $self->read_file($name) =~ /([^\n]*)\n/g;
}


sub slurp {
    my ($self, $path) = @_;

    open my $fh, '<', $path or return '';
    binmode $fh;
    local $/;
    return scalar(<$fh>) // '';
}


# The lines of error.log, or those that match.

sub error_log {
    my ($self, $re) = @_;

    my @lines = $self->log_lines('error.log');
    return defined $re ? grep { /$re/ } @lines : @lines;
}


# Waits until a line of error.log matches.

sub wait_log {
    my ($self, $re, $seconds) = @_;
    return $self->wait_for(sub { ($self->error_log($re))[0] }, $seconds);
}


# Calls until it returns something true, or the time is over.

sub wait_for {
    my ($self, $code, $seconds) = @_;

    my $end = time + ($seconds || 10);
    while (1) {
        my $value = $code->();
        return $value if $value || time > $end;
        sleep 0.02;
    }
}


# The port of a label: $t->port(8080) is what %%PORT_8080%% became.

sub port {
    my ($self, $label) = @_;
    return $self->{ports}{$label} //= AI::Test::Port::take();
}


# --- nginx ---------------------------------------------------------------

sub run {
    my ($self, %o) = @_;

    die "nginx runs already\n" if $self->{pid};

    $self->{log_from} = -s "$self->{dir}/error.log" || 0;
    $self->{runs}++;
    $self->{pid} = $self->spawn([ $self->command ], "$self->{dir}/nginx.out",
                                env => { $self->preload });

    my $up = $self->wait_for(sub {
        !$self->alive($self->{pid}) || $self->workers_up
    }, $o{timeout} || 30);

    if (!$up || !$self->alive($self->{pid})) {
        my $text = $self->read_file('nginx.out')
            . join "\n", $self->error_log(qr/\[(?:emerg|alert)\]/);
        $self->{failed} = 1;
        die "nginx did not start:\n$text\n";
    }

    return $self;
}


# What looks at nginx's loop, and what a test wants besides:
# $t->{preload} = [files], $t->{env} = { NAME => value }.

sub preload {
    my ($self) = @_;

    my %env = %{ $self->{env} || {} };
    my @files = @{ $self->{preload} || [] };

    if (!$self->{without}{C6} && (my $lag = c_library('lag'))) {
        unshift @files, $lag;
        $env{AI_LAG} = "$self->{dir}/ai-lag";
        $self->{own}{'ai-lag'} = 1;
    }

    $env{LD_PRELOAD} = join ':', @files if @files;
    return %env;
}


# t/lib/lag.c, compiled; undef where there is no compiler.

sub c_library {
    my ($name) = @_;
    my $source = "$root/t/lib/$name.c";
    my $file = "$build/$name.so";

    if (!-e $file || -M $file > -M $source) {
        make_path($build);
        my @cc = ($ENV{CC} || 'cc', qw/ -std=gnu11 -O2 -shared -fPIC -o /);
        system(@cc, "$file.$$", $source, '-ldl') == 0 or return undef;
        rename "$file.$$", $file;
    }
    return $file;
}


sub command {
    my ($self) = @_;
    return (nginx_binary(), '-p', "$self->{dir}/", '-c',
            "$self->{dir}/nginx.conf", '-e', "$self->{dir}/error.log");
}


# nginx -t: (exit code 0?, what it said)

sub test_config {
    my ($self) = @_;

    my $pid = $self->spawn([ $self->command, '-t' ], "$self->{dir}/test.out");
    waitpid $pid, 0;
    my $ok = $? == 0;

    # -t writes to stderr and, for what is refused, to error.log as well;
    # that one is expected
    my $said = $self->read_file('test.out');
    $self->{refused} = 1 if !$ok;
    return wantarray ? ($ok, $said) : $ok;
}


# All workers of this start have said so in the log, or the pid file is there
# and the log is silent.

sub workers_up {
    my ($self) = @_;

    return 0 if !-s "$self->{dir}/nginx.pid";
    my $log = substr $self->read_file('error.log'), $self->{log_from};
    return $log =~ /start worker process \d/ || $self->{quiet_log};
}


# For a configuration whose error_log does not show notices.

sub quiet_log { my ($self) = @_; $self->{quiet_log} = 1; return $self }


sub pid { return $_[0]{pid} }


# pids of the workers that live now

sub workers {
    my ($self) = @_;

    my %pids = map { $_ => 1 } $self->started_workers;
    return grep { kill 0, $_ } sort { $a <=> $b } keys %pids;
}


sub started_workers {
    my ($self) = @_;
    return $self->read_file('error.log') =~ /start worker process (\d+)/g;
}


sub signal {
    my ($self, $name) = @_;
    $self->{reloads}++ if $name eq 'HUP';
    kill $name, $self->{pid};
    return $self;
}


# HUP; true when the new workers run (and, with wait_old, the old ones have
# gone), false when the configuration was refused.

sub reload {
    my ($self, %o) = @_;

    my @old = $self->workers;
    my $from = -s "$self->{dir}/error.log";
    my $new = sub { substr $self->read_file('error.log'), $from };

    $self->signal('HUP');

    my $got = $self->wait_for(sub {
        my $log = $new->();
        $log =~ /\[emerg\]/ ? 'refused'
            : $log =~ /start worker process \d/ ? 'up' : 0;
    }, $o{timeout} || 30);

    return 0 if !$got || $got eq 'refused';

    # the old ones stop taking connections once they have had the signal
    $self->wait_for(sub {
        my $n = () = $new->() =~ /gracefully shutting down/g;
        $n >= @old || !grep { kill 0, $_ } @old;
    }, 10);

    if ($o{wait_old}) {
        return 0 if !$self->wait_for(sub { !grep { kill 0, $_ } @old },
                                     $o{timeout} || 30);
    }
    return 1;
}


# Graceful stop; returns the exit code of the master, undef if it had to be
# killed.

sub stop {
    my ($self, %o) = @_;

    my $pid = delete $self->{pid} or return 0;

    kill $o{signal} || 'QUIT', $pid;

    if (!$self->wait_exit($pid, $o{timeout} || 20)) {
        push @{ $self->{problems} }, 'nginx did not stop in time';
        my @workers = $self->workers;
        kill 'KILL', $pid, @workers;
        waitpid $pid, 0;
        return;
    }

    my $code = $self->{exits}{$pid};
    push @{ $self->{problems} }, "master exited with status $code" if $code;
    return $code;
}


sub wait_exit {
    my ($self, $pid, $seconds) = @_;

    return $self->wait_for(sub { !$self->alive($pid) }, $seconds);
}


# A child of ours that has not ended (and collects its status if it has).

sub alive {
    my ($self, $pid) = @_;

    return 0 if !$pid || exists $self->{exits}{$pid};
    return 1 if waitpid($pid, POSIX::WNOHANG()) == 0;
    $self->{exits}{$pid} = $?;
    return 0;
}


sub spawn {
    my ($self, $command, $out, %o) = @_;

    my $pid = fork // die "fork: $!\n";
    return $pid if $pid;

    die_with_parent();

    local @ENV{qw/ ASAN_OPTIONS UBSAN_OPTIONS /}
        = ($self->sanitizer_options) x 2;
    local @ENV{keys %{ $o{env} || {} }} = values %{ $o{env} || {} };

    open STDIN, '<', '/dev/null';
    open STDOUT, '>>', $out or POSIX::_exit(126);
    open STDERR, '>&', \*STDOUT;
    exec { $command->[0] } @$command or do {
        print STDERR "$command->[0]: $!\n";
        POSIX::_exit(127);
    };
}


# A case of "nginx -t" behind a head that opens http { }: as test_config.  "@@"
# marks the line that a message is to name, and is taken out; braces may be left
# open where a case is refused before them.

sub check_config {
    my ($self, $head, $text) = @_;

    (my $config = $text) =~ s/\@\@//;
    my $open = () = $config =~ /\{/g;
    my $shut = () = $config =~ /\}/g;
    $config .= ' }' x ($open - $shut);

    $self->write_file_expand('nginx.conf', "$head$config\n}\n");

    truncate "$self->{dir}/test.out", 0;
    return $self->test_config;
}


# The number of the line with the mark, 0 without one.

sub marked_line {
    my ($self, $head, $text) = @_;

    my ($before) = $text =~ /^(.*?)\@\@/s or return 0;
    return 1 + ($head =~ tr/\n//) + ($before =~ tr/\n//);
}


# For ASAN_OPTIONS and UBSAN_OPTIONS of an nginx.

sub sanitizer_options {
    my ($self) = @_;

    return 'detect_leaks=0:halt_on_error=1:print_stacktrace=1:'
        . "log_path=$self->{dir}/sanitizer";
}


# In the child: TERM when the test is killed without a chance to clean up
# (prctl(PR_SET_PDEATHSIG); its number is known for this machine only).

sub die_with_parent {
    syscall(157, 1, 15, 0, 0, 0) if (POSIX::uname())[4] eq 'x86_64';
}


# --- other processes -----------------------------------------------------

# Runs a program (a list) or Perl code until the end of the test; its output
# is in TESTDIR/name.out.

sub run_daemon {
    my ($self, $command, %o) = @_;

    my $name = $o{name} || 'daemon-' . @{ $self->{daemons} };
    my $pid;

    if (ref $command eq 'CODE') {
        $pid = fork // die "fork: $!\n";
        if (!$pid) {
            @SIG{qw/ INT TERM HUP /} = ('DEFAULT') x 3;
            die_with_parent();
            eval { $command->(); 1 } or print STDERR $@;
            POSIX::_exit(0);
        }

    } else {
        $pid = $self->spawn($command, "$self->{dir}/$name.out", %o);
        $self->{own}{"$name.out"} = 1;
    }

    push @{ $self->{daemons} }, $pid;
    return $pid;
}


sub stop_daemon {
    my ($self, $pid, $signal) = @_;

    @{ $self->{daemons} } = grep { $_ != $pid } @{ $self->{daemons} };
    return if !$self->alive($pid);

    kill 'CONT', $pid;
    kill $signal || 'TERM', $pid;
    return if $self->wait_exit($pid, 5);
    kill 'KILL', $pid;
    $self->wait_exit($pid, 5);
}


sub waitforsocket {
    my ($self, $port, $seconds) = @_;

    return $self->wait_for(sub {
        defined IO::Socket::INET->new(PeerAddr => '127.0.0.1',
                                      PeerPort => $port, Proto => 'tcp')
    }, $seconds);
}


# A mock provider: $t->mock($rules, port => 8081, tls => 1).  The port is a
# label as in %%PORT_8081%%, or a list of them; none: some free port.

sub mock {
    my ($self, $rules, %o) = @_;

    my $labels = $o{port} // 'mock' . ($self->{mocks} + 1);
    my @ports = map { $self->port($_) }
        ref $labels ? @$labels : $labels;
    my $name = 'mock-' . ++$self->{mocks};

    $self->{own}{"$name.$_"} = 1 for qw/ json jsonl ports out /;

    if ($o{tls}) {
        my $cert = $self->cert($o{cn} || 'localhost', %o);
        @o{qw/ cert key /} = @$cert{qw/ cert key /};
        $o{ca} = $self->ca;
    }

    my $mock = AI::Test::Mock->start($self, %o, name => $name,
        dir => $self->{dir}, ports => \@ports, script => $rules,
        program => "$root/t/lib/mock.py");
    push @{ $self->{mock_handles} }, $mock;
    return $mock;
}


# A Redis server without files; returns its port.  Options go to redis-server.
# AI::Test::Redis has more.

sub redis {
    my ($self, @options) = @_;

    my $redis = AI::Test::Redis->start($self, options => \@options);
    $self->{redis_pid} = $redis->pid;
    return $redis->port;
}


# --- certificates --------------------------------------------------------

# The CA's file, made at the first use.

sub ca {
    my ($self) = @_;

    my $ca = "$self->{dir}/ca.pem";
    return $ca if -e $ca;

    $self->openssl(qw/ req -x509 -newkey rsa:2048 -nodes -days 30 -subj /,
                   '/CN=test CA', '-keyout', "$self->{dir}/ca.key",
                   '-out', $ca);
    $self->{own}{$_} = 1 for qw/ ca.pem ca.key ca.srl /;
    return $ca;
}


# A certificate for a name, signed by the CA: { cert, key }.  days => -1 makes
# an expired one, names => [..] more names, self_signed => 1 without the CA.

sub cert {
    my ($self, $cn, %o) = @_;

    my $base = "$self->{dir}/cert-" . ++$self->{certs};
    my $names = join ',', 'IP:127.0.0.1',
        map { "DNS:$_" } $cn, @{ $o{names} || [] };
    $names =~ s/IP:127\.0\.0\.1,// if $o{no_ip};
    my $days = $o{days} || 30;
    my $ca = $self->ca;

    $self->openssl(qw/ req -new -newkey rsa:2048 -nodes -subj /, "/CN=$cn",
                   '-keyout', "$base.key", '-out', "$base.csr");
    $self->write_file(basename($base) . '.ext', "subjectAltName=$names\n");

    my @sign = $o{self_signed} ? ('-signkey', "$base.key")
        : ('-CA', $ca, '-CAkey', "$self->{dir}/ca.key", '-CAcreateserial');
    $self->openssl('x509', '-req', '-in', "$base.csr", '-days', $days, @sign,
                   '-extfile', "$base.ext", '-out', "$base.pem");

    $self->{own}{basename($base) . ".$_"} = 1 for qw/ key csr pem /;
    return { cert => "$base.pem", key => "$base.key" };
}


sub openssl {
    my ($self, @args) = @_;

    my $pid = $self->spawn([ '/usr/bin/openssl', @args ],
                           "$self->{dir}/openssl.out");
    $self->{own}{'openssl.out'} = 1;
    waitpid $pid, 0;
    die "openssl @args: " . $self->read_file('openssl.out') if $?;
}


# --- clients -------------------------------------------------------------

# http($raw, port => label or number, socket, start, timeout, head, until,
#      read_all, send_size, send_gap, shut_wr); start returns the socket, to
#      be given to http_end().

sub http {
    my ($raw, %o) = @_;

    my $s = $o{socket} || http_connect($current->real_port($o{port}));

    $current->asked($raw);
    http_send($s, $raw, %o) if defined $raw && length $raw;
    return $s if $o{start};
    return http_end($s, %o);
}


# Heads that may have a credential, for the check at the end.

sub asked {
    my ($self, $raw) = @_;

    push @{ $self->{asked} }, substr $raw, 0, 8192
        if defined $raw && @{ $self->{asked} } < 400
           && $raw =~ /^(?:[\w-]*authorization|[\w-]*api-key):/mi;
}


sub http_end {
    my ($s, %o) = @_;
    return $current->keep(http_read($s, %o));
}


sub real_port {
    my ($self, $port) = @_;

    $port //= 8080;
    return $self->{ports}{$port} // $port;
}


# http_get($uri, %headers), http_post($uri, $json or text, %headers): header
# names, and options of http() with a minus: -port => 8081.

sub http_get {
    my ($uri, %h) = @_;
    return request('GET', $uri, undef, %h);
}


sub http_post {
    my ($uri, $body, %h) = @_;
    return request('POST', $uri, $body, %h);
}


sub request {
    my ($method, $uri, $body, %h) = @_;

    my %o = map { /^-(.+)/ ? ($1 => delete $h{$_}) : () } keys %h;
    my %names = map { lc $_ => 1 } keys %h;
    my @lines = ("$method $uri HTTP/1.1");

    push @lines, 'Host: localhost' if !$names{host};
    push @lines, 'Connection: close' if !$names{connection} && !$o{keepalive};

    if (defined $body) {
        $body = $json->encode($body) if ref $body;
        utf8::encode($body) if utf8::is_utf8($body);
        push @lines, 'Content-Type: application/json'
            if !$names{'content-type'};
        push @lines, 'Content-Length: ' . length $body
            if !$names{'content-length'} && !$names{'transfer-encoding'};
    }

    for my $name (sort keys %h) {
        push @lines, "$name: $_"
            for ref $h{$name} ? @{ $h{$name} } : $h{$name};
    }

    return http(join("\r\n", @lines, '', $body // ''), %o);
}


# curl, for HTTP/2 and TLS: $t->curl('/v1/models', args => [..], port => 8443,
# scheme => 'https', http2 => 1, data => $json).  {exit} is curl's exit code.

sub curl {
    my ($self, $uri, %o) = @_;

    my $url = ($o{scheme} || 'http') . '://localhost:'
        . $self->real_port($o{port}) . $uri;
    my @args = ('curl', '-sS', '-i', '-N', '--max-time', $o{timeout} || 30,
                '--resolve', 'localhost:' . $self->real_port($o{port})
                             . ':127.0.0.1');

    push @args, $o{scheme} ? '--http2' : '--http2-prior-knowledge'
        if $o{http2};
    push @args, '--cacert', $self->ca if $o{scheme};

    if (defined $o{data}) {
        my $data = ref $o{data} ? $json->encode($o{data}) : $o{data};
        $self->write_file('curl.data', $data);
        push @args, '-H', 'Content-Type: application/json',
            '--data-binary', "\@$self->{dir}/curl.data";
    }

    push @args, @{ $o{args} || [] }, $url;

    my $start = time;
    my ($code, $out, $err) = $self->capture(\@args);

    # curl has undone the framing: what is left is one head and the body
    $out =~ s/^HTTP\/\d(?:\.\d)? 1\d\d.*?\r\n\r\n//s;
    my ($head, $body) = split /\r\n\r\n/, $out, 2;
    my $r = AI::Test::HTTP::parse(($head // '') . "\r\n\r\n", head => 1);
    @$r{qw/ body raw exit error time complete /}
        = ($body // '', $out, $code, $err, time - $start, $code == 0);
    return $self->keep($r);
}


# Runs a Python program (its text, or a file of the tree) in the environment
# with the OpenAI SDK.  Returns the JSON of its last line; dies if it fails.

sub sdk {
    my ($self, $script, %env) = @_;

    my $file = $script;

    if ($script =~ /\n/) {
        $file = "sdk-" . ++$self->{sdks} . '.py';
        $self->write_file($file, $script);
        $file = "$self->{dir}/$file";

    } elsif ($file !~ m{^/}) {
        $file = "$root/$file";
    }

    my $python = "$build/venv/bin/python";
    die "no $python, run: make -f Makefile.dist venv\n" if !-x $python;

    my $base = 'http://127.0.0.1:' . $self->real_port(8080) . '/v1';
    my %all = (OPENAI_BASE_URL => $base, OPENAI_API_KEY => 'test-key',
               NO_PROXY => '*', no_proxy => '*', PYTHONUNBUFFERED => 1, %env);

    my ($code, $out, $err) = $self->capture([ $python, $file ], env => \%all);
    die "$file: exit $code\n$out$err\n" if $code;

    my ($last) = $out =~ /([^\n]+)\n*\z/;
    return $json->decode($last // 'null');
}


# (exit code, stdout, stderr) of a program

sub capture {
    my ($self, $command, %o) = @_;

    my $base = "$self->{dir}/capture-" . ++$self->{captures};
    my $pid = fork // die "fork: $!\n";

    if (!$pid) {
        @ENV{keys %{ $o{env} || {} }} = values %{ $o{env} || {} };
        open STDIN, '<', '/dev/null';
        open STDOUT, '>', "$base.out";
        open STDERR, '>', "$base.err";
        exec { $command->[0] } @$command or POSIX::_exit(127);
    }

    waitpid $pid, 0;
    my $code = $? & 127 ? 128 + ($? & 127) : $? >> 8;
    my @text = map { $self->slurp("$base.$_") } qw/ out err /;
    unlink "$base.out", "$base.err";
    return ($code, @text);
}


sub json_encode { return $json->encode($_[0]) }

sub json_decode { return $json->decode($_[0]) }


# --- checks at the end ---------------------------------------------------

# Lines of error.log that this test makes on purpose.

sub allow {
    my ($self, @res) = @_;
    push @{ $self->{allowed} }, @res;
    return $self;
}


# Checks at the end that this test cannot have, and why not: without('C1 C2',
# 'its requests are cut off').

sub without {
    my ($self, $checks, $reason) = @_;

    die "$checks: no reason\n" if ($reason // '') !~ /\w+ \w+/;

    for (split ' ', $checks) {
        die "no such check: $_\n" if !/^C[1-6]$/;
        $self->{without}{$_} = $reason;
    }
    return $self;
}


# For C6: a worker may work for so many seconds at a time, and why.

sub lag_most {
    my ($self, $seconds, $reason) = @_;

    die "lag: no reason\n" if ($reason // '') !~ /\w+ \w+/;
    $self->{lag_most} = $seconds;
    return $self;
}


# A text that no log and no answer may contain.

sub secret {
    my ($self, @texts) = @_;
    push @{ $self->{secrets} }, @texts;
    return wantarray ? @texts : $texts[0];
}


sub keep {
    my ($self, $r) = @_;

    push @{ $self->{answers} }, substr $r->{raw}, 0, ANSWER_MAX;
    push @{ $self->{answers} }, substr $r->{body}, 0, ANSWER_MAX;
    shift @{ $self->{answers} } while @{ $self->{answers} } > 400;
    return $r;
}


# Stops everything and returns the checks: [ name, problems... ]

sub end_checks {
    my ($self) = @_;

    # a master that was stopped in another way may have gone
    $self->{left_open} = [ end_left_open($self->workers) ]
        if $self->{pid} && !$self->{without}{C4};

    $self->{redis_texts} ||= end_redis($self);

    $self->stop;
    $self->stop_daemon($_) for reverse @{ $self->{daemons} };

    my @checks = (
        [ 'no alerts in error.log', $self->bad_lines ],
        [ 'no sanitizer report', $self->reports ],
        [ 'workers exited cleanly', $self->bad_exits ],
    );

    push @checks, [ 'no secret in a log or answer', $self->leaks ]
        if @{ $self->{secrets} };

    return (@checks, $self->checkers);
}


# C1 to C6, of a test in which the module has run.

sub checkers {
    my ($self) = @_;

    return if !$self->{runs} || $self->{plain} || $self->{failed};

    my $from = time;
    my $lag = end_lag($self) || { n => 0, run => 0, away => 0 };
    my %found = (C4 => $self->{left_open} || [],
                 C5 => [ end_canaries($self) ], C6 => [ $self->lag_problems ]);
    my %name = (C1 => 'the log and the books agree',
        C2 => 'providers and the log agree',
        C3 => 'nothing is reserved, all records are in the books',
        C4 => 'nothing is left open', C5 => 'no credential, no prompt is left',
        C6 => 'no worker was away from its events');

    for my $dir ($self->spend_folders) {
        my @log = end_log($self);
        my ($c1, $c3) = end_books($dir, log => \@log,
                                  begun => $self->{runs} == 1
                                      && !$self->{reloads} && !$self->{jumps});
        push @{ $found{C1} }, @$c1;
        push @{ $found{C3} }, @$c3;
        $found{C2} ||= [ end_provider(\@log, $self->{mock_handles},
                                         all => $self->only_mocks) ];
    }

    note(sprintf '%d looks at the loop: %.1f ms of work, %.1f ms away; '
         . 'checks of %.0f ms', $lag->{n}, $lag->{run} * 1000,
         $lag->{away} * 1000, (time - $from) * 1000);
    note("without $_: $self->{without}{$_}") for sort keys %{ $self->{without} };

    return map { [ "$_: $name{$_}", @{ $found{$_} } ] }
        grep { $found{$_} && !$self->{without}{$_} } sort keys %name;
}


# Is every provider one of the mocks?

sub only_mocks {
    my ($self) = @_;

    my $conf = $self->read_file('nginx.conf');
    my $providers = () = $conf =~ /^\s*ai_provider\s/mg;
    my %mock = map { $_ => 1 } map { @{ $_->{listens} } }
        @{ $self->{mock_handles} };
    my $known = grep { $mock{$_} }
        $conf =~ m{\bendpoint\s+https?://[^:/;]+:(\d+)}g;

    return $providers > 0 && $known == $providers;
}


sub spend_folders {
    my ($self) = @_;
    return grep { -e "$_/snapshot" || glob "$_/ledger.*" }
        glob "$self->{dir}/state*";
}


# At debug level: what the module says, and nginx does not.

sub own_debug {
    my ($self, $text) = @_;

    return join "\n",
        grep { !/[ ]\[debug\][ ].*[ ]http2?[ ](?:(?:proxy[ ]|upstream[ ])?header
                 |args|request[ ]line):[ ]"/x }
        split /\n/, $text;
}


sub unexpected {
    my ($self, @lines) = @_;

    for my $re (@{ $self->{allowed} }) {
        @lines = grep { !/$re/ } @lines;
    }
    return @lines;
}


sub bad_lines {
    my ($self) = @_;
    return $self->unexpected($self->error_log(qr/ \[(?:alert|emerg)\] /));
}


sub reports {
    my ($self) = @_;

    my @files = glob "$self->{dir}/sanitizer*";
    push @files, grep {
        $self->slurp($_) =~ /ERROR: \w+Sanitizer|runtime error:/
    } glob "$self->{dir}/*.out";

    return map { "$_:\n" . substr($self->slurp($_), 0, 6000) } @files;
}


# Every worker that started has ended, with code 0; the master too.

sub bad_exits {
    my ($self) = @_;

    my @bad = grep { !/exited with code 0$/ } $self->error_log(
        qr/ (?:worker|cache \w+) process \d+ exited /);
    my %ended = map { $_ => 1 } $self->read_file('error.log')
        =~ /process (\d+) exited (?:with|on)/g;

    # a log in daylight: without notices there is nothing to compare
    my @lost = grep { !$ended{$_} } $self->started_workers;
    push @bad, map { "worker $_ never ended" } @lost;
    push @bad, map { "worker $_ still runs" } $self->workers;
    push @bad, @{ $self->{problems} || [] };

    return $self->unexpected(@bad);
}


# Secrets in what the server wrote: every file of the folder that the test
# did not write itself, and every answer.

sub leaks {
    my ($self) = @_;

    my %texts = map { $_ => $self->read_file($_) } $self->written_files;
    my $n = 0;
    $texts{'answer ' . ++$n} = $_ for @{ $self->{answers} };

    # nginx itself, not we, shows header lines and queries at debug level
    $texts{'error.log'} = $self->own_debug($texts{'error.log'} // '');

    my @found;
    for my $name (sort keys %texts) {
        push @found, map { "a secret (" . substr($_, 0, 6) . "...) in $name" }
            grep { index($texts{$name}, $_) >= 0 } @{ $self->{secrets} };
    }
    return @found;
}


sub written_files {
    my ($self) = @_;

    my @found;
    my @todo = '';

    while (@todo) {
        my $sub = shift @todo;
        opendir my $dh, "$self->{dir}/$sub" or next;
        for (grep { !/^\.\.?$/ } readdir $dh) {
            my $name = $sub eq '' ? $_ : "$sub/$_";
            my $path = "$self->{dir}/$name";
            if (-d $path) {
                push @todo, $name if !/_temp$/;
            } elsif (-f $path && !$self->{own}{$name}) {
                push @found, $name;
            }
        }
    }
    return @found;
}


# The checks as tests.  At the end of the file this happens by itself.

sub finish {
    my ($self) = @_;

    return if $self->{finished}++;
    my $failed = $self->{failed};

    for my $check ($self->end_checks) {
        my ($name, @problems) = @$check;
        $added++;
        if (!ok(!@problems, $name)) {
            diag($_) for @problems[0 .. ($#problems > 19 ? 19 : $#problems)];
        }
    }

    $self->forget(!$failed && Test::More->builder->is_passing);
}


# Ends without the checks.

sub discard {
    my ($self) = @_;

    return if $self->{finished}++;
    $self->stop;
    $self->stop_daemon($_) for reverse @{ $self->{daemons} };
    $self->forget(1);
}


sub forget {
    my ($self, $clean) = @_;

    @live = grep { $_ != $self } @live;
    $current = $live[-1] if $current && $current == $self;

    if ($clean && !$ENV{TEST_NGINX_LEAVE}) {
        rmtree($self->{dir}, { error => \my $ignored });
    } else {
        diag("kept: $self->{dir}");
    }
}


# http() and friends speak to this one, of several.

sub select { my ($self) = @_; $current = $self; return $self }


END {
    if ($used && $$ == $owner) {
        local ($!, $@);
        my $status = $?;
        my $died = $status != 0;

        for my $t (my @all = reverse @live) {
            $t->{failed} = 1 if $died;
            eval { $died ? $t->finish_after_death : $t->finish; 1 }
                or diag("end of test: $@");
        }

        if (!$died && !Test::More->builder->has_plan) {
            my $own = Test::More->builder->current_test - $added;
            is($own, $plan, 'number of tests') if defined $plan
                && $own != $plan;
            done_testing();
        }

        $? = $status;
    }
}


# The test died: its processes are ended, what the log says is shown.

sub finish_after_death {
    my ($self) = @_;

    $self->{finished} = 1;
    for my $check ($self->end_checks) {
        my ($name, @problems) = @$check;
        diag("also not: $name: $_") for @problems;
    }
    $self->forget(0);
}


1;
