"""The nodal solver against closed forms, laws of circuits, and a dense solve of another formulation."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codesign.memsim.circuit import NodalSolver

RNG = np.random.default_rng(11)
OHMS = st.sampled_from([0.0, 1e-3, 1.0, 300.0])


def solver(g, wire=0.0, driver=0.0, sense=0.0) -> NodalSolver:
    return NodalSolver(g, wire_resistance_ohm=wire, driver_resistance_ohm=driver, sense_resistance_ohm=sense)


@st.composite
def arrays(draw, largest=6):
    """Conductances over six decades, some of them open, and three resistances."""
    rows, columns = draw(st.integers(1, largest)), draw(st.integers(1, largest))
    cells = st.one_of(st.just(0.0), st.floats(-9, -3).map(lambda e: 10**e))
    g = draw(st.lists(cells, min_size=rows * columns, max_size=rows * columns))
    return np.reshape(g, (rows, columns)), draw(OHMS), draw(OHMS), draw(OHMS)


def dense_currents(g, wire, driver, sense, volts):
    """Modified nodal analysis, resistor by resistor: branch currents are unknowns beside the nodes.

    A resistor is v_a - v_b - R i = 0, so that one of zero needs no special care; a cell is the same with
    i = G (v_a - v_b). Nothing is shared with the solver: no node is merged, no matrix sparse.
    """
    rows, columns = g.shape
    names, branches = {}, []

    def node(*name):
        return names.setdefault(name, len(names))

    for r in range(rows):
        branches.append((node("source", r), node("into", r), driver, None))
        branches.append((node("into", r), node("row", r, 0), wire, None))
        for c in range(1, columns):
            branches.append((node("row", r, c - 1), node("row", r, c), wire, None))
    for c in range(columns):
        for r in range(1, rows):
            branches.append((node("column", r - 1, c), node("column", r, c), wire, None))
        branches.append((node("column", rows - 1, c), node("out", c), wire, None))
        branches.append((node("out", c), node("ground", c), sense, None))
        branches += [(node("row", r, c), node("column", r, c), None, g[r, c]) for r in range(rows)]
    fixed = {node("source", r): volts[r] for r in range(rows)}
    fixed |= {node("ground", c): 0.0 for c in range(columns)}
    n = len(names)
    matrix, right = np.zeros((n + len(branches),) * 2), np.zeros(n + len(branches))
    for k, (a, b, ohms, siemens) in enumerate(branches):
        equation = n + k
        if siemens is None:
            matrix[equation, [a, b, equation]] = 1, -1, -ohms
        else:
            matrix[equation, [a, b, equation]] = siemens, -siemens, -1
        matrix[a, equation] += 1
        matrix[b, equation] -= 1
    for at, value in fixed.items():
        matrix[at], right[at] = 0, value
        matrix[at, at] = 1
    found = np.linalg.solve(matrix, right)
    leaving = {a: n + k for k, (a, b, _, _) in enumerate(branches) if b in fixed}
    return np.array([found[leaving[node("out", c)]] for c in range(columns)])


@settings(deadline=None, max_examples=60)
@given(arrays(), st.integers(0, 2**32 - 1))
def test_currents_are_those_of_a_dense_solve(array, seed):
    """Any size, any resistances, zeros among them.

    The dense solve carries rounding of the largest entries (3e5 S beside nS), so it is compared to the
    size of all currents.
    """
    g, *ohms = array
    volts = np.random.default_rng(seed).uniform(-1, 1, len(g))
    expected = dense_currents(g, *ohms, volts)
    found = solver(g, *ohms).currents(volts)
    assert found == pytest.approx(expected, rel=1e-6, abs=1e-9 * np.abs(g).sum() + 1e-15)


def test_without_resistance_an_array_multiplies():
    """I = V G, for one vector and for many."""
    g, volts = RNG.uniform(0, 1e-3, (5, 3)), RNG.uniform(-1, 1, (7, 5))
    assert np.array_equal(solver(g).currents(volts), volts @ g)
    assert np.array_equal(solver(g).currents(volts[0]), volts[0] @ g)


def test_drivers_divide_the_voltage_of_their_row():
    """Without wires row r stands at V / (1 + R sum_c G), and its cells draw from that."""
    g, volts, ohms = RNG.uniform(0, 1e-3, (4, 6)), RNG.uniform(-1, 1, 4), 700.0
    row = volts / (1 + ohms * g.sum(axis=1))
    assert solver(g, driver=ohms).currents(volts) == pytest.approx(row @ g, rel=1e-12)


def test_amplifiers_lift_their_column():
    """Without wires column c stands at R I, so I = sum V G / (1 + R sum_r G)."""
    g, volts, ohms = RNG.uniform(0, 1e-3, (4, 6)), RNG.uniform(-1, 1, 4), 700.0
    expected = volts @ g / (1 + ohms * g.sum(axis=0))
    assert solver(g, sense=ohms).currents(volts) == pytest.approx(expected, rel=1e-12)


def test_a_single_cell_is_a_series_circuit():
    """Driver, wire, cell, wire, amplifier one after the other."""
    found = solver(np.array([[1e-3]]), 2.0, 30.0, 40.0).currents(np.array([0.5]))
    assert found == pytest.approx([0.5 / (30 + 2 + 1000 + 2 + 40)], rel=1e-12)


def test_a_single_row_is_a_ladder():
    """The continued fraction of a ladder: input conductance of all that lies beyond each node."""
    g, wire, driver, sense = RNG.uniform(1e-4, 1e-2, 8), 5.0, 20.0, 10.0
    branch = 1 / (1 / g + wire + sense)
    beyond, node = 0.0, []
    for own in branch[::-1]:
        node.append(own + beyond)
        beyond = 1 / (wire + 1 / node[-1])
    total = node[::-1]
    volts, expected = 1.0, []
    for k, own in enumerate(branch):
        ohms = wire + (driver if k == 0 else 0.0)
        volts /= 1 + ohms * total[k]
        expected.append(volts * own)
    found = solver(g[None], wire, driver, sense).currents(np.array([1.0]))
    assert found == pytest.approx(expected, rel=1e-12)


def test_gigohm_cells_beside_milliohm_wires_keep_their_digits():
    """Twelve decades apart: to first order a cell's current is V G (1 - G (path resistance))."""
    g = RNG.uniform(1e-9, 2e-9, (10, 10))
    found = solver(g, wire=1e-3).currents(np.ones(10))
    assert found == pytest.approx(g.sum(axis=0), rel=1e-10)


