"""From a weight matrix to conductances on an array, and back.

A weight is the difference of two cells, w = (G+ - G-) w_max / (G_max - G_min): one of the
pair stands at G_min, the other higher by the weight's size. Row k of the array is input k;
the two columns of an output stand side by side, so that wires take the same part of both.
A matrix larger than the array is cut into tiles, and the parts of an output are added up.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import permutations

import numpy as np


@dataclass(frozen=True, eq=False)
class Tile:
    """A part of a matrix that the array holds at once."""

    inputs: slice
    """Inputs of the matrix that are this tile's rows."""
    outputs: slice
    """Outputs of the matrix that are this tile's pairs of columns."""
    plus_s: np.ndarray
    """Target conductances G+, shape (inputs, outputs) [S]."""
    minus_s: np.ndarray
    """Target conductances G-."""

    @property
    def targets(self) -> np.ndarray:
        """Both as they lie on the array, G+ and G- of an output side by side, (inputs, 2 x outputs) [S]."""
        return np.stack([self.plus_s, self.minus_s], axis=2).reshape(len(self.plus_s), -1)


@dataclass(frozen=True, eq=False)
class Mapping:
    """One weight matrix as conductances."""

    shape: tuple[int, int]
    """(outputs, inputs) of the matrix."""
    largest: float
    """w_max = max |weight|, what a pair (G_max, G_min) stands for."""
    g_min_s: float
    g_max_s: float
    tiles: tuple[Tile, ...]

    @property
    def weight_per_siemens(self) -> float:
        """Weight that a difference of one siemens stands for; 0 for a matrix of zeros."""
        return self.largest / (self.g_max_s - self.g_min_s)


@dataclass(frozen=True, eq=False)
class Place:
    """Where a tile lies."""

    load: int
    """Which filling of the array; 0 is the first."""
    row: int
    """First row of the array."""
    column: int
    """First column of the array."""
    matrix: int
    """Which of the matrices placed together."""
    inputs: slice
    outputs: slice


def map_weights(
    weight: np.ndarray,
    *,
    g_min_s: float,
    g_max_s: float,
    rows: int,
    columns: int,
    cuts: Sequence[tuple[slice, slice]] | None = None,
) -> Mapping:
    """Target conductances of a weight matrix.

    Args:
        weight: Shape (outputs, inputs), finite.
        g_min_s: Least conductance [S].
        g_max_s: Largest conductance [S].
        rows: Of the array.
        columns: Of the array, two for each output.
        cuts: (inputs, outputs) of the tiles; None: as large as the array allows, inputs first.

    Raises:
        ValueError: A weight that is not finite, a range that is not 0 <= g_min < g_max, an array too
            small for one pair, or cuts that do not hold every weight once or do not fit.
    """
    weight = np.asarray(weight, dtype=float)
    if weight.ndim != 2 or weight.size == 0 or not np.all(np.isfinite(weight)):
        raise ValueError(f"weight must be a finite (outputs, inputs) matrix, got shape {weight.shape}")
    if not 0 <= g_min_s < g_max_s < math.inf:
        raise ValueError(f"need 0 <= g_min_s < g_max_s, got {g_min_s!r} and {g_max_s!r}")
    if rows < 1 or columns < 2:
        raise ValueError(f"a pair needs one row and two columns, got {rows} x {columns}")
    outputs, inputs = weight.shape
    if cuts is None:
        across = columns // 2
        cuts = [
            (slice(i, min(i + rows, inputs)), slice(o, min(o + across, outputs)))
            for o in range(0, outputs, across)
            for i in range(0, inputs, rows)
        ]
    held = np.zeros(weight.shape, dtype=int)
    for i, o in cuts:
        held[o, i] += 1
        if i.stop - i.start > rows or 2 * (o.stop - o.start) > columns:
            raise ValueError(f"a tile of {i}, {o} does not fit {rows} x {columns}")
    if not np.all(held == 1):
        raise ValueError("the cuts must hold every weight exactly once")
    largest = float(np.abs(weight).max())
    level = np.abs(weight) / largest if largest else np.zeros(weight.shape)
    # (outputs, inputs) -> (inputs, outputs)
    levels = (np.where(sign, level, 0.0).T for sign in (weight > 0, weight < 0))
    plus, minus = (g_min_s * (1 - at) + g_max_s * at for at in levels)  # both ends come out exactly
    tiles = [Tile(inputs=i, outputs=o, plus_s=plus[i, o], minus_s=minus[i, o]) for i, o in cuts]
    return Mapping(
        shape=(outputs, inputs), largest=largest, g_min_s=g_min_s, g_max_s=g_max_s, tiles=tuple(tiles)
    )


def place(shapes: Sequence[tuple[int, int]], *, rows: int, columns: int) -> list[Place]:
    """Lay matrices out on an array, several at once where they fit.

    Each matrix is cut along the free rectangles of the array, the widest piece first, and
    what does not fit goes into another load. Every order of up to four matrices is
    tried; fewest loads win, then fewest tiles.

    Args:
        shapes: (outputs, inputs) of the matrices.
        rows: Of the array.
        columns: Of the array, two for each output.

    Returns:
        The places, matrix by matrix.
    """
    if rows < 1 or columns < 2:
        raise ValueError(f"a pair needs one row and two columns, got {rows} x {columns}")
    numbers = range(len(shapes))
    orders = [tuple(numbers)]
    if 1 < len(shapes) <= 4:
        orders = list(permutations(numbers))
    found = [_placed(shapes, order, rows, columns) for order in orders]
    best = min(found, key=lambda places: (max(p.load for p in places), len(places)))
    return sorted(best, key=lambda p: (p.matrix, p.load, p.outputs.start, p.inputs.start))


def _placed(shapes, order, rows: int, columns: int) -> list[Place]:
    places: list[Place] = []
    free = [(0, 0, 0, rows, columns)]  # load, row, column, height and width of what is free
    loads = 1
    for matrix in order:
        outputs, inputs = shapes[matrix]
        rest = [(0, inputs, 0, outputs)]  # rectangles of the matrix that have no place yet
        while rest:
            i, height, o, width = rest.pop()
            if not free:
                free.append((loads, 0, 0, rows, columns))
                loads += 1
            # the free rectangle that takes most of it, the earliest of those
            hole = max(free, key=lambda f: (min(f[3], height) * min(f[4] // 2, width), -f[0], -f[1], -f[2]))
            free.remove(hole)
            load, row, column, tall, wide = hole
            h, w = min(tall, height), min(wide // 2, width)
            places.append(Place(load, row, column, matrix, slice(i, i + h), slice(o, o + w)))
            # below the tile its own columns are free, beside it all rows of the hole
            left = [
                (load, row + h, column, tall - h, 2 * w),
                (load, row, column + 2 * w, tall, wide - 2 * w),
            ]
            free += [f for f in left if f[3] >= 1 and f[4] >= 2]
            if height > h:
                rest.append((i + h, height - h, o, w))
            if width > w:
                rest.append((i, height, o + w, width - w))
    return places
