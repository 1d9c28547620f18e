"""Stack the scores of one experiment and method, of all its trainings."""

from pathlib import Path

import pyarrow as pa

from codesign.log import log_to
from codesign.provenance.records import recorded
from codesign.schemas.evaluation import EVALUATION
from codesign.tables import read_metadata, read_table, write_table

ORDER = [(key, "ascending") for key in ("noise", "profile", "repeat", "programming", "calibration", "metric")]


def main(*, levels: list[Path], devices: list[Path], evaluation: Path) -> None:
    """Write every row, levels first as they come, a training after the other, then devices by name.

    Args:
        levels: Scores on levels, a training each.
        devices: Scores on devices; none where the method is not evaluated on them.
        evaluation: Is written.
    """
    every = [read_table(path, schema=EVALUATION) for path in levels]
    if devices:
        stacked = pa.concat_tables([read_table(path, schema=EVALUATION) for path in devices])
        every.append(stacked.sort_by(ORDER))
    rows = pa.concat_tables(every)
    write_table(rows, evaluation, schema=EVALUATION, metadata=read_metadata(levels[0]))
    print(f"{rows.num_rows} rows")


if __name__ == "__main__":
    with log_to(snakemake.log[0]), recorded(snakemake):
        main(
            levels=[Path(path) for path in snakemake.input.levels],
            devices=[Path(path) for path in snakemake.input.devices],
            evaluation=Path(snakemake.output.evaluation),
        )
