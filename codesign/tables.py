"""Tables on disk: checked readers, atomic writers.

A table is an Arrow schema, written down beside its stage in `codesign.schemas`. Reading checks it, writing
enforces it, and a file appears under its name only when it is complete:
everything is written to a temporary file beside the target and renamed.
"""

import csv
import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from codesign.files import replacing

METADATA_KEY = b"codesign"
"""File-level metadata of every table: one JSON object under this key."""
DIGEST_KEY = b"codesign_sha256"
"""Its sha256; tables of other programs may lack it."""
LARGEST_BYTES = 1 << 31
"""Of a table's file."""
MOST_VALUES = 50_000_000
"""Of a column: a small file can be made that holds any number of equal ones."""
FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""A cell of text that begins so is run as a formula by spreadsheets."""


class TableError(ValueError):
    """A table on disk is not what its schema says; the message names file and remedy."""


def write_table(
    rows: pa.Table | Sequence[Mapping],
    path: Path | str,
    *,
    schema: pa.Schema,
    metadata: Mapping | None = None,
    durable: bool = False,
) -> None:
    """Write `rows` as Parquet with exactly the columns of `schema`.

    Args:
        rows: An Arrow table, or one mapping a row with every column of `schema`.
        path: Target file; replaced only when the new one is complete.
        schema: Columns and types.
        metadata: JSON-serialisable object stored under the file key `codesign`.
        durable: Whether the file must be on the disk, not only with the system, before it has its name:
            for what cannot be made again.

    Raises:
        TableError: A column is missing, unknown, or of another type.
    """
    table = _to_arrow(rows, schema, path)
    stored = json.dumps(metadata or {}, sort_keys=True, ensure_ascii=False).encode()
    digest = hashlib.sha256(stored).hexdigest().encode()
    table = table.replace_schema_metadata({METADATA_KEY: stored, DIGEST_KEY: digest})
    complete = pa.BufferOutputStream()
    # small tables: dictionaries and statistics would take three times as long as the data
    pq.write_table(
        table,
        complete,
        compression="snappy",
        use_dictionary=False,
        write_statistics=False,
        write_page_checksum=True,  # a flipped bit is found instead of becoming another number
    )
    with replacing(path, durable=durable) as temporary:
        temporary.write_bytes(complete.getvalue())


def _to_arrow(rows, schema: pa.Schema, path) -> pa.Table:
    if isinstance(rows, pa.Table):
        found = rows.column_names
    else:
        rows = list(rows)
        found = list(rows[0]) if rows else schema.names
    wanted = schema.names  # made anew at every access
    missing = [name for name in wanted if name not in found]
    unknown = [name for name in found if name not in wanted]
    if missing or unknown:
        raise TableError(f"{path}: columns missing {missing}, unknown {unknown}")
    try:
        if isinstance(rows, pa.Table):
            return rows.select(schema.names).cast(schema)
        # whole rows at once: a third of the time of a column after the other
        records = pa.array([dict(row) for row in rows], type=pa.struct(list(schema)))
        return pa.Table.from_batches([pa.RecordBatch.from_struct_array(records)], schema=schema)
    except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
        raise TableError(f"{path}: a value does not fit its column: {error}") from error


AGAIN = "delete it and make it again"


def read_table(path: Path | str, *, schema: pa.Schema, remedy: str = AGAIN) -> pa.Table:
    """Read a Parquet table and check it against `schema`; `metadata_of` gives the file's metadata.

    Columns and sizes are checked before any value is read.

    Args:
        path: The table.
        schema: Columns and types.
        remedy: What to do about a damaged file.

    Raises:
        TableError: Not a readable Parquet file, damaged, too large, or columns or types differ;
            the message names the file and says how to mend it.
    """
    try:
        size = Path(path).stat().st_size
        if size > LARGEST_BYTES:
            raise TableError(f"{path}: {size} bytes are more than a table has (at most {LARGEST_BYTES})")
        file = pq.ParquetFile(pa.BufferReader(Path(path).read_bytes()), page_checksum_verification=True)
        _check_columns(file.schema_arrow, schema, path)
        _check_values(file.metadata, path)
        # small tables: a pool of threads and reading ahead would take longer than the data
        return file.read(use_threads=False).select(schema.names)
    except (FileNotFoundError, TableError):
        raise
    except Exception as error:
        if isinstance(error, OSError) and error.errno:  # of the system, not of Arrow
            raise TableError(
                f"{path}: cannot be read: {error.strerror}; check the disk and the file's permissions"
            ) from error
        # Arrow raises many types here; each means: unreadable
        said = " ".join(str(error).split())
        raise TableError(f"{path}: not a complete Parquet file ({said:.300}); {remedy}") from error


def _check_columns(stored: pa.Schema, schema: pa.Schema, path: Path | str) -> None:
    """Refuse other columns than those of `schema`, or other types, or one twice."""
    expected = {field.name: field.type for field in schema}
    found = {field.name: field.type for field in stored}
    problems = [f"column {n} is missing" for n in expected if n not in found]
    problems += [f"column {n} is unknown" for n in found if n not in expected]
    problems += [
        f"column {n} is {found[n]}, expected {t}" for n, t in expected.items() if n in found and found[n] != t
    ]
    problems += [f"column {n} occurs twice" for n in found if stored.names.count(n) > 1]
    if problems:
        raise TableError(f"{path}: {'; '.join(problems)}")


def _check_values(stored: pq.FileMetaData, path: Path | str) -> None:
    """Refuse more values than a table has, as the file states them for each part that will be read."""
    groups = [stored.row_group(k) for k in range(stored.num_row_groups)]
    for column in range(stored.num_columns if groups else 0):
        values = sum(group.column(column).num_values for group in groups)
        if values > MOST_VALUES:
            name = groups[0].column(column).path_in_schema
            raise TableError(f"{path}: column {name} has {values} values, more than {MOST_VALUES}")


def write_rows(rows: Sequence[Mapping], path: Path | str) -> None:
    """Write rows whose columns their maker decides; types follow the values.

    Raises:
        TableError: No rows, or rows with different columns.
    """
    try:
        table = pa.Table.from_pylist([dict(row) for row in rows])
    except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
        raise TableError(f"{path}: a column holds values of different types: {error}") from error
    if not rows or any(set(row) != set(rows[0]) for row in rows):
        raise TableError(f"{path}: there must be rows, and all must have the columns of the first")
    write_table(table, path, schema=table.schema)


def read_rows(path: Path | str) -> list[dict]:
    """What `write_rows` wrote.

    Raises:
        TableError: Not a readable table.
    """
    try:
        schema = pq.read_schema(path)
    except pa.ArrowInvalid as error:
        raise TableError(f"{path}: not a complete Parquet file ({error}); {AGAIN}") from error
    return read_table(path, schema=schema.remove_metadata()).to_pylist()


def metadata_of(table: pa.Table, path: Path | str, *, remedy: str = AGAIN) -> dict:
    """The JSON object that came with a table from `read_table`; empty where there is none.

    Args:
        table: As read.
        path: Where it was read, for the message.
        remedy: What to do about a damaged file.

    Raises:
        TableError: The stored text is no JSON object, or not as it was written.
    """
    return _stored_object(table.schema, path, remedy)


def read_metadata(path: Path | str) -> dict:
    """The JSON object stored under the file key `codesign`; empty where there is none.

    Raises:
        TableError: Not a readable Parquet file, or its object is none or not as it was written.
    """
    try:
        schema = pq.read_schema(path)
    except FileNotFoundError:
        raise
    except Exception as error:
        raise TableError(f"{path}: not a complete Parquet file ({error})") from error
    return _stored_object(schema, path, AGAIN)


def _stored_object(schema: pa.Schema, path: Path | str, remedy: str) -> dict:
    stored = (schema.metadata or {}).get(METADATA_KEY)
    if stored is None:
        return {}
    digest = schema.metadata.get(DIGEST_KEY)
    if digest is not None and hashlib.sha256(stored).hexdigest().encode() != digest:
        raise TableError(f"{path}: metadata 'codesign' are damaged; {remedy}")
    try:
        found = json.loads(stored)
    except (ValueError, RecursionError) as error:
        raise TableError(f"{path}: metadata 'codesign' is not JSON ({error}); {remedy}") from error
    if not isinstance(found, dict):
        raise TableError(f"{path}: metadata 'codesign' is not a JSON object; {remedy}")
    return found


def read_object(path: Path | str) -> dict:
    """The JSON object of a file that a rule wrote.

    Raises:
        TableError: Not a complete JSON object; the message names the file and says how to mend it.
    """
    try:
        found = json.loads(Path(path).read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise TableError(f"{path}: not complete JSON ({error}); {AGAIN}") from error
    if not isinstance(found, dict):
        raise TableError(f"{path}: not a JSON object; {AGAIN}")
    return found


def write_csv(
    rows: pa.Table | Iterable[Mapping], path: Path | str, *, columns: Sequence[str] | None = None
) -> None:
    """Write what a person opens: one header line, lists left out, nulls empty.

    Where there may be no row, `columns` say the header line.

    Text that a spreadsheet would run as a formula gets a leading apostrophe, which spreadsheets hide.

    Floats are written with nine significant digits, so that the same numbers
    give the same bytes and a reader sees no rounding noise.
    """
    if isinstance(rows, pa.Table):
        names = [f.name for f in rows.schema if not pa.types.is_list(f.type)]
        rows = rows.select(names).to_pylist()
    else:
        rows = list(rows)
        names = list(columns or (rows[0] if rows else ()))
    with replacing(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as out:
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(names)
        for row in rows:
            writer.writerow([_cell(row[name]) for name in names])


def _cell(value) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.9g}"
    text = str(value)
    return f"'{text}" if isinstance(value, str) and text.startswith(FORMULA) else text
