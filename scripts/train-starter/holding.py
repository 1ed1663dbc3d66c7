"""People who hold things before the body, in many materials: bent arms, bulky sleeves, hands, helmets with dark visors, boxes, cameras, balls."""
import math

import numpy as np

import cutouts
import people
from colour_match import sample_colour
from drawing import NOBODY, UNKNOWN, WHITE, N, X, Y, edge, grey, muted, polar, shade, smooth_noise

MAX_FINGERS = 4


# --- materials ---------------------------------------------------------------------------------------------------------

def pattern(rng):
    """A plane of 0..1: checks, stripes, dots, blotches."""
    kind, angle = rng.random(), rng.uniform(0, math.pi)
    u, v = X * math.cos(angle) + Y * math.sin(angle), Y * math.cos(angle) - X * math.sin(angle)
    pace = rng.uniform(20, 110)
    if kind < 0.3:
        return np.clip(np.sin(u * pace + 2 * smooth_noise(rng, ((4, 0.5),))) * 4 + rng.normal(), 0, 1)
    if kind < 0.55:
        return np.clip(np.sin(u * pace) * 3, 0, 1) * 0.5 + np.clip(np.sin(v * pace) * 3, 0, 1) * 0.5
    if kind < 0.7:
        return np.clip((np.sin(u * pace) * np.sin(v * pace) - 0.3) * 5, 0, 1)
    return np.clip((smooth_noise(rng, ((7, 0.8), (16, 0.7))) - rng.uniform(0, 0.7)) * 6, 0, 1)


def weave(c, cloth, photo):
    """Gives a cloth a pattern of two colours or the texture of a photo; photo(rng) is a picture [N,N,3]."""
    rng = c.rng
    kind = rng.random()
    if kind < 0.3:
        part = pattern(rng)
        other, name = c.named() if rng.random() < 0.6 else (np.clip(cloth.colour * rng.uniform(0.5, 1.5), 0, 1), cloth.name)
        cloth.name = np.where(part > 0.5, name, cloth.name).astype(np.uint8)
        cloth.colour = cloth.colour + part[..., None] * (other - cloth.colour)
    elif kind < 0.5:
        texture = photo(rng)
        if rng.random() < 0.35:
            cloth.colour, cloth.name = texture, UNKNOWN
        else:
            rough = grey(texture)
            cloth.colour = np.clip(cloth.colour * np.clip(rough / max(0.1, float(rough.mean())), 0.4, 1.5)[..., None], 0, 1)


# --- arms --------------------------------------------------------------------------------------------------------------

def bend(ax, ay, bx, by, upper, lower, side):
    """The elbow between shoulder a and hand b; the arm is stretched where the hand is too far."""
    dx, dy = bx - ax, by - ay
    far = math.hypot(dx, dy) + 1e-6
    stretch = max(1.0, far / (0.98 * (upper + lower)))
    upper, lower = upper * stretch, lower * stretch
    along = np.clip((upper * upper - lower * lower + far * far) / (2 * far), -upper, upper)
    off = math.sqrt(max(0.0, upper * upper - along * along))
    px, py = -dy / far, dx / far
    if px * side < 0:
        px, py = -px, -py
    return ax + dx / far * along + px * off, ay + dy / far * along + py * off


def limb(c, a, b, w0, w1, cloth, soft, ragged, bulk):
    """A sleeve from a to b, bunched across its length; with bands, cuffs, zips, pockets and patches. Returns its mask."""
    rng = c.rng
    inside, over, t = people.capsule(*a, *b, w0, w1)
    rolls = np.sin(t * rng.uniform(6, 26) + over * rng.normal() + 2.5 * ragged / 0.012 + rng.uniform(0, 6))
    mask = edge(inside + 0.5 * ragged + bulk * w0 * 0.14 * rolls, soft)
    dark = np.exp(-np.clip(-inside, 0, 1) * 45) * c.subject * (1 - mask)
    c.picture = c.picture * (1 - rng.uniform(0.15, 0.6) * dark[..., None])
    light = np.clip(cloth.light(over) * (1 + bulk * 0.22 * rolls), 0.08, 1.5).astype(np.float32)
    c.put(mask, cloth.colour, cloth.name, light)
    for _ in range(rng.integers(0, 3)):
        kind, (colour, name) = rng.random(), (people.sombre(rng) if rng.random() < 0.25 else c.named())
        at = rng.uniform(0, 1)
        if kind < 0.4:    # band or cuff
            c.put(mask * edge(rng.uniform(0.02, 0.12) - np.abs(t - at), soft * 0.3), colour, name, light)
        elif kind < 0.6:  # stripe or zip along the arm
            c.put(mask * edge((rng.uniform(0.05, 0.25) - np.abs(over - rng.normal() * 0.4)) * w0, soft), colour, name, light)
        else:             # patch, pocket, flag
            px, py = a[0] + (b[0] - a[0]) * at, a[1] + (b[1] - a[1]) * at
            patch(c, px, py, w0 * rng.uniform(0.3, 0.75), mask, light, soft)
    return mask


