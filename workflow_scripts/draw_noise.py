"""Draw the noise BayesMulti trains with beside the noise of the devices it trains for."""

from pathlib import Path

from codesign.bayesmulti.noise import NoiseSpec
from codesign.figures.noise import draw_noise
from codesign.figures.style import origin_of, write_drawing
from codesign.log import log_to
from codesign.models.family import said_of
from codesign.provenance.records import recorded
from codesign.schemas.profile import PROFILE
from codesign.tables import read_table


def main(*, chosen: Path, panel: Path, pdf: Path, png: Path, svg: Path, csv: Path, experiment: str) -> None:
    """Draw the chosen specifications and the panel's spreads."""
    networks = {said["name"]: NoiseSpec.from_json(said["specification"]) for said in said_of(chosen)}
    devices = read_table(panel, schema=PROFILE).to_pylist()
    drawing = draw_noise(networks, devices, experiment=experiment, origin=origin_of(devices))
    write_drawing(drawing, pdf=pdf, png=png, svg=svg, csv=csv)


if __name__ == "__main__":
    with log_to(snakemake.log[0]), recorded(snakemake):
        main(
            chosen=Path(snakemake.input.chosen),
            panel=Path(snakemake.input.panel),
            pdf=Path(snakemake.output.pdf),
            png=Path(snakemake.output.png),
            svg=Path(snakemake.output.svg),
            csv=Path(snakemake.output.csv),
            experiment=snakemake.wildcards.experiment,
        )
