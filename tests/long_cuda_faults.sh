#!/bin/sh
# long_cuda_faults.sh: are the checks of test_cuda.sh awake?  Each fault is planted in a copy of autoenc_cuda.cu, and the check that is
# there for it must find it.  Prints TAP.  Run from the root of the repository.

. tests/tap.sh
. tests/shim/build.sh
have perl || { echo '1..0 # SKIP perl is needed to plant faults'; exit 0; }

plant() {   # plant PERL: the copy differs from the original
    perl -0pe "$1" autoenc_cuda.cu > "$dir/fault.cu"
    ! cmp -s autoenc_cuda.cu "$dir/fault.cu"
}
trains() {  # trains FLAGS...: the faulty file, with device_train, into $dir/fault
    shim_object "$dir/fault.o" "$dir/fault.cu" -O1 -w "$@" && program device_train "$dir/fault.o" -- "$@"
}

shim_object "$dir/good.o" autoenc_cuda.cu -O1 && program device_train "$dir/good.o" && "$dir/device_train" > "$dir/good"
ok $? "without a fault it trains"

plant 's/(adam_kernel.*?)if \(i >= n\) return;/$1if (i >= n + 1) return;/s' && shim_object "$dir/fault.o" "$dir/fault.cu" -O1 -w -fsanitize=address -Dae_device_linked=ae_cuda_linked &&
    ${CC:-cc} -fsanitize=address -c -o "$dir/watch.o" tests/shim/watch.c && program device_train "$dir/fault.o" "$dir/watch.o" -- -fsanitize=address > "$dir/said" 2>&1
ok $? "an Adam that goes one too far is built" "$dir/said"
! "$dir/device_train" > "$dir/said" 2>&1 && grep -q 'use-after-poison' "$dir/said"
ok $? "poison around the arrays finds it" "$dir/said"

for k in 1 2 3 4; do                                  # each barrier of the file
    plant "s/__syncthreads\\(\\);/++\$n == $k ? ';' : '__syncthreads();'/ge" && trains -fsanitize=thread > "$dir/said" 2>&1 && ! TSAN_OPTIONS=halt_on_error=1 "$dir/device_train" > "$dir/said" 2>&1 && grep -q 'data race' "$dir/said"
    ok $? "barrier $k of $(grep -c '__syncthreads();' autoenc_cuda.cu) is taken away: the thread sanitizer finds the race" "$dir/said"
done
plant 's/__syncthreads\(\);//' && trains > "$dir/said" 2>&1 && "$dir/device_train" > "$dir/forwards" && SHIM_ORDER=reverse "$dir/device_train" > "$dir/backwards" &&
    ! cmp -s "$dir/forwards" "$dir/backwards"
ok $? "so does another order of threads" "$dir/said"

plant 's/(static void map\(Cuda \*d[^{]*\{)/$1 cudaStreamSynchronize(d->first.stream);/s' && trains > "$dir/said" 2>&1 && ! "$dir/device_train" > "$dir/said" 2>&1 && grep -q 'recording' "$dir/said"
ok $? "waiting for the stream during a recording is refused, with a message" "$dir/said"

plant 's/(adam_kernel\([^)]*), const float \*k\)\n\{/struct Seven { float k[7]; };\n$1, Seven s)\n{ const float *k = s.k;/s; s/static __global__ void struct Seven \{ float k\[7\]; \};/struct Seven { float k[7]; };\nstatic __global__ void/;
       s/(static void do_adam\(Cuda \*d, Call c\)\n\{)(.*?)d->at\)/$1 Seven s; memcpy(&s, d->stage[(d->turn + STAGES - 1) % STAGES] + c.values, sizeof s);$2s)/s' && trains > "$dir/said" 2>&1
ok $? "an Adam whose numbers are passed by value is built" "$dir/said"
"$dir/device_train" > "$dir/frozen" 2> "$dir/said" && ! cmp -s "$dir/frozen" "$dir/good" && AE_CUDA_EAGER=1 "$dir/device_train" > "$dir/launched" && cmp -s "$dir/launched" "$dir/good"
ok $? "launched one by one it is right; replayed, it is not: the comparison finds it" "$dir/frozen"

