/* judge.c: one file of one student: compile it, run each check in a process of its own, compare.

   The order is the point.  Inputs are drawn, the child computes and is gone, and only then are the expected values computed:
   while foreign code runs, they exist nowhere.  Results are read with pread, not through a mapping, so that a file which the
   child has cut short is a short read and no crash of ours. */
#include "grade.h"
#include "sandbox.h"
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PUBLIC_ROUNDS = 2, LARGEST_SOURCE = 256 * 1024, UNWRITTEN = 0x7fc0dead };

static void say(Marks *m, const Exercise *e, Verdict v, const char *text)
{
    for (int c = 0; c < e->checks; c++) { m->check[c].verdict = v;  snprintf(m->check[c].text, TEXT, "%s", text); }
}

/* ---- compiling ---- */

static char *path_of(char *into, const char *folder, const char *name) { snprintf(into, 1024, "%s/%s", folder, name);  return into; }

/* A file that is one: no link, no device, no pipe that never ends.  NULL with a reason in why. */
static char *read_source(const char *path, size_t *length, const char **why)
{
    struct stat file;
    int f = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    char *text = NULL;
    if (f < 0) { *why = errno == ELOOP ? "the file is a symbolic link, which is not followed" : "the file cannot be opened";  return NULL; }
    *why = "the file is no ordinary file";
    if (!fstat(f, &file) && S_ISREG(file.st_mode)) {
        *why = "the file is larger than 256 KB";
        if (file.st_size <= LARGEST_SOURCE && (text = malloc((size_t)file.st_size + 1))) {
            ssize_t got = read(f, text, (size_t)file.st_size);
            *length = got > 0 ? (size_t)got : 0, text[*length] = 0;
        }
    }
    close(f);
    return text;
}

static char *read_text(const char *folder, const char *name, size_t *length)
{
    char path[1024];
    struct stat file;
    FILE *f = fopen(path_of(path, folder, name), "rb");
    char *text = NULL;
    if (f && !fstat(fileno(f), &file) && (text = malloc((size_t)file.st_size + 1))) {
        *length = fread(text, 1, (size_t)file.st_size, f);
        text[*length] = 0;
    }
    if (f) fclose(f);
    return text;
}

static int write_text(const char *folder, const char *name, const char *text, size_t length)
{
    char path[1024];
    FILE *f = fopen(path_of(path, folder, name), "wb");
    int ok = f && fwrite(text, 1, length, f) == length;
    if (f) ok = !fclose(f) && ok;
    return ok;
}

/* The next file of a list as make reads it, in which a backslash stands before a space or at the end of a line. */
static char *next_file(char **at)
{
    char *c = *at, *word, *to;
    while (*c == ' ' || *c == '\n' || (*c == '\\' && c[1] == '\n')) c += *c == '\\' ? 2 : 1;
    if (!*c) return NULL;
    for (word = to = c; *c && *c != ' ' && *c != '\n' && !(*c == '\\' && c[1] == '\n'); c++) {
        if ((*c == '\\' && (c[1] == ' ' || c[1] == '#')) || (*c == '$' && c[1] == '$')) c++;
        *to++ = *c;
    }
    *at = *c ? c + 1 : c, *to = 0;
    return word;
}

/* Lies the file in a folder of the system's headers?  Where it lies counts, not what the submission calls it. */
static int is_system_header(const Settings *s, const char *file)
{
    char real[PATH_MAX];
    if (*file != '/' || !realpath(file, real)) return 0;
    for (const char *f = s->headers, *end; *f; f = end + 1) {
        size_t n = (size_t)((end = strchr(f, '\n')) - f);
        if (n > 1 && !strncmp(real, f, n) && real[n] == '/') return 1;
    }
    return 0;
}

/* The compiler says what it read: the submission itself, headers of the system, and autoenc.h where the exercise has it. */
static int only_own_files(const Settings *s, const Exercise *e, Marks *m)
{
    size_t length;
    char *deps = read_text(s->scratch, "submission.d", &length), *at = deps ? strchr(deps, ':') : NULL, header[1100], text[TEXT];
    snprintf(header, sizeof header, "%s/autoenc.h", s->home);
    if (!at) say(m, e, NO_COMPILE, "the compiler says nothing about what it read"), m->hostile = 1;
    else at++;
    for (char *file; at && (file = next_file(&at));) {
        if (!strcmp(file, "submission.c") || (e->library && !strcmp(file, header)) || is_system_header(s, file)) continue;
        snprintf(text, sizeof text, "includes %.200s: only the system's headers%s may be included", file, e->library ? " and autoenc.h" : "");
        say(m, e, NOT_ALLOWED, text), m->hostile = 1;
        break;
    }
    free(deps);
    return !m->hostile;
}

