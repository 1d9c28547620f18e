"""The campaign figure draws the summary it is given and averages nothing."""

import numpy as np
import pytest

from codesign.fabrication.campaign import summarise
from codesign.figures.campaign import COLUMNS, draw_campaign


def _summary(strategies, repeats=20, evaluations=24):
    rng = np.random.default_rng(3)
    rows = []
    for strategy in strategies:
        best = np.maximum.accumulate(rng.uniform(0.2, 0.9, (repeats, evaluations)), axis=1)
        rows += [
            {"strategy": strategy, "evaluation": e + 1, "best_hidden": float(best[r, e]), "optimum": 0.9}
            for r in range(repeats)
            for e in range(evaluations)
        ]
    return summarise(rows)


def test_lines_and_csv_are_the_summary():
    """Means, bands and shares are drawn as tabulated, strategy by strategy."""
    summary = _summary(["random", "bayesian"])
    drawing = draw_campaign(summary[::-1])
    assert all(tuple(number) == COLUMNS for number in drawing.numbers)
    for strategy in ("bayesian", "random"):
        rows = [row for row in summary if row["strategy"] == strategy]
        said = [number for number in drawing.numbers if number["strategy"] == strategy]
        assert said == [{name: row[name] for name in COLUMNS} for row in rows]
        [line] = [x for x in drawing.figure.axes[1].lines if x.get_gid() == f"{strategy} 95"]
        assert np.array_equal(line.get_ydata(), [row["reached_95"] for row in rows])
        [bars] = [
            bars
            for bars in drawing.figure.axes[0].containers
            if bars.get_label().lower().startswith(strategy[:5])
        ]
        assert np.array_equal(bars.lines[0].get_ydata(), [row["mean"] for row in rows])


def test_it_is_labelled_virtual_and_says_n(texts):
    """There is no measured device in it."""
    said = texts(draw_campaign(_summary(["random"], repeats=7)).figure)
    assert any("virtual laboratory" in text and "synthetic" in text for text in said)
    assert any("n = 7 repeats" in text for text in said)


def test_ninety_five_and_ninety_nine_percent_are_marked(texts):
    """What a benchmark counts."""
    figure = draw_campaign(_summary(["random"])).figure
    marked = [line.get_ydata()[0] for line in figure.axes[0].lines if line.get_gid() == "goal"]
    assert marked == [0.95, 0.99]
    assert {"95 %", "99 %"} <= set(texts(figure))


def test_where_the_model_begins_is_marked(texts, inside):
    """Between the last device that fills the space and the first that the model chose."""
    figure = draw_campaign(_summary(["bayesian", "random"]), model_from=3).figure
    for axes in figure.axes:
        assert [line.get_xdata()[0] for line in axes.lines if line.get_gid() == "model"] == [2.5]
    assert "chosen by the model from here" in texts(figure) and inside(figure) == []
    for summary, first in ((_summary(["random"]), 3), (_summary(["bayesian"], evaluations=2), 3)):
        figure = draw_campaign(summary, model_from=first).figure
        assert "chosen by the model from here" not in texts(figure)


@pytest.mark.parametrize(
    ("strategies", "repeats", "evaluations"),
    [
        (["random"], 1, 1),
        (["bayesian", "random"], 2, 3),
        (["a", "b", "c", "d", "bayesian", "random"], 20, 100),
    ],
    ids=["one evaluation", "two repeats", "six strategies"],
)
def test_small_and_large_campaigns_fit_their_page(strategies, repeats, evaluations, inside):
    """From a first look to a benchmark with rivals."""
    drawing = draw_campaign(_summary(strategies, repeats, evaluations))
    assert inside(drawing.figure) == []
    assert len(drawing.numbers) == len(strategies) * evaluations


def test_an_empty_summary_is_refused():
    """There is nothing to draw, and the message says what to do."""
    with pytest.raises(ValueError, match="run the campaign"):
        draw_campaign([])
