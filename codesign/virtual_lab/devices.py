"""Virtual devices made for a landscape, and extracted like measured ones."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from codesign.iv.measurement import Measurement
from codesign.nonideality.branch import Extraction
from codesign.nonideality.device import extract
from codesign.nonideality.usability import length_of, nonmonotonic_factor, sigma_of
from codesign.seeds import generator
from codesign.virtual_lab.landscape import Landscape
from codesign.virtual_lab.sweeps import VirtualLab, make_device

READING = {"min_operative_fraction": 0.35, "tolerated_drops": 2}
"""The reading of eta that hidden values refer to (the paper's), whatever the extraction is set to."""


def make_for(
    device: str, conditions: Mapping, landscape: Landscape, lab: VirtualLab, rng: np.random.Generator
) -> Measurement:
    """Make the device that a landscape hides at some conditions.

    Eta is rounded up to whole points and sigma takes up the difference, so that
    eta exp(-sigma) is the hidden usability exactly.
    """
    hidden = float(landscape.usability([conditions])[0])
    eta, _ = landscape.nonidealities(hidden)
    branch = lab.points - 1
    fraction = READING["min_operative_fraction"]
    window = length_of(eta, branch, min_operative_fraction=fraction)
    eta = float(nonmonotonic_factor(window, branch, min_operative_fraction=fraction))
    sigma = sigma_of(hidden, eta)
    return make_device(
        device,
        dict(conditions),
        window=window,
        sigma=sigma,
        tolerated_drops=READING["tolerated_drops"],
        settings=lab,
        rng=rng,
        truth={"usability": hidden, "eta": eta, "sigma": sigma},
    )


def make_and_extract(
    device: str,
    conditions: Mapping,
    landscape: Landscape,
    lab: VirtualLab,
    extraction: Extraction,
    seed: int,
) -> dict:
    """Make one virtual device and extract its row; its draws depend on (seed, device) alone."""
    measurement = make_for(device, conditions, landscape, lab, generator(seed, "virtual-device", device))
    return extract(measurement, extraction, generator(seed, "bootstrap", device))


def spread_conditions(space: Mapping[str, Sequence], start: Mapping, count: int, seed: int) -> list[dict]:
    """The start, then a space-filling sequence over the grid without repetition.

    A scrambled Sobol sequence mapped to levels: a longer list begins with the shorter one.
    """
    from scipy.stats import qmc

    names = list(space)
    total = int(np.prod([len(space[name]) for name in names]))
    if count > total:
        raise ValueError(f"{count} devices asked for, the grid has {total} conditions")
    chosen = [dict(start)]
    seen = {tuple(start[name] for name in names)}
    sobol = qmc.Sobol(len(names), scramble=True, rng=generator(seed, "virtual-conditions"))
    while len(chosen) < count:
        for point in sobol.random(64):
            levels = tuple(
                space[name][int(u * len(space[name]))] for name, u in zip(names, point, strict=True)
            )
            if levels not in seen and len(chosen) < count:
                seen.add(levels)
                chosen.append(dict(zip(names, levels, strict=True)))
    return chosen


def virtual_measurements(
    devices: Sequence[str], *, space: Mapping, start: Mapping, lab: VirtualLab, landscape: int, seed: int
) -> Iterator[Measurement]:
    """The devices that the virtual laboratory hands to the workflow, one after the other.

    Device k depends on (seed, landscape, k) alone.
    """
    hidden = Landscape.draw(space, generator(seed, "landscape", landscape), start)
    for name, conditions in zip(devices, spread_conditions(space, start, len(devices), seed), strict=True):
        yield make_for(name, conditions, hidden, lab, generator(seed, "virtual-device", landscape, name))
