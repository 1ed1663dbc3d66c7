"""One random instruction and its label: a list of edits {kind, direction, degree, region, source, target}."""
import random
import re

from . import frames as F
from .colours import *
from .outside import *
from .words import *

DIRECTIONAL = ("brightness", "contrast", "temperature", "saturation")
# How often each kind is drawn.
WEIGHTS = {
    "brightness+": 6.5, "brightness-": 6, "contrast+": 4.5, "contrast-": 4, "temperature+": 5, "temperature-": 5, "saturation+": 5, "saturation-": 4.5, "bw": 4.5, "tint": 5,
    "fade": 3.6, "invert": 3.2, "recolour": 20, "blur": 6, "bokeh": 2.8, "sharpen": 4.5, "sketch": 3, "pixelate": 3, "posterize": 3.3, "cartoon": 3, "vignette": 3.3, "grain": 3.3,
    "sepia": 3, "vintage": 3.6, "night": 3.3, "golden_hour": 3.6,
}
REGIONAL = {"brightness+", "brightness-", "contrast+", "contrast-", "temperature+", "temperature-", "saturation+", "saturation-", "bw", "blur", "sharpen", "pixelate", "tint", "fade", "invert", "sketch", "posterize", "cartoon", "sepia"}
OFTEN_REGIONAL = {"brightness+", "brightness-", "blur", "bw", "saturation+", "saturation-", "temperature+", "temperature-", "contrast+", "sharpen", "pixelate"}
NO_SKY = {"blur", "sharpen", "pixelate", "sketch", "posterize", "cartoon", "invert", "sepia", "fade"}
COMPOSITE = {"sepia", "vintage", "night", "golden_hour"}
TINTS = [n for n in NAMES if n not in ("white", "silver", "gray", "charcoal", "black", "cream", "beige", "tan", "brown", "gold")]
# Edits that contradict each other or mean nearly the same never meet in one instruction.
COLOUR_LOOKS = {"bw", "sepia", "tint", "saturation+", "saturation-", "invert", "vintage", "night", "golden_hour", "fade", "temperature+", "temperature-"}
FILTER_LOOKS = {"sketch", "pixelate", "posterize", "cartoon", "blur", "bokeh", "sharpen"}
KEEP_PARTS = ["don't touch the {k}", "without changing the {k}", "but keep the {k}", "but leave the {k} alone", "keep the {k} the same", "but keep the {k} as it is", "do not change the {k}", "the {k} is fine", "without touching the {k}", "but not the {k}"]
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


def recolour(rng):
    target = choose_target(rng)
    draw = rng.random()
    if draw < 0.14:
        t = target_word(rng, target)
        if rng.random() < 0.25:
            return pick(rng, SKY_TARGET_FRAMES).format(t=t), {"kind": "recolour", "source": "sky", "target": target}
        return pick(rng, RECOLOUR_NAMED).format(o=pick(rng, ["the ", "the ", "the ", "", "that "]) + pick(rng, SKY_THINGS), t=t), {"kind": "recolour", "source": "sky", "target": target}
    if draw < 0.32:
        t = target_word(rng, target)
        obj = pick(rng, ["the subject", "the main subject", "the person", "the object", "the main object", "subject"]) if rng.random() < 0.2 else pick(rng, RECOLOUR_SUBJECT) if rng.random() < 0.6 else pick(rng, ["the ", "the ", "the ", "her ", "his ", "my ", "this ", "that "]) + pick(rng, THINGS)
        return pick(rng, RECOLOUR_NAMED).format(o=obj, t=t), {"kind": "recolour", "source": "subject", "target": target}
    source = pick(rng, list(SOURCES))
    while True:
        s, t = pick(rng, SOURCES[source]), target_word(rng, target)
        if target != source and s not in t and t not in s and not (source == "gray" and target in ("silver", "charcoal")):
            break
        target = choose_target(rng)
    if draw < 0.55:
        text = pick(rng, RECOLOUR_COLOUR).format(s=s, t=t)
    else:
        thing = pick(rng, THINGS) if rng.random() < 0.72 else pick(rng, PARTS) if rng.random() < 0.8 else invented(rng)
        if rng.random() < 0.06:
            thing = pick(rng, THINGS) + " and " + thing
        text = pick(rng, RECOLOUR).format(s=s, x=thing, t=t)
        if rng.random() < 0.1:
            text += " " + pick(rng, ["on the left", "on the right", "in the middle", "in the corner", "he is wearing", "she is wearing", "she's wearing", "behind him", "in front", "at the back", "on the table", "on the wall", "i'm wearing", "in the photo", "of the man", "of the woman", "on her", "on the ground"])
    return text, {"kind": "recolour", "source": source, "target": target}


