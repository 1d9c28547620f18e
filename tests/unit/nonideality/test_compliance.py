"""Compliance: the level is found where the data say it, and masked cycle by cycle."""

import numpy as np
import pytest

from codesign.nonideality.compliance import compliance_level, detect_plateau


def ramp(peak, *, level=np.inf, cycles=5, points=60):
    """Superlinear sweeps up and back, clipped at `level`."""
    v = np.concatenate([np.linspace(0.1, 6, points), np.linspace(6, 0.1, points)])
    return np.minimum(np.tile(peak * (v / 6) ** 2, (cycles, 1)), level)


def test_a_clipped_sweep_has_a_plateau_at_the_clip():
    """Half of the points sit on it."""
    assert detect_plateau(ramp(1e-4, level=2.73e-5)) == pytest.approx(2.73e-5)


def test_a_sweep_that_only_peaks_has_no_plateau():
    """The turning point of an unlimited sweep is no compliance."""
    assert detect_plateau(ramp(1e-4)) is None


def test_a_few_limited_cycles_are_enough():
    """Real devices reach compliance in some cycles only."""
    current = np.vstack([ramp(1e-5, cycles=20), ramp(1e-3, level=2.66e-3 / 10, cycles=3)])
    assert detect_plateau(current) == pytest.approx(2.66e-4)


@pytest.mark.parametrize(
    ("current", "stated", "level", "source"),
    [
        pytest.param(ramp(1e-4, level=2.73e-5), 2.7e-5, 2.7e-5, "metadata", id="notebook-and-plateau-agree"),
        pytest.param(ramp(1e-4, level=2.73e-5), 2.64e-3, 2.73e-5, "detected", id="notebook-too-high"),
        pytest.param(ramp(1e-4, level=2.73e-5), None, 2.73e-5, "detected", id="nothing-stated"),
        pytest.param(ramp(1e-6), 2.7e-5, 2.7e-5, "metadata", id="never-reached"),
        pytest.param(ramp(1e-4), 2.7e-5, None, "none", id="exceeded-without-plateau"),
        pytest.param(ramp(1e-4), None, None, "none", id="nothing-known"),
    ],
)
def test_the_level_comes_from_where_the_data_agree(current, stated, level, source):
    """A stated level that the data contradict is not believed."""
    found = compliance_level(current, stated)
    assert found.source == source
    assert found.level_a == (None if level is None else pytest.approx(level))
    assert bool(found.note) == (stated is not None and source != "metadata")
