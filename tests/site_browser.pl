#!/usr/bin/env perl
# site_browser.pl - opens every page of a site in Chromium, as wide as a desk and as narrow as a phone
#
#     perl tests/site_browser.pl CHROMIUM DIR [WIDTH ...]                       all pages; 1280 and 390 unless named
#     perl tests/site_browser.pl CHROMIUM DIR --look PAGE FILE.png|FILE.pdf WIDTH [EXPRESSION]
#
# Of each page: nothing is wider than the window but what stands in a box that scrolls, every picture was loaded and every
# equation has a size, and neither the console nor a request knows of an error or of another place.  DARK=1 prefers dark.
# --look opens one page, evaluates EXPRESSION, and takes its picture (all of it, or the part CLIP=x=0,y=0,width=390,height=900),
# or prints it.
# Prints a line for each fault; exit status 1 if there are any, 3 if the browser did not answer.

use strict;
use warnings;
use Cwd qw(abs_path);
use File::Find qw(find);
use FindBin ();
use lib $FindBin::Bin;
use Browser;

# ---- a browser that knows which site it is on ----

package Site;
our @ISA = ('Browser');

sub fault { my ($self, @what) = @_; push @{ $self->{faults} }, "@what"; print "$self->{page}: @what\n" }

# What the browser reports by itself.
sub note {
    my ($self, $m) = @_;
    my ($what, $p) = ($m->{method} // '', $m->{params});
    my $url = $what eq 'Network.requestWillBeSent' ? $p->{request}{url} : '';
    if ($what eq 'Page.loadEventFired') { $self->{loaded} = 1 }
    elsif ($what eq 'Runtime.exceptionThrown') { $self->fault('thrown:', $p->{exceptionDetails}{text}) }
    elsif ($what eq 'Runtime.consoleAPICalled') { $self->fault('on the console:', map { $_->{value} // '?' } @{ $p->{args} }) if $p->{type} =~ /error|warning|assert/ }
    elsif ($what eq 'Log.entryAdded') { $self->fault('on the console:', $p->{entry}{text}, $p->{entry}{url} // '') if $p->{entry}{level} =~ /error|warning/ }
    elsif ($what eq 'Network.loadingFailed') { $self->fault('a request failed:', $p->{errorText}) }
    elsif ($url ne '') { $self->fault("asked for $url") unless $url =~ /^(data|about):/ || index($url, "$self->{root}/") == 0 }
    return;
}

# Opens a page in a window of this width and waits until everything on it has been loaded.
sub go {
    my ($self, $page, $width) = @_;
    ($self->{page}, $self->{loaded}) = ("$page at $width", 0);
    $self->call('Emulation.setDeviceMetricsOverride', width => 0 + $width, height => 844, deviceScaleFactor => 1, mobile => $width < 600 ? JSON::PP::true : JSON::PP::false);
    $self->call('Page.navigate', url => "$self->{root}/$page");
    $self->note($self->message) until $self->{loaded};
    return;
}

sub print_to {
    my ($self, $file) = @_;
    my $printed = $self->call('Page.printToPDF', preferCSSPageSize => JSON::PP::true);
    open my $out, '>:raw', $file or $self->finish(3, "$file: $!");
    print $out MIME::Base64::decode_base64($printed->{data});
    close $out;
    return;
}

# ---- the checks ----

package main;

binmode STDOUT, ':utf8';
my ($chromium, $dir, @rest) = @ARGV;
defined $dir && -d $dir or do { print STDERR "usage: perl tests/site_browser.pl CHROMIUM DIR [WIDTH ...]\n"; exit 2 };
my $browser = Site->open($chromium, 'about:blank');
$browser->{root} = 'file://' . abs_path($dir);
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
    my (undef, $page, $file, $width, $expression) = @rest;
    $browser->go($page, $width);
    $browser->evaluate($expression) if length($expression // '');
    if ($file =~ /\.pdf$/) { $browser->print_to($file) } else { $browser->picture($file) }
    $browser->finish(0);
}

my @pages;
find({ no_chdir => 1, wanted => sub { push @pages, substr $_, 1 + length $dir if /\.html$/ } }, $dir =~ s{/+$}{}r);
for my $width (@rest ? @rest : (1280, 390)) {
    for my $page (sort @pages) {
        $browser->go($page, $width);
        $browser->fault($_) for @{ $browser->evaluate($measure =~ s/WIDTH/$width/gr) // ['cannot be measured'] };
    }
}
printf "%d pages opened, %d faults\n", scalar @pages, scalar @{ $browser->{faults} };
$browser->finish(@{ $browser->{faults} } ? 1 : 0);
