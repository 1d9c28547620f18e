"""Draw one experiment's certificates: what is promised, and where that is nothing."""

from pathlib import Path

from codesign.figures.certificates import draw_certificates
from codesign.figures.style import data_said, write_drawing
from codesign.log import log_to
from codesign.provenance.records import recorded
from codesign.schemas.certificate_summary import CERTIFICATE_SUMMARY
from codesign.schemas.certificates import CERTIFICATES
from codesign.schemas.profile import PROFILE
from codesign.tables import read_metadata, read_table


def main(
    *,
    summary: Path,
    networks: list[Path],
    levels: Path,
    pdf: Path,
    png: Path,
    svg: Path,
    csv: Path,
    chance: float,
) -> None:
    """One figure of all methods.

    Args:
        chance: Accuracy of a network that has learnt nothing.
    """
    examples = [row for path in networks for row in read_table(path, schema=CERTIFICATES).to_pylist()]
    origins = set(read_table(levels, schema=PROFILE)["origin"].to_pylist())
    data = read_metadata(summary)["data"]
    drawing = draw_certificates(
        read_table(summary, schema=CERTIFICATE_SUMMARY).to_pylist(),
        examples,
        chance=chance,
        origin=origins.pop() if len(origins) == 1 else "",
        data=data_said(data),
    )
    write_drawing(drawing, pdf=pdf, png=png, svg=svg, csv=csv)


if __name__ == "__main__":
    with log_to(snakemake.log[0]), recorded(snakemake):
        main(
            summary=Path(snakemake.input.summary),
            networks=[Path(path) for path in snakemake.input.networks],
            levels=Path(snakemake.input.levels),
            pdf=Path(snakemake.output.pdf),
            png=Path(snakemake.output.png),
            svg=Path(snakemake.output.svg),
            csv=Path(snakemake.output.csv),
            chance=snakemake.params.chance,
        )
