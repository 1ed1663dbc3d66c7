"""The modulation vectors of every noise level that a job can come to: rows of a table instead of 13 billion weights."""

import copy
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


def _linear(layer: torch.nn.Linear, x: torch.Tensor) -> torch.Tensor:
    return torch.nn.functional.linear(x, layer.weight.float(), layer.bias.float())


@torch.no_grad()
def write_table(model: QwenImageTransformer2DModel, path: Path, scheduler: dict, steps: range, report: Report) -> dict:
    """A row a noise level, float32: per block img_mod and txt_mod (6 vectors each), then norm_out (2 vectors).

    All levels go through a layer at once: the layers are 27 GB, and reading them is what takes the time.
    """
    sigmas = sorted({round(float(np.float32(sigma)), 9) for count in steps for sigma in sigmas_of(count, scheduler)}, reverse=True)
    embed = copy.deepcopy(model.time_text_embed).float()
    condition = torch.nn.functional.silu(embed(torch.tensor(sigmas, dtype=torch.float32), torch.zeros(1)))
    parts = []
    for index, block in enumerate(model.transformer_blocks):
        report("computing modulation", index, len(model.transformer_blocks))
        parts += [_linear(block.img_mod[1], condition), _linear(block.txt_mod[1], condition)]
    parts.append(_linear(model.norm_out.linear, condition))
    with path.open("wb") as file:
        for row in range(len(sigmas)):
            file.write(torch.cat([part[row] for part in parts]).numpy().astype("<f4").tobytes())
    return {"sigmas": sigmas, "row_floats": sum(part.shape[1] for part in parts)}
