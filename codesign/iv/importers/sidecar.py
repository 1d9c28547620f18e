"""What an instrument file does not say: `NAME.meta.yaml` beside it, or one sidecar and one list a folder."""

import datetime
import json
import re
from collections.abc import Set
from functools import cache
from pathlib import Path

from codesign.files import remedy_for, trouble_with
from codesign.iv.importers.device_list import row_of
from codesign.iv.importers.refusal import ImportRefused
from codesign.iv.names import FOLDER_SIDECAR, sidecar_of, sidecars_of
from codesign.shipped import shipped
from codesign.yaml_text import YamlError, parse_yaml, text_of

FACTS = (
    "perovskite", "length_um", "diameter_nm", "pb_min", "ag_nm", "compliance_a", "polarity",
    "contact", "measured_at", "instrument",
)  # fmt: skip
"""Keys that go into the measurement's metadata as they are."""
NESTED = {"columns", "pulse", "only", "extra", "conditions"}
"""Keys whose own keys count one by one."""
LARGEST_BYTES = 1_000_000
"""Of a sidecar."""
DEEPEST = 50
"""Levels of lists and keys in a sidecar, far more than its schema has."""


@cache
def sidecar_schema() -> dict:
    """What a sidecar may say (JSON schema)."""
    from codesign.settings import read_schema

    return read_schema(shipped("schemas/measurement.schema.yaml"))


def read_sidecar(instrument_file: Path) -> dict:
    """What is said of an instrument file by its folder's sidecar, a mapping in it, a list, its own one.

    The later goes first, key by key; so do the keys inside `columns`, `pulse`, `only`, `extra` and
    `conditions`. Remarks under `notes` are kept of all. A key that is null in the file's own sidecar takes
    the others' off, also inside these and where a mapping says it; `mapping: null` takes off the one that is
    stated below. Inside `conditions` null is a condition that is not known, wherever it stands.
    YAML reads `1e-3` as text, `2024-05-01` as a date and `1.0` as no whole number; they are taken as meant.

    Returns:
        The checked keys; empty where there is no sidecar. Notes name what came from the folder and the list.

    Raises:
        ImportRefused: Not YAML, a key or value that the schema does not allow, a mapping that is not
            there, or a list of devices that cannot be read.
    """
    of_folder, own = instrument_file.with_name(FOLDER_SIDECAR), sidecar_of(instrument_file)
    sidecars = sidecars_of(instrument_file)
    base = read_folder(of_folder) if of_folder in sidecars else {}
    listed, listed_in = _listed(instrument_file)
    stored = _loaded(own) if own in sidecars and own != of_folder else {}
    if "mappings" in stored:
        raise ImportRefused(
            "mappings are for all files of a folder",
            where=f"{own.name}, mappings",
            remedy=f"write them into {FOLDER_SIDECAR}",
        )
    mappings = base.pop("mappings", {})
    places = {own.name: stored, listed_in: listed, of_folder.name: base}
    stating = [(place, said["mapping"]) for place, said in places.items() if "mapping" in said]
    where, name = stating[0] if stating else ("", None)
    if name is not None:
        if name not in mappings:
            raise ImportRefused(
                f"there is no mapping {name!r}",
                where=where,
                remedy=f"define it under mappings: in {FOLDER_SIDECAR}"
                + (f", or name one of {', '.join(mappings)}" if mappings else ""),
            )
        base = _merged(base, mappings[name])
    if name is not None or len(stating) > 1:
        for said in (stored, listed, base):
            said.pop("mapping", None)
    below, stored = _taken_off(_merged(base, listed), stored)
    _check(stored, where=own.name)
    of_mapping = f" (mapping {name})" if name is not None else ""
    notes = [
        *_used(f"{FOLDER_SIDECAR}{of_mapping}", base.keys() & below.keys(), {**listed, **stored}),
        *_used(listed_in, listed.keys() & below.keys(), stored),
    ]
    merged = _known(_merged(below, stored))
    _check_date(
        merged, where=listed_in if "measured_at" in listed and "measured_at" not in stored else own.name
    )
    if unused := listed.get("extra", {}).get("list"):
        notes.append(
            f"kept as typed in {listed_in}: {', '.join(sorted(unused))}; fabrication.variables may use them"
        )
    if notes:
        merged["notes"] = [*merged.get("notes", []), *notes]
    return merged


