"""Conditions of other names: where they are written, what of them is kept, and what the check says."""

import json
import shutil
from pathlib import Path

import pytest

from codesign.iv.__main__ import main
from codesign.iv.check import check_file, check_files
from codesign.iv.conditions import PAPERS, read_varied
from codesign.iv.importers import ImportRefused, import_file
from codesign.iv.importers.device_list import read_device_list
from codesign.iv.measurement import MeasurementError, Metadata, read_measurement, write_measurement
from codesign.nonideality.branch import Extraction
from codesign.nonideality.device import extract
from codesign.seeds import generator
from codesign.settings import SettingsError
from codesign.yaml_text import read_yaml

ROOT = Path(__file__).resolve().parents[3]
OXIDES = ROOT / "docs/examples/oxides/oxides.yaml"
SWEEP = (
    "voltage (V),current_cycle1 (A),current_cycle2 (A)\n0,0,0\n1,1e-6,2e-6\n2,3e-6,4e-6\n1,2e-6,3e-6\n0,0,0\n"
)


def sweep(folder, *names):
    for name in names:
        (folder / name).write_text(SWEEP, encoding="utf-8")


def conditions_of(path):
    return import_file(path, device=path.stem).metadata.conditions


def varied():
    return read_varied([ROOT / "config.yaml", OXIDES])


def test_sidecars_and_the_list_say_conditions_key_by_key(tmp_path):
    """Folder, list, the file's own sidecar: the later goes first, condition by condition."""
    sweep(tmp_path, "a.csv", "b.csv")
    (tmp_path / "folder.meta.yaml").write_text("conditions: {oxide: HfO2, anneal_c: 400, lab: A}\n")
    (tmp_path / "devices.csv").write_text("file,oxide,thickness_nm\na,TaOx,5\nb,,8\n")
    (tmp_path / "a.meta.yaml").write_text("conditions: {thickness_nm: 6.5}\n")
    assert conditions_of(tmp_path / "a.csv") == {
        "oxide": "TaOx", "anneal_c": 400, "lab": "A", "thickness_nm": 6.5,
    }  # fmt: skip
    b = import_file(tmp_path / "b.csv", device="b").metadata
    assert b.conditions == {"oxide": "HfO2", "anneal_c": 400, "lab": "A", "thickness_nm": "8"}
    assert not any("file name says" in note for note in b.notes)


@pytest.mark.parametrize(
    ("own", "of_folder", "listed", "known"),
    [
        ("conditions: {oxide: HfO2, anneal_c: null}", None, None, {"oxide": "HfO2"}),
        ("conditions: {anneal_c: null}", None, None, {}),
        (None, "conditions: {anneal_c: , oxide: HfO2}", None, {"oxide": "HfO2"}),
        ("conditions: {anneal_c: 400}", "conditions: {anneal_c: null}", None, {"anneal_c": 400}),
        ("conditions: {anneal_c: null}", "conditions: {anneal_c: 400, oxide: TiO2}", None, {"oxide": "TiO2"}),
        ("conditions: {anneal_c: null}", None, "file,anneal_c,oxide\na,300,HfO2\n", {"oxide": "HfO2"}),
        (None, "conditions: {oxide: TiO2}\nmapping: m\nmappings: {m: {conditions: {oxide: null}}}", None, {}),
    ],
    ids=[
        "one of two",
        "alone",
        "folder",
        "own over folder",
        "takes off the folder's",
        "the list's",
        "mapping",
    ],
)
def test_null_is_a_condition_that_is_not_known(tmp_path, own, of_folder, listed, known):
    """A person leaves the line of a template empty, as a cell of the list is left empty."""
    sweep(tmp_path, "a.csv")
    for name, text in (("a.meta.yaml", own), ("folder.meta.yaml", of_folder), ("devices.csv", listed)):
        if text is not None:
            (tmp_path / name).write_text(text + "\n", encoding="utf-8")
    assert conditions_of(tmp_path / "a.csv") == known
    assert [f.level for f in check_file(tmp_path / "a.csv", varied=varied()) if f.where == "conditions"] == [
        "warning"
    ]


