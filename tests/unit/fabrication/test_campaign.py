"""The closed loop on a laboratory that is a function."""

import numpy as np
import pytest

from codesign.fabrication.campaign import run_campaign, summarise, with_truth
from codesign.fabrication.search import Search
from codesign.fabrication.space import Space, SpaceError, key_of
from tests.unit.fabrication.test_propose import LEVELS, SETTINGS, START, hidden

SPACE = Space(LEVELS)


def campaign(strategy, evaluations=10, seed=0, failing=()):
    noise = np.random.default_rng(7)

    def laboratory(evaluation, condition):
        return (
            (None, 0.0)
            if evaluation in failing
            else (hidden(condition) + 0.01 * noise.standard_normal(), 0.02)
        )

    return run_campaign(
        strategy,
        SPACE,
        Search(**SETTINGS | {"batch": 1}),
        laboratory,
        evaluations=evaluations,
        rng=np.random.default_rng(seed),
    )


@pytest.mark.parametrize("strategy", ["bayesian", "random"])
def test_the_start_is_made_first_and_nothing_twice(strategy):
    """Each evaluation is a new device."""
    rows = campaign(strategy)
    assert key_of(rows[0]) == key_of(START)
    assert len({key_of(r) for r in rows}) == 10 and [r["evaluation"] for r in rows] == list(range(1, 11))


def test_a_search_depends_on_its_generator_alone():
    """The same seed gives the same devices."""
    assert campaign("bayesian", seed=1) == campaign("bayesian", seed=1)
    assert campaign("random", seed=1) == campaign("random", seed=1)
    assert campaign("random", seed=1) != campaign("random", seed=2)


def test_a_device_without_usability_does_not_stop_the_search():
    """It is not made again either."""
    rows = campaign("bayesian", failing=(1, 2, 5))
    assert [r["usability_measured"] for r in rows].count(None) == 3


def test_a_place_where_devices_fail_is_left():
    """Devices of wide diameters short: after a few failures most devices are made elsewhere."""

    def laboratory(evaluation, condition):
        return (None, 0.0) if condition["diameter_nm"] > 150 else (hidden(condition), 0.02)

    search = Search(**SETTINGS | {"batch": 1})
    rng = np.random.default_rng(0)
    rows = run_campaign("bayesian", SPACE, search, laboratory, evaluations=14, rng=rng)
    late = [r["usability_measured"] for r in rows[7:]]
    # five of seven would fail at random, and the hidden usability is best where devices fail
    assert late.count(None) <= 2


def test_a_start_that_cannot_be_made_is_refused():
    """Excluded, or off the grid."""
    space = Space(LEVELS, [{"ag_nm": 100}])
    with pytest.raises(SpaceError, match=r"fabrication\.start .* write levels of fabrication.space"):
        run_campaign(
            "bayesian",
            space,
            Search(**SETTINGS),
            lambda *_: (0.5, 0.1),
            evaluations=2,
            rng=np.random.default_rng(0),
        )


def test_the_bayesian_search_finds_the_optimum_of_a_smooth_usability():
    """14 of 108 conditions are enough."""
    best = max(hidden(c) for c in SPACE.grid())
    assert max(hidden(r) for r in campaign("bayesian", evaluations=14)) > 0.95 * best


def test_the_summary_is_of_the_best_so_far():
    """Against numbers worked out by hand."""
    rows = [
        *with_truth(
            [{"evaluation": 1}, {"evaluation": 2}],
            strategy="random",
            repeat=1,
            hidden=[0.5, 0.2],
            optimum=1.0,
        ),
        *with_truth(
            [{"evaluation": 1}, {"evaluation": 2}],
            strategy="random",
            repeat=2,
            hidden=[0.3, 0.96],
            optimum=1.0,
        ),
    ]
    first, second = summarise(rows)
    assert (first["mean"], first["n"], first["reached_95"]) == (pytest.approx(0.4), 2, 0.0)
    assert (second["mean"], second["reached_95"], second["reached_99"]) == (pytest.approx(0.73), 0.5, 0.0)
