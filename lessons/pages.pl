#!/usr/bin/env perl
# pages.pl - writes numbers, listings and outputs into the lessons' pages, so that nobody types them
#
#     perl lessons/pages.pl [--check] [lessonNN ...]
#
# In lessons/lessonNN.md, and in the table of lessons/README.md (MODE as in expected.tsv, but with one dash before an option):
#     <!--= MODE; QUANTITY; ORIGIN; SEED; FORMAT -->0.0055<!--/-->    a number of lessons/expected.tsv; SEED may be mean
#                                                   or range (over the seeds on file), FORMAT is printf's and may be left out;
#                                                   LESSON; before all that: of another lesson
#     <!-- code: NAME --> ... <!-- /code -->        the function NAME of the lesson's program, with the comment above it;
#                                                   DATA, MODEL, TRAIN or LOOK: that part of main; FILE:NAME: of another file
#     <!-- output: MODE; first 8; last 5 --> ... <!-- /output -->       lines that verify.pl's run of that mode printed
# A number of ours that the table does not have yet becomes a row with the value ?, which `verify.pl --record` fills in.
# --check changes nothing and says whether a page is out of date: exit status 1.

use strict;
use warnings;
use FindBin ();
use lib $FindBin::Bin;
use Expected;

my (%rows, @missing, @trouble);

sub matching {
    my ($lesson, $mode, $quantity, $origin, $seed) = @_;
    return grep { $_->{lesson} eq $lesson && $_->{mode} eq $mode && $_->{quantity} eq $quantity && $_->{origin} eq $origin
                  && ($seed =~ /^(mean|range)$/ || $_->{seed} eq $seed) } values %rows;
}

