/* mkbank.c: writes the file of draws that the students' grader uses instead of the references (bank.c reads it).
   mkbank FILE */
#include "task.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DRAWS = 6 };
static FILE *bank;

static void number(int n) { int32_t v = n;  fwrite(&v, 4, 1, bank); }
static void text(const char *t) { number((int)strlen(t));  fwrite(t, 1, strlen(t), bank); }
static int  given(const Array *a) { return a->kind <= GIVEN; }
static int  wanted(const Array *a) { return a->kind == OUT || a->kind == INOUT; }

static void write_wants(const Exercise *e, int check, const Task *t, int mistake)
{
    double *out[MAX_ARRAYS] = { 0 };
    for (int i = 0; i < t->arrays; i++) if (wanted(&t->a[i])) out[i] = calloc((size_t)t->a[i].count, sizeof(double));
    task_expect(e, check, t, mistake, out);
    for (int i = 0; i < t->arrays; i++)
        for (int k = 0; out[i] && k < t->a[i].count; k++) { float v = (float)out[i][k];  fwrite(&v, 4, 1, bank); }
    for (int i = 0; i < t->arrays; i++) free(out[i]);
}

static void write_draw(const Exercise *e, int check, uint64_t seed, int mistakes)
{
    Task t;
    memset(&t, 0, sizeof t);
    t.random = seed, t.tolerance = 1e-4;
    task_draw(e, check, &t);
    long start = ftell(bank), end;
    number(0);
    for (int i = 0; i < MAX_SIZES; i++) number(t.n[i]);
    fwrite(t.s, sizeof(float), MAX_SIZES, bank);
    number((int)(t.tolerance * 1e9)), number(t.arrays);
    for (int i = 0; i < t.arrays; i++) {
        text(t.a[i].name), number(t.a[i].kind), number(t.a[i].count);
        if (given(&t.a[i])) fwrite(t.a[i].v, sizeof(float), (size_t)t.a[i].count, bank);
    }
    for (int k = 0; k <= mistakes; k++) write_wants(e, check, &t, k);
    end = ftell(bank);
    fseek(bank, start, SEEK_SET), number((int)(end - start - 4)), fseek(bank, end, SEEK_SET);
    for (int i = 0; i < t.arrays; i++) free(t.a[i].v);
}

static void write_check(const Exercise *e, int check)
{
    const Check *c = &e->check[check];
    int mistakes = 0;
    while (mistakes < MAX_MISTAKES && c->mistake[mistakes + 1]) mistakes++;
    text(c->name), number(c->points), number(c->needs), number(mistakes);
    for (int k = 1; k <= mistakes; k++) text(c->mistake[k]);
    for (int d = 0; d < DRAWS; d++) write_draw(e, check, 1000003u * (uint64_t)(d + 1), mistakes);
}

int main(int argc, char **argv)
{
    bank = argc == 2 ? fopen(argv[1], "wb") : NULL;
    if (!bank) { fprintf(stderr, "mkbank: cannot write %s\n", argc == 2 ? argv[1] : "without a file's name");  return 3; }
    fwrite("AEBANK1\n", 8, 1, bank), number(1), number(exercises_count()), number(DRAWS);
    for (int i = 0; i < exercises_count(); i++) {
        const Exercise *e = exercise_at(i);
        text(e->id), text(e->title), number(e->library), number(e->checks);
        for (int c = 0; c < e->checks; c++) write_check(e, c);
    }
    int bad = ferror(bank);
    return fclose(bank) || bad ? 3 : 0;
}
