"""Simple facts: capitals, numbers, days, animals, opposites, planets, and lists of things."""
from .grammar import fill, plural
from .phrasing import order, question
from .words import BOYS, FOODS, GIRLS, PEOPLE

CAPITALS = dict(pair.split("=") for pair in """France=Paris;Germany=Berlin;Italy=Rome;Spain=Madrid;Portugal=Lisbon;Austria=Vienna;Switzerland=Bern;Belgium=Brussels;
the Netherlands=Amsterdam;Denmark=Copenhagen;Norway=Oslo;Sweden=Stockholm;Finland=Helsinki;Iceland=Reykjavik;Ireland=Dublin;England=London;Scotland=Edinburgh;Poland=Warsaw;
Hungary=Budapest;Greece=Athens;Romania=Bucharest;Ukraine=Kyiv;Russia=Moscow;Turkey=Ankara;Egypt=Cairo;Kenya=Nairobi;Nigeria=Abuja;Morocco=Rabat;Ghana=Accra;Japan=Tokyo;China=Beijing;
India=New Delhi;Thailand=Bangkok;Vietnam=Hanoi;Indonesia=Jakarta;South Korea=Seoul;Mongolia=Ulaanbaatar;Nepal=Kathmandu;Iran=Tehran;Iraq=Baghdad;Canada=Ottawa;Mexico=Mexico City;Cuba=Havana;
Brazil=Brasilia;Argentina=Buenos Aires;Chile=Santiago;Peru=Lima;Colombia=Bogota;Uruguay=Montevideo;Australia=Canberra;New Zealand=Wellington;Croatia=Zagreb;Serbia=Belgrade;Bulgaria=Sofia;
Latvia=Riga;Estonia=Tallinn;Lithuania=Vilnius;the United States=Washington;Czechia=Prague;Malta=Valletta;Israel=Jerusalem;Saudi Arabia=Riyadh;Pakistan=Islamabad;Algeria=Algiers;Senegal=Dakar""".replace("\n",
    "").split(";"))
SOUNDS = dict(cow="moo", dog="woof", cat="meow", sheep="baa", pig="oink", duck="quack", horse="neigh", hen="cluck", owl="hoot", frog="croak",
    lion="roar", bee="buzz", mouse="squeak",
              donkey="hee-haw", snake="hiss", crow="caw", wolf="howl", goose="honk", pigeon="coo", goat="maa")
LEGS = dict(spider="eight", ant="six", bee="six", beetle="six", butterfly="six", cat="four", dog="four", horse="four", cow="four", frog="four",
    duck="two", hen="two", crab="ten", snake="no",
            fish="no", worm="no", elephant="four", penguin="two", kangaroo="two long", octopus="no legs but eight", pig="four", person="two",
                owl="two", mouse="four", lizard="four", whale="no")
EATS = dict(panda="bamboo", cow="grass", rabbit="grass and leaves", cat="meat and fish", dog="meat", lion="meat", koala="leaves of the eucalyptus",
    bee="nectar", squirrel="nuts", horse="grass and hay",
            owl="mice", frog="insects", penguin="fish", seal="fish", monkey="fruit", giraffe="leaves", bear="berries and fish",
                elephant="grass and leaves", spider="insects", mouse="seeds", hedgehog="insects and worms",
            shark="fish", sheep="grass", goat="grass and leaves", parrot="seeds and fruit", wolf="meat", otter="fish", snail="leaves",
                whale="tiny animals of the sea", hamster="seeds")
YOUNG = dict(cat="kitten", dog="puppy", cow="calf", horse="foal", sheep="lamb", pig="piglet", hen="chick", duck="duckling", goose="gosling",
    frog="tadpole", bear="cub", lion="cub", goat="kid", deer="fawn", swan="cygnet", kangaroo="joey", owl="owlet")
HOMES = dict(bee="hive", bird="nest", dog="kennel", horse="stable", spider="web", rabbit="burrow", bear="den", lion="den", fish="water", pig="sty",
    hen="coop", cow="barn", ant="anthill", fox="den", frog="pond", mole="tunnel", whale="sea", camel="desert", penguin="cold south", monkey="forest")
