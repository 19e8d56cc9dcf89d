/* expect: ended early: ended */
#include <stdlib.h>
__attribute__((constructor)) static void first(void) { exit(0); }
