"""Hostile files: nothing they say is run, unpickled, followed, unpacked without end, or fetched unchecked."""

import ast
import gzip
import hashlib
import io
import json
import os
import pickle
import re
import ssl
import subprocess
import sys
import tarfile
import threading
import zipfile
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib import import_module
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from codesign.figures.style import house_style, new_figure, save, text_mm
from codesign.iv.discovery import DiscoveryError, find_measurements
from codesign.iv.importers import ImportRefused, import_file
from codesign.iv.importers import limits as import_limits
from codesign.iv.measurement import (
    LONGEST_REASON,
    Measurement,
    MeasurementError,
    Metadata,
    read_measurement,
    write_measurement,
)
from codesign.iv.names import LONGEST_ID, device_id, is_device_id
from codesign.log import log_to
from codesign.models.weights import WeightsError, read_weights
from codesign.schemas.measurement import SWEEPS
from codesign.settings import read_schema
from codesign.tables import METADATA_KEY, TableError, read_object, read_table, write_csv
from codesign.tasks import remote
from codesign.tasks.about import task_names
from codesign.tasks.antibodies import tables
from codesign.tasks.contract import DataSettings
from codesign.tasks.digits.mnist import read_idx
from codesign.tasks.objects import cifar10
from codesign.tasks.objects.cifar10 import CIFAR10_RECORD, decode_jpegs, read_cifar10_archive
from codesign.tasks.remote import DataError, RemoteFile, locate, open_https
from codesign.yaml_text import YamlError

ROOT = Path(__file__).resolve().parents[2]
PYTHON = sorted(
    file
    for folder in ("codesign", "workflow_scripts", "benchmarks")
    for file in (ROOT / folder).rglob("*.py")
)
RULES = [ROOT / "Snakefile", *sorted((ROOT / "rules").glob("*.smk"))]


# -- what the code never does ------------------------------------------------------------------

UNPICKLING = {
    "pickle",
    "_pickle",
    "cPickle",
    "dill",
    "cloudpickle",
    "joblib",
    "shelve",
    "marshal",
    "jsonpickle",
    "multiprocessing",
}
"""Modules that unpickle, or hand pickles between processes."""
FORBIDDEN = {
    "torch.load",
    "torch.jit.load",
    "torch.hub.load",
    "pandas.read_pickle",
    "pd.read_pickle",
    "pandas.read_hdf",
    "yaml.load",
    "yaml.load_all",
    "yaml.unsafe_load",
    "yaml.full_load",
    "yaml.unsafe_load_all",
    "yaml.Loader",
    "yaml.UnsafeLoader",
    "yaml.FullLoader",
    "lvm_read.read",
    "os.system",
    "os.popen",
    "os.execv",
    "os.execvp",
    "subprocess.getoutput",
    "subprocess.getstatusoutput",
    "shutil.unpack_archive",
    "urllib.request.urlopen",
    "urllib.request.urlretrieve",
    "requests.get",
    "tempfile.mktemp",
    "eval",
    "exec",
    "__import__",
}
"""Names that are never used; each has a safe way in this code. `SAFE` has a safe way of calling one."""
SAFE = {"torch.load": "weights_only"}
"""Names that may be called with this argument true: nothing but tensors is read."""
STARTING = {"codesign/warm/client.py": ["os.execvp"], "codesign/warm/server.py": ["exec"]}
"""Files that start the script that Snakemake started, and nothing else; names that they may use."""
EXTRACTING = {"extract", "extractall"}
"""Methods of archives that write members where the archive says."""


def dotted(node: ast.AST) -> str:
    """`a.b.c` of a name or attribute; '' for anything else."""
    if isinstance(node, ast.Attribute):
        inner = dotted(node.value)
        return f"{inner}.{node.attr}" if inner else ""
    return node.id if isinstance(node, ast.Name) else ""


def faults_of(source: str) -> list[str]:
    """What a piece of Python does that no file of this project may do."""
    found = []
    tree = ast.parse(source)
    aliases = {"np": "numpy"}
    archives = False
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            names = [alias.name for alias in node.names]
            modules = [node.module or ""] if isinstance(node, ast.ImportFrom) else names
            found += [f"imports {m}" for m in modules if m.split(".")[0] in UNPICKLING]
            archives |= any(m in ("tarfile", "zipfile") for m in modules)
            if isinstance(node, ast.ImportFrom):
                found += [f"imports {node.module}.{n}" for n in names if f"{node.module}.{n}" in FORBIDDEN]
            aliases |= {alias.asname: alias.name for alias in node.names if alias.asname}
    calls = {id(node.func): node.keywords for node in ast.walk(tree) if isinstance(node, ast.Call)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Name | ast.Attribute):
            head, _, rest = dotted(node).partition(".")
            name = f"{aliases.get(head, head)}.{rest}" if rest else head
            safely = any(
                word.arg == SAFE.get(name)
                and isinstance(word.value, ast.Constant)
                and word.value.value is True
                for word in calls.get(id(node), ())
            )
            found += [name] if name in FORBIDDEN and not safely else []
        if not isinstance(node, ast.Call):
            continue
        name, words = dotted(node.func), {keyword.arg: keyword.value for keyword in node.keywords}
        allowed = words.get("allow_pickle")
        if name in ("np.load", "numpy.load") and not (
            isinstance(allowed, ast.Constant) and allowed.value is False
        ):
            found.append("numpy.load without allow_pickle=False")
        if isinstance(words.get("shell"), ast.Constant) and words["shell"].value:
            found.append("a shell")
        if archives and isinstance(node.func, ast.Attribute) and node.func.attr in EXTRACTING:
            found.append(f"an archive's {node.func.attr}")
    return found


