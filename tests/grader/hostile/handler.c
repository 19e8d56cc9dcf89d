/* expect: not allowed: opened a file: /etc/passwd */
#include <fcntl.h>
#include <signal.h>
static void caught(int s) { (void)s; }
__attribute__((constructor)) static void first(void) { signal(SIGSYS, caught); open("/etc/passwd", O_RDONLY); }
