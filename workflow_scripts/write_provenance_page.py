"""What the results were made from, as a page of the report."""

from pathlib import Path

from codesign.files import replacing
from codesign.log import log_to
from codesign.pages.provenance import made_from, provenance_page
from codesign.provenance.records import Records, recorded, results_of
from codesign.schemas.device import DEVICE
from codesign.tables import read_metadata, read_table


def main(
    *, usability: Path, scores: dict[str, Path], published: list[Path], results: Path, page: Path
) -> None:
    """Write configuration, commits, packages and checksums behind the published files.

    Args:
        usability: Table of all devices.
        scores: Experiment to its table of scores, which says where the examples came from.
        published: Tables and figures to account for.
        results: Folder with the records.
        page: To write.
    """
    made = made_from(
        Records(results),
        published,
        devices=read_table(usability, schema=DEVICE).to_pylist(),
        datasets={name: read_metadata(path).get("data") or {} for name, path in scores.items()},
    )
    with replacing(page) as temporary:
        temporary.write_text(provenance_page(made), encoding="utf-8")
    print(f"{len(made.jobs)} jobs behind {len(published)} files")


if __name__ == "__main__":
    with log_to(snakemake.log[0]), recorded(snakemake):
        main(
            usability=Path(snakemake.input.usability),
            scores=dict(zip(snakemake.params.experiments, map(Path, snakemake.input.scores), strict=True)),
            published=sorted({Path(path) for path in snakemake.input}),
            results=results_of(snakemake.log[0]),
            page=Path(snakemake.output.page),
        )
