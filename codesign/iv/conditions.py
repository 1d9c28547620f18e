"""Fabrication conditions that the search misses of a measurement, and where to write them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from codesign.iv.measurement import Metadata
from codesign.iv.names import DEVICE_LISTS, FOLDER_SIDECAR, device_lists_of, is_raw_file, sidecar_of
from codesign.iv.plausible import implausible_conditions, likely_compound
from codesign.schemas.conditions import CONDITION_COLUMNS
from codesign.settings import SettingsError
from codesign.variables import PAPER, Variables
from codesign.words import nearest
from codesign.yaml_text import YamlError, read_yaml

CONDITIONS = "conditions"
"""Where a finding about missing fabrication conditions is."""
IN_NAMES = {
    "perovskite": "MAI",
    "length_um": "1.5um_length",
    "diameter_nm": "200nm_diameter",
    "pb_min": "15min_Pb_ED",
    "ag_nm": "200nm_Ag",
}
"""How a file name says a condition, by example."""
NOT_COUNTED = "the device gets its usability, but does not count for the proposals of what to make next"
"""What follows where the search cannot use a condition."""


@dataclass(frozen=True)
class Varied:
    """What a laboratory varies, and the levels of it."""

    variables: Variables = PAPER
    space: Mapping[str, Sequence] = field(default_factory=dict)

    @property
    def own(self) -> tuple[str, ...]:
        """Names of variables that are not the paper's."""
        return tuple(name for name in self.variables.names if name not in CONDITION_COLUMNS)


PAPERS = Varied()
"""The paper's variables, of no levels."""


def read_varied(files: Sequence[Path]) -> Varied:
    """What configuration files vary, the later on top of the earlier.

    Args:
        files: Each may say a part; what is null takes off what an earlier one says. The paper's variables
            where none says any.

    Raises:
        SettingsError: One cannot be read, or does not say variables as a configuration does.
    """
    said: dict[str, dict] = {"variables": {}, "space": {}}
    for file in files:
        try:
            found = read_yaml(file)
        except (YamlError, OSError) as error:
            raise SettingsError(str(error)) from error
        section = found.get("fabrication") if isinstance(found, Mapping) else None
        for key, below in said.items():
            above = section.get(key) if isinstance(section, Mapping) else None
            for name, value in above.items() if isinstance(above, Mapping) else ():
                both = isinstance(value, Mapping) and isinstance(below.get(name), Mapping)
                below[name] = {**below[name], **value} if both else value
    try:
        variables = Variables.of(said["variables"]) if said["variables"] else PAPER
    except (TypeError, ValueError) as error:
        raise SettingsError(
            f"{files[-1]}: fabrication.variables: {error}; write name: {{label: ..., unit: ..., kind: ...}}"
        ) from error
    return Varied(variables, {name: said["space"].get(name) or [] for name in variables.names})


def condition_findings(path: Path, metadata: Metadata, varied: Varied) -> Iterator[tuple[str, str, str]]:
    """Place, what is wrong, and remedy of each condition that the search cannot use.

    Args:
        path: The instrument file, or the canonical one.
        metadata: What it says about itself.
        varied: What the laboratory varies.
    """
    values, unfit = _values(metadata, varied.variables)
    unknown = [name for name, value in values.items() if value is None and name not in unfit]
    if unknown:
        yield (
            CONDITIONS,
            f"not known: {', '.join(unknown)}; {NOT_COUNTED}",
            _remedy(path, metadata, unknown),
        )
    for name, said in unfit.items():
        yield name, f"{said}; {NOT_COUNTED}", "correct it in the sidecar or the list of devices"
    for name in varied.variables.categories:
        value, levels = values[name], [str(level) for level in varied.space.get(name, ())]
        if name != "perovskite" and levels and value is not None and value not in levels:
            yield (
                name,
                f"{value!r} is none of {', '.join(levels)}{nearest(value, levels)}; {NOT_COUNTED}",
                f"correct it, or add the level to fabrication.space.{name}",
            )
    for condition, said in implausible_conditions(metadata).items():
        yield (
            condition,
            f"{said}; {NOT_COUNTED}",
            "correct it where it is written: list of devices, sidecar or file name",
        )
    if meant := likely_compound(metadata.perovskite):
        yield (
            "perovskite",
            f"{metadata.perovskite!r} is probably {meant}; as it stands it is a compound of its own",
            f"write {meant}",
        )


def _values(metadata: Metadata, variables: Variables) -> tuple[dict[str, object], dict[str, str]]:
    """Values of the variables, None where unknown or unfit, and what is wrong with those that are unfit."""
    values, unfit = {}, {}
    for each in variables:
        paper = each.name in CONDITION_COLUMNS
        found = getattr(metadata, each.name) if paper else metadata.conditions.get(each.name)
        values[each.name], trouble = each.read(found)
        if trouble:
            unfit[each.name] = f"{found!r} {trouble}"
    return values, unfit


def _remedy(path: Path, metadata: Metadata, unknown: Sequence[str]) -> str:
    """Where to write conditions that nobody wrote down; those of other names than the paper's apart."""
    named = [name for name in unknown if name in IN_NAMES]
    own = [name for name in unknown if name not in IN_NAMES]
    under = [", ".join(named)] if named else []
    under += [f"conditions: {{{', '.join(f'{name}: ...' for name in own)}}}"] if own else []
    sidecar = f"{' and '.join(under)} into "
    if not is_raw_file(path.name):
        return (
            f"write {sidecar}the file's metadata (codesign.iv.measurement.write_measurement), or into "
            f"NAME.meta.yaml beside its instrument file {metadata.source_file or 'NAME'} in data/raw"
        )
    if lists := device_lists_of(path):
        return f"write {', '.join(unknown)} into its row of {lists[0].name}"
    template = f"{DEVICE_LISTS[0]} (check FOLDER --template writes one)"
    if own:
        return (
            f"write {sidecar}{sidecar_of(path).name} beside it or into {FOLDER_SIDECAR} for all files of the "
            f"folder, or {', '.join(unknown)} as columns into its row of {template}"
        )
    examples = ", ".join(f"{name} as {IN_NAMES[name]}" for name in named)
    return (
        f"write {sidecar}{sidecar_of(path).name} beside it, into {FOLDER_SIDECAR} for all files of the "
        f"folder, into its row of {template}, or into the file name ({examples})"
    )
