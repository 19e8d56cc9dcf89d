#!/usr/bin/env python3
"""Every lesson's training on an NVIDIA card, beside PyTorch's on the same card: `make gpu-bench`.

    python3 bench/gpu.py [--lessons lesson03,lesson06] [--steps 300] [--device cuda]

Ours is ./lessonNN --synthetic --device cuda, images a second from its run.json (first epoch not counted).  PyTorch trains
the networks of reference.py on random images that are on the card before the clock starts, in three ways: eager; compiled
with mode "reduce-overhead"; and a whole step captured by hand into one CUDA graph, which is the honest rival.  All are
float32; matmul and convolutions may not use TF32.  Also: launches in one of our steps (AE_CUDA_REPORT=1) and, in brackets,
how many of them lie on its longest path, and what an empty node of a graph costs.  And which share of our step's time its
floors are: its multiplications and additions at the rate of a large product, and its bytes at the rate of a large copy, both
measured in the same run.  Its bytes are those of every array that must be made once and used once: 40 a parameter (read by
the forward and the backward pass, gradient, both moments, the new value), 16 a number that a layer makes (it and its
gradient, written and read), and the batch.  Prints the rows of bench/gpu.md.  What fails says so in its cell, and the rest
goes on.
Exit status: 0 done, 3 there is no card, no PyTorch, or no program.
"""
import argparse
import datetime
import json
import os
import re
import subprocess
import sys
import tempfile
import time
import types

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(HERE)
sys.path.insert(0, HERE)

# lesson, its options, those of reference.py's class, size of a batch at --full
RUNS = [
    ("lesson01", [], dict(hidden=128, latent=32), 512),
    ("lesson02", ["--net", "fc"], dict(net="fc", batchnorm=False, latent=None), 64),
    ("lesson02", ["--net", "cnn"], dict(net="cnn", batchnorm=False, latent=None), 64),
    ("lesson03", [], dict(full=False), 512),
    ("lesson04", [], dict(cnn=False, lr=1e-3, loss="mse"), 32),
    ("lesson05", [], dict(init="both"), 256),
    ("lesson06", [], dict(latent=20, beta=1.0), 256),
    ("lesson07", [], dict(label_in_loss=False), 128),
]


def ours(lesson, options, batch, device):
    """Images a second, and launches in the largest step; or why there are none."""
    with tempfile.TemporaryDirectory() as out:
        command = [os.path.join(ROOT, lesson), "--synthetic", "--device", device, "--batch", str(batch), "--epochs", "3",
                   "--no-plot", "--no-progress", "--out", out, *options]
        done = subprocess.run(command, capture_output=True, text=True, env=dict(os.environ, AE_CUDA_REPORT="1"))
        if done.returncode:
            return None, (done.stderr.strip().splitlines() or ["failed"])[-1]
        with open(os.path.join(out, "run.json")) as f:
            run = json.load(f)
    if run.get("nets"):
        run = next(iter(run["nets"].values()))
    nodes = re.search(r"nodes=(\d+) deep=(\d+)", done.stderr)
    return run["images_per_second"], "%s (%s)" % nodes.groups() if nodes else "-"


def prepared(torch, lesson, options, device):
    """A lesson's row of reference.py, its task, and random images and labels on the device."""
    from reference import LESSONS
    row = LESSONS[lesson]
    o = types.SimpleNamespace(**options)
    row.check(o, None)
    torch.manual_seed(0)
    torch.set_default_device(device)
    return row, row.task(o, 0), torch.rand(60000, *([784] if row.flat else [1, 28, 28])), torch.randint(10, (60000,))


def floors(torch, lesson, options, batch, device):
    """Multiplications and additions, and bytes, of a step: see above."""
    from torch.utils.flop_counter import FlopCounterMode
    _, task, images, labels = prepared(torch, lesson, options, device)
    made = []
    for module in task.net.modules():
        if not list(module.children()):
            module.register_forward_hook(lambda m, i, out: made.append(out.numel()))
    with FlopCounterMode(display=False) as counter:
        task.cost(images[:batch], labels[:batch]).backward()
    return counter.get_total_flops(), 40 * sum(p.numel() for p in task.net.parameters()) + 16 * sum(made) + 4 * images[:batch].numel()


def rates(torch, device):
    """What the device does a second: multiplications and additions of a large product, bytes of a large copy."""
    wait = torch.cuda.synchronize if device == "cuda" else (lambda: None)

    def seconds(work, times=5):
        work()
        wait()
        best = float("inf")
        for _ in range(times):
            began = time.perf_counter()
            work()
            wait()
            best = min(best, time.perf_counter() - began)
        return best
    n = 8192 if device == "cuda" else 2048
    a, b = torch.rand(n, n, device=device), torch.rand(n, n, device=device)
    large = torch.rand(n * n * 4, device=device)
    other = torch.empty_like(large)
    return 2 * n ** 3 / seconds(lambda: torch.mm(a, b)), 2 * 4 * large.numel() / seconds(lambda: other.copy_(large))