@pytest.mark.parametrize(
    "source",
    [
        "import pickle",
        "from joblib import load",
        "import torch as t\nt.load('x')",
        "from torch import load",
        "import torch\ntorch.load('x', weights_only=False)",
        "import torch\ntorch.load('x', weights_only=given)",
        "import torch\nload = torch.load\nload('x')",
        "import numpy as np\nnp.load('x')",
        "import numpy as np\nnp.load('x', allow_pickle=True)",
        "import yaml\nyaml.load('x', Loader=yaml.UnsafeLoader)",
        "import tarfile\ntarfile.open('x').extractall()",
        "import subprocess\nsubprocess.run('x', shell=True)",
        "import os\nos.system('x')",
        "import urllib.request\nurllib.request.urlopen('x')",
        "eval('1')",
    ],
)
def test_the_search_finds_what_it_looks_for(source):
    """A check that finds nothing would pass on everything."""
    assert faults_of(source)


@pytest.mark.parametrize("file", PYTHON, ids=lambda file: str(file.relative_to(ROOT)))
def test_no_file_unpickles_evaluates_or_extracts(file):
    """Not in the library, in a script or in a benchmark."""
    faults = faults_of(file.read_text(encoding="utf-8"))
    assert faults == STARTING.get(str(file.relative_to(ROOT)), [])


@pytest.mark.parametrize("file", RULES, ids=lambda file: file.name)
def test_no_rule_has_a_shell_to_say_anything_to(file):
    """Scripts get paths as values; a shell command would get them as text."""
    text = file.read_text(encoding="utf-8")
    assert not re.search(r"^\s*(shell|run|cwl|wrapper|notebook)\s*:", text, re.MULTILINE)
    assert not re.search(r"\b(shell\(|eval\(|exec\(|pickle|os\.system|subprocess)", text)


def pinned_files(task: str) -> list[RemoteFile]:
    """Every file that a module of a task may fetch, in lists and dicts of any depth."""

    def within(value) -> list[RemoteFile]:
        if isinstance(value, RemoteFile):
            return [value]
        if isinstance(value, dict):
            value = value.values()
        elif not isinstance(value, list | tuple):
            return []
        return [file for each in value for file in within(each)]

    folder = ROOT / "codesign/tasks" / task
    modules = [import_module(f"codesign.tasks.{task}.{file.stem}") for file in folder.glob("[!_]*.py")]
    return [file for module in modules for value in vars(module).values() for file in within(value)]


ONLY_MIRRORED = [cifar10.CIFAR10_JPEG, *(file for files in tables.COPIES.values() for file in files.values())]
"""Copies of published data that no address offers."""


def test_only_one_module_opens_addresses():
    """Whatever is fetched passes its checks; every pinned file has an https address and a sha256."""
    opening = {
        str(file.relative_to(ROOT))
        for file in PYTHON
        if re.search(
            r"urllib\.request|http\.client|^import (requests|httpx|ftplib)", file.read_text("utf-8"), re.M
        )
    }
    assert opening == {"codesign/tasks/remote.py"}
    pinned = [found for task in task_names() for found in pinned_files(task)]
    assert len(pinned) >= 6
    for file in pinned:
        assert re.fullmatch("[0-9a-f]{64}", file.sha256) and file.size > 0
        assert file.url.startswith("https://") or (file.url == "" and file in ONLY_MIRRORED)


# -- pickles -----------------------------------------------------------------------------------


