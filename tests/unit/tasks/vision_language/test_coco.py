"""MSCOCO with LVLM-eHub's questions: what is asked, what is trained on, what is refused."""

import csv
import gzip
import io
import json
import os
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from codesign.tasks.contract import DataSettings
from codesign.tasks.experiment import Experiment
from codesign.tasks.remote import DataError
from codesign.tasks.vision_language.baselines import baselines
from codesign.tasks.vision_language.coco import decoded
from codesign.tasks.vision_language.examples import examples_of
from codesign.tasks.vision_language.network import said_of
from codesign.tasks.vision_language.questions import QUESTIONS
from codesign.tasks.vision_language.task import TASK
from tests.unit.tasks.vision_language.toys import OPTIONS

REPOSITORY = Path(__file__).resolve().parents[4]
SHARED = Path(os.environ.get("CODESIGN_MIRROR", REPOSITORY.parent / "shared" / "data"))


def coco_mirror(folder, *, spoil=None):
    """Six pictures, four of them asked about; `spoil` changes the bytes of the first."""
    place = folder / "coco_small"
    place.mkdir(parents=True)
    rng = np.random.default_rng(4)
    with zipfile.ZipFile(place / "images.zip", "w") as archive:
        for number in range(1, 9):
            stream = io.BytesIO()
            Image.fromarray(rng.integers(0, 256, (40, 60, 3), dtype=np.uint8)).save(stream, "JPEG")
            content = stream.getvalue()
            archive.writestr(f"{number:012d}.jpg", spoil(content) if spoil and number == 1 else content)
    counts = [
        {"cup": 2},
        {"dog": 1},
        {"person": 3, "tie": 1},
        {"bus": 1},
        {"cat": 1},
        {"cup": 20},
        {"dog": 4},
        {"tv": 1},
    ]
    rows = [json.dumps({"image_id": k, "counts": each}) for k, each in enumerate(counts, 1)]
    (place / "images.jsonl.gz").write_bytes(gzip.compress("\n".join(rows).encode()))
    asked = [
        ("MSCOCO_OC", 1, "How many cups are there in the image?", "2"),
        ("MSCOCO_OC", 3, "How many people are there in the image?", "3"),
        ("MSCOCO_MCI", 2, "Does dog exist in the image?", "Yes"),
        ("MSCOCO_MCI", 1, "Does hair drier exist in the image?", "No"),
        ("VSR", 4, "The bus is under the car.", "no"),
    ]
    write_questions(place, asked)
    return folder


def write_questions(place, asked):
    """The table of questions."""
    table = io.StringIO()
    writer = csv.writer(table)
    writer.writerow(("task", "image_id", "question", "answer"))
    writer.writerows(asked)
    (place / "questions.csv.gz").write_bytes(gzip.compress(table.getvalue().encode()))


def coco(mirror, cache=None, **changes):
    """Settings of MSCOCO with the toy parts."""
    return DataSettings(
        "coco", 0.3, 5, OPTIONS | {"test_size": 2, "train_size": 2} | changes, mirror=mirror, cache=cache
    )


def said_of_examples(examples):
    """Text of each question and right answer."""
    questions = QUESTIONS["coco"]
    return [
        (questions[q].text, questions[q].answers[int(examples.answers[p, q])])
        for p, q in examples.asked.tolist()
    ]


def test_mscoco_is_asked_as_the_table_says_and_trained_on_other_pictures(mirror, tmp_path):
    """Answers of trainings come from the annotations: counts, what is there, and as many that are not."""
    folder = coco_mirror(tmp_path / "with-coco")
    for name in ("toy", "spaces"):
        (folder / name).symlink_to(mirror / name)
    settings = coco(folder)
    train, validation, test = TASK.examples(settings, "train", "validation", "test")
    assert sorted(said_of_examples(test)) == [
        ("Does dog exist in the image?", "yes"),
        ("Does hair drier exist in the image?", "no"),
        ("How many cups are there in the image?", "two"),
        ("How many people are there in the image?", "three"),
    ]
    assert len(test.features) == 3 and len(train.features) == 2 and len(validation.features) == 1
    truth = {
        ("How many cats are there in the image?", "one"), ("Does cat exist in the image?", "yes"),
        ("Does cup exist in the image?", "yes"), ("How many dogs are there in the image?", "four"),
        ("Does dog exist in the image?", "yes"), ("How many tvs are there in the image?", "one"),
        ("Does tv exist in the image?", "yes"),
    }  # fmt: skip
    trained = [*said_of_examples(train), *said_of_examples(validation)]
    positive = {each for each in trained if each[1] != "no"}
    assert positive and positive <= truth, "20 cups are more than there are words for"
    assert sum(answer == "no" for _, answer in trained) == sum(answer == "yes" for _, answer in trained) == 3
    assert test.source.dataset == "MSCOCO" and len(test.source.sha256) == 64
    assert examples_of(settings, "train").answers.equal(train.answers)


