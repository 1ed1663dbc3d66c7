"""Writes the tiny Stable Diffusion XL of the tests, and what diffusers makes of it.

    cd scripts/export && python -m tiny.sdxl ../../test/fixtures
"""

import sys
import tempfile
from pathlib import Path
from typing import Any

import torch
from darkroom_export.manifest import write_manifest
from darkroom_export.sdxl import export
from tiny.sdxl_goldens import write_goldens
from tiny.sdxl_model import components, write_adapter

ADAPTER = {"name": "tiny_adapter", "weight_min": -1, "weight_max": 2}

PLAN = {
    "name": "tiny-sdxl",
    "version": "1",
    "description": "A Stable Diffusion XL of random weights, for tests: its pictures are noise.",
    "family": "sdxl",
    "license": "Apache-2.0",
    "kinds": ["text_to_image", "image_to_image", "frames"],
    "uses_parameters": ["steps", "cfg", "seed", "negative_prompt", "style", "strength", "width", "height", "num_frames", "loras"],
    "load_time_ms": 1000,
    "timeout_s": 60,
}


def say(what: str, done: float | None = None, total: float | None = None) -> None:
    print(what if total is None else f"{what} ({done}/{total})")


def main(fixtures: Path) -> None:
    torch.set_num_threads(1)
    target = fixtures / "models" / PLAN["name"]
    target.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        adapter: dict[str, Any] = {**ADAPTER, "path": write_adapter(Path(folder) / f"{ADAPTER['name']}.safetensors")}
        exported = export(components(), target, precision="fp32", report=say, loras=[adapter], settings={"native_area": 320 * 288})
        write_manifest(target, PLAN, exported, [], say)
        write_goldens(fixtures / "golden" / "sdxl", adapter)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