class Hostile:
    """Touches a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


def test_pickled_arrays_weights_and_extension_types_are_refused_unread(tmp_path):
    """NumPy objects, torch checkpoints and the Arrow extension type of CVE-2023-47248."""
    ran = tmp_path / "ran"
    np.savez(tmp_path / "a.npz", jpeg=np.array([Hostile(ran)], dtype=object), is_test=np.array([False]))
    with pytest.raises(ValueError, match="allow_pickle=False"):
        decode_jpegs(tmp_path / "a.npz", test=False)
    (tmp_path / "weights.safetensors").write_bytes(pickle.dumps(Hostile(ran)))
    with pytest.raises(WeightsError, match=r"weights\.safetensors.*delete it"):
        read_weights(tmp_path / "weights.safetensors")
    hostile = {
        b"ARROW:extension:name": b"arrow.py_extension_type",
        b"ARROW:extension:metadata": pickle.dumps(Hostile(ran)),
    }
    fields = [field.with_metadata(hostile) for field in SWEEPS]
    rows = [pa.array([1], type=field.type) for field in SWEEPS]
    pq.write_table(pa.table(rows, schema=pa.schema(fields)), tmp_path / "a.parquet")
    with pytest.raises(MeasurementError, match="no metadata"):
        read_measurement(tmp_path / "a.parquet")
    assert not ran.exists()


# -- YAML --------------------------------------------------------------------------------------


@pytest.mark.parametrize("tag", ["python/object/apply:os.mkdir", "python/name:os.mkdir", "python/module:os"])
def test_a_yaml_file_cannot_make_objects(tmp_path, tag):
    """Neither a sidecar nor a schema."""
    text = f"contact: !!{tag} [{tmp_path / 'ran'}]\n"
    (tmp_path / "a.csv").write_text("V,I\n0,0\n1,1e-6\n")
    (tmp_path / "a.meta.yaml").write_text(text)
    with pytest.raises(ImportRefused, match=r"a\.meta\.yaml: not YAML.*correct the sidecar"):
        import_file(tmp_path / "a.csv", device="a")
    with pytest.raises(YamlError):
        read_schema(tmp_path / "a.meta.yaml")
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        pytest.param(
            "a: &a [x, x, x, x, x, x, x, x, x]\n"
            + "".join(
                f"{b}: &{b} [{', '.join([f'*{a}'] * 9)}]\n"
                for a, b in zip("abcdefgh", "bcdefghi", strict=True)
            ),
            "an alias",
            id="a-billion-laughs",
        ),
        pytest.param("extra: " + "[" * 100_000, "more than 50 levels", id="deep"),
        pytest.param("extra: {a: " + "x" * 2_000_000 + "}", "2000012 bytes", id="large"),
    ],
)
def test_a_sidecar_cannot_grow_beyond_its_size(tmp_path, text, words):
    """Nine lines of aliases are 387 million values."""
    (tmp_path / "a.csv").write_text("V,I\n0,0\n1,1e-6\n")
    (tmp_path / "a.meta.yaml").write_text(text)
    with pytest.raises(ImportRefused, match=words):
        import_file(tmp_path / "a.csv", device="a")


# -- names and metadata ------------------------------------------------------------------------

HOSTILE_NAMES = [
    "../../../etc/passwd",
    "/etc/passwd",
    "..",
    ".hidden",
    "-rf",
    "$(touch ran)",
    "`touch ran`",
    "a; touch ran",
    "a\nb",
    "a\0b",
    "{device}",
    "a/b",
    "a b",
    "x" * (LONGEST_ID + 1),
    "",
]


@pytest.mark.parametrize("name", HOSTILE_NAMES, ids=ascii)
def test_a_hostile_name_is_no_device_and_its_slug_is_harmless(name):
    """An id holds letters, digits and four signs, and begins with none that means something."""
    assert not is_device_id(name)
    with pytest.raises(MeasurementError, match="is no device id"):
        Metadata(device=name)
    slug = device_id(f"{name}.csv")
    assert is_device_id(slug) and slug == device_id(f"{slug}.csv")


def stored(path: Path, metadata: dict | bytes, table: pa.Table | None = None) -> Path:
    """A canonical file with any metadata."""
    if table is None:
        columns = {"cycle": [1, 1], "point": [0, 1], "voltage": [0.0, 1.0], "current": [0.0, 1e-6]}
        table = pa.table(columns, schema=SWEEPS)
    raw = metadata if isinstance(metadata, bytes) else json.dumps(metadata).encode()
    pq.write_table(table.replace_schema_metadata({METADATA_KEY: raw}), path)
    return path


VALUES = [
    "../../ran",
    "$(touch ran)",
    "=cmd|' /C calc'!A1",
    "two\nlines",
    "\x1b[2J",
    "x" * 100_000,
    "\ud800",
    5,
    -1,
    1e308,
    10**400,
    float("nan"),
    True,
    None,
    [],
    ["a", 5],
    {"a": {"b": []}},
    [[[[]]]],
]
KEYS = (
    "device",
    "origin",
    "kind",
    "status",
    "reason",
    "notes",
    "perovskite",
    "length_um",
    "diameter_nm",
    "pb_min",
    "ag_nm",
    "conditions",
    "compliance_a",
    "contact",
    "measured_at",
    "instrument",
    "source_file",
    "source_sha256",
    "branch_points",
    "extra",
    "surprise",
)


@pytest.mark.parametrize("key", KEYS)
def test_hostile_metadata_are_a_reason_or_plain_text_and_never_a_crash(tmp_path, key):
    """Any value under any key: the extraction makes a row, and nothing is written but the row."""
    sys.path.insert(0, str(ROOT / "workflow_scripts"))
    from extract_nonidealities import main as extract

    settings = yaml.safe_load((ROOT / "config.yaml").read_text())["extraction"] | {"bootstrap": 20}
    folder = tmp_path / "results"
    folder.mkdir()
    for value in VALUES:
        path = stored(tmp_path / "a.parquet", {"device": "a", key: value})
        extract(sweeps=path, device=folder / "a.parquet", extraction=settings, strict=False, seed=1)
    assert [file.name for file in folder.iterdir()] == ["a.parquet"]
    assert sorted(file.name for file in tmp_path.iterdir()) == ["a.parquet", "results"]


@pytest.mark.parametrize(
    "metadata",
    [b"", b"[]", b"{", b"\xff\xfe", b'{"device": "a", "extra": ' + b"[" * 100_000, b'{"device": 1}', b"null"],
    ids=["empty", "list", "cut", "no-text", "deep", "number", "null"],
)
def test_metadata_that_are_no_object_are_refused_by_file(tmp_path, metadata):
    """The only exception is a refusal that names the file."""
    with pytest.raises(MeasurementError, match=r"a\.parquet"):
        read_measurement(stored(tmp_path / "a.parquet", metadata))


def test_a_device_name_in_metadata_never_decides_where_something_is_written(tmp_path):
    """A file's name is its device; another one in the metadata is refused."""
    for name in ("b", "../b", "/tmp/b"):
        with pytest.raises(MeasurementError, match=r"a\.parquet"):
            read_measurement(stored(tmp_path / "a.parquet", {"device": name}))


