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
    assert detect_plateau(ramp(1e-4, level=2.73e-5)).level_a == pytest.approx(2.73e-5)


def test_a_sweep_that_only_peaks_has_no_plateau():
    """The turning point of an unlimited sweep is no compliance."""
    assert detect_plateau(ramp(1e-4)) is None


def test_a_few_limited_cycles_are_enough():
    """Real devices reach compliance in some cycles only."""
    current = np.vstack([ramp(1e-5, cycles=20), ramp(1e-3, level=2.66e-3 / 10, cycles=3)])
    assert detect_plateau(current).level_a == pytest.approx(2.66e-4)


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


def swept(shape, *, steps, v_max=2.0, cycles=4, noise=0.0, level=np.inf, limit_noise=0.0, seed=0):
    """Currents shape(v) up and back, with relative noise, clipped at a noisy level; and voltages."""
    rng = np.random.default_rng(seed)
    up = v_max * np.arange(1, steps + 1) / steps
    v = np.tile(np.concatenate([up, up[-2::-1]]), (cycles, 1))
    current = shape(v) * np.exp(noise * rng.standard_normal(v.shape))
    return np.minimum(current, level * (1 + limit_noise * rng.standard_normal(v.shape))), v


SMOOTH = {
    "ohmic": lambda v: 1e-6 * v,
    "quadratic": lambda v: 1e-6 * v**2,
    "exponential": lambda v: 1e-9 * np.exp(4 * v),
    "square-root": lambda v: 1e-6 * np.sqrt(v),
}


@pytest.mark.parametrize("steps", [15, 60, 200, 1000])
@pytest.mark.parametrize("noise", [0.0, 0.003, 0.03])
@pytest.mark.parametrize("shape", SMOOTH.values(), ids=SMOOTH)
def test_a_smooth_maximum_is_no_plateau_however_fine_the_steps(shape, steps, noise):
    """Finer steps put more samples near the peak, and as many below them."""
    assert detect_plateau(*swept(shape, steps=steps, noise=noise)) is None


def test_a_rounded_top_is_no_plateau():
    """Conductance that grows until the voltage is back bends the current over: a parabola, not an edge."""
    place = np.linspace(-1, 1, 401)
    current = np.tile(1e-5 * (1 - 0.8 * place**2), (4, 1))
    voltage = np.tile(1 - 0.9 * np.abs(place - 0.2), (4, 1))
    assert detect_plateau(current, voltage) is None


@pytest.mark.parametrize("steps", [36, 60, 200])
@pytest.mark.parametrize("limit_noise", [0.0, 7e-4, 0.005, 0.01, 0.02, 0.03])
def test_a_noisy_limit_is_found_and_masked(steps, limit_noise):
    """The level is found within the noise's own error; nearly all of the plateau is above the threshold."""
    current, voltage = swept(
        lambda v: 1e-5 * v * np.exp(2 * v), steps=steps, level=1e-4, limit_noise=limit_noise, cycles=8
    )
    found = compliance_level(current, None, voltage_v=voltage)
    assert found.source == "detected"
    assert found.level_a == pytest.approx(1e-4, rel=max(0.008, 0.7 * limit_noise))
    plateau = (1e-5 * voltage * np.exp(2 * voltage)) > 1.2e-4
    masked = current >= found.share(0.98) * found.level_a
    assert masked[plateau].mean() > 0.98
    assert not masked[voltage < 0.5].any()


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("share", [0.75, 0.85])
def test_a_noisy_limit_may_be_stated_where_few_samples_reach_it(seed, share):
    """Too few to be found by their number; stated, they are told by their scatter about it."""
    level = 2e-5 * share * np.exp(2 * share)
    current, voltage = swept(
        lambda v: 1e-5 * v * np.exp(v), steps=60, level=level, limit_noise=0.03, seed=seed, cycles=8
    )
    found = compliance_level(current[:, :60], level, voltage_v=voltage[:, :60])
    assert found.source == "metadata" and found.level_a == pytest.approx(level, rel=0.02)
    plateau = voltage[0, :60] > 2 * share + 0.05
    assert (current[:, :60][:, plateau] >= found.share(0.98) * found.level_a).mean() > 0.95


@pytest.mark.parametrize("seed", range(5))
def test_a_noisy_limit_may_be_stated(seed):
    """A stated level that the plateau scatters about is used, with the plateau's own scatter."""
    current, voltage = swept(
        lambda v: 1e-5 * v * np.exp(2 * v), steps=60, level=1e-4, limit_noise=0.03, seed=seed
    )
    found = compliance_level(current, 1e-4, voltage_v=voltage)
    assert found.source == "metadata" and found.level_a == pytest.approx(1e-4, rel=0.02)
    assert found.share(0.98) < 0.95 and "scatters" in found.note


@pytest.mark.parametrize("steps", [60, 200])
@pytest.mark.parametrize("limit_noise", [7e-4, 0.01, 0.03])
def test_a_limit_is_found_on_the_way_up_alone(steps, limit_noise):
    """Sweeps that are not swept back have half the samples."""
    current, voltage = swept(
        lambda v: 1e-5 * v * np.exp(v), steps=steps, level=4.5e-5, limit_noise=limit_noise, cycles=8
    )
    found = detect_plateau(current[:, :steps], voltage[:, :steps])
    assert found.level_a == pytest.approx(4.5e-5, rel=max(0.005, 0.7 * limit_noise))


def test_noise_that_is_the_device_own_is_no_limit():
    """A conductor whose cycles scatter by 10 % has no edge at its top."""
    current, voltage = swept(SMOOTH["ohmic"], steps=60, noise=0.1, cycles=20)
    assert detect_plateau(current, voltage) is None


@pytest.mark.parametrize("stated", [1e-5, 3e-5, 1e-3])
def test_a_stated_level_against_the_data_is_explained(stated):
    """Both numbers are in the note."""
    current, voltage = swept(lambda v: 1e-5 * v * np.exp(2 * v), steps=60, level=1e-4, limit_noise=0.02)
    found = compliance_level(current, stated, voltage_v=voltage)
    assert found.source == "detected"
    assert f"{stated:.4g} A ignored" in found.note and "limited at" in found.note
