"""CLIP's kind of tokenizer (byte pairs within words, `</w>` at their ends), with merges learned from the captions."""

import json

import numpy as np
import torch
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, trainers
from transformers import CLIPTokenizer

from captions import caption, unwanted
from nets import CONTEXT
from scene import SIZES, sample_scene

BOS, EOS = "<|startoftext|>", "<|endoftext|>"
SIZE = 1400  # enough that each word of the captions is one token


def _byte_symbols() -> list[str]:
    """A printable character for each byte, as byte-level tokenizers have them."""
    printable = [*range(ord("!"), ord("~") + 1), *range(0xA1, 0xAC + 1), *range(0xAE, 0xFF + 1)]
    others = [byte for byte in range(256) if byte not in printable]
    return [chr(code) for code in (*printable, *range(256, 256 + len(others)))]


def _merges(samples: int) -> list[tuple[str, str]]:
    rng = np.random.default_rng(3)
    texts = [caption(sample_scene(rng, SIZES[0]), rng) + ", " + unwanted(rng) for _ in range(samples)]
    learner = Tokenizer(models.BPE(end_of_word_suffix="</w>"))
    learner.normalizer = normalizers.Lowercase()
    learner.pre_tokenizer = pre_tokenizers.Whitespace()
    learner.train_from_iterator(texts, trainers.BpeTrainer(vocab_size=SIZE, end_of_word_suffix="</w>", show_progress=False))
    return [tuple(merge) for merge in json.loads(learner.to_str())["model"]["merges"]]


def make_tokenizer(samples: int = 6000) -> CLIPTokenizer:
    merges = _merges(samples)
    symbols = _byte_symbols()
    tokens = dict.fromkeys([*symbols, *(symbol + "</w>" for symbol in symbols), *(left + right for left, right in merges), BOS, EOS])
    vocabulary = {token: index for index, token in enumerate(tokens)}
    return CLIPTokenizer(vocab=vocabulary, merges=merges, model_max_length=CONTEXT, bos_token=BOS, eos_token=EOS, unk_token=EOS, pad_token=EOS)


def ids_of(tokenizer: CLIPTokenizer, texts: list[str]) -> torch.Tensor:
    """int64 [B, CONTEXT]"""
    return tokenizer(texts, padding="max_length", truncation=True, max_length=CONTEXT, return_tensors="pt").input_ids
