# Browser.pm - Chromium without a window, driven through the pipe of its DevTools protocol
#
# JSON messages that end with a zero byte, on the descriptors 3 and 4 of the browser; only Perl's own modules are used.
#     my $b = Browser->start($chromium, $seconds);        ends the program with status 3 if the browser does not answer in time
#     $b->{on}{'Runtime.exceptionThrown'} = sub { my ($params) = @_; ... };
#     $b->call('Page.navigate', url => ...);  $b->evaluate('1 + 1');  $b->wait_for('Page.loadEventFired');  $b->stop;

package Browser;
use strict;
use warnings;
use File::Path qw(remove_tree);
use File::Temp qw(tempdir);
use JSON::PP ();
use MIME::Base64 qw(decode_base64);
use POSIX ();

sub start {
    my ($class, $chromium, $seconds) = @_;
    local $^F = 10;                                             # the pipes stay open in the browser
    pipe(my $in, my $to) && pipe(my $from, my $out) or die "pipe: $!\n";
    my $profile = tempdir(CLEANUP => 1);
    my $pid = fork // die "fork: $!\n";
    if (!$pid) {
        POSIX::setpgid(0, 0);                                   # with its helpers, so that all of them can be ended
        my ($high_in, $high_out) = (POSIX::dup2(fileno $in, 8), POSIX::dup2(fileno $out, 9));
        POSIX::dup2(8, 3), POSIX::dup2(9, 4);
        POSIX::close($_) for 5 .. 9;
        open STDERR, '>', "$profile/said.txt";
        open STDOUT, '>', '/dev/null';
        exec($chromium, qw(--headless --no-sandbox --disable-gpu --no-first-run --remote-debugging-pipe), "--user-data-dir=$profile", 'about:blank') or POSIX::_exit(127);
    }
    close $in, close $out;
    $to->autoflush(1);
    my $b = bless { chromium => $chromium, pid => $pid, profile => $profile, to => $to, from => $from, buffer => '', number => 0, on => {}, seen => {}, late => '' }, $class;
    $SIG{ALRM} = sub { $b->fail("the browser did not answer in time" . $b->{late}) };
    alarm($seconds);
    my $target = $b->call('Target.createTarget', url => 'about:blank')->{targetId};
    $b->{session} = $b->call('Target.attachToTarget', targetId => $target, flatten => JSON::PP::true)->{sessionId};
    $b->call($_) for qw(Runtime.enable Page.enable);
    return $b;
}

# Helpers of the browser may write into its profile for a moment after it has ended.
sub stop {
    my ($b) = @_;
    kill 'TERM', $b->{pid};
    waitpid $b->{pid}, 0;
    kill 'KILL', -$b->{pid};
    for (1 .. 30) { remove_tree($b->{profile}, { error => \my $in_use }); last unless -d $b->{profile}; select undef, undef, undef, 0.1 }
}
sub fail { my ($b, $text) = @_; print STDERR "$text\n"; $b->stop; exit 3 }

# The next message; what the page reports by itself is noted, and handed to whoever wants it.
sub message {
    my ($b) = @_;
    while ($b->{buffer} !~ /\0/) { sysread($b->{from}, $b->{buffer}, 1 << 16, length $b->{buffer}) or $b->fail("$b->{chromium} ended before it answered") }
    $b->{buffer} =~ s/^([^\0]*)\0//;
    my $m = JSON::PP::decode_json($1);
    return $m unless defined $m->{method};
    $b->{seen}{ $m->{method} }++;
    $b->{on}{ $m->{method} }->($m->{params}) if $b->{on}{ $m->{method} };
    return $m;
}

# Sends one command and returns its result.
sub call {
    my ($b, $method, %params) = @_;
    my $id = ++$b->{number};
    print { $b->{to} } JSON::PP::encode_json({ id => $id, method => $method, params => \%params, $b->{session} ? (sessionId => $b->{session}) : () }), "\0";
    while (1) {
        my $m = $b->message;
        next if ($m->{id} // 0) != $id;
        $b->fail("$method: $m->{error}{message}") if $m->{error};
        return $m->{result};
    }
}

sub evaluate {
    my ($b, $expression) = @_;
    my $r = $b->call('Runtime.evaluate', expression => $expression, returnByValue => JSON::PP::true, awaitPromise => JSON::PP::true);
    return $r->{result}{value};
}

# Opens a page and waits until everything on it has been loaded.
sub open_page {
    my ($b, $url) = @_;
    $b->{seen}{'Page.loadEventFired'} = 0;
    $b->call('Page.navigate', url => $url);
    $b->message until $b->{seen}{'Page.loadEventFired'};
}

sub size {
    my ($b, $width, $height) = @_;
    $b->call('Emulation.setDeviceMetricsOverride', width => 0 + $width, height => 0 + $height, deviceScaleFactor => 1, mobile => $width < 600 ? JSON::PP::true : JSON::PP::false);
}

sub save { my ($b, $file, $base64) = @_; open my $out, '>:raw', $file or $b->fail("$file: $!"); print $out decode_base64($base64); close $out }

# The whole page as a picture, or a part: clip is { x, y, width, height }.
sub picture {
    my ($b, $file, $clip) = @_;
    my $shot = $b->call('Page.captureScreenshot', format => 'png', captureBeyondViewport => JSON::PP::true, $clip ? (clip => { %$clip, scale => 1 }) : ());
    $b->save($file, $shot->{data});
}

sub print_to { my ($b, $file) = @_; $b->save($file, $b->call('Page.printToPDF', preferCSSPageSize => JSON::PP::true)->{data}) }

1;