def theirs(torch, lesson, options, batch, way, steps, device):
    """PyTorch's images a second."""
    row, task, images, labels = prepared(torch, lesson, options, device)
    captured = way == "captured"
    adam = torch.optim.Adam(task.net.parameters(), lr=row.lr, weight_decay=row.decay, fused=True, capturable=captured)
    cost = torch.compile(task.cost, mode="reduce-overhead") if way == "compiled" else task.cost
    x, y = images[:batch].clone(), labels[:batch].clone()

    def step():
        adam.zero_grad(set_to_none=True)
        c = cost(x, y)
        c.backward()
        adam.step()

    for _ in range(11):
        step()
    if captured:
        torch.cuda.synchronize()
        graph = torch.cuda.CUDAGraph()
        adam.zero_grad(set_to_none=True)
        with torch.cuda.graph(graph):
            step()
    order = torch.randint(60000, (steps, batch))
    wait = torch.cuda.synchronize if device == "cuda" else (lambda: None)
    wait()
    began = time.perf_counter()
    for rows in order:
        torch.index_select(images, 0, rows, out=x)
        torch.index_select(labels, 0, rows, out=y)
        graph.replay() if captured else step()
    wait()
    return steps * batch / (time.perf_counter() - began)


def node_latency(torch):
    """Seconds of one node that does nothing much, among a thousand in a graph."""
    x = torch.zeros(1, device="cuda")
    x += 1
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        for _ in range(1000):
            x += 1
    graph.replay()
    torch.cuda.synchronize()
    began = time.perf_counter()
    for _ in range(10):
        graph.replay()
    torch.cuda.synchronize()
    return (time.perf_counter() - began) / 1e4


def cell(work):
    """A number with commas, or the first words of what went wrong."""
    try:
        value = work()
        return value, f"{value:,.0f}"
    except Exception as e:                                 # one way that fails must not hide the others
        return None, str(e).strip().splitlines()[0][:40] if str(e).strip() else type(e).__name__


def main():
    p = argparse.ArgumentParser(description="The lessons on a card, beside PyTorch.")
    p.add_argument("--lessons", default="")
    p.add_argument("--steps", type=int, default=300)
    p.add_argument("--device", choices=["cuda", "cpu"], default="cuda", help="cpu: to see whether this program works")
    o = p.parse_args()
    try:
        import torch
    except ImportError:
        print("bench/gpu.py: PyTorch is not installed", file=sys.stderr)
        sys.exit(3)
    if o.device == "cuda" and not torch.cuda.is_available():
        print("bench/gpu.py: there is no card here, or PyTorch does not see it", file=sys.stderr)
        sys.exit(3)
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
    card = torch.cuda.get_device_name() if o.device == "cuda" else "the processor"
    print(f"{datetime.date.today()}, {card}, PyTorch {torch.__version__}, `make gpu-bench`\n")
    if o.device == "cuda":
        print(f"A graph's node costs {1e6 * node_latency(torch):.2f} us.\n")
    flops, bytes_ = rates(torch, o.device)
    print(f"A large product runs at {flops / 1e12:.2f} TFLOP/s, a large copy at {bytes_ / 1e9:.0f} GB/s.\n")
    print("| lesson | batch | nodes a step | ours, images/s | PyTorch eager | compiled | captured | ours over the best | floor of FLOP | of traffic |")
    print("|---|---|---|---|---|---|---|---|---|---|")
    for lesson, options, settings, batch in RUNS:
        if o.lessons and lesson not in o.lessons.split(","):
            continue
        speed, nodes = ours(lesson, options, batch, o.device)
        if speed is None:
            speed, nodes, text = None, "-", nodes[:40]
        else:
            text = f"{speed:,.0f}"
        ways = [cell(lambda way=way: theirs(torch, lesson, settings, batch, way, o.steps, o.device)) for way in
                (["eager", "compiled", "captured"] if o.device == "cuda" else ["eager"])]
        best = max((v for v, _ in ways if v), default=None)
        ratio = f"{speed / best:.2f}" if speed and best else "-"
        try:
            least = floors(torch, lesson, settings, batch, o.device)
            shares = [f"{100 * work / rate * speed / batch:.0f} %" if speed else "-" for work, rate in zip(least, (flops, bytes_))]
        except Exception as e:
            shares = [type(e).__name__, "-"]
        ways += [(None, "-")] * (3 - len(ways))
        print("| " + " | ".join([" ".join([lesson, *options]), str(batch), nodes, text, *(t for _, t in ways), ratio, *shares]) + " |", flush=True)


if __name__ == "__main__":
    main()
