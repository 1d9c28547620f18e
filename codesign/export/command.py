"""`python -m codesign export DEVICE --to aihwkit`: a device as a noise model of another simulator."""

import argparse
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from codesign.export.json_model import render_json
from codesign.export.model import DeviceModel, ExportError, load
from codesign.export.simulator_file import Cells, class_name, render_aihwkit, render_crosssim
from codesign.files import replacing
from codesign.nonideality.found import FoundError
from codesign.nonideality.profile import ProfileError
from codesign.tables import TableError
from codesign.terminal import one_line

ANALOG, NOISE = "differential", "lognormal"
"""Cells of a simulator's file unless told: both simulators lay a weight on a pair."""


class Target(NamedTuple):
    """Something that a device can be exported to."""

    file: Callable[[str], str]
    """Name of the file unless told, of a device id."""
    render: Callable[[DeviceModel, Cells], str]
    chooses_cells: bool
    """Whether the file is for one kind of cells and noise."""


def _module(simulator: str) -> Callable[[str], str]:
    """A name that Python can import."""
    return lambda device: f"{class_name(device).lower()}_{simulator}.py"


TARGETS = {
    "json": Target(lambda device: f"{device}.json", lambda model, cells: render_json(model), False),
    "aihwkit": Target(_module("aihwkit"), render_aihwkit, True),
    "crosssim": Target(_module("crosssim"), render_crosssim, True),
}


def run(chosen: argparse.Namespace) -> int:
    """Write the device's file and print its path.

    Args:
        chosen: device, to, out, results, measurement, analog, noise and force of the command line.

    Returns:
        0; 1 where the device cannot be exported or the file is there already, with what to do.
    """
    try:
        path = export(chosen, exported=datetime.now(UTC).date().isoformat())
    except (ExportError, FoundError, ProfileError, TableError) as error:
        print(one_line(str(error)), file=sys.stderr)
        return 1
    except OSError as error:
        print(one_line(f"{error.filename or chosen.device}: {error.strerror}"), file=sys.stderr)
        return 1
    print(path)
    return 0


def export(chosen: argparse.Namespace, *, exported: str) -> Path:
    """Write the device's file; it appears only when it is complete.

    Args:
        chosen: As for `run`.
        exported: ISO 8601 date.

    Raises:
        ExportError, FoundError, ProfileError, TableError: As `load` and the target do; or the file is there
            already and `force` is not set.
    """
    target = TARGETS[chosen.to]
    if not target.chooses_cells and (chosen.analog or chosen.noise):
        raise ExportError(
            f"--analog and --noise are of a simulator's file; --to {chosen.to} holds every kind"
        )
    model, without = load(
        chosen.device, results=chosen.results, measurement=chosen.measurement, exported=exported
    )
    text = target.render(model, Cells(analog=chosen.analog or ANALOG, noise=chosen.noise or NOISE))
    path = chosen.out or Path(target.file(model.profile.profile))
    if path.is_dir():
        raise ExportError(f"{path} is a folder; --out names a file")
    if path.exists() and not path.is_file():
        raise ExportError(f"{path} is no file but a pipe or device; --out names a file")
    if path.exists() and not chosen.force:
        raise ExportError(f"{path} is there already; --out names another file, --force replaces it")
    try:
        with replacing(path) as temporary:
            temporary.write_text(text, encoding="utf-8")
    except OSError as error:
        raise ExportError(f"{path} cannot be written: {error.strerror}; --out names another place") from error
    if without and not target.chooses_cells:
        print(one_line(without), file=sys.stderr)
    return path
