/* expect: crashed */
#include <stdlib.h>
#include <string.h>
static char *volatile kept;      /* else clang leaves the memory out, which nobody reads */
__attribute__((constructor)) static void first(void) { for (int i = 0; i < 4096; i++) if ((kept = malloc(1 << 20)) != NULL) memset(kept, 1, 1 << 20); else abort(); }
