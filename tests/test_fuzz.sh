#!/bin/sh
# test_fuzz.sh [SECONDS]: the readers of files that nobody vouches for, fed with damaged ones.  Each target of tests/fuzz
# replays its corpus under the address and undefined behaviour sanitizers; then, where clang has libFuzzer, new files are
# made from it for 20 seconds (tests/long_fuzz.sh: longer).  A file that breaks something is printed in base64.  Prints
# TAP.  Run from the root of the repository.

. tests/tap.sh
CC=${CC:-cc}
seconds=${1:-20}
sanitize='-g -O1 -fsanitize=address,undefined -fno-sanitize-recover=undefined'
export ASAN_OPTIONS=detect_leaks=1:allocator_may_return_null=1

echo 'int main(void) { return 0; }' > "$dir/empty.c"
if $CC $sanitize -o "$dir/empty" "$dir/empty.c" > /dev/null 2>&1 && "$dir/empty"; then with='under the sanitizers'
else sanitize=-O1 with='without sanitizers, which are not here'; fi

replay() {  # replay NAME
    { $CC $sanitize -Wall -Wextra -I. -o "$dir/replay_$1" "tests/fuzz/fuzz_$1.c" tests/fuzz/replay.c $LIBS && "$dir/replay_$1" "tests/fuzz/$1"/*; } > "$dir/said" 2>&1
    ok $? "$1: $(tail -n 1 "$dir/said" | grep replayed || echo 'the corpus is replayed') $with" "$dir/said"
}
replay safetensors
replay idx

cat > "$dir/empty.c" <<'END'
#include <stddef.h>
#include <stdint.h>
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) { (void)data; return size == 12345; }
END
if ! clang -g -O1 -fsanitize=fuzzer,address,undefined -o "$dir/empty" "$dir/empty.c" > /dev/null 2>&1; then
    skip "clang with libFuzzer is not here"
    echo "1..$n"
    exit $failed
fi

fuzz() {    # fuzz NAME FLAGS...: into files, beside the other one
    name=$1
    shift
    mkdir "$dir/corpus_$name"
    { clang -g -O1 -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=undefined -I. -o "$dir/fuzz_$name" "tests/fuzz/fuzz_$name.c" $LIBS &&
      "$dir/fuzz_$name" -max_total_time="$seconds" -artifact_prefix="$dir/found_$name-" "$@" "$dir/corpus_$name" "tests/fuzz/$name"; } > "$dir/fuzz_$name.said" 2>&1
    echo $? > "$dir/fuzz_$name.status"
}
fuzz safetensors -max_len=2048 -dict=tests/fuzz/safetensors.dict &
fuzz idx -max_len=2400 &
wait
for name in safetensors idx; do
    runs=$(sed -n 's/^Done \([0-9]*\) runs.*/\1/p' "$dir/fuzz_$name.said")
    grep -a -e 'does not hold' -e 'runtime error' -e '^SUMMARY' -e '^    #[0-9] .*autoenc\|kit' "$dir/fuzz_$name.said" > "$dir/said"
    for file in "$dir/found_$name"-*; do if [ -f "$file" ]; then { echo "$(basename "$file"), in base64:"; base64 "$file"; } >> "$dir/said"; fi; done
    [ "$(cat "$dir/fuzz_$name.status")" -eq 0 ] && [ "${runs:-0}" -gt 1000 ]
    ok $? "$name: ${runs:-no} damaged files in $seconds s, each refused or read to the byte" "$dir/said"
done

echo "1..$n"
exit $failed
