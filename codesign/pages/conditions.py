"""Fabrication conditions as columns of a page's table."""

from collections.abc import Mapping

from codesign.labels import is_formula
from codesign.pages.html import Column, formula
from codesign.variables import Variable, Variables


def condition_columns(variables: Variables) -> list[Column]:
    """A column for each variable, e.g. `length / µm`."""
    return [
        Column(each.words.column)
        if each.is_category
        else Column(f"{each.words.column} / {each.unit}" if each.unit else each.words.column, "number")
        for each in variables
    ]


def condition_cells(row: Mapping, variables: Variables) -> list[str]:
    """Their values in a row; a number that is not known is a dash."""
    return [_cell(each, row[each.name]) for each in variables]


def _cell(variable: Variable, value: str | float | None) -> str:
    if variable.is_category:
        return formula(value) if is_formula(variable, value) else value
    return "–" if value is None else format(value, "g")
