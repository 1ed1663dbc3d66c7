"""A picture drawn at twice its size and reduced at the end, so that all edges are smooth."""

import numpy as np
from PIL import Image, ImageDraw

OVERSAMPLING = 2
Colour = tuple[float, float, float]


def mix(a: Colour, b: Colour, t: float) -> Colour:
    return tuple(p + (q - p) * t for p, q in zip(a, b))


def lit(colour: Colour, light: Colour) -> Colour:
    """The colour under a coloured light (1, 1, 1 leaves it)."""
    return tuple(min(255.0, channel * factor) for channel, factor in zip(colour, light))


def rows(stops: list[tuple[float, Colour]], height: int) -> np.ndarray:
    """float [height, 3]: colours interpolated between stops (position 0..1 from the top)."""
    at = np.linspace(0, 1, max(height, 2))
    places = [place for place, _ in stops]
    return np.stack([np.interp(at, places, [colour[c] for _, colour in stops]) for c in range(3)], 1)[:height]


def _integer(colour: Colour) -> tuple[int, ...]:
    return tuple(int(round(max(0, min(255, channel)))) for channel in colour)


class Canvas:
    """`width`, `height` of the finished picture; all drawing is in pixels of the enlarged one (`self.w`, `self.h`)."""

    def __init__(self, width: int, height: int):
        self.w, self.h = width * OVERSAMPLING, height * OVERSAMPLING
        self.image = Image.new("RGB", (self.w, self.h))

    def finish(self) -> Image.Image:
        return self.image.reduce(OVERSAMPLING)

    def vertical(self, stops: list[tuple[float, Colour]], top: float = 0.0, bottom: float = 1.0) -> None:
        """A gradient over the full width between two heights (0..1 of the picture)."""
        y0, y1 = int(top * self.h), int(bottom * self.h)
        if y1 > y0:
            strip = np.broadcast_to(rows(stops, y1 - y0)[:, None], (y1 - y0, self.w, 3))
            self.image.paste(Image.fromarray(strip.astype(np.uint8)), (0, y0))

    def _fill(self, mask: Image.Image, box: tuple[int, int, int, int], fill, alpha: float) -> None:
        if alpha < 1:
            mask = mask.point(lambda value: int(value * alpha))
        if isinstance(fill[0], tuple):
            height, width = box[3] - box[1], box[2] - box[0]
            strip = np.broadcast_to(rows([(0, fill[0]), (1, fill[1])], height)[:, None], (height, width, 3))
            self.image.paste(Image.fromarray(strip.astype(np.uint8)), box[:2], mask)
        else:
            self.image.paste(_integer(fill), box, mask)

    def _box(self, xs, ys):
        return int(np.floor(min(xs))), int(np.floor(min(ys))), int(np.ceil(max(xs))) + 1, int(np.ceil(max(ys))) + 1

    def polygon(self, points, fill, alpha: float = 1.0) -> None:
        """`fill`: one colour, or two for a gradient from the top of the polygon to its bottom."""
        x0, y0, x1, y1 = box = self._box([x for x, _ in points], [y for _, y in points])
        mask = Image.new("L", (x1 - x0, y1 - y0))
        ImageDraw.Draw(mask).polygon([(x - x0, y - y0) for x, y in points], fill=255)
        self._fill(mask, box, fill, alpha)

    def ellipse(self, x: float, y: float, rx: float, ry: float, fill, alpha: float = 1.0) -> None:
        x0, y0, x1, y1 = box = self._box((x - rx, x + rx), (y - ry, y + ry))
        mask = Image.new("L", (x1 - x0, y1 - y0))
        ImageDraw.Draw(mask).ellipse((x - rx - x0, y - ry - y0, x + rx - x0, y + ry - y0), fill=255)
        self._fill(mask, box, fill, alpha)

    def rectangle(self, x0: float, y0: float, x1: float, y1: float, fill, alpha: float = 1.0) -> None:
        self.polygon([(x0, y0), (x1, y0), (x1, y1), (x0, y1)], fill, alpha)

    def line(self, points, width: float, fill: Colour) -> None:
        ImageDraw.Draw(self.image).line([tuple(p) for p in points], fill=_integer(fill), width=max(1, round(width)), joint="curve")

    def glow(self, x: float, y: float, radius: float, colour: Colour, strength: float) -> None:
        """Soft light round a point, added to what is there."""
        x0, x1 = max(0, int(x - radius)), min(self.w, int(x + radius))
        y0, y1 = max(0, int(y - radius)), min(self.h, int(y + radius))
        if x1 <= x0 or y1 <= y0:
            return
        yy, xx = np.ogrid[y0:y1, x0:x1]
        fall = np.clip(1 - np.hypot(xx - x, yy - y) / radius, 0, 1) ** 2 * strength
        part = np.asarray(self.image.crop((x0, y0, x1, y1)), np.float32)
        part += (np.asarray(colour, np.float32) - part) * fall[..., None].astype(np.float32)
        self.image.paste(Image.fromarray(part.astype(np.uint8)), (x0, y0))
