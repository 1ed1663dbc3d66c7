"""One random instruction and its label: a list of edits {kind, direction, degree, region, source, target}; none means: leave the picture alone."""
from . import voices as V
from .clauses import *
from .outside import *
from .terse import BARE, lines_of, recolour_terse, with_degree

KEEP_PARTS = ["don't touch the {k}", "without changing the {k}", "but keep the {k}", "but leave the {k} alone", "keep the {k} the same", "but keep the {k} as it is", "do not change the {k}", "the {k} is fine", "without touching the {k}", "but not the {k}", "leave the {k} as is", "but the {k} stays", "the {k} is already good", "i like the {k} as it is"]


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
        if a in REGIONAL and b in REGIONAL and part == "adj" and rng.random() < 0.35:
            region = pick(rng, ("subject", "background", "sky"))
            if region == "sky" and {a, b} & NO_SKY:
                region = "background"
            ea["region"] = eb["region"] = region
        obj = object_of(rng, region)
        wa, wb = pick(rng, WORDS[a][part]), pick(rng, WORDS[b][part])
        sep = pick(rng, [" and ", " and ", " but ", ", ", " ", " & ", " with ", " plus ", ", and ", " + "] if part == "noun" else [" and ", " and ", " but ", " ", ", ", " & ", " yet ", ", and ", " and also ", " and at the same time "])
        da = db = ""
        da_kind, db_kind = draw_degree(rng), draw_degree(rng)
        lists = (SLIGHT_ADJ, STRONG_ADJ) if part == "adj" else (SLIGHT_NOUN, STRONG_NOUN)
        def degree_word(kind, key, word, edit):
            if kind == "plain" or key in ("bw", "bokeh", "invert", "night", "golden_hour", "sepia", "sketch", "cartoon") or word.startswith(("a ", "an ", "less ", "more ", "the ")):
                return ""
            edit["degree"] = kind
            return pick(rng, lists[0] if kind == "slight" else lists[1]) + " "
        def graded(kind, key, word, edit):  # "a slight vignette"
            if kind == "plain" or part != "noun" or not word.startswith("a ") or key in ("bw", "bokeh", "invert", "night", "golden_hour", "sepia", "sketch", "cartoon") or rng.random() < 0.4:
                return word
            edit["degree"] = kind
            return "a " + pick(rng, TINT_SLIGHT if kind == "slight" else TINT_STRONG) + word[1:]
        wb = graded(db_kind, b, wb, eb)
        if "degree" in eb or rng.random() < 0.3:
            wa = graded(da_kind, a, wa, ea)
        db = degree_word(db_kind, b, wb, eb)
        if db or "degree" in eb and b != "bw":  # a degree on the first word alone would be ambiguous for the second
            da = degree_word(da_kind, a, wa, ea)
        if part == "adj":
            text = pick(rng, ["make {o} {x}", "make {o} {x}", "i want {o} {x}", "{o} should be {x}", "{o}: {x}"] + ["{x} please", "{x}"] * (not region) + [ "make {o} look {x}", "turn {o} {x}", "can {o} be {x}", "get {o} {x}", "i'd like {o} {x}"]).format(o=obj, x=da + wa + sep + db + wb)
        else:
            text = pick(rng, ["add {x}", "add {x}", "give {o} {x}", "{x}", "{x} please", "i want {x}", "apply {x}", "{o} needs {x}", "put {x} on {o}", "with {x}", "add {x} to {o}", "could use {x}"]).format(o=obj, x=da + wa + sep + db + wb)
        return text, [ea, eb]
    return one(rng, "brightness+")[0], [label("brightness+")]


def verb_pair(rng):
    """Two verbs that share one object: "darken and blur the background"."""
    while True:
        a, b = (rng.choices(KEYS, cum_weights=CUMULATIVE)[0] for _ in range(2))
        if a in WORDS and b in WORDS and WORDS[a]["verb"] and WORDS[b]["verb"] and a != "bw" and b != "bw" and not clash(a, b):
            va, vb = ([v for v in WORDS[k]["verb"] if "*" not in v and not v.endswith((" of", " in", " to", " from", " on"))] for k in (a, b))
            if va and vb:
                break
    ea, eb, region = label(a), label(b), None
    if a in REGIONAL and b in REGIONAL and rng.random() < 0.5:
        region = pick(rng, ("subject", "background", "background"))
        ea["region"] = eb["region"] = region
    text = pick(rng, va) + pick(rng, [" and ", " and ", " & ", " + ", ", then ", " and also ", " and then "]) + pick(rng, vb) + " " + object_of(rng, region)
    return text, [ea, eb]


