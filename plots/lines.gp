# lines.gp - curves over a common axis.
#
#     gnuplot -c plots/lines.gp IN.tsv OUT.png TITLE "X LABEL" "Y LABEL" LOGARITHMIC COLUMNS
#
# IN.tsv has a header; its first column is x, each other column a curve called as its header says.  LOGARITHMIC names the
# axes with a logarithmic scale: x, y, xy or -; a 1 in it says that y is a share, drawn from 0 to 1, and x too if it ends
# at 1; a b, that the legend is at the bottom.  nan leaves a gap.

columns = int(ARG7)
set datafile separator "\t"
set datafile missing "nan"
set datafile columnheaders

set terminal pngcairo size 900, 520 noenhanced font "Sans,12" background rgb "white"
set output ARG2
set title ARG3 font "Sans,13"
set xlabel ARG4
set ylabel ARG5
stats ARG1 using 1 nooutput name "N"
if (strstrt(ARG6, "x")) {
    set logscale x
    set xtics ()
    do for [power = -10:20] { set xtics add (sprintf("%g", 2.0 ** power) 2.0 ** power) }
    stats ARG1 using 1 nooutput name "X"
}
if (strstrt(ARG6, "y")) {
    set logscale y
    set ytics ()
    low = 1e300
    high = 0
    do for [i = 2:columns] {
        stats ARG1 using (column(i) > 0 ? column(i) : NaN) nooutput name "Y"
        low = Y_min < low ? Y_min : low
        high = Y_max > high ? Y_max : high
    }
    set yrange [low / 1.15:high * 1.15]
    do for [decade = -12:12] { do for [digit in "1 2 3 5 7"] {
        tic = real(digit) * 10.0 ** decade
        if (tic >= low / 1.15 && tic <= high * 1.15) { set ytics add (sprintf("%g", tic) tic) }
    } }
}
if (strstrt(ARG6, "x")) { set xrange [X_min / 1.1:X_max * 1.1] }
set grid ytics xtics lc rgb "#e4e4e4" lt 1
set tics nomirror out
set border 3 lc rgb "#404040"
set key top right samplen 2 spacing 1.2
if (strstrt(ARG6, "b")) { set key bottom right }
if (!strstrt(ARG6, "y")) { set offsets graph 0.02, graph 0.02, graph 0.05, graph 0.05 }
if (strstrt(ARG6, "1")) {
    unset offsets
    set yrange [0:1.02]
    if (N_max == 1) { set xrange [0:1.01] }
    set key right center
}
points = N_records < 60 ? 0.9 : 0
array colour[6] = [0xbd1f01, 0x3f90da, 0x832db6, 0xe76300, 0x717581, 0xa96b59]
plot for [i = 2:columns] ARG1 using 1:i with linespoints lw 2 pt 7 ps points dt 1 + (i > 3) lc rgb colour[(i - 2) % 6 + 1] title columnheader(i)
