"""Propose the next devices to make from the usability table."""

import json
from pathlib import Path

from codesign.fabrication.propose import propose
from codesign.fabrication.search import Search
from codesign.fabrication.space import Space
from codesign.files import replacing
from codesign.log import log_to
from codesign.provenance.records import recorded
from codesign.schemas.device import DEVICE
from codesign.schemas.proposals import proposals_schema
from codesign.tables import read_table, write_csv, write_table
from codesign.variables import Variables


def main(*, usability: Path, proposals: Path, table: Path, card: Path, fabrication: dict, seed: int) -> None:
    """Write the proposals as CSV and Parquet, and the card as JSON."""
    import torch

    torch.set_num_threads(1)
    settings = dict(fabrication)
    variables = Variables.of(settings.pop("variables"))
    space = Space(settings.pop("space"), settings.pop("exclude"), variables)
    found = propose(read_table(usability, schema=DEVICE), space, Search(**settings), seed=seed)
    print("\n".join([*found.card.get("notes", ()), found.card["stopping"]["statement"]]))
    schema = proposals_schema(variables)
    write_table(found.rows, table, schema=schema)
    write_csv(read_table(table, schema=schema), proposals)
    with replacing(card) as temporary:
        temporary.write_text(json.dumps(found.card, indent=1, sort_keys=True) + "\n", encoding="utf-8")


if __name__ == "__main__":
    with log_to(snakemake.log[0]), recorded(snakemake):
        main(
            usability=Path(snakemake.input.usability),
            proposals=Path(snakemake.output.proposals),
            table=Path(snakemake.output.table),
            card=Path(snakemake.output.card),
            fabrication=snakemake.params.fabrication,
            seed=snakemake.params.seed,
        )