# A bar would end the cell of a table, so fields are written with semicolons; and two dashes in a comment would make it text
# for Markdown (CommonMark 0.29, which GitHub follows), so that an option is written with one.
sub fields  { return map { s/^\s+|\s+$//gr =~ s/(^|\s)-(?=[a-z])/$1--/gr } split /[|;]/, $_[0] }
sub written { return join '; ', map { s/(^|\s)--(?=[a-z])/$1-/gr } fields($_[0]) }

sub number {
    my ($lesson, $marker) = @_;
    my @fields = fields($marker);
    $lesson = shift @fields if @fields && $fields[0] =~ /^lesson\d\d$/;
    my ($mode, $quantity, $origin, $seed, $format) = @fields;
    if (!defined $seed) { push @trouble, "$lesson: a marker wants MODE; QUANTITY; ORIGIN; SEED: $marker"; return '…' }
    my @values = map { $_->{value} } matching($lesson, $mode, $quantity, $origin, $seed);
    if (!@values) {
        push @missing, { lesson => $lesson, mode => $mode, quantity => $quantity, value => '?', tolerance => '-', seed => $seed, origin => 'ours' }
            if $origin eq 'ours' && $seed =~ /^\d+$/;
        push @trouble, "$lesson: no number for $marker";
        return '…';
    }
    return '…' if grep { $_ eq '?' } @values;
    my $show = sub {
        my ($value) = @_;
        $format = '%.6g' unless defined $format && length $format;
        return $value if $value !~ /^-?[\d.]+(e[-+]?\d+)?$/i;
        my $comma = $format =~ s/'//r;
        my $text = sprintf $comma, $value;
        if ($format =~ /'/) { 1 while $text =~ s/^(-?\d+)(\d{3})/$1,$2/ }
        return $text;
    };
    @values = sort { $a <=> $b } @values if @values > 1;
    if ($seed eq 'mean') { my $sum = 0; $sum += $_ for @values; return $show->($sum / @values) }
    return $show->($values[0]) . ' .. ' . $show->($values[-1]) if $seed eq 'range' && @values > 1;
    return $show->($values[0]);
}

sub source {
    my ($lesson, $file) = @_;
    return (glob "$Expected::root/lessons/${lesson}_*.c")[0] unless defined $file;
    for my $path ("$Expected::root/lessons/$file", "$Expected::root/$file") { return $path if -e $path }
    return undef;
}

# A part of main, up to the next ruler or the end of main, without its indentation.
sub part {
    my ($name, @lines) = @_;
    my ($in, @out) = (0);
    for my $line (@lines) {
        if ($line =~ m{^\s*/\* ---- (\w+) ---- \*/}) { $in = $1 eq $name; next }
        last if $in && $line =~ /^\}/;
        push @out, $line =~ s/^    //r if $in;
    }
    pop @out while @out && $out[-1] !~ /\S/;
    return @out;
}

# A function, a struct or a table, with the comment that stands directly above.
sub definition {
    my ($name, @lines) = @_;
    for my $i (0 .. $#lines) {
        next unless $lines[$i] =~ /^[a-z].*\b\Q$name\E\b\s*(\(|\[|=|\{)/ && $lines[$i] !~ /;\s*(\/[*\/].*)?$/;
        my ($from, $to) = ($i, $i);
        $to++ while $to < $#lines && $lines[$to] !~ /^\}/ && !($to == $i && $lines[$to] =~ /\}\s*;?\s*$/ && $lines[$to] =~ /\{/);
        if ($i && $lines[$i - 1] =~ m{\*/\s*$}) {
            $from = $i - 1;
            $from-- while $from > 0 && $lines[$from] !~ m{^\s*/\*};
        }
        return @lines[$from .. $to];
    }
    return ();
}

sub listing {
    my ($lesson, $what) = @_;
    my ($file, $name) = $what =~ /^(?:([\w.]+):)?(\w+)$/;
    my $path = defined $name ? source($lesson, $file) : undef;
    my @lines = defined $path ? split(/\n/, Expected::slurp($path)) : ();
    my @cut = $what =~ /^[A-Z]{4,5}$/ ? part($what, @lines) : definition($name // '', @lines);
    push @trouble, "$lesson: no code for $what" unless @cut;
    return join '', map { "$_\n" } @cut;
}

sub output {
    my ($lesson, $marker, $old) = @_;
    my ($mode, @what) = fields($marker);
    my ($run) = sort glob(Expected::folder($lesson, $mode, '') . '[0-9]*/output.txt');
    if (!defined $run) { push @trouble, "$lesson: no run of $mode on file: verify.pl makes one" if $old !~ /\S/; return $old }
    my @lines = split /\n/, Expected::slurp($run);
    my @out;
    for my $part (@what) {
        my ($end, $count) = $part =~ /^(first|last) (\d+)$/ or next;
        $count = @lines if $count > @lines;
        push @out, '...' if @out && @what > 1;
        push @out, $end eq 'first' ? @lines[0 .. $count - 1] : @lines[-$count .. -1];
    }
    return join '', map { "$_\n" } @out ? @out : @lines;
}

my $check = grep { $_ eq '--check' } @ARGV;
my @wanted = grep { !/^-/ } @ARGV;
my @pages = @wanted ? map { "$Expected::root/lessons/$_.md" } @wanted : sort glob "$Expected::root/lessons/{README,lesson[0-9][0-9]}.md";
%rows = map { Expected::key($_) => $_ } Expected::rows();
my $stale = 0;
for my $page (@pages) {
    my ($lesson) = $page =~ /(lesson\d\d|README)\.md$/ or die "$page: not a lesson's page\n";
    my $old = Expected::slurp($page);
    (my $new = $old) =~ s{<!--=(.*?)-->.*?<!--/-->}{'<!--= ' . written($1) . ' -->' . number($lesson, $1) . '<!--/-->'}ges;
    $new =~ s{(<!-- code: (\S+) -->\n)(?:```c\n.*?```\n|\s*)?(?=<!-- /code -->)}{"$1```c\n" . listing($lesson, $2) . "```\n"}ges;
    $new =~ s{(<!-- output: (.*?) -->\n)(?:```\w*\n(.*?)```\n|\s*)?(?=<!-- /output -->)}{"$1```\n" . output($lesson, $2, $3 // '') . "```\n"}ges unless $check;
    next if $new eq $old;
    $stale++;
    if ($check) { print "$page is out of date: perl lessons/pages.pl $lesson\n" } else { Expected::replace($page, $new) }
}
Expected::update(sub { for my $row (@missing) { $_[0]{ Expected::key($row) } //= $row } }) if @missing && !$check;
print "$_\n" for @trouble;
exit 1 if $check && ($stale || @trouble);
