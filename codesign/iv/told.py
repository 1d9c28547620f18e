"""What the check tells of many files: the worst first, what files share once, how many can be used."""

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from codesign.iv.check import LEFT_OUT, LEVELS, Finding
from codesign.iv.names import is_raw_file

MANY = 10
"""Files from which notes are counted and not shown, and what files share is said once."""
NAMED = 3
"""Files named of those that share a finding."""
STANDS_FOR = "NAME"
"""For a file's name without its suffix, in what is said of several files."""


@dataclass(frozen=True)
class Said:
    """What is said once, of one file or of several."""

    files: tuple[str, ...]
    level: str
    where: str
    """'' where it differs from file to file."""
    what: str
    remedy: str

    @property
    def named(self) -> list[str]:
        """The files, the first of them where they are many; a folder is said once."""
        more = len(self.files) - NAMED
        first, *others = self.files if more <= 1 else self.files[:NAMED]
        folder = str(Path(first).parent)
        names = [first, *(each.removeprefix(f"{folder}{os.sep}") for each in others)]
        return [*names, f"and {more} more"] if more > 1 else names


def worst_first(findings: Sequence[Finding]) -> list[Finding]:
    """Errors, warnings, notes; of one level in the order given."""
    return sorted(findings, key=lambda finding: LEVELS.index(finding.level))


def told(findings: Sequence[Finding], *, files: int, everything: bool) -> list[Said]:
    """What to show, the worst first.

    Args:
        findings: Of all files.
        files: How many were looked at.
        everything: Each finding by itself, and notes, too, however many files there are.

    Returns:
        One a finding where the files are few; of more than `MANY` no notes, and one of all findings that say
        the same but for the file's name.
    """
    if everything or files <= MANY:
        return [
            Said((each.file,), each.level, each.where, each.what, each.remedy)
            for each in worst_first(findings)
        ]
    alike: dict[tuple[str, str, str], list[Finding]] = {}
    for each in worst_first(findings):
        if each.level != "note":
            alike.setdefault((each.level, _of_any(each, each.what), _of_any(each, each.remedy)), []).append(
                each
            )
    return [_said(same, *key) for key, same in alike.items()]


def _said(same: Sequence[Finding], level: str, what: str, remedy: str) -> Said:
    if len(same) == 1:
        what, remedy = same[0].what, same[0].remedy
    places = {each.where for each in same}
    files = tuple(dict.fromkeys(each.file for each in same))
    return Said(files, level, places.pop() if len(places) == 1 else "", what, remedy)


def _of_any(finding: Finding, said: str) -> str:
    """What is said, of a file by any name."""
    return re.sub(rf"(?<!\w){re.escape(Path(finding.file).stem)}(?!\w)", STANDS_FOR, said)


def summary(files: Sequence[Path], findings: Sequence[Finding]) -> str:
    """One line: how many files of measurements can be used, and how much there is to know of all of them.

    Where two files of a folder claim one device, the run stops, and none of the folder's can be used.
    """
    measured = {file for file in files if is_raw_file(file.name) or file.suffix.lower() == ".parquet"}
    refused = {
        Path(each.file) for each in findings if each.level == "error" or each.what.startswith(LEFT_OUT)
    }
    lost = {file for file in measured if not refused.isdisjoint((file, *file.parents))}
    usable = len(measured) - len(lost)
    said = f"{usable} of {_counted(len(measured), 'measurement file')} can be used"
    said += f"; {len(lost)} cannot" if lost else ""
    counts = [_counted(sum(each.level == level for each in findings), level) for level in LEVELS]
    return f"{said}: {', '.join(counts)}"


def _counted(number: int, word: str) -> str:
    return f"{number} {word}{'s' * (number != 1)}"