def test_sneak_paths_carry_current():
    """Row 1 is driven and its cell in column 0 is open; current still gets there.

    Column 1 rises, lifts row 0 through its other cell, and row 0 drives column 0: with resistance only.
    """
    g, volts = np.array([[1e-2, 1e-2], [0.0, 1e-2]]), np.array([0.0, 1.0])
    assert solver(g).currents(volts)[0] == 0
    found = solver(g, wire=10.0, driver=1.0).currents(volts)[0]
    assert found > 1e-5
    assert found == pytest.approx(dense_currents(g, 10.0, 1.0, 0.0, volts)[0], rel=1e-9)


@settings(deadline=None, max_examples=40)
@given(arrays(), st.floats(-2, 2), st.floats(-2, 2))
def test_inputs_superpose(array, a, b):
    """Resistors are linear: a x + b y gives a f(x) + b f(y)."""
    g, *ohms = array
    x, y = np.random.default_rng(3).uniform(-1, 1, (2, len(g)))
    s = solver(g, *ohms)
    scale = 4 * np.abs(g).sum()
    assert s.currents(a * x + b * y) == pytest.approx(
        a * s.currents(x) + b * s.currents(y), rel=1e-9, abs=1e-12 * scale
    )


@settings(deadline=None, max_examples=40)
@given(arrays())
def test_currents_are_reciprocal(array):
    """A voltage at row r drives through column c what the same at column c would through row r.

    Looked at from the other end the array is transposed and turned, and drivers and amplifiers change places.
    """
    g, wire, driver, sense = array
    there = solver(g, wire, driver, sense).transfer
    back = solver(g[::-1, ::-1].T, wire, sense, driver).transfer
    assert there == pytest.approx(back[::-1, ::-1].T, rel=1e-8, abs=1e-12 * np.abs(g).sum())


@settings(deadline=None, max_examples=40)
@given(arrays())
def test_wires_only_ever_take_current_from_a_driven_array(array):
    """All rows at one voltage: no column carries more than without resistance, and none turns round."""
    g, *ohms = array
    found = solver(g, *ohms).currents(np.ones(len(g)))
    assert np.all(found <= g.sum(axis=0) * (1 + 1e-9))
    assert np.all(found >= -1e-15)


def test_one_vector_and_many_give_the_same():
    """The first vectors are solved for themselves, later ones use the solutions of all rows."""
    g, volts = RNG.uniform(0, 1e-3, (20, 4)), RNG.uniform(-1, 1, (50, 20))
    s = solver(g, 2.0, 5.0, 3.0)
    alone = s.currents(volts[0])
    many = s.currents(volts)
    assert many[0] == pytest.approx(alone, rel=1e-10)
    assert many == pytest.approx(volts @ s.transfer, rel=1e-12)


def test_voltages_across_cells_give_the_currents():
    """Ohm's law cell by cell; and nothing lies across a cell whose two lines are at one voltage."""
    g, volts = RNG.uniform(1e-4, 1e-3, (4, 5)), RNG.uniform(-1, 1, 4)
    s = solver(g, 2.0, 5.0, 3.0)
    across = s.cell_voltages(volts)
    assert (across * g).sum(axis=0) == pytest.approx(s.currents(volts), rel=1e-10)
    assert s.cell_voltages(np.ones(4), np.ones(5)) == pytest.approx(np.zeros((4, 5)), abs=1e-12)
    half = solver(g).cell_voltages(np.array([1.0, 0.5, 0.5, 0.5]), np.array([0.0, 0.5, 0.5, 0.5, 0.5]))
    assert half[0] == pytest.approx([1.0, 0.5, 0.5, 0.5, 0.5])
    assert half[1:, 0] == pytest.approx([0.5] * 3) and not half[1:, 1:].any()


@pytest.mark.parametrize(
    ("act", "words"),
    [
        pytest.param(lambda: solver(np.ones(3)), "shape", id="one-dimension"),
        pytest.param(lambda: solver(np.ones((0, 3))), "shape", id="no-row"),
        pytest.param(lambda: solver(-np.ones((2, 2))), ">= 0 S", id="negative"),
        pytest.param(lambda: solver(np.full((2, 2), np.nan)), "finite", id="nan"),
        pytest.param(lambda: solver(np.ones((2, 2)), wire=-1.0), "wire_resistance_ohm", id="wire"),
        pytest.param(lambda: solver(np.ones((2, 2)), sense=np.inf), "sense_resistance_ohm", id="sense"),
        pytest.param(lambda: solver(np.ones((2, 2))).currents(np.ones(3)), r"\(2,\)", id="length"),
        pytest.param(lambda: solver(np.ones((2, 2))).currents([1, np.nan]), "finite", id="volts"),
    ],
)  # fmt: skip
def test_what_is_no_circuit_is_refused(act, words):
    """With the value."""
    with pytest.raises(ValueError, match=words):
        act()
