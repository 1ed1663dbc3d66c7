"""The language model of Qwen2.5-VL as a graph, from token embeddings to the last hidden state; and the embeddings as a table."""

from pathlib import Path

import torch
from transformers.models.qwen2_5_vl.modeling_qwen2_5_vl import Qwen2_5_VLTextModel

from ..manifest import ExportError
from .graph import write_graph


class TextGraph(torch.nn.Module):
    def __init__(self, model: Qwen2_5_VLTextModel) -> None:
        super().__init__()
        self.model = model

    def forward(self, inputs_embeds, position_ids):
        embeds = inputs_embeds.to(self.model.norm.weight.dtype)
        # No mask at all: attention is then causal by itself, for which there are faster kernels than for any mask.
        masks = {"full_attention": None}
        output = self.model(inputs_embeds=embeds, position_ids=position_ids, attention_mask=masks, use_cache=False)
        return output.last_hidden_state.float()


def write_text_encoder(model: Qwen2_5_VLTextModel, path: Path) -> int:
    if model.has_sliding_layers:
        raise ExportError("This text encoder attends to a sliding window, which the family does not run.")
    tokens = torch.export.Dim("tokens", min=2)
    count = 12
    inputs = {
        "inputs_embeds": torch.randn(1, count, model.config.hidden_size),
        "position_ids": torch.arange(count).expand(3, 1, count).clone(),
    }
    dynamic = {"inputs_embeds": {1: tokens}, "position_ids": {2: tokens}}
    return write_graph(TextGraph(model), inputs, path, output="last_hidden_state", dynamic=dynamic)


def write_token_embeddings(model: Qwen2_5_VLTextModel, path: Path) -> dict:
    """One row a token, little-endian, so that a prompt reads a few hundred rows instead of all."""
    table = model.embed_tokens.weight.detach().contiguous()
    kind = {torch.float32: "float32", torch.bfloat16: "bfloat16"}[table.dtype]
    raw = table.view(torch.int16) if kind == "bfloat16" else table
    path.write_bytes(raw.numpy().tobytes())
    return {"hidden_size": table.shape[1], "vocabulary_size": table.shape[0], "embeddings_type": kind}
