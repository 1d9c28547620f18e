"""Proposals: what informs, what is proposed, and that nothing else matters."""

import json
from dataclasses import replace
from itertools import product

import numpy as np
import pyarrow as pa
import pytest
from scipy.stats import multivariate_normal

from codesign.bayesopt.surrogate import fit_surrogate, slice_samples
from codesign.fabrication.encoding import Encoding, ions_of, tolerance_factor
from codesign.fabrication.propose import Search, propose
from codesign.fabrication.space import Space, SpaceError, key_of
from codesign.schemas.conditions import CONDITION_COLUMNS
from codesign.schemas.device import DEVICE
from codesign.schemas.proposals import PROPOSALS

LEVELS = {
    "perovskite": ["MAPbI3", "MAPbBr3", "CsPbI3"],
    "length_um": [1, 1.5, 2],
    "diameter_nm": [100, 200, 250],
    "pb_min": [10, 15],
    "ag_nm": [100, 200],
}
START = {"perovskite": "MAPbBr3", "length_um": 1, "diameter_nm": 250, "pb_min": 10, "ag_nm": 100}
SETTINGS = {
    "encoding": "physical",
    "surrogate": "marginal",
    "goal": "maximise",
    "target": 0.5,
    "batch": 3,
    "space_filling": 3,
    "start": START,
}


METHODS = pytest.mark.parametrize("method", ["marginal", "map"])


def fitted_to(x, y, std, method):
    """A surrogate from a generator of its own."""
    return fit_surrogate(x, y, std, method=method, rng=np.random.default_rng(7))


def fitted_to_seen(rows):
    """What `run` fits with `surrogate="map"`, which draws nothing."""
    rows = sorted(rows, key=lambda r: r["device"])
    x = Encoding("physical", LEVELS)([{name: r[name] for name in CONDITION_COLUMNS} for r in rows])
    values = (np.array([r[name] for r in rows]) for name in ("usability", "usability_std"))
    return fitted_to(x, *values, "map")


def hidden(condition):
    """A smooth usability with one good region."""
    return 0.9 * np.exp(
        -2 * (condition["length_um"] - 1.5) ** 2
        - ((condition["diameter_nm"] - 200) / 100) ** 2
        - 0.5 * (condition["perovskite"] == "CsPbI3")
    )


def row(device, condition, usability, *, std=0.03, status="ok"):
    blank = dict.fromkeys(DEVICE.names)
    return blank | {
        "device": device,
        "origin": "measured",
        "status": status,
        "reason": "" if status == "ok" else "why",
        "measured_at": "",
        "usability": usability if status == "ok" else None,
        "usability_std": std if status == "ok" else None,
        "fidelity": usability**0.5 if status == "ok" else None,
        "fidelity_std": std if status == "ok" else None,
        **condition,
    }


def table(rows):
    return pa.Table.from_pylist(rows, schema=DEVICE)


@pytest.fixture(scope="module")
def seen():
    """Ten devices on the grid and one off it."""
    grid = Space(LEVELS).grid()
    picks = np.random.default_rng(0).choice(len(grid), 10, replace=False)
    rows = [row(f"d{k}", grid[i], hidden(grid[i])) for k, i in enumerate(picks)]
    off = {"perovskite": "MAPbI3", "length_um": 0.7, "diameter_nm": 200, "pb_min": 18, "ag_nm": 150}
    return [*rows, row("off-grid", off, hidden(off))]


@pytest.fixture(scope="module")
def proposed(seen):
    """What is proposed after them."""
    return run(seen)


def run(rows, *, exclude=(), **changes):
    return propose(table(rows), Space(LEVELS, exclude), Search(**SETTINGS | changes), seed=1)


def conditions_of(proposals):
    return [key_of(r) for r in proposals.rows]


def test_rows_have_the_columns_of_the_table(proposed):
    """They go through the checked writer."""
    pa.Table.from_pylist(proposed.rows, schema=PROPOSALS)
    assert set(proposed.rows[0]) == set(PROPOSALS.names)


def test_a_measured_condition_is_never_proposed_again_and_no_two_are_the_same(seen):
    """The batch holds new grid conditions only."""
    conditions = conditions_of(run(seen, batch=8))
    assert len(set(conditions)) == 8
    assert not set(conditions) & {key_of(r) for r in seen}
    assert set(conditions) <= {key_of(c) for c in Space(LEVELS).grid()}


def test_devices_off_the_grid_inform_but_are_not_proposed(seen, proposed):
    """Leaving the off-grid device out changes what is predicted; it is counted."""
    without = run(seen[:-1])
    assert proposed.card["counts"]["off_grid"] == 1
    assert proposed.rows[0]["predicted_mean"] != without.rows[0]["predicted_mean"]


