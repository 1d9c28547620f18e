"""The task as the workflow meets it."""

import copy
import io

import pytest
import torch
from PIL import Image

from codesign.configuration import check_experiments
from codesign.settings import SettingsError
from codesign.tasks.about import about_of
from codesign.tasks.contract import DataSettings
from codesign.tasks.experiment import Experiment, ExperimentError
from codesign.tasks.vision_language import baselines as module
from codesign.tasks.vision_language import pictures
from codesign.tasks.vision_language.encoder import CHANNELS, EfficientNetLite0
from codesign.tasks.vision_language.examples import examples_of, majority, shown_of
from codesign.tasks.vision_language.figures import dialogues
from codesign.tasks.vision_language.network import answering
from codesign.tasks.vision_language.pictures import (
    Pictures,
    moments_of,
    pictures_of,
    resized,
    seen,
    standardised,
)
from codesign.tasks.vision_language.questions import QUESTIONS
from codesign.tasks.vision_language.task import TASK

OPTIONS = {"train_size": 12, "test_size": 7, "pixels": 64, "grid": 1}


def settings(cache=None, **changes):
    """Few and small pictures."""
    return DataSettings("scenes", 0.2, 5, OPTIONS | changes, cache=cache)


@pytest.fixture
def random_encoder(monkeypatch):
    """The encoder with weights of its own start, and how often they were asked for."""
    asked = []

    def weights(cache):
        asked.append(cache)
        with torch.random.fork_rng():
            torch.manual_seed(1)
            return EfficientNetLite0().state_dict()

    monkeypatch.setattr(pictures, "encoder_weights", weights)
    return asked


def test_what_was_seen_is_kept_by_content(random_encoder, tmp_path):
    """Encoder, size, grid and pictures are in the name; whoever asks for the same looks nothing at again."""
    made = pictures_of(settings(), "train")
    first = seen(made.pixels, settings(tmp_path))
    assert first.shape == (12, 1, CHANNELS)
    assert torch.equal(seen(made.pixels, settings(tmp_path)), first) and len(random_encoder) == 1
    (kept,) = (tmp_path / "vision_language").glob("features-*.safetensors")
    assert kept.name.startswith("features-579344248a93e230-64-1-")
    assert seen(made.pixels, settings(tmp_path, grid=2)).shape == (12, 4, CHANNELS)
    seen(made.pixels, settings(tmp_path, pixels=96))
    seen(made.pixels[:6], settings(tmp_path))
    assert len(random_encoder) == 4
    assert len(list((tmp_path / "vision_language").glob("features-*"))) == 4


def test_features_are_standardised_by_training_pictures(random_encoder):
    """Within -4 and 4; each question of a picture stands behind the other."""
    train, test = TASK.examples(settings(), "train", "test")
    assert len(train) == 36 and len(test) == 21 and len(examples_of(settings(), "validation")) == 9
    values = train.features.flatten(0, 1)
    assert values.abs().max() <= 4
    moments = moments_of(seen(pictures_of(settings(), "train").pixels, settings()))
    expected = standardised(seen(pictures_of(settings(), "test").pixels, settings()), moments)
    assert torch.equal(test.features, expected)
    assert (train.source.dataset, train.source.obtained) == ("scenes", "generated")
    assert train.source.variant == "EfficientNet-Lite0 at 64 pixels, 1 place"
    assert [int(train[k].question) for k in range(4)] == [0, 1, 2, 0]


def test_a_channel_that_never_changes_is_left_alone():
    """Its deviation is none that one could divide by."""
    features = torch.randn(4, 1, CHANNELS, generator=torch.Generator().manual_seed(1))
    features[..., 3] = 2.0
    assert not standardised(features, moments_of(features))[..., 3].any()


def test_pictures_are_brought_to_one_size():
    """Flat ones stay flat."""
    found = resized(torch.full((2, 3, 32, 32), 77, dtype=torch.uint8), 96)
    assert found.shape == (2, 3, 96, 96) and bool((found == 77).all())


def test_cifar10_has_one_question_and_its_metric(monkeypatch, random_encoder):
    """Parts of the fitting images differ, evenly over the classes; the score has one name."""
    labels = torch.arange(10).repeat(6)
    images = torch.randint(256, (60, 3, 32, 32), generator=torch.Generator().manual_seed(1)).byte()

    def read(part, asked):
        return images, labels, pictures.DataSource("cifar10", "mirror", "jpeg re-encoding", "1")

    monkeypatch.setattr(pictures, "read_cifar10", read)
    mine = DataSettings("cifar10", 0.25, 5, OPTIONS | {"train_size": 30, "test_size": 20})
    train, validation, test = TASK.examples(mine, "train", "validation", "test")
    assert [len(part) for part in (train, validation, test)] == [30, 10, 20]
    assert torch.bincount(train.answers.flatten()).tolist() == [3] * 10
    assert train.source.variant == "jpeg re-encoding, EfficientNet-Lite0 at 64 pixels, 1 place"
    assert list(about_of("vision_language").of_source("cifar10").metrics) == ["accuracy"]
    scored = TASK.scorer()
    batch = test.chosen(torch.arange(20))
    scored.update(type("O", (), {"scores": torch.eye(10)[batch.answer]})(), batch)
    assert scored.compute() == {"accuracy": 1.0}


COCO = {
    "task": "vision_language", "source": "coco", "network": "smollm2", "epochs": 1, "batch_size": 2,
    "learning_rate": 1e-3, **OPTIONS,
}  # fmt: skip


