"""Packs the cut-outs for training into cutouts.webp and cutouts.json. Run once; the result is committed.

    npm pack @lobehub/fluent-emoji-3d@1.1.0 && tar xzf lobehub-fluent-emoji-3d-1.1.0.tgz
    python pack_cutouts.py package/assets
"""
import json
import re
import sys
from pathlib import Path

from PIL import Image

SIDE, COLUMNS = 112, 32
TONES = ("1f3fb", "1f3fc", "1f3fd", "1f3fe", "1f3ff")
FLAGS = "us fr de it es se no jp br ca mx in za ng ke ar au gb gr tr pl nl ua eg cl pt ie be dk fi is kr th vn cz at ch co pe ro bg hu ma sn gh jm cu".split()
JOBS = "1f33e 1f373 1f393 1f3a4 1f3a8 1f3ed 1f4bb 1f4bc 1f527 1f52c 1f680 1f692 2695-fe0f 2696-fe0f 2708-fe0f".split()
HAIRS = "1f9b0 1f9b1 1f9b2 1f9b3".split()
BUSTS = "1f46e 1f470 1f473 1f477 1f481 1f482 1f486 1f487 1f575-fe0f 1f645 1f646 1f64b 1f64d 1f64e 1f926 1f935 1f937 1f9b8 1f9b9 1f9d9 1f9db 1f9dd".split()
BUSTS_ALONE = "1f472 1f478 1f930 1f931 1f934 1f936 1f385 1f9d5 1f47c 1fac5".split()
FIGURES = "1f3c3 1f3c4 1f3cc-fe0f 1f6b4 1f6b5 1f6b6 1f938 1f93d 1f93e 1f9cd 1f9ce 1f9d7 1f9d8 1f9da 1f9dc 26f9-fe0f 1f3cb-fe0f".split()
FIGURES_ALONE = "1f483 1f57a 1f3c7 1f385 1f57a 1f6c0".split()
HEADS = "1f466 1f467 1f468 1f469 1f474 1f475 1f476 1f471 1f9d3 1f9d4-200d-2642-fe0f".split()
THINGS = [  # ranges of code points: plants, food, things, animals, clothes, vehicles, instruments, tools
    (0x1F302, 0x1F302), (0x1F32D, 0x1F335), (0x1F336, 0x1F393), (0x1F399, 0x1F3A1), (0x1F3A3, 0x1F3AF), (0x1F3B1, 0x1F3BF), (0x1F3C5, 0x1F3C9), (0x1F3CD, 0x1F3D3),
    (0x1F3E0, 0x1F3F0), (0x1F3F5, 0x1F43F), (0x1F451, 0x1F462), (0x1F479, 0x1F480), (0x1F484, 0x1F484), (0x1F488, 0x1F48A), (0x1F48D, 0x1F490), (0x1F4A1, 0x1F4A3),
    (0x1F4B0, 0x1F4B0), (0x1F4BA, 0x1F4BF), (0x1F4DA, 0x1F4DE), (0x1F4E0, 0x1F4E2), (0x1F4E6, 0x1F4F1), (0x1F4F7, 0x1F4FD), (0x1F525, 0x1F52E), (0x1F56F, 0x1F570),
    (0x1F577, 0x1F579), (0x1F5A8, 0x1F5B1), (0x1F5D1, 0x1F5D1), (0x1F5FB, 0x1F5FF), (0x1F638, 0x1F640), (0x1F680, 0x1F697), (0x1F699, 0x1F6A4), (0x1F6A8, 0x1F6A8),
    (0x1F6B2, 0x1F6B2), (0x1F6CB, 0x1F6D2), (0x1F6E0, 0x1F6FB), (0x1F916, 0x1F916), (0x1F93F, 0x1F945), (0x1F94A, 0x1F96F), (0x1F980, 0x1F9AE), (0x1F9BA, 0x1F9BF),
    (0x1F9C0, 0x1F9CB), (0x1F9E2, 0x1F9FF), (0x1FA70, 0x1FAAF), (0x1FAB0, 0x1FAC2), (0x1FACE, 0x1FADB), (0x2602, 0x2603), (0x260E, 0x260E), (0x2615, 0x2615),
    (0x26BD, 0x26BE), (0x26C4, 0x26C4), (0x26F5, 0x26F5), (0x26FA, 0x26FA)]
SKIP = re.compile("1f3ad|1f3b4|1f3ed|1f4ba|1f4e7|1f5fe|1f38f|1f95b|1f9e9|1f9ed|1fa79|1fa9f|1f3ef|1f386|1f387|1f38a|1f391|1f4da")


def wanted(assets):
    """(file, group): group is bust, figure, head, thing or flag."""
    have = {p.stem: p for p in sorted(assets.glob("*.webp"))}
    picked = {}
    def take(stem, group):
        if stem in have:
            picked.setdefault(stem, group)
    for n, job in enumerate(JOBS):
        for m, who in enumerate(("1f468", "1f469", "1f9d1")):
            for tone in (TONES[(n + m) % 5], TONES[(n + m + 2) % 5]):
                take(f"{who}-{tone}-200d-{job}", "bust")
    for n, hair in enumerate(HAIRS):
        for m, who in enumerate(("1f468", "1f469")):
            take(f"{who}-{TONES[(n + m) % 5]}-200d-{hair}", "head")
    for group, bases in (("bust", BUSTS), ("figure", FIGURES)):
        for n, base in enumerate(bases):
            bare = base.removesuffix("-fe0f")
            for m, sex in enumerate(("2640", "2642")):
                for tone in (TONES[(n + m) % 5], TONES[(n + m + 3) % 5]):
                    take(f"{bare}-{tone}-200d-{sex}-fe0f", group)
    for group, bases, count in (("bust", BUSTS_ALONE, 3), ("figure", FIGURES_ALONE, 3), ("head", HEADS, 1)):
        for n, base in enumerate(bases):
            for k in range(count):
                head, _, tail = base.partition("-200d")
                take(f"{head}-{TONES[(n + 2 * k) % 5]}" + (f"-200d{tail}" if tail else ""), group)
    for low, high in THINGS:
        for code in range(low, high + 1):
            for stem in (f"{code:x}", f"{code:x}-fe0f"):
                if not SKIP.match(stem):
                    take(stem, "thing")
    for flag in FLAGS:
        take("-".join(f"{0x1f1e6 + ord(c) - 97:x}" for c in flag), "flag")
    return [(have[stem], group) for stem, group in picked.items()]


def main():
    items = wanted(Path(sys.argv[1]))
    kept = [(path, group, image) for path, group in items for image in [Image.open(path).convert("RGBA").resize((SIDE, SIDE), Image.LANCZOS)]]
    rows = -(-len(kept) // COLUMNS)
    sheet = Image.new("RGBA", (COLUMNS * SIDE, rows * SIDE))
    for k, (_, _, image) in enumerate(kept):
        sheet.paste(image, (k % COLUMNS * SIDE, k // COLUMNS * SIDE))
    here = Path(__file__).parent
    sheet.save(here / "cutouts.webp", quality=80, alpha_quality=80, method=6)
    (here / "cutouts.json").write_text(json.dumps({"side": SIDE, "columns": COLUMNS, "items": [[p.stem, g] for p, g, _ in kept]}, separators=(",", ":")) + "\n")
    groups = {}
    for _, g, _ in kept:
        groups[g] = groups.get(g, 0) + 1
    print(len(kept), groups)


if __name__ == "__main__":
    main()
