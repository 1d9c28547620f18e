"""Stack the campaign's searches and summarise them."""

from pathlib import Path

import pyarrow as pa

from codesign.fabrication.campaign import summarise
from codesign.log import log_to
from codesign.provenance.records import recorded
from codesign.schemas.campaign import CAMPAIGN
from codesign.tables import read_table, write_csv, write_table


def main(*, evaluations: list[Path], table: Path, csv: Path) -> None:
    """Write every evaluation to `table` and the best-so-far bands to `csv`."""
    rows = pa.concat_tables([read_table(path, schema=CAMPAIGN) for path in evaluations])
    write_table(rows, table, schema=CAMPAIGN)
    write_csv(summarise(rows.to_pylist()), csv)


if __name__ == "__main__":
    with log_to(snakemake.log[0]), recorded(snakemake):
        main(
            evaluations=[Path(path) for path in snakemake.input.evaluations],
            table=Path(snakemake.output.table),
            csv=Path(snakemake.output.csv),
        )
