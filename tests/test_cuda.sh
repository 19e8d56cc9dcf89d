#!/bin/sh
# test_cuda.sh: autoenc_cuda.cu without a card.  The unchanged file is compiled for the processor against tests/shim, where a thread is
# a fiber and a stream runs when somebody waits for it.  Every op against the processor, the documents' eight networks against PyTorch's
# curves, replayed steps against single launches bit for bit, other orders of threads, arrays with poison between them, races within a
# block.  Where nvcc is, what it can say without a card.  Prints TAP.  Run from the root of the repository.

. tests/tap.sh
. tests/shim/build.sh

if ! have $CXX || ! { echo '#include <tuple>' > "$dir/17.cpp"; $CXX -std=c++17 -c -o "$dir/17.o" "$dir/17.cpp" 2> /dev/null; }; then
    skip 'a C++17 compiler is needed'
    echo "1..$n"
    exit 0
fi

tap_of() {  # tap_of NAME FILE: the checks of a program that prints TAP count as one here
    grep -v '^ok' "$2" > "$2.bad"
    grep -q '^1\.\.' "$2" && ! grep -q '^not ok' "$2"
    ok $? "$1: $(grep -c '^ok' "$2") checks" "$2.bad"
}

# ---- the ops, the curves ----

shim_object "$dir/cuda.o" autoenc_cuda.cu -O3 > "$dir/said" 2>&1
ok $? "autoenc_cuda.cu compiles for the processor without a warning" "$dir/said"
{ program device_ops "$dir/cuda.o" && program test_curves "$dir/cuda.o" && program device_train "$dir/cuda.o" && program device_paths "$dir/cuda.o" && program device_graphs "$dir/cuda.o"; } > "$dir/said" 2>&1
ok $? "programs in C link with it" "$dir/said"
"$dir/device_ops" > "$dir/ops.said" 2>&1
tap_of 'every op against the processor, forward and backward' "$dir/ops.said"
AUTOENC_DEVICE=cuda AUTOENC_SHARED= "$dir/test_curves" > "$dir/curves.said" 2>&1
tap_of 'eight networks, 50 steps each, against PyTorch' "$dir/curves.said"

# ---- recorded and replayed against launched one by one; the order of threads and of streams ----

trained() { out=$1; shift; env "$@" "$dir/device_train" > "$dir/$out" 2> "$dir/$out.report"; }
trained replayed AE_CUDA_REPORT=1
ok $? "three networks train" "$dir/replayed.report"
awk -F '[= ]' '/recorded=/ { n++; if ($7 < 2 || $9 < 30) bad = 1 } END { exit bad || n < 3 }' "$dir/replayed.report"
ok $? "a full batch and the last one are recorded, all later steps replayed ($(head -n 1 "$dir/replayed.report"))" "$dir/replayed.report"
trained launched AE_CUDA_EAGER=1
cmp -s "$dir/replayed" "$dir/launched"
ok $? "replayed steps give the bits of single launches" "$dir/launched"
trained reversed SHIM_ORDER=reverse AE_CUDA_EAGER=1
cmp -s "$dir/replayed" "$dir/reversed"
ok $? "so do threads that run backwards" "$dir/reversed"
trained shuffled SHIM_ORDER=12345
cmp -s "$dir/replayed" "$dir/shuffled"
ok $? "so do threads in another order each time" "$dir/shuffled"
for streams in ahead mixed; do
    trained $streams SHIM_STREAMS=$streams && trained launched_$streams SHIM_STREAMS=$streams AE_CUDA_EAGER=1
    cmp -s "$dir/replayed" "$dir/$streams" && cmp -s "$dir/replayed" "$dir/launched_$streams"
    ok $? "streams that nobody waits for run last above; here $streams: the same bits" "$dir/$streams"
done
trained chained AE_CUDA_CHAIN=1 AE_CUDA_REPORT=1
cmp -s "$dir/replayed" "$dir/chained" && awk -F '[= ]' '/deep=/ { n++; if ($13 != $11) bad = 1 } END { exit bad || n < 3 }' "$dir/chained.report"
ok $? "and so in a single path" "$dir/chained.report"

