"""What the rules of rules/training.smk ask of the configuration and of each other."""

from functools import cache


def corner_code(wildcards):
    """Digest of the trial without noise: no other method's code counts."""
    about = ABOUT[wildcards.experiment]
    return computing_code("run_corner_trial.py", about, noise_module("erm"), method="erm")


def start_code(wildcards):
    """Digest of the training that trials go on from."""
    about = ABOUT[wildcards.experiment]
    return computing_code("train_start.py", about, noise_module("erm"), method="erm")


def training_code(wildcards):
    """Digest of what trains a network: the same in the search and after it."""
    return _training_code(wildcards.experiment, wildcards.method)


def corner_training_code(wildcards):
    """The same of a network without noise."""
    return _training_code(wildcards.experiment, "erm")


@cache
def _training_code(experiment, method):
    trains = FOLDER / "codesign/training/job.py"
    return computing_code(trains, ABOUT[experiment], noise_module(method))


def rounds_of(method):
    """Rounds of the noise search; none for a method that has nothing to search."""
    return config["search"]["rounds"] if method_of(method).searched else 0


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


def rule_of_trials(slots):
    """What makes these trials of a round is called by their first number, where one job does not make all."""
    whole = len(slots) == config["search"]["slots"]
    return "run_noise_trials" if whole else f"run_noise_trials_{slots[0]}"


def corners_of(wildcards):
    """The trials without noise, one a starting scale: the same for every method."""
    return of_every_start("corner-{start}.parquet", wildcards)


def of_every_start(name, wildcards):
    """A file of an experiment's search for each starting scale."""
    return expand(
        f"results/{{lab}}search/{{experiment}}/{name}",
        lab=wildcards.lab,
        experiment=wildcards.experiment,
        start=range(1, len(config["training"]["initial_scale"]) + 1),
    )


def starts_of(wildcards):
    """The trainings without noise that trials go on from, one a starting scale; none where trials start anew."""
    if config["training"]["start"] != "erm":
        return []
    return of_every_start("start-{start}.json", wildcards)


def start_of_corner(wildcards):
    """What the trial without noise of one starting scale goes on from."""
    number = int(wildcards.start)
    return starts_of(wildcards)[number - 1 : number]


def scale_of_start(wildcards):
    """A starting scale by its number, from 1."""
    return config["training"]["initial_scale"][int(wildcards.start) - 1]


def trials_before(wildcards):
    """Trials without noise and those of the rounds before this one.

    Listed trials rest on no other, but for those without noise where they may start in several ways.
    """
    listed, scales = (
        config["search"]["given"].get(wildcards.method),
        config["training"]["initial_scale"],
    )
    if listed is not None:
        open_start = len(scales) > 1 and any("initial_scale" not in trial for trial in listed)
        return corners_of(wildcards) if open_start else []
    return corners_of(wildcards) + trials_of_rounds(wildcards, int(wildcards.round) - 1)


def trials_of_search(wildcards):
    """Every trial a method's noise and start are chosen from."""
    return corners_of(wildcards) + trials_of_rounds(wildcards, rounds_of(wildcards.method))


def search_of_method(wildcards):
    """How far the search of a method may go: what is about others is None, so that a change reruns nothing."""
    said = config["search"]
    searched = method_of(wildcards.method).searched
    return {
        "tie": said["tie"] if searched else None,
        "limits": {
            name: limit for name, limit in said["limits"].items() if name == wildcards.method
        },
        "variance": said["variance"] if searched else None,
        "scales": config["training"]["initial_scale"],
        "search_for": said["for"],
        "given": said["given"].get(wildcards.method),
    }


def is_fixed(method):
    """Whether the configuration says the noise of a method."""
    return bool(method_of(method).parameters) and not method_of(method).searched


def site_of_method(wildcards):
    """Where the noise acts that the configuration fixes; None for another method."""
    return config["training"]["site"] if is_fixed(wildcards.method) else None


def fixed_of_method(wildcards):
    """p1 and p2 of that noise; None for another method."""
    return config["training"]["fixed"] if is_fixed(wildcards.method) else None


def networks_of(experiment, method, repeat=1):
    """What a job reads that computes with a method's networks: what each is chosen for, and their weights."""
    folder = f"results/{{lab}}models/{experiment}/{method}/repeat-{repeat}"
    return {
        "spec": f"{folder}/spec.json",
        "weights": [f"{folder}/{weights_name(aim)}" for aim in AIMS],
    }
