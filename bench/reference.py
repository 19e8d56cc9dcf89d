#!/usr/bin/env python3
"""Each lesson's network in PyTorch, at its document's settings: the numbers that ours are held against.

    python3 bench/reference.py lesson02 --net cnn --seeds 0,1,2 --record reference.tsv

How to run it.  The first word is the lesson, lesson01 .. lesson13; `lesson02 --help` lists its options, which are
called as in the lesson itself.  Settings are always those of the lesson's --full; only lesson03, whose full run has
300 epochs, does its usual 30 unless --full is given, and lesson08 .. lesson13, for which no document gives settings,
are trained as by default: one network of each.  Every seed prints its rows when it is done, tab-separated:

    lesson  mode  quantity  value  tolerance  seed  origin

`mode` is how the lesson is called for the same run: options at their default are left out (but --net is always
there), and `default` means none at all.  With --record the rows also go into a file of such rows, in which they
replace those of the same lesson, mode, quantity, seed and origin; several programs may record into it at once.
Progress goes to stderr.

The quantities.  train_loss is the last epoch's mean of batch means, epoch1_train_loss the first's; test_loss and
epoch1_test_loss are means over every element of the test set, in evaluation mode.  In lesson06 and lesson07 these
four are in nats an image, and they are what is minimised: in lesson06 with --beta.  lesson06's test_elbo is without it;
lesson07's test_reconstruction is the image's alone, also when --label-in-loss adds the label maps to the cost.
`last_batch` losses are of the last batch of an epoch, `step` ones of the batch of that number, counted from 0, in epoch 1
or the epoch named; in lesson07 they are sums over the batch, as its document prints them.
Of lesson08 it is the network for Gaussian noise, of lesson09 the one that never saw an 8, of lesson10 that with 64
numbers, of lesson12 the one that enlarges from 7 x 7, of lesson13 the LSTM; what they are called is what the lesson's
run.json calls them.

What is done in PyTorch's favour, as in train_torch.py: all images are one float tensor in memory, Adam is one
fused kernel, denormals are flushed to zero, and malloc keeps its large blocks.  The weights start as PyTorch starts
them, except in lesson05.  Random numbers are PyTorch's own, so a seed here and the same seed in a lesson are different
runs of the same kind: compare them by their spread over several seeds.  Exit status: 0 done, 2 wrong options, 3 a
file is missing or damaged.
"""
import argparse
import fcntl
import gzip
import math
import os
import struct
import sys
import time

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
COLUMNS = "lesson mode quantity value tolerance seed origin".split()
DIGITS, LETTERS = ("train", "t10k"), ("emnist-letters-train", "emnist-letters-test")


MALLOC = {"MALLOC_MMAP_THRESHOLD_": "1000000000", "MALLOC_TRIM_THRESHOLD_": "4000000000"}


def tune_malloc():
    """glibc reads these variables once, before main: so start again with them set."""
    if any(os.environ.get(k) != v for k, v in MALLOC.items()):
        os.execve(sys.executable, [sys.executable] + sys.argv, dict(os.environ, **MALLOC))


# ---- DATA ----------------------------------------------------------------------------------------------------------

def missing(message):
    print(message, file=sys.stderr)
    sys.exit(3)


def find_idx(folder, name):
    """The first of folder/mnist/name, folder/name, each also with .gz."""
    for path in (os.path.join(folder, "mnist", name), os.path.join(folder, name)):
        for p in (path, path + ".gz"):
            if os.path.exists(p):
                return p
    return None


def read_idx(folder, name, what, magic, axes):
    """The bytes of an IDX file, in the shape that its header gives; what and magic: of which kind it must be."""
    path = find_idx(folder, name)
    if path is None:
        missing(f"{name}: not under {folder}; say where with --data or AUTOENC_DATA, or run `make data`")
    with (gzip.open if path.endswith(".gz") else open)(path, "rb") as f:
        raw = f.read()
    head = 4 + 4 * axes
    first, *shape = struct.unpack(f">{1 + axes}I", raw[:head]) if len(raw) >= head else (0,)
    if first != magic or len(raw) != head + math.prod(shape):
        missing(f"{path}: not an IDX file of {what}")
    return np.frombuffer(raw, np.uint8, offset=head).reshape(shape)


