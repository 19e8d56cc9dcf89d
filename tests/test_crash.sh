#!/bin/sh
# test_crash.sh [KILLS [EPOCHS [SECONDS]]]: a run that is killed (kill -9) at random moments and resumed each time ends with the same
# weights, log, facts and pictures as one that nobody disturbed; SIGTERM ends a run as Ctrl-C does; two runs never share a
# folder; a disk that is full costs the run, not what was there.  tests/long_crash.sh kills a hundred times.  Prints TAP.
# Run from the root of the repository.

. tests/tap.sh
. tests/runs.sh
unset AUTOENC_DATA
export XDG_CACHE_HOME="$dir/cache" HOME="$dir"
kills=${1:-4} epochs=${2:-12} seconds=${3:-2}          # SECONDS: no life is longer

status_is() {   # status_is WANTED NAME COMMAND...
    want=$1 name=$2; shift 2
    "$@" > "$dir/out" 2> "$dir/err" < /dev/null
    got=$?
    [ $got -eq "$want" ]; ok $? "$name (status $got, wanted $want)" "$dir/err"
}
run="./lesson00 --synthetic --no-progress --batch 32"
gone() { while kill -0 "$1" 2>/dev/null && [ ! -s "$2" ]; do sleep 0.05; done; }        # until the file is there

make -s lesson00 > "$dir/make" 2>&1
ok $? "lesson00 builds" "$dir/make"
status_is 0 "a run that nobody disturbs" $run --epochs $epochs --out "$dir/whole"

# ---- kill -9 ----

i=0 resume= bad=0
while [ $i -lt "$kills" ]; do
    pause=$(awk -v seed="$((i * 7919 + $$))" 'BEGIN { srand(seed); printf "%.2f", 0.05 + '"$seconds"' * rand() }')
    $run --epochs $epochs --threads $((1 + i % 4)) --out "$dir/cut" $resume > "$dir/out" 2> "$dir/err" &
    pid=$!
    [ $i -gt 0 ] || gone $pid "$dir/cut/checkpoint.safetensors"
    sleep "$pause"
    kill -9 $pid 2>/dev/null
    wait $pid 2>/dev/null
    status=$?
    [ $status -eq 137 ] || [ $status -eq 0 ] || { bad=$((bad + 1)); echo "# life $i ended with $status: $(tail -n 1 "$dir/err")"; }
    i=$((i + 1)) resume=--resume
    [ $((i % 10)) -ne 0 ] || echo "# $i: $(grep resumed "$dir/out")"
done
[ $bad -eq 0 ]; ok $? "killed $i times at random moments, and each time resumed"
status_is 0 "then left alone" $run --epochs $epochs --out "$dir/cut" --resume
sha256sum "$dir/whole/model.safetensors" "$dir/cut/model.safetensors" 2>/dev/null | sed 's/^\([0-9a-f]*\).*/# \1/'
cmp "$dir/whole/model.safetensors" "$dir/cut/model.safetensors" > "$dir/said" 2>&1
ok $? "the weights are the same to the bit" "$dir/said"
same "and so are log, facts and pictures, and nothing else lies about" "$dir/whole" "$dir/cut"

# ---- SIGTERM, and elsewhere ----

$run --epochs $epochs --out "$dir/term" > "$dir/out" 2> "$dir/err" &
pid=$!
gone $pid "$dir/term/log.tsv"
kill -TERM $pid
wait $pid
[ $? -eq 130 ] && grep -q -- '--resume goes on' "$dir/out"
ok $? "SIGTERM ends a run with status 130, and says how to go on" "$dir/out"
grep -q '"interrupted": 1' "$dir/term/run.json"; ok $? "run.json says that it was interrupted"
mv "$dir/term" "$dir/elsewhere"
status_is 0 "its folder goes on in another place, on three threads" $run --epochs $epochs --threads 3 --out "$dir/elsewhere" --resume
same "to the same end" "$dir/whole" "$dir/elsewhere"
status_is 0 "resumed after its end" $run --epochs $epochs --out "$dir/elsewhere" --resume
same "it states the same facts" "$dir/whole" "$dir/elsewhere"

