"""Drawn people: half-lengths that the lower edge cuts, with sleeves, folds, collars, straps, patches, things in the hand; and simpler busts."""
import math
from dataclasses import dataclass

import numpy as np

from drawing import BLACK, NOBODY, UNKNOWN, X, Y, edge, folds, polar, shade, smooth_noise

SKIN = [np.array(c, np.float32) / 255 for c in ((240, 200, 175), (225, 175, 145), (200, 145, 110), (160, 105, 75), (110, 70, 50), (250, 215, 195))]
HAIR = [np.array(h, np.float32) / 255 for h in ((40, 28, 20), (90, 60, 35), (170, 130, 80), (210, 190, 150), (25, 22, 22), (140, 135, 130), (120, 55, 25), (75, 55, 45))]


def capsule(ax, ay, bx, by, wide, narrow):
    """Distance inside a limb from a to b, the place across it (-1..1) and along it (0..1)."""
    dx, dy = bx - ax, by - ay
    length = dx * dx + dy * dy + 1e-6
    t = np.clip(((X - ax) * dx + (Y - ay) * dy) / length, 0, 1)
    radius = wide + (narrow - wide) * t
    ox, oy = X - ax - t * dx, Y - ay - t * dy
    away = np.sqrt(ox * ox + oy * oy)
    across = (ox * -dy + oy * dx) / (math.sqrt(length) * radius)
    return radius - away, across, t


def sombre(rng):
    """The dark cloth of coats and suits, and its name where it has one."""
    colour = (rng.uniform(0.02, 0.14) * (1 + 0.35 * rng.normal(size=3))).clip(0.01, 0.3).astype(np.float32)
    return colour, BLACK if colour.max() < 0.13 else UNKNOWN


class Cloth:
    """One garment: a colour, its light on round and folded parts, light from one side."""

    def __init__(self, c):
        rng = c.rng
        self.c = c
        self.colour, self.name = sombre(rng) if rng.random() < 0.25 else c.named()
        self.side = rng.normal() * 0.22
        self.level = rng.uniform(0.75, 1.1)
        self.depth = rng.uniform(0.05, 0.55)
        self.round = rng.uniform(0.1, 0.55)
        self.crease = folds(rng)
        self.grain = rng.uniform(0, 0.08) * smooth_noise(rng, ((30, 0.7), (70, 0.7)))

    def light(self, across):
        turn = np.clip(np.abs(across), 0, 1.2)
        base = self.level + self.side * across - self.round * turn ** 2.5
        return np.clip(base + self.depth * self.crease * (0.6 + 0.4 * turn) + self.grain, 0.1, 1.5).astype(np.float32)


@dataclass
class Figure:
    """What arms have to know of the person they belong to; lengths are shares of the picture's side."""

    hx: float
    top: float
    head: float
    shoulder: float
    cloth: Cloth
    skin: np.ndarray
    ragged: np.ndarray


