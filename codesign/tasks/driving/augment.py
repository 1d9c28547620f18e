"""Training scenes changed at random: objects put in, mirrored, turned, made larger or smaller.

Source:
    Yan et al. (2018), Sensors 18, 3337, Sect. 3.2; Lang et al. (2019), arXiv 1812.05784, Sect. 3.
"""

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from codesign.tasks.driving.boxes import bev_overlaps, inside, near_pairs
from codesign.tasks.driving.precision import CLASSES
from codesign.tasks.driving.scenes import OF_OBJECTS, Batch, Pool, Scenes

FEWEST_POINTS = 5
"""Of an object that may be put into other scenes."""


def pool_of(scenes: Scenes) -> Pool:
    """Objects of the classes with at least `FEWEST_POINTS` points, with the points in their boxes."""
    kinds, boxes, parts = [], [], []
    for k in range(len(scenes)):
        points = scenes.points[scenes.point_starts[k] : scenes.point_starts[k + 1]]
        for number in range(int(scenes.object_starts[k]), int(scenes.object_starts[k + 1])):
            if scenes.kinds[number] < len(CLASSES) and scenes.counts[number] >= FEWEST_POINTS:
                mine = points[torch.from_numpy(inside(points.numpy(), scenes.boxes[number].numpy()))]
                if len(mine) >= FEWEST_POINTS:
                    kinds.append(int(scenes.kinds[number]))
                    boxes.append(scenes.boxes[number])
                    parts.append(mine)
    return Pool(
        torch.tensor(kinds, dtype=torch.long),
        torch.stack(boxes) if boxes else scenes.boxes.new_zeros(0, 7),
        torch.cat(parts) if parts else scenes.points.new_zeros(0, 4),
        torch.tensor([0, *np.cumsum([len(part) for part in parts], dtype=int).tolist()]),
    )


def augmented(
    batch: Batch,
    *,
    flip: bool,
    turn_deg: float,
    scaling: float,
    pasted: int,
    generator: torch.Generator,
) -> Batch:
    """A batch changed at random, each scene by itself.

    What objects are scored by (places in camera axes, heights, ...) stays behind: a changed batch is learnt
    from and not scored.

    Args:
        batch: With a pool where objects are put in.
        flip: Half of the scenes are mirrored, left to right.
        turn_deg: Scenes are turned about the lidar by at most so many degrees, either way.
        scaling: Scenes are made larger or smaller by at most this share.
        pasted: Objects of the pool are put in until a scene has so many of each class, as far as they
            overlap nothing.
        generator: On the CPU.
    """
    if pasted:
        batch = _with_pasted(batch, pasted, generator)
    draws = torch.rand(3, len(batch), generator=generator)
    side = torch.where(draws[0] < 0.5, -1.0, 1.0) if flip else torch.ones(len(batch))
    turn = (2 * draws[1] - 1) * math.radians(turn_deg)
    scale = 1 + (2 * draws[2] - 1) * scaling
    device = batch.points.device
    side, turn, scale = side.to(device), turn.to(device), scale.to(device)

    def moved(places: Tensor, scenes: Tensor) -> Tensor:
        mirror, angle, factor = side[scenes], turn[scenes], scale[scenes]
        x, y, z = places[:, 0], places[:, 1] * mirror, places[:, 2]
        cos, sin = torch.cos(angle), torch.sin(angle)
        return torch.stack([cos * x - sin * y, sin * x + cos * y, z], dim=1) * factor[:, None]

    points = torch.cat([moved(batch.points, batch.owners), batch.points[:, 3:]], dim=1)
    boxes = torch.cat(
        [
            moved(batch.boxes, batch.scenes),
            batch.boxes[:, 3:6] * scale[batch.scenes, None],
            (batch.boxes[:, 6] * side[batch.scenes] + turn[batch.scenes])[:, None],
        ],
        dim=1,
    )
    return replace(batch, points=points, boxes=boxes, pillars=None)


def _with_pasted(batch: Batch, most: int, generator: torch.Generator) -> Batch:
    """The batch with objects of its pool, and without the points that were in their places."""
    pool = batch.pool
    if pool is None:
        raise ValueError("objects are put in from a pool of the training scenes, and this batch has none")
    chosen, owners = _chosen(batch, pool, most, generator)
    if not chosen:
        return batch
    device = batch.points.device
    points, stays = batch.points.cpu().numpy(), np.ones(len(batch.points), dtype=bool)
    of = batch.owners.cpu().numpy()
    boxes = pool.boxes.cpu().numpy()
    for number, scene in zip(chosen, owners, strict=True):
        mine = np.flatnonzero((of == scene) & stays)
        stays[mine] = ~inside(points[mine], boxes[number])
    kept = torch.from_numpy(np.flatnonzero(stays)).to(device)
    starts = pool.starts.tolist()
    added = [pool.points[starts[number] : starts[number + 1]] for number in chosen]
    counts = torch.tensor([len(each) for each in added], device=device)
    numbers = torch.tensor(chosen, device=device)
    scenes = torch.tensor(owners, device=device)
    new = {"kinds": pool.kinds[numbers], "boxes": pool.boxes[numbers], "counts": counts}
    columns = {}
    for name in OF_OBJECTS:
        old = getattr(batch, name)
        columns[name] = torch.cat([old, new.get(name, old.new_zeros(len(chosen), *old.shape[1:]))])
    return replace(
        batch,
        points=torch.cat([batch.points.index_select(0, kept), *added]),
        owners=torch.cat([batch.owners.index_select(0, kept), torch.repeat_interleave(scenes, counts)]),
        scenes=torch.cat([batch.scenes, scenes]),
        **columns,
    )


def _chosen(
    batch: Batch, pool: Pool, most: int, generator: torch.Generator
) -> tuple[Sequence[int], Sequence[int]]:
    """Numbers of objects of the pool that have room, and the scene of each."""
    kinds, scenes = batch.kinds.cpu().numpy(), batch.scenes.cpu().numpy()
    pool_kinds, candidates, owners = pool.kinds.cpu().numpy(), [], []
    for scene in range(len(batch)):
        for kind in range(len(CLASSES)):
            members = np.flatnonzero(pool_kinds == kind)
            wanted = most - int(((kinds == kind) & (scenes == scene)).sum())
            order = torch.randperm(len(members), generator=generator)[: max(wanted, 0)].numpy()
            candidates += members[order].tolist()
            owners += [scene] * len(order)
    numbers, of = np.array(candidates, dtype=int), np.array(owners, dtype=int)
    boxes = pool.boxes.cpu().numpy()[numbers].reshape(-1, 7)
    there = np.concatenate([batch.boxes.cpu().numpy(), boxes])
    of_there = np.concatenate([scenes, of])
    order = np.argsort(of_there, kind="stable")
    one, two = near_pairs(boxes, there[order], of, of_there[order])
    two = order[two]
    meets = bev_overlaps(boxes[one], there[two]) > 0
    blocked: dict[int, list[int]] = {}
    for first, second in zip(one[meets].tolist(), two[meets].tolist(), strict=True):
        blocked.setdefault(first, []).append(second - len(kinds))
    accepted: set[int] = set()
    for k in range(len(candidates)):
        if not any(other < 0 or other in accepted for other in blocked.get(k, ()) if other != k):
            accepted.add(k)
    return [candidates[k] for k in sorted(accepted)], [owners[k] for k in sorted(accepted)]
