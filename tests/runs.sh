# runs.sh: when are two runs of a lesson the same?  Sourced after tap.sh by the tests that kill, stop and resume runs.

# What a run leaves, without what differs from run to run: times, threads, the words of the command line.
essence() {     # essence FOLDER
    (cd "$1" && for f in *; do
        case $f in
        run.json)  echo "$f $(tr -d '}' < run.json | grep -v -e seconds -e per_second -e '"command"' -e '"threads"' -e '"machine"' | sed 's/,$//' | sort | cksum)" ;;
        log.tsv)   echo "$f $(cut -f 1-4,6- log.tsv | cksum)" ;;
        plots.tsv) echo "$f $(sort plots.tsv | cksum)" ;;
        checkpoint*) ;;
        *) echo "$f $(cksum < "$f")" ;;
        esac
    done)
}

alike() {       # alike FOLDER FOLDER: what differs goes to $dir/said
    essence "$1" > "$dir/want"
    essence "$2" > "$dir/got"
    diff "$dir/want" "$dir/got" > "$dir/said"
}

same() {        # same NAME FOLDER FOLDER
    alike "$2" "$3"
    ok $? "$1" "$dir/said"
}
