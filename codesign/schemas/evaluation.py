"""Scores of programmed networks."""

import pyarrow as pa

from codesign.schemas.fields import field

EVALUATION = pa.schema(
    [
        field("experiment", pa.string(), "", "experiment: a task with a network and a training"),
        field("method", pa.string(), "", "training method"),
        field("network", pa.string(), "", "network"),
        field(
            "repeat",
            pa.int32(),
            "",
            "which training of the network, from 1; the first is the one searched with",
        ),
        field(
            "aim", pa.string(), "", "what the network was chosen for: panel | a level of it; null in a search"
        ),
        field("stands_for", pa.string(), "", "level (of U or F) | device (one of all)"),
        field("profile", pa.string(), "", "profile programmed on"),
        field("level", pa.float64(), "", "level of U or F the profile stands for; null where none"),
        field("usability", pa.float64(), "", "usability of the profile"),
        field("fidelity", pa.float64(), "", "fidelity of the profile; null where not computed"),
        field("noise", pa.string(), "", "lognormal | resampled | none"),
        field(
            "programming",
            pa.int64(),
            "",
            "number of the programming; in a repeat the same draws for every method",
        ),
        field("calibration", pa.string(), "", "after programming: none | scale | offset | statistics"),
        field("metric", pa.string(), "", "what value is"),
        field("value", pa.float64(), "", "score of one programming over all examples"),
    ]
)
"""One row a programming, calibration and metric."""
START_ABLATION = pa.schema(
    [
        *EVALUATION,
        field("initial_scale", pa.float64(), "", "of the starting weights, times the published one"),
    ]
)
"""The same, of networks trained from each starting scale."""
