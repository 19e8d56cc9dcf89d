/* expect: ended early: PASS */
#include <stdio.h>
#include <stdlib.h>
__attribute__((constructor)) static void first(void) { puts("PASS 10/10"); fflush(stdout); _Exit(0); }
