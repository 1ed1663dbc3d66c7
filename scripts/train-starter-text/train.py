"""Trains the language model on conversations that are made as it goes; it never sees the same stream twice."""
import argparse
import copy
import json
import math
import random
import time
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from tokenizers import Tokenizer

from conversation.sample import conversation
from language_model import CONTEXT, build
from tokenizer import render

BOS, EOS, END_OF_QUESTION = 1, 2, "▁[/INST]"


def encode(tokenizer, turns):
    """-> token ids and, for each, whether it belongs to the last answer (its closing </s> included)."""
    ids = [BOS] + tokenizer.encode(render(turns), add_special_tokens=False).ids
    start = len(ids) - ids[::-1].index(tokenizer.token_to_id(END_OF_QUESTION))
    return ids, [place >= start for place in range(len(ids))]


def batches(tokenizer, rng, tokens):
    """Conversations of like length side by side, so that little is padded and none sees another."""
    while True:
        pool = sorted((encode(tokenizer, conversation(rng)) for _ in range(3000)), key=lambda one: len(one[0]))
        made, at = [], 0
        while at < len(pool):
            count = 1
            while at + count < len(pool) and (count + 1) * len(pool[at + count][0]) <= tokens:
                count += 1
            made.append(pool[at:at + count])
            at += count
        rng.shuffle(made)
        yield from (stack(rows) for rows in made)


def stack(rows):
    width = min(CONTEXT, max(len(ids) for ids, _ in rows))
    ids, answers = np.full((len(rows), width), EOS), np.full((len(rows), width), -1)
    for row, (tokens, answer) in enumerate(rows):
        length = min(width, len(tokens))
        ids[row, :length], answers[row, :length] = tokens[:length], answer[:length]
    return torch.from_numpy(ids), torch.from_numpy(answers)


def loss_of(net, batch, question_weight=0.1):
    """Mean cross entropy: of answers, and of questions with a small weight. -> (loss to train, loss of answers)"""
    ids, answers = batch
    hidden = net.model(input_ids=ids[:, :-1], use_cache=False).last_hidden_state
    known = answers[:, 1:] >= 0
    logits = net.lm_head(hidden[known]).float()
    each = F.cross_entropy(logits, ids[:, 1:][known], reduction="none")
    answer = answers[:, 1:][known].float()
    weight = answer + question_weight * (1 - answer)
    return (each * weight).sum() / weight.sum(), ((each * answer).sum() / answer.sum()).item()


def optimisers(net):
    """Muon for the matrices of the layers, AdamW for norms and embeddings. Muon learns more from a token."""
    inner = [p for name, p in net.named_parameters() if p.ndim == 2 and ".layers." in name]
    known = {id(p) for p in inner}
    rest = [p for p in net.parameters() if id(p) not in known]
    return [
        torch.optim.Muon(inner, lr=1, weight_decay=0.02, momentum=0.95, adjust_lr_fn="match_rms_adamw"),
        torch.optim.AdamW(rest, lr=1, weight_decay=0.01, betas=(0.9, 0.98), fused=True),
    ]


def rate_at(step, done, peak):
    """Warm-up of 100 steps, flat for a fifth of the time, then a half cosine down to 1 %."""
    down = max(0.0, (done - 0.2) / 0.8)
    return peak * min(1, (step + 1) / 100) * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * min(1, down))))


class Run:
    """Weights, their average, optimisers and how far the training is: what a checkpoint keeps."""

    def __init__(self, vocabulary):
        self.net = build(vocabulary)
        self.average = copy.deepcopy(self.net)
        self.parts = optimisers(self.net)
        self.step = self.tokens = 0
        self.seconds = 0.0

    def save(self, path):
        state = {"net": self.net.state_dict(), "average": self.average.state_dict(), "parts": [p.state_dict() for p in self.parts]}
        torch.save(state | {"step": self.step, "tokens": self.tokens, "seconds": self.seconds}, path.with_suffix(".new"))
        path.with_suffix(".new").replace(path)

    def load(self, path):
        state = torch.load(path)
        self.net.load_state_dict(state["net"])
        self.average.load_state_dict(state["average"])
        for part, saved in zip(self.parts, state["parts"]):
            part.load_state_dict(saved)
        self.step, self.tokens, self.seconds = state["step"], state["tokens"], state["seconds"]


