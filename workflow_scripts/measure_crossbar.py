"""Measure the trained networks on the crossbar of the bench; one file a measurement, never over another."""

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from codesign.crossbar.discovery2 import Discovery2
from codesign.crossbar.driver import Limits
from codesign.crossbar.experiment import (
    calibration_examples,
    conductances,
    first_points,
    run_alternately,
    task_of,
    writing,
)
from codesign.crossbar.network import NetworkSettings
from codesign.crossbar.networks import network_with, read_runs
from codesign.crossbar.record import (
    RecordError,
    git_commit,
    journal_of,
    keep_record,
    note,
    receipt_file,
    recover,
    require_measured,
    require_room,
)
from codesign.crossbar.safety import Guarded
from codesign.crossbar.wiring import read_wiring
from codesign.log import log_to
from codesign.provenance.records import recorded
from codesign.tasks.experiment import Experiment, use_threads


def main(
    *,
    networks: Mapping[str, Path],
    wiring: Path,
    record: Path,
    receipt: Path,
    experiment: Experiment,
    crossbar: Mapping,
    bench: Mapping,
    repository: Path,
) -> None:
    """Write a row a network and calibration; after an interruption what was measured is in a file of its own.

    Args:
        networks: Method to the file of its networks.
        wiring: What is connected to what.
        record: Written as soon as all is measured, before anything else can fail.
        receipt: Says that it is there, and its sha256.
        crossbar: Section `crossbar` of the configuration.
        bench: Section `bench`.
        repository: Checkout whose commit is recorded.

    Raises:
        RecordError: There is no room for the record, before anything is measured; or it had to be
            written elsewhere.
    """
    span = conductances(None, **crossbar["conductance"])
    read = {"read_voltage_v": crossbar["read_voltage_v"]}
    said = {"git_commit": git_commit(repository), "array": bench["array"], "crossbar": dict(crossbar)}
    said |= {
        "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "range_s": span.g_max_s - span.g_min_s,
    }
    (test,) = experiment.examples("test")
    said |= task_of(experiment.task, test)
    if left := recover(record):
        print(f"a measurement of this name was killed; what it had measured is in {left}")
    require_room(record)
    instrument = Discovery2(read_wiring(wiring))
    with instrument:  # it says what it is once it is open
        require_measured(instrument.evidence, instrument.identity["instrument"])
    said |= {"evidence": instrument.evidence, **instrument.identity}
    journal = journal_of(record)
    note(said, journal)
    rows: list[dict] = []
    try:
        for row in run_alternately(
            {
                method: {
                    run: network_with(experiment, weights)
                    for run, weights in read_runs(path, experiment=experiment.name, method=method)[0].items()
                }
                for method, path in networks.items()
            },
            Guarded(instrument, Limits(**crossbar["limits"])),
            first_points(test, crossbar["test_points"]),
            task=experiment.definition,
            settings=NetworkSettings(
                g_min_s=span.g_min_s, g_max_s=span.g_max_s, reads=crossbar["reads"], **read
            ),
            write=writing(crossbar["write"], span=span, **read),
            calibrating=calibration_examples(experiment, crossbar),
        ):
            rows.append(row)
            note(row, journal)
            scores = f"software {row['software_accuracy']:.4f}, array {row['array_accuracy']:.4f}"
            print(f"{row['method']} {row['run']}, calibration {row['calibration']}: {scores}")
    except BaseException as error:
        if rows:
            kept = record.with_stem(f"{record.stem}-interrupted-{datetime.now(UTC):%H%M%S}")
            said["interrupted"] = f"{type(error).__name__}: {error}"
            kept = keep_record(rows, kept, metadata=said)
            print(f"{len(rows)} rows measured before the interruption are in {kept}")
        journal.unlink(missing_ok=True)
        raise
    kept = keep_record(rows, record, metadata=said)
    journal.unlink(missing_ok=True)
    if kept != record:
        raise RecordError(
            f"the measurement is complete, but {record} could not be written: it is in {kept}. Make room, "
            f"move it to {record} and run again; nothing is measured twice"
        )
    receipt_file(record, receipt)


if __name__ == "__main__":
    with log_to(snakemake.log[0]), recorded(snakemake):
        use_threads(snakemake.threads)
        main(
            networks=dict(zip(snakemake.params.methods, map(Path, snakemake.input.networks), strict=True)),
            wiring=Path(snakemake.input.wiring),
            record=Path(snakemake.params.record),
            receipt=Path(snakemake.output.receipt),
            experiment=Experiment.of(snakemake),
            crossbar=snakemake.params.crossbar,
            bench=snakemake.params.bench,
            repository=Path(),
        )
