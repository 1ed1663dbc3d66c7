"""Writes models/starter-image: the trained parts as the graphs of an `sdxl` model, by the same export as published weights.

python export.py --work work --out ../../models/starter-image [--golden ../../test/fixtures/golden/starter-image]
"""

import argparse
import json
import sys
from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import numpy_helper

from pipeline import components, picture, pipeline

sys.path.append(str(Path(__file__).parents[1] / "export"))
from darkroom_export.manifest import write_manifest  # noqa: E402
from darkroom_export.sdxl import export  # noqa: E402

PLAN = {
    "name": "starter-image",
    "version": "1.0.0",
    "description": "starter: a small model trained on drawn scenes. Flat illustrations of one or two things in a landscape, from English sentences.",
    "family": "sdxl",
    "license": "Apache-2.0",
    "kinds": ["text_to_image", "image_to_image", "frames"],
    "uses_parameters": ["steps", "cfg", "seed", "negative_prompt", "style", "strength", "width", "height", "num_frames"],
    "load_time_ms": 2000,
    "timeout_s": 120,
}
PLAIN = {"prompt": "{prompt}", "negative_prompt": ""}
SETTINGS = {
    "defaults": {"steps": 20, "cfg": 5.0, "strength": 0.6, "width": 512, "height": 512, "frames": 4},
    "frame_distance": 0.3,  # noise so far apart that the frames differ visibly and still belong together
    # "realistic" is what a request asks for that names no style: drawings are all that this model has.
    "styles": {
        "realistic": PLAIN,
        "none": PLAIN,
    },
}
SMALL = 512  # weights with fewer numbers stay as they are


def store_as_half(path: Path) -> None:
    """Keeps large weights as float16 in the file; ONNX Runtime widens them once, at load, and computes in float32."""
    model = onnx.load(path)
    graph = model.graph
    casts = []
    for tensor in list(graph.initializer):
        values = numpy_helper.to_array(tensor)
        if values.dtype != np.float32 or values.size < SMALL:
            continue
        graph.initializer.remove(tensor)
        graph.initializer.append(numpy_helper.from_array(values.astype(np.float16), f"{tensor.name}.half"))
        casts.append(onnx.helper.make_node("Cast", [f"{tensor.name}.half"], [tensor.name], to=onnx.TensorProto.FLOAT))
    nodes = [*casts, *graph.node]
    del graph.node[:]
    graph.node.extend(nodes)
    onnx.save(model, path)


GOLDEN = {"prompt": "a red house on a green hill at sunset", "seed": 7, "steps": 6, "cfg": 5.0}


def write_golden(work: Path, folder: Path) -> None:
    """What diffusers draws from these weights and an agent's noise, for test/pipelines/starter-image.test.ts."""
    folder.mkdir(parents=True, exist_ok=True)
    drawn = picture(pipeline(work), GOLDEN["prompt"], GOLDEN["seed"], GOLDEN["steps"], GOLDEN["cfg"])
    np.save(folder / "picture.npy", np.asarray(drawn))
    (folder / "case.json").write_text(json.dumps(GOLDEN, indent=2) + "\n")


def report(what: str, done: int = 0, total: int = 0) -> None:
    print(what, f"{done}/{total}" if total else "", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--golden", type=Path)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    arguments.out.mkdir(parents=True, exist_ok=True)
    exported = export(components(arguments.work), arguments.out, precision="fp32", report=report, settings=SETTINGS)
    for path in sorted((arguments.out / "fp32").glob("*.onnx")):
        store_as_half(path)
    write_manifest(arguments.out, PLAN, exported, [], report)
    if arguments.golden:
        write_golden(arguments.work, arguments.golden)
    print(sum(path.stat().st_size for path in arguments.out.rglob("*") if path.is_file()), "bytes")


if __name__ == "__main__":
    main()
