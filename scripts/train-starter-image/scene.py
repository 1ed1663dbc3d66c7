"""What a training picture shows, as data: a `Scene` is drawn by `draw.py` and described by `captions.py`."""

import zlib
from dataclasses import dataclass, field

import numpy as np

TIMES = ("day", "sunset", "sunrise", "night")
LANDS = ("hills", "mountains", "sea", "desert", "city", "snow", "forest")
KINDS = ("house", "tree", "car", "cat", "boat", "balloon", "lighthouse", "flower")
PLACES = ("left", "middle", "right")
STYLES = ("pastel", "vintage", "monochrome")
COLOURS = {
    "red": (208, 44, 44),
    "orange": (240, 132, 38),
    "yellow": (246, 206, 60),
    "green": (66, 158, 76),
    "blue": (46, 104, 204),
    "purple": (132, 70, 178),
    "pink": (240, 128, 168),
    "white": (244, 242, 236),
    "black": (48, 46, 54),
}
# (width, height) in pixels: about the same area, sides are multiples of 32 (8 of the VAE times 4 of the UNet).
SIZES = ((160, 160), (192, 128), (128, 192))


@dataclass(frozen=True)
class Thing:
    kind: str
    colour: str
    place: str
    size: str = ""  # "", "small" or "big"


@dataclass(frozen=True)
class Scene:
    size: tuple[int, int]
    time: str
    land: str
    cloudy: bool
    things: tuple[Thing, ...] = field(default_factory=tuple)
    style: str = ""
    seed: int = 0  # of everything that captions do not name: outlines, positions within a place, clouds


def _thing(rng: np.random.Generator, land: str, place: str, alone: bool) -> Thing:
    weights = {kind: 1.0 for kind in KINDS} | {"house": 1.6, "cat": 1.2}
    weights |= {"boat": 3.0 if land == "sea" else 0.0, "lighthouse": 2.0 if land == "sea" else 0.5}
    total = sum(weights.values())
    kind = str(rng.choice(KINDS, p=[weights[kind] / total for kind in KINDS]))
    colour = str(rng.choice(list(COLOURS)))
    if kind == "tree" and rng.random() < 0.4:
        colour = "green"
    size = str(rng.choice(("", "small", "big"), p=(0.64, 0.18, 0.18))) if alone else ""
    return Thing(kind, colour, place, size)


def sample_scene(rng: np.random.Generator, size: tuple[int, int]) -> Scene:
    """One random scene: mostly one thing, a quarter two side by side, a tenth only land and sky."""
    land = str(rng.choice(LANDS, p=(0.22, 0.15, 0.19, 0.12, 0.10, 0.11, 0.11)))
    count = int(rng.choice(3, p=(0.1, 0.68, 0.22)))
    places = ("left", "right") if count == 2 else (str(rng.choice(PLACES, p=(0.25, 0.5, 0.25))),)
    things = tuple(_thing(rng, land, place, count == 1) for place in places[:count])
    if count == 2 and things[0].kind == things[1].kind:
        things = things[:1]
    style = str(rng.choice(STYLES)) if rng.random() < 0.12 else ""
    time = str(rng.choice(TIMES, p=(0.36, 0.25, 0.16, 0.23)))
    return Scene(size, time, land, bool(rng.random() < 0.4), things, style, int(rng.integers(2**31)))


def held_out(scene: Scene) -> bool:
    """One in sixteen combinations of kind, colour, land and time is kept from training, to be asked for afterwards."""
    keys = (f"{thing.kind} {thing.colour} {scene.land} {scene.time}" for thing in scene.things)
    return any(zlib.crc32(key.encode()) % 16 == 0 for key in keys)
