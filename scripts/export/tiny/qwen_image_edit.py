"""Makes the tiny model of the family `qwen-image-edit` and, with diffusers and transformers, what its pipeline must give.

    PYTHONPATH=scripts/export python -m tiny.qwen_image_edit test/fixtures/models/tiny-qwen-image-edit test/fixtures/golden/qwen-image-edit
"""

import json
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import torch
from darkroom_export.lora import fuse, linear_layers_of, load_lora
from darkroom_export.manifest import write_manifest
from darkroom_export.qwen_image_edit import export
from darkroom_export.qwen_image_edit.settings import SCHEDULES
from diffusers import FlowMatchEulerDiscreteScheduler, QwenImageEditPlusPipeline, QwenImageTransformer2DModel
from safetensors.torch import save_file

from . import qwen_image_edit_parts as parts
from .qwen_image_edit_cases import AREAS, CASES, PICTURES, picture, run, with_three_axes
from .qwen_image_edit_model import make_pipeline, make_tokenizer, randomise, save

NAME = "tiny-qwen-image-edit"
RANK = 2
ALPHA = 3.0
#: Lightning's reach: every kind of layer, those that make modulation, too.
FUSED = [
    "img_in", "proj_out", "norm_out.linear",
    *(f"transformer_blocks.{block}.{layer}" for block in (0, 1) for layer in (
        "img_mod.1", "txt_mod.1", "attn.to_q", "attn.to_k", "attn.to_v", "attn.to_out.0", "attn.add_q_proj", "attn.to_add_out",
        "img_mlp.net.0.proj", "img_mlp.net.2", "txt_mlp.net.0.proj", "txt_mlp.net.2")),
]
ADAPTED = [f"transformer_blocks.{block}.{layer}" for block in (0, 1) for layer in ("attn.to_q", "attn.to_out.0", "img_mlp.net.2")]


def make_lora(transformer: QwenImageTransformer2DModel, layers: list[str], seed: int) -> dict[str, tuple[torch.Tensor, torch.Tensor]]:
    generator = torch.Generator().manual_seed(seed)
    made = {}
    for name in layers:
        linear = transformer.get_submodule(name)
        down = torch.randn(RANK, linear.in_features, generator=generator) / linear.in_features**0.5
        made[name] = (down, 0.3 * torch.randn(linear.out_features, RANK, generator=generator))
    return made


def write_lora(pairs: dict[str, tuple[torch.Tensor, torch.Tensor]], form: str, path: Path) -> Path:
    """As the three kinds of trainers write the same adapter."""
    tensors = {}
    for name, (down, up) in pairs.items():
        if form == "kohya":
            stem = f"lora_unet_{name.replace('.', '_')}"
            tensors |= {f"{stem}.lora_down.weight": down, f"{stem}.lora_up.weight": up, f"{stem}.alpha": torch.tensor(ALPHA)}
        elif form == "comfy":
            stem = f"diffusion_model.{name}"
            tensors |= {f"{stem}.lora_down.weight": down, f"{stem}.lora_up.weight": up, f"{stem}.alpha": torch.tensor(ALPHA)}
        else:
            tensors |= {f"transformer.{name}.lora_A.weight": down, f"transformer.{name}.lora_B.weight": up * (ALPHA / RANK)}
    save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, path)
    return path


def assert_fused_as_diffusers(source: Path, files: dict[str, Path]) -> None:
    """Each format, fused by the exporter, against diffusers' own loader; and against the plain weights, that it does anything."""
    load = lambda: QwenImageTransformer2DModel.from_pretrained(source / "transformer")  # noqa: E731
    plain = dict(load().named_parameters())
    for form, path in files.items():
        ours = load()
        fuse(ours, load_lora(path, linear_layers_of(ours)), 0.8)
        theirs = load()
        loader = QwenImageEditPlusPipeline(None, None, None, None, None, theirs)
        loader.load_lora_weights(str(path), adapter_name="fused")
        loader.fuse_lora(lora_scale=0.8)
        loader.unload_lora_weights()
        changed = 0
        expected = dict(theirs.named_parameters())
        for name, weight in ours.named_parameters():
            torch.testing.assert_close(weight, expected[name], atol=2e-6, rtol=1e-5, msg=f"{form}: {name}")
            changed += not torch.equal(weight, plain[name])
        assert changed == len(FUSED), f"{form}: {changed} of {len(FUSED)} layers changed"


def scheduler_of(schedule: str) -> FlowMatchEulerDiscreteScheduler:
    values = SCHEDULES[schedule]
    return FlowMatchEulerDiscreteScheduler(
        use_dynamic_shifting=True,
        time_shift_type="exponential",
        base_image_seq_len=values["base_image_tokens"],
        max_image_seq_len=values["max_image_tokens"],
        base_shift=values["base_shift"],
        max_shift=values["max_shift"],
        shift_terminal=values["shift_terminal"],
    )


