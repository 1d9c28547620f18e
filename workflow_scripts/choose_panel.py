"""Choose the devices that networks are trained for, and make synthetic profiles along their trend."""

from pathlib import Path

from codesign.log import log_to
from codesign.nonideality.levels import choose_panel, synthetic_profiles, trend
from codesign.nonideality.profile import write_profiles
from codesign.nonideality.profiling import profile_of
from codesign.provenance.records import recorded
from codesign.schemas.device import DEVICE
from codesign.tables import read_table


def main(
    *,
    usability: Path,
    panel: Path,
    levels: Path,
    panel_levels: list[float],
    synthetic_levels: list[float],
    min_operative_fraction: float,
) -> None:
    """Write the panel (devices) and the levels (synthetic profiles) of one usability table."""
    rows = read_table(usability, schema=DEVICE).to_pylist()
    chosen = choose_panel(rows, panel_levels)
    profiles = [
        profile_of(row, min_operative_fraction=min_operative_fraction, level=level) for level, row in chosen
    ]
    write_profiles(profiles, panel)
    along = trend(rows, min_operative_fraction=min_operative_fraction).rounded()
    write_profiles(
        synthetic_profiles(synthetic_levels, along, min_operative_fraction=min_operative_fraction), levels
    )
    for profile in profiles:
        print(f"level {profile.level:g}: {profile.profile}, U = {profile.usability:.3f}")
    print(f"synthetic profiles: {along.eta_share:.0%} of -ln U is -ln eta ({along.devices} devices)")


if __name__ == "__main__":
    with log_to(snakemake.log[0]), recorded(snakemake):
        main(
            usability=Path(snakemake.input.usability),
            panel=Path(snakemake.output.panel),
            levels=Path(snakemake.output.levels),
            panel_levels=snakemake.params.panel,
            synthetic_levels=snakemake.params.levels,
            min_operative_fraction=snakemake.params.min_operative_fraction,
        )