def half_length(c, soft, hold=None, arms=None, dress=None):
    """hold(c, x, y, size) draws a thing held in front of the chest; arms(figure), where given, draws the arms and what they hold
    in place of plain sleeves; dress(cloth) may change the garment."""
    rng = c.rng
    head = rng.uniform(0.085, 0.2)
    hx, hy = 0.5 + rng.normal() * 0.1, rng.uniform(0.12, 0.42)
    lean, tilt = rng.normal() * 0.12, rng.normal() * 0.25
    squash = rng.uniform(0.9, 1.75)  # photos of any shape are pressed into a square
    chin = hy + head * squash * 0.85
    top = chin + head * rng.uniform(0.05, 0.3)
    shoulder = head * rng.uniform(1.7, 3.4)
    cloth = Cloth(c)
    if dress:
        dress(cloth)
    hair = HAIR[rng.integers(len(HAIR))] * rng.uniform(0.8, 1.15)
    style = rng.random()
    curls = smooth_noise(rng, ((16, 0.7), (36, 0.7)))
    skin = SKIN[rng.integers(len(SKIN))] * rng.uniform(0.8, 1.05)
    u, v, r, _ = polar(hx, hy - head * 0.12, 0, squash)
    hair_light = np.clip(0.75 + 0.35 * curls - 0.3 * u / head * rng.normal(), 0.25, 1.4)
    if style < 0.65:  # hair behind the head, short curls to long
        reach = rng.uniform(1.05, 1.75)
        long = rng.uniform(0, 1.2) if style < 0.35 else 0
        body = head * (reach + 0.12 * curls) - np.where(v > 0, np.maximum(np.abs(u), r * (1 - 0.4 * min(1, long))), r)
        mask = edge(body, soft) * edge(hy + head * (0.9 + long * 1.6) - Y, soft * 0.5)
        c.shadow(mask)
        c.put(mask, hair, UNKNOWN, hair_light)
    # trunk: neck, slope of the shoulders, chest, down past the lower edge
    drop = np.clip((Y - top) / (head * rng.uniform(0.8, 1.6)), 0, 1)
    centre = hx + lean * (Y - top)
    below = np.clip((Y - top - head * 1.2) / head, 0, 6)
    half = head * 0.4 + (shoulder - head * 0.4) * np.sin(drop * math.pi / 2) ** rng.uniform(0.45, 0.9) + shoulder * rng.uniform(-0.05, 0.09) * below
    ragged = 0.012 * folds(rng)
    across = (X - centre) / np.maximum(half, 1e-3)
    trunk = edge(half + ragged - np.abs(X - centre), soft) * edge(Y - top + 0.15 * tilt * (X - hx), soft)
    c.shadow(trunk)
    c.put(trunk, cloth.colour, cloth.name, cloth.light(across))
    front(c, cloth, trunk, hx, top, head, shoulder, centre, soft)
    figure = Figure(hx, top, head, shoulder, cloth, skin, ragged)
    if not arms:
        sleeves(c, figure, soft)
    neck = edge(head * rng.uniform(0.38, 0.5) - np.abs(X - hx - 0.2 * lean * (Y - hy)), soft) * edge(Y - hy, soft) * edge(top + head * 0.25 - Y, soft)
    c.put(neck, skin * rng.uniform(0.55, 0.85), NOBODY)
    if rng.random() < 0.4:  # a collar: ring of a suit, scarf, turtleneck
        collar, name = (cloth.colour, cloth.name) if rng.random() < 0.4 else c.named()
        u, v, r, _ = polar(hx, top + head * 0.15, rng.normal() * 0.1, rng.uniform(0.3, 0.6))
        ring = edge(head * rng.uniform(0.12, 0.3) - np.abs(r - head * rng.uniform(0.75, 1.3)), soft) * (v > -head * 0.15)
        c.put(ring, collar, name, np.clip(0.85 + 0.4 * u / head * rng.normal(), 0.2, 1.3))
    face(c, hx, hy, head, squash, skin, hair, hair_light, curls, style, soft)
    if arms:
        arms(figure)
    elif rng.random() < 0.5:
        hold(c, hx + rng.normal() * shoulder * 0.6, min(0.95, top + head * rng.uniform(2.2, 4.5)), head * rng.uniform(0.7, 2.4))


def sleeves(c, f, soft):
    """Both arms of a figure: shoulder, elbow, hand."""
    rng = c.rng
    for side in (-1, 1):
        if rng.random() < 0.12:
            continue
        sx, sy = f.hx + side * f.shoulder * 0.82, f.top + f.head * rng.uniform(0.75, 1.1)
        thick = f.head * rng.uniform(0.5, 0.85)
        ex, ey = sx + side * f.head * rng.uniform(-0.1, 1.1), sy + f.head * rng.uniform(1.8, 3.2)
        wx, wy = (ex - side * f.head * rng.uniform(0.5, 3.5), ey + f.head * rng.uniform(-1.5, 1.0)) if rng.random() < 0.6 else (ex + side * f.head * rng.uniform(-0.3, 0.6), ey + f.head * 2.5)
        sleeve = Cloth(c) if rng.random() < 0.08 else f.cloth
        for k, (ax, ay, bx, by, w0, w1) in enumerate(((sx, sy, ex, ey, thick, thick * 0.85), (ex, ey, wx, wy, thick * 0.85, thick * 0.65))):
            inside, over, _ = capsule(ax, ay, bx, by, w0, w1)
            mask = edge(inside + 0.5 * f.ragged, soft)
            seam = np.exp(-np.clip(-inside, 0, 1) * 45) * c.subject * (1 - mask)
            c.picture = c.picture * (1 - rng.uniform(0.1, 0.5) * seam[..., None])
            c.put(mask, sleeve.colour, sleeve.name, np.clip(sleeve.light(over) * (1 - 0.1 * k), 0.1, 1.5))
        if rng.random() < 0.8:
            gloved, name = (f.skin, NOBODY) if rng.random() < 0.7 else c.named()
            inside, over, _ = capsule(wx, wy, wx - side * f.head * rng.uniform(0, 0.7), wy + f.head * rng.uniform(-0.4, 0.6), f.head * rng.uniform(0.3, 0.45), f.head * 0.25)
            c.put(edge(inside, soft), gloved, name, np.clip(1 - 0.35 * np.abs(over), 0.3, 1.2))


