"""Pictures of MSCOCO with LVLM-eHub's questions: counting and identification.

A mirror holds them as `coco_small/`: `images.zip` (JPEG), `images.jsonl.gz` (annotations) and
`questions.csv.gz` (task, image_id, question, answer). Tests are LVLM-eHub's questions, 50 of each kind, drawn
with its seed. Trainings are asked the same two kinds about pictures that no question of the file is about,
with answers from the annotations.

Source:
    Lin et al. (2014), Microsoft COCO, arXiv 1405.0312; Xu et al. (2023), LVLM-eHub, arXiv 2306.09265; Shao et
    al. (2023), Tiny LVLM-eHub, arXiv 2308.03729: 50 samples of each data set.
"""

import csv
import gzip
import io
import json
import random
import zipfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from codesign.files import sha256_of
from codesign.seeds import derived_seed, generator
from codesign.tasks.contract import DataSettings, DataSource
from codesign.tasks.remote import DataError
from codesign.tasks.vision_language.questions import COUNTED, NUMBERS, QUESTIONS, SOUGHT, THINGS, YES_NO

FOLDER = "coco_small"
PICTURES, ANNOTATIONS, ASKED = "images.zip", "images.jsonl.gz", "questions.csv.gz"
KINDS = {"counting": "MSCOCO_OC", "identification": "MSCOCO_MCI"}
"""Metric to LVLM-eHub's name of the set."""
SEED = 20230719
"""Of LVLM-eHub's draw of samples."""
PIXELS = 224
"""Side that pictures are brought to, whatever their shape, as BLIP-2 is given them."""
LARGEST = 1 << 26
"""Bytes of a picture, or of a table, as unpacked."""
NUMBER_OF = {question.text: number for number, question in enumerate(QUESTIONS["coco"])}

Asked = tuple[int, int, int]
"""Identifier of a picture, numbers of a question and of its right answer."""


def coco_part(settings: DataSettings, part: str) -> tuple[Tensor, Tensor, DataSource]:
    """Pictures of one part, uint8 (n, 3, 224, 224), answers int64 (n, questions), -1 where not asked, source.

    Args:
        settings: `test_size` among its options counts test questions of each kind, `train_size` pictures to
            train on; `validation_fraction` of pictures are validated on beside them.
        part: train | validation | test.

    Raises:
        DataError: A file is missing or not readable; it names the row or the picture.
        ValueError: More is asked for than there is.
    """
    folder = _folder(settings)
    rows = list(_questions(folder / ASKED))
    if part == "test":
        asked = list(_samples(rows, settings.needed("test_size"), folder / ASKED))
    else:
        about = {picture for _, picture, _, _ in rows}
        annotated = {key: counts for key, counts in _annotated(folder / ANNOTATIONS) if key not in about}
        chosen = _chosen(sorted(annotated), settings, part)
        asked = [each for key in chosen for each in _from_annotations(key, annotated[key], settings.seed)]
    order = list(dict.fromkeys(picture for picture, _, _ in asked))
    answers = torch.full((len(order), len(QUESTIONS["coco"])), -1)
    place = {picture: number for number, picture in enumerate(order)}
    for picture, question, answer in asked:
        answers[place[picture], question] = answer
    pictures = _pictures(folder / PICTURES, order)
    variant = "re-encoded, longest side 320"
    return pictures, answers, DataSource("MSCOCO", "mirror", variant, sha256_of(folder / PICTURES))


def _folder(settings: DataSettings) -> Path:
    folder = None if settings.mirror is None else settings.mirror / FOLDER
    for name in (PICTURES, ANNOTATIONS, ASKED):
        if folder is None or not (folder / name).is_file():
            raise DataError(
                f"{name} of MSCOCO is not in {folder or 'a mirror, as none is given'}; put {PICTURES}, "
                f"{ANNOTATIONS} and {ASKED} into {FOLDER}/ of a mirror folder (datasets.mirror, "
                "CODESIGN_MIRROR), or choose scenes"
            )
    return folder


def _questions(path: Path) -> Iterator[tuple[str, int, int, int]]:
    """Metric, picture, question and right answer of each row; metric '' of a set that is not asked here."""
    metrics = {name: metric for metric, name in KINDS.items()}
    for line, row in enumerate(csv.DictReader(io.StringIO(_unpacked(path))), 2):
        missing = [name for name in ("task", "image_id", "question", "answer") if not row.get(name)]
        if missing:
            raise DataError(
                f"{path}, line {line}: no {missing[0]}; each row has task, image_id, question, answer"
            )
        if not row["image_id"].isdecimal():
            raise DataError(f"{path}, line {line}, image_id: found {row['image_id']!r}; it must be a number")
        picture, metric = int(row["image_id"]), metrics.get(row["task"], "")
        if not metric:
            yield "", picture, -1, -1
            continue
        question = NUMBER_OF.get(row["question"])
        if question is None:
            raise DataError(
                f"{path}, line {line}, question: found {row['question']!r}; it must be "
                f"{COUNTED.format('THINGS')!r} or {SOUGHT.format('THING')!r} of one of the {len(THINGS)} "
                "categories of MSCOCO"
            )
        answers = QUESTIONS["coco"][question].answers
        said = row["answer"].strip().lower()
        answer = NUMBERS.get(said, said)
        if answer not in answers:
            raise DataError(
                f"{path}, line {line}, answer: found {row['answer']!r}; it must be one of "
                f"{', '.join(answers)}"
            )
        yield metric, picture, question, answers.index(answer)


