"""The 43 measured devices as profiles: every one programs a network, also from its own cycles.

Ranges rest on the shipped config.yaml; they change only with a changelog entry.
"""

import numpy as np
import pytest
import torch
from torch import nn

from codesign.evaluation.montecarlo import EvaluationPlan, evaluate
from codesign.evaluation.statistics import rank_correlation
from codesign.memsim.simulator import MemSimSettings, PerovskiteMemSim
from codesign.models.network import network_of
from codesign.nonideality.branch import Extraction
from codesign.nonideality.levels import synthetic_profiles, trend
from codesign.nonideality.profiling import profile_of, with_ratios
from codesign.tasks.classification import ClassificationTask, Labelled
from tests.regression.conftest import EXTRACTION, needs_devices

pytestmark = needs_devices
L0 = EXTRACTION["min_operative_fraction"]


@pytest.fixture(scope="module")
def devices(extracted):
    """(row, profile with ratios) of every device."""
    how = Extraction(**EXTRACTION)
    found = []
    for measurement, row in extracted.values():
        profile = profile_of(row, min_operative_fraction=L0)
        found.append((row, with_ratios(profile, measurement, how)))
    return found


@pytest.fixture(scope="module")
def task():
    """Nearest-centre classes in 32 dimensions and a two-layer network that solves them without training.

    The hidden layer copies its input and its negative through a rectifier; the
    output layer holds the centres.
    """
    random = torch.Generator().manual_seed(11)
    centres = torch.randn(10, 32, generator=random)
    targets = torch.randint(10, (2000,), generator=random)
    inputs = centres[targets] + 0.8 * torch.randn(2000, 32, generator=random)
    model = nn.Sequential(nn.Linear(32, 64), nn.ReLU(), nn.Linear(64, 10))
    with torch.no_grad():
        rotation = torch.linalg.qr(torch.randn(32, 32, generator=random)).Q
        model[0].weight.copy_(torch.cat([rotation, -rotation]))
        model[0].bias.zero_()
        model[2].weight.copy_(torch.cat([centres @ rotation.T, -centres @ rotation.T], dim=1))
        model[2].bias.copy_(-0.5 * (centres**2).sum(dim=1))
    return network_of(model), Labelled(inputs, targets)


def test_every_device_has_a_profile_of_its_own_window(devices):
    """43 profiles; range, window and ratios are those of the rows."""
    assert len(devices) == 43
    for row, profile in devices:
        assert (profile.g_min_s, profile.g_max_s) == pytest.approx(
            (row["g_min_s"], row["g_max_s"]), rel=1e-12
        )
        assert profile.curve.min() == 0 and profile.curve.max() == 1
        assert profile.log_ratio.size == row["samples"]
        assert np.sqrt(np.mean(profile.log_ratio**2)) == pytest.approx(row["sigma_mle"], rel=1e-9)
    assert sum(profile.reached.all() for _, profile in devices) == 17


@pytest.mark.parametrize("analog", ["weights", "all", "differential"])
@pytest.mark.parametrize("mapping", ["relative", "ratio"])
@pytest.mark.parametrize("noise", ["lognormal", "resampled"])
def test_every_device_programs_a_network(devices, task, mapping, analog, noise):
    """Finite weights from all 43, and the clean ones come back."""
    network, _ = task
    clean = [parameter.detach().clone() for parameter in network.module.parameters()]
    settings = MemSimSettings(mapping=mapping, analog=analog, noise=noise)
    with PerovskiteMemSim(network, settings) as simulator:
        for seed, (_, profile) in enumerate(devices):
            simulator.program(profile, torch.Generator().manual_seed(seed))
            assert all(torch.isfinite(parameter).all() for parameter in network.module.parameters())
    assert all(map(torch.equal, clean, network.module.parameters()))


def test_usability_ranks_devices_by_what_their_own_cycles_do_to_a_network(devices, task):
    """Spearman's rho under resampled noise; its bootstrap interval lies above 0.5."""
    network, examples = task
    profiles = [profile for _, profile in devices]
    plan = EvaluationPlan(
        experiment="centres",
        method="none",
        network="two-layer",
        stands_for="device",
        memsim={"mapping": "relative", "analog": "weights"},
        noises=["resampled"],
        programmings=range(5),
        metrics=["accuracy"],
    )
    centres = ClassificationTask("centres", classes=10, shape=(32,), read=None)
    rows = evaluate(network, centres, examples, profiles, plan, progress=False)
    score = {p.profile: np.mean([r["value"] for r in rows if r["profile"] == p.profile]) for p in profiles}
    found = rank_correlation(
        [p.usability for p in profiles],
        [score[p.profile] for p in profiles],
        resamples=1000,
        confidence=0.95,
        rng=np.random.default_rng(0),
    )
    assert found.n == 43 and found.low > 0.5


def test_synthetic_profiles_follow_the_measured_trend(devices):
    """Shares of the shipped extraction; beyond the LCIS the mean curve stands at two thirds."""
    along = trend([row for row, _ in devices], min_operative_fraction=L0)
    assert (along.eta_share, along.beyond) == pytest.approx((0.1397, 0.6466), abs=1e-3)
    assert (along.devices, along.origin) == (43, "measured")
    made = synthetic_profiles([0.3], along, min_operative_fraction=L0)
    assert made[0].origin == "measured" and made[0].eta == pytest.approx(0.857, abs=1e-3)
