"""What the rules of rules/measurements.smk ask of the configuration and of each other."""

import time
from dataclasses import dataclass
from functools import cache

from codesign.files import trouble_with
from codesign.iv.importers.device_list import row_digest
from codesign.iv.imports import Source, waiting

IMPORTERS = "codesign.iv.importers"
"""Package of the importers: said by a job that loads none of them by name."""
IMPORT_RECORDS = Path("results/imports")
"""What each canonical file was made from."""
FILES_A_JOB = 64  # instrument files that one process imports
NOW = time.time()


def as_inputs(paths):
    """Those of some files that Snakemake can take as inputs of a job; the job reads the others all the same.

    It ends a run for what is not there, and for an output that is older than what it was made from. A folder or a
    link to nothing that is called like a measurement is to be a row with a reason, though, and a file whose date lies
    ahead, as an instrument with a wrong clock writes it, is as good as any. Digests of the contents among the
    parameters see to it that no change goes unnoticed.
    """
    return [
        path
        for path in paths
        if not path.startswith("data/")
        or path in IMPORTED
        or not (trouble_with(path) or is_dated_ahead(path))
    ]


def besides(paths):
    """Files that a job reads although they are not among its inputs."""
    return sorted({*paths} - {*as_inputs(paths)})


@cache
def is_dated_ahead(path):
    """Whether a file says that it was changed minutes after this run began."""
    return Path(path).stat().st_mtime > NOW + 60


def canonical_file(lab, device):
    """The canonical file of a measured or virtual device."""
    return f"{'results/virtual_lab/iv' if lab else 'data/iv'}/{device}.parquet"


def imported_sweeps():
    """Canonical files of every instrument file in data/raw."""
    return [canonical_file("", device) for device in sorted(FOUND.raw)]


def virtual_sweeps():
    """Canonical files of the virtual laboratory."""
    return [canonical_file("virtual_lab/", device) for device in DEVICES["virtual_lab/"]]


def sweeps_of_device(wildcards):
    """The canonical file of one device, where Snakemake can take it; see `as_inputs`."""
    return as_inputs([canonical_file(wildcards.lab, wildcards.device)])


def sweeps_read(wildcards):
    """The canonical file of one device."""
    return canonical_file(wildcards.lab, wildcards.device)


def sweeps_besides(wildcards):
    """The canonical file of one device where it is none of its job's inputs."""
    return besides([sweeps_read(wildcards)])


def sweeps_digest(wildcards):
    """Digest of a measurement's content; '' before it is made.

    Snakemake compares contents only where a file is newer than what was made of it; a measurement
    that is replaced by an older file, or while a job reads it, would go unnoticed. No argument
    `input`: a parameter that has it does not count as a reason to run again.
    """
    return content_digest([sweeps_read(wildcards)])


def import_code(files):
    """Digest of an import: the importers of its file's suffix count, and no others."""
    modules = [
        each.module
        for suffix in sorted({Path(file).suffix for file in files})
        for each in importers_of(suffix)
    ]
    return code_digest("import_measurements.py", modules=modules or [IMPORTERS])


def read_for(device):
    """Everything that the import of a device reads."""
    return [
        *FOUND.raw[device],
        *FOUND.sidecars.get(device, []),
        *FOUND.conditions,
        *FOUND.device_lists,
    ]


def import_source(device):
    """What a device is imported from."""
    settings = "strict" if config["measurements"]["strict"] else ""
    files = FOUND.raw[device]
    whole = [path for path in read_for(device) if path not in FOUND.device_lists]
    digests = [content_digest([path]) for path in whole]
    listed = row_digest(Path(files[0]))  # not the list's: a row of another file imports nothing
    schema = content_digest([FOLDER / "schemas/measurement.schema.yaml"])  # of sidecars
    made_from = " ".join(filter(None, [*digests, listed, import_code(files), schema, settings]))
    return Source(device, tuple(files), made_from)


@dataclass(frozen=True)
class Imports:
    """Instrument files that one process imports: those of a chunk of devices that wait for it."""

    chunk: str
    waiting: tuple

    @property
    def rule(self):
        """Name of the rule; one a chunk of devices."""
        return "import_measurements" if self.chunk == WHOLE else f"import_measurements_{self.chunk}"

    @property
    def devices(self):
        """Device ids."""
        return [source.device for source in self.waiting]

    @property
    def made_from(self):
        """What each device is made from, for the record."""
        return {source.device: source.made_from for source in self.waiting}

    @property
    def read(self):
        """Everything that the job reads."""
        return sorted({path for device in self.devices for path in read_for(device)})

    @property
    def record(self):
        """Where the job leaves what it made from what. It is no output: a new name would have no history."""
        told = json.dumps(self.made_from, sort_keys=True).encode()
        return f"{IMPORT_RECORDS}/{hashlib.sha256(told).hexdigest()[:16]}.json"

    @property
    def message(self):
        """What Snakemake says of the job."""
        return f"Import {self.devices[0]}" + (
            f" and {len(self.devices) - 1} more" if self.devices[1:] else ""
        )


def imports_together():
    """Instrument files to import, many a job; a file that was imported already is in none of them."""
    sources = {device: import_source(device) for device in sorted(FOUND.raw)}
    late = {
        source.device
        for source in waiting(sources.values(), iv=Path("data/iv"), records=IMPORT_RECORDS)
    }
    found = []
    for chunk, devices in chunks(sources, devices_per_job=FILES_A_JOB).items():
        mine = tuple(sources[device] for device in devices if device in late)
        if mine:
            found.append(Imports(chunk, mine))
    return found


IMPORTS = imports_together()
IMPORTED = {canonical_file("", device) for imports in IMPORTS for device in imports.devices}
"""Canonical files that this run makes."""
