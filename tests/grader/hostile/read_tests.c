/* expect: not allowed: opened a file: grader/expect/ex02.c */
#include <stdio.h>
__attribute__((constructor)) static void first(void) { fopen("grader/expect/ex02.c", "r"); }
