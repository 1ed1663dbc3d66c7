"""Cut-out people, animals, food, things and flags with alpha (photos/cutouts.webp), warped, dressed and lit anew for each scene."""
import json
import math
from pathlib import Path

import numpy as np
from PIL import Image

from colour_match import NAMES, hsv, match, sample_colour
from drawing import BLACK, NOBODY, UNKNOWN, X, Y, folds, grey, smooth_noise

HERE = Path(__file__).parent / "photos"
CLUSTERS = 4


def load():
    """Groups of (rgba uint8 [S,S,4]); every tenth is kept aside for validation, in all tones and sexes of a person."""
    info = json.loads((HERE / "cutouts.json").read_text())
    side, columns = info["side"], info["columns"]
    sheet = np.asarray(Image.open(HERE / "cutouts.webp").convert("RGBA"))
    used, aside = {}, {}
    for k, (stem, group) in enumerate(info["items"]):
        y, x = k // columns * side, k % columns * side
        tile = np.ascontiguousarray(sheet[y:y + side, x:x + side])
        parts = [p for p in stem.split("-") if p not in ("200d", "fe0f", "2640", "2642", "1f468", "1f469", "1f9d1") and not "1f3fb" <= p <= "1f3ff"]
        base = sum(int(p, 16) for p in parts)
        (aside if base % 10 == 3 else used).setdefault(group, []).append(tile)
    return used, aside


USED, ASIDE = load()
LABELS = {}


def labels(tile):
    """Clusters of like chroma, light and shade together: [S,S] uint8, their mean colours, the colour name that fits the mean."""
    key = id(tile)
    if key not in LABELS:
        rgb, solid = tile[..., :3].astype(np.float32) / 255, tile[..., 3] > 128
        top = rgb.max(-1) + 0.08
        chroma = np.stack([(rgb[..., 0] - rgb[..., 1]) / top, (rgb[..., 2] - rgb[..., 1]) / top, 0.45 * rgb.mean(-1)], -1)
        points = chroma[::2, ::2][solid[::2, ::2]]
        rng = np.random.default_rng(len(points))
        centres = points[rng.integers(len(points), size=1)]
        for _ in range(CLUSTERS - 1):  # farthest points first
            far = ((points[:, None] - centres[None]) ** 2).sum(-1).min(1)
            centres = np.concatenate([centres, points[[int(np.argmax(far * rng.random(len(far))))]]])
        for _ in range(6):
            near = ((points[:, None] - centres[None]) ** 2).sum(-1).argmin(1)
            centres = np.stack([points[near == k].mean(0) if (near == k).any() else centres[k] for k in range(CLUSTERS)])
        part = ((chroma[..., None, :] - centres) ** 2).sum(-1).argmin(-1).astype(np.uint8)
        means = np.stack([rgb[solid & (part == k)].mean(0) if (solid & (part == k)).any() else np.zeros(3, np.float32) for k in range(CLUSTERS)])
        fits = np.stack([match(means, name) for name in NAMES])
        LABELS[key] = part, means, np.where(fits.max(0) > 0.75, fits.argmax(0), UNKNOWN).astype(np.uint8)
    return LABELS[key]


def sample(tile, u, v):
    """Bilinear samples of [S,S,4] at u, v in 0..1; transparent outside."""
    side = tile.shape[0]
    x, y = u * side - 0.5, v * side - 0.5
    inside = (x >= 0) & (y >= 0) & (x < side - 1) & (y < side - 1)
    x, y = np.clip(x, 0, side - 1.001), np.clip(y, 0, side - 1.001)
    x0, y0 = x.astype(np.int32), y.astype(np.int32)
    fx, fy = (x - x0).astype(np.float32)[..., None], (y - y0).astype(np.float32)[..., None]
    flat, at = tile.reshape(-1, 4), y0 * side + x0
    take = lambda k: flat.take(at + k, 0).astype(np.float32)
    a, b, c, d = take(0), take(1), take(side), take(side + 1)
    weights = ((1 - fx) * (1 - fy), fx * (1 - fy), (1 - fx) * fy, fx * fy)
    alpha = sum(w[..., 0] * t[..., 3] for w, t in zip(weights, (a, b, c, d))) / 255
    rgb = sum(w * t[..., 3:] * t[..., :3] for w, t in zip(weights, (a, b, c, d))) / np.maximum(alpha * 255 * 255, 1)[..., None]
    return rgb, alpha * inside, at


