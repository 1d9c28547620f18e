"""The next devices to make as a page of the report."""

import json
from pathlib import Path

from codesign.files import replacing
from codesign.log import log_to
from codesign.pages.proposals import proposals_page
from codesign.provenance.records import recorded
from codesign.schemas.proposals import proposals_schema
from codesign.tables import read_table
from codesign.variables import Variables


def main(*, table: Path, card: Path, page: Path, variables: dict) -> None:
    """Write the proposals table with what the card says of it."""
    varied = Variables.of(variables)
    rows = read_table(table, schema=proposals_schema(varied)).to_pylist()
    with replacing(page) as temporary:
        text = proposals_page(rows, json.loads(card.read_text(encoding="utf-8")), varied)
        temporary.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    with log_to(snakemake.log[0]), recorded(snakemake):
        main(
            table=Path(snakemake.input.table),
            card=Path(snakemake.input.card),
            page=Path(snakemake.output.page),
            variables=snakemake.params.variables,
        )
