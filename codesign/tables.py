"""Columns, dtypes and units of every table on disk; checked readers, atomic writers.

A table is an Arrow schema written down here. Reading checks it, writing
enforces it, and a file appears under its name only when it is complete:
everything is written to a temporary file beside the target and renamed.
"""

import csv
import glob
import hashlib
import json
import os
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

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


def _field(name: str, dtype: pa.DataType, unit: str, meaning: str) -> pa.Field:
    return pa.field(name, dtype, metadata={"unit": unit, "meaning": meaning})


_CONDITIONS = [
    _field("perovskite", pa.string(), "", "halide perovskite, e.g. MAPbI3"),
    _field("length_um", pa.float64(), "um", "nanowire length"),
    _field("diameter_nm", pa.float64(), "nm", "nanowire (pore) diameter"),
    _field("pb_min", pa.float64(), "min", "Pb electrodeposition time"),
    _field("ag_nm", pa.float64(), "nm", "Ag electrode thickness"),
]

CONDITION_COLUMNS = tuple(field.name for field in _CONDITIONS)
"""The five fabrication variables, in the order every table uses."""

SWEEPS = pa.schema(
    [
        _field("cycle", pa.int32(), "", "cycle number as the instrument counted it"),
        _field("point", pa.int32(), "", "position in the sweep, from 0"),
        _field("voltage", pa.float64(), "V", "applied voltage, finite"),
        _field("current", pa.float64(), "A", "measured current; NaN where not recorded"),
    ]
)
"""One measured device: cycles of one sweep, rows ordered by (cycle, point)."""

DEVICE = pa.schema(
    [
        _field("device", pa.string(), "", "device id"),
        _field("origin", pa.string(), "", "measured | virtual"),
        _field("kind", pa.string(), "", "sweep | pulse"),
        _field("status", pa.string(), "", "ok | no_usability | refused"),
        _field("reason", pa.string(), "", "why there is no usability; empty where status is ok"),
        _field("notes", pa.string(), "", "what the importer and the extraction had to say"),
        *_CONDITIONS,
        _field("contact", pa.string(), "", "top contact"),
        _field("measured_at", pa.string(), "", "ISO 8601, empty where unknown"),
        _field("instrument", pa.string(), "", "instrument, empty where unknown"),
        _field("source_file", pa.string(), "", "file the measurement came from"),
        _field("source_sha256", pa.string(), "", "sha256 of that file"),
        _field("compliance_a", pa.float64(), "A", "compliance as the metadata states it"),
        _field("compliance_level_a", pa.float64(), "A", "level used for masking; null where none"),
        _field("compliance_source", pa.string(), "", "metadata | detected | none"),
        _field("cycles", pa.int32(), "", "cycles in the file"),
        _field("cycles_used", pa.int32(), "", "cycles left after quality control"),
        _field("cycles_nan", pa.int32(), "", "dropped: nothing recorded"),
        _field("cycles_open", pa.int32(), "", "dropped: open (dead) cell"),
        _field("cycles_shorted", pa.int32(), "", "dropped: shorted cell"),
        _field("cycles_flipped", pa.int32(), "", "dropped: current against the voltage"),
        _field("cycles_dropped", pa.string(), "", "each dropped cycle with its rule, 'n: rule; ...'"),
        _field("v_max_v", pa.float64(), "V", "largest voltage of the branch"),
        _field("branch_points", pa.int32(), "", "points on the branch, masked ones included"),
        _field("usable_points", pa.int32(), "", "points left after compliance masking"),
        _field("masked_fraction", pa.float64(), "", "share of branch samples in compliance"),
        _field("lcis_start", pa.int32(), "", "first branch point of the LCIS window"),
        _field("lcis_length", pa.int32(), "", "points in the LCIS window"),
        _field("lcis_fraction", pa.float64(), "", "lcis_length / branch_points (paper Eq. 3)"),
        _field("eta", pa.float64(), "", "non-monotonic factor, min(1, lcis_fraction / l0)"),
        _field("sigma_mle", pa.float64(), "", "log-normal spread, MLE (paper Eq. 8)"),
        _field("sigma_robust", pa.float64(), "", "log-normal spread, 1.4826 MAD about geometric means"),
        _field("sigma", pa.float64(), "", "the estimator chosen in the config"),
        _field("samples", pa.int32(), "", "N: usable (cycle, point) samples"),
        _field("autocorrelation_points", pa.float64(), "", "integrated autocorrelation length"),
        _field("samples_effective", pa.float64(), "", "N_eff = cycles x points / autocorrelation"),
        _field("sigma_upper_n", pa.float64(), "", "upper bound of sigma with N (paper Eq. 9)"),
        _field("sigma_upper", pa.float64(), "", "upper bound of sigma with N_eff: the one used"),
        _field("usability", pa.float64(), "", "U = eta exp(-sigma_upper) (paper Eq. 5)"),
        _field("usability_low", pa.float64(), "", "lower end of the bootstrap interval on U"),
        _field("usability_high", pa.float64(), "", "upper end of the bootstrap interval on U"),
        _field("usability_std", pa.float64(), "", "bootstrap standard deviation of U"),
        _field("usability_reference", pa.float64(), "", "exp(-sigma) by the reference code's choices"),
        _field("eta_reference", pa.float64(), "", "eta by the reference code's choices"),
        _field("sigma_reference", pa.float64(), "", "sigma by the reference code's choices"),
        _field("g_min_s", pa.float64(), "S", "least mean conductance of the operative window"),
        _field("g_max_s", pa.float64(), "S", "largest mean conductance of the operative window"),
        _field("voltage_v", pa.list_(pa.float64()), "V", "mean voltage of each branch point"),
        _field("conductance_s", pa.list_(pa.float64()), "S", "mean conductance of each branch point"),
        _field("conductance_low_s", pa.list_(pa.float64()), "S", "5 % quantile over used cycles"),
        _field("conductance_high_s", pa.list_(pa.float64()), "S", "95 % quantile over used cycles"),
        _field("usable", pa.list_(pa.bool_()), "", "branch point usable (not in compliance)"),
    ]
)
"""One extracted device (`devices/{device}.parquet`); stacked: the usability table."""