OPPOSITES = [pair.split("/") for pair in """hot/cold big/small tall/short long/short fast/slow old/young new/old light/dark happy/sad full/empty hard/soft high/low loud/quiet rich/poor strong/weak
wet/dry open/closed early/late up/down left/right day/night near/far good/bad clean/dirty thick/thin wide/narrow bright/dark sweet/sour begin/end win/lose love/hate always/never inside/outside smooth/rough deep/shallow sharp/blunt
heavy/light first/last front/back true/false buy/sell push/pull warm/cool brave/afraid safe/dangerous cheap/expensive simple/difficult asleep/awake alive/dead remember/forget give/take laugh/cry""".split()]
DAYS = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()
MONTHS = "January February March April May June July August September October November December".split()
NUMBERS = "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen twenty".split()
PLANET_FACTS = dict(Mercury=["is the planet nearest to the sun", "is the smallest planet"],
    Venus=["is the hottest planet", "is the second planet from the sun"], Mars=["is the red planet", "is the fourth planet from the sun"],
                    Jupiter=["is the largest planet", "is the planet with the great red spot"],
                        Saturn=["is the planet with the large rings", "is the sixth planet from the sun"],
                            Neptune=["is the planet farthest from the sun", "is the last planet"],
                    Earth=["is our planet", "is the third planet from the sun", "is the planet where we live"],
                        Uranus=["is the seventh planet from the sun", "is the planet that lies on its side"])
SIZES = ["ant", "bee", "mouse", "rabbit", "cat", "dog", "sheep", "lion", "horse", "elephant", "house", "hill", "mountain", "moon", "earth", "sun"]
KINDS = dict(fruit="apple pear banana cherry plum grape orange lemon peach mango",
    vegetable="carrot potato onion tomato pumpkin bean cabbage pea leek spinach",
        colour="red blue green yellow orange purple pink brown black white grey turquoise",
             animal="cat dog horse cow lion tiger bear fox wolf rabbit elephant owl",
                 bird="owl eagle sparrow robin crow swan duck parrot penguin pigeon", flower="rose tulip daisy lily poppy violet sunflower orchid",
                     tree="oak pine birch maple willow apple-tree beech",
             instrument="piano violin guitar flute drum trumpet cello harp", planet="Mercury Venus Earth Mars Jupiter Saturn Uranus Neptune",
                 season="spring summer autumn winter", month=" ".join(MONTHS),
                     country="France Italy Spain Japan Brazil Egypt India Canada Norway Kenya",
             insect="bee ant beetle butterfly wasp moth fly", sport="football tennis swimming running hockey chess cycling",
                 shape="circle square triangle star line oval", tool="hammer saw knife brush ladder needle",
                     drink="water tea coffee milk juice lemonade",
             vehicle="car bus train boat bicycle plane tram", metal="gold silver iron copper tin lead", job=" ".join(PEOPLE[:10]),
                 city="Paris London Rome Berlin Tokyo Cairo Lima Oslo", number="one two three four five six seven eight",
             fish="salmon trout shark tuna herring cod", food=" ".join(FOODS[16:26]), day=" ".join(DAYS),
                 camera_part="lens shutter sensor flash tripod screen")
SPECIAL = {
    "animals of the sea": "whale shark dolphin octopus crab seal fish turtle",
    "farm animals": "cow pig sheep goat horse hen duck",
    "pets": "cat dog hamster rabbit parrot fish",
    "names for girls": " ".join(GIRLS),
    "names for boys": " ".join(BOYS),
    "warm colours": "red orange yellow gold pink",
    "cold colours": "blue green turquoise purple",
    "animals of the forest": "fox deer bear owl squirrel wolf hedgehog badger",
    "animals that can fly": "eagle bee owl bat crow butterfly",
    "sea animals": "whale shark dolphin octopus crab seal turtle",
    "girl names": " ".join(GIRLS),
    "boy names": " ".join(BOYS),
    "things in a kitchen": "spoon knife pot cup plate oven table",
    "words for happy": "glad cheerful merry joyful content",
    "big animals": "elephant whale giraffe hippo bear",
    "small animals": "ant mouse bee snail beetle",
}


