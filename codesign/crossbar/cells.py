"""Memristor cells that answer pulses as a measured or virtual device did.

A cell's state is its position on the operative window of a device profile: where on
the measured branch it stands. Its conductance is what the device's mean curve has there,
times exp(sigma z):

* a pulse above the threshold moves the position, forwards where it is positive and
  backwards where it is negative, and no further than the ends of the window. One nominal
  pulse moves it by `points_per_pulse`; a longer one in proportion to its duration, a higher
  one in proportion to its voltage beyond the threshold. Where the measured curve falls
  (eta < 1, or a tolerated drop), a positive pulse lowers the conductance, as it did
  in the device;
* z is the deviation of this passage from the mean one, standard normal. It is forgotten
  along the branch as the device's own spread is: after d points exp(-d / l) of it is left, with
  l half of the integrated autocorrelation length (both sides) of the sweeps. So a cell that is
  pulsed without looking ends with the log-normal spread sigma of the device
  (Eq. 7 of arXiv 2412.02779), and one that is read after each pulse can do better.

What sweeps do not tell is a setting: how fast a pulse moves a cell, that backward
pulses retrace the branch, read noise, stuck cells and drift. Conductance relaxes with the time t
since the last pulse as (1 + t / t0)^-nu, the power law of resistive memories.
"""

import math
from dataclasses import dataclass

import numpy as np

from codesign.nonideality.profile import DeviceProfile


@dataclass(frozen=True)
class CellSettings:
    """What a device profile does not say about its cells."""

    threshold_v: float
    """Voltage across a cell up to which nothing moves [V]."""
    pulse_voltage_v: float
    """Voltage of the nominal pulse, either sign, above the threshold [V]."""
    pulse_seconds: float
    """Duration of the nominal pulse [s]."""
    points_per_pulse: float
    """Points of the branch that one nominal pulse moves a cell by."""
    correlation_points: float
    """Length over which the spread along the branch is forgotten by a factor e, in points."""
    read_noise: float
    """Relative standard deviation of a cell's conductance from read to read."""
    stuck_low: float
    """Share of cells stuck at g_min, whatever is done to them."""
    stuck_high: float
    """Share of cells stuck at g_max."""
    drift_exponent: float
    """nu of the drift; 0: none."""
    drift_seconds: float
    """t0 of the drift [s]."""

    def __post_init__(self) -> None:
        for name in ("pulse_seconds", "points_per_pulse", "correlation_points", "drift_seconds"):
            value = getattr(self, name)
            if not (math.isfinite(value) and value > 0):
                raise ValueError(f"{name} must be a finite positive number, got {value!r}")
        for name in ("threshold_v", "read_noise", "drift_exponent"):
            value = getattr(self, name)
            if not (math.isfinite(value) and value >= 0):
                raise ValueError(f"{name} must be finite and >= 0, got {value!r}")
        if not (math.isfinite(self.pulse_voltage_v) and self.pulse_voltage_v > self.threshold_v):
            raise ValueError(
                f"pulse_voltage_v must be above threshold_v {self.threshold_v}, got {self.pulse_voltage_v!r}"
            )
        if not (self.stuck_low >= 0 and self.stuck_high >= 0 and self.stuck_low + self.stuck_high <= 1):
            raise ValueError(
                "stuck_low and stuck_high are shares that add up to 1 at most, got "
                f"{self.stuck_low!r} and {self.stuck_high!r}"
            )


