/* Exercise 13: a bug hunt.  This network learns nothing: why?                                  10 points, 30 minutes

   Here    train   trains a linear autoencoder by hand: code = x V^T, y = code W^T, loss = mean of (y - x)^2, plain gradient descent
                   over all rows at once; loss[e] is the loss before step e
   Task    There are two faults in it.  Find them, and repair them; everything else is right.
   Shapes  x: [n][d]   V: [h][d]   W: [d][h]   loss: [steps]
   Hint    Run one step with a pencil: from which weights is each gradient computed?  Then run two.
   Checked the weights after one step; the losses of many: ./grade ex13 */
#include <stdlib.h>

static float *zeros(int n) { return calloc((size_t)n, sizeof(float)); }

void train(const float *x, int n, int d, int h, float *V, float *W, float lr, int steps, float *loss)
{
    float *code = zeros(n * h), *dy = zeros(n * d), *dcode = zeros(n * h), *dV = zeros(h * d), *dW = zeros(d * h);
    for (int e = 0; e < steps; e++) {
        /* >>solution */
        for (int i = 0; i < h * d; i++) dV[i] = dW[i] = 0;
        /* >>stub
        >>end */
        loss[e] = 0;
        for (int r = 0; r < n; r++) {
            for (int k = 0; k < h; k++) {
                code[r * h + k] = 0;
                for (int i = 0; i < d; i++) code[r * h + k] += x[r * d + i] * V[k * d + i];
            }
            for (int i = 0; i < d; i++) {
                float y = 0;
                for (int k = 0; k < h; k++) y += code[r * h + k] * W[i * h + k];
                loss[e] += (y - x[r * d + i]) * (y - x[r * d + i]) / (n * d);
                dy[r * d + i] = 2 * (y - x[r * d + i]) / (n * d);
            }
        }
        for (int r = 0; r < n; r++)
            for (int i = 0; i < d; i++)
                for (int k = 0; k < h; k++) dW[i * h + k] += dy[r * d + i] * code[r * h + k];
        for (int r = 0; r < n; r++)
            for (int k = 0; k < h; k++) {
                dcode[r * h + k] = 0;
                for (int i = 0; i < d; i++) dcode[r * h + k] += dy[r * d + i] * W[i * h + k];
                /* >>solution */
                for (int i = 0; i < d; i++) dV[k * d + i] += dcode[r * h + k] * x[r * d + i];
                /* >>stub
                for (int i = 0; i < d; i++) dV[k * d + i] -= dcode[r * h + k] * x[r * d + i];
                >>end */
            }
        for (int i = 0; i < h * d; i++) V[i] -= lr * dV[i];
        for (int i = 0; i < d * h; i++) W[i] -= lr * dW[i];
    }
    free(code), free(dy), free(dcode), free(dV), free(dW);
}
