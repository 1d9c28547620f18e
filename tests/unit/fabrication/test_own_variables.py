"""A search over a laboratory's own variables: several categories, one, none; a few numbers, one, none."""

import json

import numpy as np
import pyarrow as pa
import pytest

from codesign.fabrication.encoding import Encoding, Levels
from codesign.fabrication.laboratory import fabrication_of
from codesign.fabrication.observations import read_observations
from codesign.fabrication.propose import propose
from codesign.fabrication.search import Search
from codesign.fabrication.space import Space, SpaceError, key_of
from codesign.schemas.device import DEVICE
from codesign.schemas.proposals import PROPOSALS, proposals_schema
from codesign.variables import PAPER, PAPER_SPACE, PAPER_START, Variable, Variables

OXIDE = Variable("oxide", "oxide", kind="category")
METAL = Variable("metal", "top metal", kind="category")
NM = Variable("thickness_nm", "thickness", "nm", scale="log")
ANNEAL = Variable("anneal_c", "anneal", "°C")
HUMIDITY = Variable("humidity", "humidity", "%")
AG = PAPER["ag_nm"]
LEVELS = {
    "oxide": ["HfO2", "TaOx"],
    "metal": ["TiN", "Pt", "W"],
    "thickness_nm": [3, 5, 8, 12],
    "anneal_c": [-20, 25, 400],
    "humidity": [0, 30],
    "ag_nm": [50, 100],
}
SPACES = {
    "two categories": (OXIDE, NM, METAL, ANNEAL),
    "no category": (NM, ANNEAL, HUMIDITY),
    "one number": (NM,),
    "one number of two": (OXIDE, NM),
    "categories alone": (OXIDE, METAL),
    "one of the paper's": (AG, OXIDE, NM),
}
PAIRS = {
    "two categories": [("thickness_nm", "anneal_c")],
    "no category": [("thickness_nm", "anneal_c"), ("thickness_nm", "humidity")],
    "one number": [],
    "one number of two": [],
    "categories alone": [],
    "one of the paper's": [("ag_nm", "thickness_nm")],
}


def space_of(name, exclude=()):
    variables = Variables(SPACES[name])
    return Space({each.name: LEVELS[each.name] for each in variables}, exclude, variables)


def row(device, condition, usability):
    """A row of the usability table; its own conditions are texts, as a list of devices has them."""
    blank = dict.fromkeys(DEVICE.names) | {"device": device, "origin": "measured", "status": "ok"}
    own = {name: str(value) for name, value in condition.items() if name not in DEVICE.names}
    blank |= {name: value for name, value in condition.items() if name in DEVICE.names}
    reading = {"usability": usability, "usability_std": 0.02, "fidelity": usability, "fidelity_std": 0.02}
    if usability is None:
        reading = {"status": "no_usability", "cause": "lost cycles"}
    return blank | reading | {"conditions": json.dumps(own) if own else ""}


def table(rows):
    return pa.Table.from_pylist(rows, schema=DEVICE)


def search(space, **changes):
    settings = {
        "encoding": "onehot", "surrogate": "marginal", "goal": "maximise", "target": 0.5, "batch": 2,
        "space_filling": 2, "start": space.grid()[0],
    }  # fmt: skip
    return Search(**settings | changes)


def hidden(condition):
    """Better in HfO2, with tungsten and at 8 nm."""
    value = 0.3 + 0.3 * (condition.get("oxide") == "HfO2") + 0.1 * (condition.get("metal") == "W")
    return value + 0.2 * np.exp(-(np.log(condition.get("thickness_nm", 8) / 8) ** 2))


