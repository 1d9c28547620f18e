"""The driver through dwfpy itself, on an array behind the pins of the test library."""

import numpy as np
import pytest

READ_V = 0.2
DRIVE_OHM, SWITCH_OHM = 470, 70
NOISE_A = 2e-9
"""Standard error of a reading: 1 mV of noise over 256 samples behind 47 kOhm, and as much of the zero."""


def driven(conductance: np.ndarray, volts: np.ndarray) -> np.ndarray:
    """Currents of an array whose rows are driven one after the other, by dense nodal analysis.

    Written apart from the library's own solver: unknowns are the line voltages, all others known.
    """
    rows, columns = conductance.shape
    total = np.zeros(columns)
    for row in range(rows):
        sources = np.full(rows + columns, 1 / SWITCH_OHM)
        sources[row] = 1 / DRIVE_OHM
        injected = np.zeros(rows + columns)
        injected[row] = volts[row] / DRIVE_OHM
        laplacian = np.diag(np.concatenate([conductance.sum(1), conductance.sum(0)]) + sources)
        laplacian[:rows, rows:] = -conductance
        laplacian[rows:, :rows] = -conductance.T
        total += np.linalg.solve(laplacian, injected)[rows:] / SWITCH_OHM
    return total


def test_connects_and_says_who_answers(bench):
    """Serial number, runtime and wiring go into every file of measurements."""
    outcome = bench.run("""
        with driver:
            print(driver.identity, driver.evidence, driver.rows, driver.columns)
        """)
    assert outcome.status == 0, outcome.err
    assert "'serial': '210321000000'" in outcome.out
    assert "'runtime': 'WaveForms 3.22.2'" in outcome.out
    assert bench.wiring.digest in outcome.out
    assert outcome.out.strip().endswith("10 10")
    assert outcome.record.safe
    assert not outcome.record.open
    assert outcome.record.failed_calls == 0
    assert outcome.record.events[-3:][0] == "reset"


@pytest.mark.parametrize(
    ("scene", "evidence"),
    [
        pytest.param("", "simulated", id="it says simulated"),
        pytest.param("unlabelled", "measured", id="an instrument's own name"),
    ],
)
def test_a_simulated_instrument_never_passes_for_a_measurement(bench, scene, evidence):
    """Test library and WaveForms' demo devices say what they are in their name; the guard passes it on."""
    outcome = bench.run("with Guarded(driver, wiring.limits) as array: print(array.evidence)", scene=scene)
    assert outcome.out.split() == [evidence]


def test_multiplies(bench):
    """Currents are those of an independent nodal analysis of the same array, to five standard errors."""
    volts = READ_V * np.linspace(-1, 1, 10)
    outcome = bench.run(f"""
        with driver:
            for k in range(10):
                driver.pulse(k, (3 * k) % 10, 1.8, 1e-3)
            driver.set_voltages(np.array({volts.tolist()}))
            print(*driver.read_currents())
        """)
    found = np.array([float(word) for word in outcome.out.split()])
    expected = driven(outcome.record.conductance, volts)
    # ten rows: as many readings' noise; cells read to 0.2 %
    error = 5 * np.sqrt(10) * NOISE_A + 5 * 2e-3 * np.abs(expected).max()
    assert found == pytest.approx(expected, abs=error)
    assert np.abs(expected).max() > 4 * error  # there is something to see


def test_columns_may_be_read_in_any_order(bench):
    """Columns of one bank follow each other, those of two are read together; the order asked for is kept."""
    outcome = bench.run("""
        with driver:
            for column in (7, 2):
                for _ in range(5):
                    driver.pulse(0, column, 1.8, 1e-3)
            driver.set_voltages(np.eye(10)[0] * 0.2)
            print(*driver.read_currents(), *driver.read_currents([7, 3, 2]))
        """)
    found = np.array([float(word) for word in outcome.out.split()])
    assert found[10:] == pytest.approx(found[[7, 3, 2]], abs=10 * NOISE_A + 0.01 * found.max())
    assert min(found[7], found[2]) > 2 * found[3]


