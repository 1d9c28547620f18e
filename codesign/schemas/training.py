"""The history of a training."""

import pyarrow as pa

from codesign.schemas.fields import field

HISTORY = pa.schema(
    [
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
"""One training, a row an epoch, part and quantity."""
