"""Scores summarised over programmings."""

import pyarrow as pa

from codesign.schemas.evaluation import EVALUATION
from codesign.schemas.fields import field

EVALUATION_SUMMARY = pa.schema(
    [
        *(EVALUATION.field(n) for n in EVALUATION.names if n not in ("programming", "value")),
        field("n", pa.int32(), "", "programmings"),
        field("mean", pa.float64(), "", "mean over programmings"),
        field("std", pa.float64(), "", "standard deviation over programmings (n - 1); null for one"),
        field("n_paired", pa.int32(), "", "programmings the baseline has too"),
        field("difference", pa.float64(), "", "mean of value - baseline's value at the same programming"),
        field("difference_low", pa.float64(), "", "lower end of the bootstrap interval on difference"),
        field("difference_high", pa.float64(), "", "upper end of the bootstrap interval on difference"),
    ]
)
"""Programmings summarised; the rows behind it are EVALUATION's."""
