"""Telegrams and labels: "Subject: sharpen hard.", "bg - darker, slight", "WB cooler; contrast +20", "bw, grainy"."""
from .clauses import *

# Words that stand for a whole edit when nothing else is said.
BARE = {
    "brightness+": "brighter, brighten, lighten, lighter, lift exposure, exposure up, brightness up, more light, raise exposure, bump exposure, push exposure, lift shadows",
    "brightness-": "darker, darken, dim, dimmer, drop exposure, exposure down, brightness down, less light, lower exposure, pull exposure, cut exposure, tame highlights",
    "contrast+": "more contrast, contrast up, punchier, raise contrast, boost contrast, bump contrast, contrastier, higher contrast, punch, crush blacks, dehaze, contrasty",
    "contrast-": "less contrast, contrast down, flatter, drop contrast, lower contrast, reduce contrast, softer contrast, flatten, cut contrast, pull contrast",
    "temperature+": "warmer, warm, warm up, wb warmer, temp up, white balance warmer, warmth up, warmer tones, raise temp, more warmth, warmer wb",
    "temperature-": "cooler, cool, cool down, wb cooler, temp down, white balance cooler, warmth down, cooler tones, colder, lower temp, less warmth, cooler wb",
    "saturation+": "more saturated, saturation up, sat up, more colour, more vivid, more vibrant, boost saturation, vibrance up, colours up, boost colors, bump sat, saturate, more colorful",
    "saturation-": "less saturated, saturation down, sat down, less colour, muted, desaturate, desat, drop saturation, mute colours, less vivid, vibrance down, reduce sat, less colorful",
    "bw": "bw, b&w, b/w, black and white, mono, monochrome, greyscale, grayscale, full desat, desat fully, no colour, zero saturation, black & white, convert to b&w, without colour",
    "fade": "faded, fade, matte, washed out, lifted blacks, matte finish, wash out, milky blacks, faded look",
    "invert": "invert, negative, inverted, invert colours, to negative, invert colors, negate", "blur": "blur, blurry, soften, out of focus, blurred, defocus, soft focus, blurrier, softer",
    "bokeh": "bokeh, background blur, shallow dof, portrait mode, blurred bg, bg blur", "sharpen": "sharpen, sharper, crisper, more detail, crisp, sharpness up, more sharpness, sharpening, crisp up",
    "sketch": "pencil sketch, sketch, pencil drawing, line art, as a drawing", "pixelate": "pixelate, mosaic, pixelated, pixels, 8-bit, blocky, pixel art, censor", "posterize": "posterize, posterise, fewer colours, flat tones, poster look, pop art, screen print",
    "cartoon": "cartoon, comic, cartoonify, comic book style, anime, cel shaded, cartoon look", "vignette": "vignette, dark corners, darker corners, darken corners, vignetting, darken edges, darker edges", "grain": "grain, film grain, grainy, add grain, noise, grit, add noise, gritty, more grain",
    "sepia": "sepia, sepia tone, sepia toned, sepia filter", "vintage": "vintage, retro, vintage look, 70s look, polaroid look, old film look, retro look, vintage filter", "night": "night, day for night, night look, nighttime, moonlight, make it night", "golden_hour": "golden hour, golden hour light, sunset light, golden hour look, sunset glow, low sun, magic hour",
}
BARE = {key: split(text) for key, text in BARE.items()}
ADDED = {"vignette", "grain", "fade", "blur", "sharpen", "vintage", "contrast+", "pixelate", "posterize"}  # "heavy grain"
ADDED_WORDS = {"vignette": ["vignette", "vignetting"], "grain": ["grain", "film grain", "noise", "grit"], "fade": ["fade", "matte look", "washed out look", "faded look"], "blur": ["blur", "soft focus", "gaussian blur"], "sharpen": ["sharpening", "sharpness boost"], "vintage": ["vintage look", "retro look", "vintage vibe"], "contrast+": ["contrast", "punch", "contrast boost"], "pixelate": ["pixelation", "mosaic"], "posterize": ["posterization", "poster effect"]}
NAMES_OF = {
    "subject": split("subject, subject, foreground, fg, person, face, model, product, main subject, dog, figure, the subject, man, woman, car, me, subj, her, him, object, item"),
    "background": split("background, background, bg, backdrop, bkg, surroundings, the background, back, backgr, bgd, behind subject, wall behind, scenery"),
    "sky": split("sky, sky, skies, clouds, the sky"),
    None: split("global, overall, whole image, photo, image, pic, everything, all, full frame, edit, request, task, todo, to do, whole photo, whole thing, grade, look, full image, picture, note, instruction, 1, step 1, notes"),
}
SHORT_KNOBS = {"brightness": split("exposure, brightness, ev, exp, light, lightness"), "contrast": split("contrast, contrast, contr"), "temperature": split("temp, temperature, warmth, colour temp, wb temp, kelvin"), "saturation": split("saturation, sat, vibrance, colour, color, colours, chroma")}
UP = split("up, +, higher, more, plus, raised, increase, boost")
DOWN = split("down, -, lower, less, minus, reduced, decrease, cut")
SLIGHT_END = split("slight, slightly, subtle, a bit, a touch, a hair, light, a tad, a little, minimal, gentle, lightly, subtly, tiny bit, just a bit, just a touch, small, gently, 10%, 20%, 10 %, a notch, low, barely, just a hint, hint, soft")
STRONG_END = split("strong, heavy, hard, a lot, much, heavily, strongly, max, lots, extreme, full, way up, big time, to the max, intense, aggressive, 80%, 100%, 90 %, full on, massively, dramatically, very, super, crazy, high, really strong")
SLIGHT_START = split("slightly, a bit, a touch, a hair, a tad, a little, slight, subtle, tiny bit, just a touch, lightly, gently, subtly, just slightly, a smidge")
STRONG_START = split("much, way, very, heavily, super, strongly, really, far, a lot, dramatically, extra, massively, a ton, lots, hard, heavy, strong, extreme, max")
AMOUNT = {"slight": split("5, 8, 10, 10, 12, 15, 20, 20"), "plain": split("40, 45, 50, 50, 55"), "strong": split("75, 80, 80, 90, 100, 100, 95")}
STOPS = {"slight": split("1/3, 0.3, 1/2, 0.5, half, a third, .3, .5, 0.33"), "plain": split("1, one, 1.0, 1"), "strong": split("2, two, 3, 2.5, three, 2.0")}


