/* table.c: the exercises with their references, as the teacher has them.  Each is a file of expect/. */
#include "task.h"

#define EXERCISES(X) X(ex01) X(ex02) X(ex03) X(ex04) X(ex05) X(ex06) X(ex07) X(ex08) X(ex09) X(ex10) X(ex11) X(ex12) X(ex13) X(ex14)
#define DECLARE(x) extern const Exercise x;
#define ADDRESS(x) &x,
EXERCISES(DECLARE)
static const Exercise *const all[] = { EXERCISES(ADDRESS) };

int exercises_load(const char *home, char *why, size_t size) { (void)home, (void)why, (void)size;  return 1; }
int exercises_count(void) { return (int)(sizeof all / sizeof *all); }
const Exercise *exercise_at(int i) { return all[i]; }
void task_draw(const Exercise *e, int check, Task *t) { e->check[check].draw(t); }
void task_expect(const Exercise *e, int check, const Task *t, int mistake, double **out) { e->check[check].expect(t, mistake, out); }
int hidden_rounds(void) { return 2; }
