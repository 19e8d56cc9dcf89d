#!/bin/sh
# test_compile.sh: the header compiles without a warning with every compiler and standard at hand, in every way of using
# it, and all compilers compute the same bits.  That the implementation was really compiled is checked by its symbols.
# Prints TAP.  A compiler or standard that is not there is skipped.  Run from the root of the repository.

. tests/tap.sh

defines() { nm "$1" | grep -q " [Tt] $2\$"; }               # the object holds this function
needs() { nm "$1" | grep -q " U $2"; }                      # the object asks somebody else for it

# ---- the programs ----

cat > "$dir/three.c" <<'END'
#define AUTOENC_IMPLEMENTATION
#include "autoenc.h"
int main(void) { ae_ctx *ae = ae_new(NULL); int bad = ae_item(ae_affine(ae_scalar(ae, 2.0f), 3.0f, 1.0f)) != 7.0f; ae_free(ae); return bad; }
END
cp "$dir/three.c" "$dir/three.cpp"
cat > "$dir/one.c" <<'END'
#define AUTOENC_IMPLEMENTATION
#include "autoenc.h"
#include "autoenc.h"
ae_tensor twice(ae_tensor x);
ae_tensor twice(ae_tensor x) { return ae_affine(x, 2.0f, 0.0f); }
END
cat > "$dir/two.c" <<'END'
#include "autoenc.h"
ae_tensor twice(ae_tensor x);
int main(void) { ae_ctx *ae = ae_new(NULL); int bad = ae_item(twice(ae_scalar(ae, 4.0f))) != 8.0f; ae_free(ae); return bad; }
END
cat > "$dir/private.c" <<'END'
#define AUTOENC_STATIC
#define AUTOENC_IMPLEMENTATION
#include "autoenc.h"
float PART(void);
float PART(void) { ae_ctx *ae = ae_new(NULL); float y = ae_item(ae_affine(ae_scalar(ae, 1.0f), 2.0f, 1.0f)); ae_free(ae); return y; }
END
cat > "$dir/main.c" <<'END'
float first(void);
float second(void);
int main(void) { return first() + second() != 6.0f; }
END

# ---- every compiler, standard and level ----

# One cell of the matrix, into files: it runs beside another one.
cell() {    # cell COMPILER STANDARD LEVEL SOURCE
    out="$dir/$1-$2$3"
    { $1 -std="$2" "$3" $WARN -I"$root" -c -o "$out.o" "$4" && defines "$out.o" ae_forward && $1 -o "$out" "$out.o" $LIBS && "$out"; } > "$out.said" 2>&1
    echo $? > "$out.status"
    rm -f "$out.o" "$out"
}

supports() { echo 'int main(void) { return 0; }' > "$dir/empty$3"; $1 -std="$2" -c -o "$dir/empty.o" "$dir/empty$3" >/dev/null 2>&1; }

row() {     # row COMPILER-A COMPILER-B STANDARD SUFFIX LEVELS...: both compilers side by side
    a=$1 b=$2 standard=$3 suffix=$4
    shift 4
    for level in "$@"; do
        for compiler in $a $b; do
            if have $compiler && supports $compiler $standard $suffix; then cell $compiler $standard $level "$dir/three$suffix" & fi
        done
        wait
        for compiler in $a $b; do
            out="$dir/$compiler-$standard$level"
            if [ -f "$out.status" ]; then ok "$(cat "$out.status")" "$compiler -std=$standard $level: no warning, the implementation is in it, it runs" "$out.said"
            else skip "$compiler -std=$standard is not here"; fi
        done
    done
}

newest=c23
supports gcc c23 .c || supports clang c23 .c || newest=c2x
# The oldest C and the newest C++ are optimised as well; the others only have to compile and run.
row gcc clang c99 .c -O0 -O2
row gcc clang c11 .c -O0
row gcc clang c17 .c -O0
row gcc clang $newest .c -O0
row g++ clang++ c++11 .cpp -O0
row g++ clang++ c++14 .cpp -O0
row g++ clang++ c++17 .cpp -O0
row g++ clang++ c++20 .cpp -O0 -O2

