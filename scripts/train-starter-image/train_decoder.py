"""Goes on with the decoder alone, on the latents that the UNet learned from: sharper pictures, the same latents.

python train_decoder.py --work work --minutes 10      (changes work/vae-normal.pt)
"""

import argparse
import copy
import time
from pathlib import Path

import numpy as np
import torch

from latents import encoded, load_vae
from optimiser import optimisers, rate_at
from train_vae import difference

CROP, BATCH, WHOLE_BATCH, WHOLE_FROM = 8, 16, 3, 0.5  # in cells of the latents
UNSURE = 0.2  # noise on the latents: the UNet's are never exact
SAVE_S = 120


def batch_of(latents, pictures, whole: bool, rng: np.random.Generator) -> tuple[torch.Tensor, torch.Tensor]:
    group = int(rng.choice(3, p=(0.56, 0.22, 0.22)))
    moments, targets = [], []
    for index in rng.integers(len(latents[group]), size=WHOLE_BATCH if whole else BATCH):
        z, picture = latents[group][index], pictures[group][index]
        if not whole:
            y, x = (int(rng.integers(side - CROP + 1)) for side in z.shape[1:])
            z, picture = z[:, y : y + CROP, x : x + CROP], picture[8 * y : 8 * (y + CROP), 8 * x : 8 * (x + CROP)]
        moments.append(z)
        targets.append(picture)
    mean, logvar = torch.from_numpy(np.stack(moments)).float().chunk(2, 1)
    z = mean + torch.randn_like(mean) * ((0.5 * logvar).exp() + UNSURE)
    return z, torch.from_numpy(np.stack(targets)).permute(0, 3, 1, 2).float() / 127.5 - 1


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--minutes", type=float, default=10, help="of the clock, shared machine or not")
    parser.add_argument("--peak", type=float, default=1.5e-3)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    rng = np.random.default_rng(int(time.time()))
    latents = encoded(arguments.work)
    pictures = [np.load(arguments.work / f"pictures-{i}.npy", mmap_mode="r") for i in range(3)]
    average = load_vae(arguments.work)
    vae = copy.deepcopy(average)
    live = [*vae.decoder.parameters(), *vae.post_quant_conv.parameters()]
    kept = [*average.decoder.parameters(), *average.post_quant_conv.parameters()]
    steppers = optimisers([vae.decoder, vae.post_quant_conv], ("conv_in", "conv_out"))
    begun = saved = time.monotonic()
    step, total = 0, 0.0
    while (done := (time.monotonic() - begun) / (60 * arguments.minutes)) < 1:
        z, x = batch_of(latents, pictures, done > WHOLE_FROM, rng)
        with torch.autocast("cpu", torch.bfloat16):
            y = vae.decode(z).sample
        loss, pixels = difference(y.float(), x)
        for stepper in steppers:
            stepper.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(live, 1.0)
        for stepper in steppers:
            stepper.param_groups[0]["lr"] = rate_at(done, step, arguments.peak)
            stepper.step()
        step, total = step + 1, total + pixels.item()
        with torch.no_grad():
            torch._foreach_lerp_(kept, live, 1 - min(0.99, (1 + step) / (10 + step)))
        if step % 25 == 0:
            print(f"{time.monotonic() - begun:6.0f} s step {step} L1 {total / 25:.4f}", flush=True)
            total = 0.0
        if time.monotonic() - saved > SAVE_S:
            save(arguments.work, average)
            saved = time.monotonic()
    save(arguments.work, average)


def save(work: Path, vae) -> None:
    part = work / "vae-normal.part"
    torch.save(vae.state_dict(), part)
    part.replace(work / "vae-normal.pt")


if __name__ == "__main__":
    main()
