/* expect: not allowed: includes */
#define THE_FILE "ROOT/grader/task.h"
#include THE_FILE
