#!/usr/bin/env perl
# browser.pl - opens a page in Chromium without a window and prints what its self-test says
#
#     perl tests/browser.pl CHROMIUM URL [WIDTH HEIGHT [PICTURE.png [EXPRESSION]]]
#
# Waits until the page sets data-selftest on its body (data-ready, if the URL does not end with #selftest or
# #selftest=PARTS), evaluates EXPRESSION, takes the picture of the whole page, and prints #selftest.  Whatever goes wrong in the page goes
# to stderr.  Exit status: 0 if the page passed, threw nothing, reported nothing and asked for no other file; 1 if not;
# 3 if the browser did not answer.

use strict;
use warnings;
use FindBin ();
use lib $FindBin::Bin;
use Browser;

my ($chromium, $url, $width, $height, $picture, $expression) = @ARGV;
defined $url or do { print STDERR "usage: perl tests/browser.pl CHROMIUM URL [WIDTH HEIGHT [PICTURE.png [EXPRESSION]]]\n"; exit 2 };
my $browser = Browser->open($chromium, $url, $width, $height);
my $state = $browser->wait_for($url =~ /#selftest/ ? 'selftest' : 'ready');
$browser->evaluate($expression) if defined $expression;
$browser->picture($picture) if length($picture // '');
my $said = $browser->evaluate("document.getElementById('selftest').textContent");
print $said, "\n" if length($said // '');
print STDERR $browser->evaluate("document.getElementById('notice').textContent"), "\n" if $state eq 'stopped';
$browser->finish($state =~ /^(passed|yes)$/ && !@{ $browser->{faults} } ? 0 : 1);
