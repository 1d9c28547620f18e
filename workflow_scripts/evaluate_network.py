"""Program the networks of one method on profiles, many times each, and score them on the test data."""

from pathlib import Path

from codesign.evaluation.job import evaluate_networks, plan_of
from codesign.evaluation.montecarlo import EvaluationPlan
from codesign.log import log_to
from codesign.models.family import read_family
from codesign.nonideality.profile import read_profiles
from codesign.provenance.records import recorded
from codesign.schemas.evaluation import EVALUATION
from codesign.tables import write_table
from codesign.tasks.experiment import Experiment, use_threads


def main(
    *, spec: Path, profiles: Path, evaluation: Path, experiment: Experiment, plan: EvaluationPlan
) -> None:
    """Write one row a profile, kind of noise, programming and metric."""
    family = read_family(spec, experiment=experiment.name, method=plan.method, repeat=plan.repeat)
    rows, source = evaluate_networks(family, experiment, read_profiles(profiles), plan)
    write_table(rows, evaluation, schema=EVALUATION, metadata={"data": source})


if __name__ == "__main__":
    with log_to(snakemake.log[0]), recorded(snakemake):
        use_threads(snakemake.threads)
        job = Experiment.of(snakemake)
        main(
            spec=Path(snakemake.input.spec),
            profiles=Path(snakemake.input.profiles),
            evaluation=Path(snakemake.output.evaluation),
            experiment=job,
            plan=plan_of(
                job,
                method=snakemake.wildcards.method,
                repeat=int(snakemake.wildcards.repeat),
                **snakemake.params.plan,
            ),
        )
