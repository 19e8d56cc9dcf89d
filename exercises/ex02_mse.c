/* Exercise 02: the mean squared error and its gradient.                                    10 points, 10 minutes

   Write   mse_loss   the loss of a batch: the mean of (y - t)^2 over every element, that is over B times D numbers
           mse_grad   dy, the derivative of this loss with respect to each element of y
   Shapes  y, t, dy: [B][D], one image after the other
   Hint    The loss divides by B * D, not by B.  Its derivative has a 2 in it, and the same divisor.
   Checked on random numbers of a few sizes: ./grade ex02 */

float mse_loss(const float *y, const float *t, int B, int D)
{
    /* >>solution */
    float sum = 0;
    for (int i = 0; i < B * D; i++) sum += (y[i] - t[i]) * (y[i] - t[i]);
    return sum / (B * D);
    /* >>stub
    (void)y, (void)t, (void)B, (void)D;      // write this
    return 0;
    >>end */
}

void mse_grad(const float *y, const float *t, int B, int D, float *dy)
{
    /* >>solution */
    for (int i = 0; i < B * D; i++) dy[i] = 2 * (y[i] - t[i]) / (B * D);
    /* >>stub
    (void)y, (void)t;
    for (int i = 0; i < B * D; i++) dy[i] = 0;      // write this
    >>end */
}
