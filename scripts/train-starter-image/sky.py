"""Sky: gradient, sun or moon, stars, clouds."""

import numpy as np

from canvas import Canvas
from palette import Light


def _sun(c: Canvas, light: Light, time: str, rng: np.random.Generator, horizon: float) -> float:
    """Draws the sun or the moon; its x in pixels."""
    unit = min(c.w, c.h)
    x = c.w * rng.uniform(0.15, 0.85)
    if time == "night":
        y, radius = c.h * rng.uniform(0.12, 0.24), unit * rng.uniform(0.05, 0.07)
        c.glow(x, y, radius * 4, (120, 140, 200), 0.5)
        c.ellipse(x, y, radius, radius, light.disc)
        return x
    if time == "day":
        y, radius = c.h * rng.uniform(0.10, 0.24), unit * rng.uniform(0.055, 0.075)
        c.glow(x, y, radius * 4, (255, 250, 225), 0.7)
    else:
        y, radius = c.h * (horizon - rng.uniform(0.03, 0.16)), unit * rng.uniform(0.08, 0.11)
        c.glow(x, y, radius * 4.5, light.disc, 0.65)
    c.ellipse(x, y, radius, radius, light.disc)
    return x


def _cloud(c: Canvas, light: Light, rng: np.random.Generator, x: float, y: float, size: float) -> None:
    top, under = light.cloud
    for dx, dy, r in ((-0.9, 0.1, 0.42), (-0.35, -0.18, 0.6), (0.3, -0.1, 0.52), (0.85, 0.12, 0.38)):
        radius = size * r * rng.uniform(0.9, 1.1)
        c.ellipse(x + dx * size, y + dy * size, radius, radius * 0.8, (top, under), 0.92)
    c.ellipse(x, y + size * 0.22, size * 1.25, size * 0.24, under, 0.92)


def draw_sky(c: Canvas, light: Light, time: str, cloudy: bool, horizon: float, rng: np.random.Generator) -> float:
    """Fills everything down to the horizon (0..1 of the height); returns the x of sun or moon."""
    c.vertical([(0, light.sky[0]), (0.55, light.sky[1]), (1, light.sky[2])], 0, min(1.0, horizon + 0.06))
    unit = min(c.w, c.h)
    if time == "night":
        for _ in range(int(rng.integers(14, 24))):
            x, y, radius = rng.uniform(0, c.w), rng.uniform(0, c.h * horizon * 0.8), unit * rng.uniform(0.004, 0.009)
            c.ellipse(x, y, radius, radius, (232, 236, 255), rng.uniform(0.7, 1.0))
    x = _sun(c, light, time, rng, horizon)
    if cloudy:
        for i in range(3):
            _cloud(c, light, rng, c.w * (i + rng.uniform(0.2, 0.8)) / 3, c.h * rng.uniform(0.08, 0.32), unit * rng.uniform(0.085, 0.13))
    return x
