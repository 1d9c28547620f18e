"""Trained networks to what can be promised of them.

in   results/{lab}models/{experiment}/{method}/repeat-1/spec.json, weights-{aim}.safetensors  trained networks, their noise
     results/{lab}profiles/levels.parquet                                what they are programmed on
out  results/{lab}certificates/{experiment}/{method}.parquet                   a row a certificate and example
     results/{lab}certificates/{experiment}.parquet, .csv                      shares certified, where vacuous
     results/{lab}figures/certificates-{experiment}.pdf, .png, .svg, .csv            the same at a glance
"""


include: "functions/certificates.smk"


rule certify_network:
    input:
        **networks_of("{experiment}", "{method}"),
        levels=levels_of_lab,
        examples=examples_to_score,
        after=panel_is_chosen,
    output:
        certificates="results/{lab}certificates/{experiment}/{method}.parquet",
    log:
        "results/logs/certify_network/{lab}{experiment}-{method}.log",
    conda:
        "../envs/science.yaml"
    threads: 1
    resources:
        gpu=gpus_of_experiment,
        mem_mb=memory_mb_of_experiment,
        runtime=minutes_of_experiment,
    params:
        experiment=experiment_of,
        data=data_of,
        settings=config["certificates"],
        fixed=config["training"]["fixed"],
        memsim=config["memsim"],
        seed=config["seed"],
        chance=chance_of_experiment,
        code=network_code("certify_network.py", noise_module),
    message:
        "Certify {wildcards.experiment}, {wildcards.method}"
    script:
        "../workflow_scripts/certify_network.py"


rule tabulate_certificates:
    input:
        networks=certificates_of_experiment,
        after=panel_is_chosen,
    output:
        summary="results/{lab}certificates/{experiment}.parquet",
        csv="results/{lab}certificates/{experiment}.csv",
    log:
        "results/logs/tabulate_certificates/{lab}{experiment}.log",
    conda:
        "../envs/science.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        code=code_digest("tabulate_certificates.py"),
    message:
        "Tabulate the certificates of {wildcards.experiment}"
    script:
        "../workflow_scripts/tabulate_certificates.py"


rule draw_certificates:
    input:
        summary="results/{lab}certificates/{experiment}.parquet",
        networks=certificates_of_experiment,
        after=panel_is_chosen,
        levels=levels_of_lab,
    output:
        pdf="results/{lab}figures/certificates-{experiment}.pdf",
        png=report(
            "results/{lab}figures/certificates-{experiment}.png",
            caption="../report/certificates.rst",
            category=CATEGORIES["certificates"],
            labels={"figure": "certificates", "experiment": "{experiment}"},
        ),
        svg="results/{lab}figures/certificates-{experiment}.svg",
        csv="results/{lab}figures/certificates-{experiment}.csv",
    log:
        "results/logs/draw_certificates/{lab}{experiment}.log",
    conda:
        "../envs/science.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        chance=chance_of_experiment,
        code=methods_code("draw_certificates.py"),
    message:
        "Draw the certificates of {wildcards.experiment}"
    script:
        "../workflow_scripts/draw_certificates.py"
