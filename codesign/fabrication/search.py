"""What a search for the next device is told."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from codesign.bayesopt.levels import Prior
from codesign.fabrication.model import FITS
from codesign.fabrication.reading import SYMBOLS


@dataclass(frozen=True)
class Search:
    """Settings of the search; meaning in the configuration's schema."""

    encoding: str
    surrogate: str
    goal: str
    target: float
    batch: int
    space_filling: int
    start: Mapping
    pending: Sequence[Mapping] = ()
    reading: str = "usability"
    prior: Prior = field(default_factory=Prior)
    """Of the surrogate `marginal`; no setting, but benchmarks leave parts of it out."""

    def __post_init__(self) -> None:
        if self.surrogate not in FITS:
            raise ValueError(f"surrogate must be one of {', '.join(FITS)}, got {self.surrogate!r}")
        if self.reading not in SYMBOLS:
            raise ValueError(f"reading must be one of {', '.join(SYMBOLS)}, got {self.reading!r}")
        if self.goal not in ("maximise", "target"):
            raise ValueError(f"goal must be maximise or target, got {self.goal!r}")
        if self.batch < 1 or self.space_filling < 1:
            raise ValueError(
                f"batch and space_filling must be at least 1, got {self.batch}, {self.space_filling}"
            )
        if not 0 <= self.target <= 1:
            raise ValueError(f"target must lie in 0 ... 1, got {self.target}")
