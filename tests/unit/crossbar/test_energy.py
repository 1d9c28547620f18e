"""Energy against closed forms, published arithmetic and the limits of large arrays."""

import numpy as np
import pytest

from codesign.crossbar.energy import (
    BITS,
    COMPONENTS,
    CONSTANTS,
    REFERENCES,
    SERIAL_ONES,
    Constant,
    Design,
    ReadPulse,
    array_energy_j,
    budget,
    constant_rows,
    designs_of,
    efficiency_gops_per_w,
    energy_of,
    implied_conductance_s,
    implied_energy_j,
    said_of,
)

PULSE = ReadPulse(0.2, 50e-9)
FULL = Design("full", ((10, 10),), "amplitude")


def test_the_published_arithmetic_gives_the_published_number():
    """Yao et al.: 128 x 16 cells, 50 ns a pulse, 81.92 GOPS at 7.438 mW are 11,014 GOPS/W."""
    cells, seconds, power_w = 128 * 16, 50e-9, 7.438e-3
    g = power_w * seconds / (cells * PULSE.voltage_v**2 * seconds)
    energy = array_energy_j(np.full((128, 16), g), np.full(128, PULSE.voltage_v**2), seconds)
    assert energy == pytest.approx(power_w * seconds)
    assert efficiency_gops_per_w(energy / cells) == pytest.approx(REFERENCES["yao"].value, rel=1e-3)


def test_array_energy_is_the_sum_of_v_squared_g_t():
    """Cell by cell, with inputs that differ from row to row."""
    rng = np.random.default_rng(3)
    g, squares = rng.uniform(1e-8, 1e-5, (4, 7)), rng.uniform(0, 0.04, 4)
    one_by_one = sum(squares[r] * g[r, c] * 2e-6 for r in range(4) for c in range(7))
    assert array_energy_j(g, squares, 2e-6) == pytest.approx(one_by_one, rel=1e-12)


@pytest.mark.parametrize(
    ("g", "squares"),
    [
        pytest.param([[1.0]], [1.0, 1.0], id="shapes"),
        pytest.param([1.0], [1.0], id="no-array"),
        pytest.param([[-1.0]], [1.0], id="negative"),
        pytest.param([[np.nan]], [1.0], id="nan"),
        pytest.param([[1.0]], [-1.0], id="negative-square"),
    ],
)
def test_what_is_no_array_has_no_energy(g, squares):
    """A negative conductance would come out as energy gained."""
    with pytest.raises(ValueError):
        array_energy_j(np.array(g), np.array(squares), 1e-6)


def test_a_full_array_under_yao_s_pulse_is_v_squared_g_t_a_cell():
    """Zero peripherals leave the array; its efficiency is 2 / (V^2 G t)."""
    found = budget(FULL, conductance_s=5e-6, pulse=PULSE)
    assert found.energy_j["array"] == pytest.approx(0.2**2 * 5e-6 * 50e-9)
    assert found.array_gops_per_w == pytest.approx(2 / (0.2**2 * 5e-6 * 50e-9) / 1e9)
    assert list(found.energy_j) == list(COMPONENTS)
    assert found.gops_per_w == pytest.approx(2e-9 / sum(found.energy_j.values()))
    assert found.gops_per_w < found.array_gops_per_w


@pytest.mark.parametrize(
    ("pulse", "conductance_s"),
    [
        pytest.param(ReadPulse(0.4, 50e-9), 1.25e-6, id="voltage"),
        pytest.param(ReadPulse(0.2, 100e-9), 2.5e-6, id="length"),
        pytest.param(ReadPulse(0.1, 50e-9), 2e-5, id="conductance"),
    ],
)
def test_the_array_depends_on_v_squared_g_t_alone(pulse, conductance_s):
    """Twice the voltage is four times the energy; converters do not see it."""
    a, b = (
        budget(FULL, conductance_s=5e-6, pulse=PULSE),
        budget(FULL, conductance_s=conductance_s, pulse=pulse),
    )
    assert a.energy_j["array"] == pytest.approx(b.energy_j["array"])
    assert a.energy_j["adc"] == b.energy_j["adc"]


