"""A caller's network on one device."""

import pyarrow as pa

from codesign.schemas.evaluation import EVALUATION
from codesign.schemas.fields import field

HELD = pa.schema(
    [
        EVALUATION.field("network"),
        EVALUATION.field("profile"),
        field("origin", pa.string(), "", "of the device: measured | virtual"),
        *(EVALUATION.field(n) for n in ("usability", "fidelity", "noise")),
        field(
            "analog",
            pa.string(),
            "",
            "on memristors: weights of layers | all parameters | differential pairs",
        ),
        field(
            "digital", pa.string(), "", "submodules whose weights stayed digital, with a comma between them"
        ),
        field("seed", pa.int64(), "", "of the draws; 1: those of the first training in the workflow"),
        *(EVALUATION.field(n) for n in ("programming", "calibration", "metric")),
        EVALUATION.field("value"),
        field("ideal", pa.float64(), "", "the same score of the network without a device"),
        field(
            "constant",
            pa.float64(),
            "",
            "the best score of one answer for all examples, which needs no network: the largest class, the "
            "targets' mean or median; null for a score of the caller's",
        ),
    ]
)
"""One row a programming and calibration."""
