"""The figure of certificates hatches what is vacuous and draws the tables it is given."""

import numpy as np
import pytest

from codesign.certificates.summary import summarise_certificates
from codesign.figures.certificates import draw_certificates
from codesign.schemas.certificates import CERTIFICATES

SHARED = {"chance": 0.1, "origin": "virtual", "data": "digits"}
LEVELS = {"synthetic-1": (1.0, 0.0), "synthetic-0.9": (0.9, 0.4), "synthetic-0.2": (0.2, 9.0)}


def _rows(methods=("erm", "bayesmulti"), *, n=20, levels=LEVELS, weights=44_000, experiment="t"):
    rng = np.random.default_rng(2)
    rows = []

    def add(certificate, scope, values, vacuous, **columns):
        for k, (value, empty) in enumerate(zip(values, vacuous, strict=True)):
            row = dict.fromkeys(CERTIFICATES.names)
            row |= {"experiment": experiment, "method": method, "network": "mlp"}
            row |= {"certificate": certificate, "scope": scope, "example": k, "probability": 0.7}
            row |= {"draws": 100, "confidence": 0.95, "ceiling": 5.0, "value": value, "vacuous": bool(empty)}
            rows.append(row | columns)

    for method in methods:
        for scope in ("one", "all"):
            published = -rng.uniform(100, 200, n)
            k = np.zeros(n) if method == "erm" else rng.integers(-1, 4, n).astype(float)
            radius = np.maximum(rng.normal(0.3, 0.2, n), 0)
            add("published", scope, published.tolist(), np.ones(n), p_zero=0.5, p_half=0.1)
            add("discrete", scope, k.tolist(), k < 1, p_zero=0.5, p_half=0.1)
            add("smoothing", scope, radius.tolist(), radius == 0, width=0.3)
            for profile, (u, far) in levels.items():
                p = rng.uniform(0, 1, n) * u
                on = {"profile": profile, "usability": u, "distance": far, "changed": weights if far else 0.0}
                add("programming", scope, p.tolist(), p <= 0.5, **on)
        for profile, (u, far) in levels.items():
            on = {"profile": profile, "usability": u, "distance": far, "changed": weights if far else 0.0}
            add("accuracy", "mean", [0.9 * u**2], [0.9 * u**2 <= 0.1], **on)
    return rows


def _patches(axes, gid):
    return [patch for patch in axes.patches if patch.get_gid() == gid]


def test_vacuous_cells_are_hatched_and_others_are_not():
    """One cell a method and column; the hatched ones are the summary's vacuous ones."""
    rows = _rows()
    summary = summarise_certificates(rows)
    drawing = draw_certificates(summary, rows, **SHARED)
    tables = drawing.figure.axes[0], drawing.figure.axes[2]
    cells = [line for line in drawing.numbers if line["panel"] == "table"]
    hatched, filled = (
        [p for each in tables for p in _patches(each, gid)] for gid in ("vacuous", "certified")
    )
    assert len(cells) == len(hatched) + len(filled) == 2 * (4 + len(LEVELS))
    assert len(hatched) == sum(line["vacuous"] for line in cells)
    assert all(patch.get_hatch() for patch in hatched) and not any(patch.get_hatch() for patch in filled)
    published = [line for line in cells if line["certificate"] == "published"]
    assert all(line["vacuous"] for line in published)
    # accuracy 0.036 at U = 0.2 is below chance
    assert [line["vacuous"] for line in cells if line["profile"] == "synthetic-0.2"] == [True, True]


def test_curves_are_the_examples_counted(texts, inside):
    """Share of examples with k, or a radius, of at least so much."""
    rows = _rows()
    drawing = draw_certificates(summarise_certificates(rows), rows, **SHARED)
    _, devices, _, changes, radii = drawing.figure.axes
    mine = [
        row["value"]
        for row in rows
        if (row["method"], row["certificate"], row["scope"]) == ("bayesmulti", "discrete", "all")
    ]
    [line] = [line for line in changes.lines if line.get_gid() == "bayesmulti"]
    assert line.get_ydata().tolist() == [np.mean(np.array(mine) >= k) for k in line.get_xdata()]
    numbers = [n for n in drawing.numbers if n["panel"] == "radii" and n["method"] == "erm"]
    assert all(0 < n["share"] <= 1 for n in numbers) and numbers[-1]["share"] == 1 / 20
    assert sorted({line.get_xdata()[0] for line in radii.lines if line.get_gid() == "distance"}) == [0.4, 9.0]
    [mean] = [line for line in devices.lines if line.get_gid() == "accuracy erm"]
    assert mean.get_ydata().tolist() == pytest.approx([0.9 * u**2 for u in (0.2, 0.9, 1.0)])
    said = " ".join(texts(drawing.figure))
    assert "44,000\nweights" in said and "n = 20 examples" in said and "virtual laboratory" in said
    assert not inside(drawing.figure)


@pytest.mark.parametrize(
    ("methods", "options"),
    [
        pytest.param(
            ("erm", "dropout", "lognormal", "gaussian", "bayesmulti-fixed", "bayesmulti"), {}, id="all"
        ),
        pytest.param(("erm",), {"n": 1}, id="one-example"),
        pytest.param(("erm",), {"levels": {"ideal": (1.0, 0.0)}}, id="ideal-only"),
        pytest.param(("erm",), {"levels": {"zero": (0.3, np.inf)}}, id="infinite-distance"),
        pytest.param(("erm",), {"levels": {f"d-{k}": (1 - k / 20, k) for k in range(15)}}, id="many-levels"),
    ],
)
def test_extremes_are_drawn_on_the_page(methods, options, inside):
    """Few and many methods, examples and levels."""
    rows = _rows(methods, **options)
    drawing = draw_certificates(summarise_certificates(rows), rows, **SHARED)
    assert not inside(drawing.figure)
    assert len({tuple(line) for line in drawing.numbers}) == 1  # the same columns in every row


def test_other_experiments_are_refused():
    """One figure, one network; no rows, no figure."""
    rows = _rows(experiment="a") + _rows(experiment="b")
    with pytest.raises(ValueError, match="one experiment"):
        draw_certificates(summarise_certificates(rows), rows, **SHARED)
    with pytest.raises(ValueError, match="none"):
        draw_certificates([], [], **SHARED)
