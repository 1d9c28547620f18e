"""Panel to trained networks: the noise search unrolled, then one training a method.

in   results/{lab}profiles/panel.parquet                              devices that noise is searched for
out  results/{lab}search/{task}/{method}/round-{round}.json           specifications of a round
     results/{lab}search/{task}/{method}/round-{round}-slot-{slot}.parquet   one trial: scores on the panel
     results/{lab}search/{task}/{method}/chosen.json                  the noise a method trains with
     results/{lab}models/{task}/{method}/weights.safetensors, history.parquet, spec.json
Only training and validation examples are read here.
"""


rule propose_noise:
    input:
        trials=trials_before,
        after=panel_is_chosen,
    output:
        proposal="results/{lab}search/{task}/{method}/round-{round}.json",
    log:
        "results/logs/propose_noise/{lab}{task}-{method}-{round}.log",
    conda:
        "../envs/science.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=20,
    params:
        experiment=experiment_of,
        slots=config["search"]["slots"],
        tie=config["search"]["tie"],
        limits=config["search"]["limits"],
        site=config["training"]["site"],
        seed=config["seed"],
        code=code_digest("propose_noise.py"),
    message:
        "Propose noise for {wildcards.task}, {wildcards.method}, round {wildcards.round}"
    script:
        "../workflow_scripts/propose_noise.py"


rule run_noise_trial:
    input:
        proposal="results/{lab}search/{task}/{method}/round-{round}.json",
        panel=panel_of_lab,
    output:
        trial="results/{lab}search/{task}/{method}/round-{round}-slot-{slot}.parquet",
    log:
        "results/logs/run_noise_trial/{lab}{task}-{method}-{round}-{slot}.log",
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
        training=SHARED_TRAINING,
        memsim=config["memsim"],
        draws=config["search"]["draws"],
        seed=config["seed"],
        code=code_digest("run_noise_trial.py"),
    message:
        "Try noise for {wildcards.task}, {wildcards.method}, round {wildcards.round}, slot {wildcards.slot}"
    script:
        "../workflow_scripts/run_noise_trial.py"


rule choose_noise:
    input:
        trials=trials_of_search,
        after=panel_is_chosen,
    output:
        chosen="results/{lab}search/{task}/{method}/chosen.json",
    log:
        "results/logs/choose_noise/{lab}{task}-{method}.log",
    conda:
        "../envs/science.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=20,
    params:
        experiment=experiment_of,
        tie=config["search"]["tie"],
        limits=config["search"]["limits"],
        site=config["training"]["site"],
        fixed=config["training"]["fixed"],
        code=code_digest("choose_noise.py"),
    message:
        "Choose noise for {wildcards.task}, {wildcards.method}"
    script:
        "../workflow_scripts/choose_noise.py"


rule train_network:
    input:
        chosen="results/{lab}search/{task}/{method}/chosen.json",
        after=panel_is_chosen,
    output:
        weights="results/{lab}models/{task}/{method}/weights.safetensors",
        history="results/{lab}models/{task}/{method}/history.parquet",
        spec="results/{lab}models/{task}/{method}/spec.json",
    log:
        "results/logs/train_network/{lab}{task}-{method}.log",
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
        training=SHARED_TRAINING,
        seed=config["seed"],
        code=code_digest("train_network.py"),
    message:
        "Train {wildcards.task} with {wildcards.method}"
    script:
        "../workflow_scripts/train_network.py"
