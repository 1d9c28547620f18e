"""Which instrument files wait to be imported: those whose content, sidecar, conditions or importer changed.

Many files are imported by one job, and a job makes only what waits. So that one new file is
imported alone, every job leaves a record of what it made from what. Whether a job that waits runs is up to
Snakemake, which compares what it was told the last time.
"""

import json
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from codesign.files import replacing


@dataclass(frozen=True)
class Source:
    """What one device is imported from."""

    device: str
    raw: tuple[str, ...]
    """Instrument files with this device id: one, or several that will be refused."""
    made_from: str
    """Digest of everything that decides the canonical file: contents, settings, code."""


def waiting(sources: Iterable[Source], *, iv: Path, records: Path) -> list[Source]:
    """Those without a canonical file that was made from what is there now, in the order given.

    Args:
        sources: Every device with an instrument file.
        iv: Folder of canonical files.
        records: Folder of the records of earlier imports; it need not exist.
    """
    made = read_records(records)
    return [
        source
        for source in sources
        if made.get(source.device) != source.made_from or not (iv / f"{source.device}.parquet").is_file()
    ]


def read_records(folder: Path) -> dict[str, str]:
    """What every device was last made from, by device id. A record that cannot be read counts as none."""
    last: dict[str, tuple[int, str]] = {}
    for path in sorted(folder.glob("*.json")):
        try:
            stored = json.loads(path.read_text(encoding="utf-8"))
            at, made = int(stored["at"]), dict(stored["made_from"])
        except (OSError, ValueError, KeyError, TypeError, RecursionError):
            continue
        for device, made_from in made.items():
            last[device] = max(last.get(device, (0, "")), (at, str(made_from)))
    return {device: made_from for device, (_, made_from) in last.items()}


def write_record(made_from: Mapping[str, str], path: Path) -> None:
    """Note what devices were made from; the latest note on a device counts."""
    stored = {"at": time.time_ns(), "made_from": dict(made_from)}
    with replacing(path) as temporary:
        temporary.write_text(json.dumps(stored, indent=1, sort_keys=True) + "\n", encoding="utf-8")
