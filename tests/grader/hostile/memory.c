/* expect: crashed */
#include <stdlib.h>
#include <string.h>
__attribute__((constructor)) static void first(void) { for (int i = 0; i < 4096; i++) memset(malloc(1 << 20), 1, 1 << 20); }
