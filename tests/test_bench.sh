#!/bin/sh
# test_bench.sh: the programs of bench/ compile without a warning and train every lesson's network, and the tables in the README
# are those of the results.  No speed is judged here.  TAP, from the project's root.

. tests/tap.sh
nets='lesson01 lesson02-fc lesson02-cnn lesson03 lesson04 lesson05 lesson06 lesson07'

for source in train peak; do
    ${CC:-cc} -O2 $WARN -I. "bench/$source.c" -o "$dir/$source" $LIBS > "$dir/said" 2>&1
    ok $? "$source.c compiles" "$dir/said"
done
for cc in gcc clang; do
    if ! have $cc; then skip "$cc is not installed"; continue; fi
    for source in train peak growth parts bench_tsne; do
        $cc -fsyntax-only $WARN -I. "bench/$source.c" > "$dir/said" 2>&1
        ok $? "$source.c has no warning from $cc" "$dir/said"
    done
done

# A way of PyTorch whose loss is no number is no rival, and JSON has no word for it.
if have python3; then
    PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=bench python3 - > "$dir/said" 2>&1 <<'EOF'
import json, types
import run
run.race = lambda *_: ({"ours": [4.0], "eager": [1.0], "compile": [2.0]}, {"ours": 0.1, "eager": 0.2, "compile": float("nan")}, 100.0)
run.start = lambda *_: (0.1, 10.0)
run.ours = run.torch = lambda *_: None
row = run.measure(types.SimpleNamespace(ours=False, starts=1), "lesson03", "python", ".")
assert row["fastest"] == "eager" and row["ratio"]["median"] == 4 and row["loss"]["compile"] is None, row
json.dumps(row, allow_nan=False)
EOF
    ok $? 'what gives NaN is no rival, and null in the results' "$dir/said"
else
    skip 'no python3'
fi

# ---- every network trains, from the built-in strokes if there is nothing better ----

for net in $nets; do
    echo 0.01 | "$dir/train" "$net" --warm 1024 > "$dir/said" 2>&1
    [ $? -eq 0 ] && grep -q '^first	' "$dir/said" && grep -q '^ready	[0-9]' "$dir/said" && grep -q '^ran	[1-9]' "$dir/said"
    ok $? "$net trains and answers" "$dir/said"
done
"$dir/train" lesson99 > "$dir/said" 2>&1; [ $? -eq 2 ]; ok $? "a network that is not there is refused" "$dir/said"
one=$("$dir/train" lesson03 --warm 2048 --threads 1 < /dev/null | grep ready)
two=$("$dir/train" lesson03 --warm 2048 --threads 2 < /dev/null | grep ready)
[ -n "$one" ] && [ "$one" = "$two" ]; ok $? "the loss does not depend on the threads: $one"
if "$dir/train" lesson03 --warm 512 --isa avx2 < /dev/null > "$dir/said" 2>&1; then
    two=$("$dir/train" lesson03 --warm 2048 --isa avx2 < /dev/null | grep ready)
    [ "$one" = "$two" ]; ok $? "nor on the vectors: AVX2 gives $two"
else
    skip "this processor has no AVX2"
fi
[ "$("$dir/peak" 1 | awk '{ print ($1 > 0.1) }')" = 1 ]; ok $? "peak measures something"

if have python3 && [ -f "$AUTOENC_DATA/mnist/train-images-idx3-ubyte" ]; then
    python3 bench/run.py --ours --nets lesson04 --rounds 1 --seconds 0.02 --warm 512 --starts 1 --data "$AUTOENC_DATA" > "$dir/said" 2>&1
    [ $? -eq 0 ] && grep -q 'ours .* images/s' "$dir/said"; ok $? "run.py measures our side alone" "$dir/said"
    python3 bench/run.py --ours --nets lesson99 > "$dir/said" 2>&1; [ $? -eq 2 ]; ok $? "and refuses a network that is not there" "$dir/said"
else
    skip "no python3, or no unpacked MNIST in AUTOENC_DATA"
fi

# ---- other libraries: nothing of theirs is needed or compiled here, only what is ours beside them ----

