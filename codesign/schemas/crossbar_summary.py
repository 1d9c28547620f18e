"""Runs of a crossbar record summarised."""

import pyarrow as pa

from codesign.schemas.fields import field

CROSSBAR_SUMMARY = pa.schema(
    [
        field("evidence", pa.string(), "", "simulated | measured"),
        field("method", pa.string(), "", "training method; 'difference' for bayesmulti - erm, run by run"),
        field("calibration", pa.string(), "", "after programming: none | offset"),
        field(
            "quantity",
            pa.string(),
            "",
            "software | array | drop (software - array) | relative_drop | regained (array - array of none)",
        ),
        field("n", pa.int32(), "", "runs"),
        field("mean", pa.float64(), "", "mean over runs"),
        field("std", pa.float64(), "", "standard deviation over runs (n - 1); null for one run"),
        field("low", pa.float64(), "", "lower end of the bootstrap interval on the mean"),
        field("high", pa.float64(), "", "upper end of it"),
    ]
)
"""Runs of one record summarised."""
