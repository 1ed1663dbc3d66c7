"""Tips for taking and editing photos: a subject or a trouble, and what helps."""
from .grammar import fill, plural
from .phrasing import order, question
from .words import ANIMALS

TROUBLES = {
    "too dark": (["Raise the exposure [a little|step by step] and lift the shadows.",
        "Make it brighter with the exposure slider[, and watch the bright parts|].",
        "Use more light: [a window|a lamp|a flash], a wider aperture or a slower shutter."], ["dark", "too dark", "very dark", "underexposed",
        "so dark"]),
    "too bright": (["Lower the exposure and bring the highlights down.", "Make it darker until the sky has colour again.",
        "Next time use a faster shutter or a lower ISO."], ["too bright", "overexposed", "much too bright", "washed out by the light",
        "very bright"]),
    "blurry": (["Hold the camera steady, use a tripod or a faster shutter, and check the focus.",
        "A little sharpening helps[, but it cannot save a very blurry photo|].", "Set the focus on the eyes and use a faster shutter speed."],
        ["blurry", "blurred", "out of focus", "not sharp", "soft", "shaky", "unsharp"]),
    "noisy": (["Use a lower ISO and more light.", "Reduce the noise a little, but keep some grain, or the photo looks like plastic.",
        "Take the photo with a tripod and a slow shutter, so that the ISO can stay low."], ["noisy", "grainy", "full of noise", "full of grain"]),
    "flat": (["Raise the contrast and make the dark parts a little darker.", "Add contrast and a little saturation.",
        "Look for light from the side: it gives shape."], ["flat", "dull", "boring", "pale", "grey", "without contrast", "lifeless", "washed out"]),
    "tilted": (["Rotate the photo until the horizon is level, then crop the edges.",
        "Straighten it: turn the picture until the horizon is straight."], ["tilted", "crooked", "not straight", "not level", "leaning"]),
    "too yellow": (["Make the white balance cooler[ and add a little blue|].", "Move the temperature toward blue until white things look white."],
        ["too yellow", "too warm", "too orange", "yellow"]),
    "too blue": (["Make the white balance warmer[ and add a little yellow|].", "Move the temperature toward yellow until white things look white."],
        ["too blue", "too cold", "too cool", "blue"]),
    "too colourful": (["Lower the saturation [a little|] until the colours look natural.", "Take some colour out, or try black and white."],
        ["too colourful", "too colorful", "too saturated", "too vivid"]),
    "too busy": (["Crop the photo, or blur the background, so that only one thing is important.", "Go nearer and leave out what you do not need."],
        ["too busy", "too crowded", "full of things", "messy"]),
}
GOALS = {
    "brighter": TROUBLES["too dark"][0],
    "lighter": TROUBLES["too dark"][0],
    "darker": ["Lower the exposure and keep some light in the middle.", "Bring the exposure down and deepen the shadows."],
    "sharper": ["Add a little sharpening, and stop before the edges look hard.", "Sharpen the eyes and the edges, not the sky.",
        "Hold the camera steady and set the focus well."],
    "warmer": ["Move the temperature toward yellow.", "Use a warmer white balance, or take the photo at the golden hour."],
    "cooler": ["Move the temperature toward blue.", "Use a cooler white balance."],
    "softer": ["Use soft light from a window, and lower the contrast a little.", "Lower the contrast and the sharpness a little."],
    "more colourful": ["Raise the saturation a little, and stop before skin looks red.", "Add saturation and contrast."],
    "more interesting": ["Change your place: go low, go high or go near.", "Look for light, lines and one clear subject."],
    "look old": ["Use sepia, less contrast and some grain.", "Make it warm and faded, with a dark edge."],
    "black and white": ["Take the colour out and raise the contrast.", "Remove the saturation, then look for strong light and dark."],
    "more dramatic": ["Raise the contrast, darken the sky and add a vignette.", "Use hard light from the side and deep shadows."],
    "look like a painting": ["Blur small details and make the colours stronger.", "Try a cartoon or sketch effect with strong colours."],
    "vintage": ["Fade the blacks, warm the colours and add grain.", "Use sepia or warm faded colours with a vignette."],
}
SUBJECTS = {
    "a portrait": ["Use soft light from a window and set the focus on the eyes.",
        "Stand a little away, use a wide aperture and let the background blur.", "Ask the person to turn toward the light."],
    "people": ["Use soft light and set the focus on the eyes.", "Talk with them, so that the smile is real."],
    "children": ["Go down to their eyes, and use a fast shutter.", "Let them play and take many photos."],
    "a landscape": ["Go early or late, when the light is soft, and put the horizon on a third.",
        "Use a small aperture and a tripod, so that all is sharp.", "Put something near in the picture, such as a stone or a flower."],
    "the night": ["Use a tripod, a slow shutter and a low ISO.", "Find lamps and their reflections, and hold the camera very still."],
    "the city at night": ["Use a tripod and a slow shutter. Wet streets give fine reflections."],
    "the stars": ["Use a tripod, a wide aperture and a shutter of about fifteen seconds.", "Go far from the city, where the sky is dark."],
    "the moon": ["Use a long lens, a tripod and a fast shutter, because the moon is bright."],
    "food": ["Use light from a window and take the photo from the side or from above.", "Keep the plate clean and the background simple."],
    "flowers": ["Go near, use a wide aperture and wait until the wind is still.", "Soft light on a cloudy day is best for flowers."],
    "a sunset": ["Lower the exposure a little, so that the sky keeps its colours.", "Put a dark shape in front of the sky, such as a tree."],
    "snow": ["Raise the exposure a little, or the snow looks grey.", "Look for long shadows and one spot of colour."],
    "rain": ["Look for reflections in puddles, umbrellas and drops on windows.", "Keep the camera dry and look for wet streets with lamps."],
    "water": ["A slow shutter makes water soft, a fast one freezes the drops."],
    "fireworks": ["Use a tripod, a low ISO and a shutter of two seconds."],
    "sport": ["Use a fast shutter and follow the player with the camera."],
    "cars": ["Follow the car with a slow shutter, so that the background blurs."],
    "birds": ["Use a long lens and a fast shutter, and be patient."],
    "a wedding": ["Look for small moments, hands and smiles, and use soft light."],
    "buildings": ["Keep the lines straight and go when the light comes from the side."],
    "fog": ["Use the fog as a soft background and look for one dark shape.", "Raise the exposure a little, so that the fog is white."],
    "autumn": ["Go when the sun is low, and let it shine through the leaves.", "Look for one red leaf before a dark background."],
    "a forest": ["Cloudy days give soft light. Look for a path that leads into the picture."],
    "the sea": ["Keep the horizon straight and use a slow shutter for soft waves."],
    "a group": ["Stand them in two rows, use a small aperture and take many photos."],
    "products": ["Use a plain background and soft light from two sides."],
    "myself": ["Look a little above the camera and stand near a window."],
    "a concert": ["Use a wide aperture, a high ISO and wait for the light."],
    "a beach": ["Go in the evening, keep the horizon straight, and look for lines in the sand."],
    "a mountain": ["Go early, when the light comes from the side and the air is clear."],
}
HOW = {
    "blur the background": ["Use a wide aperture, go near the subject and keep the background far away."],
    "freeze motion": ["Use a fast shutter speed, such as one thousandth of a second."],
    "remove noise": TROUBLES["noisy"][0],
    "hold a camera": ["Hold it with both hands, keep your elbows at your body and breathe out."],
    "use a flash": ["Let the flash shine at the ceiling or a wall. Then the light is soft."],
    "crop a photo": ["Cut away what you do not need, and put the subject on a third."],
    "straighten the horizon": TROUBLES["tilted"][0],
    "remove red eyes": ["Use the red-eye tool, or take the photo without a flash."],
    "improve my photos": ["Look for good light, one clear subject and a simple background.",
        "Go nearer, keep the background simple and wait for good light."],
    "change the white balance": ["Move the temperature slider until white things look white."],
    "choose a lens": ["A wide lens is good for land and rooms, a long lens for birds and sport."],
    "edit a photo": ["First set the exposure, then the white balance, then contrast and colour. Sharpen last."],
    "get a soft background": ["Use a wide aperture and go near the subject."],
    "take better photos": ["Look for light first. Then go nearer and make the background simple.", "Take many photos, and learn from the best one."],
    "make a silhouette": ["Put the subject before a bright sky and set the exposure for the sky."],
    "show motion": ["Use a slow shutter and keep the camera still."],
    "recolour a car": ["Choose the car and a new colour, and the edit keeps light and shadow."],
    "resize a photo": ["Choose a new width, and keep the shape of the picture."],
    "clean a lens": ["Blow the dust away, then wipe it gently with a soft cloth."],
    "start with photography": ["Use the camera that you have, and take a photo every day.", "Learn light first. Then learn exposure."],
    "get a blurred background": ["Use a wide aperture and keep the background far away."],
}
PICTURES = ["photo", "picture", "image", "portrait", "photo", "photos", "pictures", "shot", "selfie", "landscape"]
IDEAS = {
    "rainy": "Take [an umbrella in the rain|a reflection in a puddle|drops on a window].",
    "sunny": "Take [long shadows|a flower against the sun|people in the light].",
    "snowy": "Take [tracks in the snow|a red scarf in the white snow|ice on a branch].",
    "foggy": "Take [a lonely tree in the fog|a lamp in the fog].", "windy": "Take [hair and coats in the wind|moving grass with a slow shutter].",
    "autumn": "Take [one red leaf|a path with golden leaves].", "spring": "Take [young leaves against the light|a bee on a flower].",
    "winter": "Take [breath in the cold air|ice flowers on a window].", "summer": "Take [feet in the water|the last light over the field].",
    "dark": "Take [a candle and a face|lamps of cars with a slow shutter].", "lazy": "Take [the light on your breakfast|your cat asleep].",
}


