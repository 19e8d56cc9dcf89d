#!/bin/sh
# test_sanitizers.sh: the tests once more under the address, undefined behaviour and thread sanitizers.  Prints TAP.  Where
# the compiler has no such runtime, it is skipped.  Run from the root of the repository.

dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
CC=${CC:-cc}
LIBS='-lm -lpthread'
n=0
failed=0

ok() {      # ok STATUS NAME FILE: what was said is shown when it is bad
    n=$((n + 1))
    if [ "$1" -eq 0 ]; then echo "ok $n - $2"; return 0; fi
    echo "not ok $n - $2"
    failed=1
    grep -v '^ok' "$3" | grep -v '^ *$' | head -n 25 | sed 's/^/# /'
}

skip() { n=$((n + 1)); echo "ok $n # SKIP $1"; }

# Does a program built like this run?  And does it notice what it is there for?
works() {
    echo 'int main(void) { return 0; }' > "$dir/empty.c"
    $CC "$@" -o "$dir/empty" "$dir/empty.c" > /dev/null 2>&1 && "$dir/empty" > /dev/null 2>&1
}

build() {   # build NAME FLAGS...
    name=$1
    shift
    $CC -g -O1 "$@" -I. -o "$dir/$name" "tests/$name.c" $LIBS > "$dir/$name.said" 2>&1
}

run() {     # run NAME ARGUMENTS...: bad when the test fails, or the sanitizer speaks
    name=$1
    shift
    "$dir/$name" "$@" > "$dir/$name.said" 2>&1 || return 1
    ! grep -e 'runtime error' -e 'ERROR: AddressSanitizer' -e 'ERROR: LeakSanitizer' -e 'WARNING: ThreadSanitizer' "$dir/$name.said"
}

# ---- addresses, leaks, undefined behaviour ----

ASAN_OPTIONS=detect_leaks=1:allocator_may_return_null=1
UBSAN_OPTIONS=print_stacktrace=1
TSAN_OPTIONS=halt_on_error=1
export ASAN_OPTIONS UBSAN_OPTIONS TSAN_OPTIONS

flags='-fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer'
if works $flags; then
    set -- test_layers test_convolutions test_planes test_corners test_errors test_io test_loader test_gradients test_faults test_coder
    while [ $# -gt 0 ]; do               # two at a time
        build "$1" $flags & first=$!
        if [ -n "$2" ]; then build "$2" $flags & second=$!; else second=; fi
        wait $first
        ok $? "$1 builds with the address and undefined behaviour sanitizers" "$dir/$1.said"
        run "$1"
        ok $? "$1 runs clean" "$dir/$1.said"
        shift
        if [ -n "$second" ]; then
            wait $second
            ok $? "$1 builds with the address and undefined behaviour sanitizers" "$dir/$1.said"
            run "$1"
            ok $? "$1 runs clean" "$dir/$1.said"
            shift
        fi
    done
else
    skip "$CC has no address sanitizer here"
fi

# ---- threads ----

if works -fsanitize=thread; then
    build test_same_bits -fsanitize=thread
    ok $? "test_same_bits builds with the thread sanitizer" "$dir/test_same_bits.said"
    run test_same_bits quick
    ok $? "no data race in the small trainings with 1 to 7 threads" "$dir/test_same_bits.said"
else
    skip "$CC has no thread sanitizer here, or it does not run on this machine"
fi

echo "1..$n"
exit $failed