AUTOENC_DATA="$dir/none" OTHERS="$dir/none" sh bench/others.sh --rounds 2 --seconds 0.02 --images 640 > "$dir/table" 2> "$dir/said"
[ $? -eq 0 ] && [ "$(grep -c 'not here, left out' "$dir/said")" -ge 3 ] && grep -q '^| autoenc.h | [1-9][0-9,]* | .* | 0\.[0-9]* |' "$dir/table"
ok $? "others.sh leaves out what is not installed, and measures ours" "$dir/said"
sh bench/others.sh --rounds > "$dir/said" 2>&1; [ $? -eq 2 ]; ok $? "and refuses an option without its value" "$dir/said"
printf '#include "others.h"\nstatic void make(int t) { (void)t; }\nstatic float step(float *x) { return x[0]; }\n' > "$dir/none.c"
for language in c c++; do
    if [ $language = c++ ] && ! have c++; then skip "no C++ compiler"; continue; fi
    ${CC:-cc} -x $language $WARN -Wno-unused-function -Wno-unused-const-variable -Wno-unused-variable -D_POSIX_C_SOURCE=199309L -Ibench/others -fsyntax-only "$dir/none.c" > "$dir/said" 2>&1
    ok $? "others.h has no warning as $language" "$dir/said"
done
# 256 images, each of one grey: a program that answers the mean of its batch must come to the mean of all over an epoch, 1/2.
printf '#include "others.h"\nstatic void make(int t) { (void)t; }\nstatic float step(float *x) { double s = 0; for (int i = 0; i < BATCH; i++) s += x[i * PIXELS]; return (float)(s / BATCH); }\n' > "$dir/mean.c"
perl -e 'print pack("N4", 2051, 256, 28, 28); print chr($_) x 784 for 0 .. 255' > "$dir/train-images-idx3-ubyte"
${CC:-cc} -D_POSIX_C_SOURCE=199309L -Ibench/others "$dir/mean.c" -o "$dir/mean" $LIBS && "$dir/mean" "$dir" 1 512 0.01 > "$dir/said" 2>&1 && grep -q '^0.50000	[1-9]' "$dir/said"
ok $? "and hands out every image once an epoch" "$dir/said"

# ---- the tables ----

if perl -MJSON::PP -e 1 2>/dev/null; then
    perl bench/table.pl --check > "$dir/said"; ok $? "the tables of the README are up to date: perl bench/table.pl" "$dir/said"
    mkdir -p "$dir/tree/lessons" "$dir/tree/bench/results"
    cp README.md "$dir/tree"
    cp lessons/Expected.pm "$dir/tree/lessons"
    cp bench/table.pl "$dir/tree/bench"
    middle() { printf '"median": %s, "least": %s, "most": %s' "$1" "$1" "$1"; }
    cat > "$dir/tree/bench/results/threads2.json" <<END
{ "command": "python3 bench/run.py --threads 2", "threads": 2, "isa": null, "rival": false, "rounds": 5, "load_before": 0.1,
  "machine": { "processor": "P", "compiler": "C", "torch": "T", "date": "D" }, "nets": { "lesson03": { "title": "03 convolutional, 512",
  "images_per_second": { "ours": { $(middle 4000) }, "fused": { $(middle 1000) } }, "fastest": "fused", "ratio": { $(middle 4) },
  "gflops": 54, "peak_gflops": 100, "peak_mib_ours": { $(middle 1) }, "peak_mib_torch": { $(middle 2) },
  "first_step_seconds_ours": { $(middle 1) }, "first_step_seconds_torch": { $(middle 2) }, "loss": { "ours": 0.1, "fused": 0.2 } } } }
END
    perl "$dir/tree/bench/table.pl" && grep -q '03 convolutional, 512 | 4,000 | 1,000 fused | \*\*4.0\*\* .* 54 | 54 %' "$dir/tree/README.md"
    ok $? "results become a row of the README"
    perl "$dir/tree/bench/table.pl" --check > "$dir/said"; ok $? "which is then up to date" "$dir/said"
    sed -i.old 's/| 4,000 |/| 4,001 |/' "$dir/tree/README.md"
    perl "$dir/tree/bench/table.pl" --check > "$dir/said"; [ $? -eq 1 ]; ok $? "a number typed by hand is noticed"
else
    skip "perl's JSON::PP is not installed"
fi

echo "1..$n"
exit $failed
