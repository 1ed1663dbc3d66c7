"""Mistral-7B-Instruct and its kin: weights in safetensors to the graphs of the family `causal-lm`."""

import json
import shutil
from pathlib import Path
from typing import Any

import onnx

from . import causal_lm_graph as graphs
from .causal_lm_loop import generate
from .causal_lm_weights import Checkpoint, WeightsFile
from .manifest import ExportError
from .progress import Report

#: The template of the model card, for a repository whose tokenizer has none.
MISTRAL_TEMPLATE = (
    "{{ bos_token }}{% for message in messages %}"
    "{% if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}"
    "{{ raise_exception('Conversation roles must alternate user/assistant/user/assistant/...') }}{% endif %}"
    "{% if message['role'] == 'user' %}{{ '[INST] ' + message['content'] + ' [/INST]' }}"
    "{% else %}{{ message['content'] + eos_token + ' ' }}{% endif %}{% endfor %}"
)

_GRAPHS = {"generate": generate, "decoder": graphs.decoder}
_PROVIDERS = {"fp32": "cpu", "int4": "cpu", "fp16": "cuda"}
_WORKSPACE_BYTES = 64 * 1024 * 1024


def _json(path: Path) -> Any:
    if not path.is_file():
        raise ExportError(f"{path} is missing.")
    return json.loads(path.read_text("utf-8"))


def _text_of(token: Any) -> str:
    """Special tokens are a text, or an object with one."""
    return token["content"] if isinstance(token, dict) else token or ""


def _settings(source: Path, shape: graphs.Shape) -> dict[str, Any]:
    config, tokenizer = _json(source / "config.json"), _json(source / "tokenizer_config.json")
    generation_path = source / "generation_config.json"
    generation = _json(generation_path) if generation_path.is_file() else {}
    ends = generation.get("eos_token_id") or config["eos_token_id"]
    template_path = source / "chat_template.jinja"
    template = template_path.read_text("utf-8") if template_path.is_file() else tokenizer.get("chat_template")
    return {
        "context_length": shape.context,
        "eos_token_ids": ends if isinstance(ends, list) else [ends],
        "chat_template": template if isinstance(template, str) else MISTRAL_TEMPLATE,
        "bos_token": _text_of(tokenizer.get("bos_token")),
        "eos_token": _text_of(tokenizer.get("eos_token")),
        "cache": {"layers": shape.layers, "kv_heads": shape.kv_heads, "head_size": shape.head_size},
    }


def _memory_bytes(shape: graphs.Shape, weights: int, precision: str) -> int:
    """While it answers a prompt that fills the context."""
    value_bytes = 2 if precision == "fp16" else 4
    cache = shape.cache_values * shape.context * value_bytes
    activations = shape.context * (5 * shape.inner + 6 * shape.hidden) * value_bytes
    if _PROVIDERS[precision] == "cuda":
        # What came in, and the loop's before and after a token.
        return weights + 3 * cache + activations + _WORKSPACE_BYTES
    # The same, and what Node has not collected yet; on the CPU the scores of all pairs of tokens are in memory at once.
    return weights + 6 * cache + activations + shape.heads * shape.context**2 * 4 + _WORKSPACE_BYTES


def export(
    source: Path, target: Path, *, precision: str, report: Report, context: int | None = None, roles: tuple[str, ...] = ("generate",)
) -> dict[str, Any]:
    """`source`: a folder as `save_pretrained` writes it, of a MistralForCausalLM and its tokenizer.

    `precision`: fp32 or int4 for the CPU, fp16 for CUDA. int4 has weights of 4 bits with a scale for each 32, and float32 caches.
    `context`: at most so many tokens, for less memory. `roles`: the graphs to write; the pipeline takes `generate` where there is one, else `decoder`.
    Called again with another precision, it adds the other variant's files to the same target.
    """
    if precision not in _PROVIDERS:
        raise ExportError(f"causal-lm has no precision {precision}; there are {', '.join(_PROVIDERS)}.")
    shape = graphs.shape_of(_json(source / "config.json"), context)
    settings = _settings(source, shape)
    folder = target / precision
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        _json(source / name)
        shutil.copyfile(source / name, target / name)
    with WeightsFile(folder / "weights.bin") as weights:
        model = graphs.Model(shape, Checkpoint(source), weights, precision, report)
        size = weights.bytes
    report("writing graphs")
    for role in roles:
        onnx.save(_GRAPHS[role](model), folder / f"{role}.onnx")
    variant = {
        "execution_provider": _PROVIDERS[precision],
        "precision": precision,
        "graphs": {role: f"{precision}/{role}.onnx" for role in roles},
        "memory_bytes": _memory_bytes(shape, size, precision),
    }
    return {
        "variants": [variant],
        "assets": {"tokenizer": "tokenizer.json", "tokenizer_config": "tokenizer_config.json"},
        "settings": settings,
    }
