"""Images a second that a training learns from, against the bare forward and backward pass.

    python benchmarks/training_speed.py [--networks alexnet resnet18 ...] [--width 0.25] [--batches 4]

A row a network and precision: images a second of an epoch of `codesign.training.loop.train` (batches
gathered, cropped and flipped, noise of BayesMulti on weights or none, optimiser) and of forward pass,
backward pass and optimiser alone on one batch that never changes; and the share of an epoch that is not
the network. Images are noise: their content costs nothing. One core. Times are processor time, and what is
compared takes turns, so that a busy machine slows all alike.
"""

import argparse
import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np
import torch
from torch import nn

from codesign.bayesmulti.injection import Injection
from codesign.bayesmulti.noise import PLAIN
from codesign.bayesmulti.specification import method_spec
from codesign.tasks.classification import Labelled
from codesign.tasks.experiment import Experiment
from codesign.training.loop import TrainingSettings, train

BATCH = 128
VALIDATED = 8
"""Images validated after an epoch: as few as may be, as they are not what is timed."""
NETWORKS = ("alexnet", "resnet18", "resnext", "mobilenetv2")
DATA = {"seed": 0, "validation_fraction": 0.1}


def pictures(count: int, seed: int) -> Labelled:
    """Images of noise with labels drawn like them."""
    generator = torch.Generator().manual_seed(seed)
    return Labelled(
        torch.randn(count, 3, 32, 32, generator=generator),
        torch.randint(0, 10, (count,), generator=generator),
    )


def experiment_of(network: str, width: float) -> Experiment:
    """CIFAR-10 on a network, of which only the network and the augmentation are used."""
    said = {
        "task": "objects", "source": "cifar10", "network": network, "epochs": 1, "batch_size": BATCH,
        "learning_rate": 1e-3, "width": width, "augmentation": "crop-flip",
    }  # fmt: skip
    return Experiment.make("speed", said, data=DATA)


def epochs(experiment: Experiment, batches: int, *, amp: bool, noisy: bool) -> Iterator[float]:
    """Seconds of one epoch of the project's loop after another, without its validation."""
    settings = TrainingSettings(
        epochs=1, batch_size=BATCH, learning_rate=1e-3, optimiser="adamw", momentum=0.9, weight_decay=5e-4,
        schedule="cosine", warmup_epochs=0, ramp=0.0, patience=None, select="metric", amp=amp, compile=False,
    )  # fmt: skip
    examples, few = pictures(batches * BATCH, 1), pictures(VALIDATED, 2)
    network = experiment.fresh_network(seed=0)
    noise = torch.Generator().manual_seed(0)
    spec = PLAIN
    if noisy:
        places = len(network.places("weight"))
        spec = method_spec("bayesmulti-fixed", {"p_zero": 0.3, "p_half": 0.3}, places, site="weight")
    while True:
        start = time.process_time()
        train(
            network, experiment.definition, experiment.about, examples, few, settings=settings,
            order=torch.Generator().manual_seed(0), options=experiment.options, noise=noise,
            injection=lambda network: Injection(network, spec, noise),
        )  # fmt: skip
        yield time.process_time() - start


def steps(experiment: Experiment, batches: int, *, amp: bool) -> Iterator[float]:
    """Seconds of as many steps on one batch, with nothing around them."""
    model = experiment.fresh_network(seed=0).module.to(memory_format=torch.channels_last).train()
    optimiser = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=5e-4, fused=True)
    batch = pictures(BATCH, 3)
    inputs = batch.inputs.to(memory_format=torch.channels_last)
    while True:
        start = time.process_time()
        for _ in range(batches):
            with torch.autocast("cpu", dtype=torch.bfloat16, enabled=amp):
                output = model(inputs)
            optimiser.zero_grad()
            nn.functional.cross_entropy(output.float(), batch.targets).backward()
            optimiser.step()
        yield time.process_time() - start


def timed(runs: dict[str, Iterator[float]], rounds: int) -> dict[str, float]:
    """Median seconds of each, taken in turn; the first of each is not counted."""
    found: dict[str, list[float]] = {name: [] for name in runs}
    for number in range(rounds + 1):
        for name, run in runs.items():
            seconds = next(run)
            if number:
                found[name].append(seconds)
    return {name: float(np.median(values)) for name, values in found.items()}


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--networks", nargs="+", default=NETWORKS, help="of the task objects")
    parser.add_argument("--width", type=float, default=0.25, help="factor on every layer's channels")
    parser.add_argument("--batches", type=int, default=4, help=f"of {BATCH} images in an epoch")
    parser.add_argument("--rounds", type=int, default=3, help="repetitions, of which the median counts")
    asked = parser.parse_args()
    torch.set_num_threads(1)
    images = asked.batches * BATCH
    print("| network | precision | bare | ERM | BayesMulti on weights | not the network, ERM |")
    print("|---|---|---|---|---|---|")
    kinds: dict[str, Callable[[Experiment, bool], Iterator[float]]] = {
        "bare": lambda experiment, amp: steps(experiment, asked.batches, amp=amp),
        "erm": lambda experiment, amp: epochs(experiment, asked.batches, amp=amp, noisy=False),
        "noisy": lambda experiment, amp: epochs(experiment, asked.batches, amp=amp, noisy=True),
    }
    for name in asked.networks:
        experiment = experiment_of(name, asked.width)
        runs = {
            f"{kind} {amp}": make(experiment, amp) for amp in (False, True) for kind, make in kinds.items()
        }
        seconds = timed(runs, asked.rounds)
        for amp, title in ((False, "single"), (True, "bfloat16")):
            bare, erm, noisy = (seconds[f"{kind} {amp}"] for kind in kinds)
            rates = " | ".join(f"{images / each:.0f}" for each in (bare, erm, noisy))
            print(f"| {name} | {title} | {rates} | {1 - bare / erm:.0%} |", flush=True)


if __name__ == "__main__":
    main()
