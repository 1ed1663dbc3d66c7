"""What diffusers makes of the tiny Stable Diffusion XL: each part by itself, then whole pictures, on our noise."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import torch
from diffusers import StableDiffusionXLImg2ImgPipeline, StableDiffusionXLPipeline
from PIL import Image
from tiny.philox import normals
from tiny.sdxl_model import components

PROMPTS = [
    "a photo of the cat",
    "",
    "  A Blue   HOUSE\ton the mountain, it's 2026! ",
    "sunset over the sea 🌅🏔️ 👩‍👩‍👧",
    "山の上の青い家と猫",
    "café CAFÉ naïve, ß ﬁ İstanbul",
    "a photo of <|endoftext|> the dog",
    " ".join(["a painting of an old red house on the mountain"] * 9),
]

#: Drawn pictures. `negative_prompt`: absent, empty, or words.
TEXT_TO_IMAGE: dict[str, dict[str, Any]] = {
    "guided": {"prompt": PROMPTS[0], "seed": 1, "steps": 4, "cfg": 7.5, "width": 64, "height": 64},
    "empty-negative": {"prompt": PROMPTS[0], "negative_prompt": "", "seed": 1, "steps": 4, "cfg": 7.5, "width": 64, "height": 64},
    "negative": {"prompt": PROMPTS[3], "negative_prompt": "blurry, low quality", "seed": 2, "steps": 4, "cfg": 5, "width": 96, "height": 64},
    "unguided": {"prompt": PROMPTS[4], "seed": 3, "steps": 4, "cfg": 1, "width": 64, "height": 96},
    "odd-latents": {"prompt": PROMPTS[2], "seed": 2**32 + 4, "steps": 3, "cfg": 3, "width": 136, "height": 72},
    "one-step": {"prompt": PROMPTS[5], "seed": 5, "steps": 1, "cfg": 7.5, "width": 64, "height": 64},
    "thirty-steps": {"prompt": PROMPTS[7], "negative_prompt": PROMPTS[7], "seed": 6, "steps": 30, "cfg": 7.5, "width": 64, "height": 64},
    "adapter": {"prompt": PROMPTS[0], "seed": 1, "steps": 4, "cfg": 7.5, "width": 64, "height": 64, "loras": [{"name": "tiny_adapter", "weight": 0.7}]},
}

#: Pictures drawn over `input`, a picture of that size.
IMAGE_TO_IMAGE: dict[str, dict[str, Any]] = {
    "half": {"prompt": PROMPTS[0], "seed": 11, "steps": 6, "strength": 0.5, "cfg": 7.5, "input": [64, 64]},
    "whole": {"prompt": PROMPTS[3], "negative_prompt": "", "seed": 12, "steps": 4, "strength": 1, "cfg": 5, "input": [96, 64]},
    "slight": {"prompt": PROMPTS[4], "seed": 13, "steps": 20, "strength": 0.06, "cfg": 1, "input": [64, 72]},
    "resized": {"prompt": PROMPTS[2], "seed": 14, "steps": 10, "strength": 0.3, "cfg": 7.5, "input": [101, 70]},
}

STEPS = [1, 2, 4, 7, 20, 30, 50]


@contextmanager
def noise_of(seed: int) -> Iterator[None]:
    """Lets diffusers draw its noise from our generator, in its own order."""
    calls = count()

    def randn(shape: Any, *_: Any, **__: Any) -> torch.Tensor:
        return torch.from_numpy(normals(int(np.prod(shape)), seed, next(calls))).reshape(tuple(shape))

    pipelines = "diffusers.pipelines.stable_diffusion_xl.pipeline_stable_diffusion_xl"
    with patch(f"{pipelines}.randn_tensor", randn), patch(f"{pipelines}_img2img.randn_tensor", randn), \
            patch("diffusers.models.autoencoders.vae.randn_tensor", randn):
        yield


def picture(width: int, height: int) -> np.ndarray:
    """A gradient with hard edges and a little noise."""
    random = np.random.default_rng(width * 1000 + height)
    y, x = np.mgrid[0:height, 0:width]
    plain = np.stack([x * 255 // width, y * 255 // height, (x // 8 + y // 8) % 2 * 200], axis=-1)
    return np.clip(plain + random.integers(-20, 20, plain.shape), 0, 255).astype(np.uint8)


def drawn(pipeline: Any, case: dict[str, Any]) -> tuple[np.ndarray, np.ndarray]:
    """Latents and pixels of one case; diffusers is run twice, once for each."""
    arguments = {
        "prompt": case["prompt"], "negative_prompt": case.get("negative_prompt"),
        "num_inference_steps": case["steps"], "guidance_scale": case["cfg"],
    }
    if "input" in case:
        arguments |= {"image": Image.fromarray(picture(*case["input"])), "strength": case["strength"]}
    else:
        arguments |= {"width": case["width"], "height": case["height"]}
    outputs = []
    for kind in ("latent", "pil"):
        with noise_of(case["seed"]):
            outputs.append(pipeline(**arguments, output_type=kind).images[0])
    return outputs[0].numpy(), np.asarray(outputs[1])


def tokens(pipeline: Any) -> list[dict[str, Any]]:
    listed = []
    for prompt in PROMPTS:
        case: dict[str, Any] = {"prompt": prompt}
        for name in ("tokenizer", "tokenizer_2"):
            tokenizer = getattr(pipeline, name)
            case[name] = tokenizer(prompt, padding="max_length", max_length=77, truncation=True).input_ids
        whole = pipeline.tokenizer(prompt).input_ids
        case["cut"] = pipeline.tokenizer.decode(whole[76:-1]) if len(whole) > 77 else None
        listed.append(case)
    return listed


def schedules(pipeline: Any) -> list[dict[str, Any]]:
    listed = []
    for steps in STEPS:
        scheduler = type(pipeline.scheduler).from_config(pipeline.scheduler.config)
        scheduler.set_timesteps(steps)
        listed.append({"steps": steps, "timesteps": scheduler.timesteps.tolist(), "sigmas": scheduler.sigmas.tolist(),
                       "initial_scale": float(scheduler.init_noise_sigma)})
    return listed


def strengths(pipeline: Any) -> list[dict[str, Any]]:
    listed = []
    for steps, strength in [(50, 0.3), (20, 0.8), (10, 0.05), (10, 0.1), (7, 1.0), (30, 0.99), (1, 0.5), (1, 1.0), (29, 0.7), (50, 0.58)]:
        pipeline.scheduler.set_timesteps(steps)
        left, kept = pipeline.get_timesteps(steps, strength, "cpu")
        listed.append({"steps": steps, "strength": strength, "timesteps": left.tolist()[:kept]})
    return listed


def parts(pipeline: Any, save: Any) -> None:
    """Each graph's own input and output."""
    for index in (0, 3, 7):
        hidden, _, pooled, _ = pipeline.encode_prompt(PROMPTS[index], do_classifier_free_guidance=False)
        save(f"prompt-{index}-hidden", hidden[0])
        save(f"prompt-{index}-pooled", pooled[0])
    latents = torch.from_numpy(normals(4 * 9 * 17, 21)).reshape(1, 4, 9, 17)
    hidden, _, pooled, _ = pipeline.encode_prompt(PROMPTS[0], do_classifier_free_guidance=False)
    conditions = {"text_embeds": pooled, "time_ids": torch.tensor([[72.0, 136, 0, 0, 72, 136]])}
    save("unet", pipeline.unet(latents, 501.0, encoder_hidden_states=hidden, added_cond_kwargs=conditions).sample[0])
    np.save(save.target / "picture.npy", picture(136, 72))
    image = torch.from_numpy(picture(136, 72)).permute(2, 0, 1)[None] / 255 * 2 - 1
    with noise_of(22):
        save("encoded", pipeline.vae.encode(image).latent_dist.sample(None)[0] * pipeline.vae.config.scaling_factor)
    decoded = pipeline.vae.decode(latents * 5 / pipeline.vae.config.scaling_factor, return_dict=False)[0]
    np.save(save.target / "decoded.npy", np.asarray(pipeline.image_processor.postprocess(decoded, output_type="pil")[0]))


