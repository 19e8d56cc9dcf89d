#!/usr/bin/perl
# mutate.pl: do the tests notice when autoenc.h is wrong?  A seeded sample of small faults, one at a time: an operator
# flipped, a statement dropped, a constant moved, a condition turned round, in the sections named below.  The tests run
# with each fault until one fails (or runs much too long): then the fault is "killed".
#
#   perl tests/mutate.pl [--sample 340] [--seed 1] [--from 0] [--to 340] [--minutes 10] [--only KEY,KEY] [--keep FOLDER]
#        [--tests io,layers] [--verbose] [--no-objects]
#
# The sample counts what is drawn; a tenth of it does not compile or changes nothing, so 340 leave about 300.
# --from and --to take a slice of the sample, --minutes stops in time and says where to go on, --only takes
# those of these keys (a fault that lives is told with its key); --keep leaves the programs in a folder and finds them there again;
# --tests runs only these tests.  What is kept there includes how each test ended with each fault: a run that was stopped goes on, and
# where a test has got a new check, only that test is run again.
# --no-objects does not compare machine code.
# Faults are drawn by a hash of the seed, their line and their place in it, so an edit elsewhere in the file does not change
# which ones are drawn.  A fault that gives the same machine code is not one and is not counted; those below __DATA__ were
# looked at by a human and change nothing that a program could see, or only what the address sanitizer sees (the reason stands there): they
# are counted as explained, and not run.
# Prints TAP.
#
# What makes it quick: each test is compiled once, with all faults in it.  A function's body stands there once for
# each of its faults and once as it is, and the variable MUTANT of the environment says which one runs.  A test that never enters
# a function is not run with its faults.  A fault outside of every function (a table, a type) is compiled apart.  The kernels, most of
# the work and none of them faulty, are compiled once and linked to each test.
use strict;
use warnings;
use Digest::MD5 qw(md5_hex);
use File::Temp qw(tempdir);
use Getopt::Long;
use IO::Handle;
use POSIX qw(WNOHANG);
use Time::HiRes qw(time sleep);

my @sections = qw(random tape ops nn optim io debug);
my @tests = qw(layers corners recurrent survivors gradients loader mistakes errors math io convolutions faults same_bits curves device_ops ub_layers ub_corners);
my %o = (sample => 340, seed => 1, from => 0, to => 1e9, minutes => 1e9, only => '', keep => '', tests => '', verbose => 0, objects => 1);
GetOptions(\%o, 'sample=i', 'seed=i', 'from=i', 'to=i', 'minutes=f', 'only=s', 'keep=s', 'tests=s', 'verbose', 'objects!') or exit 2;
@tests = split /,/, $o{tests} if $o{tests};
my $cc = $ENV{CC} || 'cc';
my $header = slurp('autoenc.h');
my $work = $o{keep} || tempdir(CLEANUP => 1);
system("mkdir -p $work/build && cp -r tests data lessons $work/") == 0 or die "cannot copy the tests";

sub slurp { my ($f) = @_; local $/; open my $in, '<', $f or die "$f: $!"; my $t = <$in>; close $in; return $t }
sub spew { my ($f, $t) = @_; open my $out, '>', $f or die "$f: $!"; print $out $t; close $out or die "$f: $!" }

# ---- the faults: [offset, length, replacement, section, line, column, hash] ----

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
    push @all, map { [@$_, $s] } faults_of($code, $from, $to);
}