# ---- ways of using it ----

CC=${CC:-cc}
if have "$CC"; then
    build="$CC -std=c99 -O0 $WARN -I$root"

    { $build -c -o "$dir/one.o" "$dir/one.c" && $build -c -o "$dir/two.o" "$dir/two.c" && $CC -o "$dir/shared" "$dir/one.o" "$dir/two.o" $LIBS && "$dir/shared"; } > "$dir/said" 2>&1
    ok $? "two files share one implementation" "$dir/said"
    defines "$dir/one.o" ae_forward && ! defines "$dir/two.o" ae_forward && needs "$dir/two.o" ae_new
    ok $? "the implementation is in the first file only"
    nm "$dir/one.o" | awk 'NF == 3 && $2 ~ /[TDBRC]/ && $3 !~ /^(ae_|twice$)/ { print; bad = 1 } END { exit bad }' > "$dir/said"
    ok $? "no public name is without ae_" "$dir/said"
    nm "$dir/one.o" | awk 'NF == 3 && $2 ~ /[TDBRC]/ && $3 ~ /^ae__/ { print; bad = 1 } END { exit bad }' > "$dir/said"
    ok $? "no private name is public" "$dir/said"
    if size -A "$dir/one.o" > "$dir/sizes" 2>/dev/null; then
        awk '($1 == ".data" || $1 == ".bss" || $1 == "COMMON") && $2 > 0 { print; bad = 1 } END { exit bad }' "$dir/sizes" > "$dir/said"
        ok $? "there is no global state: nothing that can be written" "$dir/said"
    else
        skip "size -A is not here"
    fi

    { $build -DPART=first -c -o "$dir/first.o" "$dir/private.c" && $build -DPART=second -c -o "$dir/second.o" "$dir/private.c" && $CC -o "$dir/static" "$dir/main.c" "$dir/first.o" "$dir/second.o" $LIBS && "$dir/static"; } > "$dir/said" 2>&1
    ok $? "AUTOENC_STATIC in two files, linked together" "$dir/said"
    nm "$dir/first.o" | grep -q ' t ae_affine$' && ! nm "$dir/first.o" | grep ' T ae_' > "$dir/said"
    ok $? "AUTOENC_STATIC makes every name private, and holds the implementation" "$dir/said"

    { $build -DAE_NO_THREADS -c -o "$dir/single.o" "$dir/three.c" && defines "$dir/single.o" ae_forward && $CC -o "$dir/single" "$dir/single.o" -lm && "$dir/single"; } > "$dir/said" 2>&1
    ok $? "AE_NO_THREADS compiles, and runs without -lpthread" "$dir/said"
    ! needs "$dir/single.o" pthread_ && ! needs "$dir/single.o" sched_
    ok $? "AE_NO_THREADS asks for no thread function"

    { $build -DAE_NO_STDIO -c -o "$dir/fileless.o" "$dir/three.c" && defines "$dir/fileless.o" ae_predict && $CC -o "$dir/fileless" "$dir/fileless.o" $LIBS && "$dir/fileless"; } > "$dir/said" 2>&1
    ok $? "AE_NO_STDIO compiles and runs" "$dir/said"
    ! needs "$dir/fileless.o" fopen && ! needs "$dir/fileless.o" rename && ! defines "$dir/fileless.o" ae_save
    ok $? "AE_NO_STDIO opens no file"

    { $build '-DAE_ASSERT(x)=((void)(x))' -c -o "$dir/asserts.o" "$dir/three.c" && $CC -o "$dir/asserts" "$dir/asserts.o" $LIBS && "$dir/asserts"; } > "$dir/said" 2>&1
    ok $? "AE_ASSERT can be replaced" "$dir/said"
    ! needs "$dir/asserts.o" __assert
    ok $? "and then assert is not used"
    $build -DAE_NO_THREADS -DAE_NO_STDIO -DNDEBUG -c -o "$dir/small.o" "$dir/three.c" > "$dir/said" 2>&1
    ok $? "AE_NO_THREADS, AE_NO_STDIO and NDEBUG together" "$dir/said"
