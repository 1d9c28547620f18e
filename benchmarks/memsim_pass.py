"""What programming costs beside the forward pass, in time and memory.

    python benchmarks/memsim_pass.py [--workbook FILE.xlsx] [--threads 2] [--repeats 15]

A noisy pass is program() and a forward pass over 10,000 images (MLP in one
batch, LeNet-5 in batches of 250, channels last); the clean weights are given
back once, after all passes. Bare and noisy passes alternate, and a ratio is the
median over the repeats of a noisy pass's time over that of the bare pass before it,
for the process's CPU time and for the clock. Beside it stands the ratio of the fastest
passes, which a busy machine disturbs less. The heap is kept between passes: else glibc
gives activations back to the system after some passes and not after others, and
page faults of 10 ms fall on either side by chance. Peak memory is that of a process of
its own, against one that only runs forward, with an MLP wide enough for its
weights to dominate (Linux).

The reference code's way, for every programming: copy the model, read the
workbook, take rows 1 to 100, smooth by a Kalman filter that changes nothing,
find the window, fit the ratio, map every parameter, run forward. Without
--workbook it reads one made by the virtual laboratory.
"""

import argparse
import copy
import ctypes
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np
import torch
from torch import nn

from codesign.memsim.simulator import MemSimSettings, PerovskiteMemSim
from codesign.models.network import network_of
from codesign.nonideality.lcis import lcis
from codesign.nonideality.levels import Trend, synthetic_profiles
from codesign.nonideality.profile import DeviceProfile

IMAGES = 10_000
SPREAD_ONLY, CURVED = (
    synthetic_profiles([0.5], Trend(share, 0.68, 43, "measured"), min_operative_fraction=0.35)[0]
    for share in (0.0, 0.14)
)
"""The same usability, from spread alone and split along the measured devices' trend."""
WIDE = 4096


def mlp() -> nn.Module:
    """784-256-128-10."""
    return nn.Sequential(
        nn.Linear(784, 256), nn.ReLU(), nn.Linear(256, 128), nn.ReLU(), nn.Linear(128, 10)
    ).eval()


