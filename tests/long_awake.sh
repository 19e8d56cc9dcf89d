#!/bin/sh
# long_awake.sh: are the shell tests awake?  Each row plants one fault in a copy of the tree, and the test that is there for it must
# say "not ok" in the line that is there for it.  Arguments choose tests: crash bench fuzz.  Prints TAP.  From the project's root.

. tests/tap.sh
only="$*"
have perl || { echo '1..0 # SKIP perl is needed to plant faults'; exit 0; }

# awake TEST FILE PERL LINE NAME: with this fault in FILE, tests/test_TEST.sh says "not ok" in a line that holds LINE.
awake() {
    wanted "$1" || return
    rm -rf "$dir/tree" && mkdir "$dir/tree"
    cp -r autoenc.h Makefile README.md bench data grader lessons plots tests "$dir/tree"
    perl -0pi -e "$3" "$dir/tree/$2"
    if cmp -s "$2" "$dir/tree/$2"; then ok 1 "$1: $5 (the fault could not be planted)"; return; fi
    (cd "$dir/tree" && sh "tests/test_$1.sh" $short) > "$dir/out" 2>&1
    grep '^not ok' "$dir/out" > "$dir/said"
    grep -q "$4" "$dir/said"; ok $? "$1: $5" "$dir/out"
}

short='3 8 1'                            # kills, epochs, seconds
awake crash autoenc.h 's/put\) ae->random_step = \(uint64_t\)state\[0\], /put) /' 'the noise goes on' "the random state is not read again"
awake crash autoenc.h 's/l->at = s\[1\] > l->n \? l->n : \(int\)s\[1\], //' 'the same to the bit\|to the same end' "nor is the place in the data"
awake crash lessons/kit_resume.h 's/\n    kit_print\(&run->facts, "%s", run->facts_kept\);//' 'the first step is noted' "nor are the facts"
awake crash lessons/kit.h 's/signal\(SIGTERM, on \? kit_on_signal : SIG_DFL\);//' 'SIGTERM ends a run' "SIGTERM is not caught"
awake crash lessons/kit.h 's/flock\(folder, LOCK_EX \| LOCK_NB\)/0/' 'a second run' "folders are not locked"
awake crash lessons/kit_resume.h 's/!link\(kit_path\(run, "checkpoint.safetensors"\), old\)/0/' 'keeps the old checkpoint' "the earlier checkpoint is not kept"
awake crash lessons/kit_resume.h 's/    kit_forget_pictures\(run\);\n//' 'neither log.tsv nor' "an old curve stays"
awake crash autoenc.h 's/fopen\(part, "wb"\)/fopen(path, "wb")/; s/ae__rename\(part, path\) == 0/1/; s/\n    remove\(part\);//' 'no half files' "files are written where the old ones are"
awake crash lessons/kit_resume.h 's/if \(!(ae_save_all\(run->ae, kit_path\(run, "checkpoint.safetensors"\)\))\) kit_die[^;]*;/$1;/' 'too small for the checkpoint' "a full disk is not noticed"

short=
awake bench bench/train.c 's/if \(lesson == 3\) ae_nn_relu\(net\);/if (lesson == 3) ae_nn_flatten(net);/' 'lesson03 trains' "a network whose layers do not fit"
awake bench bench/train.c 's/\.seed = run\.seed,/.seed = run.seed + (unsigned)run.threads,/' 'does not depend on the threads' "a loss that depends on the threads"
awake bench bench/peak.c 's/(int main\()/static int nobody(void) { int x; return 0; }\n$1/' 'peak.c has no warning' "a variable that nobody uses"
awake bench bench/table.pl 's/\*\*%.1f\*\*/%.1f/' 'a row of the README' "another table"
awake bench bench/table.pl 's/exit 1 \}\nExpected/exit 0 }\nExpected/' 'typed by hand is noticed' "a check that finds nothing"
awake bench README.md 's/(<!-- bench: \S+ -->\n)/$1about 4,000 a second\n/' 'README are up to date' "a number typed by hand"

short=20                                 # seconds
awake fuzz autoenc.h 's/t->to < t->from \|\| t->to > f->data_bytes/t->to < t->from/; s/if \(at != f->data_bytes\)/if (0)/' 'safetensors: .* corpus' "a tensor may lie behind the end of its file"
awake fuzz autoenc.h 's/"%.400s: %s", path, f->problem/"%.0s%s", path, f->problem/' 'safetensors: .* corpus' "a refusal does not name the file"
awake fuzz autoenc.h 's/if \(\(unsigned char\)\*f->at < 32/if (f->at[0] == 127 \&\& f->at[1] == 126) abort();\n        else $&/' 'safetensors: .* damaged files' "a crash that no file of the corpus meets"
awake fuzz lessons/kit_data.h 's/want != have \|\| !count/!count/' 'idx: .* corpus' "the size of an IDX file is believed"
awake fuzz lessons/kit_data.h 's/if \(f\) fclose\(f\);/if (head[5] == 77 \&\& head[6] == 78) abort();\n    $&/' 'idx: .* damaged files' "a crash that no file of the corpus meets"

echo "1..$n"
exit $failed