def bare(rng, key, degree):
    """One edit in as few words as will do, with its degree; returns text and whether it says one."""
    kind = label(key)["kind"]
    if kind in SHORT_KNOBS and key != "bw" and rng.random() < 0.35:
        knob, up, x = pick(rng, SHORT_KNOBS[kind]), key.endswith("+"), rng.random()
        if kind == "brightness" and x < 0.3:
            n, sign = pick(rng, STOPS[degree]), pick(rng, ["+", "+ ", "plus ", "up "] if up else ["-", "- ", "minus ", "down "])
            return pick(rng, [knob + " " + sign + n, sign + n + " stop", sign + n + " ev", knob + " " + sign + n + " stop", sign + n + " stops", n + " stop " + ("up" if up else "down"), n + " stop " + ("brighter" if up else "darker")]), True
        if x < 0.6 or degree != "plain" and x < 0.75:
            n, sign = pick(rng, AMOUNT[degree]), pick(rng, ["+", "+", "+ ", "up ", "plus ", "raise ", "up by "] if up else ["-", "-", "- ", "down ", "minus ", "lower ", "down by "])
            return knob + pick(rng, [" ", " ", ": "]) + sign + n + pick(rng, ["", "", "%", " %"]), True
        word = pick(rng, UP if up else DOWN)
        return (knob + pick(rng, [" ", " ", ": "]) + word) if rng.random() < 0.7 else word + " " + knob, False
    if key in ADDED and degree != "plain" and rng.random() < 0.5:
        noun = pick(rng, ADDED_WORDS[key])
        a = pick(rng, SLIGHT_NOUN if degree == "slight" else STRONG_NOUN) if rng.random() < 0.4 else pick(rng, split("light, slight, subtle, gentle, faint, soft, mild, minimal") if degree == "slight" else split("heavy, strong, intense, extreme, massive, max, big, serious, really heavy, very strong"))
        return a + " " + noun, True
    return pick(rng, BARE[key]), False


