#!/usr/bin/env perl
# table.pl - writes what bench/run.py and bench/others.sh measured into the README, so that nobody types it
#
#     perl bench/table.pl [--check]
#
# In README.md:
#     <!-- bench: NAME --> ... <!-- /bench -->              the table of bench/results/NAME.json
#     <!-- others --> ... <!-- /others -->                   bench/results/others.md, as bench/others.sh printed it
#     <!-- ratios: NAME NAME ... --> ... <!-- /ratios -->   only the ratios of several of them, side by side
# --check changes nothing and says whether the README is out of date: exit status 1.

use strict;
use warnings;
use FindBin ();
use JSON::PP ();
use lib "$FindBin::Bin/../lessons";
use Expected;

my $results = "$FindBin::Bin/results";
my @order = qw(lesson01 lesson02-fc lesson02-cnn lesson03 lesson04 lesson05 lesson06 lesson07);

sub results {
    my ($name) = @_;
    return -e "$results/$name.json" ? JSON::PP::decode_json(Expected::slurp("$results/$name.json")) : undef;
}

sub thousands { my $text = sprintf '%.0f', $_[0]; 1 while $text =~ s/^(\d+)(\d{3})/$1,$2/; return $text }

sub ratio {
    my ($row) = @_;
    my ($r) = $row->{ratio};
    return $r ? sprintf('**%.1f** (%.1f .. %.1f)', @$r{qw(median least most)}) : '';
}

sub line {
    my ($row) = @_;
    my $speed = $row->{images_per_second};
    my ($ours, $best, $bf16) = ($speed->{ours}{median}, $speed->{ $row->{fastest} }{median}, $speed->{bf16} && $speed->{bf16}{median});
    return '| ' . join(' | ', $row->{title}, thousands($ours), thousands($best) . " $row->{fastest}", ratio($row),
        $bf16 ? thousands($bf16) : '-', sprintf('%.0f', $row->{gflops}), sprintf('%.0f %%', 100 * $row->{gflops} / $row->{peak_gflops}),
        sprintf('%.0f, %s', $row->{peak_mib_ours}{median}, thousands($row->{peak_mib_torch}{median})),
        sprintf('%.2f, %.1f', $row->{first_step_seconds_ours}{median}, $row->{first_step_seconds_torch}{median}),
        sprintf('%.4g, %.4g', @{ $row->{loss} }{qw(ours fused)})) . " |\n";
}

# What was held to what, in words.
sub conditions {
    my ($all) = @_;
    my $text = "$all->{threads} thread" . ($all->{threads} > 1 ? 's' : '');
    $text .= ', both held to ' . uc $all->{isa} if $all->{isa};
    $text .= ', another program on one core' if $all->{rival};
    return $text;
}

sub table {
    my ($name) = @_;
    my $all = results($name) or return "Not measured yet: `make bench`.\n";
    my $m = $all->{machine};
    my $text = "| training, batch | images/s: ours | PyTorch's fastest | ratio | its bf16 | ours, GFLOP/s | of the peak | memory, MiB: ours, PyTorch "
        . "| first step after, s | loss after an epoch |\n|---|---|---|---|---|---|---|---|---|---|\n";
    $text .= line($_) for map { $all->{nets}{$_} // () } @order;
    return $text . "\n*`$all->{command}`: " . conditions($all) . "; medians of $all->{rounds} rounds; $m->{processor}, $m->{compiler}, "
        . "PyTorch $m->{torch}; load before the start $all->{load_before}; $m->{date}.*\n";
}

sub ratios {
    my @all = grep { defined } map { results($_) } @_;
    return "Not measured yet: `python3 bench/run.py --help`.\n" unless @all;
    my $text = '| ratio to PyTorch\'s fastest | ' . join(' | ', map { conditions($_) } @all) . " |\n|---" . '|---' x @all . "|\n";
    for my $net (@order) {
        my ($title) = map { $_->{nets}{$net} ? $_->{nets}{$net}{title} : () } @all;
        $text .= "| $title | " . join(' | ', map { $_->{nets}{$net} ? ratio($_->{nets}{$net}) : '' } @all) . " |\n" if defined $title;
    }
    return $text . "\n*" . join('; ', map { "`$_->{command}`" } @all) . ".*\n";
}

my $readme = "$FindBin::Bin/../README.md";
my $old = Expected::slurp($readme);
my $marks = 0;
(my $new = $old) =~ s{(<!-- bench: (\S+) -->\n).*?(?=<!-- /bench -->)}{$marks++; $1 . table($2)}gse;
$new =~ s{(<!-- ratios: (.*?) -->\n).*?(?=<!-- /ratios -->)}{$marks++; $1 . ratios(split ' ', $2)}gse;
my $others = "$results/others.md";
$new =~ s{(<!-- others -->\n).*?(?=<!-- /others -->)}{$marks++; $1 . (-e $others ? Expected::slurp($others) : "Not measured yet: `sh bench/others.sh`.\n")}gse;
if (!$marks) { print "README.md has no place for the tables\n"; exit 1 }
if ($new eq $old) { exit 0 }
if (grep { $_ eq '--check' } @ARGV) { print "README.md is out of date: perl bench/table.pl\n"; exit 1 }
Expected::replace($readme, $new);
