# scatter.gp - points in the plane, coloured by class, with the class written where its points are.
#
#     gnuplot -c plots/scatter.gp IN.tsv OUT.png TITLE CLASSES "NAME OF THE MARKED"
#
# IN.tsv has a header and the columns x, y, label (0 .. CLASSES-1) and mark.  Points with mark 1 are drawn in black on
# top of the others, with their label beside them.  The ten colours (petroff10) stay apart in every kind of colour vision.

classes = int(ARG4)
array colour[10] = [0x3f90da, 0xffa90e, 0xbd1f01, 0x94a4a2, 0x832db6, 0xa96b59, 0xe76300, 0xb9ac70, 0x717581, 0x92dadd]
set datafile separator "\t"

set terminal pngcairo size 900, 760 noenhanced font "Sans,12" background rgb "white"
set output ARG2
set title ARG3 font "Sans,13"

stats ARG1 skip 1 using 1:2 nooutput name "A"
marks = 0
stats ARG1 skip 1 using 4 nooutput name "M"
marks = int(M_sum)
size = A_records > 5000 ? 0.30 : A_records > 1000 ? 0.45 : 0.7

# A class is labelled at its median, which a few strays cannot move.
array cx[classes]
array cy[classes]
do for [k = 0:classes-1] {
    stats ARG1 skip 1 using ($3 == k && $4 == 0 ? $1 : NaN) nooutput name "X"
    stats ARG1 skip 1 using ($3 == k && $4 == 0 ? $2 : NaN) nooutput name "Y"
    cx[k + 1] = X_median
    cy[k + 1] = Y_median
}

set size ratio -1
set border lc rgb "#a0a0a0"
unset tics
set offsets graph 0.03, graph 0.03, graph 0.03, graph 0.03
set key outside right center samplen 1 spacing 1.3

# A white shadow in eight directions is the halo: the digit stays readable on every colour.
halo = "-1,0 1,0 0,-1 0,1 -1,-1 -1,1 1,-1 1,1"
dx(i) = real(word(halo, i)[1:strstrt(word(halo, i), ",") - 1])
dy(i) = real(word(halo, i)[strstrt(word(halo, i), ",") + 1:*])
do for [k = 1:classes] {
    do for [i = 1:8] {
        set label sprintf("%d", k - 1) at cx[k], cy[k] center front font "Sans Bold,20" textcolor rgb "white" \
            offset character 0.3 * dx(i), character 0.15 * dy(i)
    }
    set label sprintf("%d", k - 1) at cx[k], cy[k] center front font "Sans Bold,20" textcolor rgb "black"
}

plot for [k = 0:classes-1] ARG1 skip 1 using ($3 == k && $4 == 0 ? $1 : NaN):2 with points pt 7 ps size \
         lc rgb colour[k % 10 + 1] notitle, \
     for [k = 0:classes-1] NaN with points pt 7 ps 1.4 lc rgb colour[k % 10 + 1] title sprintf("%d", k), \
     ARG1 skip 1 using ($4 == 1 ? $1 : NaN):2 with points pt 7 ps 1.3 lc rgb "white" notitle, \
     ARG1 skip 1 using ($4 == 1 ? $1 : NaN):2 with points pt 7 ps 1.0 lc rgb "black" title (marks ? ARG5 : ""), \
     ARG1 skip 1 using ($4 == 1 ? $1 : NaN):2:(sprintf("%d", $3)) with labels offset character 1.1, character 0.4 \
         font "Sans,11" textcolor rgb "black" notitle
