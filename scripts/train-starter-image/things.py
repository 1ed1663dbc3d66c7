"""Eight kinds of things. Each is drawn about a point on the ground, x to the right and y up, in units of its size."""

import numpy as np

from canvas import Canvas, Colour, lit, mix
from palette import Light
from scene import COLOURS, Thing

DARK, PALE, WOOD = (44, 42, 56), (250, 246, 236), (122, 82, 58)


class Pen:
    """Draws in a thing's own coordinates, mirrored where asked, in the scene's light."""

    def __init__(self, c: Canvas, x: float, y: float, size: float, light: Light, mirrored: bool):
        self.c, self.x, self.y, self.size, self.light = c, x, y, size, light
        self.sign = -1 if mirrored else 1

    def colour(self, base: Colour) -> Colour:
        return lit(base, self.light.on_things)

    def at(self, x: float, y: float) -> tuple[float, float]:
        return self.x + self.sign * x * self.size, self.y - y * self.size

    def polygon(self, points, fill) -> None:
        self.c.polygon([self.at(x, y) for x, y in points], fill)

    def box(self, x0: float, y0: float, x1: float, y1: float, fill) -> None:
        self.polygon([(x0, y0), (x1, y0), (x1, y1), (x0, y1)], fill)

    def oval(self, x: float, y: float, rx: float, ry: float, fill) -> None:
        self.c.ellipse(*self.at(x, y), rx * self.size, ry * self.size, fill)

    def line(self, points, width: float, fill: Colour) -> None:
        self.c.line([self.at(x, y) for x, y in points], width * self.size, fill)

    def shades(self, base: Colour) -> tuple[Colour, Colour]:
        """Top and bottom of a gradient in this colour."""
        colour = self.colour(base)
        return mix(colour, (255, 255, 255), 0.14), mix(colour, (20, 10, 40), 0.16)

    def shadow(self, half: float) -> None:
        self.c.ellipse(self.x, self.y, half * self.size, 0.05 * self.size, (12, 16, 40), 0.28)


def _house(p: Pen, base: Colour) -> None:
    p.shadow(0.66)
    p.box(0.24, 0.78, 0.38, 1.08, p.colour(WOOD))
    p.box(-0.5, 0.0, 0.5, 0.62, p.shades(base))
    p.box(0.26, 0.0, 0.5, 0.62, mix(p.colour(base), (20, 10, 40), 0.26))
    roof = (150, 62, 52) if base in (COLOURS["white"], COLOURS["black"]) else (78, 66, 84)
    p.polygon([(-0.62, 0.58), (0.62, 0.58), (0.36, 1.0), (-0.36, 1.0)], p.shades(roof))
    p.box(-0.08, 0.0, 0.12, 0.36, p.colour(WOOD))
    pane = p.light.windows
    for x in (-0.4, 0.28):
        p.box(x - 0.02, 0.22, x + 0.18, 0.48, p.colour(PALE))
        p.box(x + 0.01, 0.25, x + 0.15, 0.45, pane)


def _tree(p: Pen, base: Colour) -> None:
    p.shadow(0.4)
    p.polygon([(-0.09, 0), (0.09, 0), (0.05, 0.6), (-0.05, 0.6)], p.colour(WOOD))
    top, under = p.shades(base)
    for x, y, r in ((-0.27, 0.62, 0.27), (0.27, 0.62, 0.27), (0.0, 0.58, 0.28), (-0.16, 0.88, 0.27), (0.17, 0.87, 0.26), (0.0, 1.05, 0.24)):
        p.oval(x, y, r, r, (mix(top, under, 0.4 if y < 0.8 else 0.0), mix(top, under, 1.0 if y < 0.8 else 0.6)))


def _car(p: Pen, base: Colour) -> None:
    p.shadow(0.8)
    p.polygon([(-0.42, 0.42), (0.36, 0.42), (0.2, 0.72), (-0.28, 0.72)], p.shades(base))
    p.polygon([(-0.34, 0.44), (-0.04, 0.44), (-0.04, 0.66), (-0.24, 0.66)], p.light.windows)
    p.polygon([(0.02, 0.44), (0.27, 0.44), (0.17, 0.66), (0.02, 0.66)], p.light.windows)
    p.polygon([(-0.76, 0.14), (0.76, 0.14), (0.76, 0.32), (0.68, 0.42), (-0.7, 0.46), (-0.76, 0.36)], p.shades(base))
    p.oval(0.71, 0.31, 0.05, 0.05, (255, 244, 190))
    for x in (-0.44, 0.44):
        p.oval(x, 0.13, 0.17, 0.17, p.colour((36, 36, 44)))
        p.oval(x, 0.13, 0.075, 0.075, p.colour((190, 194, 204)))


def _cat(p: Pen, base: Colour) -> None:
    p.shadow(0.5)
    top, under = p.shades(base)
    p.line([(0.28, 0.06), (0.52, 0.1), (0.6, 0.3), (0.54, 0.52)], 0.1, under)
    p.oval(0.54, 0.52, 0.05, 0.05, under)
    p.oval(0.0, 0.3, 0.36, 0.33, (top, under))
    p.oval(0.0, 0.48, 0.26, 0.34, (top, mix(top, under, 0.6)))
    for side in (-1, 1):
        p.polygon([(side * 0.31, 0.9), (side * 0.29, 1.24), (side * 0.06, 1.08)], mix(top, under, 0.4))
    p.oval(0.0, 0.88, 0.33, 0.28, (top, mix(top, under, 0.5)))
    bright = sum(base) > 600
    chest = mix(top, (60, 50, 60) if bright else (255, 255, 255), 0.25 if bright else 0.5)
    p.oval(0.0, 0.36, 0.14, 0.24, chest)
    for side in (-1, 1):
        p.oval(side * 0.14, 0.03, 0.12, 0.06, mix(top, under, 0.3))
        p.oval(side * 0.13, 0.91, 0.065, 0.075, p.colour((240, 240, 190)))
        p.oval(side * 0.13, 0.91, 0.032, 0.06, (20, 20, 30))
    p.polygon([(-0.045, 0.82), (0.045, 0.82), (0, 0.77)], p.colour((236, 130, 140)))


