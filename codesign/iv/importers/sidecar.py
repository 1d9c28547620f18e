"""What the instrument file does not say: `NAME.meta.yaml` beside it."""

from functools import cache
from pathlib import Path

import codesign
from codesign.iv.importers.refusal import ImportRefused
from codesign.iv.names import sidecar_of
from codesign.settings import SettingsError, check_settings, read_schema

FACTS = (
    "perovskite", "length_um", "diameter_nm", "pb_min", "ag_nm", "compliance_a", "contact", "measured_at", "instrument",
)  # fmt: skip
"""Keys that go into the measurement's metadata as they are."""


@cache
def _schema() -> dict:
    return read_schema(Path(codesign.__file__).parents[1] / "schemas" / "measurement.schema.yaml")


def read_sidecar(instrument_file: Path) -> dict:
    """The checked sidecar of an instrument file; empty where there is none.

    Raises:
        ImportRefused: Not YAML, or a key or value that the schema does not allow.
    """
    path = sidecar_of(instrument_file)
    if not path.is_file():
        return {}
    import yaml

    try:
        stored = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ImportRefused(f"not YAML: {error}", where=path.name, remedy="correct the sidecar") from error
    if stored is None:
        return {}
    if not isinstance(stored, dict):
        raise ImportRefused("not a list of keys", where=path.name, remedy="write it as 'key: value' lines")
    stored = {key: value if not hasattr(value, "isoformat") else value.isoformat() for key, value in stored.items()}
    try:
        check_settings(stored, _schema(), name=path.name)
    except SettingsError as error:
        raise ImportRefused(str(error), where=path.name, remedy="correct the sidecar") from error
    return stored
