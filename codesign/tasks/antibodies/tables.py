"""Published tables of antibodies, antigens and who neutralises whom: workbooks, or copies of them.

The workbooks lie in a public repository under the AGPL-3.0; they are downloaded and never shipped. Their
content is from CATNAP (Los Alamos National Laboratory) and from CoV-AbDab (CC BY 4.0). A mirror may hold the
same tables as comma-separated files; both give the same rows.

Source:
    Zhang et al. (2022), Nature Machine Intelligence 4, 964, with its data at github.com/enai4bio/DeepAAI.
    Yoon et al. (2015), Nucleic Acids Research 43, W213 (CATNAP).
    Raybould et al. (2021), Bioinformatics 37, 734 (CoV-AbDab).
"""

import csv
import gzip
import hashlib
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np

from codesign.tasks.antibodies.sequences import SequenceError, numbered
from codesign.tasks.contract import DataSettings, DataSource
from codesign.tasks.remote import DataError, RemoteFile, check, locate

COMMIT = "b5087c516b660524b0851557e7122161ddf3d4dd"
FOLDER = "antibody"
HASH_FOLDS = 10
SPLITS = ("seen", "unseen")
LARGEST_TABLE = 1 << 26
"""Bytes of an unpacked table."""


def _workbook(virus: str, *, size: int, sha256: str) -> RemoteFile:
    return RemoteFile(
        name=f"dataset_{virus}_cls.xlsx",
        folder=f"{FOLDER}/raw",
        url=f"https://raw.githubusercontent.com/enai4bio/DeepAAI/{COMMIT}/processing/{virus}_cls/"
        f"dataset_{virus}_cls.xlsx",
        size=size,
        sha256=sha256,
    )


def _copy(name: str, *, size: int, sha256: str) -> RemoteFile:
    return RemoteFile(name=f"{name}.csv.gz", folder=FOLDER, url="", size=size, sha256=sha256)


WORKBOOKS = {
    "hiv": _workbook(
        "hiv",
        size=934_120,
        sha256="47d3fad81afa79a07e53feff6221321ec1a543aecfa65c595d80f4fcb64259ea",
    ),
    "cov": _workbook(
        "cov",
        size=2_414_444,
        sha256="4b6e13f9c353ea30b6d2a04ecbeb930c38bf8f2b4772cc3784cff106846090fb",
    ),
}
"""As published, one row a pair: antibody_seq, virus_seq, label, split."""
COPIES = {
    "hiv": {
        "antibodies": _copy(
            "hiv_cls_antibodies",
            size=18_224,
            sha256="edb4d4793a84a0230bcd37f6564ad29dc81e4fa3e9306d92a3755853c649f94b",
        ),
        "antigens": _copy(
            "hiv_cls_antigens",
            size=182_985,
            sha256="a996f7e1332e5bb7ebf77b2fbd3a61f1663f21137cca86e4f251473034da5fe7",
        ),
        "pairs": _copy(
            "hiv_cls_pairs",
            size=101_960,
            sha256="d0e5c09485662d08d1a2482993ffe01bd32aa3758a8dfd6cb387a124519f0ef4",
        ),
    },
    "cov": {
        "antibodies": _copy(
            "cov_cls_antibody_level",
            size=136_872,
            sha256="2735518a74d00aa7417a173f71788b2d88d481d1cecfb89b53be6ee2dd82258d",
        ),
        "antigens": _copy(
            "cov_cls_antigens",
            size=1_574,
            sha256="2e0188bca3a84226ae5d7ff40435d43695c252d762218658d49c5152268e9167",
        ),
    },
}
"""The same tables as a mirror may hold them."""


@dataclass(frozen=True)
class PairTable:
    """Who neutralises whom."""

    antibodies: tuple[str, ...]
    """Sequences: heavy and light variable domains one after the other, in order of first appearance."""
    antigens: tuple[str, ...]
    antibody: np.ndarray
    """Of each pair, number of its antibody, int64 (n,)."""
    antigen: np.ndarray
    label: np.ndarray
    """1 where the antibody neutralises, int64 (n,)."""
    seen: np.ndarray
    """Whether the published split calls the pair's antibody seen, bool (n,)."""


