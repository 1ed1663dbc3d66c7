"""How people wrap a request: who they are, why they ask, how they type. Nothing here asks for an edit or changes one."""
from .words import split


def lines(text):
    return [line.strip() for line in text.strip().splitlines() if line.strip()]


WHO = split("""my boss, my client, the client, my mum, my mom, my wife, my husband, my sister, my brother, my daughter, my son, my friend, my gran, my grandma, my neighbour, my editor, our designer, the marketing team, my teacher, my colleague, the customer, the bride, my roommate,
    my dad, our agency, the printer, the art director, my uncle, my cousin, grandpa, the landlord, the museum, the council, the publisher, my girlfriend, my boyfriend, the couple, the school, everyone, the band, the chef, my professor""")
WHERE = split("""in rome, at the beach, on holiday, on vacation, in the garden, at the wedding, at a party, at work, in the park, at home, in my kitchen, in lisbon, by the lake, at the zoo, in the studio, at the market, on the balcony, at school, in the mountains, on a walk, at the station, in town, during our trip, at a concert, in the shop, at the museum, abroad, in japan, at grandma's house""")
WHEN = split("""yesterday, last summer, last week, last year, this morning, in june, on sunday, years ago, in 2019, on my birthday, when i was ten, two days ago, last weekend, back in march, on our anniversary, the other day, over easter, at christmas""")
PURPOSE = split("""the brochure, our catalogue, our catalog, my portfolio, the website, our web shop, instagram, my blog, the newsletter, a poster, a book cover, a birthday card, the family album, my mum's birthday, the local paper, a school project, linkedin, my cv, the packaging, a flyer, a menu, a presentation, a talk on friday, our anniversary,
    the print shop, a magazine, the summer sale, our storefront, an album cover, a frame in the hall, my dating profile, the calendar, an exhibition, a client, a listing, my shop, ebay, the report, a t-shirt print, my phone wallpaper, the banner, thumbnails, a christmas card, my profile picture""")
POSSESSED = split("""my dog, my cat, my daughter, my son, my wife, my husband, our house, my bike, my car, my friend anna, our product, my sister, my grandson, our office, my room, my breakfast, our new mug, the team, my garden, my nan, our cafe, my horse, the old harbour, our street, my best friend, a customer, my niece""")
NICE = split("lovely, nice, great, good, my favourite, pretty good, perfect, really nice, fine, beautiful, cute, almost there, not bad, wonderful, so cute, awesome, decent, super nice")
LOOKS = split("nice, great, good, fine, lovely, perfect, okay, just right, wonderful, really good, amazing")
# Whole sentences before the request.
CONTEXT = lines("""i took this {where} {when}
    i took this photo {where}
    i shot this {when}
    {who} took this {where}
    {who} took this photo {when}
    this is {poss} {where}
    this is {poss}
    this was taken {where} {when}
    here's {poss} {where}
    here is a picture of {poss}
    here's a photo from {when}
    it's for {purpose}
    this is for {purpose}
    i need this for {purpose}
    we need it for {purpose}
    this goes into {purpose}
    we want to use this for {purpose}
    {who} needs this for {purpose}
    {who} wants it for {purpose}
    {who} sent me this
    {who} sent this back
    {who} likes this one
    {who} isn't happy with it
    {who} asked for a change
    {who} has a request
    i love this photo
    i like this one a lot
    i really like this shot
    i love it so much
    the photo i took {where} is {nice}
    the picture is {nice}
    it's a {nice} picture of {poss}
    attached is a photo of {poss}
    hello there
    hi
    hey
    good morning
    good evening
    hi team
    hello my friend
    hope you're well
    hope you are having a good day
    i'm not good with computers
    i have no idea how to do this
    i never used such a program
    it's my first time here
    my eyes are not what they were
    sorry for the trouble
    sorry to bother you again
    i've been trying for an hour
    i tried it myself but failed
    it was such a lovely day
    we had so much fun
    {who} asked me for it
    i'm a bit in a hurry
    i'm a little nervous about this
    i know it's a lot to ask
    i'm very new to this
    this means a lot to me
    it's really important
    quick little edit
    just one little thing
    a small favour
    one tiny request
    one more thing
    a lot of people will see this
    so here's the thing
    ok listen
    not sure if you can do this
    this will be printed really big
    i need some help
    need your magic
    edit please
    question
    next one
    okay next
    same photo again
    {when} we were {where}
    we were {where} {when}
    do you remember {poss}
    that's {poss} by the way
    i am not a photographer
    i'm selling {poss}
    we're redoing {purpose}
    i'm making {purpose}
    i printed it for {purpose}
    don't laugh
    i hope you can help me
    you did so well last time
    can you help me with this photo
    can you help
    help me please""")
# A remark about a part that is fine; only before a request that names its own object.
REMARK = lines("""{r} looks {looks}
    {r} is {looks}
    {r} already looks {looks}
    i like {r}
    i love {r}
    {r} is ok as it is
    {r} came out {looks}
    don't touch {r}
    leave {r} alone
    leave {r} as it is
    keep {r} as it is
    nothing wrong with {r}
    i'm happy with {r}""")
