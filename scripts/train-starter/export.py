"""Joins text net, mask net and renderer into one ONNX graph.

    python export.py --text work/text.pt --mask work/mask.pt --out ../../models/starter/model.onnx [--zero]
"""
import argparse
import hashlib
import json
import logging
import tempfile
import warnings
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper
import torch

import colour_match as M
import mask_net
import programme as P
from onnx_builder import Builder, Value
from renderer import SIDES, SMALL, Renderer, match_nodes
from text_net import TextNet

N = mask_net.N
OPSET = 18
VERSION = "1.0.0"
MEMORY_BYTES = 1 << 30  # process peak at 25 megapixels measured below 0.7 GiB
BAND_PIXELS = 1 << 18
TAPS = {N: 4, SMALL: 2}  # samples a side for each cell of a small copy


def to_onnx(net, args, names, dynamic=None):
    warnings.filterwarnings("ignore")
    logging.disable(logging.WARNING)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "part.onnx"
        torch.onnx.export(net.eval(), args, path, dynamo=True, input_names=names, dynamic_shapes=dynamic, opset_version=OPSET, external_data=False, verbose=False)
        return onnx.load(path)


def strengths():
    """[16 kinds, down or up, degree]: the strength carried out."""
    table = np.zeros((len(P.KINDS), 2, 3), np.float32)
    for k, kind in enumerate(P.KINDS):
        up, down = (P.STRENGTH[kind] + (P.STRENGTH[kind][0],))[:2]
        for d, degree in enumerate(P.DEGREES):
            table[k, 1, d], table[k, 0, d] = (np.clip(s * P.DEGREE_SCALE[degree], -1, 1) for s in (up, down))
    table[P.KINDS.index("saturation"), 0, P.DEGREES.index("strong")] = -1  # black and white
    for kind in ("invert", "recolour", "sketch", "cartoon"):
        table[P.KINDS.index(kind)] = 1
    return table


def chroma(rgb):
    """What a tint adds to luminance: the colour less its luminance, at a fixed strength."""
    rgb = np.asarray(rgb, np.float32)
    c = rgb - rgb @ np.array([0.299, 0.587, 0.114], np.float32)
    return c / max(np.abs(c).max(), 0.05) * 0.46


