"""LabVIEW measurement files: .lvm through lvm_read, .tdms through npTDMS."""

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from codesign.iv.importers.columns import EMPTY
from codesign.iv.importers.limits import check_cells
from codesign.iv.importers.properties import lines_of, unit_in, with_units_of
from codesign.iv.importers.refusal import ImportRefused
from codesign.iv.importers.table import Table
from codesign.iv.importers.text import decoded, ends_openly
from codesign.iv.importers.titles import check_groups

SUFFIXES = (".lvm", ".tdms")
SCALE_TYPE = re.compile(r"NI_Scale\[\d+\]_Scale_Type")
SCALES = (
    "Polynomial", "Linear", "RTD", "Strain", "Table", "Thermistor", "Thermocouple", "Add", "Subtract",
    "AdvancedAPI",
)  # fmt: skip
"""Types of scales that npTDMS applies."""


def read(path: Path, *, known: Sequence[str] = ()) -> Table:
    """Channels of a LabVIEW file; they have their names from LabVIEW, whatever columns the sidecar uses.

    Raises:
        ImportRefused: See `read_lvm` and `read_tdms`.
    """
    return read_lvm(path) if path.suffix.lower() == ".lvm" else read_tdms(path, known=known)


def read_lvm(path: Path) -> Table:
    """Channels of a LabVIEW text file, all segments end to end.

    Raises:
        ImportRefused: Not a LabVIEW measurement file, cut short, or its segments
            hold different channels.
    """
    import lvm_read

    try:
        # not lvm_read.read: it unpickles NAME.lvm.pkl beside the file whatever it is told
        stored = decoded(path.read_bytes())
        text = "\n".join([*stored.splitlines(), ""])
        content = lvm_read.read_str(text)
        segments = [content[k] for k in range(int(content["Segments"]))]
        blocks = [np.asarray(segment["data"], dtype=float) for segment in segments]
        names = [[name.strip() for name in segment["Channel names"]] for segment in segments]
    except Exception as error:
        # lvm_read raises many types on a damaged file; each means: unreadable
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
    rows, cells = _lines_of_data(text, first=1 if content.get("X_Columns") == "No" else 0)
    if len(rows) != data.shape[0]:
        raise ImportRefused(
            f"{len(rows)} lines of samples, but {data.shape[0]} samples read",
            remedy="save it again from LabVIEW as text (LVM)",
        )
    _check_text(cells, data, rows, names=names[0])
    units = segments[0].get("Y_Unit_Label") or []
    shift = 1 if names[0][0] == "X_Value" else 0  # the label column has no unit of its own
    header = []
    for k in range(data.shape[1]):
        name = names[0][k] if k < len(names[0]) else ""
        unit = units[k - shift].strip() if 0 <= k - shift < len(units) else ""
        told = not unit or name in ("", "X_Value") or f"({unit})" in name
        header.append(name if told else f"{name} ({unit})")
    kept = [k for k, name in enumerate(header) if name and name != "Comment"]
    facts = {key: str(content[key]) for key in ("Date", "Time", "Operator") if key in content}
    return Table(
        header=[header[k] for k in kept],
        columns=[data[:, k] for k in kept],
        rows=rows,
        notes=(f"{len(blocks)} segments read end to end",) if len(blocks) > 1 else (),
        extra={"labview": facts} if facts else {},
        open_end=ends_openly(stored),
    )


def _lines_of_data(text: str, *, first: int) -> tuple[list[int], list[list[str]]]:
    """Line numbers, from 1, of the rows lvm_read takes as samples, and their cells from column `first`."""
    lines = text.splitlines()
    # the sign after the word, as lvm_read takes it
    sign = next((line.strip()[9:10] for line in lines[:22] if line.startswith("Separator")), "") or "\t"
    rows, cells, reading = [], [], False
    for number, line in enumerate(lines, start=1):
        parts = line.split(sign)
        if line in ("", sign):
            reading = False
        elif reading and parts[0] != "***End_of_Header***":
            rows.append(number)
            cells.append([part.strip() for part in parts[first:]])
        elif parts[0] == "X_Value":
            reading = True
    return rows, cells


def _check_text(cells: list[list[str]], data: np.ndarray, rows: list[int], *, names: list[str]) -> None:
    """Refuse text where a channel has numbers; lvm_read takes it for a missing value.

    Raises:
        ImportRefused: A cell holds text; names channel and line.
    """
    channels = [k for k, name in enumerate(names[: data.shape[1]]) if name not in ("", "Comment")]
    for row in np.flatnonzero(np.isnan(data[:, channels]).any(axis=1)):
        for k in channels:
            if np.isnan(data[row, k]) and k < len(cells[row]) and cells[row][k].lower() not in EMPTY:
                raise ImportRefused(
                    f"{cells[row][k][:40]!r} is not a number",
                    where=f"column {names[k]}, row {rows[row]}",
                    remedy="correct the cell, or empty it where nothing was measured",
                )


