"""Word lists that several subjects share."""
ANIMALS = """cat dog mouse rabbit fox bear wolf owl frog duck hen goose horse cow pig goat sheep donkey lion tiger elephant monkey giraffe zebra
hippo camel kangaroo panda koala squirrel hedgehog badger deer moose beaver otter seal whale dolphin shark octopus crab turtle snake lizard
dragon parrot eagle penguin swan crow sparrow robin pigeon bee ant spider butterfly snail worm beetle hamster raccoon puppy kitten
bat mole flamingo peacock crocodile""".split()
THINGS = """lantern kite boat drum bell key map lamp hat umbrella basket ladder clock mirror bicycle violin trumpet pencil brush book letter
camera telescope balloon ball wheel rope bucket spoon cup blanket scarf coat ring crown button box chest suitcase teapot candle feather
shell stone coin flute guitar tent wagon sled train""".split()
FOODS = """apple pear banana cherry plum grape orange lemon peach mango carrot potato onion tomato pumpkin bean mushroom cheese bread butter honey
cake pie soup pancake cookie biscuit sandwich noodle egg pizza pickle muffin waffle""".split()
PLACES = """forest garden village beach mountain river lake island castle meadow harbour market library school kitchen attic barn bridge cave
desert city station park field orchard tower lighthouse farm mill museum bakery""".split()
PEOPLE = """teacher baker painter gardener sailor farmer doctor cook tailor carpenter fisherman musician photographer librarian postman king queen
knight wizard pirate shepherd clockmaker grandmother grandfather dancer nurse builder astronaut juggler""".split()
GIRLS = "Lily Mia Emma Rose Clara Nora Ella Ruby Zoe Anna Ida Maya Alice Lucy Grace Hana Sofia Tess June Vera Olive Ivy".split()
BOYS = "Tom Ben Max Leo Sam Finn Jack Noah Otto Paul Emil Hugo Oscar Felix Peter Luke Adam Theo Omar Ravi Milo Jonas".split()
COLOURS = "red blue green yellow orange purple pink brown black white grey turquoise golden silver".split()
ADJECTIVES = """small big old young tall quiet brave clever gentle kind funny happy lazy hungry curious tired shy proud friendly cheerful sleepy
lonely careful patient merry busy""".split()
WEATHER = ["sunny", "rainy", "windy", "snowy", "foggy", "stormy", "cloudy", "warm", "cold", "frosty"]
TIMES = ["morning", "evening", "afternoon", "night", "spring day", "summer day", "autumn day", "winter day"]
SEASONS = ["spring", "summer", "autumn", "winter"]
LISTS = dict(animal=ANIMALS, thing=THINGS, food=FOODS, place=PLACES, person=PEOPLE, girl=GIRLS, boy=BOYS, colour=COLOURS, adjective=ADJECTIVES,
             weather=WEATHER, time=TIMES, season=SEASONS)
