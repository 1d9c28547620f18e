"""What a person is told of how a network held."""

from typing import TYPE_CHECKING

from codesign.interface.scores import SCORES
from codesign.terminal import shown

if TYPE_CHECKING:
    from codesign.interface.holding import Held

NOT_MODELLED = "drift, read noise, wires, converters, stuck cells, spread from device to device"
NOISES = {
    "resampled": "errors drawn from the device's own cycles",
    "lognormal": "errors of the device's fitted log-normal law",
    "none": "no errors of single cells",
}


def said_of(held: "Held") -> str:
    """A few lines: what is kept, how it spreads, what calibration gives, what it rests on."""
    row, profile = held.rows[0], held.profile
    name, metric, ideal = row["network"], row["metric"], held.ideal
    readings = f"U {profile.usability:.2f}"
    if profile.fidelity is not None:
        readings = f"F {profile.fidelity:.2f}, {readings}"
    mean = float(held.scores().mean())
    where = f"{profile.profile} ({readings})"
    if held.better == "higher":
        first = f"{name} keeps {mean:.3g} of {ideal:.3g} {metric} on {where}."
    else:
        first = f"{name}: {metric} {mean:.3g} on {where}, {ideal:.3g} without a device."
    lines = [first]
    for kind in held.calibrations:
        what = "as programmed" if kind == "none" else f"calibrated ({kind})"
        lines.append(f"  {what:24} {_spread(held, kind)}")
    lines.append(f"  {'without a device':24} {ideal:.3g}")
    if held.constant is not None:
        answer = SCORES[metric].answer
        lines.append(f"  {'without a network':24} {held.constant:.3g}, {answer}")
        if SCORES[metric].no_better(ideal, held.constant):
            lines.append(
                f"  The network itself does no better than {answer}: has it been trained, and do its inputs "
                "have the scaling of the training?"
            )
    if held.calibrating:
        lines.append(f"  calibrations saw {held.calibrating} other examples than the {held.examples} scored")
    for read in held.place:
        said = read.prediction
        beyond = ", F is outside the levels" if said.beyond else ""
        lines.append(
            f"  {held.experiment}, {read.method} {read.metric} read off at this F: {said.score:.3g} "
            f"({said.low:.3g} ... {said.high:.3g}){beyond}"
        )
    on = "a device of the virtual laboratory" if profile.origin == "virtual" else "a measured device"
    lines.append(f"Simulated on {on}: {NOISES[row['noise']]}. Not modelled: {NOT_MODELLED}.")
    lines += [f"Note: {' '.join(note.split())}" for note in held.notes]
    return shown("\n".join(lines))


def _spread(held: "Held", kind: str) -> str:
    """Mean, standard deviation and worst of the programmings."""
    scores = held.scores(kind)
    if scores.size == 1:
        return f"{scores[0]:.3g} in one programming"
    said = f"{scores.mean():.3g} ± {scores.std(ddof=1):.2g} in {scores.size} programmings"
    if held.better:
        worst = scores.min() if held.better == "higher" else scores.max()
        return f"{said}, worst {worst:.3g}"
    return f"{said}, {scores.min():.3g} to {scores.max():.3g}"
