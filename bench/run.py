#!/usr/bin/env python3
"""The training of every lesson's network, here and in PyTorch, in turns on the same machine: one command.

    python3 bench/run.py [--setup] [--data DIR] [--nets lesson03,lesson02-cnn] [--threads 2] [--isa avx2] [--rival] ...

Both sides (train.c, train_torch.py) load the images, warm up, and then wait; a round lets each train for a second, first
us, then PyTorch in each of its ways, and the next round goes the other way round, so that a machine growing slow hurts
all.  The ratio is of images a second, ours over the fastest way of PyTorch that keeps float32 (the one with the highest
median), round by round; bf16 stands apart.  GFLOP/s count the multiplications and additions of the layers, forward and
backward, and nothing else; the peak is that of peak.c, the best of all rounds.  Memory and the time from the start of
the program to the end of its first step are those of fresh processes, without compilation.

Writes bench/results/NAME.json, NAME made of the settings, from which `perl bench/table.pl` makes the README's table.
--setup makes the Python environment (--venv) with PyTorch; this program itself needs only Python's own library and a C
compiler.  Exit status: 0 done, 2 wrong options, 3 something is missing or a run failed.
"""
import argparse
import contextlib
import json
import math
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(HERE)


class Trouble(Exception):
    """Something outside this program: a missing file, a failed run."""


# ---- what is trained: the multiply-adds of a layer's weights for one image, first layer first --------------------

def dense(*sizes):
    return [a * b for a, b in zip(sizes, sizes[1:])]


def mirrored(*sizes):
    return dense(*sizes, *sizes[-2::-1])


CNN = [1 * 16 * 9 * 196, 16 * 32 * 9 * 49, 32 * 64 * 49, 64 * 32 * 49, 32 * 16 * 9 * 49, 16 * 1 * 9 * 196]
NETS = {                               # conv: weights x pixels of the output; transposed conv: x pixels of the input; 07 without the
                                       # label's maps, ten of its first layer's eleven channels: we do not multiply by them, PyTorch does
    "lesson01": ("01 letters, batch 512", mirrored(784, 128, 32)),
    "lesson02-fc": ("02 fully connected, 64", mirrored(784, 128, 64, 12, 10)),
    "lesson02-cnn": ("02 convolutional, 64", CNN),
    "lesson03": ("03 convolutional, 512", CNN),
    "lesson04": ("04 stacked, 32", mirrored(784, 128, 64, 36, 18, 9)),
    "lesson05": ("05 vanilla, 256", mirrored(784, 32)),
    "lesson06": ("06 VAE, 256", dense(784, 400, 20) + dense(400, 20) + dense(20, 400, 784)),
    "lesson07": ("07 conditional VAE, 256", [1 * 16 * 36 * 144, 16 * 32 * 16 * 25, 32 * 64 * 4 * 4, 256 * 50, 256 * 50, 60 * 256,
                                            64 * 32 * 4 * 4, 32 * 16 * 16 * 16, 16 * 36 * 121]),
}
CONVOLUTIONS = {"lesson02-cnn", "lesson03", "lesson07"}


def flop(net):
    """A training step computes outputs, gradients of inputs and of weights; nobody wants the gradient of the images."""
    macs = NETS[net][1]
    return 2 * (3 * sum(macs) - macs[0])


def ways(net, o):
    all = ["fused", "eager", "compile"] + ["channels-last", "compile-channels-last"] * (net in CONVOLUTIONS) + ["bf16"]
    return [way for way in all if way == "fused" or way not in o.without]


# ---- options and what is needed -----------------------------------------------------------------------------------

