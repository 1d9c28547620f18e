"""Figures of trained networks draw the tables they are given and average nothing."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from codesign.bayesmulti.error import NoiseError
from codesign.bayesmulti.methods import method_names, method_of
from codesign.evaluation.lookup import agreement
from codesign.evaluation.readings import READINGS, predictions
from codesign.evaluation.statistics import summarise
from codesign.figures.baselines import BaselineScore, _apart
from codesign.figures.correlation import draw_correlation
from codesign.figures.device_scores import draw_device_scores
from codesign.figures.fidelity import draw_fidelity_scores
from codesign.figures.methods import counted, in_order, look_of_method
from codesign.figures.scores import draw_calibrated, draw_scores, leading
from codesign.schemas.evaluation import EVALUATION
from codesign.tasks.about import Metric

ACCURACY = Metric("accuracy", "accuracy", "higher", 0.1)
SHARED = {"metric": ACCURACY, "confidence": 0.95, "origin": "virtual", "data": "digits"}
LEVELS = (0.2, 0.6, 1.0)
METHODS = method_names()
OURS = ("erm", "dropout", "gaussian", "lognormal", "bayesmulti-fixed", "bayesmulti")


def _scores(
    methods, *, stands_for, profiles, noises=("lognormal",), programmings=4, experiment="t", **values
):
    rng = np.random.default_rng(5)
    return [
        dict.fromkeys(EVALUATION.names)
        | {"experiment": experiment, "method": method, "network": "mlp", "stands_for": stands_for}
        | {"profile": profile, "level": u if stands_for == "level" else None, "usability": u}
        | {"fidelity": u**0.3}
        | {"noise": noise, "programming": number, "calibration": "none"}
        | {"metric": "accuracy", "value": float(rng.uniform(0.1 + 0.5 * u, 1.0))}
        | values
        for method in methods
        for profile, u in profiles
        for noise in noises
        for number in range(programmings)
    ]


def _summary(rows):
    return summarise(rows, baseline="erm", resamples=50, confidence=0.95, seed=1)


def _levels(methods, **options):
    profiles = [(f"synthetic-{u}", u) for u in LEVELS]
    return _summary(_scores(methods, stands_for="level", profiles=profiles, **options))


def _calibrated(methods, kinds=("none", "offset", "statistics"), **options):
    return [row for kind in kinds for row in _levels(methods, calibration=kind, **options)]


def _on_devices(methods, count, **options):
    profiles = [(f"d-{k:03d}", 0.05 + 0.9 * k / max(count, 1)) for k in range(count)]
    noises = ("lognormal", "resampled")
    return _summary(_scores(methods, stands_for="device", profiles=profiles, noises=noises, **options))


def _close(values, step):
    """Whether neighbours are at least `step` apart."""
    return all(later - earlier >= step - 1e-9 for earlier, later in pairwise(values))


@given(
    st.lists(st.floats(0, 1), min_size=1, max_size=8).map(sorted),
    st.floats(0.01, 0.1),
)
def test_labels_of_baselines_keep_apart_in_their_order(values, step):
    """Within the axes, at least their height apart, and where they were if nothing is near."""
    places = _apart(values, step, 0.0, 1.0)
    assert len(places) == len(values) and places == sorted(places) and _close(places, step)
    assert places[0] >= -1e-9 and places[-1] <= 1 + 1e-9
    if _close(values, step):
        assert places == pytest.approx(values, abs=1e-8)  # some may lack 1e-9 to their neighbour


NEAR = BaselineScore("nearest neighbour", 0.97), BaselineScore("majority", 0.05)


@pytest.mark.parametrize(
    "draw",
    [
        lambda **said: draw_scores(_levels(["erm", "bayesmulti"]), **said),
        lambda **said: draw_device_scores(_on_devices(["erm", "bayesmulti"], 5), [], **said),
        lambda **said: draw_fidelity_scores(_both(["erm", "bayesmulti"], 5), [], **said),
        lambda confidence, **said: draw_calibrated(_calibrated(["erm", "bayesmulti"]), **said),
    ],
    ids=["levels", "devices", "fidelity", "calibrated"],
)
def test_what_needs_no_network_is_a_line_in_every_panel_of_scores(draw, texts):
    """At its value, within the axes, named; the numbers drawn have a row each."""
    plain, drawing = draw(**SHARED), draw(**SHARED, baselines=NEAR)
    panels = [axes for axes in drawing.figure.axes if any(line.get_gid() == "chance" for line in axes.lines)]
    for axes in panels:
        at = {
            line.get_gid(): line.get_ydata()[0]
            for line in axes.lines
            if str(line.get_gid()).startswith("baseline")
        }
        assert at == {f"baseline {each.title}": each.value for each in NEAR}
        low, high = axes.get_ylim()
        assert low < 0.05 and high > 0.97
        shown = {text.get_text() for text in axes.texts}
        assert {"nearest neighbour 0.970", "majority 0.050"} <= shown
    assert panels and "without a network" in " ".join(texts(drawing.figure))
    assert "without a network" not in " ".join(texts(plain.figure))
    assert drawing.numbers[: len(plain.numbers)] == plain.numbers
    rows = drawing.numbers[len(plain.numbers) :]
    assert [(row["method"], row["mean"]) for row in rows] == [
        (f"without a network: {each.title}", each.value) for each in NEAR
    ]
    assert {tuple(row) for row in drawing.numbers} == {tuple(plain.numbers[0])}


def test_every_method_has_a_look_of_its_own():
    """Colour, marker and line each tell this project's methods apart, for whoever cannot use one of them."""
    looks = {name: look_of_method(name) for name in METHODS}
    ours = [looks[name] for name in OURS]
    for part in ("colour", "marker", "line"):
        assert len({str(getattr(look, part)) for look in ours}) == len(ours)
    assert len({(look.colour, look.marker, str(look.line)) for look in looks.values()}) == len(looks)
    assert {name for name in OURS if looks[name].prominent} == {"erm", "bayesmulti"}
    with pytest.raises(NoiseError, match="adam"):
        look_of_method("adam")
    assert in_order([*OURS, "erm"]) == [
        "erm", "dropout", "gaussian", "lognormal", "bayesmulti", "bayesmulti-fixed",
    ]  # fmt: skip
    assert (counted([10, 10]), counted([8, 10, 9])) == ("10", "8 to 10")


