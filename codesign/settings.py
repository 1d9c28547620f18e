"""Checked settings: a mapping against a JSON schema, with errors a person can act on."""

import json
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path


class SettingsError(ValueError):
    """Settings are not what the schema allows; the message names key, value and what is allowed."""


def read_schema(path: Path | str) -> dict:
    """A JSON schema written as YAML."""
    import yaml

    return yaml.safe_load(Path(path).read_text(encoding="utf-8"))


def check_settings(settings: Mapping, schema: Mapping, *, name: str) -> None:
    """Check `settings` against `schema` (JSON schema, draft 2020-12).

    Args:
        settings: What a person wrote.
        schema: What is allowed; `description` of each key is quoted in errors.
        name: The file the settings came from, named in errors.

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
        lines = [line for error in errors for line in _lines(error)]
        raise SettingsError("\n  ".join([f"{name} has {len(lines)} problem(s):", *lines]))


def _lines(error) -> list[str]:
    place = ".".join(str(part) for part in error.absolute_path)
    prefix = f"{place}." if place else ""
    if "propertyNames" in error.absolute_schema_path:
        return [f"{prefix}{error.instance}: not a name here{_meaning(error.schema)}"]
    if error.validator == "additionalProperties":
        # a key that is there to say why it must be left out is not offered
        allowed = sorted(key for key, each in error.schema.get("properties", {}).items() if "not" not in each)
        return [
            f"{prefix}{key}: unknown key{nearest(key, allowed)}; allowed here: {', '.join(allowed)}"
            for key in error.instance
            if key not in error.schema.get("properties", {})
        ]
    if error.validator == "required":
        return [
            f"{prefix}{key}: missing{_meaning(error.schema['properties'].get(key, {}))}"
            for key in error.validator_value
            if key not in error.instance
        ]
    found = json.dumps(error.instance, default=str)
    return [f"{place}: found {found}; {_allowed(error)}{_meaning(error.schema)}"]


def nearest(key: str, allowed: list[str]) -> str:
    """' (did you mean X?)', or nothing where no allowed word is near.

    Example:
        >>> nearest("epoch", ["epochs", "seed"])
        ' (did you mean epochs?)'
    """
    close = get_close_matches(str(key), allowed, n=1)
    return f" (did you mean {close[0]}?)" if close else ""


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