def test_coco_is_refused_with_small_parts_by_name_and_reason():
    """While the workflow is read, and where an experiment is made from Python."""
    import yaml

    from codesign.shipped import shipped

    config = yaml.safe_load(shipped("config.yaml").read_text())
    config["experiments"]["pictures"] = COCO
    with pytest.raises(SettingsError, match=r"pictures\.source: coco with the network smollm2: with parts"):
        check_experiments(config)
    with pytest.raises(ExperimentError, match=r"coco with the network smollm2: .* add nothing to what"):
        Experiment.make("pictures", COCO, data={"seed": 1, "validation_fraction": 0.2})
    with pytest.raises(ValueError, match="or coco with an encoder of its own, got 'coco'"):
        pictures_of(DataSettings("coco", 0.2, 1, OPTIONS), "train")


@pytest.mark.parametrize("option", ["train_size", "test_size", "pixels", "grid"])
def test_sizes_are_asked_for(option):
    """None of them has a value that an experiment does not say."""
    about = about_of("vision_language")
    assert option in (*about.required, *about.needs("smollm2"))


def test_answers_that_need_no_picture(toy_language, monkeypatch):
    """The commonest ones are right as often as they occur; a list of all is always right by words."""
    monkeypatch.setattr(module, "language_model", lambda cache: toy_language)
    mine = settings(train_size=40, test_size=60)
    found = module.baselines(mine)
    train, test = pictures_of(mine, "train"), pictures_of(mine, "test")
    common = torch.stack([each.bincount().argmax() for each in train.answers.T])
    share = (test.answers == common).double().mean(dim=0)
    assert list(found["majority"].values()) == pytest.approx([float(share.mean()), *share.tolist()])
    assert set(found["blind"]) == set(found["majority"])
    assert set(found["everything"].values()) == {1.0}
    assert set(found) == set(about_of("vision_language").baselines)


def test_a_training_without_pictures_finds_the_commonest_answers(toy_language, monkeypatch):
    """It has nothing else to learn; one question alone, and layers that change little, so that a toy can."""
    monkeypatch.setattr(module, "RATE", 0.05)
    model = copy.deepcopy(toy_language.model)
    with torch.no_grad():
        for layer in model.model.layers:
            layer.self_attn.o_proj.weight.mul_(0.1)
            layer.mlp.down_proj.weight.mul_(0.1)
    toy = toy_language._replace(model=model)
    answers = torch.tensor([[2, 4, 6]] * 16 + [[1, 0, 3]] * 4)
    train = Pictures(
        torch.zeros(20, 3, 8, 8, dtype=torch.uint8), answers, pictures_of(settings(), "test").source
    )
    asked = QUESTIONS["scenes"][:1]
    train = train._replace(answers=answers[:, :1])
    network = answering(toy, asked, torch.Generator().manual_seed(0)).module
    right = module.blind_right(train, answers[:, :1], network, asked, settings())
    assert right[0].tolist() == [False, False, True, False, False, False]
    assert majority(answers, "scenes").tolist() == [2, 4, 6]


def rows(methods=("erm", "bayesmulti"), levels=(1.0, 0.5, 0.3, 0.1)):
    """Answers as a scorer keeps them, with what a language model may write."""
    from codesign.tasks.vision_language.scores import png_of

    picture = png_of(torch.full((3, 16, 16), 90, dtype=torch.uint8))
    texts = ("circle", "", "The answer\n\nis: $5 \u4e94\x01", "=cmd", "a" * 80)
    made = []
    for method in methods:
        for level in levels:
            for number in range(2):
                for k, question in enumerate(("What shape is it?", "How many are there?")):
                    text = texts[(number + k + len(made)) % len(texts)]
                    made.append(
                        {"method": method, "profile": "p", "level": level, "usability": level,
                         "programming": 0, "number": number, "question": question, "answer": "circle",
                         "written": text, "hit": text == "circle", "words": len(text.split()),
                         "picture": picture, "source": "scenes, generated"}
                    )  # fmt: skip
    return made


def test_the_figure_of_dialogues_has_a_line_for_each_question_and_a_column_for_each_level(tmp_path):
    """Whatever was written is drawn as text and not as a formula."""
    drawing = dialogues(rows(), experiment="scenes", origin="virtual")
    assert len(drawing.numbers) == 32 and "picture" not in drawing.numbers[0]
    said = [" ".join(text.get_text().split()) for text in drawing.figure.texts]
    assert sum(text.startswith("U = ") for text in said) == 8
    assert any(text.startswith("test data: scenes, generated; n = 2 pictures") for text in said)
    assert "(nothing)" in said and any("$5 ??" in text for text in said)
    own = [row for row in rows() if (row["number"], row["question"]) != (1, "How many are there?")]
    assert len(dialogues(own, experiment="coco", origin="virtual").numbers) == 24, "pictures of MSCOCO differ"
    drawing.figure.savefig(tmp_path / "a.png")
    assert Image.open(io.BytesIO((tmp_path / "a.png").read_bytes())).size[0] > 1000


def test_pictures_that_are_shown_have_different_answers_though_they_lie_class_by_class():
    """Else all of CIFAR-10's would be planes."""
    answers = torch.arange(8).repeat_interleave(5)[:, None]
    assert shown_of(answers).tolist() == [0, 5, 10, 15, 20, 25]
    assert shown_of(torch.zeros(9, 1, dtype=torch.long)).tolist() == [0, 1, 2, 3, 4, 5], (
        "others, from the front"
    )
    assert shown_of(torch.tensor([[-1, 2], [-1, -1], [-1, 2], [0, -1]])).tolist() == [0, 1, 2, 3]
    assert shown_of(torch.tensor([[4, 0, 0]])).tolist() == [0]
