#!/bin/sh
# test_get_data.sh - data/get_data.sh against small made-up folders and mirrors; no network
#
# The made-up files are EMNIST's, which are judged by their headers; MNIST's are judged by their sums, so that only
# real ones can pass: those of $AUTOENC_DATA, where it is set.

set -u
LC_ALL=C
export LC_ALL
here=$(cd "$(dirname "$0")" && pwd)
script=$here/../data/get_data.sh
real=${AUTOENC_DATA:-}
unset FROM AUTOENC_DATA MNIST_URL EMNIST_URL
nowhere=file:///there/is/no/such/folder/

work=$(mktemp -d "${TMPDIR:-/tmp}/get_data.XXXXXX") || exit 1
work=$(cd "$work" && pwd)
server=
# shellcheck disable=SC2317   # called by the trap
clean() { [ -z "$server" ] || kill "$server" 2>/dev/null; rm -rf "$work"; }
trap clean EXIT
trap 'exit 130' INT TERM HUP

# ---- TAP -------------------------------------------------------------------------------------------------------------

tests=0 failures=0

# The test $1 passes where the command after it succeeds.
ok() {
    what=$1
    shift
    tests=$((tests + 1))
    if "$@"; then
        echo "ok $tests - $what"
    else
        echo "not ok $tests - $what"
        sed 's/^/# /' "$work/log"
        failures=$((failures + 1))
    fi
}

skip() { tests=$((tests + 1)); echo "ok $tests - $1 # SKIP $2"; }

# ---- Made-up files ---------------------------------------------------------------------------------------------------

train_images=emnist-letters-train-images-idx3-ubyte
train_labels=emnist-letters-train-labels-idx1-ubyte
test_images=emnist-letters-test-images-idx3-ubyte
test_labels=emnist-letters-test-labels-idx1-ubyte

# Four files in the folder $1: three training images and two test images.
make_set() {
    mkdir -p "$1"
    { printf '\000\000\010\003\000\000\000\003\000\000\000\034\000\000\000\034'; squares 3; } >"$1/$train_images"
    { printf '\000\000\010\003\000\000\000\002\000\000\000\034\000\000\000\034'; squares 2; } >"$1/$test_images"
    printf '\000\000\010\001\000\000\000\003\001\032\005' >"$1/$train_labels"
    printf '\000\000\010\001\000\000\000\002\002\003' >"$1/$test_labels"
}

squares() { awk -v n="$1" 'BEGIN { for (i = 0; i < n * 784; i++) printf "%c", 65 + (i * i + i / 7) % 50 }'; }

make_gz() { make_set "$1" && gzip -f "$1"/emnist-*; }

# Runs the script on an empty folder "out", unless the test has put something there.
run() { ( "$@" ) >"$work/log" 2>&1; echo "$?" >"$work/code"; }

fresh() { rm -rf "$work/out" "$work/from"; mkdir "$work/out" "$work/from"; }

code_is() { [ "$(cat "$work/code")" = "$1" ]; }

says() { grep -q -e "$1" "$work/log"; }

# All four are there as made, and nothing else is, half-written or left over.
arrived() { make_set "$work/like" && diff -r "$work/like" "$work/out/emnist" >>"$work/log"; }

absent() { [ ! -e "$work/out/emnist/$1" ] && [ ! -e "$work/out/mnist/$1" ] && no_litter; }

no_litter() { [ -z "$(find "$work/out" -name '.*.new')" ]; }

both() { code_is "$1" && shift && "$@"; }

from() { run env FROM="$work/from" sh "$script" emnist "$work/out"; }

mirror() { run env EMNIST_URL="$1" sh "$script" emnist "$work/out"; }

# ---- Options ---------------------------------------------------------------------------------------------------------

fresh
run sh "$script" --help
ok '--help prints the usage' both 0 says 'AUTOENC_DATA=FOLDER'
run sh "$script" --hepl
ok 'an unknown option exits 2' both 2 says 'hepl'
run env FROM="$work/nothing" sh "$script" "$work/out"
ok 'a FROM that is no folder exits 2' both 2 says 'not a folder'

# ---- From a folder ---------------------------------------------------------------------------------------------------

fresh; make_set "$work/from/emnist"; from
ok 'unpacked files are taken from emnist/' both 0 arrived
ok 'a count that is not the official one is said' says 'train-images.*: 3 (the official file has 124800)'

before=$(ls -i "$work/out/emnist"); from
ok 'good files are left alone' both 0 [ "$before" = "$(ls -i "$work/out/emnist")" ]

