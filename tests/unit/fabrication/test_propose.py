"""Proposals: what informs, what is proposed, and that nothing else matters."""

import json
from itertools import product
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import yaml
from scipy.stats import truncnorm

from codesign.fabrication.card import _stopping
from codesign.fabrication.choice import chance_to_improve
from codesign.fabrication.encoding import Levels, ions_of, tolerance_factor
from codesign.fabrication.model import view_of
from codesign.fabrication.propose import propose
from codesign.fabrication.search import Search
from codesign.fabrication.space import Space, SpaceError, key_of
from codesign.iv.measurement import Measurement, Metadata
from codesign.nonideality.branch import Extraction
from codesign.nonideality.device import extract
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

CONFIG = yaml.safe_load((Path(__file__).parents[3] / "config.yaml").read_text(encoding="utf-8"))
EXTRACTION = Extraction(**CONFIG["extraction"])

METHODS = pytest.mark.parametrize("method", ["marginal", "map"])


def fitted_to(rows, method, *, value=None, std=None):
    """A surrogate of rows, from a generator of its own, and how it sees conditions."""
    conditions = [{name: r[name] for name in CONDITION_COLUMNS} for r in rows]
    view = view_of(method, "physical", LEVELS, conditions)
    value = np.array([r["usability"] for r in rows]) if value is None else value
    std = np.array([r["usability_std"] for r in rows]) if std is None else std
    return view.fit(view.encode(conditions), value, std, np.random.default_rng(7)), view


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
        "measured_at": f"2024-05-{1 + sum(device.encode()) % 28:02d}",
        "usability": usability if status == "ok" else None,
        "usability_std": std if status == "ok" else None,
        "fidelity": usability**0.5 if status == "ok" else None,
        "fidelity_std": std if status == "ok" else None,
        **condition,
    }


def lost(device, condition):
    """A device whose cycles are open or shorted."""
    return row(device, condition, 0.0, status="no_usability") | {"cause": "lost cycles"}


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
    surrogate, _ = fitted_to(sorted(seen, key=lambda r: r["device"]), "map")
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


@METHODS
@pytest.mark.parametrize("goal", ["maximise", "target"])
def test_the_chance_to_beat_what_was_measured_is_of_one_device(seen, goal, method):
    """Drawn: the value at the condition and the difference between devices made alike."""
    surrogate, view = fitted_to(seen, method)
    search = Search(**SETTINGS | {"goal": goal, "target": 0.4, "surrogate": method})
    values = np.array([r["usability"] for r in seen])
    best = values.max() if goal == "maximise" else np.abs(values - 0.4).min()
    points = view.encode(Space(LEVELS).grid())[::20]
    mean, std = surrogate.each(points)
    rng, share = np.random.default_rng(3), 400_000 // len(mean)
    wide = np.sqrt(std**2 + surrogate.between[:, None])
    draws = mean[:, None] + wide[:, None] * rng.standard_normal((len(mean), share, len(points)))
    better = draws > best if goal == "maximise" else np.abs(draws - 0.4) < best
    possible = draws <= 1  # (sets of hyperparameters, share, points)
    passed = (better & possible).sum(axis=1) / possible.sum(axis=1)
    error = 4 * np.sqrt(passed * (1 - passed) / possible.sum(axis=1)).mean(axis=0) + 1e-4
    found = chance_to_improve(surrogate, points, search, measured=best)
    assert np.all(np.abs(found - passed.mean(axis=0)) < error)


class Told:
    """A surrogate of one set of hyperparameters that says what it is told."""

    between = np.array([0.05**2])

    def each(self, points):
        return np.full((1, len(points)), 0.97), np.full((1, len(points)), 0.12)


