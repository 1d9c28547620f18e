"""The experiment on any crossbar: program a trained network, multiply, compare with software.

The same code drives the bench and its simulated twin. A run is one trained network: it is programmed
by write-verify, checked for drift, and every test point goes through it. Each product of the array is
compared with what software makes of the *same* input, so that an error of one layer is not counted again
in the next; accuracy is of the whole network. Where training examples calibrate, the test points go
through the array once more, behind a digital gain and offset for each output.
"""

import logging
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from codesign.crossbar.cells import Cells, CellSettings
from codesign.crossbar.driver import CrossbarDriver, Limits
from codesign.crossbar.network import CrossbarNetwork, Layer, NetworkSettings
from codesign.crossbar.programming import DriftError, WriteSettings
from codesign.crossbar.safety import Guarded
from codesign.crossbar.simulated import CircuitSettings, SimulatedCrossbar
from codesign.models.network import Network
from codesign.nonideality.profile import DeviceProfile
from codesign.schemas.crossbar import UNCALIBRATED
from codesign.seeds import derived_seed, generator
from codesign.tasks.classification import ClassificationTask, Labelled
from codesign.tasks.experiment import Experiment

ATTEMPTS = 3
"""Programmings after which an array whose cells do not stay is given up."""

log = logging.getLogger(__name__)


class ObservedNetwork(CrossbarNetwork):
    """A network on an array that keeps what went into every multiplication of a pass and what came out."""

    def __init__(self, *arguments, **settings) -> None:
        super().__init__(*arguments, **settings)
        self.seen: list[tuple[Layer, np.ndarray, np.ndarray]] = []
        """Layer, inputs (n, inputs), products (n, outputs), in the order of use."""

    def observe(self, layer: Layer, inputs: np.ndarray, products: np.ndarray) -> None:
        """See `CrossbarNetwork`."""
        self.seen.append((layer, np.array(inputs, dtype=float), products))


@dataclass(frozen=True)
class Conductances:
    """Range that weights are mapped to."""

    g_min_s: float
    g_max_s: float


def conductances(
    profile: DeviceProfile | None, *, g_min_s: float | None, g_max_s: float | None
) -> Conductances:
    """The range asked for; where it is None, the device's own.

    Args:
        profile: The device; None on a bench whose cells no profile describes.
        g_min_s: Least conductance [S].
        g_max_s: Largest conductance [S].

    Raises:
        ValueError: Neither says one.
    """
    low = profile.g_min_s if g_min_s is None and profile is not None else g_min_s
    high = profile.g_max_s if g_max_s is None and profile is not None else g_max_s
    if low is None or high is None:
        raise ValueError(
            "the range of conductances is not known: set crossbar.conductance.g_min_s and g_max_s, in siemens"
        )
    return Conductances(low, high)


def writing(given: Mapping, *, span: Conductances, read_voltage_v: float) -> WriteSettings:
    """`crossbar.write` of the configuration, with what follows from the rest of it."""
    return WriteSettings(**given, range_s=span.g_max_s - span.g_min_s, read_voltage_v=read_voltage_v)


def circuit_of(
    given: Mapping, *, span: Conductances, sigma: float, rows: int, read_voltage_v: float
) -> CircuitSettings:
    """`crossbar.circuit` of the configuration, the converter's range fitted to the cells where it is None.

    Args:
        given: The section.
        span: Range of the cells.
        sigma: Spread of their logarithm; the range holds one cell four of it above g_max.
        rows: Of the array.
        read_voltage_v: Largest voltage of a row [V].
    """
    rest = {name: value for name, value in given.items() if name not in ("adc_range_a", "noise")}
    full_a = given["adc_range_a"]
    if full_a is None:
        full_a = max(rows, math.exp(4 * sigma)) * span.g_max_s * read_voltage_v
    return CircuitSettings(**rest, adc_range_a=full_a, current_noise_a=given["noise"] * full_a)


