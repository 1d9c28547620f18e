"""The canonical measurement: one device, its cyclic sweeps and its conditions.

On disk it is one Parquet file that describes itself: rows (cycle, point,
voltage [V], current [A]) and one JSON object in the file metadata. A file
that could not be imported is kept as a measurement without rows whose
metadata say `status: refused` and why, so that it reaches the usability
table as a row with a reason.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path

import numpy as np
import pyarrow as pa

from codesign.files import remedy_for, trouble_with
from codesign.iv.names import is_device_id
from codesign.schemas.conditions import CONDITION_COLUMNS
from codesign.schemas.measurement import SWEEPS
from codesign.tables import TableError, metadata_of, read_table, write_table
from codesign.terminal import one_line
from codesign.variables import NAME

ORIGINS = ("measured", "virtual")
KINDS = ("sweep", "pulse")
STATUSES = ("ok", "refused")
POLARITIES = ("", "positive", "negative")
TEXTS = ("contact", "measured_at", "instrument", "source_file", "source_sha256")
"""Facts that are text, '' where nobody knows."""
LONGEST_TEXT = 500
"""Signs of a fact."""
LONGEST_REASON = 2000
GET_IT_AGAIN = (
    "copy it again from where it was measured, or remove it and put its instrument file into data/raw"
)
MOST_SAMPLES = 50_000_000
"""Cycles times points."""
SPARSEST = 100
"""Largest number of a point, as a multiple of the points in its cycle.

A grid has a place for every number: a single large one would fill the memory.
"""


class MeasurementError(ValueError):
    """A measurement file cannot be used; the message names file, place and remedy."""


def tidy(text: str) -> str:
    """A reason or note without control characters, and without its middle where it is very long.

    Its end is the remedy. What the text quotes of a file can be anything.
    """
    said = one_line(text)
    if len(said) > LONGEST_REASON:
        return f"{said[: LONGEST_REASON // 2]} ... {said[-LONGEST_REASON // 2 :]}"
    return said


@dataclass(frozen=True)
class Metadata:
    """What a measurement says about itself; `None` or '' where nobody knows."""

    device: str
    """Device id: lower-case slug, unique in a laboratory."""
    origin: str = "measured"
    """`measured` or `virtual`; the two never mix."""
    kind: str = "sweep"
    """`sweep` (I-V cycles) or `pulse` (conductance against pulse number)."""
    status: str = "ok"
    """`ok` or `refused`."""
    reason: str = ""
    """Why the file was refused, with the remedy; empty where status is `ok`."""
    notes: tuple[str, ...] = ()
    """What the importer did that a reader should know: units converted, cells missing."""
    perovskite: str | None = None
    length_um: float | None = None
    """Nanowire length [um]."""
    diameter_nm: float | None = None
    """Nanowire diameter [nm]."""
    pb_min: float | None = None
    """Pb electrodeposition time [min]."""
    ag_nm: float | None = None
    """Ag electrode thickness [nm]."""
    conditions: Mapping[str, str | float] = field(default_factory=dict)
    """Fabrication conditions of other names, texts and numbers, e.g. oxide HfO2; a search may use them."""
    compliance_a: float | None = None
    """Compliance current as stated [A]."""
    polarity: str = ""
    """Sign of the voltage that raises the conductance, `positive` or `negative`; '' is taken as positive."""
    contact: str = ""
    measured_at: str = ""
    """ISO 8601."""
    instrument: str = ""
    source_file: str = ""
    """Name (no folder) of the instrument file."""
    source_sha256: str = ""
    branch_points: int | None = None
    """Pulse series only: points that belong to potentiation, the charging branch."""
    extra: Mapping[str, object] = field(default_factory=dict)
    """Anything else the laboratory noted, JSON-serialisable."""

    def __post_init__(self) -> None:
        problems = []
        if not is_device_id(self.device):
            problems.append(f"device {str(self.device)[:80]!r} is no device id")
        for name, allowed in (
            ("origin", ORIGINS), ("kind", KINDS), ("status", STATUSES), ("polarity", POLARITIES),
        ):  # fmt: skip
            if getattr(self, name) not in allowed:
                problems.append(f"{name} {getattr(self, name)!r:.80} is not one of {', '.join(allowed)}")
        for name in TEXTS if self.perovskite is None else ("perovskite", *TEXTS):
            value = getattr(self, name)
            if not isinstance(value, str):
                problems.append(f"{name} {value!r:.80} is not text")
            elif not value.isprintable():
                problems.append(f"{name} {value!r:.80} holds a line break or control sign")
            elif len(value) > LONGEST_TEXT:
                problems.append(f"{name} has {len(value)} signs, more than {LONGEST_TEXT}")
        if not isinstance(self.reason, str) or (isinstance(self.notes, str) or not _texts(self.notes)):
            problems.append("reason is text and notes are a list of texts")
        problems += [] if self.conditions == {} else condition_problems(self.conditions)
        if not isinstance(self.extra, Mapping):
            problems.append("extra is no object of keys")
        points = self.branch_points
        if points is not None and (type(points) is not int or not 0 < points < 2**31):
            problems.append(f"branch_points {points!r:.80} is not a positive whole number")
        if (self.status == "refused") != bool(self.reason):
            problems.append("a refused measurement has a reason, any other has none")
        for name in ("length_um", "diameter_nm", "pb_min", "ag_nm", "compliance_a"):
            value = getattr(self, name)
            if value is None:
                continue
            if isinstance(value, bool) or not isinstance(value, int | float):
                problems.append(f"{name} {value!r:.80} is not a number")
            elif not 0 <= value < 1e300 or (value == 0 and name != "pb_min"):
                problems.append(f"{name} {value!r:.80} is not a positive finite number")
        if problems:
            raise MeasurementError("; ".join(problems))
        object.__setattr__(self, "notes", tuple(tidy(note) for note in self.notes))
        object.__setattr__(self, "reason", tidy(self.reason))

    @classmethod
    def from_json(cls, stored: Mapping) -> "Metadata":
        """Rebuild from the stored object.

        Raises:
            MeasurementError: A key is unknown or `device` is missing.
        """
        known = {f.name for f in fields(cls)}
        unknown = sorted(set(stored) - known)
        if unknown:
            raise MeasurementError(
                f"metadata keys {str(unknown)[:200]} are unknown; other facts go under 'extra'"
            )
        if "device" not in stored:
            raise MeasurementError("metadata have no 'device'")
        return cls(**stored)

    def to_json(self) -> dict:
        """A plain object for the file's metadata."""
        stored = asdict(self)
        stored["notes"] = list(self.notes)
        if not stored["conditions"]:
            del stored["conditions"]  # a file says what its laboratory has, as files of older versions do
        return stored


