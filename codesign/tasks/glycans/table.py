"""The table of glycans and their kingdoms: read, checked, chosen from, turned into tensors.

The table is part of the package, with its licence beside it (`LICENSE.glycowork`). A mirror may hold a copy,
which must be the same file.
"""

import csv
import gzip
import io
import zlib
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from codesign.files import replacing
from codesign.tasks.contract import DataSettings
from codesign.tasks.glycans.iupac import GlycanError, Tree, parsed
from codesign.tasks.remote import DataError, RemoteFile, check, kept

TABLE = RemoteFile(
    name="glycan_kingdom.csv.gz",
    folder="glycan",
    url="https://github.com/BojarLab/glycowork",
    size=181_254,
    sha256="7ed6918a7a555211c2d9eb84037f3b16a56fe81223223567a1e456237848fb59",
)
"""23,745 glycans of glycowork 1.11.0 (MIT licence), each with its most frequent kingdom. The address is where
they are from; nothing is fetched from it, as the package holds the table."""
SHIPPED = Path(__file__).with_name(TABLE.name)
COLUMNS = ("glycan", "kingdom", "unambiguous", "fold")
"""Those that are used; others may be there."""
FOLDS = 10
KINGDOMS = (
    "Animalia",
    "Bacteria",
    "Plantae",
    "Fungi",
    "Excavata",
    "Riboviria",
    "Euryarchaeota",
    "Bamfordvirae",
    "Protista",
)
"""Classes, those with more glycans first; an experiment takes the first few."""
RENAMED = {"Metazoa": "Animalia"}
"""Kingdoms that the table has under two names."""
UNREADABLE = "unreadable"
"""Why a glycan is left out that is not the notation of one whole glycan."""
DECODED = 1
"""Version of what is kept of a decoded table; higher where it changes."""


class Row(NamedTuple):
    """One glycan of the table."""

    line: int
    """Of the file, the header being line 1."""
    glycan: str
    """IUPAC-condensed."""
    kingdom: str
    """The most frequent one among its species; `RENAMED` applied."""
    unambiguous: bool
    """Whether all its species are of one kingdom."""
    fold: int
    """0 ... 9: sha256 of the string, modulo 10."""


class Refused(NamedTuple):
    """A glycan that cannot be read."""

    line: int
    glycan: str
    why: str


class Trees(NamedTuple):
    """Glycans as trees, one after the other."""

    labels: tuple[str, ...]
    """Residues and linkages, sorted."""
    nodes: Tensor
    """int64 (nodes,): number of each node's label."""
    parents: Tensor
    """int64 (nodes,): number of each node's parent within its glycan, -1 where there is none."""
    starts: Tensor
    """int64 (n + 1,): the first node of each glycan, and the number of all nodes."""
    kingdoms: Tensor
    """int64 (n,): number of each glycan's kingdom in `KINGDOMS`."""
    folds: Tensor
    """int64 (n,)."""
    left_out: dict[str, int]
    """Reason to number of glycans of the table that are not among these."""

    @property
    def owners(self) -> Tensor:
        """int64 (nodes,): the glycan of each node."""
        return torch.repeat_interleave(torch.arange(len(self.folds)), self.starts.diff())


def table_of(settings: DataSettings) -> tuple[Path, str]:
    """The table and where it lies: `mirror` where the mirror has one, else `embedded`.

    Raises:
        DataError: It is another file than expected; the message has both digests.
    """
    mirrored = None if settings.mirror is None else settings.mirror / TABLE.folder / TABLE.name
    path, obtained = (mirrored, "mirror") if mirrored and mirrored.is_file() else (SHIPPED, "embedded")
    check(TABLE, path)
    return path, obtained


def read_rows(path: Path) -> list[Row]:
    """Every row of a table of glycans.

    Args:
        path: A gzip file of comma-separated values with a header.

    Raises:
        DataError: It cannot be read, has no row, lacks a column, or a value is not allowed; the message names
            file, line and column, what was found and what is allowed.
    """
    try:
        with gzip.open(path, "rt", encoding="utf-8", newline="") as stream:
            text = stream.read()
    except (OSError, EOFError, zlib.error, UnicodeDecodeError) as error:
        raise DataError(f"{path} is not a readable gzip file of text ({error})") from error
    reader = csv.DictReader(io.StringIO(text))
    header = reader.fieldnames or ()
    missing = [column for column in COLUMNS if column not in header]
    if missing:
        raise DataError(
            f"{path}, line 1: there is no column {', '.join(missing)}; "
            f"found {', '.join(header) or 'nothing'}, needed {', '.join(COLUMNS)}"
        )
    rows = [_row(path, reader.line_num, said) for said in reader]
    if not rows:
        raise DataError(f"{path} has no row behind its header; at least one glycan is needed")
    return rows


def _row(path: Path, line: int, said: dict) -> Row:
    folds = [str(fold) for fold in range(FOLDS)]
    for column, fine, allowed in (
        ("glycan", bool(said["glycan"]), "a glycan in IUPAC-condensed notation"),
        ("kingdom", bool(said["kingdom"]), "the name of a kingdom"),
        ("unambiguous", said["unambiguous"] in ("True", "False"), "True or False"),
        ("fold", said["fold"] in folds, f"a whole number from 0 to {FOLDS - 1}"),
    ):
        if not fine:
            raise DataError(
                f"{path}, line {line}, column {column}: found {said[column]!r}, allowed is {allowed}"
            )
    kingdom = RENAMED.get(said["kingdom"], said["kingdom"])
    return Row(line, said["glycan"], kingdom, said["unambiguous"] == "True", int(said["fold"]))


