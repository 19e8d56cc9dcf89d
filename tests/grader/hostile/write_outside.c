/* expect: not allowed: opened a file: OUTSIDE */
#include <fcntl.h>
__attribute__((constructor)) static void first(void) { open("OUTSIDE", O_WRONLY | O_CREAT, 0600); }
