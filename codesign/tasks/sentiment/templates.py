"""Words and frames that generated sentences are made of.

A frame is a clause with slots, `text | relations`:

- `A`, `B`, `C`: aspects that something is said of; `X`, `Y`: aspects that are only mentioned;
- `P`, `Q`, `R`: opinions of aspects; `L`: one that is a verb; `Z`: a word that is an opinion elsewhere, said
  here of something else, or only expected;
- `D`, `V`, `*`: a determiner, a verb, an adverb or nothing.

A relation `AP` is a triplet of the aspect A and the opinion P; `A-P` one whose polarity is turned round.
"""

from typing import NamedTuple

from codesign.tasks.sentiment.annotated import NEGATIVE, NEUTRAL, POSITIVE

PARTS = ("train", "validation", "test")

DETERMINERS = ("the", "the", "their", "this", "our", "its", "that")
VERBS = ("was", "was", "is", "seemed", "looked", "turned out", "proved", "felt")
ADVERBS = ("", "", "", "very", "really", "quite", "rather", "so", "a bit", "incredibly")
OPENINGS = (
    "", "", "", "on our last visit ,", "to my surprise ,", "honestly ,", "in general ,", "this time ,",
    "as a regular ,", "since last year ,", "after two hours ,", "i must say ,", "to be fair ,",
)  # fmt: skip
CONNECTORS = (", but", ", and", ";", ", while", ", yet", ". also ,", ", though")
ENDINGS = (".", ".", "!", "for me .", "in my opinion .", "this time .", "again .", "so far .", "")

ASPECTS = {
    "restaurant": {
        "food": (
            "soup", "pasta", "duck", "pizza", "curry", "lamb chop", "tuna roll", "salad",
            "house bread", "steak", "chocolate cake", "risotto", "fish", "goat cheese", "fish cake", "bread",
        ),
        "drink": ("wine", "beer", "coffee", "iced tea", "orange juice", "cocktail", "house wine", "tea"),
        "service": ("waiter", "service", "staff", "hostess", "wait staff", "manager", "bartender"),
        "wait": ("wait", "line", "waiting time", "delivery time"),
        "room": ("room", "music", "decor", "terrace", "dining room", "patio", "outdoor seating", "bar"),
        "price": ("price", "bill", "lunch price", "wine price"),
    },
    "laptop": {
        "battery": ("battery life", "battery", "charge", "battery run time"),
        "screen": ("screen", "display", "touch screen", "resolution", "screen resolution"),
        "body": ("case", "hinge", "lid", "power cord", "adapter", "keyboard", "space bar", "trackpad"),
        "sound": ("speaker", "sound card", "sound", "left speaker"),
        "fan": ("fan", "cooling fan", "hard drive", "optical drive"),
        "wait": ("boot time", "start up time", "charging time", "loading time"),
        "software": ("operating system", "software", "word processor", "setup", "driver", "system"),
        "price": ("price", "cost", "price tag", "repair cost"),
        "service": ("support", "customer service", "technician", "help desk"),
    },
}  # fmt: skip
"""Domain to class to aspects."""

GENERAL = {
    POSITIVE: (
        "great", "excellent", "amazing", "good", "nice", "lovely", "superb", "top notch", "perfect",
        "wonderful", "fantastic", "worth it", "out of this world",
    ),
    NEGATIVE: (
        "bad", "terrible", "awful", "poor", "disappointing", "horrible", "mediocre", "a joke", "a let down",
        "dreadful", "hit or miss", "below par",
    ),
    NEUTRAL: (
        "average", "ordinary", "standard", "acceptable", "passable", "nothing special", "so so", "as usual",
    ),
}  # fmt: skip
"""Opinions of anything."""

OWN = {
    "food": {
        POSITIVE: ("tasty", "fresh", "delicious", "juicy"),
        NEGATIVE: ("bland", "stale", "greasy", "overcooked"),
    },
    "drink": {POSITIVE: ("refreshing", "crisp"), NEGATIVE: ("watery", "flat")},
    "service": {POSITIVE: ("friendly", "attentive", "helpful"), NEGATIVE: ("rude", "careless", "arrogant")},
    "room": {POSITIVE: ("cozy", "elegant"), NEGATIVE: ("cramped", "dirty")},
    "screen": {POSITIVE: ("bright", "crystal clear"), NEGATIVE: ("blurry", "hard to read")},
    "body": {POSITIVE: ("sturdy", "well built"), NEGATIVE: ("flimsy", "wobbly")},
    "software": {POSITIVE: ("easy to use", "intuitive"), NEGATIVE: ("buggy", "full of bugs")},
}
"""Class to opinions of its aspects alone."""

