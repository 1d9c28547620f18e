"""Words and frames that generated sentences are made of.

A frame is a clause with slots, `text | relations`:

- `A`, `B`, `C`: aspects that something is said of; `X`: one that is only mentioned;
- `P`, `Q`, `R`: opinions of aspects; `L`: one that is a verb; `Z`: a word that is an opinion elsewhere, said
  here of something else, or only expected;
- the keys of `FILLERS`: determiner, verb, adverb, and pieces of sentences that are the same in all parts.

A relation `AP` is a triplet of the aspect A and the opinion P; `A-P` one whose polarity is turned round.
"""

from typing import NamedTuple

from codesign.tasks.sentiment.annotated import NEGATIVE, NEUTRAL, POSITIVE

PARTS = ("train", "validation", "test")

FILLERS = {
    "D": ("the", "the", "their", "this", "our", "its", "that"),
    "V": ("was", "was", "is", "seemed", "looked", "turned out", "proved", "felt"),
    "*": ("", "", "", "very", "really", "quite", "rather", "so", "a bit", "incredibly"),
    "N": ("not", "not", "n't", "never", "far from", "anything but", "by no means"),
    "W": ("not", "never"),
    "H": (
        "we ordered", "we had", "we got", "i tried", "we came for", "there was", "my Z friend ordered",
        "a Z man ordered",
    ),
    "K": (
        "", "", "", "", "i thought", "we found that", "everyone says", "it is clear that", "no doubt",
        "no wonder", "without a doubt", "my Z friend said that", "a Z man said", "on a Z evening",
        "after a Z week", "as for D X ,",
    ),
    "M": (
        "", "", "", "", "", "that came with D X", "next to D X", ", unlike D X ,", ", not D X ,", "from D X",
        "we got instead of D X", ", compared with D X ,", "we got after D X", "or D X",
    ),
    "G": (
        "unlike D X ,", "compared with D X ,", "instead of D X ,", "after D X ,", "next to D X ,",
        "before D X came ,",
    ),
}  # fmt: skip
"""Determiner, verb, adverb; denial of an opinion (N) and of a verb (W); who says it (K) or has it (H); an
aspect that is only mentioned, behind another (M) and before (G)."""
OPENINGS = (
    "", "", "", "", "on our last visit ,", "to my surprise ,", "honestly ,", "in general ,", "this time ,",
    "as a regular ,", "since last year ,", "after two hours ,", "i must say ,", "to be fair ,",
)  # fmt: skip
CONNECTORS = (", but", ", and", ";", ", while", ", yet", ". also ,", ", though")
ENDINGS = (".", ".", "!", "for me .", "in my opinion .", "this time .", "again .", "so far .", "", "")

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
        "great", "excellent", "amazing", "good", "lovely", "superb", "top notch", "perfect", "worth it",
        "out of this world",
    ),
    NEGATIVE: (
        "bad", "terrible", "awful", "poor", "disappointing", "mediocre", "laughable", "hit or miss",
        "below par",
    ),
    NEUTRAL: ("average", "ordinary", "standard", "acceptable", "run of the mill", "middle of the road"),
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
SHARE_DEPENDING, SHARE_OWN = 0.3, 0.2
"""Of the opinions of an aspect, where its class has any of these; the others are of anything."""

VERB_OPINIONS = {
    "loved": POSITIVE, "liked": POSITIVE, "enjoyed": POSITIVE, "adored": POSITIVE,
    "hated": NEGATIVE, "disliked": NEGATIVE, "regretted": NEGATIVE, "loathed": NEGATIVE,
}  # fmt: skip