def lenet() -> nn.Module:
    """LeNet-5 with rectifiers and maximum pooling, 28 x 28 images."""
    return nn.Sequential(
        nn.Conv2d(1, 6, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(6, 16, 5), nn.ReLU(),
        nn.MaxPool2d(2), nn.Flatten(), nn.Linear(400, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(),
        nn.Linear(84, 10),
    ).eval()  # fmt: skip


def keep_heap() -> None:
    """Let glibc keep what is freed: M_TRIM_THRESHOLD and M_MMAP_THRESHOLD of mallopt(3)."""
    libc = ctypes.CDLL(None)
    libc.mallopt(-1, 2**30)
    libc.mallopt(-3, 2**25)


def timed(work: Callable[[], object]) -> np.ndarray:
    """CPU seconds of the process, and seconds on the clock."""
    cpu, clock = time.process_time(), time.perf_counter()
    work()
    return np.array([time.process_time() - cpu, time.perf_counter() - clock])


def forward(model: nn.Module, batches) -> None:
    """All images once."""
    with torch.inference_mode():
        for images in batches:
            model(images)


def costs(name: str, model: nn.Module, batches, repeats: int) -> None:
    """Print the ratios of one network."""
    random = torch.Generator().manual_seed(1)
    variants: list[tuple[str, DeviceProfile, str]] = [
        ("spread alone", SPREAD_ONLY, "weights"),
        ("curve and spread", CURVED, "weights"),
        ("pairs, curve and spread", CURVED, "differential"),
    ]
    for label, profile, analog in variants:
        settings = MemSimSettings(mapping="relative", analog=analog, noise="lognormal")
        bare, noisy = [], []
        with PerovskiteMemSim(network_of(model), settings) as simulator:

            def noisy_pass(simulator=simulator, profile=profile):
                simulator.program(profile, random)
                forward(model, batches)

            noisy_pass()
            for _ in range(repeats):
                bare.append(timed(lambda: forward(model, batches)))
                noisy.append(timed(noisy_pass))
        bare, noisy = np.array(bare), np.array(noisy)
        cpu, clock = np.median(noisy / bare, axis=0)
        fastest = noisy.min(axis=0) / bare.min(axis=0)
        print(
            f"{name}, {label}: noisy / bare {cpu:.3f} CPU, {clock:.3f} clock; "
            f"fastest pass {fastest[0]:.3f} CPU, {fastest[1]:.3f} clock "
            f"(median clock: {np.median(bare[:, 1]) * 1e3:.1f} and {np.median(noisy[:, 1]) * 1e3:.1f} ms)"
        )


def memory_child(noisy: bool) -> None:
    """Print by how many KiB one pass of a wide MLP peaks above the size before it, and the weights' size."""
    settings = MemSimSettings(mapping="relative", analog="differential", noise="lognormal")
    sizes = []
    for width in (32, WIDE):  # the narrow one loads the code, which counts as resident too
        model = nn.Sequential(
            nn.Linear(784, width), nn.ReLU(), nn.Linear(width, width), nn.ReLU(), nn.Linear(width, 10)
        )
        images = [torch.ones(64, 784)]
        forward(model, images)
        before = resident("VmRSS")
        Path("/proc/self/clear_refs").write_text("5")  # the peak starts anew: proc_pid_clear_refs(5)
        if noisy or width != WIDE:
            with PerovskiteMemSim(network_of(model), settings) as simulator:
                simulator.program(CURVED, torch.Generator().manual_seed(1))
                forward(model, images)
        else:
            forward(model, images)
        sizes = [resident("VmHWM") - before, sum(p.numel() * p.element_size() for p in model.parameters())]
    print(sizes[0], sizes[1] / 1024)


def resident(which: str) -> float:
    """VmRSS (now) or VmHWM (peak) of this process in KiB."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return float(next(line for line in lines if line.startswith(which)).split()[1])


def memory() -> float:
    """Extra peak memory of a noisy pass in copies of the weights, median of three."""

    def peak(mode: str) -> np.ndarray:
        command = [sys.executable, __file__, "--memory", mode]
        return np.array(subprocess.run(command, check=True, capture_output=True).stdout.split(), dtype=float)

    extra = []
    for _ in range(3):
        bare, noisy = peak("bare"), peak("noisy")
        extra.append((noisy[0] - bare[0]) / bare[1])
    return float(np.median(extra))


def reference_way(model: nn.Module, workbook: Path, batches) -> None:
    """One draw as the reference code makes it."""
    import pandas as pd
    from scipy import stats

    noisy = copy.deepcopy(model)
    frame = pd.read_excel(workbook, engine="openpyxl").iloc[1:101]
    with np.errstate(divide="ignore", invalid="ignore"):
        conductance = frame.iloc[:, 1:].to_numpy(float) / frame.iloc[:, 0].to_numpy(float)[:, None]
    conductance = np.where(np.isfinite(conductance), conductance, np.nan)
    mean = pd.DataFrame(conductance).mean(axis=1).to_numpy()
    window = lcis(mean, np.isfinite(mean), tolerated_drops=2)
    start = max(0, min(window.start, mean.size - 35))
    curve = mean[start : start + 35]
    ratio = (conductance[start : start + 35] / curve[:, None]).ravel()
    _, sigma = stats.norm.fit(ratio[np.isfinite(ratio)])
    level = torch.as_tensor(
        (curve - np.nanmin(curve)) / np.ptp(curve[np.isfinite(curve)]), dtype=torch.float32
    )
    random = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in noisy.parameters():
            place = (parameter.abs() / parameter.abs().max() * 34).long()
            factor = torch.where(place < window.length, torch.ones(()), level[place])
            spread = torch.randn(parameter.shape, generator=random).mul(sigma).exp()
            parameter.copy_(parameter * factor * spread)
    forward(noisy, batches)


def virtual_workbook(folder: Path) -> Path:
    """One virtual device as the laboratory would save it."""
    import yaml
    from openpyxl import Workbook

    from codesign.virtual_lab.devices import virtual_measurements
    from codesign.virtual_lab.sweeps import VirtualLab

    config = yaml.safe_load((Path(__file__).parents[1] / "config.yaml").read_text())
    lab = VirtualLab(**{k: v for k, v in config["virtual_lab"].items() if k not in ("devices", "landscape")})
    space, start = config["fabrication"]["space"], config["fabrication"]["start"]
    [measurement] = virtual_measurements(["virtual"], space=space, start=start, lab=lab, landscape=1, seed=1)
    cycles, voltage, current = measurement.grid()
    book = Workbook(write_only=True)
    sheet = book.create_sheet("Sheet1")
    sheet.append(["voltage", *(f"current_cycle{c}" for c in cycles)])
    for k in range(voltage.shape[1]):
        sheet.append([float(voltage[0, k]), *map(float, current[:, k])])
    book.save(folder / "virtual.xlsx")
    return folder / "virtual.xlsx"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--workbook", type=Path, help="a real workbook for the reference code's way")
    parser.add_argument("--threads", type=int, default=min(2, os.cpu_count() or 1))
    parser.add_argument("--repeats", type=int, default=15)
    parser.add_argument("--memory", choices=["bare", "noisy"], help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    torch.set_num_threads(chosen.threads)
    if chosen.memory:
        memory_child(chosen.memory == "noisy")
        return
    keep_heap()
    images = torch.rand(IMAGES, 1, 28, 28, generator=torch.Generator().manual_seed(0))
    flat = [images.flatten(1)]
    parts = [part.to(memory_format=torch.channels_last) for part in images.split(250)]
    costs("MLP", mlp(), flat, 3 * chosen.repeats)  # a pass is short
    costs("LeNet-5", lenet(), parts, chosen.repeats)
    print(f"peak extra memory: {memory():.2f} copies of the weights")
    model = mlp()
    settings = MemSimSettings(mapping="ratio", analog="all", noise="lognormal")
    with tempfile.TemporaryDirectory() as name:
        workbook = chosen.workbook or virtual_workbook(Path(name))
        reference, ours = [], []
        with PerovskiteMemSim(network_of(model), settings) as simulator:
            random = torch.Generator().manual_seed(1)

            def noisy_pass():
                simulator.program(CURVED, random)
                forward(model, flat)

            for _ in range(5):
                reference.append(timed(lambda: reference_way(model, workbook, flat)))
                ours.append(timed(noisy_pass))
        cpu, clock = np.median(np.array(reference) / np.array(ours), axis=0)
        print(
            f"the reference code's way takes {cpu:.1f} (CPU) and {clock:.1f} (clock) times as long on "
            f"{'a virtual device' if chosen.workbook is None else 'the workbook given'}"
        )


if __name__ == "__main__":
    main()
