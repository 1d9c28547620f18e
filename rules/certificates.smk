"""Trained networks to what can be promised of them.

in   results/{lab}models/{task}/{method}/weights.safetensors, spec.json  trained networks, their noise
     results/{lab}profiles/levels.parquet                                what they are programmed on
out  results/{lab}certificates/{task}/{method}.parquet                   a row a certificate and example
     results/{lab}certificates/{task}.parquet, .csv                      shares certified, where vacuous
     results/{lab}figures/certificates-{task}.pdf, .png, .csv            the same at a glance
"""


rule certify_network:
    input:
        weights="results/{lab}models/{task}/{method}/weights.safetensors",
        spec="results/{lab}models/{task}/{method}/spec.json",
        levels=levels_of_lab,
        after=panel_is_chosen,
    output:
        certificates="results/{lab}certificates/{task}/{method}.parquet",
    log:
        "results/logs/certify_network/{lab}{task}-{method}.log",
    conda:
        "../envs/science.yaml"
    threads: 1
    resources:
        gpu=gpus_of_task,
        mem_mb=memory_mb_of_task,
        runtime=minutes_of_task,
    params:
        experiment=experiment_of,
        data=data_of,
        settings=config["certificates"],
        fixed=config["training"]["fixed"],
        memsim=config["memsim"],
        seed=config["seed"],
        code=code_digest("certify_network.py"),
    message:
        "Certify {wildcards.task}, {wildcards.method}"
    script:
        "../workflow_scripts/certify_network.py"


rule tabulate_certificates:
    input:
        networks=certificates_of_task,
        after=panel_is_chosen,
    output:
        summary="results/{lab}certificates/{task}.parquet",
        csv="results/{lab}certificates/{task}.csv",
    log:
        "results/logs/tabulate_certificates/{lab}{task}.log",
    conda:
        "../envs/science.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        code=code_digest("tabulate_certificates.py"),
    message:
        "Tabulate the certificates of {wildcards.task}"
    script:
        "../workflow_scripts/tabulate_certificates.py"


rule draw_certificates:
    input:
        summary="results/{lab}certificates/{task}.parquet",
        networks=certificates_of_task,
        after=panel_is_chosen,
        levels=levels_of_lab,
    output:
        pdf="results/{lab}figures/certificates-{task}.pdf",
        png=report(
            "results/{lab}figures/certificates-{task}.png",
            caption="../report/certificates.rst",
            category=CATEGORIES["certificates"],
            labels={"figure": "certificates", "task": "{task}"},
        ),
        csv="results/{lab}figures/certificates-{task}.csv",
    log:
        "results/logs/draw_certificates/{lab}{task}.log",
    conda:
        "../envs/science.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        task=definition_of,
        code=code_digest("draw_certificates.py"),
    message:
        "Draw the certificates of {wildcards.task}"
    script:
        "../workflow_scripts/draw_certificates.py"
