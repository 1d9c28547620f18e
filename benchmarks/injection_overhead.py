"""Time of a training step with each method's noise relative to the step without.

    python benchmarks/injection_overhead.py [--steps N]

The network is the digits MLP, 784-256-128-10 at batch 128, trained with Adam on one
core. Methods take turns step by step, so that a busy machine slows all alike; the
ratio is that of the medians. `naive` draws a float uniform and indexes a table of the three values.
"""

import argparse
import os
import sys
import time
from itertools import pairwise
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np
import torch
from torch import nn

from codesign.bayesmulti.injection import Injection
from codesign.bayesmulti.methods import method_names, method_of
from codesign.bayesmulti.noises.multinomial import MultinomialNoise
from codesign.bayesmulti.specification import method_spec
from codesign.models.network import network_of

PARAMETERS = {
    "erm": {},
    "dropout": {"rate": 0.3},
    "gaussian": {"std": 0.1},
    "lognormal": {"sigma": 0.5},
    "bayesmulti": {"p_zero": 0.3, "p_half": 0.3},
}
SIZES = (784, 256, 128, 10)
BATCH = 128


def mlp(generator: torch.Generator) -> nn.Module:
    """The MLP with its weights drawn from `generator`."""
    layers: list[nn.Module] = []
    for inputs, outputs in pairwise(SIZES):
        layers += [nn.Linear(inputs, outputs), nn.ReLU()]
    model = nn.Sequential(*layers[:-1])
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.normal_(0.0, 0.05, generator=generator)
    return model


def naive(x: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """The same noise by a float uniform, two comparisons and a table."""
    u = torch.rand(x.shape, generator=generator)
    table = torch.tensor([0.0, 0.5, 1.0]) / 0.55
    return x * table[(u >= 0.3).long() + (u >= 0.6).long()]


def main() -> None:
    """Print milliseconds and ratios."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=300)
    steps = parser.parse_args().steps
    generator = torch.Generator().manual_seed(0)
    inputs = torch.randn(BATCH, SIZES[0], generator=generator)
    targets = torch.randint(0, SIZES[-1], (BATCH,), generator=generator)
    runs = {}
    for name in [m for m in method_names() if m != "bayesmulti-fixed"]:
        for site in method_of(name).sites:
            model = mlp(generator)
            network = network_of(model)
            spec = method_spec(name, PARAMETERS[name], len(network.places(site)), site=site)
            Injection(network, spec, generator).__enter__()
            runs[f"{name} ({site})"] = (model, torch.optim.Adam(model.parameters()))
    others = {"naive": lambda x: naive(x, generator), "torch's dropout": nn.functional.dropout}
    for name, noisy in others.items():
        model = mlp(generator)
        for k in (2, 4):
            model[k].register_forward_pre_hook(lambda module, args, noisy=noisy: (noisy(args[0]),))
        runs[f"{name} (activation)"] = (model, torch.optim.Adam(model.parameters()))
    times: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(steps):
        for name, (model, optimiser) in runs.items():
            start = time.perf_counter()
            optimiser.zero_grad()
            nn.functional.cross_entropy(model(inputs), targets).backward()
            optimiser.step()
            times[name].append(time.perf_counter() - start)
    base = np.median(times["erm (none)"])
    for name, values in times.items():
        print(f"{name:32s} {1e3 * np.median(values):7.3f} ms   {np.median(values) / base:5.2f}")
    noise, x = MultinomialNoise(0.3, 0.3), torch.ones(BATCH, SIZES[1] + SIZES[2])
    for label, draw in (("factor and product", noise), ("the same, naive", naive)):
        start = time.perf_counter()
        for _ in range(steps):
            draw(x, generator)
        print(f"{label:32s} {1e3 * (time.perf_counter() - start) / steps:7.3f} ms")


if __name__ == "__main__":
    main()
