"""Pictures in words: descriptions, captions and prompts of the thing that is asked for."""
from .grammar import fill
from .phrasing import order
from .words import ANIMALS, COLOURS, FOODS, LISTS, PEOPLE, THINGS

NOUNS = """lighthouse harbour village castle bridge mill garden forest lake river mountain meadow market station street tower church farm island beach desert waterfall boat train bicycle house cabin
tree flower window door road path field café library kitchen city""".split()
WHEN = ["sunset", "sunrise", "dawn", "dusk", "night", "noon", "midnight"]
AIR = ["fog", "rain", "snow", "wind", "sun", "storm", "mist", "moonlight"]
WHERE = [
    "the forest", "the garden", "the mountains", "the city", "the snow", "a field", "the desert", "a small room", "the rain", "a village", "the park",
    "the sea", "a kitchen", "a meadow", "the street",
]
LIGHT = {
    "sunset": "The [low|last] sun paints the sky orange and pink.", "sunrise": "The first sun makes all things gold.",
    "dawn": "A pale light comes over the land.", "dusk": "The sky is violet, and the first lamps are lit.",
    "night": "The sky is dark, and [stars|a few lamps] shine.", "noon": "The sun stands high, and the shadows are short.",
    "midnight": "Only the moon gives light.",
}
FEEL = {
    "fog": "Soft fog hides [the background|half of it], and all is [quiet|still].", "rain": "Rain falls, and the ground shines like a mirror.",
    "snow": "White snow covers everything, and the air is cold and clear.", "wind": "The wind bends the grass, and clouds fly over the sky.",
    "sun": "Bright sun falls on it, and the shadows are sharp.", "storm": "Dark clouds hang over it, and [lightning|a cold light] fills the sky.",
    "mist": "A thin mist lies over the ground.", "moonlight": "Silver moonlight falls on it, and long blue shadows lie around.",
}
DEFAULT = [
    "Soft light comes from the [left|right|side].", "[Warm|Cool|Soft] light fills the picture.", "The light is soft and [warm|clear].",
    "Behind it, the background is [blurred|dark|pale blue|golden].",
]
SUBJECT = [
    "[In the middle|On the left|On the right] stands {x}[, small against the wide sky|, clear and sharp|].",
    "The picture shows {x}[ in the foreground|].", "We see {x}[, a little to the left|].", "{x} is [the heart|the centre] of the picture.",
]
AROUND = {
    "sea": "Around it [lies the sea|waves roll] with [white foam|small boats].", "nature": "[Green hills|Old trees|Flowers] [stand|wait] behind it.",
    "town": "[Old houses with red roofs|Narrow streets|Lit windows] frame it.",
}
MOOD = [
    "The mood is [calm|quiet|warm|lonely|cheerful|dreamy].", "It feels [peaceful|like a dream|like the start of a story|fresh and cold].",
    "The colours are {c1} and {c2}.",
]
STYLES = [
    "soft light", "golden hour", "sharp focus", "wide angle", "blurred background", "warm colours", "cool colours", "high contrast", "muted colours",
    "long shadows", "close up", "film grain", "reflections", "fine details", "backlight",
]
ASK = [
    "describe a picture of {s}", "describe an image of {s}", "describe {s}", "describe a photo of {s}", "describe a scene with {s}",
    "what could a picture of {s} look like", "imagine {s}", "paint {s} with words", "write a description of {s}", "a description of a picture of {s}",
    "tell me what a photo of {s} shows", "describe a painting of {s}", "what do you see in a picture of {s}",
]
PROMPT = [
    "write a prompt for {s}", "give me a prompt for a picture of {s}", "an image prompt for {s}", "write an image prompt with {s}",
    "a prompt for an image of {s}", "make a prompt for a photo of {s}", "I need an image prompt for {s}", "prompt for {s}",
    "suggest a prompt for a picture with {s}",
]
CAPTION = [
    "write a caption for a photo of {s}", "a caption for {s}", "give me a caption for a picture of {s}", "caption for a photo with {s}",
    "find a title for a photo of {s}", "a title for a picture of {s}", "what should I write under a photo of {s}", "suggest a caption for {s}",
    "write a short caption for {s}",
]
CAPTIONS = [
    "{X}, and the whole day before us.", "A quiet moment with {x}.", "{X}: nothing more is needed.", "Found today: {x}.", "Some days begin with {x}.",
    "{X} in the best light of the day.", "One second with {x}.", "Look who is here: {x}!", "Small things, big joy: {x}.", "The day belongs to {x}.",
]
GROUPS = [
    "two friends", "a family", "three children", "an old couple", "two dogs", "a young woman", "an old man", "a group of friends", "my sister",
    "my dog", "a bride", "two brothers", "two cats", "a baby", "a crowd",
]


def scene(rng):
    """-> (as asked for, the thing alone, sentences that fit)"""
    pool = rng.choice([NOUNS, NOUNS, ANIMALS, THINGS, PEOPLE, FOODS[:12], GROUPS])
    thing = rng.choice(pool)
    base = thing if pool is GROUPS else lower(fill(rng, "a {x}", x=thing))
    if pool is not GROUPS and rng.random() < 0.35:
        base = lower(fill(rng, "a {m} {x}", m=rng.choice([rng.choice(COLOURS), rng.choice(["old", "small", "big", "lonely", "snowy", "quiet",
            "little", "beautiful"])]), x=thing))
    lines, kind = [], rng.random()
    asked = base
    if kind < 0.35:
        when = rng.choice(WHEN)
        asked, lines = f"{base} at {when}", [LIGHT[when]]
    elif kind < 0.6:
        air = rng.choice(AIR)
        asked, lines = f"{base} in the {air}", [FEEL[air]]
    elif kind < 0.85:
        where = rng.choice(WHERE)
        asked, base, lines = f"{base} in {where}".replace("in the sea", "by the sea"), f"{base} in {where}".replace("in the sea",
            "by the sea"), [rng.choice(DEFAULT)]
    else:
        lines = [rng.choice(DEFAULT)]
    return asked, base, lines


def lower(text):
    return text[0].lower() + text[1:]


def description(rng):
    asked, base, lines = scene(rng)
    words = LISTS | dict(c1=COLOURS, c2=COLOURS)
    c1, c2 = rng.sample(COLOURS, 2)
    opening = rng.choice(SUBJECT)
    if opening.startswith("[In") and (base.split()[0] in ("two", "three")):
        opening = opening.replace("stands", "are")
    body = [opening] + lines + ([rng.choice(list(AROUND.values()))] if rng.random() < 0.3 else []) + [rng.choice(MOOD)]
    return order(rng, fill(rng, rng.choice(ASK), s=asked)), fill(rng, " ".join(body), words, x=base, c1=c1, c2=c2)


def caption(rng):
    asked, base, _ = scene(rng)
    return order(rng, fill(rng, rng.choice(CAPTION), s=asked)), fill(rng, rng.choice(CAPTIONS), x=asked, X=asked[0].upper() + asked[1:])


def prompt(rng):
    asked, _, _ = scene(rng)
    styles = ", ".join(rng.sample(STYLES, rng.choice([2, 3, 3])))
    return order(rng, fill(rng, rng.choice(PROMPT), s=asked)), fill(rng, "{x}, {s}.", x=rng.choice(["a photo of ", "a painting of ", "", ""]) + asked,
        s=styles)


def picture(rng):
    return rng.choice([description, description, caption, prompt])(rng)