def test_names_inside_instrument_files_stay_values(tmp_path):
    """Sheets, columns, channels and properties that look like paths or commands; long ones too."""
    openpyxl, nptdms = pytest.importorskip("openpyxl"), pytest.importorskip("nptdms")
    evil = ["../../../ran", "$(touch ran)", "`touch ran`", "a\nb", "x" * 20_000]
    up = np.linspace(0, 2, 21)
    source = tmp_path / "raw"
    source.mkdir()
    with nptdms.TdmsWriter(str(source / "a.tdms")) as writer:
        properties = {name: name for name in evil}
        root = nptdms.RootObject(properties=properties)
        channels = [
            nptdms.ChannelObject(evil[0], "Voltage", up, properties={"unit_string": "V"}),
            nptdms.ChannelObject(evil[0], "Current", up * 1e-6, properties={"unit_string": "A"}),
        ]
        extra = [nptdms.ChannelObject(evil[0], name, up) for name in evil]
        writer.write_segment([root, *channels, *extra])
    book = openpyxl.Workbook()
    book.active.append(["voltage", "current_cycle1", *evil[:3]])
    for v in up:
        book.active.append([v, v * 1e-6, v, v, v])
    typed = book.create_sheet("$(touch ran)")
    typed.append(evil)
    typed.append(evil)
    book.save(source / "a.xlsx")
    quoted = ",".join('"' + name.replace("\n", " ") + '"' for name in evil)
    rows = "\n".join(f"{v},{v * 1e-6}" + f",{v}" * len(evil) for v in up)
    (source / "a.csv").write_text(f"voltage,current_cycle1,{quoted}\n{rows}\n")
    for suffix in ("tdms", "xlsx", "csv"):
        measurement = import_file(source / f"a.{suffix}", device="a")
        np.testing.assert_allclose(measurement.current, up * 1e-6)
        path = tmp_path / suffix / "a.parquet"
        write_measurement(measurement, path)
        assert read_measurement(path).metadata.device == "a"
        assert [file.name for file in path.parent.iterdir()] == ["a.parquet"]
    assert sorted(file.name for file in tmp_path.iterdir()) == ["csv", "raw", "tdms", "xlsx"]


def test_a_cell_that_a_spreadsheet_would_run_is_text(tmp_path):
    """The usability table is opened by people; numbers stay numbers."""
    formulas = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "plain", "a=b"]
    write_csv([{"text": text, "number": -1.5} for text in formulas], tmp_path / "a.csv")
    found = [line.rsplit(",", 1) for line in (tmp_path / "a.csv").read_text().splitlines()[1:]]
    assert [text for text, _ in found] == ["'=1+1", "'+1", "'-1", "'@SUM(A1)", "'\t=1", "plain", "a=b"]
    assert {number for _, number in found} == {"-1.5"}


def test_a_name_with_dollar_signs_is_drawn_as_it_is(tmp_path):
    r"""`$\foo$` as mathematics would stop every figure it is written on."""
    with house_style():
        figure = new_figure(60, 30)
        text_mm(figure, 5, 5, r"$\foo{$ $(touch ran) $")
        save(figure, tmp_path / "a.pdf", tmp_path / "a.png")
    assert (tmp_path / "a.png").stat().st_size > 0


def test_a_very_long_reason_is_cut_in_its_middle():
    """What is wrong and what to do stay; a table cell of megabytes does not come about."""
    reason = f"what is wrong{'.' * 1_000_000}what to do"
    made = Measurement.refused(Metadata(device="a"), reason).metadata.reason
    assert (
        made.startswith("what is wrong") and made.endswith("what to do") and len(made) < LONGEST_REASON + 10
    )


def test_control_signs_in_an_error_do_not_reach_the_terminal(tmp_path, capsys):
    """A cell quoted in a message could clear the screen or forge a line."""
    with pytest.raises(ValueError), log_to(tmp_path / "log"):
        raise ValueError("cell \x1b[2J\r says done")
    printed = capsys.readouterr().err
    assert "says done" in printed and "\x1b" not in printed and "\r" not in printed


@pytest.mark.parametrize("name", [b"a\nb.csv", b"{x}.csv", b"\xff.csv", b"\xff conditions.xlsx"], ids=ascii)
def test_discovery_names_a_file_that_no_rule_could_take(tmp_path, name):
    """Renaming is all it takes."""
    (tmp_path / "raw").mkdir()
    Path(os.fsdecode(os.fsencode(tmp_path / "raw") + b"/" + name)).write_bytes(b"")
    with pytest.raises(DiscoveryError, match="Rename the file"):
        find_measurements(iv=tmp_path / "iv", raw=tmp_path / "raw")


# -- files that grow ---------------------------------------------------------------------------


def run_limited(code: str, *, folder: Path, memory_mb: int = 1500) -> subprocess.CompletedProcess:
    """Run Python in an address space of `memory_mb`: what would fill the memory fails instead."""
    limit = f"import resource; resource.setrlimit(resource.RLIMIT_AS, ({memory_mb << 20},) * 2)\n"
    prelude = "from pathlib import Path\nfrom codesign.iv.importers import ImportRefused, import_file\n"
    return subprocess.run(
        [sys.executable, "-c", prelude + limit + code],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=100,
    )


