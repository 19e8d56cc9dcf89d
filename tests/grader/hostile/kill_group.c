/* expect: not allowed: sent a signal */
#include <signal.h>
__attribute__((constructor)) static void first(void) { kill(0, SIGKILL); }
