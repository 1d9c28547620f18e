"""Scores summarised over programmings."""

import pyarrow as pa

from codesign.schemas.evaluation import EVALUATION
from codesign.schemas.fields import field

EVALUATION_SUMMARY = pa.schema(
    [
        *(EVALUATION.field(n) for n in EVALUATION.names if n not in ("seed", "value")),
        field("n", pa.int32(), "", "seeds"),
        field("mean", pa.float64(), "", "mean over seeds"),
        field("std", pa.float64(), "", "standard deviation over seeds (n - 1); null for one seed"),
        field("n_paired", pa.int32(), "", "seeds the baseline has too"),
        field("difference", pa.float64(), "", "mean of value - baseline's value at the same seed"),
        field("difference_low", pa.float64(), "", "lower end of the bootstrap interval on difference"),
        field("difference_high", pa.float64(), "", "upper end of the bootstrap interval on difference"),
    ]
)
"""Seeds summarised; the rows behind it are EVALUATION's."""
