"""The guard and the dry run: nothing beyond a limit is output, and every failure ends at 0 V.

What fails are real calls of the simulated crossbar, made to fail from outside.
"""

import os
import select
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codesign.crossbar.driver import CrossbarError, InstrumentLostError, LimitError
from codesign.crossbar.programming import write_verify
from codesign.crossbar.safety import DryRun, Guarded
from codesign.crossbar.simulated import SimulatedCrossbar
from tests.signals import heed_signals

REPOSITORY = Path(__file__).parents[3]
VOLTS = np.array([0.1, -0.05, 0.2, 0.0])
CALLS = {
    "set_voltages": lambda d: d.set_voltages(VOLTS),
    "read_currents": lambda d: d.read_currents(),
    "pulse": lambda d: d.pulse(1, 2, 2.0, 1e-3),
}
ERRORS = [KeyboardInterrupt(), SystemExit(1), RuntimeError("broken"), MemoryError(),
          InstrumentLostError("gone"), OSError("USB device removed"), ZeroDivisionError()]  # fmt: skip


class Failing(SimulatedCrossbar):
    """Does what it is asked, and then raises, in one of its calls; keeps a record of all of them."""

    def __init__(self, *args, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        self.calls, self.fails, self.error = [], None, None

    def _record(self, name):
        self.calls.append(name)
        if self.fails == name:
            raise self.error

    def open(self):
        super().open()
        self._record("open")

    def set_voltages(self, rows):
        super().set_voltages(rows)
        self._record("set_voltages")

    def read_currents(self, columns=None):
        found = super().read_currents(columns)
        self._record("read_currents")
        return found

    def pulse(self, *args):
        super().pulse(*args)
        self._record("pulse")

    def safe_state(self):
        super().safe_state()
        self._record("safe_state")

    @property
    def at_zero(self) -> bool:
        return not self._volts.any()


def failing(made, **limits):
    driver = made.crossbar(driver=Failing)
    return driver, Guarded(driver, replace(made.limits, **limits))


@settings(deadline=None)
@given(
    name=st.sampled_from(sorted(CALLS)),
    error=st.sampled_from(ERRORS),
    before=st.lists(st.sampled_from(sorted(CALLS)), max_size=4),
)
def test_any_exception_in_any_call_ends_in_the_safe_state(made, name, error, before):
    """Rows are at 0 V as soon as the call has failed, and nothing gets through any more."""
    driver, guard = failing(made)
    with guard:
        guard.set_voltages(VOLTS)
        for call in before:
            CALLS[call](guard)
        driver.fails, driver.error = name, error
        with pytest.raises(BaseException) as caught:
            CALLS[name](guard)
        assert caught.value is error or caught.value.__cause__ is error
        driver.fails = None
        assert driver.at_zero and driver.calls[-1] == "safe_state"
        done = len(driver.calls)
        for call in CALLS.values():
            with pytest.raises(CrossbarError, match="safe state because of"):
                call(guard)
        assert len(driver.calls) == done
    assert driver.at_zero
    with guard:
        assert guard.tripped is None and guard.read_currents().shape == (4,)


@pytest.mark.parametrize("error", ERRORS, ids=lambda e: type(e).__name__)
def test_any_exception_between_calls_ends_in_the_safe_state(made, error):
    """Ctrl-C while the program computes, say."""
    driver, guard = failing(made)
    with pytest.raises(type(error)), guard:
        guard.set_voltages(VOLTS)
        assert not driver.at_zero
        raise error
    assert driver.at_zero and driver.calls[-1] == "safe_state"


def test_a_lost_connection_is_said_to_be_one(made):
    """Whatever the library calls it."""
    driver, guard = failing(made)
    with guard:
        driver.fails, driver.error = "read_currents", OSError("No such device")
        with pytest.raises(InstrumentLostError, match=r"connection.*No such device"):
            guard.read_currents()
        driver.fails = None


def test_a_safe_state_that_fails_does_not_hide_the_first_error(made):
    """What went wrong stays the error; that 0 V is not certain is added to it."""
    driver, guard = failing(made)
    with pytest.raises(CrossbarError, match="cable") as outer, guard:
        driver.fails, driver.error = "safe_state", CrossbarError("cable pulled")
        with pytest.raises(LimitError) as caught:
            guard.set_voltages(np.full(4, 9.0))
        assert "could not be reached: cable pulled. Switch the instrument off" in caught.value.__notes__[0]
    assert not driver._opened
    assert "cable" in str(outer.value)


def test_an_instrument_that_fails_to_open_is_made_safe(made):
    """Half-open is not open."""
    driver, guard = failing(made)
    driver.fails, driver.error = "open", CrossbarError("no answer")
    with pytest.raises(CrossbarError, match="no answer"), guard:
        pass
    assert driver.calls[-1] == "safe_state" and guard.tripped


@pytest.mark.parametrize(
    ("act", "words"),
    [
        pytest.param(lambda g: g.set_voltages([0.11, 0, 0, 0]), "row 0.*0.1 V", id="read"),
        pytest.param(lambda g: g.set_voltages([0, 0, 0, np.nan]), "row 3", id="nan"),
        pytest.param(lambda g: g.pulse(0, 0, 1.9, 1e-3), "1.8 V", id="pulse"),
        pytest.param(lambda g: g.pulse(0, 0, -1.9, 1e-3), "1.8 V", id="negative-pulse"),
        pytest.param(lambda g: g.pulse(0, 0, 1.0, 2e-3), "0.001 s", id="long"),
    ],
)
def test_nothing_beyond_a_limit_reaches_the_driver(made, act, words):
    """The guard's limits, below the driver's own."""
    driver, guard = failing(made, read_voltage_v=0.1, pulse_voltage_v=1.8, pulse_seconds=1e-3)
    with guard:
        with pytest.raises(LimitError, match=words):
            act(guard)
        assert "set_voltages" not in driver.calls and "pulse" not in driver.calls
        assert driver.at_zero and not driver.cells.changes


@settings(deadline=None)
@given(volts=st.lists(st.floats(-0.3, 0.3), min_size=4, max_size=4), limit=st.floats(1e-3, 0.2))
def test_rows_never_stand_beyond_the_limit(made, volts, limit):
    """Either all are within and are set as they are, or the call is refused and rows are at 0 V."""
    driver, guard = failing(made, read_voltage_v=limit)
    with guard:
        if max(map(abs, volts)) <= limit:
            guard.set_voltages(volts)
            assert np.array_equal(driver._volts, volts)
        else:
            with pytest.raises(LimitError):
                guard.set_voltages(volts)
            assert driver.at_zero


def test_a_current_beyond_the_guards_limit_ends_at_zero(made):
    """A limit below the driver's."""
    driver, guard = failing(made, current_a=1e-7)
    with guard:
        guard.set_voltages(np.full(4, 0.2))
        with pytest.raises(LimitError, match=r"column 0.*1e-07 A"):
            guard.read_currents()
        assert driver.at_zero


def test_currents_are_bounded_before_anything_is_output(made):
    """Where the largest conductance is known: sum |V| G of a read, and V G (1 + 3 / 2) of a pulse."""
    driver = made.crossbar(driver=Failing)
    read = Guarded(driver, replace(made.limits, current_a=3.4e-6), largest_conductance_s=1e-5)
    with read:
        with pytest.raises(LimitError, match=r"3.5e-06 A.*nothing was output"):
            read.set_voltages(VOLTS)
        assert "set_voltages" not in driver.calls
    for current, passes in ((4.9e-5, False), (5.1e-5, True)):
        pulsed = Guarded(driver, replace(made.limits, current_a=current), largest_conductance_s=1e-5)
        driver.calls.clear()
        with pulsed:
            if passes:
                pulsed.pulse(0, 0, 2.0, 1e-3)
            else:
                with pytest.raises(LimitError, match="5e-05 A"):
                    pulsed.pulse(0, 0, 2.0, 1e-3)
        assert ("pulse" in driver.calls) == passes


def test_a_guard_cannot_raise_the_drivers_limits(made):
    """It says which."""
    with pytest.raises(LimitError, match=r"pulse_voltage_v 3 .*2\.5"):
        Guarded(made.crossbar(), replace(made.limits, pulse_voltage_v=3.0))


PROGRAM = """
import sys
from importlib.util import module_from_spec, spec_from_file_location
import numpy as np
from codesign.crossbar.safety import Guarded

spec = spec_from_file_location("makers", sys.argv[1])
makers = module_from_spec(spec)
spec.loader.exec_module(makers)
driver = makers.crossbar()
try:
    with Guarded(driver, makers.LIMITS) as guard:
        guard.set_voltages(np.full(4, 0.1))
        print("driven", driver._volts.tolist(), flush=True)
        while True:
            guard.read_currents()
finally:
    print("left", driver._volts.tolist(), driver._opened, flush=True)
"""


def test_a_signal_that_is_ignored_stays_ignored(made):
    """A run under nohup outlives its terminal."""
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with Guarded(made.crossbar(), made.limits) as guard:
            signal.raise_signal(signal.SIGHUP)
            guard.set_voltages(VOLTS)
    finally:
        signal.signal(signal.SIGHUP, before)


@pytest.fixture
def _ctrl_c():
    """Ctrl-C as in a terminal, in this process."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_a_signal_ends_in_the_safe_state(name):
    """Ctrl-C, a scheduler that ends the job, a terminal that is closed: a real signal to a real process."""
    command = [sys.executable, "-c", PROGRAM, str(Path(__file__).with_name("conftest.py"))]
    with subprocess.Popen(
        command, cwd=REPOSITORY, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env=os.environ | {"PYTHONPATH": str(REPOSITORY)}, preexec_fn=heed_signals,
    ) as process:  # fmt: skip
        try:
            ready, _, _ = select.select([process.stdout], [], [], 300)
            assert ready and process.stdout.readline().startswith("driven [0.1")
            process.send_signal(getattr(signal, name))
            out, _ = process.communicate(timeout=300)
        finally:
            process.kill()
    assert out == "left [0.0, 0.0, 0.0, 0.0] False\n"
    assert process.returncode != 0


class Impatient(SimulatedCrossbar):
    """A second Ctrl-C comes while it goes to the safe state."""

    def safe_state(self):
        if self._opened and self._volts.any():
            signal.raise_signal(signal.SIGINT)
        super().safe_state()
        self.reached = True


@pytest.mark.usefixtures("_ctrl_c")
def test_a_second_ctrl_c_does_not_cut_the_safe_state_short(made):
    """It has its effect once rows are at 0 V."""
    driver = made.crossbar(driver=Impatient)
    with pytest.raises(KeyboardInterrupt), Guarded(driver, made.limits) as guard:
        guard.set_voltages(VOLTS)
        driver.reached = False
        with pytest.raises(KeyboardInterrupt):
            guard.set_voltages(np.full(4, 9.0))
        assert driver.reached and not driver._volts.any()
        raise KeyboardInterrupt


def test_signals_are_given_back(made):
    """Outside the guard they do what they did before."""
    before = signal.getsignal(signal.SIGTERM)
    with Guarded(made.crossbar(), made.limits):
        assert signal.getsignal(signal.SIGTERM) is not before
    assert signal.getsignal(signal.SIGTERM) is before


def test_a_dry_run_prints_every_action_and_touches_nothing(made):
    """One line an action, with its numbers; the driver is never called."""
    driver, lines = made.crossbar(driver=Failing), []
    with DryRun(driver, write=lines.append) as dry:
        dry.set_voltages(VOLTS)
        assert not dry.read_currents([0, 3]).any()
        dry.pulse(1, 2, -2.0, 5e-4)
    assert lines == [
        "open the instrument, every output at 0 V",
        "set rows to +0.1000 -0.0500 +0.2000 +0.0000 V",
        "read columns 0 3",
        "pulse row 1, column 2 with -2.0000 V for 0.0005 s",
        "safe state: every output at 0 V, every multiplexer off",
        "close the instrument",
    ]
    assert driver.calls == [] and dry.evidence == "simulated"


def test_a_dry_run_with_a_twin_prints_what_a_programming_would_do(made):
    """Its loops end as they would, because the twin answers; the driver is still never called."""
    driver, lines = made.crossbar(driver=Failing), []
    targets = np.random.default_rng(0).uniform(1e-6, 1e-5, (4, 4))
    with Guarded(DryRun(driver, write=lines.append, twin=made.crossbar()), made.limits) as dry:
        report = write_verify(dry, targets, settings=made.writing)
    assert report.ok
    assert sum(line.startswith("pulse") for line in lines) == report.pulses
    assert driver.calls == [] and not driver.cells.position.any()


@pytest.mark.parametrize(
    ("act", "error", "words"),
    [
        pytest.param(lambda d: d.set_voltages(np.full(4, 0.3)), LimitError, "0.2 V", id="read"),
        pytest.param(lambda d: d.pulse(0, 0, 3.0, 1e-3), LimitError, "2.5 V", id="pulse"),
        pytest.param(lambda d: d.read_currents([7]), ValueError, "got 7", id="column"),
    ],
)
def test_a_dry_run_refuses_what_the_instrument_would(made, act, error, words):
    """So that it finds the mistake before the devices do."""
    lines = []
    with DryRun(made.crossbar(), write=lines.append) as dry:
        printed = len(lines)
        with pytest.raises(error, match=words):
            act(dry)
        assert len(lines) == printed


def test_the_twin_of_a_dry_run_must_be_simulated_and_as_large(made):
    """A dry run moves nothing real."""
    real = made.crossbar()
    real.evidence = "measured"
    with pytest.raises(ValueError, match="must be simulated"):
        DryRun(made.crossbar(), twin=real)
    with pytest.raises(ValueError, match="2 x 4"):
        DryRun(made.crossbar(), twin=made.crossbar(made.cells(rows=2)))
