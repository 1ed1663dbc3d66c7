"""Jokes: puns that everybody tells, in our words, and a grammar of riddles about animals and things."""
from .grammar import fill, plural
from .phrasing import order
from .words import ANIMALS, FOODS, LISTS, PEOPLE, THINGS

PUNS = {
    "camera": ["Why did the camera break up with the lens? It had lost its focus.",
        "What does a camera say when it is tired? I need to close my shutter.",
        "Why was the camera so calm? It knew how to take things one shot at a time."],
    "photographer": ["Why did the photographer go to jail? Somebody had framed him.",
        "Why was the photographer always happy? She saw the bright side of every picture.",
        "How does a photographer say goodbye? See you in a flash."],
    "photo": ["Why did the photo blush? It was overexposed.", "Why did the picture go to jail? It was framed.",
        "Why was the photo so dark? It had a bad night."],
    "computer": ["Why was the computer cold? It had left its windows open.", "Why did the computer go to bed early? It needed a restart.",
        "Why did the computer eat a cookie? It wanted one more byte."],
    "robot": ["Why did the robot go on holiday? It needed to recharge.", "What does a robot eat for lunch? Microchips."],
    "cow": ["What do you call a cow with a guitar? A moo-sician.", "Why did the cow cross the road? To get to the udder side."],
    "dog": ["What kind of dog likes the bath? A shampoodle.", "Why did the dog sit in the shade? It did not want to be a hot dog.",
        "Why did the dog bring a clock? He was a watch dog."],
    "cat": ["Why did the cat sit on the computer? To keep an eye on the mouse.", "What is a cat's best colour? Purr-ple.",
        "Why was the cat so tidy? She always cleaned up with her tongue."],
    "fish": ["Why are fish so clever? They live in schools.", "Why did the fish blush? It saw the bottom of the sea."],
    "mouse": ["Why did the mouse stay at home? The cat had sent it an invitation.", "What is a mouse's best game? Hide and squeak."],
    "bee": ["Why do bees hum? They have forgotten the words.", "Why did the bee go to the barber? It wanted a buzz cut."],
    "owl": ["What do you call an owl who does magic? Hoo-dini.", "Why did the owl say nothing? It did not give a hoot."],
    "elephant": ["Why do elephants never use computers? They are afraid of the mouse.",
        "What time is it when an elephant sits on your fence? Time for a new fence."],
    "duck": ["What time does a duck get up? At the quack of dawn.", "Who paid for dinner? The duck, because he had the bill."],
    "snail": ["What did the snail say on the turtle's back? Not so fast!", "Why is the snail never late? It is always at home."],
    "bear": ["What do you call a bear without teeth? A gummy bear.", "Why did the bear wear a coat? It could not bear the cold."],
    "penguin": ["Why do penguins never go to parties? They are too cool.", "What does a penguin wear to the beach? What it always wears, a suit."],
    "tree": ["Why did the tree go to the dentist? It needed a root canal.", "How does a tree use the internet? It logs in."],
    "ghost": ["Why are ghosts bad liars? You can see right through them.", "Where do ghosts go on holiday? To the boo-tiful sea."],
    "book": ["Why was the book so cold? It had lost its jacket.", "Why did the book go to the doctor? It had hurt its spine."],
    "clock": ["Why was the clock in trouble? It kept going on and on.", "Why did the clock get a second job? It had too much time on its hands."],
    "egg": ["Why did the egg hide? It was a little chicken.", "How do eggs leave the road? They go through the eggs-it."],
    "banana": ["Why did the banana see a doctor? It was not peeling well.", "Why did the banana wear sun cream? It did not want to peel."],
    "tomato": ["Why did the tomato turn red? It saw the salad dressing.", "Why did the tomato run? It had to catch up."],
    "bread": ["Why does bread never lose its temper? It knows how to rise above it.", "Why was the bread so sad? It was not kneaded."],
    "cheese": ["What do you call cheese that is not yours? Nacho cheese.", "Why was the cheese so calm? It was in a good mould."],
    "teacher": ["Why did the teacher wear dark glasses? Her pupils were so bright.", "Why did the teacher jump into the lake? To test the water."],
    "moon": ["How does the moon cut its hair? Eclipse it.", "Why was the moon so full? It had eaten the whole night."],
    "sea": ["Why is the sea so friendly? It always waves.", "What did the sea say to the beach? Nothing, it just waved."],
    "snowman": ["What does a snowman eat for breakfast? Snowflakes.", "Why did the snowman smile? He heard the snow blower coming."],
    "king": ["Where does a king keep his army? Up his sleeve.", "Why did the king go to the dentist? To get a new crown."],
    "pirate": ["Why is a pirate good at songs? He always hits the high seas.", "What is a pirate's best letter? You would think R, but it is the C."],
    "baker": ["Why did the baker work so hard? He needed the dough.", "Why was the baker sad? Life was no piece of cake."],
    "painter": ["Why did the painter go to the doctor? She had a bad stroke.", "Why was the painter warm? She had put on two coats."],
}
ACTS = [
    "look clever", "impress the neighbours", "find a good seat", "catch the last train", "be on time for once", "make a new friend",
    "win a bet with the {other}", "keep up with the {other}", "hide from the {other}", "have dinner with the {other}", "see the world",
    "take a better photo", "get to the other side",
]
ANIMAL_RIDDLES = [
    ("Why did the {animal:a} bring a {thing:t} to the {place:p}?", ["Because it wanted to {act}.",
        "Because the {other} had already taken the umbrella.",
        "It had heard that the {place:p} was [dark|cold|far away|boring|closed] without one."]),
    ("Why did the {animal:a} cross the road?", ["To {act}.", "Because the {other} was on holiday.",
        "Nobody knows, and the {animal:a} will not say."]),
    ("Why does the {animal:a} never [play cards|go to the cinema|use a phone|pay for lunch] with the {other}?", ["Because the {other} always cheats.",
        "Because the {other} [eats the popcorn|talks all the time|forgets the money].", "It is afraid that the {other} will {act}."]),
    ("What do you get when a {animal:a} [falls into|sleeps in|jumps into] a {thing:t}?", ["A very [surprised|cross|wet|dusty] {animal:a}.",
        "One {adjective} {animal:a} and no more {thing:t}."]),
    ("What did the {animal:a} say to the {other}?", ["Stop following me, I am lost, too.", "Smile, somebody is taking a photo.",
        "If you were a {thing:t}, I would put you in a box.", "I would tell you a joke, but you would only {act}."]),
    ("How do you know that a {animal:a} has been in your fridge?", ["There are footprints in the butter.",
        "The {food} is gone and there is a thank-you letter.", "The light is still on, and the {food} looks nervous."]),
    ("Why did the {animal:a} go to school?", ["To {act}.", "To learn how to spell {other}."]),
    ("What is the {animal:a}'s best subject at school?", ["Lunch.", "How to {act}.", "The break."]),
]
THING_RIDDLES = [
    ("Why was the {thing:t} so [sad|tired|nervous|quiet]?", ["Because nobody wanted to carry it.",
        "It had been in the same box all [day|year|winter].", "The {animal} had sat on it."]),
    ("Why did the {person:p} put a {thing:t} on the roof?", ["Because dinner was on the house.", "To {act}.", "The {animal} had asked for it."]),
    ("What did the {thing:t} say to the {other_thing}?", ["Nothing. Things cannot talk.", "You look good in this light.",
        "Let us get out of this box."]),
]
FOOD_RIDDLES = [
    ("Why did the {food:f} go to the party alone?", ["It could not find a date.", "The {other_food} was in the oven.", "It wanted to {act}."]),
    ("What did the {food:f} say to the {other_food}?", ["You look good enough to eat.", "It is getting hot in here.", "Do not be so sour."]),
    ("Why did the {food:f} go to the doctor?", ["It did not feel well done.", "It felt a little green."]),
]
PERSON_RIDDLES = [
    ("Why did the {person:p} take a {thing:t} to bed?", ["To {act}.", "To sleep on it.", "Because the {animal} already had the pillow."]),
    ("Why is the {person:p} never late?", ["A {adjective} {animal} wakes everybody up.", "The clock is afraid to be wrong."]),
    ("What did the {person:p} say to the {animal:a}?", ["One of us has to wear the hat.", "You hold the {thing}, I will do the talking.",
        "Smile, please."]),
]
ASK = [
    "tell me a joke", "tell a joke", "tell me something funny", "tell me a good joke", "make me laugh", "say something funny", "a joke", "joke",
    "one joke", "I want to hear a joke", "I want to laugh", "do you know a joke", "tell me a short joke", "give me a joke", "give me a good joke",
    "another joke", "tell me another joke", "tell me a riddle", "cheer me up", "I am bored", "I am bored, tell me something funny",
    "tell me a silly joke", "tell us a joke", "tell me the best joke you know", "do you have a joke for me", "let me hear something funny",
    "write a joke", "invent a joke", "tell me your best joke", "got any jokes", "I feel sad, make me smile", "tell me a really funny joke",
    "a funny joke", "say a funny joke",
]
ABOUT = [
    "tell me a joke about {s}", "do you know a joke about {s}", "make a joke about {s}", "a joke about {s}", "tell me something funny about {s}",
    "joke about {s}", "tell a good joke about {s}", "I want a joke about {s}", "write a funny joke about {s}", "give me a {x} joke",
    "tell me a {x} joke", "do you have a joke about {s}", "tell me a joke with a {x}", "is there a joke about {s}", "do you know any {x} jokes",
    "tell me jokes about {s}", "a {x} joke",
]