def options():
    cache = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    p = argparse.ArgumentParser(description="Every lesson's training, here and in PyTorch, in turns.")
    p.add_argument("--nets", default=",".join(NETS), help="which ones (default: %(default)s)")
    p.add_argument("--threads", type=int, default=2)
    p.add_argument("--isa", choices=["avx512", "avx2"], help="hold both sides to this instruction set")
    p.add_argument("--rival", action="store_true", help="another program keeps one core busy meanwhile")
    p.add_argument("--rounds", type=int, default=5)
    p.add_argument("--seconds", type=float, default=1.0, help="of training, for each way in each round")
    p.add_argument("--warm", type=int, default=60000, help="images before the first round; PyTorch's other ways do a tenth")
    p.add_argument("--starts", type=int, default=3, help="fresh processes for memory and time to the first step")
    p.add_argument("--without", default="", help="ways of PyTorch to leave out, of eager,compile,channels-last,"
                                                 "compile-channels-last,bf16")
    p.add_argument("--documents", action="store_true", help="also PyTorch as the documents load their data (needs torchvision)")
    p.add_argument("--ours", action="store_true", help="only our side: no PyTorch is needed, and nothing is written")
    p.add_argument("--data", default=os.environ.get("AUTOENC_DATA") or os.path.join(ROOT, "data"),
                   help="folder with mnist/ and emnist/, unpacked (default: $AUTOENC_DATA, data/)")
    p.add_argument("--venv", default=os.environ.get("VENV") or os.path.join(cache, "autoenc-venv"),
                   help="Python environment with PyTorch (default: $VENV, %(default)s)")
    p.add_argument("--setup", action="store_true", help="make that environment if it is not there")
    p.add_argument("--name", help="of the file of results")
    o = p.parse_args()
    o.nets, o.without = o.nets.split(","), o.without.split(",")
    for net in o.nets:
        if net not in NETS:
            p.error(f"--nets: there is no {net}; there are {', '.join(NETS)}")
    if min(o.rounds, o.threads, o.starts, o.warm) < 1 or o.seconds <= 0:
        p.error("--rounds, --seconds, --threads, --warm and --starts are positive")
    o.name = o.name or f"threads{o.threads}" + (f"-{o.isa}" if o.isa else "") + ("-rival" if o.rival else "")
    return o


def has_torch(python):
    return os.path.exists(python) and subprocess.run([python, "-c", "import torch, numpy"], capture_output=True).returncode == 0


def setup(o, python):
    """A plain venv.  PyTorch comes from wherever this machine's pip is told to look."""
    if not os.path.exists(python):
        subprocess.run([sys.executable, "-m", "venv", o.venv], check=True)
    command = [python, "-m", "pip", "install", "torch", "numpy", "safetensors"] + ["torchvision"] * o.documents
    print(" ".join(command), flush=True)
    subprocess.run(command, check=True)


def build(folder):
    """Our two programs, by the compiler and the flags of the Makefile."""
    cc, flags = os.environ.get("CC") or "cc", (os.environ.get("CFLAGS") or "-O2").split()
    for name in ("train", "peak"):
        command = [cc, *flags, os.path.join(HERE, name + ".c"), "-o", os.path.join(folder, name), "-lm", "-lpthread"]
        subprocess.run(command, check=True)


def environment(isa):
    """What holds PyTorch to an instruction set; both of its kernel libraries must be told."""
    names = {"avx2": ("avx2", "AVX2"), "avx512": ("avx512", "AVX512_CORE"), None: None}[isa]
    return dict(os.environ, **({"ATEN_CPU_CAPABILITY": names[0], "ONEDNN_MAX_CPU_ISA": names[1]} if names else {}))


# ---- one process of either side -------------------------------------------------------------------------------------

