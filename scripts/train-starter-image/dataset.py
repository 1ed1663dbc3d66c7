"""Draws the training set once: `scenes.pkl` and one `pictures-<i>.npy` for each of the three sizes.

python dataset.py --out work --count 7000
"""

import argparse
import pickle
from pathlib import Path

import numpy as np

from draw import draw
from scene import SIZES, sample_scene

SHARES = (0.56, 0.22, 0.22)  # of the sizes in scene.SIZES
SEED = 1  # evaluate.py draws from another


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--count", type=int, default=7000)
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(SEED)
    groups = []
    for i, (size, share) in enumerate(zip(SIZES, SHARES)):
        scenes = [sample_scene(rng, size) for _ in range(int(arguments.count * share))]
        pictures = np.lib.format.open_memmap(arguments.out / f"pictures-{i}.npy", "w+", np.uint8, (len(scenes), size[1], size[0], 3))
        for j, scene in enumerate(scenes):
            pictures[j] = draw(scene)
            if j % 1000 == 0:
                print(size, j, flush=True)
        pictures.flush()
        groups.append(scenes)
    (arguments.out / "scenes.pkl").write_bytes(pickle.dumps(groups))


if __name__ == "__main__":
    main()
