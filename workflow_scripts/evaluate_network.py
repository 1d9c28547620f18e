"""Program one trained network on profiles, many times each, and score it on the test data."""

from pathlib import Path

from codesign.evaluation.job import evaluate_network, plan_of
from codesign.evaluation.montecarlo import EvaluationPlan
from codesign.log import log_to
from codesign.nonideality.profile import read_profiles
from codesign.provenance.records import recorded
from codesign.schemas.evaluation import EVALUATION
from codesign.tables import write_table
from codesign.tasks.experiment import Experiment, use_threads


def main(
    *, weights: Path, profiles: Path, evaluation: Path, experiment: Experiment, plan: EvaluationPlan
) -> None:
    """Write one row a profile, kind of noise, programming and metric."""
    rows, source = evaluate_network(weights, experiment, read_profiles(profiles), plan)
    write_table(rows, evaluation, schema=EVALUATION, metadata={"data": source})


if __name__ == "__main__":
    with log_to(snakemake.log[0]), recorded(snakemake):
        use_threads(snakemake.threads)
        job = Experiment.of(snakemake)
        main(
            weights=Path(snakemake.input.weights),
            profiles=Path(snakemake.input.profiles),
            evaluation=Path(snakemake.output.evaluation),
            experiment=job,
            plan=plan_of(job, method=snakemake.wildcards.method, **snakemake.params.plan),
        )
