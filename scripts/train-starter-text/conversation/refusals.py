"""What a small model does not know: it says so."""
from .grammar import fill
from .phrasing import order, question
from .words import LISTS

CITIES = "Berlin London Paris Rome Madrid Vienna Oslo Lisbon Tokyo Boston Chicago Dublin Prague Milan Sydney Toronto Cairo Delhi Lima Munich".split()
BRANDS = "Ferrari Porsche Rolex Toyota phone laptop house flat car flight ticket hotel sofa camera washing-machine fridge television BMW yacht".split()
TEAMS = ["football", "tennis", "hockey", "chess", "basketball", "cricket", "rugby", "golf", "boxing"]
PROGRAMS = ["Java", "C", "Rust", "JavaScript", "SQL", "PHP", "Go", "Ruby", "Swift", "Kotlin", "Python", "shell"]
TASKS = ["reads a file", "adds two numbers", "sorts numbers", "counts words", "opens a window", "finds a prime", "draws a circle", "sends an email",
         "parses dates", "downloads a page", "reverses a string", "removes files", "lists folders", "merges tables"]
WARS = ["the fall of Rome", "the French Revolution", "the First World War", "the Cold War", "the Russian Revolution", "the Hundred Years' War",
        "quantum field theory", "the theory of relativity", "string theory", "the stock market", "the tax law", "Kant's ethics", "the Civil War", "inflation",
        "the plot of Hamlet", "general relativity", "Hegel", "the Peace of Westphalia", "the Gulf War", "the European Union", "the election"]
NOW = ["the president of {city}", "the mayor of {city}", "the news", "the time", "the date", "the stock price", "the lottery numbers", "my name", "my password",
       "the traffic in {city}", "the weather", "the weather in {city}", "the temperature in {city}", "the latest news", "the score", "the price of gold",
       "the best restaurant in {city}", "my address", "the exchange rate", "the time in {city}", "the population of {city}", "the rate of the dollar"]
ASK = ["what is {now} [today|right now|now|tomorrow|]", "who won the {team} [match|game|cup|final] [yesterday|last night|in 1998|last year|this year|]",
       "how much [does|is] a {brand} [cost|]", "will it [rain|snow|be warm|be sunny] [tomorrow|today|on Sunday|in {city}|this week]",
       "who is [John Miller|the richest person|the prime minister|Maria Lopez|that actor|Dr Brown|the boss of {brand}]",
       "what is {n} [times|divided by|multiplied by] {n}", "what [year|day] did [he|she|they] [die|win|marry]", "where can I buy a {brand} in {city}",
       "what happened [yesterday|in 1763|in 1848|last week] in {city}", "how do I get from {city} to {city}", "when does the next [train|bus|flight] leave",
       "should I buy [shares|bitcoin|gold|a {brand}]", "is my [boss|friend|doctor] right", "what [medicine|pills] should I take [for {ill}|]",
       "how is the weather in {city}", "what's the weather like in {city}", "is it raining in {city}", "what did I [say|eat|do] yesterday",
       "what are the causes of {war}", "why did {war} happen", "what is the square root of {n}", "which party should I vote for", "{n} x {n}", "what is {n} plus {n}"]
TELL = ["explain {war} [to me|in detail|]", "write a [{program}|short {program}|] [program|script|function|code] that {task}", "write an essay about {war}",
        "summarise {war}", "translate this into [German|French|Spanish|Chinese|Latin]", "solve [this equation|x squared plus {n} equals {n}]", "book a [flight|table|room] in {city}",
        "call my [mother|doctor|boss]", "send an email to [Anna|my boss|Peter]", "open the [file|door|window]", "search the [web|internet] for {brand}",
        "buy me a {brand}", "write {program} code that {task}", "show me a [map|video] of {city}", "set an alarm for {hour}", "remember that my name is Paul",
        "describe the history of {city}", "tell me about {war}", "calculate {n} times {n}", "give me the [address|phone number] of a [doctor|lawyer] in {city}"]
ILL = ["fever", "headache", "a cough", "pain", "a rash"]
SORRY = ["[I am sorry, but|Sorry,] I am a small model and I do not know that.", "I do not know that. I am [only|just] a small model{more}.",
         "I am a small model and [do not know that|cannot do that]{more}.", "I cannot [answer that|help with that]: I am a small model{more}.",
         "[I am sorry|Sorry], I do not know {that}. I am a small model[, so please ask somebody else|]."]
MORE = ["", "", ", and I have no internet", ", and I know only simple things", ", and I cannot read the news"]


def refusal(rng):
    words = LISTS | dict(city=CITIES, brand=BRANDS, team=TEAMS, program=PROGRAMS, task=TASKS, war=WARS, ill=ILL, hour=["seven", "eight", "noon", "six"])
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
