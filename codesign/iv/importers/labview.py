"""LabVIEW measurement files: .lvm through lvm_read, .tdms through npTDMS."""

from pathlib import Path

import numpy as np

from codesign.iv.importers.columns import check_voltage, read_header
from codesign.iv.importers.refusal import ImportRefused
from codesign.iv.importers.text import cycles_end_to_end


def channels_of_lvm(path: Path) -> tuple[dict[str, np.ndarray], dict]:
    """Channels by name, and header facts.

    Raises:
        ImportRefused: Not a LabVIEW measurement file, or cut short.
    """
    import lvm_read

    try:
        content = lvm_read.read(str(path), read_from_pickle=False, dump_file=False)
        segment = content[0]
        names, data = segment["Channel names"], np.asarray(segment["data"], dtype=float)
    except (KeyError, ValueError, IndexError, UnicodeDecodeError, TypeError) as error:
        raise ImportRefused(
            f"not a complete LabVIEW measurement file ({type(error).__name__}: {error})",
            remedy="save it again from LabVIEW as text (LVM) with one header",
        ) from error
    # the first column is X_Value where the file stores one, and every channel has one with X_Columns Multi
    names = [name.strip() for name in names]
    if data.ndim != 2 or data.size == 0:
        raise ImportRefused("there are no samples", remedy="save the measurement again")
    channels = {name: data[:, k] for k, name in enumerate(names[: data.shape[1]]) if name and name != "Comment"}
    facts = {key: str(content[key]) for key in ("Date", "Time", "Operator") if key in content}
    return channels, facts


def channels_of_tdms(path: Path) -> tuple[dict[str, np.ndarray], dict]:
    """Numeric channels by name (`group/channel` where a name occurs twice), and file properties.

    Raises:
        ImportRefused: Not a TDMS file, or cut short.
    """
    from nptdms import TdmsFile

    try:
        with TdmsFile.open(str(path)) as file:
            everything = [(g.name, c.name, c[:]) for g in file.groups() for c in g.channels()]
            facts = {str(key): str(value) for key, value in file.properties.items()}
    except (ValueError, KeyError, OSError, EOFError, IndexError) as error:
        raise ImportRefused(
            f"not a complete TDMS file ({type(error).__name__}: {error})", remedy="copy it again from the instrument"
        ) from error
    names = [channel for _, channel, _ in everything]
    channels = {}
    for group, channel, data in everything:
        if len(data) and np.issubdtype(np.asarray(data).dtype, np.number):
            name = channel if names.count(channel) == 1 else f"{group}/{channel}"
            channels[name] = np.asarray(data, dtype=float)
    if not channels:
        raise ImportRefused("there is no channel with numbers", remedy="save voltage and current channels")
    return channels, facts


def sweeps_from_channels(channels: dict[str, np.ndarray], sidecar: dict):
    """Voltage and current channels to cycles.

    Returns:
        cycle, point, voltage [V], current [A], each (n_samples,); notes.

    Raises:
        ImportRefused: A channel cannot be told or is not there.
    """
    picked = {}
    for quantity in ("voltage", "current"):
        wanted = sidecar.get("columns", {}).get(quantity)
        names = [wanted] if wanted else [n for n in channels if read_header(n).quantity == quantity]
        if wanted and wanted not in channels or len(names) != 1:
            raise ImportRefused(
                f"{quantity} channel {wanted!r} is not in the file" if wanted else f"no single {quantity} channel",
                where=f"channels {', '.join(channels) or '(none)'}",
                remedy=f"name it in the sidecar: columns: {{{quantity}: CHANNEL}}",
            )
        scale = read_header(names[0]).scale * sidecar.get(f"{quantity}_scale", 1.0)
        picked[quantity] = channels[names[0]] * scale
    size = min(picked["voltage"].size, picked["current"].size)
    notes = []
    if picked["voltage"].size != picked["current"].size:
        notes.append(f"channels differ in length; the first {size} samples are used")
    voltage, current = picked["voltage"][:size], picked["current"][:size]
    both = np.isfinite(voltage)
    if not both.all():
        notes.append(f"{int((~both).sum())} samples without voltage left out")
        voltage, current = voltage[both], current[both]
    if voltage.size == 0:
        raise ImportRefused("there are no samples", remedy="save the measurement again")
    check_voltage(voltage, column="voltage")
    cycle, point, split = cycles_end_to_end(voltage, sidecar)
    return cycle, point, voltage, current, notes + split
