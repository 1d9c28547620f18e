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
    if error.validator == "additionalProperties":
        allowed = sorted(error.schema.get("properties", {}))
        return [
            f"{prefix}{key}: unknown key{nearest(key, allowed)}; allowed here: {', '.join(allowed)}"
            for key in error.instance
            if key not in allowed
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


def _allowed(error) -> str:
    """What the failed keyword asks for, in words."""
    value = error.validator_value
    words = {
        "enum": lambda: f"allowed: {', '.join(map(str, value))}",
        "const": lambda: f"allowed: {value}",
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