def trio(rng):
    """A list of two to four short orders: "brighten, warm up and add a slight vignette"."""
    keys = []
    while len(keys) < 3:
        key = rng.choices(KEYS, cum_weights=CUMULATIVE)[0]
        if key in BARE and key != "bokeh" and not any(clash(key, k) for k in keys):
            keys.append(key)
    parts, edits = [], []
    for key in keys[: 2 if rng.random() < 0.35 else 3]:
        if rng.random() < 0.5:
            text, edit = with_degree(rng, key, draw_degree(rng) if rng.random() < 0.6 else "plain")
        else:
            text, edit = imperative(rng, key, None, draw_degree(rng) if rng.random() < 0.5 and key != "bw" else "plain", obj="it", ways=("adj", "noun", "verb"))
        parts.append(text)
        edits.append(edit)
    last = pick(rng, [" and ", " and ", ", and ", ", then ", " & ", ", ", " + ", "; "])
    comma = pick(rng, [", ", ", ", ", ", "; ", " + ", ". "])
    return comma.join(parts[:-1]) + last + parts[-1], edits


BAD_LINKS = [", ", ", ", ". ", ". ", " - ", " so ", ", so ", " ", "; ", ", please ", ", can you ", ", could you ", ". please ", ". could you ", ". can you ", " and ", ", can u ", ": ", "? "]
CAUSE = split("the shop lights, the flash, my phone, the camera, the weather, the lamp, the fluorescent lights, the sun, the lens, the bulbs, the window light, my old camera, the stage lights, the shade, auto mode, the light in the room, the indoor lighting, the neon tubes")
STATES = {"temperature": split("the white balance, white balance, wb, the colour balance, the light, the colours, the tones, the skin tones, her skin, the skin, the colour temperature, everything, the whole scene"), "brightness": split("the exposure, the light, the lighting, everything, the room, the scene, my screen version"), "saturation": split("the colours, the colors, colours, everything, the palette"), "contrast": split("the light, the tones, everything, the tonality")}
FAINT = split("too, too, so, rather, pretty, quite, very, really, kinda, kind of, sort of, just too, really too, looking, super, terribly, awfully, a little, a bit, way too, much too, far too")


def imperative(rng, key, region, degree, obj, ways=None):
    """An edit as a plain order: "cool it down a bit", "make it less yellow"."""
    words, edit = WORDS[key], label(key)
    slight = degree == "slight"
    if region:
        edit["region"] = region
    if degree != "plain":
        edit["degree"] = degree
    if words["noun"] and "noun" in ways and rng.random() < 0.5:
        nouns = [n for n in words["noun"] if not n.startswith(("a ", "an ", "more ", "less "))] or words["noun"]
        text = pick(rng, ["add ", "give it ", "put in ", "add some " if degree == "plain" else "add "]) + (pick(rng, SLIGHT_NOUN if slight else STRONG_NOUN) + " " if degree != "plain" else "") + pick(rng, nouns)
    elif rng.random() < 0.5:
        adj = pick(rng, [a for a in words["adj"] if not a.startswith(("a ", "an "))])
        verb = pick(rng, ["make", "make", "make", "get", "turn", "have"])
        x = rng.random()
        d = "" if degree == "plain" else pick(rng, SLIGHT_ADJ if slight else STRONG_ADJ) + " "
        text = f"{verb} {obj} {d}{adj}" if x < 0.75 else f"{verb} {obj} {adj}" + tail_of(rng, degree)
    else:
        text = with_object(pick(rng, words["verb"][:8] if rng.random() < 0.6 else words["verb"]), obj)
        if degree != "plain":
            text = text + tail_of(rng, degree) if rng.random() < 0.6 else pick(rng, SLIGHT_VERB if slight else STRONG_VERB) + " " + text
    return text, edit


