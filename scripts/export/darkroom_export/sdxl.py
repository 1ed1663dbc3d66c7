"""Stable Diffusion XL: two CLIP text encoders, a UNet and a VAE as five graphs with float32 edges, whatever is inside.

    unet          sample [B,4,h,w], timestep [1], encoder_hidden_states [B,77,C], text_embeds [B,P], time_ids [B,6] -> noise
    text_encoder  input_ids [1,77] -> hidden: of the layer before the last, without the final norm
    text_encoder_2                 -> hidden, text_embeds: the pooled one
    vae_encoder   image [1,3,8h,8w] in -1..1 -> moments [1,8,h,w]: mean, then log variance
    vae_decoder   latents [1,4,h,w] (unscaled) -> image

h and w may be any size, also one that the UNet's levels do not divide. Adapters (LoRA) stay unfused branches of the UNet and
the text encoders, each times a graph input `lora_<name>`, so that a job chooses their weights.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

from .diffusion_settings import sdxl_settings
from .graphs import export_graph, quantise_linear, weight_bytes
from .manifest import ExportError, sha256_of
from .progress import Report

Components = dict[str, Any]

#: Which execution providers run a precision: int8 kernels are the CPU's, fp16 has none there.
PROVIDERS = {"fp32": ("cpu", "cuda"), "fp16": ("cuda",), "int8": ("cpu",)}

_SIZES = {2: "height", 3: "width"}


def _dtype(precision: str) -> torch.dtype:
    return torch.float16 if precision == "fp16" else torch.float32


def load(source: Path, vae: Path | None, dtype: torch.dtype) -> Components:
    """A model in the folders of diffusers; `vae`: a folder with another one, such as the one that fp16 does not overflow."""
    from diffusers import AutoencoderKL, EulerDiscreteScheduler, UNet2DConditionModel
    from transformers import CLIPTextModel, CLIPTextModelWithProjection, CLIPTokenizer

    def read(kind: Any, folder: str, **options: Any) -> Any:
        variant = {} if list((source / folder).glob("*model.safetensors")) else {"variant": "fp16"}
        return kind.from_pretrained(source / folder, local_files_only=True, **variant, **options)

    return {
        "tokenizer": CLIPTokenizer.from_pretrained(source / "tokenizer", local_files_only=True),
        "tokenizer_2": CLIPTokenizer.from_pretrained(source / "tokenizer_2", local_files_only=True),
        "text_encoder": read(CLIPTextModel, "text_encoder", dtype=dtype),
        "text_encoder_2": read(CLIPTextModelWithProjection, "text_encoder_2", dtype=dtype),
        "unet": read(UNet2DConditionModel, "unet", torch_dtype=dtype),
        "vae": read(AutoencoderKL, "vae") if vae is None else AutoencoderKL.from_pretrained(vae, local_files_only=True),
        "scheduler": EulerDiscreteScheduler.from_pretrained(source / "scheduler", local_files_only=True),
        "force_zeros_for_empty_prompt": json.loads((source / "model_index.json").read_text()).get("force_zeros_for_empty_prompt", True),
    }


class _WithAdapters(torch.nn.Module):
    """Runs a model with float32 edges and sets the weights of its adapters from the last inputs."""

    def __init__(self, model: torch.nn.Module, adapters: list[str]) -> None:
        super().__init__()
        self.model = model
        self.adapters = adapters
        self.dtype = next(model.parameters()).dtype

    def inside(self, value: torch.Tensor) -> torch.Tensor:
        return value.to(self.dtype)

    @contextmanager
    def weighted(self, weights: tuple[torch.Tensor, ...]) -> Iterator[None]:
        layers = [layer for layer in self.model.modules() if self.adapters and hasattr(layer, "lora_A")]
        kept = [dict(layer.scaling) for layer in layers]
        for layer in layers:
            for name, weight in zip(self.adapters, weights, strict=True):
                if name in layer.scaling:
                    layer.scaling[name] = self.inside(weight) * layer.scaling[name]
        try:
            yield
        finally:
            for layer, scaling in zip(layers, kept, strict=True):
                layer.scaling.update(scaling)


class _TextEncoder(_WithAdapters):
    def forward(self, input_ids: torch.Tensor, *weights: torch.Tensor) -> tuple[torch.Tensor, ...]:
        with self.weighted(weights):
            output = self.model(input_ids, output_hidden_states=True)
        hidden = output.hidden_states[-2].float()
        return (hidden, output.text_embeds.float()) if "text_embeds" in output else (hidden,)


class _UNet(_WithAdapters):
    def forward(self, sample: torch.Tensor, timestep: torch.Tensor, encoder_hidden_states: torch.Tensor,
                text_embeds: torch.Tensor, time_ids: torch.Tensor, *weights: torch.Tensor) -> torch.Tensor:
        # text_embeds stays float32: it is joined with the sizes' embedding, which is computed in float32, and ONNX joins like types.
        with self.weighted(weights):
            return self.model(
                self.inside(sample), timestep.expand(sample.shape[0]), self.inside(encoder_hidden_states),
                added_cond_kwargs={"text_embeds": text_embeds, "time_ids": time_ids}, return_dict=False,
            )[0].float()


class _VaeEncoder(_WithAdapters):
    def forward(self, image: torch.Tensor) -> torch.Tensor:
        moments = self.model.encoder(self.inside(image))
        return (moments if self.model.quant_conv is None else self.model.quant_conv(moments)).float()


class _VaeDecoder(_WithAdapters):
    def forward(self, latents: torch.Tensor) -> torch.Tensor:
        return self.model.decode(self.inside(latents), return_dict=False)[0].float()


class _NeverDivides(int):
    """The UNet asks whether 2**levels divides the sides, to size what it upsamples by what it joins: let it always do so."""

    def __rpow__(self, base: Any) -> int:
        return 1 << 30


def _add_adapters(components: Components, adapters: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Loads each file next to the weights; `name`, `path`, `weight_min` and `weight_max` of each."""
    if not adapters:
        return []
    from diffusers import StableDiffusionXLPipeline

    pipeline = StableDiffusionXLPipeline(**{"force_zeros_for_empty_prompt": True, **components}, add_watermarker=False)
    listed = []
    for adapter in adapters:
        path = Path(adapter["path"])
        try:
            pipeline.load_lora_weights(path.parent, weight_name=path.name, adapter_name=adapter["name"], local_files_only=True)
        except (OSError, KeyError, ValueError, RuntimeError) as error:
            raise ExportError(f"the adapter {adapter['name']} ({path.name}) does not fit this model: {error}") from error
        limits = {"weight_min": adapter.get("weight_min", 0), "weight_max": adapter.get("weight_max", 1)}
        listed.append({"name": adapter["name"], **limits, "sha256": sha256_of(path)})
    names = [adapter["name"] for adapter in listed]
    pipeline.set_adapters(names, [1.0] * len(names))
    return listed