DEPENDING = {
    "hot": {"food": POSITIVE, "drink": NEGATIVE, "body": NEGATIVE, "battery": NEGATIVE},
    "cold": {"food": NEGATIVE, "drink": POSITIVE, "service": NEGATIVE, "room": NEGATIVE},
    "long": {"battery": POSITIVE, "wait": NEGATIVE},
    "short": {"battery": NEGATIVE, "wait": POSITIVE},
    "loud": {"sound": POSITIVE, "room": NEGATIVE, "fan": NEGATIVE},
    "quiet": {"sound": NEGATIVE, "room": POSITIVE, "fan": POSITIVE},
    "cheap": {"price": POSITIVE, "body": NEGATIVE, "room": NEGATIVE},
    "high": {"price": NEGATIVE, "screen": POSITIVE},
    "low": {"price": POSITIVE, "screen": NEGATIVE, "sound": NEGATIVE},
    "small": {"food": NEGATIVE, "body": POSITIVE, "price": POSITIVE},
    "thin": {"food": NEGATIVE, "body": POSITIVE, "sound": NEGATIVE},
    "dark": {"screen": NEGATIVE, "drink": NEUTRAL, "room": NEUTRAL},
    "strong": {"drink": POSITIVE, "battery": POSITIVE, "body": POSITIVE},
    "simple": {"food": NEUTRAL, "room": NEUTRAL, "software": POSITIVE, "body": NEUTRAL},
    "new": {"service": NEGATIVE, "body": NEUTRAL, "software": NEUTRAL},
}
"""Opinions that are praise of one class and blame of another."""
SHARE_DEPENDING = 0.35
"""Of the opinions of an aspect, where its class has any of these."""

VERB_OPINIONS = {
    "loved": POSITIVE, "liked": POSITIVE, "enjoyed": POSITIVE, "adored": POSITIVE,
    "hated": NEGATIVE, "disliked": NEGATIVE, "regretted": NEGATIVE, "loathed": NEGATIVE,
}  # fmt: skip