def front(c, cloth, trunk, hx, top, head, shoulder, centre, soft):
    """What lies on the chest: opening, lapels, zip, straps, patches, tag, stripes, hoses."""
    rng = c.rng
    on = lambda mask, colour, name, light: c.put(trunk * mask, colour, name, light)
    y = (Y - top) / head
    if rng.random() < 0.35:  # shirt in an opening, perhaps a tie
        colour, name = c.named()
        wide = head * rng.uniform(0.3, 0.75) * np.clip(1 - y / rng.uniform(2, 6), 0, 1)
        on(edge(wide - np.abs(X - centre), soft), colour, name, np.clip(0.9 + 0.2 * cloth.crease, 0.3, 1.2))
        if rng.random() < 0.5:
            colour, name = c.named()
            on(edge(head * 0.16 * np.clip(0.6 + 0.15 * y, 0.5, 1.2) - np.abs(X - centre), soft) * edge(top + head * 4 - Y, soft), colour, name, 0.9)
    elif rng.random() < 0.6:  # zip or seam
        line = np.exp(-((X - centre - head * rng.normal() * 0.1) / 0.006) ** 2) * trunk
        c.picture = c.picture * (1 - rng.uniform(0.2, 0.7) * line[..., None])
    if rng.random() < 0.35:  # straps of a harness or bag
        colour, name = c.named()
        slope, width = rng.uniform(-0.5, 0.5), head * rng.uniform(0.1, 0.28)
        for side in (-1, 1) if rng.random() < 0.7 else (1,):
            on(edge(width - np.abs(X - centre - side * (shoulder * 0.5 + slope * (Y - top))), soft), colour, name, np.clip(cloth.light(0 * X), 0.2, 1.3))
    if rng.random() < 0.2:  # broad stripes or a belt
        colour, name = c.named()
        at = rng.uniform(1.5, 5)
        on(edge(head * rng.uniform(0.15, 0.6) - np.abs(Y - top - head * at), soft), colour, name, np.clip(cloth.light(0 * X), 0.2, 1.3))
    for _ in range(rng.integers(0, 5)):  # patches, tags, buttons
        px, py = hx + rng.normal() * shoulder * 0.5, top + head * rng.uniform(0.8, 4)
        u, v, r, _ = polar(px, py, rng.normal() * 0.2, rng.uniform(0.5, 1.3))
        size = head * rng.uniform(0.08, 0.38)
        colour, name = c.named()
        mask = edge(size - (r if rng.random() < 0.5 else np.maximum(np.abs(u), np.abs(v))), soft)
        on(mask, colour, name, 1.0)
        if rng.random() < 0.6:
            colour, name = c.named()
            on(edge(size * rng.uniform(0.3, 0.75) - r, soft), colour, name, 0.95)
    if rng.random() < 0.15:  # hose or cable
        colour, name = c.named()
        path = hx + shoulder * rng.normal() * 0.5 + head * rng.uniform(0.3, 1.2) * np.sin(y * rng.uniform(0.6, 1.5) + rng.uniform(0, 6))
        on(edge(head * 0.12 - np.abs(X - path), soft), colour, name, np.clip(0.9 + 0.3 * np.sin(Y * 200), 0.4, 1.2))


def helmet(c, x, y, size):
    """A ball with a visor: a helmet under the arm, a ball, a bag."""
    rng = c.rng
    u, v, r, _ = polar(x, y, rng.uniform(0, 3), rng.uniform(0.75, 1.25))
    shell, shell_name = c.named() if rng.random() < 0.6 else sombre(rng)
    light, shine = shade(rng, u, v, r, size)
    c.shadow(edge(size - r, 0.8))
    c.put(edge(size - r, 0.8), shell, shell_name, light, shine)
    if rng.random() < 0.7:
        visor, visor_name = sombre(rng) if rng.random() < 0.8 else c.named()
        r = np.sqrt((u - size * rng.normal() * 0.2) ** 2 + (v - size * rng.normal() * 0.2) ** 2)
        c.put(edge(size - np.sqrt(u * u + v * v), 0.8) * edge(size * rng.uniform(0.5, 0.95) - r, 0.8), visor, visor_name, np.clip(1 - 0.4 * r / size, 0.3, 1.2), shine)


