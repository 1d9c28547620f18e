"""The schema of section `fabrication` where the configuration has variables of its own."""

from collections.abc import Mapping

from codesign.schemas.conditions import CONDITION_COLUMNS
from codesign.variables import KINDS, NAME

RESTING = ("space", "start", "pending", "exclude")
"""Keys that speak of variables."""
PERMITTED = {"description": "of a variable that fabrication.variables takes off: not used"}
CATEGORY = {
    "type": "string",
    "pattern": r"^[\w(]([\w ().,+/%-]{0,38}[\w).+%])?$",
    "description": "text of at most 40 letters, digits, spaces and ().,+/%_-; numbers, yes and no in quotes",
}
NUMBER = {"linear": {"type": "number"}, "log": {"type": "number", "exclusiveMinimum": 0}}


def with_variables(schema: Mapping, settings: Mapping) -> dict:
    """A schema of the configuration in which levels and conditions are those of its variables.

    Args:
        schema: Of the configuration; its section `fabrication` is that of the paper's variables.
        settings: The configuration, not checked yet.

    Returns:
        The same schema where the variables are the paper's. Where `variables` is not what it is to be, one
        that finds fault with it alone, not with all that rests on it.
    """
    section = settings.get("fabrication")
    if not isinstance(section, Mapping) or "variables" not in section:
        return dict(schema)
    said = section["variables"]
    kept = {k: each for k, each in said.items() if each is not None} if isinstance(said, Mapping) else {}
    if set(kept) == set(CONDITION_COLUMNS):
        return dict(schema)
    own = _own(kept, said) if _are_variables(kept) else {key: {} for key in RESTING}
    fabrication = schema["properties"]["fabrication"]
    changed = {**fabrication, "properties": {**fabrication["properties"], **own}}
    return {**schema, "properties": {**schema["properties"], "fabrication": changed}}


def _are_variables(kept: Mapping) -> bool:
    """Whether there are variables that are said well enough for something to rest on them."""
    return len(kept) > 0 and all(
        isinstance(name, str)
        and NAME.fullmatch(name)
        and isinstance(each, Mapping)
        and each.get("kind") in KINDS
        and each.get("scale", "linear") in NUMBER
        for name, each in kept.items()
    )


def _own(kept: Mapping[str, Mapping], said: Mapping) -> dict:
    """Schemas of `space`, `start`, `pending` and `exclude`."""
    values = {name: _value(name, each) for name, each in kept.items()}
    off = {name: PERMITTED for name in said if name not in kept}
    levels = {
        name: {
            "type": "array",
            "minItems": 1,
            "uniqueItems": True,
            "items": values[name],
            "description": f"levels of {name}: {'words' if each['kind'] == 'category' else 'numbers'}",
        }
        for name, each in kept.items()
    }
    condition = {"type": "object", "additionalProperties": False, "properties": values}
    whole = {**condition, "required": list(kept)}
    part = {**condition, "minProperties": 1}
    return {
        "space": {
            **whole,
            "properties": levels | off,
            "description": "levels that can be made, of each of fabrication.variables",
        },
        "start": {**whole, "properties": values | off, "description": "one fabrication condition"},
        "pending": {"type": "array", "items": whole, "description": "conditions being made now"},
        "exclude": {"type": "array", "items": part, "description": "combinations never proposed"},
    }


def _value(name: str, said: Mapping) -> dict:
    if said["kind"] == "category":
        return {"$ref": "#/$defs/compound"} if name == "perovskite" else CATEGORY
    return NUMBER[said.get("scale", "linear")]
