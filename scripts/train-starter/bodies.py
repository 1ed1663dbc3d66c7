"""Posed half-lengths (photos/bodies.webp) with arms and hands round what they hold, dressed and lit anew for each scene."""
import math
from pathlib import Path

import numpy as np
from PIL import Image, ImageFilter

import cutouts
import holding
import people
from colour_match import sample_colour
from drawing import NOBODY, UNKNOWN, WHITE, X, Y, edge, folds, polar, smooth_noise

HERE = Path(__file__).parent / "photos"
SIDE = 128
TORSO, UPPER, FORE, HAND, NECK, FACE, HAIR, LEGS, BALL, BOX, DARK, LIPS = range(12)  # as pack_bodies.py writes them
EMPTY = 15


def load():
    """Tiles of (surface and cover [S,S,4], parts [S,S]); every tenth is kept aside for validation."""
    sheet = np.asarray(Image.open(HERE / "bodies.webp").convert("RGBA"))
    image = Image.open(HERE / "bodies.png")
    parts = np.asarray(image.filter(ImageFilter.MedianFilter(3)))  # no specks
    used, aside = [], []
    for y in range(0, sheet.shape[0], SIDE):
        for x in range(0, sheet.shape[1], SIDE):
            part = parts[y:y + SIDE, x:x + SIDE].copy()
            part[part == EMPTY] = TORSO
            (aside if (len(used) + len(aside)) % 10 == 3 else used).append((np.ascontiguousarray(sheet[y:y + SIDE, x:x + SIDE]), part))
    return used, aside


USED, ASIDE = load()


def ball(rng, nx, ny, c):
    """A ball seen by its surface's direction: a helmet with a visor that mirrors, or any ball. Colour and name planes."""
    r = np.sqrt(nx * nx + ny * ny)
    colour, name = people.sombre(rng) if rng.random() < 0.4 else (sample_colour(rng, "white"), WHITE) if rng.random() < 0.3 else c.named()
    paint, names = np.broadcast_to(colour, nx.shape + (3,)), np.full(nx.shape, name, np.uint8)
    def over(mask, other, other_name):
        return paint + mask[..., None] * (other - paint), np.where(mask > 0.5, other_name, names).astype(np.uint8)
    if rng.random() < 0.25:
        other, other_name = c.named()
        paint, names = over(holding.pattern(rng), other, other_name)
    if rng.random() < 0.75:
        px, py, wide, high = rng.normal() * 0.35, rng.normal() * 0.35, rng.uniform(0.5, 0.95), rng.uniform(0.4, 0.95)
        angle = rng.uniform(0, math.pi)
        u, v = (nx - px) * math.cos(angle) + (ny - py) * math.sin(angle), (ny - py) * math.cos(angle) - (nx - px) * math.sin(angle)
        far = np.sqrt((u / wide) ** 2 + (v / high) ** 2)
        if rng.random() < 0.6:
            other, other_name = c.named() if rng.random() < 0.5 else (np.full(3, rng.uniform(0.2, 0.95), np.float32), UNKNOWN)
            paint, names = over(np.clip((1 + rng.uniform(0.05, 0.2) - far) * 20, 0, 1), other, other_name)
        tone = (1 + 0.12 * rng.normal(size=3)).astype(np.float32)
        visor = np.clip(holding.mirrored(rng, nx, -ny, r, 1.0)[..., None] * tone + 0.03, 0, 1)
        paint, names = over(np.clip((1 - far) * 20, 0, 1), visor, UNKNOWN)
    return paint, names


