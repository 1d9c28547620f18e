"""Certificates of real networks against enumeration, closed forms and coverage over repeated draws."""

from itertools import combinations, product

import numpy as np
import pytest
import torch
from scipy import stats
from torch import nn

from codesign.bayesmulti.noise import NoiseSpec
from codesign.bayesmulti.noises.base import LEVELS
from codesign.bayesmulti.noises.multinomial import MultinomialNoise
from codesign.bayesmulti.specification import method_spec
from codesign.certificates.certify import (
    CertificateSettings,
    Certified,
    certified_noise,
    certify_networks,
    programmed_decisions,
    programmed_rows,
    smoothed_rows,
    weight_noise,
)
from codesign.certificates.summary import summarise_certificates
from codesign.memsim.simulator import MemSimSettings
from codesign.models.network import Network, network_of
from codesign.models.weights import write_weights
from codesign.nonideality.profile import DeviceProfile
from codesign.schemas.certificate_summary import CERTIFICATE_SUMMARY
from codesign.schemas.certificates import CERTIFICATES
from codesign.tables import write_table
from codesign.tasks.classification import ClassificationTask, Labelled
from codesign.tasks.contract import TaskError
from codesign.tasks.experiment import Experiment

LABELS = {"experiment": "t", "method": "erm", "network": "small"}
TASK = ClassificationTask("t", classes=2, shape=(2,), read=None)
"""Decides by the largest logit; its examples are made by hand."""
SETTINGS = CertificateSettings(examples=8, draws=150, programmings=60, confidence=0.9, sigma=0.4)
P_ZERO, P_HALF = 0.625, 0.125
"""Exact in 16 bits."""
NOISE = NoiseSpec("erm", "weight", (MultinomialNoise(P_ZERO, P_HALF),))
MEMSIM = MemSimSettings(mapping="relative", analog="weights", noise="lognormal")


def linear(weights, bias) -> Network:
    """A network of one layer with these values, in evaluation mode."""
    layer = nn.Linear(np.shape(weights)[1], len(weights))
    with torch.no_grad():
        layer.weight.copy_(torch.tensor(weights))
        layer.bias.copy_(torch.tensor(bias))
    return network_of(layer.eval())


def four_weights() -> tuple[Network, Labelled]:
    """Two inputs, two classes, and eight inputs on which noise on the weights matters."""
    rng = np.random.default_rng(4)
    network = linear([[1.0, -0.7], [-0.4, 0.9]], [0.3, -0.2])
    inputs = torch.from_numpy(rng.normal(size=(8, 2))).float()
    return network, Labelled(inputs, torch.zeros(8, dtype=torch.int64))


def exact_smoothed(network: Network, inputs: torch.Tensor, delta=(1.0, 1.0, 1.0, 1.0)) -> np.ndarray:
    """P(class 0) of each input with weights times delta, over all 81 outcomes of the noise."""
    values = {0.0: P_ZERO, 0.5: P_HALF, 1.0: 1 - P_ZERO - P_HALF}
    mean = 0.5 * P_HALF + 1 - P_ZERO - P_HALF
    weight, bias = (each.detach().double().numpy() for each in network.module.parameters())
    x = inputs.double().numpy()
    total = np.zeros(len(x))
    for eta in product(values, repeat=4):
        noisy = weight * (np.array(eta) * np.array(delta) / mean).reshape(2, 2)
        logits = x @ noisy.T + bias  # (n, 2) @ (2, 2)
        total += np.prod([values[e] for e in eta]) * (logits.argmax(axis=1) == 0)
    return total


def device(sigma, usability=0.7, **values) -> DeviceProfile:
    """A profile that reaches every level, with this spread."""
    shared = {"profile": f"d-{sigma}", "kind": "synthetic", "origin": "virtual", "level": usability}
    shared |= {"usability": usability, "usability_low": None, "usability_high": None, "eta": 1.0}
    shared |= {"sigma": sigma, "branch_points": 10, "window_start": 0, "window_length": 4}
    shared |= {"lcis_start": 0, "lcis_length": 4, "g_min_s": None, "g_max_s": None}
    shared |= {"curve": np.linspace(0, 1, 4), "reached": np.ones(4, dtype=bool), "log_ratio": np.empty(0)}
    return DeviceProfile(**(shared | values))