def test_accuracy_is_the_summary_point_by_point():
    """Means, bands and differences are drawn as tabulated."""
    rows = _levels(list(METHODS))
    drawing = draw_scores(rows[::-1], **SHARED)
    score, gain = drawing.figure.axes
    shown = leading([name for name in METHODS if name != "erm"], rows, metric=SHARED["metric"])
    assert "bayesmulti" in shown and len([n for n in shown if not look_of_method(n).prominent]) == 2
    for name in METHODS:
        mine = sorted((row for row in rows if row["method"] == name), key=lambda row: row["usability"])
        [line] = [line for line in score.lines if line.get_gid() == name]
        assert line.get_ydata().tolist() == [row["mean"] for row in mine]
        assert line.get_xdata().tolist() == list(LEVELS)
        [band] = [band for band in score.collections if band.get_gid() == f"std {name}"]
        if look_of_method(name).prominent:
            reached = band.get_paths()[0].vertices[:, 1]
            ends = [row["mean"] + sign * row["std"] for row in mine for sign in (-1, 1)]
            assert (reached.min(), reached.max()) == (pytest.approx(min(ends)), pytest.approx(max(ends)))
        else:
            assert not band.get_paths()
        if name not in shown:
            assert not [line for line in gain.lines if line.get_gid() == name]
            continue
        [line] = [line for line in gain.lines if line.get_gid() == name]
        assert line.get_ydata().tolist() == [row["difference"] for row in mine]
        [bars] = [bars for bars in gain.collections if bars.get_gid() == f"interval {name}"]
        assert [tuple(bar[:, 1]) for bar in bars.get_segments()] == [
            (row["difference_low"], row["difference_high"]) for row in mine
        ]
        assert bars.get_segments()[0][0, 0] == pytest.approx(LEVELS[0], abs=0.03)
    assert len(drawing.numbers) == len(METHODS) * len(LEVELS)