plant 's/ &&\s*well\(d, cudaEventSynchronize\(d->sent\[d->turn\]\), "waiting for an event"\)//' && trains > "$dir/said" 2>&1 && { ! "$dir/device_train" > "$dir/hasty" 2> "$dir/said" || ! cmp -s "$dir/hasty" "$dir/good"; }
ok $? "numbers that are overwritten while they are on their way are noticed: other weights, or a loss that is no number" "$dir/said"

plant 's/(static void \*scratch.*?)p->scratch = more;/$1cudaFree(p->scratch);\n        p->scratch = more;/s' && shim_object "$dir/fault.o" "$dir/fault.cu" -O1 -w -fsanitize=address && program device_train "$dir/fault.o" -- -fsanitize=address > "$dir/said" 2>&1 &&
    ! "$dir/device_train" > "$dir/said" 2>&1 && grep -q -e 'heap-use-after-free' -e 'double-free' "$dir/said"
ok $? "scratch memory that a recording knows and that was given back is noticed" "$dir/said"

# ---- the paths of a step ----

differs() { for order in '' ahead mixed; do SHIM_STREAMS=$order "$dir/device_train" > "$dir/other" 2> "$dir/said" || return 0; cmp -s "$dir/other" "$dir/good" || return 0; done; return 1; }
AE_CUDA_EAGER=1
export AE_CUDA_EAGER
plant 's/(static void aside.*?)well\(d, cudaStreamWaitEvent\(p->stream[^;]*;/$1/s' && trains > "$dir/said" 2>&1 && differs
ok $? "an errand that does not wait for what it reads is noticed" "$dir/said"
for what in 'mine.written, mine.writes, its.read, its.reads' 'mine.read, mine.reads, its.written, its.writes'; do
    plant "s/overlap\($what\)/0/" && trains > "$dir/said" 2>&1 && differs
    ok $? "a command that does not look at $what is noticed" "$dir/said"
done
plant 's/Path \*p = d->now;/Path *p = &d->first;/' && trains > "$dir/said" 2>&1 && differs
ok $? "scratch memory that paths share is noticed" "$dir/said"
plant 's/(static void aside.*?)launch_maps\(d\);/$1/s' && trains > "$dir/said" 2>&1 && differs
ok $? "elementwise work that is left behind when an errand goes is noticed" "$dir/said"
plant 's/settles = overlap\([^;]*;/settles = 0;/' && trains > "$dir/said" 2>&1 && differs
ok $? "parts of a gradient that are not added up before somebody reads it are noticed" "$dir/said"
plant 's/if \(!p->holds\) p->scratch_used = 0;/p->scratch_used = 0;/' && trains > "$dir/said" 2>&1 && differs
ok $? "parts whose room is taken before they are added up are noticed" "$dir/said"
plant 's/(static void settle.*?)for \(int i = d->errands;[^;]*; \) [^;]*;/$1/s' && trains > "$dir/said" 2>&1 && differs
ok $? "parts that are added up before they are there are noticed" "$dir/said"
unset AE_CUDA_EAGER
paths() {   # device_paths with the faulty file, in an order in which it is seen
    program device_paths "$dir/fault.o" && for order in SHIM_STREAMS= SHIM_STREAMS=ahead SHIM_STREAMS=mixed SHIM_ORDER=reverse; do env $order "$dir/device_paths" > "$dir/said" 2>&1 || return 0; done
    return 1
}
plant 's/apart = needs\([^;]*;/apart = 0;/' && trains > "$dir/said" 2>&1 && paths
ok $? "pieces of a kernel that need each other's elements are noticed" "$dir/said"
plant 's/int squared = [^;]*;/int squared = 0;/' && trains > "$dir/said" 2>&1 && paths
ok $? "two gradients of one matrix that meet are noticed" "$dir/said"
plant 's/if \(e->path == p\) continue;/if (p != &d->first) continue;/' && trains > "$dir/said" 2>&1 && paths
ok $? "an errand that does not look at another path's is noticed" "$dir/said"
plant 's/(static void join.*?)well\(d, cudaStreamWaitEvent[^;]*;/$1/s' && trains > "$dir/said" 2>&1 && ! "$dir/device_train" > "$dir/other" 2> "$dir/said" && grep -q 'end of a recording' "$dir/said"
ok $? "a path that does not come home is refused, with a message" "$dir/said"

echo "1..$n"
exit $failed