class Side:
    """A program that trains when told to.  Its standard error goes to a file that is shown if it fails."""

    def __init__(self, command, env=None):
        self.command, self.start, self.first, self.losses = command, time.perf_counter(), None, {}
        self.errors = tempfile.TemporaryFile("w+")
        self.child = subprocess.Popen(command, env=env, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.errors)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        """No more orders is a polite request to end: what helpers PyTorch's compiler has started end with it."""
        if self.child.returncode is None:
            with contextlib.suppress(OSError):
                self.child.stdin.close()
            try:
                self.child.wait(10)
            except subprocess.TimeoutExpired:
                self.child.kill()
                self.child.wait()

    def listen(self, *wanted):
        """Lines until one of these; on the way, when the first step was done, losses, and ways that do not work."""
        for line in self.child.stdout:
            words = line.rstrip("\n").split("\t")
            if words[0] == "first" and self.first is None:
                self.first = time.perf_counter() - self.start
            if words[0] == "ready":
                self.losses[words[1] if len(words) > 2 else "ours"] = float(words[-1])
            if line.startswith("data: strokes"):
                raise Trouble(f"{self.command[0]} found no real images; run `make data`, or say where with --data or AUTOENC_DATA")
            if words[0] == "failed":
                print(f"    {words[1]} does not work here: {words[2]}", flush=True)
            if words[0] in wanted:
                return words
        self.errors.seek(0)
        raise Trouble(f"{' '.join(self.command)} ended early: {self.errors.read()[-1500:]}")

    def train(self, order):
        """Images a second."""
        self.child.stdin.write(order + "\n")
        self.child.stdin.flush()
        _, images, seconds = self.listen("ran")
        return int(images) / float(seconds)

    def end(self):
        """Peak memory in MiB."""
        self.child.stdin.close()
        _, status, usage = os.wait4(self.child.pid, 0)
        self.child.returncode = status
        return usage.ru_maxrss / (2 ** 20 if sys.platform == "darwin" else 2 ** 10)


def ours(o, net, folder, warm):
    isa = ["--isa", o.isa] if o.isa else []
    return Side([os.path.join(folder, "train"), net, "--data", o.data, "--threads", str(o.threads), "--warm", str(warm), *isa])


def torch(o, net, python, which, warm):
    return Side([python, os.path.join(HERE, "train_torch.py"), net, *which, "--data", o.data, "--threads", str(o.threads),
                 "--warm", str(warm)], environment(o.isa))


def peak(o, folder):
    command = [os.path.join(folder, "peak"), str(o.threads)] + ([o.isa] if o.isa else [])
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


@contextlib.contextmanager
def rival(wanted):
    """Another program that wants a whole core."""
    child = subprocess.Popen([sys.executable, "-c", "while True: pass"]) if wanted else None
    try:
        yield
    finally:
        if child:
            child.kill()
            child.wait()


# ---- the races -------------------------------------------------------------------------------------------------------

def middle(values):
    return {"median": statistics.median(values), "least": min(values), "most": max(values), "all": values}


