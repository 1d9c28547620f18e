"""The next devices to make."""

import pyarrow as pa

from codesign.schemas.conditions import CONDITIONS
from codesign.schemas.fields import field
from codesign.variables import PAPER, Variable, Variables

RANK = field("rank", pa.int32(), "", "1 is the first device to make")
SAID = (
    field("reading", pa.string(), "", "usability | fidelity: what is predicted and sought"),
    field("predicted_mean", pa.float64(), "", "predicted reading"),
    field("predicted_std", pa.float64(), "", "standard deviation of the prediction"),
    field("log_acquisition", pa.float64(), "", "log of expected_improvement"),
    field(
        "expected_improvement",
        pa.float64(),
        "",
        "expected improvement in the reading over the best predicted value, with goal: target of the "
        "distance to it; times probability_of_usability; readings above 1 are not cut off",
    ),
    field(
        "probability_of_improvement",
        pa.float64(),
        "",
        "P(what is expected there is better than the best predicted value of conditions made); with "
        "goal: target P(nearer to it than the nearest of them); readings above 1 are not cut off",
    ),
    field(
        "probability_to_beat_measured",
        pa.float64(),
        "",
        "P(a device made there has a usability and is better than the best measured device); with goal: "
        "target P(nearer to it than the nearest measured device); given that no reading is above 1",
    ),
    field(
        "probability_of_usability",
        pa.float64(),
        "",
        "chance that a device made there has a usability; 1 everywhere until a device fails, then below "
        "1 everywhere",
    ),
    field("nearest_device", pa.string(), "", "nearest device made, in encoded distance"),
    field("nearest_distance", pa.float64(), "", "encoded distance to it"),
    field("nearest_value", pa.float64(), "", "its reading"),
    field("origin", pa.string(), "", "measured | virtual: what the surrogate was fitted to"),
    field("surrogate", pa.string(), "", "the model in words, or why there is none yet"),
    field("seed", pa.int64(), "", "root seed"),
    field("table_sha256", pa.string(), "", "digest of the readings fitted to"),
)
"""Columns behind those of the conditions."""


def proposals_schema(variables: Variables) -> pa.Schema:
    """Columns of the next devices to make, with one for each variable."""
    return pa.schema([RANK, *map(condition_field, variables), *SAID])


def condition_field(variable: Variable) -> pa.Field:
    """The column of a variable."""
    paper = {field.name: field for field in CONDITIONS}
    if variable.name in paper:
        return paper[variable.name]
    kind = pa.string() if variable.is_category else pa.float64()
    return field(variable.name, kind, variable.unit, variable.label)


PROPOSALS = proposals_schema(PAPER)
"""The next devices to make, best first, in the paper's variables."""
