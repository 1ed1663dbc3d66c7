"""One edit in words, and its label: {kind, direction, degree, region, source, target}."""
import random
import re

from . import frames as F
from .colours import *
from .voices import WHO
from .words import *

DIRECTIONAL = ("brightness", "contrast", "temperature", "saturation")
# How often each kind is drawn.
WEIGHTS = {
    "brightness+": 6.5, "brightness-": 6, "contrast+": 4.5, "contrast-": 4, "temperature+": 5, "temperature-": 5, "saturation+": 5, "saturation-": 4.5, "bw": 4.5, "tint": 5,
    "fade": 3.6, "invert": 3.2, "recolour": 25, "blur": 6, "bokeh": 2.8, "sharpen": 4.5, "sketch": 3, "pixelate": 3, "posterize": 3.3, "cartoon": 3, "vignette": 3.3, "grain": 3.3,
    "sepia": 3, "vintage": 3.6, "night": 3.3, "golden_hour": 3.6,
}
REGIONAL = {"brightness+", "brightness-", "contrast+", "contrast-", "temperature+", "temperature-", "saturation+", "saturation-", "bw", "blur", "sharpen", "pixelate", "tint", "fade", "invert", "sketch", "posterize", "cartoon", "sepia"}
OFTEN_REGIONAL = {"brightness+", "brightness-", "blur", "bw", "saturation+", "saturation-", "temperature+", "temperature-", "contrast+", "sharpen", "pixelate"}
NO_SKY = {"sketch", "posterize", "cartoon", "invert", "sepia", "fade"}
COMPOSITE = {"sepia", "vintage", "night", "golden_hour"}
TINTS = [n for n in NAMES if n not in ("white", "silver", "gray", "charcoal", "black", "cream", "beige", "tan", "brown", "gold")]
# Edits that contradict each other or mean nearly the same never meet in one instruction.
COLOUR_LOOKS = {"bw", "sepia", "tint", "saturation+", "saturation-", "invert", "vintage", "night", "golden_hour", "fade", "temperature+", "temperature-"}
FILTER_LOOKS = {"sketch", "pixelate", "posterize", "cartoon", "blur", "bokeh", "sharpen"}
CONSONANTS, VOWELS = "bcdfghjklmnprstvwz", "aeiou"
TARGET_MODS = ["a nice", "nice", "lovely", "beautiful", "a beautiful", "rich", "proper", "solid", "a solid", "some", "a lovely", "pretty", "a shade of", "a kind of", "real", "a deep", "deep", "a rich", "something like", "a good", "completely", "fully", "entirely", "a bit of a"]


def pick(rng, items):
    return items[int(rng.random() * len(items))]


def invented(rng):
    return "".join(pick(rng, CONSONANTS) + pick(rng, VOWELS) for _ in range(rng.randint(1, 3))) + (pick(rng, CONSONANTS) if rng.random() < 0.6 else "") + pick(rng, ["", "", "s", "ed", "ing", "y", "er"])


def with_object(verb, obj):
    return verb.replace("*", obj) if "*" in verb else verb + " " + obj


def target_word(rng, name, plain_share=0.45):
    words = PALETTE[name][1]
    word = words[0] if rng.random() < plain_share else pick(rng, words)
    if rng.random() < 0.08:
        word = pick(rng, TARGET_MODS) + " " + word
    if rng.random() < 0.03:
        word += pick(rng, [" colour", " color", " coloured", " colored"])
    return word


def choose_target(rng, names=NAMES):
    # Common colours are asked for more often than rare ones.
    common = [n for n in ("red", "blue", "green", "yellow", "orange", "purple", "pink", "black", "white", "teal", "navy", "gold", "brown", "gray") if n in names]
    return pick(rng, common) if rng.random() < 0.4 else pick(rng, names)


OWNERS = ["my", "my", "her", "his", "our", "their", "this", "that", "the", "those", "these", "your", "all the", "", "grandma's", "the man's", "the lady's"]
BEHIND = "room, garden, shelves, trees, street, crowd, wall, buildings, curtains, shop, kitchen, people, mountains, plants, books, traffic, market, fence, stuff, things, area, part, scene, stage, cars, houses, forest".split(", ")
FRONT = "me, me, her, him, us, them, it, the product, the subject, my dog, the car, the cat, the person, the bride, my daughter, the couple, the mug, the model, my wife".split(", ")
AFTER_THING = split("on the left, on the right, in the middle, in the corner, he is wearing, she is wearing, she's wearing, behind him, in front, at the back, on the table, on the wall, i'm wearing, in the photo, of the man, of the woman, on her, on the ground, in this one, in this picture, here, next to her")