for setting in X=1 SHIM_STREAMS=ahead SHIM_STREAMS=mixed SHIM_ORDER=reverse AE_CUDA_EAGER=1 AE_CUDA_CHAIN=1; do
    env $setting "$dir/device_paths" > "$dir/paths.said" 2>&1
    tap_of "memory that is used again, $setting" "$dir/paths.said"
    env $setting "$dir/device_graphs" > "$dir/graphs.said" 2>&1
    tap_of "random graphs, $setting" "$dir/graphs.said"
    [ -e "$dir/graphs" ] || cp "$dir/graphs.said" "$dir/graphs"
    cmp -s "$dir/graphs" "$dir/graphs.said"
    ok $? "and their bits are those of the first order" "$dir/graphs.said"
done

# ---- what a program says where there is no card ----

SHIM_CARDS=-1 "$dir/device_train" > "$dir/said" 2>&1
[ $? -eq 3 ] && grep -q 'no device "cuda": no NVIDIA driver found' "$dir/said"
ok $? "\"cuda\" without a driver is an error that says so" "$dir/said"
SHIM_CARDS=0 "$dir/device_train" > "$dir/said" 2>&1
[ $? -eq 3 ] && grep -q 'no NVIDIA card found' "$dir/said"
ok $? "and without a card" "$dir/said"
SHIM_CARDS=-1 "$dir/device_train" auto > "$dir/auto" 2>&1 && "$dir/device_train" cpu > "$dir/cpu" && cmp -s "$dir/auto" "$dir/cpu"
ok $? "\"auto\" without a driver gives the processor's bits" "$dir/auto"

# ---- a lesson: the same source and object, one more object on the link line ----

learn() {   # learn FOLDER SETTINGS... -- OPTIONS...
    out="$dir/$1" settings=
    shift
    while [ "$1" != -- ]; do settings="$settings $1"; shift; done
    shift
    env $settings "$dir/lesson00" --quick --epochs 1 --synthetic --no-plot --no-progress --out "$out" "$@" > "$out.said" 2>&1
}
{ ${CC:-cc} -O2 -I. -c -o "$dir/lesson00.o" lessons/lesson00_hello.c && $CXX -o "$dir/lesson00" "$dir/lesson00.o" "$dir/cuda.o" $LIBS; } > "$dir/said" 2>&1
ok $? "lesson 00 links with it" "$dir/said"
learn card AE_CUDA_REPORT=1 -- --device auto && learn processor AE_CUDA=0 --
ok $? "it trains with --device auto, and with AE_CUDA=0" "$dir/card.said"
for key in train_loss test_loss; do
    sed -n "s/.*\"$key\": \([0-9.e-]*\).*/\1/p" "$dir/card/run.json" "$dir/processor/run.json" | awk '{ x[NR] = $1 } END { exit !(NR == 2 && x[1] > 0 && (x[1] - x[2]) ^ 2 <= (1e-4 * x[2]) ^ 2) }'
    ok $? "$key within 1e-4 of the processor's"
done
awk -F '[= ]' '/deep=/ { n++; if ($13 > 0.7 * $11) bad = 1 } END { exit bad || n < 1 }' "$dir/card.said"
ok $? "the longest path of its step has at most 0.7 of the nodes: $(grep 'deep=' "$dir/card.said")" "$dir/card.said"
grep -q '"machine": "shim, float32; ' "$dir/card/run.json" && ! grep -q shim "$dir/processor/run.json"
ok $? "run.json says which machine it was" "$dir/card/run.json"
learn rounded X=1 -- --device cuda-tf32 && grep -q '"machine": "shim, TF32 products; ' "$dir/rounded/run.json"
ok $? "and that products were rounded, where that was asked for" "$dir/rounded.said"
learn none SHIM_CARDS=-1 -- && grep -q '^no NVIDIA driver found, using the CPU$' "$dir/none.said"
ok $? "without a driver it says so and uses the processor" "$dir/none.said"
learn none SHIM_CARDS=-1 AE_CUDA=1 --
[ $? -eq 3 ] && grep -q 'no NVIDIA driver found' "$dir/none.said"
ok $? "AE_CUDA=1 without a driver ends with status 3" "$dir/none.said"

# ---- the sanitizers ----

