#!/bin/sh
# others.sh: the fully connected network of lesson 2 in other C and C++ libraries and in ours, in turns on the same machine.
#
#     sh bench/others.sh --setup                            gets and builds what can be had: some minutes, once
#     sh bench/others.sh [--data DIR] [--rounds 7] [--seconds 1] [--images 60000]
#
# Prints a table for bench/results/others.md, from which `perl bench/table.pl` writes the README's; what it does meanwhile goes to
# stderr.  What is not there is left out with a sentence.  Where the libraries come from, none of them into this tree:
#
#     OpenBLAS       apt-get install libopenblas-dev
#     KANN, FANN     pip download --no-deps --no-binary cynn cynn                          (its sources hold both)
#     ggml           pip download --no-deps --no-binary libggml-python libggml-python      (built by cmake)
#     dlib           pip download --no-deps --no-binary dlib dlib
#
# --setup does these pip lines (PYTHON=python3) into OTHERS (~/.cache/autoenc-others) and compiles with -O3 -march=native
# (and -fno-math-errno); an archive unpacked there already is taken as it is.  Ours is compiled with a plain -O2.  Each program of
# bench/others/ says what its library does differently.  The losses come first, each of one run of so many images; then every
# round lets each train for so many seconds, one thread, then two.  A ratio is that of images a second, ours over theirs, round
# by round.  Exit status: 0 done, 2 wrong options, 3 our side failed.

