"""Panel to trained networks: the noise search unrolled, then one training a method.

in   results/{lab}profiles/panel.parquet                              devices that noise is searched for
out  results/{lab}search/{experiment}/{method}/round-{round}.json           specifications of a round
     results/{lab}search/{experiment}/corner.parquet               the trial without noise, shared by all methods
     results/{lab}search/{experiment}/{method}/round-{round}-slot-{slot}.parquet   one trial: scores on the panel
     results/{lab}search/{experiment}/{method}/chosen.json                  the noise a method trains with
     results/{lab}models/{experiment}/{method}/weights.safetensors, history.parquet, spec.json
Only training and validation examples are read here.
"""

from codesign.tasks.mirror import mirror_of, only_stand_in


def corner_code(wildcards):
    """Digest of the trial without noise: no method's code counts."""
    about = ABOUT[wildcards.experiment]
    modules = [module_of(about.name), *modules_of_method("erm")]
    return code_digest("run_corner_trial.py", modules=modules, data=about.computing)


def rounds_of(method):
    """Rounds of the noise search; none for a method that has nothing to search."""
    return config["search"]["rounds"] if method in config["search"]["limits"] else 0


def trials_of_rounds(wildcards, rounds):
    """Every trial of the first rounds of a search."""
    return expand(
        "results/{lab}search/{experiment}/{method}/round-{round}-slot-{slot}.parquet",
        lab=wildcards.lab,
        experiment=wildcards.experiment,
        method=wildcards.method,
        round=range(1, rounds + 1),
        slot=range(1, config["search"]["slots"] + 1),
    )


def corner_of_trial(wildcards):
    """The trial without noise, which is the same for every method: each search begins with it."""
    first = (wildcards.round, wildcards.slot) == ("1", "1")
    return expand(
        "results/{lab}search/{experiment}/corner.parquet" if first else [],
        lab=wildcards.lab,
        experiment=wildcards.experiment,
    )


def trials_before(wildcards):
    """Trials of the rounds before this one."""
    return trials_of_rounds(wildcards, int(wildcards.round) - 1)


def trials_of_search(wildcards):
    """Every trial of a method's search."""
    return trials_of_rounds(wildcards, rounds_of(wildcards.method))


def gpus_of_experiment(wildcards):
    """GPUs of a job that computes with a network."""
    return SCALES[wildcards.experiment].gpus


def memory_mb_of_experiment(wildcards, attempt):
    """Memory of such a job in MB: more with every attempt."""
    return SCALES[wildcards.experiment].memory_mb * attempt


def minutes_of_experiment(wildcards, attempt):
    """Longest duration of such a job in minutes: more with every attempt."""
    return SCALES[wildcards.experiment].minutes * attempt


def experiment_of(wildcards):
    """What the configuration says of an experiment: data, network and training."""
    return EXPERIMENTS[wildcards.experiment]


def data_of(wildcards):
    """How an experiment's examples are divided; where they lie is no parameter, so moving them reruns nothing."""
    return division_of(wildcards.experiment)


def division_of(experiment):
    """Seed and fraction of the division, and whether a mirror holds another file than the published one."""
    source = ABOUT[experiment].sources[EXPERIMENTS[experiment]["source"]]
    other = source.stand_in is not None and only_stand_in(
        mirror_of(config), published=source.published, stand_in=source.stand_in
    )
    return {
        "seed": config["seed"],
        "validation_fraction": config["training"]["validation_fraction"],
        "stand_in": other,
    }


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
        tie=config["search"]["tie"],
        limits=config["search"]["limits"],
        site=config["training"]["site"],
        seed=config["seed"],
        code=network_code("propose_noise.py"),
    message:
        "Propose noise for {wildcards.experiment}, {wildcards.method}, round {wildcards.round}"
    script:
        "../workflow_scripts/propose_noise.py"


rule run_corner_trial:
    input:
        panel=panel_of_lab,
    output:
        trial="results/{lab}search/{experiment}/corner.parquet",
    log:
        "results/logs/run_corner_trial/{lab}{experiment}.log",
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
        memsim=config["memsim"],
        programmings=config["search"]["programmings"],
        seed=config["seed"],
        code=corner_code,
    message:
        "Try {wildcards.experiment} without noise: where every search begins"
    script:
        "../workflow_scripts/run_corner_trial.py"


rule run_noise_trial:
    input:
        proposal="results/{lab}search/{experiment}/{method}/round-{round}.json",
        corner=corner_of_trial,
        panel=panel_of_lab,
    output:
        trial="results/{lab}search/{experiment}/{method}/round-{round}-slot-{slot}.parquet",
    log:
        "results/logs/run_noise_trial/{lab}{experiment}-{method}-{round}-{slot}.log",
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
        memsim=config["memsim"],
        programmings=config["search"]["programmings"],
        seed=config["seed"],
        code=network_code("run_noise_trial.py"),
    message:
        "Try noise for {wildcards.experiment}, {wildcards.method}, round {wildcards.round}, slot {wildcards.slot}"
    script:
        "../workflow_scripts/run_noise_trial.py"


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
        tie=config["search"]["tie"],
        limits=config["search"]["limits"],
        site=config["training"]["site"],
        fixed=config["training"]["fixed"],
        code=network_code("choose_noise.py"),
    message:
        "Choose noise for {wildcards.experiment}, {wildcards.method}"
    script:
        "../workflow_scripts/choose_noise.py"


rule train_network:
    input:
        chosen="results/{lab}search/{experiment}/{method}/chosen.json",
        after=panel_is_chosen,
    output:
        weights="results/{lab}models/{experiment}/{method}/weights.safetensors",
        history="results/{lab}models/{experiment}/{method}/history.parquet",
        spec="results/{lab}models/{experiment}/{method}/spec.json",
    log:
        "results/logs/train_network/{lab}{experiment}-{method}.log",
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
        code=network_code("train_network.py"),
    message:
        "Train {wildcards.experiment} with {wildcards.method}"
    script:
        "../workflow_scripts/train_network.py"
