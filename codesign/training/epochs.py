"""How long a network is trained; read without torch."""

import math
from collections.abc import Mapping


def epochs_of(epochs: int, shared: Mapping) -> int:
    """How many of an experiment's epochs are trained.

    Args:
        epochs: Of the experiment.
        shared: Settings that trainings share: with `start` erm the share `further` is trained; a trial of a
            search says its own `share`, or none where it is a whole training.

    Example:
        >>> epochs_of(12, {"start": "erm", "further": 0.5, "share": 0.25})
        2
    """
    further = shared["further"] if shared["start"] == "erm" else 1.0
    return math.ceil(further * shared.get("share", 1.0) * epochs)
