"""PerovskiteMemSim: the weights of any network programmed into devices of one profile.

Programming a weight tensor with w = max |weight| (the paper, Eqs. 6 and 7):

1. the target level t = |weight| / w is a position on the operative window;
2. a level inside the LCIS window is reached exactly; beyond it the cell ends at
   the conductance that the measured curve has there, interpolated in t:
   weight <- sign(weight) w (G(t) - G_min) / (G_max - G_min);
3. each cell is multiplied by a factor of its own, exp(sigma z).

The window's points stand at t = 0, 1 / (L - 1), ..., 1. A level is inside the
LCIS window if both points beside it are; at a point, from that point on.

Weights are programmed in place, block by block, in blocks that stay in cache. Copies held: the
clean weights, which come back bit for bit; and, where a network of moderate size is programmed on one
profile again and again, what steps 1 and 2 made of them, which each programming shares.
"""

import math
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import NamedTuple, Self

import numpy as np
import torch
from torch import nn

from codesign.models.network import Network
from codesign.nonideality.curve import Segments, curve_segments
from codesign.nonideality.profile import DeviceProfile

BLOCK = 8192
"""Weights programmed at once on a CPU: below the size from which torch splits an operation over threads."""
DEVICE_BLOCK = 1 << 22
"""Weights programmed at once elsewhere."""
KEPT = 1 << 24
"""Most weights of a network whose conductances without their factors are kept between programmings."""


class SimulatorError(RuntimeError):
    """A network cannot be programmed as asked; the message says why."""


@dataclass(frozen=True)
class MemSimSettings:
    """How weights become conductances; meaning in the configuration's schema."""

    mapping: str
    """`relative` (the paper's Eq. 6) or `ratio` (reference code: weight x normalised conductance)."""
    analog: str
    """`weights` (weight matrices), `all` (every parameter) or `differential` (weight matrices as G+ - G-)."""
    noise: str
    """`lognormal`, `resampled` (ratios from the device's own cycles) or `none`."""

    def __post_init__(self) -> None:
        for name, allowed in (
            ("mapping", ("relative", "ratio")),
            ("analog", ("weights", "all", "differential")),
            ("noise", ("lognormal", "resampled", "none")),
        ):
            if getattr(self, name) not in allowed:
                raise ValueError(f"{name} must be one of {', '.join(allowed)}, got {getattr(self, name)!r}")


def programmed_parameters(network: Network, analog: str) -> list[str]:
    """Names of the parameters that sit on memristors.

    `weights` and `differential`: those that the network says. `all`, as the reference code does: every
    floating-point parameter that is not frozen.

    Raises:
        SimulatorError: There is none.
    """
    if analog not in ("weights", "all", "differential"):
        raise ValueError(f"analog must be one of weights, all, differential, got {analog!r}")
    names = network.programmable() if analog == "all" else list(network.analog)
    if not names:
        raise SimulatorError(
            f"{type(network.module).__name__} has no parameter to program (analog: {analog})"
        )
    return names


class _Cell(NamedTuple):
    """One parameter on memristors."""

    name: str
    parameter: nn.Parameter
    clean: torch.Tensor
    """The weights before programming, in the parameter's own memory layout."""
    largest: float
    """w = max |weight|."""


class _Kept(NamedTuple):
    """What all programmings on one profile have in common."""

    profile: DeviceProfile
    exact: list[torch.Tensor] | None
    """Of each cell, the weights at the conductances reached, without factors; None before the second time."""


