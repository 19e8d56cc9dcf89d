#!/bin/sh
# test_lessons.sh: the lessons as a student runs them, --quick and on the built-in strokes: what they print, the files
# they leave, exit statuses of wrong uses, and that stopping and resuming changes no bit.  TAP, from the project's root.

n=0 failed=0
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
unset AUTOENC_DATA
export XDG_CACHE_HOME="$dir/cache" HOME="$dir"

ok() {          # ok STATUS NAME [FILE to show when it failed]
    n=$((n + 1))
    if [ "$1" -eq 0 ]; then echo "ok $n - $2"; else echo "not ok $n - $2"; failed=1; [ -n "$3" ] && sed 's/^/# /' "$3" | tail -5; fi
}
status_is() {   # status_is WANTED NAME COMMAND...
    want=$1 name=$2; shift 2
    "$@" > "$dir/out" 2> "$dir/err" < /dev/null
    got=$?
    [ $got -eq "$want" ]; ok $? "$name (status $got, wanted $want)" "$dir/err"
}

make -s lesson00 lesson03 > "$dir/make" 2>&1
ok $? "the lessons build" "$dir/make"

# ---- lesson03, small: every kind of file ----

status_is 0 "lesson03 runs on built-in strokes" ./lesson03 --quick --epochs 2 --synthetic --out "$dir/a" --no-progress
tail -1 "$dir/out" | grep -Eq '^lesson03: test loss 0\.[0-9]{6}, mean image 0\.[0-9]{4}, PCA-64 0\.[0-9]{6}, [0-9.]+ s \[strokes\]$'
ok $? "its last line says the losses, the baselines, the time and [strokes]" "$dir/out"
for f in log.tsv run.json model.safetensors checkpoint.safetensors; do
    [ -s "$dir/a/$f" ]; ok $? "it leaves $f"
done
head -1 "$dir/a/log.tsv" | grep -q "^epoch	step	train_loss	test_loss"; ok $? "log.tsv starts with its columns" "$dir/a/log.tsv"
for key in seed version compiler machine threads data seconds images_per_second train_loss test_loss; do
    grep -q "\"$key\":" "$dir/a/run.json"; ok $? "run.json has $key"
done
grep -q '"data": "strokes"' "$dir/a/run.json"; ok $? "run.json says that the data are strokes"
if command -v gnuplot > /dev/null; then
    for f in loss pairs digits means between pca tsne tsne_noisy; do
        [ "$(head -c 4 "$dir/a/$f.png" 2>/dev/null | tail -c 3)" = PNG ]; ok $? "it draws $f.png"
    done
else
    echo "# gnuplot is not here: no pictures"
fi

# ---- the same numbers: run to run, for any number of threads, stopped and resumed ----

same() { cmp -s "$1" "$2"; ok $? "$3"; }
run="./lesson03 --quick --synthetic --no-plot --no-progress"
status_is 0 "on one thread" $run --epochs 2 --threads 1 --out "$dir/b"
same "$dir/a/model.safetensors" "$dir/b/model.safetensors" "the weights do not depend on the threads"
status_is 0 "one epoch" $run --epochs 1 --out "$dir/c"
status_is 0 "resumed for the second" $run --epochs 2 --resume --out "$dir/c"
same "$dir/a/model.safetensors" "$dir/c/model.safetensors" "the weights do not depend on a stop in between"
status_is 2 "resumed with another learning rate" $run --epochs 2 --resume --lr 0.5 --out "$dir/c"
status_is 2 "resumed with another seed" $run --epochs 2 --resume --seed 3 --out "$dir/c"
$run --epochs 2 --batch 16 --out "$dir/whole" > /dev/null 2>&1
$run --epochs 2 --batch 16 --out "$dir/cut" > "$dir/out" 2>&1 &
pid=$!
while kill -0 $pid 2>/dev/null && [ ! -s "$dir/cut/log.tsv" ]; do sleep 0.1; done     # interrupted in the second epoch
kill -INT $pid 2>/dev/null
wait $pid
[ $? -eq 130 ]; ok $? "Ctrl-C ends a run with status 130" "$dir/out"
status_is 0 "a run that was interrupted is resumed" $run --epochs 2 --batch 16 --resume --out "$dir/cut"
same "$dir/whole/model.safetensors" "$dir/cut/model.safetensors" "the weights do not depend on Ctrl-C"
$run --epochs 1 --batch 2 --out "$dir/first" > "$dir/out" 2>&1 &
pid=$!
while kill -0 $pid 2>/dev/null && [ ! -s "$dir/first/checkpoint.safetensors" ]; do sleep 0.1; done      # interrupted in the first
kill -INT $pid 2>/dev/null
wait $pid
[ $? -eq 130 ]; ok $? "Ctrl-C in the first epoch" "$dir/out"
status_is 0 "is resumed too" $run --epochs 1 --batch 2 --resume --out "$dir/first"