def capital(rng):
    country, city = rng.choice(list(CAPITALS.items()))
    if rng.random() < 0.15:
        return question(rng, fill(rng, "[which country has the capital {city}|{city} is the capital of which country]", city=city)), fill(rng,
            "{city} is the capital of {country}.", city=city, country=country)
    asked = "[what is the capital of {c}|what's the capital of {c}|capital of {c}|which city is the capital of {c}|name the capital of {c}|what is {c}'s capital|the capital city of {c}|what is the capital city of {c}]"
    return question(rng, fill(rng, asked, c=country)), fill(rng,
        "[The capital of {c} is {city}.|The capital of {c} is {city}.|{city} is the capital of {c}.]", c=country, city=city)


def about_animals(rng):
    kind, some = rng.randrange(6), lambda x: fill(rng, "a {x}", x=x)[0].lower() + fill(rng, "a {x}", x=x)[1:]
    if kind == 0:
        x, y = rng.choice(list(SOUNDS.items()))
        return question(rng, fill(rng,
            "[what does a {x} say|what sound does a {x} make|how does a {x} sound|what noise does a {x} make|which sound do {p} make]", x=x,
            p=plural(x))), fill(rng, "A {x} says {y}.", x=x, y=y)
    if kind == 1:
        x, y = rng.choice(list(LEGS.items()))
        end = "arms" if x == "octopus" else "legs"
        return question(rng, fill(rng,
            "[how many legs does a {x} have|how many legs do {p} have|how many legs has a {x}|number of legs of a {x}|does a {x} have legs]", x=x,
            p=plural(x))), fill(rng, "A {x} has {y} {end}.", x=x, y=y, end=end)
    if kind == 2:
        x, y = rng.choice(list(EATS.items()))
        return question(rng, fill(rng,
            "[what does a {x} eat|what do {p} eat|what is the food of {p}|what do {p} like to eat|what should a {x} eat|food for a {x}]", x=x,
            p=plural(x))), fill(rng, "{p} eat {y}.", p=plural(x), y=y)
    if kind == 3:
        x, y = rng.choice(list(YOUNG.items()))
        return question(rng, fill(rng,
            "[what is a baby {x} called|what do you call a young {x}|what is the name of a young {x}|what is a young {x} called]", x=x)), fill(rng,
            "A young {x} is called a {y}.", x=x, y=y)
    if kind == 4:
        x, y = rng.choice(list(HOMES.items()))
        the = "the" if y in ("water", "sea", "desert", "cold south", "forest") else "a"
        return question(rng, fill(rng, "[where does a {x} live|where do {p} live|what is the home of a {x}|in what does a {x} live]", x=x,
            p=plural(x))), fill(rng, "A {x} lives in {the} {y}.", x=x, y=y, the=the)
    a, b = sorted(rng.sample(range(len(SIZES)), 2))
    small, large = ("the " + SIZES[i] if i > 12 else some(SIZES[i]) for i in (a, b))
    if rng.random() < 0.5:
        first, second = rng.choice([(small, large), (large, small)])
        return question(rng, f"which is bigger, {first} or {second}"), fill(rng, "{l} is bigger than {s}.", l=large, s=small)
    if rng.random() < 0.5:
        return question(rng, fill(rng, "is {s} [bigger|larger] than {l}", l=large, s=small)), fill(rng, "No, {s} is smaller than {l}.", l=large,
            s=small)
    return question(rng, fill(rng, "is {l} [bigger|larger] than {s}", l=large, s=small)), fill(rng, "Yes, {l} is bigger than {s}.", l=large, s=small)


