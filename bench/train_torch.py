#!/usr/bin/env python3
"""The training of each lesson's network in PyTorch, in several ways: the other side of bench/run.py.

    python3 bench/train_torch.py lesson03 [WAY ...] [--data DIR] [--threads 2] [--warm 20000] [--seed 0]

The networks and losses are those of reference.py, the protocol that of train.c: a line of input is a way and a number of
seconds, as `fused 3`, and is answered by `ran IMAGES SECONDS`.  The ways:

    eager                    as one writes it
    fused                    Adam in one fused kernel
    compile                  network and loss by torch.compile, and fused Adam
    channels-last            NHWC weights and images, and fused Adam
    compile-channels-last    both
    bf16                     autocast to bfloat16 and fused Adam, channels last where there are convolutions
    documents                eager, and everything else as the documents have it: torchvision's MNIST and ToTensor read image
                             by image in a DataLoader; a process with this way alone keeps malloc and denormals as they are

What is done in PyTorch's favour, so that nobody can say we raced a cripple: all images are one float tensor in memory
before the first step; denormals are flushed to zero; malloc keeps its large blocks (the program starts itself again with
two variables set; without them every step of 512 images faults its memory in anew).  Losses are added up as tensors
and read once a run, as on our side.  The first way warms up in full, so that its loss can be compared; the others by a tenth of
that.  A way that does not work here answers `failed`.
"""
import argparse
import contextlib
import os
import sys
import tempfile
import time

if __name__ == "__main__" and "documents" not in sys.argv:
    from reference import tune_malloc               # imports torch, too: so first this, then the clock's other work
    tune_malloc()

import torch

import reference

WAYS = ["eager", "fused", "compile", "channels-last", "compile-channels-last", "bf16", "documents"]
SETTINGS = {                                        # the lesson of reference.py, its options, and what differs from it
    "lesson01": ("lesson01", {"hidden": 128, "latent": 32}, {}),
    "lesson02-fc": ("lesson02", {"net": "fc", "latent": None, "batchnorm": False}, {}),
    "lesson02-cnn": ("lesson02", {"net": "cnn", "latent": None, "batchnorm": False}, {}),
    "lesson03": ("lesson03", {}, {}),
    "lesson04": ("lesson04", {"cnn": False, "loss": "mse", "lr": 1e-3}, {}),
    "lesson05": ("lesson05", {"init": "default"}, {}),
    "lesson06": ("lesson06", {"latent": 20, "beta": 1}, {}),
    "lesson07": ("lesson07", {"label_in_loss": False}, {"batch": 256}),
}


def setting(name):
    lesson_name, given, other = SETTINGS[name]
    lesson, o = reference.LESSONS[lesson_name], argparse.Namespace(full=True, **given)
    lesson.check(o, None)
    for key, value in other.items():
        setattr(lesson, key, value)
    return lesson, o


def documents_loader(lesson, folder):
    """torchvision finds its files in a folder of its own layout; links lead there to ours."""
    import torchvision
    letters = lesson.data == reference.LETTERS
    name = "EMNIST" if letters else "MNIST"
    raw = os.path.join(tempfile.mkdtemp(prefix="autoenc-bench-"), name, "raw")
    os.makedirs(raw)
    for stem in lesson.data:
        for kind in ("images-idx3-ubyte", "labels-idx1-ubyte"):
            sub = os.path.join(folder, "emnist") if letters and os.path.isdir(os.path.join(folder, "emnist")) else folder
            os.symlink(os.path.abspath(reference.find_idx(sub, f"{stem}-{kind}")), os.path.join(raw, f"{stem}-{kind}"))
    make, more = (torchvision.datasets.EMNIST, {"split": "letters"}) if letters else (torchvision.datasets.MNIST, {})
    data = make(os.path.dirname(os.path.dirname(raw)), train=True, transform=torchvision.transforms.ToTensor(), **more)
    return torch.utils.data.DataLoader(data, batch_size=lesson.batch, shuffle=True)