@pytest.mark.parametrize("better", ["higher", "lower"])
def test_the_best_rivals_are_those_that_gain_most(better, texts):
    """Over levels, in the metric's own sense; they and what the figure is about are named at their lines."""
    gains = {"dropout": 0.3, "gaussian": 0.1, "lognormal": 0.2, "bayesmulti": 0.15}
    sign = 1 if better == "higher" else -1
    rows = [
        row | {"difference": sign * gains[row["method"]] if row["method"] in gains else row["difference"]}
        for row in _levels(["erm", *gains])
    ]
    metric = Metric("accuracy", "accuracy", better, 0.1)
    assert leading([*gains], rows, metric=metric) == ["dropout", "lognormal", "bayesmulti"]
    [gain] = draw_scores(rows, **SHARED | {"metric": metric}).figure.axes[1:]
    assert {text.get_text() for text in gain.texts} == {
        method_of(name).title for name in ("dropout", "lognormal", "bayesmulti")
    }


def test_accuracy_says_chance_n_data_and_origin(texts):
    """What a reader needs to weigh a difference."""
    drawing = draw_scores(_levels(["erm", "bayesmulti"], programmings=7), **SHARED)
    said = texts(drawing.figure)
    assert any("n = 1 training × 7 programmings" in text and "digits" in text for text in said)
    assert "chance 0.1" in said
    assert any("virtual laboratory" in text for text in said)
    [line] = [line for line in drawing.figure.axes[0].lines if line.get_gid() == "chance"]
    assert line.get_ydata()[0] == 0.1


@pytest.mark.parametrize("better", ["higher", "lower"])
def test_axes_say_where_lower_is_better_and_chance_only_where_there_is_one(better, texts):
    """An error may have no value of a network that learnt nothing; then no line and no word stand for it."""
    error = Metric("error", "error per atom / meV", better)
    levels = _levels(["erm", "bayesmulti"], metric="error")
    devices = _on_devices(["erm", "bayesmulti"], 3, metric="error")
    drawings = (
        draw_scores(levels, **SHARED | {"metric": error}),
        draw_device_scores(devices, [], **SHARED | {"metric": error}),
    )
    worse = " (lower is better)" if better == "lower" else ""
    score, difference = (
        f"error per atom / meV on test data{worse}",
        "difference in error per atom / meV to ERM",
    )
    for drawing, ylabels in zip(drawings, ([score, difference + worse], [score, score]), strict=True):
        assert [axes.get_ylabel().replace("\n", " ") for axes in drawing.figure.axes] == ylabels
        assert not any("chance" in text for text in texts(drawing.figure))
        assert not [line for axes in drawing.figure.axes for line in axes.lines if line.get_gid() == "chance"]
        assert {number["chance"] for number in drawing.numbers} == {None}
        assert {number["metric"] for number in drawing.numbers} == {"error"}


LONG = Metric("rmse", "root mean square error of predicted tension", "lower", 0.5)
"""A title of forty letters and more, as units and words make it."""


