"""Run the trained networks of one method on the simulated crossbar."""

from collections.abc import Mapping
from pathlib import Path

from codesign.crossbar.cells import CellSettings
from codesign.crossbar.driver import SIMULATED, Limits
from codesign.crossbar.experiment import (
    circuit_of,
    conductances,
    first_points,
    programmable,
    run_networks,
    twin,
    writing,
)
from codesign.crossbar.network import NetworkSettings
from codesign.crossbar.networks import network_of, read_runs
from codesign.crossbar.record import write_record
from codesign.log import log_to
from codesign.nonideality.profile import nearest_level, read_profiles
from codesign.records import recorded
from codesign.training.experiment import Experiment, use_threads


def main(
    *,
    networks: Path,
    panel: Path,
    record: Path,
    experiment: Experiment,
    method: str,
    crossbar: Mapping,
    data: dict,
    seed: int,
) -> None:
    """Write a row a run; each run has a fresh array, the same for every method.

    Args:
        crossbar: Section `crossbar` of the configuration.
    """
    profile = nearest_level(programmable(read_profiles(panel), crossbar=crossbar), crossbar["usability"])
    span = conductances(profile, **crossbar["conductance"])
    read = {"read_voltage_v": crossbar["read_voltage_v"]}
    runs, _ = read_runs(networks)
    arrays = (
        twin(
            profile,
            run=run,
            **crossbar["array"],
            cells=CellSettings(**crossbar["cells"]),
            circuit=circuit_of(
                crossbar["circuit"], span=span, sigma=profile.sigma, rows=crossbar["array"]["rows"], **read
            ),
            limits=Limits(**crossbar["limits"]),
            span=span,
            seed=seed,
        )
        for run in runs
    )
    rows = []
    for row in run_networks(
        {run: network_of(experiment, weights) for run, weights in runs.items()},
        arrays,
        first_points(experiment.test_data(experiment.data(**data)), crossbar["test_points"]),
        task=experiment.definition,
        method=method,
        settings=NetworkSettings(g_min_s=span.g_min_s, g_max_s=span.g_max_s, reads=crossbar["reads"], **read),
        write=writing(crossbar["write"], span=span, **read),
    ):
        rows.append(row)
        print(f"run {row['run']}: software {row['software_accuracy']:.4f}, array {row['array_accuracy']:.4f}")
    said = {"device": profile.profile, "origin": profile.origin, "usability": profile.usability}
    said["range_s"] = span.g_max_s - span.g_min_s
    write_record(rows, record, metadata={"source": SIMULATED, **said})


if __name__ == "__main__":
    with log_to(snakemake.log[0]), recorded(snakemake):
        use_threads(snakemake.threads)
        main(
            networks=Path(snakemake.input.networks),
            panel=Path(snakemake.input.panel),
            record=Path(snakemake.output.record),
            experiment=Experiment(snakemake.params.name, **snakemake.params.experiment),
            method=snakemake.wildcards.method,
            crossbar=snakemake.params.crossbar,
            data=snakemake.params.data,
            seed=snakemake.params.seed,
        )
