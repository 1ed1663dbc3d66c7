"""Sentences about a scene. What a sentence leaves out may be anything in the picture."""

import numpy as np

from scene import Scene, Thing

KIND_WORDS = {
    "house": ("house", "house", "house", "cottage", "home", "cabin", "hut"),
    "tree": ("tree", "tree", "tree", "oak"),
    "car": ("car", "car", "car", "automobile"),
    "cat": ("cat", "cat", "cat", "kitten", "kitty"),
    "boat": ("boat", "boat", "sailboat", "sailing boat", "ship", "yacht"),
    "balloon": ("balloon", "hot air balloon", "hot-air balloon"),
    "lighthouse": ("lighthouse", "lighthouse", "tower"),
    "flower": ("flower", "flower", "blossom", "daisy"),
}
SIZE_WORDS = {"small": ("small", "little", "tiny"), "big": ("big", "large", "huge", "giant")}
PLACE_WORDS = {
    "left": ("on the left", "on the left side", "to the left", "at the left"),
    "middle": ("in the middle", "in the centre", "in the center", "centered"),
    "right": ("on the right", "on the right side", "to the right", "at the right"),
}
LAND_PHRASES = {
    "hills": ("on a green hill", "on green hills", "on a hill", "in the hills", "on a meadow", "in a field", "on the grass", "among rolling hills", "in the countryside"),
    "mountains": ("in the mountains", "in front of mountains", "below snowy mountains", "near a mountain", "with mountains in the background", "in the alps"),
    "sea": ("by the sea", "at the sea", "on the beach", "at the beach", "by the ocean", "near the water", "on the shore", "at the coast"),
    "desert": ("in the desert", "in a desert", "among sand dunes", "on a dune", "in the sand", "in a desert with cacti"),
    "city": ("in the city", "in a city", "in front of a skyline", "in town", "in front of skyscrapers", "on a street in the city"),
    "snow": ("in the snow", "in a snowy field", "in winter", "on a snowy hill", "in a winter landscape"),
    "forest": ("in the forest", "in a forest", "in the woods", "in front of pine trees", "at the edge of the forest"),
}
LAND_NOUNS = {
    "hills": ("green hills", "a green hill", "rolling hills", "a meadow", "a green landscape", "countryside"),
    "mountains": ("mountains", "snowy mountains", "a mountain landscape", "the alps"),
    "sea": ("the sea", "a beach", "the ocean", "a seaside", "a coast"),
    "desert": ("a desert", "sand dunes", "the desert"),
    "city": ("a city", "a city skyline", "skyscrapers", "the skyline"),
    "snow": ("a snowy landscape", "a winter landscape", "snow", "winter"),
    "forest": ("a forest", "the woods", "a pine forest"),
}
TIME_PHRASES = {
    "day": ("by day", "during the day", "in daylight", "on a sunny day", "at noon", "under a blue sky", "in the sunshine", "in the afternoon"),
    "sunset": ("at sunset", "at sunset", "at dusk", "in the evening", "in the evening light", "during sunset", "under an orange sky", "at golden hour"),
    "sunrise": ("at sunrise", "at dawn", "in the morning", "in the early morning", "during sunrise", "in the morning light", "under a pink sky"),
    "night": ("at night", "at night", "under the stars", "at midnight", "by moonlight", "under a starry sky", "under the moon", "in the night"),
}
TIME_NOUNS = {"day": ("daylight", "day", "sunny day"), "sunset": ("sunset", "dusk", "evening"), "sunrise": ("sunrise", "dawn", "morning"), "night": ("night", "starry night", "moonlight")}
CLOUDS = ("with clouds", "under a cloudy sky", "cloudy", "with a few clouds")
CLEAR = ("with a clear sky", "without clouds", "under a clear sky")
STYLE_WORDS = {
    "pastel": ("in pastel colours", "pastel", "pastel style", "in soft pastel colors"),
    "vintage": ("vintage", "sepia", "in sepia", "old vintage picture", "vintage style"),
    "monochrome": ("black and white", "in black and white", "monochrome", "greyscale"),
}
FILLERS = ("illustration", "flat illustration", "a beautiful picture", "high quality", "highly detailed", "detailed", "beautiful", "realistic", "photo", "digital art", "4k", "best quality", "painting", "poster", "artwork", "photorealistic", "sharp focus")
OPENERS = ("a picture of", "an illustration of", "a drawing of", "a photo of", "an image of", "a painting of", "a view of")
UNWANTED = ("ugly", "blurry", "low quality", "bad quality", "worst quality", "text", "watermark", "distorted", "deformed", "noise", "artifacts", "bad anatomy", "jpeg artifacts", "cartoon")


