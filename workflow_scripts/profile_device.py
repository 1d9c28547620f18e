"""The profile of one device, with the ratios of its own cycles."""

from pathlib import Path

from codesign.iv.measurement import read_measurement
from codesign.log import log_to
from codesign.nonideality.device import Extraction
from codesign.nonideality.profile import profile_of, with_ratios, write_profiles
from codesign.records import recorded
from codesign.tables import DEVICE, read_table


def main(*, sweeps: Path, device: Path, profile: Path, extraction: dict) -> None:
    """Write the profile; a table without rows where the device has no usability."""
    [row] = read_table(device, schema=DEVICE).to_pylist()
    if row["status"] != "ok":
        print(f"{row['device']} has no profile: {row['reason']}")
        write_profiles([], profile)
        return
    how = Extraction(**extraction)
    made = profile_of(row, min_operative_fraction=how.min_operative_fraction)
    write_profiles([with_ratios(made, read_measurement(sweeps), how)], profile)


if __name__ == "__main__":
    with log_to(snakemake.log[0]), recorded(snakemake):
        main(
            sweeps=Path(snakemake.input.sweeps),
            device=Path(snakemake.input.device),
            profile=Path(snakemake.output.profile),
            extraction=snakemake.params.extraction,
        )