def refusal_of(path: Path) -> str:
    """What the import says of a file, in a process that cannot take the machine's memory."""
    code = f"""
try:
    import_file(Path({str(path)!r}), device="a")
except ImportRefused as refusal:
    print(refusal)
"""
    done = run_limited(code, folder=path.parent)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
SHEET = f'<worksheet xmlns="{MAIN}"><sheetData>{{}}</sheetData></worksheet>'


def workbook(path: Path, sheet: str | bytes) -> Path:
    """A workbook whose first sheet is this part, everything else as openpyxl writes it."""
    openpyxl = pytest.importorskip("openpyxl")
    buffer = io.BytesIO()
    openpyxl.Workbook().save(buffer)
    with zipfile.ZipFile(buffer) as good, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as out:
        for name in good.namelist():
            out.writestr(name, sheet if name == "xl/worksheets/sheet1.xml" else good.read(name))
    return path


def cell(place: str, value: float) -> str:
    return f'<c r="{place}"><v>{value}</v></c>'


def test_a_workbook_of_two_far_cells_is_refused(tmp_path):
    """The reader beneath would set aside 17 thousand million cells."""
    far = f'<row r="1">{cell("A1", 1)}</row><row r="1048576">{cell("XFD1048576", 1)}</row>'
    path = workbook(tmp_path / "a.xlsx", SHEET.format(far))
    assert "1048576 rows and 16384 columns" in refusal_of(path)
    assert path.stat().st_size < 10_000


def test_a_workbook_of_cells_without_a_place_is_refused(tmp_path):
    """They follow each other: one long row, and many rows."""
    rows = f"<row>{'<c><v>1</v></c>' * 16_000}</row>{'<row><c><v>1</v></c></row>' * 20_000}"
    assert "20001 rows and 16000 columns" in refusal_of(workbook(tmp_path / "a.xlsx", SHEET.format(rows)))


@pytest.mark.parametrize("honest", [True, False], ids=["stated-size", "lying-size"])
def test_a_workbook_that_unpacks_without_end_is_refused(tmp_path, honest):
    """400 MB of blanks in 400 kB; a header that states 10 bytes is not believed."""
    path = workbook(tmp_path / "a.xlsx", b" " * (400 << 20))
    if not honest:
        content = bytearray(path.read_bytes())
        size = (400 << 20).to_bytes(4, "little")
        assert content.count(size) == 2  # the local header and the directory
        path.write_bytes(bytes(content.replace(size, (10).to_bytes(4, "little"))))
    said = refusal_of(path)
    assert "unpacked it is larger than" in said and "sheet1.xml" in said
    assert path.stat().st_size < 1_000_000


def test_another_spreadsheet_under_the_name_of_a_workbook_is_refused(tmp_path):
    """Its own limits would have to be checked in another way."""
    with zipfile.ZipFile(tmp_path / "a.XLSX", "w") as out:
        out.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        out.writestr("content.xml", "<office/>")
    with pytest.raises(ImportRefused, match=r"not a \.xlsx workbook; save it as \.xlsx"):
        import_file(tmp_path / "a.XLSX", device="a")


def test_a_workbook_with_members_that_climb_is_only_read(tmp_path):
    """`../evil` in the archive is written nowhere."""
    inner = tmp_path / "inner"
    inner.mkdir()
    rows = "".join(
        f'<row r="{k + 2}">{cell(f"A{k + 2}", k / 10)}{cell(f"B{k + 2}", k * 1e-6)}</row>' for k in range(21)
    )
    names = (
        '<row r="1"><c r="A1" t="inlineStr"><is><t>voltage</t></is></c>'
        '<c r="B1" t="inlineStr"><is><t>current_cycle1</t></is></c></row>'
    )
    path = workbook(inner / "a.xlsx", SHEET.format(names + rows))
    with zipfile.ZipFile(path, "a") as out:
        out.writestr("../evil", "x")
        out.writestr("/tmp/evil-of-the-workbook", "x")
    np.testing.assert_allclose(import_file(path, device="a").current, np.arange(21) * 1e-6)
    assert sorted(file.name for file in tmp_path.rglob("*")) == ["a.xlsx", "inner"]
    assert not Path("/tmp/evil-of-the-workbook").exists()


def test_a_table_of_one_long_row_and_one_long_column_is_refused(tmp_path):
    """Two megabytes of text that stand for 40 thousand million cells."""
    (tmp_path / "a.csv").write_text("voltage,current_cycle1" + "," * 200_000 + "\n" + "1,2\n" * 200_000)
    assert "more than 10000000" in refusal_of(tmp_path / "a.csv")


@pytest.mark.parametrize(
    "text",
    [
        "V (" * 20_000,
        '"' * 60_000,
        "1," * 30_000,
        "9" * 60_000,
        " " * 60_000,
        "1e" * 30_000,
        "(V) " * 15_000,
    ],
    ids=["open-brackets", "quotes", "numbers", "one-number", "blanks", "exponents", "units"],
)
def test_a_long_line_is_read_in_the_time_of_its_length(tmp_path, text):
    """No pattern goes back and forth over it; the test's own limit is a hundred seconds."""
    (tmp_path / "a.txt").write_text(f"voltage current\n{text}\n0 0\n1 1\n")
    refusal_of(tmp_path / "a.txt")


