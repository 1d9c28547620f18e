"""Figures of the crossbar draw the numbers they are given, and say where they come from."""

import re

import numpy as np
import pytest

from codesign.crossbar.energy import ReadPulse, constant_rows, designs_of, energy_of
from codesign.crossbar.summary import error_histogram, summarise_runs
from codesign.figures.crossbar import (
    PAPER_DROP,
    draw_conductance_map,
    draw_crossbar_accuracy,
    draw_crossbar_errors,
)
from codesign.figures.energy import draw_energy

SAID = {"evidence": "simulated", "device": "modelled on virtual-0001 (virtual), U = 0.60"}
PULSE = ReadPulse(0.2, 50e-9)


@pytest.fixture
def rows(record_row):
    """Three runs of two methods."""
    return [
        record_row(method, run, software=0.95, array=0.9 - loss * run)
        for method, loss in (("erm", 0.1), ("bayesmulti", 0.02))
        for run in (1, 2, 3)
    ]


def _accuracy(rows, *, dataset="two moons", chance=0.5, reported=PAPER_DROP, **said):
    options = {"evidence": said["evidence"], "resamples": 100, "confidence": 0.95, "seed": 1}
    summary = summarise_runs(rows, **options)
    task = {"dataset": dataset, "chance": chance, "reported": reported}
    return draw_crossbar_accuracy(rows, summary, confidence=0.95, **task, **said), summary


def test_every_run_is_a_line_from_software_to_array(rows, texts, inside):
    """Means and intervals are the summary's; the paper's drops stand beside."""
    drawing, summary = _accuracy(rows, **SAID)
    pairs, cost = drawing.figure.axes
    for method in ("erm", "bayesmulti"):
        mine = [row for row in rows if row["method"] == method]
        lines = [line.get_ydata().tolist() for line in pairs.lines if line.get_gid() == f"run {method}"]
        assert sorted(lines) == sorted([row["software_accuracy"], row["array_accuracy"]] for row in mine)
    means = {line.get_ydata()[0] for line in cost.lines if line.get_gid() == "mean"}
    assert means == {
        row["mean"] for row in summary if row["quantity"] == "drop" and row["method"] != "difference"
    }
    paper = {line.get_ydata()[0] for line in cost.lines if line.get_gid() == "paper"}
    assert paper == set(PAPER_DROP.values())
    said = texts(drawing.figure)
    assert any("n = 3 runs" in text for text in said) and any("simulated" in text for text in said)
    assert not inside(drawing.figure)
    assert len(drawing.numbers) == len(rows) + 2


@pytest.mark.parametrize(
    ("erm", "said"),
    [
        (0.1, r"\+0\.160 \(\+0\.\d+ to \+0\.\d+: BayesMulti is ahead\)"),
        (-0.02, r"-0\.080 \(-0\.\d+ to -0\.\d+: ERM stays ahead\)"),
        (0.02, r"\+0\.000 \(\+0\.000 to \+0\.000: not told apart\)"),
    ],
)
def test_the_figure_says_who_is_ahead_on_the_array(record_row, texts, inside, erm, said):
    """By the paired difference and its interval, also where it is not the paper's method."""
    rows = [
        record_row(method, run, software=0.95, array=0.9 - loss * run)
        for method, loss in (("erm", erm), ("bayesmulti", 0.02))
        for run in (1, 2, 3)
    ]
    drawing, _ = _accuracy(rows, **SAID)
    pattern = re.compile(f"BayesMulti - ERM, run by run: as programmed {said}")
    assert any(pattern.search(text) for text in texts(drawing.figure))
    assert not inside(drawing.figure)


def test_calibrated_networks_are_drawn_beside_those_as_programmed(rows, record_row, texts, inside):
    """Each run's line goes on to its calibrated accuracy; losses stand beside those as programmed."""
    more = [
        record_row(
            row["method"], row["run"], software=0.95, array=0.93 - 0.01 * row["run"], calibration="offset"
        )
        for row in rows
    ]
    drawing, summary = _accuracy([*rows, *more], **SAID)
    pairs, cost = drawing.figure.axes
    for method in ("erm", "bayesmulti"):
        mine = sorted(
            [row["software_accuracy"], row["array_accuracy"], 0.93 - 0.01 * row["run"]]
            for row in rows
            if row["method"] == method
        )
        lines = [line.get_ydata().tolist() for line in pairs.lines if line.get_gid() == f"run {method}"]
        assert sorted(lines) == mine
    means = [line.get_ydata()[0] for line in cost.lines if line.get_gid() == "mean"]
    drops = {(row["method"], row["calibration"]): row["mean"] for row in summary if row["quantity"] == "drop"}
    order = [(method, kind) for method in ("erm", "bayesmulti") for kind in ("none", "offset")]
    assert means == [drops[key] for key in order]
    labels = [label.get_text() for label in cost.get_xticklabels()]
    assert labels == ["ERM", "ERM\ncalibrated", "BayesMulti", "BayesMulti\ncalibrated"]
    said = texts(drawing.figure)
    assert any("calibrated with 3 training examples: hollow" in text for text in said)
    assert not inside(drawing.figure)
    assert [number["calibration"] for number in drawing.numbers].count("offset") == len(more)


def test_the_map_counts_each_cell_once(rows, record_row):
    """A calibrated row has the same cells."""
    more = [record_row(row["method"], row["run"], calibration="offset") for row in rows]
    given = {"run": 2, "array": (10, 10), "tolerance_s": 5e-8}
    assert (
        draw_conductance_map([*rows, *more], **given, **SAID).numbers
        == draw_conductance_map(rows, **given, **SAID).numbers
    )


