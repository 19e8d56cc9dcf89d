#!/bin/sh
# test_grader.sh: the grader, against submissions whose marks are known: every solution has full points, every stub 0, each wrong
# solution loses the right points and hears why, and hostile ones are stopped, named, and earn nothing.  See tests/grader/.
# Prints TAP.  Run from the root of the repository.

. tests/tap.sh

make -s grade CC="${CC:-cc}" > "$dir/make" 2>&1
ok $? 'make grade' "$dir/make"
for source in exercises/ex*.c; do
    for part in solution stub; do
        perl exercises/split.pl $part "$source" > "$dir/$part.c" && ${CC:-cc} -std=c99 $WARN -I. -c -o "$dir/o.o" "$dir/$part.c" >> "$dir/said" 2>&1 || echo "$source: $part" >> "$dir/bad"
    done
done
[ ! -s "$dir/bad" ]
ok $? 'solutions and stubs compile without a warning' "$dir/bad"

perl tests/grader/plant.pl "$dir/subs" "$dir/outside" > "$dir/plant" 2>&1
ok $? 'submissions planted' "$dir/plant"

# All at once, as a teacher does it.  What hostile programs can do depends on the system.
./grade_all "$dir/subs" --csv "$dir/grades.csv" --json "$dir/grades.json" 2> "$dir/said"
ok $? 'grade_all comes to its end' "$dir/said"
if grep -q 'sandbox: seccomp, Landlock, traced, static' "$dir/said"; then
    perl tests/grader/check.pl "$dir/grades.csv" "$dir/subs.tsv" $n > "$dir/check"; worse=$?
else
    skip "hostile submissions, as this system has: $(sed 's/.*; \([a-z ]*sand[^;]*\);.*/\1/' "$dir/said")"
    grep -v '^hostile_' "$dir/subs.tsv" > "$dir/tame.tsv"
    perl tests/grader/check.pl "$dir/grades.csv" "$dir/tame.tsv" $n > "$dir/check"; worse=$?
fi
cat "$dir/check"
n=$((n + $(grep -c '^\(not \)\{0,1\}ok' "$dir/check")))
[ $worse -eq 0 ] || failed=1
[ ! -e "$dir/outside" ]
ok $? 'nothing was written outside'
perl -MJSON::PP -e 'local $/; my $j = decode_json(<STDIN>); exit !(@{$j->{students}} > 100)' < "$dir/grades.json" 2> "$dir/said"
ok $? 'the JSON is JSON' "$dir/said"

# Where kernel or C library lack something, a program that reads the tests is stopped by what there is, or the grader says that it is not.
mkdir -p "$dir/dynamic/build/grader" && cp grade autoenc.h "$dir/dynamic/" && cp build/grader/*.o "$dir/dynamic/build/grader/"
{ printf '#include <fcntl.h>\n#include <stdio.h>\n__attribute__((constructor)) static void first(void) { puts(open("%s/README.md", O_RDONLY) < 0 ? "could not read" : "has read"); }\n' "$root"
  cat "$dir/subs/right_ex02/ex02_mine.c"; } > "$dir/reader.c"
lacks() {   # lacks WHAT FOLDER-OF-THE-GRADER WHAT-COMES-OF-IT WHAT-THE-GRADER-SAYS
    "$dir/without" "$1" "$2/grade" ex02 "$dir/reader.c" > "$dir/said" 2>&1
    grep -q "$3" "$dir/said" && grep -q "$4\$" "$dir/said"
    ok $? "without $1, $4: $3" "$dir/said"
}
if ./grade --describe | grep -q 'sandbox: seccomp, Landlock, traced, static' && ${CC:-cc} -std=c99 $WARN -D_GNU_SOURCE -o "$dir/without" tests/grader/without.c 2> "$dir/said" && "$dir/without" nothing true; then
    lacks landlock "$root" 'opened a file: .*README' 'sandbox: seccomp, no Landlock, traced, static'
    lacks ptrace "$root" 'a call that is not allowed' 'sandbox: seccomp, Landlock, static'
    lacks seccomp "$root" 'could not read' 'sandbox: no seccomp, Landlock, static'
    lacks libc.a "$dir/dynamic" 'opened a file: .*README' 'sandbox: seccomp, Landlock, traced'
    lacks libc.a,landlock "$dir/dynamic" 'opened a file: .*README' 'sandbox: seccomp, no Landlock, traced'
    lacks libc.a,ptrace "$dir/dynamic" 'could not read' 'sandbox: seccomp, Landlock'
    lacks libc.a,ptrace,landlock "$dir/dynamic" 'has read' 'sandbox: seccomp, no Landlock; files can be read'
    lacks ptrace,landlock,seccomp "$root" 'has read' 'not sandboxed'
    "$dir/without" nothing "$dir/dynamic/grade" --folder "$dir/subs/right_ex12" > "$dir/said" 2>&1; ok $? 'what is linked with libraries passes, where they are opened by name' "$dir/said"
else skip 'not all of seccomp, Landlock, tracing and static programs here: none can be taken away'; fi

# Without a sandbox: nothing is gained by lying, whatever the system; a grader that was killed gives no marks.
mkdir "$dir/few"
for h in exit_early print_pass answers_in_advance override include_tests assembly kill_parent; do mv "$dir/subs/hostile_$h" "$dir/few/"; done
./grade_all "$dir/few" --no-sandbox --csv "$dir/few.csv" 2> "$dir/said"
[ "$(grep -c '^"hostile_[a-z_]*",0,' "$dir/few.csv")" -eq 7 ]
ok $? 'without a sandbox the liars still have 0 points' "$dir/few.csv"
grep -q 'not sandboxed' "$dir/said"
ok $? '... and the grader says "not sandboxed"' "$dir/said"

# Inputs are new in each run; a seed brings them back.
one() { ./grade ex02 "$dir/subs/wrong_ex02_1/ex02_mine.c" "$@" | sed -n 's/.*loss\[0\] is \([^,]*\),.*/\1/p'; }
a=$(one --seed 1) b=$(one --seed 1) c=$(one) d=$(one)
[ -n "$a" ] && [ "$a" = "$b" ] && [ "$c" != "$d" ]
ok $? 'a seed gives the same inputs, none gives new ones'