def smoothed(network, examples, noise=NOISE, *, seed=1, settings=SETTINGS):
    return smoothed_rows(network, TASK, examples, noise, settings=settings, seed=seed, labels=LABELS)


def programmed(network, examples, profiles, *, seed=1, settings=SETTINGS):
    given = {"settings": settings, "memsim": MEMSIM, "chance": 0.5, "seed": seed, "labels": LABELS}
    return programmed_rows(network, TASK, examples, profiles, **given)


def covered(bounds, exact, *, confidence, repeats) -> None:
    """Bounds at most the exact value in at least `confidence` of the repeats, less four standard errors."""
    error = 4 * np.sqrt(confidence * (1 - confidence) / repeats)
    assert np.mean(np.array(bounds) <= np.array(exact) + 1e-12) >= confidence - error


def test_bounds_on_q_cover_the_enumerated_network():
    """Scope one covers for each example by itself, scope all for the eight together, 100 repeats."""
    network, examples = four_weights()
    exact = exact_smoothed(network, examples.inputs)
    assert np.ptp(exact) > 0.2
    single, together = [], []
    for seed in range(100):
        rows = [row for row in smoothed(network, examples, seed=seed) if row["certificate"] == "discrete"]
        one, joint = (
            np.array([row["probability"] for row in rows if row["scope"] == scope])
            for scope in ("one", "all")
        )
        assert np.all(joint <= one)
        single.append(one)
        together.append(np.max(joint - exact))
    for k in range(len(examples)):
        covered([one[k] for one in single], exact[k], confidence=0.9, repeats=100)
    covered(together, 0.0, confidence=0.9, repeats=100)


def test_no_change_of_k_weights_flips_the_enumerated_network():
    """Every choice of k of four weights and five factors each, where q's bound is right."""
    network, examples = four_weights()
    network.module.bias.data = torch.tensor([0.9, -0.9])
    exact = exact_smoothed(network, examples.inputs)
    rows = [
        row
        for row in smoothed(network, examples, settings=SETTINGS)
        if row["certificate"] == "discrete" and row["scope"] == "all"
    ]
    certified = [row for row in rows if row["value"] >= 1]
    assert certified and len(certified) < len(rows)
    for row in certified:
        assert row["probability"] <= exact[row["example"]]
        for places in combinations(range(4), int(row["value"])):
            for factors in product((0.0, 0.5, 2.0, -3.0, 50.0), repeat=len(places)):
                delta = np.ones(4)
                delta[list(places)] = factors
                x = examples.inputs[row["example"]][None]
                assert exact_smoothed(network, x, delta)[0] > 0.5


def test_the_published_bound_is_of_the_network_s_own_size():
    """Four weights, by hand at the row's own bound on q; halves make it negative."""
    network, examples = four_weights()
    for row in smoothed(network, examples):
        if row["certificate"] == "published":
            stay = np.log(1 - P_HALF)
            by_hand = (4 * stay - np.log(1.5 - row["probability"])) / (stay - np.log(P_ZERO))
            assert row["value"] == pytest.approx(by_hand)
            assert row["vacuous"] == (by_hand < 1)
            assert row["ceiling"] >= row["value"]


def test_the_radius_stays_inside_the_true_one():
    """One weight, class 0 while w > t: q = Phi(-ln t / s), and the decision flips at |ln delta| = -ln t."""
    network, threshold = linear([[1.0], [0.0]], [0.0, 0.8]), 0.8
    examples = Labelled(torch.ones(1, 1), torch.zeros(1, dtype=torch.int64))
    radii = [
        row["value"]
        for seed in range(100)
        for row in smoothed(network, examples, seed=seed)
        if row["certificate"] == "smoothing" and row["scope"] == "one"
    ]
    assert np.median(radii) > 0.5 * -np.log(threshold)
    covered(radii, -np.log(threshold), confidence=0.9, repeats=100)


