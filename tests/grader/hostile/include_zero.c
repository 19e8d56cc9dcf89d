/* expect: does not compile|includes /dev/zero */
#include "/dev/zero"
