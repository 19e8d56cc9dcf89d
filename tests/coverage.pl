#!/usr/bin/perl
# coverage.pl: which lines and branches of autoenc.h and of the lessons' headers do the tests reach?  In a copy of the tree everything
# is built with gcov's counters and without optimisation, which would merge branches and number them anew.  Only the library
# inside the lessons, whose numbers would take hours so, is optimised and not counted: the tests in C count it.  A header is
# compiled into many programs; a line or branch counts as reached if any of them did.
#
#   perl tests/coverage.pl [--list] [--keep DIR]
#
# --list prints every line and branch that was never reached and is not explained, with its text.  --keep leaves the copy and its
# counters in DIR; if DIR is there already, nothing is run: it is only counted again.  tests/coverage.tsv holds the lines that a
# human looked at, and why no test reaches them or some branch of them.  Every other line must be reached; and so must every other
# branch, on a processor that runs all kernels (AVX-512) and with the version of gcc and gcov named below: other versions make
# other branches of the same text.  Prints TAP.
use strict;
use warnings;
use Cwd qw(getcwd);
use File::Temp qw(tempdir);
use Getopt::Long;
use JSON::PP qw(decode_json);

my $STRICT = 12;                        # the major version of gcc and gcov for which every branch must be reached or explained

my %o = (list => 0, keep => '');
GetOptions(\%o, 'list', 'keep=s') or exit 2;
my @files = ('autoenc.h', 'data/strokes.h', sort glob 'lessons/*.h');
my $cc = $ENV{CC} || 'gcc';
my ($version) = `gcov --version 2>/dev/null` =~ /^gcov.* (\d+)\.\d+/ or do { print "ok 1 # SKIP gcov is not here\n1..1\n"; exit 0 };
my $strict = $version == $STRICT && `$cc -dumpversion` =~ /^$STRICT\b/ && `cat /proc/cpuinfo 2>/dev/null` =~ /\bavx512vl\b/;

my $work = $o{keep} || tempdir(CLEANUP => 1);
my $kept = -e "$work/build/counted";
sub slurp { my ($f) = @_; local $/; open my $in, '<', $f or die "$f: $!"; my $t = <$in>; close $in; return $t }
sub spew { my ($f, $t) = @_; open my $out, '>', $f or die "$f: $!"; print $out $t; close $out or die "$f: $!" }
sub run { my ($command) = @_; return system("cd $work && $command > said 2>&1") >> 8 }
my $options = "-w -O0 --coverage -fprofile-update=atomic -D_GNU_SOURCE -include $work/counters.h";

# ---- run everything ----

sub run_c_tests {
    for my $file (glob 'tests/test_*.c') {
        my ($name) = $file =~ m{(test_\w+)\.c};
        run("$cc $options -I. -o build/$name $file -lm -lpthread") == 0 or die slurp("$work/said");
        run("timeout 1200 ./build/$name") == 0 or print "# $name did not pass here\n";
    }
}

# The device seam, with the kernels for cards compiled for the processor: see test_cuda.sh.
sub run_device_tests {
    my $shim = 'g++ -x c++ -std=c++17 -O2 -march=native -ffp-contract=off -w -Itests/shim -I. -c -o build/cuda.o autoenc_cuda.cu';
    if (run($shim) != 0) { print "# autoenc_cuda.cu does not compile against tests/shim here\n"; return }
    for my $name (qw(device_ops device_train device_paths device_graphs)) {
        run("$cc $options -I. -c -o build/$name.o tests/$name.c && g++ --coverage -o build/$name build/$name.o build/cuda.o -lm -lpthread") == 0 or die slurp("$work/said");
        run("timeout 600 ./build/$name cuda") == 0 or print "# $name did not pass here\n";
    }
}

# The lessons are linked with the library as an object of its own.
sub run_lessons {
    spew("$work/build/library.c", "#define AUTOENC_IMPLEMENTATION\n#include \"autoenc.h\"\n");
    run("$cc -w -O2 -I. -c -o build/library.o build/library.c") == 0 or die slurp("$work/said");
    for my $file (glob "$work/lessons/*.c") {
        (my $text = slurp($file)) =~ s/^#define AUTOENC_IMPLEMENTATION$//m;
        spew($file, $text);
    }
    local @ENV{qw(CFLAGS LDFLAGS)} = ($options, "$work/build/library.o");
    for my $script (qw(lessons verify)) { run("timeout 1800 sh tests/test_$script.sh") == 0 or print "# test_$script.sh did not pass here\n" }
}

if (!$kept) {
    system("mkdir -p $work/build && cp -r tests data lessons examples plots bench grader exercises teacher packaging site web *.md LICENSE Makefile autoenc.h autoenc_cuda.cu $work/") == 0 or die 'cannot copy the tree';
    # A child that leaves by _exit would leave its counters behind.
    spew("$work/counters.h", "#include <unistd.h>\nvoid __gcov_dump(void);\n#define _exit(n) (__gcov_dump(), (_exit)(n))\n");
    $ENV{$_} = '' for qw(AUTOENC_DATA AUTOENC_SHARED);
    run_c_tests();
    run_device_tests();
    run_lessons();
    spew("$work/build/counted", '');
}

