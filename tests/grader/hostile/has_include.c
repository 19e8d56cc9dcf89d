/* expect 10: 
   The compiler does not even see that the grader's files are there, so there is nothing to ask it about them. */
#if __has_include("ROOT/grader/task.h")
#error it sees the grader
#endif