PROPOSALS = pa.schema(
    [
        _field("rank", pa.int32(), "", "1 is the first device to make"),
        *_CONDITIONS,
        _field("usability_mean", pa.float64(), "", "predicted usability"),
        _field("usability_std", pa.float64(), "", "standard deviation of the prediction"),
        _field("log_acquisition", pa.float64(), "", "log of the (level-seeking) expected improvement"),
        _field(
            "expected_improvement",
            pa.float64(),
            "",
            "expected improvement in usability; with goal: target of the distance to it",
        ),
        _field(
            "probability_of_improvement",
            pa.float64(),
            "",
            "P(better than the best so far); with goal: target P(nearer to it than the nearest so far)",
        ),
        _field("nearest_device", pa.string(), "", "nearest device made, in encoded distance"),
        _field("nearest_distance", pa.float64(), "", "encoded distance to it"),
        _field("nearest_usability", pa.float64(), "", "its usability"),
        _field("origin", pa.string(), "", "measured | virtual: what the surrogate was fitted to"),
        _field("surrogate", pa.string(), "", "encoding and kernel"),
        _field("seed", pa.int64(), "", "root seed"),
        _field("table_sha256", pa.string(), "", "digest of the usability values fitted to"),
    ]
)
"""The next devices to make, best first."""

CAMPAIGN = pa.schema(
    [
        _field("strategy", pa.string(), "", "bayesian | random | name of another optimiser"),
        _field("repeat", pa.int32(), "", "repeat, one hidden landscape each"),
        _field("evaluation", pa.int32(), "", "devices made so far, from 1"),
        *_CONDITIONS,
        _field("usability_measured", pa.float64(), "", "extracted from the virtual device; null if none"),
        _field("usability_hidden", pa.float64(), "", "the landscape's own value there"),
        _field("best_hidden", pa.float64(), "", "largest usability_hidden so far"),
        _field("optimum", pa.float64(), "", "largest usability on the whole landscape"),
    ]
)
"""One closed-loop search on the virtual laboratory, a row a device made."""

