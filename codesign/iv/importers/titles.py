"""Titles of sections, groups and sheets: do they count the sweeps of one device, or name several devices."""

import re
from collections.abc import Iterable, Sequence

from codesign.iv.importers.headers import bare, read_header
from codesign.iv.importers.refusal import ImportRefused

COUNTING = r"sweep|cycle|run|loop|repeat|scan|trace|curve|measurement|segment|append|test|zyklus|messung"
COUNTED_TITLE = re.compile(
    rf"\W*(?:{COUNTING})(?:[\s_]*(?:no\.?|nr\.?|number|index))?[\W_]*\d+(?![A-Za-z])(?P<rest>.*)",
    re.IGNORECASE,
)
"""Titles of sweeps of one device: a counting word, its number directly behind it."""
DEVICE = r"device|sample|chip|die|cell|dut|memristor|pad|site|wafer|wl|bl|(?:word|bit)[ _-]?line"
NAMED_DEVICE = re.compile(
    rf"(?<![A-Za-z])(?P<word>{DEVICE})(?:[\s_]*(?:no\.?|nr\.?|number|index|id|name|label)(?![A-Za-z]))?"
    r"[^\w\n]*_?(?P<name>\w[\w.-]*)",
    re.IGNORECASE,
)
"""A device word anywhere, and what it is called."""
SETTING_OF_A_DEVICE = re.compile(
    rf"\W*(?P<word>{DEVICE})(?:[\s_]*(?:no\.?|nr\.?|number|index|id|name|label))?"
    r"\s*[:=,#\t]\W*(?P<name>\w[^,;\t:=]*)",
    re.IGNORECASE,
)
"""`Device: A3`, `Sample ID, 7`."""
WAYS = {
    "set", "reset", "forward", "backward", "reverse", "up", "down", "positive", "negative", "pos", "neg",
    "am", "pm", "mon", "tue", "wed", "thu", "fri", "sat", "sun", "v", "mv", "s", "ms", "k", "c",
}  # fmt: skip
"""Words behind the number of a counted title that may differ."""
SINGLE = re.compile(r"[A-Za-z]{1,3}[ _-]?\d+")
"""`D1`, `A3`: a comment of one such word is a title."""


def devices_named(titles: Iterable[str], pattern: re.Pattern = NAMED_DEVICE) -> list[str]:
    """Devices of which titles name several, by one word; empty where they name one at most."""
    found: dict[str, dict[str, str]] = {}
    for title in titles:
        for match in (
            pattern.finditer(title) if pattern is NAMED_DEVICE else filter(None, [pattern.match(title)])
        ):
            word, name = match["word"].lower(), match["name"].strip().lower()
            found.setdefault(word, {}).setdefault(name, match[0].strip())
    return next((list(names.values()) for names in found.values() if len(names) > 1), [])


def are_counted(titles: Sequence[str]) -> bool:
    """Whether titles count sweeps, and say nothing else that differs.

    >>> are_counted(["Sweep 1", "Sweep 2"]), are_counted(["Sweep D1", "Sweep D2"])
    (True, False)
    >>> are_counted(["Run 1, SET", "Run 2, RESET"]), are_counted(["Run 1, A3", "Run 2, A4"])
    (True, False)
    """
    matches = [COUNTED_TITLE.fullmatch(bare(title)) for title in titles]
    if not all(matches) or devices_named(titles):
        return False
    words = [re.findall(r"\w*[^\W\d_]\w*", match["rest"].lower()) for match in matches]
    return len({tuple(word for word in each if word not in WAYS) for each in words}) <= 1


def is_title(comment: str) -> bool:
    """Whether a comment between numbers is a title: it names a device or counts sweeps."""
    text = bare(comment)
    named = NAMED_DEVICE.match(text) and len(text.split()) <= 3
    return bool(named or SINGLE.fullmatch(text) or COUNTED_TITLE.fullmatch(text))


def check_titles(titles: Sequence[str], *, where: str) -> None:
    """Refuse sections that may be several devices.

    Raises:
        ImportRefused: Titles name devices, or do not say that they count sweeps.
    """
    if devices := devices_named(titles):
        raise ImportRefused(
            f"sections of several devices in one file: {', '.join(devices[:8])}",
            where=where,
            remedy="save each device as a file of its own",
        )
    counted = (
        titles if COUNTED_TITLE.fullmatch(bare(titles[0])) else titles[1:]
    )  # the first may be the file's
    if len({bare(title) for title in titles}) > 1 and not are_counted(counted):
        raise ImportRefused(
            f"sections are titled {', '.join(titles[:8])}: sweeps of one device, or several devices",
            where=where,
            remedy="save each device as a file of its own; title the sweeps of one device Sweep 1, "
            "Sweep 2, ...",
        )


def check_groups(names: Sequence[str]) -> None:
    """Refuse groups that each hold a voltage and a current, unless their names count cycles.

    Args:
        names: Full names of arrays or channels, `group/name`.

    Raises:
        ImportRefused: They may be several devices.
    """
    held: dict[str, set[str]] = {}
    for name in names:
        group, _, last = name.rpartition("/")
        held.setdefault(group, set()).add(read_header(last).quantity)
    groups = [group for group, found in held.items() if {"voltage", "current"} <= found]
    if len(groups) < 2:
        return
    for level in zip(*(group.split("/") for group in groups), strict=False):
        if len(set(level)) > 1 and not are_counted(list(dict.fromkeys(level))):
            break
    else:
        if len({group.count("/") for group in groups}) == 1:
            return
    raise ImportRefused(
        f"several groups hold a voltage and a current: {', '.join(groups[:8])}: cycles of one device, or "
        "several devices",
        remedy="choose one group in the sidecar, columns: {voltage: "
        f"{groups[0]}/NAME, current: {groups[0]}/NAME}}; groups of one device's cycles are called cycle1, "
        "cycle2, ...",
    )