def object_of(rng, region):
    """What a sentence calls a region."""
    if not region:
        return pick(rng, WHOLE)
    if region == "background" and rng.random() < 0.18:
        return pick(rng, ["the ", "the ", "everything ", "all the "]) + pick(rng, BEHIND) + " behind " + pick(rng, FRONT)
    if region == "subject" and rng.random() < 0.2:
        return pick(rng, ["my ", "my ", "our ", "the ", "the ", "her ", "his "]) + pick(rng, ["dog", "cat", "daughter", "son", "wife", "husband", "car", "bike", "face", "product", "friend", "horse", "baby", "mug", "bag", "bottle", "cake", "grandson", "mother", "sister", "person in the middle", "person", "main item", "item", "flower"])
    return pick(rng, REGIONS[region])


def recolour(rng):
    target = choose_target(rng)
    draw = rng.random()
    if draw < 0.34:  # no colour is named as the source: the sky or the subject
        t, sky = target_word(rng, target), draw < 0.14
        if sky and rng.random() < 0.2:
            return pick(rng, SKY_TARGET_FRAMES).format(t=t), {"kind": "recolour", "source": "sky", "target": target}
        if sky:
            obj = pick(rng, ["the ", "the ", "the ", "", "that "]) + pick(rng, SKY_THINGS)
        else:
            obj = pick(rng, ["the subject", "the main subject", "the person", "the object", "the main object", "subject", "the main item", "the product"]) if rng.random() < 0.2 else pick(rng, RECOLOUR_SUBJECT) if rng.random() < 0.5 else pick(rng, ["the ", "the ", "the ", "her ", "his ", "my ", "this ", "that ", "our "]) + pick(rng, THINGS)
        edit = {"kind": "recolour", "source": "sky" if sky else "subject", "target": target}
        if rng.random() < 0.14:
            return pick(rng, ARROWS_NAMED).format(o=re.sub("^(the|that) ", "", obj), t=t), edit
        if rng.random() < 0.1:
            return obj + " " + pick(rng, SKY_COMPLAINTS) + pick(rng, [", ", ". ", " ", " so "]) + pick(rng, ["make it {t}", "could you make it {t}", "turn it {t}", "can it be {t}", "i want it {t}", "paint it {t}", "please make it {t}", "{t} would be nicer", "change it to {t}"]).format(t=t), edit
        return pick(rng, RECOLOUR_NAMED).format(o=obj, t=t).replace("WHO", pick(rng, WHO)), edit
    source = pick(rng, list(SOURCES))
    while True:
        s, t = pick(rng, SOURCES[source]), target_word(rng, target)
        if target != source and s not in t and t not in s and not (source == "gray" and target in ("silver", "charcoal")):
            break
        target = choose_target(rng)
    thing = pick(rng, THINGS) if rng.random() < 0.76 else pick(rng, PARTS) if rng.random() < 0.8 else invented(rng)
    if rng.random() < 0.05:
        thing = pick(rng, THINGS) + " and " + thing
    if draw < 0.50:
        text = pick(rng, RECOLOUR_COLOUR).format(s=s, t=t)
    elif draw < 0.62:
        text = pick(rng, ARROWS).format(s=s, x=thing, t=t)
    else:
        frame = pick(rng, RECOLOUR)
        if rng.random() < 0.5:
            frame = frame.replace("the {s}", (pick(rng, OWNERS) + " {s}").strip()).replace("the {x}", (pick(rng, OWNERS) + " {x}").strip())
        if rng.random() < 0.08:
            frame = frame.replace("{x}", "{x} " + pick(rng, AFTER_THING))
        text = frame.format(s=s, x=thing, t=t).replace("WHO", pick(rng, WHO))
        if rng.random() < 0.1:
            text += " " + pick(rng, AFTER_THING)
    return text, {"kind": "recolour", "source": source, "target": target}


