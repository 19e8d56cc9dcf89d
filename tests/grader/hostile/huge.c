/* expect: does not compile */
char a[1 << 28] = { 1 };
int f(void) { return ROOM; }