@pytest.mark.parametrize(("goal", "target", "measured"), [("maximise", 0.5, 0.9), ("target", 0.98, 0.05)])
def test_readings_above_1_do_not_count_as_better(goal, target, measured):
    """Against scipy's truncated normal of 0.97 +- 0.13; nothing passes a device of 1."""
    search = Search(**SETTINGS | {"goal": goal, "target": target})
    normal = truncnorm(-np.inf, (1 - 0.97) / 0.13, loc=0.97, scale=0.13)
    low = measured if goal == "maximise" else target - measured
    expected = 1 - normal.cdf(low)
    found = chance_to_improve(Told(), np.zeros((2, 5)), search, measured=measured)
    assert found == pytest.approx([expected, expected], abs=1e-12)
    if goal == "maximise":
        assert chance_to_improve(Told(), np.zeros((1, 5)), search, measured=1.0) == 0.0


def test_the_card_has_the_best_device_and_what_is_expected_of_devices_made_alike(seen):
    """The best measured is a device; the best predicted lies between it and the mean of all."""
    lucky = row("lucky", {name: seen[0][name] for name in CONDITION_COLUMNS}, 0.95, std=0.01)
    best = run([*seen, lucky]).card["best"]
    assert best["measured"] == {"device": "lucky", "value": 0.95}
    assert np.mean([r["usability"] for r in seen]) < best["predicted"] < 0.95
    nearest = run([*seen, lucky], goal="target", target=0.94).card["best"]
    assert nearest["measured"]["device"] == "lucky" and nearest["predicted"] < 0.95
    assert run([]).card["best"] == {"measured": None, "predicted": None}


def test_each_device_is_predicted_without_itself_and_without_its_condition(seen, proposed):
    """A repeated condition is predicted better from its other device; hyperparameters are found again."""
    again = row("again", {name: seen[0][name] for name in CONDITION_COLUMNS}, seen[0]["usability"] + 0.02)
    card = run([*seen, again]).card
    device, condition = ({r["device"]: r for r in card[part]["rows"]} for part in ("loo", "loo_condition"))
    assert set(device) == set(condition) == {r["device"] for r in [*seen, again]}
    assert abs(device["again"]["mean"] - again["usability"]) < abs(
        condition["again"]["mean"] - again["usability"]
    )
    assert card["loo"]["hyperparameters"] == "inferred again"
    assert card["loo"]["rmse"] == pytest.approx(
        np.sqrt(np.mean([(r["observed"] - r["mean"]) ** 2 for r in device.values()]))
    )
    assert run(seen, surrogate="map").card["loo"]["hyperparameters"] == "held"


def test_devices_without_usability_are_counted_not_fitted(seen, proposed):
    """They leave predictions as they are, and are not proposed again."""
    first = {name: proposed.rows[0][name] for name in CONDITION_COLUMNS}
    after = run([*seen, lost("failed", first)], batch=6)
    assert key_of(first) not in conditions_of(after)
    before = {key_of(r): r for r in run(seen, batch=6).rows}
    shared = [r for r in after.rows if key_of(r) in before]
    assert shared
    assert all(r["predicted_mean"] == before[key_of(r)]["predicted_mean"] for r in shared)
    assert (after.card["counts"]["no_usability"], after.card["counts"]["failed"]) == (1, 1)
    assert proposed.rows[0]["probability_of_usability"] == 1.0


@pytest.mark.parametrize("seed", range(3))
def test_three_failures_at_one_place_move_the_search_away(seed):
    """On a fine grid, nothing within one level of them in one variable is proposed next."""
    fine = LEVELS | {
        "length_um": [1, 1.2, 1.4, 1.6, 1.8, 2],
        "diameter_nm": [50, 100, 150, 200, 250],
        "pb_min": [5, 10, 15, 20, 25],
        "ag_nm": [50, 100, 200, 400, 600],
    }
    space, search = Space(fine), Search(**SETTINGS | {"batch": 2})
    rng = np.random.default_rng(seed)
    picks = rng.choice(len(space.grid()), 10, replace=False)
    rows = [row(f"d{k}", space.grid()[i], rng.uniform(0.1, 0.8)) for k, i in enumerate(picks)]
    first = {name: propose(table(rows), space, search, seed=1).rows[0][name] for name in CONDITION_COLUMNS}
    failed = [lost(f"failed{k}", first) for k in range(3)]
    after = propose(table([*rows, *failed]), space, search, seed=1).rows
    assert len(after) == 2
    for r in after:
        assert r["probability_of_usability"] >= 0.5
        changed = [name for name in CONDITION_COLUMNS if r[name] != first[name]]
        steps = [abs(fine[n].index(r[n]) - fine[n].index(first[n])) for n in changed]
        assert changed == ["perovskite"] or sum(steps) > 1


