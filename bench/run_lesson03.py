#!/usr/bin/env python3
"""Lesson 3 against PyTorch, in turns on the same machine: one command.

    python3 bench/run_lesson03.py [--data DIR] [--pairs 5] [--setup]

A pair is one run of ./lesson03 and one of lesson03_torch.py for each way of running PyTorch,
three epochs each, the first epoch not counted; the order turns round from pair to pair, so
that a machine growing slow hurts all.  Prints every pair, then medians with min..max.  The
ratio is of images a second, ours over PyTorch's.  --setup makes the Python environment
(--venv) with PyTorch; this program itself needs only Python's own library.  Exit status:
0 done, 2 wrong options, 3 something is missing or a run failed.
"""
import argparse
import gzip
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(HERE)
FILES = ["train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"]

# Eager starts at once; compiled, which needs a C++ compiler, is a tenth faster where it has the cores to itself.
FASTEST = ["fused", "compile,fused,channels-last"]


class Trouble(Exception):
    """Something outside this program: a missing file, a failed run."""


def options():
    cache = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    p = argparse.ArgumentParser(description="Lesson 3 against PyTorch, in turns.")
    p.add_argument("--pairs", type=int, default=5)
    p.add_argument("--epochs", type=int, default=3)
    p.add_argument("--threads", type=int, default=2)
    p.add_argument("--data", default=os.environ.get("AUTOENC_DATA") or os.path.join(ROOT, "data"),
                   help="folder with MNIST, plain or .gz (default: $AUTOENC_DATA, data/)")
    p.add_argument("--program", default=os.path.join(ROOT, "lesson03"))
    p.add_argument("--torch", action="append", metavar="LIST",
                   help="how PyTorch runs: none or some of fused,channels-last,compile,bf16; may be given again "
                        f"(default: {' and '.join(FASTEST)})")
    p.add_argument("--venv", default=os.environ.get("VENV") or os.path.join(cache, "autoenc-venv"),
                   help="Python environment with PyTorch (default: $VENV, %(default)s)")
    p.add_argument("--setup", action="store_true", help="make that environment if it is not there")
    p.add_argument("--json", metavar="F", help="also write all numbers to F")
    o = p.parse_args()
    o.torch = o.torch or FASTEST
    if o.pairs < 1 or o.epochs < 1 or o.threads < 1:
        p.error("--pairs, --epochs and --threads start at 1")
    return o


# ---- what is needed ----------------------------------------------------------------------------

def setup(python, venv):
    """A plain venv.  PyTorch comes from wherever this machine's pip is told to look."""
    if not os.path.exists(python):
        subprocess.run([sys.executable, "-m", "venv", venv], check=True)
    command = [python, "-m", "pip", "install", "torch", "numpy", "safetensors"]
    print(" ".join(command), flush=True)
    subprocess.run(command, check=True)


def has_torch(python):
    return os.path.exists(python) and subprocess.run([python, "-c", "import torch, numpy"],
                                                     capture_output=True).returncode == 0


def unpacked_data(folder, into):
    """A folder where all four files lie unpacked: the given one, or a copy unpacked from .gz."""
    for base in (os.path.join(folder, "mnist"), folder):
        paths = [os.path.join(base, f) for f in FILES]
        if all(os.path.exists(p) for p in paths):
            return folder
        if all(os.path.exists(p) or os.path.exists(p + ".gz") for p in paths):
            os.makedirs(os.path.join(into, "mnist"))
            for name, p in zip(FILES, paths):
                with (open(p, "rb") if os.path.exists(p) else gzip.open(p + ".gz")) as a:
                    with open(os.path.join(into, "mnist", name), "wb") as b:
                        shutil.copyfileobj(a, b)
            return into
    raise Trouble(f"no MNIST under {folder}; run `make data`, or say where with --data or AUTOENC_DATA")


# ---- one run -----------------------------------------------------------------------------------

def run(command):
    """Runs to the end.  Returns stdout, wall seconds and peak memory in MiB."""
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        start = time.perf_counter()
        child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=err)
        try:
            _, status, usage = os.wait4(child.pid, 0)
        except BaseException:
            child.terminate()
            raise
        wall = time.perf_counter() - start
        child.returncode = os.WEXITSTATUS(status) if os.WIFEXITED(status) else -os.WTERMSIG(status)
        out.seek(0)
        err.seek(0)
        if child.returncode:
            raise Trouble(f"{' '.join(command)}\nexit status {child.returncode}\n{err.read()[-2000:]}")
        unit = 2 ** 20 if sys.platform == "darwin" else 2 ** 10
        return out.read(), wall, usage.ru_maxrss / unit


