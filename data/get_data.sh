#!/bin/sh
# get_data.sh - gets MNIST and the letters of EMNIST: fetched, or taken from a folder; checked; unpacked
#
#     sh get_data.sh [mnist] [emnist] [DIR]
#
# Without a name it gets both, MNIST first. They land in DIR/mnist and DIR/emnist; DIR is this script's own folder
# unless given. A file that is already there and good is left alone, and an interrupted download goes on where it
# stopped.
#
#     FROM=FOLDER sh get_data.sh        takes the files from FOLDER, and fetches nothing
#     AUTOENC_DATA=FOLDER               the same, but fetches what FOLDER does not hold
#     MNIST_URL=URL  EMNIST_URL=URL     a mirror of your own, used instead of ours: a folder of .gz files, with the
#                                       slash at its end, or for EMNIST a .zip with those files in a folder gzip/
#
# In FOLDER the files may be unpacked or .gz, and lie in mnist/ and emnist/, in MNIST/raw/ and EMNIST/raw/ (as
# torchvision leaves them), in gzip/, or directly in FOLDER.
#
# Exit status: 0 done, or nothing could be fetched (the lessons then go on with the built-in strokes);
# 1 something was found and is damaged, or cannot be written; 2 a bad option; 130 interrupted.

set -u
LC_ALL=C
export LC_ALL

# ---- Where the data comes from ---------------------------------------------------------------------------------------

# MNIST: the first is the mirror that torchvision uses (torchvision/datasets/mnist.py), the second is the one of the
# Common Visual Data Foundation (README of github.com/cvdfoundation/mnist).
mnist_mirror=https://ossci-datasets.s3.amazonaws.com/mnist/
mnist_copy=https://storage.googleapis.com/cvdf-datasets/mnist/

# EMNIST: the first is the official archive of all six sets, 540 MB (nist.gov/itl/products-and-services/emnist-dataset;
# torchvision/datasets/mnist.py has the address and the MD5 below). The second is a copy of the letters alone, 36 MB,
# at a fixed revision of huggingface.co/datasets/tanganke/emnist_letters, folder raw.
emnist_zip=https://biometrics.nist.gov/cs_links/EMNIST/gzip.zip
emnist_zip_md5=58c8d27c78d21e728a6bc7b3cc06412e
emnist_copy=https://huggingface.co/datasets/tanganke/emnist_letters/resolve/
emnist_copy=${emnist_copy}0527717d2eab6213e6a5d92ca4edbc5907caf2f5/raw/

mnist_files='train-images-idx3-ubyte train-labels-idx1-ubyte t10k-images-idx3-ubyte t10k-labels-idx1-ubyte'
emnist_files='emnist-letters-train-images-idx3-ubyte emnist-letters-train-labels-idx1-ubyte
              emnist-letters-test-images-idx3-ubyte emnist-letters-test-labels-idx1-ubyte'

# What is known of the file $name: how many images or labels the official one has, and, for MNIST, the SHA-256 of the
# unpacked file. The sums that loaders publish are those of one particular .gz, and say nothing about other good ones.
facts() {
    sum=
    case $name in
    train-images-idx3-ubyte) official=60000 sum=ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db ;;
    train-labels-idx1-ubyte) official=60000 sum=65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5 ;;
    t10k-images-idx3-ubyte)  official=10000 sum=0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7 ;;
    t10k-labels-idx1-ubyte)  official=10000 sum=ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2 ;;
    emnist-letters-train-*)  official=124800 ;;
    emnist-letters-test-*)   official=20800 ;;
    esac
}

# ---- Checking --------------------------------------------------------------------------------------------------------

say() { printf 'get_data.sh: %s\n' "$*"; }

have() { command -v "$1" >/dev/null 2>&1; }

# Prints the SHA-256 of the file $1, or nothing where no tool can tell.
sha256() {
    if have sha256sum; then sha256sum <"$1"
    elif have shasum; then shasum -a 256 <"$1"
    elif have openssl; then openssl dgst -sha256 -r <"$1"
    fi | cut -d ' ' -f 1
}

md5() {
    if have md5sum; then md5sum <"$1"
    elif have openssl; then openssl dgst -md5 -r <"$1"
    fi | cut -d ' ' -f 1
}

# Reads the IDX header of the file $1: the magic number must fit the name, and the count, which it leaves in $count,
# must fit the file's size.
check_header() {
    size=$(($(wc -c <"$1")))
    header=$(od -An -v -tu1 -N16 "$1" | tr -s ' \n' ' ' | sed 's/^ //; s/ $//')
    case $name:$header in
    *images*:'0 0 8 3 '*' 0 0 0 28 0 0 0 28') before=16 each=784 ;;
    *labels*:'0 0 8 1 '?*' '?*' '?*' '?*) before=8 each=1 ;;
    *) why='does not begin like an IDX file of its name'; return 1 ;;
    esac
    # shellcheck disable=SC2086
    set -- $header
    count=$((($5 * 256 + $6) * 65536 + $7 * 256 + $8))
    [ "$count" -gt 0 ] && [ "$size" -eq $((before + each * count)) ] && return 0
    why="is $size bytes long, and its header promises $((before + each * count))"
    return 1
}

