"""Muon for the matrices and convolutions inside the nets, AdamW for the rest; both in one list."""

import torch
from torch import nn


def orthogonal(matrix: torch.Tensor) -> torch.Tensor:
    """The nearest matrix with singular values near 1, by five steps of Newton-Schulz."""
    x = matrix.bfloat16()
    tall = x.shape[0] > x.shape[1]
    x = x.T if tall else x
    x = x / (x.norm() + 1e-7)
    for _ in range(5):
        square = x @ x.T
        x = 3.4445 * x + (-4.7750 * square + 2.0315 * square @ square) @ x
    return (x.T if tall else x).float()


class Muon(torch.optim.Optimizer):
    """Steps as large as AdamW's of the same rate. A convolution is a matrix from inputs times taps to outputs."""

    def __init__(self, parameters, lr: float = 1e-3, momentum: float = 0.95, weight_decay: float = 0.02):
        super().__init__(parameters, {"lr": lr, "momentum": momentum, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self) -> None:
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is None:
                    continue
                state = self.state[p]
                average = state.setdefault("momentum", torch.zeros_like(p))
                average.lerp_(p.grad, 1 - group["momentum"])
                matrix = p.grad.lerp(average, group["momentum"]).flatten(1)
                update = orthogonal(matrix) * (0.2 * max(matrix.shape) ** 0.5)
                p.mul_(1 - group["lr"] * group["weight_decay"]).add_(update.view_as(p), alpha=-group["lr"])


def optimisers(modules: list[nn.Module], outer: tuple[str, ...]) -> list[torch.optim.Optimizer]:
    """`outer`: parts of names of parameters that stay with AdamW (first and last layers, embeddings)."""
    inner, rest = [], []
    for module in modules:
        for name, p in module.named_parameters():
            if p.requires_grad:
                (inner if p.ndim >= 2 and not any(part in name for part in outer) else rest).append(p)
    return [Muon(inner), torch.optim.AdamW(rest, weight_decay=0.0, betas=(0.9, 0.98), fused=True)]


def rate_at(done: float, step: int, peak: float) -> float:
    """Warm-up, flat for a third of the time, then straight down to a fiftieth."""
    return peak * min(1, (step + 1) / 20) * (0.02 + 0.98 * min(1, (1 - done) / 0.67))
