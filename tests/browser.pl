#!/usr/bin/env perl
# browser.pl - opens a page in Chromium without a window and prints what its self-test says
#
#     perl tests/browser.pl CHROMIUM URL [WIDTH HEIGHT [PICTURE.png [EXPRESSION]]]
#
# Talks to the browser through the pipe of its DevTools protocol: JSON messages that end with a zero byte, on the
# descriptors 3 and 4.  Waits until the page sets data-selftest on its body (data-ready, if the URL does not end with
# #selftest), evaluates EXPRESSION, takes the picture of the whole page, and prints #selftest.  Whatever the page logs goes
# to stderr.  Exit status: 0 if the page passed and nothing was thrown, 1 if not, 3 if the browser did not answer.

use strict;
use warnings;
use File::Temp qw(tempdir);
use JSON::PP ();
use MIME::Base64 qw(decode_base64);
use POSIX ();

my ($chromium, $url, $width, $height, $picture, $expression) = @ARGV;
defined $url or do { print STDERR "usage: perl tests/browser.pl CHROMIUM URL [WIDTH HEIGHT [PICTURE.png [EXPRESSION]]]\n"; exit 2 };
$^F = 10;                                                       # the pipes stay open in the browser
pipe(my $in, my $to) && pipe(my $from, my $out) or die "pipe: $!\n";
my $profile = tempdir(CLEANUP => 1);
my $pid = fork // die "fork: $!\n";
if (!$pid) {
    my ($high_in, $high_out) = (POSIX::dup2(fileno $in, 8), POSIX::dup2(fileno $out, 9));
    POSIX::dup2(8, 3), POSIX::dup2(9, 4);
    POSIX::close($_) for 5 .. 9;
    open STDERR, '>', "$profile/said.txt";
    open STDOUT, '>', '/dev/null';
    exec($chromium, qw(--headless --no-sandbox --disable-gpu --no-first-run --remote-debugging-pipe), "--user-data-dir=$profile", 'about:blank') or POSIX::_exit(127);
}
close $in, close $out;
$to->autoflush(1);
$SIG{ALRM} = sub { finish(3, "the browser did not answer in time; so far:\n" . so_far()) };
alarm($ENV{BROWSER_SECONDS} || 300);

my ($number, $buffer, $session, $thrown, $so_far) = (0, '', undef, 0, '');
sub so_far { return $so_far }
sub finish {
    my ($status, $text) = @_;
    print STDERR "$text\n" if defined $text;
    kill 'TERM', $pid;
    waitpid $pid, 0;
    exit $status;
}

sub message {
    while ($buffer !~ /\0/) { sysread($from, $buffer, 1 << 16, length $buffer) or finish(3, "$chromium ended before it answered") }
    $buffer =~ s/^([^\0]*)\0// and return JSON::PP::decode_json($1);
}

# Sends one command and returns its result; what the page says meanwhile is noted.
sub call {
    my ($method, %params) = @_;
    my $id = ++$number;
    print $to JSON::PP::encode_json({ id => $id, method => $method, params => \%params, $session ? (sessionId => $session) : () }), "\0";
    while (1) {
        my $m = message();
        if (($m->{method} // '') eq 'Runtime.exceptionThrown') { $thrown++; print STDERR "thrown: ", $m->{params}{exceptionDetails}{exception}{description} // 'something', "\n" }
        next if ($m->{id} // 0) != $id;
        finish(3, "$method: $m->{error}{message}") if $m->{error};
        return $m->{result};
    }
}
sub evaluate { my $r = call('Runtime.evaluate', expression => $_[0], returnByValue => JSON::PP::true, awaitPromise => JSON::PP::true); return $r->{result}{value} }

my $target = call('Target.createTarget', url => 'about:blank')->{targetId};
$session = call('Target.attachToTarget', targetId => $target, flatten => JSON::PP::true)->{sessionId};
call('Runtime.enable');
call('Page.enable');
call('Emulation.setDeviceMetricsOverride', width => 0 + $width, height => 0 + $height, deviceScaleFactor => 1, mobile => $width < 600 ? JSON::PP::true : JSON::PP::false) if $width;
call('Page.navigate', url => $url);
my ($wanted, $state) = ($url =~ /#selftest$/ ? 'selftest' : 'ready', undef);
while (1) {
    $state = evaluate("document.body && (document.body.dataset.$wanted || (document.body.dataset.selftest === 'stopped' && 'stopped'))");
    last if $state;
    finish(1, "the page stopped; so far:\n$so_far") if $thrown;
    $so_far = evaluate("document.getElementById('selftest') ? document.getElementById('selftest').textContent : ''");
    select undef, undef, undef, 0.3;
}
evaluate($expression) if defined $expression;
if (defined $picture) {
    my $shot = call('Page.captureScreenshot', format => 'png', captureBeyondViewport => JSON::PP::true,
        $ENV{CLIP} ? (clip => { map({ $_->[0] => 0 + $_->[1] } map { [split /=/] } split /,/, $ENV{CLIP}), scale => 1 }) : ());
    open my $png, '>', $picture or finish(3, "$picture: $!");
    binmode $png;
    print $png decode_base64($shot->{data});
    close $png;
}
my $said = evaluate("document.getElementById('selftest').textContent");
print $said, "\n" if length($said // '');
print STDERR evaluate("document.getElementById('notice').textContent"), "\n" if $state eq 'stopped';
finish($state =~ /^(passed|yes)$/ && !$thrown ? 0 : 1);
