"""Trains the autoencoder on the drawn pictures: crops first, whole pictures in the last third.

python train_vae.py --work work --minutes 15      (goes on from work/vae.pt when it is there)
"""

import argparse
import copy
import time
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional as F

from nets import make_vae
from optimiser import optimisers, rate_at

CROP, BATCH, WHOLE_BATCH, WHOLE_FROM = 64, 16, 4, 0.75
KL = 1e-3
SAVE_S = 120


def batch_of(pictures: list[np.ndarray], whole: bool, rng: np.random.Generator) -> torch.Tensor:
    """float [B, 3, H, W] in -1..1"""
    group = pictures[int(rng.choice(len(pictures), p=(0.5, 0.25, 0.25)))]
    parts = []
    for index in rng.integers(len(group), size=WHOLE_BATCH if whole else BATCH):
        picture = group[index]
        if not whole:
            y, x = (int(rng.integers(side - CROP + 1)) for side in picture.shape[:2])
            picture = picture[y : y + CROP, x : x + CROP]
        parts.append(picture[:, ::-1] if rng.random() < 0.5 else picture)
    return torch.from_numpy(np.stack(parts)).permute(0, 3, 1, 2).float() / 127.5 - 1


def difference(y: torch.Tensor, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Of pixels, of coarse colours and of edges (neighbouring pixels, at two scales); and of pixels alone."""
    error = y - x
    pixels = error.abs().mean()
    edges = sum(part.diff(dim=axis).abs().mean() for part in (error, F.avg_pool2d(error, 2)) for axis in (2, 3))
    return pixels + 0.5 * edges + 0.5 * F.avg_pool2d(error, 4).abs().mean() + 0.5 * error.square().mean(), pixels.detach()


def loss_of(vae, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """The difference, and the pull of latents to the unit normal."""
    with torch.autocast("cpu", torch.bfloat16):
        posterior = vae.encode(x).latent_dist
        y = vae.decode(posterior.sample()).sample
    loss, pixels = difference(y.float(), x)
    mean, logvar = posterior.mean.float(), posterior.logvar.float()
    return loss + KL * 0.5 * (mean.square() + logvar.exp() - 1 - logvar).mean(), pixels


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--minutes", type=float, default=15, help="of the clock, shared machine or not")
    parser.add_argument("--peak", type=float, default=3e-3)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(1)
    rng = np.random.default_rng(2)
    pictures = [np.load(arguments.work / f"pictures-{i}.npy", mmap_mode="r") for i in range(3)]
    vae, file = make_vae(), arguments.work / "vae.pt"
    state = torch.load(file, weights_only=True) if file.exists() else {"elapsed": 0.0, "step": 0}
    if "weights" in state:
        vae.load_state_dict(state["weights"])
    average = copy.deepcopy(vae)
    if "average" in state:
        average.load_state_dict(state["average"])
    print("parameters", sum(p.numel() for p in vae.parameters()), flush=True)
    steppers = optimisers([vae], ("conv_in", "conv_out", "quant_conv"))
    begun, step, total, saved = time.monotonic() - state["elapsed"], state["step"], 0.0, time.monotonic()
    while (done := (time.monotonic() - begun) / (60 * arguments.minutes)) < 1:
        loss, pixels = loss_of(vae, batch_of(pictures, done > WHOLE_FROM, rng))
        for stepper in steppers:
            stepper.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(vae.parameters(), 1.0)
        for stepper in steppers:
            stepper.param_groups[0]["lr"] = rate_at(done, step, arguments.peak)
            stepper.step()
        step, total = step + 1, total + pixels.item()
        with torch.no_grad():
            torch._foreach_lerp_(list(average.parameters()), list(vae.parameters()), 1 - min(0.99, (1 + step) / (10 + step)))
        if step % 25 == 0:
            print(f"{time.monotonic() - begun:6.0f} s step {step} L1 {total / 25:.4f}", flush=True)
            total = 0.0
        if time.monotonic() - saved > SAVE_S:
            save(file, vae, average, time.monotonic() - begun, step)
            saved = time.monotonic()
    save(file, vae, average, 60 * arguments.minutes, step)


def save(file: Path, vae, average, elapsed: float, step: int) -> None:
    part = file.with_suffix(".part")
    torch.save({"weights": vae.state_dict(), "average": average.state_dict(), "elapsed": elapsed, "step": step}, part)
    part.replace(file)


if __name__ == "__main__":
    main()
