"""The nodal solver beside badcrossbar (Joksas and Mehonic, SoftwareX 12, 100617): currents and times.

    python benchmarks/nodal_solver.py [--sizes 10 64 256] [--vectors 100] [--repeats 3] [--alone]

Square arrays, conductances log-uniform over a decade (13 ... 130 nS, as a measured device spans), wire
segments of 2 ohm, no other resistance, since badcrossbar has none. For each size: factorising the
array, then the first input vector, then all vectors with the same factors; badcrossbar solves one vector and
all vectors from the beginning, for output currents only. Median of the repeats, processor time (run it with
OMP_NUM_THREADS=1). The last
columns compare the currents: with badcrossbar's, and both with those of an accurate reference
(fixed-point iteration on the voltages' small drops, converged to the last digit).
"""

import argparse
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np

from codesign.memsim.circuit import NodalSolver

WIRE_OHM = 2.0


def timed(act: Callable, repeats: int) -> tuple[float, object]:
    """Median time of `act`, and what it gave."""
    times = []
    for _ in range(repeats):
        start = time.process_time()
        found = act()
        times.append(time.process_time() - start)
    return statistics.median(times), found


def drop_currents(g: np.ndarray, volts: np.ndarray) -> np.ndarray:
    """Column currents from the drops along the wires, iterated: no large system, no cancellation.

    The drop to a cell is a sum of wire currents times their resistance, and those are sums of
    cell currents; with cells of megohms the iteration converges by 1e-4 a step.
    """
    across = np.repeat(volts[:, None], g.shape[1], axis=1)
    while True:
        current = g * across
        # current through each segment of a row wire: all cells from there on; of a column wire: up to there
        row = np.cumsum(current[:, ::-1], axis=1)[:, ::-1]
        column = np.cumsum(current, axis=0)
        to_cell = WIRE_OHM * np.cumsum(row, axis=1)
        to_ground = WIRE_OHM * np.cumsum(column[::-1], axis=0)[::-1]
        found = volts[:, None] - to_cell - to_ground
        if np.abs(found - across).max() < 1e-15:
            return (g * found).sum(axis=0)
        across = found


def badcrossbar_currents(g: np.ndarray, volts: np.ndarray) -> np.ndarray:
    """(n, rows) -> (n, columns)."""
    import badcrossbar

    solution = badcrossbar.compute(volts.T, 1 / g, r_i=WIRE_OHM, node_voltages=False, all_currents=False)
    return np.atleast_2d(solution.currents.output)


def compare(size: int, *, vectors: int, repeats: int, beside: bool) -> dict[str, float]:
    """Times and differences of one size."""
    rng = np.random.default_rng(size)
    g = 1.3e-8 * 10 ** rng.random((size, size))
    volts = rng.uniform(0, 0.1, (vectors, size))
    ohms = {"wire_resistance_ohm": WIRE_OHM, "driver_resistance_ohm": 0.0, "sense_resistance_ohm": 0.0}
    row = {"size": size}
    row["factorise"], solver = timed(lambda: NodalSolver(g, **ohms), repeats)
    # a fresh solver each time, so that no vector is served from those before it
    fresh = iter([NodalSolver(g, **ohms) for _ in range(2 * repeats)])
    row["first"], _ = timed(lambda: next(fresh).currents(volts[0]), repeats)
    row["all"], found = timed(lambda: next(fresh).currents(volts), repeats)
    solver.transfer  # noqa: B018 the solutions of all rows, then one more vector
    row["one more"], _ = timed(lambda: solver.currents(volts[0]), repeats)
    exact = np.array([drop_currents(g, v) for v in volts[:3]])
    row["error"] = relative(found[:3], exact)
    if beside:
        row["theirs 1"], _ = timed(lambda: badcrossbar_currents(g, volts[:1]), repeats)
        row["theirs all"], theirs = timed(lambda: badcrossbar_currents(g, volts), repeats)
        row["their error"] = relative(theirs[:3], exact)
        row["difference"] = relative(found, theirs)
    return row


def relative(found: np.ndarray, expected: np.ndarray) -> float:
    """Largest relative difference."""
    return float(np.abs(found / expected - 1).max())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=[10, 64, 256])
    parser.add_argument("--vectors", type=int, default=100)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--alone", action="store_true")
    given = parser.parse_args()
    for size in given.sizes:
        row = compare(size, vectors=given.vectors, repeats=given.repeats, beside=not given.alone)
        print(f"{size} x {size}, {given.vectors} vectors")
        for name, value in list(row.items())[1:]:
            unit = "" if "error" in name or name == "difference" else " s"
            print(f"  {name:12} {value:.3g}{unit}", flush=True)


if __name__ == "__main__":
    main()