def test_a_tdms_file_of_one_long_and_many_short_channels_is_refused(tmp_path):
    """Shorter channels are filled up to the longest: 300 of 100,000 values are 30 million cells."""
    nptdms = pytest.importorskip("nptdms")
    with nptdms.TdmsWriter(str(tmp_path / "a.tdms")) as writer:
        long = [nptdms.ChannelObject("g", "Voltage", np.zeros(100_000))]
        writer.write_segment([*long, *(nptdms.ChannelObject("g", f"c{k}", np.zeros(1)) for k in range(299))])
    assert "100000 rows and 300 columns" in refusal_of(tmp_path / "a.tdms")


def test_an_instrument_file_larger_than_any_measurement_is_refused(tmp_path):
    """A file of nothing but a size; it is not read."""
    with (tmp_path / "a.csv").open("wb") as file:
        file.truncate(import_limits.LARGEST_BYTES + 1)
    with pytest.raises(ImportRefused, match="more than a measurement has"):
        import_file(tmp_path / "a.csv", device="a")


@pytest.mark.parametrize(
    ("column", "words"),
    [
        pytest.param("values", "more than 50000000", id="equal-values"),
        pytest.param("text", "column bomb is unknown", id="unknown-column"),
    ],
)
def test_a_parquet_file_of_any_number_of_equal_values_is_refused_unread(tmp_path, column, words):
    """A dictionary and a run length say millions of rows in a few kilobytes."""
    path = tmp_path / "a.parquet"
    if column == "values":
        rows = {
            name: pa.array(np.zeros(60_000_000, dtype=SWEEPS.field(name).type.to_pandas_dtype()))
            for name in SWEEPS.names
        }
        pq.write_table(pa.table(rows, schema=SWEEPS), path, compression="zstd")
    else:
        bomb = pa.DictionaryArray.from_arrays(pa.array(np.zeros(100_000, dtype=np.int32)), ["x" * 100_000])
        columns = {
            name: pa.array(np.zeros(100_000), type=pa.float64()).cast(SWEEPS.field(name).type)
            for name in SWEEPS.names
        }
        pq.write_table(pa.table(columns | {"bomb": bomb}), path, compression="zstd", store_schema=False)
    assert path.stat().st_size < 1_000_000
    with pytest.raises(TableError, match=words):
        read_table(path, schema=SWEEPS)


def test_a_point_number_cannot_claim_memory(tmp_path):
    """One row, point 2^31 - 1: a grid of it would have 16 GB."""
    rows = {"cycle": [1, 1], "point": [0, 2**31 - 1], "voltage": [0.0, 1.0], "current": [0.0, 1.0]}
    path = stored(tmp_path / "a.parquet", {"device": "a"}, pa.table(rows, schema=SWEEPS))
    with pytest.raises(MeasurementError, match=r"points are numbered up to 2147483647.*number them 0, 1, 2"):
        read_measurement(path)


def test_a_flipped_bit_is_found_wherever_it_hits_a_value(tmp_path):
    """Every page has a checksum: a number never silently becomes another one."""
    rng = np.random.default_rng(3)
    whole = Measurement.from_grid(
        Metadata(device="a"), cycles=[1, 2], voltage=np.linspace(0, 1, 50), current=rng.normal(size=(2, 50))
    )
    path = tmp_path / "a.parquet"
    write_measurement(whole, path)
    content, changed = path.read_bytes(), 0
    data_ends = pq.ParquetFile(path).metadata.row_group(0).column(3)
    end = data_ends.data_page_offset + data_ends.total_compressed_size
    for at in rng.integers(4, end, 200):
        flipped = bytearray(content)
        flipped[at] ^= 1 << int(rng.integers(8))
        path.write_bytes(bytes(flipped))
        try:
            found = read_measurement(path)
        except MeasurementError:
            changed += 1
        else:
            np.testing.assert_array_equal(found.current, whole.current)
            np.testing.assert_array_equal(found.voltage, whole.voltage)
    assert changed > 150


def test_a_flipped_bit_in_the_conditions_is_found(tmp_path):
    """A diameter of 200 nm never silently becomes one of 300."""
    path = tmp_path / "a.parquet"
    made = Metadata(device="a", diameter_nm=200.0, source_file="cell 200.0.csv")
    write_measurement(Measurement.refused(made, "for the test"), path)
    content = path.read_bytes()
    assert content.count(b'"diameter_nm": 200.0') == 1
    path.write_bytes(content.replace(b'"diameter_nm": 200.0', b'"diameter_nm": 300.0'))
    with pytest.raises(MeasurementError, match=r"a\.parquet: metadata .* damaged; copy it again"):
        read_measurement(path)


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[1]", b"[" * 100_000, b"\xff"], ids=["empty", "cut", "list", "deep", "bytes"]
)
def test_a_json_file_that_is_not_complete_is_named(tmp_path, content):
    """The remedy is in the message."""
    (tmp_path / "a.json").write_bytes(content)
    with pytest.raises(TableError, match=r"a\.json.*delete it and make it again"):
        read_object(tmp_path / "a.json")


# -- archives of data sets ---------------------------------------------------------------------


