"""Random training pictures with exact masks: procedural scenes, cut-out photo subjects on other backdrops, and real photos.

A scene is (rgb uint8 [N,N,3], subject uint8, sky uint8, name uint8): name is the index of the albedo's colour name, UNKNOWN
where only the pixel itself can tell, NOBODY for skin.
"""
import io
import json
import math
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

import bodies
import cutouts
import holding
import people
import tables
from colour_match import NAMES, match, sample_colour
from drawing import N, UNKNOWN, X, Y, Canvas, any_colour, blurred, edge, folds, grey, muted, polar, shade, smooth_noise

HERE = Path(__file__).parent / "photos"
HELD_OUT = ("astronaut", "coffee", "flower", "meadow")
POLYGONS = json.loads((HERE / "polygons.json").read_text())


def fill(size, polygons):
    mask = Image.new("L", (size[0] * 2, size[1] * 2))
    draw = ImageDraw.Draw(mask)
    for polygon in polygons:
        draw.polygon([(x * size[0] * 2, y * size[1] * 2) for x, y in polygon], fill=255)
    return mask.resize(size, Image.BOX)


def load_photos():
    photos = {}
    for path in sorted(HERE.glob("*.jpg")):
        if path.stem in HELD_OUT:
            continue
        image = Image.open(path).convert("RGB")
        image.thumbnail((384, 384), Image.LANCZOS)
        masks = {part: fill(image.size, polygons) for part, polygons in POLYGONS.get(path.stem, {}).items()}
        photos[path.stem] = (image, masks)
    return photos


PHOTOS = load_photos()
SUBJECTS = ["chelsea", "raccoon", "grace_hopper", "grace_hopper", "grace_hopper", "grace_hopper", "china", "bowl", "drum", "dogs", "dandelion", "rocket"]
TEXTURES = ["brick", "grass", "gravel", "hubble", "ihc", "stream", "brushes", "peaks", "raccoon", "sunset", "dandelion", "drum", "chelsea"]
COMPOSED = 0.36  # share of scenes with held things and laid tables
REAL = ["chelsea", "raccoon", "grace_hopper", "grace_hopper", "grace_hopper", "grace_hopper", "grace_hopper", "china", "bowl", "bowl", "drum", "dogs", "dandelion", "rocket", "peaks", "sunset", "peaks", "china"]


# --- backdrops ---------------------------------------------------------------------------------------------------------

def photo_crop(rng, name, blur=0):
    image = PHOTOS[name][0] if name in PHOTOS else PHOTOS["stream"][0]
    side = int(min(image.size) * rng.uniform(0.3, 1.0))
    x, y = rng.integers(0, image.width - side + 1), rng.integers(0, image.height - side + 1)
    small = N if not blur else max(6, int(N / blur))
    out = image.resize((small, small), Image.BOX, box=(x, y, x + side, y + side))
    if blur:
        out = out.resize((N, N), Image.BICUBIC)
    return np.asarray(out, np.float32) / 255


def sky_picture(rng):
    """A sky: clear, cloudy, grey or sunset."""
    kind = rng.random()
    if kind < 0.5:
        top, low = np.array([0.18, 0.38, 0.75]) * rng.uniform(0.6, 1.2), np.array([0.65, 0.78, 0.92]) * rng.uniform(0.8, 1.08)
    elif kind < 0.72:
        g = rng.uniform(0.5, 0.97)
        top, low = np.array([g * 0.9, g * 0.94, g]), np.full(3, min(1, g + rng.uniform(-0.1, 0.15)))
    elif kind < 0.9:
        top, low = np.array([0.25, 0.28, 0.5]) * rng.uniform(0.5, 1.6), np.array([1.0, rng.uniform(0.4, 0.75), rng.uniform(0.2, 0.55)])
    else:
        top, low = np.array([0.03, 0.05, 0.14]) * rng.uniform(0.5, 2.5), np.array([0.10, 0.13, 0.28]) * rng.uniform(0.5, 2)
    t = np.clip(Y / rng.uniform(0.4, 1.0), 0, 1)[..., None]
    picture = top * (1 - t) + low * t
    if rng.random() < 0.6:
        stretch = smooth_noise(rng, ((2, 0.6), (5, 0.8), (11, 0.5), (25, 0.25)))
        clouds = np.clip((stretch - rng.uniform(-0.2, 0.9)) * rng.uniform(0.8, 3), 0, 1)[..., None]
        picture = picture * (1 - clouds) + clouds * np.clip(low * 0.3 + rng.uniform(0.55, 0.75), 0, 1)
    return picture.astype(np.float32)


