"""Scores summarised over trainings and programmings."""

import pyarrow as pa

from codesign.schemas.evaluation import EVALUATION
from codesign.schemas.fields import field

_GROUP = [EVALUATION.field(n) for n in EVALUATION.names if n not in ("repeat", "programming", "value")]
_TRAININGS = field("trainings", pa.int32(), "", "trainings, each with its programmings; intervals cover both")
_DIFFERENCE = [
    field("n_paired", pa.int32(), "", "programmings, over all trainings, that the other method has too"),
    field("difference", pa.float64(), "", "mean of value - the other's at the same training and programming"),
    field("difference_low", pa.float64(), "", "lower end of the bootstrap interval on difference"),
    field("difference_high", pa.float64(), "", "upper end of the bootstrap interval on difference"),
]
EVALUATION_SUMMARY = pa.schema(
    [
        *_GROUP,
        _TRAININGS,
        field("n", pa.int32(), "", "programmings of each training"),
        field("mean", pa.float64(), "", "mean over trainings and programmings"),
        field("std", pa.float64(), "", "standard deviation of all these scores (n - 1); null for one"),
        field(
            "training_share",
            pa.float64(),
            "",
            "share of the variance between trainings; null for one of them",
        ),
        field("low", pa.float64(), "", "lower end of the bootstrap interval on mean; null for one score"),
        field("high", pa.float64(), "", "upper end of the bootstrap interval on mean"),
        *_DIFFERENCE,
    ]
)
"""Trainings and programmings summarised, with the difference to ERM; the rows behind it are EVALUATION's."""
ANALOG_SUMMARY = pa.schema(
    [
        field("analog", pa.string(), "", "what is on memristors: weights | all | differential"),
        *EVALUATION_SUMMARY,
    ]
)
"""The same by what is on memristors, on levels."""
COMPARISON = pa.schema(
    [
        *_GROUP,
        field("compared_with", pa.string(), "", "the other method"),
        _TRAININGS,
        *_DIFFERENCE,
    ]
)
"""Differences between methods other than to ERM."""
