"""Program the networks of one method on a few profiles and keep what its task's own figures need."""

from pathlib import Path

from codesign.evaluation.job import detail_rows, plan_of
from codesign.evaluation.montecarlo import EvaluationPlan
from codesign.log import log_to
from codesign.models.family import read_family
from codesign.nonideality.profile import read_profiles
from codesign.provenance.records import recorded
from codesign.tables import write_rows
from codesign.tasks.experiment import Experiment, use_threads


def main(
    *,
    spec: Path,
    profiles: Path,
    details: Path,
    experiment: Experiment,
    plan: EvaluationPlan,
    levels: list[float],
) -> None:
    """Write the rows that the task's scorer keeps, for the profiles that stand for `levels`."""
    wanted = [profile for profile in read_profiles(profiles) if profile.level in levels]
    missing = set(levels) - {profile.level for profile in wanted}
    if missing:
        raise ValueError(
            f"{experiment.task} keeps details for usability {sorted(missing)}: add it to profiles.synthetic"
        )
    family = read_family(spec, experiment=experiment.name, method=plan.method)
    write_rows(detail_rows(family, experiment, wanted, plan), details)


if __name__ == "__main__":
    with log_to(snakemake.log[0]), recorded(snakemake):
        use_threads(snakemake.threads)
        job = Experiment.of(snakemake)
        main(
            spec=Path(snakemake.input.spec),
            profiles=Path(snakemake.input.profiles),
            details=Path(snakemake.output.details),
            experiment=job,
            plan=plan_of(job, method=snakemake.wildcards.method, **snakemake.params.plan),
            levels=snakemake.params.levels,
        )
