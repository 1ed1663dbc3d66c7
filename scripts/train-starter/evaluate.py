"""Figures of a trained model: what share of held-out instructions it follows, mask IoU, latency, a contact sheet.

    python evaluate.py --model ../../models/starter/model.onnx --text work/text.pt --mask work/mask.pt --out work/report
"""
import argparse
import collections
import json
import time
from pathlib import Path

import numpy as np
import onnxruntime as ort
import torch
from PIL import Image, ImageDraw

import export
import mask_net
import programme as P
from colour_match import NAMES
from grammar.colours import BY_WORD
from scenes import HERE as PHOTOS, fill
from text_net import decode, programme_of, tokens

FOLDER = Path(__file__).parent
HELD_OUT_PHOTOS = ("astronaut", "coffee", "flower")
# a and b were measured while grammar and net were changed; c and d only once the weights were frozen.
HELD_OUT_SETS = {"validation": ("a", "b"), "blind": ("c", "d")}
SHEET = ["add a hat", "make the orange suit blue", "make it brighter", "much darker please", "more contrast", "make it warmer", "cooler please", "make the colours more vivid", "black and white", "give it a purple tint", "fade it", "invert the colours",
         "blur the background", "sharpen it", "turn it into a pencil sketch", "pixelate it", "posterize it", "make it a cartoon", "add a vignette", "add film grain", "sepia tone", "give it a vintage look", "make it look like night", "golden hour light",
         "make the background black and white", "turn the orange parts green", "make the subject blue", "darken the background a lot"]


def session(model, threads=2):
    options = ort.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads, options.log_severity_level = threads, 1, 3
    return ort.InferenceSession(model if isinstance(model, (str, bytes)) else model.SerializeToString(), options, providers=["CPUExecutionProvider"])


def token_array(text):
    return np.frombuffer(b"".join(tokens(text)), np.uint8).reshape(-1, P.BYTES).astype(np.int64)


def edit(run, image, text, seed=0):
    return run.run(None, {"image": image, "tokens": token_array(text), "seed": np.array(seed, np.int64)})


def photo(name, side=320):
    image = Image.open(PHOTOS / f"{name}.jpg").convert("RGB")
    image.thumbnail((side, side), Image.LANCZOS)
    return np.asarray(image)


def palette_name(words):
    """A colour in the words of a label -> the nearest palette name by its list of words."""
    words = words.lower()
    return words if words in P.COLOURS else BY_WORD.get(words) or BY_WORD.get(words.split()[-1]) or words.split()[-1]


def clean(edits):
    """A label with its defaults written out in this program's form."""
    out = []
    for e in edits:
        e = dict(e)
        if "target" in e:
            e["target"] = palette_name(e["target"])
        if e["kind"] == "recolour" and e["source"] == "background":  # has no colour of its own: a wash over it
            e = {"kind": "tint", "target": e["target"], "region": "background"}
        if e.get("source") == "cyan":  # the eleven names have it under blue
            e["source"] = "blue"
        if e.get("degree") == "plain":
            e.pop("degree")
        if e.get("region") == "all" or e["kind"] == "recolour":
            e.pop("region", None)
        out.append(e)
    return out


def logits_of(edits):
    """The programme of a label as the logits the text net would give if it were sure."""
    n, d, r = len(P.HEADS), len(P.DEGREES), len(P.REGIONS)
    kinds = np.full((1, n, 2 + d + r), -20, np.float32)
    kinds[0, :, 2] = kinds[0, :, 2 + d] = 20
    colours = {"tint": np.zeros((1, len(P.COLOURS)), np.float32), "target": np.zeros((1, len(P.COLOURS)), np.float32), "source": np.zeros((1, len(P.SOURCES)), np.float32)}
    for e in edits:
        row = kinds[0, P.HEADS.index(e["kind"])]
        row[:] = -20
        row[0] = 20
        row[1] = 20 if e.get("direction") == "up" else -20
        row[2 + P.DEGREES.index(e.get("degree", "plain"))] = 20
        row[2 + d + P.REGIONS.index(e.get("region", "all"))] = 20
        if e["kind"] == "tint":
            colours["tint"][0, P.COLOURS.index(e["target"])] = 20
        if e["kind"] == "recolour":
            colours["target"][0, P.COLOURS.index(e["target"])] = 20
            colours["source"][0, P.SOURCES.index(e["source"])] = 20
    return {"kinds": kinds, **colours}


