"""A crossbar on an Analog Discovery 2, through dwfpy and the WaveForms runtime.

The instrument has two analog outputs and two analog inputs. One row at a time is on the drive output and
every other line at 0 V; one column of each bank at a time is on its transimpedance stage. The currents of a
column add over the rows (superposition: exact for cells that are ohmic at read voltages). In a pulse the
bias output holds every line that is not selected at half the pulse's voltage.

Between calls nothing is driven: outputs at 0 V, multiplexers off. A pulse is timed by the instrument, so it
ends by itself even where the computer does not live to see it.
"""

import logging
import math
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import zip_longest
from types import SimpleNamespace

import numpy as np

from codesign.crossbar.driver import (
    MEASURED,
    SIMULATED,
    CrossbarDriver,
    CrossbarError,
    InstrumentAbsentError,
    InstrumentLostError,
    LimitError,
    OverRangeError,
)
from codesign.crossbar.link import Link
from codesign.crossbar.safety import checked_columns, checked_pulse, checked_voltages
from codesign.crossbar.wiring import Bank, Wiring

OPENING_S = 20.0
"""Longest wait for the instrument to open; loading its logic takes a second or two."""
POWERING_S = 0.1
"""From switching the supplies on to a board that works."""
FULL_SCALE = 0.98
"""Share of the input range from which a sample counts as over-range."""
ZERO_READS = 8
"""Readings at 0 V averaged into a column's zero."""
PULSE_SAMPLES = 16
"""Equal samples that make up the level of a pulse."""

log = logging.getLogger(__name__)