def riddle(rng, subject):
    """A riddle about the subject."""
    name, riddles = next((tag, riddles) for tag, nouns, riddles in (
        ("a", ANIMALS, ANIMAL_RIDDLES), ("f", FOODS, FOOD_RIDDLES), ("p", PEOPLE, PERSON_RIDDLES), ("t", THINGS, THING_RIDDLES)) if subject in nouns)
    other = rng.choice([one for one in ANIMALS if one != subject])
    words = LISTS | dict(other=[other], other_thing=THINGS, other_food=FOODS)
    words["act"] = [fill(rng, rng.choice(ACTS), other=other)]
    asked, answers = rng.choice(riddles)
    given = {name: subject} | {"t": rng.choice(THINGS)} | ({"p": rng.choice(LISTS["place"])} if name == "a" else {})
    return fill(rng, f"{asked} {rng.choice(answers)}", words, **(given | {name: subject}))


def joke(rng):
    if rng.random() < 0.45:
        subject = rng.choice(list(PUNS))
        return order(rng, rng.choice(ASK)), rng.choice(PUNS[subject])
    if rng.random() < 0.45:
        subject = rng.choice(list(PUNS))
        answer = rng.choice(PUNS[subject])
    else:
        subject = rng.choice(rng.choice([ANIMALS, ANIMALS, FOODS, PEOPLE, THINGS]))
        answer = rng.choice(PUNS[subject]) if subject in PUNS and rng.random() < 0.6 else riddle(rng, subject)
    if rng.random() < 0.1:
        return order(rng, rng.choice(ASK)), answer
    some = rng.choice([plural(subject), fill(rng, "a {x}", x=subject).lower()]) if subject not in ("sea", "moon") else "the " + subject
    return order(rng, fill(rng, rng.choice(ABOUT), s=some, x=subject)), answer