def test_programmed_bounds_cover_the_closed_form():
    """P(exp(sigma z) > t), one weight: each row and the mean accuracy, which is the same number here."""
    network, sigma = linear([[1.0], [0.0]], [0.0, 0.7]), 0.5
    examples = Labelled(torch.ones(1, 1), torch.zeros(1, dtype=torch.int64))
    exact = stats.norm.cdf(-np.log(0.7) / sigma)
    found = {"programming": [], "accuracy": []}
    for seed in range(100):
        for row in programmed(network, examples, [device(sigma)], seed=seed):
            if row["scope"] != "all":
                found[row["certificate"]].append(row["value"])
    for bounds in found.values():
        assert np.median(bounds) > exact - 0.25
        covered(bounds, exact, confidence=0.9, repeats=100)


def test_an_ideal_device_is_programmed_once_and_exact():
    """No spread: the clean network's decisions are certain, and accuracy is the clean one."""
    network, examples = four_weights()
    clean = (network.module(examples.inputs).argmax(dim=1) == 0).numpy()
    rows = programmed(network, examples, [device(0.0, 1.0)])
    assert [row["value"] for row in rows if row["scope"] == "one"] == clean.astype(float).tolist()
    [mean] = [row for row in rows if row["certificate"] == "accuracy"]
    assert mean["value"] == mean["probability"] == pytest.approx(clean.mean())
    assert (mean["draws"], mean["confidence"], mean["distance"], mean["changed"]) == (1, 1.0, 0.0, 0.0)


