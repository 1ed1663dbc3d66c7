"""The renderer: the edit programme carried out on every pixel, as ONNX nodes. Nothing here is learned.

Pictures are [3, rows, columns] floats 0..1. Large pictures are rendered in bands of rows; whatever needs neighbours
comes from small copies of the whole picture (SMALL squared), so a band needs nothing but itself and the row offset.
"""
import numpy as np

import colour_match as M
import programme as P

SMALL = 512      # copy for sharpen, the ink of cartoon, and pixelate
HALF = SMALL // 2  # copy for the wide blurs
SIDES = {"blur": HALF, "sketch": HALF, "cartoon": HALF, "ink": SMALL, "sharpen": SMALL}
LUMA = np.array([0.299, 0.587, 0.114], np.float32).reshape(3, 1, 1)


class Renderer:
    def __init__(self, builder, strength, region, tint_chroma, target, height, width):
        """strength [16] signed; region [16, 4] one-hot; tint_chroma and target [3,1,1]; height, width int64 scalars."""
        b = self.b = builder
        self.height, self.width = height, width
        self.hf, self.wf = b.cast(height, "float"), b.cast(width, "float")
        self.long = b.op("Max", self.hf, self.wf)
        self.strength, self.region, self.tint_chroma, self.target = strength, region, tint_chroma, target
        self.s = {k: b.at(strength, i) for i, k in enumerate(P.KINDS)}
        self.on = {k: b.op("Abs", v) > 0.0 for k, v in self.s.items()}

    # --- small helpers --------------------------------------------------------------------------------------------------
    def luma(self, x):
        return self.b.sum(x * LUMA, 0)

    def weight(self, kind, masks):
        """Where the kind applies: [1, rows, columns] or a scalar 1."""
        b, r = self.b, b_region(self, kind)
        subject, sky, _ = masks
        return r[0] + r[1] * subject + r[2] * (1.0 - subject) + r[3] * sky

    def only_if(self, kind, x, change, masks):
        """x where the kind is off; else x moved towards change(x) by the region."""
        b = self.b
        return b.if_(self.on[kind], lambda: b.clip(x + self.weight(kind, masks) * (change(x) - x)), lambda: x)

    # --- colours --------------------------------------------------------------------------------------------------------
    def recolour(self, x, masks, mean):
        b = self.b
        relative = (self.luma(x) + 0.07) / (mean + 0.07)  # the offset keeps the noise of black things small
        body = self.target * b.op("Min", relative, b.const(1.0)) + (1.0 - self.target) * (0.3 * b.clip(relative - 1.0, 0.0, 1.2))
        return b.clip(x + masks[2] * self.s["recolour"] * (body - x))

    def brightness(self, x):
        b, v = self.b, self.s["brightness"]
        y = b.op("Max", self.luma(x), b.const(0.004))
        lifted = b.op("Pow", y, b.op("Exp", v * -0.95)) * (1.0 + 0.12 * v)
        out = x * (lifted / y)
        # what would burn out turns white instead of keeping a wrong hue
        over = b.op("Max", b.max(out, 0) - 1.0, b.const(0.0))
        return out + over * 0.5

    def contrast(self, x):
        b, v = self.b, self.s["contrast"]
        up, down = b.clip(v), b.clip(-v)
        curve = x * x * (3.0 - 2.0 * x)
        return x + (up * 1.15) * (curve - x) + (down * 0.8) * (0.52 - x)

    def temperature(self, x):
        b, v = self.b, self.s["temperature"]
        gains = 1.0 + v * b.const(np.array([0.30, 0.02, -0.36], np.float32).reshape(3, 1, 1))
        out = x * gains
        return out * (self.luma(x) / b.op("Max", self.luma(out), b.const(0.004)))

    def saturation(self, x):
        y, v = self.luma(x), self.s["saturation"]
        return y + (x - y) * (1.0 + v * (1.0 + 0.2 * self.b.clip(v)))

    def tint(self, x):
        y = self.luma(x)
        around = 2.0 * y - 1.0
        return x + self.s["tint"] * (y + self.tint_chroma * (1.0 - around * around) - x)

    def fade(self, x):
        v = self.s["fade"]
        y = self.luma(x)
        return (x + v * 0.25 * (y - x)) * (1.0 - 0.42 * v) + 0.24 * v

    def invert(self, x):
        return x + self.s["invert"] * (1.0 - 2.0 * x)

    def colours(self, x, masks, mean):
        b = self.b
        x = b.if_(self.on["recolour"], lambda: self.recolour(x, masks, mean), lambda: x)
        def tones():
            y = x
            for kind in ("brightness", "contrast", "temperature", "saturation", "tint", "fade", "invert"):
                y = self.only_if(kind, y, getattr(self, kind), masks)
            return y
        any_tone = b.sum(b.op("Abs", b.rows(self.strength, 0, 7)), 0, keep=0) > 0.0
        return b.if_(any_tone, tones, lambda: x)

    # --- small copies ---------------------------------------------------------------------------------------------------
    def gaussian(self, sigma, n=SMALL):
        """A [n, n] matrix that blurs along one axis; rows sum to 1, so the border needs no care."""
        b = self.b
        i = np.arange(n, dtype=np.float32)
        distance = b.const(i[:, None]) - b.const(i[None])
        g = b.op("Exp", distance * distance * (-0.5 / (sigma * sigma)))
        return g / b.sum(g, 1)

    def spread(self, x, sigma, n=HALF):
        """Gaussian blur of a small copy of n cells; sigma in cells of the SMALL copy along the long side."""
        b = self.b
        sigma = sigma * (n / SMALL)
        sx, sy = sigma * self.long / self.wf, sigma * self.long / self.hf
        return b.op("MatMul", b.op("MatMul", self.gaussian(sy, n), x), b.transpose(self.gaussian(sx, n), 1, 0))

    def halved(self, x, planes):
        b = self.b
        return b.mean(b.shape(x, planes, HALF, 2, HALF, 2), 2, 4, keep=0)

    def prepare(self, small, masks):
        """What the filters need from the edited small copy: blurred pictures and coefficients, zeros where a filter is off."""
        b = self.b
        nothing = lambda n: b.const(np.zeros((n, 2, 2), np.float32))
        one = b.op("Expand", b.const(np.ones((1, 1, 1), np.float32)), b.ints([1, SMALL, SMALL]))

        def blur():
            w = self.weight("blur", masks) * one
            s = 0.6 + 11.0 * self.s["blur"]
            top = self.spread(self.halved(b.concat([small * w, w]), 4), s)
            return b.rows(top, 0, 3) / (b.rows(top, 3, 4) + 0.002)

        def sketch():
            return self.spread(self.halved(self.luma(small), 1), 3.2)

        def sharpen():  # luminance for the wide part
            return self.spread(self.luma(small), 2.0, SMALL)

        def cartoon():  # self-guided filter: a and b for each channel
            half = self.halved(small, 3)
            mean, square = self.spread(half, 4.0), self.spread(half * half, 4.0)
            var = b.op("Max", square - mean * mean, b.const(0.0))
            a = var / (var + 0.012)
            return b.concat([self.spread(a, 3.0), self.spread(mean * (1.0 - a), 3.0)])

        def ink():
            y = self.luma(small)
            return b.clip((self.spread(y, 2.6, SMALL) - self.spread(y, 0.9, SMALL) - 0.016) * 26.0)

        made = {"blur": (blur, 3), "sketch": (sketch, 1), "sharpen": (sharpen, 1), "cartoon": (cartoon, 6), "ink": (ink, 1)}
        off = lambda n: lambda: nothing(n)
        return {k: b.if_(self.on["cartoon" if k == "ink" else k], make, off(n)) for k, (make, n) in made.items()}

    def blocks(self, small):
        """Pixelate: block size in pixels and the mean colour of each block [3, rows of blocks, columns of blocks]."""
        b = self.b
        count = 128.0 - 92.0 * self.s["pixelate"]
        size = b.cast(b.op("Ceil", self.long / count), "int64")
        def samples(length, f):
            n = b.idiv(length + size - b.ints(1), size)
            i = b.cast(b.range(n * b.ints(4)), "float")
            place = (i + 0.5) * (b.cast(size, "float") / 4.0) / f * float(SMALL)
            return n, b.cast(b.clip(b.op("Floor", place), 0.0, SMALL - 1.0), "int64")
        ny, iy = samples(self.height, self.hf)
        nx, ix = samples(self.width, self.wf)
        taken = b.take(b.take(small, iy, 1), ix, 2)
        one = lambda v: b.unsqueeze(v, 0)
        split = b.op("Reshape", taken, b.concat([b.ints([3]), one(ny), b.ints([4]), one(nx), b.ints([4])]))
        return size, b.mean(split, 2, 4, keep=0)

    # --- bands ----------------------------------------------------------------------------------------------------------
    def place(self, length, position, n):
        """Bilinear positions on a small copy of n cells for pixel numbers of a side of the given length."""
        b = self.b
        p = b.clip((b.cast(position, "float") + 0.5) * (n / length) - 0.5, 0.0, n - 1.0)
        low = b.op("Min", b.op("Floor", p), b.const(n - 2.0))
        index = b.cast(low, "int64")
        return index, index + b.ints(1), p - low

    def columns(self, grid, n):
        """A small copy widened to the picture's columns."""
        b = self.b
        low, high, t = self.place(self.wf, b.range(self.width), n)
        left = b.take(grid, low, 2)
        return left + t * (b.take(grid, high, 2) - left)

    def lines(self, wide, rows, n):
        """The rows of a band from a widened copy."""
        b = self.b
        low, high, t = self.place(self.hf, rows, n)
        t = b.unsqueeze(t, 1)
        top = b.take(wide, low, 1)
        return top + t * (b.take(wide, high, 1) - top)

    def filters(self, x, original, rows, masks, wide, size, blocks, hashes):
        b = self.b
        up = lambda kind: self.lines(wide[kind], rows, SIDES[kind])
        def blur(y):
            return up("blur")
        def sharpen(y):
            light = self.luma(y)
            fine = original
            detail = fine[0] * 2.6 + 0.9 * (light - up("sharpen"))
            return y + self.s["sharpen"] * b.clip(detail, -0.25, 0.25)
        def pixelate(y):
            iy, ix = b.idiv(rows, size), b.idiv(b.range(self.width), size)
            return b.take(b.take(blocks, iy, 1), ix, 2)
        def posterize(y):
            levels = b.op("Round", 6.6 - 4.0 * self.s["posterize"]) - 1.0
            def steps(v, count, sharp):
                t = v * count
                step = b.op("Floor", t)
                return (step + b.clip((t - step - 0.5) * sharp + 0.5)) / count
            # luminance and colour in steps of their own: three channels in steps would give stray hues
            light = self.luma(y)
            return steps(light, levels, 9.0) + 1.2 * steps(y - light, levels * 2.0, 6.0)
        def cartoon(y):
            part = up("cartoon")
            smooth = b.rows(part, 0, 3) * y + b.rows(part, 3, 6)
            light = self.luma(smooth)
            t = light * 6.0
            step = b.op("Floor", t)
            level = (step + b.clip((t - step - 0.5) * 4.0 + 0.5)) / 6.0
            flat = level + (smooth - light) * 1.45
            return b.clip(flat) * (1.0 - 0.92 * up("ink"))
        def sketch(y):
            ratio = b.clip(self.luma(y) / (up("sketch") + 0.02), 0.02, 1.0)
            line = b.op("Pow", ratio, b.const(3.2))
            return line + y * 0.0
        for kind, change in (("blur", blur), ("sharpen", sharpen), ("pixelate", pixelate), ("posterize", posterize), ("cartoon", cartoon)):
            x = self.only_if(kind, x, change, masks)
        x = b.if_(self.on["sketch"], lambda: x + self.weight("sketch", masks) * self.s["sketch"] * (sketch(x) - x), lambda: x)
        x = b.if_(self.on["vignette"], lambda: self.vignette(x, rows), lambda: x)
        return b.if_(self.on["grain"], lambda: self.grain(x, rows, hashes), lambda: x)

    def vignette(self, x, rows):
        b = self.b
        u = (b.cast(b.range(self.width), "float") + 0.5) * (2.0 / self.wf) - 1.0
        v = (b.cast(rows, "float") + 0.5) * (2.0 / self.hf) - 1.0
        d = b.op("Sqrt", (u * u + b.unsqueeze(v * v, 1)) * 0.5)
        t = b.clip((d - 0.30) / 0.75)
        return x * (1.0 - (1.25 * self.s["vignette"]) * (t * t * (3.0 - 2.0 * t)))

    PRIME = 2147483647

    def hash_lines(self, seed):
        """One number a row and a column (of grain cells), from the seed."""
        b = self.b
        cell = b.op("Max", b.cast(b.op("Round", self.long / 1400.0), "int64"), b.ints(1))
        seed = b.imod(b.op("Abs", seed), self.PRIME)
        def line(length, factor, add):
            i = b.idiv(b.range(length), cell)
            h = b.imod((i + b.ints(add)) * b.ints(factor) + seed * b.ints(69621), self.PRIME)
            h = b.imod(h * h + b.ints(12345), self.PRIME)
            return b.imod(h * b.ints(48271) + seed, self.PRIME)
        return line(self.height, 1103515245, 71), line(self.width, 1220703125, 913)

    def grain(self, x, rows, hashes):
        b = self.b
        r, c = b.unsqueeze(b.take(hashes[0], rows, 0), 1), b.unsqueeze(hashes[1], 0)
        h = b.imod(r + c, self.PRIME)
        h = b.imod(h * h, self.PRIME)
        low, high = b.cast(b.imod(h, 46341), "float"), b.cast(b.idiv(h, 46341), "float")
        noise = b.unsqueeze((low + high) * (1.0 / 46341.0) - 1.0, 0)
        light = self.luma(x)
        return b.clip(x + (0.34 * self.s["grain"]) * noise * (0.35 + 2.6 * light * (1.0 - light)))