def tint(rng, region):
    target = pick(rng, ("blue", "red", "green", "purple", "pink", "orange", "teal", "yellow")) if rng.random() < 0.55 else pick(rng, TINTS)
    t = target_word(rng, target)
    edit = {"kind": "tint", "target": target}
    if region:
        edit["region"] = region
        frame = pick(rng, TINT)
        while region != "background" and not re.search("tint|filter|overlay|wash|cast|glow|tinge|light", frame):
            frame = pick(rng, TINT)
        return frame.replace("*", pick(rng, REGIONS[region])).format(t=t), edit
    if rng.random() < 0.06:
        edit["target"] = pick(rng, list(TINT_FIXED))
        return pick(rng, TINT_FIXED[edit["target"]]), edit
    if rng.random() < 0.45:
        return pick(rng, TINT_WHOLE).format(t=t), edit
    return pick(rng, TINT).replace("*", pick(rng, WHOLE)).format(t=t), edit


def label(key):
    kind, direction = key.rstrip("+-"), {"+": "up", "-": "down"}.get(key[-1])
    if key == "bw":
        return {"kind": "saturation", "direction": "down", "degree": "strong"}
    if key == "bokeh":
        return {"kind": "blur", "region": "background"}
    return {"kind": kind, "direction": direction} if direction else {"kind": kind}


def simple(rng, key, region, degree, explicit_whole=False):
    """An edit made from its word lists. Returns the text and the label."""
    words, edit = WORDS[key], label(key)
    tail = ""
    if region and rng.random() < 0.8:
        obj = pick(rng, REGIONS[region])
    elif region:
        obj, tail = pick(rng, WHOLE), " " + pick(rng, REGION_TAILS[region])
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
    if words["phrase"] and not region:
        ways += ["phrase"] * 5
    if edit["kind"] in KNOBS and key != "bw":
        ways += ["knob"] * 4
    if rng.random() < 0.15 and not region:  # next to nothing but the word itself
        part = pick(rng, [p for p in ("adj", "verb", "noun") if words[p]] or ["phrase"])
        word = pick(rng, words[part][:4] if rng.random() < 0.5 else words[part]).split("/")[0]
        if part == "verb" and rng.random() < 0.6:
            word = with_object(word, pick(rng, ["it", "this", "the photo", "the picture", "the image"]))
        return word.replace(" *", "") + pick(rng, ["", "", " please", " now"]), edit
    way = pick(rng, ways)
    post = pick(rng, SLIGHT if degree == "slight" else STRONG) if degree != "plain" else ""
    if way == "adj":
        a = pick(rng, words["adj"])
        d = pick(rng, SLIGHT_ADJ if degree == "slight" else STRONG_ADJ) if degree != "plain" else ""
        thing = a.startswith(("a ", "an "))
        if d and (thing or rng.random() < 0.25):
            d, tail = "", " " + post + tail
        if rng.random() < 0.1 and not region:
            return (d + " " + a + pick(rng, ["", "", " please"]) + tail).strip(), dict(edit, **({"degree": degree} if degree != "plain" and key not in ("bw", "bokeh") else {}))
        frame = pick(rng, F.ADJ_THING if thing and rng.random() < 0.75 else F.ADJ)
        if d and "{d}" not in frame:
            degree = "plain"
        if region and "{o}" not in frame and not tail.strip().startswith(tuple(w for t in REGION_TAILS[region] for w in (t,))):
            tail = " " + pick(rng, REGION_TAILS[region]) + tail
        text = frame.format(o=obj, a=a, d=d)
    elif way == "verb":
        d = pick(rng, SLIGHT_VERB if degree == "slight" else STRONG_VERB) if degree != "plain" else ""
        frame = pick(rng, F.VERB)
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
        if region and "{o}" not in frame and not tail:
            tail = " " + pick(rng, ["on ", "to ", "in ", "for "]) + obj
    elif way == "bad":
        frame = pick(rng, F.BAD)
        if region and "{o}" not in frame and not tail:
            frame = "{o} is {t} {b}"
        if "{t}" not in frame:
            degree = "plain"
        text = frame.format(o=obj, t=pick(rng, F.TOO[degree]), b=pick(rng, words["bad"]))
    elif way == "knob":
        knob = pick(rng, KNOBS[edit["kind"]])
        text = pick(rng, KNOB_UP if edit["direction"] == "up" else KNOB_DOWN).replace("*", knob)
        if knob not in text:
            text += " " + knob
        if degree != "plain":
            text = (text + " " + post) if rng.random() < 0.75 else pick(rng, SLIGHT_VERB if degree == "slight" else STRONG_VERB) + " " + text
        if region and not tail:
            tail = " " + pick(rng, ["of ", "on ", "in ", "for "]) + obj
        elif rng.random() < 0.15:
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
        return tint(rng, region or (pick(rng, ("background", "background", "subject")) if allow_region and rng.random() < 0.15 else None))
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


