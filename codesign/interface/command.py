"""`python -m codesign hold --model net.py:make ...`: whether a network of a person's holds on a device."""

import argparse
import sys
import zipfile
from collections.abc import Mapping
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from codesign.figures.holding import draw_holding
from codesign.figures.holding_devices import draw_holding_devices
from codesign.figures.style import save
from codesign.files import trouble_with
from codesign.interface.device import DeviceError
from codesign.interface.given import HoldError
from codesign.interface.holding import Held, hold
from codesign.interface.several import HeldOnDevices
from codesign.interface.standard import ConfigError, seed_of
from codesign.models.network import NetworkError, network_of
from codesign.models.weights import WeightsError, put_weights, read_weights
from codesign.schemas.holding import HELD
from codesign.seeds import derived_seed
from codesign.tables import read_table, write_csv, write_table
from codesign.tasks.experiment import compute_device
from codesign.terminal import one_line
from codesign.words import nearest

ARRAYS = ("inputs", "targets", "calibration_inputs", "calibration_targets")
"""What is read of the data file."""
FILES = ("hold.parquet", "hold.csv", "hold.pdf", "hold.png")
"""What is written."""


def run(chosen: argparse.Namespace) -> int:
    """Write table and figure, print what they say and where they are.

    Args:
        chosen: As `codesign.__main__` gives it.

    Returns:
        0; 1 where something cannot be used, with what to do.
    """
    try:
        folder = chosen.out or Path("hold")
        _refuse_existing(folder, force=chosen.force)
        held = _held(chosen)
        _write(held, folder)
    except (HoldError, DeviceError, ConfigError, NetworkError, WeightsError) as error:
        print(one_line(str(error)), file=sys.stderr)
        return 1
    except OSError as error:
        print(one_line(f"{error.filename or folder}: {error.strerror}"), file=sys.stderr)
        return 1
    print(held)
    if not chosen.weights:
        print(one_line(f"no --weights: scored as {chosen.model} makes it"))
    print("\n".join(str(folder / name) for name in FILES))
    return 0


def _held(chosen: argparse.Namespace) -> Held | HeldOnDevices:
    model = made_model(chosen.model)
    if chosen.weights:
        load_into(model, chosen.weights)
    arrays = read_arrays(chosen.data)
    kinds = chosen.calibration
    examples = _calibrating(arrays, chosen) if chosen.calibrate else None
    return hold(
        model.to(compute_device()),
        arrays["inputs"],
        arrays["targets"],
        chosen.device[0] if len(chosen.device) == 1 else chosen.device,
        programmings=chosen.programmings,
        score=chosen.score,
        calibrate=examples,
        calibration=kinds,
        noise=chosen.noise,
        analog=chosen.analog,
        digital=chosen.digital or (),
        seed=chosen.seed,
        batch_size=chosen.batch_size,
        experiment=chosen.experiment,
        results=chosen.results,
        config=chosen.config,
        progress=True,
    )


def _calibrating(arrays: Mapping[str, np.ndarray], chosen: argparse.Namespace) -> tuple[np.ndarray, None]:
    """So many of the calibration examples, drawn evenly."""
    if "calibration_inputs" not in arrays:
        raise HoldError(
            f"{chosen.data} has no calibration_inputs, which --calibrate takes: store some training inputs "
            "there, numpy.savez(..., calibration_inputs=...)"
        )
    there, wanted = arrays["calibration_inputs"], chosen.calibrate
    if not 1 <= wanted <= len(there):
        raise HoldError(f"--calibrate {wanted}: {chosen.data} has {len(there)} calibration_inputs")
    rng = np.random.default_rng(derived_seed(seed_of(chosen.config), "hold-calibration", chosen.seed))
    return there[np.sort(rng.choice(len(there), wanted, replace=False))], None


def made_model(said: str) -> nn.Module:
    """The module that a function of a Python file makes. The file is run.

    Args:
        said: `net.py:make`: the file, and a function or class that takes nothing.

    Raises:
        HoldError: No such file or name, the file or the function fails, or what it makes is no module.
    """
    file, _, name = said.rpartition(":")
    if not file.endswith(".py") or not name.isidentifier():
        raise HoldError(
            f"--model {said}: write it as net.py:make, a file and a function in it that makes the network"
        )
    path = Path(file)
    if trouble := trouble_with(path):
        raise HoldError(f"--model {file}: {trouble}")
    spec = spec_from_file_location(path.stem, path)
    module = module_from_spec(spec)
    sys.path.insert(0, str(path.resolve().parent))
    sys.modules.setdefault(path.stem, module)
    try:
        spec.loader.exec_module(module)
        if not hasattr(module, name):
            known = [word for word in vars(module) if not word.startswith("_")]
            raise HoldError(f"{file} has no {name}{nearest(name, known)}")
        made = getattr(module, name)()
    except HoldError:
        raise
    except Exception as error:  # of the caller's file, whatever it raises
        raise HoldError(f"{said} fails: {type(error).__name__}: {error}") from error
    finally:
        sys.path.remove(str(path.resolve().parent))
    if not isinstance(made, nn.Module):
        raise HoldError(f"{said} gives {type(made).__name__}, not a torch.nn.Module")
    return made