def programme(b, kinds, tint, target, source, seed):
    """Logits -> gates [17], strengths [16], regions [16,4] one-hot, tint chroma, target colour, source one-hot."""
    n, d, r, looks = len(P.KINDS), len(P.DEGREES), len(P.REGIONS), len(P.LOOKS)
    x = b.at(kinds, 0)                                                             # [20, 1 + 1 + degrees + regions]
    part = lambda lo, hi: b.op("Slice", x, b.ints([lo]), b.ints([hi]), b.ints([1]))
    gate = b.clip((b.op("Sigmoid", b.shape(part(0, 1), -1)) - 0.42) / 0.12)        # exactly 0 where absent
    up = b.cast(b.shape(part(1, 2), -1) > 0.0, "float")
    hot = lambda v, width: b.op("OneHot", b.op("ArgMax", v, axis=-1, keepdims=0), b.ints([width]), b.const([0, 1]), axis=-1)
    degree, region = hot(part(2, 2 + d), d), hot(part(2 + d, 2 + d + r), r)
    own = b.rows(gate, 0, n)
    table = strengths()
    pick = lambda side: b.sum(b.rows(degree, 0, n) * table[:, side], 1, keep=0)
    directional = np.array([k in P.DIRECTIONAL for k in P.KINDS], np.float32)
    up16 = b.rows(up, 0, n) * directional + (1 - directional)
    strength = own * (up16 * pick(1) + (1.0 - up16) * pick(0))
    # looks: parameter sets
    parts = np.zeros((looks, n), np.float32)
    for l, look in enumerate(P.LOOKS):
        for kind, value in P.LOOK_PARTS[look]:
            parts[l, P.KINDS.index(kind)] = value
    look_gate = b.rows(gate, n, n + looks)
    amount = look_gate * b.sum(b.rows(degree, n, n + looks) * np.array([1.0, 0.55, 1.35], np.float32), 1, keep=0)
    from_looks = b.shape(b.shape(amount, 1, looks) @ b.const(parts), n)
    strength = b.clip(strength + from_looks, -1.0, 1.0)
    present = (parts != 0).astype(np.float32)
    look16 = b.max(b.shape(look_gate, looks, 1) * present, 0, keep=0)
    gates = b.op("Max", own, look16)
    outside = 1.0 - b.cast(b.max(gates, 0, keep=1) > 0.0, "float")
    look_region = b.at(b.take(b.rows(region, n, n + looks), b.op("ArgMax", look_gate, axis=0, keepdims=1), 0), 0)
    mine = b.cast(b.shape(own, n, 1) > 0.0, "float")
    regions = mine * b.rows(region, 0, n) + (1.0 - mine) * b.shape(look_region, 1, r)
    # the seed moves the strength of the smooth kinds a little; 0 moves nothing
    varied = np.array([k in ("brightness", "contrast", "temperature", "tint", "fade", "blur", "sharpen", "vignette", "grain") for k in P.KINDS], np.float32)
    s = b.imod(b.op("Abs", seed), 2147483647)
    h = b.imod(s * b.ints(48271) + b.ints(np.arange(n) * 69621), 2147483647)
    h = b.imod(h * h + s, 2147483647)
    wobble = (b.cast(h, "float") * (2.0 / 2147483647.0) - 1.0) * 0.15 * b.cast(b.op("Greater", s, b.ints(0)), "float")
    strength = b.clip(strength * (1.0 + wobble * varied), -1.0, 1.0)
    palette = np.array(P.PALETTE_RGB, np.float32)
    choose = lambda logits, rows: b.shape(hot(logits, len(rows)) @ b.const(rows), 3)
    own_tint = b.cast(b.at(gate, P.HEADS.index("tint")) > 0.0, "float")
    named = choose(tint, np.stack([chroma(c) for c in palette]))
    looked = b.shape(b.shape(amount, 1, looks) @ b.const(np.stack([chroma(P.LOOK_TINT[l]) for l in P.LOOKS])), 3) / (b.sum(amount, 0) + 1e-6)
    tint_rgb = own_tint * named + (1.0 - own_tint) * looked
    return b.concat([gates, outside]), strength, regions, b.shape(tint_rgb, 3, 1, 1), b.shape(choose(target, palette), 3, 1, 1), hot(source, len(P.SOURCES))


def small_copy(b, image, height, width, n):
    """A box-filtered copy [3, n, n], from a few samples a cell: needs no full-size float plane."""
    taps = TAPS[n]
    def index(length):
        i = b.range(b.ints(n * taps)) * b.ints(2) + b.ints(1)
        return b.idiv(i * length, 2 * n * taps)
    picked = b.take(b.take(image, index(height), 0), index(width), 1)
    cells = b.shape(b.cast(picked, "float"), n, taps, n, taps, 3)
    return b.transpose(b.mean(cells, 1, 3, keep=0), 2, 0, 1) * np.float32(1 / 255)


def planes(b, grid, x, row, source, needs):
    """Coefficients at the size of x -> subject, sky and named masks, each [1, rows, columns]; zeros where not needed."""
    is_subject, is_sky, known = source
    v = 2.0 * x - 1.0
    clean = lambda logit: b.clip((b.op("Sigmoid", logit) - 0.12) / 0.76)
    part = lambda at: clean(b.sum(b.rows(grid, at, at + 3) * v, 0) * 2.0 + 4.0 * b.rows(grid, at + 3, at + 4))
    def named():
        match = match_nodes(b, x, row)
        return clean(b.sum(b.rows(grid, 8, 11) * v, 0) * 2.0 + b.rows(grid, 11, 12) * (4.0 * match - 2.0) + 4.0 * b.rows(grid, 12, 13))
    none = lambda: b.const(np.zeros((1, 1, 1), np.float32))
    subject, sky, colour = (b.if_(need, make, none) for need, make in zip(needs, (lambda: part(0), lambda: part(4), named)))
    return subject, sky, is_subject * subject + is_sky * sky + known * colour


def specks(b, render, named):
    """1 where the named colour has company, 0 at specks: where much of the picture has the colour, a bit far from it is rather hair or skin."""
    g = lambda length: render.gaussian(6.0 * render.long / length, N)
    around = b.op("MatMul", b.op("MatMul", g(render.hf), named), b.transpose(g(render.wf), 1, 0))
    much = b.clip((b.mean(named, 0, 1, 2) - 0.03) / 0.03)
    return 1.0 - much * (1.0 - b.clip((around - 0.22) / 0.14))