def trouble(rng):
    answers, said = rng.choice(list(TROUBLES.values()))
    picture = rng.choice(PICTURES)
    are = "are" if picture.endswith("s") else "is"
    asked = fill(rng, "[my {p} {a} {s}|my {p} {a} {s}, what can I do|why {a} my {p} {s}|what can I do when my {p} {a} {s}|how do I fix a {s} photo|my {p} {l} {s}, what should I do|the {p} {a} {s}|help, my {p} {a} {s}|my {p} came out {s}|how can I save a {s} photo|how to fix a photo that is {s}|my {p} {a} always {s}]",
                 p=picture, a=are, s=rng.choice(said), l="look" if are == "are" else "looks")
    return question(rng, asked), fill(rng, rng.choice(answers))


def goal(rng):
    what, answers = rng.choice(list(GOALS.items()))
    asked = "[how do I make my {p} {w}|how can I make a {p} {w}|make my {p} {w}|how to make a {p} {w}|I want my {p} [to be|] {w}|what makes a {p} {w}|how does a {p} get {w}|I want a {w} {p}|tips for a {w} {p}]"
    return question(rng, fill(rng, asked, p=rng.choice(PICTURES[:5]), w=what)), fill(rng, rng.choice(answers))


def subject(rng):
    if rng.random() < 0.15:
        one = rng.choice(ANIMALS[:45])
        name, answers = rng.choice(["my {x}", "a {x}", "{p}"]), ["Be patient, go low and set the focus on the eyes of the {x}.",
            "Use a fast shutter and soft light, and wait until the {x} looks at you.",
            "Go down to the eyes of the {x} and keep the background simple."]
        name, answers = fill(rng, name, x=one, p=plural(one)), [fill(rng, rng.choice(answers), x=one)]
        name = name[0].lower() + name[1:]
    else:
        name, answers = rng.choice(list(SUBJECTS.items()))
    asked = "[how do I photograph {s}|how do I take a [good|] photo of {s}|tips for photos of {s}|give me a tip for {s}|how can I take pictures of {s}|a tip for photographing {s}|any advice for a picture of {s}|I want to photograph {s}|how should I photograph {s}|how to shoot {s}|what is important for a photo of {s}|what light is good for {s}|which settings for {s}|best settings for {s}|taking pictures of {s}, any tips]"
    return question(rng, fill(rng, asked, s=name)), fill(rng, rng.choice(answers))


def how(rng):
    if rng.random() < 0.2:
        day, answer = rng.choice(list(IDEAS.items()))
        return question(rng, fill(rng,
            "[what can I photograph on a {d} day|an idea for a {d} day|give me a photo idea for a {d} day|what should I take a photo of on a {d} day|idea for a photo on a {d} day|I need an idea for a picture on a {d} day]",
            d=day)), fill(rng, answer)
    what, answers = rng.choice(list(HOW.items()))
    return question(rng, fill(rng,
        "[how do I {w}|how can I {w}|how to {w}|what is the best way to {w}|tell me how to {w}|teach me to {w}|I want to {w}|how does one {w}|explain how to {w}]",
        w=what)), fill(rng, rng.choice(answers))


def tip(rng):
    if rng.random() < 0.06:
        asked = rng.choice(["give me a photo tip", "any photo tips", "a tip for better photos", "photo tip", "tell me something about photography",
            "help me with my photos", "I need help with a photo", "teach me photography"])
        return order(rng, asked), fill(rng,
            rng.choice(SUBJECTS["a portrait"] + HOW["take better photos"] + HOW["improve my photos"] + HOW["edit a photo"]))
    return rng.choice([trouble, trouble, goal, subject, subject, how])(rng)
