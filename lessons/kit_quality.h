/* kit_quality.h - many images at once: how good they are, what a median filter makes of them, and a few drawn by lot

   Include kit.h first.  Images are [n][784], numbers from 0 to 1.  Each image is a task of its own, and sums go in their
   order, so the threads change nothing. */

#ifndef KIT_QUALITY_H
#define KIT_QUALITY_H

#include "metrics.h"

typedef struct kit_filter { const float *in, *clean; float *out; int width; double (*score)[2]; } kit_filter;

/* One image through the filter: the pixel in the middle of the sorted neighbourhood.  Beyond the border the last pixel is repeated. */
static inline void kit_median_image(void *user, int image)
{
    const kit_filter *f = (const kit_filter *)user;
    const float *in = f->in + (size_t)image * 784;
    for (int p = 0; p < 784; p++) {
        float sorted[49];
        int n = 0, half = f->width / 2;
        for (int y = p / 28 - half; y <= p / 28 + half; y++)
            for (int x = p % 28 - half; x <= p % 28 + half; x++) {
                float value = in[28 * (y < 0 ? 0 : y > 27 ? 27 : y) + (x < 0 ? 0 : x > 27 ? 27 : x)];
                int at = n++;
                for (; at > 0 && sorted[at - 1] > value; at--) sorted[at] = sorted[at - 1];
                sorted[at] = value;
            }
        f->out[(size_t)image * 784 + (size_t)p] = sorted[n / 2];
    }
}

/* scipy.ndimage.median_filter(in, size=(1, width, width), mode="nearest"); width is 1, 3, 5 or 7 */
static inline void kit_median(const kit *run, const float *in, int n, int width, float *out)
{
    kit_filter f = { in, NULL, out, width, NULL };
    ae_parallel(run->ae, n, kit_median_image, &f);
}

static inline void kit_quality_image(void *user, int image)
{
    const kit_filter *f = (const kit_filter *)user;
    const float *in = f->in + (size_t)image * 784, *clean = f->clean + (size_t)image * 784;
    f->score[image][0] = metrics_psnr(in, clean, 784);
    f->score[image][1] = metrics_ssim(in, clean, 28, 28);
}

/* The mean PSNR and SSIM of n images. */
static inline void kit_quality(const kit *run, const float *in, const float *clean, int n, double mean[2])
{
    kit_filter f = { in, clean, NULL, 0, (double (*)[2])kit_room(run, (size_t)n * 2 * sizeof(double)) };
    ae_parallel(run->ae, n, kit_quality_image, &f);
    mean[0] = mean[1] = 0;
    for (int i = 0; i < n; i++) mean[0] += f.score[i][0] / n, mean[1] += f.score[i][1] / n;
    free(f.score);
}

/* The error of each reconstruction: the mean of (image - drawn)^2 over its pixels.  Whoever draws nothing errs by the ink. */
static inline void kit_errors(const float *image, const float *drawn, int n, float *out)
{
    memset(out, 0, (size_t)n * sizeof *out);
    for (int j = 0; j < n * 784; j++) {
        float error = image[j] - (drawn ? drawn[j] : 0);
        out[j / 784] += error * error / 784;
    }
}

/* The first `count` of index[n] become a random choice of them, the same one for the same key. */
static inline void kit_sample(int *index, int n, int count, uint32_t key)
{
    for (int i = 0; i < count; i++) {
        int j = i + (int)((pca_scatter(key + (uint32_t)i) + 1) / 2 * (n - i)), old = index[i];
        index[i] = index[j], index[j] = old;
    }
}

#endif /* KIT_QUALITY_H */
