"""The profiles of some devices, each with the ratios of its own cycles."""

from pathlib import Path

from codesign.iv.measurement import read_measurement
from codesign.log import log_to
from codesign.nonideality.branch import Extraction
from codesign.nonideality.profile import ProfileError, write_profiles
from codesign.nonideality.profiling import profile_of, with_ratios
from codesign.provenance.records import recorded
from codesign.schemas.device import DEVICE
from codesign.tables import read_table


def main(*, sweeps: list[Path], devices: list[Path], profiles: Path, extraction: dict) -> None:
    """Write one profile a device, in the order given; none for a device without usability."""
    how = Extraction(**extraction)
    made = []
    for measured, extracted in zip(sweeps, devices, strict=True):
        [row] = read_table(extracted, schema=DEVICE).to_pylist()
        if row["device"] != extracted.stem:
            raise ProfileError(
                f"{extracted}: the row of another device, {row['device']}; delete it and run again"
            )
        if row["status"] != "ok":
            print(f"{row['device']} has no profile: {row['reason']}")
            continue
        profile = profile_of(row, min_operative_fraction=how.min_operative_fraction)
        made.append(with_ratios(profile, read_measurement(measured), how))
    write_profiles(made, profiles)


if __name__ == "__main__":
    with log_to(snakemake.log[0]), recorded(snakemake, read=snakemake.params.besides):
        main(
            sweeps=[Path(path) for path in snakemake.params.sweeps],
            devices=[Path(path) for path in snakemake.input.devices],
            profiles=Path(snakemake.output.profiles),
            extraction=snakemake.params.extraction,
        )