def test_exclusions_are_honoured(seen, proposed):
    """Whatever matches every key of an exclusion is not proposed."""
    first = proposed.rows[0]
    excluded = run(seen, exclude=[{"length_um": first["length_um"], "diameter_nm": first["diameter_nm"]}])
    for r in excluded.rows:
        assert (r["length_um"], r["diameter_nm"]) != (first["length_um"], first["diameter_nm"])


def test_pending_devices_are_conditioned_on(seen, proposed):
    """The first choice, once pending, moves the rest of the batch as if it were in it."""
    pending = {name: proposed.rows[0][name] for name in CONDITION_COLUMNS}
    after = run(seen, pending=[pending], batch=2)
    assert conditions_of(after) == conditions_of(proposed)[1:]


def test_the_order_of_rows_does_not_matter_and_bytes_repeat(seen, proposed):
    """The same devices give the same proposals and card."""
    again = run([seen[k] for k in np.random.default_rng(2).permutation(len(seen))])
    assert proposed.rows == again.rows
    assert json.dumps(proposed.card, sort_keys=True) == json.dumps(again.card, sort_keys=True)


@pytest.mark.parametrize("goal", ["maximise", "target"])
def test_the_probability_of_improvement_is_that_of_the_goal(seen, goal):
    """Against draws of the surrogate's own prediction; at this level the two differ."""
    surrogate = fitted_to_seen(seen)
    made = surrogate.predict(surrogate.x)[0]
    proposals = run(seen, goal=goal, target=0.33, surrogate="map")
    assert proposals.rows
    for r in proposals.rows:
        draws = np.random.default_rng(4).normal(r["predicted_mean"], r["predicted_std"], 200_000)
        if goal == "maximise":
            better = draws > made.max()
        else:
            better = np.abs(draws - 0.33) < np.abs(made - 0.33).min()
        error = 4 * better.std() / np.sqrt(better.size) + 1e-5
        assert r["probability_of_improvement"] == pytest.approx(better.mean(), abs=error)


def test_devices_without_usability_are_counted_not_fitted(seen, proposed):
    """They leave the prediction as it is."""
    after = run([*seen, row("failed", START, 0.0, status="no_usability")])
    assert after.rows[0]["predicted_mean"] == proposed.rows[0]["predicted_mean"]
    assert after.card["counts"]["no_usability"] == 1


@METHODS
def test_a_wider_interval_weighs_less(seen, proposed, method):
    """The same surprising device moves the prediction less when it is uncertain."""
    best = {name: proposed.rows[0][name] for name in CONDITION_COLUMNS}
    x = Encoding("physical", LEVELS)([*({n: r[n] for n in CONDITION_COLUMNS} for r in seen), best])
    y = np.array([*(r["usability"] for r in seen), 0.05])
    sure, unsure = (fitted_to(x, y, np.array([0.03] * len(seen) + [s]), method) for s in (0.01, 0.6))
    assert sure.predict(x[-1:])[0][0] < unsure.predict(x[-1:])[0][0]


def test_few_devices_give_a_space_filling_batch_with_the_start_first():
    """No model before it can be fitted, and the card says so."""
    nothing = run([])
    assert conditions_of(nothing)[0] == key_of(START)
    assert "space-filling" in nothing.rows[0]["surrogate"] and nothing.rows[0]["predicted_mean"] is None
    one = run([row("d", START, 0.3)])
    assert key_of(START) not in conditions_of(one) and "Go on" in one.card["stopping"]["statement"]


def test_seeking_a_level_proposes_conditions_near_it(seen, proposed):
    """Predictions of the batch lie nearer to the target than those of the maximiser."""
    near = np.mean([abs(r["predicted_mean"] - 0.3) for r in run(seen, goal="target", target=0.3).rows])
    far = np.mean([abs(r["predicted_mean"] - 0.3) for r in proposed.rows])
    assert near < far


def test_the_best_condition_is_found_in_a_few_batches(seen, proposed):
    """On a smooth usability four batches are enough."""
    rows, best = list(seen), max(hidden(c) for c in Space(LEVELS).grid())
    for batch in range(4):
        for r in (run(rows) if batch else proposed).rows:
            condition = {name: r[name] for name in CONDITION_COLUMNS}
            rows.append(row(f"n{len(rows)}", condition, hidden(condition)))
    assert max(r["usability"] for r in rows) == pytest.approx(best)