def _listed(instrument_file: Path) -> tuple[dict, str]:
    """The checked keys of a file's row in the list of devices, and the list's name; empty without one."""
    row, name = row_of(instrument_file)
    if row is None:
        return {}, name
    facts = _as_meant(dict(row.facts), sidecar_schema())
    if row.conditions:
        facts["conditions"] = dict(row.conditions)
    _check(facts, where=f"{name}, row {row.number}")
    return {**facts, **({"extra": {"list": dict(row.other)}} if row.other else {})}, name


def _used(source: str, said: Set[str], above: dict) -> list[str]:
    """A note on the keys that come from one place and from none that goes before it."""
    used = sorted(said - (above.keys() - NESTED - {"notes"}))
    return [f"from {source}: {', '.join(used)}"] if used else []


def read_folder(path: Path) -> dict:
    """The checked sidecar of a folder, `mappings` included.

    Raises:
        ImportRefused: As `read_sidecar`; a mapping may hold what a sidecar may, but no other mapping.
    """
    stored = _loaded(path)
    _check(stored, where=path.name)
    for name, mapping in stored.get("mappings", {}).items():
        where = f"{path.name}, mappings.{name}"
        _check(mapping, where=where)
        if nested := {"mapping", "mappings"} & mapping.keys():
            raise ImportRefused(
                f"{' and '.join(sorted(nested))} inside a mapping", where=where, remedy="write its keys out"
            )
    return stored


def _known(said: dict) -> dict:
    """The same without conditions that are null."""
    conditions = said.get("conditions")
    if not isinstance(conditions, dict):
        return said
    known = {name: value for name, value in conditions.items() if value is not None}
    kept = {key: value for key, value in said.items() if key != "conditions"}
    return {**kept, "conditions": known} if known else kept


def _taken_off(below: dict, above: dict) -> tuple[dict, dict]:
    """Both without the keys that are null in `above` and stand in `below`."""
    off = {key for key, value in above.items() if value is None and key in below}
    below = {key: value for key, value in below.items() if key not in off}
    above = {key: value for key, value in above.items() if key not in off}
    for key in NESTED & below.keys() & above.keys():
        if isinstance(below[key], dict) and isinstance(above[key], dict):
            below[key], above[key] = _taken_off(below[key], above[key])
            for side in (below, above):
                if not side[key]:
                    del side[key]
    return below, above


def _merged(below: dict, above: dict) -> dict:
    """Keys of both; those of `above` go first, inside some keys one by one."""
    merged = {**below, **above}
    for key in NESTED & below.keys() & above.keys():
        merged[key] = {**below[key], **above[key]}
    if "notes" in below and "notes" in above:
        merged["notes"] = [*below["notes"], *above["notes"]]
    return merged


def _loaded(path: Path) -> dict:
    """One sidecar as meant, not checked yet.

    Raises:
        ImportRefused: Too large, not YAML, or no keys.
    """
    import yaml

    if trouble := trouble_with(path):
        raise ImportRefused(f"the sidecar is {trouble}", where=path.name, remedy=remedy_for(trouble))
    if path.stat().st_size > LARGEST_BYTES:
        raise ImportRefused(
            f"the sidecar has {path.stat().st_size} bytes, more than {LARGEST_BYTES}",
            where=path.name,
            remedy="keep facts in it, and data in the instrument file",
        )
    try:
        text = text_of(path.read_bytes())
        _refuse_growth(text, where=path.name)
        stored = parse_yaml(text)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        said = " ".join(str(error).split())
        raise ImportRefused(
            said if isinstance(error, YamlError) else f"not YAML: {said}",
            where=path.name,
            remedy="correct the sidecar",
        ) from error
    if stored is None:
        return {}
    if not isinstance(stored, dict):
        raise ImportRefused(
            f"holds a {type(stored).__name__}, not keys",
            where=path.name,
            remedy="write it as 'key: value' lines",
        )
    return _as_meant(stored, sidecar_schema())


