"""Learning rates as functions of how far training is."""

import math

SCHEDULES = ("constant", "cosine", "cosine-third", "steps")


def learning_rate_factor(progress: float, *, schedule: str, warmup: float) -> float:
    """Share of the base learning rate in force.

    Args:
        progress: Share of all epochs done, in [0, 1).
        schedule: constant | cosine (down to 0) | cosine-third (down to a third) | steps (a tenth from 1/2 on,
            a hundredth from 3/4 on).
        warmup: Share of all epochs over which the rate rises from 0, in [0, 1).

    Source:
        Loshchilov and Hutter (2017), arXiv 1608.03983, Eq. 5 without restarts; He et al. (2016),
        arXiv 1512.03385, Sect. 4.2, for the steps. Zhu et al. (2023), MiniGPT-4, train from 3e-5 to 1e-5.
    """
    if schedule not in SCHEDULES:
        raise ValueError(f"schedule must be one of {', '.join(SCHEDULES)}, got {schedule!r}")
    rise = progress / warmup if progress < warmup else 1.0
    if schedule.startswith("cosine"):
        last = 1 / 3 if schedule == "cosine-third" else 0.0
        return rise * (last + (1 - last) * 0.5 * (1 + math.cos(math.pi * progress)))
    if schedule == "steps":
        return rise * (1.0 if progress < 0.5 else 0.1 if progress < 0.75 else 0.01)
    return rise