def _graphs(components: Components, precision: str, adapters: list[str]) -> Iterator[tuple[str, torch.nn.Module, dict[str, Any]]]:
    """Role, module, and what `export_graph` needs to know about its edges."""
    unet, vae = components["unet"], components["vae"]
    dtype = _dtype(precision)
    # The VAE as published overflows in fp16 and says so.
    vae_dtype = torch.float32 if vae.config.force_upcast else dtype
    tokens = components["tokenizer"].model_max_length
    weights = {f"lora_{name}": (torch.ones(()), {}) for name in adapters}
    for role in ("text_encoder", "text_encoder_2"):
        ids = torch.zeros(1, tokens, dtype=torch.int64)
        outputs = ["hidden"] if role == "text_encoder" else ["hidden", "text_embeds"]
        yield role, _TextEncoder(components[role].to(dtype), adapters), {"inputs": {"input_ids": (ids, {}), **weights}, "outputs": outputs}
    pooled = components["text_encoder_2"].config.projection_dim
    unet.num_upsamplers = _NeverDivides(unet.num_upsamplers)
    yield "unet", _UNet(unet.to(dtype), adapters), {
        "inputs": {
            "sample": (torch.randn(2, unet.config.in_channels, 10, 14), {0: "batch", **_SIZES}),
            "timestep": (torch.ones(1), {}),
            "encoder_hidden_states": (torch.randn(2, tokens, unet.config.cross_attention_dim), {0: "batch"}),
            "text_embeds": (torch.randn(2, pooled), {0: "batch"}),
            "time_ids": (torch.ones(2, 6), {0: "batch"}),
            **weights,
        },
        "outputs": ["noise"],
    }
    scale = 2 ** (len(vae.config.block_out_channels) - 1)
    yield "vae_encoder", _VaeEncoder(vae.to(vae_dtype), []), {
        "inputs": {"image": (torch.randn(1, 3, 10 * scale, 14 * scale), _SIZES)}, "outputs": ["moments"], "multiple": scale,
    }
    yield "vae_decoder", _VaeDecoder(vae, []), {
        "inputs": {"latents": (torch.randn(1, vae.config.latent_channels, 10, 14), _SIZES)}, "outputs": ["image"],
    }


