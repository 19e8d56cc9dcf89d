/* expect: not allowed: includes
   A line marker calls what follows a header of the system, of which compilers do not speak if they need not. */
# 1 "system.h" 1 3
#include "ROOT/grader/task.h"
