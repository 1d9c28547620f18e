"""Which measurements a laboratory's folders hold."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from codesign.iv.formats import raw_suffixes
from codesign.iv.names import (
    DEVICE_LISTS,
    LONGEST_ID,
    device_id,
    device_lists_of,
    is_conditions_workbook,
    is_device_id,
    is_device_list,
    is_raw_file,
    sidecars_of,
)


class DiscoveryError(ValueError):
    """A file cannot be taken as it is called: two claim one device, or its name can be no device's."""


@dataclass(frozen=True)
class Found:
    """Measurements found, every list in name order."""

    devices: list[str]
    """Ids of every device, imported or waiting to be."""
    raw: dict[str, list[str]]
    """Instrument files by device id; more than one is an error of the import."""
    sidecars: dict[str, list[str]]
    """`folder.meta.yaml` and `NAME.meta.yaml` by device id, where they are."""
    conditions: list[str]
    """Conditions workbooks."""
    device_lists: list[str]
    """Lists of devices, `devices.csv` and `devices.xlsx`, as far as they are there."""


def find_measurements(*, iv: Path, raw: Path) -> Found:
    """List what lies in the folder of canonical files and in that of instrument files.

    A folder, a broken link or a pipe that is called like a measurement counts, too: reading it will say
    what it is, in the row of its device.

    Args:
        iv: Folder of `{device}.parquet`; it need not exist.
        raw: Folder of instrument files; it need not exist.

    Raises:
        DiscoveryError: A canonical file and an instrument file have one device id, and
            the canonical file was not imported from that instrument file; or a name is
            not printable or holds a brace, or that of a canonical file is no device id.
    """
    names = sorted(path.name for path in raw.iterdir()) if raw.is_dir() else []
    instrument: dict[str, list[str]] = {}
    for name in names:
        if is_raw_file(name) or is_conditions_workbook(name):
            _check_name(raw / name)
        if is_raw_file(name):
            instrument.setdefault(device_id(name), []).append(str(raw / name))
    canonical = sorted(path.stem for path in iv.glob("*.parquet") if not path.name.startswith("."))
    for device in canonical:
        _check_id(iv / f"{device}.parquet")
        if device in instrument:
            _check_origin(iv / f"{device}.parquet", instrument[device])
    sidecars = {
        device: list(dict.fromkeys(str(path) for file in files for path in sidecars_of(Path(file))))
        for device, files in instrument.items()
    }
    return Found(
        devices=sorted({*canonical, *instrument}),
        raw=instrument,
        sidecars=sidecars,
        conditions=[
            str(raw / name) for name in names if is_conditions_workbook(name) and not (raw / name).is_dir()
        ],
        device_lists=[str(path) for path in device_lists_of(raw / "any")],
    )


DOCUMENTS = (
    ".md",
    ".pdf",
    ".doc",
    ".docx",
    ".pptx",
    ".html",
    ".png",
    ".jpg",
    ".jpeg",
    ".svg",
    ".yaml",
    ".yml",
)
"""Suffixes of what people keep beside measurements and nobody takes for one."""


@dataclass(frozen=True)
class LeftOut:
    """A file in a laboratory's folders that could be meant as a measurement and that no run reads."""

    path: Path
    why: str
    remedy: str


def find_left_out(*, iv: Path, raw: Path) -> list[LeftOut]:
    """Files that look like measurements, or belong to one, where or by what name nothing reads them.

    Args:
        iv: Folder of `{device}.parquet`; it need not exist.
        raw: Folder of instrument files; it need not exist.
    """
    return [*_left_out_of_raw(raw, iv), *_left_out_of_iv(iv, raw)]


def _left_out_of_raw(raw: Path, iv: Path) -> Iterator[LeftOut]:
    for path in _visible_below(raw):
        suffix = path.suffix.lower()
        if path.parent != raw:
            if is_raw_file(path.name) or is_device_list(path.name) or suffix == ".parquet":
                yield LeftOut(path, f"files in folders of {raw} are not read", f"move it to {raw}")
        elif suffix == ".parquet":
            yield LeftOut(path, f"a canonical file is not read in {raw}", f"move it to {iv}")
        elif path.name.lower().endswith(".meta.yml"):
            stem = path.name[: path.name.lower().rindex(".meta.")]
            yield LeftOut(path, "under this name it is no sidecar", f"call it {stem}.meta.yaml")
        elif is_device_list(path.name):
            if path.name not in DEVICE_LISTS:
                yield LeftOut(
                    path, "under this name it is no list of devices", f"call it {path.name.lower()}"
                )
        elif not is_raw_file(path.name) and not is_conditions_workbook(path.name) and is_data(path.name):
            yield LeftOut(
                path,
                f"no importer reads {path.suffix or 'a file without suffix'}",
                f"export it as one of {', '.join(raw_suffixes())}",
            )


