"""What can be promised of the networks of a method: their certificates, example by example.

Each certificate is about a classifier, and not every one about the network that is programmed:

* `published`, `discrete`: the *smoothed* network that decides by majority over multinomial noise on
  the weights of every linear and convolution layer. Such a network exists for every method: noise
  is drawn at certification, whatever it was in training. A network trained with noise on activations
  has merely not learnt to live with this one, and q, its share of correct decisions, says how well
  it does. Weights may change in any way, at most so many of them; biases, normalisation and inputs
  stay. Nothing follows for the plain network.
* `smoothing`: the network smoothed with log-normal noise on the same weights. Every weight may
  be multiplied by a factor above 0, as long as the logarithms of all factors together stay short.
* `programming`: the plain network programmed as PerovskiteMemSim models a profile: the probability,
  over programmings, that an example is classified correctly. It promises nothing about a device
  that is not like the model, nor about one given programming.
* `accuracy`: the mean over programmings of the share of these examples classified correctly.

A method with a network for each level of the panel is programmed on a level with the one that the
evaluation takes there. Smoothing is about no device: the network of one level, `certificates.level`, is
smoothed.

Confidence. q and probabilities are Monte-Carlo estimates, so each certificate rests on a lower
confidence bound. Scope `one` holds for the example in its row at the stated confidence: of many
such rows some may be wrong. Scope `all` holds for all examples of one network, certificate and
profile at once (Bonferroni), so that a share counted from these rows is itself a statement at that
confidence. Scope `mean` holds for the mean accuracy. Nothing is corrected over methods, certificates
or profiles. Examples are test examples drawn once; a share is about them and not about all digits.

The draws come from streams of their own: they are independent of those that training and the
search for its noise have seen, without which a bound on new programmings would not hold.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch

from codesign.bayesmulti.noise import NoiseSpec
from codesign.bayesmulti.noises.base import LEVELS
from codesign.bayesmulti.noises.dropout import DropoutNoise
from codesign.bayesmulti.noises.lognormal import LognormalNoise
from codesign.bayesmulti.noises.multinomial import MultinomialNoise
from codesign.certificates.bounds import (
    certified_changes,
    lower_bound,
    mean_lower_bound,
    published_changes,
    smoothing_radius,
)
from codesign.certificates.smoothing import smoothed_decisions
from codesign.memsim.simulator import MemSimSettings, PerovskiteMemSim
from codesign.models.network import Network
from codesign.nonideality.profile import DeviceProfile
from codesign.schemas.certificates import CERTIFICATES
from codesign.seeds import derived_seed
from codesign.tasks.classification import ClassificationTask, Labelled
from codesign.tasks.contract import TaskError, moved
from codesign.tasks.experiment import Experiment, compute_device
from codesign.tasks.splits import stratified


@dataclass(frozen=True)
class CertificateSettings:
    """How much is drawn, and how sure the bounds are."""

    examples: int
    """Test examples certified; all where there are fewer."""
    draws: int
    """Draws of the smoothing noise an example."""
    programmings: int
    """Programmings of each profile."""
    confidence: float
    sigma: float
    """Width of the log-normal smoothing."""

    def __post_init__(self) -> None:
        for name in ("examples", "draws", "programmings"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, got {getattr(self, name)}")
        if not 0 < self.confidence < 1:
            raise ValueError(f"confidence must lie inside 0 ... 1, got {self.confidence}")
        if not self.sigma > 0:
            raise ValueError(f"sigma must be above 0, got {self.sigma}")


class Certified(NamedTuple):
    """What is certified of one network of a method."""

    aim: str
    """What it was chosen for."""
    weights: Path
    """What training left."""
    trained: NoiseSpec
    """Noise it was trained under."""
    profiles: Sequence[DeviceProfile]
    """What it is programmed on; may be empty."""
    smoothed: bool
    """Whether it is smoothed, too."""


MOVES = 25
"""Programmings, the first ones, whose weights are compared with the clean ones: enough for a median."""


class Programmed(NamedTuple):
    """Decisions of a network programmed many times, and how far its weights moved."""

    correct: np.ndarray
    """Boolean, shape (programmings, examples)."""
    changed: np.ndarray
    """Weights that differ from the clean ones, shape (programmings, or `MOVES` of them,)."""
    distance: np.ndarray
    """||ln(programmed / clean)||_2; infinite where a sign turned, a weight became 0 or one changed
    that carries no smoothing noise (a bias); of the same shape."""


def certify_networks(
    networks: Sequence[Certified],
    experiment: Experiment,
    *,
    method: str,
    settings: CertificateSettings,
    fixed: Sequence[float],
    memsim: Mapping,
    chance: float,
    seed: int,
) -> tuple[list[dict], dict]:
    """Certify the networks of one method on the experiment's test examples.

    Args:
        networks: What of each is certified.
        experiment: Of which networks and task.
        method: How they were trained.
        settings: How much is drawn.
        fixed: p_zero and p_half where training had no multinomial noise.
        memsim: mapping and analog.
        chance: Share of right decisions of a network that has learnt nothing.
        seed: Root seed; examples and draws depend on it and the task, and are the same for every method.

    Returns:
        Rows of `codesign.schemas.certificates.CERTIFICATES`, and where the test data came from.
    """
    task = experiment.definition
    if not isinstance(task, ClassificationTask):
        raise TaskError(f"{experiment.task} declares certificates, but is no classification")
    (test,) = task.examples(experiment.data, "test")
    device = compute_device()
    chooser = torch.Generator().manual_seed(derived_seed(seed, "certificates", experiment.name, "examples"))
    chosen = stratified(test.targets, min(settings.examples, len(test)), generator=chooser)
    layout = torch.channels_last if task.images(experiment.network) else torch.contiguous_format
    channels_last = layout == torch.channels_last
    examples = moved(test.chosen(chosen), device, channels_last=channels_last)
    labels = {"experiment": experiment.name, "method": method, "network": experiment.network}
    smoothed, programmed = [], []
    for each in networks:
        network = experiment.saved_network(each.weights)
        network.module.to(device=device, memory_format=layout)
        said = labels | {"aim": each.aim}
        if each.smoothed:
            noise = weight_noise(each.trained, fixed=fixed, network=network)
            smoothed += smoothed_rows(
                network, task, examples, noise, settings=settings, seed=seed, labels=said
            )
        programmed += programmed_rows(
            network,
            task,
            examples,
            each.profiles,
            settings=settings,
            memsim=MemSimSettings(**memsim, noise="lognormal"),
            chance=chance,
            seed=seed,
            labels=said,
        )
    rows, numbers = smoothed + programmed, chosen.tolist()
    for row in rows:
        if row["example"] is not None:
            row["example"] = numbers[row["example"]]
    return rows, asdict(test.source) if test.source else {}


def weight_noise(trained: NoiseSpec, *, fixed: Sequence[float], network: Network) -> NoiseSpec:
    """The multinomial noise on weights that a network is smoothed with.

    Its own where it was trained with some (dropout is multinomial without halves). Noise on the
    activations that a module reads passes to that module's weights; one that reads no noise gets that of
    the module before it, the first one that of the second. Without such noise, or where the search chose
    none, `fixed`.

    Args:
        trained: Noise of the training.
        fixed: p_zero and p_half where training had no multinomial noise.
        network: The trained one.

    Raises:
        ValueError: The number of noises does not fit the network.
    """
    own = [_multinomial(layer) for layer in trained.layers]
    if not own or None in own or all(layer.is_identity for layer in own):
        return NoiseSpec(trained.method, "weight", (MultinomialNoise(*fixed),) * len(network.analog))
    places = network.places(trained.site)
    if len(own) != len(places):
        raise ValueError(f"{len(own)} noises for the {len(places)} places of {trained.site} noise")
    if trained.site == "activation":
        read = dict(zip(places, own, strict=True))
        carried = own[0]
        own = []
        for name in network.analog:
            carried = read.get(name.rpartition(".")[0], carried)
            own.append(carried)
    return NoiseSpec(trained.method, "weight", tuple(own))


def _multinomial(noise) -> MultinomialNoise | None:
    if isinstance(noise, DropoutNoise):
        return MultinomialNoise(noise.rate, 0.0)
    return noise if isinstance(noise, MultinomialNoise) else None


def certified_noise(noise: NoiseSpec) -> tuple[float, float]:
    """p_zero and p_half that hold for every layer: the smallest and the largest, as they are drawn.

    Draws compare 16 bits, so the probabilities are those rounded to 1 / 65536.
    """
    zero = [round(layer.p_zero * LEVELS) for layer in noise.layers]
    both = [round((layer.p_zero + layer.p_half) * LEVELS) for layer in noise.layers]
    half = max(b - z for b, z in zip(both, zero, strict=True))
    return min(zero) / LEVELS, half / LEVELS


def smoothed_rows(
    network: Network,
    task: ClassificationTask,
    examples: Labelled,
    noise: NoiseSpec,
    *,
    settings: CertificateSettings,
    seed: int,
    labels: Mapping[str, str],
) -> list[dict]:
    """Rows of `published`, `discrete` and `smoothing`; `example` is the position in `examples`.

    Vacuous is what lets nothing change: less than one weight, or a radius of 0.
    """
    lognormal = NoiseSpec(noise.method, "weight", (LognormalNoise(settings.sigma),) * len(network.analog))
    weights = sum(network.module.get_parameter(name).numel() for name in network.analog)
    p_zero, p_half = certified_noise(noise)

    def published(q: np.ndarray) -> np.ndarray:
        if p_zero == 0:
            return np.full(np.shape(q), np.nan)  # Theorem 1 does not cover it
        return published_changes(q, p_zero=p_zero, p_half=p_half, parameters=weights)

    multinomial_values = {"published": published, "discrete": lambda q: certified_changes(q, p_zero=p_zero)}
    lognormal_values = {"smoothing": lambda q: smoothing_radius(q, width=settings.sigma)}
    rows = []
    for spec, values, columns in (
        (noise, multinomial_values, {"p_zero": p_zero, "p_half": p_half}),
        (lognormal, lognormal_values, {"width": settings.sigma}),
    ):
        device = examples.targets.device
        stream = derived_seed(seed, "certificates", labels["experiment"], next(iter(values)))
        correct = smoothed_decisions(
            network,
            task,
            examples,  # one draw of the weights serves all of them
            spec,
            torch.Generator(device=device).manual_seed(stream),
            draws=settings.draws,
        )
        successes = correct.sum(dim=0).cpu().numpy()
        for scope, confidence in _scopes(settings.confidence, len(successes)).items():
            # the last one: what a network that is always right would get
            counts = np.append(successes, settings.draws)
            q = lower_bound(counts, settings.draws, confidence=confidence)
            for name, value in values.items():
                found = value(q)
                rows += [
                    _row(labels, name, columns)
                    | {
                        "scope": scope,
                        "example": k,
                        "successes": int(successes[k]),
                        "draws": settings.draws,
                        "confidence": settings.confidence,
                        "probability": float(q[k]),
                        "value": None if np.isnan(found[k]) else float(found[k]),
                        "ceiling": None if np.isnan(found[-1]) else float(found[-1]),
                        "vacuous": not (found[k] > 0 if name == "smoothing" else found[k] >= 1),
                    }
                    for k in range(len(successes))
                ]
    return rows


def programmed_rows(
    network: Network,
    task: ClassificationTask,
    examples: Labelled,
    profiles: Sequence[DeviceProfile],
    *,
    settings: CertificateSettings,
    memsim: MemSimSettings,
    chance: float,
    seed: int,
    labels: Mapping[str, str],
) -> list[dict]:
    """Rows of `programming` and `accuracy`; `example` is the position in `examples`.

    A profile on which every programming is the same is programmed once: its decisions are exact.
    `programming` is vacuous where it does not promise that most programmings decide correctly,
    `accuracy` where it does not exceed `chance`.
    """
    rows = []
    for profile in profiles:
        stream = derived_seed(seed, "certificates", labels["experiment"], "programming", profile.profile)
        found = programmed_decisions(
            network,
            task,
            examples,
            profile,
            settings=memsim,
            generator=torch.Generator().manual_seed(stream),
            programmings=settings.programmings,
        )
        draws, n = found.correct.shape
        exact = draws < settings.programmings
        columns = {
            "profile": profile.profile,
            "usability": profile.usability,
            "draws": draws,
            "confidence": 1.0 if exact else settings.confidence,
            "changed": float(np.median(found.changed)),
            "distance": float(np.median(found.distance)),
        }
        successes = found.correct.sum(axis=0)
        for scope, confidence in _scopes(settings.confidence, n).items():
            counts = np.append(successes, draws)
            p = counts / draws if exact else lower_bound(counts, draws, confidence=confidence)
            rows += [
                _row(labels, "programming", columns)
                | {
                    "scope": scope,
                    "example": k,
                    "successes": int(successes[k]),
                    "probability": float(p[k]),
                    "value": float(p[k]),
                    "ceiling": float(p[-1]),
                    "vacuous": not p[k] > 0.5,
                }
                for k in range(n)
            ]
        shares = found.correct.mean(axis=1)
        bound, best = (
            float(values[0]) if exact else mean_lower_bound(values, confidence=settings.confidence)
            for values in (shares, np.ones(draws))
        )
        rows.append(
            _row(labels, "accuracy", columns)
            | {
                "scope": "mean",
                "probability": float(shares.mean()),
                "value": bound,
                "ceiling": best,
                "vacuous": not bound > chance,
            }
        )
    return rows


def _scopes(confidence: float, n: int) -> dict[str, float]:
    """Confidence of each single bound, by what is to hold at `confidence`."""
    return {"one": confidence, "all": 1.0 - (1.0 - confidence) / n}


def _row(labels: Mapping[str, str], certificate: str, columns: Mapping) -> dict:
    return dict.fromkeys(CERTIFICATES.names) | dict(labels) | {"certificate": certificate} | dict(columns)


@torch.inference_mode()
def programmed_decisions(
    network: Network,
    task: ClassificationTask,
    examples: Labelled,
    profile: DeviceProfile,
    *,
    settings: MemSimSettings,
    generator: torch.Generator,
    programmings: int,
) -> Programmed:
    """Program `network`, which is in evaluation mode, again and again and let it decide.

    An output that is not finite is no correct decision. A profile without randomness is programmed once.

    Args:
        network: Gets its weights back bit for bit.
        task: Says which decisions are right.
        examples: On the network's device.
        profile: The device.
        settings: How it is programmed.
        generator: On the CPU.
        programmings: How often.
    """
    model, smoothed = network.module, set(network.analog)
    parts = torch.arange(len(examples), device=examples.targets.device).split(network.examples_at_once)
    batches = [task.batch(examples, part) for part in parts]
    correct, changed, distance = [], [], []
    with PerovskiteMemSim(network, settings) as simulator:
        clean = {name: model.get_parameter(name).detach().clone() for name in simulator.names}
        for number in range(1 if simulator.deterministic(profile) else programmings):
            simulator.program(profile, generator)
            right = [task.decided_right(task.forward(model, batch), batch) for batch in batches]
            correct.append(torch.cat(right).cpu().numpy())
            if number >= MOVES:
                continue
            moves = [_moved(model.get_parameter(name), clean[name]) for name in simulator.names]
            changed.append(sum(count for count, _ in moves))
            within = all(
                count == 0 or name in smoothed
                for name, (count, _) in zip(simulator.names, moves, strict=True)
            )
            distance.append(np.sqrt(sum(square for _, square in moves)) if within else np.inf)
    return Programmed(np.array(correct), np.array(changed), np.array(distance))


def _moved(programmed: torch.Tensor, clean: torch.Tensor) -> tuple[int, float]:
    """How many weights changed, and the sum of squares of ln(programmed / clean) over them."""
    different = programmed != clean
    logs = torch.where(different, programmed / clean, 1.0).log_()
    # no number where a sign turned, infinite where a weight became 0 or was
    square = float(logs.square_().sum(dtype=torch.float64))
    return int(different.sum()), square if np.isfinite(square) else np.inf
