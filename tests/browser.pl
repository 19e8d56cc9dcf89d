#!/usr/bin/env perl
# browser.pl - opens a page in Chromium without a window and prints what its self-test says
#
#     perl tests/browser.pl CHROMIUM URL [WIDTH HEIGHT [PICTURE.png [EXPRESSION]]]
#
# Waits until the page sets data-selftest on its body (data-ready, if the URL does not end with #selftest), evaluates
# EXPRESSION, takes the picture of the whole page, and prints #selftest.  Whatever the page throws goes to stderr.
# Exit status: 0 if the page passed and nothing was thrown, 1 if not, 3 if the browser did not answer.

use strict;
use warnings;
use FindBin ();
use lib $FindBin::Bin;
use Browser;

my ($chromium, $url, $width, $height, $picture, $expression) = @ARGV;
defined $url or do { print STDERR "usage: perl tests/browser.pl CHROMIUM URL [WIDTH HEIGHT [PICTURE.png [EXPRESSION]]]\n"; exit 2 };
my $browser = Browser->start($chromium, $ENV{BROWSER_SECONDS} || 300);
my ($thrown, $so_far) = (0, '');
$browser->{on}{'Runtime.exceptionThrown'} = sub { $thrown++; print STDERR "thrown: ", $_[0]{exceptionDetails}{exception}{description} // 'something', "\n" };
$browser->size($width, $height) if $width;
$browser->call('Page.navigate', url => $url);

my ($wanted, $state) = ($url =~ /#selftest$/ ? 'selftest' : 'ready', undef);
while (1) {
    $state = $browser->evaluate("document.body && (document.body.dataset.$wanted || (document.body.dataset.selftest === 'stopped' && 'stopped'))");
    last if $state;
    if ($thrown) { print STDERR "the page stopped; so far:\n$so_far\n"; $browser->stop; exit 1 }
    $so_far = $browser->evaluate("document.getElementById('selftest') ? document.getElementById('selftest').textContent : ''");
    $browser->{late} = "; so far:\n$so_far";
    select undef, undef, undef, 0.3;
}
$browser->evaluate($expression) if defined $expression;
$browser->picture($picture, $ENV{CLIP} ? { map({ $_->[0] => 0 + $_->[1] } map { [split /=/] } split /,/, $ENV{CLIP}) } : undef) if defined $picture;
my $said = $browser->evaluate("document.getElementById('selftest').textContent");
print $said, "\n" if length($said // '');
print STDERR $browser->evaluate("document.getElementById('notice').textContent"), "\n" if $state eq 'stopped';
$browser->stop;
exit($state =~ /^(passed|yes)$/ && !$thrown ? 0 : 1);
