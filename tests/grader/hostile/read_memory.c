/* expect: not allowed: reached for another process's memory */
#define _GNU_SOURCE
#include <sys/uio.h>
#include <unistd.h>
static char b[64];
__attribute__((constructor)) static void first(void) { struct iovec l = { b, 64 }, r = { (void *)&b, 64 }; process_vm_readv(getppid(), &l, 1, &r, 1, 0); }
