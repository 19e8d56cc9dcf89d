/* Exercise 01: a linear layer, forward and backward.                                        10 points, 20 minutes

   Write   linear_forward    y = x W^T + b, as nn.Linear does it
           linear_backward   dx, dW and db from dy, the gradient of the loss with respect to y
   Shapes  x, dx: [B][I]   W, dW: [O][I]   b, db: [O]   y, dy: [B][O]
   Hint    W[o][i] stands at W[o * I + i].  Each weight meets every row of the batch, so its gradient is a sum over the rows.
   Checked each gradient by itself, on random numbers: ./grade ex01 */

void linear_forward(const float *x, const float *W, const float *b, int B, int I, int O, float *y)
{
    /* >>solution */
    for (int r = 0; r < B; r++)
        for (int o = 0; o < O; o++) {
            y[r * O + o] = b[o];
            for (int i = 0; i < I; i++) y[r * O + o] += x[r * I + i] * W[o * I + i];
        }
    /* >>stub
    (void)x, (void)W, (void)b, (void)I;
    for (int k = 0; k < B * O; k++) y[k] = 0;      // write this
    >>end */
}

void linear_backward(const float *x, const float *W, const float *dy, int B, int I, int O, float *dx, float *dW, float *db)
{
    /* >>solution */
    for (int k = 0; k < B * I; k++) dx[k] = 0;
    for (int k = 0; k < O * I; k++) dW[k] = 0;
    for (int k = 0; k < O; k++) db[k] = 0;
    for (int r = 0; r < B; r++)
        for (int o = 0; o < O; o++) {
            db[o] += dy[r * O + o];
            for (int i = 0; i < I; i++) {
                dx[r * I + i] += dy[r * O + o] * W[o * I + i];
                dW[o * I + i] += dy[r * O + o] * x[r * I + i];
            }
        }
    /* >>stub
    (void)x, (void)W, (void)dy;
    for (int k = 0; k < B * I; k++) dx[k] = 0;     // write this
    for (int k = 0; k < O * I; k++) dW[k] = 0;
    for (int k = 0; k < O; k++) db[k] = 0;
    >>end */
}
