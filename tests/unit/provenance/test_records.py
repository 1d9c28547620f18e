"""Records of jobs: what is written, what it is looked up by, what is refused."""

import hashlib
import json
import os
import re
import resource
import subprocess
import sys
import time
from importlib import metadata
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from codesign.figures.style import new_figure, save
from codesign.provenance.records import (
    RecordError,
    Records,
    commit_of,
    digest_of,
    imported_packages,
    read_stamp,
    recorded,
    stamp,
)

ROOT = Path(__file__).resolve().parents[3]
SCRIPTS = sorted((ROOT / "workflow_scripts").glob("*.py"))


def job(rule, *, inputs=(), outputs=(), wildcards=None, config=None, name="x", settings=None):
    """What Snakemake gives a script, with paths below `results` of the current folder."""
    return SimpleNamespace(
        rule=rule,
        wildcards=wildcards or {},
        params={"code": "0123456789abcdef"} | (settings or {}),
        input=[str(path) for path in inputs],
        output=[str(path) for path in outputs],
        log=[f"results/logs/{rule}/{name}.log"],
        config=config or {"seed": 1},
    )


def make(rule, *, inputs=(), outputs=(), text="made", **options):
    """Run a job that writes its name and `text` into every output."""
    with recorded(job(rule, inputs=inputs, outputs=outputs, **options)):
        for path in outputs:
            Path(path).parent.mkdir(parents=True, exist_ok=True)
            Path(path).write_text(f"{rule} {path} {text}")