# EMNIST's letters are labelled 1..26.
check_letters() {
    case $name in *emnist*labels*) ;; *) return 0 ;; esac
    od -An -v -tu1 -j8 "$1" | awk '{ for (i = 1; i <= NF; i++) if ($i < 1 || $i > 26) exit 1 }' && return 0
    why='has labels outside 1..26'
    return 1
}

# Is the unpacked file $1 a good $name? Leaves the reason in $why. EMNIST is judged by its header: its official sums are
# not known to us, and a copy with another count is of use where the user offers it; our mirrors ($strict) have the
# official one.
check() {
    facts
    check_header "$1" && check_letters "$1" || return 1
    if [ -n "$sum$strict" ] && [ "$count" -ne "$official" ]; then
        why="has $count, and the official file has $official"
        return 1
    fi
    [ -n "$sum" ] || return 0
    got=$(sha256 "$1")
    [ "${got:-$sum}" = "$sum" ] && return 0
    why='is not the original: its SHA-256 differs'
    return 1
}

# Train and test each need as many labels as images; two copies of EMNIST, mixed, may not have them.
check_pairs() {
    for name in $1; do
        [ -f "$dir/$set/$name" ] && check_header "$dir/$set/$name" || return 0
        case $name in
        *images*) images=$count ;;
        *) [ "$count" -eq "$images" ] || damaged "$dir/$set/$name has $count labels, for $images images" ;;
        esac
    done
}

damaged() { say "$*"; status=1; }

# ---- Putting a file in place -----------------------------------------------------------------------------------------

# Unpacks or copies $1 beside its final place, checks it there, and only then gives it its name.
put() {
    new=$dir/$set/.$name.$$.new
    why='cannot be unpacked or copied'
    case $1 in
    *.gz | *.part) gzip -dc <"$1" >"$new" 2>/dev/null ;;
    *) cat <"$1" >"$new" ;;
    esac && check "$new" && mv -f "$new" "$dir/$set/$name" && return 0
    rm -f "$new"
    return 1
}

report() {
    facts
    note=
    [ "$count" -eq "$official" ] || note=" (the official file has $official)"
    say "$set/$name: $count$note, $1"
}

# ---- From a folder ---------------------------------------------------------------------------------------------------

# Tries each place in the folder $1 where the file may lie. 0: taken. 1: not there. 2: there, and damaged.
take() {
    upper=$(echo "$set" | tr '[:lower:]' '[:upper:]')
    found=1
    for place in "$1/$set/$name" "$1/$upper/raw/$name" "$1/gzip/$name" "$1/$name"; do
        for file in "$place" "$place.gz"; do
            if [ ! -f "$file" ] || [ "$file" = "$dir/$set/$name" ]; then continue; fi
            put "$file" && report "taken from $file" && return 0
            say "$file $why"
            found=2
        done
    done
    return "$found"
}

# ---- From the network ------------------------------------------------------------------------------------------------

progress=-s
[ -t 2 ] && progress=--progress-bar

# Fetches the address $1 into the file $2, going on where an earlier run stopped. A server that cannot do that
# (curl: 33) is asked for the whole file. $code is what curl or wget said: 0 all is there, 22 (wget: 8) the server
# refused, as it also does when all was there already.
fetch() {
    if have curl; then
        fetch_by_curl "$1" "$2" -C -
        [ "$code" -eq 33 ] && rm -f "$2" && fetch_by_curl "$1" "$2"
    else
        wget -c -q -t 2 -T 20 -O "$2" "$1"
        code=$?
        [ "$code" -ne 8 ] || code=22
    fi
    [ -s "$2" ] || { rm -f "$2"; return 1; }
    [ "$code" -eq 0 ] || [ "$code" -eq 22 ]
}

fetch_by_curl() {
    url_=$1 to=$2
    shift 2
    curl -fL --retry 2 --connect-timeout 15 "$progress" "$@" -o "$to" "$url_"
    code=$?
}

# Fetches $name.gz from the folder at the address $1. A whole file that is no good is thrown away; half a file is kept
# for next time. The mirrors' .gz files may differ, so each has a part of its own ($2).
fetch_file() {
    part=$dir/$set/.$name.$2.part
    fetch "$1$name.gz" "$part" || return 1
    put "$part" && rm -f "$part" && return 0
    [ "$code" -ne 0 ] || spoil "$1$name.gz $why"
    rm -f "$part"
    return 1
}

# Writes the file $2 out of the archive $1 to standard output. macOS's tar reads zip archives, GNU's does not.
unzip_member() {
    if have unzip; then unzip -p "$1" "$2"
    elif have bsdtar; then bsdtar -xOf "$1" "$2"
    else tar -xOf "$1" "$2"
    fi
}

can_unzip() { have unzip || have bsdtar || tar --version 2>/dev/null | grep -q bsdtar; }

