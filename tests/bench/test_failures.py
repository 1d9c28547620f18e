"""What goes wrong at a bench: each ends in the safe state, with a message that says what to do.

Whether it is safe is asked of the library's record of the pins, which outlives the process.
"""

import signal

import pytest

from tests.bench.conftest import LONGEST_S

MULTIPLIES = """
with Guarded(driver, wiring.limits) as array:
    array.set_voltages(np.full(10, 0.2))
    for _ in range(20):
        array.read_currents()
    print("done")
"""
PROGRAMS = """
with Guarded(driver, wiring.limits) as array:
    for k in range(20):
        array.pulse(k % 10, 3, 1.8, 1e-3)
    print("done")
"""
ZERO_READS = 40
"""Samplings at opening: five pairs of columns, eight times."""
DURING = ZERO_READS + 57
"""A sampling in the second multiplication, while a row is driven."""

TIMEOUT_S = 1.0
"""Of the instrument where it is waited for in vain."""


@pytest.mark.parametrize(
    ("scene", "said"),
    [
        pytest.param("absent", ["does not answer", "plug it in over USB"], id="not plugged in"),
        pytest.param("busy", ["another program has it", "close WaveForms"], id="in use"),
        pytest.param(
            "other", ["does not answer", "No devices match", "Analog Discovery 2"], id="another instrument"
        ),
    ],
)
def test_no_instrument(bench, scene, said):
    """Nothing is opened, nothing is output, and the message says what to look at."""
    outcome = bench.run(MULTIPLIES, scene=scene)
    assert outcome.status == 1
    assert "InstrumentAbsentError" in outcome.error
    for words in said:
        assert words in outcome.error
    assert outcome.record.peak_volts == (0.0, 0.0)
    assert outcome.record.safe


def test_another_serial(bench):
    """The wiring names one of several instruments; no other takes its place."""
    bench.settings["instrument"]["serial"] = "210321ABCDEF"
    outcome = bench.run(MULTIPLIES)
    assert "InstrumentAbsentError" in outcome.error
    assert "210321ABCDEF" in outcome.error
    assert outcome.record.safe


def test_no_runtime(bench, tmp_path):
    """Without libdwf.so on the path the message names what to install."""
    bench.library = tmp_path / "nothing"
    outcome = bench.run("""
        try:
            driver.open()
        except Exception as error:
            print(type(error).__name__, error)
        finally:
            driver.safe_state(), driver.close()
        open(__import__("os").environ["DWF_RECORD"], "wb").write(bytes(1 << 16))
        """)
    if "dwf" in outcome.out and "InstrumentAbsentError" not in outcome.out:
        pytest.skip("a WaveForms runtime is installed on this machine")
    assert "the WaveForms runtime is not installed" in outcome.out
    assert "install WaveForms" in outcome.out


@pytest.mark.parametrize(
    ("scene", "program"),
    [
        pytest.param(f"unplugged reads {DURING}", MULTIPLIES, id="in a multiplication"),
        pytest.param("unplugged pulses 7", PROGRAMS, id="in a programming"),
        pytest.param("unplugged reads 3", MULTIPLIES, id="while opening"),
    ],
)
def test_unplugged(bench, scene, program):
    """The pins go dead with the plug, pull-ups hold the multiplexers off, and the message tells no lies."""
    outcome = bench.run(program, scene=scene)
    assert outcome.status == 1
    assert "done" not in outcome.out
    assert "InstrumentLostError" in outcome.error
    assert "USB cable" in outcome.error
    assert "could NOT be confirmed" in outcome.error
    assert outcome.record.safe
    assert outcome.seconds < LONGEST_S


def test_lost_while_it_keeps_its_power(bench):
    """A hub that hangs leaves outputs as they were: nothing helps but the plug, and the message says so."""
    outcome = bench.run(MULTIPLIES, scene=f"wedged reads {DURING}")
    assert "InstrumentLostError" in outcome.error
    assert "could NOT be confirmed" in outcome.error
    assert "pull the USB plug" in outcome.error
    assert not outcome.record.safe
    assert outcome.record.peak_read_cell_v <= 0.2  # all that is left on the array is a read voltage


@pytest.mark.parametrize(
    ("scene", "program", "what"),
    [
        pytest.param(
            f"hung reads {DURING}", MULTIPLIES, "sampling: not done after 1 s", id="sampling never done"
        ),
        pytest.param("hung pulses 7", PROGRAMS, "the pulse: not done after 1.001 s", id="pulse never done"),
    ],
)
def test_hung_status(bench, scene, program, what):
    """A status that never says done is waited for no longer than the timeout; the instrument still obeys."""
    bench.settings["instrument"]["timeout_s"] = TIMEOUT_S
    outcome = bench.run(program, scene=scene)
    assert "InstrumentTimeoutError" in outcome.error
    assert what in outcome.error
    assert "Outputs are at 0 V and multiplexers off" in outcome.error
    assert outcome.record.safe


BLOCKS = {
    f"reads {DURING}": (MULTIPLIES, "sampling: no answer within 1 s"),
    "pulses 7": (PROGRAMS, "the pulse: no answer within 1 s"),
}


@pytest.mark.parametrize("place", BLOCKS)
def test_blocked_call(bench, place):
    """A call into the runtime that never returns has a timeout, too; the safe state takes another way."""
    bench.settings["instrument"]["timeout_s"] = TIMEOUT_S
    program, said = BLOCKS[place]
    outcome = bench.run(program, scene=f"blocked {place}")
    assert outcome.status == 1
    assert "InstrumentTimeoutError" in outcome.error
    assert said in outcome.error
    assert "Outputs are at 0 V and multiplexers off" in outcome.error
    assert outcome.record.safe
    assert outcome.seconds < LONGEST_S


