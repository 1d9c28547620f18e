"""How an importer says no."""

from codesign.iv.measurement import MeasurementError


class ImportRefused(MeasurementError):
    """An instrument file cannot be used.

    Attributes:
        where: Column, row or key at fault; may be empty.
        what: What is wrong.
        remedy: How to mend it.
    """

    def __init__(self, what: str, *, where: str = "", remedy: str) -> None:
        self.where, self.what, self.remedy = where, what, remedy
        place = f"{where}: " if where else ""
        super().__init__(f"{place}{what}; {remedy}")
