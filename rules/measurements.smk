"""Instrument files to canonical measurements; the virtual laboratory.

in   data/raw/*                                one instrument file a device, NAME.meta.yaml beside it;
                                               folder.meta.yaml and a workbook of conditions for all
out  data/iv/{device}.parquet                  V and A; a refused file is kept with its reason
     results/imports/{digest}.json             what was made from what
     results/virtual_lab/iv/{device}.parquet   synthetic devices, labelled
"""


include: "functions/measurements.smk"


# One process imports many files, and of them those alone that something has changed of: which those are, the records of
# earlier imports say. A job a file would take ten times as long to start as to run.
for IMPORTS_OF_CHUNK in IMPORTS:

    rule:
        name:
            IMPORTS_OF_CHUNK.rule
        input:
            as_inputs(IMPORTS_OF_CHUNK.read),
        output:
            sweeps=[canonical_file("", device) for device in IMPORTS_OF_CHUNK.devices],
        log:
            f"results/logs/import_measurements/{IMPORTS_OF_CHUNK.chunk}.log",
        priority: CARD_FIRST
        conda:
            "../envs/science.yaml"
        threads: 1
        resources:
            mem_mb=two_gigabytes,
            runtime=ten_minutes,
        params:
            raw={device: FOUND.raw[device] for device in IMPORTS_OF_CHUNK.devices},
            conditions=FOUND.conditions,
            strict=config["measurements"]["strict"],
            made_from=IMPORTS_OF_CHUNK.made_from,
            record=IMPORTS_OF_CHUNK.record,
            besides=besides(IMPORTS_OF_CHUNK.read),
        message:
            IMPORTS_OF_CHUNK.message
        script:
            "../workflow_scripts/import_measurements.py"


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
        space=fabrication_of_lab("virtual_lab/")["space"],
        start=fabrication_of_lab("virtual_lab/")["start"],
        seed=config["seed"],
        code=code_digest("make_virtual_devices.py"),
    message:
        "Make the devices of the virtual laboratory"
    script:
        "../workflow_scripts/make_virtual_devices.py"