def ridge(rng, base):
    """A horizon line: the row of each column."""
    x = np.linspace(0, 1, N)
    line = np.full(N, base)
    rough = rng.random()
    for k in (1, 2, 3, 5, 9, 17, 31):
        line += rng.normal() * rough * 0.07 / k ** 0.8 * np.sin(2 * math.pi * (k * x * rng.uniform(0.6, 1.4) + rng.random()))
    return line.astype(np.float32)


def land(rng):
    """Ground; mostly of quiet colours, as a strong colour low in the picture is rather somebody's clothes."""
    kind = rng.random()
    if kind < 0.45:
        texture = photo_crop(rng, ["grass", "gravel", "stream", "brick", "grass", "peaks", "brushes"][rng.integers(7)])
        if rng.random() < 0.5:
            texture = texture.mean(2, keepdims=True) * muted(rng) * 2
    else:
        texture = muted(rng) * np.exp(0.25 * smooth_noise(rng, ((4, 0.6), (16, 0.7), (60, 0.8))))[..., None]
    return np.clip(texture, 0, 1)


def backdrop(rng):
    """Returns the picture, the sky mask and the name map."""
    name, sky = np.full((N, N), UNKNOWN, np.uint8), np.zeros((N, N), np.float32)
    kind = rng.random()
    if kind < 0.38:  # sky over land
        picture = sky_picture(rng)
        base = rng.uniform(0.15, 0.95)
        sky = np.clip((ridge(rng, base)[None] - Y) * N * rng.uniform(0.15, 0.6) + 0.5, 0, 1)
        ground = land(rng)
        if rng.random() < 0.6:  # far hills behind, blue with haze
            far = np.clip((ridge(rng, base + 0.02) + rng.uniform(0.05, 0.25) - Y) * N * 0.5 + 0.5, 0, 1)[..., None]
            haze = rng.uniform(0.1, 0.7)
            if rng.random() < 0.6:
                ground = 0.5 * ground + 0.5 * np.array([0.42, 0.48, 0.58], np.float32) * rng.uniform(0.5, 1.3)
            ground = far * (ground * (1 - haze) + haze * picture[int(base * N * 0.7)].mean(0)) * 0.8 + (1 - far) * land(rng)
        if rng.random() < 0.25:  # water that mirrors the sky
            shore = np.clip((Y - (base + rng.uniform(0.1, 0.4))) * N * 0.3, 0, 1)[..., None]
            water = picture[::-1] * rng.uniform(0.5, 0.95) + rng.normal(0, 0.02, (N, 1, 1))
            ground = ground * (1 - shore) + shore * water
        picture = picture * sky[..., None] + ground * (1 - sky[..., None])
        if rng.random() < 0.4:  # trunks and poles in front of the sky
            for _ in range(rng.integers(1, 5)):
                cx, w = rng.random(), rng.uniform(0.003, 0.03)
                pole = (np.clip((w - np.abs(X - cx + (Y - 0.5) * rng.normal() * 0.1)) * N, 0, 1) * (Y > rng.uniform(0, 0.5)))
                picture = picture * (1 - pole[..., None]) + pole[..., None] * any_colour(rng) * 0.5
                sky = sky * (1 - pole)
    elif kind < 0.56:  # wall, maybe with a table or floor
        picture = any_colour(rng) * (1 + 0.25 * rng.normal() * (X - 0.5) + 0.3 * rng.normal() * (Y - 0.5) + 0.06 * smooth_noise(rng))[..., None]
        if rng.random() < 0.6:
            line = np.clip((Y - rng.uniform(0.4, 0.85) - (X - 0.5) * rng.normal() * 0.08) * N, 0, 1)[..., None]
            floor = any_colour(rng) * (1 + 0.12 * smooth_noise(rng, ((4, 0.5), (30, 0.6))))[..., None]
            if rng.random() < 0.5:  # planks
                angle = rng.uniform(0, math.pi)
                u, v = X * math.cos(angle) + Y * math.sin(angle), Y * math.cos(angle) - X * math.sin(angle)
                floor = floor * (0.85 + 0.12 * np.sin(60 * u + 3 * smooth_noise(rng)) + 0.15 * np.sign(np.sin(v * rng.uniform(8, 30))))[..., None]
            picture = picture * (1 - line) + floor * line
    elif kind < 0.66:  # planks all over, as a table top seen from above
        angle = rng.uniform(0, math.pi)
        u, v = X * math.cos(angle) + Y * math.sin(angle), Y * math.cos(angle) - X * math.sin(angle)
        tone = sample_colour(rng, "brown" if rng.random() < 0.5 else "orange" if rng.random() < 0.3 else NAMES[rng.integers(len(NAMES))])
        grain = 0.12 * np.sin(50 * v + 4 * smooth_noise(rng)) + 0.1 * smooth_noise(rng, ((4, 0.6), (20, 0.5), (70, 0.6))) + 0.12 * np.sin(v * rng.uniform(5, 20) + rng.random() * 6)
        picture = tone * (0.9 + grain + 0.4 * rng.normal() * (X - 0.5))[..., None]
    elif kind < 0.86:  # a photo, sharp or out of focus
        picture = photo_crop(rng, TEXTURES[rng.integers(len(TEXTURES))], blur=0 if rng.random() < 0.5 else rng.uniform(3, 20))
        if rng.random() < 0.5:
            picture = picture[..., rng.permutation(3)]
        picture = picture * rng.uniform(0.4, 1.2)
    else:  # soft blobs of light and colour
        picture = np.zeros((N, N, 3), np.float32) + any_colour(rng) * 0.7
        for _ in range(rng.integers(3, 14)):
            blob = np.exp(-(((X - rng.random()) ** 2 + (Y - rng.random()) ** 2) / rng.uniform(0.002, 0.06)))[..., None]
            picture = picture * (1 - blob) + blob * any_colour(rng)
    return np.clip(picture, 0, 1).astype(np.float32), sky.astype(np.float32), name


