"""Measured sweeps to device rows and the usability table.

in   data/iv/{device}.parquet                 one self-describing file per device, V and A;
                                              virtual ones in results/virtual_lab/iv
out  results/{lab}devices/{device}.parquet    non-idealities, usability, quality counts
     results/{lab}usability.parquet, .csv     all rows (.xlsx, too); a failed device is a row with a reason
lab is empty for measured devices and virtual_lab/ for synthetic ones: the two never meet.
"""


include: "functions/devices.smk"


rule extract_nonidealities:
    input:
        sweeps=sweeps_of_device,
    output:
        device="results/{lab}devices/{device}.parquet",
    log:
        "results/logs/extract_nonidealities/{lab}{device}.log",
    priority: CARD_FIRST
    conda:
        "../envs/science.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        extraction=config["extraction"],
        strict=config["measurements"]["strict"],
        sweeps=sweeps_read,
        besides=sweeps_besides,
        seed=config["seed"],
        measured=sweeps_digest,
        code=code_digest("extract_nonidealities.py"),
    message:
        "Fit the non-idealities of {wildcards.device}"
    script:
        "../workflow_scripts/extract_nonidealities.py"


rule tabulate_usability:
    input:
        devices=device_rows,
    output:
        table="results/{lab}usability.parquet",
        csv="results/{lab}usability.csv",
        workbook="results/{lab}usability.xlsx",
    log:
        "results/logs/tabulate_usability/{lab}usability.log",
    priority: CARD_FIRST
    conda:
        "../envs/science.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        variables=variables_here,
        code=code_digest("tabulate_usability.py"),
    message:
        "Stack the device rows into {output.table}"
    script:
        "../workflow_scripts/tabulate_usability.py"