@pytest.mark.parametrize("place", BLOCKS)
def test_blocked_runtime(bench, place):
    """Where the blocked call keeps others out, the process still ends and says what is left to do."""
    bench.settings["instrument"]["timeout_s"] = TIMEOUT_S
    program, said = BLOCKS[place]
    outcome = bench.run(program, scene=f"locked {place}")
    assert outcome.status == 1
    assert "InstrumentTimeoutError" in outcome.error
    assert said in outcome.error
    assert "could NOT be confirmed" in outcome.error
    assert "pull the USB plug" in outcome.error
    assert outcome.seconds < LONGEST_S


def test_a_failure_without_a_reason_is_a_failure(bench):
    """dwfpy lets a call pass that fails without an error code; a reading would be of anything."""
    outcome = bench.run(MULTIPLIES, scene=f"silent reads {DURING}")
    assert "InstrumentLostError" in outcome.error
    assert "gives no reason" in outcome.error
    assert "Outputs are at 0 V and multiplexers off" in outcome.error
    assert outcome.record.safe


def test_over_range(bench):
    """A shorted cell drives the input to its end: no number comes of it."""
    outcome = bench.run(MULTIPLIES, scene="stuck 4 6 0.05")
    assert "OverRangeError" in outcome.error
    assert "column 6 (input 2) with row 4 at 0.2 V stands at -2.5 V" in outcome.error
    assert "lower the read voltage" in outcome.error
    assert "Outputs are at 0 V and multiplexers off" in outcome.error
    assert outcome.record.safe


def test_current_beyond_the_limit(bench):
    """A reading beyond the current limit stops everything before it is handed on.

    Drive resistor and limits bound what a cell can pass, so only a wiring file that
    does not fit the board brings it about: 1 kOhm written where 47 kOhm are soldered.
    """
    bench.settings["limits"].update(pulse_voltage_v=0.3, current_a=7e-4)
    for bank in bench.settings["columns"]:
        bank["transimpedance_ohm"] = 1000
    outcome = bench.run(MULTIPLIES, scene="stuck 4 1 2e-4")
    assert "LimitError: column 1 (input 1) with row 4 at 0.2 V carries" in outcome.error
    assert "the limit is 0.0007 A" in outcome.error
    assert "Outputs are at 0 V and multiplexers off" in outcome.error
    assert outcome.record.safe


@pytest.mark.parametrize(
    ("call", "said"),
    [
        pytest.param("driver.set_voltages(np.full(10, 0.31))", "0.31 V", id="read voltage"),
        pytest.param("driver.set_voltages(np.full(10, np.nan))", "nan V", id="not a number"),
        pytest.param("driver.pulse(0, 0, -2.1, 1e-3)", "-2.1 V", id="pulse voltage"),
        pytest.param("driver.pulse(0, 0, 1.0, 0.02)", "0.02 s", id="pulse duration"),
        pytest.param("driver.pulse(0, 0, np.inf, 1e-3)", "inf V", id="endless voltage"),
        pytest.param("driver.pulse(0, 0, 1.0, 0.0)", "0 s", id="no duration"),
    ],
)
def test_beyond_a_limit_nothing_is_output(bench, call, said):
    """Refused, not clipped: the pins have not moved."""
    outcome = bench.run(f"with driver: {call}")
    assert "LimitError" in outcome.error
    assert said in outcome.error
    assert "nothing was output" in outcome.error
    assert outcome.record.peak_volts == (0.0, 0.0)
    assert outcome.record.safe


@pytest.mark.parametrize(
    ("number", "status"),
    [
        pytest.param(signal.SIGINT, -signal.SIGINT, id="Ctrl-C"),
        pytest.param(signal.SIGTERM, 128 + signal.SIGTERM, id="terminated"),
        pytest.param(signal.SIGHUP, 128 + signal.SIGHUP, id="terminal closed"),
    ],
)
def test_interrupted(bench, number, status):
    """Whenever it comes, outputs end at 0 V; the safe state is finished before the program is."""
    outcome = bench.run(
        """
        with Guarded(driver, wiring.limits) as array:
            array.set_voltages(np.full(10, 0.2))
            print("running", flush=True)
            while True:
                array.read_currents()
                array.pulse(2, 2, 1.8, 1e-4)
        """,
        end=number,
    )
    assert outcome.status == status, outcome.err
    assert outcome.record.safe
    assert not outcome.record.open
    assert outcome.record.reads > 0


def test_an_error_of_the_program_itself(bench):
    """An error that has nothing to do with the instrument leaves the array safe."""
    outcome = bench.run("""
        with driver:
            driver.set_voltages(np.full(10, 0.2))
            driver.read_currents()
            raise ZeroDivisionError("of the program")
        """)
    assert "ZeroDivisionError: of the program" in outcome.error
    assert outcome.record.safe
    assert not outcome.record.open


def test_opened_twice(bench):
    """The second opening is refused; closing makes the driver usable again."""
    outcome = bench.run("""
        with driver:
            try:
                driver.open()
            except Exception as error:
                print(error)
        with driver:
            print(driver.read_currents([0]).shape)
        driver.safe_state(); driver.close()
        try:
            driver.read_currents()
        except Exception as error:
            print(error)
        """)
    assert outcome.out.splitlines() == [
        "the instrument is open already",
        "(1,)",
        "the instrument is not open; use the driver in a `with` block",
    ]
    assert outcome.record.safe
