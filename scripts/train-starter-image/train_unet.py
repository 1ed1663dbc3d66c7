"""Trains the UNet and both text encoders together on the latents and freshly worded captions.

python train_unet.py --work work --minutes 45      (goes on from work/unet.pt when it is there)
"""

import argparse
import copy
import pickle
import time
from pathlib import Path

import numpy as np
import torch

from captions import caption, unwanted
from latents import encoded
from nets import LATENT_STD, make_text_encoder, make_unet, plain_attention
from optimiser import optimisers, rate_at
from scene import SIZES, Scene, held_out
from tokenizer import ids_of, make_tokenizer

BATCH = 32
NO_CAPTION, UNWANTED = 0.10, 0.04  # shares of captions: zeros; words of negative prompts
PURE_NOISE_FROM, PURE_NOISE = 850, 0.3  # sampling begins with noise alone, so a share of the noisiest inputs is that
SAVE_S = 120
OUTER = ("conv_in", "conv_out", "embedding", "time_emb_proj", "proj.weight")


class Embedder(torch.nn.Module):
    """Both text encoders, read as the pipeline does: states before the last layer side by side, and the pooled one."""

    def __init__(self, tokenizer):
        super().__init__()
        ends = tokenizer.bos_token_id, tokenizer.eos_token_id
        self.first = make_text_encoder(len(tokenizer), *ends, second=False)
        self.second = make_text_encoder(len(tokenizer), *ends, second=True)

    def forward(self, ids):
        first, second = self.first(ids, output_hidden_states=True), self.second(ids, output_hidden_states=True)
        return torch.cat([first.hidden_states[-2], second.hidden_states[-2]], -1), second.text_embeds


def time_ids(size: tuple[int, int], count: int, rng: np.random.Generator) -> torch.Tensor:
    """Any size of this shape: what the size says is no news to the net, and it shall not mind."""
    factor = np.where(rng.random(count) < 0.5, 1.0, rng.uniform(1, 9.6, count))[:, None]
    height_width = np.asarray(size[::-1])[None] * factor
    return torch.from_numpy(np.concatenate([height_width, np.zeros((count, 2)), height_width], 1)).float()


def taught(scene: Scene) -> bool:
    """One thing at most, and no style: what a short training can learn well. Some combinations stay unseen."""
    return len(scene.things) <= 1 and not scene.style and not held_out(scene)


class Batches:
    def __init__(self, work: Path, tokenizer, seed: int):
        scenes = pickle.loads((work / "scenes.pkl").read_bytes())
        used = [[i for i, scene in enumerate(group) if taught(scene)] for group in scenes]
        self.groups = [latents[some] for latents, some in zip(encoded(work), used)]
        self.scenes = [[group[i] for i in some] for group, some in zip(scenes, used)]
        self.tokenizer, self.rng = tokenizer, np.random.default_rng(seed)

    def next(self):
        rng = self.rng
        group = int(rng.choice(3, p=(0.76, 0.12, 0.12)))
        chosen = rng.integers(len(self.scenes[group]), size=BATCH)
        mean, logvar = torch.from_numpy(self.groups[group][chosen]).float().chunk(2, 1)
        latents = (mean + torch.randn_like(mean) * (0.5 * logvar).exp()) * LATENT_STD
        texts = [unwanted(rng) if rng.random() < UNWANTED else caption(self.scenes[group][i], rng) for i in chosen]
        shown = torch.from_numpy(rng.random(BATCH) >= NO_CAPTION).float()
        return latents, ids_of(self.tokenizer, texts), shown, time_ids(SIZES[group], BATCH, rng)


def loss_of(unet, embedder, batch):
    """Squared error of the implied picture, weighed so that every noise level counts alike. Also each sample's own, and its step."""
    latents, ids, shown, sizes = batch
    steps = (999 * torch.rand(len(latents)) ** 0.8).round().long()
    sigma = unet.sigmas[steps].view(-1, 1, 1, 1)
    noise = torch.randn_like(latents)
    pure = ((steps >= PURE_NOISE_FROM) & (torch.rand(len(steps)) < PURE_NOISE)).view(-1, 1, 1, 1)
    scaled = torch.where(pure, noise, (latents + sigma * noise) / (sigma**2 + 1).sqrt())
    with torch.autocast("cpu", torch.bfloat16):
        hidden, pooled = embedder(ids)
        hidden, pooled = hidden * shown[:, None, None], pooled * shown[:, None]
        predicted = unet(scaled, steps, hidden, added_cond_kwargs={"text_embeds": pooled, "time_ids": sizes}).sample
    picture = scaled * (sigma**2 + 1).sqrt() - sigma * predicted.float()
    weight = (sigma**2 + LATENT_STD**2) / (sigma * LATENT_STD) ** 2
    each = ((picture - latents) ** 2 * weight).mean((1, 2, 3))
    return each.mean(), each.detach(), steps


def save(file: Path, parts: dict, elapsed: float, step: int) -> None:
    part = file.with_suffix(".part")
    torch.save({**{name: module.state_dict() for name, module in parts.items()}, "elapsed": elapsed, "step": step}, part)
    part.replace(file)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--minutes", type=float, default=45, help="of the clock, shared machine or not")
    parser.add_argument("--peak", type=float, default=2e-3)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(11)
    tokenizer = make_tokenizer()
    tokenizer.save_pretrained(arguments.work / "tokenizer")
    unet, embedder = make_unet(), Embedder(tokenizer)
    plain_attention(unet)
    averages = copy.deepcopy(unet), copy.deepcopy(embedder)
    parts = {"unet": unet, "embedder": embedder, "unet_average": averages[0], "embedder_average": averages[1]}
    file = arguments.work / "unet.pt"
    state = torch.load(file, weights_only=True) if file.exists() else {"elapsed": 0.0, "step": 0}
    for name, module in parts.items():
        if name in state:
            module.load_state_dict(state[name])
    live, kept = [list(unet.parameters()) + list(embedder.parameters()), list(averages[0].parameters()) + list(averages[1].parameters())]
    print("parameters", sum(p.numel() for p in live), flush=True)
    batches = Batches(arguments.work, tokenizer, 12 + state["step"])
    steppers = optimisers([unet, embedder], OUTER)
    begun, step, saved = time.monotonic() - state["elapsed"], state["step"], time.monotonic()
    losses, levels = [], []
    while (done := (time.monotonic() - begun) / (60 * arguments.minutes)) < 1:
        loss, each, steps = loss_of(unet, embedder, batches.next())
        for stepper in steppers:
            stepper.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(live, 1.0)
        for stepper in steppers:
            stepper.param_groups[0]["lr"] = rate_at(done, step, arguments.peak)
            stepper.step()
        step += 1
        with torch.no_grad():
            torch._foreach_lerp_(kept, live, 1 - min(0.995, (1 + step) / (10 + step)))
        losses.append(each)
        levels.append(steps)
        if step % 25 == 0:
            each, steps = torch.cat(losses), torch.cat(levels)
            thirds = " ".join(f"{each[(steps >= low) & (steps < low + 250)].mean():.3f}" for low in (0, 250, 500, 750))
            print(f"{time.monotonic() - begun:6.0f} s step {step} loss by quarters of the noise levels {thirds}", flush=True)
            losses, levels = [], []
        if time.monotonic() - saved > SAVE_S:
            save(file, parts, time.monotonic() - begun, step)
            saved = time.monotonic()
    save(file, parts, 60 * arguments.minutes, step)


if __name__ == "__main__":
    main()
