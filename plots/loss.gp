# loss.gp - the losses of a run, epoch by epoch, from its log.tsv.
#
#     gnuplot -c plots/loss.gp log.tsv OUT.png TITLE [LAST ["NET NET ..."]]
#
# Draws the columns train_loss and test_loss against epoch; LAST > 0 draws the last LAST epochs only.  The scale is
# logarithmic where the losses span more than a factor of three.  Where the log has several networks their names, as the
# column net has them, are given as words; each gets a colour.

last = ARGC >= 4 ? int(ARG4) : 0
nets = ARGC >= 5 && ARG5 ne "-" ? ARG5 : ""
set datafile separator "\t"
set datafile missing "nan"
set datafile columnheaders

set terminal pngcairo size 900, 520 noenhanced font "Sans,12" background rgb "white"
set output ARG2
set title ARG3 font "Sans,13"

stats ARG1 using (column("epoch")):(column("train_loss")) nooutput name "R"
if (!exists("R_max_x")) {
    set label "every loss of this run is NaN: it diverged" at graph 0.5, 0.5 center
    plot [0:1][0:1] NaN notitle
    exit
}
from = last > 0 && R_max_x - last > R_min_x - 1 ? R_max_x - last + 1 : R_min_x
inside(e, v) = e >= from ? v : NaN
stats ARG1 using (inside(column("epoch"), column("train_loss"))) nooutput name "A"
stats ARG1 using (inside(column("epoch"), column("test_loss"))) nooutput name "B"
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
if (words(nets) > 1) { set key outside }
points = R_max_x - from < 60 ? 0.9 : 0
array colour[6] = [0xbd1f01, 0x3f90da, 0x832db6, 0xe76300, 0x717581, 0xa96b59]
of(net, v) = strcol("net") eq net ? v : NaN
if (nets eq "") {
    plot ARG1 using "epoch":"train_loss" with linespoints lw 2 pt 7 ps points lc rgb colour[1] title "training (mean of the batches)", \
         ARG1 using "epoch":"test_loss" with linespoints lw 2 pt 6 ps points lc rgb colour[2] title "test"
} else {
    plot for [i = 1:words(nets)] ARG1 using (column("epoch")):(of(word(nets, i), column("train_loss"))) \
             with linespoints lw 2 pt 7 ps points lc rgb colour[i] title word(nets, i) . ", training", \
         for [i = 1:words(nets)] ARG1 using (column("epoch")):(of(word(nets, i), column("test_loss"))) \
             with linespoints lw 2 dt 2 pt 6 ps points lc rgb colour[i] title word(nets, i) . ", test"
}