class Discovery2(CrossbarDriver):
    """The array wired to one Analog Discovery 2 as `wiring` says."""

    evidence = MEASURED

    def __init__(self, wiring: Wiring) -> None:
        self.wiring = wiring
        self.rows, self.columns = wiring.shape
        self.limits = wiring.limits
        self.identity = {}
        self.zero_a = np.zeros(self.columns)
        """Current each column reads at 0 V, taken off every reading; measured when opened [A]."""
        self._voltages = np.zeros(self.rows)
        self._device = None
        self._link: Link | None = None
        self._known_lost = False

    # -- connection

    def open(self) -> None:
        """Connect; outputs at 0 V, multiplexers off, board powered, zero of every column measured.

        Raises:
            InstrumentAbsentError: dwfpy or the WaveForms runtime is not installed, or no instrument, or
                not the one in the wiring, is plugged in or free.
            InstrumentLostError, InstrumentTimeoutError: It stopped answering on the way.
        """
        if self._device is not None:
            raise CrossbarError("the instrument is open already")
        dwf = _dwfpy()
        self._link = Link(timeout_s=self.wiring.instrument.timeout_s)
        self._known_lost = False
        self._voltages = np.zeros(self.rows)
        self._device = dwf.AnalogDiscovery2(
            serial_number=self.wiring.instrument.serial, device_type=int(dwf.DeviceType.USB)
        )
        dwf.bindings.set_error_handler(_refuse_failure)
        try:
            self._link.call("opening the instrument", self._device.open, timeout_s=OPENING_S)
        except (FileNotFoundError, dwf.WaveformsError, SystemError) as error:
            raise InstrumentAbsentError(_why_absent(error, self.wiring.instrument.serial)) from error
        with self._ending_safe():
            self._identify(dwf)
            self._call(
                "turning off automatic configuration", lambda: setattr(self._device, "auto_configure", 0)
            )
            self._call(
                "asking for shutdown on close",
                lambda: self._device.set_parameter(dwf.GlobalParameter.ON_CLOSE, 2),
            )
            self._call("preparing the outputs", self._prepare_outputs)
            self._hold(0.0)
            self._call("preparing the digital lines", self._prepare_lines)
            self._switch(self.wiring.off)
            self._call("powering the board", self._power)
            self._call("preparing the inputs", self._prepare_inputs)
            time.sleep(POWERING_S)
            self.zero_a = np.zeros(self.columns)
            nothing, every = np.zeros(self.rows), range(self.columns)
            self.zero_a = np.mean([self._read(nothing, every) for _ in range(ZERO_READS)], axis=0)

    def close(self) -> None:
        """Reset the instrument (its supplies go off with it) and let go of it. Does not raise."""
        device, link = self._device, self._link
        self._device = self._link = None
        if link is not None:
            limit = min(1.0, link.timeout_s) if link.stuck or self._known_lost else link.timeout_s
            for reset in (True, False):  # an instrument that cannot be reset is still closed
                try:
                    device.auto_reset = reset
                    link.call("closing the instrument", device.close, timeout_s=limit)
                    break
                except Exception as error:
                    log.warning("closing the instrument%s: %s", "" if reset else " without reset", error)
            link.close()

    def _identify(self, dwf) -> None:
        device = self._device
        kind, name, serial, revision = self._call(
            "asking who answers", lambda: (device.id, device.name, device.serial_number, device.revision)
        )
        if kind != dwf.DeviceId.ANALOG_DISCOVERY2:
            raise InstrumentAbsentError(
                f"{name} ({serial}) answers; the driver is for an Analog Discovery 2."
            )
        version = self._call("asking for the runtime's version", device.application.get_version)
        simulated = any(word in name.lower() for word in ("demo", "simulat"))
        self.evidence = SIMULATED if simulated else MEASURED
        self.identity = {
            "instrument": name,
            "serial": serial,
            "revision": revision,
            "runtime": f"WaveForms {version}",
            "wiring_sha256": self.wiring.digest,
        }

    # -- what a crossbar answers to

    def set_voltages(self, rows: np.ndarray) -> None:
        """Keep the voltages of the rows, shape (rows,) [V]; they are output while currents are read.

        Raises:
            LimitError: A voltage beyond limits.read_voltage_v, or not finite.
            ValueError: Not one voltage a row.
        """
        self._voltages = checked_voltages(rows, rows=self.rows, limits=self.limits)

    def read_currents(self, columns: Sequence[int] | None = None) -> np.ndarray:
        """Currents into the columns, shape (len(columns),) [A]: one row after the other, summed.

        The current limit is held against each reading, which is what one row drives through one column.
        """
        wanted = checked_columns(columns, columns=self.columns)
        self._need_open()
        with self._ending_safe():
            return self._read(self._voltages, wanted)

    def pulse(self, row: int, column: int, volts: float, seconds: float) -> None:
        """One pulse of `volts` across one cell; the other rows and columns are at half of it.

        Columns of the other bank are at half, too; selected columns are on ground, not on their stages.

        Raises:
            LimitError: volts or seconds beyond the limits, or not finite.
            ValueError: No such cell.
        """
        checked_pulse(row, column, volts, seconds, rows=self.rows, columns=self.columns, limits=self.limits)
        self._need_open()
        with self._ending_safe():
            self._call("setting up the pulse", lambda: self._shape_pulse(volts, seconds))
            self._switch(self.wiring.word(row=row, columns=[column], grounded=True))
            time.sleep(self.wiring.settling_s)
            drive = self._output(self.wiring.drive_output)
            self._call("starting the pulse", lambda: drive.configure(start=True))
            done = _dwfpy().Status.DONE
            self._until(
                "the pulse", lambda: drive.read_status() == done, seconds + self.wiring.instrument.timeout_s
            )
            self._rest()

    def safe_state(self) -> None:
        """Outputs at 0 V, then every multiplexer off. Tries each step even where another fails.

        Raises:
            InstrumentLostError: A step failed, and nobody knows yet that the instrument is lost.
        """
        if self._device is None or self._device.handle is None:
            return
        known = self._known_lost
        said = self._made_safe()
        if self._known_lost and not known:
            raise InstrumentLostError(said)
        if self._known_lost:
            log.warning(said)

    # -- reading

    def _read(self, voltages: np.ndarray, wanted: Sequence[int]) -> np.ndarray:
        """(rows,) [V] -> (len(wanted),) [A]; a row at 0 V adds nothing and is not driven."""
        currents = dict.fromkeys(wanted, 0.0)
        driven = [int(row) for row in np.flatnonzero(voltages)] or [None]
        groups = self._groups(wanted)
        for row in driven:
            volts = 0.0 if row is None else float(voltages[row])
            for number, group in enumerate(groups):
                self._switch(self.wiring.word(row=row, columns=group, grounded=False))
                if number == 0:
                    self._hold(volts)
                time.sleep(self.wiring.settling_s)
                for column, amperes in self._sample(group, row=row, volts=volts).items():
                    currents[column] += amperes - self.zero_a[column]
        self._rest()
        return np.array([currents[column] for column in wanted])

    def _groups(self, wanted: Sequence[int]) -> list[list[int]]:
        """Columns that are read at once: one of each bank."""
        asked = set(wanted)
        banks = [[column for column in bank.lines if column in asked] for bank in self.wiring.columns]
        return [[c for c in group if c is not None] for group in zip_longest(*banks)]

    def _sample(self, group: Sequence[int], *, row: int | None, volts: float) -> dict[int, float]:
        """Current of each column of the group [A]."""
        settings, inputs = self.wiring.instrument, self._device.analog_input
        done = _dwfpy().Status.DONE
        self._call("starting to sample", lambda: inputs.configure(start=True))
        time.sleep(settings.samples / settings.sample_rate_hz)
        self._until("sampling", lambda: inputs.read_status(read_data=True) == done, settings.timeout_s)
        banks = [self._bank(column) for column in group]
        sampled = self._call(
            "fetching samples",
            lambda: [inputs[bank.input - 1].get_data(0, settings.samples) for bank in banks],
        )
        found = {}
        for column, bank, data in zip(group, banks, sampled, strict=True):
            highest = data[np.argmax(np.abs(data))]
            place = f"column {column} (input {bank.input}) with row {row} at {volts:g} V"
            if not abs(highest) < FULL_SCALE * settings.input_range_v / 2:
                raise OverRangeError(
                    f"{place} stands at {highest:.3g} V, the end of the input's range of "
                    f"+-{settings.input_range_v / 2:g} V, which {bank.transimpedance_ohm:g} Ohm turns into "
                    f"{abs(bank.amperes(settings.input_range_v / 2)):.2g} A: lower the read voltage or the "
                    "transimpedance, or look for a shorted cell."
                )
            found[column] = bank.amperes(float(np.mean(data)))
            if not abs(found[column]) <= self.limits.current_a:
                raise LimitError(
                    f"{place} carries {found[column]:.3g} A, the limit is {self.limits.current_a:g} A: "
                    "lower the read voltage or look for a shorted cell."
                )
        return found

    def _bank(self, column: int) -> Bank:
        return next(bank for bank in self.wiring.columns if column in bank.lines)

    # -- the instrument's parts; what sets up only takes effect when configured

    def _output(self, number: int):
        return self._device.analog_output[number - 1]

    def _prepare_outputs(self) -> None:
        dwf = _dwfpy()
        drive, bias = self._output(self.wiring.drive_output), self._output(self.wiring.bias_output)
        for output in (drive, bias):
            output.idle = dwf.AnalogOutputIdle.OFFSET  # after a pulse: its offset, 0 V
            output.nodes[0].enabled = True
            output.master = drive.index  # both start with the drive output, at the same instant
        self._shape_hold(bias, 0.0)
        bias.configure(start=False)

    def _shape_hold(self, output, volts: float) -> None:
        dwf = _dwfpy()
        output.nodes[0].function = dwf.Function.DC
        output.nodes[0].offset = volts
        output.run_length = 0.0  # without end
        output.repeat_count = 0

    def _shape_pulse(self, volts: float, seconds: float) -> None:
        dwf = _dwfpy()
        shares = ((self.wiring.bias_output, 0.5), (self.wiring.drive_output, 1.0))
        for number, share in shares:
            output = self._output(number)
            node = output.nodes[0]
            node.function = dwf.Function.CUSTOM
            node.frequency = 1 / seconds
            node.offset = 0.0
            node.amplitude = abs(volts) * share
            node.set_data_samples([math.copysign(1.0, volts)] * PULSE_SAMPLES)
            output.run_length = seconds
            output.repeat_count = 1
        self._output(self.wiring.bias_output).configure(start=False)

    def _hold(self, volts: float) -> None:
        """`volts` on the drive output, 0 V on the bias output."""
        drive = self._output(self.wiring.drive_output)

        def setup() -> None:
            self._shape_hold(drive, volts)
            drive.configure(start=True)

        self._call(f"setting W{self.wiring.drive_output} to {volts:g} V", setup)

    def _zero(self) -> None:
        """Both outputs at 0 V, whatever they were doing."""
        drive, bias = self._output(self.wiring.drive_output), self._output(self.wiring.bias_output)
        self._shape_hold(drive, 0.0)
        self._shape_hold(bias, 0.0)
        bias.configure(start=False)
        drive.configure(start=True)

    def _prepare_lines(self) -> None:
        lines = self._device.digital_io
        lines.output_state = self.wiring.off  # before they drive anything
        lines.output_enable = self.wiring.digital_mask

    def _switch(self, word: int) -> None:
        lines = self._device.digital_io

        def setup() -> None:
            lines.output_state = word
            lines.configure()

        self._call("switching the multiplexers", setup)

    def _power(self) -> None:
        volts = self.wiring.instrument.supply_v
        if volts is None:
            return
        supplies = self._device.supplies
        supplies.positive.setup(voltage=volts)
        supplies.negative.setup(voltage=-volts)
        supplies.master_enable = True
        self._device.analog_io.configure()

    def _prepare_inputs(self) -> None:
        dwf = _dwfpy()
        settings, inputs = self.wiring.instrument, self._device.analog_input
        used = {bank.input for bank in self.wiring.columns}
        for channel in inputs.channels:
            channel.enabled = channel.index + 1 in used
            if channel.enabled:
                channel.range = settings.input_range_v
                channel.offset = 0.0
                channel.filter = dwf.FilterMode.AVERAGE
        inputs.acquisition_mode = dwf.AcquisitionMode.SINGLE
        inputs.trigger.source = dwf.TriggerSource.NONE
        inputs.frequency = settings.sample_rate_hz
        inputs.buffer_size = settings.samples
        inputs.configure(reconfigure=True)
        if inputs.buffer_size != settings.samples:
            raise CrossbarError(
                f"the instrument takes {inputs.buffer_size} samples at once, not {settings.samples}"
            )

    # -- calls, errors, safety

    def _call(self, what: str, function: Callable):
        try:
            return self._link.call(what, function)
        except CrossbarError:
            raise
        except Exception as error:
            raise InstrumentLostError(
                f"{what}: the instrument does not answer as it should ({error or type(error).__name__}). "
                "See to the USB cable and hub, then start again."
            ) from error

    def _until(self, what: str, done: Callable[[], bool], timeout_s: float) -> None:
        def asked() -> bool:
            try:
                return done()
            except Exception as error:
                raise InstrumentLostError(
                    f"{what}: the instrument does not answer as it should ({error or type(error).__name__}). "
                    "See to the USB cable and hub, then start again."
                ) from error

        self._link.until(what, asked, timeout_s=timeout_s)

    def _rest(self) -> None:
        """What stands between calls: outputs at 0 V, multiplexers off."""
        self._call("setting the outputs to 0 V", self._zero)
        self._switch(self.wiring.off)

    @contextmanager
    def _ending_safe(self) -> Iterator[None]:
        """Whatever goes wrong inside ends in the safe state, and the message says whether it was reached."""
        try:
            yield
        except CrossbarError as error:
            raise type(error)(f"{error} {self._made_safe()}") from error
        except BaseException as error:
            log.warning("%s: %s", type(error).__name__, self._made_safe())
            raise

    def _made_safe(self) -> str:
        """Bring about the safe state, within the timeout of one call; what was reached, in words."""
        limit = self._link.timeout_s
        end = time.monotonic() + (min(0.5, limit) if self._link.stuck else limit)
        lines = self._device.digital_io
        steps = (
            ("outputs at 0 V", self._zero),
            ("multiplexers off", lambda: setattr(lines, "output_state", self.wiring.off)),
            ("multiplexers off", lines.configure),
        )
        if self._link.stuck:  # another thread now, and this one too should it ever come back
            for _, step in steps:
                self._link.later(step)
            self._link.close()
            self._link = Link(timeout_s=limit)
        problems, interrupted = [], None
        for what, step in steps:
            for _ in range(2):  # once more where Ctrl-C comes in between
                try:
                    self._link.call(what, step, timeout_s=max(end - time.monotonic(), 0.05))
                except Exception as error:
                    problems.append(f"{what}: {error or type(error).__name__}")
                except BaseException as error:
                    interrupted = error
                    continue
                break
        if problems:
            self._known_lost = True
            said = (
                f"The safe state could NOT be confirmed ({'; '.join(problems)}): "
                "pull the USB plug and switch off the board before touching anything."
            )
        else:
            said = "Outputs are at 0 V and multiplexers off."
        if interrupted is not None:
            log.warning(said)
            raise interrupted
        return said

    def _need_open(self) -> None:
        if self._device is None:
            raise CrossbarError("the instrument is not open; use the driver in a `with` block")


