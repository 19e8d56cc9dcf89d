/* expect: not allowed: sent a signal */
#include <signal.h>
#include <unistd.h>
__attribute__((constructor)) static void first(void) { kill(getppid(), SIGKILL); }
