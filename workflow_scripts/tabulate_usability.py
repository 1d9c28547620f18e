"""Stack the device rows into the usability table."""

from pathlib import Path

from codesign.log import log_to
from codesign.nonideality.table import stack_devices
from codesign.provenance.records import recorded
from codesign.variables import Variables


def main(*, devices: list[Path], table: Path, csv: Path, workbook: Path, variables: dict) -> None:
    """Write all rows to `table` in name order and, best device first, to `csv` and `workbook`."""
    counts = stack_devices(
        devices, table=table, csv=csv, workbook=workbook, variables=Variables.of(variables)
    )
    print(", ".join(f"{count} {status}" for status, count in sorted(counts.items())))


if __name__ == "__main__":
    with log_to(snakemake.log[0]), recorded(snakemake):
        main(
            devices=[Path(path) for path in snakemake.input.devices],
            table=Path(snakemake.output.table),
            csv=Path(snakemake.output.csv),
            workbook=Path(snakemake.output.workbook),
            variables=snakemake.params.variables,
        )
