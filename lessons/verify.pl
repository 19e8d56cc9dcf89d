#!/usr/bin/env perl
# verify.pl - do the numbers on the lessons' pages come true here?
#
#     perl lessons/verify.pl [--quick | --full | --all] [--synthetic] [lessonNN ...]      `make verify` runs the quick modes, those that
#                                                            begin with --quick; studies over seeds say it later, and wait for --full
#     perl lessons/verify.pl --record [lessonNN ...]         fills in rows whose value is ?, each mode and seed run once
#     perl lessons/verify.pl --set LESSON MODE QUANTITY VALUE SEED ORIGIN        a number of a document or of PyTorch
#     perl lessons/verify.pl --merge FILE                    rows of PyTorch from bench/reference.py
#
# Runs each mode of lessons/expected.tsv that is asked for and compares what run.json says: to the last printed digit on an
# x86-64 processor with fused multiply-add, within the row's tolerance elsewhere.  --synthetic takes only the modes on
# built-in strokes.  What needs data that is not here is skipped and said.  Prints TAP; exit status 0 if all is well, 1 if
# a number differs, 3 if a lesson did not run.

use strict;
use warnings;
use FindBin ();
use lib $FindBin::Bin;
use Expected;
$| = 1;

sub exact_here {
    return 0 unless -r '/proc/cpuinfo';
    return Expected::slurp('/proc/cpuinfo') =~ /^flags\s*:.*\bfma\b/m;
}

sub same {
    my ($row, $value, $exact) = @_;
    return 0 unless defined $value && $value =~ /^-?[\d.]+(e[-+]?\d+)?$/i;
    return sprintf('%.8g', $value) eq sprintf('%.8g', $row->{value}) if $exact;
    return abs($value - $row->{value}) <= $row->{tolerance};
}

sub groups {                            # rows of ours, by the run that they need
    my %groups;
    for my $row (@_) { push @{ $groups{"$row->{lesson}\t$row->{mode}\t$row->{seed}"} }, $row if $row->{origin} eq 'ours' }
    return map { [ split(/\t/), $groups{$_} ] } sort keys %groups;
}

sub build {
    my %lessons = map { $_->{lesson} => 1 } @_;
    return unless %lessons;
    system('make', '-s', '-C', $Expected::root, sort keys %lessons) == 0 or do { print "Bail out! The lessons do not build.\n"; exit 3 };
}

sub record {
    my %wanted = map { $_ => 1 } @_;
    my @open = grep { $_->{value} eq '?' && (!%wanted || $wanted{ $_->{lesson} }) } Expected::rows();
    build(@open);
    for my $group (groups(@open)) {
        my ($lesson, $mode, $seed, $rows) = @$group;
        print "$lesson $mode --seed $seed: ", scalar @$rows, " numbers\n";
        my $lacks = $mode =~ /--synthetic/ ? '' : Expected::lacks($lesson);
        if ($lacks) { print "  skipped: $lacks\n"; next }
        my $facts = eval { Expected::run($lesson, $mode, $seed) };
        if (!$facts) { print "  $@"; next }
        Expected::update(sub {
            my ($table) = @_;
            for my $row (@$rows) {
                my $value = Expected::number($facts, $row->{quantity});
                if (!defined $value) { print "  run.json has no $row->{quantity}\n"; next }
                my $there = $table->{ Expected::key($row) } or next;
                $there->{value} = sprintf '%.9g', $value;
                $there->{tolerance} = sprintf '%.2g', abs($value) * 0.03 + 1e-6;
            }
        });
    }
}

