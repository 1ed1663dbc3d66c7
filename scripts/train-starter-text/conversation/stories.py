"""Tiny stories that keep their thread: who, where, what is wished for, what goes wrong, who helps, how it ends."""
from .grammar import fill
from .phrasing import order
from .words import ANIMALS, BOYS, GIRLS, LISTS, PEOPLE, PLACES, THINGS

OPEN = [
    "Once upon a time there was a {adj} {who} [called|named] {name}.", "There once was a {adj} {who}, and {his} name was {name}.",
    "{name} was a {adj} {who} who lived [in|near] a {place}.", "In a {place} there lived a {adj} {who} called {name}.",
]
LOST = [
    "{name} had a {colour} {thing} and [loved it very much|took it everywhere|was very proud of it].", "One {time}, the {thing} was gone.",
    "{He} looked [in the {near}|under the bed|behind the {near}] and [in the {far}|behind the door], but [it was not there|found nothing].",
    "Then a {adj2} {friend} came and said: \"[I can help you|Do not cry|Let us look together|Follow me].\"",
    "Together they went to the {far}, and there [it lay|the {thing} lay|it was], [under a leaf|behind a stone|in the grass|next to a tree].",
    "{name} [was so happy|laughed|danced with joy] and [thanked the {friend}|gave the {friend} a {food}|hugged the {friend}].",
]
WISH = [
    "More than anything, {name} wanted to [see the {far}|have a {thing}|find a friend|visit the {far}].",
    "So one {weather} {time}, {he} [packed some {food2}|took a {thing}] and [left|went on {his} way|walked off].",
    "[On the way|After an hour|Near the {near}] {he} met a {adj2} {friend}.",
    "\"[Where are you going|Where do you go]?\" asked the {friend}. \"To the {far},\" said {name}.",
    "The {friend} [came along|knew the way], and they [sang|talked|laughed] all the way.",
    "[In the evening|At last] they [reached|came to] the {far}, and it was [even more beautiful than in a dream|full of lights|quiet and wide].",
]
STORM = [
    "One {time} a [big|wild|cold] [storm|wind] came to the {place}.",
    "A {adj2} {friend} [stood outside in the rain|was lost in the dark|could not find the way home].",
    "{name} [took a {thing}|lit a {light}] and went out [to help|into the night].",
    "\"[Come with me|You are safe now|Do not be afraid],\" said {name}.",
    "They [drank warm milk|shared a {food}|sat by the fire] and [waited until the sun came back|listened to the rain].",
    "[In the morning|The next day] the sky was blue again, and the two were friends.",
]
SHARE = [
    "One {weather} {time}, {name} found a [big|sweet|very large] {food}.", "\"[It is all mine|I will eat it alone],\" {he} thought.",
    "But then a {adj2} {friend} came by, and [looked very hungry|had nothing to eat].",
    "{name} thought for a while, and then {he} cut the {food} in two.",
    "They [ate|sat down and ate] together, and [it tasted better than ever|it had never tasted so good].", "From that day on, {name} liked to share.",
]
PICTURE = [
    "{name} had an old camera and took a photo every day.", "One {time}, {he} saw a {adj2} {friend} [with a {colour} {thing}|near the {near}].",
    "{He} [waited for the light|went very near|sat still for an hour], and then: click!",
    "The picture was [full of light|a little blurry|the best of all], and [everybody liked it|{name} put it on the wall].",
    "\"[You have made me famous|I look wonderful],\" said the {friend}.",
]
ENDS = [
    "And they lived happily ever after.", "They were friends [for ever|from that day on].", "And that night, {name} slept very well.",
    "And if you are quiet, you can still hear them laugh.", "The end.", "", "", "Since then, {name} is never lonely.",
]
ASK = [
    "tell me a story about {s}", "tell me a short story about {s}", "write a story about {s}", "write a short story about {s}", "a story about {s}",
    "tell a story with {s}", "make up a story about {s}", "write a little story about {s}", "I want a story about {s}", "a short story about {s}",
    "tell me about {s} in a story", "invent a story with {s}", "write me a tale about {s}", "read me a story about {s}", "a bedtime story about {s}",
    "tell me a bedtime story about {s}", "write a bedtime story with {s}", "story about {s}", "write a fairy tale about {s}", "tell a tale of {s}",
    "tell me a nice story with {s}",
]
PLAIN = [
    "tell me a story", "tell a story", "a story", "write a short story", "story", "tell me a bedtime story", "write a fairy tale",
    "I want to hear a story", "once upon a time", "tell me something nice", "write a tiny story", "make up a story", "tell me a short story",
    "read me a story", "begin a story", "can you tell stories", "another story",
]


def story(rng):
    """One in three names the hero, one in three hero and thing; else only who or what it is about."""
    human = rng.random()
    if human < 0.4:
        girl = rng.random() < 0.5
        who, name = ("girl", rng.choice(GIRLS)) if girl else ("boy", rng.choice(BOYS))
    else:
        who, girl = rng.choice(ANIMALS if human < 0.8 else PEOPLE), rng.random() < 0.5
        girl = girl and who not in ("king", "wizard", "shepherd", "fisherman", "grandfather", "knight", "postman") or who in ("queen", "grandmother")
        name = rng.choice(GIRLS if girl else BOYS)
    thing, place = rng.choice(THINGS), rng.choice(PLACES)
    near, far = rng.sample([one for one in PLACES if one != place], 2)
    adjectives = rng.sample(LISTS["adjective"], 2)
    friend = rng.choice([one for one in ANIMALS if one != who])
    words = LISTS | dict(time=["morning", "evening", "day", "night"], light=["candle", "lantern", "lamp"],
        food2=["bread", "cheese", "cake", "apples", "cookies"])
    given = dict(name=name, who=who, adj=adjectives[0], adj2=adjectives[1], friend=friend, thing=thing, place=place, near=near, far=far,
        he="she" if girl else "he", He="She" if girl else "He", his="her" if girl else "his", food=rng.choice(LISTS["food"]),
            colour=rng.choice(LISTS["colour"]))
    plot = rng.choice([LOST, WISH, STORM, SHARE, PICTURE, LOST])
    lines = [rng.choice(OPEN)] + plot + [rng.choice(ENDS)]
    if len(lines) > 6 and rng.random() < 0.3:
        lines = lines[:-1]
    text = fill(rng, " ".join(lines), words, **given)
    return order(rng, wanted(rng, given, " {thing:thing}" in " ".join(plot) or "{thing}" in " ".join(plot) and thing in text)), text


def wanted(rng, given, has_thing):
    hero = fill(rng, "[a {who}|a {adj} {who}]", **given)
    hero = rng.choice([hero[0].lower() + hero[1:], hero[0].lower() + hero[1:],
        fill(rng, "a {who} [called|named] {name}", **given).replace("A ", "a ", 1).replace("An ", "an ", 1), given["name"]])
    kind = rng.random()
    if kind < 0.15:
        return rng.choice(PLAIN)
    if kind < 0.25:
        return f"once upon a time there was {fill(rng, 'a {adj} {who}', **given).lower()}"
    if kind < 0.6 and has_thing:
        more = fill(rng, "[a {thing}|a {colour} {thing}]" if "his" in given and rng.random() < 0.6 else "{his} {thing}", **given)
        hero += " and " + more[0].lower() + more[1:]
    elif kind < 0.8:
        more = fill(rng, "a {friend}", **given)
        hero += " and " + more[0].lower() + more[1:]
    return fill(rng, rng.choice(ASK), s=hero)