def read_images(folder, name):
    """An IDX file of images as bytes [n, 1, rows, cols]."""
    return read_idx(folder, name, "images", 0x803, 3)[:, np.newaxis]


def as_tensor(images):
    return torch.from_numpy(images.astype(np.float32) / np.float32(255))


def read_labels(folder, name):
    """An IDX file of labels as integers [n]."""
    return torch.from_numpy(read_idx(folder, name, "labels", 0x801, 1).astype(np.int64))


def read_set(folder, stem, flat):
    """Images as [n, 1, 28, 28], or [n, 784] if flat, and their labels.  Letters are stored transposed: set upright."""
    if stem in LETTERS and os.path.isdir(os.path.join(folder, "emnist")):
        folder = os.path.join(folder, "emnist")
    images = as_tensor(read_images(folder, stem + "-images-idx3-ubyte"))
    labels = read_labels(folder, stem + "-labels-idx1-ubyte")
    if stem in LETTERS:
        images = images.transpose(2, 3).contiguous()
    return images.flatten(1) if flat else images, labels


# ---- NETWORKS ------------------------------------------------------------------------------------------------------

def stack(*sizes):
    """Linear layers of these sizes with a ReLU between any two."""
    layers = []
    for a, b in zip(sizes, sizes[1:]):
        layers += [nn.Linear(a, b), nn.ReLU()]
    return layers[:-1]


def fully_connected(*sizes):
    """Through these sizes and back, a sigmoid at the end."""
    return nn.Sequential(nn.Sequential(*stack(*sizes)), nn.Sequential(*stack(*sizes[::-1]), nn.Sigmoid()))


def convolutional(latent, batchnorm):
    """Lesson 2's: no ReLU after the code, a sigmoid at the end."""
    def norm(channels):
        return [nn.BatchNorm2d(channels)] if batchnorm else []
    return nn.Sequential(
        nn.Sequential(
            nn.Conv2d(1, 16, 3, stride=2, padding=1), nn.ReLU(), *norm(16),
            nn.Conv2d(16, 32, 3, stride=2, padding=1), nn.ReLU(), *norm(32),
            nn.Conv2d(32, latent, 7)),
        nn.Sequential(
            nn.ConvTranspose2d(latent, 32, 7), nn.ReLU(), *norm(32),
            nn.ConvTranspose2d(32, 16, 3, stride=2, padding=1, output_padding=1), nn.ReLU(), *norm(16),
            nn.ConvTranspose2d(16, 1, 3, stride=2, padding=1, output_padding=1), nn.Sigmoid()))


