"""Trained networks to scores on levels and devices, ten programmings each.

in   results/{lab}models/{task}/{method}/weights.safetensors          trained networks
     results/{lab}profiles/levels.parquet, devices-{chunk}.parquet    what they are programmed on
     results/{lab}usability.parquet                                   readings of usability
out  results/{lab}evaluation/{task}/{method}/levels.parquet           scores at usability levels
     results/{lab}evaluation/{task}/{method}/devices-{chunk}.parquet  scores on devices, a chunk a job
     results/{lab}evaluation/{task}/{method}.parquet                  all of one method
     results/{lab}evaluation/{task}-summary.parquet, .csv             means, spread, difference to ERM
     results/{lab}evaluation/correlation.csv, correlation-points.csv  does usability predict?
Test examples are read here, for certificates and on the crossbar, nowhere before.
"""


rule evaluate_levels:
    input:
        weights="results/{lab}models/{task}/{method}/weights.safetensors",
        profiles=levels_of_lab,
    output:
        evaluation="results/{lab}evaluation/{task}/{method}/levels.parquet",
    log:
        "results/logs/evaluate_levels/{lab}{task}-{method}.log",
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
        memsim=config["memsim"],
        source="level",
        noises=["lognormal"],
        seeds=config["evaluation"]["seeds"],
        code=code_digest("evaluate_network.py"),
    message:
        "Evaluate {wildcards.task}, {wildcards.method} at usability levels"
    script:
        "../workflow_scripts/evaluate_network.py"


rule evaluate_devices:
    input:
        weights="results/{lab}models/{task}/{method}/weights.safetensors",
        profiles="results/{lab}profiles/devices-{chunk}.parquet",
        after=panel_is_chosen,
    output:
        evaluation="results/{lab}evaluation/{task}/{method}/devices-{chunk}.parquet",
    log:
        "results/logs/evaluate_devices/{lab}{task}-{method}-{chunk}.log",
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
        memsim=config["memsim"],
        source="device",
        seeds=config["evaluation"]["seeds"],
        noises=config["evaluation"]["device_noises"],
        code=code_digest("evaluate_network.py"),
    message:
        "Evaluate {wildcards.task}, {wildcards.method} on devices {wildcards.chunk}"
    script:
        "../workflow_scripts/evaluate_network.py"


rule stack_evaluation:
    input:
        levels="results/{lab}evaluation/{task}/{method}/levels.parquet",
        devices=device_evaluations,
        after=panel_is_chosen,
    output:
        evaluation="results/{lab}evaluation/{task}/{method}.parquet",
    log:
        "results/logs/stack_evaluation/{lab}{task}-{method}.log",
    conda:
        "../envs/science.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        code=code_digest("stack_evaluation.py"),
    message:
        "Stack the scores of {wildcards.task}, {wildcards.method}"
    script:
        "../workflow_scripts/stack_evaluation.py"


rule summarise_evaluation:
    input:
        evaluations=evaluations_of_task,
        after=panel_is_chosen,
    output:
        summary="results/{lab}evaluation/{task}-summary.parquet",
        csv="results/{lab}evaluation/{task}-summary.csv",
    log:
        "results/logs/summarise_evaluation/{lab}{task}.log",
    conda:
        "../envs/science.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        confidence=config["evaluation"]["confidence"],
        resamples=config["evaluation"]["resamples"],
        seed=config["seed"],
        code=code_digest("summarise_evaluation.py"),
    message:
        "Summarise {wildcards.task}"
    script:
        "../workflow_scripts/summarise_evaluation.py"


rule correlate_usability:
    input:
        usability="results/{lab}usability.parquet",
        summaries=summaries_of_tasks,
    output:
        correlation="results/{lab}evaluation/correlation.csv",
        points="results/{lab}evaluation/correlation-points.csv",
    log:
        "results/logs/correlate_usability/{lab}correlation.log",
    conda:
        "../envs/science.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        confidence=config["evaluation"]["confidence"],
        resamples=config["evaluation"]["resamples"],
        seed=config["seed"],
        code=code_digest("correlate_usability.py"),
    message:
        "Ask whether usability predicts accuracy"
    script:
        "../workflow_scripts/correlate_usability.py"
