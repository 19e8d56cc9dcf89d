#!/usr/bin/perl
# mutate.pl: do the tests notice when autoenc.h is wrong?  A seeded sample of small faults, one at a time: an operator
# flipped, a statement dropped, a constant moved, a condition turned round, in the sections named below.  The tests run
# with each fault until one fails (or runs much too long): then the fault is "killed".
#
#   perl tests/mutate.pl [--sample 340] [--seed 1] [--from 0] [--to 340] [--minutes 10] [--only KEY,KEY] [--keep FOLDER]
#        [--tests io,layers] [--verbose]
#
# The sample counts what is drawn; a tenth of it does not compile or changes nothing, so 340 leave about 300.
# --from and --to take a slice of the sample, --minutes stops in time and says where to go on, --only takes
# those of these keys (a fault that lives is told with its key); --keep leaves the programs in a folder and finds them there again;
# --tests runs only these tests.
# Faults are drawn by a hash of the seed, their line and their place in it, so an edit elsewhere in the file does not change
# which ones are drawn.  A fault that gives the same machine code is not one and is not counted; those below __DATA__ were
# looked at by a human and change nothing that a program could see (the reason stands there); they are counted as explained.
# Prints TAP.
#
# What makes it quick: each test is compiled once, with all faults in it.  A function's body stands there once for
# each of its faults and once as it is, and the variable MUTANT of the environment says which one runs.  A fault
# outside of every function (a table, a type) is compiled apart.
use strict;
use warnings;
use Digest::MD5 qw(md5_hex);
use File::Temp qw(tempdir);
use Getopt::Long;
use Time::HiRes qw(time);

my @sections = qw(random tape ops nn optim io debug);
my @tests = qw(layers corners gradients loader mistakes errors math io convolutions faults same_bits curves);
my %o = (sample => 340, seed => 1, from => 0, to => 1e9, minutes => 1e9, only => '', keep => '', tests => '', verbose => 0);
GetOptions(\%o, 'sample=i', 'seed=i', 'from=i', 'to=i', 'minutes=f', 'only=s', 'keep=s', 'tests=s', 'verbose') or exit 2;
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
if ($o{only}) { my %only = map { $_ => 1 } split /,/, $o{only}; @all = grep { $only{substr($_->[6], 0, 12)} } @all }
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
        $add->(substr($header, $at, $from - $at) . "{\n", -1);
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
sub compiled { my ($name) = @_; return run('', "$cc -w -O1 -include ./mutant.h -I. -o build/$name tests/test_$name.c -lm -lpthread") == 0 }
spew("$work/mutant.h", "char *getenv(const char *);\nint atoi(const char *);\nstatic int ae__mutant;\n" .
    "__attribute__((constructor)) static void ae__which_mutant(void) { const char *m = getenv(\"MUTANT\"); ae__mutant = m ? atoi(m) : 0; }\n");

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

# ---- the tests, and how long they take without a fault ----

my (%seconds, %kills);
for my $name (@tests) {
    my $version = md5_hex(join '', slurp("$work/autoenc.h"), map { slurp($_) } "tests/test_$name.c", glob 'tests/*.h lessons/*.h');
    my ($was, $took) = -e "$work/build/$name.version" ? split(/ /, slurp("$work/build/$name.version")) : ('', 0);
    if ($was ne $version) {
        compiled($name) or die slurp("$work/said");
        my $begun = time();
        run('', "./build/$name") == 0 or die "without a fault, test_$name does not pass: " . slurp("$work/said");
        $took = time() - $begun;
        spew("$work/build/$name.version", "$version $took");
    }
    $seconds{$name} = $took;
}

# One test with one fault.  Too long is five times its time on the processor, or standing still, twice: a machine may be busy.
sub fails {
    my ($name) = @_;
    my $cpu = int(5 + 5 * $seconds{$name});
    for (1, 2) {
        my $status = run("ulimit -t $cpu; timeout -k 1 " . (10 + 3 * $cpu), "./build/$name");
        return $status if $status != 124 && $status != 137;
        return $status if $status == 137 && slurp("$work/said") eq '';
    }
    return 1;
}
# Who notices?  '': nobody; undef: it does not compile.  First who noticed most in this section for its time.
sub noticed_by {
    my ($m) = @_;
    my $s = $all[$m][3];
    my @order = sort { ($kills{$s}{$b} // 0.3) / $seconds{$b} <=> ($kills{$s}{$a} // 0.3) / $seconds{$a} } @tests;
    my $text = slurp("$work/autoenc.h");
    local $ENV{MUTANT} = $m + 1;
    if ($apart{$m}) {
        spew("$work/autoenc.h", with_fault($all[$m], 0, length $header));
        run('', "$cc -w -fsyntax-only -DAUTOENC_IMPLEMENTATION -x c autoenc.h") == 0 or do { spew("$work/autoenc.h", $text); return undef };
    }
    my $by = '';
    for my $name (@order) {
        $apart{$m} and (rename("$work/build/$name", "$work/build/$name.all"), compiled($name) || die slurp("$work/said"));
        my $failed = fails($name);
        rename "$work/build/$name.all", "$work/build/$name" if $apart{$m};
        if ($failed) { $kills{$s}{$name}++; $by = $name; last }
    }
    spew("$work/autoenc.h", $text);
    return $by;
}
# What the compiler makes of the header, without the kernels if no fault is in them: they are most of the work.
sub machine_code {
    my ($text) = @_;
    $text =~ s/^#include "autoenc.h"$/extern const ae_kernels AE_(kernels);\n#undef AE_W/gm;
    spew("$work/alone.h", $text);
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
    my $by = $broken{$m} ? undef : noticed_by($m);
    my $end = !defined $by ? 'does not compile' : $by ne '' ? "killed by $by" : $explained{$key} ? "explained: $explained{$key}" : '';
    if ($end eq '') { push @lives, $f; print "# lives $key $where $what in: $near\n"; next }
    $_++ for !defined $by ? $broken : $by ne '' ? $killed : $known;
    print "# $m $where $what: $end\n" if $o{verbose};
}
my $right = @lives ? machine_code($header) : '';
for my $f (@lives) {
    my ($where, $what) = told($f);
    if (machine_code(with_fault($f, 0, length $header)) eq $right) { $same++; print "# $where $what: the same machine code\n" }
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
