"""Perovskites of the configuration and the encoding that must know them."""

import copy
from pathlib import Path

import numpy as np
import pytest
import yaml

from codesign.fabrication.campaign import run_campaign
from codesign.fabrication.check import check_fabrication
from codesign.fabrication.search import Search
from codesign.fabrication.space import Space, SpaceError
from codesign.settings import SettingsError, check_settings, read_schema
from codesign.virtual_lab.landscape import Landscape

REPOSITORY = Path(__file__).parents[3]
OTHERS = ["MAPbI3", "Cs2AgBiBr6", "MAPb(I0.9Br0.1)3"]
START = {"perovskite": "Cs2AgBiBr6", "length_um": 1, "diameter_nm": 250, "pb_min": 10, "ag_nm": 100}


def configuration(**fabrication) -> dict:
    """config.yaml with other compounds and parts of section `fabrication` changed."""
    settings = yaml.safe_load((REPOSITORY / "config.yaml").read_text(encoding="utf-8"))
    settings = copy.deepcopy(settings)
    settings["fabrication"] |= {"start": START, "encoding": "onehot"} | fabrication
    settings["fabrication"]["space"]["perovskite"] = list(OTHERS)
    return settings


def check(settings):
    check_settings(settings, read_schema(REPOSITORY / "schemas/config.schema.yaml"), name="it")
    check_fabrication(settings)


def test_any_compound_goes_with_onehot():
    """The remedy that errors name can be followed."""
    check(configuration(pending=[START]))


REFUSED = {
    "physical": (
        {"encoding": "physical", "start": START | {"perovskite": "MAPbI3"}},
        r"2 problem.*space\.perovskite: Cs2AgBiBr6 has no descriptors.*write fabrication\.encoding: onehot"
        r".*MAPb\(I0\.9Br0\.1\)3 has no descriptors",
    ),
    "physical start": ({"encoding": "physical"}, r"fabrication\.start\.perovskite: Cs2AgBiBr6 has no desc"),
    "onehot start": (
        {"start": START | {"perovskite": "CsPbI3"}},
        r"fabrication\.start\.perovskite: CsPbI3 is none of fabrication\.space\.perovskite \(MAPbI3, ",
    ),
    "onehot pending": (
        {"pending": [START, START | {"perovskite": "CsPbI3"}]},
        r"fabrication\.pending\.1\.perovskite: CsPbI3 is none of",
    ),
    "nothing left": (
        {"exclude": [{"perovskite": name} for name in OTHERS]},
        r"1 problem.*fabrication\.exclude: the 3 exclusion\(s\) leave no condition to make; take out",
    ),
    "no level": (
        {"exclude": [{"ag_nm": 123}]},
        r"fabrication\.exclude: exclusion \{'ag_nm': 123\}: ag_nm=123 is no level of the space",
    ),
    "long campaign": (
        {
            "start": START,
            "exclude": [{"length_um": x} for x in (0.6, 1.2, 1.5, 1.8, 2, 2.5, 3)]
            + [{"diameter_nm": x} for x in (10, 50, 100, 150, 200, 300)]
            + [{"pb_min": x} for x in (5, 15, 20, 25, 30)]
            + [{"ag_nm": 600}, {"perovskite": "MAPbI3"}],
        },
        r"1 problem.*campaign\.evaluations: 24 devices are more than the 8 condition\(s\) of "
        r"fabrication\.space less fabrication\.exclude; write at most 8",
    ),
    "no formula": (
        {"start": START | {"perovskite": "=cmd()"}},
        r"start\.perovskite: found \"=cmd\(\)\"; must",
    ),
}


@pytest.mark.parametrize(("changes", "message"), REFUSED.values(), ids=REFUSED)
def test_a_compound_that_the_encoding_does_not_know_is_refused_before_anything_runs(changes, message):
    """With its place, and what to write instead."""
    with pytest.raises(SettingsError, match=f"(?s){message}"):
        check(configuration(**changes))


def test_the_virtual_laboratory_and_the_campaign_take_other_compounds():
    """Landscapes give them an average score, and the search sees them as categories."""
    fabrication = configuration()["fabrication"]
    space = Space(fabrication["space"] | {"length_um": [1, 1.5, 2], "diameter_nm": [200, 250]})
    landscape = Landscape.draw(space.levels, np.random.default_rng(1), START)
    search = {name: fabrication[name] for name in ("encoding", "goal", "target", "start")}
    rows = run_campaign(
        "bayesian",
        space,
        Search(**search, surrogate="marginal", batch=1, space_filling=3),
        lambda _, condition: (float(landscape.usability([condition])[0]), 0.03),
        evaluations=6,
        rng=np.random.default_rng(2),
    )
    assert rows[0]["perovskite"] == "Cs2AgBiBr6" and len(rows) == 6
    assert {row["perovskite"] for row in rows} <= set(OTHERS)


@pytest.mark.parametrize("strategy", ["bayesian", "random"])
def test_a_campaign_makes_each_condition_once_and_no_more(strategy):
    """All conditions of a small space, and a refusal of one more."""
    fabrication = configuration()["fabrication"]
    space = Space({name: [value] for name, value in START.items()} | {"length_um": [1, 1.5, 2]})
    search = Search(
        **{name: fabrication[name] for name in ("encoding", "goal", "target", "start")},
        surrogate="marginal", batch=1, space_filling=2,
    )  # fmt: skip

    def run(evaluations):
        readings = iter((0.2, 0.5, 0.4, 0.3))
        laboratory = lambda *_: (next(readings), 0.03)  # noqa: E731
        rng = np.random.default_rng(0)
        return run_campaign(strategy, space, search, laboratory, evaluations=evaluations, rng=rng)

    assert sorted(row["length_um"] for row in run(3)) == [1, 1.5, 2]
    with pytest.raises(SpaceError, match=r"campaign\.evaluations: 4 devices are more than the 3"):
        run(4)
