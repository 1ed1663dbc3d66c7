"""How well pictures follow their captions, measured in pixels, on combinations that training never showed.

For a caption with all parts named, scenes are drawn in which one part is another (all kinds, colours, times, lands), several
each. The part counts as followed when the generated picture is nearest to drawings with the right one. The same is done with
a drawing in place of the generated picture, which says how far the measure itself can be trusted.

python evaluate.py --work work --out report [--count 32] [--steps 20] [--cfg 5]
"""

import argparse
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from draw import draw
from pipeline import picture, pipeline, sheet
from scene import COLOURS, KINDS, LANDS, SIZES, TIMES, Scene, held_out, sample_scene

SEED = 99
DRAWN = 5  # drawings of each alternative
PLACES = {"left": " on the left", "middle": "", "right": " on the right"}
LAND_WORDS = {"hills": "on a green hill", "mountains": "in front of mountains", "sea": "by the sea", "desert": "in the desert", "city": "in the city", "snow": "in the snow", "forest": "in the forest"}
TIME_WORDS = {"day": "by day", "sunset": "at sunset", "sunrise": "at sunrise", "night": "at night"}


def held_out_scenes(count: int) -> list[Scene]:
    """One thing of usual size, no style."""
    rng = np.random.default_rng(SEED)
    found = []
    while len(found) < count:
        scene = sample_scene(rng, SIZES[0])
        if len(scene.things) == 1 and not scene.things[0].size and not scene.style and held_out(scene):
            found.append(scene)
    return found


def sentence(scene: Scene) -> str:
    thing = scene.things[0]
    article = "an" if thing.colour[0] in "aeiou" else "a"
    clouds = "with clouds" if scene.cloudy else "with a clear sky"
    return f"{article} {thing.colour} {thing.kind}{PLACES[thing.place]} {LAND_WORDS[scene.land]} {TIME_WORDS[scene.time]}, {clouds}"


def alternatives(scene: Scene, part: str) -> dict[str, Scene]:
    thing = scene.things[0]
    if part == "kind":
        kinds = [kind for kind in KINDS if kind != "boat" or scene.land == "sea"]
        return {kind: replace(scene, things=(replace(thing, kind=kind),)) for kind in kinds}
    if part == "colour":
        return {colour: replace(scene, things=(replace(thing, colour=colour),)) for colour in COLOURS}
    if part == "place":
        return {place: replace(scene, things=(replace(thing, place=place),)) for place in PLACES}
    return {value: replace(scene, **{part: value}) for value in (TIMES if part == "time" else LANDS)}


def right(scene: Scene, part: str) -> str:
    return getattr(scene.things[0], part) if part in ("kind", "colour", "place") else getattr(scene, part)


def nearest(candidates: list[np.ndarray], scene: Scene, part: str) -> list[str]:
    """For each picture the alternative with the drawing that differs least, by mean absolute difference of the pixels."""
    names, distances = [], []
    for name, other in alternatives(scene, part).items():
        drawings = [draw(replace(other, seed=1000 + k)).astype(np.float32) for k in range(DRAWN)]
        names.append(name)
        distances.append([min(np.abs(drawing - one).mean() for drawing in drawings) for one in candidates])
    return [names[i] for i in np.argmin(distances, 0)]


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--count", type=int, default=32)
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--cfg", type=float, default=5.0)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    arguments.out.mkdir(parents=True, exist_ok=True)
    made = pipeline(arguments.work)
    scenes = held_out_scenes(arguments.count)
    pictures = [picture(made, sentence(scene), i, arguments.steps, arguments.cfg) for i, scene in enumerate(scenes)]
    parts = ("kind", "colour", "place", "time", "land")
    followed = {part: [0, 0] for part in parts}
    for scene, shown in zip(scenes, pictures):
        candidates = [np.asarray(shown, np.float32), draw(scene).astype(np.float32)]
        for part in parts:
            for column, found in enumerate(nearest(candidates, scene, part)):
                followed[part][column] += found == right(scene, part)
    figures = {part: {"generated": f"{a}/{len(scenes)}", "drawn": f"{b}/{len(scenes)}", "by chance": f"1/{len(alternatives(scenes[0], part))}"} for part, (a, b) in followed.items()}
    print(json.dumps(figures, indent=2))
    (arguments.out / "figures.json").write_text(json.dumps(figures, indent=2))
    sheet(pictures, 8).convert("RGB").save(arguments.out / "held-out.jpg", quality=86)
    (arguments.out / "held-out.txt").write_text("\n".join(map(sentence, scenes)))


if __name__ == "__main__":
    main()
