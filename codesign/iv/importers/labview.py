"""LabVIEW measurement files: .lvm through lvm_read, .tdms through npTDMS."""

import struct
from pathlib import Path

import numpy as np

from codesign.iv.importers.refusal import ImportRefused
from codesign.iv.importers.table import Table


def read_lvm(path: Path) -> Table:
    """Channels of a LabVIEW text file, all segments end to end.

    Raises:
        ImportRefused: Not a LabVIEW measurement file, cut short, or its segments
            hold different channels.
    """
    import lvm_read

    try:
        content = lvm_read.read(str(path), read_from_pickle=False, dump_file=False)
        segments = [content[k] for k in range(int(content["Segments"]))]
        blocks = [np.asarray(segment["data"], dtype=float) for segment in segments]
        names = [[name.strip() for name in segment["Channel names"]] for segment in segments]
    except (LookupError, ValueError, TypeError, AttributeError, StopIteration, OSError) as error:
        raise ImportRefused(
            f"not a complete LabVIEW measurement file ({type(error).__name__}: {error})",
            remedy="save it again from LabVIEW as text (LVM)",
        ) from error
    if not blocks or any(block.ndim != 2 or block.size == 0 for block in blocks):
        raise ImportRefused("there are no samples", remedy="save the measurement again")
    if any(other != names[0] for other in names[1:]) or len({block.shape[1] for block in blocks}) > 1:
        raise ImportRefused(
            f"its {len(blocks)} segments hold different channels",
            remedy="save one file a device, with one header",
        )
    data = np.concatenate(blocks)
    units = segments[0].get("Y_Unit_Label") or []
    shift = 1 if names[0][0] == "X_Value" else 0  # the label column has no unit of its own
    header = []
    for k in range(data.shape[1]):
        name = names[0][k] if k < len(names[0]) else ""
        unit = units[k - shift].strip() if 0 <= k - shift < len(units) else ""
        header.append(f"{name} ({unit})" if unit and name not in ("", "X_Value") and f"({unit})" not in name else name)
    kept = [k for k, name in enumerate(header) if name and name != "Comment"]
    facts = {key: str(content[key]) for key in ("Date", "Time", "Operator") if key in content}
    return Table(
        header=[header[k] for k in kept],
        columns=[data[:, k] for k in kept],
        rows=np.arange(1, data.shape[0] + 1),
        notes=(f"{len(blocks)} segments read end to end",) if len(blocks) > 1 else (),
        extra={"labview": facts} if facts else {},
    )


def read_tdms(path: Path) -> Table:
    """Numeric channels of a TDMS file; shorter ones are filled with NaN.

    Raises:
        ImportRefused: Not a TDMS file, cut short, or without numbers.
    """
    from nptdms import TdmsFile

    with path.open("rb") as start:
        if start.read(4) != b"TDSm":
            raise ImportRefused(
                "not a complete TDMS file (it does not begin with TDSm)", remedy="copy it again from the instrument"
            )

    try:
        with TdmsFile.open(str(path)) as file:
            facts = {str(key): str(value) for key, value in file.properties.items()}
            channels = [
                (group.name, channel.name, str(channel.properties.get("unit_string", "")).strip(), channel[:])
                for group in file.groups()
                for channel in group.channels()
            ]
    except (ValueError, LookupError, OSError, EOFError, TypeError, struct.error) as error:
        raise ImportRefused(
            f"not a complete TDMS file ({type(error).__name__}: {error})",
            remedy="copy it again from the instrument",
        ) from error
    channels = [(*names, np.asarray(data)) for *names, data in channels]
    channels = [entry for entry in channels if entry[3].size and entry[3].dtype.kind in "iuf"]
    if not channels:
        raise ImportRefused("there is no channel with numbers", remedy="save voltage and current channels")
    longest = max(data.size for *_, data in channels)
    return Table(
        header=[f"{name} ({unit})" if unit else name for _, name, unit, _ in channels],
        columns=[
            np.pad(data.astype(float), (0, longest - data.size), constant_values=np.nan)
            for *_, data in channels
        ],
        rows=np.arange(1, longest + 1),
        extra={"labview": facts} if facts else {},
        aliases=tuple(f"{group}/{name}" for group, name, _, _ in channels),
    )