/* What stands behind the string of a line that has one: .string, .ascii, .asciz.  A string of the program may say anything. */
static char *behind_string(char *line)
{
    static const char *const words[] = { ".string", ".ascii", ".asciz" };
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        char *c = line + strlen(words[i]);
        if (strncmp(line, words[i], strlen(words[i])) || *(c += strspn(c, " \t")) != '"') continue;
        for (c++; *c && *c != '"'; c++) if (*c == '\\' && c[1]) c++;
        return c + !!*c;
    }
    return line;
}

/* Is there, in a line of what the compiler wrote, what only hand-written assembly has?  What it prints around such, and
   directives that read a file or could put together the name of one that does.  They have no letter before them: clang
   calls a static variable of a function function.variable. */
static int is_assembly(char *line)
{
    static const char *const around[] = { "#APP", "//APP", "@APP", "## InlineAsm", "; InlineAsm", "// InlineAsm" };
    static const char *const words[] = { ".incbin", ".include", ".macro", ".altmacro", ".irp", ".irep", ".rep", ".mri", ".gnu.lto" };
    line += strspn(line, " \t");
    for (size_t i = 0; i < sizeof around / sizeof *around; i++) if (!strncmp(line, around[i], strlen(around[i]))) return 1;
    if (strstr(line, "file scope inline assembly")) return 1;
    if ((!strncmp(line, ".section", 8) || !strncmp(line, ".pushsection", 12)) && strchr(line, '\\')) return 1;
    line = behind_string(line);
    for (char *c = line; *c; c++)
        for (size_t i = 0; *c == '.' && i < sizeof words / sizeof *words; i++)
            if (!strncasecmp(c, words[i], strlen(words[i])) && (c == line || !(isalnum((unsigned char)c[-1]) || strchr("_.$", c[-1])))) return 1;
    return 0;
}

/* Assembly could pull in any file (.incbin) behind the preprocessor's back.  It need not look like assembly: gcc copies the
   name of a section, or one behind __asm__, as it stands, with its line breaks. */
static int no_assembly(const Settings *s, const Exercise *e, Marks *m)
{
    size_t length;
    char *text = read_text(s->scratch, "submission.s", &length);
    int found = !text || strlen(text) != length;
    for (char *line = text, *end; !found && line && *line; line = end) {
        end = line + strcspn(line, "\n");
        if (*end) *end++ = 0;
        found = is_assembly(line);
    }
    free(text);
    if (found) say(m, e, NOT_ALLOWED, "contains assembly: an exercise is written in C"), m->hostile = 1;
    return !found;
}

static int run_compiler(const Settings *s, char **argv, Ended *end)
{
    char words[200], *all[40];
    int n = 0;
    snprintf(words, sizeof words, "%s", s->cc);
    for (char *w = strtok(words, " "); w && n < 8; w = strtok(NULL, " ")) all[n++] = w;
    for (int i = 0; argv[i] && n < 39; i++) all[n++] = argv[i];
    all[n] = NULL;
    Job job = { all, s->scratch, 1, -1, 10, 30, 2048, 16u << 20, 1u << 20 };
    sandbox_run(&job, end);
    return end->how == ENDED && end->code == 0;
}

/* The function that the linker misses, if that is what it says. */
static int missing_function(const char *said, char *name, size_t size)
{
    const char *at = strstr(said, "undefined reference to `"), *mac = strstr(said, "Undefined symbols");
    size_t n = 0;
    if (at) at += 24; else if (mac && (at = strchr(mac, '"'))) at += 1 + (at[1] == '_'); else return 0;
    while ((isalnum((unsigned char)at[n]) || at[n] == '_') && n + 1 < size) name[n] = at[n], n++;
    name[n] = 0;
    return n > 0;
}