def _samples(rows: Sequence[tuple[str, int, int, int]], size: int, path: Path) -> Iterator[Asked]:
    """`size` questions of each kind, drawn as LVLM-eHub draws them: without return, by its seed."""
    for metric in KINDS:
        mine = [row[1:] for row in rows if row[0] == metric]
        if size > len(mine):
            raise ValueError(f"test_size: {size} questions of {metric} asked for, {path} has {len(mine)}")
        # once a question and picture, whatever the table repeats
        yield from dict.fromkeys(random.Random(SEED).sample(mine, size))


def _annotated(path: Path) -> Iterator[tuple[int, Mapping[str, int]]]:
    """Picture, and how many of each category are in it."""
    for line, text in enumerate(_unpacked(path).splitlines(), 1):
        try:
            row = json.loads(text)
            found = int(row["image_id"]), {str(k): int(n) for k, n in row["counts"].items()}
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise DataError(
                f"{path}, line {line}: not a picture's annotation ({error}); fetch it again"
            ) from None
        yield found


def _chosen(pictures: Sequence[int], settings: DataSettings, part: str) -> list[int]:
    """Pictures of the fitting part: those validated on first, then those trained on."""
    order = torch.randperm(
        len(pictures),
        generator=torch.Generator().manual_seed(
            derived_seed(settings.seed, "vision_language", "coco", "fit")
        ),
    ).tolist()
    held = max(1, round(len(pictures) * settings.validation_fraction))
    if part == "validation":
        return sorted(pictures[k] for k in order[:held])
    size = settings.needed("train_size")
    if size > len(pictures) - held:
        raise ValueError(
            f"train_size: {size} pictures asked for, {len(pictures) - held} there beside {held} that are "
            "validated on"
        )
    return sorted(pictures[k] for k in order[held : held + size])


def _from_annotations(picture: int, counts: Mapping[str, int], seed: int) -> Iterator[Asked]:
    """How many there are of each category, whether each is there, and as many that are not."""
    known = list(THINGS)
    draw = generator(seed, "vision_language", "coco", "absent", picture)
    there = [name for name in known if name in counts]
    for name in there:
        counting = known.index(name)
        answer = NUMBERS.get(str(counts[name]))
        if answer in QUESTIONS["coco"][counting].answers:
            yield picture, counting, QUESTIONS["coco"][counting].answers.index(answer)
        yield picture, len(known) + counting, YES_NO.index("yes")
    absent = [name for name in known if name not in counts]
    for k in draw.permutation(len(absent))[: len(there)]:
        yield picture, len(known) + known.index(absent[k]), YES_NO.index("no")


def _pictures(path: Path, numbers: Sequence[int]) -> Tensor:
    """Pictures of an archive, brought to one size."""
    found = np.empty((len(numbers), PIXELS, PIXELS, 3), dtype=np.uint8)
    try:
        with zipfile.ZipFile(path) as archive:
            for row, number in enumerate(numbers):
                name = f"{number:012d}.jpg"
                try:
                    entry = archive.getinfo(name)
                except KeyError:
                    raise DataError(
                        f"{path}: no picture {name}, which {ASKED} or {ANNOTATIONS} names"
                    ) from None
                if entry.file_size > LARGEST:
                    raise DataError(
                        f"{path}, {name}: unpacks to {entry.file_size} bytes, more than {LARGEST}"
                    )
                found[row] = decoded(archive.read(entry), f"{path}, {name}")
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError) as error:
        raise DataError(f"{path}: not a readable archive ({error}); fetch it again") from error
    return torch.from_numpy(found.transpose(0, 3, 1, 2).copy())


def decoded(content: bytes, name: str, *, pixels: int = PIXELS) -> np.ndarray:
    """A JPEG or PNG picture, uint8 (pixels, pixels, 3).

    Args:
        content: Its bytes.
        name: Of the file, and of the member of an archive, for messages.
        pixels: Side it is brought to, by bicubic interpolation.

    Raises:
        DataError: It cannot be decoded, or is truncated.
    """
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(io.BytesIO(content), formats=["JPEG", "PNG"]) as image:
            return np.asarray(image.convert("RGB").resize((pixels, pixels), Image.Resampling.BICUBIC))
    except UnidentifiedImageError:
        begins = content[:8].hex(" ")
        raise DataError(
            f"{name}: no JPEG or PNG picture ({len(content)} bytes that begin with {begins or 'nothing'}); "
            "put the picture itself there, or fetch it again"
        ) from None
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise DataError(
            f"{name}: cannot be decoded ({error}; {len(content)} bytes); it is truncated or damaged: fetch "
            "it again"
        ) from error


def _unpacked(path: Path) -> str:
    try:
        with gzip.open(path) as stream:
            found = stream.read(LARGEST + 1)
        if len(found) > LARGEST:
            raise DataError(f"{path}: unpacks to more than {LARGEST} bytes")
        return found.decode("utf-8")
    except (OSError, EOFError, zlib.error, UnicodeDecodeError) as error:
        raise DataError(f"{path}: not a readable gzip file of text ({error}); fetch it again") from error