def patch(c, x, y, size, within, light, soft):
    """A badge: round or square, with a rim and something small inside."""
    rng = c.rng
    u, v, r, _ = polar(x, y, rng.normal() * 0.4, rng.uniform(0.6, 1.2))
    far = r if rng.random() < 0.6 else np.maximum(np.abs(u), np.abs(v))
    for scale in (1.0, rng.uniform(0.7, 0.9), rng.uniform(0.2, 0.5)):
        colour, name = c.named()
        c.put(within * edge(size * scale - far, soft), colour, name, light)
        if rng.random() < 0.3:
            break


def hand(c, x, y, size, angle, skin, name, soft):
    """A palm and fingers that grip something; angle is where the fingers point."""
    rng = c.rng
    px, py = x - size * 0.8 * math.cos(angle), y - size * 0.8 * math.sin(angle)
    inside, over, _ = people.capsule(px, py, x, y, size * 0.55, size * 0.62)
    c.put(edge(inside, soft), skin, name, np.clip(1 - 0.35 * np.abs(over), 0.3, 1.2))
    fingers = rng.integers(2, MAX_FINGERS + 1)
    for k in range(fingers):
        spread = (k - (fingers - 1) / 2) * size * 0.36
        bx, by = x - math.sin(angle) * spread, y + math.cos(angle) * spread
        reach, curl = size * rng.uniform(0.5, 1.1), angle + rng.normal() * 0.25
        inside, over, _ = people.capsule(bx, by, bx + reach * math.cos(curl), by + reach * math.sin(curl), size * 0.2, size * 0.16)
        c.put(edge(inside, soft), skin * rng.uniform(0.85, 1.05), name, np.clip(1.05 - 0.5 * np.abs(over) ** 2, 0.3, 1.2))


# --- things ------------------------------------------------------------------------------------------------------------

def mirrored(rng, u, v, r, size):
    """What a glossy ball shows: light above, dark below, windows and lamps, a bright rim. Returns a grey plane."""
    up = -v / size + rng.normal() * 0.4 * u / size + 0.35 * (r / size) ** 2
    look = rng.uniform(0.0, 0.12) + rng.uniform(0, 0.45) / (1 + np.exp(-(up - rng.uniform(0.1, 0.9)) * rng.uniform(4, 20)))
    for _ in range(rng.integers(1, 5)):
        px, py = rng.normal() * 0.4 * size, rng.normal() * 0.4 * size - 0.15 * size
        a, b = size * rng.uniform(0.02, 0.2), size * rng.uniform(0.02, 0.3)
        bent = u - px + 0.3 * (v - py) ** 2 / size
        look = look + rng.uniform(0.2, 0.9) * edge(a - np.abs(bent), 0.7) * edge(b - np.abs(v - py), 0.7)
    look = look + rng.uniform(0, 0.35) * np.clip((r / size - 0.8) * 5, 0, 1) * np.clip(0.5 + u / size * rng.normal(), 0, 1)
    return np.clip(look + 0.05 * smooth_noise(rng, ((5, 0.6), (14, 0.5))), 0, 1)


