"""Scores of programmed networks."""

import pyarrow as pa

from codesign.schemas.fields import field

EVALUATION = pa.schema(
    [
        field("task", pa.string(), "", "task"),
        field("method", pa.string(), "", "training method"),
        field("model", pa.string(), "", "network"),
        field("source", pa.string(), "", "level (chosen for a usability level) | device (one of all)"),
        field("profile", pa.string(), "", "profile programmed on"),
        field("level", pa.float64(), "", "usability level the profile stands for; null where none"),
        field("usability", pa.float64(), "", "usability of the profile"),
        field("noise", pa.string(), "", "lognormal | resampled | none"),
        field("seed", pa.int64(), "", "noise seed; the same for every method"),
        field("metric", pa.string(), "", "what value is"),
        field("value", pa.float64(), "", "score of one programming over the whole test set"),
    ]
)
"""One row a programming and metric."""
