"""Will a network hold on a device? A copy of it programmed again and again, and scored each time.

Programming, noise, calibration and scoring are those of the workflow's evaluation
(`codesign.evaluation.montecarlo`): with seed 1 a network of the workflow gets, on a device of its results,
the scores that stand there.
"""

import copy
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from operator import index
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import nn

from codesign.evaluation.calibration import CalibrationError
from codesign.evaluation.lookup import ReadOffError
from codesign.evaluation.montecarlo import EvaluationPlan, ScoredNetwork, evaluate, noise_generator
from codesign.evaluation.predict import Read, read_off
from codesign.interface.calibrating import calibrating_of, check_calibrations, kinds_of, note_on
from codesign.interface.device import Subject, subject_of
from codesign.interface.given import LARGEST_HELD, Given, HoldError, Scoring, copied, examples_of
from codesign.interface.scores import GivenTask, Score, checked_ideal, score_called
from codesign.interface.several import HeldOnDevices, best_first, folder_of, subjects_of
from codesign.memsim.simulator import MemSimSettings, PerovskiteMemSim, SimulatorError
from codesign.models.network import Network
from codesign.nonideality.found import FOLDERS
from codesign.nonideality.profile import DeviceProfile
from codesign.schemas.holding import HELD
from codesign.tables import TableError
from codesign.tasks.contract import TaskError

if TYPE_CHECKING:
    import pandas
    from matplotlib.figure import Figure

    from codesign.iv.measurement import Measurement

MAPPING = "relative"
"""Of `codesign.memsim.simulator.MemSimSettings`: the paper's Eq. 6."""


@dataclass(frozen=True, eq=False)
class Held:
    """How a network held on a device: `print` it, look at `table`, draw `figure()`."""

    rows: Sequence[Mapping]
    """Rows of `codesign.schemas.holding.HELD`, a programming and calibration each."""
    profile: DeviceProfile
    """What was programmed on."""
    better: str
    """`higher` or `lower` scores; '' where the caller's function does not say."""
    analog: str
    """What was on memristors, as it was asked for."""
    digital: tuple[str, ...]
    """Submodules whose weights stayed digital."""
    examples: int
    """Scored."""
    calibrating: int
    """Examples that calibrations saw; 0 where there were none."""
    experiment: str = ""
    place: Sequence[Read] = ()
    """Scores of that experiment's networks at the device's fidelity, read off their curve of levels."""
    notes: tuple[str, ...] = ()
    """What reading the device noted, and that a calibration saw very few examples."""

    @property
    def table(self) -> "pandas.DataFrame":
        """The rows: network, profile, origin, usability, fidelity, noise, analog, digital, seed,
        programming, calibration, metric, value, ideal (the score without a device), constant
        (the score of one answer for all)."""
        import pandas

        return pandas.DataFrame(list(self.rows), columns=HELD.names)

    @property
    def ideal(self) -> float:
        """The score without a device."""
        return self.rows[0]["ideal"]

    @property
    def constant(self) -> float | None:
        """The best score of one answer for all examples, which needs no network: the share of the largest
        class for accuracy, the error of the targets' mean (rmse) or median (mae), 0 for r2. None for a
        score of the caller's."""
        return self.rows[0]["constant"]

    @property
    def calibrations(self) -> list[str]:
        """Kinds of calibration, `none` first."""
        return list(dict.fromkeys(row["calibration"] for row in self.rows))

    def scores(self, calibration: str = "none") -> np.ndarray:
        """Scores of the programmings under one calibration, shape (programmings,).

        Raises:
            HoldError: There is no such calibration.
        """
        if calibration not in self.calibrations:
            raise HoldError(f"no calibration {calibration!r}; there are {', '.join(self.calibrations)}")
        return np.array([row["value"] for row in self.rows if row["calibration"] == calibration])

    def figure(self) -> "Figure":
        """Scores of all programmings beside the score without a device (a Matplotlib figure)."""
        from codesign.figures.holding import draw_holding

        return draw_holding(self).figure

    def __str__(self) -> str:
        from codesign.interface.saying import said_of

        return said_of(self)