# PyTorch's runs of the same lesson beside ours, over the seeds that are on file.
sub beside {
    my (@rows) = @_;
    my %both;
    for my $row (@rows) {
        push @{ $both{"$row->{lesson} $row->{mode}: $row->{quantity}"}{ $row->{origin} } }, $row->{value} if $row->{value} =~ /^[-\d.]/;
    }
    for my $what (sort keys %both) {
        my ($ours, $theirs) = @{ $both{$what} }{qw(ours PyTorch)};
        next unless $ours && $theirs;
        my @sorted = sort { $a <=> $b } @$theirs;
        my $mean = 0;
        $mean += $_ / @$ours for @$ours;
        my $where = $mean >= $sorted[0] && $mean <= $sorted[-1] ? 'inside' : $mean < $sorted[0] ? 'below' : 'above';
        printf "# %s: mean of %d of ours %.6g, PyTorch %.6g .. %.6g (%d): %s\n", $what, scalar @$ours, $mean, $sorted[0], $sorted[-1], scalar @sorted, $where;
    }
}

sub compare {
    my ($which, $synthetic, %wanted) = @_;
    my @rows = grep { (!%wanted || $wanted{ $_->{lesson} }) && (!$synthetic || $_->{mode} =~ /--synthetic/) } Expected::rows();
    @rows = grep { ($_->{mode} =~ /^--quick/) == ($which eq 'quick') } @rows if $which ne 'all';
    my @ours = grep { $_->{origin} eq 'ours' } @rows;
    my ($n, $bad, $exact, $broken) = (0, 0, exact_here(), 0);
    build(@ours);
    print "# numbers are compared ", $exact ? "exactly\n" : "within their tolerance: this is no x86-64 processor with fused multiply-add\n";
    for my $group (groups(@ours)) {
        my ($lesson, $mode, $seed, $rows) = @$group;
        my $lacks = $mode =~ /--synthetic/ ? '' : Expected::lacks($lesson);
        if ($lacks) { printf "ok %d # SKIP %s %s --seed %s: %s\n", ++$n, $lesson, $mode, $seed, $lacks; next }
        my $start = time;
        my $facts = eval { Expected::run($lesson, $mode, $seed) };
        if (!$facts) { printf "not ok %d - %s %s --seed %s runs\n", ++$n, $lesson, $mode, $seed; print "# $@"; $broken = 1; next }
        for my $row (@$rows) {
            my $value = Expected::number($facts, $row->{quantity});
            my $well = same($row, $value, $exact);
            $bad += !$well;
            printf "%s %d - %s %s --seed %s: %s %s\n", $well ? 'ok' : 'not ok', ++$n, $lesson, $mode, $seed, $row->{quantity}, $row->{value};
            printf "# got %s\n", defined $value ? $value : 'nothing' unless $well;
        }
        printf "# %s %s: %d s\n", $lesson, $mode, time - $start;
    }
    beside(@rows);
    print "1..$n\n";
    return $broken ? 3 : $bad ? 1 : 0;
}

my ($which, $synthetic, $act, @rest) = ('quick', 0, 'compare');
for (@ARGV) {
    if    (/^--(quick|full|all)$/ && $act ne 'set')          { $which = $1 }
    elsif ($_ eq '--synthetic' && $act eq 'compare')         { $synthetic = 1 }
    elsif (/^--(record|set|merge)$/ && $act eq 'compare')    { $act = $1 }
    elsif (/^-/ && $act ne 'set')                            { print STDERR "verify.pl: unknown option $_; the comment at its top lists them\n"; exit 2 }
    else                                                     { push @rest, $_ }
}
if ($act eq 'record') { record(@rest) }
elsif ($act eq 'set') {
    @rest == 6 or do { print STDERR "verify.pl --set LESSON MODE QUANTITY VALUE SEED ORIGIN\n"; exit 2 };
    my %row;
    @row{qw(lesson mode quantity value seed origin tolerance)} = (@rest, '-');
    Expected::update(sub { $_[0]{ Expected::key(\%row) } = \%row });
}
elsif ($act eq 'merge') {
    my ($head, @lines) = split /\n/, Expected::slurp($rest[0]);
    Expected::update(sub {
        for my $line (@lines) {
            my %row;
            @row{@Expected::columns} = split /\t/, $line, -1;
            $_[0]{ Expected::key(\%row) } = \%row;
        }
    });
}
else { exit compare($which, $synthetic, map { $_ => 1 } @rest) }
