#!/bin/sh
# long_bits.sh: the same bits, as a table.  A line for each compiler, level and kind of kernel: eight digits of the hash of
# each little training in test_same_bits.c; whether a multiply-add is rounded once or twice; and whether 1, 2, 3, 4, 7 and
# 16 threads, a second run, one saved half-way and resumed, and one without fused activations all gave it.  A * behind a
# hash: another one stands in test_same_bits.c.  Prints TAP, so the lines are checks.  `make bits` runs it.

. tests/tap.sh

printf '# %-25s kernels  fc        wide      conv      norm      pool      vae       rounds\n' compiler
for compiler in gcc clang; do
    for flags in -O1 -O2 -O3 '-O3 -march=native'; do
        program="$dir/bits"
        rm -f "$program"
        if ! have "$compiler"; then skip "$compiler is not here"; continue; fi
        if ! $compiler $flags -I"$root" -o "$program" tests/test_same_bits.c $LIBS > "$dir/said" 2>&1; then
            ok 1 "$compiler $flags: does not compile" "$dir/said"
            continue
        fi
        "$program" table > "$dir/table" 2> "$dir/said"
        status=$?
        [ "$status" -le 1 ] && [ -s "$dir/table" ] || ok 1 "$compiler $flags: ended with $status" "$dir/said"
        while read -r line; do
            case $line in *\**|*other*) bad=1 ;; *) bad=0 ;; esac
            ok $bad "$(printf '%-24s %s' "$compiler $flags" "$line")"
        done < "$dir/table"
    done
done

echo "1..$n"
exit $failed
