"""A device by its name: the row that a laboratory's results hold of it."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from codesign.files import trouble_with
from codesign.schemas.device import DEVICE
from codesign.tables import read_metadata, read_table
from codesign.words import nearest

FOLDERS = ("results", "results/virtual_lab")
"""Where results are looked for unless told: of measured devices, else of virtual ones."""


class FoundError(LookupError):
    """No such device, or no table to look it up in; the message says what there is, or how to make it."""


class Found(NamedTuple):
    """A device and where it was found."""

    folder: Path
    """Results of its laboratory."""
    row: dict
    """Columns of `codesign.schemas.device.DEVICE`."""
    path: Path
    """The file of its row alone, which may be missing where the table names it."""

    def extraction(self) -> dict:
        """Settings that the row was extracted with, as its own file says; empty where that is not at hand."""
        said = read_metadata(self.path) if self.path.is_file() else {}
        return said.get("extraction", {})


def find_device(name: str, results: Path | None, *, columns: Sequence[str] | None = None) -> Found:
    """The row of a device.

    Args:
        name: Its id in the usability table, or the file of its row, results/devices/NAME.parquet.
        results: Folder with usability.parquet; None for `FOLDERS`.
        columns: Only these; None for all.

    Raises:
        FoundError: No usability table, or it has no such device.
        TableError: A table cannot be read.
    """
    columns = list(columns or DEVICE.names)
    if name.endswith(".parquet"):
        if trouble := trouble_with(name):
            raise FoundError(f"{name}: {trouble}; name a device by its id, or results/devices/NAME.parquet")
        if read_metadata(name).keys() >= {"kind", "source_file"}:
            raise FoundError(
                f"{name} is a measurement, not the row of a device; name the device by its id, "
                f"{Path(name).stem}, or its row, results/devices/{Path(name).name}"
            )
        rows = read_table(name, schema=DEVICE).select(columns).to_pylist()
        if len(rows) != 1:
            raise FoundError(
                f"{name} holds {len(rows)} devices, not one; name a device by its id, or its row, "
                "results/devices/NAME.parquet"
            )
        return Found(results or Path(name).resolve().parent.parent, rows[0], Path(name))
    folders = [results] if results else [Path(folder) for folder in FOLDERS]
    there = [folder for folder in folders if (folder / "usability.parquet").is_file()]
    if not there:
        looked = " and ".join(str(folder / "usability.parquet") for folder in folders)
        raise FoundError(f"no usability table: {looked}; `snakemake --cores 2 usability` makes it")
    known: list[str] = []
    for folder in there:
        rows = read_table(folder / "usability.parquet", schema=DEVICE).select(columns).to_pylist()
        by_name = {row["device"]: row for row in rows}
        if name in by_name:
            return Found(folder, by_name[name], folder / "devices" / f"{name}.parquet")
        known += by_name
    looked = " or ".join(str(folder / "usability.parquet") for folder in there)
    raise FoundError(f"no device {name} in {looked}{nearest(name, known)}; their column device has the ids")