class Cells:
    """An array of cells of one device; they start at the beginning of the operative window."""

    def __init__(
        self,
        profile: DeviceProfile,
        settings: CellSettings,
        *,
        rows: int,
        columns: int,
        generator: np.random.Generator,
        g_min_s: float | None = None,
        g_max_s: float | None = None,
    ) -> None:
        """Make the cells, and draw which of them are stuck.

        Args:
            profile: The device: curve, spread and range.
            settings: What it does not say.
            rows: Of the array.
            columns: Of the array.
            generator: Draws stuck cells, the spread and the read noise; nothing else does.
            g_min_s: Least mean conductance; None: the profile's [S].
            g_max_s: Largest mean conductance; None: the profile's [S].

        Raises:
            ValueError: No cells, or a range that is not 0 < g_min < g_max.
        """
        if rows < 1 or columns < 1:
            raise ValueError(f"an array needs rows and columns, got {rows} x {columns}")
        self.g_min_s = profile.g_min_s if g_min_s is None else g_min_s
        self.g_max_s = profile.g_max_s if g_max_s is None else g_max_s
        if self.g_min_s is None or self.g_max_s is None:
            raise ValueError(
                f"profile {profile.profile} has no conductance in siemens: give g_min_s and g_max_s"
            )
        if not 0 < self.g_min_s < self.g_max_s < math.inf:
            raise ValueError(
                f"profile {profile.profile}: need 0 < g_min < g_max, got {self.g_min_s!r} and "
                f"{self.g_max_s!r}; such cells store nothing"
            )
        self.profile, self.settings = profile, settings
        self.shape = rows, columns
        self._generator = generator
        self._position = np.zeros(self.shape)
        self._deviation = generator.standard_normal(self.shape)
        self._rest = np.zeros(self.shape)
        lot = generator.random(self.shape)
        self.stuck_low = lot < settings.stuck_low
        self.stuck_high = ~self.stuck_low & (lot < settings.stuck_low + settings.stuck_high)
        self.changes = 0
        """Grows with every pulse that moved a cell."""
        self._left_at = -1, self._position
        """`changes`, and the conductances that the last of them left, before drift."""

    @property
    def position(self) -> np.ndarray:
        """Where on the operative window the cells stand, in points, shape (rows, columns)."""
        return self._position.copy()

    def conductances(self) -> np.ndarray:
        """Of the cells as they stand, without read noise, shape (rows, columns) [S]."""
        if self._left_at[0] != self.changes:
            curve = self.profile.curve
            level = np.interp(self._position, np.arange(curve.size), curve)
            left = self.g_min_s + (self.g_max_s - self.g_min_s) * level
            left *= np.exp(self.profile.sigma * self._deviation)
            self._left_at = self.changes, left
        found = self._left_at[1].copy()
        if self.settings.drift_exponent:
            found *= (1 + self._rest / self.settings.drift_seconds) ** -self.settings.drift_exponent
        found[self.stuck_low] = self.g_min_s
        found[self.stuck_high] = self.g_max_s
        return found

    def pulse(self, voltages_v: np.ndarray, seconds: float) -> None:
        """Voltages across all cells for `seconds`; those above the threshold move.

        Args:
            voltages_v: Shape (rows, columns) [V].
            seconds: Duration, > 0.
        """
        s = self.settings
        over = np.abs(voltages_v) - s.threshold_v
        moving = (over > 0) & ~self.stuck_low & ~self.stuck_high
        self._rest += seconds
        if not moving.any():
            return
        strength = over[moving] / (s.pulse_voltage_v - s.threshold_v) * seconds / s.pulse_seconds
        distance = s.points_per_pulse * strength
        last = self.profile.curve.size - 1
        target = self._position[moving] + np.sign(voltages_v[moving]) * distance
        self._position[moving] = np.clip(target, 0, last)  # the ends of what was measured
        left = np.exp(-distance / s.correlation_points)
        fresh = self._generator.standard_normal(left.shape)
        self._deviation[moving] = left * self._deviation[moving] + np.sqrt(1 - left**2) * fresh
        self._rest[moving] = 0
        self.changes += 1

    def elapse(self, seconds: float) -> None:
        """Time without a pulse."""
        if not seconds >= 0:
            raise ValueError(f"time only goes forwards, got {seconds!r} s")
        self._rest += seconds

    def read_noise(self, voltages_v: np.ndarray, conductances_s: np.ndarray) -> np.ndarray:
        """Noise of one read in the column currents, shape (columns,) [A].

        Every cell's conductance fluctuates independently. Its effect is taken at the
        voltages of the rows: that wires take a part of them changes the noise, not the
        currents, and by no more than that part.
        """
        variance = voltages_v**2 @ conductances_s**2
        return self.settings.read_noise * np.sqrt(variance) * self._generator.standard_normal(variance.shape)