# The other formats, and the way the program is used.
./grade ex02 "$dir/subs/wrong_ex02_2/ex02_mine.c" --gradescope "$dir/results.json" --autolab > "$dir/said"; status=$?
[ $status -eq 1 ] && [ "$(tail -n 1 "$dir/said")" = '{"scores": {"ex02": 4}}' ]
ok $? "Autolab's line is the last" "$dir/said"
perl -MJSON::PP -e 'local $/; my $j = decode_json(<STDIN>); exit !($j->{score} == 4 && @{$j->{tests}} == 2)' < "$dir/results.json"
ok $? "Gradescope's results.json" "$dir/results.json"
./grade ex02 "$dir/subs/hostile_loop/ex02_mine.c" --gradescope "$dir/zero.json" > /dev/null 2>&1 &
k=0; while [ ! -s "$dir/zero.json" ] && [ $k -lt 300 ]; do sleep 0.1; k=$((k + 1)); done
kill -9 $! && wait $! 2> /dev/null
perl -MJSON::PP -e 'local $/; my $j = decode_json(<STDIN>); exit !($j->{score} == 0 && $j->{output} =~ /did not come to its end/)' < "$dir/zero.json"
ok $? '... is there with zero points from the start, for a grader that is cut off' "$dir/zero.json"
CC=no-such-compiler ./grade ex02 "$dir/subs/right_ex02/ex02_mine.c" > "$dir/said" 2>&1; [ $? -eq 3 ] && grep -q 'no-such-compiler' "$dir/said"
ok $? 'a compiler that cannot be run is nobody'"'"'s mistake' "$dir/said"
./grade ex77 --gradescope "$dir/none.json" > "$dir/said" 2>&1
[ $? -eq 2 ] && [ ! -e "$dir/none.json" ]
ok $? 'an unknown exercise is wrong use' "$dir/said"
./grade ex02 "$dir/subs/right_ex02/ex02_mine.c" --jobs 0 --bogus > "$dir/said" 2>&1; [ $? -eq 2 ]
ok $? 'an unknown option is wrong use' "$dir/said"

# The two archives: the students' one holds no solution, builds, and gives stubs 0 and solutions full points.
make -s handout teacher DIST="$dir/dist" > "$dir/made" 2>&1
ok $? 'make handout, make teacher' "$dir/made"
(cd "$dir" && tar xzf dist/autoenc-exercises.tar.gz && cd autoenc-exercises && make -s grade CFLAGS=-O0) > "$dir/made" 2>&1
ok $? "the students' archive unpacks and builds" "$dir/made"
! grep -rlE '>>solution|b1\^|NO_CORRECTION' "$dir/autoenc-exercises/exercises" "$dir/autoenc-exercises/grader" > "$dir/found" && [ ! -e "$dir/autoenc-exercises/grader/expect" ]
ok $? '... and holds no solutions' "$dir/found"
(cd "$dir/autoenc-exercises" && ./grade | tail -n 1) > "$dir/said"
grep -q '^0 of 142 points' "$dir/said"
ok $? '... its stubs have 0 points of 142' "$dir/said"
mkdir "$dir/mine"
for e in 01 02 03 04 05 06 07 08 09 10 11 12 13 14; do cp "$dir/subs/right_ex$e/ex${e}_mine.c" "$dir/mine/"; done
(cd "$dir/autoenc-exercises" && ./grade --folder "$dir/mine" | tail -n 1) > "$dir/said"
grep -q '^142 of 142 points' "$dir/said"
ok $? '... solutions have 142' "$dir/said"
tar tzf "$dir/dist/autoenc-teacher.tar.gz" | grep -q '/solutions/ex07_conv.c$'
ok $? "the teacher's archive has the solutions"

echo "1..$n"
exit $failed
