/* kit_plot.h - pictures: their data to files, gnuplot to draw them, and block characters where there is no gnuplot

   kit.h includes this file.  Each picture is data (*.u8 or *.tsv) and a line in plots.tsv that says how to draw it, so
   `make plots` can draw it later.  gnuplot works in processes of its own while the lesson goes on; kit_wait waits for
   them.  A picture is drawn beside and renamed, so that a viewer never shows half of one. */

#ifndef KIT_PLOT_H
#define KIT_PLOT_H

/* Collects the drawings that are done; `all` waits for the others too. */
static inline void kit_wait(kit *run, int all)
{
    for (int i = 0; i < run->drawing; i++) {
        kit_drawing *d = &run->drawings[i];
        char part[PATH_MAX], png[PATH_MAX];
        int status = 0;
        pid_t done;
        while ((done = waitpid(d->pid, &status, all ? 0 : WNOHANG)) < 0 && errno == EINTR) {}
        if (done == 0) continue;
        kit_name(png, "%s/%s", run->out, d->png);
        kit_name(part, "%s/%s.part", run->out, d->png);
        if ((status || rename(part, png)) && !kit_stopped)
            fprintf(stderr, "%s: gnuplot could not draw %s; `make plots` shows its message\n", run->lesson, png);
        if (status) unlink(part);
        *d = run->drawings[--run->drawing];
        i--;
    }
}

/* Is there a gnuplot, with our scripts?  Says once how to get it. */
static inline int kit_can_plot(kit *run)
{
    char script[PATH_MAX];
    if (run->no_plot) return 0;
    if (run->gnuplot[0]) return run->gnuplot[0] != '-';
    kit_name(script, "%s/plots/loss.gp", run->folder);
    if (!kit_in_path("gnuplot", run->gnuplot))
        printf("gnuplot is not installed, so pictures appear here, in characters; `make deps` installs it, `make plots` then draws them\n");
    else if (access(script, R_OK)) printf("%s is not there, so pictures appear here, in characters\n", script);
    else return 1;
    strcpy(run->gnuplot, "-");
    return 0;
}

/* Runs `gnuplot -c plots/SCRIPT.gp OUT/in OUT/NAME.png arguments...` and does not wait for it. */
static inline void kit_draw(kit *run, const char *script, const char *in, const char *name, char **arguments, int count)
{
    char path[PATH_MAX], from[PATH_MAX], to[PATH_MAX], *argv[16] = { run->gnuplot, (char *)"-c", path, from, to };
    kit_drawing *d = &run->drawings[run->drawing];
    kit_name(path, "%s/plots/%s.gp", run->folder, script);
    kit_name(from, "%s/%s", run->out, in);
    kit_name(to, "%s/%s.png.part", run->out, name);
    snprintf(d->png, sizeof d->png, "%.50s.png", name);
    for (int i = 0; i < count; i++) argv[5 + i] = arguments[i];
    fflush(stdout);
    d->pid = fork();
    if (d->pid < 0) return;
    run->drawing++;
    if (d->pid) return;
    int nowhere = open("/dev/null", O_RDWR);
    for (int i = 0; i < 3; i++) dup2(nowhere, i);
    execv(run->gnuplot, argv);
    _exit(127);
}

/* A picture that is drawn again has one line in plots.tsv, the last. */
static inline void kit_forget_plot(kit *run, const char *name)
{
    char file[80];
    snprintf(file, sizeof file, "\t%.60s.png\t", name);
    char *at = run->plots.used ? strstr(run->plots.text, file) : NULL;
    if (!at) return;
    char *end = strchr(at, '\n') + 1;
    while (at > run->plots.text && at[-1] != '\n') at--;
    memmove(at, end, run->plots.used - (size_t)(end - run->plots.text) + 1);
    run->plots.used -= (size_t)(end - at);
}

/* One picture: a line of plots.tsv, and the drawing.  `extra` holds further arguments of the script, separated by tabs. */
static inline void kit_plot(kit *run, const char *script, const char *in, const char *name, const char *title, const char *extra)
{
    char text[1024], *argument[10];
    const char *tag = strcmp(run->dataset, "strokes") ? "" : " [strokes]";
    int count = 0, room = (int)(sizeof run->drawings / sizeof run->drawings[0]);
    snprintf(text, sizeof text, "%s: %s%s%s%s", run->lesson, title, tag, *extra ? "\t" : "", extra);
    kit_forget_plot(run, name);
    kit_print(&run->plots, "%s\t%s\t%s.png\t%s\n", script, in, name, text);
    kit_write(run, "plots.tsv", run->plots.text, run->plots.used);
    if (!kit_can_plot(run)) return;
    kit_wait(run, run->drawing == room);
    for (char *p = text; p && count < 10; count++) {
        argument[count] = p;
        if ((p = strchr(p, '\t'))) *p++ = 0;
    }
    kit_draw(run, script, in, name, argument, count);
}

