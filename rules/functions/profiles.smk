"""What the rules of rules/profiles.smk ask of the configuration and of each other."""


def panel_of_lab(wildcards):
    """Devices that noise is searched for; known when they are chosen."""
    return checkpoints.choose_panel.get(lab=wildcards.lab).output.panel


def levels_of_lab(wildcards):
    """Synthetic profiles; known when the panel is chosen."""
    return checkpoints.choose_panel.get(lab=wildcards.lab).output.levels


def panel_is_chosen(wildcards):
    """No file, but not before the panel is chosen.

    After a checkpoint Snakemake judges anew only the jobs that ask for it; any other job behind
    one of them would keep the reason it had before. So every job between panel and summary asks,
    and where a new device leaves the panel as it was, none of them runs.
    """
    checkpoints.choose_panel.get(lab=wildcards.lab)
    return []


def devices_of_chunk(wildcards):
    """Devices that one job takes."""
    devices_of(wildcards.lab)
    return CHUNKS[wildcards.lab][wildcards.chunk]


def sweeps_read_for_chunk(wildcards):
    """Canonical files of the devices that one job takes."""
    return [canonical_file(wildcards.lab, device) for device in devices_of_chunk(wildcards)]


def sweeps_of_chunk(wildcards):
    """Those of them that Snakemake can take; see `as_inputs`."""
    return as_inputs(sweeps_read_for_chunk(wildcards))


def sweeps_besides_chunk(wildcards):
    """Those of them that are none of the job's inputs."""
    return besides(sweeps_read_for_chunk(wildcards))


def sweeps_digest_of_chunk(wildcards):
    """Digest of the contents of `sweeps_read_for_chunk`; see `sweeps_digest`."""
    return content_digest(sweeps_read_for_chunk(wildcards))


def rows_of_chunk(wildcards):
    """Extracted rows of the devices that one job takes."""
    return expand(
        "results/{lab}devices/{device}.parquet",
        lab=wildcards.lab,
        device=devices_of_chunk(wildcards),
    )