# --- objects -----------------------------------------------------------------------------------------------------------

def blob(c, cx, cy, size, subject, soft):
    """Ellipse, star, Fourier blob or box with one or two named colours."""
    rng = c.rng
    u, v, r, a = polar(cx, cy, rng.uniform(0, math.pi), rng.uniform(0.5, 1.0))
    kind = rng.random()
    radius = np.full_like(r, size)
    if kind < 0.35:
        for k in range(2, 7):
            radius = radius + size * rng.normal() * 0.16 / k ** 0.5 * np.sin(k * a + rng.uniform(0, 7))
    elif kind < 0.5:
        k = rng.integers(3, 9)
        radius = radius * (1 + rng.uniform(0.1, 0.35) * np.cos(k * a))
    distance = radius - r
    if kind > 0.8:
        distance = size * 0.85 - np.maximum(np.abs(u), np.abs(v))
    mask = edge(distance, soft)
    light, shine = shade(rng, u, v, r, size)
    if subject:
        c.shadow(mask)
    colour, name = c.named()
    c.put(mask, colour, name, light, shine, subject)
    if rng.random() < 0.45:  # a second colour: stripes, spots or an inner part
        other, name = c.named()
        kind = rng.random()
        if kind < 0.35:
            part = np.clip(np.sin(u * rng.uniform(10, 60) / size * 0.3) * 8, 0, 1)
        elif kind < 0.6:
            part = np.clip((smooth_noise(rng, ((6, 1.0), (9, 0.7))) - 0.4) * 8, 0, 1)
        else:
            part = edge(size * rng.uniform(0.2, 0.6) - np.sqrt((u - size * rng.normal() * 0.2) ** 2 + (v - size * rng.normal() * 0.2) ** 2), soft)
        c.put(mask * part, other, name, light, shine, subject)


