/* expect: does not compile */
#include "/dev/zero"
