"""Instrument files to canonical measurements; the virtual laboratory.

in   data/raw/*                                one instrument file a device, NAME.meta.yaml beside it;
                                               folder.meta.yaml and a workbook of conditions for all
out  data/iv/{device}.parquet                  V and A; a refused file is kept with its reason
     results/virtual_lab/iv/{device}.parquet   synthetic devices, labelled
"""


include: "functions/measurements.smk"


rule import_measurement:
    input:
        raw=raw_of_device,
        sidecar=sidecar_of_device,
        conditions=conditions_workbooks,
    output:
        sweeps="data/iv/{device}.parquet",
    log:
        "results/logs/import_measurement/{device}.log",
    priority: CARD_FIRST
    conda:
        "../envs/science.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        strict=config["measurements"]["strict"],
        sources=sources_digest,
        code=import_code,
    message:
        "Import {wildcards.device}"
    script:
        "../workflow_scripts/import_measurement.py"


rule make_virtual_devices:
    output:
        sweeps=virtual_sweeps(),
    log:
        "results/logs/make_virtual_devices.log",
    priority: CARD_FIRST
    conda:
        "../envs/science.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        virtual_lab=config["virtual_lab"],
        space=config["fabrication"]["space"],
        start=config["fabrication"]["start"],
        seed=config["seed"],
        code=code_digest("make_virtual_devices.py"),
    message:
        "Make the devices of the virtual laboratory"
    script:
        "../workflow_scripts/make_virtual_devices.py"
