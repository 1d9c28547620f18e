"""Whether variables, search space and encoding go together: what no schema can say, before anything runs."""

from collections import Counter
from collections.abc import Mapping
from math import prod

from codesign.fabrication.encoding import A_SITE_PM, HALIDE_PM, PHYSICAL, ions_of
from codesign.fabrication.laboratory import fabrication_of
from codesign.fabrication.space import Space, SpaceError
from codesign.schemas.conditions import CONDITION_COLUMNS
from codesign.schemas.device import DEVICE
from codesign.schemas.proposals import PROPOSALS
from codesign.settings import SettingsError
from codesign.variables import PAPER, Variables

ELSEWHERE = ("file", "polarity", "mapping")
"""Columns of a list of devices that mean something else, besides those that tables of devices have too."""
MOST_VARIABLES = 10
"""As many as the card has room for."""
MOST_CONDITIONS = 1_000_000
"""Of a space: every one is looked at for each proposal."""


def check_fabrication(settings: Mapping) -> None:
    """Check that variables can be told apart, categories encoded, and that something can be made.

    Args:
        settings: The configuration, already checked against its schema.

    Raises:
        SettingsError: One line a problem, with its place and a remedy.
    """
    section = settings["fabrication"]
    problems = _wrong_variables(section["variables"])
    if not problems:
        fabrication = fabrication_of(section, virtual=False)
        problems = _wrong_categories(fabrication)
        problems += _wrong_space(fabrication) or _long_campaign(settings)
    if problems:
        raise SettingsError("\n  ".join([f"the configuration has {len(problems)} problem(s):", *problems]))


def _wrong_variables(said: Mapping[str, Mapping | None]) -> list[str]:
    """Names that mean something else already, and variables that cannot be told apart."""
    place = "fabrication.variables"
    variables = Variables.of(said)
    if not 1 <= len(variables) <= MOST_VARIABLES:
        return [
            f"{place}: {len(variables)} variables; a search has 1 to {MOST_VARIABLES}, and null takes one off"
        ]
    taken = {*DEVICE.names, *PROPOSALS.names, *ELSEWHERE} - set(CONDITION_COLUMNS)
    problems = [
        f"{place}.{name}: tables of devices or proposals have another column of this name; choose another, "
        f"e.g. {name}_made"
        for name in variables.names
        if name in taken
    ]
    problems += [
        f"{place}.{each.name}.kind: found {each.kind}; {each.name} is a {PAPER[each.name].kind} in "
        "every table; give a variable of your own another name"
        for each in variables
        if each.name in CONDITION_COLUMNS and each.kind != PAPER[each.name].kind
    ]
    problems += [
        f"{place}.{each.name}.scale: log is for numbers; leave it out of a category"
        for each in variables
        if each.is_category and each.scale == "log"
    ]
    alike = Counter(each.label for each in variables)
    problems += [
        f"{place}.{each.name}.label: {each.label!r} is the label of several variables; figures could not "
        "tell them apart"
        for each in variables
        if alike[each.label] > 1
    ]
    return problems


def _wrong_categories(fabrication: Mapping) -> list[str]:
    """Compounds without descriptors, and values of start and pending that an encoding does not know."""
    variables = Variables.of(fabrication["variables"])
    physical = fabrication["encoding"] == "physical"
    if physical and PHYSICAL not in variables.categories:
        return [
            f"fabrication.encoding: physical describes the category {PHYSICAL}, which fabrication.variables "
            "does not have; write fabrication.encoding: onehot"
        ]
    others = [("start", fabrication["start"])]
    others += [(f"pending.{k}", made) for k, made in enumerate(fabrication["pending"])]
    problems = []
    for name in variables.categories:
        levels = fabrication["space"][name]
        if physical and name == PHYSICAL:
            everywhere = [*(("space", level) for level in levels), *((p, made[name]) for p, made in others)]
            problems += [
                f"fabrication.{place}.perovskite: {compound} has no descriptors; encoding: physical knows "
                f"{', '.join(A_SITE_PM)} with Pb and {', '.join(HALIDE_PM)}; write "
                "fabrication.encoding: onehot"
                for place, compound in everywhere
                if not _described(compound)
            ]
            continue
        known = "encoding: onehot knows no others" if name == PHYSICAL else "the search knows no others"
        problems += [
            f"fabrication.{place}.{name}: {made[name]} is none of fabrication.space.{name} "
            f"({', '.join(levels)}), and {known}; add it there"
            for place, made in others
            if made[name] not in levels
        ]
    return problems


def _wrong_space(fabrication: Mapping) -> list[str]:
    """Too many levels, and exclusions that name what is no level, or that leave nothing."""
    count = prod(map(len, fabrication["space"].values()))
    if count > MOST_CONDITIONS:
        return [
            f"fabrication.space: {count} conditions are more than {MOST_CONDITIONS}; take out levels or "
            "variables"
        ]
    variables = Variables.of(fabrication["variables"])
    try:
        Space(fabrication["space"], fabrication["exclude"], variables)
    except SpaceError as error:
        return [str(error) if "fabrication." in str(error) else f"fabrication.exclude: {error}"]
    return []


def _long_campaign(settings: Mapping) -> list[str]:
    """That a campaign makes more devices than there are conditions, each of which it makes once."""
    asked = settings["campaign"]["evaluations"]
    fabrication = fabrication_of(settings["fabrication"], virtual=True)
    there = len(Space(fabrication["space"], fabrication["exclude"]).grid())
    if asked <= there:
        return []
    return [
        f"campaign.evaluations: {asked} devices are more than the {there} condition(s) of fabrication.space "
        f"less fabrication.exclude; write at most {there}, add levels or take out exclusions"
    ]


def _described(compound: str) -> bool:
    try:
        ions_of(compound)
    except SpaceError:
        return False
    return True
