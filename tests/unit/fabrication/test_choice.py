"""A batch chosen one after the other: what is left out of the computation changes nothing."""

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codesign.fabrication.choice import choose_batch, log_acquisition
from codesign.fabrication.feasibility import LEAST
from codesign.fabrication.model import view_of
from codesign.fabrication.search import Search
from codesign.fabrication.space import Space

LEVELS = {
    "perovskite": ["MAPbI3", "MAPbBr3", "CsPbI3"],
    "length_um": [1, 1.2, 1.5, 2],
    "diameter_nm": [100, 150, 200, 250],
    "pb_min": [10, 15, 20],
    "ag_nm": [100, 200],
}
START = {"perovskite": "MAPbBr3", "length_um": 1, "diameter_nm": 250, "pb_min": 10, "ag_nm": 100}


def search_for(goal, method):
    return Search(
        encoding="physical", surrogate=method, goal=goal, target=0.5, batch=4, space_filling=2, start=START
    )


def one_by_one(surrogate, points, forbidden, search, count, chance):
    """Every point scored for every choice."""
    open_points, chosen = ~forbidden, []
    for _ in range(min(count, int(open_points.sum()))):
        likely = open_points & (chance >= LEAST)
        score = log_acquisition(surrogate, points, search) + np.log(chance)
        score = np.where(likely if likely.any() else open_points, score, -np.inf)
        index = int(np.argmax(np.round(score, 9)))
        chosen.append((index, score[index]))
        open_points[index] = False
        surrogate = surrogate.conditioned(points[index : index + 1])
    return chosen


@pytest.mark.parametrize("method", ["marginal", "map"])
@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    devices=st.integers(2, 12),
    goal=st.sampled_from(["maximise", "target"]),
    least=st.sampled_from([1.0, 0.3, 1e-3]),
    closed=st.sampled_from([0.0, 0.5, 0.98]),
)
def test_points_that_are_not_scored_would_not_have_been_chosen(seed, devices, goal, least, closed, method):
    rng = np.random.default_rng(seed)
    grid = Space(LEVELS).grid()
    view = view_of(method, "physical", LEVELS, grid)
    points = view.encode(grid)
    made = points[rng.choice(len(points), devices, replace=False)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of a fit to two or three random readings
        surrogate = view.fit(made, rng.uniform(0, 1, devices), np.full(devices, 0.05), rng)
    forbidden = rng.uniform(size=len(points)) < closed
    chance = rng.uniform(least, 1.0, len(points))
    search = search_for(goal, method)
    expected = one_by_one(surrogate, points, forbidden, search, 4, chance)
    found = choose_batch(surrogate, points, forbidden, search, 4, chance=chance)
    assert [index for index, _ in found] == [index for index, _ in expected]
    np.testing.assert_allclose([score for _, score in found], [score for _, score in expected], atol=1e-7)


def test_a_batch_ends_where_nothing_is_open():
    grid = Space(LEVELS).grid()
    view = view_of("marginal", "physical", LEVELS, grid)
    points = view.encode(grid)
    rng = np.random.default_rng(3)
    surrogate = view.fit(points[:4], np.array([0.1, 0.4, 0.3, 0.2]), np.full(4, 0.05), rng)
    forbidden = np.arange(len(points)) >= 2
    chosen = choose_batch(surrogate, points, forbidden, search_for("maximise", "marginal"), 4)
    assert {index for index, _ in chosen} == {0, 1}