@dataclass(frozen=True)
class AntibodyTable:
    """Whether antibodies neutralise one virus at all."""

    antibodies: tuple[str, ...]
    """In order of first appearance; those with both labels are left out."""
    label: np.ndarray
    """int64 (n,)."""
    fold: np.ndarray
    """sha256 of the sequence modulo ten, int64 (n,)."""
    conflicting: int
    """How many were left out."""
    antigen: str
    """The first antigen of the table, which stands for the virus."""


def read_hiv(settings: DataSettings) -> tuple[PairTable, DataSource]:
    """29,394 pairs of 254 antibodies and 940 envelopes of HIV-1: label 1 where IC50 is below 10 µg/mL.

    Raises:
        DataError: No table can be had, or one is not what is expected.
    """
    copies = _copies("hiv", settings)
    if copies is None:
        path, obtained = locate(WORKBOOKS["hiv"], settings)
        return pairs_of_workbook(path), DataSource("CATNAP pairs", obtained, "", WORKBOOKS["hiv"].sha256)
    table = pairs_of_copies(**copies)
    return table, DataSource("CATNAP pairs", "mirror", "", COPIES["hiv"]["pairs"].sha256)


def read_cov(settings: DataSettings) -> tuple[AntibodyTable, DataSource]:
    """2,918 antibodies against SARS-CoV-2, each with its one label.

    The published split cannot be used. The table is a complete product: each antibody has one label on all
    30 spikes, so only the antibody decides, and 127 of the 128 antibodies that it calls unseen stand among
    the seen ones as well. What is read here is one row an antibody; folds are made of those.

    Raises:
        DataError: No table can be had, or one is not what is expected.
    """
    variant = "one row an antibody"
    copies = _copies("cov", settings)
    if copies is None:
        path, obtained = locate(WORKBOOKS["cov"], settings)
        source = DataSource("CoV-AbDab antibodies", obtained, variant, WORKBOOKS["cov"].sha256)
        return antibodies_of_workbook(path), source
    source = DataSource("CoV-AbDab antibodies", "mirror", variant, COPIES["cov"]["antibodies"].sha256)
    return antibodies_of_copies(**copies), source


def _copies(virus: str, settings: DataSettings) -> dict[str, Path] | None:
    """Checked comma-separated tables of the mirror; None where it holds none of them.

    Raises:
        DataError: It holds some of them and not all, or one is another file.
    """
    if settings.mirror is None:
        return None
    paths = {name: settings.mirror / file.folder / file.name for name, file in COPIES[virus].items()}
    missing = [path for path in paths.values() if not path.is_file()]
    if len(missing) == len(paths):
        return None
    if missing:
        there = next(path for path in paths.values() if path.is_file())
        raise DataError(
            f"{missing[0]}: missing, while {there.name} is there; put all {len(paths)} of {virus} into "
            "the mirror, or none, so that the published workbook is used"
        )
    for name, path in paths.items():
        check(COPIES[virus][name], path)
    return paths


# -- comma-separated tables --------------------------------------------------------------------


def pairs_of_copies(*, antibodies: Path, antigens: Path, pairs: Path) -> PairTable:
    """A table of pairs from its three comma-separated files (gzip).

    Raises:
        DataError: A column, a value or a number is not what is allowed; the message says where.
    """
    proteins = [
        _sequences(path, _rows(path, (f"{kind}_id", "sequence", "length")), f"{kind}_id")
        for kind, path in (("antibody", antibodies), ("antigen", antigens))
    ]
    found = _rows(pairs, ("antibody_id", "antigen_id", "label", "split"))
    numbers = {
        name: _column(pairs, found, name, {str(k): k for k in range(len(known))})
        for name, known in zip(("antibody_id", "antigen_id"), proteins, strict=True)
    }
    label = _column(pairs, found, "label", {"0": 0, "1": 1})
    split = _column(pairs, found, "split", {name: k for k, name in enumerate(SPLITS)})
    table = PairTable(*proteins, numbers["antibody_id"], numbers["antigen_id"], label, split == 0)
    return _checked(table, pairs)


