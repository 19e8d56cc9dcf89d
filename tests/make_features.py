#!/usr/bin/env python3
"""Makes tests/features_numbers.h: what scikit-learn says of the rows in tests/test_features.c.

    V/bin/pip install numpy scikit-learn
    V/bin/python tests/make_features.py > tests/features_numbers.h

The rows are made by formulas of whole numbers, here and in the test alike, so no files are needed.
"""
import numpy as np
import sklearn
from sklearn.cluster import KMeans
from sklearn.linear_model import LogisticRegression
from sklearn.metrics.cluster import contingency_matrix
from sklearn.neighbors import KNeighborsClassifier

D, CLASSES = 6, 4


def hash32(x):
    """lowbias32, as in tests/make_fixtures.py."""
    x = np.asarray(x, np.uint32)
    x = (x ^ (x >> np.uint32(16))) * np.uint32(0x7feb352d)
    x = (x ^ (x >> np.uint32(15))) * np.uint32(0x846ca68b)
    return x ^ (x >> np.uint32(16))


def rows(n, seed):
    """Clouds around four points, that overlap; columns of different widths; exact in float32."""
    i, c = np.mgrid[:n, :D]
    label = np.arange(n) % CLASSES
    x = ((hash32(i * D + c + seed * 1000003) >> np.uint32(16)) / 65536.0 - 0.5) * (1 + c % 3) * 2
    x += (label[:, None] * 7 + c * 5 + label[:, None] * c * 3) % 4 * 0.75 + 3
    return x.astype(np.float32), label


def number(name, value):
    print(f"static const double {name} = {value:.12g};")


x, y = rows(400, 1)
t, u = rows(300, 2)
print(f"/* Made by make_features.py with scikit-learn {sklearn.__version__} and numpy {np.__version__}. */")
neighbours = (1, 4, 15)
print(f"static const int neighbours[] = {{ {', '.join(map(str, neighbours))} }};")
knn = [KNeighborsClassifier(k, algorithm="brute").fit(x, y).score(t, u) for k in neighbours]
print(f"static const double knn_accuracy[] = {{ {', '.join(f'{v:.12g}' for v in knn)} }};")

mean, scale = x.mean(0, dtype=float), np.sqrt(x.var(0, dtype=float).mean())
a, b = (x - mean) / scale, (t - mean) / scale
probe = LogisticRegression(C=1, tol=1e-10, max_iter=10000).fit(a, y)
p = probe.predict_proba(a)[np.arange(len(y)), y]
number("probe_accuracy", probe.score(b, u))
number("probe_loss", (-np.log(p).sum() + 0.5 * (probe.coef_ ** 2).sum()) / len(y))

given = KMeans(5, init=x[:5], n_init=1, algorithm="lloyd", tol=0).fit(x)
number("given_inertia", given.inertia_)
number("given_purity", contingency_matrix(y, given.labels_).max(0).sum() / len(y))
best = KMeans(5, n_init=50, random_state=0, tol=0).fit(x)
number("best_inertia", best.inertia_)