@dataclass(frozen=True)
class Measurement:
    """One device's sweeps.

    The four arrays have one entry a sample, ordered by (cycle, point); the
    same shape (n_samples,). Currents may be NaN (not recorded), voltages not.
    """

    metadata: Metadata
    cycle: np.ndarray
    point: np.ndarray
    voltage: np.ndarray
    """Volts."""
    current: np.ndarray
    """Amperes."""

    def __post_init__(self) -> None:
        for name, dtype in (("cycle", np.int32), ("point", np.int32), ("voltage", float), ("current", float)):
            object.__setattr__(self, name, np.ascontiguousarray(getattr(self, name), dtype=dtype))
        sizes = {self.cycle.shape, self.point.shape, self.voltage.shape, self.current.shape}
        if len(sizes) != 1 or self.cycle.ndim != 1:
            raise MeasurementError(f"arrays differ in length: {sorted(sizes)}")
        if self.metadata.status == "ok":
            if self.cycle.size == 0:
                raise MeasurementError("the measurement has no rows")
            if not np.all(np.isfinite(self.voltage)):
                raise MeasurementError("a voltage is not finite")
            if np.any(np.isinf(self.current)):
                raise MeasurementError("a current is infinite")
            key = self.cycle.astype(np.int64) << 32 | self.point.astype(np.int64)
            if np.any(np.diff(key) <= 0):
                raise MeasurementError("rows are not ordered by (cycle, point), or one occurs twice")
            if self.point.min() < 0:
                raise MeasurementError(f"point {self.point.min()} is negative; points count from 0")
            cells = np.unique(self.cycle).size * (int(self.point.max()) + 1)
            if cells > min(MOST_SAMPLES, SPARSEST * self.cycle.size):
                raise MeasurementError(
                    f"points are numbered up to {self.point.max()}, but there are {self.cycle.size} rows; "
                    "number them 0, 1, 2, ... in each cycle"
                )

    @classmethod
    def from_grid(cls, metadata: Metadata, *, cycles, voltage, current) -> "Measurement":
        """From one voltage column and a current column a cycle.

        Args:
            metadata: What the file says about itself.
            cycles: Cycle numbers, shape (n_cycles,), ascending.
            voltage: Volts, shape (n_points,).
            current: Amperes, shape (n_cycles, n_points).
        """
        cycles = np.asarray(cycles, dtype=np.int32)
        voltage = np.asarray(voltage, dtype=float)
        current = np.asarray(current, dtype=float)
        if current.shape != (cycles.size, voltage.size):
            raise MeasurementError(f"current is {current.shape}, expected {(cycles.size, voltage.size)}")
        return cls(
            metadata=metadata,
            cycle=np.repeat(cycles, voltage.size),
            point=np.tile(np.arange(voltage.size, dtype=np.int32), cycles.size),
            voltage=np.tile(voltage, cycles.size),
            current=current.ravel(),
        )

    @classmethod
    def refused(cls, metadata: Metadata, reason: str) -> "Measurement":
        """A measurement without rows that carries why its file was refused."""
        empty = np.empty(0)
        return cls(replace(metadata, status="refused", reason=reason), empty, empty, empty, empty)

    def grid(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Cycle numbers (n_cycles,), voltage [V] and current [A], both (n_cycles, n_points).

        Points a cycle does not have are NaN in both.
        """
        cycles, row = np.unique(self.cycle, return_inverse=True)
        points = int(self.point.max()) + 1 if self.point.size else 0
        if self.cycle.size == cycles.size * points:
            shape = (cycles.size, points)  # every cycle complete: rows are already in order
            return cycles, self.voltage.reshape(shape), self.current.reshape(shape)
        voltage = np.full((cycles.size, points), np.nan)
        current = np.full((cycles.size, points), np.nan)
        voltage[row, self.point] = self.voltage
        current[row, self.point] = self.current
        return cycles, voltage, current


def condition_problems(conditions: object) -> list[str]:
    """What is wrong with conditions of other names than the paper's; empty where nothing is."""
    if not isinstance(conditions, Mapping):
        return ["conditions is no object of keys"]
    problems = []
    for name, value in conditions.items():
        said = f"condition {name!s:.80} {value!r:.80}"
        if not isinstance(name, str) or not NAME.fullmatch(name) or name in CONDITION_COLUMNS:
            problems.append(f"condition {name!r:.80}: a name has a-z, 0-9 and _, a letter first")
        elif isinstance(value, str):
            if not value.isprintable() or not 0 < len(value) <= LONGEST_TEXT:
                problems.append(f"{said} is no text of 1 to {LONGEST_TEXT} printable signs")
        elif isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < 1e300:
            problems.append(f"{said} is neither text nor a finite number")
    return problems


def _texts(values) -> bool:
    """Whether these are a list of texts."""
    return isinstance(values, Sequence) and all(isinstance(value, str) for value in values)


def write_measurement(measurement: Measurement, path: Path | str) -> None:
    """Write the canonical file: replaced only when the new one is complete and on the disk."""
    table = pa.table(
        {
            "cycle": measurement.cycle,
            "point": measurement.point,
            "voltage": measurement.voltage,
            "current": measurement.current,
        },
        schema=SWEEPS,
    )
    write_table(table, path, schema=SWEEPS, metadata=measurement.metadata.to_json(), durable=True)


def read_measurement(path: Path | str) -> Measurement:
    """Read the canonical file and check it.

    Raises:
        MeasurementError: Truncated or foreign Parquet, wrong columns, no metadata,
            or values that no measurement has. The message names the file and the remedy.
    """
    path = Path(path)
    if trouble := trouble_with(path):
        raise MeasurementError(f"{path}: {trouble}; {remedy_for(trouble)}")
    try:
        table = read_table(path, schema=SWEEPS, remedy=GET_IT_AGAIN)
        stored = metadata_of(table, path, remedy=GET_IT_AGAIN)
        if not stored:
            raise MeasurementError(
                "the file has no metadata under the key 'codesign'; write it with "
                "codesign.iv.measurement.write_measurement, or put the instrument file into data/raw"
            )
        metadata = Metadata.from_json(stored)
        if metadata.device != path.stem:
            raise MeasurementError(
                f"the metadata name device {metadata.device!r}; rename the file to {metadata.device}.parquet"
            )
        for name in ("cycle", "point", "voltage"):
            if table[name].null_count:
                raise MeasurementError(f"column {name} has {table[name].null_count} empty cells")
        if table["current"].null_count:
            current = table["current"].fill_null(float("nan"))
            table = table.set_column(table.column_names.index("current"), "current", current)
        # DLPack, because to_numpy imports pandas: a quarter of a second in every job
        columns = {name: np.from_dlpack(table[name].combine_chunks()) for name in SWEEPS.names}
        return Measurement(metadata=metadata, **columns)
    except TableError as error:
        raise MeasurementError(str(error)) from error
    except MeasurementError as error:
        raise MeasurementError(f"{path}: {error}") from error