def tree_of(path: Path, row: Row) -> Tree:
    """The tree of one row.

    Raises:
        GlycanError: It cannot be read; the message names file and line as well.
    """
    try:
        return parsed(row.glycan)
    except GlycanError as error:
        raise GlycanError(f"{path}, line {row.line}: {error}") from None


def read_trees(path: Path, rows: Sequence[Row]) -> tuple[dict[int, Tree], list[Refused]]:
    """The tree of each line that can be read, and every glycan that cannot be, with the reason."""
    found, refused = {}, []
    for row in rows:
        try:
            found[row.line] = tree_of(path, row)
        except GlycanError as error:
            refused.append(Refused(row.line, row.glycan, str(error)))
    return found, refused


def trees_of(settings: DataSettings) -> tuple[Trees, str]:
    """The glycans that an experiment is about, and where the table lay (`table_of`).

    Those of one kingdom alone, which can be read, have at most `nodes` nodes and belong to the first
    `kingdoms` of `KINGDOMS`; both are options. What was decoded is kept in the cache. Glycans that cannot be
    read are listed there in `glycans/refused.csv`, with line and reason.

    Raises:
        DataError: The table is not what is expected, or nothing is left of it.
    """
    path, obtained = table_of(settings)
    return _trees(path, settings.cache, settings.needed("kingdoms"), settings.needed("nodes")), obtained


@lru_cache(maxsize=4)
def _trees(path: Path, cache: Path | None, kingdoms: int, nodes: int) -> Trees:
    name = f"glycans/{TABLE.sha256[:16]}-{DECODED}-kingdoms-{kingdoms}-nodes-{nodes}"
    found = kept(cache, name, lambda: _tensors(path, cache, kingdoms, nodes))
    texts = {
        key: bytes(found[key].tolist()).decode().split("\n") if len(found[key]) else []
        for key in ("labels", "reasons")
    }
    return Trees(
        tuple(texts["labels"]),
        *(found[key] for key in ("nodes", "parents", "starts", "kingdoms", "folds")),
        dict(zip(texts["reasons"], found["numbers"].tolist(), strict=True)),
    )


def _tensors(path: Path, cache: Path | None, kingdoms: int, nodes: int) -> dict[str, Tensor]:
    """What `kept` keeps: tensors alone, texts as bytes."""
    rows = read_rows(path)
    trees, refused = read_trees(path, rows)
    if cache is not None and refused:
        _list_refused(refused, cache / "glycans" / "refused.csv")
    chosen, left_out = _chosen(rows, trees, kingdoms, nodes)
    reasons = ", ".join(f"{number} {why}" for why, number in left_out.items())
    if not chosen:
        raise DataError(f"{path}: no glycan is left of {len(rows)}: {reasons}")
    print(f"glycans: {len(chosen)} of {len(rows)} are used; left out: {reasons}")
    labels = sorted({label for _, tree in chosen for label in tree.labels})
    number = {label: k for k, label in enumerate(labels)}
    sizes = torch.tensor([len(tree.labels) for _, tree in chosen])
    return {
        "labels": _bytes(labels),
        "nodes": torch.tensor([number[label] for _, tree in chosen for label in tree.labels]),
        "parents": torch.tensor([parent for _, tree in chosen for parent in tree.parents]),
        "starts": torch.cat([torch.zeros(1, dtype=torch.int64), sizes.cumsum(0)]),
        "kingdoms": torch.tensor([KINGDOMS.index(row.kingdom) for row, _ in chosen]),
        "folds": torch.tensor([row.fold for row, _ in chosen]),
        "reasons": _bytes(list(left_out)),
        "numbers": torch.tensor(list(left_out.values()), dtype=torch.int64),
    }


def _chosen(
    rows: Sequence[Row], trees: Mapping[int, Tree], kingdoms: int, nodes: int
) -> tuple[list[tuple[Row, Tree]], dict[str, int]]:
    """Rows that are used, with their trees; and of the others how many are left out for which reason."""
    left_out = dict.fromkeys(
        ("of several kingdoms", UNREADABLE, f"of more than {nodes} nodes", "of other kingdoms"), 0
    )
    several, _, large, others = left_out
    chosen = []
    for row in rows:
        tree = trees.get(row.line)
        if tree is None:
            left_out[UNREADABLE] += 1
        elif not row.unambiguous:
            left_out[several] += 1
        elif len(tree.labels) > nodes:
            left_out[large] += 1
        elif row.kingdom not in KINGDOMS[:kingdoms]:
            left_out[others] += 1
        else:
            chosen.append((row, tree))
    return chosen, left_out


def _list_refused(found: Sequence[Refused], path: Path) -> None:
    print(f"glycans: {len(found)} cannot be read; {path} lists them with the reason")
    with replacing(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerow(Refused._fields)
        writer.writerows(found)


def _bytes(texts: Sequence[str]) -> Tensor:
    return torch.tensor(list("\n".join(texts).encode()), dtype=torch.uint8)
