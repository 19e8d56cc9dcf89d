/* expect: not allowed: reached for another process's memory */
#include <sys/ptrace.h>
#include <unistd.h>
__attribute__((constructor)) static void first(void) { ptrace(PTRACE_ATTACH, getppid(), 0, 0); }
