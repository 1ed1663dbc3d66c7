"""Latents of the drawn pictures, encoded once: `latents-<i>.npy`, float16 [N, 2 C, h, w] (mean, then log of the variance)."""

from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderKL

from nets import LATENT_STD, make_vae

BATCH = 32


@torch.no_grad()
def _moments(vae: AutoencoderKL, pictures: np.ndarray) -> torch.Tensor:
    x = torch.from_numpy(np.ascontiguousarray(pictures)).permute(0, 3, 1, 2).float() / 127.5 - 1
    with torch.autocast("cpu", torch.bfloat16):
        posterior = vae.encode(x).latent_dist
    return posterior.parameters.float()


@torch.no_grad()
def normalise(vae: AutoencoderKL, pictures: np.ndarray) -> None:
    """Changes the 1x1 convolutions beside the latents so that each channel has mean 0 and variance 1; decoded pictures stay the same."""
    mean = _moments(vae, pictures).chunk(2, 1)[0]
    shift, scale = mean.mean((0, 2, 3)), mean.std((0, 2, 3))
    channels = len(shift)
    before, after = vae.quant_conv, vae.post_quant_conv
    after.bias += (after.weight[..., 0, 0] @ shift)
    after.weight *= scale[None, :, None, None]
    before.bias[:channels] = (before.bias[:channels] - shift) / scale
    before.weight[:channels] /= scale[:, None, None, None]
    before.bias[channels:] -= 2 * scale.log()


def load_vae(work: Path, pictures: np.ndarray | None = None) -> AutoencoderKL:
    """The trained autoencoder with normalised latents; `pictures` (a sample) only where they were not normalised before."""
    vae = make_vae()
    file = work / "vae-normal.pt"
    if file.exists():
        vae.load_state_dict(torch.load(file, weights_only=True))
    else:
        vae.load_state_dict(torch.load(work / "vae.pt", weights_only=True)["average"])
        normalise(vae, pictures)
        torch.save(vae.state_dict(), file)
    vae.register_to_config(scaling_factor=LATENT_STD)
    return vae.eval()


def encoded(work: Path) -> list[np.ndarray]:
    """For each size the moments of all its pictures; made at the first call."""
    groups = []
    vae = None
    for i in range(3):
        file = work / f"latents-{i}.npy"
        if not file.exists():
            pictures = np.load(work / f"pictures-{i}.npy", mmap_mode="r")
            vae = vae or load_vae(work, pictures[:256])
            parts = [_moments(vae, pictures[at : at + BATCH]).half().numpy() for at in range(0, len(pictures), BATCH)]
            np.save(file, np.concatenate(parts))
            print("encoded", len(pictures), flush=True)
        groups.append(np.load(file))
    return groups
