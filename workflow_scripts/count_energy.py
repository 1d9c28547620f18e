"""Energy of a multiply-accumulate from the conductances that a record of the crossbar holds."""

from pathlib import Path

from codesign.crossbar.energy import ReadPulse, constant_rows, designs_of, energy_of, said_of
from codesign.crossbar.record import read_records
from codesign.crossbar.summary import programmed
from codesign.log import log_to
from codesign.provenance.records import recorded
from codesign.schemas.energy import ENERGY
from codesign.tables import write_csv, write_table


def main(
    *,
    records: list[Path],
    measured: bool,
    energy: Path,
    csv: Path,
    constants: Path,
    pulse: dict,
    array: tuple[int, int],
) -> None:
    """Write energy by design and component, and every constant with its source.

    Args:
        measured: Whether the record is one of the bench; a simulated one is refused there.
        pulse: Fields of `ReadPulse`.
        array: Rows and columns of the array.
    """
    rows, metadata = read_records(records, measured=measured)
    read = ReadPulse(**pulse)
    found = programmed(rows, pulse_s=read.seconds)
    table = energy_of(
        designs_of(
            found["tiles"],
            found["mean_square_v2"],
            array=array,
            pulse=read,
            network=f"{metadata.get('task', '')} network".strip(),
        ),
        conductance_s=found["conductance_s"],
        pulse=read,
        evidence=metadata["evidence"],
    )
    write_table(table, energy, schema=ENERGY, metadata=metadata)
    write_csv(table, csv)
    write_csv(constant_rows(), constants)
    print(said_of(table))


if __name__ == "__main__":
    with log_to(snakemake.log[0]), recorded(snakemake):
        main(
            records=[Path(path) for path in snakemake.params.records],
            measured=snakemake.params.measured,
            **{name: Path(snakemake.output[name]) for name in ("energy", "csv", "constants")},
            pulse=snakemake.params.pulse,
            array=tuple(snakemake.params.array),
        )