def paste(c, tile, cx, cy, wide, high, subject=True, group="thing", soft=1.0, quiet=0.0):
    """Draws a cut-out with its middle at cx, cy. quiet 0..1 takes colour and contrast from it, as far things have."""
    rng = c.rng
    angle = rng.normal() * (0.05 if group == "bust" else 0.2)
    dx, dy = X - cx, Y - cy
    wobble = rng.uniform(0, 0.035)
    u = (dx * math.cos(angle) + dy * math.sin(angle)) / wide + 0.5 + wobble * smooth_noise(rng, ((3, 0.7),))
    v = (dy * math.cos(angle) - dx * math.sin(angle)) / high + 0.5 + wobble * smooth_noise(rng, ((3, 0.7),))
    if group == "bust":  # the heads are large: shrink them against the shoulders
        v = np.clip(v, 0, None) ** rng.uniform(0.6, 1.0)
        u = (u - 0.5) / (1 - rng.uniform(0, 0.4) / (1 + np.exp((v - 0.58) * 22))) + 0.5
        v = np.where(v > 0.9, 0.9 + 0.02 * np.sin(v * 30), v)  # the chest goes on downwards
    if rng.random() < 0.5:
        u = 1 - u
    rgb, alpha, at = sample(tile, u, v)
    alpha = np.clip((alpha - 0.5) * (1 + soft * max(wide, high)) + 0.5, 0, 1)
    parts, means, own_names = labels(tile)
    if group in ("bust", "figure", "head"):
        h, s, _ = hsv(means)
        own_names = np.where((h > 0.015) & (h < 0.115) & (s > 0.12) & (s < 0.75), NOBODY, own_names).astype(np.uint8)
    part = parts.reshape(-1).take(at)
    solid = alpha > 0.5
    if solid.sum() < 12:
        return
    if group == "flag" or rng.random() < 0.15:
        order = rng.permutation(3)
        rgb, means, own_names = rgb[..., order], means[:, order], np.full(CLUSTERS, UNKNOWN, np.uint8)
    names = own_names[part]
    low = solid & (Y > cy + 0.1 * high)
    counts = np.bincount(part[low], minlength=CLUSTERS)
    garment = int(counts.argmax()) if group != "head" else -1
    odds = 0.06 if group in ("bust", "figure", "head") else 0.25
    for k in range(CLUSTERS):
        if rng.random() < (0.7 if k == garment else odds):
            index = rng.integers(len(NAMES))
            light = grey(rgb) / max(0.08, float(means[k].mean()))
            index = BLACK if k == garment and rng.random() < 0.15 else index
            body = sample_colour(rng, NAMES[index]) * np.clip(light, 0.2, 1.5)[..., None]
            here = part == k
            rgb = np.where(here[..., None], body, rgb)
            names[here] = index
    pale = grey(rgb)[..., None]
    rgb = pale + (rgb - pale) * (rng.uniform(0.55, 1.05) if rng.random() < 0.7 else 1) * (1 - 0.5 * quiet)
    if quiet:
        names = np.full_like(names, UNKNOWN)
        rgb = rgb * (1 - 0.5 * quiet) + 0.5 * quiet * c.picture.mean((0, 1)) * rng.uniform(0.6, 1.3)
    # light from a side, folds, texture
    towards = rng.uniform(0, 2 * math.pi)
    light = rng.uniform(0.7, 1.1) + rng.uniform(0, 0.5) * ((u - 0.5) * math.cos(towards) + (v - 0.5) * math.sin(towards)) * 1.6
    if group in ("bust", "figure", "flag") and rng.random() < 0.7:
        cloth = part == garment
        light = light + np.where(cloth, rng.uniform(0.1, 0.55), 0.04) * folds(rng)
    if rng.random() < 0.6:
        light = light + rng.uniform(0.01, 0.07 if group != "thing" else 0.16) * smooth_noise(rng, ((9, 0.6), (26, 0.6), (70, 0.6)))
    if rng.random() < 0.5:  # harder light than the drawing has
        rgb = np.clip(rgb, 0, 1) ** np.float32(rng.uniform(0.8, 1.6))
    c.put(alpha.astype(np.float32), rgb, names, np.clip(light, 0.15, 1.5).astype(np.float32), 0.0, subject)


def choose(rng, group, source=None):
    tiles = (source or USED)[group]
    return tiles[rng.integers(len(tiles))]


def bust(c, soft, source=None):
    """Head and shoulders or half a person that the lower edge cuts; fills much of the picture."""
    rng = c.rng
    wide = rng.uniform(0.55, 1.25)
    high = wide * rng.uniform(0.85, 1.3)
    top = rng.uniform(-0.05, 0.35)
    cx = 0.5 + rng.normal() * 0.1
    paste(c, choose(rng, "bust", source), cx, top + high * 0.5, wide, high, True, "bust", soft)
    return cx, top + high * 0.75, wide


def figure(c, soft, source=None):
    rng = c.rng
    high = rng.uniform(0.55, 1.2)
    paste(c, choose(rng, "figure", source), 0.5 + rng.normal() * 0.12, 0.5 + rng.normal() * 0.08, high * rng.uniform(0.8, 1.1), high, True, "figure", soft)


def thing(c, soft, source=None, group="thing"):
    rng = c.rng
    size = rng.uniform(0.35, 1.05)
    paste(c, choose(rng, group, source), 0.5 + rng.normal() * 0.1, 0.52 + rng.normal() * 0.1, size * rng.uniform(0.8, 1.2), size, True, group, soft)


def behind(c, soft, source=None):
    """Flags, models and furniture behind the subject: not the subject, however bright."""
    rng = c.rng
    for _ in range(rng.integers(1, 4)):
        group = "flag" if rng.random() < 0.45 else "thing"
        size = rng.uniform(0.3, 1.1) if group == "flag" else rng.uniform(0.12, 0.5)
        cx = rng.uniform(-0.05, 0.3) if rng.random() < 0.5 else rng.uniform(0.7, 1.05)
        stretch = rng.uniform(0.5, 1.0) if group == "flag" else rng.uniform(0.8, 1.2)
        high = size * (rng.uniform(1, 2.5) if group == "flag" else 1)
        paste(c, choose(rng, group, source), cx, rng.uniform(0.05, 0.65), size * stretch, high, False, group, soft, rng.random() * 0.9 if rng.random() < 0.6 else 0.0)
