"""What the rules of rules/measurements.smk ask of the configuration and of each other."""

IMPORTERS = "codesign.iv.importers"
"""Package of the importers: said by a job that loads none of them by name."""


def raw_of_device(wildcards):
    """Instrument files with this device id: one, or several that will be refused."""
    return FOUND.raw.get(wildcards.device, [f"data/raw/no-instrument-file-of-{wildcards.device}"])


def sidecar_of_device(wildcards):
    """folder.meta.yaml and NAME.meta.yaml beside the instrument file, where they are."""
    return [str(path) for file in FOUND.raw.get(wildcards.device, []) for path in sidecars_of(Path(file))]


def conditions_workbooks(wildcards):
    """Workbooks of data/raw that describe devices rather than measure one."""
    return FOUND.conditions


def imported_sweeps():
    """Canonical files of every instrument file in data/raw."""
    return expand("data/iv/{device}.parquet", device=sorted(FOUND.raw))


def virtual_sweeps():
    """Canonical files of the virtual laboratory."""
    return expand("results/virtual_lab/iv/{device}.parquet", device=DEVICES["virtual_lab/"])


def canonical_file(lab, device):
    """The canonical file of a measured or virtual device."""
    return f"{'results/virtual_lab/iv' if lab else 'data/iv'}/{device}.parquet"


def sweeps_of_device(wildcards):
    """The canonical file of one device."""
    return canonical_file(wildcards.lab, wildcards.device)


def sweeps_digest(wildcards):
    """Digest of a measurement's content; '' before it is made.

    Snakemake compares contents only where a file is newer than what was made of it; a measurement
    that is replaced by an older file, or while a job reads it, would go unnoticed. No argument
    `input`: a parameter that has it does not count as a reason to run again.
    """
    return content_digest([sweeps_of_device(wildcards)])


def import_code(wildcards):
    """Digest of an import: the importers of its file's suffix count, and no others."""
    suffixes = {Path(file).suffix for file in raw_of_device(wildcards)}
    modules = [each.module for suffix in sorted(suffixes) for each in importers_of(suffix)]
    return code_digest("import_measurement.py", modules=modules or [IMPORTERS])


def sources_digest(wildcards):
    """Digest of everything one import reads; '' where there is nothing to import."""
    sidecar, conditions = sidecar_of_device(wildcards), conditions_workbooks(wildcards)
    return content_digest([*raw_of_device(wildcards), *sidecar, *conditions])
