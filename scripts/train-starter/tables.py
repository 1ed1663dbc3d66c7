"""Cups, bowls and glasses on tables: saucers, spoons, hands, glaze that shines, tops that mirror."""
import math

import numpy as np

import cutouts
import holding
import people
from colour_match import sample_colour
from drawing import NOBODY, UNKNOWN, WHITE, X, Y, any_colour, edge, polar, shade, smooth_noise


def cup(c, cx, cy, size, subject, soft, glaze=None):
    """A vessel seen from above at a slant: saucer, spoon, body, rim, inside, drink, handle. glaze: its colour and name."""
    rng = c.rng
    squash, (colour, name) = rng.uniform(0.5, 1.0), glaze or c.named()
    if not glaze and rng.random() < 0.3:
        colour, name = sample_colour(rng, "white"), WHITE
    plate_colour, plate = (colour, name) if rng.random() < 0.6 else c.named()
    if rng.random() < 0.85:
        px, py = cx + size * rng.normal() * 0.1, cy + size * rng.uniform(0.0, 0.25)
        u, v, r, a = polar(px, py, rng.normal() * 0.15, squash)
        mask = edge(size - r, soft)
        c.shadow(mask)
        light, shine = shade(rng, u, v, r, size)
        light = light * (1 - 0.4 * rng.random() * np.exp(-((r / size - rng.uniform(0.4, 0.9)) / 0.06) ** 2))
        sun = rng.uniform(0, 2 * math.pi)  # the cup throws its shade over one side of the saucer
        light = light * (1 - rng.uniform(0, 0.6) * np.clip((u * math.cos(sun) + v * math.sin(sun)) / size * 2 + rng.uniform(-0.5, 0.5), 0, 1))
        c.put(mask, plate_colour, plate, light, shine, subject)
        if rng.random() < 0.4:
            rim, rim_name = c.named()
            c.put(edge(size * 0.05 - np.abs(r - size * rng.uniform(0.85, 0.95)), soft), rim, rim_name, light, 0.0, subject)
        if rng.random() < 0.35:  # a spoon or a biscuit on it
            angle = rng.uniform(0, 2 * math.pi)
            inside, across, t = people.capsule(px + size * 0.8 * math.cos(angle), py + size * 0.7 * squash * math.sin(angle), px + size * 0.9 * math.cos(angle + 1.2), py + size * 0.8 * squash * math.sin(angle + 1.2), size * rng.uniform(0.03, 0.16), size * 0.04)
            c.put(edge(inside, soft), any_colour(rng) * 0.4 + 0.4, UNKNOWN, np.clip(1 - 0.6 * np.abs(across), 0.2, 1.3), 0.0, subject)
    w, h = size * rng.uniform(0.45, 0.65), size * rng.uniform(0.2, 0.6)
    y = cy - h * 0.5
    if rng.random() < 0.7:  # handle
        hx = cx + (w * 1.15) * (1 if rng.random() < 0.5 else -1)
        u, v, r, a = polar(hx, cy, 0, rng.uniform(0.8, 1.4))
        c.put(edge(size * 0.09 - np.abs(r - size * 0.16), soft), colour, name, 0.8, 0.0, subject)
    taper = 1 - 0.3 * rng.random() * np.clip((Y - y) / h, 0, 1)
    bowl = np.clip(edge(w * taper - np.abs(X - cx), soft) * edge(Y - y, soft) * edge(y + h - Y + 0.0 * X + w * squash * 0.6 * np.sqrt(np.clip(1 - ((X - cx) / w) ** 2, 0, 1)), soft), 0, 1)
    light, shine = shade(rng, X - cx, Y - cy, np.abs(X - cx), w)
    c.put(bowl, colour, name, light, shine, subject)
    u, v, r, a = polar(cx, y, 0, squash)
    rim_colour, rim = (sample_colour(rng, "white"), WHITE) if rng.random() < 0.5 else (colour, name)
    c.put(edge(w - r, soft), rim_colour, rim, rng.uniform(0.8, 1.1), 0.0, subject)
    c.put(edge(w * 0.86 - r, soft), rim_colour * rng.uniform(0.5, 0.95), UNKNOWN, np.clip(0.8 + 0.5 * v / w, 0.3, 1.2), 0.0, subject)
    if rng.random() < 0.8:
        u, v, r, a = polar(cx, y + w * 0.12, 0, squash)
        drink = sample_colour(rng, "brown") * rng.uniform(0.5, 1.6) if rng.random() < 0.6 else any_colour(rng)
        c.put(edge(w * 0.7 - r, soft), np.clip(drink, 0, 1), UNKNOWN, np.clip(1 + 0.4 * rng.normal() * u / w + 0.1 * smooth_noise(rng), 0.3, 1.5), 0.0, subject)


