"""Small rhymed poems about what is asked for."""
from .grammar import fill
from .phrasing import order

# Each theme: lines by rhyme; a poem takes two or four lines of one or two rhymes.
THEMES = {
    "the sea": [["The sea is wide, the sea is blue", "The waves are old, the foam is new", "It sings its quiet song to you",
        "A little boat is sailing through"], ["The gulls cry out along the shore", "The waves come in and want some more",
        "The wind is knocking at the door"]],
    "autumn": [["The leaves are red, the leaves are gold", "The wind is growing strong and cold", "The year is tired, the year is old",
        "It is a tale that must be told"], ["The apples fall, the birds are gone", "The field is grey before the dawn",
        "A golden leaf lies on the lawn"]],
    "winter": [["The snow falls softly in the night", "And all the world is cold and white", "A candle gives a little light"],
        ["The river sleeps beneath the ice", "The fire is warm, the tea is nice", "The cat dreams quietly of mice"]],
    "spring": [["The birds come back, the sky is clear", "The best time of the year is here", "The flowers say that spring is near"],
        ["A little leaf, a drop of rain", "And all the world begins again", "The sun shines through the window pane"]],
    "summer": [["The sun is high, the grass is green", "The bluest sky that I have seen", "The fields are wide and lie between"],
        ["The days are long, the nights are warm", "The bees fly round the little farm", "A summer rain can do no harm"]],
    "the moon": [["The moon is round, the moon is bright", "It is the lamp of every night", "It fills the world with silver light"],
        ["It looks down on the sleeping town", "And wears the dark sky like a gown", "It slowly rises, then sinks down"]],
    "the night": [["The night is dark, the night is deep", "The town lies down and falls asleep", "The stars have promises to keep"],
        ["A lamp is lit, a book is read", "A quiet word is softly said", "And then the child goes off to bed"]],
    "rain": [["The rain is falling on the street", "It dances there with little feet", "It plays a song with a soft beat"],
        ["The clouds are grey, the roofs are wet", "The finest rain that we have met", "The sun has not come out as yet"]],
    "a cat": [["The cat sleeps in the morning sun", "She dreams of mice and how they run", "Her day has only just begun"],
        ["She walks along the garden wall", "So softly that she will not fall", "She does not hear us when we call"]],
    "a dog": [["The dog is waiting at the door", "He wants to run, he wants some more", "He leaves his footprints on the floor"],
        ["He is a good and loyal friend", "He runs with me to the road's end", "A friend like him will never pretend"]],
    "love": [["My love is like a quiet song", "It makes me glad, it makes me strong", "I sing it softly all day long"],
        ["A little word, a warm hand too", "The sky is never quite so blue", "As when I walk along with you"]],
    "a flower": [["A flower opens in the sun", "Its quiet work has just begun", "It smiles a bit at everyone"],
        ["It drinks the light, it drinks the rain", "And when it sleeps, it wakes again", "It asks for nothing, knows no pain"]],
    "a photo": [["I took a picture of the light", "It kept a morning, clear and bright", "The shadows and the sun were right"],
        ["A second stays, the hour will go", "What we have seen, the pictures show", "A smile from many years ago"]],
    "a friend": [["A friend is somebody who stays", "On sunny and on rainy days", "And knows you well in many ways"],
        ["You laugh together, walk and share", "And when you call, a friend is there", "A friend is never tired of care"]],
    "the forest": [["The forest trees are tall and old", "Their leaves are green, their leaves are gold", "They know more tales than can be told"],
        ["A bird sings high up in a tree", "The path is dark, the wind is free", "The forest says: come walk with me"]],
    "the stars": [["The stars are small, the sky is wide", "There is so much they have to hide", "They shine upon the silent tide"],
        ["I look above and count them all", "The large, the little and the small", "And wait to see if one will fall"]],
    "the sun": [["The sun comes up, the day is new", "It paints the sky in gold and blue", "It dries the grass and drinks the dew"],
        ["It warms the garden and the wall", "It shines for flowers, large and small", "It gives its light to one and all"]],
    "music": [["A little tune, a quiet song", "It makes the day seem not so long", "And no one cares if it is wrong"],
        ["The drum goes boom, the flute goes low", "The notes are fast, the notes are slow", "They come to us and then they go"]],
    "snow": [["The snow has come, the world is white", "It fell so softly in the night", "The morning is so clear and bright"],
        ["The children run, the snowmen stand", "A coat of white lies on the land", "A snowflake melts upon my hand"]],
    "home": [["A lamp is lit, the door is wide", "There is a chair and warmth inside", "With those I love right by my side"],
        ["The kettle sings, the day is done", "We sit together, every one", "And tell the tales of rain and sun"]],
    "colours": [["The sky is blue, the grass is green", "The brightest things that I have seen", "With yellow, red and pink between"],
        ["A drop of red, a touch of gold", "The brush is wet, the page is cold", "A picture waits and will be told"]],
    "birds": [["The birds are singing in the tree", "They are so small, they are so free", "They sing for you, they sing for me"],
        ["They fly across the morning sky", "And nobody has told them why", "They only know that they can fly"]],
}
ASK = [
    "write a poem about {s}", "a poem about {s}", "write a short poem about {s}", "write a little poem about {s}", "tell me a poem about {s}",
    "poem about {s}", "make a poem about {s}", "give me a poem about {s}", "rhyme something about {s}", "write some lines about {s}",
    "write two lines about {s}", "make a rhyme about {s}", "write verses about {s}", "I want a poem about {s}", "recite a poem about {s}",
    "write a rhyme about {s}", "four lines about {s}",
]
PLAIN = [
    "write a poem", "a poem", "tell me a poem", "write a short poem", "do you know a poem", "make a rhyme", "write something that rhymes",
    "rhyme something", "recite a poem",
]


def poem(rng):
    theme = rng.choice(list(THEMES))
    rhymes = [[lines[place] for place in sorted(rng.sample(range(len(lines)), 2))] for lines in THEMES[theme]]
    if rng.random() < 0.25:
        rhymes = rhymes[:1]
    text = ".\n".join(",\n".join(pair) for pair in rhymes) + "."
    said = theme.split(" ", 1)[1] if theme.startswith(("the ", "a ")) and rng.random() < 0.25 else theme
    if rng.random() < 0.12:
        return order(rng, rng.choice(PLAIN)), text
    return order(rng, fill(rng, rng.choice(ASK), s=said)), text
