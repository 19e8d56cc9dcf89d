/* expect: not allowed: started a process or thread */
#include <pthread.h>
static void *work(void *p) { return p; }
__attribute__((constructor)) static void first(void) { pthread_t t; pthread_create(&t, 0, work, 0); }