HISTORY = pa.schema(
    [
        _field("epoch", pa.int32(), "", "epoch, from 1"),
        _field("learning_rate", pa.float64(), "", "learning rate of the epoch's first batch"),
        _field("train_loss", pa.float64(), "", "mean loss over the epoch's batches, training noise on"),
        _field("train_accuracy", pa.float64(), "", "score over the epoch's batches, training noise on"),
        _field("validation_loss", pa.float64(), "", "mean loss after the epoch, no noise"),
        _field("validation_accuracy", pa.float64(), "", "score after the epoch, no noise"),
    ]
)
"""One training, a row an epoch."""


@contextmanager
def replacing(path: Path | str, *, durable: bool = False) -> Iterator[Path]:
    """Give a temporary path beside `path`; rename it to `path` if the block succeeds.

    Args:
        path: Target file.
        durable: Whether the content must be on the disk first, so that a power cut leaves it or nothing.

    Yields:
        A path in the same folder with the same suffix; the block writes there.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=_unfinished(path), suffix=path.suffix, dir=path.parent)
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        umask = os.umask(0)
        os.umask(umask)
        temporary.chmod(0o666 & ~umask)
        if durable:
            with temporary.open("rb") as written:
                os.fsync(written.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def remove_unfinished(path: Path | str) -> None:
    """Remove what killed writers of `path` left beside it; only where nobody else writes it now."""
    path = Path(path)
    for left in path.parent.glob(f"{glob.escape(_unfinished(path))}????????{glob.escape(path.suffix)}"):
        left.unlink(missing_ok=True)


def _unfinished(path: Path) -> str:
    """How the names of temporary files beside `path` begin."""
    return f".{path.stem[:80]}."


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


def write_csv(rows: pa.Table | Iterable[Mapping], path: Path | str) -> None:
    """Write what a person opens: one header line, lists left out, nulls empty.

    Text that a spreadsheet would run as a formula gets a leading apostrophe, which spreadsheets hide.

    Floats are written with nine significant digits, so that the same numbers
    give the same bytes and a reader sees no rounding noise.
    """
    if isinstance(rows, pa.Table):
        names = [f.name for f in rows.schema if not pa.types.is_list(f.type)]
        rows = rows.select(names).to_pylist()
    else:
        rows = list(rows)
        names = list(rows[0]) if rows else []
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


PROFILE = pa.schema(
    [
        _field("profile", pa.string(), "", "device id, or synthetic-<usability>"),
        _field("kind", pa.string(), "", "device | synthetic"),
        _field("origin", pa.string(), "", "measured | virtual: the devices it rests on"),
        _field("level", pa.float64(), "", "usability level it stands for; null where none"),
        _field("usability", pa.float64(), "", "U = eta exp(-sigma)"),
        _field("usability_low", pa.float64(), "", "lower end of the interval on U; null for synthetic"),
        _field("usability_high", pa.float64(), "", "upper end of the interval on U; null for synthetic"),
        _field("eta", pa.float64(), "", "non-monotonic factor"),
        _field("sigma", pa.float64(), "", "log-normal spread, the upper bound used in U"),
        _field("branch_points", pa.int32(), "", "points on the branch"),
        _field("window_start", pa.int32(), "", "first branch point of the operative window"),
        _field("window_length", pa.int32(), "", "points in the operative window"),
        _field("lcis_start", pa.int32(), "", "first branch point of the LCIS window"),
        _field("lcis_length", pa.int32(), "", "points in the LCIS window"),
        _field("g_min_s", pa.float64(), "S", "least mean conductance of the window; null for synthetic"),
        _field("g_max_s", pa.float64(), "S", "largest mean conductance of the window; null for synthetic"),
        _field("curve", pa.list_(pa.float64()), "", "(G - g_min) / (g_max - g_min) over the window"),
        _field("reached", pa.list_(pa.bool_()), "", "window point inside the LCIS window"),
        _field("log_ratio", pa.list_(pa.float64()), "", "ln(G / mean) of every sample; empty where not kept"),
    ]
)
"""Device profiles: what a network is programmed on."""

EVALUATION = pa.schema(
    [
        _field("task", pa.string(), "", "task"),
        _field("method", pa.string(), "", "training method"),
        _field("model", pa.string(), "", "network"),
        _field("source", pa.string(), "", "level (chosen for a usability level) | device (one of all)"),
        _field("profile", pa.string(), "", "profile programmed on"),
        _field("level", pa.float64(), "", "usability level the profile stands for; null where none"),
        _field("usability", pa.float64(), "", "usability of the profile"),
        _field("noise", pa.string(), "", "lognormal | resampled | none"),
        _field("seed", pa.int64(), "", "noise seed; the same for every method"),
        _field("metric", pa.string(), "", "what value is"),
        _field("value", pa.float64(), "", "score of one programming over the whole test set"),
    ]
)
"""One row a programming and metric."""

EVALUATION_SUMMARY = pa.schema(
    [
        *(EVALUATION.field(n) for n in EVALUATION.names if n not in ("seed", "value")),
        _field("n", pa.int32(), "", "seeds"),
        _field("mean", pa.float64(), "", "mean over seeds"),
        _field("std", pa.float64(), "", "standard deviation over seeds (n - 1); null for one seed"),
        _field("n_paired", pa.int32(), "", "seeds the baseline has too"),
        _field("difference", pa.float64(), "", "mean of value - baseline's value at the same seed"),
        _field("difference_low", pa.float64(), "", "lower end of the bootstrap interval on difference"),
        _field("difference_high", pa.float64(), "", "upper end of the bootstrap interval on difference"),
    ]
)
"""Seeds summarised; the rows behind it are EVALUATION's."""

