"""`python scripts/export/tiny/causal_lm.py`: a Mistral with random weights for the tests, and what transformers says of it.

Writes test/fixtures/models/tiny-causal-lm (by the exporter of the real models) and test/fixtures/golden/causal-lm. Where
onnxruntime-genai==0.18.0 is installed, its builder's graph of the same weights is written, too; else that one stays as it is.
"""

import importlib.util
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import torch
from transformers import AutoTokenizer, MistralConfig, MistralForCausalLM, TemperatureLogitsWarper, TopPLogitsWarper

sys.path.insert(0, str(Path(__file__).parents[1]))

import causal_lm_tokenizer as tiny_tokenizer
from darkroom_export.causal_lm import MISTRAL_TEMPLATE, export
from darkroom_export.manifest import write_manifest

_FIXTURES = Path(__file__).parents[3] / "test" / "fixtures"
_VOCABULARY = 480
_CONTEXT = 256
_NEW_TOKENS = 48
_END_WEIGHT = 1.6
"""Makes the end likelier than one of 480, so that some prompts reach it."""

_PROMPTS = [
    "Tell me a funny joke",
    "What is machine learning?",
    "a",
    "  two  spaces, a tab\t and\nlines\n\n",
    "Mach den Himmel blauer, größer & schöner – naïve façade",
    "把天空变成紫色，然后加上一只猫",
    "夜空に花火を追加してください。日本語とEnglishの混在",
    "하늘을 더 어둡게",
    "emoji 😀 family 👨‍👩‍👧‍👦 flag 🇩🇪 heart ❤️ end",
    "अंतरिक्ष یہ متن עברית",
    "[INST] nested [/INST] </s> <s> <0x41> <unk>",
    "How many tokens are there in this text? " * 4,
]
_LONG = "The quick brown fox jumps over the lazy dog. 🦊 " * 6
_ODDS = [(1.0, 1.0), (0.7, 0.95), (2.0, 0.5), (0.1, 0.95), (1.5, 0.9), (0.7, 0.01)]


def _quiet(what: str, done: float | None = None, total: float | None = None) -> None:
    pass


def make_source(folder: Path) -> MistralForCausalLM:
    torch.manual_seed(20)
    config = MistralConfig(
        vocab_size=_VOCABULARY, hidden_size=64, intermediate_size=96, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2,
        max_position_embeddings=1024, sliding_window=_CONTEXT, rms_norm_eps=1e-5, bos_token_id=1, eos_token_id=2, initializer_range=0.25,
    )
    model = MistralForCausalLM(config).eval()
    with torch.no_grad():
        model.lm_head.weight[2] *= _END_WEIGHT
    model.save_pretrained(folder)
    tiny_tokenizer.save(folder, _VOCABULARY, MISTRAL_TEMPLATE)
    return model


def _ids_of(tokenizer: AutoTokenizer, prompt: str) -> tuple[str, list[int]]:
    rendered = tokenizer.apply_chat_template([{"role": "user", "content": prompt}], tokenize=False)
    return rendered, tokenizer(rendered, add_special_tokens=False)["input_ids"]


def _token_goldens(tokenizer: AutoTokenizer) -> list[dict[str, object]]:
    cases = []
    for prompt in [*_PROMPTS, _LONG]:
        rendered, ids = _ids_of(tokenizer, prompt)
        plain = tokenizer(prompt, add_special_tokens=False)["input_ids"]
        cases.append({"prompt": prompt, "rendered": rendered, "ids": ids, "plain": plain, "decoded": tokenizer.decode(plain, skip_special_tokens=True)})
    return cases


def _greedy(model: MistralForCausalLM, ids: list[int]) -> list[int]:
    with torch.no_grad():
        prompt = torch.tensor([ids])
        # Without a mask transformers would take an <unk> of the prompt for padding.
        made = model.generate(prompt, attention_mask=torch.ones_like(prompt), max_new_tokens=_NEW_TOKENS, do_sample=False, pad_token_id=0)
    return made[0, len(ids):].tolist()


def _odds_goldens(scores: torch.Tensor) -> list[dict[str, object]]:
    """What transformers samples from: the probabilities of the tokens that are left, by id."""
    cases = []
    for temperature, top_p in _ODDS:
        left = TopPLogitsWarper(top_p)(None, TemperatureLogitsWarper(temperature)(None, scores[None]))[0]
        odds = torch.softmax(left.double(), -1)
        kept = torch.nonzero(odds).flatten()
        cases.append({"temperature": temperature, "top_p": top_p, "ids": kept.tolist(), "odds": [round(one, 9) for one in odds[kept].tolist()]})
    return cases


def write_goldens(folder: Path, source: Path, model: MistralForCausalLM) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer = AutoTokenizer.from_pretrained(source)
    cases = _token_goldens(tokenizer)
    greedy, logits = [], []
    for case in cases:
        tokens = _greedy(model, case["ids"])
        greedy.append({"prompt": case["prompt"], "tokens": tokens, "text": tokenizer.decode(tokens, skip_special_tokens=True)})
        with torch.no_grad():
            every = model(torch.tensor([[*case["ids"], *tokens]])).logits[0]
        # After the prompt, after one token, and at the end of what was written.
        logits.append(torch.stack([every[len(case["ids"]) - 1], every[len(case["ids"])], every[-1]]).numpy())
    np.save(folder / "logits.npy", np.stack(logits).astype(np.float32))
    document = {"tokens": cases, "greedy": greedy, "odds": _odds_goldens(torch.from_numpy(logits[0][0]))}
    (folder / "golden.json").write_text(json.dumps(document, ensure_ascii=False, indent=1) + "\n", "utf-8")


def build_elsewhere(source: Path, target: Path) -> None:
    """The graph of onnxruntime-genai's builder, whose names `decoder` has."""
    if importlib.util.find_spec("onnxruntime_genai") is None:
        return
    with tempfile.TemporaryDirectory() as temporary:
        builder = [sys.executable, "-m", "onnxruntime_genai.models.builder"]
        subprocess.run([*builder, "-i", source, "-o", temporary, "-p", "fp32", "-e", "cpu", "-c", temporary], check=True)
        target.mkdir(parents=True, exist_ok=True)
        for path in Path(temporary).glob("model.onnx*"):
            shutil.copyfile(path, target / path.name)


def main() -> None:
    torch.set_num_threads(1)
    target = _FIXTURES / "models" / "tiny-causal-lm"
    for precision in ("fp32", "fp16"):
        shutil.rmtree(target / precision, ignore_errors=True)
    target.mkdir(parents=True, exist_ok=True)
    plan = {
        "name": "tiny-causal-lm",
        "version": "1.0.0",
        "description": "A Mistral of two layers with random weights, for tests. It writes nonsense.",
        "family": "causal-lm",
        "license": "Apache-2.0",
        "kinds": ["text"],
        "uses_parameters": ["max_tokens", "temperature", "top_p", "seed"],
        "load_time_ms": 100,
        "timeout_s": 60,
    }
    with tempfile.TemporaryDirectory() as temporary:
        source = Path(temporary)
        model = make_source(source)
        exported = export(source, target, precision="fp32", report=_quiet, roles=("generate", "decoder"))
        exported["variants"] += export(source, target, precision="fp16", report=_quiet)["variants"]
        build_elsewhere(source, target / "builder")
        write_goldens(_FIXTURES / "golden" / "causal-lm", source, model)
    write_manifest(target, plan, exported, [], _quiet)


if __name__ == "__main__":
    main()
