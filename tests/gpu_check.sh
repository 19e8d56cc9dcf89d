#!/bin/sh
# gpu_check.sh: what needs a card.  The tests of test_cuda.sh with the real CUDA, its sanitizers over single launches, bits that repeat
# from run to run, and every lesson's --quick.  `make gpu-check` runs it; a few minutes, no network.  Prints TAP.
# Not measured yet: it was written on a machine without a card.

. tests/tap.sh

have nvidia-smi && nvidia-smi > "$dir/card" 2>&1 || { echo '1..0 # SKIP there is no NVIDIA card, or no driver'; exit 0; }
LC_ALL=C nvidia-smi --query-gpu=name,driver_version --format=csv,noheader | sed 's/^/# /'
MAKE=${MAKE:-make}
CUDA_ARCH=${CUDA_ARCH:-native}
home=$(dirname "$(dirname "$(readlink -f "$(command -v "${NVCC:-nvcc}")")")")
cuda_libs="-L$home/lib64 -Wl,-rpath,$home/lib64 -lcublas -lcudart_static -ldl -lrt"

$MAKE -B build/autoenc_cuda.o CUDA=1 CUDA_ARCH="$CUDA_ARCH" > "$dir/said" 2>&1
ok $? "nvcc builds autoenc_cuda.cu for this card" "$dir/said"
for name in device_ops test_curves device_train device_paths device_graphs; do
    ${CC:-cc} -O2 -I. -o "$dir/$name" "tests/$name.c" build/autoenc_cuda.o $LIBS $cuda_libs > "$dir/said" 2>&1
    ok $? "$name links" "$dir/said"
done

tap_of() {
    grep -v '^ok' "$2" > "$2.bad"
    grep -q '^1\.\.' "$2" && ! grep -q '^not ok' "$2"
    ok $? "$1: $(grep -c '^ok' "$2") checks" "$2.bad"
}
"$dir/device_ops" > "$dir/ops.said" 2>&1
tap_of 'every op against the processor' "$dir/ops.said"
"$dir/device_paths" > "$dir/paths.said" 2>&1
tap_of 'memory that is used again' "$dir/paths.said"
"$dir/device_graphs" > "$dir/graphs.said" 2>&1
tap_of 'random graphs' "$dir/graphs.said"
for setting in AE_CUDA_EAGER=1 AE_CUDA_CHAIN=1; do
    env $setting "$dir/device_graphs" > "$dir/graphs.again" 2>&1
    cmp -s "$dir/graphs.said" "$dir/graphs.again"
    ok $? "the same bits with $setting" "$dir/graphs.again"
done
AUTOENC_DEVICE=cuda "$dir/test_curves" > "$dir/curves.said" 2>&1
tap_of "PyTorch's curves" "$dir/curves.said"

"$dir/device_train" > "$dir/first" 2> "$dir/said" && "$dir/device_train" > "$dir/second" && cmp -s "$dir/first" "$dir/second"
ok $? "a run repeats to the bit" "$dir/second"
AE_CUDA_EAGER=1 "$dir/device_train" > "$dir/launched" && cmp -s "$dir/first" "$dir/launched"
ok $? "replayed steps give the bits of single launches" "$dir/launched"
AE_CUDA_CHAIN=1 "$dir/device_train" > "$dir/chained" && cmp -s "$dir/first" "$dir/chained"
ok $? "several paths give the bits of one" "$dir/chained"

for tool in memcheck racecheck; do
    if have compute-sanitizer; then
        AE_CUDA_EAGER=1 compute-sanitizer --tool $tool --error-exitcode 9 "$dir/device_ops" > "$dir/said" 2>&1
        ok $? "compute-sanitizer $tool: every op" "$dir/said"
        AE_CUDA_EAGER=1 compute-sanitizer --tool $tool --error-exitcode 9 "$dir/device_train" > "$dir/said" 2>&1
        ok $? "compute-sanitizer $tool: three networks" "$dir/said"
    else
        skip 'compute-sanitizer is not here'
    fi
done

$MAKE lessons CUDA=1 CUDA_ARCH="$CUDA_ARCH" > "$dir/said" 2>&1
ok $? "the lessons link" "$dir/said"
for lesson in $(ls lessons/lesson[0-9][0-9]_*.c | sed 's|.*/\(lesson[0-9]*\)_.*|\1|'); do
    "./$lesson" --quick --synthetic --device cuda --no-plot --no-progress --out "$dir/$lesson" > "$dir/said" 2>&1
    ok $? "$lesson --quick: $(tail -n 1 "$dir/said")" "$dir/said"
done

echo "1..$n"
exit $failed