def helmet(c, x, y, size, soft):
    """A shell of any colour, a large dark visor that mirrors the room, a rim, a ring of metal, knobs."""
    rng = c.rng
    angle, squash = rng.uniform(0, 2 * math.pi), rng.uniform(0.8, 1.2)
    u, v, r, _ = polar(x, y, angle, squash)
    upright = polar(x, y, 0, squash)
    whole = edge(size - r, soft)
    c.shadow(whole)
    shell, name = people.sombre(rng) if rng.random() < 0.45 else (sample_colour(rng, "white"), WHITE) if rng.random() < 0.4 else c.named()
    light, shine = shade(rng, upright[0], upright[1], r, size)
    c.put(whole, shell, name, light, shine)
    shift = size * rng.uniform(0, 0.45)
    wide, high = size * rng.uniform(0.55, 1.0), size * rng.uniform(0.45, 1.0)
    far = np.sqrt(((u - shift) / wide) ** 2 + (v / high) ** 2)
    if rng.random() < 0.6:
        rim, rim_name = c.named() if rng.random() < 0.5 else (np.full(3, rng.uniform(0.3, 0.9), np.float32), UNKNOWN)
        c.put(whole * edge((1 + rng.uniform(0.05, 0.2) - far) * wide, soft), rim, rim_name, light)
    tone = np.array([1, 1, 1], np.float32) + rng.normal(size=3).astype(np.float32) * 0.12
    if rng.random() < 0.2:  # a coating of gold or blue
        tone = sample_colour(rng, "orange" if rng.random() < 0.5 else "blue") * 1.4
    visor = mirrored(rng, upright[0], upright[1], r, size)
    c.put(whole * edge((1 - far) * wide, soft), np.clip(visor[..., None] * tone + 0.03, 0, 1), UNKNOWN)
    if rng.random() < 0.5:  # ring of the neck
        nu, nv, nr, _ = polar(x + size * 0.1 * rng.normal(), y + size * rng.uniform(0.6, 0.95), 0.2 * rng.normal(), rng.uniform(0.2, 0.45))
        ring = edge(size * rng.uniform(0.04, 0.12) - np.abs(nr - size * rng.uniform(0.5, 0.8)), soft)
        c.put(ring, np.full(3, rng.uniform(0.25, 0.85), np.float32), UNKNOWN, np.clip(0.9 + 0.5 * np.sin(9 * nu / size + rng.uniform(0, 6)), 0.2, 1.5))
    for _ in range(rng.integers(0, 3)):
        patch(c, x + size * 0.8 * rng.uniform(-1, 1), y + size * 0.8 * rng.uniform(-1, 1), size * rng.uniform(0.08, 0.22), whole, np.ones((N, N), np.float32), soft)


def box(c, x, y, size, soft, photo):
    """A book, a tablet, a sign, a parcel, a camera: turned rectangle, a front and perhaps an edge, a lens or a picture on it."""
    rng = c.rng
    u, v, r, _ = polar(x, y, rng.normal() * 0.35, 1.0)
    wide, high = size * rng.uniform(0.6, 1.2), size * rng.uniform(0.45, 1.1)
    whole = edge(wide - np.abs(u), soft) * edge(high - np.abs(v), soft)
    c.shadow(whole)
    colour, name = people.sombre(rng) if rng.random() < 0.45 else c.named()
    light = np.clip(0.9 + rng.normal() * 0.25 * u / wide + rng.normal() * 0.25 * v / high, 0.2, 1.4).astype(np.float32)
    c.put(whole, colour, name, light, 0.0)
    inner = edge(wide * rng.uniform(0.6, 0.9) - np.abs(u), soft) * edge(high * rng.uniform(0.5, 0.9) - np.abs(v), soft)
    kind = rng.random()
    if kind < 0.25:
        c.put(inner, photo(rng), UNKNOWN)
    elif kind < 0.4:
        colour, name = c.named()
        c.put(inner * pattern(rng), colour, name, light)
    elif kind < 0.7:  # a lens
        px, py = rng.normal() * 0.2 * wide, rng.normal() * 0.2 * high
        far, lens = np.sqrt((u - px) ** 2 + (v - py) ** 2), min(wide, high) * rng.uniform(0.5, 1.1)
        for scale in (1.0, 0.8, 0.55, 0.3):
            c.put(edge(lens * scale - far, soft), people.sombre(rng)[0] * rng.uniform(0.6, 3), UNKNOWN, np.clip(1 + 0.5 * (u - px) / lens * rng.normal(), 0.2, 1.6))
        c.put(edge(lens * 0.12 - np.sqrt((u - px - lens * 0.2) ** 2 + (v - py + lens * 0.2) ** 2), soft), np.ones(3, np.float32), UNKNOWN)


def ball(c, x, y, size, soft):
    rng = c.rng
    u, v, r, _ = polar(x, y, rng.uniform(0, 3), rng.uniform(0.85, 1.0))
    whole = edge(size - r, soft)
    c.shadow(whole)
    colour, name = people.sombre(rng) if rng.random() < 0.4 else c.named()
    light, shine = shade(rng, X - x, Y - y, r, size)
    if rng.random() < 0.35:
        colour, name = np.repeat(mirrored(rng, X - x, Y - y, r, size)[..., None], 3, 2) * rng.uniform(0.5, 1.2), UNKNOWN
    c.put(whole, colour, name, light, shine)
    if rng.random() < 0.5:
        colour, name = c.named()
        c.put(whole * pattern(rng), colour, name, light, shine)


