"""scikit-learn's t-SNE, or openTSNE's, to set beside bench_tsne.c on the same numbers.

    python bench/tsne_others.py latents.npy [labels.npy] [--by openTSNE] [--threads 2] [--perplexity 30] [--map map.f32]
    python bench/tsne_others.py --make 20000 --images train-images-idx3-ubyte codes.npy

Prints a line with the seconds of fitting and the quality of the map.  The KL divergence is summed over all pairs, against
scikit-learn's own P, in double.  With --map nothing is fitted: the raw float32 [n][2] map in that file (as bench_tsne
writes it) is judged by the same measures instead.  --make writes the first so many MNIST images as 64 principal
components each: numbers to map that anybody can make, as many as one likes.
"""
import argparse
import os
import time

options = argparse.ArgumentParser()
options.add_argument("data")
options.add_argument("labels", nargs="?")
options.add_argument("--threads", type=int, default=2)
options.add_argument("--perplexity", type=float, default=30)
options.add_argument("--map")
options.add_argument("--by", choices=["sklearn", "openTSNE"], default="sklearn")
options.add_argument("--make", type=int)
options.add_argument("--images")
args = options.parse_args()
for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = str(args.threads)  # before numpy is imported, which reads them once

import numpy as np  # noqa: E402
from sklearn.decomposition import PCA  # noqa: E402
from sklearn.manifold import TSNE, trustworthiness  # noqa: E402
from sklearn.manifold._t_sne import _joint_probabilities_nn  # noqa: E402
from sklearn.neighbors import NearestNeighbors  # noqa: E402


def exact_kl(x, y):
    """KL(P || Q) with P over 3 * perplexity + 1 neighbours and Q over all pairs."""
    k = min(len(x) - 1, int(3 * args.perplexity + 1))
    graph = NearestNeighbors(n_neighbors=k).fit(x).kneighbors_graph(mode="distance")
    graph.data **= 2
    p = _joint_probabilities_nn(graph, args.perplexity, 0).tocoo()
    y = y.astype(np.float64)
    z = sum((1 / (1 + ((row - y) ** 2).sum(1))).sum() - 1 for row in y)
    q = 1 / (1 + ((y[p.row] - y[p.col]) ** 2).sum(1)) / z
    keep = p.data > 0
    return (p.data[keep] * np.log(p.data[keep] / q[keep])).sum()


def label_accuracy(y, labels):
    """Leave one out: the commonest label among the ten nearest others."""
    near = NearestNeighbors(n_neighbors=10).fit(y).kneighbors(return_distance=False)
    return np.mean([np.bincount(labels[row]).argmax() == own for row, own in zip(near, labels)])


def fit(x):
    if args.by == "sklearn":
        return TSNE(perplexity=args.perplexity, init="pca", n_jobs=args.threads, random_state=0).fit_transform(x)
    import openTSNE
    return np.asarray(openTSNE.TSNE(perplexity=args.perplexity, n_jobs=args.threads, random_state=0).fit(x))


if args.make:
    images = np.fromfile(args.images, np.uint8, offset=16).reshape(-1, 784)[: args.make] / np.float32(255)
    np.save(args.data, PCA(64, random_state=0).fit_transform(images).astype(np.float32))
    raise SystemExit
x = np.load(args.data)
if args.map:
    name, took = args.map, float("nan")
    y = np.fromfile(args.map, dtype=np.float32).reshape(len(x), 2)
else:
    name, start = args.by, time.perf_counter()
    y = fit(x)
    took = time.perf_counter() - start
accuracy = f"  kNN-10 {label_accuracy(y, np.load(args.labels)):.4f}" if args.labels else ""
# scikit-learn's trustworthiness keeps all distances: 60,000 points would take 29 GB
trust = f"{trustworthiness(x, y, n_neighbors=10):.4f}" if len(x) <= 30000 else "not measured"
print(f"{name}  {len(x)} x {x.shape[1]}  {args.threads} threads  {took:.2f} s  KL {exact_kl(x, y):.4f}"
      f"{accuracy}  trustworthiness {trust}", flush=True)