/* Did the compiler try to read what is hidden from it, in the grader's folder? */
static int was_denied(const Settings *s, const char *said, char *file, size_t size)
{
    const char *denied = strstr(said, ": Permission denied"), *at = strstr(said, s->home);
    if (!denied || !at || at > denied) return 0;
    snprintf(file, size, "%.*s", (int)strcspn(at, "'\":\n"), at);
    return 1;
}

static void did_not_compile(const Settings *s, const Exercise *e, Marks *m, const Ended *end)
{
    char name[200], text[TEXT];
    const char *error = strstr(end->output, "error:");
    snprintf(m->said, sizeof m->said, "%.1400s", end->output);
    if (end->how == TIMED_OUT) snprintf(text, sizeof text, "the compiler did not come to an end");
    else if (end->how != ENDED) snprintf(text, sizeof text, "the compiler was stopped: too much memory, output or time");
    else if (missing_function(end->output, name, sizeof name)) snprintf(text, sizeof text, "the function %s is missing", name);
    else snprintf(text, sizeof text, "%.*s", error ? (int)strcspn(error, "\n") : 60, error ? error : "see what the compiler says");
    say(m, e, NO_COMPILE, text);
    if (!was_denied(s, end->output, name, sizeof name)) return;
    snprintf(text, sizeof text, "includes %s: only the system's headers%s may be included", name, e->library ? " and autoenc.h" : "");
    say(m, e, NOT_ALLOWED, text), m->hostile = 1;
}

static int compile(const Settings *s, const Exercise *e, const char *path, Marks *m)
{
    char include[1100], child[1100], calls[1100], library[1100];
    const char *why = NULL;
    size_t length = 0;
    char *source = read_source(path, &length, &why);
    Ended end;
    if (!source) { m->hostile = !!strstr(why, "link");  say(m, e, m->hostile ? NOT_ALLOWED : NO_COMPILE, why);  return 0; }
    int ok = write_text(s->scratch, "submission.c", source, length);
    free(source);
    if (!ok) { say(m, e, BROKEN, "the grader cannot write into its scratch folder");  return 0; }
    snprintf(include, sizeof include, "-I%s", s->home);
    snprintf(child, sizeof child, "%s/build/grader/child.o", s->home);
    snprintf(calls, sizeof calls, "%s/build/grader/call_%s.o", s->home, e->id);
    snprintf(library, sizeof library, "%s/build/grader/autoenc.o", s->home);
    char *first[] = { "-S", "-O1", "-std=gnu99", "-Wall", "-ffp-contract=off", "-fno-lto", "-Dmain=students_main", "-MD", "-MF", "submission.d",
                      "-o", "submission.s", "submission.c", e->library ? include : NULL, NULL };
    char *second[] = { "-o", "program", "submission.s", child, calls, e->library ? library : "-lm", "-lm", "-lpthread", s->is_static ? "-static" : NULL, NULL };
    if (!run_compiler(s, first, &end)) { did_not_compile(s, e, m, &end);  return 0; }
    snprintf(m->said, sizeof m->said, "%.1400s", end.output);          /* its warnings */
    if (!only_own_files(s, e, m) || !no_assembly(s, e, m)) return 0;
    if (!run_compiler(s, second, &end)) { did_not_compile(s, e, m, &end);  return 0; }
    return 1;
}

/* ---- one draw ---- */

static uint64_t page_size(void) { return (uint64_t)sysconf(_SC_PAGESIZE); }

/* Where everything lies in the file: each array ends at a page's end, and an empty page follows. */
static Shared lay_out(const Task *t, int check)
{
    Shared s;
    uint64_t page = page_size(), at = (sizeof s + page - 1) / page * page;
    memset(&s, 0, sizeof s);
    s.magic = SHARED_MAGIC, s.check = (uint32_t)check, s.arrays = (uint32_t)t->arrays;
    memcpy(s.s, t->s, sizeof s.s);
    for (int i = 0; i < MAX_SIZES; i++) s.n[i] = t->n[i];
    for (int i = 0; i < t->arrays; i++) {
        uint64_t bytes = (uint64_t)t->a[i].count * sizeof(float), span = (bytes + page - 1) / page * page;
        s.a[i].start = at, s.a[i].offset = at + span - bytes, s.a[i].count = (uint32_t)t->a[i].count, s.a[i].kind = (uint32_t)t->a[i].kind;
        at += span + page;
    }
    s.size = at;
    return s;
}