def staff(c, x, y, size, soft):
    """Something long: a tool, a neck of an instrument, a rolled paper, with a body at one end."""
    rng = c.rng
    angle, reach = rng.uniform(0, math.pi), size * rng.uniform(1.2, 2.6)
    dx, dy = math.cos(angle) * reach, math.sin(angle) * reach
    inside, over, t = people.capsule(x - dx, y - dy, x + dx * rng.uniform(0, 1), y + dy * rng.uniform(0, 1), size * rng.uniform(0.06, 0.35), size * rng.uniform(0.05, 0.3))
    colour, name = people.sombre(rng) if rng.random() < 0.3 else c.named()
    c.put(edge(inside, soft), colour, name, np.clip(1 - 0.5 * np.abs(over) ** 2 + 0.15 * np.sin(t * 30), 0.2, 1.4))
    if rng.random() < 0.6:
        ball(c, x - dx, y - dy, size * rng.uniform(0.4, 0.9), soft)


def thing(c, x, y, size, soft, source, photo):
    kind = c.rng.random()
    if kind < 0.38:
        helmet(c, x, y, size, soft)
    elif kind < 0.55:
        box(c, x, y, size, soft, photo)
    elif kind < 0.65:
        ball(c, x, y, size, soft)
    elif kind < 0.73:
        staff(c, x, y, size * 0.8, soft)
    else:
        cutouts.paste(c, cutouts.choose(c.rng, "thing", source), x, y, 2.3 * size * c.rng.uniform(0.8, 1.2), 2.3 * size)


def dim(c, x, y, size):
    """Half the time a dark thing is as dark as what lies behind it: takes the contrast between the two."""
    rng = c.rng
    near = np.exp(-(((X - x) ** 2 + (Y - y) ** 2) / (1.6 * size) ** 2) ** 2)[..., None]
    c.picture = c.picture * (1 - near * rng.uniform(0.5, 0.97) * (1 - c.subject[..., None])) if rng.random() < 0.7 else c.picture


def arms(c, f, soft, source, photo):
    """Draws both arms of figure f and what they hold: upper arms, thing, forearms before or behind it, hands."""
    rng = c.rng
    size = f.head * rng.uniform(0.8, 2.5)
    x = f.hx + f.shoulder * rng.normal() * 0.75
    y = min(0.98, f.top + f.head * rng.uniform(1.6, 4.5))
    bulk, width = rng.uniform(0, 1.2) if rng.random() < 0.7 else 0, f.head * rng.uniform(0.5, 1.05)
    gloved, glove = (f.skin, NOBODY) if rng.random() < 0.65 else c.named() if rng.random() < 0.6 else people.sombre(rng)
    upper, lower = f.head * rng.uniform(2.2, 3.2), f.head * rng.uniform(2.0, 3.0)
    after = []
    for side in (-1, 1):
        sx, sy = f.hx + side * f.shoulder * 0.84, f.top + f.head * rng.uniform(0.7, 1.1)
        if rng.random() < 0.85:
            wx, wy = x + side * size * rng.uniform(0.2, 1.0), y + size * rng.uniform(-0.6, 0.9)
        else:
            wx, wy = sx + side * f.head * rng.uniform(-0.3, 0.8), sy + upper + lower
        ex, ey = bend(sx, sy, wx, wy, upper, lower, side)
        limb(c, (sx, sy), (ex, ey), width, width * 0.88, f.cloth, soft, f.ragged, bulk)
        fore = lambda ex=ex, ey=ey, wx=wx, wy=wy: limb(c, (ex, ey), (wx, wy), width * 0.88, width * rng.uniform(0.55, 0.8), f.cloth, soft, f.ragged, bulk)
        before = rng.random() < 0.55
        if not before:
            fore()
        after.append((before, fore, wx, wy))
    if rng.random() < 0.5:
        dim(c, x, y, size)
    thing(c, x, y, size, soft, source, photo)
    for before, fore, wx, wy in after:
        if before:
            fore()
        if before or rng.random() < 0.6:
            hand(c, wx, wy, f.head * rng.uniform(0.32, 0.5), math.atan2(y - wy, x - wx) + rng.normal() * 0.4, gloved, glove, soft)
    ribbons(c, f.hx, f.top, f.head, f.shoulder, f.cloth.crease, soft)


