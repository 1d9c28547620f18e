"""Named arrays: MATLAB (.mat), HDF5 (.h5, .hdf5), JSON. Which array is what the sidecar's `columns` says."""

import json
import zlib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from codesign.iv.importers.headers import read_header
from codesign.iv.importers.limits import LARGEST_BYTES, check_cells
from codesign.iv.importers.properties import lines_of, unit_in, with_units_of
from codesign.iv.importers.refusal import ImportRefused
from codesign.iv.importers.table import Table
from codesign.iv.importers.titles import check_groups

SUFFIXES = (".h5", ".hdf5", ".json", ".mat")
AGAIN = "copy it again from where it was written"
VALUES = ("data", "values", "value")
"""Keys of JSON under which an object called `current` has its numbers."""
LONGEST_TEXT = 10_000
"""Bytes of a text beside the arrays that may state a unit."""
DEEPEST = 8
"""Levels of groups that are looked into."""


@dataclass(frozen=True)
class Array:
    """One array of a file, read when it is asked for."""

    shape: tuple[int, ...]
    values: Callable[[], np.ndarray]
    unit: str = ""


def read(path: Path, *, known: Sequence[str] = ()) -> Table:
    """The arrays that the sidecar names, or all of one length where it names none.

    An array of two dimensions, one of them as long as the voltage, is one cycle a row, or a column.

    Args:
        path: The file.
        known: Names that the sidecar uses: of a variable, or `group/name`.

    Raises:
        ImportRefused: Not a complete file of its kind, an array is missing, or lengths do not fit.
    """
    suffix = path.suffix.lower()
    lines: list[str] = []
    found = READERS[suffix](path, lines)
    found = {name: array for name, array in found.items() if 0 < len(_long(array.shape)) <= 2}
    if not found:
        raise ImportRefused("there is no array of numbers", remedy="save voltage and current as arrays")
    chosen = _chosen(found, known)
    vectors = {name: array for name, array in chosen.items() if len(_long(array.shape)) == 1}
    if not vectors:
        raise ImportRefused(
            f"no array of one dimension among {', '.join(chosen)}",
            remedy="name the voltages of one sweep in the sidecar, columns: {voltage: NAME, current: NAME}",
        )
    lengths = {name: _long(array.shape)[0] for name, array in vectors.items()}
    length = max(lengths.values())
    if short := [f"{name} ({n})" for name, n in lengths.items() if n != length]:
        raise ImportRefused(
            f"arrays differ in length: {', '.join(short)}, others have {length} values",
            remedy="name arrays of one length in the sidecar, columns: {voltage: NAME, current: NAME}",
        )
    check_cells(length, sum(int(np.prod(array.shape)) // length for array in chosen.values()))
    several = [name for name, array in chosen.items() if name not in vectors]
    if len(several) > 1:
        raise ImportRefused(
            f"several arrays of two dimensions: {', '.join(several)}",
            remedy="name one of them as the current; the voltage has one dimension",
        )
    header, columns, aliases, groups = [], [], [], {}
    for name, array in chosen.items():
        first = len(columns)
        columns += _vectors(name, array, length)
        counted = [f"current_cycle{k}" for k in range(1, len(columns) - first + 1)]
        names = counted if name in several else [_last(name)]
        header += [f"{each} ({array.unit})" if array.unit else each for each in names]
        aliases += names if name in several else [name]
        groups[name] = groups[_last(name)] = list(range(first, len(columns)))
    header, notes, stated = with_units_of(header, lines)
    return Table(
        header=header,
        columns=columns,
        rows=range(1, length + 1),
        notes=(*notes, *(f"array {name}: one current a cycle" for name in several)),
        stated=stated,
        aliases=tuple(aliases),
        groups={key: groups[key] for name in several for key in (name, _last(name))},
    )


def _last(name: str) -> str:
    """The name of an array without its groups."""
    return name.rpartition("/")[2]


def _chosen(found: Mapping[str, Array], known: Sequence[str]) -> dict[str, Array]:
    """The arrays named by the sidecar; without names those of the commonest length."""
    if known:
        return {name: found[name] for name in dict.fromkeys(_full(wanted, found) for wanted in known)}
    told = {name: array for name, array in found.items() if read_header(_last(name)).quantity}
    if not {"voltage", "current"} <= {read_header(_last(name)).quantity for name in told}:
        raise ImportRefused(
            "arrays do not say which is voltage and which is current",
            remedy="write into the sidecar columns: {voltage: NAME, current: NAME}; there are: "
            f"{', '.join(list(found)[:50])}",
        )
    check_groups(list(told))
    return told


def _full(wanted: str, found: Mapping[str, Array]) -> str:
    """The full name of an array, which may be given without its groups where no other has it.

    Raises:
        ImportRefused: There is none, or several.
    """
    there = [wanted] if wanted in found else [name for name in found if _last(name) == wanted]
    if len(there) == 1:
        return there[0]
    raise ImportRefused(
        f"there {'is no array' if not there else 'are several arrays'} {wanted!r}",
        where="sidecar, columns",
        remedy=f"name one of: {', '.join((there or list(found))[:50])}",
    )


def _long(shape: tuple[int, ...]) -> tuple[int, ...]:
    """A shape without dimensions of one value; MATLAB has no vectors."""
    return tuple(n for n in shape if n != 1) or ((1,) if shape else ())


def _vectors(name: str, array: Array, length: int) -> list[np.ndarray]:
    """The columns of an array of one or two dimensions, each of `length` values.

    Raises:
        ImportRefused: Neither dimension has this length, or both have.
    """
    values = np.asarray(array.values(), dtype=float).reshape(_long(array.shape))
    if values.ndim == 1:
        return [values]
    if values.shape.count(length) != 1:
        said = "both dimensions have" if length in values.shape else "no dimension has"
        raise ImportRefused(
            f"{said} the {length} values of the voltage: {values.shape}",
            where=f"array {name}",
            remedy="save the current of each cycle as an array of its own",
        )
    return list(values if values.shape[1] == length else values.T)


def _of_mat(path: Path, lines: list[str]) -> dict[str, Array]:
    """Variables of a MATLAB file; version 7.3 is HDF5."""
    import scipy.io

    with path.open("rb") as file:
        if file.read(128)[:19] == b"MATLAB 7.3 MAT-file":
            return _of_hdf5(path, lines)
    try:
        _check_mat(path)
        check_cells(sum(int(np.prod(shape, dtype=float)) for _, shape, _ in scipy.io.whosmat(path)), 1)
        stored = scipy.io.loadmat(path, struct_as_record=False, squeeze_me=True)
    except ImportRefused:
        raise
    except Exception as error:
        # scipy.io raises many types on a damaged file; each means: unreadable
        raise ImportRefused(
            f"not a complete MATLAB file ({type(error).__name__}: {error})", remedy=AGAIN
        ) from error
    found: dict[str, Array] = {}
    for name, value in stored.items():
        if not name.startswith("__"):
            _add_mat(found, lines, name, value, 0)
    return found


def _check_mat(path: Path) -> None:
    """Refuse a MATLAB file (version 5) whose compressed variables are larger than the limit.

    Behind a head of 128 bytes each element begins with its type (15: compressed) and its length, in 4 bytes.
    Source: MathWorks, "MAT-File Format", level 5.
    """
    left = LARGEST_BYTES
    with path.open("rb") as file:
        order = {b"IM": "little", b"MI": "big"}.get(file.read(128)[126:])
        while order and len(tag := file.read(8)) == 8:
            kind, size = (int.from_bytes(tag[k : k + 4], order) for k in (0, 4))
            stored = file.read(size)
            if kind == 15:
                unpack = zlib.decompressobj()
                while stored and left >= 0:
                    left -= len(unpack.decompress(stored, 1 << 20))
                    stored = unpack.unconsumed_tail
            if left < 0:
                raise ImportRefused(
                    f"unpacked it is larger than {LARGEST_BYTES} bytes",
                    remedy="save voltage and current alone",
                )


def _add_mat(found: dict[str, Array], lines: list[str], name: str, value, depth: int) -> None:
    """An array of numbers, or those of a structure by `structure/field`."""
    if hasattr(value, "_fieldnames") and depth < DEEPEST:
        for field in value._fieldnames:
            _add_mat(found, lines, f"{name}/{field}", getattr(value, field), depth + 1)
    elif isinstance(value, np.ndarray) and value.dtype.kind in "iuf":
        found[name] = Array(value.shape, lambda value=value: value)
    elif isinstance(value, str | int | float):
        lines += lines_of({name.replace("/", " "): value})


def _of_hdf5(path: Path, lines: list[str]) -> dict[str, Array]:
    """Datasets of numbers by their path, with the unit of their attributes."""
    try:
        import h5py
    except ImportError:
        raise ImportRefused(
            "h5py is not installed, which reads HDF5", remedy="pip install -c envs/constraints.txt h5py"
        ) from None
    found: dict[str, Array] = {}

    def add(name: str, item) -> None:
        lines.extend(lines_of(dict(item.attrs), of=_last(name) if isinstance(item, h5py.Dataset) else ""))
        if not isinstance(item, h5py.Dataset) or item.is_virtual or item.external:
            return  # data of other files are not read
        if item.dtype.kind in "OS" and item.size == 1 and item.dtype.itemsize <= LONGEST_TEXT:
            lines.extend(lines_of({_last(name): np.ravel(item[()])[0] if item.shape else item[()]}))
        if item.dtype.kind in "iuf" and item.size is not None:
            values = partial(_in_hdf5, path, lambda file: _stored(file[name], name))
            found[name] = Array(item.shape, values, unit_in(item.attrs))

    def visit(file) -> None:
        lines.extend(lines_of(dict(file.attrs)))
        file.visititems(add)

    _in_hdf5(path, visit)
    return found


def _in_hdf5(path: Path, use: Callable):
    """What `use` makes of the open file.

    Raises:
        ImportRefused: It is no complete HDF5 file.
    """
    import h5py

    try:
        with h5py.File(path, "r") as file:
            return use(file)
    except ImportRefused:
        raise
    except Exception as error:
        # h5py raises many types on a damaged file; each means: unreadable
        raise ImportRefused(
            f"not a complete HDF5 file ({type(error).__name__}: {error})", remedy=AGAIN
        ) from error


def _stored(item, name: str) -> np.ndarray:
    """The values of a dataset; stored in pieces, each is unpacked whole.

    Raises:
        ImportRefused: It, or a piece of it, is larger than the limits.
    """
    check_cells(int(item.size), 1)
    piece = int(np.prod(item.chunks or (0,), dtype=float)) * item.dtype.itemsize
    if piece > LARGEST_BYTES:
        raise ImportRefused(
            f"a piece (chunk) of it has {piece} bytes, more than {LARGEST_BYTES}",
            where=f"array {name}",
            remedy="save voltage and current alone, in pieces no larger than they are",
        )
    return np.asarray(item[()])


def _of_json(path: Path, lines: list[str]) -> dict[str, Array]:
    """Lists of numbers by the keys that lead to them; a list of objects gives one list a key."""
    from codesign.iv.importers.text import decoded

    text = decoded(path.read_bytes())
    check_cells(text.count(","), 1)
    try:
        stored = json.loads(text, parse_constant=_no_constant, object_pairs_hook=_once)
    except ImportRefused:
        raise
    except (ValueError, RecursionError) as error:
        raise ImportRefused(f"not a complete JSON file ({error})", remedy=AGAIN) from error
    found: dict[str, Array] = {}
    _add_json(found, lines, "", stored, 0)
    return found


def _once(pairs: list[tuple[str, object]]) -> dict:
    """The keys of an object.

    Raises:
        ImportRefused: One stands twice; nothing tells which is meant.
    """
    stored = dict(pairs)
    if len(stored) < len(pairs):
        counts = Counter(key for key, _ in pairs)
        twice = next(key for key, count in counts.items() if count > 1)
        raise ImportRefused(
            f"the key {twice[:80]!r} stands more than once in one object",
            remedy="write each array under a name of its own",
        )
    return stored


def _no_constant(word: str) -> float:
    """NaN is a missing value; infinite numbers are refused where they are used."""
    return float(word.replace("Infinity", "inf"))


def _add_json(found: dict[str, Array], lines: list[str], name: str, value, depth: int) -> None:
    if isinstance(value, list) and value and all(isinstance(item, dict) for item in value):
        keys = dict.fromkeys(key for item in value for key in item)
        value = {key: [item.get(key) for item in value] for key in keys}
    if isinstance(value, dict) and depth < DEEPEST:
        for key, item in value.items():
            _add_json(found, lines, f"{name}/{key}" if name else str(key), item, depth + 1)
    elif isinstance(value, list) and value:
        try:
            numbers = np.array([np.nan if item is None else item for item in value], dtype=float)
        except (TypeError, ValueError):
            return  # text, or rows of different length
        except OverflowError:
            raise ImportRefused(
                "holds a whole number of more than 300 digits",
                where=f"array {name or 'values'}",
                remedy="correct it, or write null where nothing was measured",
            ) from None
        if not any(isinstance(item, str | bool) for item in value):
            found[name or "values"] = Array(numbers.shape, lambda: numbers)
            group, _, last = name.rpartition("/")
            if last in VALUES and read_header(_last(group)).quantity:
                found[group] = found[name]
    elif isinstance(value, str | int | float):
        lines += lines_of({name.replace("/", " "): value})


READERS = {".mat": _of_mat, ".h5": _of_hdf5, ".hdf5": _of_hdf5, ".json": _of_json}
"""What takes a file apart, by its suffix."""
