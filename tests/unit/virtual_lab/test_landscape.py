"""Hidden landscapes: bounded, deterministic, interacting, with the paper's trends on average only."""

import itertools
from pathlib import Path

import numpy as np
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from codesign.seeds import generator
from codesign.virtual_lab.landscape import NEAR_OPTIMUM, START_RANGE, Landscape

CONFIG = yaml.safe_load((Path(__file__).parents[3] / "config.yaml").read_text())["fabrication"]
SPACE, START = CONFIG["space"], CONFIG["start"]
DRAWS = 12


@pytest.fixture(scope="module")
def landscapes():
    """Some draws with their values on the grid, one axis a variable, made once."""
    drawn = [Landscape.draw(SPACE, generator(77, k), START) for k in range(DRAWS)]
    shape = [len(levels) for levels in SPACE.values()]
    return [(landscape, landscape.grid()[1].reshape(shape)) for landscape in drawn]


def test_the_grid_is_every_combination_once_and_its_largest_value_is_the_optimum(landscapes):
    """Against a product of the levels written down here, evaluated one by one where it matters."""
    landscape, values = landscapes[0]
    conditions, flat = landscape.grid()
    expected = [dict(zip(SPACE, levels, strict=True)) for levels in itertools.product(*SPACE.values())]
    assert conditions == expected
    assert np.array_equal(flat, values.ravel())
    condition, best = landscape.optimum()
    alone = [landscape.usability([c])[0] for c in expected[::37]]
    assert max(alone) <= best == landscape.usability([condition])[0] == flat.max()
    # one at a time or all at once: equal but for the order of sums in a matrix product
    np.testing.assert_allclose(alone, flat[::37], rtol=1e-12)


def test_the_same_generator_gives_the_same_landscape():
    """And another one another."""
    first, again, other = (Landscape.draw(SPACE, generator(k), START).grid()[1] for k in (5, 5, 6))
    assert np.array_equal(first, again) and not np.array_equal(first, other)


def test_start_optimum_and_rarity_lie_where_they_were_asked_for(landscapes):
    """Ranges that the documentation states."""
    for landscape, values in landscapes:
        assert START_RANGE[0] - 1e-9 <= landscape.usability([START])[0] <= START_RANGE[1] + 1e-9
        assert values.min() >= 0.05 and 0.9 <= values.max() <= 0.97
        near = np.mean(values >= 0.95 * values.max())
        assert NEAR_OPTIMUM[0] <= near <= NEAR_OPTIMUM[1]


def test_the_best_level_of_a_variable_depends_on_the_perovskite(landscapes):
    """In an additive landscape every perovskite would have the same best levels."""
    differing = 0
    for _, values in landscapes:
        best = [np.unravel_index(np.argmax(part), part.shape) for part in values]
        differing += len(set(best)) > 1
    assert differing == DRAWS


def test_pairs_of_variables_interact_in_every_draw(landscapes):
    """Double differences of the two-way tables of means vanish without a pairwise interaction."""
    for _, values in landscapes:
        strongest = 0.0
        for a, b in itertools.combinations(range(values.ndim), 2):
            rest = tuple(k for k in range(values.ndim) if k not in (a, b))
            table = values.mean(axis=rest)
            interaction = table - table.mean(0) - table.mean(1, keepdims=True) + table.mean()
            strongest = max(strongest, float(np.abs(interaction).max()))
        assert strongest > 0.02  # of usability: more than the noise of one extracted device


def test_the_trends_of_the_paper_hold_on_average_but_not_in_every_draw(landscapes):
    """MA above FA and Cs, medium diameters above both ends: in the mean by two standard errors."""
    perovskites, diameters = SPACE["perovskite"], SPACE["diameter_nm"]

    def mean_over(values, axis, levels, chosen):
        rows = [levels.index(level) for level in chosen]
        return np.take(values, rows, axis=axis).mean()

    advantage = np.array(
        [
            mean_over(v, 0, perovskites, ["MAPbI3", "MAPbBr3"])
            - mean_over(v, 0, perovskites, ["FAPbI3", "CsPbI3"])
            for _, v in landscapes
        ]
    )
    medium = np.array(
        [
            mean_over(v, 2, diameters, [100, 150, 200]) - mean_over(v, 2, diameters, [10, 300])
            for _, v in landscapes
        ]
    )
    for differences in (advantage, medium):
        assert differences.mean() > 2 * differences.std(ddof=1) / np.sqrt(DRAWS)
    orders = {tuple(np.argsort(v.mean(axis=(1, 2, 3, 4)))) for _, v in landscapes}
    assert len(orders) > 1


@pytest.mark.parametrize("name", [n for n in SPACE if n != "perovskite"])
def test_usability_between_two_levels_joins_them_without_a_jump(landscapes, name):
    """Steps shrink in proportion to the spacing: a jump would stay."""
    landscape, _ = landscapes[1]
    low, high = min(SPACE[name]), max(SPACE[name])
    coarse, fine = (
        np.abs(np.diff(landscape.usability([START | {name: x} for x in np.linspace(low, high, n)]))).max()
        for n in (201, 2001)
    )
    assert fine < 0.2 * coarse + 1e-12


@pytest.mark.parametrize("name", [n for n in SPACE if n != "perovskite"])
def test_usability_beyond_the_levels_stays_within_floor_and_top(landscapes, name):
    """Measured devices lie off the grid, some beyond its ends."""
    for landscape, _ in landscapes:
        values = landscape.usability([START | {name: f * max(SPACE[name])} for f in (0.005, 0.5, 1.5, 3)])
        assert np.all((values >= landscape.floor) & (values <= landscape.top + 1e-12))


@given(st.floats(1e-3, 1.0))
def test_nonidealities_multiply_to_the_usability(usability):
    """U = eta exp(-sigma), with eta in (0, 1] and sigma >= 0."""
    eta, sigma = Landscape.nonidealities(usability)
    assert eta * np.exp(-sigma) == pytest.approx(usability, rel=1e-12)
    assert 0 < eta <= 1 and sigma >= 0


def test_a_lower_usability_has_both_a_lower_eta_and_a_higher_sigma():
    """The direction of the measured trend."""
    eta, sigma = np.transpose([Landscape.nonidealities(u) for u in np.linspace(0.05, 1, 40)])
    assert np.all(np.diff(eta) > 0) and np.all(np.diff(sigma) < 0)


@pytest.mark.parametrize("usability", [0.0, -0.1, 1.01, float("nan")])
def test_what_is_no_usability_is_refused(usability):
    """Nothing is clipped into range."""
    with pytest.raises(ValueError, match="usability"):
        Landscape.nonidealities(usability)