def complaint(rng):
    """What is wrong, then the remedy, whose word points the other way: "the light is too yellow, cool it down"."""
    while True:
        key = rng.choices(KEYS, cum_weights=CUMULATIVE)[0]
        if key in WORDS and WORDS[key]["bad"]:
            break
    kind, region, degree = label(key)["kind"], None, draw_degree(rng)
    if key in REGIONAL and rng.random() < 0.35:
        region = pick(rng, ("subject", "background", "sky"))
        if region == "sky" and key in NO_SKY:
            region = "background"
    if kind in STATES and key != "bw" and rng.random() < 0.12:  # "the contrast is too low, raise it a lot"
        up, edit, slight = key.endswith("+"), dict(label(key), **({"degree": degree} if degree != "plain" else {})), degree == "slight"
        text = pick(rng, ["the ", "the ", ""]) + pick(rng, KNOBS[kind]) + pick(rng, [" is ", " is ", " looks ", " seems ", " "]) + pick(rng, ["too low", "low", "too weak", "not enough", "not high enough", "very low", "so low"] if up else ["too high", "high", "too strong", "too much", "over the top", "very high", "so high"])
        verb = pick(rng, ["raise it", "turn it up", "bring it up", "increase it", "boost it", "push it up", "put it up"] if up else ["lower it", "turn it down", "bring it down", "reduce it", "decrease it", "cut it", "put it down"])
        if rng.random() < 0.5:
            fix = pick(rng, ["make it ", "i want it ", "it should be ", "needs to be ", "make that "]) + ("" if degree == "plain" else pick(rng, SLIGHT_ADJ if slight else STRONG_ADJ) + " ") + pick(rng, ["higher", "higher", "stronger", "more high", "more"] if up else ["lower", "lower", "weaker", "more low", "less"])
        else:
            fix = verb + tail_of(rng, degree)
        return text + pick(rng, BAD_LINKS[:9]) + fix, [edit]
    bad = pick(rng, WORDS[key]["bad"]) if rng.random() < 0.6 else pick(rng, WORDS[key]["bad"][:5])
    link, back = pick(rng, BAD_LINKS), rng.random() < 0.2
    remedy = simple if link.rstrip().endswith((",", ".", "so", "-", ";", "and", ":", "?")) and rng.random() < 0.6 else imperative
    fix, edit = imperative(rng, key, region, degree, obj=object_of(rng, region), ways=("adj", "verb", "noun") if not region else ("adj", "verb")) if back else remedy(rng, key, region, degree, obj=pick(rng, ["it", "it", "it", "that", "this", "things"] if not region else ["it", "it", "it", "that"]), ways=("adj", "verb") if kind not in ("grain", "vintage") else ("adj", "noun", "verb"))
    # Without a degree in the remedy a faint or strong complaint would leave the degree open.
    how = pick(rng, FAINT if "degree" in edit else FAINT[:13])
    thing = object_of(rng, region) if region or kind not in STATES or rng.random() < 0.55 else pick(rng, STATES[kind])
    if region == "subject" and rng.random() < 0.2:
        me = pick(rng, ["me", "me", "us"])
        fix, edit = imperative(rng, key, region, degree, obj=me, ways=("adj", "verb"))
        text, back = ("i'm " if me == "me" else "we're ") + how + " " + bad + pick(rng, ["", "", " here", " in this", " compared to the background", " compared to the sky", " against the sky"]), False
        if rng.random() < 0.35:
            return fix + pick(rng, [", ", " because ", ". ", " - "]) + text, [edit]
    elif kind in STATES and degree == "plain" and rng.random() < 0.08:  # a remedy that names no edit
        text = thing + pick(rng, [" is ", " looks ", " came out "]) + pick(rng, FAINT[:13]) + " " + bad
        edit.pop("degree", None)
        some = pick(rng, ["fix it", "fix that", "correct it", "correct that", "can you fix it", "fix it please", "sort that out", "balance it", "do something about it", "fix the " + {"temperature": "white balance", "brightness": "exposure", "saturation": "colours", "contrast": "contrast"}[kind], "kill the colour cast" if kind == "temperature" else "fix this"])
        return (text + pick(rng, [", ", ". ", " ", " - ", ", please ", ", could you "]) + some) if rng.random() < 0.7 else some + pick(rng, [", ", ". ", " because ", " - "]) + text, [edit]
    elif not region and rng.random() < 0.25:
        text = pick(rng, CAUSE) + " made " + pick(rng, ["it", "this", "the photo", "everything", "this picture", "us all", "the whole thing"]) + " " + how + " " + bad
    elif not region and rng.random() < 0.25:
        text = pick(rng, ["", "it's ", "looks ", "it is ", "it looks ", "came out ", "turned out ", "this is ", "its ", "the photo came out ", "seems ", "feels "]) + how + " " + bad
    else:
        text = thing + pick(rng, [" is ", " is ", " is ", " looks ", " looks ", " came out ", " feels ", " seems ", " turned out ", " was shot ", " it is ", " are ", " "]) + how + " " + bad
    if back:  # the remedy first, then why
        return fix + pick(rng, [", ", ". ", " because ", " since ", ", as ", " - ", " cause ", " bc ", ". "]) + pick(rng, ["it's ", "it is ", "it looks ", "its ", "it came out ", "it was shot ", "it feels "]) + how + " " + bad, [edit]
    return text + link + fix, [edit]


