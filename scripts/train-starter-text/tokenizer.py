"""A byte-pair tokenizer laid out as Mistral's: spaces become ▁, one more goes in front, unknown characters fall back to bytes."""
import argparse
import json
import random
from pathlib import Path

from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

from conversation.sample import conversation

SPECIALS = ["<unk>", "<s>", "</s>"]
BYTES = [f"<0x{value:02X}>" for value in range(256)]
# Merges stay inside a word, a digit or a mark, so that the tokenizer needs no pre-tokenizer once it is trained, as Mistral's has none.
PIECE = Regex(r"▁?\[/?INST\]|▁?[A-Za-z]+|▁?[0-9]|▁?[^A-Za-z0-9▁]|▁")
# The template of Mistral-7B-Instruct-v0.1: a space after the end of an answer; no role but user and assistant.
CHAT_TEMPLATE = (
    "{{ bos_token }}{% for message in messages %}{% if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}"
    "{{ raise_exception('Conversation roles must alternate user/assistant/user/assistant/...') }}{% endif %}"
    "{% if message['role'] == 'user' %}{{ '[INST] ' + message['content'] + ' [/INST]' }}"
    "{% elif message['role'] == 'assistant' %}{{ message['content'] + eos_token + ' ' }}"
    "{% else %}{{ raise_exception('Only user and assistant roles are supported!') }}{% endif %}{% endfor %}"
)


def render(turns):
    """[(question, answer), …] -> the text of the chat template but for <s>. The last answer has a space in front, as the model writes it."""
    earlier = "".join(f"[INST] {asked} [/INST]{answer}</s> " for asked, answer in turns[:-1])
    return f"{earlier}[INST] {turns[-1][0]} [/INST] {turns[-1][1]}</s>"


def train(corpus, size):
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>", byte_fallback=True, fuse_unk=True))
    tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    tokenizer.pre_tokenizer = pre_tokenizers.Split(PIECE, "isolated")
    tokenizer.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    )
    trainer = trainers.BpeTrainer(
        vocab_size=size - len(BYTES), special_tokens=SPECIALS, show_progress=False, initial_alphabet=["▁", *map(chr, range(33, 127))],
        min_frequency=2,
    )
    tokenizer.train_from_iterator(corpus, trainer)
    return with_bytes(tokenizer)


def with_bytes(tokenizer):
    """Puts the 256 byte tokens behind the special ones, where Mistral has them."""
    layout = json.loads(tokenizer.to_str())
    words = sorted(layout["model"]["vocab"], key=layout["model"]["vocab"].get)
    words = SPECIALS + BYTES + [word for word in words if word not in SPECIALS]
    layout["model"]["vocab"] = {word: place for place, word in enumerate(words)}
    layout["pre_tokenizer"] = None
    tokenizer = Tokenizer.from_str(json.dumps(layout))
    tokenizer.post_processor = processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 1)])
    return tokenizer


def save(tokenizer, folder, context):
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer.save(str(folder / "tokenizer.json"))
    config = {
        "tokenizer_class": "PreTrainedTokenizerFast", "bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>",
        "add_bos_token": True, "add_eos_token": False, "clean_up_tokenization_spaces": False, "model_max_length": context,
        "chat_template": CHAT_TEMPLATE,
    }
    (folder / "tokenizer_config.json").write_text(json.dumps(config, indent=2) + "\n")


if __name__ == "__main__":
    args = argparse.ArgumentParser()
    args.add_argument("--out", type=Path, default=Path("work/tokenizer"))
    args.add_argument("--size", type=int, default=2048)
    args.add_argument("--samples", type=int, default=60_000)
    args.add_argument("--context", type=int, default=512)
    a = args.parse_args()
    rng = random.Random(11)
    tokenizer = train((render(conversation(rng)).replace("</s>", " ").replace("\n", " ") for _ in range(a.samples)), a.size)
    save(tokenizer, a.out, a.context)
    print("vocabulary", tokenizer.get_vocab_size())
