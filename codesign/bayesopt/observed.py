"""What a surrogate can be fitted to."""

import numpy as np


def check_observations(x: np.ndarray, y: np.ndarray, std: np.ndarray) -> None:
    """Check that there are two observations or more, and that all are finite.

    Args:
        x: Points, (n, dimensions).
        y: Readings, (n,).
        std: Standard deviation of each, (n,).

    Raises:
        ValueError: There are fewer, or some are not finite; the message counts from 0 which.
    """
    broken = np.flatnonzero(~(np.isfinite(x).all(axis=1) & np.isfinite(y) & np.isfinite(std)))
    if broken.size:
        numbers = ", ".join(map(str, broken))
        raise ValueError(f"observations {numbers} of 0 ... {len(y) - 1} are not finite; leave them out")
    if len(y) < 2:
        raise ValueError(f"a surrogate needs at least 2 observations, got {len(y)}")
