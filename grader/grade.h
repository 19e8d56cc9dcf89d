/* grade.h: what judging (judge.c) hands to reporting (report.c). */
#ifndef GRADE_H
#define GRADE_H
#include "task.h"

typedef enum Verdict { MISSING, PASSED, WRONG, CRASHED, TIMEOUT, ENDED_EARLY, NO_COMPILE, NOT_ALLOWED, TOO_MUCH, SKIPPED, BROKEN } Verdict;
typedef struct Mark  { Verdict verdict;  int points;  char text[TEXT]; } Mark;
typedef struct Marks { int present, hostile;  Mark check[MAX_CHECKS];  char said[1500]; } Marks;   /* of one exercise of one student */
typedef struct Pupil { char *name, *path;  Marks *marks; } Pupil;                                   /* marks: one for each exercise */

typedef struct Settings { const char *home, *cc, *scratch, *headers;  uint64_t seed;  int is_static; } Settings;   /* headers: the folders of the system's, a line each */
void judge(const Settings *s, const Exercise *e, int index, const char *path, Marks *m);

const char *verdict_name(Verdict v);
int  points_of(const Exercise *e, const Marks *m);
int  points_possible(const Exercise *e);
void report_text(const Exercise *e, const Marks *m, int colour);
int  report_csv(const char *file, const Pupil *p, int pupils);
int  report_json(const char *file, const Pupil *p, int pupils, uint64_t seed, const char *sandbox);
int  report_gradescope(const char *file, const Pupil *p, const char *trouble);   /* trouble: all is zero, for this reason; NULL: as marked */
void report_autolab(const Pupil *p);
#endif