class PerovskiteMemSim(AbstractContextManager):
    """Programs a network's weights in place, and gives the clean ones back.

        with PerovskiteMemSim(network, settings) as simulator:
            for profile, generator in draws:
                simulator.program(profile, generator)
                network.module(inputs)

    Each `program` starts from the clean weights. Leaving the block restores them
    bit for bit, after an error too. Train or evaluation mode is left alone.
    """

    def __init__(self, network: Network, settings: MemSimSettings) -> None:
        self.model = network.module
        self.settings = settings
        self.names = programmed_parameters(network, settings.analog)
        self._cells: list[_Cell] = []
        self._kept: _Kept | None = None
        self._scratch = _Scratch()

    def __enter__(self) -> Self:
        """Keep a copy of the clean weights.

        Raises:
            SimulatorError: A weight is not finite, or its memory overlaps or has gaps.
        """
        if self._cells:
            raise SimulatorError("this simulator is in use; make another one")
        cells = []
        for name in self.names:
            parameter = self.model.get_parameter(name)
            _flat(parameter.detach(), name)
            largest = float(torch.linalg.vector_norm(parameter.detach(), ord=float("inf")))
            if not np.isfinite(largest):
                raise SimulatorError(f"{name} holds a value that is not finite: nothing to program")
            cells.append(
                _Cell(name, parameter, parameter.detach().clone(memory_format=torch.preserve_format), largest)
            )
        self._cells = cells
        return self

    def __exit__(self, *_) -> None:
        """Give the clean weights back and drop the copy."""
        self.restore()
        self._cells = []
        self._kept = None
        self._scratch.clear()

    @torch.no_grad()
    def restore(self) -> None:
        """Put the clean weights back, bit for bit."""
        for cell in self._cells:
            cell.parameter.copy_(cell.clean)

    def deterministic(self, profile: DeviceProfile) -> bool:
        """Whether every programming on `profile` gives the same weights."""
        return self.settings.noise == "none" or (self.settings.noise == "lognormal" and profile.sigma == 0)

    @torch.no_grad()
    def program(self, profile: DeviceProfile, generator: torch.Generator | None = None) -> None:
        """Program the clean weights on devices of `profile`.

        Args:
            profile: The device.
            generator: Draws the factors. On the CPU it gives the same factors
                whatever device the model is on; may be None where nothing is drawn.

        Raises:
            SimulatorError: Called outside the `with` block, without a generator where
                one is needed, or for resampled noise on a profile without ratios.
        """
        if not self._cells:
            raise SimulatorError("program() is called inside `with PerovskiteMemSim(...) as simulator:`")
        draw = None if self.deterministic(profile) else self._noise(profile, generator)
        segments = curve_segments(profile.curve, profile.reached, self.settings.mapping)
        exact = None if draw is None else self._exact(profile, segments)
        for k, cell in enumerate(self._cells):
            if cell.largest == 0:
                continue
            out = _flat(cell.parameter.detach(), cell.name)
            if exact is None:
                self._reach(out, cell, profile, segments, draw)
            else:
                for target, source in _blocks(out, _flat(exact[k], cell.name)):
                    torch.mul(source, draw(target), out=target)

    def _reach(
        self, out: torch.Tensor, cell: _Cell, profile: DeviceProfile, segments: Segments, draw
    ) -> None:
        """Steps 1 to 3 for one parameter, its flat values into `out`; without step 3 where `draw` is None."""
        table = None if segments.identity else _Table(segments, cell, self.settings.mapping)
        pair = self._pair(profile, segments, cell.largest)
        for target, source in _blocks(out, _flat(cell.clean, cell.name)):
            _program_block(target, source, table=table, pair=pair, draw=draw, scratch=self._scratch)

    def _exact(self, profile: DeviceProfile, segments: Segments) -> list[torch.Tensor] | None:
        """What steps 1 and 2 make of the clean weights, from the second programming in a row on a profile.

        None before; and where it could not be multiplied as it is, is what the clean weights are, or
        would take too much memory.
        """
        if self._kept is None or self._kept.profile is not profile:
            self._kept = _Kept(profile, None)
        elif (
            self._kept.exact is None
            and self.settings.analog != "differential"  # two factors a weight
            and not segments.identity
            and all(cell.clean.dtype == _work_dtype(cell.clean.dtype) for cell in self._cells)
            and sum(cell.clean.numel() for cell in self._cells) <= KEPT
        ):
            exact = [cell.clean.clone(memory_format=torch.preserve_format) for cell in self._cells]
            for tensor, cell in zip(exact, self._cells, strict=True):
                if cell.largest > 0:
                    self._reach(_flat(tensor, cell.name), cell, profile, segments, None)
            self._kept = _Kept(profile, exact)
        return self._kept.exact

    def _pair(self, profile: DeviceProfile, segments: Segments, largest: float) -> tuple[float, float] | None:
        """What both cells of a pair conduct below g_min, and the level of the one at t = 0, times w."""
        if self.settings.analog != "differential":
            return None
        at_zero = segments.at_zero if self.settings.mapping == "relative" else 0.0
        return profile.off_ratio * largest, at_zero * largest

    def _noise(self, profile: DeviceProfile, generator: torch.Generator | None):
        if generator is None:
            raise SimulatorError(
                f"noise {self.settings.noise} on profile {profile.profile} needs a generator"
            )
        if self.settings.noise == "lognormal":

            def draw(out: torch.Tensor) -> torch.Tensor:
                # exp(sigma z) as a power of 2: exp splits even a block over threads, and waits for them
                return out.normal_(0.0, profile.sigma / math.log(2), generator=generator).exp2_()

        else:
            if profile.log_ratio.size == 0:
                raise SimulatorError(
                    f"profile {profile.profile} carries no ratios to resample; make it with "
                    "codesign.nonideality.profiling.with_ratios"
                )
            ratios = torch.from_numpy(np.exp(profile.log_ratio))

            def draw(out: torch.Tensor) -> torch.Tensor:
                pick = self._scratch.like("pick", out, dtype=torch.int64)
                pick.random_(0, len(ratios), generator=generator)
                return torch.index_select(ratios.to(out), 0, pick, out=out)

        def drawn(target: torch.Tensor) -> torch.Tensor:
            """Factors for `target`, in its own memory where they can be drawn there."""
            dtype = _work_dtype(target.dtype)
            if target.dtype == dtype and target.device == generator.device:
                return draw(target)
            return draw(self._scratch.like("noise", target, dtype=dtype, device=generator.device)).to(
                target.device
            )

        return drawn