# ---- noise, and facts that are noted on the way: lesson07 has both ----

noisy="./lesson07 --synthetic --no-progress --no-plot --epochs 2"
make -s lesson07 > "$dir/make" 2>&1
ok $? "lesson07 builds" "$dir/make"
status_is 0 "an undisturbed run that draws noise at every step" $noisy --out "$dir/drawn"
$noisy --out "$dir/redrawn" > "$dir/out" 2> "$dir/err" &
pid=$!
gone $pid "$dir/redrawn/log.tsv"
kill -TERM $pid
wait $pid
[ $? -eq 130 ]; ok $? "SIGTERM in its second epoch" "$dir/err"
$noisy --out "$dir/redrawn" --resume > "$dir/out" 2> "$dir/err" &
pid=$!
sleep 1
kill -9 $pid 2>/dev/null
wait $pid 2>/dev/null
status_is 0 "then kill -9, then left alone" $noisy --out "$dir/redrawn" --resume
grep -q '"cost_step0"' "$dir/drawn/run.json" && grep -q '"cost_step0"' "$dir/redrawn/run.json"
ok $? "the cost of the first step is noted in both" "$dir/redrawn/run.json"
same "the noise goes on where it stood" "$dir/drawn" "$dir/redrawn"

# ---- several networks, of which the first or all have nothing left to learn ----

# A lesson that measures the test loss at the end of an epoch only: after that the checkpoint has to know it.
cat > "$dir/several.c" <<'END'
#define AUTOENC_IMPLEMENTATION
#include "autoenc.h"
#include "lessons/kit.h"
int main(int argc, char **argv)
{
    kit run = { .lesson = "several", .about = "two networks", .files = "", .flat = 1, .in_quick = { 1, 100, 1e-3 }, .usual = { 1, 100, 1e-3 }, .in_full = { 1, 100, 1e-3 } };
    ae_ctx *ae = kit_start(&run, argc, argv, NULL);
    kit_data(&run, KIT_DIGITS, 1000);
    ae_net *net[2] = { ae_net_new(ae), ae_net_new(ae) };
    ae_opt *adam[2];
    ae_loader *batches = kit_loader(&run, &run.train, 1), *test = kit_loader(&run, &run.test, 0);
    for (int k = 0; k < 2; k++) ae_nn_linear(net[k], 784, 4 << k), ae_nn_linear(net[k], 4 << k, 784), adam[k] = ae_adam(net[k], 1e-3f);
    kit_restore(&run, NULL);
    for (int k = 0; k < 2; k++) {
        ae_tensor x;
        for (kit_net(&run, k ? "wide" : "narrow"); kit_epoch(&run, batches); kit_epoch_end(&run, kit_test_loss(&run, net[k], test, ae_mse_loss)))
            while (kit_batch(&run) && ae_next_batch(batches, &x, NULL)) {
                ae_tensor loss = ae_mse_loss(ae_forward(net[k], x = ae_view(x, -1, 784, 0, 0)), x, AE_MEAN);
                ae_zero_grad(adam[k]), ae_backward(loss), ae_step(adam[k]), ae_accumulate(run.running, loss);
            }
        kit_test_loss(&run, net[k], test, ae_mse_loss);     /* not noted, but a network that has run knows the shape of its input, and its file tells */
        kit_save(&run, net[k]);
        if (!k && getenv("CUT")) raise(SIGKILL);            /* between the two */
    }
    return kit_finish(&run, "test loss %.6f", run.test_loss);
}
END
${CC:-cc} -I. -o "$dir/several" "$dir/several.c" $LIBS > "$dir/said" 2>&1
ok $? "a lesson of two networks builds" "$dir/said"
two="$dir/several --synthetic --no-progress --no-plot --epochs 2"
status_is 0 "nobody disturbs it" $two --out "$dir/two"
[ "$(grep -c '"test_loss": 0\.' "$dir/two/run.json")" -eq 3 ]; ok $? "each network has a test loss, and the run" "$dir/two/run.json"
CUT=1 sh -c '"$@"; exit $?' - $two --out "$dir/first" > "$dir/out" 2>&1
[ $? -eq 137 ]; ok $? "killed between the two networks" "$dir/out"
status_is 0 "resumed: the first has nothing left to learn" $two --out "$dir/first" --resume
same "it has the test loss that it had" "$dir/two" "$dir/first"
status_is 0 "resumed after its end: no network has" $two --out "$dir/two" --resume
same "every test loss is there" "$dir/first" "$dir/two"

