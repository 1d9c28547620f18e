"""The library that stands in for the WaveForms runtime is what dwfpy expects, and nothing less."""

import re
import subprocess

import pytest

from tests.bench.library import symbols

IMPORTS_ALL = """
import dwfpy, dwfpy.bindings
bound = [name for name in dir(dwfpy.bindings) if name.startswith("dwf_")]
print(dwfpy.Application.get_version(), len(bound))
"""


def test_every_symbol_of_dwfpy_is_there(library):
    """dwfpy binds all of them at import, so one missing symbol would stop it."""
    listed = subprocess.run(
        ["nm", "-D", "--defined-only", str(library / "libdwf.so")], capture_output=True, text=True, check=True
    )
    exported = set(re.findall(r" T (FDwf\w+)", listed.stdout))
    assert exported == {symbol.name for symbol in symbols()}
    assert len(exported) == 464


def test_dwfpy_imports_with_it(bench):
    """The import itself makes the last check: every name bound, for this library version."""
    outcome = bench.run(IMPORTS_ALL)
    version, bound = outcome.out.split()
    assert (outcome.status, version) == (0, "3.22.2")
    assert int(bound) >= len(symbols())


def test_a_call_without_behaviour_fails_by_name(bench):
    """A stub says what it is instead of answering something."""
    outcome = bench.run("""
        import dwfpy
        dwfpy.Application().get_parameter(dwfpy.GlobalParameter.ON_CLOSE)
        """)
    assert outcome.status == 1
    assert "FDwfParamGet is not part of the test library" in outcome.error


@pytest.mark.parametrize(
    ("volts", "seconds", "moved"),
    [
        pytest.param(0.9, 1e-2, False, id="half of a pulse disturbs nobody"),
        pytest.param(1.8, 1e-3, True, id="a pulse moves its cell"),
    ],
)
def test_cells_have_a_threshold(bench, volts, seconds, moved):
    """What half-selected cells see must leave them alone, or the array could not be programmed."""
    before = bench.record.conductance
    after = bench.run(f"with driver: driver.pulse(4, 4, {volts}, {seconds})").record.conductance
    assert (after[4, 4] > 1.05 * before[4, 4]) == moved
    after[4, 4] = before[4, 4]
    assert (after == before).all()
