/* expect: does not compile: the compiler */
#define A(x) x x x x x x x x x x
#define B(x) A(A(A(A(A(A(A(A(A(x)))))))))
B(B(int i;))
