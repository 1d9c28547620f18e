"""What a search for the next device models and seeks: a reading of how good a device is."""

from collections.abc import Mapping

SYMBOLS = {"usability": "U", "fidelity": "F"}
"""Name of a reading, which is a column of the usability table, to its symbol."""


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
    return f"{measured} {expected}; {may}."