def top_of_table(c, tone):
    """Fills the picture with wood, cloth or stone of about the tone, with streaks of light along its grain. Returns the grain 0..1."""
    rng = c.rng
    angle = rng.uniform(0, math.pi)
    u, v = X * math.cos(angle) + Y * math.sin(angle), Y * math.cos(angle) - X * math.sin(angle)
    waves = smooth_noise(rng, ((3, 0.8), (7, 0.5)))
    fine = np.sin(v * rng.uniform(25, 120) + 3 * waves + u * rng.normal() * 4) * 0.5 + 0.5
    grain = np.clip(0.6 * fine + 0.25 * np.sin(v * rng.uniform(6, 20) + waves) + 0.3 * smooth_noise(rng, ((20, 0.5), (60, 0.6))), 0, 1)
    level = rng.uniform(0.5, 1.0) + rng.uniform(0, 0.5) * (grain - 0.5) + rng.normal() * 0.3 * (X - 0.5) + rng.normal() * 0.3 * (Y - 0.5)
    c.picture = np.clip(tone * np.clip(level, 0.08, 1.6)[..., None], 0, 1).astype(np.float32)
    c.sky = c.sky * 0
    for _ in range(rng.integers(0, 4)):  # a window, a lamp
        mirror(c, sample_colour(rng, "white") * rng.uniform(0.6, 1.1), grain, rng.random(), rng.random(), rng.uniform(0.05, 0.4), rng.uniform(0.1, 0.6))
    return grain


def mirror(c, colour, grain, x, y, size, strength):
    """A patch of a colour that the table throws back, broken up by its grain: never the subject."""
    rng = c.rng
    _, _, r, _ = polar(x, y, rng.uniform(0, math.pi), rng.uniform(0.3, 1.0))
    patch = np.exp(-((r / size) ** 2) ** rng.uniform(1, 3)) * (1 - rng.uniform(0.3, 1.0) * grain) * strength
    c.picture = np.clip(c.picture + patch[..., None] * (colour - c.picture), 0, 1)


def spoon(c, x, y, size, soft):
    rng = c.rng
    angle = rng.uniform(0, 2 * math.pi)
    ex, ey = x + 1.6 * size * math.cos(angle), y + 1.6 * size * math.sin(angle)
    metal = np.array([1, 1, 1], np.float32) * rng.uniform(0.5, 1.0) * (1 + 0.08 * rng.normal(size=3))
    inside, over, _ = people.capsule(x, y, ex, ey, size * 0.14, size * 0.1)
    c.shadow(edge(inside, soft))
    c.put(edge(inside, soft), metal, UNKNOWN, np.clip(0.9 + rng.normal() * 0.7 * over, 0.15, 1.5))
    u, v, r, _ = polar(x, y, angle, rng.uniform(0.55, 0.8))
    shown = holding.mirrored(rng, u, v, r, size * 0.55)[..., None] * 1.2 * metal + rng.uniform(0, 0.4)
    c.put(edge(size * 0.5 - r, soft), np.clip(shown, 0, 1), UNKNOWN)


def glints(c, x, y, size):
    """Lamps in the glaze: short bright arcs and dots on the subject."""
    rng = c.rng
    for _ in range(rng.integers(0, 6)):
        _, _, r, a = polar(x + rng.normal() * 0.1 * size, y + rng.normal() * 0.2 * size, 0, rng.uniform(0.5, 1))
        arc = np.exp(-((r - size * rng.uniform(0.2, 1)) / (size * rng.uniform(0.01, 0.06))) ** 2) * np.exp(-((np.cos(a - rng.uniform(0, 6.3)) - 1) / rng.uniform(0.01, 0.3)) ** 2)
        c.picture = c.picture + (arc * c.subject * rng.uniform(0.3, 1))[..., None] * (1 - c.picture)


