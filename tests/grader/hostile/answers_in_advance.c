/* expect: wrong value
   Everything in the shared file is overwritten with what looks finished, and the program ends. */
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <string.h>
__attribute__((constructor)) static void first(void) {
    struct stat s; fstat(3, &s);
    unsigned *p = mmap(0, s.st_size, PROT_READ | PROT_WRITE, MAP_SHARED, 3, 0);
    for (long i = 1024; i < s.st_size / 4; i++) p[i] = 0x3f800000;
    p[2] = 1;
    _Exit(0);
}
