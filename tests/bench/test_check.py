"""What a person types first: `python -m codesign.crossbar check`."""

import numpy as np
import pytest

CHECK = """
from codesign.crossbar.__main__ import main
sys.exit(main(["check", sys.argv[1], *{options}]))
"""


def table(lines: list[str], after: str) -> np.ndarray:
    """Numbers of the indented lines below a heading."""
    start = next(k for k, line in enumerate(lines) if line.startswith(after)) + 1
    rows = []
    for line in lines[start:]:
        if not line.startswith("  "):
            break
        rows.append([float(word) for word in line.split()])
    return np.array(rows)


def test_it_shows_instrument_zeros_and_cells(bench):
    """Numbers are those of the board: offsets of the stages, conductances of the cells."""
    outcome = bench.run(CHECK.format(options=[]), scene="stuck 3 4 3e-5")
    assert outcome.status == 0, outcome.err
    lines = outcome.out.splitlines()
    assert any(line.split() == ["serial", "210321000000"] for line in lines)
    zeros = table(lines, "current of each column at 0 V")[0]
    # 2 mV and 4 mV behind -47 kOhm
    assert zeros == pytest.approx(np.repeat([-42.6, -85.1], 5), abs=5)
    cells = table(lines, "conductance of each cell")
    # less what drive resistor and switches take from 30 uS; noise of 2 nA at 0.1 V is 0.02 uS
    assert cells == pytest.approx(1e6 * outcome.record.conductance, rel=0.06, abs=0.1)
    assert cells[3, 4] == pytest.approx(30, rel=0.06)
    assert outcome.record.safe
    assert outcome.record.pulses == 0


@pytest.mark.parametrize("place", [0, 9])
def test_a_resistor_in_place_of_the_array(bench, place):
    """What the guide says a first check must show, with 100 kOhm at one place and nothing elsewhere."""
    cells = [(row, column) for row in range(10) for column in range(10)]
    held = {cell: 1e-5 if cell == (place, place) else 1e-10 for cell in cells}
    scene = ";".join(f"stuck {row} {column} {siemens}" for (row, column), siemens in held.items())
    outcome = bench.run(CHECK.format(options=[]), scene=scene)
    shown = table(outcome.out.splitlines(), "conductance of each cell")
    assert 9.9 <= shown[place, place] <= 10.1
    shown[place, place] = 0
    assert np.abs(shown).max() < 0.1


def test_a_dry_run_prints_and_touches_nothing(bench):
    """The library is not even loaded: no instrument is needed to see what would be done."""
    outcome = bench.run("import dwfpy" + CHECK.format(options=["--dry-run", "--read-voltage", "0.2"]))
    assert outcome.status == 0, outcome.err
    assert outcome.out.count("set rows to") == 11
    assert "+0.2000" in outcome.out
    assert outcome.record.calls == 0


@pytest.mark.parametrize(
    ("scene", "options", "said"),
    [
        pytest.param("absent", [], "InstrumentAbsentError: ", id="no instrument"),
        pytest.param("", ["--read-voltage", "0.5"], "LimitError: 0.5 V", id="beyond the limit"),
    ],
)
def test_it_says_in_one_line_what_is_wrong(bench, scene, options, said):
    """No traceback for what a person at the bench can mend."""
    outcome = bench.run(CHECK.format(options=options), scene=scene)
    assert outcome.status == 1
    assert outcome.err.startswith(said)
    assert len(outcome.err.splitlines()) == 1
    assert outcome.record.safe
