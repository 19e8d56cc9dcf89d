#!/bin/sh
# long_work.sh: long work survives.  Every lesson is stopped (SIGTERM) again and again at random moments, its folder moved,
# and resumed on another number of threads; so is a run of lesson03 over 300 epochs.  Weights, log, facts, pictures and
# their data are those of a run that nobody stopped.  Prints TAP.  From the project's root.  Arguments choose runs: lesson04
# overfit epochs300.

. tests/tap.sh
. tests/runs.sh
only="$*"
unset AUTOENC_DATA
export XDG_CACHE_HOME="$dir/cache" HOME="$dir"
make -s lessons > "$dir/said" 2>&1
ok $? "the lessons build" "$dir/said"

stopped() {     # stopped SECONDS COMMAND...: at most so many seconds a life, twice as many in each fifth, until it is done
    longest=$1 life=0 resume=
    shift
    name=$1
    shift
    "$@" --out "$dir/whole" > "$dir/out" 2>&1
    ok $? "$name: undisturbed" "$dir/out"
    rm -rf "$dir/cut"
    while :; do
        life=$((life + 1))
        "$@" --out "$dir/cut" --threads $((1 + life % 3)) $resume > "$dir/out" 2>&1 &
        pid=$!
        [ -n "$resume" ] || while kill -0 $pid 2>/dev/null && [ ! -s "$dir/cut/checkpoint.safetensors" ]; do sleep 0.1; done
        (sleep "$(awk -v s="$((life * 7919 + $$))" -v most="$((longest * (1 + (life % 5 == 0))))" 'BEGIN { srand(s); printf "%.1f", most * (0.3 + 0.7 * rand()) }')"; kill -TERM $pid 2>/dev/null) &
        clock=$!
        wait $pid
        status=$?
        kill $clock 2>/dev/null
        [ $status -eq 130 ] || [ $status -eq 143 ] || break          # 143: after the training, where nothing catches it
        resume=--resume longest=$((longest + life % 2))
        mv "$dir/cut" "$dir/moved" && mv "$dir/moved" "$dir/cut"
    done
    alike "$dir/whole" "$dir/cut" && [ $status -eq 0 ]
    ok $? "$name: $life lives, the same weights, log, facts and pictures (status $status)" "$dir/said"
    rm -rf "$dir/whole" "$dir/cut"
}

for source in lessons/lesson[0-9][0-9]_*.c; do
    l=$(basename "$source" | cut -d_ -f1)
    wanted "$l" || continue
    stopped 3 "$l" "./$l" --quick --synthetic --no-progress
done
wanted overfit && stopped 4 "lesson04 --overfit" ./lesson04 --quick --synthetic --no-progress --overfit --epochs 8
wanted epochs300 && stopped 20 "lesson03, 300 epochs" ./lesson03 --quick --synthetic --no-progress --epochs 300 --batch 512

echo "1..$n"
exit $failed