def _figures_of(metric, device_row):
    """Every figure of the networks that has a metric's title."""
    shared = SHARED | {"metric": metric, "data": "x-ray intensities of all samples, divided by experiment"}
    named = {"metric": metric.name, "experiment": "tension-of-wires"}
    names = ["one", "tension-of-wires", "three", "four"]
    correlated = _correlated(device_row, names[:3], 8, metric=metric.name)
    return {
        "scores": lambda: draw_scores(_levels(list(METHODS), **named), **shared),
        "calibrated": lambda: draw_calibrated(
            _calibrated(list(METHODS), **named),
            **{key: value for key, value in shared.items() if key != "confidence"},
        ),
        "devices": lambda: draw_device_scores(_on_devices(["erm", "bayesmulti"], 6, **named), [], **shared),
        "correlation": lambda: draw_correlation(
            *correlated, experiments=dict.fromkeys(names, metric), confidence=0.95, origin="virtual"
        ),
    }


@pytest.mark.parametrize("metric", [ACCURACY, LONG], ids=["short", "long"])
@pytest.mark.parametrize("name", ["scores", "calibrated", "devices", "correlation"])
def test_no_text_leaves_the_figure_or_runs_over_its_header(name, metric, covered, device_row):
    """A metric's title comes from a task, and is as long as it is."""
    figure = _figures_of(metric, device_row)[name]().figure
    assert covered(figure) == []
    for axes in figure.axes:
        assert axes.yaxis.label.get_window_extent().height <= axes.bbox.height + 1, axes.get_ylabel()
        assert "…" not in axes.get_ylabel()


CALIBRATED = {key: value for key, value in SHARED.items() if key != "confidence"}


@pytest.mark.parametrize("kinds", [("none", "offset"), ("none", "scale", "offset", "statistics")], ids=len)
def test_calibrated_scores_stand_beside_those_without(kinds, texts):
    """A panel a kind with every method, uncalibrated first, on the same limits; numbers of the summary."""
    rows = _calibrated(list(METHODS), kinds)
    values = {id(row): k for k, row in enumerate(rows)}
    rows = [row | {"mean": 0.3 + 0.001 * values[id(row)]} for row in rows]
    drawing = draw_calibrated(rows[::-1], **CALIBRATED)
    assert len(drawing.figure.axes) == len(kinds)
    for axes, kind in zip(drawing.figure.axes, kinds, strict=True):
        assert axes.get_ylim() == drawing.figure.axes[0].get_ylim()
        for name in METHODS:
            wanted = sorted(
                (row for row in rows if (row["calibration"], row["method"]) == (kind, name)),
                key=lambda row: row["usability"],
            )
            [line] = [line for line in axes.lines if line.get_gid() == name]
            assert line.get_ydata().tolist() == [row["mean"] for row in wanted]
    assert len(drawing.numbers) == len(kinds) * len(METHODS) * len(LEVELS)
    assert len([axes for axes in drawing.figure.axes if axes.get_legend()]) == 1
    assert "a  as programmed" in texts(drawing.figure)


def test_a_network_that_can_have_no_calibration_has_one_panel_that_says_so(texts):
    """Statistics are asked for, and it has no batch normalisation."""
    drawing = draw_calibrated(_levels(["erm"]), **CALIBRATED)
    assert len(drawing.figure.axes) == 1
    assert "no calibration that this network can have" in texts(drawing.figure)


def test_figures_say_what_calibration_noise_was_chosen_with(texts):
    """Where it is more than programming."""
    levels = _calibrated(["erm", "bayesmulti"])
    for draw, shared in ((draw_scores, SHARED), (draw_calibrated, CALIBRATED)):
        found = " ".join(texts(draw(levels, **shared, chosen_with="offset").figure))
        assert "; noise chosen with gain and offset a channel" in found
        assert "noise chosen" not in " ".join(texts(draw(levels, **shared).figure))


def test_other_figures_show_networks_as_they_are_programmed():
    """Calibrated rows are drawn in their own figure and nowhere else."""
    for draw, rows in (
        (draw_scores, lambda **said: _levels(["erm", "bayesmulti"], **said)),
        (lambda rows, **said: draw_device_scores(rows, [], **said), lambda **s: _on_devices(["erm"], 4, **s)),
        (lambda rows, **said: draw_fidelity_scores(rows, [], **said), lambda **s: _both(["erm"], 4, **s)),
    ):
        both = rows() + rows(calibration="offset", value=0.0)
        assert draw(both, **SHARED).numbers == draw(rows(), **SHARED).numbers