def _memory_bytes(folder: Path, components: Components, precision: str, area: int) -> int:
    """Weights, and the widest layers of decoder and UNet at the largest picture a few times over (not measured)."""
    vae, unet = components["vae"].config, components["unet"].config
    element = 2 if precision == "fp16" else 4
    vae_element = 4 if vae.force_upcast else element
    widest = max(vae.block_out_channels[:2])
    decoder = 4 * area * widest * vae_element
    unet_bytes = 16 * 2 * (area // 64) * max(unet.block_out_channels) * element
    return weight_bytes(folder) + max(decoder, unet_bytes) + 256 * 1024 * 1024


@torch.no_grad()
def export(source: Path | Components, target: Path, *, precision: str, report: Report, vae: Path | None = None,
           loras: list[dict[str, Any]] | None = None, settings: dict[str, Any] | None = None) -> dict[str, Any]:
    """Writes `target/<precision>/<role>.onnx` and the tokenizers, and gives what model.json says about them.

    `source`: a folder as diffusers writes it, or the components by their names there (`scheduler` may be missing).
    `loras`: [{name, path, weight_min, weight_max}]. `settings` replaces entries of the manifest's settings.
    """
    if precision not in PROVIDERS:
        raise ExportError(f"sdxl has no precision {precision}; it has {', '.join(PROVIDERS)}")
    report("reading weights")
    components = dict(source) if isinstance(source, dict) else load(Path(source), vae, _dtype(precision))
    scheduler = components.setdefault("scheduler", None)
    if scheduler is None:
        from diffusers import EulerDiscreteScheduler

        components["scheduler"] = EulerDiscreteScheduler(
            beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", steps_offset=1, timestep_spacing="leading"
        )
    for part in ("text_encoder", "text_encoder_2", "unet", "vae"):
        components[part].eval()
    declared = {**sdxl_settings(components), **(settings or {})}
    listed = _add_adapters(components, loras or [])
    folder = target / precision
    folder.mkdir(parents=True, exist_ok=True)
    graphs = {}
    roles = _graphs(components, precision, [adapter["name"] for adapter in listed])
    for index, (role, module, edges) in enumerate(roles):
        report(f"exporting {role}", index, 5)
        path = folder / f"{role}.onnx"
        export_graph(module, path, **edges)
        if precision == "int8" and not role.startswith("vae_"):
            quantise_linear(path)
        graphs[role] = path.relative_to(target).as_posix()
    assets = {}
    for role in ("tokenizer", "tokenizer_2"):
        components[role].backend_tokenizer.save(str(target / f"{role}.json"))
        assets[role] = f"{role}.json"
    memory = _memory_bytes(folder, components, precision, declared["native_area"])
    variant = {"precision": precision, "graphs": graphs, "memory_bytes": memory}
    return {
        "variants": [{"execution_provider": provider, **variant} for provider in PROVIDERS[precision]],
        "assets": assets,
        "settings": declared,
        "loras": listed,
    }
