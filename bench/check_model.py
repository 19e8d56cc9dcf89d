#!/usr/bin/env python3
"""Does PyTorch read our lesson 3 weights, and compute what we compute?

    python3 bench/check_model.py model.safetensors inputs.f32 outputs.f32 [--latents codes.f32]

inputs.f32 and outputs.f32 are raw little-endian float32, n x 1 x 28 x 28; codes.f32 is
n x 64.  The weights must load with strict=True.  Exit status: 0 they agree, 1 they do not,
2 wrong options, 3 a file is missing or damaged.
"""
import argparse
import os
import sys

import numpy as np
import torch
from safetensors.torch import load_file

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from reference import Autoencoder


def read_f32(path, *shape):
    data = np.fromfile(path, "<f4")
    if data.size == 0 or data.size % int(np.prod(shape)):
        raise ValueError(f"{path}: {data.size} floats is not a number of {shape}")
    return torch.from_numpy(data.reshape(-1, *shape))


def agree(name, ours, theirs, tolerance):
    """Not-a-number anywhere is a failure too: it compares false."""
    if ours.shape != theirs.shape:
        print(f"not ok - {name}: {tuple(ours.shape)} against {tuple(theirs.shape)}")
        return False
    diff = (ours - theirs).abs().max().item()
    ok = diff <= tolerance
    print(f"{'ok' if ok else 'not ok'} - {name}: {len(ours)} images, "
          f"largest difference {diff:.3g} (limit {tolerance:g})")
    return ok


def main():
    p = argparse.ArgumentParser(description="Compare our lesson 3 with PyTorch.")
    p.add_argument("model")
    p.add_argument("inputs")
    p.add_argument("outputs")
    p.add_argument("--latents", help="also compare the codes, n x 64")
    p.add_argument("--tolerance", type=float, default=1e-5)
    o = p.parse_args()
    try:
        weights = load_file(o.model)
        x = read_f32(o.inputs, 1, 28, 28)
        out = read_f32(o.outputs, 1, 28, 28)
        codes = read_f32(o.latents, 64) if o.latents else None
    except Exception as e:
        print(e, file=sys.stderr)
        return 3

    net = Autoencoder()
    try:
        net.load_state_dict(weights, strict=True)
    except RuntimeError as e:
        print(f"not ok - load_state_dict: {e}")
        return 1
    with torch.no_grad():
        z = torch.cat([net.encoder(b) for b in x.split(1000)])
        y = torch.cat([net.decoder(b) for b in z.split(1000)])
    ok = agree("output", out, y, o.tolerance)
    if codes is not None:
        ok = agree("latents", codes, z.flatten(1), o.tolerance) and ok
    return 0 if ok else 1


if __name__ == "__main__":
    sys.exit(main())