@pytest.mark.parametrize(("coding", "pulses"), [("amplitude", 1), ("serial", BITS)])
def test_a_conversion_is_shared_by_the_rows_of_its_column(coding, pulses):
    """Converter energy a cell falls as one over rows, row energy as one over columns."""
    for rows, columns in ((10, 10), (128, 128), (128, 16)):
        found = budget(Design("x", ((rows, columns),), coding), conductance_s=1e-6, pulse=PULSE)
        assert found.energy_j["adc"] == pytest.approx(CONSTANTS["adc_j"].value * pulses / rows)
        row = (
            CONSTANTS["dac_j"].value if coding == "amplitude" else CONSTANTS["driver_w"].value * 50e-9 * BITS
        )
        assert found.energy_j["dac"] == pytest.approx(row / columns)


def test_serial_inputs_pulse_eight_times_and_half_of_the_time_at_zero():
    """Random bits: half of eight pulses are high."""
    a = budget(FULL, conductance_s=1e-6, pulse=PULSE)
    b = budget(Design("full", ((10, 10),), "serial"), conductance_s=1e-6, pulse=PULSE)
    assert b.energy_j["array"] == pytest.approx(a.energy_j["array"] * BITS * SERIAL_ONES)


def test_tiles_add_up():
    """Two equal tiles cost as much a cell as one."""
    one = budget(FULL, conductance_s=1e-6, pulse=PULSE)
    two = budget(Design("two", ((10, 10), (10, 10)), "amplitude"), conductance_s=1e-6, pulse=PULSE)
    assert two.energy_j == pytest.approx(one.energy_j)


def test_the_paper_s_number_comes_back_from_the_conductance_it_implies():
    """27,548 GOPS/W is 72.6 fJ a cell."""
    paper = REFERENCES["paper"].value
    assert implied_energy_j(paper) == pytest.approx(72.6e-15, rel=1e-3)
    g = implied_conductance_s(paper, PULSE)
    assert budget(FULL, conductance_s=g, pulse=PULSE).array_gops_per_w == pytest.approx(paper)


def test_designs_are_priced_with_their_own_or_the_programmed_conductance():
    """The paper's array keeps its efficiency whatever was programmed; others follow it."""
    designs = designs_of([(2, 6), (10, 4)], 0.01, array=(10, 10), pulse=PULSE, network="moons network")
    rows = energy_of(designs, conductance_s=5e-6, pulse=PULSE, evidence="simulated")
    assert len(rows) == len(designs) * len(COMPONENTS)
    by_design = {(row["design"], row["coding"]): row for row in rows}
    paper = next(row for (name, _), row in by_design.items() if "paper" in name)
    assert paper["array_gops_per_w"] == pytest.approx(REFERENCES["paper"].value)
    network = next(row for (name, _), row in by_design.items() if "moons" in name)
    assert network["cells"] == 52
    assert network["array_gops_per_w"] == pytest.approx(2e-9 / (0.01 * 5e-6 * 50e-9))
    assert "27,548" in said_of(rows) and "V100" in said_of(rows)


def test_every_constant_says_where_it_comes_from():
    """A table with kind and source, and the numbers of the reference that are not constants of nature."""
    rows = constant_rows()
    assert {row["name"] for row in rows} == set(CONSTANTS) | set(REFERENCES)
    assert all(len(row["source"]) > 20 and row["kind"] in ("published", "assumed") for row in rows)
    assert {row["name"] for row in rows if row["kind"] == "assumed"} == {"dac_j", "amplifier_w"}


@pytest.mark.parametrize(
    ("make", "said"),
    [
        pytest.param(lambda: Constant("x", 0.0, "J", "published", "s"), "x must be", id="zero"),
        pytest.param(lambda: Constant("x", 1.0, "J", "guessed", "s"), "kind", id="kind"),
        pytest.param(lambda: ReadPulse(0.0, 1e-9), "voltage_v", id="no-voltage"),
        pytest.param(lambda: Design("x", (), "amplitude"), "every tile", id="no-tile"),
        pytest.param(lambda: Design("x", ((1, 1),), "width"), "coding", id="coding"),
        pytest.param(
            lambda: budget(FULL, conductance_s=0.0, pulse=PULSE), "conductance_s", id="no-conductance"
        ),
    ],
)
def test_what_cannot_be_is_refused(make, said):
    """The message names the value."""
    with pytest.raises(ValueError, match=said):
        make()
