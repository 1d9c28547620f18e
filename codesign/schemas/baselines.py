"""Scores of answers that need no network."""

import pyarrow as pa

from codesign.schemas.fields import field

BASELINES = pa.schema(
    [
        field("experiment", pa.string(), "", "experiment: a task with a network and a training"),
        field("baseline", pa.string(), "", "how the answer is found"),
        field("metric", pa.string(), "", "what value is"),
        field("value", pa.float64(), "", "score over all test examples"),
    ]
)
"""One row a baseline and metric."""
