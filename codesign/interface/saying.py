"""What a person is told of how a network held."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from codesign.interface.scores import SCORES
from codesign.labels import told_apart
from codesign.terminal import shown

if TYPE_CHECKING:
    from codesign.interface.holding import Held
    from codesign.interface.several import HeldOnDevices
    from codesign.nonideality.profile import DeviceProfile

NOT_MODELLED = (
    "drift, read noise, wires, converters, stuck cells, spread from device to device, "
    "a limited number of levels"
)
LEVELS = "levels inside the LCIS window are reached exactly"
NOISES = {
    "resampled": "errors drawn from the device's own cycles",
    "lognormal": "errors of the device's fitted log-normal law",
    "none": "no errors of single cells",
}


WIDEST = 48
"""Signs of a device's name in a table."""
ANALOG = {"weights": "", "all": "all parameters", "differential": "differential pairs"}
"""What is on memristors where it is not the weights of layers alone."""


def said_of(held: "Held") -> str:
    """A few lines: what is kept, how it spreads, what calibration gives, what it rests on."""
    row, profile = held.rows[0], held.profile
    lines = [_answer(held), f"{row['network']} on {profile.profile} ({_readings(profile)}){_where(held)}"]
    for kind in held.calibrations:
        lines.append(f"  {_called(kind):24} {_spread(held, kind)}")
    lines += [*_without(held), *_read_off(held, "this F")]
    on = "a device of the virtual laboratory" if profile.origin == "virtual" else "a measured device"
    lines.append(_rests_on(on, [held]))
    lines += [f"Note: {' '.join(note.split())}" for note in held.notes]
    return shown("\n".join(lines))


def said_of_devices(several: "HeldOnDevices") -> str:
    """What is kept from device to device, a line each, and what it rests on."""
    first = several.devices[0]
    kinds, devices = first.calibrations, f"{len(several)} device{'s' * (len(several) != 1)}"
    row, ideal = first.rows[0], _number(first, first.ideal)
    parts = []
    for kind in kinds:
        means = [held.scores(kind).mean() for held in several]
        parts.append(f"{_called(kind)} {_number(first, min(means))} to {_number(first, max(means))}")
    table = [["device", "F", "U", *map(_called, kinds)]]
    names = told_apart([held.profile.profile for held in several], WIDEST)
    for name, held in zip(names, several, strict=True):
        both = [_reading(held.profile, reading) for reading in ("fidelity", "usability")]
        table.append([name, *both, *(_short(held, kind) for kind in kinds)])
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    lines = [
        f"{row['metric']} on {devices}: {'; '.join(parts)}, {ideal} without a device",
        f"{row['network']} on {devices}, best fidelity first{_where(first)}",
        *("  " + "  ".join(map(str.ljust, cells, widths)).rstrip() for cells in table),
        *_without(first),
        *(line for held in several for line in _read_off(held, f"the F of {held.profile.profile}")),
    ]
    on = "devices of the virtual laboratory" if first.profile.origin == "virtual" else "measured devices"
    lines.append(_rests_on(on, several.devices))
    lines += [f"Left out: {' '.join(reason.split())}" for reason in several.left_out]
    shared = [note for note in first.notes if all(note in held.notes for held in several)]
    lines += [f"Note: {' '.join(note.split())}" for note in shared]
    for held in several:
        own = (" ".join(note.split()) for note in held.notes if note not in shared)
        lines += [f"Note on {held.profile.profile}: {note}" for note in own]
    return shown("\n".join(lines))


def _without(held: "Held") -> list[str]:
    """The scores that no device has a part in, and what calibrations saw."""
    metric, ideal = held.rows[0]["metric"], held.ideal
    lines = [f"  {'without a device':24} {_number(held, ideal)}"]
    if held.constant is not None:
        answer = SCORES[metric].answer
        lines.append(f"  {'without a network':24} {_number(held, held.constant)}, {answer}")
        if SCORES[metric].no_better(ideal, held.constant):
            lines.append(
                f"  The network itself does no better than {answer}: has it been trained, and do its inputs "
                "have the scaling of the training?"
            )
    if held.calibrating:
        lines.append(f"  calibrations saw {held.calibrating} other examples than the {held.examples} scored")
    return lines


