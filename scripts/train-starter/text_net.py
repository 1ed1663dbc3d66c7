"""The text net: the bytes of the words in, the edit programme out. Trained from scratch on the grammar alone.

    python text_net.py --minutes 60 --out work/text.pt

Minutes are processor time, so a starved or paused training goes as far as an undisturbed one.
"""
import argparse
import copy
import math
import random
import re
import time

import numpy as np
import torch
from torch import nn
import torch.nn.functional as F

import programme as P
from grammar.sample import sample

# Marks are tokens too: they part two edits ("darker; sky bluer"), name a target ("sky: darker") and carry a sign ("exposure -1").
TOKEN = re.compile(r"[a-z0-9']+|->|[.,;:]+|[&+%>=/?]|-(?![a-z])")
PLAIN = str.maketrans({"\u2019": "'", "\u2018": "'", "\u2192": "->", "\u2013": "-", "\u2014": "-", "\n": ";"})


def tokens(text):
    words = TOKEN.findall(text.lower().translate(PLAIN))[:P.WORDS] or ["?"]
    return [w.encode()[:P.BYTES].ljust(P.BYTES, b"\0") for w in words]


class Attention(nn.Module):
    def __init__(self, dim, heads):
        super().__init__()
        self.heads, self.q, self.kv, self.out = heads, nn.Linear(dim, dim), nn.Linear(dim, 2 * dim), nn.Linear(dim, dim)

    def forward(self, x, memory, mask):
        b, n, d = x.shape
        m, h = memory.shape[1], self.heads
        q = self.q(x).reshape(b, n, h, d // h).transpose(1, 2)
        k, v = self.kv(memory).reshape(b, m, 2, h, d // h).permute(2, 0, 3, 1, 4).unbind(0)
        scores = q @ k.transpose(2, 3) / math.sqrt(d // h)
        if mask is not None:
            scores = scores.masked_fill(mask[:, None, None, :], -1e4)
        return self.out((scores.softmax(-1) @ v).transpose(1, 2).reshape(b, n, d))


class Layer(nn.Module):
    def __init__(self, dim, heads):
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(dim), nn.LayerNorm(dim)
        self.attention = Attention(dim, heads)
        self.mlp = nn.Sequential(nn.Linear(dim, 2 * dim), nn.GELU(), nn.Linear(2 * dim, dim))

    def forward(self, x, mask, memory=None):
        y = self.norm1(x)
        x = x + self.attention(y, y if memory is None else memory, mask)
        return x + self.mlp(self.norm2(x))


class TextNet(nn.Module):
    """Words by byte convolutions, a small transformer over them, and one query for each head that reads them."""

    def __init__(self, dim=152, heads=4):
        super().__init__()
        self.byte = nn.Embedding(128, 32)
        self.byte_place = nn.Parameter(torch.randn(P.BYTES, 32) * 0.02)
        self.conv3, self.conv5 = nn.Conv1d(32, 96, 3, padding=1), nn.Conv1d(32, 128, 5, padding=2)
        self.word = nn.Linear(224, dim)
        self.place = nn.Parameter(torch.randn(P.WORDS, dim) * 0.02)
        self.encoder = nn.ModuleList([Layer(dim, heads) for _ in range(3)])
        self.norm = nn.LayerNorm(dim)
        n = len(P.HEADS)
        self.queries = nn.Parameter(torch.randn(n + 3, dim) * 0.5)
        self.decoder = nn.ModuleList([Layer(dim, heads) for _ in range(2)])
        self.final = nn.LayerNorm(dim)
        self.out = 1 + 1 + len(P.DEGREES) + len(P.REGIONS)  # gate, direction, degree, region
        self.kind_head = nn.Parameter(torch.randn(n, dim, self.out) * 0.05)
        self.kind_bias = nn.Parameter(torch.zeros(n, self.out))
        self.tint, self.target, self.source = nn.Linear(dim, len(P.COLOURS)), nn.Linear(dim, len(P.COLOURS)), nn.Linear(dim, len(P.SOURCES))

    def spell(self, bytes_):
        """[unique, 16] byte values -> [unique, dim] word vectors."""
        x = (self.byte(bytes_) + self.byte_place).transpose(1, 2)
        return self.word(torch.cat([F.relu(self.conv3(x)).amax(2), F.relu(self.conv5(x)).amax(2)], 1))

    def read(self, words, mask):
        """[batch, words, dim] -> kind logits [batch, heads, out], tint, target, source logits."""
        x = words + self.place[: words.shape[1]]
        for layer in self.encoder:
            x = layer(x, mask)
        x = self.norm(x)
        q = self.queries.expand(x.shape[0], -1, -1)
        for layer in self.decoder:
            q = layer(q, mask, x)
        q = self.final(q)
        n = len(P.HEADS)
        kinds = torch.einsum("bnd,ndo->bno", q[:, :n], self.kind_head) + self.kind_bias
        return kinds, self.tint(q[:, n]), self.target(q[:, n + 1]), self.source(q[:, n + 2])

    def forward(self, tokens):
        """One instruction, [words, 16] int64: the form that is exported."""
        return self.read(self.spell(tokens)[None], None)


# --- batches -----------------------------------------------------------------------------------------------------------

def targets(edits):
    n = len(P.HEADS)
    gate, direction, degree, region = np.zeros(n, np.float32), np.zeros(n, np.float32), np.zeros(n, np.int64), np.zeros(n, np.int64)
    tint = target = source = -1
    for e in edits:
        k = P.HEADS.index(e["kind"])
        gate[k], direction[k] = 1, 1 if e.get("direction") == "up" else 0
        degree[k], region[k] = P.DEGREES.index(e.get("degree", "plain")), P.REGIONS.index(e.get("region", "all"))
        if e["kind"] == "tint":
            tint = P.COLOURS.index(e["target"])
        if e["kind"] == "recolour":
            target, source = P.COLOURS.index(e["target"]), P.SOURCES.index(e["source"])
    return gate, direction, degree, region, (tint, target, source)


def batches(rng, size, group=8):
    """Endless batches of samples of like length; each word is spelt once a batch."""
    while True:
        pool = []
        for _ in range(size * group):
            text, edits = sample(rng)
            pool.append((tokens(text), edits))
        pool.sort(key=lambda item: len(item[0]))
        chunks = [pool[i:i + size] for i in range(0, len(pool), size)]
        rng.shuffle(chunks)
        for chunk in chunks:
            longest, index, table = len(chunk[-1][0]), {}, []
            ids = np.zeros((size, longest), np.int64)
            mask = np.ones((size, longest), bool)
            for row, (words, _) in enumerate(chunk):
                for column, word in enumerate(words):
                    if word not in index:
                        index[word] = len(table)
                        table.append(word)
                    ids[row, column] = index[word]
                mask[row, : len(words)] = False
            spelt = np.frombuffer(b"".join(table), np.uint8).reshape(-1, P.BYTES).astype(np.int64)
            gate, direction, degree, region, colours = map(np.stack, zip(*[targets(e) for _, e in chunk]))
            yield tuple(torch.from_numpy(a) for a in (spelt, ids, mask, gate, direction, degree, region, colours))


def run(net, batch):
    spelt, ids, mask = batch[:3]
    words = F.embedding(ids, net.spell(spelt))
    return net.read(words, mask)


def loss_of(out, batch):
    kinds, tint, target, source = out
    gate, direction, degree, region, colours = batch[3:]
    on = gate > 0.5
    nd, ndir = len(P.DEGREES), len(P.DIRECTIONAL)
    loss = 20 * F.binary_cross_entropy_with_logits(kinds[..., 0], gate)
    picked, on_dir = kinds[on], on[:, :ndir]
    if on.any():
        loss = loss + 0.7 * F.cross_entropy(picked[:, 2:2 + nd], degree[on]) + F.cross_entropy(picked[:, 2 + nd:], region[on])
    if on_dir.any():
        loss = loss + F.binary_cross_entropy_with_logits(kinds[:, :ndir, 1][on_dir], direction[:, :ndir][on_dir])
    for logits, column in ((tint, 0), (target, 1), (source, 2)):
        chosen = colours[:, column] >= 0
        if chosen.any():
            loss = loss + 0.7 * F.cross_entropy(logits[chosen], colours[chosen, column])
    return loss


def decode(out, row=0):
    """Logits -> the same list of edits as the labels use."""
    kinds, tint, target, source = out
    nd, edits = len(P.DEGREES), []
    for k, name in enumerate(P.HEADS):
        x = kinds[row, k]
        if torch.sigmoid(x[0]) <= 0.5:
            continue
        edit = {"kind": name}
        if name in P.DIRECTIONAL:
            edit["direction"] = "up" if x[1] > 0 else "down"
        degree, region = P.DEGREES[int(x[2:2 + nd].argmax())], P.REGIONS[int(x[2 + nd:].argmax())]
        if degree != "plain":
            edit["degree"] = degree
        if region != "all" and name != "recolour":
            edit["region"] = region
        if name == "tint":
            edit["target"] = P.COLOURS[int(tint[row].argmax())]
        if name == "recolour":
            edit["target"], edit["source"] = P.COLOURS[int(target[row].argmax())], P.SOURCES[int(source[row].argmax())]
        edits.append(edit)
    return edits


def programme_of(edits, degree=True):
    keys = ("kind", "direction", "region", "source", "target") + (("degree",) if degree else ())
    return sorted(str([(k, e.get(k)) for k in keys]) for e in edits)


@torch.no_grad()
def check(net, rng, count=1500):
    net.eval()
    exact = loose = 0
    for _ in range(count):
        text, edits = sample(rng)
        spelt = torch.from_numpy(np.frombuffer(b"".join(tokens(text)), np.uint8).reshape(-1, P.BYTES).astype(np.int64))
        got = decode(net(spelt))
        exact += programme_of(got) == programme_of(edits)
        loose += sorted(e["kind"] for e in got) == sorted(e["kind"] for e in edits)
    return loose / count, exact / count


def warm(net, path):
    """Loads weights; a place table that was shorter keeps the new rows as they are."""
    state = torch.load(path)
    place = net.state_dict()["place"].clone()
    place[: len(state["place"])] = state["place"]
    net.load_state_dict(dict(state, place=place))


def optimisers(net, muon):
    """Muon for the matrices of the layers, AdamW for the rest. Muon learns more from an instruction and costs an eighth of a step."""
    inner = [p for name, p in net.named_parameters() if p.ndim == 2 and name.startswith(("encoder", "decoder", "word."))] if muon else []
    known = {id(p) for p in inner}
    rest = [p for p in net.parameters() if id(p) not in known]
    adam = torch.optim.AdamW(rest, lr=1, weight_decay=0.02, betas=(0.9, 0.98), fused=True)
    return [torch.optim.Muon(inner, lr=1, weight_decay=0.02, adjust_lr_fn="match_rms_adamw"), adam] if inner else [adam]


def train(minutes, out, start=None, seed=1, size=256, peak=2e-3, decay=0.999, muon=True):
    torch.set_num_threads(1)
    torch.manual_seed(seed)
    rng = random.Random(seed)
    net = TextNet()
    if start:
        warm(net, start)
    average, fast = copy.deepcopy(net), copy.deepcopy(net).bfloat16()  # steps run in bfloat16, weights are kept in float32
    weights, copies = list(net.parameters()), list(fast.parameters())
    print("parameters", sum(p.numel() for p in weights), flush=True)
    optimiser = optimisers(net, muon)
    begun, step, total, seen, report = time.process_time(), 0, 0.0, 0, 0
    for batch in batches(rng, size):
        done = (time.process_time() - begun) / (60 * minutes)
        if done >= 1:
            break
        rate = peak * min(1, (step + 1) / 200) * (0.01 + 0.99 * min(1, (1 - done) / 0.8))  # flat for a fifth, then straight down
        with torch.no_grad():
            torch._foreach_copy_(copies, weights)
        loss = loss_of([o.float() for o in run(fast, batch)], batch)
        fast.zero_grad(set_to_none=True)
        loss.backward()
        for weight, other in zip(weights, copies):
            weight.grad = None if other.grad is None else other.grad.float()
        nn.utils.clip_grad_norm_(weights, 1.0)
        for part in optimiser:
            part.param_groups[0]["lr"] = rate
            part.step()
        step, total, seen = step + 1, total + loss.item(), seen + 1
        with torch.no_grad():
            torch._foreach_lerp_(list(average.parameters()), weights, 1 - min(decay, (1 + step) / (10 + step)))
        if step % 250 == 0:
            report += 1
            line = f"{time.process_time() - begun:6.0f} s step {step} rate {rate:.2e} loss {total / seen:.3f}"
            if report % 4 == 0:
                kinds, exact = check(average, random.Random(7 + report), 400)
                line += f" kinds {kinds:.3f} programme {exact:.3f}"
                torch.save(average.state_dict(), out)
            print(line, flush=True)
            total = seen = 0
    torch.save(average.state_dict(), out)
    kinds, exact = check(average, random.Random(99))
    print(f"steps {step} samples {step * size} fresh: kinds {kinds:.3f} programme {exact:.3f}", flush=True)


if __name__ == "__main__":
    args = argparse.ArgumentParser()
    args.add_argument("--minutes", type=float, default=60)
    args.add_argument("--out", default="work/text.pt")
    args.add_argument("--start")
    args.add_argument("--seed", type=int, default=1)
    args.add_argument("--peak", type=float, default=2e-3)
    args.add_argument("--adam", action="store_true", help="AdamW for all weights")
    a = args.parse_args()
    train(a.minutes, a.out, a.start, a.seed, peak=a.peak, muon=not a.adam)