def joined_short(rng):
    """Two edits that share one verb: "make it brighter and warmer", "add grain and a vignette"."""
    for _ in range(50):
        a = rng.choices(KEYS, cum_weights=CUMULATIVE)[0]
        b = second_key(rng, a)
        part = pick(rng, ["adj", "noun", "knob"])
        if part == "knob":
            if not (label(a)["kind"] in KNOBS and label(b)["kind"] in KNOBS) or "bw" in (a, b):
                continue
            short = {"up": ["more *", "* up", "higher *", "raise *", "increase the *", "boost the *"], "down": ["less *", "* down", "lower *", "reduce *", "decrease the *", "cut the *"]}
            ea, eb = label(a), label(b)
            ta, tb = (pick(rng, short[e["direction"]]).replace("*", pick(rng, KNOBS[e["kind"]])) for e in (ea, eb))
            return ta + pick(rng, [" and ", " ", " but ", " with ", " plus "]) + tb, [ea, eb]
        if a not in WORDS or b not in WORDS or not WORDS[a][part] or not WORDS[b][part]:
            continue
        ea, eb = label(a), label(b)
        region = None
        if a in REGIONAL and b in REGIONAL and part == "adj" and rng.random() < 0.15:
            region = pick(rng, ("subject", "background"))
            ea["region"] = eb["region"] = region
        obj = pick(rng, REGIONS[region] if region else WHOLE)
        wa, wb = pick(rng, WORDS[a][part]), pick(rng, WORDS[b][part])
        sep = pick(rng, [" and ", " and ", " but ", " yet ", " ", " & ", " with ", " plus "] if part == "noun" else [" and ", " and ", " but ", " ", " & ", " yet ", " and also ", " and at the same time "])
        da = db = ""
        da_kind, db_kind = draw_degree(rng), draw_degree(rng)
        lists = (SLIGHT_ADJ, STRONG_ADJ) if part == "adj" else (SLIGHT_NOUN, STRONG_NOUN)
        def degree_word(kind, key, word, edit):
            if kind == "plain" or key in ("bw", "bokeh", "invert", "night", "golden_hour", "sepia", "sketch", "cartoon") or word.startswith(("a ", "an ", "less ", "more ", "the ")):
                return ""
            edit["degree"] = kind
            return pick(rng, lists[0] if kind == "slight" else lists[1]) + " "
        db = degree_word(db_kind, b, wb, eb)
        if db:  # a degree on the first word alone would be ambiguous for the second
            da = degree_word(da_kind, a, wa, ea)
        if part == "adj":
            text = pick(rng, ["make {o} {x}", "make {o} {x}", "i want {o} {x}", "{x} please", "{o} should be {x}", "{x}", "make {o} look {x}", "turn {o} {x}", "can {o} be {x}", "get {o} {x}", "i'd like {o} {x}"]).format(o=obj, x=da + wa + sep + db + wb)
        else:
            text = pick(rng, ["add {x}", "add {x}", "give {o} {x}", "{x}", "{x} please", "i want {x}", "apply {x}", "{o} needs {x}", "put {x} on {o}", "with {x}", "add {x} to {o}", "could use {x}"]).format(o=obj, x=da + wa + sep + db + wb)
        return text, [ea, eb]
    return one(rng, "brightness+")[0], [label("brightness+")]


