/* bank.c: the exercises as students have them: a file of draws that mkbank.c made, each with what must come back and what
   comes back under each known mistake.  So the students' archive holds no line of a solution.  Arrays and values are read
   when they are asked for; a run takes a draw at random. */
#include "task.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static Exercise exercise[MAX_EXERCISES];
static long place[MAX_EXERCISES][MAX_CHECKS][16];      /* of each draw in the file */
static int exercises, draws;
static FILE *bank;

static int number(void) { int32_t n = 0;  return fread(&n, 4, 1, bank) == 1 ? (int)n : 0; }
static char *text(void)
{
    int n = number();
    char *t = calloc(1, n > 0 && n < 4096 ? (size_t)n + 1 : 1);
    if (!t) abort();
    if (n > 0 && n < 4096 && fread(t, 1, (size_t)n, bank) != (size_t)n) t[0] = 0;
    return t;
}

static void read_check(Check *c, long *at)
{
    c->name = text(), c->points = number(), c->needs = number();
    int mistakes = number();
    for (int k = 1; k <= mistakes && k <= MAX_MISTAKES; k++) c->mistake[k] = text();
    for (int d = 0; d < draws; d++) {
        long bytes = number();
        at[d] = ftell(bank);
        if (bytes < 0 || fseek(bank, bytes, SEEK_CUR)) return;
    }
}

int exercises_load(const char *home, char *why, size_t size)
{
    char path[1024], magic[8];
    snprintf(path, sizeof path, "%s/grader/draws.bank", home);
    bank = fopen(path, "rb");
    if (!bank || fread(magic, 8, 1, bank) != 1 || memcmp(magic, "AEBANK1\n", 8) || number() != 1) {
        snprintf(why, size, "%.1000s is missing or damaged, or was made on a machine with another order of bytes", path);
        return 0;
    }
    exercises = number(), draws = number();
    if (exercises < 0 || exercises > MAX_EXERCISES || draws < 1 || draws > 16) { snprintf(why, size, "%.1000s is damaged", path);  return 0; }
    for (int i = 0; i < exercises; i++) {
        Exercise *e = &exercise[i];
        e->id = text(), e->title = text(), e->library = number(), e->checks = number();
        for (int c = 0; c < e->checks && c < MAX_CHECKS; c++) read_check(&e->check[c], place[i][c]);
    }
    return 1;
}

int exercises_count(void) { return exercises; }
const Exercise *exercise_at(int i) { return &exercise[i]; }
int hidden_rounds(void) { return 0; }

static void read_floats(float *v, int n) { if (fread(v, sizeof *v, (size_t)n, bank) != (size_t)n) memset(v, 0, sizeof *v * (size_t)n); }

void task_draw(const Exercise *e, int check, Task *t)
{
    fseek(bank, place[e - exercise][check][between(t, 0, draws - 1)], SEEK_SET);
    for (int i = 0; i < MAX_SIZES; i++) t->n[i] = number();
    read_floats(t->s, MAX_SIZES);
    t->tolerance = number() / 1e9;
    for (int arrays = number(); t->arrays < arrays && t->arrays < MAX_ARRAYS;) {
        char *name = text();
        int kind = number(), count = number();
        float *v = add_array(t, name, count > 0 ? count : 1, kind, 0, 0);
        if (kind <= GIVEN) read_floats(v, count);
        free(name);
    }
    t->record = ftell(bank);                           /* what must come back follows */
}

void task_expect(const Exercise *e, int check, const Task *t, int mistake, double **out)
{
    long floats = 0;
    (void)e, (void)check;
    for (int i = 0; i < t->arrays; i++) if (out[i]) floats += t->a[i].count;
    fseek(bank, t->record + mistake * floats * (long)sizeof(float), SEEK_SET);
    for (int i = 0; i < t->arrays; i++)
        for (int k = 0; out[i] && k < t->a[i].count; k++) { float v;  read_floats(&v, 1);  out[i][k] = (double)v; }
}