UP = np.linspace(0.0, 6.0, 61)


def swept(condition, *, cycles, voltage=UP, open_cycles=0, level=np.inf):
    """The row that `extract` makes of sweeps with a spread of 0.1; the first cycles may be open."""
    rng = np.random.default_rng(5)
    current = 1e-7 * voltage * np.exp(voltage / 2 + 0.1 * rng.standard_normal((cycles, voltage.size)))
    current = np.minimum(current, level)
    current[:open_cycles] *= 1e-9
    measurement = Measurement.from_grid(
        Metadata(device="odd", compliance_a=level if np.isfinite(level) else None, **condition),
        cycles=np.arange(cycles), voltage=voltage, current=current,
    )  # fmt: skip
    return extract(measurement, EXTRACTION, rng)


AT_FAULT = {
    "too few cycles": {"cycles": 2},
    "no way up": {"cycles": 5, "voltage": UP[::-1]},
    "one dead cycle, compliance": {"cycles": 30, "open_cycles": 1, "level": 1e-7 * 0.7 * np.exp(0.35)},
    "one dead cycle of two": {"cycles": 2, "open_cycles": 1},
}


@pytest.mark.parametrize("how", AT_FAULT.values(), ids=AT_FAULT)
def test_a_measurement_at_fault_is_no_failure_of_the_device(seen, proposed, how):
    """Its condition is not proposed again, and nothing is learned."""
    first = {name: proposed.rows[0][name] for name in CONDITION_COLUMNS}
    odd = swept(first, **how)
    assert odd["status"] == "no_usability"
    after = run([*seen, odd])
    assert key_of(first) not in conditions_of(after)
    assert {r["probability_of_usability"] for r in after.rows} == {1.0}
    assert (after.card["counts"]["no_usability"], after.card["counts"]["failed"]) == (1, 0)


@pytest.mark.parametrize(
    "how",
    [{"cycles": 4, "open_cycles": 2}, {"cycles": 12, "level": 1e-12}, {"cycles": 2, "level": 1e-12}],
    ids=["open", "shorted", "two, both shorted"],
)
def test_a_device_that_loses_its_cycles_has_failed(seen, how):
    """Whatever else may be said of the measurement."""
    odd = swept(START, **how)
    assert odd["cause"] == "lost cycles", odd["reason"]
    assert run([*seen, odd]).card["counts"]["failed"] == 1


def test_a_device_without_a_finite_reading_is_left_out_by_name(seen):
    """The others inform as before, and its condition is not proposed again."""
    broken = [
        row("endless", START, 0.5, std=np.inf),
        row("unknown", START, 0.5) | {"usability": None},
    ]
    after = run([*seen, *broken])
    assert after.card["not_finite"] == ["endless", "unknown"] and after.card["counts"]["not_finite"] == 2
    assert after.card["counts"]["used"] == len(seen) and key_of(START) not in conditions_of(after)


FINE = LEVELS | {
    "perovskite": ["MAPbI3", "MAPbBr3", "FAPbI3", "CsPbI3", "MAPbCl3"],
    "length_um": [0.6, 1, 1.2, 1.5, 1.8, 2, 2.5, 3],
    "diameter_nm": [10, 50, 100, 150, 200, 250, 300],
    "pb_min": [5, 10, 15, 20, 25, 30],
    "ag_nm": [50, 100, 200, 400, 600],
}
MIDDLE = {"perovskite": "MAPbI3", "length_um": 1.5, "diameter_nm": 150, "pb_min": 15, "ag_nm": 200}
OTHER = {"perovskite": "FAPbI3", "length_um": 2, "diameter_nm": 100, "pb_min": 25, "ag_nm": 400}


