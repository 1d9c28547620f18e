"""Figures of what searching gained, and of what the start does, draw the rows they are given."""

import numpy as np
import pytest

from codesign.evaluation.statistics import compare, summarise
from codesign.figures.gained import draw_gained
from codesign.figures.scores import draw_starts
from codesign.schemas.evaluation import EVALUATION
from codesign.tasks.about import Metric

ACCURACY = Metric("accuracy", "accuracy", "higher", 0.1)
LONG = Metric("accuracy", "root mean square error of predicted tension", "lower")
HOW = {"resamples": 50, "confidence": 0.95, "seed": 1}
SHARED = {"metric": ACCURACY, "origin": "virtual", "data": "digits"}


def _rows(method, stands_for, profiles, *, repeats=2, programmings=3, **changes):
    rng = np.random.default_rng(len(method))
    return [
        dict.fromkeys(EVALUATION.names)
        | {"experiment": "t", "method": method, "network": "mlp", "stands_for": stands_for, "repeat": repeat}
        | {"profile": f"{stands_for}-{u}", "level": u if stands_for == "level" else None, "usability": u}
        | {"fidelity": u**0.3, "aim": "0.9", "noise": "lognormal" if stands_for == "level" else "resampled"}
        | {"programming": number, "calibration": "none", "metric": "accuracy"}
        | {"value": float(rng.uniform(0.2 + 0.5 * u, 1.0))}
        | changes
        for u in profiles
        for repeat in range(1, repeats + 1)
        for number in range(programmings)
    ]


def _comparison(pairs=(("bayesmulti", "bayesmulti-fixed"),), devices=(0.3, 0.7), **options):
    methods = {name for pair in pairs for name in pair}
    rows = [
        row
        for name in sorted(methods)
        for kind, profiles in (("level", (0.2, 0.6, 1.0)), ("device", devices))
        for row in _rows(name, kind, profiles, **options)
    ]
    return compare(rows, pairs, **HOW)


def test_a_gain_is_drawn_at_its_level_and_device_with_its_interval():
    """Levels at U, joined; devices at F, each for itself."""
    rows = _comparison()
    drawing = draw_gained(rows[::-1], confidence=0.95, **SHARED)
    levels, devices = drawing.figure.axes
    for axes, kind, place in ((levels, "level", "usability"), (devices, "device", "fidelity")):
        mine = sorted((row for row in rows if row["stands_for"] == kind), key=lambda row: row[place])
        [line] = [line for line in axes.lines if line.get_gid() == "bayesmulti bayesmulti-fixed"]
        assert line.get_xdata().tolist() == [row[place] for row in mine]
        assert line.get_ydata().tolist() == [row["difference"] for row in mine]
        [bars] = [
            each for each in axes.collections if each.get_gid() == "interval bayesmulti bayesmulti-fixed"
        ]
        ends = [[point[1] for point in segment] for segment in bars.get_segments()]
        assert ends == [[row["difference_low"], row["difference_high"]] for row in mine]
    assert len(drawing.numbers) == len(rows)


def test_a_pair_that_is_on_levels_alone_has_an_empty_panel():
    """Not every method need be evaluated on devices: the panel says so, and the levels stay."""
    rows = _comparison(devices=())
    drawing = draw_gained(rows, confidence=0.95, **SHARED)
    levels, devices = drawing.figure.axes
    assert devices.get_title(loc="left") == "b  no device: evaluation.device_methods"
    assert levels.get_title(loc="left") == "a  usability levels" and len(drawing.numbers) == len(rows) == 3


def test_what_is_calibrated_or_another_metric_or_noise_is_not_drawn():
    """The gain is that of networks as they are programmed."""
    rows = _comparison()
    other = [row | change for row in rows for change in ({"calibration": "offset"}, {"metric": "loss"})]
    other += [row | {"noise": "lognormal"} for row in rows if row["stands_for"] == "device"]
    drawn = draw_gained([*rows, *other], confidence=0.95, **SHARED)
    assert drawn.numbers == draw_gained(rows, confidence=0.95, **SHARED).numbers
    with pytest.raises(ValueError, match="evaluate first"):
        draw_gained(other[1::2], confidence=0.95, **SHARED)


@pytest.mark.parametrize("metric", [ACCURACY, LONG], ids=["short", "long"])
@pytest.mark.parametrize("repeats", [1, 3])
def test_gains_fit_their_page_and_say_what_they_are_over(metric, repeats, covered, texts):
    """Also without devices, and with a long title."""
    for devices in ((), (0.3, 0.7)):
        rows = _comparison(devices=devices, repeats=repeats)
        figure = draw_gained(rows, confidence=0.95, **SHARED | {"metric": metric}).figure
        assert covered(figure) == []
        said = f"n = {repeats} training{'s' * (repeats > 1)} × 3 programmings"
        assert any(said in text for text in texts(figure))


def _starts(methods, scales, **options):
    found = []
    for scale in scales:
        rows = [row for name in methods for row in _rows(name, "level", (0.2, 0.6, 1.0), **options)]
        rows = [row | {"value": row["value"] * scale} for row in rows]
        found += [row | {"initial_scale": scale} for row in summarise(rows, baseline="erm", **HOW)]
    return found


@pytest.mark.parametrize("scales", [(1.0,), (1.0, 0.4), (1.0, 0.4, 0.15, 0.05)], ids=len)
def test_a_panel_a_starting_scale_on_the_same_limits(scales, covered, texts):
    """Largest first; every method in every panel, from its own rows; the page has room."""
    methods = ("erm", "dropout", "gaussian", "lognormal", "bayesmulti-fixed", "bayesmulti")
    rows = _starts(methods, scales, repeats=1)
    drawing = draw_starts(rows[::-1], **SHARED)
    assert covered(drawing.figure) == []
    for axes, scale in zip(drawing.figure.axes, scales, strict=True):
        assert axes.get_ylim() == drawing.figure.axes[0].get_ylim()
        for name in methods:
            mine = [row for row in rows if (row["method"], row["initial_scale"]) == (name, scale)]
            [line] = [line for line in axes.lines if line.get_gid() == name]
            assert line.get_ydata().tolist() == [
                r["mean"] for r in sorted(mine, key=lambda r: r["usability"])
            ]
        assert any(f"start × {scale:g}" in text for text in texts(drawing.figure))
    assert len(drawing.numbers) == len(rows)