def _read_off(held: "Held", at: str) -> list[str]:
    """Scores of an experiment's networks at the fidelity of a device."""
    lines = []
    for read in held.place:
        said = read.prediction
        beyond = ", F is outside the levels" if said.beyond else ""
        lines.append(
            f"  {held.experiment}, {read.method} {read.metric} read off at {at}: {said.score:.3g} "
            f"({said.low:.3g} ... {said.high:.3g}){beyond}"
        )
    return lines


def _rests_on(on: str, held: "Sequence[Held]") -> str:
    """What was simulated, and what not."""
    errors = "; ".join(dict.fromkeys(NOISES[each.rows[0]["noise"]] for each in held))
    return f"Simulated on {on}: {LEVELS}, {errors}. Not modelled: {NOT_MODELLED}."


def _answer(held: "Held") -> str:
    """What a person asked: scores as programmed and calibrated, beside the score without a device."""
    ideal, metric = _number(held, held.ideal), held.rows[0]["metric"]
    said = []
    for kind in held.calibrations:
        scores = held.scores(kind)
        mean, details = _number(held, scores.mean()), []
        if kind == "none":
            kept = f"{mean} of {ideal} {metric}"
            other = f"{metric} {mean}, {ideal} without a device"
            mean = kept if held.better == "higher" else other
        if kind == "none" and scores.size == 1:
            details = ["one programming"]
        elif scores.size > 1:
            sd = f"sd {_sd(held, scores)} over {scores.size} programmings"
            details = [*([sd] if kind == "none" else []), _extreme(held, scores)]
        said.append(f"{_called(kind)} {mean}" + (f" ({', '.join(details)})" if details else ""))
    first = "; ".join(said)
    return f"{first[0].upper()}{first[1:]}"


def _called(kind: str) -> str:
    return "as programmed" if kind == "none" else f"calibrated ({kind})"


def _readings(profile: "DeviceProfile") -> str:
    """F and U, each with its interval where it has one."""
    said = (("F", _reading(profile, "fidelity")), ("U", _reading(profile, "usability")))
    return ", ".join(f"{letter} {value}" for letter, value in said if value)


def _reading(profile: "DeviceProfile", name: str) -> str:
    """A reading with its interval where it has one; '' where there is none."""
    value, low, high = (getattr(profile, f"{name}{end}") for end in ("", "_low", "_high"))
    if value is None:
        return ""
    return f"{value:.2f}" + ("" if low is None or high is None else f" ({low:.2f}-{high:.2f})")


def _where(held: "Held") -> str:
    """What is on memristors, where that is not the weights of all layers."""
    said = [ANALOG[held.analog]] if ANALOG[held.analog] else []
    if held.digital:
        said.append(f"{', '.join(held.digital)} digital")
    return f"; on memristors: {', '.join(said)}" if ANALOG[held.analog] else "".join(f"; {s}" for s in said)


def _spread(held: "Held", kind: str) -> str:
    """Mean, standard deviation and worst of the programmings; the median, too, where they spread widely."""
    scores = held.scores(kind)
    mean = _number(held, scores.mean())
    if scores.size == 1:
        return f"{mean} in one programming"
    sd = scores.std(ddof=1)
    if held.constant is not None and sd > abs(scores.mean() - held.constant) / 2 and _sd(held, scores) != "0":
        mean = f"{mean} (median {_number(held, np.median(scores))})"
    return f"{mean}, sd {_sd(held, scores)} over {scores.size} programmings, {_extreme(held, scores)}"


def _short(held: "Held", kind: str) -> str:
    """Mean and worst of the programmings."""
    scores = held.scores(kind)
    return _number(held, scores.mean()) + (f", {_extreme(held, scores)}" if scores.size > 1 else "")


def _extreme(held: "Held", scores: np.ndarray) -> str:
    """The worst; lowest and highest where nothing says which is worse."""
    low, high = _number(held, scores.min()), _number(held, scores.max())
    return {"higher": f"worst {low}", "lower": f"worst {high}"}.get(held.better, f"{low} to {high}")


def _sd(held: "Held", scores: np.ndarray) -> str:
    return _number(held, scores.std(ddof=1), digits=2)


def _number(held: "Held", value: float, *, digits: int = 3) -> str:
    """Three digits; what rounding alone leaves, below a billionth of the scores, is 0."""
    sizes = [held.ideal, held.constant or 0.0, *(row["value"] for row in held.rows)]
    if abs(value) <= 1e-9 * max(map(abs, sizes)):
        return "0"
    return f"{value:.0f}" if 1000 <= abs(value) < 1e15 else f"{value:.{digits}g}"
