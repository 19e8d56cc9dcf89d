#!/usr/bin/perl
# mutate.pl: do the tests notice when autoenc.h is wrong?  A seeded sample of small faults, one at a time: an operator
# flipped, a statement dropped, a constant moved, a condition turned round, in the sections named below.  The tests run
# over each faulty header until one fails (or runs much too long): then the fault is "killed".
#
#   perl tests/mutate.pl [--sample 340] [--seed 1] [--from 0] [--to 340] [--minutes 10] [--only KEY,KEY] [--verbose]
#
# The sample counts what is drawn; a tenth of it does not compile or changes nothing, so 340 leave about 300.
# --from and --to take a slice of the sample, --minutes stops in time and says where to go on, --only takes
# those of these keys (a fault that lives is told with its key).  Faults are drawn by a hash of
# the seed, their line and their place in it, so an edit elsewhere in the file does not change which ones are drawn.  A
# fault that gives the same machine code is not one and is not counted; those below __DATA__ were looked at by a human
# and change nothing that a program could see (the reason stands there); they are counted as explained.  Prints TAP.
use strict;
use warnings;
use Cwd qw(getcwd);
use Digest::MD5 qw(md5_hex);
use File::Temp qw(tempdir);
use Getopt::Long;

my @sections = qw(random tape ops nn optim io debug);
# The quick tests are compiled together, each in a namespace of its own, and with the plain kernels only: one short
# compilation instead of nine long ones.  What they all let pass goes on to the slow ones, which are optimised.
my @quick = qw(layers corners gradients loader mistakes errors math io convolutions);
my @slow = qw(faults same_bits curves);
my %o = (sample => 340, seed => 1, from => 0, to => 1e9, minutes => 1e9, only => '', verbose => 0);
GetOptions(\%o, 'sample=i', 'seed=i', 'from=i', 'to=i', 'minutes=f', 'only=s', 'verbose') or exit 2;
my $root = getcwd();
my ($cc, $cxx) = ($ENV{CC} || 'cc', $ENV{CXX} || 'c++');
my $header = slurp("$root/autoenc.h");
my $work = tempdir(CLEANUP => 1);
system("cp -r tests data lessons $work/ && mkdir $work/build") == 0 or die "cannot copy the tests";

sub slurp { my ($f) = @_; local $/; open my $in, '<', $f or die "$f: $!"; my $t = <$in>; close $in; return $t }
sub spew { my ($f, $t) = @_; open my $out, '>', $f or die "$f: $!"; print $out $t; close $out or die "$f: $!" }

# ---- the faults: [offset, length, replacement] ----