def hold(
    model: nn.Module,
    inputs: Any,
    targets: Any,
    device: "DeviceProfile | Measurement | Path | str | Sequence[DeviceProfile | Measurement | Path | str]",
    *,
    programmings: int = 10,
    score: str | Scoring = "accuracy",
    calibrate: Any = None,
    calibration: str | Iterable[str] | None = None,
    noise: str | None = None,
    analog: str = "weights",
    digital: str | Iterable[str] = (),
    seed: int = 1,
    batch_size: int = 256,
    experiment: str | None = None,
    results: Path | str | None = None,
    config: Path | str | None = None,
    progress: bool = False,
) -> "Held | HeldOnDevices":
    """Score a network on a device, or on each of several, programmed many times, each with errors of its own.

    A copy is programmed; the model that is given stays as it is: weights, buffers, mode and hooks. The copy
    runs in evaluation mode where the model's parameters are, on a GPU where they are on one.

    Args:
        model: Any module with weight layers, trained.
        inputs: Test inputs as the model takes them, the first axis over examples: a tensor or array; several
            in a tuple (passed by place) or a dict (by name).
        targets: One an example; class numbers for accuracy.
        device: An instrument file with its sidecar, a canonical measurement, a device profile, an exported
            device, or the id of a device in results; see `codesign.interface.device.subject_of`. Several in a
            list, or a folder of such files, of which those that are no usable device are left out and told.
        programmings: How often it is programmed.
        score: `accuracy`, `rmse`, `mae`, `r2`, or a function of all outputs and targets (on the CPU) that
            gives a number.
        calibrate: Examples for a calibration after programming, all of which are used: inputs, or a pair
            (inputs, targets), as any tuple of two is read. A few hundred training examples do; never those
            that are scored.
        calibration: Kinds beside `none` (`codesign.evaluation.calibration`): scale, offset, statistics. None:
            offset where `calibrate` is given.
        noise: Errors of the cells. resampled: ratios of the device's own cycles | lognormal: its fitted law |
            none. None: resampled where the profile has ratios, else lognormal.
        analog: On memristors: `weights` of layers, `all` parameters, or `differential` pairs of cells.
        digital: Submodules whose weights stay digital.
        seed: Of the programmings' draws; the same seed gives the same table.
        batch_size: Examples in a forward pass.
        experiment: An experiment that the workflow evaluated: where its networks are at this device's
            fidelity is read off their curve (`codesign predict`).
        results: Folder of results for `experiment` and for a device's id; None for the usual ones.
        config: A `config.yaml` whose `extraction` says how files are read; None for the program's own.
        progress: Show a bar where the output is a terminal.

    Returns:
        Every score, with a table and a figure: of a list or a folder those of all devices, the highest
        fidelity first, each with the scores that it gets by itself.

    Raises:
        HoldError: Something given cannot be used; the message says what and what to do.
        codesign.interface.device.DeviceError: No profile can be made of the device: the reader refuses the
            file, it has too few cycles, there is no such id ...; or two of several have one name, or they
            are measured and virtual.
    """
    programmings = whole("programmings", programmings, least=1)
    seed = whole("seed", seed, least=-(2**63))
    how = score_called(score)
    digital = (digital,) if isinstance(digital, str) else tuple(digital)
    network = copied(model, digital=digital, batch_size=batch_size)
    examples = examples_of(inputs, targets, model)
    given = None if calibrate is None else calibrating_of(calibrate, examples, model)
    kinds = kinds_of(calibration, given)
    folder = folder_of(device, results=results)
    one = folder is None and not isinstance(device, list | tuple)
    if one:
        subjects, left_out = [subject_of(device, results=results, config=config)], []
    else:
        subjects, left_out = subjects_of(folder or device, results=results, config=config)
    task = GivenTask(how, in_memory=examples.size <= LARGEST_HELD)
    plans = [
        EvaluationPlan(
            experiment="",
            method="",
            network=type(model).__name__,
            stands_for="device",
            memsim={"mapping": MAPPING, "analog": _analog(analog)},
            noises=[_noise(noise, subject.profile)],
            programmings=range(programmings),
            metrics=[how.name],
            calibrations=kinds,
            repeat=seed,
        )
        for subject in subjects
    ]
    places = [_place(subject, experiment, results) if experiment else () for subject in subjects]
    ideal = _ideal(network, task, examples, how)
    constant = None if how.constant is None else how.constant(examples.targets.cpu())
    shared = {"seed": seed, "ideal": ideal, "constant": constant}
    shared |= {"analog": analog, "digital": ", ".join(digital)}
    held = []
    with _refusing():
        check_calibrations(kinds, network, task, given, analog)
        for subject, plan, place in zip(subjects, plans, places, strict=True):
            profile = subject.profile
            rows = evaluate(network, task, examples, [profile], plan, calibrating=given, progress=progress)
            stated = shared | {"origin": profile.origin}
            held.append(
                Held(
                    rows=[{name: (row | stated)[name] for name in HELD.names} for row in rows],
                    profile=profile,
                    better=how.better,
                    analog=analog,
                    digital=digital,
                    examples=len(examples),
                    calibrating=0 if given is None else len(given),
                    experiment=experiment or "",
                    place=place,
                    notes=subject.notes + note_on(given),
                )
            )
    return held[0] if one else HeldOnDevices(best_first(held), tuple(left_out))


