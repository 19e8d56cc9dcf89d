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

# A class is labelled at its median, which a few strays cannot move; a class without points has none.
array cx[classes]
array cy[classes]
do for [k = 1:classes] {
    stats ARG1 skip 1 using ($3 == k - 1 && $4 == 0 ? 1 : 0) nooutput name "N"
    cx[k] = NaN
    cy[k] = NaN
    if (N_sum > 0) {
        stats ARG1 skip 1 using ($3 == k - 1 && $4 == 0 ? $1 : NaN) nooutput name "X"
        stats ARG1 skip 1 using ($3 == k - 1 && $4 == 0 ? $2 : NaN) nooutput name "Y"
        cx[k] = X_median
        cy[k] = Y_median
    }
}

set size ratio -1
set border lc rgb "#a0a0a0"
unset tics
set offsets graph 0.03, graph 0.03, graph 0.03, graph 0.03
set key outside right center samplen 1 spacing 1.3

# White copies a little aside in eight directions are a halo: text stays readable on every colour.  Later things in this
# list lie on top of earlier ones: points, class names, then the marked points and theirs.
dx(i) = word("-1 1 0 0 -1 -1 1 1 0", i) + 0.0
dy(i) = word("0 0 -1 1 -1 1 -1 1 0", i) + 0.0
away(x, label) = x < cx[int(label) + 1] ? -1 : 1      # a marked point has its name on the side away from its class name
plot for [k = 0:classes-1] ARG1 skip 1 using ($3 == k && $4 == 0 ? $1 : NaN):2 with points pt 7 ps size \
         lc rgb colour[k % 10 + 1] notitle, \
     for [k = 0:classes-1] NaN with points pt 7 ps 1.4 lc rgb colour[k % 10 + 1] title sprintf("%d", k), \
     for [i = 1:9] cx using (cx[$1]):(cy[$1]):(sprintf("%d", $1 - 1)) with labels font "Sans Bold,20" \
         textcolor rgb (i < 9 ? "white" : "black") offset character 0.3 * dx(i), character 0.15 * dy(i) notitle, \
     ARG1 skip 1 using ($4 == 1 ? $1 : NaN):2 with points pt 7 ps 1.5 lc rgb "white" notitle, \
     ARG1 skip 1 using ($4 == 1 ? $1 : NaN):2 with points pt 7 ps 1.0 lc rgb "black" title (marks ? ARG5 : ""), \
     for [side = -1:1:2] for [i = 1:9] ARG1 skip 1 using ($4 == 1 && side == away($1, $3) ? $1 : NaN):2:(sprintf("%d", $3)) \
         with labels font "Sans,11" textcolor rgb (i < 9 ? "white" : "black") \
         offset character 1.2 * side + 0.2 * dx(i), character 0.1 * dy(i) notitle