@pytest.mark.parametrize("places", [[START], [START, OTHER], [START, MIDDLE, OTHER]], ids=["1", "2", "3"])
def test_early_failures_do_not_send_devices_to_the_corners(places):
    """Chances far from everything made are the prior's, which is no reason to go there."""
    failed = [lost(f"f{k}", place) for k, place in enumerate(places)]
    rows = propose(table(failed), Space(FINE), Search(**SETTINGS | {"batch": 4}), seed=1).rows
    assert len(rows) == 4
    for r in rows:
        assert all(FINE[n][0] < r[n] < FINE[n][-1] for n in CONDITION_COLUMNS[1:])
        assert key_of(r) not in map(key_of, places)


def test_failures_before_a_model_move_the_next_device_too():
    """The start shorted: another is made, and not beside it."""
    after = run([lost(f"f{k}", START) for k in range(3)])
    assert key_of(START) not in conditions_of(after)
    assert all(r["probability_of_usability"] >= 0.5 for r in after.rows)


def test_exclusions_that_leave_nothing_are_refused_by_name(seen):
    """Before anything is computed, with what to change."""
    with pytest.raises(SpaceError, match=r"fabrication\.exclude: the 3 exclusion.*leave no condition"):
        run(seen, exclude=[{"perovskite": name} for name in LEVELS["perovskite"]])


@METHODS
def test_a_wider_interval_weighs_less(seen, proposed, method):
    """The same surprising device moves the prediction less when it is uncertain."""
    best = row("best", {name: proposed.rows[0][name] for name in CONDITION_COLUMNS}, 0.05)
    fits = [fitted_to([*seen, best], method, std=np.array([0.03] * len(seen) + [s])) for s in (0.01, 0.6)]
    sure, unsure = (surrogate.predict(surrogate.x[-1:])[0][0] for surrogate, _ in fits)
    assert sure < unsure


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


def test_one_condition_left_is_the_batch():
    """And stopping is reasonable."""
    rows = [row(f"d{k:03d}", c, hidden(c)) for k, c in enumerate(Space(LEVELS).grid())][:-1]
    done = run(rows, batch=4)
    assert len(done.rows) == 1
    assert done.card["stopping"]["statement"].startswith("Stopping is reasonable")


SMALL = {name: levels[:1] for name, levels in LEVELS.items()} | {"length_um": [1, 1.5, 2]}
THREE = Space(SMALL).grid()
DONE = {
    "all measured": (THREE, [], [], ()),
    "the third pending": (THREE[:2], [], THREE[2:], ()),
    "the third failed": (THREE[:2], THREE[2:], [], ()),
    "the others excluded": (THREE[:1], [], [], [{"length_um": 1.5}, {"length_um": 2}]),
    "one failed, no model": ([], THREE[:1], THREE[1:], ()),
}


@METHODS
@pytest.mark.parametrize(("made", "failed", "pending", "exclude"), DONE.values(), ids=DONE)
def test_a_grid_with_nothing_left_is_a_reason_to_stop(made, failed, pending, exclude, method):
    """Nothing is proposed, and what to do is said, with a model and before one."""
    rows = [row(f"d{k}", c, 0.3 + 0.1 * k) for k, c in enumerate(made)]
    rows += [lost(f"f{k}", c) for k, c in enumerate(failed)]
    search = Search(**SETTINGS | {"space_filling": 2, "pending": pending, "surrogate": method})
    done = propose(table(rows), Space(SMALL, exclude), search, seed=1)
    assert done.rows == []
    stopping = done.card["stopping"]
    assert (stopping["max_ei"], stopping["probability_better"]) == (0.0, 0.0)
    assert "every condition is made, failed" in stopping["statement"]
    assert "add levels to fabrication.space" in stopping["statement"]