def with_degree(rng, key, degree):
    """Text and label of a bare edit with a degree before or after it."""
    edit = label(key)
    if key in ("bw", "bokeh", "invert", "sketch", "cartoon", "sepia", "night", "golden_hour") and not (key in ("sepia", "night", "golden_hour") and rng.random() < 0.4):
        degree = "plain"
    text, said = bare(rng, key, degree)
    if degree == "plain":
        return text, edit
    edit["degree"] = degree
    slight = degree == "slight"
    if not said:
        x = rng.random()
        if x < 0.35:
            text = pick(rng, SLIGHT_START if slight else STRONG_START) + " " + text
        elif x < 0.9:
            text += pick(rng, [" ", " ", " ", ", ", ": ", " - ", " ("]) + pick(rng, SLIGHT_END if slight else STRONG_END)
        else:
            text += " " + pick(rng, SLIGHT if slight else STRONG)
    return text, edit


def region_for(rng, key):
    region = pick(rng, ("subject", "background", "sky"))
    return "background" if region == "sky" and key in NO_SKY else region


def line(rng, first=None):
    """One label or telegram: a region at most, one to three edits. Returns text, label, keys."""
    key = first or rng.choices(KEYS[:], cum_weights=CUMULATIVE)[0]
    while key == "recolour" or key == "tint":
        key = rng.choices(KEYS, cum_weights=CUMULATIVE)[0]
    text, edit = with_degree(rng, key, draw_degree(rng))
    keys, edits, sep = [key], [edit], ""
    if rng.random() < 0.3:
        other = rng.choices(KEYS, cum_weights=CUMULATIVE)[0]
        if other not in ("recolour", "tint", "bokeh") and not clash(key, other):
            more, extra = with_degree(rng, other, draw_degree(rng))
            sep = pick(rng, [", ", ", ", ", ", " and ", " & ", " + ", "; ", " / ", " ", ". "])
            text += sep + more
            keys, edits = keys + [other], edits + [extra]
    if all(k in REGIONAL for k in keys) and sep not in ("; ", ". ") and rng.random() < 0.55:
        region = region_for(rng, key)
        if region == "sky" and any(k in NO_SKY for k in keys):
            region = "background"
        name, x = pick(rng, NAMES_OF[region]), rng.random()
        if x < 0.55 or len(keys) > 1:  # only in front does a region hold for both
            text = name + pick(rng, [": ", ": ", ": ", " - ", " / ", ", ", " -> ", " = ", " ", " > ", " only: "]) + text
        elif x < 0.8:
            text += pick(rng, [" on ", " on ", " in ", ", ", " - ", " for "]) + name + pick(rng, ["", "", " only", " only"])
        else:
            text += pick(rng, [" (", ", "]) + name + " only"
        for e in edits:
            e["region"] = region
    elif rng.random() < 0.15:
        text = pick(rng, NAMES_OF[None]) + pick(rng, [": ", ": ", " - ", " -> ", " = "]) + text
    elif rng.random() < 0.06:
        text += pick(rng, [" overall", " globally", " on everything", " all over", ", whole image", " across the frame", " whole photo", " everywhere"])
    return text, edits, keys


def lines_of(rng):
    """One or two such lines; two with parts of their own ("bg: blur; subject: sharpen")."""
    text, edits, keys = line(rng)
    if len(edits) == 1 and rng.random() < 0.4:
        if rng.random() < 0.2:
            more, edit = recolour_terse(rng)
            pair = [(text, edits), (more, [edit])]
            rng.shuffle(pair)
            return pick(rng, ["; ", ". ", ", ", "\n", " + "]).join(t for t, _ in pair), pair[0][1] + pair[1][1]
        more, extra, others = line(rng)
        said = "region" in edits[0]
        if not any(clash(a, b) for a in keys for b in others):
            if said and "region" not in extra[0]:
                more = pick(rng, NAMES_OF[None][:9]) + pick(rng, [": ", " - ", " "]) + more
            text, edits = text + pick(rng, ["; ", "; ", ". ", ". ", "\n", ", " if said == ("region" in extra[0]) and not said else "; "]) + more, edits + extra
    return text, edits


def recolour_terse(rng):
    while True:
        text, edit = recolour(rng)
        if len(text) < 34:
            return text, edit
