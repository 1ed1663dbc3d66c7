"""Figures of the shipped model on the held-out prompts, and the list of what it answers to each."""
import argparse
import random
import re
import statistics
from collections import defaultdict
from pathlib import Path

from conversation.definitions import everyday, term
from conversation.facts import about_animals, capital, counting, opposite
from conversation.sample import conversation
from onnx_model import OnnxModel

SAMPLED = {"temperature": 0.7, "top_p": 0.95}


def english(folder):
    """Words of the Debian packages wamerican and wbritish, in lower case."""
    lists = [folder / "american-english", folder / "british-english"]
    if missing := [str(one) for one in lists if not one.exists()]:
        raise SystemExit(f"{missing[0]} is missing: install the Debian packages wamerican and wbritish, or set --words to their folder")
    return {word for one in lists for word in one.read_text().lower().split()}


def words_of(text):
    return re.findall(r"[^\W\d_]+(?:['’-][^\W\d_]+)*", text.lower())


def is_english(word, known):
    return word in known or all(part in known for part in re.split(r"[-'’]", word))


def prompts(path):
    for row in path.read_text().splitlines():
        kind, prompt, expected = row.split("\t")
        yield kind, prompt, re.compile("|".join(rf"\b{re.escape(one)}" for one in expected.split("|")), re.I)


def measure(model, held_out, known, seeds, **sampling):
    """-> (summary by kind, rows of prompt and answers, words that are not English)"""
    kinds, rows, strange = defaultdict(lambda: defaultdict(list)), [], []
    for kind, prompt, expected in held_out:
        for seed in seeds:
            text, ended, speed = model.answer(prompt, seed=seed, **sampling)
            found = [is_english(word, known) for word in words_of(text)]
            strange += [word for word, is_word in zip(words_of(text), found) if not is_word]
            on_topic = bool(expected.search(text))
            for key in (kind, "all"):
                kinds[key]["words"] += found
                kinds[key]["on topic"].append(on_topic)
                kinds[key]["ended"].append(ended)
                kinds[key]["speed"].append(speed)
            rows.append((kind, prompt, "yes" if on_topic else "NO", text))
    return kinds, rows, strange


def share(values):
    return f"{100 * statistics.fmean(values):.1f} % of {len(values)}" if values else "none"


def report(title, measured):
    kinds, _, strange = measured
    lines = [title] + [
        f"  {kind:10} on topic {share(of['on topic']):16} English words {share(of['words']):18} ended {share(of['ended'])}" for kind,
            of in kinds.items()
    ]
    return lines + [f"  not in the word lists: {', '.join(sorted(set(strange))) or 'none'}",
        f"  median tokens/s with the prompt: {statistics.median(kinds['all']['speed']):.0f}"]


def facts_right(model, count=100, seed=123):
    """Share of fresh questions of the grammar whose answer has every word that the grammar's has beyond the question."""
    lines, rng = [], random.Random(seed)
    for subject in (capital, about_animals, counting, opposite, term, everyday):
        right = []
        for _ in range(count):
            asked, expected = subject(rng)
            needed = set(words_of(expected)) - set(words_of(asked))
            right.append(needed <= set(words_of(model.answer(asked)[0])))
        lines.append(f"  {subject.__name__:14} {share(right)}")
    return ["right on the grammar's own questions, likeliest token"] + lines


def known_answers(count):
    """What the grammar gives in so many conversations, to tell what the model has by heart."""
    rng = random.Random(5)
    return {answer for _ in range(count) for _, answer in conversation(rng)}


if __name__ == "__main__":
    args = argparse.ArgumentParser()
    args.add_argument("--model", type=Path, default=Path("../../models/starter-text"))
    args.add_argument("--words", type=Path, default=Path("/usr/share/dict"))
    args.add_argument("--prompts", type=Path, nargs="+", default=[Path("heldout/prompts.tsv"), Path("heldout/late.tsv")])
    args.add_argument("--out", type=Path, default=Path("work/report"))
    args.add_argument("--grammar-samples", type=int, default=30_000)
    a = args.parse_args()
    model, known = OnnxModel(a.model), english(a.words)
    seen = known_answers(a.grammar_samples)
    lines, rows = facts_right(model), []
    for path in a.prompts:
        held_out = list(prompts(path))
        for title, seeds, sampling in (("likeliest token", [0], {}), ("temperature 0.7, top_p 0.95, five seeds", range(5), SAMPLED)):
            measured = measure(model, held_out, known, seeds, **sampling)
            lines += report(f"{path.stem}, {title}", measured)
            lines.append(f"  word for word what the grammar gave in {a.grammar_samples} conversations: {share([text in seen for *_, text in measured[1]])}")
            rows += [(path.stem, title, *row) for row in measured[1]]
    a.out.mkdir(parents=True, exist_ok=True)
    (a.out / "report.txt").write_text("\n".join(lines) + "\n")
    answers = [f"[{kind}; {stem}; {title}] {prompt}\n  on topic: {on_topic}\n  {text}\n" for stem, title, kind, prompt, on_topic, text in rows]
    (a.out / "answers.txt").write_text("\n".join(answers))
    print("\n".join(lines))