def test_a_condition_that_is_not_known_has_a_proper_name_too(tmp_path):
    """A misspelt name is told, whatever stands behind it."""
    sweep(tmp_path, "a.csv")
    (tmp_path / "a.meta.yaml").write_text("conditions: {Anneal C: null}\n")
    with pytest.raises(ImportRefused, match="Anneal C"):
        import_file(tmp_path / "a.csv", device="a")


def test_columns_of_the_list_are_conditions_and_stay_as_typed(tmp_path):
    """Names in small letters, decimal commas as points; a long remark is kept, but is no condition."""
    remark = "x" * 501
    text = f"file;Top electrode;Anneal-C;thickness_nm;remark;n°\na;Pt;400;1,5;{remark};2\n"
    (tmp_path / "devices.csv").write_text(text, encoding="utf-8")
    row = read_device_list(tmp_path / "devices.csv").rows["a"]
    assert row.conditions == {"top_electrode": "Pt", "anneal_c": "400", "thickness_nm": "1.5"}
    assert row.other["thickness_nm"] == "1,5" and row.other["remark"] == remark and row.other["n°"] == "2"
    sweep(tmp_path, "a.csv")
    assert conditions_of(tmp_path / "a.csv") == row.conditions


def test_two_columns_of_one_condition_are_refused(tmp_path):
    """Which of them counts, nobody can tell."""
    sweep(tmp_path, "a.csv")
    (tmp_path / "devices.csv").write_text("file,oxide,Oxide\na,HfO2,TaOx\n")
    with pytest.raises(ImportRefused, match="column Oxide stands twice"):
        import_file(tmp_path / "a.csv", device="a")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("conditions: {ag_nm: 5}", r"conditions\.ag_nm: not a name here .*keys of their own"),
        ("conditions: {Oxide: HfO2}", r"conditions\.Oxide: not a name here"),
        ("conditions: {oxide: yes}", r"conditions\.oxide: found true; must be of type string or number"),
        ("conditions: {oxide: [HfO2]}", r"conditions\.oxide: found \[.*text or number"),
        ("conditions: HfO2", r"conditions: found .*must be of type object"),
    ],
)
def test_a_sidecar_says_a_condition_by_name_and_value(tmp_path, text, message):
    """The five have keys of their own; what YAML reads as true or a list is no value."""
    sweep(tmp_path, "a.csv")
    (tmp_path / "a.meta.yaml").write_text(text + "\n")
    with pytest.raises(ImportRefused, match=message):
        import_file(tmp_path / "a.csv", device="a")


def test_the_canonical_file_and_the_row_keep_them(tmp_path):
    """As they were said; a file without any is what it always was."""
    sweep(tmp_path, "a.csv")
    plain = import_file(tmp_path / "a.csv", device="a")
    assert "conditions" not in plain.metadata.to_json()
    (tmp_path / "a.meta.yaml").write_text("conditions: {oxide: HfO2, thickness_nm: 5}\n")
    write_measurement(import_file(tmp_path / "a.csv", device="a"), tmp_path / "a.parquet")
    measurement = read_measurement(tmp_path / "a.parquet")
    assert measurement.metadata.conditions == {"oxide": "HfO2", "thickness_nm": 5}
    settings = Extraction(**read_yaml(ROOT / "config.yaml")["extraction"] | {"bootstrap": 20})
    row = extract(measurement, settings, generator(1))
    assert json.loads(row["conditions"]) == {"oxide": "HfO2", "thickness_nm": 5}
    assert extract(plain, settings, generator(1))["conditions"] == ""


@pytest.mark.parametrize(
    "conditions",
    [
        {"Oxide": "a"},
        {"ag_nm": 5},
        {"a": True},
        {"a": float("nan")},
        {"a": "x\n"},
        {"a": ""},
        {"a": []},
        [],
        None,
    ],
)
def test_metadata_take_texts_and_numbers_under_names(conditions):
    """Anything else in a canonical file is refused."""
    with pytest.raises(MeasurementError, match="condition"):
        Metadata(device="a", conditions=conditions)