def facts(j, wall, peak):
    return {"images_per_second": j["images_per_second"], "first_batch": j.get("seconds_to_first_batch"),
            "test_loss": j.get("test_loss"), "wall": wall, "peak_mib": peak}


def run_ours(o, data, folder):
    shutil.rmtree(folder, ignore_errors=True)
    _, wall, peak = run([o.program, "--epochs", str(o.epochs), "--threads", str(o.threads), "--data", data,
                         "--no-plot", "--no-progress", "--out", folder])
    with open(os.path.join(folder, "run.json")) as f:
        j = json.load(f)
    if "mnist" not in json.dumps(j.get("data")).lower():
        raise Trouble(f"{o.program} did not train on MNIST: run.json says data {j.get('data')}")
    return facts(j, wall, peak)


def run_torch(o, data, python, variant):
    out, wall, peak = run([python, os.path.join(HERE, "lesson03_torch.py"), "--epochs", str(o.epochs), "--threads",
                           str(o.threads), "--data", data] + ["--" + name for name in variant.split(",") if name])
    return facts(json.loads(out.strip().splitlines()[-1]), wall, peak)


# ---- all of them -------------------------------------------------------------------------------

def spread(values, form):
    values = [v for v in values if v is not None]
    if not values:
        return "not reported"
    return f"{form.format(statistics.median(values))}  ({form.format(min(values))} .. {form.format(max(values))})"


def race(o, python, data, scratch):
    """Results by contestant: "ours", then each way of PyTorch, a list with one entry a pair."""
    turns = [("ours", lambda: run_ours(o, data, os.path.join(scratch, "out")))]
    turns += [("torch " + v, lambda v=v: run_torch(o, data, python, v)) for v in o.torch]
    results = {name: [] for name, _ in turns}
    if os.getloadavg()[0] > 0.5:
        print(f"warning: load {os.getloadavg()[0]:.1f} before the start. A busy machine hurts PyTorch's spinning "
              "threads most,\nso the ratio would flatter us: run again when it is quiet")
    print("images a second\n" + "\t".join(["pair", *results, "load"]))
    for pair in range(1, o.pairs + 1):
        for name, go in (turns if pair % 2 else turns[::-1]):
            results[name].append(go())
        speeds = [f"{r[-1]['images_per_second']:.0f}" for r in results.values()]
        print("\t".join([str(pair), *speeds, f"{os.getloadavg()[0]:.1f}"]), flush=True)
    return results


ROWS = [("images_per_second", "images a second", "{:.0f}"), ("first_batch", "seconds to first batch", "{:.3f}"),
        ("peak_mib", "peak memory, MiB", "{:.0f}"),
        ("test_loss", "test loss", "{:.6f}")]


def report(o, results):
    print(f"\nmedian (min .. max) of {o.pairs} runs of {o.epochs} epochs, {o.threads} threads")
    ratios = {}
    for name, runs in results.items():
        print(name)
        for key, title, form in ROWS:
            print(f"    {title:<24} {spread([r[key] for r in runs], form)}")
        if name != "ours":
            ratios[name] = [a["images_per_second"] / b["images_per_second"] for a, b in zip(results["ours"], runs)]
    print()
    for name, r in ratios.items():
        print(f"ratio, ours over {name}: {spread(r, '{:.2f}')}")
    if o.json:
        with open(o.json, "w") as f:
            json.dump({"epochs": o.epochs, "threads": o.threads, "ratio": ratios, "runs": results}, f, indent=1)


def main():
    o = options()
    python = os.path.join(o.venv, "bin", "python")
    scratch = tempfile.mkdtemp(prefix="autoenc-bench-")
    try:
        if o.setup and not has_torch(python):
            setup(python, o.venv)
        if not has_torch(python):
            raise Trouble(f"no PyTorch in {o.venv}; add --setup to install it there, or name another with --venv")
        if not os.path.exists(o.program):
            raise Trouble(f"{o.program} is not there: `make lesson03` first")
        data = unpacked_data(os.path.abspath(o.data), scratch)
        report(o, race(o, python, data, scratch))
    except (Trouble, subprocess.CalledProcessError, OSError, ValueError, KeyError) as e:
        print(f"run_lesson03: {e}", file=sys.stderr)
        return 3
    except KeyboardInterrupt:
        return 130
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