def _left_out_of_iv(iv: Path, raw: Path) -> Iterator[LeftOut]:
    for path in _visible_below(iv):
        if path.parent != iv:
            if not any(folder.suffix == ".parquet" for folder in path.parents):
                yield LeftOut(path, f"files in folders of {iv} are not read", f"move it to {iv}")
        elif is_device_list(path.name):
            yield LeftOut(path, f"a list of devices is not read in {iv}", f"move it to {raw}")
        elif is_raw_file(path.name):
            yield LeftOut(path, f"an instrument file is not read in {iv}", f"move it to {raw}")
        elif path.suffix != ".parquet" and is_data(path.name):
            end = "call it NAME.parquet" if path.suffix.lower() == ".parquet" else f"move it to {raw}"
            yield LeftOut(path, f"only files called NAME.parquet are read in {iv}", end)


def _visible_below(folder: Path) -> list[Path]:
    """Files below a folder, in name order, but for hidden ones and locks of open workbooks."""
    found = sorted(folder.rglob("*")) if folder.is_dir() else []
    return [
        path
        for path in found
        if not path.is_dir()
        and not any(part.startswith((".", "~$")) for part in path.relative_to(folder).parts)
    ]


def is_data(name: str) -> bool:
    """Whether a file no importer reads could be a measurement: not by its suffix a document, nor a lock."""
    if name.startswith("~$"):
        return False
    return Path(name).suffix.lower() not in DOCUMENTS and Path(name).stem.upper() not in ("README", "LICENSE")


@dataclass(frozen=True)
class Copy:
    """One of several devices that come from instrument files with one content."""

    device: str
    canonical: Path | None
    """Its file in the folder of canonical files; None where it waits to be imported."""
    raw: tuple[Path, ...]
    """Its files in the folder of instrument files; empty where they are gone, as after a renaming."""

    @property
    def files(self) -> tuple[Path, ...]:
        """All of them."""
        return self.raw if self.canonical is None else (self.canonical, *self.raw)


def same_source(digests: Mapping[str, str | None]) -> list[list[str]]:
    """Devices whose instrument files have one content, each group and all groups in name order.

    Args:
        digests: sha256 of the instrument file by device id; empty or None where nobody knows it.
    """
    groups: dict[str, list[str]] = {}
    for device, digest in sorted(digests.items()):
        if digest:
            groups.setdefault(digest, []).append(device)
    return [devices for devices in groups.values() if len(devices) > 1]


def find_copies(*, iv: Path, raw: Path) -> list[list[Copy]]:
    """Groups of devices that are one measurement by the content of their instrument files.

    Args:
        iv: Folder of `{device}.parquet`; it need not exist.
        raw: Folder of instrument files; it need not exist. One that waits to be imported counts, too.
    """
    from codesign.files import sha256_of, trouble_with
    from codesign.tables import TableError, read_metadata

    instrument: dict[str, list[Path]] = {}
    for path in sorted(raw.iterdir()) if raw.is_dir() else []:
        if is_raw_file(path.name) and path.is_file():
            instrument.setdefault(device_id(path.name), []).append(path)
    canonical, digests = {}, {}
    for path in sorted(iv.glob("*.parquet")):
        if path.name.startswith("."):
            continue
        if trouble_with(path):
            continue  # reading the file will report it
        canonical[path.stem] = path
        try:
            digests[path.stem] = str(read_metadata(path).get("source_sha256") or "")
        except (TableError, OSError):
            continue  # reading the file will report it
    for device, files in instrument.items():
        if len(files) == 1 and not trouble_with(files[0]):  # several are refused as one device
            try:
                digests[device] = sha256_of(files[0])
            except OSError:
                continue
    return [
        [Copy(device, canonical.get(device), tuple(instrument.get(device, ()))) for device in devices]
        for devices in same_source(digests)
    ]


def _check_name(path: Path) -> None:
    """Refuse a name that a table cannot hold, or that Snakemake would take for another file's."""
    if not path.name.isprintable() or "{" in path.name or "}" in path.name:
        raise DiscoveryError(
            f"{path.parent}/{path.name!a}: the name holds a brace, a control sign or bytes that are no "
            "UTF-8 text. Rename the file; its content is all right."
        )


def _check_id(path: Path) -> None:
    """Refuse a canonical file whose name can be no device id."""
    if not is_device_id(path.stem):
        raise DiscoveryError(
            f"{path.parent}/{path.name!a}: the name is no device id (letters, digits, '.', '+', '_' and "
            f"'-', no '.' or '-' first, at most {LONGEST_ID} signs). Write the measurement anew with "
            f"codesign.iv.measurement.write_measurement under such an id, e.g. {device_id(path.name)}, "
            "or put its instrument file into data/raw."
        )


def _check_origin(path: Path, files: list[str]) -> None:
    """Refuse to import over a measurement that came from elsewhere."""
    from codesign.files import trouble_with
    from codesign.tables import TableError, read_metadata

    if trouble := trouble_with(path):
        raise DiscoveryError(
            f"{path} is {trouble}; remove it: {', '.join(files)} is to be imported to this place."
        )
    try:
        stored = read_metadata(path)
    except TableError:
        return  # a broken import; it can be made again from the instrument file
    if stored.get("status") == "refused":
        return  # holds no measurement
    source = stored.get("source_file", "")
    if source not in {Path(file).name for file in files}:
        raise DiscoveryError(
            f"two files have the device id {path.stem!r}: {path} (made from {source or 'an unknown file'}) "
            f"and {', '.join(files)}. Rename one of them; importing would overwrite a measurement."
        )
