"""The usability table as a page of the report."""

from pathlib import Path

from codesign.files import replacing
from codesign.log import log_to
from codesign.pages.usability import usability_page
from codesign.provenance.records import recorded
from codesign.schemas.device import DEVICE
from codesign.tables import read_table
from codesign.variables import Variables


def main(*, usability: Path, page: Path, confidence: float, variables: dict) -> None:
    """Write every device, best first, and those without usability with their reason."""
    varied = Variables.of(variables)
    rows = varied.filled(read_table(usability, schema=DEVICE).to_pylist())
    with replacing(page) as temporary:
        temporary.write_text(usability_page(rows, confidence=confidence, variables=varied), encoding="utf-8")


if __name__ == "__main__":
    with log_to(snakemake.log[0]), recorded(snakemake):
        main(
            usability=Path(snakemake.input.usability),
            page=Path(snakemake.output.page),
            confidence=snakemake.params.confidence,
            variables=snakemake.params.variables,
        )
