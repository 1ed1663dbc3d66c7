"""Tiny models of every family, saved as their makers publish them: `PYTHONPATH=scripts/export python -m check.sources FOLDER`."""

import sys
from pathlib import Path

import torch

sys.path[:0] = [str(Path(__file__).parents[1]), str(Path(__file__).parents[1] / "tiny")]


def sdxl(folder: Path) -> None:
    from diffusers import StableDiffusionXLPipeline
    from sdxl_model import components, write_adapter

    StableDiffusionXLPipeline(**components()).save_pretrained(folder)
    write_adapter(folder.parent / "ink.safetensors")


def causal_lm(folder: Path) -> None:
    from causal_lm import make_source

    make_source(folder)


def qwen_image_edit(folder: Path) -> None:
    from diffusers import QwenImageEditPlusPipeline
    from tiny.qwen_image_edit_model import make_pipeline, make_tokenizer, save

    template = QwenImageEditPlusPipeline(None, None, None, None, None, None).prompt_template_encode
    save(make_pipeline(make_tokenizer([template, "make the hat green"])), folder)


torch.set_num_threads(1)
target = Path(sys.argv[1])
for make in (sdxl, causal_lm, qwen_image_edit):
    folder = target / make.__name__
    folder.mkdir(parents=True, exist_ok=True)
    make(folder)
    print(folder)
