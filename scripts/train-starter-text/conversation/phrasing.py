"""How people type: polite or terse, with and without capitals, marks and slips."""
BEFORE = [
    "please ", "can you ", "could you ", "would you ", "can you please ", "could you please ", "I want you to ", "I would like you to ", "hey, ",
    "hi, ", "now ", "ok, ", "please can you ", "I need you to ", "kindly ", "quickly ", "just ",
]
VERBS = set("""tell write give make name list describe explain define find suggest say show paint imagine read invent begin rhyme recite help teach
mix open call book send buy search set solve translate summarise calculate remember cheer let""".split())
AFTER = [" please", ", please", " for me", " for me please", " now", " thanks", ", thank you", " if you can", " today", " again"]
ASKING = [
    "can you tell me ", "tell me, ", "please tell me ", "do you know ", "I wonder, ", "hi, ", "hey, ", "quick question: ", "question: ",
    "could you tell me ", "one question, ", "hello, ", "ok, ", "so ", "and ", "please, ",
]


def order(rng, text):
    """"Tell me a joke" as people say it."""
    kind, text = rng.random(), text[0].lower() + text[1:] if not text.startswith("I ") else text
    if kind < 0.35 and text.split()[0] in VERBS:
        before = rng.choice(BEFORE)
        text = before + text + ("?" if before.startswith(("can", "could", "would", "please can")) and rng.random() < 0.8 else "")
    elif kind < 0.5:
        text += rng.choice(AFTER)
    return typed(rng, text if text.endswith("?") else text + rng.choice([".", "", "", "!"]))


def question(rng, text):
    """"What is a lamp" as people ask it."""
    if text.split()[0] in VERBS or text.startswith("I want"):
        return order(rng, text)
    if rng.random() < 0.2:
        text = rng.choice(ASKING) + (text[0].lower() + text[1:] if not text.startswith("I ") else text)
    return typed(rng, text + rng.choice(["?", "?", "?", "?", "", "??"]))


def typed(rng, text):
    text = text[0].upper() + text[1:]
    if rng.random() < 0.3:
        text = text.lower()
    if rng.random() < 0.08:
        text = text.replace("'", "").replace(",", "")
    if rng.random() < 0.03:
        text = text.upper()
    if rng.random() < 0.04 and len(text) > 12:
        at = rng.randrange(3, len(text) - 2)
        text = rng.choice([text[:at] + text[at + 1:], text[:at] + text[at + 1] + text[at] + text[at + 2:]])
    return text
