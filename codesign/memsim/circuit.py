"""The circuit around the cells: what the columns of an array carry, wires and amplifiers included.

Row r is driven by a source through its resistance and one wire segment, then runs past
every column with a segment between neighbours; column c runs past every row and leaves
through one segment and the resistance of its sense amplifier into virtual ground:

    source r --driver--wire--(r, 0)--wire--(r, 1)-- ... --(r, C-1)
                               |cell         |cell
                             (0, c)--wire--(1, c)-- ... --(R-1, c)--wire--sense--ground

Ohm's and Kirchhoff's laws for every node give one sparse, symmetric, positive definite
system. It is factorised once per programmed array and serves any number of input
vectors. A resistance of zero joins the nodes on its two sides, so that an array without
any resistance multiplies exactly: I = V G.
"""

import math
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
from scipy.sparse import csc_array
from scipy.sparse.linalg import SuperLU, splu

BLOCK = 16
"""Input vectors solved at a time."""


@dataclass(frozen=True, eq=False)
class _Wiring:
    """Which nodes the resistors of an array join; depends on its size and on what is zero.

    Nodes below `unknown` are solved for; then come the row sources, then the column ends.
    """

    unknown: int
    row_node: np.ndarray
    """Node on the row side of every cell, shape (rows x columns,)."""
    column_node: np.ndarray
    ends: tuple[np.ndarray, np.ndarray]
    """Nodes of every resistor: cells first, then entries, exits, and the wires between neighbours."""
    counts: tuple[int, int, int]
    """Entries, exits and wires."""
    indices: np.ndarray
    indptr: np.ndarray
    place: np.ndarray
    """Where each of `resistor`'s conductances is added in the matrix's data."""
    resistor: np.ndarray
    sign: np.ndarray
    border: tuple[np.ndarray, np.ndarray, np.ndarray]
    """Resistors between a solved and a fixed node: resistor, solved node, fixed node less `unknown`."""


@lru_cache(maxsize=16)
def _wiring(rows: int, columns: int, wire: bool, driver: bool, sense: bool) -> _Wiring:
    r, c = np.divmod(np.arange(rows * columns), columns)
    if wire:
        row_node, column_node = np.arange(r.size), r.size + np.arange(r.size)
        unknown = 2 * r.size
        entry, leave = row_node[c == 0], column_node[r == rows - 1]
    else:
        solved_rows, solved_columns = rows * driver, columns * sense
        unknown = solved_rows + solved_columns
        row_node = r if driver else unknown + r
        column_node = solved_rows + c if sense else unknown + rows + c
        entry = np.arange(rows)[: rows * driver]
        leave = solved_rows + np.arange(columns)[: columns * sense]
    source, sink = unknown + np.arange(rows), unknown + rows + np.arange(columns)
    ends = [
        (row_node, column_node),
        (entry, source[: entry.size]),
        (leave, sink[: leave.size]),
    ]
    if wire:
        ends += [(row_node[c > 0] - 1, row_node[c > 0]), (column_node[r > 0] - columns, column_node[r > 0])]
    a = np.concatenate([pair[0] for pair in ends])
    b = np.concatenate([pair[1] for pair in ends])
    number = np.arange(a.size)
    # each resistor adds g to the diagonal of its solved ends, and -g between them
    inner = (a < unknown) & (b < unknown)
    at = [(a, a, a < unknown, 1.0), (b, b, b < unknown, 1.0), (a, b, inner, -1.0), (b, a, inner, -1.0)]
    row = np.concatenate([i[keep] for i, _, keep, _ in at])
    column = np.concatenate([j[keep] for _, j, keep, _ in at])
    resistor = np.concatenate([number[keep] for _, _, keep, _ in at])
    sign = np.concatenate([np.full(keep.sum(), s) for _, _, keep, s in at])
    filled, place = np.unique(column * max(unknown, 1) + row, return_inverse=True)
    indptr = np.searchsorted(filled, np.arange(unknown + 1) * max(unknown, 1))
    one = (a < unknown) != (b < unknown)
    border = (number[one], np.minimum(a, b)[one], np.maximum(a, b)[one] - unknown)
    return _Wiring(
        unknown=unknown,
        row_node=row_node,
        column_node=column_node,
        ends=(a, b),
        counts=(entry.size, leave.size, a.size - r.size - entry.size - leave.size),
        indices=(filled % max(unknown, 1)).astype(np.int32),
        indptr=indptr.astype(np.int32),
        place=place,
        resistor=resistor,
        sign=sign,
        border=border,
    )


