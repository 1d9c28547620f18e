"""Calibrations as a caller asks for them: which kinds, on which examples."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import nn

from codesign.evaluation.calibration import KINDS, calibration
from codesign.interface.given import Given, HoldError, examples_of
from codesign.interface.scores import GivenTask
from codesign.models.network import Network
from codesign.tasks.contract import is_finite, moved
from codesign.words import nearest

FEW = 20
"""Calibration examples below which a note says so: an offset fits two numbers a channel."""


def kinds_of(asked: str | Iterable[str] | None, given: Given | None) -> list[str]:
    """Calibrations, `none` first.

    Args:
        asked: One or several; None for the usual one.
        given: Examples for a calibration, where there are any.

    Raises:
        HoldError: No such kind, one that needs examples without any, or examples that nothing uses.
    """
    if asked is None:
        asked = [] if given is None else ["offset"]
    wanted = [asked] if isinstance(asked, str) else list(asked)
    for kind in wanted:
        if kind not in KINDS:
            raise HoldError(f"no calibration {kind!r}{nearest(kind, KINDS)}; there are {', '.join(KINDS)}")
        if kind in ("offset", "statistics") and given is None:
            raise HoldError(
                f"calibration {kind} needs examples: give some of the training set as "
                "calibrate=(inputs, targets)"
            )
    if given is not None and set(wanted) <= {"none", "scale"}:
        raise HoldError(
            f"calibrate is given, but no calibration that uses examples ({', '.join(wanted) or 'none'}); ask "
            "for offset or statistics, or leave it out"
        )
    return list(dict.fromkeys(["none", *wanted]))


def calibrating_of(calibrate: Any, scored: Given, model: nn.Module) -> Given:
    """Examples for a calibration; never those that are scored.

    Args:
        calibrate: Inputs, or a pair (inputs, targets).
        scored: The examples that are scored.
        model: Has a parameter.

    Raises:
        HoldError: They cannot be used, or are among those that are scored.
    """
    if isinstance(calibrate, int | np.integer):
        raise HoldError(
            f"calibrate is a number; calibrate takes examples, e.g. (inputs[:{calibrate}],), of the "
            "training set"
        )
    pair = isinstance(calibrate, tuple) and len(calibrate) == 2
    inputs, targets = calibrate if pair else (calibrate, None)
    given = replace(examples_of(inputs, targets, model, what="calibration "), calibrates=True)
    for name, value in (("inputs", given.inputs), ("targets", given.targets)):
        if not is_finite(value):
            raise HoldError(
                f"calibration {name} contain NaN or infinity: leave those examples out, or mend their values"
            )
    if shared := given.count_among(scored):
        raise HoldError(
            f"{shared} of {len(given)} calibration examples are among those scored: take others, of the "
            "training set"
        )
    return given


def note_on(given: Given | None) -> tuple[str, ...]:
    """A sentence where a calibration has too few examples to rely on."""
    if given is None or len(given) >= FEW:
        return ()
    return (
        f"a calibration on {len(given)} example(s) follows their accidents: give at least {FEW}, better a "
        "few hundred",
    )


def check_calibrations(
    kinds: Sequence[str], network: Network, task: GivenTask, given: Given | None, analog: str
) -> None:
    """Refuse a calibration that this network cannot have: asked for, it would be left out otherwise.

    Raises:
        HoldError: The network does not take the examples.
        codesign.evaluation.calibration.CalibrationError: It cannot have this kind.
    """
    with network.evaluating():
        if given is not None:
            _try(network, task, given)
        for kind in kinds:
            calibration(kind, network, task, given, analog=analog)


def _try(network: Network, task: GivenTask, given: Given) -> None:
    """Put the calibration examples through once."""
    batch = moved(given, next(network.module.parameters()).device)
    try:
        with torch.no_grad():
            task.forward(network.module, batch)
    except torch.OutOfMemoryError as error:
        raise HoldError(f"out of memory: calibrate with fewer than {len(given)} examples") from error
    except HoldError:
        raise
    except Exception as error:  # of the caller's module, whatever it raises
        raise HoldError(
            f"{type(network.module).__name__} does not take the calibration inputs "
            f"({type(error).__name__}: {error}); give them like the others, in a pair (inputs, targets)"
        ) from error
