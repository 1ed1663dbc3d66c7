"""The jobs that the tests run, and how diffusers is asked to run them."""

from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from diffusers import QwenImageEditPlusPipeline
from diffusers.pipelines.qwenimage import pipeline_qwenimage_edit_plus as reference
from PIL import Image

from .philox import normals

AREAS = {"condition": 112 * 112, "vae": 64 * 64}
#: Name -> (width, height).
PICTURES = {"landscape": (40, 30), "portrait": (22, 46), "square": (36, 36)}

#: `model`: "base" is the plain graph with an adapter beside it, "lightning" the fused one with precomputed modulation.
CASES: list[dict[str, Any]] = [
    {"name": "one", "model": "base", "images": ["landscape"], "prompt": "make the orange suit blue", "steps": 4, "cfg": 1, "seed": 42},
    {"name": "cfg", "model": "base", "images": ["portrait"], "prompt": "Füge 🕶️ sunglasses hinzu 🙂", "steps": 5, "cfg": 4, "seed": 7},
    {"name": "two", "model": "base", "images": ["landscape", "square"], "prompt": "把第一张图的人放进第二张图",
     "negative": "模糊, low quality", "steps": 4, "cfg": 2.5, "seed": 4294967295},
    {"name": "three", "model": "base", "images": ["square", "portrait", "landscape"], "prompt": "Put them all\non a beach",
     "steps": 6, "cfg": 1, "seed": 0},
    {"name": "adapter", "model": "base", "images": ["square"], "prompt": "add freckles", "steps": 4, "cfg": 1, "seed": 3,
     "adapters": {"makeup": 0.7}},
    {"name": "lightning", "model": "lightning", "images": ["landscape"], "prompt": "make it night", "steps": 8, "cfg": 1, "seed": 42},
    {"name": "lightning-cfg", "model": "lightning", "images": ["portrait", "square"], "prompt": "夜にして", "steps": 4, "cfg": 3, "seed": 5},
]


def picture(width: int, height: int) -> np.ndarray:
    """Colour gradients with a few hard-edged shapes."""
    y, x = np.mgrid[0:height, 0:width]
    rgb = np.stack([x * 255 / width, y * 255 / height, 128 + 100 * np.sin(x / 3.0 + y / 5.0)], axis=-1)
    inside = (x - width * 0.6) ** 2 + (y - height * 0.4) ** 2 < (min(width, height) / 4) ** 2
    rgb[inside] = [240, 200, 30]
    rgb[height * 3 // 4 :, : width // 3] = [20, 60, 200]
    return rgb.clip(0, 255).astype(np.uint8)


@contextmanager
def smaller_areas() -> Any:
    """The pipeline's three areas (4 and 1 million pixels would take minutes here), all else as it is."""
    original = reference.calculate_dimensions
    areas = {384 * 384: AREAS["condition"], 1024 * 1024: AREAS["vae"]}
    reference.calculate_dimensions = lambda area, ratio: original(areas[area], ratio)
    try:
        yield
    finally:
        reference.calculate_dimensions = original


def with_three_axes(pipeline: QwenImageEditPlusPipeline) -> None:
    """diffusers 0.42 calls the text encoder without `mm_token_type_ids`, and transformers 5 then counts pictures' tokens as if
    they were words. The models were trained with transformers 4, which found the pictures by itself; so does this."""
    encoder = pipeline.text_encoder
    forward = encoder.forward

    def find_pictures(input_ids=None, **more):
        types = (input_ids == encoder.config.image_token_id).int()
        return forward(input_ids=input_ids, mm_token_type_ids=types, **more)

    encoder.forward = find_pictures


class Recording:
    """What goes through the pipeline's components while it runs."""

    def __init__(self, pipeline: QwenImageEditPlusPipeline) -> None:
        self.positions: list[torch.Tensor] = []
        self.inputs: list[dict[str, torch.Tensor]] = []
        self.vision: list[torch.Tensor] = []
        self.latents: list[torch.Tensor] = []
        self.prompt_embeds: list[torch.Tensor] = []
        self.image_latents: torch.Tensor | None = None
        model = pipeline.text_encoder.model
        self.hooks = [
            model.language_model.register_forward_pre_hook(self._positions, with_kwargs=True),
            model.register_forward_pre_hook(self._inputs, with_kwargs=True),
            model.visual.register_forward_hook(lambda _, __, output: self.vision.append(output.pooler_output)),
        ]
        self.pipeline = pipeline

    def _positions(self, _: Any, __: Any, kwargs: dict[str, Any]) -> None:
        self.positions.append(kwargs["position_ids"])

    def _inputs(self, _: Any, __: Any, kwargs: dict[str, Any]) -> None:
        self.inputs.append({name: kwargs[name] for name in ("input_ids", "pixel_values", "image_grid_thw")})

    @contextmanager
    def listening(self) -> Any:
        encode, prepare = self.pipeline.encode_prompt, self.pipeline.prepare_latents

        def encode_prompt(*args: Any, **kwargs: Any) -> Any:
            result = encode(*args, **kwargs)
            self.prompt_embeds.append(result[0])
            return result

        def prepare_latents(*args: Any, **kwargs: Any) -> Any:
            result = prepare(*args, **kwargs)
            self.image_latents = result[1]
            return result

        self.pipeline.encode_prompt, self.pipeline.prepare_latents = encode_prompt, prepare_latents
        try:
            yield self
        finally:
            del self.pipeline.encode_prompt, self.pipeline.prepare_latents
            for hook in self.hooks:
                hook.remove()


def run(pipeline: QwenImageEditPlusPipeline, case: dict[str, Any], images: dict[str, np.ndarray]) -> tuple[np.ndarray, Recording]:
    """The edited picture (uint8) and what was recorded on the way to it."""
    chosen = [Image.fromarray(images[name]) for name in case["images"]]
    with smaller_areas():
        width, height = reference.calculate_dimensions(1024 * 1024, chosen[-1].width / chosen[-1].height)
        channels, scale = pipeline.latent_channels, pipeline.vae_scale_factor
        noise = torch.from_numpy(normals(channels * (height // scale) * (width // scale), case["seed"]))
        noise = noise.reshape(1, 1, channels, height // scale, width // scale)
        packed = pipeline._pack_latents(noise, 1, channels, height // scale, width // scale)
        with Recording(pipeline).listening() as recording:
            output = pipeline(
                image=chosen,
                prompt=case["prompt"],
                negative_prompt=case.get("negative", " "),
                true_cfg_scale=float(case["cfg"]),
                num_inference_steps=case["steps"],
                latents=packed,
                output_type="np",
                callback_on_step_end=lambda _, __, ___, now: recording.latents.append(now["latents"]) or now,
            )
    return (output.images[0] * 255).round().astype(np.uint8), recording
