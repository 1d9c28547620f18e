"""Checked settings: a mapping against a JSON schema, with errors a person can act on."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from codesign.words import nearest


class SettingsError(ValueError):
    """Settings are not what the schema allows; the message names key, value and what is allowed."""


def read_schema(path: Path | str) -> dict:
    """A JSON schema written as YAML."""
    import yaml

    # ten times as fast, where PyYAML has libyaml
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)(Path(path).read_text(encoding="utf-8"))
    try:
        return loader.get_single_data()
    finally:
        loader.dispose()


def check_settings(
    settings: Mapping, schema: Mapping, *, name: str, files: Sequence[Path | str] = ()
) -> None:
    """Check `settings` against `schema` (JSON schema, draft 2020-12).

    Args:
        settings: What a person wrote.
        schema: What is allowed; `description` of each key is quoted in errors.
        name: The file the settings came from, named in errors.
        files: Where they are put together from several, those files, the later on top of the earlier: each
            problem then names the one that says it.

    Raises:
        SettingsError: One line a problem: the key with its place, the value found,
            what is allowed. A misspelt key is told its nearest neighbour.
    """
    from jsonschema import Draft202012Validator

    errors = sorted(
        Draft202012Validator(schema).iter_errors(settings),
        key=lambda error: [str(part) for part in error.absolute_path],
    )
    if errors:
        parts = {str(path): read_schema(path) for path in files} if len(files) > 1 else {}
        lines = [f"{line}{_file(at, parts)}" for error in errors for line, at in _lines(error)]
        raise SettingsError("\n  ".join([f"{name} has {len(lines)} problem(s):", *lines]))


_ABSENT = object()


def _file(at: tuple[Sequence, object], parts: Mapping[str, object]) -> str:
    """' [file]': the topmost one that says what is at a place, or nothing where none does."""
    path, wanted = at
    for name, found in reversed(parts.items()):
        for key in path:
            inside = isinstance(found, Mapping) and key in found
            inside = inside or (isinstance(found, list) and isinstance(key, int) and key < len(found))
            found = found[key] if inside else _ABSENT
        if found is not _ABSENT and (wanted is _ABSENT or found == wanted):
            return f" [{name}]"
    return ""


def _lines(error) -> list[tuple[str, tuple[Sequence, object]]]:
    """What is wrong, and where to look for the file: a path, and what is there where that counts."""
    path = list(error.absolute_path)
    place = ".".join(str(part) for part in error.absolute_path)
    prefix = f"{place}." if place else ""
    if "propertyNames" in error.absolute_schema_path:
        said = f"{prefix}{error.instance}: not a name here{_meaning(error.schema)}"
        return [(said, ([*path, error.instance], _ABSENT))]
    if error.validator == "additionalProperties":
        # a key that is there to say why it must be left out is not offered
        allowed = sorted(key for key, each in error.schema.get("properties", {}).items() if "not" not in each)
        return [
            (
                f"{prefix}{key}: unknown key{nearest(key, allowed)}; allowed here: {', '.join(allowed)}",
                ([*path, key], _ABSENT),
            )
            for key in error.instance
            if key not in error.schema.get("properties", {})
        ]
    if error.validator == "required":
        return [
            (
                f"{prefix}{key}: missing{_meaning(error.schema['properties'].get(key, {}))}",
                (path, _ABSENT),
            )
            for key in error.validator_value
            if key not in error.instance
        ]
    found = json.dumps(error.instance, default=str)
    return [(f"{place}: found {found}; {_allowed(error)}{_meaning(error.schema)}", (path, error.instance))]


def _meaning(schema: Mapping) -> str:
    description = schema.get("description")
    return f" ({description})" if description else ""


def _nearest_value(found, allowed: list) -> str:
    """As `nearest`, for a value where that is a word."""
    words = [value for value in allowed if isinstance(value, str)]
    return nearest(found, words) if isinstance(found, str) else ""


def _allowed_of_several(error) -> str:
    """What alternatives ask for, where each is a list of words or entries out of one."""
    lists = [each.get("enum") for each in error.validator_value]
    if isinstance(error.instance, list) or lists[0] is None:
        return error.message
    return f"allowed: {', '.join(map(str, lists[0]))}{_nearest_value(error.instance, lists[0])}"


def _allowed(error) -> str:
    """What the failed keyword asks for, in words."""
    value = error.validator_value
    words = {
        "enum": lambda: f"allowed: {', '.join(map(str, value))}{_nearest_value(error.instance, value)}",
        "const": lambda: f"allowed: {value}{_nearest_value(error.instance, [value])}",
        "anyOf": lambda: _allowed_of_several(error),
        "not": lambda: "must be left out",
        "type": lambda: f"must be of type {value if isinstance(value, str) else ' or '.join(value)}",
        "minimum": lambda: f"must be at least {value}",
        "exclusiveMinimum": lambda: f"must be greater than {value}",
        "maximum": lambda: f"must be at most {value}",
        "exclusiveMaximum": lambda: f"must be less than {value}",
        "contains": lambda: f"must contain {value.get('const', value)}",
        "minItems": lambda: f"needs at least {value} entries",
        "uniqueItems": lambda: "entries must differ",
        "pattern": lambda: f"must match {value}",
        "minProperties": lambda: f"needs at least {value} keys",
    }
    return words.get(error.validator, lambda: error.message)()
