/* expect: not allowed: started a process */
#include <unistd.h>
__attribute__((constructor)) static void first(void) { for (int i = 0; i < 5; i++) fork(); }