# What we write, the reference implementation reads.
if python3 -c 'import numpy, safetensors' 2> /dev/null; then
    python3 -c 'import sys; from safetensors.numpy import load_file
for f in sys.argv[1:]: print(f, len(load_file(f)))' "$dir/a/model.safetensors" "$dir/a/checkpoint.safetensors" "$dir/cut/checkpoint.safetensors" > "$dir/err" 2>&1
    ok $? "Python's safetensors reads models and checkpoints" "$dir/err"
else
    echo "# Python's safetensors is not here"
fi

status_is 0 "--load and no epochs: the same test loss" $run --epochs 0 --load "$dir/a/model.safetensors" --out "$dir/d"
[ "$(grep -o '"test_loss": [0-9.e-]*' "$dir/a/run.json")" = "$(grep -o '"test_loss": [0-9.e-]*' "$dir/d/run.json")" ]
ok $? "a loaded network has the loss it was saved with" "$dir/d/run.json"

# ---- wrong uses: one message and the right status ----

status_is 2 "an unknown option" ./lesson03 --epoch-s 3
grep -q -- '--epochs' "$dir/err"; ok $? "names the nearest" "$dir/err"
for word in '--epoch 3' --epoch=3 --epoch; do
    status_is 2 "an option cut short: $word" ./lesson03 $word
    grep -q 'did you mean --epochs' "$dir/err"; ok $? "$word: names the whole one" "$dir/err"
done
status_is 2 "--no-p" ./lesson03 --no-p
grep -q 'did you mean --no-p' "$dir/err"; ok $? "is one of two that begin so" "$dir/err"
status_is 2 "--batch 0" ./lesson03 --batch 0
status_is 2 "--lr abc" ./lesson03 --lr abc
status_is 2 "--epochs -1" ./lesson03 --epochs -1
status_is 3 "--data with nothing there" ./lesson03 --data "$dir/nothing" --out "$dir/e"
status_is 3 "--load of a file that is none" $run --epochs 0 --load README.md --out "$dir/e"
status_is 3 "a device that is not there" $run --epochs 1 --device cuda --out "$dir/e"
touch "$dir/file"
status_is 3 "an --out that cannot be" $run --epochs 1 --out "$dir/file/out"
status_is 0 "--help" ./lesson03 --help
grep -q 'model.safetensors' "$dir/out"; ok $? "names the files that are written" "$dir/out"

# ---- the same wrong uses in every lesson ----

make -s lessons > "$dir/make" 2>&1
ok $? "all lessons build" "$dir/make"
mkdir -p "$dir/models"
for source in lessons/lesson[0-9][0-9]_*.c; do
    l=$(basename "$source" | cut -d_ -f1) one=
    case $l in lesson02) one='--net cnn' ;; lesson04) one='--lr 0.001' ;; lesson06) one=--alone ;;
        lesson08) one='--noise mask' ;; lesson09) one='--trial nine' ;; lesson10) one='--latent 8' ;;
        lesson12) one='--net x4' ;; lesson13) one='--net lstm' ;; esac
    run="./$l --quick --synthetic --no-plot --no-progress"
    status_is 2 "$l: an unknown option" $run --lattent 3
    [ "$(wc -l < "$dir/err")" -eq 1 ]; ok $? "$l: one line about it" "$dir/err"
    status_is 2 "$l: --lr nan" $run --lr nan
    status_is 3 "$l: --data with nothing there" ./$l --quick --data "$dir/nothing" --out "$dir/e"
    status_is 3 "$l: an --out that cannot be" $run --out "$dir/file/out"
    if grep -q '"latent"' "$source"; then status_is 2 "$l: --latent 0" $run --latent 0; fi
    other=lesson00; [ "$l" = lesson00 ] && other=lesson03
    [ -f "$dir/models/$other" ] || ./$other --quick --synthetic --no-plot --no-progress --epochs 0 --out "$dir/e" --save "$dir/models/$other" > /dev/null 2>&1
    status_is 3 "$l: --load of $other's model" $run $one --epochs 0 --load "$dir/models/$other" --out "$dir/e"
    grep -q . "$dir/err"; ok $? "$l: says what does not fit" "$dir/err"