class NodalSolver:
    """Currents and voltages of one programmed array, for many input vectors."""

    def __init__(
        self,
        conductances: np.ndarray,
        *,
        wire_resistance_ohm: float,
        driver_resistance_ohm: float,
        sense_resistance_ohm: float,
    ) -> None:
        """Factorise the array.

        Args:
            conductances: Of the cells, shape (rows, columns), finite and >= 0 [S].
            wire_resistance_ohm: Of a wire segment between neighbouring cells, and of the
                one at each row's beginning and each column's end.
            driver_resistance_ohm: Of the source of a row.
            sense_resistance_ohm: Between the end of a column and virtual ground.

        Raises:
            ValueError: A value that is negative or not finite, or no cell.
        """
        g = np.array(conductances, dtype=float)
        if g.ndim != 2 or g.size == 0:
            raise ValueError(f"conductances must have shape (rows, columns), got {g.shape}")
        if not np.all(np.isfinite(g) & (g >= 0)):
            raise ValueError("conductances must be finite and >= 0 S")
        for name, value in (
            ("wire_resistance_ohm", wire_resistance_ohm),
            ("driver_resistance_ohm", driver_resistance_ohm),
            ("sense_resistance_ohm", sense_resistance_ohm),
        ):
            if not (math.isfinite(value) and value >= 0):
                raise ValueError(f"{name} must be finite and >= 0, got {value!r}")
        g.flags.writeable = False
        self.conductances = g
        self.rows, self.columns = g.shape
        self._wiring = _wiring(
            *g.shape, wire_resistance_ohm > 0, driver_resistance_ohm > 0, sense_resistance_ohm > 0
        )
        entries, exits, wires = self._wiring.counts
        values = [
            (entries, driver_resistance_ohm + wire_resistance_ohm),
            (exits, sense_resistance_ohm + wire_resistance_ohm),
            (wires, wire_resistance_ohm),
        ]
        self._resistors = np.concatenate([g.ravel(), *(np.full(n, 1 / ohm) for n, ohm in values if n)])
        self._served = 0
        self._factor = self._factorised()

    def currents(self, voltages: np.ndarray) -> np.ndarray:
        """Currents out of the columns into virtual ground [A].

        Args:
            voltages: Of the row sources, shape (rows,) or (n, rows) [V].

        Returns:
            Shape (columns,) or (n, columns).
        """
        rows = self._checked(voltages, self.rows, "voltages")
        many = np.atleast_2d(rows)
        self._served += len(many)
        if self._factor is None:
            found = many @ self.conductances
        elif "transfer" in self.__dict__ or self._served >= self.rows:
            # as many vectors as rows: their solutions give those of all others
            found = many @ self.transfer
        else:
            found = self._solved_currents(many)
        return found.reshape(*rows.shape[:-1], self.columns)

    @cached_property
    def transfer(self) -> np.ndarray:
        """What the array multiplies by: currents = voltages @ transfer, shape (rows, columns) [S]."""
        if self._factor is None:
            return self.conductances
        return self._solved_currents(np.eye(self.rows))

    def cell_voltages(self, rows: np.ndarray, columns: np.ndarray | None = None) -> np.ndarray:
        """Voltage across every cell, row side less column side, shape (rows, columns) [V].

        Args:
            rows: Voltages of the row sources, shape (rows,) [V].
            columns: Voltages that the columns end at, shape (columns,) [V]; None: ground.
        """
        fixed = np.zeros((1, self.rows + self.columns))
        fixed[0, : self.rows] = self._checked(rows, self.rows, "rows", dimensions=(1,))
        if columns is not None:
            fixed[0, self.rows :] = self._checked(columns, self.columns, "columns", dimensions=(1,))
        return self._across(fixed)[0]

    def _factorised(self) -> SuperLU | None:
        """The factors of the nodal matrix; None where no node is left to solve for."""
        wiring = self._wiring
        if wiring.unknown == 0:
            return None
        data = np.bincount(
            wiring.place,
            weights=wiring.sign * self._resistors[wiring.resistor],
            minlength=wiring.indices.size,
        )
        matrix = csc_array((data, wiring.indices, wiring.indptr), shape=(wiring.unknown, wiring.unknown))
        return splu(
            matrix, permc_spec="MMD_AT_PLUS_A", diag_pivot_thresh=0.0, options={"SymmetricMode": True}
        )

    def _across(self, fixed: np.ndarray) -> np.ndarray:
        """Voltages across the cells, (n, rows + columns) fixed ones -> (n, rows, columns)."""
        wiring = self._wiring
        nodes = fixed
        if self._factor is not None:
            resistor, solved, end = wiring.border
            right = np.zeros((wiring.unknown, len(fixed)))
            np.add.at(right, solved, self._resistors[resistor, None] * fixed.T[end])
            nodes = np.concatenate([self._factor.solve(right).T, fixed], axis=1)
        across = nodes[:, wiring.row_node] - nodes[:, wiring.column_node]
        return across.reshape(len(fixed), self.rows, self.columns)

    def _solved_currents(self, voltages: np.ndarray) -> np.ndarray:
        """(n, rows) -> (n, columns).

        A column's current is the sum over its cells, which holds where its end is joined to ground too.
        """
        found = np.empty((len(voltages), self.columns))
        for start in range(0, len(voltages), BLOCK):
            part = voltages[start : start + BLOCK]
            fixed = np.zeros((len(part), self.rows + self.columns))
            fixed[:, : self.rows] = part
            # (block, rows, columns) summed over rows
            found[start : start + BLOCK] = np.einsum("nrc,rc->nc", self._across(fixed), self.conductances)
        return found

    def _checked(self, values, length: int, name: str, *, dimensions=(1, 2)) -> np.ndarray:
        values = np.asarray(values, dtype=float)
        if values.ndim not in dimensions or values.shape[-1] != length:
            shapes = " or ".join("(n, {})" if d == 2 else "({},)" for d in dimensions).replace(
                "{}", str(length)
            )
            raise ValueError(f"{name} must have shape {shapes}, got {values.shape}")
        if not np.all(np.isfinite(values)):
            raise ValueError(f"{name} must be finite")
        return values