def test_everything_made_is_a_reason_to_stop():
    """With the whole grid measured nothing is proposed and stopping is reasonable."""
    rows = [row(f"d{k:03d}", c, hidden(c)) for k, c in enumerate(Space(LEVELS).grid())][:-1]
    done = run(rows, batch=4)
    assert len(done.rows) == 1
    assert done.card["stopping"]["statement"].startswith("Stopping is reasonable")


@METHODS
def test_leave_one_out_is_what_refitting_without_the_device_gives(seen, method):
    """Closed form against conditioning each process on the others, hyperparameters held."""
    x = Encoding("physical", LEVELS)([{n: r[n] for n in CONDITION_COLUMNS} for r in seen])
    fitted = fitted_to(x, np.array([r["usability"] for r in seen]), np.full(len(seen), 0.03), method)
    for process in fitted.processes:
        mean, std = process.leave_one_out()
        for k in range(len(seen)):
            keep = np.arange(len(seen)) != k
            others = replace(process, x=x[keep], y=process.y[keep], variance=process.variance[keep])
            m, s = others.predict(x[k : k + 1])
            assert mean[k] == pytest.approx(m[0], abs=1e-6)
            assert std[k] == pytest.approx(np.sqrt(s[0] ** 2 + process.variance[k]), rel=1e-4)


@METHODS
def test_prediction_is_gaussian_conditioning(method):
    """Against scipy's joint normal: p(y* | y) = p(y*, y) / p(y), for each process."""
    rng = np.random.default_rng(3)
    x, y = rng.random((6, 7)), rng.random(6)
    new = rng.random((1, 7))
    every = np.vstack([x, new])
    for fitted in fitted_to(x, y, np.full(6, 0.05), method).processes[:4]:
        mean, std = fitted.predict(new)
        square = (((every[:, None] - every[None]) / fitted.lengthscale) ** 2).sum(-1)
        covariance = fitted.outputscale * np.exp(-0.5 * square) + fitted.constant_variance
        covariance[:6, :6] += np.diag(fitted.variance / fitted.scale**2)
        covariance += 1e-8 * np.eye(7)
        z = (y - fitted.offset) / fitted.scale
        grid = np.array([0.2, 0.4, 0.9])
        log_ratio = [
            multivariate_normal(np.full(7, fitted.constant), covariance).logpdf(
                [*z, (g - fitted.offset) / fitted.scale]
            )
            - multivariate_normal(np.full(6, fitted.constant), covariance[:6, :6]).logpdf(z)
            - np.log(fitted.scale)
            for g in grid
        ]
        expected = -0.5 * ((grid - mean) / std) ** 2 - np.log(std) - 0.5 * np.log(2 * np.pi)
        assert log_ratio == pytest.approx(expected, rel=1e-4, abs=1e-4)


def test_a_mixture_has_the_moments_of_its_processes():
    """Law of total variance, against draws from each process in turn."""
    rng = np.random.default_rng(3)
    x, y, new = rng.random((6, 7)), rng.random(6), rng.random((2, 7))
    fitted = fitted_to(x, y, np.full(6, 0.05), "marginal")
    mean, std = fitted.predict(new)
    count = 64_000
    draws = fitted.samples(new, count, np.random.default_rng(1))
    assert draws.shape == (count, 2)
    assert draws.mean(axis=0) == pytest.approx(mean, abs=4 * std.max() / np.sqrt(count))
    kurtosis = ((draws - draws.mean(axis=0)) ** 4).mean(axis=0) / draws.var(axis=0) ** 2
    error = std * np.sqrt(kurtosis - 1) / (2 * np.sqrt(count))
    assert np.all(np.abs(draws.std(axis=0) - std) < 4 * error + 1e-4)


def test_slice_sampling_gives_the_posterior_of_a_normal_mean():
    """Normal prior and likelihood: mean and variance in closed form, within four standard errors."""
    centre, width = np.array([1.0, -2.0]), np.array([0.5, 2.0])
    seen, noise = np.array([1.8, 0.5]), np.array([0.4, 1.0])
    drawn = np.array(
        slice_samples(
            lambda p: float(-0.5 * (((p - seen) / noise) ** 2).sum()),
            centre,
            width,
            np.random.default_rng(11),
            burn=50,
            count=4000,
            thin=5,
        )
    )
    variance = 1 / (1 / width**2 + 1 / noise**2)
    mean = variance * (centre / width**2 + seen / noise**2)
    # the draws are a chain: a batch is nearly independent of the next
    batches = drawn.reshape(40, 100, 2)
    assert np.all(np.abs(drawn.mean(0) - mean) < 4 * batches.mean(1).std(0, ddof=1) / np.sqrt(40))
    assert np.all(np.abs(drawn.var(0) - variance) < 4 * batches.var(1).std(0, ddof=1) / np.sqrt(40) + 0.01)