def _fault_of_tdms(path: Path) -> str:
    """What is wrong with the chain of segments; '' where the last one ends with the file.

    npTDMS goes on with what is there and only logs it. Each segment begins with 28 bytes: `TDSm`,
    flags (bit 6: big-endian), version, then the length of the rest of the segment.
    Source: National Instruments, "TDMS File Format Internal Structure".
    """
    size, position = path.stat().st_size, 0
    with path.open("rb") as file:
        while position < size:
            file.seek(position)
            lead = file.read(28)
            if lead[:4] != b"TDSm":
                return f"no segment begins at byte {position}"
            if len(lead) < 28:
                return "its last segment is cut short"
            big_endian = int.from_bytes(lead[4:8], "little") & 64
            position += 28 + int.from_bytes(lead[12:20], "big" if big_endian else "little")
    return "" if position == size else "its last segment is cut short"


def read_tdms(path: Path, *, known: Sequence[str] = ()) -> Table:
    """Numeric channels of a TDMS file; shorter ones are filled with NaN.

    Raises:
        ImportRefused: Not a TDMS file, cut short, without numbers, or its groups may be several devices.
    """
    from nptdms import TdmsFile

    fault = _fault_of_tdms(path)
    if fault:
        raise ImportRefused(f"not a complete TDMS file ({fault})", remedy="copy it again from the instrument")
    said: list[str] = []
    try:
        with _told(said), path.open("rb") as stream, TdmsFile.open(stream) as file:
            facts = {str(key): str(value) for key, value in file.properties.items()}
            lines = lines_of(file.properties)
            for group in file.groups():
                lines += lines_of(group.properties)
                for channel in group.channels():
                    lines += lines_of(channel.properties, of=channel.name)
            lengths = [len(channel) for group in file.groups() for channel in group.channels()]
            check_cells(max(lengths, default=0), len(lengths))
            channels = [
                (
                    group.name,
                    channel.name,
                    _unit_of_channel(channel.properties),
                    channel.properties.get("wf_increment"),
                    channel[:],
                )
                for group in file.groups()
                for channel in group.channels()
            ]
    except ImportRefused:
        raise
    except Exception as error:
        # npTDMS raises many types on a damaged file; each means: unreadable
        raise ImportRefused(
            f"not a complete TDMS file ({type(error).__name__}: {error})",
            remedy="copy it again from the instrument",
        ) from error
    channels = [(*names, np.asarray(data)) for *names, data in channels]
    channels = [entry for entry in channels if entry[4].size and entry[4].dtype.kind in "iuf"]
    if not channels:
        raise ImportRefused("there is no channel with numbers", remedy="save voltage and current channels")
    if not known:
        check_groups([f"{group}/{name}" for group, name, *_ in channels])
    longest = max(data.size for *_, data in channels)
    header = [f"{name} ({unit})" if unit else name for _, name, unit, *_ in channels]
    header, notes, stated = with_units_of(header, lines)
    return Table(
        header=header,
        columns=[
            np.pad(data.astype(float), (0, longest - data.size), constant_values=np.nan)
            for *_, data in channels
        ],
        rows=np.arange(1, longest + 1),
        notes=(*notes, *(f"npTDMS: {line}" for line in dict.fromkeys(said))),
        stated=stated,
        extra={"labview": facts} if facts else {},
        aliases=tuple(f"{group}/{name}" for group, name, *_ in channels),
        steps_s=tuple(step if isinstance(step, float) and step > 0 else None for *_, step, _ in channels),
    )


def _unit_of_channel(properties: Mapping) -> str:
    """The unit that a channel's properties state, or that its counts are not scaled to one; '' where neither.

    A scale that npTDMS does not know leaves counts of the converter.
    """
    scales = [str(value) for key, value in properties.items() if SCALE_TYPE.fullmatch(str(key))]
    unknown = [scale for scale in scales if scale not in SCALES]
    if unknown and properties.get("NI_Scaling_Status", "unscaled") != "scaled":
        return f"counts, not scaled: scale type {unknown[0]} is unknown"
    return unit_in(properties)


@contextmanager
def _told(said: list[str]) -> Iterator[None]:
    """Collect what npTDMS would print to the terminal."""
    from nptdms.log import log_manager

    def collect(record) -> bool:
        said.append(record.getMessage()[:200])
        return False

    log_manager.console_handler.addFilter(collect)
    try:
        yield
    finally:
        log_manager.console_handler.removeFilter(collect)
