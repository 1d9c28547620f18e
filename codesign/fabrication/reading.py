"""What a search for the next device models and seeks: a reading of how good a device is."""

from collections.abc import Mapping, Sequence

SYMBOLS = {"usability": "U", "fidelity": "F"}
"""Name of a reading, which is a column of the usability table, to its symbol."""

NOT_FINITE = "with a reading or a standard deviation that is no finite number"
"""Devices that are left out of the search and named, in words."""


def said_of_best(card: Mapping) -> str:
    """The best device, what the model expects of devices made alike and what proposal 1 may add, in words.

    Args:
        card: Of `codesign.fabrication.card`.

    Returns:
        One or two sentences; nothing where no device has a reading.
    """
    best, symbol = card["best"], SYMBOLS[card["reading"]]
    if best["measured"] is None:
        return ""
    seeks = card["goal"] == "maximise"
    name = "Best device measured" if seeks else f"Device measured nearest to {symbol} = {card['target']:g}"
    measured = f"{name}: {symbol} = {best['measured']['value']:.3f}."
    if best["predicted"] is None:
        return measured
    what = "at most" if seeks else "at the nearest"
    gain = card["stopping"]["max_ei"]
    may = f"proposal 1 may {'add' if seeks else 'come nearer by'} {gain:.3f}{' to that' if seeks else ''}"
    expected = (
        f"Of devices made alike, the model expects {what} {best['predicted']:.3f} at the conditions made"
    )
    return f"{measured} {expected}; {may}." if gain else f"{measured} {expected}."


def said_of_gain(card: Mapping) -> str:
    """What the expected gain is, in words: it is no difference of two predictions; '' without a model.

    Args:
        card: Of `codesign.fabrication.card`.
    """
    best = card["best"]["predicted"]
    if best is None or card["goal"] != "maximise":
        return ""
    return (
        f"Expected gain: the mean, over what a device may turn out as, of what exceeds {best:.3f}; worse "
        "outcomes count as 0, so that an uncertain condition may gain although less is predicted of it."
    )


def said_of_not_finite(card: Mapping) -> str:
    """How many devices have no finite reading, and their names; nothing where there are none."""
    names = card["not_finite"]
    return f"{len(names)} {NOT_FINITE} ({', '.join(names)})" if names else ""


def chances_differ(rows: Sequence[Mapping]) -> bool:
    """Whether some device proposed may turn out to have no usability: a column says how likely it has one."""
    return any(row["probability_of_usability"] < 1 for row in rows)