def face(c, hx, hy, head, squash, skin, hair, hair_light, curls, style, soft):
    rng = c.rng
    u, v, r, _ = polar(hx, hy, rng.normal() * 0.08, squash)
    mask = edge(head * 0.85 - r, soft)
    side = rng.normal() * 0.25
    c.put(mask, skin, NOBODY, np.clip(1 + side * u / head - 0.25 * (r / head) ** 3 + 0.04 * curls, 0.3, 1.25))
    ink = np.zeros_like(u)
    for s in (-1, 1):
        ex, ey = s * head * 0.32, -head * 0.04
        ink = np.maximum(ink, np.exp(-(((u - ex) / (head * 0.12)) ** 2 + ((v - ey) / (head * 0.055)) ** 2)))
        ink = np.maximum(ink, 0.6 * np.exp(-(((u - ex) / (head * 0.18)) ** 2 + ((v - ey + head * 0.17) / (head * 0.035)) ** 2)))
    ink = np.maximum(ink, 0.35 * np.exp(-(((u - head * 0.08 * np.sign(side)) / (head * 0.08)) ** 2 + ((v - head * 0.2) / (head * 0.06)) ** 2)))
    c.picture = c.picture * (1 - rng.uniform(0.4, 0.85) * (ink * mask)[..., None])
    mouth = np.exp(-((u / (head * rng.uniform(0.2, 0.32))) ** 4 + ((v - head * 0.42) / (head * rng.uniform(0.04, 0.09))) ** 2)) * mask
    smile = np.array([1.0, 0.95, 0.9], np.float32) if rng.random() < 0.4 else skin * np.array([0.85, 0.5, 0.5], np.float32)
    c.picture = c.picture * (1 - 0.7 * mouth[..., None]) + 0.7 * mouth[..., None] * smile
    if rng.random() < 0.15:  # beard
        c.put(mask * edge(v - head * rng.uniform(0.15, 0.4) - 0.1 * head * curls, soft), hair, UNKNOWN, hair_light)
    if style < 0.9:
        line = -head * rng.uniform(0.2, 0.5) + head * (0.12 * curls + 0.3 * rng.normal() * u / head)
        cap = edge(head * (rng.uniform(0.92, 1.12) + 0.07 * curls) - r, soft) * edge(line - v, soft)
        c.put(cap, hair, UNKNOWN, hair_light)
    kind = rng.random()
    if kind < 0.1:  # hat or cap
        colour, name = c.named()
        hat = edge(head * 1.08 - r, soft) * (v < -head * 0.3) + edge(head * 0.09 - np.abs(v + head * 0.34), soft) * edge(head * rng.uniform(1.0, 1.5) - np.abs(u), soft)
        c.put(np.clip(hat, 0, 1), colour, name, np.clip(0.9 + 0.35 * u / head * rng.normal(), 0.3, 1.3))
    elif kind < 0.2:  # helmet round the face
        colour, name = c.named()
        shell = edge(head * 1.45 - r, soft) * (1 - edge(head * rng.uniform(0.8, 0.95) - r, soft))
        light, shine = shade(rng, u, v, r, head * 1.5)
        c.put(shell, colour, name, light, shine)
    elif kind < 0.28:  # glasses
        rim = sum(np.exp(-((np.sqrt((u - s * head * 0.32) ** 2 + (v + head * 0.04) ** 2) - head * 0.22) / (head * 0.045)) ** 2) for s in (-1, 1))
        c.picture = c.picture * (1 - 0.8 * np.clip(rim * mask, 0, 1)[..., None])


def figurine(c, cx, cy, size, subject, soft, blob):
    """A simpler person, often far: head, hair, trunk of one colour."""
    rng = c.rng
    head = size * rng.uniform(0.30, 0.45)
    squash = rng.uniform(1.15, 1.45)
    hx, hy = cx + rng.normal() * 0.02, cy - size * 0.45
    skin, hair = SKIN[rng.integers(len(SKIN))] * rng.uniform(0.8, 1.05), HAIR[rng.integers(len(HAIR))]
    cloth, cloth_name = c.named()
    shoulder, top = size * rng.uniform(0.55, 0.95), hy + head * squash * rng.uniform(1.0, 1.2)
    drop = np.clip((Y - top) / (size * 0.35), 0, 1)
    half = head * 0.45 + (shoulder - head * 0.45) * drop ** rng.uniform(0.3, 0.7)
    bottom = 2.0 if rng.random() < 0.75 else cy + size * rng.uniform(0.6, 1.2)
    torso = edge(half + 0.02 * rng.normal() * np.sin(Y * 14) - np.abs(X - cx), soft) * edge(Y - top, soft) * edge(bottom - Y, soft)
    c.shadow(torso)
    light, shine = shade(rng, X - cx, Y - cy, np.abs(X - cx), shoulder)
    c.put(torso, cloth, cloth_name, light, shine * 0.3, subject)
    neck = edge(head * 0.45 - np.abs(X - hx), soft) * edge(Y - hy, soft) * edge(top + head * 0.3 - Y, soft)
    c.put(neck, skin * 0.8, NOBODY, 1.0, 0.0, subject)
    curls = smooth_noise(rng, ((16, 0.7), (36, 0.7)))
    face(c, hx, hy, head, squash, skin, hair, np.clip(0.8 + 0.3 * curls, 0.3, 1.3), curls, rng.random(), soft)
    if not subject:
        c.subject = c.subject * 0
    elif rng.random() < 0.3:
        blob(c, cx + rng.normal() * shoulder * 0.6, min(0.95, top + size * rng.uniform(0.6, 1.1)), size * rng.uniform(0.15, 0.42), True, soft)
