"""The history of a training."""

import pyarrow as pa

from codesign.schemas.fields import field

HISTORY = pa.schema(
    [
        field("epoch", pa.int32(), "", "epoch, from 1"),
        field("learning_rate", pa.float64(), "", "learning rate of the epoch's first batch"),
        field("train_loss", pa.float64(), "", "mean loss over the epoch's batches, training noise on"),
        field("train_accuracy", pa.float64(), "", "score over the epoch's batches, training noise on"),
        field("validation_loss", pa.float64(), "", "mean loss after the epoch, no noise"),
        field("validation_accuracy", pa.float64(), "", "score after the epoch, no noise"),
    ]
)
"""One training, a row an epoch."""