def _boat(p: Pen, base: Colour) -> None:
    p.oval(0.0, 0.02, 0.72, 0.05, mix(p.colour(base), p.light.sky[2], 0.5))
    p.box(-0.03, 0.2, 0.03, 1.16, p.colour(WOOD))
    sail = mix(p.colour(PALE), p.light.sky[2], 0.1)
    p.polygon([(0.06, 0.34), (0.56, 0.34), (0.06, 1.12)], (sail, mix(sail, (60, 60, 110), 0.14)))
    p.polygon([(-0.06, 0.34), (-0.42, 0.34), (-0.06, 0.96)], (sail, mix(sail, (60, 60, 110), 0.26)))
    p.polygon([(-0.68, 0.30), (0.72, 0.30), (0.48, 0.0), (-0.46, 0.0)], p.shades(base))
    p.box(-0.64, 0.23, 0.68, 0.28, p.colour(PALE) if sum(base) < 640 else p.colour((150, 60, 56)))


def _balloon(p: Pen, base: Colour) -> None:
    top, under = p.shades(base)
    pale = mix(mix(top, under, 0.5), p.colour(PALE), 0.6)
    for x in (-0.13, 0.13):
        p.line([(x * 2.1, 0.42), (x, 0.2)], 0.02, p.colour(WOOD))
    p.polygon([(-0.40, 0.66), (0.40, 0.66), (0.14, 0.32), (-0.14, 0.32)], mix(top, under, 0.9))
    p.oval(0, 0.9, 0.46, 0.44, (top, under))
    p.oval(0, 0.9, 0.22, 0.44, (pale, mix(pale, under, 0.3)))
    p.polygon([(-0.19, 0.66), (0.19, 0.66), (0.06, 0.32), (-0.06, 0.32)], mix(pale, under, 0.3))
    p.oval(0, 0.9, 0.075, 0.44, (top, under))
    p.box(-0.12, 0.02, 0.12, 0.2, p.shades(WOOD))


def _lighthouse(p: Pen, base: Colour) -> None:
    p.shadow(0.3)
    pale = PALE if sum(base) < 640 else (196, 70, 64)
    for i in range(5):
        y0, y1 = 0.21 * i, 0.21 * (i + 1)
        w0, w1 = 0.24 - 0.022 * i, 0.24 - 0.022 * (i + 1)
        colour = p.colour(base if i % 2 == 0 else pale)
        p.polygon([(-w0, y0), (w0, y0), (w1, y1), (-w1, y1)], colour)
        p.polygon([(w0 * 0.3, y0), (w0, y0), (w1, y1), (w1 * 0.3, y1)], mix(colour, (20, 10, 40), 0.22))
    p.c.glow(*p.at(0, 1.16), 0.34 * p.size, (255, 240, 170), 0.7)
    p.box(-0.17, 1.03, 0.17, 1.08, p.colour(DARK))
    p.box(-0.09, 1.08, 0.09, 1.24, (255, 238, 160))
    p.polygon([(-0.14, 1.24), (0.14, 1.24), (0, 1.4)], p.shades(base))


def _flower(p: Pen, base: Colour) -> None:
    stem = p.colour((62, 140, 66))
    p.line([(0, 0), (0.02, 0.5), (0, 0.86)], 0.055, stem)
    p.polygon([(0, 0.16), (0.16, 0.36), (0.4, 0.42), (0.24, 0.22)], (mix(stem, (255, 255, 255), 0.2), stem))
    p.polygon([(0, 0.1), (-0.16, 0.3), (-0.4, 0.36), (-0.24, 0.16)], (mix(stem, (255, 255, 255), 0.2), stem))
    top, under = p.shades(base)
    for i in range(8):
        angle = i * np.pi / 4
        p.oval(0.25 * np.cos(angle), 0.9 + 0.25 * np.sin(angle), 0.15, 0.15, (top, mix(top, under, 0.7)) if i % 2 else (mix(top, under, 0.4), under))
    p.oval(0, 0.9, 0.15, 0.15, p.shades((120, 70, 40) if base == COLOURS["yellow"] else (250, 200, 60)))


_DRAW = {"house": _house, "tree": _tree, "car": _car, "cat": _cat, "boat": _boat, "balloon": _balloon, "lighthouse": _lighthouse, "flower": _flower}
_SIZE = {"house": 0.37, "tree": 0.36, "car": 0.34, "cat": 0.34, "boat": 0.33, "balloon": 0.34, "lighthouse": 0.37, "flower": 0.38}
_X = {"left": 0.25, "middle": 0.5, "right": 0.75}


def draw_thing(c: Canvas, thing: Thing, light: Light, rng: np.random.Generator) -> None:
    size = min(c.w, c.h) * _SIZE[thing.kind] * {"": 1.0, "small": 0.68, "big": 1.35}[thing.size]
    x = c.w * (_X[thing.place] + rng.uniform(-0.025, 0.025))
    ground = {"boat": 0.80, "balloon": 0.50}.get(thing.kind, 0.89) + rng.uniform(-0.01, 0.01)
    if thing.kind == "balloon" and thing.size == "big":
        ground += 0.06
    _DRAW[thing.kind](Pen(c, x, c.h * ground, size, light, bool(rng.random() < 0.5)), COLOURS[thing.colour])
