"""`codesign provenance FILE`: what a person is told."""

import json
import shutil
from pathlib import Path
from types import SimpleNamespace

import pyarrow as pa
import pytest

from codesign.__main__ import main
from codesign.figures.style import new_figure, save
from codesign.provenance.records import recorded
from codesign.tables import write_csv, write_table

SCHEMA = pa.schema([pa.field("a", pa.int32())])


def job(rule, *, inputs=(), outputs=(), config=None):
    """What Snakemake gives a script."""
    return SimpleNamespace(
        rule=rule,
        wildcards={"device": "d-1"},
        params={"code": "0123456789abcdef"},
        input=list(inputs),
        output=list(outputs),
        log=[f"results/logs/{rule}/d-1.log"],
        config=config or {"seed": 1},
    )


@pytest.fixture
def made(tmp_path, monkeypatch):
    """A measurement, a table made from it, and a figure and a CSV made from the table."""
    monkeypatch.chdir(tmp_path)
    Path("data/iv").mkdir(parents=True)
    write_table([{"a": 0}], "data/iv/d-1.parquet", schema=SCHEMA, metadata={"source_file": "x.csv"})
    table = "results/table.parquet"
    with recorded(job("tabulate", inputs=["data/iv/d-1.parquet"], outputs=[table])):
        write_table([{"a": 1}], table, schema=SCHEMA, metadata={"data": {"dataset": "two moons"}})
    names = [f"results/figure.{suffix}" for suffix in ("pdf", "png", "svg", "csv")]
    with recorded(job("draw", inputs=[table], outputs=names, config={"seed": 2})):
        save(new_figure(30, 20), *names[:3])
        write_csv([{"a": 1}], names[3])
    return tmp_path


@pytest.mark.parametrize("name", ["table.parquet", "figure.pdf", "figure.png", "figure.svg", "figure.csv"])
def test_every_kind_of_file_names_what_it_was_made_from(made, name, capsys):
    """Configuration, commit, packages, inputs with checksums, down to the measurement."""
    assert main(["provenance", f"results/{name}"]) == 0
    said = " ".join(capsys.readouterr().out.split())  # whatever the line breaks
    for words in ("configuration", "commit", "code", "0123456789abcdef", "Python 3", "codesign ", "sha256"):
        assert words in said
    assert "data/iv/d-1.parquet" in said


def test_a_table_says_what_is_written_in_it_too(made, capsys):
    """Where the examples came from stands in the file itself."""
    assert main(["provenance", "results/table.parquet"]) == 0
    assert "two moons" in capsys.readouterr().out


def test_jobs_on_the_way_with_another_configuration_are_told(made, capsys):
    """The table was made before the configuration changed; a reader of the figure must know."""
    assert main(["provenance", "results/figure.png"]) == 0
    said = capsys.readouterr().out
    assert "jobs behind   1" in said and "some with" in said and "tabulate" in said


def test_a_figure_sent_elsewhere_still_knows(made, tmp_path_factory, capsys, monkeypatch):
    """No results folder is at hand: what it carries along is enough."""
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    for suffix in ("png", "pdf", "svg"):
        shutil.copy(made / f"results/figure.{suffix}", elsewhere / f"sent.{suffix}")
    monkeypatch.chdir(elsewhere)
    assert main(["provenance", "sent.png", "sent.pdf", "sent.svg"]) == 0
    said = capsys.readouterr().out
    assert (
        said.count("carries along") == 3
        and "matplotlib " in " ".join(said.split())
        and "results/table.parquet" in said
    )


def test_a_copy_of_a_table_is_known_where_the_records_are(made, tmp_path_factory, capsys):
    """By its content, whatever it is called."""
    copy = tmp_path_factory.mktemp("elsewhere") / "renamed.csv"
    shutil.copy("results/figure.csv", copy)
    assert main(["provenance", str(copy), "--results", "results"]) == 0
    said = capsys.readouterr().out
    assert "results/figure.csv" in said


@pytest.mark.parametrize(
    ("change", "words"),
    [
        pytest.param(lambda path: path.write_text("a\n2\n"), "other bytes", id="edited"),
        pytest.param(lambda path: path.rename("results/new.csv").write_text("x"), "no record", id="unknown"),
    ],
)
def test_a_file_of_other_bytes_never_borrows_a_record(made, change, words, capsys):
    """A number edited by hand is not what the job wrote."""
    path = Path("results/figure.csv")
    change(path)
    asked = path if path.exists() else Path("results/new.csv")
    assert main(["provenance", str(asked)]) == 1
    said = capsys.readouterr().out
    assert words in said and "configuration" not in said


def test_a_program_reads_all_of_it(made, capsys):
    """`--json`: job, environment, ancestors."""
    assert main(["provenance", "--json", "results/figure.pdf"]) == 0
    [told] = json.loads(capsys.readouterr().out)
    assert told["job"]["rule"] == "draw" and told["behind"][0]["rule"] == "tabulate"
    assert list(told["given"]) == ["data/iv/d-1.parquet"]


def test_a_file_that_is_not_there_and_a_broken_record_are_errors(made, capsys):
    """Status 2 and a message that names the file."""
    assert main(["provenance", "nothing.csv"]) == 2
    Path("results/provenance/draw/d-1.json").write_text("{")
    assert main(["provenance", "results/table.parquet"]) == 2
    said = capsys.readouterr().err
    assert "nothing.csv" in said and "d-1.json" in said


def test_names_cannot_steer_the_terminal(made, capsys):
    """Control characters in a path or in metadata are shown as what they are."""
    write_table([{"a": 3}], "results/t.parquet", schema=SCHEMA, metadata={"note": "\x1b[2Jgone"})
    assert main(["provenance", "results/t.parquet"]) == 1
    assert "\x1b" not in capsys.readouterr().out
