"""What the test library remembers: what the pins last did, and the worst they ever did."""

import ctypes
from pathlib import Path

import numpy as np

from codesign.crossbar.wiring import Wiring

EVENTS, EVENT_LENGTH = 32, 96


def layout(rows: int, columns: int) -> type[ctypes.Structure]:
    """`struct record` of device.c."""
    counts = ("magic", "open", "plugged", "board_powered", "rows_connected", "columns_connected")

    class Layout(ctypes.Structure):
        _fields_ = (
            *((name, ctypes.c_uint32) for name in (*counts, "lines", "driven_lines")),
            ("volts", ctypes.c_double * 2),
            ("peak_volts", ctypes.c_double * 2),
            *(
                (name, ctypes.c_double)
                for name in ("peak_read_cell_v", "peak_pulse_cell_v", "peak_half_selected_v")
            ),
            *((name, ctypes.c_int64) for name in ("calls", "reads", "pulses", "failed_calls", "events")),
            ("conductance", ctypes.c_double * columns * rows),
            ("event", ctypes.c_char * EVENT_LENGTH * EVENTS),
        )

    return Layout


class Record:
    """One reading of the file a run left behind."""

    def __init__(self, path: Path, wiring: Wiring) -> None:
        kind = layout(*wiring.shape)
        self._raw = kind.from_buffer_copy(path.read_bytes())

    def __getattr__(self, name: str):
        return getattr(self._raw, name)

    @property
    def volts(self) -> tuple[float, ...]:
        """W1 and W2."""
        return tuple(self._raw.volts)

    @property
    def peak_volts(self) -> tuple[float, ...]:
        return tuple(self._raw.peak_volts)

    @property
    def conductance(self) -> np.ndarray:
        return np.array([list(row) for row in self._raw.conductance])

    @property
    def events(self) -> list[str]:
        """The last things that happened to the pins, oldest first."""
        number = self._raw.events
        return [self._raw.event[k % EVENTS].value.decode() for k in range(max(0, number - EVENTS), number)]

    @property
    def safe(self) -> bool:
        """Outputs at 0 V, and no line of the array connected to anything."""
        return self.volts == (0.0, 0.0) and self.rows_connected == 0 and self.columns_connected == 0
