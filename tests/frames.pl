#!/usr/bin/env perl
# frames.pl - drags the point over the map with a real mouse, and says where the time of each frame goes
#
#     perl tests/frames.pl CHROMIUM URL [WIDTH HEIGHT [SECONDS]]
#
# From Chromium's own trace: what the page's script takes (WebAssembly and canvas included), what Chromium does for it on the
# same thread (style, layout, paint, commit), what it takes to put the frame together (by software, as there is no graphics
# card in a headless browser), and when the frames come.  For each: the median, and what 19 of 20 stay below.  Times are told,
# not judged.  BROWSER_FLAGS='--disable-frame-rate-limit --disable-gpu-vsync' takes the clock of 60 Hz away.

use strict;
use warnings;
use FindBin ();
use lib $FindBin::Bin;
use Browser;

my ($chromium, $url, $width, $height, $seconds) = @ARGV;
defined $url or do { print STDERR "usage: perl tests/frames.pl CHROMIUM URL [WIDTH HEIGHT [SECONDS]]\n"; exit 2 };
my $browser = Browser->open($chromium, $url, $width || 1280, $height || 900);
$browser->wait_for('ready') eq 'yes' or $browser->finish(1, 'the page did not start');

sub of_browser { local $browser->{session}; return $browser->call(@_) }
sub drag {
    my $p = $browser->evaluate('(() => { $("map").scrollIntoView({ block: "center", behavior: "instant" }); const b = $("map").getBoundingClientRect(); return { x: b.left + b.width / 2, y: b.top + b.height / 2, r: 0.3 * b.width }; })()');
    my $go = sub { my ($type, $turn) = @_; $browser->call('Input.dispatchMouseEvent', type => $type, x => $p->{x} + $p->{r} * cos $turn, y => $p->{y} + $p->{r} * sin $turn, button => 'left', buttons => 1, clickCount => 1) };
    $go->('mousePressed', 0);
    for my $k (1 .. 100 * ($seconds || 5)) { select undef, undef, undef, 0.004; $go->('mouseMoved', $k / 20) }
    $go->('mouseReleased', 0);
    return;
}
# All that the browser noted while it was dragged.
sub trace {
    @{ $browser->{events} } = ();
    of_browser('Tracing.start', transferMode => 'ReportEvents', traceConfig => { includedCategories => [qw(devtools.timeline cc viz)], recordMode => 'recordAsMuchAsPossible' });
    drag();
    of_browser('Tracing.end');
    until (grep { $_->{method} eq 'Tracing.tracingComplete' } @{ $browser->{events} }) { $browser->note($browser->message) }
    return grep { ($_->{ph} // '') eq 'X' } map { @{ $_->{params}{value} || [] } } @{ $browser->{events} };
}
sub both { my @t = sort { $a <=> $b } @_; return @t ? sprintf '%5.2f ms, %5.2f ms', $t[@t / 2], $t[0.95 * @t] : 'none' }

printf "%-14s %-44s %s\n", 'network', 'a frame', '  half,   19 of 20';
for my $network (0 .. 2) {
    $browser->evaluate("document.querySelectorAll('input[name=network]')[$network].click(); new Promise(done => setTimeout(done, 1000))");
    my @events = trace();
    my $times = sub { my ($name) = @_; map { $_->{dur} / 1000 } grep { $_->{name} eq $name } @events };
    my @frames = grep { $_->{name} eq 'FireAnimationFrame' } @events;
    my @around = grep { my $m = $_; $m->{name} eq 'ProxyMain::BeginMainFrame' && grep { $_->{tid} == $m->{tid} && $_->{ts} >= $m->{ts} && $_->{ts} < $m->{ts} + $m->{dur} } @frames } @events;
    my %script = map { my $m = $_; my ($f) = grep { $_->{ts} >= $m->{ts} && $_->{ts} < $m->{ts} + $m->{dur} } @frames; $m->{ts} => $f->{dur} } @around;
    my @shown = sort { $a <=> $b } map { $_->{ts} / 1000 } grep { $_->{name} eq 'Display::DrawAndSwap' } @events;
    my @rows = (['script: decode, map, pictures, numbers' => both($times->('FireAnimationFrame'))],
        ['Chromium: style, layout, paint, commit' => both(map { ($_->{dur} - $script{ $_->{ts} }) / 1000 } @around)],
        ['Chromium: the frame put together (software)' => both($times->('Display::DrawAndSwap'))],
        ['from one frame shown to the next' => both(map { $shown[$_] - $shown[$_ - 1] } 1 .. $#shown)],
        ['frames shown in a second' => sprintf '%5.1f', 1000 * $#shown / ($shown[-1] - $shown[0])]);
    printf "%-14s %-44s %s\n", ('lesson 3', 'lesson 6', 'lesson 7')[$network], @$_ for @rows;
}
$browser->finish(@{ $browser->{faults} } ? 1 : 0);
