"""Images a second that a training learns from, against the bare forward and backward pass.

    python benchmarks/training_speed.py [--networks alexnet resnet18 ...] [--width 0.25] [--batches 4]
    python benchmarks/training_speed.py --gpu --width 1 --batches 60
    python benchmarks/training_speed.py --gpu --width 1 --batches 60 --networks resnet50 --at-once 4

A row a network and precision: images a second of an epoch of `codesign.training.loop.train` (batches
gathered, cropped and flipped, noise of BayesMulti on weights or none, optimiser) and of forward pass,
backward pass and optimiser alone on one batch that never changes; and the share of an epoch that is not
the network. Images are noise: their content costs nothing. One core; with `--gpu`, one GPU and the core
that feeds it. Times are processor time, and what is compared takes turns, so that a busy machine slows all
alike. With a GPU they are wall time, and the most memory that a training held there stands beside them.
`--at-once` trains several networks at the same time instead, a process each, without noise in bfloat16: a
row gives the images a second of all of them together, counting the slower of each one's two epochs.
"""

import argparse
import os
import subprocess
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
from codesign.tasks.contract import moved
from codesign.tasks.experiment import Experiment, compute_device
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


def now() -> float:
    """Seconds of the processor; of the wall where there is a GPU, once it has done what it was given."""
    if not torch.cuda.is_available():
        return time.process_time()
    torch.cuda.synchronize()
    return time.perf_counter()


def epochs(experiment: Experiment, batches: int, *, amp: bool, noisy: bool) -> Iterator[float]:
    """Seconds of one epoch of the project's loop after another, without its validation."""
    settings = TrainingSettings(
        epochs=1, batch_size=BATCH, learning_rate=1e-3, optimiser="adamw", momentum=0.9, weight_decay=5e-4,
        schedule="cosine", warmup_epochs=0, ramp=0.0, patience=None, select="metric", amp=amp, compile=False,
    )  # fmt: skip
    examples, few = pictures(batches * BATCH, 1), pictures(VALIDATED, 2)
    network, device = experiment.fresh_network(seed=0), compute_device()
    network.module.to(device)
    noise = torch.Generator(device).manual_seed(0)
    spec = PLAIN
    if noisy:
        places = len(network.places("weight"))
        spec = method_spec("bayesmulti-fixed", {"p_zero": 0.3, "p_half": 0.3}, places, site="weight")
    while True:
        start = now()
        train(
            network, experiment.definition, experiment.about, examples, few, settings=settings,
            order=torch.Generator().manual_seed(0), options=experiment.options, noise=noise,
            injection=lambda network: Injection(network, spec, noise),
        )  # fmt: skip
        yield now() - start


def steps(experiment: Experiment, batches: int, *, amp: bool) -> Iterator[float]:
    """Seconds of as many steps on one batch, with nothing around them."""
    device = compute_device()
    model = experiment.fresh_network(seed=0).module.to(device, memory_format=torch.channels_last).train()
    optimiser = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=5e-4, fused=True)
    batch = moved(pictures(BATCH, 3), device)
    inputs = batch.inputs.to(memory_format=torch.channels_last)
    while True:
        start = now()
        for _ in range(batches):
            with torch.autocast(device.type, dtype=torch.bfloat16, enabled=amp):
                output = model(inputs)
            optimiser.zero_grad()
            nn.functional.cross_entropy(output.float(), batch.targets).backward()
            optimiser.step()
        yield now() - start


def timed(runs: dict[str, Iterator[float]], rounds: int) -> tuple[dict[str, float], dict[str, int]]:
    """Median seconds of each, taken in turn, the first not counted; and the bytes the first held on a GPU."""
    found: dict[str, list[float]] = {name: [] for name in runs}
    most = {}
    for name, run in runs.items():
        before = 0
        if torch.cuda.is_available():
            torch.cuda.reset_peak_memory_stats()
            before = torch.cuda.memory_allocated()
        next(run)
        most[name] = torch.cuda.max_memory_allocated() - before if torch.cuda.is_available() else 0
    for _ in range(rounds):
        for name, run in runs.items():
            found[name].append(next(run))
    return {name: float(np.median(values)) for name, values in found.items()}, most


def slower(experiment: Experiment, batches: int) -> float:
    """Images a second of a training without noise in bfloat16, the slower of two epochs after a first one."""
    run = epochs(experiment, batches, amp=True, noisy=False)
    next(run)
    return batches * BATCH / max(next(run), next(run))


def together(asked: argparse.Namespace, name: str) -> float:
    """Images a second of several trainings at once, a process each."""
    options = f"--alone --networks {name} --width {asked.width} --batches {asked.batches}".split()
    command = [sys.executable, __file__, *options, *(["--gpu"] if asked.gpu else [])]
    running = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(asked.at_once)]
    said = [process.communicate()[0] for process in running]
    if any(process.returncode for process in running):
        sys.exit("a training failed, as said above; fewer at once need less memory")
    return sum(float(each) for each in said)


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--networks", nargs="+", default=NETWORKS, help="of the task objects")
    parser.add_argument("--width", type=float, default=0.25, help="factor on every layer's channels")
    parser.add_argument("--batches", type=int, default=4, help=f"of {BATCH} images in an epoch")
    parser.add_argument("--rounds", type=int, default=3, help="repetitions, of which the median counts")
    parser.add_argument("--at-once", type=int, metavar="N", help="so many trainings of a network, together")
    parser.add_argument("--alone", action="store_true", help=argparse.SUPPRESS)  # one of those at once
    parser.add_argument("--gpu", action="store_true", help="on the GPU; without it on the processor")
    asked = parser.parse_args()
    if asked.gpu and not torch.cuda.is_available():
        parser.error("no GPU on this machine; without --gpu the processor is measured")
    if torch.cuda.is_available() and not asked.gpu:
        parser.error("trainings take this machine's GPU: --gpu, or CUDA_VISIBLE_DEVICES= before the command")
    torch.set_num_threads(1)
    if asked.alone:
        for name in asked.networks:
            print(slower(experiment_of(name, asked.width), asked.batches))
        return
    if asked.at_once:
        print("| network | at once | images a second, together |\n|---|---|---|")
        for name in asked.networks:
            print(f"| {name} | {asked.at_once} | {together(asked, name):.0f} |", flush=True)
        return
    images = asked.batches * BATCH
    memory = " GB on the GPU, ERM and BayesMulti |" if asked.gpu else ""
    print(f"| network | precision | bare | ERM | BayesMulti on weights | not the network, ERM |{memory}")
    print("|---|---|---|---|---|---|" + "---|" * asked.gpu)
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
        seconds, most = timed(runs, asked.rounds)
        for amp, title in ((False, "single"), (True, "bfloat16")):
            bare, erm, noisy = (seconds[f"{kind} {amp}"] for kind in kinds)
            rates = " | ".join(f"{images / each:.0f}" for each in (bare, erm, noisy))
            held = " and ".join(f"{most[f'{kind} {amp}'] / 1e9:.1f}" for kind in ("erm", "noisy"))
            memory = f" {held} |" if asked.gpu else ""
            print(f"| {name} | {title} | {rates} | {1 - bare / erm:.0%} |{memory}", flush=True)


if __name__ == "__main__":
    main()