def load_into(model: nn.Module, path: Path) -> None:
    """Put stored weights into a model; nothing a file says is run.

    Args:
        model: Gets them.
        path: `.safetensors`, or a state dict as `torch.save` writes it (`.pt`, `.pth`).

    Raises:
        HoldError: No such file, another kind of file, or more than tensors in it.
        WeightsError: The weights are of another network.
    """
    if trouble := trouble_with(path):
        raise HoldError(f"--weights {path}: {trouble}")
    readers = {".safetensors": lambda file: read_weights(file)[0], ".pt": _state_dict, ".pth": _state_dict}
    if path.suffix.lower() not in readers:
        raise HoldError(f"--weights {path}: write weights as one of {', '.join(readers)}")
    put_weights(network_of(model), readers[path.suffix.lower()](path), path)


def _state_dict(path: Path) -> dict[str, Tensor]:
    remedy = "store the state dict alone: torch.save(model.state_dict(), path), or as safetensors"
    try:
        stored = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises many types here
        raise HoldError(
            f"--weights {path}: damaged, or holds more than tensors, such as a whole network, which could "
            f"run code; {remedy}"
        ) from error
    if not isinstance(stored, Mapping) or not all(isinstance(value, Tensor) for value in stored.values()):
        held = ", ".join(map(str, list(stored)[:6])) if isinstance(stored, Mapping) else type(stored).__name__
        raise HoldError(f"--weights {path}: holds {held}, not tensors by name; {remedy}")
    return dict(stored)


def read_arrays(path: Path) -> dict[str, np.ndarray]:
    """Arrays of an `.npz`: inputs and targets, and those for a calibration where they are there.

    Raises:
        HoldError: No such file, no `.npz`, an array is missing or holds Python objects.
    """
    if trouble := trouble_with(path):
        raise HoldError(f"--data {path}: {trouble}")
    how = "numpy.savez(path, inputs=..., targets=...)"
    try:
        stored = np.load(path, allow_pickle=False)
        if not isinstance(stored, np.lib.npyio.NpzFile):
            raise HoldError(f"--data {path}: one array without a name; write it with {how}")
        with stored:
            names = stored.files
            found = {name: stored[name] for name in ARRAYS if name in names}
    except HoldError:
        raise
    except (ValueError, EOFError, zipfile.BadZipFile) as error:
        raise HoldError(f"--data {path}: no complete .npz of numbers; write it with {how}") from error
    for name in ARRAYS[:2]:
        if name not in found:
            there = ", ".join(names) or "nothing"
            raise HoldError(
                f"--data {path} has no {name}{nearest(name, names)}; it holds {there}; write it with {how}"
            )
    if unread := [name for name in names if name not in ARRAYS]:
        print(one_line(f"not read of {path}: {', '.join(unread)}"), file=sys.stderr)
    return found


def _refuse_existing(folder: Path, *, force: bool) -> None:
    if folder.exists() and not folder.is_dir():
        raise HoldError(f"{folder} is no folder; --out names one")
    there = [name for name in FILES if (folder / name).exists()]
    if there and not force:
        raise HoldError(
            f"{folder / there[0]} is there already; --out names another folder, --force replaces it"
        )


def _write(held: Held | HeldOnDevices, folder: Path) -> None:
    table, csv, pdf, png = (folder / name for name in FILES)
    if isinstance(held, HeldOnDevices):
        first, drawing = held.devices[0], draw_holding_devices(held.devices)
        said = {"devices": [each.profile.profile for each in held], "left_out": list(held.left_out)}
        said["notes"] = {each.profile.profile: list(each.notes) for each in held if each.notes}
    else:
        first, drawing = held, draw_holding(held)
        said = {"device": held.profile.profile, "notes": list(held.notes)}
    said |= {"origin": first.profile.origin, "analog": first.analog, "digital": list(first.digital)}
    said |= {"examples": first.examples, "calibration_examples": first.calibrating}
    write_table(held.rows, table, schema=HELD, metadata=said)
    write_csv(read_table(table, schema=HELD), csv)
    save(drawing.figure, pdf, png)