# ---- what was reached: file, line -> count; file, line, function, number of the branch -> count ----

my (%line, %branch);
my %wanted = map { $_ => 1 } @files;
for my $data (glob("$work/*.gcda $work/build/*.gcda")) {
    my $json = `cd $work && gcov --json-format --stdout -b '$data' 2>/dev/null`;
    for my $part (grep { /^\{/ } split /\n/, $json) {
        for my $f (@{ decode_json($part)->{files} }) {
            (my $name = $f->{file}) =~ s{^\Q$work\E/}{};
            1 while $name =~ s{(?:^|/)[^/]+/\.\.(?=/)}{};
            $name =~ s{^(?:\./|/)+}{};
            next unless $wanted{$name};
            for my $l (@{ $f->{lines} }) {
                my ($n, $i) = ($l->{line_number}, 0);
                $line{$name}{$n} += $l->{count};
                (my $function = $l->{function_name} // '') =~ s/_(?:4|8|16|plain|avx2|avx512)$//;      # a kernel is the same for each width
                $branch{$name}{$n}{$function}{$i++} += $_->{count} for grep { !$_->{throw} } @{ $l->{branches} };
            }
        }
    }
}

# ---- the numbers, and what is left ----

# A row of coverage.tsv: file, how many branches of the line may stay unreached, its text (or /a pattern/), why.
my (@known, $n, $failed) = ();
for (split /\n/, slurp('tests/coverage.tsv')) {
    my ($file, $most, $text, $why) = split /\t/;
    next unless defined $why && $most =~ /^\d+$|^line$/;
    push @known, { file => $file, most => $most, text => $text, pattern => $text =~ m{^/(.*)/$} ? qr/$1/ : qr/^\Q$text\E$/, used => 0 };
}

# Does a row say why this line was not run, or so many of its branches were not taken?
sub explained {
    my ($file, $text, $ran, $missed) = @_;
    my $is = 0;
    for my $row (grep { $_->{file} eq $file && $text =~ $_->{pattern} } @known) {
        $row->{used}++;
        $is ||= $row->{most} eq 'line' || ($ran && $missed <= $row->{most});
    }
    return $is;
}

sub verdict { my ($good, $what) = @_; $failed ||= !$good; printf "%s %d - %s\n", $good ? 'ok' : 'not ok', ++$n, $what }

for my $file (@files) {
    my @text = split /\n/, slurp($file);
    my ($lines, $run, $branches, $taken, $explained, $unrun, @left) = (0, 0, 0, 0, 0, 0);
    for my $l (sort { $a <=> $b } keys %{ $line{$file} }) {
        my ($missed, $of, $ran, @which) = (0, 0, $line{$file}{$l} > 0);
        for my $f (values %{ $branch{$file}{$l} }) {
            push @which, map { $of + $_ } grep { !$f->{$_} } sort { $a <=> $b } keys %$f;
            $of += keys %$f;
            $missed = @which;
        }
        $lines++, $run += $ran, $branches += $of, $taken += $of - $missed;
        next if $ran && !$missed;
        (my $t = $text[$l - 1]) =~ s/^\s+|\s+$//g;
        $t =~ s/\t/ /g;
        $explained++, next if explained($file, $t, $ran, $missed);
        $unrun += !$ran;
        push @left, sprintf '%s:%d: %s: %s', $file, $l, $ran ? "$missed of $of branches never (" . join(' ', @which > 9 ? (@which[0 .. 8], '...') : @which) . ')' : 'never run', $t;
    }
    printf "# %-22s lines %4d of %4d (%.1f %%), branches %4d of %4d (%.1f %%), %d lines explained\n", $file, $run, $lines, 100 * $run / ($lines || 1), $taken, $branches, 100 * $taken / ($branches || 1), $explained;
    print "# $_\n" for grep { $o{list} || $strict || /never run/ } @left;
    verdict($lines && !$unrun, "$file: every line is reached by a test, or it stands in coverage.tsv why not ($unrun lines left)");
    my $some = @left - $unrun;
    verdict(!$some, "$file: so is every branch ($some lines left)") if $strict;
}
if ($strict) {
    my @stale = grep { !$_->{used} } @known;
    print "# coverage.tsv: no line needs $_->{file}: $_->{text}\n" for @stale;
    verdict(!@stale, 'coverage.tsv explains nothing that is not there');
} else { print "# branches are told, not checked: gcc and gcov $STRICT on a processor with AVX-512 are known, this is another\n" }
print "1..$n\n";
exit($failed ? 1 : 0);
