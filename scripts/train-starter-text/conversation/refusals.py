"""What a small model does not know: it says so."""
from .grammar import fill, plural
from .phrasing import order, question
from .words import LISTS

CITIES = "Berlin London Paris Rome Madrid Vienna Oslo Lisbon Tokyo Boston Chicago Dublin Prague Milan Sydney Toronto Cairo Delhi Lima Munich".split()
BRANDS = "Ferrari Porsche Rolex Toyota phone laptop house flat car flight ticket hotel sofa camera washing-machine fridge television BMW yacht".split()
TEAMS = ["football", "tennis", "hockey", "chess", "basketball", "cricket", "rugby", "golf", "boxing"]
PROGRAMS = ["Java", "C", "Rust", "JavaScript", "SQL", "PHP", "Go", "Ruby", "Swift", "Kotlin", "Python", "shell"]
TASKS = [
    "reads a file", "adds two numbers", "sorts numbers", "counts words", "opens a window", "finds a prime", "draws a circle", "sends an email",
    "parses dates", "downloads a page", "reverses a string", "removes files", "lists folders", "merges tables",
]
WARS = [
    "the fall of Rome", "the French Revolution", "the First World War", "the Cold War", "the Russian Revolution", "the Hundred Years' War",
    "quantum field theory", "the theory of relativity", "string theory", "the stock market", "the tax law", "Kant's ethics", "the Civil War",
    "inflation", "the plot of Hamlet", "general relativity", "Hegel", "the Peace of Westphalia", "the Gulf War", "the European Union", "the election",
]
NOW = [
    "the president of {city}", "the mayor of {city}", "the news", "the time", "the date", "the stock price", "the lottery numbers", "my name",
    "my password", "the traffic in {city}", "the weather", "the weather in {city}", "the temperature in {city}", "the latest news", "the score",
    "the price of gold", "the best restaurant in {city}", "my address", "the exchange rate", "the time in {city}", "the population of {city}",
    "the rate of the dollar",
]
ASK = [
    "what is {now} [today|right now|now|tomorrow|]", "who won the {team} [match|game|cup|final] [yesterday|last night|in 1998|last year|this year|]",
    "how much [does|is] a {brand} [cost|]", "will it [rain|snow|be warm|be sunny] [tomorrow|today|on Sunday|in {city}|this week]",
    "who is [John Miller|the richest person|the prime minister|Maria Lopez|that actor|Dr Brown|the boss of {brand}]",
    "what is {n} [times|divided by|multiplied by] {n}", "what [year|day] did [he|she|they] [die|win|marry]", "where can I buy a {brand} in {city}",
    "what happened [yesterday|in 1763|in 1848|last week] in {city}", "how do I get from {city} to {city}",
    "when does the next [train|bus|flight] leave", "should I buy [shares|bitcoin|gold|a {brand}]", "is my [boss|friend|doctor] right",
    "what [medicine|pills] should I take [for {ill}|]", "how is the weather in {city}", "what's the weather like in {city}",
    "is it raining in {city}", "what did I [say|eat|do] yesterday", "what are the causes of {war}", "why did {war} happen",
    "what is the square root of {n}", "which party should I vote for", "{n} x {n}", "what is {n} plus {n}",
]
TELL = [
    "explain {war} [to me|in detail|]", "write a [{program}|short {program}|] [program|script|function|code] that {task}",
    "write an essay about {war}", "summarise {war}", "translate this into [German|French|Spanish|Chinese|Latin]",
    "solve [this equation|x squared plus {n} equals {n}]", "book a [flight|table|room] in {city}", "call my [mother|doctor|boss]",
    "send an email to [Anna|my boss|Peter]", "open the [file|door|window]", "search the [web|internet] for {brand}", "buy me a {brand}",
    "write {program} code that {task}", "show me a [map|video] of {city}", "set an alarm for {hour}", "remember that my name is Paul",
    "describe the history of {city}", "tell me about {war}", "calculate {n} times {n}",
    "give me the [address|phone number] of a [doctor|lawyer] in {city}",
]
ILL = ["fever", "headache", "a cough", "pain", "a rash"]
SORRY = [
    "[I am sorry, but|Sorry,] I am a small model and I do not know that.", "I do not know that. I am [only|just] a small model{more}.",
    "I am a small model and [do not know that|cannot do that]{more}.", "I cannot [answer that|help with that]: I am a small model{more}.",
    "[I am sorry|Sorry], I do not know {that}. I am a small model[, so please ask somebody else|].",
]
MORE = ["", "", ", and I have no internet", ", and I know only simple things", ", and I cannot read the news"]