@pytest.mark.parametrize("name", SPACES)
@pytest.mark.parametrize("surrogate", ["marginal", "map"])
def test_any_number_of_categories_and_numbers_is_searched(name, surrogate):
    """Proposals are open conditions, in columns of the variables' types; the card has every variable."""
    space = space_of(name)
    grid = space.grid()
    rows = [row(f"d{k}", grid[k], hidden(grid[k])) for k in range(0, len(grid) - 1, max(1, len(grid) // 3))]
    found = propose(table(rows), space, search(space, surrogate=surrogate), seed=1)
    schema = proposals_schema(space.variables)
    assert pa.Table.from_pylist(found.rows, schema=schema).num_rows == min(2, len(grid) - len(rows))
    assert schema.names[1 : 1 + len(space.variables)] == list(space.variables.names)
    made = {space.key(grid[k]) for k in range(0, len(grid) - 1, max(1, len(grid) // 3))}
    for each in found.rows:
        assert space.key(each) in set(map(space.key, grid)) - made and each["predicted_mean"] is not None
    card = found.card
    assert card["counts"]["used"] == len(rows) and "notes" not in card
    assert [part["variable"] for part in card["partial_dependence"]] == list(space.variables.names)
    assert {part["variable"] for part in card["relevance"]} == set(space.variables.names)
    assert [(part["x_variable"], part["y_variable"]) for part in card["slices"]] == PAIRS[name]
    assert sum(part["value"] for part in card["relevance"]) == pytest.approx(1.0)


@pytest.mark.parametrize("name", SPACES)
def test_before_a_model_devices_are_spread_out(name):
    """The start first, then others that are not it."""
    space = space_of(name)
    found = propose(table([]), space, search(space), seed=1).rows
    assert space.key(found[0]) == space.key(space.grid()[0]) != space.key(found[1])
    assert found[0]["surrogate"].startswith("none")


def test_the_search_finds_what_the_categories_say():
    """Fitted to TaOx and HfO2 with different metals, it proposes HfO2 with tungsten, not made yet."""
    space = space_of("two categories")
    grid = space.grid()
    made = [c for k, c in enumerate(grid) if k % 4 == 0 and (c["oxide"], c["metal"]) != ("HfO2", "W")]
    rows = [row(f"d{k}", c, hidden(c)) for k, c in enumerate(made)]
    first = propose(table(rows), space, search(space), seed=1).rows[0]
    assert (first["oxide"], first["metal"]) == ("HfO2", "W")


def test_failures_steer_a_search_without_a_compound():
    """Where devices fail with one metal, the chance there is low and another is proposed."""
    space = space_of("two categories")
    failed = [c for c in space.grid() if c["metal"] == "Pt" and c["anneal_c"] == 25]
    worked = [c for c in space.grid() if c["metal"] == "W" and c["anneal_c"] == 25][:3]
    rows = [row(f"f{k}", c, None) for k, c in enumerate(failed)]
    rows += [row(f"w{k}", c, hidden(c)) for k, c in enumerate(worked)]
    found = propose(table(rows), space, search(space), seed=1)
    assert found.card["counts"]["failed"] == len(failed)
    assert all(each["metal"] != "Pt" and 0 < each["probability_of_usability"] < 1 for each in found.rows)


def test_points_have_categories_first_then_numbers():
    """Whatever the order of the variables: codes and levels, one-hot dimensions and shares of a range."""
    space = space_of("two categories")
    at = {"oxide": "TaOx", "thickness_nm": 5.0, "metal": "W", "anneal_c": 400}
    levels = Levels(space.levels, varied=space.variables)
    assert levels.variables == ["oxide", "metal", "thickness_nm", "anneal_c"]
    assert levels([at])[0] == pytest.approx([1, 2, 1 / 3, 1])
    encoding = Encoding("onehot", space.levels, space.variables)
    assert encoding.variables == ["oxide"] * 2 + ["metal"] * 3 + ["thickness_nm", "anneal_c"]
    assert encoding.numeric.tolist() == [False] * 5 + [True] * 2
    share = np.log(5 / 3) / np.log(12 / 3)
    assert encoding([at])[0] == pytest.approx([0, 1, 0, 0, 1, share, 1.0])
    assert space.key(at) == ("TaOx", "W", 5.0, 400.0)
    more = Levels(space.levels, {"metal": {"Ru"}}, space.variables)
    assert more([at | {"metal": "Ru"}])[0][1] == 3
    with pytest.raises(SpaceError, match="metal 'Ru' is none of TiN, Pt, W"):
        levels([at | {"metal": "Ru"}])
    assert not encoding.knows(at | {"metal": "Ru"}) and encoding.knows(at)


def test_points_without_a_category_are_levels_alone():
    """Numbers below zero have levels too."""
    space = space_of("no category")
    at = {"thickness_nm": 12, "anneal_c": -20, "humidity": 15}
    assert Levels(space.levels, varied=space.variables)([at])[0] == pytest.approx([1, 0, 0.5])
    assert Encoding("onehot", space.levels, space.variables)([at])[0] == pytest.approx([1, 0, 0.5])


def test_physical_is_for_perovskites():
    """Beside them another category is one-hot; without them the error says what to write."""
    variables = Variables((PAPER["perovskite"], METAL, NM))
    levels = {"perovskite": ["MAPbI3"], "metal": ["TiN", "Pt"], "thickness_nm": [1, 10]}
    encoding = Encoding("physical", levels, variables)
    assert encoding.variables == ["perovskite"] * 3 + ["metal"] * 2 + ["thickness_nm"]
    assert encoding([{"perovskite": "MAPbBr3", "metal": "Pt", "thickness_nm": 10}]).shape == (1, 6)
    assert not encoding.knows({"perovskite": "MAPbI3", "metal": "W"})
    with pytest.raises(SpaceError, match=r"category called perovskite.*fabrication\.encoding: onehot"):
        Encoding("physical", {"oxide": ["HfO2"], "thickness_nm": [1]}, Variables((OXIDE, NM)))


def test_what_does_not_fit_a_variable_makes_it_unknown_with_a_note():
    """Device, variable and value are named, and the device is counted, not dropped in silence."""
    space = space_of("two categories")
    good = {"oxide": "HfO2", "thickness_nm": 5, "metal": "W", "anneal_c": 25}
    own = {
        "a": good,
        "b": good | {"anneal_c": "hot"},
        "c": good | {"thickness_nm": 0},
        "d": {k: v for k, v in good.items() if k != "metal"},
        "e": good | {"oxide": "HfO"},
        "f": good | {"thickness_nm": 6.5},
    }
    rows = [row(name, {}, 0.4) | {"conditions": json.dumps(said)} for name, said in own.items()]
    rows += [row("g", {}, 0.4) | {"conditions": json.dumps(good | {"oxide": 3})}, row("h", {}, 0.4)]
    encoding = Encoding("onehot", space.levels, space.variables)
    seen, counts = read_observations(table(rows), encoding, space)
    assert seen.devices == ["a", "f"] and (counts["not_encodable"], counts["off_grid"]) == (6, 1)
    assert seen.notes == [
        "b: anneal_c 'hot' is no number, and counts as unknown",
        "c: thickness_nm 0 is not positive, as a variable with scale log has to be, and counts as unknown",
        "e: oxide 'HfO' is none of HfO2, TaOx, and counts as unknown",
        "g: oxide 3 is no text, and counts as unknown",
    ]
    assert propose(table(rows), space, search(space), seed=1).card["notes"] == seen.notes


REFUSED = {
    "other names": ({"oxide": ["HfO2"]}, (), "a space has the variables oxide, thickness_nm, got oxide"),
    "text": ({"oxide": ["HfO2"], "thickness_nm": ["thick"]}, (), "thickness_nm: level 'thick' is no number"),
    "zero": ({"oxide": ["HfO2"], "thickness_nm": [0, 1]}, (), "thickness_nm: level 0 is not positive"),
    "number": ({"oxide": [2], "thickness_nm": [1]}, (), "oxide: level 2 is no text"),
    "exclusion": (
        {"oxide": ["HfO2"], "thickness_nm": [1]},
        [{"thickness_nm": 2}],
        "thickness_nm=2 is no level",
    ),
}


@pytest.mark.parametrize(("levels", "exclude", "message"), REFUSED.values(), ids=REFUSED)
def test_levels_that_do_not_fit_their_variables_are_refused(levels, exclude, message):
    """Whoever makes a space without the configuration's schema is told, too."""
    with pytest.raises(SpaceError, match=message):
        Space(levels, exclude, Variables((OXIDE, NM)))


def test_the_papers_space_is_what_it_was():
    """Columns, keys and grid; a condition's key is the compound and four numbers."""
    assert proposals_schema(PAPER).equals(PROPOSALS, check_metadata=True)
    assert PROPOSALS.names[:6] == ["rank", "perovskite", "length_um", "diameter_nm", "pb_min", "ag_nm"]
    assert key_of(PAPER_START) == ("MAPbBr3", 1.0, 250.0, 10.0, 100.0)
    assert len(Space(PAPER_SPACE).grid()) == 8400


def test_the_virtual_laboratory_keeps_the_papers_variables():
    """Its landscapes are defined on them; a laboratory's own space, exclusions and encoding are not its."""
    section = {
        "variables": {"ag_nm": None, **Variables((OXIDE, NM)).to_settings()},
        "space": {"oxide": ["HfO2"], "thickness_nm": [1, 2], "ag_nm": [1]},
        "start": {"oxide": "HfO2", "thickness_nm": 1, "ag_nm": 1},
        "exclude": [{"oxide": "HfO2"}], "pending": [], "encoding": "onehot", "batch": 3,
    }  # fmt: skip
    here, there = (fabrication_of(section, virtual=virtual) for virtual in (False, True))
    assert list(here["variables"]) == list(here["space"]) == list(here["start"]) == ["oxide", "thickness_nm"]
    assert here["exclude"] == section["exclude"] and here["batch"] == there["batch"] == 3
    assert there["space"] == PAPER_SPACE and there["exclude"] == [] and there["encoding"] == "physical"
    own = section | {"variables": PAPER.to_settings(), "space": PAPER_SPACE | {"ag_nm": [7]}, "start": {}}
    assert fabrication_of(own, virtual=True)["space"]["ag_nm"] == [7]
