"""The autoencoder as two graphs of 2-D convolutions.

It is made for films: its convolutions look back in time, over zeros where nothing was before. A single frame therefore meets
only the last slice of each kernel, and the temporal resampling is left out, exactly.
"""

import types
from pathlib import Path

import torch
from diffusers import AutoencoderKLQwenImage
from diffusers.models.autoencoders.autoencoder_kl_qwenimage import (
    QwenImageAttentionBlock,
    QwenImageCausalConv3d,
    QwenImageResample,
    QwenImageRMS_norm,
    QwenImageUpsample,
)
from torch.nn.functional import scaled_dot_product_attention

from .graph import write_graph


def _conv_2d(conv: QwenImageCausalConv3d) -> torch.nn.Conv2d:
    left, _, top, _, _, _ = conv._padding
    flat = torch.nn.Conv2d(conv.in_channels, conv.out_channels, conv.kernel_size[1:], conv.stride[1:], (top, left))
    flat.weight = torch.nn.Parameter(conv.weight[:, :, -1].detach().clone())
    flat.bias = torch.nn.Parameter(conv.bias.detach().clone())
    return flat


def _attention(self: QwenImageAttentionBlock, x: torch.Tensor) -> torch.Tensor:
    channels, height, width = x.shape[1:]
    qkv = self.to_qkv(self.norm(x)).flatten(2).transpose(1, 2)
    query, key, value = (part[:, None] for part in qkv.chunk(3, dim=-1))
    mixed = scaled_dot_product_attention(query, key, value)[:, 0]
    return x + self.proj(mixed.transpose(1, 2).reshape(1, channels, height, width))


def _resample(self: QwenImageResample, x: torch.Tensor, *_: object) -> torch.Tensor:
    return self.resample(x)


def flatten_time(module: torch.nn.Module) -> torch.nn.Module:
    """Changes encoder or decoder in place, so that it takes [1, channels, height, width]."""
    for child in list(module.modules()):
        for name, layer in list(child.named_children()):
            if isinstance(layer, QwenImageCausalConv3d):
                setattr(child, name, _conv_2d(layer))
            elif isinstance(layer, QwenImageUpsample):
                # Doubling by "nearest-exact" is the same, and is exported as gathering pixel by pixel.
                setattr(child, name, torch.nn.Upsample(scale_factor=2, mode="nearest"))
        if isinstance(child, QwenImageRMS_norm):
            child.gamma = torch.nn.Parameter(child.gamma.detach().reshape(-1, 1, 1))
        elif isinstance(child, QwenImageAttentionBlock):
            child.forward = types.MethodType(_attention, child)
        elif isinstance(child, QwenImageResample):
            child.forward = types.MethodType(_resample, child)
    return module


class EncoderGraph(torch.nn.Module):
    """Picture in [-1, 1] to the mode of its latents: the first half of the channels."""

    def __init__(self, vae: AutoencoderKLQwenImage) -> None:
        super().__init__()
        self.encoder, self.quant_conv, self.channels = flatten_time(vae.encoder), _conv_2d(vae.quant_conv), vae.config.z_dim

    def forward(self, sample):
        encoded = self.quant_conv(self.encoder(sample.to(self.quant_conv.weight.dtype)))
        return encoded[:, : self.channels].float()


class DecoderGraph(torch.nn.Module):
    """Latents to a picture, clamped to [-1, 1]."""

    def __init__(self, vae: AutoencoderKLQwenImage) -> None:
        super().__init__()
        self.decoder, self.post_quant_conv = flatten_time(vae.decoder), _conv_2d(vae.post_quant_conv)

    def forward(self, latents):
        decoded = self.decoder(self.post_quant_conv(latents.to(self.post_quant_conv.weight.dtype)))
        return decoded.clamp(-1, 1).float()


def write_vae(vae: AutoencoderKLQwenImage, folder: Path) -> dict[str, int]:
    scale = 2 ** len(vae.temperal_downsample)
    height, width = torch.export.Dim("latent_height", min=2), torch.export.Dim("latent_width", min=2)
    encoder = write_graph(
        EncoderGraph(vae),
        {"sample": torch.randn(1, 3, 6 * scale, 4 * scale)},
        folder / "vae_encoder.onnx",
        output="latents",
        dynamic={"sample": {2: scale * height, 3: scale * width}},
    )
    decoder = write_graph(
        DecoderGraph(vae),
        {"latents": torch.randn(1, vae.config.z_dim, 6, 4)},
        folder / "vae_decoder.onnx",
        output="sample",
        dynamic={"latents": {2: height, 3: width}},
    )
    return {"vae_encoder": encoder, "vae_decoder": decoder}
