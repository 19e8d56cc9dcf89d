/* Exercise 06: max pooling, forward and backward.                                            10 points, 20 minutes

   Write   max_pool            y, the largest value of each k x k window; windows start every s rows and columns
           max_pool_backward   dx: each dy goes to the place of x that was the largest of its window, and is added there
   Shapes  x, dx: [C][H][W]   y, dy: [C][OH][OW] with OH = (H - k) / s + 1, OW = (W - k) / s + 1
   Hint    Windows overlap where s < k.  Values may all be negative.
   Checked with overlapping windows, and images that are not square: ./grade ex06 */

void max_pool(const float *x, int C, int H, int W, int k, int s, float *y)
{
    int OH = (H - k) / s + 1, OW = (W - k) / s + 1;
    /* >>solution */
    for (int c = 0; c < C; c++)
        for (int i = 0; i < OH; i++)
            for (int j = 0; j < OW; j++) {
                float best = x[(c * H + i * s) * W + j * s];
                for (int a = 0; a < k; a++)
                    for (int b = 0; b < k; b++) {
                        float here = x[(c * H + i * s + a) * W + j * s + b];
                        if (here > best) best = here;
                    }
                y[(c * OH + i) * OW + j] = best;
            }
    /* >>stub
    (void)x;
    for (int i = 0; i < C * OH * OW; i++) y[i] = 0;      // write this
    >>end */
}

void max_pool_backward(const float *x, const float *dy, int C, int H, int W, int k, int s, float *dx)
{
    int OH = (H - k) / s + 1, OW = (W - k) / s + 1;
    for (int i = 0; i < C * H * W; i++) dx[i] = 0;
    /* >>solution */
    for (int c = 0; c < C; c++)
        for (int i = 0; i < OH; i++)
            for (int j = 0; j < OW; j++) {
                int best = (c * H + i * s) * W + j * s;
                for (int a = 0; a < k; a++)
                    for (int b = 0; b < k; b++) {
                        int here = (c * H + i * s + a) * W + j * s + b;
                        if (x[here] > x[best]) best = here;
                    }
                dx[best] += dy[(c * OH + i) * OW + j];
            }
    /* >>stub
    (void)x, (void)dy, (void)OH, (void)OW;      // write this
    >>end */
}