SEPARATE = {  # one part is changed because another is to stay: region, then how it is said
    "bw": ("background", split("only keep colour on R, only keep color on R, keep only R in colour, R stays in colour the rest black and white, R in colour everything else black and white, selective colour on R, selective color: R, only R in colour, just R in color rest grey, black and white except R, everything b&w except R, everything but R in black and white, only R should have colour, desaturate everything except R, desaturate everything but R, bw but keep R in colour, black and white but R stays in colour, make everything black and white but keep the colour of R, all grey except R, remove the colour from everything but R, colour pop on R, leave only R in colour, without any colour but R stays with colour, monochrome apart from R")),
    "blur": ("background", split("keep R sharp and blur the rest, only R sharp, only R in focus, R sharp everything else blurry, blur everything except R, blur everything but R, everything blurry except R, keep only R in focus, R stays sharp the rest soft, so only R stands out blur the rest, blur all but R, keep R crisp and everything else out of focus, focus on R and blur what's behind, make R stand out with a blurry background")),
    "brightness-": ("background", split("darken everything except R, darken everything but R, everything darker except R, keep R bright and darken the rest, dim the rest but not R, make everything around R darker, everything but R should be darker")),
    "brightness+": ("background", split("brighten everything except R, everything brighter but not R, brighten everything around R, lighten all but R")),
}
KEPT = {"bw": split("K stays in colour, K stay with colour, but K stays in colour, keep K in colour, K keeps its colour, K in colour, leave K coloured, not K, except K"), "blur": split("K stays sharp, keep K sharp, but keep K in focus, K must stay crisp, K in focus, leave K sharp, not K"), "sharpen": split("K stays soft, leave K soft, K can stay blurry, not K")}
KEPT_ALL = split("leave K alone, but not K, K stays as it is, keep K as it is, don't touch K, K is fine, leave K as is, without K, not on K, K should stay the same, K unchanged, keep K natural, but keep K the way it is, don't change K")
KEPT_FIRST = {"blur": split("keep K crisp but, keep K sharp but, leave K sharp and, K should stay sharp but, K can stay crisp but"), "bw": split("keep K in colour but, leave K in colour and, K stays in colour but")}
KEPT_FIRST_ALL = split("leave K alone and, keep K as it is but, don't touch K but, keep K the same but, K is fine but, K stays as it is but, leave K as it is just, without changing K please")
NAMED = {"subject": split("the subject, the person, my dog, the car, her, him, the product, my daughter, the man, the woman, the flower, the people, the bride, subject, the main subject, me, the cat, the face, the couple"), "background": split("the background, the background, the surroundings, background, the backdrop, everything behind, the rest"), "sky": split("the sky, sky, the clouds")}