def counting(rng):
    kind = rng.randrange(5)
    if kind == 0:
        names, what = rng.choice([(DAYS, "day"), (MONTHS, "month")])
        at = rng.randrange(len(names))
        after, before = names[(at + 1) % len(names)], names[at - 1]
        if rng.random() < 0.6:
            return question(rng, fill(rng,
                "[what {w} comes after {x}|which {w} is after {x}|what comes after {x}|what follows {x}|which {w} follows {x}]", w=what,
                x=names[at])), f"After {names[at]} comes {after}."
        return question(rng, fill(rng, "[what {w} comes before {x}|which {w} is before {x}|what comes before {x}]", w=what,
            x=names[at])), f"Before {names[at]} comes {before}."
    if kind == 1:
        what, many = rng.choice([("days are in a week", "A week has seven days"), ("months are in a year", "A year has twelve months"),
            ("hours are in a day", "A day has 24 hours"), ("minutes are in an hour", "An hour has 60 minutes"),
                                 ("seconds are in a minute", "A minute has 60 seconds"), ("days are in a year", "A year has 365 days"),
                                 ("seasons are there", "There are four seasons"), ("planets are there", "There are eight planets"),
                                 ("sides has a triangle", "A triangle has three sides"), ("sides has a square", "A square has four sides"),
                                 ("colours has a rainbow", "A rainbow has seven colours"), ("fingers has a hand", "A hand has five fingers"),
                                 ("letters has the alphabet", "The alphabet has 26 letters")])
        return question(rng, "how many " + what), many + "."
    a, b = rng.randrange(0, 11), rng.randrange(0, 11)
    words, sign = (lambda n: NUMBERS[n]) if rng.random() < 0.5 else str, rng.random()
    if kind < 4 and sign < 0.65:
        return question(rng, fill(rng, "[what is|how much is|what's|] {a} [plus|+|and] {b}", a=words(a), b=words(b))), fill(rng,
            "{a} plus {b} is {c}.", a=NUMBERS[a], b=NUMBERS[b], c=NUMBERS[a + b])
    a, b = max(a, b), min(a, b)
    return question(rng, fill(rng, "[what is|how much is|what's|] {a} [minus|-|less] {b}", a=words(a), b=words(b))), fill(rng,
        "{a} minus {b} is {c}.", a=NUMBERS[a], b=NUMBERS[b], c=NUMBERS[a - b])


def opposite(rng):
    if rng.random() < 0.3:
        planet = rng.choice(list(PLANET_FACTS))
        fact = rng.choice(PLANET_FACTS[planet])
        return question(rng, "which planet " + fact.replace("is the planet nearest", "is nearest").replace("planet farthest",
            "farthest").replace("is the planet with", "has").replace("is the planet where we live", "do we live on").replace("is the planet that",
            "")), f"{planet} {fact}."
    a, b = rng.choice(OPPOSITES)
    if rng.random() < 0.5 and [a, b] not in (["tall", "short"], ["long", "short"], ["new", "old"], ["heavy", "light"], ["bright", "dark"]):
        a, b = b, a
    return question(rng, fill(rng,
        "[what is the opposite of {a}|what's the opposite of {a}|the opposite of {a}|opposite of {a}|what is the contrary of {a}|give me the opposite of {a}|which word is the opposite of {a}]",
        a=a)), f"The opposite of {a} is {b}."


def listing(rng):
    if rng.random() < 0.35:
        many, names = rng.choice(list(SPECIAL.items()))
    else:
        kind, names = rng.choice(list(KINDS.items()))
        many = "parts of a camera" if kind == "camera_part" else plural(kind)
    names = names.split()
    count = min(len(names), rng.choice([2, 3, 3, 3, 4, 5]))
    picked = rng.sample(names, count)
    asked = fill(rng, "[name|list|give me|tell me|write down|say|find|I need] {n} {many}", n=rng.choice([NUMBERS[count], str(count)]), many=many)
    if rng.random() < 0.25:
        asked = fill(rng, "[name|list|give me|tell me|write down] [some|a few] {many}", many=many)
    elif rng.random() < 0.1:
        asked = fill(rng, "[which|what] {many} do you know", many=many)
    body = ", ".join(picked[:-1]) + " and " + picked[-1]
    return order(rng, asked), body[0].upper() + body[1:] + "."


def fact(rng):
    return rng.choice([capital, capital, about_animals, about_animals, counting, opposite, listing, listing])(rng)
