/* grade.c: the grader's options.  ./grade ex03 for students; ./grade_all SUBMISSIONS/ for teachers: one program, two names.

   A student is a folder; its files are ex01*.c to ex14*.c.  Each student is judged in a worker of its own, several at once.
   Exit status: 0 full points (for grade_all: everything was judged), 1 points are missing, 2 wrong use, 3 the world. */
#include "grade.h"
#include "sandbox.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

typedef struct Options {
    const char *csv, *json, *gradescope, *folder, *file;
    int all, autolab, jobs, sandbox, list, describe, seeded, some, wanted[MAX_EXERCISES];
    uint64_t seed;
} Options;
static char home[PATH_MAX], headers[8192];

static void die(int status, const char *what, const char *about)
{
    fprintf(stderr, "grade: %s%s%s\n", what, *about ? ": " : "", about);
    exit(status);
}

static void help(void)
{
    puts("./grade ex03               judge your exercises/ex03_*.c\n"
         "./grade ex03 FILE          judge this file; a FILE that is called ex03*.c is enough\n"
         "./grade                    judge all of exercises/\n"
         "./grade --folder DIR       judge all files ex*.c of a folder\n"
         "./grade_all SUBMISSIONS/   for teachers: a folder a student; writes grades.csv\n"
         "  --csv FILE --json FILE   where results go (grade_all: grades.csv; - for JSON on the terminal)\n"
         "  --gradescope FILE        write Gradescope's results.json, as zero first\n"
         "  --autolab                end with Autolab's line\n"
         "  --seed N                 draw the same inputs again; otherwise they are new in each run\n"
         "  --jobs N                 so many students at once (default: the number of processors)\n"
         "  --no-sandbox             limits of time and memory only\n"
         "  --list                   exercises, checks and points\n"
         "  --describe               how programs are shut in here\n"
         "CC chooses the compiler.");
}

/* ---- finding things ---- */

/* The folder of the program itself: build/ and autoenc.h are in it. */
static void find_home(const char *self)
{
    char path[PATH_MAX], *slash;
    ssize_t n = readlink("/proc/self/exe", path, sizeof path - 1);
    if (n > 0) path[n] = 0;
    else if (!strchr(self, '/') || !realpath(self, path)) strcpy(path, "./grade");
    if ((slash = strrchr(path, '/'))) *slash = 0;
    snprintf(home, sizeof home, "%s", path);
}

static int exercise_number(const char *id)
{
    for (int i = 0; i < exercises_count(); i++) if (!strcmp(exercise_at(i)->id, id)) return i;
    return -1;
}

static int by_name(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }

/* The names in a folder, sorted; the caller frees. */
static char **names_in(const char *folder, int *count)
{
    DIR *d = opendir(folder);
    struct dirent *e;
    char **name = NULL;
    *count = 0;
    if (!d) return NULL;
    while ((e = readdir(d))) {
        if (e->d_name[0] == '.') continue;
        char **more = realloc(name, (size_t)(*count + 1) * sizeof *name);
        if (!more || !(more[*count] = strdup(e->d_name))) die(3, "out of memory", "");
        name = more, ++*count;
    }
    closedir(d);
    if (name) qsort(name, (size_t)*count, sizeof *name, by_name);
    return name;
}

static void free_names(char **name, int count)
{
    for (int i = 0; i < count; i++) free(name[i]);
    free(name);
}

/* The first file of the exercise in the folder. */
static int find_file(const char *folder, const Exercise *e, char *path)
{
    int count, found = 0;
    char **name = names_in(folder, &count);
    for (int i = 0; i < count && !found; i++) {
        size_t n = strlen(name[i]);
        found = !strncmp(name[i], e->id, strlen(e->id)) && n > 2 && !strcmp(name[i] + n - 2, ".c")
             && snprintf(path, PATH_MAX, "%s/%s", folder, name[i]) < PATH_MAX;
    }
    free_names(name, count);
    return found;
}

