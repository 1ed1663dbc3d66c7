"""Small advice for every day, in steps or in a sentence."""
from .grammar import fill
from .phrasing import question

HOW = {
    "make tea": ["Boil water, put the tea into a cup, pour the water over it and wait three minutes."],
    "make a cup of tea": ["Boil some water, pour it over the tea in your cup and wait three minutes."],
    "make coffee": ["Boil water, put the ground coffee into a filter and pour the water over it slowly."],
    "boil an egg": ["Put the egg into boiling water for six minutes for a soft egg, ten for a hard one."],
    "bake bread": ["Mix flour, water, salt and yeast, let the dough rise for an hour and bake it until it is brown."],
    "make a cake": ["Mix butter, sugar, eggs and flour, put it into a tin and bake it for forty minutes."],
    "make pancakes": ["Mix flour, milk and eggs, and bake thin cakes in a hot pan."],
    "cook rice": ["Put one cup of rice and two cups of water into a pot and cook it slowly for fifteen minutes."],
    "cook pasta": ["Boil a lot of water with salt, add the pasta and cook it for ten minutes."],
    "make a salad": ["Wash and cut the leaves, then add oil, lemon and a little salt."],
    "make soup": ["Cut some vegetables, cook them in water with salt for half an hour and add herbs."],
    "draw a cat": ["Draw a circle for the head, two ears, a long body and a tail. Then add eyes and whiskers."],
    "draw a house": ["Draw a square, put a triangle on top and add a door and windows."],
    "learn to draw": ["Draw a little every day. Look at lines, shapes and shadows.", "Begin with simple shapes, and practise every day."],
    "learn a language": ["Learn a few words every day, and speak them aloud.", "Read, listen and speak a little every day."],
    "get better at writing": ["Write a little every day, and read good books."],
    "learn to swim": ["Go to a pool with a teacher, and begin in shallow water."],
    "plant a tree": ["Dig a deep hole, put the tree in, fill it with earth and give it water."],
    "water a plant": ["Give it water when the earth is dry, not more."],
    "clean a window": ["Wash it with warm water and a little soap, then wipe it dry."],
    "tie a knot": ["Make a loop, put the end through it and pull."],
    "save money": ["Write down what you spend, and buy less that you do not need."],
    "fall asleep": ["Make the room dark and quiet, put screens away and breathe slowly.", "Go to bed at the same hour, and read a quiet book."],
    "sleep better": ["Go to bed at the same hour, and keep the room dark and cool."],
    "wake up early": ["Go to bed early, and open the curtains in the morning."],
    "stay healthy": ["Sleep enough, move every day, and eat fruit and vegetables."],
    "make friends": ["Smile, ask questions and listen well."],
    "be happy": ["Do what you like, see friends and go out into the light."],
    "learn faster": ["Learn a little every day, take breaks and explain it to a friend."],
    "remember things": ["Write them down, or make a picture in your head."],
    "write a letter": ["Begin with a greeting, say what you want to say and end with your name."],
    "make a kite": ["Take two sticks, paper and a long string, and tie them to a cross."],
    "wash my hands": ["Use warm water and soap for twenty seconds."],
    "ride a bicycle": ["Look ahead, not down, and keep on turning the pedals."],
    "play the piano": ["Begin with one hand, play slowly and practise every day."],
    "paint a wall": ["Cover the floor, clean the wall and paint from top to bottom."],
    "get better at chess": ["Look at every move of the other side, and play many games."],
    "clean my room": ["Put things where they belong, then dust, then clean the floor."],
    "feel better": ["Rest, drink some water and talk to a friend.", "Go for a walk, and talk to somebody you like."],
    "get better at drawing": ["Draw every day, and look at shapes, light and shadow."],
    "get better at cooking": ["Cook simple things often, and taste as you go."],
    "get better at running": ["Run slowly, a little longer each week."],
    "learn to cook": ["Begin with simple food, such as eggs, rice and soup."],
}
FEEL = {
    "tired": "Take a rest, drink some water, and go to bed early tonight.",
    "sad": "I am sorry to hear that. Talk to a friend, or go for a walk in the light.",
    "hungry": "Eat something warm, such as soup, or an apple and some bread.",
    "bored": "Go outside with a camera, read a book or ask me for a story.", "cold": "Put on a warm coat and drink some hot tea.",
    "nervous": "Breathe slowly, count to ten, and think of something nice.", "happy": "That is good to hear! Keep that feeling.",
    "angry": "Count to ten, breathe slowly and go for a walk.", "ill": "I am sorry. Rest, drink water and ask a doctor.",
    "thirsty": "Drink a glass of water.", "lonely": "Call a friend, or go where people are. You are not alone.",
    "stressed": "Take a break, breathe slowly and do one thing after the other.", "afraid": "Talk to somebody you trust. Breathe slowly.",
    "in love": "How lovely! Tell the person with a smile.",
}
CANNOT = {
    "sleep": "Make the room dark and quiet, put screens away and breathe slowly.",
    "focus": "Put the phone away, and do one thing for twenty minutes.", "find my keys": "Look where you were last, and in your coat.",
    "decide": "Write down what is good and bad about each, then choose.",
    "draw": "Everybody can learn it. Begin with simple shapes and draw every day.", "cook": "Begin with eggs, rice and soup. It gets easier.",
    "wake up": "Go to bed early, and open the curtains in the morning.", "relax": "Breathe slowly, take a warm bath or go for a walk.",
    "stop thinking": "Write it down, and then read a quiet book.",
}


def advice(rng):
    kind = rng.random()
    if kind < 0.65:
        what, answers = rng.choice(list(HOW.items()))
        return question(rng, fill(rng,
            "[how do I {w}|how can I {w}|how to {w}|what is the best way to {w}|tell me how to {w}|I want to {w}|help me to {w}|how does one {w}|explain how to {w}|teach me to {w}|what do I need to {w}]",
            w=what)), rng.choice(answers)
    if kind < 0.85:
        feeling, answer = rng.choice(list(FEEL.items()))
        return question(rng, fill(rng,
            "[I am {f}|I feel {f}|I'm {f}|I am {f}, what can I do|I am so {f}|what can I do when I am {f}|I feel {f} today|what helps when you are {f}]",
            f=feeling)), answer
    what, answer = rng.choice(list(CANNOT.items()))
    return question(rng, fill(rng,
        "[I cannot {w}|I can't {w}|I can not {w}, what can I do|why can't I {w}|I can't {w}. what should I do|help, I cannot {w}]", w=what)), answer