def test_an_archive_that_unpacks_without_end_is_refused(tmp_path, monkeypatch):
    """A member nobody asked for, ten times larger than every set; limits lowered to keep the test short."""
    monkeypatch.setattr(cifar10, "LARGEST_ARCHIVE", 1 << 22)
    with tarfile.open(tmp_path / "a.tar.gz", "w:gz") as out:
        bomb = tarfile.TarInfo("bomb")
        bomb.size = 40 << 20
        out.addfile(bomb, io.BytesIO(bytes(bomb.size)))
    with pytest.raises(
        DataError, match=r"a\.tar\.gz: not a readable archive \(it unpacks to more than 4194304"
    ):
        read_cifar10_archive(tmp_path / "a.tar.gz", ("d/a",), records=1)


def test_an_extended_header_cannot_claim_memory(tmp_path):
    """Its size is read from the archive: 2 GB of comment."""
    header = tarfile.TarInfo("comment")
    header.type, header.size = tarfile.XHDTYPE, 2 << 30
    with gzip.open(tmp_path / "a.tar.gz", "wb", compresslevel=1) as out:
        out.write(header.tobuf(tarfile.USTAR_FORMAT))
        out.write(bytes(1 << 20))
    with pytest.raises(DataError, match=r"a\.tar\.gz: not a readable archive"):
        read_cifar10_archive(tmp_path / "a.tar.gz", ("d/a",), records=1)


@pytest.mark.parametrize(
    "name",
    ["../evil", "/tmp/evil-of-the-archive", "d/../../evil", "d/a"],
    ids=["up", "absolute", "inside", "link"],
)
def test_members_that_climb_and_links_are_never_written_or_followed(tmp_path, name):
    """The archive is read in place, whatever its members are called."""
    inner = tmp_path / "inner"
    inner.mkdir()
    (tmp_path / "secret").write_bytes(bytes(CIFAR10_RECORD))
    with tarfile.open(inner / "a.tar.gz", "w:gz") as out:
        entry = tarfile.TarInfo(name)
        if name == "d/a":
            entry.type, entry.linkname = tarfile.SYMTYPE, "../secret"
        out.addfile(entry)
        good = tarfile.TarInfo("d/b")
        good.size = CIFAR10_RECORD
        out.addfile(good, io.BytesIO(bytes(CIFAR10_RECORD)))
    read_cifar10_archive(inner / "a.tar.gz", ("d/b",), records=1)
    with pytest.raises(DataError, match="no file of 1 records"):
        read_cifar10_archive(inner / "a.tar.gz", ("d/a",), records=1)
    assert sorted(file.name for file in tmp_path.rglob("*")) == ["a.tar.gz", "inner", "secret"]
    assert not Path("/tmp/evil-of-the-archive").exists()


def test_damaged_compression_is_a_data_error(tmp_path):
    """Changed in the middle, not cut: the decompressor has an error of its own."""
    content = np.random.default_rng(0).integers(0, 4, 20_000, dtype=np.uint8).tobytes()
    packed = bytearray(gzip.compress(content))
    packed[len(packed) // 2 : len(packed) // 2 + 40] = b"\xff" * 40
    file = RemoteFile("a.gz", "set", "", len(packed), hashlib.sha256(content).hexdigest(), len(content))
    (tmp_path / "a.gz").write_bytes(bytes(packed))
    with pytest.raises(DataError, match=rf"a\.gz.*{file.sha256}.*found"):
        remote.check(file, tmp_path / "a.gz")
    with pytest.raises(DataError, match="not a readable archive"):
        read_cifar10_archive(tmp_path / "a.gz", ("d/a",), records=1)


def test_a_gzip_file_is_unpacked_no_further_than_what_is_expected(tmp_path):
    """300 MB in 300 kB, where 100 bytes are expected."""
    with gzip.open(tmp_path / "a.gz", "wb", compresslevel=1) as out:
        for _ in range(300):
            out.write(bytes(1 << 20))
    file = RemoteFile("a.gz", "set", "", 10, "0" * 64, 100)
    assert len(remote.content(file, tmp_path / "a.gz")) == 101


def test_an_idx_header_cannot_wrap_round():
    """Eight sizes of 2^32 - 1 and one that makes their product small in 64 bits."""
    header = b"\0\0\x08\x04" + (2**16).to_bytes(4, "big") * 4
    with pytest.raises(DataError, match="do not fit"):
        read_idx(header, name="a")


def test_an_image_of_another_size_is_refused_before_it_is_decoded(tmp_path):
    """A few bytes can claim 80 million pixels."""
    from PIL import Image

    buffer = io.BytesIO()
    Image.new("RGB", (3000, 3000)).save(buffer, "JPEG")
    blob = np.frombuffer(buffer.getvalue(), dtype=np.uint8)
    np.savez(tmp_path / "a.npz", jpeg=blob, offsets=[0, blob.size], label=[1], is_test=np.array([False]))
    with pytest.raises(DataError, match="image 0 is 3000 x 3000, not 32 x 32"):
        decode_jpegs(tmp_path / "a.npz", test=False)


# -- downloads ---------------------------------------------------------------------------------


class Server(ThreadingHTTPServer):
    """Answers with what `pages` holds: bytes, or the address to go to instead."""

    daemon_threads = True

    def __init__(self, certificate: tuple[Path, Path] | None) -> None:
        super().__init__(("127.0.0.1", 0), Answer)
        self.pages: dict[str, bytes | str] = {}
        self.asked: list[str] = []
        scheme = "http"
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*certificate)
            self.socket = context.wrap_socket(self.socket, server_side=True)
            scheme = "https"
        self.address = f"{scheme}://127.0.0.1:{self.server_port}"
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def handle_error(self, request, client_address) -> None:
        """Clients that do not trust the certificate hang up; nothing to print."""