def kept(rng):
    """A part is changed while another, which is named too, is to stay."""
    if rng.random() < 0.3:
        key = pick(rng, ["bw", "bw", "bw", "blur", "blur", "brightness-", "brightness+"])
        edit = dict(label(key), region=SEPARATE[key][0])
        return pick(rng, SEPARATE[key][1]).replace("R", pick(rng, NAMED["subject"])), [edit]
    key = pick(rng, ["bw", "bw", "blur", "blur"] + sorted(OFTEN_REGIONAL) + ["fade", "contrast-"])
    region = pick(rng, ("subject", "background", "background")) if key in ("bw", "blur") or key in NO_SKY else pick(rng, ("subject", "background", "sky"))
    if key == "bw":
        region = "background" if rng.random() < 0.75 else region
    other = NAMED["background" if region == "subject" else "subject" if region == "background" or rng.random() < 0.5 else "background"]
    text, edit = simple(rng, key, region, draw_degree(rng), obj=object_of(rng, region), ways=("adj", "verb"))
    if not any(word in text for word in ("{",)) and rng.random() < 0.3:
        first = pick(rng, KEPT_FIRST.get(key, KEPT_FIRST_ALL) if rng.random() < 0.6 else KEPT_FIRST_ALL).replace("K", pick(rng, other))
        return first + " " + text, [edit]
    return text + pick(rng, [", ", ", ", ". ", " ", "; ", " - ", ", but "]) + pick(rng, KEPT.get(key, KEPT_ALL) if rng.random() < 0.6 else KEPT_ALL).replace("K", pick(rng, other)), [edit]


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
    return pick(rng, V.ASK) + (" " + pick(rng, ["the photo", "the car", "this", "it", "the picture", "the subject", "her", "do it", "do something", "edit this", "improve it", "make it nice", "fix it"]) if rng.random() < 0.6 else "")


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


# --- how it is typed ---------------------------------------------------------------------------------------------------

def filled(rng, line):
    return line.format(who=pick(rng, V.WHO), where=pick(rng, V.WHERE), when=pick(rng, V.WHEN), purpose=pick(rng, V.PURPOSE), poss=pick(rng, V.POSSESSED), nice=pick(rng, V.NICE), looks=pick(rng, V.LOOKS), detail=pick(rng, V.DETAIL),
                       r=pick(rng, ["the sky", "the background", "my dog", "her dress", "the subject", "the light", "her smile", "the composition", "the car", "my hair", "the view", "the pose", "the face", "his expression", "the house"]))


def wrapped(rng, text, remark):
    """The request with what people say before and after it."""
    if rng.random() < 0.26:
        text = pick(rng, V.ASK) + " " + text
    if rng.random() < 0.06:
        text = pick(rng, V.VOCATIVE) + pick(rng, [", ", " ", ", "]) + text
    if remark:
        text = filled(rng, pick(rng, V.REMARK)) + pick(rng, [", ", ". ", " but ", ", but ", ", just ", "; ", " "]) + text
    elif rng.random() < 0.17:
        before = filled(rng, pick(rng, V.CONTEXT))
        if rng.random() < 0.2:
            before += pick(rng, [" and ", ". ", ", "]) + filled(rng, pick(rng, V.CONTEXT))
        text = before + pick(rng, [". ", ". ", ". ", ", ", ", ", " but ", ", but ", " ", " - ", ", so ", "! ", ": "]) + text
    if rng.random() < 0.14:
        text += pick(rng, [" ", " ", ", ", ". ", " - "]) + filled(rng, pick(rng, V.REASON))
    if rng.random() < 0.14:
        text += pick(rng, [" ", " ", ", ", ". ", " - "]) + pick(rng, V.ENDING)
    if rng.random() < 0.05:
        text += pick(rng, [", ", " ", ", "]) + pick(rng, V.VOCATIVE)
    if rng.random() < 0.05:
        text += pick(rng, [" ", ", ", ". "]) + pick(rng, KEEP_TAILS)
    return text


