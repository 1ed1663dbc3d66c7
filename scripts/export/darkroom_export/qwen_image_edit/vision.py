"""The vision tower of Qwen2.5-VL as a graph.

Its windows depend on the pictures' sizes, which tracing cannot follow. So the caller brings the patches in window order with
their rotary tables, and says for each patch in which window and in which picture it is: attention is between equals.
"""

from pathlib import Path

import torch
from torch.nn.functional import scaled_dot_product_attention
from transformers.models.qwen2_5_vl.modeling_qwen2_5_vl import (
    Qwen2_5_VisionTransformerPretrainedModel,
    apply_rotary_pos_emb_vision,
)

from .graph import write_graph


class VisionGraph(torch.nn.Module):
    def __init__(self, model: Qwen2_5_VisionTransformerPretrainedModel) -> None:
        super().__init__()
        self.model = model

    def forward(self, pixel_values, cos, sin, window_ids, image_ids):
        model = self.model
        same_window = window_ids[:, None] == window_ids[None, :]
        same_image = image_ids[:, None] == image_ids[None, :]
        # One frame twice, so that the temporal patch is whole: a convolution whose kernel is the patch is a product.
        kernel = model.patch_embed.proj.weight
        hidden = torch.nn.functional.linear(pixel_values.to(kernel.dtype), kernel.flatten(1))
        for index, block in enumerate(model.blocks):
            mask = same_image if index in model.fullatt_block_indexes else same_window
            hidden = hidden + self._attention(block.attn, block.norm1(hidden), (cos, sin), mask)
            hidden = hidden + block.mlp(block.norm2(hidden))
        return model.merger(hidden).float()

    @staticmethod
    def _attention(attention, hidden, tables, mask):
        tokens = hidden.shape[0]
        query, key, value = attention.qkv(hidden).reshape(tokens, 3, attention.num_heads, -1).permute(1, 0, 2, 3).unbind(0)
        query, key = apply_rotary_pos_emb_vision(query, key, *tables)
        query, key, value = (part.transpose(0, 1).unsqueeze(0) for part in (query, key, value))
        output = scaled_dot_product_attention(query, key, value, attn_mask=mask[None, None], scale=attention.scaling)
        return attention.proj(output.squeeze(0).transpose(0, 1).reshape(tokens, -1))


def write_vision(model: Qwen2_5_VisionTransformerPretrainedModel, path: Path) -> int:
    config = model.config
    unit = config.spatial_merge_size**2
    head = config.hidden_size // config.num_heads
    merged = torch.export.Dim("merged_patches", min=2)
    patches = unit * merged
    count = 6 * unit
    inputs = {
        "pixel_values": torch.randn(count, config.in_channels * config.temporal_patch_size * config.patch_size**2),
        "cos": torch.randn(count, head),
        "sin": torch.randn(count, head),
        "window_ids": torch.arange(count) // (2 * unit),
        "image_ids": torch.arange(count) // (3 * unit),
    }
    return write_graph(VisionGraph(model), inputs, path, output="image_embeds", dynamic={name: {0: patches} for name in inputs})
