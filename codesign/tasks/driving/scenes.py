"""Scenes of points with labelled objects: one, many, and some of them as a batch."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import NamedTuple, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from codesign.tasks.contract import DataSource
from codesign.tasks.driving.camera import Camera

LOWEST_M, HIGHEST_M = -3.0, 1.0
"""Of the points looked at."""
STRIDES = 8
"""Pillars a side that the network's last block makes one cell of."""


@dataclass(frozen=True)
class Area:
    """What a network looks at, and how finely."""

    forward_m: float
    """From the lidar to the far end."""
    sideways_m: float
    """To the left, and as much to the right."""
    pillar_m: float
    """Side of a pillar."""
    stride: int
    """Pillars between two anchors, 1 or 2."""

    def __post_init__(self) -> None:
        for name in ("forward_m", "sideways_m"):
            cells = getattr(self, name) * (1 if name == "forward_m" else 2) / self.pillar_m
            if not math.isclose(cells, round(cells)) or round(cells) % STRIDES:
                raise ValueError(
                    f"{name} {getattr(self, name)} gives {cells:g} pillars of {self.pillar_m} m; the network "
                    f"needs a multiple of {STRIDES}"
                )
        if self.stride not in (1, 2):
            raise ValueError(f"stride must be 1 or 2, got {self.stride}")

    @property
    def columns(self) -> int:
        """Pillars forward."""
        return round(self.forward_m / self.pillar_m)

    @property
    def rows(self) -> int:
        """Pillars from right to left."""
        return round(2 * self.sideways_m / self.pillar_m)

    @property
    def typical(self) -> tuple[float, ...]:
        """What each of a point's ten features is divided by, so that all are of the order of 1.

        Places would be a hundred times the offsets in a pillar otherwise: a matrix that starts alike for both
        hardly sees the offsets, and memristors, whose levels share one range, would hold little of it.
        """
        side = self.pillar_m / 2
        return (self.forward_m, self.sideways_m, 1.0, 0.5, side, side, 0.5, side, side, 1.0)

    @property
    def apart_m(self) -> float:
        """Between two anchors."""
        return self.stride * self.pillar_m


class Scene(NamedTuple):
    """One scene."""

    points: NDArray
    """x, y, z in metres and reflectance 0 ... 1, float32, shape (n, 4)."""
    kinds: NDArray
    """Number in `codesign.tasks.driving.precision.KINDS` of each object, shape (m,)."""
    boxes: NDArray
    """In the lidar's axes, shape (m, 7)."""
    upright: NDArray
    """In upright camera axes, shape (m, 7)."""
    heights_px: NDArray
    """In the image, shape (m,)."""
    occlusion: NDArray
    """0 visible ... 3 unknown, shape (m,)."""
    truncation: NDArray
    """Share outside the image, shape (m,)."""
    counts: NDArray
    """Points in each box, shape (m,)."""
    camera: Camera


@dataclass(frozen=True)
class Pillars:
    """Points sorted into pillars, without a bound on how many a pillar has."""

    features: Tensor
    """x, y, z, reflectance; minus the pillar's mean; minus its centre; each divided by what is typical of it
    (`Area.typical`), (points, 10)."""
    places: Tensor
    """int64 (points,): number of each point's pillar."""
    cells: Tensor
    """int64 (pillars,): (scene * rows + row) * columns + column of each, ascending."""


