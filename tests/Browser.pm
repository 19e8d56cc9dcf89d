# Browser.pm - a Chromium without a window, for browser.pl and hands.pl
#
# Talks to the browser through the pipe of its DevTools protocol: JSON messages that end with a zero byte, on the
# descriptors 3 and 4.  Whatever goes wrong in the page is noted in {faults}: what it throws, what the browser reports as an
# error, and each request for anything but the page itself.  BROWSER_FLAGS adds options to Chromium's, BROWSER_SECONDS is
# the longest that a whole run may take (300).

package Browser;
use strict;
use warnings;
use File::Path ();
use File::Temp qw(tempdir);
use JSON::PP ();
use MIME::Base64 qw(decode_base64);
use POSIX ();

# Starts the browser and opens a page, as wide and high as told; narrow ones are telephones.
sub open {
    my ($class, $chromium, $url, $width, $height) = @_;
    my $self = bless { url => $url, number => 0, buffer => '', faults => [], events => [], profile => tempdir() }, $class;
    $self->start($chromium);
    $SIG{ALRM} = sub { $self->finish(3, "the browser did not answer in time" . ($self->{doing} ? "; so far:\n$self->{doing}" : '')) };
    alarm($ENV{BROWSER_SECONDS} || 300);
    $SIG{$_} = sub { $self->finish(130) } for qw(INT TERM);
    my $target = $self->call('Target.createTarget', url => 'about:blank')->{targetId};
    $self->{session} = $self->call('Target.attachToTarget', targetId => $target, flatten => JSON::PP::true)->{sessionId};
    $self->call("$_.enable") for qw(Runtime Page Log Network);
    my $phone = $width && $width < 600 ? JSON::PP::true : JSON::PP::false;
    $self->call('Emulation.setDeviceMetricsOverride', width => 0 + $width, height => 0 + $height, deviceScaleFactor => 1, mobile => $phone) if $width;
    $self->call('Emulation.setTouchEmulationEnabled', enabled => $phone);
    $self->call('Page.navigate', url => $url);
    return $self;
}