FOREIGN = """guten Tag, wie geht es dir|was ist das|erzähl mir einen Witz|bonjour, comment ça va|raconte une histoire|qu'est-ce que c'est|hola, qué tal|cuéntame un chiste|qué es esto|ciao, come stai|raccontami una storia
olá, tudo bem|conte uma piada|hej, hur mår du|cześć, jak się masz|opowiedz mi historię|merhaba, nasılsın|привет, как дела|расскажи анекдот|что это такое|你好|讲一个笑话|什么是机器学习|今天天气怎么样|こんにちは|日本語で話して
冗談を言って|안녕하세요|농담 하나 해 줘|नमस्ते|मुझे एक कहानी सुनाओ|مرحبا|ما هذا|שלום|γεια σου|τι είναι αυτό""".replace("\n", "|").split("|")
SCRIPTS = [
    (0x4E00, 0x9FA5),
    (0x3041, 0x3096),
    (0xAC00, 0xD7A3),
    (0x0430, 0x044F),
    (0x0627, 0x0649),
    (0x0905, 0x0939),
    (0x05D0, 0x05EA),
    (0x03B1, 0x03C9),
    (0x1F600, 0x1F64F),
    (0x30A1, 0x30FA),
]
ENGLISH_ONLY = [
    "I am a small model and I know only English. [Please ask me in English.|]",
    "Sorry, I [understand|know] only [a little|] English. Please [ask again|write] in English.",
    "I do not understand that. [Please write in English|Please ask me in English|Can you say it in English?]",
]
EDIT = [
    "make the sky [blue|darker|pink]", "make {x} brighter", "remove the {y} from the photo", "remove the background", "edit my photo",
    "change the {y} to {c}", "turn the {y} {c}", "blur the background of this photo", "look at this picture", "what is in this picture",
    "what do you see in my photo", "make me look younger", "add a {y} to the picture", "draw me a {y}", "generate an image of a {y}",
    "show me a picture of a {y}", "make a picture of a {y}", "crop this image", "brighten this photo", "can you see this photo", "paint a {y}",
    "send me a photo of a {y}",
]
NO_PICTURE = [
    "I write text and cannot [see|make|change] pictures. [Send the photo to an edit model.|Ask an image model.|]",
    "I am a text model: I [cannot see or change photos|do not make pictures]. [Please ask an image model.|]",
]
STRANGE = [
    "why do {p} {verb}", "how does a {y} work", "how was the {y} invented", "who invented the {y}", "when was the {y} made", "how heavy is a {y}",
    "how much does a {y} weigh", "where does the word {y} come from", "how old is the {y}", "why is the {y} so {adj}",
    "how many {p} are there in the world", "what is the best {y}", "what is the history of the {y}", "who is the most famous {z}",
    "how do I repair a {y}", "how do I become a {z}", "what is inside a {y}", "can a {y} {verb}", "which {y} is the best", "why did the {z} leave",
    "compare a {y} and a {t}", "what is the difference between a {y} and a {t}",
]
VERBS = ["fly", "sleep", "break", "swim", "shine", "cost so much", "float", "grow", "burn", "fall", "talk", "sing", "make noise"]


def outside(rng):
    """Other languages, gibberish, pictures, and questions that need knowledge."""
    kind = rng.random()
    if kind < 0.3:
        low, high = rng.choice(SCRIPTS)
        script = "".join(chr(rng.randint(low, high)) for _ in range(rng.randint(2, 12)))
        keys = "".join(rng.choice("abcdefghijklmnopqrstuvwxyz  ;") for _ in range(rng.randint(5, 20))).strip() or "xx"
        return rng.choice([rng.choice(FOREIGN) + rng.choice(["", "?", "!"]), script, script + "？", keys]), fill(rng, rng.choice(ENGLISH_ONLY))
    noun, other = rng.choice([LISTS["thing"], LISTS["animal"], LISTS["food"]]), rng.choice(LISTS["thing"])
    words = dict(x=["it", "this photo", "the picture", "my face"], y=noun, c=LISTS["colour"], p=[plural(one) for one in noun], z=LISTS["person"],
        t=[other], adj=LISTS["adjective"], verb=VERBS)
    if kind < 0.6:
        return order(rng, fill(rng, rng.choice(EDIT), words)), fill(rng, rng.choice(NO_PICTURE))
    return question(rng, fill(rng, rng.choice(STRANGE), words)), fill(rng, rng.choice(SORRY), dict(more=MORE), that="that")


def refusal(rng):
    if rng.random() < 0.4:
        return outside(rng)
    words = LISTS | dict(city=CITIES, brand=BRANDS, team=TEAMS, program=PROGRAMS, task=TASKS, war=WARS, ill=ILL,
        hour=["seven", "eight", "noon", "six"])
    words["now"] = [fill(rng, one, words) for one in NOW]
    words["n"] = [str(rng.randrange(13, 9999)) for _ in range(4)]
    if rng.random() < 0.6:
        asked = question(rng, fill(rng, rng.choice(ASK), words))
        that = "that"
        for key, what in (("weather", "the weather"), ("rain", "the weather"), ("how much", "prices"), ("won", "who won"), ("news", "the news")):
            if key in asked.lower():
                that = what
    else:
        asked, that = order(rng, fill(rng, rng.choice(TELL), words)), "enough to do that"
    return asked, fill(rng, rng.choice(SORRY), dict(more=MORE), that=that)