def flower(c, cx, cy, size, subject, soft):
    rng = c.rng
    colour, name = c.named()
    layers, petals = rng.integers(1, 6), rng.integers(5, 22)
    squash = rng.uniform(0.7, 1.0)
    if rng.random() < 0.5:  # stem
        bend = rng.normal() * 0.1
        stem = edge(0.008 + 0.008 * rng.random() - np.abs(X - cx - bend * (Y - cy)), soft) * (Y > cy)
        c.put(stem, sample_colour(rng, "green"), NAMES.index("green"), rng.uniform(0.6, 1.0), 0.0, subject)
    inner, _ = c.named()
    inner = colour * rng.uniform(0.5, 1.1) if rng.random() < 0.7 else inner
    drift = (colour * (1 + 0.3 * rng.normal(size=3))).clip(0, 1).astype(np.float32)  # petals change in hue from base to tip
    for layer in range(layers):
        s = size * (1 - layer / (layers + 0.5))
        u, v, r, a = polar(cx, cy, rng.uniform(0, 6), squash)
        wave = np.abs(np.cos(petals / 2 * a))
        radius = s * (1 - rng.uniform(0.1, 0.35) * (1 - wave) ** rng.uniform(0.7, 2))
        mask = edge(radius - r, soft)
        light = np.clip(rng.uniform(0.3, 0.6) + rng.uniform(0.4, 0.7) * wave * np.clip(r / s, 0, 1) + 0.15 * rng.normal() * u / size, 0.15, 1.4)
        blend, tip = layer / max(1, layers), (np.clip(r / s, 0, 1) ** 2)[..., None]
        petal = colour * (1 - blend * 0.6) + inner * blend * 0.6
        c.put(mask, petal * tip + (0.5 * petal + 0.5 * drift) * (1 - tip), name, light, 0.0, subject)
    if rng.random() < 0.5:
        u, v, r, a = polar(cx, cy, 0, squash)
        other, name = c.named()
        c.put(edge(size * rng.uniform(0.12, 0.35) - r, soft), other, name, 0.8 + 0.2 * rng.random(), 0.0, subject)


def cut_out(c, subject=True, keys=SUBJECTS, low=False):
    """A photo's subject pasted in another place; low: so that the lower edge of the picture cuts it."""
    rng = c.rng
    key = keys[rng.integers(len(keys))]
    image, masks = PHOTOS[key]
    angle, scale = math.radians(rng.normal() * 8), rng.uniform(0.6, 1.6) * max(image.size) / N / rng.uniform(0.7, 1.3)
    flip = -1 if rng.random() < 0.5 else 1
    ca, sa = math.cos(angle) * scale, math.sin(angle) * scale
    tx, ty = N * rng.uniform(0.35, 0.65), N * rng.uniform(0.4, 0.65)
    ox, oy = image.width * 0.5, image.height * 0.5
    if low:
        ty = max(ty, N - 0.47 * image.height / scale)
    data = (flip * ca, flip * sa, ox - flip * (ca * tx + sa * ty), -sa, ca, oy + sa * tx - ca * ty)
    body = np.asarray(image.transform((N, N), Image.AFFINE, data, Image.BILINEAR), np.float32) / 255
    mask = np.asarray(masks["subject"].transform((N, N), Image.AFFINE, data, Image.BILINEAR), np.float32) / 255
    name = np.full((N, N), UNKNOWN, np.uint8)
    if key == "grace_hopper" and rng.random() < 0.7:
        body = dressed(rng, body, mask, name)
    elif rng.random() < 0.3:
        body = body[..., rng.permutation(3)]
    c.put(mask, body * rng.uniform(0.7, 1.2), name, 1.0, 0.0, subject)


def distractors(c, count, soft):
    """Shapes near the border: not the subject."""
    rng = c.rng
    for _ in range(count):
        side = rng.integers(4)
        along, off = rng.random(), rng.uniform(-0.05, 0.12)
        cx, cy = ((along, off), (along, 1 - off), (off, along), (1 - off, along))[side]
        draw = rng.random()
        if draw < 0.5:
            blob(c, cx, cy, rng.uniform(0.04, 0.16), False, soft)
        elif draw < 0.65:
            flower(c, cx, cy, rng.uniform(0.04, 0.13), False, soft)
        else:  # a hanging flag or curtain: stripes down one side
            width = rng.uniform(0.06, 0.3)
            x = X if rng.random() < 0.5 else 1 - X
            mask = edge(width + 0.05 * np.sin(Y * rng.uniform(3, 12)) * rng.random() + 0.1 * rng.normal() * (Y - 0.5) - x, soft)
            a, an = c.named()
            b, bn = c.named()
            light = np.clip(0.8 + 0.6 * folds(rng), 0.2, 1.4)
            angle = rng.normal()
            part = np.clip(np.sin((X * math.cos(angle) + Y * math.sin(angle)) * rng.uniform(15, 70)) * 8, 0, 1)
            c.put(mask, a, an, light, 0.0, False)
            c.put(mask * part, b, bn, light, 0.0, False)


