"""The figure of a caller's network on a device."""

from types import SimpleNamespace

import numpy as np
import pytest

from codesign.evaluation.lookup import Prediction
from codesign.evaluation.predict import Read
from codesign.figures.holding import draw_holding
from codesign.schemas.holding import HELD


def held(
    *,
    origin="measured",
    place=(),
    fidelity=0.9,
    name="wire-1",
    better="higher",
    kinds=("none", "offset"),
    constant=None,
):
    """Three programmings under each calibration."""
    shared = dict.fromkeys(HELD.names) | {
        "network": "Net",
        "profile": name,
        "origin": origin,
        "usability": 0.6,
    }
    shared |= {"fidelity": fidelity, "noise": "resampled", "seed": 1, "metric": "accuracy", "ideal": 0.97}
    shared |= {"constant": constant}
    rows = [
        shared | {"programming": k, "calibration": kind, "value": 0.8 + 0.01 * k + 0.1 * (kind == "offset")}
        for k in range(3)
        for kind in kinds
    ]
    profile = SimpleNamespace(profile=name, origin=origin, usability=0.6, fidelity=fidelity)
    return SimpleNamespace(
        rows=rows, profile=profile, better=better, experiment="mine", place=place, examples=40
    )


def texts(figure):
    return [text.get_text() for text in figure.findobj(lambda part: hasattr(part, "get_text"))]


@pytest.mark.parametrize(
    ("origin", "said"),
    [
        ("measured", "simulated on measured devices"),
        ("virtual", "virtual laboratory: synthetic devices"),
    ],
)
def test_it_says_what_it_rests_on(origin, said):
    """Nothing was measured of the network, even on a measured device."""
    assert said in texts(draw_holding(held(origin=origin)).figure)


def test_every_programming_is_drawn_beside_the_ideal_score():
    """A column a calibration, `none` first, and the line of the score without a device."""
    drawing = draw_holding(held())
    (axes,) = drawing.figure.axes
    ideal, none, offset = axes.lines
    assert set(ideal.get_ydata()) == {0.97}
    assert np.allclose(none.get_ydata(), [0.8, 0.81, 0.82])
    assert np.allclose(offset.get_ydata(), [0.9, 0.91, 0.92])
    assert np.round(none.get_xdata()).tolist() == [0, 0, 0] and np.round(offset.get_xdata()).tolist() == [
        1,
        1,
        1,
    ]
    assert [label.get_text() for label in axes.get_xticklabels()] == ["as programmed", "calibrated: offset"]
    assert drawing.numbers == held().rows


def test_one_answer_for_all_is_a_line_where_it_is_known():
    """What a person compares with who has no network."""
    (axes,) = draw_holding(held(constant=0.11)).figure.axes
    assert set(axes.lines[1].get_ydata()) == {0.11}
    assert "one answer for all" in [text.get_text() for text in axes.get_legend().get_texts()]


def test_scores_that_were_read_off_stand_beside_with_their_interval():
    """As marks of their own: no programming of this network."""
    read = Read("erm", "accuracy", Prediction(0.9, 0.85, 0.93, None, 0, False))
    (axes,) = draw_holding(held(place=(read,))).figure.axes
    assert "mine, erm: accuracy read off at F" in axes.get_xticklabels()[2].get_text().replace("\n", " ")
    [bar] = axes.containers
    (low, high) = bar.lines[2][0].get_segments()[0][:, 1]
    assert (low, high) == pytest.approx((0.85, 0.93))


def test_odd_names_and_missing_readings_are_drawn():
    """A name with a dollar sign, no fidelity, one programming, a score that is better when lower."""
    one = held(name="$x_1$" * 30, fidelity=None, better="lower", kinds=("none",))
    one.rows = one.rows[:1]
    figure = draw_holding(one).figure
    figure.canvas.draw()
    assert "accuracy (lower is better)" in " ".join(texts(figure)).replace("\n", " ")
