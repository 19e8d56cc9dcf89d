#!/usr/bin/env python3
"""Lesson 3's network in PyTorch, at PyTorch's best: the other side of the race.

    python3 bench/lesson03_torch.py --data DIR [--epochs 3] [--threads 2] [--fused] ...

What is done in PyTorch's favour, so that nobody can say we raced a cripple:
  - all 60,000 images are one float tensor in memory before the clock starts;
  - denormals are flushed to zero;
  - malloc keeps its large blocks (the program starts itself again with two
    variables set; without them every step of 512 images faults its memory in anew);
  - seconds are those of training only: shuffling, forward, backward, step.

Prints a line for every epoch, tab-separated `key value` pairs, and at the end one line of
JSON.  Needs torch and, for --save, safetensors.
"""
import os
import sys
import time

START = float(os.environ.get("AUTOENC_BENCH_START") or time.time())
MALLOC = {"MALLOC_MMAP_THRESHOLD_": "1000000000", "MALLOC_TRIM_THRESHOLD_": "4000000000"}


def tune_malloc():
    """glibc reads these variables once, before main: so start again with them set."""
    if all(os.environ.get(k) == v for k, v in MALLOC.items()):
        return
    env = dict(os.environ, AUTOENC_BENCH_START=repr(START), **MALLOC)
    os.execve(sys.executable, [sys.executable] + sys.argv, env)


if __name__ == "__main__" and not {"-h", "--help", "--default-malloc"} & set(sys.argv):
    tune_malloc()

import argparse
import contextlib
import gzip
import json
import resource
import struct

import numpy as np
import torch
from torch import nn


# ---- DATA ------------------------------------------------------------------------------------

def find_idx(folder, name):
    """The first of folder/mnist/name, folder/name, each also with .gz."""
    for path in (os.path.join(folder, "mnist", name), os.path.join(folder, name)):
        for p in (path, path + ".gz"):
            if os.path.exists(p):
                return p
    return None


def read_images(folder, name):
    """An IDX file of images as bytes [n, 1, rows, cols]; the sizes are read from its header."""
    path = find_idx(folder, name)
    if path is None:
        print(f"{name}: not under {folder}; say where with --data or AUTOENC_DATA, "
              "or run `make data`", file=sys.stderr)
        sys.exit(3)
    with (gzip.open if path.endswith(".gz") else open)(path, "rb") as f:
        raw = f.read()
    magic, n, rows, cols = struct.unpack(">IIII", raw[:16])
    if magic != 0x803 or len(raw) != 16 + n * rows * cols:
        print(f"{path}: not an IDX file of images", file=sys.stderr)
        sys.exit(3)
    return np.frombuffer(raw, np.uint8, offset=16).reshape(n, 1, rows, cols)


def as_tensor(images):
    return torch.from_numpy(images.astype(np.float32) / np.float32(255))


# ---- MODEL -----------------------------------------------------------------------------------

class Autoencoder(nn.Module):
    """28x28 -> 16x14x14 -> 32x7x7 -> 64x1x1 and back; no sigmoid at the end."""

    def __init__(self):
        super().__init__()
        self.encoder = nn.Sequential(
            nn.Conv2d(1, 16, 3, stride=2, padding=1), nn.ReLU(),
            nn.Conv2d(16, 32, 3, stride=2, padding=1), nn.ReLU(),
            nn.Conv2d(32, 64, 7), nn.ReLU())
        self.decoder = nn.Sequential(
            nn.ConvTranspose2d(64, 32, 7), nn.ReLU(),
            nn.ConvTranspose2d(32, 16, 3, stride=2, padding=1, output_padding=1), nn.ReLU(),
            nn.ConvTranspose2d(16, 1, 3, stride=2, padding=1, output_padding=1))

    def forward(self, x):
        return self.decoder(self.encoder(x))


# ---- TRAIN -----------------------------------------------------------------------------------