def held(source):
    """What people hold: a thing of the cut-outs, or a blob."""
    def hold(c, x, y, size):
        kind = c.rng.random()
        if kind < 0.35:
            people.helmet(c, x, y, size)
        elif kind < 0.7:
            cutouts.paste(c, cutouts.choose(c.rng, "thing", source), x, y, 2 * size, 2 * size)
        else:
            blob(c, x, y, size, True, 0.8)
    return hold


def procedural(rng, source=None):
    c = Canvas(rng, *backdrop(rng))
    soft = rng.uniform(0.35, 1.0)
    if rng.random() < 0.25:
        distractors(c, rng.integers(1, 4), soft)
    if rng.random() < 0.4:
        cutouts.behind(c, soft, source)
    if rng.random() < 0.1:  # people far behind
        people.figurine(c, rng.random(), rng.uniform(0.4, 0.8), rng.uniform(0.08, 0.2), False, soft, blob)
    if rng.random() < 0.08:  # a large thing far behind, in the middle
        blob(c, rng.uniform(0.15, 0.85), rng.uniform(0.2, 0.7), rng.uniform(0.08, 0.2), False, 0.12)
    if rng.random() < 0.4:
        c.defocus(rng.uniform(1.2, 9))
    kind = rng.random()
    cx, cy = 0.5 + rng.normal() * 0.09, 0.52 + rng.normal() * 0.08
    if kind < 0.36:
        people.half_length(c, soft, held(source))
    elif kind < 0.40:
        people.figurine(c, cx, cy, rng.uniform(0.35, 0.8), True, soft, blob)
    elif kind < 0.56:
        cutouts.bust(c, soft, source)
        if rng.random() < 0.2:
            held(source)(c, rng.uniform(0.25, 0.75), rng.uniform(0.7, 1.0), rng.uniform(0.08, 0.2))
    elif kind < 0.60:
        cutouts.figure(c, soft, source)
    elif kind < 0.62:
        cutouts.thing(c, soft, source, "head")
    elif kind < 0.72:
        for _ in range(1 if rng.random() < 0.75 else 2):
            cutouts.thing(c, soft, source)
    elif kind < 0.81:
        tables.cup(c, cx, cy, rng.uniform(0.18, 0.55), True, soft)
    elif kind < 0.88:
        flower(c, cx, cy, rng.uniform(0.12, 0.45), True, soft)
    elif kind < 0.90:
        for _ in range(rng.integers(1, 4)):
            blob(c, cx + rng.normal() * 0.06, cy + rng.normal() * 0.06, rng.uniform(0.1, 0.32), True, soft)
    elif kind < 0.96:
        cut_out(c)
    # else: no subject, scenery only
    if rng.random() < 0.06:
        distractors(c, 1, soft)
    return c.picture, c.subject, c.sky, c.name


def any_photo(rng):
    """A piece of a photo as a material."""
    return photo_crop(rng, TEXTURES[rng.integers(len(TEXTURES))])[..., rng.permutation(3)] * np.float32(rng.uniform(0.6, 1.2))


def composed(rng, source=None):
    """People who hold things before backdrops that confuse, a portrait with something before the chest, cups on tables."""
    c = Canvas(rng, *backdrop(rng))
    soft = rng.uniform(0.35, 1.0)
    kind = rng.random()
    if kind < 0.4:
        if rng.random() < 0.8:
            holding.room(c, soft, source)
        bodies.stand(c, soft, any_photo, bodies.ASIDE if source else None)
    elif kind < 0.66:
        holding.holder(c, soft, source, any_photo)
    elif kind < 0.76:
        if rng.random() < 0.7:
            holding.room(c, soft, source)
        if source is None and rng.random() < 0.6:
            cut_out(c, keys=("grace_hopper",), low=True)
        else:
            cutouts.bust(c, soft, source)
        holding.offer(c, soft, source, any_photo)
    else:
        tables.laid(c, soft, source)
        if rng.random() < 0.6:
            tables.turn(c)
    return c.picture, c.subject, c.sky, c.name


def dressed(rng, picture, subject, name):
    """Gives the dark uniform of the portrait another colour, as bright clothes are rare in the photos; writes it into the names."""
    light = grey(picture)
    cloth = subject * np.clip((0.34 - light) / 0.1, 0, 1) * np.clip((Y - 0.45) / 0.06, 0, 1)
    index = rng.integers(len(NAMES))
    name[cloth > 0.5] = index
    body = sample_colour(rng, NAMES[index]) * np.clip(rng.uniform(0.45, 0.9) + 2.2 * light, 0.1, 1.3)[..., None]
    return picture * (1 - cloth[..., None]) + cloth[..., None] * np.clip(body, 0, 1)