sub start {
    my ($self, $chromium) = @_;
    local $^F = 10;                                             # the pipes stay open in the browser
    pipe(my $in, my $to) && pipe(my $from, my $out) or die "pipe: $!\n";
    @$self{qw(to from)} = ($to, $from);
    my $pid = $self->{pid} = fork // die "fork: $!\n";
    if (!$pid) {
        POSIX::dup2(fileno $in, 8), POSIX::dup2(fileno $out, 9);
        POSIX::dup2(8, 3), POSIX::dup2(9, 4);
        POSIX::close($_) for 5 .. 9;
        CORE::open STDERR, '>', "$self->{profile}/said.txt";
        CORE::open STDOUT, '>', '/dev/null';
        exec($chromium, qw(--headless --no-sandbox --disable-gpu --no-first-run --remote-debugging-pipe), split(' ', $ENV{BROWSER_FLAGS} // ''),
            "--user-data-dir=$self->{profile}", 'about:blank') or POSIX::_exit(127);
    }
    CORE::close $in, CORE::close $out;
    $to->autoflush(1);
    return;
}

# Ends the browser, all of its processes, and then the program.
sub finish {
    my ($self, $status, $text) = @_;
    alarm 0;
    print STDERR "$text\n" if defined $text;
    local $SIG{PIPE} = 'IGNORE';
    print { $self->{to} } JSON::PP::encode_json({ id => ++$self->{number}, method => 'Browser.close' }), "\0";
    for (1 .. 50) { last if waitpid($self->{pid}, POSIX::WNOHANG()) != 0; select undef, undef, undef, 0.1; kill 'TERM', $self->{pid} if $_ == 49 }
    for (1 .. 20) { File::Path::remove_tree($self->{profile}, { error => \my $left }); last if !@$left; select undef, undef, undef, 0.1 }
    exit $status;
}

sub message {
    my ($self) = @_;
    while ($self->{buffer} !~ /\0/) { sysread($self->{from}, $self->{buffer}, 1 << 16, length $self->{buffer}) or $self->finish(3, 'the browser ended before it answered') }
    $self->{buffer} =~ s/^([^\0]*)\0// and return JSON::PP::decode_json($1);
}

sub note {
    my ($self, $m) = @_;
    my ($what, $p) = ($m->{method} // '', $m->{params});
    push @{ $self->{events} }, $m if $what =~ /^Tracing/;
    my $fault = $what eq 'Runtime.exceptionThrown' ? 'thrown: ' . ($p->{exceptionDetails}{exception}{description} // 'something')
        : $what eq 'Log.entryAdded' && $p->{entry}{level} eq 'error' ? "reported: $p->{entry}{text}"
        : $what eq 'Network.requestWillBeSent' && $p->{request}{url} !~ /^data:/ && index($self->{url}, $p->{request}{url}) != 0 ? "asked for: $p->{request}{url}" : undef;
    return if !defined $fault;
    push @{ $self->{faults} }, $fault;
    print STDERR "$fault\n";
    return;
}

# Sends one command and returns its result; what the page does meanwhile is noted.
sub call {
    my ($self, $method, %params) = @_;
    my $id = ++$self->{number};
    print { $self->{to} } JSON::PP::encode_json({ id => $id, method => $method, params => \%params, $self->{session} ? (sessionId => $self->{session}) : () }), "\0";
    while (1) {
        my $m = $self->message;
        $self->note($m);
        next if ($m->{id} // 0) != $id;
        $self->finish(3, "$method: $m->{error}{message}") if $m->{error};
        return $m->{result};
    }
}
sub evaluate {
    my ($self, $expression) = @_;
    my $r = $self->call('Runtime.evaluate', expression => $expression, returnByValue => JSON::PP::true, awaitPromise => JSON::PP::true);
    $self->finish(3, "$expression: $r->{exceptionDetails}{exception}{description}") if $r->{exceptionDetails};
    return $r->{result}{value};
}

# Waits until the page has set data-WANTED on its body, and returns what it has set, or "stopped", or "" if it has thrown.
sub wait_for {
    my ($self, $wanted) = @_;
    while (1) {
        my $state = $self->evaluate("document.body && (document.body.dataset.$wanted || (document.body.dataset.selftest === 'stopped' && 'stopped'))");
        return $state if $state;
        $self->{doing} = $self->evaluate("document.getElementById('selftest') ? document.getElementById('selftest').textContent : ''");
        return '' if @{ $self->{faults} };
        select undef, undef, undef, 0.3;
    }
}

# The whole page, or the part CLIP="x=0,y=0,width=860,height=590,scale=0.7", as PNG.
sub picture {
    my ($self, $file) = @_;
    my $shot = $self->call('Page.captureScreenshot', format => 'png', captureBeyondViewport => JSON::PP::true,
        $ENV{CLIP} ? (clip => { scale => 1, map({ $_->[0] => 0 + $_->[1] } map { [split /=/] } split /,/, $ENV{CLIP}) }) : ());
    CORE::open my $png, '>', $file or $self->finish(3, "$file: $!");
    binmode $png;
    print $png decode_base64($shot->{data});
    CORE::close $png;
    return;
}

# ---- hands: events that the page cannot tell from a person's ----

# The pointer goes through places [x, y] in pixels of the window, pressed from the first to the last.
sub mouse {
    my ($self, @places) = @_;
    my $event = sub { my ($type, $at) = @_; $self->call('Input.dispatchMouseEvent', type => $type, x => $at->[0], y => $at->[1], button => 'left', buttons => $type eq 'mouseReleased' ? 0 : 1, clickCount => 1) };
    $event->('mousePressed', $places[0]);
    $event->('mouseMoved', $_) for @places[1 .. $#places];
    $event->('mouseReleased', $places[-1]);
    return;
}
# A finger comes to rest before it is lifted: after a throw, Chromium takes the next touch for the one that ends the rolling.
sub finger {
    my ($self, @places) = @_;
    my $event = sub { my ($type, @at) = @_; $self->call('Input.dispatchTouchEvent', type => $type, touchPoints => [map { { x => $_->[0], y => $_->[1] } } @at]) };
    $event->('touchStart', $places[0]);
    for (@places > 1 ? (@places[1 .. $#places], ($places[-1]) x 3) : ()) { select undef, undef, undef, 0.03; $event->('touchMove', $_) }
    $event->('touchEnd');
    return;
}
my %code = (Tab => 9, Enter => 13, ' ' => 32, ArrowLeft => 37, ArrowUp => 38, ArrowRight => 39, ArrowDown => 40, Delete => 46);
sub key {
    my ($self, $key) = @_;
    my %same = (key => $key, code => $key eq ' ' ? 'Space' : $key, windowsVirtualKeyCode => $code{$key});
    $self->call('Input.dispatchKeyEvent', type => 'keyDown', %same, $key eq 'Enter' ? (text => "\r") : $key eq ' ' ? (text => ' ') : ());
    $self->call('Input.dispatchKeyEvent', type => 'keyUp', %same);
    return;
}

1;
