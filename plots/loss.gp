# loss.gp - the losses of a run, epoch by epoch, from its log.tsv.
#
#     gnuplot -c plots/loss.gp log.tsv OUT.png TITLE [LAST]
#
# Draws the columns train_loss and test_loss against epoch; LAST > 0 draws the last LAST epochs only.  The scale is
# logarithmic where the losses span more than a factor of three.

last = ARGC >= 4 ? int(ARG4) : 0
set datafile separator "\t"
set datafile missing "nan"

set terminal pngcairo size 900, 520 noenhanced font "Sans,12" background rgb "white"
set output ARG2
set title ARG3 font "Sans,13"

stats ARG1 skip 1 using 1:3 nooutput name "R"
if (!exists("R_max_x")) {
    set label "every loss of this run is NaN: it diverged" at graph 0.5, 0.5 center
    plot [0:1][0:1] NaN notitle
    exit
}
from = last > 0 && R_max_x - last > R_min_x - 1 ? R_max_x - last + 1 : R_min_x
inside(e, v) = e >= from ? v : NaN
stats ARG1 skip 1 using (inside($1, $3)) nooutput name "A"
stats ARG1 skip 1 using (inside($1, $4)) nooutput name "B"
low  = exists("B_min") && B_min < A_min ? B_min : A_min
high = exists("B_max") && B_max > A_max ? B_max : A_max

set xlabel "epoch"
set ylabel "loss"
set xrange [from - 0.5:R_max_x + 0.5]
set yrange [low / 1.08:high * 1.08]
set format y "%.4g"
if (high > 3 * low && low > 0) {
    set logscale y
    set ytics ()
    do for [decade = -12:12] { do for [digit in "1 2 3 5 7"] {
        tic = real(digit) * 10.0 ** decade
        if (tic >= low / 1.08 && tic <= high * 1.08) { set ytics add (sprintf("%g", tic) tic) }
    } }
}
set grid ytics xtics lc rgb "#e4e4e4" lt 1
set tics nomirror out
set border 3 lc rgb "#404040"
if (R_max_x - from < 12) { set xtics 1 }
set key top right samplen 2 spacing 1.2
points = R_max_x - from < 60 ? 0.9 : 0
plot ARG1 skip 1 using 1:3 with linespoints lw 2 pt 7 ps points lc rgb "#bd1f01" title "training (mean of the batches)", \
     ARG1 skip 1 using 1:4 with linespoints lw 2 pt 6 ps points lc rgb "#3f90da" title "test"