def programmable(profiles: Iterable[DeviceProfile], *, crossbar: Mapping) -> list[DeviceProfile]:
    """Those whose cells this array can program at all.

    A pulse divides between the cell and what stands in series with it. At the device's largest
    conductance the cell must still see more than its threshold, and must not draw more than the limit.

    Args:
        profiles: Of a panel; the ideal device has no conductance and is passed over.
        crossbar: Section `crossbar` of the configuration.

    Raises:
        ValueError: There is none.
    """
    circuit, write, limits = crossbar["circuit"], crossbar["write"], crossbar["limits"]
    series_ohm = circuit["driver_resistance_ohm"] + circuit["sense_resistance_ohm"]
    pulse_v = min(abs(write["set_voltage_v"]), abs(write["reset_voltage_v"]))
    threshold_v = crossbar["cells"]["threshold_v"]
    profiles, fit = [profile for profile in profiles if profile.kind == "device"], []
    if not profiles:
        raise ValueError("the panel is the ideal device alone, whose cells have no conductance to program")
    for profile in profiles:
        largest_s = conductances(profile, **crossbar["conductance"]).g_max_s
        across_v = pulse_v / (1 + largest_s * series_ohm)
        if across_v > threshold_v and across_v * largest_s <= limits["current_a"]:
            fit.append(profile)
    if not fit:
        raise ValueError(
            f"no device of the panel ({', '.join(profile.profile for profile in profiles)}) can be "
            f"programmed: behind {series_ohm:g} ohm a pulse of {pulse_v:g} V leaves none of them its "
            f"threshold of {threshold_v:g} V, or draws more than {limits['current_a']:g} A; lower the "
            "resistances of crossbar.circuit, raise the pulse, or name a range in crossbar.conductance"
        )
    return fit


def twin(
    profile: DeviceProfile,
    *,
    run: int,
    rows: int,
    columns: int,
    cells: CellSettings,
    circuit: CircuitSettings,
    limits: Limits,
    span: Conductances,
    seed: int,
) -> Guarded:
    """A fresh simulated array for one run: the same for every method.

    Args:
        profile: The device that every cell follows.
        run: Number of the run.
        rows: Of the array.
        columns: Of the array.
        cells: What the profile does not say about them.
        circuit: Wires, drivers, amplifier, converter.
        limits: Hard limits.
        span: Range of the cells.
        seed: Root seed; stuck cells, spread and noise depend on it and the run alone.
    """
    array = Cells(
        profile,
        cells,
        rows=rows,
        columns=columns,
        generator=generator(seed, "crossbar", "cells", run),
        g_min_s=span.g_min_s,
        g_max_s=span.g_max_s,
    )
    noise = generator(seed, "crossbar", "reads", run)
    return Guarded(SimulatedCrossbar(array, circuit=circuit, limits=limits, generator=noise), limits)


def run_network(
    driver: CrossbarDriver,
    network: Network,
    test: Labelled,
    *,
    task: ClassificationTask,
    method: str,
    run: int,
    settings: NetworkSettings,
    write: WriteSettings,
    calibrating: Labelled | None = None,
) -> Iterator[dict]:
    """Program one network on an open array and put every test point through it.

    Args:
        driver: Open.
        network: A trained one of linear layers and activations.
        test: Test points.
        task: Says which outputs are right.
        method: Training method.
        run: Number of the run.
        settings: Conductances and voltages.
        write: How cells are programmed.
        calibrating: Of `calibration_examples`; None: the network is not calibrated.

    Yields:
        Rows of `codesign.schemas.crossbar.CROSSBAR`, each as soon as it is measured: as programmed, then
        calibrated. A network of several loads is programmed again for the second.

    Raises:
        DriftError: Cells moved after each of `ATTEMPTS` programmings.
        CrossbarError: Whatever the driver raises.
    """
    on_array = ObservedNetwork(network, driver, settings=settings, writing=write)
    _programmed(on_array)

    software = task.forward(network.module, test)

    def row(output: Tensor, calibration: Mapping) -> dict:
        accuracies = {"software_accuracy": software, "array_accuracy": output}
        return {
            "method": method,
            "run": run,
            "examples": len(test),
            **{
                name: float(task.decided_right(output, test).double().mean())
                for name, output in accuracies.items()
            },
            **_products(on_array),
            **_cells(on_array),
            **calibration,
        }

    yield row(on_array.forward(test.inputs), UNCALIBRATED)
    if calibrating is None:
        return
    on_array.seen.clear()
    output, corrections, reads = on_array.calibrated(test.inputs, calibrating.inputs)
    said = {
        "calibration": "offset",
        "calibration_examples": len(calibrating),
        "calibration_reads": reads,
        "calibration_gain": [value for found in corrections for value in found.gain.tolist()],
        "calibration_offset": [value for found in corrections for value in found.offset.tolist()],
    }
    yield row(output, said)