TINT_WORDS = re.compile("tint|filter|overlay|wash|cast|glow|tinge|tone|hue|haze|gel")
TINT_SLIGHT = split("slight, slight, subtle, faint, gentle, mild, very slight, very subtle, barely visible, delicate, weak, tiny, little, barely there, super subtle, really subtle, small")
TINT_STRONG = split("strong, heavy, intense, massive, bold, very strong, really strong, super strong, extreme, powerful, serious, thick, huge, pronounced, crazy strong, dramatic")


def tint(rng, region, degree):
    target = pick(rng, ("blue", "red", "green", "purple", "pink", "orange", "teal", "yellow")) if rng.random() < 0.55 else pick(rng, TINTS)
    words = PALETTE[target][1]
    t = words[0] if rng.random() < 0.6 else pick(rng, words)
    edit = {"kind": "tint", "target": target}
    if region:
        edit["region"] = region
        frame = pick(rng, TINT)
        while region != "background" and not TINT_WORDS.search(frame):
            frame = pick(rng, TINT)
        frame = frame.replace("*", object_of(rng, region))
    elif rng.random() < 0.05:
        edit["target"] = pick(rng, list(TINT_FIXED))
        return pick(rng, TINT_FIXED[edit["target"]]), edit
    else:
        frame = pick(rng, TINT_WHOLE) if rng.random() < 0.45 else pick(rng, TINT).replace("*", pick(rng, WHOLE))
    if degree != "plain":
        edit["degree"] = degree
        slight, x = degree == "slight", rng.random()
        if "a {t}" in frame and x < 0.6:
            frame = frame.replace("a {t}", pick(rng, ["a bit of a", "a hint of a", "a touch of a", "just a hint of a", "a little bit of a", "a little"] if slight else ["quite a strong", "a really heavy", "a hell of a"]) + " {t}" if rng.random() < 0.25 else "a " + pick(rng, TINT_SLIGHT if slight else TINT_STRONG) + " {t}", 1)
        elif frame.startswith("add {t}") or " add {t}" in frame or frame.startswith("{t}") and x < 0.6:
            frame = frame.replace("{t}", pick(rng, SLIGHT_NOUN if slight else STRONG_NOUN) + " {t}", 1)
        elif frame.startswith(("make ", "turn ", "it should look", "i want")) and x < 0.6 and frame.endswith(("{t}", "toned", "tinted")):
            frame = frame.replace("{t}", pick(rng, SLIGHT_ADJ if slight else STRONG_ADJ) + " {t}", 1)
        elif frame.startswith(("tint", "tone", "wash", "bathe", "shift", "push", "tinge", "stain", "flood", "colour", "color")) and x < 0.6:
            frame = pick(rng, SLIGHT_VERB if slight else STRONG_VERB) + " " + frame
        else:
            frame += tail_of(rng, degree)
    return frame.format(t=t), edit


def tail_of(rng, degree):
    """A degree said after the edit."""
    if degree == "plain":
        return ""
    mark = pick(rng, [" ", " ", " ", " ", ", ", ", ", " - ", ". ", ", but ", ", just "])
    return mark + pick(rng, SLIGHT if degree == "slight" else STRONG)


def label(key):
    kind, direction = key.rstrip("+-"), {"+": "up", "-": "down"}.get(key[-1])
    if key == "bw":
        return {"kind": "saturation", "direction": "down", "degree": "strong"}
    if key == "bokeh":
        return {"kind": "blur", "region": "background"}
    return {"kind": kind, "direction": direction} if direction else {"kind": kind}


