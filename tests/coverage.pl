#!/usr/bin/perl
# coverage.pl: which lines and branches of the header and of the lessons' kit do the tests reach?  Everything is built
# with gcov's counters in a copy of the tree: the C tests without optimisation, the lessons (whose numbers would take
# hours so) with -O2.  A header is compiled into many programs; a line or branch counts as reached if any of them did.
#
#   perl tests/coverage.pl [--list] [--only autoenc.h]
#
# --list prints every line and branch that was never reached, with its text.  tests/coverage.tsv holds those that a human
# looked at: a pattern for the text of their line, and why no test reaches them.  Every other line must be reached, or the check
# fails; of branches the number is told, and which are neither reached nor explained.  Prints TAP.
use strict;
use warnings;
use Cwd qw(getcwd);
use File::Temp qw(tempdir);
use Getopt::Long;
use JSON::PP qw(decode_json);

my %o = (list => 0, only => '');
GetOptions(\%o, 'list', 'only=s') or exit 2;
my @files = $o{only} ? ($o{only}) : qw(autoenc.h lessons/kit.h lessons/kit_data.h lessons/kit_options.h lessons/kit_plot.h lessons/pca.h lessons/tsne.h);
my $cc = $ENV{CC} || 'gcc';
if (system("gcov --version > /dev/null 2>&1")) { print "ok 1 # SKIP gcov is not here\n1..1\n"; exit 0 }

my $work = tempdir(CLEANUP => 1);
system("cp -r tests data lessons examples plots bench Makefile README.md autoenc.h autoenc_cuda.cu $work/ && mkdir $work/build") == 0 or die 'cannot copy the tree';
sub slurp { my ($f) = @_; local $/; open my $in, '<', $f or die "$f: $!"; my $t = <$in>; close $in; return $t }
sub run { my ($command) = @_; return system("cd $work && $command > said 2>&1") >> 8 }

# A child that leaves by _exit would leave its counters behind.
open my $h, '>', "$work/counters.h" or die;
print $h "#include <unistd.h>\nvoid __gcov_dump(void);\n#define _exit(n) (__gcov_dump(), (_exit)(n))\n";
close $h;

# ---- run everything ----

$ENV{$_} = '' for qw(AUTOENC_DATA AUTOENC_SHARED);
for my $file (glob 'tests/test_*.c') {
    my ($name) = $file =~ m{(test_\w+)\.c};
    my $level = $name =~ /same_bits|curves|tsne|convolutions/ ? '-O1' : '-O0';
    run("$cc -w $level --coverage -D_GNU_SOURCE -include ./counters.h -I. -o build/$name $file -lm -lpthread") == 0 or die slurp("$work/said");
    run("timeout 600 ./build/$name") == 0 or print "# $name did not pass here\n";
}
# The device seam, with the kernels for cards compiled for the processor: see test_cuda.sh.
my $shim = 'g++ -x c++ -std=c++17 -O2 -march=native -ffp-contract=off -w -Itests/shim -I. -c -o build/cuda.o autoenc_cuda.cu';
if (run($shim) != 0) { print "# autoenc_cuda.cu does not compile against tests/shim here\n" }
else {
    for my $name (qw(device_ops device_train)) {
        run("$cc -w -O1 --coverage -D_GNU_SOURCE -include ./counters.h -I. -c -o build/$name.o tests/$name.c && g++ --coverage -o build/$name build/$name.o build/cuda.o -lm -lpthread") == 0 or die slurp("$work/said");
        run("timeout 300 ./build/$name cuda") == 0 or print "# $name did not pass here\n";
    }
}
if (!$o{only} || $o{only} ne 'autoenc.h') {
    $ENV{CFLAGS} = '-O2 --coverage -w';
    for my $script (qw(lessons verify)) { run("timeout 1200 sh tests/test_$script.sh") == 0 or print "# test_$script.sh did not pass here\n" }
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
                (my $function = $l->{function_name} // '') =~ s/_(?:4|8|16)$//;       # a kernel is the same for each width
                $branch{$name}{$n}{$function}{$i++} += $_->{count} for grep { !$_->{throw} } @{ $l->{branches} };
            }
        }
    }
}

# ---- the numbers, and what is left ----

my (@known, $n, $failed) = ();
for (split /\n/, slurp('tests/coverage.tsv')) { my ($pattern, $why) = split /\t/; push @known, qr/$pattern/ if defined $why }
for my $file (@files) {
    my @text = split /\n/, slurp($file);
    my ($lines, $run, $branches, $taken, $explained, $unrun, @left) = (0, 0, 0, 0, 0, 0);
    for my $l (sort { $a <=> $b } keys %{ $line{$file} }) {
        my ($missed, $of) = (0, 0);
        $lines++;
        $run++ if $line{$file}{$l};
        for my $f (values %{ $branch{$file}{$l} }) {
            $of += keys %$f;
            $missed += grep { !$_ } values %$f;
        }
        $branches += $of;
        $taken += $of - $missed;
        next if $line{$file}{$l} && !$missed;
        (my $t = $text[$l - 1]) =~ s/^\s+|\s+$//g;
        $t =~ s/\t/ /g;
        $explained++, next if grep { $t =~ $_ } @known;
        $unrun++ unless $line{$file}{$l};
        push @left, sprintf "%s:%d: %s: %s", $file, $l, $line{$file}{$l} ? "$missed of $of branches never" : 'never run', $t;
    }
    printf "# %-22s lines %4d of %4d (%.1f %%), branches %4d of %4d (%.1f %%), %d lines explained\n", $file, $run, $lines, 100 * $run / ($lines || 1), $taken, $branches, 100 * $taken / ($branches || 1), $explained;
    print "# $_\n" for grep { $o{list} || /never run/ } @left;
    my $good = $lines && !$unrun;
    $failed ||= !$good;
    printf "%s %d - %s: every line is reached by a test, or it stands in coverage.tsv why not (%d lines left, %d with branches)\n", $good ? 'ok' : 'not ok', ++$n, $file, $unrun, @left - $unrun;
}
print "1..$n\n";
exit($failed ? 1 : 0);
