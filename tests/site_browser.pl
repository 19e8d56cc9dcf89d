#!/usr/bin/env perl
# site_browser.pl - opens every page of a site in Chromium, as wide as a desk and as narrow as a phone
#
#     perl tests/site_browser.pl CHROMIUM DIR [WIDTH ...]                       all pages; 1280 and 390 unless named
#     perl tests/site_browser.pl CHROMIUM DIR --look PAGE FILE.png|FILE.pdf WIDTH [EXPRESSION [Y HEIGHT]]
#
# Of each page: nothing is wider than the window but what stands in a box that scrolls, every picture was loaded and every
# equation has a size, and neither the console nor a request knows of an error or of another place.  DARK=1 prefers dark.
# --look opens one page, evaluates EXPRESSION, and takes its picture (all of it, or HEIGHT from Y), or prints it.
# Prints a line for each fault; exit status 1 if there are any, 3 if the browser did not answer.

use strict;
use warnings;
use Cwd qw(abs_path);
use File::Find qw(find);
use FindBin ();
use lib $FindBin::Bin;
use Browser;

binmode STDOUT, ':utf8';
my ($chromium, $dir, @rest) = @ARGV;
defined $dir && -d $dir or do { print STDERR "usage: perl tests/site_browser.pl CHROMIUM DIR [WIDTH ...]\n"; exit 2 };
my $root = 'file://' . abs_path($dir);
my $browser = Browser->start($chromium, $ENV{BROWSER_SECONDS} || 300);
my ($now, $faults) = ('', 0);
sub fault { $faults++; print "$now: @_\n" }

# What the browser itself reports.
$browser->{on} = {
    'Runtime.exceptionThrown'  => sub { fault('thrown:', $_[0]{exceptionDetails}{text}) },
    'Runtime.consoleAPICalled' => sub { fault('on the console:', map { $_->{value} // '?' } @{ $_[0]{args} }) if $_[0]{type} =~ /error|warning|assert/ },
    'Log.entryAdded'           => sub { fault('on the console:', $_[0]{entry}{text}, $_[0]{entry}{url} // '') if $_[0]{entry}{level} =~ /error|warning/ },
    'Network.requestWillBeSent' => sub { my $url = $_[0]{request}{url}; fault("asked for $url") unless $url =~ /^data:/ || index($url, "$root/") == 0 },
    'Network.loadingFailed'    => sub { fault('a request failed:', $_[0]{errorText}) } };
$browser->call($_) for qw(Log.enable Network.enable);
$browser->call('Emulation.setEmulatedMedia', features => [{ name => 'prefers-color-scheme', value => $ENV{DARK} ? 'dark' : 'light' }]);

# What can be measured on the page.  The window is asked for its width before a phone would make room by zooming out, so
# WIDTH is the one that was set.
my $measure = <<'END';
(() => {
  const faults = [], boxed = e => { for (e = e.parentElement; e; e = e.parentElement) if (/auto|scroll/.test(getComputedStyle(e).overflowX)) return true; return false; };
  const name = e => e.localName + (e.className ? '.' + e.className : '') + ' "' + e.textContent.slice(0, 50).replace(/\s+/g, ' ') + '"';
  for (const d of document.querySelectorAll('details')) d.open = true;
  if (document.documentElement.scrollWidth > WIDTH) faults.push('the page is ' + document.documentElement.scrollWidth + ' wide');
  for (const e of document.body.querySelectorAll('*')) {
    const r = e.getBoundingClientRect();
    if (r.right > WIDTH + 0.5 && !boxed(e)) faults.push('wider than the window, to ' + Math.round(r.right) + ': ' + name(e));
  }
  for (const i of document.images) if (!i.complete || !i.naturalWidth) faults.push('not loaded: ' + i.getAttribute('src'));
  for (const m of document.querySelectorAll('math')) { const r = m.getBoundingClientRect(); if (!r.width || !r.height) faults.push('has no size: ' + name(m)); }
  if (document.querySelector('merror')) faults.push('an equation is wrong');
  return faults;
})()
END

if (($rest[0] // '') eq '--look') {
    my (undef, $page, $file, $width, $expression, $y, $height) = @rest;
    $browser->size($width, 844);
    $browser->open_page("$root/$page");
    $browser->evaluate($expression) if length($expression // '');
    my $clip = defined $y ? { x => 0, y => 0 + $y, width => 0 + $width, height => 0 + $height } : undef;
    if ($file =~ /\.pdf$/) { $browser->print_to($file) } else { $browser->picture($file, $clip) }
    $browser->stop;
    exit 0;
}

my @pages;
find({ no_chdir => 1, wanted => sub { push @pages, substr $_, 1 + length $dir if /\.html$/ } }, $dir =~ s{/+$}{}r);
for my $width (@rest ? @rest : (1280, 390)) {
    $browser->size($width, 844);
    for my $page (sort @pages) {
        $now = "$page at $width";
        $browser->open_page("$root/$page");
        fault($_) for @{ $browser->evaluate($measure =~ s/WIDTH/$width/gr) // ['cannot be measured'] };
    }
}
$browser->stop;
printf "%d pages opened, %d faults\n", scalar @pages, $faults;
exit($faults ? 1 : 0);