def simple(rng, key, region, degree, explicit_whole=False, obj=None, ways=None):
    """An edit made from its word lists. Returns the text and the label."""
    words, edit = WORDS[key], label(key)
    tail = ""
    given, only = obj is not None, ways
    if given:
        pass
    elif region and rng.random() < 0.8:
        obj = object_of(rng, region)
    elif region:
        obj, tail = pick(rng, WHOLE), pick(rng, [" ", " ", " ", ", "]) + pick(rng, REGION_TAILS[region])
    else:
        obj = pick(rng, WHOLE)
        while explicit_whole and obj in ("it", "this", "that"):
            obj = pick(rng, WHOLE)
    if region:
        edit["region"] = region
    can_degree = key not in ("bw", "bokeh", "invert", "night", "golden_hour", "sepia", "sketch", "cartoon") or rng.random() < 0.3
    if key in ("bw", "bokeh"):
        can_degree = False
    degree = degree if can_degree else "plain"
    adj = verb = ""
    ways = []
    if words["adj"]:
        ways += ["adj"] * 5
    if words["verb"]:
        ways += ["verb"] * 5
    if words["noun"]:
        ways += ["noun"] * 4
    if words["bad"]:
        ways += ["bad"] * 3
    settled = explicit_whole and key in REGIONAL  # the part before named a region, so this one has to name the whole
    if words["phrase"] and not region and not settled:
        ways += ["phrase"] * 5
    if edit["kind"] in KNOBS and key != "bw":
        ways += ["knob"] * 4
    if only:
        ways = [w for w in ways if w in only] or ["adj" if words["adj"] else "noun"]
    if rng.random() < 0.12 and not region and not only and not explicit_whole:  # next to nothing but the word itself
        part = pick(rng, [p for p in ("adj", "verb", "noun") if words[p]] or ["phrase"])
        word = pick(rng, words[part][:4] if rng.random() < 0.5 else words[part]).split("/")[0]
        if part == "verb" and rng.random() < 0.6:
            word = with_object(word, pick(rng, ["it", "this", "the photo", "the picture", "the image"]))
        return word.replace(" *", "") + pick(rng, ["", "", " please", " now"]), edit
    way = pick(rng, ways)
    post = tail_of(rng, degree).strip()
    named = given or tail  # the region is said elsewhere
    if way == "adj":
        a = pick(rng, words["adj"])
        d = pick(rng, SLIGHT_ADJ if degree == "slight" else STRONG_ADJ) if degree != "plain" else ""
        thing = a.startswith(("a ", "an "))
        if d and (thing or rng.random() < 0.25):
            d, tail = "", (" " + post + tail if rng.random() < 0.6 else tail + " " + post)
        if rng.random() < 0.1 and not region and not explicit_whole:
            return (d + " " + a + pick(rng, ["", "", " please"]) + tail).strip(), dict(edit, **({"degree": degree} if degree != "plain" and key not in ("bw", "bokeh") else {}))
        frame = pick(rng, F.ADJ_THING if thing and rng.random() < 0.75 else F.ADJ)
        while settled and "{o}" not in frame:
            frame = pick(rng, F.ADJ)
        if d and "{d}" not in frame:
            degree = "plain"
        if (region or settled) and "{o}" not in frame and not named:
            tail = " " + pick(rng, REGION_TAILS[region]) + tail
        text = frame.format(o=obj, a=a, d=d)
    elif way == "verb":
        d = pick(rng, SLIGHT_VERB if degree == "slight" else STRONG_VERB) if degree != "plain" else ""
        frame = pick(rng, F.VERB)
        if rng.random() < 0.35:
            frame = "{v} {d}" if "{d}" in frame or rng.random() < 0.5 else "{dv} {v}"
        if degree != "plain" and "{d}" not in frame and "{dv}" not in frame:
            frame += " {d}"
        text = frame.format(v=with_object(pick(rng, words["verb"]), obj), d=post, dv=d)
    elif way == "noun":
        dn = pick(rng, {"slight": SLIGHT_NOUN, "strong": STRONG_NOUN, "plain": PLAIN_NOUN}[degree])
        n = pick(rng, words["noun"])
        frame = pick(rng, F.NOUN)
        if n.startswith(("a ", "an ", "less ", "more ", "the ", "some ")):
            dn = ""
            if degree != "plain":
                if " " in n and n.startswith(("a ", "an ")) and rng.random() < 0.7:
                    adjective = pick(rng, ["slight", "subtle", "light", "faint", "gentle", "mild", "soft", "delicate", "small", "tiny", "very slight", "very subtle", "barely visible", "weak", "barely noticeable"] if degree == "slight" else
                                     ["strong", "heavy", "intense", "dramatic", "extreme", "massive", "bold", "very strong", "super strong", "really strong", "big", "huge", "powerful", "serious", "pronounced", "really heavy", "thick", "hard"])
                    n = "a " + adjective + " " + n.split(" ", 1)[1]
                else:
                    frame += " " + post
        elif degree != "plain" and "{dn}" not in frame:
            frame += " " + post
        text = frame.format(o=obj, n=n, dn=dn)
        if (region or settled) and "{o}" not in frame and not named:
            tail = " " + pick(rng, ["on ", "to ", "in ", "for "]) + obj
    elif way == "bad":
        frame = pick(rng, F.BAD)
        if (region or explicit_whole) and "{o}" not in frame and not named:
            frame = "{o} is {t} {b}"
        if "{t}" not in frame:
            degree = "plain"
        if degree == "strong" and key[-1] not in "+-":
            degree = "plain"
        text = frame.format(o=obj, t=pick(rng, F.TOO[degree]), b=pick(rng, words["bad"]))
    elif way == "knob":
        knob = pick(rng, KNOBS[edit["kind"]])
        text = pick(rng, KNOB_UP if edit["direction"] == "up" else KNOB_DOWN).replace("*", knob)
        if knob not in text:
            text += " " + knob
        if degree != "plain":
            text = (text + " " + post) if rng.random() < 0.75 else pick(rng, SLIGHT_VERB if degree == "slight" else STRONG_VERB) + " " + text
        if (region or settled) and not named:
            tail = " " + pick(rng, ["of ", "on ", "in ", "for "]) + obj
        elif not given and rng.random() < 0.15:
            tail = " " + pick(rng, ["of ", "on ", "in ", "for "]) + obj
    else:
        p = pick(rng, words["phrase"])
        if p.endswith(("/s", "/l")):
            degree, p = ("slight" if p.endswith("/s") else "strong"), p[:-2]
        elif degree != "plain":
            if rng.random() < 0.5:
                degree = "plain"
            else:
                tail = " " + post + tail
        like = p.startswith(("like ", "as if ", "as though", "by ", "under ", "in ", "at ", "from ", "straight ", "straight"))
        text = pick(rng, F.PHRASE_LIKE).format(p=p, o=obj) if like else p
    if region and not tail and not given and rng.random() < 0.05:
        tail = " compared to " + pick(rng, {"subject": ["the background", "the sky", "the rest"], "background": ["the subject", "her", "the person"], "sky": ["the ground", "the people", "the subject"]}[region])
    text = text.replace("WHO", pick(rng, WHO))
    if degree != "plain" and key not in ("bw", "bokeh"):
        edit["degree"] = degree
    if degree == "plain" and key not in ("bw",):
        edit.pop("degree", None)
    return text + tail, edit


