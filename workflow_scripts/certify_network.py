"""Certify the trained networks of one method on its test examples."""

from dataclasses import fields
from pathlib import Path

from codesign.bayesmulti.noise import NoiseSpec
from codesign.certificates.certify import CertificateSettings, Certified, certify_networks
from codesign.log import log_to
from codesign.models.aims import Aim, aim_at, share_out
from codesign.models.family import read_family, said_of
from codesign.nonideality.profile import read_profiles
from codesign.provenance.records import recorded
from codesign.schemas.certificates import CERTIFICATES
from codesign.tables import write_table
from codesign.tasks.experiment import Experiment, use_threads


def main(
    *,
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
    """Write one row a certificate, level, scope and example.

    Args:
        settings: Of `certificates`; `level` is that of the panel whose network is smoothed.
    """
    family = read_family(spec, experiment=experiment.name, method=method)
    trained = {Aim.of(said): NoiseSpec.from_json(said["specification"]) for said in said_of(spec)}
    shared = share_out(list(family), read_profiles(levels))
    smoothed = aim_at(list(family), settings["level"])
    rows, source = certify_networks(
        [
            Certified(aim.name, weights, trained[aim], shared.get(aim, []), aim == smoothed)
            for aim, weights in family.items()
            if aim in shared or aim == smoothed
        ],
        experiment,
        method=method,
        settings=CertificateSettings(
            **{field.name: settings[field.name] for field in fields(CertificateSettings)}
        ),
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
