/* expect: not allowed: includes */
#include "ROOT/grader/task.h"
