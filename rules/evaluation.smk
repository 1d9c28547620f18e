"""Trained networks to scores on levels and devices, ten programmings each.

in   results/{lab}models/{experiment}/{method}/repeat-{repeat}/spec.json, weights-{aim}.safetensors   trained networks
     results/{lab}profiles/levels.parquet, devices-{chunk}.parquet    what they are programmed on
     results/{lab}usability.parquet                                   readings of usability
out  results/{lab}evaluation/{experiment}/{method}/levels-{repeat}.parquet  scores of a training at usability levels
     results/{lab}evaluation/{experiment}/{method}/devices-{repeat}-{chunk}.parquet  on devices, a chunk a job
     results/{lab}evaluation/{experiment}/{method}.parquet                  all of one method
     results/{lab}evaluation/{experiment}-summary.parquet, .csv             means, spread, difference to ERM
     results/{lab}evaluation/{experiment}-comparison.parquet, .csv          what searching gained over fixed noise
     results/{lab}evaluation/{experiment}/{method}/analog-{analog}-{repeat}.parquet  with something else on memristors, where asked for
     results/{lab}evaluation/{experiment}-analog.parquet, .csv              their means
     results/baselines/{experiment}.parquet, .csv                           what needs no network, where the task says it
     results/{lab}evaluation/{experiment}/{method}/starts.parquet           the same noise from every starting scale, where asked for
     results/{lab}evaluation/correlation.csv, correlation-points.csv  does usability predict?
Calibrations are tried with training examples. Test examples are read here, for certificates and on the crossbar, nowhere before.
"""


include: "functions/evaluation.smk"


rule evaluate_levels:
    input:
        **networks_of("{experiment}", "{method}", "{repeat}"),
        profiles=levels_of_lab,
        examples=examples_to_score,
    output:
        evaluation="results/{lab}evaluation/{experiment}/{method}/levels-{repeat}.parquet",
    log:
        "results/logs/evaluate_levels/{lab}{experiment}-{method}-{repeat}.log",
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
        plan={
            "stands_for": "level",
            "memsim": config["memsim"],
            "noises": ["lognormal"],
            "programmings": config["evaluation"]["programmings"],
            "calibrations": config["evaluation"]["calibrations"],
        },
        code=network_code("evaluate_network.py"),
    message:
        "Evaluate {wildcards.experiment}, {wildcards.method}, training {wildcards.repeat} at usability levels"
    script:
        "../workflow_scripts/evaluate_network.py"


rule evaluate_devices:
    input:
        **networks_of("{experiment}", "{method}", "{repeat}"),
        profiles="results/{lab}profiles/devices-{chunk}.parquet",
        examples=examples_to_score,
        after=panel_is_chosen,
    output:
        evaluation="results/{lab}evaluation/{experiment}/{method}/devices-{repeat}-{chunk}.parquet",
    log:
        "results/logs/evaluate_devices/{lab}{experiment}-{method}-{repeat}-{chunk}.log",
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
        plan={
            "stands_for": "device",
            "memsim": config["memsim"],
            "noises": config["evaluation"]["device_noises"],
            "programmings": config["evaluation"]["programmings"],
            "calibrations": config["evaluation"]["device_calibrations"],
        },
        code=network_code("evaluate_network.py"),
    message:
        "Evaluate {wildcards.experiment}, {wildcards.method}, training {wildcards.repeat} on devices {wildcards.chunk}"
    script:
        "../workflow_scripts/evaluate_network.py"


rule detail_network:
    input:
        **networks_of("{experiment}", "{method}"),
        profiles=levels_of_lab,
        examples=examples_to_score,
    output:
        details="results/{lab}evaluation/{experiment}/{method}/details.parquet",
    log:
        "results/logs/detail_network/{lab}{experiment}-{method}.log",
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
        levels=levels_of_details,
        plan=plan_of_details,
        code=network_code("detail_network.py"),
    message:
        "Keep what the figures of {wildcards.experiment} need, {wildcards.method}"
    script:
        "../workflow_scripts/detail_network.py"