class Contestant:
    """One network trained in one way."""

    def __init__(self, name, way, images, labels, folder, seed):
        torch.manual_seed(seed)
        self.lesson, o = setting(name)
        self.task, self.images, self.labels = self.lesson.task(o, seed), images, labels
        net, self.loader, self.precision = self.task.net, None, contextlib.nullcontext
        self.cost = self.task.cost
        if "channels-last" in way or way == "bf16" and not self.lesson.flat:
            net.to(memory_format=torch.channels_last)
            self.images = images.to(memory_format=torch.channels_last)
        if way == "bf16":
            self.precision = lambda: torch.autocast("cpu", dtype=torch.bfloat16)
        if "compile" in way:
            self.cost = torch.compile(self.task.cost, dynamic=False)
        if way == "documents":
            self.loader = documents_loader(self.lesson, folder)
        fused = None if way in ("eager", "documents") else True
        self.adam = torch.optim.Adam(net.parameters(), lr=self.lesson.lr, weight_decay=self.lesson.decay, fused=fused)
        self.endless = self.batches()
        self.running = torch.zeros(())

    def batches(self):
        """Epoch after epoch, each in a fresh order.  Only lesson 7 looks at labels."""
        wants_labels = isinstance(self.task.net, reference.ConditionalVAE)
        while self.loader:
            for x, y in self.loader:
                yield x.flatten(1) if self.lesson.flat else x, y
        while True:
            for index in torch.randperm(len(self.images)).split(self.lesson.batch):
                yield self.images[index], self.labels[index] if wants_labels else None

    def step(self):
        x, y = next(self.endless)
        with self.precision():
            cost = self.cost(x, y)
        self.adam.zero_grad()
        cost.backward()
        self.adam.step()
        self.running += self.task.per_image_or_element(cost.detach(), len(x))
        return len(x)

    def warm_up(self, images):
        """The mean loss of the second half of so many images.  Compiled code meets the smaller last batch here, too."""
        for n in {self.lesson.batch, len(self.images) % self.lesson.batch or self.lesson.batch}:
            with self.precision():
                self.cost(self.images[:n], self.labels[:n]).backward()
        done = steps = 0
        while done < images / 2:
            done += self.step()
        self.running.zero_()
        while done < images:
            done, steps = done + self.step(), steps + 1
        return self.running.item() / steps if steps else float("nan")

    def run(self, seconds):
        images, start = 0, time.perf_counter()
        now = start
        while now - start < seconds:
            images += self.step()
            now = time.perf_counter()
        return images, now - start


def say(*fields):
    print(*fields, sep="\t", flush=True)


def main():
    p = argparse.ArgumentParser(description="A lesson's training in PyTorch.")
    p.add_argument("net", choices=SETTINGS)
    p.add_argument("way", nargs="*", default=["fused"], metavar="WAY", help=" ".join(WAYS))
    p.add_argument("--data", default=os.environ.get("AUTOENC_DATA") or os.path.join(reference.ROOT, "data"))
    p.add_argument("--threads", type=int, default=2)
    p.add_argument("--warm", type=int, default=20000)
    p.add_argument("--seed", type=int, default=0)
    o = p.parse_args()
    torch.set_num_threads(o.threads)
    torch.set_flush_denormal(o.way != ["documents"])
    lesson, _ = setting(o.net)
    images, labels = reference.read_set(o.data, lesson.data[0], lesson.flat)
    contestants = {}
    for way in o.way:
        try:
            contestant = Contestant(o.net, way, images, labels, o.data, o.seed)
            contestant.step()
            say("first", way)
            say("ready", way, f"{contestant.warm_up(o.warm if way == o.way[0] else o.warm // 10):.9g}")
            contestants[way] = contestant
        except Exception as e:                      # whatever PyTorch throws at a way that it does not support
            say("failed", way, f"{type(e).__name__}: {e}".splitlines()[0])
    say("all")
    for line in sys.stdin:
        way, seconds = line.split()
        images_done, took = contestants[way].run(float(seconds))
        say("ran", images_done, f"{took:.6f}")


if __name__ == "__main__":
    main()
