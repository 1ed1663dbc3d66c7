"""The soft colour-name match: how well a pixel fits each of the eleven colour names. One table for training and for the graph."""
import numpy as np

# name: hue centre, hue half width, hue ramp; saturation low, high; value low, high (hue in turns)
TABLE = {
    "red": (0.990, 0.040, 0.03, 0.45, 1.2, 0.20, 1.2),
    "orange": (0.065, 0.030, 0.03, 0.44, 1.2, 0.40, 1.2),
    "yellow": (0.150, 0.040, 0.03, 0.35, 1.2, 0.40, 1.2),
    "green": (0.330, 0.130, 0.04, 0.18, 1.2, 0.10, 1.2),
    "blue": (0.590, 0.090, 0.03, 0.22, 1.2, 0.12, 1.2),
    "purple": (0.760, 0.070, 0.03, 0.18, 1.2, 0.12, 1.2),
    "pink": (0.930, 0.080, 0.04, 0.16, 0.75, 0.50, 1.2),
    "brown": (0.065, 0.050, 0.03, 0.22, 0.95, 0.12, 0.62),
    "black": (0.0, 1.0, 0.1, -0.2, 1.4, -0.2, 0.20),
    "white": (0.0, 1.0, 0.1, -0.2, 0.20, 0.72, 1.2),
    "gray": (0.0, 1.0, 0.1, -0.2, 0.18, 0.22, 0.76),
}
NAMES = list(TABLE)
ROWS = np.array([TABLE[n] for n in NAMES], np.float32)
S_RAMP, V_RAMP = 0.12, 0.12


def hsv(rgb):
    """[..., 3] floats 0..1 -> hue in turns, saturation, value."""
    r, g, b = rgb[..., 0], rgb[..., 1], rgb[..., 2]
    top, low = np.maximum(np.maximum(r, g), b), np.minimum(np.minimum(r, g), b)
    span = top - low
    safe = np.maximum(span, 1e-4)
    hue = np.where(top == r, (g - b) / safe, np.where(top == g, 2 + (b - r) / safe, 4 + (r - g) / safe)) / 6
    return hue - np.floor(hue), span / np.maximum(top, 0.02), top


def match(rgb, name):
    centre, half, ramp, s0, s1, v0, v1 = TABLE[name]
    h, s, v = hsv(rgb)
    distance = np.abs(h - centre + 0.5 - np.floor(h - centre + 0.5) - 0.5)
    fit = np.clip((half + ramp - distance) / ramp, 0, 1)
    fit = fit * np.clip((s - s0) / S_RAMP + 0.5, 0, 1) * np.clip((s1 - s) / S_RAMP + 0.5, 0, 1)
    return fit * np.clip((v - v0) / V_RAMP + 0.5, 0, 1) * np.clip((v1 - v) / V_RAMP + 0.5, 0, 1)


def sample_colour(rng, name):
    """A random RGB colour that everyone would call by the name."""
    centre, half, _, s0, s1, v0, v1 = TABLE[name]
    for _ in range(30):
        h = (centre + (rng.random() * 2 - 1) * half * 0.8) % 1 if half < 1 else rng.random()
        s = max(0, s0 + 0.08) + rng.random() * (min(1, s1 - 0.08) - max(0, s0 + 0.08)) if half < 1 else rng.random() * min(0.14 if name != "black" else 0.5, 1)
        v = max(0.04, v0 + 0.06) + rng.random() * (min(1, v1 - 0.06) - max(0.04, v0 + 0.06))
        if name in ("red", "orange", "yellow", "green", "blue"):
            s, v = max(s, 0.5 * rng.random() + 0.45), max(v, 0.35 + 0.4 * rng.random())
        i = h * 6
        rgb = np.array([v - v * s * max(0.0, min((k + i) % 6, 4 - (k + i) % 6, 1.0)) for k in (5, 3, 1)], np.float32)
        if match(rgb, name) > 0.8:
            return rgb
    return rgb