@dataclass(frozen=True)
class Batch:
    """Some scenes, their points and objects one after the other."""

    points: Tensor
    """float32 (points, 4)."""
    owners: Tensor
    """int64 (points,): scene of each point, ascending."""
    kinds: Tensor
    """int64 (objects,)."""
    boxes: Tensor
    """float32 (objects, 7), in the lidar's axes."""
    scenes: Tensor
    """int64 (objects,): scene of each object, ascending."""
    upright: Tensor
    """float64 (objects, 7), in upright camera axes."""
    heights_px: Tensor
    """float64 (objects,)."""
    occlusion: Tensor
    """int64 (objects,)."""
    truncation: Tensor
    """float64 (objects,)."""
    counts: Tensor
    """int64 (objects,): points in each box."""
    to_camera: Tensor
    """float64 (scenes, 3, 4)."""
    projection: Tensor
    """float64 (scenes, 3, 4)."""
    image: Tensor
    """float64 (scenes, 2)."""
    area: Area
    pillars: Pillars | None = None
    """Of these points; None where the points may still change, and the network makes them."""
    pool: "Pool | None" = None
    """Objects that may be put into the scenes in training."""
    synthetic: bool = False
    """Whether nobody measured these scenes."""

    def __len__(self) -> int:
        return len(self.image)

    def camera(self, scene: int) -> Camera:
        """Of one scene."""
        found = (each[scene].cpu().numpy() for each in (self.to_camera, self.projection, self.image))
        return Camera(*found)


@dataclass(frozen=True)
class Pool:
    """Objects of the training scenes with the points in their boxes."""

    kinds: Tensor
    """int64 (objects,)."""
    boxes: Tensor
    """float32 (objects, 7)."""
    points: Tensor
    """float32 (points, 4), one object after the other."""
    starts: Tensor
    """int64 (objects + 1,)."""


OF_OBJECTS = ("kinds", "boxes", "upright", "heights_px", "occlusion", "truncation", "counts")
OF_SCENES = ("to_camera", "projection", "image")


@dataclass(frozen=True)
class Scenes:
    """Examples of one part, their points and objects one after the other."""

    points: Tensor
    point_starts: Tensor
    """int64 (scenes + 1,)."""
    kinds: Tensor
    boxes: Tensor
    upright: Tensor
    heights_px: Tensor
    occlusion: Tensor
    truncation: Tensor
    counts: Tensor
    object_starts: Tensor
    """int64 (scenes + 1,)."""
    to_camera: Tensor
    projection: Tensor
    image: Tensor
    area: Area | None = None
    fixed: bool = True
    """Whether batches come with their pillars: scenes that are looked at as they are."""
    pool: Pool | None = None
    source: DataSource | None = None

    def __len__(self) -> int:
        return len(self.image)

    def __getitem__(self, index: int) -> Batch:
        return self.chosen(torch.tensor([range(len(self))[index]], device=self.points.device))

    @classmethod
    def of(cls, scenes: Sequence[Scene]) -> Self:
        """Scenes put together."""
        shapes = {"kinds": np.int64, "occlusion": np.int64, "counts": np.int64, "boxes": np.float32}
        objects = {
            name: torch.from_numpy(
                np.concatenate([getattr(each, name) for each in scenes]).astype(shapes.get(name, np.float64))
            )
            for name in OF_OBJECTS
        }
        cameras = {
            name: torch.from_numpy(np.stack([getattr(each.camera, name) for each in scenes]).astype(float))
            for name in OF_SCENES
        }
        return cls(
            points=torch.from_numpy(np.concatenate([each.points for each in scenes]).astype(np.float32)),
            point_starts=_starts([len(each.points) for each in scenes]),
            object_starts=_starts([len(each.kinds) for each in scenes]),
            **objects,
            **cameras,
        )

    def tensors(self) -> dict[str, Tensor]:
        """What a file keeps."""
        named = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: value for name, value in named.items() if isinstance(value, Tensor)}

    @classmethod
    def kept(cls, tensors: Mapping[str, Tensor]) -> Self:
        """The inverse of `tensors`."""
        return cls(**tensors)

    def columns_of(self, indices: Tensor) -> dict[str, Tensor]:
        """Points, objects and cameras of some scenes, with the scene that each is of."""
        points, owners = _taken(self.point_starts, indices)
        objects, scenes = _taken(self.object_starts, indices)
        found = {name: getattr(self, name).index_select(0, objects) for name in OF_OBJECTS}
        found |= {name: getattr(self, name).index_select(0, indices) for name in OF_SCENES}
        return found | {"points": self.points.index_select(0, points), "owners": owners, "scenes": scenes}

    def chosen(self, indices: Tensor) -> Batch:
        """The scenes with these numbers, as a batch."""
        found = self.columns_of(indices)
        pillars = None
        if self.fixed:
            pillars = pillars_of(found["points"], found["owners"], self.area, len(indices))
        synthetic = self.source is not None and self.source.obtained == "generated"
        return Batch(**found, area=self.area, pillars=pillars, pool=self.pool, synthetic=synthetic)

    def part(self, indices: Tensor) -> "Scenes":
        """The scenes with these numbers, as examples."""
        found = self.columns_of(indices)
        owners, scenes = found.pop("owners"), found.pop("scenes")
        return Scenes(
            **found,
            point_starts=_starts(torch.bincount(owners, minlength=len(indices))),
            object_starts=_starts(torch.bincount(scenes, minlength=len(indices))),
            area=self.area,
            fixed=self.fixed,
            pool=self.pool,
            source=self.source,
        )


