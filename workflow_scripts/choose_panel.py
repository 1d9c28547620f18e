"""Choose the devices that noise is searched for, and make synthetic profiles along their trend."""

from pathlib import Path

from codesign.log import log_to
from codesign.nonideality.fidelity import draw_columns
from codesign.nonideality.levels import panel_profiles, synthetic_profiles, trend
from codesign.nonideality.profile import write_profiles
from codesign.provenance.records import recorded
from codesign.schemas.device import DEVICE
from codesign.seeds import generator
from codesign.tables import read_table

LEVEL_DRAWS = 4000
"""Columns behind the fidelity of a level: ten times a device's, as every device is read off them."""


def main(
    *,
    usability: Path,
    panel: Path,
    levels: Path,
    panel_levels: list[float],
    synthetic_levels: list[float],
    panel_by: str,
    by: str,
    min_operative_fraction: float,
    seed: int,
) -> None:
    """Write the panel (devices) and the levels (synthetic profiles) of one usability table."""
    rows = read_table(usability, schema=DEVICE).to_pylist()
    along = trend(rows, min_operative_fraction=min_operative_fraction).rounded()
    columns = draw_columns(generator(seed, "levels"), draws=LEVEL_DRAWS)
    profiles = panel_profiles(
        rows,
        panel_levels,
        along,
        by=panel_by,
        min_operative_fraction=min_operative_fraction,
        columns=columns,
    )
    write_profiles(profiles, panel)
    made = synthetic_profiles(
        synthetic_levels,
        along,
        min_operative_fraction=min_operative_fraction,
        columns=columns,
        by=by,
    )
    write_profiles(made, levels)
    for profile in (*profiles, *made):
        said = f"U = {profile.usability:.3f}, F = {profile.fidelity:.3f}"
        print(f"level {profile.level:g}: {profile.profile}, {said}")
    print(f"synthetic profiles: {along.eta_share:.0%} of -ln U is -ln eta ({along.devices} devices)")


if __name__ == "__main__":
    with log_to(snakemake.log[0]), recorded(snakemake):
        main(
            usability=Path(snakemake.input.usability),
            panel=Path(snakemake.output.panel),
            levels=Path(snakemake.output.levels),
            panel_levels=snakemake.params.panel,
            synthetic_levels=snakemake.params.levels,
            panel_by=snakemake.params.panel_by,
            by=snakemake.params.by,
            min_operative_fraction=snakemake.params.min_operative_fraction,
            seed=snakemake.params.seed,
        )
