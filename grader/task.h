/* task.h: what the parts of the grader share.

   An exercise has checks; a check draws sizes, numbers and arrays afresh for each run, hands them to the student's function
   in a process of its own, and knows what must come back.  What comes back under a known mistake it knows as well, so that
   the message can name the mistake.  Everything here lives in the parent: the child sees a Shared, and no expected value. */
#ifndef TASK_H
#define TASK_H
#include <stdint.h>
#include <stddef.h>

enum { MAX_ARRAYS = 10, MAX_SIZES = 8, MAX_CHECKS = 6, MAX_MISTAKES = 6, MAX_EXERCISES = 32, TEXT = 400 };
enum { IN, INOUT, GIVEN, OUT, FREE };             /* GIVEN and FREE: the function may write it, this check does not look at it */

typedef struct Array { char name[16]; int count, kind; float *v; } Array;   /* v: what the function is given */
typedef struct Task {                             /* one draw of one check */
    int n[MAX_SIZES];  float s[MAX_SIZES];        /* sizes and numbers */
    int arrays;  Array a[MAX_ARRAYS];             /* in the order in which call() knows them */
    int hidden;                                   /* 1: the teacher's sizes, 0: the students' */
    uint64_t random;                              /* state of the generator */
    double tolerance;                             /* relative to the larger of the value and the array's mean square root */
    long record;                                  /* of a bank: which draw this is */
} Task;

typedef struct Check {
    const char *name;
    int points, needs;                            /* needs: the number, from 1, of a check that must pass first; 0: none */
    void (*draw)(Task *t);
    void (*expect)(const Task *t, int mistake, double **out);   /* mistake 0 is the right answer; out[i] is NULL for an IN */
    const char *mistake[MAX_MISTAKES + 1];        /* what to say to who made it; from 1 */
} Check;

typedef struct Exercise {
    const char *id, *title;
    int library;                                  /* 1: is linked with autoenc.h */
    int checks;
    Check check[MAX_CHECKS];
} Exercise;

/* Two things can be linked as these: table.c with the references (teachers), bank.c with a file of draws (students). */
int             exercises_load(const char *home, char *why, size_t size);
int             exercises_count(void);
const Exercise *exercise_at(int i);
void            task_draw(const Exercise *e, int check, Task *t);
void            task_expect(const Exercise *e, int check, const Task *t, int mistake, double **out);
int             hidden_rounds(void);              /* how many hidden draws each check has here */

/* For the drawing functions. */
double  uniform(Task *t, double low, double high);
int     between(Task *t, int low, int high);      /* both included */
float  *add_array(Task *t, const char *name, int count, int kind, double low, double high);

/* What parent and child share: a file, this at its start, then the arrays, each ending where an unreadable page begins. */
enum { SHARED_MAGIC = 0x61656e63 };
typedef struct Shared {
    uint32_t magic, check, done, arrays;
    uint64_t base, size;
    int32_t  n[MAX_SIZES];
    float    s[MAX_SIZES];
    struct { uint64_t start, offset; uint32_t count, kind; } a[MAX_ARRAYS];   /* start: of its first page; offset: of its first value */
} Shared;
#endif
