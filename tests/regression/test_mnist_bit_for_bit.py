"""One training on MNIST and ten programmings of it against a plain loop: not a bit is different.

The loop below shares nothing with the project but torch's own operations: it reads the files, divides the
examples, draws starting values, noise and programmings from the documented seeds, and follows the formulas.
A change of structure that moves a number anywhere on the way shows here.

    pytest tests/regression/test_mnist_bit_for_bit.py
"""

import gzip
import hashlib
import math
import os
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, linear

from codesign.bayesmulti.specification import method_spec
from codesign.evaluation.job import plan_of
from codesign.evaluation.montecarlo import evaluate, noise_generator
from codesign.memsim.simulator import MemSimSettings, PerovskiteMemSim
from codesign.nonideality.levels import Trend, synthetic_profiles
from codesign.tasks.experiment import Experiment
from codesign.training import job

REPOSITORY = Path(__file__).resolve().parents[2]
MIRROR = Path(os.environ.get("CODESIGN_MIRROR", REPOSITORY.parent / "shared" / "data"))
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not (MIRROR / "mnist").is_dir(), reason="MNIST is not on this machine"),
]

NAME, ROOT, DATA_SEED, FRACTION = "mnist-plain", 11, 4, 0.1
TRAIN, TEST, EPOCHS, BATCH, RATE, DECAY = 3000, 2000, 2, 64, 1e-3, 1e-4
P_ZERO, P_HALF = (0.05, 0.2), (0.1, 0.3)
SIZES = (784, 256, 128, 10)
PROGRAMMINGS = 10
BLOCK = 8192
PROFILE = synthetic_profiles([0.6], Trend(0.14, 0.7, 9, "measured"), min_operative_fraction=0.35)[0]


