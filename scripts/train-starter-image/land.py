"""Seven kinds of land below the horizon. Each takes its colours from the light and fades into the sky's haze with distance."""

import numpy as np

from canvas import Canvas, Colour, lit, mix
from palette import Light

HORIZON = {"hills": 0.60, "mountains": 0.62, "sea": 0.56, "desert": 0.58, "city": 0.66, "snow": 0.60, "forest": 0.62}
LEAF, PINE, SAND, STONE, SNOW = (106, 172, 72), (44, 108, 82), (240, 206, 150), (112, 118, 142), (238, 244, 252)


def _wave(rng: np.random.Generator, c: Canvas, y: float, swing: float, waves: float):
    """Points of a smooth outline across the picture round height y (0..1), closed at the lower edge."""
    x = np.linspace(0, 1, 33)
    phase = rng.uniform(0, 2 * np.pi, 2)
    line = y + swing * (0.7 * np.sin(x * waves * 2 * np.pi + phase[0]) + 0.3 * np.sin(x * waves * 4.2 * np.pi + phase[1]))
    return [(px * c.w, py * c.h) for px, py in zip(x, line)] + [(c.w, c.h), (0, c.h)]


def _layers(c: Canvas, light: Light, rng, colour: Colour, heights, swing: float, haze=(0.55, 0.25, 0.0)) -> None:
    for y, far in zip(heights, haze):
        base = mix(lit(colour, light.on_things), light.sky[2], far)
        c.polygon(_wave(rng, c, y, swing, rng.uniform(0.6, 1.3)), (mix(base, (255, 255, 220), 0.16 * sum(light.on_things) / 3), mix(base, (10, 20, 40), 0.30)))


def _hills(c: Canvas, light: Light, rng, sun_x: float) -> None:
    _layers(c, light, rng, LEAF, (0.58, 0.66, 0.78), 0.035)


def _pine(c: Canvas, x: float, y: float, height: float, colour: Colour, light: Light, snow: bool) -> None:
    c.rectangle(x - height * 0.035, y - height * 0.15, x + height * 0.035, y, lit((96, 66, 50), light.on_things))
    for i in range(3):
        top, base = y - height * (0.52 + 0.24 * i), y - height * (0.12 + 0.24 * i)
        half = height * (0.26 - 0.055 * i)
        tip = lit(SNOW, light.on_things) if snow else mix(colour, (255, 255, 255), 0.12)
        c.polygon([(x, top), (x + half, base), (x - half, base)], (tip, colour))


def _mountains(c: Canvas, light: Light, rng, sun_x: float) -> None:
    _layers(c, light, rng, (92, 156, 84), (0.66,), 0.0, (0.2,))
    shade = -1 if sun_x > c.w / 2 else 1
    for y, far, count in ((0.62, 0.42, 3), (0.66, 0.12, 2)):
        rock = mix(lit(STONE, light.on_things), light.sky[2], far)
        snow = mix(lit(SNOW, light.on_things), light.sky[2], far * 0.5)
        for i in range(count):
            x = c.w * (i + rng.uniform(0.25, 0.75)) / count
            half, top, base = c.w * rng.uniform(0.26, 0.36), c.h * (y - rng.uniform(0.26, 0.38)), c.h * (y + 0.08)
            c.polygon([(x, top), (x + half, base), (x - half, base)], (mix(rock, (255, 255, 255), 0.12), rock))
            c.polygon([(x, top), (x + shade * half, base), (x + shade * half * 0.2, base)], mix(rock, (10, 14, 40), 0.25))
            cap = (base - top) * 0.3
            side = half * 0.3
            c.polygon([(x, top), (x + side, top + cap), (x + side * 0.4, top + cap * 0.75), (x, top + cap * 1.1), (x - side * 0.4, top + cap * 0.75), (x - side, top + cap)], snow)
    _layers(c, light, rng, (92, 156, 84), (0.70, 0.78), 0.025, (0.2, 0.0))


def _sea(c: Canvas, light: Light, rng, sun_x: float) -> None:
    far = mix(light.sky[2], lit((70, 160, 205), light.on_things), 0.55)
    near = lit((24, 96, 156), light.on_things)
    c.vertical([(0, far), (1, near)], 0.56, 0.92)
    unit = min(c.w, c.h)
    for i in range(7):  # the sun's path on the water
        y = c.h * (0.575 + 0.035 * i)
        half = unit * rng.uniform(0.03, 0.07) * (1 + 0.22 * i)
        x = sun_x + unit * rng.uniform(-0.03, 0.03)
        c.ellipse(x, y, half, unit * 0.006, mix(light.disc, far, 0.15), 0.75)
    for _ in range(8):
        x, y = rng.uniform(0, c.w), c.h * rng.uniform(0.62, 0.84)
        c.ellipse(x, y, unit * rng.uniform(0.04, 0.09), unit * 0.006, mix(far, (255, 255, 255), 0.3), 0.55)
    sand = lit(SAND, light.on_things)
    shore = _wave(rng, c, 0.865, 0.012, 0.8)
    c.polygon([(x, y - c.h * 0.016) for x, y in shore], mix(lit((255, 255, 255), light.on_things), far, 0.2))
    c.polygon(shore, (mix(sand, (255, 255, 255), 0.12), mix(sand, (120, 80, 40), 0.2)))


