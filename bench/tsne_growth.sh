#!/bin/sh
# tsne_growth.sh [COUNT ...]: our t-SNE beside openTSNE on so many MNIST digits (5000 10000 20000), 64 principal components each.
#     VENV=~/.cache/autoenc-venv AUTOENC_DATA=data sh bench/tsne_growth.sh
# The environment needs scikit-learn and openTSNE; THREADS is 2.  Prints a line for each program and count.

cd "$(dirname "$0")/.." || exit 3
python=${VENV:-${XDG_CACHE_HOME:-$HOME/.cache}/autoenc-venv}/bin/python
threads=${THREADS:-2}
dir=$(mktemp -d) || exit 3
trap 'rm -rf "$dir"' EXIT
[ $# -gt 0 ] || set -- 5000 10000 20000
for images in "${AUTOENC_DATA:-data}/mnist/train-images-idx3-ubyte" "${AUTOENC_DATA:-data}/train-images-idx3-ubyte"; do [ -f "$images" ] && break; done
${CC:-cc} ${CFLAGS:--O2} bench/bench_tsne.c -o "$dir/bench_tsne" -lm -lpthread || exit 3
for count in "$@"; do
    "$python" bench/tsne_others.py --make "$count" --images "$images" "$dir/codes.npy" || exit 3
    "$dir/bench_tsne" "$dir/codes.npy" "$threads" || exit 3
    "$python" bench/tsne_others.py "$dir/codes.npy" --by openTSNE --threads "$threads" || exit 3
done