/* The file that parent and child share; it has no name.  What is to be written holds a NaN of ours. */
static int make_shared(const Settings *set, const Task *t, const Shared *s)
{
    char path[1024];
    uint32_t *all = malloc(s->size);
    path_of(path, set->scratch, "shared");
    int f = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    unlink(path);
    if (!all || f < 0) { free(all);  if (f >= 0) close(f);  return -1; }
    for (uint64_t i = 0; i < s->size / 4; i++) all[i] = UNWRITTEN;
    memcpy(all, s, sizeof *s);
    for (int i = 0; i < t->arrays; i++)
        if (t->a[i].kind <= GIVEN) memcpy((char *)all + s->a[i].offset, t->a[i].v, (size_t)t->a[i].count * sizeof(float));
    int ok = write(f, all, s->size) == (ssize_t)s->size;
    free(all);
    if (!ok) { close(f);  return -1; }
    return f;
}

typedef struct Got { float *v[MAX_ARRAYS];  int before[MAX_ARRAYS];  Shared shared; } Got;
static int read_back(int f, const Task *t, const Shared *s, Got *g)
{
    int ok = pread(f, &g->shared, sizeof g->shared, 0) == (ssize_t)sizeof g->shared;
    for (int i = 0; i < t->arrays; i++) {
        size_t bytes = (size_t)t->a[i].count * sizeof(float), pad = s->a[i].offset - s->a[i].start;
        uint32_t *area = malloc(pad + bytes);
        g->v[i] = calloc(1, bytes);
        ok = ok && area && g->v[i] && pread(f, area, pad + bytes, (off_t)s->a[i].start) == (ssize_t)(pad + bytes);
        for (size_t k = 0; ok && k < pad / 4; k++) g->before[i] |= area[k] != UNWRITTEN;
        if (ok) memcpy(g->v[i], (char *)area + pad, bytes);
        free(area);
    }
    return ok;
}

/* ---- comparing ---- */

/* The first index at which the two differ by more than the tolerance; -1 if none. */
static int first_difference(const float *got, const double *want, int n, double tolerance)
{
    double square = 0;
    for (int i = 0; i < n; i++) if (isfinite(want[i])) square += want[i] * want[i] / n;
    for (int i = 0; i < n; i++) {
        double scale = fmax(fabs(want[i]), sqrt(square)), g = (double)got[i];
        if (isfinite(want[i]) ? !(fabs(g - want[i]) <= tolerance * scale + 1e-9) : !(g == want[i] || (isnan(g) && isnan(want[i])))) return i;
    }
    return -1;
}

typedef double *Wants[MAX_ARRAYS];
static void expect(const Exercise *e, int check, const Task *t, int mistake, Wants w)
{
    for (int i = 0; i < t->arrays; i++)
        w[i] = t->a[i].kind == OUT || t->a[i].kind == INOUT ? calloc((size_t)t->a[i].count, sizeof(double)) : NULL;
    task_expect(e, check, t, mistake, w);
}
static void forget(Wants w) { for (int i = 0; i < MAX_ARRAYS; i++) free(w[i]); }

/* The array that differs from what is wanted, -1 if none; and where. */
static int compare(const Task *t, const Got *g, Wants w, int *at)
{
    for (int i = 0; i < t->arrays; i++) {
        if (t->a[i].kind != OUT && t->a[i].kind != INOUT) continue;
        *at = first_difference(g->v[i], w[i], t->a[i].count, t->tolerance);
        if (*at >= 0) return i;
    }
    return -1;
}

/* What may be said without knowing the exercise. */
static const char *in_general(const float *got, const double *want, int n, char *text)
{
    double ratio = 0, k = 0;
    int zero = 1, unwritten = 0, finite = 1, same = 1, seen = 0;
    for (int i = 0; i < n; i++) {
        uint32_t bits;
        memcpy(&bits, &got[i], 4);
        unwritten += bits == UNWRITTEN, zero &= got[i] == 0, finite &= isfinite(got[i]);
        if (fabs(want[i]) < 1e-6) continue;
        k = (double)got[i] / want[i];
        if (!seen++) ratio = k;
        same &= fabs(k - ratio) <= 1e-3 * fabs(ratio);
    }
    if (unwritten == n) return "nothing was written there";
    if (unwritten) { sprintf(text, "%d of %d values were never written", unwritten, n);  return text; }
    if (zero) return "all zero: is this still the stub?";
    if (!finite) return "not a number, or infinite: divided by zero, or added to a value that was never set";
    if (same && seen > 2 && fabs(ratio + 1) < 1e-3) return "the sign is the wrong way round";
    if (same && seen > 2) { sprintf(text, "every value is %.4g times what it should be", ratio);  return text; }
    return NULL;
}

