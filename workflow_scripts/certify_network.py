"""Certify one trained network on its test examples."""

from pathlib import Path

from codesign.bayesmulti.noise import NoiseSpec
from codesign.certificates.certify import CertificateSettings, certify_network
from codesign.log import log_to
from codesign.nonideality.profile import read_profiles
from codesign.provenance.records import recorded
from codesign.schemas.certificates import CERTIFICATES
from codesign.tables import read_object, write_table
from codesign.tasks.experiment import Experiment, use_threads


def main(
    *,
    weights: Path,
    spec: Path,
    levels: Path,
    certificates: Path,
    experiment: Experiment,
    method: str,
    settings: dict,
    fixed: list[float],
    memsim: dict,
    chance: float,
    seed: int,
) -> None:
    """Write one row a certificate, level, scope and example."""
    trained = NoiseSpec.from_json(read_object(spec)["specification"])
    rows, source = certify_network(
        weights,
        experiment,
        trained,
        read_profiles(levels),
        method=method,
        settings=CertificateSettings(**settings),
        fixed=fixed,
        memsim=memsim,
        chance=chance,
        seed=seed,
    )
    write_table(rows, certificates, schema=CERTIFICATES, metadata={"data": source})


if __name__ == "__main__":
    with log_to(snakemake.log[0]), recorded(snakemake):
        use_threads(snakemake.threads)
        main(
            weights=Path(snakemake.input.weights),
            spec=Path(snakemake.input.spec),
            levels=Path(snakemake.input.levels),
            certificates=Path(snakemake.output.certificates),
            experiment=Experiment.of(snakemake),
            method=snakemake.wildcards.method,
            settings=snakemake.params.settings,
            fixed=snakemake.params.fixed,
            memsim=snakemake.params.memsim,
            chance=snakemake.params.chance,
            seed=snakemake.params.seed,
        )
