#!/bin/sh
# test_fuzz.sh [SECONDS]: the readers of files that nobody vouches for, fed with damaged ones.  Each target of tests/fuzz
# replays its corpus under the address and undefined behaviour sanitizers; then, where clang has libFuzzer, new files are
# made from it for 20 seconds (tests/long_fuzz.sh: longer).  A file that breaks something is printed in base64.  Prints
# TAP.  Run from the root of the repository.

. tests/tap.sh
CC=${CC:-cc}
seconds=${1:-20}
sanitize='-fsanitize=address,undefined -fno-sanitize-recover=undefined'
export ASAN_OPTIONS=detect_leaks=1:allocator_may_return_null=1

cat > "$dir/empty.c" <<'END'
#include <stddef.h>
#include <stdint.h>
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) { (void)data; return size == 12345; }
END
if clang -fsanitize=fuzzer $sanitize -o "$dir/empty" "$dir/empty.c" > /dev/null 2>&1; then
    kernels=tests/fuzz/kernels.txt
    build="clang -g -O1 -fsanitize=fuzzer $sanitize -fsanitize-ignorelist=$kernels -fsanitize-coverage-ignorelist=$kernels" only= replay=-runs=0 with='libFuzzer and the sanitizers'
elif $CC $sanitize -o "$dir/empty" "$dir/empty.c" tests/fuzz/replay.c > /dev/null 2>&1 && "$dir/empty" > /dev/null 2>&1; then
    build="$CC -g -O1 $sanitize" only=tests/fuzz/replay.c replay= with='the sanitizers'
else
    build="$CC -g -O1" only=tests/fuzz/replay.c replay= with='no sanitizers, which are not here'
fi

# Builds a target, replays its corpus and, with libFuzzer, makes new files: into files, beside the other target.
target() {  # target NAME FLAGS...
    name=$1
    shift
    corpus="tests/fuzz/$name"
    [ -z "$only" ] && input=$corpus || input="$corpus/*"
    { $build -Wall -Wextra -I. -o "$dir/$name" "tests/fuzz/fuzz_$name.c" $only $LIBS && "$dir/$name" $replay $input; } > "$dir/$name.replay" 2>&1
    echo $? > "$dir/$name.replayed"
    [ -z "$only" ] || return
    mkdir "$dir/corpus_$name"
    "$dir/$name" -max_total_time="$seconds" -artifact_prefix="$dir/found_$name-" "$@" "$dir/corpus_$name" "$corpus" > "$dir/$name.fuzz" 2>&1
    echo $? > "$dir/$name.fuzzed"
}
target safetensors -max_len=2048 -dict=tests/fuzz/safetensors.dict &
target idx -max_len=2400 &
wait

for name in safetensors idx; do
    ok "$(cat "$dir/$name.replayed")" "$name: $(ls tests/fuzz/$name | wc -l) files of the corpus with $with" "$dir/$name.replay"
    if [ -n "$only" ]; then skip "clang with libFuzzer is not here"; continue; fi
    runs=$(sed -n 's/^Done \([0-9]*\) runs.*/\1/p' "$dir/$name.fuzz")
    grep -a -e 'does not hold' -e 'runtime error' -e '^SUMMARY' -e '^    #[0-9] .*autoenc\|kit' "$dir/$name.fuzz" > "$dir/said"
    for file in "$dir/found_$name"-*; do if [ -f "$file" ]; then { echo "$(basename "$file"), in base64:"; base64 "$file"; } >> "$dir/said"; fi; done
    [ "$(cat "$dir/$name.fuzzed")" -eq 0 ] && [ "${runs:-0}" -gt 1000 ]
    ok $? "$name: ${runs:-no} damaged files in $seconds s, each refused or read to the byte" "$dir/said"
done

echo "1..$n"
exit $failed
