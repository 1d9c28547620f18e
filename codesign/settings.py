"""Checked settings: a mapping against a JSON schema, with errors a person can act on."""

import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path

from codesign.words import nearest
from codesign.yaml_text import YamlError, read_yaml


class SettingsError(ValueError):
    """Settings are not what the schema allows; the message names key, value and what is allowed."""


def read_schema(path: Path | str) -> dict:
    """A JSON schema written as YAML."""
    return read_yaml(path)


def check_yaml(paths: Sequence[Path | str]) -> None:
    """Refuse configuration files that say something twice, which whoever merged them did not notice.

    Raises:
        SettingsError: One line a file.
    """
    problems = []
    for path in paths:
        try:
            read_yaml(path)
        except YamlError as error:
            problems.append(str(error))
    if problems:
        raise SettingsError("\n".join(problems))


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
    errors = sorted(
        _validator()(schema).iter_errors(settings),
        key=lambda error: [str(part) for part in error.absolute_path],
    )
    if errors:
        parts = {str(path): read_schema(path) for path in files} if len(files) > 1 else {}
        lines = [f"{line}{_file(at, parts)}" for error in errors for line, at in _lines(error)]
        raise SettingsError("\n  ".join([f"{name} has {len(lines)} problem(s):", *lines]))


@cache
def _validator() -> type:
    """Draft 2020-12, but what is written as a fraction is no whole number, and no number is infinite."""
    from jsonschema import Draft202012Validator, validators

    types = Draft202012Validator.TYPE_CHECKER.redefine_many({"integer": _is_integer, "number": _is_number})
    return validators.extend(Draft202012Validator, {"pattern": _pattern}, type_checker=types)


def _is_integer(_checker: object, value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_number(_checker: object, value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _pattern(_validator: object, pattern: str, value: object, _schema: Mapping) -> Iterator:
    """As JSON schema has it, but `$` is the end of the text, not a line break before it."""
    from jsonschema import ValidationError

    if isinstance(value, str) and not re.search(re.sub(r"\$$", r"\\Z", pattern), value):
        yield ValidationError(f"{value!r} does not match {pattern!r}")


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


def _type_wanted(found: object, wanted: str | list[str]) -> str:
    kinds = [wanted] if isinstance(wanted, str) else wanted
    if isinstance(found, float) and not math.isfinite(found):
        return "must be a finite number"
    if isinstance(found, float) and "integer" in kinds and found == int(found):
        return f"must be a whole number, written without a point: {int(found)}"
    return f"must be of type {' or '.join(kinds)}"


def _allowed(error) -> str:
    """What the failed keyword asks for, in words."""
    value = error.validator_value
    words = {
        "enum": lambda: f"allowed: {', '.join(map(str, value))}{_nearest_value(error.instance, value)}",
        "const": lambda: f"allowed: {value}{_nearest_value(error.instance, [value])}",
        "anyOf": lambda: _allowed_of_several(error),
        "not": lambda: "must be left out",
        "type": lambda: _type_wanted(error.instance, value),
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
