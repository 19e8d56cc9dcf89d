# growth.gp - gnuplot -c bench/growth.gp IN.tsv OUT.png GROWING "TITLE" COLUMN "UNIT": one picture of growth.c's table
set terminal pngcairo size 720,480 font "Sans,11"
set output ARG2
set title ARG4
set xlabel (ARG3 eq "size" ? "side of the image, pixels" : ARG3 eq "depth" ? "further layers of the same width" : ARG3 eq "width" ? "width: units, or channels of the first convolution" : "images in a batch")
set ylabel ARG6
set logscale xy
set grid lt 1 lc rgb "#dddddd"
set autoscale xfix
set offsets graph 0.02, graph 0.02, 0, 0
set key top left
column = int(ARG5)
pick(net) = sprintf("< awk -F'\t' '$1 == \"%s\" && $2 == \"%s\"' '%s'", ARG3, net, ARG1)
set xtics (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096)
if (ARG3 eq "size") set xtics (28, 56, 84, 112, 168, 224)
plot pick("cnn") using 3:column with linespoints lw 2 pt 7 lc rgb "#3f90da" title "convolutional", \
     pick("fc")  using 3:column with linespoints lw 2 pt 5 lc rgb "#bd1f01" title "fully connected"
