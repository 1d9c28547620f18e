"""Whether the search space and its encoding go together: what no schema can say, before anything runs."""

from collections.abc import Mapping

from codesign.fabrication.encoding import A_SITE_PM, HALIDE_PM, ions_of
from codesign.fabrication.space import Space, SpaceError
from codesign.settings import SettingsError


def check_fabrication(settings: Mapping) -> None:
    """Check that perovskites of space, start and pending can be encoded and that something can be made.

    Args:
        settings: The configuration, already checked against its schema.

    Raises:
        SettingsError: One line a problem, with its place and a remedy.
    """
    fabrication = settings["fabrication"]
    compounds = fabrication["space"]["perovskite"]
    others = [("start", fabrication["start"]["perovskite"])]
    others += [(f"pending.{k}", made["perovskite"]) for k, made in enumerate(fabrication["pending"])]
    problems = []
    if fabrication["encoding"] == "physical":
        problems = [
            f"fabrication.{place}.perovskite: {compound} has no descriptors; encoding: physical knows "
            f"{', '.join(A_SITE_PM)} with Pb and {', '.join(HALIDE_PM)}; write fabrication.encoding: onehot"
            for place, compound in [*(("space", compound) for compound in compounds), *others]
            if not _described(compound)
        ]
    else:
        problems = [
            f"fabrication.{place}.perovskite: {compound} is none of fabrication.space.perovskite "
            f"({', '.join(compounds)}), and encoding: onehot knows no others; add it there"
            for place, compound in others
            if compound not in compounds
        ]
    problems += _wrong_space(fabrication) or _long_campaign(settings)
    if problems:
        raise SettingsError("\n  ".join([f"the configuration has {len(problems)} problem(s):", *problems]))


def _wrong_space(fabrication: Mapping) -> list[str]:
    """What exclusions name that is no level, or that they leave nothing."""
    try:
        Space(fabrication["space"], fabrication["exclude"])
    except SpaceError as error:
        return [str(error) if "fabrication." in str(error) else f"fabrication.exclude: {error}"]
    return []


def _long_campaign(settings: Mapping) -> list[str]:
    """That a campaign makes more devices than there are conditions, each of which it makes once."""
    fabrication, asked = settings["fabrication"], settings["campaign"]["evaluations"]
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
