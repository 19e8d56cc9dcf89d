/* expect: not allowed: includes
   Asks whether the grader's files are there, without including them; compilers do not see them. */
#if __has_include("ROOT/grader/task.h")
#error it sees the grader
#endif
