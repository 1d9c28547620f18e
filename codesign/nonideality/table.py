"""The usability table: one row a device, failed devices with their reason."""

import warnings
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from codesign.files import replacing
from codesign.iv.discovery import same_source
from codesign.labels import called
from codesign.schemas.device import DEVICE
from codesign.schemas.fields import field
from codesign.schemas.proposals import condition_field
from codesign.spreadsheet import write_workbook
from codesign.tables import TableError, read_table, write_csv
from codesign.variables import PAPER, Variables

READINGS = ("usability", "usability_low", "usability_high", "fidelity", "fidelity_low", "fidelity_high")
"""Shown with two decimals in the summary."""
ROWS_A_GROUP = 64
"""Rows held in memory at once."""


def stack_devices(
    devices: Sequence[Path], *, table: Path, csv: Path, workbook: Path, variables: Variables = PAPER
) -> dict[str, int]:
    """Stack device rows, holding at most `ROWS_A_GROUP` full rows in memory.

    Args:
        devices: One-row tables of `codesign.schemas.device.DEVICE`.
        table: Written in device-name order, every column.
        csv: Written best usability first, devices without usability last; without
            the curves.
        workbook: For a spreadsheet: a summary with rank and label, as figures have them, the rows of `csv`,
            and a sheet that explains the columns.
        variables: What the laboratory varies: columns of the summary.

    Warns:
        Devices come from instrument files with one content: one measurement counts several times.

    Returns:
        Number of devices by status.

    Raises:
        TableError: A device occurs twice, or measured and virtual devices meet.
    """
    scalars = [field.name for field in DEVICE if not pa.types.is_list(field.type)]
    seen: dict[str, Path] = {}
    short: list[dict] = []
    with replacing(table) as temporary, pq.ParquetWriter(temporary, DEVICE, compression="zstd") as writer:
        group: list[pa.Table] = []
        for path in sorted(devices, key=lambda path: Path(path).stem):
            rows = read_table(path, schema=DEVICE)
            for row in rows.select(scalars).to_pylist():
                if row["device"] != Path(path).stem:
                    raise TableError(
                        f"{path}: the row of another device, {row['device']}; delete it and run again: the "
                        "row is extracted anew"
                    )
                if row["device"] in seen:
                    raise TableError(f"device {row['device']} is in {seen[row['device']]} and in {path}")
                seen[row["device"]] = path
                short.append(row)
            group.append(rows)
            if len(group) == ROWS_A_GROUP:
                writer.write_table(pa.concat_tables(group))
                group = []
        if group or not seen:
            writer.write_table(pa.concat_tables(group) if group else DEVICE.empty_table())
        origins = {row["origin"] for row in short}
        if len(origins) > 1:
            raise TableError(f"{table}: measured and virtual devices never share a table")
    for copies in same_source({row["device"]: row["source_sha256"] for row in short}):
        warnings.warn(
            f"{', '.join(copies)} come from instrument files with one content: one measurement counts as "
            f"{len(copies)} devices. `python -m codesign.iv check data/iv` says which file to remove",
            stacklevel=2,
        )
    short.sort(key=lambda row: (row["usability"] is None, -(row["usability"] or 0.0), row["device"]))
    rows = pa.Table.from_pylist(short, schema=pa.schema([DEVICE.field(name) for name in scalars]))
    write_csv(rows, csv)
    write_workbook({"summary": _summary(short, variables), "devices": rows}, workbook)
    return dict(Counter(row["status"] for row in short))


def _summary(rows: Sequence[Mapping], variables: Variables) -> pa.Table:
    """What a person sends on: rank and label as in the ranking figure, conditions, both readings."""
    rows = variables.filled(rows)
    known_as = called(rows, variables)
    schema = pa.schema(
        [
            field("rank", pa.int32(), "", "place by usability, best first"),
            field("label", pa.string(), "", "what figures call the device"),
            DEVICE.field("source_file"),
            *map(condition_field, variables),
            *(
                DEVICE.field(name).with_metadata({**DEVICE.field(name).metadata, b"decimals": b"2"})
                for name in READINGS
            ),
            *(DEVICE.field(name) for name in ("cycles_used", "status", "reason", "device")),
        ]
    )
    known = [{name: row.get(name) for name in schema.names} | asdict(known_as[row["device"]]) for row in rows]
    return pa.Table.from_pylist(known, schema=schema)