def options():
    p = argparse.ArgumentParser(description="Lesson 3's network in PyTorch, at PyTorch's best.")
    p.add_argument("--data", default=os.environ.get("AUTOENC_DATA") or "data",
                   help="folder with the MNIST files, plain or .gz (default: $AUTOENC_DATA, data)")
    p.add_argument("--epochs", type=int, default=3)
    p.add_argument("--batch", type=int, default=512)
    p.add_argument("--lr", type=float, default=2e-4)
    p.add_argument("--seed", type=int, default=0)
    p.add_argument("--threads", type=int, default=2)
    p.add_argument("--compile", action="store_true", help="torch.compile the network")
    p.add_argument("--fused", action="store_true", help="Adam in one fused kernel")
    p.add_argument("--channels-last", action="store_true", help="NHWC weights and images")
    p.add_argument("--bf16", action="store_true", help="autocast to bfloat16")
    p.add_argument("--default-malloc", action="store_true", help="leave malloc as it is")
    p.add_argument("--save", metavar="F", help="write the weights to F (safetensors)")
    return p.parse_args()


def train_epoch(net, adam, data, batch, precision):
    """One pass in a fresh order.  Returns the mean of the batch means."""
    order = torch.randperm(len(data))
    total, batches = 0.0, 0
    for idx in order.split(batch):
        x = data[idx]
        with precision():
            loss = nn.functional.mse_loss(net(x), x)
        adam.zero_grad()
        loss.backward()
        adam.step()
        total += loss.item()
        batches += 1
    return total / batches


def test_loss(net, data, batch, precision):
    """The mean over every element of every image."""
    total = 0.0
    with torch.no_grad(), precision():
        for x in data.split(batch):
            total += nn.functional.mse_loss(net(x).float(), x, reduction="sum").item()
    return total / data.numel()


def warm_up_compiler(net, data, batch, precision):
    """Compile for both batch sizes before the clock starts; the weights stay as they are."""
    for n in {batch, len(data) % batch or batch}:
        with precision():
            nn.functional.mse_loss(net(data[:n]), data[:n]).backward()
    for p in net.parameters():
        p.grad = None


def main():
    o = options()
    torch.manual_seed(o.seed)
    torch.set_num_threads(o.threads)
    torch.set_flush_denormal(True)
    train = as_tensor(read_images(o.data, "train-images-idx3-ubyte"))
    test = as_tensor(read_images(o.data, "t10k-images-idx3-ubyte"))

    model = Autoencoder()
    if o.channels_last:
        model = model.to(memory_format=torch.channels_last)
        train = train.to(memory_format=torch.channels_last)
        test = test.to(memory_format=torch.channels_last)
    net = torch.compile(model, dynamic=False) if o.compile else model
    adam = torch.optim.Adam(model.parameters(), lr=o.lr, fused=True if o.fused else None)
    precision = contextlib.nullcontext
    if o.bf16:
        precision = lambda: torch.autocast("cpu", dtype=torch.bfloat16)
    compile_start = time.perf_counter()
    if o.compile:
        warm_up_compiler(net, train, o.batch, precision)
    compile_seconds = time.perf_counter() - compile_start
    first_batch = time.time() - START

    seconds, losses = [], []
    for epoch in range(1, o.epochs + 1):
        t = time.perf_counter()
        losses.append(train_epoch(net, adam, train, o.batch, precision))
        seconds.append(time.perf_counter() - t)
        print(f"epoch\t{epoch}\ttrain_loss\t{losses[-1]:.8f}\tseconds\t{seconds[-1]:.4f}", flush=True)
    final = test_loss(model, test, 1000, precision)
    print(f"test_loss\t{final:.8f}")

    timed = seconds[1:] if len(seconds) > 1 else seconds
    print(json.dumps({
        "program": "lesson03_torch", "torch": torch.__version__, "threads": o.threads,
        "seed": o.seed, "epochs": o.epochs, "batch": o.batch, "lr": o.lr,
        "compile": o.compile, "fused": o.fused, "channels_last": o.channels_last,
        "bf16": o.bf16, "tuned_malloc": not o.default_malloc,
        "train_images": len(train), "test_images": len(test),
        "train_loss": losses, "test_loss": final, "seconds": seconds,
        "images_per_second": len(train) * len(timed) / sum(timed) if timed else None,
        "seconds_compile": compile_seconds, "seconds_to_first_batch": first_batch,
        "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}))
    if o.save:
        from safetensors.torch import save_file
        save_file({k: v.contiguous() for k, v in model.state_dict().items()}, o.save)


if __name__ == "__main__":
    main()