usage() { sed -n '4,5s/^#  *//p' "$0" >&2; exit 2; }
cd "$(dirname "$0")/.." || exit 3
data=${AUTOENC_DATA:-data} rounds=7 seconds=1 images=60000 setup=
while [ $# -gt 0 ]; do
    case $1 in
        --setup) setup=yes; shift; continue ;;
        --data) data=$2 ;; --rounds) rounds=$2 ;; --seconds) seconds=$2 ;; --images) images=$2 ;;
        *) usage ;;
    esac
    [ $# -ge 2 ] || usage
    shift 2
done
libs=${OTHERS:-${XDG_CACHE_HOME:-$HOME/.cache}/autoenc-others}
cc=${CC:-cc} cxx=${CXX:-c++} best='-O3 -march=native -fno-math-errno'
say() { echo "$*" >&2; }
first() { for f in "$libs"/$1; do [ -e "$f" ] && echo "$f" && return; done; return 1; }
has_blas() { printf '#include <cblas.h>\nint main(void) { return cblas_sdot(1, 0, 0, 0, 0) != 0; }\n' | $cc -x c - -o /dev/null -lopenblas 2>/dev/null; }

# ---- getting and building the libraries ----

fetch() {
    first "$2-*/." > /dev/null && return
    ( cd "$libs" && "${PYTHON:-python3}" -m pip download -q --no-deps --no-binary "$1" "$1" && tar xzf "$2"-*.tar.gz ) >&2 || say "$1 cannot be had"
}

build_ggml() {
    blas=OFF; has_blas && blas=ON
    cmake -S "$1/ggml" -B "$libs/ggml" -DCMAKE_BUILD_TYPE=Release -DCMAKE_C_FLAGS="$best" -DCMAKE_CXX_FLAGS="$best" \
        -DGGML_NATIVE=ON -DGGML_LLAMAFILE=ON -DGGML_BLAS=$blas -DGGML_BLAS_VENDOR=OpenBLAS -DBUILD_SHARED_LIBS=OFF -DGGML_BUILD_TESTS=OFF \
        -DGGML_BUILD_EXAMPLES=OFF && cmake --build "$libs/ggml"
}

if [ "$setup" ]; then
    mkdir -p "$libs" || exit 3
    fetch cynn cynn; fetch libggml-python libggml_python; fetch dlib dlib
    ggml=$(first 'libggml_python-*/.') && { build_ggml "$ggml" >&2 || say "ggml does not build: is cmake installed?"; }
    dlib=$(first 'dlib-*/.') && has_blas && [ ! -f "$libs/dlib.o" ] && say "dlib: a minute or two" &&
        $cxx -std=c++17 $best -w -DDLIB_USE_BLAS -DDLIB_NO_GUI_SUPPORT -I"$dlib" -c "$dlib/dlib/all/source.cpp" -o "$libs/dlib.o"
    say "Libraries are in $libs"
    exit 0
fi

# ---- building the programs: each line of $dir/list is a program, its title, and how it differs ----

dir=$(mktemp -d) || exit 3
trap 'rm -rf "$dir"' EXIT
: > "$dir/list"
built() { if [ "$2" = 0 ]; then printf '%s\t%s\t%s\n' "$1" "$3" "$4" >> "$dir/list"; else say "$3: does not build here, left out"; tail -n 5 "$dir/said" >&2; fi; }
missing() { say "$1: not here, left out; sh bench/others.sh --setup gets it ($2)"; }

$cc ${CFLAGS:--O2} -I. bench/train.c -o "$dir/train" -lm -lpthread || exit 3
blas=; has_blas && blas=yes
[ "$blas" ] || missing OpenBLAS 'by hand: apt-get install libopenblas-dev'
if cynn=$(first 'cynn-*/thirdparty'); then
    k=$cynn/kann f=$cynn/fann/src
    kann() { $cc -std=gnu99 $best -w -DHAVE_PTHREAD $1 -I"$k" bench/others/kann.c "$k/kann.c" "$k/kautodiff.c" -o "$dir/$2" $3 -lpthread -lm > "$dir/said" 2>&1; }
    by_hand='no Adam: ours, in 8 lines'
    version=$(sed -n 's/^#define KANN_VERSION "\(.*\)"/\1/p' "$k/kann.h")
    [ "$blas" ] && { kann -DHAVE_CBLAS kann_blas -lopenblas; built kann_blas $? "KANN $version, OpenBLAS" "$by_hand"; }
    kann '' kann ''; built kann $? "KANN $version" "$by_hand"
    $cc -std=gnu99 $best -w -fopenmp -I"$f/include" bench/others/fann.c "$f/floatfann.c" -o "$dir/fann" -lm > "$dir/said" 2>&1
    built fann $? 'FANN 2.2, from cynn' 'gradient descent only; leaky ReLU'
else
    missing 'KANN, FANN' 'the sources of cynn'
fi
if ggml=$(first 'libggml_python-*/.') && core=$(first ggml/src/libggml.a); then
    s=$libs/ggml/src include=$ggml/ggml/include
    part() { sed -n "s/^set(GGML_VERSION_$1 *\([0-9]*\)).*/\1/p" "$ggml/ggml/CMakeLists.txt"; }
    version=$(part MAJOR).$(part MINOR).$(part PATCH)
    ggml() { $cc -std=gnu99 $best $1 -I"$include" -c bench/others/ggml.c -o "$dir/ggml.o" > "$dir/said" 2>&1 &&
             $cxx "$dir/ggml.o" -o "$dir/$2" "$core" $3 "$s/libggml-cpu.a" "$s/libggml-base.a" $4 -fopenmp -lpthread -ldl -lm >> "$dir/said" 2>&1; }
    if [ -f "$s/ggml-blas/libggml-blas.a" ]; then
        ggml -DWITH_BLAS ggml_blas "$s/ggml-blas/libggml-blas.a" -lopenblas; built ggml_blas $? "ggml $version, OpenBLAS" AdamW
        ggml '' ggml "$s/ggml-blas/libggml-blas.a" -lopenblas; built ggml $? "ggml $version" AdamW
    else
        ggml '' ggml '' ''; built ggml $? "ggml $version" AdamW
    fi
else
    missing ggml 'the sources of libggml-python, and cmake'
fi
if dlib=$(first 'dlib-*/.') && [ -f "$libs/dlib.o" ] && [ "$blas" ]; then
    say "compiling dlib's program: half a minute"
    $cxx -std=c++17 $best -w -DDLIB_USE_BLAS -DDLIB_NO_GUI_SUPPORT -I"$dlib" bench/others/dlib.cpp "$libs/dlib.o" -o "$dir/dlib" -lopenblas -lpthread > "$dir/said" 2>&1
    built dlib $? "dlib $(echo "${dlib%/.}" | sed 's/.*dlib-//'), OpenBLAS" "Adam's eps"
else
    missing dlib 'its sources and OpenBLAS'
fi

# ---- measuring: `one NAME THREADS IMAGES SECONDS` prints loss and images a second ----

one() {
    if [ "$1" = ours ]; then
        echo "$4" | "$dir/train" lesson02-fc ${mnist:+--data "$data"} --threads "$2" --warm "$3" 2> "$dir/said" |
            awk '$1 == "ready" { loss = $2 } $1 == "ran" { printf "%.5f\t%.0f\n", loss, $2 / $3 }'
    else
        OPENBLAS_NUM_THREADS=$2 OMP_NUM_THREADS=$2 "$dir/$1" "$data" "$2" "$3" "$4" 2> "$dir/said"
    fi
}

names="ours $(cut -f 1 "$dir/list" | tr '\n' ' ')"
mnist=
[ -f "$data/mnist/train-images-idx3-ubyte" ] || [ -f "$data/train-images-idx3-ubyte" ] && mnist=yes
[ "$mnist" ] || { say "No MNIST in $data (make data gets it): ours alone, on what it draws itself"; names=ours; }
for name in $names; do
    result=$(one $name 1 "$images" 0.01)
    [ -n "$result" ] || { say "$name fails:"; tail -n 5 "$dir/said" >&2; [ $name = ours ] && exit 3; continue; }
    printf '%s\tloss\t0\t%s\n' $name "${result%	*}" >> "$dir/all"
    say "$name: loss ${result%	*}"
done
round=1
while [ $round -le "$rounds" ]; do
    for threads in 1 2; do
        for name in $names; do
            result=$(one $name $threads 640 "$seconds")
            [ -n "$result" ] && printf '%s\t%s\t%s\t%s\n' $name $threads $round "${result#*	}" >> "$dir/all"
        done
    done
    say "round $round of $rounds"
    round=$((round + 1))
done

# ---- the table ----

processor=$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo 2>/dev/null | head -n 1)
{ printf 'ours\tautoenc.h\t\n'; cat "$dir/list"; } > "$dir/titles"
awk -F '\t' -v rounds="$rounds" '
    function sorted(n,   i, j, t) { for (i = 2; i <= n; i++) for (j = i; j > 1 && v[j] < v[j - 1]; j--) { t = v[j]; v[j] = v[j - 1]; v[j - 1] = t } }
    function middle(n) { sorted(n); return n % 2 ? v[(n + 1) / 2] : (v[n / 2] + v[n / 2 + 1]) / 2 }
    function speed(name, threads,   r, n) { for (r = 1; r <= rounds; r++) if ((name, threads, r) in got) v[++n] = got[name, threads, r]
        return n ? thousands(middle(n)) : "-" }
    function ratio(name, threads,   r, n, m) { if (name == "ours") return ""
        for (r = 1; r <= rounds; r++) if (got[name, threads, r] > 0) v[++n] = got["ours", threads, r] / got[name, threads, r]
        if (!n) return "-"; m = middle(n); return sprintf("**%.1f** (%.1f .. %.1f)", m, v[1], v[n]) }
    function thousands(x,   s) { s = sprintf("%.0f", x); while (match(s, /^[0-9][0-9][0-9][0-9]+/)) s = substr(s, 1, RLENGTH - 3) "," substr(s, RLENGTH - 2); return s }
    NR == FNR { got[$1, $2, $3] = $4; next }
    FNR == 1 { print "| | images/s, 1 thread | ratio | images/s, 2 threads | ratio | loss | what differs |\n|---|---|---|---|---|---|---|" }
    ($1, "loss", 0) in got { print "| " $2 " | " speed($1, 1) " | " ratio($1, 1) " | " speed($1, 2) " | " ratio($1, 2) " | " got[$1, "loss", 0] " | " $3 " |" }
' "$dir/all" "$dir/titles"
printf '\n*`sh bench/others.sh`: medians of %s rounds and the range of their ratios; %s, %s cores, %s; the losses over the second half of %s images; %s.*\n' \
    "$rounds" "${processor:-this processor}" "$(getconf _NPROCESSORS_ONLN)" "$($cc --version | head -n 1)" "$images" "$(date +%Y-%m-%d)"