class _Scratch(dict):
    """Buffers of one block, kept while the simulator is in use.

    Made anew for every block they would sit between the forward pass's own
    buffers, and make the C library give those back to the system each time.
    """

    def like(self, name: str, tensor: torch.Tensor, *, dtype=None, device=None) -> torch.Tensor:
        """The buffer `name` with the shape of `tensor`, which is flat; its dtype and device if not given."""
        dtype, device = dtype or tensor.dtype, device or tensor.device
        key = (name, dtype, str(device))
        if key not in self or len(self[key]) < len(tensor):
            self[key] = torch.empty(len(tensor), dtype=dtype, device=device)
        return self[key][: len(tensor)]


class _Table:
    """One tensor's curve as a table, looked up by level."""

    def __init__(self, segments: Segments, cell: _Cell, mapping: str) -> None:
        dtype = _work_dtype(cell.clean.dtype)
        on = {"dtype": dtype, "device": cell.clean.device}
        w = cell.largest
        self.last = segments.slope.size - 1
        self.scale = segments.slope.size / w
        self.factor = mapping == "ratio"
        self.top = 1.0 if self.factor else w
        # relative: w (a + b |weight| / w); ratio: |weight| (a + b |weight| / w)
        self.intercept = torch.as_tensor(segments.intercept * self.top, **on)
        self.slope = torch.as_tensor(segments.slope / (w if self.factor else 1.0), **on)

    def magnitude(self, size: torch.Tensor, scratch: _Scratch) -> torch.Tensor:
        """What a cell with |weight| = `size` ends at, times w; leaves `size` as it is."""
        found, slope = scratch.like("found", size), scratch.like("slope", size)
        piece = scratch.like("piece", size, dtype=torch.int32)
        piece.copy_(torch.mul(size, self.scale, out=found)).clamp_(0, self.last)
        torch.index_select(self.intercept, 0, piece, out=found)
        torch.index_select(self.slope, 0, piece, out=slope)
        found.addcmul_(slope, size)
        # rounding alone could leave the range, and turn a sign
        found.clamp_(0.0, self.top)
        return found.mul_(size) if self.factor else found


def _program_block(target, source, *, table: _Table | None, pair, draw, scratch: _Scratch) -> None:
    """Program one block of clean weights `source` into `target`, both of shape (n,)."""
    dtype = _work_dtype(source.dtype)
    work = source if source.dtype == dtype else scratch.like("work", source, dtype=dtype).copy_(source)
    if table is None and pair is None:
        value = work
    else:
        value = torch.abs(work, out=scratch.like("size", work))
        if table is not None:
            value = table.magnitude(value, scratch)
        sign = scratch.like("slope", work)
        if pair is None:
            value.mul_(torch.sign(work, out=sign))
        else:
            floor, at_zero = pair
            if draw is None:
                value.sub_(at_zero)  # what both cells conduct below g_min cancels
            else:
                value.add_(floor).mul_(draw(target)).sub_(draw(target), alpha=floor + at_zero)
            # a zero weight counts as positive: its two cells differ by their noise alone
            value.mul_(torch.lt(work, 0, out=sign).mul_(-2).add_(1))
    if draw is None or pair is not None:
        target.copy_(value)
    elif target.dtype == dtype:
        torch.mul(value, draw(target), out=target)
    else:
        target.copy_(value * draw(target))


def _work_dtype(dtype: torch.dtype) -> torch.dtype:
    """Half precision is programmed in float32 and rounded once."""
    return torch.promote_types(dtype, torch.float32)


def _flat(tensor: torch.Tensor, name: str) -> torch.Tensor:
    """The tensor's memory as one dimension, in memory order (channels-last included).

    Raises:
        SimulatorError: The memory overlaps or has gaps.
    """
    order = sorted(range(tensor.dim()), key=lambda d: (-tensor.stride(d), -tensor.size(d)))
    dense = tensor.permute(order)
    if not dense.is_contiguous():
        raise SimulatorError(
            f"{name} overlaps in memory or has gaps; assign `{name}.data.contiguous()` first"
        )
    return dense.view(-1)


def _blocks(out: torch.Tensor, clean: torch.Tensor) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    size = BLOCK if out.device.type == "cpu" else DEVICE_BLOCK
    return zip(out.split(size), clean.split(size), strict=True)
