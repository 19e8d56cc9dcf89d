/* expect: not allowed: changed the size of the results */
#include <unistd.h>
__attribute__((constructor)) static void first(void) { ftruncate(3, 0); }
