"""Stack the scores of one experiment and method."""

from pathlib import Path

import pyarrow as pa

from codesign.log import log_to
from codesign.provenance.records import recorded
from codesign.schemas.evaluation import EVALUATION
from codesign.tables import read_metadata, read_table, write_table


def main(*, levels: Path, devices: list[Path], evaluation: Path) -> None:
    """Write every row, levels first, then devices by name."""
    stacked = pa.concat_tables([read_table(path, schema=EVALUATION) for path in devices])
    order = [(key, "ascending") for key in ("noise", "profile", "programming", "calibration", "metric")]
    rows = pa.concat_tables([read_table(levels, schema=EVALUATION), stacked.sort_by(order)])
    write_table(rows, evaluation, schema=EVALUATION, metadata=read_metadata(levels))
    print(f"{rows.num_rows} rows")


if __name__ == "__main__":
    with log_to(snakemake.log[0]), recorded(snakemake):
        main(
            levels=Path(snakemake.input.levels),
            devices=[Path(path) for path in snakemake.input.devices],
            evaluation=Path(snakemake.output.evaluation),
        )
