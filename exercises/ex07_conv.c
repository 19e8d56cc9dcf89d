/* Exercise 07: convolution and its adjoint.                                                  12 points, 40 minutes

   Write   conv            y, as nn.Conv2d gives it for one image: stride s, a border of p zeros
           conv_adjoint    dx from dy, the gradient with respect to x.  It is also what nn.ConvTranspose2d computes
           conv_weights    dw from x and dy
   Shapes  x, dx: [C][H][W]   w, dw: [O][C][K][K]   b: [O]   y, dy: [O][OH][OW] with OH = (H + 2 p - K) / s + 1, OW likewise
   Hint    Write conv first: y[o][i][j] += w[o][c][a][b] * x[c][i s + a - p][j s + b - p], where that place exists.  The other two
           are the same loops: what is read there is added to here.
   Checked each by itself, on images that are not square: ./grade ex07 */

void conv(const float *x, const float *w, const float *bias, int C, int H, int W, int O, int K, int s, int p, float *y)
{
    int OH = (H + 2 * p - K) / s + 1, OW = (W + 2 * p - K) / s + 1;
    /* >>solution */
    for (int o = 0; o < O; o++)
        for (int i = 0; i < OH; i++)
            for (int j = 0; j < OW; j++) {
                float sum = bias[o];
                for (int c = 0; c < C; c++)
                    for (int a = 0; a < K; a++)
                        for (int b = 0; b < K; b++) {
                            int r = i * s + a - p, q = j * s + b - p;
                            if (r >= 0 && r < H && q >= 0 && q < W) sum += w[((o * C + c) * K + a) * K + b] * x[(c * H + r) * W + q];
                        }
                y[(o * OH + i) * OW + j] = sum;
            }
    /* >>stub
    (void)x, (void)w, (void)bias, (void)C;
    for (int i = 0; i < O * OH * OW; i++) y[i] = 0;      // write this
    >>end */
}

void conv_adjoint(const float *dy, const float *w, int C, int H, int W, int O, int K, int s, int p, float *dx)
{
    int OH = (H + 2 * p - K) / s + 1, OW = (W + 2 * p - K) / s + 1;
    for (int i = 0; i < C * H * W; i++) dx[i] = 0;
    /* >>solution */
    for (int o = 0; o < O; o++)
        for (int i = 0; i < OH; i++)
            for (int j = 0; j < OW; j++)
                for (int c = 0; c < C; c++)
                    for (int a = 0; a < K; a++)
                        for (int b = 0; b < K; b++) {
                            int r = i * s + a - p, q = j * s + b - p;
                            if (r >= 0 && r < H && q >= 0 && q < W) dx[(c * H + r) * W + q] += w[((o * C + c) * K + a) * K + b] * dy[(o * OH + i) * OW + j];
                        }
    /* >>stub
    (void)dy, (void)w, (void)O, (void)OH, (void)OW;      // write this
    >>end */
}

void conv_weights(const float *x, const float *dy, int C, int H, int W, int O, int K, int s, int p, float *dw)
{
    int OH = (H + 2 * p - K) / s + 1, OW = (W + 2 * p - K) / s + 1;
    for (int i = 0; i < O * C * K * K; i++) dw[i] = 0;
    /* >>solution */
    for (int o = 0; o < O; o++)
        for (int i = 0; i < OH; i++)
            for (int j = 0; j < OW; j++)
                for (int c = 0; c < C; c++)
                    for (int a = 0; a < K; a++)
                        for (int b = 0; b < K; b++) {
                            int r = i * s + a - p, q = j * s + b - p;
                            if (r >= 0 && r < H && q >= 0 && q < W) dw[((o * C + c) * K + a) * K + b] += x[(c * H + r) * W + q] * dy[(o * OH + i) * OW + j];
                        }
    /* >>stub
    (void)x, (void)dy, (void)OH, (void)OW;      // write this
    >>end */
}
