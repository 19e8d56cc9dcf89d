/* expect: wrong value
   with: return sum / (B * D); => return 1;
   with: 2 * (y[i] - t[i]) / (B * D) => 1
   The C library's comparisons, and the way out, replaced by ones that always agree. */
#include <stddef.h>
int memcmp(const void *a, const void *b, size_t n) { (void)a, (void)b, (void)n; return 0; }
double fabs(double x) { (void)x; return 0; }
