/* expect: timed out: an endless loop */
__attribute__((constructor)) static void first(void) { for (volatile int i = 0;; i++) {} }