FRAMES_TEXT = {
    "plain": {
        "train": """
            D A V * P | AP
            we found D A * P | AP
            what a P A | AP
            it has a * P A | AP
            i thought D A V * P | AP
            D A here V * P and that is that | AP
            with D A being * P we stayed | AP
            you get a P A | AP
            """,
        "validation": """
            i found that D A V * P | AP
            they have a * P A here | AP
            """,
        "test": """
            we thought D A here V * P | AP
            what you get is a * P A | AP
            that D A V * P is what we found | AP
            """,
    },
    "two opinions": {
        "train": """
            D A V P and * Q | AP AQ
            D A V both P and Q | AP AQ
            D P A V also * Q | AP AQ
            P and Q , that is D A | AP AQ
            D A V P , even Q | AP AQ
            it has a P , Q A | AP AQ
            D A V P if not Q | AP AQ
            """,
        "validation": "we found D A both P and Q | AP AQ",
        "test": """
            D P A V even * Q | AP AQ
            i thought D A V P and also Q | AP AQ
            what a P , Q A | AP AQ
            """,
    },
    "shared opinion": {
        "train": """
            D A and D B V * P | AP BP
            both D A and D B V P | AP BP
            D A , D B and D C V * P | AP BP CP
            D A V * P , as V D B | AP BP
            D A V P , and so V D B | AP BP
            we found D A as well as D B * P | AP BP
            D A V as P as D B | AP BP
            """,
        "validation": "i thought D A as well as D B V P | AP BP",
        "test": """
            we found both D A and D B * P | AP BP
            D A , as well as D B , V P | AP BP
            P V D A and so V D B | AP BP
            """,
    },
    "apart": {
        "train": """
            D A that came with D X V * P | AP
            D A next to D X V * P | AP
            D A , not D X , V P | AP
            D A we got instead of D X V P | AP
            compared with D X , D A V * P | AP
            after D X came D A , which V * P | AP
            D A V * P next to D X | AP
            P V D A that came with D X | AP
            unlike D X , D A V * P | AP
            D A we got after D X and D Y V P | AP
            """,
        "validation": """
            D A , unlike D X , V P | AP
            D A that we got next to D X V P | AP
            """,
        "test": """
            D A , compared with D X , V * P | AP
            instead of D X we got D A , which V P | AP
            D A that came after D X V * P | AP
            P V D A , unlike D X and D Y | AP
            """,
    },
    "denied": {
        "train": """
            D A V not * P | A-P
            D A V n't P | A-P
            i would not call D A P | A-P
            D A V never P | A-P
            D A V far from P | A-P
            D A V anything but P | A-P
            nothing about D A V P | A-P
            neither D A nor D B V P | A-P B-P
            D A V P but D B V not | AP B-P
            i can not say that D A V P | A-P
            hardly a P A | A-P
            D A V less P than D X | A-P
            no one would call D A P | A-P
            """,
        "validation": """
            far from P , D A | A-P
            we would never call D A P | A-P
            """,
        "test": """
            i can not call D A P | A-P
            anything but P V D A | A-P
            we found D A far from P | A-P
            nothing P about D A | A-P
            D A that came with D X V not P | A-P
            D A V P and D B V not | AP B-P
            """,
    },
    "not denied": {
        "train": """
            D A V not only P but also Q | AP AQ
            no doubt D A V P | AP
            never had a A so P | AP
            D A could not be more P | AP
            not only D A but also D B V P | AP BP
            D A could hardly be more P | AP
            without a doubt D A V * P | AP
            no wonder D A V P | AP
            D A never fails to be P | AP
            """,
        "validation": "it is no wonder that D A V P | AP",
        "test": """
            no doubt about it , D A V * P | AP
            D A V P , not only that , Q | AP AQ
            we never had D A so P | AP
            """,
    },
    "two aspects": {
        "train": """
            D A and D B V P and Q respectively | AP BQ
            D A V P and D B Q | AP BQ
            P A but Q B | AP BQ
            while D A V P , D B V * Q | AP BQ
            D A V P , D B Q and D C R | AP BQ CR
            D A V as P as D B V Q | AP BQ
            a P A with a Q B | AP BQ
            from D A , which V P , to D B , which V Q | AP BQ
            """,
        "validation": "D A V P while D B V * Q | AP BQ",
        "test": """
            we found D A and D B P and Q respectively | AP BQ
            D A , which V P , with a Q B | AP BQ
            P A , Q B | AP BQ
            D A V P , D B Q | AP BQ
            """,
    },
    "expected": {
        "train": """
            i expected a Z A but it V P | AP
            D A should have been Z but V P | AP
            everyone says D A is Z ; to me it V P | AP
            i had hoped for a Z A , what we got V P | AP
            D A V P when it should be Z | AP
            what should be a Z A V P | AP
            """,
        "validation": "i had hoped for a Z A but it V P | AP",
        "test": """
            everyone expected a Z A ; what we got V P | AP
            D A , which should have been Z , V P | AP
            """,
    },
    "someone else": {
        "train": """
            my Z friend ordered D A , which V P | AP
            it was a Z day and D A V P | AP
            after a Z week we found D A * P | AP
            my boss is Z and so is my dog , D A V P | AP
            a Z man next to us said D A V P | AP
            on a Z evening D A V * P | AP
            """,
        "validation": "my Z boss said D A V P | AP",
        "test": """
            it was a Z evening , D A V * P | AP
            my friend is Z ; D A V P | AP
            after a Z day a Z man ordered D A , which V P | AP
            """,
    },
    "verb": {
        "train": """
            we L D A | AL
            i L D A and D B | AL BL
            D A is what we L most | AL
            we L D A but not D B | AL B-L
            everyone L D A that came with D X | AL
            i never L D A | A-L
            my friend L D P A | AL AP
            """,
        "validation": "what i L is D A | AL",
        "test": """
            what we L most is D A next to D X | AL
            my friend L D A but not D B | AL B-L
            no one L D A | A-L
            """,
    },
    "compared": {
        "train": """
            D A V more P than D X | AP
            D X can not match D A , which V P | AP
            more P than D X V D A | AP
            D A V P , more so than D X | AP
            i prefer D X to D A , which V P | AP
            """,
        "validation": "D A , more P than D X | AP",
        "test": """
            compared with D X D A V more P | AP
            we found D A more P than D X or D Y | AP
            """,
    },
    "no opinion": {
        "train": """
            we ordered D X and D Y |
            i have used D X for years |
            we asked about D X on a Z evening |
            does D X come with D Y |
            my friend was Z about it |
            we came for D X |
            a Z man ordered D X |
            """,
        "validation": "my Z friend asked about D X |",
        "test": """
            we came on a Z day and ordered D X |
            my boss has used D X and D Y for years |
            """,
    },
}
"""What a frame is about, to part, to frames. No frame is in two parts."""


class Frame(NamedTuple):
    """A clause with slots."""

    kind: str
    """What it is about."""
    tokens: tuple[str, ...]
    relations: tuple[tuple[str, str, bool], ...]
    """Aspect, opinion, and whether the polarity is turned round."""


def _frame(kind: str, line: str) -> Frame:
    text, _, said = line.partition("|")
    relations = tuple((each[0], each[-1], "-" in each) for each in said.split())
    return Frame(kind, tuple(text.split()), relations)


FRAMES = {
    part: {
        kind: tuple(_frame(kind, line) for line in texts[part].strip().splitlines())
        for kind, texts in FRAMES_TEXT.items()
    }
    for part in PARTS
}
"""Part to kind to frames."""
