"""The modulation vectors of every noise level that a job can come to: rows of a table instead of 13 billion weights."""

from pathlib import Path

import numpy as np
import torch
from diffusers.models.transformers.transformer_qwenimage import QwenImageTransformer2DModel

from ..manifest import ExportError
from ..progress import Report


def sigmas_of(steps: int, scheduler: dict) -> np.ndarray:
    """The noise levels of a schedule whose shift is the same for every size; float64."""
    if scheduler["base_shift"] != scheduler["max_shift"]:
        raise ExportError(
            "Modulation can be precomputed only for a schedule that does not depend on the picture's size (base_shift = max_shift, "
            "as Lightning's). Export without precomputed_modulation."
        )
    even = np.linspace(1.0, 1 / steps, steps)
    ratio = np.exp(scheduler["max_shift"])
    sigmas = ratio / (ratio + (1 / even - 1))
    terminal = scheduler["shift_terminal"]
    return sigmas if terminal is None else 1 - (1 - sigmas) * (1 - terminal) / (1 - sigmas[-1])


@torch.no_grad()
def write_table(
    model: QwenImageTransformer2DModel, path: Path, scheduler: dict, steps: range, report: Report
) -> dict:
    """A row a noise level, float32: per block img_mod and txt_mod (6 vectors each), then norm_out (2 vectors)."""
    sigmas = sorted({round(float(np.float32(sigma)), 9) for count in steps for sigma in sigmas_of(count, scheduler)}, reverse=True)
    weight = model.img_in.weight
    with path.open("wb") as file:
        for index, sigma in enumerate(sigmas):
            report("computing modulation", index, len(sigmas))
            temb = model.time_text_embed(torch.tensor([sigma], dtype=torch.float32), weight.new_zeros(1))
            parts = [mod(temb) for block in model.transformer_blocks for mod in (block.img_mod, block.txt_mod)]
            parts.append(model.norm_out.linear(model.norm_out.silu(temb)))
            row = torch.cat(parts, dim=1).float()
            file.write(row.numpy().astype("<f4").tobytes())
    return {"sigmas": sigmas, "row_floats": row.shape[1]}
