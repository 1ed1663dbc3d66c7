"""Writes pictures resized by Pillow, which `resample.test.ts` compares byte for byte.

    python scripts/export/tiny/resample.py test/fixtures/golden/resample
"""

import json
import sys
from pathlib import Path

import numpy as np
from PIL import Image

FILTERS = {"lanczos": Image.Resampling.LANCZOS, "bicubic": Image.Resampling.BICUBIC}

# (width, height) from and to: smaller, larger, one side kept, extreme ratios, and a shrink whose taps exceed the picture's edges.
SIZES = [
    ((61, 47), (32, 24)),
    ((61, 47), (84, 56)),
    ((61, 47), (61, 20)),
    ((61, 47), (100, 47)),
    ((61, 47), (7, 3)),
    ((5, 4), (28, 28)),
    ((90, 2), (9, 9)),
    ((1, 1), (3, 2)),
    # Where Pillow 13 shrinks the height first, and the last size where it does not.
    ((40, 33), (44, 28)),
    ((40, 60), (20, 19)),
    ((40, 60), (20, 20)),
]


def picture(width: int, height: int) -> np.ndarray:
    """Noise on a gradient with hard edges, so that filters overshoot and are clipped."""
    random = np.random.default_rng(width * 1000 + height)
    y, x = np.mgrid[0:height, 0:width]
    gradient = np.stack([x * 255 // max(width - 1, 1), y * 255 // max(height - 1, 1), (x + y) % 2 * 255], axis=-1)
    noise = random.integers(0, 256, (height, width, 3))
    return np.where((x[..., None] // 4 + y[..., None] // 4) % 3 == 0, noise, gradient).astype(np.uint8)


def main(target: Path) -> None:
    target.mkdir(parents=True, exist_ok=True)
    cases = []
    pictures: dict[str, np.ndarray] = {}
    resized = []
    for (width, height), size in SIZES:
        pixels = pictures.setdefault(f"{width}x{height}", picture(width, height))
        for name, resampling in FILTERS.items():
            output = np.asarray(Image.fromarray(pixels).resize(size, resampling))
            cases.append({"from": [width, height], "to": list(size), "filter": name, "offset": sum(map(len, resized))})
            resized.append(output.tobytes())
    inputs = b""
    offsets = {}
    for name, pixels in pictures.items():
        offsets[name] = len(inputs)
        inputs += pixels.tobytes()
    np.save(target / "inputs.npy", np.frombuffer(inputs, np.uint8))
    np.save(target / "resized.npy", np.frombuffer(b"".join(resized), np.uint8))
    (target / "cases.json").write_text(json.dumps({"inputs": offsets, "cases": cases}, indent=1) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
