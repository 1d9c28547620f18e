"""A file taken apart: named columns of cells, whatever format they came from."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from codesign.iv.importers.columns import numbers
from codesign.iv.importers.headers import bare, split_unit
from codesign.iv.importers.refusal import ImportRefused


@dataclass(frozen=True)
class Table:
    """Columns as the file holds them."""

    header: list[str]
    """One text a column; '' where there is none."""
    columns: list[Sequence]
    """Cells, every column shape (n_rows,)."""
    rows: Sequence[int]
    """Row of each cell as a person counts them, shape (n_rows,)."""
    decimal_comma: bool = False
    notes: tuple[str, ...] = ()
    extra: Mapping[str, object] = field(default_factory=dict)
    """What else the file says."""
    aliases: tuple[str, ...] = ()
    """Full names of the columns (`group/channel`), where the format has them."""
    steps_s: tuple[float | None, ...] = ()
    """Time from sample to sample of each column, where the format has it [s]."""
    open_end: bool = False
    """Whether the file ends with the last row and no line break: its last number may be cut."""
    parts: tuple[int, ...] = ()
    """First row of each part of a file of several (titled sections, appended runs, sheets), from 0."""
    mapping: Mapping[str, int] = field(default_factory=dict)
    """Columns from 1 by quantity, where the format says it; the sidecar's go first."""
    groups: Mapping[str, Sequence[int]] = field(default_factory=dict)
    """Names that stand for several columns, as of an array of two dimensions."""
    setpoints: tuple[int, ...] = ()
    """Columns that the format says are set by loops around the sweep, or by the sweep itself."""
    stated: Mapping[str, str] = field(default_factory=dict)
    """Units of voltage and current that settings above the names state."""

    def __post_init__(self) -> None:
        lengths = {len(column) for column in self.columns} | {len(self.rows)}
        if len(self.header) != len(self.columns) or len(lengths) > 1:
            raise ValueError(
                f"a table has a header a column and a cell a row; got {len(self.header)} headers, "
                f"{len(self.columns)} columns, {len(self.rows)} rows and columns of {sorted(lengths)} cells"
            )

    def numbers(self, k: int) -> np.ndarray:
        """Column `k` as floats; see `columns.numbers`."""
        return numbers(self.columns[k], column=self.name(k), rows=self.rows, decimal_comma=self.decimal_comma)

    def name(self, k: int) -> str:
        """Name of column `k` for a person."""
        return self.header[k] or f"{k + 1} (no header)"

    def has_data(self, k: int) -> bool:
        """Whether any cell of column `k` is filled."""
        cells = self.columns[k]
        if isinstance(cells, np.ndarray):
            return bool(np.isfinite(cells).any())
        return any(cell is not None and str(cell).strip() for cell in cells)

    def without_last_row(self, why: str) -> "Table":
        """The table without its last row, with a note that says so."""
        return replace(
            self,
            columns=[column[:-1] for column in self.columns],
            rows=self.rows[:-1],
            notes=(*self.notes, f"row {self.rows[-1]} is left out: {why}, without a line break"),
            open_end=False,
        )

    @cached_property
    def _places(self) -> list[dict[str, list[int]]]:
        """Columns by header, by full name, and by name without unit."""
        found = []
        for names in (self.header, self.aliases, [split_unit(text)[0] for text in self.header]):
            places: dict[str, list[int]] = {}
            for k, name in enumerate(names):
                places.setdefault(name, []).append(k)
            found.append(places)
        return found

    def find(self, wanted: str | int, *, key: str) -> int:
        """Index of the column a sidecar names, by header, by name without unit, or by number from 1.

        Raises:
            ImportRefused: There is no such column, or several.
        """
        if isinstance(wanted, int):
            at = [wanted - 1] if 1 <= wanted <= len(self.header) else []
        else:
            name = bare(wanted)
            at = next((places[text] for text in (wanted.strip(), name) for places in self._places
                       if text in places), [])  # fmt: skip
        if len(at) != 1:
            names = self.aliases or [self.name(k) for k in range(min(len(self.header), 50))]
            raise ImportRefused(
                f"{wanted!r} is {'no column' if not at else 'the name of several columns'} of the file",
                where=f"sidecar, {key}",
                remedy=f"name one of: {', '.join(names[:50])}",
            )
        return at[0]

    def find_all(self, wanted: str | int | Sequence, *, key: str) -> list[int]:
        """Indices of the columns a sidecar names, one or a list; see `find`."""
        names = wanted if isinstance(wanted, list) else [wanted]
        found = []
        for name in names:
            found += self.groups.get(name) or [self.find(name, key=key)]
        return found

    def rows_where(self, keep: np.ndarray) -> "Table":
        """The table with some of its rows.

        Args:
            keep: Boolean, shape (n_rows,).
        """
        at = np.flatnonzero(keep)
        taken = at.tolist()
        return replace(
            self,
            columns=[
                column[at] if isinstance(column, np.ndarray) else [column[k] for k in taken]
                for column in self.columns
            ],
            rows=[self.rows[k] for k in taken],
            open_end=self.open_end and bool(at.size) and bool(keep[-1]),
            parts=(),
        )


def without_empty_copies(table: Table) -> Table:
    """The table without columns that hold no value and have the name of one that does.

    Rows of names are filled to the right beyond the data; a column without a value whose name no
    other has stays: a cycle of which nothing was recorded.
    """
    named = Counter(table.header)
    doubtful = {
        k for k, name in enumerate(table.header) if name and named[name] > 1 and not table.has_data(k)
    }
    kept_names = {table.header[k] for k in range(len(table.header)) if k not in doubtful}
    empty = []
    for k in sorted(doubtful):
        if table.header[k] in kept_names:
            empty.append(k)
        kept_names.add(table.header[k])
    if not empty:
        return table
    kept = [k for k in range(len(table.header)) if k not in set(empty)]
    return replace(
        table,
        header=[table.header[k] for k in kept],
        columns=[table.columns[k] for k in kept],
        notes=(*table.notes, f"{len(empty)} columns without a value, named as others, are left out"),
    )
