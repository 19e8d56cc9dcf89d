/* expect: not allowed: opened a file: /proc/ */
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>
__attribute__((constructor)) static void first(void) { char p[40]; sprintf(p, "/proc/%d/mem", (int)getppid()); open(p, O_RDONLY); }
