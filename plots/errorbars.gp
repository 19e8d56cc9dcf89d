# errorbars.gp - means with their standard deviations over a common axis.
#
#     gnuplot -c plots/errorbars.gp IN.tsv OUT.png TITLE "X LABEL" "Y LABEL" LOGARITHMIC CURVES
#
# IN.tsv has a header; its first column is x, then two columns for each curve: the mean, called as its header says, and the
# deviation.  LOGARITHMIC is x or -.  Curves are moved a little to the side, so that bars do not hide each other.

curves = int(ARG7)
set datafile separator "\t"
set datafile columnheaders

set terminal pngcairo size 900, 520 noenhanced font "Sans,12" background rgb "white"
set output ARG2
set title ARG3 font "Sans,13"
set xlabel ARG4
set ylabel ARG5
stats ARG1 using 1 nooutput name "X"
if (strstrt(ARG6, "x")) {
    set logscale x
    set xrange [X_min / 1.6:X_max * 1.6]
}
set grid ytics lc rgb "#e4e4e4" lt 1
set tics nomirror out
set border 3 lc rgb "#404040"
set key bottom right samplen 2 spacing 1.2
set offsets 0, 0, graph 0.05, graph 0.05
array colour[6] = [0xbd1f01, 0x3f90da, 0x832db6, 0xe76300, 0x717581, 0xa96b59]
array shape[6] = [7, 5, 9, 11, 13, 6]
side(i) = strstrt(ARG6, "x") ? 1.04 ** (i - (curves - 1) / 2.0) : 1
plot for [i = 0:curves - 1] ARG1 using (column(1) * side(i)):2 * i + 2:2 * i + 3 with yerrorlines lw 2 pt shape[i + 1] ps 1.1 lc rgb colour[i + 1] title columnheader(2 * i + 2)
