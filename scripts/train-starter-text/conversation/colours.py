"""Colours: of things, mixed, beside each other, warm or cool, and what they feel like."""
from .grammar import fill, plural
from .phrasing import question

OF = {
    "grass": "green", "snow": "white", "the sky": "blue", "the sea": "blue", "blood": "red", "coal": "black", "milk": "white", "chocolate": "brown",
    "a lemon": "yellow", "an orange": "orange", "a banana": "yellow", "a tomato": "red", "a strawberry": "red", "the sun": "yellow",
    "a carrot": "orange", "a leaf": "green", "a leaf in autumn": "red, orange or gold", "a crow": "black", "a swan": "white", "a flamingo": "pink",
    "a frog": "green", "an elephant": "grey", "a polar bear": "white", "a fox": "orange", "a plum": "purple", "sand": "yellow", "wood": "brown",
    "an egg": "white or brown", "a raven": "black", "a pig": "pink", "a cucumber": "green", "a cherry": "red", "honey": "golden", "ice": "white",
    "a cloud": "white or grey", "a mouse": "grey", "the night": "black", "fire": "red and orange", "gold": "yellow", "a sunflower": "yellow",
    "broccoli": "green", "a pumpkin": "orange", "a fire engine": "red", "chalk": "white", "coffee": "brown", "a zebra": "black and white",
    "a panda": "black and white", "a pea": "green", "a violet": "purple", "a rose": "red",
}
MIXED = {
    ("blue", "yellow"): "green", ("red", "yellow"): "orange", ("red", "blue"): "purple", ("red", "white"): "pink", ("black", "white"): "grey",
    ("red", "green"): "brown", ("blue", "white"): "light blue", ("blue", "green"): "turquoise", ("yellow", "green"): "lime green",
    ("orange", "black"): "brown", ("purple", "white"): "lilac", ("blue", "black"): "dark blue",
}
BESIDE = {
    "blue": "white, yellow and orange", "navy": "white, gold and cream", "red": "white, black and gold", "green": "brown, white and pink",
    "yellow": "blue, grey and white", "orange": "blue, white and brown", "purple": "yellow, white and grey", "pink": "grey, white and green",
    "brown": "cream, green and blue", "black": "almost every colour, most of all white and gold", "white": "every colour",
    "grey": "yellow, pink and blue", "turquoise": "white, coral and gold", "beige": "brown, white and blue", "gold": "navy, black and green",
    "teal": "coral, cream and gold", "cream": "navy, brown and green", "dark green": "gold, cream and red", "light blue": "white, grey and yellow",
}
WARM = dict(red="warm", orange="warm", yellow="warm", gold="warm", pink="warm", brown="warm", coral="warm", blue="cool", green="cool",
    turquoise="cool", purple="cool", violet="cool", teal="cool")
FEELS = {
    "red": "love, fire and danger", "blue": "calm, the sky and the sea", "green": "nature, spring and hope", "yellow": "sun, joy and warmth",
    "orange": "energy, fun and autumn", "purple": "magic and kings", "black": "night, power and mystery", "white": "snow, peace and clean things",
    "pink": "sweet and gentle things", "brown": "earth, wood and home", "grey": "rain, stone and quiet days",
}
OPPOSITE = dict(red="green", green="red", blue="orange", orange="blue", yellow="purple", purple="yellow", black="white", white="black")


def colour(rng):
    kind, spelling = rng.randrange(9), rng.choice(["colour", "colour", "color"])
    if kind <= 2:
        thing, answer = rng.choice(list(OF.items()))
        the = thing if thing.split()[0] in ("a", "an", "the") else thing
        answer = fill(rng, "[{t} is {c}.|{t} is {c}.|The colour of {t} is {c}.]" if " or " not in answer else "{t} is {c}.", t=the, c=answer)
        some = plural(the.split(" ", 1)[1]) if the.startswith(("a ", "an ")) and " in " not in the else the
        asked = "[what {w} is {t}|what {w} is {t}|what is the {w} of {t}|which {w} is {t}|which {w} has {t}|what {w} does {t} have|tell me the {w} of {t}|the {w} of {t}]" if rng.random() < 0.8 else ("what {w} are {s}" if some != the else "what {w} is {s}")
        return question(rng, fill(rng, asked, w=spelling, t=the, s=some)), answer
    if kind == 3 or kind == 4:
        (a, b), made = rng.choice(list(MIXED.items()))
        if rng.random() < 0.5:
            a, b = b, a
        asked = "[what do I get when I mix {a} and {b}|what is {a} and {b} mixed|what {w} do {a} and {b} make|what do {a} and {b} make|mix {a} and {b}|which {w} is {a} mixed with {b}|what {w} comes from {a} and {b}|what happens if I mix {a} with {b}|{a} plus {b} makes which {w}]"
        return question(rng, fill(rng, asked, w=spelling, a=a, b=b)), fill(rng, "[{a} and {b} make {c}.|If you mix {a} and {b}, you get {c}.]", a=a,
            b=b, c=made)
    if kind == 5:
        a, beside = rng.choice(list(BESIDE.items()))
        asked = "[what goes well with {a}|which {w}s go with {a}|what {w}s match {a}|which {w} looks good with {a}|what can I combine with {a}|what {w} fits to {a}|which {w}s go well with {a}|a good {w} beside {a}]"
        return question(rng, fill(rng, asked, w=spelling, a=a)), fill(rng, "[{a} looks good with {b}.|With {a} go {b}.|{a} goes well with {b}.]", a=a,
            b=beside)
    if kind == 6:
        a, warm = rng.choice(list(WARM.items()))
        asked = "[is {a} a warm {w}|is {a} warm or cool|is {a} a cool {w}|is {a} a warm or a cool {w}|is {a} cold or warm|is {a} a cold {w}]"
        return question(rng, fill(rng, asked, w=spelling, a=a)), fill(rng, "{a} is a {v} colour.", a=a, v=warm)
    if kind == 7:
        a, feels = rng.choice(list(FEELS.items()))
        asked = "[what does {a} stand for|what does the {w} {a} mean|what feeling does {a} give|what do people think of when they see {a}|tell me about the {w} {a}|what is special about {a}|describe the {w} {a}]"
        return question(rng, fill(rng, asked, w=spelling, a=a)), fill(rng, "{a} [makes people think of|stands for|reminds us of] {b}.", a=a, b=feels)
    if rng.random() < 0.5:
        return question(rng, fill(rng, "what is your [favourite|favorite|best] {w}", w=spelling)), fill(rng,
            "I am a model and see no colours, but I like the word {c}.", c=rng.choice(list(FEELS)))
    a, b = rng.choice(list(OPPOSITE.items()))
    return question(rng, fill(rng, "what is the [opposite|complementary {w}] of {a}", w=spelling, a=a)), fill(rng, "The opposite of {a} is {b}.", a=a,
        b=b)