def ribbons(c, hx, top, head, shoulder, crease, soft):
    """Straps, hoses and ribbons that hang before all else."""
    rng = c.rng
    for _ in range(rng.integers(0, 3)):
        colour, name = (sample_colour(rng, "white"), WHITE) if rng.random() < 0.4 else c.named()
        ax, ay = hx + rng.normal() * shoulder * 0.5, top + head * rng.uniform(0.5, 2.5)
        bx, by = ax + rng.normal() * head, ay + head * rng.uniform(1, 3)
        inside, over, _ = people.capsule(ax, ay, bx, by, head * rng.uniform(0.06, 0.2), head * rng.uniform(0.05, 0.2))
        c.put(edge(inside + 0.005 * crease, soft) * np.clip(c.subject * 2, 0, 1), colour, name, np.clip(0.95 - 0.4 * np.abs(over) + 0.2 * crease, 0.2, 1.3))


def offer(c, soft, source, photo):
    """Something held before the chest of a person already drawn: a thing low in the picture, a sleeve and a hand or two."""
    rng = c.rng
    cloth, size = people.Cloth(c), rng.uniform(0.1, 0.28)
    x, y = rng.uniform(0.2, 0.8), rng.uniform(0.7, 1.0)
    skin = people.SKIN[rng.integers(len(people.SKIN))] * rng.uniform(0.8, 1.05)
    if rng.random() < 0.5:
        dim(c, x, y, size)
    thing(c, x, y, size, soft, source, photo)
    for side in (-1, 1):
        if rng.random() < 0.3:
            continue
        wx, wy, thick = x + side * size * rng.uniform(0.3, 1.0), y + size * rng.uniform(-0.3, 0.6), size * rng.uniform(0.25, 0.5)
        if rng.random() < 0.6:
            limb(c, (wx + side * rng.uniform(0, 0.3), 1.1), (wx, wy), thick * 1.3, thick, cloth, soft, np.zeros((N, N), np.float32), rng.random())
        hand(c, wx, wy, thick * rng.uniform(0.6, 0.9), math.atan2(y - wy, x - wx), skin, NOBODY, soft)


# --- behind them -------------------------------------------------------------------------------------------------------

def flag(c, soft):
    """Cloth that hangs behind a person: stripes or bars, a corner of another colour with dots, deep folds."""
    rng = c.rng
    cx, half = rng.uniform(-0.05, 1.05), rng.uniform(0.08, 0.4)
    sway = 0.05 * np.sin(Y * rng.uniform(2, WHITE) + rng.uniform(0, 6)) + rng.normal() * 0.15 * (Y - 0.5)
    u = (X - cx - sway) / half
    mask = edge((1 - np.abs(u)) * half, soft) * edge(Y - rng.uniform(-0.4, 0.2), soft) * edge(rng.uniform(0.6, 1.6) - Y, soft)
    light = np.clip(0.8 + rng.uniform(0.15, 0.5) * np.sin(u * rng.uniform(4, 12) + 3 * Y * rng.normal()) + 0.2 * smooth_noise(rng), 0.1, 1.4).astype(np.float32)
    a, an = c.named()
    b, bn = c.named()
    c.put(mask, a, an, light, 0.0, False)
    lean = rng.normal() * 0.5 + (math.pi / 2 if rng.random() < 0.5 else 0)
    bars = np.clip(np.sin((X * math.cos(lean) + Y * math.sin(lean)) * rng.uniform(10, 60)) * 8 + 0.5, 0, 1)
    c.put(mask * bars, b, bn, light, 0.0, False)
    if rng.random() < 0.6:
        d, dn = c.named()
        corner = mask * edge(rng.uniform(0.2, 0.6) - Y, soft) * edge((rng.uniform(-0.5, 0.6) - u) * half, soft)
        c.put(corner, d, dn, light, 0.0, False)
        dots = np.clip((np.sin(u * rng.uniform(8, 16)) * np.sin(Y * rng.uniform(40, 90)) - 0.5) * 6, 0, 1)
        c.put(corner * dots, sample_colour(rng, "white"), WHITE, light, 0.0, False)