# ---- two runs, one folder ----

$run --epochs $epochs --out "$dir/both" > "$dir/out1" 2>&1 &
pid=$!
gone $pid "$dir/both/checkpoint.safetensors"
status_is 3 "a second run in the folder of one that is at work" $run --epochs 1 --out "$dir/both"
grep -q 'another run' "$dir/err"; ok $? "says so" "$dir/err"
kill -9 $pid
wait $pid 2>/dev/null
status_is 0 "a new run takes the place of one that was killed" $run --epochs 2 --seed 5 --out "$dir/both"
grep -q 'earlier run' "$dir/out" && [ -s "$dir/both/checkpoint.earlier.safetensors" ]
ok $? "and says so, and keeps the old checkpoint under another name" "$dir/out"
status_is 0 "the same in a folder of its own" $run --epochs 2 --seed 5 --out "$dir/alone"
rm "$dir/both/checkpoint.earlier.safetensors"
same "nothing of the earlier run is mixed in" "$dir/alone" "$dir/both"
status_is 2 "resumed with another seed" $run --epochs 3 --seed 4 --out "$dir/both" --resume
printf 'grid\tcheckpoint.safetensors\t../precious.png\n' >> "$dir/both/plots.tsv"
echo precious > "$dir/precious.png"
status_is 0 "a killed run's new epoch 0 does not read the old log" $run --epochs 0 --seed 6 --out "$dir/both"
[ ! -e "$dir/both/log.tsv" ] && [ ! -e "$dir/both/loss.png" ] && [ -s "$dir/both/digits.png" ]
ok $? "of the earlier run neither log.tsv nor its curve is left" "$dir/out"
[ -s "$dir/precious.png" ] && [ -s "$dir/both/checkpoint.safetensors" ]; ok $? "and whatever its plots.tsv names, nothing but pictures and their data in the folder goes"
status_is 0 "resumed from it" $run --epochs 1 --seed 6 --out "$dir/both" --resume
[ "$(wc -l < "$dir/both/log.tsv")" -eq 2 ]; ok $? "log.tsv has one epoch" "$dir/both/log.tsv"

# ---- a full disk ----

cat > "$dir/full.sh" <<'END'
# full.sh FOLDER COMMAND...: a disk of 3 MB, with a model on it that must survive; prints what the folder holds afterwards
disk=$1
shift
mount -t tmpfs -o size=3m none "$disk" || exit 99
mkdir "$disk/run"
echo precious > "$disk/run/model.safetensors"
head -c 2400000 /dev/zero > "$disk/ballast"
"$@"
status=$?
echo "left: $(cat "$disk/run/model.safetensors") $(cd "$disk/run" && echo *)"
exit $status
END
mkdir "$dir/disk"
if unshare -rm true 2>/dev/null && unshare -rm mount -t tmpfs none "$dir/disk" 2>/dev/null; then
    unshare -rm sh "$dir/full.sh" "$dir/disk" $run --epochs 1 --no-plot --out "$dir/disk/run" > "$dir/out" 2> "$dir/err"
    [ $? -eq 3 ]; ok $? "a disk that is too small for the checkpoint: status 3" "$dir/err"
    grep -q 'cannot be written' "$dir/err"; ok $? "and a message" "$dir/err"
    grep -qx 'left: precious model.safetensors' "$dir/out"; ok $? "what was there is there, and no half files" "$dir/out"
else
    skip "no small disk can be mounted here"
fi

echo "1..$n"
exit $failed