def test_a_better_condition_where_devices_hardly_work_is_no_reason_to_go_on(seen):
    """The probability to find a better one is of conditions that may be proposed."""
    surrogate, view = fitted_to(seen, "marginal")
    grid = Space(LEVELS).grid()
    points = view.encode(grid)
    mean, _ = surrogate.predict(points)
    search, none = Search(**SETTINGS), np.zeros(len(grid), dtype=bool)
    top = mean >= np.quantile(mean, 0.7)
    said = [
        _stopping(surrogate, points, none, chance, search, 1, [])["probability_better"]
        for chance in (np.ones(len(grid)), np.where(top, 0.1, 1.0))
    ]
    assert said[1] < said[0]


def test_maps_are_of_gains_times_the_chance_to_work(seen):
    """At the first proposal the map has what the proposal says."""
    first = {name: run(seen).rows[0][name] for name in CONDITION_COLUMNS}
    after = run([*seen, lost("f", first)])
    best = after.rows[0]
    assert best["probability_of_usability"] < 0.95
    for part in after.card["slices"]:
        i, j = part["x"].index(best[part["x_variable"]]), part["y"].index(best[part["y_variable"]])
        assert part["expected_improvement"][j][i] == pytest.approx(best["expected_improvement"])


@METHODS
def test_a_variable_of_one_level_has_no_relevance(method):
    """It is left out; the others share what there is."""
    levels = LEVELS | {"pb_min": [10]}
    conditions = Space(levels).grid()[::7]
    rows = [row(f"d{k}", c, hidden(c)) for k, c in enumerate(conditions)]
    found = propose(table(rows), Space(levels), Search(**SETTINGS | {"surrogate": method}), seed=1)
    names = [part["variable"] for part in found.card["relevance"]]
    assert names == [n for n in CONDITION_COLUMNS if n != "pb_min"]
    assert sum(part["value"] for part in found.card["relevance"]) == pytest.approx(1.0)


def test_a_time_of_0_beside_a_single_level_is_a_place():
    """One level is at 1/2, others differ from it by their share of it."""
    levels = Levels(LEVELS | {"pb_min": [20]})
    assert levels([START | {"pb_min": t} for t in (0, 10, 20, 30)])[:, 3] == pytest.approx([-0.5, 0, 0.5, 1])
    rows = [row(f"d{k}", START | {"pb_min": 10 * k}, 0.2 + 0.1 * k) for k in range(4)]
    space = Space(LEVELS | {"pb_min": [20]})
    assert propose(table(rows), space, Search(**SETTINGS), seed=1).rows[0]["predicted_mean"] is not None


def test_so_far_is_the_nearest_to_a_target(seen):
    """In the history; for the largest reading it is the largest so far."""
    values = np.array([part["value"] for part in run(seen).card["history"]])
    largest = [part["best"] for part in run(seen).card["history"]]
    assert largest == np.maximum.accumulate(values).tolist()
    near = [part["best"] for part in run(seen, goal="target", target=0.3).card["history"]]
    distance = np.abs(values - 0.3)
    assert np.abs(np.array(near) - 0.3) == pytest.approx(np.minimum.accumulate(distance))


def test_without_dates_there_is_no_order(seen):
    """One device without a date, and nobody knows what came first."""
    history = run(seen).card["history"]
    when = {one["device"]: one["measured_at"] for one in seen}
    assert [when[part["device"]] for part in history] == sorted(when.values())
    assert run([seen[0] | {"measured_at": ""}, *seen[1:]]).card["history"] == []


def test_the_card_calls_devices_as_their_ranking_does(seen):
    """Ranks by usability, whatever is sought; labels are told apart."""
    called = run(seen, reading="fidelity").card["called"]
    best = sorted(seen, key=lambda one: (-one["usability"], one["device"]))
    assert [called[one["device"]]["rank"] for one in best] == list(range(1, len(seen) + 1))
    assert len({said["label"] for said in called.values()}) == len(seen)


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
