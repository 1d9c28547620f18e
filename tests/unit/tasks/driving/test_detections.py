"""From outputs to scores: noisy outputs, bounds, what the task keeps for its figure, and the figure."""

import math
import time
from dataclasses import replace

import numpy as np
import pytest
import torch

from codesign.evaluation.montecarlo import EvaluationPlan, evaluate
from codesign.models.normalisation import normalisations, taking_statistics
from codesign.nonideality.levels import Trend, synthetic_profiles
from codesign.tasks.contract import batches, mapped
from codesign.tasks.driving.anchors import PER_PLACE, anchor_boxes, targets_of
from codesign.tasks.driving.detections import (
    CANDIDATES_AN_ANCHOR,
    LEAST_SCORE,
    MOST,
    detections_of,
    scored,
)
from codesign.tasks.driving.figures import scene as drawn
from codesign.tasks.driving.network import Output
from codesign.tasks.driving.scores import PrecisionScorer, metric_names
from codesign.tasks.driving.task import STATISTICS, TASK, area_of
from tests.unit.tasks.driving.conftest import SMALL


def logit(score):
    return math.log(score / (1 - score))


def silent(area, scenes=1):
    anchors = len(anchor_boxes(area))
    return Output(
        torch.full((scenes, anchors, 3), -9.0),
        torch.zeros(scenes, anchors, 7),
        torch.zeros(scenes, anchors, 2),
    )