def draw_degree(rng):
    x = rng.random()
    return "slight" if x < 0.23 else "strong" if x < 0.46 else "plain"


KEYS, CUMULATIVE = list(WEIGHTS), []
for _w in WEIGHTS.values():
    CUMULATIVE.append((CUMULATIVE[-1] if CUMULATIVE else 0) + _w)


def one(rng, key, allow_region=True, explicit_whole=False):
    region = None
    if allow_region and key in REGIONAL and rng.random() < (0.42 if key in OFTEN_REGIONAL else 0.24):
        region = pick(rng, ("subject", "subject", "background", "background", "sky") if key in OFTEN_REGIONAL else ("subject", "background"))
        if region == "sky" and key in NO_SKY:
            region = "background"
    if key == "recolour":
        return recolour(rng)
    if key == "tint":
        degree = draw_degree(rng)
        return tint(rng, region or (pick(rng, ("background", "subject", "sky")) if allow_region and rng.random() < 0.1 else None), degree)
    return simple(rng, key, region, draw_degree(rng), explicit_whole)


def clash(a, b):
    ka, kb = label(a)["kind"], label(b)["kind"]
    return ka == kb or (a in COLOUR_LOOKS and b in COLOUR_LOOKS and bool({a, b} & {"bw", "sepia", "tint", "vintage", "night", "golden_hour"})) or (a in FILTER_LOOKS and b in FILTER_LOOKS) or \
        {a, b} <= {"vintage", "grain", "vignette", "fade", "contrast+", "contrast-"} or {a, b} <= {"night", "brightness+", "brightness-", "golden_hour"} or {a, b} <= {"fade", "contrast-", "contrast+"}


def second_key(rng, first):
    while True:
        key = rng.choices(KEYS, cum_weights=CUMULATIVE)[0]
        if not clash(first, key):
            return key