CERTIFICATES = pa.schema(
    [
        _field("task", pa.string(), "", "task"),
        _field("method", pa.string(), "", "training method"),
        _field("model", pa.string(), "", "network"),
        _field("certificate", pa.string(), "", "published | discrete | smoothing | programming | accuracy"),
        _field("profile", pa.string(), "", "profile programmed on; null where it is about no device"),
        _field("usability", pa.float64(), "", "usability of the profile"),
        _field("scope", pa.string(), "", "one (this example) | all (all examples at once) | mean"),
        _field("example", pa.int32(), "", "number of the test example; null for accuracy"),
        _field("p_zero", pa.float64(), "", "of the multinomial noise smoothed with, least of all layers"),
        _field("p_half", pa.float64(), "", "of the multinomial noise smoothed with, largest of all layers"),
        _field("width", pa.float64(), "", "of the log-normal noise smoothed with"),
        _field("successes", pa.int32(), "", "draws with the correct decision; null for accuracy"),
        _field("draws", pa.int32(), "", "draws of the noise, or programmings"),
        _field("confidence", pa.float64(), "", "of the scope's statement; 1 where nothing is random"),
        _field("probability", pa.float64(), "", "lower bound of P(correct); for accuracy the estimate"),
        _field("value", pa.float64(), "", "weights (published, discrete), radius, probability or accuracy"),
        _field("ceiling", pa.float64(), "", "value of a network that decides correctly in every draw"),
        _field("vacuous", pa.bool_(), "", "promises nothing"),
        _field("changed", pa.float64(), "", "weights a programming changes, median"),
        _field("distance", pa.float64(), "", "||ln(programmed / clean)||_2 of a programming, median"),
    ]
)
"""What is promised of one network: a row a certificate, profile, scope and example."""