def _check(stored: dict, *, where: str) -> None:
    """Refuse what no sidecar says.

    Raises:
        ImportRefused: A key or value that the schema does not allow.
    """
    from codesign.settings import SettingsError, check_settings

    try:
        check_settings(stored, sidecar_schema(), name="the sidecar")
    except SettingsError as error:
        said = "; ".join(line.strip() for line in str(error).splitlines()[1:])
        raise ImportRefused(said, where=where, remedy="correct the sidecar") from error
    try:
        json.dumps(stored, sort_keys=True, allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise ImportRefused(
            f"holds what is neither text, number, list nor keys with text: {error}",
            where=where,
            remedy="write such values and keys in quotes",
        ) from error


def _check_date(said: dict, *, where: str) -> None:
    """Refuse a date that would be put into a wrong order.

    Raises:
        ImportRefused: `measured_at` is no date of ISO 8601.
    """
    date = said.get("measured_at", "")
    if date and not re.fullmatch(r"\d{4}(-(0[1-9]|1[0-2]))?", date):
        try:
            datetime.datetime.fromisoformat(date)
        except ValueError:
            raise ImportRefused(
                f"measured_at {date[:80]!r} is no date", where=where, remedy="write it as 2026-03-05"
            ) from None


def _refuse_growth(text: str, *, where: str) -> None:
    """Aliases and levels, looked for token by token: what is read in full later is small."""
    import yaml

    opens = (
        yaml.BlockMappingStartToken,
        yaml.BlockSequenceStartToken,
        yaml.FlowMappingStartToken,
        yaml.FlowSequenceStartToken,
    )
    closes = (yaml.BlockEndToken, yaml.FlowMappingEndToken, yaml.FlowSequenceEndToken)
    level = 0
    for token in yaml.scan(text, Loader=yaml.SafeLoader):
        if isinstance(token, yaml.AliasToken):
            raise ImportRefused(
                "an alias (*name) repeats another part; a few of them make a file of any size",
                where=where,
                remedy="write the value out, or put it in quotes if it is meant as text",
            )
        level += isinstance(token, opens) - isinstance(token, closes)
        if level > DEEPEST:
            raise ImportRefused(
                f"more than {DEEPEST} levels of lists and keys", where=where, remedy="correct the sidecar"
            )


def _as_meant(value, schema: dict):
    if isinstance(value, datetime.date):
        return value.isoformat()
    if isinstance(value, dict):
        inner = schema.get("properties", {})
        return {
            key.isoformat() if isinstance(key, datetime.date) else key: _as_meant(
                item, _schema_of(key, inner, schema)
            )
            for key, item in value.items()
        }
    if isinstance(value, list):
        return [_as_meant(item, schema.get("items", {})) for item in value]
    kinds = schema.get("type", ())
    if isinstance(value, str) and kinds == "number":
        try:
            return float(value)
        except ValueError:
            return value
    if isinstance(value, float) and value.is_integer() and "integer" in kinds and "number" not in kinds:
        return int(value)
    return value


def _schema_of(key, inner: dict, schema: dict) -> dict:
    """What stands under a key: the schema's own for it, a whole sidecar for each mapping."""
    if isinstance(key, str) and key in inner:
        return inner[key]
    return sidecar_schema() if schema is sidecar_schema()["properties"]["mappings"] else {}
