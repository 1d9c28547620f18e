"""Usability table to device profiles: what networks are programmed on.

in   results/{lab}usability.parquet                   a row a device
out  results/{lab}profiles/panel.parquet              devices nearest to the requested levels, level 1: the ideal one
     results/{lab}profiles/levels.parquet             synthetic profiles along the devices' own trend
     results/{lab}profiles/devices-{chunk}.parquet    some devices, each with the ratios of its own cycles
Choosing is a checkpoint: where a new device changes neither panel nor levels, nothing that rests
on them runs again (`panel_is_chosen` says what that takes).
"""


include: "functions/profiles.smk"


checkpoint choose_panel:
    input:
        usability="results/{lab}usability.parquet",
    output:
        panel="results/{lab}profiles/panel.parquet",
        levels="results/{lab}profiles/levels.parquet",
    log:
        "results/logs/choose_panel/{lab}panel.log",
    conda:
        "../envs/science.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        panel=config["profiles"]["panel"],
        levels=config["profiles"]["synthetic"],
        panel_by=config["profiles"]["panel_by"],
        by=config["profiles"]["by"],
        min_operative_fraction=config["extraction"]["min_operative_fraction"],
        seed=config["seed"],
        code=code_digest("choose_panel.py"),
    message:
        "Choose the devices that networks are trained for"
    script:
        "../workflow_scripts/choose_panel.py"


rule profile_devices:
    input:
        sweeps=sweeps_of_chunk,
        devices=rows_of_chunk,
    output:
        profiles="results/{lab}profiles/devices-{chunk}.parquet",
    log:
        "results/logs/profile_devices/{lab}{chunk}.log",
    conda:
        "../envs/science.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        extraction=config["extraction"],
        sweeps=sweeps_read_for_chunk,
        besides=sweeps_besides_chunk,
        measured=sweeps_digest_of_chunk,
        code=code_digest("profile_devices.py"),
    message:
        "Profile devices {wildcards.chunk}"
    script:
        "../workflow_scripts/profile_devices.py"
