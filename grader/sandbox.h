/* sandbox.h: runs one command in a process of its own, with limits, and where the system has the means, shut in. */
#ifndef SANDBOX_H
#define SANDBOX_H
#include <stddef.h>

typedef enum How { ENDED, KILLED, TIMED_OUT, TOO_MUCH_OUTPUT, FORBIDDEN, NOT_STARTED } How;
typedef struct Job {
    char *const *argv;
    const char *folder;                /* where it runs; a compiler may write here and nowhere else */
    int    compiler;                   /* 1: may start processes and read files; 0: may compute, and print */
    int    file;                       /* becomes file 3 of the process; -1: none */
    int    cpu_seconds, wall_seconds, megabytes;
    size_t written, printed;           /* limits: bytes of a file, bytes of output */
} Job;
typedef struct Ended {
    How    how;
    int    code;                       /* exit status or signal */
    void  *fault;                      /* where memory was touched that is not there, if that is known */
    char   act[160];                   /* FORBIDDEN: what it tried */
    char   output[4096];               /* the first of what it printed */
    size_t printed;
} Ended;

void        sandbox_open(int wanted, int static_programs, const char *home);   /* once, at the start; wanted 0: limits only */
const char *sandbox_describe(void);                          /* "seccomp, Landlock" or "not sandboxed" */
void        sandbox_run(const Job *job, Ended *ended);
#endif
