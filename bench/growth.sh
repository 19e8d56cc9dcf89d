#!/bin/sh
# growth.sh [THREADS]: measures how a training step grows (some two minutes) and draws bench/pictures/growth_*.png.  `make growth`

cd "$(dirname "$0")/.." || exit 3
dir=$(mktemp -d) || exit 3
trap 'rm -rf "$dir"' EXIT
${CC:-cc} ${CFLAGS:--O2} -I. bench/growth.c -o "$dir/growth" -lm -lpthread || exit 3
mkdir -p bench/results bench/pictures
"$dir/growth" "${1:-2}" > "$dir/growth.tsv" || exit 3
mv "$dir/growth.tsv" bench/results/growth.tsv
for what in batch width depth size; do
    gnuplot -c bench/growth.gp bench/results/growth.tsv "bench/pictures/growth_$what.png" $what "Training: time against $what" 4 "microseconds an image" || exit 3
done
gnuplot -c bench/growth.gp bench/results/growth.tsv bench/pictures/growth_memory.png batch "Training: memory against batch" 5 "MiB held by the library" || exit 3
echo "bench/results/growth.tsv, bench/pictures/growth_*.png"
