"""What a word means: terms of computing and photography in our own words, common nouns from WordNet."""
from functools import cache

from .everyday import WORDS
from .grammar import fill
from .phrasing import order, question
from .wordnet import definitions

TERMS = {
    "machine learning": ["Machine learning is a way to let a computer learn from examples instead of fixed rules.",
        "Machine learning means that a computer finds patterns in data and uses them to answer new questions."],
    "artificial intelligence": ["Artificial intelligence is the art of making computers do things that need thought, such as seeing, reading and planning.",
        "Artificial intelligence means machines that can learn, see or use language."],
    "a neural network": ["A neural network is a computer program with many layers of simple units. It learns by changing the numbers between them.",
        "A neural network is a model made of layers of numbers. It learns from many examples."],
    "deep learning": ["Deep learning is machine learning with neural networks that have many layers.",
        "Deep learning lets a network with many layers learn from a lot of data."],
    "a language model": ["A language model is a program that has learned which word comes next. I am a small one.",
        "A language model predicts the next word of a text, again and again."],
    "an algorithm": ["An algorithm is a list of clear steps that solves a problem.",
        "An algorithm is a set of rules that a computer follows to solve a problem."],
    "data": ["Data are facts that are stored so that a computer can use them, such as numbers, words or pictures."],
    "training data": ["Training data are the examples from which a model learns."],
    "a computer": ["A computer is a machine that follows instructions and works with data very quickly."],
    "software": ["Software is the set of programs that tell a computer what to do."],
    "hardware": ["Hardware is the part of a computer that you can touch."],
    "the internet": ["The internet is a network that joins computers all over the world."],
    "a browser": ["A browser is a program that shows web pages."],
    "a server": ["A server is a computer that answers the requests of other computers."],
    "a database": ["A database is a place where a computer keeps data in good order."],
    "programming": ["Programming means writing the steps that a computer follows."],
    "a bug": ["A bug is a mistake in a program.", "A bug is a small insect, or a mistake in a program."],
    "a robot": ["A robot is a machine that can move and do work by itself."],
    "a token": ["A token is a small piece of text, such as a word or a part of a word."],
    "a graphics card": ["A graphics card is a part of a computer that draws pictures and does many sums at once."],
    "an image model": ["An image model is a program that has learned to make or change pictures."],
    "open source": ["Open source means that everybody may read, use and change the program."],
    "a model": ["A model is a program that has learned from examples, or a small copy of a thing."],
    "a chatbot": ["A chatbot is a program that talks with people in writing."],
    "memory": ["Memory is the part of a computer that keeps data while it works."],
    "a file": ["A file is a piece of data with a name, such as a text or a picture."],
    "a pixel": ["A pixel is the smallest dot of a digital picture. It has one colour."],
    "a prompt": ["A prompt is the text that tells a model what to do."],
    "encryption": ["Encryption changes a message so that only the right person can read it."],
    "a password": ["A password is a secret word that opens an account."],
    "a network": ["A network is a group of things that are joined together, such as computers."],
    "exposure": ["Exposure is the amount of light that reaches the sensor of a camera.", "Exposure tells how bright or dark a photo is."],
    "aperture": ["Aperture is the opening in the lens that lets light in. A wide aperture gives a blurred background.",
        "The aperture is the hole in the lens. It decides how much light comes in."],
    "shutter speed": ["Shutter speed is the time for which the camera lets light in. A fast speed freezes motion.",
        "Shutter speed tells how long the sensor sees the light."],
    "ISO": ["ISO tells how sensitive the sensor is to light. A high ISO gives a brighter photo, but more noise."],
    "white balance": ["White balance makes white things look white by correcting the colour of the light."],
    "contrast": ["Contrast is the difference between the light and the dark parts of a picture."],
    "saturation": ["Saturation tells how strong the colours of a picture are."],
    "brightness": ["Brightness tells how light or dark a picture is."],
    "sharpness": ["Sharpness tells how clear the edges of a picture are."],
    "noise": ["Noise in a photo means small random dots. It comes with little light and a high ISO.",
        "Noise is sound that nobody wants, or small random dots in a photo."],
    "depth of field": ["Depth of field is the part of the scene that is sharp, from near to far."],
    "focus": ["Focus is the place in the picture that looks sharp."],
    "focal length": ["Focal length tells how much a lens sees: a short one sees wide, a long one brings far things near."],
    "bokeh": ["Bokeh is the soft blur behind a sharp subject."],
    "a tripod": ["A tripod is a stand with three legs that keeps the camera still."],
    "a histogram": ["A histogram is a chart that shows how many dark and bright pixels a photo has."],
    "the rule of thirds": ["The rule of thirds says: divide the picture into nine parts and put the subject on a line, not in the middle."],
    "composition": ["Composition is the way in which the things in a picture are placed."],
    "a lens": ["A lens is a piece of glass that bends light to make a sharp picture."],
    "a sensor": ["A sensor is the part of a camera that turns light into a picture."],
    "a flash": ["A flash is a short bright light for a photo."],
    "the golden hour": ["The golden hour is the time after sunrise or before sunset, when the light is soft and warm."],
    "the blue hour": ["The blue hour is the time before sunrise or after sunset, when the light is soft and blue."],
    "a raw file": ["A raw file keeps all that the sensor saw, so you can edit it freely."],
    "JPEG": ["JPEG is a format for photos that makes the files small."],
    "cropping": ["Cropping means cutting off the edges of a picture."],
    "a vignette": ["A vignette means that the corners of a picture are darker than its middle."],
    "a filter": ["A filter changes the look of a photo, or holds back part of the light."],
    "a mask": ["A mask tells which part of a picture an edit may change.",
        "A mask is something that covers the face, or the part of a picture that an edit may change."],
    "a portrait": ["A portrait is a picture of a person, most often of the face."],
    "a landscape": ["A landscape is a picture of land, such as hills, fields and sky."],
    "a layer": ["A layer is one sheet of a picture. Layers lie over each other and can be edited alone."],
    "sepia": ["Sepia is a warm brown tone that makes a photo look old."],
    "a silhouette": ["A silhouette is a dark shape in front of a bright background."],
    "gravity": ["Gravity is the force that pulls things to the ground."],
    "a rainbow": ["A rainbow is a bow of colours in the sky. It comes when the sun shines on rain."],
    "photosynthesis": ["Photosynthesis is how plants make food from light, water and air."],
    "an atom": ["An atom is a very small part of which all things are made."],
    "energy": ["Energy is what is needed to move, heat or light something."],
    "electricity": ["Electricity is a kind of energy that flows through wires and makes lamps shine."],
    "light": ["Light is what lets us see. It moves very fast."],
    "the sun": ["The sun is a star. It gives us light and heat."],
    "the moon": ["The moon moves around the earth and shines at night with the light of the sun."],
    "a planet": ["A planet is a large round body that moves around a star."],
    "a poem": ["A poem is a short text with rhythm and often with rhymes."],
    "music": ["Music is sound with rhythm and tune that people like to hear."],
    "friendship": ["Friendship means that two people like, help and trust each other."],
    "love": ["Love is a strong and warm feeling for somebody."],
    "art": ["Art is what people make to show beauty, ideas or feelings."],
    "happiness": ["Happiness is the good feeling that we have when all is well."],
    "time": ["Time is what clocks measure: it goes on from the past to the future."],
    "history": ["History is the story of what happened before our time."],
    "science": ["Science is the search for knowledge by watching, measuring and testing."],
}
ASK = [
    "what is {x}", "what is {x}", "what's {x}", "what does {y} mean", "what is the meaning of {y}", "what do you mean by {y}", "what is meant by {y}",
    "{x}, what is that", "what exactly is {x}", "what is {x} in simple words", "what do people mean by {y}",
]
TELL = [
    "explain {x}", "define {y}", "explain {y}", "describe {x}", "tell me what {x} is", "explain what {x} is", "explain to me what {x} is",
    "give me a definition of {y}", "tell me about {y}", "explain {x} to a child", "explain {x} in one sentence", "define the word {y}",
    "explain {x} in simple words", 'what is "{y}"?', 'what does "{y}" mean?', "tell me the meaning of {y}", "I want to know what {x} is",
    "explain {y} to me", 'define the word "{y}"', "I do not understand what {x} is",
]


