#!/bin/sh
# test_examples.sh: what a visitor compiles first: the two programs of examples/, the handout lessons/heart.c, and the
# complete program in the manual of autoenc.h.  They compile without a warning, as C and as C++, and do what they say.
# Prints TAP.  A compiler that is not there is skipped.  Run from the root of the repository.

. tests/tap.sh

flags() { case $1 in *++) echo '-x c++ -std=c++11' ;; *) echo '-std=c99' ;; esac; }

# Into files, beside another one: built tells later how it went.
build() {   # build COMPILER NAME SOURCE FLAGS...
    into="$dir/$1/$2" compiler=$1 source=$3
    shift 3
    $compiler $(flags $compiler) -O0 $WARN "$@" -I"$root" -o "$into" "$source" $LIBS > "$into.said" 2>&1
    echo $? > "$into.status"
}
built() { ok "$(cat "$dir/$1/$2.status")" "$1 $(flags $1): $3 compiles without a warning" "$dir/$1/$2.said"; }

# The program in the manual stands between two headings: less its first paragraph and the indentation.
sed -n '/^ *A COMPLETE PROGRAM/,/^ *MEMORY\./p' autoenc.h | sed -e '1d;$d' -e 's/^       //' > "$dir/manual.c"

for compiler in gcc clang g++ clang++; do
    have $compiler || continue
    mkdir "$dir/$compiler"
    build $compiler sensors examples/sensors.c &
    build $compiler sensors_use examples/sensors_use.c &
    build $compiler manual "$dir/manual.c" &
    case $compiler in *++) ;; *) build $compiler heart lessons/heart.c -O2 ;; esac
    wait
done

# Does the loss fall?  falls FILE FIELD BOUND: the number in this field of the lines that fit /loss/ or start with a digit
# falls from the first to the last line at least tenfold, and ends below the bound.
falls() {
    awk -v field="$2" -v bound="$3" '/^[0-9]|loss/ { last = $field; if (!lines++) first = last }
        END { exit !(lines > 1 && last == last + 0 && last > 0 && last < bound && 10 * last < first) }' "$1"
}

no_longer() {   # no_longer FILE LINES
    lines=$(wc -l < "$1")
    [ "$lines" -le "$2" ]
    ok $? "$1 has at most $2 lines ($((lines + 0)))"
}

# ---- examples/ ----

no_longer examples/sensors.c 40
no_longer examples/sensors_use.c 15
for compiler in gcc clang g++ clang++; do
    have $compiler || { skip "$compiler is not here"; continue; }
    here="$dir/$compiler"
    built $compiler sensors sensors.c
    built $compiler sensors_use sensors_use.c
    (cd "$here" && ./sensors_use) > "$here/out" 2> "$here/said"
    [ $? -eq 3 ] && [ ! -s "$here/out" ] && grep -q 'sensors\.safetensors.*run sensors first' "$here/said"
    ok $? "$compiler: sensors_use without its file says what to do, and ends with status 3" "$here/said"
    (cd "$here" && ./sensors) > "$here/out" 2> "$here/said" && falls "$here/out" 4 0.002 && [ -s "$here/sensors.safetensors" ]
    ok $? "$compiler: sensors learns and saves" "$here/out"
    (cd "$here" && ./sensors_use) > "$here/out" 2> "$here/said" &&
        awk '/^normal/ { a = $NF } /^abnormal/ { b = $NF } END { exit !(a > 0 && b >= 3 * a) }' "$here/out"
    ok $? "$compiler: the abnormal reading's error is at least three times the normal one's" "$here/out"
    printf 'no network' > "$here/sensors.safetensors"
    (cd "$here" && ./sensors_use) > "$here/out" 2> "$here/said"
    [ $? -eq 3 ] && [ ! -s "$here/out" ] && [ -s "$here/said" ]
    ok $? "$compiler: a damaged file is refused" "$here/said"
    rm "$here/sensors.safetensors"
    mkdir "$here/sensors.safetensors"
    (cd "$here" && ./sensors) > "$here/out" 2> "$here/said"
    [ $? -eq 3 ] && [ -s "$here/said" ]
    ok $? "$compiler: sensors says so when it cannot save" "$here/said"
