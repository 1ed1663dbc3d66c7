"""A small tokenizer of Mistral's kind: BPE with byte fallback, trained on the sentences below."""

import json
from pathlib import Path

from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, processors, trainers

_SPECIALS = ("<unk>", "<s>", "</s>")
_SENTENCES = """
A photo and a sentence in, an edited photo out. Tell me a funny joke about a darkroom. [INST] [/INST]
What is machine learning? It is how a program learns from examples instead of rules. Why did the picture go to jail?
Because it was framed! Make the orange suit blue, the sky darker, and the house bigger. The quick brown fox jumps over
the lazy dog. She sells sea shells by the sea shore. How many tokens are there in this text? Count them: 1 2 3 4 5 6 7 8 9 0.
Über den Wolken, déjà vu, naïve façade. Light falls through the lens and onto the film; the film waits in the dark.
"""


def make(size: int) -> Tokenizer:
    """`size` entries: the specials, the 256 bytes, and what fits of characters and merges."""
    normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    trained = Tokenizer(models.BPE(unk_token="<unk>"))
    trained.normalizer = normalizer
    others = [*_SPECIALS, *(f"<0x{byte:02X}>" for byte in range(256))]
    words = " ".join(_SENTENCES.split()).split(" ")
    trained.train_from_iterator(words, trainers.BpeTrainer(vocab_size=size - len(others), special_tokens=[], show_progress=False))
    bpe = json.loads(trained.to_str())["model"]
    pieces = sorted(bpe["vocab"], key=bpe["vocab"].get)
    vocabulary = {piece: index for index, piece in enumerate([*others, *pieces])}
    merges = [tuple(merge) for merge in bpe["merges"]]
    tokenizer = Tokenizer(models.BPE(vocabulary, merges, unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    tokenizer.normalizer = normalizer
    tokenizer.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    )
    tokenizer.post_processor = processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 1)])
    tokenizer.add_special_tokens([AddedToken(token, special=True, normalized=False) for token in _SPECIALS])
    return tokenizer


def save(folder: Path, size: int, chat_template: str) -> None:
    make(size).save(str(folder / "tokenizer.json"))
    config = {
        "tokenizer_class": "LlamaTokenizerFast",
        "bos_token": "<s>",
        "eos_token": "</s>",
        "unk_token": "<unk>",
        "add_bos_token": True,
        "add_eos_token": False,
        "clean_up_tokenization_spaces": False,
        "chat_template": chat_template,
    }
    (folder / "tokenizer_config.json").write_text(json.dumps(config, indent=2) + "\n", "utf-8")