def _programmed(network: CrossbarNetwork) -> None:
    """Program until the cells stay."""
    for attempt in range(1, ATTEMPTS + 1):
        network.program()
        try:
            network.check_drift()
        except DriftError as moved:
            if attempt == ATTEMPTS:
                raise
            log.warning("programming again: %s", moved)
        else:
            return


def run_networks(
    networks: Mapping[int, Network],
    drivers: Iterator[CrossbarDriver],
    test: Labelled,
    *,
    task: ClassificationTask,
    method: str,
    settings: NetworkSettings,
    write: WriteSettings,
    calibrating: Labelled | None = None,
) -> Iterator[dict]:
    """`run_network` for every run of a method, each on its driver, which is opened and closed here.

    Args:
        networks: Run to network.
        drivers: One driver a run; the same one again and again on a bench.
        test: Test points.
        task: Says which outputs are right.
        method: Training method.
        settings: Conductances and voltages.
        write: How cells are programmed.
        calibrating: As in `run_network`.

    Yields:
        Rows of `codesign.schemas.crossbar.CROSSBAR`.
    """
    shared = {"task": task, "method": method, "settings": settings, "write": write}
    shared["calibrating"] = calibrating
    bar = tqdm(networks.items(), desc=f"crossbar {method}", unit="run", disable=None)
    for (run, network), driver in zip(bar, drivers, strict=False):
        with driver:
            yield from run_network(driver, network, test, run=run, **shared)


def simulate(
    networks: Mapping[int, Network],
    test: Labelled,
    *,
    profile: DeviceProfile,
    crossbar: Mapping,
    task: ClassificationTask,
    method: str,
    seed: int,
    calibrating: Labelled | None = None,
) -> Iterator[dict]:
    """`run_networks` on the simulated twin, as section `crossbar` of the configuration has it.

    Args:
        networks: Run to network.
        test: Test points; the first `test_points` are taken.
        profile: The device that every cell follows.
        crossbar: The section.
        task: Says which outputs are right.
        method: Training method.
        seed: Root seed; each run has a fresh array, the same for every method.
        calibrating: As in `run_network`.

    Yields:
        Rows of `codesign.schemas.crossbar.CROSSBAR`.
    """
    span = conductances(profile, **crossbar["conductance"])
    read = {"read_voltage_v": crossbar["read_voltage_v"]}
    rows = crossbar["array"]["rows"]
    arrays = (
        twin(
            profile,
            run=run,
            **crossbar["array"],
            cells=CellSettings(**crossbar["cells"]),
            circuit=circuit_of(crossbar["circuit"], span=span, sigma=profile.sigma, rows=rows, **read),
            limits=Limits(**crossbar["limits"]),
            span=span,
            seed=seed,
        )
        for run in networks
    )
    return run_networks(
        networks,
        arrays,
        first_points(test, crossbar["test_points"]),
        task=task,
        method=method,
        settings=NetworkSettings(g_min_s=span.g_min_s, g_max_s=span.g_max_s, reads=crossbar["reads"], **read),
        write=writing(crossbar["write"], span=span, **read),
        calibrating=calibrating,
    )


def run_alternately(
    networks: Mapping[str, Mapping[int, Network]],
    driver: CrossbarDriver,
    test: Labelled,
    *,
    task: ClassificationTask,
    settings: NetworkSettings,
    write: WriteSettings,
    calibrating: Labelled | None = None,
) -> Iterator[dict]:
    """Every network on one array, methods by turns, so that its ageing tells for none of them.

    Args:
        networks: Method to run to network.
        driver: Opened and closed here, once for all of them.
        test: Test points.
        task: Says which outputs are right.
        settings: Conductances and voltages.
        write: How cells are programmed.
        calibrating: As in `run_network`.

    Yields:
        Rows of `codesign.schemas.crossbar.CROSSBAR`, each as soon as it is measured.
    """
    turns = sorted((run, k, method) for k, method in enumerate(networks) for run in networks[method])
    with driver:
        for run, _, method in tqdm(turns, desc="crossbar", unit="network", disable=None):
            shared = {"task": task, "settings": settings, "write": write, "calibrating": calibrating}
            yield from run_network(driver, networks[method][run], test, method=method, run=run, **shared)