# The text with comments, strings and characters blanked out, of the same length: what is left may be changed.
sub code_only {
    my ($t) = @_;
    $t =~ s{(/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*')}{ (my $b = $1) =~ s/[^\n]/ /g; $b }gse;
    $t =~ s{^([ \t]*#[^\n]*(?:\\\n[^\n]*)*)}{ (my $b = $1) =~ s/[^\n]/ /g; $b }gme;
    return $t;
}

my %flip = ('<' => '<=', '<=' => '<', '>' => '>=', '>=' => '>', '==' => '!=', '!=' => '==', '&&' => '||', '||' => '&&',
            '+=' => '-=', '-=' => '+=', ' + ' => ' - ', ' - ' => ' + ', ' * ' => ' / ', ' / ' => ' * ', '++' => '--', '--' => '++');

sub faults_of {
    my ($code, $from, $to) = @_;
    my @f;
    my $part = substr($code, $from, $to - $from);
    while ($part =~ /(&&|\|\||==|!=|<=|>=|\+\+|--|[+-]=| [-+*\/] |(?<![-<>])[<>](?![<>=]))/g) {
        push @f, [$from + $-[1], length $1, $flip{$1}];
        pos($part) = $-[1] + 1 if length $1 == 3;
    }
    while ($part =~ /(?<![\w.])([0-9]+)(?![\w.])/g) { push @f, [$from + $-[1], length $1, $1 == 0 ? 1 : $1 == 1 ? 2 : $1 + 1] }
    while ($part =~ /\b(?:if|while) \(((?:[^()]|(\((?:[^()]|(?2))*\)))*)\)/g) { push @f, [$from + $-[1], length $1, '!(' . substr($part, $-[1], length $1) . ')'] }
    # A statement of its own: an assignment or a call; not a declaration, a return or a loop's head.
    while ($part =~ /(?<=[;{}\n)])[ ]*((?:[\w.>\[\]*-]|&(?!&))+(?:\[[^;{}]*?\])? ?(?:[-+*|]?= [^;{}]*|\((?:[^;{}])*\)|\+\+|--));/g) {
        my ($at, $text) = ($-[1], $1);
        next if $text =~ /^(?:return|static|const|int|float|double|size_t|char|else|if|for|while|do|goto|case)\b/ || $text =~ /^\w+ \*?\w+ = /;
        push @f, [$from + $at, length $text, ''];
    }
    return @f;
}

my $code = code_only($header);
my @all;
for my $s (@sections) {
    my $from = index($header, "/* ==== >>$s ");
    my $to = index($header, '/* ==== >>', $from + 10);
    $from >= 0 && $to > $from or die "no section $s";
    push @all, faults_of($code, $from, $to);
}

# Where a fault stands, told without a line number: the text of its line, the fault's column, which of equal lines.
my (@line_start, %seen, %which);
push @line_start, $-[0] while $header =~ /^/gm;
sub line_of { my ($at) = @_; my ($a, $b) = (0, $#line_start); while ($a < $b) { my $m = int(($a + $b + 1) / 2); if ($line_start[$m] <= $at) { $a = $m } else { $b = $m - 1 } } return $a }
my @lines = split /\n/, $header;
for my $i (0 .. $#lines) { $which{$i} = $seen{$lines[$i]}++ }
for my $f (@all) {
    my $l = line_of($f->[0]);
    ($f->[3], $f->[4]) = ($l, $f->[0] - $line_start[$l]);
    $f->[5] = md5_hex("$o{seed}|$lines[$l]|$which{$l}|$f->[4]|$f->[1]|$f->[2]");
}
@all = sort { $a->[5] cmp $b->[5] } @all;
if ($o{only}) { my %only = map { $_ => 1 } split /,/, $o{only}; @all = grep { $only{substr($_->[5], 0, 12)} } @all }

sub told {
    my ($f) = @_;
    my $old = substr($header, $f->[0], $f->[1]);
    $old =~ s/\s+/ /g;
    my $new = $f->[2] eq '' ? 'nothing' : $f->[2];
    $new =~ s/\s+/ /g;
    my $near = substr($lines[$f->[3]], $f->[4] > 30 ? $f->[4] - 30 : 0, 60 + $f->[1]);
    $near =~ s/^\s+//;
    return (sprintf('%d:%d', $f->[3] + 1, $f->[4] + 1), "\"$old\" -> \"$new\"", $near);
}

# ---- one fault ----

sub run {    # the exit status of a command; its output goes nowhere
    my ($seconds, $command) = @_;
    return system("cd $work && ulimit -v 8000000 -f 100000 2>/dev/null; timeout -k 1 $seconds $command > said 2>&1") >> 8;
}
sub unity {
    my ($system, $parts, $cases) = ('', '', '');
    my %seen;
    for my $file ("autoenc.h", (map { "tests/$_" } qw(tap.h watch.h fixture.h)), map { "tests/test_$_.c" } @quick) {
        for (slurp($file) =~ /^(#include <(?!windows|immintrin|arm_neon).*>)/gm) { $system .= "$_\n" unless $seen{$_}++ }
    }
    for my $i (0 .. $#quick) {
        $parts .= "namespace n$i {\n#include \"tests/test_$quick[$i].c\"\n}\n";
        $cases .= "case '$i': return n$i\::main(" . (slurp("tests/test_$quick[$i].c") =~ /int main\(void\)/ ? '' : 'argc - 1, argv') . ");\n";
    }
    return "#define _POSIX_C_SOURCE 200809L\n$system#undef __SSE2__\n#undef __x86_64__\n#define AUTOENC_IMPLEMENTATION\n#include \"autoenc.h\"\n" .
        "#undef AUTOENC_IMPLEMENTATION\n#include \"tests/tap.h\"\n#include \"tests/watch.h\"\n#include \"tests/fixture.h\"\n" .
        "${parts}int main(int argc, char **argv) {\nswitch (argv[1][0]) {\n$cases}\nreturn 2;\n}\n";
}
sub build_quick { return run(120, "$cxx -fpermissive -w -O0 -I. -o build/test unity.cpp -lm -lpthread") == 0 }
sub build_slow { my ($name) = @_; return run(120, "$cc -w -O1 -I. -o build/test tests/test_$name.c -lm -lpthread") == 0 }
# Who notices?  '': nobody; undef: it does not compile.
sub noticed_by {
    build_quick() or return undef;
    for my $i (0 .. $#quick) { return $quick[$i] if run(20, "./build/test $i") }
    for my $name (@slow) { return $name if !build_slow($name) || run(60, './build/test') }
    return '';
}
sub machine_code { run(120, "$cc -w -O2 -DAUTOENC_IMPLEMENTATION -x c -c -o build/object autoenc.h") == 0 or return ''; return md5_hex(slurp("$work/build/object")) }

my %explained = map { chomp; my ($k, $why) = split /\t/, $_, 2; ($k => $why) } grep { /\t/ } <DATA>;
spew("$work/autoenc.h", $header);
my $right = machine_code();
spew("$work/unity.cpp", unity());
my $noticed = noticed_by();
defined $noticed && $noticed eq '' or die 'without a fault, the tests do not pass: ' . ($noticed // '') . slurp("$work/said");

my ($drawn, $killed, $known, $same, $broken, @alive) = (0, 0, 0, 0, 0);
$| = 1;
for my $f (@all) {
    last if $drawn >= $o{sample} || $drawn >= $o{to};
    if ((time() - $^T) / 60 > $o{minutes}) { print "# go on with --from $drawn\n"; last }
    my ($where, $what, $near) = told($f);
    if ($drawn < $o{from}) { $drawn++; next }
    my $wrong = $header;
    substr($wrong, $f->[0], $f->[1]) = $f->[2];
    spew("$work/autoenc.h", $wrong);
    $drawn++;
    my $by = noticed_by();
    if (!defined $by) { $broken++; print "# $where $what: does not compile\n" if $o{verbose}; next }
    if ($by ne '') { $killed++; print "# $where $what: killed by $by\n" if $o{verbose}; next }
    if (machine_code() eq $right) { $same++; print "# $where $what: the same machine code\n" if $o{verbose}; next }
    my $key = substr($f->[5], 0, 12);
    if ($explained{$key}) { $known++; print "# $where $what: explained: $explained{$key}\n" if $o{verbose}; next }
    push @alive, $f;
    print "# alive $key $where $what in: $near\n";
}
my $real = $killed + $known + @alive;
printf "# %d faults of %d drawn: %d killed, %d explained, %d alive; beside them %d that are the same machine code, %d that do not compile\n",
    $real, scalar @all, $killed, $known, scalar @alive, $same, $broken;
my $good = $real && $killed >= 0.95 * ($killed + @alive);
printf "%s 1 - at least 95 %% of the faults are noticed (%.1f %%)\n1..1\n", $good ? 'ok' : 'not ok', $real ? 100 * $killed / ($killed + @alive || 1) : 0;
exit !$good;
__DATA__
00d3d778083f	the sigmoid takes no constant: this one is not looked at
00f4990877b6	whether a layer fuses is asked as yes or no, and 2 is yes
01300c0da018	a value is for what is not drawn at random: a bias is
