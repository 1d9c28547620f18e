"""Stack one experiment's certificates and say which are vacuous."""

from pathlib import Path

import pyarrow as pa

from codesign.certificates.summary import summarise_certificates
from codesign.log import log_to
from codesign.provenance.records import recorded
from codesign.schemas.certificate_summary import CERTIFICATE_SUMMARY
from codesign.schemas.certificates import CERTIFICATES
from codesign.tables import metadata_of, read_table, write_csv, write_table


def main(*, networks: list[Path], summary: Path, csv: Path) -> None:
    """Write one row a method, certificate, level and scope."""
    tables = [read_table(path, schema=CERTIFICATES) for path in networks]
    found = summarise_certificates(pa.concat_tables(tables, promote_options="none").to_pylist())
    write_table(found, summary, schema=CERTIFICATE_SUMMARY, metadata=metadata_of(tables[0], networks[0]))
    write_csv(found, csv)
    empty = sum(row["vacuous"] for row in found)
    print(f"{len(found)} certificates, {empty} of them vacuous for every example")


if __name__ == "__main__":
    with log_to(snakemake.log[0]), recorded(snakemake):
        main(
            networks=[Path(path) for path in snakemake.input.networks],
            summary=Path(snakemake.output.summary),
            csv=Path(snakemake.output.csv),
        )