class Answer(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        page = self.server.pages[self.path]
        self.send_response(302 if isinstance(page, str) else 200)
        if isinstance(page, str):
            self.send_header("Location", page)
            page = b""
        if self.path == "/broken":
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            self.wfile.write(b"ff\r\nbroken off")
            self.close_connection = True
            return
        self.send_header("Content-Length", str(len(page)))
        self.end_headers()
        self.wfile.write(page)

    def log_message(self, *_) -> None:
        """Quiet."""


@pytest.fixture(scope="module")
def certificate(tmp_path_factory) -> tuple[Path, Path]:
    """A certificate of 127.0.0.1 and its key."""
    folder = tmp_path_factory.mktemp("certificate")
    crt, key = folder / "crt.pem", folder / "key.pem"
    try:
        subprocess.run(
            [
                "openssl",
                "req",
                "-x509",
                "-newkey",
                "rsa:2048",
                "-nodes",
                "-days",
                "2",
                "-subj",
                "/CN=127.0.0.1",
                "-addext",
                "subjectAltName=IP:127.0.0.1",
                "-keyout",
                key,
                "-out",
                crt,
            ],
            check=True,
            capture_output=True,
        )
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"no openssl that makes a certificate: {error}")
    return crt, key


@pytest.fixture
def serve(certificate, monkeypatch):
    """Starts servers, with or without TLS; the certificate is trusted as a site's own would be."""
    for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate[0]))
    servers = []

    def start(*, tls: bool) -> Server:
        servers.append(Server(certificate if tls else None))
        return servers[-1]

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


CONTENT = b"one small data set"
WANTED = RemoteFile("a.bin", "set", "", len(CONTENT), hashlib.sha256(CONTENT).hexdigest())


def fetch(url: str, cache: Path) -> tuple[Path, str]:
    """Through the same door as every data set."""
    settings = DataSettings(source="mnist", validation_fraction=0.1, seed=0, options={}, cache=cache)
    return locate(replace(WANTED, url=url), settings)


def test_a_download_over_https_is_checked_and_kept(serve, tmp_path):
    """Also after a redirect to another https address."""
    server = serve(tls=True)
    server.pages = {"/a": CONTENT, "/moved": f"{server.address}/a"}
    path, source = fetch(f"{server.address}/moved", tmp_path)
    assert path.read_bytes() == CONTENT and source == "download"
    assert server.asked == ["/moved", "/a"]


def test_a_redirect_to_http_is_refused_and_never_followed(serve, tmp_path):
    """The plain server is not even asked."""
    plain, server = serve(tls=False), serve(tls=True)
    plain.pages = {"/a": CONTENT}
    server.pages = {"/a": f"{plain.address}/a", "/file": "file:///etc/hostname"}
    for name in ("/a", "/file"):
        with pytest.raises(DataError, match=r"https only|not allowed"):
            fetch(f"{server.address}{name}", tmp_path)
    assert plain.asked == [] and not list((tmp_path / "set").iterdir())


def test_a_plain_address_is_refused_and_never_opened(serve, tmp_path):
    """Not even where the content would be right."""
    plain = serve(tls=False)
    plain.pages = {"/a": CONTENT}
    with pytest.raises(DataError, match="https only"):
        fetch(f"{plain.address}/a", tmp_path)
    assert plain.asked == [] and not list((tmp_path / "set").iterdir())


def test_other_content_is_removed_and_both_digests_are_named(serve, tmp_path):
    """Of the right length, so that nothing but the digest tells."""
    server = serve(tls=True)
    other = b"one smaII data set"
    server.pages = {"/a": other}
    found = hashlib.sha256(other).hexdigest()
    with pytest.raises(DataError, match=rf"was removed: .*expected sha256 {WANTED.sha256}, found {found}"):
        fetch(f"{server.address}/a", tmp_path)
    assert not list((tmp_path / "set").iterdir())


@pytest.mark.parametrize("page", ["/long", "/broken"])
def test_an_answer_without_end_or_broken_off_leaves_nothing(serve, tmp_path, page):
    """More than the pinned size is cut off; half an answer is an error."""
    server = serve(tls=True)
    server.pages = {"/long": CONTENT * 1000, "/broken": b""}
    with pytest.raises(DataError, match=r"sent more than|cannot be fetched"):
        fetch(f"{server.address}{page}", tmp_path)
    assert not list((tmp_path / "set").iterdir())


def test_a_certificate_that_nobody_vouches_for_is_refused(serve, tmp_path, monkeypatch):
    """The system's own list of authorities does not know it."""
    server = serve(tls=True)
    server.pages = {"/a": CONTENT}
    monkeypatch.delenv("SSL_CERT_FILE")
    with pytest.raises(DataError, match=r"cannot be fetched .*CERTIFICATE_VERIFY_FAILED"):
        fetch(f"{server.address}/a", tmp_path)
    assert server.asked == []
    with pytest.raises(DataError, match="https only"):
        open_https("ftp://127.0.0.1/a")
