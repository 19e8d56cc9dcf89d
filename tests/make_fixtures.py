#!/usr/bin/env python3
"""Makes tests/fixtures/: the numbers from PyTorch that our C tests must reproduce.

    python3 -m venv V && V/bin/pip install torch numpy safetensors
    V/bin/python tests/make_fixtures.py [FOLDER]

Running it twice on one machine gives the same bytes.  Another processor or another PyTorch
may move the last bits; the tolerances in fixtures/README.md allow for that.  Every tensor is
computed in float32 on one thread, and again in float64: the script fails if the two do not
agree, so a fixture that says more about rounding than about mathematics never gets in.
"""
import json
import os
import struct
import sys
import zlib

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "fixtures")
DTYPES = {np.dtype("<f4"): "F32", np.dtype("<f8"): "F64", np.dtype("<i4"): "I32"}
STEPS, BATCH = 50, 16
written = []


# ---- FILES -----------------------------------------------------------------------------------
# Our own writer, since the safetensors package puts metadata in another order at every run.

def save(name, tensors, **meta):
    meta["torch"] = torch.__version__
    arrays = {k: np.ascontiguousarray(t.detach().numpy() if torch.is_tensor(t) else t)
              .reshape(np.shape(t)) for k, t in tensors.items()}
    header, blob = {"__metadata__": {k: str(v) for k, v in sorted(meta.items())}}, b""
    for k in sorted(arrays, key=lambda k: (-arrays[k].dtype.itemsize, k)):
        a = arrays[k]
        header[k] = {"dtype": DTYPES[a.dtype], "shape": list(a.shape),
                     "data_offsets": [len(blob), len(blob) + a.nbytes]}
        blob += a.tobytes()
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with open(os.path.join(FOLDER, name + ".safetensors"), "wb") as f:
        f.write(struct.pack("<Q", len(text)) + text + blob)
    written.append((name, 8 + len(text) + len(blob)))


# ---- RANDOM NUMBERS --------------------------------------------------------------------------

def normal(name, *shape):
    """Normal numbers that depend on the name alone.  RandomState's stream is frozen for good."""
    r = np.random.RandomState(zlib.crc32(name.encode()))
    return torch.from_numpy(r.standard_normal(shape).astype(np.float32))


def hash32(x):
    """lowbias32, on arrays of uint32.  The C tests have the same five lines."""
    x = np.asarray(x, np.uint32)
    x = (x ^ (x >> np.uint32(16))) * np.uint32(0x7feb352d)
    x = (x ^ (x >> np.uint32(15))) * np.uint32(0x846ca68b)
    return x ^ (x >> np.uint32(16))


def counter(seed, i):
    return hash32(np.asarray(i, np.uint32) ^ hash32(seed))


def uniform(seed, count):
    """Element i: (counter >> 8) * 2^-23 - 1, in [-1, 1) and exact in float32."""
    u = counter(seed, np.arange(count)) >> np.uint32(8)
    return u.astype(np.float32) * np.float32(2.0 ** -23) - np.float32(1)


