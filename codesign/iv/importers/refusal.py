"""How an importer says no."""

from codesign.iv.measurement import MeasurementError


class ImportRefused(MeasurementError):
    """An instrument file cannot be used.

    Attributes:
        file: Name of the file; may be empty until `import_file` adds it.
        where: Column, row or key at fault; may be empty.
        what: What is wrong.
        remedy: How to mend it.
    """

    def __init__(self, what: str, *, where: str = "", remedy: str, file: str = "") -> None:
        self.file, self.where, self.what, self.remedy = file, where, what, remedy
        places = "".join(f"{place}: " for place in (file, where) if place)
        super().__init__(f"{places}{what}; {remedy}")

    def of_file(self, file: str) -> "ImportRefused":
        """The same refusal with the file named."""
        return ImportRefused(self.what, where=self.where, remedy=self.remedy, file=file)
