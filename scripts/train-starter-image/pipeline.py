"""The trained parts as diffusers' own pipeline: the reference for the exported graphs.

python pipeline.py --work work --out sheet.png [--steps 20] [--cfg 5] [prompt ...]
"""

import argparse
import sys
from pathlib import Path

import torch
from diffusers import EulerDiscreteScheduler, StableDiffusionXLPipeline
from PIL import Image
from transformers import CLIPTokenizer

from latents import load_vae
from nets import LATENT_CHANNELS, SCHEDULE, make_text_encoder, make_unet

sys.path.append(str(Path(__file__).parents[1] / "export"))
from tiny.philox import normals  # noqa: E402

PROMPTS = (
    "a red house on a green hill at sunset",
    "a blue boat on the sea at night",
    "a black cat in the snow by day",
    "a yellow car in the city in the evening",
    "a pink tree in front of mountains at sunrise",
    "a white lighthouse by the sea at sunset",
    "a purple balloon over the desert on a sunny day",
    "an orange flower in the forest in the morning",
    "a small white house on the left in the mountains by day",
    "mountains at night under a starry sky",
    "a red car in the desert at sunset",
    "a big orange cat on the beach at noon, with clouds",
)


def components(work: Path) -> dict:
    """By the names that the pipeline and the export give them; averaged weights."""
    state = torch.load(work / "unet.pt", weights_only=True)
    tokenizer = CLIPTokenizer.from_pretrained(work / "tokenizer")
    ends = len(tokenizer), tokenizer.bos_token_id, tokenizer.eos_token_id
    encoders = [make_text_encoder(*ends, second=second) for second in (False, True)]
    for encoder, name in zip(encoders, ("first.", "second.")):
        encoder.load_state_dict({key[len(name) :]: value for key, value in state["embedder_average"].items() if key.startswith(name)})
    unet, vae = make_unet(), load_vae(work)
    unet.load_state_dict(state["unet_average"])
    for module in (*encoders, unet, vae):
        for weight in module.parameters():
            weight.data = weight.data.half().float()  # as the files keep them
    return {
        "tokenizer": tokenizer,
        "tokenizer_2": tokenizer,
        "text_encoder": encoders[0].eval(),
        "text_encoder_2": encoders[1].eval(),
        "unet": unet.eval(),
        "vae": vae,
        "scheduler": EulerDiscreteScheduler(**SCHEDULE, steps_offset=1, timestep_spacing="leading"),
    }


def pipeline(work: Path) -> StableDiffusionXLPipeline:
    made = StableDiffusionXLPipeline(**components(work), add_watermarker=False)
    made.set_progress_bar_config(disable=True)
    return made


def picture(made: StableDiffusionXLPipeline, prompt: str, seed: int, steps: int, cfg: float, size: tuple[int, int] = (160, 160)) -> Image.Image:
    """From the same noise as an agent's for this seed."""
    width, height = size
    shape = (1, LATENT_CHANNELS, height // 8, width // 8)
    noise = torch.from_numpy(normals(LATENT_CHANNELS * shape[2] * shape[3], seed)).view(shape)
    return made(prompt, num_inference_steps=steps, guidance_scale=cfg, width=width, height=height, latents=noise).images[0]


def sheet(pictures: list[Image.Image], columns: int) -> Image.Image:
    width, height = (max(side) for side in zip(*(one.size for one in pictures)))
    rows = -(-len(pictures) // columns)
    made = Image.new("RGB", (columns * (width + 4) - 4, rows * (height + 4) - 4), "white")
    for i, one in enumerate(pictures):
        made.paste(one, (i % columns * (width + 4), i // columns * (height + 4)))
    return made


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--cfg", type=float, default=5.0)
    parser.add_argument("prompts", nargs="*", default=PROMPTS)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    made = pipeline(arguments.work)
    sheet([picture(made, prompt, 7, arguments.steps, arguments.cfg) for prompt in arguments.prompts], 6).save(arguments.out)