else
    skip "there is no C compiler $CC"
fi

# ---- the text ----

# Names tested in #if lines, without comments and without what compilers and C libraries define (two underscores).
tested=$(sed -n 's/^[[:space:]]*#[[:space:]]*\(if\|ifdef\|ifndef\|elif\)[[:space:]]\{1,\}\(.*\)/\2/p' autoenc.h | sed 's,/\*.*,,' | grep -o '[A-Za-z_][A-Za-z0-9_]*' | grep -v '^defined$' | grep -v '^__' | sort -u)
own='AUTOENC_IMPLEMENTATION AUTOENC_STATIC AE_ASSERT AE_NO_STDIO AE_NO_THREADS'
inner='AUTOENC_H AE_IMPLEMENTED AE_W AE_ROWS'            # guards, and the part that the header includes from itself
strange=
for name in $tested; do
    case " $own $inner " in *" $name "*) ;; *) strange="$strange $name" ;; esac
done
[ -z "$strange" ]
ok $? "no macro but the documented ones is tested${strange:+:$strange}"
missing=
for name in $own; do
    echo "$tested" | grep -qx "$name" || missing="$missing $name"
done
[ -z "$missing" ]
ok $? "each documented macro is tested${missing:+; not:$missing}"
! sed 's/#.*//' Makefile | grep -n -e '-ffast-math' -e '-Ofast' > "$dir/said"
ok $? "the Makefile has neither -ffast-math nor -Ofast" "$dir/said"
lines=$(wc -l < autoenc.h)
# The design said about 3,500.  The seam for devices and the care for files and memory took 330 lines more, LSTM, Upsample, Dropout and
# NLL 100, the convolution of images with planes 56, bytes that become floats in vectors 14.  A new op may raise this by its own length; nothing else may.
[ "$lines" -le 4008 ]
ok $? "autoenc.h has grown no further ($((lines + 0)) lines)"
! LC_ALL=C grep -n '[^ -~]' autoenc.h > "$dir/said"
ok $? "autoenc.h is plain ASCII without tabs" "$dir/said"

# ---- the same bits from every compiler and level ----

fused() {   # does this processor have a fused multiply-add?
    case $(uname -m) in
        aarch64|arm64) return 0 ;;
        x86_64) grep -q '^flags.* fma ' /proc/cpuinfo 2>/dev/null && grep -q '^flags.* avx2 ' /proc/cpuinfo ;;
        *) return 1 ;;
    esac
}

hashes() {  # hashes COMPILER FLAGS...: into files, beside another one
    out="$dir/hash-$(echo "$*" | tr ' ' _)"
    { "$@" -I"$root" -o "$out" tests/test_same_bits.c $LIBS && "$out" hashes > "$out.all" && grep '^# ' "$out.all" > "$out.hash"; } > "$out.said" 2>&1
}

if fused; then
    for flags in -O2 -O0 '-O3 -march=native'; do
        for compiler in gcc clang; do
            if have $compiler; then hashes $compiler $flags & fi
        done
        wait
        for compiler in gcc clang; do
            out="$dir/hash-$(echo "$compiler $flags" | tr ' ' _)"
            if ! have $compiler; then skip "$compiler is not here"; continue; fi
            [ -n "$want" ] || { want="$out.hash"; sed 's/^# /# hash of /' "$want" 2>/dev/null; }
            [ -s "$out.hash" ] && cmp "$want" "$out.hash" >> "$out.said" 2>&1
            ok $? "$compiler $flags: the same bits" "$out.said"
        done
    done
else
    skip "the bits depend on the compiler where there is no fused multiply-add"
fi

echo "1..$n"
exit $failed
