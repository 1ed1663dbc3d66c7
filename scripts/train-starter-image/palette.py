"""Colours of a time of day: sky, light that falls on things, haze of what is far."""

from dataclasses import dataclass

import numpy as np

from canvas import Colour


@dataclass(frozen=True)
class Light:
    sky: tuple[Colour, Colour, Colour]  # top, middle, horizon
    on_things: Colour  # factors
    cloud: tuple[Colour, Colour]  # top, underside
    disc: Colour  # sun or moon
    windows: Colour


LIGHTS = {
    "day": Light(((48, 128, 216), (126, 190, 238), (224, 240, 244)), (1, 1, 1), ((255, 255, 255), (214, 228, 240)), (255, 244, 190), (150, 196, 226)),
    "sunset": Light(((78, 52, 124), (232, 104, 88), (255, 196, 96)), (1.0, 0.80, 0.72), ((250, 150, 120), (170, 84, 120)), (255, 236, 150), (255, 226, 140)),
    "sunrise": Light(((116, 156, 222), (240, 184, 204), (255, 232, 196)), (1.0, 0.94, 0.92), ((255, 236, 232), (232, 176, 196)), (255, 250, 222), (236, 214, 196)),
    "night": Light(((8, 12, 42), (22, 34, 84), (60, 82, 138)), (0.56, 0.61, 0.82), ((70, 84, 130), (42, 52, 98)), (246, 242, 214), (255, 214, 110)),
}


def restyle(picture: np.ndarray, style: str) -> np.ndarray:
    """A look over the finished picture, float RGB 0..255."""
    grey = picture @ np.asarray((0.299, 0.587, 0.114), np.float32)
    if style == "monochrome":
        return np.repeat(grey[..., None], 3, 2)
    if style == "vintage":
        return grey[..., None] * np.asarray((0.92, 0.78, 0.58), np.float32) * 0.7 + picture * np.asarray((0.32, 0.26, 0.2), np.float32) + np.asarray((18, 14, 8), np.float32)
    if style == "pastel":
        soft = picture * 0.62 + grey[..., None] * 0.06
        return soft + 255 * 0.32
    return picture