def machinery(c, soft):
    """Pipes, boxes, tanks, panels and a rocket: hard, shiny, mostly of quiet colours."""
    rng = c.rng
    for _ in range(rng.integers(4, 18)):
        tone = muted(rng) * rng.uniform(0.3, 1.2)
        if rng.random() < 0.6:
            x, y, angle, reach = rng.random(), rng.random(), rng.choice([0, math.pi / 2]) + rng.normal() * 0.1, rng.uniform(0.05, 0.5)
            wide = rng.uniform(0.01, 0.09)
            inside, over, t = people.capsule(x, y, x + reach * math.cos(angle), y + reach * math.sin(angle), wide, wide * rng.uniform(0.3, 1))
            c.put(edge(inside, soft), np.clip(tone, 0, 1), UNKNOWN, np.clip(1.1 - 0.8 * np.abs(over - rng.normal() * 0.3), 0.15, 1.6), 0.0, False)
        else:
            x, y, a, b = rng.random(), rng.random(), rng.uniform(0.02, 0.2), rng.uniform(0.02, 0.2)
            mask = edge(a - np.abs(X - x), soft) * edge(b - np.abs(Y - y), soft)
            c.put(mask, np.clip(tone, 0, 1), UNKNOWN, np.clip(0.9 + rng.normal() * 2 * (X - x) + rng.normal() * 2 * (Y - y), 0.2, 1.5), 0.0, False)
            if rng.random() < 0.4:
                c.put(mask * pattern(rng), any_light(rng), UNKNOWN, 1.0, 0.0, False)
    if rng.random() < 0.5:
        x, top, wide = rng.uniform(0.05, 0.95), rng.uniform(0, 0.4), rng.uniform(0.015, 0.06)
        for dx, scale in ((0, 1.0), (-2.2 * wide, 0.6), (2.2 * wide, 0.6)):
            inside, over, _ = people.capsule(x + dx, top + 0.2 * (1 - scale), x + dx, top + rng.uniform(0.3, 0.7), wide * 0.4 * scale, wide * scale)
            colour, name = (sample_colour(rng, "white"), UNKNOWN) if rng.random() < 0.5 else (sample_colour(rng, "orange") * 0.9, UNKNOWN)
            c.put(edge(inside, soft), colour, name, np.clip(1.1 - 0.7 * np.abs(over - 0.3), 0.2, 1.4), 0.0, False)


def any_light(rng):
    return np.clip(muted(rng) * rng.uniform(0.5, 1.5), 0, 1)


def lights(c):
    """Lamps out of focus: discs on a dark ground."""
    rng = c.rng
    c.picture = c.picture * rng.uniform(0.1, 0.6)
    radius = rng.uniform(0.015, 0.07)
    for _ in range(rng.integers(5, 30)):
        far = np.sqrt((X - rng.random()) ** 2 + (Y - rng.random()) ** 2)
        disc = edge(radius * rng.uniform(0.6, 1.3) - far, 0.5)[..., None] * rng.uniform(0.2, 0.9)
        c.picture = c.picture + disc * (np.clip(sample_colour(rng, ["orange", "yellow", "white", "blue", "red"][rng.integers(5)]) * 1.1, 0, 1) - c.picture)
    c.sky = c.sky * 0


def studio(c):
    """A mottled curtain of a portrait studio, lit behind the person."""
    rng = c.rng
    tone = muted(rng) * rng.uniform(0.25, 1.2)
    spot = np.exp(-((X - rng.uniform(0.3, 0.7)) ** 2 + (Y - rng.uniform(0.2, 0.6)) ** 2) / rng.uniform(0.05, 0.5))
    c.picture = np.clip(tone * (rng.uniform(0.2, 0.8) + spot + 0.12 * smooth_noise(rng))[..., None], 0, 1).astype(np.float32)
    c.sky = c.sky * 0


def room(c, soft, source):
    """A backdrop that confuses: studio, lights, flags, machines, far people and things."""
    rng = c.rng
    kind = rng.random()
    if kind < 0.35:
        studio(c)
    elif kind < 0.5:
        lights(c)
    if rng.random() < 0.4:
        machinery(c, soft)
    for _ in range(rng.integers(0, 3)):
        flag(c, soft)
    if rng.random() < 0.3:
        cutouts.behind(c, soft, source)
    if rng.random() < 0.3:
        c.picture = c.picture * rng.uniform(0.4, 0.9)
    if rng.random() < 0.6:
        c.defocus(rng.uniform(1.2, 6))


def holder(c, soft, source, photo):
    """A half-length with both arms and what they hold, before a confusing backdrop."""
    room(c, soft, source)
    people.half_length(c, soft, arms=lambda figure: arms(c, figure, soft, source, photo), dress=lambda cloth: weave(c, cloth, photo))