/* The losses of log.tsv; `last` > 0 shows the last epochs only.  While a live one is being drawn no second is begun. */
static inline void kit_curve(kit *run, int last)
{
    char extra[200];
    kit_wait(run, 0);
    for (int i = 0; last && i < run->drawing; i++)
        if (!strcmp(run->drawings[i].png, "loss.png")) return;
    if (!run->log.used) return;
    if (!last) kit_wait(run, 1);
    snprintf(extra, sizeof extra, "%d\t%.150s", last, run->net ? run->net_names.text : "-");
    kit_plot(run, "loss", "log.tsv", "loss", "loss by epoch", extra);
}

/* Curves: row-major values[rows][columns], the first column is x, the others are lines called as in `header`, whose names
   are separated by tabs.  axes is "x label\ty label"; logarithmic is "x", "y", "xy" or "-", with a 1 if y is a share, and a b if
   the legend belongs at the bottom.  NaN leaves a gap. */
static inline void kit_lines(kit *run, const char *name, const char *title, const char *axes, const char *logarithmic,
                             const char *header, const double *values, int rows, int columns)
{
    char file[64], extra[300];
    kit_text t = { NULL, 0, 0 };
    kit_print(&t, "%s\n", header);
    for (int i = 0; i < rows * columns; i++) {
        if (isnan(values[i])) kit_print(&t, "nan");
        else                  kit_print(&t, "%.9g", values[i]);
        kit_print(&t, (i + 1) % columns ? "\t" : "\n");
    }
    snprintf(file, sizeof file, "%.50s.tsv", name);
    kit_write(run, file, t.text, t.used);
    free(t.text);
    snprintf(extra, sizeof extra, "%.200s\t%s\t%d", axes, logarithmic, columns);
    kit_plot(run, "lines", file, name, title, extra);
}

/* Images in the terminal, `columns` in a row, 14 characters by 7 each: a character shows 2 by 2 blocks, and a block is
   lit where its pixels are bright on average. */
static inline void kit_show(const float *images, int n, int columns)
{
    static const char *const block[16] = { " ", "▘", "▝", "▀", "▖", "▌", "▞", "▛", "▗", "▚", "▐", "▜", "▄", "▙", "▟", "█" };
    for (int first = 0; first < n; first += columns)
        for (int y = 0; y < 28; y += 4) {
            for (int i = first; i < first + columns && i < n; i++)
                for (int x = 0; x < 28; x += 2) {
                    const float *p = images + i * 784 + y * 28 + x;
                    int lit = (p[0] + p[28] > 0.8f) | (p[1] + p[29] > 0.8f) << 1 | (p[56] + p[84] > 0.8f) << 2 | (p[57] + p[85] > 0.8f) << 3;
                    fputs(block[lit], stdout);
                }
            putchar('\n');
        }
}

/* Images [n,28,28], `columns` in a row.  Labels are words over the columns and before the rows, "-" for none; `group`
   leaves a wider gap after so many columns.  Values outside 0 .. 1 are shown as black and white. */
static inline void kit_grid(kit *run, const char *name, const char *title, const float *images, int n, int columns, int group,
                            const char *top, const char *side)
{
    char file[64], extra[512];
    size_t pixels = (size_t)n * 784;
    uint8_t *bytes = (uint8_t *)kit_room(run, pixels);
    for (size_t i = 0; i < pixels; i++) bytes[i] = kit_byte(images[i]);
    snprintf(file, sizeof file, "%.50s.u8", name);
    kit_write(run, file, bytes, pixels);
    free(bytes);
    snprintf(extra, sizeof extra, "%d\t%d\t%d\t%s\t%s", n, columns, group, top, side);
    kit_plot(run, "grid", file, name, title, extra);
    if (run->gnuplot[0] != '-') return;
    printf("%s\n", title);
    for (int from = 0; from < columns && from < 10; from += 5)            /* five fit a line, two rows will do */
        for (int i = from; i < n && i < 2 * columns; i += columns) kit_show(images + (size_t)i * 784, columns - from < 5 ? columns - from : 5, 5);
}

/* Points xy[n][2] in the colours of their labels; the last `marks` of them are black and called `what` in the legend. */
static inline void kit_scatter(kit *run, const char *name, const char *title, const float *xy, const uint8_t *labels, int n, int marks,
                               const char *what)
{
    char file[64], extra[80];
    kit_text t = { NULL, 0, 0 };
    kit_print(&t, "x\ty\tlabel\tmark\n");
    for (int i = 0; i < n; i++) kit_print(&t, "%.6g\t%.6g\t%d\t%d\n", xy[2 * i], xy[2 * i + 1], labels[i], i >= n - marks);
    snprintf(file, sizeof file, "%.50s.tsv", name);
    kit_write(run, file, t.text, t.used);
    free(t.text);
    snprintf(extra, sizeof extra, "10\t%.60s", marks ? what : "-");
    kit_plot(run, "scatter", file, name, title, extra);
}

#endif /* KIT_PLOT_H */
