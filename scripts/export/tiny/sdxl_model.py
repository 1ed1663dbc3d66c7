"""A Stable Diffusion XL of the real architecture and random weights, a megabyte in all."""

from pathlib import Path
from typing import Any

import torch
from diffusers import AutoencoderKL, EulerDiscreteScheduler, StableDiffusionXLPipeline, UNet2DConditionModel
from peft import LoraConfig, get_peft_model_state_dict
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection, CLIPTokenizer

WORDS = "a photo of the cat dog red blue house on mountain sunset over sea with light blurry low quality painting in an old".split()
BOS, EOS = "<|startoftext|>", "<|endoftext|>"


def _byte_symbols() -> list[str]:
    """GPT-2's printable character for each byte, in CLIP's order: `!` is the first."""
    printable = [*range(ord("!"), ord("~") + 1), *range(0xA1, 0xAC + 1), *range(0xAE, 0xFF + 1)]
    others = [byte for byte in range(256) if byte not in printable]
    return [chr(code) for code in (*printable, *range(256, 256 + len(others)))]


def vocabulary() -> tuple[dict[str, int], list[tuple[str, str]]]:
    """CLIP's scheme: every byte, every byte that ends a word, then what the merges make, the special tokens last."""
    symbols = _byte_symbols()
    tokens = [*symbols, *(f"{symbol}</w>" for symbol in symbols)]
    merges: list[tuple[str, str]] = []
    for word in WORDS:
        pieces = [*word[:-1], f"{word[-1]}</w>"]
        while len(pieces) > 1:
            pair = (pieces[0], pieces[1])
            if pair not in merges:
                merges.append(pair)
                tokens.append("".join(pair))
            pieces[:2] = ["".join(pair)]
    tokens += [BOS, EOS]
    return {token: index for index, token in enumerate(dict.fromkeys(tokens))}, merges


def _text_config(vocabulary_size: int, **more: Any) -> CLIPTextConfig:
    return CLIPTextConfig(
        vocab_size=vocabulary_size, hidden_size=16, intermediate_size=24, num_hidden_layers=3, num_attention_heads=2,
        bos_token_id=vocabulary_size - 2, eos_token_id=vocabulary_size - 1, pad_token_id=1, **more,
    )


def _livelier(module: torch.nn.Module, factor: float) -> None:
    """Random weights as they come give nearly constant outputs, with which a mistake would hide below the tolerance."""
    with torch.no_grad():
        for name, parameter in module.named_parameters():
            if parameter.ndim > 1 and "embedding" not in name.split(".")[-2]:
                parameter.mul_(factor)


def components() -> dict[str, Any]:
    torch.manual_seed(20261121)
    vocab, merges = vocabulary()
    tokenizers = {"tokenizer": CLIPTokenizer(vocab=vocab, merges=merges, model_max_length=77),
                  "tokenizer_2": CLIPTokenizer(vocab=vocab, merges=merges, pad_token="!", model_max_length=77)}
    unet = UNet2DConditionModel(
        sample_size=32, block_out_channels=(8, 16, 16), layers_per_block=1, norm_num_groups=4,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
        attention_head_dim=(2, 2, 4), transformer_layers_per_block=(1, 1, 2), use_linear_projection=True, cross_attention_dim=32,
        addition_embed_type="text_time", addition_time_embed_dim=8, projection_class_embeddings_input_dim=6 * 8 + 16,
    )
    vae = AutoencoderKL(
        block_out_channels=(8, 8, 16, 16), layers_per_block=1, norm_num_groups=4, latent_channels=4, scaling_factor=0.13025,
        down_block_types=("DownEncoderBlock2D",) * 4, up_block_types=("UpDecoderBlock2D",) * 4, force_upcast=False,
    )
    _livelier(unet, 1.5)
    _livelier(vae, 1.5)
    return {
        **tokenizers,
        "text_encoder": CLIPTextModel(_text_config(len(vocab))),
        "text_encoder_2": CLIPTextModelWithProjection(_text_config(len(vocab), hidden_act="gelu", projection_dim=16)),
        "unet": unet,
        "vae": vae,
        "scheduler": EulerDiscreteScheduler(
            beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", steps_offset=1, timestep_spacing="leading"
        ),
    }


def write_adapter(path: Path) -> Path:
    """Low-rank branches of random weights in the UNet's and both text encoders' attention."""
    torch.manual_seed(7)
    parts = components()
    layers = {}
    for part, targets in (("unet", ["to_q", "to_v"]), ("text_encoder", ["q_proj"]), ("text_encoder_2", ["v_proj"])):
        model = parts[part]
        model.add_adapter(LoraConfig(r=2, target_modules=targets, init_lora_weights=False))
        layers[f"{part}_lora_layers"] = get_peft_model_state_dict(model)
    StableDiffusionXLPipeline.save_lora_weights(path.parent, weight_name=path.name, **layers)
    return path
