/* expect: too much output: printed more */
#include <stdio.h>
__attribute__((constructor)) static void first(void) { for (;;) puts("and again"); }