def race(o, net, python, folder):
    """Speeds by contestant, a list with an entry a round; losses; the peak of the processor."""
    with contextlib.ExitStack() as stack:
        us = stack.enter_context(ours(o, net, folder, o.warm))
        us.listen("ready")
        turns, losses = {"ours": lambda: us.train(str(o.seconds))}, us.losses
        if not o.ours:
            them = [stack.enter_context(torch(o, net, python, ways(net, o), o.warm))]
            them += [stack.enter_context(torch(o, net, python, ["documents"], o.warm // 10))] if o.documents else []
            for side in them:
                side.listen("all")
                losses.update(side.losses)
                turns.update({way: lambda s=side, w=way: s.train(f"{w} {o.seconds}") for way in side.losses})
        results, peaks = {name: [] for name in turns}, []
        with rival(o.rival):
            for number in range(o.rounds):
                peaks.append(peak(o, folder))
                for name in list(turns)[::1 if number % 2 == 0 else -1]:
                    results[name].append(turns[name]())
    return results, losses, max(peaks)


def start(side, o):
    """A fresh process: seconds to the end of its first step, and peak memory after a second of training."""
    with side:
        side.listen("ready")
        side.train(f"fused {o.seconds}" if "train_torch" in side.command[1] else str(o.seconds))
        return side.first, side.end()


def measure(o, net, python, folder):
    results, losses, top = race(o, net, python, folder)
    speeds = {name: middle(values) for name, values in results.items()}
    losses = {way: loss if math.isfinite(loss) else None for way, loss in losses.items()}    # JSON has no NaN
    row = {"title": NETS[net][0], "mflop_per_image": flop(net) / 1e6, "images_per_second": speeds, "loss": losses, "peak_gflops": top}
    row["gflops"] = speeds["ours"]["median"] * flop(net) / 1e9
    sides = {"ours": lambda: ours(o, net, folder, 1)}
    if not o.ours:
        exact = [way for way in speeds if way not in ("ours", "bf16", "documents") and losses.get(way) is not None]    # what gives NaN is no rival
        best = row["fastest"] = max(exact, key=lambda way: speeds[way]["median"])
        row["ratio"] = middle([a / b for a, b in zip(results["ours"], results[best])])
        sides["torch"] = lambda: torch(o, net, python, ["fused"], 1)
    for side, make in sides.items():
        runs = [start(make(), o) for _ in range(o.starts)]
        row["first_step_seconds_" + side] = middle([first for first, _ in runs])
        row["peak_mib_" + side] = middle([mib for _, mib in runs])
    return row


def show(net, row):
    speeds = row["images_per_second"]
    print(f"{net}: {row['gflops']:.0f} GFLOP/s, {100 * row['gflops'] / row['peak_gflops']:.0f} % of {row['peak_gflops']:.0f}; first step after "
          f"{row['first_step_seconds_ours']['median']:.3f} s, {row['peak_mib_ours']['median']:.0f} MiB")
    for name, s in speeds.items():
        loss = f"   loss {row['loss'][name]:.6g}" if name in ("ours", "fused") else ""
        print(f"    {name:<22} {s['median']:>8.0f} images/s  ({s['least']:.0f} .. {s['most']:.0f}){loss}")
    if "ratio" in row:
        r = row["ratio"]
        print(f"    ours / {row['fastest']}: {r['median']:.2f} ({r['least']:.2f} .. {r['most']:.2f}); PyTorch's first step after "
              f"{row['first_step_seconds_torch']['median']:.2f} s, {row['peak_mib_torch']['median']:.0f} MiB")
    sys.stdout.flush()


def machine(o, python, folder):
    name = platform.processor() or platform.machine()
    with contextlib.suppress(OSError), open("/proc/cpuinfo") as f:
        name = next((line.split(":", 1)[1].strip() for line in f if line.startswith("model name")), name)
    compiler = subprocess.run([os.environ.get("CC") or "cc", "--version"], capture_output=True, text=True).stdout.splitlines()[0]
    version = None if o.ours else subprocess.run([python, "-c", "import torch; print(torch.__version__)"], capture_output=True,
                                                 text=True).stdout.strip()
    return {"processor": name, "cores": os.cpu_count(), "compiler": compiler, "torch": version, "date": time.strftime("%Y-%m-%d")}


def main():
    o = options()
    python, folder, began = os.path.join(o.venv, "bin", "python"), tempfile.mkdtemp(prefix="autoenc-bench-"), time.time()
    try:
        if o.setup and not has_torch(python):
            setup(o, python)
        if not o.ours and not has_torch(python):
            raise Trouble(f"no PyTorch in {o.venv}; add --setup to install it there, or name another with --venv")
        build(folder)
        load = os.getloadavg()[0]
        if load > 0.5:
            print(f"warning: load {load:.1f} before the start. A busy machine hurts PyTorch's spinning threads most,\n"
                  "so the ratio would flatter us: run again when it is quiet", flush=True)
        result = {"command": "python3 bench/run.py " + " ".join(f"--{k} {getattr(o, k)}" for k in ("threads", "isa") if getattr(o, k))
                  + " --rival" * o.rival, "threads": o.threads, "isa": o.isa, "rival": o.rival, "rounds": o.rounds, "seconds": o.seconds,
                  "load_before": load, "machine": machine(o, python, folder), "nets": {}}
        for net in o.nets:
            result["nets"][net] = measure(o, net, python, folder)
            show(net, result["nets"][net])
        result["took_seconds"] = round(time.time() - began)
        if not o.ours:
            path = os.path.join(HERE, "results", o.name + ".json")
            with open(path + ".part", "w") as f:
                json.dump(result, f, indent=1)
            os.replace(path + ".part", path)
            print(f"{path} after {result['took_seconds']} s; perl bench/table.pl writes the tables")
    except (Trouble, subprocess.CalledProcessError, OSError, ValueError) as e:
        print(f"run.py: {e}", file=sys.stderr)
        return 3
    except KeyboardInterrupt:
        return 130
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
