"""Panel to trained networks: the noise search unrolled, then one training a method.

in   results/{lab}profiles/panel.parquet                              devices that noise is searched for
out  results/{lab}search/{experiment}/{method}/round-{round}.json           specifications of a round
     results/{lab}search/{experiment}/start-{start}.json           with training.start: erm, the training that all
                                                                   trials of a starting scale go on from
     results/{lab}search/{experiment}/corner-{start}.parquet       trials without noise, one a starting scale, shared
     results/{lab}search/{experiment}/{method}/round-{round}-slot-{slot}.parquet   one trial: scores on the panel;
                                                                   a job makes search.trials_per_job of them
     results/{lab}search/{experiment}/{method}/chosen.json                  the noise a method trains with
     results/{lab}models/{experiment}/{method}/repeat-{repeat}/weights-{aim}.safetensors, history.parquet, spec.json
An aim is what a network is chosen for: a level of the panel, or with search.for: panel all of it.
Only training and validation examples are read here. Beside them stand, in folders `trained`, networks that
trials have trained, for the final training of the same (codesign/training/kept.py); nothing rests on them.
"""


include: "functions/training.smk"


rule propose_noise:
    input:
        trials=trials_before,
        after=panel_is_chosen,
    output:
        proposal="results/{lab}search/{experiment}/{method}/round-{round}.json",
    log:
        "results/logs/propose_noise/{lab}{experiment}-{method}-{round}.log",
    conda:
        "../envs/science.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=20,
    params:
        experiment=experiment_of,
        data=data_of,
        slots=config["search"]["slots"],
        search=search_of_method,
        seed=config["seed"],
        code=network_code("propose_noise.py", noise_module, method=True),
    message:
        "Propose noise for {wildcards.experiment}, {wildcards.method}, round {wildcards.round}"
    script:
        "../workflow_scripts/propose_noise.py"


rule train_start:
    input:
        examples=examples_to_learn,
    output:
        start="results/{lab}search/{experiment}/start-{start}.json",
    log:
        "results/logs/train_start/{lab}{experiment}-{start}.log",
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
        initial_scale=scale_of_start,
        training=TRIAL_TRAINING,
        seed=config["seed"],
        training_code=corner_training_code,
        code=start_code,
    message:
        "Train {wildcards.experiment} without noise from starting scale {params.initial_scale}: trials go on from there"
    script:
        "../workflow_scripts/train_start.py"


rule run_corner_trial:
    input:
        panel=panel_of_lab,
        examples=examples_to_learn,
        after=start_of_corner,
    output:
        trial="results/{lab}search/{experiment}/corner-{start}.parquet",
    log:
        "results/logs/run_corner_trial/{lab}{experiment}-{start}.log",
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
        initial_scale=scale_of_start,
        training=TRIAL_TRAINING,
        memsim=config["memsim"],
        programmings=config["search"]["programmings"],
        calibration=config["search"]["calibration"],
        seed=config["seed"],
        training_code=corner_training_code,
        code=corner_code,
    message:
        "Try {wildcards.experiment} without noise, starting scale {params.initial_scale}: where every search begins"
    script:
        "../workflow_scripts/run_corner_trial.py"


# how many a job makes is no parameter, and each has the same inputs: where it changes, nothing is made again
for SLOTS in together(config["search"]["slots"], config["search"]["trials_per_job"]):

    rule:
        name:
            rule_of_trials(SLOTS)
        input:
            proposal="results/{lab}search/{experiment}/{method}/round-{round}.json",
            panel=panel_of_lab,
            examples=examples_to_learn,
            after=starts_of,
        output:
            trials=[
                f"results/{{lab}}search/{{experiment}}/{{method}}/round-{{round}}-slot-{slot}.parquet"
                for slot in SLOTS
            ],
        log:
            f"results/logs/run_noise_trials/{{lab}}{{experiment}}-{{method}}-{{round}}-{SLOTS[0]}.log",
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
            training=TRIAL_TRAINING,
            leave=TRIAL_TRAINING == SHARED_TRAINING,
            memsim=config["memsim"],
            programmings=config["search"]["programmings"],
            calibration=config["search"]["calibration"],
            seed=config["seed"],
            training_code=training_code,
            plain_code=corner_training_code,
            code=network_code("run_noise_trials.py", noise_module),
        message:
            "Try noise for {wildcards.experiment}, {wildcards.method}, round {wildcards.round}"
        script:
            "../workflow_scripts/run_noise_trials.py"


rule choose_noise:
    input:
        trials=trials_of_search,
        after=panel_is_chosen,
    output:
        chosen="results/{lab}search/{experiment}/{method}/chosen.json",
    log:
        "results/logs/choose_noise/{lab}{experiment}-{method}.log",
    conda:
        "../envs/science.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=20,
    params:
        experiment=experiment_of,
        data=data_of,
        search=search_of_method,
        site=site_of_method,
        fixed=fixed_of_method,
        code=network_code("choose_noise.py", noise_module, method=True),
    message:
        "Choose noise for {wildcards.experiment}, {wildcards.method}"
    script:
        "../workflow_scripts/choose_noise.py"


rule train_network:
    input:
        chosen="results/{lab}search/{experiment}/{method}/chosen.json",
        examples=examples_to_learn,
        after=panel_is_chosen,
    output:
        weights=[
            f"results/{{lab}}models/{{experiment}}/{{method}}/repeat-{{repeat}}/{weights_name(aim)}"
            for aim in AIMS
        ],
        history="results/{lab}models/{experiment}/{method}/repeat-{repeat}/history.parquet",
        spec="results/{lab}models/{experiment}/{method}/repeat-{repeat}/spec.json",
    log:
        "results/logs/train_network/{lab}{experiment}-{method}-{repeat}.log",
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
        training=SHARED_TRAINING,
        seed=config["seed"],
        training_code=training_code,
        plain_code=corner_training_code,
        code=network_code("train_network.py", noise_module),
    message:
        "Train {wildcards.experiment} with {wildcards.method}, training {wildcards.repeat}"
    script:
        "../workflow_scripts/train_network.py"
