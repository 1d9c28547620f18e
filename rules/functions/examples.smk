"""What jobs of an experiment ask of the configuration, and which of them prepare its examples."""

from codesign.tasks.mirror import mirror_of, only_stand_in

PREPARED = [name for name, about in ABOUT.items() if about.prepared]
"""Experiments whose examples are made and kept by a job of their own."""


def fitted_before(wildcards):
    """Test examples are scaled as training ones are, so those come first."""
    return records_of(wildcards.experiment, "fit") if wildcards.part == "test" else []


def examples_to_learn(wildcards):
    """Records of what a job with a network learns from and is validated on; none where nothing is prepared."""
    return records_of(wildcards.experiment, "fit")


def examples_to_score(wildcards):
    """The same with test examples; training ones count, as networks are calibrated with them."""
    return records_of(wildcards.experiment, "fit", "test")


def records_of(experiment, *parts):
    """Records of the prepared parts of an experiment; none where nothing is prepared."""
    if experiment not in PREPARED:
        return []
    return [f"results/examples/{experiment}/{part}.json" for part in parts]


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