@torch.no_grad()
def held_out(net, tokenizer, count=64):
    """Cross entropy of answers, in nats a token, over conversations of a seed that training does not use."""
    rng, losses = random.Random(77_777), []
    for batch, _ in zip(batches(tokenizer, rng, 4096), range(count)):
        losses.append(loss_of(net, batch)[1])
    return float(np.mean(losses))


@torch.no_grad()
def answer_greedily(net, tokenizer, prompt, limit=200):
    """Token ids of transformers' greedy answer. `tokenizer`: transformers' own, with the chat template."""
    rendered = tokenizer.apply_chat_template([{"role": "user", "content": prompt}], tokenize=False)
    ids = torch.tensor([tokenizer(rendered, add_special_tokens=False)["input_ids"]])
    return net.generate(ids, max_new_tokens=limit, do_sample=False, pad_token_id=0)[0, ids.shape[1]:].tolist()


def train(a):
    torch.set_num_threads(1)
    torch.manual_seed(a.seed)
    tokenizer = Tokenizer.from_file(str(a.tokenizer / "tokenizer.json"))
    run = Run(tokenizer.get_vocab_size())
    if a.out.exists() and not a.fresh:
        run.load(a.out)
    rng = random.Random(a.seed + run.step)
    fast = copy.deepcopy(run.net).bfloat16()  # steps run in bfloat16, weights are kept in float32
    weights, copies = list(run.net.parameters()), list(fast.parameters())
    print("parameters", sum(p.numel() for p in weights), "from step", run.step, flush=True)
    before, begun, total, seen = run.seconds, time.monotonic(), 0.0, 0
    saved = begun
    for batch in batches(tokenizer, rng, a.batch):
        run.seconds = before + time.monotonic() - begun
        done = run.seconds / (60 * a.minutes)
        if done >= 1:
            break
        with torch.no_grad():
            torch._foreach_copy_(copies, weights)
        loss, answer = loss_of(fast, batch)
        fast.zero_grad(set_to_none=True)
        loss.backward()
        for weight, other in zip(weights, copies):
            weight.grad = other.grad.float()
        torch.nn.utils.clip_grad_norm_(weights, 1.0)
        rate = rate_at(run.step, done, a.peak)
        for part in run.parts:
            part.param_groups[0]["lr"] = rate
            part.step()
        run.step, run.tokens, total, seen = run.step + 1, run.tokens + batch[0].numel(), total + answer, seen + 1
        with torch.no_grad():
            torch._foreach_lerp_(list(run.average.parameters()), weights, 1 - min(0.998, (1 + run.step) / (10 + run.step)))
        if run.step % 50 == 0:
            line = {"seconds": round(run.seconds), "step": run.step, "tokens": run.tokens, "rate": float(f"{rate:.3g}"),
                "answer_loss": round(total / seen, 4)}
            if run.step % 500 == 0:
                line["held_out_loss"] = round(held_out(run.average, tokenizer, 16), 4)
            with a.curve.open("a") as curve:
                curve.write(json.dumps(line) + "\n")
            print(line, flush=True)
            total = seen = 0
        if time.monotonic() - saved > 120:
            run.save(a.out)
            saved = time.monotonic()
    run.save(a.out)
    print("steps", run.step, "tokens", run.tokens, "held-out loss", held_out(run.average, tokenizer), flush=True)


if __name__ == "__main__":
    args = argparse.ArgumentParser()
    args.add_argument("--minutes", type=float, default=53)
    args.add_argument("--tokenizer", type=Path, default=Path("work/tokenizer"))
    args.add_argument("--out", type=Path, default=Path("work/checkpoint.pt"))
    args.add_argument("--curve", type=Path, default=Path("work/curve.jsonl"))
    args.add_argument("--seed", type=int, default=1)
    args.add_argument("--peak", type=float, default=3e-3)
    args.add_argument("--batch", type=int, default=2048, help="tokens a step")
    args.add_argument("--fresh", action="store_true", help="start from nothing although the checkpoint exists")
    train(args.parse_args())
