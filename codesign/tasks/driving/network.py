"""PointPillars: what stands in pillars of the ground plan, and convolutions over the plan.

Source:
    Lang et al. (2019), arXiv 1812.05784.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from codesign.models.network import Network, weight_matrices
from codesign.models.sizes import scaled
from codesign.tasks.driving.anchors import PER_PLACE
from codesign.tasks.driving.boxes import SIZE
from codesign.tasks.driving.precision import CLASSES
from codesign.tasks.driving.scenes import Area, Batch, Pillars, pillars_of

FEATURES = 10
"""Numbers a point comes with."""
PILLAR, BLOCKS, UP = 64, (64, 128, 256), 128
"""Channels of a pillar, of the blocks and of what each is brought back to, as published."""
LAYERS = (3, 5, 5)
"""Convolutions of each block behind its first one, as published."""
EPS, MOMENTUM = 1e-3, 0.01
"""Of batch normalisation, as published."""
RARE = 0.01
"""Score of every anchor at the start: few stand for an object."""
BOX_SCALE = 1e-3
"""Standard deviation of the box head's starting weights."""
DIRECTIONS = 2


class Output(NamedTuple):
    """What the network says of each anchor."""

    scores: Tensor
    """Logits, (scenes, anchors, classes)."""
    codes: Tensor
    """(scenes, anchors, 7)."""
    directions: Tensor
    """Logits, (scenes, anchors, 2)."""


class PillarNet(nn.Module):
    """One layer of each point, and the maximum over each pillar."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.linear = nn.Linear(FEATURES, channels, bias=False)
        self.norm = nn.BatchNorm1d(channels, EPS, MOMENTUM)

    def forward(self, pillars: Pillars) -> Tensor:
        """Features of each pillar, (pillars, channels)."""
        x = torch.relu(self.norm(self.linear(pillars.features)))
        # after the ReLU nothing is below 0, so the starting zeros change no maximum
        start = x.new_zeros(len(pillars.cells), x.shape[1])
        return start.scatter_reduce(0, pillars.places[:, None].expand_as(x), x, "amax")


class Heads(nn.Module):
    """Three layers of one cell each (1 x 1 convolutions), columns of one matrix over the same channels."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.score = nn.Linear(channels, PER_PLACE * len(CLASSES))
        self.box = nn.Linear(channels, PER_PLACE * SIZE)
        self.direction = nn.Linear(channels, PER_PLACE * DIRECTIONS)

    def forward(self, x: Tensor) -> Output:
        """What is said of each anchor; `x` has its channels last, (scenes, rows, columns, channels)."""
        return Output(
            *(
                head(x).view(len(x), -1, width)
                for head, width in (
                    (self.score, len(CLASSES)),
                    (self.box, SIZE),
                    (self.direction, DIRECTIONS),
                )
            )
        )


class PointPillars(nn.Module):
    """The whole network."""

    def __init__(self, area: Area, *, width: float, layers: Sequence[int]) -> None:
        """An untrained network.

        Args:
            area: What it looks at. With stride 1 every block is brought back to twice as many cells a side.
            width: Of all channels, times the published ones.
            layers: Convolutions of each block behind its first one.
        """
        super().__init__()
        if len(layers) != len(BLOCKS):
            raise ValueError(f"layers must be {len(BLOCKS)} numbers, one a block, got {list(layers)}")
        self.area = area
        channels = scaled(PILLAR, width)
        self.pillars = PillarNet(channels)
        self.blocks, self.ups = nn.ModuleList(), nn.ModuleList()
        up = scaled(UP, width)
        for number, (published, more) in enumerate(zip(BLOCKS, layers, strict=True)):
            block = []
            for k in range(1 + more):
                out = scaled(published, width)
                block += [
                    nn.Conv2d(channels, out, 3, stride=1 if k else 2, padding=1, bias=False),
                    nn.BatchNorm2d(out, EPS, MOMENTUM),
                    nn.ReLU(),
                ]
                channels = out
            self.blocks.append(nn.Sequential(*block))
            factor = 2 ** (number + 2 - area.stride)
            self.ups.append(
                nn.Sequential(
                    nn.ConvTranspose2d(channels, up, factor, stride=factor, bias=False),
                    nn.BatchNorm2d(up, EPS, MOMENTUM),
                    nn.ReLU(),
                )
            )
        self.heads = Heads(len(BLOCKS) * up)

    def forward(self, batch: Batch) -> Output:
        """What is said of each anchor of each scene."""
        area = self.area
        pillars = batch.pillars
        if pillars is None:
            pillars = pillars_of(batch.points, batch.owners, area, len(batch))
        features = self.pillars(pillars)
        plan = features.new_zeros(len(batch) * area.rows * area.columns, features.shape[1])
        plan = plan.index_copy(0, pillars.cells, features)
        x = plan.view(len(batch), area.rows, area.columns, -1).permute(0, 3, 1, 2)  # channels last
        brought_back = []
        for block, up in zip(self.blocks, self.ups, strict=True):
            x = block(x)
            brought_back.append(up(x))
        return self.heads(torch.cat(brought_back, dim=1).permute(0, 2, 3, 1))


def started(module: PointPillars, generator: torch.Generator) -> None:
    """Give the network its starting values, drawn from `generator`, as torch draws them but for the heads."""
    for name, part in module.named_modules():
        if isinstance(part, nn.Linear | nn.Conv2d | nn.ConvTranspose2d):
            nn.init.kaiming_uniform_(part.weight, a=math.sqrt(5), generator=generator)
            if part.bias is not None:
                bound = 1 / math.sqrt(part.weight[0].numel())
                nn.init.uniform_(part.bias, -bound, bound, generator=generator)
        if name == "heads.score":
            nn.init.constant_(part.bias, -math.log((1 - RARE) / RARE))
        if name == "heads.box":
            nn.init.normal_(part.weight, 0.0, BOX_SCALE, generator=generator)


def pointpillars(
    area: Area,
    *,
    width: float,
    layers: Sequence[int],
    generator: torch.Generator | None,
    examples_at_once: int,
) -> Network:
    """The network, with what is on memristors and where noise acts.

    Every matrix is on memristors. Noise on activations acts where the next matrix reads: after batch
    normalisation, ReLU and, for pillars, the maximum. The three heads read one draw, as they are columns of
    one matrix. The points are data and not noised.

    Args:
        area: What it looks at.
        width: Of all channels, times the published ones.
        layers: Convolutions of each block behind its first one.
        generator: Draws the starting values; None where weights are loaded next.
        examples_at_once: Scenes in a forward pass where nothing is learnt.
    """
    module = PointPillars(area, width=width, layers=layers)
    if generator is not None:
        started(module, generator)
    # weights are kept channels last, as the plan is made
    for parameter in module.parameters():
        if parameter.dim() == 4:
            parameter.data = parameter.data.contiguous(memory_format=torch.channels_last)
    noisy = [
        name
        for name, part in module.named_modules()
        if isinstance(part, nn.Conv2d | nn.ConvTranspose2d) and not name.startswith("heads.")
    ]
    return Network(
        module, tuple(weight_matrices(module)), (*noisy, "heads"), examples_at_once=examples_at_once
    )
