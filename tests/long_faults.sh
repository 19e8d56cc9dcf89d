#!/bin/sh
# long_faults.sh: a lesson under strace, which makes its system calls fail or kills it in front of them, one after the
# other.  After each failure the run has ended with a status of its own; after each of these and of the kills --resume
# comes to the same weights, log and facts as a run that nobody disturbed, and a run that had begun anew has either not
# touched what was there or taken its place.  Prints TAP; skipped where strace may not trace.  From the project's root.
# Arguments choose rows of the table at the end: write-KILL read-EIO memory.

. tests/tap.sh
. tests/runs.sh
only="$*"
unset AUTOENC_DATA
export XDG_CACHE_HOME="$dir/cache" HOME="$dir"
make -s lesson00 > "$dir/said" 2>&1
ok $? "lesson00 builds" "$dir/said"
if ! strace -f -qq -o /dev/null -e trace=write -e inject=write:error=EINTR:when=1 true 2> /dev/null; then
    skip "strace is not here, or may not trace"
    echo "1..$n"
    exit $failed
fi

# Few images and epochs: what matters is the number of calls, and that an epoch ends more than once.
run="./lesson00 --quick --synthetic --no-plot --no-progress --epochs 3 --threads 1"
$run --out "$dir/whole" > "$dir/said" 2>&1
ok $? "a run that nobody disturbs" "$dir/said"
$run --seed 7 --out "$dir/old" > "$dir/said" 2>&1
ok $? "an older one" "$dir/said"

# How often a run makes this call.
count() { strace -f -qq -o "$dir/trace" -e trace="$1" $run --out "$dir/counted" > /dev/null 2>&1; rm -rf "$dir/counted"; grep -c "$1(" "$dir/trace"; }

# The folder of a run that was ended somewhere: --resume goes on, or there was nothing yet, and it begins.
goes_on() {     # goes_on WHAT
    $run --out "$dir/cut" --resume > "$dir/out" 2> "$dir/err" || $run --out "$dir/cut" > "$dir/out" 2> "$dir/err"
    status=$?
    if ! alike "$dir/whole" "$dir/cut" || [ $status -ne 0 ]; then
        bad=$((bad + 1))
        { echo "$1: status $status $(tail -n 1 "$dir/err")"; cat "$dir/said"; } >> "$dir/bad"
    fi
}

each() {        # each CALL INJECTION STATUSES NAME: at every occurrence, 60 at most
    wanted "$1-${2#*=}" || return
    all=$(count "$1") bad=0 tried=0 k=0
    : > "$dir/bad"
    while [ $k -lt "$all" ]; do
        k=$((k + 1 + all / 60)) tried=$((tried + 1))
        rm -rf "$dir/cut"
        [ $((tried % 2)) -eq 0 ] || cp -r "$dir/old" "$dir/cut"            # every other time over an older run
        strace -f -qq -o /dev/null -e trace="$1" -e inject="$1:$2:when=$k" $run --out "$dir/cut" > "$dir/out" 2> "$dir/err"
        status=$?
        case " $3 " in *" $status "*) ;; *) bad=$((bad + 1)); echo "$1 $k: status $status $(tail -n 1 "$dir/err")" >> "$dir/bad" ;; esac
        if [ $((tried % 2)) -eq 1 ] && [ ! -s "$dir/cut/checkpoint.safetensors" ]; then bad=$((bad + 1)); echo "$1 $k: the old checkpoint is gone" >> "$dir/bad"; fi
        # An older run that is still there is not to be resumed with another seed.
        if [ $((tried % 2)) -eq 1 ] && cmp -s "$dir/old/checkpoint.safetensors" "$dir/cut/checkpoint.safetensors"; then rm -rf "$dir/cut"; fi
        goes_on "$1 $k"
    done
    [ $tried -gt 0 ] && [ $bad -eq 0 ]
    ok $? "$4: $tried times ($bad wrong)" "$dir/bad"
}

# Less and less memory for the whole program, until there is enough; strace cannot play a kernel that has none.
limits() {
    wanted memory || return
    bad=0 tried=0 kb=3000 status=1
    : > "$dir/bad"
    while [ $kb -lt 4000000 ]; do
        rm -rf "$dir/cut"
        (ulimit -v $kb && exec $run --out "$dir/cut") > "$dir/out" 2> "$dir/err"
        status=$?
        case $status in
        0) break ;;
        1|3|127) grep -q . "$dir/err" || { bad=$((bad + 1)); echo "$kb KB: no word" >> "$dir/bad"; } ;;
        139) [ $kb -lt 12000 ] || { bad=$((bad + 1)); echo "$kb KB: crash" >> "$dir/bad"; } ;;     # before main
        *) bad=$((bad + 1)); echo "$kb KB: status $status $(tail -n 1 "$dir/err")" >> "$dir/bad" ;;
        esac
        tried=$((tried + 1)) kb=$((kb + kb / 20))
        [ ! -s "$dir/cut/checkpoint.safetensors" ] || goes_on "$kb KB"
    done
    [ $status -eq 0 ] && [ $bad -eq 0 ]
    ok $? "too little memory, $tried times, up to the $kb KB that are enough ($bad wrong)" "$dir/bad"
}
limits

# Status 127 is the dynamic loader's; 0: a slower run had counted one checkpoint more.
each write     error=ENOSPC "0 3"     "a disk that is full at each write"
each write     error=EINTR  "0 3"     "each write interrupted"
each openat    error=EMFILE "0 3 127" "no file can be opened"
each read      error=EIO    "0 3 127" "each read fails"
each rename    error=EACCES "0 3"     "no file can be renamed"
each flock     error=ENOLCK "0"       "folders that cannot be locked"
each write     signal=KILL  "0 137"   "killed at each write"
each openat    signal=KILL  "0 137"   "killed at each opening"
each close     signal=KILL  "0 137"   "killed at each closing"
each rename    signal=KILL  "0 137"   "killed at each renaming"
each unlink    signal=KILL  "0 137"   "killed at each removal"
each write     signal=TERM  "0 130 143" "SIGTERM at each write"

echo "1..$n"
exit $failed
