"""The map of glycans: neighbours by brute force, places that repeat themselves, the drawing."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from codesign.tasks.glycans.atlas import neighbours_agree, places
from codesign.tasks.glycans.figures import map as drawn


def agreeing_slowly(points, kinds):
    """Each point with its five nearest others, one by one."""
    right = 0
    for k, point in enumerate(points):
        others = [j for j in range(len(points)) if j != k]
        near = sorted(others, key=lambda j: (((points[j] - point) ** 2).sum(), j))[:5]
        votes = [kinds[j] for j in near]
        most = max(votes.count(kind) for kind in votes)
        right += next(kind for kind in votes if votes.count(kind) == most) == kinds[k]
    return right / len(points)


@hypothesis_settings(max_examples=40)
@given(st.integers(2, 30), st.integers(1, 4), st.integers(0, 2**20))
def test_neighbours_agree_as_brute_force_says(number, classes, seed):
    """Random points, whose distances all differ."""
    rng = np.random.default_rng(seed)
    points = rng.normal(size=(number, 3))
    kinds = rng.integers(0, classes, number)
    assert neighbours_agree(points, kinds) == pytest.approx(agreeing_slowly(points, kinds))


def test_a_point_without_a_number_is_wrong_and_no_neighbour():
    """Two clusters of one kind each; one point of twelve is lost."""
    points = np.concatenate([np.arange(6.0)[:, None], 100 + np.arange(6.0)[:, None]])
    kinds = np.array([0] * 6 + [1] * 6)
    assert neighbours_agree(points, kinds) == 1.0
    points[0] = np.nan
    kinds[0] = 1
    assert neighbours_agree(points, kinds) == pytest.approx(11 / 12)
    assert neighbours_agree(np.full((3, 2), np.inf), np.zeros(3, int)) == 0.0


def test_a_common_scale_changes_nothing():
    """Also one that would overflow when squared."""
    rng = np.random.default_rng(1)
    points, kinds = rng.normal(size=(40, 3)), rng.integers(0, 3, 40)
    assert neighbours_agree(points * 1e200, kinds) == neighbours_agree(points, kinds)
    assert np.isfinite(places(points * 1e200)).all()


def test_places_repeat_themselves_and_keep_clusters_apart():
    """Three clusters far apart: each point's nearest place is of its own cluster."""
    rng = np.random.default_rng(2)
    kinds = np.repeat([0, 1, 2], 30)
    points = rng.normal(size=(90, 8)) + 20 * np.eye(8)[kinds]
    first, again = places(points), places(points)
    assert first.shape == (90, 2) and np.array_equal(first, again)
    assert neighbours_agree(first, kinds) == 1.0


def rows(methods=("erm", "bayesmulti"), levels=(0.5, 0.3), number=40):
    rng = np.random.default_rng(3)
    found = []
    for method in methods:
        for level in levels:
            for k in range(number):
                shared = {
                    "method": method,
                    "profile": f"synthetic-{level}",
                    "level": level,
                    "usability": level,
                }
                values = rng.normal(size=4) + 5 * (k % 3)
                outputs = {f"output_{j}": float(value) for j, value in enumerate(values, 1)}
                found.append(shared | {"programming": 0, "kingdom": k % 3} | outputs)
    return found


def test_the_map_has_a_panel_for_each_method_and_level():
    """With its score in the title, and every point among the numbers."""
    given_rows = rows()
    drawing = drawn(given_rows, experiment="glycans", origin="virtual")
    titles = [axes.get_title(loc="left") for axes in drawing.figure.axes]
    assert [title.split(":")[0] for title in titles if title] == [
        "ERM, U = 0.5", "ERM, U = 0.3", "BayesMulti, U = 0.5", "BayesMulti, U = 0.3",
    ]  # fmt: skip
    assert all("5-NN" in title for title in titles if title)
    assert len(drawing.numbers) == len(given_rows)
    first = drawing.numbers[0]
    assert list(first) == ["method", "level", "usability", "kingdom", "x", "y", "neighbours"]
    assert first["kingdom"] == "Animalia" and np.isfinite([first["x"], first["y"]]).all()
    mine = [row for row in given_rows if (row["method"], row["level"]) == ("erm", 0.5)]
    points = np.array([[row[f"output_{k}"] for k in (1, 2, 3, 4)] for row in mine])
    assert first["neighbours"] == neighbours_agree(points, np.array([row["kingdom"] for row in mine]))


def test_the_map_says_how_many_points_have_no_number():
    """They are left out of the panel, and counted as wrong."""
    given_rows = rows(methods=("erm",), levels=(0.3,))
    given_rows[4]["output_2"] = float("nan")
    drawing = drawn(given_rows, experiment="glycans", origin="measured")
    assert "(1 without a number)" in drawing.figure.axes[0].get_title(loc="left")
    assert drawing.numbers[4]["x"] is None and len(drawing.numbers) == 40
