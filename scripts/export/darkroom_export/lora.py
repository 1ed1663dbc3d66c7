"""Low-rank adapters (LoRA) of transformers: every key format in use, read into one, and added to weights.

An adapter's change of a linear layer is `strength * (alpha / rank) * B @ A`. Files differ in what they call A and B, in the
prefix of the layers' names, and in where alpha is: a wrong scale gives black or gridded pictures, so it is computed here and
recorded in model.json.
"""

import json
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import safe_open

from .manifest import ExportError, sha256_of

_PREFIXES = ("base_model.model.", "diffusion_model.", "transformer.")
_FLAT_PREFIX = "lora_unet_"
_ENDINGS = {
    ".lora_A.weight": "down",
    ".lora_B.weight": "up",
    ".lora_A.default.weight": "down",
    ".lora_B.default.weight": "up",
    ".lora_down.weight": "down",
    ".lora_up.weight": "up",
    ".lora.down.weight": "down",
    ".lora.up.weight": "up",
    ".alpha": "alpha",
}
_METADATA_KEY = "lora_adapter_metadata"


@dataclass(frozen=True)
class LowRank:
    """The change of one layer, without the strength: `scale * up @ down`."""

    down: torch.Tensor
    up: torch.Tensor
    scale: float

    @property
    def rank(self) -> int:
        return self.down.shape[0]

    def delta(self) -> torch.Tensor:
        return self.scale * (self.up.float() @ self.down.float())


@dataclass(frozen=True)
class Lora:
    layers: dict[str, LowRank]
    sha256: str

    def record(self, strength: float) -> dict:
        """What model.json says about an adapter that is part of the weights."""
        return {
            "sha256": self.sha256,
            "strength": strength,
            "ranks": sorted({layer.rank for layer in self.layers.values()}),
            "scales": sorted({round(layer.scale, 6) for layer in self.layers.values()}),
            "layers": len(self.layers),
        }


def _split(key: str) -> tuple[str, str] | None:
    for ending, part in _ENDINGS.items():
        if key.endswith(ending):
            return key.removesuffix(ending), part
    return None


def _layer_name(stem: str, by_flat_name: dict[str, str]) -> str:
    if stem.startswith(_FLAT_PREFIX):
        return by_flat_name.get(stem.removeprefix(_FLAT_PREFIX), stem)
    changed = True
    while changed:
        changed = False
        for prefix in _PREFIXES:
            if stem.startswith(prefix):
                stem, changed = stem.removeprefix(prefix), True
    # An adapter's own name, as some trainers leave it in the path.
    return stem.removeprefix("default.").removesuffix(".default")


def _metadata_alpha(metadata: dict[str, str]) -> float | None:
    """Alpha / rank as diffusers and peft write it beside the tensors; None where nothing is said."""
    text = metadata.get(_METADATA_KEY)
    if text is None:
        return None
    values = json.loads(text)
    rank, alpha = (values.get(f"transformer.{name}", values.get(name)) for name in ("r", "lora_alpha"))
    return None if not rank or alpha is None else float(alpha) / float(rank)


def load_lora(path: Path, linear_layers: list[str]) -> Lora:
    """Reads a safetensors file; refuses it when a tensor belongs to none of `linear_layers`."""
    by_flat_name = {name.replace(".", "_"): name for name in linear_layers}
    parts: dict[str, dict[str, torch.Tensor]] = {}
    unknown = []
    with safe_open(str(path), "pt") as file:
        scale_from_metadata = _metadata_alpha(file.metadata() or {})
        for key in file.keys():  # noqa: SIM118 - not a dict
            split = _split(key)
            name = None if split is None else _layer_name(split[0], by_flat_name)
            if split is None or name not in by_flat_name.values():
                unknown.append(key)
            else:
                parts.setdefault(name, {})[split[1]] = file.get_tensor(key)
    if unknown:
        raise ExportError(f"{path.name} does not fit: {len(unknown)} tensors belong to no linear layer of the transformer, as {unknown[0]}.")
    layers = {}
    for name, found in parts.items():
        if "down" not in found or "up" not in found:
            raise ExportError(f"{path.name} does not fit: of {name} it has only {', '.join(found)}.")
        rank = found["down"].shape[0]
        scale = float(found["alpha"]) / rank if "alpha" in found else (1.0 if scale_from_metadata is None else scale_from_metadata)
        layers[name] = LowRank(found["down"], found["up"], scale)
    if not layers:
        raise ExportError(f"{path.name} holds no adapter.")
    return Lora(layers, sha256_of(path))


def linear_layers_of(model: torch.nn.Module) -> list[str]:
    return [name for name, module in model.named_modules() if isinstance(module, torch.nn.Linear)]


@torch.no_grad()
def fuse(model: torch.nn.Module, lora: Lora, strength: float) -> None:
    """Adds an adapter to the weights for good, in float32 whatever they are kept in."""
    for name, layer in lora.layers.items():
        weight = model.get_submodule(name).weight
        weight.copy_((weight.float() + strength * layer.delta()).to(weight.dtype))


class AdapterWeights:
    """The inputs `lora_<name>` of a graph while it is traced. Not a module: tracing keeps no state in it."""

    def __init__(self, names: list[str]) -> None:
        self.names = names
        self.values: dict[str, torch.Tensor] = {}

    def set(self, values: list[torch.Tensor]) -> None:
        self.values = dict(zip(self.names, values, strict=True))


class AdaptedLinear(torch.nn.Module):
    """A linear layer with low-rank branches beside it, each as strong as the input of its name says."""

    def __init__(self, base: torch.nn.Linear, branches: dict[str, LowRank], weights: AdapterWeights) -> None:
        super().__init__()
        self.base, self.names, self.weights = base, list(branches), weights
        for name, branch in branches.items():
            self.register_buffer(f"down_{name}", branch.down.to(base.weight.dtype))
            self.register_buffer(f"up_{name}", (branch.scale * branch.up.float()).to(base.weight.dtype))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.base(x)
        for name in self.names:
            low = torch.nn.functional.linear(x, getattr(self, f"down_{name}"))
            change = torch.nn.functional.linear(low, getattr(self, f"up_{name}"))
            y = y + self.weights.values[name].to(change.dtype) * change
        return y


def add_branches(model: torch.nn.Module, adapters: dict[str, Lora]) -> AdapterWeights:
    """Puts the adapters beside their layers; a job chooses their weights."""
    weights = AdapterWeights(list(adapters))
    for layer in sorted({layer for lora in adapters.values() for layer in lora.layers}):
        branches = {name: lora.layers[layer] for name, lora in adapters.items() if layer in lora.layers}
        parent, _, child = layer.rpartition(".")
        setattr(model.get_submodule(parent), child, AdaptedLinear(model.get_submodule(layer), branches, weights))
    return weights