def image(n):
    """Image n is a grainy ring on black, with a bar through it if its label is odd.

    The label also sets the ring's radius.  Integers only, so C makes the same bytes.
    """
    h = [int(counter(1, 4 * n + k)) for k in range(3)]
    label, cx, cy = h[0] % 10, 10 + h[1] % 9, 10 + h[2] % 9
    r = 4 + label // 2
    y, x = np.mgrid[0:28, 0:28]
    v = np.maximum(0, 255 - 8 * np.abs((x - cx) ** 2 + (y - cy) ** 2 - r * r))
    bar = (label % 2 == 1) & (np.abs(y - cy) <= 1) & (np.abs(x - cx) <= r)
    v = np.where(bar, 255, v)
    grain = (counter(2, 784 * n + np.arange(784)) % 64).astype(np.int64).reshape(28, 28)
    return (v * (192 + grain) // 255).astype(np.uint8), label


# ---- LAYERS ----------------------------------------------------------------------------------

def check(name, got, exact, limit):
    for k in got:
        a, b = got[k].detach().double(), exact[k].detach()
        worst = (a - b).abs().max().item()
        assert torch.isfinite(a).all(), f"{name}: {k} is not finite"
        assert worst <= limit * b.abs().max().item() + 1e-7, f"{name}: {k} is off by {worst}"


def differentiate(call, inputs, wanted, grad_y):
    """y and the gradients of `wanted`, in the precision of the inputs."""
    live = {k: t.clone().requires_grad_(k in wanted) for k, t in inputs.items()}
    y = call(*live.values())
    g = torch.ones_like(y) if grad_y is None else grad_y.to(y.dtype)
    y.backward(g)
    out = {"y": y.detach()}
    out.update({"grad_" + k: live[k].grad for k in wanted})
    return out, g


def double(inputs):
    return {k: t.double() if t.is_floating_point() else t for k, t in inputs.items()}


def case(name, call, inputs, wanted=None, scalar=False, limit=2e-5, **meta):
    """One file: `call` on the named inputs, back-propagated from a random grad_y, or from 1."""
    wanted = [k for k in inputs if inputs[k].is_floating_point()] if wanted is None else wanted
    grad_y = None
    if not scalar:
        with torch.no_grad():
            grad_y = normal(name + "/grad_y", *call(*inputs.values()).shape)
    got, g = differentiate(call, inputs, wanted, grad_y)
    exact, _ = differentiate(call, double(inputs), wanted, grad_y)
    check(name, got, exact, limit)
    stored = {k: t.to(torch.int32) if t.dtype == torch.int64 else t for k, t in inputs.items()}
    save(name, {**stored, **got, "grad_y": g}, **meta)


def scaled(name, fan, *shape):
    """Weights of the size that a layer with this many inputs would have."""
    return normal(name, *shape) / fan ** 0.5


def conv(name, n, cin, cout, h, w, k, stride, pad):
    p = {"x": normal(name + "/x", n, cin, h, w),
         "weight": scaled(name + "/weight", cin * k * k, cout, cin, k, k),
         "bias": normal(name + "/bias", cout) / 4}
    case(name, lambda x, weight, bias: F.conv2d(x, weight, bias, stride, pad), p, op="Conv2d",
         kernel=k, stride=stride, padding=pad, layout="x NCHW, weight [out,in,kh,kw]")


def convT(name, n, cin, cout, h, w, k, stride, pad, out_pad):
    p = {"x": normal(name + "/x", n, cin, h, w),
         "weight": scaled(name + "/weight", cin * k * k, cin, cout, k, k),
         "bias": normal(name + "/bias", cout) / 4}
    case(name, lambda x, weight, bias: F.conv_transpose2d(x, weight, bias, stride, pad, out_pad), p,
         op="ConvTranspose2d", kernel=k, stride=stride, padding=pad, output_padding=out_pad,
         layout="x NCHW, weight [in,out,kh,kw]")


def linear(name, n, cin, cout):
    p = {"x": normal(name + "/x", n, cin), "weight": scaled(name + "/weight", cin, cout, cin),
         "bias": normal(name + "/bias", cout)}
    case(name, lambda x, weight, bias: F.linear(x, weight, bias), p, op="Linear", in_features=cin,
         out_features=cout, layout="x [N,in], weight [out,in], y = x W^T + b")


def layers():
    linear("linear", 17, 45, 31)
    linear("linear_tiny", 1, 3, 1)

    conv("conv2d_k1", 3, 5, 7, 4, 6, 1, 1, 0)
    conv("conv2d_k2s2", 3, 5, 9, 7, 5, 2, 2, 0)
    conv("conv2d_k3s1p1", 3, 3, 5, 8, 10, 3, 1, 1)
    conv("conv2d_k3s2p1", 2, 5, 7, 11, 8, 3, 2, 1)
    conv("conv2d_k3s2p1_in1", 3, 1, 16, 14, 12, 3, 2, 1)
    conv("conv2d_k4s2", 3, 5, 6, 9, 12, 4, 2, 0)
    conv("conv2d_k5s3p2", 2, 3, 4, 11, 10, 5, 3, 2)
    conv("conv2d_k6s2", 2, 11, 3, 10, 12, 6, 2, 0)
    conv("conv2d_k7", 5, 3, 9, 7, 7, 7, 1, 0)

    convT("convT2d_k2s2", 3, 7, 5, 3, 2, 2, 2, 0, 0)
    convT("convT2d_k2s3", 2, 4, 3, 3, 4, 2, 3, 0, 0)
    convT("convT2d_k3s1p1", 2, 5, 4, 6, 5, 3, 1, 1, 0)
    convT("convT2d_k3s2p1op1", 2, 7, 5, 6, 4, 3, 2, 1, 1)
    convT("convT2d_k3s2p1op1_out1", 3, 5, 1, 7, 6, 3, 2, 1, 1)
    convT("convT2d_k4s3p1", 3, 5, 4, 4, 5, 4, 3, 1, 0)
    convT("convT2d_k4s3p1op2", 2, 3, 5, 4, 3, 4, 3, 1, 2)
    convT("convT2d_k6s3p4", 2, 5, 1, 6, 7, 6, 3, 4, 0)
    convT("convT2d_k7", 5, 9, 3, 1, 1, 7, 1, 0, 0)

    for name, shape, k, stride, pad in (("k2s2", (2, 3, 9, 7), 2, 2, 0), ("k3s2p1", (2, 3, 8, 9), 3, 2, 1)):
        name = "maxpool2d_" + name
        case(name, lambda x: F.max_pool2d(x, k, stride, pad), {"x": normal(name, *shape)}, limit=1e-6,
             op="MaxPool2d", kernel=k, stride=stride, **({"padding": pad} if pad else {}))
    ties = (normal("maxpool2d_ties", 2, 3, 8, 8) * 1.5).round().clamp(0)
    case("maxpool2d_ties", lambda x: F.max_pool2d(x, 2), {"x": ties}, op="MaxPool2d", kernel=2, stride=2,
         note="equal values: the gradient goes to the first in row order")
    case("avgpool2d_k2s2", lambda x: F.avg_pool2d(x, 2), {"x": normal("avgpool2d", 2, 3, 9, 6)},
         op="AvgPool2d", kernel=2, stride=2)
    for name, scale, shape in (("", 2, (2, 3, 4, 5)), ("_x3", 3, (2, 17, 3, 2))):
        for mode in ("nearest", "bilinear"):
            corners = {} if mode == "nearest" else {"align_corners": False}
            name_of = f"upsample_{mode}{name}"
            case(name_of, lambda x: F.interpolate(x, scale_factor=scale, mode=mode, **corners),
                 {"x": normal(name_of, *shape)}, op="Upsample", mode=mode, scale=scale, **corners)


def lstm(name, n, steps, cin, hidden, layers):
    """Outputs and last state, with an upstream gradient for each of them."""
    net = nn.LSTM(cin, hidden, layers, batch_first=True)
    for key, p in net.named_parameters():
        p.data = scaled(f"{name}/{key}", hidden, *p.shape)
    values = {"x": normal(name + "/x", n, steps, cin), "h0": normal(name + "/h0", layers, n, hidden) / 2,
              "c0": normal(name + "/c0", layers, n, hidden), **{k: p.data for k, p in net.named_parameters()}}
    upstream = {"y": normal(name + "/grad_y", n, steps, hidden), "h_n": normal(name + "/grad_h_n", layers, n, hidden),
                "c_n": normal(name + "/grad_c_n", layers, n, hidden)}

    def run(convert):
        leaves = {k: convert(t).requires_grad_() for k, t in values.items()}
        weights = {k: t for k, t in leaves.items() if k not in ("x", "h0", "c0")}
        y, (h, c) = torch.func.functional_call(net.to(leaves["x"].dtype), weights, (leaves["x"], (leaves["h0"], leaves["c0"])))
        out = {"y": y, "h_n": h, "c_n": c}
        sum((t * convert(upstream[k])).sum() for k, t in out.items()).backward()
        return {**{k: t.detach() for k, t in out.items()}, **{"grad_" + k: t.grad for k, t in leaves.items()}}

    got = run(lambda t: t.clone())
    check(name, got, run(lambda t: t.double()), 1e-5)
    save(name, {**values, **got, **{"grad_" + k: t for k, t in upstream.items()}}, op="LSTM", batch_first=True,
         layers=layers, layout="gate rows i,f,g,o; weight_ih [4H,in], weight_hh [4H,H], two biases")


def batchnorms():
    for name, shape in (("batchnorm2d", (3, 5, 4, 7)), ("batchnorm1d", (9, 6))):
        c = shape[1]
        p = {"x": normal(name + "/x", *shape) * 2 + 0.5, "weight": 1 + normal(name + "/weight", c) / 4,
             "bias": normal(name + "/bias", c)}
        mean, var = normal(name + "/mean", c) / 2, 1 + normal(name + "/var", c).abs()
        for mode in ("train", "eval"):
            after = {}

            def call(x, weight, bias):
                after["mean"], after["var"] = mean.to(x.dtype, copy=True), var.to(x.dtype, copy=True)
                return F.batch_norm(x, after["mean"], after["var"], weight, bias, mode == "train", 0.1, 1e-5)

            grad_y = normal(f"{name}_{mode}/grad_y", *shape)
            exact, _ = differentiate(call, double(p), list(p), grad_y)
            got, _ = differentiate(call, p, list(p), grad_y)
            check(name, got, exact, 2e-5)
            meta = {"momentum": 0.1, "note": "running_var_after uses the unbiased variance"}
            save(f"{name}_{mode}", {**p, **got, "grad_y": grad_y,
                 "running_mean_before": mean, "running_var_before": var,
                 "running_mean_after": after["mean"], "running_var_after": after["var"]},
                 op="BatchNorm" + name[-2:], mode=mode, eps=1e-5, **(meta if mode == "train" else {}))


def activations():
    def f(name, call, x=None, **meta):
        if x is None:
            x = normal(name, 3, 43) * 2
            x[0, :3] = 0                                # the derivative at 0 takes the negative side
        case(name, call, {"x": x}, limit=1e-6, **meta)

    far = torch.tensor([[-1000, -100, -88.8, -50, -17.3, -1e-4, 0, 1e-4, 17.3, 50, 88.8, 100, 1000]])
    f("relu", F.relu, op="ReLU")
    f("leakyrelu_0.01", lambda x: F.leaky_relu(x, 0.01), op="LeakyReLU", slope=0.01)
    f("leakyrelu_0.2", lambda x: F.leaky_relu(x, 0.2), op="LeakyReLU", slope=0.2)
    f("sigmoid", torch.sigmoid, op="Sigmoid")
    f("sigmoid_extreme", torch.sigmoid, far, op="Sigmoid", note="large |x|: no NaN/inf")
    f("tanh", torch.tanh, op="Tanh")
    f("tanh_extreme", torch.tanh, far, op="Tanh", note="large |x|: no NaN/inf")
    f("elu", F.elu, op="ELU", alpha=1.0)
    f("silu", F.silu, op="SiLU")
    f("softplus", F.softplus, op="Softplus", beta=1.0, threshold=20.0)
    f("softplus_extreme", F.softplus, far, op="Softplus", beta=1.0, threshold=20.0)
    f("log_softmax", lambda x: F.log_softmax(x, 1), op="LogSoftmax", dim=1)
    wide = normal("log_softmax_extreme", 4, 10) * 200
    f("log_softmax_extreme", lambda x: F.log_softmax(x, 1), wide, op="LogSoftmax", dim=1,
      note="large |x|: no NaN/inf")


def losses():
    x, t = normal("loss/input", 7, 29), normal("loss/target", 7, 29)
    p, t01 = torch.sigmoid(x), torch.sigmoid(2 * t)
    tied = x.clone()
    tied[0, :5] = t[0, :5]
    labels = torch.tensor([3, 0, 9, 9, 1, 5])
    logp = F.log_softmax(normal("nll/input", 6, 10), 1)
    for r in ("mean", "sum"):
        def f(name, call, a, b, wanted, op, **meta):
            case(f"{name}_{r}", lambda input, target: call(input, target, reduction=r),
                 {"input": a, "target": b}, wanted, True, 2e-6, op=op, reduction=r, **meta)

        f("mse", F.mse_loss, x, t, ["input", "target"], "MSELoss")
        f("l1", F.l1_loss, tied, t, ["input", "target"], "L1Loss",
          note="row 1, first five elements equal: gradient 0")
        f("bce", F.binary_cross_entropy, p, t01, ["input"], "BCELoss")
        f("bce_logits", F.binary_cross_entropy_with_logits, 3 * x, t01, ["input"], "BCEWithLogitsLoss")
        f("nll", F.nll_loss, logp, labels, ["input"], "NLLLoss", note="target: class numbers, I32")

    edge = torch.tensor([[0.0, 0.0, 1.0, 1.0, 0.5, 0.25, 1e-20, 1e-30]])
    case("bce_sum_extreme", lambda input, target: F.binary_cross_entropy(input, target, reduction="sum"),
         {"input": edge, "target": torch.tensor([[0.0, 1.0, 1.0, 0.0, 0.5, 1.0, 1.0, 0.0]])}, ["input"], True,
         op="BCELoss", reduction="sum", note="PyTorch clamps log at -100; gradient denominator clamped at 1e-12")
    far = torch.tensor([[-1000.0, -1000, -100, -88.8, -20, 0, 20, 88.8, 100, 1000, 1000]])
    case("bce_logits_extreme",
         lambda input, target: F.binary_cross_entropy_with_logits(input, target, reduction="sum"),
         {"input": far, "target": torch.tensor([[0.0, 1, 0.5, 1, 0.25, 0.5, 1, 0, 0.75, 0, 1]])}, ["input"],
         True, op="BCEWithLogitsLoss", reduction="sum")

    mean, log_var = normal("kl/mean", 5, 7), normal("kl/log_var", 5, 7)
    kl = lambda mean, log_var: -0.5 * (1 + log_var - mean ** 2 - log_var.exp()).sum()
    case("kl_gaussian_sum", kl, {"mean": mean, "log_var": log_var}, None, True, 2e-6,
         op="KL(N(mean,exp(log_var)) || N(0,1))", reduction="sum")
    case("kl_gaussian_mean", lambda mean, log_var: kl(mean, log_var) / len(mean),
         {"mean": mean, "log_var": log_var}, None, True, 2e-6, op="KL(N(mean,exp(log_var)) || N(0,1))",
         reduction="mean", note="sum over units, mean over rows")
    case("reparameterize", lambda mean, log_var, eps: mean + eps * torch.exp(log_var / 2),
         {"mean": mean, "log_var": log_var, "eps": normal("kl/eps", 5, 7)}, ["mean", "log_var"], False, 1e-6,
         op="z = mean + eps*exp(log_var/2)")


# ---- OPTIMISERS ------------------------------------------------------------------------------

def optimiser_run(make, p0, grads, keys):
    p = p0.clone().requires_grad_()
    opt = make([p])
    trace = {"params": []}
    trace.update({k: [] for k in keys})
    for g in grads:
        p.grad = g.clone()
        opt.step()
        trace["params"].append(p.detach().clone())
        for k in keys:
            trace[k].append(opt.state[p][keys[k]].clone())
    return {k + "_after_step": torch.stack(v) for k, v in trace.items()}


def optimisers():
    def f(name, make, keys, **meta):
        p0, grads = normal(name + "/params", 7, 3), normal(name + "/grads", 10, 7, 3)
        grads = grads * torch.logspace(-2, 1, 10).view(-1, 1, 1)      # from a flat place to a steep one
        got = optimiser_run(make, p0, grads, keys)
        check(name, got, optimiser_run(make, p0.double(), grads.double(), keys), 2e-6)
        save(name, {"params0": p0, "grads": grads, **got}, **meta)

    moments = {"m": "exp_avg", "v": "exp_avg_sq"}
    for text, lr, wd in (("0", 1e-3, 0), ("0.1", 1e-2, 0.1), ("1e-5", 1e-3, 1e-5)):
        f("adam_wd" + text, lambda p: torch.optim.Adam(p, lr=lr, weight_decay=wd, foreach=False), moments,
          op="Adam (L2 weight decay added to the gradient, not AdamW)", lr=lr, betas="0.9,0.999", eps=1e-8,
          **({"weight_decay": wd} if wd else {}))
    f("adamw", lambda p: torch.optim.AdamW(p, lr=1e-2, weight_decay=0.1, foreach=False), moments,
      op="AdamW", lr=1e-2, betas="0.9,0.999", eps=1e-8, weight_decay=0.1)
    for name, momentum, wd in (("sgd", 0, 0), ("sgd_momentum", 0.9, 0), ("sgd_momentum_wd", 0.9, 0.01)):
        f(name, lambda p: torch.optim.SGD(p, lr=0.05, momentum=momentum, weight_decay=wd, foreach=False),
          {"buf": "momentum_buffer"} if momentum else {}, op="SGD", lr=0.05, momentum=momentum,
          dampening=0, nesterov=False, weight_decay=wd)

    for name, limit in (("clip_grad_norm", 1.5), ("clip_grad_norm_inactive", 1000.0)):
        p = [nn.Parameter(torch.zeros(7, 5)), nn.Parameter(torch.zeros(7))]
        grads = [normal(f"{name}/{i}", *q.shape) for i, q in enumerate(p)]
        for q, g in zip(p, grads):
            q.grad = g.clone()
        total = nn.utils.clip_grad_norm_(p, limit)
        save(name, {"grads.0": grads[0], "grads.1": grads[1], "total_norm": total,
                    "clipped.0": p[0].grad, "clipped.1": p[1].grad},
             op="clip_grad_norm_", max_norm=limit, note="factor min(1, max_norm / (total_norm + 1e-6))")


# ---- WHOLE NETWORKS --------------------------------------------------------------------------

def dense(sizes, last):
    layers = []
    for i in range(len(sizes) - 1):
        layers += [nn.Linear(sizes[i], sizes[i + 1]), nn.ReLU()]
    return nn.Sequential(*layers[:-1], *([last] if last else []))


class Dense(nn.Module):
    def __init__(self, *sizes):
        super().__init__()
        self.encoder = dense(sizes, None)
        self.decoder = dense(sizes[::-1], nn.Sigmoid())

    def loss(self, x, label, eps):
        x = x.flatten(1)
        return F.mse_loss(self.decoder(self.encoder(x)), x), None, None


class Cnn(nn.Module):
    """Document 1 ends with a sigmoid; document 2 has a ReLU on the code instead."""

    def __init__(self, document):
        super().__init__()
        self.encoder = nn.Sequential(
            nn.Conv2d(1, 16, 3, 2, 1), nn.ReLU(), nn.Conv2d(16, 32, 3, 2, 1), nn.ReLU(),
            nn.Conv2d(32, 64, 7), *([nn.ReLU()] if document == 2 else []))
        self.decoder = nn.Sequential(
            nn.ConvTranspose2d(64, 32, 7), nn.ReLU(), nn.ConvTranspose2d(32, 16, 3, 2, 1, 1), nn.ReLU(),
            nn.ConvTranspose2d(16, 1, 3, 2, 1, 1), *([nn.Sigmoid()] if document == 1 else []))

    def loss(self, x, label, eps):
        return F.mse_loss(self.decoder(self.encoder(x)), x), None, None


class Vanilla(nn.Module):
    def __init__(self):
        super().__init__()
        self.linear_1, self.linear_2 = nn.Linear(784, 32), nn.Linear(32, 784)

    def loss(self, x, label, eps):
        x = x.flatten(1)
        h = F.leaky_relu(self.linear_1(x), 0.01)
        return F.binary_cross_entropy(torch.sigmoid(self.linear_2(h)), x), None, None


def elbo(out, x, mean, log_var):
    bce = F.binary_cross_entropy(out, x, reduction="sum")
    kl = -0.5 * (1 + log_var - mean ** 2 - log_var.exp()).sum()
    return bce + kl, bce, kl


class Vae(nn.Module):
    def __init__(self):
        super().__init__()
        self.enc = nn.Linear(784, 400)
        self.z_mean, self.z_log_var = nn.Linear(400, 20), nn.Linear(400, 20)
        self.dec_1, self.dec_2 = nn.Linear(20, 400), nn.Linear(400, 784)

    def loss(self, x, label, eps):
        x = x.flatten(1)
        h = F.leaky_relu(self.enc(x), 0.01)
        mean, log_var = self.z_mean(h), self.z_log_var(h)
        z = mean + eps * torch.exp(log_var / 2)
        out = torch.sigmoid(self.dec_2(F.leaky_relu(self.dec_1(z), 0.01)))
        return elbo(out, x, mean, log_var)


class Cvae(nn.Module):
    """The label enters as ten constant maps beside the image, and again beside the code."""

    def __init__(self):
        super().__init__()
        self.enc_conv_1, self.enc_conv_2 = nn.Conv2d(11, 16, 6, 2), nn.Conv2d(16, 32, 4, 2)
        self.enc_conv_3 = nn.Conv2d(32, 64, 2, 2)
        self.z_mean, self.z_log_var = nn.Linear(256, 50), nn.Linear(256, 50)
        self.dec_linear_1 = nn.Linear(60, 256)
        self.dec_deconv_1 = nn.ConvTranspose2d(64, 32, 2, 2)
        self.dec_deconv_2 = nn.ConvTranspose2d(32, 16, 4, 3, 1)
        self.dec_deconv_3 = nn.ConvTranspose2d(16, 1, 6, 3, 4)

    def loss(self, x, label, eps):
        act = lambda t: F.leaky_relu(t, 0.01)
        hot = F.one_hot(label, 10).to(x.dtype)
        maps = hot[:, :, None, None].expand(-1, -1, 28, 28)
        h = act(self.enc_conv_1(torch.cat([x, maps], 1)))
        h = act(self.enc_conv_3(act(self.enc_conv_2(h)))).flatten(1)
        mean, log_var = self.z_mean(h), self.z_log_var(h)
        z = mean + eps * torch.exp(log_var / 2)
        h = self.dec_linear_1(torch.cat([z, hot], 1)).view(-1, 64, 2, 2)
        h = act(self.dec_deconv_2(act(self.dec_deconv_1(h))))
        return elbo(torch.sigmoid(act(self.dec_deconv_3(h))), x, mean, log_var)


def default_bounds(net):
    """PyTorch's own initialisation is uniform within 1/sqrt(fan in), weights and biases alike."""
    fan, bounds = 1, []
    for name, p in net.named_parameters():
        if name.endswith("weight"):
            fan = p[0].numel()                          # for ConvTranspose2d too: out * kh * kw
        bounds.append(fan ** -0.5)
    return np.array(bounds, np.float32)


def initialise(net, seed, bounds):
    with torch.no_grad():
        for i, p in enumerate(net.parameters()):
            p.copy_(torch.from_numpy(uniform(seed + i, p.numel()) * bounds[i]).view(p.shape))


def train(net, lr, wd, x, label, eps):
    """50 steps.  Losses before each update, the first gradients, the final norms."""
    opt = torch.optim.Adam(net.parameters(), lr=lr, weight_decay=wd, foreach=False)
    curve, grad0 = [], None
    for s in range(STEPS):
        parts = net.loss(x[s], label[s], None if eps is None else eps[s])
        opt.zero_grad()
        parts[0].backward()
        if grad0 is None:
            grad0 = {n: p.grad.clone() for n, p in net.named_parameters()}
        opt.step()
        curve.append([0.0 if v is None else v.item() for v in parts])
    norms = np.array([p.detach().double().norm().item() for p in net.parameters()])
    return np.array(curve), grad0, norms


def system(name, make, seed, lr, wd=0, latent=0, bounds=None, also_lr=None):
    index = np.arange(STEPS * BATCH, dtype=np.int32).reshape(STEPS, BATCH)
    made = [image(n) for n in index.ravel()]
    pixels = np.stack([m[0] for m in made]).astype(np.float32) / np.float32(255)
    x = torch.from_numpy(pixels).view(STEPS, BATCH, 1, 28, 28)
    label = torch.tensor([int(m[1]) for m in made]).view(STEPS, BATCH)
    eps = normal(name + "/eps", STEPS, BATCH, latent) if latent else None
    out = {"batch_index": index}
    if latent:
        out["eps"] = eps

    net = make()
    names = [n for n, _ in net.named_parameters()]
    bounds = default_bounds(net) if bounds is None else np.array(bounds, np.float32)
    out["init_bound"] = bounds
    for rate, tail in ((lr, ""), (also_lr, "_lr" + (f"{also_lr:.0e}".replace("e-0", "e-") if also_lr else ""))):
        if rate is None:
            continue
        net = make()
        initialise(net, seed, bounds)
        curve, grad0, norms = train(net, rate, wd, x, label, eps)
        net = make()
        initialise(net, seed, bounds)
        curve64, grad64, norms64 = train(net.double(), rate, wd, x.double(), label,
                                         None if eps is None else eps.double())
        worst = np.abs(curve[:, 0] / curve64[:, 0] - 1).max()
        assert worst < 1e-4, f"{name}: float32 leaves float64 by {worst}"
        out["loss" + tail], out["loss_f64" + tail] = curve[:, 0].astype(np.float32), curve64[:, 0]
        out["final_l2norm" + tail] = norms
        drift = np.abs(norms / np.maximum(norms64, 1e-12) - 1).max()
        print(f"  {name + tail:24} loss {curve64[0, 0]:.6g} .. {curve64[-1, 0]:.6g}"
              f"   float32 against float64: losses {worst:.1e}, norms {drift:.1e}")
        if tail:
            continue
        out["grad0_l2norm_f64"] = np.array([g.norm().item() for g in grad64.values()])
        # PyTorch's own float32 gradients are off by up to 4e-5 where many pixels are summed, so float64's are kept.
        out.update({"grad0." + n: g.float() for n, g in grad64.items() if g.numel() <= 800})
        if latent:
            out["bce"], out["kl"] = curve[:, 1].astype(np.float32), curve[:, 2].astype(np.float32)
    save("sys_" + name, out, system=name, steps=STEPS, batch=BATCH, lr=lr, weight_decay=wd,
         data="formula, x = u8/255", init="formula", init_seed=seed, parameters=",".join(names),
         loss=f"last value is the loss of step {STEPS} before its update",
         **({"also_lr": also_lr} if also_lr else {}))


def systems():
    root = 0.1 * 3 ** 0.5                               # uniform with standard deviation 0.1
    system("s0", lambda: Dense(784, 128, 32), 100, 1e-3)
    system("s1_fc", lambda: Dense(784, 128, 64, 12, 10), 200, 1e-3, 1e-5)
    system("s1_cnn", lambda: Cnn(1), 300, 1e-3, 1e-5)
    system("s2_cnn", lambda: Cnn(2), 400, 2e-4)
    system("s3_stacked", lambda: Dense(784, 128, 64, 36, 18, 9), 500, 1e-1, 1e-8, also_lr=1e-3)
    system("s4_vanilla", Vanilla, 600, 5e-3, bounds=[root, 0, 32 ** -0.5, 32 ** -0.5])
    system("s4_vae", Vae, 700, 1e-3, latent=20)
    system("s4_cvae", Cvae, 800, 1e-3, latent=50, also_lr=3e-3)


def formula():
    """The first numbers and images of the formulas, so that C can check its own copy of them."""
    made = [image(n) for n in range(6)]
    save("formula", {"uniform": uniform(100, 64),
                     "images": np.stack([m[0] for m in made]).astype(np.float32)[:, None],
                     "labels": np.array([m[1] for m in made], np.int32)},
         op="formula", seed=100, note="images: bytes 0..255 as float, not divided by 255")


def main():
    global FOLDER
    FOLDER = sys.argv[1] if len(sys.argv) > 1 else FOLDER
    os.makedirs(FOLDER, exist_ok=True)
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    np.seterr(over="ignore")                            # the hash wraps around, and means to
    layers()
    lstm("lstm_1layer", 3, 6, 5, 7, 1)
    lstm("lstm_2layer", 2, 5, 4, 6, 2)
    batchnorms()
    activations()
    losses()
    optimisers()
    formula()
    systems()
    print(f"{len(written)} files, {sum(size for _, size in written)} bytes in {FOLDER}")


if __name__ == "__main__":
    main()