def test_only_the_metric_asked_for_is_drawn():
    """A table has a row a metric; another one's values never reach the figure."""
    other = _levels(["erm"], metric="mcc", value=-0.5)
    alone = draw_scores(_levels(["erm"]), **SHARED).numbers
    assert draw_scores(_levels(["erm"]) + other, **SHARED).numbers == alone
    with pytest.raises(ValueError, match="no row on a level with metric 'mcc'"):
        draw_scores(_levels(["erm"]), **SHARED | {"metric": Metric("mcc", "correlation", "higher", 0.0)})


def test_one_programming_has_no_band_and_no_interval():
    """A spread of one value does not exist and is not drawn as 0."""
    drawing = draw_scores(_levels(["erm", "bayesmulti"], programmings=1), **SHARED)
    assert all(number["std"] is None for number in drawing.numbers)
    [bars] = [b for b in drawing.figure.axes[1].collections if b.get_gid() == "interval bayesmulti"]
    assert bars.get_segments() == []


def test_accuracy_without_erm_has_nothing_to_compare(texts):
    """The configuration may leave methods out."""
    said = texts(draw_scores(_levels(["bayesmulti", "dropout"]), **SHARED).figure)
    assert any("nothing to compare" in text for text in said)


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([], "no row on a level"),
        (_on_devices(["erm"], 3), "no row on a level"),
        (_levels(["erm"]) + _levels(["erm"], experiment="u"), "one experiment"),
    ],
    ids=["empty", "devices only", "two experiments"],
)
def test_scores_refuse_what_is_not_one_experiment(rows, said):
    """Two experiments on one pair of axes would look like one curve."""
    with pytest.raises(ValueError, match=said):
        draw_scores(rows, **SHARED)


def test_devices_are_drawn_once_a_method_and_noise(device_row):
    """Means and spreads of the summary, intervals of the usability table; rivals stay out."""
    rows = _on_devices(["erm", "dropout", "bayesmulti"], 6)
    devices = [device_row(f"d-{k:03d}", 0.05 + 0.15 * k) for k in range(6)]
    drawing = draw_device_scores(rows, devices, **SHARED)
    assert len(drawing.numbers) == 2 * 2 * 6
    assert {number["method"] for number in drawing.numbers} == {"erm", "bayesmulti"}
    for axes, noise in zip(drawing.figure.axes, ("resampled", "lognormal"), strict=True):
        for name in ("erm", "bayesmulti"):
            wanted = [row for row in rows if (row["noise"], row["method"]) == (noise, name)]
            [line] = [line for line in axes.lines if line.get_gid() == name]
            assert line.get_ydata().tolist() == [row["mean"] for row in wanted]
    low = {row["device"]: row["usability_low"] for row in devices}
    assert all(number["usability_low"] == low[number["profile"]] for number in drawing.numbers)


def test_devices_fall_back_to_every_method_and_do_without_intervals():
    """Neither ERM nor BayesMulti in the configuration, and a device missing from the table."""
    drawing = draw_device_scores(_on_devices(["dropout", "gaussian"], 3), [], **SHARED)
    assert {number["method"] for number in drawing.numbers} == {"dropout", "gaussian"}
    assert all(number["usability_low"] is None for number in drawing.numbers)


def _correlated(device_row, experiments, count, **values):
    devices = [device_row(f"d-{k:03d}", 0.05 + 0.9 * k / max(count, 1)) for k in range(count)]
    for k, row in enumerate(devices):
        row |= {"sigma_mle": row["sigma_upper"] * 0.8, "sigma_robust": 0.3, "usability_reference": 0.5}
        row |= {"eta": 1.0 - 0.01 * k}
    summary = [
        row
        for name in experiments
        for row in _on_devices(["erm", "bayesmulti"], count, experiment=name, **values)
    ]
    given = {"methods": ["erm", "bayesmulti"], "resamples": 50, "confidence": 0.95, "seed": 1}
    return predictions(devices, summary, **given)


