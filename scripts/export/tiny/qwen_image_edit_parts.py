"""What the parts of the pipeline that need no weights must give, at the real model's sizes."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from diffusers import FlowMatchEulerDiscreteScheduler
from diffusers.models.transformers.transformer_qwenimage import QwenEmbedRope
from diffusers.pipelines.qwenimage.pipeline_qwenimage_edit_plus import calculate_dimensions, calculate_shift
from transformers import Qwen2_5_VLConfig
from transformers.models.qwen2_5_vl.modeling_qwen2_5_vl import Qwen2_5_VLVisionRotaryEmbedding
from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import smart_resize
from transformers.vision_utils import get_vision_position_ids, get_vision_window_index

SIZES = [(1024, 1024), (1920, 1080), (1080, 1920), (512, 512), (640, 480), (333, 777), (3000, 1000), (100, 900), (61, 47), (1, 1), (4000, 25)]
GRIDS = [[[1, 28, 28]], [[1, 20, 36]], [[1, 8, 8], [1, 6, 10]], [[1, 2, 2]], [[1, 18, 16], [1, 4, 24], [1, 16, 16]]]
IMAGE_SHAPES = [[(1, 5, 4)], [(1, 4, 6), (1, 3, 7)]]
TEXT_TOKENS = 6


def sizes() -> list[dict]:
    return [
        {
            "width": width,
            "height": height,
            "vae": calculate_dimensions(1024 * 1024, width / height),
            "condition": calculate_dimensions(384 * 384, width / height),
            "smart": smart_resize(height, width) if max(width, height) / min(width, height) <= 200 else None,
        }
        for width, height in SIZES
    ]


def schedules(scheduler_of: Callable[[str], FlowMatchEulerDiscreteScheduler]) -> list[dict]:
    found = []
    for schedule in ("base", "lightning"):
        for steps, tokens in ((40, 4096), (8, 4096), (4, 4096), (6, 4128), (20, 256), (5, 9000)):
            scheduler = scheduler_of(schedule)
            config = scheduler.config
            shift = (config.base_image_seq_len, config.max_image_seq_len, config.base_shift, config.max_shift)
            mu = calculate_shift(tokens, *shift)
            scheduler.set_timesteps(sigmas=np.linspace(1.0, 1 / steps, steps), mu=mu)
            found.append({"schedule": schedule, "steps": steps, "tokens": tokens, "mu": mu, "sigmas": scheduler.sigmas.tolist()})
    return found


def windows() -> list[dict]:
    found = []
    for grids in GRIDS:
        grid = torch.tensor(grids)
        index, bounds = get_vision_window_index(grid, 2, 112, 14)
        positions = get_vision_position_ids(grid, 2)
        found.append({"grids": grids, "index": index.tolist(), "bounds": bounds.tolist(), "positions": positions.tolist()})
    return found


def write(golden: Path, scheduler_of: Callable[[str], FlowMatchEulerDiscreteScheduler]) -> None:
    rope = QwenEmbedRope(theta=10000, axes_dim=[16, 56, 56], scale_rope=True)
    tables = []
    for shapes in IMAGE_SHAPES:
        tables += [torch.view_as_real(part).flatten() for part in rope([shapes], max_txt_seq_len=TEXT_TOKENS, device=torch.device("cpu"))]
    np.save(golden / "rope.npy", torch.cat(tables).numpy())
    config = Qwen2_5_VLConfig(vision_config={"hidden_size": 1280, "num_heads": 16}).vision_config
    cos, sin = Qwen2_5_VLVisionRotaryEmbedding(config)(torch.zeros(1), get_vision_position_ids(torch.tensor([[1, 4, 6]]), 2))
    np.save(golden / "vision_rope.npy", torch.stack([cos, sin]).numpy())
    described = {"sizes": sizes(), "schedules": schedules(scheduler_of), "windows": windows(),
                 "rope": {"shapes": IMAGE_SHAPES, "text_tokens": TEXT_TOKENS}, "vision_rope": {"grid": [1, 4, 6]}}
    (golden / "parts.json").write_text(json.dumps(described) + "\n", encoding="utf-8")