def real(rng):
    """A photo as it is: another crop, side, white balance."""
    key = REAL[rng.integers(len(REAL))]
    image, masks = PHOTOS[key]
    side_x, side_y = image.width * rng.uniform(0.6, 1.0), image.height * rng.uniform(0.6, 1.0)
    x, y = rng.uniform(0, image.width - side_x), rng.uniform(0, image.height - side_y)
    box = (x, y, x + side_x, y + side_y)
    take = lambda im: np.asarray(im.resize((N, N), Image.BILINEAR, box=box), np.float32) / 255
    picture, zero = take(image), np.zeros((N, N), np.float32)
    subject, sky = (take(masks[part]) if part in masks else zero for part in ("subject", "sky"))
    name = np.full((N, N), UNKNOWN, np.uint8)
    if key == "grace_hopper" and rng.random() < 0.75:
        picture = dressed(rng, picture, subject, name)
    if "red" in masks:
        name[take(masks["red"]) > 0.5] = NAMES.index("red")
        name[take(masks["not red"]) > 0.5] = UNKNOWN
    balance = np.exp(rng.normal(size=3) * 0.06).astype(np.float32)
    if rng.random() < 0.3 and "red" not in masks:
        picture = picture[..., rng.permutation(3)]
    return picture * balance, subject, sky, name


def camera(rng, picture):
    """What light and camera do to a picture: side light, colour cast, haze, grey, blur, noise, JPEG."""
    picture = np.clip(picture, 0, 1) ** np.float32(math.exp(rng.normal() * 0.2))
    if rng.random() < 0.4:  # light from a side, dark corners
        angle = rng.uniform(0, 2 * math.pi)
        field = 1 + rng.uniform(0, 0.6) * ((X - 0.5) * math.cos(angle) + (Y - 0.5) * math.sin(angle)) - rng.uniform(0, 0.7) * ((X - 0.5) ** 2 + (Y - 0.5) ** 2)
        picture = picture * field[..., None]
    if rng.random() < 0.4:
        picture = picture * np.exp(rng.normal(size=3) * 0.1)
    if rng.random() < 0.35:  # a dim or hazy camera
        picture = picture * rng.uniform(0.55, 1.1) + rng.uniform(0, 0.12)
    if rng.random() < 0.3:
        pale = grey(picture)[..., None]
        picture = pale + (picture - pale) * rng.uniform(0.4, 1.2)
    if rng.random() < 0.2:
        picture = blurred(picture, rng.uniform(1.0, 1.8))
    picture = np.clip(picture + rng.normal(0, rng.uniform(0, 0.02), (N, N, 3)), 0, 1)
    picture = (picture * 255 + 0.5).astype(np.uint8)
    if rng.random() < 0.3:
        packed = io.BytesIO()
        Image.fromarray(picture).save(packed, "JPEG", quality=int(rng.integers(25, 90)))
        picture = np.asarray(Image.open(packed))
    return picture


def doubt(rgb, name):
    """Forgets a colour name that nobody would still see in the finished picture, as in the dark or under a coloured light."""
    for index in np.unique(name[name < len(NAMES)]):
        here = name == index
        if match(rgb[here].astype(np.float32) / 255, NAMES[index]).mean() < 0.25:
            name[here] = UNKNOWN
    return name


def scene(rng, source=None):
    kind = rng.random()
    if kind < COMPOSED:
        picture, subject, sky, name = composed(rng, source)
    elif source is None and kind < COMPOSED + 0.16 * (1 - COMPOSED):
        picture, subject, sky, name = real(rng)
    else:
        picture, subject, sky, name = procedural(rng, source)
    pack = lambda a: (np.clip(a, 0, 1) * 255 + 0.5).astype(np.uint8)
    picture = camera(rng, picture)
    return picture, pack(subject), pack(sky), doubt(picture, name)


def colour_target(rgb, name_map, source):
    """Where the picture has the named colour: whole objects by their albedo, elsewhere the cleaned match of the pixels."""
    m = match(rgb, NAMES[source])
    known = name_map != UNKNOWN
    # an object of another name may still hold pixels that anybody would call so: leave those out
    return np.where(known, (name_map == source) * 1.0, np.clip((m - 0.3) / 0.4, 0, 1)).astype(np.float32), m.astype(np.float32)