def test_correlation_draws_points_and_intervals(device_row, texts):
    """One scatter and one forest an experiment, on the numbers of `predictions`."""
    found, points = _correlated(device_row, ["t", "u"], 8)
    drawing = draw_correlation(
        found, points, experiments={"t": ACCURACY, "u": ACCURACY}, confidence=0.95, origin="virtual"
    )
    scatter, forest = drawing.figure.axes[:2]
    drawn = [row for row in points if (row["experiment"], row["method"]) == ("t", "erm")]
    for reading in ("fidelity", "usability"):
        [line] = [line for line in scatter.lines if line.get_gid() == f"{reading} t"]
        assert line.get_ydata().tolist() == [row["score"] for row in drawn]
        assert line.get_xdata().tolist() == [row[reading] for row in drawn]
    for row in (row for row in found if row["experiment"] == "t"):
        [mark] = [line for line in forest.lines if line.get_gid() == f"{row['reading']} {row['method']}"]
        assert mark.get_xdata()[0] == row["rho"]
        assert mark.get_ydata()[0] == pytest.approx(list(READINGS).index(row["reading"]), abs=0.5)
    own = next(row for row in found if row["experiment"] == "t" and row["reading"] == "usability")
    assert any(f"ρ = {own['rho']:.2f} " in text and "n = 8" in text for text in texts(drawing.figure))
    said = f"ERM, 1 training × {points[0]['n']} programmings a device"
    assert any(said in text for text in texts(drawing.figure))
    # every device has the same robust spread: no order, no correlation, and the panel says so
    assert "reference" not in {row["reading"] for row in found} and "no order" in texts(drawing.figure)
    both_readings_of_one_method = 2 * sum(row["method"] == "erm" for row in points)
    assert len(drawing.numbers) == both_readings_of_one_method + len(found)


def test_of_several_metrics_the_one_asked_for_is_correlated(device_row):
    """Scores and errors on one pair of axes would be neither; the axis says where lower is better."""
    error = Metric("error", "error per atom / meV", "lower")
    found, points = _correlated(device_row, ["t"], 8)
    others, behind = _correlated(device_row, ["t"], 8, metric="error")
    given = {"confidence": 0.95, "origin": "virtual"}
    both = (found + others, points + behind)
    alone = draw_correlation(found, points, experiments={"t": ACCURACY}, **given)
    assert draw_correlation(*both, experiments={"t": ACCURACY}, **given).numbers == alone.numbers
    drawn = draw_correlation(*both, experiments={"t": error}, **given)
    assert (
        drawn.figure.axes[0].get_ylabel().replace("\n", " ")
        == "error per atom / meV on test data (lower is better)"
    )
    assert drawn.figure.axes[1].get_xlabel() == "rank correlation ρ (negative is good)"
    assert [number for number in drawn.numbers if number["panel"] == "forest"] == [
        number | {"metric": "error"} for number in alone.numbers if number["panel"] == "forest"
    ], "the numbers stay those of the table"
    assert {number["metric"] for number in drawn.numbers} == {"error"}


def _both(methods, count, **values):
    return _levels(methods, **values) + _on_devices(methods, count, **values)