def typed(rng, text):
    """Typing: marks or none, dropped articles, stray words, texting, stretched words, slips."""
    words = text.split()
    if rng.random() < 0.16:
        words = [w for w in words if w not in ("the", "a", "an")] or words
    if rng.random() < 0.08:
        for _ in range(rng.randint(1, 2)):
            words.insert(rng.randint(0, len(words)), invented(rng) if rng.random() < 0.5 else pick(rng, F.FILLER))
    if rng.random() < 0.12:
        words = [pick(rng, V.TEXTING[w]) if w in V.TEXTING and rng.random() < 0.5 else w for w in words]
    if rng.random() < 0.08:
        words = [w[:-1] + w[-1] * rng.randint(2, 5) if w in V.ELONGATE and rng.random() < 0.6 else w for w in words]
    if rng.random() < 0.15:
        words = [w.replace("'", "") for w in words]
    if rng.random() < 0.13:
        for _ in range(rng.randint(1, 2)):
            i = rng.randrange(len(words))
            words[i] = typo(rng, words[i])
    text = " ".join(words)
    x = rng.random()
    if x < 0.25:
        text = re.sub(r"[.,;:](?!\d)", " ", text)
    elif x < 0.55 and text[-1:] not in ".!?":
        text += "."
    elif x < 0.62:
        text += pick(rng, ["?", "!", "...", "?", " :)", "!!"])
    return text


def chained(rng, text, edits, key):
    """One more edit in a clause of its own."""
    other = second_key(rng, key)
    if rng.random() < 0.15:
        more, edit = recolour_terse(rng) if key != "recolour" else (None, None)
        if more and key != "tint":
            return text + pick(rng, F.MARKS) + " " + more, edits + [edit], "recolour"
    more, edit = one(rng, other, explicit_whole="region" in edits[-1] or key == "recolour")
    if other in REGIONAL and rng.random() < 0.25:  # two parts, each with its own edit
        for _ in range(6):
            if edit.get("region") and edit["region"] != edits[-1].get("region"):
                break
            more, edit = one(rng, other, explicit_whole="region" in edits[-1] or key == "recolour")
    return text + (pick(rng, F.MARKS) if rng.random() < 0.6 else " " + pick(rng, F.JOIN)) + " " + more, edits + [edit], other


def sample(rng):
    """Returns (instruction, list of edits)."""
    draw = rng.random()
    if draw < 0.13:
        return typed(rng, wrapped(rng, outside(rng), False)), []
    if draw < 0.20:
        text, edits = joined_short(rng) if rng.random() < 0.75 else verb_pair(rng)
        return typed(rng, wrapped(rng, text, False)), edits
    if draw < 0.31:
        text, edits = lines_of(rng)
        return typed(rng, wrapped(rng, text, False) if rng.random() < 0.3 else text), edits
    if draw < 0.33:
        text, edits = trio(rng)
        return typed(rng, wrapped(rng, text, False) if rng.random() < 0.6 else text), edits
    if draw < 0.385:
        text, edits = complaint(rng)
        if rng.random() < 0.2:
            kind = edits[0]["kind"]
            key = kind + {"up": "+", "down": "-"}.get(edits[0].get("direction"), "")
            text, edits, _ = chained(rng, text, edits, key)
        return typed(rng, wrapped(rng, text, False)), edits
    if draw < 0.41:
        text, edits = kept(rng)
        return typed(rng, wrapped(rng, text, False)), edits
    first = rng.choices(KEYS, cum_weights=CUMULATIVE)[0]
    remark = rng.random() < 0.07
    text, edit = one(rng, first, explicit_whole=remark)
    edits = [edit]
    if rng.random() < 0.02 and draw > 0.78:
        text = pick(rng, ["1. ", "1) ", "first ", "firstly, ", "first of all, ", "two things: ", "1: "]) + text
    if draw > 0.78:
        text, edits, key = chained(rng, text, edits, first)
        if draw > 0.975:
            third = second_key(rng, first)
            if third != "recolour" and not clash(key, third):
                more, other = one(rng, third, allow_region=False, explicit_whole=True)
                text, edits = text + (pick(rng, F.MARKS) if rng.random() < 0.6 else " " + pick(rng, F.JOIN)) + " " + more, edits + [other]
    elif draw > 0.75 and edit["kind"] != "recolour":  # "but keep the contrast": names a knob that must not move
        knobs = [k for kind, names in KNOBS.items() if kind != edit["kind"] for k in names[:4]]
        text += pick(rng, [" ", ", ", " "]) + pick(rng, KEEP_PARTS).format(k=pick(rng, knobs))
    return typed(rng, wrapped(rng, text, remark)), edits
