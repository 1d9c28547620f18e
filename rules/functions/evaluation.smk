"""What the rules of rules/evaluation.smk ask of the configuration and of each other."""

COMPARED = [
    [method, fixed]
    for method in METHODS
    for fixed in METHODS
    if method_of(method).searched
    and not method_of(fixed).searched
    and method_of(fixed).noise == method_of(method).noise
]
"""Searched methods, each with one of the same noise whose strength the configuration fixes."""


ON_DEVICES = config["evaluation"]["device_methods"] or METHODS
"""Methods that are evaluated on devices; on usability levels all are."""


def device_evaluations(wildcards):
    """Scores on devices, all chunks of one experiment and method; nothing where it is not evaluated on them."""
    if wildcards.method not in ON_DEVICES:
        return []
    return expand(
        "results/{lab}evaluation/{experiment}/{method}/devices-{repeat}-{chunk}.parquet",
        lab=wildcards.lab,
        experiment=wildcards.experiment,
        method=wildcards.method,
        repeat=REPEATS,
        chunk=CHUNKS[wildcards.lab],
    )


BASELINED = [name for name, about in ABOUT.items() if about.baselines]
"""Experiments whose task has answers that need no network."""


def baselines_code(wildcards):
    """Digest of the job that scores them: its task counts, noise and training do not."""
    about = ABOUT[wildcards.experiment]
    return computing_code("score_baselines.py", about, baselines_module_of(about.name))


def levels_of_details(wildcards):
    """Usability levels that a task keeps details for."""
    return ABOUT[wildcards.experiment].details["levels"]


def plan_of_details(wildcards):
    """Which programmings a task keeps details of."""
    return {
        "stands_for": "level",
        "memsim": config["memsim"],
        "noises": ["lognormal"],
        "programmings": ABOUT[wildcards.experiment].details["programmings"],
    }


BESIDE = config["evaluation"]["analog_beside"]
"""What else is on memristors in a table of its own."""


def plan_beside(wildcards):
    """As levels are evaluated, with something else on memristors."""
    return {
        "stands_for": "level",
        "memsim": config["memsim"] | {"analog": wildcards.analog},
        "noises": ["lognormal"],
        "programmings": config["evaluation"]["programmings"],
        "calibrations": config["evaluation"]["calibrations"],
    }


def evaluations_beside(wildcards):
    """Scores on levels by what is on memristors: what the configuration says, then what else."""
    names = {config["memsim"]["analog"]: "levels"} | {each: f"analog-{each}" for each in BESIDE}
    return {
        analog: expand(
            "results/{lab}evaluation/{experiment}/{method}/{name}-{repeat}.parquet",
            lab=wildcards.lab,
            experiment=wildcards.experiment,
            method=METHODS,
            name=name,
            repeat=REPEATS,
        )
        for analog, name in names.items()
    }


def evaluations_of_experiment(wildcards):
    """Scores of every method in one experiment."""
    return expand(
        "results/{lab}evaluation/{experiment}/{method}.parquet",
        lab=wildcards.lab,
        experiment=wildcards.experiment,
        method=METHODS,
    )


def summaries_of_experiments(wildcards):
    """Summaries of every experiment."""
    return expand(
        "results/{lab}evaluation/{experiment}-summary.parquet",
        lab=wildcards.lab,
        experiment=EXPERIMENTS,
    )