def distance(a, b):
    return np.abs(a.astype(np.float32) - b.astype(np.float32)).mean()


def followed(run, target_run, text, edits, photos):
    """Nearer to the labelled programme's picture than the untouched photo by more than half, on most photos it changes."""
    votes = []
    for image in photos:
        out = edit(run, image, text)[0]
        if not edits:
            votes.append(distance(out, image) < 2.55)
            continue
        target = target_run.run(None, {"image": image, "seed": np.array(0, np.int64), **logits_of(edits)})[0]
        change = distance(image, target)
        if change >= 0.3:  # else the named colour or the sky is not in this photo
            votes.append(1 - distance(out, target) / change > 0.5)
        elif distance(out, image) > 2.55:
            votes.append(False)
    return sum(votes) * 2 > len(votes) if votes else None


def share(counts):
    return f"{counts[0]}/{counts[1]} ({100 * counts[0] / max(1, counts[1]):.0f} %)"


def instructions(run, target_run, net, photos, report, name):
    path = FOLDER / "heldout" / f"{name}.jsonl"
    rows = [json.loads(line) for line in path.read_text().splitlines() if line.strip()]
    kinds, total, kind_right, loose, exact, misses, unseen = collections.defaultdict(lambda: [0, 0]), [0, 0], 0, 0, 0, [], 0
    for row in rows:
        edits = clean(row["edits"])
        got = decode(net(torch.from_numpy(token_array(row["text"]))))
        kind_right += sorted(e["kind"] for e in got) == sorted(e["kind"] for e in edits)
        same = programme_of(got, degree=False) == programme_of(edits, degree=False)
        loose += same
        exact += programme_of(got) == programme_of(edits)
        ok = followed(run, target_run, row["text"], edits, photos)
        if ok is None:  # on no photo is there anything to change: judged by the programme
            ok, unseen = same, unseen + 1
        for key in {e["kind"] for e in edits} or {"(no edit)"}:
            kinds[key][0] += ok
            kinds[key][1] += 1
        total[0] += ok
        total[1] += 1
        if not ok:
            misses.append((row["text"], edits, got))
    report(f"\nHeld-out set {name}: followed {share(total)}; programme right but for the degree {share([loose, len(rows)])}, with the degree {share([exact, len(rows)])}, kinds {share([kind_right, len(rows)])}; "
           f"{unseen} judged by programme alone")
    for key in sorted(kinds):
        report(f"  {key:12s} {share(kinds[key])}")
    return total, misses


def masks(probe, report):
    truth = json.loads((PHOTOS / "heldout_polygons.json").read_text())
    for name, parts in truth.items():
        image = photo(name, 512)
        size = (image.shape[1], image.shape[0])
        inside = lambda polygons: np.asarray(fill(size, polygons)) > 127
        for part, polygons in parts.items():
            if part.startswith(("not ", "ignore ")):
                continue
            want = inside(polygons)
            if f"not {part}" in parts:
                want &= ~inside(parts[f"not {part}"])
            keep = ~inside(parts[f"ignore {part}"]) if f"ignore {part}" in parts else np.ones_like(want)
            source = np.zeros((1, mask_net.SOURCES), np.float32)
            source[0, NAMES.index(part) if part in NAMES else len(NAMES)] = 1
            out = probe.run(["masks"], {"image": image, "tokens": token_array("?"), "seed": np.array(0, np.int64), "source": source})[0]
            got = out[..., {"subject": 0, "sky": 1}.get(part, 2)] > 0.5
            overlap, union = (got & want & keep).sum(), ((got | want) & keep).sum()
            report(f"  mask {name:10s} {part:8s} IoU {overlap / union:.2f} precision {overlap / max(1, (got & keep).sum()):.2f} recall {overlap / want.sum():.2f}")


