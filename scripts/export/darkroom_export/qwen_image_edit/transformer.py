"""The denoising transformer as a graph.

Two things differ from the module in diffusers, neither in its result: rotary embeddings are real numbers that come in as
tables (complex ones cannot be exported), and there is no mask, because a batch is one job. With `precomputed` the modulation
vectors come in, too: they depend on nothing but the noise level, and the layers that make them are a third of all weights.
"""

from pathlib import Path

import torch
from diffusers.models.transformers import transformer_qwenimage
from diffusers.models.transformers.transformer_qwenimage import QwenImageTransformer2DModel

from .graph import write_graph
from ..lora import AdapterWeights


def rotate(x: torch.Tensor, table: tuple[torch.Tensor, torch.Tensor], use_real: bool = False) -> torch.Tensor:
    """Turns adjacent pairs of the last dimension. x: [1, tokens, heads, size]; cos and sin: [tokens, size / 2]."""
    cos, sin = (part[None, :, None, :] for part in table)
    real, imaginary = x[..., 0::2].float(), x[..., 1::2].float()
    return torch.stack([real * cos - imaginary * sin, real * sin + imaginary * cos], dim=-1).flatten(3).type_as(x)


class Given(torch.nn.Module):
    """Stands where a layer was whose result comes in as an input."""

    def __init__(self, values: dict[int, torch.Tensor], key: int) -> None:
        super().__init__()
        self.values, self.key = values, key

    def forward(self, _: torch.Tensor) -> torch.Tensor:
        return self.values[self.key]


class TransformerGraph(torch.nn.Module):
    """float32 in and out, whatever the weights are."""

    def __init__(self, model: QwenImageTransformer2DModel, weights: AdapterWeights) -> None:
        super().__init__()
        self.model, self.adapter_weights = model, weights

    def forward(self, hidden_states, encoder_hidden_states, timestep, img_cos, img_sin, txt_cos, txt_sin, loras=()):
        temb = self.model.time_text_embed(timestep, self.model.txt_norm.weight)
        return self.denoise(hidden_states, encoder_hidden_states, temb, ((img_cos, img_sin), (txt_cos, txt_sin)), loras)

    def denoise(self, hidden_states, encoder_hidden_states, temb, tables, loras):
        model = self.model
        self.adapter_weights.set(loras)
        dtype = model.txt_norm.weight.dtype
        hidden = model.img_in(hidden_states.to(dtype))
        text = model.txt_in(model.txt_norm(encoder_hidden_states.to(dtype)))
        for block in model.transformer_blocks:
            text, hidden = block(
                hidden_states=hidden, encoder_hidden_states=text, encoder_hidden_states_mask=None, temb=temb, image_rotary_emb=tables
            )
        return model.proj_out(model.norm_out(hidden, temb)).float()


class ModulatedTransformerGraph(TransformerGraph):
    """Takes the rows that `modulation.write_table` wrote, in place of the timestep."""

    def __init__(self, model: QwenImageTransformer2DModel, weights: AdapterWeights) -> None:
        super().__init__(model, weights)
        self.given: dict[int, torch.Tensor] = {}
        for index, block in enumerate(model.transformer_blocks):
            block.img_mod = Given(self.given, 2 * index)
            block.txt_mod = Given(self.given, 2 * index + 1)
        model.norm_out.linear = Given(self.given, -1)

    def forward(self, hidden_states, encoder_hidden_states, modulation, norm_out, img_cos, img_sin, txt_cos, txt_sin, loras=()):
        dtype = self.model.txt_norm.weight.dtype
        for row in range(2 * len(self.model.transformer_blocks)):
            self.given[row] = modulation[row : row + 1].to(dtype)
        self.given[-1] = norm_out.to(dtype)
        # Nobody uses the condition itself; norm_out asks for its type.
        nothing = self.model.txt_norm.weight.new_zeros(1, 1)
        return self.denoise(hidden_states, encoder_hidden_states, nothing, ((img_cos, img_sin), (txt_cos, txt_sin)), loras)


def write_transformer(model: QwenImageTransformer2DModel, path: Path, weights: AdapterWeights, *, precomputed: bool) -> int:
    """Changes `model`: load it again for anything else. Returns the bytes of the weights."""
    config = model.config
    inner = config.num_attention_heads * config.attention_head_dim
    pairs = config.attention_head_dim // 2
    image_tokens, text_tokens = 24, 17
    blocks = len(model.transformer_blocks)
    time = (
        {"modulation": torch.randn(2 * blocks, 6 * inner), "norm_out": torch.randn(1, 2 * inner)}
        if precomputed
        else {"timestep": torch.tensor([0.5])}
    )
    inputs = {
        "hidden_states": torch.randn(1, image_tokens, config.in_channels),
        "encoder_hidden_states": torch.randn(1, text_tokens, config.joint_attention_dim),
        **time,
        **{f"img_{part}": torch.randn(image_tokens, pairs) for part in ("cos", "sin")},
        **{f"txt_{part}": torch.randn(text_tokens, pairs) for part in ("cos", "sin")},
    }
    if weights.names:
        inputs["loras"] = [torch.tensor(0.5) for _ in weights.names]
    image, text = torch.export.Dim("image_tokens", min=2), torch.export.Dim("text_tokens", min=2)
    dynamic = {
        "hidden_states": {1: image},
        "encoder_hidden_states": {1: text},
        **{f"img_{part}": {0: image} for part in ("cos", "sin")},
        **{f"txt_{part}": {0: text} for part in ("cos", "sin")},
    }
    names = [name for name in inputs if name != "loras"] + [f"lora_{name}" for name in weights.names]
    original = transformer_qwenimage.apply_rotary_emb_qwen
    transformer_qwenimage.apply_rotary_emb_qwen = rotate
    try:
        graph = (ModulatedTransformerGraph if precomputed else TransformerGraph)(model, weights)
        return write_graph(graph, inputs, path, output="noise_prediction", dynamic=dynamic, input_names=names)
    finally:
        transformer_qwenimage.apply_rotary_emb_qwen = original
