#!/usr/bin/env perl
# hands.pl - moves every control of the page as a person does: by mouse, by finger, or by keys alone
#
#     perl tests/hands.pl CHROMIUM URL mouse|finger|keys [NETWORK ...]
#
# The events come from the browser itself, so that focus, capture, gestures and the order of Tab are those of a person (the
# page's own self-test only calls its listeners).  A mouse works at 1280 x 900, a finger at 390 x 844.  NETWORK is 0, 1 or 2;
# all three, if none is named.  Prints TAP; exit status as of browser.pl.

use strict;
use warnings;
use FindBin ();
use lib $FindBin::Bin;
use Browser;

my ($chromium, $url, $hand, @networks) = @ARGV;
($hand // '') =~ /^(mouse|finger|keys)$/ or do { print STDERR "usage: perl tests/hands.pl CHROMIUM URL mouse|finger|keys [NETWORK ...]\n"; exit 2 };
my $browser = Browser->open($chromium, $url, $hand eq 'finger' ? (390, 844) : (1280, 900));
my ($tests, $failed) = (0, 0);
sub ok { my ($well, $name) = @_; $tests++, $failed += !$well; print $well ? 'ok ' : 'not ok ', $tests, " - $hand: $name\n"; return $well }
sub js { return $browser->evaluate($_[0]) }

$browser->wait_for('ready') eq 'yes' or $browser->finish(1, 'the page did not start');
# In the page: a list of the controls that are seen, a name for each, and what must be so for a control to have an effect.
js(<<'JS');
window.controls = () => [...document.querySelectorAll('input, button, select, [tabindex]')].filter(c => c.checkVisibility());
window.called = c => c.id || (c.labels && c.labels.length ? c.labels[0].textContent.trim().replace(/:.*/, '') : c.getAttribute('aria-label') || c.outerHTML);
window.ready = c => {
  if (document.activeElement !== c) document.activeElement.blur();         // or a click into the void would change the pad's ring of focus
  if (['clear', 'centre'].includes(c.id) && !strokes.length) drag($('pad'), [[0.3, 0.25], [0.7, 0.25], [0.5, 0.8]]);
  if (c.id === 'pad') clearPad();
  if (c.id === 'nearest') goTo(map().frame.x + 0.51 * map().frame.size, map().frame.y + 0.53 * map().frame.size);
  if (c.id === 'back') { const r = $('sliders').children[0].lastChild; set(r, r.value > (Number(r.min) + Number(r.max)) / 2 ? r.min : r.max, 'input'); }
  if (c.id === 'play') set($('way'), 0, 'input');
  if (c.id === 'way') set($('way'), 0.3, 'input');
  if (c.parentNode.id === 'ten' && c.getAttribute('aria-pressed') === 'true') $('ten').children[(state.label + 1) % 10].click();
};
window.still = () => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)));
window.compare = async begin => { await still(); const now = shot() + state.label + $('play').textContent; if (begin) window.before = now; return now !== window.before; };
window.place = c => { c.scrollIntoView({ block: 'center', behavior: 'instant' }); const b = c.getBoundingClientRect(); return { x: b.left, y: b.top, w: b.width, h: b.height, type: c.type || c.id,
  high: c.type === 'range' && c.value > (Number(c.min) + Number(c.max)) / 2, checked: c.checked, scroll: window.scrollY }; };
JS