# Fetches the archive at the address $1, once for all four files; the official one must have the MD5 that we know.
fetch_archive() {
    [ -z "$zip_ready" ] || return 0
    can_unzip || { say "there is no unzip here, so $1 is left out"; return 1; }
    [ "$1" != "$emnist_zip" ] || say 'fetching the official archive of EMNIST, 540 MB'
    fetch "$1" "$zip" || return 1
    got=$(md5 "$zip")
    if [ "$1" = "$emnist_zip" ] && [ "${got:-$emnist_zip_md5}" != "$emnist_zip_md5" ]; then
        spoil "$1: its MD5 differs"
        rm -f "$zip"
        return 1
    fi
    zip_ready=yes
}

fetch_member() {
    zip=$dir/$set/.archive.part
    fetch_archive "$1" || return 1
    part=$dir/$set/.$name.zip.part
    why='is not in the archive'
    unzip_member "$zip" "gzip/$name.gz" >"$part" 2>/dev/null && put "$part" && rm -f "$part" && return 0
    spoil "$1: $name $why"
    rm -f "$part"
    return 1
}

# Tries each mirror of the set in turn.
download() {
    [ -z "$offline" ] || return 1
    have curl || have wget || { offline='neither curl nor wget is installed'; return 1; }
    number=0
    case $set in
    mnist) urls=${MNIST_URL:-"$mnist_mirror $mnist_copy"} ;;
    emnist) urls=${EMNIST_URL:-"$emnist_zip $emnist_copy"} ;;
    esac
    if [ "$set" = emnist ] && [ -z "${EMNIST_URL:-}" ]; then strict=yes; fi
    for url in $urls; do
        number=$((number + 1))
        case $url in
        *.zip) fetch_member "$url" ;;
        *) fetch_file "$url" "$number" ;;
        esac && report "fetched from ${url%/*}/" && return 0
    done
    offline="no mirror gave $name (last exit status of curl or wget: ${code:-none})"
    return 1
}

# ---- All of it -------------------------------------------------------------------------------------------------------

# Something was found damaged; it is an error only if nothing better turns up.
spoil() { spoiled=$*; say "$*"; }

# Gets the file $name of the set $set, from the best place that has it.
get() {
    spoiled='' strict=''
    if [ -f "$dir/$set/$name" ]; then
        check "$dir/$set/$name" && report 'already there' && return 0
        spoil "$dir/$set/$name $why"
    fi
    for folder in "$given" "$dir"; do
        [ -n "$folder" ] || continue
        take "$folder"
        case $? in
        0) return 0 ;;
        2) status=1; return 1 ;;
        esac
    done
    [ -z "${FROM:-}" ] && download && return 0
    [ -z "$spoiled" ] || status=1
    return 1
}

# Gets the four files $1 of the set $set; after the first that no mirror gives, the network is left alone.
get_set() {
    zip_ready='' complete=yes
    for name in $1; do
        if get; then taken=yes; else complete=''; fi
    done
    if [ -n "$complete" ]; then
        rm -f "$dir/$set"/.*.part
        check_pairs "$1"
    else
        lacking="$lacking $set"
    fi
}

usage() { sed -n '2,/^$/s/^# \{0,1\}//p' "$0"; }

# shellcheck disable=SC2317   # called by the trap
# Only the copy being written is removed: a partial download stays, for the next run.
clean() { rm -f "$dir"/mnist/.*."$$".new "$dir"/emnist/.*."$$".new; }

here=$(cd "$(dirname "$0")" && pwd) || exit 1
dir=$here sets='' status=0 offline='' taken='' lacking=''
for argument; do
    case $argument in
    -h | --help) usage; exit 0 ;;
    mnist | emnist) sets="$sets $argument" ;;
    -*) say "unknown option $argument (--help prints what there is)" >&2; exit 2 ;;
    *) dir=$argument ;;
    esac
done
sets=${sets:-mnist emnist}

given=${FROM:-${AUTOENC_DATA:-}}
if [ -n "$given" ]; then
    given=$(cd "$given" 2>/dev/null && pwd) || { say "${FROM:-$AUTOENC_DATA} is not a folder" >&2; exit 2; }
fi
for set in $sets; do mkdir -p "$dir/$set" || exit 1; done
dir=$(cd "$dir" && pwd) || exit 1

trap clean EXIT
trap 'exit 130' INT TERM HUP
for set in $sets; do
    case $set in
    mnist) get_set "$mnist_files" ;;
    emnist) get_set "$emnist_files" ;;
    esac
done

if [ -n "$lacking" ]; then
    say "not complete:$lacking; ${offline:-$given does not hold good copies of all files}."
    say "The lessons go on with the built-in strokes; FROM=FOLDER sh $0 takes files that you have."
fi
if [ -n "${FROM:-}" ] && [ -z "$taken" ] && [ "$status" -eq 0 ]; then
    say "$FROM holds none of the files."
    status=1
fi
exit "$status"