rule evaluate_beside:
    input:
        **networks_of("{experiment}", "{method}", "{repeat}"),
        profiles=levels_of_lab,
        examples=examples_to_score,
    output:
        evaluation="results/{lab}evaluation/{experiment}/{method}/analog-{analog}-{repeat}.parquet",
    log:
        "results/logs/evaluate_beside/{lab}{experiment}-{method}-{analog}-{repeat}.log",
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
        plan=plan_beside,
        code=network_code("evaluate_network.py"),
    message:
        "Evaluate {wildcards.experiment}, {wildcards.method}, training {wildcards.repeat} with analog: {wildcards.analog}"
    script:
        "../workflow_scripts/evaluate_network.py"


rule stack_evaluation:
    input:
        levels=[
            f"results/{{lab}}evaluation/{{experiment}}/{{method}}/levels-{repeat}.parquet"
            for repeat in REPEATS
        ],
        devices=device_evaluations,
        after=panel_is_chosen,
    output:
        evaluation="results/{lab}evaluation/{experiment}/{method}.parquet",
    log:
        "results/logs/stack_evaluation/{lab}{experiment}-{method}.log",
    conda:
        "../envs/science.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        code=code_digest("stack_evaluation.py"),
    message:
        "Stack the scores of {wildcards.experiment}, {wildcards.method}"
    script:
        "../workflow_scripts/stack_evaluation.py"


if BASELINED:

    rule score_baselines:
        input:
            examples=examples_to_score,
        output:
            scores="results/baselines/{experiment}.parquet",
            csv="results/baselines/{experiment}.csv",
        log:
            "results/logs/score_baselines/{experiment}.log",
        wildcard_constraints:
            experiment="|".join(BASELINED),
        conda:
            "../envs/science.yaml"
        threads: 1
        resources:
            mem_mb=4000,
            runtime=60,
        params:
            experiment=experiment_of,
            data=data_of,
            code=baselines_code,
        message:
            "Score what needs no network for {wildcards.experiment}"
        script:
            "../workflow_scripts/score_baselines.py"


rule summarise_evaluation:
    input:
        evaluations=evaluations_of_experiment,
        after=panel_is_chosen,
    output:
        summary="results/{lab}evaluation/{experiment}-summary.parquet",
        csv="results/{lab}evaluation/{experiment}-summary.csv",
        comparison="results/{lab}evaluation/{experiment}-comparison.parquet",
        comparison_csv="results/{lab}evaluation/{experiment}-comparison.csv",
    log:
        "results/logs/summarise_evaluation/{lab}{experiment}.log",
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
        pairs=COMPARED,
        code=code_digest("summarise_evaluation.py"),
    message:
        "Summarise {wildcards.experiment}"
    script:
        "../workflow_scripts/summarise_evaluation.py"


rule summarise_beside:
    input:
        unpack(evaluations_beside),
    output:
        summary="results/{lab}evaluation/{experiment}-analog.parquet",
        csv="results/{lab}evaluation/{experiment}-analog.csv",
    log:
        "results/logs/summarise_beside/{lab}{experiment}.log",
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
        code=code_digest("summarise_beside.py"),
    message:
        "Summarise {wildcards.experiment} by what is on memristors"
    script:
        "../workflow_scripts/summarise_beside.py"


rule ablate_start:
    input:
        chosen="results/{lab}search/{experiment}/{method}/chosen.json",
        levels=levels_of_lab,
        examples=examples_to_score,
    output:
        scores="results/{lab}evaluation/{experiment}/{method}/starts.parquet",
    log:
        "results/logs/ablate_start/{lab}{experiment}-{method}.log",
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
        scales=config["training"]["initial_scale"],
        training=SHARED_TRAINING,
        memsim=config["memsim"],
        programmings=config["evaluation"]["programmings"],
        seed=config["seed"],
        training_code=training_code,
        plain_code=corner_training_code,
        code=network_code("ablate_start.py", noise_module),
    message:
        "Train {wildcards.experiment} with {wildcards.method} from every starting scale"
    script:
        "../workflow_scripts/ablate_start.py"


rule correlate_usability:
    input:
        usability="results/{lab}usability.parquet",
        summaries=summaries_of_experiments,
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