works() { echo 'int main(void) { return 0; }' > "$dir/empty.cpp"; $CXX "$@" -o "$dir/empty" "$dir/empty.cpp" > /dev/null 2>&1 && "$dir/empty" > /dev/null 2>&1; }
if works -fsanitize=address; then
    { shim_object "$dir/cuda_asan.o" autoenc_cuda.cu -O1 -g -fsanitize=address -Dae_device_linked=ae_cuda_linked && ${CC:-cc} -fsanitize=address -c -o "$dir/watch.o" tests/shim/watch.c &&
      program device_ops "$dir/cuda_asan.o" "$dir/watch.o" -- -fsanitize=address && "$dir/device_ops"; } > "$dir/said" 2>&1
    tap_of 'all ops with poison around every array' "$dir/said"
else
    skip "$CXX has no address sanitizer here"
fi
if works -fsanitize=thread; then
    { shim_object "$dir/cuda_tsan.o" autoenc_cuda.cu -O1 -g -fsanitize=thread && program device_train "$dir/cuda_tsan.o" -- -fsanitize=thread && TSAN_OPTIONS=halt_on_error=1 "$dir/device_train" cuda > "$dir/raced"; } > "$dir/said" 2>&1
    [ $? -eq 0 ] && cmp -s "$dir/raced" "$dir/replayed"
    ok $? "no race within a block, and the same bits" "$dir/said"
else
    skip "$CXX has no thread sanitizer here, or it does not run on this machine"
fi

# ---- what nvcc can say without a card ----

if have nvcc; then
    nvcc -O3 --fmad=false -ftz=true -arch=sm_90 -Werror all-warnings -Xptxas -warn-lmem-usage,-warn-spills,-Werror \
         -Xcompiler -fno-threadsafe-statics,-fno-exceptions,-fno-rtti -c -o "$dir/real.o" autoenc_cuda.cu > "$dir/said" 2>&1
    ok $? "nvcc: no warning, no local memory, no spill" "$dir/said"
    nvcc -O3 --fmad=false -ftz=true -arch=all-major -Werror all-warnings -Xcompiler -fno-threadsafe-statics,-fno-exceptions,-fno-rtti -c -o "$dir/all.o" autoenc_cuda.cu > "$dir/said" 2>&1
    ok $? "nvcc: no warning for any family of cards either" "$dir/said"
    if have cuobjdump && have nvdisasm; then
        cuobjdump -sass "$dir/real.o" > "$dir/sass" 2>&1
        ! grep -E '\b(LDL|STL)\b' "$dir/sass" > "$dir/said" && [ "$(grep -c FFMA "$dir/sass")" -gt 100 ]
        ok $? "its code has fused multiply-adds and touches no local memory" "$dir/said"
        for kernel in product_kernel:BAR.SYNC log_softmax_kernel:SHFL.BFLY sum_kernel:BAR.SYNC; do
            awk -v name="${kernel%:*}" -v want="${kernel#*:}" '/Function :/ { on = index($0, name) } on && index($0, want) { found = 1 } END { exit !found }' "$dir/sass"
            ok $? "${kernel%:*} has ${kernel#*:}"
        done
    else skip 'cuobjdump or nvdisasm is not here'; fi
    home=$(dirname "$(dirname "$(readlink -f "$(command -v nvcc)")")")
    ${CC:-cc} -O1 -I. -o "$dir/linked" tests/device_train.c "$dir/real.o" $LIBS -L"$home/lib64" -Wl,-rpath,"$home/lib64" -lcublas -lcudart_static -ldl -lrt > "$dir/said" 2>&1
    ok $? "a C compiler links it" "$dir/said"
    AE_CUDA_REPORT=1 "$dir/linked" auto > "$dir/real" 2> "$dir/said"
    ok $? "\"auto\" runs, with a card or without" "$dir/said"
    if ! nvidia-smi > /dev/null 2>&1; then
        cmp -s "$dir/real" "$dir/cpu"
        ok $? "without a driver it gives the processor's bits" "$dir/real"
        "$dir/linked" cuda > "$dir/said" 2>&1
        [ $? -eq 3 ] && grep -q 'no NVIDIA driver found' "$dir/said"
        ok $? "\"cuda\" says that there is no driver, with status 3" "$dir/said"
    fi
else
    skip 'nvcc is not here'
fi

echo "1..$n"
exit $failed
