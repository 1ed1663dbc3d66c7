"""A sentence pattern: {name} takes a word of that list, {name:tag} the same word wherever the tag comes again, [a|b] one of a and b."""
import re

SLOT = re.compile(r"\{(\w+)(?::(\w+))?\}")
CHOICE = re.compile(r"\[([^\[\]]*\|[^\[\]]*)\]")


def fill(rng, pattern, words=None, **given):
    """One sentence of the pattern. `words` has lists by name; `given` has fixed words, by name or tag."""
    while match := CHOICE.search(pattern):
        pattern = pattern[:match.start()] + rng.choice(match[1].split("|")) + pattern[match.end():]
    chosen = dict(given)

    def word(match):
        name, tag = match[1], match[2] or match[1]
        if tag not in chosen:
            chosen[tag] = rng.choice((words or {})[name])
            if match[2] is None:
                return chosen.pop(tag)
        return chosen[tag]

    return tidy(SLOT.sub(word, pattern))


def tidy(text):
    """Right articles, one space, a capital letter at the start of each sentence."""
    text = re.sub(r"\s+", " ", text).strip()
    text = re.sub(r"\b([Aa]) (?=[aeiouAEIOU])(?!one\b|uni|use|euro|ewe)", r"\1n ", text)
    text = re.sub(r"\s+([,.!?;:])", r"\1", text)
    return re.sub(r"(^|[.!?] )([a-z])", lambda m: m[1] + m[2].upper(), text)


def plural(word):
    irregular = {"mouse": "mice", "goose": "geese", "fox": "foxes", "wolf": "wolves", "sheep": "sheep", "fish": "fish", "leaf": "leaves",
                 "calf": "calves", "octopus": "octopuses", "child": "children", "foot": "feet", "tooth": "teeth", "knife": "knives",
                 "person": "people", "woman": "women", "man": "men", "loaf": "loaves", "shelf": "shelves", "scarf": "scarves"}
    last = word.split()[-1]
    if last in irregular:
        return word[:-len(last)] + irregular[last]
    if re.search(r"(s|x|ch|sh)$", word):
        return word + "es"
    return word[:-1] + "ies" if re.search(r"[^aeiou]y$", word) else word + "s"