def stand(c, soft, photo, source=None):
    """Draws one body as the subject; photo(rng) is a picture that may serve as a material."""
    rng = c.rng
    tile, parts = (source or USED)[rng.integers(len(source or USED))]
    cx, y0 = 0.5 + rng.normal() * 0.1, rng.uniform(-0.03, 0.22)
    high = (1 - y0) / (rng.uniform(0.6, 0.85) if rng.random() < 0.7 else rng.uniform(0.4, 0.6))  # the edge of the picture cuts the hips or the chest
    wide = high * rng.uniform(0.8, 1.3)
    lean, side = rng.normal() * 0.06, -1 if rng.random() < 0.5 else 1
    wobble = rng.uniform(0, 0.012)
    u = side * ((X - cx) + lean * (Y - y0)) / wide + 0.5 + wobble * smooth_noise(rng, ((5, 0.7),))
    v = (Y - y0) / high + wobble * smooth_noise(rng, ((5, 0.7),))
    surface, alpha, at = cutouts.sample(tile, u, v)
    alpha = np.clip((alpha - 0.5) * (1 + soft * wide) + 0.5, 0, 1).astype(np.float32)
    part = parts.reshape(-1).take(at)
    if (alpha > 0.5).sum() < 200:
        return
    nx, ny, hollow = side * (2 * surface[..., 0] - 1), 2 * surface[..., 1] - 1, surface[..., 2]
    nz = np.sqrt(np.clip(1 - nx * nx - ny * ny, 0.01, 1))
    # one main light, light from all round that hollows miss, a rim
    lx, ly, lz = rng.normal() * 0.7, rng.uniform(-0.1, 0.9), rng.uniform(0.2, 1.2)
    length = math.sqrt(lx * lx + ly * ly + lz * lz)
    facing = (nx * lx + ny * ly + nz * lz) / length
    round_, hard = rng.uniform(0.25, 0.8), rng.uniform(0.5, 1.1)
    light = hollow ** rng.uniform(0.5, 1.8) * round_ * (0.75 + 0.25 * ny) + hard * np.clip(0.85 * facing + 0.15, 0, 1)
    light = light + rng.uniform(0, 0.5) * (rng.random() < 0.3) * np.clip(1 - nz, 0, 1) ** 3
    light = light / max(0.3, float(light[alpha > 0.5].mean())) * rng.uniform(0.65, 1.05)
    cloth = people.Cloth(c)
    holding.weave(c, cloth, photo)
    skin = people.SKIN[rng.integers(len(people.SKIN))] * rng.uniform(0.8, 1.05)
    hair = people.HAIR[rng.integers(len(people.HAIR))] * rng.uniform(0.8, 1.15)
    colour, name = np.zeros(X.shape + (3,), np.float32), np.full(X.shape, UNKNOWN, np.uint8)
    def paint(here, what, called):
        colour[here] = np.broadcast_to(what, colour.shape)[here]
        name[here] = np.broadcast_to(called, name.shape)[here]
    other = people.Cloth(c)
    bare = rng.random()
    paint(part == TORSO, cloth.colour, cloth.name)
    paint(part == LEGS, other.colour, other.name)
    sleeve = other if rng.random() < 0.1 else cloth
    paint(part == UPPER, *((skin, NOBODY) if bare < 0.08 else (sleeve.colour, sleeve.name)))
    paint(part == FORE, *((skin, NOBODY) if bare < 0.2 else (sleeve.colour, sleeve.name)))
    paint(part == HAND, *((skin, NOBODY) if rng.random() < 0.7 else people.sombre(rng) if rng.random() < 0.4 else c.named()))
    paint(part == NECK, *((skin, NOBODY) if rng.random() < 0.75 else c.named()))
    paint(part == FACE, skin, NOBODY)
    paint(part == DARK, skin * 0.3, NOBODY)
    paint(part == LIPS, skin * np.array([0.85, 0.5, 0.5], np.float32), NOBODY)
    paint(part == HAIR, hair * np.clip(0.85 + 0.35 * smooth_noise(rng, ((16, 0.7), (40, 0.7))), 0.3, 1.4)[..., None], UNKNOWN)
    paint(part == BALL, *ball(rng, nx, ny, c))
    held = people.sombre(rng) if rng.random() < 0.4 else c.named()
    paint(part == BOX, photo(rng) if rng.random() < 0.3 else held[0], UNKNOWN if rng.random() < 0.3 else held[1])
    dressed = np.isin(part, (TORSO, UPPER, FORE))
    light = light + dressed * (cloth.depth * cloth.crease * 0.7 + cloth.grain)
    shine = np.zeros_like(light)
    if rng.random() < 0.4:
        glossy = np.isin(part, (BALL, BOX, TORSO, UPPER, FORE)) if rng.random() < 0.4 else part == BALL
        shine = glossy * rng.uniform(0.1, 0.7) * np.clip(facing, 0, 1) ** rng.uniform(8, 60)
    light = np.clip(light, 0.08, 1.5).astype(np.float32)
    c.shadow(alpha)
    c.put(alpha, colour, name, light, shine.astype(np.float32))
    # what is sewn on and hangs down
    head, top, shoulder = 0.1 * wide, y0 + 0.27 * high, 0.19 * wide
    people.front(c, cloth, alpha * (part == TORSO), cx, top, head, shoulder, np.full_like(X, cx), soft)
    arms = alpha * np.isin(part, (UPPER, FORE))
    if arms.sum() > 40:
        rows, columns = np.nonzero(arms > 0.5)
        for _ in range(rng.integers(0, 5)):
            k = rng.integers(len(rows))
            holding.patch(c, (columns[k] + 0.5) / len(X), (rows[k] + 0.5) / len(X), head * rng.uniform(0.12, 0.45), arms, light, soft)
    if rng.random() < 0.35:  # a ring or collar at the neck
        band, band_name = c.named() if rng.random() < 0.5 else (np.full(3, rng.uniform(0.1, 0.9), np.float32), UNKNOWN)
        pu, pv, r, _ = polar(cx, top - head * 0.1, rng.normal() * 0.1, rng.uniform(0.3, 0.6))
        c.put(alpha * edge(head * rng.uniform(0.1, 0.3) - np.abs(r - head * rng.uniform(0.6, 1.0)), soft) * (pv > -head * 0.1) * np.isin(part, (TORSO, NECK)), band, band_name, np.clip(0.9 + 0.4 * pu / head * rng.normal(), 0.2, 1.3))
    holding.ribbons(c, cx, top, head, shoulder, folds(rng), soft)
