"""What a sidecar says reaches the measurement, and a changed one imports its files once more."""

from codesign.iv.measurement import read_measurement

ROWS = "0,0\n0.5,1\n1,2\n0.5,1\n0,0\n"


def test_a_changed_sidecar_of_a_folder_imports_its_files_and_no_more(project):
    """Those with a sidecar of their own, too; a file's own sidecar imports that file alone."""
    raw = project.folder / "data/raw"
    raw.mkdir(parents=True, exist_ok=True)
    for name in ("a", "b"):
        (raw / f"{name}.csv").write_text(f"AI0,AI1\n{ROWS}")
    of_folder = (
        "mapping: daq\nmappings: {daq: {columns: {voltage: AI0, current: AI1}, current_scale: 1e-3}}\n"
    )
    (raw / "folder.meta.yaml").write_text(of_folder)

    def imported() -> set[str]:
        """Devices whose files the next run writes; all of them are one job's."""
        paths = {name: project.folder / f"data/iv/{name}.parquet" for name in "ab"}
        before = {name: path.stat().st_mtime_ns if path.exists() else 0 for name, path in paths.items()}
        assert project.done("import_raw") == {"import_measurements": 1}
        return {name for name, path in paths.items() if path.stat().st_mtime_ns != before[name]}

    assert imported() == {"a", "b"}
    assert project.scheduled("import_raw") == {}
    (raw / "b.meta.yaml").write_text("current_scale: 1e-6\n")
    assert imported() == {"b"}
    (raw / "folder.meta.yaml").write_text(of_folder.replace("1e-3", "1e-9"))
    assert imported() == {"a", "b"}
    largest = {
        name: read_measurement(project.folder / f"data/iv/{name}.parquet").current.max() for name in "ab"
    }
    assert largest == {"a": 2e-9, "b": 2e-6}
    (raw / "devices.csv").write_text("file,length_um\na,2\n")
    assert imported() == {"a"}
    (raw / "devices.csv").write_text("file,length_um\nlater,7\na,2\n")
    assert project.scheduled("import_raw") == {}
    (raw / "folder.meta.yaml").unlink()
    assert project.scheduled("import_raw") == {"import_measurements": 1}