def program(
    model: nn.Module,
    device: "DeviceProfile | Measurement | Path | str",
    *,
    programming: int = 0,
    seed: int = 1,
    noise: str | None = None,
    analog: str = "weights",
    digital: str | Iterable[str] = (),
    results: Path | str | None = None,
    config: Path | str | None = None,
) -> nn.Module:
    """A copy of a network with its weights as they are once they are programmed on a device.

    Args:
        model: Any module with weight layers; it stays as it is.
        device: As in `hold`.
        programming: Number of the programming, from 0: that of the row with this number in `hold`'s table.
        seed: As in `hold`.
        noise: As in `hold`.
        analog: As in `hold`.
        digital: As in `hold`.
        results: As in `hold`.
        config: As in `hold`.

    Raises:
        HoldError: The model cannot be programmed as asked.
        codesign.interface.device.DeviceError: No profile can be made of the device.
    """
    network = copied(model, digital=digital)
    programming, seed = whole("programming", programming, least=0), whole("seed", seed, least=-(2**63))
    subject = subject_of(device, results=results, config=config)
    settings = MemSimSettings(MAPPING, _analog(analog), _noise(noise, subject.profile))
    with _refusing(), PerovskiteMemSim(network, settings) as simulator:
        simulator.program(subject.profile, noise_generator(subject.profile.profile, programming, seed))
        return copy.deepcopy(network.module)


def whole(name: str, value: int, *, least: int) -> int:
    """A whole number that a table can hold.

    Raises:
        HoldError: It is none, or below `least`.
    """
    try:
        found = index(value)
    except TypeError:
        found = None
    if found is None or not least <= found < 2**63:
        raise HoldError(f"{name} must be a whole number of at least {least}, got {value!r}")
    return found


@contextmanager
def _refusing() -> Iterator[None]:
    """Refusals of the modules that compute, as those of a caller's network."""
    try:
        yield
    except (SimulatorError, CalibrationError, TaskError) as error:
        raise HoldError(str(error)) from error


def _analog(analog: str) -> str:
    if analog not in ("weights", "all", "differential"):
        raise HoldError(f"analog must be weights, all or differential, got {analog!r}")
    return analog


def _noise(noise: str | None, profile: DeviceProfile) -> str:
    if noise is None:
        return "resampled" if profile.log_ratio.size else "lognormal"
    if noise not in ("resampled", "lognormal", "none"):
        raise HoldError(f"noise must be resampled, lognormal or none, got {noise!r}")
    if noise == "resampled" and not profile.log_ratio.size:
        raise HoldError(
            f"profile {profile.profile} has no ratios of the device's own cycles: give its measurement, or "
            "ask for noise lognormal"
        )
    return noise


def _ideal(network: Network, task: GivenTask, examples: Given, how: Score) -> float:
    """The score without a device."""
    with network.evaluating():
        try:
            scorer = ScoredNetwork(network, task, examples).score()
        except torch.OutOfMemoryError as error:
            raise HoldError(f"out of memory; give a batch_size below {network.examples_at_once}") from error
        except Exception as error:  # of the caller's module, whatever it raises
            raise HoldError(
                f"{type(network.module).__name__} does not take these inputs "
                f"({type(error).__name__}: {error}); give them with the shape, type and scaling it was "
                "trained on"
            ) from error
    outputs, targets = scorer.everything()
    checked_ideal(network, how, outputs, targets)
    return scorer.compute()[how.name]


def _place(subject: Subject, experiment: str, results: Path | str | None) -> tuple[Read, ...]:
    """Where the networks of an evaluated experiment are at the device's fidelity."""
    profile = subject.profile
    folders = [Path(results)] if results else [Path(folder) for folder in FOLDERS]
    summary = f"evaluation/{experiment}-summary.parquet"
    folder = next((each for each in folders if (each / summary).is_file()), folders[0])
    ends = {
        name: profile.fidelity if (value := getattr(profile, name)) is None else value
        for name in ("fidelity_low", "fidelity_high")
    }
    row = {"device": profile.profile, "fidelity": profile.fidelity, "reason": "", **ends}
    try:
        return tuple(read_off(folder, row, experiment, methods=None, confidence=subject.confidence))
    except (ReadOffError, TableError) as error:
        raise HoldError(str(error)) from error
