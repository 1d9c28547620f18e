"""Run the trained networks of one method on the simulated crossbar."""

from collections.abc import Mapping
from pathlib import Path

from codesign.crossbar.driver import SIMULATED
from codesign.crossbar.experiment import (
    calibration_examples,
    conductances,
    programmable,
    simulate,
    task_of,
)
from codesign.crossbar.networks import network_with, read_runs
from codesign.crossbar.record import write_record
from codesign.log import log_to
from codesign.nonideality.profile import nearest_level, read_profiles
from codesign.provenance.records import recorded
from codesign.tasks.experiment import Experiment, use_threads


def main(
    *,
    networks: Path,
    panel: Path,
    record: Path,
    experiment: Experiment,
    method: str,
    crossbar: Mapping,
    seed: int,
) -> None:
    """Write a row a run and calibration; each run has a fresh array, the same for every method.

    Args:
        crossbar: Section `crossbar` of the configuration.
    """
    profile = nearest_level(programmable(read_profiles(panel), crossbar=crossbar), crossbar["level"])
    runs, _ = read_runs(networks, experiment=experiment.name, method=method)
    (test,) = experiment.examples("test")
    rows = []
    for row in simulate(
        {run: network_with(experiment, weights) for run, weights in runs.items()},
        test,
        profile=profile,
        crossbar=crossbar,
        task=experiment.definition,
        method=method,
        seed=seed,
        calibrating=calibration_examples(experiment, crossbar),
    ):
        rows.append(row)
        scores = f"software {row['software_accuracy']:.4f}, array {row['array_accuracy']:.4f}"
        print(f"run {row['run']}, calibration {row['calibration']}: {scores}")
    said = {"device": profile.profile, "origin": profile.origin, "usability": profile.usability}
    span = conductances(profile, **crossbar["conductance"])
    said["range_s"] = span.g_max_s - span.g_min_s
    write_record(rows, record, metadata={"evidence": SIMULATED, **said, **task_of(experiment.task, test)})


if __name__ == "__main__":
    with log_to(snakemake.log[0]), recorded(snakemake):
        use_threads(snakemake.threads)
        main(
            networks=Path(snakemake.input.networks),
            panel=Path(snakemake.input.panel),
            record=Path(snakemake.output.record),
            experiment=Experiment.of(snakemake),
            method=snakemake.wildcards.method,
            crossbar=snakemake.params.crossbar,
            seed=snakemake.params.seed,
        )