def _desert(c: Canvas, light: Light, rng, sun_x: float) -> None:
    _layers(c, light, rng, (236, 178, 104), (0.60, 0.68, 0.78), 0.04, (0.45, 0.2, 0.0))
    green = lit((86, 138, 78), light.on_things)
    for _ in range(int(rng.integers(1, 3))):
        x, y, s = c.w * rng.uniform(0.05, 0.95), c.h * rng.uniform(0.72, 0.78), min(c.w, c.h) * rng.uniform(0.12, 0.17)
        c.line([(x, y), (x, y - s)], s * 0.16, green)
        c.line([(x - s * 0.3, y - s * 0.75), (x - s * 0.3, y - s * 0.45), (x, y - s * 0.4)], s * 0.12, green)
        c.line([(x + s * 0.3, y - s * 0.85), (x + s * 0.3, y - s * 0.55), (x, y - s * 0.5)], s * 0.12, green)


def _city(c: Canvas, light: Light, rng, sun_x: float) -> None:
    for far, low, high, count in ((0.55, 0.30, 0.48, 8), (0.2, 0.16, 0.36, 7)):
        wall = mix(lit((104, 116, 156), light.on_things), light.sky[2], far)
        step = c.w / count
        for i in range(count + 1):
            x, width, top = (i - 0.5) * step + rng.uniform(-0.1, 0.1) * step, step * rng.uniform(0.8, 1.05), c.h * (0.70 - rng.uniform(low, high))
            c.rectangle(x, top, x + width, c.h * 0.74, (wall, mix(wall, light.sky[2], 0.25)))
            if far < 0.5:
                pane = light.windows if light.on_things[0] < 0.9 or light.sky[0][0] > 60 else mix(wall, (255, 255, 255), 0.35)
                for row in np.arange(top + step * 0.18, c.h * 0.68, step * 0.36):
                    for k in range(3):
                        if rng.random() < 0.75:
                            px = x + width * (0.14 + 0.28 * k)
                            c.rectangle(px, row, px + width * 0.14, row + step * 0.17, pane)
    grass = lit((104, 156, 88), light.on_things)
    c.polygon(_wave(rng, c, 0.72, 0.006, 0.7), (grass, mix(grass, (10, 20, 30), 0.3)))
    road = lit((96, 98, 110), light.on_things)
    c.rectangle(0, c.h * 0.86, c.w, c.h, (road, mix(road, (0, 0, 10), 0.2)))


def _snow(c: Canvas, light: Light, rng, sun_x: float) -> None:
    _layers(c, light, rng, (226, 236, 250), (0.58, 0.66), 0.035, (0.4, 0.15))
    pine = lit((58, 104, 104), light.on_things)
    for i in range(6):
        _pine(c, c.w * (i + rng.uniform(0.1, 0.9)) / 6, c.h * rng.uniform(0.68, 0.74), c.h * rng.uniform(0.15, 0.24), pine, light, True)
    _layers(c, light, rng, (236, 243, 252), (0.77,), 0.02, (0.0,))


def _forest(c: Canvas, light: Light, rng, sun_x: float) -> None:
    _layers(c, light, rng, (60, 120, 70), (0.64,), 0.0, (0.3,))
    for y, far, count, size in ((0.66, 0.5, 9, 0.30), (0.71, 0.2, 7, 0.36)):
        colour = mix(lit(PINE, light.on_things), light.sky[2], far)
        for i in range(count):
            _pine(c, c.w * (i + rng.uniform(0.2, 0.8)) / count, c.h * (y + rng.uniform(0, 0.02)), c.h * size * rng.uniform(0.8, 1.15), colour, light, False)
    _layers(c, light, rng, (88, 150, 70), (0.73,), 0.012, (0.0,))


_DRAW = {"hills": _hills, "mountains": _mountains, "sea": _sea, "desert": _desert, "city": _city, "snow": _snow, "forest": _forest}


def draw_land(c: Canvas, land: str, light: Light, rng: np.random.Generator, sun_x: float) -> None:
    _DRAW[land](c, light, rng, sun_x)
