"""`python -m codesign.crossbar check WIRING`: whether instrument, board and array answer as they should."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from codesign.crossbar.discovery2 import Discovery2
from codesign.crossbar.driver import CrossbarError
from codesign.crossbar.programming import read_conductances
from codesign.crossbar.safety import DryRun, Guarded
from codesign.crossbar.wiring import Wiring, read_wiring
from codesign.settings import SettingsError

LARGEST_ZERO = 0.02
"""Share of the input range above which a column's reading at 0 V is worth a look."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command.

    Returns:
        0 where everything answered, 1 where something did not.
    """
    parser = argparse.ArgumentParser(prog="python -m codesign.crossbar", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    check = commands.add_parser(
        "check",
        help="connect, read every cell once, let go; nothing is programmed",
        description="Connect to the instrument of a wiring file, print who answers, what every column reads "
        "at 0 V and the conductance of every cell, and let go. Nothing is programmed.",
    )
    check.add_argument("wiring", type=Path, metavar="WIRING", help="e.g. profiles/bench/wiring.yaml")
    check.add_argument(
        "--read-voltage", type=float, default=0.1, metavar="V", help="of a row while its cells are read (0.1)"
    )
    check.add_argument("--dry-run", action="store_true", help="print every action and touch nothing")
    chosen = parser.parse_args(arguments)
    try:
        _check(read_wiring(chosen.wiring), read_voltage_v=chosen.read_voltage, dry=chosen.dry_run)
    except (CrossbarError, SettingsError) as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        return 1
    return 0


def _check(wiring: Wiring, *, read_voltage_v: float, dry: bool) -> None:
    instrument = Discovery2(wiring)
    every = np.ones(wiring.shape, dtype=bool)
    if dry:
        with DryRun(instrument) as array:
            read_conductances(array, every, read_voltage_v=read_voltage_v)
        return
    with Guarded(instrument, wiring.limits) as array:
        width = max(map(len, array.identity))
        for name, said in {**array.identity, "evidence": array.evidence}.items():
            print(f"{name:{width}}  {said}")
        print("\ncurrent of each column at 0 V, taken off every reading [nA]")
        print("  " + " ".join(f"{1e9 * zero:7.1f}" for zero in instrument.zero_a))
        for column, zero in enumerate(instrument.zero_a):
            bank = next(bank for bank in wiring.columns if column in bank.lines)
            full = abs(bank.amperes(wiring.instrument.input_range_v / 2))
            if abs(zero) > LARGEST_ZERO * full:
                share = f"{abs(zero) / full:.0%} of the range of input {bank.input}"
                print(f"  column {column}: {share}; see to its transimpedance stage")
        conductance = read_conductances(array, every, read_voltage_v=read_voltage_v)
        print(f"\nconductance of each cell at {read_voltage_v:g} V [uS], row by row")
        for row in conductance:
            print("  " + " ".join(f"{1e6 * cell:7.2f}" for cell in row))
    print("\noutputs at 0 V, multiplexers off, instrument released")


if __name__ == "__main__":
    sys.exit(main())