def collated(items: Sequence[Batch]) -> Batch:
    """Batches one after the other."""
    first = items[0]
    shifts = np.cumsum([0, *(len(each) for each in items)])
    found = {
        name: torch.cat([getattr(each, name) for each in items])
        for name in ("points", *OF_OBJECTS, *OF_SCENES)
    }
    for name in ("owners", "scenes"):
        found[name] = torch.cat(
            [getattr(each, name) + shift for each, shift in zip(items, shifts.tolist(), strict=False)]
        )
    made = Batch(**found, area=first.area, pool=first.pool, synthetic=first.synthetic)
    if any(each.pillars is None for each in items):
        return made
    return with_pillars(made)


def with_pillars(batch: Batch) -> Batch:
    """The same batch, its points sorted into pillars."""
    return replace(batch, pillars=pillars_of(batch.points, batch.owners, batch.area, len(batch)))


def pillars_of(points: Tensor, owners: Tensor, area: Area, scenes: int) -> Pillars:
    """Points sorted by pillar; those outside the area are left out.

    Args:
        points: (points, 4).
        owners: Scene of each, (points,).
        area: What is looked at.
        scenes: How many there are.
    """
    column = torch.floor(points[:, 0] / area.pillar_m).long()
    row = torch.floor((points[:, 1] + area.sideways_m) / area.pillar_m).long()
    z = points[:, 2]
    fits = (column >= 0) & (column < area.columns) & (row >= 0) & (row < area.rows)
    fits &= (z >= LOWEST_M) & (z < HIGHEST_M)
    chosen = fits.nonzero()[:, 0]
    cell = ((owners * area.rows + row) * area.columns + column).index_select(0, chosen)
    cell, order = torch.sort(cell, stable=True)
    points = points.index_select(0, chosen.index_select(0, order))
    cells, places, numbers = torch.unique_consecutive(cell, return_inverse=True, return_counts=True)
    xyz = points[:, :3]
    sums = torch.zeros(len(cells), 3, dtype=points.dtype, device=points.device).index_add_(0, places, xyz)
    means = sums / numbers[:, None]
    x = (cells % area.columns + 0.5) * area.pillar_m
    y = (cells // area.columns % area.rows + 0.5) * area.pillar_m - area.sideways_m
    centres = torch.stack([x, y, torch.full_like(x, (LOWEST_M + HIGHEST_M) / 2)], dim=1).to(points.dtype)
    features = torch.cat(
        [points, xyz - means.index_select(0, places), xyz - centres.index_select(0, places)], dim=1
    )
    return Pillars(features / features.new_tensor(area.typical), places, cells)


def _starts(sizes: Sequence[int] | Tensor) -> Tensor:
    sizes = torch.as_tensor(sizes)
    return torch.cat([sizes.new_zeros(1), sizes.cumsum(0)])


def _taken(starts: Tensor, indices: Tensor) -> tuple[Tensor, Tensor]:
    """Numbers of the rows of some ranges one after the other, and the place of the range each is of."""
    begin = starts.index_select(0, indices)
    sizes = starts.index_select(0, indices + 1) - begin
    owners = torch.repeat_interleave(torch.arange(len(indices), device=starts.device), sizes)
    shift = begin - (sizes.cumsum(0) - sizes)
    return torch.arange(len(owners), device=starts.device) + shift.index_select(0, owners), owners
