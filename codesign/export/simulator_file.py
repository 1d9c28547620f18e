"""The device as a Python file for another simulator: what that simulator imports, with the numbers inside.

The files stand alone: they need their simulator and nothing of this project.
"""

import re
import textwrap
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256
from importlib.resources import files
from string import Template

import numpy as np

from codesign.export.model import LICENCE, DeviceModel, ExportError
from codesign.nonideality.profile import DeviceProfile
from codesign.terminal import one_line

WIDTH = 110
LONGEST_NAME = 40
"""Signs of a class name, its digest aside."""


@dataclass(frozen=True)
class Cells:
    """How a weight sits on cells in the exported file."""

    analog: str
    """`differential` (two cells a weight, each with noise of its own) or `weights` (one factor a weight)."""
    noise: str
    """`lognormal` or `resampled` (ratios of the device's own cycles)."""


CELLS = {
    "differential": "Two cells hold a weight, g(t) and g(0), each with a factor of its own: what a cell at "
    "level 0 conducts is noisy too.",
    "weights": "One cell holds a weight, in units of its range above G_MIN_S; a weight of 0 has none. The "
    "simulator's other cell of the pair stays at 0 and makes no noise.",
}
FACTORS = {
    "lognormal": "exp(SIGMA z) with z standard normal",
    "resampled": "a RATIO drawn at random",
}
DRAWS = {
    ("aihwkit", "lognormal"): "factor = torch.exp(SIGMA * torch.randn_like(ended))",
    ("aihwkit", "resampled"): "pick = torch.randint(len(RATIO), ended.shape, device=ended.device)\n"
    "factor = torch.tensor(RATIO, dtype=ended.dtype, device=ended.device)[pick]",
    ("crosssim", "lognormal"): "factor = xp.exp(SIGMA * xp.random.normal(size=ended.shape))",
    ("crosssim", "resampled"): "factor = xp.asarray(RATIO)[xp.random.randint(len(RATIO), size=ended.shape)]",
}
RESULTS = {
    ("aihwkit", "differential"): "return ended * factor",
    ("aihwkit", "weights"): "return torch.where(g_target > LOW, ended * factor, LOW)",
    ("crosssim", "differential"): "return (ended * factor).astype(input_.dtype)",
    ("crosssim", "weights"): "return xp.where(input_ > 0, ended * factor, 0.0).astype(input_.dtype)",
}
UNIT = {"aihwkit": 1e6, "crosssim": 1.0}
"""What a siemens is in the unit that the simulator's file takes its range in."""


def render_aihwkit(model: DeviceModel, cells: Cells) -> str:
    """The text of a module with a noise model derived from aihwkit's `BaseNoiseModel`."""
    return _render("aihwkit", model, cells)


def render_crosssim(model: DeviceModel, cells: Cells) -> str:
    """The text of a module with a device derived from CrossSim's `EmptyDevice`."""
    return _render("crosssim", model, cells)


def class_name(device: str) -> str:
    """A class name for a device id; two ids never share one, and long ones are cut.

    >>> class_name("mapbi3-100nm"), class_name("1.5um")
    ('DeviceMapbi3_100nm', 'Device1_5um_f001634f')
    """
    words = [word for word in re.split(r"[^A-Za-z0-9]+", device) if word]
    name = "Device" + "_".join(word[0].upper() + word[1:] for word in words)
    # a short id of lower case, digits and hyphens can be told from its class; any other gets a digest
    if len(name) <= LONGEST_NAME and re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", device):
        return name
    return f"{name[:LONGEST_NAME].rstrip('_')}_{sha256(device.encode()).hexdigest()[:8]}"


def _render(simulator: str, model: DeviceModel, cells: Cells) -> str:
    profile = model.profile
    low, high = _range(profile, cells)
    if cells.noise == "resampled" and not profile.log_ratio.size:
        raise ExportError(
            f"device {profile.profile} has no ratios to resample: its measurement is not at hand; name it "
            "with --measurement, or take --noise lognormal"
        )
    draw = f"{DRAWS[simulator, cells.noise]}\n{RESULTS[simulator, cells.analog]}"
    text = _template(f"{simulator}.py.txt").substitute(
        title=one_line(f"Memristor {profile.profile} for {simulator}"),
        device=profile.profile,
        name=class_name(profile.profile),
        origin=profile.origin,
        measured=_said(model.facts["measured_at"], model.facts["instrument"]),
        source=_said(model.source_file),
        sha256=_said(model.source_sha256),
        exported=model.exported,
        version=model.version,
        analog=cells.analog,
        noise=cells.noise,
        licence=textwrap.fill(LICENCE, WIDTH - 12).replace("\n", "\n#           "),
        factor=FACTORS[cells.noise],
        cells=textwrap.fill(CELLS[cells.analog], WIDTH),
        numbers=_numbers(profile, resampled=cells.noise == "resampled"),
        low=repr(low * UNIT[simulator]),
        high=repr(high * UNIT[simulator]),
        draw=textwrap.indent(draw, " " * 8),
    )
    compile(text, profile.profile, "exec")
    return text


def _numbers(profile: DeviceProfile, *, resampled: bool) -> str:
    ratio = ""
    if resampled:
        values = _listed(repr(r) for r in np.exp(profile.log_ratio).tolist())
        ratio = f"# G / mean of its point, of every usable sample\nRATIO = {values}\n"
    return (
        _template("numbers.py.txt")
        .substitute(
            g_min_s=repr(profile.g_min_s),
            g_max_s=repr(profile.g_max_s),
            sigma=repr(profile.sigma),
            curve=_listed(repr(y) for y in profile.curve.tolist()),
            reached=_listed(repr(r) for r in profile.reached.tolist()),
            ratio=ratio,
        )
        .rstrip()
    )


def _range(profile: DeviceProfile, cells: Cells) -> tuple[float, float]:
    """Conductance at levels 0 and 1 [S].

    Raises:
        ExportError: No simulator can express the device.
    """
    low, high = profile.g_min_s, profile.g_max_s
    if low is None or high is None:
        raise ExportError(
            f"profile {profile.profile} has no conductance in siemens; only a device can be exported"
        )
    if not high > low:
        raise ExportError(
            f"device {profile.profile} stores nothing: its mean conductance is {low:.4g} S at every level; "
            "a simulator needs a range (--to json describes it)"
        )
    if cells.analog == "weights":
        return 0.0, high - low
    if low < 0:
        raise ExportError(
            f"device {profile.profile} has a mean conductance of {low:.4g} S, and a simulator's cells "
            "conduct at least 0 S; take --analog weights, which counts from there, or --to json"
        )
    return low, high


def _template(name: str) -> Template:
    return Template((files("codesign.export") / "templates" / name).read_text(encoding="utf-8"))


def _said(*facts: str | float | None) -> str:
    return one_line(", ".join(str(fact) for fact in facts if fact)) or "not stated"


def _listed(values: Iterable[str]) -> str:
    lines = textwrap.wrap(", ".join(values), WIDTH - 5)
    return "\n".join(["[", *(f"    {line}" for line in lines), "]"])