done

for table in low high; do
    numbers() { grep -o "$table\[[A-Z0-9]*\] = {[^}]*}" "$1" | sed 's/.*=//'; }
    [ -n "$(numbers examples/sensors.c)" ] && [ "$(numbers examples/sensors.c)" = "$(numbers examples/sensors_use.c)" ]
    ok $? "both programs scale with the same $table[]"
done

# ---- lessons/heart.c ----

no_longer lessons/heart.c 199
! awk 'length > 100 { print FILENAME ":" FNR; bad = 1 } END { exit !bad }' lessons/heart.c > "$dir/said"
ok $? "lessons/heart.c: no line is wider than 100 columns" "$dir/said"
for compiler in gcc clang; do
    have $compiler || { skip "$compiler is not here"; continue; }
    here="$dir/$compiler"
    built $compiler heart heart.c
    "$here/heart" > "$here/out" 2>&1
    ok $? "$compiler: heart runs" "$here/out"
    falls "$here/out" 4 0.001
    ok $? "$compiler: heart's loss falls" "$here/out"
    # the test compares by itself, and does not take the word "ok" for it
    awk '/^tape/ { t = $2 + 0; s = $4 + 0; d = t - s; if (d < 0) d = -d; if (s < 0) s = -s; good = s > 0 && d < 0.02 * s && $NF == "ok" } END { exit !good }' "$here/out"
    ok $? "$compiler: heart's gradient is the slope of its loss" "$here/out"
    awk '/^code/ { c = ($2 > 0.5) ($3 > 0.5) ($4 > 0.5); if (!(c in seen)) { seen[c]; codes++ } } END { exit codes != 8 }' "$here/out"
    ok $? "$compiler: heart finds eight different codes of three bits" "$here/out"
    grep -q '^slot [0-9]*, generation [0-9]*: stale; generation [0-9]*: good$' "$here/out"
    ok $? "$compiler: heart tells a stale handle from a good one" "$here/out"
    if $compiler -std=c99 -O1 -fsanitize=address,undefined -fno-sanitize-recover=all -o "$here/checked" lessons/heart.c -lm > "$here/said" 2>&1; then
        "$here/checked" > "$here/out" 2>&1
        ok $? "$compiler: heart under the address and undefined-behaviour sanitizers" "$here/out"
    else
        skip "$compiler has no sanitizers here"
    fi
done

# ---- the program in the manual ----

grep -q 'int main' "$dir/manual.c" && grep -q '^#define AUTOENC_IMPLEMENTATION' "$dir/manual.c"
ok $? "the manual of autoenc.h holds a complete program" "$dir/manual.c"
for compiler in gcc clang g++ clang++; do
    have $compiler || { skip "$compiler is not here"; continue; }
    here="$dir/$compiler"
    built $compiler manual "the manual's program"
    "$here/manual" > "$here/out" 2>&1
    ok $? "$compiler: it runs" "$here/out"
    awk '{ last = $2 } END { exit !(NR == 5 && last == last + 0 && last > 0 && last < 0.01) }' "$here/out"
    ok $? "$compiler: its loss falls below 0.01, from a variance of 0.6" "$here/out"
done

# ---- the README shows these very programs ----

awk '/^```c$/ { inside = 1; block++; next } /^```$/ { inside = 0 } inside { print > (dir "/readme" block ".c") }' dir="$dir" README.md
cmp "$dir/readme1.c" examples/sensors.c > "$dir/said" 2>&1
ok $? "the README's first listing is examples/sensors.c" "$dir/said"
cmp "$dir/readme2.c" examples/sensors_use.c > "$dir/said" 2>&1
ok $? "the README's second listing is examples/sensors_use.c" "$dir/said"

echo "1..$n"
exit $failed