def test_a_board_that_is_soldered_otherwise(bench, built):
    """Lines, levels, channel map and gain are what the file says, not what the code assumes."""
    first, second = bench.settings["columns"]
    bench.settings["rows"].update(
        address_lines=[14, 9, 2, 5], enable_line=0, enable_level="high", lines=[9, 3, 5, 0, 7, 1, 8, 2, 6, 4]
    )
    first.update(address_lines=[12, 13, 6, 7], enable_line=8, idle_address=12, input=2, gain=1.0)
    first["lines"], second["lines"] = [8, 1, 0, 4, 9, 2], [6, 3, 7, 5]
    second.update(address_lines=[15, 10, 11], enable_line=1, enable_level="high", input=1, gain=-2.0)
    bench.settings["sense_ground"] = {"line": 3, "level": "low"}
    bench.settings["analog_outputs"] = {"drive": 2, "bias": 1}
    volts = READ_V * np.linspace(-1, 1, 10)
    outcome = built(bench).run(f"""
        with driver:
            for k in range(10):
                driver.pulse(k, (3 * k) % 10, 1.8, 1e-3)
            driver.set_voltages(np.array({volts.tolist()}))
            print(*driver.read_currents())
        """)
    assert outcome.status == 0, outcome.err
    found = np.array([float(word) for word in outcome.out.split()])
    held = outcome.record.conductance
    assert {(k, (3 * k) % 10) for k in range(10)} == {
        tuple(cell) for cell in np.argwhere(held > 4e-6).tolist()
    }
    expected = driven(held, volts)
    assert found == pytest.approx(expected, abs=5 * np.sqrt(10) * NOISE_A + 0.01 * np.abs(expected).max())
    assert outcome.record.safe


def test_a_pulse_reaches_one_cell_and_half_of_it_the_others(bench):
    """The bias output starts with the drive output, so that no other cell sees the whole pulse."""
    outcome = bench.run("with driver: driver.pulse(6, 8, -1.8, 1e-3)")
    record = outcome.record
    assert record.peak_volts == pytest.approx((1.8, 0.9))
    assert record.peak_pulse_cell_v == pytest.approx(1.8, rel=0.02)
    assert record.peak_half_selected_v <= 0.91
    assert record.pulses == 1


def test_programs(bench):
    """Write-verify brings cells to their targets, and the array keeps them when the power is off."""
    outcome = bench.run("""
        from codesign.crossbar.programming import WriteSettings, write_verify
        targets = np.full((10, 10), np.nan)
        targets[2:5, 1:9:2] = np.linspace(5e-6, 4e-5, 12).reshape(3, 4)
        settings = WriteSettings(
            tolerance=0.03, range_s=4e-5, budget=60, read_voltage_v=0.2,
            set_voltage_v=1.8, reset_voltage_v=-1.8,
            pulse_seconds=1e-3, shortest_seconds=1e-4, reads=2, patience=4,
        )
        with Guarded(driver, wiring.limits) as array:
            report = write_verify(array, targets, settings=settings)
        print(report.ok, report.pulses)
        """)
    ok, pulses = outcome.out.split()
    assert ok == "True", outcome.err
    held = outcome.record.conductance
    seen = np.array([driven(held, READ_V * np.eye(10)[row]) for row in range(2, 5)]) / READ_V
    targets = np.linspace(5e-6, 4e-5, 12).reshape(3, 4)
    # tolerance of the writing; two readings' noise at five standard errors, cells read to 0.2 %
    error = 0.03 * 4e-5 + 5 * NOISE_A / READ_V + 5 * 2e-3 * targets.max()
    assert seen[:, 1:9:2] == pytest.approx(targets, abs=error)
    assert outcome.record.pulses == int(pulses)
    again = bench.run("with driver: pass").record
    assert (again.conductance == held).all()


def test_settling_is_waited_for(bench):
    """A stage a hundred times slower is still read right where the wiring says how long it takes."""
    bench.settings["settling_s"] = 0.02
    outcome = bench.run(
        """
        import time
        with driver:
            driver.set_voltages(np.full(10, 0.2))
            began = time.monotonic()
            print(driver.read_currents([2, 8]).sum(), time.monotonic() - began)
        """,
        scene="stage 2e-3",
    )
    found, seconds = map(float, outcome.out.split())
    expected = driven(outcome.record.conductance, np.full(10, READ_V))[[2, 8]].sum()
    # twenty readings' noise at five standard errors, cells read to 0.2 %, ten time constants
    assert found == pytest.approx(expected, rel=0.01 + 10 * np.exp(-10), abs=5 * np.sqrt(20) * NOISE_A)
    assert seconds >= 10 * 0.02


def test_nothing_is_driven_between_calls(bench):
    """A process that is killed between calls leaves an array that is connected to nothing."""
    import signal

    outcome = bench.run(
        """
        with driver:
            driver.set_voltages(np.full(10, 0.2))
            driver.read_currents()
            driver.pulse(1, 1, 1.8, 1e-3)
            driver.set_voltages(np.full(10, 0.2))
            print("set", flush=True)
            import time
            time.sleep(60)
        """,
        end=signal.SIGKILL,
    )
    assert outcome.status == -signal.SIGKILL
    assert outcome.record.open
    assert outcome.record.safe, outcome.record.events
