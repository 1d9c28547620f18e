"""The history of a training."""

import pyarrow as pa

from codesign.schemas.fields import field

HISTORY = pa.schema(
    [
        field(
            "network", pa.int32(), "", "number among a method's networks, from 1; spec.json tells them apart"
        ),
        field("epoch", pa.int32(), "", "epoch, from 1"),
        field(
            "part",
            pa.string(),
            "",
            "train (batches, training noise on) | validation (after the epoch, no noise)",
        ),
        field(
            "quantity", pa.string(), "", "learning_rate (of the first batch) | loss | a metric of the task"
        ),
        field("value", pa.float64(), "", "mean over the part's examples"),
    ]
)
"""The trainings of a method's networks, a row a network, epoch, part and quantity."""