class Save:
    def __init__(self, target: Path) -> None:
        self.target = target

    def __call__(self, name: str, values: torch.Tensor) -> None:
        np.save(self.target / f"{name}.npy", values.detach().numpy().astype(np.float32))


@torch.no_grad()
def write_goldens(target: Path, adapter: dict[str, Any]) -> None:
    target.mkdir(parents=True, exist_ok=True)
    pipelines = [kind(**components(), add_watermarker=False) for kind in (StableDiffusionXLPipeline, StableDiffusionXLImg2ImgPipeline)]
    adapted = StableDiffusionXLPipeline(**components(), add_watermarker=False)
    adapted.load_lora_weights(adapter["path"].parent, weight_name=adapter["path"].name, adapter_name=adapter["name"])
    for pipeline in (*pipelines, adapted):
        pipeline.set_progress_bar_config(disable=True)
    text_to_image, image_to_image = pipelines
    parts(text_to_image, Save(target))
    for name, case in {**TEXT_TO_IMAGE, **IMAGE_TO_IMAGE}.items():
        pipeline = image_to_image if "input" in case else text_to_image
        if "loras" in case:
            pipeline = adapted
            pipeline.set_adapters([lora["name"] for lora in case["loras"]], [lora["weight"] for lora in case["loras"]])
        latents, pixels = drawn(pipeline, case)
        np.save(target / f"{name}-latents.npy", latents)
        np.save(target / f"{name}-pixels.npy", pixels)
        if "input" in case:
            np.save(target / f"{name}-input.npy", picture(*case["input"]))
    facts = {
        "tokens": tokens(text_to_image), "schedules": schedules(text_to_image), "strengths": strengths(image_to_image),
        "text_to_image": TEXT_TO_IMAGE, "image_to_image": IMAGE_TO_IMAGE,
    }
    (target / "cases.json").write_text(json.dumps(facts, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