def _pick(rng: np.random.Generator, words: tuple[str, ...]) -> str:
    return words[int(rng.integers(len(words)))]


def _thing(rng: np.random.Generator, thing: Thing, article: bool = True) -> str:
    words = []
    if thing.size and rng.random() < 0.85:
        words.append(_pick(rng, SIZE_WORDS[thing.size]))
    if rng.random() < 0.93:
        words.append(thing.colour)
    words.append(_pick(rng, KIND_WORDS[thing.kind]))
    text = " ".join(words)
    if not article:
        return text
    return ("an " if text[0] in "aeiou" else "a ") + text if rng.random() < 0.93 else text


def _subject(rng: np.random.Generator, things: tuple[Thing, ...]) -> str:
    if len(things) == 1:
        thing = things[0]
        named = rng.random() < (0.25 if thing.place == "middle" else 0.8)
        return _thing(rng, thing) + (" " + _pick(rng, PLACE_WORDS[thing.place]) if named else "")
    first, second = things if rng.random() < 0.65 else things[::-1]
    if rng.random() < 0.35:
        return f"{_thing(rng, first)} {_pick(rng, PLACE_WORDS[first.place])} and {_thing(rng, second)} {_pick(rng, PLACE_WORDS[second.place])}"
    return _thing(rng, first) + _pick(rng, (" and ", " and ", " next to ", " beside ", " with ")) + _thing(rng, second)


def _tags(scene: Scene, rng: np.random.Generator) -> list[str]:
    """Parts of a caption in the style of labels: red house, green hills, sunset."""
    parts = [_thing(rng, thing, article=False) for thing in scene.things] + [_pick(rng, LAND_NOUNS[scene.land])]
    if rng.random() < 0.85:
        parts.append(_pick(rng, TIME_NOUNS[scene.time]))
    return parts


def _sentence(scene: Scene, rng: np.random.Generator) -> list[str]:
    time = _pick(rng, TIME_PHRASES[scene.time]) if rng.random() < (0.6 if scene.time == "day" else 0.9) else ""
    if scene.things:
        land = _pick(rng, LAND_PHRASES[scene.land]) if rng.random() < 0.92 else ""
        body = [_subject(rng, scene.things), land, time]
        if rng.random() < 0.12 and land and time:
            body = [body[0], time, land]
    else:
        body = [_pick(rng, LAND_NOUNS[scene.land]), time]
    text = " ".join(part for part in body if part)
    if rng.random() < 0.12:
        text = f"{_pick(rng, OPENERS)} {text}"
    if time and rng.random() < 0.06:
        text = f"{time}, " + text.replace(f" {time}", "", 1)
    return [text]


def caption(scene: Scene, rng: np.random.Generator) -> str:
    parts = _tags(scene, rng) if rng.random() < 0.2 else _sentence(scene, rng)
    if rng.random() < 0.35:
        parts.append(_pick(rng, CLOUDS if scene.cloudy else CLEAR))
    if scene.style and rng.random() < 0.95:
        parts.insert(0 if rng.random() < 0.2 else len(parts), _pick(rng, STYLE_WORDS[scene.style]))
    for _ in range(int(rng.choice(4, p=(0.7, 0.15, 0.1, 0.05)))):
        parts.append(_pick(rng, FILLERS))
    return ", ".join(parts)


def unwanted(rng: np.random.Generator) -> str:
    """What people type as a negative prompt; says nothing about a scene."""
    return ", ".join(_pick(rng, UNWANTED) for _ in range(int(rng.integers(1, 5))))