def antibodies_of_copies(*, antibodies: Path, antigens: Path) -> AntibodyTable:
    """A table of antibodies from its comma-separated files (gzip).

    Raises:
        DataError: A column, a value or a number is not what is allowed; the message says where.
    """
    columns = ("antibody_id", "label", "in_split", "sequence", "length", "fold")
    found = _rows(antibodies, columns)
    sequences = _sequences(antibodies, found, "antibody_id")
    label = _column(antibodies, found, "label", {"0": 0, "1": 1, "conflict": -1})
    fold = _column(antibodies, found, "fold", {str(k): k for k in range(HASH_FOLDS)})
    for row, (sequence, said) in enumerate(zip(sequences, fold.tolist(), strict=True)):
        if hash_fold(sequence) != said:
            raise _wrong(antibodies, row, "fold", said, f"{hash_fold(sequence)}, from the sequence's sha256")
    spikes = _sequences(antigens, _rows(antigens, ("antigen_id", "sequence", "length")), "antigen_id")
    return _decided(sequences, label, spikes[0])


def _rows(path: Path, columns: Sequence[str]) -> list[dict[str, str]]:
    try:
        with gzip.open(path) as stream:
            content = stream.read(LARGEST_TABLE + 1)
        if len(content) > LARGEST_TABLE:
            raise DataError(f"{path}: unpacked it is larger than {LARGEST_TABLE} bytes")
        reader = csv.DictReader(content.decode("utf-8").splitlines())
        found = list(reader)
    except (OSError, EOFError, zlib.error, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path}: not a readable table ({error})") from error
    if tuple(reader.fieldnames or ()) != tuple(columns):
        raise DataError(
            f"{path}: its columns are {', '.join(reader.fieldnames or ()) or 'none'}; "
            f"allowed: {', '.join(columns)}"
        )
    if not found:
        raise DataError(f"{path}: it has no row")
    for row, values in enumerate(found):
        if None in values or None in values.values():
            raise DataError(f"{path}, row {row + 2}: it has not {len(columns)} values")
    return found


def _column(path: Path, rows: Iterable[Mapping], name: str, allowed: Mapping[str, int]) -> np.ndarray:
    """Values of one column as numbers."""
    found = []
    for row, values in enumerate(rows):
        if values[name] not in allowed:
            known = list(allowed)
            words = ", ".join(known) if len(known) <= HASH_FOLDS else f"{known[0]} to {known[-1]}"
            raise _wrong(path, row, name, values[name], words)
        found.append(allowed[values[name]])
    return np.array(found, dtype=np.int64)


def _sequences(path: Path, rows: Sequence[Mapping], number: str) -> tuple[str, ...]:
    """Sequences of a table whose rows are numbered from 0; each is one of residues and as long as it says."""
    for row, values in enumerate(rows):
        if values[number] != str(row):
            raise _wrong(path, row, number, values[number], f"{row}: rows are numbered from 0")
        _residues(path, row, "sequence", values["sequence"])
        if values["length"] != str(len(values["sequence"])):
            length = len(values["sequence"])
            raise _wrong(path, row, "length", values["length"], f"{length}, as its sequence has")
    return tuple(values["sequence"] for values in rows)


# -- workbooks ---------------------------------------------------------------------------------


def pairs_of_workbook(path: Path) -> PairTable:
    """A table of pairs from a workbook of one row a pair.

    Raises:
        DataError: Not such a workbook; the message names the row, what was found and what is allowed.
    """
    antibodies, antigens, label, seen = _pair_rows(path)
    names, antibody = _numbered(antibodies)
    others, antigen = _numbered(antigens)
    table = PairTable(names, others, antibody, antigen, np.array(label), np.array(seen))
    return _checked(table, path)


def antibodies_of_workbook(path: Path) -> AntibodyTable:
    """A table of antibodies from a workbook of one row a pair: the label of those that have one.

    Raises:
        DataError: As in `pairs_of_workbook`.
    """
    antibodies, antigens, label, _ = _pair_rows(path)
    names, antibody = _numbered(antibodies)
    labels = np.array(label)
    positive = np.bincount(antibody, weights=labels, minlength=len(names))
    rows = np.bincount(antibody, minlength=len(names))
    decided = np.where(positive == 0, 0, np.where(positive == rows, 1, -1))
    return _decided(names, decided, antigens[0])