def test_another_task_has_its_own_words_and_chance_and_nothing_of_the_paper(rows, texts):
    """The paper's losses are of two moons."""
    for row in rows:
        row["cell_layer"] = [*row["cell_layer"], 3]
    drawing, _ = _accuracy(rows, dataset="scikit-learn digits", chance=0.1, reported={}, **SAID)
    said = texts(drawing.figure)
    assert any(text.startswith("scikit-learn digits, two hidden layers;") for text in said)
    assert "chance 0.1" in said and "paper" not in said
    assert not any("moons" in text for text in said)
    assert {number["chance"] for number in drawing.numbers} == {0.1}


def test_a_measured_record_says_measured_and_not_simulated(rows, texts):
    """The badge follows the evidence."""
    drawing, _ = _accuracy(rows, evidence="measured", device="chip 3")
    said = texts(drawing.figure)
    assert "measured" in said and not any("simulated" in text for text in said)


@pytest.mark.parametrize("evidence", ["virtual-lab", "real"])
def test_other_evidence_is_refused(rows, evidence):
    """An unlabelled figure is worse than none."""
    with pytest.raises(ValueError, match=evidence):
        _accuracy(rows, evidence=evidence, device="x")


def test_errors_are_the_histogram_bin_by_bin(rows, inside, texts):
    """Shares of multiplications, one panel a layer."""
    histogram = error_histogram(rows, bins=11)
    drawing = draw_crossbar_errors(histogram, **SAID)
    assert len(drawing.figure.axes) == 2
    for axes, layer in zip(drawing.figure.axes, (1, 2), strict=True):
        for method in ("erm", "bayesmulti"):
            mine = [line for line in histogram if (line["layer"], line["method"]) == (layer, method)]
            [steps] = [patch for patch in axes.patches if patch.get_gid() == method]
            assert steps.get_data().values.tolist() == [line["count"] / line["n"] for line in mine]
    assert any("mean +" in text or "mean -" in text for text in texts(drawing.figure))
    assert not inside(drawing.figure)


def test_the_map_shows_every_cell_where_it_lies(rows, inside, texts):
    """Squares without a weight are empty; the scatter has all cells of all runs."""
    drawing = draw_conductance_map(rows, run=2, array=(10, 10), tolerance_s=5e-8, **SAID)
    images = {}
    for axes in drawing.figure.axes:
        for image in axes.images:
            images.setdefault(image.get_gid(), []).append(image.get_array())
    # conductances of at most 1.01e-6 S are read in µS or nS by their largest
    row = next(row for row in rows if (row["method"], row["run"]) == ("erm", 2))
    shown = np.ma.filled(images["target"][0], np.nan)
    assert np.isfinite(shown).sum() == 16
    for r, c, target in zip(row["cell_row"], row["cell_column"], row["cell_target_s"], strict=True):
        assert shown[r, c] == pytest.approx(1e9 * target)
    difference = np.ma.filled(images["difference"][0], np.nan)
    assert np.nanmax(difference) == pytest.approx(1e7 * max(row["cell_target_s"]))
    scatter = drawing.figure.axes[0]
    assert (
        sum(len(line.get_xdata()) for line in scatter.lines if line.get_gid() in ("erm", "bayesmulti")) == 96
    )
    assert any("100.0 % within 50 nS" in text for text in texts(drawing.figure))
    assert not inside(drawing.figure)


def _energy(conductance_s=5e-6):
    designs = designs_of([(2, 6), (10, 4)], 0.01, array=(10, 10), pulse=PULSE, network="moons network")
    return energy_of(designs, conductance_s=conductance_s, pulse=PULSE, evidence="simulated")


@pytest.mark.parametrize("conductance_s", [5e-8, 5e-6, 1e-3], ids=["nS", "µS", "mS"])
def test_bars_add_up_to_the_energy_of_a_multiply_accumulate(conductance_s, inside):
    """Every component a bar; references where their table has them."""
    rows = _energy(conductance_s)
    drawing = draw_energy(rows, constant_rows(), **SAID)
    bars, points = drawing.figure.axes
    total = sum(patch.get_width() for patch in bars.patches)
    assert total == pytest.approx(1e12 * sum(row["energy_j"] for row in rows))
    drawn = {line.get_xdata()[0] for line in points.lines if line.get_gid() == "everything"}
    assert drawn == {row["gops_per_w"] for row in rows}
    marks = {
        line.get_gid(): line.get_xdata()[0] for line in points.lines if line.get_gid() in ("paper", "v100")
    }
    assert marks == {"paper": 27548.0, "v100": 100.0}
    assert not inside(drawing.figure)
    assert {tuple(number) for number in drawing.numbers} == {tuple(drawing.numbers[0])}


def test_nothing_to_draw_is_said(rows):
    """An empty figure would look like a result of zero."""
    with pytest.raises(ValueError, match="no network"):
        _accuracy([], **SAID)
    with pytest.raises(ValueError, match="no error"):
        draw_crossbar_errors([], **SAID)
    with pytest.raises(ValueError, match="no run 9"):
        draw_conductance_map(rows, run=9, array=(10, 10), tolerance_s=1e-8, **SAID)
    with pytest.raises(ValueError, match="no design"):
        draw_energy([], [], **SAID)
    with pytest.raises(ValueError, match="one read pulse"):
        draw_energy([*_energy(), _energy()[0] | {"pulse_s": 1e-3}], [], **SAID)
