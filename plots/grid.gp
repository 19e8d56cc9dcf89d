# grid.gp - small grey images in rows and columns, each pixel a square of whole screen pixels.
#
#     gnuplot -c plots/grid.gp IN.u8 OUT.png TITLE N COLUMNS GROUP "TOP LABELS" "ROW LABELS" [3]
#
# IN.u8 holds N images of 28 x 28 bytes, 0 black and 255 white, one after the other.  GROUP leaves a wider gap after
# every GROUP columns (pairs: 2; none: 0).  Labels are words; an underscore in them stands for a space; - is no labels.
# With 3, a pixel has three bytes: red, green and blue.

n       = int(ARG4)
columns = int(ARG5)
group   = int(ARG6)
top     = ARG7 eq "-" ? "" : ARG7
side    = ARG8 eq "-" ? "" : ARG8
rows    = (n + columns - 1) / columns

# Everything in screen pixels: about 1,000 across, and nothing is smoothed.  The axes span the whole picture.
scale   = int(1000.0 / (29 * columns) + 0.5)
scale   = scale < 1 ? 1 : scale > 6 ? 6 : scale
gap     = scale > 3 ? scale : 3
cell    = 28 * scale + gap
wide    = group > 0 ? 2 * gap : 0
x(i)    = (i % columns) * cell + (group > 0 ? (i % columns) / group * wide : 0)
y(i)    = (i / columns) * cell
width   = x(columns - 1) + 28 * scale
height  = y(n - 1) + 28 * scale

space(s) = strstrt(s, "_") ? space(s[1:strstrt(s, "_") - 1] . " " . s[strstrt(s, "_") + 1:*]) : s
longest = 0
do for [i = 1:words(side)] { if (strlen(word(side, i)) > longest) { longest = strlen(word(side, i)) } }

left    = 16 + (longest ? 14 + int(8.5 * longest) : 0)
above   = 44 + (top eq "" ? 0 : 24)
w       = left + width + 16
w       = w < 640 ? 640 : w
h       = above + height + 16

set terminal pngcairo size w, h noenhanced font "Sans,12" background rgb "white"
set output ARG2
set lmargin at screen 0
set rmargin at screen 1
set tmargin at screen 1
set bmargin at screen 0
set xrange [-left:w - left]
set yrange [h - above:-above]
set cbrange [0:255]
set palette gray gamma 1
unset colorbox
unset border
unset tics
unset key
set label 1 ARG3 at first 16 - left, first 20 - above left font "Sans,13"
do for [i = 1:words(top)] {
    set label 1 + i space(word(top, i)) at first x(i - 1) + 14 * scale, first -12 center
}
do for [i = 1:words(side)] {
    set label 100 + i space(word(side, i)) at first -10, first y((i - 1) * columns) + 14 * scale right
}
if (ARG9 eq "3") {
    plot for [i = 0:n-1] ARG1 binary array=(28,28) format='%uchar%uchar%uchar' skip=2352*i dx=scale dy=scale \
         origin=(x(i) + 0.5 * scale, y(i) + 0.5 * scale) using 1:2:3 with rgbimage
} else {
    plot for [i = 0:n-1] ARG1 binary array=(28,28) format='%uchar' skip=784*i dx=scale dy=scale \
         origin=(x(i) + 0.5 * scale, y(i) + 0.5 * scale) with image
}
