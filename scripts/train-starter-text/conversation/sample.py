"""One random conversation: [(question, answer), …]. What a held-out prompt asks word for word is left out."""
import re
from functools import cache
from pathlib import Path

from .advice import advice
from .colours import colour
from .definitions import common_noun, term
from .facts import fact
from .greetings import greeting
from .jokes import joke
from .photo import tip
from .pictures import picture
from .poems import poem
from .refusals import refusal
from .stories import story

SHARES = [
    (greeting, 8), (joke, 9), (term, 9), (common_noun, 15), (tip, 12), (picture, 8), (story, 8), (colour, 7), (fact, 18), (poem, 3), (advice, 4),
    (refusal, 9),
]
SUBJECTS, WEIGHTS = zip(*SHARES)
SEVERAL_TURNS = 0.06


def plain(text):
    return re.sub(r"[^a-z0-9 ]", "", text.lower()).strip()


@cache
def held_out():
    """The held-out prompts but "Hello", which can be said in no other way."""
    rows = (Path(__file__).parent.parent / "heldout" / "prompts.tsv").read_text().splitlines()
    return {plain(row.split("\t")[1]) for row in rows} - {"hello"}


def turn(rng):
    while True:
        asked, answer = rng.choices(SUBJECTS, WEIGHTS)[0](rng)
        if plain(asked) not in held_out():
            return asked, answer


def conversation(rng):
    return [turn(rng) for _ in range(rng.choice([2, 2, 3, 4]) if rng.random() < SEVERAL_TURNS else 1)]
