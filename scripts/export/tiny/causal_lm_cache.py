"""`python scripts/export/tiny/causal_lm_cache.py FOLDER`: for bench/kv-cache.ts, a model with the key/value cache of Mistral-7B
(32 layers, 8 heads of 128) and next to nothing else, so that what a run takes is what its cache takes."""

import shutil
import sys
import tempfile
from pathlib import Path

import torch
from transformers import MistralConfig, MistralForCausalLM

sys.path.insert(0, str(Path(__file__).parents[1]))

import causal_lm_tokenizer as tiny_tokenizer
from darkroom_export.causal_lm import MISTRAL_TEMPLATE, export
from darkroom_export.progress import report


def main(target: Path) -> None:
    torch.manual_seed(0)
    config = MistralConfig(
        vocab_size=480, hidden_size=64, intermediate_size=64, num_hidden_layers=32, num_attention_heads=8, num_key_value_heads=8, head_dim=128,
        max_position_embeddings=4096, sliding_window=4096,
    )
    shutil.rmtree(target, ignore_errors=True)
    with tempfile.TemporaryDirectory() as temporary:
        MistralForCausalLM(config).save_pretrained(temporary)
        tiny_tokenizer.save(Path(temporary), config.vocab_size, MISTRAL_TEMPLATE)
        for precision in ("fp16", "fp32"):
            export(Path(temporary), target, precision=precision, report=report, roles=("generate", "decoder"))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