@pytest.mark.parametrize(
    ("row", "words"),
    [
        pytest.param(
            ("MSCOCO_OC", 1, "What is it?", "2"), "line 7, question: found 'What is it", id="question"
        ),
        pytest.param(
            ("MSCOCO_OC", 1, "How many cups are there in the image?", "many"),
            "line 7, answer: found 'many'; it must be one of one, two",
            id="answer",
        ),
        pytest.param(
            ("VSR", "x1", "a", "no"), "line 7, image_id: found 'x1'; it must be a number", id="picture"
        ),
        pytest.param(("VSR", 4, "a", ""), "line 7: no answer; each row has", id="empty"),
    ],
)
def test_a_row_that_is_no_question_is_refused_by_line_and_column(tmp_path, row, words):
    """With what was found."""
    folder = coco_mirror(tmp_path / "coco")
    path = folder / "coco_small/questions.csv.gz"
    rows = list(csv.reader(io.StringIO(gzip.decompress(path.read_bytes()).decode())))
    write_questions(folder / "coco_small", [*rows[1:], row])
    with pytest.raises(DataError, match=words) as said:
        TASK.examples(coco(folder), "test")
    assert "questions.csv.gz" in str(said.value)


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        pytest.param(
            lambda content: content[: len(content) // 2], "cannot be decoded .* truncated", id="truncated"
        ),
        pytest.param(
            lambda content: b"", r"no JPEG or PNG picture \(0 bytes that begin with nothing", id="empty"
        ),
        pytest.param(lambda content: b"<html>no</html>", "no JPEG or PNG .* 3c 68 74 6d", id="page"),
        pytest.param(lambda content: content[:200] + b"\0" * 90, "cannot be decoded", id="damaged"),
    ],
)
def test_a_picture_that_cannot_be_decoded_is_named_with_its_archive(tmp_path, spoil, words):
    """What was found, and what to do."""
    folder = coco_mirror(tmp_path / "coco", spoil=spoil)
    with pytest.raises(DataError, match=rf"images\.zip, 000000000001\.jpg: {words}") as said:
        TASK.examples(coco(folder), "test")
    assert "fetch it again" in str(said.value)


@pytest.mark.parametrize("keep", [20, 60])
def test_a_truncated_png_is_refused(keep):
    """Its header alone can be read."""
    stream = io.BytesIO()
    Image.fromarray(np.random.default_rng(1).integers(0, 256, (9, 9, 3), dtype=np.uint8)).save(stream, "PNG")
    assert decoded(stream.getvalue(), "a.png", pixels=9).shape == (9, 9, 3)
    with pytest.raises(DataError, match=r"a\.png: .*fetch it again"):
        decoded(stream.getvalue()[:keep], "a.png")


def test_an_archive_without_the_picture_and_a_mirror_without_files_are_named(tmp_path):
    """The member, or the folder and what belongs into it."""
    folder = coco_mirror(tmp_path / "coco")
    rows = [("MSCOCO_OC", 77, "How many cups are there in the image?", "2")]
    rows.append(("MSCOCO_MCI", 1, "Does cup exist in the image?", "Yes"))
    write_questions(folder / "coco_small", rows)
    with pytest.raises(DataError, match=r"images\.zip: no picture 000000000077\.jpg, which questions"):
        TASK.examples(coco(folder, test_size=1), "test")
    with pytest.raises(ValueError, match=r"test_size: 5 questions of counting asked for, .* has 1"):
        TASK.examples(coco(folder, test_size=5), "test")
    with pytest.raises(DataError, match=r"images\.zip of MSCOCO is not in .*elsewhere/coco_small; put"):
        TASK.examples(coco(tmp_path / "elsewhere"), "test")


def test_mscoco_of_the_mirror_goes_the_whole_way_with_toy_parts(mirror, tmp_path):
    """50 questions of each kind are written and scored, and what needs no picture too: the path, no
    result."""
    if not (SHARED / "coco_small/questions.csv.gz").is_file():
        pytest.skip(f"no mirror with coco_small in {SHARED}")
    folder = tmp_path / "mirror"
    folder.mkdir()
    (folder / "coco_small").symlink_to(SHARED / "coco_small")
    for name in ("toy", "spaces"):
        (folder / name).symlink_to(mirror / name)
    said = OPTIONS | {
        "task": "vision_language", "source": "coco", "network": "minigpt4", "train_size": 6, "test_size": 50,
        "epochs": 1, "batch_size": 12, "learning_rate": 3e-5,
    }  # fmt: skip
    data = {"seed": 1, "validation_fraction": 0.1}
    experiment = Experiment.make("coco", said, data=data, mirror=folder, cache=tmp_path / "cache")
    assert list(experiment.about.metrics) == ["accuracy", "counting", "identification"]
    (test,) = experiment.examples("test")
    kinds = [QUESTIONS["coco"][q].metric for q in test.asked[:, 1].tolist()]
    assert kinds.count("counting") == kinds.count("identification") == 50
    network = experiment.fresh_network(seed=1)
    network.module.eval()
    scorer = TASK.scorer(details=True)
    with torch.inference_mode():
        for rows in torch.arange(len(test)).split(32):
            batch = test.chosen(rows)
            scorer.update(said_of(network.module, batch), batch)
    found = scorer.compute()
    assert set(found) == {"accuracy", "counting", "identification"} and scorer.details()
    assert found["accuracy"] == pytest.approx((found["counting"] + found["identification"]) / 2)


def test_what_needs_no_picture_is_scored_with_large_parts_too(mirror, tmp_path, monkeypatch):
    """The commonest answer of a kind where a question was not asked; a list of all is right by the rule."""
    monkeypatch.setattr("codesign.tasks.vision_language.baselines.STEPS", 3)
    folder = coco_mirror(tmp_path / "with-coco")
    for name in ("toy", "spaces"):
        (folder / name).symlink_to(mirror / name)
    found = baselines(coco(folder, tmp_path / "cache"))
    assert found["everything"] == {"accuracy": 1.0, "counting": 1.0, "identification": 1.0}
    assert set(found["blind"]) == set(found["majority"]) == set(found["everything"])
    assert 0 <= found["majority"]["accuracy"] <= 1
