#!/bin/sh
# long_platforms.sh: other processors, C libraries and compilers: does it compile, do the tests pass, are the bits the same?
# What is not installed is skipped; on Debian the whole table wants
#   apt-get install qemu-user gcc-aarch64-linux-gnu g++-aarch64-linux-gnu gcc-s390x-linux-gnu gcc-powerpc-linux-gnu \
#     gcc-arm-linux-gnueabihf gcc-i686-linux-gnu gcc-mingw-w64-x86-64 g++-mingw-w64-x86-64 wine64 musl-tools tcc
# Programs for other processors are linked statically and run by qemu's user mode, those for Windows by wine.  Names of
# platforms as arguments run only those; names of tests behind a platform (aarch64 test_io) only these of it.  Prints TAP; a line "#" gives the hashes of test_same_bits.c.

. tests/tap.sh

only="$*"
WINEPREFIX="$dir/wine"
WINEDEBUG=-all
export WINEPREFIX WINEDEBUG

# platform NAME 'COMPILER FLAGS' 'RUNNER' TESTS...: compiles each test and runs it.  RUNNER "" is this machine itself.
platform() {
    name=$1 compile=$2 runner=$3
    shift 3
    wanted "$name" || return 0
    if ! have ${compile%% *}; then skip "$name: ${compile%% *} is not here"; return 0; fi
    if [ -n "$runner" ] && ! have ${runner%% *}; then skip "$name: ${runner%% *} is not here"; return 0; fi
    for test in "$@"; do
        case " $only " in *" $test "*) ;; *" test_"*) continue ;; esac
        program="$dir/$test.exe"
        $compile -O2 -w -static -I"$root" -o "$program" tests/$test.c $LIBS $MORE > "$dir/said" 2>&1
        if [ $? -ne 0 ]; then ok 1 "$name: $test compiles" "$dir/said"; continue; fi
        timeout 3600 $runner "$program" > "$dir/out" 2> "$dir/said"
        status=$?
        grep '^not ok' "$dir/out" >> "$dir/said"
        ok $status "$name: $test passes ($(grep -c '^ok' "$dir/out") checks, $(grep -c '# SKIP' "$dir/out") of them skipped)" "$dir/said"
        [ "$test" != test_same_bits ] || grep '^# ' "$dir/out" | awk -v n="$name" '{ line = line " " $2 " " substr($3, 1, 8) } END { print "# " n ":" line }'
    done
}

# clean NAME COMPILER STANDARDS...: the header itself, without a warning.
clean() {
    name=$1 compile=$2
    shift 2
    wanted "$name" || return 0
    have $compile || { skip "$name: $compile is not here"; return 0; }
    for standard in "$@"; do
        case $standard in c++*) language=c++ ;; *) language=c ;; esac
        printf '#define AUTOENC_IMPLEMENTATION\n#include "autoenc.h"\n' > "$dir/header.c"
        $compile -std=$standard -O1 $WARN -I"$root" -x $language -c -o "$dir/header.o" "$dir/header.c" > "$dir/said" 2>&1
        ok $? "$name: $compile -std=$standard, no warning" "$dir/said"
    done
}

# refused NAME COMPILER WORDS: the implementation is refused by one line that says why; the declarations are read.
refused() {
    wanted "$1" || return 0
    have $2 || { skip "$1: $2 is not here"; return 0; }
    printf '#define AUTOENC_IMPLEMENTATION\n#include "autoenc.h"\n' > "$dir/header.c"
    $2 -I"$root" -c -o "$dir/header.o" "$dir/header.c" > "$dir/said" 2>&1
    [ $? -ne 0 ] && [ "$(grep -c 'error' "$dir/said")" -ge 1 ] && grep -q -e "$3" "$dir/said"
    ok $? "$1: $2 is refused, with the reason" "$dir/said"
    printf '#include "autoenc.h"\nint main(void) { return AE_MEAN != 1; }\n' > "$dir/header.c"
    $2 -I"$root" -c -o "$dir/header.o" "$dir/header.c" > "$dir/said" 2>&1
    ok $? "$1: $2 reads the declarations" "$dir/said"
}

plain='test_layers test_convolutions test_planes test_gradients test_loader test_math test_same_bits test_strokes'
whole=$(cd tests && ls test_*.c | sed 's/\.c$//')
windows=$(cd tests && grep -L 'sys/wait.h\|sys/resource.h\|faults.h\|kit.h' test_*.c | sed 's/\.c$//')
MORE=

clean aarch64 aarch64-linux-gnu-gcc c99 c17
clean aarch64 aarch64-linux-gnu-g++ c++11 c++20
platform aarch64 aarch64-linux-gnu-gcc qemu-aarch64 $whole
clean musl musl-gcc c99
platform musl musl-gcc '' $whole

# Windows: what needs no fork, no limits of the system and not the lessons' kit.  -std=c99 gives it the printf of the standard.
clean windows x86_64-w64-mingw32-gcc c99 c17
clean windows x86_64-w64-mingw32-g++ c++11 c++20
platform windows 'x86_64-w64-mingw32-gcc -std=c99' wine $windows

# 32 bits.  A 386 without SSE2 calculates in 80 bits, and our exp is then wrong: the header refuses that.
platform i686 'i686-linux-gnu-gcc -msse2 -mfpmath=sse' '' $plain
refused i686 'i686-linux-gnu-gcc' '-msse2 -mfpmath=sse'
platform arm32-vfpv4 'arm-linux-gnueabihf-gcc -mfpu=vfpv4' qemu-arm $plain
platform arm32-no-fma arm-linux-gnueabihf-gcc qemu-arm test_layers test_same_bits

# Big-endian: everything computes, and files are refused, since safetensors is little-endian.
MORE=-latomic
platform powerpc powerpc-linux-gnu-gcc qemu-ppc test_layers test_gradients test_same_bits
MORE=
platform s390x s390x-linux-gnu-gcc qemu-s390x $plain
if wanted s390x && have s390x-linux-gnu-gcc && have qemu-s390x; then
    cat > "$dir/refuse.c" <<'END'
#define AUTOENC_IMPLEMENTATION
#include "autoenc.h"
int main(void) {
    ae_ctx *ae = ae_new(NULL);
    ae_net *net = ae_net_new(ae);
    int saved, loaded;
    ae_nn_linear(net, 2, 1);
    saved = ae_save(net, "/tmp/never");
    printf("%s\n", ae_error(ae));
    ae_clear(ae);
    loaded = ae_load(net, "/tmp/never");
    printf("%s\n", ae_error(ae));
    return saved || loaded;
}
END
    s390x-linux-gnu-gcc -static -I"$root" -o "$dir/refuse" "$dir/refuse.c" $LIBS && qemu-s390x "$dir/refuse" > "$dir/said" && [ "$(grep -c 'big-endian' "$dir/said")" = 2 ]
    ok $? "s390x: saving and loading are refused, and say why" "$dir/said"
fi

refused tcc tcc 'needs GCC or Clang'

echo "1..$n"
exit $failed