def _dwfpy() -> SimpleNamespace:
    """dwfpy and its bindings; importing it loads the WaveForms runtime."""
    try:
        import dwfpy
        import dwfpy.bindings
    except ImportError as error:
        raise InstrumentAbsentError(
            f"the Python package dwfpy cannot be used ({error}): pip install dwfpy -c envs/constraints.txt"
        ) from error
    except AttributeError as error:
        raise InstrumentAbsentError(
            f"the WaveForms runtime found does not offer what dwfpy needs ({error}): "
            "install a current WaveForms from Digilent and keep other libdwf.so off LD_LIBRARY_PATH."
        ) from error
    return dwfpy


def _refuse_failure(result: int, function, arguments):
    """dwfpy's own handler lets a failed call pass where the runtime gives no reason; this one does not."""
    if not result:
        from dwfpy import Application, WaveformsError

        if function.name in ("FDwfGetLastError", "FDwfGetLastErrorMsg"):
            raise WaveformsError("the runtime reports a failure and gives no reason")
        number = Application.get_last_error()
        said = Application.get_last_error_message() or "the runtime gives no reason"
        raise WaveformsError(f"{function.name}: {said}", number)
    return arguments


def _why_absent(error: Exception, serial: str | None) -> str:
    wanted = f"an Analog Discovery 2 with serial {serial}" if serial else "an Analog Discovery 2"
    if isinstance(error, FileNotFoundError):
        return (
            f"the WaveForms runtime is not installed ({error}): install WaveForms and the Adept runtime from "
            "Digilent; `ldconfig -p | grep libdwf` must then name libdwf.so."
        )
    if "in use" in str(error) or "opened" in str(error).lower():
        return f"{wanted} is plugged in but another program has it: close WaveForms and other scripts."
    return (
        f"{wanted} does not answer ({error or type(error).__name__}): plug it in over USB and see whether "
        "the WaveForms program finds it; with several plugged in, instrument.serial in the wiring names one."
    )
