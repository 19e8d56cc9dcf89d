/* expect: not allowed: opened a network connection */
#include <sys/socket.h>
__attribute__((constructor)) static void first(void) { socket(AF_INET, SOCK_STREAM, 0); }