def drawn_from(*names: object) -> torch.Generator:
    """The first 63 bits of the SHA-256 of the names, joined by slashes."""
    digest = hashlib.sha256("/".join(map(str, names)).encode()).digest()
    return torch.Generator().manual_seed(int.from_bytes(digest[:8], "big") // 2)


def files(part: str) -> tuple[Tensor, Tensor]:
    """Bytes of the images, (n, 784), and classes: IDX headers have 16 and 8 bytes."""
    images, labels = (
        np.frombuffer(gzip.decompress((MIRROR / "mnist" / f"{part}-{kind}-ubyte.gz").read_bytes()), np.uint8)
        for kind in ("images-idx3", "labels-idx1")
    )
    return (
        torch.from_numpy(images[16:].reshape(-1, 784).copy()),
        torch.from_numpy(labels[8:].astype(np.int64)),
    )


def evenly(classes: np.ndarray, size: int, draw: torch.Generator) -> np.ndarray:
    """`size` positions, by largest remainder from each class, in ascending order."""
    shares = [float(count) * size / len(classes) for count in np.bincount(classes)]
    take = [math.floor(share) for share in shares]
    for label in sorted(range(len(shares)), key=lambda k: take[k] - shares[k])[: size - sum(take)]:
        take[label] += 1
    found = []
    for label, number in enumerate(take):
        members = np.flatnonzero(classes == label)
        found += members[torch.randperm(len(members), generator=draw).numpy()[:number]].tolist()
    return np.array(sorted(found))


def examples() -> dict[str, tuple[Tensor, Tensor]]:
    """Training, validation and test examples, normalised with mean and deviation of the training pixels."""
    images, classes = files("train")
    labels, draw = classes.numpy(), drawn_from(DATA_SEED, "digits", "fit")
    validation = evenly(labels, round(len(labels) * FRACTION), draw)
    left = np.setdiff1d(np.arange(len(labels)), validation)
    training = left[evenly(labels[left], TRAIN, draw)]
    pixels = images[training].numpy().astype(np.int64)
    mean = pixels.sum() / pixels.size
    deviation = math.sqrt((pixels**2).sum() / pixels.size - mean**2)
    test_images, test_classes = files("t10k")
    test = evenly(test_classes.numpy(), TEST, drawn_from(DATA_SEED, "digits", "test"))

    def scaled(chosen: Tensor) -> Tensor:
        return (chosen.float() - np.float32(mean)) / np.float32(deviation)

    return {
        "train": (scaled(images[training]), classes[training]),
        "validation": (scaled(images[validation]), classes[validation]),
        "test": (scaled(test_images[test]), test_classes[test]),
    }


def start() -> list[Tensor]:
    """Weight and bias of each layer: He's variance, half of it in the last layer, biases 0."""
    draw, parameters = drawn_from(ROOT, "initial", NAME), []
    for k, (inputs, outputs) in enumerate(pairwise(SIZES), start=1):
        gain = 2.0 if k < len(SIZES) - 1 else 1.0
        parameters.append(torch.empty(outputs, inputs).normal_(0, math.sqrt(gain / inputs), generator=draw))
        parameters.append(torch.zeros(outputs))
    return [parameter.requires_grad_() for parameter in parameters]


def multinomial(x: Tensor, p_zero: float, p_half: float, draw: torch.Generator) -> Tensor:
    """x eta / E[eta], eta in {0, 1/2, 1}: 16 random bits a component against two thresholds."""
    words = torch.empty((x.numel() + 3) // 4, dtype=torch.int64).random_(-(2**63), None, generator=draw)
    uniform = words.view(torch.int16)[: x.numel()].view(x.shape).int() + 32768  # 0 ... 65535
    zero, half = round(p_zero * 65536), round((p_zero + p_half) * 65536)
    halves = (uniform >= zero).float() + (uniform >= half).float()  # 0, 1, 2
    return x * (halves * (1.0 / (2.0 - zero / 65536 - half / 65536)))


def logits(parameters: list[Tensor], x: Tensor, noise: torch.Generator | None = None) -> Tensor:
    """The network; with `noise`, what the second and third layer read is noisy."""
    for k in range(3):
        if k and noise is not None:
            x = multinomial(x, P_ZERO[k - 1], P_HALF[k - 1], noise)
        x = linear(x, parameters[2 * k], parameters[2 * k + 1])
        x = torch.relu(x) if k < 2 else x
    return x


def trained(data: dict[str, tuple[Tensor, Tensor]]) -> SimpleNamespace:
    """Adam with a cosine, epoch by epoch; the weights of the smallest validation loss."""
    parameters = start()
    optimiser = torch.optim.Adam(parameters, lr=RATE, weight_decay=DECAY, fused=True)
    order, noise = drawn_from(ROOT, "order", NAME), drawn_from(ROOT, "training-noise", NAME)
    inputs, targets = data["train"]
    steps = math.ceil(TRAIN / BATCH)
    history, best = [], (math.inf, None)
    for epoch in range(EPOCHS):
        shuffled, total, first = torch.randperm(TRAIN, generator=order), 0.0, None
        for step in range(steps):
            rate = RATE * (0.5 * (1 + math.cos(math.pi * ((epoch + step / steps) / EPOCHS))))
            first = rate if first is None else first
            optimiser.param_groups[0]["lr"] = rate
            chosen = shuffled[step * BATCH : (step + 1) * BATCH]
            loss = cross_entropy(logits(parameters, inputs[chosen], noise), targets[chosen])
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            total += loss.item() * len(chosen)
        with torch.no_grad():
            parts = [
                (logits(parameters, x), y)
                for x, y in zip(*(part.split(1000) for part in data["validation"]), strict=True)
            ]
        number = len(data["validation"][1])
        validation = sum(cross_entropy(out, y).item() * len(y) for out, y in parts) / number
        right = sum(int((out.argmax(dim=1) == y).sum()) for out, y in parts)
        history.append(
            {
                "epoch": epoch + 1,
                "learning_rate": first,
                "train": {"loss": total / TRAIN},
                "validation": {"loss": validation, "accuracy": right / number},
            }
        )
        if validation < best[0]:
            best = validation, [parameter.detach().clone() for parameter in parameters]
    return SimpleNamespace(history=history, weights=best[1])


def programmed(weight: Tensor, draw: torch.Generator) -> Tensor:
    """One matrix on devices: the level that the curve has beyond the LCIS window, times exp(sigma z)."""
    flat, w = weight.reshape(-1), float(weight.abs().max())
    pieces = len(PROFILE.curve) - 1
    slope = np.diff(PROFILE.curve) * pieces
    intercept = PROFILE.curve[:-1] - np.arange(pieces) * np.diff(PROFILE.curve)
    inside = PROFILE.reached[:-1] & PROFILE.reached[1:]
    slope, intercept = np.where(inside, 1.0, slope), np.where(inside, 0.0, intercept)
    a, b = (torch.from_numpy(x).float() for x in (intercept * w, slope))
    found = []
    for block in flat.split(BLOCK):
        size = block.abs()
        piece = (size * (pieces / w)).int().clamp(0, pieces - 1).long()
        reached = torch.addcmul(a[piece], b[piece], size).clamp(0.0, w)
        z = torch.empty_like(block).normal_(0.0, PROFILE.sigma / math.log(2), generator=draw)
        found.append(reached * block.sign() * torch.exp2(z))
    return torch.cat(found).reshape(weight.shape)


@pytest.fixture(scope="module")
def plain():
    """What the plain loop finds."""
    data = examples()
    return SimpleNamespace(data=data, **vars(trained(data)))


@pytest.fixture(scope="module")
def project():
    """What the project finds, on the processor."""
    experiment = Experiment.make(
        NAME,
        {
            "task": "digits", "source": "mnist", "network": "mlp", "epochs": EPOCHS, "batch_size": BATCH,
            "learning_rate": RATE, "train_size": TRAIN, "test_size": TEST,
        },
        data={"seed": DATA_SEED, "validation_fraction": FRACTION},
        mirror=MIRROR,
    )  # fmt: skip
    spec = method_spec("bayesmulti", {"p_zero": P_ZERO, "p_half": P_HALF}, 2, site="activation")
    shared = {
        "optimiser": "adam", "momentum": 0.0, "weight_decay": DECAY, "schedule": "cosine",
        "warmup_epochs": 0, "ramp": 0.0, "select": "loss", "patience": None, "compile": False,
        "precision": "auto", "start": "scratch", "further": 0.5,
    }  # fmt: skip
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(job, "compute_device", lambda: torch.device("cpu"))
        made = job.train_experiment(experiment, spec, shared=shared, seed=ROOT)
    return SimpleNamespace(experiment=experiment, made=made)


def same_bits(one: Tensor, other: Tensor) -> bool:
    return one.shape == other.shape and one.numpy().tobytes() == other.numpy().tobytes()


def test_examples_are_the_same_bits(plain, project):
    """Which images, in which order, and normalised to the last bit."""
    parts = ("train", "validation", "test")
    for part, examples in zip(parts, project.experiment.examples(*parts), strict=True):
        inputs, targets = plain.data[part]
        assert same_bits(examples.inputs.reshape(len(inputs), -1), inputs)
        assert same_bits(examples.targets, targets)


def test_history_and_weights_are_the_same_bits(plain, project):
    """Every number of every epoch, and every weight of the best one."""
    result = project.made.result
    assert result.history == plain.history
    assert all(same_bits(a, b) for a, b in zip(result.weights.values(), plain.weights, strict=True))
    # the network has learnt: far beyond one in ten
    assert result.history[-1]["validation"]["accuracy"] > 0.8


def test_ten_programmings_score_the_same(plain, project):
    """Accuracy of each over the test examples; the programmed weights are the same bits too."""
    network, experiment = project.made.network, project.experiment
    memsim = {"mapping": "relative", "analog": "weights"}
    plan = plan_of(
        experiment, method="bayesmulti", stands_for="level", memsim=memsim, noises=["lognormal"],
        programmings=PROGRAMMINGS,
    )  # fmt: skip
    (test,) = experiment.examples("test")
    rows = evaluate(network, experiment.definition, test, [PROFILE], plan, progress=False)
    inputs, targets = plain.data["test"]
    expected = []
    settings = MemSimSettings(**memsim, noise="lognormal")
    for number in range(PROGRAMMINGS):
        draw = drawn_from(number, "programming", PROFILE.profile)
        cells = [programmed(p, draw) if p.dim() == 2 else p for p in plain.weights]
        with PerovskiteMemSim(network, settings) as simulator:
            simulator.program(PROFILE, noise_generator(PROFILE.profile, number))
            own = [parameter.detach().clone() for parameter in network.module.parameters()]
        assert all(same_bits(a, b) for a, b in zip(own, cells, strict=True))
        right = int((logits(cells, inputs).argmax(dim=1) == targets).sum())
        expected.append(("accuracy", number, right / TEST))
    assert [(row["metric"], row["programming"], row["value"]) for row in rows] == expected
    assert len({value for _, _, value in expected}) > 1
