"""Channels and block counts scaled from the published ones."""


def scaled(channels: int, width: float) -> int:
    """`channels` times `width`, rounded, at least 1.

    Raises:
        ValueError: `width` is not positive.
    """
    if not width > 0:
        raise ValueError(f"width must be positive, got {width}")
    return max(1, round(channels * width))


def repeated(blocks: int, depth: float) -> int:
    """`blocks` times `depth`, rounded, at least 1.

    Raises:
        ValueError: `depth` is not positive.
    """
    if not depth > 0:
        raise ValueError(f"depth must be positive, got {depth}")
    return max(1, round(blocks * depth))
