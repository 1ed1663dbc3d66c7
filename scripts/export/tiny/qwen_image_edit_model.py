"""A FireRed-Image-Edit of a megabyte: the same classes, random weights, small sizes; saved as the real one is published."""

import math
import tempfile
from pathlib import Path

import torch
from diffusers import AutoencoderKLQwenImage, FlowMatchEulerDiscreteScheduler, QwenImageEditPlusPipeline, QwenImageTransformer2DModel
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers, Regex
from transformers import Qwen2_5_VLConfig, Qwen2_5_VLForConditionalGeneration, Qwen2Tokenizer, Qwen2VLProcessor
from transformers.models.qwen2.tokenization_qwen2 import PRETOKENIZE_REGEX
from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import Qwen2VLImageProcessorPil

HIDDEN = 32
VOCABULARY = 420
SPECIAL_TOKENS = [
    "<|endoftext|>",
    "<|im_start|>",
    "<|im_end|>",
    "<|vision_start|>",
    "<|vision_end|>",
    "<|image_pad|>",
    "<|video_pad|>",
]


def randomise(model: torch.nn.Module, seed: int, gain: float = 1.0) -> torch.nn.Module:
    """Weights that keep the size of what goes through them, so that no part of the architecture is too quiet to be heard."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in sorted(model.named_parameters()):
            noise = torch.randn(parameter.shape, generator=generator)
            if "norm_q" in name or "norm_k" in name or "norm_added" in name:
                parameter.copy_(2 + 0.2 * noise)
            elif name.endswith("bias"):
                parameter.copy_(0.1 * noise)
            elif "embed_tokens" in name:
                parameter.copy_(noise)
            elif "norm" in name and parameter.dim() == 1 or "gamma" in name or "ln_q" in name:
                parameter.copy_(1 + 0.1 * noise)
            else:
                parameter.copy_(gain * noise / math.sqrt(parameter[0].numel()))
    return model.eval()


def make_tokenizer(texts: list[str]) -> Qwen2Tokenizer:
    """Byte-level BPE with Qwen's splitting and special tokens; merges learnt from a few sentences."""
    trained = Tokenizer(models.BPE())
    trained.normalizer = normalizers.NFC()
    split = pre_tokenizers.Split(Regex(PRETOKENIZE_REGEX), behavior="isolated", invert=False)
    trained.pre_tokenizer = pre_tokenizers.Sequence([split, pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
    trained.decoder = decoders.ByteLevel()
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY - len(SPECIAL_TOKENS), initial_alphabet=alphabet, special_tokens=[], show_progress=False
    )
    trained.train_from_iterator(texts, trainer)
    with tempfile.TemporaryDirectory() as scratch:
        vocabulary, merges = trained.model.save(scratch)
        tokenizer = Qwen2Tokenizer(vocab=vocabulary, merges=merges, model_max_length=1024)
    tokenizer.add_special_tokens({"extra_special_tokens": SPECIAL_TOKENS[1:]})
    return tokenizer


def make_text_encoder(tokenizer: Qwen2Tokenizer) -> Qwen2_5_VLForConditionalGeneration:
    id_of = tokenizer.convert_tokens_to_ids
    config = Qwen2_5_VLConfig(
        text_config={
            "hidden_size": HIDDEN,
            "intermediate_size": 48,
            "num_hidden_layers": 2,
            "num_attention_heads": 2,
            "num_key_value_heads": 1,
            "vocab_size": len(tokenizer),
            "rms_norm_eps": 1e-6,
            "rope_parameters": {"rope_type": "default", "rope_theta": 1000000.0, "mrope_section": [2, 3, 3]},
            "bos_token_id": id_of("<|endoftext|>"),
            "eos_token_id": id_of("<|im_end|>"),
        },
        vision_config={
            "depth": 2,
            "hidden_size": HIDDEN // 2,
            "intermediate_size": 24,
            "num_heads": 2,
            "patch_size": 14,
            "window_size": 56,
            "fullatt_block_indexes": [1],
            "out_hidden_size": HIDDEN,
        },
        image_token_id=id_of("<|image_pad|>"),
        video_token_id=id_of("<|video_pad|>"),
        vision_start_token_id=id_of("<|vision_start|>"),
        vision_end_token_id=id_of("<|vision_end|>"),
    )
    return randomise(Qwen2_5_VLForConditionalGeneration(config), 1)


class PictureProcessor(Qwen2VLProcessor):
    """Without its part for films, which needs torchvision."""

    def check_argument_for_proper_class(self, argument_name: str, argument: object) -> type:
        return type(argument)


def make_pipeline(tokenizer: Qwen2Tokenizer) -> QwenImageEditPlusPipeline:
    transformer = QwenImageTransformer2DModel(
        num_layers=2,
        attention_head_dim=16,
        num_attention_heads=2,
        joint_attention_dim=HIDDEN,
        axes_dims_rope=(4, 6, 6),
    )
    vae = AutoencoderKLQwenImage(base_dim=4, num_res_blocks=1)
    scheduler = FlowMatchEulerDiscreteScheduler(
        use_dynamic_shifting=True,
        base_image_seq_len=256,
        max_image_seq_len=8192,
        base_shift=0.5,
        max_shift=0.9,
        shift_terminal=0.02,
        time_shift_type="exponential",
    )
    image_processor = Qwen2VLImageProcessorPil()
    pipeline = QwenImageEditPlusPipeline(
        scheduler=scheduler,
        vae=randomise(vae, 2),
        text_encoder=make_text_encoder(tokenizer),
        tokenizer=tokenizer,
        processor=PictureProcessor(image_processor=image_processor, tokenizer=tokenizer, video_processor=None),
        transformer=randomise(transformer, 3),
    )
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def save(pipeline: QwenImageEditPlusPipeline, folder: Path) -> None:
    """As the published folders are laid out."""
    for name in ("transformer", "vae", "text_encoder", "tokenizer", "scheduler"):
        getattr(pipeline, name).save_pretrained(folder / name)
    pipeline.processor.image_processor.save_pretrained(folder / "processor")