def place(area, x, y, *, kind=0, turn=0):
    """Number of the anchor of a class and yaw nearest to x, y."""
    column, row = int(x / area.apart_m), int((y + area.sideways_m) / area.apart_m)
    return (row * (area.columns // area.stride) + column) * PER_PLACE + 2 * kind + turn


def test_detections_are_the_anchors_above_the_least_score(area):
    """By score, one of two that overlap, of the class with the larger logit."""
    output = silent(area, 2)
    output.scores[0, place(area, 10, 0), 0] = logit(0.6)
    output.scores[0, place(area, 10.6, 0), 0] = logit(0.5)
    output.scores[0, place(area, 20, 5, kind=1), 1] = logit(0.8)
    output.scores[0, place(area, 30, 5, kind=2), :] = torch.tensor([-9, logit(0.3), logit(0.4)])
    output.scores[1, place(area, 30, -5), 0] = logit(LEAST_SCORE - 0.001)
    found = detections_of(output, area)
    assert found.scenes.tolist() == [0, 0, 0] and found.kinds.tolist() == [1, 0, 2]
    assert found.scores.tolist() == pytest.approx([0.8, 0.6, 0.4])
    expected = anchor_boxes(area)[place(area, 10, 0)].tolist()
    np.testing.assert_allclose(found.boxes[1], [*expected[:6], math.pi])


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_answers_that_are_no_number_are_no_detections(area, value):
    """In a score or in a code; the others stay."""
    output = silent(area)
    for k, x in enumerate((10, 20, 30)):
        output.scores[0, place(area, x, 0), 0] = logit(0.9 - 0.1 * k)
    output.codes[0, place(area, 10, 0), 0] = value
    output.scores[0, place(area, 20, 0), 0] = value if value != math.inf else math.nan
    found = detections_of(output, area)
    assert found.scores.tolist() == pytest.approx([0.7]) and np.isfinite(found.boxes).all()


def test_noisy_networks_are_bounded_in_number_and_time(area):
    """Every anchor above the least score in eight scenes: the best ones of each, in a few seconds."""
    generator = torch.Generator().manual_seed(3)
    output = silent(area, 8)
    output.scores.copy_(torch.randn(output.scores.shape, generator=generator))
    output.codes.copy_(torch.randn(output.codes.shape, generator=generator))
    start = time.process_time()
    found = detections_of(output, area)
    assert time.process_time() - start < 8
    counts = np.bincount(found.scenes)
    assert (counts <= min(MOST, CANDIDATES_AN_ANCHOR * output.scores.shape[1])).all() and counts.min() > 50
    best = torch.sigmoid(output.scores.max(dim=2).values.max(dim=1).values)
    firsts = [found.scores[found.scenes == scene][0] for scene in range(8)]
    np.testing.assert_allclose(firsts, best, rtol=1e-5)


def test_the_share_of_candidates_is_the_published_one():
    """4096 of the published area's anchors."""
    anchors = len(anchor_boxes(area_of({"area": "full", "stride": 2})))
    assert round(CANDIDATES_AN_ANCHOR * anchors) == 4096


def test_scores_do_not_depend_on_the_batches(settings, telling):
    """One scene after the other, and all at once; an answer that is no number has a score."""
    (test,) = TASK.examples(settings(test_size=5), "test")
    found = []
    for size in (1, 2, 5):
        scorer = PrecisionScorer()
        for batch in batches(TASK, test, size, device=torch.device("cpu")):
            output = telling(targets_of(batch))
            scorer.update(output._replace(codes=output.codes + 0.05), batch)
        found.append(scorer.compute())
    assert found[0] == found[1] == found[2] and list(found[0]) == metric_names()
    assert 0 < found[0]["bev-moderate"] < 1
    scorer.update(mapped(lambda each: torch.full_like(each, torch.nan), output), batch)
    assert all(0 <= value <= 1 for value in scorer.compute().values())


LEVELS = synthetic_profiles([1.0, 0.6], Trend(0.14, 0.7, 9, "measured"), min_operative_fraction=0.35)


@pytest.mark.parametrize("analog", ["weights", "all"])
def test_a_network_scored_against_its_own_answers_loses_by_programming_alone(settings, analog):
    """What the clean network detects is what is there: 1 on an ideal chip, less on others, nothing kept."""
    options = SMALL | {"width": 0.125, "layers": [1, 1, 1]}
    (test,) = TASK.examples(settings(test_size=2), "test")
    network = TASK.network("pointpillars", options, settings(), torch.Generator().manual_seed(3))
    with torch.no_grad():
        network.module.heads.score.weight.mul_(20)
        network.module.heads.score.bias.fill_(-4.0)
    network.module.eval()
    batch = test.chosen(torch.arange(2))
    with torch.no_grad(), taking_statistics(normalisations(network)):
        network.module(batch)
    before = {name: value.clone() for name, value in network.module.state_dict().items()}
    with torch.no_grad():
        found = detections_of(network.module(batch), batch.area)
    own = scored(found, batch, first=0)
    assert 10 < len(found.scenes) < 900 and len(set(found.kinds)) == 3
    nothing = torch.zeros(len(found.scenes), dtype=torch.long)
    answered = replace(
        test,
        kinds=torch.from_numpy(found.kinds), boxes=torch.from_numpy(found.boxes).float(),
        upright=torch.from_numpy(own.boxes), heights_px=torch.from_numpy(own.heights_px),
        occlusion=nothing, truncation=nothing.double(), counts=nothing + 1,
        object_starts=torch.from_numpy(np.searchsorted(found.scenes, [0, 1, 2])),
    )  # fmt: skip
    plan = EvaluationPlan(
        experiment="driving", method="erm", network="pointpillars", stands_for="level",
        memsim={"mapping": "relative", "analog": analog}, noises=["lognormal"], programmings=(0, 1),
        metrics=metric_names(), calibrations=("none", "statistics"),
    )  # fmt: skip
    rows = evaluate(network, TASK, answered, LEVELS, plan, calibrating=batch, progress=False)
    assert len(rows) == 2 * 2 * 2 * len(metric_names())
    primary = [row for row in rows if row["metric"] == "bev-moderate"]
    assert [row["value"] for row in primary if row["level"] == 1.0] == pytest.approx([1.0] * 4, abs=0.02)
    noisy = [row["value"] for row in primary if row["level"] == 0.6]
    assert len(set(noisy)) == 4 and all(0 <= value < 0.9 for value in noisy)
    assert all(torch.equal(value, before[name]) for name, value in network.module.state_dict().items())


def test_parts_differ_and_repeat_themselves(settings, tmp_path):
    """Validation scenes stand beside the training ones; what is kept is what was made."""
    made = TASK.examples(settings(), "train", "validation", "test")
    assert [len(part) for part in made] == [4, 1, 3]
    again = TASK.examples(settings(cache=tmp_path), "train", "validation", "test")
    kept = TASK.examples(settings(cache=tmp_path), "train", "validation", "test")
    for one, two, three in zip(made, again, kept, strict=True):
        assert torch.equal(one.points, two.points) and torch.equal(one.upright, three.upright)
        assert (one.source.dataset, one.source.obtained) == ("synthetic scanner", "generated")
        assert "synthetic" in one.source.variant
    clouds = {part[k].points.numpy().tobytes() for part in made for k in range(len(part))}
    assert len(clouds) == 8


def test_pillars_are_made_once_where_scenes_stay_as_they_are(settings):
    """Test scenes come with them; training scenes may still be changed."""
    train, test = TASK.examples(settings(pasted=2), "train", "test")
    assert test[0].pillars is not None and train[0].pillars is None
    assert train.pool is not None and test.pool is None
    batch = TASK.augment(train[0], {"flip": True, "pasted": 3}, torch.Generator().manual_seed(0))
    assert len(batch.kinds) >= len(train[0].kinds)


def test_statistics_are_of_a_few_scenes(settings):
    """Forty have half a million places each channel is seen at."""
    (train,) = TASK.examples(settings(train_size=STATISTICS + 5), "train")
    chosen = TASK.representative(train, 1000, torch.Generator().manual_seed(1))
    assert len(chosen) == STATISTICS == len(set(chosen.tolist()))


def test_other_networks_are_refused(settings):
    """There is one."""
    with pytest.raises(ValueError, match="driving has the network pointpillars, got 'yolo'"):
        TASK.network("yolo", {}, settings(), None)


def test_details_are_of_the_scene_with_the_most_to_see(settings, telling):
    """Points, objects, detections; the same scene whatever the batches."""
    (test,) = TASK.examples(settings(test_size=6), "test")
    found = []
    for size in (2, 6):
        scorer = PrecisionScorer(details=True)
        assert scorer.details() == []
        for batch in batches(TASK, test, size, device=torch.device("cpu")):
            scorer.update(telling(targets_of(batch)), batch)
        found.append(scorer.details())
    assert len(found[0]) == len(found[1])
    counts = {what: sum(row["what"] == what for row in found[0]) for what in ("point", "object", "detection")}
    assert counts["point"] > 1000 and counts["object"] > 2 and counts["detection"] > 2
    assert {row["scene"] for row in found[0]} == {"synthetic scanner"}
    kinds = {row["kind"] for row in found[0] if row["what"] == "object"}
    assert {"car", "pedestrian", "cyclist"} <= kinds


def test_the_figure_counts_what_is_found(settings, telling):
    """ERM sees everything, BayesMulti nothing and one thing that is not there."""
    (test,) = TASK.examples(settings(test_size=3), "test")
    (batch,) = batches(TASK, test, 3, device=torch.device("cpu"))
    batch.boxes[torch.searchsorted(batch.scenes, torch.arange(3)), 0] = 55.0  # as far as KITTI has them
    output = telling(targets_of(batch))
    area = batch.area
    outputs = {"erm": output, "bayesmulti": silent(area, 3)}
    outputs["bayesmulti"].scores[:, place(area, 39, -19), 0] = logit(0.7)
    rows = []
    for method, said in outputs.items():
        scorer = PrecisionScorer(details=True)
        scorer.update(said, batch)
        for level in (1.0, 0.6):
            shared = {"method": method, "profile": "p", "level": level, "usability": level, "programming": 0}
            rows += [shared | row for row in scorer.details()]
    drawing = drawn(rows, experiment="driving", origin="virtual")
    farthest = max(row["x"] + row["length"] / 2 for row in drawing.numbers if row["what"] == "object")
    assert farthest > 55 and all(
        axes.get_ylim()[1] >= farthest for axes in drawing.figure.axes if axes.get_title(loc="left")
    )
    titles = [axes.get_title(loc="left") for axes in drawing.figure.axes]
    titles = [title for title in titles if title]
    objects = [row for row in drawing.numbers if row["what"] == "object" and row["kind"] != "van"]
    seen = [row for row in objects if row["x"] < 40 and abs(row["y"]) < 20]
    assert titles == ["ERM, U = 1", "ERM, U = 0.6", "BayesMulti, U = 1", "BayesMulti, U = 0.6"]
    counts = [text.get_text() for axes in drawing.figure.axes for text in axes.texts]
    assert counts[0].endswith("found, 0 more") and counts[2] == f"0 of {len(objects)} found, 1 more"
    assert 0 < int(counts[0].split(" of ")[0]) <= len(seen)
    texts = " ".join(text.get_text() for text in drawing.figure.texts)
    assert "synthetic scanner" in texts
    assert {row["what"] for row in drawing.numbers} == {"point", "object", "detection"}
    assert sum(row["what"] == "point" for row in drawing.numbers) == sum(
        row["what"] == "point" for row in rows if (row["method"], row["level"]) == ("erm", 1.0)
    )