def build(text, mask, probe=False, labelled=False):
    b = Builder()
    image, words, seed = (Value(b, n) for n in ("image", "tokens", "seed"))
    words_axis = torch.export.Dim("words", min=1, max=P.WORDS)
    text_model = to_onnx(text, (torch.zeros(5, P.BYTES, dtype=torch.int64),), ["words"], ({0: words_axis},))
    mask_model = to_onnx(mask, (torch.zeros(1, 3, N, N), torch.zeros(1, 1, N, N), torch.zeros(1, mask_net.SOURCES)), ["small", "match", "source"])
    shape = b.op("Shape", image)
    height, width = b.at(shape, 0), b.at(shape, 1)
    if labelled:  # evaluation: the programme is given as logits, no instruction is read
        kinds, tint, target, source = (Value(b, n) for n in ("kinds", "tint", "target", "source"))
    else:
        kinds, tint, target, source = b.embed(text_model, [words], "text_")
    gates, strength, region, tint_rgb, target_rgb, source = programme(b, kinds, tint, target, source, seed)
    if probe:  # evaluation of masks: the source is given, no instruction is read
        source = Value(b, "source")
    render = Renderer(b, strength, region, tint_rgb, target_rgb, height, width)
    outside = b.at(gates, len(P.KINDS))

    # masks: a grid of coefficients, only where a region or a recolour asks for one
    is_subject, is_sky = b.at(source, 0, len(M.NAMES)), b.at(source, 0, len(M.NAMES) + 1)
    names = b.op("Slice", source, b.ints([0]), b.ints([len(M.NAMES)]), b.ints([1]))
    known = 1.0 - is_subject - is_sky
    used = b.sum(b.transpose(region, 1, 0) * b.op("Abs", strength), 1, keep=0)  # how much each region is asked for
    recolours = b.op("Abs", render.s["recolour"])
    needs = [b.at(used, 1) + b.at(used, 2) + recolours * is_subject, b.at(used, 3) + recolours * is_sky, recolours * known]
    wants = (needs[0] + needs[1] + needs[2]) > 0.0
    needs = [(n + (1.0 if probe else 0.0)) > 0.0 for n in needs]
    kind_of_source = (is_subject, is_sky, known)
    row = b.shape(names @ b.const(M.ROWS), 7) + (1.0 - known) * M.ROWS[0]  # any row: the match of subject and sky is set to 0

    def grid():
        small = small_copy(b, image, height, width, N)
        match = match_nodes(b, small, row) * known
        out = b.embed(mask_model, [b.unsqueeze(small, 0), b.unsqueeze(match, 0), source], "mask_")[0]
        return b.at(out, 0)
    if probe:
        coefficients = grid()
    else:
        coefficients = b.if_(wants, grid, lambda: b.const(np.zeros((13, 2, 2), np.float32)))
    wide = b.if_(wants, lambda: render.columns(coefficients, N // 2), lambda: b.const(np.zeros((13, 2, 2), np.float32))) if not probe else render.columns(coefficients, N // 2)

    def band_masks(x, rows):
        def some():
            return list(planes(b, render.lines(wide, rows, N // 2), x, row, kind_of_source, needs))
        none = lambda: [b.const(np.zeros((1, 1, 1), np.float32))] * 3
        return some() if probe else b.if_(wants, some, none, ("float",) * 3)

    # the mean luminance of what is recoloured, from a small copy; and the edited small copy for the filters
    def small_masks(x, n):
        def some():
            low_y, high_y, ty = Renderer.place(render, b.const(float(n)), b.range(b.ints(n)), N // 2)
            t = b.unsqueeze(ty, 1)
            left = b.take(coefficients, low_y, 2)
            g = left + ty * (b.take(coefficients, high_y, 2) - left)
            top = b.take(g, low_y, 1)
            g = top + t * (b.take(g, high_y, 1) - top)
            return list(planes(b, g, x, row, kind_of_source, needs))
        return some() if probe else b.if_(wants, some, lambda: [b.const(np.zeros((1, 1, 1), np.float32))] * 3, ("float",) * 3)

    if probe:
        mean = b.const(0.5)
        support = render.columns(specks(b, render, small_masks(small_copy(b, image, height, width, N), N)[2]), N)
    else:
        def recoloured():
            small = small_copy(b, image, height, width, N)
            weight = small_masks(small, N)[2]
            luma = b.op("Max", b.sum(render.luma(small) * weight, 0, 1, 2) / (b.sum(weight, 0, 1, 2) + 0.5), b.const(0.02))
            return [luma, render.columns(specks(b, render, weight), N)]
        mean, support = b.if_(render.on["recolour"], recoloured, lambda: [b.const(np.full((1, 1, 1), 0.5, np.float32)), b.const(np.ones((1, 2, 2), np.float32))], ("float",) * 2)
        needs_small = b.sum(b.op("Abs", b.take(strength, b.ints([P.KINDS.index(k) for k in ("blur", "sharpen", "sketch", "pixelate", "cartoon")]), 0)), 0, keep=0) > 0.0
        def edited_small():
            small = small_copy(b, image, height, width, SMALL)
            masks = small_masks(small, SMALL)
            small = render.colours(small, masks, mean)
            prepared = render.prepare(small, masks)
            size, blocks = b.if_(render.on["pixelate"], lambda: list(render.blocks(small)), lambda: [b.ints(1), b.const(np.zeros((3, 1, 1), np.float32))], ("int64", "float"))
            widened = [b.if_(render.on["cartoon" if k == "ink" else k], lambda k=k: render.columns(prepared[k], SIDES[k]), lambda k=k: prepared[k]) for k in prepared]
            return [*widened, size, blocks]
        flat = lambda n: b.const(np.zeros((n, 2, 2), np.float32))
        *widened, size, blocks = b.if_(needs_small, edited_small, lambda: [flat(3), flat(1), flat(1), flat(6), flat(1), b.ints(1), b.const(np.zeros((3, 1, 1), np.float32))], ("float",) * 5 + ("int64", "float"))
        wide_filters = dict(zip(("blur", "sketch", "sharpen", "cartoon", "ink"), widened))
        hashes = b.if_(render.on["grain"], lambda: list(render.hash_lines(seed)), lambda: [b.ints([0]), b.ints([0])], ("int64", "int64"))

    pixels = height * width
    bands = b.idiv(pixels + b.ints(BAND_PIXELS - 1), BAND_PIXELS)
    bands = b.op("Min", b.op("Max", bands, b.ints(1)), height)
    lines = b.idiv(height + bands - b.ints(1), bands)

    def read(rows):
        return b.transpose(b.cast(b.take(image, rows, 0), "float"), 2, 0, 1) * np.float32(1 / 255)

    def band(i):
        rows = b.op("Min", i * lines + b.range(lines), height - b.ints(1))
        x = read(rows)
        if probe:
            subject, sky, colour = band_masks(x, rows)
            return b.transpose(b.concat([subject, sky, colour * render.lines(support, rows, N)]), 1, 2, 0)
        subject, sky, colour = band_masks(x, rows)
        masks = subject, sky, b.if_(render.on["recolour"], lambda: colour * render.lines(support, rows, N), lambda: colour)
        def fine():  # luminance less its 5 x 5 blur, with two rows of the neighbours above and below
            around = b.op("Max", b.op("Min", b.concat([b.at(rows, 0) - b.ints([2, 1]), rows, b.at(rows, -1) + b.ints([1, 2])]), height - b.ints(1)), b.ints(0))
            y = render.luma(read(around))
            y = b.op("Pad", y, b.ints([0, 0, 2, 0, 0, 2]), mode="edge")
            def smooth(v, axis):
                cut = lambda lo, hi: b.op("Slice", v, b.ints([lo]), b.ints([hi]), b.ints([axis]))
                big = 1 << 40
                taken = [cut(k, k - 4 if k < 4 else big) for k in range(5)]
                return (taken[0] + taken[4]) * 0.0625 + (taken[1] + taken[3]) * 0.25 + taken[2] * 0.375
            inner = b.op("Slice", y, b.ints([2, 2]), b.ints([-2, -2]), b.ints([1, 2]))
            return inner - smooth(smooth(y, 1), 2)
        detail = b.if_(render.on["sharpen"], fine, lambda: b.const(np.zeros((1, 1, 1), np.float32)))
        x = render.colours(x, masks, mean)
        x = render.filters(x, [detail], rows, masks, wide_filters, size, blocks, hashes)
        x = b.op("Floor", b.clip(x) * 255.0 + 0.5)
        return b.cast(b.transpose(x, 1, 2, 0), "uint8")

    def whole():
        stacked = b.loop(bands, band, "float" if probe else "uint8")
        flat = b.op("Reshape", stacked, b.concat([b.ints([-1]), b.unsqueeze(width, 0), b.ints([3])]))
        return b.op("Slice", flat, b.ints([0]), b.unsqueeze(height, 0), b.ints([0]))
    if probe:
        out = whole()
    else:
        out = b.if_(outside > 0.5, lambda: image, whole, ("uint8",))
    b.stack[-1].append(helper.make_node("Identity", [out.name], ["masks" if probe else "edited"]))
    b.stack[-1].append(helper.make_node("Identity", [gates.name], ["gates"]))
    info = helper.make_tensor_value_info
    inputs = [info("image", TensorProto.UINT8, ["height", "width", 3]), info("tokens", TensorProto.INT64, ["words", P.BYTES]), info("seed", TensorProto.INT64, [])]
    if labelled:
        inputs = [inputs[0], inputs[2]] + [info(n, TensorProto.FLOAT, s) for n, s in (("kinds", [1, len(P.HEADS), 2 + len(P.DEGREES) + len(P.REGIONS)]), ("tint", [1, len(P.COLOURS)]), ("target", [1, len(P.COLOURS)]), ("source", [1, len(P.SOURCES)]))]
    if probe:
        inputs.append(info("source", TensorProto.FLOAT, [1, mask_net.SOURCES]))
    outputs = [info("masks", TensorProto.FLOAT, ["height", "width", 3])] if probe else [info("edited", TensorProto.UINT8, ["height", "width", 3])]
    outputs.append(info("gates", TensorProto.FLOAT, [len(P.KINDS) + 1]))
    graph = helper.make_graph(b.stack[0], "starter", inputs, outputs, b.initializers)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], producer_name="train-starter")
    model.ir_version = 9
    strip(model.graph)
    return model


def strip(graph):
    """Drops what the exporter of torch leaves behind: stack traces with the paths of the machine."""
    for thing in [graph, *graph.input, *graph.output, *graph.value_info, *graph.initializer, *graph.node]:
        thing.doc_string = ""
        del thing.metadata_props[:]
    for node in graph.node:
        for attribute in node.attribute:
            attribute.doc_string = ""
            if attribute.HasField("g"):
                strip(attribute.g)


def load(text, mask):
    nets = TextNet(), mask_net.MaskNet()
    for net, path in zip(nets, (text, mask)):
        if path:
            net.load_state_dict(torch.load(path))
    return nets


def manifest(path, name, data):
    path.write_text(json.dumps({
        "manifest_version": 1,
        "name": "starter",
        "version": VERSION,
        "description": "Follows plain-English photo edits of a fixed repertoire at full resolution; leaves the picture alone when asked for anything else.",
        "family": "starter",
        "license": "Apache-2.0",
        "kinds": ["edit", "image_to_image"],
        "files": [{"path": name, "sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)}],
        "variants": [{"execution_provider": "cpu", "precision": "fp32", "graphs": {"edit": name}, "memory_bytes": MEMORY_BYTES}],
        "uses_parameters": ["seed"],
        "load_time_ms": 1000,
        "timeout_s": 60,
        "settings": {"edits": P.KINDS, "looks": [name.replace("_", " ") for name in P.LOOKS]},
    }, indent=2) + "\n")


def main():
    args = argparse.ArgumentParser()
    args.add_argument("--text")
    args.add_argument("--mask")
    args.add_argument("--out", required=True)
    args.add_argument("--zero", action="store_true", help="all learned weights 0: nothing should be followed")
    args.add_argument("--probe", action="store_true", help="a graph that returns the three masks for a given source")
    args.add_argument("--manifest", help="also write this model.json")
    a = args.parse_args()
    text, mask = load(a.text, a.mask)
    if a.zero:
        for p in text.parameters():
            p.data.zero_()
    model = build(text, mask, a.probe)
    Path(a.out).parent.mkdir(parents=True, exist_ok=True)
    onnx.save(model, a.out)
    data = Path(a.out).read_bytes()
    if a.manifest:
        manifest(Path(a.manifest), Path(a.out).name, data)
    print(a.out, len(data), "bytes sha256", hashlib.sha256(data).hexdigest())


if __name__ == "__main__":
    main()
