"""ASTE-Data-V2: sentences of reviews with their triplets, from files that the user has.

The published folder has a folder for each of 14lap, 14res, 15res and 16res, with train_triplets.txt,
dev_triplets.txt and test_triplets.txt. A line is a sentence and its triplets:

    The battery life is great but slow .####[([1, 2], [4], 'POS')]

Words are parted by spaces and counted from 0; a triplet lists the words of its aspect, those of its opinion,
and the polarity. No file is fetched or shipped: none comes with a licence that allows it.

Source:
    Xu, Li, Lu, Bing (2020), EMNLP, 2339 (github.com/xuuuluuu/SemEval-Triplet-data), after Peng et al. (2020),
    AAAI, 8600.
"""

import ast
from pathlib import Path

from codesign.files import sha256_of
from codesign.tasks.contract import DataSettings, DataSource
from codesign.tasks.remote import DataError
from codesign.tasks.sentiment.annotated import POLARITIES, Annotated, Span, Triplet

SETS = ("14lap", "14res", "15res", "16res")
FILES = {"train": "train_triplets.txt", "validation": "dev_triplets.txt", "test": "test_triplets.txt"}
MIRROR_FOLDER = "aste"
"""Of a mirror: it holds the folders of the sets."""
SEPARATOR = "####"
LONGEST = 100
"""Words of a sentence, as in the published code; a grid has half the square of them."""
SHAPE = "[([words of the aspect], [words of the opinion], 'POS'), ...]"


def read_part(part: str, settings: DataSettings) -> tuple[list[Annotated], DataSource]:
    """Sentences of one part, and where they came from.

    Args:
        part: train | validation | test; the published dev file is `validation`.
        settings: The source is the set; its option `folder`, else `aste` of the mirror, has folders of sets.

    Raises:
        DataError: There is no such file, or a line is not as it must be; the message has file and line.
    """
    said = settings.options.get("folder")
    if said is None and settings.mirror is None:
        raise DataError(
            f"{settings.source} needs the option folder of the experiment, or a mirror (CODESIGN_MIRROR, "
            f"datasets.mirror) with {MIRROR_FOLDER}/{settings.source}/{FILES[part]}; the files are at "
            "github.com/xuuuluuu/SemEval-Triplet-data; source generated needs none"
        )
    folder = settings.mirror / MIRROR_FOLDER if said is None else Path(said)
    path = folder / settings.source / FILES[part]
    if not path.is_file():
        raise DataError(
            f"{path}: there is no such file; {folder} must hold {', '.join(SETS)} with "
            f"{', '.join(FILES.values())} each, as in ASTE-Data-V2-EMNLP2020"
        )
    obtained = "mirror" if said is None else "folder"
    return read_file(path), DataSource(f"ASTE-Data-V2 {settings.source}", obtained, "", sha256_of(path))


def read_file(path: Path) -> list[Annotated]:
    """Every sentence of a file, in its order; empty lines are passed over.

    Raises:
        DataError: It is not UTF-8, has no sentence, or a line is not as it must be; the message has
            the line's number, what was found, what is allowed and what to do.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").split("\n")
    except UnicodeDecodeError as error:
        raise DataError(f"{path}: not a text in UTF-8 ({error}); save it as UTF-8") from None
    found = []
    for number, line in enumerate(lines, start=1):
        if line.strip():
            try:
                found.append(parsed(line.strip()))
            except ValueError as error:
                raise DataError(f"{path}, line {number}: {error}; correct the line or take it out") from None
    if not found:
        raise DataError(
            f"{path}: there is no sentence; at least one line SENTENCE{SEPARATOR}{SHAPE} is needed"
        )
    return found


def parsed(line: str) -> Annotated:
    """The sentence of one line.

    Raises:
        ValueError: It is not as it must be; the message says what was found and what is allowed.
    """
    parts = line.split(SEPARATOR)
    if len(parts) != 2:
        more = " (lines of ASTE-Data-V1 have more; take V2)" if len(parts) > 2 else ""
        raise ValueError(f"found {len(parts) - 1} separators {SEPARATOR}, allowed is one{more}")
    words = tuple(parts[0].split())
    if not 1 <= len(words) <= LONGEST:
        raise ValueError(f"found a sentence of {len(words)} words, allowed are 1 to {LONGEST}")
    try:
        said = ast.literal_eval(parts[1].strip())
    except (ValueError, SyntaxError, TypeError, RecursionError, MemoryError):
        raise ValueError(f"found {_short(parts[1])} behind {SEPARATOR}, allowed is {SHAPE}") from None
    if not isinstance(said, list):
        raise ValueError(f"found {_short(said)} behind {SEPARATOR}, allowed is a list: {SHAPE}")
    triplets = dict.fromkeys(_triplet(each, len(words), k) for k, each in enumerate(said, start=1))
    meant: dict[tuple[Span, Span], int] = {}
    for triplet in triplets:
        if meant.setdefault(triplet[:2], triplet.polarity) != triplet.polarity:
            raise ValueError(
                f"found two polarities of the aspect at {triplet.aspect} and the opinion at "
                f"{triplet.opinion}, allowed is one"
            )
    return Annotated(words, tuple(triplets))


def _triplet(said: object, words: int, number: int) -> Triplet:
    if not isinstance(said, tuple | list) or len(said) != 3:
        raise ValueError(f"triplet {number}: found {_short(said)}, allowed is (aspect, opinion, polarity)")
    aspect, opinion = (
        _span(part, words, f"triplet {number}, {what}")
        for what, part in zip(("aspect", "opinion"), said, strict=False)
    )
    if not isinstance(said[2], str) or said[2] not in POLARITIES:
        allowed = ", ".join(map(repr, POLARITIES))
        raise ValueError(f"triplet {number}, polarity: found {_short(said[2])}, allowed are {allowed}")
    return Triplet(aspect, opinion, POLARITIES[said[2]])


def _span(said: object, words: int, what: str) -> Span:
    if not isinstance(said, list) or not said or not all(type(each) is int for each in said):
        raise ValueError(f"{what}: found {_short(said)}, allowed is a list of whole numbers such as [3, 4]")
    if not 0 <= min(said) <= max(said) < words:
        raise ValueError(f"{what}: found {_short(said)}, allowed are words 0 to {words - 1} of this sentence")
    if said != list(range(said[0], said[0] + len(said))):
        raise ValueError(f"{what}: found {_short(said)}, allowed are words one after the other")
    return said[0], said[-1]


def _short(value: object) -> str:
    text = value.strip() if isinstance(value, str) else repr(value)
    return repr(text if len(text) <= 60 else f"{text[:57]}...")