def first_points(test: Labelled, number: int) -> Labelled:
    """The first test points.

    Raises:
        ValueError: There are fewer.
    """
    if number > len(test):
        raise ValueError(
            f"crossbar.test_points {number} is more than the {len(test)} test points of the task"
        )
    return test.chosen(torch.arange(number))


def calibration_examples(experiment: Experiment, crossbar: Mapping) -> Labelled | None:
    """Training examples that calibrate: the same for every method and run, never test points.

    Args:
        experiment: Its task chooses them, evenly over the classes.
        crossbar: Section `crossbar` of the configuration: `calibrations` and `calibration_examples`, of which
            there are fewer where the training part has fewer.

    Returns:
        None where nothing but `none` is asked for.
    """
    if "offset" not in crossbar["calibrations"]:
        return None
    (training,) = experiment.examples("train")
    draws = torch.Generator().manual_seed(derived_seed(experiment.data.seed, "calibration", experiment.name))
    task = experiment.definition
    return task.batch(training, task.representative(training, crossbar["calibration_examples"], draws))


def task_of(task: str, test: Labelled) -> dict[str, str]:
    """What a record says of the task its networks were trained for.

    Args:
        task: A task (`codesign.tasks.about.task_names`).
        test: Its test examples.
    """
    return {"task": task, "dataset": task if test.source is None else test.source.dataset}


def _products(network: ObservedNetwork) -> dict:
    """Columns of every multiplication, beside software's product of the same input."""
    found: dict[str, list] = {
        f"product_{name}": [] for name in ("layer", "output", "example", "software", "array")
    }
    for k, (layer, inputs, array) in enumerate(network.seen, start=1):
        software = inputs @ layer.weight.T  # (n, inputs) @ (inputs, outputs)
        examples, outputs = np.indices(software.shape)
        for name, values in (
            ("layer", np.full(software.size, k)),
            ("output", outputs.ravel()),
            ("example", examples.ravel()),
            ("software", software.ravel()),
            ("array", array.ravel()),
        ):
            found[f"product_{name}"] += values.tolist()
    return found


def _cells(network: ObservedNetwork) -> dict:
    """Columns of every programmed cell."""
    names = (
        "layer",
        "tile",
        "load",
        "row",
        "column",
        "target_s",
        "reached_s",
        "pulses",
        "ok",
        "mean_square_v2",
    )
    found: dict[str, list] = {f"cell_{name}": [] for name in names}
    ended = {(load, c.row, c.column): c for load, report in network.reports.items() for c in report.cells}
    for k, (layer, inputs, _) in enumerate(network.seen, start=1):
        for tile, at in enumerate(layer.places):
            squares = _mean_square_v2(inputs[:, at.inputs], network.settings.read_voltage_v)
            for i in range(at.inputs.stop - at.inputs.start):
                for j in range(2 * (at.outputs.stop - at.outputs.start)):
                    cell = ended[at.load, at.row + i, at.column + j]
                    values = (k, tile, at.load, cell.row, cell.column, cell.target_s, cell.reached_s)
                    values += (cell.pulses, cell.ok, float(squares[i]))
                    for name, value in zip(names, values, strict=True):
                        found[f"cell_{name}"].append(value)
    return found


def _mean_square_v2(inputs: np.ndarray, read_voltage_v: float) -> np.ndarray:
    """Mean squared voltage of each row while a tile multiplies, (n, rows) -> (rows,) [V²].

    Every vector is scaled so that its largest element stands at the read voltage
    (`codesign.crossbar.network`); a vector of zeros is not put on the array.
    """
    largest = np.abs(inputs).max(axis=1, keepdims=True)
    scaled = np.divide(inputs, largest, out=np.zeros_like(inputs), where=largest > 0) * read_voltage_v
    return (scaled**2).mean(axis=0)
