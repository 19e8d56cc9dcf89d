#!/bin/sh
# long_soak.sh [SECONDS]: an hour (or so many seconds) of lessons in random modes under the address sanitizer, on 1 to 4
# threads, two at a time so that each disturbs the other.  Every run must end well; a mode that comes up again must give
# the same weights, whatever the threads; and three epochs must not need more memory than one.  Prints TAP.  From the
# project's root.  AUTOENC_SOAK_SEED repeats a sequence.

. tests/tap.sh
unset AUTOENC_DATA
export XDG_CACHE_HOME="$dir/cache" HOME="$dir"
export ASAN_OPTIONS=detect_leaks=1:quarantine_size_mb=1:allocator_release_to_os_interval_ms=100
CC=${CC:-cc}
seconds=${1:-3600}
seed=${AUTOENC_SOAK_SEED:-$(date +%s)}
echo "# AUTOENC_SOAK_SEED=$seed"

cat > "$dir/modes" <<'END'
lesson00
lesson00 --batch 7 --seed 3
lesson01 --latent 8 --hidden 64
lesson01 --batch 500
lesson02 --net fc --latent 3
lesson02 --net cnn --batchnorm
lesson03 --perplexity 10 --noise 2
lesson03 --batch 33
lesson04 --loss l1 --layers 2 --width 0.5
lesson04 --loss bce --lr 0.001
lesson04 --cnn --lr 0.001
lesson05 --activation tanh --init document
lesson05 --latent 3 --init pytorch
lesson06 --alone --latent 2
lesson06 --warmup 2 --iwae 3
lesson07 --batchnorm
lesson07 --unconditional --label-in-loss
lesson07 --bare --activation relu --classify 8
lesson08 --noise mask
lesson09 --trial nine
lesson10 --latent 8
lesson11
lesson12 --net x4
lesson13 --net lstm
END
modes=$(wc -l < "$dir/modes")

mkdir "$dir/bin"
for source in lessons/lesson[0-9][0-9]_*.c; do
    name=$(basename "$source" | cut -d_ -f1)
    $CC -g -O1 -fsanitize=address -fno-omit-frame-pointer -o "$dir/bin/$name" "$source" $LIBS > "$dir/said" 2>&1
    ok $? "$name builds with the address sanitizer" "$dir/said"
done

# The number'th of a sequence that the seed decides, from 1 to MOST.
random() {  # random NUMBER MOST
    echo "$seed $1" | cksum | awk -v most="$2" '{ print $1 % most + 1 }'
}

# One run and the most memory that it held, in KB: "STATUS KB", into a file.
life() {    # life SLOT COMMAND...
    slot=$1
    shift
    "$@" > "$dir/out$slot" 2>&1 &
    pid=$! most=0
    while kill -0 $pid 2>/dev/null; do
        now=$(sed -n 's/^VmHWM:[^0-9]*\([0-9]*\).*/\1/p' "/proc/$pid/status" 2>/dev/null)
        [ -z "$now" ] || most=$now
        sleep 0.1
    done
    wait $pid
    echo "$? $most" > "$dir/life$slot"
}

# One random mode, once or for three epochs; what it gave is compared with what it gave before.
try() {     # try SLOT NUMBER
    mode=$(sed -n "$(random "$2 mode" "$modes")p" "$dir/modes") threads=$(random "$2 threads" 4) epochs=$(($(random "$2 epochs" 2) * 2 - 1))
    key=$(echo "$mode $epochs" | tr -c 'a-z0-9\n' _)
    rm -rf "$dir/run$1"
    lesson=${mode%% *} options=${mode#"$lesson"}
    life "$1" "$dir/bin/$lesson" --quick --synthetic --no-plot --no-progress $options --epochs $epochs --threads "$threads" --out "$dir/run$1"
    read -r status most < "$dir/life$1"
    cat "$dir/run$1"/model*.safetensors 2>/dev/null | cksum > "$dir/sum$1"
    what=$(grep -a -m 1 -e 'ERROR: ' -e 'DIFFERENT' "$dir/out$1")
    [ "$status" -eq 0 ] && [ -z "$what" ] || { echo "$mode --epochs $epochs --threads $threads: status $status $what $(tail -n 1 "$dir/out$1")" >> "$dir/bad"; return; }
    if [ ! -f "$dir/first.$key" ]; then cp "$dir/sum$1" "$dir/first.$key"
    elif cmp -s "$dir/sum$1" "$dir/first.$key"; then echo again >> "$dir/again"
    else echo "$mode --epochs $epochs --threads $threads: other weights than before" >> "$dir/bad"; fi
    echo "$key $threads $most" >> "$dir/memory"
}

: > "$dir/bad"; : > "$dir/again"; : > "$dir/memory"
end=$(($(date +%s) + seconds)) i=0
while [ "$(date +%s)" -lt $end ]; do
    try 1 $i & one=$!
    try 2 $((i + 1)) & two=$!
    wait $one $two
    i=$((i + 2))
done

[ ! -s "$dir/bad" ]; ok $? "$i runs in $seconds s: every one ends well, and without a word from the sanitizer" "$dir/bad"
[ -s "$dir/again" ] || [ "$seconds" -lt 600 ]; ok $? "$(($(wc -l < "$dir/again"))) of them came up again, on any threads, and gave the same weights"

# Of the same mode: the least that three epochs held less the most that one held.  The allocator may keep a few MB.
sort "$dir/memory" | awk '{ key = $1; e = substr(key, length(key)); sub(/_[13]$/, "", key); k = key
                            if (e == 1 && (!(k in one) || $3 > one[k])) one[k] = $3
                            if (e == 3 && (!(k in three) || $3 < three[k])) three[k] = $3 }
                          END { for (k in three) if (k in one) { n++; d = three[k] - one[k]; if (d > most) most = d
                                                                 if (d > 8192 && d > one[k] / 20) print k ": " one[k] " KB after one epoch, " three[k] " after three" }
                                print n + 0, most + 0 > "/dev/stderr" }' > "$dir/grown" 2> "$dir/pairs"
read -r pairs most < "$dir/pairs"
[ ! -s "$dir/grown" ] && { [ "$pairs" -gt 0 ] || [ "$seconds" -lt 600 ]; }; ok $? "memory does not grow with the epochs: $pairs modes compared, at most $most KB more" "$dir/grown"

echo "1..$n"
exit $failed