def laid(c, soft, source):
    """A cup or bowl on a table, close up: its colour comes back from the table, and the table may be of the same colour."""
    rng = c.rng
    glaze = (sample_colour(rng, "white"), WHITE) if rng.random() < 0.25 else c.named()
    tone = any_colour(rng)
    if rng.random() < 0.6:
        tone = sample_colour(rng, "brown" if rng.random() < 0.6 else "orange")
    if rng.random() < 0.3:  # a table like the cup
        tone = np.clip(glaze[0] * rng.uniform(0.4, 1.1) * (1 + 0.15 * rng.normal(size=3)), 0, 1).astype(np.float32)
    grain = top_of_table(c, tone)
    size = rng.uniform(0.25, 0.6)
    cx, cy = 0.5 + rng.normal() * 0.08, 0.5 + rng.normal() * 0.08
    for _ in range(rng.integers(0, 4)):
        angle = rng.uniform(0, 2 * math.pi)
        reach = size * rng.uniform(0.7, 1.5)
        mirror(c, np.clip(glaze[0] * rng.uniform(0.6, 1.3), 0, 1), grain, cx + reach * math.cos(angle), cy + reach * math.sin(angle), size * rng.uniform(0.2, 0.8), rng.uniform(0.3, 1.0))
    if rng.random() < 0.3:  # other things on the table, far and cut by the border
        side = -0.05 if rng.random() < 0.5 else 1.05
        if rng.random() < 0.5:
            cutouts.paste(c, cutouts.choose(rng, "thing", source), side, rng.random(), 0.4, 0.4, False)
        else:
            cup(c, side, rng.uniform(0, 0.4), size * 0.7, False, soft)
        c.defocus(rng.uniform(1.5, 5))
    elif rng.random() < 0.4:
        c.defocus(rng.uniform(1.2, 4))
    cup(c, cx, cy, size, True, soft, glaze)
    if rng.random() < 0.5:
        angle = rng.uniform(0, 2 * math.pi)
        spoon(c, cx + 0.7 * size * math.cos(angle), cy + 0.6 * size * math.sin(angle) + 0.1 * size, size * rng.uniform(0.25, 0.45), soft)
    glints(c, cx, cy, size)
    if rng.random() < 0.2:  # somebody takes it
        skin, cloth = people.SKIN[rng.integers(len(people.SKIN))] * rng.uniform(0.8, 1.05), people.Cloth(c)
        angle = rng.uniform(0.1, 0.9) * math.pi
        hx, hy = cx + size * 0.6 * math.cos(angle), cy + size * 0.35 * math.sin(angle)
        wx, wy = hx + 0.3 * math.cos(angle), hy + 0.3 * math.sin(angle)
        thick = size * rng.uniform(0.16, 0.28)
        for ax, ay, bx, by, colour, name, wide in ((wx + 0.7 * math.cos(angle), wy + 0.7 * math.sin(angle), wx, wy, cloth.colour, cloth.name, 1.4), (wx, wy, hx, hy, skin, NOBODY, 1.0)):
            inside, over, _ = people.capsule(ax, ay, bx, by, thick * wide, thick * wide * 0.85)
            c.put(edge(inside, soft), colour, name, np.clip(1.05 - 0.45 * np.abs(over) ** 2, 0.2, 1.3))
        holding.hand(c, hx, hy, thick, angle + math.pi, skin, NOBODY, soft)


def turn(c):
    """The camera held at a slant: turns the picture with all its masks, and looks a little closer."""
    angle, zoom = c.rng.normal() * 0.35, c.rng.uniform(0.75, 0.95)
    dx, dy = (X - 0.5) * zoom, (Y - 0.5) * zoom
    side = X.shape[0]
    x = np.clip(((dx * math.cos(angle) - dy * math.sin(angle)) + 0.5) * side - 0.5, 0, side - 1.001)
    y = np.clip(((dx * math.sin(angle) + dy * math.cos(angle)) + 0.5) * side - 0.5, 0, side - 1.001)
    x0, y0 = x.astype(np.int32), y.astype(np.int32)
    fx, fy = x - x0, y - y0
    def take(plane):
        weight = (lambda w: w[..., None]) if plane.ndim == 3 else (lambda w: w)
        return plane[y0, x0] * weight((1 - fx) * (1 - fy)) + plane[y0, x0 + 1] * weight(fx * (1 - fy)) + plane[y0 + 1, x0] * weight((1 - fx) * fy) + plane[y0 + 1, x0 + 1] * weight(fx * fy)
    c.picture, c.subject, c.sky = take(c.picture), take(c.subject), take(c.sky)
    c.name = c.name[np.rint(y).astype(np.int32), np.rint(x).astype(np.int32)]