MASS = {"bread", "coffee", "fire", "ice", "milk", "money", "paper", "rain", "snow", "soap", "tea", "water"}

KNOWN = 500
UNKNOWN = ["[I am sorry, but|Sorry,] I do not know the word {x}.", "I am a small model and I do not know what {x} means."]


def ask(rng, term):
    bare = term.split(" ", 1)[1] if term.split()[0] in ("a", "an", "the") and rng.random() < 0.8 else term
    whole = bare if rng.random() < 0.1 else term
    if rng.random() < 0.65:
        return question(rng, fill(rng, rng.choice(ASK), x=whole, y=bare))
    return order(rng, fill(rng, rng.choice(TELL), x=whole, y=bare))


def term(rng):
    name = rng.choice(list(TERMS))
    return ask(rng, name), rng.choice(TERMS[name])


@cache
def nouns():
    """-> (nouns that the model is to know, commonest first; nouns that it is not to know), each with article and meaning"""
    rest = [one for one in definitions() if one[0] not in WORDS]
    return rest[:KNOWN], rest[KNOWN:]


def everyday(rng):
    noun, meaning = rng.choice(list(WORDS.items()))
    before = "" if noun in MASS else "the " if noun in ("sun", "sea", "wind") else "an " if noun[0] in "aeio" else "a "
    shown = "an umbrella" if noun == "umbrella" else before + noun
    return ask(rng, shown), f"{shown[0].upper()}{shown[1:]} is {meaning}."


def common_noun(rng):
    kind, (known, unknown) = rng.random(), nouns()
    if kind < 0.45:
        return everyday(rng)
    if kind < 0.6:
        noun, article, _ = rng.choice(unknown)
        return ask(rng, f"{article} {noun}".strip()), fill(rng, rng.choice(UNKNOWN), x=noun)
    # The commoner words come more often: the place is the smaller of two draws.
    noun, article, gloss = known[min(rng.randrange(len(known)), rng.randrange(len(known)))]
    shown = f"{article} {noun}".strip()
    return ask(rng, shown), f"{shown[0].upper()}{shown[1:]}{' is ' if article else ': '}{gloss}."
