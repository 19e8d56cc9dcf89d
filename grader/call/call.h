/* call.h: what a file of this folder defines: how the checks of its exercise call the student's functions. */
void call(int check, const int *n, const float *s, float **a);
