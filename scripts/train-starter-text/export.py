"""Writes models/starter-text from a checkpoint, by the exporter of the real models, and what transformers answers greedily."""
import argparse
import json
import shutil
import sys
from pathlib import Path

import torch
from tokenizers import Tokenizer
from transformers import AutoTokenizer

from language_model import build
from train import answer_greedily

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "export"))
from darkroom_export.causal_lm import export  # noqa: E402
from darkroom_export.manifest import write_manifest  # noqa: E402

PLAN = {
    "name": "starter-text",
    "version": "1.0.0",
    "description": "A very small language model, trained from nothing: short English answers, jokes, tiny stories and photo tips; it knows little and makes mistakes.",
    "family": "causal-lm",
    "license": "Apache-2.0 AND LicenseRef-WordNet-3.0",
    "kinds": ["text"],
    "uses_parameters": ["seed", "temperature", "top_p", "max_tokens"],
    "load_time_ms": 500,
    "timeout_s": 60,
}
DOCUMENTS = ["README.md", "LICENSE-WordNet.txt"]
GREEDY = ["Tell me a funny joke", "What is machine learning?", "Hello", "My portrait looks too dark, what should I do?", "Name three fruits",
          "Tell me a short story about a dragon", "Write a poem about the sea", "日本の首都は？", "What is the capital of France?"]


def say(what, done=None, total=None):
    print(what, "" if total is None else f"{done}/{total}", flush=True)


def save_model(checkpoint, tokenizer, folder):
    """A folder as `save_pretrained` writes it: what the exporter takes."""
    model = build(Tokenizer.from_file(str(tokenizer / "tokenizer.json")).get_vocab_size())
    model.load_state_dict(torch.load(checkpoint)["average"])
    model.eval().save_pretrained(folder)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copyfile(tokenizer / name, folder / name)
    return model


def goldens(model, folder):
    tokenizer = AutoTokenizer.from_pretrained(folder)
    cases = []
    for prompt in GREEDY:
        tokens = answer_greedily(model, tokenizer, prompt)
        cases.append({"prompt": prompt, "tokens": tokens, "text": tokenizer.decode(tokens, skip_special_tokens=True)})
    return cases


if __name__ == "__main__":
    args = argparse.ArgumentParser()
    args.add_argument("--checkpoint", type=Path, default=Path("work/checkpoint.pt"))
    args.add_argument("--tokenizer", type=Path, default=Path("work/tokenizer"))
    args.add_argument("--model", type=Path, default=Path("work/model"), help="the folder between both: weights as transformers keeps them")
    args.add_argument("--out", type=Path, default=Path("../../models/starter-text"))
    args.add_argument("--goldens", type=Path, default=Path("../../test/fixtures/golden/starter-text/greedy.json"))
    a = args.parse_args()
    torch.set_num_threads(1)
    model = save_model(a.checkpoint, a.tokenizer, a.model)
    a.out.mkdir(parents=True, exist_ok=True)
    documents = {path: path.read_bytes() for path in map(a.out.joinpath, DOCUMENTS) if path.exists()}
    for path in documents:
        path.unlink()  # the manifest lists what the model is run from
    write_manifest(a.out, PLAN, export(a.model, a.out, precision="fp32", report=say), [], say)
    for path, content in documents.items():
        path.write_bytes(content)
    a.goldens.parent.mkdir(parents=True, exist_ok=True)
    a.goldens.write_text(json.dumps(goldens(model, a.model), ensure_ascii=False, indent=1) + "\n")
