"""The same request under diffusers on the CPU: diffusers_reference.py FOLDER STEPS SIDE THREADS ROUNDS -> median ms of a picture.

FOLDER is a Stable Diffusion XL pipeline as `save_pretrained` writes it: the weights that were exported.
"""
import sys
import time

import torch
from diffusers import StableDiffusionXLPipeline

folder, steps, side, threads, rounds = sys.argv[1], *map(int, sys.argv[2:6])
torch.set_num_threads(threads)
pipeline = StableDiffusionXLPipeline.from_pretrained(folder, torch_dtype=torch.float32)
pipeline.set_progress_bar_config(disable=True)
times = []
for _ in range(rounds + 1):  # the first is the warm-up
    begun = time.perf_counter()
    pipeline("a red house on a green hill", num_inference_steps=steps, height=side, width=side, guidance_scale=7.5, generator=torch.Generator().manual_seed(42))
    times.append((time.perf_counter() - begun) * 1000)
print(sorted(times[1:])[rounds // 2])