/* Where the compiler looks for the system's headers: it says so between two lines of its own. */
static void find_headers(const char *cc)
{
    char command[400], line[PATH_MAX], real[PATH_MAX];
    int inside = 0;
    size_t n = 0;
    snprintf(command, sizeof command, "LC_ALL=C %.300s -E -v -x c /dev/null 2>&1", cc);
    FILE *said = popen(command, "r");
    while (said && fgets(line, sizeof line, said)) {
        char *name = line + strspn(line, " ");
        name[strcspn(name, "\n")] = 0;
        if (strstr(line, "search starts here:")) inside = 1;
        else if (!strncmp(line, "End of search list", 18)) inside = 0;
        else if (inside && realpath(name, real) && n + strlen(real) + 2 < sizeof headers) n += (size_t)sprintf(headers + n, "%s\n", real);
    }
    if (said) pclose(said);
    if (!n) die(3, "the compiler cannot be run, or does not say where the system's headers are, as gcc and clang do", cc);
}

/* ---- judging ---- */

static void make_scratch(char *path)
{
    const char *tmp = getenv("TMPDIR");
    snprintf(path, PATH_MAX, "%s/grade-XXXXXX", tmp && *tmp ? tmp : "/tmp");
    if (!mkdtemp(path)) die(3, "cannot make a scratch folder", path);
    setenv("TMPDIR", path, 1);                     /* where the compiler puts its own files */
}

static void remove_scratch(const char *folder)
{
    int count;
    char **name = names_in(folder, &count), path[PATH_MAX];
    for (int i = 0; i < count; i++) if (snprintf(path, sizeof path, "%s/%s", folder, name[i]) < (int)sizeof path) unlink(path);
    free_names(name, count);
    rmdir(folder);
}

static Settings settings(const Options *o)
{
    char path[PATH_MAX + 32];
    Settings s = { home, getenv("CC"), NULL, headers, o->seed, 0 };
    snprintf(path, sizeof path, "%s/build/grader/static", home);
    s.is_static = !access(path, F_OK);
    if (!s.cc || !*s.cc) s.cc = "cc";
    return s;
}

static void judge_pupil(const Options *o, Pupil *p)
{
    char scratch[PATH_MAX], path[PATH_MAX];
    Settings s = settings(o);
    make_scratch(scratch);
    s.scratch = scratch;
    for (int i = 0; i < exercises_count(); i++) {
        if (o->some && !o->wanted[i]) continue;
        if (o->file) judge(&s, exercise_at(i), i, o->file, &p->marks[i]);
        else if (find_file(p->path, exercise_at(i), path)) judge(&s, exercise_at(i), i, path, &p->marks[i]);
    }
    remove_scratch(scratch);
}