def pooling():
    """Lesson 4's exercise: convolutions, max pooling and flattening down to 9 numbers."""
    return nn.Sequential(
        nn.Sequential(
            nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(16, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
            nn.Flatten(), nn.Linear(1568, 9)),
        nn.Sequential(
            nn.Linear(9, 1568), nn.ReLU(), nn.Unflatten(1, (32, 7, 7)),
            nn.ConvTranspose2d(32, 16, 3, stride=2, padding=1, output_padding=1), nn.ReLU(),
            nn.ConvTranspose2d(16, 1, 3, stride=2, padding=1, output_padding=1), nn.Sigmoid()))


def vanilla(init):
    """Lesson 5's.  The document sets its first layer twice and leaves the second as PyTorch makes it."""
    first, second = nn.Linear(784, 32), nn.Linear(32, 784)
    for layer in {"document": [first, first], "both": [first, second], "default": []}[init]:
        nn.init.normal_(layer.weight, 0.0, 0.1)
        nn.init.zeros_(layer.bias)
    return nn.Sequential(first, nn.LeakyReLU(0.01), second, nn.Sigmoid())


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


class VAE(nn.Module):
    """Lesson 6's: 784-400-(latent, latent) and latent-400-784."""

    def __init__(self, latent):
        super().__init__()
        self.enc = nn.Linear(784, 400)
        self.z_mean, self.z_log_var = nn.Linear(400, latent), nn.Linear(400, latent)
        self.dec_1, self.dec_2 = nn.Linear(latent, 400), nn.Linear(400, 784)

    def forward(self, x, y, generator):
        h = F.leaky_relu(self.enc(x))
        mean, log_var = self.z_mean(h), self.z_log_var(h)
        z = mean + torch.randn(mean.shape, generator=generator) * torch.exp(log_var / 2)
        return torch.sigmoid(self.dec_2(F.leaky_relu(self.dec_1(z)))), x, mean, log_var


class ConditionalVAE(nn.Module):
    """Lesson 7's: the label goes into the encoder as ten constant maps, into the decoder as ten more numbers."""

    def __init__(self, latent, label_in_loss):
        super().__init__()
        self.label_in_loss = label_in_loss
        self.enc_conv_1 = nn.Conv2d(11, 16, 6, stride=2)
        self.enc_conv_2 = nn.Conv2d(16, 32, 4, stride=2)
        self.enc_conv_3 = nn.Conv2d(32, 64, 2, stride=2)
        self.z_mean, self.z_log_var = nn.Linear(256, latent), nn.Linear(256, latent)
        self.dec_linear_1 = nn.Linear(latent + 10, 256)
        self.dec_deconv_1 = nn.ConvTranspose2d(64, 32, 2, stride=2)
        self.dec_deconv_2 = nn.ConvTranspose2d(32, 16, 4, stride=3, padding=1)
        self.dec_deconv_3 = nn.ConvTranspose2d(16, 11 if label_in_loss else 1, 6, stride=3, padding=4)

    def forward(self, x, y, generator):
        label = F.one_hot(y, 10).float()
        both = torch.cat((x, label[:, :, None, None].expand(-1, -1, 28, 28)), 1)
        h = both
        for layer in (self.enc_conv_1, self.enc_conv_2, self.enc_conv_3):
            h = F.leaky_relu(layer(h))
        mean, log_var = self.z_mean(h.flatten(1)), self.z_log_var(h.flatten(1))
        z = mean + torch.randn(mean.shape, generator=generator) * torch.exp(log_var / 2)
        h = self.dec_linear_1(torch.cat((z, label), 1)).view(-1, 64, 2, 2)
        for layer in (self.dec_deconv_1, self.dec_deconv_2, self.dec_deconv_3):
            h = F.leaky_relu(layer(h))
        return torch.sigmoid(h), both if self.label_in_loss else x, mean, log_var


class Denoiser(nn.Module):
    """Lesson 8's: a code as large as the image."""

    def __init__(self):
        super().__init__()
        self.encoder = nn.Sequential(
            nn.Conv2d(1, 16, 3, stride=2, padding=1), nn.ReLU(),
            nn.Conv2d(16, 16, 3, stride=2, padding=1), nn.ReLU())
        self.decoder = nn.Sequential(
            nn.ConvTranspose2d(16, 16, 3, stride=2, padding=1, output_padding=1), nn.ReLU(),
            nn.ConvTranspose2d(16, 1, 3, stride=2, padding=1, output_padding=1), nn.Sigmoid())

    def forward(self, x):
        return self.decoder(self.encoder(x))


class Sharpener(nn.Module):
    """Lesson 12's: what bilinear interpolation lacks."""

    def __init__(self, by):
        super().__init__()
        self.by = by
        self.body = nn.Sequential(
            nn.Conv2d(1, 24, 3, padding=1), nn.ReLU(), nn.Conv2d(24, 24, 3, padding=1), nn.ReLU(),
            nn.Upsample(scale_factor=by, mode="bilinear"),
            nn.Conv2d(24, 8, 3, padding=1), nn.ReLU(), nn.Conv2d(8, 1, 3, padding=1))

    def forward(self, x):
        return self.body(x) + F.interpolate(x, scale_factor=self.by, mode="bilinear")


class Sequence(nn.Module):
    """Lesson 13's: the code is the mean of what the reader shows; the writer gets it at each step, and the row's number."""

    def __init__(self, hidden=64, code=16):
        super().__init__()
        self.reader = nn.LSTM(28, hidden, batch_first=True)
        self.code = nn.Linear(hidden, code)
        self.writer = nn.LSTM(code + 28, hidden, batch_first=True)
        self.row = nn.Linear(hidden, 28)

    def forward(self, x):
        shown, _ = self.reader(x.view(-1, 28, 28))
        code = self.code(shown.mean(1))[:, None].expand(-1, 28, -1)
        shown, _ = self.writer(torch.cat((code, torch.eye(28).expand(len(code), 28, 28)), 2))
        return torch.sigmoid(self.row(shown)).view(-1, 784)


# ---- WHAT IS MINIMISED, AND MEASURED ON THE TEST SET ---------------------------------------------------------------

class Plain:
    """An autoencoder under a loss that is a mean over every element."""

    def __init__(self, net, loss=F.mse_loss):
        self.net, self.loss = net, loss

    def cost(self, x, y):
        return self.loss(self.net(x), x)

    def per_image_or_element(self, cost, images):
        return cost

    def test(self, batches):
        loss = count = 0
        for x, y in batches:
            loss += self.loss(self.net(x), x, reduction="sum").item()
            count += x.numel()
        return {"test_loss": loss / count}


class Collapsing(Plain):
    """Lesson 4's: does the output depend on the input at all?"""

    def test(self, batches):
        batches = list(batches)
        drawn = torch.cat([self.net(x) for x, y in batches]).double()
        return dict(super().test(batches), output_variance=drawn.var(0, correction=0).mean().item())


class Transforming(Plain):
    """The network sees something else than the image that it has to draw."""

    def __init__(self, net, change, seed):
        super().__init__(net)
        self.change, self.seed = change, seed

    def cost(self, x, y):
        return F.mse_loss(self.net(self.change(x, None)), x)

    def test(self, batches):
        """Noise comes from a generator of its own, so that testing does not change the training."""
        generator = torch.Generator().manual_seed(self.seed)
        loss = count = 0
        psnr = []
        for x, y in batches:
            drawn = self.net(self.change(x, generator))
            loss += F.mse_loss(drawn, x, reduction="sum").item()
            count += x.numel()
            psnr.append(-10 * torch.log10(((drawn.clamp(0, 1) - x) ** 2).flatten(1).mean(1)))
        return {"test_loss": loss / count, "psnr": torch.cat(psnr)}


class Variational:
    """A variational autoencoder: reconstruction and beta times the divergence, both of them sums."""

    def __init__(self, net, beta, seed):
        self.net, self.beta, self.seed = net, beta, seed

    def parts(self, x, y, generator=None):
        drawn, wanted, mean, log_var = self.net(x, y, generator)
        divergence = (0.5 * (mean ** 2 + torch.exp(log_var) - log_var - 1)).sum()
        return drawn, wanted, mean, divergence

    def cost(self, x, y):
        drawn, wanted, _, divergence = self.parts(x, y)
        return F.binary_cross_entropy(drawn, wanted, reduction="sum") + self.beta * divergence

    def per_image_or_element(self, cost, images):
        return cost / images

    def test(self, batches):
        """Noise comes from a generator of its own, so that testing does not change the training."""
        generator = torch.Generator().manual_seed(self.seed)
        cost = reconstruction = kl = count = 0
        means = []
        for x, y in batches:
            drawn, wanted, mean, divergence = self.parts(x, y, generator)
            cost += F.binary_cross_entropy(drawn, wanted, reduction="sum").item() + self.beta * divergence.item()
            reconstruction += F.binary_cross_entropy(drawn[:, :x.shape[1]], x, reduction="sum").item()
            kl += divergence.item()
            count += len(x)
            means.append(mean)
        active = (torch.cat(means).double().var(0, correction=0) > 0.01).sum().item()
        return {"test_loss": cost / count, "test_reconstruction": reconstruction / count, "test_kl": kl / count,
                "active_units": active}


# ---- THE LESSONS ---------------------------------------------------------------------------------------------------

class Lesson:
    """Settings, and the quantities of one lesson beyond those of all; `costs` has one list of batch costs an epoch."""
    epochs, batch, lr, decay = 20, 64, 1e-3, 0
    data, flat, always_full = DIGITS, True, True

    def options(self, parser):
        pass

    def check(self, o, parser):
        pass

    def task(self, o, seed):
        raise NotImplementedError

    def mode(self, o):
        return []

    def more(self, costs, test):
        return test

    def choose(self, train, held):
        """Which images are learnt from and tested on, if not all."""
        return train, held


class Lesson01(Lesson):
    """the letters: 784-hidden-latent and back"""
    batch, data = 512, LETTERS

    def options(self, parser):
        parser.add_argument("--hidden", type=positive, default=128)
        parser.add_argument("--latent", type=positive, default=32)

    def task(self, o, seed):
        return Plain(fully_connected(784, o.hidden, o.latent))

    def mode(self, o):
        return given("--hidden", o.hidden, 128) + given("--latent", o.latent, 32)


class Lesson02(Lesson):
    """fully connected against convolutional"""
    decay = 1e-5

    def options(self, parser):
        parser.add_argument("--net", choices=["fc", "cnn"], required=True)
        parser.add_argument("--batchnorm", action="store_true", help="with --net cnn")
        parser.add_argument("--latent", type=positive, help="size of the code (default: fc 10, cnn 64); with fc, hidden "
                            "layers that are no wider than the code are left out: 64 means 784-128-64")

    def check(self, o, parser):
        if o.batchnorm and o.net == "fc":
            parser.error("--batchnorm goes with --net cnn")
        self.flat = o.net == "fc"

    def task(self, o, seed):
        latent = o.latent or self.usual(o)
        if o.net == "cnn":
            return Plain(convolutional(latent, o.batchnorm))
        return Plain(fully_connected(*[size for size in (784, 128, 64, 12) if size > latent], latent))

    def usual(self, o):
        return 10 if o.net == "fc" else 64

    def mode(self, o):
        return (["--net", o.net] + ["--batchnorm"] * o.batchnorm
                + given("--latent", o.latent or self.usual(o), self.usual(o)))

    def more(self, costs, test):
        return dict(test, epoch1_last_batch_loss=costs[0][-1], last_batch_loss=costs[-1][-1])


class Lesson03(Lesson):
    """the convolutional one whose code is looked at; 30 epochs, with --full 300"""
    batch, lr, flat, always_full = 512, 2e-4, False, False

    def check(self, o, parser):
        self.epochs = 300 if o.full else 30

    def task(self, o, seed):
        return Plain(Autoencoder())


class Lesson04(Lesson):
    """the stacked autoencoder, and the learning rate that kills it"""
    batch, lr, decay = 32, 1e-1, 1e-8
    losses = {"mse": F.mse_loss, "l1": F.l1_loss, "bce": F.binary_cross_entropy}

    def options(self, parser):
        parser.add_argument("--cnn", action="store_true", help="the convolutional network of the document's exercise")
        parser.add_argument("--lr", type=float, default=1e-1)
        parser.add_argument("--loss", choices=list(self.losses), default="mse")

    def check(self, o, parser):
        self.lr, self.flat = o.lr, not o.cnn

    def task(self, o, seed):
        net = pooling() if o.cnn else fully_connected(784, 128, 64, 36, 18, 9)
        return Collapsing(net, self.losses[o.loss])

    def mode(self, o):
        return ["--cnn"] * o.cnn + given("--lr", rate(o.lr), rate(1e-1)) + given("--loss", o.loss, "mse")


class Lesson05(Lesson):
    """the vanilla autoencoder"""
    epochs, batch, lr = 5, 256, 5e-3

    def options(self, parser):
        parser.add_argument("--init", choices=["document", "both", "default"], default="both",
                            help="which layers start as N(0, 0.1) with zero biases: the first alone, as the document "
                                 "is written; both; none")

    def task(self, o, seed):
        return Plain(vanilla(o.init), F.binary_cross_entropy)

    def mode(self, o):
        return given("--init", o.init, "both")

    def more(self, costs, test):
        """The document prints every fiftieth batch."""
        rows = {f"loss_step{step}": costs[0][step] for step in range(0, len(costs[0]), 50)}
        if len(costs) >= 5:
            last = (len(costs[4]) - 1) // 50 * 50
            rows.update({"epoch5_loss_step0": costs[4][0], f"epoch5_loss_step{last}": costs[4][last]})
        return dict(test, **rows)


class Lesson06(Lesson):
    """the variational autoencoder"""
    epochs, batch = 15, 256

    def options(self, parser):
        parser.add_argument("--latent", type=positive, default=20)
        parser.add_argument("--beta", type=float, default=1)

    def task(self, o, seed):
        return Variational(VAE(o.latent), o.beta, seed)

    def mode(self, o):
        return given("--latent", o.latent, 20) + given("--beta", f"{o.beta:g}", "1")

    def more(self, costs, test):
        return dict(test, test_elbo=test["test_reconstruction"] + test["test_kl"])


class Lesson07(Lesson):
    """the conditional variational autoencoder"""
    epochs, batch, flat = 50, 128, False

    def options(self, parser):
        parser.add_argument("--label-in-loss", action="store_true", help="the label maps are reconstructed, too")

    def task(self, o, seed):
        return Variational(ConditionalVAE(50, o.label_in_loss), 1, seed)

    def mode(self, o):
        return ["--label-in-loss"] * o.label_in_loss

    def more(self, costs, test):
        rows = {f"cost_step{step}": costs[0][step] for step in (0, 100, 450) if step < len(costs[0])}
        if len(costs) >= 5:
            rows["epoch5_mean_cost"] = float(np.mean(costs[4]))
        rows["test_cost_per_image"] = test["test_loss"]
        return dict({k: v for k, v in test.items() if k != "active_units"}, **rows)


class Usual(Lesson):
    """lessons without a document: as by default"""
    always_full = False

    def check(self, o, parser):
        if o.full:
            parser.error("lesson08 .. lesson13 are trained as by default only")


class Lesson08(Usual):
    """Gaussian noise is taken away"""
    epochs, batch, lr, flat = 4, 64, 5e-4, False

    def task(self, o, seed):
        return Transforming(Denoiser(), lambda x, g: x + 0.5 * torch.randn(x.shape, generator=g), seed)

    def more(self, costs, test):
        return {"gaussian.test_loss": test["test_loss"], "gaussian_ours_psnr": test["psnr"].mean().item()}


class Lesson09(Usual):
    """without an 8, and how well its error tells one; the test loss is that of held-out normal digits"""
    epochs, batch = 8, 128

    def choose(self, train, test):
        """Five sixths to learn from, the rest held out.  The test images stay aside for the AUC."""
        (images, labels), self.both = train, test
        cut = len(images) - len(images) // 6
        return tuple((images[part][labels[part] != 8], labels[part][labels[part] != 8]) for part in (slice(cut), slice(cut, None)))

    def task(self, o, seed):
        self.net = fully_connected(784, 128, 32)
        return Plain(self.net)

    def more(self, costs, test):
        images, labels = self.both
        with torch.no_grad():
            error = ((self.net(images) - images) ** 2).mean(1)
        odd, normal = error[labels == 8].double(), error[labels != 8].double().sort().values
        wins = torch.searchsorted(normal, odd).double() + torch.searchsorted(normal, odd, right=True).double()
        return {"nine.test_loss": test["test_loss"], "nine_ours_auc": (wins.mean() / 2 / len(normal)).item()}


class Lesson10(Usual):
    """the network whose 64 numbers become a file"""
    epochs, batch = 8, 256

    def task(self, o, seed):
        return Plain(fully_connected(784, 256, 64))


class Lesson11(Usual):
    """the encoder that ends with a ReLU"""
    epochs, batch = 8, 256

    def task(self, o, seed):
        return Plain(nn.Sequential(*stack(784, 256, 64), nn.ReLU(), *stack(64, 256, 784), nn.Sigmoid()))


class Lesson12(Usual):
    """from 7 x 7 pixels to 28 x 28"""
    epochs, batch, lr, flat = 4, 64, 2e-3, False

    def choose(self, train, test):
        return tuple(part[:10000] for part in train), test

    def task(self, o, seed):
        return Transforming(Sharpener(4), lambda x, g: F.avg_pool2d(x, 4), seed)

    def more(self, costs, test):
        """The lesson measures the PSNR of the first thousand only."""
        return {"x4.test_loss": test["test_loss"], "x4_network_psnr": test["psnr"][:1000].mean().item()}


class Lesson13(Usual):
    """the LSTM that reads rows"""
    epochs, batch, lr = 6, 32, 1e-2

    def choose(self, train, test):
        return tuple(part[:20000] for part in train), test

    def task(self, o, seed):
        return Plain(Sequence())

    def more(self, costs, test):
        return {"lstm_mean": test["test_loss"]}


LESSONS = {f"lesson{i:02}": lesson() for i, lesson in
           enumerate([Lesson01, Lesson02, Lesson03, Lesson04, Lesson05, Lesson06, Lesson07,
                      Lesson08, Lesson09, Lesson10, Lesson11, Lesson12, Lesson13], 1)}


# ---- TRAIN ---------------------------------------------------------------------------------------------------------

def measure(task, test, labels):
    task.net.eval()
    with torch.no_grad():
        result = task.test(zip(test.split(1000), labels.split(1000)))
    task.net.train()
    return result


def run_seed(lesson, o, seed, data):
    """Trains one network; returns its quantities in the order of their names."""
    (images, labels), (test, test_labels) = data
    torch.manual_seed(seed)
    task = lesson.task(o, seed)
    adam = torch.optim.Adam(task.net.parameters(), lr=lesson.lr, weight_decay=lesson.decay, fused=True)
    print(f"{o.lesson} {mode_of(lesson, o)} seed {seed}: {sum(p.numel() for p in task.net.parameters()):,} parameters, "
          f"{len(images):,} images", file=sys.stderr, flush=True)
    costs, means = [], []
    for epoch in range(1, o.epochs + 1):
        began, costs_now, means_now = time.perf_counter(), [], []
        for batch in torch.randperm(len(images)).split(lesson.batch):
            cost = task.cost(images[batch], labels[batch])
            adam.zero_grad()
            cost.backward()
            adam.step()
            costs_now.append(cost.item())
            means_now.append(task.per_image_or_element(costs_now[-1], len(batch)))
        costs.append(costs_now)
        means.append(float(np.mean(means_now)))
        print(f"{o.lesson} {mode_of(lesson, o)} seed {seed}: epoch {epoch}/{o.epochs}, train loss {means[-1]:.6g}, "
              f"{time.perf_counter() - began:.1f} s", file=sys.stderr, flush=True)
        if epoch == 1:
            first = measure(task, test, test_labels)
    last = measure(task, test, test_labels) if o.epochs > 1 else first
    rows = lesson.more(costs, last)
    rows.update(train_loss=means[-1], epoch1_train_loss=means[0], epoch1_test_loss=first["test_loss"])
    return dict(sorted(rows.items()))


# ---- OPTIONS AND RECORDS -------------------------------------------------------------------------------------------

def positive(text):
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"{text}: 1 or more is wanted")
    return value