def test_distance_is_the_length_of_the_drawn_logarithms():
    """sigma sqrt(N) with N = 400 weights: the chi distribution's own spread, four standard errors."""
    n, sigma, times = 400, 0.3, 50
    network = linear(np.random.default_rng(1).normal(size=(2, n // 2)).astype(np.float32), [0.0, 0.0])
    before = network.module.weight.detach().clone()
    found = programmed_decisions(
        network,
        TASK,
        Labelled(torch.ones(3, n // 2), torch.zeros(3, dtype=torch.int64)),
        device(sigma),
        settings=MEMSIM,
        generator=torch.Generator().manual_seed(1),
        programmings=times,
    )
    error = sigma * stats.chi.std(n) / np.sqrt(times)
    assert found.distance.mean() == pytest.approx(sigma * stats.chi.mean(n), abs=4 * error)
    assert set(found.changed) == {n} and found.correct.shape == (times, 3)
    assert torch.equal(network.module.weight, before)


@pytest.mark.parametrize("what", ["zero", "bias"])
def test_distance_is_infinite_where_the_log_weights_are_left(what):
    """A cell that ends at G_min makes a weight 0; a bias on a memristor carries no smoothing noise."""
    network, examples = four_weights()
    flat = device(0.1, curve=np.zeros(4), reached=np.zeros(4, dtype=bool))
    found = programmed_decisions(
        network,
        TASK,
        examples,
        flat if what == "zero" else device(0.1),
        settings=MemSimSettings("relative", "weights" if what == "zero" else "all", "lognormal"),
        generator=torch.Generator().manual_seed(1),
        programmings=3,
    )
    assert np.all(np.isinf(found.distance))


@pytest.mark.parametrize(
    ("method", "parameters", "layers", "site", "expected"),
    [
        pytest.param("erm", {}, 0, None, [(0.3, 0.2)] * 3, id="none"),
        pytest.param("lognormal", {"sigma": 0.5}, 3, None, [(0.3, 0.2)] * 3, id="another-kind"),
        pytest.param("dropout", {"rate": 0.0}, 2, "activation", [(0.3, 0.2)] * 3, id="searched-to-none"),
        pytest.param(
            "dropout",
            {"rate": [0.4, 0.6]},
            2,
            "activation",
            [(0.4, 0), (0.4, 0), (0.6, 0)],
            id="activation",
        ),
        pytest.param(
            "bayesmulti",
            {"p_zero": [0.1, 0.2, 0.3], "p_half": 0.4},
            3,
            "weight",
            [(0.1, 0.4), (0.2, 0.4), (0.3, 0.4)],
            id="weight",
        ),
    ],
)
def test_noise_of_a_method_goes_to_the_weights(method, parameters, layers, site, expected):
    """Its own where it has some, carried to the layers that read it; the fixed one elsewhere."""
    network = network_of(nn.Sequential(*(nn.Linear(2, 2) for _ in range(3))))
    spec = weight_noise(method_spec(method, parameters, layers, site=site), fixed=[0.3, 0.2], network=network)
    assert spec.site == "weight"
    assert [(layer.p_zero, layer.p_half) for layer in spec.layers] == expected


def test_layers_of_different_noise_are_certified_by_the_least_of_them():
    """Smallest p_zero, largest p_half, and both as 16 bits draw them."""
    spec = NoiseSpec("x", "weight", (MultinomialNoise(0.3, 0.1), MultinomialNoise(0.1, 0.6)))
    p_zero, p_half = certified_noise(spec)
    assert p_zero == round(0.1 * LEVELS) / LEVELS and p_half == pytest.approx(0.6, abs=1 / LEVELS)
    network = network_of(nn.Sequential(*(nn.Linear(2, 2) for _ in range(3))))
    with pytest.raises(ValueError, match="2 noises for the 3 places of weight noise"):
        weight_noise(spec, fixed=[0.3, 0.3], network=network)


def test_a_layer_that_refuses_noise_is_certified_with_that_of_the_layer_before_it():
    """A depthwise convolution reads clean inputs."""
    depthwise = nn.Conv2d(4, 4, kernel_size=3, groups=4)
    network = network_of(nn.Sequential(nn.Conv2d(1, 4, 1), nn.Conv2d(4, 4, 1), depthwise, nn.Conv2d(4, 2, 1)))
    trained = method_spec("dropout", {"rate": [0.4, 0.6]}, 2, site="activation")
    spec = weight_noise(trained, fixed=[0.3, 0.2], network=network)
    assert [layer.p_zero for layer in spec.layers] == [0.4, 0.4, 0.4, 0.6]


def test_without_zeros_theorem_1_is_undefined_and_vacuous():
    """p_zero = 0: no number for the published bound; the exact one lets nothing change."""
    network, examples = four_weights()
    rows = smoothed(network, examples, NoiseSpec("x", "weight", (MultinomialNoise(0.0, 0.5),)))
    published = [row for row in rows if row["certificate"] == "published"]
    assert all(row["value"] is None and row["ceiling"] is None and row["vacuous"] for row in published)
    assert {row["value"] for row in rows if row["certificate"] == "discrete"} <= {-1.0, 0.0}


def test_a_summary_counts_what_the_examples_say(tmp_path):
    """Shares, largest values, and radii against the distance of each profile."""
    network, examples = four_weights()
    rows = smoothed(network, examples) + programmed(network, examples, [device(0.0, 1.0), device(0.05, 0.9)])
    found = summarise_certificates(rows)
    write_table(rows, tmp_path / "rows.parquet", schema=CERTIFICATES)
    write_table(found, tmp_path / "summary.parquet", schema=CERTIFICATE_SUMMARY)
    for line in found:
        mine = [
            row
            for row in rows
            if all(row[name] == line[name] for name in ("certificate", "profile", "scope"))
        ]
        if line["certificate"] == "accuracy":
            assert line["share"] is None and line["median"] == mine[0]["value"] and line["n"] == 8
        elif mine:
            assert line["share"] == pytest.approx(np.mean([not row["vacuous"] for row in mine]))
            assert line["largest"] == max(row["value"] for row in mine)
            assert line["vacuous"] == (line["share"] == 0)
        else:
            assert line["certificate"] == "smoothing"
            radii = np.array(
                [
                    row["value"]
                    for row in rows
                    if row["certificate"] == "smoothing" and row["scope"] == line["scope"]
                ]
            )
            assert line["share"] == np.mean((radii > 0) & (radii >= line["distance"]))
    reached = [line for line in found if line["certificate"] == "smoothing" and line["profile"]]
    assert len(reached) == 4 and all(line["share"] > 0 for line in reached)
    with pytest.raises(ValueError, match="draws differ"):
        summarise_certificates([rows[0], rows[0] | {"draws": 7}])


@pytest.fixture
def moons(tmp_path):
    """A small experiment and an untrained network of it on disk."""
    said = {
        "task": "moons", "source": "generated", "network": "perceptron", "train_size": 40, "test_size": 30,
        "noise": 0.2, "epochs": 1, "batch_size": 8, "learning_rate": 0.1,
    }  # fmt: skip
    experiment = Experiment.make("two", said, data={"seed": 3, "validation_fraction": 0.2})
    write_weights(experiment.fresh_network(seed=1).state(), tmp_path / "w.safetensors", metadata={})
    return experiment, tmp_path / "w.safetensors"


def test_a_network_is_certified_the_same_way_every_time(moons):
    """Rows follow from the root seed; another seed chooses other examples; methods share them."""
    experiment, weights = moons

    def rows(seed, method="erm"):
        found, origin = certify_networks(
            [Certified("panel", weights, NoiseSpec(method, "none", ()), [device(0.3)], True)],
            experiment,
            method=method,
            settings=SETTINGS,
            fixed=[0.3, 0.3],
            memsim={"mapping": "relative", "analog": "weights"},
            chance=0.5,
            seed=seed,
        )
        assert origin["dataset"] == "two moons"
        return found

    first = rows(1)
    assert first == rows(1)
    # an example and scope each: published, discrete, smoothing, programming
    assert len(first) == 8 * 4 * 2 + 1
    chosen = {row["example"] for row in first} - {None}
    assert len(chosen) == 8 and max(chosen) < 30
    assert {row["example"] for row in rows(2)} - {None} != chosen
    assert [row | {"method": "erm"} for row in rows(1, "bayesmulti")] == first


def test_each_network_is_certified_on_its_own_profiles_and_one_is_smoothed(moons):
    """The rows of a network among others are those that it has alone; smoothing is of the marked one."""
    experiment, weights = moons
    other = weights.with_name("other.safetensors")
    write_weights(experiment.fresh_network(seed=2).state(), other, metadata={})
    plain = NoiseSpec("erm", "none", ())
    multinomial = NoiseSpec("bayesmulti", "weight", (MultinomialNoise(0.5, 0.25),) * 2)
    good, poor, bad = device(0.1, 0.9), device(0.4, 0.6), device(0.8, 0.3)
    first = Certified("0.9", weights, plain, [good], False)
    second = Certified("0.5", other, multinomial, [poor, bad], True)

    def rows(*networks):
        found, _ = certify_networks(
            networks,
            experiment,
            method="bayesmulti",
            settings=SETTINGS,
            fixed=[0.3, 0.3],
            memsim={"mapping": "relative", "analog": "weights"},
            chance=0.5,
            seed=1,
        )
        return found

    together, alone = rows(first, second), rows(first) + rows(second)
    assert sorted(map(str, together)) == sorted(map(str, alone))
    smoothed = [row for row in together if row["profile"] is None]
    assert {row["certificate"] for row in smoothed} == {"published", "discrete", "smoothing"}
    assert {row["aim"] for row in smoothed} == {"0.5"}
    noise = {(row["p_zero"], row["p_half"]) for row in smoothed if row["certificate"] == "discrete"}
    assert noise == {(0.5, 0.25)}
    assert {(row["aim"], row["profile"]) for row in together if row["profile"]} == {
        ("0.9", good.profile), ("0.5", poor.profile), ("0.5", bad.profile),
    }  # fmt: skip
    none = rows(Certified("0.5", other, multinomial, [], True))
    assert none == smoothed


def test_only_decisions_that_are_right_or_wrong_can_be_certified(moons, monkeypatch):
    """A declaration that promises certificates of anything else is an error that names the task."""
    experiment, weights = moons
    monkeypatch.setattr(Experiment, "definition", property(lambda _: object()))
    with pytest.raises(TaskError, match="moons declares certificates, but is no classification"):
        certify_networks(
            [Certified("panel", weights, NoiseSpec("erm", "none", ()), [], True)],
            experiment,
            method="erm",
            settings=SETTINGS,
            fixed=[0.3, 0.3],
            memsim={"mapping": "relative", "analog": "weights"},
            chance=0.5,
            seed=1,
        )


@pytest.mark.parametrize(
    ("values", "message"),
    [
        pytest.param({"draws": 0}, "draws must be at least 1", id="draws"),
        pytest.param({"programmings": 0}, "programmings must be", id="programmings"),
        pytest.param({"examples": 0}, "examples must be", id="examples"),
        pytest.param({"confidence": 1.0}, "confidence must lie", id="confidence"),
        pytest.param({"sigma": 0.0}, "sigma must be above 0", id="sigma"),
    ],
)
def test_settings_refuse(values, message):
    """Each names the value."""
    with pytest.raises(ValueError, match=message):
        CertificateSettings(**(SETTINGS.__dict__ | values))