def test_what_few_devices_cannot_tell_stays_uncertain():
    """Far from four devices the drawn hyperparameters give wider predictions than one best set."""
    rng = np.random.default_rng(5)
    x, far = 0.3 * rng.random((4, 5)), np.full((1, 5), 1.0)
    y = 0.4 + 0.1 * x[:, 0]
    wide, narrow = (fitted_to(x, y, np.full(4, 0.02), m).predict(far)[1][0] for m in ("marginal", "map"))
    assert wide > narrow


def test_space_filling_takes_the_middle_once_and_leaves_the_edges_out():
    """After the start comes the middle, then devices far from it; none at the end of a range."""
    levels = {
        "perovskite": ["MAPbI3", "FAPbI3"],
        "length_um": [1, 1.5, 2, 2.5, 3],
        "diameter_nm": [50, 100, 150, 200, 250],
        "pb_min": [5, 10, 15, 20, 25],
        "ag_nm": [50, 100, 200, 400, 800],
    }
    start = {"perovskite": "FAPbI3", "length_um": 1, "diameter_nm": 250, "pb_min": 10, "ag_nm": 100}
    rows = propose(
        table([]),
        Space(levels),
        Search(**SETTINGS | {"batch": 5, "space_filling": 8, "start": start}),
        seed=1,
    ).rows
    middle = {"perovskite": "MAPbI3", "length_um": 1.5, "diameter_nm": 150, "pb_min": 15, "ag_nm": 200}
    assert [key_of(r) for r in rows[:2]] == [key_of(start), key_of(middle)]
    for r in rows[2:]:
        assert all(levels[n][0] < r[n] < levels[n][-1] for n in CONDITION_COLUMNS[1:])


def test_the_grid_has_every_combination_once():
    """3 x 3 x 3 x 2 x 2, in a fixed order."""
    grid = Space(LEVELS).grid()
    assert [key_of(c) for c in grid] == [
        (v[0], *map(float, v[1:])) for v in product(*(LEVELS[name] for name in CONDITION_COLUMNS))
    ]


@pytest.mark.parametrize(
    ("levels", "exclude", "words"),
    [
        pytest.param(LEVELS | {"ag_nm": []}, [], "ag_nm needs levels", id="no-levels"),
        pytest.param(LEVELS | {"extra": [1]}, [], "variables", id="unknown-variable"),
        pytest.param(LEVELS, [{"ag_nm": 77}], "ag_nm=77", id="unknown-level"),
        pytest.param(LEVELS, [{"ag": 100}], "ag=100", id="unknown-key"),
    ],
)
def test_a_wrong_space_is_refused_by_name(levels, exclude, words):
    """The message names the variable and the value."""
    with pytest.raises(SpaceError, match=words):
        Space(levels, exclude)


def test_tolerance_factors_are_the_published_ones():
    """Kieslich et al. (2014) give 0.91 for MAPbI3 and 0.99 for FAPbI3; Cs is smaller than both."""
    assert tolerance_factor("MAPbI3") == pytest.approx(0.912, abs=0.005)
    assert tolerance_factor("FAPbI3") == pytest.approx(0.987, abs=0.005)
    assert tolerance_factor("CsPbI3") < tolerance_factor("MAPbI3")


def test_unknown_compounds_are_told():
    """There are no radii to guess."""
    with pytest.raises(SpaceError, match="Cs2AgBiBr6"):
        ions_of("Cs2AgBiBr6")


def test_the_search_may_follow_fidelity(seen):
    """Values, their deviations and the card are those of the reading asked for."""
    followed = run([one | {"fidelity": 0.5 * one["usability"]} for one in seen], reading="fidelity")
    assert followed.card["reading"] == "fidelity"
    assert {row["reading"] for row in followed.rows} == {"fidelity"}
    best = max(one["usability"] for one in seen)
    assert max(part["value"] for part in followed.card["history"]) == pytest.approx(0.5 * best)
    assert "in fidelity" in followed.card["stopping"]["statement"]
    same = run([one | {"fidelity": one["usability"]} for one in seen], reading="fidelity")
    plain = run(seen)
    assert [row["predicted_mean"] for row in same.rows] == [row["predicted_mean"] for row in plain.rows]
    with pytest.raises(ValueError, match="reading must be one of usability, fidelity"):
        Search(**SETTINGS, reading="eta")
