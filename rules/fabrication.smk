"""Usability table to the next devices to make; the loop closed on the virtual laboratory.

in   results/{lab}usability.parquet                                 a row a device
out  results/{lab}fabrication/proposals.csv, .parquet, card.json    next conditions and why
     results/virtual_lab/campaign/{strategy}/{repeats}.parquet      closed-loop searches, repeats_per_job of them
     results/virtual_lab/campaign.parquet, .csv                     all of them; best-so-far bands
"""


include: "functions/fabrication.smk"


rule propose_devices:
    input:
        usability="results/{lab}usability.parquet",
    output:
        proposals="results/{lab}fabrication/proposals.csv",
        table="results/{lab}fabrication/proposals.parquet",
        card="results/{lab}fabrication/card.json",
    log:
        "results/logs/propose_devices/{lab}proposals.log",
    priority: CARD_FIRST
    conda:
        "../envs/science.yaml"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=20,
    params:
        fabrication=fabrication_here,
        seed=config["seed"],
        code=code_digest("propose_devices.py"),
    message:
        "Propose the next devices to make"
    script:
        "../workflow_scripts/propose_devices.py"


rule run_campaign:
    output:
        evaluations="results/virtual_lab/campaign/{strategy}/{repeats}.parquet",
    log:
        "results/logs/run_campaign/{strategy}-{repeats}.log",
    conda:
        "../envs/science.yaml"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=60,
    params:
        repeats=repeats_of_job,
        evaluations=config["campaign"]["evaluations"],
        fabrication=fabrication_of_lab("virtual_lab/"),
        virtual_lab=config["virtual_lab"],
        extraction=config["extraction"],
        seed=config["seed"],
        code=code_digest("run_campaign.py"),
    message:
        "Search landscape {wildcards.repeats} ({wildcards.strategy})"
    script:
        "../workflow_scripts/run_campaign.py"


rule tabulate_campaign:
    input:
        evaluations=campaign_runs(),
    output:
        table="results/virtual_lab/campaign.parquet",
        csv="results/virtual_lab/campaign.csv",
    log:
        "results/logs/tabulate_campaign.log",
    conda:
        "../envs/science.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        code=code_digest("tabulate_campaign.py"),
    message:
        "Summarise the campaign"
    script:
        "../workflow_scripts/tabulate_campaign.py"