@pytest.fixture(autouse=True)
def workdir(tmp_path, monkeypatch):
    """Jobs run in the folder that holds `results`."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_every_script_records_its_job(script):
    """A table nobody recorded could not say what it was made from."""
    text = script.read_text(encoding="utf-8")
    assert re.search(r"with log_to\(snakemake\.log\[0\]\), recorded\(snakemake(, read=.+)?\):", text)


def test_a_log_elsewhere_is_refused(workdir):
    """A record must lie where it is looked for."""
    lost = job("extract")
    lost.log = ["elsewhere/x.log"]
    with pytest.raises(ValueError, match="elsewhere"), recorded(lost):
        pass


def test_a_record_says_what_a_job_was_made_from(workdir):
    """Checksums, configuration, settings, code; packages under a digest of their own."""
    Path("data").mkdir()
    Path("data/a.txt").write_text("measured")
    make(
        "extract",
        inputs=["data/a.txt"],
        outputs=["results/a.csv"],
        wildcards={"device": "a"},
        settings={"k": {"x": 1}},
    )
    records = Records(Path("results"))
    [record] = records.records
    assert (record.rule, record.code, record.settings) == ("extract", "0123456789abcdef", {"k": {"x": 1}})
    assert record.inputs == {"data/a.txt": hashlib.sha256(b"measured").hexdigest()}
    assert record.outputs == {"results/a.csv": hashlib.sha256(b"extract results/a.csv made").hexdigest()}
    assert records.config_of(record) == {"seed": 1} and record.config == digest_of({"seed": 1})
    assert records.environment_of(record)["packages"]["matplotlib"] == metadata.version("matplotlib")


def test_the_same_job_leaves_the_same_record(workdir):
    """No time, no place: a second run changes no byte below `provenance`."""
    found = []
    for _ in range(2):
        make("extract", outputs=["results/a.csv"])
        found.append({path: path.read_bytes() for path in Path("results/provenance").rglob("*.json")})
    assert found[0] == found[1] and len(found[0]) == 3


def test_a_failed_job_leaves_no_record_and_takes_the_old_one_away(workdir):
    """Snakemake removes its outputs; a record of an earlier run would speak of nothing."""
    make("extract", outputs=["results/a.csv"])
    with pytest.raises(RuntimeError), recorded(job("extract", outputs=["results/a.csv"])):
        raise RuntimeError
    assert Records(Path("results")).records == [] and stamp() == {}
    assert not list(Path("results/benchmarks").rglob("*.tsv"))


def test_what_a_job_took_stands_beside_its_log(workdir):
    """Seconds since its process began and processor time of it and its children, as Snakemake names them."""
    with recorded(job("extract", name="virtual_lab/a")):
        before = time.process_time()
        while time.process_time() - before < 0.2:
            pass
        subprocess.run([sys.executable, "-c", "sum(range(10**6))"], check=True)
    header, row = Path("results/benchmarks/extract/virtual_lab/a.tsv").read_text().splitlines()
    took = dict(zip(header.split("\t"), row.split("\t"), strict=True))
    assert list(took) == ["s", "h:m:s", "max_rss", "cpu_time"]
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert 0.2 < float(took["cpu_time"]) <= time.process_time() + children.ru_utime + children.ru_stime + 0.01
    began = psutil.Process().create_time()
    assert float(took["s"]) == pytest.approx(time.time() - began, abs=5)
    assert 20 < float(took["max_rss"]) < 20_000


def test_inputs_are_those_that_were_read(workdir):
    """A measurement replaced while the job runs is not what the job was made from."""
    source = Path("a.txt")
    source.write_text("before")
    with recorded(job("extract", inputs=[source])):
        source.write_text("after")
    [record] = Records(Path("results")).records
    assert record.inputs == {"a.txt": hashlib.sha256(b"before").hexdigest()}


def test_a_copy_is_known_by_its_content_and_a_changed_file_is_not(workdir):
    """Files are renamed and sent; a file that was edited must not borrow a record."""
    make("extract", outputs=["results/a.csv", "results/b.csv"])
    content = Path("results/b.csv").read_bytes()
    records = Records(Path("results"))
    digest = records.records[0].outputs["results/b.csv"]
    copy = workdir / "elsewhere.csv"
    copy.write_bytes(content)
    assert [name for name, _ in records.of_file(copy, digest)] == ["results/b.csv"]
    assert records.of_file(Path("results/b.csv"), digest_of("another")) == []
    assert records.at_path(records.name_of(workdir / "results/b.csv")).rule == "extract"


def test_equal_files_are_told_apart_by_their_path(workdir):
    """Two jobs may write the same bytes."""
    for name in ("a", "b"):
        with recorded(job("extract", outputs=[f"results/{name}.csv"], name=name)):
            Path("results").mkdir(exist_ok=True)
            Path(f"results/{name}.csv").write_text("the same")
    records = Records(Path("results"))
    digest = records.records[0].outputs["results/a.csv"]
    assert records.of_file(Path("results/b.csv"), digest)[0][0] == "results/b.csv"


def test_ancestry_reaches_the_measurements_and_stops_where_bytes_differ(workdir):
    """Two steps back to the file that no job made; a link broken by other bytes is no link."""
    Path("raw.txt").write_text("raw")
    make("extract", inputs=["raw.txt"], outputs=["results/a.csv"])
    make("stack", inputs=["results/a.csv"], outputs=["results/all.csv"])
    records = Records(Path("results"))
    start = [("results/all.csv", records.at_path("results/all.csv"))]
    jobs, given = records.ancestry(start)
    assert [record.rule for record in jobs] == ["stack", "extract"] and list(given) == ["raw.txt"]
    make("extract", inputs=["raw.txt"], outputs=["results/a.csv"], text="made again")
    jobs, given = Records(Path("results")).ancestry(start)
    assert [record.rule for record in jobs] == ["stack"] and list(given) == ["results/a.csv"]


@pytest.mark.parametrize(
    "wildcards",
    [
        {},
        {"task": "moons"},
        {"device": "a (2) \\ \u00b5 ) ( \\) end"},
        {"device": '</rdf:li> & "b" <rdf:li>{} -->'},
    ],
    ids=["none", "plain", "brackets and backslashes", "markup"],
)
def test_a_figure_carries_where_it_comes_from(workdir, wildcards):
    """PNG, PDF and SVG give back what was put in, and another reader of PNG finds it too."""
    with recorded(job("draw", wildcards=wildcards)):
        save(new_figure(30, 20), "f.pdf", "f.png", "f.svg")
        expected = json.loads(json.dumps(stamp()))
    assert read_stamp(Path("f.png")) == read_stamp(Path("f.pdf")) == read_stamp(Path("f.svg")) == expected
    assert expected["rule"] == "draw" and expected["packages"]["matplotlib"]
    with Image.open("f.png") as image:
        assert json.loads(image.text["codesign"]) == expected


def test_a_figure_of_no_job_carries_nothing(workdir):
    """A figure drawn by hand has no rule to name."""
    save(new_figure(30, 20), "f.pdf", "f.png", "f.svg")
    assert read_stamp(Path("f.png")) == read_stamp(Path("f.pdf")) == read_stamp(Path("f.svg")) == {}


@pytest.mark.parametrize(
    "text",
    ["{", "[]", "{}", '{"rule": "x"}', '{"rule": 1, "inputs": []}'],
    ids=["truncated", "list", "empty", "keys missing", "types"],
)
def test_what_is_no_record_is_named(workdir, text):
    """The message says which file, and what to do."""
    make("extract", outputs=["results/a.csv"])
    Path("results/provenance/extract/bad.json").write_text(text)
    with pytest.raises(RecordError, match=r"bad\.json.*delete it"):
        Records(Path("results"))


def test_a_digest_never_becomes_a_path(workdir):
    """A record comes from a file: what it calls a digest is looked at before a file is opened by it."""
    make("extract", outputs=["results/a.csv"])
    path = Path("results/provenance/extract/x.json")
    path.write_text(json.dumps(json.loads(path.read_text()) | {"config": "../../../secret"}))
    records = Records(Path("results"))
    with pytest.raises(RecordError, match="not the sha256"):
        records.config_of(records.records[0])


def test_a_foreign_png_or_pdf_is_refused_where_it_claims_to_be_ours(workdir):
    """The text is read as JSON and checked, nothing else is done with it."""
    info = PngInfo()
    info.add_text("codesign", "__import__('os')")
    Image.new("L", (2, 2)).save("f.png", pnginfo=info)
    with pytest.raises(RecordError, match=r"f\.png"):
        read_stamp(Path("f.png"))


def test_packages_are_those_the_code_imports_with_their_versions():
    """Not what else is loaded, as in a warm process; the names of the metadata folders say what they say."""
    import xdist  # noqa: F401  nothing of the library's

    found = imported_packages()["packages"]
    assert "matplotlib" in found and "pytest-xdist" not in found
    assert all(metadata.version(name) == version for name, version in found.items())


def _git(folder: Path, *arguments: str) -> str:
    identity = {"GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@b", "GIT_COMMITTER_NAME": "a"}
    return subprocess.run(
        ["git", *arguments],
        cwd=folder,
        env=os.environ | identity | {"GIT_COMMITTER_EMAIL": "a@b"},
        check=True,
        capture_output=True,
        text=True,
    ).stdout.strip()


@pytest.mark.skipif(not (ROOT / ".git").exists(), reason="not a git checkout")
def test_a_job_says_the_commit_of_the_library(workdir):
    """Which is the folder that holds the package, not one inside it."""
    with recorded(job("draw")):
        assert stamp()["commit"] == _git(ROOT, "rev-parse", "HEAD")


def test_the_commit_is_that_of_the_checkout_itself(tmp_path):
    """With its changes told; a folder inside somebody else's checkout has none."""
    inside = tmp_path / "inside"
    inside.mkdir()
    (inside / "a.py").write_text("1")
    assert commit_of(tmp_path) == ("", False)
    _git(tmp_path, "init", "-q")
    _git(tmp_path, "add", ".")
    _git(tmp_path, "commit", "-q", "-m", "first")
    head = _git(tmp_path, "rev-parse", "HEAD")
    assert commit_of(tmp_path) == (head, False)
    assert commit_of(inside) == ("", False)
    (inside / "a.py").write_text("2")
    assert commit_of(tmp_path) == (head, True)
