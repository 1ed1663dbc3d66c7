"""Models of the family `qwen-image-edit` (FireRed-Image-Edit, Qwen-Image-Edit 2509) from a folder in diffusers' layout.

Each component is loaded, written and forgotten before the next: the transformer alone has 41 GB.
"""

import gc
import shutil
from pathlib import Path
from typing import Any

import torch
from diffusers import AutoencoderKLQwenImage, QwenImageTransformer2DModel
from transformers import AutoTokenizer, Qwen2_5_VLForConditionalGeneration

from ..lora import AdapterWeights, Lora, add_branches, fuse, linear_layers_of, load_lora
from ..manifest import ExportError
from ..progress import Report
from . import modulation
from .settings import SCHEDULES, component_settings, memory_bytes
from .text import write_text_encoder, write_token_embeddings
from .transformer import write_transformer
from .vae import write_vae
from .vision import write_vision

_PRECISIONS = {"fp32": (torch.float32, "cpu"), "bf16": (torch.bfloat16, "cuda")}
_ADAPTER = "adapter_"


def export(
    source: Path,
    target: Path,
    *,
    precision: str,
    report: Report,
    fused_lora: Path | None = None,
    fused_strength: float = 1.0,
    schedule: str = "folder",
    steps: dict[str, int] | None = None,
    cfg: float = 1.0,
    areas: dict[str, int] | None = None,
    cpu: str = "forced_only",
    precomputed_modulation: bool = False,
    adapter_weights: dict[str, list[float]] | None = None,
    **adapters: Path,
) -> dict[str, Any]:
    """`precision`: "bf16" for CUDA (float32 at the graphs' edges), "fp32" for the CPU.

    fused_lora               an adapter that becomes part of the weights, as Lightning's
    schedule                 "folder" (scheduler_config.json), "base" or "lightning"
    precomputed_modulation   a table of vectors for the schedule's noise levels instead of the layers that make them
    adapter_NAME             an adapter that a job may ask for; `adapter_weights` {NAME: [least, most]}, else [0, 1.5]
    """
    if precision not in _PRECISIONS:
        raise ExportError(f"qwen-image-edit can be exported as {' or '.join(_PRECISIONS)}, not as {precision}.")
    strangers = [name for name in adapters if not name.startswith(_ADAPTER)]
    if strangers:
        raise ExportError(f"qwen-image-edit has no option {', '.join(strangers)}.")
    dtype, provider = _PRECISIONS[precision]
    source, target = Path(source), Path(target)
    target.mkdir(parents=True, exist_ok=True)
    settings: dict[str, Any] = component_settings(source, areas)
    settings |= {"cpu": cpu, "steps": steps or {"default": 6, "min": 4, "max": 20}, "cfg": {"default": cfg}}
    settings["scheduler"] = SCHEDULES.get(schedule) or settings["scheduler"]
    assets = _write_tokenizer(source, target, report)
    weights = _write_text_encoder(source, target, dtype, settings, report)
    assets["token_embeddings"] = "token_embeddings.bin"
    weights |= _write_vae(source, target, report)
    loras = {name.removeprefix(_ADAPTER): path for name, path in adapters.items()}
    weights |= _write_transformer(
        source, target, dtype, settings, report, (fused_lora, fused_strength), loras, precomputed_modulation, assets
    )
    return {
        "variants": [
            {
                "execution_provider": provider,
                "precision": precision,
                "graphs": {role: f"{role}.onnx" for role in weights},
                "memory_bytes": memory_bytes(sum(weights.values()), settings, 2 if precision == "bf16" else 4),
            }
        ],
        "assets": assets,
        "settings": settings,
        "loras": [
            {"name": name, "weight_min": low, "weight_max": high, "sha256": settings.pop(f"{_ADAPTER}{name}")}
            for name in loras
            for low, high in [(adapter_weights or {}).get(name, [0.0, 1.5])]
        ],
    }


def _write_tokenizer(source: Path, target: Path, report: Report) -> dict[str, str]:
    report("writing the tokenizer")
    scratch = target / ".tokenizer"
    AutoTokenizer.from_pretrained(source / "tokenizer").save_pretrained(scratch)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copyfile(scratch / name, target / name)
    shutil.rmtree(scratch)
    return {"tokenizer": "tokenizer.json", "tokenizer_config": "tokenizer_config.json"}


def _write_text_encoder(source: Path, target: Path, dtype: torch.dtype, settings: dict, report: Report) -> dict[str, int]:
    report("loading the text encoder")
    model = Qwen2_5_VLForConditionalGeneration.from_pretrained(source / "text_encoder", dtype=dtype).eval()
    report("writing the token embeddings")
    settings["text"] = write_token_embeddings(model.model.language_model, target / "token_embeddings.bin")
    report("exporting the vision tower")
    vision = write_vision(model.model.visual, target / "vision.onnx")
    report("exporting the language model")
    text = write_text_encoder(model.model.language_model, target / "text_encoder.onnx")
    del model
    gc.collect()
    return {"vision": vision, "text_encoder": text}


def _write_vae(source: Path, target: Path, report: Report) -> dict[str, int]:
    """Always float32: it is small, and its norms and picture edges suffer most from less."""
    report("exporting the autoencoder")
    return write_vae(AutoencoderKLQwenImage.from_pretrained(source / "vae", torch_dtype=torch.float32).eval(), target)


def _write_transformer(
    source: Path,
    target: Path,
    dtype: torch.dtype,
    settings: dict,
    report: Report,
    fused: tuple[Path | None, float],
    loras: dict[str, Path],
    precomputed: bool,
    assets: dict[str, str],
) -> dict[str, int]:
    report("loading the transformer")
    model = QwenImageTransformer2DModel.from_pretrained(source / "transformer", torch_dtype=dtype).eval()
    if getattr(model.config, "zero_cond_t", False):
        raise ExportError("This transformer has zero_cond_t (Qwen-Image-Edit 2511), which the family does not run yet.")
    linear = linear_layers_of(model)
    path, strength = fused
    if path is not None:
        report("fusing the adapter into the weights")
        lora = load_lora(Path(path), linear)
        fuse(model, lora, strength)
        settings["fused_lora"] = lora.record(strength)
    adapters = {name: load_lora(Path(path), linear) for name, path in loras.items()}
    for name, adapter in adapters.items():
        settings[f"{_ADAPTER}{name}"] = adapter.sha256
    if precomputed:
        _refuse_adapted_modulation(adapters)
        steps = settings["steps"]
        levels = range(steps["min"], steps["max"] + 1)
        settings["modulation"] = modulation.write_table(model, target / "modulation.bin", settings["scheduler"], levels, report)
        assets["modulation"] = "modulation.bin"
    report("exporting the transformer")
    weights = add_branches(model, adapters) if adapters else AdapterWeights([])
    role = "transformer_modulated" if precomputed else "transformer"
    return {role: write_transformer(model, target / f"{role}.onnx", weights, precomputed=precomputed)}


def _refuse_adapted_modulation(adapters: dict[str, Lora]) -> None:
    for name, adapter in adapters.items():
        touched = [layer for layer in adapter.layers if "_mod." in layer or layer.startswith(("norm_out", "time_text_embed"))]
        if touched:
            raise ExportError(
                f"The adapter {name} changes {touched[0]}, whose results would be precomputed without it. "
                "Export without precomputed_modulation, or fuse the adapter."
            )