def seeds(text):
    return [int(word) for word in text.split(",")]


def rate(value):
    """1e-3 for 0.001, so that one learning rate has one spelling."""
    digits, exponent = f"{value:e}".split("e")
    return f"{float(digits):g}e{int(exponent)}"


def given(name, value, usual):
    return [] if value == usual else [name, str(value)]


def mode_of(lesson, o):
    epochs = given("--epochs", o.epochs, lesson.epochs)
    return " ".join(["--full"] * o.full + lesson.mode(o) + epochs) or "default"


def options():
    p = argparse.ArgumentParser(description="Each lesson's network in PyTorch, at its document's settings.")
    parsers = p.add_subparsers(dest="lesson", required=True, metavar="LESSON")
    for name, lesson in LESSONS.items():
        q = parsers.add_parser(name, help=lesson.__doc__, description=f"{name}: {lesson.__doc__}")
        q.set_defaults(parser=q)
        lesson.options(q)
        q.add_argument("--full", action="store_true", help="the document's settings; lesson01 .. lesson07 but lesson03 have them anyway")
        q.add_argument("--seeds", type=seeds, default=[0], metavar="0,1,2")
        q.add_argument("--epochs", type=positive)
        q.add_argument("--threads", type=positive, default=2)
        q.add_argument("--data", default=os.environ.get("AUTOENC_DATA") or os.path.join(ROOT, "data"),
                       help="folder with the IDX files, plain or .gz (default: $AUTOENC_DATA, data/)")
        q.add_argument("--record", metavar="FILE", help="merge the rows into this file")
    o = p.parse_args()
    lesson = LESSONS[o.lesson]
    lesson.check(o, o.parser)
    o.full = o.full or lesson.always_full
    o.epochs = o.epochs or lesson.epochs
    return o


