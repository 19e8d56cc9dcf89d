#!/usr/bin/env perl
# site.pl - checks a static site without a browser: what its HTML says, against the files that are there
#
#     perl tests/site.pl DIR
#
# Every page has one h1, a title and a description of its own, and can be reached from index.html.  Every link, figure and
# #anchor leads to something, every figure has a text beside it, no anchor is there twice, no equation was left as TeX.
# Nothing is loaded from elsewhere: no script, and no picture, style or font with an address.  Prints a line for each
# fault; exit status 1 if there are any.

use strict;
use warnings;
use File::Basename qw(dirname);
use File::Find qw(find);

my $root = shift // do { print STDERR "usage: perl tests/site.pl DIR\n"; exit 2 };
my (%text, %file, %anchors, %seen, %reached, $faults);
sub fault { $faults++; print join(': ', @_), "\n" }
sub slurp { open my $in, '<', $_[0] or die "$_[0]: $!\n"; local $/; return scalar <$in> }

find({ no_chdir => 1, wanted => sub { -f && $file{ substr $_, 1 + length $root }++ } }, $root);
$text{$_} = slurp("$root/$_") for grep { /\.html$/ } keys %file;
fault($root, 'there is no index.html') unless $text{'index.html'};
for my $page (keys %text) {
    for my $id ($text{$page} =~ /<\w[^>]*?\sid="([^"]*)"/g) { fault($page, "two places are called #$id") if $anchors{$page}{$id}++ }
}

# What a link on a page names: (file, anchor).
sub resolve {
    my ($page, $link) = @_;
    my ($path, $anchor) = $link =~ /^([^#]*)#?(.*)$/;
    return ($page, $anchor) if $path eq '';
    my @parts;
    for my $part (split m{/}, dirname($page) . "/$path") {
        if ($part eq '..') { return ("outside of the site: $link", '') unless @parts; pop @parts } elsif ($part ne '.') { push @parts, $part }
    }
    return (join('/', @parts), $anchor);
}

sub check_link {
    my ($page, $link) = @_;
    my ($target, $anchor) = resolve($page, $link);
    if (!$file{$target}) { fault($page, "links to $link, which is not there"); return }
    fault($page, "links to $link, which has no such anchor") if length $anchor && !$anchors{$target}{$anchor};
    return $target;
}

sub check_head {
    my ($page, $html) = @_;
    my @h1 = $html =~ /<h1[\s>]/g;
    fault($page, 'has ' . @h1 . ' h1 instead of one') if @h1 != 1;
    my ($title) = $html =~ m{<title>([^<]+)</title>};
    my ($description) = $html =~ /<meta name="description" content="([^"]+)">/;
    my %is = (title => $title, description => $description);
    for my $what (qw(title description)) {
        if (!defined $is{$what} || $is{$what} !~ /\w/) { fault($page, "has no $what"); next }
        fault($page, "has the $what of $seen{$what}{$is{$what}}") if $seen{$what}{ $is{$what} };
        $seen{$what}{ $is{$what} } = $page;
    }
}

# Whatever a browser fetches by itself must be a file of the site, or stand in the page.
sub check_loads {
    my ($page, $html) = @_;
    fault($page, "has a <$1>") while $html =~ /<(script|iframe|object|embed|video|audio|base)\b/g;
    while ($html =~ /<(?:link\b[^>]*?\shref|\w+\b[^>]*?\s(?:src|srcset|poster|data))="([^"]*)"/g) {
        my $load = $1;
        if ($load =~ m{^data:}) { next } elsif ($load =~ m{^(\w+:|/)}) { fault($page, "loads $load") } else { check_link($page, $load) }
    }
    while ($html =~ /(?:url\(|\@import)\s*["']?([^"')\s]+)/g) { fault($page, "loads $1 by a style") unless $1 =~ /^data:/ }
}

sub check_page {
    my ($page) = @_;
    my $html = $text{$page} =~ s{<pre\b.*?</pre>}{}gsr;
    check_head($page, $html);
    check_loads($page, $html);
    for my $image ($html =~ /<img\b[^>]*>/g) { fault($page, "a figure has no text: $image") unless $image =~ /\salt="[^"]*\w[^"]*"/ }
    fault($page, 'an equation was left as TeX') if $html =~ /class="math|<(p|td|li)>[^<]*\$[^<\$]*\\\w/;
    fault($page, "letters of an equation that no browser draws as they are meant: $1") if $html =~ /(<(?:mstyle|mi|mrow)[^>]* mathvariant="[^"]*">)/;
    fault($page, "a comment is shown: $1") if $html =~ s{<code\b.*?</code>}{}gsr =~ /(&lt;!--.{0,40})/;
    my @next;
    while ($text{$page} =~ /<a\b[^>]*?\shref="([^"]*)"/g) {
        my $link = $1;
        push @next, check_link($page, $link) // () unless $link =~ /^(https?|mailto):/;
    }
    return @next;
}

my @queue = ('index.html');
while (defined(my $page = shift @queue)) {
    next if $reached{$page}++ || !$text{$page};
    push @queue, check_page($page);
}
for my $page (sort keys %text) { next if $reached{$page}; fault($page, 'nothing links to it'); check_page($page) }
while (my ($name) = each %file) { check_loads($name, slurp("$root/$name")) if $name =~ /\.css$/ }
printf "%d pages, %d files, %d faults\n", scalar keys %text, scalar keys %file, $faults // 0;
exit($faults ? 1 : 0);