# What a pointer does with a control at a place.
sub point {
    my ($p) = @_;
    my $at = sub { [map { $_->[0] + $_->[1] * $_->[2] } [$p->{x}, $p->{w}, $_[0]], [$p->{y}, $p->{h}, $_[1]]] };
    my $do = $hand eq 'mouse' ? sub { $browser->mouse(@_) } : sub { $browser->finger(@_) };
    if ($p->{type} eq 'map')      { $do->($at->(0.3, 0.3), $at->(0.45, 0.4), $at->(0.6, 0.7)) }
    elsif ($p->{type} eq 'pad')   { $do->(map { $at->(@$_) } [0.3, 0.25], [0.5, 0.25], [0.7, 0.25], [0.6, 0.5], [0.5, 0.8]) }
    elsif ($p->{type} eq 'range') { my $to = $p->{high} ? 0.15 : 0.85; $do->($at->(1 - $to, 0.5), $at->(0.5, 0.5), $at->($to, 0.5)) }
    else                          { $do->($at->(0.5, 0.5)) }
    if ($p->{type} =~ /^select/)  { $browser->key($_) for 'ArrowDown', 'Enter' }     # its list is the system's, not the page's
    return;
}
sub press {
    my ($p) = @_;
    my %keys = (map => ['ArrowRight', 'ArrowUp'], pad => [' ', ('ArrowDown') x 8, 'ArrowRight', ' '], range => [$p->{high} ? 'ArrowLeft' : 'ArrowRight'], checkbox => [' '], radio => ['ArrowRight'], 'select-one' => ['ArrowDown']);
    $browser->key($_) for @{ $keys{ $p->{type} } || ['Enter'] };
    return;
}

# One control, which the expression names: does moving it show?
sub move {
    my ($control) = @_;
    my $name = js("called($control)");
    js("ready($control); compare(true)");
    my $p = js("place($control)");
    $hand eq 'keys' ? press($p) : point($p);
    select undef, undef, undef, 0.2 if $name eq 'play';
    ok(js('compare(false)'), "$name (network " . js('state.which') . ')');
    ok(js('window.scrollY') == $p->{scroll}, "the page stays where it is under $name") if $name =~ /^(map|pad)$/;
    js("(async () => { if (walk.playing) play(); await still(); })()");
    js("(async () => { ($control).click(); await still(); })()") if $name =~ /^(carpet|all)/;     # a hundred sliders more are not moved one by one
    return;
}

# Tab leads through the page; what it reaches is moved.
sub by_tab {
    js('document.activeElement.blur(); window.scrollTo(0, 0)');
    my %reached;
    for (1 .. 200) {
        $browser->key('Tab');
        my $name = js('document.activeElement === document.body ? "" : called(document.activeElement)') or last;
        last if $reached{$name}++;
        ok(js('(() => { const s = getComputedStyle(document.activeElement); return s.outlineStyle !== "none" && parseFloat(s.outlineWidth) >= 2; })()'), "$name shows that it has the focus");
        move('document.activeElement') if js('document.activeElement.name !== "network" && !(document.activeElement.name === "map" && net().maps.length < 2)');
    }
    my @missed = grep { !$reached{$_} } @{ js('controls().filter(c => c.type !== "radio").map(called)') };
    ok(!@missed, "Tab leads to every control @missed");
    return;
}
sub by_pointer {
    for (my $k = 0; $k < js('controls().length'); $k++) {
        move("controls()[$k]") if js("controls()[$k].type === 'checkbox' || controls()[$k].name !== 'network' && !controls()[$k].checked");
    }
    return;
}

for my $network (@networks ? @networks : (1, 2, 0)) {
    my $radio = "document.querySelectorAll('input[name=network]')[$network]";
    if (js('state.which') != $network) {
        js("document.querySelectorAll('input[name=network]')[(state.which = ($network + 2) % 3)].click()") if $hand eq 'keys';
        js("document.querySelectorAll('input[name=network]')[state.which].focus()") if $hand eq 'keys';
        js('compare(true)');
        $hand eq 'keys' ? $browser->key('ArrowRight') : point(js("place($radio)"));
        ok(js('compare(false)') && js('state.which') == $network, "the choice of network $network");
    }
    $hand eq 'keys' ? by_tab() : by_pointer();
}
ok(!@{ $browser->{faults} }, 'nothing thrown, reported or asked for');
print "1..$tests\n";
$browser->finish($failed ? 1 : 0);
