"""Variables of a laboratory's own in the configuration: overlays, and what is refused at the start."""

import copy
from functools import cache
from pathlib import Path

import pytest
from snakemake.utils import update_config

from codesign.fabrication.check import check_fabrication
from codesign.fabrication.declared import with_variables
from codesign.fabrication.laboratory import fabrication_of
from codesign.settings import SettingsError, check_settings
from codesign.variables import PAPER, variables_of
from codesign.yaml_text import read_yaml

REPOSITORY = Path(__file__).parents[3]
NUMBER = {"label": "more", "unit": "", "kind": "number"}


@cache
def read(name):
    return read_yaml(REPOSITORY / name)


def oxides() -> dict:
    """config.yaml with the overlay of the documentation, merged as Snakemake does it."""
    settings = copy.deepcopy(read("config.yaml"))
    update_config(settings, copy.deepcopy(read("docs/examples/oxides/oxides.yaml")))
    return settings


def check(settings):
    check_settings(settings, with_variables(read("schemas/config.schema.yaml"), settings), name="it")
    check_fabrication(settings)


def test_an_overlay_takes_the_place_of_the_papers_variables():
    """Five nulls, and what the base says of them in space and start is not looked at."""
    settings = oxides()
    check(settings)
    names = ["oxide", "thickness_nm", "anneal_c", "top_electrode"]
    assert list(variables_of(settings).names) == names
    here = fabrication_of(settings["fabrication"], virtual=False)
    assert list(here["space"]) == list(here["start"]) == names
    settings["fabrication"]["space"]["ag_nm"] = "nothing that a level could be"
    check(settings)


def test_the_default_is_checked_by_the_schema_as_it_is():
    """Messages about the paper's variables are what they were."""
    settings, schema = copy.deepcopy(read("config.yaml")), read("schemas/config.schema.yaml")
    assert with_variables(schema, settings) == schema
    check(settings)
    settings["fabrication"]["space"]["ag_nm"] = [-1]
    with pytest.raises(SettingsError, match=r"space\.ag_nm\.0: found -1; must be greater than 0"):
        check(settings)
    del settings["fabrication"]["variables"]
    with pytest.raises(SettingsError, match=r"fabrication\.variables: missing \(what is varied"):
        check(settings)


def test_some_of_the_papers_variables_may_stay():
    """With their levels, beside a new one."""
    settings = copy.deepcopy(read("config.yaml"))
    fabrication = settings["fabrication"]
    fabrication["variables"] |= {"pb_min": None, "humidity": NUMBER}
    fabrication["space"]["humidity"], fabrication["start"]["humidity"] = [0, 30], -5
    check(settings)
    assert variables_of(settings).names == (*(n for n in PAPER.names if n != "pb_min"), "humidity")


def several(count):
    """Replace the variables by numbers of ten levels."""

    def change(fabrication):
        names = [f"v{k}" for k in range(count)]
        fabrication["variables"] = {name: NUMBER | {"label": name} for name in names}
        fabrication["space"] = {name: list(range(10)) for name in names}
        fabrication["start"] = dict.fromkeys(names, 1)
        fabrication["exclude"] = []

    return change


def another(name, said=NUMBER, levels=(1, 2)):
    """Add a variable with its levels."""

    def change(fabrication):
        fabrication["variables"][name] = dict(said)
        fabrication["space"][name], fabrication["start"][name] = list(levels), levels[0]

    return change


def entry(key, name, value):
    """Set one entry of a part of the section."""
    return lambda fabrication: fabrication[key].__setitem__(name, value)


def whole(key, value):
    """Set a whole part of the section."""
    return lambda fabrication: fabrication.__setitem__(key, value)


WORD = NUMBER | {"kind": "category"}
REFUSED = {
    "name": (another("Oxide"), r"variables\.Oxide: not a name here \(a-z, 0-9 and _"),
    "kind": (another("more", NUMBER | {"kind": "word"}), r"1 problem.*kind: found \"word\"; allowed: number"),
    "no list": (whole("variables", [1]), r"1 problem.*variables: found \[1\]; must be of type object"),
    "column": (another("usability"), r"variables\.usability: tables of devices .* usability_made"),
    "list column": (another("mapping"), r"variables\.mapping: tables of devices"),
    "paper's kind": (another("ag_nm", WORD, ["x"]), r"ag_nm\.kind: found category; ag_nm is a number in"),
    "log word": (another("more", WORD | {"scale": "log"}, ["x"]), r"variables\.more\.scale: log is for numb"),
    "label": (another("more", NUMBER | {"label": "anneal"}), r"2 problem.*'anneal' is the label of several"),
    "no level": (lambda f: f["space"].pop("oxide"), r"fabrication\.space\.oxide: missing \(levels of oxide"),
    "empty": (entry("space", "oxide", []), r"space\.oxide: found \[\]; needs at least 1 entries"),
    "no start": (lambda f: f["start"].pop("oxide"), r"fabrication\.start\.oxide: missing"),
    "text": (entry("space", "anneal_c", [1, "hot"]), r"anneal_c\.1: found \"hot\"; must be of type number"),
    "zero": (entry("space", "thickness_nm", [0, 1]), r"thickness_nm\.0: found 0; must be greater than 0"),
    "yes": (entry("space", "oxide", [True]), r"oxide\.0: found true; must be of type string .*in quotes"),
    "formula": (entry("space", "oxide", ["=cmd()"]), r"oxide\.0: found \"=cmd\(\)\"; must match"),
    "misspelt": (entry("space", "aneal_c", [1]), r"aneal_c: unknown key \(did you mean anneal_c\?\)"),
    "taken off": (
        whole("exclude", [{"ag_nm": 50}]),
        r"exclude\.0\.ag_nm: unknown key; allowed here: anneal_c",
    ),
    "exclusion": (whole("exclude", [{"anneal_c": 1}]), r"fabrication\.exclude: .* anneal_c=1 is no level"),
    "start word": (entry("start", "oxide", "ZnO"), r"start\.oxide: ZnO is none of fabrication\.space\.oxide"),
    "pending": (
        whole("pending", [{"oxide": "HfO2"}]),
        r"pending\.0\.thickness_nm: missing.*pending\.0\.top_electrode: missing",
    ),
    "physical": (
        whole("encoding", "physical"),
        r"encoding: physical describes the category perovskite, which .* write fabrication\.encoding: onehot",
    ),
    "none": (several(0), r"fabrication\.variables: 0 variables; a search has 1 to 10"),
    "eleven": (several(11), r"fabrication\.variables: 11 variables"),
    "large": (several(7), r"fabrication\.space: 10000000 conditions are more than 1000000"),
}


@pytest.mark.parametrize(("change", "message"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_searched_is_refused_before_anything_runs(change, message):
    """With its place, and what to write instead."""
    settings = oxides()
    change(settings["fabrication"])
    with pytest.raises(SettingsError, match=f"(?s){message}"):
        check(settings)