def _pair_rows(path: Path) -> tuple[list[str], list[str], list[int], list[bool]]:
    """Antibody, antigen, label and whether seen, of each row of the first sheet."""
    from python_calamine import CalamineError, CalamineWorkbook

    try:
        sheet = CalamineWorkbook.from_path(str(path)).get_sheet_by_index(0)
        header, *rows = sheet.to_python(skip_empty_area=False)
    except (CalamineError, OSError, ValueError) as error:
        raise DataError(f"{path}: not a workbook with a table ({error})") from error
    columns = ("antibody_seq", "virus_seq", "label", "split")
    missing = [name for name in columns if name not in header]
    if missing:
        said = ", ".join(map(str, header))
        raise DataError(f"{path}: its columns are {said}; it needs {', '.join(columns)}")
    if not rows:
        raise DataError(f"{path}: it has no row")
    at = [header.index(name) for name in columns]
    checked: set[str] = set()
    found: tuple[list, list, list, list] = ([], [], [], [])
    for row, values in enumerate(rows):
        antibody, antigen, label, split = (values[k] for k in at)
        for name, sequence in (("antibody_seq", antibody), ("virus_seq", antigen)):
            if sequence not in checked:
                _residues(path, row, name, sequence)
                checked.add(sequence)
        if label not in (0, 1) or isinstance(label, str):
            raise _wrong(path, row, "label", label, "0, 1")
        if split not in SPLITS:
            raise _wrong(path, row, "split", split, ", ".join(SPLITS))
        for column, value in zip(found, (antibody, antigen, int(label), split == SPLITS[0]), strict=True):
            column.append(value)
    return found


def _numbered(sequences: Sequence[str]) -> tuple[tuple[str, ...], np.ndarray]:
    """Each sequence once, in order of first appearance, and the number of every row's."""
    numbers: dict[str, int] = {}
    rows = np.array([numbers.setdefault(each, len(numbers)) for each in sequences], dtype=np.int64)
    return tuple(numbers), rows


# -- what both readers check -------------------------------------------------------------------


def hash_fold(sequence: str) -> int:
    """Fold of a sequence, 0 ... 9: its sha256 modulo ten, the same on every machine."""
    return int(hashlib.sha256(sequence.encode()).hexdigest(), 16) % HASH_FOLDS


def _decided(sequences: Sequence[str], label: np.ndarray, antigen: str) -> AntibodyTable:
    kept = np.flatnonzero(label >= 0)
    chosen = tuple(sequences[k] for k in kept)
    folds = np.array([hash_fold(each) for each in chosen], dtype=np.int64)
    return AntibodyTable(chosen, label[kept].astype(np.int64), folds, len(label) - len(kept), antigen)


def _checked(table: PairTable, path: Path) -> PairTable:
    """A table of pairs in which no pair stands twice, and no antibody is seen and unseen."""
    code = table.antibody * len(table.antigens) + table.antigen
    order = np.argsort(code, kind="stable")
    for first, second in pairwise(order.tolist()):
        if code[first] == code[second]:
            raise DataError(
                f"{path}, row {second + 2}: the pair of row {first + 2} once more; each stands once"
            )
    both = np.intersect1d(table.antibody[table.seen], table.antibody[~table.seen])
    if len(both):
        row = np.flatnonzero((table.antibody == both[0]) & ~table.seen)[0]
        raise _wrong(path, int(row), "split", "unseen", "seen: other pairs of its antibody are seen")
    for part, rows in (("seen", table.seen), ("unseen", ~table.seen)):
        if not rows.any():
            raise DataError(f"{path}: no pair is {part}")
    return table


def _residues(path: Path, row: int, column: str, sequence: object) -> None:
    if not isinstance(sequence, str):
        raise _wrong(path, row, column, sequence, "a sequence of residues")
    try:
        numbered(sequence)
    except SequenceError as error:
        raise DataError(f"{path}, row {row + 2}, {column}: {error}") from None


def _wrong(path: Path, row: int, column: str, found: object, allowed: str) -> DataError:
    return DataError(f"{path}, row {row + 2}, {column}: found {found!r}, allowed: {allowed}")