/* Is what came back what a known mistake gives? */
static const char *known_mistake(const Exercise *e, int check, const Task *t, const Got *g)
{
    const char *const *mistake = e->check[check].mistake;
    for (int k = 1; k <= MAX_MISTAKES && mistake[k]; k++) {
        Wants w = { 0 };
        int at, same;
        expect(e, check, t, k, w);
        same = compare(t, g, w, &at) < 0;
        forget(w);
        if (same) return mistake[k];
    }
    return NULL;
}

static void judge_values(const Exercise *e, int check, const Task *t, const Got *g, Mark *m)
{
    Wants w = { 0 };
    char general[100];
    int at = 0, array;
    expect(e, check, t, 0, w);
    array = compare(t, g, w, &at);
    m->verdict = array < 0 ? PASSED : WRONG;
    for (int i = 0; array < 0 && i < t->arrays; i++)
        if (g->before[i] && t->a[i].kind != IN) m->verdict = WRONG, snprintf(m->text, TEXT, "something was written before the start of %s", t->a[i].name);
    if (array >= 0) {
        const char *hint = known_mistake(e, check, t, g);
        if (!hint) hint = in_general(g->v[array], w[array], t->a[array].count, general);
        snprintf(m->text, TEXT, "%s[%d] is %.6g, should be %.6g%s%s%s", t->a[array].name, at, (double)g->v[array][at], w[array][at],
                 t->hidden ? " (on sizes of the teacher's)" : "", hint ? ": " : "", hint ? hint : "");
    }
    forget(w);
}

/* ---- what became of the process ---- */

static const char *signal_text(int s)
{
    return s == SIGSEGV ? "segmentation fault" : s == SIGBUS ? "bus error" : s == SIGFPE ? "division of integers by zero" : s == SIGABRT ? "aborted"
         : s == SIGKILL ? "killed: out of memory?" : s == SIGILL ? "illegal instruction" : s == SIGXFSZ ? "wrote too large a file" : "a signal";
}

/* The array that was overrun, if the address tells. */
static void name_the_fault(const Task *t, const Shared *s, const Got *g, const Ended *end, char *text, size_t size)
{
    uint64_t address = (uint64_t)(uintptr_t)end->fault, at = address - g->shared.base;
    text[0] = 0;
    if (!end->fault || address < 4096) { if (end->code == SIGSEGV) snprintf(text, size, ": through a null pointer, or one that was never set");  return; }
    for (int i = 0; i < t->arrays && g->shared.base; i++) {
        uint64_t past = s->a[i].offset + s->a[i].count * sizeof(float);
        if (at >= past && at < past + page_size()) snprintf(text, size, ": went past the end of %s, which has %d values", t->a[i].name, t->a[i].count);
        if (at >= s->a[i].start && at < past && t->a[i].kind == IN) snprintf(text, size, ": wrote to %s, which is an input", t->a[i].name);
    }
}

static void first_line(const Ended *end, char *text, size_t size)
{
    size_t n = 0;
    while (end->output[n] && end->output[n] != '\n' && n + 1 < size) { text[n] = end->output[n];  if ((unsigned char)text[n] < 32 || (unsigned char)text[n] > 126) text[n] = '?';  n++; }
    text[n] = 0;
}