FRAMES_TEXT = {
    "plain": {
        "train": """
            K D A M V * P | AP
            we found D A M * P | AP
            what a * P A | AP
            it has a * P A | AP
            D A here V * P and that is that | AP
            with D A M being * P we stayed | AP
            you get a * P A | AP
            K P V D A M | AP
            * P A | AP
            D A M : * P | AP
            G D A V * P | AP
            it V a * P A | AP
            """,
        "validation": """
            G we found D A * P | AP
            they have a * P A here | AP
            """,
        "test": """
            we thought of D A M as * P | AP
            what you get is a * P A | AP
            that D A M V * P is what we found | AP
            """,
    },
    "two opinions": {
        "train": """
            K D A M V P and * Q | AP AQ
            D A M V both P and Q | AP AQ
            D P A V also * Q | AP AQ
            P and Q , that is D A | AP AQ
            D A V P , even Q | AP AQ
            it has a P , Q A | AP AQ
            D A V P if not Q | AP AQ
            a P and Q A | AP AQ
            K D P A M V * Q | AP AQ
            D A V P , Q | AP AQ
            """,
        "validation": """
            we found D A both P and Q | AP AQ
            P , even Q , V D A | AP AQ
            """,
        "test": """
            K D P A V even * Q | AP AQ
            D A V P and also Q | AP AQ
            what a P , Q A | AP AQ
            """,
    },
    "shared opinion": {
        "train": """
            K D A and D B V * P | AP BP
            both D A and D B V P | AP BP
            D A , D B and D C V * P | AP BP CP
            D A V * P , as V D B | AP BP
            D A V P , and so V D B | AP BP
            we found D A as well as D B * P | AP BP
            D A V as P as D B | AP BP
            P V D A and D B | AP BP
            G D A and D B V P | AP BP
            P A and B | AP BP
            D A as well as D B V P | AP BP
            P V D A , as V D B | AP BP
            """,
        "validation": "P V D A as well as D B | AP BP",
        "test": """
            we found both D A and D B * P | AP BP
            D A , as well as D B , V P | AP BP
            P V D A and so V D B | AP BP
            """,
    },
    "apart": {
        "train": """
            D A , not D X and not D X , V P | AP
            G came D A , which V * P | AP
            K D A V * P next to D X | AP
            H D A , which V * P | AP
            H D A , and it V * P | AP
            H D X , then D A , which V P | AP
            H D X and D A , the latter * P | AP
            D A we got after D X and D X V P | AP
            P V D A that came with D X | AP
            P V D A , unlike D X | AP
            G H D A : * P | AP
            G D A , which V P , came | AP
            D A , which came with D X , V * P | AP
            """,
        "validation": """
            G H D A , which V P | AP
            D A V P , unlike D X | AP
            """,
        "test": """
            H D A , which V P and Q | AP AQ
            D A , which came after D X and D X , V * P | AP
            P V D A , unlike D X and D X | AP
            """,
    },
    "denied": {
        "train": """
            K D A M V N P | A-P
            D A V N P | A-P
            we found D A M N P | A-P
            i would W call D A P | A-P
            we would W call D A M P | A-P
            i would W say that D A V P | A-P
            i can W say that D A V P | A-P
            you can W say that D A M V P | A-P
            we can W call D A M P | A-P
            no one would call D A P | A-P
            no one said that D A V P | A-P
            no one thought D A M V P | A-P
            nothing about D A V P | A-P
            there is nothing P about D A | A-P
            neither D A nor D B V P | A-P B-P
            D A V P but D B V not | AP B-P
            D A V P , D B V not | AP B-P
            what we got V N a P A | A-P
            it has N a P A | A-P
            H D A , which V N P | A-P
            D A M V less P than D X | A-P
            D A V N P , but Q | A-P AQ
            N P V D A | A-P
            D A V P but N Q | AP A-Q
            G D A V N P | A-P
            D A and D B V N P | A-P B-P
            """,
        "validation": """
            N P , D A | A-P
            we would W say that D A M V P | A-P
            no one found D A P | A-P
            """,
        "test": """
            i can W call D A M P | A-P
            G we had D A , which V N P | A-P
            nothing P about D A | A-P
            D A V P and D B V not | AP B-P
            D A V N P and N Q | A-P A-Q
            no one would say that D A V P | A-P
            """,
    },
    "not denied": {
        "train": """
            D A M V not only P but also Q | AP AQ
            never had a A so P | AP
            D A M could not be more P | AP
            not only D A but also D B V P | AP BP
            D A could hardly be more P | AP
            D A never fails to be P | AP
            not that it matters , D A V P | AP
            there is no doubt that D A V P | AP
            we could not find D A more P | AP
            no problem , D A V P | AP
            """,
        "validation": "D A V P , no doubt | AP",
        "test": """
            no doubt about it , D A V * P | AP
            D A V not only P , also Q | AP AQ
            not only that , D A M V P | AP
            """,
    },
    "two aspects": {
        "train": """
            D A and D B V P and Q respectively | AP BQ
            P and Q V D A and D B respectively | AP BQ
            D A and D B : P and Q respectively | AP BQ
            D A V P and D B Q | AP BQ
            P A but Q B | AP BQ
            P A and Q B | AP BQ
            P A , Q B and R C | AP BQ CR
            while D A M V P , D B V * Q | AP BQ
            D A V P , D B Q and D C R | AP BQ CR
            D A V as P as D B V Q | AP BQ
            a P A with a Q B | AP BQ
            from D A , which V P , to D B , which V Q | AP BQ
            D A V P , D B V Q | AP BQ
            we found D A P and D B Q | AP BQ
            D P A and D Q B came | AP BQ
            """,
        "validation": "D A M V P while D B V * Q | AP BQ",
        "test": """
            we found D A and D B P and Q respectively | AP BQ
            D A , which V P , with a Q B | AP BQ
            P A , Q B | AP BQ
            we found D A P but D B Q | AP BQ
            """,
    },
    "expected": {
        "train": """
            i expected a Z A but it V P | AP
            D A M should have been Z but V P | AP
            everyone says D A is Z ; to me it V P | AP
            i had hoped for a Z A , what we got V P | AP
            D A V P when it should be Z | AP
            what should be a Z A V P | AP
            we thought D A would be Z , yet it V N P | A-P
            i expected D A to be Z ; what we got V P | AP
            everyone hoped for a Z A , but it V P | AP
            """,
        "validation": "i had hoped for a Z A but it V P | AP",
        "test": """
            everyone expected a Z A ; what we got V P | AP
            D A , which should have been Z , V P | AP
            i thought D A would be Z but it V P | AP
            """,
    },
    "someone else": {
        "train": """
            it was a Z day and D A V P | AP
            it was a Z week ; D A V P | AP
            after a Z week we found D A * P | AP
            my boss is Z and so is my dog , D A V P | AP
            a Z man next to us ordered D A , which V P | AP
            H D X and D A V P | AP
            my friend was Z and found D A P | AP
            on a Z day H D A , which V P | AP
            """,
        "validation": """
            it was a Z evening when my Z boss found D A P | AP
            """,
        "test": """
            it was a Z evening , D A M V * P | AP
            my friend is Z ; D A V P | AP
            after a Z day H D A , which V P | AP
            """,
    },
    "verb": {
        "train": """
            K we L D A M | AL
            i L D A and D B | AL BL
            D A is what we L most | AL
            we L D A but not D B | AL B-L
            everyone L D A M | AL
            i never L D A | A-L
            my Z friend never L D A M | A-L
            no one L D A M | A-L
            my friend L D P A | AL AP
            my Z boss L D A and not D B | AL B-L
            D A we L , D B not | AL B-L
            what i L is D A | AL
            """,
        "validation": "what everyone L is D A M | AL",
        "test": """
            what we L most is D A M | AL
            my friend L D A but not D B | AL B-L
            we never L D A M | A-L
            """,
    },
    "compared": {
        "train": """
            D A V more P than D X | AP
            D X can not match D A , which V P | AP
            more P than D X V D A | AP
            D A V P , more so than D X | AP
            i prefer D X to D A , which V P | AP
            G D A V more P | AP
            we found D A more P than D X | AP
            no D X could be more P than D A | AP
            """,
        "validation": "D A , more P than D X , V also Q | AP AQ",
        "test": """
            G we found D A more P | AP
            we found D A more P than D X or D X | AP
            """,
    },
    "no opinion": {
        "train": """
            H D X and D X and left |
            i have used D X for years |
            H D X on a Z evening |
            does D X come with D X |
            my friend was Z about it |
            H D X |
            G H D X |
            there is D X next to D X |
            my Z boss has D X as well |
            """,
        "validation": """
            my Z friend asked about D X |
            """,
        "test": """
            it was a Z day and H D X |
            my Z boss has used D X and D X for years |
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