done

# ---- pictures that are drawn before the training: lesson01's letters ----

there() {       # there FOLDER: what plots.tsv draws from, and nothing else of that kind
    cut -f 2 "$1/plots.tsv" | sort > "$dir/want"
    (cd "$1" && ls | grep -e '\.u8$' -e '\.tsv$' | grep -v -x plots.tsv | sort) > "$dir/got"
    diff "$dir/want" "$dir/got" > "$dir/diff"
}
status_is 0 "lesson03 in a folder" ./lesson03 --quick --synthetic --no-plot --no-progress --epochs 1 --out "$dir/p"
status_is 0 "lesson01 in the same" ./lesson01 --quick --synthetic --no-plot --no-progress --epochs 1 --out "$dir/p"
grep -q stored "$dir/p/plots.tsv" && there "$dir/p"; ok $? "what it drew before its training is there, what lesson03 drew is not" "$dir/diff"
status_is 0 "lesson01 once more" ./lesson01 --quick --synthetic --no-plot --no-progress --epochs 1 --out "$dir/p"
there "$dir/p"; ok $? "the same files" "$dir/diff"

# ---- lesson10: a compressed file, and what is not one ----

status_is 0 "lesson10 makes a network" ./lesson10 --quick --synthetic --latent 8 --epochs 1 --no-plot --no-progress --out "$dir/h"
net="./lesson10 --latent 8 --out $dir/h"
{ printf '\000\000\010\003\000\000\000\002\000\000\000\034\000\000\000\034'; head -c 1568 README.md; } > "$dir/two.idx"
status_is 0 "--encode" $net --encode "$dir/two.idx" --to "$dir/two.aec"
status_is 0 "--decode" $net --decode "$dir/two.aec" --to "$dir/again.idx"
[ "$(wc -c < "$dir/again.idx")" -eq 1584 ] && [ "$(head -c 16 "$dir/again.idx" | od -An -tx1)" = "$(head -c 16 "$dir/two.idx" | od -An -tx1)" ]
ok $? "as many images come back"
status_is 0 "what came back can be coded again" $net --encode "$dir/again.idx" --to "$dir/third.aec"
head -c 40 "$dir/two.aec" > "$dir/short.aec"
for bad in "--decode $dir/short.aec" "--decode $dir/two.idx" "--decode $dir/nothing" "--encode $dir/two.aec" "--load $dir/models/lesson03 --decode $dir/two.aec"; do
    rm -f "$dir/none"
    status_is 3 "lesson10 $(echo "$bad" | sed "s,$dir/,,g")" $net $bad --to "$dir/none"
    [ ! -e "$dir/none" ] && [ "$(wc -l < "$dir/err")" -eq 1 ]; ok $? "one line about it, and no file" "$dir/err"
done
status_is 3 "--to a folder that is not there" $net --decode "$dir/two.aec" --to "$dir/no/such/file"
status_is 2 "--decode without --to" $net --decode "$dir/two.aec"

# ---- lesson00 ----

status_is 0 "lesson00 --quick" ./lesson00 --quick --out "$dir/f" --no-progress
status_is 0 "lesson00 --by-hand agrees with the tape" ./lesson00 --by-hand --out "$dir/g"

echo "1..$n"
exit $failed