# Where a fault stands, told without a line number: the text of its line, the fault's column, which of equal lines.
my (@line_start, %seen, %which);
push @line_start, $-[0] while $header =~ /^/gm;
sub line_of { my ($at) = @_; my ($a, $b) = (0, $#line_start); while ($a < $b) { my $m = int(($a + $b + 1) / 2); if ($line_start[$m] <= $at) { $a = $m } else { $b = $m - 1 } } return $a }
my @lines = split /\n/, $header;
for my $i (0 .. $#lines) { $which{$i} = $seen{$lines[$i]}++ }
for my $f (@all) {
    my $l = line_of($f->[0]);
    ($f->[4], $f->[5]) = ($l, $f->[0] - $line_start[$l]);
    $f->[6] = md5_hex("$o{seed}|$lines[$l]|$which{$l}|$f->[5]|$f->[1]|$f->[2]");
}
my $possible = @all;
# A condition is turned round with the strings that code_only has blanked.
for my $f (@all) { $f->[2] = '!(' . substr($header, $f->[0], $f->[1]) . ')' if $f->[2] =~ /^!\(/ }
@all = sort { $a->[6] cmp $b->[6] } @all;
my %only = map { $_ => 1 } split /,/, $o{only};
splice @all, $o{sample} if @all > $o{sample};

sub told {
    my ($f) = @_;
    my $old = substr($header, $f->[0], $f->[1]);
    $old =~ s/\s+/ /g;
    my $new = $f->[2] eq '' ? 'nothing' : $f->[2];
    $new =~ s/\s+/ /g;
    my $near = substr($lines[$f->[4]], $f->[5] > 30 ? $f->[5] - 30 : 0, 60 + $f->[1]);
    $near =~ s/^\s+//;
    return (sprintf('%d:%d', $f->[4] + 1, $f->[5] + 1), "\"$old\" -> \"$new\"", $near);
}

# A stretch of the header with this fault in it; no line moves.
sub with_fault {
    my ($f, $from, $to) = @_;
    my $lost = substr($header, $f->[0], $f->[1]) =~ tr/\n//;
    return substr($header, $from, $f->[0] - $from) . $f->[2] . "\n" x ($lost - ($f->[2] =~ tr/\n//)) . substr($header, $f->[0] + $f->[1], $to - $f->[0] - $f->[1]);
}

# ---- the header with every fault in it ----

# Where the bodies of functions stand, braces included: [from, to].
sub bodies {
    my @b;
    while ($code =~ /^(?![\s#}]|typedef\b|enum\b)[^;{}=#]*\([^;{}=#]*\)\s*(\{(?:[^{}]++|(?1))*\})/gm) { push @b, [$-[1], $+[1]] }
    return @b;
}
my (%inside, %apart, %faults_in);
my @bodies = bodies();
@bodies < 4096 or die 'too many functions';
for my $m (0 .. $#all) {
    my ($b) = grep { $bodies[$_][0] < $all[$m][0] && $all[$m][0] + $all[$m][1] < $bodies[$_][1] } 0 .. $#bodies;
    if (defined $b) { $inside{$m} = $b; push @{ $faults_in{$b} }, $m } else { $apart{$m} = 1 }
}

# The header, and which fault each of its lines belongs to.
sub with_all_faults {
    my ($text, $at, @owner) = ('', 0);
    my $add = sub { my ($t, $m) = @_; push @owner, ($m) x ($t =~ tr/\n//); $text .= $t };
    for my $b (sort { $a <=> $b } grep { @{ $faults_in{$_} } } keys %faults_in) {
        my ($from, $to) = @{ $bodies[$b] };
        $add->(substr($header, $at, $from - $at) . "{\nae__entered[$b] = 1;\n", -1);
        for my $m (@{ $faults_in{$b} }) { $add->("if (ae__mutant == $m + 1)\n" . with_fault($all[$m], $from, $to) . "\nelse\n", $m) }
        $add->(substr($header, $from, $to - $from) . "\n}", -1);
        $at = $to;
    }
    $add->(substr($header, $at), -1);
    return ($text, @owner);
}

sub run {    # the exit status of a command; its output goes nowhere
    my ($limits, $command) = @_;
    my $status = system("cd $work && ulimit -v 8000000 -f 100000 2>/dev/null; $limits $command > said 2>&1");
    return $status >> 8 || ($status & 127);
}
# The header with its kernels declared only.
sub without_kernels { my ($text) = @_; $text =~ s/^#include "autoenc.h"$/extern const ae_kernels AE_(kernels);\n#undef AE_W/gm; return $text }
# ub_NAME is test_NAME.c under the undefined behaviour sanitizer (test_sanitizers.sh); device_ops is run by test_cuda.sh.
sub source { my ($name) = @_; return $name =~ /^device/ ? "tests/$name.c" : 'tests/test_' . ($name =~ s/^ub_//r) . '.c' }
sub compiled {
    my ($name) = @_;
    my $level = $name =~ /same_bits|curves|convolutions/ ? '-O1' : '-O0';
    my $device = $name =~ /^device/ ? 'build/cuda.o -lstdc++' : $name =~ /^ub_/ ? '-fsanitize=undefined -fno-sanitize-recover=undefined' : '';
    return run('', "$cc -w $level -D_GNU_SOURCE -include ./mutant.h -I. -o build/$name " . source($name) . " build/kernels.o $device -lm -lpthread") == 0;
}
# Which fault runs, and which functions were entered: in a file, so that children count however they end.
spew("$work/mutant.h", <<'END');
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>
static int ae__mutant;
static unsigned char ae__nowhere[4096], *ae__entered = ae__nowhere;
__attribute__((constructor)) static void ae__which_mutant(void) {
    const char *m = getenv("MUTANT"), *entered = getenv("ENTERED");
    int f = entered ? open(entered, O_RDWR) : -1;
    ae__mutant = m ? atoi(m) : 0;
    if (f >= 0) ae__entered = (unsigned char *)mmap(NULL, sizeof ae__nowhere, PROT_READ | PROT_WRITE, MAP_SHARED, f, 0);
    if (f >= 0) close(f);
}
END

# Faults that do not compile are found by the lines that the compiler complains of, and left out; before that those with a
# bracket too few, which would make it complain of all that follows.
my %broken;
sub unbalanced {
    my ($f, $from, $to) = @_;
    my $t = substr($code, $from, $f->[0] - $from) . code_only($f->[2]) . substr($code, $f->[0] + $f->[1], $to - $f->[0] - $f->[1]);
    $t =~ tr/()[]{}//cd;
    1 while $t =~ s/\(\)|\[\]|\{\}//g;
    return $t ne '';
}
for my $b (keys %faults_in) {
    $broken{$_} = 1 for grep { unbalanced($all[$_], @{ $bodies[$b] }) } @{ $faults_in{$b} };
    @{ $faults_in{$b} } = grep { !$broken{$_} } @{ $faults_in{$b} };
}
for (;;) {
    my ($text, @owner) = with_all_faults();
    spew("$work/autoenc.h", $text);
    last if run('', "$cc -w -fsyntax-only -fmax-errors=0 -include ./mutant.h -DAUTOENC_IMPLEMENTATION -x c autoenc.h") == 0;
    my %bad = map { $_ => 1 } grep { $_ >= 0 } map { $owner[$_ - 1] } slurp("$work/said") =~ /^\.?\/?autoenc\.h:(\d+):\d+: (?:fatal )?error/gm;
    %bad or die slurp("$work/said");
    @broken{keys %bad} = values %bad;
    for my $b (values %faults_in) { @$b = grep { !$bad{$_} } @$b }
}

# What is compiled once: the kernels, and the device's drop-in for the processor (see test_cuda.sh).
sub once {
    my ($object, $text, $command) = @_;
    my $version = md5_hex("$command\n$text");
    return 1 if -e "$work/$object.version" && slurp("$work/$object.version") eq $version;
    run('', $command) == 0 or return 0;
    spew("$work/$object.version", $version);
}
(my $kernels = $header) =~ s/^static (const ae_kernels AE_\(kernels\)) = /extern $1;\n$1 = /m or die 'no kernels';
mkdir "$work/kernels";
spew("$work/kernels/autoenc.h", $kernels);
spew("$work/kernels/kernels.c", "#include \"autoenc.h\"\n");
once('build/kernels.o', $kernels, "$cc -w -O2 -DAUTOENC_IMPLEMENTATION -DAUTOENC_STATIC -Ikernels -c -o build/kernels.o kernels/kernels.c") or die slurp("$work/said");
my $cuda = slurp('autoenc_cuda.cu');
spew("$work/kernels/autoenc_cuda.cu", $cuda);
if (!once('build/cuda.o', $cuda . join('', map { slurp($_) } glob 'tests/shim/*.h'), ($ENV{CXX} || 'g++') . ' -x c++ -std=c++17 -O1 -march=native -ffp-contract=off -w -Itests/shim -Ikernels -c -o build/cuda.o kernels/autoenc_cuda.cu')) {
    print "# autoenc_cuda.cu does not compile against tests/shim here\n";
    @tests = grep { !/^device/ } @tests;
}
spew("$work/empty.c", "int main(void) { return 0; }\n");
@tests = grep { !/^ub_/ } @tests if run('', "$cc -fsanitize=undefined -o build/empty empty.c") != 0;
spew("$work/autoenc.h", without_kernels(slurp("$work/autoenc.h")));

# ---- the tests, and how long they take without a fault ----

my (%seconds, %kills, %version, %ended, %entered);
sub used { my (undef, undef, $user, $system) = times; return $user + $system }
for my $name (@tests) {
    my $version = md5_hex(join '', slurp("$work/autoenc.h"), map { slurp($_) } source($name), glob 'tests/*.h lessons/*.h');
    my ($was, $took) = -e "$work/build/$name.version" ? split(/ /, slurp("$work/build/$name.version")) : ('', 0);
    if ($was ne $version) {
        compiled($name) or die slurp("$work/said");
        my $begun = used();
        spew("$work/build/$name.entered", "\0" x 4096);
        run("ENTERED=build/$name.entered", "./build/$name") == 0 or die "without a fault, test_$name does not pass: " . slurp("$work/said");
        $took = used() - $begun + 0.01;
        spew("$work/build/$name.version", "$version $took");
    }
    ($seconds{$name}, $version{$name}, $entered{$name}) = ($took, $version, slurp("$work/build/$name.entered"));
}
if (-e "$work/ended") { /^(\S+ \S+) (\d+)$/ and $ended{$1} = $2 for split /\n/, slurp("$work/ended") }
open my $log, '>>', "$work/ended" or die "$work/ended: $!";
$log->autoflush(1);

# Does any thread of this group of processes want the processor, or wait for the disk?
sub wants_to_run {
    my ($group) = @_;
    my @threads = `ps -eLo pgid=,stat= 2>/dev/null` or return 1;        # no such ps: then only time on the processor counts
    return scalar grep { /^\s*(\d+)\s+[RD]/ && $1 == $group } @threads;
}
# One test with one fault: its exit status.  Too long is five times its time on the processor, or standing still for five looks,
# a second apart; never the time on the clock, since the machine may be busy.
sub fails {
    my ($name) = @_;
    my $cpu = int(3 + 5 * $seconds{$name});
    my $pid = fork() // die "no process: $!";
    if (!$pid) {
        setpgrp;
        exec 'sh', '-c', "cd $work && ulimit -v 8000000 -f 100000 2>/dev/null; ulimit -t $cpu; exec ./build/$name > said 2>&1" or die;
    }
    my ($begun, $still, $looked) = (time(), 0, 0);
    while (waitpid($pid, WNOHANG) == 0) {
        sleep 0.01;
        next if time() - $begun < 5 || time() - $looked < 1;
        $looked = time();
        $still = wants_to_run($pid) ? 0 : $still + 1;
        kill 'KILL', -$pid if $still == 5;
    }
    my $status = $?;
    kill 'KILL', -$pid;                             # children that it left
    return $status >> 8 || ($status & 127);
}
# Who notices?  '': nobody; undef: it does not compile.  First who noticed most in this section for its time.
sub noticed_by {
    my ($m) = @_;
    my $s = $all[$m][3];
    my @order = sort { ($kills{$s}{$b} // 0.3) / $seconds{$b} <=> ($kills{$s}{$a} // 0.3) / $seconds{$a} } @tests;
    my $text = $apart{$m} ? slurp("$work/autoenc.h") : '';
    local $ENV{MUTANT} = $m + 1;
    if ($apart{$m}) {
        spew("$work/autoenc.h", without_kernels(with_fault($all[$m], 0, length $header)));
        run('', "$cc -w -fsyntax-only -DAUTOENC_IMPLEMENTATION -x c autoenc.h") == 0 or do { spew("$work/autoenc.h", $text); return undef };
    }
    my $by = '';
    for my $name (@order) {
        next if !$apart{$m} && !ord substr($entered{$name}, $inside{$m}, 1);
        my $run = "$version{$name} $all[$m][6]";
        if (!defined $ended{$run}) {
            $apart{$m} and (rename("$work/build/$name", "$work/build/$name.all"), compiled($name) || die slurp("$work/said"));
            $ended{$run} = fails($name);
            print $log "$run $ended{$run}\n";
            rename "$work/build/$name.all", "$work/build/$name" if $apart{$m};
        }
        if ($ended{$run}) { $kills{$s}{$name}++; $by = $name; last }
    }
    spew("$work/autoenc.h", $text) if $apart{$m};
    return $by;
}
# What the compiler makes of the header.
sub machine_code {
    my ($text) = @_;
    spew("$work/alone.h", without_kernels($text));
    run('', "$cc -w -O2 -DAUTOENC_IMPLEMENTATION -x c -c -o build/object alone.h") == 0 or die slurp("$work/said");
    return md5_hex(slurp("$work/build/object"));
}

my %explained = map { chomp; my ($k, $why) = split /\t/, $_, 2; ($k => $why) } grep { /\t/ } <DATA>;
my ($killed, $known, $broken, $same, @alive, @lives) = (0, 0, 0, 0);
$| = 1;
my $begun = time;
for my $m ($o{from} .. ($o{to} < @all ? $o{to} : @all) - 1) {
    my $f = $all[$m];
    if ((time() - $begun) / 60 > $o{minutes}) { print "# go on with --from $m\n"; last }
    my ($where, $what, $near) = told($f);
    my $key = substr($f->[6], 0, 12);
    next if $o{only} && !$only{$key};
    my $by = $broken{$m} ? undef : $explained{$key} ? '' : noticed_by($m);
    my $end = !defined $by ? 'does not compile' : $by ne '' ? "killed by $by" : $explained{$key} ? "explained: $explained{$key}" : '';
    if ($end eq '') { push @lives, $f; print "# lives $key $where $what in: $near\n"; next }
    $_++ for !defined $by ? $broken : $by ne '' ? $killed : $known;
    print "# $m $where $what: $end\n" if $o{verbose};
}
my $right = @lives && $o{objects} ? machine_code($header) : '';
for my $f (@lives) {
    my ($where, $what) = told($f);
    if ($right && machine_code(with_fault($f, 0, length $header)) eq $right) { $same++; print "# $where $what: the same machine code\n" }
    else { push @alive, $f; print "# alive ", substr($f->[6], 0, 12), " $where $what\n" }
}
my $real = $killed + $known + @alive;
printf "# %d faults of %d possible: %d killed, %d explained, %d alive; beside them %d that are the same machine code, %d that do not compile\n",
    $real, $possible, $killed, $known, scalar @alive, $same, $broken;
my $good = $real && $killed >= 0.95 * ($killed + @alive);
printf "%s 1 - at least 95 %% of the faults are noticed (%.1f %%)\n1..1\n", $good ? 'ok' : 'not ok', $real ? 100 * $killed / ($killed + @alive || 1) : 0;
exit !$good;
__DATA__
00d3d778083f	the sigmoid takes no constant: this one is not looked at
00f4990877b6	whether a layer fuses is asked as yes or no, and 2 is yes
01300c0da018	a value is for what is not drawn at random: a bias is
002614f3bf84	an array of five numbers of which four are used
022e56fab2f1	the same
0c4946ab6743	the same
00cec4560ebd	from which size on threads share the copying: the numbers are the same
00beab842c69	an answer that is asked for as yes or no, and 2 is yes
010b140d0949	the same
053bc7d63b9e	the same
055e6138c46a	the same
0974c9513b4b	the same
0a22ae9c4c23	the same
0d9f20ac5d9a	the same
0f8a6b8cde7f	the same
09583e2836b2	whether a layer fuses is asked as yes or no
00cf98187f9a	the derivatives take no second constant: this one is not looked at
013af0254cbc	how many rows ae_predict takes at a time: less memory, the same numbers
0223c7774600	(v + mean)(v - mean), added up, is the same variance
0407e94eb28d	looked at only where there is a tensor
05a52a1c9574	the mask of relu in a gradient saves a pass over memory; without it the same numbers
08f50336f9ec	the same
064c06320b28	an array of five numbers of which four are used
08e53e03f77c	the same
085ba3037f1c	a text with room for one sign more
096f389b0881	an error that is 0.95 of another to the last bit
0a8b8c2f265a	a number that is drawn only where bound is not 0, and used only there
0abb9dd3b07f	where no unit is dead, twice as many are not C either
0df1ad7417d4	ae_add and the others have brought both operands to one shape before
0e1c2211e4e0	of two equal lengths it does not matter which is taken
0ec5042c9f7a	the last one changes places with itself
10f9fafb6d72	l->n, where l->n is what it is
025c88ff6baa	one number behind the last: a piece of memory has at least 7 bytes more than was asked for
0270f08cca48	a fourth axis of one, which the slices of it lose again
039e7fb67439	a text with room for one sign more
062826c58802	weight and bias are equally long
0603174602df	of the one number that is left one is copied, whatever stands behind the strides
0c10488c2799	any number below 0
10228bd4ea86	in which of two orders an image of one channel or pixel is worked on: the same numbers
0046a9b4ce8b	reads a number behind the arguments, which is none: the address sanitizer finds it in test_cuda.sh
0017f92c8975	a copy in another order, made again where it was still good: the same numbers
019baeb5ef48	an array of four of which three are used
021fb0246723	numbers that are carried to the device once more: the same
023666cf8a2c	a word that is too long is refused by the sign behind it
0438473ca25a	any version but this one
04da65e025ae	a vector is stored the same in every order
0590bc60c72e	a kernel is as wide as it is high
0610b7f55793	room for one number more
02fc6f7108ae	an answer that is asked for as yes or no, and 2 is yes
002ed11fbe31	an answer that is asked for as yes or no, and 2 is yes
00c4cc5aaf09	the same
00cf00b7464b	of the key only the name is looked at
049dfa607128	the logarithm takes no constant: this one is not looked at
05475d21dffe	whose memory is used again: the numbers are the same
05632ef792ba	an array of four of which three are used
05d9e871e634	reads a number behind the arguments, which no op looks at: the address sanitizer finds it in test_sanitizers.sh
05dd034d5f04	the first sums do not look at it
0603d71f3b2a	any number below 0
061d6ff70135	reads behind the file's numbers and writes behind the last of the step: the address sanitizer finds it in test_sanitizers.sh