def negate(rng):
    key = pick(rng, [k for k in KEYS if k in WORDS and WORDS[k]["adj"] and WORDS[k]["verb"]])
    verbs = [v for v in WORDS[key]["verb"] if "*" not in v and " " not in v] or [WORDS[key]["verb"][0].replace(" *", "")]
    return pick(rng, NEGATED).format(a=pick(rng, WORDS[key]["adj"]), v=pick(rng, verbs))


def outside(rng):
    x = rng.random()
    if x < 0.42:
        return pick(rng, OUTSIDE).format(thing=pick(rng, THING), rem=pick(rng, REMOVE) if rng.random() < 0.6 else "the " + pick(rng, THINGS), place=pick(rng, PLACE), creature=pick(rng, CREATURE), feature=pick(rng, FEATURE), text=pick(rng, TEXT))
    if x < 0.60:
        return pick(rng, GEOMETRY)
    if x < 0.83:
        return pick(rng, CHATTER)
    if x < 0.88:
        return negate(rng)
    if x < 0.93:  # gibberish
        return " ".join(invented(rng) for _ in range(rng.randint(1, 7)))
    if x < 0.965:  # words about nothing in particular
        return " ".join(pick(rng, F.FILLER) if rng.random() < 0.6 else pick(rng, THINGS) for _ in range(rng.randint(1, 8)))
    return pick(rng, F.OPENING) + (" " + pick(rng, ["the photo", "the car", "this", "it", "the picture", "the subject", "her", "do it", "do something", "edit this", "improve it", "make it nice", "fix it"]) if rng.random() < 0.6 else "")


def typo(rng, word):
    if len(word) < 4:
        return word
    i = rng.randrange(1, len(word))
    kind = rng.random()
    if kind < 0.3:
        return word[:i] + word[i + 1:]
    if kind < 0.55:
        return word[:i] + word[i] + word[i:]
    if kind < 0.8 and i + 1 < len(word):
        return word[:i] + word[i + 1] + word[i] + word[i + 2:]
    return word[:i] + pick(rng, "abcdefghijklmnopqrstuvwxyz") + word[i + 1:]


def noise(rng, text):
    if rng.random() < 0.30:
        text = pick(rng, F.OPENING) + " " + text
    if rng.random() < 0.24:
        text += " " + pick(rng, F.ENDING)
    if rng.random() < 0.06:
        text += " " + pick(rng, KEEP_TAILS)
    words = text.split()
    if rng.random() < 0.12:
        words = [w for w in words if w not in ("the", "a", "an")] or words
    if rng.random() < 0.14:
        for _ in range(rng.randint(1, 2)):
            words.insert(rng.randint(0, len(words)), invented(rng) if rng.random() < 0.5 else pick(rng, F.FILLER))
    if rng.random() < 0.10:
        i = rng.randrange(len(words))
        words[i] = typo(rng, words[i])
    return " ".join(words)


def sample(rng):
    """Returns (instruction, list of edits); an empty list means: leave the picture alone."""
    draw = rng.random()
    if draw < 0.14:
        return noise(rng, outside(rng)), []
    if draw < 0.22:
        text, edits = joined_short(rng)
        return noise(rng, text), edits
    first = rng.choices(KEYS, cum_weights=CUMULATIVE)[0]
    text, edit = one(rng, first)
    edits = [edit]
    if draw > 0.85:
        key = second_key(rng, first)
        more, other = one(rng, key, explicit_whole="region" in edit or first == "recolour")
        text += " " + pick(rng, F.JOIN) + " " + more
        edits.append(other)
        if draw > 0.985:
            third = second_key(rng, first)
            if not clash(key, third):
                more, other = one(rng, third, allow_region=False, explicit_whole=True)
                text += " " + pick(rng, F.JOIN) + " " + more
                edits.append(other)
    elif draw > 0.82 and edit["kind"] != "recolour":  # "but keep the contrast": names a knob that must not move
        knobs = [k for kind, names in KNOBS.items() if kind != edit["kind"] for k in names[:4]]
        text += " " + pick(rng, KEEP_PARTS).format(k=pick(rng, knobs))
    return noise(rng, text), edits