def record(path, rows):
    """Merges rows into a file of them.  It is locked, written beside and renamed: nobody reads half of it."""
    key = lambda row: (row[0], row[1], row[2], int(row[5]) if row[5].isdigit() else -1, row[5], row[6])
    while True:
        f = open(path, "a+")
        fcntl.flock(f, fcntl.LOCK_EX)
        if os.path.exists(path) and os.path.samestat(os.fstat(f.fileno()), os.stat(path)):
            break
        f.close()                                  # somebody renamed a new file to this name while we waited
    with f:
        f.seek(0)
        old = [line.rstrip("\n").split("\t") for line in f if line.strip()][1:]
        merged = {key(row): row for row in old + rows}
        part = f"{path}.part"
        with open(part, "w") as g:
            g.writelines("\t".join(row) + "\n" for row in [COLUMNS] + [merged[k] for k in sorted(merged)])
        os.replace(part, path)


def main():
    o = options()
    lesson = LESSONS[o.lesson]
    torch.set_num_threads(o.threads)
    torch.set_flush_denormal(True)
    data = [read_set(o.data, stem, lesson.flat) for stem in lesson.data]
    data = lesson.choose(*data)
    if o.record:
        record(o.record, [])                       # better to know now than after the training
    print("\t".join(COLUMNS), flush=True)
    for seed in o.seeds:
        rows = [[o.lesson, mode_of(lesson, o), quantity, f"{value:.9g}", "-", str(seed), "PyTorch"]
                for quantity, value in run_seed(lesson, o, seed, data).items()]
        print("\n".join("\t".join(row) for row in rows), flush=True)
        if o.record:
            record(o.record, rows)


if __name__ == "__main__":
    if not {"-h", "--help"} & set(sys.argv):
        tune_malloc()                              # the program starts itself again, once
    main()