def test_the_check_names_own_conditions(tmp_path):
    """Missing ones and where to write them, misfits and their value, a level nearly written, a column."""
    sweep(tmp_path, "a.csv", "b.csv", "c.csv")
    (tmp_path / "devices.csv").write_text(
        "file,oxide,thicknes_nm,anneal_c,top_electrode\na,HfO2,5,hot,TiN\nb,HfO,5,400,Pt\nc,HfO2,5,400,Pt\n"
    )
    for name in "ab":
        (tmp_path / f"{name}.meta.yaml").write_text("conditions: {thickness_nm: 5}\n")
    files = sorted(tmp_path.iterdir())
    found = {(Path(f.file).name, f.where): f for f in check_files(files, varied=varied())}
    missing = found["c.csv", "conditions"]
    assert missing.what.startswith("not known: thickness_nm; the device gets its usability")
    assert missing.remedy == "write thickness_nm into its row of devices.csv"
    assert found["a.csv", "anneal_c"].what.startswith(
        "'hot' is no number; the device gets its usability, but does not count"
    )
    assert found["b.csv", "oxide"].what.startswith("'HfO' is none of HfO2, TaOx (did you mean HfO2?)")
    assert found["devices.csv", "column thicknes_nm"].remedy == "call it thickness_nm, if it is that"
    assert ("a.csv", "conditions") not in found and ("b.csv", "conditions") not in found
    [papers] = [f for f in check_file(tmp_path / "c.csv") if f.where == "conditions"]
    assert papers.what.startswith("not known: perovskite, length_um, diameter_nm, pb_min, ag_nm;")


def test_the_command_reads_the_configuration_of_the_working_folder(tmp_path, monkeypatch, capsys):
    """config.yaml where it is there, files of --config on top; a template has columns of its variables."""
    raw = tmp_path / "raw"
    raw.mkdir()
    sweep(raw, "a.csv")
    monkeypatch.chdir(tmp_path)
    assert main(["check", str(raw)]) == 0
    assert "not known: perovskite, length_um" in capsys.readouterr().out
    shutil.copy(ROOT / "config.yaml", tmp_path)
    shutil.copy(OXIDES, tmp_path)
    assert main(["check", str(raw)]) == 0
    assert "not known: perovskite, length_um" in capsys.readouterr().out
    assert main(["check", str(raw), "--config", "oxides.yaml", "--template"]) == 0
    assert "not known: oxide, thickness_nm, anneal_c, top_electrode;" in capsys.readouterr().out
    header = (raw / "devices.csv").read_text(encoding="utf-8").splitlines()[0]
    assert header == "file,oxide,thickness_nm,anneal_c,top_electrode,compliance_a,measured_at"
    (tmp_path / "broken.yaml").write_text("fabrication: {variables: {oxide: {kind: word}}}\n")
    assert main(["check", str(raw), "--config", "broken.yaml"]) == 2
    assert "broken.yaml: fabrication.variables" in capsys.readouterr().err
    assert main(["check", str(raw), "--config", "absent.yaml"]) == 2


def test_configurations_are_laid_on_top_of_each_other(tmp_path):
    """As the workflow does it: null takes off, a part of a variable changes that part alone."""
    (tmp_path / "more.yaml").write_text("fabrication: {variables: {oxide: {label: film}, pb_min: null}}\n")
    found = read_varied([ROOT / "config.yaml", OXIDES, tmp_path / "more.yaml"])
    assert found.variables.names == ("oxide", "thickness_nm", "anneal_c", "top_electrode")
    assert found.variables["oxide"].label == "film" and found.space["oxide"] == ["HfO2", "TaOx"]
    assert read_varied([]).variables == PAPERS.variables
    (tmp_path / "list.yaml").write_text("fabrication: {variables: {oxide: HfO2}}\n")
    with pytest.raises(SettingsError, match=r"list\.yaml: fabrication\.variables"):
        read_varied([tmp_path / "list.yaml"])
