"""Short definitions of common nouns for things that can be seen or touched, from WordNet's files."""
import os
import re
from functools import cache
from pathlib import Path

# Lexicographer files of concrete nouns: animal, artifact, body, food, object, phenomenon, plant, substance, person, shape, time, feeling.
CONCRETE = {"05", "06", "08", "12", "13", "17", "18", "19", "20", "25", "27", "28"}
AVOID = re.compile(r"\b(sex|genital|penis|vagina|excre|urin|feces|anus|prostitut|derogat|slur|negro|kill|murder|drug|breast|ethnic|race|disparag|offensive|nude|slang|whore|penal|coitus|insult|weapon|bomb)",
    re.I)


def folder():
    return Path(os.environ.get("WORDNET", "/usr/share/wordnet"))


def lines(name):
    path = folder() / name
    if not path.exists():
        raise SystemExit(f"{path} is missing: install the Debian package wordnet-base, or set WORDNET to the folder of its files")
    return path.read_text().splitlines()


def counts():
    """How often a sense of a noun stands in the tagged texts, by lemma."""
    seen = {}
    for line in lines("cntlist.rev"):
        sense, _, number = line.split()
        lemma, rest = sense.split("%")
        if rest.startswith("1:"):
            seen[lemma] = seen.get(lemma, 0) + int(number)
    return seen


def article(lemma, gloss):
    return "" if re.match(r"(an?|the|any|one|someone|something)\b", gloss) is None else ("an" if lemma[0] in "aeiou" else "a")


@cache
def definitions(words_most=10):
    """[(noun, article or "", what it is)], commonest first."""
    gloss = {}
    for line in lines("data.noun"):
        if line[:1] != " ":
            head, text = line.split(" | ", 1)
            if head.split()[1] in CONCRETE:
                gloss[head.split()[0]] = text
    common, found = counts(), []
    for line in lines("index.noun"):
        parts = line.split()
        if line[0] == " " or not re.fullmatch(r"[a-z]{3,12}", parts[0]) or common.get(parts[0], 0) < 1:
            continue
        first = gloss.get(parts[-int(parts[2])])
        if not first:
            continue
        text = re.sub(r"\s*\([^)]*\)", "", first.split(";")[0]).strip()
        if re.fullmatch(r"[a-z][a-z ,'-]*",
            text) and 3 <= len(text.split()) <= words_most and not AVOID.search(text) and not text.startswith("the ") and parts[0] not in text.split():
            found.append((-common[parts[0]], parts[0], article(parts[0], text), text))
    return [one[1:] for one in sorted(found)]