static Marks *shared_marks(int pupils)
{
    size_t bytes = sizeof(Marks) * (size_t)exercises_count() * (size_t)pupils;
    void *m = mmap(NULL, bytes ? bytes : 1, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (m == MAP_FAILED) die(3, "out of memory", "");
    return m;
}

static void no_marks(Pupil *p, int i, Verdict v, const char *why)
{
    p->marks[i].present = p->marks[i].hostile = 1;
    for (int c = 0; c < exercise_at(i)->checks; c++) {
        Mark *k = &p->marks[i].check[c];
        k->verdict = v, k->points = 0;
        snprintf(k->text, TEXT, "%s", why);
    }
}

/* A worker that did not end by itself: what it judged is not to be believed. */
static void worker_lost(Pupil *p)
{
    for (int i = 0; i < exercises_count(); i++) no_marks(p, i, BROKEN, "the grader's own process was ended while this student was judged");
}

static void reap(pid_t *worker, Pupil *p, int pupils, int *running)
{
    int status;
    pid_t pid = waitpid(-1, &status, 0);
    for (int i = 0; i < pupils && pid > 0; i++) {
        if (worker[i] != pid) continue;
        if (status) worker_lost(&p[i]);
        --*running;
    }
}

static void judge_all(const Options *o, Pupil *p, int pupils)
{
    pid_t *worker = calloc((size_t)pupils + 1, sizeof *worker);
    int running = 0;
    if (!worker) die(3, "out of memory", "");
    for (int i = 0; i < pupils; i++) {
        if (!p[i].path) { no_marks(&p[i], 0, NOT_ALLOWED, "the folder is a symbolic link, which is not followed");  continue; }
        while (running >= o->jobs) reap(worker, p, pupils, &running);
        fflush(NULL);
        worker[i] = fork();
        if (worker[i] == 0) { judge_pupil(o, &p[i]);  _exit(0); }
        if (worker[i] < 0) worker_lost(&p[i]); else running++;
    }
    while (running > 0) reap(worker, p, pupils, &running);
    free(worker);
}

static Pupil *find_pupils(const char *folder, int *pupils)
{
    int count;
    char **name = names_in(folder, &count), path[PATH_MAX];
    Pupil *p = calloc((size_t)count + 1, sizeof *p);
    if (!name && access(folder, R_OK)) die(3, "cannot read the folder", folder);
    if (!p) die(3, "out of memory", "");
    *pupils = 0;
    for (int i = 0; i < count; i++) {
        struct stat s;
        if (snprintf(path, sizeof path, "%s/%s", folder, name[i]) >= (int)sizeof path || lstat(path, &s)) continue;
        if (!S_ISDIR(s.st_mode) && !S_ISLNK(s.st_mode)) continue;
        p[*pupils].name = strdup(name[i]), p[*pupils].path = S_ISDIR(s.st_mode) ? strdup(path) : NULL, ++*pupils;
    }
    free_names(name, count);
    return p;
}

/* ---- the two ways of use ---- */

static int grade_all(const Options *o)
{
    int pupils, hostile = 0;
    Pupil *p = find_pupils(o->folder, &pupils);
    Marks *m = shared_marks(pupils);
    const char *csv = o->csv ? o->csv : "grades.csv";
    for (int i = 0; i < pupils; i++) p[i].marks = m + i * exercises_count();
    judge_all(o, p, pupils);
    if (!report_csv(csv, p, pupils)) die(3, "cannot write", csv);
    if (o->json && !report_json(o->json, p, pupils, o->seed, sandbox_describe())) die(3, "cannot write", o->json);
    for (int i = 0; i < pupils; i++) for (int k = 0, h = 0; k < exercises_count() && !h; k++) hostile += h = p[i].marks[k].hostile;
    fprintf(stderr, "%d students, %d of them with a file that tries what is not allowed; seed %llu; %s; %s written\n",
            pupils, hostile, (unsigned long long)o->seed, sandbox_describe(), csv);
    return 0;
}

static int tell_one(const Options *o, const Pupil *p)
{
    int got = 0, of = 0, seen = 0, quiet = o->json && !strcmp(o->json, "-");
    for (int i = 0; i < exercises_count(); i++) {
        const Marks *m = &p->marks[i];
        if (!m->present) { if (o->wanted[i]) die(3, "there is no file of this exercise", exercise_at(i)->id);  continue; }
        seen++, got += points_of(exercise_at(i), m), of += points_possible(exercise_at(i));
        if (!quiet) report_text(exercise_at(i), m, isatty(1) && !getenv("NO_COLOR"));
    }
    if (!quiet) printf("%d of %d points; seed %llu; %s\n", got, of, (unsigned long long)o->seed, sandbox_describe());
    return got < of || !seen;
}

static int grade_one(const Options *o)
{
    char name[] = "you", folder[PATH_MAX];
    int status;
    Pupil p = { name, folder, shared_marks(1) };
    snprintf(folder, sizeof folder, "%s", o->folder ? o->folder : "exercises");
    if (!o->folder && access(folder, R_OK)) snprintf(folder, sizeof folder, "%.4000s/exercises", home);
    if (o->gradescope && !report_gradescope(o->gradescope, &p, "The grader did not come to its end.")) die(3, "cannot write", o->gradescope);
    judge_all(o, &p, 1);
    status = tell_one(o, &p);
    if (o->csv && !report_csv(o->csv, &p, 1)) die(3, "cannot write", o->csv);
    if (o->json && !report_json(o->json, &p, 1, o->seed, sandbox_describe())) die(3, "cannot write", o->json);
    if (o->gradescope && !report_gradescope(o->gradescope, &p, NULL)) die(3, "cannot write", o->gradescope);
    if (o->autolab) report_autolab(&p);
    return status;
}

static void list(void)
{
    for (int i = 0; i < exercises_count(); i++) {
        const Exercise *e = exercise_at(i);
        printf("%s  %s (%d points)\n", e->id, e->title, points_possible(e));
        for (int c = 0; c < e->checks; c++) {
            printf("      %d  %s", e->check[c].points, e->check[c].name);
            if (e->check[c].needs) printf("  (needs \"%s\")", e->check[e->check[c].needs - 1].name);
            putchar('\n');
        }
    }
}

/* ---- options ---- */

static uint64_t fresh_seed(void)
{
    uint64_t seed = (uint64_t)time(NULL) * 2654435761u + (uint64_t)getpid();
    int f = open("/dev/urandom", O_RDONLY);
    if (f >= 0) { if (read(f, &seed, sizeof seed) != sizeof seed) seed ^= 1;  close(f); }
    return seed;
}

/* exercises/ex02_mse.c names its exercise as well. */
static int exercise_of_file(const char *path)
{
    const char *name = strrchr(path, '/') ? strrchr(path, '/') + 1 : path;
    char id[5] = "";
    strncpy(id, name, 4);
    return strlen(name) > 6 && !strcmp(name + strlen(name) - 2, ".c") ? exercise_number(id) : -1;
}

static void take_word(Options *o, const char *word)
{
    int i = exercise_number(word);
    if (o->all && o->folder) die(2, "one folder of submissions, please; not also", word);
    else if (o->all) o->folder = word;
    else if (i >= 0) o->wanted[i] = 1, o->some++;
    else if (o->some == 1 && !o->file) o->file = word;
    else if (!o->some && (i = exercise_of_file(word)) >= 0) o->wanted[i] = 1, o->some++, o->file = word;
    else die(2, "there is no such exercise (--list shows them)", word);
}

static const char *value(char **argv, int *i)
{
    if (!argv[*i + 1]) die(2, "a value is missing after", argv[*i]);
    return argv[++*i];
}

static uint64_t whole(const char *text, const char *option)
{
    char *end;
    errno = 0;
    unsigned long long n = strtoull(text, &end, 10);
    if (errno || *end || *text < '0' || *text > '9') die(2, "not a whole number after", option);
    return n;
}

static void read_options(Options *o, char **argv)
{
    for (int i = 1; argv[i]; i++) {
        const char *a = argv[i];
        if (!strcmp(a, "--help") || !strcmp(a, "-h")) { help();  exit(0); }
        else if (!strcmp(a, "--list")) o->list = 1;
        else if (!strcmp(a, "--describe")) o->describe = 1;
        else if (!strcmp(a, "--all")) o->all = 1;
        else if (!strcmp(a, "--autolab")) o->autolab = 1;
        else if (!strcmp(a, "--no-sandbox")) o->sandbox = 0;
        else if (!strcmp(a, "--csv")) o->csv = value(argv, &i);
        else if (!strcmp(a, "--json")) o->json = value(argv, &i);
        else if (!strcmp(a, "--gradescope")) o->gradescope = value(argv, &i);
        else if (!strcmp(a, "--folder")) o->folder = value(argv, &i);
        else if (!strcmp(a, "--jobs")) o->jobs = (int)(whole(value(argv, &i), a) % 1000);
        else if (!strcmp(a, "--seed")) o->seed = whole(value(argv, &i), a), o->seeded = 1;
        else if (*a == '-') die(2, "there is no such option (--help shows them)", a);
        else take_word(o, a);
    }
}

int main(int argc, char **argv)
{
    Options o;
    char why[1200];
    const char *self = argc ? strrchr(argv[0], '/') : NULL;
    memset(&o, 0, sizeof o);
    o.sandbox = 1, o.jobs = (int)sysconf(_SC_NPROCESSORS_ONLN);
    o.all = argc && !strcmp(self ? self + 1 : argv[0], "grade_all");
    find_home(argc ? argv[0] : "");
    if (!exercises_load(home, why, sizeof why)) die(3, why, "");
    read_options(&o, argv);
    if (o.list) { list();  return 0; }
    if (o.all && !o.folder) die(2, "which folder of submissions?  ./grade_all SUBMISSIONS/", "");
    if (o.jobs < 1) o.jobs = 1;
    if (!o.seeded) o.seed = fresh_seed();
    sandbox_open(o.sandbox, settings(&o).is_static, home);
    if (o.describe) { puts(sandbox_describe());  return 0; }
    find_headers(settings(&o).cc);
    return o.all ? grade_all(&o) : grade_one(&o);
}