# After the request: why.
REASON = lines("""so people can see the {detail}
    so customers can see the {detail}
    so you can see the {detail}
    so that everybody notices the {detail}
    so it fits {purpose}
    so it matches the rest of {purpose}
    so we can use it for {purpose}
    so nobody recognises the place
    because {who} asked for it
    because {who} wants it that way
    because {who} said so
    because i like it that way
    because it's for {purpose}
    for {purpose}
    for {purpose}
    for {purpose}
    for {who}
    to use in {purpose}
    to match {purpose}
    it's for {purpose}
    {who} will love it
    {who} wants it that way
    {who} would like that
    {who} asked for it
    as {who} asked
    before i send it to {who}
    i'll put it in {purpose}
    like we talked about
    like last time
    like the ones {who} used to make
    like the one {who} has
    like the pictures {who} posts
    like the ones {who} kept in a box
    like they do in magazines
    like we did at school
    like you see everywhere
    so the eye goes there
    so {who} stands out
    so it looks clean
    like you did {when}
    then send it back
    and that's all i need
    that would make my day
    that would mean a lot
    you're the best
    i'd be so happy
    my hands shake and i can't do it
    then it's ready for {purpose}
    and we're good to go
    it would suit {purpose}
    i want to hang it {where}
    i'm posting it today
    if that's not too much trouble
    if you don't mind
    if it's not too much to ask
    whenever you have a little time
    would be a big help
    thank you very much
    thanks so much
    thanks a ton
    many thanks
    much appreciated
    appreciate it a lot
    kind regards
    best regards from {who}
    xx
    love from gran""")
DETAIL = split("stitching, label, logo, buttons, faces, handle, pattern, scene, details, price tag, mood, food, product, team, view, work, texture of the cake, wheels, bike, dress, invitation, craftsmanship")
VOCATIVE = split("dear, love, my love, sweetheart, darling, honey, mate, bro, dude, fam, folks, team, guys, sir, my friend, pal, my dear, dearie, sweetie, boss, buddy, friend, my dear boy, kind sir, man, babe, hun")
ASK = split("""could you, can you, would you, will you, please, could you please, can you please, would you please, would you be a dear and, be a dear and, would you be so kind and, would you be so kind as to, would you mind, any chance you could, do you think you could, is there any way to, it'd be great if you could,
    it would be lovely if you could, i'd love for you to, i'd be grateful if you'd, might you, can u, could u, can you pls, can ya, cld u, kindly, i need you to, i'd ask you to, pls, plz, plss, can you maybe, could you possibly, could you just, can you just, can someone, is it possible to, i would like you to, i want you to, you should, we need to, let's, lets, i wanna,
    gotta, i need to, just, hey can you, yo, omg, ok so, alright, how about you, why don't you, feel free to, go on and, now, first, then, and now, for this one, on this one, here, in this picture, in this photo, in this shot, for this image, with this one, edit this, i'd really like you to, i'd love you to, it would be nice to, would love it if you could, would you be able to, are you able to,
    i was hoping you could, wondering if you can, i wonder if you could, do me a favor, tell your program to, the task is to, your task, we'd like you to, we would like to, i suggest to, please be so good and, have a go and, go and, try and, plz just""")
ENDING = split("""please, please, please, thanks, thank you, thx, ty, tysm, pls, plz, cheers, ok, thanks a lot, thank you so much, would you, will you, could you, can you, if you can, if possible, if you could, if that's ok, rn, asap, lol, haha, lmao, tbh, imo, fr, ngl, xx, danke, merci, thanks in advance, many thanks, right, yeah, yes, for me, that's all, that's it, maybe, i think, i guess, you know,
    when you can, no rush, today, now, right away, again, this time, would be great, would be nice, would be lovely, that would be great, in one go, as best you can, tia, cheers mate, ta, bless you, god bless, good luck, kthx, k thx, it's urgent, many greetings, have a nice day""")
TEXTING = {"you": ["u", "ya"], "your": ["ur"], "please": ["pls", "plz", "plss"], "and": ["n", "&", "+", "an"], "with": ["w", "wit"], "picture": ["pic"], "photo": ["pic", "foto"], "background": ["bg", "backgrnd", "bkg", "back ground", "backround"], "saturation": ["sat"], "exposure": ["exp", "expo"], "brightness": ["brightnes"],
           "want": ["wanna have", "wnt"], "the": ["da", "teh"], "because": ["bc", "cuz"], "something": ["smth"], "really": ["rly", "rlly"], "people": ["ppl"], "thanks": ["thx"], "to": ["2"], "for": ["4"], "are": ["r"], "black": ["blk"], "white": ["wht"], "yellow": ["yelow"], "colour": ["color"], "color": ["colour"], "colours": ["colors"], "colors": ["colours"],
           "grey": ["gray"], "gray": ["grey"], "image": ["img"], "little": ["lil", "litle"], "brighter": ["briter", "brightr"], "that": ["dat"], "this": ["dis"], "contrast": ["contrst"], "purple": ["purpel"], "sharpen": ["sharpn"], "subject": ["subj"], "very": ["vry"], "much": ["mch"], "slightly": ["slighty"], "vignette": ["vignet", "vingette", "vignete"], "grain": ["grane"],
           "sepia": ["seppia"], "pixelate": ["pixilate", "pixellate"], "pixelated": ["pixilated", "pixellated"], "posterize": ["posterise"], "cartoon": ["cartoon"], "blurry": ["blury"], "vintage": ["vintige"], "negative": ["negativ"], "turquoise": ["turquois"], "burgundy": ["burgandy"], "bit": ["bitt"], "make": ["mak", "mke"], "warmer": ["warmr"], "sky": ["skye"], "temperature": ["temp"]}
ELONGATE = {"so", "way", "very", "really", "super", "much", "please", "more", "too", "sooo", "pls", "hella", "huge", "tiny", "lot", "dark", "bright", "darker", "brighter", "warmer", "pink", "blue", "red", "green", "little", "omg", "hey", "crazy", "extra", "big", "far", "hard", "strong", "heavy"}
