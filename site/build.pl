#!/usr/bin/env perl
# build.pl - makes the static site out of the Markdown
#
#     perl site/build.pl [--to DIR]          `make site`; DIR is out/site unless named
#
# pandoc turns each page into HTML by site/page.html, with site/page.lua, which rewrites the links and lists them.  A page
# that is linked becomes a page of the site, a picture is copied, and any other file (sources, tables) becomes a page with
# its text and stands beside it as it is.  So the site holds what can be reached from the README, and nothing else.
# Equations become MathML, which browsers draw themselves: no script, no font, no request to any other place.
# PANDOC names another pandoc.  Exit status: 1 if a page links to what is not there, 2 for a wrong option, 3 if pandoc is
# missing.
#
# Why pandoc: it writes MathML by itself and is one package in Debian.  Hugo, MkDocs and Jekyll leave equations to a script
# in the reader's browser; cmark-gfm and lowdown leave them as they are.

use strict;
use warnings;
use File::Basename qw(dirname basename);
use File::Copy qw(copy);
use File::Path qw(make_path remove_tree);
use File::Spec ();
use FindBin ();
use Getopt::Long qw(GetOptions);
use lib "$FindBin::Bin/../lessons";
use Expected;

my $pandoc = $ENV{PANDOC} || 'pandoc';
my $to = 'out/site';
my @pages = ('README.md', 'lessons/README.md', glob('lessons/lesson[0-9][0-9].md'), map({ "lessons/$_.md" } qw(mistakes browser gpu)),
    'exercises/README.md', 'teacher/README.md', 'SECURITY.md', 'data/README.md', 'CHANGES.md');
my %language = (c => 'c', h => 'c', cu => 'cpp', pl => 'perl', py => 'python', sh => 'bash');

sub stop { my ($status, @lines) = @_; print STDERR map { "$_\n" } @lines; exit $status }

# README.md is what a folder shows, so it becomes index.html.
sub address {
    my ($file) = @_;
    return $file =~ s/README\.md$/index.html/r =~ s/\.md$/.html/r if $file =~ /\.md$/;
    return $file =~ /\.(png|svg|jpg)$/ ? $file : "$file.html";
}

# A page from Markdown on its standard input; returns what it links to, as the filter has listed it.
sub render {
    my ($file, $markdown, @options) = @_;
    my $out = "$to/" . address($file);
    my $up = '../' x ($file =~ tr{/}{});
    my @command = ($pandoc, '-f', 'gfm+tex_math_dollars', '-t', 'html5', '--mathml', '--wrap=none', '--fail-if-warnings', '--toc', '--toc-depth=2',
        '--template=site/page.html', '--lua-filter=site/page.lua', '-V', "up=$up", '-V', 'lang=en', '-M', "links=$out.links", '-o', $out, @options);
    make_path(dirname($out));
    open my $in, '|-', @command or stop(3, "$pandoc: $!");
    print $in $markdown;
    close $in or stop(1, "$file: pandoc could not make a page of it");
    my @links = split /\n/, Expected::slurp("$out.links");
    unlink "$out.links";
    return @links;
}

# The comments that mark numbers and listings (lessons/pages.pl) go first: pandoc, like GitHub, takes one that holds "--"
# for text.  In listings they stay.
sub without_comments { return $_[0] =~ s{(^```.*?^```$)|<!--.*?-->}{$1 // ''}gmser }

# The text of a source, with a number and an anchor for each line; the file itself lies beside.
sub source {
    my ($file) = @_;
    my $text = Expected::slurp($file);
    my ($ending) = $file =~ /\.(\w+)$/;
    my $name = basename($file);
    my $fence = '~' x 12;
    make_path(dirname("$to/$file"));
    copy($file, "$to/$file.txt") or stop(3, "$to/$file.txt: $!");
    render($file, "# $file\n\nThe file `$file` as it stands in the repository; [the plain text]($name.txt) to save.\n\n"
        . "$fence {." . ($language{$ending // ''} // 'text') . " .numberLines}\n$text\n$fence\n", '-f', 'markdown', '-M', 'plain=1');
}

# What a page links to, seen from the root of the repository; undef if that is outside of it.
sub from_root {
    my ($page, $link) = @_;
    my @parts;
    for my $part (split m{/}, dirname($page) . "/$link") {
        if ($part eq '..') { return undef unless @parts; pop @parts } elsif ($part ne '.' && length $part) { push @parts, $part }
    }
    return join '/', @parts;
}

GetOptions('to=s' => \$to) && !@ARGV or stop(2, 'usage: perl site/build.pl [--to DIR]');
$to = File::Spec->rel2abs($to);
chdir $Expected::root or stop(3, "$Expected::root: $!");
`$pandoc --version 2>&1` =~ /^pandoc\S* (\d+)\.(\d+)/ && ($1 > 2 || ($1 == 2 && $2 >= 17)) or stop(3,
    "make site needs pandoc, 2.17 or newer, and found none. It can be installed by",
    '    apt-get install pandoc        (Debian, Ubuntu; dnf install pandoc, pacman -S pandoc-cli, brew install pandoc)',
    'or named: PANDOC=/opt/pandoc/bin/pandoc make site');

# A site that was made before is replaced; a folder that is something else is left alone.
!-e $to || -e "$to/site.css" || !glob("$to/*") or stop(2, "$to is there and is no site of ours: --to another folder");
remove_tree($to);
make_path($to);
copy('site/site.css', "$to/site.css") or stop(3, "$to/site.css: $!");
my (%done, @trouble);
while (defined(my $file = shift @pages)) {
    next if $done{$file}++;
    if ($file =~ /\.(png|svg|jpg)$/) { make_path(dirname("$to/$file")); copy($file, "$to/$file") or stop(3, "$to/$file: $!"); next }
    if ($file !~ /\.md$/) { source($file); next }
    for my $link (render($file, without_comments(Expected::slurp($file)))) {
        my $target = from_root($file, $link);
        if (defined $target && -f $target) { push @pages, $target } else { push @trouble, "$file links to $link, which is not there" }
    }
}
stop(1, @trouble) if @trouble;
printf "%s/index.html: %d pages and pictures\n", File::Spec->abs2rel($to), scalar keys %done;
