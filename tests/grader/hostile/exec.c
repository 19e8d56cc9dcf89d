/* expect: not allowed: started another program: /bin/sh */
#include <unistd.h>
__attribute__((constructor)) static void first(void) { execl("/bin/sh", "sh", "-c", "true", (char *)0); }
