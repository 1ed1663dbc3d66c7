"""The mask net: a small copy of the picture and a source colour in, a grid of coefficients for three masks out.

    python mask_net.py --minutes 30 --out work/mask.pt
"""
import argparse
import copy
import math
import time

import numpy as np
import torch
from torch import nn
import torch.nn.functional as F

from colour_match import NAMES
from scenes import N, X, Y, colour_target, scene

SOURCES = len(NAMES) + 2  # the colour names, subject, sky
COEFFICIENTS = 13         # subject: 3 rgb + 1, sky: 3 rgb + 1, named colour: 3 rgb + match + 1


def double(inputs, outputs):
    return nn.Sequential(nn.Conv2d(inputs, outputs, 3, padding=1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU(), nn.Conv2d(outputs, outputs, 3, padding=1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU())


def single(inputs, outputs):
    return nn.Sequential(nn.Conv2d(inputs, outputs, 3, padding=1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU())


class Wide(nn.Module):
    """A residual block that looks 7 cells around, one channel at a time, then mixes the channels. Starts as no change."""

    def __init__(self, width):
        super().__init__()
        self.around, self.norm = nn.Conv2d(width, width, 7, padding=3, groups=width, bias=False), nn.BatchNorm2d(width)
        self.mix, self.back = nn.Conv2d(width, 2 * width, 1), nn.Conv2d(2 * width, width, 1)
        nn.init.zeros_(self.back.weight), nn.init.zeros_(self.back.bias)

    def forward(self, x):
        return x + self.back(F.relu(self.mix(self.norm(self.around(x)))))


class Overview(nn.Module):
    """A transformer layer over all cells of the coarsest grid: what stands out, what hangs together. Starts as no change."""

    def __init__(self, width, cells, heads=4):
        super().__init__()
        self.heads = heads
        self.place = nn.Parameter(0.02 * torch.randn(1, cells, width))
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.wide, self.back = nn.Linear(width, 2 * width), nn.Linear(2 * width, width)
        for end in (self.out, self.back):
            nn.init.zeros_(end.weight), nn.init.zeros_(end.bias)

    def forward(self, x):
        b, d, h, w = x.shape
        t = x.flatten(2).transpose(1, 2)
        q, k, v = self.qkv(self.norm1(t + self.place)).reshape(b, h * w, 3, self.heads, d // self.heads).permute(2, 0, 3, 1, 4)
        share = torch.softmax(q @ k.transpose(2, 3) * (d // self.heads) ** -0.5, -1)
        t = t + self.out((share @ v).transpose(1, 2).reshape(b, h * w, d))
        t = t + self.back(F.relu(self.wide(self.norm2(t))))
        return t.transpose(1, 2).reshape(b, d, h, w)


class MaskNet(nn.Module):
    """A U-Net over 2x2 blocks of pixels; the source enters by scale and shift at the bottleneck, then each cell sees all others."""

    def __init__(self, widths=(28, 48, 80, 128)):
        super().__init__()
        a, b, c, d = widths
        self.down0, self.down1, self.down2, self.down3 = single(24, a), double(a, b), double(b, c), double(c, d)
        self.film = nn.Linear(SOURCES, 2 * d)
        self.deep = double(d, d)
        self.overview, self.wide = Overview(d, (N // 16) ** 2), Wide(c)
        self.up2, self.up1, self.up0 = single(d + c, c), single(c + b, b), single(b + a, 40)
        self.head = nn.Conv2d(40, COEFFICIENTS, 1)

    def forward(self, small, match, source):
        """small [B,3,N,N], match [B,1,N,N], source [B,SOURCES] -> coefficients [B,13,N/2,N/2]."""
        b = small.shape[0]
        place = torch.from_numpy(np.stack([X, Y])[None]).expand(b, -1, -1, -1)
        x = torch.cat([small - 0.5, match, place - 0.5], 1)
        x = F.pixel_unshuffle(x, 2)
        x0 = self.down0(x)
        x1 = self.down1(F.max_pool2d(x0, 2))
        x2 = self.wide(self.down2(F.max_pool2d(x1, 2)))
        x3 = self.down3(F.max_pool2d(x2, 2))
        scale, shift = self.film(source)[:, :, None, None].chunk(2, 1)
        x3 = self.overview(self.deep(x3 * (1 + scale) + shift) + x3)
        up = lambda t: F.interpolate(t, scale_factor=2, mode="nearest")
        y = self.up2(torch.cat([up(x3), x2], 1))
        y = self.up1(torch.cat([up(y), x1], 1))
        y = self.up0(torch.cat([up(y), x0], 1))
        return self.head(y)


def logits(coefficients, rgb, match):
    """Coefficients at any size, applied to the pixels: subject, sky and named-colour logits."""
    c, x = coefficients, 2 * rgb - 1
    subject = (c[:, 0:3] * x).sum(1) * 2 + 4 * c[:, 3]
    sky = (c[:, 4:7] * x).sum(1) * 2 + 4 * c[:, 7]
    named = (c[:, 8:11] * x).sum(1) * 2 + c[:, 11] * (4 * match[:, 0] - 2) + 4 * c[:, 12]
    return subject, sky, named


def upsample(grid):
    return F.interpolate(grid, size=(N, N), mode="bilinear", align_corners=False)


def dice(logit, target):
    p = torch.sigmoid(logit)
    overlap, total = (p * target).sum((1, 2)), (p * p + target * target).sum((1, 2))
    return (1 - (2 * overlap + 20) / (total + 20)).mean()


class Pool:
    """Scenes are used several times, each time flipped at random and with another source."""

    def __init__(self, seed, size=1500, fresh=4):
        self.rng, self.size, self.fresh, self.items = np.random.default_rng(seed), size, fresh, []

    def batch(self, count):
        while len(self.items) < 64:
            self.items.append(scene(self.rng))
        for _ in range(self.fresh):
            item = scene(self.rng)
            if len(self.items) < self.size:
                self.items.append(item)
            else:
                self.items[self.rng.integers(self.size)] = item
        rgb, subject, sky, named, match, source = [], [], [], [], [], []
        for _ in range(count):
            picture, s, k, name = self.items[self.rng.integers(len(self.items))]
            if self.rng.random() < 0.5:
                picture, s, k, name = picture[:, ::-1], s[:, ::-1], k[:, ::-1], name[:, ::-1]
            picture = picture.astype(np.float32) / 255
            one = np.zeros(SOURCES, np.float32)
            present = np.unique(name[name < len(NAMES)])
            if self.rng.random() < 0.08:
                one[len(NAMES) + self.rng.integers(2)] = 1
                c, m = np.full((N, N), -1, np.float32), np.zeros((N, N), np.float32)
            else:
                pick = present[self.rng.integers(len(present))] if len(present) and self.rng.random() < 0.6 else self.rng.integers(len(NAMES))
                one[pick] = 1
                c, m = colour_target(picture, name, pick)
            rgb.append(picture); subject.append(s); sky.append(k); named.append(c); match.append(m); source.append(one)
        stack = lambda l: torch.from_numpy(np.ascontiguousarray(np.stack(l)).astype(np.float32))
        return stack(rgb).permute(0, 3, 1, 2).contiguous(), stack(subject) / 255, stack(sky) / 255, stack(named), stack(match)[:, None], stack(source)


def train(minutes, out, start=None, seed=1, size=16, peak=2.5e-3):
    torch.set_num_threads(1)
    torch.manual_seed(seed)
    net, pool = MaskNet(), Pool(seed)
    if start:
        print(net.load_state_dict(torch.load(start), strict=False), flush=True)
    net = net.to(memory_format=torch.channels_last)
    average = copy.deepcopy(net)
    print("parameters", sum(p.numel() for p in net.parameters()), flush=True)
    optimiser = torch.optim.AdamW(net.parameters(), lr=peak, weight_decay=0.01)
    begun, step, totals = time.process_time(), 0, np.zeros(4)  # time of the processor: a training that is paused loses nothing
    bce = F.binary_cross_entropy_with_logits
    while True:
        done = (time.process_time() - begun) / (60 * minutes)
        if done >= 1:
            break
        for group in optimiser.param_groups:
            group["lr"] = peak * min(1, (step + 1) / 60) * (0.015 + 0.985 * 0.5 * (1 + math.cos(math.pi * done)))
        net.train()
        rgb, subject, sky, named, match, source = pool.batch(size)
        with torch.autocast("cpu", torch.bfloat16):  # half the time where the processor has it; the weights stay float32
            grid = net(rgb.contiguous(memory_format=torch.channels_last), match, source)
        s, k, c = logits(upsample(grid.float()), rgb, match)
        has = (named >= 0).all(2).all(1)
        ls = bce(s, subject) + 0.5 * dice(s, subject)
        lk = bce(k, sky) + 0.3 * dice(k, sky)
        lc = bce(c[has], named[has]) + 0.5 * dice(c[has], named[has]) if has.any() else 0 * ls
        loss = ls + 0.6 * lk + lc
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimiser.step()
        step += 1
        totals += [ls.item(), lk.item(), lc.item(), 1]
        with torch.no_grad():  # average of the weights; batch-norm statistics too
            keep = min(0.996, (1 + step) / (10 + step))
            for a, p in zip(average.state_dict().values(), net.state_dict().values()):
                if a.dtype.is_floating_point:
                    a.lerp_(p, 1 - keep)
        if step % 50 == 0:
            ls, lk, lc, n = totals
            print(f"{time.process_time() - begun:6.0f} s step {step} subject {ls / n:.3f} sky {lk / n:.3f} named {lc / n:.3f}", flush=True)
            totals[:] = 0
            torch.save(average.state_dict(), out)
    torch.save(average.state_dict(), out)
    print("steps", step, flush=True)


if __name__ == "__main__":
    args = argparse.ArgumentParser()
    args.add_argument("--minutes", type=float, default=30)
    args.add_argument("--out", default="work/mask.pt")
    args.add_argument("--start")
    args.add_argument("--seed", type=int, default=1)
    args.add_argument("--peak", type=float, default=2.5e-3)
    a = args.parse_args()
    train(a.minutes, a.out, a.start, a.seed, peak=a.peak)