def b_region(renderer, kind):
    row = renderer.b.at(renderer.region, P.KINDS.index(kind))
    return [renderer.b.at(row, i) for i in range(4)]


def match_nodes(b, x, row):
    """colour_match.match as nodes: x [3, h, w], row [7] of the table -> [1, h, w]."""
    r, g, bl = (b.rows(x, i, i + 1) for i in range(3))
    top, low = b.max(x, 0), b.min(x, 0)
    span = top - low
    safe = b.op("Max", span, b.const(1e-4))
    hue = b.where(b.op("Equal", top, r), (g - bl) / safe, b.where(b.op("Equal", top, g), 2.0 + (bl - r) / safe, 4.0 + (r - g) / safe)) / 6.0
    hue = hue - b.op("Floor", hue)
    saturation = span / b.op("Max", top, b.const(0.02))
    centre, half, ramp, s0, s1, v0, v1 = (b.at(row, i) for i in range(7))
    turned = hue - centre + 0.5
    distance = b.op("Abs", turned - b.op("Floor", turned) - 0.5)
    fit = b.clip((half + ramp - distance) / ramp)
    fit = fit * b.clip((saturation - s0) / M.S_RAMP + 0.5) * b.clip((s1 - saturation) / M.S_RAMP + 0.5)
    return fit * b.clip((top - v0) / M.V_RAMP + 0.5) * b.clip((v1 - top) / M.V_RAMP + 0.5)
