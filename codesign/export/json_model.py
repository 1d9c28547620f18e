"""The device as one JSON object that explains itself: numbers, units, and how they program a weight.

`schemas/device-model.schema.yaml` holds it. Read back it is the same profile, number for number: JSON keeps
every digit of a double.
"""

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from codesign.export.model import LICENCE, DeviceModel, ExportError
from codesign.nonideality.profile import DeviceProfile, ProfileError

FORMAT = "codesign-device-model"
FORMAT_VERSION = 1

READINGS = ("usability", "usability_low", "usability_high", "fidelity", "fidelity_low", "fidelity_high")
WINDOW = ("branch_points", "window_start", "window_length", "lcis_start", "lcis_length")

PROGRAMMING = [
    "w is the largest |weight| of the tensor; N is the number of points in curve.",
    "t = |weight| / w. k = min(floor(t (N - 1)), N - 2).",
    "level(t) = t where reached[k] and reached[k + 1]; "
    "else curve[k] + (t (N - 1) - k) (curve[k + 1] - curve[k]). For N = 1 level(t) = curve[0].",
    "factor, one of its own for every cell: exp(sigma z), z standard normal (lognormal), or "
    "exp(log_ratio[i]), i uniform (resampled).",
    "One cell a weight (analog: weights): programmed = sign(weight) w level(t) factor. "
    "Biases and normalisation stay digital.",
    "Two cells a weight (analog: differential), in siemens: g(t) = g_min_s + (g_max_s - g_min_s) level(t); "
    "programmed = sign(weight) w (g(t) factor_1 - g(0) factor_2) / (g_max_s - g_min_s), sign(0) = 1.",
]

FIELDS = {
    "format_version": "whole number; rises where a reader of an older version would misread",
    "device.origin": "measured, or virtual: of the virtual laboratory",
    "device.length_um": "nanowire length in um; null where unknown, as every fact of the device",
    "device.diameter_nm": "nanowire diameter in nm",
    "device.pb_min": "time of Pb electrodeposition in min",
    "device.ag_nm": "thickness of the Ag contact in nm",
    "device.measured_at": "ISO 8601; empty where unknown",
    "device.conditions": "those that the laboratory says by names of its own, texts or numbers as they were "
    "written down; empty where there are none",
    "source.file": "instrument file, without folder; empty where there is none",
    "source.sha256": "of its bytes, hexadecimal; empty where there is none",
    "readings.usability": "U = eta exp(-sigma), 0 to 1; _low and _high: its interval",
    "readings.fidelity": "F, expected cosine between 256 weights and the same weights programmed, 0 to 1",
    "readings.confidence": "of both intervals",
    "window.branch_points": "points of the charging branch",
    "window.window_start": "first branch point of the operative window, from 0",
    "window.window_length": "its points, N",
    "window.lcis_start": "first branch point of the longest stretch of rising conductance (LCIS), from 0",
    "window.lcis_length": "its points",
    "window.voltage_v": "mean voltage at each point of the operative window in V; null where not recorded",
    "conductance.g_min_s": "least mean conductance of the operative window in S",
    "conductance.g_max_s": "largest one in S",
    "conductance.curve": "(G - g_min) / (g_max - g_min) of the mean conductance G, 0 to 1, a value a point. "
    "Where the source limited the current, that of the last point before",
    "conductance.reached": "whether the point lies in the rising stretch (LCIS, a few drops tolerated): "
    "a level between two such points is reached exactly",
    "spread.eta": "non-monotonic factor, 0 to 1",
    "spread.sigma": "standard deviation of ln G about the mean of its point: the upper bound that U uses",
    "spread.log_ratio": "ln(G / mean of its point) of every usable sample; null where they were not at hand",
    "drift": "null: the measurement does not tell",
    "read_noise": "null: the measurement does not tell it from the spread of programming",
}
"""Meaning and unit of what a name does not say."""


def render_json(model: DeviceModel) -> str:
    """The text of the file."""
    return _text(to_object(model), "") + "\n"


def _text(value, margin: str) -> str:
    """JSON with a key a line and numbers of a list beside each other."""
    inner = f"{margin} "
    if isinstance(value, Mapping):
        lines = [f"{inner}{json.dumps(key)}: {_text(each, inner)}" for key, each in value.items()]
    elif isinstance(value, list) and any(isinstance(each, str) for each in value):
        lines = [f"{inner}{_text(each, inner)}" for each in value]
    else:
        return json.dumps(value, ensure_ascii=False, allow_nan=False)
    begin, end = "{}" if isinstance(value, Mapping) else "[]"
    joined = ",\n".join(lines)
    return f"{begin}\n{joined}\n{margin}{end}"


def to_object(model: DeviceModel) -> dict:
    """The model as it is written, of plain Python values."""
    profile = model.profile
    return {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "made_by": {"program": "codesign", "version": model.version, "exported": model.exported},
        "licence": LICENCE,
        "device": {
            "id": profile.profile,
            "origin": profile.origin,
            **model.facts,
            "conditions": dict(model.conditions),
        },
        "source": {"file": model.source_file, "sha256": model.source_sha256},
        "readings": {name: getattr(profile, name) for name in READINGS} | {"confidence": model.confidence},
        "window": {name: getattr(profile, name) for name in WINDOW} | {"voltage_v": list(model.voltage_v)},
        "conductance": {
            "g_min_s": profile.g_min_s,
            "g_max_s": profile.g_max_s,
            "curve": profile.curve.tolist(),
            "reached": profile.reached.tolist(),
        },
        "spread": {
            "eta": profile.eta,
            "sigma": profile.sigma,
            "log_ratio": profile.log_ratio.tolist() if profile.log_ratio.size else None,
        },
        "drift": None,
        "read_noise": None,
        "programming": PROGRAMMING,
        "fields": FIELDS,
    }


def read_json(path: Path | str) -> DeviceProfile:
    """The profile of an exported device; PerovskiteMemSim programs on it as on the one exported.

    With the same generator the programmed weights are the same bit for bit.

    Raises:
        ExportError: Not such a file, of a newer version, or without a key; the message names the file.
    """
    try:
        stored = json.loads(Path(path).read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise ExportError(f"{path}: not complete JSON ({error}); export the device again") from error
    if not isinstance(stored, Mapping) or stored.get("format") != FORMAT:
        raise ExportError(
            f"{path}: no exported device (its format is not {FORMAT}); "
            "`python -m codesign export DEVICE --to json` makes one"
        )
    if stored.get("format_version") != FORMAT_VERSION:
        raise ExportError(
            f"{path}: format_version {stored.get('format_version')!r}, this program reads {FORMAT_VERSION}; "
            "export the device again, or read it with the program that wrote it"
        )
    try:
        return _profile(stored)
    except KeyError as error:
        raise ExportError(f"{path}: key {error} is missing; export the device again") from error
    except (ProfileError, TypeError, ValueError) as error:
        raise ExportError(f"{path}: {error}; export the device again") from error


def _profile(stored: Mapping) -> DeviceProfile:
    conductance, spread = stored["conductance"], stored["spread"]
    return DeviceProfile(
        profile=stored["device"]["id"],
        kind="device",
        origin=stored["device"]["origin"],
        level=None,
        **{name: stored["readings"][name] for name in READINGS},
        **{name: stored["window"][name] for name in WINDOW},
        g_min_s=conductance["g_min_s"],
        g_max_s=conductance["g_max_s"],
        curve=conductance["curve"],
        reached=conductance["reached"],
        eta=spread["eta"],
        sigma=spread["sigma"],
        log_ratio=np.empty(0) if spread["log_ratio"] is None else spread["log_ratio"],
    )