def test_levels_and_devices_are_drawn_on_one_axis_of_fidelity(device_row, texts):
    """Two panels; the numbers are the summary's, what one curve explains is the library's."""
    rows = _both(["erm", "dropout", "bayesmulti"], 6)
    devices = [device_row(f"d-{k:03d}", 0.05 + 0.15 * k) for k in range(6)]
    drawing = draw_fidelity_scores(rows, devices, **SHARED)
    for axes, name in zip(drawing.figure.axes, ("erm", "bayesmulti"), strict=True):
        mine = [row for row in rows if row["method"] == name]
        levels = [row for row in mine if row["stands_for"] == "level"]
        points = [row for row in mine if row["noise"] == "resampled"]
        for kind, wanted in (("level", levels), ("device", points)):
            [line] = [line for line in axes.lines if line.get_gid() == f"{kind} {name}"]
            drawn = sorted((row["fidelity"], row["mean"]) for row in wanted)
            assert list(zip(line.get_xdata(), line.get_ydata(), strict=True)) == drawn
        found = agreement(levels, points)
        said = f"one curve: {found.explained:.3f} of the variance; off the levels: {found.rms:.3f} rms"
        assert any(said in text for text in texts(drawing.figure))
    told = [number for number in drawing.numbers if number["series"] == "agreement"]
    assert [number["method"] for number in told] == ["erm", "dropout", "bayesmulti"], "a rival in the table"
    low = {row["device"]: row["fidelity_low"] for row in devices}
    shown = [number for number in drawing.numbers if number["series"] == "device"]
    assert all(number["fidelity_low"] == low[number["profile"]] for number in shown)


@pytest.mark.parametrize(
    "rows",
    [
        pytest.param(lambda: _on_devices(["erm"], 3), id="no-levels"),
        pytest.param(lambda: _levels(["erm"]), id="no-devices"),
        pytest.param(lambda: [row | {"fidelity": None} for row in _both(["erm"], 3)], id="no-fidelity"),
        pytest.param(lambda: [row | {"mean": 0.5} for row in _both(["erm"], 3)], id="one-score"),
    ],
)
def test_a_fidelity_figure_is_drawn_from_what_there_is(rows, inside):
    drawing = draw_fidelity_scores(rows(), [], **SHARED)
    assert inside(drawing.figure) == []
    assert all(list(number) == list(drawing.numbers[0]) for number in drawing.numbers)


def test_correlation_says_where_there_are_too_few_devices(device_row, texts):
    """Two devices have no rank correlation; none at all give empty tables."""
    found, points = _correlated(device_row, ["t"], 2)
    assert found == []
    for behind in (points, []):
        drawing = draw_correlation(
            found, behind, experiments={"t": ACCURACY}, confidence=0.95, origin="virtual"
        )
        own = [row for row in behind if row["method"] == "erm"]
        assert any(f"n = {len(own)} devices" in text for text in texts(drawing.figure))


def test_correlation_refuses_an_experiment_it_was_not_told_of(device_row):
    """An experiment missing from the list would silently be missing from the figure."""
    found, points = _correlated(device_row, ["t"], 4)
    with pytest.raises(ValueError, match="not drawn: t"):
        draw_correlation(found, points, experiments={"u": ACCURACY}, confidence=0.95, origin="virtual")


@pytest.mark.parametrize("count", [1, 24, 300], ids=["one device", "quick", "many"])
def test_small_and_large_sets_fit_their_page(count, device_row, inside):
    """From one device to a large laboratory."""
    names = ("moons", "digits-mlp", "digits-lenet", "objects-mobilenetv2")
    experiments = dict.fromkeys(names, ACCURACY)
    lower = dict.fromkeys(names, Metric("accuracy", "error", "lower"))
    found, points = _correlated(device_row, experiments, count)
    figures = [
        draw_scores(_levels(list(METHODS)), **SHARED),
        draw_device_scores(_on_devices(["erm", "bayesmulti"], count), [], **SHARED),
        draw_fidelity_scores(_both(["erm", "bayesmulti"], count), [], **SHARED),
        draw_correlation(found, points, experiments=experiments, confidence=0.95, origin="virtual"),
        draw_correlation(found, points, experiments=lower, confidence=0.95, origin="virtual"),
    ]
    for drawing in figures:
        assert inside(drawing.figure) == []
        assert all(list(number) == list(drawing.numbers[0]) for number in drawing.numbers)