fresh; make_gz "$work/from"; from
ok '.gz files directly in the folder are taken' both 0 arrived

fresh; make_gz "$work/from/EMNIST/raw"; from
ok "torchvision's folders are understood" both 0 arrived

fresh; make_gz "$work/out/emnist"; mirror "$nowhere"; rm -f "$work"/out/emnist/*.gz
ok '.gz files beside the final place are unpacked' both 0 arrived

fresh; make_set "$work/from"; run env AUTOENC_DATA="$work/from" EMNIST_URL="$nowhere" sh "$script" emnist "$work/out"
ok 'AUTOENC_DATA is a folder to take from' both 0 arrived

fresh; from
ok 'a FROM that holds nothing exits 1' both 1 says 'holds none'

fresh; make_set "$work/from"; rm "$work/from/$test_images"; from
ok 'a FROM that lacks one file exits 0 and says so' both 0 says 'not complete: emnist'

# ---- Damaged files ---------------------------------------------------------------------------------------------------

fresh; make_set "$work/from"; dd if="$work/from/$train_images" of="$work/cut" bs=1000 count=2 2>/dev/null
mv "$work/cut" "$work/from/$train_images"; from
ok 'a truncated file exits 1' both 1 absent "$train_images"
ok 'and its name is told' says "$train_images is 2000 bytes long, and its header promises 2368"

fresh; make_gz "$work/from"; dd if="$work/from/$train_images.gz" of="$work/cut" bs=64 count=1 2>/dev/null
mv "$work/cut" "$work/from/$train_images.gz"; from
ok 'a truncated .gz exits 1' both 1 absent "$train_images"

fresh; make_set "$work/from"; cp "$work/from/$train_labels" "$work/from/$train_images"; from
ok 'labels under the name of images exit 1' both 1 absent "$train_images"

fresh; make_set "$work/from"
{ printf '\000\000\010\003\000\000\000\003\000\000\000\016\000\000\000\070'; squares 3; } >"$work/from/$train_images"; from
ok 'images of 14 by 56 exit 1' both 1 absent "$train_images"

fresh; make_set "$work/from"; : >"$work/from/$test_labels"; from
ok 'an empty file exits 1' both 1 absent "$test_labels"

fresh; make_set "$work/from"; printf '\000\000\010\001\000\000\000\002\002\033' >"$work/from/$test_labels"; from
ok 'a label of 27 exits 1' both 1 absent "$test_labels"

fresh; make_set "$work/from"; printf '\000\000\010\001\000\000\000\001\002' >"$work/from/$test_labels"; from
ok 'two images with one label exit 1' both 1 says '1 labels, for 2 images'

fresh
{ printf '\000\000\010\001\000\000\047\020'; dd if=/dev/zero bs=10000 count=1 2>/dev/null; } >"$work/from/t10k-labels-idx1-ubyte"
run env FROM="$work/from" sh "$script" mnist "$work/out"
ok 'MNIST of the right size with the wrong bytes exits 1' both 1 absent t10k-labels-idx1-ubyte

fresh; make_set "$work/from"; make_set "$work/out/emnist"; echo more >>"$work/out/emnist/$train_images"; from
ok 'a damaged file in place is replaced by a good one' both 0 arrived

fresh; make_set "$work/out/emnist"; echo more >>"$work/out/emnist/$train_images"; mirror "$nowhere"
ok 'a damaged file in place with nothing better exits 1' both 1 [ -f "$work/out/emnist/$train_images" ]

# ---- Offline ---------------------------------------------------------------------------------------------------------

fresh; run env MNIST_URL="$nowhere" EMNIST_URL="$nowhere" sh "$script" "$work/out"
ok 'offline exits 0' both 0 says 'built-in strokes'
ok 'in two lines' [ "$(grep -c . "$work/log")" -eq 2 ]
ok 'and leaves no file' [ -z "$(find "$work/out" -type f)" ]

mkdir "$work/bin"
for tool in sh env dirname tr sed od wc cut awk gzip cat mv rm mkdir grep; do
    ln -s "$(command -v "$tool")" "$work/bin/$tool"
done
fresh; run env PATH="$work/bin" sh "$script" "$work/out"
ok 'without curl and wget it exits 0 and says why' both 0 says 'neither curl nor wget'
fresh; make_set "$work/from"; run env PATH="$work/bin" FROM="$work/from" sh "$script" emnist "$work/out"
ok 'without them, and without a tool for sums, a folder still serves' both 0 arrived

# ---- Mirrors ---------------------------------------------------------------------------------------------------------

test_mirrors() {
    fresh; make_gz "$work/from"; mirror "file://$work/from/"
    ok 'files are fetched from a mirror' both 0 arrived

    fresh; make_gz "$work/from"; mirror "$nowhere file://$work/from/"
    ok 'the second mirror serves where the first does not' both 0 arrived

    # The mirror's first 100 bytes are spoiled, so that only a download that goes on at byte 100 is good.
    fresh; make_gz "$work/from"; mkdir "$work/out/emnist"
    dd if="$work/from/$train_images.gz" of="$work/out/emnist/.$train_images.1.part" bs=100 count=1 2>/dev/null
    dd if=/dev/zero of="$work/from/$train_images.gz" bs=100 count=1 conv=notrunc 2>/dev/null
    mirror "file://$work/from/"
    ok 'a partial download goes on where it stopped' both 0 arrived

    fresh; make_gz "$work/from"; echo 'not a picture' | gzip >"$work/from/$train_images.gz"; mirror "file://$work/from/"
    ok 'a mirror with a damaged file exits 1' both 1 absent "$train_images"
    ok 'and the damaged download is not kept' [ -z "$(find "$work/out" -name '*.part')" ]

    rm -rf "$work/good"; make_gz "$work/good"; mirror "file://$work/from/ file://$work/good/"
    ok 'damaged at one mirror and good at the next exits 0' both 0 arrived

    fresh; make_gz "$work/from"; rm "$work/from/$test_labels.gz"; mirror "file://$work/from/"
    ok 'a mirror that lacks a file exits 0 and says which' both 0 says "no mirror gave $test_labels"
}

test_archive() {
    fresh; make_gz "$work/from/gzip"
    (cd "$work/from" && python3 -m zipfile -c set.zip gzip) || return
    mirror "file://$work/from/set.zip"
    ok 'an archive is fetched, and its four files taken out' both 0 arrived
    fresh; mkdir "$work/from/gzip"; echo x >"$work/from/gzip/x"
    (cd "$work/from" && python3 -m zipfile -c set.zip gzip) || return
    mirror "file://$work/from/set.zip"
    ok 'an archive without them exits 1' both 1 absent "$train_images"
}

# A server that knows no ranges: a partial download must begin again.
test_server() {
    fresh; make_gz "$work/from"; mkdir "$work/out/emnist"
    python3 -u -m http.server 0 --bind 127.0.0.1 --directory "$work/from" >"$work/server" 2>&1 &
    server=$!
    for _ in 1 2 3 4 5 6 7 8 9 10; do grep -q port "$work/server" 2>/dev/null && break; sleep 1; done
    port=$(sed -n 's/.* port \([0-9]*\) .*/\1/p' "$work/server")
    echo rubbish >"$work/out/emnist/.$train_images.1.part"
    run env no_proxy='*' EMNIST_URL="http://127.0.0.1:$port/" sh "$script" emnist "$work/out"
    ok 'a server without ranges is asked for the whole file' both 0 arrived
    ln -s "$(command -v wget)" "$work/bin/wget"
    rm -rf "$work/out"; mkdir "$work/out"
    run env no_proxy='*' PATH="$work/bin" EMNIST_URL="http://127.0.0.1:$port/" sh "$script" emnist "$work/out"
    ok 'wget serves where there is no curl' both 0 arrived
}

if command -v curl >/dev/null; then test_mirrors; else skip 'mirrors' 'no curl'; fi
if command -v curl >/dev/null && command -v unzip >/dev/null && command -v python3 >/dev/null; then
    test_archive
else
    skip 'an archive' 'no curl, unzip or python3'
fi
if command -v curl >/dev/null && command -v wget >/dev/null && command -v python3 >/dev/null; then
    test_server
else
    skip 'a server' 'no curl, wget or python3'
fi

# ---- The real files --------------------------------------------------------------------------------------------------

if [ -n "$real" ]; then
    fresh; run env FROM="$real" sh "$script" "$work/out"
    ok 'the real files are taken from AUTOENC_DATA' both 0 [ -f "$work/out/mnist/train-images-idx3-ubyte" ]
    printf 'x' | dd of="$work/out/mnist/t10k-images-idx3-ubyte" bs=1 seek=5000 conv=notrunc 2>/dev/null
    run env MNIST_URL="$nowhere" sh "$script" mnist "$work/out"
    ok 'one byte changed in MNIST is noticed' both 1 says 'SHA-256 differs'
else
    skip 'the real files' 'AUTOENC_DATA is not set'
fi

echo "1..$tests"
[ "$failures" -eq 0 ]