/* Not at its end by itself: says how.  1 if its results are to be looked at. */
static int judge_end(const Task *t, const Shared *s, const Got *g, int whole, const Ended *end, Mark *m)
{
    char where[160] = "", line[160];
    first_line(end, line, sizeof line);
    switch (end->how) {
    case FORBIDDEN:       m->verdict = NOT_ALLOWED;  snprintf(m->text, TEXT, "%s", end->act);  return 0;
    case TIMED_OUT:       m->verdict = TIMEOUT;  snprintf(m->text, TEXT, "an endless loop?  The solution takes less than a hundredth of the time that was given");  return 0;
    case TOO_MUCH_OUTPUT: m->verdict = TOO_MUCH;  snprintf(m->text, TEXT, "printed more than 64 KB: is there a printf in a loop?");  return 0;
    case NOT_STARTED:     m->verdict = BROKEN;  snprintf(m->text, TEXT, "the grader could not start a process");  return 0;
    case KILLED:
        if (whole) name_the_fault(t, s, g, end, where, sizeof where);
        m->verdict = CRASHED;
        snprintf(m->text, TEXT, "%s%s", signal_text(end->code), where);
        return 0;
    case ENDED: break;
    }
    if (whole && end->code == 0 && g->shared.done == 1) return 1;
    m->verdict = ENDED_EARLY;
    snprintf(m->text, TEXT, "the program ended (exit status %d) before the function returned%s%s", end->code, *line ? ".  It said: " : "", line);
    return 0;
}

static void forget_task(Task *t, Got *g) { for (int i = 0; i < t->arrays; i++) { free(t->a[i].v);  free(g->v[i]); } }

static void run_draw(const Settings *set, const Exercise *e, int check, Task *t, Marks *m)
{
    char program[1024];
    char *argv[] = { path_of(program, set->scratch, "program"), NULL };
    Got g;
    Ended end;
    memset(&g, 0, sizeof g);
    task_draw(e, check, t);
    Shared s = lay_out(t, check);
    int f = make_shared(set, t, &s), whole;
    Job job = { argv, set->scratch, 0, f, 1 + e->library, 20, 256 + 256 * e->library, 0, 64 * 1024 };
    if (f < 0) { m->check[check].verdict = BROKEN;  forget_task(t, &g);  return; }
    sandbox_run(&job, &end);
    whole = read_back(f, t, &s, &g);
    close(f);
    if (end.printed && !*m->said) snprintf(m->said, sizeof m->said, "%.1400s", end.output);
    if (judge_end(t, &s, &g, whole, &end, &m->check[check])) judge_values(e, check, t, &g, &m->check[check]);
    forget_task(t, &g);
}

/* ---- one file ---- */

static void run_check(const Settings *set, const Exercise *e, int index, int check, Marks *m)
{
    int rounds = PUBLIC_ROUNDS + hidden_rounds();
    Mark *mark = &m->check[check];
    for (int round = 0; round < rounds; round++) {
        Task t;
        memset(&t, 0, sizeof t);
        t.random = set->seed + 0x9e3779b97f4a7c15u * (uint64_t)(1 + round + 16 * (check + 16 * index));
        t.tolerance = 1e-4, t.hidden = round >= PUBLIC_ROUNDS;
        run_draw(set, e, check, &t, m);
        if (mark->verdict != PASSED) return;
    }
    mark->points = e->check[check].points;
}

/* A file that tries what is not allowed gets nothing, also for what it computed rightly. */
static void take_all_back(const Exercise *e, Marks *m)
{
    for (int c = 0; c < e->checks; c++) {
        m->check[c].points = 0;
        if (m->check[c].verdict == PASSED) m->check[c].verdict = SKIPPED, snprintf(m->check[c].text, TEXT, "not counted: the file tries what is not allowed");
    }
}

void judge(const Settings *set, const Exercise *e, int index, const char *path, Marks *m)
{
    int late = 0;
    memset(m, 0, sizeof *m);
    m->present = 1;
    if (!compile(set, e, path, m)) return;
    for (int c = 0; c < e->checks; c++) {
        int needs = e->check[c].needs;
        Mark *mark = &m->check[c];
        mark->verdict = SKIPPED;
        if (m->hostile) snprintf(mark->text, TEXT, "not run: the file tries what is not allowed");
        else if (late) snprintf(mark->text, TEXT, "not run: an earlier check did not come to an end");
        else if (needs && m->check[needs - 1].verdict != PASSED) snprintf(mark->text, TEXT, "not run: needs \"%s\"", e->check[needs - 1].name);
        else run_check(set, e, index, c, m);
        late |= mark->verdict == TIMEOUT || mark->verdict == TOO_MUCH;
        m->hostile |= mark->verdict == NOT_ALLOWED;
    }
    if (m->hostile) take_all_back(e, m);
}