def latency(path, report):
    for threads in (1, 2):
        run = session(path, threads)
        for side in (512, 1024):
            image = np.asarray(Image.open(PHOTOS / "astronaut.jpg").convert("RGB").resize((side, side), Image.LANCZOS))
            for text in ("make it brighter", "make the orange suit blue", "blur the background", "turn it into a cartoon", "give it a vintage look", "add a hat"):
                edit(run, image, text)
                times = []
                for _ in range(5):
                    begun = time.perf_counter()
                    edit(run, image, text)
                    times.append(time.perf_counter() - begun)
                report(f"  {threads} thread(s) {side:4d}² {text:28s} {sorted(times)[2]:.3f} s median, {min(times):.3f} s best")


def sheet(run, path, names=("astronaut", "coffee", "flower", "meadow"), side=220):
    columns = 7
    for name in names:
        image = photo(name, 512)
        rows = (len(SHEET) + columns - 1) // columns
        page = Image.new("RGB", (columns * side, rows * (side + 14)), "white")
        draw = ImageDraw.Draw(page)
        for i, text in enumerate(SHEET):
            small = Image.fromarray(edit(run, image, text)[0])
            small.thumbnail((side - 4, side - 4), Image.LANCZOS)
            x, y = i % columns * side, i // columns * (side + 14)
            page.paste(small, (x, y + 13))
            draw.text((x + 2, y), text, fill="black")
        page.save(path.with_name(f"{path.stem}-{name}.png"))


def main():
    args = argparse.ArgumentParser()
    args.add_argument("--model", required=True)
    args.add_argument("--text", required=True)
    args.add_argument("--mask", required=True)
    args.add_argument("--out", default="work/report")
    args.add_argument("--misses", action="store_true", help="print what was not followed (only once the model is frozen)")
    args.add_argument("--quick", action="store_true", help="instructions and masks only")
    a = args.parse_args()
    out = Path(a.out)
    out.parent.mkdir(parents=True, exist_ok=True)
    lines = []
    def report(line):
        print(line, flush=True)
        lines.append(line)
    text, mask = export.load(a.text, a.mask)
    text.eval()
    run = session(a.model)
    target_run, probe = session(export.build(text, mask, labelled=True)), session(export.build(text, mask, probe=True))
    photos = [photo(n) for n in HELD_OUT_PHOTOS]
    for use, names in HELD_OUT_SETS.items():
        totals = [0, 0]
        for name in names:
            total, misses = instructions(run, target_run, text, photos, report, name)
            totals = [totals[0] + total[0], totals[1] + total[1]]
            if a.misses:
                for miss in misses:
                    print("   missed:", miss)
        report(f"\nThe {use} sets, followed: {share(totals)}")
    masks(probe, report)
    if not a.quick:
        zero = export.load(None, None)[0]
        for p in zero.parameters():
            p.data.zero_()
        zero_run, none, rows = session(export.build(zero.eval(), mask)), [0, 0], []
        for name in HELD_OUT_SETS["validation"]:
            rows += [json.loads(line) for line in (FOLDER / "heldout" / f"{name}.jsonl").read_text().splitlines() if line.strip()]
        for row in rows:
            edits = clean(row["edits"])
            none[0] += bool(followed(zero_run, target_run, row["text"], edits, photos[:1]))
            none[1] += 1
        report(f"With the text net's weights at zero, followed: {share(none)}")
        one, two = session(a.model, 1), session(a.model, 2)
        big = np.asarray(Image.open(PHOTOS / "astronaut.jpg").convert("RGB").resize((1100, 900)))
        same = all((edit(one, big, t, 7)[0] == edit(two, big, t, 7)[0]).all() for t in SHEET)
        report(f"Same bytes with one thread and two, all {len(SHEET)} instructions of the sheet: {same}")
        untouched = all((edit(two, big, t)[0] == big).all() for t in ("add a hat", "crop it to a square", "hello there", "remove the flag"))
        report(f"Outside the repertoire, bit-exact: {untouched}")
        latency(a.model, report)
        sheet(run, out)
    out.with_suffix(".txt").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
