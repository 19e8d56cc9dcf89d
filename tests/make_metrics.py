#!/usr/bin/env python3
"""Makes tests/metrics_numbers.h: what scikit-image and scikit-learn say of the arrays in tests/test_metrics.c.

    V/bin/pip install numpy scikit-image scikit-learn
    V/bin/python tests/make_metrics.py > tests/metrics_numbers.h

The arrays are made by formulas of whole numbers, here and in the test alike, so no files are needed.
"""
import numpy as np
import skimage
import sklearn
from skimage.metrics import peak_signal_noise_ratio, structural_similarity
from sklearn.metrics import average_precision_score, precision_recall_curve, roc_auc_score, roc_curve


def hash32(x):
    """lowbias32, as in tests/make_fixtures.py."""
    x = np.asarray(x, np.uint32)
    x = (x ^ (x >> np.uint32(16))) * np.uint32(0x7feb352d)
    x = (x ^ (x >> np.uint32(15))) * np.uint32(0x846ca68b)
    return x ^ (x >> np.uint32(16))


def noise(n, seed):
    """-0.5 .. 0.5 in steps of 1 / 65536, exact in float32."""
    return (hash32(np.arange(n) + seed * 1000003) >> np.uint32(16)) / 65536.0 - 0.5


def rows(name, kind, values):
    print(f"static const {kind} {name}[] = {{ {', '.join(values)} }};")


# ---- IMAGES: a clean one, and a damaged one of each kind --------------------------------------

def images(high, wide, percent, offset, flip):
    r, c = np.mgrid[:high, :wide]
    clean = np.minimum(1, (r * 5 + c * 3) % 37 * np.abs(r - c) / 512.0)
    noisy = clean + percent / 128.0 * noise(high * wide, 1).reshape(high, wide) + offset / 128.0
    return clean.astype(np.float32), (1 - noisy if flip else noisy).astype(np.float32)


CASES = [(28, 28, 16, 0, 0), (28, 28, 64, 0, 0), (28, 28, 128, 0, 0), (28, 28, 0, 32, 0), (28, 28, 16, 0, 1), (11, 11, 32, 0, 0),
         (40, 17, 32, -8, 0), (12, 64, 100, 5, 0)]
psnr, ssim = [], []
for case in CASES:
    clean, noisy = (a.astype(np.float64) for a in images(*case))
    psnr.append(repr(float(peak_signal_noise_ratio(clean, noisy, data_range=1))))
    ssim.append(repr(float(structural_similarity(clean, noisy, data_range=1, gaussian_weights=True, sigma=1.5, use_sample_covariance=False))))

print(f"/* metrics_numbers.h: made by tests/make_metrics.py from scikit-image {skimage.__version__}, scikit-learn {sklearn.__version__}. */")
print("static const int image_case[][5] = { %s };" % ", ".join("{ %d, %d, %d, %d, %d }" % c for c in CASES))
rows("image_psnr", "double", psnr)
rows("image_ssim", "double", ssim)


# ---- RANKING: scores in `levels` steps, so that few levels mean many ties ----------------------

def ranking(n, levels, one_in, shift):
    positive = hash32(np.arange(n) + 77) % np.uint32(one_in) == 0
    score = np.floor((noise(n, 2) + 0.5 + shift / 128.0 * positive) * levels) / 1024
    return score.astype(np.float32), positive


RANKINGS = [(500, 1024, 2, 32), (500, 8, 2, 32), (500, 1, 3, 0), (2000, 300, 50, 40), (64, 1024, 4, -90), (300, 16, 5, 200)]
auc, ap, points = [], [], []
for case in RANKINGS:
    score, positive = ranking(*case)
    auc.append(repr(float(roc_auc_score(positive, score))))
    ap.append(repr(float(average_precision_score(positive, score))))
    points.append(str(len(roc_curve(positive, score, drop_intermediate=False)[0])))
print("static const int ranking_case[][4] = { %s };" % ", ".join("{ %d, %d, %d, %d }" % c for c in RANKINGS))
rows("ranking_auc", "double", auc)
rows("ranking_average_precision", "double", ap)
rows("ranking_points", "int", points)

score, positive = ranking(*RANKINGS[1])
fpr, tpr, threshold = roc_curve(positive, score, drop_intermediate=False)
precision = precision_recall_curve(positive, score)[0]
rows("curve_threshold", "double", [repr(float(t)) for t in threshold[1:]])
rows("curve_hits", "int", [str(round(t * positive.sum())) for t in tpr[1:]])
rows("curve_alarms", "int", [str(round(f * (~positive).sum())) for f in fpr[1:]])
rows("curve_precision", "double", [repr(float(p)) for p in precision[-2::-1]])