CERTIFICATE_SUMMARY = pa.schema(
    [
        *(
            CERTIFICATES.field(n)
            for n in CERTIFICATES.names
            if n not in ("example", "successes", "probability", "value")
        ),
        _field("n", pa.int32(), "", "examples"),
        _field("share", pa.float64(), "", "of examples whose certificate is not vacuous; null for accuracy"),
        _field("estimate", pa.float64(), "", "mean of probability: bounds of the examples, or mean accuracy"),
        _field("median", pa.float64(), "", "value, median over examples"),
        _field("largest", pa.float64(), "", "value, largest over examples"),
    ]
)
"""Examples summarised: vacuous where it is so for every one of them."""

CROSSBAR = pa.schema(
    [
        _field("method", pa.string(), "", "training method"),
        _field("run", pa.int32(), "", "run, from 1: a training and a programming of its own"),
        _field("examples", pa.int32(), "", "test points multiplied"),
        _field("software_accuracy", pa.float64(), "", "accuracy of the network in software on these points"),
        _field("array_accuracy", pa.float64(), "", "accuracy with the array's multiplications"),
        _field("product_layer", pa.list_(pa.int32()), "", "layer of each product, from 1"),
        _field("product_output", pa.list_(pa.int32()), "", "output of that layer, from 0"),
        _field("product_example", pa.list_(pa.int32()), "", "test point, from 0"),
        _field("product_software", pa.list_(pa.float64()), "", "weights times the layer's input, no bias"),
        _field("product_array", pa.list_(pa.float64()), "", "the same as the array gave it, same input"),
        _field("cell_layer", pa.list_(pa.int32()), "", "layer of each programmed cell, from 1"),
        _field("cell_tile", pa.list_(pa.int32()), "", "part of the layer's matrix, from 0"),
        _field("cell_load", pa.list_(pa.int32()), "", "filling of the array, from 0"),
        _field("cell_row", pa.list_(pa.int32()), "", "row of the array"),
        _field("cell_column", pa.list_(pa.int32()), "", "column of the array"),
        _field("cell_target_s", pa.list_(pa.float64()), "S", "conductance asked for"),
        _field("cell_reached_s", pa.list_(pa.float64()), "S", "conductance read after write-verify"),
        _field("cell_pulses", pa.list_(pa.int32()), "", "programming pulses"),
        _field("cell_ok", pa.list_(pa.bool_()), "", "within tolerance"),
        _field("cell_mean_square_v2", pa.list_(pa.float64()), "V^2", "mean squared voltage of the row"),
    ]
)
"""One network a row: programmed on a crossbar and compared with itself in software."""

CROSSBAR_SUMMARY = pa.schema(
    [
        _field("source", pa.string(), "", "simulated | measured"),
        _field("method", pa.string(), "", "training method; 'difference' for bayesmulti - erm, run by run"),
        _field("quantity", pa.string(), "", "software | array | drop (software - array) | relative_drop"),
        _field("n", pa.int32(), "", "runs"),
        _field("mean", pa.float64(), "", "mean over runs"),
        _field("std", pa.float64(), "", "standard deviation over runs (n - 1); null for one run"),
        _field("low", pa.float64(), "", "lower end of the bootstrap interval on the mean"),
        _field("high", pa.float64(), "", "upper end of it"),
    ]
)
"""Runs of one record summarised."""

ENERGY = pa.schema(
    [
        _field("source", pa.string(), "", "simulated | measured: the programmed conductances"),
        _field("design", pa.string(), "", "arrays that multiply"),
        _field("coding", pa.string(), "", "amplitude | serial"),
        _field("cells", pa.int32(), "", "cells that multiply"),
        _field("conductance_s", pa.float64(), "S", "mean conductance of a cell"),
        _field("read_voltage_v", pa.float64(), "V", "largest voltage of a row"),
        _field("pulse_s", pa.float64(), "s", "length of a read pulse"),
        _field("component", pa.string(), "", "array | dac | sense | adc | digital"),
        _field("energy_j", pa.float64(), "J", "of one multiply-accumulate, this component's share"),
        _field("array_gops_per_w", pa.float64(), "GOPS/W", "counting the array alone"),
        _field("gops_per_w", pa.float64(), "GOPS/W", "counting every component"),
    ]
)
"""Energy of one multiply-accumulate, a row a design and component."""