def golden_cases(golden: Path, pipelines: dict[str, QwenImageEditPlusPipeline]) -> list[dict[str, Any]]:
    images = {name: picture(*size) for name, size in PICTURES.items()}
    for name, pixels in images.items():
        np.save(golden / f"{name}.npy", pixels)
    described = []
    for case in CASES:
        pipeline = pipelines[case["model"]]
        if case["model"] == "base":
            adapters = case.get("adapters", {"makeup": 0.0})
            pipeline.set_adapters(list(adapters), list(adapters.values()))
        edited, seen = run(pipeline, case, images)
        arrays = {"edited": edited, "latents": seen.latents[-1][0], "prompt_embeds": seen.prompt_embeds[0][0],
                  "image_latents": seen.image_latents[0], "image_embeds": seen.vision[0], "pixels": seen.inputs[0]["pixel_values"][:, ::97]}
        for name, array in arrays.items():
            np.save(golden / f"{case['name']}.{name}.npy", array.numpy() if isinstance(array, torch.Tensor) else array)
        described.append({
            **case,
            "tokens": seen.inputs[0]["input_ids"][0].tolist(),
            "negative_tokens": seen.inputs[1]["input_ids"][0].tolist() if len(seen.inputs) > 1 else None,
            "positions": seen.positions[0][:, 0].tolist(),
            "grids": seen.inputs[0]["image_grid_thw"].tolist(),
            "sigmas": pipeline.scheduler.sigmas.tolist(),
        })
        print(case["name"], edited.shape, len(described[-1]["tokens"]), float(seen.latents[-1].abs().max()), flush=True)
    return described


def plan_of(name: str, **more: Any) -> dict[str, Any]:
    return {
        "name": name, "version": "1.0.0", "family": "qwen-image-edit", "license": "Apache-2.0", "kinds": ["edit", "image_to_image"],
        "description": "FireRed-Image-Edit's architecture with random weights and small sizes, for tests.",
        "uses_parameters": ["steps", "cfg", "seed", "negative_prompt", "loras"], "load_time_ms": 500, "timeout_s": 60,
        "images_max": 3, **more,
    }


def quiet(*_: Any) -> None:
    pass


def main(target: Path, golden: Path) -> None:
    torch.set_num_threads(1)
    for folder in (target, golden):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
    with tempfile.TemporaryDirectory() as scratch:
        source = Path(scratch) / "source"
        template = QwenImageEditPlusPipeline(None, None, None, None, None, None).prompt_template_encode
        pipeline = make_pipeline(make_tokenizer([template, *(case["prompt"] for case in CASES)]))
        save(pipeline, source)
        fused = make_lora(pipeline.transformer, FUSED, 11)
        files = {form: write_lora(fused, form, Path(scratch) / f"{form}.safetensors") for form in ("kohya", "comfy", "peft")}
        assert_fused_as_diffusers(source, files)
        makeup = write_lora(make_lora(pipeline.transformer, ADAPTED, 12), "peft", Path(scratch) / "makeup.safetensors")

        common = {"precision": "fp32", "report": quiet, "cpu": "allowed", "areas": AREAS, "steps": {"default": 6, "min": 4, "max": 8}}
        lightning = export(source, target, schedule="lightning", fused_lora=files["kohya"], precomputed_modulation=True, **common)
        base = export(source, target, schedule="base", adapter_makeup=makeup, adapter_weights={"makeup": [-1.0, 1.5]}, **common)
        # The sessions of both are in one folder; the store sees the first, tests open the second, too.
        write_manifest(target, plan_of(NAME), lightning, [], quiet)
        (target / "model.json").rename(golden / "lightning.json")
        write_manifest(target, plan_of(NAME), base, [], quiet)

        with_three_axes(pipeline)
        pipelines = {"base": pipeline, "lightning": make_lightning(source, pipeline, files["comfy"])}
        pipeline.load_lora_weights(str(makeup), adapter_name="makeup")
        cases = golden_cases(golden, pipelines)
    (golden / "cases.json").write_text(json.dumps(cases, ensure_ascii=False) + "\n", encoding="utf-8")
    parts.write(golden, scheduler_of)


def make_lightning(source: Path, pipeline: QwenImageEditPlusPipeline, lora: Path) -> QwenImageEditPlusPipeline:
    transformer = QwenImageTransformer2DModel.from_pretrained(source / "transformer").eval()
    others = {name: part for name, part in pipeline.components.items() if name not in ("transformer", "scheduler")}
    made = QwenImageEditPlusPipeline(transformer=transformer, scheduler=scheduler_of("lightning"), **others)
    made.set_progress_bar_config(disable=True)
    made.load_lora_weights(str(lora), adapter_name="lightning")
    made.fuse_lora()
    made.unload_lora_weights()
    return made


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
