"""What the instrument file does not say: `NAME.meta.yaml` beside it."""

import datetime
import json
from functools import cache
from pathlib import Path

import codesign
from codesign.iv.importers.refusal import ImportRefused
from codesign.iv.names import has_sidecar, sidecar_of
from codesign.yaml_text import YamlError, parse_yaml

FACTS = (
    "perovskite", "length_um", "diameter_nm", "pb_min", "ag_nm", "compliance_a", "polarity",
    "contact", "measured_at", "instrument",
)  # fmt: skip
"""Keys that go into the measurement's metadata as they are."""
LARGEST_BYTES = 1_000_000
"""Of a sidecar."""
DEEPEST = 50
"""Levels of lists and keys in a sidecar, far more than its schema has."""


@cache
def sidecar_schema() -> dict:
    """What a sidecar may say (JSON schema)."""
    from codesign.settings import read_schema

    return read_schema(Path(codesign.__file__).parents[1] / "schemas" / "measurement.schema.yaml")


def read_sidecar(instrument_file: Path) -> dict:
    """The checked sidecar of an instrument file; empty where there is none.

    YAML reads `1e-3` as text and `2024-05-01` as a date; both are taken as meant.

    Raises:
        ImportRefused: Not YAML, or a key or value that the schema does not allow.
    """
    path = sidecar_of(instrument_file)
    if not has_sidecar(instrument_file):
        return {}
    import yaml

    from codesign.settings import SettingsError, check_settings

    if path.stat().st_size > LARGEST_BYTES:
        raise ImportRefused(
            f"the sidecar has {path.stat().st_size} bytes, more than {LARGEST_BYTES}",
            where=path.name,
            remedy="keep facts in it, and data in the instrument file",
        )
    try:
        text = path.read_text(encoding="utf-8")
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
    stored = _as_meant(stored, sidecar_schema())
    try:
        json.dumps(stored, sort_keys=True, allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise ImportRefused(
            f"holds what is neither text, number, list nor keys with text: {error}",
            where=path.name,
            remedy="write such values and keys in quotes",
        ) from error
    try:
        check_settings(stored, sidecar_schema(), name="the sidecar")
    except SettingsError as error:
        said = "; ".join(line.strip() for line in str(error).splitlines()[1:])
        raise ImportRefused(said, where=path.name, remedy="correct the sidecar") from error
    return stored


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
            key.isoformat() if isinstance(key, datetime.date) else key: _as_meant(item, inner.get(key, {}))
            for key, item in value.items()
        }
    if isinstance(value, list):
        return [_as_meant(item, schema.get("items", {})) for item in value]
    if isinstance(value, str) and schema.get("type") == "number":
        try:
            return float(value)
        except ValueError:
            return value
    return value
