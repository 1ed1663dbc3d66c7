"""Graphs of the real sizes with random weights, for test/gpu: what a card needs and how long a step takes, without any download.

    cd scripts/export && python full_size.py FOLDER [--blocks 60] [--only firered,sdxl] [--precision bf16]

Writes FOLDER/firered/transformer_modulated.onnx (27 GB in bf16) and FOLDER/sdxl/ (a model, 7 GB in fp16). The same export as for
published weights. Needs about as much memory as the largest graph.
"""

import argparse
from pathlib import Path
from typing import Any

import torch
from darkroom_export.lora import AdapterWeights
from darkroom_export.manifest import write_manifest
from darkroom_export.qwen_image_edit.transformer import write_transformer
from darkroom_export.sdxl import export as export_sdxl
from diffusers import AutoencoderKL, QwenImageTransformer2DModel, UNet2DConditionModel
from tiny.sdxl import PLAN
from tiny.sdxl_model import components as tiny_components
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

DTYPES = {"bf16": torch.bfloat16, "fp32": torch.float32}


def say(what: str, done: float | None = None, total: float | None = None) -> None:
    print(what if total is None else f"{what} ({done}/{total})", flush=True)


def randomised(module: torch.nn.Module, dtype: torch.dtype) -> torch.nn.Module:
    """Fills a module that was made without memory; norms stay near one, so that values stay in range through all layers."""
    module = module.to_empty(device="cpu").to(dtype)
    with torch.no_grad():
        for parameter in module.parameters():
            if parameter.ndim > 1:
                parameter.uniform_(-0.02, 0.02)
            else:
                parameter.fill_(1.0 if parameter.ndim == 1 else 0.0)
    return module.eval()


def write_firered(folder: Path, blocks: int, dtype: torch.dtype) -> None:
    with torch.device("meta"):
        model = QwenImageTransformer2DModel(
            patch_size=2, in_channels=64, out_channels=16, num_layers=blocks, attention_head_dim=128, num_attention_heads=24,
            joint_attention_dim=3584, guidance_embeds=False, axes_dims_rope=(16, 56, 56),
        )
    for block in model.transformer_blocks:  # the table stands in for these: a third of all weights need never exist
        block.img_mod = block.txt_mod = torch.nn.Identity()
    model.norm_out.linear = torch.nn.Identity()
    say(f"exporting a transformer of {blocks} blocks")
    write_transformer(randomised(model, dtype), folder / "transformer_modulated.onnx", AdapterWeights([]), precomputed=True)


def sdxl_components() -> dict[str, Any]:
    """Stable Diffusion XL base 1.0 by its configuration; tokenizers of a few hundred words."""
    with torch.device("meta"):
        unet = UNet2DConditionModel(
            sample_size=128, block_out_channels=(320, 640, 1280), layers_per_block=2,
            down_block_types=("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
            up_block_types=("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
            attention_head_dim=(5, 10, 20), transformer_layers_per_block=(1, 2, 10), use_linear_projection=True,
            cross_attention_dim=2048, addition_embed_type="text_time", addition_time_embed_dim=256,
            projection_class_embeddings_input_dim=2816,
        )
        vae = AutoencoderKL(
            block_out_channels=(128, 256, 512, 512), layers_per_block=2, latent_channels=4, scaling_factor=0.13025, force_upcast=False,
            down_block_types=("DownEncoderBlock2D",) * 4, up_block_types=("UpDecoderBlock2D",) * 4,
        )
        clip = CLIPTextModel(CLIPTextConfig(hidden_size=768, intermediate_size=3072, num_hidden_layers=12, num_attention_heads=12))
        big = CLIPTextConfig(hidden_size=1280, intermediate_size=5120, num_hidden_layers=32, num_attention_heads=20, hidden_act="gelu", projection_dim=1280)
        clip_2 = CLIPTextModelWithProjection(big)
    parts = {"unet": unet, "vae": vae, "text_encoder": clip, "text_encoder_2": clip_2}
    made = {name: randomised(part, torch.float16) for name, part in parts.items()}
    for part in (made["text_encoder"], made["text_encoder_2"]):  # a buffer that has no values yet
        part.text_model.embeddings.position_ids = torch.arange(77)[None]
    return {**tiny_components(), **made}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--blocks", type=int, default=60)
    parser.add_argument("--only", default="firered,sdxl")
    parser.add_argument("--precision", choices=DTYPES, default="bf16", help="of the transformer")
    arguments = parser.parse_args()
    if "firered" in arguments.only:
        write_firered(arguments.folder / "firered", arguments.blocks, DTYPES[arguments.precision])
    if "sdxl" in arguments.only:
        target = arguments.folder / "sdxl"
        target.mkdir(parents=True, exist_ok=True)
        exported = export_sdxl(sdxl_components(), target, precision="fp16", report=say)
        write_manifest(target, {**PLAN, "name": "sdxl", "description": "Stable Diffusion XL of random weights."}, exported, [], say)


if __name__ == "__main__":
    with torch.no_grad():
        main()
