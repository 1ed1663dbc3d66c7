"""What model.json says to the pipeline: sizes and constants of the components, as their configurations have them."""

import json
from pathlib import Path
from typing import Any

#: exp(base_shift) is how far noise levels are pushed up; ln 3 is what Lightning was distilled with.
_LN_3 = 1.0986122886681098
_QWEN_IMAGE = {"base_image_tokens": 256, "max_image_tokens": 8192}
SCHEDULES: dict[str, dict[str, Any]] = {
    "base": {**_QWEN_IMAGE, "base_shift": 0.5, "max_shift": 0.9, "shift_terminal": 0.02},
    "lightning": {**_QWEN_IMAGE, "base_shift": _LN_3, "max_shift": _LN_3, "shift_terminal": None},
}

#: Those of Qwen2.5-VL's processor, for folders that do not say.
_PIXELS = {"min": 56 * 56, "max": 28 * 28 * 1280}
_MEAN = [0.48145466, 0.4578275, 0.40821073]
_STD = [0.26862954, 0.26130258, 0.27577711]

_AREAS = {"condition": 384 * 384, "vae": 1024 * 1024}
_IMAGES_MAX = 3


def _read(path: Path) -> dict[str, Any]:
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}


def _processor(source: Path) -> dict[str, Any]:
    found = _read(source / "processor" / "preprocessor_config.json")
    if not found:
        found = _read(source / "processor" / "processor_config.json").get("image_processor", {})
    size = found.get("size", {})
    return {
        "patch_size": found.get("patch_size", 14),
        "temporal_patch_size": found.get("temporal_patch_size", 2),
        "merge_size": found.get("merge_size", 2),
        "pixels_min": found.get("min_pixels") or size.get("shortest_edge") or _PIXELS["min"],
        "pixels_max": found.get("max_pixels") or size.get("longest_edge") or _PIXELS["max"],
        "mean": found.get("image_mean", _MEAN),
        "std": found.get("image_std", _STD),
    }


def _scheduler(source: Path) -> dict[str, Any]:
    found = _read(source / "scheduler" / "scheduler_config.json")
    base = SCHEDULES["base"]
    return {
        "base_image_tokens": found.get("base_image_seq_len", base["base_image_tokens"]),
        "max_image_tokens": found.get("max_image_seq_len", base["max_image_tokens"]),
        "base_shift": found.get("base_shift", base["base_shift"]),
        "max_shift": found.get("max_shift", base["max_shift"]),
        "shift_terminal": found.get("shift_terminal", base["shift_terminal"]),
    }


def component_settings(source: Path, areas: dict[str, int] | None) -> dict[str, Any]:
    vision = _read(source / "text_encoder" / "config.json")["vision_config"]
    transformer = _read(source / "transformer" / "config.json")
    vae = _read(source / "vae" / "config.json")
    return {
        "areas": areas or _AREAS,
        "processor": _processor(source),
        "vision": {
            "window_size": vision["window_size"],
            "head_size": vision["hidden_size"] // vision["num_heads"],
            "rope_theta": (vision.get("rope_parameters") or {}).get("rope_theta", 10000.0),
        },
        "transformer": {
            "rope_axes": transformer["axes_dims_rope"],
            "rope_theta": 10000,
            "blocks": transformer["num_layers"],
            "inner_size": transformer["num_attention_heads"] * transformer["attention_head_dim"],
        },
        "vae": {
            "scale": 2 ** len(vae["temperal_downsample"]),
            "base_size": vae["base_dim"],
            "mean": vae["latents_mean"],
            "std": vae["latents_std"],
        },
        "scheduler": _scheduler(source),
    }


def memory_bytes(weights: int, settings: dict[str, Any], bytes_per_value: int) -> int:
    """Weights, and what the largest job needs beside them: a block's activations, the autoencoder's widest pictures."""
    scale = settings["vae"]["scale"]
    tokens = (1 + _IMAGES_MAX) * settings["areas"]["vae"] // (2 * scale) ** 2 + 1024
    denoise = 24 * tokens * settings["transformer"]["inner_size"] * bytes_per_value
    decode = 12 * settings["areas"]["vae"] * settings["vae"]["base_size"] * 4
    return weights + max(denoise, decode) + 256 * 1024**2
