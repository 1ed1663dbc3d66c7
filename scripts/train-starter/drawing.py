"""What all training pictures are drawn with: coordinates, noise, shapes, light, and the canvas that keeps picture and masks together."""
import math

import numpy as np
from PIL import Image

from colour_match import NAMES, sample_colour

N = 144
UNKNOWN = 255  # name: only the pixel can tell
NOBODY = 254   # name: skin, which no colour name means
Y, X = (np.mgrid[0:N, 0:N].astype(np.float32) + 0.5) / N
BLACK, WHITE = NAMES.index("black"), NAMES.index("white")


def smooth_noise(rng, octaves=((3, 1.0), (6, 0.5), (12, 0.3))):
    """Clouds in about -1..1."""
    total = np.zeros((N, N), np.float32)
    for cells, weight in octaves:
        small = Image.fromarray(rng.standard_normal((cells + 2, cells + 2)).astype(np.float32))
        total += weight * np.asarray(small.resize((N, N), Image.BICUBIC))
    return total


def grey(rgb):
    return (rgb[..., 0] + rgb[..., 1] + rgb[..., 2]) / 3


def any_colour(rng):
    return sample_colour(rng, NAMES[rng.integers(len(NAMES))])


def muted(rng):
    colour = any_colour(rng)
    if rng.random() < 0.75:
        colour = colour.mean() + (colour - colour.mean()) * rng.uniform(0.1, 0.5)
    return colour


def edge(distance, soft):
    return np.clip(distance * N * soft + 0.5, 0, 1)


def polar(cx, cy, angle, squash):
    dx, dy = X - cx, Y - cy
    u, v = dx * math.cos(angle) + dy * math.sin(angle), (dy * math.cos(angle) - dx * math.sin(angle)) / squash
    return u, v, np.sqrt(u * u + v * v) + 1e-6, np.arctan2(v, u)


def folds(rng, strength=1.0):
    """Creases of cloth in about -1..1: sharp dark valleys between broad ridges, mostly along one direction."""
    angle, stretch = rng.uniform(0, math.pi), rng.uniform(1, 3.5)
    cells = int(rng.integers(3, 9))
    wide, high = (max(2, int(cells / stretch)), cells)
    if abs(math.cos(angle)) < 0.7:
        wide, high = high, wide
    def field(k):
        small = Image.fromarray(rng.standard_normal((high * k + 2, wide * k + 2)).astype(np.float32))
        return np.asarray(small.resize((N, N), Image.BICUBIC))
    ridges = np.abs(field(1)) * 1.2 + 0.6 * np.abs(field(2)) + 0.25 * np.abs(field(4))
    return strength * np.clip(ridges - 1.0, -1, 1)


def shade(rng, u, v, r, size):
    """Light on the object: round or flat shading, folds, a soft texture and highlights. Returns the factor and the highlight."""
    lx, ly = rng.normal(), -abs(rng.normal()) - 0.3
    length = math.hypot(lx, ly)
    t = (u * lx + v * ly) / (length * size)
    light = 0.9 + rng.uniform(0.1, 0.5) * t
    if rng.random() < 0.6:
        light = light - rng.uniform(0.1, 0.5) * np.clip(r / size, 0, 1.3) ** 3
    if rng.random() < 0.35:
        fold = np.sin((u * rng.normal() + v * rng.normal()) * rng.uniform(20, 90) + 3 * smooth_noise(rng, ((3, 0.8), (7, 0.5))))
        light = light + rng.uniform(0.05, 0.3) * fold
    if rng.random() < 0.3:
        light = light + rng.uniform(0.1, 0.5) * folds(rng)
    if rng.random() < 0.4:
        light = light + rng.uniform(0.03, 0.15) * smooth_noise(rng, ((8, 0.6), (30, 0.6), (80, 0.5)))
    shine = np.zeros_like(u)
    if rng.random() < 0.5:
        px, py = rng.normal() * 0.4 * size, rng.normal() * 0.4 * size
        shine = rng.uniform(0.3, 1) * np.exp(-(((u - px) ** 2 + (v - py) ** 2) / (size * rng.uniform(0.03, 0.3)) ** 2))
    return np.clip(light, 0.12, 1.6), shine


def blurred(plane, radius):
    """A soft copy of [N,N] or [N,N,3] floats, by way of a smaller copy."""
    small = max(5, int(N / max(1.0, radius)))
    def one(p):
        return np.asarray(Image.fromarray(np.ascontiguousarray(p, np.float32)).resize((small, small), Image.BOX).resize((N, N), Image.BICUBIC))
    return one(plane) if plane.ndim == 2 else np.stack([one(plane[..., k]) for k in range(3)], -1)


class Canvas:
    """A picture in the making: colours 0..1, the masks of subject and sky, the colour name of each pixel."""

    def __init__(self, rng, picture, sky, name):
        self.rng = rng
        self.picture, self.sky, self.name = picture, sky, name
        self.subject = np.zeros((N, N), np.float32)
        self.bounce = rng.uniform(0, 0.9)   # shade of a coloured thing is deeper in colour, as its own light falls into its folds
        self.fill = rng.uniform(0, 0.08) * (0.7 + 0.6 * rng.random(3)).astype(np.float32)  # light of the surroundings in the shade

    def put(self, mask, colour, name, light=1.0, shine=0.0, subject=True):
        """Paints a colour or picture through a mask, with light and highlight as factors or planes; name may be a plane too."""
        rows, columns = np.flatnonzero(mask.max(1) > 0.002), np.flatnonzero(mask.max(0) > 0.002)
        if not len(rows):
            return
        box = slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
        cut = lambda plane: plane[box] if isinstance(plane, np.ndarray) and plane.ndim > 1 else plane
        mask, colour, light, shine, name = (cut(plane) for plane in (mask, colour, light, shine, name))
        m = mask[..., None]
        if isinstance(light, np.ndarray):
            light = light[..., None]
            dark = np.clip(1 - light, 0, 1)
            body = colour * light * (1 - self.bounce * dark * (1 - colour)) + self.fill * dark
        else:
            body = colour * light
        if isinstance(shine, np.ndarray):
            body = body + shine[..., None] * (1 - body)
        self.picture[box] += m * (np.clip(body, 0, 1) - self.picture[box])
        self.sky[box] *= 1 - mask
        self.subject[box] *= 1 - mask
        if subject:
            self.subject[box] += mask
        self.name[box] = np.where(mask > 0.5, name, self.name[box])

    def shadow(self, mask):
        dx, dy = int(self.rng.normal() * 8), int(abs(self.rng.normal()) * 8)
        dark = blurred(np.roll(mask, (dy, dx), (0, 1)), 6)
        self.picture = self.picture * (1 - self.rng.uniform(0.1, 0.6) * np.clip(dark, 0, 1)[..., None])

    def defocus(self, radius):
        """All that is drawn so far lies out of focus."""
        self.picture = np.clip(blurred(self.picture, radius), 0, 1)
        self.sky = np.clip(blurred(self.sky, radius), 0, 1)

    def named(self):
        index = self.rng.integers(len(NAMES))
        return sample_colour(self.rng, NAMES[index]), index
